/* kernels/integers.c - the loops of operators on integers. Operands of any dtype are read into i32, block by block; results have 64 bits
   until they are written, and one that the result's dtype cannot hold is an error. any and all also read floats: as 1 if not 0. */
#include "engine/kernel.h"

enum { BLOCK = 1024 };

/* n elements from `at` on, `step` apart: 0 or 1. */
static void load(const rg_tensor *x, int64_t at, int64_t step, int64_t n, int32_t *to) {
#define LOAD(type, expr) for (int64_t i = 0; i < n; i++) { const type v = ((const type *)x->data)[at + i * step]; to[i] = expr; }
    switch (x->dtype) {
    case RG_F32: LOAD(float, v != 0) break;
    case RG_F64: LOAD(double, v != 0) break;
    case RG_I32: LOAD(int32_t, v) break;
    default: LOAD(uint8_t, v)
    }
}

static int store(rg_tensor *y, int64_t at, int64_t n, const int64_t *from) {
    const int64_t low = y->dtype == RG_U8 ? 0 : INT32_MIN, high = y->dtype == RG_U8 ? UINT8_MAX : INT32_MAX;
    bool outside = false;
    for (int64_t i = 0; i < n; i++) outside |= (from[i] < low) | (from[i] > high);
    for (int64_t i = 0; outside && i < n; i++)
        if (from[i] < low || from[i] > high)
            return rg_reject(y, RG_EVALUE, "%lld does not fit %s; rg_cast converts to floats", (long long)from[i], rg_dtype_name(y->dtype));
    if (y->dtype == RG_U8) for (int64_t i = 0; i < n; i++) ((uint8_t *)y->data)[at + i] = (uint8_t)from[i];
    else for (int64_t i = 0; i < n; i++) ((int32_t *)y->data)[at + i] = (int32_t)from[i];
    return 0;
}

/* -------- elementwise: add, and the rows of elementwise.def that take integers */

typedef void loop(int64_t n, const int32_t *as, const int32_t *bs, int64_t *to);

static int each(rg_tensor *y, loop *fn) {
    rg_walk w;
    rg_walk_operands(&w, y, y->nin);
    rg_walk_cut(&w, BLOCK);
    for (int64_t b = 0; b < w.blocks; b++) {
        int64_t at[3], to[BLOCK];
        int32_t in[2][BLOCK];
        const int64_t n = rg_walk_block(&w, y->nin, b, at);
        for (int k = 0; k < y->nin; k++) load(y->in[k], at[k], w.run[k], n, in[k]);
        fn(n, in[0], in[y->nin - 1], to);
        if (store(y, at[y->nin], n, to)) return -1;
    }
    return 0;
}

#define LOOP(n, expr)                                                                      \
    static void n##_loop(int64_t n_, const int32_t *as, const int32_t *bs, int64_t *to) {  \
        for (int64_t i = 0; i < n_; i++) {                                                 \
            const int64_t a = as[i], b = bs[i], x = a;                                     \
            (void)b, (void)x;                                                              \
            to[i] = expr;                                                                  \
        }                                                                                  \
    }                                                                                      \
    rg_kernel rg_k_##n##_integers;                                                         \
    int rg_k_##n##_integers(rg_tensor *y) { return each(y, n##_loop); }
#undef C
#define C(v) (v)
#define UNARY(...)
#define UNARYP(...)
#define UNARYPQ(...)
#define UNARY_STEP(...)
#define BINARY(...)
#define BINARY_STEP(...)
#define BINARY_I32(n, text, expr, da, db, how, kinks, lo, hi) LOOP(n, expr)
#define BINARY_SAME(n, text, expr, da, db, how, kinks, lo, hi) LOOP(n, expr)
#define UNARY_TEST(n, text, expr, lo, hi) LOOP(n, expr)
#define BINARY_TEST(n, text, expr, lo, hi) LOOP(n, expr)
LOOP(add, a + b)
#include "ops/elementwise.def"

/* -------- reductions: sum mean max min any all */

typedef void join(int64_t n, const int32_t *xs, bool apart, int64_t *to); /* apart: into n results, else all into to[0] */

/* Writes the means to y, in its float dtype. A mean over nothing is NaN. */
static void divide(rg_tensor *y, const int64_t *sums) {
    const double n = y->numel ? (double)(y->in[0]->numel / y->numel) : 0;
    if (y->dtype == RG_F64) for (int64_t i = 0; i < y->numel; i++) ((double *)y->data)[i] = (double)sums[i] / n;
    else for (int64_t i = 0; i < y->numel; i++) ((float *)y->data)[i] = (float)((double)sums[i] / n);
}

static int reduce(rg_tensor *y, int64_t none, join *fn) {
    const size_t bytes = (size_t)y->numel * sizeof(int64_t) + 1; /* there may be no elements */
    int64_t *all = rg_tape_alloc(y->at, y->tape, bytes), at[2];
    if (!all) return -1;
    rg_walk w;
    rg_walk_reduced(&w, y);
    rg_walk_cut(&w, BLOCK);
    for (int64_t i = 0; i < y->numel; i++) all[i] = none;
    for (int64_t b = 0; b < w.blocks; b++) {
        int32_t xs[BLOCK];
        const int64_t n = rg_walk_block(&w, 1, b, at);
        load(y->in[0], at[1], 1, n, xs);
        fn(n, xs, w.run[0], all + at[0]);
    }
    const bool is_mean = y->dtype == RG_F32 || y->dtype == RG_F64;
    const int failed = is_mean ? divide(y, all), 0 : store(y, 0, y->numel, all);
    rg_tape_dealloc(y->tape, all, bytes);
    return failed;
}

#define JOIN(n, none, expr)                                                                \
    static void n##_join(int64_t n_, const int32_t *xs, bool apart, int64_t *to) {         \
        int64_t was = to[0];                                                               \
        for (int64_t i = 0; i < n_; i++) {                                                 \
            const int64_t x = xs[i];                                                       \
            if (apart) was = to[i];                                                        \
            was = expr;                                                                    \
            if (apart) to[i] = was;                                                        \
        }                                                                                  \
        if (!apart) to[0] = was;                                                           \
    }                                                                                      \
    rg_kernel rg_k_##n##_integers;                                                         \
    int rg_k_##n##_integers(rg_tensor *y) { return reduce(y, none, n##_join); }
JOIN(sum, 0, was + x)
JOIN(max, INT32_MIN, x > was ? x : was)
JOIN(min, INT32_MAX, x < was ? x : was)
JOIN(any, 0, was | (x != 0))
JOIN(all, 1, was & (x != 0))

rg_kernel rg_k_mean_integers;
int rg_k_mean_integers(rg_tensor *y) { return reduce(y, 0, sum_join); }

/* -------- argmax argmin argsort: by the kernels for f64, which holds every i32 exactly */

static int in_doubles(rg_tensor *y, rg_kernel *fn) {
    rg_tensor *const x = y->in[0], wide = *x;
    const size_t bytes = (size_t)x->numel * sizeof(double) + 1;
    wide.data = rg_tape_alloc(y->at, y->tape, bytes);
    if (!wide.data) return -1;
    wide.dtype = RG_F64;
    rg_convert(wide.data, RG_F64, x->data, x->dtype, x->numel);
    y->in[0] = &wide;
    const int failed = fn(y);
    y->in[0] = x;
    rg_tape_dealloc(y->tape, wide.data, bytes);
    return failed;
}

#define IN_DOUBLES(n)                                                                      \
    RG_KERNELS(n);                                                                         \
    rg_kernel rg_k_##n##_integers;                                                         \
    int rg_k_##n##_integers(rg_tensor *y) {                                                \
        static const rg_forward_fn kernels[2][RG_ISAS] = RG_KERNEL(n);                     \
        return in_doubles(y, kernels[1][rg_isa(y->tape)]);                                 \
    }
IN_DOUBLES(argmax)
IN_DOUBLES(argmin)
IN_DOUBLES(argsort)
