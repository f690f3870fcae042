/* attention.c - scaled dot-product attention: y = softmax(q k^T / sqrt(d) + mask) v. Vaswani et al. 2017, equation 1. Its kernel works in
   tiles; rg_attention_weights is composed, and makes the matrix of weights. */
#include <math.h>

#include "ops/rule.h"

/* [n, m] in x's dtype: 0 where column j <= row i, else minus infinity. */
static rg_tensor *causal_mask(const char *at, const rg_tensor *x, int64_t n, int64_t m) {
    rg_tensor *mask = rg_empty_at(at, rg_tape_of(x), rg_dtype_of(x), 2, (const int64_t[]){n, m});
    for (int64_t i = 0; !rg_failed(mask) && i < n * m; i++) {
        const double v = i % m <= i / m ? 0 : -INFINITY;
        if (mask->dtype == RG_F64) ((double *)mask->data)[i] = v;
        else ((float *)mask->data)[i] = (float)v;
    }
    return mask;
}

/* What is wrong with the last two axes of q [.., n, d], k [.., m, d] and v [.., m, e], which may be NULL? NULL: nothing. */
static const char *misfit(const rg_tensor *q, const rg_tensor *k, const rg_tensor *v) {
    if (q->ndim < 2) return "q needs at least 2 dimensions: [.., n, d]";
    if (k->ndim < 2) return "k needs at least 2 dimensions: [.., m, d]";
    if (v && v->ndim < 2) return "v needs at least 2 dimensions: [.., m, e]";
    if (k->shape[k->ndim - 1] != q->shape[q->ndim - 1]) return "q and k must have last axes of one size";
    return v && v->shape[v->ndim - 2] != k->shape[k->ndim - 2] ? "k and v must have as many rows" : NULL;
}

static rg_tensor *weights(const char *at, rg_tensor *q, rg_tensor *k, rg_tensor *mask, bool causal) {
    const double d = rg_failed(q) || q->ndim == 0 ? 1 : (double)q->shape[q->ndim - 1];
    rg_tensor *scores =
        rg_matmul_at(at, rg_mul_scalar_at(at, q, 1 / sqrt(d)), k, (rg_matmul_options){.transpose_b = true}); /* [.., n, m] */
    if (mask && rg_dtype_of(mask) == RG_U8) scores = rg_where_at(at, mask, scores, rg_number(-INFINITY, scores));
    else if (mask) scores = rg_add_at(at, scores, mask);
    if (causal && !rg_failed(scores)) scores = rg_add_at(at, scores, causal_mask(at, scores, rg_dim(scores, -2), rg_dim(scores, -1)));
    return rg_softmax_at(at, scores, -1);
}

rg_tensor *rg_attention_weights_at(const char *at, rg_tensor *q, rg_tensor *k, rg_attention_mask_options options) {
    RG_SPEAK_AS("attention_weights", q, k, options.mask);
    char of_q[80], of_k[80];
    const char *wrong = rg_failed(q) || rg_failed(k) ? NULL : misfit(q, k, NULL);
    if (wrong)
        return rg_refuse(q->tape, RG_ESHAPE, at, "attention_weights: %s, %s: %s", rg_shape_text(q, of_q, sizeof of_q),
            rg_shape_text(k, of_k, sizeof of_k), wrong);
    return weights(at, q, k, options.mask, options.causal);
}

/* -------- the operator: q, k, v and perhaps a mask; attr.p: causal. saved: of each row the maximum of its scores, and 1 / the sum of
            exp(score - maximum) */

static int mask_fits(rg_tensor *y, const rg_tensor *mask, int64_t n, int64_t m) {
    const rg_dtype dtype = y->in[0]->dtype;
    if (mask->dtype != RG_U8 && mask->dtype != dtype)
        return rg_reject(y, RG_EDTYPE, "the mask is %s, neither u8 nor %s; rg_cast converts", rg_dtype_name(mask->dtype),
            rg_dtype_name(dtype));
    const int64_t size[] = {m, n};
    for (int d = 0; d < 2 && d < mask->ndim; d++) {
        const int64_t of_mask = mask->shape[mask->ndim - 1 - d];
        if (of_mask != 1 && of_mask != size[d])
            return rg_reject(y, RG_ESHAPE, "the mask does not broadcast to [.., %lld, %lld]", (long long)n, (long long)m);
    }
    return 0;
}

static int shape(rg_tensor *y) {
    if (y->nin < 3 || y->nin > 4) return rg_reject(y, RG_ESHAPE, "%d operands, not q, k, v and perhaps a mask", y->nin);
    const rg_tensor *q = y->in[0], *k = y->in[1], *v = y->in[2];
    const char *wrong = misfit(q, k, v);
    if (wrong) return rg_reject(y, RG_ESHAPE, "%s", wrong);
    const int64_t n = q->shape[q->ndim - 2];
    if (y->nin > 3 && mask_fits(y, y->in[3], n, k->shape[k->ndim - 2])) return -1;
    int64_t to[RG_MAX_DIMS];
    int ndim = 2;
    for (int i = 0; i < y->nin; i++) ndim = y->in[i]->ndim > ndim ? y->in[i]->ndim : ndim;
    for (int d = 3; d <= ndim; d++) {
        int64_t *all = &to[ndim - d];
        *all = 1;
        for (int i = 0; i < y->nin; i++) {
            const int64_t size = y->in[i]->ndim < d ? 1 : y->in[i]->shape[y->in[i]->ndim - d];
            if (*all != 1 && size != 1 && size != *all)
                return rg_reject(y, RG_ESHAPE, "leading dimensions %lld and %lld do not broadcast", (long long)*all, (long long)size);
            if (size != 1) *all = size;
        }
    }
    to[ndim - 2] = n, to[ndim - 1] = v->shape[v->ndim - 1];
    return rg_shape_set(y, ndim, to);
}

/* With the weights p: dv = p^T dy, ds = p (dy v^T - sum dy y), dq = ds k / sqrt(d), dk = ds^T q / sqrt(d), dmask = ds */
static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *q = y->in[0], *k = y->in[1], *v = y->in[2], *mask = y->nin > 3 ? y->in[3] : NULL;
    rg_tensor *p = weights(y->at, q, k, mask, y->attr.p != 0);
    if (rg_needs(y, 2)) dx[2] = rg_matmul(p, dy, .transpose_a = true);
    rg_tensor *ds = rg_mul(p, rg_sub(rg_matmul(dy, v, .transpose_b = true), rg_sum_keep(rg_mul(dy, y), -1)));
    const double scale = 1 / sqrt((double)q->shape[q->ndim - 1]);
    if (rg_needs(y, 0)) dx[0] = rg_mul(rg_matmul(ds, k), scale);
    if (rg_needs(y, 1)) dx[1] = rg_mul(rg_matmul(ds, q, .transpose_a = true), scale);
    if (mask && rg_needs(y, 3)) dx[3] = ds;
}

RG_KERNELS(attention);
RG_FUSED_KERNELS(attention_vjp);
RG_OP(scaled_dot_product_attention) = {.name = "scaled_dot_product_attention", .formula = "softmax(q k^T / sqrt(d) + mask) v", .arity = -1,
    .types = "fffm", .shape = shape, .forward = RG_WIDE_KERNEL(attention), .backward = backward, .fused = RG_WIDE_KERNEL(attention_vjp),
    .samples = "3,4 5,4 5,17 3,5; 2,3,4 2,5,4 2,5,3 3,5 p=1; 2,2,3,4 2,2,3,4 2,2,3,2 2,1,1,3; 3,4 same same 3,3 p=1; 1,1 1,1 1,1 1,1; "
               "7,3 1,3 1,2 1,1;"
               "3,2 9,2 9,2 3,9 p=1; 9,2 9,2 9,1 9,9; 0,2 3,2 3,4 -; 2,0,4 2,3,4 2,3,2 1,3; 3,0 2,0 2,3 3,2;"
               "3,4 17,4 17,2 3,17:u8<3; 2,3,4 2,9,4 2,9,2 9:u8<4; 3,4 5,4 5,2; 2,1,3,2 3,4,2 4,5 2,1,3,1 p=1; 66,2 67,2 67,1 p=1",
    .refuses = "3,4 5,3 5,2 3,5; 3,4 5,4 4,2 3,5; 3,4 5,4 5,2 3,4; - 5,4 5,2 3,5; 4 5,4 5,2 5; 2,3,4 3,5,4 5,2 3,5; 3,4 5,4 5,2 3,4:u8; "
               "3,4 5,4 5,2 3,5:i32;"
               "3,4:i32 5,4:i32 5,2:i32 3,5:i32; 3,4 5,4; 3,4 5,4 5,2 3,5 3,5; 2,3,4 5,4 3,5,2"};

rg_tensor *rg_scaled_dot_product_attention_at(const char *at, rg_tensor *q, rg_tensor *k, rg_tensor *v, rg_attention_mask_options options) {
    return rg_apply(&rg_op_scaled_dot_product_attention, at, (rg_attr){.p = options.causal}, options.mask ? 4 : 3,
        (rg_tensor *[]){q, k, v, options.mask});
}
