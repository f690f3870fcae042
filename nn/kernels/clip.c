/* kernels/clip.c - gradients measured, scaled, held to a range. */
#include "engine/kernel.h"
#include "nn/update.h"

enum { PARTS = 64, STRANDS = 8 };

static double squares_of(int64_t n, const real *x) {
    double s[STRANDS] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + STRANDS <= n; i += STRANDS)
        for (int j = 0; j < STRANDS; j++) s[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < n; i++) rest += (double)x[i] * (double)x[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) + rest;
}

/* Cut by n alone, and the parts' sums added in order: the same bits for any number of threads. */
double RG_K(grad_squares)(rg_tape *t, int64_t n, const void *data) {
    const real *x = data;
    const int64_t few = (n + PARTS - 1) / PARTS, per = few > RG_CHUNK ? few : RG_CHUNK, parts = (n + per - 1) / per;
    double part[PARTS], sum = 0;
    RG_PARALLEL_FOR(t, parts,
        for (int64_t k = 0; k < parts; k++) part[k] = squares_of(rg_min64(per, n - k * per), x + k * per);)
    for (int64_t k = 0; k < parts; k++) sum += part[k];
    return sum;
}

static void times(int64_t n, real *x, real factor) {
    for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

/* Comparisons are false for a NaN, which stays. */
static void hold(int64_t n, real *x, real limit) {
    for (int64_t i = 0; i < n; i++) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}

typedef void loop(int64_t n, real *x, real value);
static void each(rg_tape *t, int64_t n, real *x, real value, loop *fn) {
    const int64_t chunks = (n + RG_CHUNK - 1) / RG_CHUNK;
    RG_PARALLEL_FOR(t, chunks,
        for (int64_t c = 0; c < chunks; c++) fn(rg_min64(RG_CHUNK, n - c * RG_CHUNK), x + c * RG_CHUNK, value);)
}

void RG_K(grad_scale)(rg_tape *t, int64_t n, void *x, double factor) { each(t, n, x, C(factor), times); }
void RG_K(grad_clamp)(rg_tape *t, int64_t n, void *x, double limit) { each(t, n, x, C(limit), hold); }
