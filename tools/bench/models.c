/* models.c - W6 to W10: real networks, layers as a model writer puts them together; recorded anew in each step, or played. */
#include <retrograd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct model {
    rg_tape *t;
    rg_nn *net;
    rg_optim *optim;
    rg_tensor *x, *y, *loss;
    bool clip, played;
} model;

static void model_step(void *ctx) {
    model *m = ctx;
    if (m->played && m->loss) rg_play(m->t);
    else {
        rg_tape_reset(m->t);
        rg_backward(m->loss = rg_cross_entropy(rg_nn_forward(m->net, m->x), m->y));
    }
    if (m->clip) rg_clip_grad_norm(m->t, rg_nn_params(m->net), 1);
    rg_optim_step(m->optim);
}

/* -------- data: what is computed does not depend on it */

static rg_tensor *classes(rg_tape *t, int n, int factor, int64_t batch, int64_t time) { /* [batch, time]; [batch] for a time of 1 */
    int32_t *v = malloc((size_t)(batch * time) * sizeof *v);
    for (int64_t i = 0; v && i < batch * time; i++) v[i] = (int32_t)(i * factor % n);
    rg_tensor *x = v ? rg_buffer_n(t, "classes", v, 1 + (time > 1), (int64_t[]){batch, time}) : NULL;
    free(v);
    return x;
}

static void images(model *m, int64_t n, int64_t channels, int64_t side) {
    m->x = rg_retain(rg_uniform(m->t, 0, 1, n, channels, side, side));
    m->y = classes(m->t, 10, 7, n, 1);
}

static void tokens(model *m, int n, int64_t batch, int64_t time) {
    m->x = classes(m->t, n, 7, batch, time);
    m->y = classes(m->t, n, 5, batch, time);
}

/* -------- the networks of peers.py */

static void lenet(model *m) {
    rg_tape *t = m->t;
    m->net = rg_nn_sequential(t, rg_nn_conv2d(t, 1, 8, RG_HE_NORMAL, .kernel = {5}, .padding = {2}, .bias = RG_NO_BIAS),
        rg_nn_max_pool2d(t, .kernel = {2}), rg_nn_batch_norm2d(t, 8), rg_nn_relu(t),
        rg_nn_conv2d(t, 8, 16, RG_HE_NORMAL, .kernel = {5}, .bias = RG_NO_BIAS), rg_nn_max_pool2d(t, .kernel = {2}),
        rg_nn_batch_norm2d(t, 16), rg_nn_relu(t), rg_nn_flatten(t), rg_nn_mlp(t, "relu", RG_HE_NORMAL, 400, 120, 84, 10));
    m->optim = rg_optim_adam(t, rg_nn_params(m->net), .lr = .01);
    images(m, 128, 1, 28);
}

static rg_nn *conv_norm_relu(rg_tape *t, int64_t in, int64_t out) {
    return rg_nn_sequential(t, rg_nn_conv2d(t, in, out, RG_HE_NORMAL, .kernel = {3}, .padding = {1}, .bias = RG_NO_BIAS),
        rg_nn_batch_norm2d(t, out), rg_nn_relu(t));
}

static void cnn(model *m) {
    rg_tape *t = m->t;
    m->net = rg_nn_sequential(t, conv_norm_relu(t, 3, 32), conv_norm_relu(t, 32, 32), rg_nn_max_pool2d(t, .kernel = {2}),
        conv_norm_relu(t, 32, 64), conv_norm_relu(t, 64, 64), rg_nn_max_pool2d(t, .kernel = {2}), rg_nn_flatten(t),
        rg_nn_linear(t, 4096, 10, RG_HE_NORMAL));
    m->optim = rg_optim_sgd(t, rg_nn_params(m->net), .lr = .01, .momentum = .9);
    images(m, 64, 3, 32);
}

static void transformer(model *m, int64_t dim, int64_t heads, int blocks, int64_t batch, int64_t time, int n) {
    rg_tape *t = m->t;
    m->net = rg_nn_sequential(t, rg_nn_embedding(t, n, dim, RG_NORMAL(0, .02)),
        rg_nn_positional_embedding(t, time, dim, RG_NORMAL(0, .02)));
    for (int i = 0; i < blocks; i++)
        rg_nn_add(m->net, NULL, rg_nn_transformer_block(t, dim, heads, 4 * dim, RG_XAVIER_UNIFORM, .causal = true));
    rg_nn_add(m->net, NULL, rg_nn_layer_norm(t, dim));
    rg_nn_add(m->net, NULL, rg_nn_linear(t, dim, n, RG_XAVIER_UNIFORM));
    m->optim = rg_optim_adamw(t, rg_nn_params(m->net), .lr = 3e-3, .beta2 = .98, .weight_decay = .1);
    m->clip = true;
    tokens(m, n, batch, time);
}

static void gpt(model *m) { transformer(m, 48, 4, 2, 64, 64, 13); }
static void gpt2(model *m) { transformer(m, 256, 8, 4, 16, 128, 96); }

static void lstm(model *m) {
    rg_tape *t = m->t;
    m->net = rg_nn_sequential(t, rg_nn_embedding(t, 64, 64, RG_NORMAL(0, 1)), rg_nn_lstm(t, 64, 128),
        rg_nn_linear(t, 128, 64, RG_XAVIER_UNIFORM));
    m->optim = rg_optim_adam(t, rg_nn_params(m->net));
    tokens(m, 64, 32, 64);
}

int models_run(const job *j) {
    static void (*const make[])(model *) = {lenet, cnn, gpt, gpt2, lstm}; /* W6 .. W10 */
    if (strcmp(j->by, "fused") && strcmp(j->by, "played")) return NOT_RUN;
    model m = {.t = rg_tape_new(1), .played = !strcmp(j->by, "played")};
    rg_set_threads(m.t, j->threads);
    make[atoi(j->workload + 1) - 6](&m);
    return run_steps(j, m.t, m.optim, "step", 1, model_step, &m);
}
