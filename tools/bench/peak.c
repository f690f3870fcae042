/* peak.c - chains of multiply-adds in registers: the most that one thread of this machine computes. Built for each instruction set. */
#include "bench.h"
#include "engine/kernel.h"

#ifdef RG_KERNEL_AVX512
enum { BYTES = 64 };
#elif defined RG_KERNEL_AVX2
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
enum { LANES = BYTES / (int)sizeof(real), CHAINS = 12 };
typedef real vector __attribute__((vector_size(BYTES)));

/* As in ops/kernels/product.c: compilers make one instruction of it. */
static inline __attribute__((always_inline)) vector multiply_add(real a, vector b, vector s) {
#pragma GCC unroll 16
    for (int q = 0; q < LANES; q++)
#if defined __FMA__ || defined __FP_FAST_FMA
        s[q] = R(fma)(a, b[q], s[q]);
#else
        s[q] = a * b[q] + s[q];
#endif
    return s;
}

double RG_K(peak)(void);

/* GFLOP/s, the best of some runs of a millisecond or so */
double RG_K(peak)(void) {
    enum { STEPS = 100000, RUNS = 20 };
    double best = 0;
    volatile real one = 1;
    for (int run = 0; run < RUNS; run++) {
        const real a = one;
        vector b, s[CHAINS];
        for (int q = 0; q < LANES; q++) b[q] = one;
        for (int j = 0; j < CHAINS; j++) s[j] = b;
        const double begin = clock_seconds();
        for (int i = 0; i < STEPS; i++)
#pragma GCC unroll 16
            for (int j = 0; j < CHAINS; j++) s[j] = multiply_add(a, b, s[j]);
        const double rate = 2e-9 * STEPS * CHAINS * LANES / (clock_seconds() - begin);
        real sum = 0;
        for (int j = 0; j < CHAINS; j++)
            for (int q = 0; q < LANES; q++) sum += s[j][q];
        one = sum > 0 ? 1 : 2; /* the sums are used */
        if (rate > best) best = rate;
    }
    return best;
}
