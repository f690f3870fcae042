/* backward.c - the tape run backwards: rg_backward fills the gradients of leaves, rg_grad returns gradients. Part of hot.c.

   The record is in order of execution, so a loop from the result to its beginning meets every tensor after all its uses: no
   sorting, no recursion. Each tensor's gradient so far is its cotangent. A plain pass runs an operator's fused kernel, or its
   vjp with recording off, and releases what the vjp made; with .create_graph the vjp is recorded like any other ops.     */
#include <string.h>

#include "internal.h"

bool rg_needs(const rg_tensor *y, int i) { return y->in[i]->flags & y->tape->pass.flag; }

/* -1: a function of y's failed. If tape->errors is what it was before, that function gave no error, and this does. */
RG_COLD static int rg_failed_since(rg_tensor *y, uint32_t errors) {
    return y->tape->errors == errors ? rg_reject(y, RG_ESTATE, "failed") : -1;
}

static bool pass_failed(const rg_tape *t) { return t->errors != t->pass.errors; }

/* g may be written in place if nothing else holds it and it is not a view. */
static bool held_by(const rg_tensor *g, int holders, int list) { return g->refs == holders && (g->flags & list) && !g->base; }
static bool rg_is_unshared(const rg_tensor *g) { return held_by(g, 1, RG_KEPT); }
/* g, a cotangent. What a plan's pass made has two holds, the plan's and the cotangent's. A number that fills a tensor is not written then,
   since no step would set it again. */
static bool may_add_into(const rg_tape *t, const rg_tensor *g) {
    return t->plan.writing ? held_by(g, 2, RG_PLANNED) && !(g->flags & RG_FILLED) : rg_is_unshared(g);
}

static void drop_cotangent(rg_tensor *x) {
    rg_tensor *g = x->cotangent;
    x->cotangent = NULL;
    if (g) rg_unref(g);
}

static int add_cotangent(rg_tape *t, rg_tensor *x, rg_tensor *g) {
    if (!x->cotangent) {
        g->refs++;
        x->cotangent = g;
        if (!x->op) {
            x->leaf.next_leaf = t->pass.leaves;
            t->pass.leaves = x;
        }
        return 0;
    }
    if (!t->pass.graph && may_add_into(t, x->cotangent)) {
        rg_add_into(x->cotangent, 0, g);
        return t->plan.writing ? rg_plan_write_add(x->cotangent, 0, g) : 0;
    }
    rg_tensor *sum = rg_add_at(t->pass.at, x->cotangent, g);
    if (!rg_usable(sum)) return -1;
    sum->refs++;
    rg_unref(x->cotangent);
    x->cotangent = sum;
    return 0;
}

bool rg_add_to_part(rg_tensor *y, rg_tensor *dy) {
    rg_tape *t = y->tape;
    rg_tensor *all = y->in[0]->cotangent;
    if (!y->base || !all || t->pass.graph || t->on_gradient || !may_add_into(t, all)) return false;
    const int64_t at = ((char *)y->data - (char *)y->in[0]->data) / (int64_t)rg_dtype_size(y->dtype);
    rg_add_into(all, at, dy);
    return !t->plan.writing || !rg_plan_write_add(all, at, dy);
}

/* -------- one step back: from y's cotangent to its operands' */

/* y's operand x was written since; NULL: the last rg_play failed. */
RG_COLD static int refuse_stale(const rg_tensor *y, const rg_tensor *x) {
    if (!x) return rg_fail(y->tape, RG_ESTATE, y->at,
        "backward through %s: an rg_play failed and left values of two steps: play again, or record anew", y->op->name);
    return rg_fail(y->tape, RG_ESTATE, y->at, "backward through %s: %s was written after it was used here", y->op->name,
        x->name ? x->name : "an operand");
}

static int check_fresh(const rg_tensor *y) {
    if (y->seq < y->tape->plan.stale_before) return refuse_stale(y, NULL);
    for (int i = 0; i < y->nin; i++) {
        const rg_tensor *x = y->in[i];
        if (x->base) x = x->base;
        if (!x->op && x->leaf.written > y->seq && x->leaf.written > y->tape->plan.replayed) return refuse_stale(y, x);
    }
    return 0;
}

/* Is g, as it is, a gradient of x? Also false if a listener wants to see g: fitted() tells it. */
static inline bool fits(const rg_tensor *x, const rg_tensor *g) {
    return !(g->flags & RG_UNUSABLE) && g->tape == x->tape && g->dtype == x->dtype && rg_same_shape(g, x) && !x->tape->on_gradient;
}

/* What y's vjp gave for operand i, made to fit: broadcasting is undone here, and nowhere else. NULL after an error. */
RG_COLD static rg_tensor *fitted(rg_tape *t, rg_tensor *y, int i, rg_tensor *g) {
    rg_tensor *x = y->in[i];
    if (g->flags & RG_UNUSABLE) return rg_fail(t, RG_ESTATE, y->at, "%s: its backward failed for operand %d", y->op->name, i + 1), NULL;
    if (g->tape != t)
        return rg_fail(t, RG_ESTATE, y->at, "%s: its backward gave operand %d a gradient from another tape", y->op->name, i + 1), NULL;
    if (t->on_gradient) rg_tell(&t->on_gradient, y, i, g);
    if (!rg_same_shape(g, x) && rg_expands_to(x, g)) g = rg_sum_to_at(y->at, g, x->ndim, x->shape);
    if (!rg_usable(g)) return NULL;
    if (rg_same_shape(g, x) && g->dtype == x->dtype) return g;
    char is[64], should[64];
    rg_fail(t, RG_ESTATE, y->at, "%s: its backward gave operand %d a gradient %s in place of %s", y->op->name, i + 1,
        rg_shape_text(g, is, sizeof is), rg_shape_text(x, should, sizeof should));
    return NULL;
}

static int run_vjp(rg_tape *t, rg_tensor *y, rg_tensor **dx) {
    const int64_t mark = t->seq;
    const rg_fused_fn fused = t->pass.graph ? NULL : y->op->fused[rg_f64_kernel(y)][t->isa];
    bool read = false;
    t->pass.vjp_of = y;
    if (!fused) {
        const uint32_t reads = t->pass.reads;
        const rg_end released = t->released; /* a rule may release what it made itself */
        y->op->backward(y, y->cotangent, dx);
        t->released = released;
        read = t->pass.reads != reads;
    } else if (fused(y, y->cotangent, dx)) return rg_fail(t, RG_ESTATE, y->at, "%s: its fused backward failed", y->op->name);
    if (pass_failed(t)) return -1;
    if (t->pass.graph) rg_plan_check_graph(y, mark, read, false);
    if (!t->plan.writing) return 0;
    return fused ? rg_plan_write_fused(y, fused, dx, mark) : rg_plan_write_vjp(t, y, read);
}

static int hand_out(rg_tape *t, rg_tensor *y, rg_tensor *const *dx) {
    for (int i = 0; i < y->nin; i++) {
        rg_tensor *x = y->in[i], *g = dx[i];
        if (!g || !(x->flags & t->pass.flag)) continue;
        if (!fits(x, g)) g = fitted(t, y, i, g);
        if (!g || add_cotangent(t, x, g)) return -1;
    }
    return 0;
}

/* What a vjp made is released when it has run, but where a plan or a graph needs it. */
static inline void release_vjp(rg_tape *t, int64_t mark) {
    if (t->plan.writing) rg_plan_take(t, mark);
    else if (!t->pass.graph && t->seq != mark) rg_release_since(&t->record, mark);
}

static int step_back(rg_tape *t, rg_tensor *y) {
    enum { FEW = 4 };
    rg_tensor *few[FEW] = {NULL}, **dx = few;
    const size_t size = y->nin * sizeof *dx;
    if (check_fresh(y) || (y->flags & RG_HOOKED && (t->pass.mark = t->seq, rg_hooks_run(t, y) || check_fresh(y)))) return -1;
    /* what hooks made stays until the reset, the next replay if this is one, or the end of the vjp that called rg_backward_through */
    const int64_t mark = t->pass.mark = t->seq;
    if (y->nin > FEW) {
        if (!(dx = rg_tape_alloc(y->at, t, size))) return -1;
        memset(dx, 0, size);
    }
    if (t->on_run) rg_tell(&t->on_run, y, RG_RUN_BACKWARD, NULL);
    const int failed = run_vjp(t, y, dx) || hand_out(t, y, dx) || (t->plan.writing && rg_plan_write_vjp(t, NULL, false));
    if (t->on_run) rg_tell(&t->on_run, y, RG_RUN_ENDS, NULL);
    if (dx != few) rg_tape_dealloc(t, dx, size);
    release_vjp(t, mark);
    if (!t->pass.keep_results && !(y->flags & RG_WANTED)) drop_cotangent(y);
    return failed || pass_failed(t) ? -1 : 0;
}

/* -------- a pass */

static void begin_pass(rg_tape *t, const char *at, uint16_t flag, bool graph) {
    t->pass = (rg_pass){.running = true, .graph = graph, .keep_results = flag == RG_NEEDS && t->keep_grads, .flag = flag,
        .errors = t->errors, .mark = t->seq, .at = at, .recording = rg_record(t, graph)};
    t->released = (rg_end){"the end of a backward pass", at};
}

/* Ends a pass. `last`: the newest result with flags or cotangents; NULL: there is none. */
static void end_pass(rg_tape *t, rg_tensor *last) {
    for (rg_tensor *x = last && last->op ? last : NULL; x; x = x->prev) {
        x->flags &= (uint16_t)~RG_PATH_FLAGS;
        if (x->cotangent) drop_cotangent(x);
    }
    for (rg_tensor *x = t->pass.leaves; x; x = x->leaf.next_leaf) drop_cotangent(x);
    rg_record(t, t->pass.recording);
    t->pass = (rg_pass){.flag = RG_NEEDS};
}

/* Runs from y, with the cotangent dy (NULL: 1), to the leaves. Their gradients are complete after the last step. */
static int run_pass(rg_tape *t, rg_tensor *y, rg_tensor *dy) {
    const int64_t mark = t->seq;
    if (!dy) dy = rg_full_like_at(t->pass.at, y, 1);
    int failed = !rg_usable(dy) || add_cotangent(t, y, dy) || (t->plan.writing && rg_plan_write_vjp(t, NULL, false));
    release_vjp(t, mark);
    for (rg_tensor *x = y->op ? y : NULL; x && !failed; x = x->prev)
        if (x->cotangent && x->op) failed = step_back(t, x);
    t->pass.mark = t->seq, t->pass.vjp_of = NULL;
    return failed || rg_hooks_run(t, NULL) ? -1 : 0;
}

/* RG_REACHES for what depends on a tensor that has it, from `from` to `to`. */
static void flag_between(rg_tensor *from, const rg_tensor *to) {
    for (rg_tensor *r = from; r; r = r == to ? NULL : r->next)
        for (int i = 0; r->op && (r->flags & RG_NEEDS) && i < r->nin; i++) r->flags |= r->in[i]->flags & RG_REACHES;
}

/* Leaves made inside the recomputed part are released with it, so they get no gradient. */
int rg_backward_through(rg_tensor *y, rg_tensor *dy) {
    if (!rg_usable(y) || !rg_usable(dy)) return -1;
    rg_tape *t = y->tape;
    if (!t->pass.running) return rg_fail(t, RG_ESTATE, y->at, "rg_backward_through: outside of a backward rule");
    if (t->plan.writing) return rg_fail(t, RG_ESTATE, y->at, "rg_play: a vjp that goes through what it computed again cannot be replayed");
    const int64_t mark = t->pass.mark;
    rg_tensor *first = NULL;
    for (rg_tensor *x = y; x && x->seq >= mark; x = x->prev) {
        if (!x->op) x->flags &= (uint16_t)~RG_NEEDS;
        first = x;
    }
    if (first) flag_between(first, y);
    int failed = y->flags & t->pass.flag ? add_cotangent(t, y, dy) : 0;
    for (rg_tensor *x = y; x && x->seq >= mark && !failed; x = x->prev)
        if (x->cotangent && x->op) failed = step_back(t, x);
    for (rg_tensor *x = first ? y : NULL; x && x->seq >= mark; x = x->prev) {
        x->flags &= (uint16_t)~RG_REACHES;
        drop_cotangent(x);
    }
    t->pass.mark = mark;
    return failed;
}

/* Use of a poisoned tensor is an error, also after rg_error_clear. */
static int check_usable(const char *what, const char *at, rg_tape *t, const rg_tensor *x) {
    return rg_given(at, t, x, "%s", what) || x->tape->code ? -1 : 0;
}

static int check_start(const char *what, const char *at, const rg_tensor *y, const rg_tensor *dy) {
    rg_tape *t = y->tape;
    char ys[64], ds[64];
    if (rg_outside_pass(at, t, what)) return -1;
    if (!dy && y->numel != 1)
        return rg_fail(t, RG_ESHAPE, at, "%s: %s has %lld elements, not one; take its rg_sum or rg_mean, or give rg_grad a .dy", what,
            rg_shape_text(y, ys, sizeof ys), (long long)y->numel);
    if (dy && dy->tape != t) return rg_fail(t, RG_ESTATE, at, "%s: operands from two tapes", what);
    if (dy && (!rg_same_shape(y, dy) || y->dtype != dy->dtype))
        return rg_fail(t, RG_ESHAPE, at, "%s: the cotangent %s does not fit %s", what, rg_shape_text(dy, ds, sizeof ds),
            rg_shape_text(y, ys, sizeof ys));
    return 0;
}

/* Flags x[] and what is between them and y, so that vjps leave out all else. */
static void flag_paths(rg_tape *t, rg_tensor *y, rg_tensor *const x[], int n) {
    for (int k = 0; k < n; k++) x[k]->flags |= RG_PATH_FLAGS;
    if (n && y->op) flag_between(t->record.first, y);
}

static int check_wanted(const char *what, const char *at, rg_tape *t, rg_tensor *const x[], int n) {
    for (int k = 0; k < n; k++) {
        if (rg_given(at, t, x[k], "%s[%d]", what, k)) return -1;
        if (x[k]->tape != t) return rg_fail(t, RG_ESTATE, at, "%s[%d] is from another tape", what, k);
        if (!(x[k]->flags & RG_NEEDS)) return rg_fail(t, RG_ESTATE, at, "%s[%d] does not require a gradient", what, k);
    }
    return 0;
}

/* -------- rg_backward: gradients go to leaves, and, where they are kept, to results */

/* Makes sure that deposit() can add or take x's cotangent without memory. */
static RG_INLINE int unshare(rg_tape *t, rg_tensor *x) {
    rg_tensor *g = x->cotangent;
    if ((x->grad && rg_is_unshared(x->grad) && !t->plan.writing) || may_add_into(t, g)) return 0;
    rg_tensor *copy = rg_kept_copy(t->pass.at, g);
    if (!copy) return -1;
    if (t->plan.writing && rg_plan_write_copy(copy, g)) return rg_unref(copy), -1;
    rg_unref(g);
    x->cotangent = copy;
    return 0;
}

/* A gradient that has another holder, or a view, is replaced and not written. */
static void deposit(rg_tensor *x, rg_commit how) {
    if (x->grad && rg_is_unshared(x->grad)) {
        if (how == RG_ADD_GRADS) rg_add_into(x->grad, 0, x->cotangent);
        else memcpy(x->grad->data, x->cotangent->data, (size_t)x->numel * rg_width(x->dtype));
        rg_touch(x->grad);
        drop_cotangent(x);
        return;
    }
    if (x->grad) {
        if (how == RG_ADD_GRADS) rg_add_into(x->cotangent, 0, x->grad);
        rg_unref(x->grad);
    }
    x->grad = x->cotangent;
    x->grad->flags |= RG_GRADIENT;
    x->cotangent = NULL;
}

/* All or nothing: what can fail comes before the first deposit. */
static int commit(rg_tape *t, rg_tensor *loss, rg_commit how) {
    rg_tensor *results = t->pass.keep_results && loss->op ? loss : NULL;
    for (rg_tensor *x = t->pass.leaves; x; x = x->leaf.next_leaf)
        if (unshare(t, x) || (how == RG_PLAN_GRADS && rg_plan_write_grad(x))) return -1;
    if (how == RG_PLAN_GRADS) return 0;
    for (rg_tensor *x = results; x; x = x->prev)
        if (x->op && x->cotangent && unshare(t, x)) return -1;
    for (rg_tensor *x = t->pass.leaves; x; x = x->leaf.next_leaf) deposit(x, RG_ADD_GRADS);
    for (rg_tensor *x = results; x; x = x->prev)
        if (x->op && x->cotangent) deposit(x, how);
    return 0;
}

static int rg_pass_loss(const char *at, rg_tensor *loss, rg_commit how, rg_list inputs) {
    rg_tape *t = loss->tape;
    begin_pass(t, at, inputs.count ? RG_REACHES : RG_NEEDS, false);
    flag_paths(t, loss, inputs.items, inputs.count);
    t->plan.writing = how == RG_PLAN_GRADS;
    t->plan.hooks_begin = t->seq;
    const int failed = loss->flags & t->pass.flag ? run_pass(t, loss, NULL) || commit(t, loss, how)
        : rg_fail(t, RG_ESTATE, at, "rg_backward: the loss depends on none of the inputs");
    for (int k = 0; k < inputs.count; k++) inputs.items[k]->flags &= (uint16_t)~RG_PATH_FLAGS;
    end_pass(t, failed || inputs.count ? loss : NULL);
    t->plan.hooks_end = how == RG_REPLACE_GRADS ? t->seq : 0; /* of a replay */
    t->plan.writing = false;
    return failed ? -1 : 0;
}

RG_COLD static int check_inputs(const char *at, rg_tape *t, rg_list inputs) {
    if (!inputs.items || inputs.count <= 0) return rg_fail(t, RG_EVALUE, at, "rg_backward: the list of inputs is empty");
    if (check_wanted("rg_backward: inputs", at, t, inputs.items, inputs.count)) return -1;
    for (int k = 0; k < inputs.count; k++)
        if (inputs.items[k]->op) return rg_fail(t, RG_ESTATE, at, "rg_backward: inputs[%d] is no leaf; rg_grad takes it", k);
    return 0;
}

int rg_backward_at(const char *at, rg_tensor *loss, rg_backward_options options) {
    if (check_usable("rg_backward: the loss", at, NULL, loss) || check_start("rg_backward", at, loss, NULL)) return -1;
    rg_tape *t = loss->tape;
    const rg_list inputs = options.inputs;
    if (!(loss->flags & RG_NEEDS)) return rg_fail(t, RG_ESTATE, at, "rg_backward: the loss " RG_NO_HISTORY);
    if ((inputs.items || inputs.count) && check_inputs(at, t, inputs)) return -1;
    loss->refs++;
    if (rg_pass_loss(at, loss, RG_ADD_GRADS, inputs)) return rg_unref(loss), -1;
    rg_plan_passed(loss, inputs.count);
    return 0;
}

/* -------- rg_grad: gradients are results */

/* A cotangent goes to the record. If this pass made it, its hold becomes the record's; without .create_graph it has lost its operator. If
   it is an older leaf, like a dy of the caller's, or a view of one, the result is a copy: the caller may write or release that leaf. */
static rg_tensor *hand_over(rg_tape *t, rg_tensor *g, int64_t start) {
    const rg_tensor *owner = g->base ? g->base : g;
    if (!owner->op && owner->seq < start) {
        rg_tensor *copy = rg_expand_at(t->pass.at, g, g->ndim, g->shape);
        rg_unref(g);
        return copy;
    }
    if (g->flags & RG_KEPT) rg_to_record(g);
    g->refs--;
    return g;
}

/* The gradient with respect to x[k]: its cotangent, or that of the same x before it, or zeros. */
static rg_tensor *grad_result(rg_tape *t, rg_tensor *const x[], rg_tensor *const out[], int k, int64_t start) {
    rg_tensor *g = x[k]->cotangent;
    x[k]->cotangent = NULL;
    if (g) return hand_over(t, g, start);
    for (int j = 0; j < k; j++)
        if (x[j] == x[k]) return out[j];
    return rg_full_like_at(t->pass.at, x[k], 0);
}

/* While hooks run, no tensor that rg_grad was given is released. */
static void hold_all(rg_tensor *y, rg_tensor *dy, rg_tensor *const x[], int n, bool on) {
    for (int k = -2; k < n; k++) {
        rg_tensor *held = k == -2 ? y : k == -1 ? dy : x[k];
        if (held && on) held->refs++;
        else if (held) rg_unref(held);
    }
}

int rg_grad_at(const char *at, rg_tensor *y, rg_list list, rg_tensor *out[], rg_grad_options options) {
    rg_tape *t = rg_tape_of(y);
    rg_tensor *const *x = list.items, *dy = options.dy;
    const int n = list.count;
    for (int k = 0; out && k < n; k++) out[k] = rg_poison(t);
    if (check_usable("rg_grad: y", at, NULL, y) || (dy && check_usable("rg_grad: dy", at, t, dy))) return -1;
    if (check_start("rg_grad", at, y, dy)) return -1;
    if (n < 0 || (n > 0 && (!x || !out))) return rg_fail(t, RG_EVALUE, at, "rg_grad: no x, or no place for its gradient");
    if (check_wanted("rg_grad: x", at, t, x, n)) return -1;
    if (!(y->flags & RG_NEEDS) && !options.allow_unused) return rg_fail(t, RG_ESTATE, at, "rg_grad: y " RG_NO_HISTORY);
    const int64_t start = t->seq;
    begin_pass(t, at, RG_REACHES, options.create_graph);
    hold_all(y, dy, x, n, true);
    flag_paths(t, y, x, n);
    int failed = y->flags & RG_REACHES ? run_pass(t, y, dy) : 0;
    for (int k = 0; k < n && !failed; k++) failed = !rg_usable(out[k] = grad_result(t, x, out, k, start));
    for (int k = 0; k < n && failed; k++) out[k] = t->poison;
    for (int k = 0; k < n; k++) x[k]->flags &= (uint16_t)~RG_PATH_FLAGS;
    end_pass(t, y);
    hold_all(y, dy, x, n, false);
    if (!failed && n && !options.create_graph && !t->plan.no_history_since) t->plan.no_history_since = start;
    return failed ? -1 : 0;
}
