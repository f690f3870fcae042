/* kernels/reduce.c - the loops of mean prod max min argmax argmin, and of the fused derivatives; sum's own is in core.c. */
#include "extremes.h"

int RG_K(sum)(rg_tensor *y);

int RG_K(mean)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    real n = 1, *to = y->data;
    for (int d = 0; d < x->ndim; d++)
        if (y->attr.reduce.axes >> d & 1) n *= (real)x->shape[d];
    RG_K(sum)(y);
    for (int64_t i = 0; i < y->numel; i++) to[i] /= n;
    return 0;
}

static int each_vjp(rg_tensor *y, const rg_tensor *dy, rg_tensor **dx, real scale) {
    if (!rg_make_dx(y, dx, 0)) return -1;
    RG_K(spread)(y->in[0], ~y->attr.reduce.axes, scale, dy->data, dx[0]->data);
    return 0;
}

int RG_K(sum_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return each_vjp(y, dy, dx, 1); }
int RG_K(mean_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    return each_vjp(y, dy, dx, C(1 / ((double)y->in[0]->numel / (double)y->numel)));
}

/* -------- prod, max, min */

#define JOINED(name, join, join_run, none)                                                        \
    JOIN_RUNS(name##_runs, join, join_run)                                                        \
    int RG_K(name)(rg_tensor *y) {                                                                \
        rg_walk w;                                                                                \
        rg_walk_reduced(&w, y);                                                                   \
        for (int64_t i = 0; i < y->numel; i++) ((real *)y->data)[i] = none;                       \
        name##_runs(y->tape, &w, y->in[0]->data, y->data);                                        \
        return 0;                                                                                 \
    }
JOINED(prod, times, prod_run, C(1))
JOINED(max, larger, max_run, -C(INFINITY))
JOINED(min, smaller, min_run, C(INFINITY))

/* How many elements of a run are v. Integers may be added in any order, so the loop vectorises. */
static int32_t ties_run(int64_t n, const real *x, real v) {
    int32_t ties = 0;
    for (int64_t i = 0; i < n; i++) ties += x[i] == v;
    return ties;
}

/* dx = (x is the extreme) dy / ties, for elements i .. i + n - 1 of the runs first .. last - 1 of x: counts the ties, then writes dx. */
typedef struct extremes { rg_walk w; bool alone; int64_t width; const real *x, *f, *df; int32_t *ties; real *to; } extremes;
static void share(const extremes *e, int64_t first, int64_t last, int64_t i, int64_t n) {
    for (int writes = 0; writes < 2; writes++)
        for (int64_t r = first; r < last; r++) {
            int64_t at;
            rg_walk_at(&e->w, 1, r, &at);
            const real *x = e->x + r * e->w.inner + i, *f = e->f + at, *df = e->df + at;
            real *restrict to = e->to + r * e->w.inner + i;
            int32_t *ties = e->ties + at;
            if (e->w.run[0] == 0) {
                if (!writes) *ties += ties_run(n, x, *f);
                const real max = *f, part = *df / (real)*ties;
                for (int64_t k = 0; writes && k < n; k++) to[k] = C(x[k] == max) * part;
            } else if (writes) {
                for (int64_t k = 0; k < n; k++) to[k] = C(x[k] == f[i + k]) * (df[i + k] / (real)ties[i + k]);
            } else {
                for (int64_t k = 0; k < n; k++) ties[i + k] += x[k] == f[i + k];
            }
        }
}

/* A block is one run, if a run gives one element of y; `width` columns of all runs, if runs are joined element by element; or all of x. */
static void share_blocks(const void *with, int64_t begin, int64_t end) {
    const extremes *e = with;
    for (int64_t b = begin; b < end; b++) {
        const int64_t i = e->alone ? 0 : b * e->width;
        share(e, e->alone ? b : 0, e->alone ? b + 1 : e->w.rows, i, rg_min64(e->width, e->w.inner - i));
    }
}

int RG_K(extreme_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    enum { COLUMNS = 1024 };
    const rg_tensor *x = y->in[0];
    rg_tensor *ties = rg_temp(y, RG_I32, y->ndim, y->shape);
    if (rg_failed(ties) || !rg_make_dx(y, dx, 0)) return -1;
    extremes e = {.x = x->data, .f = y->data, .df = dy->data, .ties = ties->data, .to = dx[0]->data};
    rg_walk_reduced(&e.w, y);
    memset(e.ties, 0, (size_t)y->numel * sizeof *e.ties);
    e.alone = e.w.run[0] == 0 && e.w.rows == y->numel;
    e.width = e.w.run[0] ? COLUMNS : e.w.inner;
    const int64_t across = e.w.run[0] ? (e.w.inner + COLUMNS - 1) / COLUMNS : 1;
    rg_parallel(y->tape, x->numel / RG_CHUNK, e.alone ? e.w.rows : across, share_blocks, &e);
    return 0;
}

#ifndef RG_KERNEL_AVX2
/* The hash of which elements are extremes. */
uint64_t RG_K(extreme_branch)(const rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    rg_walk w;
    rg_walk_reduced(&w, y);
    uint64_t h = RG_HASH;
    for (int64_t r = 0; r < w.rows; r++) {
        int64_t at;
        rg_walk_at(&w, 1, r, &at);
        for (int64_t i = 0; i < w.inner; i++)
            h = rg_hash(h, ((const real *)x->data)[r * w.inner + i] == ((const real *)y->data)[at + i * w.run[0]]);
    }
    return h;
}
#endif

/* -------- argmax, argmin: x as [outer, n, inner]; the first of ties, a NaN before all numbers. In a row, first finds the piece with the
   extreme, then its index in the piece; searches columns WIDE at a time. */

enum { PIECE = 1024, WIDE = 128 };

typedef struct columns { int64_t n, inner, across; const real *x; int32_t *to; } columns;
static int each_column(rg_tensor *y, rg_loop_fn *loop) {
    const rg_tensor *x = y->in[0];
    columns c = {.n = rg_axis_size(x, y->attr.axis), .inner = 1, .x = x->data, .to = y->data};
    for (int d = y->attr.axis + 1; d < x->ndim; d++) c.inner *= x->shape[d];
    c.across = (c.inner + WIDE - 1) / WIDE;
    if (y->numel) rg_parallel(y->tape, x->numel / RG_CHUNK, y->numel / c.inner * c.across, loop, &c);
    return 0;
}

#define ARG(name, join_run, better)                                                               \
    static int32_t name##_row(int64_t n, const real *x) {                                         \
        real best = x[0];                                                                         \
        int64_t at = 0;                                                                           \
        for (int64_t i = 0; i < n && best == best; i += PIECE) {                                  \
            const real v = join_run(rg_min64(PIECE, n - i), x + i);                               \
            if (v better best || v != v) best = v, at = i;                                        \
        }                                                                                         \
        while (x[at] != best && x[at] == x[at]) at++;                                             \
        return (int32_t)at;                                                                       \
    }                                                                                             \
    static void name##_columns(int64_t n, int64_t inner, int64_t width, const real *x, int32_t *restrict to) { \
        real best[WIDE];                                                                          \
        for (int64_t j = 0; j < width; j++) best[j] = x[j], to[j] = 0;                            \
        for (int64_t l = 1; l < n; l++)                                                           \
            for (int64_t j = 0; j < width; j++) {                                                 \
                const real v = x[l * inner + j], was = best[j];                                   \
                const bool take = (v better was) | ((v != v) & (was == was));                     \
                best[j] = take ? v : was;                                                         \
                to[j] = take ? (int32_t)l : to[j];                                                \
            }                                                                                     \
    }                                                                                             \
    static void name##_blocks(const void *with, int64_t begin, int64_t end) {                     \
        const columns *c = with;                                                                  \
        for (int64_t i = begin; i < end; i++) {                                                   \
            const int64_t slab = i / c->across, j = i % c->across * WIDE;                         \
            const real *from = c->x + slab * c->n * c->inner + j;                                 \
            int32_t *to = c->to + slab * c->inner + j;                                            \
            if (c->inner == 1) *to = name##_row(c->n, from);                                      \
            else name##_columns(c->n, c->inner, rg_min64(WIDE, c->inner - j), from, to);          \
        }                                                                                         \
    }                                                                                             \
    int RG_K(name)(rg_tensor *y) { return each_column(y, name##_blocks); }
ARG(argmax, max_run, >)
ARG(argmin, min_run, <)
