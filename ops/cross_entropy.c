/* cross_entropy.c - y = mean over rows of log sum exp x - x[label], in one pass.    dx = (softmax x - one_hot label) dy / rows
   Source: Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3. The mean over no rows is NaN.             */
#include "ops/index.h"
#include "ops/rule.h"

static int shape(rg_tensor *y) {
    int classes;
    return rg_index_fits(y, y->in[0], y->in[1], "labels", &classes) || rg_shape_set(y, 0, NULL) ? -1 : 0;
}

static int check(rg_tensor *y) {
    return rg_index_check(y, y->in[1], "labels", (int)rg_dim(y->in[0], -1), RG_NOT_MASKED);
}

static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *x = y->in[0], *labels = y->in[1];
    rg_tensor *ones = rg_expand_at(y->at, rg_constant(y, 1), labels->ndim, labels->shape);
    rg_tensor *one_hot = rg_scatter(ones, labels, (int)rg_dim(x, -1)); /* in x's dtype, which need not be the tape's */
    const double rows = labels->numel ? (double)labels->numel : 1; /* infinity times no element would still reach dy's own derivative */
    dx[0] = rg_mul(rg_sub(rg_softmax(x, -1), one_hot), rg_mul_scalar(dy, 1 / rows));
}

RG_KERNELS(cross_entropy);
RG_FUSED_KERNELS(cross_entropy_vjp);
RG_OP(cross_entropy) = {.name = "cross_entropy", .formula = "mean of log sum exp x - x[.., label]", .arity = 2, .types = "fi",
    .shape = shape, .check = check, .forward = RG_WIDE_KERNEL(cross_entropy), .backward = backward,
    .fused = RG_WIDE_KERNEL(cross_entropy_vjp),
    .samples = "5,17 5:i32<17; 3 -:i32<3; 2,3,4 2,3:i32<4; 17,1 17:i32=0; 1,1 1:i32=0; 1,5 1:i32<5; 0,3 0:i32; 2,0,3 2,0:i32; 0,0 0:i32",
    .refuses = "3,4 3:i32=4; 3,4 3:i32=-1; 2,0 2:i32; 3,4 4:i32; 3,4 3,4:i32; - -:i32; 3,4 3; 3,4:i32 3:i32"};
