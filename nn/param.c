/* param.c - initialisers: what a parameter starts from. */
#include <math.h>

#include "engine/op.h"
#include "nn/nn.h"

/* The fans of a shape, as doubles: products of dimensions that cannot overflow. Keras, VarianceScaling. */
static void fans_of(const rg_tensor *x, double *in, double *out) {
    const int n = x->ndim;
    *in = n == 0 ? 1 : (double)x->shape[n == 1 ? 0 : n - 2];
    *out = n == 0 ? 1 : (double)x->shape[n - 1];
    for (int d = 0; d < n - 2; d++) {
        *in *= (double)x->shape[d];
        *out *= (double)x->shape[d];
    }
}

static int check(const char *at, rg_tape *t, const char *who, const char *name, rg_init init) {
    if (!name) name = "a tensor";
    if (init.kind > RG_INIT_FAN_BOTH_UNIFORM) return rg_fail(t, RG_EVALUE, at, "%s: %s: there is no initialiser %d", who, name, (int)init.kind);
    if (init.kind == RG_INIT_CONSTANT) return 0;
    if (!isfinite(init.a) || !isfinite(init.b))
        return rg_fail(t, RG_EVALUE, at, "%s: %s: the initialiser's numbers %g and %g are not both finite", who, name, init.a, init.b);
    if (init.kind == RG_INIT_NORMAL && init.b < 0) return rg_fail(t, RG_EVALUE, at, "%s: %s: std %g is negative", who, name, init.b);
    if (init.kind == RG_INIT_UNIFORM && !(init.a <= init.b && isfinite(init.b - init.a)))
        return rg_fail(t, RG_EVALUE, at, "%s: %s: nothing is uniform from %g to %g", who, name, init.a, init.b);
    if (init.kind >= RG_INIT_FAN_IN_NORMAL && init.a < 0) return rg_fail(t, RG_EVALUE, at, "%s: %s: scale %g is negative", who, name, init.a);
    return 0;
}

/* A negative scale stays, to be refused by name. Of [0, n] no number is drawn, whatever its variance. */
rg_init rg_init_with_fans(rg_init init, double in, double out) {
    if (init.kind < RG_INIT_FAN_IN_NORMAL || init.kind > RG_INIT_FAN_BOTH_UNIFORM || !(init.a >= 0)) return init;
    const bool both = init.kind >= RG_INIT_FAN_BOTH_NORMAL;
    const double fan = both ? in + out : in;
    if (init.kind == RG_INIT_FAN_IN_NORMAL || init.kind == RG_INIT_FAN_BOTH_NORMAL) return RG_NORMAL(0, sqrt(init.a / fan));
    const double limit = sqrt(3 * init.a / fan);
    return RG_UNIFORM(-limit, limit);
}

static double draw(rg_rng *r, rg_init init) {
    if (init.kind == RG_INIT_CONSTANT) return init.a;
    return init.kind == RG_INIT_NORMAL ? rg_rng_normal(r, init.a, init.b) : rg_rng_uniform(r, init.a, init.b);
}

static void fill(rg_tensor *x, rg_init init) {
    rg_rng *r = rg_tape_rng(x->tape);
    double in, out;
    fans_of(x, &in, &out);
    const rg_init from = rg_init_with_fans(init, in, out);
    for (int64_t i = 0; i < x->numel; i++) {
        const double v = draw(r, from);
        if (x->dtype == RG_F64) ((double *)x->data)[i] = v;
        else ((float *)x->data)[i] = (float)v;
    }
}

rg_tensor *rg_param_at(const char *at, rg_tape *t, const char *name, rg_init init, int ndim, const int64_t *shape) {
    if (rg_error_code(t) || check(at, t, "rg_param", name, init)) return rg_poison(t);
    rg_tensor *x = rg_parameter_at(at, t, name, ndim, shape);
    if (!rg_failed(x)) fill(x, init);
    return x;
}

int rg_init_fill_at(const char *at, rg_tensor *x, rg_init init) {
    if (rg_failed(x) || rg_error_code(x->tape)) return -1;
    if (x->op || x->base) return rg_fail(x->tape, RG_ESTATE, at, "rg_init_fill: the result of an op is no leaf");
    if (x->dtype != RG_F32 && x->dtype != RG_F64)
        return rg_fail(x->tape, RG_EDTYPE, at, "rg_init_fill: %s is not a float", rg_dtype_name((rg_dtype)x->dtype));
    if (check(at, x->tape, "rg_init_fill", x->name, init)) return -1;
    fill(x, init);
    rg_touch(x);
    return 0;
}
