/* test_gather.c - the operators of gather.c against index loops, element by element; sums at an index for any number of threads. */
#include "tests/support/numbers.h"

#include <stdlib.h>

static int64_t below(rg_tape *t, int64_t n) { return rg_rng_integers(rg_tape_rng(t), 0, n); }

/* 1 .. 5 each: something to choose from everywhere. */
static int full_shape(rg_tape *t, int least, int most, int64_t *shape) {
    const int ndim = least + (int)below(t, most - least + 1);
    for (int d = 0; d < ndim; d++) shape[d] = 1 + below(t, 5);
    return ndim;
}

/* The numbers are multiples of 1/64: sums of them are exact in any order. */
static double *values_of(const rg_tensor *x) {
    double *v = malloc(((size_t)x->numel + 1) * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < x->numel; i++) v[i] = element(x, i);
    return v;
}

static void assert_values(const rg_tensor *y, double *should) {
    for (int64_t i = 0; i < y->numel; i++) assert_element(y, i, should[i]);
    free(should);
}

/* -------- a slice for an index */

static void index_select_and_add_by_loops(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 400; k++) {
        int64_t shape[RG_MAX_DIMS], which[RG_MAX_DIMS], should[2 * RG_MAX_DIMS], at[RG_MAX_DIMS], from[RG_MAX_DIMS];
        const int n = full_shape(t, 1, 4, shape), m = full_shape(t, 0, 3, which), axis = (int)below(t, n), ndim = n - 1 + m;
        if (m && k % 7 == 0) which[0] = 0;
        for (int d = 0; d < n; d++)
            if (d != axis) should[d < axis ? d : d - 1 + m] = shape[d];
        for (int d = 0; d < m; d++) should[axis + d] = which[d];
        const rg_dtype dtype = dtypes[k % 4];
        rg_tensor *x = numbers(t, dtype, n, shape), *index = indices(t, (int)shape[axis], m, which),
                  *y = rg_index_select(x, index, axis - k % 2 * n);
        assert_shape(y, ndim, should);
        assert_int_equal(y->dtype, dtype);
        const bool adds = dtype == RG_F32 || dtype == RG_F64;
        rg_tensor *src = adds ? numbers(t, dtype, ndim, should) : y;
        double *sum = values_of(x), *gradient = values_of(x);
        for (int64_t i = 0; i < x->numel; i++) gradient[i] = 0;
        for (int64_t i = 0; i < y->numel; i++) {
            indices_of(i, ndim, should, at);
            for (int d = 0; d < n; d++)
                if (d != axis) from[d] = at[d < axis ? d : d - 1 + m];
            from[axis] = (int64_t)element(index, element_at(m, which, at + axis));
            const int64_t place = element_at(n, shape, from);
            assert_element(y, i, element(x, place));
            sum[place] += element(src, i);
            gradient[place] += element(src, i);
        }
        if (adds) {
            rg_tensor *z = rg_index_add(x, src, index, axis), *dx;
            assert_shape(z, n, shape);
            assert_values(z, sum);
            rg_requires_grad(x, true);
            assert_int_equal(rg_grad(rg_index_select(x, index, axis), rg_list_of(x), &dx, .dy = src, .create_graph = k / 4 % 2), 0);
            assert_values(dx, gradient);
        } else {
            free(sum), free(gradient);
        }
    }
}

static void embedding_is_rows_of_a_table(void **state) {
    rg_tape *t = *state;
    static const double table[] = {0, 1, 10, 11, 20, 21}, dy[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int32_t ids[] = {2, 0, 2, 2};
    rg_tensor *w = rg_requires_grad(rg_input(t, table, 3, 2), true), *index = rg_input(t, ids, 2, 2), *y = rg_embedding(w, index), *dw;
    static const double should[] = {20, 21, 0, 1, 20, 21, 20, 21}, gradient[] = {3, 4, 0, 0, 1 + 5 + 7, 2 + 6 + 8};
    assert_shape(y, RG_DIMS(2, 2, 2));
    for (int i = 0; i < 8; i++) assert_element(y, i, should[i]);
    assert_int_equal(rg_grad(y, rg_list_of(w), &dw, .dy = rg_input(t, dy, 2, 2, 2)), 0);
    for (int i = 0; i < 6; i++) assert_element(dw, i, gradient[i]);
    assert_shape(rg_embedding(w, rg_input(t, ids)), RG_DIMS(2));
}

/* -------- an element for an index */

static void gather_and_scatter_add_by_loops(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 400; k++) {
        int64_t shape[RG_MAX_DIMS], which[RG_MAX_DIMS], at[RG_MAX_DIMS];
        const int n = full_shape(t, 1, 4, shape), axis = (int)below(t, n);
        /* at most x's size, beside the axis */
        for (int d = 0; d < n; d++) which[d] = d == axis ? below(t, 7) : k % 3 ? shape[d] : 1 + below(t, shape[d]);
        const rg_dtype dtype = dtypes[k % 4];
        rg_tensor *x = numbers(t, dtype, n, shape), *index = indices(t, (int)shape[axis], n, which),
                  *y = rg_gather(x, index, axis - k % 2 * n);
        assert_shape(y, n, which);
        assert_int_equal(y->dtype, dtype);
        const bool adds = dtype == RG_F32 || dtype == RG_F64;
        rg_tensor *src = adds ? numbers(t, dtype, n, which) : y;
        double *sum = values_of(x), *gradient = values_of(x);
        for (int64_t i = 0; i < x->numel; i++) gradient[i] = 0;
        for (int64_t i = 0; i < y->numel; i++) {
            indices_of(i, n, which, at);
            at[axis] = (int64_t)element(index, i);
            const int64_t place = element_at(n, shape, at);
            assert_element(y, i, element(x, place));
            sum[place] += element(src, i);
            gradient[place] += element(src, i);
        }
        if (adds) {
            rg_tensor *z = rg_scatter_add(x, src, index, axis), *dx;
            assert_shape(z, n, shape);
            assert_values(z, sum);
            rg_requires_grad(x, true);
            assert_int_equal(rg_grad(rg_gather(x, index, axis), rg_list_of(x), &dx, .dy = src, .create_graph = k / 4 % 2), 0);
            assert_values(dx, gradient);
        } else {
            free(sum), free(gradient);
        }
    }
}

static void masked_fill_in_the_operands_dtype(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 2; k++) {
        rg_tensor *x = rg_requires_grad(numbers(t, dtypes[k], RG_DIMS(3, 4)), true),
                  *mask = rg_gt(x, rg_full_like(rg_slice(x, 1, 0, 1), 0)), *dx;
        rg_tensor *y = rg_masked_fill(x, mask, -INFINITY);
        assert_int_equal(y->dtype, dtypes[k]);
        assert_int_equal(rg_grad(y, rg_list_of(x), &dx, .dy = rg_full_like(y, 3)), 0);
        for (int i = 0; i < 12; i++) {
            const bool hidden = element(x, i) > 0;
            assert_element(y, i, hidden ? -INFINITY : element(x, i));
            assert_element(dx, i, hidden ? 0 : 3);
        }
    }
}

/* -------- the same bits for any number of threads, also where one place is added to from everywhere */

static rg_tensor *normal(rg_tape *t, int ndim, const int64_t *shape) {
    rg_tensor *x = numbers(t, RG_F32, ndim, shape);
    for (int64_t i = 0; i < x->numel; i++) ((float *)x->data)[i] = (float)rg_rng_normal(rg_tape_rng(t), 0, 1);
    return x;
}

static void assert_bits(const rg_tensor *a, const rg_tensor *b) {
    assert_false(rg_failed(a) || rg_failed(b));
    assert_int_equal(a->numel, b->numel);
    assert_memory_equal(a->data, b->data, (size_t)a->numel * sizeof(float));
}

static void same_bits_for_any_thread_count(void **state) {
    rg_tape *t = *state;
    rg_tensor *table = rg_requires_grad(normal(t, RG_DIMS(50, 37)), true), *ids = indices(t, 50, RG_DIMS(7, 700)),
        *dy = normal(t, RG_DIMS(7, 700, 37));
    rg_tensor *x = rg_requires_grad(normal(t, RG_DIMS(60, 30, 40)), true), *index[3], *src[3], *of[4], *first[8] = {NULL};
    static const int64_t shapes[3][3] = {{90, 30, 40}, {60, 90, 20}, {50, 30, 90}}; /* split along the last axis, the first, the first */
    for (int axis = 0; axis < 3; axis++) {
        index[axis] = indices(t, (int)x->shape[axis], 3, shapes[axis]);
        src[axis] = normal(t, 3, shapes[axis]);
    }
    for (int threads = 1; threads <= 4; threads++) {
        int n = 0;
        rg_set_threads(t, threads);
        assert_int_equal(rg_grad(rg_embedding(table, ids), rg_list_of(table), &of[0], .dy = dy), 0);
        for (int axis = 0; axis < 3; axis++)
            assert_int_equal(rg_grad(rg_gather(x, index[axis], axis), rg_list_of(x), &of[1 + axis], .dy = src[axis]), 0);
        rg_tensor *y[] = {of[0], of[1], of[2], of[3], rg_index_add(x, rg_slice(x, 2, 0, 0), indices(t, 30, RG_DIMS(0)), 2),
            rg_scatter_add(x, src[2], index[2], 2), rg_index_select(table, rg_cast(rg_full(t, 5, 9000), RG_I32), 1),
            rg_gather(x, index[0], 0)};
        for (; n < 8; n++) {
            if (threads == 1) first[n] = y[n];
            assert_bits(y[n], first[n]);
        }
    }
}

/* -------- errors */

static void gather_errors_say_where(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_set_name(rg_full(t, 0, 5, 4), "w"), *ids = rg_set_name(rg_input(t, ((const int32_t[]){0, 4, 5, 1}), 2, 2), "ids");
    rg_tensor *fine = rg_input(t, ((const int32_t[]){3, 0, -1}), 3), *zeros = rg_input(t, ((const int32_t[12]){0}), 6, 2);
    REFUSED(RG_EVALUE, rg_embedding(w, ids), "embedding: w[5,4], ids[2,2] i32: ids[1,0] = 5 is outside 0..4");
    REFUSED(RG_EVALUE, rg_index_select(w, fine, 1), "index_select: w[5,4], [3] i32: index[2] = -1 is outside 0..3");
    REFUSED(RG_EVALUE, rg_index_select(rg_full(t, 0, 0, 4), zeros, 0),
        "index_select: [0,4], [6,2] i32: index[0,0] = 0, but there is nothing to index");
    REFUSED(RG_ESHAPE, rg_index_select(w, ids, 2), "index_select: w[5,4], ids[2,2] i32: axis 2 is outside the 2 dimensions");
    REFUSED(RG_EDTYPE, rg_index_select(w, w, 0), "index_select: w[5,4], w[5,4]: the index must be i32, not f32");
    REFUSED(RG_ESHAPE, rg_index_select(rg_full(t, 0, 1, 1, 1, 1, 1, 1), zeros, 0),
        "index_select: [1,1,1,1,1,1], [6,2] i32: 7 dimensions, at most 6");
    REFUSED(RG_ESHAPE, rg_index_add(w, rg_full(t, 0, 5, 12), zeros, 1),
        "index_add: w[5,4], [6,2] i32, [5,12]: the source must be [5,6,2]");
    REFUSED(RG_EVALUE, rg_gather(w, ids, 0), "gather: w[5,4], ids[2,2] i32: ids[1,0] = 5 is outside 0..4");
    REFUSED(RG_ESHAPE, rg_gather(w, zeros, 1), "gather: w[5,4], [6,2] i32: along axis 0 there are 6 indices for 5");
    REFUSED(RG_ESHAPE, rg_gather(w, fine, 0), "gather: w[5,4], [3] i32: index must have 2 dimensions, not 1");
    rg_tensor *mask = rg_input(t, ((const uint8_t[10]){0}), 2, 5), *gone = rg_full(t, 1, 4);
    REFUSED(RG_ESHAPE, rg_masked_fill(w, mask, 1), "masked_fill: w[5,4], [2,5] u8: dimensions 2 and 5 do not broadcast");
    REFUSED(RG_ESTATE, rg_masked_fill(NULL, mask, 1), "masked_fill: operand 1 is NULL");
    REFUSED(RG_ESTATE, rg_masked_fill(w, NULL, 1), "masked_fill: operand 2 is NULL");
    const int64_t mark = rg_mark(t);
    rg_tensor *later = rg_full(t, 1, 4);
    rg_rewind(t, mark);
    char expected[96];
    snprintf(expected, sizeof expected, "masked_fill: operand 2 was released by the rewind at test_gather.c:%d", __LINE__ - 2);
    if (rg_info().pool) REFUSED(RG_ESTATE, rg_masked_fill(gone, later, 1), expected); /* without it the memory is gone */
    REFUSED(RG_ESHAPE, rg_scatter_add(w, w, zeros, 0),
        "scatter_add: w[5,4], [6,2] i32, w[5,4]: the shapes of index and source differ");
}

int main(void) {
    const struct CMUnitTest cases[] = {
        CASE(index_select_and_add_by_loops), CASE(embedding_is_rows_of_a_table), CASE(gather_and_scatter_add_by_loops),
        CASE(masked_fill_in_the_operands_dtype), CASE(same_bits_for_any_thread_count), CASE(gather_errors_say_where),
    };
    return RUN("gather", cases);
}
