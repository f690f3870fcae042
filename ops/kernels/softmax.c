/* kernels/softmax.c - the loops of logsumexp, softmax and log_softmax, and of their fused derivatives.

   x is [outer, n, inner] with the axis in the middle. Where inner is 1, a block is one row; otherwise it is up to WIDE
   neighbouring columns, which go down the axis together, so that either way the innermost loop runs over neighbours.      */
#include "engine/math/functions.h"

#include "extremes.h"

enum { WIDE = 128, PIECE = 1024 }; /* PIECE: elements of a row whose exponentials are held at a time, a multiple of STRANDS */

typedef struct job job;

/* Computes block i. It calls block_of itself: a struct passed by value would be written and read in words of different size, and
   the read would wait for all stores before it, also those of the result. */
typedef void row_loop(const job *b, int64_t i);

struct job {
    int64_t n, inner, across, count; /* blocks in a slab of x, blocks in all */
    const real *x, *f, *df;          /* operand; result and its gradient */
    real *to;
    row_loop *loop;
};
typedef struct block { int64_t at, out, width; } block; /* where it starts in x, and in a result without the axis; its columns */

static inline block block_of(const job *b, int64_t i) {
    const int64_t slab = i / b->across, column = i % b->across * WIDE;
    return (block){slab * b->n * b->inner + column, slab * b->inner + column, rg_min64(WIDE, b->inner - column)};
}

static void run_blocks(const void *with, int64_t begin, int64_t end) {
    const job *b = with;
    for (int64_t i = begin; i < end; i++) b->loop(b, i);
}

/* Runs a loop over y's operand block by block, threads sharing the blocks of a large one. */
static void each(rg_tensor *y, const rg_tensor *dy, rg_tensor *to, row_loop *loop) {
    if (!to->numel) return; /* the number of blocks may still be huge */
    const rg_tensor *x = y->in[0];
    job b = {.n = rg_axis_size(x, y->attr.axis), .inner = 1, .count = 1, .x = x->data, .f = y->data, .to = to->data, .loop = loop};
    if (dy) b.df = dy->data;
    for (int d = 0; d < y->attr.axis; d++) b.count *= x->shape[d];
    for (int d = y->attr.axis + 1; d < x->ndim; d++) b.inner *= x->shape[d];
    b.across = (b.inner + WIDE - 1) / WIDE;
    b.count *= b.across;
    rg_parallel(y->tape, x->numel / RG_CHUNK, b.count, run_blocks, &b);
}

static int each_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, row_loop *loop) {
    if (!rg_make_dx(y, dx, 0)) return -1;
    each(y, dy, dx[0], loop);
    return 0;
}

/* -------- sums of exponentials */

/* sum exp(x - shift) of a row; e, if there is one, receives the terms. What is left of a row is filled up, to run in a whole vector. */
static real exp_row(int64_t n, const real *x, real shift, real *e) {
    real piece[PIECE], sum = 0;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t m = rg_min64(PIECE, n - i), whole = m / STRANDS * STRANDS;
        real *restrict term = e ? e + i : piece;
        for (int64_t j = 0; j < whole; j++) term[j] = RG_M(exp)(x[i + j] - shift);
        if (whole < m) {
            real last[STRANDS] = {0};
            for (int64_t j = whole; j < m; j++) last[j - whole] = x[i + j] - shift;
            for (int64_t j = 0; j < STRANDS; j++) last[j] = RG_M(exp)(last[j]);
            memcpy(term + whole, last, (size_t)(m - whole) * sizeof *last);
        }
        sum += sum_run(m, term);
    }
    return sum;
}

/* The same for columns. */
static void max_columns(const job *b, int64_t width, const real *x, real *restrict max) {
    for (int64_t j = 0; j < width; j++) max[j] = -C(INFINITY);
    for (int64_t l = 0; l < b->n; l++)
        for (int64_t j = 0; j < width; j++) max[j] = larger(max[j], x[l * b->inner + j]);
}

static void exp_columns(const job *b, int64_t width, const real *x, const real *shift, real *restrict sum, real *restrict e) {
    real term[WIDE];
    for (int64_t j = 0; j < width; j++) sum[j] = 0;
    for (int64_t l = 0; l < b->n; l++) {
        for (int64_t j = 0; j < width; j++) term[j] = RG_M(exp)(x[l * b->inner + j] - shift[j]);
        for (int64_t j = 0; j < width; j++) sum[j] += term[j];
        if (e) memcpy(e + l * b->inner, term, (size_t)width * sizeof *e);
    }
}

/* -------- forward */

/* The maximum, or 0 if it is not finite: inf - inf would be NaN. */
static inline real shift_of(real max) { return max - max == 0 ? max : C(0); }

static void logsumexp_loop(const job *b, int64_t i) {
    const block k = block_of(b, i);
    const real *x = b->x + k.at;
    real *restrict to = b->to + k.out;
    if (b->inner == 1) {
        const real shift = shift_of(peak_run(b->n, x));
        to[0] = shift + RG_M(log)(exp_row(b->n, x, shift, NULL));
        return;
    }
    real shift[WIDE] = {0}, sum[WIDE];
    max_columns(b, k.width, x, shift);
    for (int64_t j = 0; j < k.width; j++) shift[j] = shift_of(shift[j]);
    exp_columns(b, k.width, x, shift, sum, NULL);
    for (int64_t j = 0; j < k.width; j++) to[j] = shift[j] + RG_M(log)(sum[j]);
}

static void softmax_loop(const job *b, int64_t i) {
    const block k = block_of(b, i);
    const real *x = b->x + k.at;
    real *restrict to = b->to + k.at;
    if (b->inner == 1) {
        const real scale = 1 / exp_row(b->n, x, peak_run(b->n, x), to);
        for (int64_t j = 0; j < b->n; j++) to[j] *= scale;
        return;
    }
    real max[WIDE] = {0}, sum[WIDE];
    max_columns(b, k.width, x, max);
    exp_columns(b, k.width, x, max, sum, to);
    for (int64_t j = 0; j < k.width; j++) sum[j] = 1 / sum[j];
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) to[l + j] *= sum[j];
}

static void log_softmax_loop(const job *b, int64_t i) {
    const block k = block_of(b, i);
    const real *x = b->x + k.at;
    real *restrict to = b->to + k.at;
    if (b->inner == 1) {
        const real m = peak_run(b->n, x), s = RG_M(log)(exp_row(b->n, x, m, NULL));
        for (int64_t j = 0; j < b->n; j++) to[j] = x[j] - m - s;
        return;
    }
    real max[WIDE] = {0}, sum[WIDE];
    max_columns(b, k.width, x, max);
    exp_columns(b, k.width, x, max, sum, NULL);
    for (int64_t j = 0; j < k.width; j++) sum[j] = RG_M(log)(sum[j]);
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) to[l + j] = x[l + j] - max[j] - sum[j];
}

int RG_K(logsumexp)(rg_tensor *y) { return each(y, NULL, y, logsumexp_loop), 0; }
int RG_K(softmax)(rg_tensor *y) { return each(y, NULL, y, softmax_loop), 0; }
int RG_K(log_softmax)(rg_tensor *y) { return each(y, NULL, y, log_softmax_loop), 0; }

/* -------- fused derivatives */

static void logsumexp_vjp_loop(const job *b, int64_t i) {
    const block k = block_of(b, i);
    const real *x = b->x + k.at, *f = b->f + k.out, *df = b->df + k.out;
    real *restrict to = b->to + k.at;
    if (b->inner == 1) {
        const real f0 = f[0], df0 = df[0];
        for (int64_t j = 0; j < b->n; j++) to[j] = df0 * RG_M(exp)(x[j] - f0);
        return;
    }
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) to[l + j] = df[j] * RG_M(exp)(x[l + j] - f[j]);
}

RUN_SUM(dot_run, a[k] * b[k], const real *a, const real *b)

static void softmax_vjp_loop(const job *b, int64_t i) {
    const block k = block_of(b, i);
    const real *f = b->f + k.at, *df = b->df + k.at;
    real *restrict to = b->to + k.at;
    if (b->inner == 1) {
        const real s = dot_run(b->n, f, df);
        for (int64_t j = 0; j < b->n; j++) to[j] = f[j] * (df[j] - s);
        return;
    }
    real sum[WIDE] = {0};
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) sum[j] += f[l + j] * df[l + j];
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) to[l + j] = f[l + j] * (df[l + j] - sum[j]);
}

static void log_softmax_vjp_loop(const job *b, int64_t i) {
    const block k = block_of(b, i);
    const real *f = b->f + k.at, *df = b->df + k.at;
    real *restrict to = b->to + k.at;
    if (b->inner == 1) {
        const real s = sum_run(b->n, df);
        for (int64_t j = 0; j < b->n; j++) to[j] = df[j] - RG_M(exp)(f[j]) * s;
        return;
    }
    real sum[WIDE] = {0};
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) sum[j] += df[l + j];
    for (int64_t l = 0; l < b->n * b->inner; l += b->inner)
        for (int64_t j = 0; j < k.width; j++) to[l + j] = df[l + j] - RG_M(exp)(f[l + j]) * sum[j];
}

int RG_K(logsumexp_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return each_vjp(y, dy, dx, logsumexp_vjp_loop); }
int RG_K(softmax_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return each_vjp(y, dy, dx, softmax_vjp_loop); }
int RG_K(log_softmax_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return each_vjp(y, dy, dx, log_softmax_vjp_loop); }
