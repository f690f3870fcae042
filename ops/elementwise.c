/* elementwise.c - the operators of elementwise.def: descriptors, derivatives as ops, and the functions users call. */
#include "engine/op.h"
#include "ops/integers.h"

#define UNARY(n, text, f, dx, kinks, lo, hi) RG_KERNELS(n); RG_FUSED_KERNELS(n##_vjp); RG_BRANCHES(n##_branch);
#define UNARYP(n, text, f, dx, kinks, lo, hi, sample) UNARY(n, text, f, dx, kinks, lo, hi)
#define UNARYPQ(n, text, f, dx, kinks, lo, hi, sample_p, sample_q) UNARY(n, text, f, dx, kinks, lo, hi)
#define UNARY_STEP(n, text, f, lo, hi) RG_KERNELS(n); RG_BRANCHES(n##_branch);
#define BINARY(n, text, f, da, db, how, kinks, lo, hi) RG_KERNELS(n); RG_FUSED_KERNELS(n##_vjp); RG_BRANCHES(n##_branch);
#define BINARY_STEP(n, text, f, lo, hi) RG_KERNELS(n); RG_BRANCHES(n##_branch);
#include "ops/elementwise.def"
#undef UNARY
#undef UNARYP
#undef UNARYPQ
#undef UNARY_STEP
#undef BINARY
#undef BINARY_STEP
#undef BINARY_I32
#undef BINARY_SAME
#undef UNARY_TEST
#undef BINARY_TEST

#define RG_ROW_KERNEL(n) RG_WIDE_KERNEL(n)
#include "ops/row_rules.h"

/* With integers. */
#define MORE1 "; 3,5:i32<2; 7:u8<2; -:i32; 0,2:u8"
#define MORE2 "; 4,5:i32<9 5:i32<9; 3:u8 2,3:u8; -:i32=-4 3,1:i32<2; 0,3:i32 3:i32; 4:u8 same"
#define FEWER1 "2,3 2,3; 2:i32 2:i32"
#define FEWER2 "2,3 2,4; 2,3:i32 2,4:i32; 2,3:i32 2,3; 2,3 2,3:i32; 2,3:i32 2,3:u8; 2,3:f64 2,3:f32; 3,2 3"

#define UNARY_TEST(n, text, f, lo, hi)                                                                      \
    RG_INTEGERS(n, text, 1, rg_shape_u8);                                                                   \
    RG_ROW_STEP(n, text, 1, lo, hi, &rg_op_##n##_integers, RG_ROW_SAMPLES1 MORE1, FEWER1)
#define BINARY_TEST(n, text, f, lo, hi)                                                                     \
    RG_INTEGERS(n, text, 2, rg_shape_u8);                                                                   \
    RG_ROW_STEP(n, text, 2, lo, hi, &rg_op_##n##_integers, RG_ROW_SAMPLES2 MORE2, FEWER2)
#define BINARY_I32(n, text, f, da, db, how, kinks, lo, hi)                                                  \
    RG_INTEGERS(n, text, 2, rg_shape_i32);                                                                  \
    RG_ROW_RULE2(n, text, da, db, kinks, lo, hi, &rg_op_##n##_integers, RG_ROW_SAMPLES2 MORE2, FEWER2)
#define BINARY_SAME(n, text, f, da, db, how, kinks, lo, hi)                                                 \
    RG_INTEGERS(n, text, 2, rg_shape_same);                                                                 \
    RG_ROW_RULE2(n, text, da, db, kinks, lo, hi, &rg_op_##n##_integers, RG_ROW_SAMPLES2 MORE2, FEWER2)
#include "ops/elementwise.def"
