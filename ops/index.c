/* index.c - where, pick and its adjoint scatter, one_hot, cast; checks of indices, labels, masks. gather.c has index_select, gather. */
#include "ops/index.h"

#include <stdio.h>
#include <string.h>

#include "ops/rule.h"

int rg_index_check(rg_tensor *y, const rg_tensor *index, const char *what, int n, const char *hint) {
    const int32_t *values = index->data;
    int64_t at = 0;
    bool outside = false;
    for (int64_t i = 0; i < index->numel; i++) outside |= (values[i] < 0) | (values[i] >= n);
    if (!outside) return 0;
    while (values[at] >= 0 && values[at] < n) at++;

    char place[RG_MAX_DIMS * 24] = "";
    int64_t block = index->numel, rest = at;
    for (int d = 0, length = 0; d < index->ndim; d++) {
        block /= index->shape[d];
        length += snprintf(place + length, sizeof place - (size_t)length, "%s%lld%s", d ? "," : "[", (long long)(rest / block),
            d + 1 < index->ndim ? "" : "]");
        rest %= block;
    }
    if (index->name) what = index->name;
    if (n == 0) return rg_reject(y, RG_EVALUE, "%.40s%s = %d, but there is nothing to index", what, place, values[at]);
    return rg_reject(y, RG_EVALUE, "%.40s%s = %d is outside 0..%d%s", what, place, values[at], n - 1, hint);
}

int rg_labels_check(const char *at, const char *who, const rg_tensor *x, const rg_tensor *labels) {
    char text[120], rows[120], whole[120];
    if (labels->dtype != RG_I32)
        return rg_fail(x->tape, RG_EDTYPE, at, "%s: the labels must be i32, not %s: one class for each row, no probabilities", who,
            rg_dtype_name(labels->dtype));
    if (x->ndim == 0) return rg_fail(x->tape, RG_ESHAPE, at, "%s: rank 0 has no axis of classes", who);
    rg_tensor should = {.tape = x->tape, .dtype = RG_I32, .ndim = (uint8_t)(x->ndim - 1)};
    for (int d = 0; d < should.ndim; d++) should.shape[d] = x->shape[d];
    if (rg_same_shape(labels, &should)) return 0;
    return rg_fail(x->tape, RG_ESHAPE, at, "%s: the labels are %s, must be %s: the classes are the last axis of %s", who,
        rg_shape_text(labels, text, sizeof text),
        rg_shape_text(&should, rows, sizeof rows), rg_shape_text(x, whole, sizeof whole));
}

int rg_mask_check(const char *at, const char *who, const rg_tensor *x, const rg_tensor *labels, const rg_tensor *mask) {
    char text[120], rows[120];
    if (rg_given(at, x->tape, mask, "%s: the mask", who)) return -1;
    if (mask->dtype != RG_U8 && mask->dtype != x->dtype)
        return rg_fail(x->tape, RG_EDTYPE, at, "%s: the mask must be u8 or %s, not %s", who, rg_dtype_name(x->dtype),
            rg_dtype_name(mask->dtype));
    if (rg_same_shape(mask, labels)) return 0;
    return rg_fail(x->tape, RG_ESHAPE, at, "%s: the mask is %s, must be of the labels' shape: %s", who,
        rg_shape_text(mask, text, sizeof text), rg_shape_text(labels, rows, sizeof rows));
}

int rg_index_fits(rg_tensor *y, const rg_tensor *x, const rg_tensor *index, const char *what, int *n) {
    if (x->ndim == 0) return rg_reject(y, RG_ESHAPE, "rank 0 has no axis to index");
    if (index->ndim != x->ndim - 1) return rg_reject(y, RG_ESHAPE, "%s must have %d dimensions, not %d", what, x->ndim - 1, index->ndim);
    for (int d = 0; d < index->ndim; d++) {
        if (index->shape[d] == x->shape[d]) continue;
        return rg_reject(y, RG_ESHAPE, "dimensions %lld and %lld of axis %d differ", (long long)x->shape[d], (long long)index->shape[d], d);
    }
    const int64_t last = x->shape[x->ndim - 1];
    if (last > INT32_MAX) return rg_reject(y, RG_ESHAPE, "an i32 does not reach over an axis of %lld", (long long)last);
    *n = (int)last;
    return 0;
}

uint64_t rg_index_branch(const rg_tensor *y) {
    uint64_t h = RG_HASH;
    for (int64_t i = 0; i < y->numel; i++) h = rg_hash(h, (uint32_t)((const int32_t *)y->data)[i]);
    return h;
}

/* Sets y's shape: that of index, and a last axis of attr.classes. */
static int with_classes(rg_tensor *y, const rg_tensor *index) {
    int64_t shape[RG_MAX_DIMS + 1];
    for (int d = 0; d < index->ndim; d++) shape[d] = index->shape[d];
    shape[index->ndim] = y->attr.classes;
    return rg_shape_set(y, index->ndim + 1, shape);
}

/* -------- where: y = c != 0 ? a : b.    da = c != 0 ? dy : 0, db = c != 0 ? 0 : dy. c may be of another dtype than a and b */

static void where_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *zero = rg_constant(y, 0);
    if (rg_needs(y, 1)) dx[1] = rg_where(y->in[0], dy, zero);
    if (rg_needs(y, 2)) dx[2] = rg_where(y->in[0], zero, dy);
}

static uint64_t where_branch(const rg_tensor *y) {
    uint64_t h = RG_HASH;
    for (int64_t i = 0; i < y->in[0]->numel; i++) h = rg_hash(h, rg_element(y->in[0], i) != 0);
    return h;
}

#define WHERE .name = "where", .formula = "c != 0 ? a : b (NaN is not 0); no derivative for c", .arity = 3, \
    .forward = RG_KERNEL(where), .backward = where_backward, .branch = {where_branch, where_branch}
RG_KERNELS(where);
static const rg_op where_mask = {WHERE, .types = "ma"};
RG_OP(where) = {WHERE, .others = &where_mask,
    .samples = "5,17:f<2 5,17 5,17; 17:f<2 3,17 1; 3,1:f<2 17 3,17; 2,1,4:f<2 3,1 -; "
               "-:f<2 2,3 3; 3:f=0 2,3 2,1; -:f<2 - -; 1,1:f<2 1,1 1,1;"
               "0,3:f<2 3 0,3; 2,0:f<2 - 1; 11,11 same 11,11; 4,3 same same; 5,17:u8<2 5,17 17; 3,1:u8<3 4 3,4; -:u8=7 2,3 3; "
               "2,3:i32<2 3 2,1; 4,5:f32<2 5 4,5; 4:f64<2 3,4 -;"
               "5,4:u8<2 5,4:i32<9 4:i32=7; 3:u8<2 2,3:u8 3:u8; 4,3:f<2 4,3:u8 4,1:u8; 0,3:u8 3:i32 0,3:i32; 4:u8<2 same 3,4:u8",
    .refuses = "2,3 2,4 2,3; 2,3 2,3 3,2; 2,3:u8 2,3 2,4; 2,3:u8 2,3 2,3:i32; 2,3 2,3:i32 2,3:u8; 2,3:f32 2,3:f64 2,3:f32"};

rg_tensor *rg_where_at(const char *at, rg_tensor *c, rg_tensor *a, rg_tensor *b) {
    return rg_apply(&rg_op_where, at, RG_NO_ATTR, RG_IN(c, a, b));
}

/* -------- pick: y[..] = x[.., index[..]].                   dx = scatter(dy)
            scatter: y[.., j] = j == index[..] ? x[..] : 0.   dx = pick(dy)      each is the other's adjoint */

static int pick_shape(rg_tensor *y) {
    int n;
    return rg_index_fits(y, y->in[0], y->in[1], "index", &n) || rg_shape_set(y, y->in[1]->ndim, y->in[1]->shape) ? -1 : 0;
}

static int pick_check(rg_tensor *y) { return rg_index_check(y, y->in[1], "index", (int)rg_dim(y->in[0], -1), ""); }

static void pick_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_scatter(dy, y->in[1], (int)rg_dim(y->in[0], -1));
}

static int scatter_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *index = y->in[1];
    if (!rg_same_shape(x, index)) {
        return rg_reject(y, RG_ESHAPE, "the shapes of x and index differ");
    }
    return with_classes(y, index);
}

/* For scatter and one_hot, whose last operand is the index. */
static int classes_check(rg_tensor *y) { return rg_index_check(y, y->in[y->nin - 1], "index", y->attr.classes, ""); }

static void scatter_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_pick(dy, y->in[1]); }

RG_KERNELS(pick);
RG_OP(pick) = {.name = "pick", .formula = "x[.., index[..]]", .arity = 2, .types = "fi",
    .shape = pick_shape, .check = pick_check, .forward = RG_KERNEL(pick), .backward = pick_backward,
    .samples = "5,17 5:i32<17; 17 -:i32<17; 2,3,5 2,3:i32<5; 7,1 7:i32=0; 1,1 1:i32=0; 0,3 0:i32; 3,0,4 3,0:i32; 0,0 0:i32; 4,3 4:i32=2",
    .refuses = "3,4 3:i32=7; 3,4 3:i32=-1; 2,3,4 2,3:i32=4; 5 -:i32=5; 2,0 2:i32; 3,4 4:i32; 3,4 3,4:i32; - -:i32; 3,4 3; 3,4:i32 3:i32"};
RG_KERNELS(scatter);
RG_OP(scatter) = {.name = "scatter", .formula = "y[.., index[..]] = x[..], else 0", .arity = 2, .types = "fi",
    .shape = scatter_shape, .check = classes_check, .forward = RG_KERNEL(scatter), .backward = scatter_backward,
    .samples = "5,17 5,17:i32<4 classes=4; 17 17:i32<3 classes=3; - -:i32<5 classes=5; 1,1 1,1:i32=0 classes=1; 0 0:i32 classes=3;"
               "0,3 0,3:i32 classes=2; 0 0:i32 classes=0; 3,1 3,1:i32<17 classes=17",
    .refuses = "3 3:i32=4 classes=4; 3 3:i32=-1 classes=4; 2 2:i32 classes=0; 3 4:i32 classes=4; 3 3,1:i32 classes=4; 3 3:i32 classes=-1;"
               "1,1,1,1,1,1 1,1,1,1,1,1:i32 classes=2; 3 3 classes=2"};

static int classes(int64_t n) { return n < 0 || n > INT32_MAX ? -1 : (int)n; }

rg_tensor *rg_pick_at(const char *at, rg_tensor *x, rg_tensor *index) { return rg_apply(&rg_op_pick, at, RG_NO_ATTR, RG_IN(x, index)); }
rg_tensor *rg_scatter_at(const char *at, rg_tensor *x, rg_tensor *index, int64_t n) {
    return rg_apply(&rg_op_scatter, at, (rg_attr){.classes = classes(n)}, RG_IN(x, index));
}

/* -------- one_hot: y[.., j] = j == index[..], in the tape's dtype */

static int one_hot_shape(rg_tensor *y) { return with_classes(y, y->in[0]); }

RG_KERNELS(one_hot);
RG_OP(one_hot) = {.name = "one_hot", .formula = "y[.., j] = j == index[..]; no derivative", .arity = 1, .types = "i",
    .shape = one_hot_shape, .check = classes_check, .forward = RG_KERNEL(one_hot),
    .samples = "17:i32<5 classes=5; 2,3:i32<4 classes=4; -:i32<3 classes=3; 1,1:i32=0 classes=1; 0:i32 classes=3; 0,3:i32 classes=2; "
               "0:i32 classes=0",
    .refuses = "3:i32=4 classes=4; 3:i32=-1 classes=4; 2:i32 classes=0; 3:i32 classes=-1; 1,1,1,1,1,1:i32 classes=2; 3 classes=2; "
               "3:u8 classes=2"};

rg_tensor *rg_one_hot_at(const char *at, rg_tensor *index, int64_t n) {
    return rg_apply(&rg_op_one_hot, at, (rg_attr){.classes = classes(n)}, 1, &index);
}

/* -------- cast: y = x in another dtype; in x's own dtype a view.    dx = dy cast back, between floats; else none */

static bool is_float(const rg_tensor *x) { return x->dtype == RG_F32 || x->dtype == RG_F64; }

static int cast_shape(rg_tensor *y) {
    rg_tensor *x = y->in[0];
    if (!rg_dtype_size(y->attr.dtype)) return rg_reject(y, RG_EDTYPE, "there is no dtype %d", (int)y->attr.dtype);
    y->dtype = y->attr.dtype;
    if (rg_shape_set(y, x->ndim, x->shape)) return -1;
    return y->dtype == x->dtype ? rg_view(y, x, 0) : 0;
}

static int cast_forward(rg_tensor *y) {
    return y->base ? 0 : (rg_convert(y->data, y->dtype, y->in[0]->data, y->in[0]->dtype, y->numel), 0);
}

static void cast_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    if (is_float(y)) dx[0] = rg_cast(dy, y->in[0]->dtype);
}

RG_OP(cast) = {.name = "cast", .formula = "x in another dtype; to integers: toward 0, clamped to their range, NaN to 0", .arity = 1,
    .types = "a", .shape = cast_shape, .forward = RG_ANY(cast_forward), .backward = cast_backward,
    .samples = "6,17 dtype=f64; 17 dtype=f64; - dtype=f64; 1,1 dtype=f64; 0,3 dtype=f64; 4,5:f64 dtype=f32; 4,5:f32 dtype=f64; "
               "3,4:i32<9 dtype=f32;"
               "3,4:i32<9 dtype=u8; 5:u8 dtype=f64; 5:u8 dtype=i32; 3,4:f<9 dtype=i32; 3,4:f<9 dtype=u8; 3:i32<9 dtype=i32",
    .refuses = "2,3 2,3 dtype=f32"};

rg_tensor *rg_cast_at(const char *at, rg_tensor *x, rg_dtype dtype) { return rg_apply(&rg_op_cast, at, (rg_attr){.dtype = dtype}, 1, &x); }
