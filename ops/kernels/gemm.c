/* kernels/gemm.c - matrix products: cut into tiles for threads; tiny ones by plain loops, others by product.c or OpenBLAS. */
#include "gemm.h"

#include <limits.h>
#ifdef RG_OPENBLAS
#include <cblas.h>
#ifdef RG_KERNEL_F64
#define cblas_gemm cblas_dgemm
#else
#define cblas_gemm cblas_sgemm
#endif
#endif

/* From twice so many multiply-adds on a product is cut, and its halves again, but into pieces of a side under BROAD only up to FEW of
   them: a narrow piece packs too much for what it computes. Tiles are multiples of UNIT columns, of EVEN rows. */
enum { GRAIN = 1 << 20, FEW = 4, MANY = 16, BROAD = 128, UNIT = 16, EVEN = 4 };

#ifdef RG_OPENBLAS

/* Below so many multiply-adds the own loops are as fast as OpenBLAS, or faster; with a few rows, which read b only once, at any size; and
   so with one column where it is as such a row. OpenBLAS knows a processor by its name and takes one younger than itself for a very
   old one: where its kernels are for an older instruction set than these loops, they do it all. */
enum { OWN = RG_KERNEL_ISA > 0 ? 1 << 27 : 1 << 15, ROWS = 6 };

static bool own(const rg_gemm *p) {
    return (double)p->n * (double)p->k * (double)p->m < OWN || (p->n <= ROWS && !p->tb) || (p->m == 1 && p->ta) ||
        rg_blas_isa() < RG_KERNEL_ISA;
}

static void product(const rg_gemm *p, rg_tile t, const real *a, const real *b, real *c) {
    if (own(p)) {
        RG_K(product)(p, t, a, b, c);
        return;
    }
    const int64_t lda = p->ta ? p->n : p->k, ldb = p->tb ? p->k : p->m;
    cblas_gemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans, (int)t.n, (int)t.m, (int)p->k, 1,
        a + t.i * (p->ta ? 1 : lda), (int)lda, b + t.j * (p->tb ? ldb : 1), (int)ldb, 0, c + t.i * p->m + t.j, (int)p->m);
}

#else
#define product RG_K(product)
#endif

/* The largest tile, from the shape alone: the longer side is halved, time and again. */
static rg_tile cut(const rg_gemm *p) {
    rg_tile t = {0, 0, p->n, p->m};
    for (int pieces = 1; pieces < MANY && (double)t.n * (double)t.m * (double)p->k >= 2. * GRAIN; pieces *= 2) {
        int64_t *side = t.n > t.m ? &t.n : &t.m;
        const int64_t unit = side == &t.m ? UNIT : EVEN, half = ((*side + 1) / 2 + unit - 1) / unit * unit;
        if (pieces >= FEW && half < BROAD) break;
        *side = half;
    }
    return t;
}

static void add_bias(const rg_gemm *p, rg_tile t, real *c) {
    for (int64_t i = t.i; i < t.i + t.n; i++) {
        real *restrict row = c + i * p->m;
        for (int64_t j = t.j; j < t.j + t.m; j++) row[j] += p->bias[j];
    }
}

/* A product being shared out: every matrix of the batch is rows x cols pieces of the size of t. */
typedef struct plan { const rg_gemm *p; rg_tile t; int64_t rows, cols; } plan;

static void run_piece(const plan *q, int64_t i) {
    const rg_gemm *p = q->p;
    const int64_t matrix = i / (q->rows * q->cols);
    rg_tile t = {i / q->cols % q->rows * q->t.n, i % q->cols * q->t.m, 0, 0};
    t.n = rg_min64(q->t.n, p->n - t.i);
    t.m = rg_min64(q->t.m, p->m - t.j);
    int64_t from[2] = {0, 0};
    if (p->batch) {
        rg_walk_at(p->batch, 2, matrix / p->batch->inner, from);
        for (int j = 0; j < 2; j++) from[j] += matrix % p->batch->inner * p->batch->run[j];
    }
    const real *a = p->a + from[0] * p->n * p->k, *b = p->b + from[1] * p->k * p->m;
    real *c = p->c + matrix * p->n * p->m;
    product(p, t, a, b, c);
    if (p->bias) add_bias(p, t, c);
}

static void run_pieces(const void *with, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) run_piece(with, i);
}

int RG_K(gemm)(rg_tensor *y, const rg_gemm *p) {
    const int64_t batch = p->batch ? p->batch->rows * p->batch->inner : 1, dims[] = {p->n, p->k, p->m};
    for (int d = 0; d < 3; d++)
        if (dims[d] > INT_MAX)
            return rg_reject(y, RG_EVALUE, "dimension %lld is beyond %d, the limit of BLAS", (long long)dims[d], INT_MAX);
    if (batch == 0 || p->n == 0 || p->m == 0) return 0;
    const double all = (double)p->n * (double)p->k * (double)p->m;
    if (all < 2. * GRAIN && !p->batch) {
        product(p, (rg_tile){0, 0, p->n, p->m}, p->a, p->b, p->c);
        if (p->bias) add_bias(p, (rg_tile){0, 0, p->n, p->m}, p->c);
        return 0;
    }
    plan q = {.p = p, .t = cut(p)};
    q.rows = (p->n + q.t.n - 1) / q.t.n;
    q.cols = (p->m + q.t.m - 1) / q.t.m;
    const int64_t pieces = batch * q.rows * q.cols;
    rg_parallel(y->tape, all * (double)batch >= 2. * GRAIN ? pieces : 0, pieces, run_pieces, &q);
    return 0;
}
