/* chargpt.c - a small transformer that learns to continue a text, character by character: a file of yours, or sums.

   A sum is a line "12+34=46". There are 10,000 sums of two numbers below 100. 1,000 of them are held out; an answer to one of these is
   right if all its characters are. Answers are written as usual, with the first digit first.                                  */
#include <retrograd.h>

#include <math.h>
#include <stdio.h>

#include "tools/common/csv.h"
#include "tools/common/plot.h"
#include "tools/common/progress.h"
#include "tools/common/run.h"
#include "tools/common/text.h"

enum { REPORTS = 20, SHOWN = 5 };
typedef struct gpt { rg_nn *net; text data; int dim, heads, layers, context, length; double dropout, temperature; const char *text,
    *prompt; } gpt;
typedef struct history { double step[REPORTS], loss[REPORTS], right[REPORTS]; int count; } history;

/* codes [batch, n] -> logits [batch, n, classes] */
static rg_nn *make(rg_tape *t, const gpt *g) {
    rg_nn *net = rg_nn_sequential(t, rg_nn_embedding(t, g->data.classes, g->dim, RG_NORMAL(0, .02)),
        rg_nn_positional_embedding(t, g->data.context, g->dim, RG_NORMAL(0, .02)));
    for (int k = 0; k < g->layers; k++)
        rg_nn_add(net, NULL, rg_nn_transformer_block(t, g->dim, g->heads, 4 * g->dim, RG_XAVIER_UNIFORM, .dropout = g->dropout,
            .causal = true));
    rg_nn_add(net, NULL, rg_nn_layer_norm(t, g->dim));
    rg_nn_add(net, NULL, rg_nn_linear(t, g->dim, g->data.classes, RG_XAVIER_UNIFORM));
    return net;
}

/* Percent of the characters held out, or of the answers, that are predicted rightly. */
static double measure(rg_tape *t, gpt *g, int batch) {
    int64_t count[2] = {0, 0};
    rg_nn_eval(g->net);
    for (int64_t first = 0; first < g->data.windows; first += batch) {
        rg_tensor *x, *y;
        const int64_t left = g->data.windows - first;
        text_batch(t, &g->data, NULL, first, left < batch ? (int)left : batch, &x, &y);
        text_right(&g->data, rg_nn_forward(g->net, x), y, count);
        rg_tape_reset(t);
    }
    rg_nn_eval_end(g->net);
    return count[1] ? 100 * (double)count[0] / (double)count[1] : 0;
}

static int train(rg_tape *t, gpt *g, const run_options *o, history *h) {
    const int64_t each = o->steps / REPORTS, warm = o->steps / REPORTS;
    int64_t step = 0;
    rg_optim *optim = rg_optim_adamw(t, rg_nn_params(g->net), .lr = o->lr, .beta2 = .98, .weight_decay = .1);
    rg_state *run = rg_state_new(t);
    rg_state_net(run, NULL, g->net);
    rg_state_optim(run, "optim", optim);
    rg_state_count(run, "step", &step);
    csv *file = run_history(o, (const char *const[]){"step", "loss", "right"}, 3);
    int failed = (o->csv && !file) || run_resume(o, run, NULL);
    progress bar;
    progress_start(&bar, stdout, "part", REPORTS, each);
    bar.before = (int)(step / each);
    for (int part = bar.before; part < REPORTS && !failed; part++) {
        double sum = 0;
        for (int64_t i = 1; i <= each && !rg_error_code(t); i++, step++) {
            rg_tensor *x, *y;
            text_batch(t, &g->data, rg_tape_rng(t), 0, o->batch, &x, &y);
            rg_tensor *loss = rg_cross_entropy(rg_nn_forward(g->net, x), y, .mask = rg_ne(y, TEXT_IGNORED));
            rg_backward(loss);
            sum += rg_item(loss);
            progress_step(&bar, part + 1, i, rg_item(loss));
            rg_clip_grad_norm(t, rg_nn_params(g->net), 1);
            rg_optim_set_lr(optim, step < warm ? rg_lr_linear(o->lr, step + 1, 0, 1, warm) : rg_lr_cosine(o->lr, step - warm,
                o->steps - warm, o->lr / 20));
            rg_optim_step(optim);
            rg_tape_reset(t);
        }
        const double row[] = {(double)step, sum / (double)each, measure(t, g, o->batch)};
        h->step[h->count] = row[0], h->loss[h->count] = row[1], h->right[h->count++] = row[2];
        progress_line(&bar, "step %6.0f   loss %.4f   held out %6.2f%% right   %6.1f s", row[0], row[1], row[2],
            run_seconds() - bar.started);
        failed = rg_error_code(t) || (file && csv_row(file, row)) || run_save(o, run);
    }
    progress_end(&bar);
    return csv_close(file) || failed ? -1 : 0;
}

static int draw(const run_options *o, const history *h) {
    char path[4096];
    const plot_series loss = {.x = h->step, .y = h->loss, .count = (size_t)h->count, .markers = true},
        right = {.x = h->step, .y = h->right, .count = (size_t)h->count, .markers = true};
    const plot_panel panels[] = {{.title = "Loss", .x_label = "step", .series = &loss, .count = 1, .log_y = true},
        {.title = "Held out, percent right", .x_label = "step", .series = &right, .count = 1}};
    return plot_curves(run_path(path, sizeof path, o->out, "loss.png"), "a small transformer", panels, 2) ||
        printf("picture: %s\n", path) < 0;
}

int main(int argc, char **argv) {
    static history h;
    gpt g = {.dim = 48, .heads = 4, .layers = 2, .context = 64, .temperature = .8, .length = 300};
    run_options o = {.steps = 3000, .batch = 64, .lr = 3e-3, .dtype = "f32", .threads = 1, .floor = NAN};
    const option_row own[] = {{"text", OPT_STRING, &g.text, "FILE", "text to learn; default: sums", 0, 0},
        {"prompt", OPT_STRING, &g.prompt, "TEXT",
            "text that the sample continues; default: a line end; without --text: held-out sums", 0, 0},
        {"temperature", OPT_DOUBLE, &g.temperature, "T", "of the sample: above 1 makes it more varied, below 1 less", 1e-3, 1e3},
        {"length", OPT_INT, &g.length, "N", "characters of the sample", 0, TEXT_LENGTH},
        {"context", OPT_INT, &g.context, "N", "characters of a text that the network sees at once", 1, 4096},
        {"layers", OPT_INT, &g.layers, "N", "transformer blocks", 1, 50},
        {"dim", OPT_INT, &g.dim, "N", "features of a character", 1, 4096},
        {"heads", OPT_INT, &g.heads, "N", "heads of attention; N must divide --dim", 1, 4096},
        {"dropout", OPT_DOUBLE, &g.dropout, "P", "share of activations that is dropped while training", 0, .9},
        {"batch", OPT_INT, &o.batch, "N", "windows, or sums, per step", 1, 4096},
        {"steps", OPT_INT64, &o.steps, "N", "training steps, in 20 parts", REPORTS, 1e12},
        {"floor", OPT_DOUBLE, &o.floor, "PERCENT",
            "exit with 1 below this percentage of right answers (default 99 for sums, 0 for a text)", 0, 100},
        {"save", OPT_STRING, &o.save, "FILE", "save the state of the run there after each of the 20 parts", 0, 0}, {0}};
    const int status = run_parse("Teaches a small transformer to continue a text, or to add.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;

    rg_tape *t = run_tape(&o);
    if (text_make(&g.data, g.text, g.context, o.batch, rg_tape_rng(t))) return run_finish(t, 1);
    if (g.text && !g.prompt) g.prompt = "\n";
    if (isnan(o.floor)) o.floor = g.text ? 0 : 99;
    o.steps -= o.steps % REPORTS;
    g.net = make(t, &g);
    printf("%lld characters to train on, %d different ones; %lld parameters\n", (long long)g.data.train, g.data.classes,
        (long long)run_numbers(rg_params(t)));
    int failed = rg_error_code(t) || train(t, &g, &o, &h);
    for (int k = 0; k < (g.prompt ? 1 : SHOWN) && !failed; k++)
        failed = text_print(t, &g.data, g.net, g.prompt, k, g.length, g.temperature);
    const double right = failed ? 0 : measure(t, &g, o.batch);
    if (!failed) printf("held out: %.2f%% right, floor %g%%: %s\n", right, o.floor, right >= o.floor ? "reached" : "NOT reached");
    failed |= !failed && o.out && h.count && draw(&o, &h);
    text_free(&g.data);
    return run_finish(t, failed || right < o.floor);
}
