/* kernels/index.c - the loops of where, pick, scatter and one_hot. The ops have checked the indices. */
#include "engine/kernel.h"

/* -------- where: operands walked in runs, whose strides are 0 or 1 */

#define CHOOSE(name, mask, type)                                                                                                          \
    static void name(int64_t n, const mask *c, int64_t sc, const type *a, int64_t sa, const type *b, int64_t sb, type *to) {              \
        if (!sc && *c != 0) b = a, sb = sa;                                                                                               \
        if (!sc && sb) memcpy(to, b, (size_t)n * sizeof *to);                                                                             \
        else if (!sc) for (int64_t i = 0; i < n; i++) to[i] = *b;                                                                         \
        else if (sa && sb) for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? a[i] : b[i];                                               \
        else if (sa) { const type other = *b; for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? a[i] : other; }                         \
        else if (sb) { const type other = *a; for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? other : b[i]; }                         \
        else { const type one = *a, other = *b; for (int64_t i = 0; i < n; i++) to[i] = c[i] != 0 ? one : other; }                        \
    }
CHOOSE(choose, real, real)
CHOOSE(choose_1, uint8_t, uint8_t)
CHOOSE(choose_4, uint8_t, uint32_t)
CHOOSE(choose_8, uint8_t, uint64_t)

/* where for elements of 1, 4 or 8 bytes, with a mask of any dtype. Operand k is read from its element at[k] on. */
static void choose_any(const rg_tensor *y, const rg_walk *w, const int64_t *at, int64_t n) {
    const rg_tensor *mask = y->in[0];
    const size_t size = rg_dtype_size(y->dtype);
    const void *a = (const char *)y->in[1]->data + (size_t)at[1] * size, *b = (const char *)y->in[2]->data + (size_t)at[2] * size;
    void *to = (char *)y->data + (size_t)at[3] * size;
    uint8_t truths[RG_CHUNK];
    const uint8_t *c = mask->dtype == RG_U8 ? (const uint8_t *)mask->data + at[0] : truths;
    for (int64_t i = 0; c == truths && i < (w->run[0] ? n : 1); i++) truths[i] = rg_element(mask, at[0] + i) != 0;
    if (size == 1) choose_1(n, c, w->run[0], a, w->run[1], b, w->run[2], to);
    else if (size == 4) choose_4(n, c, w->run[0], a, w->run[1], b, w->run[2], to);
    else choose_8(n, c, w->run[0], a, w->run[1], b, w->run[2], to);
}

/* alike: the mask is of the result's dtype, and of this kernel's */
typedef struct choice { rg_walk w; const rg_tensor *y; bool alike; } choice;
static void choose_blocks(const void *with, int64_t begin, int64_t end) {
    const choice *k = with;
    const rg_tensor *y = k->y;
    const real *c = y->in[0]->data, *a = y->in[1]->data, *b = y->in[2]->data;
    const int64_t *run = k->w.run;
    real *to = y->data;
    for (int64_t i = begin; i < end; i++) {
        int64_t at[4];
        const int64_t n = rg_walk_block(&k->w, 3, i, at);
        if (k->alike) choose(n, c + at[0], run[0], a + at[1], run[1], b + at[2], run[2], to + at[3]);
        else choose_any(y, &k->w, at, n);
    }
}

int RG_K(where)(rg_tensor *y) {
    if (!y->numel) return 0;
    choice k; /* not cleared: that takes longer than a small op */
    k.y = y, k.alike = y->in[0]->dtype == y->dtype && y->dtype == (sizeof(real) == sizeof(float) ? RG_F32 : RG_F64);
    rg_walk_operands(&k.w, y, 3);
    rg_walk_cut(&k.w, RG_CHUNK);
    rg_parallel(y->tape, y->numel / RG_CHUNK, k.w.blocks, choose_blocks, &k);
    return 0;
}

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
