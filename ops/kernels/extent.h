/* kernels/extent.h - for kernel sources: products of neighbouring dimensions. */
#ifndef RG_EXTENT_H
#define RG_EXTENT_H

#include "engine/op.h"

/* The product of dimensions `from` to `to` - 1 of a tensor that has elements: it divides x->numel, and so does not overflow. */
static inline int64_t extent(const rg_tensor *x, int from, int to) {
    int64_t n = 1;
    for (int d = from; d < to; d++) n *= x->shape[d];
    return n;
}
#endif
