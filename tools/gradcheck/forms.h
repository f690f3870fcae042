/* forms.h - what closed forms are written with: elements of tensors, and where one operand's lie under another's. */
#ifndef RETROGRAD_TOOLS_FORMS_H
#define RETROGRAD_TOOLS_FORMS_H

#include "engine/op.h"
#include "ops/sample.h"

/* dx[i][k] += sum_j w_j dy_j / dx_ik, for the operands in[i] of y. */
typedef void form(const rg_sample *s, rg_tensor *const *in, const rg_tensor *y, const double *w, double *const *dx);
#define FORM(name) static void form_##name(__attribute__((unused)) const rg_sample *s, __attribute__((unused)) rg_tensor *const *in, \
    __attribute__((unused)) const rg_tensor *y, const double *w, double *const *dx)

typedef struct form_row { const char *op; form *form; } form_row;
extern const form_row forms_of_tensors[], forms_of_places[], forms_of_losses[]; /* each ends with a row of NULL */

static inline double at(const rg_tensor *x, int64_t k) { return rg_element(x, k); } /* a mask may be of any dtype */
static inline int axis_of(int axis, int ndim) { return axis < 0 ? axis + (ndim ? ndim : 1) : axis; } /* rank 0 has one axis */

/* where x's element is under y's element k, broadcast as in NumPy */
int64_t under(const rg_tensor *x, const rg_tensor *y, int64_t k);
void indices(const rg_tensor *y, int64_t k, int64_t i[RG_MAX_DIMS]);           /* k as an index for each dimension of y */
int64_t place(const rg_tensor *x, const int64_t i[RG_MAX_DIMS]);               /* and back */
/* Tensors without values, for `under`: the broadcast of n operands; matrices behind y's first `batch` dimensions. */
void broadcast(rg_tensor *wide, int n, rg_tensor *const *in);
void matrices(rg_tensor *wide, const rg_tensor *y, int batch, int64_t rows, int64_t columns);

/* An axis of x: k = (outer * n + i) * inner + j */
typedef struct line { int64_t outer, n, inner; } line;
line line_of(const rg_tensor *x, int axis);
static inline int64_t beginning(line l, int64_t k) { return k / (l.n * l.inner) * l.n * l.inner + k % l.inner; } /* of k's line */

#endif
