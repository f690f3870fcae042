/* synthetic.c - labelled points in the plane: xor, moons, circles, spirals. */
#include "engine/math/functions.h"

#include "dataset.h"

static const double pi = 3.14159265358979323846;

typedef struct plane {
    rg_dataset d;
    int64_t mark, n, *order; /* order: of the points, NULL after an error */
    double noise;
    rg_tape *t;
} plane;

/* Allocates x [n, 2], y [n] and an order of n points, all without values. */
static plane plane_new(const char *at, rg_tape *t, const char *name, int64_t n, int classes, double noise) {
    plane p = {.mark = rg_mark(t), .n = n, .noise = noise, .t = t, .d = {.classes = classes}};
    if (classes < 1 || n < classes) return rg_fail(t, RG_EVALUE, at, "%s: %lld points of %d classes", name, (long long)n, classes), p;
    if (!(noise >= 0) || isinf(noise)) return rg_fail(t, RG_EVALUE, at, "%s: the noise is %g, not a standard deviation", name, noise), p;
    p.d.x = rg_dataset_tensor(at, t, rg_default_dtype(t), 2, (int64_t[]){n, 2}, "points");
    p.d.y = rg_dataset_tensor(at, t, RG_I32, 1, &n, "labels");
    if (!rg_failed(p.d.x) && !rg_failed(p.d.y)) p.order = rg_tape_alloc(at, t, (size_t)n * sizeof *p.order);
    return p;
}

static plane shuffled(plane p) {
    if (p.order) rg_rng_permutation(rg_tape_rng(p.t), p.n, p.order);
    return p;
}

static rg_dataset plane_done(plane *p) {
    if (p->order) rg_tape_dealloc(p->t, p->order, (size_t)p->n * sizeof *p->order);
    else p->d.x = NULL;
    return rg_dataset_keep(p->t, p->mark, p->d);
}

static void put(plane *p, int64_t row, int label, double a, double b) {
    if (p->noise > 0) a += rg_rng_normal(rg_tape_rng(p->t), 0, p->noise), b += rg_rng_normal(rg_tape_rng(p->t), 0, p->noise);
    if (p->d.x->dtype == RG_F64) ((double *)p->d.x->data)[2 * row] = a, ((double *)p->d.x->data)[2 * row + 1] = b;
    else ((float *)p->d.x->data)[2 * row] = (float)a, ((float *)p->d.x->data)[2 * row + 1] = (float)b;
    ((int32_t *)p->d.y->data)[row] = label;
}

/* Points are numbered class by class: n / classes in each, and one more in the last n % classes classes. Returns the class of point
   `index`, which is number *i of the *m points there. */
static int class_at(const plane *p, int64_t index, int64_t *i, int64_t *m) {
    const int64_t few = p->n / p->d.classes, shorter = p->d.classes - p->n % p->d.classes, beyond = index - few * shorter;
    *m = beyond < 0 ? few : few + 1;
    *i = beyond < 0 ? index % few : beyond % (few + 1);
    return (int)(beyond < 0 ? index / few : shorter + beyond / (few + 1));
}

rg_dataset rg_make_xor_at(const char *at, rg_tape *t, int64_t n, double noise) {
    plane p = plane_new(at, t, "rg_make_xor", n, 2, noise);
    for (int64_t k = 0; p.order && k < n; k++) put(&p, k, (int)((k >> 1 ^ k) & 1), (double)(k >> 1 & 1), (double)(k & 1));
    return plane_done(&p);
}

rg_dataset rg_make_moons_at(const char *at, rg_tape *t, int64_t n, double noise) {
    plane p = shuffled(plane_new(at, t, "rg_make_moons", n, 2, noise));
    for (int64_t k = 0, i, m; p.order && k < n; k++) {
        const int label = class_at(&p, p.order[k], &i, &m);
        const double angle = m > 1 ? pi * (double)i / (double)(m - 1) : 0;
        const double x = math_cos_f64(angle), y = math_sin_f64(angle);
        put(&p, k, label, label ? 1 - x : x, label ? 0.5 - y : y);
    }
    return plane_done(&p);
}

rg_dataset rg_make_circles_at(const char *at, rg_tape *t, int64_t n, double factor, double noise) {
    if (!(factor >= 0 && factor < 1))
        return rg_fail(t, RG_EVALUE, at, "rg_make_circles: the factor is %g, not 0 <= factor < 1", factor),
            rg_dataset_keep(t, rg_mark(t), (rg_dataset){.classes = 2});
    plane p = shuffled(plane_new(at, t, "rg_make_circles", n, 2, noise));
    for (int64_t k = 0, i, m; p.order && k < n; k++) {
        const int label = class_at(&p, p.order[k], &i, &m);
        const double angle = 2 * pi * (double)i / (double)m, radius = label ? factor : 1;
        put(&p, k, label, radius * math_cos_f64(angle), radius * math_sin_f64(angle));
    }
    return plane_done(&p);
}

rg_dataset rg_make_spirals_at(const char *at, rg_tape *t, int64_t n, int arms, double noise) {
    plane p = shuffled(plane_new(at, t, "rg_make_spirals", n, arms, noise));
    for (int64_t k = 0, i, m; p.order && k < n; k++) {
        const int label = class_at(&p, p.order[k], &i, &m);
        const double radius = (double)(i + 1) / (double)m, angle = 2 * pi * ((double)label / arms + radius);
        put(&p, k, label, radius * math_cos_f64(angle), radius * math_sin_f64(angle));
    }
    return plane_done(&p);
}
