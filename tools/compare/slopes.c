/* slopes.c - gradients by differences of the loss, in f64: (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, whose error is of order h^4.

   A small quantity is moved element by element. A large one is moved along directions: along the tape's own gradient, where the
   slope must equal the gradient's length; and along random ones, which show nearly every wrong gradient. The quantity
   itself, Z1 for example, is moved right after it is computed, so that each row has a difference quotient of its own.        */
#include "compare.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/gradcheck.h" /* for the branches taken at kinks */
#undef RG_AT
#define RG_AT RG_HERE

enum { EACH_MOST = 64, DIRECTIONS = 3, SHRINKS = 8 };
static const double each_step = 7.4e-4, direction_step = 2e-3;

typedef struct probe {
    forward f;
    const net *net;
    const array *q;            /* the quantity to be moved, as the tape has it */
    double *by;                /* [rows, cols] */
    double bar;
} probe;

/* Loss at q + h u, and the branches that were taken. */
static double loss_at(probe *p, const double *u, double h, uint64_t *branches) {
    const int64_t n = p->q->rows * p->q->cols, mark = rg_mark(p->f.t);
    for (int64_t i = 0; i < n; i++) p->by[i] = h * u[i];
    p->f.by = p->q->rows == 1 ? rg_input(p->f.t, p->by, p->q->cols) : rg_input(p->f.t, p->by, p->q->rows, p->q->cols);
    p->f.moved = p->q->name;
    p->f.count = 0;
    const double loss = rg_item(p->net->loss(&p->f));
    *branches = rg_branch_hash(p->f.t, mark);
    rg_rewind(p->f.t, mark);
    return loss;
}

/* The slope along u, and what rounding of the loss may make of it: the four losses have `digits` ulps each. A kink within reach is stepped
   away from by a smaller h; false when one stays. */
static bool slope_along(probe *p, const double *u, double h, double *slope, double *noise) {
    static const double weight[] = {1, -8, 0, 8, -1}, digits = 2;
    for (int shrink = 0; shrink < SHRINKS; shrink++, h /= 4) {
        uint64_t middle, branches;
        bool same = true;
        *noise = digits * DBL_EPSILON * fabs(loss_at(p, u, 0, &middle)) * 18 / (12 * h);
        *slope = 0;
        for (int k = 0; k < 5 && same; k++) {
            if (k == 2) continue;
            *slope += weight[k] * loss_at(p, u, h * (k - 2), &branches) / (12 * h);
            same = branches == middle;
        }
        if (same) return true;
    }
    return false;
}

/* error and noise relative to the gradient */
static void judge(const probe *p, row *r, double error, double noise) {
    if (!(error <= r->slope_error)) r->slope_error = error;
    if (!(noise <= r->slope_noise)) r->slope_noise = noise;
    r->slope_beyond = r->slope_beyond || !(error <= p->bar + noise);
}

static void each_element(probe *p, const array *gradient, row *r, double *u) {
    const int64_t n = gradient->rows * gradient->cols;
    double squares = 0, errors = 0, noises = 0, slope, noise;
    r->each = true;
    for (int64_t i = 0; i < n; i++) {
        u[i] = 1;
        const bool taken = slope_along(p, u, each_step * fmax(1, fabs(p->q->v[i])), &slope, &noise);
        u[i] = 0;
        r->slopes += taken;
        r->left_out += !taken;
        if (!taken) slope = gradient->v[i];
        else noises += noise * noise;
        squares += slope * slope;
        errors += (slope - gradient->v[i]) * (slope - gradient->v[i]);
    }
    r->slope_norm = sqrt(squares);
    const double least = fmax(r->slope_norm, 1e-6); /* below this the loss, of order 1, has no digits left for it */
    if (r->slopes) judge(p, r, sqrt(errors) / least, sqrt(noises) / least);
}

static void directions(probe *p, const array *gradient, row *r, double *u, double h, rg_rng *rng) {
    const int64_t n = gradient->rows * gradient->cols;
    const double length = norm(gradient->v, n);
    double slope, noise;
    for (int64_t i = 0; i < n && length > 0; i++) u[i] = gradient->v[i] / length;
    bool taken = length > 0 && slope_along(p, u, h, &slope, &noise);
    r->slope_norm = taken ? slope : NAN;
    r->slopes = taken;
    r->left_out = length > 0 && !taken;
    if (taken) judge(p, r, fabs(slope - length) / length, noise / length);
    for (int k = 0; k < DIRECTIONS; k++) {
        double expected = 0;
        for (int64_t i = 0; i < n; i++) u[i] = rg_rng_normal(rng, 0, 1) / sqrt((double)n);
        const double unit = norm(u, n);
        for (int64_t i = 0; i < n; i++) u[i] /= unit, expected += u[i] * gradient->v[i];
        taken = slope_along(p, u, h, &slope, &noise);
        r->slopes += taken;
        r->left_out += !taken;
        const double typical = length / sqrt((double)n);
        if (taken && length > 0) judge(p, r, fabs(slope - expected) / typical, noise / typical);
    }
}

/* The largest row of what a parameter is multiplied by: the pixels of an image, say. Along W1 the loss moves that much faster. */
static double reach(const comparison *c, const char *name) {
    char below[16];
    snprintf(below, sizeof below, "A%d", atoi(name + 1) - 1);
    const array *a = name[0] != 'W' ? NULL : arrays_find(&c->tape, strcmp(below, "A0") == 0 ? "X" : below);
    double most = 1;
    for (int64_t i = 0; a && i < a->rows; i++) most = fmax(most, norm(a->v + i * a->cols, a->cols));
    return most;
}

static int slopes_of(const comparison *c, probe *p, row *r, rg_rng *rng) {
    const array *gradient = r->tape;
    const int64_t n = gradient->rows * gradient->cols;
    p->q = arrays_find(&c->tape, r->hand->name + 1);
    double *u = calloc((size_t)n + 1, sizeof *u);
    p->by = calloc((size_t)n + 1, sizeof *p->by);
    if (u && p->by) {
        p->bar = c->twin->found.f64 ? 1e-5 : 1e-3; /* of f32: what rounding leaves of sums that cancel */
        if (n <= EACH_MOST) each_element(p, gradient, r, u);
        else directions(p, gradient, r, u, direction_step / reach(c, p->q->name), rng);
    }
    const bool failed = !u || !p->by;
    free(u);
    free(p->by);
    return failed ? fputs("out of memory\n", stderr), -1 : 0;
}

/* The step's parameters and batch on a tape of its own in f64, where differences have digits. */
static int copy_step(const comparison *c, probe *p) {
    rg_tape *t = p->f.t;
    rg_set_default_dtype(t, RG_F64);
    const array *x = arrays_find(&c->tape, "X");
    p->f.x = rg_retain(rg_input(t, x->v, x->rows, x->cols));
    const array *y = arrays_find(&c->tape, "Y");
    if (c->net->sigmoid) p->f.y = rg_input(t, y->v, y->rows, 1);
    else {
        int32_t *labels = calloc((size_t)y->rows + 1, sizeof *labels);
        for (int64_t i = 0; labels && i < y->rows; i++) labels[i] = (int32_t)y->v[i];
        p->f.y = labels ? rg_input(t, labels, y->rows) : NULL;
        free(labels);
    }
    for (int l = 1; l <= c->net->layers; l++) {
        char name[2][16];
        snprintf(name[0], sizeof name[0], "W%d", l);
        snprintf(name[1], sizeof name[1], "b%d", l);
        rg_tensor **to[] = {&p->f.w[l], &p->f.b[l]};
        for (int k = 0; k < 2; k++) {
            const array *v = arrays_find(&c->tape, name[k]);
            *to[k] = k ? rg_param(t, name[k], RG_ZEROS, v->cols) : rg_param(t, name[k], RG_ZEROS, v->rows, v->cols);
            rg_write(*to[k], v->v);
        }
    }
    return rg_error_code(t) || !p->f.y ? -1 : 0;
}

int compare_slopes(comparison *c) {
    probe p = {.net = c->net, .f = {.t = rg_tape_new(c->o.seed + 1), .l2 = c->o.l2}};
    int failed = copy_step(c, &p);
    for (int i = 0; i < c->count && !failed; i++)
        if (c->rows[i].gradient) failed = slopes_of(c, &p, &c->rows[i], rg_tape_rng(p.f.t));
    for (int i = c->count - 1; i >= 0; i--)
        if (c->rows[i].slope_beyond) c->first_slope = &c->rows[i];
    failed = failed || rg_error_code(p.f.t);
    rg_tape_free(p.f.t);
    return failed ? -1 : 0;
}
