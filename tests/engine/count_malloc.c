/* count_malloc.c - to be preloaded: counts what a program asks of the heap, whoever asks. A program reads the count with
   dlsym(RTLD_DEFAULT, "malloc_count"), which is NULL when it was started without; at its end the count is written to the file
   named by MALLOC_COUNT. For glibc.

   Mappings are not counted. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
long malloc_count(void);

static atomic_long calls;
long malloc_count(void) { return calls; }

void *malloc(size_t size) { calls++; return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { calls++; return __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { calls++; return __libc_realloc(p, size); }
void *memalign(size_t alignment, size_t size) { calls++; return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { calls++; return __libc_memalign(alignment, size); }

int posix_memalign(void **to, size_t alignment, size_t size) {
    calls++;
    void *p = __libc_memalign(alignment, size);
    if (!p) return ENOMEM;
    *to = p;
    return 0;
}

__attribute__((destructor)) static void write_count(void) {
    const long count = calls;
    const char *path = getenv("MALLOC_COUNT");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f) fprintf(f, "%ld\n", count), fclose(f);
}
