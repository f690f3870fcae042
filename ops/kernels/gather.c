/* kernels/gather.c - the loops of index_select, index_add, gather and scatter_add. The ops have checked the indices.

   Threads share the elements of the result, so that the terms of each are added in the order of the indices. */
#include "engine/kernel.h"
#include "extent.h"

/* The number of parts of a sum of n elements: one per thread, since each part reads the whole index. It does not change the result. */
static int64_t parts_for(rg_tape *t, int64_t n) { return n < 2 * RG_CHUNK ? 1 : rg_threads(t); }

/* -------- whole slices, one index each: x [outer, size, inner] and chosen [outer, n, inner] */

typedef struct slices { int64_t outer, size, n, inner; const int32_t *index; } slices;

/* x has elements. */
static slices slices_of(const rg_tensor *x, const rg_tensor *index, int axis) {
    return (slices){.outer = extent(x, 0, axis), .size = rg_axis_size(x, axis), .n = index->numel, .inner = extent(x, axis + 1, x->ndim),
        .index = index->data};
}

/* For one element a call of memcpy costs more than the copy. */
static inline void copy_slice(char *to, const char *from, size_t bytes) {
    if (bytes == 4) memcpy(to, from, 4);
    else if (bytes == 8) memcpy(to, from, 8);
    else memcpy(to, from, bytes);
}

typedef struct selection { slices s; size_t bytes; const char *from; char *to; } selection;
static void select_slices(const void *with, int64_t begin, int64_t end) {
    const selection *k = with;
    int64_t o = begin / k->s.n, j = begin % k->s.n;
    for (int64_t r = begin; r < end; r++) {
        copy_slice(k->to + (size_t)r * k->bytes, k->from + (size_t)(o * k->s.size + k->s.index[j]) * k->bytes, k->bytes);
        if (++j == k->s.n) j = 0, o++;
    }
}

int RG_K(index_select)(rg_tensor *y) {
    if (!y->numel) return 0;
    const slices s = slices_of(y->in[0], y->in[1], y->attr.axis);
    const selection k = {s, (size_t)s.inner * rg_dtype_size(y->dtype), y->in[0]->data, y->data};
    rg_parallel(y->tape, y->numel / RG_CHUNK, s.outer * s.n, select_slices, &k);
    return 0;
}

/* For parts of `per` slices, out of outer * size: sets `to` to `start`, or 0, and adds the slices of `chosen` whose index points there. */
typedef struct addition { slices s; int64_t per; const real *start, *chosen; real *to; } addition;
static void add_slices(const void *with, int64_t begin, int64_t end) {
    const addition *a = with;
    const slices *s = &a->s;
    const int64_t low = begin * a->per, high = rg_min64(end * a->per, s->outer * s->size);
    if (low >= high) return;
    const size_t bytes = (size_t)((high - low) * s->inner) * sizeof(real);
    if (a->start) memcpy(a->to + low * s->inner, a->start + low * s->inner, bytes);
    else memset(a->to + low * s->inner, 0, bytes);
    for (int64_t o = low / s->size; o * s->size < high; o++)
        for (int64_t j = 0; j < s->n; j++) {
            const int64_t slice = o * s->size + s->index[j];
            if (slice < low || slice >= high) continue;
            const real *restrict from = a->chosen + (o * s->n + j) * s->inner;
            real *restrict sum = a->to + slice * s->inner;
            for (int64_t i = 0; i < s->inner; i++) sum[i] += from[i];
        }
}

static void index_add(const rg_tensor *y, const rg_tensor *index, int axis, const real *start, const real *chosen) {
    if (!y->numel) return;
    const slices s = slices_of(y, index, axis);
    const int64_t parts = parts_for(y->tape, rg_min64(y->numel, s.outer * s.n * s.inner));
    rg_parallel(y->tape, parts, parts, add_slices, &(addition){s, (s.outer * s.size + parts - 1) / parts, start, chosen, y->data});
}

int RG_K(index_add)(rg_tensor *y) {
    index_add(y, y->in[1], y->attr.axis, y->in[0]->data, y->in[2]->data);
    return 0;
}

int RG_K(index_select_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    if (!rg_make_dx(y, dx, 0)) return -1;
    index_add(dx[0], y->in[1], y->attr.axis, NULL, dy->data);
    return 0;
}

/* -------- one index per element: runs along the last axis of the index. index[.., q] refers to x[at + index * step + q * next]. */

typedef struct runs { const rg_tensor *index, *x; int axis; int64_t n, length, step, next; } runs;

/* The index has elements. */
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

typedef struct gathering { runs u; size_t size; const char *from; char *to; } gathering;
static void gather_runs(const void *with, int64_t begin, int64_t end) {
    const gathering *g = with;
    const runs *u = &g->u;
    for (int64_t r = begin; r < end; r++) {
        const int32_t *index = (const int32_t *)u->index->data + r * u->length;
        const void *from = g->from + (size_t)run_at(u, r) * g->size;
        void *to = g->to + (size_t)(r * u->length) * g->size;
        if (g->size == 1) gather_uint8_t(u, index, from, to);
        else if (g->size == 4) gather_uint32_t(u, index, from, to);
        else gather_uint64_t(u, index, from, to);
    }
}

int RG_K(gather)(rg_tensor *y) {
    if (!y->numel) return 0;
    const gathering g = {runs_of(y->in[1], y->in[0], y->attr.axis), rg_dtype_size(y->dtype), y->in[0]->data, y->data};
    rg_parallel(y->tape, y->numel / RG_CHUNK, g.u.n, gather_runs, &g);
    return 0;
}

/* Adds for parts of `per` indices along axis `split` of the index, which is not the indexed axis. */
typedef struct scattering { runs u; int split; int64_t per; const real *from; real *to; } scattering;
static void scatter_parts(const void *with, int64_t begin, int64_t end) {
    const scattering *s = with;
    const runs *u = &s->u;
    const int last = u->index->ndim - 1;
    const bool within = s->split == last; /* the runs themselves are split */
    const int64_t below = within ? 1 : extent(u->index, s->split + 1, last), n = u->index->shape[s->split];
    const int64_t low = begin * s->per, high = rg_min64(end * s->per, n), first = within ? low : 0, stop = within ? high : u->length;
    for (int64_t r = 0; r < u->n; r++) {
        const int64_t part = r / below % n;
        if (!within && (part < low || part >= high)) continue;
        const int32_t *index = (const int32_t *)u->index->data + r * u->length;
        const real *from = s->from + r * u->length;
        real *sum = s->to + run_at(u, r);
        for (int64_t q = first; q < stop; q++) sum[index[q] * u->step + q * u->next] += from[q];
    }
}

static void scatter_add(const rg_tensor *y, const rg_tensor *index, int axis, const real *from) {
    if (!index->numel) return;
    const runs u = runs_of(index, y, axis);
    int split = -1; /* the longest axis other than the indexed one: its parts share no element of y */
    for (int d = 0; d < index->ndim; d++)
        if (d != axis && (split < 0 || index->shape[d] > index->shape[split])) split = d;
    if (split < 0) {
        real *to = y->data;
        for (int64_t q = 0; q < u.length; q++) to[((const int32_t *)index->data)[q]] += from[q];
        return;
    }
    const int64_t parts = parts_for(y->tape, index->numel);
    rg_parallel(y->tape, parts, parts, scatter_parts, &(scattering){u, split, (index->shape[split] + parts - 1) / parts, from, y->data});
}

int RG_K(scatter_add)(rg_tensor *y) {
    if (y->numel) memcpy(y->data, y->in[0]->data, (size_t)y->numel * sizeof(real));
    scatter_add(y, y->in[1], y->attr.axis, y->in[2]->data);
    return 0;
}

int RG_K(gather_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    if (!rg_make_dx(y, dx, 0)) return -1;
    if (dx[0]->numel) memset(dx[0]->data, 0, (size_t)dx[0]->numel * sizeof(real));
    scatter_add(dx[0], y->in[1], y->attr.axis, dy->data);
    return 0;
}
