/* test_rules.c - operators of users' own: their backward rules, good and bad, and when they run. */
#include "tests/support/values.h"

/* -------- users' own operators: op.h alone */

static int cube_forward(rg_tensor *y) {
    for (int64_t i = 0; i < y->numel; i++) {
        const double x = element(y->in[0], i);
        if (y->dtype == RG_F64) ((double *)y->data)[i] = x * x * x;
        else ((float *)y->data)[i] = (float)(x * x * x);
    }
    return 0;
}
static void cube_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_mul(dy, rg_mul(rg_constant(y, 3), rg_square(y->in[0])));
}
static const rg_op cube = {.name = "cube", .formula = "x^3", .arity = 1, .forward = RG_ANY(cube_forward), .backward = cube_backward};

static void an_operator_of_ones_own(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *g[2];
    rg_tensor *y = rg_apply(&cube, RG_HERE, RG_NO_ATTR, 1, &w);
    VALUES(y, 1, 8);
    rg_grad(rg_sum(y), rg_list_of(w), &g[0], .create_graph = true);
    rg_grad(rg_sum(g[0]), rg_list_of(w), &g[1]);
    VALUES(g[0], 3, 12);
    VALUES(g[1], 6, 12);
    rg_tensor *i[] = {rg_buffer_of(t, "i", RG_I32, NULL, 2), w};
    const rg_attr none = {.p = 0};
    REFUSED(RG_EDTYPE, rg_apply(&cube, RG_HERE, none, 1, i), "cube: i[2] i32: operand 1 must be a float, not i32; rg_cast converts");
    REFUSED(RG_ESHAPE, rg_apply(&cube, RG_HERE, none, 2, i), "cube: 2 operands, not 1");
}

static int copy_forward(rg_tensor *y) { return rg_copy_out_of(y->in[0], y->dtype, y->data, y->numel); }
static rg_tape *other;
static rg_tensor *other_tensor;
static int fused_fails(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return (void)y, (void)dy, (void)dx, -1; }
static void same_for_both(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = dx[1] = ((void)y, dy); }
static void wrong_shape(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_concat(0, dy, dy), (void)y; }
static void too_small(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_sum(dy), (void)y; }
static void wrong_dtype(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_cast(dy, RG_F64), (void)y; }
static void poisons(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_poison(NULL), (void)y, (void)dy; }
static void elsewhere(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = other_tensor, (void)y, (void)dy; }
static void nothing(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { (void)y, (void)dy, (void)dx; }
static void unasked(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = dx[1] = rg_concat(0, dy, dy), (void)y; }
static void operand_itself(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = y->in[0], (void)dy; }
static void runs_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_backward(rg_sum(y->in[0])), dx[0] = dy; }
static void runs_grad(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_grad(y, rg_list_of_n(1, y->in), dx, .dy = dy); }
static void resets(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_tape_reset(y->tape), dx[0] = dy; }
static void rewinds(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_rewind(y->tape, y->seq), dx[0] = dy; }

/* y = x, but with another rule; -1 operands. */
static rg_tensor *with_rule(void (*rule)(rg_tensor *, rg_tensor *, rg_tensor **), int n, rg_tensor *a, rg_tensor *b) {
    static rg_op ops[16];
    static int used;
    rg_op *op = &ops[used++ % 16];
    *op = (rg_op){.name = "mine", .formula = "x", .arity = -1, .forward = RG_ANY(copy_forward), .backward = rule};
    return rg_apply(op, "mine.c:7", RG_NO_ATTR, n, (rg_tensor *[]){a, b});
}

static void one_cotangent_for_both_operands(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2);
    rg_backward(rg_sum(rg_mul_scalar(with_rule(same_for_both, 2, v, w), 3)));
    VALUES(rg_grad_of(v), 3, 3);
    VALUES(rg_grad_of(w), 3, 3);
    assert_ptr_not_equal(rg_grad_of(v)->data, rg_grad_of(w)->data);
    rg_zero_grad(t);
    rg_backward(rg_sum(with_rule(same_for_both, 2, w, w)));
    VALUES(rg_grad_of(w), 2, 2);
    rg_zero_grad(t);
    rg_backward(rg_sum(with_rule(operand_itself, 1, w, w)));
    VALUES(rg_grad_of(w), 1, 2);
    assert_ptr_not_equal(rg_grad_of(w)->data, w->data);
}

static void bad_rules_are_named(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2);
    other = rg_tape_new(1);
    other_tensor = rg_full(other, 1, 2);
    const struct { void (*rule)(rg_tensor *, rg_tensor *, rg_tensor **); const char *message; } all[] = {
        {wrong_shape, "mine: its backward gave operand 1 a gradient [4] in place of w[2] (mine.c:7)"},
        {too_small, "mine: its backward gave operand 1 a gradient [] in place of w[2] (mine.c:7)"},
        {wrong_dtype, "mine: its backward gave operand 1 a gradient [2] f64 in place of w[2] (mine.c:7)"},
        {poisons, "mine: its backward failed for operand 1 (mine.c:7)"},
        {elsewhere, "mine: its backward gave operand 1 a gradient from another tape (mine.c:7)"},
        {runs_backward, "rg_backward: inside a backward pass"},
        {runs_grad, "rg_grad: inside a backward pass"},
        {resets, "rg_tape_reset: inside a backward pass"},
        {rewinds, "rg_rewind: inside a backward pass, to before it"}};
    for (int k = 0; k < 9; k++) {
        assert_int_equal(rg_backward(rg_sum(with_rule(all[k].rule, 1, w, NULL))), -1);
        if (strncmp(rg_error(t), all[k].message, strlen(all[k].message)) != 0) fail_msg("rule %d: %s", k, rg_error(t));
        rg_error_clear(t);
        assert_null(rg_grad_of(w));
        assert_int_equal(rg_backward(rg_sum(rg_square(w))), 0); /* the tape still works */
        VALUES(rg_grad_of(w), 2, 4);
        rg_zero_grad(t);
    }
    assert_null(rg_error(other));
    rg_tape_free(other);
}

static void a_rule_may_leave_gradients_out(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *c = rg_full(t, 1, 2), *out[1];
    assert_int_equal(rg_backward(rg_sum(with_rule(nothing, 1, w, NULL))), 0);
    assert_null(rg_grad_of(w));
    rg_tensor *y = rg_sum(with_rule(nothing, 1, w, NULL));
    assert_int_equal(rg_grad(y, rg_list_of(w), out), 0);
    VALUES(out[0], 0, 0);
    y = with_rule(unasked, 2, c, c); /* what nobody needs is not looked at */
    assert_false(rg_needs_grad(y));
}

static int rules_run;
static int64_t most_alive;
static void counts(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rules_run++;
    const int64_t alive = rg_memory(y->tape).tensors;
    if (alive > most_alive) most_alive = alive;
    dx[0] = rg_mul_scalar(dy, 1);
}

static void rules_off_the_path_do_not_run(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *y = rg_sum(rg_mul(with_rule(counts, 1, v, NULL), w)), *out[1];
    for (int k = 0; k < 4; k++) {
        rules_run = 0;
        rg_grad(y, rg_list_of_n(1, k % 2 ? &w : &v), out);
        assert_int_equal(rules_run, k % 2 ? 0 : 1); /* also after a pass that had asked for it */
        VALUES(out[0], 1, 2);
    }
}

static void a_pass_holds_few_gradients_at_a_time(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 50), *y = w;
    for (int i = 0; i < 50; i++) y = with_rule(counts, 1, y, NULL);
    y = rg_sum(y);
    const int64_t before = rg_memory(t).tensors;
    most_alive = 0;
    rg_backward(y);
    assert_true(most_alive > before && most_alive <= before + 3);
}

static void a_fused_rule_that_fails(void **state) {
    rg_tape *t = *state;
    static const rg_op op = {.name = "fails", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = same_for_both,
        .fused = RG_ANY(fused_fails)};
    rg_tensor *w = param(t, "w", 2), *y = rg_apply(&op, "mine.c:9", RG_NO_ATTR, 1, &w);
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    assert_string_equal(rg_error(t), "fails: its fused backward failed (mine.c:9)");
    rg_error_clear(t);
}

static void a_dtype_without_a_kernel(void **state) {
    rg_tape *t = *state;
    static const rg_op op = {.name = "single", .formula = "x", .arity = 1, .forward = {{copy_forward, copy_forward}}};
    rg_tensor *x = rg_full(t, 1, 9);
    assert_false(rg_failed(rg_apply(&op, RG_HERE, RG_NO_ATTR, 1, &x)));
    rg_set_default_dtype(t, RG_F64);
    x = rg_full(t, 1, 9);
    REFUSED(RG_EDTYPE, rg_apply(&op, RG_HERE, RG_NO_ATTR, 1, &x), "single: [9]: no kernel for f64");
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(an_operator_of_ones_own), CASE(one_cotangent_for_both_operands),
        CASE(bad_rules_are_named),
        CASE(a_rule_may_leave_gradients_out), CASE(rules_off_the_path_do_not_run), CASE(a_pass_holds_few_gradients_at_a_time),
        CASE(a_fused_rule_that_fails),
        CASE(a_dtype_without_a_kernel)};
    return cmocka_run_group_tests_name("rules", cases, NULL, NULL);
}
