/* internal.h - what the files of engine/ share. Functions for the files in hot.c alone are declared in hot.c.
   To read the engine: engine.h, op.h, this file, hot.c, then tensor.c, backward.c, play.c. */
#ifndef RG_INTERNAL_H
#define RG_INTERNAL_H

#include "core_ops.h"
#include "op.h"

#define RG_COLD __attribute__((cold, noinline)) /* seldom called: kept away from what often runs */

enum { /* rg_tensor.flags, by owner */
    /* the tensor itself */
    RG_NEEDS = 1 << 0,    /* requires a gradient, or depends on something that does */
    /* RG_POISON and RG_RELEASED: op.h */
    RG_FILLED = 1 << 3,   /* a leaf whose elements are all one number, set when it was made */
    RG_DRAWN = 1 << 4,    /* a leaf whose values attr.source draws, anew in a replay */
    RG_BY_KERNEL = 1 << 5, /* made by the forward kernel of the next result */
    /* its list; with none of them it is on the record */
    RG_PERMANENT = 1 << 6, /* parameter or buffer: in tape->permanent */
    RG_KEPT = 1 << 7,      /* in tape->kept, which has no hold */
    RG_PLANNED = 1 << 14,  /* in plan.made, which has a hold */
    RG_RETURNED = 1 << 8,  /* on the record again: released, but younger results may read it. It goes with the last of them */
    /* hook.c */
    RG_HOOKED = 1 << 9,  /* has a hook in tape->hooks */
    RG_BY_HOOK = 1 << 12,  /* made by a hook. A replay calls the hook again, so plans leave it out */
    RG_GRADIENT = 1 << 13, /* has been a gradient, or what a hook was called with */
    /* the running pass of rg_grad, or of rg_backward with inputs */
    RG_REACHES = 1 << 10, /* depends on a tensor whose gradient is wanted */
    RG_WANTED = 1 << 11,  /* its gradient is wanted */
    RG_PATH_FLAGS = RG_REACHES | RG_WANTED,
};

enum { RG_DATA_CLASSES = 224, RG_CLASSES = RG_DATA_CLASSES + 16, RG_SMALL = 1024, RG_ALIGN = 64 };

typedef struct rg_chunk { struct rg_chunk *next; size_t size; } rg_chunk;

/* One call of rg_on_grad. The list begins with the youngest tensor's; of one tensor they are in the order of the calls. */
typedef struct rg_hook { struct rg_hook *next; const char *at; rg_tensor *x; rg_grad_fn fn; void *ctx; } rg_hook;

/* threads.c */
/* Starts threads for loops until there are n, the caller among them. Returns how many there can be; if fewer than n, none was started. */
int rg_threads_start(int n);

/* A list of tensors, linked through prev and next. The record is in order of seq, the other lists in any order. */
typedef struct rg_chain { rg_tensor *first, *last; } rg_chain;

/* The backward pass. Idle: running = false, flag = RG_NEEDS, leaves = NULL. begin_pass() fills it in, end_pass() makes it idle again. */
typedef struct rg_pass {
    bool running;
    bool recording;    /* tape->recording at its beginning */
    bool graph;        /* its operations are recorded */
    bool keep_results; /* results keep their cotangents until the end */
    uint16_t flag;     /* which tensors take part: RG_REACHES in rg_grad and with inputs, else RG_NEEDS */
    uint32_t errors;   /* tape->errors when it began: if that has grown, the pass failed */
    uint32_t reads;    /* how often a value was read, by rg_item and the like: a vjp that does so cannot be replayed */
    int64_t mark;      /* where the running vjp or hook began: it may not rewind further */
    const char *at;
    rg_tensor *vjp_of; /* while a plan is written: the result whose vjp ran last; new steps belong to it */
    rg_tensor *leaves; /* that have a cotangent, linked through leaf.next_leaf */
} rg_pass;

/* One call in a replay. ADD: y += from, from element dx of y on. COPY: y = from. */
typedef enum rg_step_kind { RG_STEP_CHECK, RG_STEP_FORWARD, RG_STEP_FUSED, RG_STEP_ADD, RG_STEP_COPY } rg_step_kind;
typedef void rg_add_into_fn(rg_tensor *to, int64_t at, const rg_tensor *x);
typedef struct rg_step {
    rg_step_kind kind;
    union { rg_forward_fn forward; rg_fused_fn fused; rg_add_into_fn *add; } fn;
    rg_tensor *y, *from; /* FUSED: y's cotangent */
    rg_tensor *of;       /* the result that is computed, or whose vjp it belongs to */
    int64_t dx;          /* FUSED: where in plan.dx three arrays of nin tensors begin:
                            1. the dx[] that the kernel is called with, and may overwrite: what it made at first, or NULL
                            2. a copy of it, to restore it
                            3. the dx[] that it must return */
} rg_step;

/* The leaf's gradient: `grad`, a tensor without an operator, has the data that steps write as `made`'s. */
typedef struct rg_plan_grad { rg_tensor *leaf, *made, *grad; } rg_plan_grad;

/* What rg_play repeats. No plan: last = NULL. Being written: writing = true, during one pass. Ready: last is the end of the record. */
typedef struct rg_plan {
    rg_step *steps;
    rg_tensor **dx;
    rg_plan_grad *grads;
    int64_t nsteps, ndx, ngrads, steps_size, dx_size, grads_size;
    int64_t nforward;               /* steps before it go forward, the others backward */
    rg_tensor *last;                /* the end of the record that was planned */
    rg_tensor *planned_to;          /* while writing: the last tensor of the record that has its steps */
    rg_chain made;                  /* what the pass made: a hold each */
    /* eager: hooks, listeners for gradients or rg_keep_grads want each pass. Steps go forward only; a replay runs the pass as usual */
    bool writing, eager;
    int isa;                        /* the instruction set of its kernels */
    /* of the record, with or without a plan */
    rg_tensor *loss;                /* the oldest that rg_backward was given: held */
    bool some_inputs;               /* its pass was for some leaves only */
    int64_t second_loss;            /* seq of the oldest loss but that one; 0: there is none */
    int64_t no_history_since;       /* seq where rg_grad left values without a history, which cannot be replayed; 0: nowhere */
    int64_t unplayable_since;       /* seq where rg_grad recorded a vjp, or a hook, that cannot be replayed; 0: nowhere */
    const rg_tensor *unplayable;    /* the result, or the leaf with the hook */
    const char *why_unplayable;
    int64_t replayed;               /* tape->seq when the last successful replay began: all results are of what leaves held then */
    int64_t stale_before;           /* results older than this seq hold values of two steps, since the last replay failed; 0: it did not */
    int64_t hooks_begin, hooks_end; /* what hooks made in the last replay has a seq in between */
} rg_plan;

struct rg_tape {
    rg_allocator allocator;
    void *free_blocks[RG_CLASSES];     /* the pool: a free list per size class */
    rg_chunk *chunks;                  /* what the allocator gave, to be returned in the end */
    unsigned char *bump, *bump_end;    /* the unused rest of the newest small chunk */
    void *owned;                       /* what rg_tape_own gave out */
    bool check;                        /* RG_CHECK=1: the memory of released nodes is not used again */
    void *quarantine;                  /* RG_CHECK=1: that memory */

    rg_chain record;                   /* inputs and results since the reset */
    rg_chain kept;                     /* tensors still referenced when they left the record, and gradients: here while refs > 0 */
    rg_chain permanent;                /* parameters and buffers */
    rg_tensor **params;
    int nparams;
    int64_t params_size;
    int64_t seq;                       /* of the next tensor */

    bool recording, keep_grads;        /* rg_record: do results get RG_NEEDS? rg_keep_grads */
    rg_pass pass;
    rg_plan plan;
    int64_t guard;                     /* rg_guard: nothing older may be released, nor the tape freed */
    rg_hook *hooks;
    rg_listener *on_gradient, *on_run;
    void *profile;                     /* ops/profile.c's */
    rg_end released;                   /* the call that releases tensors now, or did so last: copied into each */
    rg_dtype dtype;
    int isa, threads;
    rg_rng rng;
    rg_memory_stats stats;

    const rg_speaker *speaker;         /* the composite that runs, or NULL */
    rg_code code;
    /* number of errors so far: if it grew in a call, that failed, even if a handler cleared the code */
    uint32_t errors;
    bool in_handler, clear_after;      /* the error handler runs; it called rg_error_clear */
    const char *misused;               /* what it called that releases tensors */
    char message[512];
    void (*on_error)(void *ctx, rg_code code, const char *message);
    void *on_error_ctx;
    rg_tensor *poison;
};

#pragma GCC visibility push(hidden)

/* core_ops.c */
rg_add_into_fn *rg_add_into_of(const rg_tensor *to); /* what computes to += x, from element `at` of `to` on, for an x of its dtype */
static inline void rg_add_into(rg_tensor *to, int64_t at, const rg_tensor *x) { rg_add_into_of(to)(to, at, x); }

/* error.c: rg_fail of functions that are not told the caller's line: "WHO: x[2,3]: ... (made at FILE:LINE)". Returns -1 */
int rg_fail_of(const rg_tensor *x, rg_code code, const char *who, const char *format, ...) __attribute__((format(printf, 4, 5)));
RG_COLD bool rg_report_released(const char *function, const char *at, const rg_tensor *x); /* false; an error if x was released */
bool rg_in_handler(rg_tape *t, const char *who);             /* the error handler must not call `who` */

/* registry.c */
extern const rg_op *rg_op_rejected; /* an operator of RG_OP that could not be registered; NULL: there is none */

/* values.c */
void rg_set_all(rg_tensor *x, double value);
rg_tensor *rg_poisoned(void);       /* the one without a tape */

#pragma GCC visibility pop

/* -------- what every op does once or more */

/* Neither NULL nor poisoned; a released tensor is an error that names the function which asks, and its caller's line where that is
   known. */
static inline bool rg_usable_in(const char *who, const char *at, const rg_tensor *x) {
    return x && (!(x->flags & RG_UNUSABLE) || rg_report_released(who, at, x));
}
#define rg_usable(x) rg_usable_in(__func__, NULL, x)
#define rg_usable_at(x) rg_usable_in(__func__, at, x)

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

/* Which row of an operator's kernels is y's: that of f64? */
static inline bool rg_f64_kernel(const rg_tensor *y) { return y->dtype == RG_F64 || y->in[0]->dtype == RG_F64; }

static inline size_t rg_width(unsigned dtype) { /* of an element, in bytes */
    static const unsigned char of[] = {4, 8, 4, 1};
    return of[dtype];
}
#endif
