/* test_conv.c - convolutions, pools, unfold and fold against loops that follow their formulas, with all options; and their messages. */
#include "ops/gradcheck.h"
#include "tests/support/numbers.h"

/* -------- windows drawn at random, small enough for many of them */

static int64_t draw(rg_tape *t, int64_t low, int64_t high) { return rg_rng_integers(rg_tape_rng(t), low, high + 1); }

typedef struct geometry { int64_t size[2], n[2]; rg_window_options w; } geometry; /* the image, the windows */

static geometry random_geometry(rg_tape *t, bool pool) {
    geometry g = {.n = {0}};
    for (int d = 0; d < 2; d++) {
        g.w.kernel[d] = (int)draw(t, 1, 3);
        g.w.stride[d] = (int)draw(t, 1, 3);
        g.w.dilation[d] = pool ? 1 : (int)draw(t, 1, 2);
        g.w.padding[d] = (int)draw(t, 0, pool ? g.w.kernel[d] / 2 : 3);
        g.size[d] = g.w.dilation[d] * (g.w.kernel[d] - 1) + 1 + draw(t, 0, 5);
        g.n[d] = (g.size[d] + 2 * g.w.padding[d] - g.w.dilation[d] * (g.w.kernel[d] - 1) - 1) / g.w.stride[d] + 1;
    }
    if (g.w.padding[1] == 0 && g.w.padding[0] != 0) g.w.padding[1] = RG_NO_PADDING;
    return g;
}

/* The pixel [n, c, row, column] that element (i, j) of window (p, q) sees; 0 in the padding, *inside tells. */
static double pixel(const geometry *g, const rg_tensor *x, int64_t n, int64_t c, int64_t p, int64_t q, int64_t i, int64_t j, bool *inside) {
    const int across = g->w.padding[1] == RG_NO_PADDING ? 0 : g->w.padding[1];
    const int64_t row = p * g->w.stride[0] + i * g->w.dilation[0] - g->w.padding[0],
        column = q * g->w.stride[1] + j * g->w.dilation[1] - across;
    *inside = row >= 0 && row < x->shape[2] && column >= 0 && column < x->shape[3];
    return *inside ? element(x, ((n * x->shape[1] + c) * x->shape[2] + row) * x->shape[3] + column) : 0;
}

static void near(const rg_tensor *y, int64_t i, double should, double scale) {
    const double bar = (y->dtype == RG_F64 ? 1e-14 : 1e-6) * fmax(1, scale), is = element(y, i);
    if (!(fabs(is - should) <= bar)) fail_msg("element %lld is %.17g, should be %.17g", (long long)i, is, should);
}

/* -------- conv2d, conv1d */

static void conv2d_is_its_formula(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        geometry g = random_geometry(t, false);
        const int64_t n = draw(t, 0, 3), groups = draw(t, 1, 3), in = draw(t, 1, 3), out = draw(t, 1, 3), kh = g.w.kernel[0],
            kw = g.w.kernel[1];
        g.w.groups = (int)groups;
        rg_tensor *x = numbers(t, dtypes[k % 2], RG_DIMS(n, groups * in, g.size[0], g.size[1]));
        rg_tensor *w = numbers(t, dtypes[k % 2], RG_DIMS(groups * out, in, kh, kw)), *b = k % 3
            ? numbers(t, dtypes[k % 2], RG_DIMS(groups * out)) : NULL;
        rg_window_options own = g.w;
        own.kernel[0] = own.kernel[1] = 0; /* the weights' */
        rg_tensor *y = (rg_conv2d)(x, w, b, own);
        const int64_t shape[] = {n, groups * out, g.n[0], g.n[1]};
        assert_shape(y, 4, shape);
        for (int64_t at = 0; at < y->numel; at++) {
            int64_t index[4];
            bool inside;
            indices_of(at, 4, shape, index);
            const int64_t o = index[1], first = o / out * in;
            double sum = b ? element(b, o) : 0;
            for (int64_t c = 0; c < in; c++)
                for (int64_t i = 0; i < kh; i++)
                    for (int64_t j = 0; j < kw; j++)
                        sum += element(w, ((o * in + c) * kh + i) * kw + j) * pixel(&g, x, index[0], first + c, index[2], index[3], i, j,
                            &inside);
            near(y, at, sum, 50);
        }
    }
}

/* More images than are unfolded at a time: each gives what it gives alone. The gradient is their sum. */
static void many_images(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = numbers(t, RG_F64, RG_DIMS(70, 3, 24, 26)), *w = numbers(t, RG_F64, RG_DIMS(4, 3, 5, 5)),
        *b = numbers(t, RG_F64, RG_DIMS(4));
    rg_requires_grad(w, true);
    const rg_window_options two = {.padding = {2}};
    rg_tensor *y = (rg_conv2d)(x, w, b, two), *all, *sum = NULL;
    rg_grad(y, rg_list_of(w), &all, .dy = y);
    for (int i = 0; i < 70; i++) {
        rg_tensor *one = (rg_conv2d)(rg_slice(x, 0, i, i + 1), w, b, two), *dw;
        for (int64_t j = 0; j < one->numel; j++) assert_element(y, i * one->numel + j, element(one, j));
        rg_grad(one, rg_list_of(w), &dw, .dy = one);
        sum = sum ? rg_add(sum, dw) : dw;
    }
    assert_close("dw", all, sum, 1e-12);
}

/* Numbers whose sums depend on the order */
static rg_tensor *thirds(rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = numbers(t, dtype, ndim, shape);
    for (int64_t i = 0; i < x->numel; i++)
        if (dtype == RG_F32) ((float *)x->data)[i] /= 3;
        else ((double *)x->data)[i] /= 3;
    return x;
}

/* y = conv2d(x, w, b) and the gradients of all three, of a loss sum y g */
static void convolve(rg_tensor *const in[3], const rg_tensor *g, rg_window_options options, rg_tensor *found[4]) {
    found[0] = (rg_conv2d)(in[0], in[1], in[2], options);
    rg_grad(found[0], rg_list_of(in[0], in[1], in[2]), found + 1, .dy = (rg_tensor *)g);
}

/* The same by unfold, matmul and fold, for one group. */
static void convolve_unfolded(rg_tensor *const in[3], rg_tensor *g, rg_window_options options, rg_tensor *should[4]) {
    rg_tensor *x = in[0], *w = in[1];
    const int64_t out = w->shape[0], rows = w->numel / out, n = x->shape[0], columns = g->shape[2] * g->shape[3];
    options.kernel[0] = (int)w->shape[2], options.kernel[1] = (int)w->shape[3];
    rg_tensor *c = (rg_unfold)(x, options), *flat = rg_reshape(w, out, rows), *d = rg_reshape(g, n, out, columns);
    should[0] = rg_add(rg_reshape_n(rg_matmul(flat, c), 4, g->shape), rg_reshape(in[2], out, 1, 1));
    should[1] = (rg_fold)(rg_matmul(flat, d, .transpose_a = true), x->shape[2], x->shape[3], options);
    should[2] = rg_reshape_n(rg_sum(rg_matmul(d, c, .transpose_b = true), 0), 4, w->shape);
    should[3] = rg_sum(g, 0, 2, 3);
}

/* Sizes on both sides of every edge of the kernel: of a vector, of a tile of channels, of a strip, of a line that is cut. All instruction
   sets and numbers of threads give the same bits. */
static void conv2d_in_every_size(void **state) {
    static const struct { int n, in, h, w, out, kh, kw; rg_window_options o; } cases[] = {
        {2, 1, 5, 15, 1, 3, 3, {.padding = {1}}}, {2, 3, 5, 16, 8, 3, 3, {.padding = {1}}}, {2, 2, 4, 17, 9, 3, 3, {.padding = {1}}},
        {1, 3, 6, 31, 13, 2, 3, {.padding = {3}}}, {3, 2, 4, 32, 25, 3, 3, {.padding = {1}}}, {1, 1, 3, 33, 3, 1, 5, {.padding = {2}}},
        {2, 50, 6, 16, 5, 3, 3, {.padding = {1}}}, {2, 5, 11, 16, 67, 3, 3, {.padding = {4}}}, {2, 4, 9, 34, 6, 3, 3, {.stride = {2}}},
        {1, 3, 13, 20, 7, 4, 2, {.stride = {3, 2}, .padding = {2, 1}}}, {2, 3, 12, 24, 4, 3, 3, {.dilation = {3, 2}, .padding = {2}}},
        {2, 3, 14, 26, 4, 3, 2, {.stride = {2}, .dilation = {2, 3}, .padding = {5, 4}}}, {2, 3, 9, 9, 4, 1, 1, {.stride = {3}}},
        {2, 130, 5, 7, 12, 1, 1, {.groups = 1}}, {1, 2, 300, 40, 3, 3, 3, {.padding = {1}}}, {1, 1, 2, 40000, 2, 1, 3, {.padding = {1}}},
        {1, 1, 1, 5000, 2, 1, 90, {.groups = 1}}, {20, 2, 2, 2, 4, 2, 2, {.padding = {1}}}, {40, 1, 28, 28, 8, 5, 5, {.padding = {2}}},
    };
    rg_tape *t = *state;
    if (isa != rg_best_isa()) return; /* once: the loop has all */
    for (size_t k = 0; k < 2 * sizeof cases / sizeof *cases; k++) {
        const rg_dtype dtype = dtypes[k % 2];
        const int i = (int)k / 2, n = cases[i].n, in = cases[i].in, out = cases[i].out;
        rg_tensor *leaf[] = {thirds(t, dtype, RG_DIMS(n, in, cases[i].h, cases[i].w)),
            thirds(t, dtype, RG_DIMS(out, in, cases[i].kh, cases[i].kw)), thirds(t, dtype, RG_DIMS(out))};
        for (int j = 0; j < 3; j++) rg_requires_grad(leaf[j], true);
        rg_tensor *y = (rg_conv2d)(leaf[0], leaf[1], leaf[2], cases[i].o), *g = thirds(t, dtype, 4, y->shape), *found[4], *should[4];
        convolve(leaf, g, cases[i].o, found);
        convolve_unfolded(leaf, g, cases[i].o, should);
        for (int j = 0; j < 4; j++)
            for (int64_t at = 0; at < should[j]->numel; at++) near(found[j], at, element(should[j], at), 4000);
        for (int set = 0; set <= rg_best_isa(); set++)
            for (int threads = 1; threads < 4; threads += 2) {
                rg_set_isa(t, set), rg_set_threads(t, threads);
                convolve(leaf, g, cases[i].o, should);
                for (int j = 0; j < 4; j++) assert_memory_equal(found[j]->data, should[j]->data,
                    (size_t)found[j]->numel * (dtype == RG_F32 ? 4 : 8));
            }
        rg_set_isa(t, isa), rg_set_threads(t, 1);
    }
}

/* An infinite pixel is seen by the windows and taps that meet it, and by no other, also where a vector ends behind the last window. */
static void conv2d_keeps_infinity_in_its_place(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(1, 1, 5, 7)), *w = rg_full(t, 1, 3, 1, 3, 3), *dw;
    ((float *)x->data)[3 * 7] = INFINITY; /* by tap (1, 0) in window (2, 0), by tap (2, 0) in window (1, 0) */
    rg_requires_grad(w, true);
    rg_tensor *y = rg_conv2d(x, w, NULL);
    rg_grad(y, rg_list_of(w), &dw, .dy = rg_full_n(t, 1, 4, y->shape));
    for (int64_t i = 0; i < dw->numel; i++) assert_int_equal(isfinite(element(dw, i)), i % 9 != 3 && i % 9 != 6);
    for (int64_t i = 0; i < y->numel; i++) assert_int_equal(isfinite(element(y, i)), i % 15 != 5 && i % 15 != 10);
}

static void conv1d_is_its_formula(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 100; k++) {
        const geometry g = random_geometry(t, false);
        const int64_t n = draw(t, 1, 2), in = draw(t, 1, 3), out = draw(t, 1, 3), groups = draw(t, 1, 2), l = g.size[0];
        rg_tensor *x = numbers(t, RG_F64, RG_DIMS(n, groups * in, l)), *w = numbers(t, RG_F64, RG_DIMS(groups * out, in, g.w.kernel[0]));
        rg_tensor *b = k % 2 ? numbers(t, RG_F64, RG_DIMS(groups * out)) : NULL;
        rg_tensor *y = rg_conv1d(
            x, w, b, .stride = {g.w.stride[0]}, .padding = {g.w.padding[0]}, .dilation = {g.w.dilation[0]}, .groups = (int)groups);
        const int64_t shape[] = {n, groups * out, g.n[0]};
        assert_shape(y, 3, shape);
        for (int64_t at = 0; at < y->numel; at++) {
            int64_t index[3];
            indices_of(at, 3, shape, index);
            const int64_t o = index[1], first = o / out * in;
            double sum = b ? element(b, o) : 0;
            for (int64_t c = 0; c < in; c++)
                for (int64_t i = 0; i < g.w.kernel[0]; i++) {
                    const int64_t place = index[2] * g.w.stride[0] + i * g.w.dilation[0] - g.w.padding[0];
                    if (place < 0 || place >= l) continue;
                    sum += element(w, (o * in + c) * g.w.kernel[0] + i) * element(x, (index[0] * groups * in + first + c) * l + place);
                }
            near(y, at, sum, 20);
        }
    }
}

/* -------- unfold, fold */

static void unfold_is_its_formula(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        const geometry g = random_geometry(t, false);
        const int64_t n = draw(t, 0, 2), c = draw(t, 1, 3), kh = g.w.kernel[0], kw = g.w.kernel[1];
        rg_tensor *x = numbers(t, dtypes[k % 2], RG_DIMS(n, c, g.size[0], g.size[1])), *y = (rg_unfold)(x, g.w);
        const int64_t shape[] = {n, c, kh, kw, g.n[0], g.n[1]};
        assert_shape(y, 3, (const int64_t[]){n, c * kh * kw, g.n[0] * g.n[1]});
        for (int64_t at = 0; at < y->numel; at++) {
            int64_t i[6];
            bool inside;
            indices_of(at, 6, shape, i);
            assert_element(y, at, pixel(&g, x, i[0], i[1], i[4], i[5], i[2], i[3], &inside));
        }
        rg_tensor *ones = (rg_unfold)(rg_add_scalar(rg_mul_scalar(x, 0), 1), g.w), *seen = (rg_fold)(ones, g.size[0], g.size[1], g.w);
        rg_tensor *back = (rg_fold)(y, g.size[0], g.size[1], g.w); /* every pixel as often as it was seen */
        assert_shape(back, 4, x->shape);
        for (int64_t at = 0; at < x->numel; at++) near(back, at, element(x, at) * element(seen, at), 20);
    }
}

/* -------- pools */

static void pools_are_their_formulas(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 200; k++) {
        const geometry g = random_geometry(t, true);
        const int64_t n = draw(t, 0, 2), c = draw(t, 1, 3), kh = g.w.kernel[0], kw = g.w.kernel[1];
        rg_tensor *x = numbers(t, dtypes[k % 2], RG_DIMS(n, c, g.size[0], g.size[1]));
        rg_tensor *max = (rg_max_pool2d)(x, g.w), *avg = (rg_avg_pool2d)(x, g.w);
        const int64_t shape[] = {n, c, g.n[0], g.n[1]};
        assert_shape(max, 4, shape);
        assert_shape(avg, 4, shape);
        for (int64_t at = 0; at < max->numel; at++) {
            int64_t index[4];
            double sum = 0, largest = -INFINITY;
            indices_of(at, 4, shape, index);
            for (int64_t i = 0; i < kh * kw; i++) {
                bool inside;
                const double v = pixel(&g, x, index[0], index[1], index[2], index[3], i / kw, i % kw, &inside);
                sum += v;
                if (inside) largest = fmax(largest, v);
            }
            assert_element(max, at, largest);
            near(avg, at, sum / (double)(kh * kw), 2);
        }
    }
}

/* The gradient goes to the first of ties, in both passes; to NaN, which is the largest; somewhere even of minus infinities. */
static void ties_and_specials(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    const float v[] = {1, 1, 5, 3, 1, 1, 3, 5, 0, 7, -INFINITY, -INFINITY, NAN, 2, -INFINITY, -INFINITY},
        should[] = {1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0};
    rg_tensor *x = rg_requires_grad(rg_input(t, v, 1, 1, 4, 4), true), *dx[2];
    rg_tensor *y = rg_max_pool2d(x, .kernel = {2}), *one = rg_full(t, 1, 1, 1, 2, 2);
    assert_element(y, 0, 1);
    assert_element(y, 1, 5);
    assert_true(isnan(element(y, 2)));
    assert_element(y, 3, -INFINITY);
    for (int graph = 0; graph < 2; graph++) {
        rg_grad(y, rg_list_of(x), &dx[graph], .dy = one, .create_graph = graph);
        for (int i = 0; i < 16; i++) assert_element(dx[graph], i, (double)should[i]);
    }
}

/* Rows that are long enough for vectors, of few different numbers: which element a window takes shows in the gradient. */
static void long_rows(void **state) {
    rg_tape *t = *state;
    static const double values[] = {0, 1, 2, -0., NAN, -INFINITY};
    enum { H = 7, W = 75 };
    for (int k = 0; k < 48; k++) {
        const int kernel = 2 + k % 2, padding = k / 2 % 2, stride = 1 + k / 4 % 3;
        double v[H * W], dx[H * W] = {0};
        for (int i = 0; i < H * W; i++) v[i] = values[draw(t, 0, k < 24 ? 5 : 3)];
        rg_tensor *x = rg_requires_grad(rg_detach(rg_cast(rg_input(t, v, 1, 1, H, W), dtypes[k / 12 % 2])), true);
        rg_tensor *y = rg_max_pool2d(x, .kernel = {kernel}, .stride = {stride}, .padding = {padding, padding ? padding : RG_NO_PADDING});
        rg_tensor *weight = rg_cast(rg_arange(t, 1, (double)(y->numel + 1), 1), y->dtype);
        for (int64_t q = 0; q < y->numel; q++) {
            const int64_t row = q / y->shape[3] * stride - padding, column = q % y->shape[3] * stride - padding;
            int64_t at = -1;
            for (int64_t i = row; i < row + kernel; i++)
                for (int64_t j = column; j < column + kernel; j++) {
                    if (i < 0 || i >= H || j < 0 || j >= W || (at >= 0 && isnan(v[at]))) continue;
                    if (at < 0 || v[i * W + j] > v[at] || isnan(v[i * W + j])) at = i * W + j;
                }
            assert_true(isnan(v[at]) ? isnan(element(y, q)) : element(y, q) == v[at]);
            dx[at] += (double)(q + 1);
        }
        assert_int_equal(rg_backward(rg_sum(rg_mul(rg_reshape(y, -1), weight))), 0);
        for (int i = 0; i < H * W; i++) assert_element(rg_grad_of(x), i, dx[i]);
        rg_tape_reset(t);
    }
}

static void a_tie_that_moves_is_another_branch(void **state) {
    rg_tape *t = *state;
    static const float v[][4] = {{1, 2, 3, 4}, {-1, 0, 1, 2}, {4, 3, 2, 1}, {4, 4, 4, 4}, {1, 5, 3, 4}};
    uint64_t hash[5];
    for (int i = 0; i < 5; i++) {
        const int64_t mark = rg_mark(t);
        rg_max_pool2d(rg_input(t, v[i], 1, 1, 2, 2), .kernel = {2});
        hash[i] = rg_branch_hash(t, mark);
    }
    assert_true(hash[0] == hash[1] && hash[0] != hash[2] && hash[2] == hash[3] && hash[4] != hash[0] && hash[4] != hash[2]);
}

/* -------- options and messages */

static void shape_is(rg_tensor *y, int64_t h, int64_t w) { assert_shape(y, 4, (const int64_t[]){1, 1, h, w}); }

static void a_width_left_out_is_the_height(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 1, 1, 9, 12), *w = rg_full(t, 1, 1, 1, 3, 3);
    shape_is(rg_conv2d(x, w, NULL), 7, 10);
    shape_is(rg_conv2d(x, w, NULL, .stride = {2}), 4, 5);
    shape_is(rg_conv2d(x, w, NULL, .stride = {2, 1}), 4, 10);
    shape_is(rg_conv2d(x, w, NULL, .stride = {0, 2}), 7, 5);
    shape_is(rg_conv2d(x, w, NULL, .padding = {1}), 9, 12);
    shape_is(rg_conv2d(x, w, NULL, .padding = {1, RG_NO_PADDING}), 9, 10);
    shape_is(rg_conv2d(x, w, NULL, .padding = {0, 2}), 7, 14);
    shape_is(rg_conv2d(x, w, NULL, .padding = {RG_NO_PADDING}, .dilation = {2}), 5, 8);
    shape_is(rg_max_pool2d(x, .kernel = {3}), 3, 4);
    shape_is(rg_max_pool2d(x, .kernel = {2, 3}), 4, 4);
    shape_is(rg_avg_pool2d(x, .kernel = {3}, .stride = {2}), 4, 5);
}

static void messages(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_full(t, 1, 2, 3, 8, 8), "x"), *w = rg_set_name(rg_full(t, 1, 4, 3, 3, 3), "w");
    REFUSED(RG_ESHAPE, rg_conv2d(x, rg_full(t, 1, 4, 2, 3, 3), NULL),
        "conv2d: x[2,3,8,8], [4,2,3,3]: the weights take 2 channels a group, the input has 3 in 1 groups");
    REFUSED(RG_EVALUE, rg_conv2d(x, w, NULL, .groups = 2),
        "conv2d: x[2,3,8,8], w[4,3,3,3]: 2 groups do not divide 3 channels in and 4 out");
    REFUSED(RG_ESHAPE, rg_conv2d(x, w, rg_full(t, 1, 3)), "conv2d: x[2,3,8,8], w[4,3,3,3], [3]: the bias must be [4]");
    REFUSED(RG_ESHAPE, rg_conv2d(x, w, NULL, .dilation = {4}),
        "conv2d: x[2,3,8,8], w[4,3,3,3]: a window reaches over 9, the image with its padding over 8");
    REFUSED(RG_EVALUE, rg_conv2d(x, w, NULL, .stride = {40000}), "conv2d: stride 40000 is not in 0..32767");
    REFUSED(RG_EVALUE, rg_conv2d(x, w, NULL, .padding = {1, -2}), "conv2d: padding -2 is not in 0..32767");
    REFUSED(RG_EVALUE, rg_max_pool2d(x, .stride = {2}), "max_pool2d: x[2,3,8,8]: the kernel is 0x0, must be at least 1x1");
    REFUSED(RG_EVALUE, rg_conv2d(x, w, NULL, .kernel = {3}),
        "conv2d: .kernel is {3, 0}, but the weights give the kernel's size: leave it out");
    rg_tensor *line = rg_full(t, 1, 1, 1, 3), *pair = rg_full(t, 1, 1, 1, 2);
    REFUSED(RG_EVALUE, rg_conv1d(line, pair, NULL, .kernel = {2}),
        "conv1d: .kernel is {2, 0}, but the weights give the kernel's size: leave it out");
    REFUSED(RG_EVALUE, rg_avg_pool2d(x, .kernel = {3}, .padding = {2}),
        "avg_pool2d: x[2,3,8,8]: padding 2 is more than half the kernel, 3");
    REFUSED(RG_ESHAPE, rg_fold(rg_full(t, 1, 1, 4, 5), 3, 3, .kernel = {2}), "fold: [1,4,5]: 5 columns for 2x2 windows in an image of 3x3");
    REFUSED(RG_ESHAPE, rg_fold(x, (int64_t)1 << 40, 1, .kernel = {2}), "fold: an image of 1099511627776x1, at most 2147483647 a side");
    REFUSED(RG_ESHAPE, rg_conv1d(x, w, NULL),
        "conv1d: an input of 4 dimensions and weights of 4, not [n, channels, length] and [out, in / groups, k]");
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(conv2d_is_its_formula), CASE(many_images), CASE(conv2d_in_every_size),
        CASE(conv2d_keeps_infinity_in_its_place), CASE(conv1d_is_its_formula),
        CASE(unfold_is_its_formula),
        CASE(pools_are_their_formulas), CASE(ties_and_specials), CASE(long_rows), CASE(a_tie_that_moves_is_another_branch),
        CASE(a_width_left_out_is_the_height), CASE(messages)};
    return RUN("conv", cases);
}
