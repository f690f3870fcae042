/* test_tape.c - the tape as the owner of tensors: reset, rewind, retain, views, recording, two tapes, counts, settings. */
#include "tests/support/values.h"

#include <pthread.h>

/* -------- what a reset and a rewind release */

static void reset_releases_inputs_and_results(void **state) {
    rg_tape *t = *state;
    rg_parameter(t, "w", 3);
    const rg_memory_stats before = rg_memory(t);
    rg_tensor *x = rg_input(t, six, 2, 3);
    rg_sum(rg_mul(rg_add(x, rg_params(t).items[0]), x));
    assert_int_equal(rg_memory(t).tensors, before.tensors + 4);
    assert_int_equal(rg_memory(t).recorded, 3);
    rg_tape_reset(t);
    const rg_memory_stats after = rg_memory(t);
    assert_int_equal(after.tensors, before.tensors);
    assert_int_equal(after.recorded, 0);
    assert_int_equal(after.bytes, before.bytes);
}

static void an_empty_tape_holds_nothing(void **state) {
    const rg_memory_stats c = rg_memory(*state);
    assert_int_equal(c.tensors, 0);
    assert_int_equal(c.recorded, 0);
    assert_int_equal(c.bytes, 0);
    rg_tape_reset(*state);
    rg_tape_reset(*state);
}

static void parameters_survive_a_reset(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 2, 3);
    rg_write(w, six);
    rg_tape_reset(t);
    rg_rewind(t, 0);
    VALUES(w, 1, 2, 3, 4, 5, 6);
    assert_true(rg_needs_grad(w));
    assert_string_equal(rg_name_of(w), "w");
}

static void gradients_survive_reset_and_rewind(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 3);
    const int64_t mark = rg_mark(t);
    rg_backward(rg_sum(rg_mul(w, rg_input(t, six, 3))));
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
    const rg_memory_stats middle = rg_memory(t);
    const int64_t inner = rg_mark(t);
    rg_mul(rg_exp(b), b);
    assert_int_equal(rg_memory(t).tensors, 4);
    rg_rewind(t, inner);
    assert_int_equal(rg_memory(t).tensors, middle.tensors);
    assert_int_equal(rg_memory(t).bytes, middle.bytes);
    VALUES(b, 2, 2, 2, 2, 2);
    rg_rewind(t, inner); /* nothing is left of it */
    assert_int_equal(rg_memory(t).tensors, 2);
    rg_rewind(t, outer);
    assert_int_equal(rg_memory(t).tensors, 1);
    VALUES(a, 1, 1, 1, 1, 1);
}

static void a_rewind_to_what_is_to_come_releases_nothing(void **state) {
    rg_tape *t = *state;
    rg_full(t, 1, 5);
    rg_rewind(t, rg_mark(t));
    rg_rewind(t, INT64_MAX);
    assert_int_equal(rg_memory(t).tensors, 1);
    REFUSED(RG_EVALUE, (rg_rewind(t, -1), rg_poison(t)), "rg_rewind: -1 is no mark");
    assert_int_equal(rg_memory(t).tensors, 1);
}

static void rewind_within_no_grad(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 3), *loss = rg_sum(rg_mul(w, rg_input(t, six, 3)));
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
    rg_tensor *w = rg_parameter(t, "late", 2), *b = rg_buffer(t, "data", six, 2);
    rg_rewind(t, mark);
    assert_int_equal(rg_memory(t).tensors, 2);
    VALUES(w, 0, 0);
    VALUES(b, 1, 2);
}

/* -------- retain, release, views */

static void a_retained_value_survives_without_history(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 6);
    rg_write(w, six);
    rg_tensor *y = rg_add_scalar(w, 1);
    assert_ptr_equal(rg_retain(y), y);
    assert_true(rg_needs_grad(y));
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    VALUES(y, 2, 3, 4, 5, 6, 7);
    assert_false(rg_needs_grad(y));
    assert_int_equal(rg_memory(t).recorded, 0);
    rg_tensor *z = rg_sum(rg_mul(y, w)); /* as a constant it takes part again */
    assert_int_equal(rg_backward(z), 0);
    VALUES(rg_grad_of(w), 2, 3, 4, 5, 6, 7);
    assert_int_equal(rg_write(y, six), 0); /* it is a leaf now */
    assert_true(rg_needs_grad(rg_requires_grad(y, true)));
    rg_tape_reset(t);
    rg_release(y);
    assert_int_equal(rg_memory(t).tensors, 2); /* w and its gradient */
}

static void a_retained_leaf_still_requires_its_gradient(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_retain(rg_requires_grad(rg_input(t, six, 6), true)), *y = rg_retain(rg_square(x));
    for (int step = 1; step <= 2; step++) {
        rg_tape_reset(t);
        assert_true(rg_needs_grad(x));
        assert_false(rg_needs_grad(y));
        assert_int_equal(rg_backward(rg_sum(rg_mul_scalar(x, 3))), 0);
        VALUES(rg_grad_of(x), 3 * step, 3 * step, 3 * step, 3 * step, 3 * step, 3 * step);
    }
    rg_tape_reset(t);
    rg_release(x);
    rg_release(y);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void retained_twice_is_released_twice(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_retain(rg_retain(rg_full(t, 3, 5)));
    rg_tape_reset(t);
    rg_release(y);
    assert_int_equal(rg_memory(t).tensors, 1);
    VALUES(y, 3, 3, 3, 3, 3);
    rg_release(y);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void released_before_the_reset_goes_with_it(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_retain(rg_full(t, 3, 5));
    rg_release(y);
    VALUES(y, 3, 3, 3, 3, 3);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void a_retained_view_keeps_its_base(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, six, 6), *y = rg_mul_scalar(x, 2);
    rg_tensor *middle = rg_reshape(y, 3, 2), *view = rg_retain(rg_slice(middle, 0, 1, 3));
    const float *at = rg_f32(view);
    assert_ptr_equal(at, rg_f32(y) + 2);
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    assert_ptr_equal(rg_f32(view), at);
    VALUES(view, 6, 8, 10, 12);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
    rg_release(view);
    assert_int_equal(rg_memory(t).tensors, 0);
    assert_int_equal(rg_memory(t).bytes, 0);
}

static void a_retained_view_keeps_a_small_base(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_mul_scalar(rg_input(t, six, 2), 2), *view = rg_retain(rg_reshape(y, 2, 1)); /* 8 bytes: within the node */
    rg_tape_reset(t);
    for (int i = 0; i < 50; i++) rg_neg(rg_full(t, 9, 2));
    VALUES(view, 2, 4);
    rg_release(view);
}

static void views_of_parameters_let_go(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 6), *view = rg_retain(rg_slice(w, 0, 2, 4));
    rg_write(w, six);
    rg_tape_reset(t);
    VALUES(view, 3, 4);
    rg_release(view);
    assert_int_equal(rg_memory(t).tensors, 1);
    VALUES(w, 1, 2, 3, 4, 5, 6);
}

static void base_and_view_both_retained(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_retain(rg_exp(rg_full(t, 0, 6))), *view = rg_retain(rg_reshape(y, 2, 3));
    rg_tape_reset(t);
    rg_release(y);
    VALUES(view, 1, 1, 1, 1, 1, 1);
    rg_release(view);
    assert_int_equal(rg_memory(t).tensors, 0);
}

/* So that an optional tensor needs no test. */
static void of_nothing_is_nothing(void **state) {
    rg_tape *t = *state;
    rg_tensor *none = NULL;
    assert_true(!rg_detach(none) && !rg_retain(none) && !rg_requires_grad(none, true) && !rg_set_name(none, "x"));
    assert_null(rg_error(t));
}

static void release_wants_a_retain(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2), *w = rg_parameter(t, "w", 2), *view = rg_detach(x);
    assert_int_equal(rg_backward(rg_sum(w)), 0);
    rg_tensor *all[] = {x, w, view, rg_grad_of(w)}; /* x is held by its view, the gradient by w: not by the user */
    for (int i = 0; i < 4; i++) {
        rg_retain(all[i]);
        rg_release(all[i]);
        rg_release(all[i]);
        assert_non_null(strstr(rg_error(t), i == 1 ? "rg_release: w[2], made at test_tape.c:" : "rg_release: [2], made at "));
        assert_non_null(strstr(rg_error(t), i != 1 ? ", was not retained (test_tape.c:"
            : ", lives as long as the tape; what is to go earlier is rg_retain(rg_input(..)) (test_tape.c:"));
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
    rg_tensor *w = rg_parameter(t, "w", 6);
    rg_tensor *h = rg_retain(rg_input(t, six, 6));
    rg_tape_reset(t);
    rg_tensor *loss = rg_sum(rg_mul(h, w));
    rg_release(h);
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    assert_int_equal(rg_backward(loss), 0);
    VALUES(rg_grad_of(w), 1, 2, 3, 4, 5, 6);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

static void gradient_cleared_while_results_read_it(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 6);
    rg_backward(rg_sum(rg_mul(w, rg_input(t, six, 6))));
    rg_tensor *norm = rg_sum(rg_mul(rg_grad_of(w), w));
    rg_zero_grad(t);
    assert_null(rg_grad_of(w));
    for (int i = 0; i < 50; i++) rg_full(t, 9, 6);
    assert_int_equal(rg_backward(norm), 0);
    VALUES(rg_grad_of(w), 1, 2, 3, 4, 5, 6);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

/* -------- two tapes */

static void two_tapes_are_independent(void **state) {
    rg_tape *t = *state, *u = rg_tape_new(7);
    rg_on_error(u, NULL, NULL);
    rg_set_default_dtype(u, RG_F64);
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
    REFUSED(RG_ESTATE, (rg_grad(rg_neg(a), rg_list_of(a), out, .dy = b), out[0]), "rg_grad: operands from two tapes");
    REFUSED(RG_ESTATE, (rg_grad(rg_sum(a), rg_list_of(b), out), out[0]), "rg_grad: x[0] is from another tape");
    assert_null(rg_error(u));
    rg_tape_free(u);
}

static void lists_are_joined(void **state) {
    rg_tape *t = *state, *u = rg_tape_new(7);
    rg_on_error(u, NULL, NULL);
    rg_tensor *a = rg_parameter(t, "a", 1), *b = rg_parameter(t, "b", 2), *c = rg_parameter(t, "c", 3), *far = rg_parameter(u, "d", 3),
        *holes[] = {a, NULL};
    rg_list joined = rg_list_join(rg_list_of(c), rg_list_join(rg_list_of(a), rg_list_of(b, c)));
    for (int i = 0; i < 50; i++) rg_parameter(t, NULL, 1); /* rg_params may move meanwhile */
    rg_tape_reset(t);
    assert_int_equal(joined.count, 4);
    for (int i = 0; i < 4; i++) assert_ptr_equal(joined.items[i], ((rg_tensor *[]){c, a, b, c})[i]);
    assert_int_equal(rg_list_join(rg_params(t), (rg_list){NULL, 0}).count, 53);
    assert_int_equal(rg_list_join((rg_list){NULL, 0}, rg_params(NULL)).count, 0);
    assert_null(rg_error(t));
    REFUSED(RG_ESTATE, (joined = rg_list_join(rg_list_of(a, b), rg_list_of(c, far)), rg_poison(t)),
        "rg_list_join: tensor 3 is from another tape");
    assert_true(joined.count == 0 && !joined.items);
    REFUSED(RG_ESTATE, (joined = rg_list_join(rg_list_of_n(2, holes), rg_list_of(b)), rg_poison(t)), "rg_list_join: tensor 1 is NULL");
    REFUSED(RG_ESTATE, (joined = rg_list_join(rg_list_of_n(2, NULL), rg_list_of(b)), rg_poison(t)), "rg_list_join: tensor 0 is NULL");
    assert_int_equal(joined.count, 0);
    assert_null(rg_error(u));
    rg_tape_free(u);
}

/* 20 steps of a small net by hand; returns the bits of what was learned. */
static void *train(void *seed) {
    rg_tape *t = rg_tape_new(*(const uint64_t *)seed);
    rg_tensor *w = rg_parameter(t, "w", 17, 5);
    float *values = w->data;
    for (int64_t i = 0; i < rg_numel(w); i++) values[i] = (float)rg_rng_normal(rg_tape_rng(t), 0, .3);
    for (int k = 0; k < 20; k++) {
        rg_tensor *x = rg_empty(t, RG_F32, RG_DIMS(40, 17));
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
    rg_tensor *w = rg_parameter(t, "w", 2);
    assert_true(rg_record(t, false));
    rg_tensor *y = rg_exp(w);
    assert_false(rg_record(t, true));
    assert_false(rg_needs_grad(y));
    assert_int_equal(rg_memory(t).recorded, 0);
    assert_true(rg_needs_grad(rg_exp(w)));
    REFUSED(RG_ESTATE, (rg_backward(rg_sum(y)), rg_poison(t)),
        "rg_backward: the loss depends on nothing that requires a gradient, or was made with "
        "recording off or by rg_grad without .create_graph");
}

static void detach_shares_storage_and_cuts_history(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 6);
    rg_write(w, six);
    rg_tensor *y = rg_add(w, w), *d = rg_detach(y);
    assert_ptr_equal(rg_f32(d), rg_f32(y));
    assert_false(rg_needs_grad(d));
    rg_backward(rg_sum(rg_mul(y, d))); /* d sum 2w * const / dw = 2 const */
    VALUES(rg_grad_of(w), 4, 8, 12, 16, 20, 24);
    rg_tensor *seen = rg_detach(w);
    rg_write(w, (const float[]){0, 0, 0, 0, 0, 7});
    VALUES(seen, 0, 0, 0, 0, 0, 7);
}

static void only_float_leaves_require_gradients(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2), *i = rg_input(t, ((const int32_t[]){1, 2}), 2);
    assert_ptr_equal(rg_requires_grad(x, true), x);
    assert_true(rg_needs_grad(x));
    assert_false(rg_needs_grad(rg_requires_grad(x, false)));
    assert_ptr_equal(rg_requires_grad(i, false), i);
    REFUSED(RG_EDTYPE, rg_requires_grad(i, true), "rg_requires_grad: i32 has no gradient");
    REFUSED(RG_ESTATE, rg_requires_grad(rg_neg(x), true), "rg_requires_grad: the result of neg is no leaf; rg_detach it");
    assert_true(rg_needs_grad(rg_requires_grad(rg_detach(rg_neg(x)), true)));
}

/* -------- generator, counts, settings */

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
    rg_tensor *w = rg_parameter(t, NULL, 100);
    assert_int_equal(rg_memory(t).tensors, 1);
    const size_t parameter = rg_memory(t).bytes;
    assert_true(parameter >= 400);
    rg_tensor *y = rg_sum(rg_square(w));
    assert_int_equal(rg_memory(t).tensors, 3);
    assert_int_equal(rg_memory(t).recorded, 2);
    rg_backward(y);
    assert_int_equal(rg_memory(t).tensors, 4); /* and the gradient; nothing of the pass is left */
    rg_tensor *view = rg_reshape(w, 10, 10);
    assert_int_equal(rg_memory(t).tensors, 5);
    rg_retain(view);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 3);
    assert_int_equal(rg_memory(t).recorded, 0);
    rg_release(view);
    rg_zero_grad(t);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 1);
    assert_true(rg_memory(t).reserved >= rg_memory(t).bytes);
    assert_true(rg_memory(t).allocations > 0);
}

static void settings_refuse_nonsense(void **state) {
    rg_tape *t = *state;
    assert_int_equal(rg_set_threads(t, 3), 0);
    assert_int_equal(rg_threads(t), 3);
    assert_int_equal(rg_set_threads(t, 0), -1);
    assert_non_null(strstr(rg_error(t), "rg_set_threads: 0 threads, not 1 to 1024 (test_tape.c:"));
    rg_error_clear(t);
    assert_int_equal(rg_set_threads(t, 1 << 30), -1);
    rg_error_clear(t);
    assert_int_equal(rg_threads(t), 3);
    assert_int_equal(rg_default_dtype(t), RG_F32);
    assert_int_equal(rg_set_default_dtype(t, RG_I32), -1);
    assert_non_null(strstr(rg_error(t), "rg_set_default_dtype: i32 is not a float (test_tape.c:"));
    assert_int_equal(rg_error_code(t), RG_EDTYPE);
    rg_error_clear(t);
    assert_int_equal(rg_set_default_dtype(t, (rg_dtype)77), -1);
    rg_error_clear(t);
    assert_int_equal(rg_default_dtype(t), RG_F32);
    assert_int_equal(rg_set_isa(t, 7), -1);
    assert_int_equal(rg_set_isa(t, -1), -1);
    assert_null(rg_error(t));
}

static void the_dtype_is_that_of_what_is_made_next(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_input(t, six, 2);
    assert_int_equal(rg_set_default_dtype(t, RG_F64), 0);
    rg_tensor *b = rg_input(t, six, 2), *w = rg_parameter(t, "w", 2), *s = rg_full(t, .1);
    assert_int_equal(rg_dtype_of(a), RG_F32);
    assert_int_equal(rg_dtype_of(b), RG_F64);
    assert_int_equal(rg_dtype_of(w), RG_F64);
    assert_true(rg_item(s) == .1);
    VALUES(rg_mul(b, s), .1, .2);
    rg_backward(rg_sum(rg_mul(b, w)));
    assert_int_equal(rg_dtype_of(rg_grad_of(w)), RG_F64);
    VALUES(rg_grad_of(w), 1, 2);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(reset_releases_inputs_and_results), CASE(an_empty_tape_holds_nothing),
        CASE(of_nothing_is_nothing),
        CASE(parameters_survive_a_reset),
        CASE(gradients_survive_reset_and_rewind), CASE(rewinds_nest), CASE(a_rewind_to_what_is_to_come_releases_nothing),
        CASE(rewind_within_no_grad),
        CASE(a_rewind_keeps_parameters_made_since), CASE(a_retained_value_survives_without_history),
        CASE(a_retained_leaf_still_requires_its_gradient), CASE(retained_twice_is_released_twice),
        CASE(released_before_the_reset_goes_with_it), CASE(a_retained_view_keeps_its_base), CASE(a_retained_view_keeps_a_small_base),
        CASE(views_of_parameters_let_go), CASE(base_and_view_both_retained), CASE(release_wants_a_retain),
        CASE(released_while_results_read_it),
        CASE(gradient_cleared_while_results_read_it), CASE(two_tapes_are_independent), CASE(two_tapes_do_not_mix), CASE(lists_are_joined),
        CASE(two_tapes_on_two_threads),
        CASE(recording_off), CASE(detach_shares_storage_and_cuts_history), CASE(only_float_leaves_require_gradients),
        CASE(the_generator_is_the_tapes),
        CASE(live_counts_are_exact), CASE(settings_refuse_nonsense), CASE(the_dtype_is_that_of_what_is_made_next)};
    return cmocka_run_group_tests_name("tape", cases, NULL, NULL);
}
