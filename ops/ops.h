/* ops.h - every operator, one a line with its formula. The elementwise ones (exp, relu, mul ...) stand in ops/elementwise.def.

   Operands broadcast as in NumPy where two are combined elementwise; they have one dtype; axes count from 0, or from the end
   as -1, -2 ... A macro passes the caller's file and line to the function beneath, which other languages call.             */
#ifndef RG_OPS_H
#define RG_OPS_H

#include "engine/engine.h"
#include "engine/core_ops.h" /* add, expand, sum_to, fill */
#include "ops/elementwise.h" /* made from elementwise.def by the build */

#ifdef __cplusplus
extern "C" {
#endif

/* -------- products */
#define rg_matmul(a, b) rg_matmul_t_at(RG_AT, a, false, b, false)          /* [.., n, k] . [.., k, m]: sum over k; leading dimensions broadcast */
#define rg_matmul_t(a, ta, b, tb) rg_matmul_t_at(RG_AT, a, ta, b, tb)      /* the same with the last two axes of a, b swapped first */
#define rg_linear(x, w, b) rg_linear_at(RG_AT, x, w, b)                    /* x w + b: [.., in] . [in, out] + [out], in one pass */

/* -------- windows that slide over images: rows and columns, {height, width}. A width left out is the height: {3} is {3, 3}.
   Of n elements, padded, there are (n + 2 padding - dilation (kernel - 1) - 1) / stride + 1 windows, rounded down.             */
enum { RG_NO_PADDING = -32768 };                                           /* a width of 0 beside a height that is not: .padding = {1, RG_NO_PADDING} */
typedef struct rg_window {
    int kernel[2];                                                         /* of pools, unfold and layers; a convolution's is its weights' */
    int stride[2];                                                         /* 1; of pools the kernel */
    int padding[2], dilation[2];                                           /* 0, of pools at most half the kernel; 1 */
    int groups;                                                            /* 1; of convolutions */
} rg_window;
#define rg_conv2d(x, w, b, ...) rg_conv2d_at(RG_AT, x, w, b, __VA_ARGS__)  /* y[n, o] = b[o] + sum over c, i, j of w[o, c, i, j] x[n, c, .. + i, .. + j]:
                                                                              [n, in, h, w], [out, in / groups, kh, kw], [out] or NULL -> [n, out, h', w'] */
#define rg_conv1d(x, w, b, ...) rg_conv1d_at(RG_AT, x, w, b, __VA_ARGS__)  /* the same of [n, in, l], [out, in / groups, k]; the heights of the window count */
#define rg_unfold(x, ...) rg_unfold_at(RG_AT, x, __VA_ARGS__)              /* [n, c, h, w] -> [n, c kh kw, h' w']: what each window sees, as a column */
#define rg_fold(x, h, w, ...) rg_fold_at(RG_AT, x, h, w, __VA_ARGS__)      /* columns added up where their windows were: the adjoint of unfold */
#define rg_max_pool2d(x, ...) rg_max_pool2d_at(RG_AT, x, __VA_ARGS__)      /* the largest in each window; of ties the first, to which the gradient goes */
#define rg_avg_pool2d(x, ...) rg_avg_pool2d_at(RG_AT, x, __VA_ARGS__)      /* the mean of each window, zeros of the padding included */

/* -------- reductions. rg_sum(x): over everything, rank 0. rg_sum_over(x, keepdims, 0, -1): over some axes. */
#define rg_sum(x) rg_sum_over_at(RG_AT, x, false, -1, NULL)                /* sum x_i */
#define rg_sum_over(x, keepdims, ...) rg_sum_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_mean(x) rg_mean_over_at(RG_AT, x, false, -1, NULL)              /* sum x_i / n */
#define rg_mean_over(x, keepdims, ...) rg_mean_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_max(x) rg_max_over_at(RG_AT, x, false, -1, NULL)                /* max x_i; ties share the gradient equally */
#define rg_max_over(x, keepdims, ...) rg_max_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_argmax(x, axis) rg_argmax_at(RG_AT, x, axis)                    /* i32 index of the first largest; no derivative */
#define rg_logsumexp(x, axis) rg_logsumexp_at(RG_AT, x, axis)              /* log sum exp x_i, shifted by max x */
#define rg_softmax(x, axis) rg_softmax_at(RG_AT, x, axis)                  /* exp x_i / sum exp x */
#define rg_log_softmax(x, axis) rg_log_softmax_at(RG_AT, x, axis)          /* x_i - log sum exp x */

/* -------- normalisation, attention, dropout. A weight or bias may be NULL, a bias only with its weight */
#define rg_layer_norm(x, k, w, b, eps) rg_layer_norm_at(RG_AT, x, k, w, b, eps) /* w (x - mean) / sqrt(var + eps) + b, over the last k axes, whose shape w, b have */
#define rg_rms_norm(x, k, w, eps) rg_rms_norm_at(RG_AT, x, k, w, eps)      /* w x / sqrt(mean x^2 + eps), over the last k axes */
/* x [n, c, ..]: the same over all axes but the channels'; mean, var, w, b [c]. training: by the batch's own statistics, and then
   mean = (1 - momentum) mean + momentum (the batch's), var alike, with the unbiased variance; both NULL: not kept.
   Otherwise by the given mean and var. */
#define rg_batch_norm(x, mean, var, w, b, training, momentum, eps) rg_batch_norm_at(RG_AT, x, mean, var, w, b, training, momentum, eps)
#define rg_dropout(x, p) rg_dropout_at(RG_AT, x, p)                        /* 0 with probability p, else x / (1 - p): one rg_rng_random of the tape's per element */
/* softmax(q k^T / sqrt(d) + mask) v: [.., n, d], [.., m, d], [.., m, e] -> [.., n, e]. mask broadcasts to [.., n, m], -inf hides; or
   NULL. causal: row i sees columns 0 .. i only. Vaswani et al. 2017 */
#define rg_scaled_dot_product_attention(q, k, v, mask, causal) rg_scaled_dot_product_attention_at(RG_AT, q, k, v, mask, causal)

/* -------- shape */
#define rg_reshape(x, ...) rg_reshape_at(RG_AT, x, RG_DIMS(__VA_ARGS__))   /* the same elements; one dimension may be -1; a view */
#define rg_unsqueeze(x, axis) rg_unsqueeze_at(RG_AT, x, axis)              /* a dimension of 1 put in before axis; a view */
#define rg_squeeze(x, axis) rg_squeeze_at(RG_AT, x, axis)                  /* a dimension of 1 taken out; a view */
#define rg_permute(x, ...) rg_permute_at(RG_AT, x, RG_AXES(__VA_ARGS__))   /* y's axis i is x's axis axes[i]; a copy */
#define rg_slice(x, axis, start, stop) rg_slice_at(RG_AT, x, axis, start, stop) /* start <= i < stop along an axis, from the end if negative; of axis 0 a view */
#define rg_pad(x, axis, before, after) rg_pad_at(RG_AT, x, axis, before, after) /* zeros put in before and after, along an axis */
#define rg_concat(axis, ...) rg_concat_at(RG_AT, axis, RG_IN_LIST(__VA_ARGS__)) /* operands one after another along an axis */

/* -------- choice and index */
#define rg_where(c, a, b) rg_where_at(RG_AT, c, a, b)                      /* c != 0 ? a : b; no derivative for c */
#define rg_pick(x, index) rg_pick_at(RG_AT, x, index)                      /* y[.., ] = x[.., index[..]]: one element per row, index i32 */
#define rg_scatter(x, index, n) rg_scatter_at(RG_AT, x, index, n)          /* y[.., index[..]] = x[..], else 0: rows of n */
#define rg_one_hot(index, n) rg_one_hot_at(RG_AT, index, n)                /* index[..] == j for j < n, in the tape's dtype; no derivative */
#define rg_cast(x, dtype) rg_cast_at(RG_AT, x, dtype)                      /* x in another dtype; derivative between floats */

/* -------- losses. For two classes, from logits z and targets y of 0 and 1: rg_mean(rg_sub(rg_softplus(z), rg_mul(y, z))) */
#define rg_cross_entropy(logits, labels) rg_cross_entropy_at(RG_AT, logits, labels) /* mean of -log softmax(logits)[.., label], labels i32 */
#define rg_mse(p, y) rg_mse_at(RG_AT, p, y)                                /* mean (p - y)^2 */

/* -------- the functions beneath. naxes -1 = all axes. */
#ifdef __cplusplus
#define RG_AXES(...) (int)(sizeof((int[]){0, __VA_ARGS__}) / sizeof(int)) - 1, std::initializer_list<int>{__VA_ARGS__}.begin()
#define RG_IN_LIST(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *)), std::initializer_list<rg_tensor *>{__VA_ARGS__}.begin()
#else
#define RG_AXES(...) (int)(sizeof((int[]){0, __VA_ARGS__}) / sizeof(int)) - 1, (const int[]){0, __VA_ARGS__} + 1
#define RG_IN_LIST(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *)), (rg_tensor *[]){__VA_ARGS__}
#endif
rg_tensor *rg_matmul_t_at(const char *at, rg_tensor *a, bool ta, rg_tensor *b, bool tb);
rg_tensor *rg_linear_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b);
rg_tensor *rg_conv2d_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b, rg_window window);
rg_tensor *rg_conv1d_at(const char *at, rg_tensor *x, rg_tensor *w, rg_tensor *b, rg_window window);
rg_tensor *rg_unfold_at(const char *at, rg_tensor *x, rg_window window);
rg_tensor *rg_fold_at(const char *at, rg_tensor *x, int64_t h, int64_t w, rg_window window);
rg_tensor *rg_max_pool2d_at(const char *at, rg_tensor *x, rg_window window);
rg_tensor *rg_avg_pool2d_at(const char *at, rg_tensor *x, rg_window window);
rg_tensor *rg_sum_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_mean_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_max_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_argmax_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_logsumexp_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_softmax_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_log_softmax_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_layer_norm_at(const char *at, rg_tensor *x, int k, rg_tensor *w, rg_tensor *b, double eps);
rg_tensor *rg_rms_norm_at(const char *at, rg_tensor *x, int k, rg_tensor *w, double eps);
rg_tensor *rg_batch_norm_at(const char *at, rg_tensor *x, rg_tensor *mean, rg_tensor *var, rg_tensor *w, rg_tensor *b, bool training,
    double momentum, double eps);
rg_tensor *rg_dropout_at(const char *at, rg_tensor *x, double p);
rg_tensor *rg_scaled_dot_product_attention_at(const char *at, rg_tensor *q, rg_tensor *k, rg_tensor *v, rg_tensor *mask, bool causal);
rg_tensor *rg_reshape_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape);
rg_tensor *rg_unsqueeze_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_squeeze_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_permute_at(const char *at, rg_tensor *x, int naxes, const int *axes);
rg_tensor *rg_slice_at(const char *at, rg_tensor *x, int axis, int64_t start, int64_t stop);
rg_tensor *rg_pad_at(const char *at, rg_tensor *x, int axis, int64_t before, int64_t after);
rg_tensor *rg_concat_at(const char *at, int axis, int n, rg_tensor *const *x);
rg_tensor *rg_where_at(const char *at, rg_tensor *c, rg_tensor *a, rg_tensor *b);
rg_tensor *rg_pick_at(const char *at, rg_tensor *x, rg_tensor *index);
rg_tensor *rg_scatter_at(const char *at, rg_tensor *x, rg_tensor *index, int n);
rg_tensor *rg_one_hot_at(const char *at, rg_tensor *index, int n);
rg_tensor *rg_cast_at(const char *at, rg_tensor *x, rg_dtype dtype);
rg_tensor *rg_cross_entropy_at(const char *at, rg_tensor *logits, rg_tensor *labels);

/* -------- composites: built from the ops above, without a derivative of their own. `at` is the caller's. */
#pragma push_macro("RG_AT")
#undef RG_AT
#define RG_AT at
static inline rg_tensor *rg_mse_at(const char *at, rg_tensor *p, rg_tensor *y) { return rg_mean(rg_square(rg_sub(p, y))); }
#pragma pop_macro("RG_AT")

/* -------- what this build is made of */
typedef struct rg_build {
    const char *version, *isa, *vector_math; /* "0.1.0", "AVX2+FMA", "libmvec" ... */
    char blas[48];                           /* "OpenBLAS 0.3.21 (Haswell)", or "builtin" */
    int threads;                             /* processors that rg_set_threads can put to use */
    bool pool;
} rg_build;
rg_build rg_info(void);

#ifdef __cplusplus
}
#endif

#include "ops/gradcheck.h"
#endif
