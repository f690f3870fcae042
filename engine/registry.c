/* registry.c - every operator linked into the program, filled by constructors: before main, or when a shared object is loaded. There is no
   lock. */
#include <string.h>

#include "internal.h"

static rg_op_entry *head; /* written by constructors only, as is the next */
const rg_op *rg_op_rejected;

int rg_op_register(rg_op_entry *e) {
    const rg_op *op = e ? e->op : NULL;
    if (!op || !op->name || !op->formula || !op->samples || !op->refuses) return -1;
    if (!(op->compose || op->shape || op->forward[0][0] || op->forward[1][0])) return -1;
    rg_op_entry **p = &head;
    while (*p && strcmp((*p)->op->name, op->name) < 0) p = &(*p)->next;
    if (*p && !strcmp((*p)->op->name, op->name)) return -1;
    e->next = *p;
    *p = e;
    return 0;
}

void rg_op_link(rg_op_entry *e) { if (rg_op_register(e)) rg_op_rejected = e->op; }

const rg_op_entry *rg_op_first(void) { return head; }

const rg_op *rg_op_find(const char *name) {
    for (const rg_op_entry *e = head; e; e = e->next)
        if (name && !strcmp(e->op->name, name)) return e->op;
    return NULL;
}
