/* kernels/elementwise.c - the loops of elementwise.def: values, fused vector-Jacobian products, branches. */
#include "ops/kernels/each.h"

#define RG_ROW_FN(n) n
#define RG_ROW_STATIC
#include "ops/row_kernels.h"

#include "ops/elementwise.def"
