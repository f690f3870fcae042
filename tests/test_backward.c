/* test_backward.c - gradients as the engine hands them out: uses, accumulation, rg_grad, higher orders, stale values, users' own operators. */
#include "tests/numbers.h"

static const float six[] = {1, 2, 3, 4, 5, 6}, nines[] = {9, 9, 9, 9, 9, 9};

static void has_values(const char *file, int line, const rg_tensor *x, const double *should, int64_t n) {
    if (!x || rg_failed(x)) fail_msg("%s:%d: no tensor: %s", file, line, x && rg_tape_of(x) ? rg_error(rg_tape_of(x)) : "");
    assert_int_equal(rg_numel(x), n);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(element(x, i) - should[i]) <= 1e-5 * fmax(1, fabs(should[i]))))
            fail_msg("%s:%d: element %lld is %.9g, should be %.9g", file, line, (long long)i, element(x, i), should[i]);
}
#define VALUES(x, ...) has_values(__FILE__, __LINE__, x, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))
#define BACKWARD_REFUSED(code, y, message) REFUSED(code, (rg_backward(y) ? rg_poison(t) : NULL), message)

static rg_tensor *param(rg_tape *t, const char *name, int64_t n) {
    rg_tensor *w = rg_parameter_at(RG_HERE, t, name, RG_DIMS(n));
    if (n <= 6) rg_write(w, RG_F32, six);
    return w;
}

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
    rg_tensor *x = rg_requires_grad(rg_input(t, RG_F32, six, 3), true);
    rg_backward(rg_sum(rg_square(x)));
    VALUES(rg_grad_of(x), 2, 4, 6);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 0);
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
    BACKWARD_REFUSED(RG_ESTATE, rg_sum(rg_mul(v, w)), "rg_backward: the loss depends on nothing that requires a gradient");
}

static void the_loss_is_the_leaf(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(1, 1));
    assert_int_equal(rg_backward(w), 0);
    assert_int_equal(rg_backward(w), 0);
    VALUES(rg_grad_of(w), 2);
}

static void the_loss_has_one_element(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2);
    BACKWARD_REFUSED(RG_ESHAPE, rg_exp(w), "rg_backward: [2] has 2 elements, not one; take its rg_sum or rg_mean, or give rg_grad a cotangent");
    BACKWARD_REFUSED(RG_ESHAPE, rg_name(rg_exp(rg_slice(w, 0, 0, 0)), "y"), "rg_backward: y[0] has 0 elements, not one; take its rg_sum or rg_mean, or give rg_grad a cotangent");
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
    assert_int_equal(rg_live(t).tensors, 2); /* w and its gradient */
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
    rg_tensor *dy = rg_input(t, RG_F32, six, 6);
    /* The same cotangent reaches all three, and through views. */
    rg_backward(rg_sum(rg_mul(dy, rg_add(rg_add(v, w), rg_reshape(rg_reshape(x, 2, 3), 6)))));
    const float *g[] = {rg_f32(rg_grad_of(v)), rg_f32(rg_grad_of(w)), rg_f32(rg_grad_of(x)), rg_f32(dy)};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) assert_ptr_not_equal(g[i], g[j]);
    assert_true(rg_grad_of(v)->seq != rg_grad_of(w)->seq && rg_grad_of(v)->seq > v->seq && rg_grad_of(w)->seq > v->seq); /* pictures tell them apart */
    rg_write(rg_grad_of(v), RG_F32, nines);
    VALUES(rg_grad_of(w), 1, 2, 3, 4, 5, 6);
    VALUES(rg_grad_of(x), 1, 2, 3, 4, 5, 6);
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 7, 6);
    VALUES(rg_grad_of(v), 9, 9, 9, 9, 9, 9);
    VALUES(rg_grad_of(x), 1, 2, 3, 4, 5, 6);
    assert_int_equal(rg_live(t).tensors, 6 + 50);
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
    static const struct { int n; int64_t shape[4]; double each; } operands[] = {{0, {0}, 24}, {1, {1}, 24}, {1, {4}, 6}, {2, {3, 1}, 8}, {2, {3, 4}, 2},
        {3, {2, 1, 1}, 12}, {3, {1, 3, 4}, 2}, {3, {2, 3, 4}, 1}, {2, {1, 4}, 6}};
    for (int k = 0; k < 9; k++) {
        rg_tensor *x = rg_full(t, 1, 2, 3, 4), *w = rg_requires_grad(rg_full_at(RG_HERE, t, 1, operands[k].n, operands[k].shape), true);
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
    rg_set_dtype(t, RG_F64);
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(2));
    rg_write(w, RG_F64, ((const double[]){.1, .2}));
    rg_backward(rg_sum(rg_exp(w)));
    assert_true(fabs(rg_f64(rg_grad_of(w))[0] - exp(.1)) < 1e-15);
    assert_true(fabs(rg_f64(rg_grad_of(w))[1] - exp(.2)) < 1e-15);
}

static void parameters_of_both_dtypes(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2);
    rg_set_dtype(t, RG_F64);
    rg_tensor *w = param(t, "w", 2);
    rg_backward(rg_sum(rg_mul(rg_cast(v, RG_F64), w)));
    assert_int_equal(rg_dtype_of(rg_grad_of(v)), RG_F32);
    assert_int_equal(rg_dtype_of(rg_grad_of(w)), RG_F64);
    VALUES(rg_grad_of(v), 1, 2);
}

/* -------- rg_grad */

static void with_a_cotangent(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *dy = rg_input(t, RG_F32, ((const float[]){1, 10, 100}), 3), *out[1];
    assert_int_equal(rg_grad(rg_square(w), dy, &w, 1, 0, out), 0);
    VALUES(out[0], 2, 40, 600);
    assert_null(rg_grad_of(w));
    VALUES(dy, 1, 10, 100);
}

static void with_respect_to_several(void **state) {
    rg_tape *t = *state;
    rg_tensor *u = param(t, "u", 2), *v = param(t, "v", 2), *w = param(t, "w", 2), *a = rg_mul(u, v), *y = rg_sum(rg_square(a));
    rg_tensor *x[] = {v, a, v, w, u, y, a}, *out[7];
    assert_int_equal(rg_grad(y, NULL, x, 7, 0, out), 0);
    VALUES(out[0], 2, 16);  /* 2 u^2 v */
    VALUES(out[1], 2, 8);   /* interior */
    VALUES(out[2], 2, 16);  /* the same x again */
    VALUES(out[3], 0, 0);   /* not connected */
    VALUES(out[4], 2, 16);
    VALUES(out[5], 1);      /* y itself */
    VALUES(out[6], 2, 8);
    for (int i = 0; i < 7; i++) assert_false(rg_needs_grad(out[i]));
    assert_null(rg_grad_of(u));
}

static void the_rest_is_left_out(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *y = rg_sum(rg_mul(rg_exp(v), w)), *out[1];
    const int64_t before = rg_live(t).tensors;
    assert_int_equal(rg_grad(y, NULL, &w, 1, 0, out), 0);
    assert_int_equal(rg_live(t).tensors, before + 1); /* the gradient alone */
    VALUES(out[0], exp(1), exp(2));
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 2);
}

static void does_not_touch_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *loss = rg_sum(rg_square(w)), *out[1];
    rg_backward(loss);
    rg_tensor *g = rg_grad_of(w);
    rg_grad(loss, NULL, &w, 1, 0, out);
    rg_grad(loss, NULL, &w, 1, RG_CREATE_GRAPH, out);
    assert_ptr_equal(rg_grad_of(w), g);
    VALUES(g, 2, 4);
    assert_ptr_not_equal(out[0]->data, g->data);
}

static void of_an_unconnected_result(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *out[1];
    assert_int_equal(rg_grad(rg_scalar(t, 3), NULL, &w, 1, 0, out), 0);
    VALUES(out[0], 0, 0);
    rg_record(t, false);
    rg_tensor *y = rg_sum(w);
    rg_record(t, true);
    assert_int_equal(rg_grad(y, NULL, &w, 1, RG_CREATE_GRAPH, out), 0);
    VALUES(out[0], 0, 0);
    assert_int_equal(rg_grad(y, NULL, NULL, 0, 0, NULL), 0);
}

static void what_rg_grad_refuses(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *y = rg_square(w), *c = rg_full(t, 1, 2), *out[1], *none = NULL;
#define GRAD_REFUSED(code, y, dy, x, message) REFUSED(code, (rg_grad(y, dy, x, 1, 0, out) ? out[0] : NULL), message)
    GRAD_REFUSED(RG_ESHAPE, y, NULL, &w, "rg_grad: [2] has 2 elements, not one; take its rg_sum or rg_mean, or give rg_grad a cotangent");
    GRAD_REFUSED(RG_ESHAPE, y, rg_full(t, 1, 3), &w, "rg_grad: the cotangent [3] does not fit [2]");
    GRAD_REFUSED(RG_ESHAPE, y, rg_cast(c, RG_F64), &w, "rg_grad: the cotangent [2] f64 does not fit [2]");
    GRAD_REFUSED(RG_ESTATE, y, c, &c, "rg_grad: x[0] does not require a gradient");
    GRAD_REFUSED(RG_EVALUE, y, c, &none, "rg_grad: x[0] is no tensor");
    GRAD_REFUSED(RG_EVALUE, y, c, NULL, "rg_grad: no x, or no place for its gradient");
    assert_int_equal(rg_grad(y, c, &w, 1, 0, NULL), -1);
    rg_error_clear(t);
}

static void a_users_cotangent_is_never_written(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *out[2];
    rg_tensor *dy = rg_retain(rg_input(t, RG_F32, six, 3));
    for (int kept = 0; kept < 2; kept++) { /* on the record, and outliving a reset */
        rg_tensor *y = rg_add(rg_add(w, w), rg_add(w, rg_reshape(w, 3)));
        assert_int_equal(rg_grad(y, dy, &w, 1, 0, out), 0);
        VALUES(out[0], 4, 8, 12);
        VALUES(dy, 1, 2, 3);
        assert_int_equal(rg_grad(rg_add(w, w), dy, (rg_tensor *[]){w, w}, 2, RG_CREATE_GRAPH, out), 0);
        VALUES(dy, 1, 2, 3);
        assert_int_equal(rg_grad(w, dy, &w, 1, 0, out), 0);
        VALUES(out[0], 1, 2, 3);
        rg_tape_reset(t);
        VALUES(dy, 1, 2, 3);
    }
    rg_release(dy);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 1);
}

static void a_gradient_as_cotangent(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *out[1];
    rg_backward(rg_sum(rg_square(w)));
    assert_int_equal(rg_grad(rg_mul_scalar(w, 1), rg_grad_of(w), &w, 1, 0, out), 0);
    assert_int_equal(rg_grad(w, rg_grad_of(w), &w, 1, 0, out), 0);
    rg_backward(rg_sum(rg_square(w)));
    VALUES(out[0], 2, 4);
    VALUES(rg_grad_of(w), 4, 8);
    rg_tape_reset(t);
    VALUES(rg_grad_of(w), 4, 8);
    assert_int_equal(rg_live(t).tensors, 2);
}

/* -------- higher orders */

static void three_orders_of_a_power(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 3), *x2 = rg_mul(x, x), *y = rg_sum(rg_mul(x2, x2)), *g[3];
    rg_tensor *from = y;
    for (int k = 0; k < 3; k++) {
        assert_int_equal(rg_grad(from, NULL, &x, 1, RG_CREATE_GRAPH, &g[k]), 0);
        assert_true(rg_needs_grad(g[k]));
        from = rg_sum(g[k]);
    }
    VALUES(g[0], 4, 32, 108);
    VALUES(g[1], 12, 48, 108);
    VALUES(g[2], 24, 48, 72);
    rg_backward(from); /* 24, from the third */
    VALUES(rg_grad_of(x), 24, 24, 24);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 2);
}

static void mixed_partials(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = param(t, "a", 2), *b = param(t, "b", 2), *y = rg_sum(rg_mul(rg_square(a), rg_exp(b))), *g[2], *h[2];
    rg_tensor *x[] = {a, b};
    rg_grad(y, NULL, x, 2, RG_CREATE_GRAPH, g);
    rg_grad(rg_sum(g[0]), NULL, x, 2, 0, h);
    VALUES(h[0], 2 * exp(1), 2 * exp(2));
    VALUES(h[1], 2 * exp(1), 4 * exp(2));
    rg_tensor *again[1];
    rg_grad(rg_sum(g[1]), NULL, &a, 1, 0, again);
    VALUES(again[0], 2 * exp(1), 4 * exp(2)); /* Schwarz */
}

/* f = sum (A x)^2 has the Hessian 2 A^T A. */
static void a_hessian_vector_product(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_parameter_at(RG_HERE, t, "x", RG_DIMS(3, 1)), *a = rg_input(t, RG_F32, six, 2, 3), *g[1], *hv[1];
    rg_write(x, RG_F32, six);
    rg_tensor *v = rg_input(t, RG_F32, ((const float[]){1, 0, -1}), 3, 1);
    rg_grad(rg_sum(rg_square(rg_matmul(a, x))), NULL, &x, 1, RG_CREATE_GRAPH, g);
    rg_grad(g[0], v, &x, 1, 0, hv);
    VALUES(hv[0], -20, -28, -36); /* A v = (-2, -2); 2 A^T (-2, -2) */
    rg_grad(rg_sum(rg_mul(g[0], v)), NULL, &x, 1, 0, hv);
    VALUES(hv[0], -20, -28, -36);
}

static void a_gradient_penalty(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *x = rg_requires_grad(rg_input(t, RG_F32, ((const float[]){3, 4}), 2), true), *g[1];
    rg_grad(rg_sum(rg_mul(w, rg_square(x))), NULL, &x, 1, RG_CREATE_GRAPH, g); /* 2 w x */
    rg_backward(rg_sum(rg_square(g[0])));                                      /* 4 w^2 x^2 */
    VALUES(rg_grad_of(w), 8 * 1 * 9, 8 * 2 * 16);
    VALUES(rg_grad_of(x), 8 * 1 * 3, 8 * 4 * 4);
}

static void the_cotangent_is_differentiable(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 2), *dy = rg_requires_grad(rg_full(t, 1, 2), true), *g[1], *out[1];
    rg_grad(rg_square(x), dy, &x, 1, RG_CREATE_GRAPH, g); /* 2 x dy */
    rg_grad(rg_sum(g[0]), NULL, &dy, 1, 0, out);
    VALUES(out[0], 2, 4);
}

/* -------- values written after their use */

static void a_stale_leaf_is_named(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w1", 2), *x = rg_full(t, 1, 2), *out[1];
    rg_tensor *by_write = rg_mul(w, x); const char *here = RG_HERE;
    rg_write(w, RG_F32, nines);
    assert_int_equal(rg_backward(rg_sum(by_write)), -1);
    char should[200];
    snprintf(should, sizeof should, "backward through mul: w1 was written after it was used here (%s)", strrchr(here, '/') ? strrchr(here, '/') + 1 : here);
    assert_string_equal(rg_error(t), should);
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    assert_null(rg_grad_of(w));
    rg_error_clear(t);
    assert_int_equal(rg_grad(rg_sum(by_write), NULL, &w, 1, RG_CREATE_GRAPH, out), -1);
    assert_true(rg_failed(out[0]));
    rg_error_clear(t);
    rg_backward(rg_sum(rg_mul(w, x))); /* used anew */
    VALUES(rg_grad_of(w), 1, 1);
}

static void stale_through_views_and_touch(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 6), *x = rg_name(rg_input(t, RG_F32, six, 6), "x"), *v = param(t, "v", 2);
    rg_tensor *all[] = {rg_sum(rg_square(rg_reshape(w, 2, 3))), rg_sum(rg_mul(v, rg_slice(w, 0, 2, 4))), rg_sum(rg_mul(v, rg_detach(rg_slice(w, 0, 0, 2))))};
    rg_touch(rg_slice(w, 0, 0, 1)); /* an optimiser's way, and through a view */
    for (int k = 0; k < 3; k++) {
        assert_int_equal(rg_backward(all[k]), -1);
        assert_non_null(strstr(rg_error(t), ": w was written after it was used here (test_backward.c:"));
        rg_error_clear(t);
    }
    rg_tensor *y = rg_sum(rg_mul(w, x));
    rg_write(x, RG_F32, nines); /* an operand without gradient, but the other's gradient reads it */
    assert_int_equal(rg_backward(y), -1);
    assert_non_null(strstr(rg_error(t), ": x was written"));
    rg_error_clear(t);
    assert_null(rg_grad_of(w));
}

static void stale_indices(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(rg_input(t, RG_F32, six, 2, 3), true), *i = rg_input(t, RG_I32, ((const int32_t[]){0, 2}), 2);
    rg_tensor *y = rg_sum(rg_pick(x, i));
    rg_write(i, RG_I32, ((const int32_t[]){1, 1}));
    assert_int_equal(rg_backward(y), -1);
    assert_non_null(strstr(rg_error(t), "backward through pick"));
    rg_error_clear(t);
}

static void written_before_use_is_fine(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *unused = param(t, "unused", 2), *view = rg_reshape(w, 2, 1);
    rg_write(w, RG_F32, six);
    rg_tensor *y = rg_sum(rg_square(w));
    rg_write(unused, RG_F32, nines);
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(w), 2, 4);
    (void)view;
    rg_write(w, RG_F32, nines); /* after backward, before the next forward */
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
    rg_write(bad, RG_F32, nines); /* found at the far end of the pass: v and w have got theirs by then */
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

/* -------- users' own operators: op.h alone */

static int cube_forward(rg_tensor *y) {
    for (int64_t i = 0; i < y->numel; i++) {
        const double x = element(y->in[0], i);
        if (y->dtype == RG_F64) ((double *)y->data)[i] = x * x * x;
        else ((float *)y->data)[i] = (float)(x * x * x);
    }
    return 0;
}
static void cube_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_mul(dy, rg_mul(rg_constant(y, 3), rg_square(y->in[0]))); }
static const rg_op cube = {.name = "cube", .formula = "x^3", .arity = 1, .forward = RG_ANY(cube_forward), .backward = cube_backward};

static void an_operator_of_ones_own(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *g[2];
    rg_tensor *y = rg_apply(&cube, RG_HERE, (rg_attr){.p = 0}, 1, &w);
    VALUES(y, 1, 8);
    rg_grad(rg_sum(y), NULL, &w, 1, RG_CREATE_GRAPH, &g[0]);
    rg_grad(rg_sum(g[0]), NULL, &w, 1, 0, &g[1]);
    VALUES(g[0], 3, 12);
    VALUES(g[1], 6, 12);
    rg_tensor *i[] = {rg_buffer(t, "i", RG_I32, NULL, 2), w};
    const rg_attr none = {.p = 0};
    REFUSED(RG_EDTYPE, rg_apply(&cube, RG_HERE, none, 1, i), "cube: i[2] i32: operand 1 must be a float, not i32; rg_cast converts");
    REFUSED(RG_ESHAPE, rg_apply(&cube, RG_HERE, none, 2, i), "cube: 2 operands, not 1");
}

static int copy_forward(rg_tensor *y) { return rg_copy_out(y->in[0], (rg_dtype)y->dtype, y->data, y->numel); }
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
static void runs_grad(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_grad(y, dy, y->in, 1, 0, dx); }
static void resets(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_tape_reset(y->tape), dx[0] = dy; }
static void rewinds(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { rg_rewind(y->tape, y->seq), dx[0] = dy; }

/* y = x, but with another rule; -1 operands. */
static rg_tensor *with_rule(void (*rule)(rg_tensor *, rg_tensor *, rg_tensor **), int n, rg_tensor *a, rg_tensor *b) {
    static rg_op ops[16];
    static int used;
    rg_op *op = &ops[used++ % 16];
    *op = (rg_op){.name = "mine", .formula = "x", .arity = -1, .forward = RG_ANY(copy_forward), .backward = rule};
    return rg_apply(op, "mine.c:7", (rg_attr){.p = 0}, n, (rg_tensor *[]){a, b});
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
        {wrong_shape, "mine: its backward gave operand 1 a gradient [4] f32 in place of w[2] f32 (mine.c:7)"},
        {too_small, "mine: its backward gave operand 1 a gradient [] f32 in place of w[2] f32 (mine.c:7)"},
        {wrong_dtype, "mine: its backward gave operand 1 a gradient [2] f64 f64 in place of w[2] f32 (mine.c:7)"},
        {poisons, "mine: its backward failed for operand 1 (mine.c:7)"},
        {elsewhere, "mine: its backward gave operand 1 a gradient from another tape (mine.c:7)"},
        {runs_backward, "rg_backward: inside a backward rule"},
        {runs_grad, "rg_grad: inside a backward rule"},
        {resets, "rg_tape_reset: inside a backward rule"},
        {rewinds, "rg_rewind: inside a backward rule, to before it"}};
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
    assert_int_equal(rg_grad(y, NULL, &w, 1, 0, out), 0);
    VALUES(out[0], 0, 0);
    y = with_rule(unasked, 2, c, c); /* what nobody needs is not looked at */
    assert_false(rg_needs_grad(y));
}

static int rules_run;
static int64_t most_alive;
static void counts(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rules_run++;
    const int64_t alive = rg_live(y->tape).tensors;
    if (alive > most_alive) most_alive = alive;
    dx[0] = rg_mul_scalar(dy, 1);
}

static void rules_off_the_path_do_not_run(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *y = rg_sum(rg_mul(with_rule(counts, 1, v, NULL), w)), *out[1];
    for (int k = 0; k < 4; k++) {
        rules_run = 0;
        rg_grad(y, NULL, k % 2 ? &w : &v, 1, 0, out);
        assert_int_equal(rules_run, k % 2 ? 0 : 1); /* also after a pass that had asked for it */
        VALUES(out[0], 1, 2);
    }
}

static void a_pass_holds_few_gradients_at_a_time(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 50), *y = w;
    for (int i = 0; i < 50; i++) y = with_rule(counts, 1, y, NULL);
    y = rg_sum(y);
    const int64_t before = rg_live(t).tensors;
    most_alive = 0;
    rg_backward(y);
    assert_true(most_alive > before && most_alive <= before + 3);
}

static void a_fused_rule_that_fails(void **state) {
    rg_tape *t = *state;
    static const rg_op op = {.name = "fails", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = same_for_both, .fused = RG_ANY(fused_fails)};
    rg_tensor *w = param(t, "w", 2), *y = rg_apply(&op, "mine.c:9", (rg_attr){.p = 0}, 1, &w);
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    assert_string_equal(rg_error(t), "fails: its fused backward failed (mine.c:9)");
    rg_error_clear(t);
}

static void a_dtype_without_a_kernel(void **state) {
    rg_tape *t = *state;
    static const rg_op op = {.name = "single", .formula = "x", .arity = 1, .forward = {{copy_forward, copy_forward}}};
    rg_tensor *x = rg_full(t, 1, 9);
    assert_false(rg_failed(rg_apply(&op, RG_HERE, (rg_attr){.p = 0}, 1, &x)));
    rg_set_dtype(t, RG_F64);
    x = rg_full(t, 1, 9);
    REFUSED(RG_EDTYPE, rg_apply(&op, RG_HERE, (rg_attr){.p = 0}, 1, &x), "single: [9]: no kernel for f64");
}

/* -------- many */

static void many_operands(void **state) {
    rg_tape *t = *state;
    enum { MOST = 255 };
    rg_tensor *x[MOST + 1];
    for (int i = 0; i <= MOST; i++) x[i] = rg_requires_grad(rg_full(t, i, 1), true);
    assert_int_equal(rg_backward(rg_sum(rg_square(rg_concat_at(RG_HERE, 0, MOST, x)))), 0);
    for (int i = 0; i < MOST; i++) VALUES(rg_grad_of(x[i]), 2 * i);
    REFUSED(RG_ESHAPE, rg_concat_at(RG_HERE, 0, MOST + 1, x), "concat: 256 operands, at most 255");
}

static void a_long_chain(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 1), *y = w;
    for (int i = 0; i < 100000; i++) y = rg_add_scalar(y, 0);
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(w), 1);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 2);
}

static void a_wide_fan(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 6), *y = rg_mul_scalar(w, 0);
    for (int i = 0; i < 1000; i++) y = rg_add(y, rg_mul_scalar(w, i));
    assert_int_equal(rg_backward(rg_sum(y)), 0);
    VALUES(rg_grad_of(w), 499500, 499500, 499500, 499500, 499500, 499500);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(a_tensor_used_often), CASE(a_diamond), CASE(the_same_operand_twice), CASE(backward_twice_adds_twice),
        CASE(clearing), CASE(an_input_with_a_gradient), CASE(a_frozen_parameter), CASE(the_loss_is_the_leaf), CASE(the_loss_has_one_element),
        CASE(interior_gradients), CASE(recording_off_during_the_pass), CASE(accumulators_are_buffers_of_their_own), CASE(a_gradient_that_is_held_is_not_written),
        CASE(a_gradient_as_operand), CASE(broadcasting_is_undone), CASE(slices_of_one_parameter), CASE(in_double_precision), CASE(parameters_of_both_dtypes),
        CASE(with_a_cotangent), CASE(with_respect_to_several), CASE(the_rest_is_left_out), CASE(does_not_touch_gradients), CASE(of_an_unconnected_result),
        CASE(what_rg_grad_refuses), CASE(a_users_cotangent_is_never_written), CASE(a_gradient_as_cotangent), CASE(three_orders_of_a_power), CASE(mixed_partials),
        CASE(a_hessian_vector_product), CASE(a_gradient_penalty), CASE(the_cotangent_is_differentiable), CASE(a_stale_leaf_is_named),
        CASE(stale_through_views_and_touch), CASE(stale_indices), CASE(written_before_use_is_fine), CASE(a_failed_backward_changes_nothing),
        CASE(an_operator_of_ones_own), CASE(one_cotangent_for_both_operands), CASE(bad_rules_are_named), CASE(a_rule_may_leave_gradients_out),
        CASE(rules_off_the_path_do_not_run), CASE(a_pass_holds_few_gradients_at_a_time),
        CASE(a_fused_rule_that_fails), CASE(a_dtype_without_a_kernel), CASE(many_operands), CASE(a_long_chain), CASE(a_wide_fan)};
    return cmocka_run_group_tests_name("backward", cases, NULL, NULL);
}
