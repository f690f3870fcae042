/* test_functions.c - elementwise functions against values and derivatives known to the last digit, far out too; conventions at kinks
   and at the edges of domains, which are PyTorch's; truth tables. */
#include "tests/support/values.h"

#include <float.h>

#include "tests/ops/golden_functions.h"

/* points of an op; how often each stands in its tensor, so that vector loops and what they leave over see it */
enum { MANY = 40, AGAIN = 8 };

static rg_tensor *leaf(rg_tape *t, const double *v, int64_t n) { return rg_requires_grad(rg_input(t, v, n), true); }

static rg_tensor *gradient(rg_tensor *y, rg_tensor *x) {
    rg_tensor *dx = NULL;
    assert_int_equal(rg_grad(y, rg_list_of(x), &dx, .dy = rg_full_like(y, 1), .create_graph = true), 0);
    return dx;
}

/* Equal to the last digits but a few; what overflows or underflows in this dtype does so. */
static void near(const char *op, const char *what, double x, rg_tensor *y, int64_t i, double should, double relative, double absolute) {
    const double is = element(y, i), largest = y->dtype == RG_F32 ? (double)FLT_MAX : DBL_MAX;
    if (fabs(should) > largest) should = should < 0 ? -INFINITY : INFINITY;
    if (is == should || (isnan(is) && isnan(should)) || fabs(is - should) <= relative * fabs(should) + absolute) return;
    fail_msg("%s: %s at %g (%s) is %.17g, should be %.17g", op, what, x, rg_dtype_name(y->dtype), is, should);
}

static void values_and_derivatives(void **state) {
    rg_tape *t = *state;
    const int all = (int)(sizeof UNARIES / sizeof *UNARIES);
    for (int k = 0; k < 2; k++) {
        const bool f64 = dtypes[k] == RG_F64;
        rg_set_default_dtype(t, dtypes[k]);
        for (int first = 0, n; first < all; first += n) {
            const golden1 *g = &UNARIES[first];
            double x[MANY * AGAIN];
            for (n = 0; first + n < all && strcmp(g[n].op, g->op) == 0; n++) {}
            assert_true(n <= MANY && rg_op_find(g->op));
            for (int i = 0; i < n * AGAIN; i++) x[i] = g[i % n].x;
            rg_tensor *in = leaf(t, x, n * AGAIN), *y = rg_apply(rg_op_find(g->op), RG_AT, (rg_attr){.p = g->p, .q = g->q}, 1, &in);
            rg_tensor *dy = rg_full_like(y, 1), *plain, *d1 = gradient(y, in),
                      *d2 = rg_needs_grad(d1) ? gradient(d1, in) : rg_full_like(in, 0);
            assert_int_equal(rg_grad(y, rg_list_of(in), &plain, .dy = dy), 0);
            for (int i = 0; i < n * AGAIN; i++) {
                near(g->op, "f", x[i], y, i, g[i % n].y, f64 ? 1e-13 : 2e-6, f64 ? 1e-300 : 1e-38);
                near(g->op, "f' (kernel)", x[i], plain, i, g[i % n].d1, f64 ? 2e-14 : 1e-5, f64 ? 1e-16 : 1e-7);
                near(g->op, "f' (ops)", x[i], d1, i, g[i % n].d1, f64 ? 2e-14 : 1e-5, f64 ? 1e-16 : 1e-7);
                near(g->op, "f''", x[i], d2, i, g[i % n].d2, f64 ? 1e-13 : 1e-4, f64 ? 1e-13 : 2e-5);
            }
            rg_tape_reset(t);
        }
    }
}

static void values_and_derivatives_of_two(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    for (size_t r = 0; r < sizeof BINARIES / sizeof *BINARIES; r++) {
        const golden2 *g = &BINARIES[r];
        double a[9], b[9];
        for (int i = 0; i < 9; i++) a[i] = g->a, b[i] = g->b;
        rg_tensor *in[] = {leaf(t, a, 9), leaf(t, b, 9)}, *y = rg_apply(rg_op_find(g->op), RG_AT, RG_NO_ATTR, 2, in);
        rg_tensor *da = gradient(y, in[0]), *db = gradient(y, in[1]), *dab = gradient(da, in[1]), *dba = gradient(db, in[0]);
        for (int i = 0; i < 9; i++) {
            near(g->op, "f", a[i], y, i, g->y, 4e-15, 0);
            near(g->op, "df/da", a[i], da, i, g->da, 1e-14, 1e-300);
            near(g->op, "df/db", a[i], db, i, g->db, 1e-14, 1e-300);
            near(g->op, "d2f/dadb", a[i], dab, i, g->dab, 1e-14, 1e-15);
            near(g->op, "d2f/dbda", a[i], dba, i, g->dab, 1e-14, 1e-15);
        }
    }
}

/* -------- where a function has a kink, an end or a pole: value, slope, second slope. PyTorch's, but where it says so. */

typedef struct edge { const char *op; double p, q, x, y, d1, d2; } edge;
static const edge EDGES[] = {
    {"clamp", -.75, 1.25, -.75, -.75, 1, 0}, {"clamp", -.75, 1.25, 1.25, 1.25, 1, 0}, {"clamp", -.75, 1.25, NAN, NAN, 1, 0},
    {"clamp", 2, 1, 0, 1, 0, 0}, {"clamp", 2, 1, 1.5, 1, 0, 0}, {"clamp", 2, 1, 3, 1, 0, 0}, {"clamp", 0, INFINITY, -INFINITY, 0, 0, 0},
    {"softshrink", .5, 0, -.5, 0, 0, 0}, {"softshrink", .5, 0, .5, 0, 0, 0}, {"softshrink", .5, 0, NAN, NAN, 1, 0},
    {"softshrink", .5, 0, -INFINITY, -INFINITY, 1, 0}, {"softshrink", -1, 0, .5, 1.5, 1, 0}, {"softshrink", -1, 0, -2, -3, 1, 0},
    {"hardtanh", 0, 0, -1, -1, 0, 0}, {"hardtanh", 0, 0, 1, 1, 0, 0}, {"hardtanh", 0, 0, NAN, NAN, 1, 0},
    {"hardtanh", 0, 0, -INFINITY, -1, 0, 0},
    {"hardsigmoid", 0, 0, -3, 0, 0, 0}, {"hardsigmoid", 0, 0, 3, 1, 0, 0}, {"hardsigmoid", 0, 0, INFINITY, 1, 0, 0},
    {"leaky_relu", .25, 0, 0, 0, .25, 0}, {"leaky_relu", .25, 0, -INFINITY, -INFINITY, .25, 0}, {"leaky_relu", .25, 0, NAN, NAN, .25, 0},
    {"elu", .75, 0, 0, 0, .75, .75}, {"elu", .75, 0, -INFINITY, -.75, 0, 0}, {"elu", .75, 0, INFINITY, INFINITY, 1, 0},
    {"selu", 0, 0, 0, 0, 1.7580993408473766, 1.7580993408473766}, {"selu", 0, 0, INFINITY, INFINITY, 1.0507009873554805, 0},
    {"softsign", 0, 0, 0, 0, 1, 0}, {"softsign", 0, 0, DBL_MAX, 1, 0, 0},
    {"log_sigmoid", 0, 0, -INFINITY, -INFINITY, 1, 0}, {"log_sigmoid", 0, 0, INFINITY, 0, 0, 0},
    {"asin", 0, 0, 1, 1.5707963267948966, INFINITY, NAN}, {"acos", 0, 0, 2, NAN, NAN, NAN},
    {"log1p", 0, 0, -1, -INFINITY, INFINITY, -INFINITY},
    {"rsqrt", 0, 0, 0, INFINITY, -INFINITY, INFINITY}, {"reciprocal", 0, 0, -0.0, -INFINITY, -INFINITY, -INFINITY},
    {"expm1", 0, 0, -INFINITY, -1, 0, 0}, {"atan", 0, 0, INFINITY, 1.5707963267948966, 0, NAN}, {"sin", 0, 0, INFINITY, NAN, NAN, NAN}};

static void conventions(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    for (size_t r = 0; r < sizeof EDGES / sizeof *EDGES; r++) {
        const edge *e = &EDGES[r];
        rg_tensor *x = leaf(t, (double[]){e->x, e->x, e->x, e->x, e->x}, 5), *plain;
        rg_tensor *y = rg_apply(rg_op_find(e->op), RG_AT, (rg_attr){.p = e->p, .q = e->q}, 1, &x), *d1 = gradient(y, x);
        rg_tensor *d2 = rg_needs_grad(d1) ? gradient(d1, x) : rg_full_like(x, 0);
        assert_int_equal(rg_grad(y, rg_list_of(x), &plain, .dy = rg_full_like(y, 1)), 0);
        for (int i = 0; i < 5; i++) {
            near(e->op, "f", e->x, y, i, e->y, 1e-15, 0);
            near(e->op, "f' (kernel)", e->x, plain, i, e->d1, 1e-15, 0);
            near(e->op, "f' (ops)", e->x, d1, i, e->d1, 1e-15, 0);
            near(e->op, "f''", e->x, d2, i, e->d2, 1e-15, 0);
        }
    }
}

/* a^b at the edges, as PyTorch has it: 0 for da where b is 0, 0 for db where a is 0 and b is not negative. Unlike there, second
   derivatives have no NaN from what was not chosen. */
static void powers_of_zero(void **state) {
    rg_tape *t = *state;
    static const struct { double a, b, y, da, db, daa, dab; } rows[] = {
        {0, 0, 1, 0, 0, 0, 1}, {0, 1, 0, 1, 0, 0, 1}, {0, 2, 0, 0, 0, 2, 0}, {0, .5, 0, INFINITY, 0, -INFINITY, NAN},
        {0, -1, INFINITY, -INFINITY, -INFINITY, INFINITY, INFINITY}, {5e-324, 0, 1, 0, -744.44007192138122, 0, 1},
        {NAN, 0, 1, 0, NAN, 0, 1},
        {-2, 3, -8, 12, NAN, -12, NAN}, {-2, 2, 4, -4, NAN, 2, NAN}, {4, 0, 1, 0, 1.3862943611198906, 0, .25}};
    rg_set_default_dtype(t, RG_F64);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const double x = rows[r].a, b = rows[r].b;
        rg_tensor *in[] = {leaf(t, (double[]){x, x, x, x, x}, 5), leaf(t, (double[]){b, b, b, b, b}, 5)}, *y = rg_pow(in[0], in[1]),
            *plain[2];
        rg_tensor *da = gradient(y, in[0]), *db = gradient(y, in[1]), *daa = gradient(da, in[0]), *dab = gradient(da, in[1]);
        assert_int_equal(rg_grad(y, rg_list_of_n(2, in), plain, .dy = rg_full_like(y, 1)), 0);
        for (int i = 0; i < 5; i++) {
            near("pow", "a^b", x, y, i, rows[r].y, 1e-15, 0);
            near("pow", "d/da (kernel)", x, plain[0], i, rows[r].da, 1e-15, 0);
            near("pow", "d/db (kernel)", x, plain[1], i, rows[r].db, 1e-14, 0);
            near("pow", "d/da (ops)", x, da, i, rows[r].da, 1e-15, 0);
            near("pow", "d/db (ops)", x, db, i, rows[r].db, 1e-14, 0);
            near("pow", "d2/dada", x, daa, i, rows[r].daa, 1e-15, 0);
            near("pow", "d2/dadb", x, dab, i, rows[r].dab, 1e-14, 0);
        }
    }
}

static void logaddexp_of_infinities(void **state) {
    rg_tape *t = *state;
    static const double a[] = {INFINITY, -INFINITY, INFINITY, -INFINITY, NAN, 1, -INFINITY},
        b[] = {INFINITY, -INFINITY, 1, 1, 1, NAN, INFINITY};
    static const double should[] = {INFINITY, -INFINITY, INFINITY, 1, NAN, NAN, INFINITY};
    rg_tensor *y = rg_logaddexp(leaf(t, a, 7), leaf(t, b, 7));
    for (int i = 0; i < 7; i++) near("logaddexp", "f", a[i], y, i, should[i], 0, 0);
}

/* -------- comparisons and truth: 0 or 1 in the operands' dtype. NaN equals nothing, is neither below nor above, and is true. */

static void truth_tables(void **state) {
    rg_tape *t = *state;
    static const double a[] = {0, 0, 1, 1, -0.0, NAN, NAN, -2, INFINITY}, b[] = {0, 1, 0, 1, 0, 0, NAN, 3, INFINITY};
    static const struct { const char *op; int should[9]; } rows[] = {
        {"lt", {0, 1, 0, 0, 0, 0, 0, 1, 0}}, {"le", {1, 1, 0, 1, 1, 0, 0, 1, 1}}, {"gt", {0, 0, 1, 0, 0, 0, 0, 0, 0}},
        {"ge", {1, 0, 1, 1, 1, 0, 0, 0, 1}}, {"eq", {1, 0, 0, 1, 1, 0, 0, 0, 1}}, {"ne", {0, 1, 1, 0, 0, 1, 1, 1, 0}},
        {"logical_and", {0, 0, 0, 1, 0, 0, 1, 1, 1}}, {"logical_or", {0, 1, 1, 1, 0, 1, 1, 1, 1}},
        {"logical_xor", {0, 1, 1, 0, 0, 1, 0, 0, 0}},
        {"logical_not", {1, 1, 0, 0, 1, 0, 0, 0, 0}}};
    for (int k = 0; k < 2; k++) {
        rg_set_default_dtype(t, dtypes[k]);
        rg_tensor *in[] = {leaf(t, a, 9), leaf(t, b, 9)};
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            const rg_op *op = rg_op_find(rows[r].op);
            const rg_tensor *y = rg_apply(op, RG_AT, RG_NO_ATTR, op->arity, in);
            assert_int_equal(y->dtype, dtypes[k]);
            assert_false(rg_needs_grad(y));
            for (int i = 0; i < 9; i++) assert_element(y, i, rows[r].should[i]);
        }
    }
}

static void whole_numbers_and_angles(void **state) {
    rg_tape *t = *state;
    static const double x[] = {-1.5, -1, -.25, 0, .75, 1, 1e9, -INFINITY}, should[] = {-2, -1, -1, 0, 0, 1, 1e9, -INFINITY};
    rg_tensor *y = rg_floor(leaf(t, x, 8));
    for (int i = 0; i < 8; i++) assert_element(y, i, should[i]);
    static const double up[] = {-1, -1, 0, 0, 1, 1, 1e9, -INFINITY}, even[] = {-2, -1, 0, 0, 1, 1, 1e9, -INFINITY};
    rg_tensor *c = rg_ceil(leaf(t, x, 8)), *r = rg_round(leaf(t, x, 8)), *finite = rg_isfinite(leaf(t, x, 8));
    for (int i = 0; i < 8; i++) assert_true(element(c, i) == up[i] && element(r, i) == even[i] && element(finite, i) == (i < 7));
    VALUES(rg_round(leaf(t, (const double[]){.5, 1.5, 2.5, -.5, -3.5, 2.6}, 6)), 0, 2, 2, 0, -4, 3);
    VALUES(rg_isnan(leaf(t, (const double[]){NAN, INFINITY, 0}, 3)), 1, 0, 0);
    VALUES(rg_log2(leaf(t, (const double[]){.125, 1, 1024}, 3)), -3, 0, 10);
    assert_true(isnan(element(rg_floor(rg_full(t, NAN)), 0)));
    assert_false(rg_needs_grad(y));
}

/* Where a NaN is among the operands dy goes on to the parameters: no case of the derivative holds, and none may hide it. */
static void gradients_at_nan(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 2; k++) {
        rg_set_default_dtype(t, dtypes[k]);
        rg_tensor *x = rg_requires_grad(rg_full(t, NAN, 19), true), *one = rg_requires_grad(rg_full(t, 1, 19), true),
            *dy = rg_full(t, 3, 19), *dx[2];
        rg_tensor *const ys[] = {rg_relu(x), rg_hardtanh(x), rg_clamp(x, -1, 1), rg_hardsigmoid(x), rg_abs(x), rg_maximum(x, one),
            rg_maximum(one, x),
            rg_minimum(x, one), rg_minimum(one, x), rg_maximum(x, x), rg_leaky_relu(x, .25)};
        static const double of_nan[] = {3, 3, 3, .5, 0, 3, 3, 3, 3, 6, .75};
        for (size_t i = 0; i < sizeof ys / sizeof *ys; i++)
            for (int graph = 0; graph < 2; graph++) {
                assert_true(isnan(element(ys[i], 0)));
                assert_int_equal(rg_grad(ys[i], rg_list_of(x, one), dx, .dy = dy, .create_graph = graph), 0);
                for (int j = 0; j < 19; j++) {
                    if (element(dx[0], j) != of_nan[i])
                        fail_msg("%s: the gradient is %g, should be %g", ys[i]->op->name, element(dx[0], j), of_nan[i]);
                    if (i >= 5 && i < 9 && element(dx[1], j) != 3)
                        fail_msg("%s: the gradient of 1 is %g, should be 3", ys[i]->op->name, element(dx[1], j));
                }
            }
    }
}

/* The exponent is a double, also of floats: rounded to a float it costs a large power many digits. */
static void powers_by_exponents_that_no_float_holds(void **state) {
    rg_tape *t = *state;
    static const double exponents[] = {8.837869095054876, -8.837869095054876, 1. / 3, 1e-9, 20.1},
        bases[] = {6.5, .01, 1e-30, 3e37, 1.5, 2, 7, 100, 1};
    for (int k = 0; k < 5; k++) {
        rg_tensor *x = rg_requires_grad(rg_input(t, bases, 9), true), *y = rg_pow_scalar(x, exponents[k]), *dy = rg_full_like(y, 1), *dx,
                  *graph;
        assert_int_equal(rg_grad(y, rg_list_of(x), &dx, .dy = dy), 0);
        assert_int_equal(rg_grad(y, rg_list_of(x), &graph, .dy = dy, .create_graph = true), 0);
        for (int i = 0; i < 9; i++) {
            const double b = (double)(float)bases[i], e = exponents[k];
            near("pow_scalar", "value", b, y, i, pow(b, e), 1e-7, (double)FLT_MIN);
            near("pow_scalar", "gradient", b, dx, i, e * pow(b, e - 1), 2.5e-7, (double)FLT_MIN);
            near("pow_scalar", "recorded gradient", b, graph, i, e * pow(b, e - 1), 2.5e-7, (double)FLT_MIN);
        }
    }
    rg_tensor *zero = rg_full(t, 0, 1), *inf = rg_full(t, INFINITY, 1);
    assert_true(rg_item(rg_pow_scalar(zero, .1)) == 0 && isinf(rg_item(rg_pow_scalar(zero, -.1))));
    assert_true(rg_item(rg_pow_scalar(inf, -.1)) == 0 && isinf(rg_item(rg_pow_scalar(inf, .1))) &&
        isnan(rg_item(rg_pow_scalar(rg_full(t, -1, 1), .1))));
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(values_and_derivatives), CASE(values_and_derivatives_of_two), CASE(conventions),
        CASE(powers_of_zero),
        CASE(logaddexp_of_infinities), CASE(truth_tables), CASE(whole_numbers_and_angles), CASE(gradients_at_nan),
        CASE(powers_by_exponents_that_no_float_holds)};
    return RUN("functions", cases);
}
