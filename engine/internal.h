/* internal.h - what the files of engine/ share and nobody else sees. */
#ifndef RG_INTERNAL_H
#define RG_INTERNAL_H

#include "core_ops.h"
#include "op.h"

#undef RG_AT
#define RG_AT at

#define RG_COLD __attribute__((cold, noinline)) /* seldom called: kept away from what often runs */

enum { /* rg_tensor.flags */
    RG_NEEDS = 1,      /* requires a gradient, or depends on something that does */
    RG_REACHES = 2,    /* depends on what rg_grad was asked for (only during a pass) */
    RG_WANTED = 4,     /* rg_grad was asked for it (only during a pass) */
    RG_POISON = 8,
    RG_PERMANENT = 16, /* parameter or buffer: in tape->permanent */
    RG_KEPT = 32,      /* outlived its place in the record: in tape->kept */
    RG_DRAWN = 64,     /* some result reads it (only while the graph is printed) */
    RG_TEMP = 128,     /* made by the forward of the next result, which asks for it again when the record is played */
    RG_HOOKED = 256,   /* has a hook in tape->hooks */
};

enum { RG_CLASSES = 224, RG_SMALL = 1024 };

typedef struct rg_chunk { struct rg_chunk *next; size_t size; } rg_chunk;

/* What rg_on_grad was given, in this order. */
typedef struct rg_hook { struct rg_hook *next; const char *at; rg_tensor *x; rg_grad_fn fn; void *ctx; } rg_hook;

/* A list of tensors in order of creation, linked through prev and next. */
typedef struct rg_chain { rg_tensor *first, *last; } rg_chain;

/* What rg_play repeats: steps, first forward, then backward, and the tensors that their operators make again, in order. */
typedef enum rg_step_kind { RG_STEP_CHECK, RG_STEP_FORWARD, RG_STEP_FUSED, RG_STEP_RULE, RG_STEP_ADD, RG_STEP_COPY, RG_STEP_LEAF } rg_step_kind;
typedef struct rg_step {
    rg_step_kind kind;
    union { rg_forward_fn forward; rg_fused_fn fused; } fn;
    rg_tensor *y, *dy; /* ADD, COPY: y from dy. LEAF: dy, a view of the gradient found, goes to leaf y */
} rg_step;

typedef struct rg_plan {
    rg_step *steps;
    rg_tensor **temps;      /* ends with NULL */
    int64_t nsteps, ntemps, steps_size, temps_size;
    int64_t nforward, nback; /* steps before nforward go forward, from nback on they end at leaves */
    rg_tensor *last;        /* the end of the record that was planned; NULL when there is no plan */
    rg_tensor *noted;       /* while planning: the last tensor of the record that is in the plan */
    rg_chain made;          /* what the pass made */
    bool planning, eager;   /* eager: the pass cannot be planned, and runs as usual after the forward steps */
} rg_plan;

struct rg_tape {
    rg_allocator allocator;
    void *free_blocks[RG_CLASSES];     /* the pool: a free list per size class */
    rg_chunk *chunks;                  /* what the allocator gave, to be returned in the end */
    unsigned char *bump, *bump_end;    /* the unused rest of the newest small chunk */
    void *owned;                       /* what rg_tape_own gave out */
    bool valgrind, watched;            /* watched: somebody wants to hear of each block */

    rg_chain record;                   /* inputs and results since the reset */
    rg_chain kept;                     /* retained values that were reset away, and gradients */
    rg_chain permanent;                /* parameters and buffers */
    rg_tensor **params;
    int nparams;
    int64_t params_size;
    int64_t seq;                       /* of the next tensor */

    bool recording, keep_grads;
    struct rg_pass *pass;              /* that runs now */
    rg_hook *hooks;
    rg_step_fn on_step;
    void *on_step_ctx;
    int64_t guard;                     /* rg_guard: nothing older may be released */
    int64_t pass_mark;                 /* where the running rule began: it may not rewind further */
    uint16_t pass_flag;                /* RG_REACHES in rg_grad, else RG_NEEDS */

    rg_plan plan;
    rg_tensor **cursor;                /* while the record is played: the next tensor that an operator would make */
    rg_tensor *loss;                   /* of the rg_backward on this record, of which there were `passes` */
    int64_t passes, played;            /* played: seq when the record was last played */
    bool in_forward;                   /* an operator's forward is played: ops that it calls are new ones */
    int64_t unplayable;                /* where rg_grad left values without a history: they cannot be played */
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
void rg_blocks_init(rg_tape *t);
void *rg_block_find(rg_tape *t, size_t size);
void rg_block_return(rg_tape *t, void *p, size_t size);
void rg_blocks_free_all(rg_tape *t);
void *rg_grown(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element); /* room for one more than n; NULL after an error */
void rg_owned_free_all(rg_tape *t);

/* tensor.c: nodes without a place in a list; rg_enlist puts them into one. NULL, with the error set, when out of memory. */
rg_tensor *rg_node_new(const char *at, rg_tape *t, int nin);
int rg_node_storage(const char *at, rg_tensor *x, bool inside);                    /* x->data for its shape and dtype; small ones inside the node, if so wanted */
void rg_node_free(rg_tensor *x);                                                    /* and its hold on others */
void rg_node_destroy(rg_tensor *x);                                                 /* its own memory alone: when the whole tape goes */
rg_tensor *rg_leaf_new(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape); /* uninitialised, not yet enlisted */
void rg_unref(rg_tensor *x);
void rg_release_since(rg_chain *chain, int64_t mark); /* the chain lets go of what was made since: freed, or kept without its history */

/* backward.c: the pass of rg_backward; `planned`: into the tape's plan, gradients go to leaves by RG_STEP_LEAF; `again`: played, the
   gradients that results keep take the place of those they had. */
int rg_pass(const char *at, rg_tensor *loss, bool planned, bool again);
bool rg_is_own(const rg_tensor *g);                                     /* a gradient that may be written: held once, and no view */
rg_tensor *rg_own_copy(const char *at, rg_tape *t, const rg_tensor *g); /* NULL after an error */

/* play.c */
void rg_plan_drop(rg_tape *t);
int rg_plan_rule(rg_tape *t, rg_fused_fn fused, rg_tensor *y, rg_tensor *dy); /* y's rule has run: the tensors it made, if any, are remembered */
int rg_plan_add(rg_tape *t, rg_tensor *to, rg_tensor *from);
int rg_plan_copy(rg_tape *t, rg_tensor *copy, rg_tensor *from);
int rg_plan_leaf(rg_tape *t, rg_tensor *leaf, rg_tensor *g);                  /* after all else */
int rg_plan_settle(rg_tape *t, int64_t mark);                                 /* the end of a step: what it made stays with the plan */
rg_tensor *rg_play_apply(const rg_op *op, const char *at, rg_attr attr, int n, rg_tensor *const *in);
rg_tensor *rg_play_next(rg_tape *t);                                          /* the tensor made here when the plan was; poison, and an error, past the last */

/* hook.c */
int rg_hooks_run(rg_tensor *x);   /* on x's whole cotangent, which they may replace */
void rg_hooks_drop(rg_tensor *x);

/* core_ops.c */
void rg_add_into(rg_tensor *to, const rg_tensor *x); /* to += x, of one shape and dtype */

/* error.c: rg_fail of functions that are not told the caller's line: "WHO: x[2,3]: ... (made at FILE:LINE)". Returns -1 */
int rg_fail_of(const rg_tensor *x, rg_code code, const char *who, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* values.c */
void rg_set_all(rg_tensor *x, double value);
void rg_convert(void *to, rg_dtype to_dtype, const void *from, rg_dtype from_dtype, int64_t n);
rg_tensor *rg_poisoned(void);       /* the one without a tape */

#pragma GCC visibility pop

/* -------- what every op does once or more */

/* A small block that waits in its class is taken, or put back there, at once: a quarter of a small op went into calls for that. */
static inline void *rg_block_alloc(rg_tape *t, size_t size) {
    const size_t k = (size - 1) / 16;
    void **p = k < RG_SMALL / 16 && !t->watched ? t->free_blocks[k] : NULL;
    if (!p) return rg_block_find(t, size);
    t->free_blocks[k] = *p;
    t->live.bytes += size;
    return p;
}

static inline void rg_block_free(rg_tape *t, void *p, size_t size) {
    const size_t k = (size - 1) / 16;
    if (!p || k >= RG_SMALL / 16 || t->watched) {
        rg_block_return(t, p, size);
        return;
    }
    *(void **)p = t->free_blocks[k];
    t->free_blocks[k] = p;
    t->live.bytes -= size;
}

static inline bool rg_usable(const rg_tensor *x) { return x && !(x->flags & RG_POISON); } /* neither NULL nor poisoned */

static inline void rg_enlist(rg_chain *chain, rg_tensor *x) {
    x->prev = chain->last;
    x->next = NULL;
    *(chain->last ? &chain->last->next : &chain->first) = x;
    chain->last = x;
}

static inline void rg_unlist(rg_chain *chain, rg_tensor *x) {
    *(x->prev ? &x->prev->next : &chain->first) = x->next;
    *(x->next ? &x->next->prev : &chain->last) = x->prev;
}

/* A backward rule runs, in a pass or played. */
static inline bool rg_in_rule(const rg_tape *t) { return t->pass || (t->cursor && !t->in_forward); }

static inline size_t rg_width(unsigned dtype) { /* of an element, in bytes */
    static const unsigned char of[] = {4, 8, 4, 1};
    return of[dtype];
}

/* Sizes are checked as if a zero dimension were one, so that no product of the others can overflow either. Returns the element count, or -1. */
static inline int64_t rg_count(rg_dtype dtype, int ndim, const int64_t *shape) {
    int64_t all = 1;
    bool empty = false;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] <= 0) {
            if (shape[d] < 0) return -1;
            empty = true;
        } else if (__builtin_mul_overflow(all, shape[d], &all)) {
            return -1;
        }
    }
    return all > INT64_MAX / 4 / 8 && all > INT64_MAX / 4 / (int64_t)rg_width(dtype) ? -1 : empty ? 0 : all;
}
#endif
