/* forms_losses.c - derivatives of losses, normalisation and attention, from their formulas by hand: the papers named in ops/losses.h;
   Ioffe, Szegedy, Batch Normalization (2015); Vaswani et al., Attention Is All You Need (2017). */
#include <math.h>

#include "forms.h"

static bool given(double v) { return v != 0 || signbit(v); }
static double given_or(double v, double otherwise) { return given(v) ? v : otherwise; }
static double sign(double v) { return (v > 0) - (v < 0); }
static double logistic(double x) { return .5 * (1 + tanh(.5 * x)); }
static double below(double x) { return log1p(exp(x)); } /* samples are small numbers */

/* What one element's loss counts for in y. */
static double upstream(const rg_sample *s, const double *w, int64_t k, const rg_tensor *loss) {
    switch (s->attr.reduction) {
    case 0: return w[0] / (double)loss->numel;
    case 1: return w[0];
    case 2: return w[k];
    default: return loss->ndim ? w[0] / (double)loss->shape[0] : w[0];
    }
}

/* -------- losses of single elements: v their operands, d the derivatives; p and q as given */

typedef void slopes(const double *v, double p, double q, double *d);
static void each(slopes *f, const rg_sample *s, rg_tensor *const *in, const double *w, double *const *dx) {
    rg_tensor loss;
    broadcast(&loss, s->n, in);
    for (int64_t k = 0; k < loss.numel; k++) {
        double v[3], d[3] = {0};
        for (int i = 0; i < s->n; i++) v[i] = at(in[i], under(in[i], &loss, k));
        f(v, s->attr.p, s->attr.q, d);
        for (int i = 0; i < s->n; i++) dx[i][under(in[i], &loss, k)] += upstream(s, w, k, &loss) * d[i];
    }
}
#define EACH(name)                                                                                                              \
    static void slopes_##name(const double *v, double p, double q, double *d);                                                  \
    FORM(name) { each(slopes_##name, s, in, w, dx); }                                                                           \
    static void slopes_##name(const double *v, __attribute__((unused)) double p, __attribute__((unused)) double q, double *d)

EACH(l1) { d[0] = sign(v[0] - v[1]), d[1] = -d[0]; }
EACH(huber) {
    const double e = v[0] - v[1], delta = given_or(p, 1);
    d[0] = fabs(e) <= delta ? e : delta * sign(e), d[1] = -d[0];
}
EACH(smooth_l1) {
    const double e = v[0] - v[1], beta = given_or(p, 1);
    d[0] = fabs(e) < beta ? e / beta : sign(e), d[1] = -d[0];
}
EACH(bce) { d[0] = (v[0] - v[1]) / (v[0] * (1 - v[0])), d[1] = log((1 - v[0]) / v[0]); }
EACH(bce_with_logits) { /* (1 - y) z + (1 + (c - 1) y) ln(1 + e^-z) */
    const double z = v[0], y = v[1], c = v[2];
    d[0] = 1 - y - (1 + (c - 1) * y) * logistic(-z);
    d[1] = -z + (c - 1) * below(-z);
    d[2] = y * below(-z);
}
/* a u^g e, with a = alpha y + (1 - alpha)(1 - y), u = s (1 - y) + (1 - s) y the chance of being wrong, e = (1 - y) z + ln(1 + e^-z) */
EACH(focal) {
    const double z = v[0], y = v[1], s = logistic(z), alpha = given_or(p, .25), g = given_or(q, 2);
    const double a = alpha < 0 ? 1 : alpha * y + (1 - alpha) * (1 - y), da = alpha < 0 ? 0 : 2 * alpha - 1;
    const double u = s * (1 - y) + (1 - s) * y, e = (1 - y) * z + below(-z), power = g == 0 ? 0 : g * pow(u, g - 1);
    d[0] = a * (power * s * (1 - s) * (1 - 2 * y) * e + pow(u, g) * (s - y));
    d[1] = da * pow(u, g) * e + a * (power * (1 - 2 * s) * e - pow(u, g) * z);
}
EACH(hinge) {
    const bool over = given_or(p, 1) - v[0] * v[1] > 0;
    d[0] = over ? -v[1] : 0, d[1] = over ? -v[0] : 0;
}
EACH(squared_hinge) {
    const double over = fmax(given_or(p, 1) - v[0] * v[1], 0);
    d[0] = -2 * over * v[1], d[1] = -2 * over * v[0];
}
EACH(gaussian_nll) { /* (ln v + e^2 / v) / 2, v above eps in every sample */
    const double e = (v[0] - v[1]) / v[2];
    d[0] = e, d[1] = -e, d[2] = (1 / v[2] - e * e) / 2;
}
EACH(kl_div) {
    if (p != 0) d[0] = -exp(v[1]), d[1] = exp(v[1]) * (v[1] - v[0] + 1);
    else d[0] = -v[1], d[1] = log(v[1]) + 1 - v[0];
}

/* -------- losses of rows x [.., classes] with labels, class weights and a mask: a row's loss, and its derivatives */

typedef struct row { int64_t classes, label; double loss, *dx, *dw; } row; /* dx, dw [classes] */
typedef void row_slopes(const rg_sample *s, const double *x, const double *weight, row *r);

/* mean_of_weights: sum of losses over sum of the labels' weights. */
static void rows(row_slopes *f, bool mean_of_weights, const rg_sample *s, rg_tensor *const *in, const double *w, double *const *dx) {
    enum { MOST = 128 };
    const int64_t classes = in[0]->shape[in[0]->ndim - 1], n = in[1]->numel;
    const double *x = in[0]->data, *weight = in[2]->data;
    const int32_t *label = in[1]->data;
    double sum = 0, weights = 0; /* of the mean: what it divides by */
    for (int64_t k = 0; k < n; k++) {
        if (at(in[3], k) == 0) continue;
        row r = {classes, label[k], 0, (double[MOST]){0}, (double[MOST]){0}};
        f(s, x + k * classes, weight, &r);
        sum += r.loss;
        weights += mean_of_weights ? weight[label[k]] : 1;
    }
    for (int64_t k = 0; k < n; k++) {
        if (at(in[3], k) == 0) continue;
        row r = {classes, label[k], 0, (double[MOST]){0}, (double[MOST]){0}};
        f(s, x + k * classes, weight, &r);
        const double u = s->attr.reduction == 0 ? w[0] / weights : upstream(s, w, k, in[1]);
        for (int64_t c = 0; c < classes; c++) dx[0][k * classes + c] += u * r.dx[c], dx[2][c] += u * r.dw[c];
        if (s->attr.reduction == 0 && mean_of_weights) dx[2][label[k]] -= w[0] * sum / (weights * weights);
    }
}
static void nll_row(const rg_sample *s, const double *x, const double *weight, row *r) {
    (void)s;
    r->loss = -weight[r->label] * x[r->label];
    r->dx[r->label] = -weight[r->label];
    r->dw[r->label] = -x[r->label];
}
/* (1 - e) w_l (-ln p_l) + e / classes sum_c w_c (-ln p_c) */
static void cross_entropy_row(const rg_sample *s, const double *x, const double *weight, row *r) {
    const double e = s->attr.q;
    double sum = 0, targets = 0;
    for (int64_t c = 0; c < r->classes; c++) sum += exp(x[c]);
    for (int64_t c = 0; c < r->classes; c++) {
        const double target = (1 - e) * (c == r->label) + e / (double)r->classes, log_p = x[c] - log(sum);
        r->loss -= target * weight[c] * log_p;
        r->dw[c] = -target * log_p;
        r->dx[c] = -target * weight[c];
        targets += target * weight[c];
    }
    for (int64_t c = 0; c < r->classes; c++) r->dx[c] += targets * exp(x[c]) / sum;
}
static void multi_margin_row(const rg_sample *s, const double *x, const double *weight, row *r) {
    const double p = given_or(s->attr.p, 1), margin = given_or(s->attr.q, 1), n = (double)r->classes;
    for (int64_t c = 0; c < r->classes; c++) {
        const double over = margin - x[r->label] + x[c];
        if (c == r->label || over <= 0) continue;
        const double slope = weight[r->label] / n * (p == 2 ? 2 * over : 1);
        r->dx[c] += slope, r->dx[r->label] -= slope;
        r->dw[r->label] += (p == 2 ? over * over : over) / n;
    }
}
FORM(nll) { rows(nll_row, true, s, in, w, dx); }
FORM(cross_entropy_with) { rows(cross_entropy_row, true, s, in, w, dx); }
FORM(multi_margin) { rows(multi_margin_row, false, s, in, w, dx); }

/* -------- cosine: d cos / da_k = b_k / (|a| |b|) - cos a_k / |a|^2, along a line of the broadcast shape. Adds u times it, returns cos. */
static double cosine(const rg_tensor *wide, line l, int64_t first, rg_tensor *const *in, double u, double *const *dx) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t j = 0; j < l.n; j++) {
        const double a = at(in[0], under(in[0], wide, first + j * l.inner)), b = at(in[1], under(in[1], wide, first + j * l.inner));
        ab += a * b, aa += a * a, bb += b * b;
    }
    const double cos = ab / sqrt(aa * bb);
    for (int64_t j = 0; j < l.n && u != 0; j++) {
        const int64_t p = under(in[0], wide, first + j * l.inner), q = under(in[1], wide, first + j * l.inner);
        dx[0][p] += u * (at(in[1], q) / sqrt(aa * bb) - cos * at(in[0], p) / aa);
        dx[1][q] += u * (at(in[0], p) / sqrt(aa * bb) - cos * at(in[1], q) / bb);
    }
    return cos;
}
FORM(cosine_similarity) {
    rg_tensor wide;
    broadcast(&wide, 2, in);
    const line l = line_of(&wide, s->attr.axis);
    for (int64_t k = 0; k < y->numel; k++) cosine(&wide, l, k / l.inner * l.n * l.inner + k % l.inner, in, w[k], dx);
}
FORM(cosine_embedding) {
    rg_tensor wide;
    broadcast(&wide, 2, in);
    const line l = line_of(&wide, -1);
    for (int64_t k = 0; k < l.outer; k++) {
        const bool alike = at(in[2], k) > 0, apart = cosine(&wide, l, k * l.n, in, 0, dx) > s->attr.p;
        cosine(&wide, l, k * l.n, in, (alike ? -1 : apart) * upstream(s, w, k, in[2]), dx);
    }
}

/* -------- normalisation. With x^ = (x - mean) r, r = (var + eps)^(-1/2), over a group of m elements:
            dx^_i / dx_k = r ([i = k] - 1 / m - x^_i x^_k / m); without a mean the 1 / m is not there. dw = sum dy x^, db = sum dy */

/* rows: consecutive elements of a row. Or by channel, axis 1 */
typedef struct groups { const rg_tensor *x; int64_t rows, channels; } groups;
static int64_t group_of(const groups *g, int64_t k) {
    return g->rows ? k / g->rows : k / (g->x->numel / (g->x->shape[0] * g->channels)) % g->channels;
}
static int64_t weight_of(const groups *g, int64_t k) { return g->rows ? k % g->rows : group_of(g, k); }

static void normalise(const groups *g, bool centred, const rg_sample *s, rg_tensor *const *in, const double *w, double *const *dx) {
    const rg_tensor *x = g->x;
    for (int64_t i = 0; i < x->numel; i++) {
        double n = 0, mean = 0, square = 0;
        for (int64_t j = 0; j < x->numel; j++)
            if (group_of(g, j) == group_of(g, i)) n++, mean += at(x, j);
        mean = centred ? mean / n : 0;
        for (int64_t j = 0; j < x->numel; j++)
            if (group_of(g, j) == group_of(g, i)) square += pow(at(x, j) - mean, 2);
        const double r = 1 / sqrt(square / n + s->attr.p), hat = (at(x, i) - mean) * r, weight = s->n > 1 ? at(in[1], weight_of(g, i)) : 1;
        for (int64_t k = 0; k < x->numel; k++)
            if (group_of(g, k) == group_of(g, i))
                dx[0][k] += w[i] * weight * r * ((i == k) - centred / n - hat * (at(x, k) - mean) * r / n);
        if (s->n > 1) dx[1][weight_of(g, i)] += w[i] * hat;
        if (s->n > 2) dx[2][weight_of(g, i)] += w[i];
    }
}
static groups last_axes(const rg_sample *s, const rg_tensor *x) {
    groups g = {x, 1, 0};
    for (int d = axis_of(s->attr.axis, x->ndim); d < x->ndim; d++) g.rows *= x->shape[d];
    return g;
}
FORM(layer_norm) {
    const groups g = last_axes(s, in[0]);
    normalise(&g, true, s, in, w, dx);
}
FORM(rms_norm) {
    const groups g = last_axes(s, in[0]);
    normalise(&g, false, s, in, w, dx);
}
FORM(batch_norm) {
    const groups g = {in[0], 0, in[0]->shape[1]};
    normalise(&g, true, s, in, w, dx);
}
FORM(batch_norm_given) { /* x, mean, var, w, b */
    const groups g = {in[0], 0, in[0]->shape[1]};
    for (int64_t k = 0; k < y->numel; k++) {
        const int64_t c = group_of(&g, k);
        const double r = pow(at(in[2], c) + s->attr.p, -.5), centre = at(in[0], k) - at(in[1], c), weight = at(in[3], c);
        dx[0][k] += w[k] * weight * r;
        dx[1][c] -= w[k] * weight * r;
        dx[2][c] -= w[k] * weight * centre * .5 * r * r * r;
        dx[3][c] += w[k] * centre * r;
        dx[4][c] += w[k];
    }
}

/* -------- attention: row i of one pair of matrices. p_j = softmax of s_j = q . k_j / sqrt(d) + mask_j;
            dp_j = dy . v_j,  ds_j = p_j (dp_j - sum p dp),  dq = sum ds_j k_j / sqrt(d),  dk_j = ds_j q / sqrt(d),  dv_j = p_j dy */
typedef struct heads { const rg_tensor *q, *k, *v, *scores, *mask; int64_t n, m, d, e; } heads; /* broadcast over y's batch */
static void attend(const heads *h, int64_t b, int64_t i, bool causal, rg_tensor *const *in, const double *dy, double *const *dx) {
    enum { MOST = 128 };
    double p[MOST], dp[MOST], sum = 0, mean = 0;
    const bool chooses = h->mask && h->mask->dtype == RG_U8; /* the mask is not added */
    for (int64_t j = 0; j < h->m; j++) {
        const double mask = h->mask ? at(h->mask, under(h->mask, h->scores, (b * h->n + i) * h->m + j)) : 0;
        double s = chooses ? 0 : mask;
        for (int64_t c = 0; c < h->d; c++)
            s += at(in[0], under(in[0], h->q, (b * h->n + i) * h->d + c)) * at(in[1],
                under(in[1], h->k, (b * h->m + j) * h->d + c)) / sqrt((double)h->d);
        sum += p[j] = (causal && j > i) || (chooses && mask == 0) ? 0 : exp(s);
    }
    for (int64_t j = 0; j < h->m; j++) {
        p[j] /= sum, dp[j] = 0;
        for (int64_t c = 0; c < h->e; c++) {
            const int64_t z = under(in[2], h->v, (b * h->m + j) * h->e + c);
            dp[j] += dy[c] * at(in[2], z);
            dx[2][z] += p[j] * dy[c];
        }
        mean += p[j] * dp[j];
    }
    for (int64_t j = 0; j < h->m; j++) {
        const double ds = p[j] * (dp[j] - mean);
        if (h->mask) dx[3][under(h->mask, h->scores, (b * h->n + i) * h->m + j)] += ds;
        for (int64_t c = 0; c < h->d; c++) {
            const int64_t a = under(in[0], h->q, (b * h->n + i) * h->d + c), z = under(in[1], h->k, (b * h->m + j) * h->d + c);
            dx[0][a] += ds * at(in[1], z) / sqrt((double)h->d);
            dx[1][z] += ds * at(in[0], a) / sqrt((double)h->d);
        }
    }
}
FORM(attention) {
    rg_tensor wide_q, wide_k, wide_v, scores;
    const heads h = {&wide_q, &wide_k, &wide_v, &scores, s->n > 3 ? in[3] : NULL, y->shape[y->ndim - 2], in[1]->shape[in[1]->ndim - 2],
        in[0]->shape[in[0]->ndim - 1], y->shape[y->ndim - 1]};
    matrices(&wide_q, y, y->ndim - 2, h.n, h.d);
    matrices(&wide_k, y, y->ndim - 2, h.m, h.d);
    matrices(&wide_v, y, y->ndim - 2, h.m, h.e);
    matrices(&scores, y, y->ndim - 2, h.n, h.m);
    for (int64_t k = 0; k < (h.e ? y->numel / h.e : 0); k++) attend(&h, k / h.n, k % h.n, s->attr.p != 0, in, w + k * h.e, dx);
}

const form_row forms_of_losses[] = {{"l1", form_l1}, {"huber", form_huber}, {"smooth_l1", form_smooth_l1}, {"bce", form_bce},
    {"bce_with_logits", form_bce_with_logits}, {"focal", form_focal}, {"hinge", form_hinge}, {"squared_hinge", form_squared_hinge},
    {"kl_div", form_kl_div}, {"gaussian_nll", form_gaussian_nll}, {"nll", form_nll}, {"cross_entropy_with", form_cross_entropy_with},
    {"multi_margin", form_multi_margin},
    {"cosine_similarity", form_cosine_similarity}, {"cosine_embedding", form_cosine_embedding}, {"layer_norm", form_layer_norm},
    {"rms_norm", form_rms_norm}, {"batch_norm", form_batch_norm}, {"batch_norm_given", form_batch_norm_given},
    {"scaled_dot_product_attention", form_attention}, {NULL, NULL}};
