/* kernels/window.c - the loops of unfold and fold: a plane to its columns and back. Threads share the planes. */
#include "window.h"

void RG_K(to_columns)(const frame *f, const real *plane, real *restrict columns) {
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

void RG_K(add_columns)(const frame *f, const real *columns, real *restrict plane) {
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

int RG_K(unfold)(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const frame f = frame_of(x, &y->attr);
    const int64_t planes = y->numel ? x->shape[0] * x->shape[1] : 0, size = f.h * f.w, columns = planes ? y->numel / planes : 0;
    const real *from = x->data;
    real *to = y->data;
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t i = 0; i < planes; i++) RG_K(to_columns)(&f, from + i * size, to + i * columns);)
    return 0;
}

int RG_K(fold)(rg_tensor *y) {
    const frame f = frame_of(y, &y->attr);
    const int64_t planes = y->shape[0] * y->shape[1], size = f.h * f.w, columns = planes ? y->in[0]->numel / planes : 0;
    const real *from = y->in[0]->data;
    real *to = y->data;
    RG_PARALLEL_FOR(y->tape, y->in[0]->numel / RG_CHUNK,
        for (int64_t i = 0; i < planes; i++) {
            for (int64_t k = 0; k < size; k++) to[i * size + k] = 0;
            RG_K(add_columns)(&f, from + i * columns, to + i * size);
        })
    return 0;
}
