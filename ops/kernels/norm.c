/* kernels/norm.c - the loops of layer_norm and rms_norm, row by row, and of their gradients. Threads share the rows, or columns. */
#include "ops/kernels/loops.h"

RUN_SUM(square_run, (x[k] - m) * (x[k] - m), const real *x, real m)
RUN_SUM(product_run, g[k] * (x[k] - m), const real *g, const real *x, real m)

/* rms_norm: b and mean are NULL */
typedef struct rows { int64_t count, n; const real *x, *w, *b, *dy; real eps, *mean, *r, *to, *dw, *db; } rows;

static rows rows_of(const rg_tensor *y) {
    rows k = {.count = 1, .n = 1, .x = y->in[0]->data, .eps = (real)y->attr.p};
    for (int d = 0; d < y->ndim; d++) *(d < y->attr.axis ? &k.count : &k.n) *= y->shape[d];
    if (y->nin > 1) k.w = y->in[1]->data;
    if (y->nin > 2) k.b = y->in[2]->data;
    if (y->saved[0]) k.mean = y->saved[0]->data;
    if (y->saved[1]) k.r = y->saved[1]->data;
    return k;
}

static void row(const rows *k, int64_t i) {
    const real *x = k->x + i * k->n, *w = k->w, *b = k->b, n = (real)k->n, m = k->mean ? sum_run(k->n, x) / n : 0;
    const real r = 1 / R(sqrt)(square_run(k->n, x, m) / n + k->eps);
    real *restrict to = k->to + i * k->n;
    if (k->mean) k->mean[i] = m;
    k->r[i] = r;
    for (int64_t j = 0; j < k->n; j++) to[j] = (x[j] - m) * r;
    if (w)
        for (int64_t j = 0; j < k->n; j++) to[j] *= w[j];
    if (b)
        for (int64_t j = 0; j < k->n; j++) to[j] += b[j];
}

static void run_rows(const void *with, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) row(with, i);
}

static int forward(rg_tensor *y, bool centred) {
    int64_t count = 1;
    for (int d = 0; d < y->attr.axis; d++) count *= y->shape[d];
    for (int i = !centred; i < 2; i++)
        if (rg_failed(rg_save(y, i, y->dtype, 1, &count))) return -1;
    rows k = rows_of(y);
    k.to = y->data;
    rg_parallel(y->tape, y->numel / RG_CHUNK, k.count, run_rows, &k);
    return 0;
}

int RG_K(layer_norm)(rg_tensor *y) { return forward(y, true); }
int RG_K(rms_norm)(rg_tensor *y) { return forward(y, false); }

/* -------- the gradient */

static void row_vjp(const rows *k, int64_t i) {
    const real *x = k->x + i * k->n, *dy = k->dy + i * k->n, n = (real)k->n, m = k->mean ? k->mean[i] : 0, r = k->r[i];
    real *restrict to = k->to + i * k->n;
    for (int64_t j = 0; j < k->n; j++) to[j] = k->w ? dy[j] * k->w[j] : dy[j];
    const real mean = k->mean ? sum_run(k->n, to) / n : 0, along = product_run(k->n, to, x, m) * r * r / n;
    for (int64_t j = 0; j < k->n; j++) to[j] = r * (to[j] - mean - (x[j] - m) * along);
}

static void run_rows_vjp(const void *with, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) row_vjp(with, i);
}

enum { WIDE = 256 };

/* For blocks of WIDE columns: dw = sum dy x' and db = sum dy over the rows. dw or db may be NULL. */
static void columns_vjp(const void *with, int64_t begin, int64_t end) {
    const rows *k = with;
    const int64_t first = begin * WIDE, last = rg_min64(k->n, end * WIDE);
    real *restrict dw = k->dw, *restrict db = k->db;
    for (int64_t j = first; dw && j < last; j++) dw[j] = 0;
    for (int64_t j = first; db && j < last; j++) db[j] = 0;
    for (int64_t i = 0; i < k->count; i++) {
        const real *x = k->x + i * k->n, *d = k->dy + i * k->n, m = k->mean ? k->mean[i] : 0, r = k->r[i];
        if (dw)
            for (int64_t j = first; j < last; j++) dw[j] += d[j] * ((x[j] - m) * r);
        if (db)
            for (int64_t j = first; j < last; j++) db[j] += d[j];
    }
}

static int vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    for (int i = 0; i < y->nin; i++)
        if (rg_needs(y, i) && !rg_make_dx(y, dx, i)) return -1;
    rows k = rows_of(y);
    const int64_t work = y->numel / RG_CHUNK;
    k.dy = dy->data;
    if (dx[0]) k.to = dx[0]->data;
    if (y->nin > 1 && dx[1]) k.dw = dx[1]->data;
    if (y->nin > 2 && dx[2]) k.db = dx[2]->data;
    if (k.to) rg_parallel(y->tape, work, k.count, run_rows_vjp, &k);
    if (k.dw || k.db) rg_parallel(y->tape, work, (k.n + WIDE - 1) / WIDE, columns_vjp, &k);
    return 0;
}

int RG_K(layer_norm_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return vjp(y, dy, dx); }
int RG_K(rms_norm_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return vjp(y, dy, dx); }
