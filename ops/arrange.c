/* arrange.c - more operators that move elements, for any dtype: stack split tril triu repeat, and composites of them. See also shape.c. */
#include <string.h>

#include "ops/rule.h"

/* -------- stack: y = the operands one after another along a new axis.    dx_k = dy at k, without that axis */

static int stack_shape(rg_tensor *y) {
    const rg_tensor *first = y->in[0];
    const int n = first->ndim + 1;
    int64_t shape[RG_MAX_DIMS + 1];
    int axis = y->attr.axis;
    if (axis < -n || axis >= n) return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions of the result", axis, n);
    if (axis < 0) axis += n;
    y->attr.axis = axis;
    for (int k = 1; k < y->nin; k++)
        if (y->in[k]->ndim != first->ndim || memcmp(y->in[k]->shape, first->shape, (size_t)first->ndim * sizeof *shape) != 0)
            return rg_reject(y, RG_ESHAPE, "the shapes of operands 1 and %d differ; rg_concat joins along an axis that is there", k + 1);
    for (int d = 0; d < n; d++) shape[d] = d == axis ? y->nin : first->shape[d - (d > axis)];
    return rg_shape_set(y, n, shape);
}

static void stack_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    for (int k = 0; k < y->nin; k++)
        if (rg_needs(y, k)) dx[k] = rg_select(dy, y->attr.axis, k);
}

RG_KERNELS(stack);
RG_OP(stack) = {.name = "stack", .formula = "the operands one after another along a new axis", .arity = -1, .types = "a",
    .shape = stack_shape, .forward = RG_KERNEL(stack), .backward = stack_backward,
    .samples = "3,17 3,17 axis=0; 3,17 3,17 3,17 axis=-1; 2,3,4 2,3,4 axis=1; 3,5 same same axis=1; 17 17 axis=1; - - - axis=0; "
               "1,1 1,1 axis=2; 4,3 axis=0;"
               "0,3 0,3 axis=1; 2,0 2,0 axis=2; 2,3:u8 2,3:u8 axis=1",
    .refuses = "2,3 2,4 axis=0; 2,3 2,3,1 axis=0; 2,3 2,3 axis=3; 2,3 2,3 axis=-4; 2,3 2,3:i32 axis=0; 1,1,1,1,1,1 same axis=0"};

rg_tensor *rg_stack_at(const char *at, int axis, int n, rg_tensor *const *x) {
    return rg_apply(&rg_op_stack, at, (rg_attr){.axis = axis}, n, x);
}

/* -------- split, into slices */

/* Puts the n parts of x into out[]. sizes NULL: parts of equal size */
static int slices(const char *at, const char *what, rg_tensor *x, rg_tensor **out, int axis, int n, const int64_t *sizes) {
    char text[80];
    const int64_t whole = rg_dim(x, axis);
    rg_shape_text(x, text, sizeof text);
    if (n < 1 || !out) return rg_fail(x->tape, RG_EVALUE, at, "%s: %s: %d parts%s", what, text, n, out ? "" : ", and no place for them");
    if (whole < 0) return rg_fail(x->tape, RG_ESHAPE, at, "%s: %s: axis %d is outside the %d dimensions", what, text, axis, x->ndim);
    if (!sizes && whole % n)
        return rg_fail(x->tape, RG_ESHAPE, at, "%s: %s: axis %d, of size %lld, cannot be split into %d equal parts", what, text, axis,
            (long long)whole, n);
    int64_t start = 0;
    for (int k = 0; k < n; k++) {
        const int64_t size = sizes ? sizes[k] : whole / n;
        if (size < 0 || size > whole - start)
            return rg_fail(x->tape, RG_ESHAPE, at, "%s: %s: part %d, of %lld, does not fit the %lld left of axis %d", what, text, k,
                (long long)size,
                (long long)(whole - start), axis);
        out[k] = rg_slice_at(at, x, axis, start, start + size, (rg_slice_options){0});
        if (rg_failed(out[k])) return -1;
        start += size;
    }
    return start == whole ? 0
        : rg_fail(x->tape, RG_ESHAPE, at, "%s: %s: the parts leave %lld of axis %d", what, text, (long long)(whole - start), axis);
}

static int all_or_poison(int failed, rg_tensor *x, rg_tensor **out, int n) {
    for (int k = 0; failed && out && k < n; k++) out[k] = rg_poison(rg_tape_of(x));
    return failed ? -1 : 0;
}

int rg_split_at(const char *at, rg_tensor *x, rg_tensor **out, int axis, int n, const int64_t *sizes) {
    RG_SPEAK_AS("split", x);
    if (!rg_failed(x) && n > 0 && !sizes) rg_fail(x->tape, RG_EVALUE, at, "split: %d parts, but the list is NULL", n);
    return all_or_poison(rg_failed(x) || (n > 0 && !sizes) || slices(at, "split", x, out, axis, n, sizes), x, out, n);
}

int rg_chunk_at(const char *at, rg_tensor *x, rg_tensor **out, int axis, int n) {
    RG_SPEAK_AS("chunk", x);
    return all_or_poison(rg_failed(x) || slices(at, "chunk", x, out, axis, n, NULL), x, out, n);
}

/* -------- pad along several axes */

rg_tensor *rg_constant_pad_at(const char *at, rg_tensor *x, double value, int n, const int64_t *widths) {
    RG_SPEAK_AS("constant_pad", x);
    if ((n < 0 || n % 2) && !rg_failed(x)) return rg_refuse(x->tape, RG_EVALUE, at, "constant_pad: %d widths are no pairs", n);
    if (n && !widths && !rg_failed(x)) return rg_refuse(x->tape, RG_EVALUE, at, "constant_pad: %d widths, but the list is NULL", n);
    for (int k = 0; k < n; k += 2) x = rg_pad_at(at, x, -1 - k / 2, widths[k], widths[k + 1], (rg_pad_options){.value = value});
    return x;
}

/* -------- tril, triu: y_rc = x_rc where c - r <= k, or >= k, else 0, over the last two axes.    dx = the same of dy */

static int triangle_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (x->ndim < 2) return rg_reject(y, RG_ESHAPE, "a matrix has 2 dimensions at least, not %d", x->ndim);
    return rg_shape_like(y, x);
}

static void tril_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_tril(dy, y->attr.diagonal); }
static void triu_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_triu(dy, y->attr.diagonal); }

#define TRIANGLES \
    "5,17 diagonal=0; 17,5 diagonal=-3; 4,4 diagonal=1; 2,3,4 diagonal=-1; 2,3,4 diagonal=2; 1,1 diagonal=0; " \
    "3,4 diagonal=9; 3,4 diagonal=-9; 0,3 diagonal=0;" \
    "3,0 diagonal=0; 3,3:i32<9 diagonal=0; 3,3:u8 diagonal=1"
RG_KERNELS(tril);
RG_KERNELS(triu);
RG_OP(tril) = {.name = "tril", .formula = "x_rc where c - r <= diagonal, else 0", .arity = 1, .types = "a",
    .shape = triangle_shape, .forward = RG_KERNEL(tril), .backward = tril_backward, .samples = TRIANGLES,
    .refuses = "3 diagonal=0; - diagonal=0"};
RG_OP(triu) = {.name = "triu", .formula = "x_rc where c - r >= diagonal, else 0", .arity = 1, .types = "a",
    .shape = triangle_shape, .forward = RG_KERNEL(triu), .backward = triu_backward, .samples = TRIANGLES,
    .refuses = "3 diagonal=0; - diagonal=0"};

rg_tensor *rg_tril_at(const char *at, rg_tensor *x, int diagonal) {
    return rg_apply(&rg_op_tril, at, (rg_attr){.diagonal = diagonal}, 1, &x);
}
rg_tensor *rg_triu_at(const char *at, rg_tensor *x, int diagonal) {
    return rg_apply(&rg_op_triu, at, (rg_attr){.diagonal = diagonal}, 1, &x);
}

/* -------- repeat: y = x times over along each axis (attr.shape.dims).    dx = dy summed over the copies, axis by axis */

static int repeat_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const int64_t *times = y->attr.shape.dims;
    const int n = y->attr.shape.ndim > x->ndim ? y->attr.shape.ndim : x->ndim, more = n - y->attr.shape.ndim, extra = n - x->ndim;
    int64_t shape[RG_MAX_DIMS];
    if (n > RG_MAX_DIMS || (y->attr.shape.ndim > 0 && !times)) return rg_shape_set(y, n, times);
    for (int d = 0; d < n; d++) {
        const int64_t size = d < extra ? 1 : x->shape[d - extra], k = d < more ? 1 : times[d - more];
        if (k < 0 || __builtin_mul_overflow(size, k, &shape[d]))
            return rg_reject(y, RG_ESHAPE, "%lld times %lld along axis %d", (long long)k, (long long)size, d);
    }
    y->attr = RG_NO_ATTR; /* dims, the caller's array, may go before y */
    return rg_shape_set(y, n, shape);
}

static void repeat_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_tensor *x = y->in[0];
    int64_t outer = 1;
    for (int d = 0; d < y->ndim && x->numel; d++) {
        const int extra = y->ndim - x->ndim;
        const int64_t size = d < extra ? 1 : x->shape[d - extra];
        int64_t inner = 1;
        for (int e = d + 1; e < y->ndim; e++) inner *= y->shape[e];
        if (y->shape[d] != size) dy = rg_sum(rg_reshape(dy, outer, y->shape[d] / size, size, inner), 1);
        outer *= size;
    }
    dx[0] = rg_reshape_at(y->at, dy, x->ndim, x->shape);
}

RG_KERNELS(repeat);
RG_OP(repeat) = {.name = "repeat", .formula = "x repeated n times along each axis", .arity = 1, .types = "a",
    .shape = repeat_shape, .forward = RG_KERNEL(repeat), .backward = repeat_backward,
    .samples = "3,17 shape=2x1; 4,17 shape=1x2; 2,3,5 shape=2x3x2; 5 shape=3x2; 2,3,4 shape=2; 2,3 shape=1x1; 2,1,3,2 shape=3x2x1x1; "
               "- shape=3x2; - shape=-; 1,1 shape=4x3;"
               "3,2 shape=0x2; 3,2 shape=2x0; 0,3 shape=2x2; 2,3:u8 shape=1x2; 3:i32<9 shape=2x2",
    .refuses = "2,3 shape=-1x2; 2,3 shape=2x-2; 2,3 shape=4611686018427387904x2; - shape=-1; 2,3 shape=4611686018427387904x1"};

rg_tensor *rg_repeat_at(const char *at, rg_tensor *x, int n, const int64_t *times) {
    return rg_apply(&rg_op_repeat, at, (rg_attr){.shape = {.ndim = n, .dims = times}}, 1, &x);
}

rg_tensor *rg_clone_at(const char *at, rg_tensor *x) {
    RG_SPEAK_AS("clone", x);
    return rg_repeat_at(at, x, 0, NULL);
}

rg_tensor *rg_repeat_interleave_at(const char *at, rg_tensor *x, int axis, int64_t times) {
    RG_SPEAK_AS("repeat_interleave", x);
    if (rg_failed(x)) return rg_repeat_at(at, x, 0, NULL);
    const int a = axis < 0 ? axis + x->ndim : axis;
    int64_t shape[RG_MAX_DIMS], outer = 1, inner = 1;
    if (a < 0 || a >= x->ndim)
        return rg_refuse(x->tape, RG_ESHAPE, at, "repeat_interleave: axis %d is outside the %d dimensions", axis, x->ndim);
    for (int d = 0; d < x->ndim; d++) *(d <= a ? &outer : &inner) *= shape[d] = x->shape[d];
    if (times < 0 || __builtin_mul_overflow(shape[a], times, &shape[a]))
        return rg_refuse(x->tape, RG_ESHAPE, at, "repeat_interleave: %lld times %lld along axis %d", (long long)times,
            (long long)x->shape[a], a);
    rg_tensor *y = rg_repeat_at(at, rg_reshape_at(at, x, 3, (const int64_t[]){outer, 1, inner}), 3, (const int64_t[]){1, times, 1});
    return rg_reshape_at(at, y, x->ndim, shape);
}

/* -------- take_along_axis: gather, but the operands broadcast along the other axes */

rg_tensor *rg_take_along_axis_at(const char *at, rg_tensor *x, rg_tensor *index, int axis) {
    int64_t of_x[RG_MAX_DIMS], of_index[RG_MAX_DIMS];
    bool wider_x = false, wider_index = false;
    RG_SPEAK_AS("take_along_axis", x, index);
    const int along = axis < 0 ? axis + rg_ndim(x) : axis;
    if (rg_failed(x) || rg_failed(index) || x->ndim != index->ndim) return rg_gather_at(at, x, index, axis);
    for (int d = 0; d < x->ndim; d++) {
        const int64_t n = x->shape[d], m = index->shape[d];
        const bool alike = n == m || d == along;
        of_x[d] = !alike && n == 1 ? m : 1;
        of_index[d] = !alike && m == 1 ? n : 1;
        wider_x |= of_x[d] != 1;
        wider_index |= of_index[d] != 1;
        if (!alike && n != 1 && m != 1)
            return rg_refuse(x->tape, RG_ESHAPE, at, "take_along_axis: dimensions %lld and %lld of axis %d do not broadcast", (long long)n,
                (long long)m, d);
    }
    if (wider_x) x = rg_repeat_at(at, x, rg_ndim(x), of_x);
    if (wider_index) index = rg_repeat_at(at, index, rg_ndim(index), of_index);
    return rg_gather_at(at, x, index, axis);
}

/* -------- transpose and flatten: a permute, and a reshape */

rg_tensor *rg_transpose_at(const char *at, rg_tensor *x, int i, int j) {
    const int ndim = rg_ndim(x), n = ndim ? ndim : 1, one = i < 0 ? i + n : i, other = j < 0 ? j + n : j;
    int axes[RG_MAX_DIMS];
    char text[160];
    RG_SPEAK_AS("transpose", x);
    if (!rg_failed(x) && (one < 0 || one >= n || other < 0 || other >= n))
        return rg_refuse(x->tape, RG_ESHAPE, at, "transpose: %s: axes %d and %d of %d dimensions", rg_shape_text(x, text, sizeof text), i,
            j, ndim);
    for (int d = 0; d < ndim; d++) axes[d] = d == one ? other : d == other ? one : d;
    return rg_permute_at(at, x, ndim, axes);
}

rg_tensor *rg_flatten_at(const char *at, rg_tensor *x, int axis) {
    const int n = rg_ndim(x), kept = axis < 0 ? axis + n : axis;
    int64_t shape[RG_MAX_DIMS] = {0};
    size_t bytes;
    char text[160];
    RG_SPEAK_AS("flatten", x);
    if (rg_failed(x)) return rg_reshape_at(at, x, 0, shape);
    if (n == 0 && (axis == 0 || axis == -1)) return rg_reshape_at(at, x, 1, (const int64_t[]){1});
    if (kept < 0 || kept >= n)
        return rg_refuse(x->tape, RG_ESHAPE, at, "flatten: %s: axis %d is outside the %d dimensions", rg_shape_text(x, text, sizeof text),
            axis, n);
    for (int d = 0; d < kept; d++) shape[d] = x->shape[d];
    rg_size(x->dtype, n - kept, x->shape + kept, &shape[kept], &bytes); /* cannot fail: x has these elements */
    return rg_reshape_at(at, x, kept + 1, shape);
}

static rg_tensor *transpose(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_transpose_at(at, in[0], attr.matmul.ta, attr.matmul.tb);
}
static rg_tensor *flatten(const char *at, rg_attr attr, rg_tensor *const *in) { return rg_flatten_at(at, in[0], attr.axis); }

RG_OP(transpose) = {.name = "transpose", .formula = "x with two axes exchanged", .arity = 1, .types = "a", .compose = transpose,
    .samples = "4,17 ta=0 tb=1; 2,3,17 ta=-1 tb=0; 2,3,4,2 ta=1 tb=-2; 17 ta=0 tb=0; - ta=0 tb=-1; 1,1 ta=1 tb=0; 0,3 ta=0 tb=1; "
               "3,2:i32<9 ta=0 tb=1",
    .refuses = "2,3 ta=0 tb=2; 2,3 ta=-3 tb=0; - ta=0 tb=1"};
RG_OP(flatten) = {.name = "flatten", .formula = "x with an axis and all behind it as one", .arity = 1, .types = "a", .compose = flatten,
    .samples = "4,17 axis=0; 2,3,17 axis=1; 2,3,4,2 axis=-2; 17 axis=0; - axis=0; - axis=-1; 1,1 axis=1; 0,3 axis=0; 3,0,2 axis=1; "
               "2,3:i32<9 axis=0",
    .refuses = "2,3 axis=2; 2,3 axis=-3; - axis=1"};

/* -------- writing into a part */

int rg_write_slice_at(const char *at, rg_tensor *x, rg_tensor *src, int axis, int64_t start) {
    char to[160], of[160];
    if (rg_may_write(at, x, "rg_write_slice")) return -1;
    if (rg_given(at, x->tape, src, "rg_write_slice: the source")) return -1;
    if (src->tape != x->tape) return rg_fail(x->tape, RG_ESTATE, at, "rg_write_slice: the source is from another tape");
    const int a = axis < 0 ? axis + x->ndim : axis;
    bool fits = a >= 0 && a < x->ndim && src->ndim == x->ndim;
    int64_t outer = 1, inner = 1;
    for (int d = 0; d < x->ndim && fits; d++) {
        if (d != a) fits = src->shape[d] == x->shape[d];
        if (d != a) *(d < a ? &outer : &inner) *= x->shape[d];
    }
    const int64_t from_end = fits && start < 0 ? x->shape[a] : 0;
    if (!fits || start + from_end < 0 || src->shape[a] > x->shape[a] - (start + from_end))
        return rg_fail(x->tape, RG_ESHAPE, at, "rg_write_slice: %s does not fit into %s along axis %d from %lld",
            rg_shape_text(src, of, sizeof of), rg_shape_text(x, to, sizeof to), axis, (long long)start);
    const int64_t n = src->shape[a] * inner;
    start += from_end;
    for (int64_t o = 0; o < outer; o++)
        rg_convert((char *)x->data + (size_t)((o * x->shape[a] + start) * inner) * rg_dtype_size(x->dtype), x->dtype,
            (const char *)src->data + (size_t)(o * n) * rg_dtype_size(src->dtype), src->dtype, n);
    rg_touch(x);
    return 0;
}
