/* ops.h - operators on tensors: products, convolution, reductions, normalisation, shapes, sorting, indexing, printing.
   Activations, arithmetic and comparisons are in ops/elementwise.h, losses in ops/losses.h, rg_add in
   engine/core_ops.h.

   Two operands that are combined elementwise broadcast as in NumPy and must have one dtype. Axes count from 0, or from
   the end as -1, -2 ... A tensor of rank 0 has one axis, 0 or -1, of size 1. A NaN operand of relu, clamp, hardtanh,
   hardsigmoid, maximum or minimum makes the result NaN, and the gradient there is that of the result: none of them
   hides a NaN from the parameters. Arguments come in this order: tensors, then indices (i32), then axes and sizes, then
   options. A list of any length is last, so rg_concat and rg_stack have the axis first. engine.h says how functions are
   called.

   Operators of integers, i32 and u8, have no derivative:
   - Operators that move or choose elements take any dtype: the section on shape, expand, where, masked_fill, gather,
     sort, topk, argmax ...
   - add, sub, mul and sum give i32, also for u8. A result that does not fit is an error; nothing wraps. mean gives
     floats, in the tape's dtype. max, min, maximum and minimum keep the dtype.
   - Comparisons, isnan, isfinite and logical_.. give u8 for integers, floats for floats. So rg_mean(rg_eq(rg_argmax(z,
     1), labels)) is an accuracy.
   - Operands have one dtype; rg_cast converts. A number used with integers must be a whole number that fits their
     dtype.

   In a mask nonzero means yes and 0 means no; a NaN is not 0. Each function says what yes means: where, masked_fill,
   attention, losses, rg_accuracy. All take u8, which comparisons of integers give: rg_ne(labels, padding). where and
   masked_fill take any dtype, losses and rg_accuracy also floats of their own dtype. A mask of floats means
   something else in attention: it is added to the scores. */
#ifndef RG_OPS_H
#define RG_OPS_H

#include "../engine/engine.h"
#include "../engine/core_ops.h" /* add, expand, sum_to, full_like */
#include "elementwise.h"
#include "losses.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- products: matrices, vectors, einsum */
typedef struct rg_matmul_options {
    bool transpose_a, transpose_b; /* swap the last two axes of a, b first */
    RG_NAMED;
} rg_matmul_options;
/* Matrix product, [.., n, k] . [.., k, m]: sum over k; leading dimensions broadcast; vectors as in numpy.matmul */
rg_tensor *rg_matmul(rg_tensor *a, rg_tensor *b, rg_matmul_options options);
rg_tensor *rg_dot(rg_tensor *a, rg_tensor *b);                 /* sum a_i b_i, of two vectors: rank 0 */
rg_tensor *rg_outer(rg_tensor *a, rg_tensor *b);               /* a_i b_j, of two vectors */
/* "bij,bjk->bik", a, b: sums of products (numpy.einsum); up to 8 operands, "ii", "...", implicit output */
rg_tensor *rg_einsum(const char *equation, rg_tensors x);
/* x w + b: [.., in] . [in, out] + [out], in one pass; b may be NULL */
rg_tensor *rg_linear(rg_tensor *x, rg_tensor *w, rg_tensor *b);

/* -------- convolution and pooling: windows that slide over images. A pair is {height, width}; a width that is left out
   is the height: {3} is {3, 3}. Along an axis of n elements there are (n + 2 padding - dilation (kernel - 1) - 1) /
   stride + 1 windows, rounded down. */
enum { RG_NO_PADDING = -32768 }; /* a padding of 0 in width with one above 0 in height: .padding = {1, RG_NO_PADDING} */
typedef struct rg_window_options {
    /* rg_unfold, rg_fold, rg_max_pool2d, rg_avg_pool2d, rg_nn_max_pool2d, rg_nn_avg_pool2d: must be given; a
       convolution takes it from w */
    int kernel[2];
    int stride[2];   /* default 1; of pools the kernel */
    int padding[2];  /* default 0; of pools at most half the kernel */
    int dilation[2]; /* rg_conv2d, rg_conv1d, rg_unfold, rg_fold: default 1 */
    int groups;      /* rg_conv2d, rg_conv1d: default 1 */
    RG_NAMED;
} rg_window_options;
/* Convolution. y[n, o] = b[o] + sum over c, i, j of w[o, c, i, j] x[n, c, .. + i, .. + j]:
   [n, in, h, w], [out, in / groups, kh, kw], [out] or NULL -> [n, out, h', w'] */
rg_tensor *rg_conv2d(rg_tensor *x, rg_tensor *w, rg_tensor *b, rg_window_options options);
/* rg_conv2d for x [n, in, l] and w [out, in / groups, k]; of each pair in the options the first number is used */
rg_tensor *rg_conv1d(rg_tensor *x, rg_tensor *w, rg_tensor *b, rg_window_options options);
/* [n, c, h, w] -> [n, c kh kw, h' w']: each column is what one window sees */
rg_tensor *rg_unfold(rg_tensor *x, rg_window_options options);
/* adds up the columns at the places of their windows, in an image of h by w: the adjoint of unfold */
rg_tensor *rg_fold(rg_tensor *x, int64_t h, int64_t w, rg_window_options options);
/* Max pooling: the largest in each window; among equal ones the first, which gets the gradient */
rg_tensor *rg_max_pool2d(rg_tensor *x, rg_window_options options);
/* Average pooling: the mean of each window, including zeros of the padding */
rg_tensor *rg_avg_pool2d(rg_tensor *x, rg_window_options options);

/* -------- reductions: rg_sum(x) over everything, rank 0; rg_sum(x, 0, -1) over these axes, which are dropped;
   rg_sum_keep keeps them, with size 1. */
rg_tensor *rg_sum(rg_tensor *x, rg_axes axes);       /* sum x_i; i32 for integers */
rg_tensor *rg_sum_keep(rg_tensor *x, rg_axes axes);  /* the same; the axes stay, with size 1: keepdim=True */
rg_tensor *rg_mean(rg_tensor *x, rg_axes axes);      /* sum x_i / n; rg_mean(x, -2, -1) pools images as a whole */
rg_tensor *rg_mean_keep(rg_tensor *x, rg_axes axes);
rg_tensor *rg_max(rg_tensor *x, rg_axes axes);       /* max x_i; ties share the gradient equally */
rg_tensor *rg_max_keep(rg_tensor *x, rg_axes axes);
rg_tensor *rg_min(rg_tensor *x, rg_axes axes);       /* min x_i; ties share the gradient equally */
rg_tensor *rg_min_keep(rg_tensor *x, rg_axes axes);
rg_tensor *rg_prod(rg_tensor *x, rg_axes axes);      /* prod x_i; its gradient is right with zeros too */
rg_tensor *rg_prod_keep(rg_tensor *x, rg_axes axes);
/* variance: sum (x_i - mean)^2 / (n - 1), as in PyTorch; NumPy's is rg_var_corrected(x, 0, ..) */
rg_tensor *rg_var(rg_tensor *x, rg_axes axes);
rg_tensor *rg_var_keep(rg_tensor *x, rg_axes axes);
rg_tensor *rg_var_corrected(rg_tensor *x, double correction, rg_axes axes); /* sum (x_i - mean)^2 / (n - correction) */
rg_tensor *rg_var_corrected_keep(rg_tensor *x, double correction, rg_axes axes);
rg_tensor *rg_std(rg_tensor *x, rg_axes axes);       /* standard deviation: var^(1/2), slope 0 where it is 0 */
rg_tensor *rg_std_keep(rg_tensor *x, rg_axes axes);
/* rg_var_corrected(..)^(1/2): divided by n - correction */
rg_tensor *rg_std_corrected(rg_tensor *x, double correction, rg_axes axes);
rg_tensor *rg_std_corrected_keep(rg_tensor *x, double correction, rg_axes axes);
rg_tensor *rg_norm(rg_tensor *x, rg_axes axes);      /* (sum x_i^2)^(1/2); slope 0 where it is 0 */
rg_tensor *rg_norm_keep(rg_tensor *x, rg_axes axes);
rg_tensor *rg_norm_p(rg_tensor *x, double p, rg_axes axes); /* p = 1: sum |x_i|; 2: rg_norm; INFINITY: max |x_i| */
rg_tensor *rg_norm_p_keep(rg_tensor *x, double p, rg_axes axes);
rg_tensor *rg_logsumexp(rg_tensor *x, rg_axes axes); /* log sum exp x_i, shifted by max x */
rg_tensor *rg_logsumexp_keep(rg_tensor *x, rg_axes axes);
/* u8: 1 if any x_i is not 0, else 0; 0 without elements. A NaN is not 0. No derivative */
rg_tensor *rg_any(rg_tensor *x, rg_axes axes);
rg_tensor *rg_any_keep(rg_tensor *x, rg_axes axes);
/* u8: 1 if no x_i is 0, else 0; 1 without elements. No derivative */
rg_tensor *rg_all(rg_tensor *x, rg_axes axes);
rg_tensor *rg_all_keep(rg_tensor *x, rg_axes axes);
/* i32 index of the first largest, along one axis; without an axis: in the order of memory. No derivative */
rg_tensor *rg_argmax(rg_tensor *x, rg_axes axis);
/* i32 index of the first smallest, along one axis; without an axis: in the order of memory. No derivative */
rg_tensor *rg_argmin(rg_tensor *x, rg_axes axis);

/* -------- along one axis: cumulative sum, softmax */
rg_tensor *rg_cumsum(rg_tensor *x, int axis);        /* x_0 + .. + x_i: cumulative sum; floats only */
rg_tensor *rg_logcumsumexp(rg_tensor *x, int axis);  /* log(exp x_0 + .. + exp x_i), shifted by the largest so far */
rg_tensor *rg_softmax(rg_tensor *x, int axis);       /* exp x_i / sum exp x */
rg_tensor *rg_log_softmax(rg_tensor *x, int axis);   /* x_i - log sum exp x */

/* -------- normalisation, dropout, attention. w and b may be NULL, but b needs w */
typedef struct rg_layer_norm_options {
    double eps;                                      /* default 1e-5 */
    RG_NAMED;
} rg_layer_norm_options;
/* w (x - mean) / sqrt(var + eps) + b, over the last k axes; w and b have their shape */
rg_tensor *rg_layer_norm(rg_tensor *x, rg_tensor *w, rg_tensor *b, int k, rg_layer_norm_options options);
typedef struct rg_rms_norm_options {
    double eps;                                      /* default: the dtype's epsilon */
    RG_NAMED;
} rg_rms_norm_options;
/* w x / sqrt(mean x^2 + eps), over the last k axes */
rg_tensor *rg_rms_norm(rg_tensor *x, rg_tensor *w, int k, rg_rms_norm_options options);
typedef struct rg_batch_norm_options {
    bool training;                                   /* use the statistics of the batch; default false */
    double momentum;                                 /* of mean and var; default 0.1 */
    double eps;                                      /* default 1e-5 */
    RG_NAMED;
} rg_batch_norm_options;
/* x [n, c, ..], normalised per channel, over all other axes; mean, var, w, b [c]. .training: by the statistics of
   the batch; then mean = (1 - momentum) mean + momentum (the batch's mean), and var likewise, by the unbiased
   variance; mean and var NULL: no running statistics. Without .training: by the given mean and var; then NULL is an
   error. */
rg_tensor *rg_batch_norm(
    rg_tensor *x, rg_tensor *mean, rg_tensor *var, rg_tensor *w, rg_tensor *b, rg_batch_norm_options options);
/* 0 with probability p, else x / (1 - p); draws one rg_rng_random of the tape's generator per element */
rg_tensor *rg_dropout(rg_tensor *x, double p);
typedef struct rg_attention_mask_options {
    /* PyTorch's attn_mask; it broadcasts to [.., n, m]. u8: nonzero is seen, 0 is hidden, as in PyTorch's
       scaled_dot_product_attention. A bool mask of torch.nn.MultiheadAttention says the opposite: give
       rg_logical_not(mask). Floats are added to the scores: -inf hides. A row that sees nothing becomes NaN */
    rg_tensor *mask;
    /* is_causal: row i sees columns 0 .. i only. With m - n earlier columns in a cache give a mask instead:
       .mask = rg_cast(rg_tril(rg_ones(t, n, m), m - n), RG_U8) */
    bool causal;
    RG_NAMED;
} rg_attention_mask_options;
/* Attention, causal attention with .causal: softmax(q k^T / sqrt(d) + mask) v: [.., n, d], [.., m, d], [.., m, e] ->
   [.., n, e]. Vaswani et al. 2017. In tiles: memory grows with n + m; only the gradient of a mask, and of this gradient
   (.create_graph), need a matrix [n, m] */
rg_tensor *rg_scaled_dot_product_attention(rg_tensor *q, rg_tensor *k, rg_tensor *v, rg_attention_mask_options options);
/* the weights softmax(q k^T / sqrt(d) + mask): [.., n, m] */
rg_tensor *rg_attention_weights(rg_tensor *q, rg_tensor *k, rg_attention_mask_options options);
/* The part of an LSTM or GRU step after its matrix products, in one pass; the cells of nn/sequence.h use it. xg and hg:
   what input and state add to the gates, x w_ih + b_ih and h w_hh + b_hh. The gates are in PyTorch's order.
   lstm: xg, hg [.., 4 n] (i f g o), c [.., n] -> [2, .., n], the new c and then the new h, which rg_chunk separates:
         c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c')
   gru:  xg, hg [.., 3 n] (r z n), h [.., n] -> h' [.., n] = n + sigmoid(z) (h - n), n = tanh(n_x + sigmoid(r) n_h) */
rg_tensor *rg_lstm_gates(rg_tensor *xg, rg_tensor *hg, rg_tensor *c);
rg_tensor *rg_gru_gates(rg_tensor *xg, rg_tensor *hg, rg_tensor *h);

/* -------- creation: new tensors, as rg_full makes them: in the tape's dtype, until the reset. rg_cast makes indices of
   them. A replay draws random ones again, as recording again would. */
rg_tensor *rg_zeros(rg_tape *t, rg_dims shape);      /* 0 everywhere: rg_zeros(t, 2, 3) */
rg_tensor *rg_ones(rg_tape *t, rg_dims shape);       /* 1 everywhere */
rg_tensor *rg_zeros_like(rg_tensor *x);              /* 0 in x's shape and dtype */
rg_tensor *rg_ones_like(rg_tensor *x);               /* 1 in x's shape and dtype */
typedef struct rg_arange_options {
    /* i32 instead of the tape's floats; start and step are whole numbers */
    bool i32;
    RG_NAMED;
} rg_arange_options;
/* torch.arange(start, stop, step): start + i step, up to stop, without it. rg_arange(t, 0, n, 1, .i32 = true): 0 ..
   n - 1 */
rg_tensor *rg_arange(rg_tape *t, double start, double stop, double step, rg_arange_options options);
/* n numbers from start to stop, both included */
rg_tensor *rg_linspace(rg_tape *t, double start, double stop, int64_t n);
rg_tensor *rg_eye(rg_tape *t, int64_t n);            /* [n, n]: 1 where row and column are the same, else 0 */
/* Random numbers: first the two numbers of the distribution, then the sizes. PyTorch's randn(64, 10) is rg_normal(t,
   0, 1, 64, 10), and rand(64, 10) is rg_uniform(t, 0, 1, 64, 10). Without sizes the result is one number:
   rg_normal(t, 64, 10) has rank 0, mean 64 and standard deviation 10. Added to a tensor, it adds the same number to
   all elements. */
/* low <= x < high: what NumPy's rng.uniform draws. Whole numbers 0 .. n - 1:
   rg_cast(rg_uniform(t, 0, n, 64), RG_I32) */
rg_tensor *rg_uniform(rg_tape *t, double low, double high, rg_dims shape);
rg_tensor *rg_normal(rg_tape *t, double mean, double std, rg_dims shape);  /* what NumPy's rng.normal draws */

/* -------- shape: views, slices, padding, joining, repeating */
/* The end of an axis. rg_slice(x, 0, 2, RG_TO_END): without the first two; rg_slice(x, 0, -1, RG_TO_END, .step = -1):
   from the last to the first, PyTorch's flip */
#define RG_TO_END INT64_MAX

rg_tensor *rg_reshape(rg_tensor *x, rg_dims shape);  /* the same elements; one dimension may be -1; a view */
rg_tensor *rg_unsqueeze(rg_tensor *x, int axis);     /* adds a dimension of 1 before axis; a view */
rg_tensor *rg_squeeze(rg_tensor *x, int axis);       /* removes a dimension of 1; a view */
/* x[.., i, ..] without the axis, as PyTorch's select and x[:, i]; i from -size to size - 1 */
rg_tensor *rg_select(rg_tensor *x, int axis, int64_t i);
rg_tensor *rg_permute(rg_tensor *x, rg_axes axes);   /* y's axis i is x's axis axes[i]; a copy */
/* axes i and j exchanged; a copy. rg_matmul needs none: .transpose_a */
rg_tensor *rg_transpose(rg_tensor *x, int i, int j);
/* this axis and all after it become one: [n, ..] -> [n, the rest] for axis 1; a view */
rg_tensor *rg_flatten(rg_tensor *x, int axis);
typedef struct rg_slice_options {
    int64_t step;                                    /* default 1; below 0: from start down, without stop */
    RG_NAMED;
} rg_slice_options;
/* x_i, start <= i < stop along an axis; a negative bound counts from the end, one outside the axis is an error.
   Along axis 0 a view. .step = s: x_start, x_start+s .., a copy; bounds outside the axis are then clamped, as in
   Python */
rg_tensor *rg_slice(rg_tensor *x, int axis, int64_t start, int64_t stop, rg_slice_options options);
typedef struct rg_pad_options {
    double value;                                    /* default 0 */
    RG_NAMED;
} rg_pad_options;
/* adds `before` and `after` elements of one value along an axis */
rg_tensor *rg_pad(rg_tensor *x, int axis, int64_t before, int64_t after, rg_pad_options options);
/* pairs of before, after: for the last axis, then the one before it ...: F.pad of PyTorch */
rg_tensor *rg_constant_pad(rg_tensor *x, double value, rg_dims widths);
rg_tensor *rg_concat(int axis, rg_tensors x);        /* operands one after another along an axis */
rg_tensor *rg_stack(int axis, rg_tensors x);         /* operands one after another along a new axis */
/* rg_split: slices of these sizes, which add up to the axis: rg_split(x, out, 1, 2, 3) gives out[0] 2 columns,
   out[1] 3. rg_chunk: n slices of equal size. 0, or -1 and poison in out */
int rg_split(rg_tensor *x, rg_tensor **out, int axis, rg_dims sizes);
int rg_chunk(rg_tensor *x, rg_tensor **out, int axis, int n);
rg_tensor *rg_tril(rg_tensor *x, int diagonal);      /* the last two axes: x_rc where c - r <= diagonal, else 0 */
rg_tensor *rg_triu(rg_tensor *x, int diagonal);      /* the last two axes: x_rc where c - r >= diagonal, else 0 */
rg_tensor *rg_clone(rg_tensor *x);                   /* a copy in its own memory */
/* Writes src, converted, over x_i of the leaf x, start <= i < start + (size of src) along an axis; a negative start
   counts from the end. It happens at once and is not on the record: a replay does not repeat it. */
int rg_write_slice(rg_tensor *x, rg_tensor *src, int axis, int64_t start);
/* x repeated this many times along each axis; fewer numbers than axes are for the last ones (numpy.tile) */
rg_tensor *rg_repeat(rg_tensor *x, rg_dims times);
/* each element along the axis repeated, its copies next to each other; `times` is one number for all of them. Along
   h, then along w: nearest-neighbour upsampling */
rg_tensor *rg_repeat_interleave(rg_tensor *x, int axis, int64_t times);

/* -------- sorting. It is stable: equal elements stay in their order. NaN counts as the largest */
typedef struct rg_sort_options {
    bool descending;                                 /* the largest first */
    rg_tensor **index;                               /* rg_sort: gets the i32 indices of what is returned */
    RG_NAMED;
} rg_sort_options;
typedef struct rg_topk_options {
    bool smallest;                                   /* the smallest instead of the largest */
    rg_tensor **index;                               /* gets the i32 indices of what is returned */
    RG_NAMED;
} rg_topk_options;
rg_tensor *rg_sort(rg_tensor *x, int axis, rg_sort_options options);    /* x sorted along an axis */
/* i32 indices that sort x along an axis; no derivative */
rg_tensor *rg_argsort(rg_tensor *x, int axis, rg_sort_options options);
/* the k largest along an axis, in order */
rg_tensor *rg_topk(rg_tensor *x, int axis, int64_t k, rg_topk_options options);

/* -------- indexing: where, masks, gather, scatter, embedding. An index is i32 and counts from 0; a negative one, or
   one outside the axis, is an error that names it.

   The number of rows where a mask [n] is nonzero (boolean mask, x[mask], masked_select) depends on the values: read it
   first. rg_play would repeat the step with the old number, so do not play such a step.

       rg_tensor *yes = rg_ne(mask, 0);                                   1 or 0 for each row
       int64_t n = (int64_t)rg_item(rg_sum(yes));
       rg_tensor *index = rg_slice(rg_argsort(yes, 0, .descending = true), 0, 0, n);    nonzero(): in order
       rg_tensor *rows = rg_index_select(x, index, 0);                    gradients go to these rows of x */
rg_tensor *rg_where(rg_tensor *c, rg_operand a, rg_operand b);   /* c nonzero: a; 0: b. c of any dtype, no derivative */
/* mask nonzero: value; 0: x. A mask of any dtype */
rg_tensor *rg_masked_fill(rg_tensor *x, rg_tensor *mask, double value);
/* y[..] = x[.., index[..]]: one element per row, index [..] i32 */
rg_tensor *rg_pick(rg_tensor *x, rg_tensor *index);
/* y[.., index[..]] = x[..], else 0; y has one more axis, of size n. Not torch.scatter */
rg_tensor *rg_scatter(rg_tensor *x, rg_tensor *index, int64_t n);
/* y[.., j] = 1 where index[..] is j, else 0, for j < n; in the tape's dtype; no derivative */
rg_tensor *rg_one_hot(rg_tensor *index, int64_t n);
/* rows table[index[..]]: [n, d], [..] i32, 0 <= index < n -> [.., d] */
rg_tensor *rg_embedding(rg_tensor *table, rg_tensor *index);
/* y[i, j] = x[index[i, j], j] for axis 0; y has the shape of index, i32 with as many axes as x; its other axes are at
   most those of x */
rg_tensor *rg_gather(rg_tensor *x, rg_tensor *index, int axis);
/* rg_gather for an x and an i32 index that broadcast along the other axes (numpy.take_along_axis) */
rg_tensor *rg_take_along_axis(rg_tensor *x, rg_tensor *index, int axis);
/* x with src[i, j] added to x[index[i, j], j] for axis 0 */
rg_tensor *rg_scatter_add(rg_tensor *x, rg_tensor *src, rg_tensor *index, int axis);
/* slices x[.., index[j], ..] along an axis; the index is i32 of any shape, and its axes replace this axis (numpy.take):
   x [5, 4], index [2, 3], axis 0 -> [2, 3, 4] */
rg_tensor *rg_index_select(rg_tensor *x, rg_tensor *index, int axis);
/* x with src[.., j, ..] added to each slice x[.., index[j], ..] */
rg_tensor *rg_index_add(rg_tensor *x, rg_tensor *src, rg_tensor *index, int axis);
/* x in another dtype (astype, x.to): to integers it rounds toward zero, a number outside their range becomes the
   nearest one inside, and NaN 0; between floats it has a derivative. 0 and 1 of any numbers: rg_ne(x, 0) */
rg_tensor *rg_cast(rg_tensor *x, rg_dtype dtype);

/* -------- comparing whole tensors: the results are C numbers. False for other shapes, and after an error. Dtypes may
   differ */
bool rg_equal(rg_tensor *a, rg_tensor *b);         /* is every element equal? NaN is not */
typedef struct rg_allclose_options {
    double rtol, atol;   /* default 1e-5, 1e-8 */
    bool equal_nan;      /* two NaN are close */
    RG_NAMED;
} rg_allclose_options;
/* |a - b| <= atol + rtol |b| for all elements; an infinity only equals itself */
bool rg_allclose(rg_tensor *a, rg_tensor *b, rg_allclose_options options);

/* -------- printing: tensors and the record */
RG_PLAIN void rg_print(rg_tensor *x, FILE *to);    /* the values, as NumPy prints them */
RG_PLAIN void rg_tape_print(rg_tape *t, FILE *to); /* the record, one op a line, with shapes */
RG_PLAIN void rg_tape_dot(rg_tape *t, FILE *to);   /* the record as Graphviz text: | dot -Tsvg */

/* -------- version: of these headers, and of the library that the program runs with */
/* the three numbers of "0.2.0" */
#define RG_VERSION_MAJOR 0
#define RG_VERSION_MINOR 2
#define RG_VERSION_PATCH 0
/* 200: #if RG_VERSION >= 200 */
#define RG_VERSION (RG_VERSION_MAJOR * 10000 + RG_VERSION_MINOR * 100 + RG_VERSION_PATCH)
#define RG_VERSION_TEXT RG_TEXT(RG_VERSION_MAJOR) "." RG_TEXT(RG_VERSION_MINOR) "." RG_TEXT(RG_VERSION_PATCH)
const char *rg_version(void);       /* "0.2.0" */

/* -------- what this build is made of */
typedef struct rg_build {
    const char *version, *isa; /* "0.2.0", "AVX-512" */
    int threads;               /* processors that rg_set_threads can use */
    bool pool;
} rg_build;
rg_build rg_info(void); /* what the library that the program runs with is made of */

#ifdef __cplusplus
}
#endif

#include "ops_calls.h"

#include "functional.h"
#include "gradcheck.h"
#endif
