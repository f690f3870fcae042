/* optim.h - more optimisers, and what goes around a step: parameter groups, schedules, clipping, averages, early
   stopping. Included by nn/nn.h, where rg_optim and SGD, Adam and AdamW stand. Formulas and defaults are PyTorch's
   unless another is named. */
#ifndef RG_OPTIM_H
#define RG_OPTIM_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- optimisers */
typedef struct rg_rmsprop_options {
    double lr;              /* 0.01 */
    double alpha;           /* 0.99 */
    double eps;             /* 1e-8 */
    double weight_decay, momentum;
    bool centered;          /* divides by the standard deviation of the gradient, not by its root mean square */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_rmsprop_options;
typedef struct rg_adagrad_options {
    double lr;              /* 0.01 */
    double lr_decay, weight_decay, initial_accumulator;
    double eps;             /* 1e-10 */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_adagrad_options;
typedef struct rg_lion_options {
    double lr;              /* 0.0001 */
    double beta1, beta2;    /* 0.9, 0.99 */
    double weight_decay;    /* taken off the parameter */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_lion_options;
typedef struct rg_lbfgs_options {
    double lr;              /* 1; the first step length that is tried */
    int max_iter;           /* 20: iterations per step */
    int max_eval;           /* 5/4 max_iter: evaluations per step, after which no iteration begins */
    double tolerance_grad;  /* 1e-7: done where no |gradient| is above */
    double tolerance_change;/* 1e-9: done where neither loss nor parameters change by more */
    int history;            /* 100: pairs kept; they take 2 history n doubles */
    bool fixed_step;        /* lr is the step length, without a line search: PyTorch's default */
    bool error_if_nonfinite; /* see rg_optim_step; here of any iteration, and the whole step is undone */
    RG_NAMED;
} rg_lbfgs_options;

/* d = g + weight_decay p; v = alpha v + (1 - alpha) d^2; s = d / (sqrt(v) + eps); p -= lr s, or with momentum m =
   momentum m + s, p -= lr m. Tieleman & Hinton 2012. centered: v - (mean d)^2 under the root. Graves 2013 */
rg_optim *rg_optim_rmsprop(rg_tape *t, rg_list params, rg_rmsprop_options options);
/* v += d^2;  p -= lr / (1 + (step - 1) lr_decay) d / (sqrt(v) + eps). Duchi et al. 2011 */
rg_optim *rg_optim_adagrad(rg_tape *t, rg_list params, rg_adagrad_options options);
/* p = (1 - lr weight_decay) p - lr sign(beta1 m + (1 - beta1) g);  m = beta2 m + (1 - beta2) g. Chen et al. 2023 */
rg_optim *rg_optim_lion(rg_tape *t, rg_list params, rg_lion_options options);
/* Limited-memory BFGS with a line search for the strong Wolfe conditions: Nocedal & Wright 2006, algorithms 7.4 and
   3.5. In doubles, whatever the parameters are. Its step is rg_optim_step_closure. */
rg_optim *rg_optim_lbfgs(rg_tape *t, rg_list params, rg_lbfgs_options options);

/* A step of any optimiser. The closure computes the loss, calls rg_backward and returns rg_item(loss); gradients are
   cleared before each call, and what it put on the record is released after. L-BFGS calls it up to max_eval times or a
   line search more. Returns the loss before the step; NaN after an error, and then every parameter is as it was and
   L-BFGS begins its history anew. Where the loss or its gradient is NaN before the step, L-BFGS moves nothing either; a
   gradient method follows its gradient, as rg_optim_step. */
RG_PLAIN double rg_optim_step_closure(rg_optim *optim, double (*closure)(void *ctx), void *ctx);

/* -------- parameter groups: rg_optim_adamw(t, weights, ..), then rg_optim_add_group(optim, biases, .weight_decay =
   RG_ZERO) */
/* left out: as the first group began */
typedef struct rg_group_options { double lr, weight_decay; RG_NAMED; } rg_group_options;
int rg_optim_add_group(rg_optim *optim, rg_list params, rg_group_options options); /* of parameters in no group yet */
int rg_optim_groups(const rg_optim *optim);                  /* how many; 0 for NULL */
double rg_optim_group_lr(const rg_optim *optim, int group);  /* NaN where there is none */
int rg_optim_set_group_lr(rg_optim *optim, int group, double lr);
/* every group: factor times the lr it began with. rg_optim_set_lr: one for all */
int rg_optim_scale_lr(rg_optim *optim, double factor);

/* -------- schedules: the learning rate of epoch (or step) k = 0, 1, .. from the one to begin with; nothing to keep or
   to save.

       rg_optim_set_lr(optim, rg_lr_cosine(.1, epoch, epochs, 0));       one group
       rg_optim_scale_lr(optim, rg_lr_step(1, epoch, 30, .1));           groups in proportion

   They compose: epoch < 5 ? rg_lr_linear(.1, epoch, 1. / 3, 1, 5) : rg_lr_cosine(.1, epoch - 5, 95, 0). NaN for counts
   below 1. */
/* lr gamma^floor(k / size) */
double rg_lr_step(double lr, int64_t k, int64_t size, double gamma);
/* lr gamma^(milestones <= k) */
double rg_lr_multi_step(double lr, int64_t k, int n, const int64_t *milestones, double gamma);
double rg_lr_exponential(double lr, int64_t k, double gamma);                                        /* lr gamma^k */
/* min + (lr - min) (1 + cos(pi k / period)) / 2; Loshchilov & Hutter 2017 */
double rg_lr_cosine(double lr, int64_t k, int64_t period, double min);
/* lr times first .. last, evenly over total: warm-up */
double rg_lr_linear(double lr, int64_t k, double first, double last, int64_t total);
typedef struct rg_one_cycle_options {
    double warm;              /* 0.3: share of the steps in which lr rises */
    double div, final_div;    /* 25, 1e4: begins at max / div, ends at max / div / final_div */
    bool linear, three_phase; /* straight lines for cosines; down as long as up, then on to the end */
    RG_NAMED;
} rg_one_cycle_options;
/* Smith & Topin 2019; k < total */
double rg_lr_one_cycle(double max, int64_t k, int64_t total, rg_one_cycle_options options);

/* Lowers every group's lr when the metric (lower is better) has not improved for more than `patience` calls. PyTorch's
   ReduceLROnPlateau. The struct is yours: zeros but for options, rg_plateau plateau = {.factor = .5}. */
typedef struct rg_plateau {
    double factor;            /* 0.1; above 0 and below 1 */
    double patience;          /* 10, in calls */
    double threshold;         /* 1e-4: improved is below best (1 - threshold); with `absolute` below best - threshold */
    double min_lr, eps;       /* 0; 1e-8: smaller changes of lr are not made */
    int cooldown;             /* calls after a change in which none count as bad */
    bool maximize, absolute;  /* higher is better */
    bool begun; double best; int bad, cooling; /* state: zeros */
} rg_plateau;
/* true when it lowered lr; false after an error */
RG_PLAIN bool rg_plateau_step(rg_plateau *p, rg_optim *optim, double metric);

/* -------- gradients clipped between rg_backward and the step; parameters without a gradient do not count */
/* Scales all of them by max / (norm + 1e-6) if that is below 1, norm = the 2-norm of them all, in doubles. Returns the
   norm before; NaN after an error. An infinite max clips nothing: the call then only tells the norm. As in PyTorch a
   norm that is infinite or NaN is no error: gradients become 0 (NaN where infinite), or NaN. */
double rg_clip_grad_norm(rg_tape *t, rg_list params, double max);
int rg_clip_grad_value(rg_tape *t, rg_list params, double limit); /* each element to -limit .. limit; NaN stays */
/* The 2-norm of one gradient, in doubles: 0 where all of it is 0, NaN where there is none. */
RG_PLAIN double rg_grad_norm(rg_tensor *x);
/* A table to find what vanishes, explodes or was not reached: a line per parameter, once each, with its shape, its
   norm, the norm of its gradient, the largest of the gradient's finite elements by size, and how many are infinite or
   NaN; "-" where there is no gradient. Then the norms of all together, as rg_clip_grad_norm returns. 0, or -1 after an
   error. */
int rg_grad_print(rg_tape *t, rg_list params, FILE *to);

/* -------- a moving average of weights: average = decay average + (1 - decay) p after each update; begins as a copy.
   Polyak & Juditsky 1992 */
typedef struct rg_average rg_average;
rg_average *rg_average_new(rg_tape *t, rg_list params, double decay);
RG_PLAIN int rg_average_update(rg_average *average);   /* after the optimiser's step; an error while swapped in */
/* exchanges parameters and averages: before an evaluation, and again after it */
RG_PLAIN int rg_average_swap(rg_average *average);
/* the buffer of item i of the list; NULL where there is none */
rg_tensor *rg_average_of(const rg_average *average, int i);

/* -------- early stopping (Keras): stop when the metric has not improved by more than min_delta for `patience` calls;
   the best weights come back */
typedef struct rg_early_stopping_options {
    int patience;             /* 0: at the first call without improvement */
    double min_delta;
    bool maximize;            /* higher is better */
    RG_NAMED;
} rg_early_stopping_options;
typedef struct rg_early_stopping { /* to look at */
    rg_tape *tape;
    rg_early_stopping_options options;
    double best;              /* metric; NaN before the first */
    int64_t calls, best_call; /* how many; at which one it was best, from 1 */
    int count;
    struct rg_kept_weights *kept; /* [count] */
} rg_early_stopping;
rg_early_stopping *rg_early_stopping_new(rg_tape *t, rg_list params, rg_early_stopping_options options);
/* true: stop; also while the tape has an error. Copies the weights when they are the best yet; NaN is no improvement */
RG_PLAIN bool rg_early_stopping_step(rg_early_stopping *s, double metric);
RG_PLAIN int rg_early_stopping_restore(rg_early_stopping *s);              /* the best weights, if there was a call */

#ifdef __cplusplus
}
#endif

#include "optim_calls.h"
#endif
