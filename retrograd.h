/* retrograd.h - a miniature autograd tensor engine. Record a computation on a tape, run the tape backwards for its
   gradients. */
#ifndef RETROGRAD_H
#define RETROGRAD_H

#include "engine/engine.h" /* the tape and its tensors */
#include "ops/ops.h"       /* operators */
#include "nn/nn.h"         /* parameters, layers, optimisers, data */

#endif
