/* parts.c - the functions that an exported net may have. tools/parts.py runs the preprocessor over this file, once for each float type,
   cuts the text into declarations, and export.c writes those that a net needs. So this file is not compiled as it is, and it is plain C99.

   Functions that fix the order of a sum are those of the library's kernels, included here. The others give every element by the same
   operations in the same order: a product is one chain of fma over k, a convolution one chain over (channel, i, j), zeros of the padding
   among them. */
#define RG_OP_H /* tensors and tapes are left out: no function that has one is needed */
#define RG_WALK_H
#define rg_tape void
#define rg_parallel(t, work, n, loop, ...) ((void)(t), (loop)(__VA_ARGS__, 0, n)) /* the last argument has commas */
#include "engine/kernel.h"
enum { RG_CHUNK = 16384 }; /* as in engine/op.h */
#include "ops/kernels/core.c"
#include "ops/kernels/softmax.c"
#define WIDE norm_wide
#include "ops/kernels/norm.c"
#undef WIDE
#include "ops/kernels/recurrent.c"
#define job attention_job
#include "ops/kernels/attention.c"
#undef job

/* -------- elementwise: f_NAME of floats, i_NAME of integers, which doubles hold */

#undef MATH_ANGLE
#define MATH_ANGLE(name, x) RG_M(name)(x)
#include "ops/algebra.h"
#define UNARY(n, text, f, ...) static real f_##n(real x) { return f; }
#define UNARYP(n, text, f, ...) static real f_##n(real x, double p_) { const real p = (real)p_; (void)p; return f; }
#define UNARYPQ(n, text, f, ...) static real f_##n(real x, double p_, double q_) { const real p = (real)p_, q = (real)q_; return f; }
#define UNARY_STEP(n, text, f, ...) UNARY(n, text, f)
#define BINARY(n, text, f, ...) static real f_##n(real a, real b) { return f; }
#define BINARY_STEP(n, text, f, ...) BINARY(n, text, f)
BINARY(add, , a + b)
#include "ops/elementwise.def"
#undef UNARY
#undef UNARYP
#undef UNARYPQ
#undef UNARY_STEP
#undef BINARY
#undef BINARY_STEP
#undef BINARY_I32
#undef BINARY_SAME
#undef UNARY_TEST
#undef BINARY_TEST
#undef C
#define C(v) ((double)(v))
#define UNARY(...)
#define UNARYP(...)
#define UNARYPQ(...)
#define UNARY_STEP(...)
#define BINARY(...)
#define BINARY_STEP(...)
#define UNARY_TEST(n, text, f, ...) static double i_##n(double x) { return f; }
#define BINARY_I32(n, text, f, ...) static double i_##n(double a, double b) { return f; }
#define BINARY_SAME(n, text, f, ...) BINARY_I32(n, text, f)
#define BINARY_TEST(n, text, f, ...) BINARY_I32(n, text, f)
BINARY_I32(add, , a + b)
#include "ops/elementwise.def"

static int32_t to_i32(double v) { return v != v ? 0 : v < -2147483648. ? -2147483647 - 1 : v > 2147483647 ? 2147483647 : (int32_t)v; }
static uint8_t to_u8(double v) { return (uint8_t)(v > 0 ? v < 255 ? v : 255 : 0); }

/* -------- products */

/* c [n, m] = op(a) [n, k] op(b) [k, m] + bias [m], or without a bias: NULL */
static void multiply(int64_t n, int64_t k, int64_t m, bool ta, bool tb, const real *a, const real *b, const real *bias,
    real *restrict c) {
    for (int64_t i = 0; i < n; i++) {
        real *restrict row = c + i * m;
        for (int64_t j = 0; j < m; j++) row[j] = 0;
        for (int64_t l = 0; l < k; l++) {
            const real v = ta ? a[l * n + i] : a[i * k + l];
            const real *at = tb ? b + l : b + l * m;
            if (tb)
                for (int64_t j = 0; j < m; j++) row[j] = R(fma)(v, at[j * k], row[j]);
            else
                for (int64_t j = 0; j < m; j++) row[j] = R(fma)(v, at[j], row[j]);
        }
        for (int64_t j = 0; bias && j < m; j++) row[j] += bias[j];
    }
}

/* Windows over images: sizes are {height, width}; out: windows. */
typedef struct window { int64_t size[2], kernel[2], stride[2], padding[2], dilation[2], out[2]; } window;

/* Which windows of a row have an element in the image: lo .. hi - 1 of n, where it is at pixel first + q step of `size`. */
static void windows_inside(int64_t first, int64_t step, int64_t size, int64_t n, int64_t *lo, int64_t *hi) {
    *lo = first < 0 ? (-first + step - 1) / step : 0;
    *hi = first < size ? (size - first + step - 1) / step : 0;
    if (*lo > n) *lo = n;
    if (*hi > n) *hi = n;
    if (*hi < *lo) *hi = *lo;
}

/* y [down, across] += weight times the pixels that element (i, j) of the windows meets, zeros outside the image */
static void tap(const window *w, int64_t i, int64_t j, real weight, const real *x, real *restrict y) {
    const int64_t step = w->stride[1], first = j * w->dilation[1] - w->padding[1];
    int64_t lo, hi;
    windows_inside(first, step, w->size[1], w->out[1], &lo, &hi);
    for (int64_t p = 0; p < w->out[0]; p++, y += w->out[1]) {
        const int64_t row = p * w->stride[0] + i * w->dilation[0] - w->padding[0];
        const bool outside = row < 0 || row >= w->size[0];
        const int64_t from = outside ? w->out[1] : lo, to = outside ? w->out[1] : hi;
        const real *at = x + (outside ? 0 : row * w->size[1] + first);
        for (int64_t q = 0; q < from; q++) y[q] = R(fma)(weight, 0, y[q]);
        if (step == 1)
            for (int64_t q = from; q < to; q++) y[q] = R(fma)(weight, at[q], y[q]);
        else
            for (int64_t q = from; q < to; q++) y[q] = R(fma)(weight, at[q * step], y[q]);
        for (int64_t q = to; q < w->out[1]; q++) y[q] = R(fma)(weight, 0, y[q]);
    }
}

/* x [images, groups, in, size], weights [groups, out, in, kernel] -> y [images, groups, out, windows] */
static void convolution(const window *w, int64_t images, int64_t groups, int64_t in, int64_t out, const real *x, const real *weights,
    const real *bias, real *restrict y) {
    const int64_t size = w->size[0] * w->size[1], windows = w->out[0] * w->out[1];
    for (int64_t u = 0; u < images * groups * out; u++, y += windows) {
        const real *from = x + u / out * in * size, *weight = weights + u % (groups * out) * in * w->kernel[0] * w->kernel[1];
        for (int64_t q = 0; q < windows; q++) y[q] = 0;
        for (int64_t c = 0; c < in; c++, from += size)
            for (int64_t i = 0; i < w->kernel[0]; i++)
                for (int64_t j = 0; j < w->kernel[1]; j++) tap(w, i, j, *weight++, from, y);
        for (int64_t q = 0; bias && q < windows; q++) y[q] += bias[u % (groups * out)];
    }
}

/* Planes x [size] -> y [windows]: the largest of a window, or the sum over its elements in the image, divided by all of its elements. */
static void pool(const window *w, bool average, int64_t planes, const real *x, real *y) {
    const real scale = 1 / (real)(w->kernel[0] * w->kernel[1]);
    for (int64_t u = 0; u < planes; u++, x += w->size[0] * w->size[1])
        for (int64_t p = 0; p < w->out[0]; p++)
            for (int64_t q = 0; q < w->out[1]; q++, y++) {
                bool none = true;
                *y = average ? 0 : -(real)INFINITY;
                for (int64_t i = 0; i < w->kernel[0]; i++)
                    for (int64_t j = 0; j < w->kernel[1]; j++) {
                        const int64_t r = p * w->stride[0] + i * w->dilation[0] - w->padding[0];
                        const int64_t s = q * w->stride[1] + j * w->dilation[1] - w->padding[1];
                        if (r < 0 || r >= w->size[0] || s < 0 || s >= w->size[1]) continue;
                        const real v = x[r * w->size[1] + s];
                        if (average) *y += v;
                        else if (none || v > *y || (v != v && *y == *y)) *y = v;
                        none = false;
                    }
                if (average) *y *= scale;
            }
}

/* -------- along an axis: x as [outer, n, inner] */

static void softmax_like(row_loop *loop, int64_t outer, int64_t n, int64_t inner, const real *x, real *to) {
    const job b = {.n = n, .inner = inner, .across = (inner + WIDE - 1) / WIDE, .x = x, .to = to};
    for (int64_t i = 0; i < outer * b.across; i++) loop(&b, i);
}

/* over rows of n; not centred: rms_norm. w, b: NULL, or [n] */
static void norm_rows(int64_t count, int64_t n, bool centred, double eps, const real *x, const real *w, const real *b, real *to) {
    real mean = 0, scale = 0;
    for (int64_t i = 0; i < count; i++, x += n, to += n) {
        const rows k = {.n = n, .x = x, .w = w, .b = b, .eps = (real)eps, .mean = centred ? &mean : NULL, .r = &scale, .to = to};
        row(&k, 0);
    }
}

#define ARG(name, better)                                                                             \
    static void name(int64_t outer, int64_t n, int64_t inner, const real *x, int32_t *y) {            \
        for (int64_t i = 0; i < outer * inner; i++) {                                                 \
            const real *from = x + i / inner * n * inner + i % inner;                                 \
            int64_t at = 0;                                                                           \
            for (int64_t l = 1; l < n; l++) {                                                         \
                const real v = from[l * inner], best = from[at * inner];                              \
                if (v better best || (v != v && best == best)) at = l;                                \
            }                                                                                         \
            y[i] = (int32_t)at;                                                                       \
        }                                                                                             \
    }
ARG(argmax, >)
ARG(argmin, <)

/* sums in doubles */
static void cumsum(int64_t outer, int64_t n, int64_t inner, bool reverse, const real *x, real *y) {
    for (int64_t i = 0; i < outer * inner; i++) {
        const int64_t at = i / inner * n * inner + i % inner;
        double sum = 0;
        for (int64_t l = 0; l < n; l++) {
            const int64_t k = at + (reverse ? n - 1 - l : l) * inner;
            y[k] = (real)(sum += (double)x[k]);
        }
    }
}

/* -------- attention of one matrix, as kernels/attention.c has it: queries in strips of TILE, keys in tiles of TILE */

typedef struct attending {
    int64_t n, m, d, e;             /* q [n, d], k [m, d], v [m, e] */
    bool causal;
    int64_t mask_down, mask_across; /* steps of the mask along queries and keys */
} attending;

/* The scores x [m, n] of the keys from j on and the queries from i on. added, seen: the mask from query i on; NULL: not of this type */
static void mask_scores(const attending *a, int64_t i, int64_t j, int64_t m, int64_t n, const real *added, const uint8_t *seen, real *x) {
    for (int64_t r = 0; r < m; r++, x += n)
        for (int64_t c = 0; c < n; c++) {
            const int64_t at = c * a->mask_down + (j + r) * a->mask_across;
            if (seen && !seen[at]) x[c] = -(real)INFINITY;
            if (added) x[c] += added[at];
            if (a->causal && c < j + r - i) x[c] = -(real)INFINITY;
        }
}

/* scratch: TILE (d + TILE + e) elements */
static void attend(const attending *a, const real *q, const real *k, const real *v, const real *added, const uint8_t *seen, real *scratch,
    real *to) {
    const real scale = a->d ? (real)(1 / sqrt((double)a->d)) : 1;
    real *queries = scratch, *x = queries + TILE * a->d, *t = x + TILE * TILE;
    for (int64_t i = 0; i < a->n; i += TILE, q += TILE * a->d, to += TILE * a->e) {
        const int64_t n = rg_min64(TILE, a->n - i), last = a->causal ? rg_min64(a->m, i + n) : a->m;
        const real *floats = added ? added + i * a->mask_down : NULL;
        const uint8_t *bytes = seen ? seen + i * a->mask_down : NULL;
        real max[TILE], sum[TILE] = {0}, shrink[TILE];
        for (int64_t c = 0; c < n; c++) max[c] = -(real)INFINITY;
        for (int64_t c = 0; c < n; c++)
            for (int64_t l = 0; l < a->d; l++) queries[l * n + c] = q[c * a->d + l] * scale;
        for (int64_t j = 0; j < last; j += TILE) {
            const int64_t m = rg_min64(TILE, last - j);
            multiply(m, a->d, n, false, false, k + j * a->d, queries, NULL, x);
            mask_scores(a, i, j, m, n, floats, bytes, x);
            go_on(m, n, x, max, sum, shrink);
            multiply(n, m, a->e, true, false, x, v + j * a->e, NULL, j ? t : to);
            for (int64_t c = 0; j && c < n; c++)
                for (int64_t l = 0; l < a->e; l++) to[c * a->e + l] = to[c * a->e + l] * shrink[c] + t[c * a->e + l];
        }
        for (int64_t c = 0; c < n; c++)
            for (int64_t l = 0; l < a->e; l++) to[c * a->e + l] *= 1 / sum[c];
    }
}
