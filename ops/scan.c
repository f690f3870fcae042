/* scan.c - cumsum: y_i = x_0 + .. + x_i along an axis, in reverse y_i = x_i + .. + x_(n-1).    dx = dy summed up from the other end */
#include "ops/rule.h"

static int like_x(rg_tensor *y) { return rg_axis(y, y->in[0], &y->attr.axis) || rg_shape_like(y, y->in[0]) ? -1 : 0; }

static void cumsum_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_apply(y->op, y->at, (rg_attr){.axis = y->attr.axis, .reverse = !y->attr.reverse}, 1, &dy);
}

RG_KERNELS(cumsum);
RG_OP(cumsum) = {.name = "cumsum", .formula = "x_0 + .. + x_i", .arity = 1, .shape = like_x, .forward = RG_KERNEL(cumsum),
    .backward = cumsum_backward,
    .samples = "4,17 axis=1; 4,17 axis=0; 4,17 axis=1 reverse=1; 2,3,4 axis=1; 2,3,4 axis=-3 reverse=1; 17 axis=0; - axis=0; "
               "- axis=-1 reverse=1; 3,1 axis=1; 1,1 axis=0; 0,3 axis=0; 3,0 axis=0",
    .refuses = "2,3 axis=2; 2,3 axis=-3; - axis=1; 2,3:i32 axis=0"};

rg_tensor *rg_cumsum_at(const char *at, rg_tensor *x, int axis) { return rg_apply(&rg_op_cumsum, at, (rg_attr){.axis = axis}, 1, &x); }
