/* test_nn.c - initialisers against NumPy and their moments, layers, their parameters and errors, and a net that learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/support/meter.h"
#include "tests/support/tape.h"

static int start(void **state) { return start_seeded(state, 0); }

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static double at(rg_tensor *x, int64_t i) {
    assert_true(i < rg_numel(x));
    return rg_dtype_of(x) == RG_F64 ? rg_f64(x)[i] : (double)rg_f32(x)[i];
}

static void near(const char *what, double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance)) fail_msg("%s: %.17g, expected %.17g", what, got, expected);
}

/* -------- initialisers */

/* rng = default_rng(0); w1 = rng.normal(0, .02, (784, 128)); w2 = rng.normal(0, .02, (128, 10)) */
static void normal_is_numpys(void **state) {
    (void)state;
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        rg_tape *t = rg_tape_new(0);
        rg_set_default_dtype(t, dtype);
        rg_tensor *w1 = rg_param(t, "w1", RG_NORMAL(0, .02), 784, 128), *w2 = rg_param(t, "w2", RG_NORMAL(0, .02), 128, 10);
        const double got[] = {at(w1, 0), at(w1, 1), at(w1, 784 * 128 - 1), at(w2, 0), at(w2, 1279)};
        static const double numpy[] = {0x1.49981f82338a5p-9, -0x1.5a4e12b2fb580p-9, -0x1.55fa23e2b0469p-7, 0x1.ed760ee6764d5p-10,
            -0x1.cc794b56f97f6p-7};
        for (int i = 0; i < COUNT(numpy); i++) near("a draw", got[i], dtype == RG_F64 ? numpy[i] : (double)(float)numpy[i], 0);
        double sum = 0;
        for (int i = 0; i < 784 * 128 && dtype == RG_F32; i++) sum += at(w1, i);
        if (dtype == RG_F32) near("their sum", sum, -0x1.5c4b5aea4d900p+0, 1e-9);
        rg_tape_free(t);
    }
}

static void uniform_is_numpys(void **state) { /* rng = default_rng(42); rng.uniform(-.25, .75, (3, 5)); rng.random() */
    (void)state;
    rg_tape *t = rg_tape_new(42);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *u = rg_param(t, "u", RG_UNIFORM(-.25, .75), 3, 5);
    near("first", at(u, 0), 0x1.0c43f79a2db24p-1, 0);
    near("second", at(u, 1), 0x1.82d2b30d3c8fcp-3, 0);
    near("last", at(u, 14), 0x1.8c1cbe545d09cp-3, 0);
    near("the next draw", rg_rng_random(rg_tape_rng(t)), 0x1.d16288f39a8a8p-3, 0);
    rg_tape_free(t);
}

/* default_rng(7).normal(0, sqrt(2/784), (784, 128)); default_rng(7).uniform(-a, a, (784, 128)), a = sqrt(6/(784+128)) */
static void scaled_are_numpys(void **state) {
    (void)state;
    for (int uniform = 0; uniform < 2; uniform++) {
        rg_tape *t = rg_tape_new(7);
        rg_set_default_dtype(t, RG_F64);
        rg_tensor *w = rg_param(t, "w", uniform ? RG_XAVIER_UNIFORM : RG_HE_NORMAL, 784, 128);
        near("first", at(w, 0), uniform ? 0x1.4c7bb353316c0p-6 : 0x1.0499dd150839fp-14, 0);
        near("last", at(w, 784 * 128 - 1), uniform ? -0x1.21a3fbd4b761fp-4 : -0x1.21d89446d69ecp-6, 0);
        rg_tape_free(t);
    }
}

/* Mean, deviation and range over 100,352 draws; the mean's own deviation is std / 317. */
static void moments(void **state) {
    rg_tape *t = *state;
    const double in = 784, out = 128, third = 1 / sqrt(3);
    const struct { rg_init init; double mean, std, limit; } cases[] = {
        {RG_NORMAL(.5, 2), .5, 2, INFINITY}, {RG_UNIFORM(-1, 3), 1, 2 * third, 2},
        {RG_XAVIER_NORMAL, 0, sqrt(2 / (in + out)), INFINITY}, {RG_XAVIER_UNIFORM, 0, sqrt(2 / (in + out)), sqrt(6 / (in + out))},
        {RG_HE_NORMAL, 0, sqrt(2 / in), INFINITY}, {RG_HE_UNIFORM, 0, sqrt(2 / in), sqrt(6 / in)},
        {RG_LECUN_NORMAL, 0, sqrt(1 / in), INFINITY}, {RG_LECUN_UNIFORM, 0, sqrt(1 / in), sqrt(3 / in)},
        {RG_ZEROS, 0, 0, 0}, {RG_ONES, 1, 0, 0}, {RG_CONSTANT(-2.5), -2.5, 0, 0},
    };
    for (int k = 0; k < COUNT(cases); k++) {
        rg_tensor *w = rg_param(t, NULL, cases[k].init, 784, 128);
        const double n = (double)rg_numel(w);
        double mean = 0, square = 0, most = 0;
        for (int i = 0; i < 784 * 128; i++) {
            const double d = at(w, i) - cases[k].mean;
            mean += d / n, square += d * d / n, most = fmax(most, fabs(d));
        }
        near("mean", mean, 0, 4 * cases[k].std / 317);
        near("std", sqrt(square), cases[k].std, cases[k].std * .01);
        assert_true(most <= cases[k].limit * (1 + 1e-7));
        if (isfinite(cases[k].limit)) assert_true(most >= cases[k].limit * .999);
    }
}

static double deviation(rg_tensor *x) {
    double square = 0;
    for (int64_t i = 0; i < rg_numel(x); i++) square += at(x, i) * at(x, i) / (double)rg_numel(x);
    return sqrt(square);
}

static void fans_of_other_ranks(void **state) {
    rg_tape *t = *state;
    near("[n]", deviation(rg_param(t, NULL, RG_HE_NORMAL, 20000)), sqrt(2. / 20000), 1e-3 * sqrt(2.));
    near("[n] both", deviation(rg_param(t, NULL, RG_XAVIER_NORMAL, 20000)), sqrt(1. / 20000), 1e-3);
    near("[kh, kw, in, out]", deviation(rg_param(t, NULL, RG_LECUN_NORMAL, 3, 5, 40, 60)), sqrt(1. / (15 * 40)), 1e-3);
    near("[kh, kw, in, out] both", deviation(rg_param(t, NULL, RG_XAVIER_NORMAL, 3, 5, 40, 60)), sqrt(2. / (15 * 100)), 1e-3);
    rg_tensor *number = rg_param(t, "s", RG_LECUN_UNIFORM);
    assert_int_equal(rg_ndim(number), 0);
    assert_true(fabs(rg_item(number)) <= sqrt(3.) && rg_item(number) != 0);
    assert_int_equal(rg_numel(rg_param(t, "none", RG_HE_NORMAL, 0, 5)), 0);
    assert_int_equal(rg_params(t).count, 6);
}

static void fill_again(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_param(t, "w", RG_ONES, 2, 3), *y = rg_square(w);
    assert_int_equal(rg_init_fill(w, RG_CONSTANT(3)), 0);
    near("w", at(w, 5), 3, 0);
    assert_int_equal(rg_backward(rg_sum(y)), -1); /* y was made from the older values */
    assert_non_null(strstr(rg_error(t), "w was written after"));
    rg_error_clear(t);
    assert_int_equal(rg_init_fill_at("a.c:3", y, RG_ONES), -1);
    expect_error(t, "rg_init_fill: the result of square is no leaf (a.c:3)");
    assert_int_equal(rg_init_fill_at(NULL, rg_input(t, ((int32_t[]){1, 2}), 2), RG_ONES), -1);
    expect_error(t, "rg_init_fill: i32 is not a float");
    assert_int_equal(rg_init_fill(NULL, RG_ONES), -1);
}

/* Q' Q = gain^2; and Q' A is upper triangular with a positive diagonal, A the numbers drawn: Q is that of A's QR decomposition. */
static void orthogonal(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    static const int64_t shapes[][3] = {{1, 7, 4}, {1, 4, 7}, {1, 5, 5}, {1, 1, 3}, {3, 2, 4}, {1, 60, 50}};
    for (int c = 0; c < COUNT(shapes); c++) {
        const int64_t *s = shapes[c], rows = s[0] * s[1], columns = s[2], few = rows < columns ? rows : columns,
            many = rows + columns - few;
        rg_rng same = *rg_tape_rng(t);
        rg_tensor *w = rg_param(t, NULL, RG_ORTHOGONAL(.5), s[0], s[1], s[2]);
        double *a = malloc((size_t)(rows * columns) * sizeof *a);
        for (int64_t i = 0; i < rows * columns; i++) a[i] = rg_rng_normal(&same, 0, 1);
#define Q(i, j) (rows < columns ? at(w, (j) * columns + (i)) : at(w, (i) * columns + (j))) /* [many, few] */
        for (int64_t j = 0; j < few; j++)
            for (int64_t k = 0; k < few; k++) {
                double qq = 0, qa = 0;
                for (int64_t i = 0; i < many; i++) qq += Q(i, j) * Q(i, k), qa += Q(i, j) * a[i * few + k];
                assert_true(fabs(qq - (j == k ? .25 : 0)) < 1e-14);
                assert_true(j < k || (j == k ? qa > 0 : fabs(qa) < 1e-12));
            }
#undef Q
        free(a);
    }
    assert_int_equal(rg_numel(rg_param(t, "empty", RG_ORTHOGONAL(1), 0, 3)), 0);
    assert_true(rg_failed(rg_param_at("a.c:9", t, "w", RG_ORTHOGONAL(1), RG_DIMS(3))));
    expect_error(t, "rg_param: RG_ORTHOGONAL wants 2 dimensions or more, not 1 (a.c:9)");
}

/* Where it is wide, NumPy's normal numbers that lie in the window, in order; everywhere the density's moments. */
static void truncated_normal(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    static const struct { double mean, std, low, high; } rows[] = {{1, .5, 0, 3}, {0, 1, -2, 2}, {0, 1, 0, INFINITY}, {0, 1, 2, 3},
        {0, 3, -1, 0}, {5, 1, 2, 3.2}, {0, 1, 1.9, 9}};
    for (int c = 0; c < COUNT(rows); c++) {
        const double low = rows[c].low, high = rows[c].high, mean = rows[c].mean, std = rows[c].std;
        enum { MANY = 40000 };
        rg_rng same = *rg_tape_rng(t);
        rg_tensor *w = rg_param(t, NULL, RG_TRUNC_NORMAL(mean, std, low, high), MANY);
        double sum = 0, squares = 0, mass = 0, first = 0, second = 0;
        for (int i = 0; i < MANY; i++) {
            assert_true(at(w, i) >= low && at(w, i) <= high);
            sum += at(w, i) / MANY, squares += at(w, i) * at(w, i) / MANY;
            if (high - low <= 2 * std) continue;
            double x = rg_rng_normal(&same, mean, std);
            while (x < low || x > high) x = rg_rng_normal(&same, mean, std);
            assert_true(x == at(w, i));
        }
        const double end = fmin(high, mean + 9 * std), step = (end - low) / 20000; /* the integrals by the midpoint rule */
        for (double x = low + step / 2; x < end; x += step) {
            const double density = exp(-(x - mean) * (x - mean) / (2 * std * std));
            mass += density, first += x * density, second += x * x * density;
        }
        first /= mass, second /= mass;
        const double error = sqrt((second - first * first) / MANY);
        if (!(fabs(sum - first) < 5 * error)) fail_msg("window %d: mean %g, should be %g", c, sum, first);
        if (!(fabs(squares - sum * sum - (second - first * first)) < .05 * (second - first * first)))
            fail_msg("window %d: variance %g", c, squares - sum * sum);
    }
    rg_tensor *w = rg_param(t, "w", RG_TRUNC_NORMAL(1, 0, 0, 2), 1);
    assert_true(at(w, 0) == 1);
}

static void bad_initialisers(void **state) {
    rg_tape *t = *state;
    const rg_rng before = *rg_tape_rng(t);
    const struct { rg_init init; const char *message; } cases[] = {
        {RG_NORMAL(0, -1), "rg_param: w: std -1 is negative (a.c:9)"},
        {RG_NORMAL(NAN, 1), "rg_param: w: the initialiser's numbers nan and 1 are not both finite (a.c:9)"},
        {RG_UNIFORM(1, 0), "rg_param: w: nothing is uniform from 1 to 0 (a.c:9)"},
        {RG_UNIFORM(-1e308, 1e308), "rg_param: w: nothing is uniform from -1e+308 to 1e+308 (a.c:9)"},
        {RG_INIT_OF(RG_INIT_FAN_IN_NORMAL, -2, 0), "rg_param: w: scale -2 is negative (a.c:9)"},
        {RG_TRUNC_NORMAL(0, 1, 2.5, 3), "rg_param: w: the mean 0 is more than 2 std 1 outside 2.5..3 (a.c:9)"},
        {RG_TRUNC_NORMAL(0, 1, 3, 3), "rg_param: w: there is nothing from 3 to 3 (a.c:9)"},
        {RG_TRUNC_NORMAL(0, -1, -3, 3), "rg_param: w: std -1 is negative (a.c:9)"},
        {RG_ORTHOGONAL(NAN), "rg_param: w: the initialiser's numbers nan and 0 are not both finite (a.c:9)"},
        {RG_NO_BIAS, "rg_param: w: there is no initialiser 7 (a.c:9)"},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        assert_true(rg_failed(rg_param_at("a.c:9", t, "w", cases[i].init, RG_DIMS(2, 3))));
        expect_error(t, cases[i].message);
    }
    assert_true(rg_failed(rg_param(t, "w", RG_HE_NORMAL, 2, -3)));
    rg_error_clear(t);
    assert_int_equal(rg_params(t).count, 0);
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before);
    assert_true(rg_failed(rg_param(NULL, "w", RG_ONES, 2)));
}

/* -------- layers */

static void names_are(const rg_nn *net, int n, const char *const *names) {
    const rg_list p = rg_nn_params(net);
    assert_int_equal(p.count, n);
    for (int i = 0; i < n; i++) assert_string_equal(rg_name_of(p.items[i]), names[i]);
}

static void linear_is_its_formula(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_linear(t, 3, 2, RG_NORMAL(0, 1), .bias = RG_UNIFORM(-1, 1)),
          *bare = rg_nn_linear(t, 3, 2, RG_ONES, .bias = RG_NO_BIAS);
    names_are(net, 2, (const char *const[]){"weight", "bias"});
    names_are(bare, 1, (const char *const[]){"weight"});
    rg_tensor *x = rg_input(t, ((float[]){1, 2, 3, -1, 0, 1, .5, 0, 0, 4, 5, 6}), 2, 2, 3), *y = rg_nn_forward(net, x);
    rg_tensor *w = rg_nn_params(net).items[0], *b = rg_nn_params(net).items[1];
    assert_int_equal(rg_ndim(y), 3);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++) {
            double sum = at(b, j);
            for (int k = 0; k < 3; k++) sum += at(x, i * 3 + k) * at(w, k * 2 + j);
            near("x w + b", at(y, i * 2 + j), sum, 1e-5);
        }
    near("x w", at(rg_nn_forward(bare, x), 0), 6, 1e-6);
    near("bias", at(rg_nn_params(rg_nn_linear(t, 2, 5, RG_HE_NORMAL)).items[1], 4), 0, 0);
}

static void sequential_runs_in_order(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_sequential(
        t, rg_nn_linear(t, 2, 2, RG_CONSTANT(-1)), rg_nn_relu(t), rg_nn_linear(t, 2, 1, RG_ONES), rg_nn_activation(t, "square"));
    names_are(net, 4, (const char *const[]){"0.weight", "0.bias", "2.weight", "2.bias"});
    assert_ptr_equal(rg_nn_params(net).items[0], rg_params(t).items[0]); /* made in the order written */
    assert_string_equal(net->children[1]->kind, "relu");
    rg_tensor *x = rg_input(t, ((float[]){1, 2, -1, -2}), 2, 2), *y = rg_nn_forward(net, x);
    near("relu of -3", at(y, 0), 0, 0);
    near("(3 + 3)^2", at(y, 1), 36, 1e-5);
    assert_ptr_equal(rg_nn_forward(rg_nn_sequential_n(t, 0, NULL), x), x);
}

static void activations_and_flatten(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, .5, 4, 3, 2, 5);
    near("tanh", at(rg_nn_forward(rg_nn_tanh(t), x), 7), tanh(.5), 1e-7);
    near("sigmoid", at(rg_nn_forward(rg_nn_sigmoid(t), x), 7), 1 / (1 + exp(-.5)), 1e-7);
    near("softplus", at(rg_nn_forward(rg_nn_softplus(t), x), 7), log1p(exp(.5)), 1e-6);
    rg_nn *flat = rg_nn_flatten(t);
    rg_tensor *y = rg_nn_forward(flat, x);
    assert_int_equal(rg_ndim(y), 2);
    assert_int_equal(rg_dim(y, 0), 4);
    assert_int_equal(rg_dim(y, 1), 30);
    assert_int_equal(rg_dim(rg_nn_forward(flat, rg_full(t, 1, 0, 7, 2)), 1), 14);
    assert_int_equal(rg_dim(rg_nn_forward(flat, rg_full(t, 1, 3)), 1), 1);
    assert_true(rg_failed(rg_nn_forward_at("a.c:5", flat, RG_IN(rg_full(t, 1)))));
    expect_error(t, "flatten: a tensor of 0 dimensions has no first axis to keep (a.c:5)");
}

static void mlp_from_sizes(void **state) {
    rg_tape *t = *state;
    const int64_t sizes[] = {784, 30, 20, 10};
    rg_nn *net = rg_nn_mlp_n(t, "tanh", RG_XAVIER_NORMAL, 4, sizes);
    names_are(net, 6, (const char *const[]){"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"});
    assert_int_equal(net->nchildren, 5);
    assert_string_equal(net->children[3]->kind, "tanh");
    assert_int_equal(rg_dim(rg_nn_forward(net, rg_full(t, 1, 7, 784)), 1), 10);
    assert_null(rg_nn_mlp_at("a.c:6", t, "tanh", RG_ONES, 1, sizes));
    expect_error(t, "rg_nn_mlp: 1 sizes; two at least, of the input and the output (a.c:6)");
}

static void shared_layers_count_once(void **state) {
    rg_tape *t = *state;
    rg_nn *shared = rg_nn_linear(t, 2, 2, RG_ONES);
    rg_nn *net = rg_nn_sequential(t, shared, rg_nn_relu(t), shared, rg_nn_linear(t, 2, 1, RG_ONES));
    names_are(net, 4, (const char *const[]){"0.weight", "0.bias", "3.weight", "3.bias"});
    near("2 (2 (1 + 1))", at(rg_nn_forward(net, rg_full(t, 1, 1, 2)), 0), 8, 1e-6);
    rg_nn *tied = rg_nn_sequential(t, net, rg_nn_sequential(t, rg_nn_linear(t, 1, 2, RG_ONES), shared));
    names_are(tied, 6, (const char *const[]){"0.0.weight", "0.0.bias", "0.3.weight", "0.3.bias", "1.0.weight", "1.0.bias"});
}

static void given_names(void **state) {
    rg_tape *t = *state;
    rg_nn *encoder = rg_nn_named(rg_nn_sequential(t, rg_nn_named(rg_nn_linear(t, 2, 2, RG_ONES), "hidden"), rg_nn_linear(t, 2, 2, RG_ONES)),
        "encoder");
    rg_nn *net = rg_nn_sequential(t, encoder, rg_nn_linear(t, 2, 1, RG_ONES));
    names_are(net, 6, (const char *const[]){"encoder.hidden.weight", "encoder.hidden.bias", "encoder.1.weight", "encoder.1.bias",
        "1.weight", "1.bias"});
    assert_ptr_equal(rg_nn_named_at("a.c:8", encoder, "late"), encoder);
    expect_error(t, "rg_nn_named: the sequential is part of another layer already (a.c:8)");
    assert_null(rg_nn_named(NULL, "x"));
}

/* A layer of the user's own, with an attribute, and one within. */
typedef struct gated { rg_nn nn; double power; } gated;

static rg_tensor *gate(const char *line, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *y = rg_pow_scalar_at(line, rg_nn_forward_at(line, net->children[0], 1, in), ((gated *)net)->power);
    return net->training ? rg_mul_at(line, y, net->params[0]) : y;
}

static rg_nn *gated_new(rg_tape *t, double power) {
    rg_nn *net = rg_nn_new(t, "gated", gate, sizeof(gated));
    rg_nn_param(net, "gain", RG_CONSTANT(2), 3);
    rg_nn_add(net, NULL, rg_nn_linear(t, 2, 3, RG_ONES));
    if (net) ((gated *)net)->power = power;
    return net;
}

static void layers_of_the_users_own(void **state) {
    rg_tape *t = *state;
    rg_nn *own = gated_new(t, 3), *net = rg_nn_sequential(t, own, rg_nn_linear(t, 3, 1, RG_ONES));
    names_are(net, 5, (const char *const[]){"0.gain", "0.0.weight", "0.0.bias", "1.weight", "1.bias"});
    near("3 2 (1 + 1)^3", at(rg_nn_forward(net, rg_full(t, 1, 4, 2)), 0), 48, 1e-4);
    assert_true(rg_failed(rg_nn_param_at("a.c:4", own, "more", RG_ONES, 0, NULL)));
    expect_error(t, "rg_nn_param: the gated is part of another layer already (a.c:4)");
    assert_int_equal(rg_nn_add_at("a.c:4", own, NULL, rg_nn_relu(t)), -1);
    expect_error(t, "rg_nn_add: the gated is part of another layer already (a.c:4)");
    assert_false(rg_failed(rg_nn_forward(net, rg_full(t, 1, 4, 2))));
}

static void train_reaches_every_layer(void **state) {
    rg_tape *t = *state;
    rg_nn *own = gated_new(t, 1), *net = rg_nn_sequential(t, rg_nn_relu(t), rg_nn_sequential(t, own, rg_nn_tanh(t)));
    assert_true(net->training && own->training && own->children[0]->training);
    rg_nn_train(net, false);
    assert_true(!net->training && !own->training && !own->children[0]->training && !net->children[1]->children[1]->training);
    near("evaluated", at(rg_nn_forward(own, rg_full(t, 1, 1, 2)), 0), 2, 1e-6);
    rg_nn_train(own, true);
    assert_true(!net->training && own->training && own->children[0]->training);
    near("trained", at(rg_nn_forward(own, rg_full(t, 1, 1, 2)), 0), 4, 1e-6);
    rg_nn_train(NULL, true);
}

static void layers_within_layers(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_linear(t, 1, 1, RG_ONES);
    for (int i = 1; i < RG_NN_DEPTH; i++) net = rg_nn_sequential(t, net);
    assert_non_null(net);
    assert_int_equal(strlen(rg_name_of(rg_nn_params(net).items[0])), 2 * (RG_NN_DEPTH - 1) + strlen("weight"));
    rg_nn_train(net, false);
    near("through all", at(rg_nn_forward(net, rg_full(t, 3, 1, 1)), 0), 3, 0);
    assert_null(rg_nn_sequential_at("a.c:2", t, 1, &net));
    expect_error(t, "rg_nn_add: more than 64 layers within layers (a.c:2)");
}

static void many_layers(void **state) {
    rg_tape *t = *state;
    enum { N = 300 };
    rg_nn *layers[N];
    for (int i = 0; i < N; i++) layers[i] = rg_nn_linear(t, 1, 1, RG_ONES);
    rg_nn *net = rg_nn_sequential_n(t, N, layers);
    const rg_list p = rg_nn_params(net);
    assert_int_equal(p.count, 2 * N);
    assert_string_equal(rg_name_of(p.items[2 * N - 1]), "299.bias");
    assert_ptr_equal(rg_nn_params(net).items, p.items);
}

static void layer_errors(void **state) {
    rg_tape *t = *state, *other = rg_tape_new(0);
    rg_tensor *x = rg_full(t, 1, 4, 3);
    assert_null(rg_nn_linear(t, 3, -2, RG_HE_NORMAL));
    assert_int_equal(strncmp(rg_error(t), "rg_nn_linear: [3,-2]", 20), 0);
    rg_error_clear(t);
    assert_null(rg_nn_sequential_at("a.c:1", t, 2, (rg_nn *[]){rg_nn_relu(t), NULL}));
    expect_error(t, "rg_nn_add: layer 1 of a sequential is NULL (a.c:1)");
    assert_null(rg_nn_sequential_at("a.c:1", t, 1, (rg_nn *[]){rg_nn_relu(other)}));
    expect_error(t, "rg_nn_add: layer 0 of a sequential is from another tape (a.c:1)");
    rg_nn *loop = rg_nn_sequential_n(t, 0, NULL);
    assert_int_equal(rg_nn_add_at("a.c:1", loop, NULL, loop), -1);
    expect_error(t, "rg_nn_add: a sequential cannot be part of itself (a.c:1)");
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", loop, RG_IN(x))));
    expect_error(t, "rg_nn_forward: the sequential could not be made (a.c:1)");
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", NULL, RG_IN(x))));
    expect_error(t, "rg_nn_forward: the net is NULL (a.c:1)");
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 5, RG_ONES));
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", net, RG_IN(rg_set_name(x, "x")))));
    assert_non_null(strstr(rg_error(t), "x[4,3]"));
    assert_non_null(strstr(rg_error(t), "0.weight[2,5]"));
    assert_non_null(strstr(rg_error(t), "(a.c:1)"));
    rg_error_clear(t);
    assert_null(rg_nn_new_at("a.c:1", t, "small", gate, 8, (rg_nn_options){0}));
    expect_error(t, "rg_nn_new: a layer smaller than an rg_nn (a.c:1)");
    rg_tape_free(other);
}

static void null_and_poison(void **state) {
    rg_tape *t = *state;
    rg_nn *relu = rg_nn_relu(t), *outer = rg_nn_sequential_n(t, 0, NULL);
    const int64_t sizes[] = {2, 2};
    assert_null(rg_nn_linear(NULL, 2, 2, RG_ONES));
    assert_null(rg_nn_sequential(NULL, NULL));
    assert_null(rg_nn_mlp_n(NULL, "relu", RG_ONES, 2, sizes));
    assert_null(rg_nn_relu(NULL));
    assert_null(rg_nn_flatten(NULL));
    assert_int_equal(rg_nn_params(NULL).count, 0);
    assert_int_equal(rg_nn_add(NULL, NULL, NULL), -1);
    assert_true(rg_failed(rg_nn_param(NULL, "p", RG_ONES, 2)));
    assert_true(rg_failed(rg_nn_forward(NULL, NULL)));
    assert_null(rg_error(t));
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", relu, RG_IN(NULL))));
    expect_error(t, "rg_nn_forward: the input of the relu is NULL (a.c:1)");
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", relu, RG_IN(rg_poison(t)))));
    expect_error(t, "rg_nn_forward: the input of the relu is what a failed operation returned (a.c:1)");
    rg_fail(t, RG_EVALUE, NULL, "before");
    assert_null(rg_nn_linear(t, 2, 2, RG_ONES));
    assert_null(rg_nn_sequential(t, relu, NULL));
    assert_true(rg_failed(rg_nn_forward(relu, rg_full(t, 1, 2))));
    assert_null(gated_new(t, 2));
    assert_int_equal(rg_nn_add(outer, NULL, relu), -1);
    expect_error(t, "before");
    assert_int_equal(rg_params(t).count, 0);
    assert_false(relu->placed);
    assert_true(rg_failed(rg_nn_forward_at(NULL, outer, RG_IN(rg_full(t, 1, 2))))); /* it lacks a layer */
    expect_error(t, "rg_nn_forward: the sequential could not be made");
}

/* Every allocation fails in turn; the error is named, the next try succeeds, nothing leaks. */
static void layers_without_memory(void **state) {
    (void)state;
    int failures = 0;
    for (bool done = false; !done; failures++) {
        meter m = {.fail_at = -1};
        rg_tape *t = metered_tape(&m, true, 0);
        rg_tensor *x = rg_full(t, 1, 4, 2);
        for (int try = 0; try < 2; try++) {
            m.fail_at = try ? -1 : m.calls + failures;
            rg_nn *net = rg_nn_named(rg_nn_sequential(t, gated_new(t, 1), rg_nn_tanh(t), rg_nn_linear(t, 3, 1, RG_HE_NORMAL)), "net");
            m.fail_at = -1;
            if (rg_error(t)) {
                assert_int_equal(try, 0);
                assert_int_equal(rg_error_code(t), RG_ENOMEM);
                assert_true(rg_failed(rg_nn_forward(net, x)));
                rg_error_clear(t);
            } else {
                assert_int_equal(rg_dim(rg_nn_forward(net, x), 1), 1);
                assert_string_equal(rg_name_of(rg_nn_params(net).items[4]), "net.2.bias");
                done |= try == 0;
            }
        }
        rg_tape_free(t);
        assert_int_equal(m.out, 0);
    }
    assert_true(failures > 20);
}

/* -------- learning */

static void learns_xor(void **state) {
    (void)state;
    static const float X[] = {0, 0, 0, 1, 1, 0, 1, 1}, Y[] = {0, 1, 1, 0};
    for (int k = 0; k < 3; k++) {
        rg_tape *t = rg_tape_new(42);
        rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 8, RG_HE_NORMAL), rg_nn_tanh(t), rg_nn_linear(t, 8, 1, RG_HE_NORMAL),
            rg_nn_sigmoid(t));
        rg_optim *optim[] = {rg_optim_sgd(t, rg_nn_params(net), .lr = .5, .momentum = .9),
            rg_optim_adam(t, rg_nn_params(net), .lr = .05), rg_optim_adamw(t, rg_nn_params(net), .lr = .05)};
        double last = NAN;
        for (int step = 0; step < 500; step++) {
            rg_tensor *loss = rg_mse(rg_nn_forward(net, rg_input(t, X, 4, 2)), rg_input(t, Y, 4, 1));
            rg_backward(loss);
            rg_optim_step(optim[k]);
            last = rg_item(loss);
            rg_tape_reset(t);
        }
        if (rg_error(t)) fail_msg("%s", rg_error(t));
        assert_true(last < .01);
        rg_tensor *p = rg_add_scalar(rg_nn_forward(net, rg_input(t, X, 4, 2)), -.5);
        near("accuracy", rg_accuracy(p, rg_input(t, Y, 4, 1)), 1, 0);
        rg_tape_free(t);
    }
}

/* A frozen layer passes gradients on and keeps its values. */
static void frozen_layer(void **state) {
    rg_tape *t = *state;
    rg_nn *below = rg_nn_linear(t, 3, 3, RG_HE_NORMAL), *frozen = rg_nn_linear(t, 3, 3, RG_HE_NORMAL),
        *net = rg_nn_sequential(t, below, rg_nn_tanh(t), frozen);
    rg_optim *sgd = rg_optim_sgd(t, rg_nn_params(net), .lr = .1, .weight_decay = .1);
    float before[2][9], after[2][9];
    for (int i = 0; i < frozen->nparams; i++) rg_requires_grad(frozen->params[i], false);
    rg_copy_out(below->params[0], before[0], 9), rg_copy_out(frozen->params[0], before[1], 9);
    rg_backward(rg_mean(rg_square(rg_nn_forward(net, rg_full(t, 1, 5, 3)))));
    assert_int_equal(rg_optim_step(sgd), 0);
    rg_copy_out(below->params[0], after[0], 9), rg_copy_out(frozen->params[0], after[1], 9);
    assert_memory_not_equal(before[0], after[0], sizeof after[0]);
    assert_memory_equal(before[1], after[1], sizeof after[1]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
int main(void) {
    static const struct CMUnitTest tests[] = {
        CASE(normal_is_numpys), CASE(uniform_is_numpys), CASE(scaled_are_numpys), CASE(moments), CASE(fans_of_other_ranks),
            CASE(fill_again),
        CASE(orthogonal), CASE(truncated_normal), CASE(bad_initialisers), CASE(linear_is_its_formula), CASE(sequential_runs_in_order),
        CASE(activations_and_flatten), CASE(mlp_from_sizes),
        CASE(shared_layers_count_once), CASE(given_names), CASE(layers_of_the_users_own), CASE(train_reaches_every_layer),
        CASE(layers_within_layers),
        CASE(many_layers), CASE(layer_errors), CASE(null_and_poison), CASE(layers_without_memory), CASE(learns_xor), CASE(frozen_layer),
    };
    return cmocka_run_group_tests_name("nn", tests, NULL, NULL);
}
