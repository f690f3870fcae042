/* oracles.h - the derivative of each operator asked of four oracles that know nothing of each other. */
#ifndef RETROGRAD_TOOLS_ORACLES_H
#define RETROGRAD_TOOLS_ORACLES_H

#include <stdint.h>

/* Prints a row an operator. op NULL = all. torch: what tests/ops/torch_parity.py --table wrote, or NULL. Returns how many were found
   wrong. */
int oracles(const char *op, uint64_t seed, const char *torch);

#endif
