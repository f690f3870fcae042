/* nn.h - what makes a tape learn: parameters with initialisers, layers, optimisers, metrics, data.

   Everything made here belongs to the tape and lives as long as it does; nothing has to be released. Functions that
   make something return NULL after an error, which is on the tape; every function takes NULL: rg_nn_forward is then
   poisoned, functions that return int return -1. */
#ifndef RG_NN_H
#define RG_NN_H

#include "../engine/engine.h"
#include "../ops/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- parameters. Numbers come from rg_tape_rng(t) as doubles, in row-major order, and are rounded to the
   parameter's dtype: RG_NORMAL(0, s) draws what NumPy's default_rng(seed).normal(0, s, shape) draws.

   Weights multiply from the right, x w, so a matrix is [fan_in, fan_out]. As in Keras, n numbers [n] have both fans n,
   one number has both 1, and of [.., in, out] each fan is multiplied by the leading dimensions (a convolution's
   window). A matrix that multiplies from the left, w x, has its fans exchanged: give it RG_NORMAL(0, sqrt(2. /
   fan_in)). */
typedef enum rg_init_kind {
    RG_INIT_CONSTANT, RG_INIT_NORMAL, RG_INIT_UNIFORM, RG_INIT_FAN_IN_NORMAL, RG_INIT_FAN_IN_UNIFORM,
    RG_INIT_FAN_BOTH_NORMAL, RG_INIT_FAN_BOTH_UNIFORM, RG_INIT_NONE, RG_INIT_ORTHOGONAL, RG_INIT_TRUNC_NORMAL
} rg_init_kind;
typedef struct rg_init { rg_init_kind kind; double a, b, low, high; } rg_init;
#define RG_INIT_OF(kind, a, b) RG_OPTIONS(rg_init, kind, (double)(a), (double)(b), 0, 0)

#define RG_ZEROS RG_INIT_OF(RG_INIT_CONSTANT, 0, 0)
#define RG_ONES RG_INIT_OF(RG_INIT_CONSTANT, 1, 0)
#define RG_CONSTANT(c) RG_INIT_OF(RG_INIT_CONSTANT, c, 0)
#define RG_NORMAL(mean, std) RG_INIT_OF(RG_INIT_NORMAL, mean, std)
#define RG_UNIFORM(low, high) RG_INIT_OF(RG_INIT_UNIFORM, low, high) /* low <= x < high */
/* Glorot & Bengio 2010: std (2 / (fan_in + fan_out))^.5 */
#define RG_XAVIER_NORMAL RG_INIT_OF(RG_INIT_FAN_BOTH_NORMAL, 2, 0)
#define RG_XAVIER_UNIFORM RG_INIT_OF(RG_INIT_FAN_BOTH_UNIFORM, 2, 0) /* +-(6 / (fan_in + fan_out))^.5 */
#define RG_HE_NORMAL RG_INIT_OF(RG_INIT_FAN_IN_NORMAL, 2, 0)         /* std (2 / fan_in)^.5: He et al. 2015 */
#define RG_HE_UNIFORM RG_INIT_OF(RG_INIT_FAN_IN_UNIFORM, 2, 0)       /* +-(6 / fan_in)^.5 */
#define RG_LECUN_NORMAL RG_INIT_OF(RG_INIT_FAN_IN_NORMAL, 1, 0)      /* std (1 / fan_in)^.5: LeCun et al. 1998 */
#define RG_LECUN_UNIFORM RG_INIT_OF(RG_INIT_FAN_IN_UNIFORM, 1, 0)    /* +-(3 / fan_in)^.5 */
/* drawn again until low <= x <= high; the mean at most 2 std outside. A window up to 2 std wide is drawn from
   uniformly */
#define RG_TRUNC_NORMAL(mean, std, low, high) RG_OPTIONS(rg_init, RG_INIT_TRUNC_NORMAL, mean, std, low, high)
/* Q of normal numbers = Q R, times gain; [.., out] as [rows, out], its columns (or rows, if they are fewer)
   orthonormal: Saxe et al. 2014, Keras */
#define RG_ORTHOGONAL(gain) RG_INIT_OF(RG_INIT_ORTHOGONAL, gain, 0)
#define RG_NO_BIAS RG_INIT_OF(RG_INIT_NONE, 0, 0)                    /* .bias = RG_NO_BIAS: no such parameter */

/* rg_param(t, "w", RG_HE_NORMAL, 784, 128). A name that another parameter of the tape has is refused; NULL: without a
   name. */
rg_tensor *rg_param(rg_tape *t, const char *name, rg_init init, rg_dims shape);
int rg_init_fill(rg_tensor *x, rg_init init); /* new values for a float leaf */
/* the same for weights that are laid out otherwise: a normal, a uniform */
rg_init rg_init_with_fans(rg_init init, double in, double out);

/* -------- layers. A layer is a forward function with the parameters and layers it uses. It is complete before it is
   put into another; one that is put into several places shares its parameters. "To write layers", below, says how to
   write one.

   Each layer within another has a name there, its number if no other is given. A parameter is named by its place in the
   outermost net, as in PyTorch: "0.weight", "layer1.0.conv1.weight"; one with several places, by the first. Two nets
   may have equal names. */
typedef struct rg_nn rg_nn;
typedef rg_tensor *(*rg_nn_fn)(const char *at, rg_nn *net, rg_tensor *const *in);
/* A hook: gets what the layer was given, and y, what it returned. Returns what takes y's place, or NULL: y stays. */
typedef rg_tensor *(*rg_nn_hook)(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data);
typedef struct rg_nn_hooked { rg_nn_hook fn; void *data; } rg_nn_hooked;
enum { RG_NN_DEPTH = 64, RG_NN_INPUTS = 8 }; /* at most: layers within layers; inputs of a layer */

struct rg_nn {
    rg_tape *tape;
    const char *kind, *name;      /* "linear"; what rg_nn_named gave it, or NULL */
    rg_nn_fn forward;
    size_t size;                  /* of the whole struct, in bytes */
    int inputs, optional;         /* how many it takes at most; how many of these, the last ones, may be left out */
    rg_tensor **params;           /* in the order they were added, those of layers within included; each once */
    /* what is no parameter, but belongs into a checkpoint: running statistics. In order, as params */
    rg_tensor **buffers;
    rg_nn **children;             /* the layers within, in the order they were added, */
    const char **names;           /* and their names */
    rg_nn_hooked *hooks;          /* of rg_nn_on_forward */
    int nparams, nbuffers, nchildren, nhooks;
    int64_t params_size, buffers_size, children_size, names_size, hooks_size;
    rg_nn *copy;                  /* of this layer, while rg_nn_copy runs */
    int depth;
    bool training;                /* true at first; rg_nn_train sets it for a net and all within */
    bool placed, failed;          /* put into another; could not be made */
    bool was_training;            /* before rg_nn_eval */
    /* rg_nn_eval without rg_nn_eval_end: of nets that it is part of, itself included; of itself */
    int evals, eval_calls;
    bool ran;                     /* rg_nn_forward was called: the shape of what it returned last */
    int out_ndim;
    int64_t out_shape[RG_MAX_DIMS];
};

typedef struct rg_layers rg_layers; /* any number of rg_nn *, as arguments */
#define RG_LAYERS(...) RG_LIST(rg_nn *, __VA_ARGS__)

typedef struct rg_linear_options {
    rg_init bias; /* RG_ZEROS; RG_NO_BIAS for a layer without that parameter */
    RG_NAMED;
} rg_linear_options;
/* [.., in] -> [.., out]: x w + b, w [in, out] from init, b [out] */
rg_nn *rg_nn_linear(rg_tape *t, int64_t in, int64_t out, rg_init init, rg_linear_options options);
/* Layers one after another, made in the order written (gcc and clang see to that, the C standard does not). The first
   gets all inputs, each other one the result before it. */
rg_nn *rg_nn_sequential(rg_tape *t, rg_layers layers);
/* Linear layers of sizes[0] -> sizes[1] -> .. -> sizes[n-1] with an operator between them: rg_nn_mlp(t, "tanh",
   RG_XAVIER_UNIFORM, 784, 256, 10) */
rg_nn *rg_nn_mlp(rg_tape *t, const char *op, rg_init init, rg_dims sizes);
typedef struct rg_activation_options {
    double p, q; /* the numbers of an operator that has some: rg_nn_activation(t, "leaky_relu", .p = .01) */
    RG_NAMED;
} rg_activation_options;
/* Any operator of one operand and no other argument than numbers, by its name: rg_nn_activation(t, "sqrt") */
rg_nn *rg_nn_activation(rg_tape *t, const char *op, rg_activation_options options);
rg_nn *rg_nn_relu(rg_tape *t);
rg_nn *rg_nn_tanh(rg_tape *t);
rg_nn *rg_nn_sigmoid(rg_tape *t);
rg_nn *rg_nn_softplus(rg_tape *t);
rg_nn *rg_nn_flatten(rg_tape *t);                 /* [n, ..] -> [n, the rest] */
rg_nn *rg_nn_residual(rg_nn *net);                /* x + net(x), or x + net(x, more inputs) */

/* Convolutions and pools of images [n, channels, h, w], conv1d of [n, channels, length]: rg_nn_conv2d(t, 1, 6,
   RG_HE_UNIFORM, .kernel = {5}). w is [out, in / groups, kh, kw] as PyTorch's, its fans in / groups kh kw and out kh
   kw; b [out]. */
typedef struct rg_conv_options {
    int kernel[2], stride[2], padding[2], dilation[2], groups; /* rg_window_options has what they mean */
    rg_init bias;                                 /* RG_ZEROS, or RG_NO_BIAS */
    RG_NAMED;
} rg_conv_options;
rg_nn *rg_nn_conv2d(rg_tape *t, int64_t in, int64_t out, rg_init init, rg_conv_options options);
rg_nn *rg_nn_conv1d(rg_tape *t, int64_t in, int64_t out, rg_init init, rg_conv_options options);
rg_nn *rg_nn_max_pool2d(rg_tape *t, rg_window_options options);
rg_nn *rg_nn_avg_pool2d(rg_tape *t, rg_window_options options);

/* Normalisation: weight of ones, bias of zeros. layer_norm and rms_norm over the last axes, whose dimensions are given;
   eps is 1e-5, of rms_norm the dtype's epsilon; in _eps 0 is 0. Batch norm of [n, c] or [n, c, l], and of [n, c, h, w]:
   by the batch while training, and then moves its running statistics, the buffers "running_mean" and "running_var", by
   momentum; by these in evaluation. */
rg_nn *rg_nn_layer_norm(rg_tape *t, rg_dims shape);
rg_nn *rg_nn_layer_norm_eps(rg_tape *t, double eps, rg_dims shape);
rg_nn *rg_nn_rms_norm(rg_tape *t, rg_dims shape);
rg_nn *rg_nn_rms_norm_eps(rg_tape *t, double eps, rg_dims shape);
typedef struct rg_nn_batch_norm_options {
    double momentum;                              /* 0.1 */
    double eps;                                   /* 1e-5 */
    RG_NAMED;
} rg_nn_batch_norm_options;
rg_nn *rg_nn_batch_norm1d(rg_tape *t, int64_t c, rg_nn_batch_norm_options options);
rg_nn *rg_nn_batch_norm2d(rg_tape *t, int64_t c, rg_nn_batch_norm_options options);
rg_nn *rg_nn_dropout(rg_tape *t, double p);       /* rg_dropout while training, x in evaluation */

/* net(x), and of a layer of several inputs rg_nn_forward(net, x, time). Optional ones at the end may be left out, or
   NULL. */
rg_tensor *rg_nn_forward(rg_nn *net, rg_tensors inputs);
/* Before it is put into another: its name, also there. Its parameters become "name.weight" ..; returns net. */
rg_nn *rg_nn_named(rg_nn *net, const char *name);
/* the layer at "layer1.0.conv1" within net; NULL where there is none */
rg_nn *rg_nn_child(const rg_nn *net, const char *path);
/* for the optimiser: each parameter once; lives as long as the tape */
rg_list rg_nn_params(const rg_nn *net);
rg_list rg_nn_buffers(const rg_nn *net);          /* running statistics: a checkpoint has them too */
int64_t rg_nn_count(const rg_nn *net);            /* elements of all its parameters */
/* off: dropout and batch norm behave as in evaluation, and recording stays as it is; rg_nn_eval turns both off */
RG_PLAIN void rg_nn_train(rg_nn *net, bool on);
/* Evaluation, and back: until rg_nn_eval_end of the same net every layer's `training` is off, and what the net computes
   has no history. Calls nest. A net takes no more layers meanwhile. */
RG_PLAIN void rg_nn_eval(rg_nn *net);
void rg_nn_eval_end(rg_nn *net);                  /* an error without rg_nn_eval */
/* The tree of layers, a line each: name, kind, parameters, the shape of what it returned last, the number of its own
   parameters; then the sums. With an input x (NULL: none) the net is run on it first, in evaluation, and what that
   records is released; a net of several inputs is run before. 0, or -1 after an error. */
int rg_nn_print(rg_nn *net, rg_tensor *x, FILE *to);

/* fn is called after each forward of this layer, alone or within a net, behind those that were added before it. It may
   remove itself. rg_play does not call it. PyTorch's register_forward_hook. */
int rg_nn_on_forward(rg_nn *net, rg_nn_hook fn, void *data);
/* the first of that fn and data; an error where there is none */
int rg_nn_remove_hook(rg_nn *net, rg_nn_hook fn, void *data);

/* The same layers with parameters and buffers of their own: equal values, names, requires_grad. What is shared within
   the net is shared within the copy. It has the net's hooks and its `training` (not rg_nn_eval's), and is in no other.
   copy.deepcopy. */
rg_nn *rg_nn_copy(rg_nn *net);
/* Each parameter of `to` becomes (1 - tau) to + tau from, 0 <= tau <= 1, and each buffer that of `from`; tau 1 is a
   plain copy. In their order they have the same shapes. After an error -1, and nothing has changed. */
int rg_nn_mix(rg_nn *to, rg_nn *from, double tau);

/* -------- to write layers. A layer is a function, and a constructor that says what it uses:

       static rg_tensor *film(const char *at, rg_nn *net, rg_tensor *const *in) {
           (void)at;
           rg_tensor *x = in[0], *condition = in[1];                                    [n, c], [n, d]
           rg_tensor *scale = rg_nn_forward(net->children[0], condition);               [n, c]
           return rg_mul(rg_mul(x, scale), net->params[0]);
       }

       rg_nn *film_new(rg_tape *t, int64_t c, int64_t d) {
           rg_nn *net = rg_nn_new(t, "film", film, sizeof(rg_nn), .inputs = 2);
           rg_nn_param(net, "gain", RG_ONES, c);                                        net->params[0]
           rg_nn_add(net, "scale", rg_nn_linear(t, d, c, RG_XAVIER_NORMAL));            net->children[0]
           return net;
       }

       rg_tensor *y = rg_nn_forward(film_new(t, 8, 4), x, condition);

   Its parameters are "gain", "scale.weight" and "scale.bias".
   - `at` is the line that called rg_nn_forward. Messages about film then name film's lines. Functions with the suffix
     _at, rg_mul_at(at, x, y), put the caller's there.
   - net->params holds the parameters of the layers within, too. Add a layer's own first, and their numbers are simple.
   - Of optional inputs that were left out in[i] is NULL. All others can be read.
   - net->training is false in evaluation.
   - A layer with attributes has a struct of its own that begins with an rg_nn: typedef struct film { rg_nn nn; double
     p; } film; and passes sizeof(film). rg_nn_new fills it with zeros. After an error it returns NULL, which the others
     take.
   - rg_nn_copy copies the struct as it is. So reach parameters and layers through net->params and net->children, and
     keep no pointers to them: in a copy they would be those of the original.
   - An error marks the layer: rg_nn_forward refuses it. */
typedef struct rg_nn_options {
    int inputs;                                   /* 1; at most 8 */
    int optional;                                 /* so many of the last ones may be left out */
    RG_NAMED;
} rg_nn_options;
/* kind: for messages and rg_nn_print. Not copied: a string literal */
rg_nn *rg_nn_new(rg_tape *t, const char *kind, rg_nn_fn forward, size_t size, rg_nn_options options);
/* Names are not empty, have no dot, do not begin with @; within a layer no two are equal. */
rg_tensor *rg_nn_param(rg_nn *net, const char *name, rg_init init, rg_dims shape);
/* of one value, in the tape's dtype */
rg_tensor *rg_nn_buffer(rg_nn *net, const char *name, double value, rg_dims shape);
int rg_nn_add(rg_nn *net, const char *name, rg_nn *child); /* a layer within; NULL: the name it has, or its number */
/* A layer may have entry points other than rg_nn_forward. They call this first: it turns recording off if the net is in
   evaluation. It returns the old setting; give that to rg_record at the end. */
bool rg_nn_record(const rg_nn *net);

/* -------- optimisers work on parameters, never on layers: rg_params(t), rg_nn_params(net), or a list of your own.
   Formulas, their order and the defaults are PyTorch's. An option left out takes its default; RG_ZERO means 0 where
   that is not the default: rg_optim_adam(t, params, .beta1 = RG_ZERO). A parameter listed twice counts once. */
typedef struct rg_optim rg_optim;
typedef struct rg_sgd_options {
    double lr;              /* 0.001 */
    double momentum, dampening, weight_decay;
    bool nesterov;          /* wants momentum, and no dampening */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_sgd_options;
typedef struct rg_adam_options {
    double lr;              /* 0.001 */
    double beta1, beta2;    /* 0.9, 0.999 */
    double eps;             /* 1e-8 */
    double weight_decay;    /* adam: 0, added to the gradient; adamw: 0.01, taken off the parameter */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_adam_options;

/* d = g + weight_decay p; m = d at first, then momentum m + (1 - dampening) d; p -= lr m, nesterov: p -= lr (d +
   momentum m) */
rg_optim *rg_optim_sgd(rg_tape *t, rg_list params, rg_sgd_options options);
/* m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= lr m' / (sqrt(v') + eps) with m' = m / (1 -
   beta1^step), v' alike. Kingma & Ba 2015. adam: g is g + weight_decay p. adamw (Loshchilov & Hutter 2019): before all
   this, p *= 1 - lr weight_decay. */
rg_optim *rg_optim_adam(rg_tape *t, rg_list params, rg_adam_options options);
rg_optim *rg_optim_adamw(rg_tape *t, rg_list params, rg_adam_options options);

/* Uses the gradients of its parameters and clears them. A frozen parameter, or one that no gradient reached, keeps its
   value; that none reached any of them is an error. With the option .error_if_nonfinite so is a gradient that holds an
   infinity or a NaN. After an error, or for NULL: returns -1 and changes nothing. It allocates nothing and cannot fail
   half-way. */
RG_PLAIN int rg_optim_step(rg_optim *optim);
int rg_optim_set_lr(rg_optim *optim, double lr); /* of every group; 0 is 0 here */
double rg_optim_lr(const rg_optim *optim);                                     /* of the first group; NaN for NULL */

/* -------- metrics. logits [.., classes] with labels [..]: the prediction is the first largest logit (NaN is the
   largest, as in NumPy's argmax). logits [n] or [.., 1] with labels of their shape, or without the 1: two classes, 1
   where the logit is > 0. Labels are class numbers in any dtype. Neither leaves anything on the tape. */
typedef struct rg_metric_options {
    /* of the labels' shape, u8 or the logits' dtype, as in losses. Nonzero: the row counts; 0: it does not, and its
       label may be any */
    rg_tensor *mask;
    RG_NAMED;
} rg_metric_options;
/* share of rows predicted rightly; NaN after an error, or of no rows:
   rg_accuracy(logits, labels, .mask = rg_ne(labels, padding)) */
double rg_accuracy(rg_tensor *logits, rg_tensor *labels, rg_metric_options options);
/* Adds 1 to counts[label * classes + prediction] for every row; counts [classes, classes]; after an error they are as
   they were. */
int rg_confusion(rg_tensor *logits, rg_tensor *labels, int classes, int64_t *counts, rg_metric_options options);

#ifdef __cplusplus
}
#endif

#include "nn_calls.h"

#include "data.h"
#include "optim.h"
#include "save.h"
#include "sequence.h"

#endif
