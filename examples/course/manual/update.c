/* update.c - how parameters follow their gradients: SGD, with momentum or without, and Adam. */
#include "manual.h"

#include <tgmath.h>

/* m = momentum m + g;    p = p - lr m */
static void sgd(const rule *r, int64_t n, real *p, const real *g, real *m) {
    const real lr = (real)r->lr, momentum = (real)r->momentum;
    for (int64_t i = 0; i < n; i++) {
        m[i] = momentum * m[i] + g[i];
        p[i] -= lr * m[i];
    }
}

/* m = beta1 m + (1 - beta1) g          the mean of the gradients, recent ones counting most
   v = beta2 v + (1 - beta2) g^2        the mean of their squares
   m^ = m / (1 - beta1^step)            both began at 0: the means of what has come so far
   v^ = v / (1 - beta2^step)
   p = p - lr m^ / (sqrt v^ + eps)      Kingma & Ba 2015, algorithm 1 */
static void adam(const rule *r, int64_t step, int64_t n, real *p, const real *g, real *m, real *v) {
    const real lr = (real)r->lr, eps = (real)r->eps;
    const real beta1 = (real)r->beta1, rest1 = (real)(1 - r->beta1), beta2 = (real)r->beta2, rest2 = (real)(1 - r->beta2);
    const real so_far1 = (real)(1 - pow(r->beta1, (double)step)), so_far2 = (real)(1 - pow(r->beta2, (double)step));
    for (int64_t i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + rest1 * g[i];
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
        const real m_hat = m[i] / so_far1, v_hat = v[i] / so_far2;
        p[i] -= lr * m_hat / (sqrt(v_hat) + eps);
    }
}

void update(const rule *r, int64_t step, int64_t n, real *p, const real *g, real *m, real *v) {
    if (r->adam) adam(r, step, n, p, g, m, v);
    else sgd(r, n, p, g, m);
}
