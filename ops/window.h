/* window.h - for operators with windows that slide over images: from options to attributes, and the number of windows. */
#ifndef RG_WINDOW_H
#define RG_WINDOW_H

#include "engine/op.h"
#include "ops/ops.h"

/* Writes the options to an attribute, {3} as {3, 3}. 0, or -1 with an error "OP: ..." on x's tape for numbers that do not fit into it. */
int rg_window_attr(const char *at, const rg_op *op, const rg_tensor *x, rg_window_options w, rg_attr *to);
/* In a shape rule: checks y->attr for images of h x w, sets the defaults, and writes the number of windows {down, across} to n. */
int rg_window_count(rg_tensor *y, int64_t h, int64_t w, bool pool, int64_t n[2]);

/* The options that give the attribute again: for backward rules. */
static inline rg_window_options rg_window_of(const rg_attr *a) {
    const int16_t *p = a->window.padding;
    return (rg_window_options){.kernel = {a->window.kernel[0], a->window.kernel[1]}, .stride = {a->window.stride[0], a->window.stride[1]},
        .padding = {p[0], p[1] ? p[1] : RG_NO_PADDING}, .dilation = {a->window.dilation[0], a->window.dilation[1]}};
}

#endif
