/* play.c - a replay: the kernels of the record and of its backward pass, called again on the same tensors. Part of hot.c.

   The first rg_play writes a plan: a step for each kernel of the record, then, while the backward pass runs, one for each
   kernel that the pass calls. Later calls run these steps: no shape is checked, no vjp runs, nothing is recorded. The ops that
   a vjp calls are steps like any other. Saved tensors and gradients exist since the first call; other memory that a kernel
   asks for is released after the replay.                                                                                   */
#include <string.h>

#include "internal.h"

static void rg_plan_free(rg_tape *t) {
    rg_plan *p = &t->plan;
    if (p->writing || !(p->last || p->nsteps || p->ngrads || p->made.first)) return;
    for (int64_t i = 0; i < p->ngrads; i++) {
        p->grads[i].made->data = NULL;
        rg_unref(p->grads[i].grad);
    }
    rg_release_since(&p->made, 0);
    rg_tape_dealloc(t, p->steps, (size_t)p->steps_size * sizeof *p->steps);
    rg_tape_dealloc(t, p->dx, (size_t)p->dx_size * sizeof *p->dx);
    rg_tape_dealloc(t, p->grads, (size_t)p->grads_size * sizeof *p->grads);
    p->steps = NULL, p->dx = NULL, p->grads = NULL, p->last = NULL;
    p->nsteps = p->ndx = p->ngrads = p->steps_size = p->dx_size = p->grads_size = p->nforward = 0;
}

static void rg_plan_rewound(rg_tape *t, int64_t mark) {
    rg_plan *p = &t->plan;
    if (mark == 0 || (p->last && p->last->seq >= mark)) rg_plan_free(t);
    if (p->loss && p->loss->seq >= mark) rg_unref(p->loss), p->loss = NULL;
    if (p->second_loss >= mark) p->second_loss = 0;
    if (p->no_history_since >= mark) p->no_history_since = 0;
    if (p->unplayable_since >= mark) p->unplayable_since = 0;
}

static void rg_plan_passed(rg_tensor *loss, bool some_inputs) {
    rg_plan *p = &loss->tape->plan;
    rg_tensor *younger = loss;
    rg_plan_free(loss->tape); /* it was written without this pass */
    if (!p->loss || loss->seq < p->loss->seq) younger = p->loss, p->loss = loss, p->some_inputs = some_inputs;
    if (!younger) return;
    if (!p->second_loss || younger->seq < p->second_loss) p->second_loss = younger->seq;
    rg_unref(younger);
}

/* -------- writing the plan */

static int add_step(rg_tape *t, rg_step step) {
    rg_plan *p = &t->plan;
    rg_step *steps = rg_grown(step.y->at, t, p->steps, p->nsteps, &p->steps_size, sizeof step);
    if (!steps) return -1;
    step.of = t->pass.vjp_of ? t->pass.vjp_of : step.y;
    p->steps = steps;
    p->steps[p->nsteps++] = step;
    return 0;
}

RG_COLD static int refuse_replay(const rg_tensor *y, const char *why) {
    char text[64];
    return rg_fail(y->tape, RG_ESTATE, y->at, "rg_play: %s cannot be replayed: %s",
        y->op ? y->op->name : rg_shape_text(y, text, sizeof text), why);
}

/* Did a pass of the record make x: is it a gradient, or from a hook? A replay puts the new value into another tensor. */
static bool is_of_pass(const rg_plan *p, const rg_tensor *x) {
    return x->flags & RG_BY_HOOK || (x->flags & RG_GRADIENT && p->loss && (x->seq >= p->loss->seq || x->leaf.written >= p->loss->seq));
}

static int add_forward(rg_tape *t, rg_tensor *y) {
    bool of_operand = !y->base;
    for (int i = 0; i < y->nin; i++) {
        const rg_tensor *x = y->in[i]->base ? y->in[i]->base : y->in[i];
        of_operand |= y->base == x;
        if (is_of_pass(&t->plan, x) || is_of_pass(&t->plan, y->in[i]))
            return refuse_replay(y, "it reads a gradient, or what a hook made: rg_rewind to before it");
    }
    if (!of_operand) return refuse_replay(y, "its value does not come from its operands alone");
    const rg_forward_fn forward = y->op->forward[rg_f64_kernel(y)][t->isa];
    if (y->op->check && add_step(t, (rg_step){.kind = RG_STEP_CHECK, .y = y})) return -1;
    return forward ? add_step(t, (rg_step){.kind = RG_STEP_FORWARD, .fn.forward = forward, .y = y}) : 0;
}

/* Has C code, not an operation, given x its values? */
static bool is_computed_outside(const rg_tensor *x) { return !x->op && !x->base && !(x->flags & (RG_FILLED | RG_DRAWN | RG_BY_KERNEL)); }

/* By the vjp, and by the hook. */
static const char *const reads[] = {"its vjp reads values", "its hook reads values"};
static const char *const computes[] = {"its vjp computes values that are no result of an operation",
    "its hook computes values that are no result of an operation"};

/* Steps for the results, and the leaves that are drawn, after p->planned_to. With y, its vjp made them: a leaf that it filled from C is
   refused, since a replay does not run that code. */
static int write_recorded(rg_tape *t, const rg_tensor *y) {
    rg_plan *p = &t->plan;
    for (rg_tensor *x = p->planned_to ? p->planned_to->next : t->record.first; x; x = x->next) {
        if (x->op && !(x->flags & RG_BY_HOOK) && add_forward(t, x)) return -1;
        if (x->flags & RG_DRAWN && !(x->flags & RG_BY_HOOK) &&
            add_step(t, (rg_step){.kind = RG_STEP_FORWARD, .fn.forward = x->attr.source, .y = x})) return -1;
        if (y && is_computed_outside(x)) return refuse_replay(y, computes[0]);
        p->planned_to = x;
    }
    return 0;
}

static int rg_plan_write_vjp(rg_tape *t, const rg_tensor *y, bool read) { return read ? refuse_replay(y, reads[0]) : write_recorded(t, y); }

/* What was recorded stays on the record, and a replay does not call the vjp, or the hook, again. */
static void rg_plan_check_graph(rg_tensor *y, int64_t mark, bool read, bool hook) {
    rg_plan *p = &y->tape->plan;
    const char *why = read ? reads[hook] : NULL;
    for (const rg_tensor *x = y->tape->record.last; x && x->seq >= mark; x = x->prev)
        if (is_computed_outside(x)) why = computes[hook];
    if (why && !p->unplayable_since) p->unplayable_since = mark, p->unplayable = y, p->why_unplayable = why;
}

static int rg_plan_write_fused(rg_tensor *y, rg_fused_fn fused, rg_tensor *const *dx, int64_t mark) {
    rg_tape *t = y->tape;
    rg_plan *p = &t->plan;
    rg_step step = {.kind = RG_STEP_FUSED, .fn.fused = fused, .y = y, .from = y->cotangent, .dx = p->ndx};
    for (int i = 0; i < 3 * y->nin; i++) {
        rg_tensor *g = dx[i % y->nin], **all = rg_grown(y->at, t, p->dx, p->ndx, &p->dx_size, sizeof g);
        if (!all) return -1;
        p->dx = all;
        p->dx[p->ndx++] = g && i < 2 * y->nin && g->seq < mark ? NULL : g;
    }
    p->planned_to = t->record.last;
    return add_step(t, step);
}

static int rg_plan_write_add(rg_tensor *to, int64_t at, rg_tensor *from) {
    const rg_step step = {.kind = RG_STEP_ADD, .fn.add = rg_add_into_of(to), .y = to, .from = from, .dx = at};
    return write_recorded(to->tape, NULL) || add_step(to->tape, step);
}

static void rg_plan_take(rg_tape *t, int64_t mark) {
    rg_plan *p = &t->plan;
    rg_tensor *x = t->record.last, *next;
    while (x && x->seq >= mark) x = x->prev;
    p->planned_to = x;
    for (x = x ? x->next : t->record.first; x; x = next) {
        next = x->next;
        rg_unlist(&t->record, x);
        x->flags |= RG_PLANNED;
        rg_enlist(&p->made, x);
    }
}

static int rg_plan_write_copy(rg_tensor *copy, rg_tensor *from) {
    rg_tape *t = copy->tape;
    if (add_step(t, (rg_step){.kind = RG_STEP_COPY, .y = copy, .from = from})) return -1;
    rg_unlist(&t->kept, copy);
    rg_enlist(&t->plan.made, copy);
    copy->flags ^= RG_KEPT | RG_PLANNED;
    copy->refs++;
    return 0;
}

/* A tensor of the plan keeps its operator, but a leaf's gradient has none: this makes a second tensor with the same data. No other
   tensor has the data: unshare() ran before. */
static int rg_plan_write_grad(rg_tensor *leaf) {
    rg_tape *t = leaf->tape;
    rg_plan *p = &t->plan;
    rg_plan_grad *grads = rg_grown(leaf->at, t, p->grads, p->ngrads, &p->grads_size, sizeof *grads);
    if (!grads) return -1;
    p->grads = grads;
    rg_tensor *made = leaf->cotangent, *grad = rg_node_like(leaf->at, made);
    if (!grad) return -1;
    if (made->data == made->value) made->data = memcpy(grad->value, made->value, sizeof grad->value);
    grad->data = made->data;
    grad->flags = RG_KEPT | RG_GRADIENT;
    rg_enlist(&t->kept, grad);
    p->grads[p->ngrads++] = (rg_plan_grad){leaf, made, grad};
    return 0;
}

/* -------- replaying it */

static inline int run_fused(const rg_tape *t, const rg_step *s) {
    rg_tensor **dx = t->plan.dx + s->dx;
    if (s->fn.fused(s->y, s->from, dx)) return rg_fail(s->y->tape, RG_ESTATE, s->y->at, "%s: its fused backward failed", s->y->op->name);
    for (int i = 0, n = s->y->nin; i < n; i++) {
        if (dx[i] != dx[2 * n + i]) return refuse_replay(s->y, "its fused backward gave another tensor than before");
        dx[i] = dx[n + i];
    }
    return 0;
}

/* Listeners are called for one run of each result and one of each vjp; for leaves they are not called. */
static RG_INLINE int replay(rg_tape *t, int64_t from, int64_t to, bool watched) {
    const uint32_t errors = t->errors;
    for (int64_t i = from; i < to; i++) {
        const rg_step *s = &t->plan.steps[i];
        const bool told = watched && s->of->op;
        const int run = s->y == s->of && s->kind != RG_STEP_FUSED ? RG_RUN_FORWARD : RG_RUN_BACKWARD;
        if (told && (i == from || s->of != s[-1].of)) rg_tell(&t->on_run, s->of, run, NULL);
        int failed = 0;
        switch (s->kind) {
        case RG_STEP_CHECK: failed = s->y->op->check(s->y); break;
        case RG_STEP_FORWARD: failed = s->fn.forward(s->y); break;
        case RG_STEP_FUSED: failed = run_fused(t, s); break;
        case RG_STEP_ADD: s->fn.add(s->y, s->dx, s->from); break;
        case RG_STEP_COPY: memcpy(s->y->data, s->from->data, (size_t)s->y->numel * rg_width(s->y->dtype)); break;
        }
        if (told && (failed || i + 1 == to || s->of != s[1].of)) rg_tell(&t->on_run, s->of, RG_RUN_ENDS, NULL);
        if (failed) return rg_failed_since(s->y, errors);
    }
    return t->errors != errors ? -1 : 0;
}

/* Steps in [from, to). What kernels made is scratch, and released; a saved tensor among it would be missing in the next step. */
static int replay_clean(rg_tape *t, int64_t from, int64_t to) {
    const int64_t mark = t->seq;
    const int failed = t->on_run ? replay(t, from, to, true) : replay(t, from, to, false);
    if (t->seq == mark) return failed;
    for (int64_t i = from; i < to; i++) {
        const rg_tensor *y = t->plan.steps[i].y;
        for (int k = 0; y->op && k < 2; k++)
            if (y->saved[k] && y->saved[k]->seq >= mark) return refuse_replay(y, "its forward does not make its saved tensors by rg_save");
    }
    rg_release_since(&t->record, mark);
    return failed;
}

/* Values are those of the leaves only if all steps ran. */
static int replay_forward(rg_tape *t) {
    const int64_t mark = t->seq++;
    const bool failed = replay_clean(t, 0, t->plan.nforward);
    if (failed) t->plan.stale_before = mark;
    else t->plan.stale_before = 0, t->plan.replayed = mark;
    return failed ? -1 : 0;
}

/* With rg_keep_grads, hooks or gradient listeners the pass runs as usual. */
static bool is_eager(const rg_tape *t) { return t->keep_grads || t->hooks || t->on_gradient; }

/* The steps of the record, then, as the pass runs, those of the pass. */
static int write_plan(const char *at, rg_tape *t) {
    rg_plan *p = &t->plan;
    rg_plan_free(t);
    p->planned_to = NULL;
    if (write_recorded(t, NULL)) return -1;
    const rg_tensor *x = t->record.first;
    while (x && !x->op) x = x->next;
    if (!x && !p->nsteps && !p->loss)
        return rg_fail(t, RG_ESTATE, at, "rg_play: the record has nothing to compute; after rg_tape_reset record the step again");
    p->nforward = p->nsteps;
    p->eager = is_eager(t), p->isa = t->isa;
    if (replay_forward(t)) return -1;
    p->last = t->record.last;
    return p->loss && !p->eager ? rg_pass_loss(at, p->loss, RG_PLAN_GRADS, (rg_list){0}) : 0;
}

/* A leaf's gradient that is in the plan's memory, or that has another holder, is moved away: after that no step can fail for want of
   memory. */
static int unshare_grads(const char *at, rg_tape *t) {
    for (int64_t i = 0; i < t->plan.ngrads; i++) {
        rg_tensor **g = &t->plan.grads[i].leaf->grad, *copy;
        if (!*g || rg_is_unshared(*g)) continue;
        if (!(copy = rg_kept_copy(at, *g))) return -1;
        rg_unref(*g);
        *g = copy;
    }
    return 0;
}

/* Does the plan repeat what is on the record, and do only the plan and the leaves hold its gradients? */
static bool is_ready(const rg_tape *t) {
    const rg_plan *p = &t->plan;
    bool ready = p->last && p->last == t->record.last && p->eager == is_eager(t) && p->isa == t->isa;
    for (int64_t i = 0; i < p->ngrads && ready; i++)
        ready = p->grads[i].grad->refs == 1 + (p->grads[i].leaf->grad == p->grads[i].grad);
    return ready;
}

static void deposit_all(rg_tape *t) {
    for (int64_t i = 0; i < t->plan.ngrads; i++) {
        rg_tensor *leaf = t->plan.grads[i].leaf, *grad = t->plan.grads[i].grad;
        if (leaf->grad) rg_add_into(leaf->grad, 0, grad), rg_touch(leaf->grad);
        else leaf->grad = grad, grad->refs++;
    }
}

int rg_play_at(const char *at, rg_tape *t) {
    if (!t || t->code) return -1;
    rg_plan *p = &t->plan;
    if (rg_outside_pass(at, t, "rg_play")) return -1;
    if (p->second_loss) return rg_fail(t, RG_ESTATE, at, "rg_play: more than one backward pass is on the record");
    if (p->no_history_since)
        return rg_fail(t, RG_ESTATE, at, "rg_play: an rg_grad without .create_graph is on the record: its results have no history");
    if (p->loss && p->some_inputs)
        return rg_fail(t, RG_ESTATE, at, "rg_play: an rg_backward for some inputs is on the record; only one for all leaves is replayed");
    if (p->unplayable_since) return refuse_replay(p->unplayable, p->why_unplayable);
    t->released = (rg_end){"rg_play", at};
    if (t->record.last && t->record.last->seq >= p->hooks_begin && t->record.last->seq < p->hooks_end)
        rg_release_since(&t->record, p->hooks_begin);
    int failed;
    if (is_ready(t)) failed = unshare_grads(at, t) || replay_forward(t) || replay_clean(t, p->nforward, p->nsteps);
    else failed = write_plan(at, t) || unshare_grads(at, t);
    if (failed) return rg_plan_free(t), -1;
    if (p->eager && p->loss) return rg_pass_loss(at, p->loss, RG_REPLACE_GRADS, (rg_list){0});
    deposit_all(t);
    return 0;
}
