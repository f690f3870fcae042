/* report.c - rows, checks and notes of a reproduction. */
#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

double report_printed(int decimals) { return 0.5 * pow(10, -decimals) * (1 + 1e-9); }

/* What prints as 0 is 0: no "-0.0000". */
static double shown(double x, int decimals) { return fabs(x) < report_printed(decimals) ? 0 : x; }

void report_row(report *r, const char *name, double ours, double published, double allowed, int decimals) {
    if (!r->headed) printf("  %-30s %10s %10s %10s %10s\n", "", "ours", "published", "difference", "allowed");
    r->headed = true;
    const double difference = ours - published;
    const bool holds = fabs(difference) <= allowed + 1e-12; /* .9587 - .9592 is more than .0005 in binary; false for NaN */
    printf("  %-30s %10.*f %10.*f %+10.*f %10.*f   %s\n", name, decimals, shown(ours, decimals), decimals, published, decimals + 1,
        shown(difference, decimals + 1), decimals + 1, allowed, holds ? "ok" : "OUTSIDE");
    r->rows++;
    r->outside += !holds;
}

/* P(|T| < t) of Student's distribution with n degrees of freedom: Abramowitz & Stegun 26.7.3 and 26.7.4. */
static double student(double t, int n) {
    const double angle = atan(t / sqrt(n)), c = cos(angle);
    double sum = 0, term = n % 2 ? c : 1;
    for (int k = n % 2; k <= n - 2; k += 2) {
        sum += term;
        term *= c * c * (k + 1) / (k + 2);
    }
    return n % 2 ? 2 / acos(-1) * (angle + sin(angle) * sum) : sin(angle) * sum;
}

/* The t that |T| stays below with that probability. */
static double student_quantile(double probability, int n) {
    double low = 0, high = 1e6;
    for (int i = 0; i < 100; i++) {
        const double middle = (low + high) / 2;
        *(student(middle, n) < probability ? &low : &high) = middle;
    }
    return low;
}

void report_band(report *r, int seeds, int family) {
    r->seeds = seeds;
    r->family = family;
    report_note("Ours: mean of %d seeds. Allowed: where one more run is with all such rows (%d), 99 times in 100.", seeds, family);
}

void report_seeds(report *r, const char *name, const double *ours, double published, int decimals) {
    const int n = r->seeds;
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++) mean += ours[i] / n;
    for (int i = 0; i < n; i++) variance += (ours[i] - mean) * (ours[i] - mean) / (n - 1);
    const double t = student_quantile(1 - 0.01 / r->family, n - 1);
    report_row(r, name, mean, published, t * sqrt(variance * (1 + 1. / n)) + report_printed(decimals), decimals);
}

void report_check(report *r, bool holds, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    printf(": %s\n", holds ? "ok" : "DOES NOT HOLD");
    va_end(args);
    r->rows++;
    r->outside += !holds;
}

void report_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
}
