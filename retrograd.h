/* retrograd.h - the header for programs: it includes all that a program needs. */
#ifndef RETROGRAD_H
#define RETROGRAD_H

#include "engine/engine.h" /* the tape and its tensors */
#include "ops/ops.h"       /* operators */
#include "nn/nn.h"         /* parameters, layers, optimisers, data */

#endif
