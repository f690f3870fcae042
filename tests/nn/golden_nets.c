/* golden_nets.c - six nets, each trained for 200 steps on numbers that the tape's generator draws: the hash of their weights, which is the
   same on every machine, for every instruction set and any number of threads, recorded or played.

       golden_nets                                prints "NET DTYPE HASH", as golden_nets.h has them
       golden_nets ISA THREADS eager|played       the same for one configuration; status 3: not on this machine       */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"

enum { STEPS = 200, BATCH = 32, CLASSES = 10 };

static rg_tensor *labels(rg_tensor *x) { return rg_cast(rg_argmax(rg_slice(x, -1, 0, CLASSES), -1), RG_I32); }

/* Each makes its net and optimiser at the first call, and records the loss of a step. */
typedef struct model { rg_nn *net; rg_optim *optim; } model;

static rg_tensor *mlp_relu(rg_tape *t, model *m) {
    if (!m->net) {
        m->net = rg_nn_mlp(t, "relu", RG_HE_NORMAL, 128, 128, CLASSES);
        m->optim = rg_optim_sgd(t, rg_nn_params(m->net), .lr = .05, .momentum = .9);
    }
    rg_tensor *x = rg_normal(t, 0, 1, 4 * BATCH, 128);
    return rg_cross_entropy(rg_nn_forward(m->net, x), labels(x));
}

static rg_tensor *mlp_tanh(rg_tape *t, model *m) {
    if (!m->net) {
        m->net = rg_nn_mlp(t, "tanh", RG_XAVIER_UNIFORM, 64, 64, 1);
        m->optim = rg_optim_adam(t, rg_nn_params(m->net), .lr = 1e-3);
    }
    rg_tensor *x = rg_uniform(t, -1, 1, 2 * BATCH, 64);
    return rg_mse(rg_nn_forward(m->net, x), rg_sin(rg_sum_keep(x, 1)));
}

static rg_tensor *convnet(rg_tape *t, model *m) {
    if (!m->net) {
        m->net = rg_nn_sequential(t, rg_nn_conv2d(t, 2, 8, RG_HE_NORMAL, .kernel = {3}, .padding = {1}), rg_nn_batch_norm2d(t, 8),
            rg_nn_relu(t), rg_nn_max_pool2d(t, .kernel = {2}), rg_nn_conv2d(t, 8, 8, RG_HE_NORMAL, .kernel = {3}), rg_nn_batch_norm2d(t, 8),
            rg_nn_relu(t), rg_nn_flatten(t), rg_nn_linear(t, 8 * 4 * 4, CLASSES, RG_XAVIER_UNIFORM));
        m->optim = rg_optim_adamw(t, rg_nn_params(m->net), .lr = 2e-3, .weight_decay = .01);
    }
    rg_tensor *x = rg_normal(t, 0, 1, BATCH, 2, 12, 12);
    return rg_cross_entropy(rg_nn_forward(m->net, x), labels(rg_reshape(x, BATCH, -1)));
}

static rg_tensor *lstm(rg_tape *t, model *m) {
    enum { TIME = 8, IN = 12, HIDDEN = 16 };
    if (!m->net) {
        m->net = rg_nn_sequential(t, rg_nn_lstm(t, IN, HIDDEN), rg_nn_linear(t, HIDDEN, CLASSES, RG_XAVIER_UNIFORM));
        m->optim = rg_optim_adam(t, rg_nn_params(m->net), .lr = 3e-3);
    }
    rg_tensor *x = rg_normal(t, 0, 1, BATCH, TIME, IN);
    return rg_cross_entropy(rg_nn_forward(m->net, x), labels(x));
}

static rg_tensor *of_tokens(rg_tape *t, model *m, int64_t batch, int64_t time, double dropout) {
    enum { DIM = 16 };
    if (!m->net) {
        m->net = rg_nn_sequential(t, rg_nn_embedding(t, CLASSES, DIM, RG_NORMAL(0, .1)),
            rg_nn_positional_embedding(t, time, DIM, RG_NORMAL(0, .1)),
            rg_nn_transformer_block(t, DIM, 4, 2 * DIM, RG_XAVIER_UNIFORM, .causal = true, .dropout = dropout), rg_nn_layer_norm(t, DIM),
            rg_nn_linear(t, DIM, CLASSES, RG_XAVIER_UNIFORM));
        m->optim = rg_optim_adamw(t, rg_nn_params(m->net), .lr = 3e-3);
    }
    rg_tensor *x = labels(rg_normal(t, 0, 1, batch, time, CLASSES));
    return rg_cross_entropy(rg_nn_forward(m->net, x), rg_concat(1, rg_slice(x, 1, 0, 1), rg_slice(x, 1, 0, time - 1)));
}
static rg_tensor *transformer(rg_tape *t, model *m) { return of_tokens(t, m, BATCH / 2, 12, .1); } /* weights of attention are dropped */
static rg_tensor *attention(rg_tape *t, model *m) { return of_tokens(t, m, 2, 70, 0); } /* in tiles, more than one */

static const struct { const char *name; rg_tensor *(*loss)(rg_tape *t, model *m); } nets[] = {
    {"mlp_relu", mlp_relu}, {"mlp_tanh", mlp_tanh}, {"convnet", convnet}, {"lstm", lstm}, {"transformer", transformer},
    {"attention", attention}};
enum { NETS = sizeof nets / sizeof *nets };

static uint64_t hash_of(const rg_nn *net) { /* FNV-1a, of the values in little-endian order */
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const rg_list all = rg_nn_params(net);
    for (int i = 0; i < all.count; i++)
        for (int64_t k = 0; k < rg_numel(all.items[i]); k++) {
            uint64_t bits = 0;
            if (rg_dtype_of(all.items[i]) == RG_F64) memcpy(&bits, &rg_f64(all.items[i])[k], sizeof(double));
            else {
                uint32_t half;
                memcpy(&half, &rg_f32(all.items[i])[k], sizeof half);
                bits = half;
            }
            for (size_t b = 0; b < rg_dtype_size(rg_dtype_of(all.items[i])); b++) h = (h ^ (bits >> 8 * b & 255)) * UINT64_C(0x100000001b3);
        }
    return h;
}

/* 0 after an error, which is printed */
static uint64_t trained(int k, rg_dtype dtype, int isa, int threads, bool played) {
    rg_tape *t = rg_tape_new(7);
    model m = {.net = NULL};
    rg_set_default_dtype(t, dtype);
    rg_set_isa(t, isa);
    rg_set_threads(t, threads);
    for (int step = 0; step < STEPS; step++) {
        if (played && step) rg_play(t);
        else {
            rg_tape_reset(t);
            rg_backward(nets[k].loss(t, &m));
        }
        rg_clip_grad_norm(t, rg_nn_params(m.net), 5);
        rg_optim_step(m.optim);
    }
    const uint64_t h = rg_error(t) ? 0 : hash_of(m.net);
    rg_tape_free(t);
    return h;
}

int main(int argc, char **argv) {
    if (argc != 1 && argc != 4) return fprintf(stderr, "usage: golden_nets [ISA THREADS eager|played]\n"), 2;
    const int isa = argc > 1 ? atoi(argv[1]) : rg_best_isa(), threads = argc > 1 ? atoi(argv[2]) : 1;
    if (isa > rg_best_isa()) return 3;
    for (int k = 0; k < NETS; k++)
        for (int d = 0; d < 2; d++) {
            const rg_dtype dtype = d ? RG_F64 : RG_F32;
            printf("%s %s %016llx\n", nets[k].name, rg_dtype_name(dtype),
                (unsigned long long)trained(k, dtype, isa, threads, argc > 1 && !strcmp(argv[3], "played")));
        }
    return 0;
}
