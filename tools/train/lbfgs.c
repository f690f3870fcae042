/* lbfgs.c - the minimum of Rosenbrock's valley, found by L-BFGS, and by Adam with many more calls; draws both paths over the contours. */
#include <retrograd.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/axes.h"
#include "tools/common/files.h"
#include "tools/common/options.h"
#include "tools/common/run.h"

enum { MOST = 5000, LEFT = 60, TOP = 66, WIDTH = 600, HEIGHT = 400 };

typedef struct way { /* where it was after each step, and how often the loss was computed until then */
    const char *name;
    int count, calls;
    double x[MOST + 1], y[MOST + 1], loss;
} way;

static double valley(double x, double y) { return 100 * (y - x * x) * (y - x * x) + (1 - x) * (1 - x); }

/* 100 (y - x^2)^2 + (1 - x)^2 */
typedef struct problem { rg_tensor *x, *y; int calls; } problem;
static double closure(void *ctx) {
    problem *q = ctx;
    rg_tensor *off = rg_sub(q->y, rg_square(q->x)), *rest = rg_sub(1, q->x);
    rg_tensor *loss = rg_add(rg_mul(rg_square(off), 100), rg_square(rest));
    rg_backward(loss);
    q->calls++;
    return rg_item(loss);
}

/* Steps until the minimum (1, 1) is within `floor`; returns how far it is. */
static double descend(way *w, rg_tape *t, problem *q, rg_optim *optim, int steps, double floor) {
    double error = INFINITY;
    for (w->count = 0; w->count <= steps && !rg_error_code(t); w->count++) {
        w->x[w->count] = rg_item(q->x), w->y[w->count] = rg_item(q->y);
        error = hypot(w->x[w->count] - 1, w->y[w->count] - 1);
        w->calls = q->calls;
        if (error <= floor || w->count == steps) break;
        w->loss = rg_optim_step_closure(optim, closure, q);
        if (w->count < 5 || w->count % 500 == 0) printf("%-7s %5d calls   loss %-12.6g distance %.3g\n", w->name, w->calls, w->loss, error);
    }
    printf("%-7s %5d calls   distance %.3g after %d steps\n", w->name, w->calls, error, w->count);
    return error;
}

static void draw_way(canvas *c, const axes *a, const way *w, canvas_colour colour, double at) {
    for (int i = 0; i < w->count; i++)
        canvas_stroke(c, axes_x(a, w->x[i]), axes_y(a, w->y[i]), axes_x(a, w->x[i + 1]), axes_y(a, w->y[i + 1]), 1.6);
    canvas_paint(c, colour);
    for (int i = 0; w->count < 200 && i <= w->count; i++) canvas_dot(c, axes_x(a, w->x[i]), axes_y(a, w->y[i]), 3, colour, 0xFFFFFF);
    char text[64];
    snprintf(text, sizeof text, "%s, %d calls", w->name, w->calls);
    canvas_dot(c, at + 4, TOP - 14, 4, colour, 0xFFFFFF);
    canvas_text(c, at + 14, TOP - 14, text, (canvas_style){.size = 12, .lift = .5, .colour = AXES_INK});
}

static int draw(const char *path, const way *ways) {
    axes a = {.x = LEFT, .y = TOP, .width = WIDTH, .height = HEIGHT};
    axis_set(&a.across, -2, 2, 0, 9, false, false);
    axis_set(&a.up, -1, 3, 0, 7, false, false);
    canvas c;
    if (canvas_new(&c, LEFT + WIDTH + 20, TOP + HEIGHT + AXES_BELOW + 10)) return -1;
    for (int row = 0; row < HEIGHT * CANVAS_SCALE; row++)
        for (int column = 0; column < WIDTH * CANVAS_SCALE; column++) {
            const double x = -2 + 4 * (column + .5) / (WIDTH * CANVAS_SCALE), y = 3 - 4 * (row + .5) / (HEIGHT * CANVAS_SCALE);
            const double level = floor(3 * log10(valley(x, y) + 1e-3)); /* three contours to a factor of ten */
            canvas_set(&c, LEFT * CANVAS_SCALE + column, TOP * CANVAS_SCALE + row, canvas_mix(axes_palette[0], 0xFFFFFF, (level + 9) / 19));
        }
    axes_draw(&c, &a, "x", "y");
    canvas_clip(&c, LEFT, 0, WIDTH, TOP + HEIGHT);
    draw_way(&c, &a, &ways[1], axes_palette[1], LEFT + 200);
    draw_way(&c, &a, &ways[0], axes_palette[2], LEFT);
    canvas_unclip(&c);
    const canvas_style small = {.size = 11, .lift = .5, .colour = AXES_INK}, large = {.size = 15, .lift = .5, .colour = AXES_INK};
    canvas_dot(&c, axes_x(&a, 1), axes_y(&a, 1), 5, AXES_INK, 0xFFFFFF);
    canvas_text(&c, axes_x(&a, 1) + 10, axes_y(&a, 1) + 12, "minimum, 0 at (1, 1)", small);
    canvas_text(&c, LEFT, 22, "Rosenbrock's valley: 100 (y - x^2)^2 + (1 - x)^2", large);
    canvas_text(&c, LEFT + 345, TOP - 14, "darker is lower, three shades to a factor of 10", small);
    const int failed = canvas_save(&c, path);
    canvas_free(&c);
    if (!failed) printf("picture: %s\n", path);
    return failed;
}

int main(int argc, char **argv) {
    static struct { double x, y, lr, error; int steps; const char *out; } o = {-1.2, 1, .05, 1e-8, 3000, NULL};
    static const option_row table[] = {
        {"x", OPT_DOUBLE, &o.x, "X", "x of the start", -2, 2},
        {"y", OPT_DOUBLE, &o.y, "Y", "y of the start", -1, 3},
        {"lr", OPT_DOUBLE, &o.lr, "RATE", "Adam's learning rate", 0, 100},
        {"steps", OPT_INT, &o.steps, "N", "largest number of steps", 1, MOST},
        {"error", OPT_DOUBLE, &o.error, "DISTANCE", "exit with 1 if L-BFGS ends above this distance from (1, 1)", 0, 10},
        {"out", OPT_STRING, &o.out, "DIR", "draw both paths there", 0, 0},
        {0}};
    const int status = options_parse("Goes down Rosenbrock's valley by L-BFGS and by Adam.", table, argc, argv);
    if (status != OPTIONS_RUN) return status;

    static way ways[] = {{.name = "L-BFGS"}, {.name = "Adam"}};
    double error[2];
    for (int k = 0; k < 2; k++) {
        rg_tape *t = rg_tape_new(0);
        rg_set_default_dtype(t, RG_F64);
        problem q = {rg_param(t, "x", RG_CONSTANT(o.x)), rg_param(t, "y", RG_CONSTANT(o.y)), 0};
        rg_optim *optim = k ? rg_optim_adam(t, rg_params(t), .lr = o.lr)
                            : rg_optim_lbfgs(t, rg_params(t), .max_iter = 1, .tolerance_grad = RG_ZERO, .tolerance_change = RG_ZERO);
        error[k] = descend(&ways[k], t, &q, optim, o.steps, o.error);
        if (run_finish(t, 0)) return 1;
    }
    char path[4096];
    if (o.out && draw(run_path(path, sizeof path, o.out, "valley.png"), ways)) return 1;
    printf("L-BFGS: distance %.3g, at most %g: %s\n", error[0], o.error, error[0] <= o.error ? "reached" : "NOT reached");
    return files_end_output() || !(error[0] <= o.error);
}
