/* functional.h - derivatives of whole functions: Jacobians, Hessians, products with them; recomputing a span of the
   record instead of keeping it; finding the op that made a NaN; where the time goes.

       rg_tensor *y = model(x);                            recorded as ever, x requiring a gradient
       rg_tensor *j = rg_jacobian(y, x);                   J, of y's shape followed by x's
       rg_hvp(loss, rg_list_of(x), rg_list_of(v), &hv);    H v, without H

   As rg_grad they take what was recorded, leave every rg_grad_of alone, and with .create_graph give results that can be
   differentiated again; else all that was needed on the way is released. v' J is rg_grad(y, rg_list_of(x), &g, .dy =
   v). */
#ifndef RG_FUNCTIONAL_H
#define RG_FUNCTIONAL_H

#include "../engine/engine.h"
#include "gradcheck.h" /* rg_fn */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_graph_options {
    bool create_graph;
    RG_NAMED;
} rg_graph_options;
/* v[j] has x[j]'s shape and dtype. An x without a connection to y gives zeros. */
/* dy/dx, [y's shape.., x's shape..], at most 6 dimensions; a pass per element of y */
rg_tensor *rg_jacobian(rg_tensor *y, rg_tensor *x, rg_graph_options options);
/* d^2 y/dx^2 of a one-element y, [x's shape.., x's shape..]; a pass per element of x */
rg_tensor *rg_hessian(rg_tensor *y, rg_tensor *x, rg_graph_options options);
/* out[i] = sum_j d^2 y/dx[i]dx[j] v[j], y of one element */
int rg_hvp(rg_tensor *y, rg_list x, rg_list v, rg_tensor *out[], rg_graph_options options);
/* sum_j dy/dx[j] v[j], of y's shape; two passes */
rg_tensor *rg_jvp(rg_tensor *y, rg_list x, rg_list v, rg_graph_options options);

/* fn(ctx, in), whose record is released at once: a pass runs fn again for it, with the tape's generator as it was.
   Values and gradients have the bits of the plain call; higher derivatives are sums in another order. Whatever fn reads
   gets its gradient, in[] or captured through ctx: at most 255 tensors of one dtype. ctx and what it points to must
   stay until the pass, and fn must do the same again, or the pass is RG_ESTATE; what it writes elsewhere (running
   statistics), it writes twice; older leaves it may not rg_write. `in` has at least one. */
rg_tensor *rg_checkpoint(rg_fn fn, void *ctx, rg_list in);

/* Which op made the first NaN or infinity? Looks through the record in order of execution, then runs the pass from its
   last one-element result once more, touching no gradient. 0: all is finite. -1: the tape has an RG_EVALUE that says it
   all:
       log: x[2,3]: element [0,1] is -inf: ln x = ln 0 (model.c:12)
       sqrt: x[3]: in backward the gradient of operand 1 is inf at element [2], where x = 0 and dy = 1:
             a / b = 0.5 / 0 (model.c:12)
   Call it before the optimiser's step. An infinity that was put into a leaf (a mask) counts only where the last result
   is not finite. */
RG_PLAIN int rg_check_finite(rg_tape *t);

/* Where does the time of a step go? From rg_profile(t, true) to rg_profile(t, false) each run of an operator is timed
   by the clock on the wall, recorded or played (rg_play); true once more begins anew. The table has a line per
   operator, the slowest first: calls, milliseconds and bytes (MB is 10^6) forward and backward, and the share of the
   time; then the sums, and the time since it was switched on, which has what is between the operators as well. Bytes:
   of results forward, of the operands' gradients backward. What a derivative is composed of, and the addition of
   gradients that meet, count as the backward of its operator; in a replay of what .create_graph recorded, each counts
   for itself. 0, or -1 after an error. */
int rg_profile(rg_tape *t, bool on);
int rg_profile_print(rg_tape *t, FILE *to);

#ifdef __cplusplus
}
#endif

#include "functional_calls.h"
#endif
