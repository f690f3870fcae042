/* gemm.c - matrix products of `real`: the library's and OpenBLAS's, in turn, on one thread. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef BENCH_OPENBLAS
#include <cblas.h>
#ifdef RG_KERNEL_F64
#define cblas_gemm cblas_dgemm
#else
#define cblas_gemm cblas_sgemm
#endif
#endif

#include "bench.h"
#include "ops/kernels/gemm.h"

typedef void product_fn(const rg_gemm *p, rg_tile t, const real *a, const real *b, real *c, real *scratch);
#define PRODUCT(isa) RG_K3(product, RG_SUFFIX_DTYPE, isa)
product_fn PRODUCT(base), PRODUCT(avx2), PRODUCT(avx512);
static product_fn *const products[RG_ISAS] = {PRODUCT(base),
#ifdef RG_HAVE_AVX2
    PRODUCT(avx2),
#endif
#ifdef RG_HAVE_AVX512
    PRODUCT(avx512),
#endif
};

enum { TURNS = 15, FEW_TURNS = 5, MOST = 4096 };
static product_fn *product;
static real *scratch;

typedef void gemm_fn(const rg_gemm *p);
static void own(const rg_gemm *p) {
    const rg_tile all = {0, 0, p->n, p->m};
    product(p, all, p->a, p->b, p->c, rg_product_packs(p, all) ? scratch : NULL);
}

#ifdef BENCH_OPENBLAS
static void openblas(const rg_gemm *p) {
    cblas_gemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans, (int)p->n, (int)p->m, (int)p->k, 1,
        p->a, (int)(p->ta ? p->n : p->k), p->b, (int)(p->tb ? p->k : p->m), 0, p->c, (int)p->m);
}
#endif

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n) {
    qsort(v, (size_t)n, sizeof *v, compare);
    return v[n / 2];
}

/* Of this thread alone: others on the machine do not count. */
static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds_of(gemm_fn *f, const rg_gemm *p, int calls) {
    const double start = cpu_seconds();
    for (int i = 0; i < calls; i++) f(p);
    return (cpu_seconds() - start) / calls;
}

/* Prints a row; the ratio of OpenBLAS's time to the library's, 0 without it. */
static double row(const rg_gemm *p, gemm_fn *theirs, double seconds, double peak) {
    const double flop = 2. * (double)p->n * (double)p->k * (double)p->m;
    const int turns = flop > 1e10 ? FEW_TURNS : TURNS;
    double times[2][TURNS], ratios[TURNS];
    int calls = 1;
    while (calls < 1 << 20 && seconds_of(own, p, calls) * calls < seconds / turns) calls *= 2;
    for (int r = 0; r < turns; r++) {
        times[0][r] = seconds_of(own, p, calls);
        if (theirs) times[1][r] = seconds_of(theirs, p, calls), ratios[r] = times[1][r] / times[0][r];
    }
    const double rate = flop / median(times[0], turns) / 1e9;
    printf("%5lld %5lld %5lld %4s %4s %9.1f %4.0f%%", (long long)p->n, (long long)p->k, (long long)p->m, p->ta ? "T" : "-",
        p->tb ? "T" : "-", rate, 100 * rate / peak);
    double ratio = 0;
    if (theirs) {
        const double their_rate = flop / median(times[1], turns) / 1e9;
        ratio = median(ratios, turns);
        printf(" %9.1f %4.0f%% %8.2f", their_rate, 100 * their_rate / peak, ratio);
    }
    printf("\n");
    fflush(stdout);
    return ratio;
}

/* The products of W1, W2 and W3; what is between them and square ones; the square ones in all transpositions. */
static const struct { int n, k, m, ta, tb; } shapes[] = {{64, 784, 128, 0, 0}, {784, 64, 128, 1, 0}, {64, 128, 10, 0, 0},
    {128, 64, 10, 1, 0}, {64, 10, 128, 0, 1}, {128, 3072, 256, 0, 0}, {3072, 128, 256, 1, 0}, {128, 256, 128, 0, 0}, {256, 128, 128, 1, 0},
    {128, 128, 256, 0, 1}, {128, 128, 10, 0, 0}, {128, 128, 10, 1, 0}, {128, 10, 128, 0, 1}, {4, 2, 2, 0, 0}, {8, 8, 8, 0, 0},
    {16, 16, 16, 0, 0}, {32, 32, 32, 0, 0}, {32, 32, 32, 0, 1}, {64, 64, 64, 0, 0}, {1, 784, 128, 0, 0}, {4096, 64, 4096, 0, 1},
    {64, 4096, 4096, 0, 0}, {4096, 4096, 64, 0, 0}};
static const int sides[] = {128, 256, 512, 1024, 2048, 4096};

#define NAMED2(name, dtype) name##_##dtype
#define NAMED(name, dtype) NAMED2(name, dtype)
int NAMED(bench_gemm, RG_SUFFIX_DTYPE)(double seconds, double peak, int isa) {
    gemm_fn *theirs = NULL;
#ifdef BENCH_OPENBLAS
    theirs = openblas;
    openblas_set_num_threads(1);
#endif
    const int64_t n = (int64_t)MOST * MOST;
    const rg_gemm most = {.n = MOST, .k = MOST, .m = MOST};
    real *a = malloc((3 * (size_t)n + 16 + (size_t)rg_product_packs(&most, (rg_tile){0, 0, MOST, MOST})) * sizeof *a);
    if (!a) return 1;
    scratch = (real *)(void *)(((uintptr_t)(a + 3 * n) + 63) / 64 * 64);
    product = products[isa];
    for (int64_t i = 0; i < 3 * n; i++) a[i] = (real)(i % 1009) / 1009 - (real).5;
    printf("\nproducts of f%d, op(a) [n, k] . op(b) [k, m]: GFLOP/s and share of the peak\n%5s %5s %5s %4s %4s %15s%s\n",
        8 * (int)sizeof(real), "n", "k", "m", "a", "b", "own loops", theirs ? "        OpenBLAS    ratio" : "");
    double logs = 0, worst = INFINITY;
    const int given = sizeof shapes / sizeof *shapes, all = given + 4 * (int)(sizeof sides / sizeof *sides);
    for (int i = 0; i < all; i++) {
        const int side = i < given ? 0 : sides[(i - given) / 4], way = (i - given) % 4;
        rg_gemm p = {.n = side, .k = side, .m = side, .ta = way & 1, .tb = way & 2, .a = a, .b = a + n, .c = a + 2 * n};
        if (!side) p.n = shapes[i].n, p.k = shapes[i].k, p.m = shapes[i].m, p.ta = shapes[i].ta, p.tb = shapes[i].tb;
        const double ratio = row(&p, theirs, seconds, peak);
        logs += log(ratio);
        if (ratio < worst) worst = ratio;
    }
    if (theirs) printf("ratio: geometric mean %.2f, worst %.2f\n", exp(logs / all), worst);
    free(a);
    return 0;
}
