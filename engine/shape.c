/* shape.c - the rules by which a result's shape follows from its operands'. Part of hot.c. */
#include <string.h>

#include "internal.h"

RG_COLD static int refuse_shape(rg_tensor *y, int ndim, const int64_t *shape) {
    if (ndim < 0 || ndim > RG_MAX_DIMS) return rg_reject(y, RG_ESHAPE, "%d dimensions, at most %d", ndim, RG_MAX_DIMS);
    if (!shape) return rg_reject(y, RG_EVALUE, "%d dimensions, but the shape is NULL", ndim);
    for (int d = 0; d < ndim; d++)
        if (shape[d] < 0) return rg_reject(y, RG_ESHAPE, "dimension %d of the new shape is %lld", d, (long long)shape[d]);
    return rg_reject(y, RG_ESHAPE, "the sizes of the new shape overflow");
}

int rg_shape_set(rg_tensor *y, int ndim, const int64_t *shape) {
    const int64_t numel = ndim < 0 || ndim > RG_MAX_DIMS || (ndim && !shape) ? -1 : count(y->dtype, ndim, shape);
    if (numel < 0) return refuse_shape(y, ndim, shape);
    for (int d = 0; d < ndim; d++) y->shape[d] = shape[d];
    y->ndim = (uint8_t)ndim;
    y->numel = numel;
    return 0;
}

int rg_shape_like(rg_tensor *y, const rg_tensor *x) {
    memcpy(y->shape, x->shape, sizeof y->shape);
    y->ndim = x->ndim;
    y->numel = x->numel;
    return 0;
}

/* Two shapes aligned at their last axes; a dimension of 1 gives way. */
static int broadcast_with(rg_tensor *y, const rg_tensor *x) {
    int64_t shape[RG_MAX_DIMS];
    const int n = y->ndim > x->ndim ? y->ndim : x->ndim;
    for (int d = 0; d < n; d++) {
        const int i = d - (n - y->ndim), j = d - (n - x->ndim);
        const int64_t a = i < 0 ? 1 : y->shape[i], b = j < 0 ? 1 : x->shape[j];
        if (a != b && a != 1 && b != 1)
            return rg_reject(y, RG_ESHAPE, "dimensions %lld and %lld do not broadcast", (long long)a, (long long)b);
        shape[d] = a == 1 ? b : a;
    }
    return rg_shape_set(y, n, shape);
}

int rg_shape_broadcast(rg_tensor *y) {
    rg_shape_like(y, y->in[0]);
    for (int i = 1; i < y->nin; i++) {
        const rg_tensor *x = y->in[i];
        if (rg_same_shape(x, y)) continue;
        if (broadcast_with(y, x)) return -1;
    }
    return 0;
}

int rg_view(rg_tensor *y, rg_tensor *x, int64_t offset) {
    y->base = x->base ? x->base : x;
    y->base->refs++;
    y->data = (char *)x->data + (size_t)offset * rg_dtype_size(x->dtype);
    return 0;
}
