/* backward.c - the tape run backwards: rg_backward fills the gradients of leaves, rg_grad returns gradients.

   The record is in order of execution, so a loop from the result to its beginning meets every tensor after all its uses: no
   sorting, no recursion. Each tensor's gradient so far is its cotangent. A plain pass runs an operator's fused kernel, or its
   rule with recording off, and drops what the rule made; with RG_CREATE_GRAPH the rule is recorded like any other ops.     */
#include <string.h>

#include "internal.h"

typedef struct rg_pass {
    rg_tape *t;
    const char *at;
    bool graph;        /* record the pass */
    bool keep;         /* keep the cotangents of results until the end */
    bool plan;         /* note what is done, for rg_play; the plan holds all that is made */
    rg_tensor *leaves; /* that have a cotangent, linked through leaf.next_leaf */
} pass;

bool rg_needs(const rg_tensor *y, int i) { return y->in[i]->flags & y->tape->pass_flag; }

/* Made during this pass and held by nobody else: may be written. */
static bool held_by(const rg_tensor *g, int holders) { return g->refs == holders && (g->flags & RG_KEPT) && !g->base; }
bool rg_is_own(const rg_tensor *g) { return held_by(g, 1); }
static bool is_own(const pass *p, const rg_tensor *g) { return held_by(g, p->plan ? 2 : 1); }

static void drop_cotangent(rg_tensor *x) {
    rg_tensor *g = x->cotangent;
    x->cotangent = NULL;
    if (g) rg_unref(g);
}

static bool broadcasts_to(const rg_tensor *x, const rg_tensor *g) {
    if (x->ndim > g->ndim) return false;
    for (int d = 0; d < x->ndim; d++)
        if (x->shape[d] != 1 && x->shape[d] != g->shape[g->ndim - x->ndim + d]) return false;
    return true;
}

static int add_cotangent(pass *p, rg_tensor *x, rg_tensor *g) {
    if (!x->cotangent) {
        g->refs++;
        x->cotangent = g;
        if (!x->op) {
            x->leaf.next_leaf = p->leaves;
            p->leaves = x;
        }
    } else if (!p->graph && is_own(p, x->cotangent)) {
        rg_add_into(x->cotangent, g);
        if (p->plan) return rg_plan_add(p->t, x->cotangent, g);
    } else {
        rg_tensor *sum = rg_add_at(p->at, x->cotangent, g);
        if (!rg_usable(sum)) return -1;
        sum->refs++;
        rg_unref(x->cotangent);
        x->cotangent = sum;
    }
    return 0;
}

/* Is g, without more ado, a gradient of x? */
static inline bool fits(const rg_tensor *x, const rg_tensor *g) {
    return rg_usable(g) && g->tape == x->tape && g->dtype == x->dtype && rg_same_shape(g, x) && !x->tape->on_step;
}

/* What y's rule gave for operand i, made to fit: broadcasting is undone here, and nowhere else. NULL after an error. */
RG_COLD static rg_tensor *fitted(rg_tape *t, rg_tensor *y, int i, rg_tensor *g) {
    rg_tensor *x = y->in[i];
    if (!rg_usable(g)) return t->code ? NULL : (rg_fail(t, RG_ESTATE, y->at, "%s: its backward failed for operand %d", y->op->name, i + 1), NULL);
    if (g->tape != t) return rg_fail(t, RG_ESTATE, y->at, "%s: its backward gave operand %d a gradient from another tape", y->op->name, i + 1), NULL;
    if (t->on_step) t->on_step(t->on_step_ctx, y, i, g);
    if (!rg_same_shape(g, x) && broadcasts_to(x, g)) g = rg_sum_to_at(y->at, g, x->ndim, x->shape);
    if (!rg_usable(g)) return NULL;
    if (rg_same_shape(g, x) && g->dtype == x->dtype) return g;
    char is[64], should[64];
    rg_fail(t, RG_ESTATE, y->at, "%s: its backward gave operand %d a gradient %s %s in place of %s %s", y->op->name, i + 1, rg_shape_text(g, is, sizeof is),
        rg_dtype_name((rg_dtype)g->dtype), rg_shape_text(x, should, sizeof should), rg_dtype_name((rg_dtype)x->dtype));
    return NULL;
}

static inline int check_fresh(const rg_tensor *y) {
    for (int i = 0; i < y->nin; i++) {
        const rg_tensor *x = y->in[i];
        if (x->base) x = x->base;
        if (!x->op && x->leaf.written > y->seq && x->leaf.written > y->tape->played)
            return rg_fail(y->tape, RG_ESTATE, y->at, "backward through %s: %s was written after it was used here", y->op->name, x->name ? x->name : "an operand");
    }
    return 0;
}

/* What a rule made goes when it has run; a plan, and a graph, need it. */
static inline void forget(const pass *p, int64_t mark) {
    if (!p->graph && !p->plan) rg_release_since(&p->t->record, mark);
}

/* One step back: from y's cotangent to its operands'. */
static int step(pass *p, rg_tensor *y) {
    enum { FEW = 4 };
    rg_tape *t = p->t;
    rg_tensor *few[FEW] = {NULL}, **dx = few;
    const size_t size = y->nin * sizeof *dx;
    const int64_t mark = t->pass_mark = t->seq;
    if (check_fresh(y) || (y->flags & RG_HOOKED && (rg_hooks_run(y) || check_fresh(y)))) return -1;
    rg_tensor *dy = y->cotangent;
    if (y->nin > FEW) {
        if (!(dx = rg_tape_alloc(y->at, t, size))) return -1;
        memset(dx, 0, size);
    }
    const rg_fused_fn fused = p->graph ? NULL : y->op->fused[y->dtype == RG_F64 || y->in[0]->dtype == RG_F64][t->isa];
    int failed = 0;
    if (!fused) y->op->backward(y, dy, dx);
    else if ((failed = fused(y, dy, dx))) rg_fail(t, RG_ESTATE, y->at, "%s: its fused backward failed", y->op->name);
    if (p->plan && !failed) failed = rg_plan_rule(t, fused, y, dy);
    if (t->code) failed = -1;
    for (int i = 0; i < y->nin; i++) {
        rg_tensor *x = y->in[i], *g = dx[i];
        if (failed || !g || !(x->flags & t->pass_flag)) continue;
        failed = (!fits(x, g) && !(g = fitted(t, y, i, g))) || add_cotangent(p, x, g);
    }
    if (dx != few) rg_tape_dealloc(t, dx, size);
    if (!p->keep && !(y->flags & RG_WANTED)) drop_cotangent(y);
    if (p->plan && !failed && !t->code) failed = rg_plan_settle(t, mark);
    else if (t->seq != mark) forget(p, mark);
    return failed || t->code ? -1 : 0;
}

/* Their gradients are whole when all steps are done. */
static int hook_leaves(pass *p) {
    const int64_t mark = p->t->pass_mark = p->t->seq;
    int failed = 0;
    for (rg_tensor *x = p->leaves; x && !failed; x = x->leaf.next_leaf)
        if (x->flags & RG_HOOKED) failed = rg_hooks_run(x);
    forget(p, mark);
    return failed;
}

static int run(pass *p, rg_tensor *y, rg_tensor *dy) {
    const int64_t mark = p->t->seq;
    if (!dy) dy = rg_fill_at(p->at, y, 1);
    int failed = !rg_usable(dy) || add_cotangent(p, y, dy);
    if (p->plan && !failed) failed = rg_plan_settle(p->t, mark);
    else forget(p, mark);
    for (rg_tensor *x = y->op ? y : NULL; x && !failed; x = x->prev)
        if (x->cotangent && x->op) failed = step(p, x);
    return failed || hook_leaves(p) ? -1 : 0;
}

/* What lies between those marked and `to`, from `from` on, is marked too. */
static void mark_between(rg_tensor *from, const rg_tensor *to) {
    for (rg_tensor *r = from; r; r = r == to ? NULL : r->next)
        for (int i = 0; r->op && (r->flags & RG_NEEDS) && i < r->nin; i++) r->flags |= r->in[i]->flags & RG_REACHES;
}

/* Gradients of leaves made on the way are nobody's: such a leaf is gone before anybody can ask. */
int rg_backward_through(rg_tensor *y, rg_tensor *dy) {
    if (!rg_usable(y) || !rg_usable(dy)) return -1;
    rg_tape *t = y->tape;
    pass *p = t->pass;
    if (!p) return rg_fail(t, RG_ESTATE, y->at, "rg_backward_through: outside of a backward rule");
    if (p->plan) return rg_fail(t, RG_ESTATE, y->at, "rg_play: a rule that recomputes, and goes through what it recomputed, cannot be played");
    const int64_t begin = t->pass_mark;
    rg_tensor *first = NULL;
    for (rg_tensor *x = y; x && x->seq >= begin; x = x->prev) {
        if (!x->op) x->flags &= (uint16_t)~RG_NEEDS;
        first = x;
    }
    if (first) mark_between(first, y);
    int failed = y->flags & t->pass_flag ? add_cotangent(p, y, dy) : 0;
    for (rg_tensor *x = y; x && x->seq >= begin && !failed; x = x->prev)
        if (x->cotangent && x->op) failed = step(p, x);
    for (rg_tensor *x = first ? y : NULL; x && x->seq >= begin; x = x->prev) {
        x->flags &= (uint16_t)~RG_REACHES;
        drop_cotangent(x);
    }
    t->pass_mark = begin;
    return failed;
}

/* -------- the ends of a pass */

/* Poison comes with an error, also when the one it came from was cleared in the meantime. */
static int check_usable(const char *what, const char *at, const rg_tensor *x) {
    rg_tape *t = rg_tape_of(x);
    if (t && !t->code && !rg_usable(x)) rg_fail(t, RG_ESTATE, at, "%s is what a failed operation returned", what);
    return !t || t->code ? -1 : 0;
}

static int check_start(const char *what, const char *at, const rg_tensor *y, const rg_tensor *dy) {
    rg_tape *t = y->tape;
    char ys[64], ds[64];
    if (rg_in_rule(t)) return rg_fail(t, RG_ESTATE, at, "%s: inside a backward rule", what);
    if (!dy && y->numel != 1)
        return rg_fail(t, RG_ESHAPE, at, "%s: %s has %lld elements, not one; take its rg_sum or rg_mean, or give rg_grad a cotangent", what, rg_shape_text(y, ys, sizeof ys), (long long)y->numel);
    if (dy && dy->tape != t) return rg_fail(t, RG_ESTATE, at, "%s: operands from two tapes", what);
    if (dy && (!rg_same_shape(y, dy) || y->dtype != dy->dtype))
        return rg_fail(t, RG_ESHAPE, at, "%s: the cotangent %s does not fit %s", what, rg_shape_text(dy, ds, sizeof ds), rg_shape_text(y, ys, sizeof ys));
    return 0;
}

static void enter(pass *p, uint16_t flag, bool *recording) {
    *recording = rg_record(p->t, p->graph);
    p->t->pass = p;
    p->t->pass_mark = p->t->seq;
    p->t->pass_flag = flag;
}

/* `last`: of the record, where flags or cotangents were left on results; or NULL. */
static void leave(pass *p, rg_tensor *last, bool recording) {
    for (rg_tensor *x = last && last->op ? last : NULL; x; x = x->prev) {
        x->flags &= (uint16_t)~(RG_REACHES | RG_WANTED);
        if (x->cotangent) drop_cotangent(x);
    }
    for (rg_tensor *x = p->leaves; x; x = x->leaf.next_leaf) drop_cotangent(x);
    p->t->pass = NULL;
    p->t->pass_flag = RG_NEEDS;
    rg_record(p->t, recording);
}

rg_tensor *rg_own_copy(const char *at, rg_tape *t, const rg_tensor *g) {
    rg_tensor *copy = rg_node_new(at, t, 0);
    if (!copy) return NULL;
    copy->dtype = g->dtype;
    rg_shape_like(copy, g);
    if (rg_node_storage(at, copy, true)) return rg_node_destroy(copy), NULL;
    memcpy(copy->data, g->data, (size_t)g->numel * rg_dtype_size((rg_dtype)g->dtype));
    copy->flags = RG_KEPT;
    copy->seq = t->seq++;
    rg_enlist(&t->kept, copy);
    return copy;
}

/* The cotangent of x becomes storage of its own, if it is not yet; after that keeping it cannot fail. */
static int make_own(pass *p, rg_tensor *x) {
    rg_tensor *g = x->cotangent;
    if ((x->grad && rg_is_own(x->grad) && !p->plan) || is_own(p, g)) return 0;
    rg_tensor *copy = rg_own_copy(p->at, p->t, g);
    if (!copy || (p->plan && rg_plan_copy(p->t, copy, g))) return -1;
    rg_unref(g);
    x->cotangent = copy;
    return 0;
}

/* A gradient that somebody else holds, or views, is replaced and not written. */
static void deposit(rg_tensor *x, bool replace) {
    if (x->grad && rg_is_own(x->grad)) {
        if (replace) memcpy(x->grad->data, x->cotangent->data, (size_t)x->numel * rg_dtype_size((rg_dtype)x->dtype));
        else rg_add_into(x->grad, x->cotangent);
        rg_touch(x->grad);
        drop_cotangent(x);
        return;
    }
    if (x->grad) {
        if (!replace) rg_add_into(x->cotangent, x->grad);
        rg_unref(x->grad);
    }
    x->grad = x->cotangent;
    x->cotangent = NULL;
}

int rg_pass(const char *at, rg_tensor *loss, bool planned, bool again) {
    pass p = {.t = loss->tape, .at = at, .keep = loss->tape->keep_grads, .plan = planned};
    bool recording;
    enter(&p, RG_NEEDS, &recording);
    int failed = run(&p, loss, NULL);
    rg_tensor *results = p.keep && loss->op ? loss : NULL;
    for (rg_tensor *x = p.leaves; x && !failed; x = x->leaf.next_leaf) failed = make_own(&p, x);
    for (rg_tensor *x = planned ? p.leaves : NULL; x && !failed; x = x->leaf.next_leaf) failed = rg_plan_leaf(p.t, x, x->cotangent);
    for (rg_tensor *x = results; x && !failed; x = x->prev)
        if (x->op && x->cotangent) failed = make_own(&p, x);
    if (!failed && !planned) {
        for (rg_tensor *x = p.leaves; x; x = x->leaf.next_leaf) deposit(x, false);
        for (rg_tensor *x = results; x; x = x->prev)
            if (x->op && x->cotangent) deposit(x, again);
    }
    leave(&p, failed ? loss : NULL, recording);
    return failed ? -1 : 0;
}

int rg_backward_at(const char *at, rg_tensor *loss) {
    if (check_usable("rg_backward: the loss", at, loss) || check_start("rg_backward", at, loss, NULL)) return -1;
    rg_tape *t = loss->tape;
    if (!(loss->flags & RG_NEEDS)) return rg_fail(t, RG_ESTATE, at, "rg_backward: the loss depends on nothing that requires a gradient");
    if (rg_pass(at, loss, false, false)) return -1;
    t->loss = loss;
    t->passes++;
    return 0;
}

/* Marks what lies between x[] and y, so that rules leave out all else. */
static void mark_paths(rg_tape *t, rg_tensor *y, rg_tensor *const x[], int n) {
    for (int k = 0; k < n; k++) x[k]->flags |= RG_REACHES | RG_WANTED;
    if (y->op) mark_between(t->record.first, y);
}

/* A cotangent becomes a result like any other: the pass's hold on it passes to the record. */
static rg_tensor *hand_over(rg_tape *t, rg_tensor *g) {
    if (!(g->flags & RG_KEPT)) {
        g->refs--;
        return g;
    }
    rg_unlist(&t->kept, g);
    g->flags &= (uint16_t)~RG_KEPT;
    g->seq = t->seq++;
    rg_enlist(&t->record, g);
    return g;
}

/* The gradient with respect to x[k]: its cotangent, or that of the same x before it, or zeros. */
static rg_tensor *result(pass *p, rg_tensor *const x[], rg_tensor *const out[], int k) {
    rg_tensor *g = x[k]->cotangent;
    x[k]->cotangent = NULL;
    if (g) return hand_over(p->t, g);
    for (int j = 0; j < k; j++)
        if (x[j] == x[k]) return out[j];
    return rg_fill_at(p->at, x[k], 0);
}

int rg_grad_at(const char *at, rg_tensor *y, rg_tensor *dy, rg_tensor *const x[], int n, int flags, rg_tensor *out[]) {
    rg_tape *t = rg_tape_of(y);
    for (int k = 0; out && k < n; k++) out[k] = rg_poison(t);
    if (check_usable("rg_grad: y", at, y) || (dy && check_usable("rg_grad: dy", at, dy)) || check_start("rg_grad", at, y, dy)) return -1;
    if (n < 0 || flags & ~RG_CREATE_GRAPH) return rg_fail(t, RG_EVALUE, at, "rg_grad: n %d, flags %d", n, flags);
    if (n > 0 && (!x || !out)) return rg_fail(t, RG_EVALUE, at, "rg_grad: no x, or no place for its gradient");
    for (int k = 0; k < n; k++) {
        if (!rg_usable(x[k])) return rg_fail(t, RG_EVALUE, at, "rg_grad: x[%d] is no tensor", k);
        if (x[k]->tape != t) return rg_fail(t, RG_ESTATE, at, "rg_grad: operands from two tapes");
        if (!(x[k]->flags & RG_NEEDS)) return rg_fail(t, RG_ESTATE, at, "rg_grad: x[%d] does not require a gradient", k);
    }
    pass p = {.t = t, .at = at, .graph = flags & RG_CREATE_GRAPH};
    bool recording;
    if (!p.graph) t->unplayable = t->seq;
    enter(&p, RG_REACHES, &recording);
    mark_paths(t, y, x, n);
    int failed = y->flags & RG_REACHES ? run(&p, y, dy) : 0;
    for (int k = 0; k < n && !failed; k++) failed = !rg_usable(out[k] = result(&p, x, out, k));
    for (int k = 0; k < n; k++) {
        x[k]->flags &= (uint16_t)~(RG_REACHES | RG_WANTED);
        if (failed) out[k] = t->poison;
    }
    leave(&p, y, recording);
    return failed ? -1 : 0;
}
