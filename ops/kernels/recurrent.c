/* kernels/recurrent.c - the loops of an LSTM's and a GRU's step after its products: gates, the new state, and their fused derivatives.
   A row is one sample of the batch. The order of operations is that of the rules in ops/recurrent.c. */
#include "engine/math/functions.h"

#include "engine/kernel.h"

/* Forward. x, g: the parts of the input and of the state in the gates; s: the state before, c or h; a: the gates after their functions;
   to: the new c of an LSTM, whose h is the new h and whose tc is tanh c, or the new h of a GRU.
   Backward. dy: the gradient of the new h, dc: that of the new c; dx, dg and ds receive those of x, g and s, unless they are NULL. */
typedef struct gates {
    int64_t n, rows; /* units; samples */
    const real *x, *g, *s, *dc, *dy;
    real *a, *to, *h, *tc, *dx, *dg, *ds;
} gates;

static inline void sigmoids(int64_t n, const real *x, const real *g, real *restrict to) {
    for (int64_t j = 0; j < n; j++) to[j] = RG_M(sigmoid)(x[j] + g[j]);
}
static inline void tanhs(int64_t n, const real *x, const real *g, real *restrict to) {
    for (int64_t j = 0; j < n; j++) to[j] = RG_M(tanh)(x[j] + g[j]);
}
static inline real of_sigmoid(real dy, real y) { return dy * (y * (1 - y)); }
static inline real of_tanh(real dy, real y) { return dy * (1 - y * y); }

static gates gates_of(rg_tensor *y, int count) {
    const rg_tensor *s = y->in[2];
    gates k = {.n = s->shape[s->ndim - 1], .x = y->in[0]->data, .g = y->in[1]->data, .s = s->data, .to = y->data};
    k.rows = k.n ? s->numel / k.n : 0;
    k.h = k.to + s->numel;
    for (int i = 0; i < count; i++)
        if (rg_failed(rg_save(y, i, y->dtype, y->in[2 * i]->ndim, y->in[2 * i]->shape))) k.rows = -1;
    if (k.rows < 0) return k;
    k.a = y->saved[0]->data;
    if (count > 1) k.tc = y->saved[1]->data;
    return k;
}

static int share_rows(rg_tensor *y, const gates *k, void (*rows)(const void *with, int64_t begin, int64_t end)) {
    if (k->rows < 0) return -1;
    rg_parallel(y->tape, y->in[0]->numel / RG_CHUNK, k->rows, rows, k);
    return 0;
}

/* -------- LSTM: gates i f g o; c' = f c + i g, h' = o tanh c' */

static void lstm_rows(const void *with, int64_t begin, int64_t end) {
    const gates *k = with;
    const int64_t n = k->n;
    for (int64_t r = begin; r < end; r++) {
        const real *x = k->x + r * 4 * n, *g = k->g + r * 4 * n, *c = k->s + r * n;
        real *restrict a = k->a + r * 4 * n, *restrict to = k->to + r * n, *restrict tc = k->tc + r * n, *restrict h = k->h + r * n;
        sigmoids(2 * n, x, g, a);
        tanhs(n, x + 2 * n, g + 2 * n, a + 2 * n);
        sigmoids(n, x + 3 * n, g + 3 * n, a + 3 * n);
        for (int64_t j = 0; j < n; j++) to[j] = a[n + j] * c[j] + a[j] * a[2 * n + j];
        for (int64_t j = 0; j < n; j++) tc[j] = RG_M(tanh)(to[j]);
        for (int64_t j = 0; j < n; j++) h[j] = a[3 * n + j] * tc[j];
    }
}

static void lstm_vjp_rows(const void *with, int64_t begin, int64_t end) {
    const gates *k = with;
    const int64_t n = k->n;
    for (int64_t r = begin; r < end; r++) {
        const real *a = k->a + r * 4 * n, *c = k->s + r * n, *tc = k->tc + r * n, *dc = k->dc + r * n, *dh = k->dy + r * n;
        real *restrict dx = k->dx ? k->dx + r * 4 * n : NULL, *restrict ds = k->ds ? k->ds + r * n : NULL;
        for (int64_t j = 0; j < n; j++) {
            const real i = a[j], f = a[n + j], g = a[2 * n + j], o = a[3 * n + j], d = dc[j] + of_tanh(dh[j] * o, tc[j]);
            if (ds) ds[j] = d * f;
            if (!dx) continue;
            dx[j] = of_sigmoid(d * g, i);
            dx[n + j] = of_sigmoid(d * c[j], f);
            dx[2 * n + j] = of_tanh(d * i, g);
            dx[3 * n + j] = of_sigmoid(dh[j] * tc[j], o);
        }
    }
}

int RG_K(lstm_gates)(rg_tensor *y) {
    const gates k = gates_of(y, 2);
    return share_rows(y, &k, lstm_rows);
}

int RG_K(lstm_gates_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const int one = dx[0] || (!dx[1] && rg_needs(y, 0)) ? 0 : 1; /* x and g have one gradient */
    gates k = gates_of(y, 2);
    if ((rg_needs(y, one) && !rg_make_dx(y, dx, one)) || (rg_needs(y, 2) && !rg_make_dx(y, dx, 2))) return -1;
    if (rg_needs(y, !one)) dx[!one] = dx[one];
    k.dc = dy->data, k.dy = k.dc + dy->numel / 2;
    k.dx = dx[one] ? dx[one]->data : NULL, k.ds = dx[2] ? dx[2]->data : NULL;
    return share_rows(y, &k, lstm_vjp_rows);
}

/* -------- GRU: gates r z n; n = tanh(x_n + r g_n), h' = n + z (h - n) */

static void gru_rows(const void *with, int64_t begin, int64_t end) {
    const gates *k = with;
    const int64_t n = k->n;
    for (int64_t r = begin; r < end; r++) {
        const real *x = k->x + r * 3 * n, *g = k->g + r * 3 * n, *h = k->s + r * n;
        real *restrict a = k->a + r * 3 * n, *restrict to = k->to + r * n;
        sigmoids(2 * n, x, g, a);
        for (int64_t j = 0; j < n; j++) to[j] = a[j] * g[2 * n + j];
        tanhs(n, x + 2 * n, to, a + 2 * n);
        for (int64_t j = 0; j < n; j++) to[j] = a[2 * n + j] + a[n + j] * (h[j] - a[2 * n + j]);
    }
}

static void gru_vjp_rows(const void *with, int64_t begin, int64_t end) {
    const gates *k = with;
    const int64_t n = k->n;
    for (int64_t r = begin; r < end; r++) {
        const real *a = k->a + r * 3 * n, *g = k->g + (r * 3 + 2) * n, *h = k->s + r * n, *dy = k->dy + r * n;
        real *restrict dx = k->dx ? k->dx + r * 3 * n : NULL, *restrict dg = k->dg ? k->dg + r * 3 * n : NULL,
            *restrict ds = k->ds ? k->ds + r * n : NULL;
        for (int64_t j = 0; j < n; j++) {
            const real reset = a[j], z = a[n + j], new = a[2 * n + j], of_old = dy[j] * z, of_new = of_tanh(dy[j] - of_old, new),
                of_reset = of_sigmoid(of_new * g[j], reset), of_z = of_sigmoid(dy[j] * (h[j] - new), z);
            if (ds) ds[j] = of_old;
            if (dx) dx[j] = of_reset, dx[n + j] = of_z, dx[2 * n + j] = of_new;
            if (dg) dg[j] = of_reset, dg[n + j] = of_z, dg[2 * n + j] = of_new * reset;
        }
    }
}

int RG_K(gru_gates)(rg_tensor *y) {
    const gates k = gates_of(y, 1);
    return share_rows(y, &k, gru_rows);
}

int RG_K(gru_gates_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    gates k = gates_of(y, 1);
    real **const to[] = {&k.dx, &k.dg, &k.ds};
    for (int i = 0; i < 3; i++) {
        if (rg_needs(y, i) && !rg_make_dx(y, dx, i)) return -1;
        *to[i] = dx[i] ? dx[i]->data : NULL;
    }
    k.dy = dy->data;
    return share_rows(y, &k, gru_vjp_rows);
}
