/* algebra.h - the words of rows, with two expansions: C arithmetic on elements, in kernels with a name (RG_K) and a
   type (`real`), or ops on tensors. To add a word, add it to both, and to RG_ROW_WORDS in row.h. A word that is made of
   others is defined once, at the end. */
#ifdef RG_ROW
#pragma GCC system_header /* row.h restores a macro of yours that has one of these names */
#endif

#ifdef RG_K /* elements; C(v) is kernel.h's, or row.h's */
#include "../engine/math/functions.h"

#define X x
#define A a
#define B b
#define Y f
#define DY df
#define NEG(u) (-(u))
#define ADD(u, v) ((u) + (v))
#define SUB(u, v) ((u) - (v))
#define MUL(u, v) ((u) * (v))
#define DIV(u, v) ((u) / (v))
#define GT(u, v) ((u) > (v))
#define GE(u, v) ((u) >= (v))
#define LT(u, v) ((u) < (v))
#define LE(u, v) ((u) <= (v))
#define EQ(u, v) ((u) == (v))
#define AND(u, v) ((u) & (v)) /* of comparisons; & lets loops vectorise */
#define OR(u, v) ((u) | (v))
#define NOT(u) (!(u))
#define WHERE(c, u, v) ((c) ? (u) : (v))
#define SIGN(u) C(((u) > 0) - ((u) < 0))
#define ABS(u) R(fabs)(u)
#define SQUARE(u) ((u) * (u))
#define RSQRT(u) (C(1) / R(sqrt)(u))
#define EXP(u) RG_M(exp)(u)
#define EXPM1(u) RG_M(expm1)(u)
#define LOG(u) RG_M(log)(u)
#define LOG2(u) RG_M(log2)(u)
#define LOG1P(u) RG_M(log1p)(u)
#define SIN(u) MATH_ANGLE(sin, u)
#define COS(u) MATH_ANGLE(cos, u)
#define TAN(u) MATH_ANGLE(tan, u)
#define ASIN(u) RG_M(asin)(u)
#define ACOS(u) RG_M(acos)(u)
#define ATAN(u) RG_M(atan)(u)
#define SINH(u) RG_M(sinh)(u)
#define COSH(u) RG_M(cosh)(u)
#define TANH(u) RG_M(tanh)(u)
#define ERF(u) RG_M(erf)(u)
#define ERFC(u) RG_M(erfc)(u)
#define MAX(u, v) ((u) < (v) ? (v) : (u))
#define SIGMOID(u) RG_M(sigmoid)(u)
#define SOFTPLUS(u) (((u) > 0 ? (u) : C(0)) + LOG1P(EXP(-R(fabs)(u))))
#define POW(u, v) RG_M(pow)(u, v)
#define POWER(u, e) RG_M(power)(u, e) /* e is a double: a rounded exponent costs the power many ulps */
#else /* tensors */
#define X y->in[0]
#define A y->in[0]
#define B y->in[1]
#define Y y
#define DY dy
#define C(v) rg_constant(y, v) /* rank 0, in y's dtype */
#define NEG(u) rg_neg(u)
#define ADD(u, v) rg_add(u, v)
#define SUB(u, v) rg_sub(u, v)
#define MUL(u, v) rg_mul(u, v)
#define DIV(u, v) rg_div(u, v)
#define GT(u, v) rg_gt(u, v)
#define GE(u, v) rg_ge(u, v)
#define LT(u, v) rg_lt(u, v)
#define LE(u, v) rg_le(u, v)
#define EQ(u, v) rg_eq(u, v)
#define AND(u, v) rg_logical_and(u, v)
#define OR(u, v) rg_logical_or(u, v)
#define NOT(u) rg_logical_not(u)
#define WHERE(c, u, v) rg_where(c, u, v)
#define SIGN(u) rg_sub(rg_gt(u, C(0)), rg_lt(u, C(0))) /* 0 for NaN, as in the kernel; rg_sign gives NaN */
#define ABS(u) rg_abs(u)
#define SQUARE(u) rg_square(u)
#define RSQRT(u) rg_rsqrt(u)
#define EXP(u) rg_exp(u)
#define EXPM1(u) rg_expm1(u)
#define LOG(u) rg_log(u)
#define LOG2(u) rg_log2(u)
#define LOG1P(u) rg_log1p(u)
#define SIN(u) rg_sin(u)
#define COS(u) rg_cos(u)
#define TAN(u) rg_tan(u)
#define ASIN(u) rg_asin(u)
#define ACOS(u) rg_acos(u)
#define ATAN(u) rg_atan(u)
#define SINH(u) rg_sinh(u)
#define COSH(u) rg_cosh(u)
#define TANH(u) rg_tanh(u)
#define ERF(u) rg_erf(u)
#define ERFC(u) rg_erfc(u)
#define MAX(u, v) rg_maximum(u, v)
#define SIGMOID(u) rg_sigmoid(u)
#define SOFTPLUS(u) rg_softplus(u)
#define POW(u, v) rg_pow(u, v)
#define POWER(u, e) rg_pow_scalar(u, e)
#endif

/* min(u, 0). Where a row needs e^u for u < 0 only, write EXP(BELOW0(u)): WHERE computes both branches, and inf * 0
   in the one that is not chosen would be NaN. */
#define BELOW0(u) WHERE(GT(u, C(0)), C(0), u)
/* (1 + erf(u / 2^(1/2))) / 2 loses its digits for u < 0 */
#define NORMAL_CDF(u) MUL(C(.5), ERFC(MUL(C(-.7071067811865476), u)))
#define NORMAL_PDF(u) MUL(C(.3989422804014327), EXP(MUL(C(-.5), MUL(u, u))))
/* Hendrycks and Gimpel (2016): s(2 (2/pi)^(1/2) (u + .044715 u^3)), and the derivative of the argument of s. */
#define GELU_GATE(u) SIGMOID(MUL(u, ADD(C(1.5957691216057308), MUL(C(.07135481627260025), MUL(u, u)))))
#define GELU_SLOPE(u) ADD(C(1.5957691216057308), MUL(C(.21406444881780076), MUL(u, u)))
/* Klambauer et al. (2017): s, and s a */
#define SELU_S 1.0507009873554805
#define SELU_SA 1.7580993408473766
/* b a^(b - 1) is 0 where b is 0, even if a^-1 is infinite; a^b ln a is 0 where a is 0 and b is not negative. */
#define POW_LESS1(a, b) WHERE(AND(EQ(b, C(0)), NOT(GT(MUL(a, a), C(0)))), C(0), SUB(b, C(1)))
#define POW_BASE(a, b) WHERE(AND(EQ(a, C(0)), GE(b, C(0))), C(1), a)
