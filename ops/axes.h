/* axes.h - for operators over a list of axes: a call's list becomes a set, attr.reduce, a bit an axis. Shape rules refuse what is none. */
#ifndef RG_AXES_H
#define RG_AXES_H

#include "engine/op.h"

/* No axes: all of x. Negative ones count from the end. What cannot be is noted in the attribute. */
rg_attr rg_axes_attr(const rg_tensor *x, bool keepdims, int naxes, const int *axes);
/* In a shape rule: was anything noted? Then y is rejected: -1. */
int rg_axes_check(rg_tensor *y);

#endif
