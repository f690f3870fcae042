/* losses.h - losses, by PyTorch's formulas and rules. A plain call is the mean; the _with form takes options:

       rg_cross_entropy_with(logits, labels, (rg_loss_options){.label_smoothing = .1, .weight = w, .ignore_index = RG_ZERO})

   A field left out takes its default; RG_ZERO means 0 where that is not the default. An option that a loss has not got is refused.
   Classes are the last axis: logits [.., classes], labels [..] in i32. Losses of targets broadcast as any elementwise op.       */
#ifndef RG_LOSSES_H
#define RG_LOSSES_H

#include "engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RG_ZERO (-0.0)

/* The mean over elements, or rows of logits: with class weights sum loss / sum of the labels' weights, of rows not ignored. */
typedef enum rg_reduction { RG_MEAN, RG_SUM, RG_NONE, RG_BATCHMEAN /* kl_div: the sum over the size of the first axis */ } rg_reduction;

typedef struct rg_loss_options {
    rg_reduction reduction;  /* RG_MEAN */
    rg_tensor *weight;       /* at least 0, which nobody checks. cross_entropy, nll, multi_margin: [classes]; bce, bce_with_logits: broadcasts to the loss */
    rg_tensor *pos_weight;   /* bce_with_logits: of the positive targets, broadcasts to them */
    double ignore_index;     /* nll, and cross_entropy with options: rows of this label count for nothing. -100; the plain rg_cross_entropy refuses it */
    double label_smoothing;  /* cross_entropy: e of the target is spread evenly over the classes. 0 */
    double margin;           /* multi_margin, hinge, squared_hinge 1; cosine_embedding 0 */
    double p;                /* multi_margin: 1, or 2 for squared hinges */
    double delta, beta;      /* huber: 1; smooth_l1: 1, RG_ZERO is l1 */
    double alpha, gamma;     /* focal: weight of the positives, .25, negative: none; focus, 2 */
    bool log_target;         /* kl_div: the target is a logarithm too */
} rg_loss_options;
#define RG_LOSS_DEFAULTS ((rg_loss_options){.reduction = RG_MEAN})

/* mse(p, y): (p - y)^2.   l1(p, y): |p - y|.   d = p - y:
   huber(p, y): |d| <= delta ? d^2 / 2 : delta (|d| - delta / 2).   smooth_l1(p, y): |d| < beta ? d^2 / (2 beta) : |d| - beta / 2 */
#define rg_mse_with(p, y, ...) rg_mse_with_at(RG_AT, p, y, __VA_ARGS__)
#define rg_l1(p, y) rg_l1_with(p, y, RG_LOSS_DEFAULTS)
#define rg_l1_with(p, y, ...) rg_l1_with_at(RG_AT, p, y, __VA_ARGS__)
#define rg_huber(p, y) rg_huber_with(p, y, RG_LOSS_DEFAULTS)
#define rg_huber_with(p, y, ...) rg_huber_with_at(RG_AT, p, y, __VA_ARGS__)
#define rg_smooth_l1(p, y) rg_smooth_l1_with(p, y, RG_LOSS_DEFAULTS)
#define rg_smooth_l1_with(p, y, ...) rg_smooth_l1_with_at(RG_AT, p, y, __VA_ARGS__)

/* Two classes, targets y from 0 to 1. bce(p, y): -y ln p - (1 - y) ln(1 - p), logarithms held above -100, p outside 0..1 refused.
   bce_with_logits(z, y): (1 - y) z + (1 + (pos_weight - 1) y) ln(1 + e^-z): the same of p = sigmoid z, for any z.
   focal(z, y): alpha_t (1 - p_t)^gamma bce_with_logits, p_t = the probability of y. Lin et al. 2017; torchvision's, but a mean.
   hinge(z, y): max(0, margin - y z), targets -1 and 1;   squared_hinge: its square */
#define rg_bce(p, y) rg_bce_with(p, y, RG_LOSS_DEFAULTS)
#define rg_bce_with(p, y, ...) rg_bce_with_at(RG_AT, p, y, __VA_ARGS__)
#define rg_bce_with_logits(z, y) rg_bce_with_logits_with(z, y, RG_LOSS_DEFAULTS)
#define rg_bce_with_logits_with(z, y, ...) rg_bce_with_logits_with_at(RG_AT, z, y, __VA_ARGS__)
#define rg_focal(z, y) rg_focal_with(z, y, RG_LOSS_DEFAULTS)
#define rg_focal_with(z, y, ...) rg_focal_with_at(RG_AT, z, y, __VA_ARGS__)
#define rg_hinge(z, y) rg_hinge_with(z, y, RG_LOSS_DEFAULTS)
#define rg_hinge_with(z, y, ...) rg_hinge_with_at(RG_AT, z, y, __VA_ARGS__)
#define rg_squared_hinge(z, y) rg_squared_hinge_with(z, y, RG_LOSS_DEFAULTS)
#define rg_squared_hinge_with(z, y, ...) rg_squared_hinge_with_at(RG_AT, z, y, __VA_ARGS__)

/* Many classes. nll(log_p, labels): -w[label] log_p[.., label].   cross_entropy: nll of log_softmax(logits), its targets smoothed.
   multi_margin(x, labels): w[label] sum over j != label of max(0, margin - x[label] + x[j])^p / classes; the mean is over rows */
#define rg_cross_entropy_with(logits, labels, ...) rg_cross_entropy_with_at(RG_AT, logits, labels, __VA_ARGS__)
#define rg_nll(log_p, labels) rg_nll_with(log_p, labels, RG_LOSS_DEFAULTS)
#define rg_nll_with(log_p, labels, ...) rg_nll_with_at(RG_AT, log_p, labels, __VA_ARGS__)
#define rg_multi_margin(x, labels) rg_multi_margin_with(x, labels, RG_LOSS_DEFAULTS)
#define rg_multi_margin_with(x, labels, ...) rg_multi_margin_with_at(RG_AT, x, labels, __VA_ARGS__)

/* kl_div(log_p, q): q (ln q - log_p), 0 where q is 0: the divergence of q from p. As in PyTorch the mean is over elements; the
   divergence of distributions in rows is .reduction = RG_BATCHMEAN */
#define rg_kl_div(log_p, q) rg_kl_div_with(log_p, q, RG_LOSS_DEFAULTS)
#define rg_kl_div_with(log_p, q, ...) rg_kl_div_with_at(RG_AT, log_p, q, __VA_ARGS__)

/* cosine_similarity: a . b / (max(|a|, 1e-8) max(|b|, 1e-8)) along an axis; no loss, and no options.
   cosine_embedding(a, b, y): a, b [.., n] with y [..] of 1: 1 - cos, and -1: max(0, cos - margin) */
#define rg_cosine_similarity(a, b, axis) rg_cosine_similarity_at(RG_AT, a, b, axis)
#define rg_cosine_embedding(a, b, y) rg_cosine_embedding_with(a, b, y, RG_LOSS_DEFAULTS)
#define rg_cosine_embedding_with(a, b, y, ...) rg_cosine_embedding_with_at(RG_AT, a, b, y, __VA_ARGS__)

rg_tensor *rg_mse_with_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_l1_with_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_huber_with_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_smooth_l1_with_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_bce_with_at(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_bce_with_logits_with_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_focal_with_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_hinge_with_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_squared_hinge_with_at(const char *at, rg_tensor *z, rg_tensor *y, rg_loss_options with);
rg_tensor *rg_cross_entropy_with_at(const char *at, rg_tensor *logits, rg_tensor *labels, rg_loss_options with);
rg_tensor *rg_nll_with_at(const char *at, rg_tensor *log_p, rg_tensor *labels, rg_loss_options with);
rg_tensor *rg_multi_margin_with_at(const char *at, rg_tensor *x, rg_tensor *labels, rg_loss_options with);
rg_tensor *rg_kl_div_with_at(const char *at, rg_tensor *log_p, rg_tensor *q, rg_loss_options with);
rg_tensor *rg_cosine_similarity_at(const char *at, rg_tensor *a, rg_tensor *b, int axis);
rg_tensor *rg_cosine_embedding_with_at(const char *at, rg_tensor *a, rg_tensor *b, rg_tensor *y, rg_loss_options with);

#ifdef __cplusplus
}
#endif
#endif
