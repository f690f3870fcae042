/* kernels/gather.c - the loops of index_select, index_add, gather and scatter_add. Indices have been checked by then.

   What is added up at one place is added in the order of the indices, whichever thread does it: threads share the places. */
#include "engine/kernel.h"
#include "extent.h"

/* Parts for threads of a sum of n elements; what the parts are decides no bit of it. */
static int64_t parts_for(rg_tape *t, int64_t n) { return n < 2 * RG_CHUNK ? 1 : rg_threads(t); }

/* -------- whole slices, one index each: x [outer, size, inner] and chosen [outer, n, inner] */

typedef struct slices { int64_t outer, size, n, inner; const int32_t *index; } slices;

/* Of an x that has elements. */
static slices slices_of(const rg_tensor *x, const rg_tensor *index, int axis) {
    return (slices){.outer = extent(x, 0, axis), .size = rg_axis_size(x, axis), .n = index->numel, .inner = extent(x, axis + 1, x->ndim), .index = index->data};
}

/* Calls of memcpy cost more than an element. */
static inline void copy_slice(char *to, const char *from, size_t bytes) {
    if (bytes == 4) memcpy(to, from, 4);
    else if (bytes == 8) memcpy(to, from, 8);
    else memcpy(to, from, bytes);
}

int RG_K(index_select)(rg_tensor *y) {
    if (!y->numel) return 0;
    const slices s = slices_of(y->in[0], y->in[1], y->attr.axis);
    const size_t bytes = (size_t)s.inner * rg_dtype_size(y->dtype);
    const char *from = y->in[0]->data;
    char *to = y->data;
    const int64_t per = RG_CHUNK / s.inner + 1, rows = s.outer * s.n, blocks = (rows + per - 1) / per;
    RG_PARALLEL_FOR(y->tape, blocks,
        for (int64_t b = 0; b < blocks; b++) {
            int64_t o = b * per / s.n, j = b * per % s.n;
            for (int64_t r = b * per, end = rg_min64(r + per, rows); r < end; r++) {
                copy_slice(to + (size_t)r * bytes, from + (size_t)(o * s.size + s.index[j]) * bytes, bytes);
                if (++j == s.n) j = 0, o++;
            }
        })
    return 0;
}

/* to = start, or 0, in the slices low .. high of outer * size, and what is chosen for them added. */
static void add_slices(const slices *s, int64_t low, int64_t high, const real *start, const real *chosen, real *to) {
    if (low >= high) return;
    const size_t bytes = (size_t)((high - low) * s->inner) * sizeof *to;
    if (start) memcpy(to + low * s->inner, start + low * s->inner, bytes);
    else memset(to + low * s->inner, 0, bytes);
    for (int64_t o = low / s->size; o * s->size < high; o++)
        for (int64_t j = 0; j < s->n; j++) {
            const int64_t slice = o * s->size + s->index[j];
            if (slice < low || slice >= high) continue;
            const real *restrict from = chosen + (o * s->n + j) * s->inner;
            real *restrict sum = to + slice * s->inner;
            for (int64_t i = 0; i < s->inner; i++) sum[i] += from[i];
        }
}

static void index_add(const rg_tensor *y, const rg_tensor *index, int axis, const real *start, const real *chosen) {
    if (!y->numel) return;
    const slices s = slices_of(y, index, axis);
    const int64_t rows = s.outer * s.size, parts = parts_for(y->tape, rg_min64(y->numel, s.outer * s.n * s.inner)), per = (rows + parts - 1) / parts;
    real *to = y->data;
    RG_PARALLEL_FOR(y->tape, parts,
        for (int64_t p = 0; p < parts; p++) add_slices(&s, p * per, rg_min64(p * per + per, rows), start, chosen, to);)
}

int RG_K(index_add)(rg_tensor *y) {
    index_add(y, y->in[1], y->attr.axis, y->in[0]->data, y->in[2]->data);
    return 0;
}

int RG_K(index_select_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    if (rg_failed(rg_dx(y, dx, 0))) return -1;
    index_add(dx[0], y->in[1], y->attr.axis, NULL, dy->data);
    return 0;
}

/* -------- element by element: runs along the last axis of the index. index[.., q] stands for x[at + index * step + q * next]. */

typedef struct runs { const rg_tensor *index, *x; int axis; int64_t n, length, step, next; } runs;

/* Of an index that has elements. */
static runs runs_of(const rg_tensor *index, const rg_tensor *x, int axis) {
    const int last = index->ndim - 1;
    const int64_t length = rg_axis_size(index, last);
    return (runs){.index = index, .x = x, .axis = axis, .n = index->numel / length, .length = length,
        .step = extent(x, axis + 1, x->ndim), .next = axis < last};
}

static int64_t run_at(const runs *u, int64_t r) {
    int64_t at = 0, step = 1;
    for (int d = u->x->ndim - 2; d >= 0; d--) {
        step *= u->x->shape[d + 1];
        if (d != u->axis) at += r % u->index->shape[d] * step;
        r /= u->index->shape[d];
    }
    return at;
}

#define GATHER(type)                                                                                                                     \
    static void gather_##type(const runs *u, const int32_t *index, const type *x, type *to) {                                            \
        for (int64_t q = 0; q < u->length; q++) to[q] = x[index[q] * u->step + q * u->next];                                             \
    }
GATHER(uint8_t)
GATHER(uint32_t)
GATHER(uint64_t)

int RG_K(gather)(rg_tensor *y) {
    if (!y->numel) return 0;
    const runs u = runs_of(y->in[1], y->in[0], y->attr.axis);
    const size_t size = rg_dtype_size(y->dtype);
    const char *x = y->in[0]->data;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t r = 0; r < u.n; r++) {
            const int32_t *index = (const int32_t *)u.index->data + r * u.length;
            const void *from = x + (size_t)run_at(&u, r) * size;
            void *to = (char *)y->data + (size_t)(r * u.length) * size;
            if (size == 1) gather_uint8_t(&u, index, from, to);
            else if (size == 4) gather_uint32_t(&u, index, from, to);
            else gather_uint64_t(&u, index, from, to);
        })
    return 0;
}

/* Adds what stands between low and high along axis `split` of the index, which is another than that indexed. */
static void scatter_part(const runs *u, int split, int64_t low, int64_t high, const real *from, real *to) {
    const int last = u->index->ndim - 1;
    const bool within = split == last; /* the runs themselves are split */
    const int64_t below = within ? 1 : extent(u->index, split + 1, last), n = u->index->shape[split];
    const int64_t first = within ? low : 0, end = within ? high : u->length;
    for (int64_t r = 0; r < u->n; r++) {
        const int64_t part = r / below % n;
        if (!within && (part < low || part >= high)) continue;
        const int32_t *index = (const int32_t *)u->index->data + r * u->length;
        real *sum = to + run_at(u, r);
        for (int64_t q = first; q < end; q++) sum[index[q] * u->step + q * u->next] += from[r * u->length + q];
    }
}

static void scatter_add(const rg_tensor *y, const rg_tensor *index, int axis, const real *from) {
    if (!index->numel) return;
    const runs u = runs_of(index, y, axis);
    int split = -1; /* the longest axis beside that indexed: its parts share no place of y */
    for (int d = 0; d < index->ndim; d++)
        if (d != axis && (split < 0 || index->shape[d] > index->shape[split])) split = d;
    if (split < 0) {
        real *to = y->data;
        for (int64_t q = 0; q < u.length; q++) to[((const int32_t *)index->data)[q]] += from[q];
        return;
    }
    const int64_t n = index->shape[split], parts = parts_for(y->tape, index->numel), per = (n + parts - 1) / parts;
    RG_PARALLEL_FOR(y->tape, parts,
        for (int64_t p = 0; p < parts; p++) scatter_part(&u, split, p * per, rg_min64(p * per + per, n), from, y->data);)
}

int RG_K(scatter_add)(rg_tensor *y) {
    if (y->numel) memcpy(y->data, y->in[0]->data, (size_t)y->numel * sizeof(real));
    scatter_add(y, y->in[1], y->attr.axis, y->in[2]->data);
    return 0;
}

int RG_K(gather_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    if (rg_failed(rg_dx(y, dx, 0))) return -1;
    if (dx[0]->numel) memset(dx[0]->data, 0, (size_t)dx[0]->numel * sizeof(real));
    scatter_add(dx[0], y->in[1], y->attr.axis, dy->data);
    return 0;
}
