/* perceptron.h - Rosenblatt's perceptron: one unit with a step for an activation, which learns from its mistakes.

   It has no gradient, as the step has none; its rule needs none. It cannot learn classes that no straight line separates,
   such as the exclusive or.                                                                                            */
#ifndef MANUAL_PERCEPTRON_H
#define MANUAL_PERCEPTRON_H

#include "manual.h"

#define perceptron BY_HAND(perceptron)
#define perceptron_output BY_HAND(perceptron_output)
#define perceptron_train BY_HAND(perceptron_train)

enum { PERCEPTRON_MOST = 16 };

typedef struct perceptron {
    int d;                    /* features, at most PERCEPTRON_MOST */
    real w[PERCEPTRON_MOST], b;
} perceptron;

int perceptron_output(const perceptron *p, const real *x);                                             /* x [d]: 0 or 1 */
/* `rounds` times through all samples, in order. X [n, d], y [n] of 0 and 1. Returns the mistakes of the last round: 0 when it is
   learned. */
int perceptron_train(perceptron *p, int64_t n, const real *X, const int *y, double rate, int rounds);

#endif
