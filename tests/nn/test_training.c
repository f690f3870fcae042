/* test_training.c - what goes around a step: schedules and L-BFGS against PyTorch's numbers, groups, clipping, averages, early stopping. */
#include "tests/support/numbers.h"

#include "nn/nn.h"
#include "tests/support/cases.h"
#include "tests/nn/golden_schedules.h"
#include "tests/support/meter.h"

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

static void near(const char *what, int64_t i, double got, double expected, double bar) {
    if (!(fabs(got - expected) <= bar * fmax(1, fabs(expected)))) fail_msg("%s %d: %.17g, expected %.17g", what, (int)i, got, expected);
}

/* d/dp of p: every gradient is `value` */
static void gradient(rg_tensor *p, double value) {
    assert_int_equal(rg_backward(rg_sum(rg_mul_scalar(p, value))), 0);
    rg_tape_reset(rg_tape_of(p));
}

#define MESSAGE(call, message)                              \
    do {                                                    \
        call;                                               \
        if (!rg_error(t)) fail_msg("no error: " message);   \
        assert_string_equal(rg_error(t), message);          \
        rg_error_clear(t);                                  \
    } while (0)

/* -------- schedules */

static double rate(const char *name, int64_t k) {
    static const int64_t milestones[] = {5, 30, 31, 80};
    if (!strcmp(name, "step")) return rg_lr_step(.1, k, 30, .1);
    if (!strcmp(name, "multi_step")) return rg_lr_multi_step(.1, k, 4, milestones, .3);
    if (!strcmp(name, "exponential")) return rg_lr_exponential(.1, k, .97);
    if (!strcmp(name, "cosine")) return rg_lr_cosine(.1, k, 100, 0);
    if (!strcmp(name, "cosine 40")) return rg_lr_cosine(.1, k, 40, .01);
    if (!strcmp(name, "linear")) return rg_lr_linear(.1, k, 1. / 3, 1, 5);
    if (!strcmp(name, "linear down")) return rg_lr_linear(.1, k, 1, .05, 60);
    if (!strcmp(name, "one_cycle")) return rg_lr_one_cycle(.3, k, 101);
    if (!strcmp(name, "one_cycle linear")) return rg_lr_one_cycle(.3, k, 101, .warm = .2, .linear = true, .div = 10, .final_div = 100);
    if (!strcmp(name, "one_cycle three")) return rg_lr_one_cycle(.3, k, 101, .warm = .4, .three_phase = true);
    fail_msg("no schedule %s", name);
    return 0;
}

static void schedule_as_pytorch(void **state) {
    const golden_schedule *g = *state;
    rg_plateau plateau = {.factor = 0};
    if (!strcmp(g->name, "plateau quick")) plateau = (rg_plateau){.factor = .5, .patience = 2, .cooldown = 3, .min_lr = .002};
    if (!strcmp(g->name, "plateau max"))
        plateau = (rg_plateau){.maximize = true, .absolute = true, .factor = .7, .patience = RG_ZERO, .threshold = .01};
    const bool is_plateau = !strncmp(g->name, "plateau", 7);
    rg_tape *t = tape(RG_F32);
    rg_param(t, "p", RG_ONES, 2);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .1);
    for (int k = 0; k <= 100; k++) {
        if (!is_plateau) rg_optim_set_lr(sgd, rate(g->name, k));
        near(g->name, k, rg_optim_lr(sgd), g->lr[k], 1e-12);
        const double metric = 1 / (1. + k) + .02 * sin(k);
        if (is_plateau) rg_plateau_step(&plateau, sgd, plateau.maximize ? -metric : metric);
    }
    no_error(t);
}

static void schedules_out_of_range(void **state) {
    (void)state;
    assert_true(isnan(rg_lr_step(.1, 3, 0, .1)) && isnan(rg_lr_cosine(.1, 3, 0, 0)) && isnan(rg_lr_linear(.1, 3, 1, 0, 0)));
    assert_true(isnan(rg_lr_one_cycle(.1, 10, 10)) && isnan(rg_lr_one_cycle(.1, -1, 10)));
    assert_true(rg_lr_multi_step(.1, 3, 0, NULL, .5) == .1);
    assert_false(rg_plateau_step(NULL, NULL, 1));
    rg_tape *t = tape(RG_F64);
    const rg_tensor *w = rg_param(t, "w", RG_ONES, 2);
    rg_optim *o = rg_optim_sgd(t, rg_params(t), .lr = .5);
    const double factors[] = {(double)NAN, 1, 3, RG_ZERO, -.5};
    for (int k = 0; k < 5; k++) {
        rg_plateau plateau = {.factor = factors[k], .patience = RG_ZERO};
        for (int i = 0; i < 3; i++) assert_false(rg_plateau_step(&plateau, o, 1));
        assert_non_null(rg_error(t));
        assert_int_equal(strncmp(rg_error(t), "rg_plateau_step: the factor is ", 31), 0);
        assert_true(rg_optim_lr(o) == .5 && !plateau.begun && element(w, 0) == 1);
        rg_error_clear(t);
    }
    rg_tape_free(t);
}

/* -------- groups */

static void groups(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F64);
    rg_tensor *w = rg_param(t, "w", RG_ONES, 2), *b = rg_param(t, "b", RG_ONES, 1), *c = rg_param(t, "c", RG_ONES, 1);
    rg_optim *o = rg_optim_sgd(t, ((rg_list){&w, 1}), .lr = .5, .weight_decay = .1, .momentum = .5);
    assert_int_equal(rg_optim_add_group(o, ((rg_list){&b, 1}), .weight_decay = RG_ZERO), 0);
    assert_int_equal(rg_optim_add_group(o, ((rg_list){&c, 1}), .lr = .25), 0);
    assert_int_equal(rg_optim_groups(o), 3);
    gradient(w, 1), gradient(b, 1), gradient(c, 1);
    assert_int_equal(rg_optim_step(o), 0);
    near("w", 0, element(w, 0), 1 - .5 * 1.1, 1e-15);
    near("b", 0, element(b, 0), 1 - .5, 1e-15);
    near("c", 0, element(c, 0), 1 - .25 * 1.1, 1e-15);
    assert_int_equal(rg_optim_scale_lr(o, .1), 0);
    assert_true(rg_optim_group_lr(o, 0) == .1 * .5 && rg_optim_group_lr(o, 1) == .1 * .5 && rg_optim_group_lr(o, 2) == .1 * .25);
    assert_int_equal(rg_optim_set_group_lr(o, 1, 3), 0);
    assert_true(rg_optim_lr(o) == .1 * .5 && rg_optim_group_lr(o, 1) == 3);
    gradient(b, 1);
    rg_optim_step(o);
    near("b with momentum", 0, element(b, 0), .5 - 3 * 1.5, 1e-15);
    assert_int_equal(rg_optim_set_lr(o, 2), 0);
    assert_true(rg_optim_group_lr(o, 0) == 2 && rg_optim_group_lr(o, 1) == 2 && rg_optim_group_lr(o, 2) == 2);
    MESSAGE(assert_int_equal(rg_optim_add_group_at(NULL, o, (rg_list){&b, 1}, (rg_group_options){0}), -1),
        "rg_optim_add_group: b[1] is in a group already");
    MESSAGE(assert_int_equal(rg_optim_add_group_at(NULL, o, (rg_list){NULL, 0}, (rg_group_options){0}), -1),
        "rg_optim_add_group: no parameters; make them before the optimiser");
    MESSAGE(assert_int_equal(rg_optim_set_group_lr_at(NULL, o, 3, 1), -1), "rg_optim_sgd: there is no group 3 among 3");
    MESSAGE(assert_int_equal(rg_optim_scale_lr_at(NULL, o, -1), -1), "rg_optim_sgd: the factor of lr is -1, must be at least 0 and finite");
    assert_true(isnan(rg_optim_group_lr(o, 3)) && isnan(rg_optim_group_lr(o, -1)) && rg_optim_groups(NULL) == 0);
    assert_int_equal(rg_optim_add_group(NULL, ((rg_list){&b, 1})), -1);
    no_error(t);
}

/* -------- L-BFGS */

typedef struct problem { rg_tape *t; rg_tensor *p; bool bowl; int calls, fail_at; bool reset; } problem;

/* sum 100 (p[i+1] - p[i]^2)^2 + (1 - p[i])^2 */
static rg_tensor *rosenbrock(rg_tensor *p) {
    rg_tensor *a = rg_slice(p, 0, 0, -1), *b = rg_slice(p, 0, 1, rg_dim(p, 0));
    return rg_sum(rg_add(rg_mul_scalar(rg_square(rg_sub(b, rg_square(a))), 100), rg_square(rg_add_scalar(rg_neg(a), 1))));
}

/* sum (i + 1) (p[i] - 1)^2 / 2 + cos p[i] */
static rg_tensor *bowl(rg_tensor *p) {
    static const double steep[] = {1, 2, 3, 4};
    rg_tensor *cosine = rg_empty(rg_tape_of(p), RG_F64, 1, rg_shape(p));
    rg_tensor *slope = rg_empty(rg_tape_of(p), RG_F64, 1, rg_shape(p));
    for (int i = 0; i < rg_numel(p); i++)
        ((double *)cosine->data)[i] = cos(element(p, i)), ((double *)slope->data)[i] = -sin(element(p, i));
    rg_tensor *tangent = rg_add(cosine, rg_mul(slope, rg_sub(p, rg_detach(p)))); /* there is no cos: its value and slope will do */
    return rg_sum(rg_add(rg_mul(rg_mul_scalar(rg_input(rg_tape_of(p), steep, 4), .5), rg_square(rg_add_scalar(p, -1))), tangent));
}

static double evaluate(void *ctx) {
    problem *q = ctx;
    rg_tensor *loss = q->bowl ? bowl(q->p) : rosenbrock(q->p);
    if (++q->calls == q->fail_at) rg_softmax(q->p, 1);
    rg_backward(loss);
    const double value = rg_item(loss);
    if (q->reset) rg_tape_reset(q->t);
    return value;
}

static problem start_at(rg_dtype dtype, int n) {
    rg_tape *t = tape(dtype);
    problem q = {.t = t, .p = rg_param(t, "p", RG_ONES, n)};
    double x[8];
    for (int i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1.2;
    rg_write(q.p, x);
    return q;
}

static void way_as_pytorch(void **state) {
    const golden_way *g = *state;
    const bool is_bowl = !strcmp(g->name, "bowl"), five = !strcmp(g->name, "rosenbrock 5");
    problem q = start_at(RG_F64, is_bowl ? 4 : five ? 5 : 2);
    q.bowl = is_bowl;
    rg_lbfgs_options with = {.lr = 0};
    if (!strcmp(g->name, "rosenbrock by 4")) with.max_iter = 4;
    if (five) with = (rg_lbfgs_options){.lr = .5, .max_iter = 5, .history = 3};
    if (is_bowl) with = (rg_lbfgs_options){.lr = .3, .max_iter = 3, .fixed_step = true};
    rg_optim *o = (rg_optim_lbfgs)(q.t, rg_params(q.t), with);
    for (int k = 0; k < g->steps; k++) {
        near("loss", k, rg_optim_step_closure(o, evaluate, &q), g->at[k].loss, 1e-9);
        if (q.calls != g->at[k].calls) fail_msg("%s: %d calls after step %d, PyTorch %d", g->name, q.calls, k, g->at[k].calls);
        for (int i = 0; i < 2; i++) near(g->name, 10 * k + i, element(q.p, i), g->at[k].p[i], 1e-9);
        assert_null(rg_grad_of(q.p));
    }
    no_error(q.t);
}

/* To 1e-10 of the minimum within 60 calls, and nothing is allocated after the first step. */
static void lbfgs_solves_rosenbrock(void **state) {
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        problem q = start_at(RG_F64, 2);
        q.reset = reset;
        rg_optim *o = rg_optim_lbfgs(q.t, rg_params(q.t), .max_iter = 5, .tolerance_grad = 1e-12, .tolerance_change = 1e-20);
        rg_optim_step_closure(o, evaluate, &q);
        const rg_memory_stats before = rg_memory(q.t);
        double loss = 1;
        while (loss > 1e-20 && q.calls < 100) loss = rg_optim_step_closure(o, evaluate, &q);
        if (q.calls > 60) fail_msg("%d calls for %g", q.calls, loss);
        near("x", 0, element(q.p, 0), 1, 1e-10);
        near("x", 1, element(q.p, 1), 1, 1e-10);
#ifndef RG_NO_POOL
        assert_int_equal(rg_memory(q.t).allocations, before.allocations);
#endif
        assert_int_equal(rg_memory(q.t).bytes, before.bytes);
        no_error(q.t);
    }
}

static void lbfgs_in_f32(void **state) {
    (void)state;
    problem q = start_at(RG_F32, 2);
    rg_optim *o = rg_optim_lbfgs(q.t, rg_params(q.t), .lr = 1);
    for (int k = 0; k < 4; k++) rg_optim_step_closure(o, evaluate, &q);
    near("x", 0, element(q.p, 0), 1, 1e-3);
    near("x", 1, element(q.p, 1), 1, 2e-3);
    no_error(q.t);
}

/* Wherever the closure fails, parameters are as before the step, and the next step goes on from there. */
static void failed_closure_changes_nothing(void **state) {
    (void)state;
    int failures = 0;
    for (int at = 1; at < 12; at++) {
        problem q = start_at(RG_F64, 2);
        rg_optim *o = rg_optim_lbfgs(q.t, rg_params(q.t), .max_iter = 4);
        rg_optim_step_closure(o, evaluate, &q);
        const double x = element(q.p, 0), y = element(q.p, 1);
        q.fail_at = q.calls + at;
        double loss = rg_optim_step_closure(o, evaluate, &q);
        if (!rg_error(q.t)) { /* the step had fewer calls */
            rg_tape_free(q.t);
            continue;
        }
        failures++;
        assert_true(isnan(loss));
        assert_true(element(q.p, 0) == x && element(q.p, 1) == y);
        rg_error_clear(q.t);
        for (int k = 0; k < 20; k++) loss = rg_optim_step_closure(o, evaluate, &q);
        assert_true(loss < 1e-6);
        no_error(q.t);
    }
    assert_true(failures >= 4);
}

/* A loss, or a gradient, that is NaN where the step begins: no way leads on from there. */
static double no_number(void *ctx) {
    rg_tensor *w = ctx;
    rg_tensor *loss = rg_sum(rg_log(rg_mul_scalar(w, -1)));
    rg_backward(loss);
    return rg_item(loss);
}

static void lbfgs_stays_where_the_loss_is_nan(void **state) {
    (void)state;
    for (int fixed = 0; fixed < 2; fixed++) {
        rg_tape *t = tape(RG_F64);
        rg_tensor *w = rg_param(t, "w", RG_CONSTANT(1), 2);
        rg_optim *o = rg_optim_lbfgs(t, rg_params(t), .fixed_step = fixed);
        for (int k = 0; k < 2; k++) assert_true(isnan(rg_optim_step_closure(o, no_number, w)));
        assert_true(element(w, 0) == 1 && element(w, 1) == 1);
        assert_null(rg_grad_of(w));
        rg_write(w, (double[]){-1, -2}); /* where there is one, it goes on */
        assert_true(fabs(rg_optim_step_closure(o, no_number, w) - log(2)) < 1e-12);
        assert_true(element(w, 0) != -1 && isfinite(element(w, 0)));
        no_error(t);
    }
}

static void closures_of_others(void **state) {
    (void)state;
    problem q = start_at(RG_F64, 2);
    rg_tape *t = q.t;
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = 1e-3),
             *o = rg_optim_lbfgs_at("a.c:1", t, rg_params(t), (rg_lbfgs_options){.lr = 1});
    near("loss", 0, rg_optim_step_closure(sgd, evaluate, &q), 24.2, 1e-12);
    near("p", 0, element(q.p, 0), -1.2 + 1e-3 * (400 * 1.2 * .44 + 4.4), 1e-12);
    assert_true(isnan(rg_optim_step_closure(NULL, evaluate, &q)));
    MESSAGE(assert_int_equal(rg_optim_step(o), -1),
        "rg_optim_step: rg_optim_lbfgs evaluates the loss several times, call rg_optim_step_closure; it was made here (a.c:1)");
    MESSAGE(assert_true(isnan(rg_optim_step_closure(o, NULL, NULL))),
        "rg_optim_step_closure: no closure; the rg_optim_lbfgs was made here (a.c:1)");
    MESSAGE(assert_int_equal(rg_optim_add_group_at(NULL, o, rg_params(t), (rg_group_options){0}), -1),
        "rg_optim_add_group: rg_optim_lbfgs has one group");
    no_error(t);
}

/* Every allocation of its creation fails in turn; the next try succeeds. */
static void lbfgs_without_memory(void **state) {
    (void)state;
    int failures = 0;
    for (bool done = false; !done; failures++) {
        meter m = {.fail_at = -1};
        rg_tape *t = metered_tape(&m, true, 0);
        rg_param(t, "p", RG_ONES, 8);
        m.fail_at = m.calls + failures;
        done = rg_optim_lbfgs(t, rg_params(t), .history = 7) != NULL;
        m.fail_at = -1;
        assert_int_equal(rg_error_code(t), done ? RG_OK : RG_ENOMEM);
        rg_error_clear(t);
        assert_non_null(rg_optim_lbfgs(t, rg_params(t), .history = 7));
        no_error(t);
        assert_int_equal(m.out, 0);
    }
    assert_true(failures > 10);
}

/* -------- clipping */

static void clips_by_norm(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 40000);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *q = rg_param(t, "q", RG_ONES, 3), *untouched = rg_param(t, "r", RG_ONES, 2), *twice[] = {p, q, untouched, p};
    gradient(p, .5), gradient(q, -2);
    const double norm = sqrt(40000 * .25 + 3 * 4);
    near("norm", 0, rg_clip_grad_norm(t, rg_params(t), 1e3), norm, 1e-14);
    near("kept", 0, element(rg_grad_of(q), 0), -2, 0);
    for (int threads = 1; threads < 4; threads++) {
        rg_set_threads(t, threads);
        near("norm", threads, rg_clip_grad_norm(t, ((rg_list){twice, 4}), 1e3), norm, 1e-14);
    }
    near("norm", 0, rg_clip_grad_norm(t, ((rg_list){twice, 4}), 2), norm, 1e-14);
    near("p", 7, element(rg_grad_of(p), 39999), .5 * 2 / (norm + 1e-6), 1e-7);
    near("q", 0, element(rg_grad_of(q), 0), -2 * 2 / (norm + 1e-6), 1e-15);
    assert_null(rg_grad_of(untouched));
    rg_zero_grad(t);
    near("of nothing", 0, rg_clip_grad_norm(t, rg_params(t), 2), 0, 0);
    no_error(t);
}

static void clips_what_is_not_finite(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F64);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 2), *q = rg_param(t, "q", RG_ONES, 1);
    gradient(p, 1), gradient(q, INFINITY);
    assert_true(isinf(rg_clip_grad_norm(t, rg_params(t), 1)));
    assert_true(element(rg_grad_of(p), 0) == 0 && isnan(element(rg_grad_of(q), 0)));
    assert_true(isnan(rg_clip_grad_norm(t, rg_params(t), 1)));
    assert_true(isnan(element(rg_grad_of(p), 0)));
    no_error(t);
}

static void clips_by_value(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *p = rg_param(t, "p", RG_ONES, 6);
    static const float by[] = {-3, -.5, 0, .25, 7, NAN};
    rg_backward(rg_sum(rg_mul(p, rg_input(t, by, 6))));
    assert_int_equal(rg_clip_grad_value(t, rg_params(t), .5), 0);
    static const double should[] = {-.5, -.5, 0, .25, .5};
    for (int i = 0; i < 5; i++) near("clipped", i, element(rg_grad_of(p), i), should[i], 0);
    assert_true(isnan(element(rg_grad_of(p), 5)));
    MESSAGE(assert_int_equal(rg_clip_grad_value_at(NULL, t, rg_params(t), -1), -1),
        "rg_clip_grad_value: the limit is -1, must be at least 0");
    MESSAGE(assert_true(isnan(rg_clip_grad_norm_at(NULL, t, rg_params(t), NAN))),
        "rg_clip_grad_norm: the largest norm is nan, must be at least 0");
    const rg_list none = {NULL, 0};
    assert_true(isnan(rg_clip_grad_norm(NULL, none, 1)) && rg_clip_grad_value(NULL, none, 1) == -1);
    no_error(t);
}

static void shows_gradients(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_tensor *w = rg_param(t, "layer.weight", RG_ONES, 2, 2);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *b = rg_param(t, "bias", RG_ONES, 3);
    rg_set_default_dtype(t, RG_F32);
    rg_tensor *unreached = rg_param(t, "unreached", RG_ONES, 1), *bad = rg_param(t, NULL, RG_ONES, 2), *all[] = {w, b, unreached, bad, w};
    gradient(w, .5), gradient(b, -2);
    rg_backward(rg_sum(rg_mul(bad, rg_input(t, ((float[]){NAN, -3}), 2))));
    assert_true(rg_grad_norm(w) == 1);
    near("norm", 0, rg_grad_norm(b), sqrt(12), 1e-15);
    assert_true(isnan(rg_grad_norm(unreached)) && isnan(rg_grad_norm(bad)) && isnan(rg_grad_norm(NULL)));
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_int_equal(rg_grad_print(t, ((rg_list){all, 5}), to), 0);
    rg_param(t, "a name of more characters than there is room for", RG_ONES, 1);
    assert_int_equal(rg_grad_print(t, rg_params(t), to), 0);
    fclose(to);
    const char should[] =
        "parameter              shape               norm   gradient    largest not finite\n"
        "layer.weight           [2,2]          2.000e+00  1.000e+00  5.000e-01          0\n"
        "bias                   [3] f64        1.732e+00  3.464e+00  2.000e+00          0\n"
        "unreached              [1]            1.000e+00          -          -          -\n"
        "-                      [2]            1.414e+00        nan  3.000e+00          1\n"
        "all                                   3.162e+00        nan  3.000e+00          1\n";
    assert_true(!strncmp(text, should, strlen(should)));
    assert_non_null(strstr(text, "\nbias                                             [3] f64        1.732e+00  3.464e+00  2.000e+00       "
                                 "   0\n"));
    free(text);
    const rg_list none = {NULL, 0}, wrong = {&(rg_tensor *){rg_full(t, 1, 2)}, 1};
    MESSAGE(assert_int_equal(rg_grad_print_at(NULL, t, rg_params(t), NULL), -1), "rg_grad_print: there is no file");
    MESSAGE(assert_int_equal(rg_grad_print_at(NULL, t, none, stdout), -1), "rg_grad_print: no parameters; make them before the optimiser");
    MESSAGE(assert_int_equal(rg_grad_print_at(NULL, t, wrong, stdout), -1),
        "rg_grad_print: item 0 of the list, [2], is no parameter of this tape");
    FILE *full = fopen("/dev/full", "w");
    if (full) MESSAGE(assert_int_equal(rg_grad_print_at(NULL, t, rg_params(t), full), -1), "rg_grad_print: the file cannot be written");
    if (full) fclose(full);
    assert_int_equal(rg_grad_print(NULL, none, stdout), -1);
    assert_int_equal(rg_grad_print(NULL, none, NULL), -1);
    no_error(t);
}

/* -------- averages and early stopping */

static void averages_weights(void **state) {
    (void)state;
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        const double bar = dtype == RG_F64 ? 1e-15 : 1e-6;
        rg_tape *t = tape(dtype);
        rg_tensor *p = rg_param(t, "p", RG_ZEROS, 20001), *twice[] = {p, p};
        rg_ema *a = rg_ema_new_at("a.c:1", t, (rg_list){twice, 2}, .9);
        double mean = 0;
        for (int k = 1; k <= 5; k++) {
            rg_init_fill(p, RG_CONSTANT(k));
            assert_int_equal(rg_ema_update(a), 0);
            mean = .9 * mean + .1 * k;
        }
        near("average", 0, element(rg_ema_of(a, 0), 20000), mean, bar);
        const double tenths[] = {.1, .1, .1};
        rg_tensor *fixed = rg_buffer(t, "fixed", tenths, 3); /* a constant stays as it is */
        for (int k = 0; k < 3; k++) {
            rg_ema *of_fixed = rg_ema_new(t, rg_list_of(fixed), (double[]){.999, .3, 0}[k]);
            for (int i = 0; i < 100; i++) rg_ema_update(of_fixed);
            near("average of a constant", k, element(rg_ema_of(of_fixed, 0), 2), element(fixed, 2), 0);
        }
        assert_string_equal(rg_name_of(rg_ema_of(a, 0)), "p.average");
        assert_null(rg_ema_of(a, 1));
        rg_tensor *stale = rg_sum(rg_square(p));
        assert_int_equal(rg_ema_swap(a), 0);
        near("swapped in", 0, element(p, 0), mean, bar);
        near("put away", 0, element(rg_ema_of(a, 0), 0), 5, 0);
        MESSAGE(assert_int_equal(rg_ema_update(a), -1),
            "rg_ema_update: the averages are swapped in, call rg_ema_swap first; they were made here (a.c:1)");
        assert_int_equal(rg_backward(stale), -1);
        rg_error_clear(t);
        assert_int_equal(rg_ema_swap(a), 0);
        near("swapped out", 0, element(p, 20000), 5, 0);
        MESSAGE(assert_null(rg_ema_new_at(NULL, t, rg_params(t), 1.1)), "rg_ema_new: decay is 1.1, must be from 0 to 1");
        assert_int_equal(rg_ema_update(NULL), -1);
        assert_int_equal(rg_ema_swap(NULL), -1);
        assert_null(rg_ema_of(NULL, 0));
        no_error(t);
    }
}

static void stops_early(void **state) {
    (void)state;
    static const struct { rg_early_stopping_options with; double metric[8]; int stop, best; } rows[] = {
        {{.patience = 3}, {5, 4, 4.5, 4.2, 4.1, 1}, 5, 2},
        {{.patience = 3}, {5, 4, 4.5, 3.9, 4.1, 4, 3.9}, 7, 4},
        {{.patience = 0}, {5, 4, 4}, 3, 2},
        {{.patience = 2, .min_delta = .5}, {5, 4.6, 4.4, 4.1, 4}, 5, 3},
        {{.patience = 2, .maximize = true}, {.5, .7, .6, NAN, .9}, 4, 2},
        {{.patience = 1}, {NAN, 3, 2, 3}, 1, 0},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        rg_tape *t = tape(RG_F32);
        rg_tensor *p = rg_param(t, "p", RG_ZEROS, 3);
        rg_early_stopping *s = (rg_early_stopping_new)(t, rg_params(t), rows[r].with);
        int k = 0;
        bool stop = false;
        while (!stop && k < 8) {
            rg_init_fill(p, RG_CONSTANT(k + 1));
            stop = rg_early_stopping_step(s, rows[r].metric[k++]);
        }
        assert_int_equal(k, rows[r].stop);
        assert_int_equal(rg_early_stopping_best_call(s), rows[r].best);
        assert_int_equal(rg_early_stopping_restore(s), 0);
        near("best weights", (int)r, element(p, 2), rows[r].best ? rows[r].best : k, 0);
        no_error(t);
    }
    rg_tape *t = tape(RG_F32);
    rg_param(t, "p", RG_ZEROS, 3);
    MESSAGE(assert_null(rg_early_stopping_new_at(NULL, t, rg_params(t), (rg_early_stopping_options){.patience = -1})),
        "rg_early_stopping_new: patience is -1, must be at least 0");
    MESSAGE(assert_null(rg_early_stopping_new_at(NULL, t, rg_params(t), (rg_early_stopping_options){.min_delta = NAN})),
        "rg_early_stopping_new: min_delta is nan, must be at least 0");
    assert_true(rg_early_stopping_step(NULL, 1) && rg_early_stopping_restore(NULL) == -1);
    no_error(t);
}

/* Of a net with batch norm, parameters and running statistics go together: averaged, exchanged, kept and put back. */
static void state_of_a_net(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES), rg_nn_batch_norm1d(t, 2));
    const rg_list all = rg_nn_state(net);
    assert_int_equal(all.count, 6);
    assert_true(all.items[0] == net->params[0] && all.items[3] == net->params[3] && all.items[4] == net->buffers[0]);
    rg_ema *ema = rg_ema_new(t, all, .75);
    rg_early_stopping *stop = rg_early_stopping_new(t, all, .patience = 5);
    assert_string_equal(rg_name_of(rg_ema_of(ema, 4)), "1.running_mean.average");
    for (int k = 1; k <= 3; k++) {
        for (int i = 0; i < all.count; i++) rg_init_fill(all.items[i], RG_CONSTANT(k));
        assert_false(rg_early_stopping_step(stop, k == 2 ? 0 : 1));
        rg_ema_update(ema);
    }
    assert_true(rg_early_stopping_calls(stop) == 3 && rg_early_stopping_best_call(stop) == 2 && rg_early_stopping_best(stop) == 0);
    assert_int_equal(rg_ema_swap(ema), 0);
    near("average of a mean", 0, element(net->buffers[0], 0), .75 * (.75 * (.25 + .75 * 0) + .5) + .75, 1e-6);
    near("average of a variance", 0, element(net->buffers[1], 0), .75 * (.75 * (.25 + .75 * 1) + .5) + .75, 1e-6);
    rg_ema_swap(ema);
    for (int i = 0; i < all.count; i++) near("live", i, element(all.items[i], 1), 3, 0);
    assert_int_equal(rg_early_stopping_restore(stop), 0);
    for (int i = 0; i < all.count; i++) near("best", i, element(all.items[i], 1), 2, 0);
    assert_int_equal(rg_nn_state(NULL).count, 0);
    no_error(t);
}

/* Leaves of any kind are kept; what would be averaged are floats. */
static void leaves_around_a_step(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32), *u = tape(RG_F32);
    rg_tensor *x = rg_full(t, 3, 2), *counts = rg_buffer(t, "counts", ((int32_t[]){1, 2}), 2), *y = rg_neg(x);
    rg_early_stopping *s = rg_early_stopping_new(t, rg_list_of(x, counts));
    assert_false(rg_early_stopping_step(s, 1));
    rg_tape_reset(t); /* x stays */
    rg_init_fill(x, RG_ZEROS);
    rg_write(counts, ((int32_t[]){7, 7}));
    assert_int_equal(rg_early_stopping_restore(s), 0);
    assert_true(rg_f32(x)[1] == 3 && rg_i32(counts)[1] == 2);
    MESSAGE(assert_null(rg_ema_new_at("a.c:1", t, rg_list_of(x, counts), .5)),
        "rg_ema_new: item 1 of the list, counts[2] i32, is no float (a.c:1)");
    y = rg_neg(x);
    MESSAGE(assert_null(rg_ema_new_at("a.c:1", t, rg_list_of(x, y), .5)), "rg_ema_new: item 1 of the list, [2], is no leaf (a.c:1)");
    MESSAGE(assert_null(rg_early_stopping_new_at("a.c:1", t, rg_list_of(rg_full(u, 1, 3)), (rg_early_stopping_options){0})),
        "rg_early_stopping_new: item 0 of the list, [3], is from another tape (a.c:1)");
    MESSAGE(assert_null(rg_early_stopping_new_at("a.c:1", t, rg_list_of(x, NULL), (rg_early_stopping_options){0})),
        "rg_early_stopping_new: item 1 of the list is NULL (a.c:1)");
    MESSAGE(assert_null(rg_ema_new_at("a.c:1", t, (rg_list){0}, .5)),
        "rg_ema_new: no parameters or buffers; rg_nn_state(net) has those of a net (a.c:1)");
    assert_true(isnan(rg_early_stopping_best(NULL)) && !rg_early_stopping_calls(NULL) && !rg_early_stopping_best_call(NULL));
    no_error(u);
    no_error(t);
}

/* A frozen net gets no gradient, and keeps its values in spite of weight decay and momentum; thawed, it learns on. */
static void freezes(void **state) {
    (void)state;
    rg_tape *t = tape(RG_F32);
    rg_nn *first = rg_nn_linear(t, 2, 3, RG_ONES), *net = rg_nn_sequential(t, first, rg_nn_linear(t, 3, 1, RG_ONES));
    rg_optim *optim = rg_optim_sgd(t, rg_nn_params(net), .lr = .1, .momentum = .9, .weight_decay = .5);
    for (int k = 0; k < 4; k++) {
        const bool frozen = k == 1 || k == 2;
        assert_true(rg_nn_requires_grad(first, !frozen) == first);
        const double was[] = {element(net->params[0], 0), element(net->params[1], 0), element(net->params[2], 0)};
        assert_int_equal(rg_backward(rg_sum(rg_square(rg_nn_forward(net, rg_full(t, 1, 1, 2))))), 0);
        for (int i = 0; i < 4; i++) assert_true(!rg_grad_of(net->params[i]) == (frozen && i < 2));
        assert_int_equal(rg_optim_step(optim), 0);
        for (int i = 0; i < 3; i++) assert_true((element(net->params[i], 0) == was[i]) == (frozen && i < 2));
        rg_tape_reset(t);
    }
    assert_null(rg_nn_requires_grad(NULL, false));
    no_error(t);
}

int main(void) {
    cases all = {NULL, 0};
    for (size_t i = 0; i < sizeof SCHEDULES / sizeof *SCHEDULES; i++)
        cases_add(&all, schedule_as_pytorch, &SCHEDULES[i], "schedule as PyTorch: %s", SCHEDULES[i].name);
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++)
        cases_add(&all, way_as_pytorch, &WAYS[i], "L-BFGS as PyTorch: %s", WAYS[i].name);
    static const struct CMUnitTest rest[] = {
        cmocka_unit_test(schedules_out_of_range), cmocka_unit_test(groups), cmocka_unit_test(lbfgs_solves_rosenbrock),
            cmocka_unit_test(lbfgs_in_f32),
        cmocka_unit_test(failed_closure_changes_nothing), cmocka_unit_test(lbfgs_stays_where_the_loss_is_nan),
        cmocka_unit_test(closures_of_others), cmocka_unit_test(lbfgs_without_memory),
        cmocka_unit_test(clips_by_norm), cmocka_unit_test(clips_what_is_not_finite), cmocka_unit_test(clips_by_value),
        cmocka_unit_test(shows_gradients),
        cmocka_unit_test(averages_weights), cmocka_unit_test(stops_early), cmocka_unit_test(state_of_a_net),
        cmocka_unit_test(leaves_around_a_step), cmocka_unit_test(freezes),
    };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) cases_add(&all, rest[i].test_func, NULL, "%s", rest[i].name);
    return cases_run(&all, "training");
}
