/* ops.c - times each operator of the registry at three sizes: its first sample that can be stretched to them. */
#include <math.h>
#include <retrograd.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "engine/op.h"
#include "ops/sample.h"

static const double sizes[] = {16, 64 << 10, 64 << 20}; /* bytes of the largest operand, about */
enum { SIZES = 3, NOTHING_MOVED = 1000 }; /* GB/s: a view, or a gradient handed on */

/* Memory with a limit: a product of two long operands can be larger than the machine. */
static void *limited(void *ctx, size_t size) { return (void)ctx, size > (size_t)1 << 30 ? NULL : malloc(size); }
static void give_back(void *ctx, void *p, size_t size) { (void)ctx, (void)size, free(p); }

/* The sample's largest dimension, wherever it is, becomes so long that the largest operand has about so many bytes. */
static void stretch(rg_sample *s, double bytes) {
    int64_t longest = 1, to;
    for (int i = 0; i < s->n; i++)
        for (int d = 0; d < s->operand[i].ndim; d++)
            if (s->operand[i].shape[d] > longest) longest = s->operand[i].shape[d];
    double length = bytes / 4;
    for (int i = 0; i < s->n; i++) {
        double rest = 1;
        int times = 0;
        for (int d = 0; d < s->operand[i].ndim; d++)
            s->operand[i].shape[d] == longest ? (void)times++ : (void)(rest *= (double)s->operand[i].shape[d]);
        if (times && pow(bytes / 4 / rest, 1. / times) < length) length = pow(bytes / 4 / rest, 1. / times);
    }
    to = length < 1 ? 1 : (int64_t)(length + .5);
    for (int i = 0; i < s->n; i++)
        for (int d = 0; d < s->operand[i].ndim; d++)
            if (s->operand[i].shape[d] == longest) s->operand[i].shape[d] = to;
    for (int d = 0; s->has_shape && d < RG_MAX_DIMS; d++)
        if (s->dims[d] == longest) s->dims[d] = to;
}

typedef struct trial { const rg_op *op; const rg_sample *s; rg_tape *t; rg_tensor *in[RG_SAMPLE_OPERANDS], *x[RG_SAMPLE_OPERANDS],
    *out[RG_SAMPLE_OPERANDS], *y, *dy; int n; } trial;

static void forward(trial *m) {
    const int64_t mark = rg_mark(m->t);
    rg_sample_apply(RG_HERE, m->s, m->op, m->in);
    rg_rewind(m->t, mark);
}

static void backward(trial *m) {
    const int64_t mark = rg_mark(m->t);
    rg_grad(m->y, rg_list_of_n(m->n, m->x), m->out, .dy = m->dy);
    rg_rewind(m->t, mark);
}

static double time_of(void (*step)(trial *), trial *m, double seconds) {
    const double long_enough = .2, begin = clock_seconds();
    step(m); /* the first, in fresh memory; of the slowest enough */
    double best = clock_seconds() - begin;
    if (best > 5 * long_enough) return best;
    best = INFINITY;
    for (int calls = 1, round = 0; round < 1 || clock_seconds() - begin < (round < 3 ? long_enough : seconds); round++) {
        const double start = clock_seconds();
        for (int i = 0; i < calls; i++) step(m);
        const double t = (clock_seconds() - start) / calls;
        if (t < best) best = t;
        if (t * calls < 1e-5) calls *= 4;
    }
    return best;
}

/* Seconds of both directions, and bytes of operands and result; 0 where it does not go. */
static void time_op(const rg_op *op, const rg_sample *s, double seconds, int threads, double found[3]) {
    const rg_allocator allocator = {limited, give_back, NULL, false};
    trial m = {.op = op, .s = s, .t = rg_tape_new(1, .allocator = allocator)};
    rg_on_error(m.t, NULL, NULL);
    rg_set_threads(m.t, threads);
    rg_rng rng;
    rg_rng_seed(&rng, 1);
    found[0] = found[1] = found[2] = 0;
    const int n = rg_sample_operands(RG_HERE, s, op, m.t, &rng, m.in);
    for (int i = 0; i < n; i++) {
        found[2] += (double)rg_numel(m.in[i]) * (double)rg_dtype_size(rg_dtype_of(m.in[i]));
        if (!rg_sample_float(s, i) || s->operand[i].same) continue;
        rg_requires_grad(m.in[i], true);
        m.x[m.n++] = m.in[i];
    }
    if (n > 0 && !rg_failed(m.y = rg_sample_apply(RG_HERE, s, op, m.in))) {
        found[2] += (double)rg_numel(m.y) * (double)rg_dtype_size(rg_dtype_of(m.y));
        found[0] = time_of(forward, &m, seconds);
        if (m.n && rg_needs_grad(m.y)) {
            m.dy = rg_apply(rg_op_find("fill"), RG_HERE, (rg_attr){.p = 1}, 1, &m.y);
            found[1] = time_of(backward, &m, seconds);
        }
    }
    if (rg_error(m.t)) found[0] = found[1] = 0;
    rg_tape_free(m.t);
}

/* A first sample without an empty dimension, that all sizes can be made of. */
static bool fits(const rg_sample *s) {
    double elements = 1;
    for (int i = 0; i < s->n; i++) {
        elements = 1;
        for (int d = 0; d < s->operand[i].ndim; d++) elements *= (double)s->operand[i].shape[d];
        if (elements == 0 || s->operand[i].dtype == RG_F64) return false;
    }
    return elements > 1;
}

int bench_ops(double seconds, int threads) {
    printf("\neach op, forward / backward: ns for 16 B, then GB/s (bytes of operands and result) for 64 KiB and 64 MiB\n"
           "(-: no derivative, or an error at that size; free: no data is moved)\n");
    printf("%-20s %-26s %17s %19s %19s\n", "", "stretched sample", "16 B", "64 KiB", "64 MiB");
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        if (!wanted(e->op->name)) continue;
        const char *text = e->op->samples;
        for (rg_sample s; rg_sample_next(&text, &s) > 0;) {
            double found[SIZES][3] = {{0}};
            if (!fits(&s)) continue;
            for (int k = 0; k < SIZES && (k == 0 || found[k - 1][0] > 0); k++) { /* if a small size fails, the larger ones are skipped */
                rg_sample longer = s;
                stretch(&longer, sizes[k]);
                time_op(e->op, &longer, seconds, threads, found[k]);
            }
            if (found[0][0] <= 0 || found[1][0] <= 0) continue;
            printf("%-20s %-26.*s", e->op->name, s.length < 26 ? s.length : 26, s.text);
            for (int k = 0; k < SIZES; k++)
                for (int d = 0; d < 2; d++) {
                    const double v = found[k][d] <= 0 ? 0 : k ? found[k][2] / found[k][d] / 1e9 : found[k][d] * 1e9;
                    if (k && v > NOTHING_MOVED) printf(" %9s", "free");
                    else if (v > 0) printf(k ? " %9.1f" : " %8.0f", v);
                    else printf(k ? " %9s" : " %8s", "-");
                }
            printf("\n");
            fflush(stdout);
            break;
        }
    }
    return 0;
}
