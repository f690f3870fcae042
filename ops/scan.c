/* scan.c - sums along an axis up to each element, and the logarithm of those of e^x. */
#include "ops/rule.h"

/* -------- cumsum: y_i = x_0 + .. + x_i, in reverse y_i = x_i + .. + x_(n-1)    dx = dy summed up from the other end */

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

/* -------- exp_scan: y_i = sum over j <= i of u_j e^(a_j - b_i), in reverse y_j = sum over i >= j of u_i e^(a_j - b_i)
   du is the same sum of dy from the other end; da = u du, db = -y dy, in reverse da = y dy, db = -u du. */

static int like_u(rg_tensor *y) {
    if (!rg_same_shape(y->in[0], y->in[1]) || !rg_same_shape(y->in[0], y->in[2]))
        return rg_reject(y, RG_ESHAPE, "the three operands have one shape");
    return like_x(y);
}

static rg_tensor *exp_scan(rg_tensor *y, rg_tensor *u, rg_tensor *a, rg_tensor *b, bool reverse);
static void exp_scan_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *u = y->in[0], *du = exp_scan(y, dy, y->in[1], y->in[2], !y->attr.reverse);
    rg_tensor *of_u = rg_mul(u, du), *of_y = rg_mul(y, dy);
    dx[0] = du;
    if (rg_needs(y, 1)) dx[1] = y->attr.reverse ? of_y : of_u;
    if (rg_needs(y, 2)) dx[2] = rg_neg(y->attr.reverse ? of_u : of_y);
}

RG_KERNELS(exp_scan);
RG_OP(exp_scan) = {.name = "exp_scan", .formula = "sum over j <= i of a_j e^(b_j - c_i)", .arity = 3, .shape = like_u,
    .forward = RG_KERNEL(exp_scan), .backward = exp_scan_backward,
    .samples = "4,17 4,17 4,17 axis=1; 4,17 4,17 4,17 axis=0 reverse=1; 2,3,4 2,3,4 2,3,4 axis=1; 5,3 same same axis=-2 reverse=1; "
               "17 17 same axis=0 reverse=1; - - - axis=0; 3,1 3,1 3,1 axis=1; 1,1 same same axis=0; 0,3 0,3 0,3 axis=0; "
               "3,0 same same axis=0",
    .refuses = "2,3 2,3 2,3 axis=2; 2,3 2,3 3 axis=0; 2,3 3,2 2,3 axis=0; 2,3:i32 2,3:i32 2,3:i32 axis=0"};

static rg_tensor *exp_scan(rg_tensor *y, rg_tensor *u, rg_tensor *a, rg_tensor *b, bool reverse) {
    return rg_apply(&rg_op_exp_scan, y->at, (rg_attr){.axis = y->attr.axis, .reverse = reverse}, RG_IN(u, a, b));
}

/* -------- logcumsumexp    dx_j = sum over i >= j of dy_i e^(x_j - y_i): no term is larger than dy_i
   Infinities go as in PyTorch: from a +inf on y is +inf, before the first finite x it is -inf; there dx_j is NaN if x_j is y_j. */

static void logcumsumexp_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = exp_scan(y, dy, y->in[0], y, true); }

RG_KERNELS(logcumsumexp);
RG_OP(logcumsumexp) = {.name = "logcumsumexp", .formula = "log(exp x_0 + .. + exp x_i)", .arity = 1, .shape = like_x,
    .forward = RG_KERNEL(logcumsumexp), .backward = logcumsumexp_backward,
    .samples = "4,17 axis=1; 4,17 axis=0; 2,3,4 axis=1; 2,3,4 axis=-3; 17 axis=0; - axis=0; - axis=-1; 3,1 axis=1; 1,1 axis=0; 0,3 axis=0; "
               "3,0 axis=0",
    .refuses = "2,3 axis=2; 2,3 axis=-3; - axis=1; 2,3:i32 axis=0"};

rg_tensor *rg_logcumsumexp_at(const char *at, rg_tensor *x, int axis) {
    return rg_apply(&rg_op_logcumsumexp, at, (rg_attr){.axis = axis}, 1, &x);
}
