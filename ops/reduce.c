/* reduce.c - reductions over any axes: sum mean prod max min any all, and over one axis: argmax argmin. attr.reduce.axes is the set of
   axes, a bit for each. For integers sum gives i32, mean the tape's float type, max and min the operand's dtype. */
#include <limits.h>

#include "ops/axes.h"
#include "ops/index.h"
#include "ops/integers.h"
#include "ops/rule.h"

static int shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (rg_axes_check(y) || rg_shape_reduce(y, x, y->attr.reduce.axes, y->attr.reduce.keepdims)) return -1;
    if (x->ndim == 0) y->attr.reduce.axes = 0; /* rank 0 accepts axis 0, but has no dimension to reduce */
    return 0;
}

#define REDUCTION(n)                                                                        \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *x, int naxes, const int *axes) {      \
        return rg_apply(&rg_op_##n, at, rg_axes_attr(x, false, naxes, axes), 1, &x);        \
    }                                                                                       \
    rg_tensor *rg_##n##_keep_at(const char *at, rg_tensor *x, int naxes, const int *axes) { \
        return rg_apply(&rg_op_##n, at, rg_axes_attr(x, true, naxes, axes), 1, &x);         \
    }

/* v, of y's shape, with the reduced axes as dimensions of 1: it broadcasts to x. */
static rg_tensor *kept(rg_tensor *y, rg_tensor *v) {
    const rg_tensor *x = y->in[0];
    if (v->ndim == x->ndim || v->ndim == 0) return v;
    int64_t to[RG_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) to[d] = y->attr.reduce.axes >> d & 1 ? 1 : x->shape[d];
    return rg_reshape_at(y->at, v, x->ndim, to);
}

static rg_tensor *spread(rg_tensor *y, rg_tensor *v) { return rg_expand_at(y->at, kept(y, v), y->in[0]->ndim, y->in[0]->shape); }

#define SAMPLES                                                                                                                 \
    "4,17 axes=0; 4,17 axes=1; 4,17 axes=1 keepdims=1; 4,17 axes=0.1; 17 axes=0 keepdims=1; 2,3,4 axes=1; 2,3,4 axes=0.2;"      \
    "2,3,4 axes=0.2 keepdims=1; 2,3,2,3 axes=1.2; 2,3,2,3 axes=0.3; 2,1,3,1 axes=1.2; -; - axes=0; - axes=0 keepdims=1; 1,1 axes=0; 3,4;"
#define INTEGERS "; 4,5:i32<9 axes=0; 4,5:i32<9 axes=1 keepdims=1; 2,3,4:u8 axes=0.2; 9:u8; -:i32=-3; 3,0:i32 axes=0"
#define REFUSES "2,3 axes=2; 2,3 axes=0.5; - axes=1; 2,3:i32 axes=2"

/* -------- sum    dx = dy, expanded to x */

static void sum_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = spread(y, dy); }

static int sum_shape(rg_tensor *y) { return y->dtype = RG_I32, shape(y); }

RG_INTEGERS(sum, "sum x_i", 1, sum_shape);
RG_KERNELS(sum);
RG_FUSED_KERNELS(sum_vjp);
RG_OP(sum) = {.name = "sum", .formula = "sum x_i", .arity = 1, .others = &rg_op_sum_integers, .shape = shape, .forward = RG_KERNEL(sum),
    .backward = sum_backward, .fused = RG_KERNEL(sum_vjp),
    .samples = SAMPLES "0,3 axes=0; 0,3 axes=1; 3,0 axes=0.1" INTEGERS, .refuses = REFUSES "; 2,3:i32=2147483647 axes=0"};

REDUCTION(sum)

/* -------- mean    dx = dy / n, expanded to x; the mean over nothing is NaN, as in NumPy */

static void mean_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    double n = 1;
    for (int d = 0; d < y->in[0]->ndim; d++)
        if (y->attr.reduce.axes >> d & 1) n *= (double)y->in[0]->shape[d];
    dx[0] = spread(y, rg_mul_scalar(dy, n > 0 ? 1 / n : 0)); /* n = 0: dx is empty, but 1 / 0 would show in derivatives by dy */
}

static int mean_shape(rg_tensor *y) { return y->dtype = rg_default_dtype(y->tape), shape(y); }

RG_INTEGERS(mean, "sum x_i / n", 1, mean_shape);
RG_KERNELS(mean);
RG_FUSED_KERNELS(mean_vjp);
RG_OP(mean) = {.name = "mean", .formula = "sum x_i / n", .arity = 1, .others = &rg_op_mean_integers, .shape = shape,
    .forward = RG_KERNEL(mean), .backward = mean_backward, .fused = RG_KERNEL(mean_vjp),
    .samples = SAMPLES "0,3 axes=0; 0,3 axes=1; 2,0 axes=0" INTEGERS, .refuses = REFUSES};

REDUCTION(mean)

/* -------- prod    dx_i = dy prod_(j != i) x_j, by products alone, so that zeros among the x_j do no harm.
   Along the reduced axes x is n slices. Up: each level holds the products of pairs of the level below, slice i times slice i + n / 2; a
   last slice without a partner stays as it is. Down: the product of all slices but one is its partner times the product of all
   slices outside of its pair. */

enum { LEVELS = 64 };

/* The axes of x for rg_permute: the reduced ones first, then the others. */
static void reduced_first(const rg_tensor *y, int *axes) {
    int k = 0;
    for (int reduced = 1; reduced >= 0; reduced--)
        for (int d = 0; d < y->in[0]->ndim; d++)
            if ((int)(y->attr.reduce.axes >> d & 1) == reduced) axes[k++] = d;
}

static void prod_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_tensor *x = y->in[0];
    if (x->numel == 0) return;
    int axes[RG_MAX_DIMS], inverse[RG_MAX_DIMS], top = 0;
    reduced_first(y, axes);
    for (int d = 0; d < x->ndim; d++) inverse[axes[d]] = d;
    const int64_t m = y->numel;
    rg_tensor *moved = rg_permute_at(y->at, y->in[0], x->ndim, axes), *level[LEVELS] = {rg_reshape(moved, x->numel / m, m)};
    for (int64_t n = x->numel / m; n > 1; n -= n / 2, top++) {
        rg_tensor *pairs = rg_mul(rg_slice(level[top], 0, 0, n / 2), rg_slice(level[top], 0, n / 2, n / 2 * 2));
        level[top + 1] = n % 2 ? rg_concat(0, pairs, rg_slice(level[top], 0, n - 1, n)) : pairs;
    }
    rg_tensor *others = rg_reshape(dy, 1, m);
    while (top-- > 0) {
        const int64_t n = rg_dim(level[top], 0);
        rg_tensor *pairs = rg_slice(others, 0, 0, n / 2);
        rg_tensor *a = rg_mul(pairs, rg_slice(level[top], 0, n / 2, n / 2 * 2)), *b = rg_mul(pairs, rg_slice(level[top], 0, 0, n / 2));
        others = n % 2 ? rg_concat(0, a, b, rg_slice(others, 0, n / 2, n / 2 + 1)) : rg_concat(0, a, b);
    }
    dx[0] = rg_permute_at(y->at, rg_reshape_at(y->at, others, x->ndim, rg_shape(moved)), x->ndim, inverse);
}

RG_KERNELS(prod);
RG_OP(prod) = {.name = "prod", .formula = "prod x_i", .arity = 1, .shape = shape, .forward = RG_KERNEL(prod), .backward = prod_backward,
    .samples = SAMPLES "0,3 axes=0; 0,3 axes=1; 3,0 axes=0.1", .refuses = REFUSES "; 2,3:i32 axes=0; 2:u8 axes=0"};

REDUCTION(prod)

/* -------- max, min    dx = dy where x is the extreme, divided by the number of such places: ties share it equally */

static int nothing(rg_tensor *y, const char *what, int axis) { return rg_reject(y, RG_EVALUE, "no %s over axis %d of size 0", what, axis); }

static int extreme_shape(rg_tensor *y, const char *what) {
    const rg_tensor *x = y->in[0];
    if (shape(y)) return -1;
    for (int d = 0; d < x->ndim; d++)
        if (y->attr.reduce.axes >> d & 1 && x->shape[d] == 0) return nothing(y, what, d);
    return 0;
}
static int max_shape(rg_tensor *y) { return extreme_shape(y, "maximum"); }
static int min_shape(rg_tensor *y) { return extreme_shape(y, "minimum"); }

static void extreme_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *x = y->in[0], *is_there = rg_eq(x, kept(y, y));
    rg_tensor *ties = rg_apply(&rg_op_sum, y->at, (rg_attr){.reduce = {.axes = y->attr.reduce.axes, .keepdims = true}}, 1, &is_there);
    dx[0] = rg_mul(is_there, rg_div(kept(y, dy), ties));
}

#define EXTREME_SAMPLES SAMPLES "0,3 axes=1; 2,0 axes=0" INTEGERS
#define EXTREME_REFUSES REFUSES "; 0,3 axes=0; 2,0 axes=0.1; 0,3:i32 axes=0"
RG_INTEGERS(max, "max x_i", 1, max_shape);
RG_INTEGERS(min, "min x_i", 1, min_shape);
RG_KERNELS(max);
RG_KERNELS(min);
RG_FUSED_KERNELS(extreme_vjp);
RG_BRANCHES(extreme_branch);
RG_OP(max) = {.name = "max", .formula = "max x_i, ties share", .arity = 1, .others = &rg_op_max_integers, .shape = max_shape,
    .forward = RG_KERNEL(max),
    .backward = extreme_backward, .fused = RG_KERNEL(extreme_vjp), .branch = RG_BRANCH(extreme_branch), .samples = EXTREME_SAMPLES,
    .refuses = EXTREME_REFUSES};
RG_OP(min) = {.name = "min", .formula = "min x_i, ties share", .arity = 1, .others = &rg_op_min_integers, .shape = min_shape,
    .forward = RG_KERNEL(min),
    .backward = extreme_backward, .fused = RG_KERNEL(extreme_vjp), .branch = RG_BRANCH(extreme_branch), .samples = EXTREME_SAMPLES,
    .refuses = EXTREME_REFUSES};

REDUCTION(max)

REDUCTION(min)

/* -------- any: is an element not 0? all: is none 0? Of floats too: NaN is not 0, as in NumPy and PyTorch. u8, without a derivative */

static int truth_shape(rg_tensor *y) { return y->dtype = RG_U8, shape(y); }

static uint64_t truth_branch(const rg_tensor *y) {
    uint64_t h = RG_HASH;
    for (int64_t i = 0; i < y->numel; i++) h = rg_hash(h, ((const uint8_t *)y->data)[i]);
    return h;
}

#define TRUTH_SAMPLES                                                                                                           \
    SAMPLES "4,17:f<2 axes=0; 4,3:f<2 axes=1 keepdims=1; 3,5:f=0; 0,3 axes=0; 0,3 axes=1; 3,0 axes=0.1; 5,4:u8<2 axes=1;"       \
    "2,3,4:i32<2 axes=0.2; 9:u8=0; 9:i32=-1; -:u8=1; 3,4:f64<2 axes=0"
rg_kernel rg_k_any_integers, rg_k_all_integers;
RG_OP(any) = {.name = "any", .formula = "1 if an x_i is not 0, else 0", .arity = 1, .types = "a", .shape = truth_shape,
    .forward = RG_ANY(rg_k_any_integers), .branch = {truth_branch, truth_branch}, .samples = TRUTH_SAMPLES, .refuses = REFUSES};
RG_OP(all) = {.name = "all", .formula = "1 if no x_i is 0, else 0", .arity = 1, .types = "a", .shape = truth_shape,
    .forward = RG_ANY(rg_k_all_integers), .branch = {truth_branch, truth_branch}, .samples = TRUTH_SAMPLES, .refuses = REFUSES};

REDUCTION(any)

REDUCTION(all)

/* -------- argmax, argmin: the first of ties; NaN comes before all numbers, as in NumPy */

static int arg_shape(rg_tensor *y, const char *what) {
    const rg_tensor *x = y->in[0];
    y->dtype = RG_I32;
    if (rg_shape_without(y, x, y->attr.axis)) return -1;
    const int64_t n = rg_axis_size(x, y->attr.axis);
    if (n == 0) return nothing(y, what, y->attr.axis);
    if (n > INT32_MAX) return rg_reject(y, RG_EVALUE, "an i32 cannot index axis %d of size %lld", y->attr.axis, (long long)n);
    return 0;
}
static int argmax_shape(rg_tensor *y) { return arg_shape(y, "maximum"); }
static int argmin_shape(rg_tensor *y) { return arg_shape(y, "minimum"); }

#define ARG_SAMPLES \
    "4,17 axis=1; 4,17 axis=0; 2,3,4 axis=1; 2,3,4 axis=-1; 17 axis=0; - axis=0; - axis=-1; 1,1 axis=0; 0,3 axis=1; 3,0 axis=0;" \
    "4,5:i32<9 axis=1; 2,3,4:u8 axis=1; -:i32 axis=0; 3,0:i32 axis=0"
#define ARG_REFUSES "2,3 axis=2; 2,3 axis=-3; - axis=1; - axis=-2; 0,3 axis=0; 0,3:i32 axis=0; 2,3:u8 axis=2"

RG_INTEGERS(argmax, "first i where x_i is largest", 1, argmax_shape);
RG_INTEGERS(argmin, "first i where x_i is smallest", 1, argmin_shape);
RG_KERNELS(argmax);
RG_KERNELS(argmin);
RG_OP(argmax) = {.name = "argmax", .formula = "first i where x_i is largest", .arity = 1, .others = &rg_op_argmax_integers,
    .shape = argmax_shape,
    .forward = RG_KERNEL(argmax),
    .branch = {rg_index_branch, rg_index_branch}, .samples = ARG_SAMPLES, .refuses = ARG_REFUSES};
RG_OP(argmin) = {.name = "argmin", .formula = "first i where x_i is smallest", .arity = 1, .others = &rg_op_argmin_integers,
    .shape = argmin_shape,
    .forward = RG_KERNEL(argmin),
    .branch = {rg_index_branch, rg_index_branch}, .samples = ARG_SAMPLES, .refuses = ARG_REFUSES};

/* Along one axis; without an axis, over all elements in the order of memory. */
static rg_tensor *arg(const rg_op *op, const char *at, rg_tensor *x, int naxes, const int *axes) {
    if (rg_failed(x)) return rg_apply(op, at, RG_NO_ATTR, 1, &x); /* reports it */
    if (naxes < 0 || naxes > 1 || (naxes && !axes))
        return rg_refuse(x->tape, RG_EVALUE, at, "%s: %d axes, not one or none", op->name, naxes);
    if (naxes == 0) x = rg_reshape_at(at, x, 1, (const int64_t[]){x->numel});
    return rg_apply(op, at, (rg_attr){.axis = naxes ? axes[0] : 0}, 1, &x);
}
rg_tensor *rg_argmax_at(const char *at, rg_tensor *x, int naxes, const int *axes) { return arg(&rg_op_argmax, at, x, naxes, axes); }
rg_tensor *rg_argmin_at(const char *at, rg_tensor *x, int naxes, const int *axes) { return arg(&rg_op_argmin, at, x, naxes, axes); }
