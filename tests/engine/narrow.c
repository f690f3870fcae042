/* narrow.c - what is different where a pointer has 32 bits: sizes that 64 bits hold and 32 do not. A line "ok NAME" or "not ok NAME" a
   case. */
#include <stdio.h>
#include <stdlib.h>

#include "ops/ops.h"

static int failed;

static void check(const char *name, bool good) {
    printf("%s %s\n", good ? "ok" : "not ok", name);
    fflush(stdout);
    failed += !good;
}

/* Is it refused, as too large or as more than there is? */
static bool refused(rg_tape *t, rg_tensor *x) {
    const rg_code code = rg_error_code(t);
    const bool good = rg_failed(x) && (code == RG_ENOMEM || code == RG_ESHAPE);
    if (!good) fprintf(stderr, "code %d, %s\n", (int)code, rg_error(t) ? rg_error(t) : "no error");
    rg_error_clear(t);
    return good;
}

int main(void) {
    rg_tape *t = rg_tape_new(1);
    if (!t) return 1;
    rg_on_error(t, NULL, NULL);
    check("pointers have 32 bits", sizeof(void *) == 4);
    check("2^32 - 1 floats and one row more are refused", refused(t, rg_full(t, 1, 65536, 65537)));
    check("2^32 + 4 bytes of floats, which are 4 in 32 bits, are refused", refused(t, rg_full(t, 1, ((int64_t)1 << 30) + 1)));
    check("2^31 bytes, beyond what an object may have, are refused", refused(t, rg_full(t, 1, (int64_t)1 << 29)));
    check("so is the result of an op", refused(t, rg_outer(rg_full(t, 1, 65536), rg_full(t, 1, 65537))));
    check("and of one that repeats", refused(t, rg_expand(rg_full(t, 1, 1), 65536, 65537)));

    rg_tensor *x = rg_requires_grad(rg_full(t, 3, 5, 7), true);
    rg_tensor *y = rg_sum(rg_square(rg_matmul(x, rg_full(t, 1, 7, 2))));
    rg_backward(y);
    check("a product has its value", rg_item(y) == 10 * 21. * 21.);
    check("and its gradient", rg_grad_of(x) && rg_f32(rg_grad_of(x))[34] == 84);
    check("without an error", !rg_error(t));
    rg_tape_free(t);
    return failed > 0;
}
