/* core_ops.c - the four operators that backward itself needs.
   add: y = a + b, da = db = dy.   sum_to and expand are each other's derivative.   fill: y = c, no derivative.             */
#include "core_ops.h"

#include "internal.h"

RG_KERNELS(add);
RG_KERNELS(sum);
RG_KERNELS(expand);
extern const rg_op rg_op_add_integers, rg_op_expand_integers; /* ops/integers.c */

/* -------- add */

static void add_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { (void)y, dx[0] = dx[1] = dy; }

RG_OP(add) = {.name = "add", .formula = "a + b", .arity = 2, .others = &rg_op_add_integers, .forward = RG_KERNEL(add),
    .backward = add_backward,
    .samples = "4,17 4,17; 3,17 17; 17 3,17; 2,1,5 7,1; 5 -; - 5; - -; 1,1 1,1; 3,4 3,1; 0,3 3; 2,0 1,1; 3,1,2,1 1,5,1,4; 5,11 same; "
               "4,5:i32<9 5:i32<9; 3:u8 2,3:u8; 0,3:i32 3:i32",
    .refuses = "2,3 2,4; 2,3:i32 2,4:i32; 2,3:i32 2,3; 2,3 2,3:i32; 2,3:i32 2,3:u8; 2,3:i32=2147483647 3:i32=1; 2,3:f64 2,3:f32; 3,2 3"};

rg_tensor *rg_add_at(const char *at, rg_tensor *a, rg_tensor *b) { return rg_apply(&rg_op_add, at, RG_NO_ATTR, RG_IN(a, b)); }

RG_KERNELS_OF(rg_add_into_fn, add_into);

rg_add_into_fn *rg_add_into_of(const rg_tensor *to) {
    static rg_add_into_fn *const table[2][RG_ISAS] = RG_KERNEL(add_into);
    return table[to->dtype == RG_F64][to->tape->isa];
}

/* -------- sum_to */

/* The target shape, from attr.shape.dims; every dimension of it is x's, or 1. attr.reduce.axes becomes the mask of x's axes to sum over. */
static int sum_to_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (rg_shape_set(y, y->attr.shape.ndim, y->attr.shape.dims)) return -1;
    const int extra = x->ndim - y->ndim;
    unsigned axes = 0;
    char text[64];
    if (!rg_expands_to(y, x)) return rg_reject(y, RG_ESHAPE, "%s does not expand to it", rg_shape_text(y, text, sizeof text));
    for (int d = 0; d < x->ndim; d++)
        if (x->shape[d] != (d < extra ? 1 : y->shape[d - extra])) axes |= 1u << d;
    y->attr = (rg_attr){.reduce = {.axes = axes}};
    return 0;
}

static void sum_to_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_expand_at(y->at, dy, y->in[0]->ndim, y->in[0]->shape);
}

RG_OP(sum_to) = {.name = "sum_to", .formula = "x summed down to a shape", .arity = 1, .shape = sum_to_shape, .forward = RG_KERNEL(sum),
    .backward = sum_to_backward,
    .samples = "4,17 shape=17; 4,17 shape=4x1; 2,3,5 shape=3x1; 5 shape=-; - shape=-; 1,1 shape=1; 0,3 shape=3; 2,0 shape=2x1; "
               "3,4 shape=3x4; 2,3,2,3 shape=2x1x2x1",
    .refuses = "2,3 shape=2; 3 shape=2x3; 2,3:i32 shape=3"};

rg_tensor *rg_sum_to_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape) {
    return rg_apply(&rg_op_sum_to, at, (rg_attr){.shape = {.ndim = ndim, .dims = shape}}, 1, &x);
}

/* -------- expand */

static int expand_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (rg_shape_set(y, y->attr.shape.ndim, y->attr.shape.dims)) return -1;
    y->attr = RG_NO_ATTR;
    char text[64];
    return rg_expands_to(x, y) ? 0 : rg_reject(y, RG_ESHAPE, "does not expand to %s", rg_shape_text(y, text, sizeof text));
}

static void expand_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_sum_to_at(y->at, dy, y->in[0]->ndim, y->in[0]->shape);
}

RG_OP(expand) = {.name = "expand", .formula = "x repeated to a shape", .arity = 1, .others = &rg_op_expand_integers, .shape = expand_shape,
    .forward = RG_KERNEL(expand), .backward = expand_backward,
    .samples = "17 shape=4x17; 4,1 shape=4x3; 3,1,5 shape=2x3x4x5; - shape=2x3; - shape=-; 1,1 shape=3x2; 1,3 shape=0x3; 3,0 shape=2x3x0; "
               "7,11 shape=7x11; 4,1:i32<9 shape=2x4x3; 5:u8 shape=3x5; -:u8 shape=2",
    .refuses = "2,3 shape=2x4; 2,3 shape=3; 2,3:i32 shape=2x4"};

rg_tensor *rg_expand_at(const char *at, rg_tensor *x, int ndim, const int64_t *shape) {
    return rg_apply(&rg_op_expand, at, (rg_attr){.shape = {.ndim = ndim, .dims = shape}}, 1, &x);
}

/* -------- fill */

static int fill_shape(rg_tensor *y) {
    y->dtype = y->in[0]->dtype;
    if (!rg_holds(y->dtype, y->attr.p)) return rg_reject(y, RG_EVALUE, "%.10g does not fit %s", y->attr.p, rg_dtype_name(y->dtype));
    return rg_shape_like(y, y->in[0]);
}
static int fill_forward(rg_tensor *y) { return rg_set_all(y, y->attr.p), 0; }

RG_OP(fill) = {.name = "fill", .formula = "p, in the shape of x", .arity = 1, .types = "a", .shape = fill_shape,
    .forward = RG_ANY(fill_forward),
    .samples = "4,17 p=1; 3 p=-2.5; - p=0; 1,1 p=1; 0,3 p=1; 2,3:i32 p=-7; 4:u8 p=255", .refuses = "2,3:i32 p=1.5; 2,3:u8 p=-1"};

rg_tensor *rg_full_like_at(const char *at, rg_tensor *x, double value) { return rg_apply(&rg_op_fill, at, (rg_attr){.p = value}, 1, &x); }
