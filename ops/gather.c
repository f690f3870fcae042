/* gather.c - selecting by an index along an axis, and adding up at an index.
   index_select and index_add take an index per slice, gather and scatter_add one per element; each pair is adjoint. */
#include <string.h>

#include "ops/index.h"
#include "ops/rule.h"

/* Checks attr.axis, the axis of x that is indexed, and counts it from 0. */
static int choice_axis(rg_tensor *y, const rg_tensor *x) {
    if (rg_axis(y, x, &y->attr.axis)) return -1;
    const int64_t n = rg_axis_size(x, y->attr.axis);
    return n > INT32_MAX ? rg_reject(y, RG_ESHAPE, "an i32 does not reach over an axis of %lld", (long long)n) : 0;
}

static int index_check(rg_tensor *y) { return rg_index_check(y, y->in[1], "index", (int)rg_axis_size(y->in[0], y->attr.axis), ""); }

/* -------- index_select: y[.., j.., ..] = x[.., index[j..], ..].    dx = dy added up at the index
            index_add:    y = x, y[.., index[j..], ..] += src[.., j.., ..].    dx = dy, dsrc = dy selected */

/* Writes the shape of what index selects from x along attr.axis, and returns its rank, or -1 after a rejection. From rank 0 one index
   selects one element, of rank 0. */
static int selected(rg_tensor *y, const rg_tensor *x, const rg_tensor *index, int64_t *shape) {
    if (choice_axis(y, x)) return -1;
    if (x->ndim == 0) return index->numel == 1 ? 0 : rg_reject(y, RG_ESHAPE, "%lld indices into rank 0, not one", (long long)index->numel);
    const int axis = y->attr.axis, ndim = x->ndim - 1 + index->ndim;
    if (ndim > RG_MAX_DIMS) return rg_shape_set(y, ndim, shape);
    for (int d = 0; d < axis; d++) shape[d] = x->shape[d];
    for (int d = 0; d < index->ndim; d++) shape[axis + d] = index->shape[d];
    for (int d = axis + 1; d < x->ndim; d++) shape[d - 1 + index->ndim] = x->shape[d];
    return ndim;
}

static int index_select_shape(rg_tensor *y) {
    int64_t shape[RG_MAX_DIMS];
    const int ndim = selected(y, y->in[0], y->in[1], shape);
    return ndim < 0 ? -1 : rg_shape_set(y, ndim, shape);
}

static int index_add_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *src = y->in[2];
    int64_t shape[RG_MAX_DIMS];
    const int ndim = selected(y, x, y->in[1], shape);
    if (ndim < 0) return -1;
    char text[80];
    if (src->ndim == ndim && !memcmp(src->shape, shape, (size_t)ndim * sizeof *shape)) return rg_shape_like(y, x);
    if (rg_shape_set(y, ndim, shape)) return -1;
    return rg_reject(y, RG_ESHAPE, "the source must be %s", rg_shape_text(y, text, sizeof text));
}

static void index_select_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_index_add(rg_full_like(y->in[0], 0), dy, y->in[1], y->attr.axis);
}

static void index_add_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = dy;
    if (rg_needs(y, 2)) dx[2] = rg_index_select(dy, y->in[1], y->attr.axis);
}

RG_KERNELS(index_select);
RG_FUSED_KERNELS(index_select_vjp);
RG_OP(index_select) = {.name = "index_select", .formula = "x[.., index[j], ..] along an axis", .arity = 2, .types = "ai",
    .shape = index_select_shape, .check = index_check, .forward = RG_KERNEL(index_select), .backward = index_select_backward,
    .fused = RG_KERNEL(index_select_vjp),
    .samples = "17,3 5:i32<17 axis=0; 3,17 6:i32<17 axis=-1; 2,5,3 4:i32<5 axis=1; 5,4 2,3:i32<5 axis=0; 4,5,2 2,2:i32<5 axis=1; "
               "17 3:i32<17 axis=0;"
               "4,3 -:i32<4 axis=0; 1,1 1:i32=0 axis=0; - -:i32=0 axis=0; - 1:i32=0 axis=-1; 4,3 7:i32=2 axis=0; 4,3 0:i32 axis=0; "
               "0,3 0:i32 axis=0; 3,0 2:i32<3 axis=0; 3,4:u8 5:i32<4 axis=1;"
               "3,4:i32<9 5:i32<4 axis=1",
    .refuses = "5,4 3:i32=5 axis=0; 5,4 3:i32=-1 axis=0; 0,4 3:i32 axis=0; 5,4 3:i32 axis=2; 5,4 3:i32 axis=-3; - 3:i32=0 axis=0; "
               "- -:i32=1 axis=0; - -:i32=0 axis=1; 5,4 3 axis=0;"
               "1,1,1,1 1,1,1,1:i32 axis=0"};
RG_KERNELS(index_add);
RG_OP(index_add) = {.name = "index_add", .formula = "x, x[.., index[j], ..] += src[.., j, ..] along an axis", .arity = 3, .types = "fif",
    .shape = index_add_shape, .check = index_check, .forward = RG_KERNEL(index_add), .backward = index_add_backward,
    .samples = "17,3 5:i32<17 5,3 axis=0; 3,17 6:i32<17 3,6 axis=-1; 2,5,3 4:i32<5 2,4,3 axis=1; 5,4 2,3:i32<5 2,3,4 axis=0; "
               "17 3:i32<17 3 axis=0;"
               "4,3 -:i32<4 3 axis=0; 1,1 1:i32=0 1,1 axis=0; - -:i32=0 - axis=0; - 1:i32=0 - axis=-1; 4,3 7:i32=2 7,3 axis=0; "
               "4,3 0:i32 0,3 axis=0; 0,3 0:i32 0,3 axis=0; 3,0 2:i32<3 2,0 axis=0;"
               "4,3 4:i32<4 same axis=0; 4,3 3:i32<3 same axis=1; 5,11 9:i32<5 9,11 axis=0",
    .refuses = "5,4 3:i32=5 3,4 axis=0; 5,4 3:i32=-1 3,4 axis=0; 5,4 3:i32 2,4 axis=0; 5,4 3:i32 3,5 axis=0; 5,4 3:i32 4,3 axis=0; "
               "5,4 3:i32 3 axis=0;"
               "5,4 3:i32 3,4 axis=2; - 3:i32=0 3 axis=0; - -:i32=0 - axis=1; 5,4 3 3,4 axis=0; 5,4:i32 3:i32 3,4:i32 axis=0; "
               "1,1,1,1 1,1,1,1:i32 1 axis=0"};

rg_tensor *rg_index_select_at(const char *at, rg_tensor *x, rg_tensor *index, int axis) {
    return rg_apply(&rg_op_index_select, at, (rg_attr){.axis = axis}, RG_IN(x, index));
}
rg_tensor *rg_index_add_at(const char *at, rg_tensor *x, rg_tensor *src, rg_tensor *index, int axis) {
    return rg_apply(&rg_op_index_add, at, (rg_attr){.axis = axis}, RG_IN(x, index, src));
}

/* -------- gather:      y[i, j, k] = x[i, index[i, j, k], k], for axis 1.    dx = dy added up at the index
            scatter_add: y = x, y[i, index[i, j, k], k] += src[i, j, k].       dx = dy, dsrc = dy gathered */

/* Has index as many dimensions as x, and along the axes other than attr.axis no larger sizes? Rank 0 counts as [1]. */
static int check_index_shape(rg_tensor *y, const rg_tensor *x, const rg_tensor *index) {
    if (choice_axis(y, x)) return -1;
    if (index->ndim != x->ndim && (index->ndim > 1 || x->ndim > 1))
        return rg_reject(y, RG_ESHAPE, "index must have %d dimensions, not %d", x->ndim, index->ndim);
    for (int d = 0; d < x->ndim; d++) {
        if (d == y->attr.axis || index->shape[d] <= x->shape[d]) continue;
        return rg_reject(y, RG_ESHAPE, "along axis %d there are %lld indices for %lld", d, (long long)index->shape[d],
            (long long)x->shape[d]);
    }
    return 0;
}

static int gather_shape(rg_tensor *y) {
    return check_index_shape(y, y->in[0], y->in[1]) || rg_shape_set(y, y->in[1]->ndim, y->in[1]->shape) ? -1 : 0;
}

static int scatter_add_shape(rg_tensor *y) {
    const rg_tensor *index = y->in[1], *src = y->in[2];
    if (check_index_shape(y, y->in[0], index)) return -1;
    if (!rg_same_shape(src, index))
        return rg_reject(y, RG_ESHAPE, "the shapes of index and source differ");
    return rg_shape_like(y, y->in[0]);
}

static void gather_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_scatter_add(rg_full_like(y->in[0], 0), dy, y->in[1], y->attr.axis);
}

static void scatter_add_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = dy;
    if (rg_needs(y, 2)) dx[2] = rg_gather(dy, y->in[1], y->attr.axis);
}

RG_KERNELS(gather);
RG_FUSED_KERNELS(gather_vjp);
RG_OP(gather) = {.name = "gather", .formula = "y[i,j] = x[index[i,j],j] along an axis, here the first", .arity = 2, .types = "ai",
    .shape = gather_shape, .check = index_check, .forward = RG_KERNEL(gather), .backward = gather_backward, .fused = RG_KERNEL(gather_vjp),
    .samples = "5,17 5,3:i32<17 axis=1; 17,5 4,5:i32<17 axis=0; 2,5,3 2,4,3:i32<5 axis=1; 2,3,4 2,3,6:i32<4 axis=-1; "
               "4,5,3 2,5,2:i32<4 axis=0; 17 20:i32<17 axis=0;"
               "3,4 2,2:i32<4 axis=1; 1,1 1,1:i32=0 axis=1; - -:i32=0 axis=0; - 3:i32=0 axis=-1; 5 -:i32<5 axis=0; 4,3 6,3:i32=2 axis=0; "
               "4,3 4,0:i32 axis=1; 0,3 0,3:i32 axis=0; 3,0 2,0:i32 axis=0;"
               "3,4:u8 3,2:i32<4 axis=1; 3,4:i32<9 2,4:i32<3 axis=0",
    .refuses = "5,4 5,4:i32=4 axis=1; 5,4 5,4:i32=-1 axis=1; 5,0 5,2:i32 axis=1; 5,4 5:i32 axis=1; 5,4 6,2:i32 axis=1; "
               "5,4 2,5:i32 axis=0; 5,4 5,4:i32 axis=2;"
               "- -:i32=0 axis=1; - -:i32=1 axis=0; 5,4 -:i32 axis=0; - 1,1:i32=0 axis=0; 5,4 5,4 axis=0"};
RG_KERNELS(scatter_add);
RG_OP(scatter_add) = {.name = "scatter_add", .formula = "x, x[index[i,j],j] += src[i,j] along an axis, here the first", .arity = 3,
    .types = "fif",
    .shape = scatter_add_shape, .check = index_check, .forward = RG_KERNEL(scatter_add), .backward = scatter_add_backward,
    .samples = "5,17 5,3:i32<17 5,3 axis=1; 17,5 4,5:i32<17 4,5 axis=0; 2,5,3 2,4,3:i32<5 2,4,3 axis=1; 4,5,3 2,5,2:i32<4 2,5,2 axis=0; "
               "17 20:i32<17 20 axis=0;"
               "3,4 2,2:i32<4 2,2 axis=1; 1,1 1,1:i32=0 1,1 axis=1; - -:i32=0 - axis=0; - 3:i32=0 3 axis=-1; 4,3 6,3:i32=2 6,3 axis=0; "
               "4,3 4,0:i32 4,0 axis=1; 0,3 0,3:i32 0,3 axis=0;"
               "4,3 4,3:i32<4 same axis=0; 4,3 4,3:i32<3 same axis=1; 5,11 9,11:i32<5 9,11 axis=0",
    .refuses = "5,4 5,4:i32=4 5,4 axis=1; 5,4 5,4:i32=-1 5,4 axis=1; 5,4 5:i32 5 axis=1; 5,4 6,2:i32 6,2 axis=1; 5,4 5,2:i32 5,3 axis=1; "
               "5,4 5,2:i32 5 axis=1;"
               "5,4 5,4:i32 5,4 axis=2; - -:i32=0 - axis=1; - -:i32=0 1 axis=0; 5,4 5,4 5,4 axis=0; 5,4:i32 5,4:i32 5,4:i32 axis=0"};

rg_tensor *rg_gather_at(const char *at, rg_tensor *x, rg_tensor *index, int axis) {
    return rg_apply(&rg_op_gather, at, (rg_attr){.axis = axis}, RG_IN(x, index));
}
rg_tensor *rg_scatter_add_at(const char *at, rg_tensor *x, rg_tensor *src, rg_tensor *index, int axis) {
    return rg_apply(&rg_op_scatter_add, at, (rg_attr){.axis = axis}, RG_IN(x, index, src));
}

/* -------- masked_fill. A constant in x's dtype, which need not be the tape's. */
rg_tensor *rg_masked_fill_at(const char *at, rg_tensor *x, rg_tensor *mask, double value) {
    RG_SPEAK_AS("masked_fill", x, mask);
    rg_tape *t = rg_tape_of(x ? x : mask);
    if (rg_given(at, t, x, "masked_fill: operand 1") || rg_given(at, t, mask, "masked_fill: operand 2")) return rg_poison(t);
    return rg_where_at(at, mask, rg_number_at(at, value, x), x);
}
