/* kernels/cross_entropy.c - the loss of rows of logits, which leaves softmax in y->saved[0], and its gradient. */
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
    for (int64_t i = 0; i < rows * n; i++) p[i] = R(exp)(p[i]);
    for (int64_t r = 0; r < rows; r++) {
        const real total = sum_run(n, p + r * n), scale = 1 / total;
        for (int64_t j = 0; j < n; j++) p[r * n + j] *= scale;
        sum += log((double)total);
    }
    return sum;
}

int RG_K(cross_entropy)(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *labels = y->in[1];
    rg_tensor *softmax = rg_save(y, 0, x->dtype, x->ndim, x->shape);
    if (rg_failed(softmax)) return -1;
    const int64_t rows = labels->numel, n = x->shape[x->ndim - 1], per = part_rows(rows, n), parts = (rows + per - 1) / per;
    const real *from = x->data;
    const int32_t *label = labels->data;
    real *p = softmax->data;
    double part[PARTS], sum = 0;
    RG_PARALLEL_FOR(y->tape, parts,
        for (int64_t k = 0; k < parts; k++) {
            const int64_t r = k * per;
            part[k] = losses(from + r * n, label + r, p + r * n, rg_min64(per, rows - r), n);
        })
    for (int64_t k = 0; k < parts; k++) sum += part[k];
    *(real *)y->data = (real)(sum / (double)rows);
    return 0;
}

int RG_K(cross_entropy_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_tensor *x = y->in[0], *labels = y->in[1];
    if (rg_failed(rg_dx(y, dx, 0))) return -1;
    const int64_t rows = labels->numel, n = x->shape[x->ndim - 1], per = part_rows(rows, n), parts = (rows + per - 1) / per;
    const real scale = *(const real *)dy->data / (real)rows, *p = y->saved[0]->data;
    const int32_t *label = labels->data;
    real *to = dx[0]->data;
    RG_PARALLEL_FOR(y->tape, parts,
        for (int64_t k = 0; k < parts; k++) {
            const int64_t first = k * per, last = rg_min64(first + per, rows);
            for (int64_t i = first * n; i < last * n; i++) to[i] = p[i] * scale;
            for (int64_t r = first; r < last; r++) to[r * n + label[r]] = (p[r * n + label[r]] - 1) * scale;
        })
    return 0;
}
