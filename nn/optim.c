/* optim.c - optimisers: SGD, Adam, AdamW, by PyTorch's formulas (torch.optim, "single tensor"). State is made with the optimiser. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "nn/state.h"
#include "nn/update.h"

static rg_update_fn *const sgd_kernel[2][2] = RG_KERNEL(sgd), *const adam_kernel[2][2] = RG_KERNEL(adam);

typedef struct slot { /* one parameter and its state */
    rg_tensor *p, *m, *v; /* of p's shape and dtype; NULL where there is none */
    int64_t steps;        /* that reached it: a parameter without a gradient does not age */
} slot;

struct rg_optim {
    rg_tape *tape;
    const char *kind;
    bool adam, decoupled, nesterov;
    double lr, weight_decay, momentum, dampening, beta1, beta2, eps;
    int count;
    slot slots[];
};

static bool is_parameter(rg_tape *t, const rg_tensor *x) {
    const rg_list all = rg_params(t);
    for (int i = 0; i < all.count; i++)
        if (all.items[i] == x) return true;
    return false;
}

static rg_tensor *state_of(const char *at, const rg_tensor *p, const char *what) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", p->name ? p->name : "param", what);
    return rg_buffer_at(at, p->tape, name, (rg_dtype)p->dtype, NULL, p->ndim, p->shape);
}

/* An optimiser of the list's parameters, without state or numbers. */
static rg_optim *optim_new(const char *at, rg_tape *t, const char *kind, rg_list params) {
    if (rg_error_code(t)) return NULL;
    if (params.count < 1 || !params.items) return rg_fail(t, RG_EVALUE, at, "%s: no parameters; make them before the optimiser", kind), NULL;
    rg_optim *o = rg_tape_own(at, t, sizeof *o + (size_t)params.count * sizeof o->slots[0]);
    if (!o) return NULL;
    o->tape = t;
    o->kind = kind;
    for (int i = 0; i < params.count; i++) {
        rg_tensor *p = params.items[i];
        char text[64];
        if (!is_parameter(t, p))
            return rg_fail(t, RG_EVALUE, at, "%s: item %d of the list, %s, is no parameter of this tape", kind, i,
                rg_shape_text(p, text, sizeof text)), NULL;
        o->slots[o->count++].p = p;
    }
    return o;
}

static int make_state(const char *at, rg_optim *o, const char *m, const char *v) {
    for (int i = 0; i < o->count; i++) {
        slot *s = &o->slots[i];
        if (m) s->m = state_of(at, s->p, m);
        if (v) s->v = state_of(at, s->p, v);
    }
    return rg_error_code(o->tape) ? -1 : 0;
}

/* A field left out is +0; RG_ZERO is -0. */
static double given_or(double value, double otherwise) { return value == 0 && !signbit(value) ? otherwise : value; }

static int want(const char *at, const rg_optim *o, const char *option, double value, bool good, const char *rule) {
    return good ? 0 : rg_fail(o->tape, RG_EVALUE, at, "%s: %s is %g, must be %s", o->kind, option, value, rule);
}

static int want_at_least_0(const char *at, const rg_optim *o, const char *option, double value) {
    return want(at, o, option, value, value >= 0 && isfinite(value), "at least 0 and finite");
}

rg_optim *rg_optim_sgd_at(const char *at, rg_tape *t, rg_list params, rg_sgd_options with) {
    rg_optim *o = optim_new(at, t, "rg_optim_sgd", params);
    if (!o) return NULL;
    o->lr = given_or(with.lr, 1e-3);
    o->momentum = with.momentum;
    o->dampening = with.dampening;
    o->weight_decay = with.weight_decay;
    o->nesterov = with.nesterov;
    if (want_at_least_0(at, o, "lr", o->lr) || want_at_least_0(at, o, "momentum", o->momentum)) return NULL;
    if (want_at_least_0(at, o, "weight_decay", o->weight_decay)) return NULL;
    if (want(at, o, "dampening", o->dampening, isfinite(o->dampening), "finite")) return NULL;
    if (want(at, o, "momentum", o->momentum, !o->nesterov || o->momentum > 0, "above 0 with nesterov")) return NULL;
    if (want(at, o, "dampening", o->dampening, !o->nesterov || o->dampening == 0, "0 with nesterov")) return NULL;
    return o->momentum != 0 && make_state(at, o, "momentum", NULL) ? NULL : o;
}

static rg_optim *adam_new(const char *at, rg_tape *t, rg_list params, rg_adam_options with, const char *kind, bool decoupled) {
    rg_optim *o = optim_new(at, t, kind, params);
    if (!o) return NULL;
    o->adam = true;
    o->decoupled = decoupled;
    o->lr = given_or(with.lr, 1e-3);
    o->beta1 = given_or(with.beta1, .9);
    o->beta2 = given_or(with.beta2, .999);
    o->eps = given_or(with.eps, 1e-8);
    o->weight_decay = given_or(with.weight_decay, decoupled ? .01 : 0);
    if (want_at_least_0(at, o, "lr", o->lr) || want_at_least_0(at, o, "eps", o->eps)) return NULL;
    if (want_at_least_0(at, o, "weight_decay", o->weight_decay)) return NULL;
    if (want(at, o, "beta1", o->beta1, o->beta1 >= 0 && o->beta1 < 1, "from 0 to below 1")) return NULL;
    if (want(at, o, "beta2", o->beta2, o->beta2 >= 0 && o->beta2 < 1, "from 0 to below 1")) return NULL;
    return make_state(at, o, "m", "v") ? NULL : o;
}

rg_optim *rg_optim_adam_at(const char *at, rg_tape *t, rg_list params, rg_adam_options with) {
    return adam_new(at, t, params, with, "rg_optim_adam", false);
}

rg_optim *rg_optim_adamw_at(const char *at, rg_tape *t, rg_list params, rg_adam_options with) {
    return adam_new(at, t, params, with, "rg_optim_adamw", true);
}

static void update(const rg_optim *o, slot *s, int isa) {
    const double k = (double)++s->steps;
    const bool f64 = s->p->dtype == RG_F64;
    rg_update u = {.tape = o->tape, .n = s->p->numel, .p = s->p->data, .g = s->p->grad->data, .m = s->m ? s->m->data : NULL,
        .v = s->v ? s->v->data : NULL, .lr = o->lr, .weight_decay = o->decoupled ? 0 : o->weight_decay};
    if (o->adam) {
        u.keep = o->decoupled ? 1 - o->lr * o->weight_decay : 1;
        u.beta1 = o->beta1, u.beta2 = o->beta2, u.eps = o->eps;
        u.step = o->lr / (1 - pow(o->beta1, k));
        u.root = sqrt(1 - pow(o->beta2, k));
    } else {
        u.momentum = o->momentum, u.nesterov = o->nesterov;
        u.take = s->steps == 1 ? 1 : 1 - o->dampening; /* PyTorch's first momentum is the gradient itself */
    }
    (o->adam ? adam_kernel : sgd_kernel)[f64][isa](&u);
    rg_touch(s->p);
}

int rg_optim_step(rg_optim *o) {
    if (!o || rg_error_code(o->tape)) return -1;
    const int isa = rg_isa(o->tape);
    for (int i = 0; i < o->count; i++) {
        slot *s = &o->slots[i];
        if (rg_needs_grad(s->p) && rg_grad_of(s->p)) update(o, s, isa);
        rg_clear_grad(s->p); /* at once: a parameter listed twice is updated once */
    }
    return 0;
}

int rg_optim_set_lr_at(const char *at, rg_optim *o, double lr) {
    if (!o || want_at_least_0(at, o, "lr", lr)) return -1;
    o->lr = lr;
    return 0;
}

double rg_optim_lr(const rg_optim *o) { return o ? o->lr : NAN; }

void rg_optim_keep(rg_optim *o, rg_state_list *l) {
    rg_keep_same(l, o->kind, "@optim");
    rg_keep_number(l, &o->lr, 0, DBL_MAX, "@optim.lr");
    for (int i = 0; i < o->count; i++) {
        slot *s = &o->slots[i];
        rg_keep_count(l, &s->steps, 0, RG_COUNT_MOST, "@optim.%s.steps", s->p->name);
        if (s->m) rg_keep_tensor(l, s->m, "@optim.%s.m", s->p->name);
        if (s->v) rg_keep_tensor(l, s->v, "@optim.%s.v", s->p->name);
    }
}

rg_tape *rg_optim_tape(const rg_optim *o) { return o->tape; }
