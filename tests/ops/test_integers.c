/* test_integers.c - i32 and u8 as operands: exact, or an error; masks of every dtype; any and all; a replay computes them anew. */
#include "tests/support/values.h"

#include "tests/support/checked.h"

#define COUNT(type, ...) ((int64_t)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)))
#define I32(...) rg_input(t, ((const int32_t[]){__VA_ARGS__}), COUNT(int32_t, __VA_ARGS__))
#define U8(...) rg_input(t, ((const uint8_t[]){__VA_ARGS__}), COUNT(uint8_t, __VA_ARGS__))
#define F64(...) rg_buffer(t, NULL, ((const double[]){__VA_ARGS__}), COUNT(double, __VA_ARGS__))

/* Small, so that products and sums fit; of u8 all 256. */
static rg_tensor *few(rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = numbers(t, dtype, ndim, shape);
    for (int64_t i = 0; dtype == RG_I32 && i < x->numel; i++) ((int32_t *)x->data)[i] = (int32_t)rg_rng_integers(rg_tape_rng(t), -30, 30);
    return x;
}

/* All but one in so many become 0. */
static void some_to_0(rg_tape *t, rg_tensor *x, int one_in) {
    const size_t size = rg_dtype_size(x->dtype);
    for (int64_t i = 0; i < x->numel; i++)
        if (rg_rng_integers(rg_tape_rng(t), 0, one_in)) memset((char *)x->data + (size_t)i * size, 0, size);
}

/* -------- elementwise */

typedef struct two {
    rg_tensor *(*op)(const char *at, rg_tensor *a, rg_tensor *b);
    double (*of)(double a, double b);
    rg_dtype dtype[2]; /* of i32, u8 */
} two;
static double plus(double a, double b) { return a + b; }
static double minus(double a, double b) { return a - b; }
static double times(double a, double b) { return a * b; }
static double eq(double a, double b) { return a == b; }
static double ne(double a, double b) { return a != b; }
static double lt(double a, double b) { return a < b; }
static double le(double a, double b) { return a <= b; }
static double gt(double a, double b) { return a > b; }
static double ge(double a, double b) { return a >= b; }
static double both(double a, double b) { return a != 0 && b != 0; }
static double either(double a, double b) { return a != 0 || b != 0; }
static double one_of(double a, double b) { return (a != 0) != (b != 0); }
static const two twos[] = {
    {rg_add_at, plus, {RG_I32, RG_I32}}, {rg_sub_at, minus, {RG_I32, RG_I32}}, {rg_mul_at, times, {RG_I32, RG_I32}},
    {rg_maximum_at, fmax, {RG_I32, RG_U8}}, {rg_minimum_at, fmin, {RG_I32, RG_U8}},
    {rg_eq_at, eq, {RG_U8, RG_U8}}, {rg_ne_at, ne, {RG_U8, RG_U8}},
    {rg_lt_at, lt, {RG_U8, RG_U8}}, {rg_le_at, le, {RG_U8, RG_U8}}, {rg_gt_at, gt, {RG_U8, RG_U8}}, {rg_ge_at, ge, {RG_U8, RG_U8}},
    {rg_logical_and_at, both, {RG_U8, RG_U8}}, {rg_logical_or_at, either, {RG_U8, RG_U8}}, {rg_logical_xor_at, one_of, {RG_U8, RG_U8}}};

static void assert_pairs(const two *w, rg_tensor *a, rg_tensor *b, int n, const int64_t *shape) {
    rg_tensor *y = w->op(RG_HERE, a, b);
    assert_shape(y, n, shape);
    assert_int_equal(y->dtype, w->dtype[a->dtype == RG_U8]);
    assert_false(rg_needs_grad(y));
    for (int64_t i = 0; i < y->numel; i++) {
        int64_t index[RG_MAX_DIMS], own[RG_MAX_DIMS];
        indices_of(i, n, shape, index);
        for (int d = 0; d < b->ndim; d++) own[d] = b->shape[d] == 1 ? 0 : index[d + n - b->ndim];
        assert_element(y, i, w->of(element(a, i), element(b, element_at(b->ndim, b->shape, own))));
    }
}

static void elementwise(void **state) {
    rg_tape *t = *state;
    for (size_t w = 0; w < sizeof twos / sizeof *twos; w++)
        for (int k = 0; k < 40; k++) {
            int64_t shape[RG_MAX_DIMS], small[RG_MAX_DIMS];
            const int n = random_shape(t, 4, shape), drop = n ? k % (n + 1) : 0;
            for (int d = drop; d < n; d++) small[d - drop] = k % 3 ? shape[d] : 1;
            rg_tensor *a = few(t, dtypes[2 + k % 2], n, shape), *b = few(t, dtypes[2 + k % 2], n - drop, small);
            assert_pairs(&twos[w], a, b, n, shape);
        }
    for (size_t w = 0; w < sizeof twos / sizeof *twos; w++) /* longer than a block */
        for (int k = 0; k < 2; k++)
            assert_pairs(&twos[w], few(t, dtypes[2 + k], RG_DIMS(3, 2500)), few(t, dtypes[2 + k], RG_DIMS(2500)), RG_DIMS(3, 2500));
}

static void tests_of_one(void **state) {
    rg_tape *t = *state;
    VALUES(rg_logical_not(I32(0, -3, 7)), 1, 0, 0);
    VALUES(rg_isnan(U8(0, 9)), 0, 0);
    VALUES(rg_isfinite(I32(INT32_MIN, 9)), 1, 1);
    assert_int_equal(rg_dtype_of(rg_logical_not(I32(1))), RG_U8);
    assert_int_equal(rg_dtype_of(rg_logical_not(rg_full(t, 1, 2))), RG_F32);
    assert_int_equal(rg_dtype_of(rg_eq(rg_full(t, 1, 2), 1)), RG_F32);
}

static void nothing_wraps(void **state) {
    rg_tape *t = *state;
    rg_tensor *most = rg_set_name(I32(1, INT32_MAX), "most"), *least = I32(1, INT32_MIN), *ones = I32(1, 1), *bytes = U8(255, 0);
    VALUES(rg_add(most, I32(5, 0)), 6, INT32_MAX);
    VALUES(rg_sub(least, I32(5, 0)), -4, INT32_MIN);
    VALUES(rg_mul(I32(INT32_MIN, 65536), I32(1, -32768)), INT32_MIN, INT32_MIN);
    REFUSED(RG_EVALUE, rg_add(most, ones), "add: most[2] i32 + [2] i32: 2147483648 does not fit i32; rg_cast converts to floats");
    REFUSED(RG_EVALUE, rg_sub(least, ones), "sub: [2] i32 - [2] i32: -2147483649 does not fit i32; rg_cast converts to floats");
    REFUSED(RG_EVALUE, rg_mul(least, least), "mul: [2] i32 * [2] i32: 4611686018427387904 does not fit i32; rg_cast converts to floats");
    REFUSED(RG_EVALUE, rg_sum(most), "sum: most[2] i32: 2147483648 does not fit i32; rg_cast converts to floats");
    VALUES(rg_mean(most), 1073741824);
    VALUES(rg_sum(rg_concat(0, most, most, least, least)), 2); /* on the way it is more */
    VALUES(rg_sub(U8(0), U8(255)), -255); /* u8 are added, subtracted and multiplied as i32 */
    VALUES(rg_mul(bytes, bytes), 65025, 0);
    VALUES(rg_add(bytes, bytes), 510, 0);
    int64_t n = 3000; /* the culprit stands in a later block */
    rg_tensor *late = rg_empty(t, RG_I32, 1, &n);
    for (int64_t i = 0; i < n; i++) ((int32_t *)late->data)[i] = i == 2999 ? INT32_MIN : 0;
    REFUSED(RG_EVALUE, rg_sub(late, 1), "sub: [3000] i32 - [] i32: -2147483649 does not fit i32; rg_cast converts to floats");
}

static void numbers_beside_integers(void **state) {
    rg_tape *t = *state;
    rg_tensor *i = rg_set_name(I32(3, -4), "i"), *u = U8(3, 200);
    VALUES(rg_add(i, 1), 4, -3);
    VALUES(rg_sub(10, u), 7, -190);
    VALUES(rg_mul(i, -2), -6, 8);
    VALUES(rg_eq(u, 3), 1, 0);
    VALUES(rg_maximum(i, 0), 3, 0);
    VALUES(rg_where(rg_gt(i, 0), i, 0), 3, 0);
    VALUES(rg_where(rg_gt(i, 0), 255, u), 255, 200);
    REFUSED(RG_EVALUE, rg_add(i, .5), "the number 0.5 does not fit i[2] i32; rg_cast converts");
    REFUSED(RG_EVALUE, rg_add(3e9, i), "the number 3000000000 does not fit i[2] i32; rg_cast converts");
    REFUSED(RG_EVALUE, rg_lt(u, 256), "the number 256 does not fit [2] u8; rg_cast converts");
    REFUSED(RG_EVALUE, rg_mul(u, -1), "the number -1 does not fit [2] u8; rg_cast converts");
    REFUSED(RG_EVALUE, rg_eq(i, NAN), "the number nan does not fit i[2] i32; rg_cast converts");
    REFUSED(RG_EVALUE, rg_where(u, i, INFINITY), "the number inf does not fit i[2] i32; rg_cast converts");
    REFUSED(RG_EVALUE, rg_masked_fill(i, u, 1.5), "masked_fill: i[2] i32, [2] u8: the number 1.5 does not fit i[2] i32; rg_cast converts");
    REFUSED(RG_EVALUE, rg_pad(i, 0, 1, 1, .value = 2.5), "pad: i[2] i32: 2.5 does not fit i32");
}

static void dtypes_are_not_mixed(void **state) {
    rg_tape *t = *state;
    rg_tensor *i = I32(1, 2), *u = U8(1, 2), *x = rg_full(t, 1, 2);
    REFUSED(RG_EDTYPE, rg_add(i, x), "add: [2] i32 + [2]: dtypes i32 and f32 differ; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_mul(x, i), "mul: [2] * [2] i32: dtypes f32 and i32 differ; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_eq(i, u), "eq: [2] i32, [2] u8: dtypes i32 and u8 differ; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_where(u, x, i), "where: [2] u8, [2], [2] i32: dtypes f32 and i32 differ; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_masked_fill(rg_exp(i), u, 1), "exp: [2] i32: operand 1 must be a float, not i32; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_prod(i), "prod: [2] i32: operand 1 must be a float, not i32; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_cumsum(u, 0), "cumsum: [2] u8: operand 1 must be a float, not u8; rg_cast converts");
    REFUSED(RG_EDTYPE, rg_div(i, i), "div: [2] i32 / [2] i32: operand 1 must be a float, not i32; rg_cast converts");
}

/* -------- reductions */

enum { SUM, MEAN, MAX, MIN, ANY, ALL, REDUCTIONS };
static double joined(int which, double a, double b) {
    switch (which) {
    case SUM: case MEAN: return a + b;
    case MAX: return fmax(a, b);
    case MIN: return fmin(a, b);
    case ANY: return a != 0 || b != 0;
    default: return a != 0 && b != 0;
    }
}
static double none(int which) { return which == MAX ? -INFINITY : which == MIN ? INFINITY : which == ALL; }

/* Over `axes`, a bit each. */
static void assert_reduced(rg_tape *t, int which, rg_tensor *x, unsigned axes) {
    typedef rg_tensor *reduction(const char *at, rg_tensor *x, int naxes, const int *axes);
    reduction *const ops[] = {rg_sum_at, rg_mean_at, rg_max_at, rg_min_at, rg_any_at, rg_all_at};
    reduction *const keeping[] = {rg_sum_keep_at, rg_mean_keep_at, rg_max_keep_at, rg_min_keep_at, rg_any_keep_at, rg_all_keep_at};
    int list[RG_MAX_DIMS], n = 0;
    int64_t kept[RG_MAX_DIMS], index[RG_MAX_DIMS], count = 1;
    for (int d = 0; d < x->ndim; d++) {
        if (axes >> d & 1) list[n++] = d, count *= x->shape[d];
        kept[d] = axes >> d & 1 ? 1 : x->shape[d];
    }
    if (count == 0 && (which == MAX || which == MIN)) return;
    rg_tensor *y = ops[which](RG_HERE, x, n, list), *z = keeping[which](RG_HERE, x, n, list);
    assert_shape(z, x->ndim, kept);
    const rg_dtype dtype = which == SUM ? RG_I32 : which == MEAN ? rg_default_dtype(t) : which >= ANY ? RG_U8 : x->dtype;
    assert_int_equal(y->dtype, dtype);
    assert_int_equal(z->dtype, dtype);
    assert_int_equal(y->ndim, x->ndim - n);
    double *should = calloc((size_t)z->numel + 1, sizeof *should);
    for (int64_t i = 0; i < z->numel; i++) should[i] = none(which);
    for (int64_t i = 0; i < x->numel; i++) {
        indices_of(i, x->ndim, x->shape, index);
        for (int d = 0; d < x->ndim; d++) index[d] = axes >> d & 1 ? 0 : index[d];
        double *to = &should[element_at(x->ndim, kept, index)];
        *to = joined(which, *to, element(x, i));
    }
    for (int64_t i = 0; i < z->numel; i++) {
        if (which == MEAN) should[i] = dtype == RG_F32 ? (double)(float)(should[i] / (double)count) : should[i] / (double)count;
        if (isnan(should[i])) assert_true(isnan(element(y, i)) && isnan(element(z, i)));
        else assert_element(y, i, should[i]), assert_element(z, i, should[i]);
    }
    free(should);
}

static void reductions(void **state) {
    rg_tape *t = *state;
    for (int which = 0; which < REDUCTIONS; which++)
        for (int k = 0; k < 120; k++) {
            int64_t shape[RG_MAX_DIMS];
            const int n = random_shape(t, 4, shape);
            const unsigned axes = n ? 1u + (unsigned)rg_rng_integers(rg_tape_rng(t), 0, (1 << n) - 1) : 0;
            if (!axes) continue; /* no axes in a call are all */
            rg_set_default_dtype(t, dtypes[k / 2 % 2]);
            rg_tensor *x = few(t, dtypes[which >= ANY ? k % 4 : 2 + k % 2], n, shape);
            if (which >= ANY) some_to_0(t, x, k % 3 ? 2 : 9);
            assert_reduced(t, which, x, axes);
        }
    for (int which = 0; which < REDUCTIONS; which++) /* rows, and columns, longer than a block */
        for (unsigned axes = 1; axes < 4; axes++) {
            assert_reduced(t, which, few(t, dtypes[2 + axes % 2], RG_DIMS(3, 2500)), axes);
            assert_reduced(t, which, few(t, RG_U8, RG_DIMS(2500, 3)), axes);
        }
}

static void truths(void **state) {
    rg_tape *t = *state;
    VALUES(rg_any(F64(0, NAN, -0.0)), 1); /* NaN is true, -0 is false */
    VALUES(rg_any(F64(0, -0.0)), 0);
    VALUES(rg_all(F64(NAN, 1e-320, -INFINITY)), 1);
    VALUES(rg_all(F64(1, -0.0)), 0);
    VALUES(rg_any(rg_full(t, 1, 0)), 0);
    VALUES(rg_all(rg_full(t, 1, 0)), 1);
    VALUES(rg_any(rg_reshape(I32(0, 0, -5, 0), 2, 2), -1), 0, 1);
    VALUES(rg_all(rg_reshape(U8(1, 2, 3, 0), 2, 2), 0), 1, 0);
    VALUES(rg_all(rg_full(t, 2)), 1);
    assert_shape(rg_any_keep(rg_full(t, 1, 2, 3)), RG_DIMS(1, 1));
    assert_false(rg_needs_grad(rg_any(param(t, "w", 3))));
    rg_tensor *x = rg_full(t, 1, 2, 3);
    REFUSED(RG_ESHAPE, rg_any(x, 2), "any: [2,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_all(x, 0, -2), "all: [2,3]: axis -2 is given twice");
    REFUSED(RG_EVALUE, rg_all_n(x, -1, NULL), "all: [2,3]: a negative count of axes, or no list of them");
}

/* -------- order: a float does not tell these apart */

static void order(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = I32(16777216, 16777217, INT32_MAX, INT32_MAX - 1, INT32_MIN), *u = rg_reshape(U8(3, 200, 3, 255, 0, 255), 2, 3), *index;
    VALUES(rg_argmax(x), 2);
    VALUES(rg_argmin(x), 4);
    VALUES(rg_argmax(u, 1), 1, 0);
    VALUES(rg_argmin(u, 0), 0, 1, 0);
    VALUES(rg_argsort(x, 0), 4, 0, 1, 3, 2);
    rg_tensor *y = rg_sort(x, 0, .descending = true);
    const int32_t should[] = {INT32_MAX, INT32_MAX - 1, 16777217, 16777216, INT32_MIN};
    assert_int_equal(y->dtype, RG_I32);
    assert_memory_equal(y->data, should, sizeof should);
    y = rg_topk(u, 1, 2, .index = &index);
    assert_int_equal(y->dtype, RG_U8);
    VALUES(y, 200, 3, 255, 255);
    VALUES(index, 1, 0, 0, 2);
    for (int k = 0; k < 2; k++) { /* columns and rows of many ties */
        rg_tensor *many = few(t, dtypes[2 + k], RG_DIMS(40, 90)), *best = rg_argmax(many, 0), *last = rg_argsort(many, 1);
        for (int64_t j = 0; j < 90; j++)
            for (int64_t i = 0, b = (int64_t)element(best, j); i < 40; i++) {
                const double v = element(many, i * 90 + j), most = element(many, b * 90 + j);
                assert_true(v < most || (i >= b && v == most));
            }
        for (int64_t i = 0; i < 40 * 90; i++) {
            if (i % 90 == 0) continue;
            const int64_t one = (int64_t)element(last, i - 1), other = (int64_t)element(last, i);
            const double a = element(many, i / 90 * 90 + one), b = element(many, i / 90 * 90 + other);
            assert_true(a < b || (a == b && one < other));
        }
    }
    REFUSED(RG_EVALUE, rg_max(rg_slice(x, 0, 0, 0)), "max: [0] i32: no maximum over axis 0 of size 0");
}

/* -------- masks */

static void masks_of_every_dtype(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 400; k++) {
        int64_t shape[RG_MAX_DIMS], index[RG_MAX_DIMS], own[RG_MAX_DIMS];
        const int n = random_shape(t, 4, shape);
        rg_tensor *x[3];
        for (int j = 0; j < 3; j++) {
            int64_t small[RG_MAX_DIMS];
            for (int d = 0; d < n; d++) small[d] = j == k / 16 % 3 || rg_rng_integers(rg_tape_rng(t), 0, 2) ? shape[d] : 1;
            x[j] = few(t, dtypes[j ? k / 4 % 4 : k % 4], n, small);
        }
        some_to_0(t, x[0], 2);
        rg_tensor *y = rg_where(x[0], x[1], x[2]);
        assert_shape(y, n, shape);
        assert_int_equal(y->dtype, x[1]->dtype);
        for (int64_t i = 0; i < y->numel; i++) {
            double v[3];
            indices_of(i, n, shape, index);
            for (int j = 0; j < 3; j++) {
                for (int d = 0; d < n; d++) own[d] = x[j]->shape[d] == 1 ? 0 : index[d];
                v[j] = element(x[j], element_at(n, x[j]->shape, own));
            }
            assert_element(y, i, v[0] != 0 ? v[1] : v[2]);
        }
    }
    rg_tensor *x = rg_input(t, six, 6);
    VALUES(rg_masked_fill(x, U8(0, 1, 0, 7, 0, 0), -1), 1, -1, 3, -1, 5, 6);
    VALUES(rg_masked_fill(I32(1, 2, 3), F64(0, NAN, 1), 9), 1, 9, 9);
    VALUES(rg_masked_fill(x, rg_gt(x, 4), 0), 1, 2, 3, 4, 0, 0);
}

static void large_masks(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 8; k++) {
        rg_set_threads(t, 1 + k % 3);
        rg_tensor *c = few(t, dtypes[k % 4], RG_DIMS(3, 30001)), *a = few(t, dtypes[k / 2], RG_DIMS(3, 30001));
        rg_tensor *b = few(t, dtypes[k / 2], RG_DIMS(k % 2 ? 30001 : 1));
        some_to_0(t, c, 2);
        rg_tensor *y = rg_where(c, a, b);
        for (int64_t i = 0; i < y->numel; i++) assert_element(y, i, element(c, i) != 0 ? element(a, i) : element(b, k % 2 ? i % 30001 : 0));
    }
}

static void gradients_through_masks(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 4), *v = param(t, "v", 1), *mask = U8(1, 0, 200, 0), *dx[2];
    for (int graph = 0; graph < 2; graph++) {
        rg_tensor *y = rg_sum(rg_square(rg_where(mask, w, v)));
        assert_int_equal(rg_grad(y, rg_list_of(w, v), dx, .create_graph = graph), 0);
        VALUES(dx[0], 2, 0, 6, 0);
        VALUES(dx[1], 4);
    }
    assert_int_equal(rg_backward(rg_sum(rg_masked_fill(w, mask, 5))), 0);
    VALUES(rg_grad_of(w), 0, 1, 0, 1);
}

static void attention_hides_what_is_0(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    static const uint8_t seen[] = {1, 0, 1, 0, 0, 9, 1, 1, 1, 0, 1, 0};
    rg_tensor *q = rg_requires_grad(rg_uniform(t, -1, 1, 2, 3, 5), true);
    rg_tensor *k = rg_uniform(t, -1, 1, 2, 4, 5), *v = rg_uniform(t, -1, 1, 2, 4, 2);
    rg_tensor *mask = rg_input(t, seen, 3, 4), *added = rg_where(mask, rg_zeros(t, 3, 4), -INFINITY), *dx[2], *y[2];
    for (int i = 0; i < 2; i++) {
        y[i] = rg_scaled_dot_product_attention(q, k, v, .mask = i ? added : mask, .causal = false);
        assert_int_equal(rg_grad(rg_sum(rg_square(y[i])), rg_list_of(q), &dx[i]), 0);
    }
    assert_close("attention", y[0], y[1], 0);
    assert_close("its gradient", dx[0], dx[1], 1e-12);
    rg_tensor *p = rg_attention_weights(q, k, .mask = mask);
    for (int64_t i = 0; i < p->numel; i++) assert_true(seen[i % 12] ? element(p, i) > 0 : element(p, i) == 0);
    p = rg_attention_weights(q, k, .mask = rg_cast(rg_tril(rg_ones(t, 3, 4), 4 - 3), RG_U8)); /* causal, one earlier column in a cache */
    for (int64_t i = 0; i < p->numel; i++) assert_true(i % 4 <= i / 4 % 3 + 1 ? element(p, i) > 0 : element(p, i) == 0);
    assert_true(isnan(element(rg_attention_weights(q, k, .mask = U8(0, 0, 0, 0)), 0)));
    REFUSED(RG_ESHAPE, rg_attention_weights(q, k, .mask = U8(1, 1, 1)),
        "attention_weights: [2,3,5], [2,4,5], [3] u8: where: [3] u8, [2,3,4], []: dimensions 3 and 4 do not broadcast");
    REFUSED(RG_EDTYPE, rg_attention_weights(q, k, .mask = I32(1, 1, 1, 1)),
        "attention_weights: [2,3,5], [2,4,5], [4] i32: add: [2,3,4] + [4] i32: dtypes f64 and i32 differ; rg_cast converts");
}

/* -------- what it is for */

static rg_tensor *accuracy(rg_tensor *scores, rg_tensor *labels) { return rg_mean(rg_eq(rg_argmax(scores, 1), labels)); }

static void accuracy_without_casts(void **state) {
    rg_tape *t = *state;
    rg_tensor *scores = rg_input(t, ((const float[]){.1f, .9f, .8f, .2f, .5f, .4f, 0, 1}), 4, 2), *labels = I32(1, 1, 0, 1);
    VALUES(accuracy(scores, labels), .75);
    VALUES(rg_sum(rg_ne(rg_argmax(scores, 1), labels)), 1);
    rg_set_default_dtype(t, RG_F64);
    assert_int_equal(rg_dtype_of(accuracy(scores, labels)), RG_F64);
}

static void moved_as_any_dtype(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = I32(1, -2), *u = U8(9, 255);
    VALUES(rg_expand(x, 2, 2), 1, -2, 1, -2);
    VALUES(rg_expand(rg_reshape(u, 2, 1), 2, 3), 9, 9, 9, 255, 255, 255);
    VALUES(rg_concat(0, x, x), 1, -2, 1, -2);
    VALUES(rg_stack(1, u, u), 9, 9, 255, 255);
    VALUES(rg_index_select(u, I32(1, 1), 0), 255, 255);
    VALUES(rg_gather(x, I32(1, 0), 0), -2, 1);
    VALUES(rg_take_along_axis(x, I32(0), 0), 1);
    VALUES(rg_slice(x, 0, 1, RG_TO_END), -2);
    VALUES(rg_transpose(rg_stack(0, x, x), 0, 1), 1, 1, -2, -2);
    REFUSED(RG_ESHAPE, rg_expand(x, 3), "expand: [2] i32: does not expand to [3] i32");
}

/* -------- played again */

static void a_replay_computes_them_anew(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 6), *labels = I32(1, 0), *counts = I32(INT32_MAX, 5);
    rg_tensor *scores = rg_reshape(rg_neg(w), 2, 3), *right = accuracy(scores, labels), *total = rg_sum(rg_sub(counts, 4));
    rg_tensor *none_below = rg_all(rg_ge(w, 1)), *order = rg_argsort(rg_cast(w, RG_I32), 0);
    rg_tensor *kept = rg_sum(rg_where(rg_eq(rg_argmax(scores, 1), labels), rg_sum(scores, 1), 0));
    rg_backward(rg_add(kept, rg_sum(w)));
    VALUES(right, .5);
    VALUES(none_below, 1);
    VALUES(order, 0, 1, 2, 3, 4, 5);
    VALUES(rg_grad_of(w), 1, 1, 1, 0, 0, 0);
    for (int round = 0; round < 2; round++) { /* the first plans */
        rg_zero_grad(t);
        rg_write(w, ((const float[]){6, 0, 4, 3, 5, 1}));
        rg_write(labels, ((const int32_t[]){1, 1}));
        rg_write(counts, ((const int32_t[]){7, 5}));
        assert_int_equal(rg_play(t), 0);
        VALUES(right, .5);
        VALUES(none_below, 0);
        VALUES(total, 4);
        VALUES(kept, -10);
        VALUES(order, 1, 5, 3, 2, 4, 0);
        VALUES(rg_grad_of(w), 0, 0, 0, 1, 1, 1);
    }
    rg_write(counts, ((const int32_t[]){0, INT32_MIN}));
    assert_int_equal(rg_play(t), -1);
    assert_non_null(strstr(rg_error(t), "sub: [2] i32 - [] i32: -2147483652 does not fit i32"));
    rg_error_clear(t);
    VALUES(rg_grad_of(w), 0, 0, 0, 1, 1, 1);
}

static void filled_like_integers(void **state) {
    rg_tape *t = *state;
    rg_tensor *labels = rg_input(t, ((int[]){7, 8, 9}), 3), *bytes = rg_input(t, ((uint8_t[]){1, 2}), 2);
    assert_int_equal(rg_dtype_of(rg_full_like(labels, -3)), RG_I32);
    VALUES(rg_full_like(labels, -3), -3, -3, -3);
    VALUES(rg_ones_like(bytes), 1, 1);
    VALUES(rg_zeros_like(labels), 0, 0, 0);
    REFUSED(RG_EVALUE, rg_full_like(labels, 1.5), "fill: [3] i32: 1.5 does not fit i32");
    REFUSED(RG_EVALUE, rg_full_like(bytes, 256), "fill: [2] u8: 256 does not fit u8");
}

#define REFUSED_PART(call, part) assert_true(rg_failed(call) && strstr(rg_error(t), part)), rg_error_clear(t)
/* The operator is to blame, not what makes a tensor of the number. */
static void a_number_beside_what_is_released(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 3);
    rg_tape_reset(t);
    REFUSED_PART(rg_mul(x, 2), "mul: operand 1 was released by the reset at test_integers.c:");
    REFUSED_PART(rg_sub(2, x), "sub: operand 1 was released by the reset at test_integers.c:");
}

static int start_checked(void **state) { return rg_set_isa(*state = tape_checked(true), isa) < 0; }
#define CHECKED(name) {#name ", RG_CHECK=1", name, start_checked, stop, NULL}

int main(void) {
    const struct CMUnitTest cases[] = {
        CASE(elementwise), CASE(tests_of_one), CASE(nothing_wraps), CASE(numbers_beside_integers), CASE(dtypes_are_not_mixed),
        CASE(reductions), CASE(truths), CASE(order), CASE(masks_of_every_dtype), CASE(large_masks), CASE(gradients_through_masks),
        CASE(attention_hides_what_is_0), CASE(accuracy_without_casts), CASE(moved_as_any_dtype), CASE(a_replay_computes_them_anew),
        CASE(filled_like_integers), CHECKED(a_number_beside_what_is_released),
        CHECKED(nothing_wraps), CHECKED(order), CHECKED(masks_of_every_dtype), CHECKED(attention_hides_what_is_0),
        CHECKED(a_replay_computes_them_anew),
    };
    return RUN("integers", cases);
}
