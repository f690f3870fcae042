/* kernels/gemm.h - for kernel sources: matrix products c = op(a) op(b) [+ bias], one or a batch of them.

   Through OpenBLAS, or (-Dblas=builtin) by an own kernel in which every element of c is one chain of multiply-adds over k in
   order: its bits do not depend on the other sizes. Either way a large product is cut into tiles by its shape alone, and
   threads share the tiles: the same bits for any number of threads.                                                        */
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

int RG_K(gemm)(rg_tensor *y, const rg_gemm *p); /* on behalf of y; 0, or -1 with the error on its tape */

#endif
