/* kernels/shape.c - loops that move elements of 1, 4 or 8 bytes, of any dtype: the f32 and the f64 copy of this source are alike. */
#include "engine/kernel.h"
#include "extent.h"

/* -------- slice, pad, concat: rows of bytes, at fixed distances */

typedef struct copies { char *to; int64_t to_step; const char *from; int64_t from_step, bytes; } copies;
static void copy_some(const void *with, int64_t begin, int64_t end) {
    const copies *k = with;
    for (int64_t r = begin; r < end; r++) memcpy(k->to + r * k->to_step, k->from + r * k->from_step, (size_t)k->bytes);
}

static void copy_rows(rg_tape *t, char *to, int64_t to_step, const char *from, int64_t from_step, int64_t bytes, int64_t n) {
    rg_parallel(t, bytes / RG_CHUNK * n, n, copy_some, &(copies){to, to_step, from, from_step, bytes});
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

/* The shape rule has checked that the value fits the dtype. */
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
    if (x->numel)
        copy_rows(y->tape, (char *)y->data + y->attr.start * index, y->shape[axis] * index, x->data, bytes, bytes, extent(y, 0, axis));
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
    for (int k = 0; k < y->nin; k++)
        copy_rows(y->tape, (char *)y->data + k * bytes, y->nin * bytes, y->in[k]->data, bytes, bytes, extent(y, 0, axis));
    return 0;
}

/* -------- tril, triu: copies a part of every row, the rest is 0 */

static void triangle_rows(const rg_tensor *y, bool upper, int64_t begin, int64_t end) {
    const int64_t size = (int64_t)rg_dtype_size(y->dtype), n = y->shape[y->ndim - 2], m = y->shape[y->ndim - 1];
    for (int64_t r = begin; r < end; r++) {
        const int64_t across = r % n + y->attr.diagonal + !upper, at = across < 0 ? 0 : rg_min64(across, m); /* the border of both parts */
        const int64_t first = upper ? at : 0, last = upper ? m : at;
        char *to = (char *)y->data + r * m * size;
        memset(to, 0, (size_t)(m * size));
        memcpy(to + first * size, (const char *)y->in[0]->data + (r * m + first) * size, (size_t)((last - first) * size));
    }
}
static void lower_rows(const void *y, int64_t begin, int64_t end) { triangle_rows(y, false, begin, end); }
static void upper_rows(const void *y, int64_t begin, int64_t end) { triangle_rows(y, true, begin, end); }

static int triangle(rg_tensor *y, rg_loop_fn *loop) {
    if (y->numel) rg_parallel(y->tape, y->numel / RG_CHUNK, y->numel / y->shape[y->ndim - 1], loop, y);
    return 0;
}

int RG_K(tril)(rg_tensor *y) { return triangle(y, lower_rows); }
int RG_K(triu)(rg_tensor *y) { return triangle(y, upper_rows); }

/* -------- repeat: a row of y is all from the last repeated axis on: a block of x, `times` times */

typedef struct repetition {
    const rg_tensor *y;
    int64_t size[RG_MAX_DIMS]; /* of x, along y's axes */
    int last;                  /* the last axis that is repeated */
    int64_t times;             /* blocks in a row */
    size_t bytes;              /* of a block */
} repetition;

static void repeat_rows(const void *with, int64_t begin, int64_t end) {
    const repetition *k = with;
    for (int64_t r = begin; r < end; r++) {
        int64_t at = 0, step = 1, rest = r;
        for (int d = k->last - 1; d >= 0; d--) {
            at += rest % k->size[d] * step;
            step *= k->size[d];
            rest /= k->y->shape[d];
        }
        const char *from = (const char *)k->y->in[0]->data + (size_t)at * k->bytes;
        char *to = (char *)k->y->data + (size_t)(r * k->times) * k->bytes;
        for (int64_t i = 0; i < k->times; i++) memcpy(to + (size_t)i * k->bytes, from, k->bytes);
    }
}

int RG_K(repeat)(rg_tensor *y) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int extra = y->ndim - x->ndim;
    repetition k = {.y = y};
    for (int d = 0; d < y->ndim; d++) {
        k.size[d] = d < extra ? 1 : x->shape[d - extra];
        if (k.size[d] != y->shape[d]) k.last = d;
    }
    const int64_t block = extent(x, k.last > extra ? k.last - extra : 0, x->ndim), all = extent(y, k.last, y->ndim);
    k.times = all / block, k.bytes = (size_t)block * rg_dtype_size(y->dtype);
    rg_parallel(y->tape, y->numel / RG_CHUNK, y->numel / all, repeat_rows, &k);
    return 0;
}

/* -------- permute. An order: y's axes, without those of size 1 and with neighbours merged; strides of x (from) and y (to) in elements. */

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

/* to[i, j] = from[j, i], i < rows, j < columns; in squares of TILE, so that a cache line that was read stays until all of it is used. */
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

/* o: the order without the axis of the runs, or without both axes of the tiles */
typedef struct permutation { order o; const void *from; void *to; size_t size; int64_t rows, columns, from_step, to_step; } permutation;

static void permute_runs(const void *with, int64_t begin, int64_t end) {
    const permutation *k = with;
    for (int64_t r = begin; r < end; r++) {
        int64_t i = 0, j = 0;
        order_at(&k->o, r, &i, &j);
        memcpy((char *)k->to + (size_t)j * k->size, (const char *)k->from + (size_t)i * k->size, (size_t)k->columns * k->size);
    }
}

/* The last axis of y against the last of x, in strips of TILE rows. */
static int64_t strips(const permutation *k) { return (k->rows + TILE - 1) / TILE; }
static void permute_strips(const void *with, int64_t begin, int64_t end) {
    const permutation *k = with;
    const int64_t to_step = k->to_step, from_step = k->from_step, columns = k->columns;
    for (int64_t b = begin; b < end; b++) {
        int64_t i = b % strips(k) * TILE, j = i * to_step;
        const int64_t n = rg_min64(TILE, k->rows - i);
        order_at(&k->o, b / strips(k), &i, &j);
        if (k->size == 1) transpose_uint8_t((uint8_t *)k->to + j, to_step, (const uint8_t *)k->from + i, from_step, n, columns);
        else if (k->size == 4) transpose_uint32_t((uint32_t *)k->to + j, to_step, (const uint32_t *)k->from + i, from_step, n, columns);
        else transpose_uint64_t((uint64_t *)k->to + j, to_step, (const uint64_t *)k->from + i, from_step, n, columns);
    }
}

int RG_K(permute)(rg_tensor *y) {
    if (!y->numel) return 0;
    permutation k = {.from = y->in[0]->data, .to = y->data, .size = rg_dtype_size(y->dtype), .rows = 1};
    order_init(&k.o, y);
    const int last = k.o.ndim - 1;
    const bool runs = k.o.from[last] == 1;
    int across = 0;
    while (k.o.from[across] != 1) across++;
    k.columns = k.o.n[last], k.from_step = k.o.from[last];
    order_remove(&k.o, last);
    if (!runs) {
        k.rows = k.o.n[across], k.to_step = k.o.to[across];
        order_remove(&k.o, across);
    }
    const int64_t blocks = y->numel / k.rows / k.columns * strips(&k);
    rg_parallel(y->tape, y->numel / RG_CHUNK, blocks, runs ? permute_runs : permute_strips, &k);
    return 0;
}
