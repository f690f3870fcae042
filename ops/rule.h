/* rule.h - helpers for sources of operators, the library's and yours. Include it there, and only there. In a backward
   rule, or another function with the result y, call ops without `at`: RG_AT is redefined as y->at, so that messages
   name the user's line. In a function without a y call rg_mul_at(at, a, b), with the line of its own caller. */
#ifndef RG_RULE_H
#define RG_RULE_H

#include "../engine/op.h"
#include "ops.h"

#undef RG_AT
#define RG_AT (y->at)

/* One body for both floats: static functions n_f32 and n_f64, with `real` float and double. RG_BY_DTYPE(n) puts the two
   into a descriptor.

       RG_REAL(int, forward, (rg_tensor *y), {
           const real *x = y->in[0]->data;
           real *to = y->data;
           for (int64_t i = 0; i < y->numel; i++) to[i] = cbrt(x[i]);
           return 0;
       })
       RG_OP(my_cbrt) = {.name = "my_cbrt", .formula = "x^(1/3)", .arity = 1, .forward = RG_BY_DTYPE(forward), ...

   With <tgmath.h> cbrt is cbrtf for floats. The body is an argument of a macro: it must not contain #if. */
#define RG_REAL(result, n, parameters, ...)                                \
    static result n##_f32 parameters { typedef float real; __VA_ARGS__ }   \
    static result n##_f64 parameters { typedef double real; __VA_ARGS__ }
#define RG_BY_DTYPE(n) {{n##_f32, n##_f32, n##_f32}, {n##_f64, n##_f64, n##_f64}}

#ifdef __cplusplus
extern "C" {
#endif

/* Shape rules, like those of engine/op.h. rg_axis makes a negative axis count from 0, or rejects one that x does not
   have; rank 0 has axis 0. rg_shape_without: x's shape without one axis; rg_axis sets it in y->attr.axis.
   rg_shape_reduce: x's shape without a set of axes (bit k: axis k), or, with keepdims, with 1 in their place. */
int rg_axis(rg_tensor *y, const rg_tensor *x, int *axis);
int rg_shape_without(rg_tensor *y, const rg_tensor *x, int axis);
int rg_shape_reduce(rg_tensor *y, const rg_tensor *x, unsigned axes, bool keepdims);

#ifdef __cplusplus
}
#endif
#endif
