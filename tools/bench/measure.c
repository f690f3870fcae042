/* measure.c - the clock, the loop that times a step, random bytes, and what the machine can do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef RG_OPENBLAS
#include <cblas.h>
#endif

#include "bench.h"

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Steps are timed in bunches of about 100 microseconds, so that the clock costs nothing. */
void measure(const job *j, const char *key, int per_call, void (*step)(void *), void *ctx) {
    enum { MOST = 1 << 16 };
    static double times[MOST];
    for (int i = 0; i < 3; i++) step(ctx); /* what is allocated once is allocated here */
    double begin = clock_seconds(), bunch = 0;
    int calls = 1, n = 0;
    while ((bunch = clock_seconds(), step(ctx), bunch = clock_seconds() - bunch) < 1e-4 / calls && calls < 1 << 12) calls *= 2;
    begin = clock_seconds();
    do {
        const double start = clock_seconds();
        for (int i = 0; i < calls; i++) step(ctx);
        times[n++] = (clock_seconds() - start) / calls / per_call;
    } while (n < MOST && (n < 3 || clock_seconds() - begin < j->seconds));
    qsort(times, (size_t)n, sizeof *times, compare);
    printf("%s %.6g\n", key, times[n / 2]);
    fflush(stdout);
}

void fill_random(uint64_t seed, uint8_t *to, int64_t n) {
    uint64_t s = seed;
    for (int64_t i = 0; i < n; i += 8) { /* splitmix64 */
        uint64_t z = s += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        memcpy(to + i, &z, (size_t)(n - i < 8 ? n - i : 8));
    }
}

/* One thread: the best of some products of 512 x 512 matrices, of some copies of 64 MiB (read and written). */
void machine_peak(double *gflops, double *gbytes) {
    enum { SIDE = 512, BYTES = 64 << 20, ROUNDS = 20 };
    *gflops = *gbytes = 0;
    char *a = malloc(BYTES), *b = malloc(BYTES);
    if (a && b) memset(a, 0, BYTES), memset(b, 0, BYTES);
    for (int i = 0; a && b && i < ROUNDS; i++) {
        double start = clock_seconds(), rate;
        memcpy(i % 2 ? a : b, i % 2 ? b : a, BYTES);
        if ((rate = 2. * BYTES / (clock_seconds() - start) / 1e9) > *gbytes) *gbytes = rate;
#ifdef RG_OPENBLAS
        openblas_set_num_threads(1);
        float *x = (float *)(void *)a, *y = (float *)(void *)b;
        start = clock_seconds();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, x, SIDE, x + SIDE * SIDE, SIDE, 0, y, SIDE);
        if ((rate = 2. * SIDE * SIDE * SIDE / (clock_seconds() - start) / 1e9) > *gflops) *gflops = rate;
#endif
    }
    free(a);
    free(b);
}

long heap_calls(void) {
    long (*count)(void) = NULL;
    *(void **)&count = dlsym(RTLD_DEFAULT, "malloc_count");
    return count ? count() : -1;
}

/* The most memory this process had; getrusage's figure would include the one that started it. */
double peak_bytes(void) {
    double kilobytes = 0;
    char text[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(text, sizeof text, f))
        if (sscanf(text, "VmHWM: %lf", &kilobytes) == 1) break;
    if (f) fclose(f);
    return kilobytes * 1024;
}
