/* test_arrange.c - the operators of arrange.c against index loops, element by element. */
#include "tests/support/values.h"

#include <limits.h>

static int64_t below(rg_tape *t, int64_t n) { return rg_rng_integers(rg_tape_rng(t), 0, n); }

static void stack_by_loops(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        int64_t shape[RG_MAX_DIMS], longer[RG_MAX_DIMS], at[RG_MAX_DIMS], own[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape), count = 1 + k % 5, axis = (int)below(t, n + 1);
        rg_tensor *x[5];
        for (int i = 0; i < count; i++) x[i] = i == 3 ? x[0] : numbers(t, dtypes[k % 4], n, shape);
        for (int d = 0; d <= n; d++) longer[d] = d == axis ? count : shape[d - (d > axis)];
        rg_tensor *y = rg_stack_n(axis - k % 2 * (n + 1), count, x);
        assert_shape(y, n + 1, longer);
        assert_int_equal(y->dtype, dtypes[k % 4]);
        for (int64_t i = 0; i < y->numel; i++) {
            indices_of(i, n + 1, longer, at);
            for (int d = 0; d < n; d++) own[d] = at[d + (d >= axis)];
            assert_element(y, i, element(x[at[axis]], element_at(n, shape, own)));
        }
    }
}

static void split_is_undone_by_concat(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 60; k++) {
        rg_tensor *x = numbers(t, dtypes[k % 4], RG_DIMS(3, 12, 2)), *out[4];
        static const int64_t sizes[] = {5, 0, 4, 3};
        const int equal = 1 << k % 3; /* 1, 2 or 4 parts of the 12 */
        const int axis = k % 2 ? 1 : -2;
        assert_int_equal(k % 5 ? rg_chunk(x, out, axis, equal) : rg_split_n(x, out, axis, 4, sizes), 0);
        if (k % 5) assert_shape(out[equal - 1], RG_DIMS(3, 12 / equal, 2));
        else assert_shape(out[2], RG_DIMS(3, 4, 2));
        rg_tensor *y = rg_concat_n(1, k % 5 ? equal : 4, out);
        assert_shape(y, RG_DIMS(3, 12, 2));
        for (int64_t i = 0; i < y->numel; i++) assert_element(y, i, element(x, i));
    }
}

static void triangles_by_loops(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        const int64_t shape[] = {1 + below(t, 3), 1 + below(t, 7), 1 + below(t, 7)};
        const int diagonal = (int)below(t, 19) - 9;
        rg_tensor *x = numbers(t, dtypes[k % 4], 3, shape), *low = rg_tril(x, diagonal), *high = rg_triu(x, diagonal);
        assert_shape(low, 3, shape);
        assert_shape(high, 3, shape);
        for (int64_t i = 0; i < x->numel; i++) {
            const int64_t c = i % shape[2], r = i / shape[2] % shape[1];
            assert_element(low, i, c - r <= diagonal ? element(x, i) : 0);
            assert_element(high, i, c - r >= diagonal ? element(x, i) : 0);
        }
    }
    rg_tensor *inf = rg_tril(rg_full(t, INFINITY, 2, 2), 0); /* chosen, not multiplied by 0 */
    assert_element(inf, 1, 0);
}

/* Forward by the definition: element i of an axis is element i mod size; the gradient is a sum over copies, exact in any order. */
static void repeat_by_loops(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 300; k++) {
        int64_t shape[RG_MAX_DIMS], times[RG_MAX_DIMS], longer[RG_MAX_DIMS], at[RG_MAX_DIMS], own[RG_MAX_DIMS];
        const int n = random_shape(t, 4, shape), m = (int)below(t, 5), ndim = n > m ? n : m;
        for (int d = 0; d < m; d++) times[d] = below(t, 20) ? 1 + below(t, 3) : 0;
        for (int d = 0; d < ndim; d++) longer[d] = (d < ndim - n ? 1 : shape[d - (ndim - n)]) * (d < ndim - m ? 1 : times[d - (ndim - m)]);
        rg_tensor *x = numbers(t, dtypes[k % 4], n, shape), *y = rg_repeat_n(x, m, times);
        assert_shape(y, ndim, longer);
        assert_int_equal(y->dtype, x->dtype);
        const bool has_gradient = k % 4 < 2;
        rg_tensor *dy = numbers(t, dtypes[k % 4], ndim, longer), *sum = rg_buffer_of_n(t, NULL, RG_F64, NULL, n, shape), *dx;
        for (int64_t i = 0; i < y->numel; i++) {
            indices_of(i, ndim, longer, at);
            for (int d = 0; d < n; d++) own[d] = at[d + ndim - n] % shape[d];
            const int64_t from = element_at(n, shape, own);
            assert_element(y, i, element(x, from));
            ((double *)sum->data)[from] += element(dy, i);
        }
        if (!has_gradient) continue;
        rg_requires_grad(x, true);
        assert_int_equal(rg_grad(rg_repeat_n(x, m, times), rg_list_of(x), &dx, .dy = dy), 0);
        for (int64_t i = 0; i < x->numel; i++) assert_element(dx, i, element(sum, i));
    }
}

static void repeat_interleave_by_loops(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 100; k++) {
        int64_t shape[RG_MAX_DIMS], longer[RG_MAX_DIMS], at[RG_MAX_DIMS];
        const int n = random_shape(t, 6, shape);
        if (!n) continue;
        const int axis = (int)below(t, n);
        const int64_t times = below(t, 4);
        for (int d = 0; d < n; d++) longer[d] = d == axis ? times * shape[d] : shape[d];
        rg_tensor *x = numbers(t, dtypes[k % 4], n, shape), *y = rg_repeat_interleave(x, axis - k % 2 * n, times);
        assert_shape(y, n, longer);
        for (int64_t i = 0; i < y->numel; i++) {
            indices_of(i, n, longer, at);
            at[axis] /= times;
            assert_element(y, i, element(x, element_at(n, shape, at)));
        }
    }
}

static void pads_with_any_value(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 40; k++) {
        const rg_dtype dtype = dtypes[k % 4];
        const double value = dtype == RG_F32 || dtype == RG_F64 ? -INFINITY : 7;
        /* the last axis, then the one before it */
        rg_tensor *x = numbers(t, dtype, RG_DIMS(2, 3, 4)), *y = rg_constant_pad(x, value, 1, 2, 0, 3);
        assert_shape(y, RG_DIMS(2, 6, 7));
        assert_int_equal(y->dtype, dtype);
        for (int64_t i = 0; i < y->numel; i++) {
            const int64_t c = i % 7 - 1, r = i / 7 % 6, b = i / 42;
            assert_element(y, i, c >= 0 && c < 4 && r < 3 ? element(x, (b * 3 + r) * 4 + c) : value);
        }
    }
    assert_shape(rg_constant_pad(rg_full(t, 1, 2), 5), RG_DIMS(2));
}

static void take_along_axis_broadcasts(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        int64_t xs[RG_MAX_DIMS], is[RG_MAX_DIMS], ys[RG_MAX_DIMS], at[RG_MAX_DIMS], own[RG_MAX_DIMS];
        const int n = 1 + (int)below(t, 4), axis = (int)below(t, n);
        for (int d = 0; d < n; d++) {
            const int64_t full = 1 + below(t, 4), which = below(t, 3);
            xs[d] = which == 0 ? 1 : full;
            is[d] = which == 1 ? 1 : full;
            ys[d] = full;
        }
        xs[axis] = 1 + below(t, 6);
        ys[axis] = is[axis] = 1 + below(t, 6);
        rg_tensor *x = numbers(t, dtypes[k % 4], n, xs), *index = indices(t, (int)xs[axis], n, is),
            *y = rg_take_along_axis(x, index, axis - k % 2 * n);
        assert_shape(y, n, ys);
        for (int64_t i = 0; i < y->numel; i++) {
            indices_of(i, n, ys, at);
            for (int d = 0; d < n; d++) own[d] = is[d] == 1 ? 0 : at[d];
            const int64_t chosen = (int64_t)element(index, element_at(n, is, own));
            for (int d = 0; d < n; d++) own[d] = d == axis ? chosen : xs[d] == 1 ? 0 : at[d];
            assert_element(y, i, element(x, element_at(n, xs, own)));
        }
    }
}

/* Above the size where threads share the rows. */
static void large_ones_in_threads(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(301, 400));
    rg_set_threads(t, 3);
    rg_tensor *y = rg_repeat(x, 2, 2), *low = rg_tril(x, 5), *pair = rg_stack(1, x, x);
    for (int64_t i = 0; i < y->numel; i++) assert_element(y, i, element(x, i / 800 % 301 * 400 + i % 400));
    for (int64_t i = 0; i < x->numel; i++) assert_element(low, i, i % 400 - i / 400 <= 5 ? element(x, i) : 0);
    for (int64_t i = 0; i < pair->numel; i++) assert_element(pair, i, element(x, i / 800 * 400 + i % 400));
}

static void arrange_errors_say_what_disagrees(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 0, 7, 3), "x"), *index = rg_input(t, ((const int32_t[]){0, 1, 2, 0}), 2, 2), *out[3] = {NULL};
    const int64_t sizes[] = {3, 5}, few[] = {3, 2}, vast = INT64_MAX / 2;
    REFUSED(RG_ESHAPE, rg_stack(0, x, rg_full(t, 0, 7)),
        "stack: x[7,3], [7]: the shapes of operands 1 and 2 differ; rg_concat joins along an axis that is there");
    REFUSED(RG_ESHAPE, rg_stack(3, x, x), "stack: x[7,3], x[7,3]: axis 3 is outside the 3 dimensions of the result");
    REFUSED(RG_ESHAPE, (rg_chunk(x, out, 0, 2), out[1]), "chunk: x[7,3]: axis 0, of size 7, cannot be split into 2 equal parts");
    REFUSED(RG_ESHAPE, (rg_split_n(x, out, 0, 2, sizes), out[0]), "split: x[7,3]: part 1, of 5, does not fit the 4 left of axis 0");
    REFUSED(RG_ESHAPE, (rg_split_n(x, out, 0, 2, few), out[0]), "split: x[7,3]: the parts leave 2 of axis 0");
    REFUSED(RG_ESHAPE, (rg_chunk(x, out, 2, 1), out[0]), "chunk: x[7,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_EVALUE, (rg_split_n(x, out, 0, 0, NULL), rg_poison(t)), "split: x[7,3]: 0 parts");
    REFUSED(RG_EVALUE, rg_constant_pad(x, 1, 2, 2, 3), "constant_pad: 3 widths are no pairs");
    REFUSED(RG_ESHAPE, rg_constant_pad(x, 1, 1, 1, 1, 1, 1, 1), "constant_pad: x[7,3]: pad: [9,5]: axis -3 is outside the 2 dimensions");
    REFUSED(RG_EVALUE, rg_pad(index, 0, 1, 1, .value = NAN), "pad: [2,2] i32: nan does not fit i32");
    REFUSED(RG_ESHAPE, rg_tril(rg_full(t, 0, 3), 0), "tril: [3]: a matrix has 2 dimensions at least, not 1");
    REFUSED(RG_ESHAPE, rg_repeat(x, 2, -1), "repeat: x[7,3]: -1 times 3 along axis 1");
    REFUSED(RG_ESHAPE, rg_repeat(x, vast, 1), "repeat: x[7,3]: 4611686018427387903 times 7 along axis 0");
    REFUSED(RG_ESHAPE, rg_repeat(x, 1, 1, 1, 1, 1, 1, 1), "repeat: x[7,3]: 7 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_repeat_interleave(x, 2, 2), "repeat_interleave: axis 2 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_repeat_interleave(rg_full(t, 0, 0, vast / 16), 1, vast),
        "repeat_interleave: 4611686018427387903 times 288230376151711743 along axis 1");
    REFUSED(RG_ESHAPE, rg_take_along_axis(x, index, INT_MAX), "take_along_axis: dimensions 7 and 2 of axis 0 do not broadcast");
    REFUSED(RG_ESHAPE, rg_take_along_axis(x, index, INT_MIN), "take_along_axis: dimensions 7 and 2 of axis 0 do not broadcast");
    REFUSED(RG_ESHAPE, rg_take_along_axis(x, index, 0), "take_along_axis: dimensions 3 and 2 of axis 1 do not broadcast");
}

/* Doubles just below the upper end are nearer to it than to any float below. */
static void uniform_stays_below_its_end(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F32);
    const rg_tensor *u = rg_uniform(t, 1 - 2e-7, 1, 1000);
    for (int64_t i = 0; i < rg_numel(u); i++) assert_true(rg_element(u, i) < 1);
}

static void made_by_rule(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    VALUES(rg_arange(t, 0, 1, .25), 0, .25, .5, .75);
    VALUES(rg_arange(t, 3, 0, -1), 3, 2, 1);
    assert_int_equal(rg_numel(rg_arange(t, 2, 2, 1)), 0);
    rg_tensor *whole = rg_arange(t, 5, -3, -3, .i32 = true);
    assert_int_equal(rg_dtype_of(whole), RG_I32);
    VALUES(whole, 5, 2, -1);
    VALUES(rg_arange(t, INT32_MAX - 1, 2147483648., 1, .i32 = true), INT32_MAX - 1, INT32_MAX);
    assert_true(rg_dtype_of(rg_arange(t, 2, 2, 1, .i32 = true)) == RG_I32 && !rg_error(t));
    VALUES(rg_linspace(t, -1, 1, 5), -1, -.5, 0, .5, 1);
    VALUES(rg_linspace(t, 4, 7, 1), 4);
    VALUES(rg_eye(t, 2), 1, 0, 0, 1);
    VALUES(rg_zeros_like(rg_eye(t, 2)), 0, 0, 0, 0);
    VALUES(rg_ones_like(rg_eye(t, 1)), 1);
    rg_rng drawn;
    drawn = *rg_tape_rng(t);
    const rg_tensor *u = rg_uniform(t, -2, 3, 2, 2), *z = rg_normal(t, 1, .5, 3);
    for (int i = 0; i < 4; i++) assert_true(element(u, i) == rg_rng_uniform(&drawn, -2, 3));
    for (int i = 0; i < 3; i++) assert_true(element(z, i) == rg_rng_normal(&drawn, 1, .5));
    rg_tensor *number = rg_normal(t, 64, 10); /* these are no sizes, as the header says */
    assert_true(rg_ndim(number) == 0 && rg_item(number) == rg_rng_normal(&drawn, 64, 10));
    REFUSED(RG_EVALUE, rg_arange(t, 0, 1, 0), "rg_arange: from 0 to 1 by 0 is no range of fewer than 1e15 steps");
    REFUSED(RG_EVALUE, rg_arange(t, 0, 1, -1), "rg_arange: from 0 to 1 by -1 is no range of fewer than 1e15 steps");
    REFUSED(RG_EVALUE, rg_arange(t, 0, 1, (double)NAN), "rg_arange: from 0 to 1 by nan is no range of fewer than 1e15 steps");
    REFUSED(RG_EVALUE, rg_arange(t, 0, 2, .5, .i32 = true), "rg_arange: from 0 to 2 by 0.5 does not fit i32");
    REFUSED(RG_EVALUE, rg_arange(t, 0, 4, 1.5, .i32 = true), "rg_arange: from 0 to 4 by 1.5 does not fit i32"); /* 0, 1.5, 3 */
    REFUSED(RG_EVALUE, rg_arange(t, .25, 4, 1, .i32 = true), "rg_arange: from 0.25 to 4 by 1 does not fit i32");
    REFUSED(RG_EVALUE, rg_arange(t, 0, 5e9, 2e9, .i32 = true), "rg_arange: from 0 to 5e+09 by 2e+09 does not fit i32");
    REFUSED(RG_EVALUE, rg_linspace(t, 0, (double)INFINITY, 3), "rg_linspace: the ends are 0 and inf, must be finite");
    REFUSED(RG_ESHAPE, rg_linspace(t, 0, 1, -3), "tensor: dimension 0 of the new shape is -3");
    REFUSED(RG_ESHAPE, rg_eye(t, -1), "tensor: dimension 0 of the new shape is -1");
    REFUSED(RG_EVALUE, rg_uniform(t, 1, 0, 2), "rg_uniform: the ends are 1 and 0, must be in order and finite");
    REFUSED(RG_EVALUE, rg_normal(t, 0, -1, 2), "rg_normal: mean and std are 0 and -1, must be finite, std at least 0");
}

static void axes_exchanged_and_joined(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_reshape(rg_arange(t, 0, 6, 1), 1, 2, 3);
    VALUES(rg_transpose(x, 1, -1), 0, 3, 1, 4, 2, 5);
    assert_shape(rg_transpose(x, -1, 0), 3, (const int64_t[]){3, 2, 1});
    assert_shape(rg_flatten(x, 1), 2, (const int64_t[]){1, 6});
    REFUSED(RG_ESHAPE, rg_transpose(x, 0, 3), "transpose: [1,2,3]: axes 0 and 3 of 3 dimensions");
    REFUSED(RG_ESHAPE, rg_flatten(x, -4), "flatten: [1,2,3]: axis -4 is outside the 3 dimensions");
}

int main(void) {
    const struct CMUnitTest cases[] = {
        CASE(stack_by_loops), CASE(split_is_undone_by_concat), CASE(triangles_by_loops), CASE(repeat_by_loops),
            CASE(repeat_interleave_by_loops),
        CASE(pads_with_any_value), CASE(take_along_axis_broadcasts), CASE(large_ones_in_threads), CASE(arrange_errors_say_what_disagrees),
        CASE(made_by_rule), CASE(uniform_stays_below_its_end), CASE(axes_exchanged_and_joined),
    };
    return RUN("arrange", cases);
}
