/* kernels/softmax.c - the loops of logsumexp, softmax and log_softmax, and of their fused derivatives.

   x is [outer, n, inner] with the axis in the middle. Where inner is 1, a block is one row; otherwise it is up to WIDE
   neighbouring columns, which go down the axis together, so that either way the innermost loop runs over neighbours.      */
#include "engine/loops.h"

enum { WIDE = 128, PIECE = 512 }; /* PIECE: elements of a row whose exponentials are held at a time, a multiple of STRANDS */

typedef struct blocks { int64_t n, inner, across, count; } blocks;
typedef struct block { int64_t at, out, width; } block; /* where it starts in x, and in a result without the axis; its columns */

static blocks blocks_of(const rg_tensor *x, int axis) {
    blocks b = {.n = x->shape[axis], .inner = 1, .count = 1};
    for (int d = 0; d < axis; d++) b.count *= x->shape[d];
    for (int d = axis + 1; d < x->ndim; d++) b.inner *= x->shape[d];
    b.across = (b.inner + WIDE - 1) / WIDE;
    b.count *= b.across;
    return b;
}

static inline block block_of(const blocks *b, int64_t i) {
    const int64_t slab = i / b->across, column = i % b->across * WIDE;
    return (block){slab * b->n * b->inner + column, slab * b->inner + column, rg_min64(WIDE, b->inner - column)};
}

/* -------- sums of exponentials */

/* sum exp(x - shift) of a row; e, if there is one, receives the terms. Short rows are filled up, to run in whole vectors. */
static real exp_row(int64_t n, const real *x, real shift, real *e) {
    real piece[PIECE], sum = 0;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t m = rg_min64(PIECE, n - i), whole = (m + STRANDS - 1) / STRANDS * STRANDS;
        for (int64_t j = 0; j < m; j++) piece[j] = x[i + j] - shift;
        for (int64_t j = m; j < whole; j++) piece[j] = 0;
        for (int64_t j = 0; j < whole; j++) piece[j] = R(exp)(piece[j]);
        sum += sum_run(m, piece);
        if (e) memcpy(e + i, piece, (size_t)m * sizeof *e);
    }
    return sum;
}

/* The same for columns. */
static void max_columns(const blocks *b, int64_t width, const real *x, real *restrict max) {
    for (int64_t j = 0; j < width; j++) max[j] = -C(INFINITY);
    for (int64_t l = 0; l < b->n; l++)
        for (int64_t j = 0; j < width; j++) max[j] = larger(max[j], x[l * b->inner + j]);
}

static void exp_columns(const blocks *b, int64_t width, const real *x, const real *shift, real *restrict sum, real *restrict e) {
    real term[WIDE];
    for (int64_t j = 0; j < width; j++) sum[j] = 0;
    for (int64_t l = 0; l < b->n; l++) {
        for (int64_t j = 0; j < width; j++) term[j] = R(exp)(x[l * b->inner + j] - shift[j]);
        for (int64_t j = 0; j < width; j++) sum[j] += term[j];
        if (e) memcpy(e + l * b->inner, term, (size_t)width * sizeof *e);
    }
}

/* -------- forward */

/* The maximum, but nothing of a row that has no finite one: inf - inf would be NaN. */
static inline real shift_of(real max) { return max - max == 0 ? max : C(0); }

int RG_K(logsumexp)(rg_tensor *y) {
    const blocks b = blocks_of(y->in[0], y->attr.axis);
    const real *from = y->in[0]->data;
    real *to = y->data;
    RG_PARALLEL_FOR(y->tape, y->in[0]->numel / RG_CHUNK)
    for (int64_t i = 0; i < b.count; i++) {
        const block k = block_of(&b, i);
        real shift[WIDE], sum[WIDE];
        if (b.inner == 1) {
            shift[0] = shift_of(max_run(b.n, from + k.at));
            sum[0] = exp_row(b.n, from + k.at, shift[0], NULL);
        } else {
            max_columns(&b, k.width, from + k.at, shift);
            for (int64_t j = 0; j < k.width; j++) shift[j] = shift_of(shift[j]);
            exp_columns(&b, k.width, from + k.at, shift, sum, NULL);
        }
        for (int64_t j = 0; j < k.width; j++) to[k.out + j] = shift[j] + R(log)(sum[j]);
    }
    return 0;
}

int RG_K(softmax)(rg_tensor *y) {
    const blocks b = blocks_of(y->in[0], y->attr.axis);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK)
    for (int64_t i = 0; i < b.count; i++) {
        const block k = block_of(&b, i);
        const real *x = (const real *)y->in[0]->data + k.at;
        real *restrict to = (real *)y->data + k.at, max[WIDE], sum[WIDE];
        if (b.inner == 1) {
            const real s = exp_row(b.n, x, max_run(b.n, x), to);
            for (int64_t j = 0; j < b.n; j++) to[j] /= s;
        } else {
            max_columns(&b, k.width, x, max);
            exp_columns(&b, k.width, x, max, sum, to);
            for (int64_t l = 0; l < b.n; l++)
                for (int64_t j = 0; j < k.width; j++) to[l * b.inner + j] /= sum[j];
        }
    }
    return 0;
}

int RG_K(log_softmax)(rg_tensor *y) {
    const blocks b = blocks_of(y->in[0], y->attr.axis);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK)
    for (int64_t i = 0; i < b.count; i++) {
        const block k = block_of(&b, i);
        const real *x = (const real *)y->in[0]->data + k.at;
        real *restrict to = (real *)y->data + k.at, max[WIDE], sum[WIDE];
        if (b.inner == 1) {
            const real m = max_run(b.n, x), s = R(log)(exp_row(b.n, x, m, NULL));
            for (int64_t j = 0; j < b.n; j++) to[j] = x[j] - m - s;
        } else {
            max_columns(&b, k.width, x, max);
            exp_columns(&b, k.width, x, max, sum, NULL);
            for (int64_t j = 0; j < k.width; j++) sum[j] = R(log)(sum[j]);
            for (int64_t l = 0; l < b.n; l++)
                for (int64_t j = 0; j < k.width; j++) to[l * b.inner + j] = x[l * b.inner + j] - max[j] - sum[j];
        }
    }
    return 0;
}

/* -------- fused derivatives, of a row and of columns */

int RG_K(logsumexp_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_tensor *x = y->in[0];
    dx[0] = rg_temp_like(y, x);
    if (rg_failed(dx[0])) return -1;
    const blocks b = blocks_of(x, y->attr.axis);
    RG_PARALLEL_FOR(y->tape, x->numel / RG_CHUNK)
    for (int64_t i = 0; i < b.count; i++) {
        const block k = block_of(&b, i);
        const real *in = (const real *)x->data + k.at, *out = (const real *)y->data + k.out, *up = (const real *)dy->data + k.out;
        real *restrict to = (real *)dx[0]->data + k.at;
        if (b.inner == 1) {
            const real f = out[0], df = up[0];
            for (int64_t j = 0; j < b.n; j++) to[j] = df * R(exp)(in[j] - f);
        } else {
            for (int64_t l = 0; l < b.n * b.inner; l += b.inner)
                for (int64_t j = 0; j < k.width; j++) to[l + j] = up[j] * R(exp)(in[l + j] - out[j]);
        }
    }
    return 0;
}

/* sum a b of a row */
static real dot_run(int64_t n, const real *a, const real *b) {
    real piece[PIECE], sum = 0;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t m = rg_min64(PIECE, n - i);
        for (int64_t j = 0; j < m; j++) piece[j] = a[i + j] * b[i + j];
        sum += sum_run(m, piece);
    }
    return sum;
}

int RG_K(softmax_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_temp_like(y, y);
    if (rg_failed(dx[0])) return -1;
    const blocks b = blocks_of(y, y->attr.axis);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK)
    for (int64_t i = 0; i < b.count; i++) {
        const block k = block_of(&b, i);
        const real *f = (const real *)y->data + k.at, *df = (const real *)dy->data + k.at;
        real *restrict to = (real *)dx[0]->data + k.at, sum[WIDE] = {0};
        if (b.inner == 1) {
            const real s = dot_run(b.n, f, df);
            for (int64_t j = 0; j < b.n; j++) to[j] = f[j] * (df[j] - s);
        } else {
            for (int64_t l = 0; l < b.n * b.inner; l += b.inner)
                for (int64_t j = 0; j < k.width; j++) sum[j] += f[l + j] * df[l + j];
            for (int64_t l = 0; l < b.n * b.inner; l += b.inner)
                for (int64_t j = 0; j < k.width; j++) to[l + j] = f[l + j] * (df[l + j] - sum[j]);
        }
    }
    return 0;
}

int RG_K(log_softmax_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_temp_like(y, y);
    if (rg_failed(dx[0])) return -1;
    const blocks b = blocks_of(y, y->attr.axis);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK)
    for (int64_t i = 0; i < b.count; i++) {
        const block k = block_of(&b, i);
        const real *f = (const real *)y->data + k.at, *df = (const real *)dy->data + k.at;
        real *restrict to = (real *)dx[0]->data + k.at, sum[WIDE] = {0};
        if (b.inner == 1) {
            const real s = sum_run(b.n, df);
            for (int64_t j = 0; j < b.n; j++) to[j] = df[j] - R(exp)(f[j]) * s;
        } else {
            for (int64_t l = 0; l < b.n * b.inner; l += b.inner)
                for (int64_t j = 0; j < k.width; j++) sum[j] += df[l + j];
            for (int64_t l = 0; l < b.n * b.inner; l += b.inner)
                for (int64_t j = 0; j < k.width; j++) to[l + j] = df[l + j] - R(exp)(f[l + j]) * sum[j];
        }
    }
    return 0;
}
