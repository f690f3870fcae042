/* math_loops.c - see math_loops.h. With MATH_LIBM the loops are over libm's functions, on AVX2 over libmvec's where there is one. */
#include "engine/kernel.h"

#include "math_loops.h"

#ifdef MATH_LIBM
#define TABLE RG_K(libm_loops)
#define RG_M(name) R(name)
#define MATH_ANGLE(name, x) R(name)(x)
#define MATH_ANGLES(...) __VA_ARGS__
#if defined HAVE_LIBMVEC && defined RG_KERNEL_AVX2 && !defined __clang__
#define SIMD __attribute__((simd("notinbranch")))
SIMD real R(exp)(real), R(exp2)(real), R(expm1)(real), R(log)(real), R(log2)(real), R(log1p)(real), R(tanh)(real), R(sinh)(real),
    R(cosh)(real), R(asin)(real), R(acos)(real), R(atan)(real), R(erf)(real), R(erfc)(real), R(sin)(real), R(cos)(real), R(tan)(real),
    R(pow)(real, real);
#endif
static inline real R(sigmoid)(real x) { return 1 / (1 + R(exp)(-x)); }
#else
#include "engine/math/functions.h"
#define TABLE RG_K(math_loops)
#endif

#define LOOP(name, expr)                                                              \
    static void name##_loop(int64_t n, const void *a, const void *b, void *to) {      \
        const real *restrict xs = a, *restrict es = b;                                \
        real *restrict ys = to;                                                       \
        (void)es;                                                                     \
        MATH_ANGLES(for (int64_t i = 0; i < n; i++) {                                 \
            const real x = xs[i];                                                     \
            ys[i] = expr;                                                             \
        })                                                                            \
    }
#define FUNCTIONS(OF)                                                                                                               \
    OF(exp, -10, 10) OF(exp2, -10, 10) OF(expm1, -2, 2) OF(log, .01, 10) OF(log2, .01, 10) OF(log1p, -.9, 3) OF(tanh, -3, 3)        \
    OF(sigmoid, -10, 10) OF(sinh, -3, 3) OF(cosh, -3, 3) OF(asin, -1, 1) OF(acos, -1, 1) OF(atan, -3, 3) OF(erf, -3, 3)             \
    OF(erfc, -3, 3)
#define ANGLES(OF) OF(sin, -10, 10) OF(cos, -10, 10) OF(tan, -10, 10)

#define OF_ONE(name, low, high) LOOP(name, RG_M(name)(x))
#define OF_ANGLE(name, low, high) LOOP(name, MATH_ANGLE(name, x))
FUNCTIONS(OF_ONE)
ANGLES(OF_ANGLE)
LOOP(pow, RG_M(pow)(x, es[i]))

#define ROW(name, low, high) {#name, name##_loop, low, high},
const math_loop *TABLE(void) {
    static const math_loop rows[MATH_LOOPS] = {FUNCTIONS(ROW) ANGLES(ROW) ROW(pow, .01, 10)};
    return rows;
}
