/* losses.h - loss functions, by PyTorch's formulas and rules. They return the mean, unless an option says otherwise:

       rg_cross_entropy(logits, labels, .label_smoothing = .1, .weight = w, .mask = rg_ne(labels, padding))

   An option that is left out has its default; RG_ZERO means 0 where that is not the default. Each option says which
   losses have it; another loss refuses it. Classes are the last axis: logits [.., classes], labels [..] in i32. A
   target y broadcasts to the prediction, and the loss has the prediction's shape: y [3], or a number of rank 0, for p
   [n, 3]. A y that would enlarge the loss, [n] for p [n, 1], is an error. */
#ifndef RG_LOSSES_H
#define RG_LOSSES_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RG_ZERO (-0.0) /* the number 0 for an option whose default is another number */

typedef struct rg_loss_options rg_loss_options;

/* -------- regression: losses of the difference d = p - y of prediction and target */
rg_tensor *rg_mse(rg_tensor *p, rg_tensor *y, rg_loss_options options); /* d^2: the mean squared error */
rg_tensor *rg_l1(rg_tensor *p, rg_tensor *y, rg_loss_options options);  /* |d|: the mean absolute error (MAE) */
/* |d| <= delta ? d^2 / 2 : delta (|d| - delta / 2) */
rg_tensor *rg_huber(rg_tensor *p, rg_tensor *y, rg_loss_options options);
/* |d| < beta ? d^2 / (2 beta) : |d| - beta / 2 */
rg_tensor *rg_smooth_l1(rg_tensor *p, rg_tensor *y, rg_loss_options options);

/* -------- two classes (binary classification): targets y from 0 to 1; for the hinges -1 or 1 */
/* Binary cross entropy: -y ln p - (1 - y) ln(1 - p); logarithms are at least -100; p outside 0..1 is refused */
rg_tensor *rg_bce(rg_tensor *p, rg_tensor *y, rg_loss_options options);
/* (1 - y) z + (1 + (pos_weight - 1) y) ln(1 + e^-z): binary cross entropy of p = sigmoid z, for any z */
rg_tensor *rg_bce_with_logits(rg_tensor *z, rg_tensor *y, rg_loss_options options);
/* alpha_t (1 - p_t)^gamma bce_with_logits, p_t = the probability of y. Lin et al. 2017; as torchvision's, but the
   mean */
rg_tensor *rg_focal(rg_tensor *z, rg_tensor *y, rg_loss_options options);
rg_tensor *rg_hinge(rg_tensor *z, rg_tensor *y, rg_loss_options options);         /* max(0, margin - y z) */
rg_tensor *rg_squared_hinge(rg_tensor *z, rg_tensor *y, rg_loss_options options); /* max(0, margin - y z)^2 */

/* -------- many classes (classification) */
/* Softmax cross entropy: -log_softmax(logits)[.., label]; with .label_smoothing = .1 the targets are smoothed */
rg_tensor *rg_cross_entropy(rg_tensor *logits, rg_tensor *labels, rg_loss_options options);
/* Negative log likelihood: -w[label] log_p[.., label] */
rg_tensor *rg_nll(rg_tensor *log_p, rg_tensor *labels, rg_loss_options options);
/* A hinge loss of many classes: w[label] sum over j != label of max(0, margin - x[label] + x[j])^p / classes; RG_MEAN
   divides by the number of rows */
rg_tensor *rg_multi_margin(rg_tensor *x, rg_tensor *labels, rg_loss_options options);

/* -------- distributions and directions */
/* Kullback-Leibler divergence: q (ln q - log_p), 0 where q is 0: the divergence of q from p. As in PyTorch the mean is
   over elements; use .reduction = RG_BATCHMEAN for the divergence of distributions in rows */
rg_tensor *rg_kl_div(rg_tensor *log_p, rg_tensor *q, rg_loss_options options);
/* (ln v + (mean - y)^2 / v) / 2 with v = max(var, eps): -ln of the normal density at y. var is the variance, not the
   standard deviation; below 0 it is an error. It broadcasts to the mean, as y does. As in PyTorch the gradient for v
   goes to var, also below eps */
rg_tensor *rg_gaussian_nll(rg_tensor *mean, rg_tensor *y, rg_tensor *var, rg_loss_options options);
/* a . b / (max(|a|, 1e-8) max(|b|, 1e-8)) along an axis; this is not a loss */
rg_tensor *rg_cosine_similarity(rg_tensor *a, rg_tensor *b, int axis);
/* a, b [.., n], y [..]. y = 1: 1 - cos; y = -1: max(0, cos - margin) */
rg_tensor *rg_cosine_embedding(rg_tensor *a, rg_tensor *b, rg_tensor *y, rg_loss_options options);

/* -------- options of losses */
/* RG_MEAN: over the elements; in losses with labels over the rows that count. cross_entropy and nll with .weight:
   sum of the losses / sum of the labels' weights. */
typedef enum rg_reduction {
    RG_MEAN, RG_SUM, RG_NONE,
    RG_BATCHMEAN /* rg_kl_div alone: the sum / the size of the first axis */
} rg_reduction;

struct rg_loss_options {
    rg_reduction reduction;  /* default RG_MEAN */
    /* rg_cross_entropy, rg_nll, rg_multi_margin, rg_bce, rg_bce_with_logits: the first three [classes], the other two
       broadcast to the loss. Weights are at least 0, which is not checked */
    rg_tensor *weight;
    rg_tensor *pos_weight;   /* rg_bce_with_logits: weight of the positive targets, broadcasts to the loss */
    /* rg_cross_entropy, rg_nll, rg_multi_margin: of the labels' shape, u8 or the loss's float type. NULL: all rows
       count, and every label must be a class. Nonzero: the row counts. 0: it counts neither in the loss nor in the
       divisor of the mean, and its label may have any value; if no row counts, the mean is NaN, as in PyTorch. In place
       of PyTorch's ignore_index = 7 write .mask = rg_ne(labels, 7). */
    rg_tensor *mask;
    double label_smoothing;  /* rg_cross_entropy: this share of the target is spread over all classes. Default 0 */
    /* rg_multi_margin, rg_hinge, rg_squared_hinge, rg_cosine_embedding: default 1, in the last one 0 */
    double margin;
    double p;                /* rg_multi_margin: default 1; 2 for squared hinges */
    double delta;            /* rg_huber: default 1 */
    double beta;             /* rg_smooth_l1: default 1; RG_ZERO is l1 */
    double alpha;            /* rg_focal: weight of targets 1; 1 - alpha: of targets 0; negative: none. Default .25 */
    double gamma;            /* rg_focal: the exponent of 1 - p_t. Default 2 */
    bool log_target;         /* rg_kl_div: the target is a logarithm too */
    /* rg_gaussian_nll: adds the constant, ln(2 pi) / 2. Then with .reduction = RG_NONE it is minus PyTorch's
       Normal(mean, var^.5).log_prob(y) */
    bool full;
    double eps;              /* rg_gaussian_nll: a smaller variance is replaced by this one. Default 1e-6 */
    RG_NAMED;
};

#ifdef __cplusplus
}
#endif

#include "losses_calls.h"
#endif
