/* memory.c - where a tape's memory comes from: a pool of blocks by size class, over the user's allocator. Part of hot.c.

   A block is returned with its size, so it carries no header. Freed blocks wait in their class for the next step, which asks
   for the same sizes: a steady loop never reaches the allocator. Without the pool every block goes straight through, so that
   sanitizers and valgrind see each one.                                                                                     */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#ifdef RG_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

enum { CHUNK_FIRST = 1 << 16, CHUNK_SMALL = 1 << 20, BLOCK_SMALL = 1 << 15 };

static void rg_blocks_init(rg_tape *t) {
#ifdef RG_NO_POOL
    t->allocator.no_pool = true;
#endif
    if (RUNNING_ON_VALGRIND) t->allocator.no_pool = true;
}

/* Sizes up to RG_SMALL in steps of 16; above, four classes to each doubling, so at most a fifth of a block is slack. */
static int class_of(size_t size, size_t *rounded) {
    if (size <= RG_SMALL) {
        *rounded = size ? (size + 15) & ~(size_t)15 : 16;
        return (int)(*rounded / 16) - 1;
    }
    const int top = 63 - __builtin_clzll(size - 1);        /* 2^top < size <= 2^(top + 1) */
    const size_t step = (size_t)1 << (top - 2);
    const size_t quarters = (size - 1) / step + 1;          /* 5 .. 8 */
    *rounded = quarters * step;
    const int k = (top - 10) * 4 + (int)quarters - 5;
    if (size % RG_ALIGN) return RG_DATA_CLASSES + k; /* a node of a hundred operands */
    return k < RG_DATA_CLASSES - RG_SMALL / 16 ? RG_SMALL / 16 + k : RG_CLASSES;
}

static void *chunk_new(rg_tape *t, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    rg_chunk *c = t->allocator.alloc(t->allocator.ctx, size + 2 * RG_ALIGN);
    t->stats.allocations++;
    if (!c) return NULL;
    t->stats.reserved += size + 2 * RG_ALIGN;
    *c = (rg_chunk){.next = t->chunks, .size = size + 2 * RG_ALIGN};
    t->chunks = c;
    return (void *)(((uintptr_t)(c + 1) + RG_ALIGN - 1) & ~(uintptr_t)(RG_ALIGN - 1));
}

/* Small blocks are cut from a chunk; each chunk is as large as all before it together, up to a limit. */
static void *carve(rg_tape *t, size_t size) {
    const size_t align = size % RG_ALIGN ? 16 : RG_ALIGN;
    unsigned char *p = (unsigned char *)(((uintptr_t)t->bump + align - 1) & ~(uintptr_t)(align - 1));
    if (!t->bump || p > t->bump_end || (size_t)(t->bump_end - p) < size) {
        size_t chunk = t->stats.reserved < CHUNK_FIRST ? CHUNK_FIRST : t->stats.reserved;
        if (chunk > CHUNK_SMALL) chunk = CHUNK_SMALL;
        p = chunk_new(t, chunk);
        if (!p) return NULL;
        t->bump_end = p + chunk;
    }
    t->bump = p + size;
    return p;
}

static void *pool_alloc(rg_tape *t, size_t size) {
    size_t rounded;
    if (size > SIZE_MAX / 2) return NULL;
    const int k = class_of(size, &rounded);
    if (k >= RG_CLASSES) return NULL;
    void **p = t->free_blocks[k];
    if (!p) return rounded <= BLOCK_SMALL ? carve(t, rounded) : chunk_new(t, rounded);
    t->free_blocks[k] = *p;
    return p;
}

static void pool_free(rg_tape *t, void *p, size_t size) {
    size_t rounded;
    const int k = class_of(size, &rounded);
    *(void **)p = t->free_blocks[k];
    t->free_blocks[k] = p;
}

/* Without the pool: alignment by hand, the start of the allocation kept just before the block. */
static void *direct_alloc(rg_tape *t, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    unsigned char *from = t->allocator.alloc(t->allocator.ctx, size + RG_ALIGN + sizeof(void *));
    t->stats.allocations++;
    if (!from) return NULL;
    t->stats.reserved += size + RG_ALIGN + sizeof(void *);
    void **p = (void **)(((uintptr_t)from + sizeof(void *) + RG_ALIGN - 1) & ~(uintptr_t)(RG_ALIGN - 1));
    p[-1] = from;
    return p;
}

static void direct_free(rg_tape *t, void *p, size_t size) {
    t->stats.reserved -= size + RG_ALIGN + sizeof(void *);
    t->allocator.free(t->allocator.ctx, ((void **)p)[-1], size + RG_ALIGN + sizeof(void *));
}

static void *rg_block_find(rg_tape *t, size_t size) {
    void *p = t->allocator.no_pool ? direct_alloc(t, size) : pool_alloc(t, size);
    if (p) t->stats.bytes += size;
    return p;
}

static void rg_block_return(rg_tape *t, void *p, size_t size) {
    if (!p) return;
    t->stats.bytes -= size;
    if (t->check && size % RG_ALIGN) { /* a node */
        rg_tensor *x = p;
        memset(x->value, 0xff, sizeof x->value); /* NaN in both floats */
        *(void **)p = t->quarantine;
        t->quarantine = p;
        return;
    }
    if (t->check) memset(p, 0xff, size); /* NaN, for pointers that outlive the tensor */
    if (t->allocator.no_pool) direct_free(t, p, size);
    else pool_free(t, p, size);
}

/* The next functions take and return small blocks of a class inline: calls for that took a quarter of the time of a small op. */
static inline size_t rg_small_class(size_t size) { return (size - 1) / 16; }

static inline void *rg_block_alloc(rg_tape *t, size_t size) {
    const size_t k = rg_small_class(size);
    void **p = k < RG_SMALL / 16 ? t->free_blocks[k] : NULL;
    if (!p) return rg_block_find(t, size);
    t->free_blocks[k] = *p;
    t->stats.bytes += size;
    return p;
}

static inline void rg_block_free(rg_tape *t, void *p, size_t size) {
    const size_t k = rg_small_class(size);
    if (!p || k >= RG_SMALL / 16 || t->check || t->allocator.no_pool) {
        rg_block_return(t, p, size);
        return;
    }
    *(void **)p = t->free_blocks[k];
    t->free_blocks[k] = p;
    t->stats.bytes -= size;
}

static void rg_blocks_free_all(rg_tape *t) {
    while (t->quarantine && t->allocator.no_pool) {
        rg_tensor *x = t->quarantine;
        t->quarantine = *(void **)x;
        direct_free(t, x, rg_node_size(x->nin));
    }
    while (t->chunks) {
        rg_chunk *c = t->chunks;
        const size_t size = c->size;
        t->chunks = c->next;
        t->allocator.free(t->allocator.ctx, c, size);
    }
}

/* To a multiple of 64: only such blocks are 64-byte aligned. */
static size_t whole_lines(size_t size) { return size > SIZE_MAX / 2 ? size : (size + !size + RG_ALIGN - 1) & ~(size_t)(RG_ALIGN - 1); }

void *rg_tape_alloc(const char *at, rg_tape *t, size_t size) {
    if (!t || t->code) return NULL;
    void *p = rg_block_alloc(t, whole_lines(size));
    if (!p) rg_fail(t, RG_ENOMEM, at, "out of memory: %zu bytes", size);
    return p;
}

void rg_tape_dealloc(rg_tape *t, void *p, size_t size) { if (t) rg_block_free(t, p, whole_lines(size)); }

typedef void *alloc_fn(const char *at, rg_tape *t, size_t size);
static void *grown(alloc_fn *alloc, const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element) {
    const int64_t more = n < 16 ? 16 : n < 2 * *size ? 2 * *size : n + 1;
    void *to = alloc(at, t, (size_t)more * element);
    if (!to) return NULL;
    if (*size) memcpy(to, array, (size_t)*size * element);
    if (alloc == rg_tape_alloc) rg_tape_dealloc(t, array, (size_t)*size * element);
    *size = more;
    return to;
}

void *rg_grown(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element) {
    return n < *size ? array : grown(rg_tape_alloc, at, t, array, n, size, element);
}

void *rg_grown_own(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element) {
    return n < *size ? array : grown(rg_tape_own, at, t, array, n, size, element);
}

/* Owned blocks form a list, a header before each. */
typedef struct owned { struct owned *next; size_t size; } owned;

void *rg_tape_own(const char *at, rg_tape *t, size_t size) {
    if (size > SIZE_MAX / 2) size = SIZE_MAX / 2;
    owned *o = rg_tape_alloc(at, t, size + RG_ALIGN);
    if (!o) return NULL;
    memset(o, 0, size + RG_ALIGN);
    *o = (owned){.next = t->owned, .size = size + RG_ALIGN};
    t->owned = o;
    return (unsigned char *)o + RG_ALIGN;
}

static void rg_owned_free_all(rg_tape *t) {
    while (t->owned) {
        owned *o = t->owned;
        t->owned = o->next;
        rg_tape_dealloc(t, o, o->size);
    }
}
