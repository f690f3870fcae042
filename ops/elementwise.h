/* elementwise.h - elementwise functions, each with its formula: activations, powers, trigonometry, arithmetic,
   comparisons. rg_add is in engine/core_ops.h.

   Operands are floats unless the comment says what integers, i32 and u8, give. Two operands broadcast as in NumPy. */
#ifndef RG_ELEMENTWISE_H
#define RG_ELEMENTWISE_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- one operand: activations and functions of a number */
rg_tensor *rg_neg(rg_tensor *x);         /* -x */
rg_tensor *rg_exp(rg_tensor *x);         /* e^x */
rg_tensor *rg_log(rg_tensor *x);         /* ln x */
rg_tensor *rg_log2(rg_tensor *x);        /* ln x / ln 2 */
rg_tensor *rg_sqrt(rg_tensor *x);        /* x^(1/2) */
rg_tensor *rg_square(rg_tensor *x);      /* x^2 */
rg_tensor *rg_abs(rg_tensor *x);         /* |x|, slope 0 at 0 */
rg_tensor *rg_relu(rg_tensor *x);        /* max(x, 0), slope 0 at 0 */
rg_tensor *rg_sigmoid(rg_tensor *x);     /* 1 / (1 + e^-x) */
rg_tensor *rg_tanh(rg_tensor *x);        /* tanh x */
rg_tensor *rg_softplus(rg_tensor *x);    /* ln(1 + e^x) */
rg_tensor *rg_erf(rg_tensor *x);         /* 2 pi^(-1/2) int_0^x e^(-t^2) dt */
rg_tensor *rg_expm1(rg_tensor *x);       /* e^x - 1 */
rg_tensor *rg_log1p(rg_tensor *x);       /* ln(1 + x) */
rg_tensor *rg_rsqrt(rg_tensor *x);       /* x^(-1/2) */
rg_tensor *rg_reciprocal(rg_tensor *x);  /* 1 / x */
rg_tensor *rg_sin(rg_tensor *x);         /* sin x */
rg_tensor *rg_cos(rg_tensor *x);         /* cos x */
rg_tensor *rg_tan(rg_tensor *x);         /* tan x */
rg_tensor *rg_asin(rg_tensor *x);        /* arcsin x */
rg_tensor *rg_acos(rg_tensor *x);        /* arccos x */
rg_tensor *rg_atan(rg_tensor *x);        /* arctan x */
rg_tensor *rg_sinh(rg_tensor *x);        /* (e^x - e^-x) / 2 */
rg_tensor *rg_cosh(rg_tensor *x);        /* (e^x + e^-x) / 2 */
rg_tensor *rg_erfc(rg_tensor *x);        /* 1 - erf x */
rg_tensor *rg_silu(rg_tensor *x);        /* x / (1 + e^-x) */
rg_tensor *rg_mish(rg_tensor *x);        /* x tanh ln(1 + e^x) */
rg_tensor *rg_gelu(rg_tensor *x);        /* x P(normal < x) */
rg_tensor *rg_gelu_tanh(rg_tensor *x);   /* x (1 + tanh((2/pi)^(1/2) (x + .044715 x^3))) / 2 */
rg_tensor *rg_log_sigmoid(rg_tensor *x); /* -ln(1 + e^-x) */
rg_tensor *rg_softsign(rg_tensor *x);    /* x / (1 + |x|) */
rg_tensor *rg_hardtanh(rg_tensor *x);    /* min(max(x, -1), 1), slope 0 at -1 and 1 */
rg_tensor *rg_hardsigmoid(rg_tensor *x); /* min(max(x / 6 + 1/2, 0), 1), slope 0 at -3 and 3 */
rg_tensor *rg_selu(rg_tensor *x);        /* s (x > 0 ? x : a (e^x - 1)) */

/* -------- one operand and numbers */
rg_tensor *rg_add_scalar(rg_tensor *x, double p);      /* x + p */
rg_tensor *rg_mul_scalar(rg_tensor *x, double p);      /* p x */
rg_tensor *rg_pow_scalar(rg_tensor *x, double p);      /* x^p */
rg_tensor *rg_elu(rg_tensor *x, double p);             /* x > 0 ? x : p (e^x - 1) */
rg_tensor *rg_leaky_relu(rg_tensor *x, double p);      /* x > 0 ? x : p x */
rg_tensor *rg_softshrink(rg_tensor *x, double p);      /* x > p ? x - p : x < -p ? x + p : 0 */
rg_tensor *rg_clamp(rg_tensor *x, double p, double q); /* min(max(x, p), q), slope 1 at p and q */

/* -------- rounding, sign and tests of one operand: no derivative */
rg_tensor *rg_sign(rg_tensor *x);        /* (x > 0) - (x < 0), NaN of NaN */
rg_tensor *rg_floor(rg_tensor *x);       /* the largest integer <= x */
rg_tensor *rg_ceil(rg_tensor *x);        /* the smallest integer >= x */
rg_tensor *rg_round(rg_tensor *x);       /* the nearest integer, ties to even */
rg_tensor *rg_isnan(rg_tensor *x);       /* x is NaN; u8 for integers */
rg_tensor *rg_isfinite(rg_tensor *x);    /* x is neither infinite nor NaN; u8 for integers */
rg_tensor *rg_logical_not(rg_tensor *x); /* x == 0; u8 for integers */

/* -------- arithmetic: two operands, each a tensor or a number */
rg_tensor *rg_sub(rg_operand a, rg_operand b);       /* a - b; i32 for integers */
rg_tensor *rg_mul(rg_operand a, rg_operand b);       /* a * b; i32 for integers */
rg_tensor *rg_div(rg_operand a, rg_operand b);       /* a / b */
rg_tensor *rg_maximum(rg_operand a, rg_operand b);   /* max(a, b), ties share; integers too */
rg_tensor *rg_minimum(rg_operand a, rg_operand b);   /* min(a, b), ties share; integers too */
rg_tensor *rg_pow(rg_operand a, rg_operand b);       /* a^b */
rg_tensor *rg_logaddexp(rg_operand a, rg_operand b); /* ln(e^a + e^b) */
rg_tensor *rg_bce_each(rg_operand a, rg_operand b);  /* -b ln a - (1 - b) ln(1 - a), logarithms at least -100 */

/* -------- comparisons and logic: 1 where it is true, else 0; u8 for integers; no derivative */
rg_tensor *rg_gt(rg_operand a, rg_operand b);          /* a > b */
rg_tensor *rg_eq(rg_operand a, rg_operand b);          /* a == b */
rg_tensor *rg_lt(rg_operand a, rg_operand b);          /* a < b */
rg_tensor *rg_ge(rg_operand a, rg_operand b);          /* a >= b */
rg_tensor *rg_le(rg_operand a, rg_operand b);          /* a <= b */
rg_tensor *rg_ne(rg_operand a, rg_operand b);          /* a != b */
rg_tensor *rg_logical_and(rg_operand a, rg_operand b); /* a != 0 and b != 0 */
rg_tensor *rg_logical_or(rg_operand a, rg_operand b);  /* a != 0 or b != 0 */
rg_tensor *rg_logical_xor(rg_operand a, rg_operand b); /* (a != 0) != (b != 0) */

#ifdef __cplusplus
}
#endif

#include "elementwise_calls.h"
#endif
