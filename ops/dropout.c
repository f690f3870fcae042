/* dropout.c - y = x m / (1 - p), m = 0 with probability p, else 1.    dx = dy m / (1 - p). Source: Srivastava et al. 2014.
   An element is kept where the tape's generator, element by element, draws p or more: NumPy's rng.random(x.shape) >= p.   */
#include "ops/rule.h"

static int shape(rg_tensor *y) {
    if (!(y->attr.p >= 0 && y->attr.p <= 1)) return rg_reject(y, RG_EVALUE, "p = %g is no probability", y->attr.p);
    return rg_shape_like(y, y->in[0]);
}

static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_mul(dy, y->saved[0]); }

RG_KERNELS(dropout);
RG_OP(dropout) = {.name = "dropout", .formula = "0 with probability p, else x / (1 - p)", .arity = 1,
    .shape = shape, .forward = RG_KERNEL(dropout), .backward = backward,
    .samples = "9,17 p=.5; 17 p=0; 7,5 p=.9; 3,4 p=1; - p=.25; 1,1 p=.5; 0,3 p=.5", .refuses = "3 p=-.1; 3 p=1.5; 3 p=nan; 3:i32 p=.5"};

rg_tensor *rg_dropout_at(const char *at, rg_tensor *x, double p) { return rg_apply(&rg_op_dropout, at, (rg_attr){.p = p}, 1, &x); }
