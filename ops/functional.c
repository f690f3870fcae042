/* functional.c - Jacobians row by row, Hessians as Jacobians of gradients; H v as the vjp of the gradient with cotangent v; J v by the
   double-backward identity: the vjp J' w is linear in w, and J v is the gradient of <J' w, v> by w. */
#include <string.h>

#include "engine/op.h"
#include "ops/axes.h"
#include "ops/functional.h"
#include "ops/ops.h"

#undef RG_AT
#define RG_AT at

/* Checks y, the list of x and, unless vs is NULL, the list of v. */
static int check(const char *what, const char *at, rg_tensor *y, rg_list xs, const rg_list *vs) {
    rg_tape *t = rg_tape_of(y);
    rg_tensor *const *x = xs.items, *const *v = vs ? vs->items : NULL;
    const int n = xs.count;
    char x_text[64], v_text[64];
    if (!t || rg_error_code(t)) return -1;
    if (rg_given(at, t, y, "%s: y", what)) return -1;
    if (!rg_needs_grad(y)) return rg_fail(t, RG_ESTATE, at, "%s: y " RG_NO_HISTORY, what);
    if (n < 1 || !x || (vs && !v)) return rg_fail(t, RG_EVALUE, at, "%s: no x, or no v", what);
    if (vs && vs->count != n) return rg_fail(t, RG_EVALUE, at, "%s: %d x, but %d v", what, n, vs->count);
    for (int k = 0; k < n; k++) {
        if (rg_given(at, t, x[k], "%s: x[%d]", what, k)) return -1;
        if (!rg_needs_grad(x[k])) return rg_fail(t, RG_ESTATE, at, "%s: x[%d] does not require a gradient", what, k);
        if (v && rg_given(at, t, v[k], "%s: v[%d]", what, k)) return -1;
        if (v && (!rg_same_shape(x[k], v[k]) || x[k]->dtype != v[k]->dtype))
            return rg_fail(t, RG_ESHAPE, at, "%s: v[%d] %s does not fit x[%d] %s", what, k,
                rg_shape_text(v[k], v_text, sizeof v_text), k, rg_shape_text(x[k], x_text, sizeof x_text));
    }
    return 0;
}

/* All elements of x[] as one vector; x[] is overwritten. */
static rg_tensor *join(const char *at, int64_t n, rg_tensor **x) {
    for (int64_t i = 0; i < n; i++) x[i] = rg_reshape(x[i], -1);
    return n > 1 ? rg_joined(at, n, x, rg_concat_at) : x[0];
}

static void copy(rg_tensor *to, const rg_tensor *x) { memcpy(to->data, x->data, (size_t)x->numel * rg_dtype_size(x->dtype)); }

/* -------- Jacobian and Hessian */

/* Allocates the result without a graph. It must be older than the marks to which jacobian_rows rewinds. NULL after an error. */
static rg_tensor *matrix(const char *what, const char *at, rg_tensor *y, rg_tensor *x) {
    int64_t shape[2 * RG_MAX_DIMS];
    char ys[64], xs[64];
    memcpy(shape, y->shape, sizeof y->shape);
    memcpy(shape + y->ndim, x->shape, sizeof x->shape);
    if (y->ndim + x->ndim > RG_MAX_DIMS) {
        rg_fail(y->tape, RG_ESHAPE, at, "%s: %s by %s takes %d dimensions, at most %d; rg_reshape one of them", what,
            rg_shape_text(y, ys, sizeof ys),
            rg_shape_text(x, xs, sizeof xs), y->ndim + x->ndim, RG_MAX_DIMS);
        return NULL;
    }
    rg_tensor *m = rg_empty_at(at, y->tape, x->dtype, y->ndim + x->ndim, shape);
    return rg_failed(m) ? NULL : m;
}

static int check_one(const char *what, const char *at, const rg_tensor *y) {
    char text[64];
    return y->numel == 1 ? 0 : rg_fail(y->tape, RG_ESHAPE, at, "%s: %s has %lld elements, not one; take its rg_sum or rg_mean", what,
        rg_shape_text(y, text, sizeof text), (long long)y->numel);
}

/* d y_j / dx */
static int jacobian_row(const char *at, rg_tensor *y, rg_tensor *x, int64_t j, bool graph, rg_tensor **g) {
    rg_tensor *e = rg_full_like(y, 0);
    if (rg_failed(e)) return -1;
    if (e->dtype == RG_F64) ((double *)e->data)[j] = 1;
    else ((float *)e->data)[j] = 1;
    return rg_grad(y, rg_list_of(x), g, .dy = e, .create_graph = graph, .allow_unused = true); /* a gradient may be constant */
}

/* Without a graph fills m and returns it; with one returns another tensor of m's shape. */
static rg_tensor *jacobian_rows(const char *at, rg_tensor *y, rg_tensor *x, bool graph, rg_tensor *m) {
    rg_tape *t = y->tape;
    const size_t bytes = (size_t)x->numel * rg_dtype_size(x->dtype), size = (size_t)y->numel * sizeof m;
    rg_tensor *g, **all = graph && m->numel ? rg_tape_alloc(at, t, size) : NULL;
    int failed = graph && m->numel && !all;
    for (int64_t j = 0; j < y->numel && m->numel && !failed; j++) {
        const int64_t mark = rg_mark(t);
        failed = jacobian_row(at, y, x, j, graph, &g);
        if (!failed && all) all[j] = g;
        else if (!failed) memcpy((char *)m->data + (size_t)j * bytes, g->data, bytes);
        if (!all) rg_rewind(t, mark);
    }
    if (all && !failed) m = rg_reshape_at(at, join(at, y->numel, all), m->ndim, m->shape);
    if (all) rg_tape_dealloc(t, all, size);
    return failed ? rg_poison(t) : m;
}

rg_tensor *rg_jacobian_at(const char *at, rg_tensor *y, rg_tensor *x, rg_graph_options options) {
    rg_tensor *m = check("rg_jacobian", at, y, rg_list_of(x), NULL) ? NULL : matrix("rg_jacobian", at, y, x);
    return m ? jacobian_rows(at, y, x, options.create_graph, m) : rg_poison(rg_tape_of(y));
}

rg_tensor *rg_hessian_at(const char *at, rg_tensor *y, rg_tensor *x, rg_graph_options options) {
    const bool graph = options.create_graph;
    rg_tensor *m = NULL, *g;
    if (!check("rg_hessian", at, y, rg_list_of(x), NULL) && !check_one("rg_hessian", at, y)) m = matrix("rg_hessian", at, x, x);
    if (!m) return rg_poison(rg_tape_of(y));
    const int64_t mark = rg_mark(y->tape);
    rg_tensor *h = rg_grad(y, rg_list_of(x), &g, .create_graph = true) ? rg_poison(y->tape) : jacobian_rows(at, g, x, graph, m);
    if (!graph) rg_rewind(y->tape, mark);
    return h;
}

/* -------- products */

/* The gradient of <g, v> by x[]. v is passed as the cotangent of g, and so counts as a constant even if it depends on x. */
static int grad_of_product(const char *at, rg_tensor *const *g, rg_tensor *const *v, int n, rg_list x, bool graph, rg_tensor **out) {
    rg_tape *t = g[0]->tape;
    const size_t size = 2 * (size_t)n * sizeof *g;
    rg_tensor **all = rg_tape_alloc(at, t, size);
    if (!all) return -1;
    memcpy(all, g, size / 2);
    memcpy(all + n, v, size / 2);
    rg_tensor *from = join(at, n, all), *by = join(at, n, all + n);
    rg_tape_dealloc(t, all, size);
    return rg_grad(from, x, out, .dy = by, .create_graph = graph, .allow_unused = true);
}

int rg_hvp_at(const char *at, rg_tensor *y, rg_list xs, rg_list vs, rg_tensor *out[], rg_graph_options options) {
    rg_tape *t = rg_tape_of(y);
    rg_tensor *const *x = xs.items, *const *v = vs.items;
    const int n = xs.count;
    const bool graph = options.create_graph;
    for (int k = 0; out && k < n; k++) out[k] = rg_poison(t);
    if (check("rg_hvp", at, y, xs, &vs) || check_one("rg_hvp", at, y)) return -1;
    if (!out) return rg_fail(t, RG_EVALUE, at, "rg_hvp: no place for the result");
    const size_t size = 2 * (size_t)n * sizeof *out;
    rg_tensor **g = rg_tape_alloc(at, t, size);
    if (!g) return -1;
    rg_tensor **to = g + n;
    bool failed = false;
    for (int k = 0; k < n && !graph; k++) failed |= rg_failed(to[k] = rg_empty_at(at, t, x[k]->dtype, x[k]->ndim, x[k]->shape));
    const int64_t mark = rg_mark(t);
    failed = failed || rg_grad(y, xs, g, .create_graph = true) || grad_of_product(at, g, v, n, xs, graph, out);
    for (int k = 0; k < n && !graph; k++) {
        if (!failed) copy(to[k], out[k]);
        out[k] = failed ? rg_poison(t) : to[k];
    }
    if (!graph) rg_rewind(t, mark);
    rg_tape_dealloc(t, g, size);
    return failed ? -1 : 0;
}

rg_tensor *rg_jvp_at(const char *at, rg_tensor *y, rg_list xs, rg_list vs, rg_graph_options options) {
    rg_tape *t = rg_tape_of(y);
    rg_tensor *const *x = xs.items, *const *v = vs.items;
    const int n = xs.count;
    const bool graph = options.create_graph;
    if (check("rg_jvp", at, y, xs, &vs)) return rg_poison(t);
    const size_t size = (size_t)n * sizeof *x;
    rg_tensor **g = rg_tape_alloc(at, t, size), *jv = rg_poison(t), *to = graph ? jv : rg_empty_at(at, t, y->dtype, y->ndim, y->shape);
    if (!g) return jv;
    const int64_t mark = rg_mark(t);
    rg_tensor *w = rg_requires_grad(rg_detach(rg_full_like(y, 0)), true);
    const int failed = (!graph && rg_failed(to)) || rg_grad(y, xs, g, .dy = w, .create_graph = true) ||
        grad_of_product(at, g, v, n, rg_list_of(w), graph, &jv);
    if (!failed && !graph) copy(to, jv);
    if (!graph) rg_rewind(t, mark);
    rg_tape_dealloc(t, g, size);
    return failed ? rg_poison(t) : graph ? jv : to;
}
