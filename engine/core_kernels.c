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

/* Neighbouring axes that are all summed, or all kept, are one group; groups alternate. */
typedef struct groups { int n; int64_t size[RG_MAX_DIMS], in[RG_MAX_DIMS], out[RG_MAX_DIMS]; bool summed[RG_MAX_DIMS]; } groups;

static groups group(const rg_tensor *x, unsigned axes) {
    groups g; /* not cleared: that takes longer than a small sum */
    g.n = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (x->shape[d] == 1) continue;
        const bool summed = axes >> d & 1;
        if (g.n && g.summed[g.n - 1] == summed) {
            g.size[g.n - 1] *= x->shape[d];
            continue;
        }
        g.size[g.n] = x->shape[d];
        g.summed[g.n++] = summed;
    }
    int64_t in = 1, out = 1;
    for (int k = g.n - 1; k >= 0; k--) {
        g.in[k] = in;
        g.out[k] = g.summed[k] ? 0 : out;
        in *= g.size[k];
        if (!g.summed[k]) out *= g.size[k];
    }
    return g;
}

/* y[i] = the sum over rows of x[r, i], n of them at most WIDE, in threads if t is given: 64 rows at a time in floats, their sums in doubles.
   Longer rows are added one by one: there are fewer, and to come back to each would take twice the time. */
enum { WIDE = 1 << 14 };
static void sum_rows(rg_tape *t, int64_t rows, int64_t n, const real *x, real *y) {
    enum { ROWS = 64, COLUMNS = 2048 };
    const int64_t chunks = (n + COLUMNS - 1) / COLUMNS;
    (void)t;
    RG_PARALLEL_FOR(t, rows * n > RG_CHUNK ? chunks : 0,
        for (int64_t c = 0; c < chunks; c++) {
            const int64_t m = rg_min64(COLUMNS, n - c * COLUMNS);
            double all[COLUMNS];
            for (int64_t first = 0; first < rows; first += ROWS) {
                real some[COLUMNS];
                const int64_t end = rg_min64(rows, first + ROWS);
                memcpy(some, x + first * n + c * COLUMNS, (size_t)m * sizeof *some);
                for (int64_t r = first + 1; r < end; r++) {
                    const real *restrict from = x + r * n + c * COLUMNS;
                    for (int64_t i = 0; i < m; i++) some[i] += from[i];
                }
                for (int64_t i = 0; i < m; i++) all[i] = first ? all[i] + (double)some[i] : (double)some[i];
            }
            for (int64_t i = 0; i < m; i++) y[c * COLUMNS + i] = (real)all[i];
        })
}

/* Adds the part of x under the groups from `first` on into y, which is 0: each run of the last group to one place, or element by element. */
static void sum_part(rg_tape *t, const groups *g, int first, const real *x, real *y) {
    const int last = g->n - 1;
    const int64_t run = g->size[last];
    if (last - first == 1 && !g->summed[last] && run <= WIDE) {
        sum_rows(t, g->size[first], run, x, y);
        return;
    }
    int64_t outer = 1;
    for (int k = first; k < last; k++) outer *= g->size[k];
    for (int64_t o = 0; o < outer; o++) {
        int64_t rest = o, in = 0, out = 0;
        for (int k = last - 1; k >= first; k--) {
            const int64_t i = k > first ? rest % g->size[k] : rest; /* most often there is but one, and no division */
            if (k > first) rest /= g->size[k];
            in += i * g->in[k];
            out += i * g->out[k];
        }
        const real *restrict from = x + in;
        real *restrict to = y + out;
        if (g->summed[last]) *to += sum_run(run, from);
        else
            for (int64_t i = 0; i < run; i++) to[i] += from[i];
    }
}

/* Everything into one number: pieces whose number depends on the length alone, then their sums. */
static real sum_all(rg_tape *t, int64_t n, const real *x) {
    enum { PIECES = 256 };
    real part[PIECES];
    int64_t piece = (n + PIECES - 1) / PIECES;
    piece = piece < RG_CHUNK ? RG_CHUNK : (piece + 63) / 64 * 64;
    if (n <= piece) return sum_run(n, x);
    const int64_t pieces = (n + piece - 1) / piece;
    (void)t;
    RG_PARALLEL_FOR(t, pieces,
        for (int64_t i = 0; i < pieces; i++) part[i] = sum_run(rg_min64(piece, n - i * piece), x + i * piece);)
    return sum_run(pieces, part);
}

int RG_K(sum)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const real *from = x->data;
    real *to = y->data;
    memset(to, 0, (size_t)y->numel * sizeof *to);
    if (x->numel == 0) return 0;
    const groups g = group(x, y->attr.reduce.axes);
    if (g.n == 0 || (g.n == 1 && !g.summed[0])) memcpy(to, from, (size_t)y->numel * sizeof *to);
    else if (g.n == 1) to[0] = sum_all(y->tape, x->numel, from);
    else if (g.summed[0]) sum_part(y->tape, &g, 0, from, to);
    else {
        /* The first group is kept: its rows are independent, and handed out in blocks. */
        const int64_t per = RG_CHUNK / g.in[0] + 1, blocks = (g.size[0] + per - 1) / per;
        RG_PARALLEL_FOR(y->tape, blocks,
            for (int64_t b = 0; b < blocks; b++)
                for (int64_t i = b * per, end = rg_min64(i + per, g.size[0]); i < end; i++) sum_part(NULL, &g, 1, from + i * g.in[0], to + i * g.out[0]);)
    }
    return 0;
}

/* -------- expand, and the gradients of sum and mean */

void RG_K(spread)(const rg_tensor *y, rg_tensor *x, real scale, const real *from, real *to) {
    if (x->numel == 1) {
        const real v = scale * from[0];
        RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
            for (int64_t i = 0; i < y->numel; i++) to[i] = v;)
        return;
    }
    rg_walk w;
    rg_walk_init(&w, y->ndim, y->shape, 1, &x);
    const int64_t per = RG_CHUNK / (w.inner + 1) + 1, blocks = (w.rows + per - 1) / per;
    RG_PARALLEL_FOR(y->tape, blocks,
        for (int64_t b = 0; b < blocks; b++)
            for (int64_t r = b * per, end = rg_min64(r + per, w.rows); r < end; r++) {
                int64_t at;
                rg_walk_at(&w, 1, r, &at);
                real *restrict run = to + r * w.inner;
                if (w.run[0])
                    for (int64_t i = 0; i < w.inner; i++) run[i] = scale * from[at + i];
                else
                    for (int64_t i = 0; i < w.inner; i++) run[i] = scale * from[at];
            })
}

int RG_K(expand)(rg_tensor *y) {
    RG_K(spread)(y, y->in[0], 1, y->in[0]->data, y->data);
    return 0;
}
