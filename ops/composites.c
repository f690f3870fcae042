/* composites.c - composites of ops.h in the registry, so that samples, refusals and gradient checks run on them too; and rg_embedding.
   Losses, sort, topk, statistics, transpose, flatten and attention are registered in their own files. */
#include "engine/op.h"
#include "ops/ops.h"

/* conv1d takes the first number of each pair in a sample. */
static rg_tensor *conv1d(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_conv1d_at(at, in[0], in[1], in[2],
        (rg_window_options){.stride = {attr.window.stride[0]},
            .padding = {attr.window.padding[0]},
            .dilation = {attr.window.dilation[0]},
            .groups = attr.window.groups});
}

RG_OP(conv1d) = {.name = "conv1d", .formula = "b[o] + sum over c, i of w[o, c, i] x[n, c, .. + i]", .arity = 3, .compose = conv1d,
    .samples = "2,3,17 4,3,3 4; 2,4,9 6,2,2 6 groups=2 stride=2x0; 3,2,7 7,2,3 7 padding=2x0 dilation=2x0; 1,1,1 1,1,1 1; 3,3,3 same 3;"
               "0,2,5 2,2,2 2; 2,0,5 3,0,2 3; 1,1,5 40,1,2 40; 1,1,5 41,1,2 41",
    .refuses = "2,3,17 4,2,3 4; 2,17 4,3,3 4; 2,3,17 4,3 4; - 4,3,3 4; 2,3,17 4,3,18 4; 2,3,17 4,3,3 5; 2,3,17:i32 4,3,3:i32 4:i32"};

static rg_tensor *mse(const char *at, rg_attr attr, rg_tensor *const *in) {
    return (void)attr, rg_mse_at(at, in[0], in[1], (rg_loss_options){0});
}

RG_OP(mse) = {.name = "mse", .formula = "mean (p - y)^2", .arity = 2, .compose = mse,
    .samples = "5,17 5,17; 17 17; - -; 1,1 1,1; 3,5 5; 0,3 0,3; 3,4 same",
    .refuses = "2,3 2,4; 5,1 5; 3 5,3; 2,3:i32 2,3:i32; 2:f64 2:f32"};

rg_tensor *rg_embedding_at(const char *at, rg_tensor *table, rg_tensor *index) {
    RG_SPEAK_AS("embedding", table, index);
    return rg_index_select_at(at, table, index, 0);
}

static rg_tensor *embedding(const char *at, rg_attr attr, rg_tensor *const *in) {
    return (void)attr, rg_embedding_at(at, in[1], in[0]);
} /* samples have the index first */

RG_OP(embedding) = {.name = "embedding", .formula = "rows table[index[..]]", .arity = 2, .types = "ia", .compose = embedding,
    .samples = "5:i32<17 17,4; 2,3:i32<7 7,5; -:i32<3 3,4; 1,1:i32=0 1,1; 0:i32 3,4; 4:i32=2 5,6; 3:i32<17 17",
    .refuses = "3:i32=5 5,4; 3:i32=-1 5,4; 3:i32 0,4; 3 5,4; 3:i32 -; 1,1,1,1,1,1:i32 5,4"};

static rg_tensor *masked_fill(const char *at, rg_attr attr, rg_tensor *const *in) { return rg_masked_fill_at(at, in[0], in[1], attr.p); }

RG_OP(masked_fill) = {.name = "masked_fill", .formula = "mask != 0 ? value : x", .arity = 2, .types = "am", .compose = masked_fill,
    .samples = "5,17 5,17:f<2 p=-3; 4,5 5:f<2 p=1; 3,17 3,1:f<2 p=.5; - -:f=1 p=2; 17 1:f<2 p=0; 1,1 1,1:f<2 p=1; 0,3 3:f<2 p=1; "
               "11,11 11,11:f=0 p=1;"
               "5,17 5,17:u8<2 p=-3; 4,5 5:u8<3 p=.5; 4,5:i32<9 4,5:u8<2 p=-7; 2,3:u8 3:i32<2 p=255",
    .refuses = "2,3 2,4:f<2 p=1; 2,3:i32 2,3:i32 p=.5; 2,3:u8 2,3:u8 p=-1; 2,3 2,4:u8 p=1"};

static rg_tensor *dot(const char *at, rg_attr attr, rg_tensor *const *in) { return (void)attr, rg_dot_at(at, in[0], in[1]); }
static rg_tensor *outer(const char *at, rg_attr attr, rg_tensor *const *in) { return (void)attr, rg_outer_at(at, in[0], in[1]); }

RG_OP(dot) = {.name = "dot", .formula = "sum a_i b_i", .arity = 2, .compose = dot,
    .samples = "17 17; 300 300; 1 1; 0 0; 5 same", .refuses = "3 4; 3 1; - -; 2,3 3; 3 2,3; 2,3 2,3; 2:i32 2:i32; 2:f64 2:f32"};
RG_OP(outer) = {.name = "outer", .formula = "a_i b_j", .arity = 2, .types = "a", .compose = outer,
    .samples = "90 5; 17 90; 1 1; 0 3; 3 0; 5 same; 4:i32<9 3:i32<9", .refuses = "- -; 2,3 3; 3 2,3; 3 -; 2:i32 2:u8; 2:f64 2:f32"};

static rg_tensor *repeat_interleave(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_repeat_interleave_at(at, in[0], attr.axis, attr.start);
}
static rg_tensor *take_along_axis(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_take_along_axis_at(at, in[0], in[1], attr.axis);
}

RG_OP(repeat_interleave) = {.name = "repeat_interleave", .formula = "each element along an axis repeated n times in a row", .arity = 1,
    .types = "a", .compose = repeat_interleave,
    .samples = "5,17 axis=0 start=3; 4,17 axis=-1 start=2; 2,3,4 axis=1 start=2; 1,1 axis=0 start=3; 3,4 axis=1 start=0; "
               "0,3 axis=1 start=2; 3,2:i32 axis=0 start=2",
    .refuses = "2,3 axis=2 start=1; 2,3 axis=-3 start=1; 2,3 axis=0 start=-1; - axis=0 start=2; 2,3 axis=0 start=9223372036854775807"};
RG_OP(take_along_axis) = {.name = "take_along_axis", .formula = "x[index[i,j],j] along an axis, the other axes broadcast", .arity = 2,
    .types = "ai", .compose = take_along_axis,
    .samples = "5,17 5,3:i32<17 axis=1; 17,5 4,1:i32<17 axis=0; 17,1 4,5:i32<17 axis=0; 2,5,3 1,4,3:i32<5 axis=1; 17 20:i32<17 axis=0; "
               "- -:i32=0 axis=-1; - 3:i32=0 axis=0; 1,1 1,1:i32=0 axis=-1; 0,3 0,2:i32<3 axis=1",
    .refuses = "5,4 5,4:i32=4 axis=1; 5,4 2,4:i32 axis=1; 5,4 5:i32 axis=1; 5,4 5,4:i32 axis=2; - -:i32=0 axis=1; 5,4 5,4 axis=0"};
static rg_tensor *batch_norm_given(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_batch_norm_at(at, in[0], in[1], in[2], in[3], in[4], (rg_batch_norm_options){.eps = rg_option_of(attr.p)});
}

RG_OP(batch_norm_given) = {.name = "batch_norm_given", .formula = "w (x - mean) / sqrt(var + eps) + b, statistics given",
    .arity = 5, .compose = batch_norm_given, .range = {.3, 2},
    .samples = "5,4 4 4 4 4 p=.1; 4,3,2,3 3 3 3 3 p=.01; 2,60,17 60 60 60 60 p=.1; 1,5 5 5 5 5 p=.1; 1,1,1 1 1 1 1 p=.1; "
               "7,33 33 33 33 33 p=.2; 0,3 3 3 3 3; 2,3,0 3 3 3 3",
    .refuses = "5,4 5 4 4 4; 5,4 4 5 4 4; 5,4 4 4 5 4; 5,4 4 4 4 5; 5 5 5 5 5; - 1 1 1 1; 5,4 same 4 4 4; 5,4 4:f32 4:f64 4 4; "
               "5,4:i32 4:i32 4:i32 4:i32 4:i32"};
