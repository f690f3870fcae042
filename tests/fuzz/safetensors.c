/* safetensors.c - rg_nn_load, also in PyTorch's layout and of what fits, and a training step with what was loaded; the file as a list. */
#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return load_and_go_on(data, size, false), 0; }
