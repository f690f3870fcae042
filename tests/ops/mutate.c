/* mutate.c - what can be wrong with a derivative. A mutant's backward calls the right rule and breaks what goes in or comes out, by
   operators, so that second derivatives of the broken gradient exist as well. Only f64: gradients are checked in it. */
#include "tests/ops/mutate.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "ops/sample.h"

#undef RG_AT
#define RG_AT (y->at)

typedef void rule(rg_tensor *y, rg_tensor *dy, rg_tensor **dx);
typedef rg_tensor *breaks(rg_tensor *y, int i, rg_tensor *dy, rg_tensor **dx, rule *right); /* what to put in place of dx[i]; NULL = zero */

/* What the rule gives operand i for another dy, or while what it reads is changed. */
static rg_tensor *again(rg_tensor *y, int i, rg_tensor *dy, rule *right) {
    rg_tensor *dx[RG_SAMPLE_OPERANDS] = {NULL};
    right(y, dy, dx);
    return dx[i];
}

/* -------- rearranged values: y_k = x_from(k), and back again as its derivative */

enum { ROWS_REVERSED, TRANSPOSED, ROLLED };

static int64_t from(const rg_tensor *x, int mode, int64_t k) {
    const int64_t n = x->numel, rows = x->ndim ? x->shape[0] : 1, block = rows ? n / rows : 1;
    if (mode == ROWS_REVERSED) return (rows - 1 - k / block) * block + k % block;
    if (mode == ROLLED) return (k + 1) % n;
    if (x->ndim < 2) return k;
    const int64_t r = x->shape[x->ndim - 2], c = x->shape[x->ndim - 1], matrix = k / (r * c) * (r * c), j = k % (r * c);
    return matrix + j % r * c + j / r;
}

static int rearranged_shape(rg_tensor *y) { return rg_shape_like(y, y->in[0]); }
static int rearranged_forward(rg_tensor *y) {
    const double *x = y->in[0]->data;
    double *to = y->data;
    for (int64_t k = 0; k < y->numel; k++) {
        const int64_t other = from(y, y->attr.i[0], k);
        to[y->attr.i[1] ? other : k] = x[y->attr.i[1] ? k : other];
    }
    return 0;
}
static rule rearranged_backward;
static const rg_op rearranged_op = {.name = "rearranged", .formula = "x_from(k)", .arity = 1, .shape = rearranged_shape,
    .forward = RG_ANY(rearranged_forward), .backward = rearranged_backward};
static void rearranged_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_apply(&rearranged_op, y->at, (rg_attr){.i = {y->attr.i[0], !y->attr.i[1]}}, 1, &dy);
}
static rg_tensor *rearranged(rg_tensor *y, int mode, rg_tensor *g) {
    return rg_apply(&rearranged_op, y->at, (rg_attr){.i = {mode}}, 1, &g);
}

/* -------- changes to what the rule gave; broadcasting is undone, as the engine would */

static rg_tensor *settled(rg_tensor *y, int i, rg_tensor *g) {
    const rg_tensor *x = y->in[i];
    const bool fits = g->ndim == x->ndim && !memcmp(g->shape, x->shape, (size_t)x->ndim * sizeof *x->shape);
    return fits ? g : rg_sum_to_at(y->at, g, x->ndim, x->shape);
}

/* 1, but `value` at element k */
static rg_tensor *ones_but(rg_tensor *y, const rg_tensor *like, int64_t k, double value) {
    rg_tensor *w = rg_empty_at(y->at, y->tape, RG_F64, like->ndim, like->shape);
    for (int64_t j = 0; !rg_failed(w) && j < w->numel; j++) ((double *)w->data)[j] = j == k ? value : 1;
    return w;
}

#define BREAK(name) static rg_tensor *name(__attribute__((unused)) rg_tensor *y, __attribute__((unused)) int i, \
    __attribute__((unused)) rg_tensor *dy, __attribute__((unused)) rg_tensor **dx, __attribute__((unused)) rule *right)
BREAK(nothing)    { return dx[i]; }
BREAK(sign)       { return rg_neg(dx[i]); }
BREAK(factor)     { return rg_mul_scalar(dx[i], 1.005); }
BREAK(zero)       { return NULL; }
BREAK(history)    { return rg_detach(dx[i]); }
BREAK(rows)       { return rearranged(y, ROWS_REVERSED, settled(y, i, dx[i])); }
BREAK(transposed) { return rearranged(y, TRANSPOSED, settled(y, i, dx[i])); }
BREAK(rolled)     { return rearranged(y, ROLLED, settled(y, i, dx[i])); }
BREAK(element)    { return rg_mul(settled(y, i, dx[i]), ones_but(y, y->in[i], y->in[i]->numel / 2, 1.01)); }
BREAK(mean)       { return rg_mul_scalar(settled(y, i, dx[i]), (double)y->in[i]->numel / fmax(1, (double)dx[i]->numel)); }

/* -------- another upstream gradient */

BREAK(ones)       { return again(y, i, rg_add(rg_full_like(dy, 1), rg_mul_scalar(dy, 0)), right); }
BREAK(dropped)    { return again(y, i, rg_mul(dy, ones_but(y, dy, dy->numel / 2, 0)), right); }
BREAK(doubled)    { return again(y, i, rg_mul(dy, ones_but(y, dy, dy->numel - 1, 2)), right); }

/* -------- another operand or result, while the rule runs */

/* No common factor, or what is homogeneous in its operand would not notice. */
static rg_tensor *stale(rg_tensor *y, int i, rg_tensor *x, rg_tensor *dy, rule *right) {
    double *kept = malloc((size_t)x->numel * sizeof *kept + 1), *v = x->data;
    if (!kept) abort();
    for (int64_t k = 0; k < x->numel; k++) {
        kept[k] = v[k];
        v[k] *= .99 - .01 * (double)(k % 3);
    }
    rg_tensor *g = again(y, i, dy, right);
    for (int64_t k = 0; k < x->numel; k++) v[k] = kept[k];
    free(kept);
    return g;
}
BREAK(stale_operand) { return stale(y, i, y->in[i], dy, right); }
BREAK(stale_result)  { return stale(y, i, y, dy, right); }

/* The next operand that is differentiated, and of the same shape; -1: there is none. */
static int partner(const rg_tensor *y, int i) {
    for (int j = (i + 1) % y->nin; j != i; j = (j + 1) % y->nin) {
        const rg_tensor *a = y->in[i], *b = y->in[j];
        if (rg_needs(y, j) && a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape)) return j;
    }
    return -1;
}
BREAK(gradient_of_another) {
    const int j = partner(y, i);
    return j < 0 ? dx[i] : dx[j];
}
BREAK(operands_swapped) {
    const int j = partner(y, i);
    if (j < 0) return dx[i];
    rg_tensor *const a = y->in[i], *const b = y->in[j];
    y->in[i] = b, y->in[j] = a;
    rg_tensor *g = again(y, i, dy, right);
    y->in[i] = a, y->in[j] = b;
    return g;
}

struct mutation {
    const char *name;
    breaks *breaks;
    enum { ALWAYS, BEHIND, RULES, SEVERAL } fits; /* BEHIND: of a composite, once, at its result; RULES: not for composites */
};
static const mutation all[] = {
    {"nothing", nothing, ALWAYS}, {"sign", sign, ALWAYS}, {"factor 1.005", factor, ALWAYS}, {"zero", zero, ALWAYS},
        {"history cut", history, ALWAYS},
    {"rows reversed", rows, ALWAYS}, {"transposed", transposed, ALWAYS}, {"rolled by one", rolled, ALWAYS},
    {"one element 1% off", element, ALWAYS},
    {"ones for upstream", ones, BEHIND}, {"a term dropped", dropped, BEHIND}, {"a term twice", doubled, BEHIND},
    {"stale operand", stale_operand, RULES}, {"stale result", stale_result, RULES},
    {"mean for sum", mean, SEVERAL}, {"gradient of another operand", gradient_of_another, SEVERAL},
    {"operands swapped", operands_swapped, SEVERAL}};

const mutation *mutation_at(int k) { return (size_t)k < sizeof all / sizeof *all ? &all[k] : NULL; }
const char *mutation_name(const mutation *m) { return m->name; }
bool mutation_fits(const mutation *m, const rg_op *op, int floats) {
    return m->fits == ALWAYS || m->fits == BEHIND || (m->fits == RULES && !op->compose) ||
        (m->fits == SEVERAL && !op->compose && floats > 1);
}

/* -------- mutants */

static void broken(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const mutant *m = (const mutant *)(const void *)y->op;
    rule *const right = m->original->backward;
    right(y, dy, dx);
    const int i = m->operand;
    if (i < y->nin && rg_needs(y, i) && dx[i]) dx[i] = m->mutation->breaks(y, i, dy, dx, right);
}

static int same_shape(rg_tensor *y) { return rg_shape_like(y, y->in[0]); }
static int copy(rg_tensor *y) {
    if (y->numel) memcpy(y->data, y->in[0]->data, (size_t)y->numel * sizeof(double));
    return 0;
}
static void pass_on(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = ((void)y, dy); }
static const rg_op identity = {.name = "identity", .formula = "x", .arity = 1, .shape = same_shape, .forward = RG_ANY(copy),
    .backward = pass_on};

/* A composite cannot tell which descriptor it was applied by. The gate is what breaks its gradient. */
static mutant gate;
static int gate_operand;
static rg_tensor *through_gate(const char *at, rg_tensor *x) {
    return rg_dtype_of(x) == RG_F64 ? rg_apply(&gate.op, at, RG_NO_ATTR, 1, &x) : x; /* labels, say */
}
static rg_tensor *composed(const char *at, rg_attr attr, rg_tensor *const *in) {
    rg_tensor *x[RG_SAMPLE_OPERANDS] = {NULL};
    const bool behind = gate.mutation->fits == BEHIND;
    for (int i = 0; i < gate.whole->arity; i++) x[i] = i == gate_operand && !behind ? through_gate(at, in[i]) : in[i];
    rg_tensor *y = gate.whole->compose(at, attr, x);
    return behind ? through_gate(at, y) : y;
}

void mutant_make(mutant *m, const rg_op *op, const mutation *change, int operand) {
    *m = (mutant){.op = *op, .original = op, .mutation = change, .operand = operand};
    memset(m->op.fused, 0, sizeof m->op.fused);
    m->op.backward = broken;
    if (!op->compose) return;
    m->op = *op;
    m->op.compose = composed;
    gate = (mutant){.op = identity, .original = &identity, .whole = op, .mutation = change};
    gate.op.backward = broken;
    gate_operand = operand;
}

/* -------- the same derivative? */

#undef RG_AT
#define RG_AT RG_HERE

/* All vector-Jacobian products of one application: of y, and from *begin on of its gradients. Returns how many, -1 after an error. */
enum { NUMBERS = 1 << 16 };
static int64_t products(const rg_op *op, const rg_sample *s, uint64_t seed, double *to, int64_t *begin) {
    rg_tape *t = rg_tape_new(seed);
    if (!t) abort();
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, RG_F64);
    rg_rng rng;
    rg_rng_seed(&rng, seed);
    rg_tensor *in[RG_SAMPLE_OPERANDS], *x[RG_SAMPLE_OPERANDS + 1], *first[RG_SAMPLE_OPERANDS], *second[RG_SAMPLE_OPERANDS + 1];
    int n = 0;
    int64_t count = 0;
    rg_sample_operands(NULL, s, op, t, &rng, in);
    for (int i = 0; i < s->n; i++)
        if (rg_sample_float(s, i) && !s->operand[i].same) x[n++] = rg_requires_grad_at(NULL, in[i], true);
    rg_tensor *y = rg_sample_apply(NULL, s, op, in);
    if (!rg_failed(y) && n > 0 && y->dtype == RG_F64 && rg_needs_grad(y)) {
        x[n] = rg_requires_grad_at(NULL, rg_empty_at(NULL, t, RG_F64, y->ndim, y->shape), true);
        for (int64_t k = 0; k < y->numel; k++) ((double *)x[n]->data)[k] = rg_rng_normal(&rng, 0, 1);
        for (int graph = 0; graph < 2; graph++) {
            rg_grad_at(NULL, y, rg_list_of_n(n, x), first, (rg_grad_options){.dy = x[n], .create_graph = graph});
            for (int i = 0; i < n && !rg_error_code(t) && count + first[i]->numel < NUMBERS; i++, count += first[i - 1]->numel)
                rg_copy_out(first[i], to + count, NUMBERS - count);
        }
        *begin = count;
        for (int k = 0; k < n && !rg_error_code(t); k++) {
            rg_tensor *v = rg_empty_at(NULL, t, RG_F64, first[k]->ndim, first[k]->shape);
            for (int64_t j = 0; j < v->numel; j++) ((double *)v->data)[j] = rg_rng_normal(&rng, 0, 1);
            rg_grad_at(NULL, first[k], rg_list_of_n(n + 1, x), second, (rg_grad_options){.dy = v, .allow_unused = true});
            for (int i = 0; i <= n && !rg_error_code(t) && count + second[i]->numel < NUMBERS; i++, count += second[i - 1]->numel)
                rg_copy_out(second[i], to + count, NUMBERS - count);
        }
    }
    if (rg_error_code(t)) count = -1;
    rg_tape_free(t);
    return count;
}

static bool same_numbers(const double *a, const double *b, int64_t n, double tolerance) {
    double largest = 0;
    bool same = true;
    for (int64_t k = 0; k < n; k++)
        if (isfinite(b[k])) largest = fmax(largest, fabs(b[k]));
    for (int64_t k = 0; same && k < n; k++) same = a[k] == b[k] || (isnan(a[k]) && isnan(b[k])) || fabs(a[k] - b[k]) <= tolerance * largest;
    return same;
}

sameness mutant_equals(const rg_op *a, const rg_op *b, uint64_t seed, int seeds) {
    static double of_a[NUMBERS], of_b[NUMBERS];
    rg_sample s;
    sameness same = TO_THE_BIT;
    int64_t compared = 0;
    for (const char *text = b->samples; same && rg_sample_next(&text, &s) > 0;)
        for (int more = 0; same && more < seeds; more++) {
            int64_t begin = 0;
            const int64_t n = products(a, &s, seed + (uint64_t)more, of_a, &begin),
                m = products(b, &s, seed + (uint64_t)more, of_b, &begin);
            if (n != m || n < 0 || !same_numbers(of_a, of_b, begin, 4 * DBL_EPSILON)) same = DIFFERENT;
            else if (!same_numbers(of_a, of_b, begin, 0)) same = TO_ROUNDING;
            if (same && !same_numbers(of_a + begin, of_b + begin, n - begin, 1e-13)) same = DIFFERENT;
            compared += n;
        }
    return compared > 0 ? same : DIFFERENT;
}
