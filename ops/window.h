/* window.h - for operators with windows that slide over images: how their options become attributes, and what they come to. */
#ifndef RG_WINDOW_H
#define RG_WINDOW_H

#include "engine/op.h"
#include "ops/ops.h"

/* Pairs filled up, as they stand in an rg_attr; -1 with an error "OP: ..." on x's tape for numbers that do not fit there. */
int rg_window_attr(const char *at, const rg_op *op, const rg_tensor *x, rg_window_options w, rg_attr *to);
/* In a shape rule: checks y->attr over images of h x w and fills in what was left out; *n is the number of windows {down, across}. */
int rg_window_count(rg_tensor *y, int64_t h, int64_t w, bool pool, int64_t n[2]);

/* The window of an attribute once more, for rules that compose. */
static inline rg_window_options rg_window_of(const rg_attr *a) {
    const int16_t *p = a->window.padding;
    return (rg_window_options){.kernel = {a->window.kernel[0], a->window.kernel[1]}, .stride = {a->window.stride[0], a->window.stride[1]},
        .padding = {p[0], p[1] ? p[1] : RG_NO_PADDING}, .dilation = {a->window.dilation[0], a->window.dilation[1]}};
}

#endif
