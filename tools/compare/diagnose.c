/* diagnose.c - the likely cause of the first difference, from the numbers alone.

   Everything before the first difference agrees, so the quantity was computed from what the tape has too, by another formula. The
   formulas that people write by mistake are tried one after another; the first that gives the numbers by hand is the cause. If none
   does, it tries a constant factor, then a missing term; else it names the first element that differs.          */
#define MANUAL_F64
#include "compare.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct patient {
    const comparison *c;
    const array *tape, *hand;
    int64_t n;                 /* elements */
    int layer;
    double close;              /* relative to the norm: the same numbers, but for rounding */
    double *guess;             /* [n] */
    char *cause;
    size_t size;
} patient;

__attribute__((format(printf, 2, 3))) static bool found(const patient *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(p->cause, p->size, format, args);
    va_end(args);
    return true;
}

static double apart(const double *a, const double *b, int64_t n) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) squares += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(squares);
}

static bool fits(const patient *p) { return apart(p->guess, p->hand->v, p->n) <= p->close * norm(p->hand->v, p->n); }

/* "W", 2 -> the array; of layer 0 what goes in. */
static const array *get(const arrays *from, const char *kind, int l) {
    char name[16];
    snprintf(name, sizeof name, "%s%d", kind, l);
    return arrays_find(from, l == 0 ? "X" : name);
}

static const array *now(const patient *p, const char *kind, int l) { return get(&p->c->tape, kind, l); }
static const array *before(const patient *p, const char *kind, int l) { return get(&p->c->before, kind, l); }
static bool same_shape(const array *a, const array *b) { return a && b && a->rows == b->rows && a->cols == b->cols; }

static void add_regulariser(const patient *p) {
    const array *w = now(p, "W", p->layer);
    for (int64_t i = 0; i < p->n && p->c->o.l2 > 0; i++) p->guess[i] += 2 * p->c->o.l2 * w->v[i];
}

/* -------- dW = A' dZ */

static bool weights_from(const patient *p, const array *a, const array *dz) {
    const array *now_dz = now(p, "dZ", p->layer);
    if (!a || !same_shape(dz, now_dz) || a->rows != dz->rows || a->cols != p->hand->rows) return false;
    transposed_times(p->guess, a->v, dz->v, a->cols, a->rows, dz->cols);
    add_regulariser(p);
    return fits(p);
}

static bool weights(const patient *p) {
    const int l = p->layer;
    const array *a = now(p, "A", l - 1), *dz = now(p, "dZ", l);
    const char *below = l > 1 ? a->name : "X";
    times(p->guess, a->v, dz->v, a->cols, a->rows, dz->cols); /* [in, n] . [n, out]: only the reading of a differs */
    add_regulariser(p);
    if (fits(p))
        return found(p, "%s is not transposed: its numbers were read as if they lay [%lld,%lld]", below, (long long)a->cols,
            (long long)a->rows);
    if (weights_from(p, before(p, "A", l - 1), dz))
        return found(p, "stale activations: it is computed from the %s of the step before", below);
    if (weights_from(p, a, before(p, "dZ", l))) return found(p, "a stale gradient: it is computed from the dZ%d of the step before", l);
    if (l > 1 && weights_from(p, now(p, "Z", l - 1), dz)) return found(p, "from Z%d, before the activation, in place of A%d", l - 1, l - 1);
    if (weights_from(p, a, now(p, "dA", l))) return found(p, "from dA%d in place of dZ%d: the slope of the activation is missing", l, l);
    return false;
}

/* -------- db = the sum of dZ's rows */

static bool bias(const patient *p) {
    const array *dz = now(p, "dZ", p->layer);
    memcpy(p->guess, dz->v, (size_t)p->n * sizeof(double));
    if (fits(p)) return found(p, "a missing sum over axis 0, the samples: it is the first row of %s alone", dz->name);
    memcpy(p->guess, dz->v + (dz->rows - 1) * dz->cols, (size_t)p->n * sizeof(double));
    if (fits(p))
        return found(p, "assignment for accumulation (= for +=): it is the last row of %s alone, each having replaced the one before",
            dz->name);
    for (int64_t j = 0; j < p->n && dz->rows >= p->n; j++) {
        p->guess[j] = 0;
        for (int64_t k = 0; k < dz->cols; k++) p->guess[j] += dz->v[j * dz->cols + k];
    }
    return dz->rows >= p->n && fits(p) && found(p, "the sum goes over axis 1, the units, where it should go over axis 0, the samples");
}

/* -------- dA = dZ W' */

static bool activations(const patient *p) {
    const array *dz = now(p, "dZ", p->layer + 1), *w = now(p, "W", p->layer + 1), *old = before(p, "W", p->layer + 1);
    if (!dz) return false;
    times(p->guess, dz->v, w->v, dz->rows, w->cols, w->rows); /* [n, out] . [out, in]: only the reading of w differs */
    if (fits(p))
        return found(p, "%s is not transposed: its numbers were read as if they lay [%lld,%lld]", w->name, (long long)w->cols,
            (long long)w->rows);
    if (!old) return false;
    times_transposed(p->guess, dz->v, old->v, dz->rows, dz->cols, old->rows);
    return fits(p) && found(p, "stale weights: it is computed from the %s of the step before", w->name);
}

/* -------- dZ = dA * (Z > 0), dA * A * (1 - A), or (A - Y) / n */

static bool masked_by(const patient *p, const array *z, bool turned) {
    const array *da = now(p, "dA", p->layer);
    if (!z || z->rows * z->cols < p->n) return false;
    for (int64_t i = 0; i < p->n; i++) p->guess[i] = (z->v[i] > 0) != turned ? da->v[i] : 0;
    return fits(p);
}

static bool relu_slope(const patient *p) {
    const int l = p->layer;
    const array *da = now(p, "dA", l);
    memcpy(p->guess, da->v, (size_t)p->n * sizeof(double));
    if (fits(p)) return found(p, "a missing mask: it is dA%d as it came, without * (Z%d > 0)", l, l);
    if (masked_by(p, now(p, "Z", l), true)) return found(p, "the mask is turned round: (Z%d <= 0) for (Z%d > 0)", l, l);
    if (masked_by(p, before(p, "Z", l), false)) return found(p, "a stale mask: (Z%d > 0) is that of the step before", l);
    for (int other = 1; other <= p->c->net->layers; other++)
        if (other != l && masked_by(p, now(p, "Z", other), false))
            return found(p, "the mask of the wrong layer: (Z%d > 0) for (Z%d > 0)", other, l);
    return false;
}

static bool sigmoid_slope(const patient *p) {
    const int l = p->layer;
    const array *da = now(p, "dA", l), *a = now(p, "A", l), *z = now(p, "Z", l), *old = before(p, "A", l);
    memcpy(p->guess, da->v, (size_t)p->n * sizeof(double));
    if (fits(p)) return found(p, "a missing slope: it is dA%d as it came, without A%d (1 - A%d)", l, l, l);
    for (int64_t i = 0; i < p->n; i++) p->guess[i] = da->v[i] * z->v[i] * (1 - z->v[i]);
    if (fits(p)) return found(p, "the slope is taken of Z%d, the input of the sigmoid: A (1 - A) wants its output", l);
    for (int64_t i = 0; i < p->n && same_shape(a, old); i++) p->guess[i] = da->v[i] * old->v[i] * (1 - old->v[i]);
    return same_shape(a, old) && fits(p) && found(p, "stale activations: the slope is that of the A%d of the step before", l);
}

/* (A - one-hot rows of y + shift) / n */
static void shifted(const patient *p, const array *a, int shift, double n) {
    const array *y = arrays_find(&p->c->tape, "Y");
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t j = 0; j < a->cols; j++) p->guess[i * a->cols + j] = (a->v[i * a->cols + j] - (j == (int64_t)y->v[i] + shift)) / n;
}

static bool softmax_slope(const patient *p) {
    const array *a = now(p, "A", p->layer), *z = now(p, "Z", p->layer), *old = before(p, "A", p->layer);
    const double n = (double)p->c->n;
    for (int shift = -1; shift <= 1; shift += 2) {
        shifted(p, a, shift, n);
        if (fits(p)) return found(p, "the wrong class, off by one: the rows of Y are one-hot at y %c 1", shift > 0 ? '+' : '-');
    }
    shifted(p, a, -(int)a->cols, n);
    if (fits(p)) return found(p, "a missing term: Y was not taken away from %s", a->name);
    shifted(p, z, 0, n);
    if (fits(p)) return found(p, "from %s, before the softmax, in place of %s", z->name, a->name);
    if (same_shape(a, old)) {
        shifted(p, old, 0, n);
        if (fits(p)) return found(p, "stale activations: it is computed from the %s of the step before", a->name);
    }
    return false;
}

/* -------- whatever it is */

/* hand = factor * tape? */
static bool factor(const patient *p) {
    double product = 0, square = 0;
    for (int64_t i = 0; i < p->n; i++) product += p->hand->v[i] * p->tape->v[i], square += p->tape->v[i] * p->tape->v[i];
    const double f = square > 0 ? product / square : 0, n = (double)p->c->n;
    for (int64_t i = 0; i < p->n; i++) p->guess[i] = f * p->tape->v[i];
    if (f == 0 || !fits(p)) return false;
    if (fabs(f + 1) < p->close) return found(p, "the sign: by hand it is -1 times the tape's");
    const char *sign = f < 0 ? ", and the sign is turned round" : "";
    if (n > 1 && fabs(fabs(f) / n - 1) < p->close)
        return found(p, "a constant factor of %.6g, the number of samples: the 1/n of the mean is missing%s", fabs(f), sign);
    if (n > 1 && fabs(fabs(f) * n - 1) < p->close)
        return found(p, "a constant factor of 1/%g, 1 by the number of samples: divided by n once too often%s", n, sign);
    return found(p, "a constant factor of %.6g", f);
}

/* hand = tape + factor * term? Of one element any term would do. */
static bool differs_by(const patient *p, const array *what, double *f) {
    double product = 0, square = 0;
    if (!what || p->n < 2 || what->rows * what->cols != p->n) return false;
    for (int64_t i = 0; i < p->n; i++) product += (p->hand->v[i] - p->tape->v[i]) * what->v[i], square += what->v[i] * what->v[i];
    *f = square > 0 ? product / square : 0;
    double squares = 0, all = 0; /* of what the term leaves unexplained; of the difference */
    for (int64_t i = 0; i < p->n; i++) {
        const double d = p->hand->v[i] - p->tape->v[i];
        squares += (d - *f * what->v[i]) * (d - *f * what->v[i]);
        all += d * d;
    }
    return sqrt(squares) <= 1e-3 * sqrt(all);
}

static bool other_term(const patient *p) {
    const array *w = p->hand->name[1] == 'W' ? now(p, "W", p->layer) : NULL;
    const double l2 = p->c->o.l2;
    double f;
    if (differs_by(p, w, &f)) {
        if (l2 > 0 && fabs(f / (2 * l2) + 1) < 1e-2)
            return found(p, "a missing term: %g %s = 2 lambda %s, the gradient of the regulariser, is lost", 2 * l2, w->name, w->name);
        if (l2 > 0 && fabs(f / l2 + 1) < 1e-2) return found(p, "a term by a factor of 1/2: lambda %s for 2 lambda %s", w->name, w->name);
        return found(p, "another term: %.6g %s too much", f, w->name);
    }
    if (differs_by(p, arrays_find(&p->c->before, p->hand->name), &f) && fabs(f - 1) < 1e-2)
        return found(p, "accumulation for assignment (+= for =): the gradient of the step before is still in it");
    return false;
}

static void where_it_differs(const patient *p) {
    int64_t wrong = 0, first = -1;
    const double scale = norm(p->tape->v, p->n) / sqrt((double)p->n);
    for (int64_t i = 0; i < p->n; i++) {
        const bool differs = !(fabs(p->hand->v[i] - p->tape->v[i]) <= p->close * scale);
        wrong += differs;
        if (differs && first < 0) first = i;
    }
    const int64_t cols = p->tape->cols;
    if (first < 0) found(p, "no element is exceptional");
    else found(p, "no common mistake has these numbers; %lld of %lld elements differ, the first at [%lld,%lld]: %.9g by tape, %.9g by hand",
        (long long)wrong,
        (long long)p->n, (long long)(first / cols), (long long)(first % cols), p->tape->v[first], p->hand->v[first]);
}

static bool is_zero(const patient *p) {
    return norm(p->hand->v, p->n) == 0 && found(p, "by hand it is 0 everywhere: never computed, or cleared");
}

static bool is_not_finite(const patient *p) { return !isfinite(norm(p->hand->v, p->n)) && found(p, "by hand it is not finite"); }

static bool other_formula(const patient *p) {
    const net *n = p->c->net;
    if (p->hand->name[0] != 'd') return false;
    switch (p->hand->name[1]) {
    case 'W': return weights(p);
    case 'b': return bias(p);
    case 'A': return activations(p);
    default: return n->sigmoid ? sigmoid_slope(p) : p->layer == n->layers ? softmax_slope(p) : relu_slope(p);
    }
}

void compare_diagnose(comparison *c) {
    if (!c->first) return;
    const row *r = c->first;
    const patient p = {.c = c, .tape = r->tape, .hand = r->hand, .n = r->tape->rows * r->tape->cols,
        .layer = atoi(r->hand->name + 1 + r->gradient),
        .close = c->twin->found.f64 ? 1e-9 : 1e-4, .cause = c->cause, .size = sizeof c->cause,
        .guess = calloc((size_t)(r->tape->rows * r->tape->cols) + 1, sizeof(double))};
    if (!p.guess) found(&p, "out of memory");
    else if (!is_not_finite(&p) && !is_zero(&p) && !other_formula(&p) && !factor(&p) && !other_term(&p)) where_it_differs(&p);
    free(p.guess);
}
