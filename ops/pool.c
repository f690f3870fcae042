/* pool.c - the largest element, or the mean, of each window of a plane. max_pool2d: dx = dy at the first largest element of the window;
   avg_pool2d: dx = dy / (kh kw) at each element of the window; both added up over the windows. */
#include "ops/rule.h"
#include "ops/window.h"

static int shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    int64_t n[2];
    if (x->ndim != 4) return rg_reject(y, RG_ESHAPE, "%d dimensions, not 4: [n, c, h, w]", x->ndim);
    if (rg_window_count(y, x->shape[2], x->shape[3], true, n)) return -1;
    return rg_shape_set(y, 4, (const int64_t[]){x->shape[0], x->shape[1], n[0], n[1]});
}

static rg_tensor *pool(const rg_op *op, const char *at, rg_tensor *x, rg_window_options window) {
    rg_attr attr;
    return rg_window_attr(at, op, x, window, &attr) ? rg_poison(rg_tape_of(x)) : rg_apply(op, at, attr, 1, &x);
}

/* x's gradient from columns [planes, kh kw, windows]: folds each plane as an image of its own */
static rg_tensor *folded(rg_tensor *y, rg_tensor *columns) {
    const rg_tensor *x = y->in[0];
    return rg_reshape_at(y->at, rg_fold_at(y->at, columns, x->shape[2], x->shape[3], rg_window_of(&y->attr)), 4, x->shape);
}

#define SAMPLES                                                                                                             \
    "2,3,6,4 kernel=2x2; 1,2,7,17 kernel=3x2; 2,1,5,5 kernel=3x3 stride=1x2 padding=1x1; 1,1,6,7 kernel=2x3 stride=3x1 padding=1x0;" \
    "1,1,1,1 kernel=1x1; 1,1,4,4 kernel=4x4; 1,1,1,2 kernel=2x2 padding=1x1; 0,2,4,4 kernel=2x2; 2,0,4,4 kernel=2x2"
#define REFUSES                                                                                                             \
    "2,3,6,4; 3,6,4 kernel=2x2; - kernel=1x1; 1,1,2,2 kernel=3x3; 1,1,4,4 kernel=2x2 padding=2x0; 1,1,4,4 kernel=2x2 stride=-1x1;"    \
    "1,1,4,4 kernel=2x2 padding=-1x0; 1,1,4,4 kernel=2x2 dilation=2x2; 1,2,4,4 kernel=2x2 groups=2; " \
    "1,1,0,4 kernel=2x2 padding=1x1; 1,1,4,4:i32 kernel=2x2"

/* -------- max: saved[0] [planes, windows] i32 is the index of the largest within the window, row by row; NaN is the largest */

static void max_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const int64_t planes = y->shape[0] * y->shape[1], windows = y->shape[2] * y->shape[3];
    rg_tensor *rows = rg_scatter(rg_reshape(dy, planes, windows), y->saved[0], y->attr.window.kernel[0] * y->attr.window.kernel[1]);
    dx[0] = folded(y, rg_permute(rows, 0, 2, 1));
}

static uint64_t max_branch(const rg_tensor *y) {
    uint64_t h = RG_HASH;
    for (int64_t i = 0; i < y->numel; i++) h = rg_hash(h, (uint32_t)((const int32_t *)y->saved[0]->data)[i]);
    return h;
}

RG_KERNELS(max_pool2d);
RG_FUSED_KERNELS(max_pool2d_vjp);
RG_OP(max_pool2d) = {.name = "max_pool2d", .formula = "max of each window, the first of ties", .arity = 1, .shape = shape,
    .forward = RG_KERNEL(max_pool2d), .backward = max_backward, .fused = RG_KERNEL(max_pool2d_vjp), .branch = {max_branch, max_branch},
    .samples = SAMPLES, .refuses = REFUSES};

rg_tensor *rg_max_pool2d_at(const char *at, rg_tensor *x, rg_window_options window) { return pool(&rg_op_max_pool2d, at, x, window); }

/* -------- avg */

static void avg_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const int64_t planes = y->shape[0] * y->shape[1], windows = y->shape[2] * y->shape[3],
        kernel = y->attr.window.kernel[0] * y->attr.window.kernel[1];
    rg_tensor *rows = rg_reshape(rg_mul_scalar(dy, 1. / (double)kernel), planes, 1, windows);
    dx[0] = folded(y, rg_expand_at(y->at, rows, 3, (const int64_t[]){planes, kernel, windows}));
}

RG_KERNELS(avg_pool2d);
RG_FUSED_KERNELS(avg_pool2d_vjp);
RG_OP(avg_pool2d) = {.name = "avg_pool2d", .formula = "mean of each window, zeros of the padding included", .arity = 1, .shape = shape,
    .forward = RG_KERNEL(avg_pool2d), .backward = avg_backward, .fused = RG_KERNEL(avg_pool2d_vjp), .samples = SAMPLES, .refuses = REFUSES};

rg_tensor *rg_avg_pool2d_at(const char *at, rg_tensor *x, rg_window_options window) { return pool(&rg_op_avg_pool2d, at, x, window); }
