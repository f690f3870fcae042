/* table.h - the times of one workload: by key, contestant and round. */
#ifndef RETROGRAD_BENCH_TABLE_H
#define RETROGRAD_BENCH_TABLE_H

#include <stdbool.h>
#include <stdio.h>

enum { ROUNDS_MAX = 99, KEYS_MAX = 512, CONTESTANTS_MAX = 16, KEY_SIZE = 64, NAME_SIZE = 40 };

/* command NULL: this program. copies: so many processes at the same time, whose common time per step counts. */
typedef struct contestant { char name[NAME_SIZE]; const char *by, *command; int threads, copies; double peak; } contestant;
typedef struct cell { double seconds[ROUNDS_MAX]; } cell; /* 0: not run */
typedef struct line { char key[KEY_SIZE]; cell by[CONTESTANTS_MAX]; } line;
/* The first contestant is the floor, or what the others are measured by; `copies` are several processes of it at once, 0: there are none;
   `single` is ours on one thread. */
typedef struct table {
    const char *workload;
    int nlines, ncontestants, rounds, single, copies;
    contestant contestants[CONTESTANTS_MAX];
    line lines[KEYS_MAX];
} table;

line *table_line(table *t, const char *key); /* made where it is missing; NULL when there is no room */
double quantile(const double *values, int n, double q); /* of those above 0; NaN of none */
void print_long(const table *t);  /* a contestant a line, for workloads of one key */
void print_rounds(const table *t); /* what threads bring, round by round */
void print_wide(const table *t);  /* a key a line: loops, retrograd, PyTorch */
void write_json(FILE *f, const table *t);
#endif
