/* kernels/matmul.c - matmul and linear: operands and leading dimensions brought to the form of gemm.h. */
#include <limits.h>

#include "gemm.h"

/* The product of all dimensions but the last n: matrices in x, or rows. */
static int64_t leading(const rg_tensor *x, int n) {
    int64_t count = 1;
    for (int d = 0; d < x->ndim - n; d++) count *= x->shape[d];
    return count;
}

int RG_K(matmul)(rg_tensor *y) {
    const rg_tensor *a = y->in[0], *b = y->in[1];
    const bool ta = y->attr.matmul.ta, tb = y->attr.matmul.tb, row = a->ndim == 1, column = b->ndim == 1;
    rg_gemm p = {.n = row ? 1 : a->shape[a->ndim - (ta ? 1 : 2)], .k = a->shape[a->ndim - (ta ? 2 : 1)],
        .m = column ? 1 : b->shape[b->ndim - (tb ? 2 : 1)],
        .ta = ta, .tb = tb, .a = a->data, .b = b->data, .c = y->data};
    const int lead = y->ndim + row + column - 2;
    if (lead <= 0) return RG_K(gemm)(y, &p);

    /* One right side for all: the rows of a and y follow one another, as in a single product. */
    const int64_t count = leading(y, y->ndim - lead);
    if (!ta && leading(b, 2) == 1 && (count == 0 || p.n <= INT_MAX / count)) {
        p.n *= count;
        return RG_K(gemm)(y, &p);
    }
    rg_walk walk;
    rg_walk_init(&walk, lead, y->shape, 2,
        (unsigned[]){rg_walk_has(lead, a->ndim - 2, a->shape), rg_walk_has(lead, b->ndim - 2, b->shape)});
    p.batch = &walk;
    return RG_K(gemm)(y, &p);
}

int RG_K(linear)(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1], *b = y->in[2];
    const rg_gemm p = {.n = leading(x, 1), .k = w->shape[0], .m = w->shape[1], .a = x->data, .b = w->data, .bias = b->data, .c = y->data};
    return RG_K(gemm)(y, &p);
}

enum { NARROW = 8 };

/* dx = dy w^T,  dw = x^T dy,  db = the sum of dy's rows, in their order */
int RG_K(linear_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_tensor *x = y->in[0], *w = y->in[1], *b = y->in[2];
    const int64_t n = leading(x, 1), in = w->shape[0], out = w->shape[1];
    for (int i = 0; i < 3; i++)
        if (rg_needs(y, i) && !rg_make_dx(y, dx, i)) return -1;
    if (dx[0] && RG_K(gemm)(y, &(rg_gemm){.n = n, .k = out, .m = in, .tb = true, .a = dy->data, .b = w->data, .c = dx[0]->data})) return -1;
    if (dx[1] && RG_K(gemm)(y, &(rg_gemm){.n = in, .k = n, .m = out, .ta = true, .a = x->data, .b = dy->data, .c = dx[1]->data})) return -1;
    if (!dx[2]) return 0;
    const real *restrict from = dy->data;
    real *restrict to = dx[2]->data;
    if (out < NARROW) { /* a sum at a time stays in a register */
        for (int64_t j = 0; j < out; j++) {
            real sum = 0;
            for (int64_t i = 0; i < n; i++) sum += from[i * out + j];
            to[j] = sum;
        }
        return 0;
    }
    memset(to, 0, (size_t)b->numel * sizeof *to);
    for (int64_t i = 0; i < n; i++, from += out)
        for (int64_t j = 0; j < out; j++) to[j] += from[j];
    return 0;
}
