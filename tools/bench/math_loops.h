/* math_loops.h - a loop over each function of engine/math, compiled as kernels are, for the tests and the bench; and the same loops over
   libm's functions. */
#ifndef MATH_LOOPS_H
#define MATH_LOOPS_H

#include "engine/op.h"

enum { MATH_LOOPS = 19 };
typedef struct math_loop {
    const char *name;
    void (*loop)(int64_t n, const void *a, const void *b, void *to); /* b: the exponents of pow. No array overlaps another. */
    double low, high;                                                /* where it is timed */
} math_loop;
typedef const math_loop *math_loops_fn(void); /* MATH_LOOPS of them, in one order for all */

#define BOTH(name, isa) rg_k_##name##_f32_##isa, rg_k_##name##_f64_##isa
math_loops_fn BOTH(math_loops, base), BOTH(math_loops, avx2), BOTH(math_loops, avx512), BOTH(libm_loops, base), BOTH(libm_loops, avx2);

/* [instruction set][f32, f64], up to the best of this build; of libm's the second is libmvec's, if the compiler knows of it. */
static math_loops_fn *const math_loops[RG_ISAS][2] = {{BOTH(math_loops, base)},
#ifdef RG_HAVE_AVX2
    {BOTH(math_loops, avx2)},
#endif
#ifdef RG_HAVE_AVX512
    {BOTH(math_loops, avx512)},
#endif
};
static math_loops_fn *const libm_loops[2][2] = {{BOTH(libm_loops, base)},
#ifdef RG_HAVE_AVX2
    {BOTH(libm_loops, avx2)},
#endif
};
#undef BOTH
#endif
