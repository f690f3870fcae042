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
    const bool holds = fabs(difference) <= allowed; /* false for NaN */
    printf("  %-30s %10.*f %10.*f %+10.*f %10.*f   %s\n", name, decimals, shown(ours, decimals), decimals, published, decimals + 1,
        shown(difference, decimals + 1), decimals + 1, allowed, holds ? "ok" : "OUTSIDE");
    r->rows++;
    r->outside += !holds;
    if (allowed > 0) r->worst = fmax(r->worst, fabs(difference) / allowed);
}

void report_seeds(report *r, const char *name, const double *ours, int n, double published, int decimals) {
    /* Student's t for 1 .. 9 degrees of freedom: 99% lie within +-t */
    static const double t99[] = {63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250};
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++) mean += ours[i] / n;
    for (int i = 0; i < n; i++) variance += (ours[i] - mean) * (ours[i] - mean) / (n - 1);
    report_row(r, name, mean, published, t99[n - 2] * sqrt(variance * (1 + 1. / n)) + report_printed(decimals), decimals);
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
