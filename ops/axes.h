/* axes.h - for operators over a list of axes: it becomes a set of bits in attr.reduce, which the shape rule checks. In axes.c. */
#ifndef RG_AXES_H
#define RG_AXES_H

#include "engine/op.h"

/* The set of a list of axes; an empty list means all of x. Negative axes count from the end. A wrong axis is noted in attr.reduce.fault. */
rg_attr rg_axes_attr(const rg_tensor *x, bool keepdims, int naxes, const int *axes);
/* In a shape rule: 0, or if a fault was noted -1, and y is rejected. */
int rg_axes_check(rg_tensor *y);

#endif
