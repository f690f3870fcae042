/* kernels/window.h - for kernel sources: windows that slide over a plane, one channel of an image. */
#ifndef RG_KERNEL_WINDOW_H
#define RG_KERNEL_WINDOW_H

#include "engine/kernel.h"

/* A plane [h, w], its windows [down, across]; kernel, stride, padding and dilation are the attribute's. */
typedef struct frame { int64_t h, w, down, across; const rg_attr *a; } frame;

/* For images x [n, c, h, w]. */
static inline frame frame_of(const rg_tensor *x, const rg_attr *a) {
    int64_t n[2];
    for (int d = 0; d < 2; d++)
        n[d] = (x->shape[2 + d] + 2 * a->window.padding[d] - (int64_t)a->window.dilation[d] * (a->window.kernel[d] - 1) - 1) /
            a->window.stride[d] + 1;
    return (frame){x->shape[2], x->shape[3], n[0], n[1], a};
}

/* For row p of windows and element (i, j) of the kernel: in windows lo .. hi - 1 that element is in the image, in window q at pixel
   from + q stride. */
typedef struct run { int64_t lo, hi, from; } run;

static inline int64_t up(int64_t n, int64_t step) { return n > 0 ? (n + step - 1) / step : 0; }

static inline run run_of(const frame *f, int64_t p, int64_t i, int64_t j) {
    const rg_attr *a = f->a;
    const int64_t row = p * a->window.stride[0] + i * a->window.dilation[0] - a->window.padding[0],
        first = j * a->window.dilation[1] - a->window.padding[1];
    if (row < 0 || row >= f->h) return (run){0, 0, 0};
    const int64_t lo = rg_min64(up(-first, a->window.stride[1]), f->across),
        hi = rg_min64(up(f->w - first, a->window.stride[1]), f->across);
    return (run){lo, hi > lo ? hi : lo, row * f->w + first};
}

#endif
