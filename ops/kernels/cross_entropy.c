/* kernels/cross_entropy.c - the loss of rows of logits, which leaves softmax in y->saved[0], and its gradient. */
#include "engine/math/functions.h"

#include "extremes.h"

/* Rows are cut into parts by their shape alone, and the parts' sums added in order: the same bits for any number of threads. */
enum { PARTS = 64 };

static int64_t part_rows(int64_t rows, int64_t n) {
    const int64_t few = (rows + PARTS - 1) / PARTS, chunk = n > 0 ? RG_CHUNK / n : 1;
    return few > chunk ? few : chunk > 0 ? chunk : 1;
}

/* The sum of the losses of some rows; p = their softmax. Each step runs over all rows, so that short ones are vectorised too. */
static double losses(const real *x, const int32_t *label, real *p, int64_t rows, int64_t n) {
    double sum = 0;
    for (int64_t r = 0; r < rows; r++) {
        const real *row = x + r * n;
        const real max = max_run(n, row);
        for (int64_t j = 0; j < n; j++) p[r * n + j] = row[j] - max;
        sum -= (double)p[r * n + label[r]];
    }
    for (int64_t i = 0; i < rows * n; i++) p[i] = RG_M(exp)(p[i]);
    for (int64_t r = 0; r < rows; r++) {
        const real total = sum_run(n, p + r * n), scale = 1 / total;
        for (int64_t j = 0; j < n; j++) p[r * n + j] *= scale;
        sum += math_log_f64((double)total);
    }
    return sum;
}

/* per: in a part */
typedef struct rows { int64_t count, n, per; const real *x, *p; const int32_t *label; real scale, *to; double *sum; } rows;
static rows rows_of(const rg_tensor *y) {
    const rg_tensor *x = y->in[0], *labels = y->in[1];
    rows k = {.count = labels->numel, .n = x->shape[x->ndim - 1], .x = x->data, .p = y->saved[0]->data, .label = labels->data};
    k.per = part_rows(k.count, k.n);
    return k;
}

static void sum_parts(const void *with, int64_t begin, int64_t end) {
    const rows *k = with;
    for (int64_t i = begin; i < end; i++) {
        const int64_t r = i * k->per;
        k->sum[i] = losses(k->x + r * k->n, k->label + r, k->to + r * k->n, rg_min64(k->per, k->count - r), k->n);
    }
}

int RG_K(cross_entropy)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    rg_tensor *softmax = rg_save(y, 0, x->dtype, x->ndim, x->shape);
    if (rg_failed(softmax)) return -1;
    double part[PARTS], sum = 0;
    rows k = rows_of(y);
    k.to = softmax->data, k.sum = part;
    const int64_t parts = (k.count + k.per - 1) / k.per;
    rg_parallel(y->tape, parts, parts, sum_parts, &k);
    for (int64_t i = 0; i < parts; i++) sum += part[i];
    *(real *)y->data = (real)(sum / (double)k.count);
    return 0;
}

static void differ_parts(const void *with, int64_t begin, int64_t end) {
    const rows *k = with;
    const int64_t n = k->n, last = rg_min64(end * k->per, k->count);
    const real *p = k->p, scale = k->scale;
    real *restrict to = k->to;
    for (int64_t i = begin * k->per * n; i < last * n; i++) to[i] = p[i] * scale;
    for (int64_t r = begin * k->per; r < last; r++) to[r * n + k->label[r]] = (p[r * n + k->label[r]] - 1) * scale;
}

int RG_K(cross_entropy_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    if (!rg_make_dx(y, dx, 0)) return -1;
    rows k = rows_of(y);
    k.scale = *(const real *)dy->data / (real)k.count, k.to = dx[0]->data;
    const int64_t parts = (k.count + k.per - 1) / k.per;
    rg_parallel(y->tape, parts, parts, differ_parts, &k);
    return 0;
}
