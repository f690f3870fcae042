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
int simple_nn(report *r, const settings *s);                /* 004 */
int pytorch_twin(report *r, const settings *s);             /* 004 */
int modular_raw(report *r, const settings *s);              /* 001 */
int modular_scaled(report *r, const settings *s);           /* 001 */
int submission(report *r, const settings *s);               /* 001 */
int init_bug(report *r, const settings *s);                 /* 001 */
int scratch_net(report *r, const settings *s);              /* 000 */
int regularised(report *r, const settings *s);              /* 002 */

#endif
