/* kernels/gemm.c - matrix products: tiny ones by plain loops, others by OpenBLAS or the blocked kernel here; tiles for threads. */
#include "gemm.h"

#include <limits.h>
#ifdef RG_OPENBLAS
#include <cblas.h>
#elif defined _OPENMP
#include <omp.h>
#endif

/* Up to so many multiply-adds the plain loops beat a call of BLAS, and its packing. */
enum { TINY = 128 };
/* From twice so many on a product is cut, and its halves again, but into pieces of a side under BROAD only up to FEW of them:
   a narrow piece packs too much for what it computes. */
enum { GRAIN = 1 << 20, FEW = 4, MANY = 16, BROAD = 128 };

#if defined __FMA__ || defined __FP_FAST_FMA
#define MULTIPLY_ADD(a, b, c) R(fma)(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

/* Sums in registers: of 8 columns at once, or of one. */
static void product_tiny(const rg_gemm *p, const real *a, const real *b, real *c) {
    enum { TOGETHER = 8 };
    const int64_t n = p->n, k = p->k, m = p->m, step = p->ta ? n : 1;
    for (int64_t i = 0; i < n; i++, c += m) {
        const real *row = a + (p->ta ? i : i * k); /* of op(a) */
        int64_t j = 0;
        for (; !p->tb && j + TOGETHER <= m; j += TOGETHER) {
            real s[TOGETHER] = {0};
            for (int64_t l = 0; l < k; l++)
#pragma omp simd
                for (int q = 0; q < TOGETHER; q++) s[q] = MULTIPLY_ADD(row[l * step], b[l * m + j + q], s[q]);
            memcpy(c + j, s, sizeof s);
        }
        for (; j < m; j++) {
            const real *column = b + (p->tb ? j * k : j);
            const int64_t down = p->tb ? 1 : m;
            real s = 0;
            for (int64_t l = 0; l < k; l++) s = MULTIPLY_ADD(row[l * step], column[l * down], s);
            c[j] = s;
        }
    }
}

/* A piece of c: n rows from i on, m columns from j on. */
typedef struct tile { int64_t i, j, n, m; } tile;

#ifdef RG_OPENBLAS

#ifdef RG_KERNEL_F64
#define cblas_gemm cblas_dgemm
#else
#define cblas_gemm cblas_sgemm
#endif

enum { ROWS = 4, COLS = 16 }; /* tiles are cut in multiples of these */

static size_t work_size(const rg_gemm *p, tile t) { return ((void)p, (void)t, 0); }
static real *work_of_thread(real *work, size_t size) { return ((void)size, work); }

static void product(const rg_gemm *p, tile t, const real *a, const real *b, real *c, real *work) {
    (void)work;
    const int64_t lda = p->ta ? p->n : p->k, ldb = p->tb ? p->k : p->m;
    cblas_gemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans, (int)t.n, (int)t.m, (int)p->k, 1,
        a + t.i * (p->ta ? 1 : lda), (int)lda, b + t.j * (p->tb ? ldb : 1), (int)ldb, 0, c + t.i * p->m + t.j, (int)p->m);
}

#else

/* A register tile of c is ROWS x COLS: 12 vector registers of sums, 2 of b and 1 of a, out of 16. Panels of op(a), ROWS wide and
   DEPTH long, and of op(b), COLS wide, are packed so that the innermost loop reads both in order. */
#ifdef RG_KERNEL_AVX2
enum { ROWS = 6, COLS = 64 / (int)sizeof(real) };
#else
enum { ROWS = 6, COLS = 32 / (int)sizeof(real) };
#endif
enum { DEPTH = 256, WIDTH = 2048 / (int)sizeof(real) }; /* DEPTH x WIDTH of b are packed at a time: half a MiB */

/* c[ROWS, COLS] (rows ldc apart) = or += a[k, ROWS]^T b[k, COLS] */
static void register_tile(int64_t k, const real *restrict a, const real *restrict b, real *restrict c, int64_t ldc, bool add) {
    real s[ROWS][COLS] = {{0}};
    if (add)
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLS; j++) s[i][j] = c[i * ldc + j];
    for (int64_t l = 0; l < k; l++, a += ROWS, b += COLS)
#pragma GCC unroll 6
        for (int i = 0; i < ROWS; i++)
#pragma omp simd
            for (int j = 0; j < COLS; j++) s[i][j] = MULTIPLY_ADD(a[i], b[j], s[i][j]);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++) c[i * ldc + j] = s[i][j];
}

/* The same at an edge, where only n rows and m columns are there. */
static void edge_tile(int64_t k, const real *a, const real *b, real *c, int64_t ldc, bool add, int64_t n, int64_t m) {
    real s[ROWS * COLS] = {0};
    if (add)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++) s[i * COLS + j] = c[i * ldc + j];
    register_tile(k, a, b, s, COLS, add);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) c[i * ldc + j] = s[i * COLS + j];
}

/* to[k, width] = from, n of width there and the rest 0; `step` from one of k to the next, `across` from one of n to the next. */
static inline void pack(int64_t k, int64_t n, int width, const real *restrict from, int64_t step, int64_t across, real *restrict to) {
    if (n < width) {
        memset(to, 0, (size_t)(k * width) * sizeof *to);
        for (int64_t j = 0; j < n; j++)
            for (int64_t l = 0; l < k; l++) to[l * width + j] = from[l * step + j * across];
    } else if (across == 1) {
        for (int64_t l = 0; l < k; l++) memcpy(to + l * width, from + l * step, (size_t)width * sizeof *to);
    } else {
        for (int64_t l = 0; l < k; l++)
            for (int j = 0; j < width; j++) to[l * width + j] = from[l * step + j * across];
    }
}

static int64_t padded(int64_t m) { return (m + COLS - 1) / COLS * COLS; }

/* Room for one block of b. */
static size_t work_size(const rg_gemm *p, tile t) {
    return (size_t)(rg_min64(p->k, DEPTH) * padded(rg_min64(t.m, WIDTH))) * sizeof(real);
}

static real *work_of_thread(real *work, size_t size) {
#ifdef _OPENMP
    return work + (size_t)omp_get_thread_num() * (size / sizeof *work);
#else
    return ((void)size, work);
#endif
}

static void product(const rg_gemm *p, tile t, const real *a, const real *b, real *c, real *work) {
    const int64_t step_a = p->ta ? p->n : 1, across_a = p->ta ? 1 : p->k, step_b = p->tb ? 1 : p->m, across_b = p->tb ? p->k : 1;
    real panel[ROWS * DEPTH];
    for (int64_t j0 = t.j; j0 < t.j + t.m; j0 += WIDTH) {
        const int64_t width = rg_min64(WIDTH, t.j + t.m - j0);
        for (int64_t l = 0; l < p->k; l += DEPTH) {
            const int64_t depth = rg_min64(DEPTH, p->k - l);
            for (int64_t j = 0; j < width; j += COLS)
                pack(depth, rg_min64(COLS, width - j), COLS, b + l * step_b + (j0 + j) * across_b, step_b, across_b, work + j * depth);
            for (int64_t i = t.i; i < t.i + t.n; i += ROWS) {
                const int64_t rows = rg_min64(ROWS, t.i + t.n - i);
                pack(depth, rows, ROWS, a + l * step_a + i * across_a, step_a, across_a, panel);
                for (int64_t j = 0; j < width; j += COLS) {
                    const int64_t cols = rg_min64(COLS, width - j);
                    real *to = c + i * p->m + j0 + j;
                    if (rows == ROWS && cols == COLS) register_tile(depth, panel, work + j * depth, to, p->m, l > 0);
                    else edge_tile(depth, panel, work + j * depth, to, p->m, l > 0, rows, cols);
                }
            }
        }
    }
}

#endif

/* The largest tile, from the shape alone: the longer side is halved, time and again. */
static tile cut(const rg_gemm *p) {
    tile t = {0, 0, p->n, p->m};
    for (int pieces = 1; pieces < MANY && (double)t.n * (double)t.m * (double)p->k >= 2. * GRAIN; pieces *= 2) {
        int64_t *side = t.n > t.m ? &t.n : &t.m;
        const int64_t unit = t.n > t.m ? ROWS : COLS, half = ((*side + 1) / 2 + unit - 1) / unit * unit;
        if (pieces >= FEW && half < BROAD) break;
        *side = half;
    }
    return t;
}

static void add_bias(const rg_gemm *p, tile t, real *c) {
    for (int64_t i = t.i; i < t.i + t.n; i++) {
        real *restrict row = c + i * p->m;
        for (int64_t j = t.j; j < t.j + t.m; j++) row[j] += p->bias[j];
    }
}

/* A product being shared out: every matrix of the batch is rows x cols pieces of the size of t. */
typedef struct plan { const rg_gemm *p; tile t; int64_t rows, cols, pieces; bool tiny; real *work; size_t work_size; } plan;

static void piece(const plan *q, int64_t i) {
    const rg_gemm *p = q->p;
    const int64_t matrix = i / (q->rows * q->cols);
    tile t = {i / q->cols % q->rows * q->t.n, i % q->cols * q->t.m, 0, 0};
    t.n = rg_min64(q->t.n, p->n - t.i);
    t.m = rg_min64(q->t.m, p->m - t.j);
    int64_t from[2] = {0, 0};
    if (p->batch) {
        rg_walk_at(p->batch, 2, matrix / p->batch->inner, from);
        for (int j = 0; j < 2; j++) from[j] += matrix % p->batch->inner * p->batch->run[j];
    }
    const real *a = p->a + from[0] * p->n * p->k, *b = p->b + from[1] * p->k * p->m;
    real *c = p->c + matrix * p->n * p->m;
    if (q->tiny) product_tiny(p, a, b, c);
    else product(p, t, a, b, c, work_of_thread(q->work, q->work_size));
    if (p->bias) add_bias(p, t, c);
}

int RG_K(gemm)(rg_tensor *y, const rg_gemm *p) {
    const int64_t batch = p->batch ? p->batch->rows * p->batch->inner : 1, dims[] = {p->n, p->k, p->m};
    for (int d = 0; d < 3; d++)
        if (dims[d] > INT_MAX) return rg_reject(y, RG_EVALUE, "dimension %lld is beyond %d, the limit of BLAS", (long long)dims[d], INT_MAX);
    if (batch == 0 || p->n == 0 || p->m == 0) return 0;
    const double all = (double)p->n * (double)p->k * (double)p->m;
    if (all <= TINY && !p->batch) {
        product_tiny(p, p->a, p->b, p->c);
        if (p->bias) add_bias(p, (tile){0, 0, p->n, p->m}, p->c);
        return 0;
    }
    plan q = {.p = p, .t = cut(p), .tiny = all <= TINY};
    q.rows = (p->n + q.t.n - 1) / q.t.n;
    q.cols = (p->m + q.t.m - 1) / q.t.m;
    q.pieces = batch * q.rows * q.cols;
    const bool shared = q.pieces > 1 && rg_threads(y->tape) > 1 && all * (double)batch >= 2. * GRAIN;
    q.work_size = q.tiny ? 0 : (work_size(p, q.t) + 63) / 64 * 64;
    const size_t total = q.work_size * (size_t)(shared ? rg_threads(y->tape) : 1);
    if (total && !(q.work = rg_tape_alloc(y->at, y->tape, total))) return -1;
    RG_PARALLEL_FOR(y->tape, shared ? q.pieces : 0,
        for (int64_t i = 0; i < q.pieces; i++) piece(&q, i);)
    if (total) rg_tape_dealloc(y->tape, q.work, total);
    return 0;
}
