/* kernels/shape.c - copies to another place, for elements of 1, 4 and 8 bytes: the copies of this source per dtype are alike. */
#include "engine/kernel.h"
#include "extent.h"

/* -------- slice, pad, concat: rows of bytes, at fixed distances */

static void copy_rows(rg_tape *t, char *to, int64_t to_step, const char *from, int64_t from_step, int64_t bytes, int64_t rows) {
    RG_PARALLEL_FOR(t, rows > 1 ? bytes / RG_CHUNK * rows : 0,
        for (int64_t r = 0; r < rows; r++) memcpy(to + r * to_step, from + r * from_step, (size_t)bytes);)
}

int RG_K(slice)(rg_tensor *y) {
    if (y->base || !y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int axis = y->attr.axis;
    const int64_t index = extent(x, axis + 1, x->ndim) * (int64_t)rg_dtype_size(x->dtype);
    copy_rows(y->tape, y->data, y->shape[axis] * index, (const char *)x->data + y->attr.start * index, x->shape[axis] * index,
        y->shape[axis] * index, extent(x, 0, axis));
    return 0;
}

/* The value fits the dtype. */
static void fill(rg_tensor *y, double value) {
    if (value == 0) memset(y->data, 0, (size_t)y->numel * rg_dtype_size(y->dtype));
    else if (y->dtype == RG_U8) memset(y->data, (int)value, (size_t)y->numel);
    else if (y->dtype == RG_I32) for (int64_t i = 0; i < y->numel; i++) ((int32_t *)y->data)[i] = (int32_t)value;
    else for (int64_t i = 0; i < y->numel; i++) ((real *)y->data)[i] = (real)value;
}

int RG_K(pad)(rg_tensor *y) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int axis = y->attr.axis;
    const int64_t index = extent(y, axis + 1, y->ndim) * (int64_t)rg_dtype_size(y->dtype), bytes = x->shape[axis] * index;
    if (x->numel < y->numel) fill(y, y->attr.p);
    if (x->numel) copy_rows(y->tape, (char *)y->data + y->attr.start * index, y->shape[axis] * index, x->data, bytes, bytes, extent(y, 0, axis));
    return 0;
}

int RG_K(concat)(rg_tensor *y) {
    if (!y->numel) return 0;
    const int axis = y->attr.axis;
    const int64_t index = extent(y, axis + 1, y->ndim) * (int64_t)rg_dtype_size(y->dtype);
    char *to = y->data;
    for (int k = 0; k < y->nin; k++) {
        const int64_t bytes = y->in[k]->shape[axis] * index;
        if (bytes) copy_rows(y->tape, to, y->shape[axis] * index, y->in[k]->data, bytes, bytes, extent(y, 0, axis));
        to += bytes;
    }
    return 0;
}

int RG_K(stack)(rg_tensor *y) {
    if (!y->numel) return 0;
    const int axis = y->attr.axis;
    const int64_t bytes = extent(y, axis + 1, y->ndim) * (int64_t)rg_dtype_size(y->dtype);
    for (int k = 0; k < y->nin; k++) copy_rows(y->tape, (char *)y->data + k * bytes, y->nin * bytes, y->in[k]->data, bytes, bytes, extent(y, 0, axis));
    return 0;
}

/* -------- tril, triu: of every row a part copied, the rest 0 */

static int triangle(rg_tensor *y, bool upper) {
    if (!y->numel) return 0;
    const int64_t size = (int64_t)rg_dtype_size(y->dtype), n = y->shape[y->ndim - 2], m = y->shape[y->ndim - 1], rows = y->numel / m;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t r = 0; r < rows; r++) {
            const int64_t across = r % n + y->attr.diagonal + !upper, at = across < 0 ? 0 : rg_min64(across, m); /* where the two parts meet */
            const int64_t from = upper ? at : 0, end = upper ? m : at;
            char *to = (char *)y->data + r * m * size;
            memset(to, 0, (size_t)(m * size));
            memcpy(to + from * size, (const char *)y->in[0]->data + (r * m + from) * size, (size_t)((end - from) * size));
        })
    return 0;
}

int RG_K(tril)(rg_tensor *y) { return triangle(y, false); }
int RG_K(triu)(rg_tensor *y) { return triangle(y, true); }

/* -------- repeat: from the last axis that is repeated on, blocks of x one after another; before it, row by row */

int RG_K(repeat)(rg_tensor *y) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int extra = y->ndim - x->ndim;
    int64_t size[RG_MAX_DIMS]; /* of x, in y's axes */
    int last = 0;
    for (int d = 0; d < y->ndim; d++) {
        size[d] = d < extra ? 1 : x->shape[d - extra];
        if (size[d] != y->shape[d]) last = d;
    }
    const int64_t block = extent(x, last > extra ? last - extra : 0, x->ndim), all = extent(y, last, y->ndim), rows = y->numel / all;
    const size_t bytes = (size_t)block * rg_dtype_size(y->dtype);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t r = 0; r < rows; r++) {
            int64_t at = 0, step = 1, rest = r;
            for (int d = last - 1; d >= 0; d--) {
                at += rest % size[d] * step;
                step *= size[d];
                rest /= y->shape[d];
            }
            char *to = (char *)y->data + (size_t)(r * (all / block)) * bytes;
            for (int64_t k = 0; k < all / block; k++) memcpy(to + (size_t)k * bytes, (const char *)x->data + (size_t)at * bytes, bytes);
        })
    return 0;
}

/* -------- permute. Dimensions of 1 dropped and neighbours merged, in y's order; strides in elements, of x (from) and y (to). */

typedef struct order { int ndim; int64_t n[RG_MAX_DIMS], from[RG_MAX_DIMS], to[RG_MAX_DIMS]; } order;

static void order_init(order *o, const rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    o->ndim = 0;
    for (int d = 0; d < y->ndim; d++) {
        const int64_t n = y->shape[d], step = extent(x, y->attr.perm[d] + 1, x->ndim);
        if (n == 1) continue;
        if (o->ndim > 0 && o->from[o->ndim - 1] == n * step) {
            o->n[o->ndim - 1] *= n;
            o->from[o->ndim - 1] = step;
        } else {
            o->n[o->ndim] = n;
            o->from[o->ndim++] = step;
        }
    }
    if (o->ndim == 0) o->n[0] = o->from[0] = o->ndim = 1;
    int64_t step = 1;
    for (int d = o->ndim - 1; d >= 0; d--) {
        o->to[d] = step;
        step *= o->n[d];
    }
}

static void order_remove(order *o, int d) {
    for (o->ndim--; d < o->ndim; d++) o->n[d] = o->n[d + 1], o->from[d] = o->from[d + 1], o->to[d] = o->to[d + 1];
}

static inline void order_at(const order *o, int64_t i, int64_t *from, int64_t *to) {
    for (int d = o->ndim - 1; d >= 0; d--) {
        *from += i % o->n[d] * o->from[d];
        *to += i % o->n[d] * o->to[d];
        i /= o->n[d];
    }
}

/* to[i, j] = from[j, i], i < rows, j < columns; squares of TILE keep the lines read in the cache until they are used up. */
enum { TILE = 16 };
#define TRANSPOSE(type)                                                                                                              \
    static void transpose_##type(type *to, int64_t to_step, const type *from, int64_t from_step, int64_t rows, int64_t columns) {    \
        for (int64_t k = 0; k < columns; k += TILE) {                                                                                \
            const int64_t end = rg_min64(k + TILE, columns);                                                                         \
            for (int64_t i = 0; i < rows; i++)                                                                                       \
                for (int64_t j = k; j < end; j++) to[i * to_step + j] = from[j * from_step + i];                                     \
        }                                                                                                                            \
    }
TRANSPOSE(uint8_t)
TRANSPOSE(uint32_t)
TRANSPOSE(uint64_t)

static void permute_runs(rg_tensor *y, order *o) {
    const int64_t size = (int64_t)rg_dtype_size(y->dtype), n = o->n[o->ndim - 1], runs = y->numel / n;
    const char *from = y->in[0]->data;
    char *to = y->data;
    o->ndim--;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t r = 0; r < runs; r++) {
            int64_t i = 0, j = 0;
            order_at(o, r, &i, &j);
            memcpy(to + j * size, from + i * size, (size_t)(n * size));
        })
}

/* The last axis of y against the last of x, in strips of TILE rows. */
static void permute_tiles(rg_tensor *y, order *o) {
    const size_t size = rg_dtype_size(y->dtype);
    int across = 0;
    while (o->from[across] != 1) across++;
    const int64_t rows = o->n[across], to_step = o->to[across], columns = o->n[o->ndim - 1], from_step = o->from[o->ndim - 1];
    order_remove(o, o->ndim - 1);
    order_remove(o, across);
    const int64_t strips = (rows + TILE - 1) / TILE, blocks = y->numel / rows / columns * strips;
    const char *const x = y->in[0]->data;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t b = 0; b < blocks; b++) {
            int64_t i = b % strips * TILE, j = i * to_step;
            const int64_t n = rg_min64(TILE, rows - i);
            order_at(o, b / strips, &i, &j);
            if (size == 1) transpose_uint8_t((uint8_t *)y->data + j, to_step, (const uint8_t *)x + i, from_step, n, columns);
            else if (size == 4) transpose_uint32_t((uint32_t *)y->data + j, to_step, (const uint32_t *)(const void *)x + i, from_step, n, columns);
            else transpose_uint64_t((uint64_t *)y->data + j, to_step, (const uint64_t *)(const void *)x + i, from_step, n, columns);
        })
}

int RG_K(permute)(rg_tensor *y) {
    if (!y->numel) return 0;
    order o;
    order_init(&o, y);
    if (o.from[o.ndim - 1] == 1) permute_runs(y, &o);
    else permute_tiles(y, &o);
    return 0;
}
