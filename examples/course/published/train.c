/* train.c - one training run as the published programs do it, on the tape. */
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "tools/common/progress.h"

enum { EVALUATION_BATCH = 1000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

rows rows_of(const rg_dataset *set) { return (rows){set, 0, rg_dim(set->x, 0)}; }

/* linear, relu, linear, relu .. linear */
static rg_nn *make(rg_tape *t, const recipe *how) {
    rg_nn *layers[2 * LAYERS_MOST];
    int n = 0;
    for (int i = 0; i < how->layers; i++) {
        if (i) layers[n++] = rg_nn_relu(t);
        layers[n++] = rg_nn_linear(t, how->sizes[i], how->sizes[i + 1], how->weight[i], .bias = how->bias[i]);
    }
    return rg_nn_sequential_n(t, n, layers);
}

/* cross-entropy, + lambda sum w^2 over the matrices */
static rg_tensor *objective(const recipe *how, rg_nn *net, rg_tensor *data_loss) {
    if (how->l2 == 0) return data_loss;
    const rg_list params = rg_nn_params(net);
    rg_tensor *norm = NULL;
    for (int i = 0; i < params.count; i++) {
        if (rg_ndim(params.items[i]) < 2) continue;
        rg_tensor *sum = rg_sum(rg_square(params.items[i]));
        norm = norm ? rg_add(norm, sum) : sum;
    }
    return rg_add(data_loss, rg_mul(norm, how->l2));
}

/* The loss as the program prints it. The gradient is still that of the cross-entropy: the published derivations all give
   p - y, although the programs print the logarithm of p + guard. */
static double printed(const recipe *how, rg_tensor *logits, rg_tensor *labels, rg_tensor *loss) {
    if (how->guard == 0) return rg_item(loss);
    const bool recording = rg_record(rg_tape_of(logits), false);
    rg_tensor *p = rg_pick(rg_softmax(logits, -1), labels); /* [b] */
    const double value = -rg_item(rg_mean(rg_log(rg_add(p, how->guard))));
    rg_record(rg_tape_of(logits), recording);
    return value;
}

static rg_loader *loader(rg_tape *t, rows r, const recipe *how, bool learn) {
    if (!r.set) return NULL;
    return rg_loader_new(t, rg_slice(r.set->x, 0, r.from, r.to), rg_slice(r.set->y, 0, r.from, r.to),
        .batch = learn ? how->batch : EVALUATION_BATCH, .shuffle = learn, .drop_last = learn && how->drop_last, .divisor = how->divisor);
}

/* One pass over the training rows; the mean of its steps' losses. */
static double learn_epoch(const recipe *how, rg_nn *net, rg_loader *batches, rg_optim *optim, progress *bar, int epoch) {
    rg_tensor *x, *y; /* [b, features], [b] */
    double sum = 0;
    int64_t n = 0;
    while (rg_loader_next(batches, &x, &y)) {
        rg_tensor *logits = rg_nn_forward(net, x); /* [b, classes] */
        rg_tensor *loss = rg_cross_entropy(logits, y);
        rg_backward(objective(how, net, loss));
        const double value = printed(how, logits, y, loss);
        if (rg_optim_step(optim)) return NAN;
        rg_tape_reset(net->tape);
        sum += value;
        progress_step(bar, epoch, ++n, value);
    }
    return sum / (double)n;
}

static void evaluate(const recipe *how, rg_nn *net, rg_loader *batches, double *accuracy, double *loss) {
    rg_tensor *x, *y;
    double right = 0, sum = 0;
    int64_t n = 0;
    const bool recording = rg_record(net->tape, false);
    while (batches && rg_loader_next(batches, &x, &y)) {
        rg_tensor *logits = rg_nn_forward(net, x);
        const double size = (double)rg_dim(y, 0);
        right += size * rg_accuracy(logits, y);
        sum += size * printed(how, logits, y, rg_cross_entropy(logits, y));
        n += rg_dim(y, 0);
        rg_tape_reset(net->tape);
    }
    rg_record(net->tape, recording);
    *accuracy = n ? right / (double)n : NAN;
    *loss = n ? sum / (double)n : NAN;
}

int train(rg_tape *t, const recipe *how, uint64_t seed, rows learn, rows head, rows test, curve *to) {
    rg_rng_seed(rg_tape_rng(t), seed);
    rg_nn *net = make(t, how);
    rg_optim *optim = how->adam ? rg_optim_adam(t, rg_nn_params(net), .lr = how->lr)
                                : rg_optim_sgd(t, rg_nn_params(net), .lr = how->lr);
    rg_loader *batches = loader(t, learn, how, true), *heads = loader(t, head, how, false), *tests = loader(t, test, how, false);
    if (rg_error_code(t)) return -1;

    progress bar;
    char what[32];
    snprintf(what, sizeof what, "seed %llu, epoch", (unsigned long long)seed);
    progress_start(&bar, stdout, what, how->epochs, rg_loader_steps(batches));
    double seconds = 0, unused;
    for (int e = 0; e < how->epochs; e++) {
        const double start = now();
        to->value[LOSS][e] = learn_epoch(how, net, batches, optim, &bar, e + 1);
        to->seconds[e] = seconds += now() - start;
        evaluate(how, net, heads, &to->value[HEAD][e], &unused);
        evaluate(how, net, tests, &to->value[TEST][e], &to->value[TEST_LOSS][e]);
    }
    progress_end(&bar);
    return rg_error_code(t) ? -1 : 0;
}

int train_seeds(rg_tape *t, const recipe *how, int n, rows learn, rows head, rows test, curve *to) {
    for (int k = 0; k < n; k++)
        if (train(t, how, (uint64_t)k, learn, head, test, &to[k])) return -1;
    return 0;
}

void report_column(report *r, const char *what, const curve *runs, int column, const double *published, int epochs) {
    for (int e = 0; e < epochs; e++) {
        char name[48];
        double ours[SEEDS_MOST];
        snprintf(name, sizeof name, "epoch %2d, %s", e + 1, what);
        for (int k = 0; k < r->seeds; k++) ours[k] = runs[k].value[column][e];
        report_seeds(r, name, ours, published[e], 4);
    }
}

double mean_of(const curve *runs, int n, int column, int epoch) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += runs[k].value[column][epoch];
    return sum / n;
}
