/* shape.c - operators that move elements and change none: reshape unsqueeze squeeze permute slice pad concat, for any dtype; arrange.c has
   more of them. The derivative of each is one of them: of reshape a reshape, of permute a permute, of slice a pad, of pad a slice,
   of concat slices. */
#include "ops/integers.h"
#include "ops/axes.h"
#include "ops/rule.h"

static int set_view(rg_tensor *y, int ndim, const int64_t *shape) {
    return rg_shape_set(y, ndim, shape) || rg_view(y, y->in[0], 0) ? -1 : 0;
}

/* -------- reshape: y = x in another shape.    dx = dy in x's shape */

static int reshape_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const int64_t *dims = y->attr.shape.dims;
    const int n = y->attr.shape.ndim;
    int64_t shape[RG_MAX_DIMS] = {0};
    int unknown = -1;
    y->attr.shape.dims = NULL; /* the caller's array may go before y */
    if (n > RG_MAX_DIMS || (n > 0 && !dims)) return rg_shape_set(y, n, dims);
    for (int d = 0; d < n; d++) {
        shape[d] = dims[d];
        if (dims[d] != -1) continue;
        if (unknown >= 0) return rg_reject(y, RG_ESHAPE, "dimensions %d and %d are both -1", unknown, d);
        unknown = d;
        shape[d] = 1;
    }
    if (rg_shape_set(y, n, shape)) return -1;
    if (unknown >= 0 && y->numel > 0 && x->numel % y->numel == 0) {
        shape[unknown] = x->numel / y->numel;
        if (rg_shape_set(y, n, shape)) return -1;
    } else if (unknown >= 0 || y->numel != x->numel) {
        char text[160];
        for (int d = 0; d < n; d++) y->shape[d] = dims[d];
        return rg_reject(y, RG_ESHAPE, "%lld elements do not fit %s", (long long)x->numel, rg_shape_text(y, text, sizeof text));
    }
    return rg_view(y, y->in[0], 0);
}

static void reshape_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_reshape_at(y->at, dy, y->in[0]->ndim, y->in[0]->shape);
}

RG_OP(reshape) = {.name = "reshape", .formula = "the elements of x in another shape; -1: what is left", .arity = 1, .types = "a",
    .shape = reshape_shape, .backward = reshape_backward,
    .samples = "4,17 shape=17x4; 17,2 shape=-1; 3,4 shape=2x-1x3; - shape=1x1; 1,1 shape=-; "
               "0,3 shape=3x0x2; 0,3 shape=-1x5; 4:u8 shape=2x2",
    .refuses = "2,3 shape=4x2; 2,3 shape=-1x-1; 2,3 shape=-1x4; 0,3 shape=0x-1; 2,3 shape=-2x3; 2,3 shape=-"};

rg_tensor *rg_reshape_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape) {
    return rg_apply(&rg_op_reshape, at, (rg_attr){.shape = {.ndim = ndim, .dims = shape}}, 1, &x);
}

/* -------- unsqueeze, squeeze: y = x with a new dimension of 1, or without one.    dx = dy squeezed, or unsqueezed */

static int unsqueeze_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    int64_t shape[RG_MAX_DIMS + 1];
    const int n = x->ndim + 1;
    int axis = y->attr.axis;
    if (axis < -n || axis >= n) return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions of the result", axis, n);
    if (axis < 0) axis += n;
    y->attr.axis = axis;
    for (int d = 0; d < n; d++) shape[d] = d == axis ? 1 : x->shape[d - (d > axis)];
    return set_view(y, n, shape);
}

static int squeeze_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (rg_axis(y, x, &y->attr.axis)) return -1;
    const int64_t size = rg_axis_size(x, y->attr.axis);
    if (size != 1) return rg_reject(y, RG_ESHAPE, "axis %d has size %lld, not 1", y->attr.axis, (long long)size);
    return rg_shape_without(y, x, y->attr.axis) || rg_view(y, y->in[0], 0) ? -1 : 0;
}

static void unsqueeze_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_squeeze(dy, y->attr.axis); }
static void squeeze_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = y->in[0]->ndim ? rg_unsqueeze(dy, y->attr.axis) : dy; }

RG_OP(unsqueeze) = {.name = "unsqueeze", .formula = "x with a dimension of 1 before an axis", .arity = 1, .types = "a",
    .shape = unsqueeze_shape, .backward = unsqueeze_backward,
    .samples = "4,17 axis=1; 17 axis=-1; 3,5 axis=2; 2,3 axis=-3; - axis=0; 1,1 axis=0; 0,3 axis=1; 3:i32<9 axis=1",
    .refuses = "2,3 axis=3; 2,3 axis=-4; 1,1,1,1,1,1 axis=0"};
RG_OP(squeeze) = {.name = "squeeze", .formula = "x without a dimension of 1", .arity = 1, .types = "a",
    .shape = squeeze_shape, .backward = squeeze_backward,
    .samples = "4,1,17 axis=1; 17,1 axis=-1; 1,3,5 axis=0; - axis=0; - axis=-1; 1,1 axis=0; 1 axis=0; 0,1,3 axis=1; 3,1:i32<9 axis=1",
    .refuses = "2,3 axis=1; 0,3 axis=0; 1,3 axis=2; 1,3 axis=-3; - axis=1; - axis=-2"};

rg_tensor *rg_unsqueeze_at(const char *at, rg_tensor *x, int axis) {
    return rg_apply(&rg_op_unsqueeze, at, (rg_attr){.axis = axis}, 1, &x);
}
rg_tensor *rg_squeeze_at(const char *at, rg_tensor *x, int axis) { return rg_apply(&rg_op_squeeze, at, (rg_attr){.axis = axis}, 1, &x); }

/* -------- permute: y's axis i is x's axis attr.perm[i]; -1 ends the list. attr.p: how many axes more than six were given.
            dx = dy permuted by the inverse */

static int permute_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    int64_t shape[RG_MAX_DIMS];
    int n = 0;
    while (n < RG_MAX_DIMS && y->attr.perm[n] != -1) n++;
    n += (int)y->attr.p;
    if (n != x->ndim) return rg_reject(y, RG_ESHAPE, "%d axes for %d dimensions", n, x->ndim);
    unsigned seen = 0;
    for (int d = 0; d < n; d++) {
        const int axis = y->attr.perm[d];
        if (axis < 0 || axis >= n) return rg_reject(y, RG_ESHAPE, "axis %d is outside the %d dimensions", axis, n);
        if (seen >> axis & 1) return rg_reject(y, RG_ESHAPE, "axis %d is given twice", axis);
        seen |= 1u << axis;
        shape[d] = x->shape[axis];
    }
    return rg_shape_set(y, n, shape);
}

static void permute_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    int inverse[RG_MAX_DIMS];
    for (int d = 0; d < y->ndim; d++) inverse[y->attr.perm[d]] = d;
    dx[0] = rg_permute_at(y->at, dy, y->ndim, inverse);
}

RG_KERNELS(permute);
RG_OP(permute) = {.name = "permute", .formula = "y's axis i is x's axis axes_i", .arity = 1, .types = "a",
    .shape = permute_shape, .forward = RG_KERNEL(permute), .backward = permute_backward,
    .samples = "3,17 perm=1.0; 2,3,5 perm=2.0.1; 2,3,4 perm=0.2.1; 17 perm=0; 1,5,1,3 perm=3.2.1.0; 2,1,3,2 perm=1.3.0.2; 1,1 perm=1.0; "
               "0,3 perm=1.0;"
               "19,18:u8 perm=1.0; 2,3:i32<9 perm=1.0",
    .refuses = "2,3 perm=0; 2,3 perm=0.1.2; 2,3 perm=0.0; 2,3 perm=0.2; 2,3 perm=0.-3; - perm=0"};

rg_tensor *rg_permute_at(const char *at, rg_tensor *x, int naxes, const int *axes) {
    if (naxes > 0 && !axes && !rg_failed(x)) return rg_refuse(x->tape, RG_EVALUE, at, "permute: %d axes, but the list is NULL", naxes);
    const int ndim = rg_ndim(x);
    rg_attr attr = {.perm = {-1, -1, -1, -1, -1, -1}, .p = naxes > RG_MAX_DIMS ? naxes - RG_MAX_DIMS : 0};
    for (int k = 0; k < naxes && k < RG_MAX_DIMS; k++) {
        attr.perm[k] = axes[k] < 0 && axes[k] >= -ndim ? axes[k] + ndim : axes[k];
        if (attr.perm[k] == -1) attr.perm[k] = 0; /* rank 0 has no axis to give; -1 would end the list, uncounted */
    }
    return rg_apply(&rg_op_permute, at, attr, 1, &x);
}

/* -------- slice: y = x from start up to stop along an axis.    dx = dy padded by what was left out
            pad:   y = x with a value before and after.           dx = the slice of dy where x was
            attr.axis is the axis; attr.start, attr.stop: the bounds of a slice, the widths before and after of a pad; attr.p: its value */

/* rg_axis, for axes that must be a dimension: rank 0 has none. */
static int dimension(rg_tensor *y, const rg_tensor *x, int *axis) {
    return x->ndim == 0 ? rg_reject(y, RG_ESHAPE, "axis %d is outside the 0 dimensions", *axis) : rg_axis(y, x, axis);
}

static int slice_shape(rg_tensor *y) {
    rg_tensor *x = y->in[0];
    rg_attr *a = &y->attr;
    if (dimension(y, x, &a->axis)) return -1;
    const int64_t n = x->shape[a->axis], start = a->start < 0 ? a->start + n : a->start, stop = a->stop < 0 ? a->stop + n : a->stop;
    if (start < 0 || start > n || stop < 0 || stop > n)
        return rg_reject(y, RG_ESHAPE, "%lld..%lld is outside axis %d, of size %lld", (long long)a->start, (long long)a->stop, a->axis,
            (long long)n);
    if (start > stop)
        return rg_reject(y, RG_ESHAPE, "start %lld is after stop %lld, along axis %d of size %lld", (long long)a->start,
            (long long)a->stop, a->axis, (long long)n);
    a->start = start;
    a->stop = stop;
    int64_t shape[RG_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) shape[d] = d == a->axis ? stop - start : x->shape[d];
    if (rg_shape_set(y, x->ndim, shape)) return -1;
    return a->axis == 0 ? rg_view(y, x, x->numel ? x->numel / n * start : 0) : 0;
}

static int pad_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    rg_attr *a = &y->attr;
    int64_t shape[RG_MAX_DIMS], *size = &shape[0];
    if (dimension(y, x, &a->axis)) return -1;
    for (int d = 0; d < x->ndim; d++) shape[d] = x->shape[d];
    size += a->axis;
    if (a->start < 0 || a->stop < 0)
        return rg_reject(y, RG_ESHAPE, "the widths %lld and %lld along axis %d must be at least 0", (long long)a->start,
            (long long)a->stop, a->axis);
    if (__builtin_add_overflow(*size, a->start, size) || __builtin_add_overflow(*size, a->stop, size))
        return rg_reject(y, RG_ESHAPE, "the size of axis %d overflows", a->axis);
    if (!rg_holds(x->dtype, a->p)) return rg_reject(y, RG_EVALUE, "%.10g does not fit %s", a->p, rg_dtype_name(x->dtype));
    return rg_shape_set(y, x->ndim, shape);
}

static void slice_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_attr *a = &y->attr;
    if (!rg_add_to_part(y, dy)) dx[0] = rg_pad(dy, a->axis, a->start, y->in[0]->shape[a->axis] - a->stop);
}

static void pad_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_attr *a = &y->attr;
    dx[0] = rg_slice(dy, a->axis, a->start, a->start + y->in[0]->shape[a->axis]);
}

RG_KERNELS(slice);
RG_OP(slice) = {.name = "slice", .formula = "x_i, start <= i < stop along an axis; bounds outside it are errors", .arity = 1, .types = "a",
    .shape = slice_shape, .forward = RG_KERNEL(slice), .backward = slice_backward,
    .samples = "5,17 axis=1 start=3 stop=9; 17 axis=0 start=-5 stop=-1; 3,4,5 axis=-2 start=1 stop=4; 6,3 axis=0 start=2 stop=5;"
               "1,1 axis=1 start=0 stop=1; 3,4 axis=1 start=2 stop=2; 0,3 axis=1 start=1 stop=3; 0,3 axis=0 start=0 stop=0; "
               "2,5:u8 axis=1 start=1 stop=3",
    .refuses = "2,3 axis=1 start=1 stop=4; 2,3 axis=1 start=2 stop=1; 2,3 axis=1 start=-4 stop=2; 2,3 axis=2 start=0 stop=1; "
               "- axis=0 start=0 stop=0"};
RG_KERNELS(pad);
RG_OP(pad) = {.name = "pad", .formula = "x with zeros, or p, before and after, along an axis", .arity = 1, .types = "a",
    .shape = pad_shape, .forward = RG_KERNEL(pad), .backward = pad_backward,
    .samples = "4,17 axis=1 start=2 stop=1; 17 axis=0 start=1 stop=0; 3,2,5 axis=-2 start=1 stop=2; 1,1 axis=0 start=0 stop=3;"
               "2,3 axis=1 start=0 stop=0; 0,3 axis=0 start=1 stop=1; 3,0 axis=0 start=1 stop=0; 3:i32<9 axis=0 start=1 stop=1;"
               "3,5 axis=1 start=1 stop=2 p=-1.5; 3:i32<9 axis=0 start=1 stop=1 p=7; 2,3:u8 axis=0 start=1 stop=1 p=9",
    .refuses = "2,3:u8 axis=0 start=1 stop=0 p=256; 2,3:i32 axis=0 start=1 stop=0 p=1e10; 2,3 axis=1 start=-1 stop=0; "
               "2,3 axis=0 start=0 stop=-1; 2,3 axis=2 start=0 stop=0; - axis=0 start=1 stop=0;"
               "2,3 axis=0 start=9223372036854775807 stop=1; 2,3 axis=0 start=4611686018427387904 stop=0; - axis=0 start=1 stop=0"};

rg_tensor *rg_select_at(const char *at, rg_tensor *x, int axis, int64_t i) {
    RG_SPEAK_AS("select", x);
    return rg_squeeze_at(at, rg_slice_at(at, x, axis, i, i == -1 ? RG_TO_END : i + (i < INT64_MAX), (rg_slice_options){0}), axis);
}

/* A slice with a step: index_select of start, start + step, .. */
static rg_tensor *stepped(const char *at, rg_tensor *x, int axis, int64_t start, int64_t stop, int64_t step) {
    RG_SPEAK_AS("slice", x);
    const int64_t size = rg_dim(x, axis);
    if (size < 0) return rg_apply(&rg_op_slice, at, (rg_attr){.axis = axis}, 1, &x); /* refuses the axis */
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1; /* Python clamps start and stop to these */
    if (start < 0) start += size;
    if (stop < 0) stop += size;
    if (stop == RG_TO_END && step < 0) stop = -1;
    start = start < low ? low : start > high ? high : start;
    stop = stop < low ? low : stop > high ? high : stop;
    const int64_t span = step > 0 ? stop - start : start - stop, strides = (span - 1) / step; /* below 0 for a step below 0 */
    const int64_t n = span > 0 ? (step > 0 ? strides : -strides) + 1 : 0;
    if (size > INT32_MAX)
        return rg_refuse(x->tape, RG_EVALUE, at, "slice: an i32 cannot index axis %d of size %lld", axis, (long long)size);
    rg_tensor *index = rg_empty_at(at, x->tape, RG_I32, 1, &n);
    if (rg_failed(index)) return index;
    for (int64_t k = 0; k < n; k++) ((int32_t *)index->data)[k] = (int32_t)(start + k * step);
    return rg_index_select_at(at, x, index, axis);
}

rg_tensor *rg_slice_at(const char *at, rg_tensor *x, int axis, int64_t start, int64_t stop, rg_slice_options options) {
    if (options.step && options.step != 1 && !rg_failed(x)) return stepped(at, x, axis, start, stop, options.step);
    if (stop == RG_TO_END && rg_dim(x, axis) >= 0) stop = rg_dim(x, axis);
    return rg_apply(&rg_op_slice, at, (rg_attr){.axis = axis, .start = start, .stop = stop}, 1, &x);
}
rg_tensor *rg_pad_at(const char *at, rg_tensor *x, int axis, int64_t before, int64_t after, rg_pad_options options) {
    return rg_apply(&rg_op_pad, at, (rg_attr){.axis = axis, .start = before, .stop = after, .p = options.value}, 1, &x);
}

/* -------- concat: y = the operands one after another along an axis.    dx_k = the slice of dy where x_k was */

static int concat_shape(rg_tensor *y) {
    const rg_tensor *first = y->in[0];
    if (dimension(y, first, &y->attr.axis)) return -1;
    const int axis = y->attr.axis;
    int64_t shape[RG_MAX_DIMS];
    for (int d = 0; d < first->ndim; d++) shape[d] = first->shape[d];
    for (int k = 1; k < y->nin; k++) {
        const rg_tensor *x = y->in[k];
        if (x->ndim != first->ndim)
            return rg_reject(y, RG_ESHAPE, "operand %d has %d dimensions, the first has %d", k + 1, x->ndim, first->ndim);
        for (int d = 0; d < x->ndim; d++) {
            if (d == axis || x->shape[d] == shape[d]) continue;
            return rg_reject(y, RG_ESHAPE, "dimensions %lld and %lld of axis %d differ", (long long)shape[d], (long long)x->shape[d], d);
        }
        if (__builtin_add_overflow(shape[axis], x->shape[axis], &shape[axis]))
            return rg_reject(y, RG_ESHAPE, "the size of axis %d overflows", axis);
    }
    return rg_shape_set(y, first->ndim, shape);
}

static void concat_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const int axis = y->attr.axis;
    int64_t start = 0;
    for (int k = 0; k < y->nin; k++) {
        const int64_t n = y->in[k]->shape[axis];
        if (rg_needs(y, k)) dx[k] = rg_slice(dy, axis, start, start + n);
        start += n;
    }
}

RG_KERNELS(concat);
RG_OP(concat) = {.name = "concat", .formula = "the operands one after another along an axis", .arity = -1, .types = "a",
    .shape = concat_shape, .forward = RG_KERNEL(concat), .backward = concat_backward,
    .samples = "3,17 2,17 axis=0; 3,4 3,17 axis=1; 2,3,4 2,1,4 2,2,4 axis=-2; 3,5 same same axis=1; 17 1 axis=0; "
               "1,1 1,1 axis=1; 4,3 axis=0;"
               "0,3 2,3 axis=0; 2,0 2,3 axis=1; 0,3 0,2 axis=1; 2,3:u8 2,1:u8 axis=1",
    .refuses = "2,3 2,4 axis=0; 2,3 2,3,1 axis=0; 2,3 2,3 axis=2; - - axis=0; 2,3 2,3:i32 axis=0"};

rg_tensor *rg_concat_at(const char *at, int axis, int n, rg_tensor *const *x) {
    return rg_apply(&rg_op_concat, at, (rg_attr){.axis = axis}, n, x);
}

rg_tensor *rg_joined(const char *at, int64_t n, rg_tensor **x, rg_tensor *(*join)(const char *at, int axis, int n, rg_tensor *const *x)) {
    int64_t groups = 0;
    for (int64_t i = 0; i < n; i += UINT8_MAX) x[groups++] = join(at, 0, (int)(n - i < UINT8_MAX ? n - i : UINT8_MAX), x + i);
    return groups > 1 ? rg_joined(at, groups, x, rg_concat_at) : x[0];
}
