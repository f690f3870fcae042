/* test_losses.c - losses against PyTorch's numbers, at extreme logits, and what they refuse. */
#include "tests/support/numbers.h"

#include "tests/support/cases.h"
#include "tests/ops/golden_losses.h"

enum { N = 6, CLASSES = 4, ALL = N * CLASSES };

/* -------- the operands of golden_losses.py */

typedef struct operands {
    rg_tape *t;
    rg_tensor *x, *z, *p, *q, *hard, *sign, *zeros, *edge, *w, *labels, *holes, *sides, *log_p;
} operands;

static rg_tensor *leaf(rg_tape *t, const double *v) { return rg_requires_grad(rg_input(t, v, N, CLASSES), true); }

static operands make(rg_dtype dtype) {
    static const double w[] = {.5, 1.2, 2, .3}, sides[] = {1, -1, -1, 1, -1, 1};
    static const int labels[] = {0, 3, 1, 2, 3, 0}, holes[] = {0, -100, 1, 2, -100, 0};
    double x[ALL], z[ALL], p[ALL], q[ALL], hard[ALL], sign[ALL], zeros[ALL], edge[ALL];
    for (int i = 0; i < ALL; i++) {
        x[i] = 2 * sin(1.7 * i + .3), z[i] = 2 * sin(2.9 * i + 1);
        p[i] = .5 + .4 * sin(1.1 * i + 1), q[i] = .5 + .4 * sin(2.3 * i);
        hard[i] = i * 7 % 3 == 0, sign[i] = 2 * hard[i] - 1, zeros[i] = q[i] * hard[i];
        edge[i] = (const double[]){0, 1, .25, .75}[i % 4];
    }
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, dtype);
    operands o = {t, leaf(t, x), leaf(t, z), leaf(t, p), leaf(t, q), leaf(t, hard), leaf(t, sign), leaf(t, zeros), leaf(t, edge),
        rg_input(t, w, CLASSES), rg_input(t, labels, N), rg_input(t, holes, N), rg_input(t, sides, N), NULL};
    o.log_p = rg_requires_grad(rg_detach(rg_log_softmax(o.x, 1)), true);
    return o;
}

static rg_tensor *first(const operands *o, const char *name) {
    if (!strncmp(name, "nll", 3) || !strncmp(name, "kl_div", 6)) return o->log_p;
    if (!strncmp(name, "bce edges", 9)) return o->edge;
    if (!strncmp(name, "gaussian_nll of var", 19)) return o->p;
    return !strncmp(name, "bce", 3) && strncmp(name, "bce_", 4) ? o->p : o->x;
}

/* The loss that a golden name stands for. */
static rg_tensor *loss(const operands *o, const char *name) {
    static const struct { const char *text; rg_reduction r; } ends[] = {{" sum", RG_SUM}, {" none", RG_NONE}, {" batchmean", RG_BATCHMEAN}};
    char base[64];
    snprintf(base, sizeof base, "%s", name);
    rg_reduction r = RG_MEAN;
    for (int i = 0; i < 3; i++) {
        char *end = strstr(base, ends[i].text);
        if (end) *end = 0, r = ends[i].r;
    }
    rg_tensor *a = first(o, name), *w = o->w;
#define IS(text, fn, b, ...) if (!strcmp(base, text)) return rg_##fn(a, b, .reduction = r, __VA_ARGS__)
    IS("mse", mse, o->z, .weight = NULL);
    IS("l1", l1, o->z, .weight = NULL);
    IS("huber", huber, o->z, .weight = NULL);
    IS("huber .4", huber, o->z, .delta = .4);
    IS("smooth_l1", smooth_l1, o->z, .weight = NULL);
    IS("smooth_l1 2.5", smooth_l1, o->z, .beta = 2.5);
    IS("smooth_l1 0", smooth_l1, o->z, .beta = RG_ZERO);
    IS("bce", bce, o->q, .weight = NULL);
    IS("bce weight", bce, o->hard, .weight = w);
    IS("bce edges", bce, o->hard, .weight = NULL);
    IS("bce_with_logits", bce_with_logits, o->q, .weight = NULL);
    IS("bce_with_logits both", bce_with_logits, o->hard, .weight = w, .pos_weight = rg_add_scalar(w, 1));
    IS("focal", focal, o->hard, .weight = NULL);
    IS("focal soft", focal, o->q, .alpha = .6, .gamma = 3);
    IS("focal plain", focal, o->hard, .alpha = -1, .gamma = RG_ZERO);
    IS("hinge", hinge, o->sign, .weight = NULL);
    IS("squared_hinge .5", squared_hinge, o->sign, .margin = .5);
    IS("nll", nll, o->labels, .weight = NULL);
    IS("nll weight", nll, o->labels, .weight = w);
    IS("nll weight ignore 0", nll, o->labels, .weight = w, .mask = rg_ne(o->labels, 0));
    IS("cross_entropy", cross_entropy, o->labels, .weight = NULL);
    IS("cross_entropy holes", cross_entropy, o->holes, .mask = rg_ne(o->holes, -100));
    IS("cross_entropy ignore 3", cross_entropy, o->labels, .mask = rg_cast(rg_ne(o->labels, 3), rg_dtype_of(a)));
    IS("cross_entropy smooth", cross_entropy, o->labels, .label_smoothing = .1);
    IS("cross_entropy smooth weight", cross_entropy, o->labels, .label_smoothing = .3, .weight = w);
    IS("cross_entropy smooth holes", cross_entropy, o->holes, .mask = rg_ne(o->holes, -100), .label_smoothing = .3);
    IS("cross_entropy everything", cross_entropy, o->labels, .label_smoothing = .3, .weight = w, .mask = rg_ne(o->labels, 0));
    IS("multi_margin", multi_margin, o->labels, .weight = NULL);
    IS("multi_margin squared", multi_margin, o->labels, .p = 2, .margin = .7, .weight = w);
    IS("kl_div", kl_div, o->zeros, .weight = NULL);
    IS("kl_div log", kl_div, o->z, .log_target = true);
#undef IS
    if (!strcmp(base, "gaussian_nll")) return rg_gaussian_nll(a, o->z, o->p, .reduction = r);
    if (!strcmp(base, "gaussian_nll full")) return rg_gaussian_nll(a, o->z, o->p, .reduction = r, .full = true, .eps = .5);
    if (!strcmp(base, "gaussian_nll of var")) return rg_gaussian_nll(o->x, o->z, a, .reduction = r, .eps = .5);
    if (!strcmp(base, "cosine_embedding")) return rg_cosine_embedding(a, o->z, o->sides, .reduction = r);
    if (!strcmp(base, "cosine_embedding .2")) return rg_cosine_embedding(a, o->z, o->sides, .reduction = r, .margin = .2);
    if (!strcmp(base, "cosine_similarity")) return rg_cosine_similarity(a, o->z, 1);
    if (!strcmp(base, "cosine_similarity 0")) return rg_cosine_similarity(a, o->z, 0);
    fail_msg("no loss %s", name);
    return NULL;
}

static void near(const char *name, const char *what, int i, double got, double expected, double bar) {
    if (!(fabs(got - expected) <= bar * fmax(1, fabs(expected)))) fail_msg("%s: %s %d: %.17g, PyTorch %.17g", name, what, i, got, expected);
}

static void matches_pytorch(void **state) {
    const golden_loss *g = *state;
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        /* PyTorch's 1e-12 beside which p (1 - p) counts as 0 is a float */
        const double bar = dtype == RG_F32 ? 2e-5 : !strncmp(g->name, "bce edges", 9) ? 1e-8 : 2e-12;
        operands o = make(dtype);
        rg_tensor *y = loss(&o, g->name), *a = first(&o, g->name), *dx;
        if (rg_failed(y)) fail_msg("%s: %s", g->name, rg_error(o.t));
        assert_int_equal(rg_numel(y), g->count);
        rg_tensor *dy = rg_empty(o.t, dtype, rg_ndim(y), rg_shape(y));
        for (int i = 0; i < g->count; i++) {
            near(g->name, "element", i, element(y, i), g->y[i], bar);
            if (dtype == RG_F64) ((double *)dy->data)[i] = cos(i + 1);
            else ((float *)dy->data)[i] = (float)cos(i + 1);
        }
        assert_int_equal(rg_grad(y, rg_list_of(a), &dx, .dy = dy), 0);
        for (int i = 0; i < ALL; i++) near(g->name, "gradient", i, element(dx, i), g->dx[i], bar);
        rg_tape_free(o.t);
    }
}

/* -------- extremes */

static void all_finite(const char *what, rg_tensor *y, rg_tensor *x) {
    rg_tensor *dx;
    if (rg_failed(y)) fail_msg("%s: %s", what, rg_error(rg_tape_of(x)));
    if (rg_grad(rg_sum(y), rg_list_of(x), &dx)) fail_msg("%s: %s", what, rg_error(rg_tape_of(x)));
    for (int64_t i = 0; i < rg_numel(y); i++)
        if (!isfinite(element(y, i))) fail_msg("%s: element %d is %g", what, (int)i, element(y, i));
    for (int64_t i = 0; i < rg_numel(dx); i++)
        if (!isfinite(element(dx, i))) fail_msg("%s: gradient %d is %g", what, (int)i, element(dx, i));
}

static void finite_for_large_logits(void **state) {
    (void)state;
    static const double values[] = {1e4, -1e4, 0, 1e4, -1e4, 1e4, 1e4, 1e4, -1e4, -1e4, -1e4, 1e-4};
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++)
        for (int target = 0; target < 3; target++) {
            rg_tape *t = rg_tape_new(1);
            rg_set_default_dtype(t, dtype);
            rg_tensor *x = rg_requires_grad(rg_input(t, values, 3, 4), true), *y = rg_full(t, target, 3, 4),
                      *rows = rg_full(t, target ? 1 : -1, 3);
            rg_tensor *y01 = rg_full(t, target / 2., 3, 4), *labels = rg_input(t, ((int[]){target, 1, 3}), 3);
#define FINITE(call, ...) all_finite(#call, rg_##call(x, __VA_ARGS__, .reduction = RG_NONE), x)
            FINITE(mse, y);
            FINITE(l1, y);
            FINITE(huber, y);
            FINITE(smooth_l1, y);
            FINITE(bce_with_logits, y01);
            FINITE(focal, y01);
            FINITE(hinge, rows = rg_full(t, target - 1, 3, 4));
            FINITE(squared_hinge, rows);
            FINITE(cross_entropy, labels);
            FINITE(multi_margin, labels);
            FINITE(cosine_embedding, y, rg_full(t, target ? 1 : -1, 3));
            all_finite("smoothed", rg_cross_entropy(x, labels, .label_smoothing = .1), x);
            all_finite("nll", rg_nll(rg_log_softmax(x, -1), labels), x);
            all_finite("kl_div", rg_kl_div(rg_log_softmax(x, -1), y01), x);
            all_finite("bce", rg_bce(rg_sigmoid(x), y01), x);
            all_finite("kl_div of softmax", rg_kl_div(rg_log_softmax(y, -1), rg_softmax(x, -1)), x);
            all_finite("cosine of zeros", rg_cosine_similarity(rg_mul_scalar(x, 0), y, -1), x);
            rg_tape_free(t);
        }
}

/* A loss of the logit z and its first two derivatives. u = -z for the target 1, z for 0; q = sigmoid u is the probability of the other
   class, p = 1 - q, s = softplus u: nothing here cancels. */
typedef struct jet { double value, first, second; } jet;

static jet bce_jet(double z, double y, double weight) { /* y weight softplus(-z) + (1 - y) softplus(z) */
    const double e = exp(-fabs(z)), both = y * weight + (1 - y), likely = log1p(e), far = z < 0 ? y * weight : 1 - y;
    return (jet){both * likely + far * fabs(z), (1 - y) / (1 + exp(-z)) - y * weight / (1 + exp(z)), both * e / ((1 + e) * (1 + e))};
}

static jet focal_jet(double z, double y) { /* q^2 s */
    const double u = y > 0 ? -z : z, q = 1 / (1 + exp(-u)), p = 1 / (1 + exp(u)), s = fmax(u, 0) + log1p(exp(-fabs(u)));
    const double first = q * q * (2 * p * s + q);
    return (jet){q * q * s, y > 0 ? -first : first, q * q * p * (4 * p * s - 2 * q * s + 5 * q)};
}

static void same_digits(const char *what, double z, double y, rg_tensor *got, double expected) {
    const double bar = got->dtype == RG_F32 ? 2e-6 : 1e-14, least = got->dtype == RG_F32 ? 1e-37 : 1e-300; /* below it bits are lost */
    if (!(fabs(rg_item(got) - expected) <= bar * fabs(expected) + least))
        fail_msg("%s of z = %g, y = %g in %s: %.17g, not %.17g", what, z, y, rg_dtype_name(got->dtype), rg_item(got), expected);
}

static void all_digits(const char *what, rg_tensor *z, double y, rg_tensor *loss, jet expected) {
    rg_tensor *first, *second;
    const double at = element(z, 0);
    same_digits(what, at, y, loss, expected.value);
    assert_int_equal(rg_grad(loss, rg_list_of(z), &first, .create_graph = true), 0);
    same_digits(what, at, y, first, expected.first);
    assert_int_equal(rg_grad(first, rg_list_of(z), &second), 0);
    same_digits(what, at, y, second, expected.second);
}

static void logits_keep_their_digits(void **state) {
    (void)state;
    static const double logits[] = {-80, -30, -15, -1, 0, 1, 15, 30, 80}, targets[] = {0, .25, 1}, weights[] = {1, 3, 1e-9};
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++)
        for (size_t i = 0; i < sizeof logits / sizeof *logits; i++)
            for (int k = 0; k < 3; k++) {
                rg_tape *t = rg_tape_new(1);
                rg_set_default_dtype(t, dtype);
                rg_tensor *z = rg_requires_grad(rg_full(t, logits[i], 1), true), *y = rg_full(t, targets[k], 1);
                all_digits("bce_with_logits", z, targets[k], rg_bce_with_logits(z, y), bce_jet(logits[i], targets[k], 1));
                for (int w = 0; w < 3; w++) {
                    rg_tensor *weight = rg_full(t, weights[w], 1);
                    if (targets[k] == .25 && w == 1 && logits[i] == 0) continue; /* the gradient is 0, by two terms that cancel */
                    all_digits("bce_with_logits with a weight", z, targets[k], rg_bce_with_logits(z, y, .pos_weight = weight),
                        bce_jet(logits[i], targets[k], element(weight, 0)));
                }
                if (k != 1) all_digits("focal", z, targets[k], rg_focal(z, y, .alpha = -1), focal_jet(logits[i], targets[k]));
                assert_null(rg_error(t));
                rg_tape_free(t);
            }
}

/* A variance of 0 counts as eps, and eps may be 0. */
static void variances_near_0(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(1);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *one = rg_full(t, 1, 2, 1), *none = rg_full(t, 0);
    assert_true(fabs(rg_item(rg_gaussian_nll(one, one, none)) - log(1e-6) / 2) < 1e-12);
    assert_true(isnan(rg_item(rg_gaussian_nll(one, none, none, .eps = RG_ZERO)))); /* 1 / 0 + ln 0 */
    assert_true(fabs(rg_item(rg_gaussian_nll(one, none, rg_full(t, 1), .full = true)) - (1 + log(2 * M_PI)) / 2) < 1e-12);
    assert_null(rg_error(t));
    rg_tape_free(t);
}

/* -------- rules */

static void no_row_counts(void **state) {
    (void)state;
    operands o = make(RG_F64);
    rg_tensor *none = rg_input(o.t, ((uint8_t[N]){0}), N);
    assert_true(isnan(rg_item(rg_cross_entropy(o.x, o.holes, .mask = none, .label_smoothing = .1))));
    assert_true(isnan(rg_item(rg_multi_margin(o.x, o.holes, .mask = none))));
    rg_tensor *sum = rg_cross_entropy(o.x, o.holes, .mask = none, .reduction = RG_SUM), *dx;
    assert_true(rg_item(sum) == 0);
    assert_int_equal(rg_grad(sum, rg_list_of(o.x), &dx), 0);
    for (int i = 0; i < ALL; i++) assert_true(element(dx, i) == 0);
    rg_tape_free(o.t);
}

/* Whatever nonzero number is in the mask, of either dtype: the row counts, and no more than another. */
static void nonzero_counts(void **state) {
    (void)state;
    operands o = make(RG_F64);
    const double expected = rg_item(rg_cross_entropy(o.x, o.holes, .mask = rg_ne(o.holes, -100)));
    rg_tensor *bytes = rg_input(o.t, ((uint8_t[]){1, 0, 7, 255, 0, 2}), N),
        *floats = rg_input(o.t, ((double[]){NAN, -0., -1, .25, 0, 1e300}), N);
    assert_true(rg_item(rg_cross_entropy(o.x, o.holes, .mask = bytes)) == expected);
    assert_true(rg_item(rg_cross_entropy(o.x, o.holes, .mask = floats)) == expected);
    assert_true(rg_item(rg_nll(o.log_p, o.holes, .mask = bytes)) == rg_item(rg_nll(o.log_p, o.holes, .mask = floats)));
    rg_tensor *rows = rg_multi_margin(o.x, o.holes, .mask = bytes, .weight = o.w, .reduction = RG_NONE);
    assert_true(element(rows, 1) == 0 && element(rows, 4) == 0 && element(rows, 2) > 0);
    /* a mean of rows */
    assert_true(rg_item(rg_multi_margin(o.x, o.holes, .mask = floats, .weight = o.w)) == rg_item(rg_div(rg_sum(rows), 4)));
    assert_null(rg_error(o.t));
    rg_tape_free(o.t);
}

/* What stands in a row that does not count is not looked at. */
static void masked_rows_may_be_nan(void **state) {
    (void)state;
    operands o = make(RG_F64);
    ((double *)o.log_p->data)[CLASSES] = NAN;
    rg_tensor *y = rg_nll(o.log_p, o.holes, .mask = rg_ne(o.holes, -100)), *dx;
    assert_true(isfinite(rg_item(y)));
    assert_int_equal(rg_grad(y, rg_list_of(o.log_p), &dx), 0);
    for (int i = 0; i < ALL; i++) assert_true(isfinite(element(dx, i)));
    rg_tape_free(o.t);
}

static void without_options_it_is_fused(void **state) {
    (void)state;
    operands o = make(RG_F64);
    assert_string_equal(rg_cross_entropy(o.x, o.labels)->op->name, "cross_entropy");
    assert_string_equal(rg_cross_entropy(o.x, o.labels, .reduction = RG_MEAN)->op->name, "cross_entropy");
    rg_tape_free(o.t);
}

static void steady_losses_allocate_nothing(void **state) {
    (void)state;
#ifndef RG_NO_POOL
    rg_tape *t = rg_tape_new(1);
    rg_tensor *p = rg_parameter(t, "p", 300, 20);
    rg_tensor *labels = rg_buffer_of(t, "labels", RG_I32, NULL, 300);
    ((int32_t *)labels->data)[7] = -100;
    int64_t before = 0;
    for (int step = 0; step < 40; step++) {
        rg_backward(rg_add(rg_cross_entropy(p, labels, .mask = rg_ne(labels, -100), .label_smoothing = .1),
            rg_huber(p, rg_full_like(p, 2))));
        rg_zero_grad(t);
        rg_tape_reset(t);
        if (step == 1) before = rg_memory(t).allocations;
    }
    assert_int_equal(rg_memory(t).allocations, before);
    assert_null(rg_error(t));
    rg_tape_free(t);
#endif
}

static void refusals(void **state) {
    (void)state;
    operands o = make(RG_F64);
    rg_tape *t = o.t;
    rg_tensor *bad = rg_input(o.t, ((int[]){0, 1, 2, 3, 4, 0}), N);
#define NO(call, message) REFUSED(RG_EVALUE, call, message)
    NO(rg_nll(rg_full(t, 1, N, 0), o.labels), "nll: element 0 of the labels is 0, but there are no classes");
    NO(rg_nll(o.x, bad), "nll: element 4 of the labels is 4, outside 0..3; rows that shall not count are 0 in .mask");
    NO(rg_cross_entropy(o.x, o.holes, .mask = rg_ne(o.holes, 3)),
        "cross_entropy: element 1 of the labels is -100, outside 0..3; rows that shall not count are 0 in .mask");
    NO(rg_multi_margin(o.x, bad), "multi_margin: element 4 of the labels is 4, outside 0..3; rows that shall not count are 0 in .mask");
    NO(rg_multi_margin(o.x, o.holes),
        "multi_margin: element 1 of the labels is -100, outside 0..3; rows that shall not count are 0 in .mask");
    NO(rg_cross_entropy(o.x, o.holes),
        "cross_entropy: [6,4], [6] i32: labels[1] = -100 is outside 0..3; rows that shall not count are 0 in .mask");
    NO(rg_bce(o.x, o.q), "bce: [6,4]: element 1 is 1.81859, outside 0..1; for logits there is bce_with_logits");
    NO(rg_mse(o.x, o.z, .delta = 2), "mse: this loss has no delta");
    NO(rg_mse(o.x, o.z, .reduction = RG_BATCHMEAN), "mse: this loss has no reduction RG_BATCHMEAN");
    NO(rg_mse(o.x, o.z, .reduction = (rg_reduction)7), "mse: there is no reduction 7");
    NO(rg_nll(o.x, o.labels, .label_smoothing = .1), "nll: this loss has no label_smoothing");
    NO(rg_mse(o.x, o.z, .mask = o.labels), "mse: this loss has no mask");
    NO(rg_cross_entropy(o.x, o.labels, .label_smoothing = 1.5), "cross_entropy: label_smoothing is 1.5, must be from 0 to 1");
    NO(rg_huber(o.x, o.z, .delta = RG_ZERO), "huber: delta is -0, must be above 0 and finite");
    NO(rg_multi_margin(o.x, o.labels, .p = 3), "multi_margin: p is 3, must be 1 or 2");
    NO(rg_focal(o.x, o.hard, .gamma = -1), "focal: gamma is -1, must be at least 0 and finite");
    NO(rg_cosine_embedding(o.x, o.z, rg_full(o.t, 0, N)), "cosine_embedding: [6]: element 0 is 0, neither 1 nor -1");
    NO(rg_gaussian_nll(o.x, o.z, o.z), "gaussian_nll: [6,4]: element 1 is -1.37553; a variance is at least 0");
    NO(rg_gaussian_nll(o.x, o.z, o.p, .eps = -1), "gaussian_nll: eps is -1, must be at least 0 and finite");
    NO(rg_mse(o.x, o.z, .full = true), "mse: this loss has no full");
    NO(rg_kl_div(o.x, o.z, .eps = RG_ZERO), "kl_div: this loss has no eps");
    REFUSED(RG_ESHAPE, rg_gaussian_nll(o.x, o.sides, o.p), "gaussian_nll: the target [6] does not broadcast to the prediction, [6,4]");
    REFUSED(RG_ESHAPE, rg_gaussian_nll(o.x, o.z, o.sides), "gaussian_nll: the variance [6] does not broadcast to the prediction, [6,4]");
    REFUSED(RG_ESTATE, rg_gaussian_nll(o.x, o.z, NULL), "gaussian_nll: operand 3 is NULL");
    REFUSED(RG_ESHAPE, rg_nll(o.x, o.labels, .weight = o.sides), "nll: the weight must have one dimension, of the 4 classes");
    REFUSED(RG_EDTYPE, rg_cross_entropy(o.x, o.q),
        "cross_entropy: the labels must be i32, not f64: one class for each row, no probabilities");
    REFUSED(RG_EDTYPE, rg_cross_entropy(o.x, o.q, .label_smoothing = .1),
        "cross_entropy: the labels must be i32, not f64: one class for each row, no probabilities");
    REFUSED(RG_EDTYPE, rg_nll(o.x, o.labels, .mask = o.labels), "nll: the mask must be u8 or f64, not i32");
    REFUSED(RG_EDTYPE, rg_cross_entropy(o.x, o.labels, .mask = rg_cast(o.sides, RG_F32)),
        "cross_entropy: the mask must be u8 or f64, not f32");
    REFUSED(RG_ESHAPE, rg_cross_entropy(o.x, o.labels, .mask = o.x),
        "cross_entropy: the mask is [6,4], must be of the labels' shape: [6] i32");
    REFUSED(RG_ESHAPE, rg_multi_margin(o.x, o.labels, .mask = rg_full(t, 1)),
        "multi_margin: the mask is [], must be of the labels' shape: [6] i32");
    rg_tensor *pixels = rg_full(t, 0, 2, 10, 7), *of_pixels = rg_cast(rg_full(t, 0, 2, 7), RG_I32);
    REFUSED(RG_ESHAPE, rg_cross_entropy(pixels, of_pixels),
        "cross_entropy: the labels are [2,7] i32, must be [2,10] i32: the classes are the last axis of [2,10,7]");
    REFUSED(RG_ESHAPE, rg_nll(pixels, of_pixels),
        "nll: the labels are [2,7] i32, must be [2,10] i32: the classes are the last axis of [2,10,7]");
    REFUSED(RG_ESTATE, rg_kl_div(o.x, NULL), "kl_div: operand 2 is NULL");
    rg_tape_free(o.t);
}

/* The lengths are those of the broadcast operands, also where the axis itself is broadcast. */
static void cosines_of_operands_that_broadcast_along_the_axis(void **state) {
    (void)state;
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        rg_tape *t = rg_tape_new(1);
        rg_set_default_dtype(t, dtype);
        rg_tensor *x = rg_requires_grad(rg_full(t, 1, 1, 4), true), *y = rg_requires_grad(rg_full(t, 1, 1, 1), true), *dx[2];
        for (int turn = 0; turn < 2; turn++) {
            rg_tensor *c = turn ? rg_cosine_similarity(y, x, -1) : rg_cosine_similarity(x, y, 1);
            near("cosine", "element", 0, element(c, 0), 1, 1e-6);
            assert_int_equal(rg_grad(c, rg_list_of(x, y), dx, .dy = rg_full(t, 1, 1)), 0);
            for (int i = 0; i < 4; i++) near("cosine", "gradient", i, element(dx[0], i), 0, 1e-6); /* parallel: the largest */
            near("cosine", "gradient of the short one", 0, element(dx[1], 0), 0, 1e-6);
        }
        rg_tensor *a = rg_input(t, ((double[]){1, 2, 3, 4, 5, 6}), 1, 2, 3), *b = rg_input(t, ((double[]){3, 1, 2, 1, 5, 2}), 2, 1, 3);
        rg_tensor *whole = rg_expand(b, 2, 2, 3), *same = rg_cosine_similarity(rg_expand(a, 2, 2, 3), whole, -2),
            *c = rg_cosine_similarity(a, b, -2);
        assert_int_equal(rg_numel(c), 6);
        for (int i = 0; i < 6; i++) near("cosine", "element", i, element(c, i), element(same, i), 1e-6);
        near("cosine_embedding", "element", 0, rg_item(rg_cosine_embedding(x, y, rg_full(t, 1, 1))), 0, 1e-6);
        assert_null(rg_error(t));
        rg_tape_free(t);
    }
}

/* A weight has as many elements as the loss at most: more would change what the mean is over. */
static void weights_do_not_enlarge_a_loss(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_tensor *p = rg_set_name(rg_full(t, .5, 3), "p"), *y = rg_full(t, 1, 3), *w = rg_set_name(rg_full(t, 1, 3, 1), "w");
#define WIDE(call, message) REFUSED(RG_ESHAPE, call, message)
    WIDE(rg_bce(p, y, .weight = w), "bce: the weight w[3,1] does not broadcast to the loss, [3]");
    WIDE(rg_bce_with_logits(p, y, .weight = w), "bce_with_logits: the weight w[3,1] does not broadcast to the loss, [3]");
    WIDE(rg_bce_with_logits(p, y, .pos_weight = w), "bce_with_logits: the pos_weight w[3,1] does not broadcast to the logits, p[3]");
    WIDE(rg_bce(rg_full(t, .5, 1), rg_full(t, 1, 1), .weight = y), "bce: the weight [3] does not broadcast to the loss, [1]");
    rg_tensor *a = rg_full(t, 1, 5, 2);
    WIDE(rg_cosine_embedding(a, a, rg_full(t, 1, 5, 1)), "cosine_embedding: y is [5,1], must be [5]: a and b without the last axis");
    WIDE(rg_cosine_embedding(a, a, rg_full(t, 1, 1, 5)), "cosine_embedding: y is [1,5], must be [5]: a and b without the last axis");
    assert_true(rg_item(rg_bce(rg_full(t, .5, 2, 3), rg_full(t, 1, 2, 3), .weight = rg_full(t, 2, 2, 1))) > 0);
    rg_tape_free(t);
}

/* [n] would make [n, n] of [n, 1]: a plausible number, and the wrong one. */
static void targets_do_not_enlarge_a_loss(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_tensor *p = rg_set_name(rg_full(t, .5, 4, 1), "p"), *y = rg_set_name(rg_full(t, 1, 4), "y"), *flat = rg_full(t, .5, 4),
        *tall = rg_full(t, 1, 4, 1);
#define BOTH(name)                                                                                                   \
    WIDE(rg_##name(p, y), #name ": the target y[4] does not broadcast to the prediction, p[4,1]");                   \
    WIDE(rg_##name(flat, tall, .reduction = RG_SUM), #name ": the target [4,1] does not broadcast to the prediction, [4]"); \
    WIDE(rg_##name(rg_full(t, .5), y), #name ": the target y[4] does not broadcast to the prediction, []")
    BOTH(mse);
    BOTH(l1);
    BOTH(huber);
    BOTH(smooth_l1);
    BOTH(bce);
    BOTH(bce_with_logits);
    BOTH(focal);
    BOTH(hinge);
    BOTH(squared_hinge);
    BOTH(kl_div);
    rg_tensor *x = rg_full(t, .5, 2, 4), *each = rg_mse(x, y, .reduction = RG_NONE);
    assert_true(rg_ndim(each) == 2 && rg_dim(each, 0) == 2 && rg_dim(each, 1) == 4); /* a target of each column */
    assert_true(rg_item(rg_mse(x, rg_full(t, 2))) == 2.25 && rg_item(rg_bce(x, rg_full(t, 1, 2, 1))) > 0);
    assert_null(rg_error(t));
    rg_tape_free(t);
}

/* Values are checked again when the record is played, with the words that recording has for them. */
static void values_are_checked_in_a_replay(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_tensor *w = rg_parameter(t, "w", 3), *p = rg_set_name(rg_full(t, .5, 3), "p"), *y = rg_full(t, 1, 3), *sign = rg_full(t, 1, 3);
    rg_tensor *a = rg_full(t, 1, 3, 2);
    assert_int_equal(rg_backward(rg_add(rg_bce(rg_add(p, w), y), rg_cosine_embedding(a, a, sign))), 0);
    assert_int_equal(rg_play(t), 0);
    const int64_t mark = rg_mark(t);
    const double before = rg_item(rg_sum(rg_grad_of(w)));
    rg_rewind(t, mark);
    assert_int_equal(rg_write(p, (double[]){.5, 1.5, .5}), 0);
    assert_int_equal(rg_play(t), -1);
    assert_true(strstr(rg_error(t), "bce: [3]: element 1 is 1.5, outside 0..1; for logits there is bce_with_logits (") == rg_error(t));
    rg_error_clear(t);
    assert_true(rg_item(rg_sum(rg_grad_of(w))) == before);
    rg_rewind(t, mark);
    rg_write(p, (double[]){.5, .5, .5});
    rg_write(sign, (double[]){1, -1, .5});
    assert_int_equal(rg_play(t), -1);
    assert_true(strstr(rg_error(t), "cosine_embedding: [3]: element 2 is 0.5, neither 1 nor -1 (") == rg_error(t));
    rg_error_clear(t);
    rg_write(sign, (double[]){1, -1, 1});
    assert_int_equal(rg_play(t), 0);
    rg_tape_free(t);
}

int main(void) {
    cases all = {NULL, 0};
    for (size_t i = 0; i < sizeof GOLDEN_LOSSES / sizeof *GOLDEN_LOSSES; i++)
        cases_add(&all, matches_pytorch, &GOLDEN_LOSSES[i], "as PyTorch: %s", GOLDEN_LOSSES[i].name);
    static const struct CMUnitTest rest[] = {
        cmocka_unit_test(finite_for_large_logits), cmocka_unit_test(logits_keep_their_digits), cmocka_unit_test(variances_near_0),
            cmocka_unit_test(no_row_counts),
        cmocka_unit_test(nonzero_counts), cmocka_unit_test(masked_rows_may_be_nan), cmocka_unit_test(without_options_it_is_fused),
        cmocka_unit_test(steady_losses_allocate_nothing), cmocka_unit_test(refusals),
        cmocka_unit_test(cosines_of_operands_that_broadcast_along_the_axis), cmocka_unit_test(weights_do_not_enlarge_a_loss),
        cmocka_unit_test(targets_do_not_enlarge_a_loss),
        cmocka_unit_test(values_are_checked_in_a_replay),
    };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) cases_add(&all, rest[i].test_func, NULL, "%s", rest[i].name);
    return cases_run(&all, "losses");
}
