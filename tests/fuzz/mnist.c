/* mnist.c - rg_read_mnist. Two bytes: the length of the file of images; the rest is the file of labels. Bit 15: both are packed. */
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    const size_t wanted = (data[0] + 256u * data[1]) & 0x7fff, n = wanted < size - 2 ? wanted : size - 2;
    fuzz_begin();
    if (data[1] & 0x80) {
        fuzz_packed("t10k-images-idx3-ubyte", data + 2, n);
        fuzz_packed("t10k-labels-idx1-ubyte", data + 2 + n, size - 2 - n);
    } else {
        fuzz_file("t10k-images-idx3-ubyte", data + 2, n);
        fuzz_file("t10k-labels-idx1-ubyte", data + 2 + n, size - 2 - n);
    }
    const rg_dataset d = rg_read_mnist(t, fuzz_folder, false);
    if (!fuzz_refused(0)) {
        if (rg_dim(d.x, 0) != rg_dim(d.y, 0)) fuzz_fail("images and labels differ in number");
        for (int64_t i = 0; i < rg_numel(d.y); i++)
            if (rg_i32(d.y)[i] < 0 || rg_i32(d.y)[i] >= d.classes) fuzz_fail("label %lld is %d", (long long)i, rg_i32(d.y)[i]);
        fuzz_use(d.x);
        fuzz_use(d.y);
    }
    fuzz_end();
    return 0;
}
