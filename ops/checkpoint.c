/* checkpoint.c - y = fn(in), of which only y is kept. backward runs fn again, records it, and continues through that record to in[] and to
   everything else that fn reads.
   Chen et al., Training deep nets with sublinear memory cost, 2016. */
#include <string.h>

#include "ops/rule.h"

typedef struct span {
    rg_fn fn;
    void *ctx;
    rg_rng rng; /* the tape's generator when fn began */
    rg_tensor *const *in, *result;
    int n;
} span;

/* y is a view of the first run's result; saved[0] holds the span, then a copy of in[]. */
static int shape(rg_tensor *y) {
    const span *s = y->attr.given;
    y->attr = RG_NO_ATTR;
    const size_t bytes = (size_t)s->n * sizeof *s->in;
    y->saved[0] = rg_temp(y, RG_U8, 1, &(int64_t){(int64_t)(sizeof *s + bytes)});
    if (rg_failed(y->saved[0])) return -1;
    memcpy(y->saved[0]->data, s, sizeof *s);
    memcpy((span *)y->saved[0]->data + 1, s->in, bytes);
    y->dtype = s->result->dtype;
    return rg_shape_like(y, s->result) || rg_view(y, s->result, 0);
}

static bool same_bits(const rg_tensor *a, const rg_tensor *b) {
    return a->tape == b->tape && a->dtype == b->dtype && rg_same_shape(a, b) &&
           !memcmp(a->data, b->data, (size_t)a->numel * rg_dtype_size(a->dtype));
}

static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    (void)dx;
    const span *s = y->saved[0]->data;
    rg_rng *rng = rg_tape_rng(y->tape), now = *rng;
    const bool recording = rg_record(y->tape, true);
    *rng = s->rng;
    rg_tensor *again = s->fn(s->ctx, (rg_tensor *const *)(s + 1));
    *rng = now;
    rg_record(y->tape, recording);
    if (rg_error_code(y->tape)) return;
    if (rg_failed(again) || !same_bits(again, y))
        rg_reject(y, RG_ESTATE, "the second run gave another result than the first; what fn reads has changed");
    else rg_backward_through(again, dy);
}

static const rg_op checkpoint = {.name = "checkpoint", .formula = "fn(x), run again for its derivative", .arity = -1, .shape = shape,
    .backward = backward};

/* Lists in in[] the tensors older than the mark that require a gradient and are operands of ops recorded from the mark up to y; if y itself
   is older, y. Returns their number, or most + 1 if there are more than `most`. */
static int read_by(rg_tensor *y, int64_t mark, int most, rg_tensor *in[]) {
    if (y->seq < mark) return in[0] = y, rg_needs_grad(y);
    int n = 0;
    for (const rg_tensor *r = y; r && r->seq >= mark; r = r->prev)
        for (int i = 0; r->op && rg_needs_grad(r) && i < r->nin; i++) {
            bool seen = r->in[i]->seq >= mark || !rg_needs_grad(r->in[i]);
            for (int k = 0; k < n && !seen; k++) seen = in[k] == r->in[i];
            if (seen) continue;
            if (n == most) return n + 1;
            in[n++] = r->in[i];
        }
    return n;
}

rg_tensor *rg_checkpoint_at(const char *at, rg_fn fn, void *ctx, rg_list list) {
    enum { MOST = UINT8_MAX };
    rg_tensor *const *in = list.items;
    const int n = list.count;
    rg_tape *t = NULL;
    for (int k = 0; in && k < n && !t; k++) t = rg_tape_of(in[k]);
    if (!t || rg_error_code(t)) return rg_poison(t);
    for (int k = 0; k < n; k++)
        if (rg_given(at, t, in[k], "rg_checkpoint: in[%d]", k)) return rg_poison(t);
    if (!fn) return rg_refuse(t, RG_EVALUE, at, "rg_checkpoint: fn is NULL");
    span s = {.fn = fn, .ctx = ctx, .rng = *rg_tape_rng(t), .in = in, .n = n};
    const int64_t mark = rg_mark(t), guard = rg_guard(t, mark), errors = rg_errors(t);
    s.result = fn(ctx, in);
    rg_guard(t, guard);
    const bool erred = rg_errors(t) != errors;
    bool failed = erred || rg_failed(s.result) || s.result->tape != t;
    if (failed) rg_fail(t, RG_ESTATE, at, "rg_checkpoint: %s", erred ? "fn failed" : "fn returned no tensor of its operands' tape");
    rg_tensor *read[MOST];
    const int reads = failed ? 0 : read_by(s.result, mark, MOST, read);
    if (reads > MOST) failed = rg_fail(t, RG_ESHAPE, at, "rg_checkpoint: fn reads more than %d tensors that require a gradient", MOST);
    if (!failed) rg_retain(s.result);
    rg_rewind_at(at, t, mark);
    if (failed) return rg_poison(t);
    rg_tensor *y = rg_apply(&checkpoint, at, (rg_attr){.given = &s}, reads ? reads : 1, reads ? read : in);
    rg_release_at(at, s.result);
    return y;
}
