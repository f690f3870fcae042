/* core_ops.h - the four operators that backward itself needs; users get them through ops/ops.h. */
#ifndef RG_CORE_OPS_H
#define RG_CORE_OPS_H

#include "engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define rg_add(a, b) rg_add_at(RG_AT, a, b)                               /* a + b */
#define rg_expand(x, ...) rg_expand_at(RG_AT, x, RG_DIMS(__VA_ARGS__))     /* x repeated to a shape, as broadcasting does */
#define rg_sum_to(x, ...) rg_sum_to_at(RG_AT, x, RG_DIMS(__VA_ARGS__))     /* x summed down to a shape that expands to x's */
#define rg_fill(x, value) rg_fill_at(RG_AT, x, value)                      /* x's shape and dtype, every element = value */
rg_tensor *rg_add_at(const char *at, rg_tensor *a, rg_tensor *b);
rg_tensor *rg_expand_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape);
rg_tensor *rg_sum_to_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape);
rg_tensor *rg_fill_at(const char *at, rg_tensor *x, double value);

#ifdef __cplusplus
}
#endif
#endif
