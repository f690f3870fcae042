/* hot.c - the files that every operation passes through, as one compilation unit, so that small functions are inlined across files. */
#include "internal.h"

#define RG_INLINE inline __attribute__((always_inline)) /* for what every op does several times */

/* memory.c: blocks of a tape, returned with their size. NULL sets no error. */
static void rg_blocks_init(rg_tape *t);
static void *rg_block_find(rg_tape *t, size_t size);
static void rg_block_return(rg_tape *t, void *p, size_t size);
static void rg_blocks_free_all(rg_tape *t);
static void rg_owned_free_all(rg_tape *t);

/* tensor.c: nodes that are in no list yet; rg_enlist puts them into one. NULL, with the error set, when out of memory. */
static size_t rg_node_size(int nin);
static rg_tensor *rg_node_new(const char *at, rg_tape *t, int nin);
static rg_tensor *rg_leaf_new(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape); /* uninitialised */
static rg_tensor *rg_node_like(const char *at, const rg_tensor *x); /* of x's dtype and shape, with a seq and no data yet */
static rg_tensor *rg_kept_copy(const char *at, const rg_tensor *x); /* of x's values, in tape->kept */

/* tensor.c: how tensors are released */
/* Removes one hold, not that of a list. If it was the last, the tensor is freed, or goes back to the record while that may read it. */
static void rg_unref(rg_tensor *x);
static void rg_node_destroy(rg_tensor *x);  /* its own memory alone: for what nothing refers to, and when the whole tape goes */
/* Removes the list's holds on what was made since: it is freed or, if something else holds it, goes to tape->kept without its history. */
static void rg_release_since(rg_chain *chain, int64_t mark);
static void rg_to_record(rg_tensor *x);     /* moves it from tape->kept to its place on the record, which takes a hold */

/* backward.c */
typedef enum rg_commit { /* what happens to the gradients of results; those of leaves are added to */
    RG_ADD_GRADS, RG_REPLACE_GRADS,
    RG_PLAN_GRADS /* no gradient changes, not even of leaves: the pass is written into the plan */
} rg_commit;
/* Runs the pass of rg_backward from the loss. It computes the gradients of `inputs`, or of all leaves if the list is empty. */
static int rg_pass_loss(const char *at, rg_tensor *loss, rg_commit how, rg_list inputs);
static bool rg_is_unshared(const rg_tensor *g); /* may a gradient be written in place? It has one holder, and is no view */

/* play.c: how a pass writes its plan. -1 after an error */
static void rg_plan_rewound(rg_tape *t, int64_t mark);         /* the record was rewound to the mark, or (0) reset */
static void rg_plan_free(rg_tape *t);                          /* the next rg_play writes another */
static void rg_plan_passed(rg_tensor *loss, bool some_inputs); /* rg_backward has run; takes over a hold on the loss */
/* In a pass that is recorded: remembers y if what its vjp, or hook, recorded since the mark cannot be replayed. */
static void rg_plan_check_graph(rg_tensor *y, int64_t mark, bool read, bool hook);
/* Adds steps for what was recorded since the last step: by y's vjp (read: it read a value), or by the engine (y NULL). */
static int rg_plan_write_vjp(rg_tape *t, const rg_tensor *y, bool read);
static int rg_plan_write_fused(rg_tensor *y, rg_fused_fn fused, rg_tensor *const *dx, int64_t mark);
static int rg_plan_write_add(rg_tensor *to, int64_t at, rg_tensor *from);
static int rg_plan_write_copy(rg_tensor *copy, rg_tensor *from);
static int rg_plan_write_grad(rg_tensor *leaf);                /* its cotangent is its gradient */
static void rg_plan_take(rg_tape *t, int64_t mark);            /* moves what was recorded since the mark from the record to plan.made */

/* hook.c */
/* on y's whole cotangent, which they may replace; y NULL: on those of all leaves */
static int rg_hooks_run(const rg_tape *t, const rg_tensor *y);
static void rg_hooks_drop(rg_tensor *x);
RG_COLD static void rg_tell(rg_listener **at, rg_tensor *y, int i, rg_tensor *g); /* those from *at on */

#include "memory.c"

#include "backward.c"
#include "hook.c"
#include "play.c"
#include "tape.c"
#include "tensor.c"

#include "shape.c"
#include "values.c"
