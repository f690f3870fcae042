/* closed_forms.h - derivatives as textbooks print them, in plain C over arrays: nothing of the tape's or the operators' is used. */
#ifndef RETROGRAD_TOOLS_CLOSED_FORMS_H
#define RETROGRAD_TOOLS_CLOSED_FORMS_H

#include "ops/sample.h"

/* dx[i] += sum_j w_j dy_j / dx_i for each float operand i, all f64. false: no closed form of this operator, or of this sample, is
   here. */
bool closed_form(const char *op, const rg_sample *s, rg_tensor *const *in, const rg_tensor *y, const double *w, double *const *dx);

#endif
