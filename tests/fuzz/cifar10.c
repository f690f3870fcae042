/* cifar10.c - rg_read_cifar10. A byte: how many rows of 3073 bytes; another: how many bytes over, the highest bit to pack them. The rest,
   over and over, fills them. */
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[5 * 3073];
    if (size < 3) return 0;
    const size_t n = data[0] % 4u * 3073 + data[1] % 128u;
    for (size_t i = 0; i < n; i++) bytes[i] = data[2 + i % (size - 2)];
    fuzz_begin();
    if (data[1] & 0x80) fuzz_packed("test_batch.bin", bytes, n);
    else fuzz_file("test_batch.bin", bytes, n);
    const rg_dataset d = rg_read_cifar10(t, fuzz_folder, false);
    if (!fuzz_refused(0)) {
        for (int64_t i = 0; i < rg_numel(d.y); i++)
            if (rg_i32(d.y)[i] < 0 || rg_i32(d.y)[i] >= d.classes) fuzz_fail("label %lld is %d", (long long)i, rg_i32(d.y)[i]);
        fuzz_use(d.x);
        fuzz_use(d.y);
    }
    fuzz_end();
    return 0;
}
