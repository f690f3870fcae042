/* elementwise.c - the operators of elementwise.def: descriptors, derivatives as ops, and the functions users call. */
#include "ops/integers.h"
#include "ops/rule.h"

#include "ops/algebra.h"

#define SAMPLES1 "5,11; 17; 3,1,17; -; 1,1; 0,3; 2,0"
#define SAMPLES2 "4,17 4,17; 3,17 17; 17 3,17; 2,1,5 7,1; 5 -; - 5; - -; 1,1 1,1; 3,4 3,1; 0,3 3; 2,0 1,1; 3,1,2,1 1,5,1,4; 5,11 same"
#define REFUSES1 "2,3:i32; 4:u8"
#define REFUSES2 "2,3 2,4; 2,3:i32 2,3:i32; 2,3:f64 2,3:f32; 3,2 3"
/* With integers. */
#define MORE1 "; 3,5:i32<2; 7:u8<2; -:i32; 0,2:u8"
#define MORE2 "; 4,5:i32<9 5:i32<9; 3:u8 2,3:u8; -:i32=-4 3,1:i32<2; 0,3:i32 3:i32; 4:u8 same"
#define FEWER1 "2,3 2,3; 2:i32 2:i32"
#define FEWER2 "2,3 2,4; 2,3:i32 2,4:i32; 2,3:i32 2,3; 2,3 2,3:i32; 2,3:i32 2,3:u8; 2,3:f64 2,3:f32; 3,2 3"

/* KINK(e) stands for the hash that the kernel source makes of e, SMOOTH for none. */
#define BRANCH_OF_KINK(...) BRANCH_YES
#define BRANCH_OF_SMOOTH BRANCH_NO
#define BRANCH_YES(n) RG_BRANCH(n)
#define BRANCH_NO(n) {NULL, NULL}

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

/* Of a row with two parameters: bounds, and a NaN bounds nothing. */
static int bounds(rg_tensor *y) {
    if (y->attr.p != y->attr.p || y->attr.q != y->attr.q) return rg_reject(y, RG_EVALUE, "the bounds are %g and %g", y->attr.p, y->attr.q);
    return rg_shape_like(y, y->in[0]);
}

#define UNARY(n, text, f, dx0, kinks, lo, hi)                                                                                      \
    static void n##_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = dx0; }                                        \
    RG_OP(n) = {.name = #n, .formula = text, .arity = 1, .forward = RG_KERNEL(n), .backward = n##_backward,                       \
        .fused = RG_KERNEL(n##_vjp), .branch = BRANCH_OF_##kinks(n##_branch), .range = {lo, hi}, .samples = SAMPLES1, .refuses = REFUSES1}; \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *x) { return rg_apply(&rg_op_##n, at, RG_NO_ATTR, 1, &x); }
#define WITH_PARAMETERS(n, text, dx0, kinks, lo, hi, sample, rule, refused)                                                        \
    static void n##_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                                                       \
        const double p = y->attr.p, q = y->attr.q, p_ = p;                                                                        \
        (void)q, (void)p_;                                                                                                        \
        dx[0] = dx0;                                                                                                              \
    }                                                                                                                             \
    RG_OP(n) = {.name = #n, .formula = text, .arity = 1, .forward = RG_KERNEL(n), .backward = n##_backward,                       \
        .fused = RG_KERNEL(n##_vjp), .branch = BRANCH_OF_##kinks(n##_branch), .range = {lo, hi}, .shape = rule,                   \
        .samples = "5,11" sample "; 17" sample "; 3,1,17" sample "; -" sample "; 1,1" sample "; 0,3" sample, .refuses = REFUSES1 refused};
#define UNARYP(n, text, f, dx0, kinks, lo, hi, sample)                                                                             \
    WITH_PARAMETERS(n, text, dx0, kinks, lo, hi, " p=" #sample, NULL, "")                                                         \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *x, double p) { return rg_apply(&rg_op_##n, at, (rg_attr){.p = p}, 1, &x); }
#define UNARYPQ(n, text, f, dx0, kinks, lo, hi, sample_p, sample_q)                                                                \
    WITH_PARAMETERS(n, text, dx0, kinks, lo, hi, " p=" #sample_p " q=" #sample_q, bounds, "; 2,3 p=nan q=1; 2,3 p=0 q=nan")        \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *x, double p, double q) { return rg_apply(&rg_op_##n, at, (rg_attr){.p = p, .q = q}, 1, &x); }
#define STEP1(n, text, lo, hi, integers, with, without)                                                                            \
    RG_OP(n) = {.name = #n, .formula = text, .arity = 1, .others = integers, .forward = RG_KERNEL(n), .branch = RG_BRANCH(n##_branch), \
        .range = {lo, hi}, .samples = with, .refuses = without};                                                                  \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *x) { return rg_apply(&rg_op_##n, at, RG_NO_ATTR, 1, &x); }
#define UNARY_STEP(n, text, f, lo, hi) STEP1(n, text, lo, hi, NULL, SAMPLES1, REFUSES1)
#define UNARY_TEST(n, text, f, lo, hi)                                                                                             \
    RG_INTEGERS(n, text, 1, rg_shape_u8);                                                                                         \
    STEP1(n, text, lo, hi, &rg_op_##n##_integers, SAMPLES1 MORE1, FEWER1)
#define RULE2(n, text, da, db, kinks, lo, hi, integers, with, without)                                                           \
    static void n##_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                                                       \
        if (rg_needs(y, 0)) dx[0] = da;                                                                                           \
        if (rg_needs(y, 1)) dx[1] = db;                                                                                           \
    }                                                                                                                             \
    RG_OP(n) = {.name = #n, .formula = text, .arity = 2, .others = integers, .forward = RG_KERNEL(n), .backward = n##_backward,   \
        .fused = RG_KERNEL(n##_vjp), .branch = BRANCH_OF_##kinks(n##_branch), .range = {lo, hi}, .samples = with, .refuses = without}; \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *a, rg_tensor *b) { return rg_apply(&rg_op_##n, at, RG_NO_ATTR, RG_IN(a, b)); }
#define BINARY(n, text, f, da, db, how, kinks, lo, hi) RULE2(n, text, da, db, kinks, lo, hi, NULL, SAMPLES2, REFUSES2)
#define BINARY_I32(n, text, f, da, db, how, kinks, lo, hi)                                                                         \
    RG_INTEGERS(n, text, 2, rg_shape_i32);                                                                                        \
    RULE2(n, text, da, db, kinks, lo, hi, &rg_op_##n##_integers, SAMPLES2 MORE2, FEWER2)
#define BINARY_SAME(n, text, f, da, db, how, kinks, lo, hi)                                                                        \
    RG_INTEGERS(n, text, 2, rg_shape_same);                                                                                       \
    RULE2(n, text, da, db, kinks, lo, hi, &rg_op_##n##_integers, SAMPLES2 MORE2, FEWER2)
#define STEP2(n, text, lo, hi, integers, with, without)                                                                            \
    RG_OP(n) = {.name = #n, .formula = text, .arity = 2, .others = integers, .forward = RG_KERNEL(n), .branch = RG_BRANCH(n##_branch), \
        .range = {lo, hi}, .samples = with, .refuses = without};                                                                  \
    rg_tensor *rg_##n##_at(const char *at, rg_tensor *a, rg_tensor *b) { return rg_apply(&rg_op_##n, at, RG_NO_ATTR, RG_IN(a, b)); }
#define BINARY_STEP(n, text, f, lo, hi) STEP2(n, text, lo, hi, NULL, SAMPLES2, REFUSES2)
#define BINARY_TEST(n, text, f, lo, hi)                                                                                            \
    RG_INTEGERS(n, text, 2, rg_shape_u8);                                                                                         \
    STEP2(n, text, lo, hi, &rg_op_##n##_integers, SAMPLES2 MORE2, FEWER2)
#include "ops/elementwise.def"
