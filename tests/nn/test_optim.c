/* test_optim.c - optimisers: against PyTorch's published steps, against the formulas element by element, and when they must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/support/cases.h"
#include "tests/nn/golden_optim.h"
#include "tests/support/meter.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static rg_optim *make_other(rg_tape *t, rg_list p, const char *name) {
#define IS(text, rule, ...) if (!strcmp(name, text)) return (rg_optim_##rule)(t, p, (rg_##rule##_options){__VA_ARGS__})
    IS("rmsprop defaults", rmsprop, 0);
    IS("rmsprop", rmsprop, .lr = .05, .alpha = .8, .eps = 1e-3, .weight_decay = .1);
    IS("rmsprop momentum", rmsprop, .lr = .02, .momentum = .7);
    IS("rmsprop centered", rmsprop, .lr = .02, .alpha = .9, .centered = true);
    IS("rmsprop centered momentum", rmsprop, .lr = .02, .alpha = .9, .momentum = .5, .weight_decay = .05, .centered = true);
    IS("adagrad defaults", adagrad, 0);
    IS("adagrad", adagrad, .lr = .3, .lr_decay = .1, .weight_decay = .1, .initial_accumulator = .5, .eps = 1e-3);
    IS("lion defaults", lion, 0);
    IS("lion", lion, .lr = .03, .beta1 = .8, .beta2 = .95, .weight_decay = .2);
#undef IS
    fail_msg("no configuration %s", name);
    return NULL;
}

static rg_optim *make(rg_tape *t, rg_list p, const char *name) {
    const struct { const char *name; rg_sgd_options with; } sgd[] = {
        {"sgd", {.lr = .1}},
        {"sgd weight decay", {.lr = .1, .weight_decay = .05}},
        {"sgd momentum", {.lr = .05, .momentum = .9}},
        {"sgd dampening", {.lr = .05, .momentum = .9, .dampening = .3, .weight_decay = .01}},
        {"sgd nesterov", {.lr = .05, .momentum = .9, .nesterov = true}},
        {"sgd nesterov weight decay", {.lr = .05, .momentum = .8, .weight_decay = .1, .nesterov = true}},
    };
    const struct { const char *name; bool decoupled; rg_adam_options with; } adam[] = {
        {"adam", false, {.lr = .1}},
        {"adam defaults", false, {.lr = 0}},
        {"adam betas", false, {.lr = .02, .beta1 = .5, .beta2 = .9, .eps = .01, .weight_decay = .1}},
        {"adamw defaults", true, {.lr = 0}},
        {"adamw", true, {.lr = .1, .beta1 = .8, .beta2 = .95, .eps = 1e-6, .weight_decay = .2}},
    };
    for (int i = 0; i < COUNT(sgd); i++)
        if (!strcmp(sgd[i].name, name)) return (rg_optim_sgd)(t, p, sgd[i].with);
    for (int i = 0; i < COUNT(adam); i++)
        if (!strcmp(adam[i].name, name)) return (adam[i].decoupled ? rg_optim_adamw : rg_optim_adam)(t, p, adam[i].with);
    return make_other(t, p, name);
}

/* -------- a tape per case */

static rg_tape *tape(rg_dtype dtype) {
    rg_tape *t = rg_tape_new(1);
    assert_non_null(t);
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, dtype);
    return t;
}

static void no_error(rg_tape *t) {
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    rg_tape_free(t);
}

static double at(rg_tensor *x, int64_t i) {
    assert_true(i < rg_numel(x));
    return rg_dtype_of(x) == RG_F64 ? rg_f64(x)[i] : (double)rg_f32(x)[i];
}

static void near(const char *what, int64_t i, double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%s %d: %.17g, expected %.17g", what, (int)i, got, expected);
}

/* d/dp of p: every gradient is `value` */
static void gradient(rg_tensor *p, double value) {
    assert_int_equal(rg_backward(rg_sum(rg_mul_scalar(p, value))), 0);
    rg_tape_reset(rg_tape_of(p));
}

/* -------- against PyTorch */

static void matches_pytorch(void **state) {
    const golden *g = *state;
    static const double p0[] = {.5, -1.2, 2}, a[] = {1, 3, .1}, b[] = {.5, -1, 2};
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        rg_tape *t = tape(dtype);
        rg_tensor *p = rg_param(t, "p", RG_ZEROS, 3);
        rg_write(p, p0);
        rg_optim *optim = make(t, rg_params(t), g->name);
        for (int step = 1, row = 0; step <= 20; step++) {
            rg_tensor *bend = rg_mul(rg_input(t, a, 3), rg_mul_scalar(rg_square(p), .5));
            assert_int_equal(rg_backward(rg_sum(rg_sub(bend, rg_tanh(rg_mul(rg_input(t, b, 3), p))))), 0);
            assert_int_equal(rg_optim_step(optim), 0);
            rg_tape_reset(t);
            if (step > 3 && step < 20) continue;
            for (int i = 0; i < 3; i++) near(g->name, step * 10 + i, at(p, i), g->p[row][i], dtype == RG_F64 ? 1e-13 : 2e-6);
            row++;
        }
        no_error(t);
    }
}

/* -------- against the formulas, over several chunks and an odd rest, for every instruction set and number of threads */

enum { MANY = 40017, STEPS = 6 };

typedef enum rule { SGD, ADAM, RMSPROP, ADAGRAD, LION } rule;
typedef struct reference { rule rule; bool decoupled, nesterov, centered; double lr, momentum, dampening, decay, b1, b2, eps,
    lr_decay; } reference;

static double reference_step(const reference *r, int k, double p, double g, double *m, double *v, double *a) {
    if (r->decoupled) p -= r->lr * r->decay * p;
    const double d = r->decoupled ? g : g + r->decay * p;
    if (r->rule == RMSPROP) {
        *v = r->b2 * *v + (1 - r->b2) * d * d;
        if (r->centered) *a = r->b2 * *a + (1 - r->b2) * d;
        *m = r->momentum * *m + d / (sqrt(*v - *a * *a) + r->eps);
        return p - r->lr * *m;
    }
    if (r->rule == ADAGRAD) {
        *v = (k == 1 ? .5 : *v) + d * d;
        return p - r->lr / (1 + (k - 1) * r->lr_decay) * d / (sqrt(*v) + r->eps);
    }
    if (r->rule == LION) {
        const double way = r->b1 * *m + (1 - r->b1) * d;
        *m = r->b2 * *m + (1 - r->b2) * d;
        return p - r->lr * ((way > 0) - (way < 0));
    }
    if (r->rule == SGD) {
        if (r->momentum == 0) return p - r->lr * d;
        *m = k == 1 ? d : r->momentum * *m + (1 - r->dampening) * d;
        return p - r->lr * (r->nesterov ? d + r->momentum * *m : *m);
    }
    *m = r->b1 * *m + (1 - r->b1) * d;
    *v = r->b2 * *v + (1 - r->b2) * d * d;
    return p - r->lr * (*m / (1 - pow(r->b1, k))) / (sqrt(*v / (1 - pow(r->b2, k))) + r->eps);
}

static const struct { const char *name; reference r; } FORMULAS[] = {
    {"sgd", {.lr = .1}},
    {"sgd dampening", {.lr = .05, .momentum = .9, .dampening = .3, .decay = .01}},
    {"sgd nesterov weight decay", {.lr = .05, .momentum = .8, .decay = .1, .nesterov = true}},
    {"adam betas", {.rule = ADAM, .lr = .02, .b1 = .5, .b2 = .9, .eps = .01, .decay = .1}},
    {"adamw", {.rule = ADAM, .decoupled = true, .lr = .1, .b1 = .8, .b2 = .95, .eps = 1e-6, .decay = .2}},
    {"rmsprop", {.rule = RMSPROP, .lr = .05, .b2 = .8, .eps = 1e-3, .decay = .1}},
    {"rmsprop centered momentum", {.rule = RMSPROP, .lr = .02, .b2 = .9, .momentum = .5, .decay = .05, .eps = 1e-8, .centered = true}},
    {"adagrad", {.rule = ADAGRAD, .lr = .3, .lr_decay = .1, .decay = .1, .eps = 1e-3}},
    {"lion", {.rule = LION, .decoupled = true, .lr = .03, .b1 = .8, .b2 = .95, .decay = .2}},
};

/* p of MANY values after STEPS steps whose gradients are c_k p0; false on a machine without that instruction set */
static bool run(rg_dtype dtype, int isa, int threads, int which, double *out) {
    rg_tape *t = tape(dtype);
    if (rg_set_isa(t, isa) < 0) return no_error(t), false;
    rg_set_threads(t, 1);
    rg_tensor *p = rg_param(t, "p", RG_NORMAL(0, 1), MANY);
    rg_tensor *p0 = rg_buffer_of(t, "p0", dtype, p->data, MANY);
    rg_optim *optim = make(t, rg_params(t), FORMULAS[which].name);
    for (int k = 1; k <= STEPS; k++) {
        rg_backward(rg_sum(rg_mul(rg_mul_scalar(p0, sin(k)), p)));
        rg_set_threads(t, threads);
        assert_int_equal(rg_optim_step(optim), 0);
        rg_set_threads(t, 1);
        rg_tape_reset(t);
    }
    rg_copy_out(p, out, MANY);
    return no_error(t), true;
}

static void matches_formula(void **state) {
    const int which = *(const int *)*state;
    const reference *r = &FORMULAS[which].r;
    double *got = malloc(2 * MANY * sizeof *got);
    assert_non_null(got);
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        run(dtype, 0, 1, which, got);
        rg_rng rng;
        rg_rng_seed(&rng, 1);
        for (int i = 0; i < MANY; i++) {
            double start = rg_rng_normal(&rng, 0, 1), m = 0, v = 0, a = 0;
            if (dtype == RG_F32) start = (double)(float)start;
            double p = start;
            for (int k = 1; k <= STEPS; k++) {
                const double c = dtype == RG_F32 ? (double)((float)sin(k) * (float)start) : sin(k) * start;
                p = reference_step(r, k, p, c, &m, &v, &a);
            }
            near(FORMULAS[which].name, i, got[i], p, dtype == RG_F64 ? 1e-12 : 5e-5);
        }
        for (int isa = 0; isa < RG_ISAS; isa++)
            for (int threads = 1; threads <= 3; threads += 2) {
                if (run(dtype, isa, threads, which, got + MANY)) assert_memory_equal(got, got + MANY, MANY * sizeof *got);
            }
    }
    free(got);
}

/* -------- options */

static void defaults(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F64);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2);
    assert_true(rg_optim_lr(rg_optim_sgd(t, rg_params(t), .momentum = .9)) == 1e-3);
    assert_true(rg_optim_lr(rg_optim_adam(t, rg_params(t), .beta1 = .8)) == 1e-3);
    rg_optim *none = rg_optim_adam(t, rg_params(t), .lr = RG_ZERO);
    assert_true(rg_optim_lr(none) == 0);
    gradient(p, 3);
    assert_int_equal(rg_optim_step(none), 0);
    near("p at lr 0", 0, at(p, 0), 1, 0);
    /* without decay AdamW is Adam; beta1 = beta2 = 0 and eps = 0 go along the sign of the gradient */
    rg_optim *sign =
        rg_optim_adamw(t, rg_params(t), .lr = .25, .beta1 = RG_ZERO, .beta2 = RG_ZERO, .eps = RG_ZERO, .weight_decay = RG_ZERO);
    gradient(p, -3);
    assert_int_equal(rg_optim_step(sign), 0);
    near("p along the sign", 0, at(p, 1), 1.25, 0);
    no_error(t);
}

static void learning_rate(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .5);
    assert_int_equal(rg_optim_set_lr(sgd, .25), 0);
    assert_true(rg_optim_lr(sgd) == .25);
    gradient(p, 2);
    rg_optim_step(sgd);
    near("p", 0, at(p, 0), .5, 0);
    assert_int_equal(rg_optim_set_lr(sgd, 0), 0);
    assert_true(rg_optim_lr(sgd) == 0);
    assert_int_equal(rg_optim_set_lr_at("a.c:7", sgd, -1), -1);
    assert_string_equal(rg_error(t), "rg_optim_sgd: lr is -1, must be at least 0 and finite (a.c:7)");
    assert_true(rg_optim_lr(sgd) == 0);
    rg_tape_free(t);
}

static void refuses_bad_options(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_param(t, "p", RG_ONES, 2);
    const rg_list p = rg_params(t);
#define REFUSED(made, message)                      \
    do {                                            \
        assert_null(made);                          \
        assert_non_null(rg_error(t));               \
        assert_string_equal(rg_error(t), message);  \
        rg_error_clear(t);                          \
    } while (0)
    REFUSED(rg_optim_sgd_at("a.c:1", t, p, (rg_sgd_options){.lr = -1}), "rg_optim_sgd: lr is -1, must be at least 0 and finite (a.c:1)");
    REFUSED(rg_optim_sgd_at(NULL, t, p, (rg_sgd_options){.lr = NAN}), "rg_optim_sgd: lr is nan, must be at least 0 and finite");
    REFUSED(rg_optim_sgd_at(NULL, t, p, (rg_sgd_options){.momentum = -.5}),
        "rg_optim_sgd: momentum is -0.5, must be at least 0 and finite");
    REFUSED(rg_optim_sgd_at(NULL, t, p, (rg_sgd_options){.weight_decay = -2}),
        "rg_optim_sgd: weight_decay is -2, must be at least 0 and finite");
    REFUSED(rg_optim_sgd_at(NULL, t, p, (rg_sgd_options){.dampening = INFINITY}), "rg_optim_sgd: dampening is inf, must be finite");
    REFUSED(rg_optim_sgd_at(NULL, t, p, (rg_sgd_options){.nesterov = true}), "rg_optim_sgd: momentum is 0, must be above 0 with nesterov");
    REFUSED(rg_optim_sgd_at(NULL, t, p, (rg_sgd_options){.momentum = .9, .dampening = .1, .nesterov = true}),
        "rg_optim_sgd: dampening is 0.1, must be 0 with nesterov");
    REFUSED(rg_optim_adam_at(NULL, t, p, (rg_adam_options){.lr = INFINITY}), "rg_optim_adam: lr is inf, must be at least 0 and finite");
    REFUSED(rg_optim_adam_at(NULL, t, p, (rg_adam_options){.beta1 = 1}), "rg_optim_adam: beta1 is 1, must be from 0 to below 1");
    REFUSED(rg_optim_adam_at(NULL, t, p, (rg_adam_options){.beta2 = -.1}), "rg_optim_adam: beta2 is -0.1, must be from 0 to below 1");
    REFUSED(rg_optim_adamw_at(NULL, t, p, (rg_adam_options){.eps = -1e-8}), "rg_optim_adamw: eps is -1e-08, must be at least 0 and finite");
    REFUSED(rg_optim_adamw_at(NULL, t, p, (rg_adam_options){.weight_decay = NAN}),
        "rg_optim_adamw: weight_decay is nan, must be at least 0 and finite");
    REFUSED(rg_optim_rmsprop_at(NULL, t, p, (rg_rmsprop_options){.alpha = 1}), "rg_optim_rmsprop: alpha is 1, must be from 0 to below 1");
    REFUSED(rg_optim_rmsprop_at(NULL, t, p, (rg_rmsprop_options){.momentum = -1}),
        "rg_optim_rmsprop: momentum is -1, must be at least 0 and finite");
    REFUSED(rg_optim_adagrad_at(NULL, t, p, (rg_adagrad_options){.lr_decay = -1}),
        "rg_optim_adagrad: lr_decay is -1, must be at least 0 and finite");
    REFUSED(rg_optim_adagrad_at(NULL, t, p, (rg_adagrad_options){.initial_accumulator = -1}),
        "rg_optim_adagrad: initial_accumulator is -1, must be at least 0 and finite");
    REFUSED(rg_optim_lion_at(NULL, t, p, (rg_lion_options){.beta2 = 1}), "rg_optim_lion: beta2 is 1, must be from 0 to below 1");
    REFUSED(rg_optim_lbfgs_at(NULL, t, p, (rg_lbfgs_options){.history = -1}), "rg_optim_lbfgs: history is -1, must be above 0");
    REFUSED(rg_optim_lbfgs_at(NULL, t, p, (rg_lbfgs_options){.tolerance_grad = -1}),
        "rg_optim_lbfgs: tolerance_grad is -1, must be at least 0 and finite");
    no_error(t);
}

static void refuses_bad_lists(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32), *other = tape(RG_F32);
    REFUSED(rg_optim_sgd_at("a.c:2", t, rg_params(t), (rg_sgd_options){.lr = 1}),
        "rg_optim_sgd: no parameters; make them before the optimiser (a.c:2)");
    rg_tensor *list[] = {rg_param(t, "p", RG_ONES, 2), rg_set_name(rg_full(t, 1, 4), "x"), rg_param(other, "q", RG_ONES, 3), NULL};
    for (int i = 1; i < 4; i++) {
        static const char *const item[] = {"", "x[4]", "q[3]", "NULL"};
        char message[96];
        snprintf(message, sizeof message, "rg_optim_adam: item 1 of the list, %s, is no parameter of this tape", item[i]);
        rg_tensor *two[] = {list[0], list[i]};
        REFUSED(rg_optim_adam_at(NULL, t, ((rg_list){two, 2}), (rg_adam_options){.lr = 1}), message);
    }
    no_error(other);
    no_error(t);
}

static void refuses_null(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    const rg_list none = {NULL, 0};
    assert_null(rg_optim_sgd(NULL, none, .lr = 1));
    assert_null(rg_optim_adamw(NULL, none, .lr = 1));
    assert_int_equal(rg_optim_step(NULL), -1);
    assert_int_equal(rg_optim_set_lr(NULL, 1), -1);
    assert_true(isnan(rg_optim_lr(NULL)));
    rg_param(t, "p", RG_ONES, 2);
    rg_fail(t, RG_EVALUE, NULL, "before");
    assert_null(rg_optim_adam(t, rg_params(t), .lr = -1));
    assert_string_equal(rg_error(t), "before");
    rg_tape_free(t);
}

/* -------- which parameters a step changes */

static void clears_its_own_gradients(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2), *q = rg_param(t, "q", RG_ONES, 2);
    rg_optim *sgd = rg_optim_sgd(t, ((rg_list){&p, 1}), .lr = .5);
    rg_backward(rg_sum(rg_mul(p, q)));
    assert_int_equal(rg_optim_step(sgd), 0);
    assert_null(rg_grad_of(p));
    assert_non_null(rg_grad_of(q));
    near("p", 0, at(p, 0), .5, 0);
    near("q", 0, at(q, 0), 1, 0);
    assert_int_equal(rg_optim_step(sgd), -1); /* the gradient that is there is q's */
    assert_non_null(strstr(rg_error(t),
        "rg_optim_sgd: a step without gradients: rg_backward reached neither p[2] nor any other of its parameters ("));
    rg_error_clear(t);
    near("p without a gradient", 0, at(p, 0), .5, 0);
    no_error(t);
}

static void skips_what_no_gradient_reached(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F64);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 1), *late = rg_param(t, "late", RG_ONES, 1);
    rg_optim *adam = rg_optim_adam(t, rg_params(t), .lr = .1);
    for (int k = 0; k < 5; k++) {
        gradient(p, 1);
        rg_optim_step(adam);
    }
    near("late", 0, at(late, 0), 1, 0);
    gradient(late, 1);
    rg_optim_step(adam);
    near("late after its own first step", 0, at(late, 0), .9, 1e-8); /* 1 - lr: as its step 1, not the optimiser's step 6 */
    no_error(t);
}

static void skips_frozen(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2), *q = rg_param(t, "q", RG_ONES, 2);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .5, .momentum = .9, .weight_decay = .1);
    rg_backward(rg_sum(rg_mul(p, q)));
    rg_tape_reset(t);
    rg_requires_grad(p, false);
    assert_int_equal(rg_optim_step(sgd), 0);
    near("frozen", 0, at(p, 0), 1, 0);
    near("q", 0, at(q, 0), .45, 1e-7);
    rg_requires_grad(p, true);
    assert_null(rg_grad_of(p));
    gradient(p, 1);
    assert_int_equal(rg_optim_step(sgd), 0);
    near("thawed", 0, at(p, 1), .45, 1e-7);
    no_error(t);
}

static void counts_a_parameter_once(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2), *list[] = {p, p, p};
    rg_optim *sgd = rg_optim_sgd(t, ((rg_list){list, 3}), .lr = .25);
    gradient(p, 1);
    rg_optim_step(sgd);
    near("p", 0, at(p, 0), .75, 0);
    no_error(t);
}

static void mixed_dtypes_and_shapes(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *list[4] = {rg_param(t, "matrix", RG_ONES, 3, 2), rg_param(t, "empty", RG_ONES, 0, 3)};
    rg_set_default_dtype(t, RG_F64);
    list[2] = rg_param(t, "number", RG_ONES);
    list[3] = rg_param(t, "vector", RG_ONES, 5);
    rg_optim *optim[] = {rg_optim_sgd(t, rg_params(t), .lr = .125, .momentum = .5), rg_optim_adam(t, rg_params(t), .lr = .125)};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 4; i++) gradient(list[i], 1);
        assert_int_equal(rg_optim_step(optim[k]), 0);
        for (int i = 0; i < 4; i++) assert_null(rg_grad_of(list[i]));
    }
    near("matrix", 5, at(list[0], 5), .75, 1e-7);
    near("number", 0, at(list[2], 0), .75, 1e-7);
    near("vector", 4, at(list[3], 4), .75, 1e-7);
    no_error(t);
}

/* -------- errors and memory */

static void refuses_while_an_error_stands(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *w = rg_param(t, "w", RG_NORMAL(0, 1), 3, 2), *b = rg_param(t, "b", RG_ONES, 2);
    rg_optim *adam = rg_optim_adam(t, rg_params(t), .lr = .1);
    rg_backward(rg_sum(rg_add(rg_matmul(rg_full(t, 1, 4, 3), w), b)));
    float before[8], after[8];
    rg_copy_out(w, before, 6), rg_copy_out(b, before + 6, 2);
    assert_int_equal(rg_backward(rg_sum(rg_matmul(rg_full(t, 1, 4, 5), w))), -1);
    assert_int_equal(rg_optim_step(adam), -1);
    rg_error_clear(t);
    rg_copy_out(w, after, 6), rg_copy_out(b, after + 6, 2);
    assert_memory_equal(before, after, sizeof before);
    assert_non_null(rg_grad_of(w));
    assert_non_null(rg_grad_of(b));
    rg_tape_reset(t);
    assert_int_equal(rg_optim_step(adam), 0);
    near("w in the first step that counts", 0, at(w, 0), (double)before[0] - .1, 1e-6);
    no_error(t);
}

enum { KINDS = 7 };
static rg_optim *of_kind(int kind, rg_tape *t, rg_list p, bool error_if_nonfinite) {
    switch (kind) {
    case 0: return rg_optim_sgd(t, p, .momentum = .9, .error_if_nonfinite = error_if_nonfinite);
    case 1: return rg_optim_adam(t, p, .error_if_nonfinite = error_if_nonfinite);
    case 2: return rg_optim_adamw(t, p, .error_if_nonfinite = error_if_nonfinite);
    case 3: return rg_optim_rmsprop(t, p, .error_if_nonfinite = error_if_nonfinite);
    case 4: return rg_optim_adagrad(t, p, .error_if_nonfinite = error_if_nonfinite);
    case 5: return rg_optim_lion(t, p, .error_if_nonfinite = error_if_nonfinite);
    default: return rg_optim_lbfgs(t, p, .error_if_nonfinite = error_if_nonfinite);
    }
}

/* The loss is a[0] + .. + b[0] + ..., times the weights, through one rg_backward, if at all. */
typedef struct closed { rg_tensor *a, *b; const double *weights; bool backward; int calls; } closed;
static double closed_loss(void *ctx) {
    closed *c = ctx;
    rg_tensor *w = rg_input(rg_tape_of(c->a), c->weights, 3), *loss = rg_add(rg_sum(c->a), rg_sum(rg_mul(c->b, w)));
    c->calls++;
    if (c->backward) rg_backward(loss);
    return rg_item(loss);
}

static void a_step_without_gradients_is_an_error(void **state) {
    (void)state;
    static const double ones[] = {1, 1, 1};
    for (int kind = 0; kind < KINDS; kind++) {
        rg_tape *t = tape(RG_F32);
        closed c = {rg_param(t, "a", RG_ONES, 2), rg_param(t, "b", RG_ONES, 3), ones, false, 0};
        rg_optim *o = of_kind(kind, t, rg_params(t), false);
        for (int closure = kind == KINDS - 1; closure < 2; closure++) {
            if (closure) assert_true(isnan(rg_optim_step_closure(o, closed_loss, &c)));
            else assert_int_equal(rg_optim_step(o), -1);
            if (!strstr(rg_error(t), ": a step without gradients: rg_backward reached neither a[2] nor any other of its parameters "
                                     "(test_optim.c:"))
                fail_msg("%s", rg_error(t));
            assert_int_equal(rg_error_code(t), RG_ESTATE);
            rg_error_clear(t);
            for (int i = 0; i < 3; i++) near("b", i, at(c.b, i), 1, 0);
        }
        c.backward = true;
        assert_true(rg_optim_step_closure(o, closed_loss, &c) == 5);
        assert_true(at(c.b, 0) < 1);
        no_error(t);
    }
}

/* What is refused leaves gradients and rates, also those of other groups. */
static void a_refusal_changes_nothing(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *a = rg_param(t, "a", RG_ONES, 2), *b = rg_param(t, "b", RG_ONES, 2);
    rg_optim *o = rg_optim_sgd(t, rg_list_of(a), .lr = 1);
    rg_optim_add_group(o, ((rg_list){&b, 1}), .lr = 1e300);
    assert_int_equal(rg_optim_scale_lr(o, 1e10), -1);
    rg_error_clear(t);
    assert_true(rg_optim_group_lr(o, 0) == 1 && rg_optim_group_lr(o, 1) == 1e300);
    rg_backward(rg_sum(a));
    rg_requires_grad(a, false);
    assert_int_equal(rg_optim_step(o), -1); /* no gradient reached what is to move */
    rg_error_clear(t);
    assert_non_null(rg_grad_of(a));
    rg_tape_free(t);
}

/* What has read a gradient before it was clipped cannot be differentiated after. */
static void clipping_writes(void **state) {
    (void)state;
    for (int how = 0; how < 2; how++) {
        rg_tape *t = tape(RG_F32);
        rg_tensor *w = rg_param(t, "w", RG_CONSTANT(3), 2), *out;
        rg_backward(rg_sum(rg_square(w)));
        rg_tensor *z = rg_sum(rg_mul(w, rg_grad_of(w)));
        if (how) rg_clip_grad_value(t, rg_params(t), 1);
        else rg_clip_grad_norm(t, rg_params(t), 1);
        assert_int_equal(rg_grad(z, rg_list_of(w), &out), -1);
        assert_non_null(strstr(rg_error(t), "was written after it was used here"));
        rg_tape_free(t);
    }
}

static rg_ema *averaged;
static rg_early_stopping *stopping;
static rg_tensor *writes(void *ctx, rg_tensor *x, rg_tensor *g) {
    (void)g;
    rg_tape *t = rg_tape_of(x);
    switch (*(int *)ctx) {
    case 0: rg_clip_grad_norm(t, rg_params(t), .1); break;
    case 1: rg_clip_grad_value(t, rg_params(t), .1); break;
    case 2: rg_ema_update(averaged); break;
    case 3: rg_early_stopping_step(stopping, 1); break;
    }
    return NULL;
}

static void a_hook_writes_to_nothing_older(void **state) {
    (void)state;
    for (int what = 0; what < 4; what++) {
        rg_tape *t = tape(RG_F32);
        rg_tensor *w = rg_param(t, "w", RG_CONSTANT(3), 2);
        averaged = rg_ema_new(t, rg_params(t), .5);
        stopping = rg_early_stopping_new(t, rg_params(t));
        rg_backward(rg_sum(w));
        rg_write(w, (float[]){5, 5});
        rg_tensor *loss = rg_sum(rg_square(w));
        rg_on_grad(loss, writes, &what);
        assert_int_equal(rg_backward(loss), -1);
        assert_non_null(strstr(rg_error(t), "inside a backward pass"));
        rg_error_clear(t);
        assert_true(at(rg_grad_of(w), 0) == 1 && at(rg_ema_of(averaged, 0), 0) == 3 && rg_early_stopping_calls(stopping) == 0);
        rg_tape_free(t);
    }
}

/* With the option a NaN or an infinity in any gradient stops the step before anything was changed: every parameter, and all that is kept of
   it. */
static void nanstep(void **state) {
    (void)state;
    static const double bad[][3] = {{1, 1, (double)NAN}, {1, (double)INFINITY, 1}, {-(double)INFINITY, 1, 1}}, good[] = {1, 2, 3};
    for (int kind = 0; kind < KINDS; kind++)
        for (int k = 0; k < 6; k++) {
            rg_tape *t = tape(k % 2 ? RG_F64 : RG_F32), *twin = tape(k % 2 ? RG_F64 : RG_F32);
            closed c = {rg_param(t, "a", RG_ONES, 2), rg_param(t, "b", RG_ONES, 3), bad[k / 2], true, 0};
            closed d = {rg_param(twin, "a", RG_ONES, 2), rg_param(twin, "b", RG_ONES, 3), good, true, 0};
            rg_optim *o = of_kind(kind, t, rg_params(t), true), *other = of_kind(kind, twin, rg_params(twin), false);
            assert_true(isnan(rg_optim_step_closure(o, closed_loss, &c)));
            char should[96];
            snprintf(should, sizeof should, ": element %d of the gradient of b[3] is %g: no parameter was changed (test_optim.c:",
                2 - k / 2, bad[k / 2][2 - k / 2]);
            if (!rg_error(t) || !strstr(rg_error(t), should)) fail_msg("%s, should say %s", rg_error(t), should);
            rg_error_clear(t);
            for (int i = 0; i < 2; i++) near("a", i, at(c.a, i), 1, 0);
            for (int i = 0; i < 3; i++) near("b", i, at(c.b, i), 1, 0);
            c.weights = good;
            for (int step = 0; step < 2; step++) {
                rg_optim_step_closure(o, closed_loss, &c);
                rg_optim_step_closure(other, closed_loss, &d);
            }
            for (int i = 0; i < 3; i++) near("b, as if it had not been", i, at(c.b, i), at(d.b, i), 0);
            no_error(t);
            no_error(twin);
        }
}

/* L-BFGS takes several iterations a step: one that comes to gradients that are not finite undoes them all. */
static double sum_of_roots(void *ctx) {
    rg_tensor *loss = rg_sum(rg_sqrt(ctx));
    rg_backward(loss);
    return rg_item(loss);
}
static void lbfgs_undoes_a_step_into_nan(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F64);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2);
    rg_optim *o = rg_optim_lbfgs(t, rg_params(t), .lr = 100, .fixed_step = true, .max_iter = 4, .error_if_nonfinite = true);
    assert_true(isnan(rg_optim_step_closure(o, sum_of_roots, p))); /* from 1 to -49 */
    assert_non_null(strstr(rg_error(t), "rg_optim_lbfgs: element 0 of the gradient of p[2] is nan: no parameter was changed ("));
    rg_error_clear(t);
    for (int i = 0; i < 2; i++) near("p", i, at(p, i), 1, 0);
    no_error(t);
}

/* Two nets without a name, each with a "weight" and a "bias": an optimiser tells tensors apart, not names. */
static void two_nets_of_the_same_names(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_nn *a = rg_nn_linear(t, 2, 1, RG_ONES), *b = rg_nn_linear(t, 2, 1, RG_ONES);
    assert_string_equal(rg_name_of(a->params[0]), rg_name_of(b->params[0]));
    rg_optim *both = rg_optim_sgd(t, rg_list_join(rg_nn_params(a), rg_nn_params(b)), .lr = .5), *one = rg_optim_adam(t, rg_nn_params(a));
    assert_non_null(both);
    assert_int_equal(rg_optim_add_group(one, rg_nn_params(b)), 0);
    rg_backward(rg_sum(rg_add(rg_nn_forward(a, rg_full(t, 1, 1, 2)), rg_nn_forward(b, rg_full(t, 2, 1, 2)))));
    assert_int_equal(rg_optim_step(both), 0);
    near("a", 0, at(a->params[0], 0), .5, 0);
    near("b", 0, at(b->params[0], 0), 0, 0);
    rg_tensor *twice[] = {a->params[0], b->params[0], a->params[0]}; /* one tensor listed twice is no matter */
    assert_non_null(rg_optim_adam(t, ((rg_list){twice, 3})));
    no_error(t);
}

static void older_nodes_are_stale(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .5);
    rg_tensor *loss = rg_sum(rg_square(p));
    assert_int_equal(rg_backward(loss), 0);
    assert_int_equal(rg_optim_step(sgd), 0);
    assert_int_equal(rg_backward(loss), -1);
    assert_non_null(strstr(rg_error(t), "p was written after"));
    rg_tape_free(t);
}

static void steady_steps_allocate_nothing(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
#ifdef RG_NO_POOL
    rg_tape_free(t);
    skip();
#endif
    rg_tensor *w = rg_param(t, "w", RG_HE_NORMAL, 300, 200);
    rg_optim *optim[] = {rg_optim_sgd(t, rg_params(t), .momentum = .9), rg_optim_adamw(t, rg_params(t), .lr = .1),
        rg_optim_rmsprop(t, rg_params(t), .centered = true), rg_optim_adagrad(t, rg_params(t), .lr = .1),
        rg_optim_lion(t, rg_params(t), .lr = .1)};
    rg_ema *average = rg_ema_new(t, rg_params(t), .9);
    rg_memory_stats before = rg_memory(t);
    for (int step = 0; step < 100; step++) {
        rg_backward(rg_mean(rg_square(w)));
        rg_clip_grad_norm(t, rg_params(t), .1);
        assert_int_equal(rg_optim_step(optim[step % 5]), 0);
        rg_ema_update(average);
        rg_tape_reset(t);
        if (step == 1) before = rg_memory(t);
    }
    assert_int_equal(rg_memory(t).allocations, before.allocations);
    assert_int_equal(rg_memory(t).bytes, before.bytes);
    no_error(t);
}

/* Every allocation of its creation fails in turn; the next try succeeds. */
static void creation_without_memory(void **state) {
    (void)state;
    int failures = 0;
    for (bool done = false; !done;) {
        meter m = {.fail_at = -1};
        rg_tape *t = metered_tape(&m, true, 0);
        rg_tensor *p = rg_param(t, "p", RG_ONES, 8);
        rg_param(t, "q", RG_ONES, 70, 3);
        m.fail_at = m.calls + failures;
        rg_optim *adam = rg_optim_adam(t, rg_params(t), .lr = .5);
        m.fail_at = -1;
        done = adam != NULL;
        if (!done) {
            failures++;
            assert_int_equal(rg_error_code(t), RG_ENOMEM);
            assert_int_equal(rg_optim_step(adam), -1);
            rg_error_clear(t);
            adam = rg_optim_adam(t, rg_params(t), .lr = .5);
        }
        gradient(p, 1);
        assert_int_equal(rg_optim_step(adam), 0);
        near("p", 7, at(p, 7), .5, 1e-6);
        no_error(t);
        assert_int_equal(m.out, 0);
    }
    assert_true(failures >= 5);
}

int main(void) {
    static const int which[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    cases all = {NULL, 0};
    for (int i = 0; i < COUNT(GOLDEN); i++) cases_add(&all, matches_pytorch, &GOLDEN[i], "as PyTorch: %s", GOLDEN[i].name);
    for (int i = 0; i < COUNT(which); i++) cases_add(&all, matches_formula, &which[i], "as its formula: %s", FORMULAS[i].name);
    static const struct CMUnitTest rest[] = {
        cmocka_unit_test(defaults), cmocka_unit_test(learning_rate), cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(refuses_bad_lists), cmocka_unit_test(refuses_null), cmocka_unit_test(clears_its_own_gradients),
        cmocka_unit_test(skips_what_no_gradient_reached), cmocka_unit_test(skips_frozen), cmocka_unit_test(counts_a_parameter_once),
        cmocka_unit_test(mixed_dtypes_and_shapes), cmocka_unit_test(refuses_while_an_error_stands), cmocka_unit_test(older_nodes_are_stale),
        cmocka_unit_test(a_step_without_gradients_is_an_error), cmocka_unit_test(a_refusal_changes_nothing),
        cmocka_unit_test(clipping_writes),
        cmocka_unit_test(a_hook_writes_to_nothing_older), cmocka_unit_test(nanstep),
        cmocka_unit_test(lbfgs_undoes_a_step_into_nan), cmocka_unit_test(two_nets_of_the_same_names),
        cmocka_unit_test(steady_steps_allocate_nothing), cmocka_unit_test(creation_without_memory),
    };
    for (int i = 0; i < COUNT(rest); i++) cases_add(&all, rest[i].test_func, NULL, "%s", rest[i].name);
    return cases_run(&all, "optim");
}
