/* test_closed_forms.c - backpropagation derived by hand, in plain loops over doubles, against the tape. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>

#include "engine/op.h"
#include "ops/ops.h"

enum { N = 7, M = 5, K = 3 }; /* rows, inputs, outputs */

typedef struct world { rg_tape *t; rg_rng rng; } world;

static world begin(void) {
    world w = {.t = rg_tape_new(1)};
    assert_non_null(w.t);
    rg_set_default_dtype(w.t, RG_F64);
    rg_rng_seed(&w.rng, 2);
    return w;
}

static void end(world *w) {
    if (rg_error(w->t)) fail_msg("%s", rg_error(w->t));
    rg_tape_free(w->t);
}

static void draw(world *w, double *to, int n) {
    for (int i = 0; i < n; i++) to[i] = rg_rng_normal(&w->rng, 0, 1);
}

static rg_tensor *leaf(world *w, const double *v, int n, int m) {
    return rg_requires_grad(rg_input_n(w->t, v, m ? 2 : 1, (int64_t[]){n, m}), true);
}

static void close_to(const char *what, rg_tensor *is, const double *should, int n) {
    if (rg_numel(is) != n || !rg_f64(is)) fail_msg("%s: %lld elements, not %d", what, (long long)rg_numel(is), n);
    double largest = 1;
    for (int i = 0; i < n; i++) largest = fmax(largest, fabs(should[i]));
    for (int i = 0; i < n; i++)
        if (!(fabs(rg_f64(is)[i] - should[i]) <= 1e-12 * largest))
            fail_msg("%s: element %d is %.17g, by hand %.17g", what, i, rg_f64(is)[i], should[i]);
}

/* c[n,m] = a[n,k] . b[k,m], either transposed */
static void product(double *c, const double *a, bool ta, const double *b, bool tb, int n, int k, int m) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) {
            c[i * m + j] = 0;
            for (int l = 0; l < k; l++) c[i * m + j] += (ta ? a[l * n + i] : a[i * k + l]) * (tb ? b[j * k + l] : b[l * m + j]);
        }
}

static void column_sums(double *s, const double *a, int n, int m) {
    for (int j = 0; j < m; j++) s[j] = 0;
    for (int i = 0; i < n * m; i++) s[i % m] += a[i];
}

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

/* -------- layers and losses */

/* y = x w + b, dy = g:   dx = g w^T, dw = x^T g, db = sum over rows of g */
static void linear_layer(void **state) {
    const bool fused = *state != NULL;
    world u = begin();
    double x[N * M], w[M * K], b[K], g[N * K], y[N * K], dx[N * M], dw[M * K], db[K];
    draw(&u, x, N * M), draw(&u, w, M * K), draw(&u, b, K), draw(&u, g, N * K);
    rg_tensor *in[] = {leaf(&u, x, N, M), leaf(&u, w, M, K), leaf(&u, b, K, 0)}, *out[3];
    rg_tensor *r = fused ? rg_linear(in[0], in[1], in[2]) : rg_add(rg_matmul(in[0], in[1]), in[2]);
    product(y, x, false, w, false, N, M, K);
    for (int i = 0; i < N * K; i++) y[i] += b[i % K];
    close_to("y", r, y, N * K);
    product(dx, g, false, w, true, N, K, M);
    product(dw, x, true, g, false, M, N, K);
    column_sums(db, g, N, K);
    for (int graph = 0; graph < 2; graph++) {
        assert_int_equal(rg_grad(r, rg_list_of_n(3, in), out, .dy = rg_input(u.t, g, N, K), .create_graph = graph), 0);
        close_to("dx", out[0], dx, N * M);
        close_to("dw", out[1], dw, M * K);
        close_to("db", out[2], db, K);
    }
    end(&u);
}

/* L = mean (x w - t)^2:   dw = 2/N x^T (x w - t), the Hessian along v is 2/N x^T x v */
static void least_squares(void **state) {
    (void)state;
    world u = begin();
    double x[N * M], w[M], t[N], v[M], r[N], dw[M], xv[N], hv[M], loss = 0;
    draw(&u, x, N * M), draw(&u, w, M), draw(&u, t, N), draw(&u, v, M);
    product(r, x, false, w, false, N, M, 1);
    for (int i = 0; i < N; i++) r[i] -= t[i], loss += r[i] * r[i] / N, r[i] *= 2. / N;
    product(dw, x, true, r, false, M, N, 1);
    rg_tensor *tw = leaf(&u, w, M, 1), *l = rg_mse(rg_matmul(rg_input(u.t, x, N, M), tw), rg_input(u.t, t, N, 1)), *g, *h;
    close_to("loss", l, &loss, 1);
    assert_int_equal(rg_grad(l, rg_list_of(tw), &g, .create_graph = true), 0);
    close_to("dw", g, dw, M);
    product(xv, x, false, v, false, N, M, 1);
    for (int i = 0; i < N; i++) xv[i] *= 2. / N;
    product(hv, x, true, xv, false, M, N, 1);
    assert_int_equal(rg_grad(g, rg_list_of(tw), &h, .dy = rg_input(u.t, v, M, 1)), 0);
    close_to("Hessian . v", h, hv, M);
    end(&u);
}

/* L = mean (softplus(z) - t z), z = x w + b:   dz = (sigmoid(z) - t) / N, dw = x^T dz, db = sum dz */
static void logistic_regression(void **state) {
    (void)state;
    world u = begin();
    double x[N * M], w[M], b = .3, t[N], z[N], dw[M], db, loss = 0;
    draw(&u, x, N * M), draw(&u, w, M);
    for (int i = 0; i < N; i++) t[i] = i % 2;
    product(z, x, false, w, false, N, M, 1);
    for (int i = 0; i < N; i++) {
        z[i] += b;
        loss += (log1p(exp(z[i])) - t[i] * z[i]) / N;
        z[i] = (sigmoid(z[i]) - t[i]) / N;
    }
    product(dw, x, true, z, false, M, N, 1);
    column_sums(&db, z, N, 1);
    rg_tensor *tw = leaf(&u, w, M, 1), *tb = leaf(&u, &b, 1, 0);
    rg_tensor *tz = rg_add(rg_matmul(rg_input(u.t, x, N, M), tw), tb);
    rg_tensor *l = rg_mean(rg_sub(rg_softplus(tz), rg_mul(rg_input(u.t, t, N, 1), tz)));
    close_to("loss", l, &loss, 1);
    assert_int_equal(rg_backward(l), 0);
    close_to("dw", rg_grad_of(tw), dw, M);
    close_to("db", rg_grad_of(tb), &db, 1);
    end(&u);
}

static void softmax_of(double *p, const double *z, int n) {
    double sum = 0, top = z[0];
    for (int i = 1; i < n; i++) top = fmax(top, z[i]);
    for (int i = 0; i < n; i++) sum += p[i] = exp(z[i] - top);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

/* L = mean -log softmax(z)[label]:   dz = (p - onehot) / N, the Hessian of a row along v is (p v - p (p . v)) / N */
static void cross_entropy(void **state) {
    const bool fused = *state != NULL;
    world u = begin();
    double z[N * K], v[N * K], dz[N * K], hv[N * K], loss = 0;
    int32_t labels[N];
    draw(&u, z, N * K), draw(&u, v, N * K);
    for (int i = 0; i < N; i++) {
        double *p = dz + i * K, along = 0;
        labels[i] = i % K;
        softmax_of(p, z + i * K, K);
        loss -= log(p[labels[i]]) / N;
        for (int j = 0; j < K; j++) along += p[j] * v[i * K + j];
        for (int j = 0; j < K; j++) hv[i * K + j] = p[j] * (v[i * K + j] - along) / N;
        p[labels[i]] -= 1;
        for (int j = 0; j < K; j++) p[j] /= N;
    }
    rg_tensor *tz = leaf(&u, z, N, K), *tl = rg_input(u.t, labels, N), *g, *h;
    rg_tensor *l = fused ? rg_cross_entropy(tz, tl) : rg_neg(rg_mean(rg_pick(rg_log_softmax(tz, -1), tl)));
    close_to("loss", l, &loss, 1);
    assert_int_equal(rg_grad(l, rg_list_of(tz), &g), 0);
    close_to("dz, plain", g, dz, N * K);
    assert_int_equal(rg_grad(l, rg_list_of(tz), &g, .create_graph = true), 0);
    close_to("dz, recorded", g, dz, N * K);
    assert_int_equal(rg_grad(g, rg_list_of(tz), &h, .dy = rg_input(u.t, v, N, K)), 0);
    close_to("Hessian . v", h, hv, N * K);
    end(&u);
}

/* h = tanh(x w1 + b1), p = h w2 + b2, L = mean (p - t)^2 */
static void two_layers(void **state) {
    (void)state;
    enum { H = 4 };
    world u = begin();
    double x[N * M], w1[M * H], b1[H], w2[H * K], b2[K], t[N * K], h[N * H], p[N * K], dh[N * H], dw1[M * H], db1[H], dw2[H * K], db2[K];
    draw(&u, x, N * M), draw(&u, w1, M * H), draw(&u, b1, H), draw(&u, w2, H * K), draw(&u, b2, K), draw(&u, t, N * K);
    product(h, x, false, w1, false, N, M, H);
    for (int i = 0; i < N * H; i++) h[i] = tanh(h[i] + b1[i % H]);
    product(p, h, false, w2, false, N, H, K);
    for (int i = 0; i < N * K; i++) p[i] = 2 * (p[i] + b2[i % K] - t[i]) / (N * K); /* now dL/dp */
    product(dw2, h, true, p, false, H, N, K);
    column_sums(db2, p, N, K);
    product(dh, p, false, w2, true, N, K, H);
    for (int i = 0; i < N * H; i++) dh[i] *= 1 - h[i] * h[i];
    product(dw1, x, true, dh, false, M, N, H);
    column_sums(db1, dh, N, H);

    rg_tensor *tw1 = leaf(&u, w1, M, H), *tb1 = leaf(&u, b1, H, 0), *tw2 = leaf(&u, w2, H, K), *tb2 = leaf(&u, b2, K, 0);
    rg_tensor *th = rg_tanh(rg_add(rg_matmul(rg_input(u.t, x, N, M), tw1), tb1));
    rg_tensor *l = rg_mse(rg_add(rg_matmul(th, tw2), tb2), rg_input(u.t, t, N, K));
    for (int times = 1; times <= 2; times++) {
        assert_int_equal(rg_backward(l), 0);
        close_to("dw1", rg_grad_of(tw1), dw1, M * H);
        close_to("db1", rg_grad_of(tb1), db1, H);
        close_to("dw2", rg_grad_of(tw2), dw2, H * K);
        close_to("db2", rg_grad_of(tb2), db2, K);
        for (int i = 0; i < M * H; i++) dw1[i] *= 2; /* the second pass adds the same again */
        for (int i = 0; i < H; i++) db1[i] *= 2;
        for (int i = 0; i < H * K; i++) dw2[i] *= 2;
        for (int i = 0; i < K; i++) db2[i] *= 2;
    }
    end(&u);
}

/* -------- second and higher derivatives */

/* f = x^T A x:   gradient (A + A^T) x, Hessian A + A^T */
static void quadratic_form(void **state) {
    (void)state;
    world u = begin();
    double a[M * M], x[M], s[M * M], g[M], row[M];
    draw(&u, a, M * M), draw(&u, x, M);
    for (int i = 0; i < M * M; i++) s[i] = a[i] + a[i % M * M + i / M];
    product(g, s, false, x, false, M, M, 1);
    rg_tensor *tx = leaf(&u, x, M, 1), *ta = rg_input(u.t, a, M, M), *tg, *h;
    rg_tensor *f = rg_matmul(tx, rg_matmul(ta, tx), .transpose_a = true);
    assert_int_equal(rg_grad(f, rg_list_of(tx), &tg, .create_graph = true), 0);
    close_to("gradient", tg, g, M);
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < M; j++) row[j] = j == i;
        assert_int_equal(rg_grad(tg, rg_list_of(tx), &h, .dy = rg_input(u.t, row, M, 1)), 0);
        close_to("row of the Hessian", h, s + i * M, M);
    }
    end(&u);
}

typedef struct series { const char *name; rg_fn fn; double x, derivatives[5]; int n; } series;
static rg_tensor *s_exp(void *c, rg_tensor *const *in) { return (void)c, rg_exp(in[0]); }
static rg_tensor *s_fifth(void *c, rg_tensor *const *in) { return (void)c, rg_pow_scalar(in[0], 5); }
static rg_tensor *s_product(void *c, rg_tensor *const *in) { return (void)c, rg_mul(rg_square(in[0]), rg_mul(in[0], rg_square(in[0]))); }
static rg_tensor *s_log(void *c, rg_tensor *const *in) { return (void)c, rg_log(in[0]); }
static rg_tensor *s_tanh(void *c, rg_tensor *const *in) { return (void)c, rg_tanh(in[0]); }
static rg_tensor *s_sigmoid(void *c, rg_tensor *const *in) { return (void)c, rg_sigmoid(in[0]); }
static rg_tensor *s_softplus(void *c, rg_tensor *const *in) { return (void)c, rg_softplus(in[0]); }
static rg_tensor *s_erf(void *c, rg_tensor *const *in) { return (void)c, rg_erf(in[0]); }
static rg_tensor *s_sqrt(void *c, rg_tensor *const *in) { return (void)c, rg_sqrt(in[0]); }
static rg_tensor *s_quotient(void *c, rg_tensor *const *in) { return (void)c, rg_div(rg_exp(in[0]), in[0]); }
static rg_tensor *s_relu(void *c, rg_tensor *const *in) { return (void)c, rg_square(rg_relu(in[0])); }

#define E 2.718281828459045
#define TANH .46211715726000975 /* of 1/2 */
#define SECH2 (1 - TANH * TANH)
#define SIG .6224593312018546 /* sigmoid of 1/2 */
#define SIG1 (SIG * (1 - SIG))
#define ERF1 (1.1283791670955126 * .7788007830714049) /* 2/sqrt(pi) e^(-1/4) */
static const series all_series[] = {
    {"exp", s_exp, 1, {E, E, E, E, E}, 5},
    {"x^5", s_fifth, 2, {80, 160, 240, 240, 120}, 5},
    {"x x x x x", s_product, 2, {80, 160, 240, 240, 120}, 5},
    {"log", s_log, .5, {2, -4, 16, -96, 768}, 5},
    {"tanh", s_tanh, .5, {SECH2, -2 * TANH * SECH2, SECH2 * (6 * TANH * TANH - 2), 8 * TANH * SECH2 * (2 - 3 * TANH * TANH)}, 4},
    {"sigmoid", s_sigmoid, .5, {SIG1, SIG1 * (1 - 2 * SIG), SIG1 * (1 - 6 * SIG1), SIG1 * (1 - 2 * SIG) * (1 - 12 * SIG1)}, 4},
    {"softplus", s_softplus, .5, {SIG, SIG1, SIG1 * (1 - 2 * SIG), SIG1 * (1 - 6 * SIG1)}, 4},
    {"erf", s_erf, .5, {ERF1, -ERF1, ERF1 * (4 * .25 - 2), ERF1 * (12 * .5 - 8 * .125)}, 4},
    {"sqrt", s_sqrt, .25, {1, -2, 12, -120, 1680}, 5},
    {"e^x / x", s_quotient, 1, {0, E, -2 * E, 9 * E, -44 * E}, 5},
    {"relu(x)^2", s_relu, 3, {6, 2, 0, 0}, 4},
    {"relu(x)^2 left of 0", s_relu, -3, {0, 0, 0}, 3},
};

/* Derivatives of a function of one number, one after another, each the gradient of the one before. */
static void higher_derivatives(void **state) {
    const series *s = *state;
    world u = begin();
    rg_tensor *x = leaf(&u, &s->x, 1, 0), *y = s->fn(NULL, &x);
    for (int k = 0; k < s->n; k++) {
        rg_tensor *next;
        assert_int_equal(rg_grad(y, rg_list_of(x), &next, .create_graph = true), 0);
        char what[32];
        snprintf(what, sizeof what, "derivative %d", k + 1);
        close_to(what, next, &s->derivatives[k], 1);
        if (!rg_needs_grad(next)) break; /* a constant: the rest is zero */
        y = next;
    }
    end(&u);
}

/* f = tanh(w x), L = (df/dx)^2 = w^2 (1 - f^2)^2:   dL/dw = 2 w (1 - f^2)^2 - 4 w^2 x f (1 - f^2)^2 */
static void gradient_penalty(void **state) {
    (void)state;
    world u = begin();
    const double w = .7, x = 1.1, f = tanh(w * x), s = 1 - f * f, should = 2 * w * s * s - 4 * w * w * x * f * s * s;
    rg_tensor *tw = leaf(&u, &w, 1, 0), *tx = leaf(&u, &x, 1, 0), *g;
    assert_int_equal(rg_grad(rg_tanh(rg_mul(tw, tx)), rg_list_of(tx), &g, .create_graph = true), 0);
    assert_int_equal(rg_backward(rg_sum(rg_square(g))), 0);
    close_to("dL/dw", rg_grad_of(tw), &should, 1);
    end(&u);
}

/* f = (x . y)^2:   d2f / dx dy = 2 (x . y) I + 2 y x^T */
static void mixed_derivatives(void **state) {
    (void)state;
    world u = begin();
    double x[M], y[M], row[M], dot = 0;
    draw(&u, x, M), draw(&u, y, M);
    for (int i = 0; i < M; i++) dot += x[i] * y[i];
    rg_tensor *tx = leaf(&u, x, M, 0), *ty = leaf(&u, y, M, 0), *g, *h;
    assert_int_equal(rg_grad(rg_square(rg_sum(rg_mul(tx, ty))), rg_list_of(tx), &g, .create_graph = true), 0);
    for (int i = 0; i < M; i++) {
        double pick[M] = {0};
        pick[i] = 1;
        for (int j = 0; j < M; j++) row[j] = 2 * y[i] * x[j] + (i == j ? 2 * dot : 0);
        assert_int_equal(rg_grad(g, rg_list_of(ty), &h, .dy = rg_input(u.t, pick, M)), 0);
        close_to("row", h, row, M);
    }
    end(&u);
}

/* -------- single rules */

static void mean_gives_one_over_n(void **state) {
    (void)state;
    world u = begin();
    double x[N * M], should[N * M];
    draw(&u, x, N * M);
    for (int i = 0; i < N * M; i++) should[i] = 1. / (N * M);
    rg_tensor *tx = leaf(&u, x, N, M);
    assert_int_equal(rg_backward(rg_mean(tx)), 0);
    close_to("dx", rg_grad_of(tx), should, N * M);
    end(&u);
}

/* y = a[N,1] b[M]:   da = sum over columns of g b, db = sum over rows of g a */
static void broadcasting(void **state) {
    (void)state;
    world u = begin();
    double a[N], b[M], g[N * M], da[N], db[M];
    draw(&u, a, N), draw(&u, b, M), draw(&u, g, N * M);
    product(da, g, false, b, false, N, M, 1);
    product(db, g, true, a, false, M, N, 1);
    rg_tensor *in[] = {leaf(&u, a, N, 1), leaf(&u, b, M, 0)}, *out[2];
    assert_int_equal(rg_grad(rg_mul(in[0], in[1]), rg_list_of_n(2, in), out, .dy = rg_input(u.t, g, N, M)), 0);
    close_to("da", out[0], da, N);
    close_to("db", out[1], db, M);
    end(&u);
}

static void ties_share(void **state) {
    (void)state;
    world u = begin();
    const double x[] = {1, 3, 3, 2, 3}, should[] = {0, 1. / 3, 1. / 3, 0, 1. / 3}, y[] = {1, 4, 3, 1, 3}, dx[] = {.5, 0, .5, 1, .5},
        dy[] = {.5, 1, .5, 0, .5};
    rg_tensor *tx = leaf(&u, x, 5, 0), *ty = leaf(&u, y, 5, 0), *both[] = {tx, ty}, *out[2];
    assert_int_equal(rg_grad(rg_max(tx), rg_list_of(tx), out), 0);
    close_to("max", out[0], should, 5);
    assert_int_equal(rg_grad(rg_sum(rg_maximum(tx, ty)), rg_list_of_n(2, both), out), 0);
    close_to("maximum, a", out[0], dx, 5);
    close_to("maximum, b", out[1], dy, 5);
    assert_int_equal(rg_grad(rg_sum(rg_minimum(tx, ty)), rg_list_of_n(2, both), out), 0);
    close_to("minimum, a", out[0], dy, 5);
    close_to("minimum, b", out[1], dx, 5);
    end(&u);
}

static void slope_at_the_kink(void **state) {
    (void)state;
    world u = begin();
    const double x[] = {-1, 0, -0., 2}, relu[] = {0, 0, 0, 1}, slope[] = {-1, 0, 0, 1};
    rg_tensor *tx = leaf(&u, x, 4, 0), *g;
    assert_int_equal(rg_grad(rg_sum(rg_relu(tx)), rg_list_of(tx), &g), 0);
    close_to("relu", g, relu, 4);
    assert_int_equal(rg_grad(rg_sum(rg_abs(tx)), rg_list_of(tx), &g), 0);
    close_to("abs", g, slope, 4);
    end(&u);
}

/* log sum exp: gradient softmax p, Hessian diag p - p p^T */
static void logsumexp(void **state) {
    (void)state;
    world u = begin();
    double x[M], p[M], row[M];
    draw(&u, x, M);
    softmax_of(p, x, M);
    rg_tensor *tx = leaf(&u, x, M, 0), *g, *h;
    close_to("softmax", rg_softmax(tx, 0), p, M);
    assert_int_equal(rg_grad(rg_logsumexp(tx, 0), rg_list_of(tx), &g, .create_graph = true), 0);
    close_to("gradient", g, p, M);
    for (int i = 0; i < M; i++) {
        double pick[M] = {0};
        pick[i] = 1;
        for (int j = 0; j < M; j++) row[j] = p[i] * ((i == j) - p[j]);
        assert_int_equal(rg_grad(g, rg_list_of(tx), &h, .dy = rg_input(u.t, pick, M)), 0);
        close_to("row of the Hessian", h, row, M);
    }
    end(&u);
}

int main(void) {
    static const int yes = 1;
    cases c = {0};
    cases_add(&c, linear_layer, NULL, "x w + b from matmul and add");
    cases_add(&c, linear_layer, &yes, "x w + b in one op");
    cases_add(&c, least_squares, NULL, "least squares, with its Hessian");
    cases_add(&c, logistic_regression, NULL, "logistic regression");
    cases_add(&c, cross_entropy, NULL, "cross entropy from log_softmax and pick, with its Hessian");
    cases_add(&c, cross_entropy, &yes, "cross entropy in one op, with its Hessian");
    cases_add(&c, two_layers, NULL, "two layers, backward once and twice");
    cases_add(&c, quadratic_form, NULL, "quadratic form: Hessian A + A^T");
    for (size_t i = 0; i < sizeof all_series / sizeof *all_series; i++)
        cases_add(&c, higher_derivatives, &all_series[i], "higher derivatives of %s", all_series[i].name);
    cases_add(&c, gradient_penalty, NULL, "gradient penalty");
    cases_add(&c, mixed_derivatives, NULL, "mixed derivatives");
    cases_add(&c, mean_gives_one_over_n, NULL, "mean gives 1/n");
    cases_add(&c, broadcasting, NULL, "broadcasting is summed away");
    cases_add(&c, ties_share, NULL, "ties share the gradient");
    cases_add(&c, slope_at_the_kink, NULL, "slopes of relu and abs at 0");
    cases_add(&c, logsumexp, NULL, "logsumexp, with its Hessian");
    return cases_run(&c, "closed forms");
}
