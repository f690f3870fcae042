/* test_gradcheck.c - the derivatives of every operator; and that the check itself notices what is wrong, and only that. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>

#include "engine/op.h"
#include "ops/ops.h"

/* -------- every operator of the registry */

static void op_order(const rg_op *op, int order) {
    rg_check c = rg_gradcheck_op(op, .order = order, .seed = 1);
    if (!op->backward && !op->compose) {
        assert_int_equal(c.samples, 0);
        return;
    }
    if (c.failed) rg_check_print(&c, op->name, stderr);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_true(c.samples >= 5 && c.checked >= 100);
}
static void first_order(void **state) { op_order(*state, 1); }
static void second_order(void **state) { op_order(*state, 2); }

/* -------- operators with a mistake: y = a b + a, row sums, products. Only f64. */

static double *f64(rg_tensor *x) { return x->data; }

static int forward(rg_tensor *y) {
    for (int64_t i = 0; i < y->numel; i++) f64(y)[i] = f64(y->in[0])[i] * f64(y->in[1])[i] + f64(y->in[0])[i];
    return 0;
}

static int forward_mean(rg_tensor *y) {
    f64(y)[0] = 0;
    for (int64_t i = 0; i < y->in[0]->numel; i++) f64(y)[0] += f64(y->in[0])[i] / (double)y->in[0]->numel;
    return 0;
}
static int shape_mean(rg_tensor *y) { return rg_shape_set(y, 0, NULL); }

/* x[n,m] + b[m] */
static int forward_rows(rg_tensor *y) {
    for (int64_t i = 0; i < y->numel; i++) f64(y)[i] = f64(y->in[0])[i] + f64(y->in[1])[i % y->in[1]->numel];
    return 0;
}

/* a[n,n] . b[n,n] */
static int forward_product(rg_tensor *y) {
    const int64_t n = y->shape[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            f64(y)[i * n + j] = 0;
            for (int64_t k = 0; k < n; k++) f64(y)[i * n + j] += f64(y->in[0])[i * n + k] * f64(y->in[1])[k * n + j];
        }
    return 0;
}

#define RULE(name) static void name(__attribute__((unused)) rg_tensor *y, rg_tensor *dy, rg_tensor **dx)
#define A y->in[0]
#define B y->in[1]
RULE(right)        { dx[0] = rg_add(rg_mul(dy, B), dy); dx[1] = rg_mul(dy, A); }
RULE(wrong_sign)   { dx[0] = rg_add(rg_mul(dy, B), dy); dx[1] = rg_neg(rg_mul(dy, A)); }
RULE(wrong_factor) { dx[0] = rg_mul_scalar(rg_add(rg_mul(dy, B), dy), 1.005); dx[1] = rg_mul(dy, A); }
RULE(tiny_factor)  { dx[0] = rg_add(rg_mul(dy, B), dy); dx[1] = rg_mul_scalar(rg_mul(dy, A), 1 + 1e-7); }
RULE(dropped_term) { dx[0] = rg_mul(dy, B); dx[1] = rg_mul(dy, A); }
RULE(ones_for_dy)  { dx[0] = rg_add(rg_mul(dy, B), dy); dx[1] = rg_add(A, rg_mul_scalar(dy, 0)); }
RULE(swapped)      { dx[0] = rg_mul(dy, A); dx[1] = rg_add(rg_mul(dy, B), dy); }
RULE(left_out)     { dx[0] = rg_add(rg_mul(dy, B), dy); }
RULE(no_history)   { dx[0] = rg_add(rg_mul(dy, rg_detach(B)), dy); dx[1] = rg_mul(dy, A); }
RULE(no_history_dy) { dx[0] = rg_add(rg_mul(dy, B), dy); dx[1] = rg_mul(rg_detach(dy), A); }
RULE(one_element) {
    right(y, dy, dx);
    dx[1] = rg_mul_scalar(dx[1], 1);
    if (!rg_failed(dx[1]) && dx[1]->numel) f64(dx[1])[dx[1]->numel - 1] *= 1.0001;
}
RULE(mean_right)   { dx[0] = rg_mul_scalar(rg_expand_at(y->at, dy, A->ndim, A->shape), 1 / (double)A->numel); }
RULE(mean_sum)     { dx[0] = rg_expand_at(y->at, dy, A->ndim, A->shape); }
RULE(rows_right)   { dx[0] = dy; dx[1] = rg_sum(dy, 0); }
RULE(rows_first)   { dx[0] = dy; dx[1] = rg_squeeze(rg_slice(dy, 0, 0, 1), 0); }
RULE(rows_mean)    { dx[0] = dy; dx[1] = rg_mean(dy, 0); }
RULE(product_right)   { dx[0] = rg_matmul(dy, B, .transpose_b = true); dx[1] = rg_matmul(A, dy, .transpose_a = true); }
RULE(product_a)       { dx[0] = rg_matmul(dy, B); dx[1] = rg_matmul(A, dy, .transpose_a = true); }
RULE(product_turned)  { dx[0] = rg_matmul(dy, B, .transpose_b = true); dx[1] = rg_matmul(dy, A, .transpose_a = true); }

static int wrong_kernel(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    right(y, dy, dx);
    dx[0] = rg_mul_scalar(dx[0], 1.01);
    return 0;
}

static int right_kernel(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return right(y, dy, dx), 0; }

#undef A
#undef B
typedef struct faulty { const char *what; rg_op op; int caught[2]; } faulty; /* caught at order 1, at order 2 */
#define SAMPLES "7,17 same; 7,17 7,17; 3,5 3,5"
#define PAIR(rule) {.name = "ab+a", .formula = "a b + a", .arity = 2, \
    .forward = RG_ANY(forward), .backward = rule, .samples = SAMPLES, .refuses = "-"}
#define MEAN(rule) {.name = "mean", .formula = "mean x", .arity = 1, .shape = shape_mean, \
    .forward = RG_ANY(forward_mean), .backward = rule, .samples = "7,17; 5", .refuses = "-"}
#define ROWS(rule) {.name = "rows", .formula = "x + b", .arity = 2, \
    .forward = RG_ANY(forward_rows), .backward = rule, .samples = "3,101 101; 7,5 5", .refuses = "-"}
#define PRODUCT(rule) {.name = "ab", .formula = "a . b", .arity = 2, \
    .forward = RG_ANY(forward_product), .backward = rule, .samples = "5,5 5,5; 9,9 9,9; 3,3 same", .refuses = "-"}
static const faulty faults[] = {
    {"nothing wrong", PAIR(right), {0, 0}},
    {"a sign", PAIR(wrong_sign), {1, 0}},
    {"a factor of 1.005", PAIR(wrong_factor), {1, 0}},
    {"a factor of 1 + 1e-7", PAIR(tiny_factor), {1, 0}},
    {"a dropped term", PAIR(dropped_term), {1, 0}},
    {"the upstream gradient taken for ones", PAIR(ones_for_dy), {1, 0}},
    {"operands swapped", PAIR(swapped), {1, 0}},
    {"an operand left out", PAIR(left_out), {1, 0}},
    {"a history cut", PAIR(no_history), {0, 1}},
    {"the upstream's history cut", PAIR(no_history_dy), {0, 1}},
    {"one element", PAIR(one_element), {1, 0}},
    {"mean, nothing wrong", MEAN(mean_right), {0, 0}},
    {"mean without 1/n", MEAN(mean_sum), {1, 0}},
    {"rows, nothing wrong", ROWS(rows_right), {0, 0}},
    {"the sum over rows forgotten", ROWS(rows_first), {1, 0}},
    {"the mean over rows for the sum", ROWS(rows_mean), {1, 0}},
    {"product, nothing wrong", PRODUCT(product_right), {0, 0}},
    {"product without the transpose", PRODUCT(product_a), {1, 0}},
    {"product transposed", PRODUCT(product_turned), {1, 0}},
    {"the kernel of a plain pass", {.name = "ab+a", .formula = "a b + a", .arity = 2, .forward = RG_ANY(forward), .backward = right,
        .fused = RG_ANY(wrong_kernel), .samples = SAMPLES, .refuses = "-"}, {1, 0}},
    {"the rule beside a right kernel",
    {.name = "ab+a", .formula = "a b + a", .arity = 2, .forward = RG_ANY(forward), .backward = wrong_factor,
        .fused = RG_ANY(right_kernel), .samples = SAMPLES, .refuses = "-"}, {1, 0}},
};

static void finds_fault(void **state) {
    const faulty *f = *state;
    const bool sound = !f->caught[0] && !f->caught[1];
    for (int order = 1; order <= 2; order++) {
        const rg_check c = rg_gradcheck_op(&f->op, .order = order, .seed = 3);
        if (sound || f->caught[order - 1]) {
            if ((c.failed != RG_CHECK_PASSED) == sound) rg_check_print(&c, f->what, stderr);
            assert_int_equal(c.failed, sound ? RG_CHECK_PASSED : RG_CHECK_WRONG);
        }
        if (f->caught[1] && order == 1) assert_int_equal(c.failed, RG_CHECK_PASSED);
        if (sound) assert_true(c.error < 1e-9);
    }
}

/* -------- functions of users */

static rg_tape *new_tape(void) {
    rg_tape *t = rg_tape_new(5);
    assert_non_null(t);
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, RG_F64);
    return t;
}

static rg_tensor *leaf(rg_tape *t, int64_t n, double first, double step) {
    rg_tensor *x = rg_empty(t, RG_F64, 1, &n);
    for (int64_t i = 0; i < n; i++) f64(x)[i] = first + step * (double)i;
    return rg_requires_grad(x, true);
}

static rg_tensor *product(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_mul(rg_exp(in[0]), in[1]); }
static rg_tensor *first_only(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_square(in[0]); }
static rg_tensor *identity(void *ctx, rg_tensor *const *in) { return (void)ctx, in[0]; }
static rg_tensor *fixed(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_full(rg_tape_of(in[0]), 3, 2); }
static rg_tensor *no_tensor(void *ctx, rg_tensor *const *in) { return (void)ctx, (void)in, NULL; }
static rg_tensor *failing(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_softmax(in[0], 1); }
static rg_tensor *to_f32(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_cast(in[0], RG_F32); }
static rg_tensor *relu(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_relu(in[0]); }
static rg_tensor *wrong_for_first(void *ctx, rg_tensor *const *in) {
    static const rg_op op = PAIR(dropped_term);
    return (void)ctx, rg_apply(&op, RG_AT, RG_NO_ATTR, 2, in);
}

static rg_tensor *dropout(void *ctx, rg_tensor *const *in) {
    rg_tensor *mask = rg_empty(rg_tape_of(in[0]), RG_F64, rg_ndim(in[0]), rg_shape(in[0]));
    for (int64_t i = 0; i < rg_numel(mask); i++) f64(mask)[i] = rg_rng_random(rg_tape_rng(rg_tape_of(mask))) < .5 ? 2 : 0;
    return (void)ctx, rg_mul(rg_square(in[0]), mask);
}

static rg_tensor *pick_row(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_pick(rg_square(in[0]), in[1]); }

static void both_orders_at_once(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *in[] = {leaf(t, 6, -1, .3), leaf(t, 6, 2, -.5)};
    rg_check c = rg_gradcheck(product, NULL, rg_list_of_n(2, in), .order = 3, .seed = 9);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_int_equal(c.checked, 12 + 18);
    assert_true(c.error > 0 && c.error < 1e-9);
    c = rg_gradcheck(product, NULL, rg_list_of_n(2, in));
    assert_int_equal(c.checked, 12);
    c = rg_gradcheck(product, NULL, rg_list_of_n(2, in), .tolerance = 1e-300);
    assert_int_equal(c.failed, RG_CHECK_WRONG);
    rg_tape_free(t);
}

/* Values to the last bit, gradients, record, generator and settings are as they were. */
static void leaves_everything_as_it_was(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(5);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *w = rg_parameter(t, "w", 99), *x = leaf(t, 99, .1, .77);
    f64(x)[5] = 1e-9; /* where a step forth and back would lose the value */
    rg_set_default_dtype(t, RG_F32);
    rg_tensor *before_check = rg_sum(rg_mul(w, x));
    assert_int_equal(rg_backward(before_check), 0);
    double values[99], gradient[99];
    memcpy(values, x->data, sizeof values);
    memcpy(gradient, rg_grad_of(x)->data, sizeof gradient);
    rg_tensor *const grads[] = {rg_grad_of(w), rg_grad_of(x)};
    rg_record(t, false);
    const rg_rng draws = *rg_tape_rng(t);
    const rg_memory_stats before = rg_memory(t);
    rg_check c = rg_gradcheck(dropout, NULL, rg_list_of(x, w), .order = 3);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    const rg_memory_stats after = rg_memory(t);
    assert_true(after.tensors == before.tensors && after.recorded == before.recorded && after.bytes == before.bytes);
    assert_memory_equal(rg_tape_rng(t), &draws, sizeof draws);
    assert_memory_equal(x->data, values, sizeof values);
    assert_memory_equal(rg_grad_of(x)->data, gradient, sizeof gradient);
    assert_true(rg_grad_of(w) == grads[0] && rg_grad_of(x) == grads[1]);
    assert_int_equal(rg_default_dtype(t), RG_F32);
    assert_false(rg_record(t, true));
    assert_int_equal(rg_backward(before_check), 0); /* its leaves do not count as written */
    rg_tape_free(t);
}

static void memory_does_not_grow(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *in[] = {leaf(t, 200, -1, .01), leaf(t, 200, 2, -.005)};
    rg_gradcheck(product, NULL, rg_list_of_n(2, in), .order = 3);
    const rg_memory_stats before = rg_memory(t);
    rg_gradcheck(product, NULL, rg_list_of_n(2, in), .order = 3);
    const rg_memory_stats after = rg_memory(t);
    assert_int_equal(after.bytes, before.bytes);
    if (rg_info().pool) assert_int_equal(after.allocations, before.allocations);
    assert_true(after.reserved < 1 << 19); /* 1000 elements moved to 4 points, each of a few kilobytes: 20 times as much if it piled up */
    rg_tape_free(t);
}

static void names_the_worst_element(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *in[] = {rg_set_name(leaf(t, 3, 1, 1), "left"), leaf(t, 3, 1e-3, 0)};
    rg_check c = rg_gradcheck(wrong_for_first, NULL, rg_list_of_n(2, in), .order = 1);
    assert_int_equal(c.failed, RG_CHECK_WRONG);
    assert_int_equal(c.operand, 0);
    assert_int_equal(c.order, 1);
    assert_in_range(c.index, 0, 2);
    assert_true(fabs(c.numeric / c.analytic - 1001) < 1e-3); /* d/da (a b + a) = b + 1, not b */
    assert_true(fabs(c.error - 1000. / 1001) < 1e-6);
    char line[400] = "", name[24];
    FILE *f = tmpfile();
    rg_check_print(&c, "mine", f);
    rewind(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    snprintf(name, sizeof name, "element %d of left[3]", (int)c.index);
    assert_non_null(strstr(line, "mine: WRONG: order 1, in[0] "));
    assert_non_null(strstr(line, name));
    assert_non_null(strstr(line, "analytic "));
    rg_tape_free(t);
}

static void frozen_operands_stay(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *in[] = {leaf(t, 3, 1, 1), leaf(t, 3, .5, 1)};
    rg_requires_grad(in[0], false); /* whose derivative is the wrong one */
    rg_check c = rg_gradcheck(wrong_for_first, NULL, rg_list_of_n(2, in), .order = 1);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_int_equal(c.checked, 3);
    rg_tape_free(t);
}

static void counts_kinks(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = leaf(t, 100, -49.5, 1);
    f64(x)[7] = 1e-4;
    f64(x)[9] = -1.4e-3; /* reached by the outer points only */
    for (int order = 1; order <= 2; order++) {
        rg_check c = rg_gradcheck(relu, NULL, rg_list_of(x), .order = order);
        assert_int_equal(c.failed, RG_CHECK_PASSED);
        assert_int_equal(c.left_out, 2);
        assert_int_equal(c.checked, order == 1 ? 98 : 198);
    }
    f64(x)[8] = 0;
    rg_check c = rg_gradcheck(relu, NULL, rg_list_of(x), .order = 1);
    assert_int_equal(c.failed, RG_CHECK_KINKED);
    assert_int_equal(c.left_out, 3);
    rg_tape_free(t);
}

/* Operators with kinks tell the sides apart: an element beside the kink is left out, not found wrong. */
static rg_tensor *k_abs(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_abs(in[0]); }
static rg_tensor *k_maximum(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_maximum(in[0], in[1]); }
static rg_tensor *k_minimum(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_minimum(in[0], in[1]); }
static rg_tensor *k_max(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_max(rg_concat(0, in[0], in[1])); }
static rg_tensor *k_where(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_where(rg_gt(in[0], in[1]), rg_exp(in[0]), in[1]); }
static const struct kinked { const char *name; rg_fn fn; } kinked[] = {
    {"relu", relu}, {"abs", k_abs}, {"maximum", k_maximum}, {"minimum", k_minimum}, {"max", k_max}, {"where and gt", k_where}};

static void is_kinked(void **state) {
    const struct kinked *k = *state;
    rg_tape *t = new_tape();
    rg_tensor *in[] = {leaf(t, 1, 1e-4, 0), leaf(t, 1, 0, 0)};
    rg_check c = rg_gradcheck(k->fn, NULL, rg_list_of_n(2, in), .order = 3);
    assert_int_equal(c.failed, RG_CHECK_KINKED);
    assert_true(c.left_out >= 2);
    f64(in[0])[0] = .7;
    c = rg_gradcheck(k->fn, NULL, rg_list_of_n(2, in), .order = 3);
    if (c.failed) rg_check_print(&c, k->name, stderr);
    assert_true(c.left_out == 0 || in[1]->numel == 1);
    rg_tape_free(t);
}

typedef struct user_case { const char *name; rg_fn fn; rg_verdict verdict; int64_t checked; rg_code code; const char *message; } user_case;
static const user_case user_cases[] = {
    {"an operand that is ignored", first_only, RG_CHECK_PASSED, 6, RG_OK, NULL},
    {"an operand returned as it is", identity, RG_CHECK_PASSED, 6, RG_OK, NULL},
    {"a result that does not depend on operands", fixed, RG_CHECK_PASSED, 6, RG_OK, NULL},
    {"a function that returns NULL", no_tensor, RG_CHECK_BROKEN, 0, RG_EVALUE,
    "gradcheck: the function returned no tensor (test_gradcheck.c:"},
    {"an error in the function", failing, RG_CHECK_BROKEN, 0, RG_ESHAPE, "softmax: [3]: axis 1 "},
    {"a result in f32", to_f32, RG_CHECK_BROKEN, 0, RG_EDTYPE, "gradcheck: the function's result is f32, not f64 (test_gradcheck.c:"},
};

static void user_function(void **state) {
    const user_case *u = *state;
    rg_tape *t = new_tape();
    rg_tensor *in[] = {leaf(t, 3, 1, 1), leaf(t, 3, .5, 1)};
    rg_check c = rg_gradcheck(u->fn, NULL, rg_list_of_n(2, in), .order = 1);
    if (c.failed != u->verdict) rg_check_print(&c, u->name, stderr);
    assert_int_equal(c.failed, u->verdict);
    assert_int_equal(c.checked, u->checked);
    assert_int_equal(rg_error_code(t), u->code);
    if (u->message) {
        if (!rg_error(t) || strncmp(rg_error(t), u->message, strlen(u->message)) != 0) fail_msg("%s", rg_error(t));
        assert_non_null(strstr(c.text, u->message));
    }
    if (!u->verdict) assert_int_equal(rg_gradcheck(u->fn, NULL, rg_list_of_n(2, in), .order = 2).failed, RG_CHECK_PASSED);
    rg_tape_free(t);
}

static void check_refused(rg_tape *t, int n, rg_tensor *const *in, const char *message) {
    rg_check c = rg_gradcheck(first_only, NULL, rg_list_of_n(n, in), .order = 1);
    assert_int_equal(c.failed, RG_CHECK_BROKEN);
    if (!rg_error(t) || strncmp(rg_error(t), message, strlen(message)) != 0) fail_msg("%s", rg_error(t));
    rg_error_clear(t);
}

static rg_tensor *resetting(void *ctx, rg_tensor *const *in) {
    rg_tensor *y = rg_square(in[0]);
    return (void)ctx, rg_tape_reset(y->tape), y;
}

static void refuses_operands(void **state) {
    (void)state;
    rg_tape *t = new_tape(), *other = new_tape();
    rg_tensor *x = leaf(t, 3, 1, 1), *y = rg_exp(x), *far = leaf(other, 3, 1, 1), *plain = rg_full(t, 1, 3);
    rg_set_default_dtype(t, RG_F32);
    rg_tensor *coarse = rg_requires_grad(rg_full(t, 1, 3), true);
    rg_set_default_dtype(t, RG_F64);
    check_refused(t, 2, ((rg_tensor *[]){x, y}), "gradcheck: in[1] is the result of exp, not a leaf; rg_detach it (test_gradcheck.c:");
    check_refused(t, 2, ((rg_tensor *[]){x, far}), "gradcheck: in[1] is on another tape");
    check_refused(t, 2, ((rg_tensor *[]){x, NULL}), "gradcheck: in[1] is NULL");
    check_refused(
        t, 2, ((rg_tensor *[]){x, coarse}), "gradcheck: in[1] [3] f32: gradients are checked in f64; rg_set_default_dtype(t, RG_F64)");
    check_refused(t, 2, ((rg_tensor *[]){NULL, x}), "gradcheck: in[0] is NULL (test_gradcheck.c:");
    assert_int_equal(rg_gradcheck(NULL, NULL, rg_list_of(x), .order = 1).failed, RG_CHECK_BROKEN);
    assert_int_equal(strncmp(rg_error(t), "gradcheck: the function is NULL (test_gradcheck.c:", 50), 0);
    rg_error_clear(t);
    assert_int_equal(rg_gradcheck(first_only, NULL, rg_list_of_n(1, NULL), .order = 1).failed, RG_CHECK_BROKEN);
    assert_int_equal(rg_gradcheck(resetting, NULL, rg_list_of(x), .order = 1).failed, RG_CHECK_BROKEN);
    assert_non_null(strstr(rg_error(t),
        "rg_tape_reset: inside a function that was given tensors to work on, which would go (test_gradcheck.c:"));
    rg_error_clear(t);
    check_refused(t, 1, &plain, "gradcheck: no operand requires a gradient");
    assert_int_equal(rg_gradcheck(first_only, NULL, rg_list_of_n(0, NULL)).failed, RG_CHECK_BROKEN);
    rg_fail(t, RG_EVALUE, NULL, "an older error");
    check_refused(t, 1, &x, "an older error");
    rg_tape_free(t);
    rg_tape_free(other);
}

static void operands_of_other_kinds(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = rg_requires_grad(rg_full(t, 1.5, 3, 4), true), *index = rg_input(t, ((int32_t[]){0, 3, 2}), 3);
    rg_check c = rg_gradcheck(pick_row, NULL, rg_list_of(x, index), .order = 3);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_int_equal(c.checked, 12 + 12 + 3);
    rg_tensor *nothing = rg_requires_grad(rg_full(t, 0, 0, 4), true);
    c = rg_gradcheck(first_only, NULL, rg_list_of(nothing), .order = 3);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_int_equal(c.checked, 0);
    c = rg_gradcheck(product, NULL, rg_list_of(x, x), .order = 3);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_int_equal(c.checked, 12 + 24);
    rg_tape_free(t);
}

static void too_few_elements(void **state) {
    (void)state;
    rg_op op = PAIR(right);
    op.samples = "9,11 9,11";
    rg_check c = rg_gradcheck_op(&op, .order = 1);
    assert_int_equal(c.failed, RG_CHECK_FEW);
    op.samples = "9,11 9,11; 1 1";
    c = rg_gradcheck_op(&op, .order = 1);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_int_equal(c.checked, 4 * 100);
    op.samples = "9,11 9,11; 1 what";
    c = rg_gradcheck_op(&op, .order = 1);
    assert_int_equal(c.failed, RG_CHECK_BROKEN);
    assert_non_null(strstr(c.text, "what"));
    op.samples = "9,11 9,11; 2 3";
    c = rg_gradcheck_op(&op, .order = 1);
    assert_int_equal(c.failed, RG_CHECK_BROKEN);
    assert_non_null(strstr(c.text, "ab+a: "));
}

int main(void) {
    cases c = {0};
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        cases_add(&c, first_order, e->op, "%s, order 1", e->op->name);
        cases_add(&c, second_order, e->op, "%s, order 2", e->op->name);
    }
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) cases_add(&c, finds_fault, &faults[i], "finds: %s", faults[i].what);
    for (size_t i = 0; i < sizeof kinked / sizeof *kinked; i++)
        cases_add(&c, is_kinked, &kinked[i], "leaves out the kink of %s", kinked[i].name);
    for (size_t i = 0; i < sizeof user_cases / sizeof *user_cases; i++)
        cases_add(&c, user_function, &user_cases[i], "%s", user_cases[i].name);
    cases_add(&c, both_orders_at_once, NULL, "both orders at once");
    cases_add(&c, leaves_everything_as_it_was, NULL, "leaves everything as it was");
    cases_add(&c, memory_does_not_grow, NULL, "memory does not grow");
    cases_add(&c, names_the_worst_element, NULL, "names the worst element");
    cases_add(&c, frozen_operands_stay, NULL, "frozen operands are not moved");
    cases_add(&c, counts_kinks, NULL, "counts kinks, and fails for more than 2%%");
    cases_add(&c, refuses_operands, NULL, "refuses operands it cannot move");
    cases_add(&c, operands_of_other_kinds, NULL, "i32, empty and repeated operands");
    cases_add(&c, too_few_elements, NULL, "an operator's samples must be enough, and readable");
    return cases_run(&c, "gradcheck");
}
