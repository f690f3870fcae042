/* checkpoint.h - a small run, for harnesses that load checkpoints into it. */
#ifndef RG_FUZZ_CHECKPOINT_H
#define RG_FUZZ_CHECKPOINT_H

#include "files.h"

static rg_nn *net;
static rg_state *run;
static rg_optim *optim;
static rg_loader *loader;
static rg_ema *average; /* and these two, or NULL */
static rg_early_stopping *stopping;
static rg_plateau plateau;
static int64_t run_step;

static void make_run(bool second_order, bool around) {
    net = rg_nn_sequential(t, rg_nn_linear(t, 3, 2, RG_HE_NORMAL), rg_nn_linear(t, 2, 2, RG_HE_NORMAL));
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1, 2, 2, 2};
    loader = rg_loader_new(t, rg_buffer(t, "x", x, 5, 3), rg_buffer_of(t, "y", RG_I32, NULL, 5), .batch = 2, .shuffle = true);
    optim = second_order ? rg_optim_lbfgs(t, rg_nn_params(net), .history = 3, .max_iter = 2)
        : rg_optim_adam(t, rg_nn_params(net), .lr = .1);
    run_step = 7;
    run = rg_state_new(t);
    rg_state_net(run, NULL, net);
    rg_state_optim(run, "optim", optim);
    rg_state_loader(run, "loader", loader);
    rg_state_count(run, "step", &run_step);
    plateau = (rg_plateau){.patience = 1};
    average = around ? rg_ema_new(t, rg_nn_params(net), .5) : NULL;
    stopping = around ? rg_early_stopping_new(t, rg_nn_params(net), .patience = 2) : NULL;
    if (around) {
        rg_state_ema(run, "ema", average);
        rg_state_early_stopping(run, "stop", stopping);
        rg_state_plateau(run, "plateau", &plateau);
    }
    if (rg_error(t)) fuzz_fail("the run cannot be made: %s", rg_error(t));
}

static rg_tensor *xs, *ys;
static double closure(void *ctx) {
    (void)ctx;
    rg_tensor *loss = rg_cross_entropy(rg_nn_forward(net, xs), ys);
    rg_backward(loss);
    return rg_item(loss);
}

/* It goes on: what was loaded trains. Numbers may be anything, so the step may be refused, but only as an error. */
static void go_on(void) {
    for (int k = 0; k < 3; k++) {
        if (!rg_loader_next(loader, &xs, &ys) && !rg_error(t)) rg_loader_next(loader, &xs, &ys);
        if (!rg_error(t)) rg_optim_step_closure(optim, closure, NULL);
        if (average) rg_ema_swap(average), rg_early_stopping_step(stopping, k), rg_plateau_step(&plateau, optim, k);
        rg_tape_reset(t);
    }
    for (int i = 0; i < rg_nn_params(net).count; i++) rg_print(rg_nn_params(net).items[i], nowhere);
    const rg_code code = rg_error_code(t);
    if (code && code != RG_EVALUE && code != RG_ENOMEM) fuzz_fail("it does not go on: %s", rg_error(t));
    rg_error_clear(t);
    if (rg_state_save(run, fuzz_path("again"))) fuzz_fail("it cannot be saved: %s", rg_error(t));
}

/* The first byte: 1 puts the length of the header before the rest, up to the last two braces. */
static const char *checkpoint_file(const uint8_t *data, size_t size) {
    static uint8_t bytes[FILE_MOST + 8];
    size_t n = size - 1, last = n;
    if (!(data[0] & 1)) return fuzz_file("file", data + 1, n);
    while (last > 1 && (data[last] != '}' || data[last - 1] != '}')) last--;
    const uint64_t length = last;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, data + 1, n);
    return fuzz_file("file", bytes, n + 8);
}

/* The same file as a list. */
static void load_list(const char *path) {
    const int64_t tensors = rg_memory(t).tensors;
    const rg_list l = rg_safetensors_load(t, path);
    if (fuzz_refused(tensors) && l.count) fuzz_fail("%d tensors after an error", l.count);
    for (int i = 0; i < l.count; i++) {
        if (rg_list_find(l, rg_name_of(l.items[i])) != l.items[i]) fuzz_fail("two tensors have one name");
        if (i < 3) fuzz_use(l.items[i]);
    }
    if (l.count && rg_safetensors_save(t, fuzz_path("again"), l)) {
        const rg_code code = rg_error_code(t);
        if (code != RG_EVALUE) fuzz_fail("what was loaded cannot be saved: %s", rg_error(t)); /* a tensor may have an empty name */
        rg_error_clear(t);
    }
}

static uint64_t hash_of_run(void) { /* all that a failed load must not change */
    uint64_t h = 14695981039346656037u;
    const rg_list l = rg_nn_params(net);
    for (int i = 0; i < l.count; i++)
        for (int64_t k = 0; k < rg_numel(l.items[i]); k++) {
            uint32_t bits;
            memcpy(&bits, rg_f32(l.items[i]) + k, sizeof bits);
            h = (h ^ bits) * 1099511628211u;
        }
    const unsigned char *rng = (const unsigned char *)rg_tape_rng(t);
    for (size_t k = 0; k < sizeof(rg_rng); k++) h = (h ^ rng[k]) * 1099511628211u;
    const int64_t counts[] = {run_step, rg_loader_epoch(loader), rg_loader_row(loader), plateau.bad, plateau.cooling, plateau.begun};
    for (int k = 0; k < 6; k++) h = (h ^ (uint64_t)counts[k]) * 1099511628211u;
    return h;
}

/* The first byte: 2 makes the optimiser L-BFGS. Of a run: 4 has an average, early stopping and a plateau. Of a net: 4 takes PyTorch's
   layout, 8 what fits. */
static void load_and_go_on(const uint8_t *data, size_t size, bool whole) {
    if (size < 1 || size > FILE_MOST) return;
    fuzz_begin();
    make_run(data[0] & 2, whole && data[0] & 4);
    const uint64_t before = hash_of_run();
    const int64_t tensors = rg_memory(t).tensors;
    const char *path = checkpoint_file(data, size);
    rg_file_report report;
    const int failed = whole ? rg_state_load(run, path)
        : rg_nn_load(net, path, .layout = data[0] & 4 ? RG_TORCH : RG_IN_OUT, .partial = data[0] & 8, .report = &report);
    if (!failed != !rg_error_code(t)) fuzz_fail("the load returns %d, and the error is %s", failed, rg_error(t) ? rg_error(t) : "none");
    if (fuzz_refused(tensors) && hash_of_run() != before) fuzz_fail("a failed load changed something");
    go_on();
    if (!whole) load_list(fuzz_path("file"));
    fuzz_end();
}
#endif
