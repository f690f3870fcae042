/* walk.h - loops of kernels: steps through an array and operands that have some of its dimensions, in as few and as
   long contiguous runs as the shapes allow. In a broadcast the array is the result, and an operand lacks what is
   repeated; in a reduction the array is summed, and the result lacks the axes that are summed over. */
#ifndef RG_WALK_H
#define RG_WALK_H

#include "op.h"

enum { RG_WALK_MAX = 3 };
typedef struct rg_walk {
    int64_t rows, inner;                     /* number of runs, elements in each: the walked array is contiguous */
    int64_t run[RG_WALK_MAX];                /* the step of operand k along a run: 0 or 1 */
    int ndim;                                /* merged dimensions, at least 1: the first is that of the runs */
    int64_t n[RG_MAX_DIMS];
    /* of operand k along dimension d, in elements; 0: it lacks the dimension */
    int64_t step[RG_WALK_MAX][RG_MAX_DIMS];
    /* after rg_walk_cut: elements in a block, blocks in a run, blocks in all */
    int64_t length, per_run, blocks;
} rg_walk;

/* Walks an array of `shape` together with k contiguous operands. Bit d of has[j]: operand j has dimension d. */
void rg_walk_init(rg_walk *w, int ndim, const int64_t *shape, int k, const unsigned *has);
/* has[j] of an operand of `own` dimensions that broadcasts to ndim dimensions. */
unsigned rg_walk_has(int ndim, int own, const int64_t *shape);
/* Walks y together with its first k operands, which broadcast to it. */
void rg_walk_operands(rg_walk *w, const rg_tensor *y, int k);
/* Walks the operand of a reduction together with its result y. */
void rg_walk_reduced(rg_walk *w, const rg_tensor *y);

/* The offset of each operand at the start of a run. */
static inline void rg_walk_at(const rg_walk *w, int k, int64_t row, int64_t *offset) {
    for (int j = 0; j < k; j++) offset[j] = 0;
    for (int d = 1; d < w->ndim; d++) {
        const bool outermost = d == w->ndim - 1; /* needs no division */
        const int64_t i = outermost ? row : row % w->n[d];
        if (!outermost) row /= w->n[d];
        for (int j = 0; j < k; j++) offset[j] += i * w->step[j][d];
    }
}

/* Cuts the runs into blocks of at most `most` elements. */
static inline void rg_walk_cut(rg_walk *w, int64_t most) {
    w->length = w->inner < most ? w->inner : most;
    w->per_run = w->inner <= most ? 1 : (w->inner + most - 1) / most;
    w->blocks = w->rows * w->per_run;
}

/* Block i: where it starts in each operand and, last, in the walked array. Returns its length. */
static inline int64_t rg_walk_block(const rg_walk *w, int k, int64_t i, int64_t *offset) {
    if (w->per_run == 1) { /* a division takes longer than a short run */
        rg_walk_at(w, k, i, offset);
        offset[k] = i * w->inner;
        return w->inner;
    }
    const int64_t row = i / w->per_run, from = i % w->per_run * w->length, left = w->inner - from;
    rg_walk_at(w, k, row, offset);
    for (int j = 0; j < k; j++) offset[j] += from * w->run[j];
    offset[k] = row * w->inner + from;
    return left < w->length ? left : w->length;
}

/* Runs a statement for the n_ elements of a run of two operands, as and bs, whose strides sa and sb are 0 or 1, not
   both 0. One loop for each case, so that all of them vectorise. The statement sees a, b and i. */
#define RG_STRIDED(...)                                                                                       \
    if (sa && sb) {                                                                                           \
        for (int64_t i = 0; i < n_; i++) { const real a = as[i], b = bs[i]; __VA_ARGS__ }                     \
    } else if (sa) {                                                                                          \
        const real b = bs[0];                                                                                 \
        for (int64_t i = 0; i < n_; i++) { const real a = as[i]; __VA_ARGS__ }                                \
    } else {                                                                                                  \
        const real a = as[0];                                                                                 \
        for (int64_t i = 0; i < n_; i++) { const real b = bs[i]; __VA_ARGS__ }                                \
    }
#endif
