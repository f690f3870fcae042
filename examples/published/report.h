/* report.h - what each reproduction prints: ours | published | difference | allowed, row by row, and a verdict. */
#ifndef RETROGRAD_PUBLISHED_REPORT_H
#define RETROGRAD_PUBLISHED_REPORT_H

#include <stdbool.h>

typedef struct report {
    int rows, outside;  /* rows and checks so far; those that do not hold */
    double worst;       /* largest |difference| / allowed among the rows */
    bool headed;        /* the column titles stand already */
} report;

/* One number held against its published value: it holds if |ours - published| <= allowed. Both are printed with so many decimals. */
void report_row(report *r, const char *name, double ours, double published, double allowed, int decimals);

/* What a number printed with so many decimals leaves open: half a unit in its last place. */
double report_printed(int decimals);

/* One more row from several seeds: the allowed difference is the half width of the interval in which one more run lands
   99 times in 100, mean +- t s sqrt(1 + 1/n) with Student's t, and what the printed value leaves open. 2 <= n <= 10. */
void report_seeds(report *r, const char *name, const double *ours, int n, double published, int decimals);

/* A statement that holds or does not. */
__attribute__((format(printf, 3, 4))) void report_check(report *r, bool holds, const char *format, ...);

/* A line of explanation. */
__attribute__((format(printf, 1, 2))) void report_note(const char *format, ...);

#endif
