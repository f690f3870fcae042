/* conv.c - convolution (cross-correlation, as in every framework): y[n, o] = b[o] + sum over c of w[o, c] * x[n, c], windows sliding
   over images. With C = unfold(x), a matrix per image: y = w C + b.    dx = fold(w^T dy),  dw = sum over n of dy C^T,  db = sum dy.
   Source: Chellapilla, Puri, Simard, High Performance Convolutional Neural Networks for Document Processing (2006).               */
#include "ops/rule.h"
#include "ops/window.h"

static int check_groups(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1];
    const int64_t c = x->shape[1], out = w->shape[0];
    const int groups = y->attr.window.groups ? y->attr.window.groups : 1;
    y->attr.window.groups = groups;
    if (groups < 0 || c % groups || out % groups)
        return rg_reject(y, RG_EVALUE, "%d groups do not divide %lld channels in and %lld out", groups, (long long)c, (long long)out);
    if (w->shape[1] != c / groups)
        return rg_reject(y, RG_ESHAPE, "the weights take %lld channels a group, the input has %lld in %d groups",
            (long long)w->shape[1], (long long)c, groups);
    return 0;
}

static int shape(rg_tensor *y) {
    if (y->nin < 2 || y->nin > 3) return rg_reject(y, RG_ESHAPE, "%d operands, not an input, weights and perhaps a bias", y->nin);
    const rg_tensor *x = y->in[0], *w = y->in[1];
    if (x->ndim != 4) return rg_reject(y, RG_ESHAPE, "the input has %d dimensions, not 4: [n, channels, h, w]", x->ndim);
    if (w->ndim != 4) return rg_reject(y, RG_ESHAPE, "the weights have %d dimensions, not 4: [out, in / groups, kh, kw]", w->ndim);
    if (check_groups(y)) return -1;
    if (y->nin == 3 && (y->in[2]->ndim != 1 || y->in[2]->shape[0] != w->shape[0]))
        return rg_reject(y, RG_ESHAPE, "the bias must be [%lld]", (long long)w->shape[0]);
    for (int d = 0; d < 2; d++) {
        if (w->shape[2 + d] > INT16_MAX)
            return rg_reject(y, RG_EVALUE, "a kernel side of %lld, at most %d", (long long)w->shape[2 + d], INT16_MAX);
        y->attr.window.kernel[d] = (int16_t)w->shape[2 + d];
    }
    int64_t n[2];
    if (rg_window_count(y, x->shape[2], x->shape[3], false, n)) return -1;
    return rg_shape_set(y, 4, (const int64_t[]){x->shape[0], w->shape[0], n[0], n[1]});
}

static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *x = y->in[0], *w = y->in[1];
    const rg_window_options window = rg_window_of(&y->attr);
    const int64_t n = x->shape[0], groups = y->attr.window.groups, out = w->shape[0] / groups, seen = w->shape[2] * w->shape[3];
    const int64_t rows = w->shape[1] * seen, columns = y->shape[2] * y->shape[3];
    rg_tensor *d = rg_reshape(dy, n, groups, out, columns);
    if (rg_needs(y, 0)) {
        rg_tensor *dc = rg_matmul(rg_reshape(w, groups, out, rows), d, .transpose_a = true); /* [n, groups, rows, columns] */
        dx[0] = rg_fold_at(y->at, rg_reshape(dc, n, groups * rows, columns), x->shape[2], x->shape[3], window);
    }
    if (rg_needs(y, 1)) {
        rg_tensor *c = rg_reshape(rg_unfold_at(y->at, x, window), n, groups, rows, columns);
        dx[1] = rg_reshape_at(y->at, rg_sum(rg_matmul(d, c, .transpose_b = true), 0), 4, w->shape);
    }
    if (y->nin > 2 && rg_needs(y, 2)) dx[2] = rg_sum(dy, 0, 2, 3);
}

RG_KERNELS(conv2d);
RG_FUSED_KERNELS(conv2d_vjp);
RG_OP(conv2d) = {.name = "conv2d", .formula = "b[o] + sum over c, i, j of w[o, c, i, j] x[n, c, .. + i, .. + j]", .arity = -1,
    .shape = shape, .forward = RG_WIDE_KERNEL(conv2d), .backward = backward, .fused = RG_WIDE_KERNEL(conv2d_vjp),
    .samples = "2,3,5,4 4,3,3,2 4; 2,4,5,6 6,2,2,3 6 groups=2; 1,2,17,3 3,2,3,3 padding=1x1; 2,1,7,6 2,1,2,3 2 stride=2x1 padding=1x0;"
               "1,2,7,8 2,2,2,2 dilation=3x2; 1,3,5,5 3,1,3,3 3 stride=3x2 padding=2x3 dilation=2x1 groups=3; 3,3,3,3 same; "
               "1,1,1,1 1,1,1,1 1;"
               "2,1,2,2 1,1,4,3 1 padding=1x1; 0,2,3,3 2,2,2,2 2; 2,0,3,3 3,0,2,2 3; 2,2,3,3 0,2,2,2 0; 0,0,2,2 0,0,1,1",
    .refuses = "2,3,5,4 4,2,3,2 4; 2,3,5,4 4,3,6,2; 2,3,5,4 4,3,3,2 3; 2,3,5,4 4,3,3,2 4,1; 3,5,4 4,3,3,2; 2,3,5,4 4,3,3; 2,3,5,4; "
               "- 4,3,3,2;"
               "2,4,5,6 6,2,2,3 6 groups=3; 2,4,5,6 5,2,2,3 groups=2; 2,4,5,6 6,4,2,3 groups=2; 2,4,5,6 6,4,2,3 groups=-1; "
               "2,3,5,4 4,3,3,2 stride=-1x1;"
               "2,3,5,4 4,3,3,2 padding=0x-1; 2,3,5,4 4,3,3,2 dilation=3x1; 2,3,5,4 4,3,0,2; 2,3,5,4 4,3,3,2 4 4; 2,3,5,4:i32 4,3,3,2:i32;"
               "2,3,5,4:f64 4,3,3,2:f32; 0,1,2,40000 1,1,1,40000"};

/* Refuses .kernel: a convolution takes the kernel's size from the weights. */
static int own_kernel(const char *who, const char *at, const rg_tensor *x, const rg_window_options *w) {
    if (!w->kernel[0] && !w->kernel[1]) return 0;
    return rg_fail(rg_tape_of(x), RG_EVALUE, at, "%s: .kernel is {%d, %d}, but the weights give the kernel's size: leave it out", who,
        w->kernel[0], w->kernel[1]);
}

rg_tensor *rg_conv2d_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b, rg_window_options window) {
    rg_attr attr;
    if (own_kernel("conv2d", at, x, &window)) return rg_poison(rg_tape_of(x));
    if (rg_window_attr(at, &rg_op_conv2d, x, window, &attr)) return rg_poison(rg_tape_of(x));
    return rg_apply(&rg_op_conv2d, at, attr, b ? 3 : 2, (rg_tensor *[]){x, w, b});
}

/* By conv2d, of images of one row. */
rg_tensor *rg_conv1d_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b, rg_window_options window) {
    RG_SPEAK_AS("conv1d", x, w, b);
    if (rg_failed(x) || rg_failed(w)) return rg_conv2d_at(at, x, w, b, window);
    rg_tape *t = rg_tape_of(x);
    if (own_kernel("conv1d", at, x, &window)) return rg_poison(t);
    if (x->ndim != 3 || w->ndim != 3)
        return rg_refuse(t, RG_ESHAPE, at,
            "conv1d: an input of %d dimensions and weights of %d, not [n, channels, length] and [out, in / groups, k]",
            x->ndim, w->ndim);
    const int padding = window.padding[0];
    const rg_window_options flat = {.stride = {1, window.stride[0] ? window.stride[0] : 1},
        .padding = {0, padding ? padding : RG_NO_PADDING},
        .dilation = {1, window.dilation[0] ? window.dilation[0] : 1},
        .groups = window.groups};
    return rg_squeeze_at(at, rg_conv2d_at(at, rg_unsqueeze_at(at, x, 2), rg_unsqueeze_at(at, w, 2), b, flat), 2);
}
