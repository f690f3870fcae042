/* optim.h - training: more optimisers, parameter groups, learning rate schedules, gradient clipping, averages of
   weights, early stopping. Included by nn/nn.h, which has rg_optim and SGD, Adam and AdamW. Formulas and defaults are
   PyTorch's unless another source is named. */
#ifndef RG_OPTIM_H
#define RG_OPTIM_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- optimisers: RMSprop, Adagrad, Lion, L-BFGS */
typedef struct rg_rmsprop_options {
    double lr;              /* default 0.01 */
    double alpha;           /* default 0.99 */
    double eps;             /* default 1e-8 */
    double weight_decay, momentum; /* default 0 */
    bool centered;          /* divides by the standard deviation of the gradient, not by its root mean square */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_rmsprop_options;
typedef struct rg_adagrad_options {
    double lr;              /* default 0.01 */
    double lr_decay, weight_decay; /* default 0 */
    double initial_accumulator; /* v at the start; default 0 */
    double eps;             /* default 1e-10 */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_adagrad_options;
typedef struct rg_lion_options {
    double lr;              /* default 0.0001 */
    double beta1, beta2;    /* default 0.9, 0.99 */
    double weight_decay;    /* subtracted from the parameter; default 0 */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_lion_options;
typedef struct rg_lbfgs_options {
    double lr;              /* the first step length that is tried; default 1 */
    int max_iter;           /* iterations per step; default 20 */
    int max_eval;           /* evaluations per step, after which no iteration begins; default 5/4 max_iter */
    double tolerance_grad;  /* done when no |gradient| is above it; default 1e-7 */
    double tolerance_change;/* done when the loss, or every parameter, changes by less; default 1e-9 */
    int history;            /* number of pairs kept, which take 2 history n doubles; default 100 */
    bool fixed_step;        /* lr is the step length, without a line search: PyTorch's default */
    bool error_if_nonfinite; /* see rg_optim_step; checked in every iteration, and the whole step is undone */
    RG_NAMED;
} rg_lbfgs_options;

/* d = g + weight_decay p; v = alpha v + (1 - alpha) d^2; s = d / (sqrt(v) + eps); p -= lr s, or with momentum m =
   momentum m + s, p -= lr m. Tieleman & Hinton 2012. centered: the root is of v - (mean d)^2. Graves 2013 */
rg_optim *rg_optim_rmsprop(rg_tape *t, rg_list params, rg_rmsprop_options options);
/* v += d^2;  p -= lr / (1 + (step - 1) lr_decay) d / (sqrt(v) + eps). Duchi et al. 2011 */
rg_optim *rg_optim_adagrad(rg_tape *t, rg_list params, rg_adagrad_options options);
/* p = (1 - lr weight_decay) p - lr sign(beta1 m + (1 - beta1) g);  m = beta2 m + (1 - beta2) g. Chen et al. 2023 */
rg_optim *rg_optim_lion(rg_tape *t, rg_list params, rg_lion_options options);
/* Limited-memory BFGS with a line search for the strong Wolfe conditions: Nocedal & Wright 2006, algorithms 7.4 and
   3.5. It computes in doubles, whatever the parameters are. Its step is rg_optim_step_closure. */
rg_optim *rg_optim_lbfgs(rg_tape *t, rg_list params, rg_lbfgs_options options);

/* A step of any optimiser. The closure computes the loss, calls rg_backward and returns rg_item(loss). Before each
   call gradients are cleared; after it what the call recorded is released. L-BFGS checks max_eval between
   iterations, so it can exceed it by the calls of one line search. Returns the loss before the step. After an error:
   NaN, every parameter is as it was, and L-BFGS starts its history again. If the loss or its gradient is NaN at the
   start, L-BFGS changes no parameter; every other optimiser makes the step, as rg_optim_step does. */
RG_PLAIN double rg_optim_step_closure(rg_optim *optim, double (*closure)(void *ctx), void *ctx);

/* -------- parameter groups: each has its own learning rate and weight decay. rg_optim_adamw(t, weights, ..), then
   rg_optim_add_group(optim, biases, .weight_decay = RG_ZERO) */
/* lr and weight_decay: by default those that the first group was made with */
typedef struct rg_group_options { double lr, weight_decay; RG_NAMED; } rg_group_options;
/* adds a group, of parameters that are in no group yet */
int rg_optim_add_group(rg_optim *optim, rg_list params, rg_group_options options);
int rg_optim_groups(const rg_optim *optim);                  /* number of groups; 0 for NULL */
double rg_optim_group_lr(const rg_optim *optim, int group);  /* NaN if there is no such group */
int rg_optim_set_group_lr(rg_optim *optim, int group, double lr); /* sets the learning rate of one group, from 0 */
/* lr of every group = factor times the lr it began with. rg_optim_set_lr sets one lr for all */
int rg_optim_scale_lr(rg_optim *optim, double factor);

/* -------- learning rate schedules: functions of the first learning rate and the epoch (or step) k = 0, 1, .. They have
   no state, so there is nothing to save. Set the rate before the steps that use it:

       for (int epoch = 0; epoch < epochs; epoch++) {
           rg_optim_set_lr(optim, rg_lr_cosine(.1, epoch, epochs, 0));       one group
           rg_optim_scale_lr(optim, rg_lr_step(1, epoch, 30, .1));           or several, in proportion
           ..                                                                the steps of this epoch
       }

   Warm-up, then cosine:

       double lr = k < 5 ? rg_lr_linear(.1, k, 1. / 3, 1, 5) : rg_lr_cosine(.1, k - 5, 95, 0);

   NaN for a size, period or total below 1. */
/* every `size` steps times gamma: lr gamma^floor(k / size) */
double rg_lr_step(double lr, int64_t k, int64_t size, double gamma);
/* lr gamma^(number of milestones <= k) */
double rg_lr_multi_step(double lr, int64_t k, int n, const int64_t *milestones, double gamma);
double rg_lr_exponential(double lr, int64_t k, double gamma);                                        /* lr gamma^k */
/* From lr at k = 0 down to min at k = period: min + (lr - min) (1 + cos(pi k / period)) / 2. After the period it rises
   again, to lr at k = 2 period. Give k % period for restarts (SGDR). Loshchilov & Hutter 2017 */
double rg_lr_cosine(double lr, int64_t k, int64_t period, double min);
/* lr times a factor that goes evenly from first, at k = 0, to last, at k = total, and then stays: warm-up */
double rg_lr_linear(double lr, int64_t k, double first, double last, int64_t total);
typedef struct rg_one_cycle_options {
    double warm;              /* share of the steps in which lr rises; default 0.3 */
    double div, final_div;    /* it begins at max / div and ends at max / div / final_div; default 25, 1e4 */
    bool linear;              /* straight lines in place of cosines */
    bool three_phase;         /* lr falls to max / div in as many steps as it rose, then to max / div / final_div */
    RG_NAMED;
} rg_one_cycle_options;
/* One cycle up and down: Smith & Topin 2019. NaN unless 0 <= k < total. The rate only: PyTorch's OneCycleLR also
   changes momentum, here it stays */
double rg_lr_one_cycle(double max, int64_t k, int64_t total, rg_one_cycle_options options);

/* Lowers the lr of every group when the metric (lower is better) has not improved for more than `patience` calls.
   PyTorch's ReduceLROnPlateau. The struct is yours; all but the options are zeros: rg_plateau plateau = {.factor =
   .5}. */
typedef struct rg_plateau {
    double factor;            /* above 0 and below 1; default 0.1 */
    double patience;          /* number of calls; default 10 */
    double threshold;         /* a metric has improved when it is below best (1 - threshold); default 1e-4 */
    double min_lr;            /* default 0 */
    double eps;               /* smaller changes of lr are not made; default 1e-8 */
    int cooldown;             /* number of calls after a change that do not count as bad */
    bool maximize;            /* higher is better: above best (1 + threshold) */
    bool absolute;            /* best - threshold; with .maximize best + threshold */
    bool begun; double best; int bad, cooling; /* state: zeros */
} rg_plateau;
/* true when it lowered lr; false after an error */
RG_PLAIN bool rg_plateau_step(rg_plateau *p, rg_optim *optim, double metric);

/* -------- gradient clipping and norms. Clip gradients between rg_backward and the step. Parameters without a gradient
   do not count. */
/* Scales all gradients by max / (norm + 1e-6) if that is below 1, norm = the 2-norm of all together, in doubles.
   Returns the norm before; NaN after an error. With an infinite max it clips nothing and only returns the norm. As
   in PyTorch a norm that is infinite or NaN is no error: an infinite norm makes finite gradients 0 and infinite ones
   NaN; a NaN norm makes all NaN. */
double rg_clip_grad_norm(rg_tape *t, rg_list params, double max);
int rg_clip_grad_value(rg_tape *t, rg_list params, double limit); /* limits elements to -limit .. limit; NaN stays */
/* The 2-norm of one gradient, in doubles: 0 if all elements are 0, NaN if there is no gradient. */
RG_PLAIN double rg_grad_norm(rg_tensor *x);
/* A table to find gradients that vanish, explode or are missing: one line per parameter with its shape, its norm,
   the norm of its gradient, the largest absolute value among the gradient's finite elements, and how many elements
   are infinite or NaN; "-" if there is no gradient. Then the norms of all together, as rg_clip_grad_norm returns. 0,
   or -1 after an error. */
int rg_grad_print(rg_tape *t, rg_list params, FILE *to);

/* -------- an exponential moving average (EMA) of weights: average = decay average + (1 - decay) p after each update.
   It begins as a copy; for constant p it stays equal to p. Polyak & Juditsky 1992. The list is rg_nn_state(net),
   parameters and buffers: then running statistics of batch norm are averaged and exchanged too, as by PyTorch's
   AveragedModel with use_buffers. With rg_nn_params(net) they stay those of the last step. Or any float leaves, which
   then stay as long as the tape. A second net that follows the first: rg_nn_copy and rg_nn_soft_update. */
typedef struct rg_ema rg_ema;
rg_ema *rg_ema_new(rg_tape *t, rg_list tensors, double decay); /* begins with a copy of their values */
/* call it after the optimiser's step; an error while averages are swapped in */
RG_PLAIN int rg_ema_update(rg_ema *ema);
/* exchanges the tensors' values and the averages: call it before an evaluation, and again after it */
RG_PLAIN int rg_ema_swap(rg_ema *ema);
/* the tensor with the average of item i of the list; NULL: there is none */
rg_tensor *rg_ema_of(const rg_ema *ema, int i);

/* -------- early stopping (Keras): stop when a metric, the loss on validation data say, has not improved for `patience`
   calls. Lower is better, unless .maximize. The best weights are kept; rg_early_stopping_restore puts them back. The
   list is rg_nn_state(net), parameters and buffers: with rg_nn_params(net) a net with batch norm would get its best
   parameters, but the running statistics of the last step. Or any leaves, which then stay as long as the tape.

       rg_early_stopping *stop = rg_early_stopping_new(t, rg_nn_state(net), .patience = 5);
       for (int epoch = 0; epoch < epochs; epoch++) {
           ..                                                                a training epoch, then its loss
           if (rg_early_stopping_step(stop, loss)) break;
       }
       rg_early_stopping_restore(stop); */
typedef struct rg_early_stopping_options {
    /* stop after this many calls in a row without improvement. 0, the default, means 1 */
    int patience;
    double min_delta;         /* it has improved when it is better than the best by more than this; default 0 */
    bool maximize;            /* higher is better */
    RG_NAMED;
} rg_early_stopping_options;
typedef struct rg_early_stopping rg_early_stopping;
/* NULL after an error */
rg_early_stopping *rg_early_stopping_new(rg_tape *t, rg_list tensors, rg_early_stopping_options options);
/* true: stop; also while the tape has an error. Copies the weights when the metric has improved; NaN is no
   improvement */
RG_PLAIN bool rg_early_stopping_step(rg_early_stopping *s, double metric);
/* puts the best weights back, if there are any */
RG_PLAIN int rg_early_stopping_restore(rg_early_stopping *s);
/* The best metric, NaN before there is one; the number of calls of rg_early_stopping_step; which of them, from 1, had
   the best metric: just improved is calls == best_call. Of NULL: NaN, 0, 0. */
double rg_early_stopping_best(const rg_early_stopping *s);
int64_t rg_early_stopping_calls(const rg_early_stopping *s);
int64_t rg_early_stopping_best_call(const rg_early_stopping *s);

#ifdef __cplusplus
}
#endif

#include "optim_calls.h"
#endif
