/* matmul.c - the products: matmul y = op(a) op(b), where op may transpose the last two axes; dot, outer; linear y = x w + b. */
#include <string.h>

#include "ops/kernels/gemm.h"
#include "ops/rule.h"

/* -------- matmul. With A = op(a), B = op(b):    dA = dy B^T,    dB = A^T dy,    transposed in turn where op was.
            A vector is a row on the left, a column on the right, and y lacks that dimension, as with numpy.matmul. */

/* Its matrices are of this size before transposition; returns the number of leading dimensions. */
static int matrix_of(const rg_tensor *x, bool left, int64_t size[2]) {
    size[0] = size[1] = 1;
    for (int d = x->ndim > 1 ? x->ndim - 2 : 0; d < x->ndim; d++) size[x->ndim > 1 ? d - x->ndim + 2 : left] = x->shape[d];
    return x->ndim > 1 ? x->ndim - 2 : 0;
}

static int matmul_shape(rg_tensor *y) {
    const rg_tensor *a = y->in[0], *b = y->in[1];
    if (a->ndim < 1 || b->ndim < 1)
        return rg_reject(y, RG_ESHAPE, "operand %d has no dimensions, at least 1 is needed; rg_mul scales", a->ndim < 1 ? 1 : 2);
    const bool ta = y->attr.matmul.ta && a->ndim > 1, tb = y->attr.matmul.tb && b->ndim > 1;
    y->attr.matmul.ta = ta;
    y->attr.matmul.tb = tb;
    int64_t sa[2], sb[2], to[RG_MAX_DIMS]; /* [n, k] and [k, m], before transposition */
    const int la = matrix_of(a, true, sa), lb = matrix_of(b, false, sb), lead = la > lb ? la : lb;
    if (sa[!ta] != sb[tb])
        return rg_reject(y, RG_ESHAPE, "inner dimensions %lld and %lld differ%s", (long long)sa[!ta], (long long)sb[tb],
            ta && tb ? " (both transposed)" : ta ? " (the first transposed)" : tb ? " (the second transposed)" : "");
    int n = 0;
    for (; n < lead; n++) {
        const int i = n - (lead - la), j = n - (lead - lb);
        const int64_t p = i < 0 ? 1 : a->shape[i], q = j < 0 ? 1 : b->shape[j];
        if (p != q && p != 1 && q != 1)
            return rg_reject(y, RG_ESHAPE, "leading dimensions %lld and %lld do not broadcast", (long long)p, (long long)q);
        to[n] = p == 1 ? q : p;
    }
    if (a->ndim > 1) to[n++] = sa[ta];
    if (b->ndim > 1) to[n++] = sb[!tb];
    return rg_shape_set(y, n, to);
}

/* x [.., m] as [n, m] */
static rg_tensor *as_rows(rg_tensor *y, rg_tensor *x) {
    if (x->ndim == 2 || rg_failed(x)) return x;
    int64_t rows = 1;
    for (int d = 0; d < x->ndim - 1; d++) rows *= x->shape[d];
    return rg_reshape(x, rows, x->shape[x->ndim - 1]);
}

static void matmul_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *a = y->in[0], *b = y->in[1];
    const bool ta = y->attr.matmul.ta, tb = y->attr.matmul.tb, column = b->ndim == 1;
    if (column) b = rg_unsqueeze(b, 1), dy = rg_unsqueeze(dy, -1);
    if (a->ndim == 1) a = rg_unsqueeze(a, 0), dy = rg_unsqueeze(dy, -2);
    if (rg_needs(y, 0)) dx[0] = ta ? rg_matmul(b, dy, .transpose_a = tb, .transpose_b = true) : rg_matmul(dy, b, .transpose_b = !tb);
    if (!rg_needs(y, 1)) return;
    if (!ta && b->ndim == 2) { /* one product that sums over the batch, rather than a batch to be summed */
        a = as_rows(y, a);
        dy = as_rows(y, dy);
    }
    dx[1] = tb ? rg_matmul(dy, a, .transpose_a = true, .transpose_b = ta) : rg_matmul(a, dy, .transpose_a = !ta);
    if (column) dx[1] = rg_squeeze(dx[1], -1);
}

RG_KERNELS(matmul);
RG_OP(matmul) = {.name = "matmul", .formula = "a . b", .arity = 2, .shape = matmul_shape, .forward = RG_WIDE_KERNEL(matmul),
    .backward = matmul_backward,
    .samples = "7,5 5,17; 5,7 5,3 ta=1; 4,6 3,6 tb=1; 5,4 3,5 ta=1 tb=1; 17,2 2,1; 1,1 1,1; 3,3 same; 3,4 same ta=1; 3,4 same tb=1;"
               "0,3 3,4; 3,0 0,4; 2,3 3,0; 3,0 2,3 ta=1 tb=1; 2,3,4 4,5; 2,4,3 4,2 ta=1; 3,4 2,4,2; 2,3,4 2,4,2; 2,1,3,2 3,2,4; "
               "2,4,3 2,2,4 ta=1 tb=1;"
               "2,3,4 1,5,4 tb=1; 0,2,3 3,2; 2,2,3 0,1,3,2; 2,1,1,2,1,3 1,2,1,1,3,1;"
               "5 5; 5 5,17; 17,5 5; 3 2,3,4; 2,3,4 4; 4,5 4 ta=1; 4 5,4 tb=1; 3 3 ta=1 tb=1; 5 same; 0 0; 3 3,0; 0,3 3; 3 2,0,3,4; "
               "2,1,4,3 4 ta=1",
    .refuses = "64,784 785,128; 2,3 2,3; 2,3 3,4 ta=1; 2,3 3,4 tb=1; 2,3 3,4 ta=1 tb=1; 4 3,4; 2,3 2; 2 3; - 2,2; 2,2 -; 2 -; "
               "2,2,3 3,3,2; 2,3:i32 3,2:i32; 2,3:f64 3,2:f32"};

rg_tensor *rg_matmul_at(const char *at, rg_tensor *a, rg_tensor *b, rg_matmul_options options) {
    return rg_apply(&rg_op_matmul, at, (rg_attr){.matmul = {.ta = options.transpose_a, .tb = options.transpose_b}}, RG_IN(a, b));
}

/* -------- dot, outer: for vectors alone, so that rows that were meant to be summed are not broadcast */

static rg_tensor *vectors(const char *name, const char *at, rg_tensor *a, rg_tensor *b) {
    char sa[80], sb[80];
    if (rg_failed(a) || rg_failed(b) || (a->ndim == 1 && b->ndim == 1)) return a;
    return rg_refuse(a->tape, RG_ESHAPE, at, "%s: %s and %s are not both vectors", name, rg_shape_text(a, sa, sizeof sa),
        rg_shape_text(b, sb, sizeof sb));
}

rg_tensor *rg_dot_at(const char *at, rg_tensor *a, rg_tensor *b) {
    RG_SPEAK_AS("dot", a, b);
    return rg_matmul_at(at, vectors("dot", at, a, b), b, (rg_matmul_options){0});
}

rg_tensor *rg_outer_at(const char *at, rg_tensor *a, rg_tensor *b) {
    RG_SPEAK_AS("outer", a, b);
    return rg_mul_at(at, rg_unsqueeze_at(at, vectors("outer", at, a, b), 1), b);
}

/* -------- linear, over the last axis of x.    dx = dy w^T,    dw = x^T dy,    db = dy summed over the rest */

static int linear_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1], *b = y->in[2];
    if (x->ndim < 1) return rg_reject(y, RG_ESHAPE, "the input has no dimensions, at least 1 is needed");
    if (w->ndim != 2) return rg_reject(y, RG_ESHAPE, "the weights have %d dimensions, not 2: [in, out]", w->ndim);
    if (b->ndim != 1) return rg_reject(y, RG_ESHAPE, "the bias has %d dimensions, not 1: [out]", b->ndim);
    const int64_t in = x->shape[x->ndim - 1];
    if (in != w->shape[0]) return rg_reject(y, RG_ESHAPE, "inner dimensions %lld and %lld differ", (long long)in, (long long)w->shape[0]);
    if (b->shape[0] != w->shape[1])
        return rg_reject(y, RG_ESHAPE, "a bias of %lld for %lld outputs", (long long)b->shape[0], (long long)w->shape[1]);
    int64_t to[RG_MAX_DIMS] = {0};
    for (int d = 0; d < x->ndim - 1; d++) to[d] = x->shape[d];
    to[x->ndim - 1] = w->shape[1];
    return rg_shape_set(y, x->ndim, to);
}

static void linear_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *x = y->in[0], *w = y->in[1], *rows = as_rows(y, dy); /* [n, out] */
    /* [1, in] for an x of [in]: the engine sums it down */
    if (rg_needs(y, 0)) dx[0] = rg_matmul(x->ndim > 1 ? dy : rows, w, .transpose_b = true);
    if (rg_needs(y, 1)) dx[1] = rg_matmul(as_rows(y, x), rows, .transpose_a = true);
    if (rg_needs(y, 2)) dx[2] = rg_sum(rows, 0);
}

RG_KERNELS(linear);
RG_FUSED_KERNELS(linear_vjp);
RG_OP(linear) = {.name = "linear", .formula = "x w + b", .arity = 3, .shape = linear_shape, .forward = RG_WIDE_KERNEL(linear),
    .backward = linear_backward,
    .fused = RG_WIDE_KERNEL(linear_vjp),
    .samples = "7,5 5,17 17; 17,3 3,2 2; 3 3,4 4; 2,3,4 4,5 5; 2,1,2,3 3,4 4; 1,1 1,1 1; 3,3 same 3; 0,3 3,4 4; 3,0 0,4 4; 2,3 3,0 0; "
               "3,5 5,17 17; 2,6 6,17 17;"
               "6,9 9,17 17; 4,2 2,17 17; 2,7 7,17 17",
    .refuses = "2,3 4,5 5; 2,3 3,5 4; 2,3 3,5 1; 2,3 3,5 1,5; 2,3 3 3; - 3,5 5; 2,3 2,3,5 5; 2,3:i32 3,5:i32 5:i32; 2,3:f64 3,5:f32 5:f32"};

rg_tensor *rg_linear_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b) {
    if (!b) {
        RG_SPEAK_AS("linear", x, w);
        const rg_matmul_options plain = {.transpose_a = false};
        if (rg_ndim(x) != 1) return rg_matmul_at(at, x, w, plain);
        return rg_squeeze_at(at, rg_matmul_at(at, rg_unsqueeze_at(at, x, 0), w, plain), 0);
    }
    return rg_apply(&rg_op_linear, at, RG_NO_ATTR, RG_IN(x, w, b));
}
