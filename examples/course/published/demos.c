/* demos.c - the small systems of 004, which take no data and no time: perceptron, softmax, cross-entropy, one-hot, initial weights. */
#include <math.h>
#include <stdio.h>

#include "numbers.h"
#include <retrograd.h>
#include "systems.h"

static rg_tape *tape_f64(uint64_t seed) { /* NumPy computes in doubles */
    rg_tape *t = rg_tape_new(seed);
    rg_set_default_dtype(t, RG_F64);
    return t;
}

static int finish(rg_tape *t) {
    const int failed = rg_error_code(t) ? -1 : 0;
    rg_tape_free(t);
    return failed;
}

/* -------- perceptron */

static const double inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, xor_of[4] = {0, 1, 1, 0};

/* 1 where z >= 0: the step of the perceptron takes 0 upwards, where relu's slope at 0 is 0 */
static rg_tensor *step(rg_tensor *z) { return rg_sub(1, rg_gt(0, z)); }

/* z = x . w + b */
static rg_tensor *weigh(rg_tape *t, const double x[2], rg_tensor *w, rg_tensor *b) {
    return rg_add(rg_sum(rg_mul(rg_input(t, x, 2), w)), b); /* [1] */
}

/* The perceptron rule w += lr (y - step(z)) x is gradient descent on the perceptron criterion -(y - step(z)) z, in which the
   step is a constant: it has no slope to go down. */
int perceptron(report *r, const settings *s) {
    (void)s;
    rg_tape *t = tape_f64(0);
    rg_tensor *w = rg_param(t, "w", RG_ZEROS, 2), *b = rg_param(t, "b", RG_ZEROS, 1);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = 0.1);
    for (int pass = 0; pass < 100; pass++)
        for (int i = 0; i < 4; i++) {
            rg_tensor *z = weigh(t, inputs[i], w, b), *wrong = rg_sub(rg_full(t, xor_of[i]), step(z));
            rg_backward(rg_neg(rg_mul(wrong, z)));
            rg_optim_step(sgd);
            rg_tape_reset(t);
        }
    int right = 0;
    for (int i = 0; i < 4; i++) {
        char name[40];
        const double output = rg_item(step(weigh(t, inputs[i], w, b)));
        snprintf(name, sizeof name, "output for %g %g", inputs[i][0], inputs[i][1]);
        report_row(r, name, output, perceptron_output[i], 0, 0);
        right += output == xor_of[i];
    }
    double weights[2] = {NAN, NAN};
    rg_copy_out(w, weights, 2);
    report_row(r, "percent right", 100.0 * right / 4, perceptron_accuracy, 0, 1);
    report_row(r, "w[0]", weights[0], perceptron_weights[0], 0, 1);
    report_row(r, "w[1]", weights[1], perceptron_weights[1], 0, 1);
    report_row(r, "b", rg_item(b), perceptron_bias, 0, 1);
    return finish(t);
}

/* -------- softmax */

int softmax_demo(report *r, const settings *s) {
    (void)s;
    rg_tape *t = tape_f64(0);
    rg_tensor *p = rg_softmax(rg_input(t, softmax_logits, 5), 0);
    double values[5] = {0};
    rg_copy_out(p, values, 5);
    for (int i = 0; i < 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "softmax of %4.1f", softmax_logits[i]);
        report_row(r, name, values[i], softmax_output[i], report_printed(3), 3);
    }
    report_row(r, "sum", rg_item(rg_sum(p)), softmax_sum, report_printed(2), 2);
    return finish(t);
}

/* -------- cross-entropy */

enum { CASES = 3, CLASSES = 4, RIGHT = 2 };

int cross_entropy_cases(report *r, const settings *s) {
    (void)s;
    rg_tape *t = tape_f64(0);
    double p[CASES][CLASSES], loss[CASES] = {0};
    for (int i = 0; i < CASES; i++)
        for (int k = 0; k < CLASSES; k++) p[i][k] = k == RIGHT ? case_probability[i] : (1 - case_probability[i]) / (CLASSES - 1);
    rg_tensor *labels = rg_input(t, ((const int32_t[CASES]){RIGHT, RIGHT, RIGHT}), CASES);
    rg_copy_out(rg_neg(rg_log(rg_pick(rg_input(t, p, CASES, CLASSES), labels))), loss, CASES);
    for (int i = 0; i < CASES; i++) {
        char name[40];
        for (int k = 0; k < CLASSES; k++) {
            snprintf(name, sizeof name, "case %c, p[%d]", 'A' + i, k);
            report_row(r, name, p[i][k], case_output[i][k], report_printed(4), 4);
        }
        snprintf(name, sizeof name, "case %c, loss", 'A' + i);
        report_row(r, name, loss[i], case_loss[i], report_printed(4), 4);
    }
    return finish(t);
}

/* -------- one-hot */

int one_hot_demo(report *r, const settings *s) {
    (void)s;
    enum { LABELS = 5, OF = 10 };
    rg_tape *t = tape_f64(0);
    double rows[LABELS][OF] = {{0}};
    rg_copy_out(rg_one_hot(rg_input(t, one_hot_labels, LABELS), OF), rows, LABELS * OF);
    for (int i = 0; i < LABELS; i++) {
        char text[2 * OF + 1];
        bool same = true;
        for (int k = 0; k < OF; k++) {
            snprintf(text + 2 * k, 3, " %.0f", rows[i][k]);
            same = same && rows[i][k] == one_hot_rows[i][k];
        }
        report_check(r, same, "label %d: [%s]", one_hot_labels[i], text + 1);
    }
    return finish(t);
}

/* -------- initial weights */

/* Draws w and compares its standard deviation as printed. A sample of n misses its own mean by std / sqrt(n) and its standard
   deviation by std / sqrt(2n); three of these are allowed beyond what the printed digits leave open. */
static void draw(report *r, rg_tape *t, const char *name, rg_init init, double std_published, const double *mean_published) {
    enum { IN = 784, OUT = 128, N = IN * OUT, DECIMALS = 4 };
    rg_tensor *w = rg_param(t, name, init, IN, OUT);
    const double mean = rg_item(rg_mean(w)), std = sqrt(rg_item(rg_mean(rg_square(rg_sub(w, rg_mean(w))))));
    const double mean_error = std / sqrt(N), std_error = std / sqrt(2. * N);
    char label[40];
    snprintf(label, sizeof label, "%s, std", name);
    report_row(r, label, std, std_published, report_printed(DECIMALS) + 3 * std_error, DECIMALS);
    snprintf(label, sizeof label, "%s, mean", name);
    if (mean_published) report_row(r, label, mean, *mean_published, report_printed(DECIMALS) + 3 * mean_error, DECIMALS);
    else report_check(r, fabs(mean) <= 3 * mean_error, "%s, mean %.6f, within three sampling errors of 0, %.6f", name, fabs(mean),
        3 * mean_error);
}

int initial_weights(report *r, const settings *s) {
    (void)s;
    rg_tape *t = tape_f64(0);
    draw(r, t, "zeros", RG_ZEROS, init_std_zeros, NULL);
    draw(r, t, "normal times .01", RG_NORMAL(0, 0.01), init_std_normal, &init_mean_normal);
    draw(r, t, "Xavier by fan_in alone", RG_LECUN_NORMAL, init_std_xavier, NULL);
    draw(r, t, "He", RG_HE_NORMAL, init_std_he, NULL);
    report_note("The published \"Xavier\" is N(0, sqrt(1 / n_in)), which is LeCun's; Glorot's has 2 / (n_in + n_out).");
    return finish(t);
}
