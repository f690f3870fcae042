/* torch_files.c - our side of torch_files.py: a net with the values of a state_dict, and back.     torch_files FOLDER */
#include <retrograd.h>

#include <stdio.h>

enum { STEPS = 10 };

static const char *in(const char *folder, const char *name) {
    static char path[8][4096];
    static int next;
    char *to = path[next++ % 8];
    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

enum { CONV, BN, EMB, BLOCK, LSTM, FC };

/* images [n, 1, h, w], tokens [n, time] -> [n, 5] */
static rg_tensor *logits(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)at;
    rg_nn *const *part = net->children;
    rg_tensor *seen = rg_mean(rg_relu(rg_nn_forward(part[BN], rg_nn_forward(part[CONV], in[0]))), -2, -1);           /* [n, 4] */
    rg_tensor *read = rg_nn_forward(part[LSTM], rg_nn_forward(part[BLOCK], rg_nn_forward(part[EMB], in[1])));        /* [n, time, 6] */
    rg_tensor *last = rg_squeeze(rg_slice(read, 1, -1, RG_TO_END), 1);                                               /* [n, 6] */
    return rg_nn_forward(part[FC], rg_concat(1, seen, last));
}

static rg_nn *make(rg_tape *t) {
    rg_nn *net = rg_nn_new(t, "reader", logits, sizeof(rg_nn), .inputs = 2);
    rg_nn_add(net, "conv", rg_nn_conv2d(t, 1, 4, RG_HE_NORMAL, .kernel = {3}));
    rg_nn_add(net, "bn", rg_nn_batch_norm2d(t, 4));
    rg_nn_add(net, "emb", rg_nn_embedding(t, 11, 8, RG_NORMAL(0, 1)));
    rg_nn_add(net, "encoder", rg_nn_transformer_encoder(t, 2, 8, 2, 16, RG_XAVIER_UNIFORM));
    rg_nn_add(net, "lstm", rg_nn_lstm(t, 8, 6, .layers = 2));
    rg_nn_add(net, "fc", rg_nn_linear(t, 10, 5, RG_HE_NORMAL));
    return net;
}

static void tell(rg_nn *net, rg_tensor *images, rg_tensor *tokens, const char *path) {
    rg_nn_eval(net);
    rg_npy_save(rg_nn_forward(net, images, tokens), path);
    rg_nn_eval_end(net);
    rg_tape_reset(net->tape);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    const char *folder = argv[1];
    rg_tape *t = rg_tape_new(1);
    const rg_list inputs = rg_npz_load(t, in(folder, "inputs.npz"));
    rg_tensor *images = rg_list_find(inputs, "images"), *tokens = rg_list_find(inputs, "tokens"), *labels = rg_list_find(inputs, "labels");
    rg_nn *net = make(t);
    rg_nn_load(net, in(folder, "half.safetensors"), .layout = RG_TORCH);
    tell(net, images, tokens, in(folder, "half.npy"));
    rg_nn_load(net, in(folder, "theirs.safetensors"), .layout = RG_TORCH);
    tell(net, images, tokens, in(folder, "theirs.npy"));
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .01);
    for (int step = 0; step < STEPS; step++) {
        rg_backward(rg_cross_entropy(rg_nn_forward(net, images, tokens), labels));
        rg_optim_step(adam);
        rg_tape_reset(t);
    }
    tell(net, images, tokens, in(folder, "ours.npy"));
    rg_nn_save(net, in(folder, "ours.safetensors"), .layout = RG_TORCH);
    const int failed = rg_error_code(t) != RG_OK;
    rg_tape_free(t);
    return failed;
}
