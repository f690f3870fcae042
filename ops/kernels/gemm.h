/* kernels/gemm.h - for kernel sources: matrix products c = op(a) op(b) [+ bias], one or a batch of them.

   Every element of c is one chain of multiply-adds over k in order: its bits do not depend on the other sizes, nor on how a large
   product is cut into tiles, nor on which thread computes a tile.                                                           */
#ifndef RG_GEMM_H
#define RG_GEMM_H

#include "engine/kernel.h"

typedef struct rg_gemm {
    int64_t n, k, m;      /* op(a) is [n, k], op(b) [k, m], c [n, m]; all contiguous */
    bool ta, tb;          /* a is stored as [k, n], b as [m, k] */
    const rg_walk *batch; /* of the matrices of a and b (operands 0 and 1) for each of c; NULL: one product */
    const real *a, *b;
    const real *bias;     /* [m], added to every row of c; or NULL */
    real *c;
} rg_gemm;

/* A piece of c: n rows from i on, m columns from j on. */
typedef struct rg_tile { int64_t i, j, n, m; } rg_tile;

enum {
    RG_PRODUCT_LARGE = 1 << 21, /* multiply-adds */
    /* Packed at a time: DEPTH of k, WIDTH columns of b, HEIGHT rows of a. b takes 1 MiB: most of a second-level cache. */
    RG_PRODUCT_DEPTH = sizeof(real) == 4 ? 512 : 384, RG_PRODUCT_WIDTH = sizeof(real) == 4 ? 512 : 320, RG_PRODUCT_HEIGHT = 2048,
    RG_PRODUCT_ROWS = 96, /* are packed one after another */
};

/* The elements of a scratch to pack in, or 0 where it is not worth it. Rows of a are kept if there are more columns than are packed. */
static inline int64_t rg_product_packs(const rg_gemm *p, rg_tile t) {
    enum { NARROW = 256, PANEL = 32 };
    if ((double)p->n * (double)p->k * (double)p->m < RG_PRODUCT_LARGE || t.n < RG_PRODUCT_ROWS || t.m < NARROW) return 0;
    const int64_t width = rg_min64((t.m + PANEL - 1) / PANEL * PANEL, RG_PRODUCT_WIDTH),
        height = t.m > width ? rg_min64(t.n, RG_PRODUCT_HEIGHT) : RG_PRODUCT_ROWS;
    return (width + height) * rg_min64(p->k, RG_PRODUCT_DEPTH);
}

/* How many parts to share so many multiply-adds out to: several for each thread, so that threads wait briefly for a late one. */
static inline int64_t rg_parts(const rg_tensor *y, double work) {
    enum { PARTS = 4 };
    return rg_threads(y->tape) > 1 && work >= RG_PRODUCT_LARGE ? PARTS * rg_threads(y->tape) : 1;
}

/* Runs all pieces, on behalf of y, in at most so many parts. A part, pieces one after another in a thread, has a scratch of `elements`, or
   NULL for 0. 0, or -1 with the error on y's tape (gemm.c). */
typedef void rg_piece_fn(const void *with, int64_t piece, real *scratch);
int RG_K(share)(rg_tensor *y, int64_t parts, int64_t pieces, int64_t elements, rg_piece_fn *run, const void *with);

/* That piece (product.c), for one matrix each of a, b and c; p's bias is left out. `scratch`: of rg_product_packs elements, or NULL. */
void RG_K(product)(const rg_gemm *p, rg_tile t, const real *a, const real *b, real *c, real *scratch);
void RG_K(transposed)(int64_t n, int64_t m, const real *x, real *to); /* to[m, n] = x[n, m]^T (product.c) */
int RG_K(gemm)(rg_tensor *y, const rg_gemm *p); /* on behalf of y; 0, or -1 with the error on its tape */

#endif
