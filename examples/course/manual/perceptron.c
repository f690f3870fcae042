/* perceptron.c - the perceptron's output and its learning rule (Rosenblatt 1958). */
#include "perceptron.h"

/* step(w . x + b), where step(z) = 1 for z >= 0. At 0 it says 1: with zero weights everything is a yes. */
int perceptron_output(const perceptron *p, const real *x) {
    real z = p->b;
    for (int j = 0; j < p->d; j++) z += p->w[j] * x[j];
    return z >= 0;
}

int perceptron_train(perceptron *p, int64_t n, const real *X, const int *y, double rate, int rounds) {
    int mistakes = 0;
    for (int round = 0; round < rounds; round++) {
        mistakes = 0;
        for (int64_t i = 0; i < n; i++) {
            /* w = w + rate (y - output) x,   b = b + rate (y - output):   after each sample, and nothing where it was right */
            const real *x = X + i * p->d, change = (real)rate * (real)(y[i] - perceptron_output(p, x));
            for (int j = 0; j < p->d; j++) p->w[j] += change * x[j];
            p->b += change;
            mistakes += change != 0;
        }
    }
    return mistakes;
}
