/* fuzz.h - what every harness has: its entry, which libFuzzer or replay.c calls, and how it says what is wrong. */
#ifndef RG_FUZZ_H
#define RG_FUZZ_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints the reason and ends the process: the fuzzer, or replay.c, keeps the input. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void fuzz_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "WRONG: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

/* An allocator that counts what is out, and fails at one call. */
typedef struct fuzz_memory { int64_t out; int fail_in; } fuzz_memory; /* fail_in: 1 is the next call; 0 none */
static inline void *fuzz_alloc(void *ctx, size_t size) {
    fuzz_memory *m = ctx;
    void *p = m->fail_in && --m->fail_in == 0 ? NULL : malloc(size);
    if (p) m->out += (int64_t)size;
    return p;
}
static inline void fuzz_free(void *ctx, void *p, size_t size) {
    if (p) ((fuzz_memory *)ctx)->out -= (int64_t)size;
    free(p);
}
#endif
