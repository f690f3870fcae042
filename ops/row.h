/* row.h - custom elementwise operators: one row each, as in the library's table (ops/elementwise.def).

       #include <retrograd.h>

       #define RG_ROW UNARY(bell, "e^(-x^2)", EXP(-x * x), MUL(DY, MUL(C(-2), MUL(X, Y))), SMOOTH, -2, 2)
       #include <retrograd/ops/row.h>

   gives the operator "bell" for f32 and f64, to any order of derivatives, with samples and refusals, in the registry:
   rg_gradcheck_op(rg_op_find("bell"), .order = 2) checks it, as gradcheck --load does (rg_op_find is in engine/op.h,
   which this header includes), and rg_nn_activation(t, "bell") finds it. The library must have no operator or function
   of this name. RG_ROW may be several rows, one after another, and row.h may be included several times. In C only.
   The function to call is

       rg_tensor *rg_bell_at(const char *at, rg_tensor *x);
       #define rg_bell(x) rg_bell_at(RG_AT, x)

   Put these two lines into a header of yours; with the second, messages name the caller's line. For two operands,
   one of which may be a number: #define rg_bell(a, b) RG_PAIR(rg_bell_at, a, b, __COUNTER__).

   UNARY(name, formula, f(x), dx, kinks, low, high)                  rg_name_at(at, x)
   UNARYP(name, formula, f(x, p), dx, kinks, low, high, p)           rg_name_at(at, x, p)
   UNARYPQ(name, formula, f(x, p, q), dx, kinks, low, high, p, q)    rg_name_at(at, x, p, q); NaN is refused
   BINARY(name, formula, f(a, b), da, db, how, kinks, low, high)     rg_name_at(at, a, b); they broadcast
   UNARY_STEP(name, formula, f, low, high), BINARY_STEP(..)          piecewise constant: no derivative

   f           A C expression of x, or of a and b, and of p and q. C(2) is a number of x's type, p_ is p as a double,
               R(fabs) is fabsf or fabs. The words below may be used here too. EXP and the other functions among them
               have the same bits on every machine, if your compiler does not fuse products and sums
               (-ffp-contract=off); R(exp) is libm's.
   dx, da, db  The vector-Jacobian product, written in the words below, with X, or A and B, with Y = f, and with DY, the
               gradient of Y. It becomes a loop and, to be differentiated again, a composition of operators: so use none
               of C's * > - ? and no if. A number is C(2), a parameter C(p). If an operand is broadcast, its gradient is
               summed afterwards. The words, as ops/algebra.h defines them:
                   ADD SUB MUL DIV MAX POW (u, v)  NEG SQUARE ABS SIGN RSQRT EXP EXPM1 LOG LOG2 LOG1P SIN COS TAN (u)
                   ASIN ACOS ATAN SINH COSH TANH ERF ERFC SIGMOID SOFTPLUS (u)  POWER (u, number)
                   WHERE (condition, u, v)  GT GE LT LE EQ AND OR (u, v)  NOT (u)
               WHERE computes both u and v: one must not be infinite where the other is chosen.
   how         CHEAP: da and db are computed one after the other: choose it if they have only + - and *. COSTLY: in one
               loop, for functions and quotients. The results are the same.
   kinks       SMOOTH, or KINK(e) where a derivative that you check jumps: the slope; with .order = 2 the second. e is
               a C expression of the same variables as f, with another value on each branch: KINK((x > -1) + (x > 1)).
               Samples that are too near to a kink are left out. A kink that is called SMOOTH is found only if a sample
               falls near it.
   low, high   The range of the samples' operands. p, q at the end: the numbers in the samples; they are not defaults.

   These words are macros while row.h is read; afterwards they have their old meaning again. */
#ifdef __cplusplus
#error "ops/row.h is for C; what it defines can be called from C++"
#endif
#ifndef RG_ROW
#error "before ops/row.h: #define RG_ROW UNARY(name, formula, f, dx, kinks, low, high)"
#define RG_ROW
#endif
#pragma GCC system_header

#ifndef RG_ROW_H
#define RG_ROW_H

#include <math.h>

#include "../engine/math/functions.h"
#include "../engine/op.h"
#include "../engine/walk.h"
#include "ops.h"

/* internal: functions that run a loop over tensors. A loop has n elements; the strides of operands are 0 or 1. */
#define RG_ROW_RUNNERS(real, d)                                                                                     \
    int rg_row_each1_##d(rg_tensor *y, void (*loop)(int64_t n, double p, double q, const real *x, real *to));       \
    int rg_row_each2_##d(rg_tensor *y,                                                                              \
        void (*loop)(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, real *to));                   \
    int rg_row_each_vjp1_##d(rg_tensor *y, rg_tensor *dy, rg_tensor **dx,                                           \
        void (*loop)(int64_t n, double p, double q, const real *x, const real *y, const real *dy, real *to));       \
    int rg_row_each_vjp2_##d(rg_tensor *y, rg_tensor *dy, rg_tensor **dx,                                           \
        void (*a)(int64_t, const real *, int64_t, const real *, int64_t, const real *, const real *, real *),       \
        void (*b)(int64_t, const real *, int64_t, const real *, int64_t, const real *, const real *, real *),       \
        void (*both)(int64_t, const real *, int64_t, const real *, int64_t, const real *, const real *, real *,     \
            real *));                                                                                               \
    uint64_t rg_row_branch1_##d(const rg_tensor *y,                                                                 \
        void (*code)(int64_t n, double p, double q, const real *x, double *to));                                    \
    uint64_t rg_row_branch2_##d(const rg_tensor *y,                                                                 \
        void (*code)(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, double *to));
RG_ROW_RUNNERS(float, f32)
RG_ROW_RUNNERS(double, f64)

#define RG_ROW_WORDS(m)                                                                                              \
    m(RG_AT) m(real) m(R) m(C) m(X) m(A) m(B) m(Y) m(DY) m(NEG) m(ADD) m(SUB) m(MUL) m(DIV) m(GT) m(GE) m(LT) m(LE)  \
    m(EQ) m(AND) m(OR) m(NOT) m(WHERE) m(SIGN) m(ABS) m(SQUARE) m(RSQRT) m(EXP) m(EXPM1) m(LOG) m(LOG2) m(LOG1P)     \
    m(SIN) m(COS) m(TAN) m(ASIN) m(ACOS) m(ATAN) m(SINH) m(COSH) m(TANH) m(ERF) m(ERFC) m(MAX) m(SIGMOID)            \
    m(SOFTPLUS) m(POW) m(POWER) m(BELOW0) m(NORMAL_CDF) m(NORMAL_PDF) m(GELU_GATE) m(GELU_SLOPE) m(SELU_S)           \
    m(SELU_SA) m(POW_LESS1) m(POW_BASE) m(KINK) m(SMOOTH) m(CHEAP) m(COSTLY) m(UNARY) m(UNARYP) m(UNARYPQ)           \
    m(UNARY_STEP) m(BINARY) m(BINARY_STEP)
#define RG_ROW_PRAGMA(x) _Pragma(#x)
#define RG_ROW_PUSH(word) RG_ROW_PRAGMA(push_macro(#word))
#define RG_ROW_POP(word) RG_ROW_PRAGMA(pop_macro(#word))

#endif

RG_ROW_WORDS(RG_ROW_PUSH)
#define RG_K(n) RG_PASTE(rg_k_##n##_, RG_PASTE(RG_SUFFIX_DTYPE, _base))
#define RG_ROW_FN(n) RG_PASTE(rg_row_##n##_, RG_SUFFIX_DTYPE)
#define RG_ROW_STATIC __attribute__((unused)) static
#define C(v) ((real)(v))
#include "row_kernels.h" /* the kernels, for floats, then for doubles */
#define RG_SUFFIX_DTYPE f32
#define real float
#define R(name) name##f
RG_ROW
#undef RG_SUFFIX_DTYPE
#undef real
#undef R
#define RG_SUFFIX_DTYPE f64
#define real double
#define R(name) name
RG_ROW
#undef RG_SUFFIX_DTYPE
#undef RG_K
#undef RG_ROW_FN
#undef RG_ROW_STATIC
RG_ROW_WORDS(RG_ROW_POP)

RG_ROW_WORDS(RG_ROW_PUSH)
#define RG_ROW_KERNEL(n) RG_COLUMNS(n, base, base)
#include "row_rules.h" /* the rest */
RG_ROW
#undef RG_ROW_KERNEL
#undef RG_ROW
RG_ROW_WORDS(RG_ROW_POP)
