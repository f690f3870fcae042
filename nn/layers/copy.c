/* copy.c - a copy of a net, and a net that follows another one: target networks, Lillicrap et al. 2016. */
#include <string.h>

#include "nn/optim/update.h"

/* -------- a copy */

/* The parameters, or the buffers, of a net; copies[i] is the copy of of.items[i]. */
typedef struct twins { rg_list of; rg_tensor **copies; } twins;

static rg_tensor *copy_of(const char *at, const rg_tensor *x, bool param) {
    rg_tape *t = x->tape;
    const rg_dtype dtype = rg_default_dtype(t);
    if (param) rg_set_default_dtype(t, x->dtype); /* the tape's default may have changed since x was made */
    rg_tensor *copy = param ? rg_parameter_at(at, t, NULL, x->ndim, x->shape)
                            : rg_buffer_at(at, t, NULL, x->dtype, NULL, x->ndim, x->shape);
    rg_set_default_dtype(t, dtype);
    if (rg_failed(copy) || rg_name_as(copy, "%s", x->name)) return NULL;
    rg_values_copy(copy, x);
    if (rg_needs_grad(copy) != rg_needs_grad(x)) rg_requires_grad_at(at, copy, rg_needs_grad(x));
    return copy;
}

static int copy_all(const char *at, rg_tape *t, rg_list of, bool params, twins *all) {
    *all = (twins){of, rg_tape_own(at, t, (size_t)of.count * sizeof *all->copies)};
    if (!all->copies) return -1;
    for (int i = 0; i < of.count; i++)
        if (!(all->copies[i] = copy_of(at, of.items[i], params))) return -1;
    return 0;
}

static void find_copies(const twins *all, int n, rg_tensor *const *x, rg_tensor **to) {
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (all->of.items[k] != x[i]) k++;
        to[i] = all->copies[k];
    }
}

/* A layer that occurs twice in the net is copied once: net->copy. The lists of a copy share one block; a list that grows leaves it. */
static rg_nn *copy_layer(const char *at, rg_nn *net, const twins *params, const twins *buffers) {
    if (net->copy) return net->copy;
    const size_t pointers = (size_t)net->nparams + (size_t)net->nbuffers + 2 * (size_t)net->nchildren;
    const size_t hooks = (size_t)net->nhooks * sizeof *net->hooks;
    rg_nn *to = rg_tape_own(at, net->tape, net->size);
    void **lists = to ? rg_tape_own(at, net->tape, pointers * sizeof *lists + hooks) : NULL;
    if (!lists) return NULL;
    memcpy(to, net, net->size);
    net->copy = to;
    to->params = (rg_tensor **)lists, to->params_size = net->nparams;
    to->buffers = to->params + net->nparams, to->buffers_size = net->nbuffers;
    to->children = (rg_nn **)(to->buffers + net->nbuffers), to->children_size = net->nchildren;
    to->names = (const char **)(to->children + net->nchildren), to->names_size = net->nchildren;
    to->hooks = (rg_nn_hooked *)(to->names + net->nchildren), to->hooks_size = net->nhooks;
    find_copies(params, net->nparams, net->params, to->params);
    find_copies(buffers, net->nbuffers, net->buffers, to->buffers);
    if (net->nhooks) memcpy(to->hooks, net->hooks, hooks);
    if (net->evals) to->training = net->was_training;
    to->evals = to->eval_calls = 0;
    for (int i = 0; i < net->nchildren; i++) {
        to->names[i] = net->names[i];
        if (!(to->children[i] = copy_layer(at, net->children[i], params, buffers))) return NULL;
    }
    return to;
}

static void forget_copies(rg_nn *net) {
    if (!net->copy) return;
    net->copy = NULL;
    for (int i = 0; i < net->nchildren; i++) forget_copies(net->children[i]);
}

rg_nn *rg_nn_copy_at(const char *at, rg_nn *net) {
    rg_tape *t = net ? net->tape : NULL;
    twins params, buffers;
    if (rg_error_code(t)) return NULL;
    if (net->failed) return rg_fail(t, RG_ESTATE, at, "rg_nn_copy: the %s could not be made", net->kind), NULL;
    if (copy_all(at, t, rg_nn_params(net), true, &params) || copy_all(at, t, rg_nn_buffers(net), false, &buffers)) return NULL;
    rg_nn *copy = copy_layer(at, net, &params, &buffers);
    forget_copies(net);
    if (copy) copy->placed = false;
    return copy;
}

/* -------- following */

static rg_pair_fn *const mix_kernel[2][RG_ISAS] = RG_KERNEL(weights_mix);

static int check_alike(const char *at, rg_tape *t, rg_list to, rg_list from) {
    char a[80], b[80];
    for (int i = 0; i < to.count || i < from.count; i++) {
        const rg_tensor *x = i < to.count ? to.items[i] : NULL, *y = i < from.count ? from.items[i] : NULL;
        if (x && y && rg_same_shape(x, y) && x->dtype == y->dtype) continue;
        return rg_fail(t, RG_ESHAPE, at, "rg_nn_soft_update: the nets differ: %s in the one, %s in the other",
            x ? rg_shape_text(x, a, sizeof a) : "nothing", y ? rg_shape_text(y, b, sizeof b) : "nothing");
    }
    return 0;
}

int rg_nn_soft_update_at(const char *at, rg_nn *to, rg_nn *from, double tau) {
    if (!to || !from)
        return to ? rg_fail(to->tape, RG_EVALUE, at, "rg_nn_soft_update: there is no net for the %s to follow", to->kind) : -1;
    rg_tape *t = to->tape;
    if (rg_error_code(t) || rg_outside_pass(at, t, "rg_nn_soft_update")) return -1;
    if (!(tau >= 0 && tau <= 1)) return rg_fail(t, RG_EVALUE, at, "rg_nn_soft_update: tau is %g, must be from 0 to 1", tau);
    const rg_nn *bad = to->failed ? to : from->failed ? from : NULL;
    if (bad) return rg_fail(t, RG_ESTATE, at, "rg_nn_soft_update: the %s could not be made", bad->kind);
    if (check_alike(at, t, rg_nn_params(to), rg_nn_params(from)) || check_alike(at, t, rg_nn_buffers(to), rg_nn_buffers(from)))
        return -1;
    for (int i = 0; i < to->nparams; i++) {
        rg_tensor *x = to->params[i], *y = from->params[i];
        if (x == y) continue; /* of a layer that both nets have */
        if (tau == 1) rg_values_copy(x, y);
        else mix_kernel[x->dtype == RG_F64][rg_isa(t)](t, x->numel, x->data, y->data, 1 - tau);
        rg_touch(x);
    }
    for (int i = 0; i < to->nbuffers; i++)
        if (to->buffers[i] != from->buffers[i]) rg_values_copy(to->buffers[i], from->buffers[i]);
    return 0;
}
