/* kernels/batch_norm.c - the loops of batch_norm over x as [n, c, s], and of its gradient. Threads share the channels. If s is 1, they
   read the rows for up to WIDE channels at a time, so that the innermost loop always runs over neighbours. The sums of runs, or
   single elements, are added up in doubles. */
#include "ops/kernels/loops.h"

enum { WIDE = 128 };

RUN_SUM(square_run, (x[k] - m) * (x[k] - m), const real *x, real m)
RUN_SUM(product_run, g[k] * (x[k] - m), const real *g, const real *x, real m)

typedef struct channels channels;
typedef void channel_fn(const channels *k, int64_t c, int64_t width); /* of one channel, or of several neighbours where s is 1 */
struct channels {
    int64_t n, c, s;
    double count;
    real eps;
    const real *x, *w, *b, *dy;
    real *mean, *var, *to, *dw, *db;
    channel_fn *loop;
};

static channels channels_of(const rg_tensor *y) {
    channels k = {.n = y->shape[0], .c = y->shape[1], .s = 1, .eps = (real)y->attr.p, .x = y->in[0]->data,
        .mean = y->saved[0]->data, .var = y->saved[1]->data};
    for (int d = 2; d < y->ndim; d++) k.s *= y->shape[d];
    k.count = fmax(1, (double)(k.n * k.s)); /* without elements the sums are 0 */
    if (y->nin > 1) k.w = y->in[1]->data;
    if (y->nin > 2) k.b = y->in[2]->data;
    return k;
}

static int64_t width_of(const channels *k) { return k->s == 1 ? WIDE : 1; }
static void run_channels(const void *with, int64_t begin, int64_t end) {
    const channels *k = with;
    for (int64_t i = begin; i < end; i++) k->loop(k, i * width_of(k), rg_min64(width_of(k), k->c - i * width_of(k)));
}

static void each(rg_tensor *y, channels *k, channel_fn *one, channel_fn *several) {
    k->loop = k->s == 1 ? several : one;
    rg_parallel(y->tape, y->numel / RG_CHUNK, (k->c + width_of(k) - 1) / width_of(k), run_channels, k);
}

/* -------- forward */

/* Saves the statistics of a channel. Returns the factor of x - mean. */
static real keep(const channels *k, int64_t c, real m, double square) {
    k->mean[c] = m;
    k->var[c] = (real)(square / k->count);
    return (k->w ? k->w[c] : 1) / R(sqrt)(k->var[c] + k->eps);
}

static void one(const channels *k, int64_t c, int64_t width) {
    (void)width;
    const int64_t step = k->c * k->s, end = k->n * step;
    double sum = 0, square = 0;
    for (int64_t at = c * k->s; at < end; at += step) sum += (double)sum_run(k->s, k->x + at);
    const real m = (real)(sum / k->count);
    for (int64_t at = c * k->s; at < end; at += step) square += (double)square_run(k->s, k->x + at, m);
    const real scale = keep(k, c, m, square), shift = k->b ? k->b[c] : 0;
    for (int64_t at = c * k->s; at < end; at += step)
        for (int64_t j = at; j < at + k->s; j++) k->to[j] = (k->x[j] - m) * scale + shift;
}

static void several(const channels *k, int64_t c, int64_t width) {
    double sum[WIDE] = {0}, square[WIDE] = {0};
    real m[WIDE], scale[WIDE], shift[WIDE];
    const int64_t end = k->n * k->c;
    for (int64_t at = c; at < end; at += k->c)
        for (int64_t j = 0; j < width; j++) sum[j] += (double)k->x[at + j];
    for (int64_t j = 0; j < width; j++) m[j] = (real)(sum[j] / k->count), shift[j] = k->b ? k->b[c + j] : 0;
    for (int64_t at = c; at < end; at += k->c)
        for (int64_t j = 0; j < width; j++) {
            const real d = k->x[at + j] - m[j];
            square[j] += (double)(d * d);
        }
    for (int64_t j = 0; j < width; j++) scale[j] = keep(k, c + j, m[j], square[j]);
    for (int64_t at = c; at < end; at += k->c) {
        const real *x = k->x + at;
        real *restrict to = k->to + at;
        for (int64_t j = 0; j < width; j++) to[j] = (x[j] - m[j]) * scale[j] + shift[j];
    }
}

int RG_K(batch_norm)(rg_tensor *y) {
    for (int i = 0; i < 2; i++)
        if (rg_failed(rg_save(y, i, y->dtype, 1, y->shape + 1))) return -1;
    channels k = channels_of(y);
    k.to = y->data;
    each(y, &k, one, several);
    return 0;
}

/* -------- the gradient: dx = w r (dy - mean dy - (x - m) slope), slope = r^2 mean(dy (x - m)) */

/* From a channel's sums of dy and of dy (x - m): stores dw and db, returns the slope. */
static real slope_of(const channels *k, int64_t c, double sum, double along, real *mean, real *scale) {
    const real r = 1 / R(sqrt)(k->var[c] + k->eps);
    if (k->dw) k->dw[c] = (real)along * r;
    if (k->db) k->db[c] = (real)sum;
    *mean = (real)(sum / k->count);
    *scale = (k->w ? k->w[c] : 1) * r;
    return (real)(along / k->count) * r * r;
}

static void one_vjp(const channels *k, int64_t c, int64_t width) {
    (void)width;
    const int64_t step = k->c * k->s, end = k->n * step;
    const real m = k->mean[c];
    double sum = 0, along = 0;
    for (int64_t at = c * k->s; at < end; at += step) {
        sum += (double)sum_run(k->s, k->dy + at);
        along += (double)product_run(k->s, k->dy + at, k->x + at, m);
    }
    real mean, scale;
    const real slope = slope_of(k, c, sum, along, &mean, &scale);
    for (int64_t at = c * k->s; k->to && at < end; at += step)
        for (int64_t j = at; j < at + k->s; j++) k->to[j] = scale * (k->dy[j] - mean - (k->x[j] - m) * slope);
}

static void several_vjp(const channels *k, int64_t c, int64_t width) {
    double sum[WIDE] = {0}, along[WIDE] = {0};
    real mean[WIDE], scale[WIDE], slope[WIDE];
    const real *m = k->mean + c;
    const int64_t end = k->n * k->c;
    for (int64_t at = c; at < end; at += k->c)
        for (int64_t j = 0; j < width; j++) {
            sum[j] += (double)k->dy[at + j];
            along[j] += (double)(k->dy[at + j] * (k->x[at + j] - m[j]));
        }
    for (int64_t j = 0; j < width; j++) slope[j] = slope_of(k, c + j, sum[j], along[j], &mean[j], &scale[j]);
    for (int64_t at = c; k->to && at < end; at += k->c) {
        const real *x = k->x + at, *dy = k->dy + at;
        real *restrict to = k->to + at;
        for (int64_t j = 0; j < width; j++) to[j] = scale[j] * (dy[j] - mean[j] - (x[j] - m[j]) * slope[j]);
    }
}

int RG_K(batch_norm_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    for (int i = 0; i < y->nin; i++)
        if (rg_needs(y, i) && !rg_make_dx(y, dx, i)) return -1;
    channels k = channels_of(y);
    k.dy = dy->data;
    if (dx[0]) k.to = dx[0]->data;
    if (y->nin > 1 && dx[1]) k.dw = dx[1]->data;
    if (y->nin > 2 && dx[2]) k.db = dx[2]->data;
    each(y, &k, one_vjp, several_vjp);
    return 0;
}
