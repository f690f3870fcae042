/* densities.c - distributions: weights as their initialisers draw them, and the published scores with ours among them. */
#include "figures.h"

#include "tools/common/images.h"
#include "tools/common/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -------- initialisers */

enum { IN = 784, OUT = 128, WEIGHTS = IN * OUT, CURVE = 200 };

/* Gaussian kernel density estimate as scipy's gaussian_kde: Scott's rule, bandwidth = std n^(-1/5), std with n - 1. At `points` places
   from the least to the greatest value; returns std. */
static double density(const double *values, int n, double *x, int points, double *to) {
    double sum = 0, squares = 0, low = values[0], high = values[0];
    for (int i = 0; i < n; i++) sum += values[i], low = fmin(low, values[i]), high = fmax(high, values[i]);
    for (int i = 0; i < n; i++) squares += (values[i] - sum / n) * (values[i] - sum / n);
    for (int k = 0; k < points; k++) x[k] = low + (high - low) * k / (points - 1);
    const double std = sqrt(squares / (n - 1)), h = std * pow(n, -1. / 5), height = 1 / (n * h * sqrt(2 * acos(-1)));
    for (int k = 0; k < points; k++) {
        to[k] = 0;
        for (int i = 0; i < n; i++) {
            const double z = (x[k] - values[i]) / h;
            if (fabs(z) < 9) to[k] += exp(-z * z / 2); /* beyond: less than 1e-17 of the middle */
        }
        to[k] *= height;
    }
    return std;
}

int draw_initialisation(const char *path, const figure_options *o) {
    (void)o;
    static double values[WEIGHTS], x[3][CURVE], y[3][CURVE];
    static const char *const names[] = {"normal, 0.01", "sqrt(1 / n)", "He, sqrt(2 / n)"};
    char text[3][64];
    const rg_init inits[] = {RG_NORMAL(0, .01), RG_LECUN_NORMAL, RG_HE_NORMAL};
    plot_series series[3];
    rg_tape *t = rg_tape_new(0);
    rg_set_default_dtype(t, RG_F64);
    for (int k = 0; k < 3; k++) {
        rg_copy_out(rg_param(t, NULL, inits[k], IN, OUT), values, WEIGHTS);
        if (rg_error_code(t)) break;
        snprintf(text[k], sizeof text[k], "%s: std %.4f", names[k], density(values, WEIGHTS, x[k], CURVE, y[k]));
        series[k] = (plot_series){.name = text[k], .x = x[k], .y = y[k], .count = CURVE};
    }
    if (figure_end(t, 0)) return -1;
    const plot_series zeros = {.name = "all of them at 0", .x = (const double[]){-.1, 0, .1}, .y = (const double[]){0, WEIGHTS, 0},
        .count = 3, .style = PLOT_BARS, .bar = .004};
    const plot_panel panels[] = {
        {.title = "Random weights [784, 128]", .x_label = "weight", .y_label = "density", .series = series, .count = 3},
        {.title = "Zeros: every unit computes the same", .x_label = "weight", .y_label = "weights", .series = &zeros, .count = 1,
            .x_min = -.2, .x_max = .2, .y_min = 0, .y_max = 1.1 * WEIGHTS}};
    return plot_curves(path, "Initialisers", panels, 2);
}

/* -------- scores */

enum { SCORES = 19, EPOCHS = 8, TRAIN = 5000, BATCH = 32, HIDDEN = 128, TEST = 10000 };
/* Shares of right answers as published: the two submissions, then the others in the chart. */
static const double published[SCORES] = {.903, .843, .891, .899, .901, .902, .903, .904, .922, .930, .931, .933, .934, .936, .938, .939,
    .943, .944, .946};

/* The submission as it was published: 784-128-10, 5,000 images, batches of 32, 8 epochs of SGD with rate 0.01. */
static double score(rg_tape *t, const rg_dataset *train, const rg_dataset *test, double std1, double std2) {
    const int64_t in = rg_numel(train->x) / rg_dim(train->x, 0);
    rg_tensor *w1 = rg_param(t, NULL, RG_NORMAL(0, std1), in, HIDDEN), *b1 = rg_param(t, NULL, RG_ZEROS, HIDDEN);
    rg_tensor *w2 = rg_param(t, NULL, RG_NORMAL(0, std2), HIDDEN, train->classes), *b2 = rg_param(t, NULL, RG_ZEROS, train->classes), *x,
        *y;
    rg_optim *sgd = rg_optim_sgd(t, rg_list_of(w1, b1, w2, b2), .lr = .01);
    rg_loader *batches =
        rg_loader_new(t, rg_slice(train->x, 0, 0, TRAIN), rg_slice(train->y, 0, 0, TRAIN), .batch = BATCH, .shuffle = true);
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        while (rg_loader_next(batches, &x, &y)) {
            rg_backward(rg_cross_entropy(rg_linear(rg_relu(rg_linear(x, w1, b1)), w2, b2), y));
            rg_optim_step(sgd);
            rg_tape_reset(t);
        }
    rg_loader *all = rg_loader_new(t, test->x, test->y, .batch = rg_dim(test->x, 0));
    rg_loader_next(all, &x, &y);
    rg_record(t, false);
    const double share = rg_accuracy(rg_linear(rg_relu(rg_linear(x, w1, b1)), w2, b2), y);
    rg_record(t, true);
    rg_tape_reset(t);
    return share;
}

int draw_scores(const char *path, const figure_options *o) {
    enum { FIRST = 78, LAST = 96, PARTS = LAST - FIRST }; /* percent; one bar a point */
    double middle[PARTS], counts[PARTS] = {0}, ours[2];
    rg_dataset train, test;
    rg_tape *t = rg_tape_new(0);
    const char *name = images_read(t, o->data, TRAIN, TEST, &train, &test);
    const double n1 = (double)rg_numel(train.x) / (double)rg_dim(train.x, 0), n2 = HIDDEN;
    ours[0] = score(t, &train, &test, sqrt(2 / n1), sqrt(2 / n2));       /* He */
    ours[1] = score(t, &train, &test, 1 / sqrt(2 / n1), 1 / sqrt(2 / n2)); /* divided by what it should be multiplied with */
    if (figure_end(t, 0)) return -1;
    double low = FIRST, high = LAST, most = 0;
    for (int i = 0; i < PARTS; i++) middle[i] = FIRST + i + .5;
    for (int i = 0; i < SCORES; i++) most = fmax(most, ++counts[(int)(100 * published[i] + 1e-9) - FIRST]);
    for (int i = 0; i < 2; i++) {
        low = fmin(low, floor(100 * ours[i]) - 1), high = fmax(high, ceil(100 * ours[i]) + 1);
    }
    const double own[] = {floor(100 * published[0]) + .5, floor(100 * published[1]) + .5}, ones[] = {1, 1};
    char name_of_own[64];
    snprintf(name_of_own, sizeof name_of_own, "the two followed here, %.1f and %.1f", 100 * published[0], 100 * published[1]);
    const plot_series series[] = {{.name = "published scores", .x = middle, .y = counts, .count = PARTS, .style = PLOT_BARS, .bar = 1},
        {.name = name_of_own, .x = own, .y = ones, .count = 2, .style = PLOT_BARS, .bar = 1}};
    plot_mark marks[2]; /* the text on the side where there is room */
    for (int i = 0; i < 2; i++)
        marks[i] = (plot_mark){.x = 100 * ours[i], .y = most + 1.4 - .8 * i, .text = i ? "bug" : "He",
            .across = 100 * ours[i] > (low + high) / 2 ? -8 : 8, .line = true};
    char dashed[120];
    snprintf(dashed, sizeof dashed, "Dashed, ours on %s: He %.1f%%, bug %.1f%%", name, 100 * ours[0], 100 * ours[1]);
    const plot_panel panel = {.title = dashed,
        .x_label = strcmp(name, "MNIST") == 0 ? "percent of the test images" : "percent of the test images; published: of MNIST",
        .y_label = "submissions", .series = series, .count = 2, .x_min = low,
        .x_max = high, .y_min = 0, .y_max = most + 2, .marks = marks, .mark_count = 2};
    return plot_curves(path, "Scores of 784-128-10", &panel, 1);
}
