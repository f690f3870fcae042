/* files.h - for harnesses of readers: the input as a file, and what is done with what was loaded. */
#ifndef RG_FUZZ_FILES_H
#define RG_FUZZ_FILES_H

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "fuzz.h"
#include "nn/nn.h"
#include "nn/optim.h"
#include "nn/save.h"

enum { FILE_MOST = 1 << 20 };
static char fuzz_folder[64];
static fuzz_memory fuzz_meter;
static rg_tape *t;
static FILE *nowhere;

static void remove_folder(void) {
    static const char *const names[] = {"file", "again", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "test_batch.bin"};
    char path[128];
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(path, sizeof path, "%s/%s", fuzz_folder, names[k]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

/* A folder in memory, where there is one; the path of a file in it. */
static const char *fuzz_path(const char *name) {
    static char path[128];
    if (!fuzz_folder[0]) {
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/retrograd-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        if (!mkdtemp(fuzz_folder)) fuzz_fail("no folder for files");
        atexit(remove_folder);
    }
    snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
    return path;
}

static const char *fuzz_file(const char *name, const void *bytes, size_t n) {
    const char *path = fuzz_path(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) fuzz_fail("%s cannot be written", path);
    return path;
}

/* The same packed by gzip, so that a fuzzer needs not invent checksums. */
__attribute__((unused)) static const char *fuzz_packed(const char *name, const void *bytes, size_t n) {
    const char *path = fuzz_path(name);
    gzFile f = gzopen(path, "wb1");
    if (!f || (n && gzwrite(f, bytes, (unsigned)n) != (int)n) || gzclose(f) != Z_OK) fuzz_fail("%s cannot be written", path);
    return path;
}

static void fuzz_begin(void) {
    fuzz_meter = (fuzz_memory){0};
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    t = rg_tape_new(1, .allocator = (rg_allocator){.alloc = fuzz_alloc, .free = fuzz_free, .ctx = &fuzz_meter, .no_pool = true});
    if (!t) fuzz_fail("no memory for a tape");
    rg_on_error(t, NULL, NULL);
}

/* A file that cannot be read is RG_EIO, or RG_ENOMEM; of `before` tensors none went, and none came. True after an error. */
static bool fuzz_refused(int64_t before) {
    const rg_code code = rg_error_code(t);
    if (getenv("FUZZ_TRACE")) fprintf(stderr, "%s\n", code ? rg_error(t) : "loaded");
    if (!code) return false;
    if (code != RG_EIO && code != RG_ENOMEM) fuzz_fail("a bad file is error %d: %s", (int)code, rg_error(t));
    rg_error_clear(t);
    if (rg_memory(t).tensors != before) fuzz_fail("%lld tensors stay behind after an error", (long long)(rg_memory(t).tensors - before));
    return true;
}

static void fuzz_end(void) {
    if (rg_error_code(t)) fuzz_fail("an error is left: %s", rg_error(t));
    rg_tape_free(t);
    if (fuzz_meter.out) fuzz_fail("%lld bytes are left", (long long)fuzz_meter.out);
}

/* What was loaded is printed, summed and used in a training step. */
__attribute__((unused)) static void fuzz_use(rg_tensor *x) {
    if (rg_failed(x)) fuzz_fail("a poisoned tensor without an error");
    rg_print(x, nowhere);
    if (rg_numel(x) == 0 || rg_numel(x) > 1 << 16) return; /* an empty one may have sizes that are too large for another dtype */
    char name[32]; /* each once: parameters that an optimiser gets have names of their own */
    snprintf(name, sizeof name, "w%d", rg_params(t).count);
    rg_tensor *w = rg_param(t, name, RG_ONES), *z = rg_cast(x, RG_F32);
    rg_optim *sgd = rg_optim_sgd(t, rg_list_of(w), .lr = .1);
    rg_backward(rg_sum(rg_tanh(rg_mul(z, w))));
    rg_optim_step(sgd);
    (void)rg_item(rg_sum(z));
    rg_tape_reset(t);
}

/* Saved and loaded again it is the same, bit for bit. */
__attribute__((unused)) static void fuzz_saved_again(rg_tensor *x) {
    const char *path = fuzz_path("again");
    if (rg_npy_save(x, path)) fuzz_fail("what was loaded cannot be saved: %s", rg_error(t));
    rg_tensor *y = rg_npy_load(t, path);
    const size_t n = (size_t)rg_numel(x) * rg_dtype_size(rg_dtype_of(x));
    if (rg_dtype_of(x) != rg_dtype_of(y) || rg_ndim(x) != rg_ndim(y) ||
        memcmp(rg_shape(x), rg_shape(y), (size_t)rg_ndim(x) * sizeof(int64_t))) fuzz_fail("saved and loaded, it has another shape");
    const void *a = rg_dtype_of(x) == RG_F32 ? (const void *)rg_f32(x) : rg_dtype_of(x) == RG_F64 ? (const void *)rg_f64(x)
        : rg_dtype_of(x) == RG_I32 ? (const void *)rg_i32(x) : rg_u8(x);
    const void *b = rg_dtype_of(y) == RG_F32 ? (const void *)rg_f32(y) : rg_dtype_of(y) == RG_F64 ? (const void *)rg_f64(y)
        : rg_dtype_of(y) == RG_I32 ? (const void *)rg_i32(y) : rg_u8(y);
    if (n && memcmp(a, b, n)) fuzz_fail("saved and loaded, it has other values");
    rg_release(y);
}
#endif
