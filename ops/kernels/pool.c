/* kernels/pool.c - the loops of max_pool2d and avg_pool2d, plane by plane, and of their gradients. Threads share the planes. */
#include "window.h"

typedef void plane_fn(const frame *f, const real *from, int32_t *place, real *to);

/* in, out: the elements of one plane of `from` and of `to` */
typedef struct planes { frame f; int64_t in, out; const real *from; int32_t *place; real *to; plane_fn *loop; } planes;
static void run_planes(const void *with, int64_t begin, int64_t end) {
    const planes *p = with;
    for (int64_t i = begin; i < end; i++)
        p->loop(&p->f, p->from + i * p->in, p->place ? p->place + i * p->f.down * p->f.across : NULL, p->to + i * p->out);
}

static int each(rg_tensor *y, const rg_tensor *from, rg_tensor *to, rg_tensor *places, plane_fn *loop) {
    const int64_t n = y->shape[0] * y->shape[1];
    if (!n) return 0;
    const planes p = {frame_of(y->in[0], &y->attr), from->numel / n, to->numel / n, from->data, places ? places->data : NULL, to->data,
        loop};
    rg_parallel(y->tape, y->in[0]->numel / RG_CHUNK, n, run_planes, &p);
    return 0;
}

/* -------- max */

static void max_plane(const frame *f, const real *x, int32_t *restrict place, real *restrict to) {
    const int64_t step = f->a->window.stride[1];
    for (int64_t p = 0; p < f->down; p++, to += f->across, place += f->across) {
        for (int64_t q = 0; q < f->across; q++) place[q] = -1, to[q] = -C(INFINITY);
        for (int i = 0; i < f->a->window.kernel[0]; i++)
            for (int j = 0; j < f->a->window.kernel[1]; j++) {
                const run r = run_of(f, p, i, j);
                const int32_t here = i * f->a->window.kernel[1] + j;
                for (int64_t q = r.lo; q < r.hi; q++) {
                    const real v = x[r.from + q * step];
                    const bool larger = (place[q] < 0) | (v > to[q]) | ((v != v) & (to[q] == to[q]));
                    to[q] = larger ? v : to[q];
                    place[q] = larger ? here : place[q];
                }
            }
    }
}

int RG_K(max_pool2d)(rg_tensor *y) {
    rg_tensor *place = rg_save(y, 0, RG_I32, 2, (const int64_t[]){y->shape[0] * y->shape[1], y->shape[2] * y->shape[3]});
    return rg_failed(place) ? -1 : each(y, y->in[0], y, place, max_plane);
}

static void max_vjp_plane(const frame *f, const real *dy, int32_t *place, real *restrict dx) {
    const rg_attr *a = f->a;
    for (int64_t i = 0; i < f->h * f->w; i++) dx[i] = 0;
    for (int64_t p = 0; p < f->down; p++)
        for (int64_t q = 0; q < f->across; q++, dy++, place++) {
            const int64_t i = p * a->window.stride[0] - a->window.padding[0] + *place / a->window.kernel[1],
                j = q * a->window.stride[1] - a->window.padding[1] + *place % a->window.kernel[1];
            dx[i * f->w + j] += *dy;
        }
}

int RG_K(max_pool2d_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    return !rg_make_dx(y, dx, 0) ? -1 : each(y, dy, dx[0], y->saved[0], max_vjp_plane);
}

/* -------- avg */

static void avg_plane(const frame *f, const real *x, int32_t *place, real *restrict to) {
    const int64_t step = f->a->window.stride[1];
    const real scale = 1 / (real)(f->a->window.kernel[0] * f->a->window.kernel[1]);
    (void)place;
    for (int64_t p = 0; p < f->down; p++, to += f->across) {
        for (int64_t q = 0; q < f->across; q++) to[q] = 0;
        for (int64_t i = 0; i < f->a->window.kernel[0]; i++)
            for (int64_t j = 0; j < f->a->window.kernel[1]; j++) {
                const run r = run_of(f, p, i, j);
                for (int64_t q = r.lo; q < r.hi; q++) to[q] += x[r.from + q * step];
            }
        for (int64_t q = 0; q < f->across; q++) to[q] *= scale;
    }
}

int RG_K(avg_pool2d)(rg_tensor *y) { return each(y, y->in[0], y, NULL, avg_plane); }

static void avg_vjp_plane(const frame *f, const real *dy, int32_t *place, real *restrict dx) {
    const int64_t step = f->a->window.stride[1];
    const real scale = 1 / (real)(f->a->window.kernel[0] * f->a->window.kernel[1]);
    (void)place;
    for (int64_t i = 0; i < f->h * f->w; i++) dx[i] = 0;
    for (int64_t p = 0; p < f->down; p++, dy += f->across)
        for (int64_t i = 0; i < f->a->window.kernel[0]; i++)
            for (int64_t j = 0; j < f->a->window.kernel[1]; j++) {
                const run r = run_of(f, p, i, j);
                for (int64_t q = r.lo; q < r.hi; q++) dx[r.from + q * step] += dy[q] * scale;
            }
}

int RG_K(avg_pool2d_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    return !rg_make_dx(y, dx, 0) ? -1 : each(y, dy, dx[0], NULL, avg_vjp_plane);
}
