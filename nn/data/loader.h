/* loader.h - the inside of a loader, for the files of nn/. */
#ifndef RG_LOADER_H
#define RG_LOADER_H

#include "engine/op.h"
#include "nn/data.h"

#pragma GCC visibility push(hidden)

typedef struct rg_column { /* a tensor of each batch, and where its rows come from */
    rg_tensor *from;       /* held */
    int64_t first, step;   /* row i begins at element first + i step; if rows have different lengths, at offsets[i] step */
    int64_t size;          /* elements of a row; not used if rows have different lengths */
    bool scaled;           /* converted to floats by divisor, mean and std */
    bool flat;             /* the batch is [b, size] */
    bool sliced;           /* rows are pieces of a stream: the batch is [b, length, ..] */
} rg_column;

struct rg_loader {
    rg_tape *tape;
    rg_tensor *x;               /* held; the size of its first axis is the number of rows */
    rg_loader_options options;
    int64_t epoch;              /* epoch, row and order are all that a checkpoint needs */
    int64_t row;
    int64_t *order;             /* [rows] row numbers of this epoch, drawn once row > 0; NULL: 0, 1, 2 .. */
    int ncolumns;
    rg_column *columns;
    rg_tensor **batch;          /* [ncolumns] the batch that is being made; NULL: not asked for */
    int64_t channels;
    const double *mean, *std;   /* [channels] */
    int64_t length;             /* of a window */
    int64_t *offsets;           /* [rows + 1], on the stream's first axis, for rows of different lengths; else NULL */
    double *cumulated;          /* [rows] sums of the weights so far, up to 1; or NULL */
};

static inline bool rg_is_float(const rg_tensor *x) { return x->dtype == RG_F32 || x->dtype == RG_F64; }
/* x [n, channels, ..], or of any shape with 1 channel */
static inline bool rg_has_channels(const rg_tensor *x, int64_t channels) {
    return channels == 1 || (channels > 1 && x->ndim > 1 && x->shape[1] == channels);
}
void rg_augment(const rg_loader *l, rg_tensor *x); /* random_crop and random_flip of a batch of the first column */

#pragma GCC visibility pop
#endif
