/* average.c - copies of weights and buffers: their moving average, and the best ones that early stopping keeps. */
#include <math.h>
#include <string.h>

#include "update.h"

static rg_pair_fn *const approach_kernel[2][RG_ISAS] = RG_KERNEL(weights_mix), *const exchange_kernel[2][RG_ISAS] = RG_KERNEL(weights_swap);

void rg_values_copy(rg_tensor *to, const rg_tensor *from) {
    if (from->numel) memcpy(to->data, from->data, (size_t)from->numel * rg_dtype_size(from->dtype));
    rg_touch(to);
}

/* Copies all tensors to kept, and holds them. One that is listed twice gets one copy, so that it is averaged and swapped once. -1 without
   memory. */
static int keep_copies(const char *at, rg_list list, const char *what, struct rg_kept_weights *kept) {
    for (int i = 0; i < list.count; i++) {
        rg_tensor *p = kept[i].p = list.items[i];
        if (rg_list_has((rg_list){list.items, i}, p)) continue;
        kept[i].copy = rg_state_of(at, p, what);
        if (rg_failed(kept[i].copy)) return -1;
        rg_values_copy(kept[i].copy, rg_hold(p));
    }
    return 0;
}

/* -------- moving average */

rg_ema *rg_ema_new_at(const char *at, rg_tape *t, rg_list list, double decay) {
    static const char who[] = "rg_ema_new";
    if (rg_error_code(t)) return NULL;
    if (!(decay >= 0 && decay <= 1)) return rg_fail(t, RG_EVALUE, at, "%s: decay is %g, must be from 0 to 1", who, decay), NULL;
    if (rg_list_check(at, t, who, list, RG_OF_FLOATS)) return NULL;
    rg_ema *a = rg_tape_own(at, t, sizeof *a + (size_t)list.count * sizeof a->kept[0]);
    if (!a) return NULL;
    a->tape = t;
    a->at = at;
    a->decay = decay;
    a->count = list.count;
    return keep_copies(at, list, "average", a->kept) ? NULL : a;
}

int rg_ema_update(rg_ema *a) {
    if (!a || rg_error_code(a->tape) || rg_outside_pass(a->at, a->tape, "rg_ema_update")) return -1;
    if (a->swapped)
        return rg_fail(a->tape, RG_ESTATE, a->at,
            "rg_ema_update: the averages are swapped in, call rg_ema_swap first; they were made here");
    for (int i = 0; i < a->count; i++) {
        rg_tensor *p = a->kept[i].p, *c = a->kept[i].copy;
        if (!c) continue;
        approach_kernel[p->dtype == RG_F64][rg_isa(a->tape)](a->tape, p->numel, c->data, p->data, a->decay);
        rg_touch(c);
    }
    return 0;
}

int rg_ema_swap(rg_ema *a) {
    if (!a || rg_error_code(a->tape) || rg_outside_pass(a->at, a->tape, "rg_ema_swap")) return -1;
    for (int i = 0; i < a->count; i++) {
        rg_tensor *p = a->kept[i].p, *c = a->kept[i].copy;
        if (!c) continue;
        exchange_kernel[p->dtype == RG_F64][rg_isa(a->tape)](a->tape, p->numel, p->data, c->data, 0);
        rg_touch(p);
        rg_touch(c);
    }
    a->swapped = !a->swapped;
    return 0;
}

rg_tensor *rg_ema_of(const rg_ema *a, int i) { return a && i >= 0 && i < a->count ? a->kept[i].copy : NULL; }

/* -------- early stopping */

rg_early_stopping *rg_early_stopping_new_at(const char *at, rg_tape *t, rg_list list, rg_early_stopping_options with) {
    static const char who[] = "rg_early_stopping_new";
    if (rg_error_code(t)) return NULL;
    if (with.patience < 0) return rg_fail(t, RG_EVALUE, at, "%s: patience is %d, must be at least 0", who, with.patience), NULL;
    if (!(with.min_delta >= 0)) return rg_fail(t, RG_EVALUE, at, "%s: min_delta is %g, must be at least 0", who, with.min_delta), NULL;
    if (rg_list_check(at, t, who, list, RG_OF_LEAVES)) return NULL;
    rg_early_stopping *s = rg_tape_own(at, t, sizeof *s + (size_t)list.count * sizeof s->kept[0]);
    if (!s) return NULL;
    s->tape = t;
    s->options = with;
    s->best = NAN;
    s->count = list.count;
    return keep_copies(at, list, "best", s->kept) ? NULL : s;
}

bool rg_early_stopping_step(rg_early_stopping *s, double metric) {
    if (!s || rg_error_code(s->tape) || rg_outside_pass(NULL, s->tape, "rg_early_stopping_step")) return true;
    const double gain = s->options.maximize ? metric - s->best : s->best - metric;
    s->calls++;
    if (!isnan(metric) && (isnan(s->best) || gain > s->options.min_delta)) {
        s->best = metric;
        s->best_call = s->calls;
        for (int i = 0; i < s->count; i++)
            if (s->kept[i].copy) rg_values_copy(s->kept[i].copy, s->kept[i].p);
        return false;
    }
    const int64_t waited = s->calls - s->best_call;
    return waited >= (s->options.patience > 0 ? s->options.patience : 1);
}

int rg_early_stopping_restore(rg_early_stopping *s) {
    if (!s || rg_error_code(s->tape) || rg_outside_pass(NULL, s->tape, "rg_early_stopping_restore")) return -1;
    for (int i = 0; s->best_call && i < s->count; i++)
        if (s->kept[i].copy) rg_values_copy(s->kept[i].p, s->kept[i].copy);
    return 0;
}

double rg_early_stopping_best(const rg_early_stopping *s) { return s ? s->best : NAN; }
int64_t rg_early_stopping_calls(const rg_early_stopping *s) { return s ? s->calls : 0; }
int64_t rg_early_stopping_best_call(const rg_early_stopping *s) { return s ? s->best_call : 0; }
