/* operator.c - an operator of your own with its derivative, and the check that finds a wrong derivative.

   An elementwise operator is one row: name, formula, value, derivative, range of samples. From it come both dtypes, loops that
   the compiler vectorises, derivatives of any order, refusals of wrong operands, and samples for the check.                 */
#include <retrograd.h>
#include <retrograd/ops/gradcheck.h>
#include <stdio.h>

#define RG_ROW \
    UNARY(bell, "e^(-x^2)", EXP(-x * x), MUL(DY, MUL(C(-2), MUL(X, Y))), SMOOTH, -2, 2) \
    UNARY(wrong, "x^3", x * x * x, MUL(DY, MUL(X, X)), SMOOTH, -2, 2) /* 3 x^2 is right */
#include <retrograd/ops/row.h>
#define rg_bell(x) rg_bell_at(RG_AT, x) /* so that messages name the line of the call */

/* A function of several operators, to be checked as a whole. */
static rg_tensor *model(void *ctx, rg_tensor *const *in) {
    (void)ctx;
    return rg_sum(rg_mul(rg_bell(rg_matmul(in[0], in[1])), in[2]));
}

int main(void) {
    rg_tape *t = rg_tape_new(1);
    rg_check good = rg_gradcheck_op(rg_op_find("bell"), .order = 3), bad = rg_gradcheck_op(rg_op_find("wrong"));
    printf("bell: %s, first and second derivatives\n", rg_verdict_name(good.failed));
    printf("wrong: %s, error %.2f\n", rg_verdict_name(bad.failed), bad.error);

    rg_set_default_dtype(t, RG_F64); /* derivatives are checked in f64 */
    rg_tensor *x = rg_requires_grad(rg_normal(t, 0, 1, 4, 3), true), *w = rg_requires_grad(rg_normal(t, 0, 1, 3, 5), true);
    rg_tensor *c = rg_normal(t, 0, 1, 5);
    rg_check whole = rg_gradcheck(model, NULL, rg_list_of(x, w, c), .order = 3);
    printf("a model with it: %s, %d derivatives compared\n", rg_verdict_name(whole.failed), (int)whole.checked);

    rg_tensor *labels = rg_input(t, ((int32_t[]){1, 2}), 2);
    rg_on_error(t, NULL, NULL); /* no line on stderr */
    rg_bell(labels);
    printf("%s\n", rg_error(t));
    rg_error_clear(t);
    rg_tape_free(t);
    return good.failed || whole.failed || bad.failed != RG_CHECK_WRONG;
}

/* It prints:

bell: passed, first and second derivatives
wrong: WRONG, error 0.67
a model with it: passed, 55 derivatives compared
bell: [2] i32: operand 1 must be a float, not i32; rg_cast converts (operator.c:35)
*/
