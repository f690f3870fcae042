/* kernels/batch_norm.c - the loops of batch_norm over x as [n, c, s], and of its gradient. Threads share the channels. */
#include "engine/loops.h"

RUN_SUM(square_run, (x[k] - m) * (x[k] - m), const real *x, real m)
RUN_SUM(product_run, g[k] * (x[k] - m), const real *g, const real *x, real m)

typedef struct channels { int64_t n, c, s; real eps; const real *x, *w, *b; real *mean, *var; } channels;

static channels channels_of(const rg_tensor *y) {
    channels k = {.n = y->shape[0], .c = y->shape[1], .s = 1, .eps = (real)y->attr.p, .x = y->in[0]->data, .mean = y->saved[0]->data, .var = y->saved[1]->data};
    for (int d = 2; d < y->ndim; d++) k.s *= y->shape[d];
    if (y->nin > 1) k.w = y->in[1]->data;
    if (y->nin > 2) k.b = y->in[2]->data;
    return k;
}

/* Of none: its sums, which are 0, go by 1. */
static double count_of(const channels *k) { return fmax(1, (double)(k->n * k->s)); }

/* The runs of a channel are summed in double, one by one. */
static void channel(const channels *k, int64_t c, real *to) {
    const double count = count_of(k);
    const int64_t step = k->c * k->s;
    double sum = 0, square = 0;
    for (int64_t at = c * k->s; at < k->n * step; at += step) sum += (double)sum_run(k->s, k->x + at);
    const real m = (real)(sum / count);
    for (int64_t at = c * k->s; at < k->n * step; at += step) square += (double)square_run(k->s, k->x + at, m);
    const real var = (real)(square / count), scale = (k->w ? k->w[c] : 1) / R(sqrt)(var + k->eps), shift = k->b ? k->b[c] : 0;
    k->mean[c] = m, k->var[c] = var;
    for (int64_t at = c * k->s; at < k->n * step; at += step)
        for (int64_t j = at; j < at + k->s; j++) to[j] = (k->x[j] - m) * scale + shift;
}

int RG_K(batch_norm)(rg_tensor *y) {
    for (int i = 0; i < 2; i++) {
        rg_tensor *saved = rg_temp(y, (rg_dtype)y->dtype, 1, y->shape + 1);
        if (rg_failed(saved)) return -1;
        y->saved[i] = saved;
    }
    const channels k = channels_of(y);
    real *to = y->data;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t c = 0; c < k.c; c++) channel(&k, c, to);)
    return 0;
}

static void channel_vjp(const channels *k, int64_t c, const real *dy, real *dx, real *dw, real *db) {
    const double count = count_of(k);
    const int64_t step = k->c * k->s;
    const real m = k->mean[c], r = 1 / R(sqrt)(k->var[c] + k->eps), scale = (k->w ? k->w[c] : 1) * r;
    double sum = 0, along = 0;
    for (int64_t at = c * k->s; at < k->n * step; at += step) {
        sum += (double)sum_run(k->s, dy + at);
        along += (double)product_run(k->s, dy + at, k->x + at, m);
    }
    if (dw) dw[c] = (real)along * r;
    if (db) db[c] = (real)sum;
    const real mean = (real)(sum / count), slope = (real)(along / count) * r * r;
    for (int64_t at = c * k->s; dx && at < k->n * step; at += step)
        for (int64_t j = at; j < at + k->s; j++) dx[j] = scale * (dy[j] - mean - (k->x[j] - m) * slope);
}

int RG_K(batch_norm_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    real *to[3] = {NULL};
    for (int i = 0; i < y->nin; i++) {
        if (!rg_needs(y, i)) continue;
        if (rg_failed(dx[i] = rg_temp_like(y, y->in[i]))) return -1;
        to[i] = dx[i]->data;
    }
    const channels k = channels_of(y);
    const real *d = dy->data;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t c = 0; c < k.c; c++) channel_vjp(&k, c, d, to[0], to[1], to[2]);)
    return 0;
}
