/* play.c - a record played again: every operator's forward, then the backward pass, on the tensors of the first time.

   The first rg_play writes down, while the pass runs, what was done and which tensors were made on the way. Those after it go
   through this plan. An operator that asks for a tensor, in its kernel or its rule, gets the one that was made there the first
   time: the tape's cursor points at the next. So nothing is recorded, checked or allocated, and the arithmetic is the same.    */
#include <string.h>

#include "internal.h"

void rg_plan_drop(rg_tape *t) {
    rg_plan *p = &t->plan;
    for (int64_t i = p->nback; i < p->nsteps; i++)
        if (p->steps[i].kind == RG_STEP_LEAF) rg_unref(p->steps[i].dy);
    rg_release_since(&p->made, 0);
    rg_tape_dealloc(t, p->steps, (size_t)p->steps_size * sizeof *p->steps);
    rg_tape_dealloc(t, p->temps, (size_t)p->temps_size * sizeof *p->temps);
    t->plan = (rg_plan){.last = NULL};
}

/* -------- writing the plan */

static int add_step(rg_tape *t, rg_step step) {
    rg_plan *p = &t->plan;
    rg_step *steps = rg_grown(step.y->at, t, p->steps, p->nsteps, &p->steps_size, sizeof step);
    if (!steps) return -1;
    p->steps = steps;
    p->steps[p->nsteps++] = step;
    return 0;
}

/* x may be NULL, the end. */
static int add_temp(rg_tape *t, rg_tensor *x) {
    rg_plan *p = &t->plan;
    rg_tensor **temps = rg_grown(NULL, t, p->temps, p->ntemps, &p->temps_size, sizeof x);
    if (!temps) return -1;
    p->temps = temps;
    p->temps[p->ntemps++] = x;
    return 0;
}

static int add_forward(rg_tape *t, rg_tensor *y) {
    bool of_operand = !y->base;
    for (int i = 0; i < y->nin; i++) of_operand |= y->base == (y->in[i]->base ? y->in[i]->base : y->in[i]);
    if (!of_operand) return rg_fail(t, RG_ESTATE, y->at, "rg_play: %s cannot be played: its value does not come from its operands alone", y->op->name);
    const rg_forward_fn forward = y->op->forward[y->dtype == RG_F64 || y->in[0]->dtype == RG_F64][t->isa];
    if (y->op->check && add_step(t, (rg_step){.kind = RG_STEP_CHECK, .y = y})) return -1;
    return forward ? add_step(t, (rg_step){.kind = RG_STEP_FORWARD, .fn.forward = forward, .y = y}) : 0;
}

/* What stands on the record behind p->noted: results of ops that the engine applied, and what their kernels made. */
static int note_ops(rg_tape *t) {
    rg_plan *p = &t->plan;
    int failed = 0;
    for (rg_tensor *x = p->noted ? p->noted->next : t->record.first; x && !failed; x = x->next) {
        failed = x->op ? add_forward(t, x) : x->flags & RG_TEMP ? add_temp(t, x) : 0;
        p->noted = x;
    }
    return failed;
}

int rg_plan_rule(rg_tape *t, rg_fused_fn fused, rg_tensor *y, rg_tensor *dy) {
    rg_plan *p = &t->plan;
    rg_tensor *x = p->noted ? p->noted->next : t->record.first;
    if (!x) return 0;
    for (; x; p->noted = x, x = x->next)
        if (add_temp(t, x)) return -1;
    return add_step(t, fused ? (rg_step){.kind = RG_STEP_FUSED, .fn.fused = fused, .y = y, .dy = dy} : (rg_step){.kind = RG_STEP_RULE, .y = y, .dy = dy});
}

int rg_plan_add(rg_tape *t, rg_tensor *to, rg_tensor *from) {
    return note_ops(t) || add_step(t, (rg_step){.kind = RG_STEP_ADD, .y = to, .dy = from});
}

int rg_plan_settle(rg_tape *t, int64_t mark) {
    rg_plan *p = &t->plan;
    if (note_ops(t)) return -1;
    rg_tensor *x = t->record.last, *next;
    while (x && x->seq >= mark) x = x->prev;
    p->noted = x;
    for (x = x ? x->next : t->record.first; x; x = next) {
        next = x->next;
        rg_unlist(&t->record, x);
        x->flags |= RG_KEPT;
        rg_enlist(&p->made, x);
    }
    return 0;
}

int rg_plan_copy(rg_tape *t, rg_tensor *copy, rg_tensor *from) {
    rg_unlist(&t->kept, copy);
    rg_enlist(&t->plan.made, copy);
    copy->refs++;
    return add_step(t, (rg_step){.kind = RG_STEP_COPY, .y = copy, .dy = from});
}

/* The leaf's gradient will be a view of g: the plan's tensors keep their operators, a leaf's gradient has none. */
int rg_plan_leaf(rg_tape *t, rg_tensor *leaf, rg_tensor *g) {
    rg_tensor *view = rg_node_new(leaf->at, t, 0);
    if (!view) return -1;
    view->dtype = g->dtype;
    rg_shape_like(view, g);
    rg_view(view, g, 0);
    view->seq = t->seq++;
    view->flags = RG_KEPT;
    rg_enlist(&t->kept, view);
    if (!add_step(t, (rg_step){.kind = RG_STEP_LEAF, .y = leaf, .dy = view})) return 0;
    rg_unref(view);
    return -1;
}

/* -------- playing it */

rg_tensor *rg_play_next(rg_tape *t) {
    rg_tensor *x = *t->cursor;
    if (x) {
        t->cursor++;
        return x;
    }
    rg_fail(t, RG_ESTATE, NULL, "rg_play: an operator makes more tensors than when it was recorded");
    return t->poison;
}

/* In a rule: the result that was made here. In a kernel that calls ops: a new one. */
rg_tensor *rg_play_apply(const rg_op *op, const char *at, rg_attr attr, int n, rg_tensor *const *in) {
    rg_tape *t = in[0]->tape;
    rg_tensor **cursor = t->cursor, *y;
    if (t->in_forward) {
        t->cursor = NULL;
        y = rg_apply(op, at, attr, n, in);
        t->cursor = cursor;
        return y;
    }
    while (*cursor && (*cursor)->op != op) cursor++; /* what its kernel makes comes before it */
    if (!(y = *cursor)) return rg_play_next(t);
    const rg_forward_fn forward = op->forward[y->dtype == RG_F64 || y->in[0]->dtype == RG_F64][t->isa];
    t->in_forward = true;
    if (!(op->check && op->check(y)) && forward) forward(y);
    t->in_forward = false;
    t->cursor = cursor + 1;
    return t->code ? t->poison : y;
}

static int play(rg_tape *t, int64_t from, int64_t to) {
    int failed = 0;
    for (const rg_step *s = t->plan.steps + from, *end = t->plan.steps + to; s < end && !failed; s++) {
        rg_tensor *dx[UINT8_MAX]; /* what is not wanted stays NULL; of a length that it has to look up, memset becomes a slow "rep stos" */
        dx[0] = dx[1] = dx[2] = dx[3] = NULL;
        if (s->y->nin > 4) memset(dx + 4, 0, (s->y->nin - 4u) * sizeof *dx);
        switch (s->kind) {
        case RG_STEP_CHECK: failed = s->y->op->check(s->y); break;
        case RG_STEP_FORWARD: t->in_forward = true, failed = s->fn.forward(s->y), t->in_forward = false; break;
        case RG_STEP_FUSED: failed = s->fn.fused(s->y, s->dy, dx); break;
        case RG_STEP_RULE: s->y->op->backward(s->y, s->dy, dx); break;
        case RG_STEP_ADD: rg_add_into(s->y, s->dy); break;
        case RG_STEP_COPY: memcpy(s->y->data, s->dy->data, (size_t)s->y->numel * rg_dtype_size((rg_dtype)s->y->dtype)); break;
        case RG_STEP_LEAF: break;
        }
    }
    return failed || t->code ? -1 : 0;
}

static int play_forward(rg_tape *t) {
    const int failed = play(t, 0, t->plan.nforward);
    t->played = t->seq++;
    return failed;
}

static int play_backward(rg_tape *t) {
    const bool recording = rg_record(t, false);
    t->pass_mark = t->seq;
    const int failed = play(t, t->plan.nforward, t->plan.nback);
    rg_record(t, recording);
    return failed;
}

/* Gradients of results are kept, or somebody looks on: the pass runs as usual. */
static bool eager(const rg_tape *t) { return t->keep_grads || t->hooks || t->on_step; }

/* The forward steps are on the record; the pass is run once, and watched. */
static int plan(const char *at, rg_tape *t) {
    rg_plan *p = &t->plan;
    rg_plan_drop(t);
    if (note_ops(t)) return -1;
    p->nforward = p->nback = p->nsteps;
    p->eager = eager(t);
    if (add_temp(t, NULL)) return -1;
    t->cursor = p->temps;
    int failed = play_forward(t);
    t->cursor = NULL;
    p->ntemps--;
    if (failed) return -1;
    p->last = t->record.last;
    if (!t->loss || p->eager) return 0;
    p->noted = t->record.last;
    p->planning = true;
    failed = rg_pass(at, t->loss, true, false);
    p->planning = false;
    for (p->nback = p->nsteps; p->nback > p->nforward && p->steps[p->nback - 1].kind == RG_STEP_LEAF;) p->nback--;
    return failed || add_temp(t, NULL);
}

/* A leaf's gradient that stands in the plan's memory, or that others hold, is moved away: after that no step can fail for want of memory. */
static int own_grads(const char *at, rg_tape *t, bool *retained) {
    for (int64_t i = t->plan.nback; i < t->plan.nsteps; i++) {
        rg_tensor *leaf = t->plan.steps[i].y, *view = t->plan.steps[i].dy;
        if (leaf->grad && !rg_is_own(leaf->grad)) {
            rg_tensor *copy = rg_own_copy(at, t, leaf->grad);
            if (!copy) return -1;
            rg_unref(leaf->grad);
            leaf->grad = copy;
        }
        *retained |= view->refs > 1;
    }
    return 0;
}

static void deposit(rg_tape *t) {
    for (int64_t i = t->plan.nback; i < t->plan.nsteps; i++) {
        rg_tensor *leaf = t->plan.steps[i].y, *view = t->plan.steps[i].dy;
        if (leaf->grad) {
            rg_add_into(leaf->grad, view);
            rg_touch(leaf->grad);
        } else {
            leaf->grad = view;
            view->refs++;
        }
    }
}

int rg_play_at(const char *at, rg_tape *t) {
    if (!t || t->code) return -1;
    if (rg_in_rule(t)) return rg_fail(t, RG_ESTATE, at, "rg_play: inside a backward rule");
    if (t->passes > 1) return rg_fail(t, RG_ESTATE, at, "rg_play: %lld backward passes are on the record, not one", (long long)t->passes);
    if (t->unplayable) return rg_fail(t, RG_ESTATE, at, "rg_play: an rg_grad without RG_CREATE_GRAPH is on the record: its results have no history");
    bool retained = false;
    if (own_grads(at, t, &retained)) return -1;
    int failed;
    if (!t->plan.last || t->plan.last != t->record.last || retained || t->plan.eager != eager(t)) {
        failed = plan(at, t);
        bool ignored = false;
        failed = failed || own_grads(at, t, &ignored);
    } else {
        t->cursor = t->plan.temps;
        failed = play_forward(t) || play_backward(t);
        t->cursor = NULL;
    }
    if (failed) {
        rg_plan_drop(t);
        return -1;
    }
    if (t->plan.eager && t->loss) return rg_pass(at, t->loss, false, true);
    deposit(t);
    return 0;
}
