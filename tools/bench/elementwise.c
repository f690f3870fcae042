/* elementwise.c - W5: elementwise operators and reductions over ELEMENTS floats, forward and backward, by the engine and by loops. */
#include <retrograd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h"
#include "loops.h"

static const loop_row *rows(void) {
#ifdef RG_HAVE_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return loop_rows_avx2();
#endif
    return loop_rows_base();
}

static void fill(float *to, int64_t n, double low, double high) {
    rg_rng rng;
    rg_rng_seed(&rng, 3);
    for (int64_t i = 0; i < n; i++) to[i] = (float)rg_rng_uniform(&rng, low, high);
}

static void key_of(char key[64], const loop_row *r, const char *direction) { snprintf(key, 64, "%s, %s", r->key, direction); }

/* -------- the engine */

typedef struct trial { const loop_row *row; rg_tape *t; rg_tensor *in[2], *y, *dy, *out[2]; int n, needs; } trial;

static rg_tensor *apply(trial *m) {
    rg_attr attr = {.p = m->row->p, .q = m->row->q};
    switch (m->row->shape) {
    case LOOP_ALL: attr.reduce.axes = (1u << m->in[0]->ndim) - 1; break;
    case LOOP_ROWS: attr.reduce.axes = 1; break;
    case LOOP_COLUMNS: attr.reduce.axes = 2; break;
    case LOOP_AXIS: attr.axis = 1; break;
    default: break;
    }
    return rg_apply(rg_op_find(m->row->op), RG_AT, attr, m->n, m->in);
}

static void forward_step(void *ctx) {
    trial *m = ctx;
    const int64_t mark = rg_mark(m->t);
    apply(m);
    rg_rewind(m->t, mark);
}

static void backward_step(void *ctx) {
    trial *m = ctx;
    const int64_t mark = rg_mark(m->t);
    rg_grad(m->y, rg_list_of_n(m->n, m->in), m->out, .dy = m->dy);
    rg_rewind(m->t, mark);
}

/* Time, or when steps are counted what they take from the heap after the second. */
static long run_step(const job *j, const char *key, void (*step)(void *), trial *m) {
    if (j->steps <= 0) return measure(j, key, 1, step, m), 0;
    long heap = 0;
    for (int i = 0; i < j->steps; i++) {
        if (i == 2) heap = heap_calls();
        step(m);
    }
    return heap_calls() - heap;
}

int elementwise_engine(const job *j) {
    rg_tape *t = rg_tape_new(1);
    rg_set_threads(t, j->threads);
    const int64_t height = ELEMENTS / ROW / (j->steps > 0 ? 64 : 1);
    long heap = 0;
    rg_tensor *full[2], *row;
    for (int k = 0; k < 2; k++) full[k] = rg_buffer_of(t, NULL, RG_F32, NULL, height, ROW);
    row = rg_buffer_of(t, NULL, RG_F32, NULL, ROW);
    for (const loop_row *r = rows(); r->key && !rg_error(t); r++) {
        if (!wanted(r->op)) continue;
        char key[64];
        trial m = {.row = r, .t = t, .in = {full[0], r->shape == LOOP_ROW ? row : full[1]}, .n = r->shape == LOOP_BINARY ||
            r->shape == LOOP_ROW ? 2 : 1};
        for (int k = 0; k < m.n; k++) {
            fill(m.in[k]->data, m.in[k]->numel, r->low, r->high);
            rg_requires_grad(m.in[k], true);
        }
        key_of(key, r, "forward");
        heap += run_step(j, key, forward_step, &m);
        m.y = apply(&m);
        if (r->backward && rg_needs_grad(m.y)) {
            m.dy = rg_full_like(m.y, 0); /* a result, as in a pass: rg_grad would copy a leaf */
            fill(m.dy->data, m.dy->numel, 0, 1);
            key_of(key, r, "backward");
            heap += run_step(j, key, backward_step, &m);
        }
        rg_tape_reset(t);
    }
    if (j->steps > 2 && heap_calls() >= 0) printf("heap %ld\n", heap);
    const bool failed = rg_error(t) != NULL;
    rg_tape_free(t);
    return failed;
}

/* -------- the loops */

typedef struct loop_trial { const loop_row *row; loop_arrays arrays; } loop_trial;
static void loop_forward(void *ctx) {
    const loop_trial *m = ctx;
    m->row->forward(&m->arrays);
}
static void loop_backward(void *ctx) {
    const loop_trial *m = ctx;
    m->row->backward(&m->arrays);
}

void elementwise_loops(const job *j) {
    float *array[6];
    for (int k = 0; k < 6; k++) {
        if (!(array[k] = aligned_alloc(64, ELEMENTS * sizeof(float)))) return;
        memset(array[k], 0, ELEMENTS * sizeof(float));
    }
    fill(array[2], ELEMENTS, 0, 1);
    for (const loop_row *r = rows(); r->key; r++) {
        if (!wanted(r->op)) continue;
        char key[64];
        loop_trial m = {r, {ELEMENTS, array[0], array[1], array[4], array[2], array[3], array[5]}};
        fill(array[0], ELEMENTS, r->low, r->high);
        fill(array[1], r->shape == LOOP_BINARY ? ELEMENTS : ROW, r->low, r->high);
        key_of(key, r, "forward");
        measure(j, key, 1, loop_forward, &m);
        if (!r->backward) continue;
        m.arrays.y = array[3], m.arrays.to = array[4];
        key_of(key, r, "backward");
        measure(j, key, 1, loop_backward, &m);
    }
    for (int k = 0; k < 6; k++) free(array[k]);
}
