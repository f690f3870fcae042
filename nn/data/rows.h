/* rows.h - what the loader passes to its kernel, which gathers and converts rows of an array. */
#ifndef RG_ROWS_H
#define RG_ROWS_H

#include "engine/op.h"

#pragma GCC visibility push(hidden)

typedef struct rg_rows {
    rg_tape *tape;
    const void *from;        /* [.., size], u8 or a float */
    rg_dtype dtype;
    void *to;                /* [count, size], a float */
    int64_t size, count;
    const int64_t *order;    /* row i comes from row order[i]; NULL: from row first + i */
    int64_t first;
    int64_t next;            /* how many of the rows after these to prefetch, at most count */
    double divisor;
    int64_t channels;        /* equal parts of a row */
    const double *mean, *std; /* [channels] */
} rg_rows;

typedef void rg_rows_fn(const rg_rows *g);
RG_KERNELS_OF(rg_rows_fn, rows);

#pragma GCC visibility pop
#endif
