/* kernels/core.c - the loops of the operators that backward itself needs: add, sum over axes, expand. */
#include "loops.h"

static void add_loop(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, real *to) { RG_STRIDED(to[i] = a + b;) }
int RG_K(add)(rg_tensor *y) { return each2(y, add_loop); }

typedef struct addition { real *to; const real *x; } addition;
static inline void add_run(int64_t n, const real *x, real *to) {
    for (int64_t i = 0; i < n; i++) to[i] += x[i];
}
static void add_elements(const void *with, int64_t begin, int64_t end) {
    const addition *a = with;
    add_run(end - begin, a->x + begin, a->to + begin);
}

void RG_K(add_into)(rg_tensor *to, int64_t at, const rg_tensor *x);
void RG_K(add_into)(rg_tensor *to, int64_t at, const rg_tensor *x) {
    real *part = (real *)to->data + at;
    if (x->numel < 2 * RG_CHUNK) add_run(x->numel, x->data, part);
    else rg_parallel(to->tape, x->numel / RG_CHUNK, x->numel, add_elements, &(addition){part, x->data});
}

/* -------- sum over the axes in attr.reduce.axes */

/* y[s, i] = the sum over r of x[s, r, i]: 64 rows at a time in floats, their sums in doubles. */
enum { ROWS = 64, COLUMNS = 2048 };
typedef struct slabs { int64_t rows, n, across; const real *x; real *y; } slabs;
static void sum_columns(const void *with, int64_t begin, int64_t end) {
    const slabs *s = with;
    const int64_t n = s->n;
    for (int64_t b = begin; b < end; b++) {
        const int64_t slab = b / s->across, column = b % s->across * COLUMNS, m = rg_min64(COLUMNS, n - column);
        const real *top = s->x + slab * s->rows * n + column;
        real *to = s->y + slab * n + column;
        double all[COLUMNS];
        for (int64_t first = 0; first < s->rows; first += ROWS) {
            real some[COLUMNS];
            const int64_t last = rg_min64(s->rows, first + ROWS);
            memcpy(some, top + first * n, (size_t)m * sizeof *some);
            for (int64_t r = first + 1; r < last; r++) {
                const real *restrict from = top + r * n;
                for (int64_t i = 0; i < m; i++) some[i] += from[i];
            }
            for (int64_t i = 0; i < m; i++) all[i] = first ? all[i] + (double)some[i] : (double)some[i];
        }
        for (int64_t i = 0; i < m; i++) to[i] = (real)all[i];
    }
}

static inline real plus(real a, real b) { return a + b; }
JOIN_RUNS(sum_runs, plus, sum_run)

/* The sum of all elements: of pieces, whose size depends on n alone, then of their sums. */
typedef struct pieces { int64_t n, piece; const real *x; real *sum; } pieces;
static void sum_pieces(const void *with, int64_t begin, int64_t end) {
    const pieces *p = with;
    for (int64_t i = begin; i < end; i++) p->sum[i] = sum_run(rg_min64(p->piece, p->n - i * p->piece), p->x + i * p->piece);
}

static real sum_all(rg_tape *t, int64_t n, const real *x) {
    enum { PIECES = 256 };
    real sum[PIECES];
    int64_t piece = (n + PIECES - 1) / PIECES;
    piece = piece < RG_CHUNK ? RG_CHUNK : (piece + 63) / 64 * 64;
    if (n <= piece) return sum_run(n, x);
    const int64_t count = (n + piece - 1) / piece;
    rg_parallel(t, count, count, sum_pieces, &(pieces){n, piece, x, sum});
    return sum_run(count, sum);
}

int RG_K(sum)(rg_tensor *y) {
    enum { WIDE = 1 << 14 }; /* longer rows are added one by one: by columns takes twice the time */
    const rg_tensor *x = y->in[0];
    real *to = y->data;
    rg_walk w;
    if (y->numel == 1) return to[0] = sum_all(y->tape, x->numel, x->data), 0;
    rg_walk_reduced(&w, y);
    const int64_t n = w.inner, across = (n + COLUMNS - 1) / COLUMNS;
    if (x->numel && w.ndim == 1) memcpy(to, x->data, (size_t)n * sizeof *to);
    else if (x->numel && w.run[0] && w.ndim <= 3 && n <= WIDE)
        rg_parallel(y->tape, x->numel / RG_CHUNK, y->numel / n * across, sum_columns, &(slabs){w.n[1], n, across, x->data, to});
    else {
        memset(to, 0, (size_t)y->numel * sizeof *to);
        sum_runs(y->tape, &w, x->data, to);
    }
    return 0;
}

/* -------- expand, and the gradients of sum and mean */

static void scale_loop(int64_t n, const real *from, int64_t step, const real *scale, int64_t unused, real *restrict to) {
    (void)unused;
    if (step)
        for (int64_t i = 0; i < n; i++) to[i] = *scale * from[i];
    else
        for (int64_t i = 0; i < n; i++) to[i] = *scale * *from;
}

void RG_K(spread)(const rg_tensor *y, unsigned has, real scale, const real *from, real *to) {
    if (!(has & ((1u << y->ndim) - 1)) && y->numel <= RG_CHUNK) { /* a small constant result: a walk takes longer to prepare */
        scale_loop(y->numel, from, 0, &scale, 0, to);
        return;
    }
    pair p;
    p.a = from, p.b = &scale, p.to = to, p.loop = scale_loop;
    rg_walk_init(&p.w, y->ndim, y->shape, 2, (const unsigned[]){has, 0});
    rg_walk_cut(&p.w, RG_CHUNK);
    rg_parallel(y->tape, y->numel / RG_CHUNK, p.w.blocks, pair_blocks, &p);
}

int RG_K(expand)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    RG_K(spread)(y, rg_walk_has(y->ndim, x->ndim, x->shape), 1, x->data, y->data);
    return 0;
}
