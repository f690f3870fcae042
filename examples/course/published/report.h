/* report.h - what each reproduction prints: ours | published | difference | allowed, row by row, and a verdict. */
#ifndef RETROGRAD_PUBLISHED_REPORT_H
#define RETROGRAD_PUBLISHED_REPORT_H

#include <stdbool.h>

typedef struct report {
    int rows, outside; /* rows and checks so far; those that do not hold */
    bool headed;       /* the column titles stand already */
    int seeds, family; /* of report_band */
} report;

/* One number held against its published value: it holds if |ours - published| <= allowed. Both are printed with so many decimals. */
void report_row(report *r, const char *name, double ours, double published, double allowed, int decimals);

/* What a number printed with so many decimals leaves open: half a unit in its last place. */
double report_printed(int decimals);

/* Says that the rows of report_seeds that follow, `family` of them, come from so many seeds, at least 2, and how their bands are meant:
   one more run has all its rows within them 99 times in 100. */
void report_band(report *r, int seeds, int family);

/* Held against the mean of the seeds. Allowed is the half width of the prediction interval, t s sqrt(1 + 1/seeds), and what the
   printed value leaves open; t is Student's for 1 - .01/family, by Bonferroni's inequality, and seeds - 1 degrees of freedom. */
void report_seeds(report *r, const char *name, const double *ours, double published, int decimals);

/* A statement that holds or does not. */
__attribute__((format(printf, 3, 4))) void report_check(report *r, bool holds, const char *format, ...);

/* A line of explanation. */
__attribute__((format(printf, 1, 2))) void report_note(const char *format, ...);

#endif
