/* runs.c - networks that are trained for their picture: learning curves, one network computed in two ways, a decision boundary. */
#include "figures.h"

#include "tools/common/images.h"
#include "tools/common/plot.h"
#include "tools/common/twin.h"

#include <math.h>
#include <stdio.h>

enum { HIDDEN = 128, BATCH = 64, DRAWN = 12800, TEST = 10000, EPOCHS_MAX = 100 };

typedef struct mlp {
    rg_tensor *w1, *b1, *w2, *b2; /* [in, 128], [128], [128, classes], [classes] */
} mlp;

static mlp make(rg_tape *t, int64_t in, int64_t classes) {
    mlp net;
    net.w1 = rg_param(t, "w1", RG_HE_NORMAL, in, HIDDEN), net.b1 = rg_param(t, "b1", RG_ZEROS, HIDDEN);
    net.w2 = rg_param(t, "w2", RG_HE_NORMAL, HIDDEN, classes), net.b2 = rg_param(t, "b2", RG_ZEROS, classes);
    return net;
}

static rg_tensor *logits(const mlp *n, rg_tensor *x) { return rg_linear(rg_relu(rg_linear(x, n->w1, n->b1)), n->w2, n->b2); }

/* -------- learning curves: the published run, SGD 0.1 in batches of 64 that drop the remainder */

static double test_accuracy(rg_tape *t, const mlp *net, const rg_dataset *d) {
    rg_tensor *x, *y;
    rg_loader *all = rg_loader_new(t, d->x, d->y, .batch = TEST);
    rg_record(t, false);
    const double share = rg_loader_next(all, &x, &y) ? rg_accuracy(logits(net, x), y) : NAN;
    rg_record(t, true);
    rg_tape_reset(t);
    return share;
}

int draw_training(const char *path, const figure_options *o) {
    static double loss[EPOCHS_MAX], accuracy[EPOCHS_MAX];
    rg_tape *t = rg_tape_new(0);
    rg_dataset train, test;
    const char *name = images_read(t, o->data, DRAWN, TEST, &train, &test);
    const mlp net = make(t, rg_numel(train.x) / (rg_dim(train.x, 0) > 0 ? rg_dim(train.x, 0) : 1), train.classes);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .1);
    rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = BATCH, .shuffle = true, .drop_last = true);
    rg_tensor *x, *y;
    for (int epoch = 0; epoch < o->epochs && !rg_error_code(t); epoch++) {
        while (rg_loader_next(batches, &x, &y)) {
            rg_tensor *l = rg_cross_entropy(logits(&net, x), y);
            rg_backward(l);
            rg_optim_step(sgd);
            loss[epoch] += rg_item(l) / (double)rg_loader_steps(batches);
            rg_tape_reset(t);
        }
        accuracy[epoch] = 100 * test_accuracy(t, &net, &test);
    }
    if (figure_end(t, 0)) return -1;
    char title[120];
    snprintf(title, sizeof title, "784-128-10 on %s: SGD 0.1, batches of 64", name);
    const plot_series left = {.name = "training loss", .y = loss, .count = (size_t)o->epochs, .markers = true};
    const plot_series right = {.name = "test accuracy", .y = accuracy, .count = (size_t)o->epochs, .markers = true};
    const plot_panel panels[] = {{.title = "Loss", .x_label = "epoch", .y_label = "cross-entropy", .series = &left, .count = 1},
        {.title = "Accuracy", .x_label = "epoch", .y_label = "percent of the test images", .series = &right, .count = 1}};
    return plot_curves(path, title, panels, 2);
}

/* -------- one network, computed twice */

enum { STEPS = 150, EVERY = 6 };

/* The network by tape, and its twin by hand, which start from the same weights, see the same batches, and have nothing else in common. */
static int losses(const char *data, double *by_tape, double *by_hand, const char **name) {
    rg_tape *t = rg_tape_new(0);
    rg_dataset train, test;
    *name = images_read(t, data, DRAWN, BATCH, &train, &test);
    const mlp net = make(t, rg_numel(train.x) / (rg_dim(train.x, 0) > 0 ? rg_dim(train.x, 0) : 1), train.classes);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .1);
    rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = BATCH, .shuffle = true, .drop_last = true);
    twin *hand = rg_error_code(t) ? NULL
        : twin_new(&(run_options){.path = "manual", .optimizer = "sgd", .lr = .1, .dtype = "f32"}, &twin_mlp_f32, rg_params(t), BATCH);
    rg_tensor *x, *y;
    for (int i = 0; hand && i < STEPS && rg_loader_next(batches, &x, &y); i++) {
        rg_tensor *l = rg_cross_entropy(logits(&net, x), y);
        rg_backward(l);
        rg_optim_step(sgd);
        by_tape[i] = rg_item(l);
        by_hand[i] = twin_train(hand, x, y);
        rg_tape_reset(t);
    }
    twin_free(hand);
    return figure_end(t, hand ? 0 : -1);
}

int draw_overlay(const char *path, const figure_options *o) {
    static double one[STEPS], two[STEPS], apart[STEPS], at[STEPS / EVERY], some[STEPS / EVERY];
    const char *name;
    if (losses(o->data, one, two, &name)) return -1;
    for (int i = 0; i < STEPS; i++) apart[i] = fabs(one[i] - two[i]);
    for (int i = 0; i < STEPS / EVERY; i++) at[i] = i * EVERY + 1, some[i] = two[i * EVERY];
    char title[120];
    snprintf(title, sizeof title, "784-128-10 by tape and by hand, on %s", name);
    const plot_series left[] = {{.name = "by tape", .y = one, .count = STEPS},
        {.name = "by hand, from arrays and loops", .x = at, .y = some, .count = STEPS / EVERY, .style = PLOT_DOTS}};
    const plot_series right = {.name = "|difference|, 0 where the bits are equal", .y = apart, .count = STEPS};
    const plot_panel panels[] = {{.title = "Loss by tape, and by formulas written by hand", .x_label = "step", .y_label = "cross-entropy",
        .series = left, .count = 2},
        {.title = "How far they drift apart in f32", .x_label = "step", .y_label = "difference of the losses", .series = &right,
        .count = 1}};
    return plot_curves(path, title, panels, 2);
}

/* -------- moons */

enum { POINTS = 300, GRID = 160, MOON_STEPS = 600 };

int draw_moons(const char *path, const figure_options *o) {
    (void)o;
    static double xy[POINTS][2], x[POINTS], y[POINTS], p[GRID * GRID], grid[GRID * GRID][2];
    static int class[POINTS];
    static const double low[2] = {-1.6, -1.1}, high[2] = {2.6, 1.6};
    rg_tape *t = rg_tape_new(0);
    const rg_dataset d = rg_make_moons(t, POINTS, .1);
    rg_nn *net = rg_nn_mlp(t, "tanh", RG_XAVIER_NORMAL, 2, 16, 16, 2);
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .01);
    for (int step = 0; step < MOON_STEPS; step++) {
        rg_backward(rg_cross_entropy(rg_nn_forward(net, d.x), d.y));
        rg_optim_step(adam);
        rg_tape_reset(t);
    }
    rg_record(t, false);
    const double share = rg_accuracy(rg_nn_forward(net, d.x), d.y);
    for (int i = 0; i < GRID * GRID; i++)
        for (int k = 0; k < 2; k++) grid[i][k] = low[k] + (high[k] - low[k]) * (k ? i / GRID : i % GRID) / (GRID - 1);
    rg_tensor *probability = rg_softmax(rg_nn_forward(net, rg_input(t, grid, GRID * GRID, 2)), -1); /* [g * g, 2] */
    rg_copy_out(rg_slice(probability, 1, 1, 2), p, GRID * GRID);
    rg_copy_out(d.x, xy, POINTS * 2);
    rg_copy_out(d.y, class, POINTS);
    if (figure_end(t, 0)) return -1;
    for (int i = 0; i < POINTS; i++) x[i] = xy[i][0], y[i] = xy[i][1];
    char title[120];
    snprintf(title, sizeof title, "Moons: 2-16-16-2 gets %.1f%% of its points right", 100 * share);
    return plot_boundary(path, &(plot_plane){.title = title, .x_label = "x", .y_label = "y", .probability = p, .width = GRID,
        .height = GRID, .x_min = low[0], .x_max = high[0], .y_min = low[1], .y_max = high[1], .x = x, .y = y, .class = class,
        .count = POINTS});
}
