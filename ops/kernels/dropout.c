/* kernels/dropout.c - draws a mask, scaled, into y->saved[0], and applies it. The draws have an order, so threads do not share them. */
#include "engine/kernel.h"

int RG_K(dropout)(rg_tensor *y) {
    const double p = y->attr.p;
    rg_tensor *mask = rg_save(y, 0, y->dtype, y->ndim, y->shape);
    if (rg_failed(mask)) return -1;
    rg_rng *rng = rg_tape_rng(y->tape);
    const real *x = y->in[0]->data, scale = (real)(1 / (1 - p));
    real *m = mask->data, *to = y->data;
    for (int64_t i = 0; i < y->numel; i++) m[i] = rg_rng_random(rng) >= p ? scale : 0;
    for (int64_t i = 0; i < y->numel; i++) to[i] = x[i] * m[i];
    return 0;
}
