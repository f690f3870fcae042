/* behaviour.h - what an operator does besides its derivative: the same in f32 and f64, recorded and played; and what it refuses. */
#ifndef RETROGRAD_TOOLS_BEHAVIOUR_H
#define RETROGRAD_TOOLS_BEHAVIOUR_H

#include "engine/op.h"

typedef struct behaviour {
    int samples, refusals;
    double apart;   /* the largest difference between f32 and f64, of results and gradients, relative to the largest number there */
    bool failed;
    char text[300]; /* what is wrong, or why a sample cannot be played, which is no failure */
} behaviour;

/* Every sample and every refusal of op. */
behaviour behaviour_of(const rg_op *op, uint64_t seed);

#endif
