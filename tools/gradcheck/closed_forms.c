/* closed_forms.c - derivatives as textbooks print them, in plain loops. Elementwise ones are here: Abramowitz and Stegun, chapters 4 and
   7; for activations, the formulas of their papers, differentiated by hand. The others are in forms_*.c. Where there are two formulas,
   these files use the one that the operator does not use. */
#include "closed_forms.h"

#include <math.h>
#include <string.h>

#include "forms.h"

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
    ROW(softshrink, fabs(x) > p) ROW(clamp, x >= p && x <= q)
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

int64_t under(const rg_tensor *x, const rg_tensor *y, int64_t k) {
    int64_t at_y[RG_MAX_DIMS], at_x[RG_MAX_DIMS];
    indices(y, k, at_y);
    for (int d = 0; d < x->ndim; d++) at_x[d] = x->shape[d] > 1 ? at_y[d + y->ndim - x->ndim] : 0;
    return place(x, at_x);
}

void indices(const rg_tensor *y, int64_t k, int64_t i[RG_MAX_DIMS]) {
    for (int d = y->ndim - 1; d >= 0; k /= y->shape[d--]) i[d] = k % y->shape[d];
}

int64_t place(const rg_tensor *x, const int64_t i[RG_MAX_DIMS]) {
    int64_t k = 0;
    for (int d = 0; d < x->ndim; d++) k = k * x->shape[d] + i[d];
    return k;
}

static void set_shape(rg_tensor *x, int ndim, const int64_t *shape) {
    x->ndim = (uint8_t)ndim;
    x->numel = 1;
    for (int d = 0; d < ndim; d++) x->numel *= x->shape[d] = shape[d];
}

void broadcast(rg_tensor *wide, int n, rg_tensor *const *in) {
    int64_t shape[RG_MAX_DIMS];
    int ndim = 0;
    for (int i = 0; i < n; i++) ndim = in[i]->ndim > ndim ? in[i]->ndim : ndim;
    for (int d = 0; d < ndim; d++) {
        shape[d] = 1;
        for (int i = 0; i < n; i++) {
            const int own = d - (ndim - in[i]->ndim);
            if (own >= 0 && in[i]->shape[own] != 1) shape[d] = in[i]->shape[own];
        }
    }
    set_shape(wide, ndim, shape);
}

void matrices(rg_tensor *wide, const rg_tensor *y, int batch, int64_t rows, int64_t columns) {
    int64_t shape[RG_MAX_DIMS];
    for (int d = 0; d < batch; d++) shape[d] = y->shape[d];
    shape[batch] = rows, shape[batch + 1] = columns;
    set_shape(wide, batch + 2, shape);
}

line line_of(const rg_tensor *x, int axis) {
    axis = axis_of(axis, x->ndim);
    line l = {1, x->ndim ? x->shape[axis] : 1, 1};
    for (int d = 0; d < axis; d++) l.outer *= x->shape[d];
    for (int d = axis + 1; d < x->ndim; d++) l.inner *= x->shape[d];
    return l;
}

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
    static const form_row *const tables[] = {forms_of_tensors, forms_of_places, forms_of_losses};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const form_row *r = tables[t]; r->op; r++) {
            if (strcmp(r->op, op) != 0) continue;
            r->form(s, in, y, w, dx);
            return true;
        }
    return false;
}
