/* hook.c - hooks, called in a pass with the whole gradient of one tensor, and listeners, called in a pass with each part of any gradient,
   or where an operator runs, recorded or replayed. Part of hot.c. */
#include "internal.h"

static int run_hook(const rg_hook *h) {
    rg_tensor *x = h->x, *was = x->cotangent;
    rg_tape *t = x->tape;
    const int64_t mark = t->seq;
    const uint32_t reads = t->pass.reads;
    const rg_end released = t->released;
    if (was->flags & RG_KEPT && !was->retained) was->flags |= RG_GRADIENT; /* made by the pass */
    rg_tensor *g = h->fn(h->ctx, x, was);
    t->released = released;
    if (t->pass.graph) rg_plan_check_graph(x, mark, t->pass.reads != reads, true);
    for (rg_tensor *made = t->record.last; made && made->seq >= mark && !t->pass.graph; made = made->prev) made->flags |= RG_BY_HOOK;
    if (t->errors != t->pass.errors) return -1;
    if (!g || g == was) return 0;
    if (rg_failed(g) || g->tape != t) return rg_fail(t, RG_ESTATE, h->at, "rg_on_grad: the hook returned no tensor of this tape");
    if (!rg_same_shape(g, was) || g->dtype != was->dtype) {
        char is[64], should[64];
        return rg_fail(t, RG_ESHAPE, h->at, "rg_on_grad: the hook returned %s in place of %s", rg_shape_text(g, is, sizeof is),
            rg_shape_text(was, should, sizeof should));
    }
    g->refs++;
    x->cotangent = g;
    rg_unref(was);
    return 0;
}

static int rg_hooks_run(const rg_tape *t, const rg_tensor *y) {
    for (const rg_hook *h = t->hooks; h && (!y || h->x->seq >= y->seq); h = h->next)
        if ((y ? h->x == y : !h->x->op && h->x->cotangent) && run_hook(h)) return -1;
    return 0;
}

static void rg_hooks_drop(rg_tensor *x) {
    rg_hook **at = &x->tape->hooks, *h;
    while (*at && (*at)->x->seq > x->seq) at = &(*at)->next;
    while ((h = *at) && h->x == x) {
        *at = h->next;
        rg_tape_dealloc(x->tape, h, sizeof *h);
    }
    x->flags &= (uint16_t)~RG_HOOKED;
}

int rg_on_grad_at(const char *at, rg_tensor *x, rg_grad_fn fn, void *ctx) {
    if (!rg_usable_at(x) || (fn && x->tape->code)) return -1;
    rg_tape *t = x->tape;
    if (!fn && t->pass.running) return rg_fail(t, RG_ESTATE, at, "rg_on_grad: hooks cannot go while a pass runs");
    if (!fn) return rg_hooks_drop(x), 0;
    if (!(x->flags & RG_NEEDS)) return rg_fail(t, RG_ESTATE, at, "rg_on_grad: the tensor does not require a gradient");
    rg_hook *h = rg_tape_alloc(at, t, sizeof *h), **last = &t->hooks;
    if (!h) return -1;
    while (*last && (*last)->x->seq >= x->seq) last = &(*last)->next;
    *h = (rg_hook){.next = *last, .at = at, .x = x, .fn = fn, .ctx = ctx};
    *last = h;
    x->flags |= RG_HOOKED;
    return 0;
}

/* A listener may remove itself: then *at is the next one, and its own struct may be invalid and is not read. */
static void rg_tell(rg_listener **at, rg_tensor *y, int i, rg_tensor *g) {
    const uint32_t reads = y->tape->pass.reads; /* a listener's reads are not those of a vjp */
    for (rg_listener *l; (l = *at); at = *at == l ? &l->next : at) l->fn(l->ctx, y, i, g);
    y->tape->pass.reads = reads;
}

void rg_listen(rg_tape *t, rg_events events, rg_listener *l, bool on) {
    if (!t || !l || !l->fn) return;
    rg_listener **at = events == RG_RUNS ? &t->on_run : &t->on_gradient;
    while (*at && *at != l) at = &(*at)->next;
    if (!on && *at) *at = l->next;
    else if (on && !*at) *at = l, l->next = NULL;
}
