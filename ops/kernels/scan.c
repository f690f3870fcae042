/* kernels/scan.c - the loops of cumsum, exp_scan and logcumsumexp. */
#include "engine/kernel.h"
#include "engine/math/functions.h"
#include "ops/kernels/extent.h"

enum { COLUMNS = 64 }; /* at a time */

/* Goes down n rows of neighbouring columns, `step` elements apart, from element `at` on. The state is in doubles for f32 too: an error
   stays in all results after it. */
typedef struct scans scans;
typedef void scan_loop(const scans *s, int64_t at, int64_t step, int columns);
struct scans { int64_t n, inner, across; bool reverse; const real *in[3]; real *y; scan_loop *loop; }; /* x as [outer, n, inner] */

static void sum_loop(const scans *s, int64_t at, int64_t step, int columns) {
    const real *x = s->in[0] + at;
    real *y = s->y + at;
    double sum[COLUMNS] = {0};
    for (int64_t i = 0; i < s->n; i++, x += step, y += step)
        for (int j = 0; j < columns; j++) y[j] = (real)(sum[j] += (double)x[j]);
}

/* e^(u - v), 1 for equal infinities: of a sum that stays as large as it was */
static inline double ratio(double u, double v) { return u == v ? 1 : math_exp_f64(u - v); }

/* max + log(sum of e^(x - max)) */
static void log_loop(const scans *s, int64_t at, int64_t step, int columns) {
    const real *x = s->in[0] + at;
    real *y = s->y + at;
    double max[COLUMNS], sum[COLUMNS] = {0};
    for (int j = 0; j < columns; j++) max[j] = -INFINITY;
    for (int64_t i = 0; i < s->n; i++, x += step, y += step)
        for (int j = 0; j < columns; j++) {
            const double v = (double)x[j], m = max[j], e = v > m ? ratio(m, v) : ratio(v, m);
            sum[j] = v > m ? sum[j] * e + 1 : sum[j] + e;
            max[j] = v > m ? v : m;
            y[j] = (real)(max[j] + math_log_f64(sum[j]));
        }
}

/* What is summed up is relative to e^b of this row, so that where b grows nothing overflows. */
static void exp_loop(const scans *s, int64_t at, int64_t step, int columns) {
    double sum[COLUMNS] = {0};
    for (int64_t i = 0; i < s->n; i++, at += step) {
        const real *u = s->in[0] + at, *a = s->in[1] + at, *b = s->in[2] + at, *before = i ? b - step : b;
        for (int j = 0; j < columns; j++) {
            const double e = math_exp_f64((double)a[j] - (double)b[j]);
            if (s->reverse) {
                sum[j] = sum[j] * ratio((double)b[j], (double)before[j]) + (double)u[j];
                s->y[at + j] = (real)(sum[j] * e);
            } else s->y[at + j] = (real)(sum[j] = sum[j] * ratio((double)before[j], (double)b[j]) + (double)u[j] * e);
        }
    }
}

static void scan_blocks(const void *with, int64_t begin, int64_t end) {
    const scans *s = with;
    for (int64_t b = begin; b < end; b++) {
        const int64_t slab = b / s->across * s->n * s->inner, column = b % s->across * COLUMNS;
        const int64_t at = slab + column + (s->reverse ? (s->n - 1) * s->inner : 0);
        s->loop(s, at, s->reverse ? -s->inner : s->inner, (int)rg_min64(COLUMNS, s->inner - column));
    }
}

static int scan(rg_tensor *y, scan_loop *loop) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int64_t n = rg_axis_size(x, y->attr.axis), inner = extent(x, y->attr.axis + 1, x->ndim), across = (inner + COLUMNS - 1) / COLUMNS;
    scans s = {n, inner, across, y->attr.reverse, {0}, y->data, loop};
    for (int k = 0; k < y->nin; k++) s.in[k] = y->in[k]->data;
    rg_parallel(y->tape, y->numel / RG_CHUNK, x->numel / (n * inner) * across, scan_blocks, &s);
    return 0;
}

int RG_K(cumsum)(rg_tensor *y) { return scan(y, sum_loop); }
int RG_K(exp_scan)(rg_tensor *y) { return scan(y, exp_loop); }
int RG_K(logcumsumexp)(rg_tensor *y) { return scan(y, log_loop); }
