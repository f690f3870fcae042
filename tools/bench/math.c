/* math.c - ns an element of the functions of engine/math, of libm's and of libmvec's, on arrays that the first cache holds. */
#include <stdio.h>
#include <time.h>

#include "bench.h"
#include "math_loops.h"

enum { ELEMENTS_AT_ONCE = 2048 };
typedef union array { float f[ELEMENTS_AT_ONCE]; double d[ELEMENTS_AT_ONCE]; } array;

/* Of this thread alone: others on the machine do not count. The least of several rounds: what disturbs only adds. */
static double ns_of(const math_loop *f, bool f64, double seconds) {
    static array x, b, y;
    for (int i = 0; i < ELEMENTS_AT_ONCE; i++) {
        const double v = f->low + (f->high - f->low) * i / ELEMENTS_AT_ONCE;
        if (f64) x.d[i] = v, b.d[i] = 1.7;
        else x.f[i] = (float)v, b.f[i] = 1.7f;
    }
    double least = 1e30, spent = 0;
    for (int round = 0; round < 20 || spent < seconds; round++) {
        struct timespec from, to;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        f->loop(ELEMENTS_AT_ONCE, &x, &b, &y);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        const double took = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        spent += took;
        if (took < least) least = took;
    }
    return least / ELEMENTS_AT_ONCE * 1e9;
}

int bench_math(double seconds) {
    static const char *const isas[RG_ISAS] = {"baseline", "AVX2", "AVX-512"};
    for (int f64 = 0; f64 < 2; f64++) {
        printf("\nfunctions of f%d: ns an element\n%-7s", f64 ? 64 : 32, "");
        for (int isa = 0; isa <= rg_best_isa(); isa++) printf(" %8s", isas[isa]);
        for (int isa = 0; isa < 2 && isa <= rg_best_isa(); isa++) printf(" %8s", isa ? "libmvec" : "libm");
        printf("\n");
        for (int k = 0; k < MATH_LOOPS; k++) {
            printf("%-7s", math_loops[0][f64]()[k].name);
            for (int isa = 0; isa <= rg_best_isa(); isa++) printf(" %8.2f", ns_of(&math_loops[isa][f64]()[k], f64, seconds / 50));
            for (int isa = 0; isa < 2 && isa <= rg_best_isa(); isa++)
                printf(" %8.2f", ns_of(&libm_loops[isa][f64]()[k], f64, seconds / 50));
            printf("\n");
            fflush(stdout);
        }
    }
    return 0;
}
