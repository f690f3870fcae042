/* chain.c - chain N: a chain of N operators forward, backward, and freed. Prints the bytes per node; exits 1 above 256 of them,
   or on a wrong gradient. Run with a small stack it shows that nothing recurses over the depth of the graph. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/op.h"
#include "ops/ops.h"

static rg_tensor *chain(rg_tensor *x, long n) {
    for (long i = 0; i < n; i++) x = i % 2 ? rg_neg(x) : rg_mul_scalar(x, -1);
    return x;
}

int main(int argc, char **argv) {
    const long n = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (n < 1) return fprintf(stderr, "usage: chain N\n"), 2;
    rg_tape *t = rg_tape_new(1);
    rg_tensor *w = rg_parameter(t, "w"), *out[1];
    rg_write(w, &(const float){3});
    const rg_memory_stats before = rg_memory(t);
    rg_tensor *y = chain(w, n);
    const rg_memory_stats after = rg_memory(t);
    const double used = (double)(after.bytes - before.bytes) / (double)n, reserved = (double)(after.reserved - before.reserved) / (double)n;
    const double sign = n % 2 ? -1 : 1;
    int bad = rg_backward(y) != 0 || rg_item(y) != 3 * sign || rg_item(rg_grad_of(w)) != sign;
    bad |= rg_grad(y, rg_list_of(w), out) != 0 || rg_item(out[0]) != sign;
    const bool small = reserved <= 256 || n < 100000; /* a short chain does not fill its first blocks */
    rg_tape_reset(t);
    bad |= rg_memory(t).recorded != 0 || rg_memory(t).tensors != 2;
    chain(w, n / 10);
    bad |= rg_error(t) != NULL;
    rg_tape_free(t); /* with a record still on it */
    printf("%ld nodes: %.1f bytes each, %.1f with what the pool rounds up%s%s\n", n, used, reserved, small ? "" : ": MORE THAN 256",
        bad ? ": WRONG" : "");
    return bad || !small;
}
