/* gemm.c - matrix products of the workloads' shapes, and square ones: the own loops and OpenBLAS, in turn, on one thread. */
#ifdef RG_OPENBLAS
#include <cblas.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "ops/kernels/gemm.h"

typedef void product_fn(const rg_gemm *p, rg_tile t, const float *a, const float *b, float *c);
product_fn rg_k_product_f32_avx2, rg_k_product_f32_avx512;

enum { TURNS = 31 };
typedef void gemm_fn(const rg_gemm *p);

static void own(const rg_gemm *p) {
    static product_fn *const columns[] = {rg_k_product_f32_base,
#ifdef RG_HAVE_AVX2
        rg_k_product_f32_avx2,
#endif
#ifdef RG_HAVE_AVX512
        rg_k_product_f32_avx512,
#endif
    };
    columns[rg_best_isa()](p, (rg_tile){0, 0, p->n, p->m}, p->a, p->b, p->c);
}

const char *better_core(void) {
#ifdef RG_OPENBLAS
    static const char *const cores[RG_ISAS] = {NULL, "Haswell", "SkylakeX"};
    if (rg_blas_isa() == 0) return cores[rg_best_isa()];
#endif
    return NULL;
}

#ifdef RG_OPENBLAS
static void openblas(const rg_gemm *p) {
    cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans, (int)p->n, (int)p->m, (int)p->k, 1,
        p->a,
        (int)(p->ta ? p->n : p->k), p->b, (int)(p->tb ? p->k : p->m), 0, p->c, (int)p->m);
}
#endif

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v) {
    qsort(v, TURNS, sizeof *v, compare);
    return v[TURNS / 2];
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

/* The rate of the first of two, in GFLOP/s; prints a row. */
static double row(const rg_gemm *p, gemm_fn *const fs[2], double seconds, double peak) {
    const double flop = 2. * (double)p->n * (double)p->k * (double)p->m;
    double times[2][TURNS], ratios[TURNS];
    int calls = 1;
    while (calls < 1 << 20 && seconds_of(fs[0], p, calls) * calls < seconds / TURNS) calls *= 2;
    for (int r = 0; r < TURNS; r++) {
        for (int f = 0; f < 2 && fs[f]; f++) times[f][r] = seconds_of(fs[f], p, calls);
        ratios[r] = fs[1] ? times[1][r] / times[0][r] : 0;
    }
    const double rate = flop / median(times[0]) / 1e9;
    if (peak < rate) peak = rate;
    printf("%5lld %5lld %5lld %4s %4s %9.1f %4.0f%%", (long long)p->n, (long long)p->k, (long long)p->m, p->ta ? "T" : "-",
        p->tb ? "T" : "-", rate, 100 * rate / peak);
    if (fs[1]) {
        const double theirs = flop / median(times[1]) / 1e9;
        printf(" %9.1f %4.0f%% %8.2f", theirs, 100 * theirs / peak, median(ratios));
    }
    printf("\n");
    fflush(stdout);
    return rate;
}

int bench_gemm(double seconds, double peak) {
    static const struct { int n, k, m, ta, tb; } shapes[] = {{512, 512, 512, 0, 0}, /* W1: */ {64, 784, 128, 0, 0}, {784, 64, 128, 1, 0},
        {64, 128, 10, 0, 0},
        {128, 64, 10, 1, 0}, {64, 10, 128, 0, 1}, /* W2: */ {128, 3072, 256, 0, 0}, {3072, 128, 256, 1, 0}, {128, 256, 128, 0, 0},
        {256, 128, 128, 1, 0},
        {128, 128, 256, 0, 1}, {128, 128, 10, 0, 0}, {128, 128, 10, 1, 0}, {128, 10, 128, 0, 1}, /* W3: */ {4, 2, 2, 0, 0}, {8, 8, 8, 0, 0},
        {16, 16, 16, 0, 0},
        {32, 32, 32, 0, 0}, {32, 32, 32, 0, 1}, {64, 64, 64, 0, 0}, {1, 784, 128, 0, 0}, {1024, 1024, 1024, 0, 0},
        {1024, 1024, 1024, 1, 1}};
    enum { MOST = 1024 * 1024 };
    gemm_fn *const fs[2] = {own,
#ifdef RG_OPENBLAS
        openblas
#endif
    };
    float *a = malloc(3 * MOST * sizeof *a);
    if (!a) return 1;
    for (int i = 0; i < 3 * MOST; i++) a[i] = (float)(i % 1009) / 1009 - .5f;
    printf("\nproducts of f32, op(a) [n, k] . op(b) [k, m]: GFLOP/s and share of the peak\n%5s %5s %5s %4s %4s %15s%s\n", "n", "k", "m",
        "a", "b", "own loops",
        fs[1] ? "        OpenBLAS    ratio" : "");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const rg_gemm p = {.n = shapes[i].n, .k = shapes[i].k, .m = shapes[i].m, .ta = shapes[i].ta, .tb = shapes[i].tb, .a = a,
            .b = a + MOST, .c = a + 2 * MOST};
        const double rate = row(&p, fs, seconds, peak);
        if (peak < rate && !i) peak = rate; /* without OpenBLAS nothing else has measured it */
    }
    free(a);
    return 0;
}
