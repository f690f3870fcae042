/* gradcheck.h - gradient check: are the derivatives right? Compares the tape's gradients with finite differences,
   element by element, in f64.

       static rg_tensor *loss(void *ctx, rg_tensor *const *in) { return rg_mse(rg_matmul(in[0], in[1]), ctx); }

       rg_set_default_dtype(t, RG_F64);                          before the leaves are made
       rg_tensor *x = rg_requires_grad(rg_input(t, numbers, 4, 3), true);
       rg_tensor *w = rg_param(t, "w", RG_HE_NORMAL, 3, 2), *target = rg_normal(t, 0, 1, 4, 2);
       rg_check c = rg_gradcheck(loss, target, rg_list_of(x, w));
       if (c.failed) rg_check_print(&c, "loss", stderr);

   Each element of each operand that requires a gradient is moved by h = 7.4e-4 max(1, |x|) times -2 -1 1 2 (five
   points, error O(h^4)). The results are differenced one by one and then contracted with a random cotangent w, so
   that two mistakes do not cancel in a sum. If a is the tape's number and n the difference, the error is |a - n| /
   max(|a|, |n|, 1e-3 max(1, sum |w_j y_j|)). The tape's number is taken twice, from a plain pass and from one with
   .create_graph; the worse one counts. Order 2 does the same with the tape's own first gradient, as a function of
   the operands and of its cotangent. If the branches taken (the sides of relu's kink, say) differ between the
   points, the element is left out and counted. */
#ifndef RG_GRADCHECK_H
#define RG_GRADCHECK_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rg_op; /* an operator's descriptor: engine/op.h */

/* Builds a result of any shape from operands, the same result for the same values. It is called many times; the
   tape's generator is put back before every call, so that dropout draws the same mask. What it makes is rewound. */
typedef rg_tensor *(*rg_fn)(void *ctx, rg_tensor *const *in);

typedef struct rg_gradcheck_options {
    int order;     /* 1 (the default): first derivatives; 2: second; 3: both */
    double tolerance; /* the largest error that passes; default 1e-8 */
    uint64_t seed; /* for the cotangents; in rg_gradcheck_op also for the operands' values */
    RG_NAMED;
} rg_gradcheck_options;

typedef enum rg_verdict {
    RG_CHECK_PASSED,
    RG_CHECK_WRONG,  /* the error of some element exceeds the tolerance */
    /* more than 2% of the elements were left out. Normal for a whole net with relu: look at .error instead */
    RG_CHECK_KINKED,
    RG_CHECK_FEW,    /* rg_gradcheck_op: an operand has fewer than 100 elements in all samples together */
    RG_CHECK_BROKEN  /* there was no check: an error in fn, operands that cannot be checked */
} rg_verdict;

typedef struct rg_check {
    rg_verdict failed;
    double error, analytic, numeric; /* of the worst element */
    int order, operand;              /* of the worst element: in[operand]; in[n] is the cotangent, at order 2 */
    int64_t index;
    int64_t checked, left_out;       /* elements that were compared; not compared, being too near to a kink */
    /* rg_gradcheck_op: number of samples that were differentiated; 0 for an op without derivative */
    int samples;
    char text[240];                  /* where the worst element is, or why there was no check */
} rg_check;

/* Checks the gradients of a function of yours. The operands are f64 leaves; those that require a gradient are checked,
   the others stay constant. fn is given these tensors themselves, with their values changed in place: it may as well
   reach them through ctx. So a net is checked by rg_list_join(rg_nn_params(net), rg_list_of(x)), and fn calls
   rg_nn_forward(ctx, ..). Afterwards values, gradients and the record are as they were. An error (also one of fn) stays
   on the tape and makes the verdict RG_CHECK_BROKEN. */
rg_check rg_gradcheck(rg_fn fn, void *ctx, rg_list in, rg_gradcheck_options options);

/* Checks an operator on all its samples, on a new tape: with all float operands requiring a gradient, then, if there
   are several, with each of them frozen in turn. The command gradcheck --load also tries what the op refuses. */
rg_check rg_gradcheck_op(const struct rg_op *op, rg_gradcheck_options options);

/* a hash of the branches taken by all ops recorded since the mark */
RG_PLAIN uint64_t rg_branch_hash(rg_tape *t, int64_t mark);

/* One line: "NAME: WRONG: order 1, in[0] (w) element 5 of [2,3]: analytic 0.25, numeric 0.5, error 0.5 > 1e-08". */
void rg_check_print(const rg_check *c, const char *name, FILE *to);
const char *rg_verdict_name(rg_verdict v); /* "WRONG" */

#ifdef __cplusplus
}
#endif

#include "gradcheck_calls.h"
#endif
