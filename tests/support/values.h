/* values.h - for tests of the engine: what a tensor should hold, written out; and a parameter to begin with. */
#ifndef RG_TESTS_VALUES_H
#define RG_TESTS_VALUES_H

#include "tests/support/numbers.h"

static const float six[] = {1, 2, 3, 4, 5, 6};

static inline void has_values(const char *file, int line, const rg_tensor *x, const double *should, int64_t n) {
    if (!x || rg_failed(x)) fail_msg("%s:%d: no tensor: %s", file, line, x && rg_tape_of(x) ? rg_error(rg_tape_of(x)) : "");
    assert_int_equal(rg_numel(x), n);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(element(x, i) - should[i]) <= 1e-6 * fmax(1, fabs(should[i]))))
            fail_msg("%s:%d: element %lld is %.9g, should be %.9g", file, line, (long long)i, element(x, i), should[i]);
}
#define VALUES(x, ...) \
    has_values(__FILE__, __LINE__, x, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))

/* 1 to n; zeros if there are more than six. */
static inline rg_tensor *param(rg_tape *t, const char *name, int64_t n) {
    rg_tensor *w = rg_parameter(t, name, n);
    if (n <= 6) rg_write(w, six);
    return w;
}

#endif
