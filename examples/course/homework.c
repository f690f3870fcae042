/* homework.c - the questions that the notebook leaves to its reader, answered in numbers. What is said about the numbers is checked. */
#include <retrograd.h>

#include <math.h>
#include <stdio.h>

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

/* -------- 1 and 3: activations and the initialisers that suit them */

typedef rg_tensor *(*activation)(rg_tensor *z);
static rg_tensor *sigmoid(rg_tensor *z) { return rg_sigmoid(z); }
static rg_tensor *hyperbolic(rg_tensor *z) { return rg_tanh(z); }
static rg_tensor *relu(rg_tensor *z) { return rg_relu(z); }
static rg_tensor *leaky_relu(rg_tensor *z) { return rg_where(rg_gt(z, 0), z, rg_mul(z, .01)); }
static rg_tensor *gelu(rg_tensor *z) { return rg_mul(z, rg_mul(rg_add(rg_erf(rg_mul(z, sqrt(.5))), 1), .5)); }
static rg_tensor *silu(rg_tensor *z) { return rg_mul(z, rg_sigmoid(z)); }
static rg_tensor *softmax(rg_tensor *z) { return rg_softmax(z, -1); }
/* Klambauer et al. 2017: the two numbers make mean 0 and variance 1 a fixed point. */
static rg_tensor *selu(rg_tensor *z) {
    rg_tensor *below = rg_mul(rg_sub(rg_exp(rg_minimum(z, 0)), 1), 1.6732632423543772);
    return rg_mul(rg_where(rg_gt(z, 0), z, below), 1.0507009873554805);
}

/* How much still tells samples apart after ten layers of 256: the standard deviation over the samples, averaged over the units. */
static double spread(activation f, rg_init init) {
    enum { ROWS = 64, WIDTH = 256, DEPTH = 10 };
    rg_tape *t = begin();
    rg_tensor *x = rg_param(t, "x", RG_NORMAL(0, 1), ROWS, WIDTH);
    for (int i = 0; i < DEPTH; i++) x = f(rg_matmul(x, rg_param(t, NULL, init, WIDTH, WIDTH)));
    const double s = sqrt(rg_item(rg_mean(rg_square(rg_sub(x, rg_mean_keep(x, 0))))));
    end(t);
    return s;
}

static void say_spread(void) {
    lesson_say("signal: the standard deviation of a unit over 64 samples, 1 in the input; here after 10 layers of 256 units");
}

static void initialisers(void) {
    const double sx = spread(sigmoid, RG_XAVIER_NORMAL), sl = spread(sigmoid, RG_LECUN_NORMAL);
    const double ux = spread(selu, RG_XAVIER_NORMAL), ul = spread(selu, RG_LECUN_NORMAL);
    say_spread();
    lesson_say("%-8s  Xavier %.2e   LeCun %.2e", "sigmoid", sx, sl);
    lesson_say("%-8s  Xavier %.2e   LeCun %.2e", "SELU", ux, ul);
    lesson_claim(ul > .5 && ul < 2, "SELU with LeCun's initialisation normalises itself (in square layers Xavier's is the same)");
    lesson_claim(sx < 1e-3 && sl < 1e-3, "sigmoid loses the signal with either: its slope is at most 1/4");
}

static rg_tensor *apply(void *f, rg_tensor *const *in) { return (*(activation *)f)(in[0]); }

static double check(activation f, rg_verdict *verdict) {
    rg_tape *t = begin();
    rg_tensor *z = rg_param(t, "z", RG_NORMAL(0, 2), 8, 4);
    const rg_check c = rg_gradcheck(apply, &f, rg_list_of(z), .order = 1);
    end(t);
    *verdict = c.failed;
    return c.error;
}

static void activations(void) {
    const struct { const char *name, *init; activation f; rg_init with; } row[] = {
        {"relu", "He", relu, RG_HE_NORMAL},
        {"leaky relu", "He", leaky_relu, RG_HE_NORMAL},
        {"GELU", "He", gelu, RG_HE_NORMAL},
        {"SiLU", "He", silu, RG_HE_NORMAL},
        {"tanh", "Xavier", hyperbolic, RG_XAVIER_NORMAL},
        {"sigmoid", "Xavier", sigmoid, RG_XAVIER_NORMAL},
        {"softmax", "Xavier", softmax, RG_XAVIER_NORMAL}};
    enum { N = sizeof row / sizeof row[0] };
    double left[N];
    bool right = true;
    say_spread();
    for (int i = 0; i < N; i++) {
        rg_verdict verdict;
        const double error = check(row[i].f, &verdict);
        left[i] = spread(row[i].f, row[i].with);
        right = right && verdict == RG_CHECK_PASSED;
        lesson_say("%-10s with %-6s  signal %.2e   derivative: %s, error %.1e", row[i].name, row[i].init, left[i],
            rg_verdict_name(verdict), error);
    }
    lesson_claim(right, "composed of ops, each has its derivative: finite differences agree");
    lesson_claim(left[0] > .1 && left[1] > .1 && left[4] > .1,
        "with He's initialisation relu and leaky relu leave %.0f%% of the signal and %.0f%%, with Xavier's tanh %.0f%%: more than a tenth",
        100 * left[0],
        100 * left[1], 100 * left[4]);
    lesson_claim(left[5] < 1e-3 && left[6] < 1e-3, "of sigmoid and softmax less than a thousandth is left: they belong at the output");
}

/* -------- 2: Linear */

static rg_tensor *linear_loss(void *g, rg_tensor *const *in) {
    rg_tensor *y = rg_add(rg_matmul(in[0], in[1]), in[2]);
    return rg_sum(rg_mul(y, (rg_tensor *)g)); /* so that dL/dy = g */
}

static void linear(void) {
    enum { M = 5, IN = 4, OUT = 3 };
    rg_tape *t = begin();
    rg_tensor *in[] = {rg_param(t, "x", RG_NORMAL(0, 1), M, IN), rg_param(t, "W", RG_NORMAL(0, 1), IN, OUT),
        rg_param(t, "b", RG_NORMAL(0, 1), OUT)};
    rg_tensor *g = rg_buffer_of(t, "g", RG_F64, NULL, M, OUT), *dx[3];
    rg_init_fill(g, RG_NORMAL(0, 1));
    rg_grad(linear_loss(g, in), rg_list_of_n(3, in), dx);
    rg_tensor *hand[] = {rg_matmul(g, in[1], .transpose_b = true), rg_matmul(in[0], g, .transpose_a = true), rg_sum(g, 0)};
    static const char *const names[] = {"dx = g W^T ", "dW = x^T g ", "db = sum g "};
    bool same = true;
    for (int i = 0; i < 3; i++) {
        const double off = rg_item(rg_max(rg_abs(rg_sub(dx[i], hand[i]))));
        lesson_say("%s %lld numbers, |tape - formula| at most %.1e", names[i], (long long)rg_numel(dx[i]), off);
        same = same && off < 1e-14;
    }
    const rg_check c = rg_gradcheck(linear_loss, g, rg_list_of_n(3, in), .order = 1);
    lesson_claim(same, "y_ij = sum_k x_ik W_kj + b_j, so dL/dx_ik = sum_j g_ij W_kj: g W^T");
    lesson_claim(c.failed == RG_CHECK_PASSED, "finite differences agree on all %lld numbers, error %.1e", (long long)c.checked, c.error);
    end(t);
}

/* -------- 4: losses of a logit z for a label y of 0 or 1 */

typedef rg_tensor *(*loss_fn)(rg_tensor *z, rg_tensor *y);
/* (2 y - 1) z: how far on the right side */
static rg_tensor *margin(rg_tensor *z, rg_tensor *y) { return rg_mul(rg_sub(rg_mul(y, 2), 1), z); }
static rg_tensor *mse(rg_tensor *z, rg_tensor *y) { return rg_mse(rg_sigmoid(z), y); }
static rg_tensor *bce(rg_tensor *z, rg_tensor *y) { return rg_mean(rg_sub(rg_softplus(z), rg_mul(y, z))); }
static rg_tensor *hinge(rg_tensor *z, rg_tensor *y) { return rg_mean(rg_relu(rg_sub(1, margin(z, y)))); }
static rg_tensor *focal(rg_tensor *z, rg_tensor *y) { /* -(1 - p)^2 log p, p = sigmoid of the margin: Lin et al. 2017 */
    rg_tensor *s = rg_neg(margin(z, y));
    return rg_mean(rg_mul(rg_square(rg_sigmoid(s)), rg_softplus(s)));
}
static rg_tensor *huber(rg_tensor *z, rg_tensor *y) { /* d^2 / 2, beyond 1: |d| - 1/2 */
    rg_tensor *d = rg_abs(rg_sub(z, y));
    return rg_mean(rg_where(rg_gt(d, 1), rg_sub(d, .5), rg_mul(rg_square(d), .5)));
}
static rg_tensor *as_labels(rg_tensor *y) { return rg_cast(rg_detach(y), RG_I32); }
/* (0, z): their softmax is (1 - sigmoid z, sigmoid z) */
static rg_tensor *two_logits(rg_tensor *z) { return rg_concat(1, rg_unsqueeze(rg_full_like(z, 0), 1), rg_unsqueeze(z, 1)); }
static rg_tensor *sparse(rg_tensor *z, rg_tensor *y) { return rg_cross_entropy(two_logits(z), as_labels(y)); }
static rg_tensor *categorical(rg_tensor *z, rg_tensor *y) {
    rg_tensor *target = rg_one_hot(as_labels(y), 2);
    return rg_neg(rg_mean(rg_sum(rg_mul(target, rg_log_softmax(two_logits(z), -1)), 1)));
}

typedef struct labelled { loss_fn f; rg_tensor *y; } labelled;
static rg_tensor *of_logits(void *ctx, rg_tensor *const *in) { const labelled *l = ctx; return l->f(in[0], l->y); }

static void losses(void) {
    const struct { const char *name; loss_fn f; } row[] = {{"MSE of sigmoid", mse}, {"BCE", bce}, {"sparse categorical CE", sparse},
        {"categorical CE", categorical}, {"hinge", hinge}, {"Huber", huber}, {"focal", focal}};
    enum { N = sizeof row / sizeof row[0] };
    static const double wrong = -10, yes = 1, z0[] = {-2.5, -.7, .3, .6, 1.8, 3.1}, y0[] = {0, 1, 0, 1, 1, 0};
    double slope[N], value[N];
    bool right = true;
    rg_tape *t = begin();
    lesson_say("z = -10 where y = 1: confidently wrong");
    for (int i = 0; i < N; i++) {
        rg_tensor *z = rg_requires_grad(rg_input(t, &wrong, 1), true), *l = row[i].f(z, rg_input(t, &yes, 1)), *dz;
        rg_grad(l, rg_list_of(z), &dz);
        value[i] = rg_item(l), slope[i] = rg_item(dz);
        rg_tensor *many = rg_requires_grad(rg_input(t, z0, 6), true);
        labelled ctx = {row[i].f, rg_input(t, y0, 6)};
        const rg_check c = rg_gradcheck(of_logits, &ctx, rg_list_of(many), .order = 1);
        right = right && c.failed == RG_CHECK_PASSED;
        lesson_say("%-22s loss %8.4f   dL/dz %9.6f   derivative: %s", row[i].name, value[i], slope[i], rg_verdict_name(c.failed));
    }
    lesson_claim(right, "each is a line or two of ops, and finite differences agree with each");
    lesson_claim(fabs(slope[0]) < 1e-3 && slope[1] < -.99,
        "why not MSE: where the network is most wrong it learns least, as sigmoid' is 0 there; BCE's slope is p - y");
    lesson_claim(fabs(value[1] - value[2]) < 1e-12 && fabs(value[2] - value[3]) < 1e-12,
        "BCE, sparse and categorical cross-entropy are one loss for labels written in three ways");
    end(t);
}

/* -------- 5 and 6: 784-128-10 on digits that the program draws */

typedef enum rule { SGD, MOMENTUM, ADAMW, LION } rule;
typedef struct run { int64_t images, batch; int epochs; rule rule; double lr; rg_init init; } run;
enum { PARAMS = 4, TEST = 1000, EPOCHS_MAX = 16 };

/* Chen et al. 2023: u = sign(.9 m + .1 g), p -= lr (u + weight_decay p), m = .99 m + .01 g */
static void lion_step(rg_tensor *const *p, rg_tensor *const *m, double lr) {
    for (int i = 0; i < PARAMS; i++) {
        rg_tensor *g = rg_grad_of(p[i]), *old = rg_detach(p[i]);
        rg_tensor *u = rg_sign(rg_add(rg_mul(m[i], .9), rg_mul(g, .1)));
        rg_tensor *next = rg_sub(old, rg_mul(rg_add(u, rg_mul(old, .01)), lr));
        rg_tensor *kept = rg_add(rg_mul(m[i], .99), rg_mul(g, .01));
        rg_write(p[i], rg_f32(next));
        rg_write(m[i], rg_f32(kept));
        rg_clear_grad(p[i]);
    }
}

static rg_tensor *logits(rg_tensor *const *p, rg_tensor *x) { return rg_linear(rg_relu(rg_linear(x, p[0], p[1])), p[2], p[3]); }

/* Percent of the test digits after each epoch. */
static void train(const run *r, double *accuracy) {
    rg_tape *t = rg_tape_new(0);
    const rg_dataset d = rg_make_digits(t, r->images), test = rg_make_digits(t, TEST);
    rg_tensor *p[] = {rg_param(t, "w1", r->init, 784, 128), rg_param(t, "b1", RG_ZEROS, 128), rg_param(t, "w2", r->init, 128, 10),
        rg_param(t, "b2", RG_ZEROS, 10)};
    rg_tensor *m[PARAMS], *x, *y; /* m: Lion's momentum */
    for (int i = 0; i < PARAMS; i++) m[i] = rg_buffer_of_n(t, "m", RG_F32, NULL, rg_ndim(p[i]), rg_shape(p[i]));
    rg_optim *optim = r->rule == ADAMW ? rg_optim_adamw(t, rg_params(t), .lr = r->lr)
                                       : rg_optim_sgd(t, rg_params(t), .lr = r->lr, .momentum = r->rule == MOMENTUM ? .9 : 0);
    rg_loader *batches = rg_loader_new(t, d.x, d.y, .batch = r->batch, .shuffle = true);
    rg_loader *all = rg_loader_new(t, test.x, test.y, .batch = TEST);
    for (int epoch = 0; epoch < r->epochs; epoch++) {
        while (rg_loader_next(batches, &x, &y)) {
            rg_backward(rg_cross_entropy(logits(p, x), y));
            if (r->rule == LION) lion_step(p, m, r->lr);
            else rg_optim_step(optim);
            rg_tape_reset(t);
        }
        rg_loader_next(all, &x, &y);
        accuracy[epoch] = 100 * rg_accuracy(logits(p, x), y);
        rg_loader_next(all, &x, &y); /* the end of the test set */
        rg_tape_reset(t);
    }
    end(t);
}

static void say_data(int images) { lesson_say("784-128-10 on digits that the program draws: %d to learn from, %d to test", images, TEST); }

static void optimisers(void) {
    const struct { const char *name; rule rule; double lr; } row[] = {{"SGD", SGD, .1}, {"SGD with momentum 0.9", MOMENTUM, .05},
        {"AdamW", ADAMW, .001}, {"Lion, in ops", LION, .0003}};
    bool learned = true;
    say_data(3200);
    for (int i = 0; i < 4; i++) {
        double accuracy[EPOCHS_MAX];
        train(&(run){3200, 32, 2, row[i].rule, row[i].lr, RG_HE_NORMAL}, accuracy);
        lesson_say("%-22s rate %-7g %5.1f%% right after 2 epochs", row[i].name, row[i].lr, accuracy[1]);
        learned = learned && accuracy[1] > 60;
    }
    lesson_claim(learned,
        "all four learn; the rates differ by a factor of more than 300, as a step of AdamW or Lion is about the rate itself, whatever the "
        "gradient");
}

static void questions(void) {
    enum { EPOCHS = 14 };
    double epoch[EPOCHS_MAX], batch[3], worst[EPOCHS_MAX];
    static const int64_t sizes[] = {8, 64, 512};
    int falls = 0;
    say_data(1600);
    train(&(run){1600, 32, EPOCHS, SGD, .3, RG_HE_NORMAL}, epoch);
    char text[160];
    int n = snprintf(text, sizeof text, "test accuracy by epoch:");
    for (int i = 0; i < EPOCHS; i++) n += snprintf(text + n, sizeof text - (size_t)n, " %.1f", epoch[i]);
    lesson_say("%s", text);
    for (int i = 1; i < EPOCHS; i++) falls += epoch[i] < epoch[i - 1];
    const double half = epoch[EPOCHS / 2 - 1], rise = half - epoch[0], rest = epoch[EPOCHS - 1] - half;
    lesson_claim(rise > rest, "more epochs help less and less: %.1f points from epoch 1 to %d, %.1f from there to %d", rise, EPOCHS / 2,
        rest, EPOCHS);
    lesson_claim(falls > 0, "it fell %d times on the way: batches are drawn at random, and each of %d test images is 0.1 points", falls,
        TEST);
    for (int i = 0; i < 3; i++) {
        double accuracy[EPOCHS_MAX];
        train(&(run){1600, sizes[i], 2, SGD, .1, RG_HE_NORMAL}, accuracy);
        batch[i] = accuracy[1];
    }
    lesson_claim(batch[0] > batch[2], "batch size matters at one rate: after 2 epochs 8, 64 and 512 give %.1f%%, %.1f%% and %.1f%%",
        batch[0],
        batch[1], batch[2]);
    train(&(run){1600, 32, 2, SGD, .1, RG_ZEROS}, worst);
    lesson_claim(worst[1] < 20, "worst: weights of zeros: no unit ever differs from another, %.1f%% right", worst[1]);
}

int main(int argc, char **argv) {
    static const lesson table[] = {
        {"1", "Xavier's and LeCun's initialisers with sigmoid and SELU", initialisers},
        {"2", "dL/dx of Linear", linear},
        {"3", "other activations and their initialisers", activations},
        {"4", "other losses", losses},
        {"5", "other optimisers", optimisers},
        {"6", "epochs, fluctuation, batch size, and how to do worst", questions},
        {0}};
    return lessons_run("Answers the notebook's questions 1 to 6 in numbers, and checks what it says about them.", table, argc, argv);
}
