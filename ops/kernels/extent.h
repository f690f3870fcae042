/* kernels/extent.h - for kernel sources: products of neighbouring dimensions. */
#ifndef RG_EXTENT_H
#define RG_EXTENT_H

#include "engine/op.h"

/* Of a tensor that has elements: of the dimensions from one on, up to another, the product. It divides x->numel. */
static inline int64_t extent(const rg_tensor *x, int from, int to) {
    int64_t n = 1;
    for (int d = from; d < to; d++) n *= x->shape[d];
    return n;
}
#endif
