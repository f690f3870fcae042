/* ops.h - every operator, one a line with its formula. The elementwise ones (exp, relu, mul ...) stand in ops/elementwise.def.

   Operands broadcast as in NumPy where two are combined elementwise; they have one dtype; axes count from 0, or from the end
   as -1, -2 ... A tensor of rank 0 has one axis, 0 or -1, of size 1. A NaN operand of relu, clamp, hardtanh, hardsigmoid, maximum or
   minimum makes the result NaN, and the gradient there is that of the result: none of them hides a NaN from the parameters.
   A macro passes the caller's file and line to the function beneath, which other languages call.                           */
#ifndef RG_OPS_H
#define RG_OPS_H

#include "engine/engine.h"
#include "engine/core_ops.h" /* add, expand, sum_to, fill */
#include "ops/elementwise.h" /* made from elementwise.def by the build */
#include "ops/losses.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- products */
#define rg_matmul(a, b) rg_matmul_t_at(RG_AT, a, false, b, false)          /* [.., n, k] . [.., k, m]: sum over k; leading dimensions broadcast; vectors as numpy.matmul */
#define rg_matmul_t(a, ta, b, tb) rg_matmul_t_at(RG_AT, a, ta, b, tb)      /* the same with the last two axes of a, b swapped first */
#define rg_dot(a, b) rg_dot_at(RG_AT, a, b)                                /* sum a_i b_i, of two vectors: rank 0 */
#define rg_outer(a, b) rg_outer_at(RG_AT, a, b)                            /* a_i b_j, of two vectors */
#define rg_einsum(equation, ...) rg_einsum_at(RG_AT, equation, RG_IN_LIST(__VA_ARGS__)) /* "bij,bjk->bik", a, b: sums of products (numpy.einsum); up to 8 operands, "ii", "...", implicit output */
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
#define rg_mean(x) rg_mean_over_at(RG_AT, x, false, -1, NULL)              /* sum x_i / n; rg_mean_over(x, false, -2, -1) pools images as a whole */
#define rg_mean_over(x, keepdims, ...) rg_mean_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_max(x) rg_max_over_at(RG_AT, x, false, -1, NULL)                /* max x_i; ties share the gradient equally */
#define rg_max_over(x, keepdims, ...) rg_max_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_min(x) rg_min_over_at(RG_AT, x, false, -1, NULL)                /* min x_i; ties share the gradient equally */
#define rg_min_over(x, keepdims, ...) rg_min_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_prod(x) rg_prod_over_at(RG_AT, x, false, -1, NULL)              /* prod x_i; zeros do its gradient no harm */
#define rg_prod_over(x, keepdims, ...) rg_prod_over_at(RG_AT, x, keepdims, RG_AXES(__VA_ARGS__))
#define rg_var(x) rg_var_over_at(RG_AT, x, 1, false, -1, NULL)             /* sum (x_i - mean)^2 / (n - 1) */
#define rg_var_over(x, correction, keepdims, ...) rg_var_over_at(RG_AT, x, correction, keepdims, RG_AXES(__VA_ARGS__)) /* n - correction: 0 is NumPy's, 1 PyTorch's */
#define rg_std(x) rg_std_over_at(RG_AT, x, 1, false, -1, NULL)             /* var^(1/2), slope 0 where it is 0 */
#define rg_std_over(x, correction, keepdims, ...) rg_std_over_at(RG_AT, x, correction, keepdims, RG_AXES(__VA_ARGS__))
#define rg_norm(x, p) rg_norm_over_at(RG_AT, x, p, false, -1, NULL)        /* p = 1: sum |x_i|, 2: (sum x_i^2)^(1/2), INFINITY: max |x_i|; slope 0 where it is 0 */
#define rg_norm_over(x, p, keepdims, ...) rg_norm_over_at(RG_AT, x, p, keepdims, RG_AXES(__VA_ARGS__))
#define rg_cumsum(x, axis) rg_cumsum_at(RG_AT, x, axis)                    /* x_0 + .. + x_i, along an axis */
#define rg_argmax(x, axis) rg_argmax_at(RG_AT, x, axis)                    /* i32 index of the first largest; no derivative */
#define rg_argmin(x, axis) rg_argmin_at(RG_AT, x, axis)                    /* i32 index of the first smallest; no derivative */
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
#define rg_attention_weights(q, k, mask, causal) rg_attention_weights_at(RG_AT, q, k, mask, causal) /* softmax(q k^T / sqrt(d) + mask) of that: [.., n, m] */

/* -------- made, as rg_full makes them: in the tape's dtype, until the reset (rg_cast makes indices of them). A replay draws random ones
   anew, as recording again would. */
#define rg_zeros_like(x) rg_fill_at(RG_AT, x, 0)                           /* 0 in x's shape and dtype */
#define rg_ones_like(x) rg_fill_at(RG_AT, x, 1)                            /* 1 in x's shape and dtype */
#define rg_arange(t, start, stop, step) rg_arange_at(RG_AT, t, start, stop, step) /* start + i step, before stop */
#define rg_linspace(t, start, stop, n) rg_linspace_at(RG_AT, t, start, stop, n)   /* n numbers from start to stop, both among them */
#define rg_eye(t, n) rg_eye_at(RG_AT, t, n)                                /* [n, n]: 1 where row and column are the same, else 0 */
#define rg_uniform(t, low, high, ...) rg_uniform_at(RG_AT, t, low, high, RG_DIMS(__VA_ARGS__)) /* low <= x < high: what NumPy's rng.uniform draws */
#define rg_normal(t, mean, std, ...) rg_normal_at(RG_AT, t, mean, std, RG_DIMS(__VA_ARGS__))   /* what NumPy's rng.normal draws */

/* -------- shape */
#define rg_reshape(x, ...) rg_reshape_at(RG_AT, x, RG_DIMS(__VA_ARGS__))   /* the same elements; one dimension may be -1; a view */
#define rg_unsqueeze(x, axis) rg_unsqueeze_at(RG_AT, x, axis)              /* a dimension of 1 put in before axis; a view */
#define rg_squeeze(x, axis) rg_squeeze_at(RG_AT, x, axis)                  /* a dimension of 1 taken out; a view */
#define rg_permute(x, ...) rg_permute_at(RG_AT, x, RG_AXES(__VA_ARGS__))   /* y's axis i is x's axis axes[i]; a copy */
#define rg_transpose(x, i, j) rg_transpose_at(RG_AT, x, i, j)              /* axes i and j exchanged; a copy. A product needs none: rg_matmul_t */
#define rg_flatten(x, axis) rg_flatten_at(RG_AT, x, axis)                  /* this axis and all behind it become one, [n, ..] -> [n, the rest] for 1; a view */
#define rg_slice(x, axis, start, stop) rg_slice_at(RG_AT, x, axis, start, stop) /* start <= i < stop along an axis, from the end if negative; of axis 0 a view */
#define rg_pad(x, axis, before, after) rg_pad_at(RG_AT, x, axis, before, after) /* zeros put in before and after, along an axis */
#define rg_pad_value(x, axis, before, after, value) rg_pad_value_at(RG_AT, x, axis, before, after, value) /* the same with a value in place of 0 */
#define rg_constant_pad(x, value, ...) rg_constant_pad_at(RG_AT, x, value, RG_DIMS(__VA_ARGS__)) /* pairs of before, after: of the last axis, of the one before it ... */
#define rg_concat(axis, ...) rg_concat_at(RG_AT, axis, RG_IN_LIST(__VA_ARGS__)) /* operands one after another along an axis */
#define rg_stack(axis, ...) rg_stack_at(RG_AT, axis, RG_IN_LIST(__VA_ARGS__)) /* operands one after another along a new axis */
#define rg_split(x, axis, n, sizes, out) rg_split_at(RG_AT, x, axis, n, sizes, out) /* out[0] .. out[n-1]: slices of these sizes; sizes NULL: of one size. 0 or -1 */
#define rg_tril(x, diagonal) rg_tril_at(RG_AT, x, diagonal)                /* the last two axes: x_rc where c - r <= diagonal, else 0 */
#define rg_triu(x, diagonal) rg_triu_at(RG_AT, x, diagonal)                /* the last two axes: x_rc where c - r >= diagonal, else 0 */
#define rg_repeat(x, ...) rg_repeat_at(RG_AT, x, RG_DIMS(__VA_ARGS__))     /* x so many times over along each axis, the last ones first (numpy.tile) */
#define rg_repeat_interleave(x, times, axis) rg_repeat_interleave_at(RG_AT, x, times, axis) /* each index of the axis so many times, one after another */

/* -------- order: equal elements keep theirs, NaN counts as the largest. index, where not NULL, gets the i32 indices of what is returned. */
#define rg_argsort(x, axis, descending) rg_argsort_at(RG_AT, x, axis, descending) /* i32 indices that sort x along an axis; no derivative */
#define rg_sort(x, axis, descending, index) rg_sort_at(RG_AT, x, axis, descending, index) /* x sorted along an axis */
#define rg_topk(x, k, axis, largest, index) rg_topk_at(RG_AT, x, k, axis, largest, index) /* the k largest (or smallest) along an axis, in order */

/* -------- choice and index */
#define rg_where(c, a, b) rg_where_at(RG_AT, c, a, b)                      /* c != 0 ? a : b; no derivative for c */
#define rg_pick(x, index) rg_pick_at(RG_AT, x, index)                      /* y[.., ] = x[.., index[..]]: one element per row, index i32 */
#define rg_scatter(x, index, n) rg_scatter_at(RG_AT, x, index, n)          /* y[.., index[..]] = x[..], else 0: rows of n */
#define rg_one_hot(index, n) rg_one_hot_at(RG_AT, index, n)                /* index[..] == j for j < n, in the tape's dtype; no derivative */
#define rg_masked_fill(x, mask, value) rg_masked_fill_at(RG_AT, x, mask, value) /* mask != 0 ? value : x; no derivative for the mask */
#define rg_index_select(x, axis, index) rg_index_select_at(RG_AT, x, axis, index) /* slices x[.., index[j], ..]; an index of any shape stands in axis's place (numpy.take) */
#define rg_index_add(x, axis, index, src) rg_index_add_at(RG_AT, x, axis, index, src) /* x with src[.., j, ..] added to each slice x[.., index[j], ..] */
#define rg_embedding(index, table) rg_embedding_at(RG_AT, index, table)    /* rows table[index[..]]: [..] i32, [n, d] -> [.., d] */
#define rg_gather(x, axis, index) rg_gather_at(RG_AT, x, axis, index)      /* y[i, j] = x[index[i, j], j] for axis 0; index of y's shape, beside axis at most x's */
#define rg_take_along_axis(x, index, axis) rg_take_along_axis_at(RG_AT, x, index, axis) /* gather, of an x and an index that broadcast beside the axis */
#define rg_scatter_add(x, axis, index, src) rg_scatter_add_at(RG_AT, x, axis, index, src) /* x with src[i, j] added to x[index[i, j], j] for axis 0 */
#define rg_cast(x, dtype) rg_cast_at(RG_AT, x, dtype)                      /* x in another dtype; derivative between floats */

/* -------- losses; the others, and these two with options, stand in ops/losses.h */
#define rg_cross_entropy(logits, labels) rg_cross_entropy_at(RG_AT, logits, labels) /* mean of -log softmax(logits)[.., label], labels i32, none ignored */
#define rg_mse(p, y) rg_mse_at(RG_AT, p, y)                                /* mean (p - y)^2 */

/* -------- the functions beneath. naxes -1 = all axes. */
#ifdef __cplusplus
#define RG_AXES(...) (int)(sizeof((int[]){0, __VA_ARGS__}) / sizeof(int)) - 1, std::initializer_list<int>{__VA_ARGS__}.begin()
#define RG_IN_LIST(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *)), std::initializer_list<rg_tensor *>{__VA_ARGS__}.begin()
#else
#define RG_AXES(...) (int)(sizeof((int[]){0, __VA_ARGS__}) / sizeof(int)) - 1, (const int[]){0, __VA_ARGS__} + 1
#define RG_IN_LIST(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / RG_TENSORS_ONE_BY_ONE(__VA_ARGS__, 0)), (rg_tensor *[]){__VA_ARGS__}
/* An array of tensors does not compile: it goes to the function beneath, rg_stack_at(RG_HERE, axis, n, array). */
#define RG_TENSORS_ONE_BY_ONE(first, ...) _Generic((first), rg_tensor *: sizeof(rg_tensor *), void *: sizeof(rg_tensor *))
#endif
rg_tensor *rg_matmul_t_at(const char *at, rg_tensor *a, bool ta, rg_tensor *b, bool tb);
rg_tensor *rg_dot_at(const char *at, rg_tensor *a, rg_tensor *b);
rg_tensor *rg_outer_at(const char *at, rg_tensor *a, rg_tensor *b);
rg_tensor *rg_einsum_at(const char *at, const char *equation, int n, rg_tensor *const *x);
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
rg_tensor *rg_min_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_prod_over_at(const char *at, rg_tensor *x, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_var_over_at(const char *at, rg_tensor *x, double correction, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_std_over_at(const char *at, rg_tensor *x, double correction, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_norm_over_at(const char *at, rg_tensor *x, double p, bool keepdims, int naxes, const int *axes);
rg_tensor *rg_cumsum_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_argmax_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_argmin_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_logsumexp_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_softmax_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_log_softmax_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_layer_norm_at(const char *at, rg_tensor *x, int k, rg_tensor *w, rg_tensor *b, double eps);
rg_tensor *rg_rms_norm_at(const char *at, rg_tensor *x, int k, rg_tensor *w, double eps);
rg_tensor *rg_batch_norm_at(const char *at, rg_tensor *x, rg_tensor *mean, rg_tensor *var, rg_tensor *w, rg_tensor *b, bool training,
    double momentum, double eps);
rg_tensor *rg_dropout_at(const char *at, rg_tensor *x, double p);
rg_tensor *rg_scaled_dot_product_attention_at(const char *at, rg_tensor *q, rg_tensor *k, rg_tensor *v, rg_tensor *mask, bool causal);
rg_tensor *rg_attention_weights_at(const char *at, rg_tensor *q, rg_tensor *k, rg_tensor *mask, bool causal);
rg_tensor *rg_arange_at(const char *at, rg_tape *t, double start, double stop, double step);
rg_tensor *rg_linspace_at(const char *at, rg_tape *t, double start, double stop, int64_t n);
rg_tensor *rg_eye_at(const char *at, rg_tape *t, int64_t n);
rg_tensor *rg_uniform_at(const char *at, rg_tape *t, double low, double high, int ndim, const int64_t *shape);
rg_tensor *rg_normal_at(const char *at, rg_tape *t, double mean, double std, int ndim, const int64_t *shape);
rg_tensor *rg_reshape_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape);
rg_tensor *rg_unsqueeze_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_squeeze_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_permute_at(const char *at, rg_tensor *x, int naxes, const int *axes);
rg_tensor *rg_transpose_at(const char *at, rg_tensor *x, int i, int j);
rg_tensor *rg_flatten_at(const char *at, rg_tensor *x, int axis);
rg_tensor *rg_slice_at(const char *at, rg_tensor *x, int axis, int64_t start, int64_t stop);
rg_tensor *rg_pad_at(const char *at, rg_tensor *x, int axis, int64_t before, int64_t after);
rg_tensor *rg_pad_value_at(const char *at, rg_tensor *x, int axis, int64_t before, int64_t after, double value);
rg_tensor *rg_constant_pad_at(const char *at, rg_tensor *x, double value, int n, const int64_t *widths);
rg_tensor *rg_stack_at(const char *at, int axis, int n, rg_tensor *const *x);
int rg_split_at(const char *at, rg_tensor *x, int axis, int n, const int64_t *sizes, rg_tensor **out);
rg_tensor *rg_tril_at(const char *at, rg_tensor *x, int diagonal);
rg_tensor *rg_triu_at(const char *at, rg_tensor *x, int diagonal);
rg_tensor *rg_repeat_at(const char *at, rg_tensor *x, int n, const int64_t *times);
rg_tensor *rg_repeat_interleave_at(const char *at, rg_tensor *x, int64_t times, int axis);
rg_tensor *rg_concat_at(const char *at, int axis, int n, rg_tensor *const *x);
rg_tensor *rg_argsort_at(const char *at, rg_tensor *x, int axis, bool descending);
rg_tensor *rg_sort_at(const char *at, rg_tensor *x, int axis, bool descending, rg_tensor **index);
rg_tensor *rg_topk_at(const char *at, rg_tensor *x, int k, int axis, bool largest, rg_tensor **index);
rg_tensor *rg_where_at(const char *at, rg_tensor *c, rg_tensor *a, rg_tensor *b);
rg_tensor *rg_pick_at(const char *at, rg_tensor *x, rg_tensor *index);
rg_tensor *rg_scatter_at(const char *at, rg_tensor *x, rg_tensor *index, int n);
rg_tensor *rg_one_hot_at(const char *at, rg_tensor *index, int n);
rg_tensor *rg_masked_fill_at(const char *at, rg_tensor *x, rg_tensor *mask, double value);
rg_tensor *rg_index_select_at(const char *at, rg_tensor *x, int axis, rg_tensor *index);
rg_tensor *rg_index_add_at(const char *at, rg_tensor *x, int axis, rg_tensor *index, rg_tensor *src);
rg_tensor *rg_gather_at(const char *at, rg_tensor *x, int axis, rg_tensor *index);
rg_tensor *rg_take_along_axis_at(const char *at, rg_tensor *x, rg_tensor *index, int axis);
rg_tensor *rg_scatter_add_at(const char *at, rg_tensor *x, int axis, rg_tensor *index, rg_tensor *src);
rg_tensor *rg_cast_at(const char *at, rg_tensor *x, rg_dtype dtype);
rg_tensor *rg_cross_entropy_at(const char *at, rg_tensor *logits, rg_tensor *labels);
rg_tensor *rg_mse_at(const char *at, rg_tensor *p, rg_tensor *y);
rg_tensor *rg_embedding_at(const char *at, rg_tensor *index, rg_tensor *table);

/* -------- looking */
void rg_print(rg_tensor *x, FILE *to);    /* the values, as NumPy prints them */
void rg_tape_print(rg_tape *t, FILE *to); /* the record, one op a line, with shapes */
void rg_tape_dot(rg_tape *t, FILE *to);   /* the record as Graphviz text: | dot -Tsvg */

/* -------- what this build is made of */
typedef struct rg_build {
    const char *version, *isa, *vector_math; /* "0.1.0", "AVX-512", "libmvec" ... */
    char blas[48];                           /* "OpenBLAS 0.3.21 (Haswell)", or "builtin" */
    int threads;                             /* processors that rg_set_threads can put to use */
    bool pool;
} rg_build;
rg_build rg_info(void);

#ifdef __cplusplus
}
#endif

#include "ops/functional.h"
#include "ops/gradcheck.h"
#endif
