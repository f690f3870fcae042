/* npy.c - rg_npy_load. The first byte: 1 packs the rest before it is read, 2 puts the length of the header right. */
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[FILE_MOST];
    if (size < 1 || size > FILE_MOST) return 0;
    const size_t n = size - 1;
    memcpy(bytes, data + 1, n);
    const uint8_t *end = n > 10 ? memchr(bytes + 10, '\n', n - 10) : NULL;
    if (data[0] & 2 && end && end - bytes - 9 < 65536) {
        bytes[8] = (uint8_t)(end - bytes - 9);
        bytes[9] = (uint8_t)((end - bytes - 9) >> 8);
    }
    fuzz_begin();
    rg_tensor *x = rg_npy_load(t, data[0] & 1 ? fuzz_packed("file", bytes, n) : fuzz_file("file", bytes, n));
    if (!fuzz_refused(0)) {
        fuzz_saved_again(x);
        fuzz_use(x);
        rg_release(x);
    }
    fuzz_end();
    return 0;
}
