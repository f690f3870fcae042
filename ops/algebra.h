/* algebra.h - the vocabulary of elementwise.def, with its two expansions: C arithmetic on elements (kernel sources, which have
   `real`), or ops on tensors (everything else). To add a word, add it to both.                                             */
#ifndef RG_ALGEBRA_H
#define RG_ALGEBRA_H

#ifdef RG_KERNEL_H /* elements; C(v) is kernel.h's */
#define X x
#define A a
#define B b
#define Y f
#define DY df
#define NEG(u) (-(u))
#define ADD(u, v) ((u) + (v))
#define SUB(u, v) ((u) - (v))
#define MUL(u, v) ((u) * (v))
#define DIV(u, v) ((u) / (v))
#define GT(u, v) ((u) > (v))
#define EQ(u, v) ((u) == (v))
#define WHERE(c, u, v) ((c) ? (u) : (v))
#define SIGN(u) C(((u) > 0) - ((u) < 0))
#define EXP(u) R(exp)(u)
#define LOG(u) R(log)(u)
#define MAX(u, v) ((u) < (v) ? (v) : (u))
#define SIGMOID(u) (C(1) / (C(1) + R(exp)(-(u))))
#define POWER(u, e) R(pow)(u, (real)(e))
#else /* tensors */
#define X y->in[0]
#define A y->in[0]
#define B y->in[1]
#define Y y
#define DY dy
#define C(v) rg_constant(y, v) /* rank 0, in y's dtype */
#define NEG(u) rg_neg(u)
#define ADD(u, v) rg_add(u, v)
#define SUB(u, v) rg_sub(u, v)
#define MUL(u, v) rg_mul(u, v)
#define DIV(u, v) rg_div(u, v)
#define GT(u, v) rg_gt(u, v)
#define EQ(u, v) rg_eq(u, v)
#define WHERE(c, u, v) rg_where(c, u, v)
#define SIGN(u) rg_sign(u)
#define EXP(u) rg_exp(u)
#define LOG(u) rg_log(u)
#define MAX(u, v) rg_maximum(u, v)
#define SIGMOID(u) rg_sigmoid(u)
#define POWER(u, e) rg_pow_scalar(u, e)
#endif
#endif
