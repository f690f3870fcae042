/* behaviour.c - see behaviour.h. Each sample is run four times on the same numbers, on a tape of its own: in f32 and in f64, recorded
   and played. Each refusal has to name the operator and the caller's line. */
#include "behaviour.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ops/ops.h"
#include "ops/sample.h"

static const double BAR = 1e-4; /* a difference between f32 and f64 that passes */
static const char *const here = "here.c:7";

typedef struct run {
    rg_tape *t;
    rg_tensor *in[RG_SAMPLE_OPERANDS], *x[RG_SAMPLE_OPERANDS], *y; /* x: the operands that have a gradient */
    int nx;
} run;

__attribute__((format(printf, 3, 4))) static void wrong(behaviour *b, const rg_sample *s, const char *format, ...) {
    if (b->failed) return;
    const int n = snprintf(b->text, sizeof b->text, "sample \"%.*s\": ", s->length < 60 ? s->length : 60, s->text);
    va_list args;
    va_start(args, format);
    vsnprintf(b->text + n, sizeof b->text - (size_t)n, format, args);
    va_end(args);
    b->failed = true;
}

/* Numbers that both dtypes hold: x's own, or normal ones. */
static void fill(rg_tensor *x, rg_rng *rng) {
    for (int64_t i = 0; i < x->numel; i++) {
        const float v = (float)(rng ? rg_rng_normal(rng, 0, 1) : rg_element(x, i));
        if (x->dtype == RG_F64) ((double *)x->data)[i] = (double)v;
        else if (x->dtype == RG_F32) ((float *)x->data)[i] = v;
    }
}

static run operands(const rg_op *op, const rg_sample *s, rg_dtype dtype, uint64_t seed) {
    run r = {.t = rg_tape_new(seed)};
    rg_rng rng;
    rg_rng_seed(&rng, seed);
    rg_on_error(r.t, NULL, NULL);
    rg_set_default_dtype(r.t, dtype);
    const int n = rg_sample_operands(here, s, op, r.t, &rng, r.in);
    for (int i = 0; i < n; i++) {
        fill(r.in[i], NULL);
        if (rg_sample_float(s, i) && !s->operand[i].same) r.x[r.nx++] = rg_requires_grad(r.in[i], true);
    }
    return r;
}

/* The result, and the gradients of sum y w. Played: from the same draws, once it was recorded. */
static run run_sample(const rg_op *op, const rg_sample *s, rg_dtype dtype, bool played, uint64_t seed) {
    run r = operands(op, s, dtype, seed);
    const rg_rng draws = *rg_tape_rng(r.t);
    rg_rng rng;
    rg_rng_seed(&rng, seed + 1);
    r.y = rg_sample_apply(here, s, op, r.in);
    if (!rg_needs_grad(r.y)) r.nx = 0;
    if (r.nx) {
        rg_tensor *w = rg_empty_at(here, r.t, r.y->dtype, r.y->ndim, r.y->shape);
        fill(w, &rng);
        rg_backward(rg_sum(rg_mul(r.y, w)));
    }
    if (!played) return r;
    for (int i = 0; i < r.nx; i++) rg_clear_grad(r.x[i]);
    *rg_tape_rng(r.t) = draws;
    rg_play(r.t);
    return r;
}

/* Of two tensors, relative to the largest number of the second. */
static double difference(const rg_tensor *a, const rg_tensor *b) {
    double worst = 0, largest = 1;
    if (rg_numel(a) != rg_numel(b)) return INFINITY;
    for (int64_t i = 0; i < rg_numel(b); i++)
        if (isfinite(rg_element(b, i))) largest = fmax(largest, fabs(rg_element(b, i)));
    for (int64_t i = 0; i < rg_numel(a); i++) {
        const double u = rg_element(a, i), v = rg_element(b, i), d = fabs(u - v) / largest;
        if (u != v && !(isnan(u) && isnan(v))) worst = fmax(worst, isfinite(d) ? d : INFINITY);
    }
    return worst;
}

static double apart(const run *a, const run *b) {
    double worst = a->nx == b->nx ? difference(a->y, b->y) : INFINITY;
    for (int i = 0; i < a->nx && i < b->nx; i++) worst = fmax(worst, difference(rg_grad_of(a->x[i]), rg_grad_of(b->x[i])));
    return worst;
}

static void check_sample(behaviour *b, const rg_op *op, const rg_sample *s, uint64_t seed) {
    run r[2];
    for (int k = RG_F32; k <= RG_F64; k++) {
        r[k] = run_sample(op, s, (rg_dtype)k, false, seed);
        run p = run_sample(op, s, (rg_dtype)k, true, seed);
        if (rg_error(r[k].t)) wrong(b, s, "%s", rg_error(r[k].t));
        else if (rg_error(p.t) && !b->failed) snprintf(b->text, sizeof b->text, "not played: %.200s", rg_error(p.t));
        else if (apart(&p, &r[k]) > 0) wrong(b, s, "%s: played it differs from recorded", rg_dtype_name((rg_dtype)k));
        rg_tape_free(p.t);
    }
    const double d = apart(&r[RG_F32], &r[RG_F64]);
    if (!(d <= BAR)) wrong(b, s, "f32 differs from f64 by %.1e", d);
    b->apart = fmax(b->apart, d);
    b->samples++;
    for (int k = RG_F32; k <= RG_F64; k++) rg_tape_free(r[k].t);
}

static void check_refusal(behaviour *b, const rg_op *op, const rg_sample *s, uint64_t seed) {
    const size_t n = strlen(op->name);
    b->refusals++;
    for (int k = RG_F32; k <= RG_F64; k++) {
        run r = operands(op, s, (rg_dtype)k, seed);
        const char *said = rg_failed(rg_sample_apply(here, s, op, r.in)) ? rg_error(r.t) : NULL, *end = said ? strrchr(said, ' ') : NULL;
        if (!said) wrong(b, s, "%s: it is not refused", rg_dtype_name((rg_dtype)k));
        else if (!op->compose && (strncmp(said, op->name, n) != 0 || said[n] != ':')) wrong(b, s, "another name than its own: %s", said);
        else if (!end || strcmp(end, " (here.c:7)") != 0) wrong(b, s, "no line of the caller: %s", said);
        rg_tape_free(r.t);
    }
}

behaviour behaviour_of(const rg_op *op, uint64_t seed) {
    behaviour b = {0};
    rg_sample s;
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;) check_sample(&b, op, &s, seed);
    for (const char *text = op->refuses; rg_sample_next(&text, &s) > 0;) check_refusal(&b, op, &s, seed);
    return b;
}
