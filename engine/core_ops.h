/* core_ops.h - add, expand (broadcasting) and its reverse, full_like: the operators that rg_backward itself uses. */
#ifndef RG_CORE_OPS_H
#define RG_CORE_OPS_H

#include "engine.h"

#ifdef __cplusplus
extern "C" {
#endif

rg_tensor *rg_add(rg_operand a, rg_operand b);         /* a + b; i32 for integers */
rg_tensor *rg_expand(rg_tensor *x, rg_dims shape);     /* x repeated to a shape, as broadcasting does */
rg_tensor *rg_sum_to(rg_tensor *x, rg_dims shape);     /* x summed down to a shape that expands to x's */
rg_tensor *rg_full_like(rg_tensor *x, double value);   /* x's shape and dtype, every element = value */

#ifdef __cplusplus
}
#endif

#include "core_ops_calls.h"
#endif
