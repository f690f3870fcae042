/* reproduce.c - trains the published systems again, on the tape, and compares their numbers with the published ones.

   The systems are in published/, one file per group; published/numbers.h has the published numbers.                        */
#include <retrograd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "examples/course/published/systems.h"
#include "tools/common/files.h"
#include "tools/common/options.h"
#include "tools/common/run.h"

typedef enum needs { NOTHING, MNIST, CIFAR10 } needs;
typedef struct published_system {
    const char *id, *what;
    needs data;
    int (*run)(report *r, const settings *s);
} published_system;

static const published_system systems[] = {
    {"perceptron", "one neuron with a step cannot learn XOR: it fails exactly as published (004)", NOTHING, perceptron},
    {"softmax", "softmax of five logits (004)", NOTHING, softmax_demo},
    {"cross-entropy", "cross-entropy of a sure, an undecided and a wrong prediction (004)", NOTHING, cross_entropy_cases},
    {"one-hot", "labels as one-hot rows (004)", NOTHING, one_hot_demo},
    {"init", "spread of initial weights: zeros, normal, Xavier, He (004)", NOTHING, initial_weights},
    {"xor", "MLP_XOR, 2-2-1 with sigmoids: its curve among those of 2,000 starts (004)", NOTHING, mlp_xor},
    {"003", "HNR499_Model5, 784-128-10 from default_rng(0), to the digit", MNIST, model5},
    {"004", "SimpleNN_MNIST, 784-128-10 by plain SGD", MNIST, simple_nn},
    {"004-pytorch", "its PyTorch twin: random biases, the last partial batch kept (004)", MNIST, pytorch_twin},
    {"001", "the modular network with Adam, on raw pixels of 0 .. 255 as its table was made", MNIST, modular_raw},
    {"001-scaled", "the same on pixels of 0 .. 1, within 120 s and 2 GB", MNIST, modular_scaled},
    {"submission-1", "the compact network, 10,000 images by plain SGD (001)", MNIST, submission},
    {"init-bug", "the same with its initialisation divided, not multiplied (001)", MNIST, init_bug},
    {"000", "ScratchNet, 3072-256-128-10 on CIFAR-10 by plain SGD", CIFAR10, scratch_net},
    {"002", "the L2-regularised network on standardised CIFAR-10, for three lambdas", CIFAR10, regularised},
};
enum { SYSTEMS = sizeof systems / sizeof systems[0] };

typedef enum outcome { NOT_ASKED, ASKED, REPRODUCED, OUTSIDE, FAILED, SKIPPED } outcome;
static const char *const verdicts[] = {"", "", "reproduced", "OUTSIDE the band", "FAILED", "skipped: no data"};

typedef struct result {
    outcome outcome;
    int rows, outside;
    double seconds;
} result;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* -------- data */

static bool readable(const char *folder, const char *below, const char *file) {
    char path[4200];
    snprintf(path, sizeof path, "%s/%s%s", folder, below, file);
    return access(path, R_OK) == 0;
}

/* Are there files to read? Whether they are good is for the reader to say: a damaged file fails, it is not passed over. */
static bool have(needs what, const char *folder) {
    if (what == MNIST)
        return readable(folder, "mnist/", "train-images-idx3-ubyte.gz") || readable(folder, "mnist/", "train-images-idx3-ubyte") ||
               readable(folder, "", "train-images-idx3-ubyte.gz") || readable(folder, "", "train-images-idx3-ubyte");
    if (what == CIFAR10) return readable(folder, "cifar-10-batches-bin/", "data_batch_1.bin") || readable(folder, "", "data_batch_1.bin");
    return true;
}

/* $RETROGRAD_DATA, or where tools/get-data puts it. */
static const char *find_data(char *to, size_t size) {
    const char *data = getenv("RETROGRAD_DATA"), *home = getenv("HOME");
    if (data && *data) return data;
    return run_path(to, size, home ? home : ".", ".cache/retrograd");
}

/* -------- one system, and the table of all */

static result run_system(const published_system *p, const settings *s) {
    result out = {.outcome = SKIPPED};
    printf("%s: %s\n", p->id, p->what);
    if (!have(p->data, s->data)) {
        printf("  skipped: no %s in %s (sh tools/get-data mnist cifar10, or --data DIR)\n\n", p->data == MNIST ? "MNIST" : "CIFAR-10",
            s->data);
        return out;
    }
    fflush(stdout);
    report r = {0};
    const double start = now();
    const int failed = p->run(&r, s);
    out = (result){failed ? FAILED : r.outside || !r.rows ? OUTSIDE : REPRODUCED, r.rows, r.outside, now() - start};
    printf("  %s: %s, %d of %d rows hold, %.1f s\n\n", p->id, verdicts[out.outcome], r.rows - r.outside, r.rows, out.seconds);
    return out;
}

/* Exit status: 0 if all that ran is reproduced, and nothing that was asked for by name was skipped. */
static int summarise(const result results[SYSTEMS], bool named) {
    int status = 0;
    printf("%-14s %-76s %8s %9s  %s\n", "ID", "what", "rows", "seconds", "verdict");
    for (int i = 0; i < SYSTEMS; i++) {
        const result *r = &results[i];
        if (r->outcome == NOT_ASKED) continue;
        char rows[32];
        snprintf(rows, sizeof rows, "%d/%d", r->rows - r->outside, r->rows);
        printf("%-14s %-76s %8s %9.1f  %s\n", systems[i].id, systems[i].what, rows, r->seconds, verdicts[r->outcome]);
        if (r->outcome == OUTSIDE || r->outcome == FAILED || (r->outcome == SKIPPED && named)) status = 1;
    }
    return status;
}

/* -------- the command line: [ID ...] [options] */

static int find_system(const char *id) {
    for (int i = 0; i < SYSTEMS; i++)
        if (strcmp(systems[i].id, id) == 0) return i;
    fprintf(stderr, "reproduce: there is no system '%s'; these are:", id);
    for (int i = 0; i < SYSTEMS; i++) fprintf(stderr, " %s", systems[i].id);
    fprintf(stderr, "\n");
    return -1;
}

static int parse(int argc, char **argv, settings *s, result results[SYSTEMS], bool *named) {
    const option_row table[] = {
        {"data", OPT_STRING, &s->data, "DIR", "folder with mnist/ and cifar-10-batches-bin/", 0, 0},
        {"threads", OPT_INT, &s->threads, "N", "threads for large ops; results have the same bits for any number", 1, 1024},
        {0}};
    char summary[4096];
    int used = snprintf(summary, sizeof summary,
        "Trains published systems again and prints their numbers: ours, published, difference.\n"
                                                 "Without an ID: all systems whose data is there.\n");
    for (int i = 0; i < SYSTEMS; i++)
        used += snprintf(summary + used, sizeof summary - (size_t)used, "\n  %-14s %s", systems[i].id, systems[i].what);

    int ids = 0; /* words before the first option */
    for (; ids + 1 < argc && argv[ids + 1][0] != '-'; ids++) {
        const int i = find_system(argv[ids + 1]);
        if (i < 0) return OPTIONS_BAD;
        results[i].outcome = ASKED;
    }
    for (int i = 0; i < SYSTEMS && !ids; i++) results[i].outcome = ASKED;
    *named = ids > 0;
    return options_parse_after("[ID ...]", ids, summary, table, argc, argv);
}

int main(int argc, char **argv) {
    settings s = {.threads = 1};
    result results[SYSTEMS] = {0};
    bool named = false;
    const int status = parse(argc, argv, &s, results, &named);
    if (status != OPTIONS_RUN) return status;

    char folder[4096];
    if (!s.data) s.data = find_data(folder, sizeof folder);
    else if (!have(MNIST, s.data) && !have(CIFAR10, s.data)) {
        fprintf(stderr, "reproduce: --data %s: neither MNIST nor CIFAR-10 is there\n", s.data);
        return OPTIONS_BAD;
    }
    for (int i = 0; i < SYSTEMS; i++)
        if (results[i].outcome != NOT_ASKED) results[i] = run_system(&systems[i], &s);
    const int bad = summarise(results, named);
    return files_end_output() || bad;
}
