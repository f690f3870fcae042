/* losses.c - the losses of losses.h, composed of other ops: their derivatives follow. Each is finite for logits of +-1e4: logarithms
   of probabilities come from log_softmax and softplus. Sources: PyTorch's torch.nn.functional; focal: Lin et al. 2017.          */
#include "ops/losses.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "ops/index.h"
#include "ops/ops.h"

#undef RG_AT
#define RG_AT at

extern const rg_op rg_op_cross_entropy; /* the mean without options, in one pass: cross_entropy.c */

/* -------- options */

static_assert(sizeof(rg_loss_options) % sizeof(uint64_t) == 0, "none_set reads it in words");
enum { WEIGHT = 1, POS_WEIGHT = 2, MASK = 4, SMOOTHING = 8, MARGIN = 16, POWER = 32, DELTA = 64, BETA = 128, FOCUS = 256, LOG_TARGET = 512,
    BATCHMEAN = 1024, FULL = 2048, EPS = 4096 };

static bool is_set(double v) { return v != 0 || signbit(v); } /* RG_ZERO, -0, is set */

static int refuse(const char *at, rg_tape *t, const char *who, const char *option, double value, const char *rule) {
    return rg_fail(t, RG_EVALUE, at, "%s: %s is %g, must be %s", who, option, value, rule);
}

static int check_options(const char *at, rg_tape *t, const char *who, const rg_loss_options *o, unsigned has) {
    const struct { unsigned bit; bool given; const char *name; } options[] = {
        {WEIGHT, o->weight, "weight"}, {POS_WEIGHT, o->pos_weight, "pos_weight"}, {MASK, o->mask, "mask"},
        {SMOOTHING, is_set(o->label_smoothing), "label_smoothing"}, {MARGIN, is_set(o->margin), "margin"}, {POWER, is_set(o->p), "p"},
        {DELTA, is_set(o->delta), "delta"}, {BETA, is_set(o->beta), "beta"}, {FOCUS, is_set(o->alpha), "alpha"},
        {FOCUS, is_set(o->gamma), "gamma"},
        {LOG_TARGET, o->log_target, "log_target"}, {FULL, o->full, "full"}, {EPS, is_set(o->eps), "eps"},
        {BATCHMEAN, o->reduction == RG_BATCHMEAN, "reduction RG_BATCHMEAN"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].given && !(has & options[i].bit)) return rg_fail(t, RG_EVALUE, at, "%s: this loss has no %s", who, options[i].name);
    if ((unsigned)o->reduction > RG_BATCHMEAN) return rg_fail(t, RG_EVALUE, at, "%s: there is no reduction %d", who, (int)o->reduction);
    if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        return refuse(at, t, who, "label_smoothing", o->label_smoothing, "from 0 to 1");
    if (!isfinite(o->margin)) return refuse(at, t, who, "margin", o->margin, "finite");
    if (is_set(o->p) && o->p != 1 && o->p != 2) return refuse(at, t, who, "p", o->p, "1 or 2");
    if (is_set(o->delta) && !(o->delta > 0 && isfinite(o->delta))) return refuse(at, t, who, "delta", o->delta, "above 0 and finite");
    if (!(o->beta >= 0 && isfinite(o->beta))) return refuse(at, t, who, "beta", o->beta, "at least 0 and finite");
    if (!(o->alpha <= 1)) return refuse(at, t, who, "alpha", o->alpha, "at most 1");
    if (!(o->eps >= 0 && isfinite(o->eps))) return refuse(at, t, who, "eps", o->eps, "at least 0 and finite");
    if (!(o->gamma >= 0 && isfinite(o->gamma))) return refuse(at, t, who, "gamma", o->gamma, "at least 0 and finite");
    return 0;
}

static inline bool none_set(const rg_loss_options *o) {
    uint64_t words[sizeof *o / sizeof(uint64_t)], any = 0;
    memcpy(words, o, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) any |= words[i];
    return !any;
}

/* Can the operands be used, and does this loss have the options that are set (`has`: a bit for each)? If not, the error is on the tape. */
#define READY(has) ready(at, &speaker_, &with, has)
static bool ready(const char *at, const rg_speaker *s, const rg_loss_options *with, unsigned has) {
    rg_tape *t = rg_tape_of(s->in[0] ? s->in[0] : s->in[1]);
    for (int i = 0; i < s->n; i++)
        if (rg_given(at, t, s->in[i], "%s: operand %d", s->name, i + 1)) return false;
    return !rg_error_code(t) && (none_set(with) || check_options(at, t, s->name, with, has) == 0);
}

/* Does w broadcast to x's shape? A NULL or failed operand counts as yes: the next op reports it. */
static bool fits(const char *at, const char *who, const char *what, const rg_tensor *w, const char *whole, const rg_tensor *x) {
    char text[160], other[160];
    if (rg_failed(w) || rg_failed(x) || rg_expands_to(w, x)) return true;
    rg_fail(x->tape, RG_ESHAPE, at, "%s: the %s %s does not broadcast to the %s, %s", who, what, rg_shape_text(w, text, sizeof text), whole,
        rg_shape_text(x, other, sizeof other));
    return false;
}

/* READY, and does the target broadcast to the prediction? [n] for [n, 1] does not: the loss would be [n, n]. */
#define PAIRED(has)                                                  \
    (READY(has) && (rg_same_shape(speaker_.in[0], speaker_.in[1]) || \
                    fits(at, speaker_.name, "target", speaker_.in[1], "prediction", speaker_.in[0])))

static rg_tensor *reduced(const char *at, rg_tensor *loss, rg_reduction reduction) {
    if (reduction == RG_NONE) return loss;
    if (reduction == RG_MEAN) return rg_mean(loss);
    rg_tensor *sum = rg_sum(loss);
    return reduction == RG_SUM || rg_ndim(loss) == 0 ? sum : rg_mul_scalar(sum, 1 / (double)rg_dim(loss, 0));
}

static rg_tensor *weighted(const char *at, rg_tensor *loss, rg_tensor *weight) { return weight ? rg_mul(loss, weight) : loss; }

static rg_tensor *one_minus(const char *at, rg_tensor *x) { return rg_add_scalar(rg_neg(x), 1); }

/* -------- distances */

rg_tensor *rg_mse_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("mse", p, y);
    if (!PAIRED(0)) return rg_poison(rg_tape_of(p));
    return reduced(at, rg_square(rg_sub(p, y)), with.reduction);
}

rg_tensor *rg_l1_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("l1", p, y);
    if (!PAIRED(0)) return rg_poison(rg_tape_of(p));
    return reduced(at, rg_abs(rg_sub(p, y)), with.reduction);
}

/* near d^2 / 2 for |d| below the edge, with slope `far` beyond: far (|d| - m) + near m^2 / 2 with m = min(|d|, edge) */
static rg_tensor *huber_like(const char *at, rg_tensor *p, rg_tensor *y, double edge, double far, double near) {
    rg_tensor *d = rg_abs(rg_sub(p, y));
    if (rg_failed(d)) return d;
    rg_tensor *m = rg_minimum(d, rg_constant(d, edge));
    return rg_add(rg_mul_scalar(rg_sub(d, m), far), rg_mul_scalar(rg_square(m), near / 2));
}

rg_tensor *rg_huber_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("huber", p, y);
    if (!PAIRED(DELTA)) return rg_poison(rg_tape_of(p));
    const double delta = rg_option(with.delta, 1);
    return reduced(at, huber_like(at, p, y, delta, delta, 1), with.reduction);
}

rg_tensor *rg_smooth_l1_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("smooth_l1", p, y);
    if (!PAIRED(BETA)) return rg_poison(rg_tape_of(p));
    const double beta = rg_option(with.beta, 1);
    return reduced(at, beta == 0 ? rg_abs(rg_sub(p, y)) : huber_like(at, p, y, beta, 1, 1 / beta), with.reduction);
}

/* -------- checks of an operand's values. Each is an op, so that a replay repeats the check. */

static int view_shape(rg_tensor *y) { return rg_shape_like(y, y->in[0]) || rg_view(y, y->in[0], 0) ? -1 : 0; }
static void view_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { (void)y, dx[0] = dy; }

static int from_0_to_1(rg_tensor *y) {
    const rg_tensor *p = y->in[0];
    for (int64_t i = 0; i < p->numel; i++)
        if (!(rg_element(p, i) >= 0 && rg_element(p, i) <= 1))
            return rg_reject(y, RG_EVALUE, "element %lld is %g, outside 0..1; for logits there is bce_with_logits", (long long)i,
                rg_element(p, i));
    return 0;
}

static int plus_or_minus_1(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    for (int64_t i = 0; i < x->numel; i++)
        if (fabs(rg_element(x, i)) != 1)
            return rg_reject(y, RG_EVALUE, "element %lld is %g, neither 1 nor -1", (long long)i, rg_element(x, i));
    return 0;
}

static int not_negative(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    for (int64_t i = 0; i < x->numel; i++)
        if (!(rg_element(x, i) >= 0))
            return rg_reject(y, RG_EVALUE, "element %lld is %g; a variance is at least 0", (long long)i, rg_element(x, i));
    return 0;
}

static int variance_shape(rg_tensor *y) { return rg_shape_like(y, y->in[0]); }
static int variance_forward(rg_tensor *y) { /* max(var, p) */
    for (int64_t i = 0; i < y->numel; i++) {
        const double v = fmax(rg_element(y->in[0], i), y->attr.p);
        if (y->dtype == RG_F64) ((double *)y->data)[i] = v;
        else ((float *)y->data)[i] = (float)v;
    }
    return 0;
}

static const rg_op variance = {.name = "gaussian_nll", .formula = "max(var, p); the gradient passes", .arity = 1, .shape = variance_shape,
    .check = not_negative,
    .forward = RG_ANY(variance_forward), .backward = view_backward};
static const rg_op probabilities = {.name = "bce", .formula = "p, from 0 to 1", .arity = 1, .shape = view_shape, .check = from_0_to_1,
    .backward = view_backward};
static const rg_op signs = {.name = "cosine_embedding", .formula = "y, 1 or -1", .arity = 1, .shape = view_shape, .check = plus_or_minus_1};

/* -------- two classes */

rg_tensor *rg_bce_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("bce", p, y);
    if (!PAIRED(WEIGHT)) return rg_poison(rg_tape_of(p));
    rg_tensor *loss = rg_bce_each(rg_apply(&probabilities, at, RG_NO_ATTR, 1, &p), y);
    return fits(at, "bce", "weight", with.weight, "loss", loss) ? reduced(at, weighted(at, loss, with.weight), with.reduction)
        : rg_poison(p->tape);
}

/* The logit z of two classes. With n = -|z| the less likely class has the probability sigmoid(n), and -ln of the two probabilities is
   softplus(n) - n and softplus(n): no digits cancel, for any z, in the value or in a derivative. */
typedef struct logit {
    rg_tensor *n;             /* -|z|, slope -1 at 0 */
    rg_tensor *ones, *zeros;  /* y, times its weight, and 1 - y */
    rg_tensor *unlikely;      /* the one of these two that belongs to the less likely class */
} logit;

static logit logit_of(const char *at, rg_tensor *z, rg_tensor *y, rg_tensor *pos_weight) {
    rg_tensor *negative = rg_lt(z, rg_constant(z, 0));
    logit l = {.n = rg_mul(z, rg_where(negative, rg_constant(z, 1), rg_constant(z, -1)))};
    l.ones = pos_weight ? rg_mul(y, pos_weight) : y;
    l.zeros = one_minus(at, y);
    l.unlikely = rg_where(negative, l.ones, l.zeros);
    return l;
}

/* ones softplus(-z) + zeros softplus(z) */
static rg_tensor *logistic(const char *at, const logit *l, bool weighted) {
    rg_tensor *likely = rg_softplus(l->n);
    if (weighted) likely = rg_mul(likely, rg_add(l->ones, l->zeros));
    return rg_sub(likely, rg_mul(l->unlikely, l->n));
}

rg_tensor *rg_bce_with_logits_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("bce_with_logits", z, y);
    if (!PAIRED(WEIGHT | POS_WEIGHT)) return rg_poison(rg_tape_of(z));
    if (!fits(at, "bce_with_logits", "pos_weight", with.pos_weight, "logits", z)) return rg_poison(z->tape);
    const logit l = logit_of(at, z, y, with.pos_weight);
    rg_tensor *loss = logistic(at, &l, with.pos_weight);
    return fits(at, "bce_with_logits", "weight", with.weight, "loss", loss) ? reduced(at, weighted(at, loss, with.weight), with.reduction)
        : rg_poison(z->tape);
}

rg_tensor *rg_focal_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("focal", z, y);
    if (!PAIRED(FOCUS)) return rg_poison(rg_tape_of(z));
    const double alpha = rg_option(with.alpha, .25), gamma = rg_option(with.gamma, 2);
    const logit l = logit_of(at, z, y, NULL);
    rg_tensor *loss = logistic(at, &l, false), *low = rg_sigmoid(l.n);
    rg_tensor *wrong = rg_add(low, rg_mul(l.unlikely, rg_add_scalar(rg_mul_scalar(low, -2), 1))); /* 1 - p_t, also where p_t rounds to 1 */
    if (gamma > 0) loss = rg_mul(loss, rg_pow_scalar(wrong, gamma));
    if (alpha >= 0) loss = rg_mul(loss, rg_add(rg_mul_scalar(y, alpha), rg_mul_scalar(l.zeros, 1 - alpha)));
    return reduced(at, loss, with.reduction);
}

static rg_tensor *hinged(const char *at, rg_tensor *z, rg_tensor *y, double margin) {
    return rg_relu(rg_add_scalar(rg_neg(rg_mul(y, z)), rg_option(margin, 1)));
}

rg_tensor *rg_hinge_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("hinge", z, y);
    if (!PAIRED(MARGIN)) return rg_poison(rg_tape_of(z));
    return reduced(at, hinged(at, z, y, with.margin), with.reduction);
}

rg_tensor *rg_squared_hinge_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("squared_hinge", z, y);
    if (!PAIRED(MARGIN)) return rg_poison(rg_tape_of(z));
    return reduced(at, rg_square(hinged(at, z, y, with.margin)), with.reduction);
}

/* -------- many classes */

typedef struct label_rows { /* of x [.., classes] */
    rg_tensor *labels; /* [..] i32, 0 where the mask is 0 */
    rg_tensor *kept;   /* [..] 1, or 0 where the mask is 0; NULL without a mask */
    rg_tensor *weight; /* [..] of each label; NULL when all are 1 */
} label_rows;

/* Is every label a class, but those that the mask leaves out? */
static bool labels_fit(const char *at, const char *who, const rg_tensor *x, const rg_tensor *labels, const rg_tensor *mask) {
    const int32_t *label = labels->data;
    const int64_t classes = rg_dim(x, -1);
    for (int64_t i = 0; i < labels->numel; i++) {
        if ((label[i] >= 0 && label[i] < classes) || (mask && rg_element(mask, i) == 0)) continue;
        if (classes == 0)
            return rg_fail(x->tape, RG_EVALUE, at, "%s: element %lld of the labels is %d, but there are no classes", who, (long long)i,
                (int)label[i]), false;
        return rg_fail(x->tape, RG_EVALUE, at, "%s: element %lld of the labels is %d, outside 0..%lld" RG_NOT_MASKED, who, (long long)i,
            (int)label[i], (long long)classes - 1), false;
    }
    return true;
}

/* Labels, mask and weights of the rows of x; false after an error. An x that is not of floats is left for the next op to refuse. */
static bool rows_of(const char *at, const char *who, rg_tensor *x, rg_tensor *labels, const rg_loss_options *with, label_rows *r) {
    *r = (label_rows){.labels = labels};
    rg_tensor *w = with->weight, *mask = with->mask;
    if (rg_labels_check(at, who, x, labels) || (mask && rg_mask_check(at, who, x, labels, mask)) || !labels_fit(at, who, x, labels, mask))
        return false;
    if (mask) {
        r->labels = rg_where(mask, labels, rg_constant(labels, 0)); /* any class will do: pick needs one */
        r->kept = rg_cast(rg_ne(mask, rg_constant(mask, 0)), x->dtype);
        if (rg_failed(r->kept)) return false;
    }
    if (w) {
        if (rg_given(at, x->tape, w, "%s: the weight", who)) return false;
        if (w->ndim != 1 || w->shape[0] != x->shape[x->ndim - 1])
            return rg_fail(x->tape, RG_ESHAPE, at, "%s: the weight must have one dimension, of the %lld classes", who,
                (long long)rg_dim(x, -1)), false;
        r->weight = rg_pick(rg_expand_at(at, w, x->ndim, x->shape), r->labels);
    }
    return true;
}

/* A row that the mask leaves out has the loss 0, also where it would be NaN. */
static rg_tensor *masked(const char *at, rg_tensor *loss, const label_rows *r) {
    return r->kept && !rg_failed(loss) ? rg_where(r->kept, loss, rg_constant(loss, 0)) : loss;
}

static rg_tensor *row_mean(const char *at, rg_tensor *loss, const label_rows *r, rg_reduction reduction) {
    rg_tensor *weight = r->weight ? masked(at, r->weight, r) : r->kept;
    if (reduction != RG_MEAN || !weight) return reduced(at, loss, reduction);
    return rg_div(rg_sum(loss), rg_sum(weight));
}

static rg_tensor *nll_rows(const char *at, rg_tensor *log_p, const label_rows *r) {
    return masked(at, weighted(at, rg_neg(rg_pick(log_p, r->labels)), r->weight), r);
}

rg_tensor *rg_nll_at(const char *at, rg_tensor *log_p, rg_tensor *labels, rg_loss_options with) {
    label_rows r;
    RG_SPEAK_AS("nll", log_p, labels);
    if (!READY(WEIGHT | MASK) || !rows_of(at, "nll", log_p, labels, &with, &r)) return rg_poison(rg_tape_of(log_p));
    return row_mean(at, nll_rows(at, log_p, &r), &r, with.reduction);
}

rg_tensor *rg_cross_entropy_at(const char *at, rg_tensor *logits, rg_tensor *labels, rg_loss_options with) {
    label_rows r;
    RG_SPEAK_AS("cross_entropy", logits, labels);
    const double e = with.label_smoothing;
    const bool fused = with.reduction == RG_MEAN && e == 0 && !with.weight && !with.mask;
    if (!READY(WEIGHT | MASK | SMOOTHING) || (fused && rg_labels_check(at, "cross_entropy", logits, labels)))
        return rg_poison(rg_tape_of(logits));
    if (fused) return rg_apply(&rg_op_cross_entropy, at, RG_NO_ATTR, RG_IN(logits, labels));
    if (!rows_of(at, "cross_entropy", logits, labels, &with, &r)) return rg_poison(rg_tape_of(logits));
    rg_tensor *log_p = rg_log_softmax(logits, -1), *loss = nll_rows(at, log_p, &r);
    if (e > 0) {
        rg_tensor *even = masked(at, rg_neg(rg_sum(weighted(at, log_p, with.weight), -1)), &r);
        loss = rg_add(rg_mul_scalar(loss, 1 - e), rg_mul_scalar(even, e / (double)rg_dim(logits, -1)));
    }
    return row_mean(at, loss, &r, with.reduction);
}

rg_tensor *rg_multi_margin_at(const char *at, rg_tensor *x, rg_tensor *labels, rg_loss_options with) {
    label_rows r;
    RG_SPEAK_AS("multi_margin", x, labels);
    if (!READY(WEIGHT | MASK | MARGIN | POWER) || !rows_of(at, "multi_margin", x, labels, &with, &r))
        return rg_poison(rg_tape_of(x));
    rg_tensor *own = rg_pick(x, r.labels); /* [..] */
    if (rg_failed(own)) return own;
    const int classes = (int)rg_dim(x, -1);
    rg_tensor *is_own = rg_scatter(rg_expand_at(at, rg_constant(x, 1), own->ndim, own->shape), r.labels, classes); /* [.., classes] */
    rg_tensor *over = rg_relu(rg_add_scalar(rg_sub(x, rg_unsqueeze(own, own->ndim)), rg_option(with.margin, 1)));
    rg_tensor *others = rg_where(is_own, rg_constant(x, 0), with.p == 2 ? rg_square(over) : over);
    rg_tensor *loss = rg_mul_scalar(rg_sum(others, -1), 1 / (double)classes);
    return row_mean(at, masked(at, weighted(at, loss, r.weight), &r), &(label_rows){.kept = r.kept}, with.reduction); /* without weights */
}

/* -------- distributions and directions */

rg_tensor *rg_kl_div_at(const char *at, rg_tensor *log_p, rg_tensor *q, rg_loss_options with) {
    RG_SPEAK_AS("kl_div", log_p, q);
    if (!PAIRED(LOG_TARGET | BATCHMEAN)) return rg_poison(rg_tape_of(log_p));
    if (with.log_target) return reduced(at, rg_mul(rg_exp(q), rg_sub(q, log_p)), with.reduction);
    rg_tensor *safe = rg_where(rg_eq(q, rg_constant(q, 0)), rg_constant(q, 1), q); /* ln 1 = 0 where q is 0 */
    return reduced(at, rg_sub(rg_mul(q, rg_log(safe)), rg_mul(q, log_p)), with.reduction);
}

rg_tensor *rg_gaussian_nll_at(const char *at, rg_tensor *mean, rg_tensor *y, rg_tensor *var, rg_loss_options with) {
    RG_SPEAK_AS("gaussian_nll", mean, y, var);
    if (!PAIRED(FULL | EPS) || !fits(at, "gaussian_nll", "variance", var, "prediction", mean)) return rg_poison(rg_tape_of(mean));
    rg_tensor *v = rg_apply(&variance, at, (rg_attr){.p = rg_option(with.eps, 1e-6)}, 1, &var);
    rg_tensor *loss = rg_mul_scalar(rg_add(rg_div(rg_square(rg_sub(mean, y)), v), rg_log(v)), .5);
    return reduced(at, with.full ? rg_add_scalar(loss, .91893853320467274) : loss, with.reduction);
}

/* max(|x|, 1e-8); its slope at 0 is 0 */
static rg_tensor *length(const char *at, rg_tensor *x, int axis) {
    rg_tensor *square = rg_sum(rg_square(x), axis);
    return rg_failed(square) ? square : rg_sqrt(rg_maximum(square, rg_constant(square, 1e-16)));
}

/* Expands x along the axis, if its size there is 1, to the size of the other operand. */
static rg_tensor *as_long_as(const char *at, rg_tensor *x, const rg_tensor *other, int axis) {
    int64_t shape[RG_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) shape[d] = x->shape[d];
    if (axis < 0) axis += x->ndim;
    if (x->ndim == 0 || shape[axis] == other->shape[axis] || shape[axis] != 1) return x;
    shape[axis] = other->shape[axis];
    return rg_expand_at(at, x, x->ndim, shape);
}

rg_tensor *rg_cosine_similarity_at(const char *at, rg_tensor *a, rg_tensor *b, int axis) {
    RG_SPEAK_AS("cosine_similarity", a, b);
    rg_tensor *dot = rg_sum(rg_mul(a, b), axis);
    if (rg_failed(dot)) return dot;
    if (a->ndim != b->ndim) /* axis 0 would not be the same axis in both */
        return rg_refuse(a->tape, RG_ESHAPE, at, "cosine_similarity: operands of %d and %d dimensions", a->ndim, b->ndim);
    rg_tensor *long_a = as_long_as(at, a, b, axis);
    b = as_long_as(at, b, a, axis);
    a = long_a;
    return rg_div(dot, rg_mul(length(at, a, axis), length(at, b, axis)));
}

rg_tensor *rg_cosine_embedding_at(const char *at, rg_tensor *a, rg_tensor *b, rg_tensor *y, rg_loss_options with) {
    RG_SPEAK_AS("cosine_embedding", a, b, y);
    if (!READY(MARGIN)) return rg_poison(rg_tape_of(a));
    rg_tensor *cosine = rg_cosine_similarity(a, b, -1);
    y = rg_apply(&signs, at, RG_NO_ATTR, 1, &y);
    rg_tensor *apart = rg_relu(rg_add_scalar(cosine, -with.margin));
    if (rg_failed(apart) || rg_failed(y)) return rg_poison(rg_tape_of(a));
    char text[160], other[160];
    if (!rg_same_shape(y, cosine))
        return rg_refuse(y->tape, RG_ESHAPE, at, "cosine_embedding: y is %s, must be %s: a and b without the last axis",
            rg_shape_text(y->in[0], text, sizeof text),
            rg_shape_text(cosine, other, sizeof other));
    return reduced(at, rg_where(rg_gt(y, rg_constant(y, 0)), one_minus(at, cosine), apart), with.reduction);
}

/* -------- in the registry: p and q are the options that a sample's p= and q= set, a third operand is the weight, a fourth the mask */

#define LOSS(fn, n, ...)                                                                                                \
    static rg_tensor *compose_##fn(const char *at, rg_attr attr, rg_tensor *const *in) {                              \
        return rg_##fn##_at(at, in[0], in[1], (rg_loss_options){.reduction = (rg_reduction)attr.reduction, __VA_ARGS__}); \
    }                                                                                                                   \
    RG_OP(n) = {.name = #n, .compose = compose_##fn,
#define PAIRS(p) \
    "5,17 5,17" p "; 17 17" p "; - -" p "; 1,1 1,1" p "; 3,5 5" p " reduction=1; 4,3 4,3" p " reduction=2; 0,3 0,3" p "; 4,3 same" p
#define BAD_TARGETS "2,3 2,4; 5,1 5; 3 5,3; 4 1,4; - 1; 2,3:i32 2,3:i32; 2:f64 2:f32; 2 2 reduction=9"
#define BAD_PAIRS BAD_TARGETS "; 2,3 2,3 reduction=3"
#define BAD_LABELS \
    "3,4 3:i32=4 4 3:u8=1; 3,4 3:i32=-1 4 3:u8=1; 2,0 2:i32 0 2:u8=1; 3,4 4:i32 4 3:u8=1; 3,4 3,4:i32 4 3:u8;" \
    "- -:i32 4 -:u8; 3,4 3 4 3:u8;" \
    "3,4:i32 3:i32 4 3:u8; 3,4 3:i32 3 3:u8; 3,4 3:i32 1,4 3:u8; 3,4 3:i32 4 3:i32; 3,4 3:i32 4 4:u8; 3,4 3:i32 4 -:u8; 3,4 3:i32 4 3,1:u8"

LOSS(l1, l1, 0) .formula = "mean |p - y|", .arity = 2, .samples = PAIRS(""), .refuses = BAD_PAIRS};
LOSS(huber, huber, .delta = attr.p) .formula = "mean of d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond, d = p - y", .arity = 2,
    .samples = PAIRS("") ";" PAIRS(" p=.6"), .refuses = BAD_PAIRS "; 2 2 p=-1"};
LOSS(smooth_l1, smooth_l1, .beta = attr.p) .formula = "mean of d^2 / (2 beta) where |d| < beta, |d| - beta / 2 beyond, d = p - y",
    .arity = 2,
    .samples = PAIRS("") ";" PAIRS(" p=.6") ";" PAIRS(" p=-0"), .refuses = BAD_PAIRS "; 2 2 p=-1"};
LOSS(bce, bce, 0) .formula = "mean of -y ln p - (1 - y) ln(1 - p)", .arity = 2, .range = {.35, .65}, .samples = PAIRS(""),
    .refuses = BAD_PAIRS "; 3:f=2 3; 3:f=-1 3"};
LOSS(bce_with_logits, bce_with_logits, .pos_weight = in[2]) .formula = "mean of (1 - y) z + (1 + (w - 1) y) ln(1 + e^-z)", .arity = 3,
    .samples = "5,17 5,17 17; 17 17 -; - - -; 1,1 1,1 1; 3,5 5 5 reduction=1; 4,3 4,3:f<2 3 reduction=2; 2,61 2,61 2,61; "
               "0,3 0,3 3 reduction=1; 4,3 same same",
    .refuses = "2,3 2,4 3; 5,1 5 1; 3 5,3 3; 2,3:i32 2,3:i32 3; 2:f64 2:f32 2; 2,3 2,3 2; 2,3 2,3 3 reduction=3"};
LOSS(focal, focal, .alpha = attr.p, .gamma = attr.q) .formula = "mean of a_t (1 - p_t)^gamma (-ln p_t), p_t = the probability of y",
    .arity = 2,
    .range = {.1, .9}, .samples = PAIRS("") ";" PAIRS(" p=.5 q=3") ";" PAIRS(" p=-1 q=-0") "; 4,3 4,3:f<2 q=1",
    .refuses = BAD_PAIRS "; 2 2 p=2; 2 2 q=-1"};
LOSS(hinge, hinge, .margin = attr.p) .formula = "mean of max(0, margin - y z)", .arity = 2, .samples = PAIRS("") ";" PAIRS(" p=.5"),
    .refuses = BAD_PAIRS};
LOSS(squared_hinge, squared_hinge, .margin = attr.p) .formula = "mean of max(0, margin - y z)^2", .arity = 2,
    .samples = PAIRS("") ";" PAIRS(" p=.5"), .refuses = BAD_PAIRS};
LOSS(nll, nll, .weight = in[2], .mask = in[3]) .formula = "sum of -w[label] x[.., label] / sum of w[label], where mask != 0", .arity = 4,
    .types = "fifm",
    .range = {.3, 2}, .samples = "5,17 5:i32<17 17 5:u8=1; 3 -:i32<3 3 -:f=1; 2,3,4 2,3:i32<4 4 2,3:u8<3; "
                                 "5,4 5:i32<4 4 5:f<2 reduction=1; 5,4 5:i32<4 4 5:u8<2 reduction=2;"
    "7,5 7:i32<5 5 7:f<3; 17,1 17:i32=0 1 17:u8<2; 3,101 3:i32<101 101 3:u8=9; 0,3 0:i32 3 0:u8 reduction=1; 17 -:i32<17 same -:u8=1; "
    "4,3 4:i32=9 3 4:u8=0 reduction=1",
    .refuses = BAD_LABELS};
LOSS(cross_entropy, cross_entropy_with, .weight = in[2], .mask = in[3], .label_smoothing = attr.q)
    .formula = "nll of log_softmax x with class weights and a mask; smoothing e: (1 - e) nll + (e / classes) (sum of nll over the classes)",
    .arity = 4,
    .types = "fifm", .range = {.3, 2},
    .samples = "5,17 5:i32<17 17 5:u8=1; 3 -:i32<3 3 -:f=1 q=.1; 2,3,4 2,3:i32<4 4 2,3:u8<3 q=.5; 5,4 5:i32<4 4 5:f<2 q=.2 reduction=1;"
    "5,4 5:i32<4 4 5:u8<2 q=1 reduction=2; 7,5 7:i32<5 5 7:f<3 q=.1; 17,1 17:i32=0 1 17:u8<2; 3,101 3:i32<101 101 3:u8=9; "
    "0,3 0:i32 3 0:u8 reduction=1;"
    "17 -:i32<17 same -:u8=1 q=.1; 4,3 4:i32=9 3 4:u8=0 q=.2 reduction=1", .refuses = BAD_LABELS "; 3,4 3:i32 4 3:u8 q=1.5"};
LOSS(multi_margin, multi_margin, .weight = in[2], .mask = in[3], .p = attr.p, .margin = attr.q)
    .formula = "mean over rows of w[label] sum_j max(0, margin - x[label] + x_j)^p / classes, j != label, where mask != 0", .arity = 4,
    .types = "fifm",
    .samples = "5,17 5:i32<17 17 5:u8=1; 3 -:i32<3 3 -:f=1 p=2; 2,3,4 2,3:i32<4 4 2,3:u8<3 q=.5; 5,4 5:i32<4 4 5:f<2 p=2 reduction=1; "
               "5,4 5:i32<4 4 5:u8<2 p=1 reduction=2;"
    "7,5 7:i32<5 5 7:f<3; 17,1 17:i32=0 1 17:u8<2; 3,101 3:i32<101 101 3:u8=9; 0,3 0:i32 3 0:u8 reduction=1; 17 -:i32<17 same -:u8=1 p=2; "
    "4,3 4:i32=9 3 4:u8=0 reduction=1",
    .refuses = BAD_LABELS "; 3,4 3:i32 4 3:u8 p=3"};
LOSS(kl_div, kl_div, .log_target = attr.p != 0) .formula = "mean of q (ln q - x)", .arity = 2, .range = {.1, .9},
    .samples = PAIRS("") "; 4,3 4,3 reduction=3; 17 17 reduction=3; - - reduction=3;" PAIRS(" p=1"), .refuses = BAD_TARGETS};

static rg_tensor *compose_gaussian_nll(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_gaussian_nll_at(at, in[0], in[1], in[2],
        (rg_loss_options){.reduction = (rg_reduction)attr.reduction, .eps = attr.p, .full = attr.q != 0});
}
RG_OP(gaussian_nll) = {.name = "gaussian_nll", .formula = "mean of (ln v + (x - y)^2 / v) / 2, v = max(var, p)", .arity = 3,
    .compose = compose_gaussian_nll,
    .range = {.3, 2}, .samples = "5,17 5,17 5,17; 17 17 -; - - -; 1,1 1,1 1 p=.1; 3,5 5 3,1 reduction=1; 4,3 - 3 q=1 reduction=2; "
                                 "2,61 2,61 61 p=.2 q=1; 0,3 0,3 3 reduction=1; 4,3 same 4,1",
    .refuses = "2,3 2,4 3; 5,1 5 1; 3 5,3 3; 2,3 2,3 2; 2,3 2,3 3:f=-1; 2,3:i32 2,3:i32 3:i32; 2:f64 2:f32 2:f64; 2,3 2,3 3 reduction=3; "
               "2 2 2 p=-1"};

static rg_tensor *compose_cosine_similarity(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_cosine_similarity_at(at, in[0], in[1], attr.axis);
}
RG_OP(cosine_similarity) = {.name = "cosine_similarity", .formula = "a . b / (max(|a|, 1e-8) max(|b|, 1e-8)) along an axis", .arity = 2,
    .compose = compose_cosine_similarity,
    .samples = "5,17 5,17 axis=1; 5,17 5,17 axis=-2; 17 17 axis=0; 1,3 1,3 axis=1; 2,3,4 2,1,4 axis=2; 0,3 0,3 axis=1;"
    "3,0 3,0 axis=1; 4,3 same axis=1",
    .refuses = "2,3 2,4 axis=1; 3 2,3 axis=1; - - axis=1; 2,3 2,3 axis=2; 2,3:i32 2,3:i32 axis=0; 2:f64 2:f32 axis=0"};

static rg_tensor *compose_cosine_embedding(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_cosine_embedding_at(at, in[0], in[1], in[2], (rg_loss_options){.reduction = (rg_reduction)attr.reduction, .margin = attr.p});
}
RG_OP(cosine_embedding) = {.name = "cosine_embedding",
    .formula = "mean of 1 - cos(a, b) where y is 1, max(0, cos(a, b) - margin) where it is -1", .arity = 3,
    .compose = compose_cosine_embedding,
    .samples = "5,17 5,17 5:f=1; 5,17 5,17 5:f=-1; 17 17 -:f=-1 p=.1; 1,3 1,3 1:f=1; 2,3,4 2,3,4 2,3:f=-1 p=-.5 reduction=1;"
    "4,3 4,3 4:f=1 reduction=2; 0,3 0,3 0:f=1; 4,3 same 4:f=1",
    .refuses = "2,3 2,4 2:f=1; 2,3 2,3 2:f=0; 2,3 2,3 2:i32; 2,3 2,3 4:f=1; 5,3 5,3 5,1:f=1; 5,3 5,3 1,5:f=1; 2,3 2,3 -:f=1; "
               "2:f64 2:f32 -:f=1"};
