/* kernels/matmul.c - matmul and linear: operands and leading dimensions brought to the form of gemm.h. */
#include <limits.h>

#include "gemm.h"

/* The leading dimensions of x, as a tensor whose elements are the matrices: all but n. */
static rg_tensor matrices(const rg_tensor *x, int n) {
    rg_tensor lead = {.ndim = (uint8_t)(x->ndim > n ? x->ndim - n : 0), .numel = 1};
    for (int d = 0; d < lead.ndim; d++) lead.numel *= lead.shape[d] = x->shape[d];
    return lead;
}

int RG_K(matmul)(rg_tensor *y) {
    const rg_tensor *a = y->in[0], *b = y->in[1];
    const bool ta = y->attr.matmul.ta, tb = y->attr.matmul.tb, row = a->ndim == 1, column = b->ndim == 1;
    rg_gemm p = {.n = row ? 1 : a->shape[a->ndim - (ta ? 1 : 2)], .k = a->shape[a->ndim - (ta ? 2 : 1)], .m = column ? 1 : b->shape[b->ndim - (tb ? 2 : 1)],
        .ta = ta, .tb = tb, .a = a->data, .b = b->data, .c = y->data};
    if (y->ndim + row + column <= 2) return RG_K(gemm)(y, &p);
    rg_tensor of_a = matrices(a, 2), of_b = matrices(b, 2);
    const rg_tensor of_y = matrices(y, 2 - row - column);

    /* One right side for all: the rows of a and y follow one another, as in a single product. */
    if (!ta && of_b.numel == 1 && (of_y.numel == 0 || p.n <= INT_MAX / of_y.numel)) {
        p.n *= of_y.numel;
        return RG_K(gemm)(y, &p);
    }
    rg_walk walk;
    rg_walk_init(&walk, of_y.ndim, of_y.shape, 2, (rg_tensor *[]){&of_a, &of_b});
    p.batch = &walk;
    return RG_K(gemm)(y, &p);
}

static int64_t rows_of(const rg_tensor *x) {
    int64_t n = 1;
    for (int d = 0; d < x->ndim - 1; d++) n *= x->shape[d];
    return n;
}

int RG_K(linear)(rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1], *b = y->in[2];
    const rg_gemm p = {.n = rows_of(x), .k = w->shape[0], .m = w->shape[1], .a = x->data, .b = w->data, .bias = b->data, .c = y->data};
    return RG_K(gemm)(y, &p);
}

enum { NARROW = 8 };

/* dx = dy w^T,  dw = x^T dy,  db = the sum of dy's rows, in their order */
int RG_K(linear_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const rg_tensor *x = y->in[0], *w = y->in[1], *b = y->in[2];
    const int64_t n = rows_of(x), in = w->shape[0], out = w->shape[1];
    for (int i = 0; i < 3; i++)
        if (rg_needs(y, i) && rg_failed(rg_dx(y, dx, i))) return -1;
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
