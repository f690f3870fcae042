/* norm.c - layer norm, rms norm, batch norm with running statistics, dropout. */
#include <math.h>

#include "engine/op.h"
#include "nn/nn.h"

/* -------- over the last axes */

typedef struct norm { rg_nn nn; double eps; } norm; /* the option of the op: 0 is its default */

static rg_tensor *layer_norm(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_layer_norm_at(
        at, in[0], net->params[0], net->params[1], rg_ndim(net->params[0]), (rg_layer_norm_options){.eps = ((norm *)net)->eps});
}

static rg_tensor *rms_norm(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_rms_norm_at(at, in[0], net->params[0], rg_ndim(net->params[0]), (rg_rms_norm_options){.eps = ((norm *)net)->eps});
}

static rg_nn *norm_new(const char *at, rg_tape *t, const char *kind, rg_nn_fn forward, double eps, int ndim, const int64_t *shape) {
    norm *net = (norm *)rg_nn_new_at(at, t, kind, forward, sizeof *net, (rg_nn_options){0});
    if (!net) return NULL;
    net->eps = eps;
    rg_nn_param_at(at, &net->nn, "weight", RG_ONES, ndim, shape);
    return net->nn.failed ? NULL : &net->nn;
}

static rg_nn *layer_norm_new(const char *at, rg_tape *t, double eps, int ndim, const int64_t *shape) {
    rg_nn *net = norm_new(at, t, "layer_norm", layer_norm, eps, ndim, shape);
    rg_nn_param_at(at, net, "bias", RG_ZEROS, ndim, shape);
    return net && net->failed ? NULL : net;
}

rg_nn *rg_nn_layer_norm_at(const char *at, rg_tape *t, int ndim, const int64_t *shape) { return layer_norm_new(at, t, 0, ndim, shape); }
rg_nn *rg_nn_layer_norm_eps_at(const char *at, rg_tape *t, double eps, int ndim, const int64_t *shape) {
    return layer_norm_new(at, t, rg_option_of(eps), ndim, shape);
}

rg_nn *rg_nn_rms_norm_at(const char *at, rg_tape *t, int ndim, const int64_t *shape) {
    return norm_new(at, t, "rms_norm", rms_norm, 0, ndim, shape);
}
rg_nn *rg_nn_rms_norm_eps_at(const char *at, rg_tape *t, double eps, int ndim, const int64_t *shape) {
    return norm_new(at, t, "rms_norm", rms_norm, rg_option_of(eps), ndim, shape);
}

/* -------- over the batch */

typedef struct batch_norm { rg_nn nn; int spatial; rg_nn_batch_norm_options o; } batch_norm;

static rg_tensor *normalise(const char *at, rg_nn *net, rg_tensor *const *in) {
    const batch_norm *b = (const batch_norm *)net;
    const int ndim = rg_ndim(in[0]);
    if (ndim != b->spatial + 2 && !(b->spatial == 1 && ndim == 2))
        return rg_refuse(net->tape, RG_ESHAPE, at, "%s: an input of %d dimensions, not [n, channels%s", net->kind, ndim,
            b->spatial == 1 ? "] or [n, channels, length]" : ", h, w]");
    return rg_batch_norm_at(at, in[0], net->buffers[0], net->buffers[1], net->params[0], net->params[1],
        (rg_batch_norm_options){.training = net->training, .momentum = b->o.momentum, .eps = b->o.eps});
}

static rg_nn *batch_norm_new(const char *at, rg_tape *t, int spatial, int64_t c, rg_nn_batch_norm_options o) {
    if (!(o.momentum >= 0 && o.momentum <= 1))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_batch_norm: momentum is %g, must be from 0 to 1", o.momentum), NULL;
    if (!(o.eps >= 0 && isfinite(o.eps)))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_batch_norm: eps is %g, must be at least 0 and finite", o.eps), NULL;
    const char *kind = spatial == 1 ? "batch_norm1d" : "batch_norm2d";
    batch_norm *net = (batch_norm *)rg_nn_new_at(at, t, kind, normalise, sizeof *net, (rg_nn_options){0});
    if (!net) return NULL;
    net->spatial = spatial, net->o = o;
    rg_nn_param_at(at, &net->nn, "weight", RG_ONES, 1, &c);
    rg_nn_param_at(at, &net->nn, "bias", RG_ZEROS, 1, &c);
    rg_nn_buffer_at(at, &net->nn, "running_mean", 0, 1, &c);
    rg_nn_buffer_at(at, &net->nn, "running_var", 1, 1, &c);
    return net->nn.failed ? NULL : &net->nn;
}

rg_nn *rg_nn_batch_norm1d_at(const char *at, rg_tape *t, int64_t c, rg_nn_batch_norm_options options) {
    return batch_norm_new(at, t, 1, c, options);
}
rg_nn *rg_nn_batch_norm2d_at(const char *at, rg_tape *t, int64_t c, rg_nn_batch_norm_options options) {
    return batch_norm_new(at, t, 2, c, options);
}

/* -------- dropout */

typedef struct dropout { rg_nn nn; double p; } dropout;

static rg_tensor *drop(const char *at, rg_nn *net, rg_tensor *const *in) {
    return net->training ? rg_dropout_at(at, in[0], ((dropout *)net)->p) : in[0];
}

rg_nn *rg_nn_dropout_at(const char *at, rg_tape *t, double p) {
    if (!(p >= 0 && p <= 1)) return rg_fail(t, RG_EVALUE, at, "rg_nn_dropout: p = %g is no probability", p), NULL;
    dropout *net = (dropout *)rg_nn_new_at(at, t, "dropout", drop, sizeof *net, (rg_nn_options){0});
    if (!net) return NULL;
    net->p = p;
    return &net->nn;
}
