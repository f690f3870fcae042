/* save.c - checkpoints: what of a net, an optimiser, a loader and the tape's generator goes into a file. */
#include "save.h"

#include <float.h>
#include <string.h>

#include "state.h"
#include "update.h"

typedef struct progress { /* what has to be turned into other types on the way */
    char batches[96];
    int64_t spare, has_spare;
} progress;

/* Names tell tensors apart; those with an @ are ours. rg_fail returns -1, which is true. */
static void keep_tensors(rg_state_list *l, rg_list list) {
    const rg_reader *r = l->r;
    if (list.count > 0 && !list.items) l->failed = rg_fail(r->tape, RG_EVALUE, r->at, "%s: %d tensors, but the list is NULL", r->name, list.count);
    for (int i = 0; i < list.count && !l->failed; i++) {
        rg_tensor *x = list.items[i];
        char text[64];
        if (rg_failed(x) || x->tape != r->tape) l->failed = rg_fail(r->tape, RG_ESTATE, r->at, "%s: tensor %d is poisoned, or of another tape", r->name, i);
        else if (!x->name || !*x->name || *x->name == '@')
            l->failed = rg_fail(r->tape, RG_EVALUE, r->at, "%s: tensor %d, %s, has no name, or one that begins with @", r->name, i, rg_shape_text(x, text, sizeof text));
        else rg_keep_tensor(l, x, "%s", x->name);
    }
}

static void keep_net(rg_state_list *l, const rg_nn *net) {
    if (net->failed) l->failed = rg_fail(l->r->tape, RG_ESTATE, l->r->at, "%s: the %s could not be made", l->r->name, net->kind);
    else if (net->tape != l->r->tape) l->failed = rg_fail(l->r->tape, RG_ESTATE, l->r->at, "%s: the %s is from another tape", l->r->name, net->kind);
    else {
        keep_tensors(l, rg_nn_params(net));
        keep_tensors(l, rg_nn_buffers(net));
    }
}

static void keep_generator(rg_state_list *l, rg_rng *rng, progress *p) {
    p->spare = rng->spare, p->has_spare = rng->has_spare;
    rg_keep_same(l, "PCG64", "@rng.bit_generator");
    rg_keep_wide(l, rng->state, false, "@rng.state");
    rg_keep_wide(l, rng->inc, true, "@rng.inc");
    rg_keep_count(l, &p->has_spare, 0, 1, "@rng.has_uint32");
    rg_keep_count(l, &p->spare, 0, UINT32_MAX, "@rng.uinteger");
}

/* Everything that a step reads and changes. Group k has the rate "@optim.k.lr". */
static void keep_optim(rg_state_list *l, rg_optim *o) {
    int k = 0;
    rg_keep_same(l, o->kind, "@optim");
    for (rg_group *g = o->groups; g; g = g->next, k++) {
        rg_keep_number(l, &g->lr, 0, DBL_MAX, "@optim.%d.lr", k);
        rg_keep_number(l, &g->initial_lr, 0, DBL_MAX, "@optim.%d.initial_lr", k);
        for (rg_slot *s = g->slots; s < g->slots + g->count; s++) {
            rg_keep_count(l, &s->steps, 0, RG_COUNT_MOST, "@optim.%s.steps", s->p->name);
            for (int i = 0; i < RG_STATES; i++)
                if (s->state[i]) rg_keep_tensor(l, s->state[i], "@optim.%s.%s", s->p->name, o->names[i]);
        }
    }
    for (k = 0; o->lbfgs && rg_lbfgs_state(o->lbfgs, k); k++) rg_keep_tensor(l, rg_lbfgs_state(o->lbfgs, k), "@optim.lbfgs.%d", k);
}

static void keep_loader(rg_state_list *l, rg_loader *b, progress *p) {
    const int64_t n = b->x->shape[0];
    snprintf(p->batches, sizeof p->batches, "%lld rows in %s of %lld%s", (long long)n, b->options.drop_last ? "full batches" : "batches",
        (long long)b->options.batch, b->order ? ", shuffled" : "");
    rg_keep_same(l, p->batches, "@loader");
    rg_keep_count(l, &b->epoch, 0, RG_COUNT_MOST, "@loader.epoch");
    rg_keep_count(l, &b->row, 0, (double)n, "@loader.row");
    if (b->order) rg_keep_indices(l, b->order, n, "@loader.order");
}

static void keep_state(rg_state_list *l, const rg_state *s, progress *p) {
    rg_tape *t = l->r->tape;
    if (s->net) keep_net(l, s->net);
    keep_tensors(l, s->net || s->tensors.count ? s->tensors : rg_params(t));
    keep_generator(l, rg_tape_rng(t), p);
    if (s->optim && s->optim->tape != t) l->failed = rg_fail(t, RG_ESTATE, l->r->at, "%s: the optimiser is from another tape", l->r->name);
    else if (s->optim) keep_optim(l, s->optim);
    if (s->loader && s->loader->tape != t) l->failed = rg_fail(t, RG_ESTATE, l->r->at, "%s: the loader is from another tape", l->r->name);
    else if (s->loader) keep_loader(l, s->loader, p);
    if (s->step) rg_keep_count(l, s->step, 0, RG_COUNT_MOST, "@step");
}

/* The list is made, used and freed here. state NULL: only the net. */
static int checkpoint(const rg_reader *r, const char *path, rg_nn *net, const rg_state *state, bool load) {
    rg_tape *t = r->tape;
    rg_state_list l = {.r = r, .path = path};
    progress p = {.spare = 0};
    if (rg_error_code(t)) return -1;
    if (!path) return rg_fail(t, RG_EVALUE, r->at, "%s: the path is NULL", r->name);
    if (load && rg_outside_pass(r->at, t, r->name)) return -1;
    if (state) keep_state(&l, state, &p);
    else keep_net(&l, net);
    const int status = load ? rg_state_read(&l) : rg_state_write(&l);
    rg_state_free(&l);
    if (status || !load || !state) return status;
    rg_rng *rng = rg_tape_rng(t);
    rng->spare = (uint32_t)p.spare, rng->has_spare = (int)p.has_spare;
    return 0;
}

int rg_nn_save_at(const char *at, rg_nn *net, const char *path) {
    return net ? checkpoint(&(rg_reader){.at = at, .tape = net->tape, .name = "rg_nn_save"}, path, net, NULL, false) : -1;
}

int rg_nn_load_at(const char *at, rg_nn *net, const char *path) {
    return net ? checkpoint(&(rg_reader){.at = at, .tape = net->tape, .name = "rg_nn_load", .plain = true}, path, net, NULL, true) : -1;
}

int rg_state_save_at(const char *at, rg_tape *t, const char *path, rg_state state) {
    return checkpoint(&(rg_reader){.at = at, .tape = t, .name = "rg_state_save"}, path, NULL, &state, false);
}

int rg_state_load_at(const char *at, rg_tape *t, const char *path, rg_state state) {
    return checkpoint(&(rg_reader){.at = at, .tape = t, .name = "rg_state_load", .plain = true}, path, NULL, &state, true);
}
