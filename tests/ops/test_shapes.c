/* test_shapes.c - the operators of shape.c against index loops, element by element. */
#include "tests/support/numbers.h"

/* -------- views */

static void reshape_shares_storage(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        int64_t shape[RG_MAX_DIMS], back[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape);
        rg_tensor *x = numbers(t, dtypes[k % 4], n, shape);
        for (int d = 0; d < n; d++) back[d] = shape[n - 1 - d];
        rg_tensor *y = rg_reshape_n(x, n, back), *flat = rg_reshape(y, -1), *again = rg_reshape_n(flat, n, shape);
        assert_shape(y, n, back);
        assert_shape(flat, 1, &x->numel);
        assert_shape(again, n, shape);
        assert_ptr_equal(y->data, x->data);
        assert_ptr_equal(again->data, x->data);
        assert_int_equal(again->dtype, x->dtype);
        assert_null(y->attr.shape.dims);
    }
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(2, 3, 4));
    assert_shape(rg_reshape(x, 4, -1, 2), RG_DIMS(4, 3, 2));
    assert_shape(rg_reshape(x, -1, 24), RG_DIMS(1, 24));
    assert_shape(rg_reshape(rg_reshape_n(rg_full(t, 3), 2, (const int64_t[]){1, 1}), 1), RG_DIMS(1));
    assert_shape(rg_reshape(rg_full(t, 3, 1, 1)), 0, NULL);
    assert_shape(rg_reshape(numbers(t, RG_U8, RG_DIMS(0, 3)), -1, 5), RG_DIMS(0, 5));
}

static void unsqueeze_and_squeeze_every_axis(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 100; k++) {
        int64_t shape[RG_MAX_DIMS], longer[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape);
        rg_tensor *x = numbers(t, dtypes[k % 4], n, shape);
        for (int axis = 0; axis <= n; axis++) {
            for (int d = 0; d <= n; d++) longer[d] = d == axis ? 1 : shape[d - (d > axis)];
            rg_tensor *y = rg_unsqueeze(x, axis), *negative = rg_unsqueeze(x, axis - n - 1);
            assert_shape(y, n + 1, longer);
            assert_shape(negative, n + 1, longer);
            assert_ptr_equal(y->data, x->data);
            rg_tensor *z = rg_squeeze(y, axis);
            assert_shape(z, n, shape);
            assert_shape(rg_squeeze(y, axis - n - 1), n, shape);
            assert_ptr_equal(z->data, x->data);
            assert_ptr_equal(z->base, x);
        }
    }
}

/* A result of up to 16 bytes lives inside its tensor; a view of it must not outlive it. */
static void view_of_a_small_result(void **state) {
    rg_tape *t = *state;
    rg_tensor *kept = rg_retain(rg_reshape(rg_add(rg_full(t, 1, 2), rg_full(t, 2, 2)), 2, 1));
    rg_tape_reset(t);
    for (int k = 0; k < 100; k++) rg_full(t, 9, 2);
    assert_true(element(kept, 0) == 3 && element(kept, 1) == 3);
    rg_release(kept);
}

/* -------- permute */

static void assert_permuted(rg_tensor *x, int n, const int *axes) {
    int64_t shape[RG_MAX_DIMS], index[RG_MAX_DIMS], from[RG_MAX_DIMS];
    rg_tensor *y = rg_permute_n(x, n, axes);
    for (int d = 0; d < n; d++) shape[d] = rg_dim(x, axes[d]);
    assert_shape(y, n, shape);
    assert_int_equal(y->dtype, x->dtype);
    for (int64_t i = 0; i < y->numel; i++) {
        indices_of(i, n, shape, index);
        for (int d = 0; d < n; d++) from[axes[d] < 0 ? axes[d] + n : axes[d]] = index[d];
        assert_element(y, i, element(x, element_at(n, x->shape, from)));
    }
}

static void permute_every_order_of_four(void **state) {
    rg_tape *t = *state;
    static const int64_t shapes[][4] = {{3, 17, 2, 5}, {1, 4, 1, 19}, {2, 2, 33, 1}, {3, 0, 2, 1}};
    int orders = 0;
    for (int code = 0; code < 256; code++) {
        int axes[4];
        unsigned seen = 0;
        for (int d = 0; d < 4; d++) seen |= 1u << (axes[d] = code >> 2 * d & 3);
        if (seen != 15) continue;
        orders++;
        for (int k = 0; k < 16; k++) assert_permuted(numbers(t, dtypes[k % 4], 4, shapes[k / 4]), 4, axes);
    }
    assert_int_equal(orders, 24);
}

static void permute_random_and_large(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        int64_t shape[RG_MAX_DIMS];
        int axes[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape);
        for (int d = 0; d < n; d++) axes[d] = d;
        for (int d = n - 1; d > 0; d--) {
            const int j = (int)rg_rng_integers(rg_tape_rng(t), 0, d + 1), keep = axes[d];
            axes[d] = axes[j], axes[j] = keep;
        }
        if (n) axes[0] -= k % 2 * n;
        assert_permuted(numbers(t, dtypes[k % 4], n, shape), n, axes);
    }
    for (int k = 0; k < 4; k++) {
        rg_set_threads(t, 4 - k);
        assert_permuted(numbers(t, dtypes[k], RG_DIMS(301, 517)), 2, (const int[]){1, 0});
        assert_permuted(numbers(t, dtypes[k], RG_DIMS(3, 130, 67)), 3, (const int[]){2, 0, 1});
        assert_permuted(numbers(t, dtypes[k], RG_DIMS(20, 30, 4, 16)), 4, (const int[]){0, 2, 1, 3});
    }
}

/* -------- slice, pad, concat */

static void assert_sliced(const rg_tensor *x, const rg_tensor *y, int axis, int64_t from, int64_t to) {
    int64_t shape[RG_MAX_DIMS], index[RG_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) shape[d] = d == axis ? to - from : x->shape[d];
    assert_shape(y, x->ndim, shape);
    assert_int_equal(y->dtype, x->dtype);
    for (int64_t i = 0; i < y->numel; i++) {
        indices_of(i, y->ndim, y->shape, index);
        index[axis] += from;
        assert_element(y, i, element(x, element_at(x->ndim, x->shape, index)));
    }
    if (axis == 0 && x->numel)
        assert_ptr_equal(y->data, (const char *)x->data + (size_t)(from * (x->numel / x->shape[0])) * rg_dtype_size(x->dtype));
    else if (x->numel) assert_ptr_not_equal(y->data, x->data);
}

static void slice_every_range(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 60; k++) {
        int64_t shape[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape);
        rg_tensor *x = numbers(t, dtypes[k % 4], n, shape);
        for (int axis = 0; axis < n; axis++)
            for (int64_t i = -shape[axis]; i < shape[axis]; i++) {
                const int64_t from = i < 0 ? i + shape[axis] : i;
                assert_sliced(x, rg_unsqueeze(rg_select(x, axis - (i < 0 ? n : 0), i), axis), axis, from, from + 1);
            }
        for (int axis = 0; axis < n; axis++)
            for (int64_t from = 0; from <= shape[axis]; from++)
                for (int64_t to = from; to <= shape[axis]; to++) {
                    assert_sliced(x, rg_slice(x, axis, from, to), axis, from, to);
                    if (to < shape[axis]) assert_sliced(x, rg_slice(x, axis - n, from - shape[axis], to - shape[axis]), axis, from, to);
                }
        rg_tape_reset(t);
    }
}

static void pad_is_undone_by_slice(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 100; k++) {
        int64_t shape[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape);
        rg_tensor *x = numbers(t, dtypes[k % 4], n, shape);
        for (int axis = 0; axis < n; axis++) {
            const int64_t before = k % 3, after = k % 5, size = shape[axis];
            rg_tensor *y = rg_pad(x, axis - k % 2 * n, before, after);
            int64_t zeros = 0, index[RG_MAX_DIMS];
            assert_sliced(y, rg_slice(y, axis, before, before + size), axis, before, before + size);
            for (int64_t i = 0; i < y->numel; i++) {
                indices_of(i, n, y->shape, index);
                const int64_t at = index[axis] -= before;
                if (at >= 0 && at < size) assert_element(y, i, element(x, element_at(n, shape, index)));
                else assert_element(y, i, 0), zeros++;
            }
            assert_int_equal(y->numel, x->numel + zeros);
            assert_int_equal(y->shape[axis], size + before + after);
        }
    }
}

static void concat_is_undone_by_slices(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        int64_t shape[RG_MAX_DIMS], size = 0;
        const int n = random_shape(t, 5, shape), axis = n ? k % n : 0, count = 1 + k % 9;
        rg_tensor *x[9];
        if (!n) continue;
        for (int i = 0; i < count; i++) {
            shape[axis] = rg_rng_integers(rg_tape_rng(t), 0, 4);
            x[i] = i > 2 && i % 3 == 0 ? x[i - 1] : numbers(t, dtypes[k % 4], n, shape);
        }
        rg_tensor *y = rg_concat_n(axis - k % 2 * n, count, x);
        assert_false(rg_failed(y));
        for (int i = 0; i < count; i++) {
            rg_tensor *part = rg_slice(y, axis, size, size + x[i]->shape[axis]);
            assert_shape(part, n, x[i]->shape);
            for (int64_t j = 0; j < part->numel; j++) assert_element(part, j, element(x[i], j));
            size += x[i]->shape[axis];
        }
        assert_int_equal(y->shape[axis], size);
        assert_int_equal(y->dtype, x[0]->dtype);
    }
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(2, 3));
    assert_shape(rg_concat(1, x, x, x), RG_DIMS(2, 9));
    assert_shape(rg_concat(0, x), RG_DIMS(2, 3));
}

/* -------- errors */

static void shape_errors_say_what_disagrees(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 0, 2, 3), "x"), *e = rg_set_name(rg_full(t, 0, 0, 3), "e"),
              *six = rg_full(t, 0, 1, 1, 1, 1, 1, 1), *r = rg_full(t, 0);
    const int64_t huge = INT64_MAX;
    REFUSED(RG_ESHAPE, rg_reshape(x, 4, 2), "reshape: x[2,3]: 6 elements do not fit [4,2]");
    REFUSED(RG_ESHAPE, rg_reshape(x, -1, 4), "reshape: x[2,3]: 6 elements do not fit [-1,4]");
    REFUSED(RG_ESHAPE, rg_reshape(e, 0, -1), "reshape: e[0,3]: 0 elements do not fit [0,-1]");
    REFUSED(RG_ESHAPE, rg_reshape(x, -1, 2, -1), "reshape: x[2,3]: dimensions 0 and 2 are both -1");
    REFUSED(RG_ESHAPE, rg_reshape(x, -2, 3), "reshape: x[2,3]: dimension 0 of the new shape is -2");
    REFUSED(RG_ESHAPE, rg_reshape(x, 1, 1, 1, 1, 1, 2, 3), "reshape: x[2,3]: 7 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_reshape(e, huge, huge, 0), "reshape: e[0,3]: the sizes of the new shape overflow");
    REFUSED(RG_ESHAPE, rg_unsqueeze(x, 3), "unsqueeze: x[2,3]: axis 3 is outside the 3 dimensions of the result");
    REFUSED(RG_ESHAPE, rg_unsqueeze(x, -4), "unsqueeze: x[2,3]: axis -4 is outside the 3 dimensions of the result");
    REFUSED(RG_ESHAPE, rg_unsqueeze(six, 0), "unsqueeze: [1,1,1,1,1,1]: 7 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_squeeze(x, -1), "squeeze: x[2,3]: axis 1 has size 3, not 1");
    REFUSED(RG_ESHAPE, rg_squeeze(r, 1), "squeeze: []: axis 1 is outside the 0 dimensions");
    REFUSED(RG_ESHAPE, rg_permute(x, 1), "permute: x[2,3]: 1 axes for 2 dimensions");
    REFUSED(RG_ESHAPE, rg_permute(six, 0, 1, 2, 3, 4, 5, 6), "permute: [1,1,1,1,1,1]: 7 axes for 6 dimensions");
    REFUSED(RG_ESHAPE, rg_permute(r, -1), "permute: []: 1 axes for 0 dimensions");
    REFUSED(RG_ESHAPE, rg_permute(x, 1, -1), "permute: x[2,3]: axis 1 is given twice");
    REFUSED(RG_ESHAPE, rg_permute(x, 0, -3), "permute: x[2,3]: axis -3 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_select(x, 1, 3), "select: x[2,3]: 3..4 is outside axis 1, of size 3");
    REFUSED(RG_ESHAPE, rg_slice(x, 1, 1, 4), "slice: x[2,3]: 1..4 is outside axis 1, of size 3");
    REFUSED(RG_ESHAPE, rg_slice(x, 0, -3, 1), "slice: x[2,3]: -3..1 is outside axis 0, of size 2");
    REFUSED(RG_ESHAPE, rg_slice(x, 1, 2, 1), "slice: x[2,3]: start 2 is after stop 1, along axis 1 of size 3");
    REFUSED(RG_ESHAPE, rg_slice(x, 2, 0, 1), "slice: x[2,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_slice(x, 0, -huge, huge), "slice: x[2,3]: -9223372036854775807..2 is outside axis 0, of size 2");
    REFUSED(RG_ESHAPE, rg_pad(x, 0, -1, 0), "pad: x[2,3]: the widths -1 and 0 along axis 0 must be at least 0");
    REFUSED(RG_ESHAPE, rg_pad(x, 0, 1, huge), "pad: x[2,3]: the size of axis 0 overflows");
    REFUSED(RG_ESHAPE, rg_pad(x, 0, huge / 2, 0), "pad: x[2,3]: the sizes of the new shape overflow");
    REFUSED(RG_ESHAPE, rg_concat(0, x, rg_full(t, 0, 2, 4)), "concat: x[2,3], [2,4]: dimensions 3 and 4 of axis 1 differ");
    REFUSED(RG_ESHAPE, rg_concat(0, x, six), "concat: x[2,3], [1,1,1,1,1,1]: operand 2 has 6 dimensions, the first has 2");
    REFUSED(RG_ESHAPE, rg_concat(2, x, x), "concat: x[2,3], x[2,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_EDTYPE, rg_concat(0, x, rg_cast(x, RG_F64)), "concat: x[2,3], [2,3] f64: dtypes f32 and f64 differ; rg_cast converts");
    rg_tensor *many[300];
    for (int i = 0; i < 300; i++) many[i] = x;
    REFUSED(RG_ESHAPE, rg_concat_n(0, 300, many), "concat: 300 operands, at most 255");
}

int main(void) {
    const struct CMUnitTest cases[] = {
        CASE(reshape_shares_storage), CASE(unsqueeze_and_squeeze_every_axis), CASE(view_of_a_small_result),
        CASE(permute_every_order_of_four), CASE(permute_random_and_large),
        CASE(slice_every_range), CASE(pad_is_undone_by_slice), CASE(concat_is_undone_by_slices),
        CASE(shape_errors_say_what_disagrees),
    };
    return RUN("shapes", cases);
}
