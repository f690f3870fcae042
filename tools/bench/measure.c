/* measure.c - the clock, the loop that times a step, random bytes, and what the machine can do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef BENCH_OPENBLAS
#include <cblas.h>
#endif

#include "bench.h"
#include "engine/op.h"

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

/* The best of some copies of 64 MiB. */
double machine_copies(void) {
    enum { BYTES = 64 << 20, ROUNDS = 20 };
    double best = 0;
    char *a = malloc(BYTES), *b = malloc(BYTES);
    if (a && b) memset(a, 0, BYTES), memset(b, 0, BYTES);
    for (int i = 0; a && b && i < ROUNDS; i++) {
        const double start = clock_seconds();
        memcpy(i % 2 ? a : b, i % 2 ? b : a, BYTES);
        const double rate = 2. * BYTES / (clock_seconds() - start) / 1e9;
        if (rate > best) best = rate;
    }
    free(a);
    free(b);
    return best;
}

typedef double peak_fn(void);
#define PEAKS(isa) {rg_k_peak_f32_##isa, rg_k_peak_f64_##isa}
peak_fn rg_k_peak_f32_base, rg_k_peak_f64_base, rg_k_peak_f32_avx2, rg_k_peak_f64_avx2, rg_k_peak_f32_avx512, rg_k_peak_f64_avx512;
double machine_peak(const char *dtype, int isa) {
    static peak_fn *const peaks[RG_ISAS][2] = {PEAKS(base),
#ifdef RG_HAVE_AVX2
        PEAKS(avx2),
#endif
#ifdef RG_HAVE_AVX512
        PEAKS(avx512),
#endif
    };
    return peaks[isa][!strcmp(dtype, "f64")]();
}

const char *better_core(int isa) {
#ifdef BENCH_OPENBLAS
    static const char *const cores[RG_ISAS][3] = {{"Prescott"}, {"Haswell", "Zen", "Excavator"},
        {"SkylakeX", "Cooperlake", "SapphireRapids"}};
    const char *core = openblas_get_corename();
    for (int i = 0; i < 3 && cores[isa][i]; i++)
        if (!strcmp(core, cores[isa][i])) return NULL;
    return cores[isa][0];
#else
    (void)isa;
    return NULL;
#endif
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
