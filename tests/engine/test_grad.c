/* test_grad.c - rg_grad: cotangents, what it leaves alone and what it refuses; and gradients of gradients. */
#include "tests/support/values.h"

/* -------- rg_grad */

static void with_a_cotangent(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *dy = rg_input(t, ((const float[]){1, 10, 100}), 3), *out[1];
    assert_int_equal(rg_grad(rg_square(w), rg_list_of(w), out, .dy = dy), 0);
    VALUES(out[0], 2, 40, 600);
    assert_null(rg_grad_of(w));
    VALUES(dy, 1, 10, 100);
}

static void with_respect_to_several(void **state) {
    rg_tape *t = *state;
    rg_tensor *u = param(t, "u", 2), *v = param(t, "v", 2), *w = param(t, "w", 2), *a = rg_mul(u, v), *y = rg_sum(rg_square(a));
    rg_tensor *x[] = {v, a, v, w, u, y, a}, *out[7];
    assert_int_equal(rg_grad(y, rg_list_of_n(7, x), out), 0);
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
    const int64_t before = rg_memory(t).tensors;
    assert_int_equal(rg_grad(y, rg_list_of(w), out), 0);
    assert_int_equal(rg_memory(t).tensors, before + 1); /* the gradient alone */
    VALUES(out[0], exp(1), exp(2));
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

static void does_not_touch_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *loss = rg_sum(rg_square(w)), *out[1];
    rg_backward(loss);
    rg_tensor *g = rg_grad_of(w);
    rg_grad(loss, rg_list_of(w), out);
    rg_grad(loss, rg_list_of(w), out, .create_graph = true);
    assert_ptr_equal(rg_grad_of(w), g);
    VALUES(g, 2, 4);
    assert_ptr_not_equal(out[0]->data, g->data);
}

static void of_an_unconnected_result(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *out[1];
    assert_int_equal(rg_grad(rg_full(t, 3), rg_list_of(w), out, .allow_unused = true), 0);
    VALUES(out[0], 0, 0);
    rg_record(t, false);
    rg_tensor *y = rg_sum(w);
    rg_record(t, true);
    assert_int_equal(rg_grad(y, rg_list_of(w), out, .create_graph = true, .allow_unused = true), 0);
    VALUES(out[0], 0, 0);
    assert_int_equal(rg_grad(rg_sum(w), rg_list_of_n(0, NULL), NULL), 0);
}

static rg_tensor *with_recording_off(rg_tensor *w) {
    const bool was = rg_record(rg_tape_of(w), false);
    rg_tensor *y = rg_square(w);
    rg_record(rg_tape_of(w), was);
    return y;
}

static void what_rg_grad_refuses(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *y = rg_square(w), *c = rg_full(t, 1, 2), *out[1], *none = NULL;
#define NO_HISTORY \
    "rg_grad: y depends on nothing that requires a gradient, or was made with recording off or by rg_grad without .create_graph"
#define GRAD_REFUSED(code, y, given, x, message) REFUSED(code, (rg_grad(y, rg_list_of_n(1, x), out, .dy = given) ? out[0] : NULL), message)
    GRAD_REFUSED(RG_ESHAPE, y, NULL, &w, "rg_grad: [2] has 2 elements, not one; take its rg_sum or rg_mean, or give rg_grad a .dy");
    GRAD_REFUSED(RG_ESHAPE, y, rg_full(t, 1, 3), &w, "rg_grad: the cotangent [3] does not fit [2]");
    GRAD_REFUSED(RG_ESHAPE, y, rg_cast(c, RG_F64), &w, "rg_grad: the cotangent [2] f64 does not fit [2]");
    GRAD_REFUSED(RG_ESTATE, y, rg_neg(NULL), &w, "rg_grad: dy is what an operation on NULL returned");
    GRAD_REFUSED(RG_ESTATE, y, c, &c, "rg_grad: x[0] does not require a gradient");
    GRAD_REFUSED(RG_ESTATE, y, c, &none, "rg_grad: x[0] is NULL");
    GRAD_REFUSED(RG_ESTATE, c, c, &w, NO_HISTORY);
    GRAD_REFUSED(RG_ESTATE, with_recording_off(w), c, &w, NO_HISTORY);
    rg_grad(y, rg_list_of(w), out, .dy = c);
    GRAD_REFUSED(RG_ESTATE, out[0], c, &w, NO_HISTORY);
    GRAD_REFUSED(RG_EVALUE, y, c, NULL, "rg_grad: no x, or no place for its gradient");
    assert_int_equal(rg_grad(y, rg_list_of(w), NULL, .dy = c), -1);
    rg_error_clear(t);
}

static void a_users_cotangent_is_never_written(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *out[2];
    rg_tensor *dy = rg_retain(rg_input(t, six, 3));
    for (int kept = 0; kept < 2; kept++) { /* on the record, and outliving a reset */
        rg_tensor *y = rg_add(rg_add(w, w), rg_add(w, rg_reshape(w, 3)));
        assert_int_equal(rg_grad(y, rg_list_of(w), out, .dy = dy), 0);
        VALUES(out[0], 4, 8, 12);
        VALUES(dy, 1, 2, 3);
        assert_int_equal(rg_grad(rg_add(w, w), rg_list_of(w, w), out, .dy = dy, .create_graph = true), 0);
        VALUES(dy, 1, 2, 3);
        assert_int_equal(rg_grad(w, rg_list_of(w), out, .dy = dy), 0);
        VALUES(out[0], 1, 2, 3);
        rg_tape_reset(t);
        VALUES(dy, 1, 2, 3);
    }
    rg_release(dy);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 1);
}

/* The result is not in the memory of a leaf that the caller may write: not even as a view of it. */
static void a_result_is_not_in_the_cotangents_memory(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *dy = rg_input(t, six, 3), *across = rg_input(t, six, 3, 1), *out;
    for (int graph = 0; graph < 2; graph++)
        for (int k = 0; k < 2; k++) {
            assert_int_equal(rg_grad(k ? rg_reshape(w, 3, 1) : rg_mul_scalar(w, 1), rg_list_of(w), &out, .dy = k ? across : dy,
                .create_graph = graph), 0);
            rg_write(k ? across : dy, (float[]){9, 9, 9});
            VALUES(out, 1, 2, 3);
            rg_write(k ? across : dy, six);
        }
    assert_int_equal(rg_grad(rg_reshape(w, 3, 1), rg_list_of(w), &out, .dy = rg_detach(across)), 0);
    rg_write(across, (float[]){9, 9, 9});
    VALUES(out, 1, 2, 3);
}

static void a_gradient_as_cotangent(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *out[1];
    rg_backward(rg_sum(rg_square(w)));
    assert_int_equal(rg_grad(rg_mul_scalar(w, 1), rg_list_of(w), out, .dy = rg_grad_of(w)), 0);
    assert_int_equal(rg_grad(w, rg_list_of(w), out, .dy = rg_grad_of(w)), 0);
    rg_backward(rg_sum(rg_square(w)));
    VALUES(out[0], 2, 4);
    VALUES(rg_grad_of(w), 4, 8);
    rg_tape_reset(t);
    VALUES(rg_grad_of(w), 4, 8);
    assert_int_equal(rg_memory(t).tensors, 2);
}

/* -------- higher orders */

static void three_orders_of_a_power(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 3), *x2 = rg_mul(x, x), *y = rg_sum(rg_mul(x2, x2)), *g[3];
    rg_tensor *from = y;
    for (int k = 0; k < 3; k++) {
        assert_int_equal(rg_grad(from, rg_list_of(x), &g[k], .create_graph = true), 0);
        assert_true(rg_needs_grad(g[k]));
        from = rg_sum(g[k]);
    }
    VALUES(g[0], 4, 32, 108);
    VALUES(g[1], 12, 48, 108);
    VALUES(g[2], 24, 48, 72);
    rg_backward(from); /* 24, from the third */
    VALUES(rg_grad_of(x), 24, 24, 24);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

static void mixed_partials(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = param(t, "a", 2), *b = param(t, "b", 2), *y = rg_sum(rg_mul(rg_square(a), rg_exp(b))), *g[2], *h[2];
    rg_tensor *x[] = {a, b};
    rg_grad(y, rg_list_of_n(2, x), g, .create_graph = true);
    rg_grad(rg_sum(g[0]), rg_list_of_n(2, x), h);
    VALUES(h[0], 2 * exp(1), 2 * exp(2));
    VALUES(h[1], 2 * exp(1), 4 * exp(2));
    rg_tensor *again[1];
    rg_grad(rg_sum(g[1]), rg_list_of(a), again);
    VALUES(again[0], 2 * exp(1), 4 * exp(2)); /* Schwarz */
}

/* f = sum (A x)^2 has the Hessian 2 A^T A. */
static void a_hessian_vector_product(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_parameter(t, "x", 3, 1), *a = rg_input(t, six, 2, 3), *g[1], *hv[1];
    rg_write(x, six);
    rg_tensor *v = rg_input(t, ((const float[]){1, 0, -1}), 3, 1);
    rg_grad(rg_sum(rg_square(rg_matmul(a, x))), rg_list_of(x), g, .create_graph = true);
    rg_grad(g[0], rg_list_of(x), hv, .dy = v);
    VALUES(hv[0], -20, -28, -36); /* A v = (-2, -2); 2 A^T (-2, -2) */
    rg_grad(rg_sum(rg_mul(g[0], v)), rg_list_of(x), hv);
    VALUES(hv[0], -20, -28, -36);
}

static void a_gradient_penalty(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *x = rg_requires_grad(rg_input(t, ((const float[]){3, 4}), 2), true), *g[1];
    rg_grad(rg_sum(rg_mul(w, rg_square(x))), rg_list_of(x), g, .create_graph = true); /* 2 w x */
    rg_backward(rg_sum(rg_square(g[0])));                                      /* 4 w^2 x^2 */
    VALUES(rg_grad_of(w), 8 * 1 * 9, 8 * 2 * 16);
    VALUES(rg_grad_of(x), 8 * 1 * 3, 8 * 4 * 4);
}

static void the_cotangent_is_differentiable(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 2), *dy = rg_requires_grad(rg_full(t, 1, 2), true), *g[1], *out[1];
    rg_grad(rg_square(x), rg_list_of(x), g, .dy = dy, .create_graph = true); /* 2 x dy */
    rg_grad(rg_sum(g[0]), rg_list_of(dy), out);
    VALUES(out[0], 2, 4);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(with_a_cotangent), CASE(with_respect_to_several), CASE(the_rest_is_left_out),
        CASE(does_not_touch_gradients),
        CASE(of_an_unconnected_result), CASE(what_rg_grad_refuses), CASE(a_users_cotangent_is_never_written),
        CASE(a_result_is_not_in_the_cotangents_memory), CASE(a_gradient_as_cotangent),
        CASE(three_orders_of_a_power), CASE(mixed_partials), CASE(a_hessian_vector_product), CASE(a_gradient_penalty),
        CASE(the_cotangent_is_differentiable)};
    return cmocka_run_group_tests_name("grad", cases, NULL, NULL);
}
