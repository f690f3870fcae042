/* core_kernels.c - the loops of the core operators: add, sum over axes, expand. */
#include "loops.h"

static void add_loop(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, real *to) { STRIDED(to[i] = a + b;) }
int RG_K(add)(rg_tensor *y) { return each2(y, add_loop); }

void RG_K(add_into)(rg_tensor *to, const rg_tensor *x);
void RG_K(add_into)(rg_tensor *to, const rg_tensor *x) {
    real *a = to->data;
    const real *b = x->data;
    const int64_t n = to->numel;
    RG_PARALLEL_FOR(to->tape, n / RG_CHUNK,
        for (int64_t i = 0; i < n; i++) a[i] += b[i];)
}

/* -------- sum over the axes in attr.reduce.axes */

/* y[s, i] = the sum over r of x[s, r, i]: 64 rows at a time in floats, their sums in doubles. */
static void sum_rows(rg_tape *t, int64_t slabs, int64_t rows, int64_t n, const real *x, real *y) {
    enum { ROWS = 64, COLUMNS = 2048 };
    const int64_t across = (n + COLUMNS - 1) / COLUMNS, blocks = slabs * across;
    RG_PARALLEL_FOR(t, slabs * rows * n > RG_CHUNK ? blocks : 0,
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t slab = b / across, column = b % across * COLUMNS, m = rg_min64(COLUMNS, n - column);
            const real *top = x + slab * rows * n + column;
            real *to = y + slab * n + column;
            double all[COLUMNS];
            for (int64_t first = 0; first < rows; first += ROWS) {
                real some[COLUMNS];
                const int64_t end = rg_min64(rows, first + ROWS);
                memcpy(some, top + first * n, (size_t)m * sizeof *some);
                for (int64_t r = first + 1; r < end; r++) {
                    const real *restrict from = top + r * n;
                    for (int64_t i = 0; i < m; i++) some[i] += from[i];
                }
                for (int64_t i = 0; i < m; i++) all[i] = first ? all[i] + (double)some[i] : (double)some[i];
            }
            for (int64_t i = 0; i < m; i++) to[i] = (real)all[i];
        })
}

static inline real plus(real a, real b) { return a + b; }
JOIN_RUNS(sum_runs, plus, sum_run)

/* Everything into one number: pieces whose number depends on the length alone, then their sums. */
static real sum_all(rg_tape *t, int64_t n, const real *x) {
    enum { PIECES = 256 };
    real part[PIECES];
    int64_t piece = (n + PIECES - 1) / PIECES;
    piece = piece < RG_CHUNK ? RG_CHUNK : (piece + 63) / 64 * 64;
    if (n <= piece) return sum_run(n, x);
    const int64_t pieces = (n + piece - 1) / piece;
    RG_PARALLEL_FOR(t, pieces,
        for (int64_t i = 0; i < pieces; i++) part[i] = sum_run(rg_min64(piece, n - i * piece), x + i * piece);)
    return sum_run(pieces, part);
}

/* Rows to be added up that are longer than WIDE are added one by one: there are fewer, and to come back to each would take twice the time. */
enum strategy { COPY, SUM_ROWS, SUM_RUNS };
static enum strategy strategy_for(const rg_walk *w) {
    enum { WIDE = 1 << 14 };
    if (w->rows * w->inner == 0) return SUM_RUNS;
    if (w->ndim == 1) return COPY;
    return w->run[0] && w->ndim <= 3 && w->inner <= WIDE ? SUM_ROWS : SUM_RUNS;
}

int RG_K(sum)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const real *from = x->data;
    real *to = y->data;
    if (y->numel == 1) return to[0] = sum_all(y->tape, x->numel, from), 0;
    rg_walk w;
    rg_walk_reduced(&w, y);
    switch (strategy_for(&w)) {
    case COPY: memcpy(to, from, (size_t)y->numel * sizeof *to); break;
    case SUM_ROWS: sum_rows(y->tape, w.ndim == 3 ? w.n[2] : 1, w.n[1], w.inner, from, to); break;
    case SUM_RUNS:
        memset(to, 0, (size_t)y->numel * sizeof *to);
        sum_runs(y->tape, &w, from, to);
    }
    return 0;
}

/* -------- expand, and the gradients of sum and mean */

void RG_K(spread)(const rg_tensor *y, unsigned has, real scale, const real *from, real *to) {
    const int64_t all = y->numel;
    if (!(has & ((1u << y->ndim) - 1))) { /* one number everywhere: preparing a walk takes longer than filling a small gradient */
        const real same = scale * from[0];
        RG_PARALLEL_FOR(y->tape, all / RG_CHUNK, for (int64_t i = 0; i < all; i++) to[i] = same;)
        return;
    }
    rg_walk w;
    rg_walk_init(&w, y->ndim, y->shape, 1, &has);
    rg_walk_cut(&w, RG_CHUNK);
    RG_PARALLEL_FOR(y->tape, all / RG_CHUNK,
        for (int64_t b = 0; b < w.blocks; b++) {
            int64_t at[2];
            const int64_t n = rg_walk_block(&w, 1, b, at);
            real *restrict run = to + at[1];
            if (w.run[0])
                for (int64_t i = 0; i < n; i++) run[i] = scale * from[at[0] + i];
            else
                for (int64_t i = 0; i < n; i++) run[i] = scale * from[at[0]];
        })
}

int RG_K(expand)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    RG_K(spread)(y, rg_walk_has(y->ndim, x->ndim, x->shape), 1, x->data, y->data);
    return 0;
}
