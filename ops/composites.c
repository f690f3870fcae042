/* composites.c - the composites of ops.h in the registry, so that samples, refusals and gradient checks run on them too. */
#include "engine/op.h"
#include "ops/ops.h"

/* Of the pairs in a sample the heights count. */
static rg_tensor *conv1d(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_conv1d_at(at, in[0], in[1], in[2],
        (rg_window){.stride = {attr.stride[0]}, .padding = {attr.padding[0]}, .dilation = {attr.dilation[0]}, .groups = attr.groups});
}

RG_OP(conv1d) = {.name = "conv1d", .formula = "b[o] + sum over c, i of w[o, c, i] x[n, c, .. + i]", .arity = 3, .compose = conv1d,
    .samples = "2,3,17 4,3,3 4; 2,4,9 6,2,2 6 groups=2 stride=2x0; 3,2,7 7,2,3 7 padding=2x0 dilation=2x0; 1,1,1 1,1,1 1; 3,3,3 same 3;"
               "0,2,5 2,2,2 2; 2,0,5 3,0,2 3; 1,1,5 40,1,2 40; 1,1,5 41,1,2 41",
    .refuses = "2,3,17 4,2,3 4; 2,17 4,3,3 4; 2,3,17 4,3 4; - 4,3,3 4; 2,3,17 4,3,18 4; 2,3,17 4,3,3 5; 2,3,17:i32 4,3,3:i32 4:i32"};

static rg_tensor *mse(const char *at, rg_attr attr, rg_tensor *const *in) { return (void)attr, rg_mse_at(at, in[0], in[1]); }

RG_OP(mse) = {.name = "mse", .formula = "mean (p - y)^2", .arity = 2, .compose = mse,
    .samples = "5,17 5,17; 17 17; - -; 1,1 1,1; 3,5 5; 0,3 0,3; 3,4 same", .refuses = "2,3 2,4; 2,3:i32 2,3:i32; 2:f64 2:f32"};

static rg_tensor *batch_norm_given(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_batch_norm_at(at, in[0], in[1], in[2], in[3], in[4], false, 0, attr.p);
}

RG_OP(batch_norm_given) = {.name = "batch_norm_given", .formula = "w (x - mean) / sqrt(var + eps) + b, statistics given",
    .arity = 5, .compose = batch_norm_given, .range = {.3, 2},
    .samples = "5,4 4 4 4 4 p=.1; 4,3,2,3 3 3 3 3 p=.01; 2,60,17 60 60 60 60 p=.1; 1,5 5 5 5 5 p=.1; 1,1,1 1 1 1 1 p=.1; 7,33 33 33 33 33 p=.2; 0,3 3 3 3 3; 2,3,0 3 3 3 3",
    .refuses = "5,4 5 4 4 4; 5,4 4 5 4 4; 5,4 4 4 5 4; 5,4 4 4 4 5; 5 5 5 5 5; - 1 1 1 1; 5,4 same 4 4 4; 5,4 4:f32 4:f64 4 4; 5,4:i32 4:i32 4:i32 4:i32 4:i32"};
