/* param.c - parameters and their initialisers. */
#include <math.h>

#include "engine/math/functions.h"
#include "nn/optim/update.h"

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

static int check_window(const char *at, rg_tape *t, const char *who, const char *name, rg_init init) {
    if (init.b < 0) return rg_fail(t, RG_EVALUE, at, "%s: %s: std %g is negative", who, name, init.b);
    if (!(init.low < init.high)) return rg_fail(t, RG_EVALUE, at, "%s: %s: there is nothing from %g to %g", who, name, init.low, init.high);
    if (init.a >= init.low - 2 * init.b && init.a <= init.high + 2 * init.b) return 0;
    return rg_fail(t, RG_EVALUE, at, "%s: %s: the mean %g is more than 2 std %g outside %g..%g", who, name, init.a, init.b, init.low,
        init.high);
}

static int check(const char *at, rg_tape *t, const char *who, const char *name, rg_init init) {
    if (!name) name = "a tensor";
    if (init.kind > RG_INIT_TRUNC_NORMAL || init.kind == RG_INIT_NONE)
        return rg_fail(t, RG_EVALUE, at, "%s: %s: there is no initialiser %d", who, name, (int)init.kind);
    if (init.kind == RG_INIT_CONSTANT) return 0;
    if (!isfinite(init.a) || !isfinite(init.b))
        return rg_fail(t, RG_EVALUE, at, "%s: %s: the initialiser's numbers %g and %g are not both finite", who, name, init.a, init.b);
    if (init.kind == RG_INIT_NORMAL && init.b < 0) return rg_fail(t, RG_EVALUE, at, "%s: %s: std %g is negative", who, name, init.b);
    if (init.kind == RG_INIT_UNIFORM && !(init.a <= init.b && isfinite(init.b - init.a)))
        return rg_fail(t, RG_EVALUE, at, "%s: %s: nothing is uniform from %g to %g", who, name, init.a, init.b);
    if (init.kind == RG_INIT_TRUNC_NORMAL) return check_window(at, t, who, name, init);
    if (init.kind >= RG_INIT_FAN_IN_NORMAL && init.kind < RG_INIT_NONE && init.a < 0)
        return rg_fail(t, RG_EVALUE, at, "%s: %s: scale %g is negative", who, name, init.a);
    return 0;
}

/* An initialiser by fans becomes one by numbers. A negative scale is left for check() to refuse, by the parameter's name. A fan of 0 gives
   an infinite variance, but then no number is drawn. */
rg_init rg_init_with_fans(rg_init init, double in, double out) {
    if (init.kind < RG_INIT_FAN_IN_NORMAL || init.kind > RG_INIT_FAN_BOTH_UNIFORM || !(init.a >= 0)) return init;
    const bool both = init.kind >= RG_INIT_FAN_BOTH_NORMAL;
    const double fan = both ? in + out : in;
    if (init.kind == RG_INIT_FAN_IN_NORMAL || init.kind == RG_INIT_FAN_BOTH_NORMAL) return RG_NORMAL(0, sqrt(init.a / fan));
    const double limit = sqrt(3 * init.a / fan);
    return RG_UNIFORM(-limit, limit);
}

/* Rejection sampling: of normal numbers if the window is wider than 2 std (it then holds at least 2 % of them), else of uniform ones. */
static double draw_within(rg_rng *r, rg_init init) {
    const double mean = init.a, std = init.b, nearest = fmin(fmax(mean, init.low), init.high) - mean;
    const bool narrow = init.high - init.low <= 2 * std;
    if (std == 0) return mean;
    for (;;) {
        const double x = narrow ? rg_rng_uniform(r, init.low, init.high) : rg_rng_normal(r, mean, std), z = (x - mean) / std,
            z0 = nearest / std;
        if (narrow ? rg_rng_random(r) < math_exp_f64((z0 * z0 - z * z) / 2) : x >= init.low && x <= init.high) return x;
    }
}

static double draw(rg_rng *r, rg_init init) {
    if (init.kind == RG_INIT_CONSTANT) return init.a;
    if (init.kind == RG_INIT_TRUNC_NORMAL) return draw_within(r, init);
    return init.kind == RG_INIT_NORMAL ? rg_rng_normal(r, init.a, init.b) : rg_rng_uniform(r, init.a, init.b);
}

static void set(rg_tensor *x, int64_t i, double v) {
    if (x->dtype == RG_F64) ((double *)x->data)[i] = v;
    else ((float *)x->data)[i] = (float)v;
}

static double dot(int64_t n, const double *a, const double *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Makes the rows of q[few][many] orthonormal by the Gram-Schmidt process, twice, which is enough (Giraud et al. 2005): the Q of a QR
   decomposition whose R has a positive diagonal. */
static void orthonormalise(int64_t few, int64_t many, double *q) {
    for (int64_t j = 0; j < few; j++) {
        double *row = q + j * many;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t k = 0; k < j; k++) {
                const double share = dot(many, q + k * many, row);
                for (int64_t i = 0; i < many; i++) row[i] -= share * q[k * many + i];
            }
        const double scale = 1 / sqrt(dot(many, row, row));
        for (int64_t i = 0; i < many; i++) row[i] *= scale;
    }
}

static void fill_orthogonal(rg_tensor *x, double gain, double *q) {
    rg_rng *r = rg_tape_rng(x->tape);
    const int64_t columns = x->shape[x->ndim - 1], rows = columns ? x->numel / columns : 0;
    const int64_t few = rows < columns ? rows : columns, many = rows < columns ? columns : rows;
    for (int64_t i = 0; i < many; i++)
        for (int64_t j = 0; j < few; j++) q[j * many + i] = rg_rng_normal(r, 0, 1);
    orthonormalise(few, many, q);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) set(x, i * columns + j, gain * (rows < columns ? q[i * many + j] : q[j * many + i]));
}

static void fill(rg_tensor *x, rg_init init, double *room) {
    if (init.kind == RG_INIT_ORTHOGONAL) {
        fill_orthogonal(x, init.a, room);
        return;
    }
    rg_rng *r = rg_tape_rng(x->tape);
    double in, out;
    fans_of(x, &in, &out);
    const rg_init from = rg_init_with_fans(init, in, out);
    for (int64_t i = 0; i < x->numel; i++) set(x, i, draw(r, from));
}

/* For RG_ORTHOGONAL allocates as many doubles as x will have elements, before x is made. A shape that cannot be is left for
   rg_parameter to refuse. */
static int make_room(const char *at, rg_tape *t, const char *who, rg_init init, int ndim, const int64_t *shape, double **room,
    size_t *bytes) {
    int64_t numel;
    *room = NULL, *bytes = 0;
    if (init.kind != RG_INIT_ORTHOGONAL) return 0;
    if (ndim < 2) return rg_fail(t, RG_ESHAPE, at, "%s: RG_ORTHOGONAL wants 2 dimensions or more, not %d", who, ndim);
    if (ndim > RG_MAX_DIMS || !shape || rg_size(RG_F64, ndim, shape, &numel, bytes) || numel == 0) return 0;
    return (*room = rg_tape_alloc(at, t, *bytes)) ? 0 : -1;
}

/* who, in_messages: how errors begin, "rg_param: w1" */
static rg_tensor *make(const char *at, rg_tape *t, const char *name, const char *who, const char *in_messages, rg_init init, int ndim,
    const int64_t *shape) {
    double *room;
    size_t bytes;
    if (rg_error_code(t) || check(at, t, who, in_messages, init) || make_room(at, t, who, init, ndim, shape, &room, &bytes))
        return rg_poison(t);
    rg_tensor *x = rg_parameter_at(at, t, name, ndim, shape);
    if (!rg_failed(x)) fill(x, init, room);
    if (room) rg_tape_dealloc(t, room, bytes);
    return x;
}

rg_tensor *rg_param_at(const char *at, rg_tape *t, const char *name, rg_init init, int ndim, const int64_t *shape) {
    return make(at, t, name, "rg_param", name, init, ndim, shape);
}

rg_tensor *rg_param_unnamed(const char *at, rg_tape *t, const char *who, const char *name, rg_init init, int ndim, const int64_t *shape) {
    return make(at, t, NULL, who, name, init, ndim, shape);
}

int rg_init_fill_at(const char *at, rg_tensor *x, rg_init init) {
    double *room;
    size_t bytes;
    if (rg_may_write(at, x, "rg_init_fill")) return -1;
    if (x->dtype != RG_F32 && x->dtype != RG_F64)
        return rg_fail(x->tape, RG_EDTYPE, at, "rg_init_fill: %s is not a float", rg_dtype_name(x->dtype));
    if (check(at, x->tape, "rg_init_fill", x->name, init) || make_room(at, x->tape, "rg_init_fill", init, x->ndim, x->shape, &room, &bytes))
        return -1;
    fill(x, init, room);
    if (room) rg_tape_dealloc(x->tape, room, bytes);
    rg_touch(x);
    return 0;
}
