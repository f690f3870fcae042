/* axes.h - for operators over a list of axes: it becomes a set of bits in attr.reduce, which the shape rule checks. In axes.c. */
#ifndef RG_AXES_H
#define RG_AXES_H

#include "engine/op.h"

/* The set of a list of axes; an empty list means all of x. Negative axes count from the end. A wrong axis is noted in attr.reduce.fault. */
rg_attr rg_axes_attr(const rg_tensor *x, bool keepdims, int naxes, const int *axes);
/* In a shape rule: 0, or if a fault was noted -1, and y is rejected. */
int rg_axes_check(rg_tensor *y);

/* x[0 .. n) joined along axis 0 by rg_concat_at or rg_stack_at: groups of 255, the operands of an op, then groups of groups, and so on. x[]
   is overwritten. In shape.c. */
rg_tensor *rg_joined(const char *at, int64_t n, rg_tensor **x, rg_tensor *(*join)(const char *at, int axis, int n, rg_tensor *const *x));

#endif
