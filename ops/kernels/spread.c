/* kernels/spread.c - the gradients of sum and mean: dy, times a number, to every element that was added up. */
#include "engine/kernel.h"

static int spread(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, real scale) {
    const rg_tensor *x = y->in[0];
    if (rg_failed(dx[0] = rg_temp_like(y, x))) return -1;
    const real *from = dy->data;
    if (y->numel == 1) {
        real *to = dx[0]->data;
        const real v = scale * from[0];
        RG_PARALLEL_FOR(y->tape, x->numel / RG_CHUNK,
            for (int64_t i = 0; i < x->numel; i++) to[i] = v;)
        return 0;
    }
    rg_tensor kept = {.ndim = x->ndim}; /* y with the reduced axes as dimensions of 1 */
    for (int d = 0; d < x->ndim; d++) kept.shape[d] = y->attr.axes >> d & 1 ? 1 : x->shape[d];
    rg_walk w;
    rg_walk_init(&w, x->ndim, x->shape, 1, (rg_tensor *[]){&kept});
    const int64_t per = RG_CHUNK / (w.inner + 1) + 1, blocks = (w.rows + per - 1) / per;
    RG_PARALLEL_FOR(y->tape, blocks,
        for (int64_t b = 0; b < blocks; b++)
            for (int64_t r = b * per, end = rg_min64(r + per, w.rows); r < end; r++) {
                int64_t at;
                rg_walk_at(&w, 1, r, &at);
                real *restrict to = (real *)dx[0]->data + r * w.inner;
                if (w.run[0])
                    for (int64_t i = 0; i < w.inner; i++) to[i] = scale * from[at + i];
                else
                    for (int64_t i = 0; i < w.inner; i++) to[i] = scale * from[at];
            })
    return 0;
}

int RG_K(sum_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return spread(y, dy, dx, 1); }
int RG_K(mean_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { return spread(y, dy, dx, C(1 / ((double)y->in[0]->numel / (double)y->numel))); }
