/* finite.c - rg_check_finite: which op made the first NaN or infinity, forward or backward. The cause is the op's formula with the
   numbers of that element: "ln x = ln 0". For a backward rule it is the formula of the first of its ops that made one. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/op.h"
#include "ops/functional.h"

enum { NOT_A_NUMBER = 1, INFINITE = 2, ANY = NOT_A_NUMBER | INFINITE };

static int kind(double v) { return isnan(v) ? NOT_A_NUMBER : isinf(v) ? INFINITE : 0; }

/* A NaN without its sign: printf would print it, and it means nothing. */
static double element(const rg_tensor *x, int64_t i) {
    const double v = rg_element(x, i);
    return isnan(v) ? (double)NAN : v;
}

/* The first element of these kinds, or -1. */
static int64_t find(const rg_tensor *x, int kinds) {
    if (x->dtype != RG_F32 && x->dtype != RG_F64) return -1;
    for (int64_t i = 0; i < x->numel; i++)
        if (kind(element(x, i)) & kinds) return i;
    return -1;
}

static int kinds_in(const rg_tensor *x) {
    return (find(x, NOT_A_NUMBER) >= 0 ? NOT_A_NUMBER : 0) | (find(x, INFINITE) >= 0 ? INFINITE : 0);
}

/* The index of the element of x that broadcasting brings to element i of y. */
static int64_t operand_index(const rg_tensor *x, const rg_tensor *y, int64_t i) {
    int64_t at = 0, stride = 1;
    for (int d = y->ndim - 1; d >= 0; d--) {
        const int own = d - (y->ndim - x->ndim);
        if (own >= 0 && x->shape[own] != 1) at += i % y->shape[d] * stride;
        if (own >= 0) stride *= x->shape[own];
        i /= y->shape[d];
    }
    return at;
}

static bool elementwise(const rg_tensor *y) { return !y->op->shape && y->nin <= 2; }

/* Did y's op make element i, which is not finite? A NaN: if no operand has a NaN there. An infinity: if no operand has a NaN or an infinity
   there. Of an op that is not elementwise all elements of the operands count. */
static bool is_made(const rg_tensor *y, int64_t i) {
    const int same = kind(element(y, i)) == NOT_A_NUMBER ? NOT_A_NUMBER : ANY;
    if (kind(y->attr.p) & same) return false; /* the caller's number is not finite */
    for (int k = 0; k < y->nin; k++) {
        const rg_tensor *x = y->in[k];
        if (elementwise(y) ? kind(element(x, operand_index(x, y, i))) & same : find(x, same) >= 0) return false;
    }
    return true;
}

/* The first element that y's op made, or -1. For an op that is not elementwise the operands are searched once, not for each element. */
static int64_t made_by(const rg_tensor *y) {
    int64_t i = find(y, ANY);
    if (i < 0 || is_made(y, i)) return i;
    if (!elementwise(y)) return (i = find(y, NOT_A_NUMBER)) >= 0 && is_made(y, i) ? i : -1;
    for (; i < y->numel; i++)
        if (kind(element(y, i)) && is_made(y, i)) return i;
    return -1;
}

static rg_tensor *first_since(rg_tape *t, int64_t mark) {
    rg_tensor *first = NULL;
    for (rg_tensor *x = rg_newest(t); x && x->seq >= mark; x = x->prev) first = x;
    return first;
}

/* -------- the message */

typedef struct text { char to[320]; size_t n; } text;

__attribute__((format(printf, 2, 3))) static void put(text *m, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(m->to + m->n, sizeof m->to - m->n, format, args);
    va_end(args);
    if (n > 0) m->n = m->n + (size_t)n < sizeof m->to ? m->n + (size_t)n : sizeof m->to - 1;
}

static void put_index(text *m, const rg_tensor *x, int64_t i) {
    put(m, "[");
    int64_t left = x->numel;
    for (int d = 0; d < x->ndim && left > 0; d++) {
        left /= x->shape[d];
        put(m, d ? ",%lld" : "%lld", (long long)(i / left));
        i %= left;
    }
    put(m, "]");
}

static void put_number(text *m, double v) { put(m, v < 0 ? "(%.6g)" : "%.6g", v); }

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/* The formula, with numbers in place of its letters a and b, or x, and p. */
static void put_formula(text *m, const rg_tensor *y, int64_t i) {
    const char *f = y->op->formula;
    for (const char *c = f; *c; c++) {
        const bool word = is_letter(c[1]) || (c > f && is_letter(c[-1]));
        const int k = *c == 'x' && y->nin == 1 ? 0 : y->nin == 2 && (*c == 'a' || *c == 'b') ? *c - 'a' : -1;
        if (!word && k >= 0) put_number(m, element(y->in[k], operand_index(y->in[k], y, i)));
        else if (!word && *c == 'p') put_number(m, y->attr.p);
        else put(m, "%c", *c);
    }
}

/* The cause for an op that is not elementwise: the first element of an operand that is not finite, or how large the operands are. */
static void put_operands(text *m, const rg_tensor *y) {
    double most = 0;
    for (int k = 0; k < y->nin; k++) {
        const rg_tensor *x = y->in[k];
        const int64_t at = find(x, ANY);
        if (at >= 0) {
            put(m, "operand %d holds %g at element ", k + 1, element(x, at));
            put_index(m, x, at);
            return;
        }
        for (int64_t i = 0; x->dtype <= RG_F64 && i < x->numel; i++) most = fmax(most, fabs(element(x, i)));
    }
    put(m, "%.*s, of finite operands up to %.6g in size", (int)strcspn(y->op->formula, ";"), y->op->formula, most);
}

static void put_cause(text *m, const rg_tensor *y, int64_t i) {
    bool pole = false, infinite = false;
    if (!elementwise(y)) {
        put_operands(m, y);
        infinite = (kinds_in(y->in[0]) | kinds_in(y->in[y->nin - 1])) != 0;
    } else {
        put(m, "%s = ", y->op->formula);
        put_formula(m, y, i);
        pole = !strncmp(y->op->name, "log", 3);
        for (int k = 0; k < y->nin; k++) {
            const double v = element(y->in[k], operand_index(y->in[k], y, i));
            pole |= v == 0;
            infinite |= kind(v) != 0;
        }
    }
    if (kind(element(y, i)) == INFINITE && !pole && !infinite) put(m, ", beyond the range of %s", rg_dtype_name(y->dtype));
}

static int reject(rg_tensor *y, int64_t i) {
    text where = {.n = 0}, cause = {.n = 0};
    put_index(&where, y, i);
    put_cause(&cause, y, i);
    return rg_reject(y, RG_EVALUE, "element %s is %g: %s", where.to, element(y, i), cause.to);
}

/* y did not make the value that it holds. If an operand is a leaf that holds such a value, rejects y for that leaf: -1. */
static int reject_leaf(rg_tensor *y, int kinds) {
    for (int k = 0; k < y->nin; k++) {
        const rg_tensor *x = y->in[k];
        const int64_t i = x->op ? -1 : find(x, kinds);
        text where = {.n = 0};
        if (i < 0) continue;
        put_index(&where, x, i);
        return rg_reject(y, RG_EVALUE, "operand %d, a leaf, holds %g at element %s", k + 1, element(x, i), where.to);
    }
    return 0;
}

/* -------- forward and backward */

static int look_forward(rg_tape *t) {
    rg_tensor *first = first_since(t, 0), *last = NULL;
    for (rg_tensor *y = first; y; y = y->next) {
        if (!y->op) continue;
        last = y;
        const int64_t i = made_by(y);
        if (i >= 0) return reject(y, i);
        if (find(y, NOT_A_NUMBER) >= 0 && reject_leaf(y, NOT_A_NUMBER)) return -1;
    }
    if (!last || find(last, ANY) < 0) return 0;
    for (rg_tensor *y = first; y; y = y->next)
        if (y->op && find(y, ANY) >= 0 && reject_leaf(y, ANY)) return -1;
    return 0;
}

/* Runs y's backward rule again, and adds the cause in the first of its ops that made a NaN or an infinity. */
static void put_rule(text *m, rg_tensor *y) {
    rg_tensor *dx[UINT8_MAX] = {NULL};
    const int64_t mark = rg_mark(y->tape);
    y->op->backward(y, y->cotangent, dx);
    for (rg_tensor *r = first_since(y->tape, mark); r; r = r->next) {
        const int64_t i = r->op ? made_by(r) : -1;
        if (i < 0) continue;
        put(m, ": ");
        put_cause(m, r, i);
        return;
    }
}

/* In a pass, after y's rule: the gradient of operand k is g. */
static void look_back(void *ctx, rg_tensor *y, int k, rg_tensor *g) {
    (void)ctx;
    const rg_tensor *dy = y->cotangent;
    if (rg_error_code(y->tape)) return;
    text m = {.n = 0};
    int64_t i = find(dy, ANY);
    if (i >= 0) {
        put(&m, "in backward the gradients from its uses add up to %g at element ", element(dy, i));
        put_index(&m, dy, i);
    } else {
        if ((i = find(g, ANY)) < 0) return;
        put(&m, "in backward the gradient of operand %d is %g at element ", k + 1, element(g, i));
        put_index(&m, y->in[k], operand_index(y->in[k], g, i));
        if (elementwise(y) && g->numel == y->numel) {
            for (int j = 0; j < y->nin; j++)
                put(&m, "%s%s = %.6g", j ? ", " : ", where ", y->nin == 1 ? "x" : j ? "b" : "a",
                    element(y->in[j], operand_index(y->in[j], y, i)));
            put(&m, " and dy = %.6g", element(dy, i));
        }
        put_rule(&m, y);
    }
    rg_reject(y, RG_EVALUE, "%s", m.to);
}

/* The number of leaves that require a gradient; `to`: the leaves, or NULL. */
static int leaves(rg_tape *t, rg_tensor **to) {
    const rg_list params = rg_params(t);
    int n = 0;
    for (int k = 0; k < params.count; k++)
        if (rg_needs_grad(params.items[k])) n++, to ? (void)(to[n - 1] = params.items[k]) : (void)0;
    for (rg_tensor *x = rg_newest(t); x; x = x->prev)
        if (!x->op && rg_needs_grad(x)) n++, to ? (void)(to[n - 1] = x) : (void)0;
    return n;
}

static int reject_gradient(rg_tensor *y, const char *what, rg_tensor *x, const rg_tensor *g, const char *although) {
    char name[64];
    text where = {.n = 0};
    const int64_t i = g ? find(g, ANY) : -1;
    if (i < 0) return 0;
    put_index(&where, g, i);
    return rg_reject(y, RG_EVALUE, "%s %s is %g at element %s, although %s", what, rg_shape_text(x, name, sizeof name), element(g, i),
        where.to, although);
}

static int look_backward(rg_tape *t) {
    rg_tensor *y = rg_newest(t);
    while (y && !(y->op && y->numel == 1 && rg_needs_grad(y))) y = y->prev;
    const int n = y ? leaves(t, NULL) : 0;
    if (n == 0) return 0;
    const size_t size = 2 * (size_t)n * sizeof y;
    rg_tensor **x = rg_tape_alloc(y->at, t, size);
    if (!x) return -1;
    rg_tensor **g = x + n;
    leaves(t, x);
    const int64_t mark = rg_mark(t);
    rg_listener looking = {.fn = look_back};
    rg_listen(t, RG_GRADIENTS, &looking, true);
    int failed = rg_grad_at(y->at, y, rg_list_of_n(n, x), g, (rg_grad_options){0});
    rg_listen(t, RG_GRADIENTS, &looking, false);
    for (int k = 0; k < n && !failed; k++)
        failed = reject_gradient(y, "in backward the gradient of", x[k], g[k], "each use of it gave a finite one") ||
                 reject_gradient(y, "the gradient kept at", x[k], rg_grad_of(x[k]), "backward from here gives a finite one");
    rg_rewind(t, mark);
    rg_tape_dealloc(t, x, size);
    return failed;
}

int rg_check_finite(rg_tape *t) { return !t || rg_error_code(t) || look_forward(t) || look_backward(t) ? -1 : 0; }
