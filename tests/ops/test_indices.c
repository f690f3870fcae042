/* test_indices.c - the operators of index.c and cross_entropy.c against index loops and composed twins, element by element. */
#include "ops/gradcheck.h"
#include "tests/support/numbers.h"

/* -------- where, pick, scatter, one_hot */

static void where_broadcasts_three_ways(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 300; k++) {
        int64_t shape[RG_MAX_DIMS], small[3][RG_MAX_DIMS], index[RG_MAX_DIMS], own[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape);
        rg_tensor *x[3], *full = numbers(t, dtypes[k % 2], n, shape);
        int drop[3];
        for (int j = 0; j < 3; j++) {
            drop[j] = n ? (int)rg_rng_integers(rg_tape_rng(t), 0, n + 1) * (int)rg_rng_integers(rg_tape_rng(t), 0, 2) : 0;
            for (int d = drop[j]; d < n; d++) small[j][d - drop[j]] = rg_rng_integers(rg_tape_rng(t), 0, 3) ? shape[d] : 1;
            x[j] = numbers(t, dtypes[k % 2], n - drop[j], small[j]);
        }
        x[k % 3] = full, drop[k % 3] = 0;
        for (int64_t i = 0; i < x[0]->numel; i++) {
            if (rg_rng_integers(rg_tape_rng(t), 0, 2)) continue;
            if (k % 2) ((double *)x[0]->data)[i] = i % 7 ? 0 : -0.0;
            else ((float *)x[0]->data)[i] = 0;
        }
        rg_tensor *y = rg_where(x[0], x[1], x[2]);
        assert_shape(y, n, shape);
        for (int64_t i = 0; i < y->numel; i++) {
            double v[3];
            indices_of(i, n, shape, index);
            for (int j = 0; j < 3; j++) {
                for (int d = 0; d < x[j]->ndim; d++) own[d] = x[j]->shape[d] == 1 ? 0 : index[d + drop[j]];
                v[j] = element(x[j], element_at(x[j]->ndim, x[j]->shape, own));
            }
            assert_element(y, i, v[0] != 0 ? v[1] : v[2]);
        }
    }
    rg_tensor *y = rg_where(rg_full(t, NAN, 3), rg_full(t, 5), rg_full(t, 6));
    assert_element(y, 2, 5);
}

static void where_over_many_chunks(void **state) {
    rg_tape *t = *state;
    rg_tensor *c = numbers(t, RG_F32, RG_DIMS(3, 70001)), *a = numbers(t, RG_F32, RG_DIMS(3, 70001)),
        *b = numbers(t, RG_F32, RG_DIMS(70001));
    for (int64_t i = 0; i < c->numel; i += 3) ((float *)c->data)[i] = 0;
    rg_tensor *y = rg_where(c, a, b);
    for (int64_t i = 0; i < y->numel; i++) assert_element(y, i, element(c, i) != 0 ? element(a, i) : element(b, i % 70001));
}

/* The gradient check leaves an element out when this hash changes: it must, with the truth of any element, and with nothing else. */
static void where_tells_its_branches_apart(void **state) {
    rg_tape *t = *state;
    static const double c[][3] = {{1, 0, 1}, {-2, 0, NAN}, {1, 0, 0}, {1, 1, 1}, {0, 0, 1}};
    for (int k = 0; k < 2; k++) {
        uint64_t hash[5];
        rg_set_default_dtype(t, dtypes[k]);
        for (int i = 0; i < 5; i++) {
            const int64_t mark = rg_mark(t);
            rg_where(rg_input(t, c[i], 3), rg_full(t, 1), rg_full(t, 2));
            hash[i] = rg_branch_hash(t, mark);
        }
        assert_true(hash[0] == hash[1]);
        for (int i = 2; i < 5; i++) assert_true(hash[0] != hash[i]);
    }
}

static void pick_and_scatter_are_adjoint(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        int64_t shape[RG_MAX_DIMS];
        const int n = random_shape(t, 4, shape), classes = 1 + k % 17;
        const rg_dtype dtype = dtypes[k % 2];
        shape[n] = classes;
        rg_tensor *x = numbers(t, dtype, n + 1, shape), *u = numbers(t, dtype, n, shape), *index = indices(t, classes, n, shape);
        rg_tensor *y = rg_pick(x, index), *z = rg_scatter(u, index, classes);
        assert_shape(y, n, shape);
        assert_shape(z, n + 1, shape);
        double left = 0, right = 0;
        for (int64_t r = 0; r < y->numel; r++) {
            const int label = (int)element(index, r);
            assert_element(y, r, element(x, r * classes + label));
            for (int j = 0; j < classes; j++) assert_element(z, r * classes + j, j == label ? element(u, r) : 0);
            left += element(y, r) * element(u, r);
        }
        for (int64_t i = 0; i < x->numel; i++) right += element(x, i) * element(z, i);
        assert_true(left == right); /* quarters of small integers: exact */
    }
}

static void one_hot_in_the_tapes_dtype(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 50; k++) {
        int64_t shape[RG_MAX_DIMS];
        const int n = random_shape(t, 5, shape), classes = 1 + k % 11;
        rg_set_default_dtype(t, dtypes[k % 2]);
        rg_tensor *index = indices(t, classes, n, shape), *y = rg_one_hot(index, classes);
        shape[n] = classes;
        assert_shape(y, n + 1, shape);
        assert_int_equal(y->dtype, dtypes[k % 2]);
        for (int64_t i = 0; i < y->numel; i++) assert_element(y, i, (double)(i % classes == (int64_t)element(index, i / classes)));
    }
}

/* -------- cast */

static void cast_between_all_dtypes(void **state) {
    rg_tape *t = *state;
    static const double in[] = {0, -0.0, 1, 1.999, -0.999, -1.5, 127.5, 255, 255.9, 256, -1, 16777217, 2147483647, 3e9, -2147483648.0, -3e9,
        1e300, INFINITY, -INFINITY, NAN};
    static const double as_i32[] = {0, 0, 1, 1, 0, -1, 127, 255, 255, 256, -1, 16777217, 2147483647, 2147483647, -2147483648.0,
        -2147483648.0, 2147483647, 2147483647, -2147483648.0, 0};
    static const double as_u8[] = {0, 0, 1, 1, 0, 0, 127, 255, 255, 255, 0, 255, 255, 255, 0, 0, 255, 255, 0, 0};
    enum { N = sizeof in / sizeof *in };
    rg_tensor *x = rg_buffer(t, NULL, in, N), *i32 = rg_cast(x, RG_I32), *u8 = rg_cast(x, RG_U8), *f32 = rg_cast(x, RG_F32);
    for (int i = 0; i < N; i++) {
        assert_element(i32, i, as_i32[i]);
        assert_element(u8, i, as_u8[i]);
        assert_memory_equal((float *)f32->data + i, &(float){(float)in[i]}, sizeof(float));
    }
    for (int k = 0; k < 16; k++) {
        rg_tensor *from = numbers(t, dtypes[k / 4], RG_DIMS(3, 1, 17)), *y = rg_cast(from, dtypes[k % 4]);
        assert_shape(y, RG_DIMS(3, 1, 17));
        assert_int_equal(y->dtype, dtypes[k % 4]);
        if (k / 4 == k % 4) assert_ptr_equal(y->data, from->data);
        for (int64_t i = 0; i < y->numel; i++) {
            double v = element(from, i);
            if (k % 4 == RG_F32) v = (double)(float)v;
            if (k % 4 == RG_I32) v = trunc(v);
            if (k % 4 == RG_U8) v = v < 0 ? 0 : v > 255 ? 255 : trunc(v);
            assert_element(y, i, v);
        }
    }
}

static void cast_is_differentiable_between_floats(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 2; k++) {
        rg_set_default_dtype(t, dtypes[k]);
        rg_tensor *x = rg_requires_grad(rg_input(t, ((const double[]){.5, -2, 3}), 3), true), *dx, *ddx;
        rg_tensor *y = rg_square(rg_cast(x, dtypes[1 - k])), *w = rg_buffer_of(t, NULL, dtypes[1 - k], NULL, 3), *one;
        rg_set_default_dtype(t, dtypes[1 - k]);
        w = rg_full_like(w, 1.5);
        assert_int_equal(rg_grad(y, rg_list_of(x), &dx, .dy = w, .create_graph = true), 0);
        assert_int_equal(dx->dtype, dtypes[k]);
        one = rg_full_like(dx, 1);
        assert_int_equal(rg_grad(dx, rg_list_of(x), &ddx, .dy = one), 0);
        for (int i = 0; i < 3; i++) assert_true(element(dx, i) == 3 * element(x, i) && element(ddx, i) == 3);
        assert_false(rg_needs_grad(rg_cast(rg_detach(x), RG_I32)));
    }
}

/* -------- cross entropy beside its composed twin */

static rg_tensor *twin(rg_tensor *x, rg_tensor *labels) { return rg_mean(rg_sub(rg_logsumexp(x, -1), rg_pick(x, labels))); }

static void assert_twins(rg_tape *t, rg_dtype dtype, double bar, int ndim, const int64_t *shape) {
    rg_tensor *(*const loss[])(rg_tensor *, rg_tensor *) = {twin, NULL};
    rg_set_default_dtype(t, dtype);
    rg_tensor *x = rg_requires_grad(numbers(t, dtype, ndim, shape), true), *labels = indices(t, (int)shape[ndim - 1], ndim - 1, shape);
    rg_tensor *v = numbers(t, dtype, ndim, shape), *y[2], *plain[2], *graph[2], *second[2];
    for (int k = 0; k < 2; k++) {
        y[k] = loss[k] ? loss[k](x, labels) : rg_cross_entropy(x, labels);
        rg_tensor *scaled = rg_mul_scalar(rg_square(y[k]), 3); /* so that dy is no 1, and depends on x */
        assert_int_equal(rg_grad(scaled, rg_list_of(x), &plain[k]), 0);
        assert_int_equal(rg_grad(scaled, rg_list_of(x), &graph[k], .create_graph = true), 0);
        assert_int_equal(rg_grad(rg_sum(rg_mul(graph[k], v)), rg_list_of(x), &second[k]), 0);
    }
    assert_int_equal(y[1]->ndim, 0);
    assert_int_equal(y[1]->dtype, dtype);
    assert_close("value", y[1], y[0], bar);
    assert_close("gradient by composed ops", graph[1], graph[0], bar);
    assert_close("gradient by the fused kernel", plain[1], graph[1], bar);
    assert_close("second derivative", second[1], second[0], bar);
}

static void cross_entropy_equals_its_twin(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 2; k++) {
        const rg_dtype dtype = dtypes[k];
        const double bar = k ? 1e-12 : 1e-4;
        assert_twins(t, dtype, bar, RG_DIMS(5, 7));
        assert_twins(t, dtype, bar, RG_DIMS(17));
        assert_twins(t, dtype, bar, RG_DIMS(1, 1));
        assert_twins(t, dtype, bar, RG_DIMS(2, 3, 4));
        assert_twins(t, dtype, bar, RG_DIMS(2, 1, 3, 2, 5));
        assert_twins(t, dtype, bar, RG_DIMS(1000, 10));
        assert_twins(t, dtype, bar, RG_DIMS(3, 20000));
    }
}

static rg_tensor *one_label(rg_tape *t, int32_t v) { return rg_input(t, &v); }

static void cross_entropy_at_extremes(void **state) {
    rg_tape *t = *state;
    static const int32_t labels[] = {0, 1, 2};
    static const double rows[] = {1e4, -1e4, 0, 1e4, -1e4, 0, -1e4, -1e4, -1e4}; /* losses 0, 2e4, log 3 */
    for (int k = 0; k < 2; k++) {
        rg_set_default_dtype(t, dtypes[k]);
        rg_tensor *x = rg_requires_grad(rg_input(t, rows, 3, 3), true), *dx, *index = rg_input(t, labels, 3);
        rg_tensor *y = rg_cross_entropy(x, index);
        assert_true(fabs(rg_item(y) / ((2e4 + log(3)) / 3) - 1) < (k ? 1e-15 : 1e-7));
        assert_int_equal(rg_grad(y, rg_list_of(x), &dx), 0);
        static const double should[] = {0, 0, 0, 1, -1, 0, 1. / 3, 1. / 3, -2. / 3};
        for (int i = 0; i < 9; i++) assert_true(fabs(element(dx, i) * 3 - should[i]) < (k ? 1e-15 : 2e-7));
        assert_true(fabs(rg_item(rg_cross_entropy(rg_full(t, -1e4, 4, 10), rg_input(t, ((const int32_t[]){0, 9, 3, 3}), 4))) - log(10)) <
                    (k ? 1e-15 : 2e-7));
        assert_true(isnan(rg_item(rg_cross_entropy(rg_full(t, 0, 0, 3), rg_input(t, labels, 0)))));
        const double infinite[] = {0, -INFINITY, 0};
        assert_true(fabs(rg_item(rg_cross_entropy(rg_input(t, infinite, 3), one_label(t, 0))) - log(2)) < 1e-6);
        assert_true(isinf(rg_item(rg_cross_entropy(rg_input(t, infinite, 3), one_label(t, 1)))));
        assert_true(isnan(rg_item(rg_cross_entropy(rg_input(t, ((const double[]){0, NAN, 0}), 3), one_label(t, 0)))));
    }
}

static void same_bits_for_any_thread_count(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(numbers(t, RG_F32, RG_DIMS(1100, 1000)), true), *labels = indices(t, 1000, RG_DIMS(1100)), *y[4],
        *dx[4];
    for (int k = 0; k < 4; k++) {
        rg_set_threads(t, k + 1);
        y[k] = rg_cross_entropy(x, labels);
        assert_int_equal(rg_grad(y[k], rg_list_of(x), &dx[k]), 0);
        assert_memory_equal(y[k]->data, y[0]->data, sizeof(float));
        assert_memory_equal(dx[k]->data, dx[0]->data, (size_t)x->numel * sizeof(float));
    }
}

/* -------- errors */

static void index_errors_say_where(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 0, 3, 4), "x"), *none = rg_set_name(rg_full(t, 0, 2, 0), "none"), *cube = rg_full(t, 0, 2, 2, 3);
    rg_tensor *index = rg_set_name(rg_input(t, ((const int32_t[]){3, 7, 0}), 3), "index"),
              *pair = rg_input(t, ((const int32_t[]){2, 0, -1, 2}), 2, 2);
    rg_tensor *zeros = rg_input(t, ((const int32_t[]){0, 0}), 2);
    REFUSED(RG_EVALUE, rg_pick(x, index), "pick: x[3,4], index[3] i32: index[1] = 7 is outside 0..3");
    REFUSED(RG_EVALUE, rg_pick(cube, pair), "pick: [2,2,3], [2,2] i32: index[1,0] = -1 is outside 0..2");
    REFUSED(RG_EVALUE, rg_pick(rg_full(t, 0, 4), one_label(t, 4)), "pick: [4], [] i32: index = 4 is outside 0..3");
    REFUSED(RG_EVALUE, rg_pick(none, zeros), "pick: none[2,0], [2] i32: index[0] = 0, but there is nothing to index");
    REFUSED(RG_ESHAPE, rg_pick(x, pair), "pick: x[3,4], [2,2] i32: index must have 1 dimensions, not 2");
    REFUSED(RG_ESHAPE, rg_pick(x, zeros), "pick: x[3,4], [2] i32: dimensions 3 and 2 of axis 0 differ");
    REFUSED(RG_ESHAPE, rg_pick(rg_full(t, 0), zeros), "pick: [], [2] i32: rank 0 has no axis to index");
    REFUSED(RG_EDTYPE, rg_pick(x, x), "pick: x[3,4], x[3,4]: the index must be i32, not f32");
    REFUSED(RG_EVALUE, rg_scatter(rg_full(t, 0, 3), index, 7), "scatter: [3], index[3] i32: index[1] = 7 is outside 0..6");
    REFUSED(RG_ESHAPE, rg_scatter(rg_full(t, 0, 2), index, 8), "scatter: [2], index[3] i32: the shapes of x and index differ");
    REFUSED(RG_ESHAPE, rg_scatter(rg_full(t, 0, 3), index, -1), "scatter: [3], index[3] i32: dimension 1 of the new shape is -1");
    REFUSED(RG_EVALUE, rg_one_hot(index, 4), "one_hot: index[3] i32: index[1] = 7 is outside 0..3");
    REFUSED(RG_EDTYPE, rg_cast(x, (rg_dtype)9), "cast: x[3,4]: there is no dtype 9");
    REFUSED(RG_ESHAPE, rg_where(x, rg_full(t, 0, 3), x), "where: x[3,4], [3], x[3,4]: dimensions 4 and 3 do not broadcast");
    REFUSED(RG_EVALUE, rg_cross_entropy(x, index),
        "cross_entropy: x[3,4], index[3] i32: index[1] = 7 is outside 0..3; rows that shall not count are 0 in .mask");
    REFUSED(RG_EVALUE, rg_cross_entropy(cube, pair),
        "cross_entropy: [2,2,3], [2,2] i32: labels[1,0] = -1 is outside 0..2; rows that shall not count are 0 in .mask");
    REFUSED(RG_ESHAPE, rg_cross_entropy(x, pair),
        "cross_entropy: the labels are [2,2] i32, must be [3] i32: the classes are the last axis of x[3,4]");
    REFUSED(RG_EVALUE, rg_cross_entropy(none, zeros), "cross_entropy: none[2,0], [2] i32: labels[0] = 0, but there is nothing to index");
    REFUSED(RG_EDTYPE, rg_mse(rg_full(t, 1, 2), zeros), "mse: [2], [2] i32: dtypes f32 and i32 differ; rg_cast converts");
}

int main(void) {
    const struct CMUnitTest cases[] = {
        CASE(where_broadcasts_three_ways), CASE(where_over_many_chunks), CASE(where_tells_its_branches_apart),
        CASE(pick_and_scatter_are_adjoint), CASE(one_hot_in_the_tapes_dtype),
        CASE(cast_between_all_dtypes), CASE(cast_is_differentiable_between_floats),
        CASE(cross_entropy_equals_its_twin), CASE(cross_entropy_at_extremes), CASE(same_bits_for_any_thread_count),
        CASE(index_errors_say_where),
    };
    return RUN("indices", cases);
}
