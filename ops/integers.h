/* integers.h - for operators that also take integers: the operator that is applied to them (rg_op.others). It has no derivative. */
#ifndef RG_INTEGERS_H
#define RG_INTEGERS_H

#include "engine/op.h"

/* rg_op_NAME_integers, by a kernel of kernels/integers.c. Its operands are of one integer dtype; the shape rule sets that of the result. */
#define RG_INTEGERS(n, text, operands, rule)                                                             \
    rg_kernel rg_k_##n##_integers;                                                                       \
    extern const rg_op rg_op_##n##_integers;                                                             \
    const rg_op rg_op_##n##_integers = {.name = #n, .formula = text, .arity = operands, .types = "a",    \
        .shape = rule, .forward = RG_ANY(rg_k_##n##_integers)}

/* Shape rules: operands broadcast; a result in i32, in u8, and in the operands' dtype. */
int rg_shape_i32(rg_tensor *y);
int rg_shape_u8(rg_tensor *y);
#define rg_shape_same NULL

#endif
