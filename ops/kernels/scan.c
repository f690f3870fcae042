/* kernels/scan.c - the loop of cumsum. */
#include "engine/kernel.h"
#include "ops/kernels/extent.h"

enum { COLUMNS = 64 }; /* at a time */

/* Running sums of n rows, `step` elements apart, of neighbouring columns. In doubles for f32 too: an error stays in all sums after it. */
static void scan(int64_t n, int64_t step, int columns, const real *x, real *y) {
    double s[COLUMNS] = {0};
    for (int64_t i = 0; i < n; i++, x += step, y += step)
        for (int j = 0; j < columns; j++) y[j] = (real)(s[j] += (double)x[j]);
}

/* x as [outer, n, inner], inner in blocks of columns */
typedef struct scans { int64_t n, inner, across; bool reverse; const real *x; real *y; } scans;
static void scan_blocks(const void *with, int64_t begin, int64_t end) {
    const scans *s = with;
    for (int64_t b = begin; b < end; b++) {
        const int64_t slab = b / s->across * s->n * s->inner, column = b % s->across * COLUMNS;
        const int64_t at = slab + column + (s->reverse ? (s->n - 1) * s->inner : 0);
        scan(s->n, s->reverse ? -s->inner : s->inner, (int)rg_min64(COLUMNS, s->inner - column), s->x + at, s->y + at);
    }
}

int RG_K(cumsum)(rg_tensor *y) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int64_t n = rg_axis_size(x, y->attr.axis), inner = extent(x, y->attr.axis + 1, x->ndim), across = (inner + COLUMNS - 1) / COLUMNS;
    const scans s = {n, inner, across, y->attr.reverse, x->data, y->data};
    rg_parallel(y->tape, y->numel / RG_CHUNK, x->numel / (n * inner) * across, scan_blocks, &s);
    return 0;
}
