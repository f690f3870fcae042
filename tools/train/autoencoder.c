/* autoencoder.c - a network that encodes images as two numbers and decodes them; draws decoded images, and the plane of codes. */
#include <retrograd.h>

#include <math.h>
#include <stdio.h>

#include "tools/common/csv.h"
#include "tools/common/images.h"
#include "tools/common/plot.h"
#include "tools/common/progress.h"
#include "tools/common/run.h"

enum { DRAWN_TRAIN = 20000, DRAWN_TEST = 2000, CODE = 2, TEST_BATCH = 1000, SHOWN = 12, WALK = 12, POINTS = 800, CLASSES = 10 };

typedef struct autoencoder {
    rg_nn *encoder, *decoder, *both; /* [b, h w] -> [b, 2] -> [b, h w], logits of the brightness */
    rg_dataset train, test;
} autoencoder;

/* h w - hidden - .. - 2 - .. - hidden - h w, relu between. Batch norm keeps the codes apart, in about -2 .. 2: without it all
   images may get one code, and the decoder learns no more than the mean image. */
static void make(rg_tape *t, autoencoder *a, const option_ints *hidden) {
    int64_t in[OPTION_INTS_MAX + 2], out[OPTION_INTS_MAX + 2], pixels = rg_dim(a->test.x, 1) * rg_dim(a->test.x, 2);
    const int n = hidden->count + 2;
    for (int i = 0; i < n; i++) in[i] = out[n - 1 - i] = i == 0 ? pixels : i < n - 1 ? hidden->value[i - 1] : CODE;
    a->encoder = rg_nn_sequential(t, rg_nn_mlp_n(t, "relu", RG_HE_NORMAL, n, in), rg_nn_batch_norm1d(t, CODE));
    a->decoder = rg_nn_mlp_n(t, "relu", RG_HE_NORMAL, n, out);
    a->both = rg_nn_sequential(t, a->encoder, a->decoder);
}

/* Mean square of the difference between the pixels of the test set, 0 .. 1, and what comes back of them. */
static double measure(rg_tape *t, const autoencoder *a, rg_loader *test) {
    rg_tensor *x, *y;
    double sum = 0;
    rg_nn_eval(a->both);
    while (rg_loader_next(test, &x, &y)) {
        sum += rg_item(rg_mse(rg_sigmoid(rg_nn_forward(a->both, x)), x)) * (double)rg_dim(x, 0);
        rg_tape_reset(t);
    }
    rg_nn_eval_end(a->both);
    return rg_error_code(t) ? NAN : sum / (double)rg_dim(a->test.x, 0);
}

/* Returns the error after the last epoch; NaN after an error. */
static double train(rg_tape *t, const autoencoder *a, const run_options *o) {
    rg_loader *batches = rg_loader_new(t, a->train.x, a->train.y, .batch = o->batch, .shuffle = true);
    rg_loader *test = rg_loader_new(t, a->test.x, a->test.y, .batch = TEST_BATCH);
    rg_optim *optim = run_optimizer(t, rg_nn_params(a->both), o);
    csv *file = run_history(o, (const char *const[]){"epoch", "loss", "test_error", "seconds"}, 4);
    int64_t step = 0, all = o->epochs * rg_loader_steps(batches);
    rg_state *run = rg_state_new(t);
    rg_state_net(run, NULL, a->both);
    rg_state_optim(run, "optim", optim);
    rg_state_loader(run, "loader", batches);
    rg_state_count(run, "step", &step);
    int failed = (o->csv && !file) || run_resume(o, run, batches);
    progress bar;
    progress_start(&bar, stdout, "epoch", o->epochs, rg_loader_steps(batches));
    bar.before = failed ? 0 : (int)rg_loader_epoch(batches);
    for (int epoch = bar.before + 1; epoch <= o->epochs && !failed && (!o->steps || step < o->steps); epoch++) {
        rg_tensor *x, *y;
        double sum = 0, n = 0, start = run_seconds();
        while ((!o->steps || step < o->steps) && rg_loader_next(batches, &x, &y)) {
            rg_optim_set_lr(optim, run_rate(o, step++, all));
            rg_tensor *loss = rg_bce_with_logits(rg_nn_forward(a->both, x), x);
            rg_backward(loss);
            rg_optim_step(optim);
            sum += rg_item(loss);
            progress_step(&bar, epoch, (int64_t)++n, rg_item(loss));
            rg_tape_reset(t);
        }
        const double row[] = {epoch, sum / n, measure(t, a, test), run_seconds() - start};
        failed = rg_error_code(t) || (file && csv_row(file, row)) || run_save(o, run);
        if (!failed) progress_line(&bar, "epoch %2d/%d   loss %.4f   test error %.4f   %6.2f s", epoch, o->epochs, row[1], row[2], row[3]);
    }
    progress_end(&bar);
    return csv_close(file) || failed ? NAN : measure(t, a, test);
}

static int draw(rg_tape *t, const autoencoder *a, const run_options *o) {
    static double up[CLASSES][POINTS], lattice[WALK * WALK][CODE];
    char path[3][4096];
    const int n = rg_dim(a->test.x, 0) < POINTS ? (int)rg_dim(a->test.x, 0) : POINTS;
    for (int i = 0; i < WALK * WALK; i++)
        lattice[i][0] = 4. * (i % WALK) / (WALK - 1) - 2, lattice[i][1] = 2 - 4. * (i / WALK) / (WALK - 1);
    rg_nn_eval(a->both);
    rg_tensor *x = rg_mul(rg_cast(rg_reshape(rg_slice(a->test.x, 0, 0, n), n, -1), rg_default_dtype(t)), 1. / 255),
        *some = rg_slice(x, 0, 0, SHOWN);
    /* [2 shown, h w] */
    rg_tensor *pairs = rg_concat(0, some, rg_sigmoid(rg_nn_forward(a->both, some)));
    rg_tensor *walk = rg_sigmoid(rg_nn_forward(a->decoder, rg_input(t, lattice, WALK * WALK, CODE)));
    rg_tensor *code = rg_cast(rg_permute(rg_nn_forward(a->encoder, x), 1, 0), RG_F64);                                        /* [2, n] */
    plot_image_set images = {.title = "originals, and what comes back of them", .f32 = rg_f32(rg_cast(pairs, RG_F32)), .count = 2 * SHOWN,
        .channels = 1,
        .height = (int)rg_dim(a->test.x, 1), .width = (int)rg_dim(a->test.x, 2), .columns = SHOWN};
    if (rg_failed(pairs) || rg_failed(code) || plot_images(run_path(path[0], sizeof path[0], o->out, "reconstructions.png"), &images))
        return -1;
    images.title = "a walk through the plane of codes", images.f32 = rg_f32(rg_cast(walk, RG_F32)), images.count = WALK * WALK,
        images.columns = WALK;
    if (rg_failed(walk) || plot_images(run_path(path[1], sizeof path[1], o->out, "walk.png"), &images)) return -1;
    plot_series classes[CLASSES];
    for (int k = 0; k < CLASSES; k++) { /* what is not a number is not drawn */
        for (int i = 0; i < n; i++) up[k][i] = rg_i32(a->test.y)[i] == k ? rg_f64(code)[n + i] : NAN;
        classes[k] = (plot_series){.name = a->test.class_names[k], .x = rg_f64(code), .y = up[k], .count = (size_t)n, .style = PLOT_DOTS};
    }
    const plot_panel plane = {.x_label = "first number", .y_label = "second number", .series = classes, .count = CLASSES};
    if (plot_curves(run_path(path[2], sizeof path[2], o->out, "codes.png"), "where the test set is in the plane of codes", &plane, 1))
        return -1;
    return printf("pictures: %s %s %s\n", path[0], path[1], path[2]) < 0;
}

int main(int argc, char **argv) {
    run_options o = {.epochs = 10, .batch = 128, .lr = 0.003, .optimizer = "adam", .schedule = "one-cycle", .hidden = {2, {256, 64}},
        .threads = 1,
        .dtype = "f32", .floor = -1};
    double most = NAN;
    const option_row own[] = {{"data", OPT_STRING, &o.data, "DIR", IMAGES_HELP, 0, 0},
        {"error", OPT_DOUBLE, &most, "ERROR",
            "exit with 1 above this mean squared difference of the pixels (default 0.035; digits: 0.045)", 0, 1}, {0}};
    const int status = run_parse("Encodes images as two numbers and decodes them.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;

    rg_tape *t = run_tape(&o);
    autoencoder a = {0};
    if (!images_open(t, o.data, DRAWN_TRAIN, DRAWN_TEST, &a.train, &a.test)) return run_finish(t, 1);
    if (isnan(most)) most = a.test.class_names && a.test.class_names[0][1] ? 0.035 : 0.045; /* "T-shirt", or "0" */
    make(t, &a, &o.hidden);
    const double error = train(t, &a, &o);
    printf("test error %.4f, at most %g: %s\n", error, most, error <= most ? "reached" : "NOT reached");
    return run_finish(t, (o.out && !rg_error_code(t) && draw(t, &a, &o)) || !(error <= most));
}
