/* walk.c - merges the dimensions of a broadcast into as few as possible. */
#include "walk.h"

void rg_walk_init(rg_walk *w, int ndim, const int64_t *shape, int k, rg_tensor *const *x) {
    /* Only what is read is set: clearing all of it takes longer than a small op. */
    int64_t step[RG_WALK_MAX], n[RG_MAX_DIMS + 1], s[RG_WALK_MAX][RG_MAX_DIMS + 1], stride[RG_WALK_MAX];
    int top = -1; /* merged dimensions, the innermost first */
    w->ndim = 0;
    w->rows = w->inner = 1;
    for (int j = 0; j < k; j++) stride[j] = 1, w->run[j] = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        for (int j = 0; j < k; j++) {
            const int i = d - (ndim - x[j]->ndim);
            const int64_t own = i < 0 ? 1 : x[j]->shape[i];
            step[j] = own == 1 ? 0 : stride[j];
            stride[j] *= own;
        }
        if (shape[d] == 1) continue;
        bool joins = top >= 0;
        for (int j = 0; j < k; j++) joins = joins && step[j] == s[j][top] * n[top];
        if (joins) {
            n[top] *= shape[d];
            continue;
        }
        n[++top] = shape[d];
        for (int j = 0; j < k; j++) s[j][top] = step[j];
    }
    if (top >= 0) {
        w->inner = n[0];
        for (int j = 0; j < k; j++) w->run[j] = s[j][0];
    }
    for (int d = top; d >= 1; d--, w->ndim++) {
        w->rows *= w->n[w->ndim] = n[d];
        for (int j = 0; j < k; j++) w->step[j][w->ndim] = s[j][d];
    }
    if (w->inner == 0) w->rows = 0; /* nothing to walk, however many empty runs */
}
