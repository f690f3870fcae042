/* forms_tensors.c - derivatives of products, reductions and softmax. Goodfellow, Bengio, Courville, Deep Learning (2016); Petersen,
   Pedersen, The Matrix Cookbook (2012). */
#include <math.h>

#include "forms.h"

/* e^x_k / sum of e^x along the axis, without a shift: samples are small numbers. */
static double share(const rg_tensor *x, line l, int64_t k) {
    double sum = 0;
    for (int64_t i = 0, first = beginning(l, k); i < l.n; i++) sum += exp(at(x, first + i * l.inner));
    return exp(at(x, k)) / sum;
}

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
/* Matrix Cookbook (70): d a'Xb / dX = a b', for every pair of matrices. A vector in front is a row, one behind a column. */
FORM(matmul) {
    const rg_tensor *a = in[0], *b = in[1];
    const bool row = a->ndim == 1, column = b->ndim == 1, ta = s->attr.matmul.ta && !row, tb = s->attr.matmul.tb && !column;
    const int64_t inner = row ? a->shape[0] : a->shape[a->ndim - (ta ? 2 : 1)];
    const int64_t n = row ? 1 : a->shape[a->ndim - (ta ? 1 : 2)], m = column ? 1 : b->shape[b->ndim - (tb ? 2 : 1)];
    rg_tensor left, right;
    matrices(&left, y, y->ndim - !row - !column, ta ? inner : n, ta ? n : inner);
    matrices(&right, y, y->ndim - !row - !column, tb ? m : inner, tb ? inner : m);
    for (int64_t k = 0; k < y->numel * inner; k++) {
        const int64_t to = k / inner, c = k % inner, pair = to / (n * m), i = to / m % n, j = to % m;
        const int64_t p = row ? c : under(a, &left, pair * n * inner + (ta ? c * n + i : i * inner + c));
        const int64_t q = column ? c : under(b, &right, pair * m * inner + (tb ? j * inner + c : c * m + j));
        dx[0][p] += w[to] * at(b, q);
        dx[1][q] += w[to] * at(a, p);
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

/* Gates of recurrent cells: sigma' x = e^-x / (1 + e^-x)^2, tanh' x = 1 / cosh^2 x */
static double sigma(double x) { return 1 / (1 + exp(-x)); }
static double sigma_slope(double x) { return exp(-x) / pow(1 + exp(-x), 2); }
static double tanh_slope(double x) { return pow(cosh(x), -2); }
FORM(lstm_gates) {
    const int64_t count = in[2]->numel;
    for (int64_t k = 0; k < count; k++) {
        const int64_t n = in[2]->shape[in[2]->ndim - 1], first = k / n * 4 * n + k % n;
        double x[4], dh = w[count + k];
        for (int j = 0; j < 4; j++) x[j] = at(in[0], first + j * n) + at(in[1], first + j * n);
        const double c = sigma(x[1]) * at(in[2], k) + sigma(x[0]) * tanh(x[2]),
            dc = w[k] + dh * sigma(x[3]) * tanh_slope(c);
        const double d[4] = {dc * tanh(x[2]) * sigma_slope(x[0]), dc * at(in[2], k) * sigma_slope(x[1]),
            dc * sigma(x[0]) * tanh_slope(x[2]), dh * tanh(c) * sigma_slope(x[3])};
        for (int j = 0; j < 4; j++) dx[0][first + j * n] += d[j], dx[1][first + j * n] += d[j];
        dx[2][k] += dc * sigma(x[1]);
    }
}
FORM(gru_gates) {
    for (int64_t k = 0; k < y->numel; k++) {
        const int64_t n = y->shape[y->ndim - 1], r = k / n * 3 * n + k % n, z = r + n, new = z + n;
        const double reset = at(in[0], r) + at(in[1], r), keep = at(in[0], z) + at(in[1], z), g = at(in[1], new),
            sum = at(in[0], new) + sigma(reset) * g, dn = w[k] * (1 - sigma(keep)) * tanh_slope(sum), dr = dn * g * sigma_slope(reset),
            dz = w[k] * (at(in[2], k) - tanh(sum)) * sigma_slope(keep);
        dx[0][r] += dr, dx[0][z] += dz, dx[0][new] += dn;
        dx[1][r] += dr, dx[1][z] += dz, dx[1][new] += dn * sigma(reset);
        dx[2][k] += w[k] * sigma(keep);
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
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[into(in[0], s->attr.reduce.axes, k)];
}
FORM(mean) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[into(in[0], s->attr.reduce.axes, k)] * (double)y->numel / (double)in[0]->numel;
}
/* prod of all but x_k */
FORM(prod) {
    for (int64_t k = 0; k < in[0]->numel; k++) {
        double others = 1;
        for (int64_t j = 0; j < in[0]->numel; j++)
            if (j != k && into(in[0], s->attr.reduce.axes, j) == into(in[0], s->attr.reduce.axes, k)) others *= at(in[0], j);
        dx[0][k] += w[into(in[0], s->attr.reduce.axes, k)] * others;
    }
}
static void extreme(const rg_sample *s, const rg_tensor *x, const rg_tensor *y, const double *w, double *dx) {
    for (int64_t k = 0; k < x->numel; k++) {
        const int64_t to = into(x, s->attr.reduce.axes, k);
        int64_t ties = 0;
        for (int64_t j = 0; j < x->numel; j++) ties += into(x, s->attr.reduce.axes, j) == to && at(x, j) == at(y, to);
        if (at(x, k) == at(y, to)) dx[k] += w[to] / (double)ties;
    }
}
FORM(max) { extreme(s, in[0], y, w, dx[0]); }
FORM(min) { extreme(s, in[0], y, w, dx[0]); }
/* var: 2 (x_k - mean) / (n - p); std: (x_k - mean) / ((n - p) std), 0 where std is */
static double mean_at(const rg_sample *s, const rg_tensor *x, int64_t to, double *n) {
    double sum = 0;
    *n = 0;
    for (int64_t k = 0; k < x->numel; k++)
        if (into(x, s->attr.reduce.axes, k) == to) sum += at(x, k), ++*n;
    return sum / *n;
}
FORM(var) {
    for (int64_t k = 0; k < in[0]->numel; k++) {
        const int64_t to = into(in[0], s->attr.reduce.axes, k);
        double n;
        const double mean = mean_at(s, in[0], to, &n);
        dx[0][k] += w[to] * 2 * (at(in[0], k) - mean) / (n - s->attr.p);
    }
}
FORM(std) {
    for (int64_t k = 0; k < in[0]->numel; k++) {
        const int64_t to = into(in[0], s->attr.reduce.axes, k);
        double n;
        const double mean = mean_at(s, in[0], to, &n);
        if (at(y, to) > 0) dx[0][k] += w[to] * (at(in[0], k) - mean) / ((n - s->attr.p) * at(y, to));
    }
}
/* p = 1: the sign; 2: x_k / norm; inf: the sign at the largest */
FORM(norm) {
    for (int64_t k = 0; k < in[0]->numel; k++) {
        const int64_t to = into(in[0], s->attr.reduce.axes ? s->attr.reduce.axes : ~0u, k); /* none: all */
        const double x = at(in[0], k);
        dx[0][k] += w[to] * (s->attr.p == 1 ? copysign(1, x) : s->attr.p == 2 ? x / at(y, to) : fabs(x) == at(y, to) ? copysign(1, x) : 0);
    }
}
/* x_k is in the sums from k on, in reverse in those up to k */
FORM(cumsum) {
    const line l = line_of(in[0], s->attr.axis);
    for (int64_t k = 0; k < y->numel; k++)
        for (int64_t i = 0; i < l.n; i++)
            if (s->attr.reverse ? i <= k / l.inner % l.n : i >= k / l.inner % l.n) dx[0][k] += w[beginning(l, k) + i * l.inner];
}
/* d y_i / d x_k = e^x_k / (e^x_0 + .. + e^x_i), k <= i */
FORM(logcumsumexp) {
    const line l = line_of(in[0], s->attr.axis);
    for (int64_t k = 0; k < y->numel; k++) {
        double sum = 0;
        for (int64_t i = 0; i < l.n; i++) {
            sum += exp(at(in[0], beginning(l, k) + i * l.inner));
            if (i >= k / l.inner % l.n) dx[0][k] += w[beginning(l, k) + i * l.inner] * exp(at(in[0], k)) / sum;
        }
    }
}

const form_row forms_of_tensors[] = {{"softmax", form_softmax}, {"log_softmax", form_log_softmax}, {"logsumexp", form_logsumexp},
    {"cross_entropy", form_cross_entropy}, {"mse", form_mse}, {"matmul", form_matmul}, {"linear", form_linear}, {"dot", form_dot},
    {"outer", form_outer},
    {"sum", form_sum}, {"mean", form_mean}, {"prod", form_prod}, {"max", form_max}, {"min", form_min}, {"var", form_var}, {"std", form_std},
    {"norm", form_norm}, {"cumsum", form_cumsum}, {"logcumsumexp", form_logcumsumexp},
    {"lstm_gates", form_lstm_gates}, {"gru_gates", form_gru_gates}, {NULL, NULL}};
