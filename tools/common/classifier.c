/* classifier.c - trains a classifier by mini-batches, reports each epoch, draws what came of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "plot.h"
#include "progress.h"
#include "run.h"
#include "twin.h"

enum { TEST_BATCH = 1000, UNITS_SHOWN = 64, UNITS_IN_ROW = 16 };
enum { EPOCH, LOSS, ACCURACY, SECONDS, RATE, COLUMNS };
static const char *const column_names[COLUMNS] = {"epoch", "loss", "test_accuracy", "seconds", "steps_per_second"};

typedef struct training {
    rg_tape *t;
    const classifier *c;
    const run_options *o;
    rg_loader *train, *test;
    rg_optim *optim;
    twin *twin;                 /* by hand; NULL for --path tape */
    progress bar;
    rg_state *run;              /* for --save and --resume */
    int64_t step;
    int first;                  /* epochs before this run's */
    bool failed;
    double (*history)[COLUMNS]; /* [epochs of this run][COLUMNS] */
    int64_t *confusion;         /* [classes][classes], of the last evaluation */
    float *start;               /* the first weights before training, for the picture of what was learned */
} training;

/* loss + l2 sum W^2, over the matrices */
static rg_tensor *with_l2(const training *r, rg_tensor *loss) {
    const rg_list params = rg_params(r->t);
    for (int i = 0; i < params.count && r->o->l2 > 0; i++)
        if (rg_ndim(params.items[i]) > 1) loss = rg_add(loss, rg_mul(rg_sum(rg_square(params.items[i])), r->o->l2));
    return loss;
}

/* One step by the tape; `value` is the loss before it. With --path both the twin is compared while all of the step is on the tape. */
static int train_step(training *r, rg_tensor *x, rg_tensor *y, double *value) {
    rg_tensor *loss = with_l2(r, rg_cross_entropy(r->c->logits(r->c->model, x), y));
    rg_backward(loss);
    *value = rg_item(loss);
    if (r->twin && twin_compare(r->twin, x, y, loss)) return -1;
    if (r->o->schedule) rg_optim_set_lr(r->optim, run_rate(r->o, r->step, r->o->epochs * rg_loader_steps(r->train)));
    return rg_optim_step(r->optim);
}

/* One pass over the training set; the mean loss of its steps. */
static double train_epoch(training *r, int epoch) {
    rg_tensor *x, *y;
    double sum = 0;
    int64_t n = 0;
    while ((!r->o->steps || r->step < r->o->steps) && rg_loader_next(r->train, &x, &y)) {
        double value;
        if (run_by(r->o, "manual")) value = twin_train(r->twin, x, y);
        else if (train_step(r, x, y, &value)) return r->failed = true, NAN;
        rg_tape_reset(r->t);
        sum += value;
        r->step++;
        progress_step(&r->bar, epoch, ++n, value);
    }
    return n ? sum / (double)n : NAN;
}

/* Share of the test set that is predicted rightly; fills the confusion matrix. */
static double evaluate(training *r) {
    const int classes = r->c->test.classes;
    int64_t right = 0, all = 0;
    memset(r->confusion, 0, (size_t)classes * (size_t)classes * sizeof *r->confusion);
    const bool recording = rg_record(r->t, false);
    rg_nn_train(r->c->net, false);
    rg_tensor *x, *y;
    while (rg_loader_next(r->test, &x, &y)) {
        rg_confusion(run_by(r->o, "manual") ? twin_logits(r->twin, x, y) : r->c->logits(r->c->model, x), y, classes, r->confusion);
        rg_tape_reset(r->t);
    }
    rg_nn_train(r->c->net, true);
    rg_record(r->t, recording);
    for (int i = 0; i < classes * classes; i++) {
        all += r->confusion[i];
        right += i % (classes + 1) ? 0 : r->confusion[i];
    }
    return all ? (double)right / (double)all : NAN;
}

static int draw_curves(const training *r, int epochs, const char *path) {
    double *values = calloc((size_t)epochs * 3 + 1, sizeof *values);
    if (!values) return -1;
    for (int e = 0; e < epochs; e++) {
        values[e] = r->history[e][LOSS], values[epochs + e] = 100 * r->history[e][ACCURACY], values[2 * epochs + e] = r->history[e][EPOCH];
    }
    const double *at = values + 2 * epochs;
    const plot_series loss = {.name = "training loss", .x = at, .y = values, .count = (size_t)epochs, .markers = true};
    const plot_series accuracy = {.name = "test accuracy", .x = at, .y = values + epochs, .count = (size_t)epochs, .markers = true};
    const plot_panel panels[] = {{.title = "Loss", .x_label = "epoch", .y_label = "cross-entropy", .series = &loss, .count = 1},
        {.title = "Accuracy", .x_label = "epoch", .y_label = "percent of the test set", .series = &accuracy, .count = 1}};
    const int status = plot_curves(path, r->c->name, panels, 2);
    free(values);
    return status;
}

static float *values_of(rg_tensor *x) {
    float *to = malloc((size_t)rg_numel(x) * sizeof *to + 1);
    if (to) rg_copy_out(x, to, rg_numel(x));
    return to;
}

/* What training did to the columns of the first weights [in, units], each an image: in the weights themselves the random start
   drowns it. Colour channels are added up, as signs are shown in colours of their own. */
static int draw_weights(const training *r, const char *path) {
    const classifier *c = r->c;
    const int64_t area = rg_dim(c->first, 0) / c->channels, units = rg_dim(c->first, 1);
    const int shown = units < UNITS_SHOWN ? (int)units : UNITS_SHOWN;
    float *w = values_of(c->first), *images = calloc((size_t)area * (size_t)shown, sizeof *images);
    int status = -1;
    if (w && images) {
        for (int64_t i = 0; i < area * c->channels; i++)
            for (int u = 0; u < shown; u++) images[u * area + i % area] += w[i * units + u] - r->start[i * units + u];
        char title[120];
        snprintf(title, sizeof title, "%s: what the first %d hidden units have learned", c->name, shown);
        status = plot_images(path, &(plot_image_set){.title = title, .f32 = images, .count = shown, .channels = 1, .height = c->height,
            .width = c->width, .columns = UNITS_IN_ROW, .range = PLOT_SIGNED_EACH});
    }
    free(w);
    free(images);
    return status;
}

static int draw(const training *r, int epochs) {
    char path[3][4096];
    const char *out = r->o->out;
    if (draw_curves(r, epochs, run_path(path[0], sizeof path[0], out, "curves.png"))) return -1;
    if (r->c->first && draw_weights(r, run_path(path[1], sizeof path[1], out, "weights.png"))) return -1;
    if (plot_confusion(run_path(path[2], sizeof path[2], out, "confusion.png"), r->c->name, r->confusion, r->c->test.class_names,
        r->c->test.classes)) return -1;
    printf("pictures: %s%s%s %s\n", path[0], r->c->first ? " " : "", r->c->first ? path[1] : "", path[2]);
    return 0;
}

/* All epochs that are left; returns how many were finished, or -1. */
static int run_epochs(training *r) {
    csv *file = run_history(r->o, column_names, COLUMNS);
    if (r->o->csv && !file) return -1;
    int epoch = r->first + 1, failed = 0;
    for (; epoch <= r->o->epochs && !failed && (!r->o->steps || r->step < r->o->steps); epoch++) {
        double *row = r->history[epoch - 1 - r->first];
        const int64_t before = r->step;
        const double start = run_seconds();
        const bool begun = rg_loader_row(r->train) > 0; /* by the run that this one goes on with */
        row[EPOCH] = epoch;
        row[LOSS] = train_epoch(r, epoch);
        row[SECONDS] = run_seconds() - start;
        row[RATE] = (double)(r->step - before) / row[SECONDS];
        row[ACCURACY] = evaluate(r);
        failed = r->failed || rg_error_code(r->t) || (file && csv_row(file, row)) || run_save(r->o, r->run);
        if (!failed)
            progress_line(&r->bar, "epoch %2d/%d   loss %.4f   test %5.2f%%   %6.2f s   %6.0f steps/s%s", epoch, r->o->epochs, row[LOSS],
                100 * row[ACCURACY], row[SECONDS], row[RATE],
                begun ? "   (loss: of this run's steps)" : "");
    }
    progress_end(&r->bar);
    if (csv_close(file)) failed = 1;
    if (epoch == r->first + 1 && run_save(r->o, r->run)) failed = 1; /* nothing was left to do */
    return failed ? -1 : epoch - 1 - r->first;
}

static int report(training *r, int epochs) {
    const double accuracy = 100 * (epochs ? r->history[epochs - 1][ACCURACY] : evaluate(r));
    printf("%lld steps, weights' hash %016llx\n", (long long)r->step, (unsigned long long)run_hash(rg_params(r->t)));
    if (r->o->out && epochs && draw(r, epochs)) return 1;
    if (r->o->steps && r->step < rg_loader_steps(r->train)) {
        printf("test accuracy %.2f%%; stopped within the first epoch, so the floor is not checked\n", accuracy);
        return 0;
    }
    printf("test accuracy %.2f%%, floor %g%%: %s\n", accuracy, r->o->floor, accuracy >= r->o->floor ? "reached" : "NOT reached");
    return accuracy >= r->o->floor ? 0 : 1;
}

static int resume(training *r) {
    r->run = rg_state_new(r->t);
    if (r->c->net) rg_state_net(r->run, NULL, r->c->net);
    else rg_state_tensors(r->run, NULL, rg_params(r->t));
    rg_state_optim(r->run, "optim", r->optim);
    rg_state_loader(r->run, "loader", r->train);
    rg_state_count(r->run, "step", &r->step);
    if (run_resume(r->o, r->run, r->train)) return -1;
    r->first = rg_loader_epoch(r->train) < r->o->epochs ? (int)rg_loader_epoch(r->train) : r->o->epochs;
    return 0;
}

int classifier_train(rg_tape *t, const classifier *c, const run_options *o) {
    training r = {.t = t, .c = c, .o = o};
    r.train = rg_loader_new(t, c->train.x, c->train.y, .batch = o->batch, .shuffle = true);
    r.test = rg_loader_new(t, c->test.x, c->test.y, .batch = TEST_BATCH);
    r.optim = run_optimizer(t, rg_params(t), o);
    if (rg_error_code(t) || resume(&r)) return 1;
    if (o->path && !run_by(o, "tape")) {
        const int64_t rows = o->batch > TEST_BATCH ? o->batch : TEST_BATCH;
        if (!(r.twin = twin_new(o, rg_default_dtype(t) == RG_F64 ? &twin_mlp_f64 : &twin_mlp_f32, rg_params(t), rows))) return 1;
        rg_keep_grads(t, run_by(o, "both"));
    }
    r.history = calloc((size_t)o->epochs + 1, sizeof *r.history);
    r.confusion = calloc((size_t)c->test.classes * (size_t)c->test.classes, sizeof *r.confusion);
    r.start = o->out && c->first ? values_of(c->first) : NULL;
    const rg_build made = rg_info();
    printf("retrograd %s, %s, %s, %d thread%s\n", made.version, made.isa, o->dtype, o->threads, o->threads == 1 ? "" : "s");
    int status = 1;
    if (!r.history || !r.confusion || (o->out && c->first && !r.start)) fprintf(stderr, "out of memory\n");
    else {
        progress_start(&r.bar, stdout, "epoch", o->epochs, rg_loader_steps(r.train));
        r.bar.before = r.first;
        const int epochs = run_epochs(&r);
        if (run_by(o, "manual")) twin_give(r.twin);
        if (epochs >= 0) status = report(&r, epochs);
        if (epochs >= 0 && run_by(o, "both") && twin_report(r.twin, stdout)) status = 1;
    }
    twin_free(r.twin);
    free(r.history);
    free(r.confusion);
    free(r.start);
    return status;
}
