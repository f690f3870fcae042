/* functions.h - exp, log, tanh, sin, erf, pow and their kin, in f32 and f64, with the same bits on every machine.

   The same bits: only + - * / and sqrt, which IEEE 754 defines to the last bit, in the order in which they are written (no contraction,
   no -ffast-math, SSE2 and not x87 on i386). Polynomials are products and sums without fma: where there is no such instruction, it costs a
   call. fma is used in one place, math_rest, whose result is exact, and so the same without it.
   Loops vectorise: no branch, no table, no call. Both cases are computed and one is selected; exponents are moved by integer arithmetic.
   The exceptions are sin, cos and tan of |x| > MATH_NEAR, which angle.h reduces by a loop: see MATH_ANGLES.
   Errors are at most 2 units in the last place: docs/verification.md has the worst of each, measured by tests/engine/ulps.c. NaN,
   infinities, zeros with their signs and subnormal numbers are as in annex F of C99.
   each.h: what both types compute by the same formulas. pow.h: pow. polynomials.h: the polynomials.                                */
#ifdef RG_ROW /* a program with rows of its own: its warning options are not for this file */
#pragma GCC system_header
#endif

#ifndef RG_MATH_H
#define RG_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The short names of these files. Their old meanings are restored below. */
#define MATH_WORDS(m)                                                                                                                 \
    m(MATH) m(NUM) m(WORD) m(FN) m(PICK) m(FOUR) m(MANTISSA) m(BIAS) m(SIGN_BIT) m(TO_INTEGER) m(SMALLEST) m(INFINITE) m(LN2)         \
    m(LN2_HIGH) m(LN2_LOW) m(PI_2_HIGH) m(PI_2_LOW) m(PI_2_FIRST) m(PI_2_SECOND) m(PI_2_THIRD) m(UPPER_HALF) m(SCALE_SHIFT)           \
    m(ROOT_HALF) m(FRACTION) m(IF_ODD) m(EXCHANGED) m(SIN_OF) m(COS_OF) m(TAN_OF) m(ANGLE_FUNCTION) m(ERF_SPLIT) m(ERFC_CENTRE)
#define MATH_PRAGMA(x) _Pragma(#x)
#define MATH_PUSH(word) MATH_PRAGMA(push_macro(#word))
#define MATH_POP(word) MATH_PRAGMA(pop_macro(#word))
MATH_WORDS(MATH_PUSH)

#define MATH static inline __attribute__((always_inline)) /* a loop with a call in it is not vectorised */

MATH uint32_t math_bits_f32(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
MATH uint64_t math_bits_f64(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
MATH float math_of_f32(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
MATH double math_of_f64(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* a b - p, exact for p = a * b rounded (no overflow or underflow): by fma, in double, or with both factors cut into halves (Veltkamp 1968,
   Dekker 1971; Muller et al., Handbook of Floating-Point Arithmetic, section 4.4). */
#if defined __FMA__ || defined __FP_FAST_FMA || defined __aarch64__
MATH float math_rest_f32(float a, float b, float p) { return __builtin_fmaf(a, b, -p); }
MATH double math_rest_f64(double a, double b, double p) { return __builtin_fma(a, b, -p); }
#else
MATH float math_rest_f32(float a, float b, float p) { return (float)((double)a * (double)b - (double)p); }
MATH double math_rest_f64(double a, double b, double p) {
    const double a2 = a * 0x1p27, b2 = b * 0x1p27, ah = (a2 + a) - a2, bh = (b2 + b) - b2, al = a - ah, bl = b - bh;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
}
#endif

#define MATH_NEAR_EXPONENT 15
#define MATH_NEAR (1 << MATH_NEAR_EXPONENT) /* up to this |x|, sin, cos and tan need no loop to reduce it */

#include "angle.h"
#include "polynomials.h"

#define NUM float
#define WORD uint32_t
#define FN(name) math_##name##_f32
#define PICK(f32, f64) (f32)
#include "each.h"
#undef NUM
#undef WORD
#undef FN
#undef PICK

#define NUM double
#define WORD uint64_t
#define FN(name) math_##name##_f64
#define PICK(f32, f64) (f64)
#include "each.h"
#include "pow.h"

MATH_WORDS(MATH_POP)

/* -------- in kernels, and in rows of a file of yours */

/* RG_M(exp)(x), of the type that RG_SUFFIX_DTYPE names */
#define RG_M(name) MATH_NAME(name, RG_SUFFIX_DTYPE)
#define MATH_NAME(name, dtype) MATH_NAME2(name, dtype)
#define MATH_NAME2(name, dtype) math_##name##_##dtype

/* MATH_ANGLES(for (..) .. MATH_ANGLE(sin, x) ..): the loop runs with code for near angles. If it met a far angle, the loop runs again with
   code for all angles, which does not vectorise. */
#define MATH_ANGLE(name, x) RG_M(name##_in_loop)(x, math_any_angle, &math_met_far)
#define MATH_ANGLES(...)                                                                           \
    {                                                                                              \
        RG_M(word) math_met_far = 0;                                                               \
        { const bool math_any_angle = false; (void)math_any_angle; __VA_ARGS__ }                   \
        if (math_met_far) { const bool math_any_angle = true; (void)math_any_angle; __VA_ARGS__ }  \
    }

#endif
