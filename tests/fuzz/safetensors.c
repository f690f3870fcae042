/* safetensors.c - rg_nn_load, and a training step with what was loaded. */
#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return load_and_go_on(data, size, false), 0; }
