/* test_backward.c - gradients as rg_backward hands them out: uses, accumulation, stale values, failures, many at once. */
#include "tests/support/values.h"

#include <stdlib.h>

static const float nines[] = {9, 9, 9, 9, 9, 9};

#define BACKWARD_REFUSED(code, y, message) REFUSED(code, (rg_backward(y) ? rg_poison(t) : NULL), message)

/* -------- uses and accumulation */

static void a_tensor_used_often(void **state) {
    rg_tensor *w = param(*state, "w", 3);
    rg_backward(rg_sum(rg_add(rg_add(rg_mul(w, w), w), rg_mul_scalar(w, 5)))); /* w^2 + 6w */
    VALUES(rg_grad_of(w), 8, 10, 12);
}

static void a_diamond(void **state) {
    rg_tensor *w = param(*state, "w", 2), *a = rg_mul_scalar(w, 2);
    rg_backward(rg_sum(rg_mul(rg_square(a), rg_mul_scalar(a, 3)))); /* 3 a^3 = 24 w^3 */
    VALUES(rg_grad_of(w), 72, 288);
}

static void the_same_operand_twice(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2);
    rg_backward(rg_sum(rg_add(w, w)));
    VALUES(rg_grad_of(w), 2, 2);
    rg_zero_grad(t);
    rg_backward(rg_sum(rg_sub(w, w)));
    VALUES(rg_grad_of(w), 0, 0);
    rg_zero_grad(t);
    rg_backward(rg_sum(rg_concat(0, w, w, w)));
    VALUES(rg_grad_of(w), 3, 3);
}

static void count_pads(void *ctx, rg_tensor *y, int i, rg_tensor *g) {
    (void)g;
    if (i == RG_RUN_FORWARD && !strcmp(y->op->name, "pad")) ++*(int *)ctx;
}

/* The first slice's gradient is filled up with zeros, the others are added to a part of it: of a result, and of a leaf. */
static void slices_of_one_tensor(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 6), *a = rg_square(w), *dw;
    rg_tensor *of_a = rg_add(rg_mul(10, rg_sum(rg_slice(a, 0, 0, 2))), rg_mul(100, rg_sum(rg_slice(a, 0, 1, 4)))); /* they overlap */
    rg_tensor *of_w = rg_add(rg_mul(3, rg_sum(rg_slice(w, 0, 3, 4))), rg_mul(1000, rg_sum(rg_slice(rg_slice(w, 0, 2, 6), 0, 2, 4))));
    rg_tensor *loss = rg_add(of_w, of_a);
    int pads = 0;
    rg_listener counting = {.fn = count_pads, .ctx = &pads};
    rg_listen(t, RG_RUNS, &counting, true);
    rg_backward(loss);
    rg_listen(t, RG_RUNS, &counting, false);
    assert_int_equal(pads, 3); /* for a, w, and the slice that is sliced again */
    VALUES(rg_grad_of(w), 20, 440, 600, 803, 1000, 1000);
    for (int k = 0; k < 3; k++) {
        rg_zero_grad(t);
        assert_int_equal(rg_play(t), 0);
        VALUES(rg_grad_of(w), 20, 440, 600, 803, 1000, 1000);
    }
    assert_int_equal(rg_grad(loss, rg_list_of(w), &dw, .create_graph = true), 0);
    VALUES(dw, 20, 440, 600, 803, 1000, 1000);
}

static void backward_twice_adds_twice(void **state) {
    rg_tensor *w = param(*state, "w", 2), *a = rg_square(w), *loss = rg_sum(rg_mul(a, a)); /* w^4 */
    rg_backward(loss);
    VALUES(rg_grad_of(w), 4, 32);
    rg_backward(loss);
    VALUES(rg_grad_of(w), 8, 64);
    rg_backward(rg_sum(w));
    VALUES(rg_grad_of(w), 9, 65);
}

static void clearing(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *loss = rg_sum(rg_mul(v, w));
    assert_null(rg_grad_of(w));
    rg_backward(loss);
    rg_clear_grad(v);
    assert_null(rg_grad_of(v));
    VALUES(rg_grad_of(w), 1, 2);
    rg_backward(loss);
    VALUES(rg_grad_of(v), 1, 2);
    VALUES(rg_grad_of(w), 2, 4);
    rg_zero_grad(t);
    rg_zero_grad(t);
    assert_null(rg_grad_of(v));
    assert_null(rg_grad_of(w));
}

static void an_input_with_a_gradient(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(rg_input(t, six, 3), true);
    rg_backward(rg_sum(rg_square(x)));
    VALUES(rg_grad_of(x), 2, 4, 6);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void *note_largest(void *ctx, size_t size) {
    size_t *largest = ctx;
    if (size > *largest) *largest = size;
    return malloc(size);
}

static void free_noted(void *ctx, void *p, size_t size) {
    (void)ctx, (void)size;
    free(p);
}

/* The gradient of a first layer's input would be the largest thing that a pass makes: nobody asks for it, and it is not made. */
static void no_gradient_of_the_first_layers_input(void **state) {
    (void)state;
    size_t largest = 0;
    rg_tape *t = rg_tape_new(1, .allocator = (rg_allocator){note_largest, free_noted, &largest, true});
    for (int how = 0; how < 8; how++) { /* matmul or linear, for a parameter alone or for the input too, rg_backward or rg_grad */
        rg_tensor *x = rg_requires_grad(rg_full(t, 1, 40, 500), how & 1), *w = rg_requires_grad(rg_full(t, 1, 500, 3), true),
            *b = rg_full(t, 1, 3), *dx;
        rg_tensor *loss = rg_sum(rg_relu(how & 2 ? rg_linear(x, w, b) : rg_matmul(x, w)));
        largest = 0;
        if (how & 4) assert_int_equal(rg_grad(loss, rg_list_of_n(1, how & 1 ? &x : &w), &dx), 0);
        else assert_int_equal(rg_backward(loss), 0);
        const size_t bytes = 40 * 500 * sizeof(float);
        if ((largest >= bytes) != (how & 1))
            fail_msg("case %d: the pass asked for %zu bytes at once, the input has %zu", how, largest, bytes);
        rg_tape_reset(t);
    }
    rg_tape_free(t);
}

static void a_frozen_parameter(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2);
    rg_requires_grad(v, false);
    rg_tensor *loss = rg_sum(rg_mul(v, w));
    rg_backward(loss);
    assert_null(rg_grad_of(v));
    VALUES(rg_grad_of(w), 1, 2);
    assert_false(rg_needs_grad(rg_exp(v)));
    rg_requires_grad(w, false); /* after its use: nothing is left to do */
    assert_int_equal(rg_backward(loss), 0);
    VALUES(rg_grad_of(w), 1, 2);
    BACKWARD_REFUSED(RG_ESTATE, rg_sum(rg_mul(v, w)),
        "rg_backward: the loss depends on nothing that requires a gradient, or was made with "
        "recording off or by rg_grad without .create_graph");
}

static void the_loss_is_the_leaf(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 1, 1);
    assert_int_equal(rg_backward(w), 0);
    assert_int_equal(rg_backward(w), 0);
    VALUES(rg_grad_of(w), 2);
}

static void the_loss_has_one_element(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2);
    BACKWARD_REFUSED(RG_ESHAPE, rg_exp(w), "rg_backward: [2] has 2 elements, not one; take its rg_sum or rg_mean, or give rg_grad a .dy");
    BACKWARD_REFUSED(RG_ESHAPE, rg_set_name(rg_exp(rg_slice(w, 0, 0, 0)), "y"),
        "rg_backward: y[0] has 0 elements, not one; take its rg_sum or rg_mean, or give rg_grad a .dy");
    assert_null(rg_grad_of(w));
}

static void interior_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *a = rg_square(w), *b = rg_add(a, w), *loss = rg_sum(rg_mul(a, b));
    rg_backward(loss);
    assert_null(rg_grad_of(a));
    assert_false(rg_keep_grads(t, true));
    rg_zero_grad(t);
    rg_backward(loss);
    VALUES(rg_grad_of(b), 1, 4);            /* a */
    VALUES(rg_grad_of(a), 1 + 2, 4 + 6);    /* b + a, for b is a + w */
    VALUES(rg_grad_of(w), 7, 44);           /* (w^4 + w^3)' */
    VALUES(rg_grad_of(loss), 1);
    const rg_tensor *all[] = {rg_grad_of(a), rg_grad_of(b), rg_grad_of(w)};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < i; j++) assert_ptr_not_equal(all[i]->data, all[j]->data);
    rg_backward(loss);
    VALUES(rg_grad_of(b), 2, 8);
    VALUES(rg_grad_of(loss), 2);
    assert_true(rg_keep_grads(t, false));
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2); /* w and its gradient */
}

static void recording_off_during_the_pass(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *loss = rg_sum(rg_square(w));
    rg_record(t, false);
    assert_int_equal(rg_backward(loss), 0);
    VALUES(rg_grad_of(w), 2, 4);
    assert_false(rg_record(t, true)); /* left as it was */
    assert_int_equal(rg_backward(loss), 0);
    assert_true(rg_record(t, true));
}

static void accumulators_are_buffers_of_their_own(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 6), *w = param(t, "w", 6), *x = param(t, "x", 6);
    rg_tensor *dy = rg_input(t, six, 6);
    /* The same cotangent reaches all three, and through views. */
    rg_backward(rg_sum(rg_mul(dy, rg_add(rg_add(v, w), rg_reshape(rg_reshape(x, 2, 3), 6)))));
    const float *g[] = {rg_f32(rg_grad_of(v)), rg_f32(rg_grad_of(w)), rg_f32(rg_grad_of(x)), rg_f32(dy)};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) assert_ptr_not_equal(g[i], g[j]);
    /* pictures tell them apart */
    assert_true(rg_grad_of(v)->seq != rg_grad_of(w)->seq && rg_grad_of(v)->seq > v->seq && rg_grad_of(w)->seq > v->seq);
    rg_write(rg_grad_of(v), nines);
    VALUES(rg_grad_of(w), 1, 2, 3, 4, 5, 6);
    VALUES(rg_grad_of(x), 1, 2, 3, 4, 5, 6);
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 7, 6);
    VALUES(rg_grad_of(v), 9, 9, 9, 9, 9, 9);
    VALUES(rg_grad_of(x), 1, 2, 3, 4, 5, 6);
    assert_int_equal(rg_memory(t).tensors, 6 + 50);
}

static void a_gradient_that_is_held_is_not_written(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *loss = rg_sum(rg_square(w));
    rg_backward(loss);
    rg_tensor *first = rg_retain(rg_grad_of(w)), *view = rg_detach(first);
    rg_backward(loss);
    VALUES(first, 2, 4);
    VALUES(view, 2, 4);
    VALUES(rg_grad_of(w), 4, 8);
    rg_tape_reset(t);
    VALUES(first, 2, 4);
    rg_release(first);
}

/* A gradient is an operand like any other; adding to it afterwards makes what read it stale. */
static void a_gradient_as_operand(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *loss = rg_sum(rg_square(w));
    rg_backward(loss);
    rg_tensor *norm = rg_sum(rg_mul(w, rg_grad_of(w)));
    assert_true(rg_item(norm) == 10);
    rg_backward(norm);
    VALUES(rg_grad_of(w), 4, 8);
    assert_int_equal(rg_backward(norm), -1);
    assert_true(strncmp(rg_error(t), "backward through mul: an operand was written after it was used here", 67) == 0);
    rg_error_clear(t);
    VALUES(rg_grad_of(w), 4, 8);
}

static void broadcasting_is_undone(void **state) {
    rg_tape *t = *state;
    static const struct { int n; int64_t shape[4]; double each; } operands[] = {{0, {0}, 24}, {1, {1}, 24}, {1, {4}, 6}, {2, {3, 1}, 8},
        {2, {3, 4}, 2},
        {3, {2, 1, 1}, 12}, {3, {1, 3, 4}, 2}, {3, {2, 3, 4}, 1}, {2, {1, 4}, 6}};
    for (int k = 0; k < 9; k++) {
        rg_tensor *x = rg_full(t, 1, 2, 3, 4), *w = rg_requires_grad(rg_full_n(t, 1, operands[k].n, operands[k].shape), true);
        rg_backward(rg_sum(k % 2 ? rg_mul(w, x) : rg_mul(x, w)));
        assert_shape(rg_grad_of(w), operands[k].n, operands[k].shape);
        for (int64_t i = 0; i < rg_numel(w); i++) assert_true(element(rg_grad_of(w), i) == operands[k].each);
    }
}

static void slices_of_one_parameter(void **state) {
    rg_tensor *w = param(*state, "w", 6);
    rg_tensor *head = rg_slice(w, 0, 0, 4), *tail = rg_slice(w, 0, 2, 6);
    rg_backward(rg_sum(rg_mul(head, tail)));
    VALUES(rg_grad_of(w), 3, 4, 5 + 1, 6 + 2, 3, 4);
}

static void in_double_precision(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *w = rg_parameter(t, "w", 2);
    rg_write(w, (const double[]){.1, .2});
    rg_backward(rg_sum(rg_exp(w)));
    assert_true(fabs(rg_f64(rg_grad_of(w))[0] - exp(.1)) < 1e-15);
    assert_true(fabs(rg_f64(rg_grad_of(w))[1] - exp(.2)) < 1e-15);
}

static void parameters_of_both_dtypes(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *w = param(t, "w", 2);
    rg_backward(rg_sum(rg_mul(rg_cast(v, RG_F64), w)));
    assert_int_equal(rg_dtype_of(rg_grad_of(v)), RG_F32);
    assert_int_equal(rg_dtype_of(rg_grad_of(w)), RG_F64);
    VALUES(rg_grad_of(v), 1, 2);
}

/* -------- values written after their use */

static void a_stale_leaf_is_named(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w1", 2), *x = rg_full(t, 1, 2), *out[1];
    rg_tensor *by_write = rg_mul(w, x); const char *here = RG_HERE;
    rg_write(w, nines);
    assert_int_equal(rg_backward(rg_sum(by_write)), -1);
    char should[200];
    snprintf(should, sizeof should, "backward through mul: w1 was written after it was used here (%s)",
        strrchr(here, '/') ? strrchr(here, '/') + 1 : here);
    assert_string_equal(rg_error(t), should);
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    assert_null(rg_grad_of(w));
    rg_error_clear(t);
    assert_int_equal(rg_grad(rg_sum(by_write), rg_list_of(w), out, .create_graph = true), -1);
    assert_true(rg_failed(out[0]));
    rg_error_clear(t);
    rg_backward(rg_sum(rg_mul(w, x))); /* used anew */
    VALUES(rg_grad_of(w), 1, 1);
}

static void stale_through_views_and_touch(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 6), *x = rg_set_name(rg_input(t, six, 6), "x"), *v = param(t, "v", 2);
    rg_tensor *all[] = {rg_sum(rg_square(rg_reshape(w, 2, 3))), rg_sum(rg_mul(v, rg_slice(w, 0, 2, 4))),
        rg_sum(rg_mul(v, rg_detach(rg_slice(w, 0, 0, 2))))};
    rg_touch(rg_slice(w, 0, 0, 1)); /* an optimiser's way, and through a view */
    for (int k = 0; k < 3; k++) {
        assert_int_equal(rg_backward(all[k]), -1);
        assert_non_null(strstr(rg_error(t), ": w was written after it was used here (test_backward.c:"));
        rg_error_clear(t);
    }
    rg_tensor *y = rg_sum(rg_mul(w, x));
    rg_write(x, nines); /* an operand without gradient, but the other's gradient reads it */
    assert_int_equal(rg_backward(y), -1);
    assert_non_null(strstr(rg_error(t), ": x was written"));
    rg_error_clear(t);
    assert_null(rg_grad_of(w));
}

static void stale_indices(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(rg_input(t, six, 2, 3), true), *i = rg_input(t, ((const int32_t[]){0, 2}), 2);
    rg_tensor *y = rg_sum(rg_pick(x, i));
    rg_write(i, (const int32_t[]){1, 1});
    assert_int_equal(rg_backward(y), -1);
    assert_non_null(strstr(rg_error(t), "backward through pick"));
    rg_error_clear(t);
}

static void written_before_use_is_fine(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *unused = param(t, "unused", 2), *view = rg_reshape(w, 2, 1);
    rg_write(w, six);
    rg_tensor *y = rg_sum(rg_square(w));
    rg_write(unused, nines);
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(w), 2, 4);
    (void)view;
    rg_write(w, nines); /* after backward, before the next forward */
    rg_tape_reset(t);
    assert_int_equal(rg_backward(rg_sum(rg_square(w))), 0);
    VALUES(rg_grad_of(w), 2 + 18, 4 + 18);
}

/* -------- failures */

static void a_failed_backward_changes_nothing(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *bad = param(t, "bad", 2);
    rg_backward(rg_sum(rg_mul(v, w)));
    rg_tensor *gv = rg_grad_of(v), *gw = rg_grad_of(w), *loss = rg_sum(rg_add(rg_mul(rg_exp(bad), bad), rg_mul(v, w)));
    rg_write(bad, nines); /* found at the far end of the pass: v and w have got theirs by then */
    rg_keep_grads(t, true);
    assert_int_equal(rg_backward(loss), -1);
    assert_ptr_equal(rg_grad_of(v), gv);
    assert_ptr_equal(rg_grad_of(w), gw);
    assert_null(rg_grad_of(bad));
    assert_null(rg_grad_of(loss));
    VALUES(gv, 1, 2);
    VALUES(gw, 1, 2);
    rg_error_clear(t);
    assert_int_equal(rg_backward(rg_sum(rg_mul(v, w))), 0);
    VALUES(gv, 2, 4);
    assert_true(rg_record(t, true));
}

/* -------- many */

static void many_operands(void **state) {
    rg_tape *t = *state;
    enum { MOST = 255 };
    rg_tensor *x[MOST + 1];
    for (int i = 0; i <= MOST; i++) x[i] = rg_requires_grad(rg_full(t, i, 1), true);
    assert_int_equal(rg_backward(rg_sum(rg_square(rg_concat_n(0, MOST, x)))), 0);
    for (int i = 0; i < MOST; i++) VALUES(rg_grad_of(x[i]), 2 * i);
    REFUSED(RG_ESHAPE, rg_concat_n(0, MOST + 1, x), "concat: 256 operands, at most 255");
}

static void a_long_chain(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 1), *y = w;
    for (int i = 0; i < 100000; i++) y = rg_add_scalar(y, 0);
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(w), 1);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

static void a_wide_fan(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 6), *y = rg_mul_scalar(w, 0);
    for (int i = 0; i < 1000; i++) y = rg_add(y, rg_mul_scalar(w, i));
    assert_int_equal(rg_backward(rg_sum(y)), 0);
    VALUES(rg_grad_of(w), 499500, 499500, 499500, 499500, 499500, 499500);
}

/* -------- a pass for some leaves */

static void only_the_inputs_get_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = param(t, "a", 3), *b = param(t, "b", 3), *c = rg_requires_grad(rg_full(t, 2, 3), true);
    rg_tensor *y = rg_sum(rg_mul(rg_mul(a, b), c));
    assert_int_equal(rg_backward(y, .inputs = rg_list_of(a)), 0);
    VALUES(rg_grad_of(a), 2, 4, 6);
    assert_null(rg_grad_of(b));
    assert_null(rg_grad_of(c));
    assert_int_equal(rg_backward(y, .inputs = rg_list_of(a, c)), 0); /* adds to what is there */
    VALUES(rg_grad_of(a), 4, 8, 12);
    VALUES(rg_grad_of(c), 1, 4, 9);
    assert_null(rg_grad_of(b));
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(b), 2, 4, 6);
    VALUES(rg_grad_of(a), 6, 12, 18);
}

static rg_tensor *counting(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, ++*(int *)ctx, NULL; }

/* A GAN's generator step leaves nothing in the critic: no hook of it runs, and no gradient has to be cleared. */
static void what_no_input_needs_is_left_out(void **state) {
    rg_tape *t = *state;
    rg_tensor *g = param(t, "g", 2), *d = param(t, "d", 2), *fake = rg_tanh(g), *score = rg_mul(fake, rg_exp(d));
    int calls = 0;
    rg_on_grad(d, counting, &calls);
    assert_int_equal(rg_backward(rg_sum(score), .inputs = rg_list_of(g)), 0);
    assert_int_equal(calls, 0);
    assert_null(rg_grad_of(d));
    assert_non_null(rg_grad_of(g));
    const int64_t before = rg_memory(t).tensors;
    rg_keep_grads(t, true);
    assert_int_equal(rg_backward(rg_sum(score), .inputs = rg_list_of(d)), 0);
    assert_int_equal(calls, 1);
    rg_keep_grads(t, false);
    assert_int_equal(rg_memory(t).tensors, before + 2); /* the sum and d's gradient: none of a result is kept */
}

static void passes_for_inputs_are_not_replayed(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = param(t, "a", 2), *y = rg_sum(rg_square(a));
    for (int k = 0; k < 2; k++) { /* also where the loss is a leaf */
        const int64_t mark = rg_mark(t);
        rg_tensor *loss = k ? param(t, "b", 1) : rg_mean(y);
        assert_int_equal(rg_backward(loss, .inputs = rg_list_of(k ? loss : a)), 0);
        assert_int_equal(rg_play(t), -1);
        assert_non_null(strstr(rg_error(t), "rg_play: an rg_backward for some inputs is on the record"));
        rg_error_clear(t);
        rg_rewind(t, mark);
        assert_int_equal(rg_play(t), 0);
    }
}

static void inputs_that_are_refused(void **state) {
    rg_tape *t = *state, *other = rg_tape_new(1);
    rg_tensor *a = param(t, "a", 2), *b = param(t, "b", 2), *y = rg_sum(rg_square(a)), *h = rg_neg(a), *frozen = rg_full(t, 1, 2);
    rg_tensor *foreign = rg_parameter(other, "f", 2);
    const struct { rg_list inputs; const char *message; } cases[] = {
        {rg_list_of(b), "rg_backward: the loss depends on none of the inputs ("},
        {rg_list_of(a, NULL), "rg_backward: inputs[1] is NULL ("},
        {rg_list_of(h), "rg_backward: inputs[0] is no leaf; rg_grad takes it ("},
        {rg_list_of(frozen), "rg_backward: inputs[0] does not require a gradient ("},
        {rg_list_of(foreign), "rg_backward: inputs[0] is from another tape ("},
        {{(rg_tensor *[]){a}, 0}, "rg_backward: the list of inputs is empty ("},
        {{NULL, 2}, "rg_backward: the list of inputs is empty ("}};
    rg_on_error(t, NULL, NULL);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        assert_int_equal(rg_backward(y, .inputs = cases[k].inputs), -1);
        assert_true(strstr(rg_error(t), cases[k].message) == rg_error(t));
        rg_error_clear(t);
        assert_null(rg_grad_of(a));
        assert_null(rg_grad_of(b));
    }
    assert_int_equal(rg_backward(y, .inputs = rg_list_of(a, b)), 0); /* b: its gradient stays as it was */
    assert_null(rg_grad_of(b));
    rg_tape_free(other);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(only_the_inputs_get_gradients), CASE(what_no_input_needs_is_left_out),
        CASE(passes_for_inputs_are_not_replayed), CASE(inputs_that_are_refused), CASE(a_tensor_used_often), CASE(a_diamond),
        CASE(the_same_operand_twice), CASE(slices_of_one_tensor), CASE(backward_twice_adds_twice), CASE(clearing),
        CASE(an_input_with_a_gradient),
        CASE(no_gradient_of_the_first_layers_input), CASE(a_frozen_parameter), CASE(the_loss_is_the_leaf), CASE(the_loss_has_one_element),
        CASE(interior_gradients), CASE(recording_off_during_the_pass), CASE(accumulators_are_buffers_of_their_own),
        CASE(a_gradient_that_is_held_is_not_written), CASE(a_gradient_as_operand), CASE(broadcasting_is_undone),
        CASE(slices_of_one_parameter), CASE(in_double_precision), CASE(parameters_of_both_dtypes), CASE(a_stale_leaf_is_named),
        CASE(stale_through_views_and_touch), CASE(stale_indices), CASE(written_before_use_is_fine), CASE(a_failed_backward_changes_nothing),
        CASE(many_operands), CASE(a_long_chain), CASE(a_wide_fan)};
    return cmocka_run_group_tests_name("backward", cases, NULL, NULL);
}
