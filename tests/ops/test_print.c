/* test_print.c - tensors as NumPy 1.24 prints them (str(array)), the record as text and as a graph. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "retrograd.h"

typedef struct printed { char *text; size_t size; FILE *to; } printed;
static FILE *open_text(printed *p) { return p->to = open_memstream(&p->text, &p->size); }
static const char *close_text(printed *p) { return fclose(p->to), p->text; }

static void check_print(rg_dtype dtype, const void *data, int ndim, const int64_t *shape, const char *expected) {
    rg_tape *t = rg_tape_new(0);
    rg_set_default_dtype(t, dtype == RG_F64 ? RG_F64 : RG_F32);
    printed p;
    rg_print(rg_input_of_n(t, dtype, data, ndim, shape), open_text(&p));
    assert_string_equal(close_text(&p), expected);
    free(p.text);
    rg_tape_free(t);
}

/* -------- golden: str(array) of NumPy */

static void fractions_below_each_other(void **state) {
    (void)state;
    static const double x[] = {1.0, 0.25};
    check_print(RG_F64, x, 1, (const int64_t[]){2},
        "[1.   0.25]\n");
}

static void large_ratio_is_scientific(void **state) {
    (void)state;
    static const double x[] = {1000.0, 0.5};
    check_print(RG_F64, x, 1, (const int64_t[]){2},
        "[1.e+03 5.e-01]\n");
}

static void tiny_is_scientific(void **state) {
    (void)state;
    static const double x[] = {1e-05, 1.0};
    check_print(RG_F64, x, 1, (const int64_t[]){2},
        "[1.e-05 1.e+00]\n");
}

static void rank_0(void **state) {
    (void)state;
    static const double x[] = {3.0};
    check_print(RG_F64, x, 0, (const int64_t[]){0},
        "3.0\n");
}

static void f32_digits(void **state) {
    (void)state;
    static const float x[] = {0.10000000149011612f, 0.3333333432674408f};
    check_print(RG_F32, x, 1, (const int64_t[]){2},
        "[0.1        0.33333334]\n");
}

static void f64_digits(void **state) {
    (void)state;
    static const double x[] = {0.1, 0.3333333333333333};
    check_print(RG_F64, x, 1, (const int64_t[]){2},
        "[0.1        0.33333333]\n");
}

static void not_finite(void **state) {
    (void)state;
    static const double x[] = {NAN, 1.0, -INFINITY};
    check_print(RG_F64, x, 1, (const int64_t[]){3},
        "[ nan   1. -inf]\n");
}

static void negative(void **state) {
    (void)state;
    static const double x[] = {-1.5, 2.0, 3.0, -0.25};
    check_print(RG_F64, x, 2, (const int64_t[]){2, 2},
        "[[-1.5   2.  ]\n"
        " [ 3.   -0.25]]\n");
}

static void three_axes(void **state) {
    (void)state;
    static const int32_t x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    check_print(RG_I32, x, 3, (const int64_t[]){2, 3, 2},
        "[[[ 0  1]\n"
        "  [ 2  3]\n"
        "  [ 4  5]]\n"
        "\n"
        " [[ 6  7]\n"
        "  [ 8  9]\n"
        "  [10 11]]]\n");
}

static void empty(void **state) {
    (void)state;
    static const double x[1] = {0};
    check_print(RG_F64, x, 2, (const int64_t[]){0, 3},
        "[]\n");
}

/* Its other sides may be of any length: nothing is counted along them. */
static void print_empty(void **state) {
    (void)state;
    static const float none[] = {0};
    check_print(RG_F32, none, 2, (const int64_t[]){INT64_C(1) << 40, 0}, "[]\n");
    check_print(RG_F64, none, 3, (const int64_t[]){0, INT64_C(1) << 40, 2}, "[]\n");
}

static void bytes(void **state) {
    (void)state;
    static const uint8_t x[] = {255, 3};
    check_print(RG_U8, x, 1, (const int64_t[]){2},
        "[255   3]\n");
}

static void long_row_wraps(void **state) {
    (void)state;
    static const double x[] = {2.0409, -2.5557, 0.4181, -0.5678, -0.4526, -0.2156, -2.02, -0.2319, -0.8652, 3.323, 0.2258, -0.3526, -0.2813,
        -0.668, -1.0552,
        -0.3908, 0.4819, -0.2386, 0.9578, -0.1998, 0.0243, 1.5458, 0.5451, -0.5052, -0.1828, 0.5405, 1.9351, -0.2696, -0.2436, 1.0023};
    check_print(RG_F64, x, 1, (const int64_t[]){30},
        "[ 2.0409 -2.5557  0.4181 -0.5678 -0.4526 -0.2156 -2.02   -0.2319 -0.8652\n"
        "  3.323   0.2258 -0.3526 -0.2813 -0.668  -1.0552 -0.3908  0.4819 -0.2386\n"
        "  0.9578 -0.1998  0.0243  1.5458  0.5451 -0.5052 -0.1828  0.5405  1.9351\n"
        " -0.2696 -0.2436  1.0023]\n");
}

static void many_are_cut(void **state) {
    (void)state;
    static int32_t x[2000];
    for (int i = 0; i < 2000; i++) x[i] = i;
    check_print(RG_I32, x, 1, (const int64_t[]){2000},
        "[   0    1    2 ... 1997 1998 1999]\n");
}

static void many_rows_are_cut(void **state) {
    (void)state;
    static double x[1600];
    for (int i = 0; i < 1600; i++) x[i] = i * .5;
    check_print(RG_F64, x, 2, (const int64_t[]){40, 40},
        "[[0.000e+00 5.000e-01 1.000e+00 ... 1.850e+01 1.900e+01 1.950e+01]\n"
        " [2.000e+01 2.050e+01 2.100e+01 ... 3.850e+01 3.900e+01 3.950e+01]\n"
        " [4.000e+01 4.050e+01 4.100e+01 ... 5.850e+01 5.900e+01 5.950e+01]\n"
        " ...\n"
        " [7.400e+02 7.405e+02 7.410e+02 ... 7.585e+02 7.590e+02 7.595e+02]\n"
        " [7.600e+02 7.605e+02 7.610e+02 ... 7.785e+02 7.790e+02 7.795e+02]\n"
        " [7.800e+02 7.805e+02 7.810e+02 ... 7.985e+02 7.990e+02 7.995e+02]]\n");
}

static void huge(void **state) {
    (void)state;
    static const double x[] = {10000000000.0, 2500000000.0};
    check_print(RG_F64, x, 1, (const int64_t[]){2},
        "[1.0e+10 2.5e+09]\n");
}

/* -------- the record */

static void record_of(printed *p, rg_tape *t, void (*fn)(rg_tape *, FILE *)) {
    fn(t, open_text(p));
    close_text(p);
}

static void tape_one_op_a_line(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(0);
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3, 2);
    rg_tensor *h = rg_set_name(rg_relu(rg_matmul(rg_full(t, 1, 4, 3), w)), "h");
    rg_mean(h);
    printed p;
    record_of(&p, t, rg_tape_print);
    int lines = 0;
    for (const char *s = p.text; *s; s++) lines += *s == '\n';
    assert_int_equal(lines, 3);
    assert_non_null(strstr(p.text, "[4,2]"));
    assert_non_null(strstr(p.text, "f32 grad = matmul(input2, w)"));
    assert_non_null(strstr(p.text, "h  test_print.c:"));
    assert_non_null(strstr(p.text, "= mean(h)"));
    free(p.text);
    rg_tape_free(t);
}

static void tape_as_graph(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(0);
    rg_tensor *w = rg_param(t, "the \"weight\"", RG_ONES, 3);
    rg_sum(rg_mul(w, w));
    printed p;
    record_of(&p, t, rg_tape_dot);
    assert_int_equal(strncmp(p.text, "digraph tape {", 14), 0);
    assert_string_equal(p.text + p.size - 2, "}\n");
    assert_non_null(strstr(p.text, "the \\\"weight\\\""));
    int arrows = 0;
    for (const char *s = p.text; (s = strstr(s, " -> ")); s++) arrows++;
    assert_int_equal(arrows, 3);
    assert_non_null(strstr(p.text, "sum\\n[]\\n3"));
    free(p.text);
    rg_tape_free(t);
}

static void equal_and_close(void **state) {
    (void)state;
    const float nan = NAN, inf = INFINITY;
    rg_tape *t = rg_tape_new(0);
    rg_on_error(t, NULL, NULL);
    rg_tensor *a = rg_input(t, ((float[]){1, 2, 3}), 3), *b = rg_input(t, ((float[]){1, 2, 3}), 3), *i = rg_cast(a, RG_I32),
              *near = rg_input(t, ((float[]){1, 2, 3.0001f}), 3), *column = rg_reshape(a, 3, 1), *n = rg_input(t, &nan, 1),
              *p = rg_input(t, &inf, 1), *m = rg_neg(p), *none = rg_full(t, 0, 0);
    assert_true(rg_equal(a, b) && rg_equal(a, i) && rg_equal(none, none) && rg_equal(p, p));
    assert_false(rg_equal(a, near) || rg_equal(a, column) || rg_equal(n, n) || rg_equal(p, m));
    assert_true(rg_allclose(a, b) && rg_allclose(near, a, .rtol = 1e-4) && rg_allclose(near, a, .atol = 1e-3) && rg_allclose(p, p));
    assert_false(rg_allclose(near, a) || rg_allclose(near, a, .rtol = RG_ZERO, .atol = 1e-5) || rg_allclose(a, column));
    assert_false(rg_allclose(p, m) || rg_allclose(a, p) || rg_allclose(n, n) || rg_allclose(p, n));
    rg_tensor *one = rg_input(t, ((float[]){1}), 1);
    assert_false(rg_allclose(one, p) || rg_allclose(p, one) || rg_allclose(one, n, .equal_nan = true));
    assert_true(rg_allclose(n, n, .equal_nan = true));
    assert_null(rg_error(t));
    assert_false(rg_equal_at("a.c:1", NULL, a));
    assert_string_equal(rg_error(t), "rg_equal: the first tensor is NULL (a.c:1)");
    rg_error_clear(t);
    assert_false(rg_allclose_at("a.c:1", a, NULL, (rg_allclose_options){0}));
    assert_string_equal(rg_error(t), "rg_allclose: the second tensor is NULL (a.c:1)");
    assert_false(rg_equal(NULL, NULL) || rg_equal(rg_neg(a), rg_neg(a)));
    rg_tape_free(t);
}

static void nothing_to_print(void **state) {
    (void)state;
    printed p;
    rg_print(NULL, open_text(&p));
    assert_string_equal(close_text(&p), "(no tensor)\n");
    free(p.text);
    rg_tape_print(NULL, stdout);
    rg_tape_dot(NULL, stdout);
    rg_print(NULL, NULL);
    rg_tape *t = rg_tape_new(0);
    record_of(&p, t, rg_tape_print);
    assert_int_equal(p.size, 0);
    free(p.text);
    rg_tape_print(t, NULL);
    rg_tape_dot(t, NULL);
    rg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fractions_below_each_other),
        cmocka_unit_test(large_ratio_is_scientific),
        cmocka_unit_test(tiny_is_scientific),
        cmocka_unit_test(rank_0),
        cmocka_unit_test(f32_digits),
        cmocka_unit_test(f64_digits),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(negative),
        cmocka_unit_test(three_axes),
        cmocka_unit_test(empty),
        cmocka_unit_test(print_empty),
        cmocka_unit_test(bytes),
        cmocka_unit_test(long_row_wraps),
        cmocka_unit_test(many_are_cut),
        cmocka_unit_test(many_rows_are_cut),
        cmocka_unit_test(huge),
        cmocka_unit_test(tape_one_op_a_line),
        cmocka_unit_test(tape_as_graph),
        cmocka_unit_test(equal_and_close),
        cmocka_unit_test(nothing_to_print),
    };
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
