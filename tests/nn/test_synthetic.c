/* test_synthetic.c - data sets that the program makes: points by their geometry, digits by statistics, bytes and a simple classifier. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "nn/data.h"
#include "tests/support/meter.h"

static const double pi = 3.14159265358979323846;
static meter memory;
static rg_tape *t;

static int setup(void **state) {
    (void)state;
    memory = (meter){.fail_at = -1};
    t = metered_tape(&memory, false, 3);
    rg_set_default_dtype(t, RG_F64);
    return t ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    rg_tape_free(t);
    return memory.out == 0 ? 0 : -1;
}

static void assert_near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g, not %.17g", a, b);
}

/* x [n, 2] f64, y [n], as many points per class as can be, all kept over a reset */
static void assert_points(rg_dataset d, int64_t n, int classes) {
    int64_t count[16] = {0};
    assert_null(rg_error(t));
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
    assert_int_equal(rg_dtype_of(d.x), RG_F64);
    assert_memory_equal(rg_shape(d.x), ((int64_t[]){n, 2}), 2 * sizeof(int64_t));
    assert_int_equal(rg_ndim(d.y), 1);
    assert_int_equal(rg_dim(d.y, 0), n);
    assert_int_equal(d.classes, classes);
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(rg_i32(d.y)[i], 0, classes - 1);
        count[rg_i32(d.y)[i]]++;
    }
    for (int k = 0; k < classes; k++) assert_int_equal(count[k], n / classes + (k >= classes - n % classes));
}

static void xor_table(void **state) {
    (void)state;
    const rg_rng before = *rg_tape_rng(t);
    rg_dataset d = rg_make_xor(t, 4, 0);
    assert_points(d, 4, 2);
    assert_memory_equal(rg_f64(d.x), ((double[]){0, 0, 0, 1, 1, 0, 1, 1}), 8 * sizeof(double));
    assert_memory_equal(rg_i32(d.y), ((int32_t[]){0, 1, 1, 0}), 4 * sizeof(int32_t));
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before); /* nothing drawn where nothing is random */
}

static void xor_noisy(void **state) {
    (void)state;
    rg_dataset d = rg_make_xor(t, 4000, 0.1);
    assert_points(d, 4000, 2);
    double sum = 0, square = 0;
    for (int i = 0; i < 4000; i++)
        for (int k = 0; k < 2; k++) {
            const double e = rg_f64(d.x)[2 * i + k] - (k ? i & 1 : i >> 1 & 1);
            sum += e, square += e * e;
        }
    assert_near(sum / 8000, 0, 0.005);
    assert_near(sqrt(square / 8000), 0.1, 0.003);
}

/* Ends included, so that the horns of the moons are there; n odd gives the second moon one more. */
static void moons(void **state) {
    (void)state;
    rg_dataset d = rg_make_moons(t, 201, 0);
    assert_points(d, 201, 2);
    const double *x = rg_f64(d.x);
    int horns = 0;
    for (int i = 0; i < 201; i++) {
        const int inner = rg_i32(d.y)[i];
        const double a = inner ? 1 - x[2 * i] : x[2 * i], b = inner ? 0.5 - x[2 * i + 1] : x[2 * i + 1];
        assert_near(a * a + b * b, 1, 1e-12);
        assert_true(b > -1e-12);
        horns += fabs(b) < 1e-12;
        const double step = acos(fmax(-1, fmin(1, a))) / pi * (inner ? 100 : 99); /* evenly spaced */
        assert_near(step, round(step), 1e-5);
    }
    assert_int_equal(horns, 4);
}

static void circles(void **state) {
    (void)state;
    rg_dataset d = rg_make_circles(t, 101, 0.25, 0);
    assert_points(d, 101, 2);
    double sum[2] = {0};
    for (int i = 0; i < 101; i++) {
        const double *p = rg_f64(d.x) + 2 * i;
        assert_near(hypot(p[0], p[1]), rg_i32(d.y)[i] ? 0.25 : 1, 1e-12);
        sum[0] += p[0], sum[1] += p[1];
    }
    assert_near(sum[0], 0, 1e-9); /* evenly spaced, no point twice */
    assert_near(sum[1], 0, 1e-9);
}

static void spirals(void **state) {
    (void)state;
    rg_dataset d = rg_make_spirals(t, 302, 3, 0);
    assert_points(d, 302, 3);
    double largest = 0;
    for (int i = 0; i < 302; i++) {
        const double *p = rg_f64(d.x) + 2 * i, r = hypot(p[0], p[1]), angle = 2 * pi * (rg_i32(d.y)[i] / 3. + r);
        assert_near(p[0], r * cos(angle), 1e-12);
        assert_near(p[1], r * sin(angle), 1e-12);
        assert_true(r > 0);
        largest = fmax(largest, r);
    }
    assert_near(largest, 1, 1e-12);
}

/* Point permutation(n)[k] of the moons, in their order, is row k; then the noise of row after row. */
static void moons_as_numpy_draws(void **state) {
    (void)state;
    rg_rng r;
    int64_t order[50];
    rg_rng_seed(&r, 3);
    rg_dataset d = rg_make_moons(t, 50, 0.3);
    rg_rng_permutation(&r, 50, order);
    for (int k = 0; k < 50; k++) {
        const int inner = order[k] >= 25;
        const double angle = pi * (double)(order[k] % 25) / 24, a = rg_rng_normal(&r, 0, 0.3), b = rg_rng_normal(&r, 0, 0.3);
        assert_int_equal(rg_i32(d.y)[k], inner);
        assert_near(rg_f64(d.x)[2 * k], a + (inner ? 1 - cos(angle) : cos(angle)), 1e-12);
        assert_near(rg_f64(d.x)[2 * k + 1], b + (inner ? 0.5 - sin(angle) : sin(angle)), 1e-12);
    }
    assert_memory_equal(&r, rg_tape_rng(t), sizeof r);
}

static void points_in_f32(void **state) {
    (void)state;
    rg_dataset d = rg_make_spirals(t, 60, 2, 0.1);
    rg_rng_seed(rg_tape_rng(t), 3);
    rg_set_default_dtype(t, RG_F32);
    rg_dataset f = rg_make_spirals(t, 60, 2, 0.1);
    assert_int_equal(rg_dtype_of(f.x), RG_F32);
    for (int i = 0; i < 120; i++) assert_true(rg_f32(f.x)[i] == (float)rg_f64(d.x)[i]);
}

static void one_point_a_class(void **state) {
    (void)state;
    assert_points(rg_make_spirals(t, 16, 16, 0), 16, 16);
    rg_tape *again = t;
    assert_false(rg_failed(rg_make_moons(again, 2, 0).x));
    assert_false(rg_failed(rg_make_spirals(again, 1, 1, 0).x));
}

/* -------- refusals */

static rg_dataset few_xor(void) { return rg_make_xor(t, 1, 0); }
static rg_dataset no_moons(void) { return rg_make_moons(t, 0, 0.1); }
static rg_dataset negative_n(void) { return rg_make_moons(t, -5, 0.1); }
static rg_dataset endless_n(void) { return rg_make_moons(t, INT64_MAX, 0.1); }
static rg_dataset negative_noise(void) { return rg_make_moons(t, 10, -0.1); }
static rg_dataset nan_noise(void) { return rg_make_xor(t, 10, (double)NAN); }
static rg_dataset endless_noise(void) { return rg_make_spirals(t, 10, 2, (double)INFINITY); }
static rg_dataset factor_one(void) { return rg_make_circles(t, 10, 1, 0); }
static rg_dataset negative_factor(void) { return rg_make_circles(t, 10, -0.5, 0); }
static rg_dataset nan_factor(void) { return rg_make_circles(t, 10, (double)NAN, 0); }
static rg_dataset no_arms(void) { return rg_make_spirals(t, 10, 0, 0); }
static rg_dataset many_arms(void) { return rg_make_spirals(t, 10, 11, 0); }
static rg_dataset no_digits(void) { return rg_make_digits(t, 0); }
static rg_dataset endless_digits(void) { return rg_make_digits(t, INT64_MAX / 100); }

typedef struct refusal { const char *name; rg_dataset (*make)(void); rg_code code; const char *says; } refusal;
static const refusal refusals[] = {
    {"xor of 1 point", few_xor, RG_EVALUE, "rg_make_xor: 1 points of 2 classes (test_synthetic.c:"},
    {"moons of 0 points", no_moons, RG_EVALUE, "rg_make_moons: 0 points of 2 classes"},
    {"moons of -5 points", negative_n, RG_EVALUE, "rg_make_moons: -5 points of 2 classes"},
    {"moons of too many points", endless_n, RG_ESHAPE, "overflow"},
    {"negative noise", negative_noise, RG_EVALUE, "rg_make_moons: the noise is -0.1, not a standard deviation"},
    {"noise NaN", nan_noise, RG_EVALUE, "the noise is"},
    {"noise infinite", endless_noise, RG_EVALUE, "the noise is inf"},
    {"circles of factor 1", factor_one, RG_EVALUE, "rg_make_circles: the factor is 1, not 0 <= factor < 1"},
    {"circles of factor -0.5", negative_factor, RG_EVALUE, "the factor is -0.5"},
    {"circles of factor NaN", nan_factor, RG_EVALUE, "the factor is"},
    {"spirals without arms", no_arms, RG_EVALUE, "rg_make_spirals: 10 points of 0 classes"},
    {"spirals of more arms than points", many_arms, RG_EVALUE, "rg_make_spirals: 10 points of 11 classes"},
    {"no digits", no_digits, RG_EVALUE, "rg_make_digits: 0 images"},
    {"too many digits", endless_digits, RG_ESHAPE, "overflow"},
};

static void refused(void **state) {
    const refusal *r = *state;
    const rg_rng before = *rg_tape_rng(t);
    rg_dataset d = r->make();
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_int_equal(rg_error_code(t), r->code);
    if (!strstr(rg_error(t), r->says)) fail_msg("'%s' is not in '%s'", r->says, rg_error(t));
    assert_int_equal(rg_memory(t).tensors, 0);
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before);
}

static rg_dataset make_moons(rg_tape *tape) { return rg_make_moons(tape, 10, 0.1); }
static rg_dataset make_digits(rg_tape *tape) { return rg_make_digits(tape, 10); }
typedef struct maker { const char *name; rg_dataset (*make)(rg_tape *tape); } maker;
static const maker makers[] = {{"moons", make_moons}, {"digits", make_digits}};

static void out_of_memory(void **state) {
    const maker *k = *state;
    for (int64_t i = 0;; i++) {
        meter m = {.fail_at = -1, .for_good = true};
        rg_tape *tape = metered_tape(&m, true, 1);
        m.fail_at = m.calls + i;
        const bool failed = rg_failed(k->make(tape).x);
        if (failed) {
            assert_int_equal(rg_error_code(tape), RG_ENOMEM);
            assert_int_equal(rg_memory(tape).tensors, 0);
            m.fail_at = -1;
            rg_error_clear(tape);
            assert_false(rg_failed(k->make(tape).x));
        }
        rg_tape_free(tape);
        assert_int_equal(m.out, 0);
        if (!failed) {
            assert_in_range(i, 4, 20);
            break;
        }
    }
    assert_true(rg_failed(k->make(NULL).x));
}

/* -------- digits */

static void digits_balanced(void **state) {
    (void)state;
    int count[10] = {0}, moved = 0;
    rg_dataset d = rg_make_digits(t, 1003);
    assert_null(rg_error(t));
    rg_tape_reset(t);
    assert_int_equal(rg_dtype_of(d.x), RG_U8);
    assert_memory_equal(rg_shape(d.x), ((int64_t[]){1003, 28, 28}), 3 * sizeof(int64_t));
    assert_int_equal(d.classes, 10);
    assert_string_equal(d.class_names[4], "4");
    for (int i = 0; i < 1003; i++) count[rg_i32(d.y)[i]]++, moved += rg_i32(d.y)[i] != i % 10;
    for (int k = 0; k < 10; k++) assert_int_equal(count[k], 100 + (k < 3));
    assert_in_range(moved, 850, 950); /* the order is random */
}

static void digits_reproducible(void **state) {
    (void)state;
    rg_dataset a = rg_make_digits(t, 200), b = rg_make_digits(t, 200);
    assert_memory_not_equal(rg_u8(a.x), rg_u8(b.x), 200 * 784);
    assert_int_equal(crc32(0, rg_u8(a.x), 200 * 784), 0x7050495e); /* on every machine */
    rg_rng_seed(rg_tape_rng(t), 3);
    rg_dataset c = rg_make_digits(t, 200);
    assert_memory_equal(rg_u8(a.x), rg_u8(c.x), 200 * 784);
    assert_memory_equal(rg_i32(a.y), rg_i32(c.y), 200 * sizeof(int32_t));
}

/* About as much ink as in MNIST, in the middle rather than at the border, in gray tones, and no image twice. */
static void digits_look(void **state) {
    (void)state;
    enum { N = 2000 };
    rg_dataset d = rg_make_digits(t, N);
    const uint8_t *x = rg_u8(d.x);
    int64_t all = 0, border = 0, gray = 0;
    for (int i = 0; i < N; i++) {
        int brightest = 0, lit = 0;
        for (int p = 0; p < 784; p++) {
            const int v = x[784 * i + p], row = p / 28, column = p % 28;
            all += v;
            if (row < 2 || row > 25 || column < 2 || column > 25) border += v;
            gray += v > 60 && v < 140;
            if (v > brightest) brightest = v;
            lit += v > 60;
        }
        assert_in_range(brightest, 120, 255);
        assert_in_range(lit, 10, 350);
        if (i) assert_memory_not_equal(x + 784 * i, x + 784 * (i - 1), 784);
    }
    assert_in_range(all / N / 784, 24, 36); /* MNIST: 33 */
    assert_true(border * 12 < all);         /* a quarter of the area, of even noise the larger share */
    assert_in_range(gray / N, 15, 90);      /* soft edges */
}

/* The nearest of ten mean images knows most digits, so the labels are right, but not all, so it is no game. */
static void digits_learnable(void **state) {
    (void)state;
    enum { N = 3000, TEST = 500 };
    static double mean[10][784];
    memset(mean, 0, sizeof mean);
    rg_dataset d = rg_make_digits(t, N + TEST);
    const uint8_t *x = rg_u8(d.x);
    const int32_t *y = rg_i32(d.y);
    for (int i = 0; i < N; i++)
        for (int p = 0; p < 784; p++) mean[y[i]][p] += x[784 * i + p] / (N / 10.);
    int right = 0;
    for (int i = N; i < N + TEST; i++) {
        int best = 0;
        double nearest = 1e30;
        for (int k = 0; k < 10; k++) {
            double distance = 0;
            for (int p = 0; p < 784; p++) distance += (mean[k][p] - x[784 * i + p]) * (mean[k][p] - x[784 * i + p]);
            if (distance < nearest) nearest = distance, best = k;
        }
        right += best == y[i];
    }
    assert_in_range(right, TEST * 60 / 100, TEST * 90 / 100);
}

int main(void) {
    cases c = {0};
#define CASE(f, state, ...) \
    (cases_add(&c, f, state, __VA_ARGS__), c.items[c.count - 1].setup_func = setup, c.items[c.count - 1].teardown_func = teardown)
    CASE(xor_table, NULL, "xor: the table");
    CASE(xor_noisy, NULL, "xor: noise");
    CASE(moons, NULL, "moons");
    CASE(moons_as_numpy_draws, NULL, "moons: order and noise as NumPy draws them");
    CASE(circles, NULL, "circles");
    CASE(spirals, NULL, "spirals");
    CASE(points_in_f32, NULL, "points in f32");
    CASE(one_point_a_class, NULL, "one point a class");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) CASE(refused, &refusals[i], "refused: %s", refusals[i].name);
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) CASE(out_of_memory, &makers[i], "out of memory: %s", makers[i].name);
    CASE(digits_balanced, NULL, "digits: balanced");
    CASE(digits_reproducible, NULL, "digits: reproducible");
    CASE(digits_look, NULL, "digits: what they look like");
    CASE(digits_learnable, NULL, "digits: learnable");
    return cases_run(&c, "synthetic");
}
