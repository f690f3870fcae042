/* kernels/window.c - the loops of unfold and fold: a plane to its columns and back. */
#include "window.h"

static void to_columns(const frame *f, const real *plane, real *restrict columns) {
    const int64_t step = f->a->window.stride[1];
    for (int64_t i = 0; i < f->a->window.kernel[0]; i++)
        for (int64_t j = 0; j < f->a->window.kernel[1]; j++)
            for (int64_t p = 0; p < f->down; p++, columns += f->across) {
                const run r = run_of(f, p, i, j);
                for (int64_t q = 0; q < r.lo; q++) columns[q] = 0;
                if (step == 1) memcpy(columns + r.lo, plane + r.from + r.lo, (size_t)(r.hi - r.lo) * sizeof *columns);
                else
                    for (int64_t q = r.lo; q < r.hi; q++) columns[q] = plane[r.from + q * step];
                for (int64_t q = r.hi; q < f->across; q++) columns[q] = 0;
            }
}

static void add_columns(const frame *f, const real *columns, real *restrict plane) {
    const int64_t step = f->a->window.stride[1];
    for (int64_t i = 0; i < f->a->window.kernel[0]; i++)
        for (int64_t j = 0; j < f->a->window.kernel[1]; j++)
            for (int64_t p = 0; p < f->down; p++, columns += f->across) {
                const run r = run_of(f, p, i, j);
                if (step == 1)
                    for (int64_t q = r.lo; q < r.hi; q++) plane[r.from + q] += columns[q];
                else
                    for (int64_t q = r.lo; q < r.hi; q++) plane[r.from + q * step] += columns[q];
            }
}

typedef struct unfolding { const frame *f; int64_t size, columns; const real *from; real *to; } unfolding; /* size: of a plane */
static void unfold_planes(const void *with, int64_t begin, int64_t end) {
    const unfolding *p = with;
    for (int64_t i = begin; i < end; i++) to_columns(p->f, p->from + i * p->size, p->to + i * p->columns);
}

static void fold_planes(const void *with, int64_t begin, int64_t end) {
    const unfolding *p = with;
    for (int64_t i = begin; i < end; i++) {
        memset(p->to + i * p->size, 0, (size_t)p->size * sizeof *p->to);
        add_columns(p->f, p->from + i * p->columns, p->to + i * p->size);
    }
}

static void each(const rg_tape *t, const frame *f, int64_t n, rg_loop_fn *loop, const real *from, real *to) {
    const int64_t columns = f->a->window.kernel[0] * f->a->window.kernel[1] * f->down * f->across;
    rg_parallel(t, n * columns / RG_CHUNK, n, loop, &(unfolding){f, f->h * f->w, columns, from, to});
}

int RG_K(unfold)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const frame f = frame_of(x, &y->attr);
    if (y->numel) each(y->tape, &f, x->shape[0] * x->shape[1], unfold_planes, x->data, y->data);
    return 0;
}

int RG_K(fold)(rg_tensor *y) {
    const frame f = frame_of(y, &y->attr);
    if (y->numel) each(y->tape, &f, y->shape[0] * y->shape[1], fold_planes, y->in[0]->data, y->data);
    return 0;
}
