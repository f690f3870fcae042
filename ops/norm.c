/* norm.c - layer_norm, rms_norm and batch_norm: y = w x' + b, where over some axes x' = (x - m) r, r = (mean (x - m)^2 + eps)^(-1/2),
   m = mean x, or 0 for rms_norm.    With g = w dy: dx = r (g - mean g - x' mean(g x')), without mean g where m = 0;
   dw = dy x' and db = dy, summed down to them. Sources: Ba, Kiros, Hinton 2016; Zhang, Sennrich 2019; Ioffe, Szegedy 2015.          */
#include "ops/rule.h"

#include <math.h>
#include <string.h>

/* For operands x, w, b, of which w and b may be missing: checks eps and the shapes of w and b, and sets y's shape. most: operands */
static int check(rg_tensor *y, int most, const int64_t *shape, int ndim) {
    if (y->nin > most) return rg_reject(y, RG_ESHAPE, "%d operands, at most %d", y->nin, most);
    if (!(y->attr.p >= 0 && isfinite(y->attr.p))) return rg_reject(y, RG_EVALUE, "eps is %g, must be at least 0 and finite", y->attr.p);
    for (int i = 1; i < y->nin; i++) {
        const rg_tensor *w = y->in[i];
        rg_tensor should = {.tape = y->tape, .dtype = w->dtype, .ndim = (uint8_t)ndim};
        char text[160];
        memcpy(should.shape, shape, (size_t)ndim * sizeof *shape);
        if (w->ndim != ndim || memcmp(w->shape, shape, (size_t)ndim * sizeof *shape) != 0)
            return rg_reject(y, RG_ESHAPE, "the %s must be %s", i > 1 ? "bias" : "weight", rg_shape_text(&should, text, sizeof text));
    }
    return rg_shape_like(y, y->in[0]);
}

/* The formula above, over a set of axes. w: the weight, in a shape broadcasting to x, or NULL. dw and db have x's shape, not summed yet. */
static void rule(rg_tensor *y, rg_tensor *dy, rg_tensor *w, bool centred, int n, const int *axes, rg_tensor **dx) {
#define MEAN(v) rg_mean_keep_at(y->at, v, n, axes)
    rg_tensor *x = y->in[0], *c = centred ? rg_sub(x, MEAN(x)) : x;
    rg_tensor *r = rg_pow_scalar(rg_add_scalar(MEAN(rg_square(c)), y->attr.p), -.5), *normal = rg_mul(c, r);
    if (rg_needs(y, 0)) {
        rg_tensor *g = w ? rg_mul(dy, w) : dy, *along = rg_mul(normal, MEAN(rg_mul(g, normal)));
        dx[0] = rg_mul(r, rg_sub(centred ? rg_sub(g, MEAN(g)) : g, along));
    }
    if (y->nin > 1 && rg_needs(y, 1)) dx[1] = rg_mul(dy, normal);
    if (y->nin > 2 && rg_needs(y, 2)) dx[2] = dy;
#undef MEAN
}

static rg_tensor *apply(const rg_op *op, const char *at, rg_attr attr, rg_tensor *x, rg_tensor *w, rg_tensor *b) {
    if (b && !w) return rg_refuse(rg_tape_of(x), RG_EVALUE, at, "%s: a bias without a weight", op->name);
    return rg_apply(op, at, attr, b ? 3 : w ? 2 : 1, (rg_tensor *[]){x, w, b});
}

/* -------- over the last axes, from attr.axis on. saved: mean and r, one each per row */

static int rows_shape(rg_tensor *y, int most) {
    const rg_tensor *x = y->in[0];
    if (x->ndim == 0) return rg_reject(y, RG_ESHAPE, "rank 0 has no axes to normalise");
    return rg_axis(y, x, &y->attr.axis) || check(y, most, x->shape + y->attr.axis, x->ndim - y->attr.axis) ? -1 : 0;
}
static int layer_norm_shape(rg_tensor *y) { return rows_shape(y, 3); }
static int rms_norm_shape(rg_tensor *y) { return rows_shape(y, 2); }

static void rows_rule(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, bool centred) {
    int axes[RG_MAX_DIMS], n = 0;
    for (int d = y->attr.axis; d < y->ndim; d++) axes[n++] = d;
    rule(y, dy, y->nin > 1 ? y->in[1] : NULL, centred, n, axes, dx); /* w and b have the last axes' shape: the engine sums down to them */
}
static void layer_norm_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rows_rule(y, dy, dx, true); }
static void rms_norm_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rows_rule(y, dy, dx, false); }

RG_KERNELS(layer_norm);
RG_FUSED_KERNELS(layer_norm_vjp);
RG_OP(layer_norm) = {.name = "layer_norm", .formula = "w (x - mean x) / sqrt(var x + eps) + b, over the last axes", .arity = -1,
    .shape = layer_norm_shape, .forward = RG_KERNEL(layer_norm), .backward = layer_norm_backward, .fused = RG_KERNEL(layer_norm_vjp),
    .samples = "4,17 17 17 axis=-1 p=.1; 2,3,4 3,4 3,4 axis=1 p=.01; 5,7 7 axis=1 p=1e-5; 5,3,4 axis=2 p=.1; 17 same axis=0 p=.1; "
               "3,2 3,2 3,2 axis=0 p=.5;"
               "3,1 1 1 axis=-1 p=.1; 1,1 1 axis=-1 p=.1; 0,3 3 3 axis=-1 p=.1; 3,0 0 0 axis=-1 p=.1",
    .refuses = "4,17 16 16 axis=-1 p=.1; 4,17 17 4 axis=-1 p=.1; 4,17 17 axis=0 p=.1; 4,17 17 17 axis=2; 4,17 17 17 axis=-1 p=-.1; "
               "4,17 17 17 axis=-1 p=nan;"
               "4,17 17 17 axis=-1 p=inf; 4,17 17 17 17 axis=-1; - axis=0; 4,17:i32 17:i32 axis=-1; 4,17:f64 17:f32 axis=-1"};
RG_KERNELS(rms_norm);
RG_FUSED_KERNELS(rms_norm_vjp);
RG_OP(rms_norm) = {.name = "rms_norm", .formula = "w x / sqrt(mean x^2 + eps), over the last axes", .arity = -1,
    .shape = rms_norm_shape, .forward = RG_KERNEL(rms_norm), .backward = rms_norm_backward, .fused = RG_KERNEL(rms_norm_vjp),
    .samples = "4,17 17 axis=-1 p=.1; 2,3,4 3,4 axis=1 p=.01; 5,7 7 axis=1 p=1e-5; 5,3,4 axis=2 p=.1; 17 same axis=0 p=.1; "
               "3,2 3,2 axis=0 p=.5;"
               "9,1 1 axis=-1 p=.5; 1,1 1 axis=-1 p=.5; 0,3 3 axis=-1 p=.1; 3,0 0 axis=-1 p=.1",
    .refuses = "4,17 16 axis=-1 p=.1; 4,17 17 axis=0 p=.1; 4,17 17 axis=2; 4,17 17 axis=-1 p=-.1; 4,17 17 17 axis=-1; - axis=0; "
               "4,17:i32 17:i32 axis=-1"};

/* Sets the attribute for the last k axes, axis = -k. k must be at least 1. */
static int last(const char *at, const rg_op *op, const rg_tensor *x, int k, double eps, rg_attr *to) {
    if (k < 1) return rg_fail(rg_tape_of(x), RG_EVALUE, at, "%s: k is %d, must be at least 1", op->name, k);
    *to = (rg_attr){.axis = -k, .p = eps};
    return 0;
}

rg_tensor *rg_layer_norm_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b, int k, rg_layer_norm_options options) {
    rg_attr attr;
    return last(at, &rg_op_layer_norm, x, k, rg_option(options.eps, 1e-5), &attr) ? rg_poison(rg_tape_of(x))
                                                                                  : apply(&rg_op_layer_norm, at, attr, x, w, b);
}

rg_tensor *rg_rms_norm_at(const char *at, rg_tensor *x, rg_tensor *w, int k, rg_rms_norm_options options) {
    rg_attr attr;
    const double eps = rg_option(options.eps, rg_dtype_of(x) == RG_F64 ? 0x1p-52 : 0x1p-23);
    return last(at, &rg_op_rms_norm, x, k, eps, &attr) ? rg_poison(rg_tape_of(x)) : apply(&rg_op_rms_norm, at, attr, x, w, NULL);
}

/* -------- batch_norm, over all axes but the second. saved: mean and variance (biased), one each per channel */

static int batch_norm_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (x->ndim < 2) return rg_reject(y, RG_ESHAPE, "%d dimensions, at least 2 are needed: [n, channels, ..]", x->ndim);
    if (x->numel && x->numel == x->shape[1]) return rg_reject(y, RG_EVALUE, "one value per channel has no variance");
    return check(y, 3, x->shape + 1, 1);
}

/* v [c] as it broadcasts to x [n, c, ..] */
static rg_tensor *as_channels(const char *at, const rg_tensor *x, rg_tensor *v) {
    int64_t shape[RG_MAX_DIMS];
    for (int d = 1; d < x->ndim; d++) shape[d - 1] = d == 1 ? x->shape[1] : 1;
    return rg_reshape_at(at, v, x->ndim - 1, shape);
}

static void batch_norm_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    int axes[RG_MAX_DIMS], n = 0;
    for (int d = 0; d < y->ndim; d++)
        if (d != 1) axes[n++] = d;
    rule(y, dy, y->nin > 1 ? as_channels(y->at, y, y->in[1]) : NULL, true, n, axes, dx);
    for (int i = 1; i < y->nin; i++)
        if (rg_needs(y, i)) dx[i] = rg_sum_at(y->at, dx[i], n, axes);
}

RG_KERNELS(batch_norm);
RG_FUSED_KERNELS(batch_norm_vjp);
RG_OP(batch_norm) = {.name = "batch_norm", .formula = "w (x - mean x) / sqrt(var x + eps) + b, over all axes but the second", .arity = -1,
    .shape = batch_norm_shape, .forward = RG_KERNEL(batch_norm), .backward = batch_norm_backward, .fused = RG_KERNEL(batch_norm_vjp),
    .samples = "5,4 4 4 p=.1; 4,3,2,3 3 3 p=.01; 2,5,17 5 p=1e-5; 6,3 p=.1; 3,1,2 1 1 p=.1; 1,3,2,2 3 3 p=.1; 0,3 3 3 p=.1; 3,0 0 0 p=.1; "
               "2,3,0 3 3 p=.1; 2,2,2,2,2,2 2 2 p=.1",
    .refuses = "1,4 4 4; 1,4,1,1 4 4; 5,4 5 5; 5,4 4 5; 5,4 1,4 4; 5 5 5; -; 5,4 same; 5,4 4 4 p=-1; 5,4 4 4 4; 5,4:i32 4:i32 4:i32"};

/* Checks an operand that no op checks: a statistic, and in evaluation also the weight or the bias. written: it will be updated. */
static int check_statistic(const char *at, const rg_tensor *x, const rg_tensor *v, const char *what, bool written) {
    rg_tape *t = x->tape;
    char text[160], other[160];
    if (rg_given(at, t, v, "batch_norm: the %s", what)) return -1;
    if (v->tape != t) return rg_fail(t, RG_ESTATE, at, "batch_norm: the %s is on another tape", what);
    if (x->ndim < 2 || v->ndim != 1 || v->shape[0] != x->shape[1])
        return rg_fail(t, RG_ESHAPE, at, "batch_norm: the %s %s does not fit the channels of %s", what, rg_shape_text(v, text, sizeof text),
            rg_shape_text(x, other, sizeof other));
    if (v->dtype != x->dtype)
        return rg_fail(t, RG_EDTYPE, at, "batch_norm: the %s is %s, the input %s", what, rg_dtype_name(v->dtype),
            rg_dtype_name(x->dtype));
    if (written && (v->op || v->base)) return rg_fail(t, RG_ESTATE, at, "batch_norm: the %s is no leaf", what);
    if (written && rg_needs_grad(v))
        return rg_fail(t, RG_ESTATE, at, "batch_norm: the %s %s requires a gradient; a running statistic is an rg_buffer", what,
            rg_shape_text(v, text, sizeof text));
    return 0;
}

/* running += momentum (q batch - running) in place */
static void update_one(rg_tensor *to, const rg_tensor *batch, double momentum, double q) {
    for (int64_t i = 0; i < to->numel; i++) {
        if (to->dtype == RG_F64) ((double *)to->data)[i] += momentum * (q * ((const double *)batch->data)[i] - ((double *)to->data)[i]);
        else ((float *)to->data)[i] += (float)(momentum * (q * (double)((const float *)batch->data)[i] - (double)((float *)to->data)[i]));
    }
    rg_touch(to);
}

/* Updates both running statistics, in[0] and in[1], from what the batch_norm in[2] saved. It is an op, so that a replay repeats it, and one
   op, so that both are updated or none. Its result has no elements. */
static int update_running(rg_tensor *y) {
    update_one(y->in[0], y->in[2]->saved[0], y->attr.p, 1);
    update_one(y->in[1], y->in[2]->saved[1], y->attr.p, y->attr.q);
    return 0;
}
static int update_shape(rg_tensor *y) { return rg_shape_set(y, 1, &(int64_t){0}); }
static const rg_op follow_batch = {.name = "follow_batch", .formula = "running += momentum (batch - running)", .arity = 3,
    .shape = update_shape, .forward = RG_ANY(update_running)};

/* Normalises by the statistics of the batch, and updates the running ones. */
static rg_tensor *normalise_training(const char *at, rg_tensor *x, rg_tensor *mean, rg_tensor *var, rg_tensor *w, rg_tensor *b,
    double momentum, double eps) {
    rg_tensor *y = apply(&rg_op_batch_norm, at, (rg_attr){.p = eps}, x, w, b);
    if (rg_failed(y) || (!mean && !var)) return y;
    if (check_statistic(at, x, mean, "running mean", true) || check_statistic(at, x, var, "running variance", true))
        return rg_poison(y->tape);
    if (mean == var) return rg_refuse(x->tape, RG_EVALUE, at, "batch_norm: the running mean and the running variance are one tensor");
    if (!(momentum >= 0 && momentum <= 1))
        return rg_refuse(x->tape, RG_EVALUE, at, "batch_norm: momentum is %g, must be from 0 to 1", momentum);
    if (!x->numel) return y;
    const double n = (double)(x->numel / x->shape[1]);
    return rg_failed(rg_apply(&follow_batch, at, (rg_attr){.p = momentum, .q = n / (n - 1)}, RG_IN(mean, var, y))) ? rg_poison(y->tape) : y;
}

rg_tensor *rg_batch_norm_at(const char *at, rg_tensor *x, rg_tensor *mean, rg_tensor *var, rg_tensor *w, rg_tensor *b,
    rg_batch_norm_options options) {
    const double momentum = rg_option(options.momentum, .1), eps = rg_option(options.eps, 1e-5);
    RG_SPEAK_AS("batch_norm", x, w, b);
    if (options.training || rg_failed(x)) return normalise_training(at, x, mean, var, w, b, momentum, eps);
    if (check_statistic(at, x, mean, "mean", false) || check_statistic(at, x, var, "variance", false)) return rg_poison(x->tape);
    if ((w && check_statistic(at, x, w, "weight", false)) || (b && check_statistic(at, x, b, "bias", false))) return rg_poison(x->tape);
    if (b && !w) return rg_refuse(x->tape, RG_EVALUE, at, "batch_norm: a bias without a weight");
    if (!(eps >= 0 && isfinite(eps)))
        return rg_refuse(x->tape, RG_EVALUE, at, "batch_norm: eps is %g, must be at least 0 and finite", eps);
    rg_tensor *r = rg_pow_scalar_at(at, rg_add_scalar_at(at, var, eps), -.5);
    if (w) r = rg_mul_at(at, r, w);
    rg_tensor *y = rg_mul_at(at, rg_sub_at(at, x, as_channels(at, x, mean)), as_channels(at, x, r));
    return b ? rg_add_at(at, y, as_channels(at, x, b)) : y;
}
