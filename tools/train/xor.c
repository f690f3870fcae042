/* xor.c - the smallest problem that one layer cannot solve: a 2-h-1 network learns the exclusive or.

   The network derived by hand (--path manual, both) has one hidden layer of sigmoids and minimises half the sum of squares. With
   these paths the network on the tape does the same; with --path tape it has tanh and minimises the mean.             */
#include <retrograd.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/csv.h"
#include "tools/common/files.h"
#include "tools/common/plot.h"
#include "tools/common/progress.h"
#include "tools/common/run.h"
#include "tools/common/twin.h"

static const float X[] = {0, 0, 0, 1, 1, 0, 1, 1}, Y[] = {0, 1, 1, 0};

enum { CASES = 4, MOST = OPTION_INTS_MAX + 1, REPORTS = 10, GRID = 160 };
typedef struct mlp {
    int layers;
    bool as_by_hand;              /* sigmoid and half the sum of squares, for tanh and their mean */
    rg_tensor *w[MOST], *b[MOST]; /* [in, out], [out] */
} mlp;

/* p = sigmoid(tanh(x w1 + b1) w2 + b2), as by hand sigmoid(sigmoid(x w1 + b1) w2 + b2) */
static rg_tensor *predict(const mlp *net, rg_tensor *x) {
    for (int i = 0; i < net->layers; i++) {
        rg_tensor *z = rg_add(rg_matmul(x, net->w[i]), net->b[i]);
        x = i + 1 < net->layers && !net->as_by_hand ? rg_tanh(z) : rg_sigmoid(z);
    }
    return x;
}

static mlp make(rg_tape *t, const run_options *o) {
    const option_ints *hidden = &o->hidden;
    mlp net = {.layers = hidden->count + 1, .as_by_hand = !run_by(o, "tape")};
    int64_t in = 2;
    for (int i = 0; i < net.layers; i++) {
        const int64_t out = i < hidden->count ? hidden->value[i] : 1;
        char name[16];
        snprintf(name, sizeof name, "w%d", i + 1);
        net.w[i] = rg_param(t, name, RG_XAVIER_NORMAL, in, out);
        name[0] = 'b';
        net.b[i] = rg_param(t, name, RG_ZEROS, out);
        in = out;
    }
    return net;
}

/* The twin that --path asks for; NULL for the tape by itself, and after an error. */
static twin *make_twin(rg_tape *t, const run_options *o) {
    return run_by(o, "tape") ? NULL
        : twin_new(o, rg_default_dtype(t) == RG_F64 ? &twin_sigmoid_f64 : &twin_sigmoid_f32, rg_params(t), CASES);
}

/* One step of all four points. Returns the mean of squares before it; NaN after an error. */
static double train_step(rg_tape *t, const mlp *net, const run_options *o, rg_optim *optim, twin *hand) {
    rg_tensor *x = rg_input(t, X, CASES, 2), *y = rg_input(t, Y, CASES, 1);
    if (run_by(o, "manual")) return twin_train(hand, x, y);
    rg_tensor *squares = rg_square(rg_sub(predict(net, x), y));
    rg_tensor *loss = net->as_by_hand ? rg_mul(rg_sum(squares), 0.5) : rg_mean(squares);
    rg_backward(loss);
    const double mean = net->as_by_hand ? rg_item(loss) * 2 / CASES : rg_item(loss);
    if (hand && twin_compare(hand, x, y, loss)) return NAN;
    return rg_optim_step(optim) ? NAN : mean;
}

/* Trains on all four points at once; losses[0 .. REPORTS-1] are those at every tenth of the way, NaN where another run went it. Returns
   how many points come out right. */
static int train(rg_tape *t, const mlp *net, const run_options *o, twin *hand, double losses[REPORTS + 1]) {
    rg_optim *optim = run_optimizer(t, rg_params(t), o);
    const int64_t steps = o->steps && o->steps < o->epochs ? o->steps : o->epochs;
    int64_t step = 0;
    rg_state *run = rg_state_new(t);
    rg_state_tensors(run, NULL, rg_params(t));
    rg_state_optim(run, "optim", optim);
    rg_state_count(run, "step", &step);
    rg_keep_grads(t, run_by(o, "both"));
    for (int i = 0; i < REPORTS; i++) losses[i] = NAN;
    if (run_resume(o, run, NULL)) return 0;
    for (; step < steps; step++) {
        const double loss = train_step(t, net, o, optim, hand);
        if (isnan(loss)) return 0;
        if (step * REPORTS % steps < REPORTS) losses[step * REPORTS / steps] = loss;
        rg_tape_reset(t);
    }
    if (run_save(o, run)) return 0;
    if (run_by(o, "manual")) twin_give(hand);
    rg_record(t, false);
    rg_tensor *p = predict(net, rg_input(t, X, 4, 2));
    losses[REPORTS] = rg_item(rg_mse(p, rg_input(t, Y, 4, 1)));
    double answer[4] = {0};
    rg_copy_out(p, answer, 4);
    rg_record(t, true);
    int right = 0;
    for (int i = 0; i < 4; i++) right += (answer[i] > 0.5) == (Y[i] > 0.5);
    return right;
}

static int draw(rg_tape *t, const mlp *net, const char *out, const double *losses, int64_t steps) {
    static double p[GRID * GRID];
    static float grid[GRID * GRID * 2];
    double at[REPORTS + 1];
    int first = 0; /* of this run */
    for (int i = 0; i <= REPORTS; i++) at[i] = (double)(steps * i) / REPORTS;
    while (first < REPORTS && isnan(losses[first])) first++;
    for (int i = 0; i < GRID * GRID; i++)
        grid[2 * i] = -0.5f + 2.0f * (float)(i % GRID) / (GRID - 1), grid[2 * i + 1] = -0.5f + 2.0f * (float)(i / GRID) / (GRID - 1);
    rg_copy_out(predict(net, rg_input(t, grid, GRID * GRID, 2)), p, GRID * GRID);
    char curves[4096], boundary[4096];
    const plot_series loss = {.name = "loss", .x = at + first, .y = losses + first, .count = (size_t)(REPORTS + 1 - first),
        .markers = true};
    const plot_panel panel = {.title = "XOR", .x_label = "step", .y_label = "mean squared error", .series = &loss, .count = 1,
        .log_y = true};
    const plot_plane plane = {.title = "XOR: what the network answers", .x_label = "a", .y_label = "b", .probability = p, .width = GRID,
        .height = GRID,
        .x_min = -0.5, .x_max = 1.5, .y_min = -0.5, .y_max = 1.5, .x = (const double[]){0, 0, 1, 1}, .y = (const double[]){0, 1, 0, 1},
        .class = (const int[]){0, 1, 1, 0}, .count = 4};
    if (plot_curves(run_path(curves, sizeof curves, out, "curves.png"), NULL, &panel, 1)) return -1;
    if (plot_boundary(run_path(boundary, sizeof boundary, out, "boundary.png"), &plane)) return -1;
    printf("pictures: %s %s\n", curves, boundary);
    return 0;
}

/* One network, told in full. */
static int tell(const run_options *o) {
    rg_tape *t = run_tape(o);
    const mlp net = make(t, o);
    twin *hand = make_twin(t, o);
    if (!hand && net.as_by_hand) return run_finish(t, 1);
    if (net.as_by_hand)
        puts("the network as it is derived by hand: sigmoid for tanh; its loss is half the sum of squares, twice their mean");
    double losses[REPORTS + 1] = {0};
    const int right = train(t, &net, o, hand, losses);
    const int64_t steps = o->steps && o->steps < o->epochs ? o->steps : o->epochs;
    int status = rg_error_code(t) ? 1 : 0;
    csv *file = status ? NULL : run_history(o, (const char *const[]){"step", "loss"}, 2);
    if (o->csv && !file) status = 1;
    for (int i = 0; i <= REPORTS && !status; i++) {
        if (isnan(losses[i])) continue;
        printf("step %6lld   %s %.6f\n", (long long)(steps * i / REPORTS), net.as_by_hand ? "mean of squares" : "loss", losses[i]);
        if (file) csv_row(file, (const double[]){(double)(steps * i / REPORTS), losses[i]});
    }
    if (csv_close(file)) status = 1;
    rg_record(t, false);
    double p[4] = {0};
    if (!status) rg_copy_out(predict(&net, rg_input(t, X, 4, 2)), p, 4);
    for (int i = 0; i < 4 && !status; i++) printf("%g xor %g = %.3f\n", (double)X[2 * i], (double)X[2 * i + 1], p[i]);
    if (!status) printf("%d of 4 right: %s\n", right, right == 4 ? "solved" : "not solved");
    if (o->out && !status && draw(t, &net, o->out, losses, steps)) status = 1;
    if (run_by(o, "both") && twin_report(hand, stdout)) status = 1;
    twin_free(hand);
    return run_finish(t, status || (right == 4 ? 100 : 0) < o->floor);
}

/* Many seeds, counted. */
static int count(const run_options *o, int seeds) {
    progress bar;
    int solved = 0;
    progress_start(&bar, stdout, "seeds", 1, seeds);
    for (int i = 0; i < seeds; i++) {
        run_options one = *o;
        one.seed = o->seed + (uint64_t)i;
        rg_tape *t = run_tape(&one);
        const mlp net = make(t, &one);
        twin *hand = make_twin(t, &one);
        double losses[REPORTS + 1] = {0};
        const bool made = hand || !net.as_by_hand;
        const int right = made ? train(t, &net, &one, hand, losses) : 0;
        const bool agree = !run_by(o, "both") || (made && !differences_beyond(&hand->found));
        if (!agree) twin_report(hand, stdout);
        twin_free(hand);
        if (run_finish(t, 0) || !made || !agree) return 1;
        solved += right == 4;
        progress_step(&bar, 1, i + 1, losses[REPORTS]);
    }
    progress_end(&bar);
    const double share = 100.0 * solved / seeds;
    printf("%d of %d seeds solve it: %.1f%%, floor %g%%\n", solved, seeds, share, o->floor);
    return files_end_output() || !(share >= o->floor);
}

int main(int argc, char **argv) {
    run_options o = {.epochs = 2000, .lr = 0.5, .optimizer = "momentum", .hidden = {1, {8}}, .dtype = "f32", .path = "tape", .threads = 1,
        .floor = 50};
    int seeds = 1;
    const option_row own[] = {{"seeds", OPT_INT, &seeds, "N", "try N seeds and count how many solve it", 1, 1e9}, {0}};
    int status = run_parse("Learns the exclusive or of two bits, all four cases in each step.\n"
                           "With --path manual or both the network is the one derived by hand: sigmoid in place of tanh; its loss is "
                           "half the sum of squares in place of the mean.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;
    if (!run_by(&o, "tape") && o.hidden.count != 1)
        return options_bad("--path %s: the twin by hand has one hidden layer, --hidden gives %d", o.path, o.hidden.count);
    if (seeds != 1 && (o.save || o.resume || o.out || o.csv))
        return options_bad("--save, --resume, --out and --csv: of one seed, not of %d", seeds);
    return seeds == 1 ? tell(&o) : count(&o, seeds);
}
