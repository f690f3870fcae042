/* meter.h - an allocator that counts what is out, and that can be made to fail. */
#ifndef RG_TESTS_METER_H
#define RG_TESTS_METER_H

#include <stdint.h>
#include <stdlib.h>

#include "engine/engine.h"

typedef struct meter {
    int64_t out, calls;
    int64_t fail_at; /* the call that fails; negative: none */
    bool for_good;   /* and all after it */
} meter;

static inline void *meter_alloc(void *ctx, size_t size) {
    meter *m = ctx;
    const int64_t call = m->calls++;
    if (m->fail_at >= 0 && (call == m->fail_at || (m->for_good && call > m->fail_at))) return NULL;
    m->out += (int64_t)size;
    return malloc(size);
}

static inline void meter_free(void *ctx, void *p, size_t size) {
    if (p) ((meter *)ctx)->out -= (int64_t)size;
    free(p);
}

/* A tape that reports to m, and writes nothing to stderr. */
static inline rg_tape *metered_tape(meter *m, bool no_pool, uint64_t seed) {
    const rg_allocator a = {.alloc = meter_alloc, .free = meter_free, .ctx = m, .no_pool = no_pool};
    rg_tape *t = rg_tape_new(seed, .allocator = a);
    rg_on_error(t, NULL, NULL);
    return t;
}
#endif
