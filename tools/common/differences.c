/* differences.c - the worst differences of named arrays over many steps, and their table. */
#include "differences.h"

#include <math.h>
#include <string.h>

static double element(const differences *d, const void *x, int64_t i) {
    return d->f64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

/* The place of a number among all numbers of its type, from the most negative to the largest; both zeros at 0. */
static int64_t place(const differences *d, double x) {
    if (d->f64) {
        int64_t bits;
        memcpy(&bits, &x, sizeof bits);
        return bits < 0 ? INT64_MIN - bits : bits;
    }
    const float single = (float)x;
    int32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return bits < 0 ? INT32_MIN - (int64_t)bits : bits;
}

static int64_t ulps(const differences *d, double a, double b) {
    int64_t apart;
    if (__builtin_sub_overflow(place(d, a), place(d, b), &apart)) return INT64_MAX;
    return apart < 0 ? -apart : apart;
}

static difference *find(differences *d, const char *name) {
    for (int i = 0; i < d->count; i++)
        if (strcmp(d->items[i].name, name) == 0) return &d->items[i];
    if (d->count == DIFFERENCES_MOST) return NULL;
    difference *new = &d->items[d->count++];
    memset(new, 0, sizeof *new);
    snprintf(new->name, sizeof new->name, "%s", name);
    return new;
}

int differences_add(differences *d, const char *name, int64_t rows, int64_t cols, const void *a, const void *b, double terms,
    int64_t step) {
    difference *q = find(d, name);
    if (!q) return -1;
    q->rows = rows;
    q->cols = cols;
    const size_t size = d->f64 ? sizeof(double) : sizeof(float);
    q->elements += rows * cols;
    if (memcmp(a, b, (size_t)(rows * cols) * size) == 0) {
        q->equal += rows * cols;
        return 0;
    }
    for (int64_t i = 0; i < rows * cols; i++)
        q->equal += memcmp((const char *)a + (size_t)i * size, (const char *)b + (size_t)i * size, size) == 0;
    double squares = 0, norm = 0, largest = -1;
    int64_t where = 0;
    for (int64_t i = 0; i < rows * cols; i++) {
        const double x = element(d, a, i), apart = fabs(x - element(d, b, i));
        norm += x * x;
        squares += apart * apart;
        if (!(apart <= largest)) largest = apart, where = i;
        if (isnan(apart)) break; /* nothing is worse, and the sums are NaN */
    }
    const double relative = squares == 0 ? 0 : sqrt(squares) / fmax(sqrt(norm), terms); /* by 0: infinity, beyond any tolerance */
    if (!(largest <= q->absolute) && !isnan(q->absolute))
        q->absolute = largest, q->ulps = ulps(d, element(d, a, where), element(d, b, where));
    if (!(relative <= q->relative) && !isnan(q->relative)) q->relative = relative, q->worst = step;
    return 0;
}

static bool is_within(const differences *d, const difference *q) { return q->relative <= d->tolerance; } /* NaN is not */

const difference *differences_beyond(const differences *d) {
    for (int i = 0; i < d->count; i++)
        if (!is_within(d, &d->items[i])) return &d->items[i];
    return NULL;
}

static void print_one(const differences *d, const difference *q, FILE *to) {
    char shape[48];
    snprintf(shape, sizeof shape, "[%lld,%lld]", (long long)q->rows, (long long)q->cols);
    fprintf(to, "%-8s %12s", q->name, shape);
    if (q->equal == q->elements) {
        fprintf(to, "  %10s  %10s  %6s  %6s  the same bits\n", "0", "0", "0", "-");
        return;
    }
    fprintf(to, "  %10.2e  %10.2e  %6lld  ", q->absolute, q->relative, (long long)q->ulps);
    if (q->relative > 0) fprintf(to, "%6lld  ", (long long)q->worst);
    else fprintf(to, "%6s  ", "-");
    if (!is_within(d, q)) fprintf(to, "BEYOND %g\n", d->tolerance);
    else fprintf(to, "within %g, %.1f%% the same bits\n", d->tolerance, floor(1000 * (double)q->equal / (double)q->elements) / 10);
}

void differences_print(const differences *d, FILE *to) {
    fprintf(to, "%-8s %12s  %10s  %10s  %6s  %6s  %s\n", "quantity", "shape", "absolute", "relative", "ulps", "step", "verdict");
    for (int i = 0; i < d->count; i++) print_one(d, &d->items[i], to);
}
