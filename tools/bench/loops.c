/* loops.c - W5 by plain loops that the compiler vectorises: every row of elementwise.def from its own text, and the reductions.
   Compiled as the kernels are, once for the baseline and once for AVX2. Arrays of ELEMENTS floats, rows of ROW.             */
#include "engine/kernel.h"

#include "ops/algebra.h"

#include "loops.h"

/* A loop over the elements from `first` on, `n` of them; what is a row begins at 0 each time. */
#define UNARY_LOOP(name, first, second, expr)                                                               \
    static void name(const loop_arrays *m) {                                                                \
        const double p_ = first;                                                                            \
        const real p = C(first), q = C(second);                                                             \
        (void)p_, (void)p, (void)q;                                                                         \
        const real *restrict xs = m->a, *restrict ys = m->y, *restrict dys = m->dy;                         \
        real *restrict to = m->to;                                                                          \
        MATH_ANGLES(for (int64_t i = 0; i < m->n; i++) {                                                    \
            const real x = xs[i], f = ys[i], df = dys[i];                                                   \
            (void)x, (void)f, (void)df;                                                                     \
            to[i] = expr;                                                                                   \
        })                                                                                                  \
    }
#define BINARY_LOOP(name, expr)                                                                             \
    static void name(const loop_arrays *m) {                                                                \
        const real *restrict as = m->a, *restrict bs = m->b;                                                \
        real *restrict to = m->to;                                                                          \
        for (int64_t i = 0; i < m->n; i++) {                                                                \
            const real a = as[i], b = bs[i];                                                                \
            to[i] = expr;                                                                                   \
        }                                                                                                   \
    }                                                                                                       \
    static void name##_row(const loop_arrays *m) {                                                          \
        for (int64_t r = 0; r < m->n; r += ROW) {                                                           \
            const real *restrict as = m->a + r, *restrict bs = m->b;                                        \
            real *restrict to = m->to + r;                                                                  \
            for (int i = 0; i < ROW; i++) {                                                                 \
                const real a = as[i], b = bs[i];                                                            \
                to[i] = expr;                                                                               \
            }                                                                                               \
        }                                                                                                   \
    }
#define BINARY_VJP(name, da, db)                                                                            \
    static void name(const loop_arrays *m) {                                                                \
        const real *restrict as = m->a, *restrict bs = m->b, *restrict ys = m->y, *restrict dys = m->dy;    \
        real *restrict to = m->to, *restrict to_b = m->to_b;                                                \
        for (int64_t i = 0; i < m->n; i++) {                                                                \
            const real a = as[i], b = bs[i], f = ys[i], df = dys[i];                                        \
            (void)a, (void)b, (void)f;                                                                      \
            to[i] = da;                                                                                     \
            to_b[i] = db;                                                                                   \
        }                                                                                                   \
    }                                                                                                       \
    static void name##_row(const loop_arrays *m) {                                                          \
        memset(m->to_b, 0, ROW * sizeof(real));                                                             \
        for (int64_t r = 0; r < m->n; r += ROW) {                                                           \
            const real *restrict as = m->a + r, *restrict bs = m->b, *restrict ys = m->y + r, *restrict dys = m->dy + r; \
            real *restrict to = m->to + r, *restrict to_b = m->to_b;                                        \
            for (int i = 0; i < ROW; i++) {                                                                 \
                const real a = as[i], b = bs[i], f = ys[i], df = dys[i];                                    \
                (void)a, (void)b, (void)f;                                                                  \
                to[i] = da;                                                                                 \
                to_b[i] += db;                                                                              \
            }                                                                                               \
        }                                                                                                   \
    }
#define UNARYPQ(op, text, expr, dx, kinks, lo, hi, p, q) UNARY_LOOP(op##_forward, p, q, expr) UNARY_LOOP(op##_backward, p, q, dx)
#define UNARYP(op, text, expr, dx, kinks, lo, hi, p) UNARYPQ(op, text, expr, dx, kinks, lo, hi, p, 0)
#define UNARY(op, text, expr, dx, kinks, lo, hi) UNARYPQ(op, text, expr, dx, kinks, lo, hi, 0, 0)
#define UNARY_STEP(op, text, expr, lo, hi) UNARY_LOOP(op##_forward, 0, 0, expr)
#define BINARY(op, text, expr, da, db, how, kinks, lo, hi) BINARY_LOOP(op##_forward, expr) BINARY_VJP(op##_backward, da, db)
#define BINARY_STEP(op, text, expr, lo, hi) BINARY_LOOP(op##_forward, expr)
#include "ops/elementwise.def"
#undef UNARY
#undef UNARYP
#undef UNARYPQ
#undef UNARY_STEP
#undef BINARY
#undef BINARY_STEP

BINARY_LOOP(add_forward, a + b) /* the engine's own, without a row there */

/* The gradient of the first operand is dy itself. */
static void sum_of_rows(const loop_arrays *m, const real *from, real *to) {
    memset(to, 0, ROW * sizeof(real));
    for (int64_t r = 0; r < m->n; r += ROW) {
        const real *restrict x = from + r;
        real *restrict y = to;
        for (int i = 0; i < ROW; i++) y[i] += x[i];
    }
}
static void add_backward_row(const loop_arrays *m) { sum_of_rows(m, m->dy, m->to_b); }

/* -------- reductions: of everything, of rows */

static real sum_of(const real *restrict x, int64_t n) {
    real s[32] = {0}, all = 0;
    for (int64_t i = 0; i + 32 <= n; i += 32)
        for (int j = 0; j < 32; j++) s[j] += x[i + j];
    for (int j = 0; j < 32; j++) all += s[j];
    return all;
}
static real max_of(const real *restrict x, int64_t n) {
    real s[32], all = -INFINITY;
    for (int j = 0; j < 32; j++) s[j] = all;
    for (int64_t i = 0; i + 32 <= n; i += 32)
        for (int j = 0; j < 32; j++) s[j] = x[i + j] > s[j] ? x[i + j] : s[j];
    for (int j = 0; j < 32; j++) all = s[j] > all ? s[j] : all;
    return all;
}
static void fill_rows(const loop_arrays *m, real scale) { /* da = dy of the row, dy [rows] */
    for (int64_t r = 0; r < m->n / ROW; r++) {
        real *restrict to = m->to + r * ROW;
        const real v = m->dy[r] * scale;
        for (int i = 0; i < ROW; i++) to[i] = v;
    }
}
static void sum_forward(const loop_arrays *m) { m->to[0] = sum_of(m->a, m->n); }
static void sum_backward(const loop_arrays *m) {
    for (int64_t i = 0; i < m->n; i++) m->to[i] = m->dy[0];
}
static void sum_rows_forward(const loop_arrays *m) { sum_of_rows(m, m->a, m->to); }
static void sum_rows_backward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n; r += ROW) memcpy(m->to + r, m->dy, ROW * sizeof(real));
}
static void mean_columns_forward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n / ROW; r++) m->to[r] = sum_of(m->a + r * ROW, ROW) / ROW;
}
static void mean_columns_backward(const loop_arrays *m) { fill_rows(m, C(1) / ROW); }
static void max_columns_forward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n / ROW; r++) m->to[r] = max_of(m->a + r * ROW, ROW);
}
static void max_columns_backward(const loop_arrays *m) { /* ties share */
    for (int64_t r = 0; r < m->n / ROW; r++) {
        const real *restrict x = m->a + r * ROW, max = m->y[r];
        real *restrict to = m->to + r * ROW, ties = 0;
        for (int i = 0; i < ROW; i++) ties += x[i] == max;
        const real v = m->dy[r] / ties;
        for (int i = 0; i < ROW; i++) to[i] = x[i] == max ? v : 0;
    }
}
static void logsumexp_forward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n / ROW; r++) {
        const real *restrict x = m->a + r * ROW, max = max_of(x, ROW);
        real e[ROW];
        for (int i = 0; i < ROW; i++) e[i] = RG_M(exp)(x[i] - max);
        m->to[r] = max + RG_M(log)(sum_of(e, ROW));
    }
}
static void logsumexp_backward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n / ROW; r++) {
        const real *restrict x = m->a + r * ROW, y = m->y[r], dy = m->dy[r];
        real *restrict to = m->to + r * ROW;
        for (int i = 0; i < ROW; i++) to[i] = dy * RG_M(exp)(x[i] - y);
    }
}
static void softmax_forward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n / ROW; r++) {
        const real *restrict x = m->a + r * ROW, max = max_of(x, ROW);
        real *restrict to = m->to + r * ROW;
        for (int i = 0; i < ROW; i++) to[i] = RG_M(exp)(x[i] - max);
        const real scale = 1 / sum_of(to, ROW);
        for (int i = 0; i < ROW; i++) to[i] *= scale;
    }
}
static void softmax_backward(const loop_arrays *m) {
    for (int64_t r = 0; r < m->n / ROW; r++) {
        const real *restrict y = m->y + r * ROW, *restrict dy = m->dy + r * ROW;
        real *restrict to = m->to + r * ROW;
        for (int i = 0; i < ROW; i++) to[i] = y[i] * dy[i];
        const real dot = sum_of(to, ROW);
        for (int i = 0; i < ROW; i++) to[i] = y[i] * (dy[i] - dot);
    }
}

/* -------- the table */

#define ENTRY(op, p, q, dx, lo, hi) {#op, #op, LOOP_UNARY, lo, hi, p, q, op##_forward, sizeof #dx == sizeof "DY" ? NULL : op##_backward},
#define UNARYPQ(op, text, expr, dx, kinks, lo, hi, p, q) ENTRY(op, p, q, dx, lo, hi)
#define UNARYP(op, text, expr, dx, kinks, lo, hi, p) ENTRY(op, p, 0, dx, lo, hi)
#define UNARY(op, text, expr, dx, kinks, lo, hi) ENTRY(op, 0, 0, dx, lo, hi)
#define UNARY_STEP(op, text, expr, lo, hi) {#op, #op, LOOP_UNARY, lo, hi, 0, 0, op##_forward, NULL},
#define BINARY(op, text, expr, da, db, how, kinks, lo, hi)                      \
    {#op, #op, LOOP_BINARY, lo, hi, 0, 0, op##_forward, op##_backward},         \
    {#op " row", #op, LOOP_ROW, lo, hi, 0, 0, op##_forward_row, op##_backward_row},
#define BINARY_STEP(op, text, expr, lo, hi)                                     \
    {#op, #op, LOOP_BINARY, lo, hi, 0, 0, op##_forward, NULL},                  \
    {#op " row", #op, LOOP_ROW, lo, hi, 0, 0, op##_forward_row, NULL},
static const loop_row rows[] = {
#include "ops/elementwise.def"
    {"add", "add", LOOP_BINARY, -2, 2, 0, 0, add_forward, NULL},
    {"add row", "add", LOOP_ROW, -2, 2, 0, 0, add_forward_row, add_backward_row},
    {"sum", "sum", LOOP_ALL, -2, 2, 0, 0, sum_forward, sum_backward},
    {"sum of rows", "sum", LOOP_ROWS, -2, 2, 0, 0, sum_rows_forward, sum_rows_backward},
    {"mean of columns", "mean", LOOP_COLUMNS, -2, 2, 0, 0, mean_columns_forward, mean_columns_backward},
    {"max of columns", "max", LOOP_COLUMNS, -2, 2, 0, 0, max_columns_forward, max_columns_backward},
    {"logsumexp", "logsumexp", LOOP_AXIS, -2, 2, 0, 0, logsumexp_forward, logsumexp_backward},
    {"softmax", "softmax", LOOP_AXIS, -2, 2, 0, 0, softmax_forward, softmax_backward},
    {NULL, NULL, LOOP_ALL, 0, 0, 0, 0, NULL, NULL},
};

#ifdef RG_KERNEL_AVX2
const loop_row *loop_rows_avx2(void) { return rows; }
#else
const loop_row *loop_rows_base(void) { return rows; }
#endif
