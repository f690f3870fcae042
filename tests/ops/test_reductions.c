/* test_reductions.c - prod min var std norm cumsum argmin and sorting: against loops, and where gradients have a convention. */
#include "ops/gradcheck.h"
#include "tests/support/values.h"

#include <stdlib.h>

static rg_tensor *leaf(rg_tape *t, const double *v, int64_t n, int64_t m) {
    return rg_requires_grad(rg_input_n(t, v, m ? 2 : 1, (int64_t[]){n, m}), true);
}
#define LEAF(...) leaf(t, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), 0)

static rg_tensor *gradient(rg_tensor *y, rg_tensor *x) {
    rg_tensor *dx = NULL;
    assert_int_equal(rg_grad(y, rg_list_of(x), &dx, .dy = rg_full_like(y, 1), .create_graph = true, .allow_unused = true), 0);
    return dx;
}

static int start_f64(void **state) {
    if (start(state)) return -1;
    return rg_set_default_dtype(*state, RG_F64);
}
#define F64(name) cmocka_unit_test_setup_teardown(name, start_f64, stop)

/* -------- prod */

static void prod_with_zeros(void **state) {
    rg_tape *t = *state;
    rg_tensor *none = LEAF(2, 3, 4, 5, 6), *one = LEAF(2, 0, 4, 5, 6), *two = LEAF(2, 0, 4, 0, 6);
    VALUES(rg_prod(none), 720);
    VALUES(gradient(rg_prod(none), none), 360, 240, 180, 144, 120);
    VALUES(rg_prod(one), 0);
    VALUES(gradient(rg_prod(one), one), 0, 240, 0, 0, 0);
    VALUES(gradient(rg_prod(two), two), 0, 0, 0, 0, 0);
    /* row i of the Hessian: products of all but i and j */
    VALUES(gradient(rg_slice(gradient(rg_prod(one), one), 0, 0, 1), one), 0, 120, 0, 0, 0);
    VALUES(gradient(rg_slice(gradient(rg_prod(two), two), 0, 1, 2), two), 0, 0, 0, 48, 0);
    VALUES(gradient(rg_slice(gradient(rg_prod(none), none), 0, 4, 5), none), 60, 40, 30, 24, 0);
}

/* Against the product of the others, for every length that pairs differently, over either axis and both. */
static void prod_of_any_length(void **state) {
    rg_tape *t = *state;
    for (int64_t n = 1; n <= 34; n++) {
        rg_tensor *x = rg_requires_grad(numbers(t, RG_F64, RG_DIMS(n, 3)), true);
        for (int axis = 0; axis < 2; axis++) {
            rg_tensor *y = rg_prod(x, axis), *dx = gradient(y, x);
            const int64_t shape[] = {axis == 0 ? 3 : n};
            assert_shape(y, 1, shape);
            for (int64_t i = 0; i < n * 3; i++) {
                double others = 1;
                for (int64_t j = 0; j < n * 3; j++)
                    if (j != i && (axis == 0 ? j % 3 == i % 3 : j / 3 == i / 3)) others *= element(x, j);
                assert_true(fabs(element(dx, i) - others) <= 1e-13 * fabs(others));
                assert_true(fabs(element(y, axis == 0 ? i % 3 : i / 3) - others * element(x, i)) <= 1e-13 * fabs(others * element(x, i)));
            }
        }
    }
    VALUES(rg_prod(rg_full(t, 3, 0, 5)), 1);
    VALUES(rg_prod_keep(rg_full(t, 3, 0, 2), 0), 1, 1);
}

/* -------- min, argmin */

static void ties_share(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = LEAF(3, 1, 2, 1, 1, 5);
    VALUES(rg_min(x), 1);
    VALUES(gradient(rg_min(x), x), 0, 1. / 3, 0, 1. / 3, 1. / 3, 0);
    assert_element(rg_argmin(x, 0), 0, 1);
    rg_tensor *rows = leaf(t, (const double[]){1, 2, 0, -1, 4, -1}, 2, 3);
    VALUES(rg_min(rows, 1), 0, -1);
    VALUES(rg_min_keep(rows, 0), -1, 2, -1);
    VALUES(gradient(rg_min(rows, 1), rows), 0, 0, 1, .5, 0, .5);
    VALUES(rg_argmin(rows, 1), 2, 0);
    VALUES(rg_argmin(rows, 0), 1, 0, 1);
    assert_true(isnan(rg_item(rg_min(LEAF(1, NAN, -INFINITY)))));
    assert_element(rg_argmin(LEAF(1, NAN, -INFINITY), 0), 0, 1);
    assert_element(rg_min(LEAF(1, -INFINITY)), 0, -INFINITY);
    REFUSED(RG_EVALUE, rg_min(rg_full(t, 1, 0, 3)), "min: [0,3]: no minimum over axis 0 of size 0");
    REFUSED(RG_EVALUE, rg_argmin(rg_full(t, 1, 3, 0), 1), "argmin: [3,0]: no minimum over axis 1 of size 0");
}

static void min_over_long_runs(void **state) {
    rg_tape *t = *state;
    for (int64_t n = 1; n < 70; n++) {
        rg_tensor *x = numbers(t, RG_F32, RG_DIMS(n));
        double least = INFINITY;
        for (int64_t i = 0; i < n; i++) least = fmin(least, element(x, i));
        assert_element(rg_min(x), 0, least);
        assert_true(element(x, (int64_t)element(rg_argmin(x, 0), 0)) == least);
    }
}

/* Rows and columns longer than the pieces that are taken at a time, full of ties, without a NaN and with two. */
static const int64_t sides[][2] = {{1, 1}, {2, 3}, {3, 2500}, {2500, 3}, {2, 200}, {1100, 130}};
enum { SIDES = sizeof sides / sizeof *sides };
static rg_tensor *tied(rg_tape *t, int k, bool with_nan) {
    const int64_t n = sides[k / 2][0] * sides[k / 2][1];
    double *v = calloc((size_t)n, sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++) v[i] = (double)(i * i % 97 * 7 % 5 - 2);
    if (with_nan) v[n / 2] = v[n - 1] = (double)NAN;
    rg_tensor *x = rg_requires_grad(rg_input_of_n(t, dtypes[k % 2], v, 2, sides[k / 2]), true);
    free(v);
    return x;
}

static void first_of_ties_and_nan(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 16 * SIDES; k++) {
        const int axis = k / 2 % 2;
        const bool least = k / 4 % 2;
        rg_tensor *x = tied(t, k / 8, k % 2), *at = least ? rg_argmin(x, axis) : rg_argmax(x, axis);
        const int64_t n = rg_dim(x, axis), m = rg_dim(x, 1 - axis);
        for (int64_t j = 0; j < m; j++) {
            int64_t best = 0;
            for (int64_t i = 1; i < n; i++) {
                const double was = element(x, axis ? j * n + best : best * m + j), is = element(x, axis ? j * n + i : i * m + j);
                if (!isnan(was) && (isnan(is) || (least ? is < was : is > was))) best = i;
            }
            assert_element(at, j, (double)best);
        }
    }
}

/* The fused derivative beside the one composed of ops: to the bit. */
static void ties_share_fused(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 16 * SIDES; k++) {
        const bool least = k / 4 % 2;
        const unsigned axes = (unsigned)(k % 4);
        int which[2], n = 0;
        for (int d = 0; d < 2; d++)
            if (axes >> d & 1) which[n++] = d;
        for (int with_nan = 0; with_nan < 2; with_nan++) {
            rg_tensor *x = tied(t, k / 8, with_nan), *y = least ? rg_min_n(x, n, which) : rg_max_n(x, n, which);
            rg_tensor *dy = numbers(t, rg_dtype_of(x), y->ndim, y->shape), *fused, *composed;
            assert_int_equal(rg_grad(y, rg_list_of(x), &fused, .dy = dy), 0);
            assert_int_equal(rg_grad(y, rg_list_of(x), &composed, .dy = dy, .create_graph = true), 0);
            for (int64_t i = 0; i < x->numel; i++)
                assert_true(element(fused, i) == element(composed, i) || (isnan(element(fused, i)) && isnan(element(composed, i))));
        }
    }
}

/* -------- var, std, norm */

static void variance_and_its_correction(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = LEAF(1, 2, 4, 7), *far = LEAF(1e8 + 1, 1e8 + 2, 1e8 + 4, 1e8 + 7); /* mean 3.5, squares 6.25 2.25 .25 12.25 */
    VALUES(rg_var(x), 7);
    VALUES(rg_var_corrected(x, 0, 0), 5.25);
    VALUES(rg_var_corrected_keep(x, 2, -1), 10.5);
    VALUES(rg_std(x), 2.6457513110645906);
    VALUES(rg_std_corrected(x, 0, 0), 2.2912878474779199);
    VALUES(rg_var(far), 7);
    VALUES(gradient(rg_var(x), x), -5. / 3, -1, 1. / 3, 7. / 3);
    VALUES(gradient(rg_std(x), x), -.31497039417435607, -.18898223650461362, .062994078834871203, .44095855184409843);
    rg_tensor *rows = leaf(t, (const double[]){1, 5, 3, 3, 3, 9}, 2, 3);
    VALUES(rg_var(rows, 1), 4, 12);
    VALUES(rg_var_corrected(rows, 0, 0), 1, 1, 9);
    VALUES(rg_var(rows), 7.6);
    REFUSED(RG_EVALUE, rg_var_corrected(x, (double)NAN, 0), "var: the correction is nan, must be at least 0");
    REFUSED(RG_EVALUE, rg_std_corrected(x, -1, 0), "std: [4]: var: the correction is -1, must be at least 0");
    assert_true(isnan(rg_item(rg_var(LEAF(3))))); /* one element, divided by 0 */
}

static void slope_0_where_there_is_no_slope(void **state) {
    rg_tape *t = *state;
    rg_tensor *same = LEAF(3, 3, 3), *zero = LEAF(0, 0);
    VALUES(rg_std(same), 0);
    VALUES(gradient(rg_std(same), same), 0, 0, 0);
    for (int k = 0; k < 3; k++) {
        const double p = k == 0 ? 1 : k == 1 ? 2 : INFINITY;
        VALUES(rg_norm_p(zero, p), 0);
        VALUES(gradient(rg_norm_p(zero, p), zero), 0, 0);
        VALUES(gradient(rg_sum(gradient(rg_norm_p(zero, p), zero)), zero), 0, 0);
        assert_true(isnan(rg_item(rg_norm_p(LEAF(1, NAN), p))));
        assert_element(rg_norm_p(LEAF(1, -INFINITY), p), 0, INFINITY);
    }
    rg_tensor *rows = leaf(t, (const double[]){0, 0, 3, 4}, 2, 2);
    VALUES(gradient(rg_norm(rows, 1), rows), 0, 0, .6, .8);
}

static void norms(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = leaf(t, (const double[]){3, -4, 0, -4, 2, 4}, 2, 3);
    VALUES(rg_norm_p(x, 1), 17);
    VALUES(rg_norm(x), 7.810249675906654);
    VALUES(rg_norm_p(x, INFINITY), 4);
    VALUES(rg_norm(x, 1), 5, 6);
    VALUES(rg_norm_p_keep(x, 1, 0), 7, 6, 4);
    VALUES(gradient(rg_norm_p(x, 1), x), 1, -1, 0, -1, 1, 1);
    VALUES(gradient(rg_norm(x, 1), x), .6, -.8, 0, -2. / 3, 1. / 3, 2. / 3);
    VALUES(gradient(rg_norm_p(x, INFINITY), x), 0, -1. / 3, 0, -1. / 3, 0, 1. / 3);
    REFUSED(RG_EVALUE, rg_norm_p(x, 3), "norm: p is 3, must be 1, 2 or INFINITY");
}

/* -------- cumsum */

static void running_sums(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = leaf(t, (const double[]){1, 2, 3, 4, 5, 6}, 2, 3), *dx;
    VALUES(rg_cumsum(x, 1), 1, 3, 6, 4, 9, 15);
    VALUES(rg_cumsum(x, 0), 1, 2, 3, 5, 7, 9);
    rg_tensor *dy = leaf(t, (const double[]){1, 10, 100, 1000, 10000, 100000}, 2, 3);
    assert_int_equal(rg_grad(rg_cumsum(x, -1), rg_list_of(x), &dx, .dy = dy), 0);
    VALUES(dx, 111, 110, 100, 111000, 110000, 100000);
}

static void running_sums_over_any_axis(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 60; k++) {
        const int64_t shape[] = {1 + k % 3, 1 + k % 7, 1 + k * 5 % 131};
        rg_tensor *x = numbers(t, dtypes[k % 2], 3, shape);
        const int axis = k % 3;
        rg_tensor *y = rg_cumsum(x, axis);
        for (int64_t i = 0; i < x->numel; i++) {
            int64_t at[3];
            indices_of(i, 3, shape, at);
            double sum = 0; /* of 64ths: exact */
            for (int64_t last = at[axis], j = 0; j <= last; j++) at[axis] = j, sum += element(x, element_at(3, shape, at));
            assert_element(y, i, sum);
        }
    }
    enum { LONG = 3000000 };
    rg_set_default_dtype(t, RG_F32);
    rg_tensor *y = rg_cumsum(rg_full(t, .1, LONG), 0); /* added up in floats, the last would be wrong in its third digit */
    assert_true(fabs(element(y, LONG - 1) - LONG * (double).1f) < .02);
}

/* -------- logcumsumexp */

/* Against logsumexp of each beginning, gradients too; with 10^4 added nothing overflows. */
static void logarithms_of_running_sums(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 24; k++) {
        const int64_t shape[] = {1 + k % 3, 1 + k % 5, 1 + k * 5 % 131};
        const int axis = k % 3;
        rg_tensor *x = rg_requires_grad(rg_detach(rg_add(numbers(t, RG_F64, 3, shape), k & 4 ? 1e4 : 0)), true);
        rg_tensor *y = rg_logcumsumexp(x, axis), *dx = NULL, *sum = rg_full(t, 0), *slopes = NULL;
        for (int64_t i = 0; i < shape[axis]; i++) {
            rg_tensor *so_far = rg_logsumexp(rg_slice(x, axis, 0, i + 1), axis);
            assert_true(rg_allclose(rg_select(y, axis, i), so_far, .rtol = 1e-13));
            sum = rg_add(sum, rg_mul(rg_sum(so_far), i + 1));
        }
        rg_tensor *weighted = rg_sum(rg_mul(y, rg_reshape(rg_arange(t, 1, (double)shape[axis] + 1, 1), axis == 0 ? shape[0] : 1,
            axis == 1 ? shape[1] : 1, axis == 2 ? shape[2] : 1)));
        assert_int_equal(rg_grad(weighted, rg_list_of(x), &dx), 0);
        assert_int_equal(rg_grad(sum, rg_list_of(x), &slopes), 0);
        assert_true(rg_allclose(dx, slopes, .rtol = 1e-11));
    }
}

/* As in PyTorch. */
static void logarithms_of_infinite_sums(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = LEAF(-INFINITY, 1, 1), *y = rg_logcumsumexp(x, 0), *dx = gradient(y, x);
    assert_true(element(y, 0) == -INFINITY && element(y, 1) == 1 && isnan(element(dx, 0)) && fabs(element(dx, 1) - 1.5) < 1e-15);
    x = LEAF(0, INFINITY, 1), y = rg_logcumsumexp(x, 0), dx = gradient(y, x);
    assert_true(element(y, 0) == 0 && element(y, 1) == INFINITY && element(y, 2) == INFINITY);
    assert_true(element(dx, 0) == 1 && isnan(element(dx, 1)) && element(dx, 2) == 0);
    y = rg_logcumsumexp(LEAF(0, NAN, 1), 0);
    assert_true(element(y, 0) == 0 && isnan(element(y, 1)) && isnan(element(y, 2)));
    x = LEAF(1e4, -1e4, 1e4);
    VALUES(rg_slice(rg_logcumsumexp(x, 0), 0, 0, 2), 1e4, 1e4);
    assert_true(fabs(element(gradient(rg_logcumsumexp(x, 0), x), 0) - 2.5) < 1e-11);
}

/* -------- sorting */

static void order_of_ties_and_nan(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = LEAF(2, NAN, 1, 2, -INFINITY, NAN, 1, -0.0, 0), *index;
    rg_tensor *y = rg_sort(x, 0, .index = &index);
    VALUES(index, 4, 7, 8, 2, 6, 0, 3, 1, 5);
    assert_true(isnan(element(y, 7)) && isnan(element(y, 8)));
    VALUES(rg_slice(y, 0, 1, 7), 0, 0, 1, 1, 2, 2);
    y = rg_sort(x, 0, .descending = true, .index = &index);
    VALUES(index, 1, 5, 0, 3, 2, 6, 7, 8, 4);
    assert_true(isnan(element(y, 0)) && isnan(element(y, 1)));
    assert_element(y, 8, -INFINITY);
    VALUES(rg_argsort(x, -1), 4, 7, 8, 2, 6, 0, 3, 1, 5);
    REFUSED(RG_EVALUE, rg_argsort(x, -1, .index = &index), "argsort: .index is for rg_sort; the result is the indices");
    assert_true(rg_failed(index));
    VALUES(rg_slice(rg_topk(x, 0, 3, .smallest = true, .index = &index), 0, 1, 3), 0, 0);
    VALUES(index, 4, 7, 8);
    rg_topk(x, 0, 3, .index = &index);
    VALUES(index, 1, 5, 0);
}

static void gradients_go_back_through_the_permutation(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = leaf(t, (const double[]){3, 1, 2, 0, 5, 4}, 2, 3), *dx, *y = rg_sort(x, 1);
    rg_tensor *dy = leaf(t, (const double[]){1, 10, 100, 1000, 10000, 100000}, 2, 3);
    VALUES(y, 1, 2, 3, 0, 4, 5);
    assert_int_equal(rg_grad(y, rg_list_of(x), &dx, .dy = dy), 0);
    VALUES(dx, 100, 1, 10, 1000, 100000, 10000);
    VALUES(rg_sort(x, 0, .descending = true), 3, 5, 4, 0, 1, 2);
    y = rg_topk(x, -1, 2);
    VALUES(y, 3, 2, 5, 4);
    VALUES(gradient(rg_square(y), x), 6, 0, 4, 0, 10, 8);
    VALUES(gradient(gradient(rg_square(y), x), x), 2, 0, 2, 0, 2, 2);
    rg_tensor *kept;
    assert_int_equal(rg_topk(x, 1, 0, .index = &kept)->numel, 0);
    REFUSED(RG_EVALUE, rg_topk(x, 1, 4, .index = &kept), "topk: k = 4 is outside 0..3, the size of axis 1");
    assert_true(rg_failed(kept));
    REFUSED(RG_EVALUE, rg_topk(x, -2, -1), "topk: k = -1 is outside 0..2, the size of axis -2");
    REFUSED(RG_ESHAPE, rg_sort(x, 2, .descending = true), "sort: [2,3]: axis 2 is outside the 2 dimensions");
}

/* Sorted, and stable: of equal elements the earlier first. Many equal ones, lengths about the runs that are merged. */
static void order_of_many(void **state) {
    rg_tape *t = *state;
    static const int64_t lengths[] = {1, 2, 15, 16, 17, 31, 32, 33, 48, 100, 1000, 4097};
    for (int k = 0; k < 48; k++) {
        const int64_t n = lengths[k / 4], m = k % 2 ? 3 : 1;
        const bool descending = k % 4 > 1;
        rg_tensor *x = numbers(t, dtypes[k % 2], RG_DIMS(n, m)), *index, *y = rg_sort(x, 0, .descending = descending, .index = &index);
        for (int64_t c = 0; c < m; c++) {
            double seen = 0;
            for (int64_t i = 0; i < n; i++) {
                const int64_t from = (int64_t)element(index, i * m + c);
                assert_element(y, i * m + c, element(x, from * m + c));
                seen += (double)(from + 1) * (double)(from + 1);
                if (i == 0) continue;
                const double was = element(y, (i - 1) * m + c), is = element(y, i * m + c);
                assert_true(descending ? was >= is : was <= is);
                if (was == is) assert_true((int64_t)element(index, (i - 1) * m + c) < from);
            }
            assert_true(seen == (double)n * (double)(n + 1) * (double)(2 * n + 1) / 6); /* each index once */
        }
    }
}

/* The gradient check leaves an element out when this hash changes. */
static void order_tells_its_branches_apart(void **state) {
    rg_tape *t = *state;
    static const double x[][3] = {{1, 2, 3}, {1, 2, 7}, {2, 1, 3}};
    uint64_t hash[3];
    for (int i = 0; i < 3; i++) {
        const int64_t mark = rg_mark(t);
        rg_sort(leaf(t, x[i], 3, 0), 0);
        hash[i] = rg_branch_hash(t, mark);
    }
    assert_true(hash[0] == hash[1] && hash[0] != hash[2]);
}

int main(void) {
    static const struct CMUnitTest cases[] = {F64(prod_with_zeros), F64(prod_of_any_length), F64(ties_share), CASE(min_over_long_runs),
        CASE(first_of_ties_and_nan), CASE(ties_share_fused),
        F64(variance_and_its_correction), F64(slope_0_where_there_is_no_slope), F64(norms), F64(running_sums),
        CASE(running_sums_over_any_axis),
        F64(logarithms_of_running_sums), F64(logarithms_of_infinite_sums),
        F64(order_of_ties_and_nan), F64(gradients_go_back_through_the_permutation), CASE(order_of_many),
        F64(order_tells_its_branches_apart)};
    return RUN("reductions", cases);
}
