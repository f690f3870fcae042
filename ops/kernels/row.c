/* kernels/row.c - each.h for rows outside of the library, whose loops are compiled there: see row.h. */
#define RG_ROW /* none: for its prototypes */
#include "ops/row.h"

#ifndef RG_KERNEL_AVX2 /* one copy: the loops are what takes the time */
#include "ops/kernels/each.h"

#define ROW_FN(n) RG_PASTE(rg_row_##n##_, RG_SUFFIX_DTYPE)
int ROW_FN(each1)(rg_tensor *y, loop1 *loop) { return each1(y, loop); }
int ROW_FN(each2)(rg_tensor *y, loop2 *loop) { return each2(y, loop); }
int ROW_FN(each_vjp1)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, vjp1 *loop) { return each_vjp1(y, dy, dx, loop); }
int ROW_FN(each_vjp2)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, vjp2 *a, vjp2 *b, vjp_both *both) {
    return each_vjp2(y, dy, dx, a, b, both);
}
uint64_t ROW_FN(branch1)(const rg_tensor *y, code1 *code) { return branch1(y, code); }
uint64_t ROW_FN(branch2)(const rg_tensor *y, code2 *code) { return branch2(y, code); }
#endif
