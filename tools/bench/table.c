/* table.c - medians, spreads and ratios of a workload's times, printed.

   Each time is divided by the floor's time of the same round, and the median of these ratios over the rounds is printed: from round
   to round the machine's speed changes more than most contestants differ.                                                   */
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

line *table_line(table *t, const char *key) {
    for (int i = 0; i < t->nlines; i++)
        if (!strcmp(t->lines[i].key, key)) return &t->lines[i];
    if (t->nlines == KEYS_MAX) return NULL;
    line *l = &t->lines[t->nlines++];
    memset(l, 0, sizeof *l);
    snprintf(l->key, sizeof l->key, "%.*s", KEY_SIZE - 1, key);
    return l;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(const double *values, int n, double q) {
    double v[ROUNDS_MAX];
    int count = 0;
    for (int i = 0; i < n; i++)
        if (values[i] > 0) v[count++] = values[i];
    if (!count) return NAN;
    qsort(v, (size_t)count, sizeof *v, compare);
    const double at = q * (count - 1);
    const int below = (int)at, above = below + (below < count - 1);
    return v[below] + (at - below) * (v[above] - v[below]);
}

static double median(const table *t, const line *l, int who) { return quantile(l->by[who].seconds, t->rounds, .5); }

/* How many times as fast as `than` in this round; 0 where either was not run. */
static double ratio_in(const line *l, int than, int who, int round) {
    return l->by[who].seconds[round] > 0 ? l->by[than].seconds[round] / l->by[who].seconds[round] : 0;
}

/* Paired round by round: the median. */
static double ratio(const table *t, const line *l, int than, int who) {
    double r[ROUNDS_MAX];
    for (int i = 0; i < t->rounds; i++) r[i] = ratio_in(l, than, who, i);
    return quantile(r, t->rounds, .5);
}

static const char *duration(char text[24], double s) {
    const char *unit = s < 1e-6 ? "ns" : s < 1e-3 ? "us" : "ms";
    if (isnan(s)) return "";
    snprintf(text, 24, "%.3g %s", s * (s < 1e-6 ? 1e9 : s < 1e-3 ? 1e6 : 1e3), unit);
    return text;
}

void print_long(const table *t) {
    const line *l = t->nlines ? &t->lines[0] : NULL;
    char of[24];
    snprintf(of, sizeof of, "of %s", t->contestants[0].command || strcmp(t->contestants[0].by, "floor") ? "the first" : "the floor");
    printf("%-22s %12s %8s %14s %12s\n", "", "median", "spread", of, "peak memory");
    for (int c = 0; l && c < t->ncontestants; c++) {
        const double middle = median(t, l, c), *s = l->by[c].seconds;
        char text[24];
        if (isnan(middle)) continue;
        printf("%-22s %12s %7.1f%% %14.2f %9.0f MB\n", t->contestants[c].name, duration(text, middle),
            100 * (quantile(s, t->rounds, .75) - quantile(s, t->rounds, .25)) / middle, ratio(t, l, 0, c), t->contestants[c].peak / 1e6);
    }
}

void print_rounds(const table *t) {
    enum { TENTHS = 9 }; /* of what so many free cores would reach: then they were free */
    const line *l = t->nlines ? &t->lines[0] : NULL;
    if (!l || !t->copies) return;
    const int n = t->contestants[t->copies].copies;
    bool real[ROUNDS_MAX];
    int nreal = 0;
    printf("round by round, throughput of %s, in single ones:", t->contestants[t->copies].name);
    for (int r = 0; r < t->rounds; r++) {
        const double free = ratio_in(l, 0, t->copies, r);
        nreal += real[r] = free * 10 >= n * TENTHS;
        printf(" %.2f", free);
    }
    printf("\nspeed relative to %s, round by round:\n", t->contestants[t->single].name);
    for (int c = t->single + 1; c < t->ncontestants; c++) {
        if (t->contestants[c].command || t->contestants[c].threads < 2) continue;
        double in_real[ROUNDS_MAX] = {0};
        printf("%-22s", t->contestants[c].name);
        for (int r = 0; r < t->rounds; r++) {
            const double gain = ratio_in(l, t->single, c, r);
            if (real[r]) in_real[r] = gain;
            printf(" %.2f", gain);
        }
        if (nreal) printf("   in the %d of %d rounds with %d cores free: %.2f", nreal, t->rounds, n, quantile(in_real, t->rounds, .5));
        printf("\n");
    }
}

/* What W5 is held to: at most so many times the loop's time, and less than PyTorch's. Where PyTorch is as fast as the loop, all wait for
   memory, and none can be ahead: a twentieth may be chance. */
static const double most = 1.15, chance = .05;

void print_wide(const table *t) {
    int pytorch = -1, rows = 0, beyond = 0, behind = 0;
    const line *worst = NULL;
    double worst_ratio = 0;
    char names[4096] = "";
    for (int c = 0; c < t->ncontestants; c++)
        if (!strcmp(t->contestants[c].name, "pytorch")) pytorch = c;
    printf("retrograd's time divided by that of the loops%s; marked: beyond %.2f%s\n", pytorch < 0 ? "" : ", and of PyTorch", most,
        pytorch < 0 ? "" : ", or behind PyTorch");
    printf("%-28s %10s %10s %8s", "", "retrograd", "loops", "/ loops");
    if (pytorch >= 0) printf(" %10s %9s", "pytorch", "/ pytorch");
    printf("\n");
    for (int i = 0; i < t->nlines; i++) {
        const line *l = &t->lines[i];
        if (isnan(median(t, l, 1))) continue; /* of a contestant alone */
        char a[24], b[24], c[24] = "";
        const double loops = ratio(t, l, 1, 0), theirs = pytorch < 0 ? NAN : ratio(t, l, 1, pytorch);
        printf("%-28s %10s %10s", l->key, duration(a, median(t, l, 1)), duration(b, median(t, l, 0)));
        if (isnan(loops)) printf(" %8s", "");
        else printf(" %8.2f", loops), rows++;
        if (!isnan(theirs)) printf(" %10s %9.2f", duration(c, median(t, l, pytorch)), theirs);
        if (loops > worst_ratio) worst_ratio = loops, worst = l;
        if (loops > most) beyond++, printf("  slow");
        if (theirs > (ratio(t, l, 0, pytorch) > 1 - chance ? 1 + chance : 1)) {
            const size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", behind++ ? "; " : " (", l->key);
            printf("  behind");
        }
        printf("\n");
    }
    printf("%d rows, worst %.2f times the loop (%s), beyond %.2f: %d", rows, worst_ratio, worst ? worst->key : "none", most, beyond);
    if (pytorch >= 0) printf("; behind PyTorch: %d%s%s", behind, names, behind ? ")" : "");
    printf("\n");
}

void write_json(FILE *f, const table *t) {
    fprintf(f, "  {\"workload\": \"%s\", \"lines\": [\n", t->workload);
    for (int i = 0; i < t->nlines; i++) {
        fprintf(f, "    {\"key\": \"%s\", \"seconds\": {", t->lines[i].key);
        for (int c = 0, some = 0; c < t->ncontestants; c++) {
            if (isnan(median(t, &t->lines[i], c))) continue;
            fprintf(f, "%s\"%s\": [", some++ ? ", " : "", t->contestants[c].name);
            for (int r = 0; r < t->rounds; r++) fprintf(f, "%s%.6g", r ? ", " : "", t->lines[i].by[c].seconds[r]);
            fprintf(f, "]");
        }
        fprintf(f, "}}%s\n", i < t->nlines - 1 ? "," : "");
    }
    fprintf(f, "  ]}");
}
