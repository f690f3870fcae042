/* integers.c - the engine's operators for integers, and numbers as operands of operators on integers. */
#include "ops/integers.h"

#include <math.h>

#include "ops/ops.h"

int rg_shape_i32(rg_tensor *y) { return y->dtype = RG_I32, rg_shape_broadcast(y); }
int rg_shape_u8(rg_tensor *y) { return y->dtype = RG_U8, rg_shape_broadcast(y); }

RG_INTEGERS(add, "a + b", 2, rg_shape_i32);

extern const rg_op rg_op_expand, rg_op_expand_integers;
static int expand_shape(rg_tensor *y) { return rg_op_expand.shape(y); }

RG_KERNELS(repeat);
const rg_op rg_op_expand_integers = {.name = "expand", .formula = "x repeated to a shape", .arity = 1, .types = "a",
    .shape = expand_shape, .forward = RG_KERNEL(repeat)};

rg_tensor *rg_number_at(const char *at, double value, rg_tensor *like) {
    char text[80];
    rg_tensor *x = rg_number(value, like);
    if (x == like || rg_holds(rg_dtype_of(like), value)) return x;
    return rg_refuse(like->tape, RG_EVALUE, at, "the number %.10g does not fit %s; rg_cast converts", value,
        rg_shape_text(like, text, sizeof text));
}
