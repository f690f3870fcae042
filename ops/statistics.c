/* statistics.c - var, std and norm over any axes, composed of other reductions. */
#include <math.h>

#include "engine/op.h"
#include "ops/ops.h"

#undef RG_AT
#define RG_AT at

/* v^(1/2) for v >= 0, with slope 0 at 0, as PyTorch's std and norm. */
static rg_tensor *root(const char *at, rg_tensor *v) {
    rg_tensor *is_zero = rg_logical_not(v);
    return rg_mul(rg_sqrt(rg_add(v, is_zero)), rg_logical_not(is_zero));
}

/* A divisor below 0 counts as 0, as in PyTorch: the variance of one element is 0 / 0, NaN. */
static rg_tensor *var_over(const char *at, rg_tensor *x, double correction, bool keepdims, int naxes, const int *axes) {
    rg_tape *t = rg_tape_of(x);
    RG_SPEAK_AS("var", x);
    if (!(correction >= 0)) return rg_refuse(t, RG_EVALUE, at, "var: the correction is %g, must be at least 0", correction);
    rg_tensor *mean = rg_mean_keep_at(at, x, naxes, axes);
    if (rg_failed(mean)) return mean;
    double n = 1;
    for (int d = 0; d < x->ndim; d++)
        if (mean->shape[d] != x->shape[d]) n *= (double)x->shape[d];
    rg_tensor *squares = (keepdims ? rg_sum_keep_at : rg_sum_at)(at, rg_square(rg_sub(x, mean)), naxes, axes);
    return rg_mul_scalar(squares, 1 / fmax(n - correction, 0));
}

static rg_tensor *std_over(const char *at, rg_tensor *x, double correction, bool keepdims, int naxes, const int *axes) {
    RG_SPEAK_AS("std", x);
    return root(at, var_over(at, x, correction, keepdims, naxes, axes));
}

static rg_tensor *norm_over(const char *at, rg_tensor *x, double p, bool keepdims, int naxes, const int *axes) {
    RG_SPEAK_AS("norm", x);
    if (p == 1) return (keepdims ? rg_sum_keep_at : rg_sum_at)(at, rg_abs(x), naxes, axes);
    if (p == 2) return root(at, (keepdims ? rg_sum_keep_at : rg_sum_at)(at, rg_square(x), naxes, axes));
    if (p == (double)INFINITY) return (keepdims ? rg_max_keep_at : rg_max_at)(at, rg_abs(x), naxes, axes);
    return rg_refuse(rg_tape_of(x), RG_EVALUE, at, "norm: p is %g, must be 1, 2 or INFINITY", p);
}

/* The functions of ops.h. The number p is the correction of var and std, by default 1, and the power of norm, by default 2. */
#define STATISTIC(n, with_p, p_unless_given)                                                               \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *x, int naxes, const int *axes) {                     \
        return n##_over(at, x, p_unless_given, false, naxes, axes);                                        \
    }                                                                                                      \
    rg_tensor *rg_##n##_keep_at(const char *at, rg_tensor *x, int naxes, const int *axes) {                \
        return n##_over(at, x, p_unless_given, true, naxes, axes);                                         \
    }                                                                                                      \
    rg_tensor *rg_##with_p##_at(const char *at, rg_tensor *x, double p, int naxes, const int *axes) {      \
        return n##_over(at, x, p, false, naxes, axes);                                                     \
    }                                                                                                      \
    rg_tensor *rg_##with_p##_keep_at(const char *at, rg_tensor *x, double p, int naxes, const int *axes) { \
        return n##_over(at, x, p, true, naxes, axes);                                                      \
    }
STATISTIC(var, var_corrected, 1)
STATISTIC(std, std_corrected, 1)
STATISTIC(norm, norm_p, 2)

/* -------- in the registry; a sample without axes is over all of them */

/* The axes of a set, and how many. */
static int listed(unsigned set, int *axes) {
    int n = 0;
    for (int d = 0; set >> d; d++)
        if (set >> d & 1 && n < RG_MAX_DIMS) axes[n++] = d;
    return n;
}

typedef rg_tensor *over_fn(const char *at, rg_tensor *x, double p, bool keepdims, int naxes, const int *axes);
static rg_tensor *over(over_fn *fn, const char *at, rg_attr attr, rg_tensor *x) {
    int axes[RG_MAX_DIMS];
    return fn(at, x, attr.p, attr.reduce.keepdims, attr.reduce.axes ? listed(attr.reduce.axes, axes) : 0, axes);
}
static rg_tensor *var(const char *at, rg_attr attr, rg_tensor *const *in) { return over(var_over, at, attr, in[0]); }
static rg_tensor *std(const char *at, rg_attr attr, rg_tensor *const *in) { return over(std_over, at, attr, in[0]); }
static rg_tensor *norm(const char *at, rg_attr attr, rg_tensor *const *in) { return over(norm_over, at, attr, in[0]); }

#define SPREAD_SAMPLES                                                                                                          \
    "4,17 axes=0 p=1; 4,17 axes=1 p=1 keepdims=1; 4,17 axes=0.1; 2,3,4 axes=1 p=1; 2,3,4 axes=0.2 p=1.5; 2,3,2,3 axes=1.2 p=1;" \
    "17 axes=0 p=1; 3,1,5 axes=1.2 p=1; 0,3 axes=1 p=1"
#define NORM_SAMPLES                                                                                                            \
    "4,17 axes=0 p=1; 4,17 axes=1 p=2 keepdims=1; 4,17 axes=0.1 p=inf; 2,3,4 axes=1 p=2; 2,3,4 axes=0.2 p=inf; 2,3,4 axes=0.1 p=1;" \
    "2,3,2,3 axes=1.2 p=2; 17 axes=0 p=2; 3,1,5 axes=1.2 p=inf; - p=2; - axes=0 p=2; - axes=0 p=inf keepdims=1; " \
    "3,4 p=1; 0,3 axes=0 p=1; 0,3 axes=1 p=inf"
#define REFUSES "2,3 axes=2 p=1; - axes=1 p=1; 2,3:i32 axes=0 p=1"

RG_OP(var) = {.name = "var", .formula = "sum (x_i - mean)^2 / (n - p)", .arity = 1, .compose = var,
    .samples = SPREAD_SAMPLES "; - p=0; - axes=0 p=0; 1,1 axes=0 p=0; 3,0 axes=0",
    .refuses = REFUSES "; 2,3 axes=0 p=nan; 2,3 axes=0 p=-1"};
RG_OP(std) = {.name = "std", .formula = "(sum (x_i - mean)^2 / (n - p))^(1/2), slope 0 where it is 0", .arity = 1, .compose = std,
    .samples = SPREAD_SAMPLES "; - p=0; - axes=0 p=0; 1,1 axes=0 p=0; 3,0 axes=0",
    .refuses = REFUSES "; 2,3 axes=0 p=nan; 2,3 axes=0 p=-1"};
RG_OP(norm) = {.name = "norm", .formula = "(sum |x_i|^p)^(1/p), p = 1, 2 or inf; slope 0 where it is 0", .arity = 1, .compose = norm,
    .samples = NORM_SAMPLES, .refuses = REFUSES "; 2,3 axes=0 p=3; 0,3 axes=0 p=inf"};
