/* softmax.c - logsumexp, softmax and log_softmax over one axis, all shifted by the maximum m of x, so that nothing overflows.
   Infinities go as in PyTorch: logsumexp of a row of -inf, or of no elements, is -inf, with a +inf it is +inf; softmax and
   log_softmax of such rows are NaN, as is the gradient of all three.                                                        */
#include "ops/axes.h"
#include "ops/rule.h"

#define SAMPLES \
    "4,17 axis=1; 4,17 axis=0; 5,7 axis=-1; 2,3,4 axis=1; 2,3,4 axis=0; 17 axis=0; - axis=0; - axis=-1; " \
    "4,1 axis=1; 4,1 axis=0; 1,1 axis=-2; 0,3 axis=1; 3,0 axis=0"
#define REFUSES "2,3 axis=2; 2,3 axis=-3; - axis=1; - axis=-2; 2,3:i32 axis=0"

/* -------- logsumexp    dx = dy exp(x - y) */

static int reduced(rg_tensor *y) { return rg_axes_check(y) || rg_shape_without(y, y->in[0], y->attr.axis) ? -1 : 0; }

static rg_tensor *kept(rg_tensor *y, rg_tensor *v) { return y->in[0]->ndim ? rg_unsqueeze(v, y->attr.axis) : v; }

static void logsumexp_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *softmax = rg_exp(rg_sub(y->in[0], kept(y, y)));
    dx[0] = rg_mul(kept(y, dy), softmax);
}

RG_KERNELS(logsumexp);
RG_FUSED_KERNELS(logsumexp_vjp);
RG_OP(logsumexp) = {.name = "logsumexp", .formula = "log sum exp x_i", .arity = 1, .shape = reduced, .forward = RG_WIDE_KERNEL(logsumexp),
    .backward = logsumexp_backward, .fused = RG_WIDE_KERNEL(logsumexp_vjp), .samples = SAMPLES "; 3,0 axis=1", .refuses = REFUSES};

/* Over several axes one after another: the logarithm of a sum of sums. */
static rg_tensor *over_axes(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes) {
    const rg_attr all = rg_axes_attr(x, keepdims, naxes, axes);
    if (!x || all.reduce.fault) return rg_apply(&rg_op_logsumexp, at, all, 1, &x); /* says so */
    const int ndim = x->ndim;
    for (int axis = RG_MAX_DIMS - 1; axis >= 0; axis--) {
        if (!(all.reduce.axes >> axis & 1)) continue;
        x = rg_apply(&rg_op_logsumexp, at, (rg_attr){.axis = axis}, 1, &x);
        if (rg_failed(x)) break;
        if (keepdims && ndim) x = rg_unsqueeze_at(at, x, axis);
    }
    return x;
}
rg_tensor *rg_logsumexp_at(const char *at, rg_tensor *x, int naxes, const int *axes) { return over_axes(at, x, false, naxes, axes); }
rg_tensor *rg_logsumexp_keep_at(const char *at, rg_tensor *x, int naxes, const int *axes) { return over_axes(at, x, true, naxes, axes); }

/* -------- softmax    dx = y (dy - sum y dy) */

static int like_x(rg_tensor *y) { return rg_axis(y, y->in[0], &y->attr.axis) || rg_shape_like(y, y->in[0]) ? -1 : 0; }

static void softmax_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_mul(y, rg_sub(dy, rg_sum_keep(rg_mul(y, dy), y->attr.axis)));
}

RG_KERNELS(softmax);
RG_FUSED_KERNELS(softmax_vjp);
RG_OP(softmax) = {.name = "softmax", .formula = "exp x_i / sum exp x", .arity = 1, .shape = like_x, .forward = RG_WIDE_KERNEL(softmax),
    .backward = softmax_backward, .fused = RG_WIDE_KERNEL(softmax_vjp), .samples = SAMPLES, .refuses = REFUSES};

rg_tensor *rg_softmax_at(const char *at, rg_tensor *x, int axis) { return rg_apply(&rg_op_softmax, at, (rg_attr){.axis = axis}, 1, &x); }

/* -------- log_softmax    dx = dy - exp(y) sum dy */

static void log_softmax_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_sub(dy, rg_mul(rg_exp(y), rg_sum_keep(dy, y->attr.axis)));
}

RG_KERNELS(log_softmax);
RG_FUSED_KERNELS(log_softmax_vjp);
RG_OP(log_softmax) = {.name = "log_softmax", .formula = "x_i - log sum exp x", .arity = 1, .shape = like_x,
    .forward = RG_WIDE_KERNEL(log_softmax),
    .backward = log_softmax_backward, .fused = RG_WIDE_KERNEL(log_softmax_vjp), .samples = SAMPLES, .refuses = REFUSES};

rg_tensor *rg_log_softmax_at(const char *at, rg_tensor *x, int axis) {
    return rg_apply(&rg_op_log_softmax, at, (rg_attr){.axis = axis}, 1, &x);
}
