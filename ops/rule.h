/* rule.h - for operator sources, the library's and yours: what they include. An op that a rule calls without `at` is
   called on behalf of the result y, so that messages name the user's line. Where there is no y, the ops are called with
   their line, rg_mul_at(at, x, y): so what it is included in holds operators only. */
#ifndef RG_RULE_H
#define RG_RULE_H

#include "../engine/op.h"
#include "ops.h"

#undef RG_AT
#define RG_AT (y->at)

/* One body for both floats: static functions n_f32 and n_f64, with `real` float and double. A descriptor takes the two
   as RG_BY_DTYPE(n).

       RG_REAL(int, forward, (rg_tensor *y), {
           const real *x = y->in[0]->data;
           real *to = y->data;
           for (int64_t i = 0; i < y->numel; i++) to[i] = cbrt(x[i]);
           return 0;
       })
       RG_OP(my_cbrt) = {.name = "my_cbrt", .formula = "x^(1/3)", .arity = 1, .forward = RG_BY_DTYPE(forward), ...

   With <tgmath.h> cbrt is cbrtf for floats. The body is an argument of a macro: no #if within. */
#define RG_REAL(result, n, parameters, ...)                                \
    static result n##_f32 parameters { typedef float real; __VA_ARGS__ }   \
    static result n##_f64 parameters { typedef double real; __VA_ARGS__ }
#define RG_BY_DTYPE(n) {{n##_f32, n##_f32, n##_f32}, {n##_f64, n##_f64, n##_f64}}

#ifdef __cplusplus
extern "C" {
#endif

/* Shape rules, as those of engine/op.h. rg_axis makes a negative axis its place, or rejects one that x has not got;
   rank 0 has axis 0. Reductions: x's shape without one axis, which rg_axis sees to in y->attr.axis; without a set of
   axes (bit k: axis k), or with 1 in their place. */
int rg_axis(rg_tensor *y, const rg_tensor *x, int *axis);
int rg_shape_without(rg_tensor *y, const rg_tensor *x, int axis);
int rg_shape_reduce(rg_tensor *y, const rg_tensor *x, unsigned axes, bool keepdims);

#ifdef __cplusplus
}
#endif
#endif
