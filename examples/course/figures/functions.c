/* functions.c - functions as curves. The values are what ops compute, the derivatives what the tape finds. */
#include "figures.h"

#include "tools/common/plot.h"

#include <math.h>
#include <stdio.h>

enum { POINTS = 401, CURVE = 200 };

/* n numbers from low to high, both included. */
static void linspace(double low, double high, int n, double *to) {
    for (int i = 0; i < n; i++) to[i] = low + (high - low) * i / (n - 1);
}

typedef rg_tensor *function(rg_tensor *x);

/* y = f(x) and, where dy is not NULL, dy/dx by the tape. */
static int evaluate(function *f, const double *x, int n, double *y, double *dy) {
    rg_tape *t = rg_tape_new(0);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *in = rg_requires_grad(rg_input(t, x, n), dy != NULL), *out = f(in), *grad;
    rg_copy_out(out, y, n);
    if (dy && rg_grad(rg_sum(out), rg_list_of(in), &grad) == 0) rg_copy_out(grad, dy, n); /* each y depends on its own x alone */
    return figure_end(t, 0);
}

static int draw_function(const char *path, const char *title, const char *name, function *f, double reach) {
    static double x[POINTS], y[POINTS], dy[POINTS];
    linspace(-reach, reach, POINTS, x);
    if (evaluate(f, x, POINTS, y, dy)) return -1;
    const plot_series series[] = {{.name = name, .x = x, .y = y, .count = POINTS},
        {.name = "derivative, by the tape", .x = x, .y = dy, .count = POINTS}};
    const plot_panel panel = {.x_label = "z", .y_label = "value", .series = series, .count = 2};
    return plot_curves(path, title, &panel, 1);
}

int draw_sigmoid(const char *path, const figure_options *o) {
    (void)o;
    return draw_function(path, "Sigmoid and its derivative", "sigmoid(z) = 1 / (1 + e^-z)", rg_sigmoid, 8);
}

/* The derivative jumps from 0 to 1: its value at 0 is a dot of its own, and no line joins the two sides. */
int draw_relu(const char *path, const figure_options *o) {
    (void)o;
    static double x[POINTS], y[POINTS], dy[POINTS];
    linspace(-3, 3, POINTS, x);
    if (evaluate(rg_relu, x, POINTS, y, dy)) return -1;
    const double zero[] = {0}, at_zero[] = {dy[POINTS / 2]};
    dy[POINTS / 2] = NAN;
    const plot_series series[] = {{.name = "relu(z) = max(z, 0)", .x = x, .y = y, .count = POINTS},
        {.name = "derivative, by the tape", .x = x, .y = dy, .count = POINTS},
        {.name = "relu'(0) = 0", .x = zero, .y = at_zero, .count = 1, .style = PLOT_DOTS}};
    const plot_panel panel = {.x_label = "z", .y_label = "value", .series = series, .count = 3, .y_min = -.25, .y_max = 3};
    return plot_curves(path, "ReLU and its derivative", &panel, 1);
}

/* step(z) = 1 where z >= 0: the perceptron's convention. */
static rg_tensor *step_of(rg_tensor *z) {
    return rg_sub(1, rg_gt(0, z));
}

int draw_step(const char *path, const figure_options *o) {
    (void)o;
    static double x[POINTS], y[POINTS];
    linspace(-3, 3, POINTS, x);
    if (evaluate(step_of, x, POINTS, y, NULL)) return -1;
    y[POINTS / 2 - 1] = NAN; /* the point before 0 is left out: no line joins the two sides of a jump */
    const plot_series series = {.name = "step(z) = 1 if z >= 0, else 0", .x = x, .y = y, .count = POINTS};
    const plot_mark mark = {.x = 0, .y = y[POINTS / 2], .text = "step(0) = 1", .across = -12, .down = -12, .dot = true};
    const plot_panel panel = {.x_label = "z", .y_label = "output", .series = &series, .count = 1, .y_min = -.25, .y_max = 1.25,
        .marks = &mark, .mark_count = 1};
    return plot_curves(path, "Step function of the perceptron", &panel, 1);
}

int draw_log(const char *path, const figure_options *o) {
    (void)o;
    static double x[POINTS], y[POINTS], minus[POINTS];
    linspace(.001, 3, POINTS, x);
    if (evaluate(rg_log, x, POINTS, y, NULL)) return -1;
    for (int i = 0; i < POINTS; i++) minus[i] = x[i] <= 1 ? -y[i] : NAN;
    const plot_series series[] = {{.name = "log p", .x = x, .y = y, .count = POINTS},
        {.name = "-log p: the loss, for 0 < p <= 1", .x = x, .y = minus, .count = POINTS}};
    const plot_mark mark = {.x = 1, .y = 0, .text = "log 1 = 0", .across = 10, .down = 14, .dot = true};
    const plot_panel panel = {.x_label = "p", .y_label = "value", .series = series, .count = 2, .x_min = 0, .x_max = 3, .y_min = -7,
        .y_max = 7, .marks = &mark, .mark_count = 1};
    return plot_curves(path, "The logarithm: without bound where p goes to 0", &panel, 1);
}

int draw_xor(const char *path, const figure_options *o) {
    (void)o;
    double xy[8], x[2][2], y[2][2];
    int32_t label[4];
    int n[2] = {0, 0};
    rg_tape *t = rg_tape_new(0);
    const rg_dataset d = rg_make_xor(t, 4, 0);
    rg_copy_out(d.x, xy, 8);
    rg_copy_out(d.y, label, 4);
    if (figure_end(t, 0)) return -1;
    for (int i = 0; i < 4; i++) {
        const int k = label[i], j = n[k]++ % 2;
        x[k][j] = xy[2 * i], y[k][j] = xy[2 * i + 1];
    }
    const plot_series series[] = {{.name = "a xor b = 0", .x = x[0], .y = y[0], .count = 2, .style = PLOT_DOTS},
        {.name = "a xor b = 1", .x = x[1], .y = y[1], .count = 2, .style = PLOT_DOTS}};
    plot_mark marks[4];
    static const char *const text[] = {"(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)"};
    for (int i = 0; i < 4; i++) marks[i] = (plot_mark){.x = xy[2 * i], .y = xy[2 * i + 1], .text = text[i], .across = 10, .down = -8};
    const plot_panel panel = {.x_label = "a", .y_label = "b", .series = series, .count = 2, .x_min = -.5, .x_max = 1.5, .y_min = -.5,
        .y_max = 1.5, .marks = marks, .mark_count = 4};
    return plot_curves(path, "XOR: no line parts the two classes", &panel, 1);
}

int draw_softmax(const char *path, const figure_options *o) {
    (void)o;
    enum { N = 5 };
    static const double logits[N] = {2.0, 1.0, 0.1, 3.0, -1.0};
    double p[N], at[N];
    char text[N][2][32];
    plot_mark marks[2 * N];
    rg_tape *t = rg_tape_new(0);
    rg_set_default_dtype(t, RG_F64);
    rg_copy_out(rg_softmax(rg_input(t, logits, N), 0), p, N);
    if (figure_end(t, 0)) return -1;
    for (int i = 0; i < N; i++) {
        at[i] = i;
        snprintf(text[i][0], 32, "%.3f", p[i]);
        snprintf(text[i][1], 32, "%.1f", logits[i]);
        marks[i] = (plot_mark){.x = i, .y = p[i], .text = text[i][0], .down = -11};
        marks[N + i] = (plot_mark){.x = i, .y = logits[i], .text = text[i][1], .down = logits[i] < 0 ? 11 : -11};
    }
    const plot_series before = {.name = "logits", .x = at, .y = logits, .count = N, .style = PLOT_BARS, .bar = .64};
    const plot_series after = {.name = "softmax, sum 1", .x = at, .y = p, .count = N, .style = PLOT_BARS, .bar = .64};
    const plot_panel panels[] = {
        {.title = "Before", .x_label = "class", .y_label = "logit", .series = &before, .count = 1, .y_min = -2, .y_max = 4,
            .marks = marks + N, .mark_count = N},
        {.title = "After", .x_label = "class", .y_label = "probability", .series = &after, .count = 1, .y_min = 0, .y_max = .8,
            .marks = marks, .mark_count = N}};
    return plot_curves(path, "Softmax", panels, 2);
}

/* The three published cases: the true class gets p, three others share the rest. -log softmax(log p) = -log p. */
int draw_cross_entropy(const char *path, const figure_options *o) {
    (void)o;
    static double x[CURVE], y[CURVE], probability[CURVE][4];
    static int32_t label[CURVE];
    static const double cases[] = {.95, .50, .05};
    double loss[3];
    char text[3][64];
    plot_mark marks[3];
    linspace(.01, .99, CURVE, x);
    rg_tape *t = rg_tape_new(0);
    rg_set_default_dtype(t, RG_F64);
    for (int i = 0; i < CURVE; i++)
        for (int k = 0; k < 4; k++) probability[i][k] = k == 2 ? x[i] : (1 - x[i]) / 3, label[i] = 2;
    rg_tensor *logits = rg_log(rg_input(t, probability, CURVE, 4)); /* [200, 4] */
    rg_copy_out(rg_neg(rg_pick(rg_log_softmax(logits, 1), rg_input(t, label, CURVE))), y, CURVE);
    for (int i = 0; i < 3; i++) {
        const double rest = (1 - cases[i]) / 3, row[4] = {rest, rest, cases[i], rest};
        loss[i] = rg_item(rg_cross_entropy(rg_log(rg_input(t, row, 1, 4)), rg_input(t, label, 1)));
        snprintf(text[i], sizeof text[i], "%c: loss %.4f", 'A' + i, loss[i]);
        marks[i] = (plot_mark){.x = cases[i], .y = loss[i], .text = text[i], .across = i ? 12 : -2, .down = i ? -8 : -22, .dot = true};
    }
    if (figure_end(t, 0)) return -1;
    const plot_series series = {.name = "-log p", .x = x, .y = y, .count = CURVE};
    const plot_panel panel = {.x_label = "probability given to the true class", .y_label = "cross-entropy", .series = &series, .count = 1,
        .x_min = 0, .x_max = 1, .y_min = 0, .y_max = 5, .marks = marks, .mark_count = 3};
    return plot_curves(path, "Cross-entropy of one sample", &panel, 1);
}
