/* systems.h - the published systems: each function rebuilds one, prints its rows into the report, and returns -1 after an error. */
#ifndef RETROGRAD_PUBLISHED_SYSTEMS_H
#define RETROGRAD_PUBLISHED_SYSTEMS_H

#include "report.h"

typedef struct settings {
    const char *data; /* folder with mnist/ and cifar-10-batches-bin/ */
    int threads;      /* for large ops; the results are the same bits */
} settings;

int perceptron(report *r, const settings *s);               /* 004, as are the next five */
int softmax_demo(report *r, const settings *s);
int cross_entropy_cases(report *r, const settings *s);
int one_hot_demo(report *r, const settings *s);
int initial_weights(report *r, const settings *s);
int mlp_xor(report *r, const settings *s);
int model5(report *r, const settings *s);                   /* 003 */

#endif
