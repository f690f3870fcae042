/* conv.c - layers with a window that slides: convolutions and pools. */
#include "engine/op.h"
#include "nn/nn.h"

typedef struct windowed { rg_nn nn; rg_window_options window; } windowed;

static rg_nn *windowed_new(const char *at, rg_tape *t, const char *kind, rg_nn_fn forward, rg_window_options window) {
    windowed *net = (windowed *)rg_nn_new_at(at, t, kind, forward, sizeof *net, (rg_nn_options){0});
    if (!net) return NULL;
    net->window = window;
    return &net->nn;
}

/* -------- convolutions */

static rg_tensor *bias_of(const rg_nn *net) { return net->nparams > 1 ? net->params[1] : NULL; }

static rg_tensor *conv2d(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_conv2d_at(at, in[0], net->params[0], bias_of(net), ((windowed *)net)->window);
}

static rg_tensor *conv1d(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_conv1d_at(at, in[0], net->params[0], bias_of(net), ((windowed *)net)->window);
}

/* ndim: of the weights [out, in / groups, kernel ..], 4 or 3 */
static rg_nn *conv_new(const char *at, rg_tape *t, const char *kind, rg_nn_fn forward, int ndim, int64_t in, int64_t out, rg_init weight,
    rg_conv_options o) {
    rg_window_options w = {.groups = o.groups};
    for (int d = 0; d < 2; d++)
        w.kernel[d] = o.kernel[d], w.stride[d] = o.stride[d], w.padding[d] = o.padding[d], w.dilation[d] = o.dilation[d];
    const int groups = w.groups ? w.groups : 1, h = w.kernel[0], across = ndim < 4 ? 1 : w.kernel[1] ? w.kernel[1] : h;
    if (rg_error_code(t)) return NULL;
    if (h < 1 || across < 1) return rg_fail(t, RG_EVALUE, at, "%s: the kernel is %dx%d, must be at least 1x1", kind, h, across), NULL;
    if (groups < 0 || in % groups || out % groups)
        return rg_fail(t, RG_EVALUE, at, "%s: %d groups do not divide %lld channels in and %lld out", kind, groups, (long long)in,
            (long long)out), NULL;
    w.kernel[0] = w.kernel[1] = 0; /* the weights have the size of the kernel */
    rg_nn *net = windowed_new(at, t, kind, forward, w);
    const double seen = (double)h * across;
    const rg_init init = rg_init_with_fans(weight, (double)(in / groups) * seen, (double)out * seen);
    rg_nn_param_at(at, net, "weight", init, ndim, (const int64_t[]){out, in / groups, h, across});
    if (o.bias.kind != RG_INIT_NONE) rg_nn_param_at(at, net, "bias", o.bias, 1, &out);
    return net && net->failed ? NULL : net;
}

rg_nn *rg_nn_conv2d_at(const char *at, rg_tape *t, int64_t in, int64_t out, rg_init init, rg_conv_options options) {
    return conv_new(at, t, "conv2d", conv2d, 4, in, out, init, options);
}

rg_nn *rg_nn_conv1d_at(const char *at, rg_tape *t, int64_t in, int64_t out, rg_init init, rg_conv_options options) {
    return conv_new(at, t, "conv1d", conv1d, 3, in, out, init, options);
}

/* -------- pools */

static rg_tensor *max_pool2d(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_max_pool2d_at(at, in[0], ((windowed *)net)->window);
}
static rg_tensor *avg_pool2d(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_avg_pool2d_at(at, in[0], ((windowed *)net)->window);
}
static rg_tensor *global_avg_pool2d(const char *at, rg_nn *net, rg_tensor *const *in) {
    char text[80];
    if (in[0]->ndim != 4)
        return rg_refuse(net->tape, RG_ESHAPE, at, "global_avg_pool2d: %s is not [n, channels, h, w]",
            rg_shape_text(in[0], text, sizeof text));
    return rg_mean_at(at, in[0], 2, (const int[]){2, 3});
}

static rg_nn *pool_new(const char *at, rg_tape *t, const char *kind, rg_nn_fn forward, rg_window_options w) {
    const int h = w.kernel[0], across = w.kernel[1] ? w.kernel[1] : h;
    if (h < 1 || across < 1) return rg_fail(t, RG_EVALUE, at, "%s: the kernel is %dx%d, must be at least 1x1", kind, h, across), NULL;
    return windowed_new(at, t, kind, forward, w);
}

rg_nn *rg_nn_max_pool2d_at(const char *at, rg_tape *t, rg_window_options window) {
    return pool_new(at, t, "max_pool2d", max_pool2d, window);
}
rg_nn *rg_nn_avg_pool2d_at(const char *at, rg_tape *t, rg_window_options window) {
    return pool_new(at, t, "avg_pool2d", avg_pool2d, window);
}
rg_nn *rg_nn_global_avg_pool2d_at(const char *at, rg_tape *t) {
    return rg_nn_new_at(at, t, "global_avg_pool2d", global_avg_pool2d, sizeof(rg_nn), (rg_nn_options){0});
}
