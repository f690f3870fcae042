/* axes.c - lists of axes, and the shapes of reductions: for axes.h and rule.h. */
#include "ops/axes.h"
#include "ops/rule.h"

rg_attr rg_axes_attr(const rg_tensor *x, bool keepdims, int naxes, const int *axes) {
    const int ndim = x && x->ndim ? x->ndim : 1;
    rg_attr attr = {.reduce = {.axes = naxes == 0 ? (1u << ndim) - 1 : 0, .keepdims = keepdims}};
    if (naxes < 0 || (naxes > 0 && !axes)) attr.reduce.fault = RG_AXIS_NONE;
    for (int k = 0; k < naxes && !attr.reduce.fault; k++) {
        const int axis = axes[k] < 0 ? axes[k] + ndim : axes[k];
        const bool outside = axis < 0 || axis >= ndim;
        if (outside || attr.reduce.axes >> axis & 1) {
            attr.reduce.bad_axis = axes[k];
            attr.reduce.fault = outside ? RG_AXIS_OUTSIDE : RG_AXIS_TWICE;
        } else {
            attr.reduce.axes |= 1u << axis;
        }
    }
    return attr;
}

int rg_axes_check(rg_tensor *y) {
    const int axis = y->attr.reduce.bad_axis;
    switch (y->attr.reduce.fault) {
    case 0: return 0;
    case RG_AXIS_TWICE: return rg_reject(y, RG_ESHAPE, "axis %d is given twice", axis);
    case RG_AXIS_NONE: return rg_reject(y, RG_EVALUE, "a negative count of axes, or no list of them");
    default: return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions", axis, y->in[0]->ndim);
    }
}

int rg_axis(rg_tensor *y, const rg_tensor *x, int *axis) {
    const int n = x->ndim ? x->ndim : 1;
    if (*axis < -n || *axis >= n) return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions", *axis, x->ndim);
    if (*axis < 0) *axis += n;
    return 0;
}

int rg_shape_reduce(rg_tensor *y, const rg_tensor *x, unsigned axes, bool keepdims) {
    if (axes >> (x->ndim ? x->ndim : 1))
        return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions", 31 - __builtin_clz(axes), x->ndim);
    int64_t shape[RG_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (!(axes >> d & 1)) shape[n++] = x->shape[d];
        else if (keepdims) shape[n++] = 1;
    }
    return rg_shape_set(y, n, shape);
}

int rg_shape_without(rg_tensor *y, const rg_tensor *x, int axis) {
    if (rg_axis(y, x, &axis)) return -1;
    y->attr.axis = axis;
    return rg_shape_reduce(y, x, 1u << axis, false);
}
