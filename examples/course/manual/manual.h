/* manual.h - what the networks derived by hand share: their type, their products, their update rules, and a table by which
   what they computed can be looked at. No tape, no tensor, no operator: arrays and loops.

   Every source here is compiled twice, for float and, with MANUAL_F64, for double; BY_HAND(f) is the name of this copy: f_f32.

   A matrix is row-major with its shape in brackets; A' is A transposed; * between matrices is elementwise.       */
#ifndef MANUAL_H
#define MANUAL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef MANUAL_F64
typedef double real;
#define BY_HAND(name) name##_f64
#else
typedef float real;
#define BY_HAND(name) name##_f32
#endif

/* What a derivation names, "dW2" say, and where it is: real [rows, cols]. */
typedef struct quantity {
    char name[16];
    void *values;
    int64_t rows, cols;
} quantity;

/* -------- products (product.c); n, k, m are the sizes of what is multiplied, after transposition */
#define times BY_HAND(times)
#define transposed_times BY_HAND(transposed_times)
#define times_transposed BY_HAND(times_transposed)
void times(real *C, const real *A, const real *B, int64_t n, int64_t k, int64_t m);            /* C = A B     [n, m] = [n, k] . [k, m] */
void transposed_times(real *C, const real *A, const real *B, int64_t n, int64_t k, int64_t m); /* C = A' B    [n, m] = [k, n]' . [k, m] */
void times_transposed(real *C, const real *A, const real *B, int64_t n, int64_t k, int64_t m); /* C = A B'    [n, m] = [n, k] . [m, k]' */

/* -------- update rules (update.c) */
typedef struct rule {
    bool adam; /* else SGD */
    double lr;
    double momentum;          /* of SGD; 0 = none */
    double beta1, beta2, eps; /* of Adam: 0.9, 0.999, 1e-8 in its paper */
} rule;

/* Step `step`, counted from 1, of n parameters p with gradients g. m and v, zeros at first, are what the rule remembers. */
#define update BY_HAND(update)
void update(const rule *r, int64_t step, int64_t n, real *p, const real *g, real *m, real *v);

#endif
