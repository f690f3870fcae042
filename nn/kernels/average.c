/* kernels/average.c - a moving average of weights, and its exchange with them. */
#include "engine/kernel.h"
#include "nn/update.h"

typedef void loop(int64_t n, real *restrict x, real *restrict y, real keep, real take);

static void mix(int64_t n, real *restrict x, real *restrict y, real keep, real take) {
    for (int64_t i = 0; i < n; i++) x[i] = keep * x[i] + take * y[i];
}

static void swap(int64_t n, real *restrict x, real *restrict y, real keep, real take) {
    (void)keep, (void)take;
    for (int64_t i = 0; i < n; i++) {
        const real was = x[i];
        x[i] = y[i], y[i] = was;
    }
}

static void each(rg_tape *t, int64_t n, real *x, real *y, double keep, loop *fn) {
    const int64_t chunks = (n + RG_CHUNK - 1) / RG_CHUNK;
    RG_PARALLEL_FOR(t, chunks,
        for (int64_t c = 0; c < chunks; c++) fn(rg_min64(RG_CHUNK, n - c * RG_CHUNK), x + c * RG_CHUNK, y + c * RG_CHUNK, C(keep), C(1 - keep));)
}

void RG_K(weights_mix)(rg_tape *t, int64_t n, void *x, void *y, double keep) { each(t, n, x, y, keep, mix); }
void RG_K(weights_swap)(rg_tape *t, int64_t n, void *x, void *y, double unused) { each(t, n, x, y, unused, swap); }
