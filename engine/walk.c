/* walk.c - merges the dimensions of an array and its operands into as few as possible. */
#include "walk.h"

unsigned rg_walk_has(int ndim, int own, const int64_t *shape) {
    unsigned has = 0;
    for (int d = 0; d < own; d++) has |= (unsigned)(shape[d] != 1) << (ndim - own + d);
    return has;
}

void rg_walk_operands(rg_walk *w, const rg_tensor *y, int k) {
    unsigned has[RG_WALK_MAX];
    for (int j = 0; j < k; j++) has[j] = rg_walk_has(y->ndim, y->in[j]->ndim, y->in[j]->shape);
    rg_walk_init(w, y->ndim, y->shape, k, has);
}

/* Merges two neighbouring dimensions if the same operands have both. Only what is read is set: clearing all of w takes longer than a small
   op. */
void rg_walk_init(rg_walk *w, int ndim, const int64_t *shape, int k, const unsigned *has) {
    int64_t stride[RG_WALK_MAX];
    unsigned last = 0;
    int top = -1;
    w->n[0] = w->rows = 1;
    for (int j = 0; j < k; j++) stride[j] = 1, w->step[j][0] = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        if (shape[d] == 1) continue;
        unsigned here = 0;
        for (int j = 0; j < k; j++) here |= (has[j] >> d & 1) << j;
        if (top < 0 || here != last) {
            w->n[++top] = 1;
            for (int j = 0; j < k; j++) w->step[j][top] = here >> j & 1 ? stride[j] : 0;
            last = here;
        }
        w->n[top] *= shape[d];
        for (int j = 0; j < k; j++)
            if (here >> j & 1) stride[j] *= shape[d];
    }
    w->ndim = top < 0 ? 1 : top + 1;
    w->inner = w->n[0];
    for (int j = 0; j < k; j++) w->run[j] = w->step[j][0];
    for (int d = 1; d <= top; d++) w->rows *= w->n[d];
    if (w->inner == 0) w->rows = 0; /* nothing to walk, however many empty runs */
}

void rg_walk_reduced(rg_walk *w, const rg_tensor *y) {
    const unsigned kept = ~y->attr.reduce.axes;
    rg_walk_init(w, y->in[0]->ndim, y->in[0]->shape, 1, &kept);
}
