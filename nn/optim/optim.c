/* optim.c - what all optimisers share: parameter groups, a step, the learning rate. State is made with the group. */
#include <math.h>

#include "update.h"

static bool is_parameter(rg_tape *t, const rg_tensor *x) {
    const rg_list all = rg_params(t);
    for (int i = 0; i < all.count; i++)
        if (all.items[i] == x) return true;
    return false;
}

static bool has(const rg_optim *o, const rg_tensor *p) {
    for (const rg_group *g = o->groups; g; g = g->next)
        for (int i = 0; i < g->count; i++)
            if (g->slots[i].p == p) return true;
    return false;
}

rg_tensor *rg_state_of(const char *at, const rg_tensor *p, const char *what) {
    rg_tensor *x = rg_buffer_at(at, p->tape, NULL, p->dtype, NULL, p->ndim, p->shape);
    return rg_failed(x) || rg_name_as(x, "%s.%s", p->name ? p->name : "param", what) ? rg_poison(p->tape) : x;
}

int rg_list_check(const char *at, rg_tape *t, const char *who, rg_list list, rg_list_kind kind) {
    if (list.count < 1 || !list.items)
        return rg_fail(t, RG_EVALUE, at, "%s: no parameters%s", who,
            kind == RG_OF_PARAMS ? "; make them before the optimiser" : " or buffers; rg_nn_state(net) has those of a net");
    for (int i = 0; i < list.count; i++) {
        const rg_tensor *x = list.items[i];
        const char *why = NULL;
        char text[80];
        if (kind == RG_OF_PARAMS) why = is_parameter(t, x) ? NULL : "is no parameter of this tape";
        else if (rg_given(at, t, x, "%s: item %d of the list", who, i)) return -1;
        else if (x->tape != t) why = "is from another tape";
        else if (x->op || x->base) why = "is no leaf";
        else if (kind == RG_OF_FLOATS && x->dtype != RG_F32 && x->dtype != RG_F64) why = "is no float";
        if (why) return rg_fail(t, RG_EVALUE, at, "%s: item %d of the list, %s, %s", who, i, rg_shape_text(x, text, sizeof text), why);
    }
    return 0;
}

static rg_group *group_new(const char *at, rg_tape *t, const char *kind, rg_list params) {
    if (rg_list_check(at, t, kind, params, RG_OF_PARAMS)) return NULL;
    rg_group *g = rg_tape_own(at, t, sizeof *g + (size_t)params.count * sizeof g->slots[0]);
    for (int i = 0; g && i < params.count; i++) g->slots[g->count++].p = params.items[i];
    return g;
}

static void set_all(rg_tensor *x, double value) {
    for (int64_t i = 0; i < x->numel; i++)
        if (x->dtype == RG_F64) ((double *)x->data)[i] = value;
        else ((float *)x->data)[i] = (float)value;
}

static int make_state(const char *at, const rg_optim *o, rg_group *g) {
    for (int i = 0; i < g->count; i++)
        for (int k = 0; k < RG_STATES; k++) {
            if (!o->names[k]) continue;
            g->slots[i].state[k] = rg_state_of(at, g->slots[i].p, o->names[k]);
            if (rg_failed(g->slots[i].state[k])) return -1;
            if (k == 1 && o->start != 0) set_all(g->slots[i].state[k], o->start);
        }
    return 0;
}

rg_optim *rg_optim_new(const char *at, rg_tape *t, const char *kind, rg_list params) {
    if (rg_error_code(t)) return NULL;
    rg_group *g = group_new(at, t, kind, params);
    rg_optim *o = g ? rg_tape_own(at, t, sizeof *o) : NULL;
    if (!o) return NULL;
    o->tape = t;
    o->kind = kind;
    o->at = at;
    o->groups = g;
    return o;
}

int rg_optim_begin(const char *at, rg_optim *o, double lr, double weight_decay) {
    o->groups->lr = o->groups->initial_lr = lr;
    o->groups->weight_decay = weight_decay;
    return make_state(at, o, o->groups);
}

int rg_optim_want(const char *at, const rg_optim *o, const char *option, double value, bool good, const char *rule) {
    return good ? 0 : rg_fail(o->tape, RG_EVALUE, at, "%s: %s is %g, must be %s", o->kind, option, value, rule);
}

int rg_optim_want_at_least_0(const char *at, const rg_optim *o, const char *option, double value) {
    return rg_optim_want(at, o, option, value, value >= 0 && isfinite(value), "at least 0 and finite");
}

/* -------- groups */

int rg_optim_add_group_at(const char *at, rg_optim *o, rg_list params, rg_group_options with) {
    static const char who[] = "rg_optim_add_group";
    if (!o || rg_error_code(o->tape)) return -1;
    if (o->lbfgs) return rg_fail(o->tape, RG_ESTATE, at, "%s: %s has one group", who, o->kind);
    const double lr = rg_option(with.lr, o->groups->initial_lr), decay = rg_option(with.weight_decay, o->groups->weight_decay);
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "weight_decay", decay)) return -1;
    rg_group *g = group_new(at, o->tape, who, params), **end = &o->groups;
    if (!g) return -1;
    for (int i = 0; i < g->count; i++) {
        char text[64];
        if (has(o, g->slots[i].p))
            return rg_fail(o->tape, RG_EVALUE, at, "%s: %s is in a group already", who, rg_shape_text(g->slots[i].p, text, sizeof text));
    }
    g->lr = g->initial_lr = lr;
    g->weight_decay = decay;
    if (make_state(at, o, g)) return -1;
    while (*end) end = &(*end)->next;
    *end = g;
    return 0;
}

static rg_group *group(const rg_optim *o, int i) {
    rg_group *g = o && i >= 0 ? o->groups : NULL;
    while (g && i--) g = g->next;
    return g;
}

int rg_optim_groups(const rg_optim *o) {
    int n = 0;
    while (group(o, n)) n++;
    return n;
}

/* -------- a step */

/* What is the same for all parameters of a group. */
static rg_update update_of(const rg_optim *o, const rg_group *g) {
    rg_update u = o->with;
    u.tape = o->tape;
    u.lr = g->lr, u.weight_decay = g->weight_decay;
    u.keep = 1;
    if (u.decoupled) u.keep = 1 - u.lr * u.weight_decay, u.weight_decay = 0;
    return u;
}

static void update(const rg_optim *o, rg_update *u, rg_slot *s, int isa) {
    void **const state[RG_STATES] = {&u->m, &u->v, &u->a};
    for (int k = 0; k < RG_STATES; k++) *state[k] = s->state[k] ? s->state[k]->data : NULL;
    u->n = s->p->numel;
    u->p = s->p->data, u->g = s->p->grad->data;
    s->steps++;
    if (o->prepare) o->prepare(u, (double)s->steps);
    o->kernel[s->p->dtype == RG_F64][isa](u);
    rg_touch(s->p);
}

int rg_nonfinite(const rg_optim *o, const rg_tensor *p, int64_t i, double value) {
    char text[80];
    return rg_fail(o->tape, RG_EVALUE, o->at, "%s: element %lld of the gradient of %s is %g: no parameter was changed", o->kind,
        (long long)i,
        rg_shape_text(p, text, sizeof text), isnan(value) ? (double)NAN : value); /* without the sign that some machines give it */
}

static bool is_finite(const rg_tensor *g) {
    int bad = 0;
    if (g->dtype == RG_F64)
        for (int64_t i = 0; i < g->numel; i++) bad |= !(((const double *)g->data)[i] - ((const double *)g->data)[i] == 0);
    else
        for (int64_t i = 0; i < g->numel; i++) bad |= !(((const float *)g->data)[i] - ((const float *)g->data)[i] == 0);
    return !bad;
}

static rg_tensor *gradient(const rg_slot *s) { return rg_needs_grad(s->p) ? s->p->grad : NULL; }

static int want_finite(const rg_optim *o) {
    for (const rg_group *g = o->groups; g; g = g->next)
        for (int i = 0; i < g->count; i++) {
            const rg_tensor *dp = gradient(&g->slots[i]);
            if (!dp || is_finite(dp)) continue;
            int64_t k = 0;
            while (isfinite(rg_element(dp, k))) k++;
            return rg_nonfinite(o, g->slots[i].p, k, rg_element(dp, k));
        }
    return 0;
}

int rg_gradients_missing(const rg_optim *o) {
    for (const rg_group *g = o->groups; g; g = g->next)
        for (int i = 0; i < g->count; i++)
            if (gradient(&g->slots[i])) return 0;
    char text[80];
    return rg_fail(o->tape, RG_ESTATE, o->at,
        "%s: a step without gradients: rg_backward reached neither %s nor any other of its parameters", o->kind,
        rg_shape_text(o->groups->slots[0].p, text, sizeof text));
}

int rg_optim_step(rg_optim *o) {
    if (!o || rg_error_code(o->tape)) return -1;
    if (o->lbfgs)
        return rg_fail(o->tape, RG_ESTATE, o->at,
            "rg_optim_step: %s evaluates the loss several times, call rg_optim_step_closure; it was made here", o->kind);
    if (rg_outside_pass(o->at, o->tape, "rg_optim_step") || (o->error_if_nonfinite && want_finite(o))) return -1;
    if (rg_gradients_missing(o)) return -1;
    const int isa = rg_isa(o->tape);
    for (rg_group *g = o->groups; g; g = g->next) {
        rg_update u = update_of(o, g);
        for (int i = 0; i < g->count; i++) {
            rg_slot *s = &g->slots[i];
            if (gradient(s)) update(o, &u, s, isa);
            rg_clear_grad(s->p); /* now, so that a parameter that is listed twice is updated once */
        }
    }
    return 0;
}

/* -------- learning rates */

static int set_lr(const char *at, rg_optim *o, rg_group *g, double lr) {
    if (rg_optim_want_at_least_0(at, o, "lr", lr)) return -1;
    g->lr = lr;
    return 0;
}

int rg_optim_set_lr_at(const char *at, rg_optim *o, double lr) {
    for (rg_group *g = o ? o->groups : NULL; g; g = g->next)
        if (set_lr(at, o, g, lr)) return -1;
    return o ? 0 : -1;
}

int rg_optim_scale_lr_at(const char *at, rg_optim *o, double factor) {
    if (!o || rg_optim_want_at_least_0(at, o, "the factor of lr", factor)) return -1;
    for (const rg_group *g = o->groups; g; g = g->next)
        if (rg_optim_want_at_least_0(at, o, "lr", factor * g->initial_lr)) return -1;
    for (rg_group *g = o->groups; g; g = g->next) g->lr = factor * g->initial_lr;
    return 0;
}

int rg_optim_set_group_lr_at(const char *at, rg_optim *o, int i, double lr) {
    rg_group *g = group(o, i);
    if (o && !g) return rg_fail(o->tape, RG_EVALUE, at, "%s: there is no group %d among %d", o->kind, i, rg_optim_groups(o));
    return g ? set_lr(at, o, g, lr) : -1;
}

double rg_optim_group_lr(const rg_optim *o, int i) {
    const rg_group *g = group(o, i);
    return g ? g->lr : NAN;
}

double rg_optim_lr(const rg_optim *o) { return rg_optim_group_lr(o, 0); }
