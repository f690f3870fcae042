/* loops.h - what elementwise.c runs: an operator's name, the shapes of its operands, and the plain loops that do the same. */
#ifndef RETROGRAD_BENCH_LOOPS_H
#define RETROGRAD_BENCH_LOOPS_H

#include "bench.h"

typedef struct loop_arrays { /* of n floats; what is a row or a column has as many as that */
    int64_t n;
    const float *a, *b, *y, *dy; /* operands, the result, its cotangent */
    float *to, *to_b;            /* the result, or the gradient of a; that of b */
} loop_arrays;

typedef enum loop_shape {
    LOOP_UNARY,   /* a [n] */
    LOOP_BINARY,  /* a [n], b [n] */
    LOOP_ROW,     /* a [n / ROW, ROW], b [ROW] */
    LOOP_ALL,     /* a [n], reduced to a number */
    LOOP_ROWS,    /* a [n / ROW, ROW], over the first axis */
    LOOP_COLUMNS, /* over the second */
    LOOP_AXIS     /* over the second, given as attr.axis */
} loop_shape;

typedef struct loop_row {
    const char *key, *op;
    loop_shape shape;
    double low, high, p, q; /* where a and b are drawn from; the parameters */
    void (*forward)(const loop_arrays *), (*backward)(const loop_arrays *); /* backward NULL: none, or dy itself */
} loop_row;

const loop_row *loop_rows_base(void), *loop_rows_avx2(void); /* up to the key NULL */
#endif
