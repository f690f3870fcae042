/* count_malloc.c - to be preloaded: counts what a program asks of the heap, whoever asks. A program reads the count with
   dlsym(RTLD_DEFAULT, "malloc_count"), which is NULL when it was started without. For glibc. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
long malloc_count(void);

static atomic_long calls;
long malloc_count(void) { return calls; }

void *malloc(size_t size) { return calls++, __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return calls++, __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { return calls++, __libc_realloc(p, size); }
void *memalign(size_t alignment, size_t size) { return calls++, __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return calls++, __libc_memalign(alignment, size); }

int posix_memalign(void **to, size_t alignment, size_t size) {
    calls++;
    void *p = __libc_memalign(alignment, size);
    if (!p) return ENOMEM;
    *to = p;
    return 0;
}

/* malloc's own mappings do not come by here. */
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    calls++;
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset); /* NOLINT: the kernel's own signature */
}
