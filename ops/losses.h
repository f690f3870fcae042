/* losses.h - losses, by PyTorch's formulas and rules. The mean, unless an option says otherwise:

       rg_cross_entropy(logits, labels, .label_smoothing = .1, .weight = w, .mask = rg_ne(labels, padding))

   An option left out takes its default; RG_ZERO means 0 where that is not the default. An option that a loss has not
   got is refused. Classes are the last axis: logits [.., classes], labels [..] in i32. A target y broadcasts to what
   was predicted, and the loss has that shape: y [3], or a number of rank 0, for p [n, 3]. A y that would enlarge it,
   [n] for p [n, 1], is an error. */
#ifndef RG_LOSSES_H
#define RG_LOSSES_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RG_ZERO (-0.0)

/* The mean over elements, or rows of logits that count: with class weights sum loss / sum of the labels' weights. */
typedef enum rg_reduction {
    RG_MEAN, RG_SUM, RG_NONE,
    RG_BATCHMEAN /* kl_div: the sum over the size of the first axis */
} rg_reduction;

typedef struct rg_loss_options {
    rg_reduction reduction;  /* RG_MEAN */
    /* at least 0, which is not checked. cross_entropy, nll, multi_margin: [classes]; bce, bce_with_logits:
       broadcasts to the loss */
    rg_tensor *weight;
    rg_tensor *pos_weight;   /* bce_with_logits: of the positive targets, broadcasts to them */
    /* cross_entropy, nll, multi_margin: of the labels' shape, u8 or the loss's float type. Nonzero: the row counts; 0:
       it does not, for the mean's divisor neither, and its label may be any. What PyTorch's ignore_index = 7 leaves
       out, .mask = rg_ne(labels, 7) leaves out. NULL: all rows count, and every label must be a class. */
    rg_tensor *mask;
    double label_smoothing;  /* cross_entropy: e of the target is spread evenly over the classes. 0 */
    double margin;           /* multi_margin, hinge, squared_hinge 1; cosine_embedding 0 */
    double p;                /* multi_margin: 1, or 2 for squared hinges */
    double delta, beta;      /* huber: 1; smooth_l1: 1, RG_ZERO is l1 */
    double alpha, gamma;     /* focal: weight of the positives, .25, negative: none; focus, 2 */
    bool log_target;         /* kl_div: the target is a logarithm too */
    bool full;               /* gaussian_nll: with the constant, ln(2 pi) / 2 */
    double eps;              /* gaussian_nll: a smaller variance counts as this one. 1e-6 */
    RG_NAMED;
} rg_loss_options;

/* -------- distances, of d = p - y */
rg_tensor *rg_mse(rg_tensor *p, rg_tensor *y, rg_loss_options options);       /* d^2 */
rg_tensor *rg_l1(rg_tensor *p, rg_tensor *y, rg_loss_options options);        /* |d| */
/* |d| <= delta ? d^2 / 2 : delta (|d| - delta / 2) */
rg_tensor *rg_huber(rg_tensor *p, rg_tensor *y, rg_loss_options options);
/* |d| < beta ? d^2 / (2 beta) : |d| - beta / 2 */
rg_tensor *rg_smooth_l1(rg_tensor *p, rg_tensor *y, rg_loss_options options);

/* -------- two classes: targets y from 0 to 1, of the hinges -1 and 1 */
/* -y ln p - (1 - y) ln(1 - p), logarithms held above -100; p outside 0..1 is refused */
rg_tensor *rg_bce(rg_tensor *p, rg_tensor *y, rg_loss_options options);
/* (1 - y) z + (1 + (pos_weight - 1) y) ln(1 + e^-z): the same of p = sigmoid z, for any z */
rg_tensor *rg_bce_with_logits(rg_tensor *z, rg_tensor *y, rg_loss_options options);
/* alpha_t (1 - p_t)^gamma bce_with_logits, p_t = the probability of y. Lin et al. 2017; torchvision's, but a mean */
rg_tensor *rg_focal(rg_tensor *z, rg_tensor *y, rg_loss_options options);
rg_tensor *rg_hinge(rg_tensor *z, rg_tensor *y, rg_loss_options options);         /* max(0, margin - y z) */
rg_tensor *rg_squared_hinge(rg_tensor *z, rg_tensor *y, rg_loss_options options); /* its square */

/* -------- many classes */
/* nll of log_softmax(logits), its targets smoothed */
rg_tensor *rg_cross_entropy(rg_tensor *logits, rg_tensor *labels, rg_loss_options options);
/* -w[label] log_p[.., label] */
rg_tensor *rg_nll(rg_tensor *log_p, rg_tensor *labels, rg_loss_options options);
/* w[label] sum over j != label of max(0, margin - x[label] + x[j])^p / classes; the mean is over rows */
rg_tensor *rg_multi_margin(rg_tensor *x, rg_tensor *labels, rg_loss_options options);

/* -------- distributions and directions */
/* q (ln q - log_p), 0 where q is 0: the divergence of q from p. As in PyTorch the mean is over elements; the divergence
   of distributions in rows is .reduction = RG_BATCHMEAN */
rg_tensor *rg_kl_div(rg_tensor *log_p, rg_tensor *q, rg_loss_options options);
/* (ln v + (mean - y)^2 / v) / 2 with v = max(var, eps): -ln of the normal density at y. var is a variance, at least 0,
   no deviation, and broadcasts to the mean, as y does. As in PyTorch var has the gradient that v has, also below eps */
rg_tensor *rg_gaussian_nll(rg_tensor *mean, rg_tensor *y, rg_tensor *var, rg_loss_options options);
/* a . b / (max(|a|, 1e-8) max(|b|, 1e-8)) along an axis; no loss */
rg_tensor *rg_cosine_similarity(rg_tensor *a, rg_tensor *b, int axis);
/* a, b [.., n] with y [..] of 1: 1 - cos, and -1: max(0, cos - margin) */
rg_tensor *rg_cosine_embedding(rg_tensor *a, rg_tensor *b, rg_tensor *y, rg_loss_options options);

#ifdef __cplusplus
}
#endif

#include "losses_calls.h"
#endif
