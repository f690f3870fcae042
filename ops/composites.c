/* composites.c - the composites of ops.h in the registry, so that samples, refusals and gradient checks run on them too. */
#include "engine/op.h"
#include "ops/ops.h"

static rg_tensor *mse(const char *at, rg_attr attr, rg_tensor *const *in) { return (void)attr, rg_mse_at(at, in[0], in[1]); }

RG_OP(mse) = {.name = "mse", .formula = "mean (p - y)^2", .arity = 2, .compose = mse,
    .samples = "5,17 5,17; 17 17; - -; 1,1 1,1; 3,5 5; 0,3 0,3; 3,4 same", .refuses = "2,3 2,4; 2,3:i32 2,3:i32; 2:f64 2:f32"};
