/* product.c - the three products that backpropagation needs, by three loops. */
#include "manual.h"

/* C_ij = sum over l of A_il B_lj, one l after the other */
static void product(real *C, const real *A, bool ta, const real *B, bool tb, int64_t n, int64_t k, int64_t m) {
    const int64_t down_a = ta ? 1 : k, right_a = ta ? n : 1, down_b = tb ? 1 : m, right_b = tb ? k : 1;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < m; j++) C[i * m + j] = 0;
        for (int64_t l = 0; l < k; l++) {
            const real a = A[i * down_a + l * right_a];
            for (int64_t j = 0; j < m; j++) C[i * m + j] += a * B[l * down_b + j * right_b];
        }
    }
}

void times(real *C, const real *A, const real *B, int64_t n, int64_t k, int64_t m) { product(C, A, false, B, false, n, k, m); }
void transposed_times(real *C, const real *A, const real *B, int64_t n, int64_t k, int64_t m) { product(C, A, true, B, false, n, k, m); }
void times_transposed(real *C, const real *A, const real *B, int64_t n, int64_t k, int64_t m) { product(C, A, false, B, true, n, k, m); }
