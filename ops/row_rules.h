/* row_rules.h - the part of a row that works on tensors: its derivative as ops, its descriptor, the function to
   call. RG_ROW_KERNEL(n): the kernels of that name, as a descriptor has them. */
#ifdef RG_ROW
#pragma GCC system_header
#endif

#include "../engine/op.h"
#include "ops.h"

#undef RG_AT
#define RG_AT (y->at)
#include "algebra.h"

#define RG_ROW_SAMPLES1 RG_ROW_NUMBERS("") "; 2,0"
#define RG_ROW_SAMPLES2                                                                                     \
    "4,17 4,17; 3,17 17; 17 3,17; 2,1,5 7,1; 5 -; - 5; - -; 1,1 1,1; 3,4 3,1; 0,3 3; 2,0 1,1; "             \
    "3,1,2,1 1,5,1,4; 5,11 same"
#define RG_ROW_NUMBERS(p) "5,11" p "; 17" p "; 3,1,17" p "; -" p "; 1,1" p "; 0,3" p
#define RG_ROW_REFUSES1 "2,3:i32; 4:u8"
#define RG_ROW_REFUSES2 "2,3 2,4; 2,3:i32 2,3:i32; 2,3:f64 2,3:f32; 3,2 3"

/* KINK(e): the hash that row_kernels.h makes of e. SMOOTH: none. */
#define RG_ROW_BRANCH_KINK(...) RG_BRANCH
#define RG_ROW_BRANCH_SMOOTH RG_ROW_NO_BRANCH
#define RG_ROW_NO_BRANCH(n) {NULL, NULL}

#ifndef RG_ROW_RULES_H
#define RG_ROW_RULES_H
/* The two parameters of a row are bounds: a NaN is none. */
static inline int rg_row_bounds(rg_tensor *y) {
    if (y->attr.p != y->attr.p || y->attr.q != y->attr.q)
        return rg_reject(y, RG_EVALUE, "the bounds are %g and %g", y->attr.p, y->attr.q);
    return 0;
}
#endif

/* The descriptor; further arguments are further members. */
#define RG_ROW_OP(n, text, operands, lo, hi, ...)                                                           \
    RG_OP(n) = {.name = #n, .formula = text, .arity = operands, .forward = RG_ROW_KERNEL(n), .range = {lo, hi}, \
        __VA_ARGS__};
#define RG_ROW_VJP(n, kinks)                                                                                \
    .backward = n##_backward, .fused = RG_ROW_KERNEL(n##_vjp), .branch = RG_ROW_BRANCH_##kinks(n##_branch)
/* The function; further arguments are the operands, as rg_apply takes them. */
#define RG_ROW_CALL(n, parameters, attr, ...)                                                               \
    rg_tensor *rg_##n##_at parameters;                                                                      \
    rg_tensor *rg_##n##_at parameters { return rg_apply(&rg_op_##n, at, attr, __VA_ARGS__); }
#define RG_ROW_CALL1(n) RG_ROW_CALL(n, (const char *at, rg_tensor *x), RG_NO_ATTR, 1, &x)
#define RG_ROW_CALL2(n) RG_ROW_CALL(n, (const char *at, rg_tensor *a, rg_tensor *b), RG_NO_ATTR, RG_IN(a, b))

#define RG_ROW_RULE1(n, text, dx0, kinks, lo, hi, ...)                                                      \
    static void n##_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                                 \
        const double p = y->attr.p, q = y->attr.q, p_ = p;                                                  \
        (void)q, (void)p_;                                                                                  \
        dx[0] = dx0;                                                                                        \
    }                                                                                                       \
    RG_ROW_OP(n, text, 1, lo, hi, RG_ROW_VJP(n, kinks), __VA_ARGS__)
#define UNARY(n, text, f, dx0, kinks, lo, hi)                                                               \
    RG_ROW_RULE1(n, text, dx0, kinks, lo, hi, .samples = RG_ROW_SAMPLES1, .refuses = RG_ROW_REFUSES1)       \
    RG_ROW_CALL1(n)
#define UNARYP(n, text, f, dx0, kinks, lo, hi, sample)                                                      \
    RG_ROW_RULE1(n, text, dx0, kinks, lo, hi,                                                               \
        .samples = RG_ROW_NUMBERS(" p=" #sample), .refuses = RG_ROW_REFUSES1)                               \
    RG_ROW_CALL(n, (const char *at, rg_tensor *x, double p), ((rg_attr){.p = p}), 1, &x)
#define UNARYPQ(n, text, f, dx0, kinks, lo, hi, sample_p, sample_q)                                         \
    RG_ROW_RULE1(n, text, dx0, kinks, lo, hi, .check = rg_row_bounds,                                       \
        .samples = RG_ROW_NUMBERS(" p=" #sample_p " q=" #sample_q),                                         \
        .refuses = RG_ROW_REFUSES1 "; 2,3 p=nan q=1; 2,3 p=0 q=nan")                                        \
    RG_ROW_CALL(n, (const char *at, rg_tensor *x, double p, double q), ((rg_attr){.p = p, .q = q}), 1, &x)

/* `integers`: the operator for integers, or NULL; then the samples and the refusals. */
#define RG_ROW_RULE2(n, text, da, db, kinks, lo, hi, integers, with, without)                               \
    static void n##_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                                 \
        if (rg_needs(y, 0)) dx[0] = da;                                                                     \
        if (rg_needs(y, 1)) dx[1] = db;                                                                     \
    }                                                                                                       \
    RG_ROW_OP(n, text, 2, lo, hi, RG_ROW_VJP(n, kinks), .others = integers, .samples = with, .refuses = without) \
    RG_ROW_CALL2(n)
#define RG_ROW_STEP(n, text, operands, lo, hi, integers, with, without)                                     \
    RG_ROW_OP(n, text, operands, lo, hi, .branch = RG_BRANCH(n##_branch), .others = integers, .samples = with, \
        .refuses = without)                                                                                 \
    RG_ROW_CALL##operands(n)
#define UNARY_STEP(n, text, f, lo, hi) RG_ROW_STEP(n, text, 1, lo, hi, NULL, RG_ROW_SAMPLES1, RG_ROW_REFUSES1)
#define BINARY(n, text, f, da, db, how, kinks, lo, hi)                                                      \
    RG_ROW_RULE2(n, text, da, db, kinks, lo, hi, NULL, RG_ROW_SAMPLES2, RG_ROW_REFUSES2)
#define BINARY_STEP(n, text, f, lo, hi) RG_ROW_STEP(n, text, 2, lo, hi, NULL, RG_ROW_SAMPLES2, RG_ROW_REFUSES2)
