/* walk.h - steps through a result and its broadcast operands together, in as few and as long contiguous runs as the shapes allow. */
#ifndef RG_WALK_H
#define RG_WALK_H

#include "op.h"

enum { RG_WALK_MAX = 3 };
typedef struct rg_walk {
    int ndim;                                /* outer dimensions, after merging */
    int64_t rows, inner;                     /* number of runs, elements in each: the walked array is contiguous */
    int64_t n[RG_MAX_DIMS];
    int64_t step[RG_WALK_MAX][RG_MAX_DIMS];  /* of operand k along outer dimension d, in elements; 0 = broadcast */
    int64_t run[RG_WALK_MAX];                /* of operand k along a run: 0 or 1 */
} rg_walk;

/* Walks an array of `shape` together with k operands that broadcast to it. */
void rg_walk_init(rg_walk *w, int ndim, const int64_t *shape, int k, rg_tensor *const *x);

/* The offset of each operand at the start of a run. */
static inline void rg_walk_at(const rg_walk *w, int k, int64_t row, int64_t *offset) {
    for (int j = 0; j < k; j++) offset[j] = 0;
    for (int d = w->ndim - 1; d >= 0; d--) {
        const int64_t i = row % w->n[d];
        row /= w->n[d];
        for (int j = 0; j < k; j++) offset[j] += i * w->step[j][d];
    }
}
#endif
