/* metrics.c - accuracy and confusion matrix of a classifier. Plain loops over values, which record nothing. */
#include <math.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "ops/index.h"

static int64_t prediction(const rg_tensor *logits, int64_t row, int64_t width) {
    if (width == 1) return rg_element(logits, row) > 0;
    int64_t best = 0;
    double most = rg_element(logits, row * width);
    for (int64_t j = 1; j < width && most == most; j++) {
        const double v = rg_element(logits, row * width + j);
        if (v > most || v != v) most = v, best = j;
    }
    return best;
}

static bool same_dims(const rg_tensor *a, const rg_tensor *b, int n) {
    for (int d = 0; d < n; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}

/* The number of logits in a row; 1: a single logit for two classes; 0: the shapes do not fit. */
static int64_t width_of(const rg_tensor *logits, const rg_tensor *labels) {
    const int n = logits->ndim;
    const int64_t last = n ? logits->shape[n - 1] : 1;
    if (labels->ndim == n && (n < 2 || last == 1)) return same_dims(logits, labels, n);
    return n && labels->ndim == n - 1 && same_dims(logits, labels, n - 1) ? last : 0;
}

static bool counts_for(const rg_tensor *mask, int64_t row) { return !mask || rg_element(mask, row) != 0; }

/* Checks everything, and returns the number of logits in a row; 0 after an error. */
static int64_t check(const char *at, const char *who, const rg_tensor *logits, const rg_tensor *labels, const rg_tensor *mask) {
    rg_tape *t = rg_tape_of(logits);
    if (rg_given(at, t, logits, "%s: logits", who) || rg_given(at, t, labels, "%s: labels", who) || rg_error_code(t)) return 0;
    char a[96], b[96];
    rg_shape_text(logits, a, sizeof a);
    rg_shape_text(labels, b, sizeof b);
    if (logits->dtype != RG_F32 && logits->dtype != RG_F64)
        return rg_fail(t, RG_EDTYPE, at, "%s: %s, %s: logits must be floats", who, a, b), 0;
    const int64_t width = width_of(logits, labels), classes = width == 1 ? 2 : width;
    if (!width) return rg_fail(t, RG_ESHAPE, at, "%s: %s, %s: not a row of logits for each label", who, a, b), 0;
    if (mask && rg_mask_check(at, who, logits, labels, mask)) return 0;
    for (int64_t i = 0; i < labels->numel; i++) {
        const double label = rg_element(labels, i);
        if (!counts_for(mask, i) || (label >= 0 && label < (double)classes && label == floor(label))) continue;
        return rg_fail(t, RG_EVALUE, at, "%s: %s, %s: label %g of row %lld is no class of %lld", who, a, b, label, (long long)i,
            (long long)classes), 0;
    }
    return width;
}

double rg_accuracy_at(const char *at, rg_tensor *logits, rg_tensor *labels, rg_metric_options with) {
    const int64_t width = check(at, "rg_accuracy", logits, labels, with.mask);
    if (!width) return NAN;
    int64_t rows = 0, right = 0;
    for (int64_t i = 0; i < labels->numel; i++) {
        if (!counts_for(with.mask, i)) continue;
        rows++, right += prediction(logits, i, width) == (int64_t)rg_element(labels, i);
    }
    return rows ? (double)right / (double)rows : NAN;
}

int rg_confusion_at(const char *at, rg_tensor *logits, rg_tensor *labels, int classes, int64_t *counts, rg_metric_options with) {
    const int64_t width = check(at, "rg_confusion", logits, labels, with.mask), found = width == 1 ? 2 : width;
    if (!width) return -1;
    if (!counts) return rg_fail(logits->tape, RG_EVALUE, at, "rg_confusion: counts is NULL");
    if (classes != found)
        return rg_fail(logits->tape, RG_EVALUE, at, "rg_confusion: the logits have %lld classes, not %d", (long long)found, classes);
    for (int64_t i = 0; i < labels->numel; i++)
        if (counts_for(with.mask, i)) counts[(int64_t)rg_element(labels, i) * classes + prediction(logits, i, width)]++;
    return 0;
}
