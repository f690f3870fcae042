/* exchange.c - our side of test_numpy.py: reads what NumPy wrote into a folder and writes it again, and checkpoints.     exchange FOLDER */
#include <retrograd.h>

#include <stdio.h>

enum { DRAWS = 1000 };

static const char *in(const char *folder, const char *name) {
    static char path[8][4096];
    static int next;
    char *to = path[next++ % 8];
    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    const char *folder = argv[1];
    rg_tape *t = rg_tape_new(11);
    /* arrays: there and back */
    rg_npz_save(t, in(folder, "ours.npz"), rg_npz_load(t, in(folder, "theirs.npz")));
    rg_npy_save(rg_npy_load(t, in(folder, "theirs.npy")), in(folder, "ours.npy"));
    /* a net and its optimiser after a step, as a checkpoint and as arrays */
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 3, 4, RG_HE_NORMAL), rg_nn_linear(t, 4, 2, RG_HE_NORMAL));
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = 1. / 3);
    rg_backward(rg_sum(rg_square(rg_nn_forward(net, rg_full(t, 1, 2, 3)))));
    rg_optim_step(adam);
    rg_rng_next32(rg_tape_rng(t));
    rg_state *run = rg_state_new(t);
    rg_state_net(run, NULL, net);
    rg_state_optim(run, "optim", adam);
    rg_state_save(run, in(folder, "run.safetensors"));
    rg_npz_save(t, in(folder, "net.npz"), rg_nn_params(net));
    float draws[DRAWS];
    for (int i = 0; i < DRAWS; i++) draws[i] = (float)rg_rng_next32(rg_tape_rng(t));
    rg_npy_save(rg_input(t, draws, DRAWS), in(folder, "draws.npy"));
    /* a checkpoint that was written elsewhere */
    if (!rg_nn_load(net, in(folder, "theirs.safetensors"))) rg_npz_save(t, in(folder, "loaded.npz"), rg_nn_params(net));
    const int failed = rg_error_code(t) != RG_OK;
    rg_tape_free(t);
    return failed;
}
