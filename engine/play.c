/* play.c - a replay: the kernels of the record and of its backward pass, called again on the same tensors.

   The first rg_play writes a plan: a step for each kernel of the record, then one for each kernel that its pass called, as the
   pass runs. Those after it go through this list. No shape is checked, no vjp runs and nothing is recorded: what a vjp composes
   is a row of kernels like any other. Saved tensors and gradients, which kernels make when they are called first, are there
   already; other memory that a kernel asks for is released after the replay.                                               */
#include <string.h>

#include "internal.h"

static void rg_plan_drop(rg_tape *t) {
    rg_plan *p = &t->plan;
    if (p->writing || !(p->last || p->nsteps || p->ngrads || p->made.first)) return;
    for (int64_t i = 0; i < p->ngrads; i++) rg_unref(p->grads[i].view);
    rg_release_since(&p->made, 0);
    rg_tape_dealloc(t, p->steps, (size_t)p->steps_size * sizeof *p->steps);
    rg_tape_dealloc(t, p->dx, (size_t)p->dx_size * sizeof *p->dx);
    rg_tape_dealloc(t, p->grads, (size_t)p->grads_size * sizeof *p->grads);
    p->steps = NULL, p->dx = NULL, p->grads = NULL, p->last = NULL;
    p->nsteps = p->ndx = p->ngrads = p->steps_size = p->dx_size = p->grads_size = p->nforward = 0;
}

static void rg_plan_forget(rg_tape *t, int64_t mark) {
    rg_plan *p = &t->plan;
    if (mark == 0 || (p->last && p->last->seq >= mark)) rg_plan_drop(t);
    if (p->loss && (p->loss->seq >= mark || mark == 0)) {
        rg_unref(p->loss);
        p->loss = NULL;
        if (p->passes == 1) p->passes = 0;
    }
    if (mark == 0 || p->first_loss >= mark) p->passes = 0;
    if (p->no_history >= mark) p->no_history = 0;
    if (p->some_inputs >= mark) p->some_inputs = 0;
    if (p->fixed && p->fixed->seq >= mark) p->fixed = NULL;
}

/* -------- writing the plan */

static int add_step(rg_tape *t, rg_step step) {
    rg_plan *p = &t->plan;
    rg_step *steps = rg_grown(step.y->at, t, p->steps, p->nsteps, &p->steps_size, sizeof step);
    if (!steps) return -1;
    step.of = t->pass.y ? t->pass.y : step.y;
    p->steps = steps;
    p->steps[p->nsteps++] = step;
    return 0;
}

RG_COLD static int refuse(const rg_tensor *y, const char *why) {
    return rg_fail(y->tape, RG_ESTATE, y->at, "rg_play: %s cannot be replayed: %s", y->op->name, why);
}

/* Has a pass on the record left x: a gradient, or what its hook made? A replay leaves that in another tensor. */
static bool is_of_pass(const rg_plan *p, const rg_tensor *x) {
    return x->flags & RG_BY_HOOK || (x->flags & RG_GRADIENT && p->passes && (x->seq >= p->first_loss || x->leaf.written >= p->first_loss));
}

static int add_forward(rg_tape *t, rg_tensor *y) {
    bool of_operand = !y->base;
    for (int i = 0; i < y->nin; i++) {
        const rg_tensor *x = y->in[i]->base ? y->in[i]->base : y->in[i];
        of_operand |= y->base == x;
        if (is_of_pass(&t->plan, x) || is_of_pass(&t->plan, y->in[i]))
            return refuse(y, "it reads a gradient, or what a hook made: rg_rewind to before it");
    }
    if (!of_operand) return refuse(y, "its value does not come from its operands alone");
    const rg_forward_fn forward = y->op->forward[rg_f64_kernel(y)][t->isa];
    if (y->op->check && add_step(t, (rg_step){.kind = RG_STEP_CHECK, .y = y})) return -1;
    return forward ? add_step(t, (rg_step){.kind = RG_STEP_FORWARD, .fn.forward = forward, .y = y}) : 0;
}

/* Has C code, not an operation, given x its values? */
static bool is_computed_outside(const rg_tensor *x) { return !x->op && !x->base && !(x->flags & (RG_CONSTANT | RG_DRAWN | RG_SCRATCH)); }

static const char *const reads = "its vjp reads values", *const computes = "its vjp computes values that are no result of an operation";

/* What is on the record after p->noted: results, and leaves that are drawn. A vjp, y's, must make no leaf of values that it computed in
   C. */
static int note(rg_tape *t, const rg_tensor *y) {
    rg_plan *p = &t->plan;
    for (rg_tensor *x = p->noted ? p->noted->next : t->record.first; x; x = x->next) {
        if (x->op && !(x->flags & RG_BY_HOOK) && add_forward(t, x)) return -1;
        if (x->flags & RG_DRAWN && !(x->flags & RG_BY_HOOK) &&
            add_step(t, (rg_step){.kind = RG_STEP_FORWARD, .fn.forward = x->attr.source, .y = x})) return -1;
        if (y && is_computed_outside(x)) return refuse(y, computes);
        p->noted = x;
    }
    return 0;
}

static int rg_plan_vjp(rg_tape *t, const rg_tensor *y) { return y && t->pass.read ? refuse(y, reads) : note(t, y); }

/* The vjp of y stays on the record, recorded since the mark: a replay would not run it again. */
static void rg_plan_check_graph(rg_tensor *y, int64_t mark) {
    rg_tape *t = y->tape;
    const char *why = t->pass.read ? reads : NULL;
    for (const rg_tensor *x = t->record.last; x && x->seq >= mark; x = x->prev)
        if (is_computed_outside(x)) why = computes;
    if (!why || t->plan.fixed) return;
    t->plan.fixed = y;
    t->plan.why_fixed = why;
}

static int rg_plan_fused(rg_tensor *y, rg_fused_fn fused, rg_tensor *const *dx, int64_t mark) {
    rg_tape *t = y->tape;
    rg_plan *p = &t->plan;
    rg_step step = {.kind = RG_STEP_FUSED, .fn.fused = fused, .y = y, .from = y->cotangent, .dx = p->ndx};
    for (int i = 0; i < 3 * y->nin; i++) {
        rg_tensor *g = dx[i % y->nin], **all = rg_grown(y->at, t, p->dx, p->ndx, &p->dx_size, sizeof g);
        if (!all) return -1;
        p->dx = all;
        p->dx[p->ndx++] = g && i < 2 * y->nin && g->seq < mark ? NULL : g;
    }
    p->noted = t->record.last;
    return add_step(t, step);
}

static int rg_plan_add(rg_tensor *to, rg_tensor *from) {
    return note(to->tape, NULL) || add_step(to->tape, (rg_step){.kind = RG_STEP_ADD, .y = to, .from = from});
}

static void rg_plan_settle(rg_tape *t, int64_t mark) {
    rg_plan *p = &t->plan;
    rg_tensor *x = t->record.last, *next;
    while (x && x->seq >= mark) x = x->prev;
    p->noted = x;
    for (x = x ? x->next : t->record.first; x; x = next) {
        next = x->next;
        rg_unlist(&t->record, x);
        x->flags |= RG_KEPT;
        rg_enlist(&p->made, x);
    }
}

static int rg_plan_copy(rg_tensor *copy, rg_tensor *from) {
    rg_tape *t = copy->tape;
    if (add_step(t, (rg_step){.kind = RG_STEP_COPY, .y = copy, .from = from})) return -1;
    rg_unlist(&t->kept, copy);
    rg_enlist(&t->plan.made, copy);
    copy->refs++;
    return 0;
}

/* The leaf's gradient will be a view: the plan's tensors keep their operators, a leaf's gradient has none. */
static int rg_plan_grad_of(rg_tensor *leaf) {
    rg_tape *t = leaf->tape;
    rg_plan *p = &t->plan;
    rg_plan_grad *grads = rg_grown(leaf->at, t, p->grads, p->ngrads, &p->grads_size, sizeof *grads);
    if (!grads) return -1;
    p->grads = grads;
    rg_tensor *view = rg_view_new(leaf->at, leaf->cotangent);
    if (!view) return -1;
    view->flags = RG_KEPT | RG_GRADIENT;
    rg_enlist(&t->kept, view);
    p->grads[p->ngrads++] = (rg_plan_grad){leaf, view};
    return 0;
}

/* -------- replaying it */

static inline int run_fused(const rg_tape *t, const rg_step *s) {
    rg_tensor **dx = t->plan.dx + s->dx;
    if (s->fn.fused(s->y, s->from, dx)) return rg_fail(s->y->tape, RG_ESTATE, s->y->at, "%s: its fused backward failed", s->y->op->name);
    for (int i = 0, n = s->y->nin; i < n; i++) {
        if (dx[i] != dx[2 * n + i]) return refuse(s->y, "its fused backward gave another tensor than before");
        dx[i] = dx[n + i];
    }
    return 0;
}

/* To listeners, what is done for one result, or by one vjp, is one run; of leaves they are told nothing. */
static RG_INLINE int replay(rg_tape *t, int64_t from, int64_t to, bool watched) {
    const uint32_t errors = t->errors;
    int failed = 0;
    for (int64_t i = from; i < to && !failed; i++) {
        const rg_step *s = &t->plan.steps[i];
        const bool told = watched && s->of->op;
        const int run = s->y == s->of && s->kind != RG_STEP_FUSED ? RG_RUN_FORWARD : RG_RUN_BACKWARD;
        if (told && (i == from || s->of != s[-1].of)) rg_tell(&t->on_run, s->of, run, NULL);
        switch (s->kind) {
        case RG_STEP_CHECK: failed = s->y->op->check(s->y); break;
        case RG_STEP_FORWARD: failed = s->fn.forward(s->y); break;
        case RG_STEP_FUSED: failed = run_fused(t, s); break;
        case RG_STEP_ADD: rg_add_into(s->y, s->from); break;
        case RG_STEP_COPY: memcpy(s->y->data, s->from->data, (size_t)s->y->numel * rg_width(s->y->dtype)); break;
        }
        if (told && (failed || i + 1 == to || s->of != s[1].of)) rg_tell(&t->on_run, s->of, RG_RUN_ENDS, NULL);
    }
    return failed || t->errors != errors ? -1 : 0;
}

/* Steps in [from, to). What kernels made is scratch, and released; a saved tensor among it would be missing in the next step. */
static int replay_clean(rg_tape *t, int64_t from, int64_t to) {
    const int64_t mark = t->seq;
    const int failed = t->on_run ? replay(t, from, to, true) : replay(t, from, to, false);
    if (t->seq == mark) return failed;
    for (int64_t i = from; i < to; i++) {
        const rg_tensor *y = t->plan.steps[i].y;
        for (int k = 0; y->op && k < 2; k++)
            if (y->saved[k] && y->saved[k]->seq >= mark) return refuse(y, "its forward does not make its saved tensors by rg_save");
    }
    rg_release_since(&t->record, mark);
    return failed;
}

/* Values are those of the leaves only if all steps ran. What was drawn before one failed counts as written. */
static int replay_forward(rg_tape *t) {
    const int64_t mark = t->seq++;
    if (replay_clean(t, 0, t->plan.nforward)) {
        for (int64_t i = 0; i < t->plan.nforward; i++)
            if (t->plan.steps[i].y->flags & RG_DRAWN) t->plan.steps[i].y->leaf.written = mark;
        return -1;
    }
    t->plan.replayed = mark;
    return 0;
}

/* Gradients of results are kept, or a hook looks on: the pass runs as usual. */
static bool is_eager(const rg_tape *t) { return t->keep_grads || t->hooks || t->on_gradient; }

/* The steps of the record, then, as the pass runs, those of the pass. */
static int write_plan(const char *at, rg_tape *t) {
    rg_plan *p = &t->plan;
    rg_plan_drop(t);
    p->noted = NULL;
    if (note(t, NULL)) return -1;
    p->nforward = p->nsteps;
    p->eager = is_eager(t);
    if (replay_forward(t)) return -1;
    p->last = t->record.last;
    return p->loss && !p->eager ? rg_pass_loss(at, p->loss, RG_PLAN_GRADS, (rg_list){0}) : 0;
}

/* A leaf's gradient that is in the plan's memory, or that has another holder, is moved away: after that no step can fail for want of
   memory. */
static int own_grads(const char *at, rg_tape *t) {
    for (int64_t i = 0; i < t->plan.ngrads; i++) {
        rg_tensor *leaf = t->plan.grads[i].leaf;
        if (!leaf->grad || rg_is_own(leaf->grad)) continue;
        rg_tensor *copy = rg_own_copy(at, leaf->grad);
        if (!copy) return -1;
        rg_unref(leaf->grad);
        leaf->grad = copy;
    }
    return 0;
}

/* Does the plan repeat what is on the record, and do only the plan and the leaves hold its gradients? */
static bool is_ready(const rg_tape *t) {
    const rg_plan *p = &t->plan;
    bool ready = p->last && p->last == t->record.last && p->eager == is_eager(t);
    for (int64_t i = 0; i < p->ngrads && ready; i++) {
        const rg_tensor *view = p->grads[i].view;
        ready = view->refs == 1 + (p->grads[i].leaf->grad == view) && view->base->refs == 2;
    }
    return ready;
}

static void deposit_all(rg_tape *t) {
    for (int64_t i = 0; i < t->plan.ngrads; i++) {
        rg_tensor *leaf = t->plan.grads[i].leaf, *view = t->plan.grads[i].view;
        if (leaf->grad) {
            rg_add_into(leaf->grad, view);
            rg_touch(leaf->grad);
        } else {
            leaf->grad = view;
            view->refs++;
        }
    }
}

/* The pass as usual, whose hooks' tensors live until the next replay. */
static int eager_pass(const char *at, rg_tape *t) {
    t->plan.hooks = t->seq;
    const int failed = rg_pass_loss(at, t->plan.loss, RG_REPLACE_GRADS, (rg_list){0});
    t->plan.hooks_end = t->seq;
    return failed;
}

int rg_play_at(const char *at, rg_tape *t) {
    if (!t || t->code) return -1;
    rg_plan *p = &t->plan;
    if (t->pass.running) return rg_fail(t, RG_ESTATE, at, "rg_play: inside a backward rule");
    if (p->passes > 1) return rg_fail(t, RG_ESTATE, at, "rg_play: %lld backward passes are on the record, not one", (long long)p->passes);
    if (p->no_history)
        return rg_fail(t, RG_ESTATE, at, "rg_play: an rg_grad without .create_graph is on the record: its results have no history");
    if (p->some_inputs)
        return rg_fail(t, RG_ESTATE, at, "rg_play: an rg_backward for some inputs is on the record; only one for all leaves is replayed");
    if (p->fixed) return refuse(p->fixed, p->why_fixed);
    t->released = (rg_end){"rg_play", at};
    if (t->record.last && t->record.last->seq >= p->hooks && t->record.last->seq < p->hooks_end) rg_release_since(&t->record, p->hooks);
    int failed;
    if (is_ready(t)) failed = own_grads(at, t) || replay_forward(t) || replay_clean(t, p->nforward, p->nsteps);
    else failed = write_plan(at, t) || own_grads(at, t);
    if (failed) return rg_plan_drop(t), -1;
    if (p->eager && p->loss) return eager_pass(at, t);
    deposit_all(t);
    return 0;
}
