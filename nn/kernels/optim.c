/* kernels/optim.c - the step of an optimiser for the elements of one parameter. */
#include "engine/kernel.h"
#include "nn/optim/update.h"

/* d = g + weight_decay p;  p -= lr d */
static void sgd_plain(const void *with, int64_t begin, int64_t end) {
    const rg_update *u = with;
    real *restrict p = u->p;
    const real *restrict g = u->g;
    const real lr = C(u->lr), decay = C(u->weight_decay);
    for (int64_t i = begin; i < end; i++) p[i] -= lr * (decay != 0 ? g[i] + decay * p[i] : g[i]);
}

/* m = momentum m + take d;  p -= lr m, or with Nesterov lr (d + momentum m) */
static void sgd_momentum(const void *with, int64_t begin, int64_t end) {
    const rg_update *u = with;
    real *restrict p = u->p, *restrict m = u->m;
    const real *restrict g = u->g;
    const real lr = C(u->lr), decay = C(u->weight_decay), momentum = C(u->momentum), take = C(u->take);
    const bool nesterov = u->nesterov;
    for (int64_t i = begin; i < end; i++) {
        const real d = decay != 0 ? g[i] + decay * p[i] : g[i];
        m[i] = momentum * m[i] + take * d;
        p[i] -= lr * (nesterov ? d + momentum * m[i] : m[i]);
    }
}

/* p = keep p;  d = g + weight_decay p;  m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2;  p -= step m / (sqrt(v) / root +
   eps) */
static void adam(const void *with, int64_t begin, int64_t end) {
    const rg_update *u = with;
    real *restrict p = u->p, *restrict m = u->m, *restrict v = u->v;
    const real *restrict g = u->g;
    const real decay = C(u->weight_decay), keep = C(u->keep), step = C(u->step), root = C(u->root), eps = C(u->eps);
    const real b1 = C(u->beta1), c1 = C(1 - u->beta1), b2 = C(u->beta2), c2 = C(1 - u->beta2);
    for (int64_t i = begin; i < end; i++) {
        const real was = keep * p[i], d = decay != 0 ? g[i] + decay * was : g[i];
        m[i] = b1 * m[i] + c1 * d;
        v[i] = b2 * v[i] + c2 * d * d;
        p[i] = was - step * m[i] / (R(sqrt)(v[i]) / root + eps);
    }
}

/* d = g + weight_decay p; v = alpha v + (1 - alpha) d^2; s = d / (sqrt(v - a^2) + eps), a the mean of d or 0; m = momentum m + s; p -= lr
   m, or lr s */
static void rmsprop(const void *with, int64_t begin, int64_t end) {
    const rg_update *u = with;
    real *restrict p = u->p, *restrict v = u->v;
    real *restrict m = u->m, *restrict a = u->a;
    const real *restrict g = u->g;
    const real lr = C(u->lr), decay = C(u->weight_decay), momentum = C(u->momentum), eps = C(u->eps), alpha = C(u->beta2),
        rest = C(1 - u->beta2);
    for (int64_t i = begin; i < end; i++) {
        const real d = decay != 0 ? g[i] + decay * p[i] : g[i];
        v[i] = alpha * v[i] + rest * d * d;
        real spread = v[i];
        if (a) a[i] = alpha * a[i] + rest * d, spread -= a[i] * a[i];
        const real s = d / (R(sqrt)(spread) + eps);
        if (m) m[i] = momentum * m[i] + s;
        p[i] -= lr * (m ? m[i] : s);
    }
}

/* d = g + weight_decay p;  v += d^2;  p -= step d / (sqrt(v) + eps) */
static void adagrad(const void *with, int64_t begin, int64_t end) {
    const rg_update *u = with;
    real *restrict p = u->p, *restrict v = u->v;
    const real *restrict g = u->g;
    const real step = C(u->step), decay = C(u->weight_decay), eps = C(u->eps);
    for (int64_t i = begin; i < end; i++) {
        const real d = decay != 0 ? g[i] + decay * p[i] : g[i];
        v[i] += d * d;
        p[i] -= step * (d / (R(sqrt)(v[i]) + eps));
    }
}

/* p = keep p - lr sign(beta1 m + (1 - beta1) g);  m = beta2 m + (1 - beta2) g */
static void lion(const void *with, int64_t begin, int64_t end) {
    const rg_update *u = with;
    real *restrict p = u->p, *restrict m = u->m;
    const real *restrict g = u->g;
    const real keep = C(u->keep), lr = C(u->lr), b1 = C(u->beta1), c1 = C(1 - u->beta1), b2 = C(u->beta2), c2 = C(1 - u->beta2);
    for (int64_t i = begin; i < end; i++) {
        const real way = b1 * m[i] + c1 * g[i];
        p[i] = keep * p[i] - (way > 0 ? lr : way < 0 ? -lr : lr * way); /* lr way: 0, or NaN */
        m[i] = b2 * m[i] + c2 * g[i];
    }
}

static void each(const rg_update *u, rg_loop_fn *loop) { rg_parallel(u->tape, u->n / RG_CHUNK, u->n, loop, u); }

void RG_K(sgd)(const rg_update *u) { each(u, u->m ? sgd_momentum : sgd_plain); }
void RG_K(adam)(const rg_update *u) { each(u, adam); }
void RG_K(rmsprop)(const rg_update *u) { each(u, rmsprop); }
void RG_K(adagrad)(const rg_update *u) { each(u, adagrad); }
void RG_K(lion)(const rg_update *u) { each(u, lion); }
