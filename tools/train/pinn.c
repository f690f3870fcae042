/* pinn.c - a network that solves a differential equation: y'' = -y with y(0) = 0 and y'(0) = 1, whose solution is sin x, from 0 to 2 pi.

   y(x) = x + (x / 2 pi)^2 N(x / pi - 1) has the right start for any network N. The loss is the mean square of y'' + y, with y'' by two
   passes of the tape through y. Lagaris, Likas and Fotiadis, Artificial neural networks for solving differential equations, 1998. */
#include <retrograd.h>
#include <math.h>
#include <stdio.h>
#include "tools/common/csv.h"
#include "tools/common/plot.h"
#include "tools/common/progress.h"
#include "tools/common/run.h"

enum { POINTS = 64, GRID = 400, REPORTS = 10 };
static const double END = 6.283185307179586;
typedef struct curve { double x[GRID], y[GRID], sine[GRID], error[GRID]; } curve;

static rg_nn *make(rg_tape *t, const option_ints *hidden) { /* 1 - hidden - .. - 1 with tanh between */
    int64_t sizes[OPTION_INTS_MAX + 2] = {1};
    for (int i = 0; i < hidden->count; i++) sizes[i + 1] = hidden->value[i];
    sizes[hidden->count + 1] = 1;
    return rg_nn_mlp_n(t, "tanh", RG_XAVIER_NORMAL, hidden->count + 2, sizes);
}

/* x [n, 1] -> [n, 1]; the network sees -1 .. 1 */
static rg_tensor *solution(rg_nn *net, rg_tensor *x) {
    rg_tensor *scaled = rg_sub(rg_mul(x, 2 / END), 1);
    return rg_add(x, rg_mul(rg_square(rg_mul(x, 1 / END)), rg_nn_forward(net, scaled)));
}

/* d y / d x point by point: each y depends on its own x alone. */
static rg_tensor *slope(rg_tensor *y, rg_tensor *x) {
    rg_tensor *g;
    rg_grad(rg_sum(y), rg_list_of(x), &g, .create_graph = true);
    return g;
}

static rg_tensor *points(rg_tape *t, int n, double *x) {
    for (int i = 0; i < n; i++) x[i] = END * i / (n - 1);
    return rg_input(t, x, n, 1);
}

/* The mean square of y'' + y */
static rg_tensor *residual(rg_tape *t, rg_nn *net) {
    double at[POINTS];
    rg_tensor *x = rg_requires_grad(points(t, POINTS, at), true), *y = solution(net, x);
    return rg_mean(rg_square(rg_add(slope(slope(y, x), x), y)));
}

/* The solution so far, and how far it is from sin x; returns the largest distance. */
static double measure(rg_tape *t, rg_nn *net, curve *c) {
    double worst = 0;
    rg_record(t, false);
    rg_copy_out(solution(net, points(t, GRID, c->x)), c->y, GRID);
    rg_record(t, true);
    rg_tape_reset(t);
    for (int i = 0; i < GRID; i++) {
        c->error[i] = fabs(c->y[i] - (c->sine[i] = sin(c->x[i])));
        if (c->error[i] > worst || isnan(c->error[i])) worst = c->error[i];
    }
    return rg_error_code(t) ? NAN : worst;
}

static int train(rg_tape *t, rg_nn *net, const run_options *o, curve *c) {
    double loss = 0;
    csv *file = o->csv ? csv_open(o->csv, (const char *const[]){"epoch", "loss", "error"}, 3) : NULL;
    if (o->csv && !file) return -1;
    rg_optim *optim = rg_optim_adam(t, rg_nn_params(net), .lr = o->lr);
    progress bar;
    const int each = o->epochs / REPORTS;
    int failed = 0;
    progress_start(&bar, stdout, "part", REPORTS, each);
    for (int part = 1; part <= REPORTS && !failed; part++) {
        for (int i = 1; i <= each && !rg_error_code(t); i++) {
            rg_optim_set_lr(optim, o->lr * (1 + cos(END / 2 * ((part - 1) * each + i) / o->epochs)) / 2); /* half a cosine, down to 0 */
            rg_tensor *r = residual(t, net);
            rg_backward(r);
            progress_step(&bar, part, i, loss = rg_item(r));
            rg_optim_step(optim);
            rg_tape_reset(t);
        }
        const double row[] = {part * each, loss, measure(t, net, c)};
        progress_line(&bar, "epoch %6.0f   loss %.2e   largest error %.2e", row[0], row[1], row[2]);
        failed = rg_error_code(t) || (file && csv_row(file, row));
    }
    progress_end(&bar);
    return csv_close(file) || failed ? -1 : 0;
}

static int draw(const run_options *o, const curve *c) {
    char path[4096];
    const plot_series lines[] = {{.name = "sin x", .x = c->x, .y = c->sine, .count = GRID},
        {.name = "network", .x = c->x, .y = c->y, .count = GRID}};
    const plot_series distance = {.x = c->x, .y = c->error, .count = GRID};
    const plot_panel panels[] = {{.title = "y'' = -y, y(0) = 0, y'(0) = 1", .x_label = "x", .y_label = "y", .series = lines, .count = 2},
        {.title = "distance from sin x", .x_label = "x", .y_label = "|y - sin x|", .series = &distance, .count = 1, .log_y = true}};
    if (plot_curves(run_path(path, sizeof path, o->out, "solution.png"), "a network that solves a differential equation", panels, 2))
        return -1;
    return printf("picture: %s\n", path) < 0;
}

int main(int argc, char **argv) {
    static curve c;
    run_options o = {.epochs = 20000, .lr = 0.02, .hidden = {2, {20, 20}}, .dtype = "f64", .threads = 1};
    double most = 1e-3;
    const option_row table[] = {{"epochs", OPT_INT, &o.epochs, "N", "steps, each over all points", REPORTS, 1e9},
        {"lr", OPT_DOUBLE, &o.lr, "RATE", "learning rate at the beginning", 0, 1e6},
        {"hidden", OPT_INTS, &o.hidden, "N,N,...", "widths of the hidden layers", 1, 1 << 20},
        {"seed", OPT_UINT64, &o.seed, "N", "seed of the weights", 0, 0},
        {"error", OPT_DOUBLE, &most, "DISTANCE", "exit with 1 above this distance from sin x", 0, 1e9},
        {"out", OPT_STRING, &o.out, "DIR", "draw the solution there", 0, 0},
        {"csv", OPT_STRING, &o.csv, "FILE", "write the history there", 0, 0}, {0}};
    const int status = options_parse("Solves y'' = -y by a network, with second derivatives by the tape.", table, argc, argv);
    if (status != OPTIONS_RUN) return status;

    rg_tape *t = run_tape(&o);
    rg_nn *net = make(t, &o.hidden);
    if (rg_error_code(t) || train(t, net, &o, &c)) return run_finish(t, 1);
    const double worst = measure(t, net, &c);
    printf("largest error %.2e, at most %g: %s\n", worst, most, worst <= most ? "reached" : "NOT reached");
    return run_finish(t, (o.out && draw(&o, &c)) || !(worst <= most));
}
