/* composites.c - the composites of ops.h in the registry, so that samples, refusals and gradient checks run on them too. */
#include "engine/op.h"
#include "ops/ops.h"

static rg_tensor *mse(const char *at, rg_attr attr, rg_tensor *const *in) { return (void)attr, rg_mse_at(at, in[0], in[1]); }

RG_OP(mse) = {.name = "mse", .formula = "mean (p - y)^2", .arity = 2, .compose = mse,
    .samples = "5,17 5,17; 17 17; - -; 1,1 1,1; 3,5 5; 0,3 0,3; 3,4 same", .refuses = "2,3 2,4; 2,3:i32 2,3:i32; 2:f64 2:f32"};

static rg_tensor *embedding(const char *at, rg_attr attr, rg_tensor *const *in) { return (void)attr, rg_embedding_at(at, in[0], in[1]); }

RG_OP(embedding) = {.name = "embedding", .formula = "rows table[index[..]]", .arity = 2, .compose = embedding,
    .samples = "5:i32<17 17,4; 2,3:i32<7 7,5; -:i32<3 3,4; 1,1:i32=0 1,1; 0:i32 3,4; 4:i32=2 5,6; 3:i32<17 17",
    .refuses = "3:i32=5 5,4; 3:i32=-1 5,4; 3:i32 0,4; 3 5,4; 3:i32 -; 1,1,1,1,1,1:i32 5,4"};

static rg_tensor *masked_fill(const char *at, rg_attr attr, rg_tensor *const *in) { return rg_masked_fill_at(at, in[0], in[1], attr.p); }

RG_OP(masked_fill) = {.name = "masked_fill", .formula = "mask != 0 ? value : x", .arity = 2, .compose = masked_fill,
    .samples = "5,17 5,17:f<2 p=-3; 4,5 5:f<2 p=1; 3,17 3,1:f<2 p=.5; - -:f=1 p=2; 17 1:f<2 p=0; 1,1 1,1:f<2 p=1; 0,3 3:f<2 p=1; 11,11 11,11:f=0 p=1",
    .refuses = "2,3 2,4:f<2 p=1; 2,3:i32 2,3:i32 p=1; 2,3:f64 2,3:f32 p=1"};
