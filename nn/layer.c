/* layer.c - layers: a forward function with its parameters and the layers within; linear, sequential, residual, activations, flatten. */
#include <string.h>

#include "nn/update.h"

/* -------- what every layer shares */

rg_nn *rg_nn_new_at(const char *at, rg_tape *t, const char *kind, rg_nn_fn forward, size_t size) {
    if (rg_error_code(t)) return NULL;
    if (!kind || !forward || size < sizeof(rg_nn))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_new: %s", !kind ? "a layer without a kind" : !forward ? "a layer without a forward function"
            : "a layer smaller than an rg_nn"), NULL;
    rg_nn *net = rg_tape_own(at, t, size);
    if (!net) return NULL;
    net->tape = t;
    net->kind = kind;
    net->forward = forward;
    net->training = true;
    net->depth = 1;
    return net;
}

static int append(const char *at, rg_tape *t, rg_tensor ***list, int *count, int64_t *size, rg_tensor *x) {
    rg_tensor **longer = rg_grown_own(at, t, *list, *count, size, sizeof x);
    if (!longer) return -1;
    *list = longer;
    (*list)[(*count)++] = x;
    return 0;
}

static int add_param(const char *at, rg_nn *net, rg_tensor *x) { return append(at, net->tape, &net->params, &net->nparams, &net->params_size, x); }
static int add_buffer(const char *at, rg_nn *net, rg_tensor *x) { return append(at, net->tape, &net->buffers, &net->nbuffers, &net->buffers_size, x); }

/* "weight" -> "prefix.weight" */
static int prefix_name(rg_tensor *x, const char *prefix) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", prefix, x->name ? x->name : "param");
    rg_set_name(x, name);
    return x->name && !strcmp(x->name, name) ? 0 : -1;
}

/* A layer takes more parts until it is part of another, whose list of parameters would miss them. */
static int open_for_parts(const char *at, rg_nn *net, const char *who) {
    if (!net) return -1;
    net->failed |= rg_error_code(net->tape) != RG_OK;
    if (net->failed) return -1;
    if (net->evals) return rg_fail(net->tape, RG_ESTATE, at, "%s: the %s is in evaluation", who, net->kind);
    return net->placed ? rg_fail(net->tape, RG_ESTATE, at, "%s: the %s is part of another layer already", who, net->kind) : 0;
}

/* A file tells parameters and buffers of a net apart by their names. Of layers within layers they may still change: the optimiser looks. */
static int check_name(const char *at, const rg_nn *net, const char *who, rg_tensor *x) {
    const rg_list one = {&x, 1};
    return rg_names_check(at, net->tape, who, rg_nn_params(net), one) || rg_names_check(at, net->tape, who, rg_nn_buffers(net), one);
}

rg_tensor *rg_nn_param_at(const char *at, rg_nn *net, const char *name, rg_init init, int ndim, const int64_t *shape) {
    rg_tape *t = net ? net->tape : NULL;
    if (open_for_parts(at, net, "rg_nn_param")) return rg_poison(t);
    rg_tensor *x = rg_param_at(at, t, name, init, ndim, shape);
    net->failed = rg_failed(x) || (net->name && prefix_name(x, net->name)) || check_name(at, net, "rg_nn_param", x) || add_param(at, net, x);
    return net->failed ? rg_poison(t) : x;
}

rg_tensor *rg_nn_buffer_at(const char *at, rg_nn *net, const char *name, double value, int ndim, const int64_t *shape) {
    rg_tape *t = net ? net->tape : NULL;
    if (open_for_parts(at, net, "rg_nn_buffer")) return rg_poison(t);
    rg_tensor *x = rg_buffer_at(at, t, name, rg_default_dtype(t), NULL, ndim, shape);
    net->failed = rg_failed(x) || rg_init_fill_at(at, x, RG_CONSTANT(value)) || (net->name && prefix_name(x, net->name)) ||
        check_name(at, net, "rg_nn_buffer", x) || add_buffer(at, net, x);
    return net->failed ? rg_poison(t) : x;
}

/* The parameters, or the buffers, of a layer that comes within net, each once, under the names of their place there. */
static int take_over(const char *at, rg_nn *net, const rg_nn *child, rg_list have, rg_list more, int (*add)(const char *, rg_nn *, rg_tensor *),
    const char *place) {
    for (int i = 0; i < more.count; i++) {
        rg_tensor *x = more.items[i];
        if (rg_list_has(have, x)) continue;
        if (add(at, net, x)) return -1;
        if (!child->name && !child->placed && prefix_name(x, place)) return -1;
        if (net->name && prefix_name(x, net->name)) return -1;
    }
    return 0;
}

static int add_child(const char *at, rg_nn *net, rg_nn *child) {
    rg_tape *t = net->tape;
    if (!child) return rg_fail(t, RG_EVALUE, at, "rg_nn_add: layer %d of a %s is NULL", net->nchildren, net->kind);
    if (child->tape != t) return rg_fail(t, RG_ESTATE, at, "rg_nn_add: layer %d of a %s is from another tape", net->nchildren, net->kind);
    if (child == net) return rg_fail(t, RG_EVALUE, at, "rg_nn_add: a %s within itself", net->kind);
    if (child->failed) return rg_fail(t, RG_ESTATE, at, "rg_nn_add: layer %d, a %s, could not be made", net->nchildren, child->kind);
    if (child->depth >= RG_NN_DEPTH) return rg_fail(t, RG_EVALUE, at, "rg_nn_add: more than %d layers within layers", RG_NN_DEPTH);
    rg_nn **children = rg_grown_own(at, t, net->children, net->nchildren, &net->children_size, sizeof child);
    if (!children) return -1;
    net->children = children;
    char place[16];
    snprintf(place, sizeof place, "%d", net->nchildren);
    net->children[net->nchildren++] = child;
    if (net->depth <= child->depth) net->depth = child->depth + 1;
    if (take_over(at, net, child, rg_nn_params(net), rg_nn_params(child), add_param, place) ||
        take_over(at, net, child, rg_nn_buffers(net), rg_nn_buffers(child), add_buffer, place)) return -1;
    child->placed = true;
    return 0;
}

int rg_nn_add_at(const char *at, rg_nn *net, rg_nn *child) {
    if (open_for_parts(at, net, "rg_nn_add")) return -1;
    net->failed = add_child(at, net, child);
    return net->failed ? -1 : 0;
}

rg_nn *rg_nn_named_at(const char *at, rg_nn *net, const char *name) {
    if (!net || !name || rg_error_code(net->tape)) return net;
    if (net->placed) return rg_fail(net->tape, RG_ESTATE, at, "rg_nn_named: the %s is part of another layer already", net->kind), net;
    char *copy = rg_tape_own(at, net->tape, strlen(name) + 1);
    net->failed |= !copy;
    if (!copy) return net;
    memcpy(copy, name, strlen(name) + 1);
    net->name = copy;
    for (int i = 0; i < net->nparams; i++) net->failed |= prefix_name(net->params[i], name) != 0;
    for (int i = 0; i < net->nbuffers; i++) net->failed |= prefix_name(net->buffers[i], name) != 0;
    return net;
}

rg_list rg_nn_params(const rg_nn *net) { return net ? (rg_list){net->params, net->nparams} : (rg_list){NULL, 0}; }

rg_list rg_nn_buffers(const rg_nn *net) { return net ? (rg_list){net->buffers, net->nbuffers} : (rg_list){NULL, 0}; }

/* Recursion no deeper than RG_NN_DEPTH: rg_nn_add sees to it. */
void rg_nn_train(rg_nn *net, bool on) {
    if (!net) return;
    net->training = on;
    for (int i = 0; i < net->nchildren; i++) rg_nn_train(net->children[i], on);
}

rg_tensor *rg_nn_forward_at(const char *at, rg_nn *net, rg_tensor *x) {
    rg_tape *t = net ? net->tape : rg_tape_of(x);
    if (!net) return rg_refuse(t, RG_EVALUE, at, "rg_nn_forward: the net is NULL");
    if (net->failed) return rg_refuse(t, RG_ESTATE, at, "rg_nn_forward: the %s could not be made", net->kind);
    if (rg_failed(x))
        return rg_refuse(t, RG_ESTATE, at, "rg_nn_forward: the input of the %s is %s", net->kind, x ? "what a failed operation returned" : "NULL");
    if (rg_error_code(t)) return rg_poison(t);
    const bool recording = rg_nn_record(net);
    rg_tensor *y = net->forward(at, net, x);
    rg_record(t, recording);
    if (!y) return rg_refuse(t, RG_ESTATE, at, "rg_nn_forward: the %s returned NULL", net->kind);
    if (rg_failed(y)) return y;
    net->ran = true;
    net->out_ndim = y->ndim;
    memcpy(net->out_shape, y->shape, sizeof y->shape);
    return y;
}

/* -------- the layers */

static rg_tensor *linear(const char *at, rg_nn *net, rg_tensor *x) {
    return net->nparams > 1 ? rg_linear_at(at, x, net->params[0], net->params[1])
                            : rg_matmul_at(at, x, net->params[0], (rg_matmul_options){0});
}

rg_nn *rg_nn_linear_at(const char *at, rg_tape *t, int64_t in, int64_t out, rg_init init, rg_linear_options options) {
    if (in < 0 || out < 0) return rg_fail(t, RG_ESHAPE, at, "rg_nn_linear: [%lld,%lld] has a negative dimension", (long long)in, (long long)out), NULL;
    rg_nn *net = rg_nn_new_at(at, t, "linear", linear, sizeof(rg_nn));
    rg_nn_param_at(at, net, "weight", init, 2, (const int64_t[]){in, out});
    if (options.bias.kind != RG_INIT_NONE) rg_nn_param_at(at, net, "bias", options.bias, 1, &out);
    return net && net->failed ? NULL : net;
}

static rg_tensor *sequential(const char *at, rg_nn *net, rg_tensor *x) {
    for (int i = 0; i < net->nchildren; i++) x = rg_nn_forward_at(at, net->children[i], x);
    return x;
}

rg_nn *rg_nn_sequential_at(const char *at, rg_tape *t, int n, rg_nn *const *layers) {
    if (n > 0 && !layers) return rg_fail(t, RG_EVALUE, at, "rg_nn_sequential: %d layers, but the list is NULL", n), NULL;
    rg_nn *net = rg_nn_new_at(at, t, "sequential", sequential, sizeof(rg_nn));
    for (int i = 0; i < n; i++) rg_nn_add_at(at, net, layers[i]);
    return net && net->failed ? NULL : net;
}

static rg_tensor *residual(const char *at, rg_nn *net, rg_tensor *x) { return rg_add_at(at, x, rg_nn_forward_at(at, net->children[0], x)); }

rg_nn *rg_nn_residual_at(const char *at, rg_nn *child) {
    if (!child) return NULL;
    rg_nn *net = rg_nn_new_at(at, child->tape, "residual", residual, sizeof(rg_nn));
    return rg_nn_add_at(at, net, child) ? NULL : net;
}

typedef struct activation { rg_nn nn; const rg_op *op; rg_attr attr; } activation;

static rg_tensor *activate(const char *at, rg_nn *net, rg_tensor *x) {
    const activation *a = (const activation *)net;
    return rg_apply(a->op, at, a->attr, 1, &x);
}

/* A row of a table of elementwise operators: whose samples have a range, and whose other attributes are numbers. */
static bool is_elementwise(const rg_op *op) { return op->arity == 1 && op->forward[0][0] && op->range[0] < op->range[1]; }

rg_nn *rg_nn_activation_at(const char *at, rg_tape *t, const char *name, rg_activation_options options) {
    const rg_op *op = name ? rg_op_find(name) : NULL;
    if (!op || !is_elementwise(op))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_activation: \"%s\" is no operator of one operand", name ? name : "NULL"), NULL;
    activation *net = (activation *)rg_nn_new_at(at, t, op->name, activate, sizeof *net);
    if (!net) return NULL;
    net->op = op;
    net->attr = (rg_attr){.p = options.p, .q = options.q};
    return &net->nn;
}
rg_nn *rg_nn_relu_at(const char *at, rg_tape *t) { return rg_nn_activation_at(at, t, "relu", (rg_activation_options){0}); }
rg_nn *rg_nn_tanh_at(const char *at, rg_tape *t) { return rg_nn_activation_at(at, t, "tanh", (rg_activation_options){0}); }
rg_nn *rg_nn_sigmoid_at(const char *at, rg_tape *t) { return rg_nn_activation_at(at, t, "sigmoid", (rg_activation_options){0}); }
rg_nn *rg_nn_softplus_at(const char *at, rg_tape *t) { return rg_nn_activation_at(at, t, "softplus", (rg_activation_options){0}); }

rg_nn *rg_nn_mlp_at(const char *at, rg_tape *t, const char *op, rg_init init, int n, const int64_t *sizes) {
    if (n < 2 || !sizes) return rg_fail(t, RG_EVALUE, at, "rg_nn_mlp: %d sizes; two at least, of the input and the output", n), NULL;
    rg_nn *net = rg_nn_sequential_at(at, t, 0, NULL);
    for (int i = 0; i + 1 < n; i++) {
        if (i) rg_nn_add_at(at, net, rg_nn_activation_at(at, t, op, (rg_activation_options){0}));
        rg_nn_add_at(at, net, rg_nn_linear_at(at, t, sizes[i], sizes[i + 1], init, (rg_linear_options){0}));
    }
    return net && net->failed ? NULL : net;
}

static rg_tensor *flatten(const char *at, rg_nn *net, rg_tensor *x) {
    int64_t rest;
    size_t bytes;
    if (x->ndim < 1 || rg_size(x->dtype, x->ndim - 1, x->shape + 1, &rest, &bytes))
        return rg_refuse(net->tape, RG_ESHAPE, at, "flatten: a tensor of %d dimensions has no first axis to keep", x->ndim);
    return rg_reshape_at(at, x, 2, (const int64_t[]){x->shape[0], rest});
}

rg_nn *rg_nn_flatten_at(const char *at, rg_tape *t) { return rg_nn_new_at(at, t, "flatten", flatten, sizeof(rg_nn)); }
