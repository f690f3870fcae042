/* moons.c - two interleaved half circles, told apart by layers put in sequence; draws the boundary between them. */
#include <retrograd.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/csv.h"
#include "tools/common/plot.h"
#include "tools/common/progress.h"
#include "tools/common/run.h"

enum { POINTS = 1000, GRID = 200, MOST = 2 * OPTION_INTS_MAX + 1 };

/* 2 - hidden - .. - 2 with tanh between: one logit per class */
static rg_nn *make(rg_tape *t, const option_ints *hidden) {
    rg_nn *layers[MOST];
    int n = 0;
    int64_t in = 2;
    for (int i = 0; i < hidden->count; in = hidden->value[i++]) {
        layers[n++] = rg_nn_linear(t, in, hidden->value[i], RG_XAVIER_NORMAL);
        layers[n++] = rg_nn_tanh(t);
    }
    layers[n++] = rg_nn_linear(t, in, 2, RG_XAVIER_NORMAL);
    return rg_nn_sequential_n(t, n, layers);
}

static rg_dataset points(rg_tape *t, const char *kind) {
    if (strcmp(kind, "circles") == 0) return rg_make_circles(t, POINTS, 0.5, 0.08);
    if (strcmp(kind, "spirals") == 0) return rg_make_spirals(t, POINTS, 2, 0.02);
    if (strcmp(kind, "xor") == 0) return rg_make_xor(t, POINTS, 0.15);
    return rg_make_moons(t, POINTS, 0.1);
}

static double accuracy(rg_tape *t, rg_nn *net, const rg_dataset *d) {
    const bool recording = rg_record(t, false);
    const double share = rg_accuracy(rg_nn_forward(net, rg_cast(d->x, rg_default_dtype(t))), d->y);
    rg_record(t, recording);
    rg_tape_reset(t);
    return share;
}

/* The points and the probability of class 1 around them. */
static int draw(rg_tape *t, rg_nn *net, const rg_dataset *d, const run_options *o) {
    static double xy[POINTS * 2], x[POINTS], y[POINTS], p[GRID * GRID], grid[GRID * GRID * 2];
    static int class[POINTS];
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    rg_copy_out(d->x, xy, POINTS * 2);
    rg_copy_out(d->y, class, POINTS);
    for (int i = 0; i < POINTS; i++) {
        x[i] = xy[2 * i], y[i] = xy[2 * i + 1];
        for (int k = 0; k < 2; k++) low[k] = fmin(low[k], xy[2 * i + k] - 0.3), high[k] = fmax(high[k], xy[2 * i + k] + 0.3);
    }
    for (int i = 0; i < GRID * GRID; i++) {
        grid[2 * i] = low[0] + (high[0] - low[0]) * (i % GRID) / (GRID - 1);
        grid[2 * i + 1] = low[1] + (high[1] - low[1]) * (i / GRID) / (GRID - 1);
    }
    rg_record(t, false);
    rg_tensor *logits = rg_nn_forward(net, rg_input(t, grid, GRID * GRID, 2)); /* [g*g, 2] */
    rg_copy_out(rg_slice(rg_softmax(logits, -1), 1, 1, 2), p, GRID * GRID);
    char path[4096], title[64];
    snprintf(title, sizeof title, "%s: probability of class 1", o->data);
    const plot_plane plane = {.title = title, .x_label = "x", .y_label = "y", .probability = p, .width = GRID, .height = GRID,
        .x_min = low[0], .x_max = high[0], .y_min = low[1], .y_max = high[1], .x = x, .y = y, .class = class, .count = POINTS};
    if (plot_boundary(run_path(path, sizeof path, o->out, "boundary.png"), &plane)) return -1;
    printf("picture: %s\n", path);
    return 0;
}

static int train(rg_tape *t, rg_nn *net, const rg_dataset *d, const run_options *o) {
    rg_loader *batches = rg_loader_new(t, d->x, d->y, .batch = o->batch, .shuffle = true);
    rg_optim *optim = run_optimizer(t, rg_nn_params(net), o);
    csv *file = run_history(o, (const char *const[]){"epoch", "loss", "accuracy", "seconds", "steps_per_second"}, 5);
    if (o->csv && !file) return -1;
    progress bar;
    progress_start(&bar, stdout, "epoch", o->epochs, rg_loader_steps(batches));
    int64_t step = 0;
    rg_state *run = rg_state_new(t);
    rg_state_net(run, NULL, net);
    rg_state_optim(run, "optim", optim);
    rg_state_loader(run, "loader", batches);
    rg_state_count(run, "step", &step);
    int failed = run_resume(o, run, batches);
    bar.before = failed ? 0 : (int)rg_loader_epoch(batches);
    for (int epoch = bar.before + 1; epoch <= o->epochs && !failed && (!o->steps || step < o->steps); epoch++) {
        rg_tensor *x, *y;
        double loss_sum = 0;
        int64_t n = 0;
        const bool begun = rg_loader_row(batches) > 0; /* by the run that this one goes on with */
        const double start = run_seconds();
        while ((!o->steps || step < o->steps) && rg_loader_next(batches, &x, &y)) {
            rg_tensor *loss = rg_cross_entropy(rg_nn_forward(net, x), y);
            rg_backward(loss);
            rg_optim_step(optim);
            loss_sum += rg_item(loss);
            progress_step(&bar, epoch, ++n, rg_item(loss));
            rg_tape_reset(t);
            step++;
        }
        const double seconds = run_seconds() - start;
        const double row[] = {epoch, loss_sum / (double)n, accuracy(t, net, d), seconds, (double)n / seconds};
        failed = rg_error_code(t) || (file && csv_row(file, row));
        if (!failed && (epoch % 10 == 0 || epoch == o->epochs))
            progress_line(&bar, "epoch %3d/%d   loss %.4f   accuracy %6.2f%%   %.4f s   %6.0f steps/s%s", epoch, o->epochs, row[1],
                100 * row[2], seconds, row[4], begun ? "   (loss: of this run's steps)" : "");
    }
    progress_end(&bar);
    failed = failed || run_save(o, run);
    return csv_close(file) || failed ? -1 : 0;
}

int main(int argc, char **argv) {
    run_options o = {.data = "moons", .epochs = 100, .batch = 50, .lr = 0.1, .optimizer = "momentum", .hidden = {2, {16, 16}},
        .dtype = "f32", .threads = 1, .floor = 99};
    const option_row own[] = {{"data", OPT_CHOICE, &o.data, "moons|circles|spirals|xor", "which points", 0, 0}, {0}};
    int status = run_parse("Learns to tell two kinds of points in the plane apart.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;

    rg_tape *t = run_tape(&o);
    const rg_dataset d = points(t, o.data);
    rg_nn *net = make(t, &o.hidden);
    if (rg_error_code(t) || train(t, net, &d, &o)) return run_finish(t, 1);
    const double share = 100 * accuracy(t, net, &d);
    printf("accuracy %.2f%%, floor %g%%: %s\n", share, o.floor, share >= o.floor ? "reached" : "NOT reached");
    if (o.out && draw(t, net, &d, &o)) return run_finish(t, 1);
    return run_finish(t, share >= o.floor ? 0 : 1);
}
