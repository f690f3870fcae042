/* kernels/average.c - moving averages of weights, and the exchange of both. */
#include "engine/kernel.h"
#include "nn/optim/update.h"

typedef struct weights { real *x, *y; real keep, take; } weights;

/* keep x + take y, in a form that gives x where both are equal, and y itself for keep 0 (as PyTorch's lerp) */
static void mix(const void *with, int64_t begin, int64_t end) {
    const weights *w = with;
    real *restrict x = w->x, *restrict y = w->y, keep = w->keep, take = w->take;
    if (take < C(.5))
        for (int64_t i = begin; i < end; i++) x[i] += take * (y[i] - x[i]);
    else
        for (int64_t i = begin; i < end; i++) x[i] = y[i] - keep * (y[i] - x[i]);
}

static void swap(const void *with, int64_t begin, int64_t end) {
    const weights *w = with;
    real *restrict x = w->x, *restrict y = w->y;
    for (int64_t i = begin; i < end; i++) {
        const real was = x[i];
        x[i] = y[i], y[i] = was;
    }
}

static void each(rg_tape *t, int64_t n, void *x, void *y, double keep, rg_loop_fn *loop) {
    rg_parallel(t, n / RG_CHUNK, n, loop, &(weights){x, y, C(keep), C(1 - keep)});
}

void RG_K(weights_mix)(rg_tape *t, int64_t n, void *x, void *y, double keep) { each(t, n, x, y, keep, mix); }
void RG_K(weights_swap)(rg_tape *t, int64_t n, void *x, void *y, double unused) { each(t, n, x, y, unused, swap); }
