/* creation.c - leaves with values from a rule or from the tape's generator: arange linspace eye zeros ones uniform normal. */
#include <math.h>

#include "engine/op.h"
#include "ops/ops.h"

static void set(rg_tensor *x, int64_t i, double v) {
    if (x->dtype == RG_F64) ((double *)x->data)[i] = v;
    else if (x->dtype == RG_I32) ((int32_t *)x->data)[i] = (int32_t)v;
    else ((float *)x->data)[i] = (float)v;
}

static rg_tensor *refuse(const char *at, rg_tape *t, const char *what, double a, double b, const char *rule) {
    return rg_refuse(t, RG_EVALUE, at, "%s %g and %g, must be %s", what, a, b, rule);
}

rg_tensor *rg_arange_at(const char *at, rg_tape *t, double start, double stop, double step, rg_arange_options options) {
    const double n = ceil((stop - start) / step);
    if (!(n >= 0 && n < 1e15))
        return rg_refuse(t, RG_EVALUE, at, "rg_arange: from %g to %g by %g is no range of fewer than 1e15 steps", start, stop, step);
    if (options.i32 && n > 0 && !(rg_holds(RG_I32, start) && step == trunc(step) && rg_holds(RG_I32, start + (n - 1) * step)))
        return rg_refuse(t, RG_EVALUE, at, "rg_arange: from %g to %g by %g does not fit i32", start, stop, step);
    rg_tensor *x = rg_empty_at(at, t, options.i32 ? RG_I32 : rg_default_dtype(t), 1, &(int64_t){(int64_t)n});
    for (int64_t i = 0; i < rg_numel(x); i++) set(x, i, start + (double)i * step);
    return x;
}

rg_tensor *rg_linspace_at(const char *at, rg_tape *t, double start, double stop, int64_t n) {
    if (!isfinite(start) || !isfinite(stop)) return refuse(at, t, "rg_linspace: the ends are", start, stop, "finite");
    rg_tensor *x = rg_empty_at(at, t, rg_default_dtype(t), 1, &n);
    for (int64_t i = 0; i < rg_numel(x); i++)
        set(x, i, i && i == n - 1 ? stop : start + (double)i * ((stop - start) / (double)(n - 1 + (n == 1))));
    return x;
}

rg_tensor *rg_eye_at(const char *at, rg_tape *t, int64_t n) {
    rg_tensor *x = rg_full_at(at, t, 0, 2, (const int64_t[]){n, n});
    for (int64_t i = 0; !rg_failed(x) && i < n; i++) set(x, i * n + i, 1);
    return x;
}

/* A number below the upper end must stay below it when it is rounded to f32. */
static int draw_uniform(rg_tensor *x) {
    const double high = x->attr.q;
    for (int64_t i = 0; i < x->numel; i++) {
        const double v = rg_rng_uniform(rg_tape_rng(x->tape), x->attr.p, high);
        set(x, i, x->dtype == RG_F32 && v < high && (double)(float)v >= high ? (double)nextafterf((float)v, -INFINITY) : v);
    }
    return 0;
}

static int draw_normal(rg_tensor *x) {
    for (int64_t i = 0; i < x->numel; i++) set(x, i, rg_rng_normal(rg_tape_rng(x->tape), x->attr.p, x->attr.q));
    return 0;
}

rg_tensor *rg_uniform_at(const char *at, rg_tape *t, double low, double high, int ndim, const int64_t *shape) {
    if (!(low <= high) || !isfinite(high - low)) return refuse(at, t, "rg_uniform: the ends are", low, high, "in order and finite");
    return rg_drawn_at(at, t, draw_uniform, low, high, ndim, shape);
}

rg_tensor *rg_normal_at(const char *at, rg_tape *t, double mean, double std, int ndim, const int64_t *shape) {
    if (!isfinite(mean) || !(std >= 0 && isfinite(std)))
        return refuse(at, t, "rg_normal: mean and std are", mean, std, "finite, std at least 0");
    return rg_drawn_at(at, t, draw_normal, mean, std, ndim, shape);
}

/* -------- constants */

rg_tensor *rg_zeros_at(const char *at, rg_tape *t, int ndim, const int64_t *shape) { return rg_full_at(at, t, 0, ndim, shape); }
rg_tensor *rg_ones_at(const char *at, rg_tape *t, int ndim, const int64_t *shape) { return rg_full_at(at, t, 1, ndim, shape); }
rg_tensor *rg_zeros_like_at(const char *at, rg_tensor *x) { return rg_full_like_at(at, x, 0); }
rg_tensor *rg_ones_like_at(const char *at, rg_tensor *x) { return rg_full_like_at(at, x, 1); }
