/* layer.c - layers: a forward function with parameters, child layers and hooks; linear, sequential, residual, activations, flatten. */
#include <string.h>

#include "nn/optim/update.h"

/* -------- what every layer shares */

rg_nn *rg_nn_new_at(const char *at, rg_tape *t, const char *kind, rg_nn_fn forward, size_t size, rg_nn_options o) {
    const int inputs = o.inputs ? o.inputs : 1;
    if (rg_error_code(t)) return NULL;
    if (!kind || !forward || size < sizeof(rg_nn))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_new: %s", !kind ? "a layer without a kind" : !forward ? "a layer without a forward function"
            : "a layer smaller than an rg_nn"), NULL;
    if (inputs < 1 || inputs > RG_NN_INPUTS || o.optional < 0 || o.optional >= inputs)
        return rg_fail(t, RG_EVALUE, at,
            "rg_nn_new: a %s of %d inputs, %d of them optional: there are 1 to %d, and the first is not optional",
            kind, inputs, o.optional, RG_NN_INPUTS), NULL;
    rg_nn *net = rg_tape_own(at, t, size);
    if (!net) return NULL;
    net->tape = t;
    net->kind = kind;
    net->forward = forward;
    net->size = size;
    net->inputs = inputs, net->optional = o.optional;
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

static int add_param(const char *at, rg_nn *net, rg_tensor *x) {
    return append(at, net->tape, &net->params, &net->nparams, &net->params_size, x);
}
static int add_buffer(const char *at, rg_nn *net, rg_tensor *x) {
    return append(at, net->tape, &net->buffers, &net->nbuffers, &net->buffers_size, x);
}

/* A layer cannot get more parts once it is part of another layer, whose list of parameters would miss them. */
static int open_for_parts(const char *at, rg_nn *net, const char *who) {
    if (!net) return -1;
    net->failed |= rg_error_code(net->tape) != RG_OK;
    if (net->failed) return -1;
    if (net->evals) return rg_fail(net->tape, RG_ESTATE, at, "%s: the %s is in evaluation", who, net->kind);
    return net->placed ? rg_fail(net->tape, RG_ESTATE, at, "%s: the %s is part of another layer already", who, net->kind) : 0;
}

/* -------- names. The name of a tensor has the names of all layers around it, "layer1.0.conv1.weight", and changes with each layer that is
   put around. The parts of a layer have different names. */

static char *copied(const char *at, rg_tape *t, const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = rg_tape_own(at, t, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static int check_word(const char *at, rg_tape *t, const char *who, const char *name) {
    if (name && *name && *name != '@' && !strchr(name, '.')) return 0;
    return rg_fail(t, RG_EVALUE, at, "%s: \"%.80s\" is no name: a name is not empty, has no dot and does not begin with @", who,
        name ? name : "");
}

/* "prefix.weight" -> "weight" */
static const char *after_prefix(const char *name, const char *prefix) {
    const size_t n = prefix ? strlen(prefix) : 0;
    return n && !strncmp(name, prefix, n) && name[n] == '.' ? name + n + 1 : name;
}

static bool has_name(rg_list list, const char *prefix, const char *name) {
    for (int i = 0; i < list.count; i++)
        if (!strcmp(after_prefix(list.items[i]->name, prefix), name)) return true;
    return false;
}

static int child_of(const rg_nn *net, const char *name, size_t length) { /* its number; -1: there is none */
    for (int i = 0; i < net->nchildren; i++)
        if (!strncmp(net->names[i], name, length) && !net->names[i][length]) return i;
    return -1;
}

static int check_part(const char *at, const rg_nn *net, const char *who, const char *name) {
    if (check_word(at, net->tape, who, name)) return -1;
    const bool taken = child_of(net, name, strlen(name)) >= 0 || has_name(rg_nn_params(net), net->name, name) ||
                       has_name(rg_nn_buffers(net), net->name, name);
    if (!taken) return 0;
    return rg_fail(net->tape, RG_EVALUE, at, "%s: the %s has a part named %.80s already", who, net->kind, name);
}

static int name_part(const rg_nn *net, rg_tensor *x, const char *name) {
    return net->name ? rg_name_as(x, "%s.%s", net->name, name) : rg_name_as(x, "%s", name);
}

rg_tensor *rg_nn_param_at(const char *at, rg_nn *net, const char *name, rg_init init, int ndim, const int64_t *shape) {
    rg_tape *t = net ? net->tape : NULL;
    if (open_for_parts(at, net, "rg_nn_param")) return rg_poison(t);
    rg_tensor *x = check_part(at, net, "rg_nn_param", name) ? NULL : rg_param_unnamed(at, t, net->kind, name, init, ndim, shape);
    net->failed = rg_failed(x) || name_part(net, x, name) || add_param(at, net, x);
    return net->failed ? rg_poison(t) : x;
}

rg_tensor *rg_nn_buffer_at(const char *at, rg_nn *net, const char *name, double value, int ndim, const int64_t *shape) {
    rg_tape *t = net ? net->tape : NULL;
    if (open_for_parts(at, net, "rg_nn_buffer")) return rg_poison(t);
    rg_tensor *x = check_part(at, net, "rg_nn_buffer", name) ? NULL : rg_buffer_at(at, t, NULL, rg_default_dtype(t), NULL, ndim, shape);
    net->failed = rg_failed(x) || rg_init_fill_at(at, x, RG_CONSTANT(value)) || name_part(net, x, name) || add_buffer(at, net, x);
    return net->failed ? rg_poison(t) : x;
}

/* Names x by its place within net, "conv1.weight": the names of the children, and the last part of its own. */
static int name_by_place(const rg_nn *net, rg_tensor *x) {
    const int i = rg_nn_holder(net, x);
    if (i >= 0) return name_by_place(net->children[i], x) || rg_name_as(x, "%s.%s", net->names[i], x->name) ? -1 : 0;
    const char *dot = strrchr(x->name, '.');
    return rg_name_as(x, "%s", dot ? dot + 1 : x->name);
}

/* Adds the parameters, or the buffers, of a new child to net's list, each once. placed: the child is part of another layer too, and its
   tensors keep their names. */
typedef int (*add_fn)(const char *at, rg_nn *net, rg_tensor *x);
static int take_over(const char *at, rg_nn *net, rg_list have, rg_list more, add_fn add, bool placed) {
    for (int i = 0; i < more.count; i++) {
        rg_tensor *x = more.items[i];
        if (rg_list_has(have, x)) continue;
        if (add(at, net, x) || (!placed && name_by_place(net, x))) return -1;
        if (net->name && rg_name_as(x, "%s.%s", net->name, x->name)) return -1;
    }
    return 0;
}

static int check_child(const char *at, const rg_nn *net, const char *name, const rg_nn *child) {
    rg_tape *t = net->tape;
    if (!child) return rg_fail(t, RG_EVALUE, at, "rg_nn_add: layer %.80s of a %s is NULL", name, net->kind);
    if (child->tape != t) return rg_fail(t, RG_ESTATE, at, "rg_nn_add: layer %.80s of a %s is from another tape", name, net->kind);
    if (child == net) return rg_fail(t, RG_EVALUE, at, "rg_nn_add: a %s cannot be part of itself", net->kind);
    if (child->failed) return rg_fail(t, RG_ESTATE, at, "rg_nn_add: layer %.80s, a %s, could not be made", name, child->kind);
    if (child->depth >= RG_NN_DEPTH) return rg_fail(t, RG_EVALUE, at, "rg_nn_add: more than %d layers within layers", RG_NN_DEPTH);
    if (child->name && !child->placed && strcmp(name, child->name) != 0)
        return rg_fail(t, RG_EVALUE, at, "rg_nn_add: layer %.80s, a %s, is named %.80s by rg_nn_named", name, child->kind, child->name);
    return check_part(at, net, "rg_nn_add", name);
}

static int add_child(const char *at, rg_nn *net, const char *name, rg_nn *child) {
    rg_tape *t = net->tape;
    char number[16];
    snprintf(number, sizeof number, "%d", net->nchildren);
    if (!name) name = child && child->name ? child->name : number;
    if (check_child(at, net, name, child)) return -1;
    rg_nn **children = rg_grown_own(at, t, net->children, net->nchildren, &net->children_size, sizeof child);
    if (children) net->children = children;
    const char **names = children ? rg_grown_own(at, t, net->names, net->nchildren, &net->names_size, sizeof name) : NULL;
    if (names) net->names = names;
    if (!names || !(names[net->nchildren] = copied(at, t, name))) return -1;
    net->children[net->nchildren++] = child;
    if (net->depth <= child->depth) net->depth = child->depth + 1;
    if (take_over(at, net, rg_nn_params(net), rg_nn_params(child), add_param, child->placed) ||
        take_over(at, net, rg_nn_buffers(net), rg_nn_buffers(child), add_buffer, child->placed)) return -1;
    child->placed = true;
    return 0;
}

int rg_nn_add_at(const char *at, rg_nn *net, const char *name, rg_nn *child) {
    if (open_for_parts(at, net, "rg_nn_add")) return -1;
    net->failed = add_child(at, net, name, child);
    return net->failed ? -1 : 0;
}

rg_nn *rg_nn_child(const rg_nn *net, const char *path) {
    rg_nn *found = NULL;
    for (const char *end = path; end && net; path = end + 1, net = found) {
        end = path + strcspn(path, ".");
        const int i = child_of(net, path, (size_t)(end - path));
        found = i < 0 ? NULL : net->children[i];
        if (!*end) return found;
    }
    return NULL;
}

static int rename_all(rg_list list, const char *was, const char *name) {
    for (int i = 0; i < list.count; i++)
        if (rg_name_as(list.items[i], "%s.%s", name, after_prefix(list.items[i]->name, was))) return -1;
    return 0;
}

rg_nn *rg_nn_named_at(const char *at, rg_nn *net, const char *name) {
    if (!net || !name || rg_error_code(net->tape)) return net;
    if (net->placed) return rg_fail(net->tape, RG_ESTATE, at, "rg_nn_named: the %s is part of another layer already", net->kind), net;
    if (check_word(at, net->tape, "rg_nn_named", name)) return net;
    const char *was = net->name;
    net->name = copied(at, net->tape, name);
    net->failed |= !net->name || rename_all(rg_nn_params(net), was, name) || rename_all(rg_nn_buffers(net), was, name);
    return net;
}

rg_list rg_nn_params(const rg_nn *net) { return net ? (rg_list){net->params, net->nparams} : (rg_list){NULL, 0}; }

rg_list rg_nn_buffers(const rg_nn *net) { return net ? (rg_list){net->buffers, net->nbuffers} : (rg_list){NULL, 0}; }

rg_list rg_nn_state_at(const char *at, rg_nn *net) { return rg_list_join_at(at, rg_nn_params(net), rg_nn_buffers(net)); }

rg_nn *rg_nn_requires_grad_at(const char *at, rg_nn *net, bool on) {
    for (int i = 0; net && i < net->nparams; i++) rg_requires_grad_at(at, net->params[i], on);
    return net;
}

/* Recursion is at most RG_NN_DEPTH deep: rg_nn_add checks it. */
void rg_nn_train(rg_nn *net, bool on) {
    if (!net) return;
    net->training = on;
    for (int i = 0; i < net->nchildren; i++) rg_nn_train(net->children[i], on);
}

/* -------- running */

static int check_inputs(const char *at, const rg_nn *net, int n, rg_tensor *const *in) {
    rg_tape *t = net->tape;
    const int least = net->inputs - net->optional;
    char most[16] = "";
    if (net->optional) snprintf(most, sizeof most, " to %d", net->inputs);
    if (n < least || n > net->inputs || !in)
        return rg_fail(t, RG_EVALUE, at, "rg_nn_forward: the %s takes %d%s input%s, it got %d", net->kind, least, most,
            net->inputs > 1 ? "s" : "", in ? n : 0);
    for (int i = 0; i < n; i++) {
        if (!in[i] && i >= least) continue;
        if (net->inputs == 1 ? rg_given(at, t, in[i], "rg_nn_forward: the input of the %s", net->kind)
                             : rg_given(at, t, in[i], "rg_nn_forward: input %d of the %s", i + 1, net->kind)) return -1;
    }
    return 0;
}

static rg_tensor *call_hooks(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y) {
    for (int i = 0; i < net->nhooks && !rg_failed(y);) {
        const rg_nn_hooked h = net->hooks[i];
        rg_tensor *other = h.fn(at, net, in, y, h.data);
        if (other) y = other;
        if (i < net->nhooks && net->hooks[i].fn == h.fn && net->hooks[i].data == h.data) i++; /* else it was removed meanwhile */
    }
    return y;
}

rg_tensor *rg_nn_forward_at(const char *at, rg_nn *net, int n, rg_tensor *const *in) {
    rg_tape *t = net ? net->tape : n > 0 && in ? rg_tape_of(in[0]) : NULL;
    if (!net) return rg_refuse(t, RG_EVALUE, at, "rg_nn_forward: the net is NULL");
    if (net->failed) return rg_refuse(t, RG_ESTATE, at, "rg_nn_forward: the %s could not be made", net->kind);
    if (check_inputs(at, net, n, in) || rg_error_code(t)) return rg_poison(t);
    rg_tensor *all[RG_NN_INPUTS] = {NULL};
    for (int i = 0; i < n; i++) all[i] = in[i];
    const bool recording = rg_nn_record(net);
    rg_tensor *y = net->forward(at, net, all);
    if (y) y = call_hooks(at, net, all, y);
    rg_record(t, recording);
    if (!y) return rg_refuse(t, RG_ESTATE, at, "rg_nn_forward: the %s returned NULL", net->kind);
    if (rg_failed(y)) return y;
    net->ran = true;
    net->out_ndim = y->ndim;
    memcpy(net->out_shape, y->shape, sizeof y->shape);
    return y;
}

int rg_nn_on_forward_at(const char *at, rg_nn *net, rg_nn_hook fn, void *data) {
    if (!net || rg_error_code(net->tape)) return -1;
    if (!fn) return rg_fail(net->tape, RG_EVALUE, at, "rg_nn_on_forward: the hook of the %s is NULL", net->kind);
    rg_nn_hooked *hooks = rg_grown_own(at, net->tape, net->hooks, net->nhooks, &net->hooks_size, sizeof *hooks);
    if (!hooks) return -1;
    net->hooks = hooks;
    net->hooks[net->nhooks++] = (rg_nn_hooked){fn, data};
    return 0;
}

int rg_nn_remove_hook_at(const char *at, rg_nn *net, rg_nn_hook fn, void *data) {
    int i = 0;
    if (!net) return -1;
    while (i < net->nhooks && (net->hooks[i].fn != fn || net->hooks[i].data != data)) i++;
    if (i == net->nhooks) return rg_fail(net->tape, RG_EVALUE, at, "rg_nn_remove_hook: the %s has no such hook", net->kind);
    memmove(net->hooks + i, net->hooks + i + 1, (size_t)(--net->nhooks - i) * sizeof *net->hooks);
    return 0;
}

/* -------- the layers */

static rg_tensor *linear(const char *at, rg_nn *net, rg_tensor *const *in) {
    return net->nparams > 1 ? rg_linear_at(at, in[0], net->params[0], net->params[1])
                            : rg_matmul_at(at, in[0], net->params[0], (rg_matmul_options){0});
}

rg_nn *rg_nn_linear_at(const char *at, rg_tape *t, int64_t in, int64_t out, rg_init init, rg_linear_options options) {
    if (in < 0 || out < 0)
        return rg_fail(t, RG_ESHAPE, at, "rg_nn_linear: [%lld,%lld] has a negative dimension", (long long)in, (long long)out), NULL;
    rg_nn *net = rg_nn_new_at(at, t, "linear", linear, sizeof(rg_nn), (rg_nn_options){0});
    rg_nn_param_at(at, net, "weight", init, 2, (const int64_t[]){in, out});
    if (options.bias.kind != RG_INIT_NONE) rg_nn_param_at(at, net, "bias", options.bias, 1, &out);
    return net && net->failed ? NULL : net;
}

/* For layers that pass all their inputs on: they accept any number, and the layer inside checks it. */
static const rg_nn_options any_inputs = {.inputs = RG_NN_INPUTS, .optional = RG_NN_INPUTS - 1};

static int count_inputs(rg_tensor *const *in) {
    int n = RG_NN_INPUTS;
    while (n > 1 && !in[n - 1]) n--;
    return n;
}

static rg_tensor *sequential(const char *at, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *x = in[0];
    if (!net->nchildren && count_inputs(in) > 1)
        return rg_refuse(net->tape, RG_EVALUE, at, "rg_nn_forward: the sequential has no layers and takes 1 input, it got %d",
            count_inputs(in));
    for (int i = 0; i < net->nchildren; i++)
        x = i ? rg_nn_forward_at(at, net->children[i], 1, &x) : rg_nn_forward_at(at, net->children[0], count_inputs(in), in);
    return x;
}

rg_nn *rg_nn_sequential_at(const char *at, rg_tape *t, int n, rg_nn *const *layers) {
    if (n > 0 && !layers) return rg_fail(t, RG_EVALUE, at, "rg_nn_sequential: %d layers, but the list is NULL", n), NULL;
    rg_nn *net = rg_nn_new_at(at, t, "sequential", sequential, sizeof(rg_nn), any_inputs);
    for (int i = 0; i < n; i++) rg_nn_add_at(at, net, NULL, layers[i]);
    return net && net->failed ? NULL : net;
}

static rg_tensor *residual(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_add_at(at, in[0], rg_nn_forward_at(at, net->children[0], count_inputs(in), in));
}

rg_nn *rg_nn_residual_at(const char *at, rg_nn *child) {
    if (!child) return NULL;
    rg_nn *net = rg_nn_new_at(at, child->tape, "residual", residual, sizeof(rg_nn), any_inputs);
    return rg_nn_add_at(at, net, NULL, child) ? NULL : net;
}

typedef struct activation { rg_nn nn; const rg_op *op; rg_attr attr; } activation;

static rg_tensor *activate(const char *at, rg_nn *net, rg_tensor *const *in) {
    const activation *a = (const activation *)net;
    return rg_apply(a->op, at, a->attr, 1, in);
}

/* Without a shape rule: the result has the operand's shape. */
static bool is_elementwise(const rg_op *op) { return op->arity == 1 && op->forward[0][0] && !op->shape; }

rg_nn *rg_nn_activation_at(const char *at, rg_tape *t, const char *name, rg_activation_options options) {
    const rg_op *op = name ? rg_op_find(name) : NULL;
    if (!op || !is_elementwise(op))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_activation: \"%s\" is no elementwise operator of one operand", name ? name : "NULL"), NULL;
    activation *net = (activation *)rg_nn_new_at(at, t, op->name, activate, sizeof *net, (rg_nn_options){0});
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
        if (i) rg_nn_add_at(at, net, NULL, rg_nn_activation_at(at, t, op, (rg_activation_options){0}));
        rg_nn_add_at(at, net, NULL, rg_nn_linear_at(at, t, sizes[i], sizes[i + 1], init, (rg_linear_options){0}));
    }
    return net && net->failed ? NULL : net;
}

static rg_tensor *flatten(const char *at, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *x = in[0];
    int64_t rest;
    size_t bytes;
    if (x->ndim < 1 || rg_size(x->dtype, x->ndim - 1, x->shape + 1, &rest, &bytes))
        return rg_refuse(net->tape, RG_ESHAPE, at, "flatten: a tensor of %d dimensions has no first axis to keep", x->ndim);
    return rg_reshape_at(at, x, 2, (const int64_t[]){x->shape[0], rest});
}

rg_nn *rg_nn_flatten_at(const char *at, rg_tape *t) { return rg_nn_new_at(at, t, "flatten", flatten, sizeof(rg_nn), (rg_nn_options){0}); }
