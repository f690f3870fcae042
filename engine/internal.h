/* internal.h - what the files of engine/ share and nobody else sees. */
#ifndef RG_INTERNAL_H
#define RG_INTERNAL_H

#include "core_ops.h"
#include "op.h"

#undef RG_AT
#define RG_AT at

enum { /* rg_tensor.flags */
    RG_NEEDS = 1,      /* requires a gradient, or depends on something that does */
    RG_REACHES = 2,    /* depends on what rg_grad was asked for (only during a pass) */
    RG_WANTED = 4,     /* rg_grad was asked for it (only during a pass) */
    RG_POISON = 8,
    RG_PERMANENT = 16, /* parameter or buffer: in tape->permanent */
    RG_KEPT = 32,      /* outlived its place in the record: in tape->kept */
    RG_DRAWN = 64,     /* some result reads it (only while the graph is printed) */
    RG_HOOKED = 128,   /* has a hook in tape->hooks */
};

enum { RG_CLASSES = 224, RG_SMALL = 1024 };

typedef struct rg_chunk { struct rg_chunk *next; size_t size; } rg_chunk;

/* What rg_on_grad was given, in this order. */
typedef struct rg_hook { struct rg_hook *next; const char *at; rg_tensor *x; rg_grad_fn fn; void *ctx; } rg_hook;

/* A list of tensors in order of creation, linked through prev and next. */
typedef struct rg_chain { rg_tensor *first, *last; } rg_chain;

struct rg_tape {
    rg_allocator allocator;
    void *free_blocks[RG_CLASSES];     /* the pool: a free list per size class */
    rg_chunk *chunks;                  /* what the allocator gave, to be returned in the end */
    unsigned char *bump, *bump_end;    /* the unused rest of the newest small chunk */
    void *owned;                       /* what rg_tape_own gave out */
    bool valgrind;

    rg_chain record;                   /* inputs and results since the reset */
    rg_chain kept;                     /* retained values that were reset away, and gradients */
    rg_chain permanent;                /* parameters and buffers */
    rg_tensor **params;
    int nparams, params_size;
    int64_t seq;                       /* of the next tensor */

    bool recording, keep_grads;
    struct rg_pass *pass;              /* that runs now */
    rg_hook *hooks;
    rg_step_fn on_step;
    void *on_step_ctx;
    int64_t pass_mark;                 /* where the running rule began: it may not rewind further */
    uint8_t pass_flag;                 /* RG_NEEDS in rg_backward, RG_REACHES in rg_grad */
    rg_dtype dtype;
    int isa, threads;
    rg_rng rng;
    rg_counts live;

    rg_code code;
    char message[512];
    void (*on_error)(void *ctx, rg_code code, const char *message);
    void *on_error_ctx;
    rg_tensor *poison;
};

#pragma GCC visibility push(hidden)

/* memory.c: blocks of a tape, returned with their size. NULL sets no error. */
void *rg_block_alloc(rg_tape *t, size_t size);
void rg_block_free(rg_tape *t, void *p, size_t size);
void rg_blocks_free_all(rg_tape *t);
void rg_owned_free_all(rg_tape *t);

/* tensor.c: nodes without a place in a list; rg_enlist puts them into one. NULL, with the error set, when out of memory. */
rg_tensor *rg_node_new(const char *at, rg_tape *t, int nin);
int rg_node_storage(const char *at, rg_tensor *x, bool inside);                    /* x->data for its shape and dtype; small ones inside the node, if so wanted */
void rg_node_free(rg_tensor *x);                                                    /* and its hold on others */
void rg_node_destroy(rg_tensor *x);                                                 /* its own memory alone: when the whole tape goes */
rg_tensor *rg_leaf_new(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape); /* uninitialised, not yet enlisted */

/* tape.c */
void rg_enlist(rg_chain *chain, rg_tensor *x);
void rg_unlist(rg_chain *chain, rg_tensor *x);
void rg_unref(rg_tensor *x);
void rg_forget(rg_tensor *x); /* the record lets go of x: freed, or kept without its history */

/* hook.c */
int rg_hooks_run(rg_tensor *x);   /* on x's whole cotangent, which they may replace */
void rg_hooks_drop(rg_tensor *x);

/* core_ops.c */
void rg_add_into(rg_tensor *to, const rg_tensor *x); /* to += x, of one shape and dtype */

/* values.c */
void rg_set_all(rg_tensor *x, double value);
void rg_convert(void *to, rg_dtype to_dtype, const void *from, rg_dtype from_dtype, int64_t n);
bool rg_usable(const rg_tensor *x); /* neither NULL nor poisoned */
bool rg_same_shape(const rg_tensor *a, const rg_tensor *b);
rg_tensor *rg_poisoned(void);       /* the one without a tape */

#pragma GCC visibility pop
#endif
