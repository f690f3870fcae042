/* row_kernels.h - the part of a row that works on elements: its loops, and kernels that run them, for a type `real`,
   as in engine/kernel.h. It is included by the library's kernel source, and by row.h for operators of yours.
   RG_ROW_FN(n): the function that runs loops of this type over tensors (kernels/each.h). RG_ROW_STATIC: in front of
   a kernel. */
#ifdef RG_ROW
#pragma GCC system_header
#endif

#include "algebra.h"

#define KINK(e) (e)
#define SMOOTH 0

/* CHEAP gradients are limited by memory: two loops are faster for them. COSTLY ones take a fifth less time
   in one loop. */
#define CHEAP 0
#define COSTLY 1

/* RG_ROW_IS(RG_ROW_PROBE_##dx): is dx the word DY? Then the gradient is dy itself. */
#define RG_ROW_PROBE_DY , true
#define RG_ROW_IS(probe) RG_ROW_SECOND(probe, false, )
#define RG_ROW_SECOND(first, second, ...) second

/* The loops over n_ elements: of one operand, whose elements are x, and of two (RG_STRIDED). */
#define RG_ROW_LOOP1(...)                                                                                      \
    MATH_ANGLES(for (int64_t i = 0; i < n_; i++) { const real x = xs[i]; (void)x; __VA_ARGS__ })
#define RG_ROW_LOOP2(...) MATH_ANGLES(RG_STRIDED(__VA_ARGS__))

#ifndef RG_KERNEL_AVX2 /* one copy of each is enough */
#define RG_ROW_BRANCH1(n, e)                                                                                   \
    static void RG_K(n##_code)(int64_t n_, double p_, double q_, const real *xs, double *to) {                 \
        const real p = (real)p_, q = (real)q_;                                                                 \
        (void)p, (void)q;                                                                                      \
        RG_ROW_LOOP1(to[i] = (double)(e);)                                                                     \
    }                                                                                                          \
    RG_ROW_STATIC uint64_t RG_K(n##_branch)(const rg_tensor *y) { return RG_ROW_FN(branch1)(y, RG_K(n##_code)); }
#define RG_ROW_BRANCH2(n, e)                                                                                   \
    static void RG_K(n##_code)(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, double *to) { \
        RG_ROW_LOOP2((void)a, (void)b; to[i] = (double)(e);)                                                   \
    }                                                                                                          \
    RG_ROW_STATIC uint64_t RG_K(n##_branch)(const rg_tensor *y) { return RG_ROW_FN(branch2)(y, RG_K(n##_code)); }
#else
#define RG_ROW_BRANCH1(n, e)
#define RG_ROW_BRANCH2(n, e)
#endif

#define RG_ROW_FORWARD1(n, expr)                                                             \
    static void RG_K(n##_loop)(int64_t n_, double p_, double q_, const real *xs, real *to) { \
        const real p = (real)p_, q = (real)q_;                                               \
        (void)p, (void)q;                                                                    \
        RG_ROW_LOOP1(to[i] = expr;)                                                          \
    }                                                                                        \
    RG_ROW_STATIC int RG_K(n)(rg_tensor *y) { return RG_ROW_FN(each1)(y, RG_K(n##_loop)); }
#define RG_ROW_GRADIENT1(n, expr, dx0, kinks, is_dy)                                        \
    RG_ROW_FORWARD1(n, expr)                                                                \
    static void RG_K(n##_vjp_loop)(                                                         \
        int64_t n_, double p_, double q_, const real *xs, const real *ys, const real *dys, real *to) { \
        const real p = (real)p_, q = (real)q_;                                              \
        (void)p, (void)q;                                                                   \
        RG_ROW_LOOP1(const real f = ys[i]; const real df = dys[i]; (void)f; to[i] = dx0;)   \
    }                                                                                       \
    RG_ROW_STATIC int RG_K(n##_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {          \
        return is_dy ? dx[0] = dy, 0 : RG_ROW_FN(each_vjp1)(y, dy, dx, RG_K(n##_vjp_loop)); \
    }                                                                                       \
    RG_ROW_BRANCH1(n, kinks)
#define UNARY(n, text, expr, dx, kinks, lo, hi) RG_ROW_GRADIENT1(n, expr, dx, kinks, RG_ROW_IS(RG_ROW_PROBE_##dx))
#define UNARYP(n, text, expr, dx, kinks, lo, hi, sample) \
    RG_ROW_GRADIENT1(n, expr, dx, kinks, RG_ROW_IS(RG_ROW_PROBE_##dx))
#define UNARYPQ(n, text, expr, dx, kinks, lo, hi, sample_p, sample_q) \
    RG_ROW_GRADIENT1(n, expr, dx, kinks, RG_ROW_IS(RG_ROW_PROBE_##dx))
#define UNARY_STEP(n, text, expr, lo, hi) RG_ROW_FORWARD1(n, expr) RG_ROW_BRANCH1(n, expr)

#define RG_ROW_FORWARD2(n, expr)                                                                               \
    static void RG_K(n##_loop)(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, real *to) { \
        RG_ROW_LOOP2(to[i] = expr;)                                                                            \
    }                                                                                                          \
    RG_ROW_STATIC int RG_K(n)(rg_tensor *y) { return RG_ROW_FN(each2)(y, RG_K(n##_loop)); }
#define RG_ROW_VJP2(n, k, expr)                                                                                       \
    static void RG_K(n##_vjp_##k)(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, const real *ys, \
        const real *dys, real *to) {                                                                                  \
        RG_ROW_LOOP2(const real f = ys[i]; const real df = dys[i]; (void)a, (void)b, (void)f; to[i] = expr;)          \
    }
#define RG_ROW_VJP_BOTH(n, da, db)                                                                                     \
    static void RG_K(n##_vjp_both)(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, const real *ys, \
        const real *dys, real *restrict to_a, real *restrict to_b) {                                                   \
        RG_ROW_LOOP2(const real f = ys[i]; const real df = dys[i]; (void)a, (void)b, (void)f; to_a[i] = da;            \
                   to_b[i] = db;)                                                                                      \
    }
#define BINARY(n, text, expr, da, db, how, kinks, lo, hi)                                           \
    RG_ROW_FORWARD2(n, expr) RG_ROW_VJP2(n, a, da) RG_ROW_VJP2(n, b, db) RG_ROW_VJP_BOTH(n, da, db) \
    RG_ROW_STATIC int RG_K(n##_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                  \
        const bool a_is_dy = RG_ROW_IS(RG_ROW_PROBE_##da), needs_a = rg_needs(y, 0);                \
        if (a_is_dy && needs_a) dx[0] = dy;                                                         \
        return RG_ROW_FN(each_vjp2)(y, dy, dx, needs_a && !a_is_dy ? RG_K(n##_vjp_a) : NULL,        \
            rg_needs(y, 1) ? RG_K(n##_vjp_b) : NULL, how == COSTLY ? RG_K(n##_vjp_both) : NULL);    \
    }                                                                                               \
    RG_ROW_BRANCH2(n, kinks)
#define BINARY_STEP(n, text, expr, lo, hi) RG_ROW_FORWARD2(n, expr) RG_ROW_BRANCH2(n, expr)
