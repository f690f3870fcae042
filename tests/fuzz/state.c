/* state.c - rg_state_load of a whole run with Adam or L-BFGS, a loader and a generator, perhaps with averages; then the run goes on. */
#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return load_and_go_on(data, size, true), 0; }
