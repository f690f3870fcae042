/* test_calls.c - the forms in which functions are called: numbers as operands, dtypes of pointers, lists, named options, plain
   functions. */
#include "nn/nn.h"
#include "tests/support/values.h"

/* -------- numbers as operands */

static void numbers_are_operands(void **state) {
    rg_tape *t = *state;
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        rg_set_default_dtype(t, dtype);
        rg_tensor *x = rg_requires_grad(rg_input(t, ((double[]){1, -2, 4}), 3), true), *dx;
        rg_set_default_dtype(t, RG_F32); /* a number has the operand's dtype, not the tape's */
        VALUES(rg_add(x, 1), 2, -1, 5);
        VALUES(rg_sub(1, x), 0, 3, -3);
        VALUES(rg_sub(x, 1.5f), -.5, -3.5, 2.5);
        VALUES(rg_mul(.5, x), .5, -1, 2);
        VALUES(rg_div(2, x), 2, -1, .5);
        VALUES(rg_pow(x, 2), 1, 4, 16);
        VALUES(rg_maximum(x, 0), 1, 0, 4);
        VALUES(rg_minimum((int64_t)2, x), 1, -2, 2);
        VALUES(rg_gt(x, 0), 1, 0, 1);
        VALUES(rg_where(rg_lt(x, 0), 7, x), 1, 7, 4);
        VALUES(rg_where(rg_lt(x, 0), x, (uint8_t)9), 9, -2, 9);
        rg_tensor *y = rg_sum(rg_div(3, rg_add(rg_mul(x, rg_sub(x, 1)), 3)));
        assert_int_equal(rg_dtype_of(y), dtype);
        assert_int_equal(rg_grad(y, rg_list_of(x), &dx), 0); /* -3 (2 x - 1) / (x^2 - x + 3)^2 */
        for (int i = 0; i < 3; i++) {
            const double v = element(x, i), q = v * v - v + 3;
            assert_true(fabs(element(dx, i) + 3 * (2 * v - 1) / (q * q)) < 1e-6);
        }
    }
}

static rg_tensor *counted(rg_tensor *x, int *calls) { return ++*calls, x; }

static void operands_are_evaluated_once_and_in_order(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 2, 2);
    int calls = 0, order = 0;
    VALUES(rg_sub(counted(x, &calls), calls), 1, 1);
    assert_int_equal(calls, 1);
    VALUES(rg_add(rg_mul(x, ++order), ++order), 4, 4);
    assert_int_equal(order, 2);
}

static void what_failed_stays_so(void **state) {
    rg_tape *t = *state;
    rg_on_error(t, NULL, NULL);
    rg_tensor *x = rg_full(t, 1, 2), *bad = rg_log(NULL);
    assert_true(rg_failed(bad) && rg_failed(rg_add(bad, 1)) && rg_failed(rg_sub(1, bad)) && rg_failed(rg_mul(NULL, 2)));
    REFUSED(RG_EDTYPE, rg_div(rg_cast(x, RG_I32), 1), "div: [2] i32 / [] i32: operand 1 must be a float, not i32; rg_cast converts");
}

static void numbers_are_replayed(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 2), *y = rg_sum(rg_square(rg_sub(3, w)));
    rg_backward(y);
    rg_zero_grad(t);
    rg_write(w, ((float[]){1, 2}));
    assert_int_equal(rg_play(t), 0);
    VALUES(y, 5);
    VALUES(rg_grad_of(w), -4, -2);
}

/* -------- dtypes of pointers */

static void the_pointer_says_the_dtype(void **state) {
    rg_tape *t = *state;
    static const double rows[2][3] = {{1, 2, 3}, {4, 5, 6}};
    float singles[6];
    const int32_t whole[] = {1, -2};
    const uint8_t bytes[] = {3, 255};
    void *untyped = singles;
    VALUES(rg_input(t, rows, 2, 3), 1, 2, 3, 4, 5, 6);
    VALUES(rg_input(t, rows[1], 3), 4, 5, 6);
    assert_int_equal(rg_dtype_of(rg_input(t, whole, 2)), RG_I32);
    assert_int_equal(rg_dtype_of(rg_input(t, bytes, 2)), RG_U8);
    assert_int_equal(rg_copy_out(rg_input(t, rows, 6), singles, 6), 0);
    assert_true(singles[5] == 6);
    VALUES(rg_input_of(t, RG_F32, untyped, 2, 3), 1, 2, 3, 4, 5, 6);
    VALUES(rg_input_n(t, rows, 2, (int64_t[]){3, 2}), 1, 2, 3, 4, 5, 6);
    rg_tensor *b = rg_buffer(t, "b", bytes, 2), *zeros = rg_buffer_of(t, "z", RG_F64, NULL, 2);
    assert_int_equal(rg_dtype_of(b), RG_U8);
    VALUES(zeros, 0, 0);
    assert_int_equal(rg_write(zeros, ((float[]){.5f, 2})), 0);
    VALUES(zeros, .5, 2);
}

/* -------- lists */

static void reductions_over_axes(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, ((double[]){3, 1, 2, -1, 0, 5}), 2, 3), *w = rg_input(t, ((double[]){1, 2}), 2);
    VALUES(rg_sum(x), 10);
    VALUES(rg_sum(x, -1), 6, 4);
    VALUES(rg_sum(x, 0), 2, 1, 7);
    VALUES(rg_sum(x, 0, -1), 10);
    assert_int_equal(rg_ndim(rg_sum(x, 0, 1)), 0);
    assert_shape(rg_sum_keep(x, -1), RG_DIMS(2, 1));
    assert_shape(rg_max_keep(x), RG_DIMS(1, 1));
    VALUES(rg_min(x, 1), 1, -1);
    VALUES(rg_argmax(x), 5);
    VALUES(rg_argmin(x, 0), 1, 1, 0);
    VALUES(rg_var(w), .5);
    VALUES(rg_var_corrected(w, 0), .25);
    VALUES(rg_norm(rg_input(t, ((double[]){3, 4}), 2)), 5);
    VALUES(rg_norm_p(x, 1, 0), 4, 1, 7);
    VALUES(rg_sum_n(x, 1, (int[]){1}), 6, 4);
    REFUSED(RG_EVALUE, rg_argmax(x, 0, 1), "argmax: 2 axes, not one or none");
    REFUSED(RG_ESHAPE, rg_sum(x, 2), "sum: [2,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_sum(x, 1, -1), "sum: [2,3]: axis -1 is given twice");
}

static void logsumexp_over_axes(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *x = rg_uniform(t, -3, 3, 2, 3, 4);
    rg_tensor *all = rg_logsumexp(x), *some = rg_logsumexp(x, 0, -1), *kept = rg_logsumexp_keep(x, 2, 0),
              *want = rg_log(rg_sum(rg_exp(x), 0, 2));
    assert_true(fabs(element(all, 0) - element(rg_log(rg_sum(rg_exp(x))), 0)) < 1e-14);
    assert_shape(some, RG_DIMS(3));
    assert_shape(kept, RG_DIMS(1, 3, 1));
    for (int i = 0; i < 3; i++) assert_true(fabs(element(some, i) - element(want, i)) < 1e-14 && element(kept, i) == element(some, i));
    REFUSED(RG_ESHAPE, rg_logsumexp(x, 1, -2), "logsumexp: [2,3,4]: axis -2 is given twice");
    REFUSED(RG_ESHAPE, rg_logsumexp(x, 0, 3), "logsumexp: [2,3,4]: axis 3 is outside the 3 dimensions");
}

/* -------- slices */

static void slices_with_steps(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(rg_input(t, ((double[]){0, 1, 2, 3, 4, 5, 6}), 7), true), *dx;
    VALUES(rg_slice(x, 0, 2, RG_TO_END), 2, 3, 4, 5, 6);
    VALUES(rg_slice(x, 0, -2, RG_TO_END), 5, 6);
    VALUES(rg_slice(x, 0, 1, 6, .step = 2), 1, 3, 5);
    VALUES(rg_slice(x, -1, 0, RG_TO_END, .step = 3), 0, 3, 6);
    VALUES(rg_slice(x, 0, -1, RG_TO_END, .step = -1), 6, 5, 4, 3, 2, 1, 0);
    VALUES(rg_slice(x, 0, 5, 1, .step = -2), 5, 3);
    assert_int_equal(rg_numel(rg_slice(x, 0, 5, 2, .step = 2)), 0);
    VALUES(rg_slice(x, 0, 5, 0, .step = INT64_MIN), 5);
    VALUES(rg_slice(x, 0, 1, RG_TO_END, .step = INT64_MAX), 1);
    assert_int_equal(rg_grad(rg_slice(x, 0, -1, RG_TO_END, .step = -3), rg_list_of(x), &dx, .dy = rg_input(t, ((double[]){1, 2, 3}), 3)),
        0);
    VALUES(dx, 3, 0, 0, 2, 0, 0, 1);
    REFUSED(RG_ESHAPE, rg_slice(x, 1, 0, 2, .step = 2), "slice: [7]: axis 1 is outside the 1 dimensions");
}

/* Each start, stop and step, against a loop over what Python's slice(start, stop, step).indices(5) gives. */
static void slices_against_a_loop(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_arange(t, 0, 5, 1);
    for (int start = -6; start <= 6; start++)
        for (int stop = -6; stop <= 6; stop++)
            for (int step = -3; step <= 3; step++) {
                if (step == 0 || step == 1) continue;
                int i = start < 0 ? start + 5 : start, end = stop < 0 ? stop + 5 : stop, n = 0;
                const int low = step > 0 ? 0 : -1, high = step > 0 ? 5 : 4;
                i = i < low ? low : i > high ? high : i;
                end = end < low ? low : end > high ? high : end;
                rg_tensor *y = rg_slice(x, 0, start, stop, .step = step);
                for (; step > 0 ? i < end : i > end; i += step) assert_true(n < rg_numel(y) && element(y, n++) == i);
                assert_int_equal(rg_numel(y), n);
            }
}

/* -------- copies, and writing into a part */

static void clones(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(rg_input(t, six, 2, 3), true), *y = rg_clone(x), *dx,
              *whole = rg_clone(rg_input(t, ((int32_t[]){7}), 1));
    assert_true(y->data != x->data);
    rg_write(x, ((float[]){0, 0, 0, 0, 0, 0}));
    VALUES(y, 1, 2, 3, 4, 5, 6);
    assert_int_equal(rg_grad(rg_sum(rg_square(rg_clone(x))), rg_list_of(x), &dx), 0);
    assert_int_equal(rg_dtype_of(whole), RG_I32);
    VALUES(rg_clone(rg_full(t, 4)), 4);
}

static void slices_are_written(void **state) {
    rg_tape *t = *state;
    for (int axis = -3; axis < 3; axis++)
        for (int start = -4; start < 4; start++) {
            const int a = axis < 0 ? axis + 3 : axis, from = start < 0 ? start + 4 : start, n = from < 3 ? 2 : 1;
            int64_t shape[] = {4, 4, 4};
            rg_tensor *x = rg_full_n(t, -1, 3, shape), *want = rg_full_n(t, -1, 3, shape);
            shape[a] = n;
            rg_tensor *src = rg_reshape_n(rg_arange(t, 0, n * 16, 1), 3, shape);
            assert_int_equal(rg_write_slice(x, start % 2 ? rg_cast(src, RG_I32) : src, axis, start), 0);
            for (int i = 0, next = 0; i < 64; i++) {
                const int at[] = {i / 16, i / 4 % 4, i % 4};
                if (at[a] >= from && at[a] < from + n) ((float *)want->data)[i] = (float)next++;
            }
            for (int i = 0; i < 64; i++) assert_true(element(x, i) == element(want, i));
        }
    rg_tensor *x = rg_set_name(rg_full(t, 0, 3, 2), "x"), *y = rg_neg(x);
    REFUSED(RG_ESHAPE, (rg_write_slice(x, rg_full(t, 1, 2, 2), 0, 2), rg_poison(t)),
        "rg_write_slice: [2,2] does not fit into x[3,2] along axis 0 from 2");
    REFUSED(RG_ESHAPE, (rg_write_slice(x, rg_full(t, 1, 1, 3), 0, 0), rg_poison(t)),
        "rg_write_slice: [1,3] does not fit into x[3,2] along axis 0 from 0");
    REFUSED(RG_ESHAPE, (rg_write_slice(x, rg_full(t, 1, 1, 2), 2, 0), rg_poison(t)),
        "rg_write_slice: [1,2] does not fit into x[3,2] along axis 2 from 0");
    REFUSED(RG_ESHAPE, (rg_write_slice(x, rg_full(t, 1, 1, 2), 0, INT64_MIN), rg_poison(t)),
        "rg_write_slice: [1,2] does not fit into x[3,2] along axis 0 from -9223372036854775808");
    REFUSED(RG_ESTATE, (rg_write_slice(y, x, 0, 0), rg_poison(t)), "rg_write_slice: the result of neg is no leaf");
    REFUSED(RG_ESTATE, (rg_write_slice(x, NULL, 0, 0), rg_poison(t)), "rg_write_slice: the source is NULL");
}

/* -------- options, and the functions beneath */

static void options_of_every_kind(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_input(t, ((double[]){1, 2, 3, 4, 5, 6}), 2, 3);
    assert_shape(rg_matmul(a, a, .transpose_a = true), RG_DIMS(3, 3));
    assert_shape(rg_matmul(a, a, .transpose_b = true), RG_DIMS(2, 2));
    VALUES(rg_pad(rg_full(t, 1, 1), 0, 1, 1, .value = 3), 3, 1, 3);
    rg_tensor *index, *y = rg_topk(rg_full(t, 2, 3), 0, 2, .smallest = true, .index = &index);
    assert_int_equal(rg_numel(y), 2);
    VALUES(index, 0, 1);
    assert_true(rg_item(rg_mse(a, rg_zeros_like(a), .reduction = RG_SUM)) == 91);
    const rg_matmul_options both = {.transpose_a = true};
    assert_shape((rg_matmul)(a, a, both), RG_DIMS(3, 3));
    rg_tensor *(*apply)(rg_tensor * x) = rg_square;
    VALUES(apply(rg_full(t, 3, 1)), 9);
    rg_tensor *two[] = {a, a};
    assert_shape(rg_stack_n(0, 2, two), RG_DIMS(2, 2, 3));
    assert_shape(rg_concat_n(0, 2, two), RG_DIMS(4, 3));
    assert_shape(rg_reshape_n(a, 1, (int64_t[]){6}), RG_DIMS(6));
    assert_shape(rg_permute_n(a, 2, (int[]){1, 0}), RG_DIMS(3, 2));
}

/* An operator of one operand that is not elementwise, though its samples have a range. */
static int last_axis(rg_tensor *y) { return rg_shape_set(y, 1, y->in[0]->shape + y->in[0]->ndim - 1); }
static int nothing(rg_tensor *y) { return (void)y, 0; }
RG_OP(own_reduction) = {.name = "own_reduction", .formula = "none", .arity = 1, .shape = last_axis, .forward = RG_ANY(nothing),
    .range = {.5, 1}, .samples = "2,3", .refuses = "2:i32"};

static void activations_by_name(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, ((double[]){-2, 2}), 2);
    VALUES(rg_nn_forward(rg_nn_activation(t, "leaky_relu", .p = .5), x), -1, 2);
    VALUES(rg_nn_forward(rg_nn_activation(t, "clamp", .p = -1, .q = 1), x), -1, 1);
    const char *const wrong[] = {"softmax", "sum", "mul", "tahn", "", NULL, "own_reduction"};
    rg_on_error(t, NULL, NULL);
    for (int i = 0; i < 7; i++) {
        char message[100];
        snprintf(message, sizeof message, "rg_nn_activation: \"%s\" is no elementwise operator of one operand",
            wrong[i] ? wrong[i] : "NULL");
        assert_null(rg_nn_activation(t, wrong[i]));
        assert_non_null(strstr(rg_error(t), message));
        rg_error_clear(t);
        assert_null(rg_nn_mlp(t, wrong[i], RG_ONES, 2, 2, 2));
        rg_error_clear(t);
    }
}

int main(void) {
    const struct CMUnitTest cases[] = {CASE(numbers_are_operands), CASE(operands_are_evaluated_once_and_in_order),
        CASE(what_failed_stays_so), CASE(numbers_are_replayed), CASE(the_pointer_says_the_dtype), CASE(reductions_over_axes),
        CASE(logsumexp_over_axes), CASE(slices_with_steps), CASE(slices_against_a_loop), CASE(clones), CASE(slices_are_written),
        CASE(options_of_every_kind), CASE(activations_by_name)};
    return RUN("calls", cases);
}
