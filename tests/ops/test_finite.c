/* test_finite.c - rg_check_finite names the op, the element and the cause of the first NaN or infinity, forward and backward. */
#include "tests/support/values.h"

/* The tape's message is "TEXT (test_finite.c:LINE)". */
static void names(rg_tape *t, int line, const char *text) {
    assert_null(rg_error(t));
    assert_int_equal(rg_check_finite(t), -1);
    assert_int_equal(rg_error_code(t), RG_EVALUE);
    assert_int_equal(rg_check_finite(t), -1); /* the first error stays */
    refused(t, rg_poison(t), RG_EVALUE, __FILE__, line, text);
    rg_tape_reset(t);
}
#define MADE(expression, text)          \
    do {                                \
        rg_tensor *made = (expression); \
        (void)made;                     \
        names(t, __LINE__, text);       \
    } while (0)
#define IN(...) rg_input(t, ((const double[]){__VA_ARGS__}), (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)))
#define LEAF(...) rg_requires_grad(IN(__VA_ARGS__), true)

/* -------- forward */

static void one_op(void **state) {
    rg_tape *t = *state;
    MADE(rg_exp(IN(1, 800, 2)), "exp: [3]: element [1] is inf: e^x = e^800, beyond the range of f32");
    MADE(rg_log(rg_set_name(IN(1, 0), "x")), "log: x[2]: element [1] is -inf: ln x = ln 0");
    MADE(rg_log(IN(-2)), "log: [1]: element [0] is nan: ln x = ln (-2)");
    MADE(rg_sqrt(IN(4, -9)), "sqrt: [2]: element [1] is nan: x^(1/2) = (-9)^(1/2)");
    MADE(rg_square(IN(3, -1e30)), "square: [2]: element [1] is inf: x^2 = (-1e+30)^2, beyond the range of f32");
    MADE(rg_pow_scalar(IN(0), -2), "pow_scalar: [1]: element [0] is inf: x^p = 0^(-2)");
    MADE(rg_mul_scalar(IN(1e30), 1e20), "mul_scalar: [1]: element [0] is inf: p x = 1e+20 1e+30, beyond the range of f32");
    MADE(rg_div(IN(0, 0), IN(1, 0)), "div: [2] / [2]: element [1] is nan: a / b = 0 / 0");
    MADE(rg_div(rg_set_name(IN(1, 1), "n"), rg_set_name(rg_full(t, 0), "d")), "div: n[2] / d[]: element [0] is inf: a / b = 1 / 0");
    MADE(rg_sub(IN(INFINITY, 1), IN(INFINITY, 1)), "sub: [2] - [2]: element [0] is nan: a - b = inf - inf");
    MADE(rg_add(IN(-INFINITY, 1), IN(INFINITY, 1)), "add: [2] + [2]: element [0] is nan: a + b = (-inf) + inf");
    MADE(rg_mul(IN(1, 0), IN(2, INFINITY)), "mul: [2] * [2]: element [1] is nan: a * b = 0 * inf");
    MADE(rg_div(IN(INFINITY), IN(INFINITY)), "div: [1] / [1]: element [0] is nan: a / b = inf / inf");
    rg_tensor *large = rg_reshape(IN(1, 2, 3, 1e30), 2, 2);
    MADE(rg_mul(large, IN(1, 1e10)), "mul: [2,2] * [2]: element [1,1] is inf: a * b = 1e+30 * 1e+10, beyond the range of f32");
    MADE(rg_div(rg_unsqueeze(IN(1, 2), 1), rg_unsqueeze(IN(3, 4, 0), 0)), "div: [2,1] / [1,3]: element [0,2] is inf: a / b = 1 / 0");
    MADE(rg_div(rg_unsqueeze(IN(1, 2), 0), rg_unsqueeze(IN(3, 4, 0), 1)), "div: [1,2] / [3,1]: element [2,0] is inf: a / b = 1 / 0");
}

static void ops_of_whole_operands(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_set_name(rg_input(t, ((const float[]){1, 1, 1e30f, 1}), 2, 2), "a");
    rg_retain(a);
    MADE(rg_matmul(a, rg_mul_scalar(a, 2e8)),
        "matmul: a[2,2] . [2,2]: element [1,0] is inf: a . b, of finite operands up to 2e+38 in size, beyond the range of f32");
    MADE(rg_sum(rg_full(t, 3e38, 2)),
        "sum: [2]: element [] is inf: sum x_i, of finite operands up to 3e+38 in size, beyond the range of f32");
    MADE(rg_mean(rg_full(t, 1, 0, 3)), "mean: [0,3]: element [] is nan: sum x_i / n, of finite operands up to 0 in size");
    rg_tensor *masked = rg_input(t, ((const float[]){0, -INFINITY, -INFINITY, -INFINITY}), 2, 2);
    MADE(rg_softmax(masked, 1), "softmax: [2,2]: element [1,0] is nan: operand 1 holds -inf at element [0,1]");
    rg_release(a);
}

/* The first in order of execution, however much follows; what only passes it on is not named. */
static void the_first_of_many(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *x = rg_sub(w, IN(1, 0, 0)), *y = rg_log(x);
    const int line = __LINE__ - 1;
    rg_tensor *loss = rg_mean(rg_mul(rg_exp(rg_mul_scalar(y, -1)), rg_add(y, w)));
    rg_div(loss, rg_sub(loss, loss));
    names(t, line, "log: [3]: element [0] is -inf: ln x = ln 0");
}

static void what_a_leaf_brings(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_retain(rg_set_name(LEAF(1, NAN, 2), "w")), *mask = rg_retain(IN(0, -INFINITY, 0)), *c = rg_retain(IN(1, 2, 3));
    MADE(rg_sum(rg_mul(c, w)), "mul: [3] * w[3]: operand 2, a leaf, holds nan at element [1]");
    MADE(rg_sum(rg_add(c, mask)), "add: [3] + [3]: operand 2, a leaf, holds -inf at element [1]");
    rg_sum(rg_softmax(rg_add(c, mask), 0)); /* what a mask is for */
    assert_int_equal(rg_check_finite(t), 0);
    rg_exp(c);
    rg_write(w, six);
    rg_mul(c, w);
    assert_int_equal(rg_check_finite(t), 0);
    rg_release(w), rg_release(mask), rg_release(c);
    rg_tape_reset(t);
    assert_int_equal(rg_check_finite(t), 0);
}

static void in_f64(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_exp(IN(89));
    assert_int_equal(rg_check_finite(t), 0);
    MADE(rg_exp(IN(710)), "exp: [1]: element [0] is inf: e^x = e^710, beyond the range of f64");
    MADE(rg_cast(IN(1e300, 1), RG_F32),
        "cast: [2]: element [0] is inf: x in another dtype, of finite operands up to 1e+300 in size, beyond the range of f32");
}

/* -------- backward */

#define BACK " in backward the gradient of operand "

/* Finite values, a gradient that is not. The gradients kept are not touched. */
static void one_rule(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2);
    rg_backward(rg_sum(w));
    rg_tensor *x = rg_set_name(LEAF(4, 0), "x");
    MADE(rg_sum(rg_sqrt(x)), "sqrt: x[2]:" BACK "1 is inf at element [1], where x = 0 and dy = 1: a / b = 0.5 / 0");
    MADE(rg_sum(rg_pow_scalar(LEAF(0, 1), .5)), "pow_scalar: [2]:" BACK "1 is inf at element [0], where x = 0 and dy = 1: x^p = 0^(-0.5)");
    MADE(rg_sum(rg_div(IN(1, 1), LEAF(1, 1e-25))),
        "div: [2] / [2]:" BACK "2 is -inf at element [1], where a = 1, b = 1e-25 and dy = 1: "
        "a / b = 1e+25 / 1e-25, beyond the range of f32");
    MADE(rg_mul_scalar(rg_mul_scalar(LEAF(1e-30), 1e30), 1e30),
        "mul_scalar: [1]:" BACK "1 is inf at element [0], where x = 1e-30 and dy = 1e+30: a * b = 1e+30 * 1e+30, beyond the range of f32");
    rg_tensor *m = rg_input(t, ((const float[]){1e30f, 1, 0, 0}), 2, 2), *y = rg_linear(LEAF(1e-30, 0), m, IN(0, 0));
    const int line = __LINE__ - 1;
    rg_sum(rg_mul_scalar(y, 1e30));
    names(t, line, "linear: [2], [2,2], [2]:" BACK "1 is inf at element [0]: a . b, of finite operands up to 1e+30 in size, beyond the "
                                                   "range of f32");
    VALUES(rg_grad_of(w), 1, 1);
}

static void sums_of_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(LEAF(0), "x"), *a = rg_mul_scalar(x, 1);
    const int line = __LINE__ - 1;
    rg_add(rg_mul_scalar(a, 3e38), rg_mul_scalar(a, 3e38));
    names(t, line, "mul_scalar: x[1]: in backward the gradients from its uses add up to inf at element [0]");
    x = rg_set_name(LEAF(0), "x");
    MADE(rg_add(rg_mul_scalar(x, 3e38), rg_mul_scalar(x, 3e38)),
        "add: [1] + [1]: in backward the gradient of x[1] is inf at element [0], although each use of it gave a finite one");
    rg_tensor *w = param(t, "w", 1);
    for (int k = 0; k < 2; k++) {
        rg_backward(rg_mul_scalar(w, 3e38));
        rg_tape_reset(t);
    }
    MADE(rg_mul_scalar(w, 1), "mul_scalar: w[1]: the gradient kept at w[1] is inf at element [0], although backward from here gives a "
                              "finite one");
    rg_zero_grad(t);
    rg_mul_scalar(w, 1);
    assert_int_equal(rg_check_finite(t), 0);
}

static rg_tensor *root(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_sqrt(in[0]); }
static void inside_a_checkpoint(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = LEAF(1, 0);
    rg_sum(rg_checkpoint(root, NULL, rg_list_of(x)));
    names(t, __LINE__ - 5, "sqrt: [2]:" BACK "1 is inf at element [1], where x = 0 and dy = 1: a / b = 0.5 / 0");
    x = LEAF(1, 4);
    rg_sum(rg_checkpoint(root, NULL, rg_list_of(x)));
    assert_int_equal(rg_check_finite(t), 0);
}

/* A pass that was recorded is part of the record: its ops are found as any others. */
static void a_recorded_pass(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = LEAF(1, 0), *y = rg_sum(rg_sqrt(x)), *g;
    const int line = __LINE__ - 1;
    rg_grad(y, rg_list_of(x), &g, .create_graph = true);
    names(t, line, "div: [2] / [2]: element [1] is inf: a / b = 0.5 / 0");
}

/* Nothing stays but the error, and the record can still be used. */
static void what_stays(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *loss = rg_mean(rg_exp(w));
    const rg_memory_stats before = rg_memory(t);
    assert_int_equal(rg_check_finite(t), 0);
    assert_int_equal(rg_memory(t).tensors, before.tensors);
    assert_int_equal(rg_memory(t).bytes, before.bytes);
    assert_null(rg_grad_of(w));
    assert_int_equal(rg_backward(loss), 0);
    rg_write(w, six);
    assert_int_equal(rg_check_finite(t), -1); /* after a step it is too late */
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    rg_error_clear(t);
}

/* -------- listeners */

static void count(void *ctx, rg_tensor *y, int i, rg_tensor *g) { (void)y, (void)i, (void)g, ++*(int *)ctx; }
typedef struct once { rg_listener listener; int calls; } once;
static void leave(void *ctx, rg_tensor *y, int i, rg_tensor *g) {
    once *o = ctx;
    (void)i, (void)g, o->calls++;
    rg_listen(rg_tape_of(y), RG_GRADIENTS, &o->listener, false);
    memset(&o->listener, 0xff, sizeof o->listener); /* it may be gone */
}

/* Those of the program are called in its pass too, and stay; one that takes itself off lets the next be called. */
static void other_listeners_stay(void **state) {
    rg_tape *t = *state;
    int calls[2] = {0, 0};
    once o = {.calls = 0};
    o.listener = (rg_listener){.fn = leave, .ctx = &o};
    rg_listener a = {.fn = count, .ctx = &calls[0]}, b = {.fn = count, .ctx = &calls[1]};
    rg_listen(t, RG_GRADIENTS, &a, true), rg_listen(t, RG_GRADIENTS, &o.listener, true), rg_listen(t, RG_GRADIENTS, &b, true);
    rg_listen(t, RG_GRADIENTS, &a, true); /* once is enough */
    rg_tensor *loss = rg_sum(rg_exp(param(t, "w", 3)));
    assert_int_equal(rg_check_finite(t), 0);
    assert_true(calls[0] == 2 && calls[1] == 2 && o.calls == 1); /* sum, exp */
    rg_backward(loss);
    assert_true(calls[0] == 4 && calls[1] == 4 && o.calls == 1);
    rg_listen(t, RG_GRADIENTS, &a, false), rg_listen(t, RG_GRADIENTS, &a, false), rg_listen(t, RG_RUNS, &b, false);
    rg_backward(loss);
    assert_true(calls[0] == 4 && calls[1] == 6);
    MADE(rg_log(IN(0)), "log: [1]: element [0] is -inf: ln x = ln 0");
    rg_backward(rg_sum(rg_exp(param(t, "v", 3))));
    assert_true(calls[0] == 4 && calls[1] == 8);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(one_op), CASE(ops_of_whole_operands), CASE(the_first_of_many), CASE(what_a_leaf_brings),
        CASE(in_f64), CASE(one_rule),
        CASE(sums_of_gradients), CASE(inside_a_checkpoint), CASE(a_recorded_pass), CASE(what_stays),
        CASE(other_listeners_stay)};
    return cmocka_run_group_tests_name("finite", cases, NULL, NULL);
}
