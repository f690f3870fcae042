/* update.h - for the files of nn/: the inside of optimisers, what they pass to the kernels that update parameters; helpers of layers. */
#ifndef RG_UPDATE_H
#define RG_UPDATE_H

#include "engine/op.h"
#include "nn/nn.h"

#pragma GCC visibility push(hidden)

typedef struct rg_update {
    rg_tape *tape;
    int64_t n;                   /* elements of p, g, m, v, a, all of one float dtype */
    void *p;
    const void *g;
    void *m, *v, *a;             /* the rule's state; NULL where it has none */
    double lr, weight_decay;
    double momentum, take;       /* sgd: m = momentum m + take d; rmsprop: momentum */
    double dampening, lr_decay;
    bool nesterov, decoupled;    /* decoupled: weight decay is taken off the parameter */
    double keep;                 /* p is multiplied by this first */
    double beta1, beta2, eps;    /* rmsprop: beta2 is alpha */
    double step, root;           /* adam: lr / (1 - beta1^k), sqrt(1 - beta2^k); adagrad: step is the decayed lr */
} rg_update;

typedef void rg_update_fn(const rg_update *u);
RG_KERNELS_OF(rg_update_fn, sgd);
RG_KERNELS_OF(rg_update_fn, adam);
RG_KERNELS_OF(rg_update_fn, rmsprop);
RG_KERNELS_OF(rg_update_fn, adagrad);
RG_KERNELS_OF(rg_update_fn, lion);

/* clip.c and average.c: n elements of x */
typedef double rg_squares_fn(rg_tape *t, int64_t n, const void *x);                    /* sum x^2, in doubles */
typedef void rg_inplace_fn(rg_tape *t, int64_t n, void *x, double value);
typedef void rg_pair_fn(rg_tape *t, int64_t n, void *x, void *y, double value);
RG_KERNELS_OF(rg_squares_fn, grad_squares);
RG_KERNELS_OF(rg_inplace_fn, grad_scale); /* x = value x */
RG_KERNELS_OF(rg_inplace_fn, grad_clamp); /* x clamped to -value .. value */
RG_KERNELS_OF(rg_pair_fn, weights_mix); /* x = value x + (1 - value) y */
RG_KERNELS_OF(rg_pair_fn, weights_swap); /* x and y change places */

enum { RG_STATES = 3 };
typedef struct rg_slot { /* one parameter and its state: buffers of p's shape and dtype, named after it */
    rg_tensor *p, *state[RG_STATES]; /* m, v, a; NULL where there is none */
    int64_t steps;                   /* updates of p: a step without a gradient of p is not counted */
} rg_slot;

typedef struct rg_group { /* parameters with a learning rate and weight decay of their own */
    struct rg_group *next;
    double lr, initial_lr, weight_decay;
    int count;
    rg_slot slots[];
} rg_group;

typedef struct rg_lbfgs rg_lbfgs;
struct rg_optim { /* a step reads and changes only the groups' lr, their slots, and rg_lbfgs_state */
    rg_tape *tape;
    const char *kind, *at;                      /* the line that made it, for functions without the caller's line */
    rg_update_fn *const (*kernel)[RG_ISAS];     /* [f32, f64][instruction set] */
    void (*prepare)(rg_update *u, double k);    /* sets what in u depends on the step count; or NULL */
    rg_update with;                             /* the options */
    const char *names[RG_STATES];               /* of the state: "m", "v" ..; NULL: none */
    double start;                               /* the first value of v */
    bool error_if_nonfinite;                    /* no step on gradients that hold an infinity or a NaN */
    rg_group *groups;                           /* the first, then in the order they were added */
    rg_lbfgs *lbfgs;                            /* or NULL */
};

struct rg_kept_weights { rg_tensor *p, *copy; }; /* copy NULL: p is listed before */
struct rg_ema {
    rg_tape *tape;
    const char *at; /* the line that made it */
    double decay;
    bool swapped;
    int count;
    struct rg_kept_weights kept[];
};
struct rg_early_stopping {
    rg_tape *tape;
    rg_early_stopping_options options;
    double best;              /* NaN before the first call */
    int64_t calls, best_call; /* the call with the best metric, from 1 */
    int count;
    struct rg_kept_weights kept[];
};

rg_optim *rg_optim_new(const char *at, rg_tape *t, const char *kind, rg_list params); /* one group without state, lr or weight decay */
int rg_optim_begin(const char *at, rg_optim *o, double lr, double weight_decay);      /* gives it these, and its state */
int rg_optim_want(const char *at, const rg_optim *o, const char *option, double value, bool good, const char *rule);
/* parameters, leaves, or leaves that are floats, of the tape, one or more? 0, or -1 with an error */
typedef enum rg_list_kind { RG_OF_PARAMS, RG_OF_LEAVES, RG_OF_FLOATS } rg_list_kind;
int rg_list_check(const char *at, rg_tape *t, const char *who, rg_list list, rg_list_kind kind);
int rg_gradients_missing(const rg_optim *o);                                    /* refuses a step if no parameter has a gradient: -1 */
int rg_nonfinite(const rg_optim *o, const rg_tensor *p, int64_t i, double value); /* refuses a step on that element of p's gradient: -1 */
rg_tensor *rg_state_of(const char *at, const rg_tensor *p, const char *what);   /* a buffer of p's shape and dtype, "NAME.what" */
/* rg_param for a layer, which names x later; errors begin with who and name, "linear: weight": param.c */
rg_tensor *rg_param_unnamed(const char *at, rg_tape *t, const char *who, const char *name, rg_init init, int ndim, const int64_t *shape);
void rg_values_copy(rg_tensor *to, const rg_tensor *from); /* of one shape and dtype: average.c */
int rg_optim_want_at_least_0(const char *at, const rg_optim *o, const char *option, double value);
static inline bool rg_list_has(rg_list list, const rg_tensor *x) {
    for (int i = 0; i < list.count; i++)
        if (list.items[i] == x) return true;
    return false;
}
/* The index of the first child of net that has x, a parameter or buffer; -1: x is net's own. */
static inline int rg_nn_holder(const rg_nn *net, const rg_tensor *x) {
    for (int i = 0; i < net->nchildren; i++)
        if (rg_list_has(rg_nn_params(net->children[i]), x) || rg_list_has(rg_nn_buffers(net->children[i]), x)) return i;
    return -1;
}
/* The buffers that L-BFGS keeps from step to step, i = 0, 1, ..; NULL after the last. */
rg_tensor *rg_lbfgs_state(const rg_lbfgs *l, int i);

#pragma GCC visibility pop
#endif
