/* algorithms.c - the optimisers that take one gradient a step: SGD, Adam, AdamW, RMSprop, Adagrad by PyTorch's formulas (torch.optim,
   "single tensor"), and Lion. Their loops are in kernels/optim.c. */
#include <math.h>

#include "engine/math/functions.h"

#include "update.h"

static rg_update_fn *const sgd_kernel[2][RG_ISAS] = RG_KERNEL(sgd), *const adam_kernel[2][RG_ISAS] = RG_KERNEL(adam),
    *const rmsprop_kernel[2][RG_ISAS] = RG_KERNEL(rmsprop),
    *const adagrad_kernel[2][RG_ISAS] = RG_KERNEL(adagrad), *const lion_kernel[2][RG_ISAS] = RG_KERNEL(lion);

/* As in PyTorch, the first momentum is the gradient itself. */
static void sgd_prepare(rg_update *u, double k) { u->take = k == 1 ? 1 : 1 - u->dampening; }

rg_optim *rg_optim_sgd_at(const char *at, rg_tape *t, rg_list params, rg_sgd_options with) {
    rg_optim *o = rg_optim_new(at, t, "rg_optim_sgd", params);
    if (!o) return NULL;
    const double lr = rg_option(with.lr, 1e-3);
    o->error_if_nonfinite = with.error_if_nonfinite;
    o->kernel = sgd_kernel;
    o->prepare = sgd_prepare;
    o->with = (rg_update){.momentum = with.momentum, .dampening = with.dampening, .nesterov = with.nesterov};
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "momentum", with.momentum)) return NULL;
    if (rg_optim_want_at_least_0(at, o, "weight_decay", with.weight_decay)) return NULL;
    if (rg_optim_want(at, o, "dampening", with.dampening, isfinite(with.dampening), "finite")) return NULL;
    if (rg_optim_want(at, o, "momentum", with.momentum, !with.nesterov || with.momentum > 0, "above 0 with nesterov")) return NULL;
    if (rg_optim_want(at, o, "dampening", with.dampening, !with.nesterov || with.dampening == 0, "0 with nesterov")) return NULL;
    if (with.momentum != 0) o->names[0] = "momentum";
    return rg_optim_begin(at, o, lr, with.weight_decay) ? NULL : o;
}

static int want_betas(const char *at, const rg_optim *o) {
    const double b1 = o->with.beta1, b2 = o->with.beta2;
    if (rg_optim_want(at, o, "beta1", b1, b1 >= 0 && b1 < 1, "from 0 to below 1")) return -1;
    return rg_optim_want(at, o, "beta2", b2, b2 >= 0 && b2 < 1, "from 0 to below 1");
}

static void adam_prepare(rg_update *u, double k) {
    u->step = u->lr / (1 - math_pow_f64(u->beta1, k));
    u->root = sqrt(1 - math_pow_f64(u->beta2, k));
}

static rg_optim *adam_new(const char *at, rg_tape *t, rg_list params, rg_adam_options with, const char *kind, bool decoupled) {
    rg_optim *o = rg_optim_new(at, t, kind, params);
    if (!o) return NULL;
    const double lr = rg_option(with.lr, 1e-3), decay = rg_option(with.weight_decay, decoupled ? .01 : 0);
    o->error_if_nonfinite = with.error_if_nonfinite;
    o->kernel = adam_kernel;
    o->prepare = adam_prepare;
    o->with = (rg_update){
        .beta1 = rg_option(with.beta1, .9), .beta2 = rg_option(with.beta2, .999), .eps = rg_option(with.eps, 1e-8), .decoupled = decoupled};
    o->names[0] = "m", o->names[1] = "v";
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "eps", o->with.eps)) return NULL;
    if (rg_optim_want_at_least_0(at, o, "weight_decay", decay) || want_betas(at, o)) return NULL;
    return rg_optim_begin(at, o, lr, decay) ? NULL : o;
}

rg_optim *rg_optim_adam_at(const char *at, rg_tape *t, rg_list params, rg_adam_options with) {
    return adam_new(at, t, params, with, "rg_optim_adam", false);
}

rg_optim *rg_optim_adamw_at(const char *at, rg_tape *t, rg_list params, rg_adam_options with) {
    return adam_new(at, t, params, with, "rg_optim_adamw", true);
}

rg_optim *rg_optim_rmsprop_at(const char *at, rg_tape *t, rg_list params, rg_rmsprop_options with) {
    rg_optim *o = rg_optim_new(at, t, "rg_optim_rmsprop", params);
    if (!o) return NULL;
    const double lr = rg_option(with.lr, .01), alpha = rg_option(with.alpha, .99);
    o->error_if_nonfinite = with.error_if_nonfinite;
    o->kernel = rmsprop_kernel;
    o->with = (rg_update){.beta2 = alpha, .eps = rg_option(with.eps, 1e-8), .momentum = with.momentum};
    if (with.momentum != 0) o->names[0] = "momentum";
    o->names[1] = "v";
    if (with.centered) o->names[2] = "mean";
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "eps", o->with.eps)) return NULL;
    if (rg_optim_want_at_least_0(at, o, "weight_decay", with.weight_decay) || rg_optim_want_at_least_0(at, o, "momentum", with.momentum))
        return NULL;
    if (rg_optim_want(at, o, "alpha", alpha, alpha >= 0 && alpha < 1, "from 0 to below 1")) return NULL;
    return rg_optim_begin(at, o, lr, with.weight_decay) ? NULL : o;
}

static void adagrad_prepare(rg_update *u, double k) { u->step = u->lr / (1 + (k - 1) * u->lr_decay); }

rg_optim *rg_optim_adagrad_at(const char *at, rg_tape *t, rg_list params, rg_adagrad_options with) {
    rg_optim *o = rg_optim_new(at, t, "rg_optim_adagrad", params);
    if (!o) return NULL;
    const double lr = rg_option(with.lr, .01);
    o->error_if_nonfinite = with.error_if_nonfinite;
    o->kernel = adagrad_kernel;
    o->prepare = adagrad_prepare;
    o->with = (rg_update){.eps = rg_option(with.eps, 1e-10), .lr_decay = with.lr_decay};
    o->names[1] = "v";
    o->start = with.initial_accumulator;
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "eps", o->with.eps)) return NULL;
    if (rg_optim_want_at_least_0(at, o, "weight_decay", with.weight_decay) || rg_optim_want_at_least_0(at, o, "lr_decay", with.lr_decay))
        return NULL;
    if (rg_optim_want_at_least_0(at, o, "initial_accumulator", with.initial_accumulator)) return NULL;
    return rg_optim_begin(at, o, lr, with.weight_decay) ? NULL : o;
}

rg_optim *rg_optim_lion_at(const char *at, rg_tape *t, rg_list params, rg_lion_options with) {
    rg_optim *o = rg_optim_new(at, t, "rg_optim_lion", params);
    if (!o) return NULL;
    const double lr = rg_option(with.lr, 1e-4);
    o->error_if_nonfinite = with.error_if_nonfinite;
    o->kernel = lion_kernel;
    o->with = (rg_update){.beta1 = rg_option(with.beta1, .9), .beta2 = rg_option(with.beta2, .99), .decoupled = true};
    o->names[0] = "m";
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "weight_decay", with.weight_decay) ||
        want_betas(at, o)) return NULL;
    return rg_optim_begin(at, o, lr, with.weight_decay) ? NULL : o;
}
