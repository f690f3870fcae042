/* kernels/clip.c - gradients: sums of squares, scaling, clamping. */
#include "engine/kernel.h"
#include "nn/optim/update.h"

enum { PARTS = 64, STRANDS = 8 };

static double squares_of(int64_t n, const real *x) {
    double s[STRANDS] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + STRANDS <= n; i += STRANDS)
        for (int j = 0; j < STRANDS; j++) s[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < n; i++) rest += (double)x[i] * (double)x[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) + rest;
}

/* The parts depend on n alone, and their sums are added in order: the bits are the same for any number of threads. */
typedef struct squares { int64_t n, per; const real *x; double *sum; } squares;
static void sum_parts(const void *with, int64_t begin, int64_t end) {
    const squares *s = with;
    for (int64_t k = begin; k < end; k++) s->sum[k] = squares_of(rg_min64(s->per, s->n - k * s->per), s->x + k * s->per);
}

double RG_K(grad_squares)(rg_tape *t, int64_t n, const void *x) {
    const int64_t few = (n + PARTS - 1) / PARTS, per = few > RG_CHUNK ? few : RG_CHUNK, parts = (n + per - 1) / per;
    double part[PARTS], sum = 0;
    rg_parallel(t, parts, parts, sum_parts, &(squares){n, per, x, part});
    for (int64_t k = 0; k < parts; k++) sum += part[k];
    return sum;
}

typedef struct gradient { real *x; real value; } gradient;

static void times(const void *with, int64_t begin, int64_t end) {
    const gradient *g = with;
    real *restrict x = g->x, factor = g->value;
    for (int64_t i = begin; i < end; i++) x[i] *= factor;
}

/* A NaN stays: comparisons with it are false. */
static void hold(const void *with, int64_t begin, int64_t end) {
    const gradient *g = with;
    real *restrict x = g->x, limit = g->value;
    for (int64_t i = begin; i < end; i++) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}

void RG_K(grad_scale)(rg_tape *t, int64_t n, void *x, double factor) { rg_parallel(t, n / RG_CHUNK, n, times, &(gradient){x, C(factor)}); }
void RG_K(grad_clamp)(rg_tape *t, int64_t n, void *x, double limit) { rg_parallel(t, n / RG_CHUNK, n, hold, &(gradient){x, C(limit)}); }
