/* test_tape.c - the tape as the owner of tensors: reset, rewind, retain, views, parameters, settings, reading and writing values. */
#include "tests/numbers.h"

#include <pthread.h>

static const float six[] = {1, 2, 3, 4, 5, 6};

static void has_values(const rg_tensor *x, const double *should, int64_t n) {
    assert_false(rg_failed(x));
    assert_int_equal(rg_numel(x), n);
    for (int64_t i = 0; i < n; i++)
        if (fabs(element(x, i) - should[i]) > 1e-6 * fmax(1, fabs(should[i])))
            fail_msg("element %lld is %.9g, should be %.9g", (long long)i, element(x, i), should[i]);
}
#define VALUES(x, ...) has_values(x, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))

/* -------- what a reset and a rewind release */

static void reset_releases_inputs_and_results(void **state) {
    rg_tape *t = *state;
    rg_parameter_at(RG_HERE, t, "w", RG_DIMS(3));
    const rg_counts before = rg_live(t);
    rg_tensor *x = rg_input(t, RG_F32, six, 2, 3);
    rg_sum(rg_mul(rg_add(x, rg_params(t).items[0]), x));
    assert_int_equal(rg_live(t).tensors, before.tensors + 4);
    assert_int_equal(rg_live(t).recorded, 3);
    rg_tape_reset(t);
    const rg_counts after = rg_live(t);
    assert_int_equal(after.tensors, before.tensors);
    assert_int_equal(after.recorded, 0);
    assert_int_equal(after.bytes, before.bytes);
}

static void an_empty_tape_holds_nothing(void **state) {
    const rg_counts c = rg_live(*state);
    assert_int_equal(c.tensors, 0);
    assert_int_equal(c.recorded, 0);
    assert_int_equal(c.bytes, 0);
    rg_tape_reset(*state);
    rg_tape_reset(*state);
}

static void parameters_survive_a_reset(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(2, 3));
    rg_write(w, RG_F32, six);
    rg_tape_reset(t);
    rg_rewind(t, 0);
    VALUES(w, 1, 2, 3, 4, 5, 6);
    assert_true(rg_needs_grad(w));
    assert_string_equal(rg_name_of(w), "w");
}

static void gradients_survive_reset_and_rewind(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(3));
    const int64_t mark = rg_mark(t);
    rg_backward(rg_sum(rg_mul(w, rg_input(t, RG_F32, six, 3))));
    rg_rewind(t, mark);
    VALUES(rg_grad_of(w), 1, 2, 3);
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 3); /* would reuse the gradient's memory, had it been freed */
    VALUES(rg_grad_of(w), 1, 2, 3);
}

static void rewinds_nest(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_full(t, 1, 5);
    const int64_t outer = rg_mark(t);
    rg_tensor *b = rg_add(a, a);
    const rg_counts middle = rg_live(t);
    const int64_t inner = rg_mark(t);
    rg_mul(rg_exp(b), b);
    assert_int_equal(rg_live(t).tensors, 4);
    rg_rewind(t, inner);
    assert_int_equal(rg_live(t).tensors, middle.tensors);
    assert_int_equal(rg_live(t).bytes, middle.bytes);
    VALUES(b, 2, 2, 2, 2, 2);
    rg_rewind(t, inner); /* nothing is left of it */
    assert_int_equal(rg_live(t).tensors, 2);
    rg_rewind(t, outer);
    assert_int_equal(rg_live(t).tensors, 1);
    VALUES(a, 1, 1, 1, 1, 1);
}

static void a_rewind_to_what_is_to_come_releases_nothing(void **state) {
    rg_tape *t = *state;
    rg_full(t, 1, 5);
    rg_rewind(t, rg_mark(t));
    rg_rewind(t, INT64_MAX);
    assert_int_equal(rg_live(t).tensors, 1);
    rg_rewind(t, -1);
    assert_int_equal(rg_live(t).tensors, 0);
}

static void rewind_within_no_grad(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(3)), *loss = rg_sum(rg_mul(w, rg_input(t, RG_F32, six, 3)));
    const bool was = rg_record(t, false);
    const int64_t mark = rg_mark(t);
    assert_false(rg_needs_grad(rg_exp(w)));
    rg_rewind(t, mark);
    rg_record(t, was);
    assert_int_equal(rg_backward(loss), 0);
    VALUES(rg_grad_of(w), 1, 2, 3);
}

static void a_rewind_keeps_parameters_made_since(void **state) {
    rg_tape *t = *state;
    const int64_t mark = rg_mark(t);
    rg_full(t, 1, 5);
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "late", RG_DIMS(2)), *b = rg_buffer(t, "data", RG_F32, six, 2);
    rg_rewind(t, mark);
    assert_int_equal(rg_live(t).tensors, 2);
    VALUES(w, 0, 0);
    VALUES(b, 1, 2);
}

/* -------- retain, release, views */

static void a_retained_value_survives_without_history(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(6));
    rg_write(w, RG_F32, six);
    rg_tensor *y = rg_add_scalar(w, 1);
    assert_ptr_equal(rg_retain(y), y);
    assert_true(rg_needs_grad(y));
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    VALUES(y, 2, 3, 4, 5, 6, 7);
    assert_false(rg_needs_grad(y));
    assert_int_equal(rg_live(t).recorded, 0);
    rg_tensor *z = rg_sum(rg_mul(y, w)); /* as a constant it takes part again */
    assert_int_equal(rg_backward(z), 0);
    VALUES(rg_grad_of(w), 2, 3, 4, 5, 6, 7);
    assert_int_equal(rg_write(y, RG_F32, six), 0); /* it is a leaf now */
    assert_true(rg_needs_grad(rg_requires_grad(y, true)));
    rg_tape_reset(t);
    rg_release(y);
    assert_int_equal(rg_live(t).tensors, 2); /* w and its gradient */
}

static void retained_twice_is_released_twice(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_retain(rg_retain(rg_full(t, 3, 5)));
    rg_tape_reset(t);
    rg_release(y);
    assert_int_equal(rg_live(t).tensors, 1);
    VALUES(y, 3, 3, 3, 3, 3);
    rg_release(y);
    assert_int_equal(rg_live(t).tensors, 0);
}

static void released_before_the_reset_goes_with_it(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_retain(rg_full(t, 3, 5));
    rg_release(y);
    VALUES(y, 3, 3, 3, 3, 3);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 0);
}

static void a_retained_view_keeps_its_base(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, RG_F32, six, 6), *y = rg_mul_scalar(x, 2);
    rg_tensor *middle = rg_reshape(y, 3, 2), *view = rg_retain(rg_slice(middle, 0, 1, 3));
    const float *at = rg_f32(view);
    assert_ptr_equal(at, rg_f32(y) + 2);
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    assert_ptr_equal(rg_f32(view), at);
    VALUES(view, 6, 8, 10, 12);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 2);
    rg_release(view);
    assert_int_equal(rg_live(t).tensors, 0);
    assert_int_equal(rg_live(t).bytes, 0);
}

static void a_retained_view_keeps_a_small_base(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_mul_scalar(rg_input(t, RG_F32, six, 2), 2), *view = rg_retain(rg_reshape(y, 2, 1)); /* 8 bytes: within the node */
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_neg(rg_full(t, 9, 2));
    VALUES(view, 2, 4);
    rg_release(view);
}

static void views_of_parameters_let_go(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(6)), *view = rg_retain(rg_slice(w, 0, 2, 4));
    rg_write(w, RG_F32, six);
    rg_tape_reset(t);
    VALUES(view, 3, 4);
    rg_release(view);
    assert_int_equal(rg_live(t).tensors, 1);
    VALUES(w, 1, 2, 3, 4, 5, 6);
}

static void base_and_view_both_retained(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_retain(rg_exp(rg_full(t, 0, 6))), *view = rg_retain(rg_reshape(y, 2, 3));
    rg_tape_reset(t);
    rg_release(y);
    VALUES(view, 1, 1, 1, 1, 1, 1);
    rg_release(view);
    assert_int_equal(rg_live(t).tensors, 0);
}

static void release_wants_a_retain(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2), *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(2)), *view = rg_detach(x);
    assert_int_equal(rg_backward(rg_sum(w)), 0);
    rg_tensor *all[] = {x, w, view, rg_grad_of(w)}; /* x is held by its view, the gradient by w: not by the user */
    for (int i = 0; i < 4; i++) {
        rg_retain(all[i]);
        rg_release(all[i]);
        rg_release(all[i]);
        assert_string_equal(rg_error(t), "rg_release: a tensor that was not retained");
        assert_int_equal(rg_error_code(t), RG_ESTATE);
        rg_error_clear(t);
    }
    VALUES(x, 1, 1);
    rg_retain(w);
    rg_release(w);
    VALUES(w, 0, 0);
}

/* What is still read by results on the record stays until they go. */
static void released_while_results_read_it(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(6));
    rg_tensor *h = rg_retain(rg_input(t, RG_F32, six, 6));
    rg_tape_reset(t);
    rg_tensor *loss = rg_sum(rg_mul(h, w));
    rg_release(h);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    assert_int_equal(rg_backward(loss), 0);
    VALUES(rg_grad_of(w), 1, 2, 3, 4, 5, 6);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 2);
}

static void gradient_cleared_while_results_read_it(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(6));
    rg_backward(rg_sum(rg_mul(w, rg_input(t, RG_F32, six, 6))));
    rg_tensor *norm = rg_sum(rg_mul(rg_grad_of(w), w));
    rg_zero_grad(t);
    assert_null(rg_grad_of(w));
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    assert_int_equal(rg_backward(norm), 0);
    VALUES(rg_grad_of(w), 1, 2, 3, 4, 5, 6);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 2);
}

/* -------- two tapes */

static void two_tapes_are_independent(void **state) {
    rg_tape *t = *state, *u = rg_tape_new(7);
    rg_on_error(u, NULL, NULL);
    rg_set_dtype(u, RG_F64);
    rg_tensor *a = rg_full(t, 1, 3), *b = rg_full(u, 2, 3);
    assert_int_equal(rg_dtype_of(a), RG_F32);
    assert_int_equal(rg_dtype_of(b), RG_F64);
    assert_true(rg_failed(rg_add(b, rg_full(u, 2, 4))));
    assert_non_null(rg_error(u));
    assert_null(rg_error(t));
    rg_tape_free(u);
    VALUES(rg_add(a, a), 2, 2, 2);
}

static void two_tapes_do_not_mix(void **state) {
    rg_tape *t = *state, *u = rg_tape_new(7);
    rg_on_error(u, NULL, NULL);
    rg_tensor *a = rg_requires_grad(rg_full(t, 1, 3), true), *b = rg_full(u, 2, 3), *out[1];
    REFUSED(RG_ESTATE, rg_add(a, b), "add: operands from two tapes");
    REFUSED(RG_ESTATE, (rg_grad(rg_neg(a), b, &a, 1, 0, out), out[0]), "rg_grad: operands from two tapes");
    REFUSED(RG_ESTATE, (rg_grad(rg_sum(a), NULL, &b, 1, 0, out), out[0]), "rg_grad: operands from two tapes");
    assert_null(rg_error(u));
    rg_tape_free(u);
}

/* 20 steps of a small net by hand; returns the bits of what was learned. */
static void *train(void *seed) {
    rg_tape *t = rg_tape_new(*(const uint64_t *)seed);
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(17, 5));
    float *values = w->data;
    for (int64_t i = 0; i < rg_numel(w); i++) values[i] = (float)rg_rng_normal(rg_tape_rng(t), 0, .3);
    for (int k = 0; k < 20; k++) {
        rg_tensor *x = rg_empty_at(RG_HERE, t, RG_F32, RG_DIMS(40, 17));
        for (int64_t i = 0; i < rg_numel(x); i++) ((float *)x->data)[i] = (float)rg_rng_random(rg_tape_rng(t));
        if (rg_backward(rg_mean(rg_square(rg_tanh(rg_matmul(x, w)))))) break;
        const float *g = rg_f32(rg_grad_of(w));
        for (int64_t i = 0; i < rg_numel(w); i++) values[i] -= .1f * g[i];
        rg_touch(w);
        rg_zero_grad(t);
        rg_tape_reset(t);
    }
    uint64_t hash = 14695981039346656037u;
    for (int64_t i = 0; i < rg_numel(w) && !rg_error(t); i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
    }
    rg_tape_free(t);
    return (void *)(uintptr_t)hash;
}

static void two_tapes_on_two_threads(void **state) {
    (void)state;
    static const uint64_t seeds[] = {3, 4};
    void *alone[] = {train((void *)(uintptr_t)&seeds[0]), train((void *)(uintptr_t)&seeds[1])};
    assert_ptr_not_equal(alone[0], alone[1]);
    for (int round = 0; round < 5; round++) {
        pthread_t thread[2];
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, train, (void *)(uintptr_t)&seeds[i]), 0);
        for (int i = 0; i < 2; i++) {
            void *hash;
            pthread_join(thread[i], &hash);
            assert_ptr_equal(hash, alone[i]);
        }
    }
}

/* -------- recording */

static void recording_off(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(2));
    assert_true(rg_record(t, false));
    rg_tensor *y = rg_exp(w);
    assert_false(rg_record(t, true));
    assert_false(rg_needs_grad(y));
    assert_int_equal(rg_live(t).recorded, 0);
    assert_true(rg_needs_grad(rg_exp(w)));
    REFUSED(RG_ESTATE, (rg_backward(rg_sum(y)), rg_poison(t)), "rg_backward: the loss depends on nothing that requires a gradient");
}

static void detach_shares_storage_and_cuts_history(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(6));
    rg_write(w, RG_F32, six);
    rg_tensor *y = rg_add(w, w), *d = rg_detach(y);
    assert_ptr_equal(rg_f32(d), rg_f32(y));
    assert_false(rg_needs_grad(d));
    rg_backward(rg_sum(rg_mul(y, d))); /* d sum 2w * const / dw = 2 const */
    VALUES(rg_grad_of(w), 4, 8, 12, 16, 20, 24);
    rg_tensor *seen = rg_detach(w);
    rg_write(w, RG_F32, ((const float[]){0, 0, 0, 0, 0, 7}));
    VALUES(seen, 0, 0, 0, 0, 0, 7);
}

static void only_float_leaves_require_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2), *i = rg_input(t, RG_I32, ((const int32_t[]){1, 2}), 2);
    assert_ptr_equal(rg_requires_grad(x, true), x);
    assert_true(rg_needs_grad(x));
    assert_false(rg_needs_grad(rg_requires_grad(x, false)));
    assert_ptr_equal(rg_requires_grad(i, false), i);
    REFUSED(RG_EDTYPE, rg_requires_grad(i, true), "rg_requires_grad: i32 has no gradient");
    REFUSED(RG_ESTATE, rg_requires_grad(rg_neg(x), true), "rg_requires_grad: the result of neg is no leaf; rg_detach it");
    assert_true(rg_needs_grad(rg_requires_grad(rg_detach(rg_neg(x)), true)));
}

/* -------- shapes */

static void ranks(void **state) {
    rg_tape *t = *state;
    rg_tensor *s = rg_scalar(t, 2.5), *six_dims = rg_full(t, 1, 1, 2, 1, 3, 1, 2);
    assert_int_equal(rg_ndim(s), 0);
    assert_int_equal(rg_numel(s), 1);
    assert_true(rg_item(s) == 2.5);
    assert_int_equal(rg_ndim(six_dims), 6);
    assert_int_equal(rg_numel(six_dims), 12);
    assert_int_equal(rg_dim(six_dims, 3), 3);
    assert_int_equal(rg_dim(six_dims, -1), 2);
    assert_int_equal(rg_dim(six_dims, -6), 1);
    assert_int_equal(rg_dim(six_dims, 6), -1);
    assert_int_equal(rg_dim(six_dims, -7), -1);
    assert_int_equal(rg_dim(s, 0), -1);
    REFUSED(RG_ESHAPE, rg_full(t, 1, 1, 1, 1, 1, 1, 1, 1), "tensor: 7 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_full_at(RG_HERE, t, 1, -1, NULL), "tensor: -1 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_unsqueeze(six_dims, 0), "unsqueeze: [1,2,1,3,1,2]: 7 dimensions, at most 6");
}

static void zero_sized(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input_at(RG_HERE, t, RG_F32, NULL, RG_DIMS(0, 3)), *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(3));
    assert_int_equal(rg_numel(x), 0);
    assert_non_null(rg_f32(x));
    rg_tensor *y = rg_sum(rg_mul(x, w));
    assert_true(rg_item(y) == 0);
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(w), 0, 0, 0);
    assert_int_equal(rg_copy_out(x, RG_F64, NULL, 0), 0);
    assert_int_equal(rg_write(x, RG_F32, NULL), 0);
}

/* -------- names, parameters, buffers */

static void names_are_copied(void **state) {
    rg_tape *t = *state;
    char name[] = "alpha";
    rg_tensor *x = rg_full(t, 1, 2);
    assert_null(rg_name_of(x));
    assert_ptr_equal(rg_name(x, name), x);
    name[0] = 'X';
    assert_string_equal(rg_name_of(x), "alpha");
    rg_name(x, "a much longer name than it was before");
    assert_string_equal(rg_name_of(x), "a much longer name than it was before");
    rg_name(x, rg_name_of(x));
    assert_string_equal(rg_name_of(x), "a much longer name than it was before");
    rg_name(x, NULL);
    assert_non_null(rg_name_of(x));
    rg_name(x, "");
    assert_string_equal(rg_name_of(x), "");
}

static void buffers_stay_and_have_no_gradient(void **state) {
    rg_tape *t = *state;
    rg_set_dtype(t, RG_F64);
    const uint8_t bytes[] = {1, 200, 255};
    rg_tensor *images = rg_buffer(t, "images", RG_U8, bytes, 3), *f = rg_buffer(t, "f", RG_F32, six, 2), *zeros = rg_buffer(t, NULL, RG_I32, NULL, 2);
    rg_tape_reset(t);
    VALUES(images, 1, 200, 255);
    assert_int_equal(rg_dtype_of(f), RG_F32); /* as given, whatever the tape's dtype */
    VALUES(zeros, 0, 0);
    assert_false(rg_needs_grad(f));
    assert_int_equal(rg_params(t).count, 0);
    assert_int_equal(rg_u8(images)[1], 200);
}

static void parameters_in_the_order_they_were_made(void **state) {
    rg_tape *t = *state;
    enum { MANY = 40 };
    rg_tensor *made[MANY];
    assert_int_equal(rg_params(t).count, 0);
    for (int i = 0; i < MANY; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        rg_set_dtype(t, i % 2 ? RG_F64 : RG_F32);
        made[i] = rg_parameter_at(RG_HERE, t, name, RG_DIMS(i));
        if (i == 20) rg_tape_reset(t);
    }
    const rg_list all = rg_params(t);
    assert_int_equal(all.count, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_ptr_equal(all.items[i], made[i]);
        assert_int_equal(rg_dtype_of(made[i]), i % 2 ? RG_F64 : RG_F32);
        assert_int_equal(rg_numel(made[i]), i);
    }
    rg_tape_reset(t);
    assert_ptr_equal(rg_params(t).items, all.items);
}

static void late_parameters_take_part(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_parameter_at(RG_HERE, t, "a", RG_DIMS(2)), *x = rg_input(t, RG_F32, six, 2), *h = rg_mul(a, x);
    rg_tensor *b = rg_parameter_at(RG_HERE, t, "b", RG_DIMS(2));
    assert_int_equal(rg_backward(rg_sum(rg_add(h, rg_mul(b, x)))), 0);
    VALUES(rg_grad_of(a), 1, 2);
    VALUES(rg_grad_of(b), 1, 2);
}

static void the_generator_is_the_tapes(void **state) {
    rg_tape *t = *state, *u = rg_tape_new(7), *v = rg_tape_new(8);
    const double a = rg_rng_random(rg_tape_rng(t));
    assert_true(a == rg_rng_random(rg_tape_rng(u)));
    assert_true(a != rg_rng_random(rg_tape_rng(v)));
    rg_tape_reset(t);
    assert_true(a != rg_rng_random(rg_tape_rng(t))); /* a reset does not wind it back */
    rg_tape_free(u);
    rg_tape_free(v);
}

static void live_counts_are_exact(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter_at(RG_HERE, t, NULL, RG_DIMS(100));
    assert_int_equal(rg_live(t).tensors, 1);
    const size_t parameter = rg_live(t).bytes;
    assert_true(parameter >= 400);
    rg_tensor *y = rg_sum(rg_square(w));
    assert_int_equal(rg_live(t).tensors, 3);
    assert_int_equal(rg_live(t).recorded, 2);
    rg_backward(y);
    assert_int_equal(rg_live(t).tensors, 4); /* and the gradient; nothing of the pass is left */
    rg_tensor *view = rg_reshape(w, 10, 10);
    assert_int_equal(rg_live(t).tensors, 5);
    rg_retain(view);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 3);
    assert_int_equal(rg_live(t).recorded, 0);
    rg_release(view);
    rg_zero_grad(t);
    rg_tape_reset(t);
    assert_int_equal(rg_live(t).tensors, 1);
    assert_true(rg_live(t).reserved >= rg_live(t).bytes);
    assert_true(rg_live(t).allocations > 0);
}

/* -------- settings */

static void settings_refuse_nonsense(void **state) {
    rg_tape *t = *state;
    assert_int_equal(rg_set_threads(t, 3), 0);
    assert_int_equal(rg_threads(t), 3);
    assert_int_equal(rg_set_threads(t, 0), -1);
    assert_string_equal(rg_error(t), "rg_set_threads: 0 threads, not 1 to 1024");
    rg_error_clear(t);
    assert_int_equal(rg_set_threads(t, 1 << 30), -1);
    rg_error_clear(t);
    assert_int_equal(rg_threads(t), 3);
    assert_int_equal(rg_default_dtype(t), RG_F32);
    assert_int_equal(rg_set_dtype(t, RG_I32), -1);
    assert_string_equal(rg_error(t), "rg_set_dtype: i32 is not a float");
    assert_int_equal(rg_error_code(t), RG_EDTYPE);
    rg_error_clear(t);
    assert_int_equal(rg_set_dtype(t, (rg_dtype)77), -1);
    rg_error_clear(t);
    assert_int_equal(rg_default_dtype(t), RG_F32);
    assert_int_equal(rg_set_isa(t, 7), -1);
    assert_int_equal(rg_set_isa(t, -1), -1);
    assert_null(rg_error(t));
}

static void the_dtype_is_that_of_what_is_made_next(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_input(t, RG_F32, six, 2);
    assert_int_equal(rg_set_dtype(t, RG_F64), 0);
    rg_tensor *b = rg_input(t, RG_F32, six, 2), *w = rg_parameter_at(RG_HERE, t, "w", RG_DIMS(2)), *s = rg_scalar(t, .1);
    assert_int_equal(rg_dtype_of(a), RG_F32);
    assert_int_equal(rg_dtype_of(b), RG_F64);
    assert_int_equal(rg_dtype_of(w), RG_F64);
    assert_true(rg_item(s) == .1);
    VALUES(rg_mul(b, s), .1, .2);
    rg_backward(rg_sum(rg_mul(b, w)));
    assert_int_equal(rg_dtype_of(rg_grad_of(w)), RG_F64);
    VALUES(rg_grad_of(w), 1, 2);
}

/* -------- reading and writing */

static void readers_know_their_dtype(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2), *i = rg_input(t, RG_I32, ((const int32_t[]){1, 2}), 2);
    assert_null(rg_f64(x));
    assert_int_equal(rg_error_code(t), RG_EDTYPE);
    assert_true(strncmp(rg_error(t), "rg_f64: the tensor is f32 (test_tape.c:", 39) == 0);
    rg_error_clear(t);
    assert_null(rg_f32(i));
    assert_true(strncmp(rg_error(t), "rg_f32: the tensor is i32 (test_tape.c:", 39) == 0);
    rg_error_clear(t);
    assert_int_equal(rg_i32(i)[1], 2);
}

static void copy_out_converts(void **state) {
    rg_tape *t = *state;
    const double from[] = {-3.7, 2.5, 300, 5e9, -5e9, (double)NAN};
    rg_set_dtype(t, RG_F64);
    rg_tensor *x = rg_input(t, RG_F64, from, 6);
    float f[6];
    double d[6];
    int32_t i[6];
    uint8_t u[6];
    assert_int_equal(rg_copy_out(x, RG_F32, f, 6) | rg_copy_out(x, RG_F64, d, 6) | rg_copy_out(x, RG_I32, i, 6) | rg_copy_out(x, RG_U8, u, 100), 0);
    const int32_t whole[] = {-3, 2, 300, INT32_MAX, INT32_MIN, 0};
    const uint8_t small[] = {0, 2, 255, 255, 0, 0};
    assert_memory_equal(i, whole, sizeof i);
    assert_memory_equal(u, small, sizeof u);
    assert_memory_equal(d, from, sizeof d);
    assert_true(f[0] == -3.7f && f[3] == 5e9f && isnan(f[5]));
}

static void copy_out_refuses(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 6);
    float to[6];
    const struct { rg_dtype dtype; void *to; int64_t room; const char *message; } bad[] = {
        {RG_F32, to, 5, "rg_copy_out: 6 elements, room for 5"}, {RG_F32, NULL, 6, "rg_copy_out: 6 elements, room for 0"},
        {RG_F32, to, -1, "rg_copy_out: 6 elements, room for -1"}, {(rg_dtype)9, to, 6, "rg_copy_out: there is no dtype 9"}};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(rg_copy_out(x, bad[k].dtype, bad[k].to, bad[k].room), -1);
        if (strncmp(rg_error(t), bad[k].message, strlen(bad[k].message)) != 0) fail_msg("%s", rg_error(t));
        rg_error_clear(t);
    }
}

static void item_wants_one_element(void **state) {
    rg_tape *t = *state;
    assert_true(rg_item(rg_full(t, 4, 1, 1, 1)) == 4);
    assert_true(rg_item(rg_input(t, RG_U8, ((const uint8_t[]){200}), 1)) == 200);
    assert_true(isnan(rg_item(rg_full(t, 4, 2))));
    assert_true(strncmp(rg_error(t), "rg_item: a tensor of 2 elements (", 33) == 0);
    rg_error_clear(t);
    assert_true(isnan(rg_item(rg_full(t, 4, 0))));
    rg_error_clear(t);
}

static void write_converts_and_refuses(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 0, 3), *i = rg_buffer(t, NULL, RG_I32, NULL, 3);
    assert_int_equal(rg_write(x, RG_I32, ((const int32_t[]){1, -2, 3})), 0);
    VALUES(x, 1, -2, 3);
    assert_int_equal(rg_write(i, RG_F64, ((const double[]){1.9, -2.9, 1e99})), 0);
    VALUES(i, 1, -2, INT32_MAX);
    REFUSED(RG_ESTATE, (rg_write(rg_neg(x), RG_F32, six), rg_poison(t)), "rg_write: the result of neg is no leaf");
    REFUSED(RG_ESTATE, (rg_write(rg_detach(x), RG_F32, six), rg_poison(t)), "rg_write: a view is no leaf; write to what it views");
    REFUSED(RG_EDTYPE, (rg_write(x, (rg_dtype)5, six), rg_poison(t)), "rg_write: there is no dtype 5");
    REFUSED(RG_EVALUE, (rg_write(x, RG_F32, NULL), rg_poison(t)), "rg_write: data is NULL");
    VALUES(x, 1, -2, 3);
}

static void inputs_are_copies(void **state) {
    rg_tape *t = *state;
    float from[] = {1, 2};
    const double wide[] = {1. / 3, 1e300};
    rg_tensor *x = rg_input(t, RG_F32, from, 2), *y = rg_input(t, RG_F64, wide, 2);
    from[0] = 9;
    VALUES(x, 1, 2);
    assert_int_equal(rg_dtype_of(y), RG_F32);
    assert_true(rg_f32(y)[0] == (float)(1. / 3) && isinf(rg_f32(y)[1]));
    REFUSED(RG_EVALUE, rg_input_at(RG_HERE, t, RG_F32, NULL, RG_DIMS(2)), "rg_input: data is NULL");
    REFUSED(RG_EDTYPE, rg_input(t, (rg_dtype)-1, from, 2), "tensor: there is no dtype -1");
}

static void a_macro_takes_dimensions_of_any_kind(void **state) {
    rg_tape *t = *state;
    const int n = 2;
    const size_t m = 3;
    rg_tensor *x = rg_full(t, 1, n, (int64_t)m);
    assert_int_equal(rg_numel(x), 6);
    assert_int_equal(rg_ndim(rg_full_at(RG_HERE, t, 1, RG_DIMS())), 0);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(reset_releases_inputs_and_results), CASE(an_empty_tape_holds_nothing), CASE(parameters_survive_a_reset),
        CASE(gradients_survive_reset_and_rewind), CASE(rewinds_nest), CASE(a_rewind_to_what_is_to_come_releases_nothing), CASE(rewind_within_no_grad),
        CASE(a_rewind_keeps_parameters_made_since), CASE(a_retained_value_survives_without_history), CASE(retained_twice_is_released_twice),
        CASE(released_before_the_reset_goes_with_it), CASE(a_retained_view_keeps_its_base), CASE(a_retained_view_keeps_a_small_base),
        CASE(views_of_parameters_let_go), CASE(base_and_view_both_retained), CASE(release_wants_a_retain), CASE(released_while_results_read_it),
        CASE(gradient_cleared_while_results_read_it), CASE(two_tapes_are_independent), CASE(two_tapes_do_not_mix), CASE(two_tapes_on_two_threads),
        CASE(recording_off), CASE(detach_shares_storage_and_cuts_history), CASE(only_float_leaves_require_gradients), CASE(ranks), CASE(zero_sized),
        CASE(names_are_copied), CASE(buffers_stay_and_have_no_gradient), CASE(parameters_in_the_order_they_were_made), CASE(late_parameters_take_part),
        CASE(the_generator_is_the_tapes), CASE(live_counts_are_exact), CASE(settings_refuse_nonsense), CASE(the_dtype_is_that_of_what_is_made_next),
        CASE(readers_know_their_dtype), CASE(copy_out_converts), CASE(copy_out_refuses), CASE(item_wants_one_element), CASE(write_converts_and_refuses),
        CASE(inputs_are_copies), CASE(a_macro_takes_dimensions_of_any_kind)};
    return cmocka_run_group_tests_name("tape", cases, NULL, NULL);
}
