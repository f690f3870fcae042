/* reduce.c - reductions over any axes: sum mean max, and over one: argmax. attr.axes is the set of axes, a bit each. */
#include <limits.h>

#include "ops/rule.h"

/* What the caller asked for and cannot have, in attr.i[2] and [3]: an axis, and what is wrong with it. */
enum { FINE, OUTSIDE, TWICE };

static int shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const int axis = y->attr.i[2], wrong = y->attr.i[3];
    if (wrong == TWICE) return rg_reject(y, RG_ESHAPE, "axis %d stands twice", axis);
    if (wrong) return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions", axis, x->ndim);
    return rg_shape_reduce(y, x, y->attr.axes, y->attr.keepdims);
}

/* naxes -1 = all. Negative axes count from the end. */
static rg_tensor *reduce(const rg_op *op, const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes) {
    const int ndim = rg_ndim(x);
    rg_attr attr = {.axes = naxes < 0 ? (1u << ndim) - 1 : 0, .keepdims_ = keepdims};
    for (int k = 0; k < naxes && attr.i[3] == FINE; k++) {
        const int axis = axes[k] < 0 ? axes[k] + ndim : axes[k];
        const bool outside = axis < 0 || axis >= ndim;
        if (outside || attr.axes >> axis & 1) {
            attr.i[2] = axes[k];
            attr.i[3] = outside ? OUTSIDE : TWICE;
        } else {
            attr.axes |= 1u << axis;
        }
    }
    return rg_apply(op, at, attr, 1, &x);
}

/* v, of y's shape, with the reduced axes as dimensions of 1: it broadcasts to x. */
static rg_tensor *kept(rg_tensor *y, rg_tensor *v) {
    const rg_tensor *x = y->in[0];
    if (v->ndim == x->ndim) return v;
    int64_t to[RG_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) to[d] = y->attr.axes >> d & 1 ? 1 : x->shape[d];
    return rg_reshape_at(y->at, v, x->ndim, to);
}

static rg_tensor *spread(rg_tensor *y, rg_tensor *v) { return rg_expand_at(y->at, kept(y, v), y->in[0]->ndim, y->in[0]->shape); }

#define SAMPLES                                                                                                                 \
    "4,17 axes=0; 4,17 axes=1; 4,17 axes=1 keepdims=1; 4,17 axes=0.1; 17 axes=0 keepdims=1; 2,3,4 axes=1; 2,3,4 axes=0.2;"      \
    "2,3,4 axes=0.2 keepdims=1; 2,3,2,3 axes=1.2; 2,3,2,3 axes=0.3; 2,1,3,1 axes=1.2; -; 1,1 axes=0; 3,4;"
#define REFUSES "2,3 axes=2; 2,3 axes=0.5; - axes=0; 2,3:i32 axes=0; 2:u8 axes=0"

/* -------- sum    dx = dy, spread over what was summed */

static void sum_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = spread(y, dy); }

RG_KERNELS(sum);
RG_OP(sum) = {.name = "sum", .formula = "sum x_i", .arity = 1, .shape = shape, .forward = RG_KERNEL(sum), .backward = sum_backward,
    .samples = SAMPLES "0,3 axes=0; 0,3 axes=1; 3,0 axes=0.1", .refuses = REFUSES};

rg_tensor *rg_sum_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes) {
    return reduce(&rg_op_sum, at, x, keepdims, naxes, axes);
}

/* -------- mean    dx = dy / n, spread; over nothing NaN, as in NumPy */

static void mean_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    double n = 1;
    for (int d = 0; d < y->in[0]->ndim; d++)
        if (y->attr.axes >> d & 1) n *= (double)y->in[0]->shape[d];
    dx[0] = spread(y, rg_mul_scalar(dy, n > 0 ? 1 / n : 0)); /* of none: spread to nothing, but a 1 / 0 would show in derivatives by dy */
}

RG_KERNELS(mean);
RG_OP(mean) = {.name = "mean", .formula = "sum x_i / n", .arity = 1, .shape = shape, .forward = RG_KERNEL(mean), .backward = mean_backward,
    .samples = SAMPLES "0,3 axes=0; 0,3 axes=1; 2,0 axes=0", .refuses = REFUSES};

rg_tensor *rg_mean_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes) {
    return reduce(&rg_op_mean, at, x, keepdims, naxes, axes);
}

/* -------- max    dx = dy where x is the maximum, divided by the number of such places: ties share it equally */

static int max_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (shape(y)) return -1;
    for (int d = 0; d < x->ndim; d++)
        if (y->attr.axes >> d & 1 && x->shape[d] == 0) return rg_reject(y, RG_EVALUE, "no maximum over axis %d of size 0", d);
    return 0;
}

static void max_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *x = y->in[0], *is_max = rg_eq(x, kept(y, y));
    rg_tensor *ties = rg_apply(&rg_op_sum, y->at, (rg_attr){.axes = y->attr.axes, .keepdims_ = true}, 1, &is_max);
    dx[0] = rg_mul(is_max, rg_div(kept(y, dy), ties));
}

RG_KERNELS(max);
RG_BRANCHES(max_branch);
RG_OP(max) = {.name = "max", .formula = "max x_i, ties share", .arity = 1, .shape = max_shape, .forward = RG_KERNEL(max), .backward = max_backward,
    .branch = RG_BRANCH(max_branch), .samples = SAMPLES "0,3 axes=1; 2,0 axes=0", .refuses = REFUSES "; 0,3 axes=0; 2,0 axes=0.1"};

rg_tensor *rg_max_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes) {
    return reduce(&rg_op_max, at, x, keepdims, naxes, axes);
}

/* -------- argmax: the first of ties; NaN is the largest, as in NumPy */

static int argmax_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    y->dtype = RG_I32;
    if (rg_shape_without(y, x, y->attr.axis)) return -1;
    const int64_t n = x->shape[y->attr.axis];
    if (n == 0) return rg_reject(y, RG_EVALUE, "no maximum over axis %d of size 0", y->attr.axis);
    if (n > INT32_MAX) return rg_reject(y, RG_EVALUE, "an i32 cannot index axis %d of size %lld", y->attr.axis, (long long)n);
    return 0;
}

static uint64_t argmax_branch(const rg_tensor *y) {
    uint64_t h = 14695981039346656037u;
    for (int64_t i = 0; i < y->numel; i++) h = (h ^ (uint32_t)((const int32_t *)y->data)[i]) * 1099511628211u;
    return h;
}

RG_KERNELS(argmax);
RG_OP(argmax) = {.name = "argmax", .formula = "first i where x_i is largest", .arity = 1, .shape = argmax_shape, .forward = RG_KERNEL(argmax),
    .branch = {argmax_branch, argmax_branch}, .samples = "4,17 axis=1; 4,17 axis=0; 2,3,4 axis=1; 2,3,4 axis=-1; 17 axis=0; 1,1 axis=0; 0,3 axis=1; 3,0 axis=0",
    .refuses = "2,3 axis=2; 2,3 axis=-3; - axis=0; 0,3 axis=0; 2,3:i32 axis=0"};

rg_tensor *rg_argmax_at(const char *at, rg_tensor *x, int axis) { return rg_apply(&rg_op_argmax, at, (rg_attr){.axis = axis}, 1, &x); }
