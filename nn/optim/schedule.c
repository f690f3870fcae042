/* schedule.c - learning rates over time, in the closed forms of PyTorch's torch.optim.lr_scheduler. */
#include <math.h>

#include "engine/math/functions.h"

#include "update.h"

static const double pi = 3.14159265358979323846;

double rg_lr_step(double lr, int64_t k, int64_t size, double gamma) {
    return size < 1 ? NAN : lr * math_pow_f64(gamma, (double)(k / size));
}

double rg_lr_multi_step(double lr, int64_t k, int n, const int64_t *milestones, double gamma) {
    int passed = 0;
    for (int i = 0; i < n && milestones; i++) passed += milestones[i] <= k;
    return lr * math_pow_f64(gamma, passed);
}

double rg_lr_exponential(double lr, int64_t k, double gamma) { return lr * math_pow_f64(gamma, (double)k); }

double rg_lr_cosine(double lr, int64_t k, int64_t period, double min) {
    return period < 1 ? NAN : min + (lr - min) * (1 + math_cos_f64(pi * (double)k / (double)period)) / 2;
}

double rg_lr_linear(double lr, int64_t k, double first, double last, int64_t total) {
    if (total < 1) return NAN;
    return lr * (first + (last - first) * (double)(k < total ? k : total) / (double)total);
}

/* From a to b as s goes from 0 to 1. */
static double between(double a, double b, double s, bool linear) {
    return linear ? a + (b - a) * s : b + (a - b) / 2 * (1 + math_cos_f64(pi * s));
}

double rg_lr_one_cycle_at(const char *at, double max, int64_t k, int64_t total, rg_one_cycle_options with) {
    (void)at;
    if (total < 1 || k < 0 || k >= total) return NAN;
    const double warm = rg_option(with.warm, .3), first = max / rg_option(with.div, 25), last = first / rg_option(with.final_div, 1e4);
    const double up = warm * (double)total - 1, place = (double)k; /* steps at which a phase ends, not whole numbers */
    const double end[] = {up, with.three_phase ? 2 * warm * (double)total - 2 : (double)(total - 1), (double)(total - 1)};
    const double rate[] = {first, max, with.three_phase ? first : last, last};
    int phase = 0;
    while (place > end[phase] && phase < (with.three_phase ? 2 : 1)) phase++;
    const double begin = phase ? end[phase - 1] : 0, span = end[phase] - begin;
    return between(rate[phase], rate[phase + 1], span > 0 ? (place - begin) / span : 1, with.linear);
}

static bool improved(const rg_plateau *p, double metric) {
    const double threshold = rg_option(p->threshold, 1e-4);
    if (!p->begun) return !isnan(metric);
    if (p->maximize) return metric > (p->absolute ? p->best + threshold : p->best * (1 + threshold));
    return metric < (p->absolute ? p->best - threshold : p->best * (1 - threshold));
}

bool rg_plateau_step(rg_plateau *p, rg_optim *o, double metric) {
    if (!p || !o || rg_error_code(o->tape)) return false;
    const double factor = rg_option(p->factor, .1);
    if (!(factor > 0 && factor < 1))
        return rg_fail(o->tape, RG_EVALUE, o->at, "rg_plateau_step: the factor is %g, must be above 0 and below 1; the %s was made here",
            factor, o->kind), false;
    if (improved(p, metric)) p->best = metric, p->begun = true, p->bad = 0;
    else p->bad++;
    if (p->cooling > 0) p->cooling--, p->bad = 0;
    if (p->bad <= rg_option(p->patience, 10)) return false;
    p->cooling = p->cooldown;
    p->bad = 0;
    bool lowered = false;
    for (rg_group *g = o->groups; g; g = g->next) {
        const double lr = fmax(g->lr * factor, p->min_lr);
        if (g->lr - lr <= rg_option(p->eps, 1e-8)) continue;
        g->lr = lr;
        lowered = true;
    }
    return lowered;
}
