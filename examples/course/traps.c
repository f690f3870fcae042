/* traps.c - ten traps of the teaching notebooks, each shown in a few numbers. What is said about the numbers is checked. */
#include <retrograd.h>

#include <math.h>

#include "lessons.h"

static rg_tape *begin(void) {
    rg_tape *t = rg_tape_new(0);
    rg_set_default_dtype(t, RG_F64);
    return t;
}

static void end(rg_tape *t) {
    if (rg_error_code(t)) lesson_claim(false, "%s", rg_error(t));
    rg_tape_free(t);
}

static double rms(rg_tensor *x) { return sqrt(rg_item(rg_mean(rg_square(x)))); }
static double furthest(rg_tensor *a, rg_tensor *b) { return rg_item(rg_max(rg_abs(rg_sub(a, b)))); } /* max |a - b| */

/* -------- log(0) */

typedef enum guard { NO_GUARD, ADD_1E15, ADD_1E9, ADD_1E8, CLIP_1E12, LOGSUMEXP, GUARDS } guard;

/* -log p[label] for a row of logits, with p = softmax z guarded against log 0 in the ways that the notebooks use. */
static rg_tensor *guarded_loss(rg_tensor *z, rg_tensor *label, guard g) {
    static const double eps[GUARDS] = {[ADD_1E15] = 1e-15, [ADD_1E9] = 1e-9, [ADD_1E8] = 1e-8, [CLIP_1E12] = 1e-12};
    if (g == LOGSUMEXP) return rg_mean(rg_sub(rg_logsumexp(z, -1), rg_pick(z, label)));
    rg_tape *t = rg_tape_of(z);
    rg_tensor *p = rg_pick(rg_softmax(z, -1), label);
    if (g == CLIP_1E12) p = rg_minimum(rg_maximum(p, rg_full(t, eps[g])), rg_full(t, 1 - eps[g]));
    else if (g != NO_GUARD) p = rg_add(p, eps[g]);
    return rg_neg(rg_mean(rg_log(p)));
}

static double plain(double x) { return isnan(x) ? (double)NAN : x + 0; } /* 0 for -0, nan for -nan */

static void log_of_zero(void) {
    static const char *const names[] = {"none", "log(p + 1e-15)", "log(p + 1e-9)", "log(p + 1e-8)", "clip to 1e-12",
        "logsumexp(z) - z[label]"};
    static const double logits[] = {1e4, -1e4};
    static const int32_t label[] = {1};
    rg_tape *t = begin();
    double loss[GUARDS], slope[GUARDS][2];
    lesson_say("logits (1e4, -1e4), the true class is the second");
    for (guard g = NO_GUARD; g < GUARDS; g++) {
        rg_tensor *z = rg_requires_grad(rg_input(t, logits, 1, 2), true), *l = guarded_loss(z, rg_input(t, label, 1), g), *dz;
        rg_grad(l, rg_list_of(z), &dz);
        loss[g] = rg_item(l);
        rg_copy_out(dz, slope[g], 2);
        lesson_say("%-24s loss %9.4g   dL/dz (%g, %g)", names[g], loss[g], plain(slope[g][0]), plain(slope[g][1]));
    }
    lesson_claim(isinf(loss[NO_GUARD]) && isnan(slope[NO_GUARD][0]), "without a guard the loss is infinite and the gradient not a number");
    bool stuck = true;
    for (guard g = ADD_1E15; g <= CLIP_1E12; g++) stuck = stuck && isfinite(loss[g]) && slope[g][0] == 0 && slope[g][1] == 0;
    lesson_claim(stuck, "with a guard the loss is finite but wrong, and the gradient 0: the worst mistake teaches nothing");
    lesson_claim(loss[LOGSUMEXP] == 2e4 && slope[LOGSUMEXP][0] == 1 && slope[LOGSUMEXP][1] == -1,
        "logsumexp needs no guard: 20000, and softmax - one_hot");
    end(t);
}

/* -------- rows and columns */

static void orientation(void) {
    enum { M = 5, IN = 4, CLASSES = 3 };
    rg_tape *t = begin();
    rg_tensor *x = rg_param(t, "x", RG_NORMAL(0, 1), M, IN), *w = rg_param(t, "w", RG_NORMAL(0, 1), IN, CLASSES),
        *b = rg_param(t, "b", RG_NORMAL(0, 1), CLASSES);
    rg_tensor *rows = rg_add(rg_matmul(x, w), b);                                                           /* [5, 3] */
    rg_tensor *columns = rg_add(rg_matmul(w, x, .transpose_a = true, .transpose_b = true), rg_unsqueeze(b, 1)); /* [3, 5] */
    lesson_say("samples as rows: X W + b is [%d, %d]; as columns: W^T X^T + b is [%d, %d]", M, CLASSES, CLASSES, M);
    lesson_claim(furthest(rows, rg_permute(columns, 1, 0)) < 1e-14, "one is the transpose of the other");
    rg_tensor *right = rg_sum(rg_softmax(rows, 1), 1), *wrong = rg_sum(rg_softmax(rows, 0), 1); /* [5] */
    lesson_claim(furthest(right, rg_full_like(right, 1)) < 1e-14 && furthest(wrong, rg_full_like(wrong, 1)) > .1,
        "softmax over the wrong axis: a sample's probabilities add up to as much as %.3f", rg_item(rg_max(wrong)));
    lesson_claim(rg_numel(rg_argmax(rows, 1)) == M && rg_numel(rg_argmax(rows, 0)) == CLASSES,
        "argmax(axis=1) answers for %d samples; argmax(axis=0) tells for each of %d classes which sample has most of it", M, CLASSES);
    rg_tensor *square = rg_matmul(w, rg_slice(x, 0, 0, CLASSES), .transpose_a = true, .transpose_b = true), *silent = rg_add(square, b),
        *meant = rg_add(square, rg_unsqueeze(b, 1));
    lesson_claim(!rg_failed(silent) && furthest(silent, meant) > .1,
        "with as many samples as classes a bias [3] added to columns [3, 3] raises no error: it is off by %.2f",
        furthest(silent, meant));
    end(t);
}

/* -------- the last batch */

static int64_t steps(rg_tape *t, int64_t n, int64_t batch, bool drop) {
    rg_tensor *x = rg_buffer_of(t, "x", RG_U8, NULL, n, 1), *y = rg_buffer_of(t, "y", RG_U8, NULL, n);
    return rg_loader_steps(rg_loader_new(t, x, y, .batch = batch, .drop_last = drop));
}

static void remainder_of_epoch(void) {
    static const struct { int64_t n, batch, published; bool drop; } run[] = {
        {50000, 128, 391, false}, {60000, 128, 469, false}, {60000, 64, 938, false}, {60000, 64, 937, true}};
    rg_tape *t = begin();
    bool same = true;
    for (int i = 0; i < 4; i++) {
        const int64_t s = steps(t, run[i].n, run[i].batch, run[i].drop);
        lesson_say("%lld images in batches of %3lld, last batch %s: %lld steps, %lld images unseen", (long long)run[i].n,
            (long long)run[i].batch, run[i].drop ? "dropped" : "kept   ", (long long)s,
            (long long)(run[i].drop ? run[i].n - s * run[i].batch : 0));
        same = same && s == run[i].published;
    }
    lesson_claim(same, "these are the four step counts that were published: the same data, another number of steps");

    enum { N = 10, BATCH = 4 };
    double value[N], sum = 0, mean_of_means = 0;
    for (int i = 0; i < N; i++) sum += value[i] = i;
    rg_tensor *all = rg_buffer(t, "values", value, N, 1), *x, *y;
    rg_loader *batches = rg_loader_new(t, all, all, .batch = BATCH);
    while (rg_loader_next(batches, &x, &y)) mean_of_means += rg_item(rg_mean(x)) / (double)rg_loader_steps(batches);
    lesson_claim(mean_of_means != sum / N,
        "and the mean of batch means is not the mean: losses 0 .. 9 in batches of 4, 4, 2 give %.3f, not %.3f", mean_of_means, sum / N);
    end(t);
}

/* -------- half the sum */

static void half_sum(void) {
    static const double X[] = {0, 0, 0, 1, 1, 0, 1, 1}, Y[] = {0, 1, 1, 0};
    static const char *const names[] = {"W1", "b1", "W2", "b2"};
    rg_tape *t = begin();
    rg_tensor *p[] = {rg_param(t, "W1", RG_UNIFORM(0, 1), 2, 2), rg_param(t, "b1", RG_UNIFORM(0, 1), 2),
        rg_param(t, "W2", RG_UNIFORM(0, 1), 2, 1), rg_param(t, "b2", RG_UNIFORM(0, 1), 1)};
    rg_tensor *h = rg_sigmoid(rg_add(rg_matmul(rg_input(t, X, 4, 2), p[0]), p[1])), *o = rg_sigmoid(rg_add(rg_matmul(h, p[2]), p[3]));
    rg_tensor *error = rg_sub(o, rg_input(t, Y, 4, 1)), *by_half[4], *by_mean[4];
    rg_grad(rg_mul(rg_sum(rg_square(error)), .5), rg_list_of_n(4, p), by_half);
    rg_grad(rg_mean(rg_square(error)), rg_list_of_n(4, p), by_mean);
    bool twice = true;
    for (int i = 0; i < 4; i++) {
        lesson_say("|d%s|: %.6f from sum (y - o)^2 / 2, %.6f from mean (y - o)^2", names[i], rms(by_half[i]), rms(by_mean[i]));
        twice = twice && furthest(by_half[i], rg_mul(by_mean[i], 2)) < 1e-15;
    }
    lesson_claim(twice,
        "the 2-2-1 network prints a mean and descends half a sum: m / 2 = 2 times the gradient, "
        "so its rate 0.1 is 0.2 for the printed loss");
    end(t);
}

/* -------- the regulariser */

enum { SAMPLES = 5, FEATURES = 3, UNITS = 4 };
static const double lambda = .1;
typedef struct ridge { rg_tensor *x, *y; } ridge;

static rg_tensor *data_loss(void *ctx, rg_tensor *const *w) {
    const ridge *r = ctx;
    return rg_cross_entropy(rg_matmul(rg_relu(rg_matmul(r->x, w[0])), w[1]), r->y);
}

static rg_tensor *objective(void *ctx, rg_tensor *const *w) {
    return rg_add(data_loss(ctx, w), rg_mul(rg_add(rg_sum(rg_square(w[0])), rg_sum(rg_square(w[1]))), lambda));
}

static void regulariser(void) {
    static const int32_t labels[SAMPLES] = {0, 1, 1, 0, 1};
    rg_tape *t = begin();
    ridge r = {rg_buffer_of(t, "x", RG_F64, NULL, SAMPLES, FEATURES), rg_buffer(t, "y", labels, SAMPLES)};
    rg_tensor *w[] = {rg_param(t, "w1", RG_HE_NORMAL, FEATURES, UNITS), rg_param(t, "w2", RG_HE_NORMAL, UNITS, 2)}, *g[2], *lost[2];
    rg_init_fill(r.x, RG_NORMAL(0, 1));
    rg_grad(objective(&r, w), rg_list_of_n(2, w), g);
    rg_grad(data_loss(&r, w), rg_list_of_n(2, w), lost);
    const rg_check check = rg_gradcheck(objective, &r, rg_list_of_n(2, w), .order = 1);
    bool missing = true, slip = true;
    for (int k = 0; k < 2; k++) {
        rg_tensor *shrink = rg_mul(w[k], 2 * lambda);
        lesson_say("w%d: |gradient| %.4f, without the regulariser's part %.4f, the part |2 lambda w| %.4f", k + 1, rms(g[k]), rms(lost[k]),
            rms(shrink));
        missing = missing && furthest(g[k], rg_add(lost[k], shrink)) < 1e-15;
        slip = slip && furthest(g[k], rg_add(lost[k], 2 * lambda)) > .01;
    }
    lesson_claim(check.failed == RG_CHECK_PASSED, "the tape's gradient of J is that of finite differences (%lld elements, error %.1e)",
        (long long)check.checked, check.error);
    lesson_claim(missing, "the pseudocode of the k-layer network loses exactly 2 lambda w");
    lesson_claim(slip, "and 2 lambda without the w, as one line of the derivation has it, is another gradient");
    end(t);
}

/* -------- "Xavier" */

enum { DEPTH = 5 };

/* How large a signal of size 1 is after five layers [784, 784] with relu. */
static double after_layers(rg_init init) {
    enum { WIDTH = 784, ROWS = 16 };
    rg_tape *t = begin();
    rg_tensor *x = rg_param(t, "x", RG_NORMAL(0, 1), ROWS, WIDTH);
    for (int i = 0; i < DEPTH; i++) x = rg_relu(rg_matmul(x, rg_param(t, NULL, init, WIDTH, WIDTH)));
    const double size = rms(x);
    end(t);
    return size;
}

static void xavier(void) {
    static const char *const names[] = {"N(0, 0.02), \"Xavier\"", "N(0, 1/n), \"Xavier\"", "Xavier, 2/(in + out)", "He, 2/in"};
    const rg_init inits[] = {RG_NORMAL(0, .02), RG_LECUN_NORMAL, RG_XAVIER_NORMAL, RG_HE_NORMAL};
    double std[4], size[4];
    lesson_say("size: the root mean square of 16 samples of 784 numbers, 1 before the first layer");
    for (int i = 0; i < 4; i++) {
        rg_tape *t = begin();
        std[i] = rms(rg_param(t, "w", inits[i], 784, 128));
        end(t);
        size[i] = after_layers(inits[i]);
        lesson_say("%-22s std of weights [784, 128] %.4f   size after %d relu layers [784, 784] %.4f", names[i], std[i], DEPTH, size[i]);
    }
    lesson_claim(fabs(std[0] / std[2] - 1) > .5, "N(0, 0.02) is not Xavier's initialisation of [784, 128]: that has std %.4f",
        sqrt(2. / (784 + 128)));
    lesson_claim(fabs(std[1] / std[2] - 1) > .2, "N(0, 1/n) is LeCun's, not Xavier's: it leaves out the outputs");
    lesson_claim(size[0] < .02 && size[3] > .5 && size[3] < 2,
        "only He's keeps the size of a signal through relu; at 0.02 it is nearly gone after %d layers", DEPTH);
}

/* -------- a network on drawn digits, for the next two */

typedef struct outcome { double first, last, slope, accuracy; } outcome;
enum { PIXELS = 784, HIDDEN = 128, CLASSES = 10, IMAGES = 6400, TEST = 1000, BATCH = 64 };

/* One epoch of 784-128-10; divisor as in rg_loader_options, std1 and std2 of the weights. slope: |dW1| at the start. */
static outcome learn(double divisor, double std1, double std2, bool adam, double lr) {
    rg_tape *t = rg_tape_new(0);
    const rg_dataset train = rg_make_digits(t, IMAGES), test = rg_make_digits(t, TEST);
    rg_tensor *w1 = rg_param(t, "w1", RG_NORMAL(0, std1), PIXELS, HIDDEN), *b1 = rg_param(t, "b1", RG_ZEROS, HIDDEN), *x, *y;
    rg_tensor *w2 = rg_param(t, "w2", RG_NORMAL(0, std2), HIDDEN, CLASSES), *b2 = rg_param(t, "b2", RG_ZEROS, CLASSES);
    rg_optim *optim = adam ? rg_optim_adam(t, rg_params(t), .lr = lr)
                           : rg_optim_sgd(t, rg_params(t), .lr = lr);
    rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = BATCH, .divisor = divisor, .shuffle = true);
    rg_loader *all = rg_loader_new(t, test.x, test.y, .batch = TEST, .divisor = divisor);
    outcome o = {0};
    for (int step = 0; rg_loader_next(batches, &x, &y); step++) {
        rg_tensor *loss = rg_cross_entropy(rg_linear(rg_relu(rg_linear(x, w1, b1)), w2, b2), y);
        rg_backward(loss);
        if (step == 0) o.first = rg_item(loss), o.slope = rms(rg_grad_of(w1));
        o.last = rg_item(loss);
        rg_optim_step(optim);
        rg_tape_reset(t);
    }
    rg_loader_next(all, &x, &y);
    o.accuracy = 100 * rg_accuracy(rg_linear(rg_relu(rg_linear(x, w1, b1)), w2, b2), y);
    end(t);
    return o;
}

static void say_data(void) {
    lesson_say("%d-%d-%d on digits that the program draws: %d to learn from in batches of %d, %d to test", PIXELS, HIDDEN, CLASSES, IMAGES,
        BATCH, TEST);
}

static void pixels(void) {
    const double he1 = sqrt(2. / PIXELS), he2 = sqrt(2. / HIDDEN);
    const outcome raw = learn(1, he1, he2, true, .001), scaled = learn(255, he1, he2, true, .001);
    say_data();
    lesson_say("pixels 0 .. 255: first loss %8.3f, |dW1| %.5f, after an epoch %5.1f%% right", raw.first, raw.slope, raw.accuracy);
    lesson_say("pixels 0 .. 1:   first loss %8.3f, |dW1| %.5f, after an epoch %5.1f%% right", scaled.first, scaled.slope, scaled.accuracy);
    lesson_claim(raw.first > 20 * log(CLASSES) && scaled.first < 2 * log(CLASSES),
        "guessing costs ln 10 = %.3f: a first loss far above it says that the inputs are not scaled", log(CLASSES));
    lesson_claim(raw.slope > 20 * scaled.slope, "the first gradients are %.0f times as large, and no learning rate fits both",
        raw.slope / scaled.slope);
}

static void initialisation(void) {
    const double std[2][2] = {{sqrt(2. / PIXELS), sqrt(2. / HIDDEN)}, {1 / sqrt(2. / PIXELS), 1 / sqrt(2. / HIDDEN)}};
    outcome o[2];
    say_data();
    for (int i = 0; i < 2; i++) {
        o[i] = learn(255, std[i][0], std[i][1], false, .01);
        lesson_say("randn %c sqrt(2 / n): std %7.4f and %6.4f, first loss %8.2f, after an epoch of SGD %5.1f%% right", i ? '/' : '*',
            std[i][0], std[i][1], o[i].first, o[i].accuracy);
    }
    lesson_claim(fabs(std[1][0] - 19.80) < .005 && fabs(std[1][1] - 8) < .005,
        "dividing makes the weights n / 2 times too large: sqrt(n / 2) instead of sqrt(2 / n)");
    lesson_say("the notebook's guard hides it: -log(p + 1e-9) never shows more than %.1f", -log(1e-9));
    lesson_claim(o[1].first > 50 * o[0].first, "so the first loss is %.0f times that of guessing, ln 10", o[1].first / log(CLASSES));
}

/* -------- sigmoid' */

static void sigmoid_slope(void) {
    static const double at[] = {-3, -1, 0, 1, 3};
    enum { N = 5 };
    double slope[4][N];
    rg_tape *t = begin();
    rg_tensor *z = rg_requires_grad(rg_input(t, at, N), true), *o = rg_sigmoid(z), *one = rg_full_like(z, 1), *s = rg_sigmoid(o), *tape;
    rg_grad(rg_sum(o), rg_list_of(z), &tape);
    rg_copy_out(tape, slope[0], N);
    rg_copy_out(rg_mul(o, rg_sub(one, o)), slope[1], N);
    rg_copy_out(rg_mul(z, rg_sub(one, z)), slope[2], N);
    rg_copy_out(rg_mul(s, rg_sub(one, s)), slope[3], N);
    lesson_say("%4s  %10s  %10s  %10s  %12s", "z", "tape", "o (1 - o)", "z (1 - z)", "s(o)(1-s(o))");
    bool same = true, other = true, negative = false;
    for (int i = 0; i < N; i++) {
        lesson_say("%4g  %10.4f  %10.4f  %10.4f  %12.4f", at[i], slope[0][i], slope[1][i], slope[2][i], slope[3][i]);
        same = same && fabs(slope[0][i] - slope[1][i]) < 1e-15;
        other = other && fabs(slope[0][i] - slope[2][i]) > .01 && fabs(slope[0][i] - slope[3][i]) > .01;
        negative = negative || slope[2][i] < 0;
    }
    lesson_claim(same, "o (1 - o) wants the output o = sigmoid(z)");
    lesson_claim(other && negative,
        "given z, or given o and taking the sigmoid once more, it is no derivative: sigmoid never falls, z (1 - z) is negative");
    end(t);
}

/* -------- at 0 */

/* The published perceptron: online, 100 rounds, rate 0.1, from zeros. answer[i] for 00, 01, 10, 11. */
static void perceptron(bool one_at_zero, int answer[4], double w[3]) {
    static const double X[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, Y[4] = {0, 1, 1, 0};
    w[0] = w[1] = w[2] = 0;
    for (int round = 0; round <= 100; round++)
        for (int i = 0; i < 4; i++) {
            const double z = w[0] * X[i][0] + w[1] * X[i][1] + w[2], error = Y[i] - (answer[i] = one_at_zero ? z >= 0 : z > 0);
            if (round == 100) continue; /* the last one only answers */
            w[0] += .1 * error * X[i][0], w[1] += .1 * error * X[i][1], w[2] += .1 * error;
        }
}

static void at_zero(void) {
    rg_tape *t = begin();
    rg_tensor *z = rg_requires_grad(rg_full(t, 0), true), *zero = rg_full(t, 0), *relu, *maximum;
    rg_grad(rg_relu(z), rg_list_of(z), &relu);
    rg_grad(rg_maximum(z, zero), rg_list_of(z), &maximum);
    lesson_say("step(0) = %g for z >= 0; the mask z > 0 is %g; the tape: relu'(0) = %g, and max(z, 0) shares a tie: %g",
        1 - rg_item(rg_gt(zero, z)), rg_item(rg_gt(z, zero)), rg_item(relu), rg_item(maximum));
    lesson_claim(rg_item(relu) == 0 && rg_item(rg_gt(z, zero)) == 0 && rg_item(maximum) == .5,
        "step(0) is 1 and relu'(0) is 0: a mask z >= 0 passes a gradient on where relu's has none");
    int a[2][4];
    double w[2][3];
    for (int i = 0; i < 2; i++) {
        perceptron(i == 0, a[i], w[i]);
        lesson_say("perceptron on XOR, step(0) = %d: output [%d %d %d %d], w = [%.1f, %.1f], b = %.1f", i == 0, a[i][0], a[i][1], a[i][2],
            a[i][3], w[i][0], w[i][1], w[i][2]);
    }
    lesson_claim(a[0][0] == 1 && a[0][1] == 1 && a[0][2] == 0 && a[0][3] == 0 && fabs(w[0][2]) < 1e-12 && fabs(w[1][2]) > .05,
        "output [1 1 0 0] either way, as published; the published bias 0.0 comes from step(0) = 1");
    end(t);
}

int main(int argc, char **argv) {
    static const lesson table[] = {
        {"log-of-zero", "log(0): without a guard, with each of four guards, and with logsumexp, which needs none", log_of_zero},
        {"orientation", "samples as rows, samples as columns", orientation},
        {"remainder", "the last batch, kept or dropped", remainder_of_epoch},
        {"half-sum", "training on half the sum of squares while the mean is printed", half_sum},
        {"regulariser", "the gradient of a regulariser, left out", regulariser},
        {"xavier", "\"Xavier\" on N(0, 0.02)", xavier},
        {"pixels", "pixels that were not divided by 255", pixels},
        {"initialisation", "divided by sqrt(2 / n) instead of multiplied", initialisation},
        {"sigmoid-slope", "a formula for sigmoid' that takes the output, given the input", sigmoid_slope},
        {"at-zero", "step(0) = 1, relu'(0) = 0", at_zero},
        {0}};
    return lessons_run("Shows the mistakes of the teaching notebooks in numbers, and checks each statement about them.", table, argc, argv);
}
