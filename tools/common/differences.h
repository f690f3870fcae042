/* differences.h - two ways to compute the same arrays: how far they are apart, over many steps, and whether that is rounding. */
#ifndef RETROGRAD_SUPPORT_DIFFERENCES_H
#define RETROGRAD_SUPPORT_DIFFERENCES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { DIFFERENCES_MOST = 128 };

typedef struct difference {
    char name[16];
    int64_t rows, cols;
    int64_t elements, equal;   /* compared in all steps; of these, with the same bits */
    double absolute;           /* the largest |a - b| of any element */
    double relative;           /* the largest ||a - b|| / ||a||, Euclidean norms of the whole array */
    int64_t worst;             /* the step of that one */
    int64_t ulps;              /* representable numbers from a to b, where |a - b| was largest */
} difference;

typedef struct differences {
    bool f64;                  /* the arrays are double, else float */
    double tolerance;          /* for `relative` */
    int count;
    difference items[DIFFERENCES_MOST];
} differences;

/* Compares a and b [rows, cols], known by `name`, of a step. ||a|| counts as at least `terms`: where a is a sum whose terms cancel,
   their norm says how many digits there can be; else 0. Names stand in the table in the order they first come in. NaN and infinity
   differ from everything but their own bits. 0, or -1 when the table is full. */
int differences_add(differences *d, const char *name, int64_t rows, int64_t cols, const void *a, const void *b, double terms, int64_t step);
/* The first that is beyond the tolerance, or NULL. */
const difference *differences_beyond(const differences *d);
void differences_print(const differences *d, FILE *to);

#endif
