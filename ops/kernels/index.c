/* kernels/index.c - the loops of where, pick, scatter and one_hot. Indices have been checked by then. */
#include "engine/kernel.h"

/* -------- where: operands walked in runs, whose strides are 0 or 1 */

static void choose(int64_t n, const real *c, int64_t sc, const real *a, int64_t sa, const real *b, int64_t sb, real *to) {
    if (!sc && *c != 0) b = a, sb = sa;
    if (!sc && sb) memcpy(to, b, (size_t)n * sizeof *to);
    else if (!sc) for (int64_t i = 0; i < n; i++) to[i] = *b;
    else if (sa && sb) for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? a[i] : b[i];
    else if (sa) { const real other = *b; for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? a[i] : other; }
    else if (sb) { const real other = *a; for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? other : b[i]; }
    else { const real one = *a, other = *b; for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? one : other; }
}

int RG_K(where)(rg_tensor *y) {
    if (!y->numel) return 0;
    const real *c = y->in[0]->data, *a = y->in[1]->data, *b = y->in[2]->data;
    real *to = y->data;
    rg_walk w;
    rg_walk_operands(&w, y, 3);
    rg_walk_cut(&w, RG_CHUNK);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t i = 0; i < w.blocks; i++) {
            int64_t at[4];
            const int64_t n = rg_walk_block(&w, 3, i, at);
            choose(n, c + at[0], w.run[0], a + at[1], w.run[1], b + at[2], w.run[2], to + at[3]);
        })
    return 0;
}

#ifndef RG_KERNEL_AVX2
uint64_t RG_K(where_branch)(const rg_tensor *y) {
    const real *c = y->in[0]->data;
    uint64_t h = RG_HASH;
    for (int64_t i = 0; i < y->in[0]->numel; i++) h = rg_hash(h, c[i] != 0);
    return h;
}
#endif

/* -------- rows of n elements, one index each */

int RG_K(pick)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const real *from = x->data;
    const int32_t *index = y->in[1]->data;
    real *to = y->data;
    const int64_t n = x->shape[x->ndim - 1];
    for (int64_t r = 0; r < y->numel; r++) to[r] = from[r * n + index[r]];
    return 0;
}

int RG_K(scatter)(rg_tensor *y) {
    const real *from = y->in[0]->data;
    const int32_t *index = y->in[1]->data;
    real *to = y->data;
    const int64_t n = y->shape[y->ndim - 1];
    if (y->numel) memset(to, 0, (size_t)y->numel * sizeof *to);
    for (int64_t r = 0; r < y->in[1]->numel; r++) to[r * n + index[r]] = from[r];
    return 0;
}

int RG_K(one_hot)(rg_tensor *y) {
    const int32_t *index = y->in[0]->data;
    real *to = y->data;
    const int64_t n = y->shape[y->ndim - 1];
    if (y->numel) memset(to, 0, (size_t)y->numel * sizeof *to);
    for (int64_t r = 0; r < y->in[0]->numel; r++) to[r * n + index[r]] = 1;
    return 0;
}
