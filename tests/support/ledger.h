/* ledger.h - an allocator that checks what it gets back: each block with the size it was asked for, and only once; and cases on it. */
#ifndef RG_TESTS_LEDGER_H
#define RG_TESTS_LEDGER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h"
#include "tests/support/meter.h"

enum { FRONT = 64 };
typedef struct ledger {
    meter m;
    size_t limit; /* larger requests fail; 0 = none */
    int wrong;    /* blocks that came back with another size */
} ledger;

static inline void *ledger_alloc(void *ctx, size_t size) {
    ledger *l = ctx;
    if (l->limit && size > l->limit) return NULL;
    unsigned char *p = meter_alloc(&l->m, size + FRONT);
    if (!p) return NULL;
    memcpy(p, &size, sizeof size);
    memset(p + FRONT, 0xa5, size); /* nothing may count on zeros */
    return p + FRONT;
}

static inline void ledger_free(void *ctx, void *p, size_t size) {
    ledger *l = ctx;
    size_t asked;
    unsigned char *from = (unsigned char *)p - FRONT;
    memcpy(&asked, from, sizeof asked);
    l->wrong += asked != size;
    meter_free(&l->m, from, asked + FRONT);
}

static inline rg_tape *tape_on(ledger *l, bool no_pool) {
    const rg_allocator a = {.alloc = ledger_alloc, .free = ledger_free, .ctx = l, .no_pool = no_pool};
    rg_tape *t = rg_tape_new(7, .allocator = a);
    rg_on_error(t, NULL, NULL);
    return t;
}

/* A case gets a ledger with a tape on it; afterwards the ledger is balanced. Pooled, and not. */
typedef struct book { ledger l; rg_tape *t; } book;

static inline int open_book(void **state, bool no_pool) {
    book *b = calloc(1, sizeof *b);
    if (!b) return -1;
    b->l.m.fail_at = -1;
    b->t = tape_on(&b->l, no_pool);
    *state = b;
    return b->t ? 0 : -1;
}
static inline int open_pooled(void **state) { return open_book(state, false); }
static inline int open_direct(void **state) { return open_book(state, true); }

static inline int close_book(void **state) {
    book *b = *state;
    if (rg_error_code(b->t)) print_error("left over: %s\n", rg_error(b->t));
    int bad = rg_error_code(b->t) != RG_OK;
    rg_tape_free(b->t);
    if (b->l.m.out) print_error("%lld bytes did not come back\n", (long long)b->l.m.out);
    if (b->l.wrong) print_error("%d blocks came back with another size\n", b->l.wrong);
    bad |= b->l.m.out != 0 || b->l.wrong;
    free(b);
    return bad ? -1 : 0;
}

#define POOLED(name) {#name, name, open_pooled, close_book, NULL}
#define DIRECT(name) {#name " (no pool)", name, open_direct, close_book, NULL}
#endif
