/* ulps.c - how far the functions of engine/math are from the true value, in units in the last place: in f32 at all 2^32 numbers against
   libm's double, in f64 at random ones and edges against its long double. Status 1 if one is further away than --bar.

       build/tests/ulps [--function exp] [--every N] [--bar ULPS] [--threads N]

   --every N: one number in N, and 10^8 / N random ones; N odd, or low bits are all alike. --golden prints golden_math.h. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "math_points.h"

enum { BLOCK = 4096, THREADS_MAX = 64 };
static struct { const char *function; int64_t every; double bar; int threads; } o = {NULL, 1, 2, 0};

/* -------- the truth */

typedef struct truth { const char *name; double (*d)(double); long double (*l)(long double); } truth;
#define TRUE_ONE(name) {#name, name, name##l},
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static long double sigmoidl(long double x) { return 1 / (1 + expl(-x)); }
static const truth truths[] = {TRUE_ONE(exp) TRUE_ONE(exp2) TRUE_ONE(expm1) TRUE_ONE(log) TRUE_ONE(log2) TRUE_ONE(log1p) TRUE_ONE(tanh)
    TRUE_ONE(sigmoid) TRUE_ONE(sinh) TRUE_ONE(cosh) TRUE_ONE(asin) TRUE_ONE(acos) TRUE_ONE(atan) TRUE_ONE(erf)
    TRUE_ONE(erfc) TRUE_ONE(sin) TRUE_ONE(cos) TRUE_ONE(tan)};

static const truth *truth_of(const char *name) {
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
        if (!strcmp(truths[i].name, name)) return &truths[i];
    return NULL; /* pow */
}

/* |is - should| in units of the last of `digits` binary digits, the least exponent being `least`. An infinite result counts as the power
   of 2 that would follow the largest number. */
static double distance(long double is, long double should, int digits, int least, long double beyond) {
    if (isnan(is) || isnan(should)) return isnan(is) && isnan(should) ? 0 : INFINITY;
    if (should == 0) return is == 0 && signbit(is) == signbit(should) ? 0 : INFINITY;
    if (is == 0 && signbit(is) != signbit(should)) return INFINITY;
    if (fabsl(should) > beyond) should = copysignl(beyond, should);
    if (isinf(is)) is = copysignl(beyond, is);
    int exponent;
    frexpl(should, &exponent);
    if (fabsl(should) == beyond) exponent--;
    return (double)fabsl(ldexpl(is - should, digits - (exponent < least ? least : exponent)));
}

/* -------- one thread's share */

typedef struct worst { double ulps, x, b, is; } worst;
typedef struct share {
    const math_loop *f;
    const truth *truth;
    bool f64;
    int64_t first, step, count;
    uint64_t seed;
    worst worst;
    double seconds;
} share;
typedef union block { float f[BLOCK]; double d[BLOCK]; } block;

static double float_of(uint32_t bits) {
    float v;
    memcpy(&v, &bits, sizeof v);
    return (double)v;
}

/* Of pow: half of the pairs anything, the others with a result that is neither 0 nor infinite. */
static void pair(share *s, uint64_t k, double *x, double *b) {
    const double most = s->f64 ? 745 : 104;
    *x = s->f64 ? random_double(&s->seed) : (double)random_float(&s->seed);
    *b = s->f64 ? random_double(&s->seed) : (double)random_float(&s->seed);
    if (k % 2) *b = most * ((double)(next_random(&s->seed) >> 11) * 0x1p-52 - 1) / log(*x = fabs(*x));
}

static void points(share *s, int64_t at, int64_t n, block *x, block *b) {
    for (int64_t i = 0; i < n; i++) {
        double v, w = 0;
        if (!s->truth) pair(s, (uint64_t)(at + i), &v, &w);
        else v = s->f64 ? random_double(&s->seed) : float_of((uint32_t)(s->first + (at + i) * s->step));
        if (s->f64) x->d[i] = v, b->d[i] = w;
        else x->f[i] = (float)v, b->f[i] = (float)w;
    }
}

/* Is it plain that this is no worse than `bound`, above 0? Most are, and `distance` is slow. */
static inline bool no_worse(double is, double should, double error, double bound, double unit, double smallest) {
    double power = fabs(should); /* of 2, at most |should|; an infinite error is worse than any */
    uint64_t bits;
    memcpy(&bits, &power, sizeof bits);
    bits &= UINT64_C(0x7ff) << 52;
    memcpy(&power, &bits, sizeof power);
    return (is != is && should != should) ||
        (signbit(is) == signbit(should) && error <= bound * unit * (power > smallest ? power : smallest));
}

static inline bool infinite(double is, double should) { return is == should && is - is != 0; }

static void compare(share *s, int64_t n, const block *x, const block *b, const block *y) {
    for (int64_t i = 0; i < n; i++) {
        const double v = s->f64 ? x->d[i] : (double)x->f[i], w = s->f64 ? b->d[i] : (double)b->f[i];
        const double is = s->f64 ? y->d[i] : (double)y->f[i], bar = s->worst.ulps;
        double ulps;
        if (s->f64) {
            const long double should = s->truth ? s->truth->l(v) : powl(v, w);
            const double error = (double)fabsl(is - should);
            if (no_worse(is, (double)should, error, bar, DBL_EPSILON, DBL_MIN) || infinite(is, (double)should)) continue;
            ulps = distance((long double)is, should, DBL_MANT_DIG, DBL_MIN_EXP, 0x1p1024L);
        } else {
            const double should = s->truth ? s->truth->d(v) : pow(v, w);
            const double error = fabs(is - should);
            if (no_worse(is, should, error, bar, (double)FLT_EPSILON, (double)FLT_MIN) || infinite(is, (double)(float)should)) continue;
            ulps = distance((long double)is, (long double)should, FLT_MANT_DIG, FLT_MIN_EXP, 0x1p128L);
        }
        if (ulps > bar) s->worst = (worst){ulps, v, w, is};
    }
}

static void *run(void *arg) {
    share *s = arg;
    static _Thread_local block x, b, y;
    struct timespec t;
    for (int64_t at = 0; at < s->count; at += BLOCK) {
        const int64_t n = s->count - at < BLOCK ? s->count - at : BLOCK;
        points(s, at, n, &x, &b);
        s->f->loop(n, &x, &b, &y);
        compare(s, n, &x, &b, &y);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    s->seconds = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    return NULL;
}

/* -------- all of it */

static worst measure(const math_loop *f, bool f64, double *seconds) {
    const truth *is = truth_of(f->name);
    const int64_t all = (f64 || !is ? 100000000 : (int64_t)1 << 32) / o.every;
    share shares[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    worst w = {0};
    for (int i = 0; i < o.threads; i++) {
        const int64_t from = all * i / o.threads, to = all * (i + 1) / o.threads;
        shares[i] = (share){.f = f, .truth = is, .f64 = f64, .first = from * o.every, .step = o.every, .count = to - from,
            .seed = (uint64_t)i + 1};
        if (pthread_create(&threads[i], NULL, run, &shares[i])) exit(2);
    }
    for (int i = 0; i < o.threads; i++) {
        pthread_join(threads[i], NULL);
        if (shares[i].worst.ulps > w.ulps) w = shares[i].worst;
        *seconds += shares[i].seconds;
    }
    return w;
}

static void tell(const char *type, worst w, bool two) {
    char where[80];
    snprintf(where, sizeof where, two ? "%a %a" : "%a", w.x, w.b);
    printf("   %s %5.3f at %-*s", type, w.ulps, two ? 44 : 24, where);
}

static int golden(void) {
    printf("/* golden_math.h - hashes of the functions' results, the same on every machine; printed by build/tests/ulps --golden. */\n"
           "static const golden_function golden_functions[MATH_LOOPS] = {\n");
    for (int k = 0; k < MATH_LOOPS; k++) {
        const math_loop *f32 = &math_loops[0][0]()[k], *f64 = &math_loops[0][1]()[k];
        const unsigned long long a = hash_of(f32, false), b = hash_of(f64, true);
        printf("    {\"%s\", UINT64_C(0x%016llx), UINT64_C(0x%016llx)},\n", f32->name, a, b);
    }
    printf("};\n");
    return 0;
}

static int options(int argc, char **argv) {
    o.threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--function")) o.function = argv[i + 1];
        else if (!strcmp(argv[i], "--every")) o.every = atoll(argv[i + 1]);
        else if (!strcmp(argv[i], "--bar")) o.bar = atof(argv[i + 1]);
        else if (!strcmp(argv[i], "--threads")) o.threads = atoi(argv[i + 1]);
        else return -1;
    }
    if (o.threads > THREADS_MAX) o.threads = THREADS_MAX;
    return argc % 2 && o.every > 0 && o.threads > 0 ? 0 : -1;
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "--golden")) return golden();
    if (options(argc, argv))
        return fprintf(stderr, "usage: ulps [--function NAME] [--every N] [--bar ULPS] [--threads N], or --golden\n"), 2;
    int64_t tried = 0, above = 0;
    for (int k = 0; k < MATH_LOOPS; k++) {
        const math_loop *f32 = &math_loops[rg_best_isa()][0]()[k], *f64 = &math_loops[rg_best_isa()][1]()[k];
        if (o.function && strcmp(o.function, f32->name)) continue;
        double seconds = 0;
        const worst w = measure(f32, false, &seconds);
        worst v = {0};
        if (LDBL_MANT_DIG > DBL_MANT_DIG) v = measure(f64, true, &seconds); /* else there is nothing better to compare with */
        printf("%-7s", f32->name);
        tell("f32", w, !truth_of(f32->name));
        tell("f64", v, !truth_of(f32->name));
        printf(" %6.1f s%s\n", seconds, w.ulps > o.bar || v.ulps > o.bar ? "  ABOVE THE BAR" : "");
        fflush(stdout);
        tried++, above += w.ulps > o.bar || v.ulps > o.bar;
    }
    if (!tried) fprintf(stderr, "ulps: there is no function '%s'\n", o.function);
    return !tried ? 2 : above > 0;
}
