/* extremes.h - for kernel sources: the largest, the smallest and the product of a run of elements. */
#ifndef RG_EXTREMES_H
#define RG_EXTREMES_H

#include "ops/kernels/loops.h"

/* The larger, or the smaller; NaN if either is. Two selects, an instruction each, and no branch that could be mispredicted. */
static inline real larger(real a, real b) {
    const real m = b > a ? b : a;
    return b != b ? b : m;
}
static inline real smaller(real a, real b) {
    const real m = b < a ? b : a;
    return b != b ? b : m;
}
static inline real times(real a, real b) { return a * b; }

/* Joins the elements of a run, two at a time; `none` is the result of an empty run. The strands are an array, long enough that no load
   waits for the store before it. A loop updates them, not unrolled statements: gcc vectorises a select only in a loop. */
enum { JOIN_MANY = 128, JOIN_FEW = 32 };
#define JOIN_RUN(name, join, none)                                                                                         \
    __attribute__((always_inline)) static inline real name##_strands(const int strands, int64_t n, const real *x) {        \
        real s[JOIN_MANY];                                                                                                 \
        for (int j = 0; j < strands; j++) s[j] = x[j];                                                                     \
        for (int64_t i = strands; i < n; i += strands)                                                                     \
            for (int j = 0; j < strands; j++) s[j] = join(s[j], x[i + j]);                                                 \
        for (int half = strands / 2; half; half /= 2)                                                                      \
            for (int j = 0; j < half; j++) s[j] = join(s[j], s[j + half]);                                                 \
        return s[0];                                                                                                       \
    }                                                                                                                      \
    static inline real name(int64_t n, const real *x) {                                                                    \
        const int64_t many = n / JOIN_MANY * JOIN_MANY, few = n / JOIN_FEW * JOIN_FEW;                                     \
        real m = none;                                                                                                     \
        if (many) m = join(m, name##_strands(JOIN_MANY, many, x));                                                         \
        if (few > many) m = join(m, name##_strands(JOIN_FEW, few - many, x + many));                                       \
        for (int64_t i = few; i < n; i++) m = join(m, x[i]);                                                               \
        return m;                                                                                                          \
    }
/* peak_run: the largest of a run without NaN. With a NaN it may be any element; the results of its callers are then NaN anyway. */
static inline real above(real a, real b) { return b > a ? b : a; }
JOIN_RUN(peak_run, above, -C(INFINITY))
JOIN_RUN(max_run, larger, -C(INFINITY))
JOIN_RUN(min_run, smaller, C(INFINITY))
JOIN_RUN(prod_run, times, C(1))

#endif
