/* kernels/scan.c - the loop of cumsum. */
#include "engine/kernel.h"
#include "ops/kernels/extent.h"

/* Running sums in doubles, in f32 too: they may be long, and each error would be in all that follows. */
enum { COLUMNS = 64 };

/* `n` rows, `step` elements apart, of some neighbouring columns. */
static void scan(int64_t n, int64_t step, int columns, const real *x, real *y) {
    double s[COLUMNS] = {0};
    for (int64_t i = 0; i < n; i++, x += step, y += step)
        for (int j = 0; j < columns; j++) y[j] = (real)(s[j] += (double)x[j]);
}

/* x as [outer, n, inner], inner in blocks of columns */
int RG_K(cumsum)(rg_tensor *y) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    const int64_t n = rg_axis_size(x, y->attr.axis), inner = extent(x, y->attr.axis + 1, x->ndim), per_row = (inner + COLUMNS - 1) / COLUMNS;
    const int64_t blocks = x->numel / (n * inner) * per_row, first = y->attr.reverse ? (n - 1) * inner : 0;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t column = b % per_row * COLUMNS, at = b / per_row * n * inner + first + column;
            scan(n, y->attr.reverse ? -inner : inner, (int)rg_min64(COLUMNS, inner - column), (const real *)x->data + at, (real *)y->data + at);
        })
    return 0;
}
