/* sigmoid.h - the 2-2-1 network that learns the exclusive or, sigmoid in both layers; with the hidden layer as wide as wanted.

   n samples of d features, h hidden units, one output:

       X [n, d]    W1 [d, h]    b1 [h]    Z1 A1 [n, h]    W2 [h, 1]    b2 [1]    Z2 A2 Y [n, 1]

       Z1 = X W1 + b1    A1 = s(Z1)    Z2 = A1 W2 + b2    A2 = s(Z2)        s(z) = 1 / (1 + e^-z)
       loss = 1/2 sum_i (A2_i - Y_i)^2        mean = 1/n sum_i (A2_i - Y_i)^2

   It learns by the gradient of `loss` but prints `mean`, as is often done: for four samples the gradient of `mean` is half as
   long, and wants twice the learning rate.                                                                               */
#ifndef MANUAL_SIGMOID_H
#define MANUAL_SIGMOID_H

#include "manual.h"

#define sigmoid_net BY_HAND(sigmoid_net)
#define sigmoid_new BY_HAND(sigmoid_new)
#define sigmoid_free BY_HAND(sigmoid_free)
#define sigmoid_forward BY_HAND(sigmoid_forward)
#define sigmoid_backward BY_HAND(sigmoid_backward)
#define sigmoid_update BY_HAND(sigmoid_update)
#define sigmoid_quantities BY_HAND(sigmoid_quantities)

enum { SIGMOID_PARAMETERS = 4, SIGMOID_QUANTITIES = 13 };

typedef struct sigmoid_net {
    int64_t d, h;
    int64_t n, room;                                 /* samples of the last forward pass; at most */
    real *W1, *b1, *W2, *b2;                         /* the parameters */
    real *X, *Y, *Z1, *A1, *Z2, *A2;                 /* left by sigmoid_forward */
    real loss, mean;
    real *dA2, *dZ2, *dW2, *db2, *dA1, *dZ1, *dW1, *db1; /* left by sigmoid_backward: d loss / d what the name says, and of its shape */
    real *m[SIGMOID_PARAMETERS], *v[SIGMOID_PARAMETERS]; /* what the update rule remembers of W1 b1 W2 b2 */
    int64_t steps;
    real *memory;                                    /* all arrays lie in it */
} sigmoid_net;

sigmoid_net *sigmoid_new(int64_t d, int64_t h, int64_t room); /* parameters are zeros at first. NULL when there is no memory */
void sigmoid_free(sigmoid_net *net);
void sigmoid_forward(sigmoid_net *net, int64_t n, const real *X, const real *Y); /* n <= room */
void sigmoid_backward(sigmoid_net *net);                                         /* after sigmoid_forward */
void sigmoid_update(sigmoid_net *net, const rule *r);                            /* after sigmoid_backward */
/* Z1 A1 Z2 A2 loss dA2 dZ2 dW2 db2 dA1 dZ1 dW1 db1. Returns how many. */
int sigmoid_quantities(const sigmoid_net *net, quantity to[SIGMOID_QUANTITIES]);

#endif
