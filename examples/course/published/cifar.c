/* cifar.c - the published runs on CIFAR-10: ScratchNet (000), and the L2-regularised network without numbers (002). */
#include <math.h>
#include <stdio.h>

#include "numbers.h"
#include "systems.h"
#include "train.h"

enum { SEEDS = 3, FEATURES = 3 * 32 * 32, CLASSES = 10 };

/* -------- 000: three layers, 20 epochs of 391 steps */

/* A copy of CIFAR-10 may be recompressed and in another order, which moves the loss by hundredths. */
static const double scratch_allowed = 0.03;

int scratch_net(report *r, const settings *s) {
    const recipe how = {.layers = 3, .sizes = {FEATURES, 256, 128, CLASSES}, .weight = {RG_HE_NORMAL, RG_HE_NORMAL, RG_HE_NORMAL},
        .lr = 0.01,
        .epochs = EPOCHS_MOST, .batch = 128, .guard = 1e-8};
    rg_tape *t = rg_tape_new(0);
    rg_set_threads(t, s->threads);
    const rg_dataset learn = rg_read_cifar10(t, s->data, true), test = rg_read_cifar10(t, s->data, false);
    curve runs[SEEDS];
    const int failed = train_seeds(t, &how, SEEDS, rows_of(&learn), (rows){0}, rows_of(&test), runs);
    double apart = 0; /* the seeds, from their mean, at most */
    for (int e = 0; e < how.epochs && !failed; e++) {
        char name[40];
        const double mean = mean_of(runs, SEEDS, LOSS, e);
        for (int k = 0; k < SEEDS; k++) apart = fmax(apart, fabs(runs[k].value[LOSS][e] - mean));
        snprintf(name, sizeof name, "epoch %2d, loss", e + 1);
        report_row(r, name, mean, scratch_loss[e], scratch_allowed, 4);
    }
    const double accuracy = failed ? 0 : mean_of(runs, SEEDS, TEST, how.epochs - 1);
    if (!failed)
        report_note("Means of %d seeds, which differ from them by %.4f at most. Test accuracy, not published: %.4f.", SEEDS, apart,
            accuracy);
    rg_tape_free(t);
    return failed;
}

/* -------- 002: standardised features, loss + lambda sum w^2 */

enum { PART = 10000, HIDDEN = 50 };
static const double mean_allowed = 1e-4, std_allowed = 1e-3;

/* x u8 [n, 3, 32, 32] as floats [n, 3072] */
static rg_tensor *features(const rg_dataset *d, int64_t from, int64_t to) {
    return rg_cast(rg_reshape(rg_slice(d->x, 0, from, to), to - from, FEATURES), RG_F32);
}

/* std of each column: [1, 3072] */
static rg_tensor *deviation(rg_tensor *x, rg_tensor *mean) { return rg_sqrt(rg_mean_keep(rg_square(rg_sub(x, mean)), 0)); }

static double largest(rg_tensor *x) { return rg_item(rg_max(rg_abs(x))); }

typedef struct parts {
    rg_dataset train, valid, test; /* x [10000, 3072], each feature with mean 0 and deviation 1 over train */
} parts;

static rg_dataset keep(const char *name, rg_tape *t, const rg_dataset *d, int64_t from, rg_tensor *mean, rg_tensor *std) {
    rg_tensor *x = rg_div(rg_sub(features(d, from, from + PART), mean), std), *y = rg_slice(d->y, 0, from, from + PART);
    x = rg_buffer(t, name, rg_f32(x), PART, FEATURES); /* they outlive the reset */
    y = rg_buffer(t, name, rg_i32(y), PART);
    return (rg_dataset){.x = x, .y = y, .classes = CLASSES};
}

/* Every part is shifted and scaled by the mean and deviation of the training part: the others are not to be known in advance. */
static parts standardise(rg_tape *t, const rg_dataset *learn, const rg_dataset *test) {
    parts p;
    rg_tensor *x = features(learn, 0, PART), *mean = rg_mean_keep(x, 0), *std = deviation(x, mean); /* [1, 3072] both */
    p.train = keep("train", t, learn, 0, mean, std);
    p.valid = keep("valid", t, learn, PART, mean, std);
    p.test = keep("test", t, test, 0, mean, std);
    rg_tape_reset(t);
    return p;
}

static void check_parts(report *r, rg_tape *t, const parts *p) {
    rg_tensor *mean = rg_mean_keep(p->train.x, 0), *std = deviation(p->train.x, mean);
    const double off_mean = largest(mean), off_std = largest(rg_sub(std, 1));
    report_check(r, off_mean <= mean_allowed, "training features: no mean further from 0 than %.1e", off_mean);
    report_check(r, off_std <= std_allowed, "training features: no deviation further from 1 than %.1e", off_std);
    rg_tape_reset(t);
}

int regularised(report *r, const settings *s) {
    static const double lambdas[] = {0, 1e-4, 1e-3};
    enum { EPOCHS = 10, LAMBDAS = sizeof lambdas / sizeof lambdas[0] };
    rg_tape *t = rg_tape_new(0);
    rg_set_threads(t, s->threads);
    const rg_dataset learn = rg_read_cifar10(t, s->data, true), test = rg_read_cifar10(t, s->data, false);
    const parts p = standardise(t, &learn, &test);
    check_parts(r, t, &p);
    report_note("%d-%d-%d, %d epochs of plain SGD; means of %d seeds; no numbers were published.", FEATURES, HIDDEN, CLASSES, EPOCHS,
        SEEDS);
    for (int i = 0; i < LAMBDAS; i++) {
        const recipe how = {.layers = 2, .sizes = {FEATURES, HIDDEN, CLASSES}, .weight = {RG_HE_NORMAL, RG_HE_NORMAL}, .lr = 0.01,
            .l2 = lambdas[i],
            .epochs = EPOCHS, .batch = 100};
        curve runs[SEEDS];
        if (train_seeds(t, &how, SEEDS, rows_of(&p.train), rows_of(&p.valid), rows_of(&p.test), runs)) break;
        const double accuracy = mean_of(runs, SEEDS, TEST, EPOCHS - 1);
        report_check(r, accuracy > 1. / CLASSES, "lambda %-6g  loss %.4f  validation %.4f  test %.4f, better than guessing", lambdas[i],
            mean_of(runs, SEEDS, LOSS, EPOCHS - 1), mean_of(runs, SEEDS, HEAD, EPOCHS - 1), accuracy);
    }
    const int failed = rg_error_code(t) ? -1 : 0;
    rg_tape_free(t);
    return failed;
}
