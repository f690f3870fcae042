/* test_products.c - matmul and linear, reductions, the softmax family, against plain loops over doubles.

   The numbers of numbers.h are multiples of 1/64 below 2: products and sums of a thousand of them are exact in f32 as well. */
#include "tests/support/numbers.h"

#include <stdlib.h>

static int64_t below(rg_tape *t, int64_t n) { return rg_rng_integers(rg_tape_rng(t), 0, n); }

/* Irregular floats, for tests of bits. */
static rg_tensor *normal(rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = numbers(t, dtype, ndim, shape);
    for (int64_t i = 0; i < x->numel; i++) {
        const double v = rg_rng_normal(rg_tape_rng(t), 0, 1);
        if (dtype == RG_F32) ((float *)x->data)[i] = (float)v;
        else ((double *)x->data)[i] = v;
    }
    return x;
}

static void same_bits(const char *what, const rg_tensor *a, const rg_tensor *b) {
    assert_false(rg_failed(a) || rg_failed(b));
    assert_int_equal(a->numel, b->numel);
    for (int64_t i = 0; i < a->numel; i++)
        if (element(a, i) != element(b, i)) fail_msg("%s: element %lld: %.17g and %.17g", what, (long long)i, element(a, i), element(b, i));
}

/* -------- matmul */

/* One matrix of a product, by the definition: from the elements at a0, b0 of the operands to those at y0. */
static void check_product(const rg_tensor *y, int64_t y0, int64_t a0, int64_t b0, int64_t n, int64_t k, int64_t m) {
    const bool ta = y->attr.matmul.ta, tb = y->attr.matmul.tb;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            double s = 0;
            for (int64_t l = 0; l < k; l++)
                s += element(y->in[0], a0 + (ta ? l * n + i : i * k + l)) * element(y->in[1], b0 + (tb ? j * k + l : l * m + j));
            const double is = element(y, y0 + i * m + j);
            if (is != s)
                fail_msg("n=%d k=%d m=%d ta=%d tb=%d %s: element %d,%d is %.17g, should be %.17g", (int)n, (int)k, (int)m, ta, tb,
                    rg_dtype_name(rg_dtype_of(y)), (int)i, (int)j, is, s);
        }
}

static rg_tensor *operand(rg_tape *t, rg_dtype dtype, bool transposed, int64_t n, int64_t m) {
    return transposed ? numbers(t, dtype, RG_DIMS(m, n)) : numbers(t, dtype, RG_DIMS(n, m));
}

static void check_size(rg_tape *t, int64_t n, int64_t k, int64_t m) {
    for (int how = 0; how < 8; how++) {
        const bool ta = how & 1, tb = how & 2;
        const rg_dtype dtype = dtypes[how / 4];
        const int64_t mark = rg_mark(t);
        rg_tensor *a = operand(t, dtype, ta, n, k), *b = operand(t, dtype, tb, k, m),
                  *y = rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb);
        assert_shape(y, 2, (int64_t[]){n, m});
        check_product(y, 0, 0, 0, n, k, m);
        rg_rewind(t, mark);
    }
}

static void matmul_in_every_small_size(void **state) {
    rg_tape *t = *state;
    for (int64_t n = 1; n <= 41; n += 4)
        for (int64_t k = 1; k <= 41; k += 8)
            for (int64_t m = 1; m <= 41; m += 4) check_size(t, n, k, m);
    for (int c = 0; c < 100; c++) check_size(t, 1 + below(t, 40), 1 + below(t, 40), 1 + below(t, 40));
}

static void matmul_across_blocks(void **state) {
    static const int64_t sizes[][3] = {{13, 257, 35}, {64, 784, 128}, {5, 300, 1100}, {301, 256, 65}, {1, 1000, 130}, {130, 1000, 1},
        {260, 130, 259}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_size(*state, sizes[i][0], sizes[i][1], sizes[i][2]);
}

/* Sizes of which a and b are packed in more than one part: of the columns, of k, of the rows. Some elements are checked. */
static void matmul_in_parts(void **state) {
    rg_tape *t = *state;
    static const int64_t sizes[][3] = {{100, 520, 650}, {2100, 12, 520}};
    for (int c = 0; c < 16; c++) {
        const bool ta = c & 1, tb = c & 2;
        const int64_t n = sizes[c / 8][0], k = sizes[c / 8][1], m = sizes[c / 8][2], mark = rg_mark(t);
        const rg_dtype dtype = dtypes[c / 4 % 2];
        rg_tensor *a = operand(t, dtype, ta, n, k), *b = operand(t, dtype, tb, k, m),
                  *y = rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb);
        for (int64_t e = 0; e < n * m; e += 61) {
            const int64_t i = e / m, j = e % m;
            double s = 0;
            for (int64_t l = 0; l < k; l++) s += element(a, ta ? l * n + i : i * k + l) * element(b, tb ? j * k + l : l * m + j);
            if (element(y, e) != s) fail_msg("case %d: element %d,%d is %.17g, should be %.17g", c, (int)i, (int)j, element(y, e), s);
        }
        rg_rewind(t, mark);
    }
}

static void matmul_of_nothing(void **state) {
    rg_tape *t = *state;
    static const int64_t sizes[][3] = {{0, 3, 4}, {3, 0, 4}, {3, 4, 0}, {0, 0, 0}, {70, 0, 90}, {0, 0, 5}, {3, 0, 1}, {1, 0, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_size(t, sizes[i][0], sizes[i][1], sizes[i][2]);
    assert_shape(rg_matmul(rg_full(t, 1, 0, 2, 3), rg_full(t, 1, 3, 4)), 3, (int64_t[]){0, 2, 4});
    assert_shape(rg_matmul(rg_full(t, 1, 0, 2, 3), rg_full(t, 1, 1, 3, 4)), 3, (int64_t[]){0, 2, 4});
    rg_tensor *zeros = rg_matmul(rg_full(t, 1, 2, 3, 0), rg_full(t, 1, 2, 0, 4));
    assert_shape(zeros, 3, (int64_t[]){2, 3, 4});
    for (int64_t i = 0; i < 24; i++) assert_element(zeros, i, 0);
}

static void matmul_broadcasts_batches(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 400; c++) {
        const int lead = (int)below(t, 5), na = (int)below(t, lead + 1), nb = c % 3 ? lead : (int)below(t, lead + 1);
        int64_t full[RG_MAX_DIMS], a_shape[RG_MAX_DIMS], b_shape[RG_MAX_DIMS], index[RG_MAX_DIMS];
        const int64_t n = 1 + below(t, 9), k = 1 + below(t, 9), m = 1 + below(t, 9);
        const bool ta = c & 1, tb = c & 2;
        for (int d = 0; d < lead; d++) full[d] = 1 + below(t, 3);
        /* b has a dimension wherever a is broadcast, and the other way round */
        for (int d = 0; d < lead; d++) {
            const int which = (int)below(t, 3), i = d - (lead - na), j = d - (lead - nb);
            if (i >= 0) a_shape[i] = which == 0 && j >= 0 ? 1 : full[d];
            if (j >= 0) b_shape[j] = which == 1 && i >= 0 ? 1 : full[d];
            if (i < 0 && j < 0) full[d] = 1;
        }
        int first = lead;
        for (int d = lead - 1; d >= 0; d--)
            if (d >= lead - na || d >= lead - nb) first = d;
        a_shape[na] = ta ? k : n, a_shape[na + 1] = ta ? n : k;
        b_shape[nb] = tb ? m : k, b_shape[nb + 1] = tb ? k : m;
        rg_tensor *a = numbers(t, dtypes[c / 4 % 2], na + 2, a_shape), *b = numbers(t, dtypes[c / 4 % 2], nb + 2, b_shape),
                  *y = rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb);
        int64_t should[RG_MAX_DIMS + 2], batch = 1;
        for (int d = first; d < lead; d++) batch *= should[d - first] = full[d];
        should[lead - first] = n, should[lead - first + 1] = m;
        assert_shape(y, lead - first + 2, should);
        for (int64_t i = 0; i < batch; i++) {
            int64_t own[RG_MAX_DIMS] = {0}, at[2];
            indices_of(i, lead - first, should, index);
            for (int o = 0; o < 2; o++) {
                const int nx = o ? nb : na;
                const int64_t *shape = o ? b_shape : a_shape;
                for (int d = 0; d < nx; d++) own[d] = shape[d] == 1 ? 0 : index[d + lead - first - nx];
                at[o] = element_at(nx, shape, own);
            }
            check_product(y, i * n * m, at[0] * n * k, at[1] * k * m, n, k, m);
        }
    }
}

/* As the product of a row or a column, in values and in gradients. */
static void check_vector(rg_tape *t, rg_tensor *a, rg_tensor *b, bool ta, bool tb, int ndim, const int64_t *shape) {
    rg_tensor *x[] = {rg_requires_grad(a, true), rg_requires_grad(b, true)}, *got[2], *should[2];
    rg_tensor *as = a->ndim == 1 ? rg_unsqueeze(a, 0) : a, *bs = b->ndim == 1 ? rg_unsqueeze(b, 1) : b;
    rg_tensor *y = rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb),
              *z = rg_reshape_n(rg_matmul(as, bs, .transpose_a = ta && a->ndim > 1, .transpose_b = tb && b->ndim > 1), ndim, shape);
    rg_tensor *dy = numbers(t, y->dtype, ndim, shape);
    assert_shape(y, ndim, shape);
    same_bits("product with a vector", y, z);
    for (int graph = 0; graph < 2; graph++) {
        assert_int_equal(rg_grad(y, rg_list_of_n(2, x), got, .dy = dy, .create_graph = graph), 0);
        assert_int_equal(rg_grad(z, rg_list_of_n(2, x), should, .dy = dy, .create_graph = graph), 0);
        for (int i = 0; i < 2; i++) same_bits("its gradient", got[i], should[i]);
    }
}

static void matmul_with_vectors(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 8; c++) {
        const rg_dtype d = dtypes[c & 1];
        const bool ta = c & 2, tb = c & 4;
        rg_tensor *v = numbers(t, d, RG_DIMS(9)), *w = numbers(t, d, RG_DIMS(9));
        check_vector(t, v, w, ta, tb, 0, NULL);
        check_vector(t, v, tb ? numbers(t, d, RG_DIMS(20, 9)) : numbers(t, d, RG_DIMS(9, 20)), ta, tb, RG_DIMS(20));
        check_vector(t, v, tb ? numbers(t, d, RG_DIMS(2, 3, 4, 9)) : numbers(t, d, RG_DIMS(2, 3, 9, 4)), ta, tb, RG_DIMS(2, 3, 4));
        check_vector(t, ta ? numbers(t, d, RG_DIMS(9, 20)) : numbers(t, d, RG_DIMS(20, 9)), w, ta, tb, RG_DIMS(20));
        check_vector(t, ta ? numbers(t, d, RG_DIMS(2, 3, 9, 4)) : numbers(t, d, RG_DIMS(2, 3, 4, 9)), w, ta, tb, RG_DIMS(2, 3, 4));
    }
    rg_tensor *v = rg_input(t, ((const float[]){1, 2, 3}), 3), *y = rg_outer(v, rg_input(t, ((const float[]){5, 7}), 2));
    assert_shape(y, RG_DIMS(3, 2));
    for (int i = 0; i < 6; i++) assert_element(y, i, (i / 2 + 1) * (i % 2 ? 7 : 5));
    assert_shape(rg_dot(v, v), 0, NULL);
    assert_element(rg_dot(v, v), 0, 14);
}

/* Slices of the first axis share storage, and start anywhere. */
static void matmul_of_views(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 8; c++) {
        const bool ta = c & 1, tb = c & 2;
        const int64_t n = 23, k = c < 4 ? 31 : 3, m = 29;
        rg_tensor *a = rg_slice(numbers(t, RG_F32, RG_DIMS(ta ? k + 2 : n + 2, ta ? n : k)), 0, 1, -1);
        rg_tensor *b = rg_slice(numbers(t, RG_F32, RG_DIMS(tb ? m + 2 : k + 2, tb ? k : m)), 0, 1, -1);
        check_product(rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb), 0, 0, 0, n, k, m);
    }
}

static void same_bits_for_any_threads(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 8; c++) {
        const rg_dtype dtype = dtypes[c & 1];
        const bool ta = c & 2, tb = c & 4;
        rg_tensor *a = normal(t, dtype, RG_DIMS(ta ? 300 : 201, ta ? 201 : 300)),
            *b = normal(t, dtype, RG_DIMS(tb ? 157 : 300, tb ? 300 : 157));
        rg_tensor *p = normal(t, dtype, RG_DIMS(9, 64, 100)), *q = normal(t, dtype, RG_DIMS(9, 100, 70)),
            *bias = normal(t, dtype, RG_DIMS(70));
        rg_tensor *w = normal(t, dtype, RG_DIMS(100, 70)), *product = NULL, *batch = NULL, *layer = NULL;
        for (int threads = 1; threads <= 4; threads++) {
            rg_set_threads(t, threads);
            rg_tensor *product_now = rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb), *batch_now = rg_matmul(p, q),
                      *layer_now = rg_linear(p, w, bias);
            if (threads == 1) product = product_now, batch = batch_now, layer = layer_now;
            same_bits("product", product, product_now);
            same_bits("batch", batch, batch_now);
            same_bits("linear", layer, layer_now);
        }
    }
}

/* -------- one chain of multiply-adds per element */

static double multiply_add(rg_dtype dtype, double a, double b, double s) {
    return dtype == RG_F64 ? fma(a, b, s) : (double)fmaf((float)a, (float)b, (float)s);
}

static void check_chain(const rg_tensor *y, int set, int threads) {
    const bool ta = y->attr.matmul.ta, tb = y->attr.matmul.tb;
    const rg_tensor *a = y->in[0], *b = y->in[1];
    const int64_t n = y->shape[0], k = a->shape[!ta], m = y->shape[1];
    assert_false(rg_failed(y));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            double s = 0;
            for (int64_t l = 0; l < k; l++)
                s = multiply_add(y->dtype, element(a, ta ? l * n + i : i * k + l), element(b, tb ? j * k + l : l * m + j), s);
            if (element(y, i * m + j) != s)
                fail_msg("n=%d k=%d m=%d ta=%d tb=%d %s, instruction set %d, %d threads: element %d,%d is %.17g, the chain's is %.17g",
                    (int)n, (int)k, (int)m, ta, tb, rg_dtype_name(rg_dtype_of(y)), set, threads, (int)i, (int)j, element(y, i * m + j), s);
        }
}

/* One chain of multiply-adds over k per element, in order: whatever the shape, transposed or not, for any number of threads. */
static void own_product_is_a_chain(void **state) {
    rg_tape *t = *state;
    enum { LARGE = 9 };
    static const int64_t large[LARGE][3] = {{64, 784, 128}, {128, 64, 10}, {200, 300, 157}, {1, 1000, 300}, {300, 1000, 1}, {5, 513, 70},
        {700, 70, 150}, {70, 300, 1100}, {270, 530, 270}};
    for (int set = 0; set < RG_ISAS; set++) {
        if (rg_set_isa(t, set) < 0) break;
        const int random = 200, all = random + (set == rg_best_isa() ? 4 : 1) * LARGE;
        for (int c = 0; c < all; c++) {
            int64_t n = 1 + below(t, c % 5 ? 32 : 8), k = 1 + below(t, 32), m = 1 + below(t, c % 7 ? 32 : 8);
            if (c % 3 == 0) n = 1 + below(t, 70), k = 1 + below(t, 600), m = 1 + below(t, 70);
            const int64_t *shape = large[(c + LARGE - random % LARGE) % LARGE];
            if (c >= random) n = shape[0], k = shape[1], m = shape[2];
            const bool ta = c & 1, tb = c & 2;
            const rg_dtype dtype = dtypes[c / 4 % 2];
            const int64_t mark = rg_mark(t);
            const int threads = 1 + (int)below(t, 4);
            rg_set_threads(t, threads);
            rg_tensor *a = normal(t, dtype, RG_DIMS(ta ? k : n, ta ? n : k)), *b = normal(t, dtype, RG_DIMS(tb ? m : k, tb ? k : m));
            check_chain(rg_matmul(a, b, .transpose_a = ta, .transpose_b = tb), set, threads);
            rg_rewind(t, mark);
        }
    }
}

static void rows_alone_have_the_bits_of_the_batch(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 8; c++) {
        const rg_dtype dtype = dtypes[c & 1];
        const bool tb = c & 2;
        const int64_t n = 130, k = 600, m = 140;
        rg_tensor *x = normal(t, dtype, RG_DIMS(n, k)), *w = normal(t, dtype, RG_DIMS(tb ? m : k, tb ? k : m)),
                  *y = rg_matmul(x, w, .transpose_b = tb);
        for (int64_t i = 0; i < n; i++)
            same_bits("row alone", rg_slice(y, 0, i, i + 1), rg_matmul(rg_slice(x, 0, i, i + 1), w, .transpose_b = tb));
        for (int64_t size = 2; size <= n; size += 1 + size / 2)
            same_bits("part of a batch", rg_slice(y, 0, 0, size), rg_matmul(rg_slice(x, 0, 0, size), w, .transpose_b = tb));
    }
}

static void product_errors(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 0, 64, 784), "x"), *w = rg_set_name(rg_full(t, 0, 785, 128), "w1"),
              *b = rg_set_name(rg_full(t, 0, 128), "b1");
    rg_tensor *y = rg_matmul_at("src/mnist.c:41", x, w, (rg_matmul_options){0});
    assert_true(rg_failed(y));
    assert_string_equal(rg_error(t), "matmul: x[64,784] . w1[785,128]: inner dimensions 784 and 785 differ (mnist.c:41)");
    rg_error_clear(t);
    REFUSED(RG_ESHAPE, rg_matmul(x, w, .transpose_a = true),
        "matmul: x[64,784] . w1[785,128]: inner dimensions 64 and 785 differ (the first transposed)");
    REFUSED(RG_ESHAPE, rg_matmul(x, w, .transpose_b = true),
        "matmul: x[64,784] . w1[785,128]: inner dimensions 784 and 128 differ (the second transposed)");
    REFUSED(RG_ESHAPE, rg_matmul(x, w, .transpose_a = true, .transpose_b = true),
        "matmul: x[64,784] . w1[785,128]: inner dimensions 64 and 128 differ (both transposed)");
    REFUSED(RG_ESHAPE, rg_matmul(x, b), "matmul: x[64,784] . b1[128]: inner dimensions 784 and 128 differ");
    REFUSED(RG_ESHAPE, rg_matmul(b, x, .transpose_a = true, .transpose_b = true),
        "matmul: b1[128] . x[64,784]: inner dimensions 128 and 784 differ (the second transposed)");
    REFUSED(RG_ESHAPE, rg_matmul(rg_full(t, 1), x),
        "matmul: [] . x[64,784]: operand 1 has no dimensions, at least 1 is needed; rg_mul scales");
    REFUSED(RG_ESHAPE, rg_dot(b, x), "dot: b1[128] and x[64,784] are not both vectors");
    REFUSED(RG_ESHAPE, rg_dot(b, rg_full(t, 1, 1)), "dot: b1[128], [1]: inner dimensions 128 and 1 differ");
    REFUSED(RG_ESHAPE, rg_outer(rg_full(t, 1), b), "outer: [] and b1[128] are not both vectors");
    REFUSED(RG_ESHAPE, rg_matmul(rg_full(t, 0, 2, 3, 4), rg_full(t, 0, 3, 4, 5)),
        "matmul: [2,3,4] . [3,4,5]: leading dimensions 2 and 3 do not broadcast");
    REFUSED(RG_ESHAPE, rg_linear(x, w, b), "linear: x[64,784], w1[785,128], b1[128]: inner dimensions 784 and 785 differ");
    rg_tensor *v = rg_full(t, 0, 784, 10);
    REFUSED(RG_ESHAPE, rg_linear(x, v, b), "linear: x[64,784], [784,10], b1[128]: a bias of 128 for 10 outputs");
    REFUSED(RG_ESHAPE, rg_linear(x, b, b), "linear: x[64,784], b1[128], b1[128]: the weights have 1 dimensions, not 2: [in, out]");
    REFUSED(RG_ESHAPE, rg_linear(x, v, v), "linear: x[64,784], [784,10], [784,10]: the bias has 2 dimensions, not 1: [out]");
    REFUSED(RG_ESHAPE, rg_linear(rg_full(t, 1), v, b), "linear: [], [784,10], b1[128]: the input has no dimensions, at least 1 is needed");
}

/* -------- linear, against matmul and add: the same bits forward; the gradients close, with a graph or without */

static void linear_is_matmul_and_add(void **state) {
    rg_tape *t = *state;
    static const struct { int ndim; int64_t shape[4]; } xs[] = {{1, {13}}, {2, {7, 13}}, {3, {5, 4, 13}}, {4, {2, 3, 2, 13}}, {2, {0, 13}},
        {2, {300, 600}}};
    for (size_t c = 0; c < 2 * sizeof xs / sizeof *xs; c++) {
        const rg_dtype dtype = dtypes[c % 2];
        const int ndim = xs[c / 2].ndim;
        const int64_t in = xs[c / 2].shape[ndim - 1];
        rg_tensor *p[] = {normal(t, dtype, ndim, xs[c / 2].shape), normal(t, dtype, RG_DIMS(in, 17)), normal(t, dtype, RG_DIMS(17))},
            *got[3], *should[3];
        for (int i = 0; i < 3; i++) rg_requires_grad(p[i], true);
        rg_tensor *y = rg_linear(p[0], p[1], p[2]), *row = ndim == 1 ? rg_unsqueeze(p[0], 0) : p[0];
        rg_tensor *z = rg_add(rg_matmul(row, p[1]), p[2]);
        if (ndim == 1) z = rg_squeeze(z, 0);
        assert_shape(y, z->ndim, z->shape);
        same_bits("linear", y, z);
        same_bits("linear without a bias", rg_linear(p[0], p[1], NULL),
            ndim == 1 ? rg_squeeze(rg_matmul(row, p[1]), 0) : rg_matmul(row, p[1]));
        rg_tensor *dy = normal(t, dtype, y->ndim, y->shape);
        for (int graph = 0; graph < 2; graph++) {
            assert_int_equal(rg_grad(y, rg_list_of_n(3, p), got, .dy = dy, .create_graph = graph), 0);
            assert_int_equal(rg_grad(z, rg_list_of_n(3, p), should, .dy = dy, .create_graph = graph), 0);
            for (int i = 0; i < 3; i++) assert_close("gradient of linear", got[i], should[i], dtype == RG_F64 ? 1e-11 : 2e-2);
        }
    }
}

/* -------- reductions */

typedef enum kind { SUM, MEAN, MAX } kind;
static rg_tensor *reduce(kind k, rg_tensor *x, bool keepdims, int n, const int *axes) {
    return keepdims ? (k == SUM ? rg_sum_keep_at : k == MEAN ? rg_mean_keep_at : rg_max_keep_at)(RG_HERE, x, n, axes)
                    : (k == SUM ? rg_sum_at : k == MEAN ? rg_mean_at : rg_max_at)(RG_HERE, x, n, axes);
}

/* By the definition, element by element of x. */
static void check_reduction(kind what, const rg_tensor *x, unsigned axes, bool keepdims, rg_tensor *y) {
    int64_t shape[RG_MAX_DIMS], index[RG_MAX_DIMS], own[RG_MAX_DIMS];
    int n = 0, count = 1;
    for (int d = 0; d < x->ndim; d++) {
        const bool reduced = axes >> d & 1;
        if (reduced) count *= (int)x->shape[d];
        if (!reduced || keepdims) shape[n++] = reduced ? 1 : x->shape[d];
    }
    assert_shape(y, n, shape);
    double *should = malloc(((size_t)y->numel + 1) * sizeof *should);
    assert_non_null(should);
    for (int64_t i = 0; i < y->numel; i++) should[i] = what == MAX ? -INFINITY : 0;
    for (int64_t i = 0; i < x->numel; i++) {
        int m = 0;
        indices_of(i, x->ndim, x->shape, index);
        for (int d = 0; d < x->ndim; d++) {
            const bool reduced = axes >> d & 1;
            if (!reduced || keepdims) own[m++] = reduced ? 0 : index[d];
        }
        double *to = &should[element_at(n, shape, own)];
        *to = what == MAX ? fmax(*to, element(x, i)) : *to + element(x, i);
    }
    for (int64_t i = 0; i < y->numel; i++) {
        const double s = what == MEAN ? should[i] / count : should[i], is = element(y, i), bar = what == MEAN && y->dtype == RG_F32 ? 1e-7
            : 0;
        if (!(fabs(is - s) <= bar * fmax(1, fabs(s))))
            fail_msg("%s, axes %x: element %lld is %.17g, should be %.17g", y->op->name, axes, (long long)i, is, s);
    }
    free(should);
}

static void reductions_over_every_subset(void **state) {
    rg_tape *t = *state;
    static const int64_t shapes[][4] = {{3, 2, 5, 4}, {2, 1, 37, 3}, {1, 19, 1, 17}, {4, 3, 2, 40}, {2, 300, 3, 30}, {70, 1, 1, 1000}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (unsigned c = 0; c < 16 * 3 * 2 * 2; c++) {
            const unsigned axes = c % 16;
            const kind what = (kind)(c / 16 % 3);
            const bool keepdims = c / 48 % 2;
            const int64_t mark = rg_mark(t);
            rg_tensor *x = rg_empty(t, dtypes[c / 96], 4, shapes[s]);
            for (int64_t i = 0; i < x->numel; i++) {
                const double v = (double)below(t, 256) / 64 - 2;
                if (c / 96) ((double *)x->data)[i] = v;
                else ((float *)x->data)[i] = (float)v;
            }
            int list[4], n = 0;
            for (int d = 3; d >= 0; d--)
                if (axes >> d & 1) list[n++] = c & 1 ? d : d - 4; /* in any order, from either end */
            if (axes) check_reduction(what, x, axes, keepdims, reduce(what, x, keepdims, n, list));
            if (axes == 15) check_reduction(what, x, axes, keepdims, reduce(what, x, keepdims, 0, NULL));
            rg_rewind(t, mark);
        }
}

static void reductions_of_nothing(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2, 0, 3);
    rg_tensor *sum = rg_sum(x, 1);
    assert_shape(sum, 2, (int64_t[]){2, 3});
    for (int64_t i = 0; i < 6; i++) assert_element(sum, i, 0);
    assert_element(rg_sum(x), 0, 0);
    assert_true(isnan(rg_item(rg_mean(x))));
    assert_true(isnan(element(rg_mean_keep(x, 1), 5)));
    assert_shape(rg_mean_keep(x, 0), 3, (int64_t[]){1, 0, 3});
    assert_shape(rg_max(x, 2), 2, (int64_t[]){2, 0});
    REFUSED(RG_EVALUE, rg_max(x), "max: [2,0,3]: no maximum over axis 1 of size 0");
    REFUSED(RG_EVALUE, rg_max(x, -2), "max: [2,0,3]: no maximum over axis 1 of size 0");
    REFUSED(RG_EVALUE, rg_argmax(x, 1), "argmax: [2,0,3]: no maximum over axis 1 of size 0");
    assert_shape(rg_argmax(x, 2), 2, (int64_t[]){2, 0});
    rg_tensor *scalar = rg_full(t, 3);
    assert_element(rg_sum(scalar), 0, 3);
    assert_element(rg_mean(scalar), 0, 3);
    assert_element(rg_max(scalar), 0, 3);
}

static void reduction_errors(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 1, 2, 3), "x");
    REFUSED(RG_ESHAPE, rg_sum(x, 2), "sum: x[2,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_mean(x, 0, -3), "mean: x[2,3]: axis -3 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_max_keep(x, 1000), "max: x[2,3]: axis 1000 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_sum_keep(x, 1, -1), "sum: x[2,3]: axis -1 is given twice");
    REFUSED(RG_ESHAPE, rg_argmax(x, -3), "argmax: x[2,3]: axis -3 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_softmax(x, 2), "softmax: x[2,3]: axis 2 is outside the 2 dimensions");
    REFUSED(RG_ESHAPE, rg_logsumexp(rg_full(t, 1), 1), "logsumexp: []: axis 1 is outside the 0 dimensions");
    REFUSED(RG_EDTYPE, rg_prod(numbers(t, RG_I32, RG_DIMS(2))), "prod: [2] i32: operand 1 must be a float, not i32; rg_cast converts");
    assert_true(rg_failed(rg_sum(NULL)) && rg_failed(rg_softmax(NULL, 0)));
}

static void ties_share_the_gradient(void **state) {
    rg_tape *t = *state;
    const double v[] = {1, 5, 5, 2, 5, -7, 7, 7, 7, 7, 0, -1}, up[] = {9, 8};
    const double rows[] = {0, 3, 3, 0, 3, 0, 2, 2, 2, 2, 0, 0}, all[] = {0, 0, 0, 0, 0, 0, 2.5, 2.5, 2.5, 2.5, 0, 0};
    rg_tensor *x = rg_requires_grad(rg_input(t, v, 2, 6), true), *dx;
    for (int graph = 0; graph < 2; graph++) {
        assert_int_equal(rg_grad(rg_max(x, 1), rg_list_of(x), &dx, .dy = rg_input(t, up, 2), .create_graph = graph), 0);
        for (int i = 0; i < 12; i++) assert_float_equal(element(dx, i), rows[i], 0);
        assert_int_equal(rg_grad(rg_max(x), rg_list_of(x), &dx, .dy = rg_full(t, 10), .create_graph = graph), 0);
        for (int i = 0; i < 12; i++) assert_float_equal(element(dx, i), all[i], 0);
    }
}

static void max_and_nan(void **state) {
    rg_tape *t = *state;
    for (int n = 1; n < 70; n += 3)
        for (int at = 0; at < n; at += 5) {
            float v[70];
            for (int i = 0; i < n; i++) v[i] = (float)below(t, 10) - 20;
            v[at] = NAN;
            assert_true(isnan(rg_item(rg_max(rg_input(t, v, n)))));
            rg_tensor *columns = rg_max(rg_input(t, v, n, 1), 1);
            for (int i = 0; i < n; i++) assert_true(i == at ? isnan(element(columns, i)) : element(columns, i) == v[i]);
            const float last = v[n - 1];
            v[n - 1] = NAN;
            assert_element(rg_argmax(rg_input(t, v, n), 0), 0, at);
            v[n - 1] = last, v[at] = INFINITY;
            assert_element(rg_max(rg_input(t, v, n)), 0, INFINITY);
        }
    const float low[] = {-INFINITY, -INFINITY, -INFINITY};
    assert_element(rg_max(rg_input(t, low, 3)), 0, -INFINITY);
    assert_element(rg_argmax(rg_input(t, low, 3), 0), 0, 0);
}

static void argmax_takes_the_first(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 60; c++) {
        const int64_t shape[] = {1 + below(t, 5), 1 + below(t, 20), 1 + below(t, 5)};
        const int axis = c % 3;
        rg_tensor *x = numbers(t, dtypes[c % 2], 3, shape);
        for (int64_t i = 0; i < x->numel; i++) { /* few values, many ties */
            if (c % 2) ((double *)x->data)[i] = (double)below(t, 3);
            else ((float *)x->data)[i] = (float)below(t, 3);
        }
        rg_tensor *y = rg_argmax(x, c % 4 ? axis : axis - 3);
        assert_int_equal(y->dtype, RG_I32);
        for (int64_t i = 0; i < y->numel; i++) {
            int64_t index[3], own[2], best = 0;
            indices_of(i, 2, y->shape, own);
            for (int d = 0, m = 0; d < 3; d++) index[d] = d == axis ? 0 : own[m++];
            double largest = -1;
            for (int64_t l = 0; l < shape[axis]; l++) {
                index[axis] = l;
                const double v = element(x, element_at(3, shape, index));
                if (v > largest) largest = v, best = l;
            }
            assert_element(y, i, (double)best);
        }
    }
}

/* -------- softmax, log_softmax, logsumexp */

/* Against sums of doubles, over any axis: rows longer and slabs wider than the kernels' pieces. */
static void softmax_family_by_definition(void **state) {
    rg_tape *t = *state;
    static const int64_t shapes[][3] = {{3, 17, 1}, {3, 5, 300}, {2, 1100, 3}, {40, 2, 10}, {3, 1, 1}, {300, 16, 32}};
    for (size_t c = 0; c < 6 * sizeof shapes / sizeof *shapes; c++) {
        const int64_t *shape = shapes[c / 6];
        const int axis = (int)(c % 3);
        rg_tensor *x = normal(t, dtypes[c % 2], 3, shape), *p = rg_softmax(x, axis), *q = rg_log_softmax(x, axis - 3),
            *z = rg_logsumexp(x, axis);
        const double bar = x->dtype == RG_F64 ? 1e-14 : 2e-6;
        for (int64_t i = 0; i < z->numel; i++) {
            int64_t index[3], own[2];
            double sum = 0;
            indices_of(i, 2, z->shape, own);
            for (int d = 0, m = 0; d < 3; d++) index[d] = d == axis ? 0 : own[m++];
            for (index[axis] = 0; index[axis] < shape[axis]; index[axis]++) sum += exp(element(x, element_at(3, shape, index)));
            assert_true(fabs(element(z, i) - log(sum)) <= bar * fmax(1, fabs(log(sum))));
            for (index[axis] = 0; index[axis] < shape[axis]; index[axis]++) {
                const int64_t e = element_at(3, shape, index);
                const double v = element(x, e), soft = exp(v) / sum, log_soft = v - log(sum), is = element(p, e), log_is = element(q, e);
                if (!(fabs(is - soft) <= bar)) fail_msg("softmax over axis %d: %.17g, should be %.17g", axis, is, soft);
                if (!(fabs(log_is - log_soft) <= bar * 8))
                    fail_msg("log_softmax over axis %d: %.17g, should be %.17g", axis, log_is, log_soft);
            }
        }
    }
}

typedef rg_tensor *over_axis(const char *at, rg_tensor *x, int axis);
static rg_tensor *logsumexp(const char *at, rg_tensor *x, int axis) { return rg_logsumexp_at(at, x, 1, &axis); }
static over_axis *const family[] = {logsumexp, rg_softmax_at, rg_log_softmax_at};

static void softmax_family_fused_derivatives(void **state) {
    rg_tape *t = *state;
    static const int64_t shapes[][3] = {{3, 17, 1}, {3, 5, 300}, {2, 1100, 3}, {40, 2, 10}, {300, 16, 32}};
    for (size_t c = 0; c < 18 * sizeof shapes / sizeof *shapes; c++) {
        rg_tensor *x = rg_requires_grad(normal(t, dtypes[c % 2], 3, shapes[c / 18]), true), *fused, *composed;
        rg_tensor *y = family[c / 6 % 3](RG_HERE, x, (int)(c / 2 % 3)), *dy = normal(t, dtypes[c % 2], y->ndim, y->shape);
        assert_int_equal(rg_grad(y, rg_list_of(x), &fused, .dy = dy), 0);
        assert_int_equal(rg_grad(y, rg_list_of(x), &composed, .dy = dy, .create_graph = true), 0);
        for (int64_t i = 0; i < x->numel; i++)
            if (!(fabs(element(fused, i) - element(composed, i)) <= (c % 2 ? 1e-13 : 2e-5)))
                fail_msg("%s: element %lld: fused %.17g, composed %.17g", y->op->name, (long long)i, element(fused, i),
                    element(composed, i));
    }
}

static rg_tensor *of_two(rg_tape *t, bool columns, double a, double b) {
    const double v[] = {a, 0, b, 0};
    return columns ? rg_input(t, v, 2, 2) : rg_input(t, ((double[]){a, b}), 2);
}

static void softmax_family_at_extremes(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 4; c++) {
        const bool columns = c & 1; /* beside a column of zeros, or as a row */
        rg_set_default_dtype(t, dtypes[c / 2]);
        rg_tensor *big = of_two(t, columns, 1e4, -1e4);
        assert_element(rg_logsumexp(big, 0), 0, 1e4);
        assert_element(rg_softmax(big, 0), 0, 1);
        assert_element(rg_softmax(big, 0), columns ? 2 : 1, 0);
        assert_element(rg_log_softmax(big, 0), columns ? 2 : 1, -2e4);
        assert_true(fabs(element(rg_logsumexp(of_two(t, columns, -1e4, -1e4), 0), 0) - (-1e4 + log(2))) < 1e-3);
        assert_element(rg_softmax(of_two(t, columns, 1e4, 1e4), 0), 0, .5);
        rg_tensor *low = of_two(t, columns, -INFINITY, -INFINITY), *high = of_two(t, columns, INFINITY, 0),
            *nan = of_two(t, columns, NAN, 0);
        assert_element(rg_logsumexp(low, 0), 0, -INFINITY);
        assert_element(rg_logsumexp(high, 0), 0, INFINITY);
        assert_true(isnan(element(rg_logsumexp(nan, 0), 0)));
        rg_tensor *const bad[] = {low, high, nan};
        for (int i = 0; i < 3; i++)
            for (int f = 1; f < 3; f++) {
                rg_tensor *y = family[f](RG_HERE, bad[i], 0);
                assert_true(isnan(element(y, 0)) && isnan(element(y, columns ? 2 : 1)));
                if (columns) assert_false(isnan(element(y, 1)) || isnan(element(y, 3)));
            }
        rg_tensor *half = of_two(t, columns, -INFINITY, 3);
        assert_element(rg_softmax(half, 0), 0, 0);
        assert_element(rg_log_softmax(half, 0), 0, -INFINITY);
        assert_element(rg_logsumexp(half, 0), 0, 3);
    }
    rg_tensor *none = rg_logsumexp(rg_full(t, 1, 2, 0, 3), 1);
    assert_shape(none, 2, (int64_t[]){2, 3});
    for (int i = 0; i < 6; i++) assert_element(none, i, -INFINITY);
    assert_shape(rg_softmax(rg_full(t, 1, 2, 0), 1), 2, (int64_t[]){2, 0});
}

static void softmax_family_same_bits_for_any_threads(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 18; c++) {
        rg_tensor *x = normal(t, dtypes[c % 2], RG_DIMS(40, 50, 60)), *first = NULL;
        for (int threads = 1; threads <= 4; threads++) {
            rg_set_threads(t, threads);
            rg_tensor *y = family[c / 6](RG_HERE, x, c / 2 % 3);
            if (threads == 1) first = y;
            same_bits(y->op->name, first, y);
        }
    }
}

static void info_names_the_parts(void **state) {
    rg_tape *t = *state;
    const rg_build b = rg_info();
    assert_string_equal(b.version, rg_version());
    assert_string_equal(rg_version(), "0.2.0");
    assert_int_equal(RG_VERSION, 200);
    static const char *const isas[RG_ISAS] = {"baseline", "AVX2+FMA", "AVX-512"};
    assert_string_equal(b.isa, isas[rg_best_isa()]);
    for (int k = 0; k < RG_ISAS; k++) assert_int_equal(rg_set_isa(t, k) >= 0, k <= rg_best_isa());
    assert_true(b.threads >= 1);
}

int main(void) {
    const struct CMUnitTest products[] = {
        CASE(matmul_in_every_small_size),
        CASE(matmul_across_blocks),
        CASE(matmul_in_parts),
        CASE(matmul_of_nothing),
        CASE(matmul_broadcasts_batches),
        CASE(matmul_with_vectors), CASE(matmul_of_views),
        CASE(same_bits_for_any_threads),
        CASE(own_product_is_a_chain),
        CASE(rows_alone_have_the_bits_of_the_batch),
        CASE(product_errors),
        CASE(linear_is_matmul_and_add),
        CASE(reductions_over_every_subset),
        CASE(reductions_of_nothing),
        CASE(reduction_errors),
        CASE(ties_share_the_gradient),
        CASE(max_and_nan),
        CASE(argmax_takes_the_first),
        CASE(softmax_family_by_definition),
        CASE(softmax_family_fused_derivatives),
        CASE(softmax_family_at_extremes),
        CASE(softmax_family_same_bits_for_any_threads),
        CASE(info_names_the_parts),
    };
    return RUN("products", products);
}
