/* kernels/pool.c - the loops of max_pool2d and avg_pool2d, plane by plane, and of their gradients. Threads share the planes. */
#include "extremes.h"
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

/* Windows begin .. end - 1 of row p. */
static void max_between(const frame *f, const real *x, int64_t p, int64_t begin, int64_t end, int32_t *restrict place, real *restrict to) {
    const int64_t step = f->a->window.stride[1];
    for (int64_t q = begin; q < end; q++) place[q] = -1, to[q] = -C(INFINITY);
    for (int i = 0; i < f->a->window.kernel[0] && begin < end; i++)
        for (int j = 0; j < f->a->window.kernel[1]; j++) {
            const run r = run_of(f, p, i, j);
            const int32_t here = i * f->a->window.kernel[1] + j;
            for (int64_t q = r.lo > begin ? r.lo : begin; q < rg_min64(r.hi, end); q++) {
                const real v = x[r.from + q * step];
                const bool larger = (place[q] < 0) | (v > to[q]) | ((v != v) & (to[q] == to[q]));
                to[q] = larger ? v : to[q];
                place[q] = larger ? here : place[q];
            }
        }
}

/* Windows of 2 x 2 and 3 x 3 that lie in the image, two elements apart, in registers: the largest, then the first element that is equal to
   it, or a NaN. Selects by one comparison each, and an index of type real: of other forms gcc makes no vectors. */
#define X(i, j) x[(i) * w + 2 * q + (j)]
#define MORE(i, j) most = larger(most, X(i, j))
#define PLACE(wide, i, j) at = X(i, j) == most ? C((i) * wide + (j)) : at, at = X(i, j) != X(i, j) ? C((i) * wide + (j)) : at
static void max_2x2(int64_t w, const real *restrict x, int64_t n, int32_t *restrict place, real *restrict to) {
    for (int64_t q = 0; q < n; q++) {
        real most = X(0, 0), at = 0;
        MORE(0, 1), MORE(1, 0), MORE(1, 1);
        PLACE(2, 1, 1), PLACE(2, 1, 0), PLACE(2, 0, 1), PLACE(2, 0, 0);
        to[q] = most, place[q] = (int32_t)at;
    }
}
static void max_3x3(int64_t w, const real *restrict x, int64_t n, int32_t *restrict place, real *restrict to) {
    for (int64_t q = 0; q < n; q++) {
        real most = X(0, 0), at = 0;
        MORE(0, 1), MORE(0, 2), MORE(1, 0), MORE(1, 1), MORE(1, 2), MORE(2, 0), MORE(2, 1), MORE(2, 2);
        PLACE(3, 2, 2), PLACE(3, 2, 1), PLACE(3, 2, 0), PLACE(3, 1, 2), PLACE(3, 1, 1), PLACE(3, 1, 0), PLACE(3, 0, 2), PLACE(3, 0, 1),
            PLACE(3, 0, 0);
        to[q] = most, place[q] = (int32_t)at;
    }
}

static void max_plane(const frame *f, const real *x, int32_t *restrict place, real *restrict to) {
    const int16_t *kernel = f->a->window.kernel, *pad = f->a->window.padding;
    const int64_t lo = rg_min64(up(pad[1], 2), f->across), inside = f->w + pad[1] - kernel[1], /* windows lo .. hi - 1 lie in the image */
        hi = inside < 2 * lo ? lo : rg_min64(inside / 2 + 1, f->across);
    const bool fast = f->a->window.stride[1] == 2 && kernel[0] == kernel[1] && (kernel[0] == 2 || kernel[0] == 3);
    for (int64_t p = 0; p < f->down; p++, to += f->across, place += f->across) {
        const int64_t row = p * f->a->window.stride[0] - pad[0];
        const bool now = fast && row >= 0 && row + kernel[0] <= f->h;
        max_between(f, x, p, 0, now ? lo : f->across, place, to);
        if (!now) continue;
        (kernel[0] == 2 ? max_2x2 : max_3x3)(f->w, x + row * f->w + 2 * lo - pad[1], hi - lo, place + lo, to + lo);
        max_between(f, x, p, hi, f->across, place, to);
    }
}

int RG_K(max_pool2d)(rg_tensor *y) {
    rg_tensor *place = rg_save(y, 0, RG_I32, 2, (const int64_t[]){y->shape[0] * y->shape[1], y->shape[2] * y->shape[3]});
    return rg_failed(place) ? -1 : each(y, y->in[0], y, place, max_plane);
}

__attribute__((always_inline))
static inline void add_largest(const frame *f, int wide, const real *dy, const int32_t *place, real *restrict dx) {
    const rg_attr *a = f->a;
    for (int64_t p = 0; p < f->down; p++) {
        real *to = dx + (p * a->window.stride[0] - a->window.padding[0]) * f->w - a->window.padding[1];
        for (int64_t q = 0; q < f->across; q++, to += a->window.stride[1], dy++, place++) to[*place / wide * f->w + *place % wide] += *dy;
    }
}

static void max_vjp_plane(const frame *f, const real *dy, int32_t *place, real *restrict dx) {
    const int wide = f->a->window.kernel[1];
    memset(dx, 0, (size_t)(f->h * f->w) * sizeof *dx);
    if (wide == 2) add_largest(f, 2, dy, place, dx);
    else add_largest(f, wide, dy, place, dx);
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
