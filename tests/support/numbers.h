/* numbers.h - for tests of operators: tensors of random numbers in any dtype, their elements by index loops, exact error messages. */
#ifndef RG_TESTS_NUMBERS_H
#define RG_TESTS_NUMBERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/op.h"
#include "ops/ops.h"
#include "tests/support/tape.h"

static int isa; /* a group runs once for each that this machine has: RUN below */

static inline int start(void **state) {
    if (start_seeded(state, 7)) return -1;
    rg_set_isa(*state, isa);
    return 0;
}

/* -------- tensors of random numbers, and their elements */

static const rg_dtype dtypes[] = {RG_F32, RG_F64, RG_I32, RG_U8};

static inline rg_tensor *numbers(rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_buffer_of_n(t, NULL, dtype, NULL, ndim, shape);
    assert_null(rg_error(t));
    for (int64_t i = 0; i < rg_numel(x); i++) {
        const int64_t v = rg_rng_integers(rg_tape_rng(t), 0, 256);
        if (dtype == RG_F32) ((float *)x->data)[i] = (float)v / 64 - 2;
        if (dtype == RG_F64) ((double *)x->data)[i] = (double)v / 64 - 2;
        if (dtype == RG_I32) ((int32_t *)x->data)[i] = (int32_t)(v * 1000003 - 100000000);
        if (dtype == RG_U8) ((uint8_t *)x->data)[i] = (uint8_t)v;
    }
    return x;
}

static inline rg_tensor *indices(rg_tape *t, int below, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_buffer_of_n(t, NULL, RG_I32, NULL, ndim, shape);
    for (int64_t i = 0; i < rg_numel(x); i++) ((int32_t *)x->data)[i] = (int32_t)rg_rng_integers(rg_tape_rng(t), 0, below);
    return x;
}

static inline double element(const rg_tensor *x, int64_t i) {
    if (x->dtype == RG_F32) return (double)((const float *)x->data)[i];
    if (x->dtype == RG_F64) return ((const double *)x->data)[i];
    return x->dtype == RG_I32 ? ((const int32_t *)x->data)[i] : ((const uint8_t *)x->data)[i];
}

/* Dimensions of 0 (rarely), 1 and up to 5. */
static inline int random_shape(rg_tape *t, int most, int64_t *shape) {
    const int ndim = (int)rg_rng_integers(rg_tape_rng(t), 0, most + 1);
    for (int d = 0; d < ndim; d++) {
        shape[d] = rg_rng_integers(rg_tape_rng(t), 0, 30) == 0 ? 0 : rg_rng_integers(rg_tape_rng(t), 1, 6);
    }
    return ndim;
}

/* Element i of a shape has these indices; and back. */
static inline void indices_of(int64_t i, int ndim, const int64_t *shape, int64_t *index) {
    for (int d = ndim - 1; d >= 0; d--) index[d] = i % shape[d], i /= shape[d];
}
static inline int64_t element_at(int ndim, const int64_t *shape, const int64_t *index) {
    int64_t i = 0;
    for (int d = 0; d < ndim; d++) i = i * shape[d] + index[d];
    return i;
}

static inline void assert_shape(const rg_tensor *y, int ndim, const int64_t *shape) {
    assert_false(rg_failed(y));
    assert_int_equal(y->ndim, ndim);
    int64_t numel = 1;
    for (int d = 0; d < ndim; d++) {
        if (y->shape[d] != shape[d])
            fail_msg("%s: dimension %d is %lld, should be %lld", y->op->name, d, (long long)y->shape[d], (long long)shape[d]);
        numel *= shape[d];
    }
    assert_int_equal(y->numel, numel);
}

static inline void assert_element(const rg_tensor *y, int64_t i, double should) {
    const double is = element(y, i);
    if (is != should) fail_msg("%s: element %lld is %.17g, should be %.17g", y->op->name, (long long)i, is, should);
}

static inline void assert_close(const char *what, const rg_tensor *a, const rg_tensor *b, double bar) {
    assert_false(rg_failed(a) || rg_failed(b));
    assert_int_equal(a->numel, b->numel);
    for (int64_t i = 0; i < a->numel; i++) {
        const double x = element(a, i), y = element(b, i), error = fabs(x - y) / fmax(1e-3, fmax(fabs(x), fabs(y)));
        if (!(error <= bar)) fail_msg("%s: element %lld: %.17g and %.17g", what, (long long)i, x, y);
    }
}

/* -------- errors */

/* The line of a call over several lines is the first for clang, the last for gcc. */
static inline void assert_error_here(const rg_tape *t, const char *file, int line, const char *message) {
    enum { LINES = 4 };
    char should[600];
    if (!rg_error(t)) fail_msg("no error in place of \"%s\"", message);
    for (int k = LINES; k-- > 0;) {
        snprintf(should, sizeof should, "%s (%s:%d)", message, strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line - k);
        if (!strcmp(rg_error(t), should)) return;
    }
    assert_string_equal(rg_error(t), should);
}

static inline void refused(rg_tape *t, const rg_tensor *y, rg_code code, const char *file, int line, const char *message) {
    assert_true(rg_failed(y));
    assert_error_here(t, file, line, message);
    assert_int_equal(rg_error_code(t), code);
    rg_error_clear(t);
}
#define REFUSED(code, y, message) refused(t, y, code, __FILE__, __LINE__, message)

/* -------- running */

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define RUN(group, cases) run(group, cases, sizeof cases / sizeof *cases)
static inline int run(const char *group, const struct CMUnitTest *cases, size_t count) {
    static const char *const names[RG_ISAS] = {"the baseline", "AVX2", "AVX-512"};
    int all = 0;
    for (isa = 0; isa <= rg_best_isa(); isa++) {
        char name[64];
        snprintf(name, sizeof name, "%s, %s", group, names[isa]);
        const int failed = _cmocka_run_group_tests(name, cases, count, NULL, NULL);
        if (failed) print_error("%s: %d failed with the kernels of %s\n", group, failed, names[isa]);
        all += failed;
    }
    return all;
}

#endif
