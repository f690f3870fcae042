/* gradcheck.c - gradients against five-point differences; see gradcheck.h. Stencil: Abramowitz and Stegun, table 25.2. */
#include "engine/op.h"
#include "ops/gradcheck.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/sample.h"

#undef RG_AT
#define RG_AT at

static const double TOLERANCE = 1e-8, STEP = 7.4e-4, LEFT_OUT = 0.02, FLOOR = 1e-3;
enum { ENOUGH = 100 };

/* One order of one function. Its variables are the operands that require a gradient, at order 2 also the cotangent w of the first
   gradient. Its outputs are fn's result, at order 2 the first gradients of all operands, one after another. */
typedef struct problem {
    const char *at;
    rg_tape *t;
    rg_fn fn;
    void *ctx;
    rg_tensor *const *in;
    int order, n;
    rg_rng draws;            /* the tape's generator, put back before every call of fn */
    rg_rng rng;              /* for cotangents */
    int nfirst, nvars, nout; /* operands among the variables; variables; outputs */
    rg_tensor **vars, **out, **grads, *w;
    int64_t nvalues, nelements; /* of all outputs, of all variables */
    double *point[4], *values, *v, *analytic[2];
    size_t pointers_size, numbers_size;
    uint64_t hash;           /* of the branches at the unmoved point */
    int64_t *counts;         /* elements checked, per operand; may be NULL */
    rg_check *result;
} problem;

uint64_t rg_branch_hash(rg_tape *t, int64_t mark) {
    uint64_t h = 0;
    for (const rg_tensor *x = t ? rg_newest(t) : NULL; x && x->seq >= mark; x = x->prev) {
        if (!x->op) continue;
        const rg_branch_fn branch = x->op->branch[x->nin && x->in[0]->dtype == RG_F64];
        if (branch) h = rg_hash(h, branch(x)) + (h >> 29);
    }
    return h;
}

/* -------- fn, and its first gradients */

static rg_tensor *call(problem *p) {
    *rg_tape_rng(p->t) = p->draws;
    const int64_t errors = rg_errors(p->t);
    rg_tensor *y = p->fn(p->ctx, p->in);
    if (rg_errors(p->t) != errors) return NULL;
    if (rg_failed(y)) return rg_fail(p->t, RG_EVALUE, p->at, "gradcheck: the function returned no tensor"), NULL;
    if (y->tape != p->t) return rg_fail(p->t, RG_ESTATE, p->at, "gradcheck: the function's result is on another tape"), NULL;
    if (y->dtype != RG_F64)
        return rg_fail(p->t, RG_EDTYPE, p->at, "gradcheck: the function's result is %s, not f64", rg_dtype_name(y->dtype)), NULL;
    return y;
}

static int outputs(problem *p) {
    p->out[0] = call(p);
    if (!p->out[0]) return -1;
    if (p->order == 2) {
        rg_tensor *y = p->out[0];
        if (!rg_same_shape(y, p->w))
            return rg_fail(p->t, RG_ESHAPE, p->at, "gradcheck: the function's result changes its shape");
        const rg_grad_options options = {.dy = p->w, .create_graph = true, .allow_unused = true};
        if (rg_grad_at(p->at, y, rg_list_of_n(p->nfirst, p->vars), p->out, options)) return -1;
    }
    int64_t numel = 0;
    for (int i = 0; i < p->nout; i++) numel += p->out[i]->numel;
    return numel == p->nvalues ? 0 : rg_fail(p->t, RG_ESHAPE, p->at, "gradcheck: the function's result changes its size");
}

/* The outputs' values for the operands' present values. */
static int evaluate(problem *p, double *to, uint64_t *hash) {
    const int64_t mark = rg_mark(p->t);
    int failed = outputs(p);
    for (int i = 0; !failed && i < p->nout; i++) {
        const size_t bytes = (size_t)p->out[i]->numel * sizeof *to;
        if (bytes) memcpy(to, p->out[i]->data, bytes);
        to += p->out[i]->numel;
    }
    *hash = rg_branch_hash(p->t, mark);
    rg_rewind_at(p->at, p->t, mark);
    return failed;
}

/* -------- the tape's numbers */

/* Random signs, sizes in 0.5 .. 1.5: no weight is so small that it hides an error of its element. */
static void draw(problem *p, double *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const double size = rg_rng_uniform(&p->rng, .5, 1.5);
        v[i] = rg_rng_next32(&p->rng) & 1 ? size : -size;
    }
}

static int analytic(problem *p, bool graph, double *to) {
    const int64_t mark = rg_mark(p->t);
    int failed = outputs(p);
    const double *v = p->v;
    for (int64_t i = 0; i < p->nelements; i++) to[i] = 0;
    for (int i = 0; !failed && i < p->nout; i++) {
        rg_tensor *out = p->out[i], *dy = rg_input_at(p->at, p->t, RG_F64, v, out->ndim, out->shape);
        v += out->numel;
        const rg_grad_options options = {.dy = dy, .create_graph = graph, .allow_unused = true};
        failed = rg_grad_at(p->at, out, rg_list_of_n(p->nvars, p->vars), p->grads, options);
        double *sum = to;
        for (int k = 0; !failed && k < p->nvars; k++)
            for (int64_t j = 0; j < p->grads[k]->numel; j++) *sum++ += ((const double *)p->grads[k]->data)[j];
    }
    rg_rewind_at(p->at, p->t, mark);
    return failed;
}

/* -------- comparing */

static double relative(double a, double n, double scale) {
    const double error = fabs(a - n) / fmax(fmax(fabs(a), fabs(n)), scale);
    return isfinite(error) ? error : INFINITY;
}

static void note(problem *p, int k, int64_t i, double a, double n, double error) {
    rg_check *c = p->result;
    if (c->order && error <= c->error) return;
    const rg_tensor *x = p->vars[k];
    c->error = error, c->analytic = a, c->numeric = n, c->order = p->order, c->index = i, c->operand = 0;
    while (c->operand < p->n && p->in[c->operand] != x) c->operand++;
    char shape[80], who[24] = "the cotangent";
    if (c->operand < p->n) snprintf(who, sizeof who, "in[%d]", c->operand);
    snprintf(c->text, sizeof c->text, "order %d, %s element %lld of %s", p->order, who, (long long)i,
        rg_shape_text(x, shape, sizeof shape));
}

/* *to = sum_j v_j d out_j / dx_i by differences. 1 if a point is on another branch, -1 after an error, else 0. */
static int differentiate(problem *p, double *x, double *to) {
    static const double moves[] = {-2, -1, 1, 2};
    const double was = *x, h = STEP * fmax(1, fabs(was));
    int failed = 0;
    bool crossed = false;
    for (int k = 0; k < 4 && !failed; k++) {
        uint64_t hash;
        *x = was + moves[k] * h;
        failed = evaluate(p, p->point[k], &hash);
        crossed |= hash != p->hash;
    }
    *x = was;
    if (failed) return -1;
    *to = 0;
    for (int64_t j = 0; j < p->nvalues; j++)
        *to += p->v[j] * ((p->point[0][j] - p->point[3][j]) + 8 * (p->point[2][j] - p->point[1][j])) / (12 * h);
    return crossed;
}

static int compare(problem *p) {
    double scale = 0;
    for (int64_t j = 0; j < p->nvalues; j++) scale += fabs(p->v[j] * p->values[j]);
    scale = FLOOR * fmax(1, scale);
    int64_t at = 0;
    for (int k = 0; k < p->nvars; k++)
        for (int64_t i = 0; i < p->vars[k]->numel; i++, at++) {
            double n;
            const int crossed = differentiate(p, (double *)p->vars[k]->data + i, &n);
            if (crossed < 0) return -1;
            if (crossed) {
                p->result->left_out++;
                continue;
            }
            p->result->checked++;
            for (int j = 0; p->counts && j < p->n; j++) p->counts[j] += p->in[j] == p->vars[k];
            const double a[2] = {p->analytic[0][at], p->analytic[1][at]};
            const double e[2] = {relative(a[0], n, scale), relative(a[1], n, scale)};
            note(p, k, i, a[e[1] > e[0]], n, fmax(e[0], e[1]));
        }
    return 0;
}

/* -------- one order */

static int reserve(problem *p) {
    const int64_t numbers = 6 * p->nvalues + 2 * p->nelements + 1;
    int64_t numel;
    if (rg_size(RG_F64, 1, &numbers, &numel, &p->numbers_size)) return rg_fail(p->t, RG_ENOMEM, p->at, "gradcheck: operands too large");
    double *d = rg_tape_alloc(p->at, p->t, p->numbers_size);
    if (!d) return p->numbers_size = 0, -1;
    for (int k = 0; k < 4; k++, d += p->nvalues) p->point[k] = d;
    p->values = d, d += p->nvalues;
    p->v = d, d += p->nvalues;
    p->analytic[0] = d, p->analytic[1] = d + p->nelements;
    return 0;
}

/* Finds the variables; at order 2 makes the cotangent w, of the result's shape. */
static int set_out(problem *p) {
    for (int i = 0; i < p->n; i++) {
        bool seen = !rg_needs_grad(p->in[i]);
        for (int k = 0; k < p->nvars; k++) seen |= p->vars[k] == p->in[i];
        if (seen) continue;
        p->vars[p->nvars++] = p->in[i];
        p->nelements += p->in[i]->numel;
    }
    if (p->nvars == 0) return rg_fail(p->t, RG_EVALUE, p->at, "gradcheck: no operand requires a gradient");
    p->nfirst = p->nvars;

    const int64_t mark = rg_mark(p->t);
    const rg_tensor *y = call(p);
    if (!y) return -1;
    const int ndim = y->ndim;
    int64_t shape[RG_MAX_DIMS];
    memcpy(shape, y->shape, sizeof shape);
    p->nvalues = y->numel;
    p->nout = 1;
    rg_rewind_at(p->at, p->t, mark);
    if (p->order == 1) return 0;

    p->w = rg_requires_grad_at(p->at, rg_empty_at(p->at, p->t, RG_F64, ndim, shape), true);
    if (rg_failed(p->w)) return -1;
    draw(p, p->w->data, p->w->numel);
    p->nvalues = p->nelements;
    p->nout = p->nfirst;
    p->vars[p->nvars++] = p->w;
    p->nelements += p->w->numel;
    return 0;
}

static int check_order(const problem *given, int order) {
    problem one = *given, *p = &one;
    p->order = order;
    const int64_t mark = rg_mark(p->t);
    p->pointers_size = 3 * ((size_t)p->n + 1) * sizeof *p->vars;
    p->vars = rg_tape_alloc(p->at, p->t, p->pointers_size);
    if (!p->vars) return -1;
    p->out = p->vars + p->n + 1;
    p->grads = p->out + p->n + 1;

    int failed = set_out(p) || reserve(p);
    if (!failed) {
        draw(p, p->v, p->nvalues);
        failed = evaluate(p, p->values, &p->hash) || analytic(p, false, p->analytic[0]) || analytic(p, true, p->analytic[1]) || compare(p);
    }
    rg_rewind_at(p->at, p->t, mark);
    if (p->numbers_size) rg_tape_dealloc(p->t, p->point[0], p->numbers_size);
    rg_tape_dealloc(p->t, p->vars, p->pointers_size);
    return failed ? -1 : 0;
}

static void judge(rg_check *c, double tolerance) {
    if (c->failed) return;
    if (!(c->error <= (tolerance > 0 ? tolerance : TOLERANCE))) c->failed = RG_CHECK_WRONG;
    else if ((double)c->left_out > LEFT_OUT * (double)(c->checked + c->left_out)) c->failed = RG_CHECK_KINKED;
}

static bool refused(const char *at, rg_tape *t, int n, rg_tensor *const *in) {
    char shape[80];
    for (int i = 0; i < n; i++) {
        const rg_tensor *x = in[i];
        if (rg_given(at, t, x, "gradcheck: in[%d]", i)) return true;
        if (x->tape != t) return rg_fail(t, RG_ESTATE, at, "gradcheck: in[%d] is on another tape", i), true;
        if (x->op)
            return rg_fail(t, RG_ESTATE, at, "gradcheck: in[%d] is the result of %s, not a leaf; rg_detach it", i, x->op->name), true;
        if (rg_needs_grad(x) && x->dtype != RG_F64)
            return rg_fail(t, RG_EDTYPE, at, "gradcheck: in[%d] %s: gradients are checked in f64; rg_set_default_dtype(t, RG_F64)", i,
                rg_shape_text(x, shape, sizeof shape)), true;
    }
    return false;
}

static rg_check check(const char *at, rg_fn fn, void *ctx, int n, rg_tensor *const *in, rg_gradcheck_options o, int64_t *counts) {
    rg_check c = {.failed = RG_CHECK_BROKEN};
    rg_tape *t = NULL;
    for (int i = 0; in && i < n && !t; i++) t = rg_tape_of(in[i]);
    if (t && !fn) rg_fail(t, RG_EVALUE, at, "gradcheck: the function is NULL");
    const bool failed = !t || rg_error_code(t) || refused(at, t, n, in);
    if (!failed) {
        c.failed = RG_CHECK_PASSED;
        const bool recording = rg_record(t, true);
        const rg_dtype dtype = rg_default_dtype(t);
        const int64_t guard = rg_guard(t, rg_mark(t));
        rg_set_default_dtype(t, RG_F64);
        problem p = {.at = at, .t = t, .fn = fn, .ctx = ctx, .in = in, .n = n, .draws = *rg_tape_rng(t), .counts = counts, .result = &c};
        rg_rng_seed(&p.rng, o.seed);
        if ((o.order != 2 && check_order(&p, 1)) || (o.order >= 2 && check_order(&p, 2))) c.failed = RG_CHECK_BROKEN;
        *rg_tape_rng(t) = p.draws;
        rg_guard(t, guard);
        rg_set_default_dtype(t, dtype);
        rg_record(t, recording);
    }
    if (c.failed) snprintf(c.text, sizeof c.text, "%.230s", t && rg_error(t) ? rg_error(t) : "no operands, or out of memory");
    return c;
}

rg_check rg_gradcheck_at(const char *at, rg_fn fn, void *ctx, rg_list in, rg_gradcheck_options options) {
    rg_check c = check(at, fn, ctx, in.count, in.items, options, NULL);
    judge(&c, options.tolerance);
    return c;
}

/* -------- an op's samples */

typedef struct application { const rg_op *op; const rg_sample *sample; } application;

static rg_tensor *apply(void *ctx, rg_tensor *const *in) {
    const application *a = ctx;
    return rg_sample_apply(NULL, a->sample, a->op, in);
}

static void merge(rg_check *all, const rg_check *c, const rg_sample *s, int frozen) {
    all->checked += c->checked;
    all->left_out += c->left_out;
    const bool worse = c->failed || (c->order && (!all->order || c->error > all->error));
    if (all->failed || !worse) return;
    all->failed = c->failed;
    all->error = c->error, all->analytic = c->analytic, all->numeric = c->numeric;
    all->order = c->order, all->operand = c->operand, all->index = c->index;
    char constant[32] = "";
    if (frozen >= 0) snprintf(constant, sizeof constant, ", in[%d] frozen", frozen);
    snprintf(all->text, sizeof all->text, "%.140s, sample \"%.*s\"%s", c->text, s->length < 50 ? s->length : 50, s->text, constant);
}

/* Checks a sample by all its floats; then, if there are several, with each in turn frozen. counts: elements per operand of the first. */
static void check_sample(rg_check *all, const rg_op *op, const rg_sample *s, rg_tape *t, rg_gradcheck_options o, int64_t *counts) {
    rg_tensor *in[RG_SAMPLE_OPERANDS] = {NULL};
    rg_rng rng;
    rg_rng_seed(&rng, o.seed);
    const int64_t mark = rg_mark(t);
    const rg_tensor *y = rg_sample_operands(NULL, s, op, t, &rng, in) < 0 ? rg_poison(t) : rg_sample_apply(NULL, s, op, in);
    if (rg_failed(y)) {
        rg_check c = {.failed = RG_CHECK_BROKEN};
        snprintf(c.text, sizeof c.text, "%.230s", rg_error(t) ? rg_error(t) : "no result and no error");
        merge(all, &c, s, -1);
        return;
    }
    if (y->dtype != RG_F64) return; /* such as a cast to f32: too coarse for differences */
    int floats = 0;
    for (int i = 0; i < s->n; i++) floats += rg_sample_float(s, i) && !s->operand[i].same;
    all->samples += floats > 0;
    for (int frozen = -1; floats > 0 && frozen < s->n; frozen++) {
        if (frozen >= 0 && (floats < 2 || !rg_sample_float(s, frozen) || s->operand[frozen].same)) continue;
        for (int i = 0; i < s->n; i++)
            if (!s->operand[i].same) rg_requires_grad_at(NULL, in[i], rg_sample_float(s, i) && i != frozen);
        const rg_check c = check(NULL, apply, &(application){op, s}, s->n, in, o, frozen < 0 ? counts : NULL);
        merge(all, &c, s, frozen);
    }
    rg_rewind_at(NULL, t, mark);
}

static void judge_counts(rg_check *all, const int64_t *counts, const bool *seen) {
    for (int i = 0; i < RG_SAMPLE_OPERANDS && !all->failed; i++) {
        if (!seen[i] || counts[i] >= ENOUGH) continue;
        all->failed = RG_CHECK_FEW;
        snprintf(all->text, sizeof all->text, "%lld elements of in[%d] in all samples, at least %d", (long long)counts[i], i, ENOUGH);
    }
}

rg_check rg_gradcheck_op_at(const char *at, const rg_op *op, rg_gradcheck_options o) {
    (void)at;
    rg_check all = {.failed = RG_CHECK_PASSED};
    if (!op || !op->samples)
        return (rg_check){.failed = RG_CHECK_BROKEN, .text = "no operator (was its name taken?), or one without samples"};
    if (!op->backward && !op->compose) return all;
    rg_tape *t = rg_tape_new(o.seed);
    if (!t) return (rg_check){.failed = RG_CHECK_BROKEN, .text = "out of memory"};
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, RG_F64);
    int64_t counts[RG_SAMPLE_OPERANDS] = {0};
    bool seen[RG_SAMPLE_OPERANDS] = {false};
    const char *text = op->samples;
    rg_sample s;
    int more;
    while ((more = rg_sample_next(&text, &s)) > 0) {
        int64_t found[RG_SAMPLE_OPERANDS] = {0};
        check_sample(&all, op, &s, t, o, found);
        for (int i = 0; i < s.n; i++) { /* the operands of concat are alike: they count together */
            const int slot = op->arity < 0 ? 0 : i;
            counts[slot] += found[i];
            seen[slot] |= rg_sample_float(&s, i);
        }
        rg_error_clear(t);
        rg_tape_reset_at(NULL, t);
    }
    if (more < 0) {
        all.failed = RG_CHECK_BROKEN;
        snprintf(all.text, sizeof all.text, "the samples cannot be read: %s", s.error);
    }
    judge(&all, o.tolerance);
    if (!all.failed) judge_counts(&all, counts, seen);
    rg_tape_free_at(NULL, t);
    return all;
}

/* -------- printing */

const char *rg_verdict_name(rg_verdict v) {
    static const char *const names[] = {"passed", "WRONG", "TOO MANY KINKS", "TOO FEW ELEMENTS", "BROKEN"};
    return (unsigned)v < sizeof names / sizeof *names ? names[v] : "unknown";
}

void rg_check_print(const rg_check *c, const char *name, FILE *to) {
    if (!c || !to) return;
    fprintf(to, "%s: %s", name ? name : "?", rg_verdict_name(c->failed));
    if (c->failed == RG_CHECK_KINKED)
        fprintf(to, ": %lld of %lld elements left out", (long long)c->left_out, (long long)(c->left_out + c->checked));
    if (c->text[0]) fprintf(to, ": %s", c->text);
    if (c->order && c->failed != RG_CHECK_BROKEN && c->failed != RG_CHECK_FEW)
        fprintf(to, ": analytic %.12g, numeric %.12g, error %.2g", c->analytic, c->numeric, c->error);
    fputc('\n', to);
}
