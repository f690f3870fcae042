/* functional.h - functions of a record: Jacobians, Hessians and products with them; recomputing instead of keeping
   (checkpoint); finding the operation that made a NaN; profiling.

       rg_tensor *y = model(x);                            recorded as usual; x requires a gradient
       rg_tensor *j = rg_jacobian(y, x);                   J, of y's shape followed by x's
       rg_hvp(loss, rg_list_of(x), rg_list_of(v), &hv);    H v, without H

   Like rg_grad they differentiate what was recorded and leave every rg_grad_of as it is. With .create_graph their
   results can be differentiated again; without it, what was computed on the way is released. v' J is rg_grad(y,
   rg_list_of(x), &g, .dy = v). */
#ifndef RG_FUNCTIONAL_H
#define RG_FUNCTIONAL_H

#include "../engine/engine.h"
#include "gradcheck.h" /* rg_fn */

#ifdef __cplusplus
extern "C" {
#endif

/* -------- Jacobians and Hessians */
typedef struct rg_graph_options {
    bool create_graph; /* records the passes: the result can be differentiated again; default false */
    RG_NAMED;
} rg_graph_options;
/* In all of them v[j] has x[j]'s shape and dtype. If y does not depend on x, the result is zeros. A slice of x made
   after y is such a case: pass x itself. */
/* The Jacobian dy/dx, [y's shape.., x's shape..], at most 6 dimensions; a pass per element of y. For y [n, k] whose row
   i depends only on row i of x [n, d], n Jacobians [k, d] need k passes, as there is no vmap:
   rg_grad(rg_sum(rg_slice(y, 1, j, j + 1)), rg_list_of(x), &g) is row j of each of them, [n, d]. */
rg_tensor *rg_jacobian(rg_tensor *y, rg_tensor *x, rg_graph_options options);
/* The Hessian d^2 y/dx^2 of a one-element y, [x's shape.., x's shape..]; a pass per element of x */
rg_tensor *rg_hessian(rg_tensor *y, rg_tensor *x, rg_graph_options options);
/* Hessian-vector product: out[i] = sum_j d^2 y/dx[i]dx[j] v[j]; y has one element */
int rg_hvp(rg_tensor *y, rg_list x, rg_list v, rg_tensor *out[], rg_graph_options options);
/* Jacobian-vector product: sum_j dy/dx[j] v[j], of y's shape; two passes */
rg_tensor *rg_jvp(rg_tensor *y, rg_list x, rg_list v, rg_graph_options options);

/* -------- recomputing, NaN, profiling */
/* Gradient checkpointing, to save memory: fn(ctx, in), whose record is released at once: a pass runs fn again, with the
   tape's generator as it was. Values and gradients have the bits of the plain call; higher derivatives are sums in
   another order. Whatever fn reads gets its gradient, in[] or captured through ctx: at most 255 tensors of one dtype.
   ctx and what it points to must stay until the pass. fn must compute the same again, or the pass fails with RG_ESTATE.
   fn runs twice, so it updates running statistics twice. fn must not rg_write to leaves older than the call. `in` has
   at least one tensor. */
rg_tensor *rg_checkpoint(rg_fn fn, void *ctx, rg_list in);

/* Which op made the first NaN or infinity? Looks through the record in order of execution, then runs the pass from its
   last one-element result once more, without changing a gradient. 0: everything is finite. -1: the tape has an
   RG_EVALUE with the place and the numbers:
       log: x[2,3]: element [0,1] is -inf: ln x = ln 0 (model.c:12)
       sqrt: x[3]: in backward the gradient of operand 1 is inf at element [2], where x = 0 and dy = 1:
             a / b = 0.5 / 0 (model.c:12)
   Call it before the optimiser's step. An infinity that was put into a leaf (a mask) counts only if the last result
   is not finite. */
RG_PLAIN int rg_check_finite(rg_tape *t);

/* Where does the time of a step go? Between rg_profile(t, true) and rg_profile(t, false) the wall-clock time of each
   run of an operator is measured, also in a replay (rg_play). A second rg_profile(t, true) starts from zero. The
   table has a line per operator, the slowest first: calls, milliseconds and bytes (MB is 10^6) forward and backward,
   and the share of the time; then the sums, and the time since the profile was switched on, which includes the time
   between operators. Bytes are those of the results forward, of the operands' gradients backward. The ops inside a
   derivative, and the addition of its gradients to others, count as the backward of its operator. In a replay of what
   .create_graph recorded, each op counts for itself. 0, or -1 after an error. */
int rg_profile(rg_tape *t, bool on);
int rg_profile_print(rg_tape *t, FILE *to);

#ifdef __cplusplus
}
#endif

#include "functional_calls.h"
#endif
