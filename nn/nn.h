/* nn.h - layers and training: parameters with initialisers, layers, nets, optimisers, metrics.

   Layers, parameters and optimisers live as long as the tape, results until its reset; nothing has to be released.
   After an error, which is on the tape, a function that makes a layer, an optimiser or a loader returns NULL, one that
   returns a tensor a poisoned one, one that can fail and returns an int -1. Every function takes NULL. */
#ifndef RG_NN_H
#define RG_NN_H

#include "../engine/engine.h"
#include "../ops/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- parameters and initialisers. Numbers come from rg_tape_rng(t) as doubles, in row-major order, and are
   rounded to the parameter's dtype: RG_NORMAL(0, s) draws what NumPy's default_rng(seed).normal(0, s, shape) draws.

   A weight w multiplies from the right, x w, so a matrix is [fan_in, fan_out]. Fans are Keras's: [in, out] has in
   and out, [n] has n and n, rank 0 has 1 and 1; for [.., in, out] the leading dimensions multiply both fans. A
   weight of rg_conv2d is [out, in / groups, kh, kw]: give it rg_init_with_fans(RG_HE_NORMAL, in / groups * kh * kw,
   out * kh * kw). A matrix that multiplies from the left, w x, has its fans the other way round: give it
   RG_NORMAL(0, sqrt(2. / fan_in)). */
/* what an rg_init draws; RG_INIT_NONE: there is no such parameter. Programs use the constants below, RG_ZEROS .. */
typedef enum rg_init_kind {
    RG_INIT_CONSTANT, RG_INIT_NORMAL, RG_INIT_UNIFORM, RG_INIT_FAN_IN_NORMAL, RG_INIT_FAN_IN_UNIFORM,
    RG_INIT_FAN_BOTH_NORMAL, RG_INIT_FAN_BOTH_UNIFORM, RG_INIT_NONE, RG_INIT_ORTHOGONAL, RG_INIT_TRUNC_NORMAL
} rg_init_kind;
typedef struct rg_init { rg_init_kind kind; double a, b, low, high; } rg_init; /* an initialiser */
#define RG_INIT_OF(kind, a, b) RG_OPTIONS(rg_init, kind, (double)(a), (double)(b), 0, 0)

#define RG_ZEROS RG_INIT_OF(RG_INIT_CONSTANT, 0, 0)                  /* every element 0 */
#define RG_ONES RG_INIT_OF(RG_INIT_CONSTANT, 1, 0)                   /* every element 1 */
#define RG_CONSTANT(c) RG_INIT_OF(RG_INIT_CONSTANT, c, 0)            /* every element c */
#define RG_NORMAL(mean, std) RG_INIT_OF(RG_INIT_NORMAL, mean, std)   /* normal numbers */
#define RG_UNIFORM(low, high) RG_INIT_OF(RG_INIT_UNIFORM, low, high) /* low <= x < high */
/* Glorot & Bengio 2010: std (2 / (fan_in + fan_out))^.5 */
#define RG_XAVIER_NORMAL RG_INIT_OF(RG_INIT_FAN_BOTH_NORMAL, 2, 0)
#define RG_XAVIER_UNIFORM RG_INIT_OF(RG_INIT_FAN_BOTH_UNIFORM, 2, 0) /* +-(6 / (fan_in + fan_out))^.5 */
#define RG_HE_NORMAL RG_INIT_OF(RG_INIT_FAN_IN_NORMAL, 2, 0)         /* std (2 / fan_in)^.5: He et al. 2015 */
#define RG_HE_UNIFORM RG_INIT_OF(RG_INIT_FAN_IN_UNIFORM, 2, 0)       /* +-(6 / fan_in)^.5 */
#define RG_LECUN_NORMAL RG_INIT_OF(RG_INIT_FAN_IN_NORMAL, 1, 0)      /* std (1 / fan_in)^.5: LeCun et al. 1998 */
#define RG_LECUN_UNIFORM RG_INIT_OF(RG_INIT_FAN_IN_UNIFORM, 1, 0)    /* +-(3 / fan_in)^.5 */
/* normal numbers restricted to low <= x <= high (the truncated normal distribution); the mean may be at most 2 std
   outside low .. high */
#define RG_TRUNC_NORMAL(mean, std, low, high) RG_OPTIONS(rg_init, RG_INIT_TRUNC_NORMAL, mean, std, low, high)
/* gain times the Q of a matrix of normal numbers = Q R; [.., out] counts as [rows, out]. Its columns (or its rows,
   if they are fewer) are orthonormal: Saxe et al. 2014, Keras */
#define RG_ORTHOGONAL(gain) RG_INIT_OF(RG_INIT_ORTHOGONAL, gain, 0)
#define RG_NO_BIAS RG_INIT_OF(RG_INIT_NONE, 0, 0)                    /* .bias = RG_NO_BIAS: no such parameter */

/* A parameter with its first values: rg_param(t, "w", RG_HE_NORMAL, 784, 128). It refuses a name that another parameter
   of the tape has; name NULL: no name. */
rg_tensor *rg_param(rg_tape *t, const char *name, rg_init init, rg_dims shape);
int rg_init_fill(rg_tensor *x, rg_init init); /* new values for a float leaf */
/* init with these fans in place of those of the shape: returns an RG_NORMAL or RG_UNIFORM; init itself if it uses no
   fans */
rg_init rg_init_with_fans(rg_init init, double in, double out);

/* -------- layers. A layer is a forward function with the parameters and layers that it uses; a net is a layer too.
   Complete a layer before you put it into another one. A layer that is in several places shares its parameters.
   "Layers of your own", below, shows how to write one.

   A layer inside another has a name there; by default its number. A parameter is named by its place in the outermost
   net, as in PyTorch: "0.weight", "layer1.0.conv1.weight"; if it has several places, by the first. Two nets may have
   equal names. */
typedef struct rg_nn rg_nn;
/* The forward function of a layer: from its inputs in[0], in[1] .. to its result. `at` is the line of the call. */
typedef rg_tensor *(*rg_nn_fn)(const char *at, rg_nn *net, rg_tensor *const *in);
/* A hook: in is the input of the layer, y its result. It returns the tensor that replaces y, or NULL: y stays. */
typedef rg_tensor *(*rg_nn_hook)(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data);
typedef struct rg_nn_hooked { rg_nn_hook fn; void *data; } rg_nn_hooked; /* a hook that was added */
enum { RG_NN_DEPTH = 64, RG_NN_INPUTS = 8 }; /* at most: layers inside layers; inputs of a layer */

struct rg_nn {
    rg_tape *tape;
    const char *kind, *name;      /* "linear"; the name from rg_nn_named, or NULL */
    rg_nn_fn forward;
    size_t size;                  /* of the whole struct, in bytes */
    int inputs, optional;         /* the most it takes; how many of these, the last ones, may be left out */
    rg_tensor **params;           /* in the order they were added, with those of the layers inside; each once */
    /* running statistics: no parameters, but part of a checkpoint. In the order they were added */
    rg_tensor **buffers;
    rg_nn **children;             /* the layers inside, in the order they were added, */
    const char **names;           /* and their names */
    rg_nn_hooked *hooks;          /* added by rg_nn_on_forward */
    int nparams, nbuffers, nchildren, nhooks;
    int64_t params_size, buffers_size, children_size, names_size, hooks_size;
    rg_nn *copy;                  /* the copy of this layer, while rg_nn_copy runs */
    int depth;
    bool training;                /* true at first; rg_nn_train sets it for a net and all layers inside */
    bool placed, failed;          /* it is part of another layer; it could not be made */
    bool was_training;            /* `training` before rg_nn_eval */
    int evals;                    /* open rg_nn_eval calls on this layer and on nets that contain it */
    int eval_calls;               /* those on this layer itself */
    bool ran;                     /* rg_nn_forward has returned a result: its last shape is in out_ndim, out_shape */
    int out_ndim;
    int64_t out_shape[RG_MAX_DIMS];
};

typedef struct rg_layers rg_layers; /* any number of rg_nn *, as arguments */

/* -------- linear layers, activations, containers */
typedef struct rg_linear_options {
    rg_init bias; /* default RG_ZEROS; RG_NO_BIAS: no such parameter */
    RG_NAMED;
} rg_linear_options;
/* A fully connected (dense) layer, [.., in] -> [.., out]: x w + b, w [in, out] from init, b [out] */
rg_nn *rg_nn_linear(rg_tape *t, int64_t in, int64_t out, rg_init init, rg_linear_options options);
/* Layers one after another. gcc and clang make them in the order written; the C standard does not promise it. The
   first layer gets all inputs, every other one the result of the layer before it. */
rg_nn *rg_nn_sequential(rg_tape *t, rg_layers layers);
/* A multilayer perceptron: linear layers of sizes[0] -> sizes[1] -> .. -> sizes[n-1] with an operator between them:
   rg_nn_mlp(t, "tanh", RG_XAVIER_UNIFORM, 784, 256, 10) */
rg_nn *rg_nn_mlp(rg_tape *t, const char *op, rg_init init, rg_dims sizes);
typedef struct rg_activation_options {
    double p, q; /* the numbers of the operator, if it has any: rg_nn_activation(t, "leaky_relu", .p = .01) */
    RG_NAMED;
} rg_activation_options;
/* Any elementwise operator of one operand, by its name: rg_nn_activation(t, "sqrt") */
rg_nn *rg_nn_activation(rg_tape *t, const char *op, rg_activation_options options);
rg_nn *rg_nn_relu(rg_tape *t);                    /* rg_relu as a layer */
rg_nn *rg_nn_tanh(rg_tape *t);                    /* rg_tanh as a layer */
rg_nn *rg_nn_sigmoid(rg_tape *t);                 /* rg_sigmoid as a layer */
rg_nn *rg_nn_softplus(rg_tape *t);                /* rg_softplus as a layer */
rg_nn *rg_nn_flatten(rg_tape *t);                 /* [n, ..] -> [n, the rest] */
rg_nn *rg_nn_residual(rg_nn *net);                /* x + net(x), or x + net(x, more inputs) */

/* -------- convolution and pooling layers */
typedef struct rg_conv_options {
    int kernel[2], stride[2], padding[2], dilation[2], groups; /* see rg_window_options; the kernel must be given */
    rg_init bias;                                 /* default RG_ZEROS; or RG_NO_BIAS */
    RG_NAMED;
} rg_conv_options;
/* Convolution of images [n, channels, h, w], by conv1d of [n, channels, length]: rg_nn_conv2d(t, 1, 6, RG_HE_UNIFORM,
   .kernel = {5}). w is [out, in / groups, kh, kw] as in PyTorch; its fans are in / groups kh kw and out kh kw. b is
   [out]. */
rg_nn *rg_nn_conv2d(rg_tape *t, int64_t in, int64_t out, rg_init init, rg_conv_options options);
rg_nn *rg_nn_conv1d(rg_tape *t, int64_t in, int64_t out, rg_init init, rg_conv_options options);
/* Pooling: rg_max_pool2d and rg_avg_pool2d as layers. rg_nn_max_pool2d(t, .kernel = {2}) */
rg_nn *rg_nn_max_pool2d(rg_tape *t, rg_window_options options);
rg_nn *rg_nn_avg_pool2d(rg_tape *t, rg_window_options options);
rg_nn *rg_nn_global_avg_pool2d(rg_tape *t);       /* [n, channels, h, w] -> [n, channels]: Keras, the end of a ResNet */

/* -------- normalisation and dropout layers */
typedef struct rg_nn_batch_norm_options {
    double momentum;                              /* of the running statistics; default 0.1 */
    double eps;                                   /* default 1e-5 */
    RG_NAMED;
} rg_nn_batch_norm_options;
/* Batch norm, layer norm, RMS norm: weight of ones, bias of zeros. layer_norm and rms_norm work over the last axes,
   whose sizes are given. Default eps: 1e-5; for rms_norm the dtype's epsilon. The _eps functions take the number as it
   is, also 0. batch_norm1d takes [n, c] or [n, c, l], batch_norm2d [n, c, h, w]. In training they use the statistics of
   the batch and update the buffers "running_mean" and "running_var" with momentum; in evaluation they use these
   buffers. */
rg_nn *rg_nn_layer_norm(rg_tape *t, rg_dims shape);
rg_nn *rg_nn_layer_norm_eps(rg_tape *t, double eps, rg_dims shape);
rg_nn *rg_nn_rms_norm(rg_tape *t, rg_dims shape);
rg_nn *rg_nn_rms_norm_eps(rg_tape *t, double eps, rg_dims shape);
rg_nn *rg_nn_batch_norm1d(rg_tape *t, int64_t c, rg_nn_batch_norm_options options);
rg_nn *rg_nn_batch_norm2d(rg_tape *t, int64_t c, rg_nn_batch_norm_options options);
rg_nn *rg_nn_dropout(rg_tape *t, double p);       /* rg_dropout in training, x in evaluation */

/* -------- calling a net, its parameters, evaluation */
/* net(x); for a layer of several inputs rg_nn_forward(net, x, time). Optional inputs at the end may be left out, or
   NULL. */
rg_tensor *rg_nn_forward(rg_nn *net, rg_tensors inputs);
/* Names a layer. Call it before the layer is put into another one, where it keeps this name. Its parameters become
   "name.weight" ..; returns net. */
rg_nn *rg_nn_named(rg_nn *net, const char *name);
/* the layer at "layer1.0.conv1" inside net; NULL: there is none */
rg_nn *rg_nn_child(const rg_nn *net, const char *path);
/* for the optimiser: each parameter once; the list lives as long as the tape */
rg_list rg_nn_params(const rg_nn *net);
rg_list rg_nn_buffers(const rg_nn *net);          /* running statistics, which a checkpoint has too */
/* Both, parameters first: what a copy of the net's values must have. For rg_ema_new, rg_early_stopping_new. The list
   lives as long as the tape, so make it before the loop. Empty for NULL, or after an error. */
rg_list rg_nn_state(rg_nn *net);
/* Off: freezes the net, for fine-tuning say; on: thaws it. It calls rg_requires_grad for every parameter and returns
   net: a frozen parameter gets no gradient, and an optimiser leaves it as it is, also with weight decay or momentum.
   The running statistics of batch norm still move in training: rg_nn_train(net, false) keeps them. */
rg_nn *rg_nn_requires_grad(rg_nn *net, bool on);
int64_t rg_nn_count(const rg_nn *net);            /* number of elements of all its parameters */
/* The mode alone. On: training, as after PyTorch's net.train(). Off: dropout and batch norm behave as in evaluation,
   and results still have a history, as after PyTorch's net.eval(). */
RG_PLAIN void rg_nn_train(rg_nn *net, bool on);
/* Evaluation: until rg_nn_eval_end of the same net `training` of every layer is off (batch norm uses its running
   statistics, dropout does nothing), and results of the net have no history, as with PyTorch's net.eval() and
   torch.no_grad(). So rg_grad through the net is an error: use rg_nn_train(net, false) for that. Other operations are
   recorded as usual. Calls nest. Meanwhile nothing can be added to the net. */
RG_PLAIN void rg_nn_eval(rg_nn *net);
void rg_nn_eval_end(rg_nn *net);                  /* an error if there was no rg_nn_eval */
/* A summary of the model: the tree of layers, a line each, with name, kind, parameters, the shape of its last result,
   the number of its own parameters; then the sums:

       sequential                                         [8,10]
         0: linear  weight[784,16] bias[16]               [8,16]                  12560
         1: relu                                          [8,16]
         2: linear  weight[16,10] bias[10]                [8,10]                    170
       12730 parameters in 4 tensors, 50920 bytes

   With an input x the net is first run on it, in evaluation, and what that makes is released. For a net of several
   inputs call rg_nn_forward yourself before, and pass NULL. 0, or -1 after an error. PyTorch's print(model), and
   torchsummary. */
int rg_nn_print(rg_nn *net, rg_tensor *x, FILE *to);

/* -------- hooks and copies of a net */
/* fn is called after each forward of this layer, alone or inside a net, and after the hooks that were added before
   it. It may remove itself. rg_play does not call it. PyTorch's register_forward_hook. */
int rg_nn_on_forward(rg_nn *net, rg_nn_hook fn, void *data);
/* removes the first hook with this fn and data; an error if there is none */
int rg_nn_remove_hook(rg_nn *net, rg_nn_hook fn, void *data);

/* A copy of the net with its own parameters and buffers: equal values, names, requires_grad. What is shared inside
   the net is shared inside the copy. The copy has the same hooks and the same `training` (not that of rg_nn_eval),
   and is not part of another layer. As Python's copy.deepcopy. */
rg_nn *rg_nn_copy(rg_nn *net);
/* The soft update of target networks (Polyak averaging). Each parameter of `to` becomes (1 - tau) to + tau from, 0
   <= tau <= 1; each buffer becomes that of `from`. tau 1 is a plain copy. Both nets have the same shapes in the
   same order. -1 after an error, and nothing has changed. */
int rg_nn_soft_update(rg_nn *to, rg_nn *from, double tau);

/* -------- layers of your own (custom modules). A layer is a function, and a constructor that adds its parameters and
   layers:

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
   - in[0], in[1] .. are the inputs. in[i] is NULL for an optional one that was left out. All others can be read.
   - `at` is the line that called rg_nn_forward. As written above, error messages name the lines inside film. To name
     the caller's line, call the functions with the suffix _at, which take tensors only, lists as a count and an array,
     and options as a struct: rg_mul_at(at, x, y), rg_mul_scalar_at(at, x, 2), rg_sum_at(at, x, 1, &axis).
   - net->params also has the parameters of the layers inside. Add a layer's own parameters first: then they are
     net->params[0], [1] ..
   - net->training is false in evaluation.
   - A layer with attributes has its own struct, which begins with an rg_nn: typedef struct film { rg_nn nn; double
     p; } film; pass sizeof(film). rg_nn_new fills it with zeros. After an error rg_nn_new returns NULL, and the other
     functions take NULL.
   - rg_nn_copy copies the struct byte by byte. So use net->params and net->children, and keep no pointers to
     parameters and layers: in a copy they would point to those of the original.
   - A layer returns one tensor. To return two of the same shape, join them: rg_concat(s, t, -1) in the layer,
     rg_chunk(y, out, -1, 2) outside. For other results write an entry point of your own: see rg_nn_record.
   - An error marks the layer: rg_nn_forward refuses it. */
typedef struct rg_nn_options {
    int inputs;                                   /* default 1; at most 8 */
    int optional;                                 /* how many of the last ones may be left out */
    RG_NAMED;
} rg_nn_options;
/* A layer with this forward function. kind: for messages and rg_nn_print. It is not copied: pass a string literal.
   size: of its struct, sizeof(rg_nn) at least */
rg_nn *rg_nn_new(rg_tape *t, const char *kind, rg_nn_fn forward, size_t size, rg_nn_options options);
/* Adds a parameter to a layer. A name is not empty, has no dot, and does not begin with @; in one layer no two are
   equal. */
rg_tensor *rg_nn_param(rg_nn *net, const char *name, rg_init init, rg_dims shape);
/* Adds a buffer filled with one value, in the tape's dtype. Other values: rg_write(rg_nn_buffer(net, "mask", 0, 2, 3),
   values) */
rg_tensor *rg_nn_buffer(rg_nn *net, const char *name, double value, rg_dims shape);
/* adds a layer inside; name NULL: its own name, or its number */
int rg_nn_add(rg_nn *net, const char *name, rg_nn *child);
/* A layer may have entry points other than rg_nn_forward, with several results, say. They call this first: it turns
   recording off if the net is in evaluation. It returns the old setting; give that to rg_record at the end:

       rg_nn *net = rg_nn_new(t, "flow", flow_forward, 0);        a forward function is compulsory
       rg_nn_add(net, "scale", rg_nn_linear(t, 2, 2, RG_ZEROS));

       rg_tensor *flow_encode(rg_nn *net, rg_tensor *x, rg_tensor **log_det) {
           bool recording = rg_nn_record(net);
           rg_tensor *s = rg_nn_forward(rg_nn_child(net, "scale"), x);
           *log_det = rg_sum(s, -1);
           rg_tensor *z = rg_mul(x, rg_exp(s));
           rg_record(rg_tape_of(x), recording);
           return z;
       }

   After an error net is NULL: call rg_nn_child(net, ..), not net->children[0]. */
bool rg_nn_record(const rg_nn *net);

/* -------- optimisers. An optimiser works on a list of parameters: rg_nn_params(net), rg_params(t), or one of your own.
   Formulas, their order and the defaults are PyTorch's. An option that is left out has its default; RG_ZERO means 0
   where that is not the default: rg_optim_adam(t, params, .beta1 = RG_ZERO). A parameter listed twice counts once. */
typedef struct rg_optim rg_optim;
typedef struct rg_sgd_options {
    double lr;              /* the learning rate; default 0.001 */
    double momentum, dampening, weight_decay; /* default 0 */
    bool nesterov;          /* needs momentum, and no dampening */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_sgd_options;
typedef struct rg_adam_options {
    double lr;              /* the learning rate; default 0.001 */
    double beta1, beta2;    /* default 0.9, 0.999 */
    double eps;             /* default 1e-8 */
    double weight_decay;    /* adam: default 0, added to the gradient; adamw: 0.01, subtracted from the parameter */
    bool error_if_nonfinite; /* see rg_optim_step */
    RG_NAMED;
} rg_adam_options;

/* Stochastic gradient descent. d = g + weight_decay p; m = d in the first step, then momentum m + (1 - dampening) d;
   p -= lr m, nesterov: p -= lr (d + momentum m) */
rg_optim *rg_optim_sgd(rg_tape *t, rg_list params, rg_sgd_options options);
/* m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= lr m' / (sqrt(v') + eps) with m' = m / (1 -
   beta1^step), and v' likewise. Kingma & Ba 2015. adam: g is g + weight_decay p. adamw (Loshchilov & Hutter 2019):
   before all this, p *= 1 - lr weight_decay. */
rg_optim *rg_optim_adam(rg_tape *t, rg_list params, rg_adam_options options);
rg_optim *rg_optim_adamw(rg_tape *t, rg_list params, rg_adam_options options);

/* Uses the gradients of its parameters and clears them. A parameter that is frozen, or has no gradient, keeps its
   value. If no parameter has a gradient, that is an error; with .error_if_nonfinite also if a gradient has an
   infinity or a NaN. After an error, or for NULL: returns -1 and changes nothing; the gradients stay, too, until
   rg_zero_grad. It allocates nothing and cannot fail half-way. */
RG_PLAIN int rg_optim_step(rg_optim *optim);
int rg_optim_set_lr(rg_optim *optim, double lr); /* sets the learning rate of every group; 0 means 0 here */
/* the learning rate of the first group; NaN for NULL */
double rg_optim_lr(const rg_optim *optim);

/* -------- metrics. logits [.., classes] with labels [..]: the prediction is the first largest logit (NaN is the
   largest, as in NumPy's argmax). logits [n] or [.., 1] with labels of their shape, or without the 1: two classes,
   and the prediction is 1 if the logit is > 0. Labels are class numbers in any dtype. These functions leave nothing
   on the tape. */
typedef struct rg_metric_options {
    /* of the labels' shape, u8 or the logits' dtype, as in losses. Nonzero: the row counts. 0: it does not count,
       and its label may have any value */
    rg_tensor *mask;
    RG_NAMED;
} rg_metric_options;
/* share of rows with the right prediction; NaN after an error, or without rows: rg_accuracy(logits, labels, .mask =
   rg_ne(labels, padding)) */
double rg_accuracy(rg_tensor *logits, rg_tensor *labels, rg_metric_options options);
/* Adds 1 to counts[label * classes + prediction] for every row; counts is [classes, classes]. Over the batches of an
   epoch: the accuracy is the sum of the diagonal / the sum of all. After an error it has not changed. */
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
