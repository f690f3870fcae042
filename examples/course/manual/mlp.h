/* mlp.h - a network of k linear layers with ReLU between them, softmax and cross-entropy at the end, and an optional L2 term:
   backpropagation derived and written by hand, samples as rows.

   n samples, d0 features, widths d1 .. dk. For each layer l from 1 to k

       Wl [d(l-1), dl]    bl [dl]    Zl Al [n, dl]    A0 = X [n, d0]    y [n] labels    Y [n, dk] the labels as one-hot rows

       Zl = A(l-1) Wl + bl        Al = max(Zl, 0) for l < k        Ak = softmax of each row of Zk
       loss = -1/n sum_i log Ak[i, y_i]  +  lambda sum_l ||Wl||^2

   Index l counts from 1, as in the derivation: W[1] is W1. Index 0 is empty, but for A[0].                            */
#ifndef MANUAL_MLP_H
#define MANUAL_MLP_H

#include "manual.h"

#define mlp BY_HAND(mlp)
#define mlp_new BY_HAND(mlp_new)
#define mlp_free BY_HAND(mlp_free)
#define mlp_forward BY_HAND(mlp_forward)
#define mlp_backward BY_HAND(mlp_backward)
#define mlp_update BY_HAND(mlp_update)
#define mlp_quantities BY_HAND(mlp_quantities)

enum { MLP_LAYERS = 17, MLP_QUANTITIES = 7 * MLP_LAYERS };

typedef struct mlp {
    int layers;                    /* k */
    int64_t size[MLP_LAYERS + 1];  /* d0 .. dk */
    double lambda;
    int64_t n, room;               /* samples of the last forward pass; at most */
    int32_t *y;                    /* [n] */
    real *W[MLP_LAYERS + 1], *b[MLP_LAYERS + 1];   /* the parameters */
    real *Z[MLP_LAYERS + 1], *A[MLP_LAYERS + 1];   /* left by mlp_forward */
    real loss;
    real *dZ[MLP_LAYERS + 1], *dA[MLP_LAYERS + 1]; /* left by mlp_backward: d loss / d what the name says, and of its shape */
    real *dW[MLP_LAYERS + 1], *db[MLP_LAYERS + 1];
    real *mW[MLP_LAYERS + 1], *mb[MLP_LAYERS + 1]; /* what the update rule remembers */
    real *vW[MLP_LAYERS + 1], *vb[MLP_LAYERS + 1];
    int64_t steps;
    real *memory;                  /* all arrays of reals lie in it */
} mlp;

/* Parameters are zeros at first. NULL when there is no memory, or layers is not 1 .. MLP_LAYERS. */
mlp *mlp_new(int layers, const int64_t *size, int64_t room, double lambda);
void mlp_free(mlp *net);
void mlp_forward(mlp *net, int64_t n, const real *X, const int32_t *y); /* X [n, d0], 0 <= y < dk, n <= room */
void mlp_backward(mlp *net);                                            /* after mlp_forward */
void mlp_update(mlp *net, const rule *r);                               /* after mlp_backward */
/* Z1 A1 .. Zk Ak loss dZk dWk dbk dA(k-1) dZ(k-1) .. dW1 db1, in the order they are computed in. Returns how many. */
int mlp_quantities(const mlp *net, quantity to[MLP_QUANTITIES]);

#endif
