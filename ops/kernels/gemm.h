/* kernels/gemm.h - for kernel sources: matrix products c = op(a) op(b) [+ bias], one or a batch of them.

   Small and narrow ones, and with -Dblas=builtin all, by own loops in which every element of c is one chain of multiply-adds
   over k in order: its bits do not depend on the other sizes. The others through OpenBLAS. What is done, and how a large product is
   cut into tiles, depends on its shape alone; threads share the tiles: the same bits for any number of threads.            */
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

/* That piece by own loops (product.c), for one matrix each of a, b and c; p's bias is left out. */
void RG_K(product)(const rg_gemm *p, rg_tile t, const real *a, const real *b, real *c);
int rg_blas_isa(void); /* the instruction set that OpenBLAS has chosen kernels for */
int RG_K(gemm)(rg_tensor *y, const rg_gemm *p); /* on behalf of y; 0, or -1 with the error on its tape */

#endif
