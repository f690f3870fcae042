/* run.c - options, tape and optimiser of the example programs. */
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/op.h"
#include "files.h"
#include "twin.h"

/* A program that does not set these has no such choice, and a row of its own replaces the common one. */
static bool left_out(const run_options *o, const option_row *row, int n, const option_row *own) {
    for (int i = 0; i < n; i++)
        if (strcmp(own[i].name, row->name) == 0) return true;
    return (row->value == &o->path && !o->path) || (row->value == &o->batch && !o->batch) ||
        (row->value == &o->optimizer && !o->optimizer) || (row->value == &o->epochs && !o->epochs) ||
        (row->value == &o->hidden && !o->hidden.count) || (row->value == &o->schedule && !o->schedule) ||
        (row->value == &o->floor && o->floor < 0);
}

int run_parse(const char *summary, run_options *o, const option_row *own, int argc, char *const *argv) {
    const option_row common[] = {
        {"epochs", OPT_INT, &o->epochs, "N", "passes over the training set", 0, 1e9},
        {"batch", OPT_INT, &o->batch, "N", "examples per step", 1, 1e9},
        {"lr", OPT_DOUBLE, &o->lr, "RATE", o->schedule ? "highest learning rate" : "learning rate", 0, 1e6},
        {"schedule", OPT_CHOICE, &o->schedule, "constant|cosine|one-cycle", "course of the learning rate over all epochs", 0, 0},
        {"optimizer", OPT_CHOICE, &o->optimizer, "sgd|momentum|nesterov|adam|adamw", "update rule; momentum is 0.9", 0, 0},
        {"hidden", OPT_INTS, &o->hidden, "N,N,...", "widths of the hidden layers", 1, 1 << 20},
        {"seed", OPT_UINT64, &o->seed, "N", "seed of weights and order", 0, 0},
        {"threads", OPT_INT, &o->threads, "N", "threads for large ops; results have the same bits for any number", 1, 1024},
        {"dtype", OPT_CHOICE, &o->dtype, "f32|f64", "type of parameters and activations", 0, 0},
        {"steps", OPT_INT64, &o->steps, "N", "stop after N steps; 0: after all epochs", 0, 1e15},
        {"floor", OPT_DOUBLE, &o->floor, "PERCENT",
        "exit with 1 below this accuracy; image programs check it only after a whole epoch", 0, 100},
        {"out", OPT_STRING, &o->out, "DIR", "draw pictures there", 0, 0},
        {"csv", OPT_STRING, &o->csv, "FILE", "write the history there; with --resume append to it", 0, 0},
        {"save", OPT_STRING, &o->save, "FILE", "save the state of the run there, at the end; image programs after each epoch", 0, 0},
        {"resume", OPT_STRING, &o->resume, "FILE",
        "continue from that state, bit for bit with the same data and options; random numbers come from the file, not from --seed; "
        "in programs without a schedule the learning rate too", 0, 0},
        {"path", OPT_CHOICE, &o->path, "tape|manual|both",
        "train by the tape, by the network derived by hand, or by both, compared at each step", 0, 0},
    };
    enum { ALL = sizeof common / sizeof common[0], MOST = 32 };
    option_row table[MOST] = {{0}};
    int n = 0, before;
    for (; own[n].name && n + ALL + 1 < MOST; n++) table[n] = own[n];
    before = n;
    for (int i = 0; i < ALL; i++)
        if (!left_out(o, &common[i], before, own)) table[n++] = common[i];
    const int status = options_parse(summary, table, argc, argv);
    if (status != OPTIONS_RUN) return status;
    const bool by_hand = o->path && !run_by(o, "tape");
    rule unused;
    if (by_hand && (o->save || o->resume))
        return options_bad("%s: only with --path tape; the twin by hand has no state that could be saved", o->save ? "--save" : "--resume");
    if (by_hand && !twin_rule(o, &unused)) return OPTIONS_BAD;
    if (o->save && files_make_parent(o->save)) return OPTIONS_BAD;
    return o->out && files_make_directory(o->out) ? OPTIONS_BAD : OPTIONS_RUN; /* before the training, not after it */
}

bool run_by(const run_options *o, const char *path) { return o->path && strcmp(o->path, path) == 0; }

rg_tape *run_tape(const run_options *o) {
    rg_tape *t = rg_tape_new(o->seed);
    rg_set_default_dtype(t, strcmp(o->dtype, "f64") == 0 ? RG_F64 : RG_F32);
    rg_set_threads(t, o->threads);
    return t;
}

rg_optim *run_optimizer(rg_tape *t, rg_list params, const run_options *o) {
    const double lr = o->lr > 0 ? o->lr : RG_ZERO;
    if (strcmp(o->optimizer, "adam") == 0) return rg_optim_adam(t, params, .lr = lr);
    if (strcmp(o->optimizer, "adamw") == 0) return rg_optim_adamw(t, params, .lr = lr);
    return rg_optim_sgd(t, params, .lr = lr, .momentum = strcmp(o->optimizer, "sgd") == 0 ? 0 : 0.9,
        .nesterov = strcmp(o->optimizer, "nesterov") == 0);
}

double run_rate(const run_options *o, int64_t step, int64_t steps) {
    if (o->schedule && strcmp(o->schedule, "cosine") == 0) return rg_lr_cosine(o->lr, step, steps, 0);
    if (o->schedule && strcmp(o->schedule, "one-cycle") == 0) return rg_lr_one_cycle(o->lr, step, steps, .warm = 0.3);
    return o->lr;
}

int run_resume(const run_options *o, rg_state *run, rg_loader *l) {
    if (!o->resume) return 0;
    if (rg_state_load(run, o->resume)) return -1;
    if (l && !rg_loader_left(l)) rg_loader_next(l, NULL); /* --steps ended that run at the end of an epoch: the next one comes */
    return 0;
}

int run_save(const run_options *o, rg_state *run) { return o->save ? rg_state_save(run, o->save) : 0; }

uint64_t run_hash(rg_list params) {
    uint64_t h = RG_HASH;
    for (int k = 0; k < params.count; k++) {
        rg_tensor *p = params.items[k];
        const unsigned char *bytes = rg_dtype_of(p) == RG_F64 ? (const void *)rg_f64(p) : (const void *)rg_f32(p);
        const size_t n = (size_t)rg_numel(p) * rg_dtype_size(rg_dtype_of(p));
        for (size_t i = 0; i < n; i++) h = rg_hash(h, bytes[i]);
    }
    return h;
}

int64_t run_numbers(rg_list params) {
    int64_t n = 0;
    for (int k = 0; k < params.count; k++) n += rg_numel(params.items[k]);
    return n;
}

csv *run_history(const run_options *o, const char *const *columns, int count) {
    return !o->csv ? NULL : (o->resume ? csv_append : csv_open)(o->csv, columns, count);
}

int run_finish(rg_tape *t, int status) {
    if (files_end_output()) status = 1;
    const bool failed = rg_error_code(t) != RG_OK; /* the message is on stderr already */
    rg_tape_free(t);
    return failed && !status ? 1 : status;
}

double run_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *run_path(char *to, size_t size, const char *folder, const char *name) {
    snprintf(to, size, "%s/%s", folder, name);
    return to;
}
