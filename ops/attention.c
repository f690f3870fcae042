/* attention.c - scaled dot-product attention, composed: y = softmax(q k^T / sqrt(d) + mask) v. Vaswani et al. 2017, equation 1. */
#include <math.h>

#include "engine/op.h"
#include "ops/ops.h"

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

/* Do the last two axes of q [.., n, d], k [.., m, d] and v [.., m, e], or NULL, fit? matmul checks the leading dimensions. */
static bool fit(const char *at, const char *who, const rg_tensor *q, const rg_tensor *k, const rg_tensor *v) {
    const rg_tensor *const all[] = {q, k, v};
    for (int i = 0; i < 3; i++)
        if (all[i] && all[i]->ndim < 2)
            return rg_fail(q->tape, RG_ESHAPE, at, "%s: %c has %d dimensions, at least 2 are needed: [.., %s]", who, "qkv"[i], all[i]->ndim,
                (const char *const[]){"n, d", "m, d", "m, e"}[i]), false;
    const int64_t d = rg_dim(q, -1), m = rg_dim(k, -2);
    char a[80], b[80];
    if (rg_dim(k, -1) != d)
        return rg_fail(q->tape, RG_ESHAPE, at, "%s: q %s and k %s must have last axes of one size", who, rg_shape_text(q, a, sizeof a),
            rg_shape_text(k, b, sizeof b)), false;
    if (v && rg_dim(v, -2) != m)
        return rg_fail(q->tape, RG_ESHAPE, at, "%s: k %s and v %s must have as many rows", who, rg_shape_text(k, a, sizeof a),
            rg_shape_text(v, b, sizeof b)), false;
    return true;
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
    if (!rg_failed(q) && !rg_failed(k) && !fit(at, speaker_.name, q, k, NULL)) return rg_poison(q->tape);
    return weights(at, q, k, options.mask, options.causal);
}

rg_tensor *rg_scaled_dot_product_attention_at(const char *at, rg_tensor *q, rg_tensor *k, rg_tensor *v, rg_attention_mask_options options) {
    RG_SPEAK_AS("scaled_dot_product_attention", q, k, v, options.mask);
    if (!rg_failed(q) && !rg_failed(k) && !rg_failed(v) && !fit(at, speaker_.name, q, k, v)) return rg_poison(q->tape);
    return rg_matmul_at(at, weights(at, q, k, options.mask, options.causal), v, (rg_matmul_options){0});
}

static rg_tensor *compose(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_scaled_dot_product_attention_at(at, in[0], in[1], in[2], (rg_attention_mask_options){.mask = in[3], .causal = attr.p != 0});
}

RG_OP(scaled_dot_product_attention) = {.name = "scaled_dot_product_attention", .formula = "softmax(q k^T / sqrt(d) + mask) v", .arity = 4,
    .types = "fffm", .compose = compose,
    .samples = "3,4 5,4 5,17 3,5; 2,3,4 2,5,4 2,5,3 3,5 p=1; 2,2,3,4 2,2,3,4 2,2,3,2 2,1,1,3; 3,4 same same 3,3 p=1; 1,1 1,1 1,1 1,1; "
               "7,3 1,3 1,2 1,1;"
               "3,2 9,2 9,2 3,9 p=1; 9,2 9,2 9,1 9,9; 0,2 3,2 3,4 -; 2,0,4 2,3,4 2,3,2 1,3; 3,0 2,0 2,3 3,2;"
               "3,4 17,4 17,2 3,17:u8<3; 2,3,4 2,9,4 2,9,2 9:u8<4",
    .refuses = "3,4 5,3 5,2 3,5; 3,4 5,4 4,2 3,5; 3,4 5,4 5,2 3,4; - 5,4 5,2 3,5; 4 5,4 5,2 5; 2,3,4 3,5,4 5,2 3,5; 3,4 5,4 5,2 3,4:u8; "
               "3,4 5,4 5,2 3,5:i32;"
               "3,4:i32 5,4:i32 5,2:i32 3,5:i32"};
