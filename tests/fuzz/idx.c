/* idx.c - rg_read_idx. The first byte: whether the rest is packed before it is read. */
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    fuzz_begin();
    const char *path = data[0] & 1 ? fuzz_packed("file", data + 1, size - 1) : fuzz_file("file", data + 1, size - 1);
    rg_tensor *x = rg_read_idx(t, path);
    if (!fuzz_refused(0)) {
        fuzz_saved_again(x);
        fuzz_use(x);
        rg_release(x);
    }
    fuzz_end();
    return 0;
}
