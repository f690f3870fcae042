/* clip.c - gradients held within bounds: torch.nn.utils.clip_grad_norm_ and clip_grad_value_. */
#include <math.h>

#include "nn/update.h"

static rg_squares_fn *const squares_kernel[2][RG_ISAS] = RG_KERNEL(grad_squares);
static rg_inplace_fn *const scale_kernel[2][RG_ISAS] = RG_KERNEL(grad_scale), *const clamp_kernel[2][RG_ISAS] = RG_KERNEL(grad_clamp);

static int check(const char *at, rg_tape *t, const char *who, rg_list params, const char *what, double bound) {
    if (rg_error_code(t) || rg_outside_pass(at, t, who)) return -1;
    if (!(bound >= 0)) return rg_fail(t, RG_EVALUE, at, "%s: %s is %g, must be at least 0", who, what, bound);
    return rg_list_check(at, t, who, params);
}

/* Of item i, where it has one: one listed twice counts once. */
static rg_tensor *gradient(rg_list params, int i) {
    for (int k = 0; k < i; k++)
        if (params.items[k] == params.items[i]) return NULL;
    return rg_grad_of(params.items[i]);
}

static void each(rg_tape *t, rg_list params, rg_inplace_fn *const kernel[2][RG_ISAS], double value) {
    for (int i = 0; i < params.count; i++) {
        rg_tensor *g = gradient(params, i);
        if (!g) continue;
        kernel[g->dtype == RG_F64][rg_isa(t)](t, g->numel, g->data, value);
        rg_touch(g);
    }
}

double rg_clip_grad_norm_at(const char *at, rg_tape *t, rg_list params, double max) {
    if (check(at, t, "rg_clip_grad_norm", params, "the largest norm", max)) return NAN;
    double squares = 0;
    for (int i = 0; i < params.count; i++) {
        const rg_tensor *g = gradient(params, i);
        if (g) squares += squares_kernel[g->dtype == RG_F64][rg_isa(t)](t, g->numel, g->data);
    }
    const double norm = sqrt(squares), factor = max / (norm + 1e-6);
    if (!(factor >= 1)) each(t, params, scale_kernel, factor);
    return norm;
}

int rg_clip_grad_value_at(const char *at, rg_tape *t, rg_list params, double limit) {
    if (check(at, t, "rg_clip_grad_value", params, "the limit", limit)) return -1;
    each(t, params, clamp_kernel, limit);
    return 0;
}
