/* csv.c - rg_read_csv. The first byte: the options; whether the rest is packed before it is read. */
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const rg_csv_options o = {.header = data[0] & 1, .allow_missing = data[0] & 2, .classes = data[0] & 4 ? "-1" : NULL,
        .target = (data[0] & 12) == 8 ? "0" : NULL, .delimiter = data[0] & 16 ? ';' : 0, .skip = data[0] >> 5 & 3};
    fuzz_begin();
    const char *path = data[0] & 0x80 ? fuzz_packed("file", data + 1, size - 1) : fuzz_file("file", data + 1, size - 1);
    const rg_dataset d = (rg_read_csv)(t, path, o);
    if (!fuzz_refused(0)) {
        for (int64_t i = 0; o.classes && i < rg_numel(d.y); i++)
            if (rg_i32(d.y)[i] < 0 || rg_i32(d.y)[i] >= d.classes) fuzz_fail("label %lld is %d", (long long)i, rg_i32(d.y)[i]);
        if (!o.header != !d.columns) fuzz_fail("a header, and no names, or names without a header");
        for (int64_t k = 0; d.columns && k < rg_dim(d.x, 1); k++) fprintf(nowhere, "%s", d.columns[k]);
        for (int k = 0; k < d.classes; k++) fprintf(nowhere, "%s", d.class_names[k]);
        fuzz_use(d.x);
        if (d.y) fuzz_use(d.y);
    }
    fuzz_end();
    return 0;
}
