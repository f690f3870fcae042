/* test_math.c - the functions of engine/math for each dtype and instruction set: the same bits, at edges what annex F of C99 says, no jump
   where formulas meet, symmetry, ranges, huge angles. How far they are from the truth is for ulps.c. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/support/cases.h"

#include "math_points.h"

#include "golden_math.h"

#define TINY 5e-324 /* the smallest number of the type in question */

static const math_loop *loop_of(int isa, bool f64, const char *name) {
    const math_loop *loops = math_loops[isa][f64]();
    for (int k = 0; k < MATH_LOOPS; k++)
        if (!strcmp(loops[k].name, name)) return &loops[k];
    fail_msg("there is no %s", name);
    return loops;
}

/* The function at one point, whose numbers are rounded to the type. */
static double at(int isa, bool f64, const char *name, double x, double b) {
    const math_loop *f = loop_of(isa, f64, name);
    if (f64) {
        double y;
        return f->loop(1, &x, &b, &y), y;
    }
    const float xf = x == TINY ? 0x1p-149f : x == -TINY ? -0x1p-149f : (float)x, bf = (float)b;
    float y;
    return f->loop(1, &xf, &bf, &y), (double)y;
}

static double rounded(bool f64, double v) {
    return f64 ? v : v == TINY ? (double)0x1p-149f : v == -TINY ? -(double)0x1p-149f : (double)(float)v;
}
static double ulp_of(bool f64, double v) {
    int e;
    frexp(v, &e);
    return ldexp(1, e - (f64 ? DBL_MANT_DIG : FLT_MANT_DIG));
}
static bool same(double a, double b) { return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b); }

#define EACH_KIND(isa, f64) for (int isa = 0; isa <= rg_best_isa(); isa++) for (int f64 = 0; f64 < 2; f64++)

/* -------- the same bits */

static void bits_are_golden(void **state) {
    const golden_function *g = *state;
    EACH_KIND(isa, f64) {
        const uint64_t hash = hash_of(loop_of(isa, f64, g->name), f64), should = f64 ? g->f64 : g->f32;
        if (hash != should) fail_msg("%s, f%d, instruction set %d: %016llx", g->name, f64 ? 64 : 32, isa, (unsigned long long)hash);
    }
}

/* What a loop's remainder computes is what its vectors do. */
static void remainders_have_the_same_bits(void **state) {
    (void)state;
    enum { N = 70 };
    EACH_KIND(isa, f64) {
        const size_t size = f64 ? sizeof(double) : sizeof(float);
        for (int k = 0; k < MATH_LOOPS; k++) {
            const math_loop *f = &math_loops[isa][f64]()[k];
            char x[N * sizeof(double)], b[N * sizeof(double)], whole[N * sizeof(double)], one[sizeof(double)];
            for (int i = 0; i < N; i++) {
                const double v = .01 + .0137 * i, w = i - 35.;
                const float vf = (float)v, wf = (float)w;
                memcpy(x + i * (int)size, f64 ? (const void *)&v : &vf, size);
                memcpy(b + i * (int)size, f64 ? (const void *)&w : &wf, size);
            }
            f->loop(N, x, b, whole);
            for (size_t i = 0; i < N; i++) {
                f->loop(1, x + i * size, b + i * size, one);
                if (memcmp(one, whole + i * size, size))
                    fail_msg("%s, f%d, instruction set %d, element %zu", f->name, f64 ? 64 : 32, isa, i);
            }
        }
    }
}

/* -------- edges */

static const struct { const char *f; double x, y; } edges[] = {
    {"exp", 0, 1}, {"exp", -0., 1}, {"exp", INFINITY, INFINITY}, {"exp", -INFINITY, 0}, {"exp", 1000, INFINITY}, {"exp", -1000, 0},
    {"exp", TINY, 1},
    {"exp2", 0, 1}, {"exp2", -0., 1}, {"exp2", INFINITY, INFINITY}, {"exp2", -INFINITY, 0}, {"exp2", 5000, INFINITY}, {"exp2", -5000, 0},
    {"exp2", TINY, 1}, {"exp2", 10, 1024}, {"exp2", -126, 0x1p-126},
    {"expm1", 0, 0}, {"expm1", -0., -0.}, {"expm1", INFINITY, INFINITY}, {"expm1", -INFINITY, -1}, {"expm1", 1000, INFINITY},
    {"expm1", -1000, -1},
    {"log", 0, -INFINITY}, {"log", -0., -INFINITY}, {"log", 1, 0}, {"log", -1, NAN}, {"log", -TINY, NAN}, {"log", INFINITY, INFINITY},
    {"log", -INFINITY, NAN},
    {"log2", 0, -INFINITY}, {"log2", -0., -INFINITY}, {"log2", 1, 0}, {"log2", -1, NAN}, {"log2", INFINITY, INFINITY},
    {"log2", -INFINITY, NAN},
    {"log1p", 0, 0}, {"log1p", -0., -0.}, {"log1p", -1, -INFINITY}, {"log1p", -1.5, NAN}, {"log1p", INFINITY, INFINITY},
    {"log1p", -INFINITY, NAN},
    {"tanh", 0, 0}, {"tanh", -0., -0.}, {"tanh", INFINITY, 1}, {"tanh", -INFINITY, -1}, {"tanh", 1e30, 1}, {"tanh", -1e30, -1},
    {"sigmoid", 0, .5}, {"sigmoid", -0., .5}, {"sigmoid", INFINITY, 1}, {"sigmoid", -INFINITY, 0}, {"sigmoid", 1000, 1},
    {"sigmoid", -1000, 0}, {"sigmoid", TINY, .5},
    {"sinh", 0, 0}, {"sinh", -0., -0.}, {"sinh", INFINITY, INFINITY}, {"sinh", -INFINITY, -INFINITY}, {"sinh", 1000, INFINITY},
    {"sinh", -1000, -INFINITY},
    {"cosh", 0, 1}, {"cosh", -0., 1}, {"cosh", INFINITY, INFINITY}, {"cosh", -INFINITY, INFINITY}, {"cosh", -1000, INFINITY},
    {"asin", 0, 0}, {"asin", -0., -0.}, {"asin", 1, M_PI_2}, {"asin", -1, -M_PI_2}, {"asin", 1.125, NAN}, {"asin", -INFINITY, NAN},
    {"acos", 1, 0}, {"acos", -1, M_PI}, {"acos", 0, M_PI_2}, {"acos", -0., M_PI_2}, {"acos", 1.125, NAN}, {"acos", INFINITY, NAN},
    {"atan", 0, 0}, {"atan", -0., -0.}, {"atan", INFINITY, M_PI_2}, {"atan", -INFINITY, -M_PI_2}, {"atan", 1, M_PI_4},
    {"atan", 1e30, M_PI_2},
    {"erf", 0, 0}, {"erf", -0., -0.}, {"erf", INFINITY, 1}, {"erf", -INFINITY, -1}, {"erf", 9, 1}, {"erf", -9, -1}, {"erf", TINY, TINY},
    {"erfc", 0, 1}, {"erfc", -0., 1}, {"erfc", INFINITY, 0}, {"erfc", -INFINITY, 2}, {"erfc", 30, 0}, {"erfc", -30, 2},
    {"sin", 0, 0}, {"sin", -0., -0.}, {"sin", INFINITY, NAN}, {"sin", -INFINITY, NAN},
    {"cos", 0, 1}, {"cos", -0., 1}, {"cos", INFINITY, NAN}, {"cos", TINY, 1},
    {"tan", 0, 0}, {"tan", -0., -0.}, {"tan", INFINITY, NAN},
};

static void one_edge(const char *f, double x, double b, double y) {
    EACH_KIND(isa, f64) {
        const double is = at(isa, f64, f, x, b), should = rounded(f64, y);
        if (!same(is, should)) fail_msg("%s, f%d, instruction set %d: %g, %g give %a, not %a", f, f64 ? 64 : 32, isa, x, b, is, should);
    }
}

static void edges_are_right(void **state) {
    (void)state;
    static const char *const like_x[] = {"expm1", "log1p", "tanh", "sinh", "asin", "atan", "sin", "tan"}; /* near 0 */
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) one_edge(edges[i].f, edges[i].x, 0, edges[i].y);
    for (size_t i = 0; i < sizeof like_x / sizeof *like_x; i++) one_edge(like_x[i], TINY, 0, TINY), one_edge(like_x[i], -TINY, 0, -TINY);
    for (int k = 0; k < MATH_LOOPS; k++) one_edge(math_loops[0][0]()[k].name, NAN, 2, NAN);
    for (int k = -149; k < 128; k++) one_edge("log2", ldexp(1, k), 0, k), one_edge("exp2", k, 0, ldexp(1, k));
}

/* C99, F.9.4.4 */
static void powers_have_the_edges_of_annex_f(void **state) {
    (void)state;
    static const double p[][3] = {{0, -3, INFINITY}, {-0., -3, -INFINITY}, {0, -2, INFINITY}, {-0., -2, INFINITY}, {0, -2.5, INFINITY},
        {-0., -2.5, INFINITY}, {0, -INFINITY, INFINITY}, {-0., -INFINITY, INFINITY}, {0, 3, 0}, {-0., 3, -0.}, {0, 2, 0}, {-0., 2, 0},
        {-0., 2.5, 0}, {-0., INFINITY, 0}, {-1, INFINITY, 1}, {-1, -INFINITY, 1}, {1, NAN, 1}, {1, INFINITY, 1}, {1, -7, 1}, {NAN, 0, 1},
        {NAN, -0., 1}, {INFINITY, 0, 1}, {-2, -0., 1}, {0, 0, 1}, {-2, 2.5, NAN}, {-TINY, -1.5, NAN}, {.5, -INFINITY, INFINITY},
        {-.5, -INFINITY, INFINITY}, {2, -INFINITY, 0}, {-2, -INFINITY, 0}, {.5, INFINITY, 0}, {-.5, INFINITY, 0}, {2, INFINITY, INFINITY},
        {-2, INFINITY, INFINITY}, {-INFINITY, -3, -0.}, {-INFINITY, -2, 0}, {-INFINITY, -2.5, 0}, {-INFINITY, 3, -INFINITY},
        {-INFINITY, 2, INFINITY}, {-INFINITY, 2.5, INFINITY}, {INFINITY, -.5, 0}, {INFINITY, .5, INFINITY}, {2, NAN, NAN}, {NAN, 1, NAN},
        {-2, 3, -8}, {-2, 2, 4}, {-2, -1, -.5}, {2, 10, 1024}, {9, .5, 3}, {-2, 1e4, INFINITY}, {-2, 10001, -INFINITY}, {-2, -10001, -0.},
        {10, 1e300, INFINITY}, {.999, 1e300, 0}, {-1, 0x1p53, 1}, {-1, 16777215, -1}, {-1, 16777216, 1}, {TINY, 1, TINY}, {-TINY, 1, -TINY},
        {2, -2000, 0}};
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) one_edge("pow", p[i][0], p[i][1], p[i][2]);
    for (int isa = 0; isa <= rg_best_isa(); isa++) { /* odd numbers that no float holds */
        assert_true(at(isa, true, "pow", -1, 0x1p53 - 1) == -1);
        assert_true(at(isa, true, "pow", -1, 0x1p52 + 1) == -1);
    }
}

/* Of mpmath; the first two are the doubles and floats nearest to a multiple of pi/2. */
static void huge_angles_are_right(void **state) {
    (void)state;
    static const char *const names[] = {"sin", "cos", "tan"};
    static const struct { bool f64; double x, y[3]; } angles[] = {
        {true, 0x1.6ac5b262ca1ffp+849, {1, -0x1.14ae72e6ba22fp-61, -0x1.d9ba9a7975636p+60}},
        {false, 0x1.f37c8ap+95, {1, -0x1.bbdd52p-30, -0x1.274c1cp+29}},
        {true, 1e22, {-0x1.b453ab76bf397p-1, 0x1.0be2cef01c8f4p-1, -0x1.a0f79c1b6b257p+0}},
        {true, DBL_MAX, {0x1.452fc98b34e97p-8, -0x1.fffe62ecfab75p-1, -0x1.4530cfe729484p-8}},
        {true, 32768.5, {0x1.fc7334ee4fa4ap-1, -0x1.e1809a8e94e2ep-4, -0x1.0e53c66ec6ap+3}},
        {false, (double)FLT_MAX, {-0x1.0b3366p-1, 0x1.b4bf2cp-1, -0x1.393d94p-1}},
        {false, 32769, {0x1.a159fp-1, -0x1.28956cp-1, -0x1.683dfcp+0}},
    };
    for (size_t i = 0; i < sizeof angles / sizeof *angles; i++)
        for (int k = 0; k < 3; k++)
            for (int isa = 0; isa <= rg_best_isa(); isa++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    const double y = at(isa, angles[i].f64, names[k], sign * angles[i].x, 0), should = (k == 1 ? 1 : sign) * angles[i].y[k];
                    if (!(fabs(y - should) <= ulp_of(angles[i].f64, should)))
                        fail_msg("%s %a is %a, not %a", names[k], sign * angles[i].x, y, should);
                }
}

/* An angle that the loop for near ones leaves out has the others computed again: with the same bits. */
static void a_far_angle_changes_no_other(void **state) {
    (void)state;
    enum { N = 64 };
    static const char *const names[] = {"sin", "cos", "tan"};
    EACH_KIND(isa, f64) {
        for (int k = 0; k < 6; k++) {
            union { float f[N]; double d[N]; } x = {0}, y[2];
            const double step = k < 3 ? 500.1 : 1001.3; /* up to just below 2^15, and 2^16 */
            for (int i = 0; i < N; i++) f64 ? (x.d[i] = i * step) : (x.f[i] = (float)(i * step));
            loop_of(isa, f64, names[k % 3])->loop(N, &x, NULL, &y[0]);
            f64 ? (x.d[7] = 1e9) : (x.f[7] = 1e9f);
            loop_of(isa, f64, names[k % 3])->loop(N, &x, NULL, &y[1]);
            f64 ? (y[1].d[7] = y[0].d[7]) : (y[1].f[7] = y[0].f[7]);
            assert_memory_equal(&y[0], &y[1], N * (f64 ? sizeof(double) : sizeof(float)));
        }
    }
}

/* -------- shape */

/* No step back of more than 2 units in the last place where one formula ends and another begins. */
static void no_jump_where_formulas_meet(void **state) {
    (void)state;
    static const struct { const char *f; double joint, direction; } joints[] = {{"exp", .34657359, 1}, {"exp", -.34657359, 1},
        {"exp", 10.05, 1}, {"expm1", .34657359, 1}, {"expm1", -.34657359, 1}, {"log", .70710678, 1}, {"log", 1, 1}, {"log", 1.41421356, 1},
        {"log2", .70710678, 1}, {"log2", 1, 1}, {"log1p", -.29289322, 1}, {"log1p", .41421356, 1}, {"log1p", 1, 1}, {"tanh", .55, 1},
        {"tanh", 9, 1}, {"sinh", .5198, 1}, {"cosh", .5198, 1}, {"asin", .5, 1}, {"acos", .5, -1}, {"acos", -.5, -1}, {"atan", .5, 1},
        {"atan", 1, 1}, {"atan", 2, 1}, {"erf", .65625, 1}, {"erf", 3.9, 1}, {"erfc", .25, -1}, {"erfc", .65625, -1}, {"erfc", -.65625, -1},
        {"sin", .78539816, 1}, {"cos", .78539816, -1}, {"tan", .78539816, 1}, {"exp2", .5, 1}, {"exp2", -.5, 1}, {"sigmoid", 0, 1}};
    EACH_KIND(isa, f64) {
        for (size_t k = 0; k < sizeof joints / sizeof *joints; k++) {
            const double joint = rounded(f64, joints[k].joint), step = ulp_of(f64, joint);
            double before = at(isa, f64, joints[k].f, joint - 100 * step, 0);
            for (int i = -99; i <= 100; i++) {
                const double y = at(isa, f64, joints[k].f, joint + i * step, 0);
                if (!((y - before) * joints[k].direction >= -2 * ulp_of(f64, y)))
                    fail_msg("%s, f%d: from %a to %a", joints[k].f, f64 ? 64 : 32, before, y);
                before = y;
            }
        }
    }
}

static void symmetry_and_ranges(void **state) {
    (void)state;
    static const struct { const char *f; int parity; double low, high; } shapes[] = {{"tanh", -1, -1, 1}, {"sinh", -1, -INFINITY, INFINITY},
        {"asin", -1, -M_PI_2, M_PI_2}, {"atan", -1, -M_PI_2, M_PI_2}, {"erf", -1, -1, 1}, {"sin", -1, -1, 1},
        {"tan", -1, -INFINITY, INFINITY}, {"cosh", 1, 1, INFINITY}, {"cos", 1, -1, 1}, {"exp", 0, 0, INFINITY}, {"expm1", 0, -1, INFINITY},
        {"acos", 0, 0, M_PI}, {"erfc", 0, 0, 2}, {"exp2", 0, 0, INFINITY}, {"sigmoid", 0, 0, 1}};
    EACH_KIND(isa, f64) {
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
            uint64_t random = 3;
            for (int i = 0; i < 2000; i++) {
                const double x = f64 ? random_double(&random) : (double)random_float(&random), y = at(isa, f64, shapes[k].f, x, 0);
                if (isnan(y)) continue;
                if (!(y >= rounded(f64, shapes[k].low) && y <= rounded(f64, shapes[k].high))) fail_msg("%s %a is %a", shapes[k].f, x, y);
                if (shapes[k].parity && !same(at(isa, f64, shapes[k].f, -x, 0), shapes[k].parity * y))
                    fail_msg("%s %a and of its opposite", shapes[k].f, x);
            }
        }
    }
}

int main(void) {
    cases c = {0};
    for (int k = 0; k < MATH_LOOPS; k++)
        cases_add(&c, bits_are_golden, &golden_functions[k], "%s has the same bits everywhere", golden_functions[k].name);
    cases_add(&c, remainders_have_the_same_bits, NULL, "remainders_have_the_same_bits");
    cases_add(&c, edges_are_right, NULL, "edges_are_right");
    cases_add(&c, powers_have_the_edges_of_annex_f, NULL, "powers_have_the_edges_of_annex_f");
    cases_add(&c, huge_angles_are_right, NULL, "huge_angles_are_right");
    cases_add(&c, a_far_angle_changes_no_other, NULL, "a_far_angle_changes_no_other");
    cases_add(&c, no_jump_where_formulas_meet, NULL, "no_jump_where_formulas_meet");
    cases_add(&c, symmetry_and_ranges, NULL, "symmetry_and_ranges");
    return cases_run(&c, "math");
}
