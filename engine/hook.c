/* hook.c - what is called while a pass runs: rg_on_grad with the whole gradient of one tensor, rg_on_step with every part of any. */
#include "internal.h"

static int rg_hooks_run(rg_tensor *x) {
    rg_tape *t = x->tape;
    for (const rg_hook *h = t->hooks; h; h = h->next) {
        if (h->x != x) continue;
        const int64_t mark = t->seq;
        rg_tensor *was = x->cotangent;
        if (was->flags & RG_KEPT && !was->retained) was->flags |= RG_GRADIENT; /* made by the pass */
        rg_tensor *g = h->fn(h->ctx, x, was);
        for (rg_tensor *made = t->record.last; made && made->seq >= mark && !t->pass.graph; made = made->prev) made->flags |= RG_BY_HOOK;
        if (t->errors != t->pass.errors) return -1;
        if (!g || g == was) continue;
        if (rg_failed(g) || g->tape != t) return rg_fail(t, RG_ESTATE, h->at, "rg_on_grad: the hook returned no tensor of this tape");
        if (!rg_same_shape(g, was) || g->dtype != was->dtype) {
            char is[64], should[64];
            return rg_fail(t, RG_ESHAPE, h->at, "rg_on_grad: the hook returned %s in place of %s", rg_shape_text(g, is, sizeof is), rg_shape_text(was, should, sizeof should));
        }
        g->refs++;
        x->cotangent = g;
        rg_unref(was);
    }
    return 0;
}

static void rg_hooks_drop(rg_tensor *x) {
    for (rg_hook **at = &x->tape->hooks, *h; (h = *at);) {
        if (h->x != x) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        rg_tape_dealloc(x->tape, h, sizeof *h);
    }
    x->flags &= (uint16_t)~RG_HOOKED;
}

int rg_on_grad_at(const char *at, rg_tensor *x, rg_grad_fn fn, void *ctx) {
    if (!rg_usable_at(x) || x->tape->code) return -1;
    rg_tape *t = x->tape;
    if (!fn && t->pass.running) return rg_fail(t, RG_ESTATE, at, "rg_on_grad: hooks cannot go while a pass runs");
    if (!fn) return rg_hooks_drop(x), 0;
    if (!(x->flags & RG_NEEDS)) return rg_fail(t, RG_ESTATE, at, "rg_on_grad: the tensor does not require a gradient");
    rg_hook *h = rg_tape_alloc(at, t, sizeof *h), **last = &t->hooks;
    if (!h) return -1;
    *h = (rg_hook){.at = at, .x = x, .fn = fn, .ctx = ctx};
    while (*last) last = &(*last)->next;
    *last = h;
    x->flags |= RG_HOOKED;
    return 0;
}

void rg_on_step(rg_tape *t, rg_step_fn fn, void *ctx) {
    if (!t) return;
    t->on_step = fn;
    t->on_step_ctx = ctx;
}
