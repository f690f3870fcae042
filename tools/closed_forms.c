/* closed_forms.c - derivatives as textbooks print them. Elementwise ones: Abramowitz and Stegun, chapters 4 and 7; of activations, their
   papers' formulas differentiated by hand. Others: Goodfellow, Bengio, Courville, Deep Learning (2016); Petersen, Pedersen, The Matrix
   Cookbook (2012). Written so as not to share a formula with the operators where there is another one. */
#include "tools/closed_forms.h"

#include <math.h>
#include <string.h>

static double logistic(double x) { return .5 * (1 + tanh(.5 * x)); }
static double sech2(double x) { return 1 / (cosh(x) * cosh(x)); }
static double normal_density(double x) { return exp(-.5 * x * x) / sqrt(2 * M_PI); }
static double normal_below(double x) { return .5 * erfc(-x / M_SQRT2); }
static double gate_angle(double x) { return sqrt(2 / M_PI) * (x + .044715 * x * x * x); }

/* -------- elementwise: f'(x), with parameters p and q */

typedef double slope(double x, double p, double q);
#define SLOPES(ROW)                                                                                                              \
    ROW(neg, -1) ROW(exp, exp(x)) ROW(log, 1 / x) ROW(sqrt, .5 * pow(x, -.5)) ROW(square, 2 * x) ROW(abs, copysign(1, x))          \
    ROW(relu, x > 0) ROW(sigmoid, .25 * sech2(.5 * x)) ROW(tanh, sech2(x)) ROW(softplus, logistic(x))                             \
    ROW(erf, 2 / sqrt(M_PI) * exp(-x * x)) ROW(erfc, -2 / sqrt(M_PI) * exp(-x * x)) ROW(add_scalar, 1) ROW(mul_scalar, p)         \
    ROW(pow_scalar, p * pow(x, p - 1)) ROW(expm1, exp(x)) ROW(log1p, 1 / (1 + x)) ROW(rsqrt, -.5 * pow(x, -1.5))                  \
    ROW(reciprocal, -pow(x, -2)) ROW(sin, cos(x)) ROW(cos, -sin(x)) ROW(tan, 1 / (cos(x) * cos(x))) ROW(asin, 1 / sqrt(1 - x * x)) \
    ROW(acos, -1 / sqrt(1 - x * x)) ROW(atan, 1 / (1 + x * x)) ROW(sinh, .5 * (exp(x) + exp(-x))) ROW(cosh, .5 * (exp(x) - exp(-x))) \
    ROW(silu, logistic(x) + x * .25 * sech2(.5 * x))                                                                             \
    ROW(mish, tanh(log1p(exp(x))) + x * sech2(log1p(exp(x))) * logistic(x))                                                      \
    ROW(gelu, normal_below(x) + x * normal_density(x))                                                                           \
    ROW(gelu_tanh, .5 * (1 + tanh(gate_angle(x))) + .5 * x * sech2(gate_angle(x)) * sqrt(2 / M_PI) * (1 + .134145 * x * x))       \
    ROW(log_sigmoid, 1 - logistic(x)) ROW(softsign, pow(1 + fabs(x), -2)) ROW(hardtanh, fabs(x) < 1)                             \
    ROW(hardsigmoid, fabs(x) < 3 ? 1 / 6. : 0) ROW(leaky_relu, x > 0 ? 1 : p) ROW(elu, x > 0 ? 1 : p * exp(x))                   \
    ROW(selu, 1.0507009873554804934193349852946 * (x > 0 ? 1 : 1.6732632423543772848170429916717 * exp(x)))                      \
    ROW(clamp, x >= p && x <= q)
#define ROW(name, f) static double slope_##name(double x, double p, double q) { return (void)x, (void)p, (void)q, (f); }
SLOPES(ROW)
#undef ROW
#define ROW(name, f) {#name, slope_##name},
static const struct { const char *op; slope *slope; } slopes[] = {SLOPES(ROW)};
#undef ROW

#define PAIRS(ROW)                                                                                                             \
    ROW(add, 1, 1) ROW(sub, 1, -1) ROW(mul, b, a) ROW(div, 1 / b, -a / (b * b)) ROW(pow, b * pow(a, b) / a, pow(a, b) * log(a)) \
    ROW(maximum, a > b ? 1 : a < b ? 0 : .5, a < b ? 1 : a > b ? 0 : .5)                                                       \
    ROW(minimum, a < b ? 1 : a > b ? 0 : .5, a > b ? 1 : a < b ? 0 : .5)                                                       \
    ROW(logaddexp, exp(a) / (exp(a) + exp(b)), exp(b) / (exp(a) + exp(b)))                                                     \
    ROW(bce_each, (a - b) / (a * (1 - a)), log(1 - a) - log(a))
#define ROW(name, fa, fb)                                                                            \
    static double pair_##name##_a(double a, double b, double q) { return (void)a, (void)b, (void)q, (fa); } \
    static double pair_##name##_b(double a, double b, double q) { return (void)a, (void)b, (void)q, (fb); }
PAIRS(ROW)
#undef ROW
#define ROW(name, fa, fb) {#name, pair_##name##_a, pair_##name##_b},
static const struct { const char *op; slope *a, *b; } pairs[] = {PAIRS(ROW)};
#undef ROW

/* -------- elements of tensors */

static double at(const rg_tensor *x, int64_t k) { return ((const double *)x->data)[k]; }

/* Where x's element lies under y's element k, broadcast as in NumPy. */
static int64_t under(const rg_tensor *x, const rg_tensor *y, int64_t k) {
    int64_t place = 0, stride = 1;
    for (int d = y->ndim - 1; d >= 0; d--) {
        const int own = d - (y->ndim - x->ndim);
        const int64_t i = k % y->shape[d];
        k /= y->shape[d];
        if (own < 0) continue;
        if (x->shape[own] > 1) place += i * stride;
        stride *= x->shape[own];
    }
    return place;
}

/* An axis of x: k = (outer * n + i) * inner + j */
typedef struct line { int64_t outer, n, inner; } line;
static line line_of(const rg_tensor *x, int axis) {
    if (axis < 0) axis += x->ndim;
    line l = {1, x->shape[axis], 1};
    for (int d = 0; d < axis; d++) l.outer *= x->shape[d];
    for (int d = axis + 1; d < x->ndim; d++) l.inner *= x->shape[d];
    return l;
}

/* e^x_k / sum of e^x along the axis, without a shift: samples are small numbers. */
static int64_t beginning(line l, int64_t k) { return k / (l.n * l.inner) * l.n * l.inner + k % l.inner; } /* of k's line */
static double share(const rg_tensor *x, line l, int64_t k) {
    double sum = 0;
    for (int64_t i = 0, first = beginning(l, k); i < l.n; i++) sum += exp(at(x, first + i * l.inner));
    return exp(at(x, k)) / sum;
}

/* -------- the others: dx[i][k] += ... */

typedef void form(const rg_sample *s, rg_tensor *const *in, const rg_tensor *y, const double *w, double *const *dx);
#define FORM(name) static void form_##name(__attribute__((unused)) const rg_sample *s, __attribute__((unused)) rg_tensor *const *in, \
    __attribute__((unused)) const rg_tensor *y, const double *w, double *const *dx)

/* dy_i / dx_k = y_i ([i = k] - y_k) */
FORM(softmax) {
    const line l = line_of(in[0], s->attr.axis);
    for (int64_t k = 0; k < in[0]->numel; k++)
        for (int64_t i = 0, first = beginning(l, k); i < l.n; i++)
            dx[0][k] += w[first + i * l.inner] * share(in[0], l, first + i * l.inner) * ((first + i * l.inner == k) - share(in[0], l, k));
}
/* dy_i / dx_k = [i = k] - e^x_k / sum */
FORM(log_softmax) {
    const line l = line_of(in[0], s->attr.axis);
    for (int64_t k = 0; k < in[0]->numel; k++)
        for (int64_t i = 0, first = beginning(l, k); i < l.n; i++)
            dx[0][k] += w[first + i * l.inner] * ((first + i * l.inner == k) - share(in[0], l, k));
}
FORM(logsumexp) {
    const line l = line_of(in[0], s->attr.axis);
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[k / (l.n * l.inner) * l.inner + k % l.inner] * share(in[0], l, k);
}
/* (softmax - one hot) / rows */
FORM(cross_entropy) {
    const line l = line_of(in[0], -1);
    const int32_t *label = in[1]->data;
    for (int64_t k = 0; k < in[0]->numel; k++)
        dx[0][k] += w[0] * (share(in[0], l, k) - (k % l.n == label[k / l.n])) / (double)(in[0]->numel / l.n);
}
FORM(mse) {
    const int64_t n = in[0]->numel > in[1]->numel ? in[0]->numel : in[1]->numel;
    const rg_tensor *wide = in[0]->numel > in[1]->numel ? in[0] : in[1];
    for (int64_t k = 0; k < n; k++) {
        const int64_t p = under(in[0], wide, k), q = under(in[1], wide, k);
        const double d = 2 * (at(in[0], p) - at(in[1], q)) * w[0] / (double)n;
        dx[0][p] += d;
        dx[1][q] -= d;
    }
}
/* Matrix Cookbook (70): d a'Xb / dX = a b'. For matrices, transposed or not; a batch has no entry here. */
FORM(matmul) {
    const rg_tensor *a = in[0], *b = in[1];
    const int64_t n = y->shape[0], m = y->shape[1], inner = a->shape[s->attr.ta ? 0 : 1];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++)
            for (int64_t k = 0; k < inner; k++) {
                const int64_t p = s->attr.ta ? k * n + i : i * inner + k, q = s->attr.tb ? j * inner + k : k * m + j;
                dx[0][p] += w[i * m + j] * at(b, q);
                dx[1][q] += w[i * m + j] * at(a, p);
            }
}
FORM(linear) {
    const int64_t inner = in[1]->shape[0], m = in[1]->shape[1];
    for (int64_t k = 0; k < y->numel; k++) {
        dx[2][k % m] += w[k];
        for (int64_t i = 0; i < inner; i++) {
            dx[0][k / m * inner + i] += w[k] * at(in[1], i * m + k % m);
            dx[1][i * m + k % m] += w[k] * at(in[0], k / m * inner + i);
        }
    }
}
FORM(dot) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[0] * at(in[1], k), dx[1][k] += w[0] * at(in[0], k);
}
FORM(outer) {
    for (int64_t k = 0; k < y->numel; k++) {
        const int64_t i = k / in[1]->numel, j = k % in[1]->numel;
        dx[0][i] += w[k] * at(in[1], j), dx[1][j] += w[k] * at(in[0], i);
    }
}

/* Reductions: which element of y x's element k goes into. */
static int64_t into(const rg_tensor *x, unsigned axes, int64_t k) {
    int64_t place = 0, stride = 1;
    for (int d = x->ndim - 1; d >= 0; k /= x->shape[d--]) {
        if (axes >> d & 1) continue;
        place += k % x->shape[d] * stride;
        stride *= x->shape[d];
    }
    return place;
}
FORM(sum) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[into(in[0], s->attr.axes, k)];
}
FORM(mean) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[into(in[0], s->attr.axes, k)] * (double)y->numel / (double)in[0]->numel;
}
/* prod of all but x_k */
FORM(prod) {
    for (int64_t k = 0; k < in[0]->numel; k++) {
        double others = 1;
        for (int64_t j = 0; j < in[0]->numel; j++)
            if (j != k && into(in[0], s->attr.axes, j) == into(in[0], s->attr.axes, k)) others *= at(in[0], j);
        dx[0][k] += w[into(in[0], s->attr.axes, k)] * others;
    }
}
static void extreme(const rg_sample *s, const rg_tensor *x, const rg_tensor *y, const double *w, double *dx) {
    for (int64_t k = 0; k < x->numel; k++) {
        const int64_t to = into(x, s->attr.axes, k);
        int64_t ties = 0;
        for (int64_t j = 0; j < x->numel; j++) ties += into(x, s->attr.axes, j) == to && at(x, j) == at(y, to);
        if (at(x, k) == at(y, to)) dx[k] += w[to] / (double)ties;
    }
}
FORM(max) { extreme(s, in[0], y, w, dx[0]); }
FORM(min) { extreme(s, in[0], y, w, dx[0]); }
FORM(sum_to) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[under(y, in[0], k)];
}
FORM(expand) {
    for (int64_t k = 0; k < y->numel; k++) dx[0][under(in[0], y, k)] += w[k];
}
FORM(same) { /* the elements in their order */
    for (int64_t k = 0; k < y->numel; k++) dx[0][k] += w[k];
}
FORM(pick) {
    const int64_t n = in[0]->shape[in[0]->ndim - 1];
    for (int64_t k = 0; k < y->numel; k++) dx[0][k * n + ((const int32_t *)in[1]->data)[k]] += w[k];
}
FORM(scatter) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[k * s->attr.classes + ((const int32_t *)in[1]->data)[k]];
}
FORM(where) {
    for (int64_t k = 0; k < y->numel; k++) {
        const int side = at(in[0], under(in[0], y, k)) != 0 ? 1 : 2;
        dx[side][under(in[side], y, k)] += w[k];
    }
}

static const struct { const char *op; form *form; int rank; } forms[] = { /* rank: of the operands; 0 = any */
    {"softmax", form_softmax, 0}, {"log_softmax", form_log_softmax, 0}, {"logsumexp", form_logsumexp, 0}, {"cross_entropy", form_cross_entropy, 0},
    {"mse", form_mse, 0}, {"matmul", form_matmul, 2}, {"linear", form_linear, 0}, {"dot", form_dot, 1}, {"outer", form_outer, 1},
    {"sum", form_sum, 0}, {"mean", form_mean, 0}, {"prod", form_prod, 0}, {"max", form_max, 0}, {"min", form_min, 0}, {"sum_to", form_sum_to, 0},
    {"expand", form_expand, 0}, {"reshape", form_same, 0}, {"squeeze", form_same, 0}, {"unsqueeze", form_same, 0}, {"cast", form_same, 0},
    {"pick", form_pick, 0}, {"scatter", form_scatter, 0}, {"where", form_where, 0}};

/* -------- */

bool closed_form(const char *op, const rg_sample *s, rg_tensor *const *in, const rg_tensor *y, const double *w, double *const *dx) {
    const double p = s->attr.p, q = s->attr.q;
    for (size_t r = 0; r < sizeof slopes / sizeof *slopes && s->n == 1; r++) {
        if (strcmp(slopes[r].op, op) != 0) continue;
        for (int64_t k = 0; k < y->numel; k++) dx[0][k] += w[k] * slopes[r].slope(at(in[0], k), p, q);
        return true;
    }
    for (size_t r = 0; r < sizeof pairs / sizeof *pairs && s->n == 2; r++) {
        if (strcmp(pairs[r].op, op) != 0) continue;
        for (int64_t k = 0; k < y->numel; k++) {
            const int64_t i = under(in[0], y, k), j = under(in[1], y, k);
            dx[0][i] += w[k] * pairs[r].a(at(in[0], i), at(in[1], j), q);
            dx[1][j] += w[k] * pairs[r].b(at(in[0], i), at(in[1], j), q);
        }
        return true;
    }
    for (size_t r = 0; r < sizeof forms / sizeof *forms; r++) {
        if (strcmp(forms[r].op, op) != 0) continue;
        for (int i = 0; i < s->n && forms[r].rank; i++)
            if (in[i]->ndim != forms[r].rank) return false;
        forms[r].form(s, in, y, w, dx);
        return true;
    }
    return false;
}
