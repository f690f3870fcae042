/* test_tensors.c - tensors as their users make them: shapes, names, parameters, buffers, reading and writing values. */
#include "tests/support/values.h"

/* -------- shapes */

static void ranks(void **state) {
    rg_tape *t = *state;
    rg_tensor *s = rg_full(t, 2.5), *six_dims = rg_full(t, 1, 1, 2, 1, 3, 1, 2);
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
    REFUSED(RG_ESHAPE, rg_full_n(t, 1, -1, NULL), "tensor: -1 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_unsqueeze(six_dims, 0), "unsqueeze: [1,2,1,3,1,2]: 7 dimensions, at most 6");
}

static void zero_sized(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input_of(t, RG_F32, NULL, 0, 3), *w = rg_parameter(t, "w", 3);
    assert_int_equal(rg_numel(x), 0);
    assert_non_null(rg_f32(x));
    rg_tensor *y = rg_sum(rg_mul(x, w));
    assert_true(rg_item(y) == 0);
    assert_int_equal(rg_backward(y), 0);
    VALUES(rg_grad_of(w), 0, 0, 0);
    assert_int_equal(rg_copy_out_of(x, RG_F32, NULL, 0), 0);
    assert_int_equal(rg_write_of(x, RG_F32, NULL), 0);
}

/* -------- names, parameters, buffers */

static void names_are_copied(void **state) {
    rg_tape *t = *state;
    char name[] = "alpha";
    rg_tensor *x = rg_full(t, 1, 2);
    assert_null(rg_name_of(x));
    assert_ptr_equal(rg_set_name(x, name), x);
    name[0] = 'X';
    assert_string_equal(rg_name_of(x), "alpha");
    rg_set_name(x, "a much longer name than it was before");
    assert_string_equal(rg_name_of(x), "a much longer name than it was before");
    rg_set_name(x, rg_name_of(x));
    assert_string_equal(rg_name_of(x), "a much longer name than it was before");
    rg_set_name(x, NULL);
    assert_non_null(rg_name_of(x));
    rg_set_name(x, "");
    assert_string_equal(rg_name_of(x), "");
}

static void buffers_stay_and_have_no_gradient(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    const uint8_t bytes[] = {1, 200, 255};
    rg_tensor *images = rg_buffer(t, "images", bytes, 3), *f = rg_buffer(t, "f", six, 2), *zeros = rg_buffer_of(t, NULL, RG_I32, NULL, 2);
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
        rg_set_default_dtype(t, i % 2 ? RG_F64 : RG_F32);
        made[i] = rg_parameter(t, name, i);
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
    rg_tensor *a = rg_parameter(t, "a", 2), *x = rg_input(t, six, 2), *h = rg_mul(a, x);
    rg_tensor *b = rg_parameter(t, "b", 2);
    assert_int_equal(rg_backward(rg_sum(rg_add(h, rg_mul(b, x)))), 0);
    VALUES(rg_grad_of(a), 1, 2);
    VALUES(rg_grad_of(b), 1, 2);
}

/* -------- reading and writing */

static void readers_know_their_dtype(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2), *i = rg_input(t, ((const int32_t[]){1, 2}), 2);
    assert_null(rg_f64(x));
    assert_int_equal(rg_error_code(t), RG_EDTYPE);
    assert_true(strncmp(rg_error(t), "rg_f64: [2]: the tensor is f32 (made at test_tensors.c:", 55) == 0);
    rg_error_clear(t);
    assert_null(rg_f32(i));
    assert_true(strncmp(rg_error(t), "rg_f32: [2] i32: the tensor is i32 (made at test_tensors.c:", 59) == 0);
    rg_error_clear(t);
    assert_int_equal(rg_i32(i)[1], 2);
}

static void copy_out_converts(void **state) {
    rg_tape *t = *state;
    const double from[] = {-3.7, 2.5, 300, 5e9, -5e9, (double)NAN};
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *x = rg_input(t, from, 6);
    float f[6];
    double d[6];
    int32_t i[6];
    uint8_t u[6];
    assert_int_equal(rg_copy_out(x, f, 6) | rg_copy_out(x, d, 6) | rg_copy_out(x, i, 6) | rg_copy_out(x, u, 100), 0);
    const int32_t whole[] = {-3, 2, 300, INT32_MAX, INT32_MIN, 0};
    const uint8_t small[] = {0, 2, 255, 255, 0, 0};
    assert_memory_equal(i, whole, sizeof i);
    assert_memory_equal(u, small, sizeof u);
    assert_memory_equal(d, from, sizeof d);
    assert_true(f[0] == -3.7f && f[3] == 5e9f && isnan(f[5]));
}

static void copy_out_refuses(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 1, 6), "x");
    float to[6];
    const struct { rg_dtype dtype; void *to; int64_t room; const char *message; } bad[] = {
        {RG_F32, to, 5, "rg_copy_out: 6 elements, room for 5"}, {RG_F32, NULL, 6, "rg_copy_out: 6 elements, room for 0"},
        {RG_F32, to, -1, "rg_copy_out: 6 elements, room for -1"}, {(rg_dtype)9, to, 6, "rg_copy_out: there is no dtype 9"}};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(rg_copy_out_of(x, bad[k].dtype, bad[k].to, bad[k].room), -1);
        if (strncmp(rg_error(t), bad[k].message, strlen(bad[k].message)) != 0) fail_msg("%s", rg_error(t));
        rg_error_clear(t);
    }
}

static void item_wants_one_element(void **state) {
    rg_tape *t = *state;
    assert_true(rg_item(rg_full(t, 4, 1, 1, 1)) == 4);
    assert_true(rg_item(rg_input(t, ((const uint8_t[]){200}), 1)) == 200);
    assert_true(isnan(rg_item(rg_full(t, 4, 2))));
    assert_true(strncmp(rg_error(t), "rg_item: [2]: 2 elements, not one (made at test_tensors.c:", 58) == 0);
    rg_error_clear(t);
    assert_true(isnan(rg_item(rg_full(t, 4, 0))));
    rg_error_clear(t);
}

static void write_converts_and_refuses(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 0, 3), *i = rg_buffer_of(t, NULL, RG_I32, NULL, 3);
    assert_int_equal(rg_write(x, (const int32_t[]){1, -2, 3}), 0);
    VALUES(x, 1, -2, 3);
    assert_int_equal(rg_write(i, (const double[]){1.9, -2.9, 1e99}), 0);
    VALUES(i, 1, -2, INT32_MAX);
    REFUSED(RG_ESTATE, (rg_write(rg_neg(x), six), rg_poison(t)), "rg_write: the result of neg is no leaf");
    REFUSED(RG_ESTATE, (rg_write(rg_detach(x), six), rg_poison(t)), "rg_write: this is a view; write to what it views");
    REFUSED(RG_EDTYPE, (rg_write_of(x, (rg_dtype)5, six), rg_poison(t)), "rg_write: there is no dtype 5");
    REFUSED(RG_EVALUE, (rg_write_of(x, RG_F32, NULL), rg_poison(t)), "rg_write: data is NULL");
    VALUES(x, 1, -2, 3);
}

static void inputs_are_copies(void **state) {
    rg_tape *t = *state;
    float from[] = {1, 2};
    const double wide[] = {1. / 3, 1e300};
    rg_tensor *x = rg_input(t, from, 2), *y = rg_input(t, wide, 2);
    from[0] = 9;
    VALUES(x, 1, 2);
    assert_int_equal(rg_dtype_of(y), RG_F32);
    assert_true(rg_f32(y)[0] == (float)(1. / 3) && isinf(rg_f32(y)[1]));
    REFUSED(RG_EVALUE, rg_input_of(t, RG_F32, NULL, 2), "rg_input: data is NULL");
    REFUSED(RG_EDTYPE, rg_input_of(t, (rg_dtype)-1, from, 2), "tensor: there is no dtype -1");
}

static void a_macro_takes_dimensions_of_any_kind(void **state) {
    rg_tape *t = *state;
    const int n = 2;
    const size_t m = 3;
    rg_tensor *x = rg_full(t, 1, n, (int64_t)m);
    assert_int_equal(rg_numel(x), 6);
    assert_int_equal(rg_ndim(rg_full(t, 1)), 0);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(ranks), CASE(zero_sized), CASE(names_are_copied),
        CASE(buffers_stay_and_have_no_gradient),
        CASE(parameters_in_the_order_they_were_made), CASE(late_parameters_take_part), CASE(readers_know_their_dtype),
        CASE(copy_out_converts),
        CASE(copy_out_refuses), CASE(item_wants_one_element), CASE(write_converts_and_refuses), CASE(inputs_are_copies),
        CASE(a_macro_takes_dimensions_of_any_kind)};
    return cmocka_run_group_tests_name("tensors", cases, NULL, NULL);
}
