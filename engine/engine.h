/* engine.h - the tape and its tensors: what a model writer needs in addition to the operators in ops/ops.h. */

/* -------- ownership and lifetimes. The tape owns every tensor. Parameters and buffers live until rg_tape_free;
   everything else (inputs, results) until the next rg_tape_reset. Nothing that a function returns has to be released.
   To keep a value across a reset, call rg_retain, and rg_release when done: the tensor keeps its value, and its
   gradient if it has one, and loses its history; a leaf still requires its gradient. rg_tape_free frees everything.

   Using a released tensor is an error: "mul: operand 1 was released by the reset at train.c:40". By default this is
   found as long as no other tensor has taken its memory. With RG_CHECK=1 in the environment when the tape is made it is
   always found, also after rg_tape_free unless the allocator is your own. Then each tensor ever made keeps about 300
   bytes, and a freed tape keeps all its memory, until the process ends; released values become NaN, and a small
   operation takes about twice the time. */

/* -------- how errors are reported. No function here ends the process, but with RG_ABORT=1. The first error is kept on
   the tape: rg_error(t) is its message, with the operands' shapes and your file and line. The failed op returns a
   poisoned tensor, not NULL, and so does every op until rg_error_clear(t): a nested expression, or a whole program,
   needs one check at the end. rg_backward then returns -1 and changes no gradient, and an optimiser changes no
   parameter. For a poisoned tensor rg_item returns NaN, rg_f32 and the like NULL; rg_copy_out leaves the array as is.
   Reading other tensors, releasing and settings work. A function that can fail and returns an int returns 0, or -1
   after an error. Every function of this file takes NULL. An op with another operand reports it on that operand's tape.
   An op of NULL alone, or rg_backward(NULL), knows no tape: it returns a poisoned tensor, or -1, without a message. */

/* -------- what may be called where: hooks, handlers, threads. A hook (rg_on_grad) and a backward rule may apply
   operations, retain, release, and rewind to a mark that they set themselves. A pass, a replay, a reset, an optimiser's
   step, or writing to older tensors is an error there. The same holds for a function given to rg_checkpoint, since the
   pass calls it again: at its first call only a reset and a rewind are found, the others when the pass calls it. A
   function given to rg_gradcheck may also run passes.

   An error handler may read the tape and call rg_error_clear, which takes effect when the handler returns; the call
   that failed has still failed. Releasing tensors there is an error, which takes the place of the first and is printed
   on stderr. An allocator must not call this library. None of these, and no function that a layer, a loader or an
   optimiser calls, may leave by longjmp or a C++ exception. A tape belongs to one thread at a time; no function is safe
   in a signal handler. After fork the child may use its copies of tapes that no other thread was using at that moment.
   It starts threads of its own. */
#ifndef RG_ENGINE_H
#define RG_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "random/rng.h"

/* -------- types. There is no bool, int64, half precision or complex dtype, and no GPU. */
typedef enum rg_dtype { RG_F32, RG_F64, RG_I32, RG_U8 } rg_dtype; /* i32: labels and indices; u8: images and masks */

#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

/* a recording, and the owner of everything on it; two tapes on two threads are independent */
typedef struct rg_tape rg_tape;
typedef struct rg_tensor rg_tensor; /* contiguous, row-major, up to 6 dimensions; dimensions of size 0 are legal */

enum { RG_MAX_DIMS = 6 };

typedef enum rg_code { /* kinds of errors */
    RG_OK, RG_ENOMEM,     /* no error; out of memory */
    RG_ESHAPE, RG_EDTYPE, /* shapes or axes that do not fit; a wrong dtype */
    /* EVALUE: a wrong number (index, label, option). ESTATE: a released or failed tensor, a call within a pass, a
       feature that this build lacks. EIO: a file that cannot be read or written, or has wrong contents */
    RG_EVALUE, RG_ESTATE, RG_EIO
} rg_code;

/* rg_list_of(w, b): these tensors, in the block { } where it is written. rg_list_of_n(2, x): an array of 2.
   rg_params(t): valid until the next parameter is made. What is made from a list, an optimiser say, has a copy of it:
   the array may change afterwards. */
typedef struct rg_list {
    rg_tensor *const *items;
    int count;
} rg_list;
static inline rg_list rg_list_of_n(int n, rg_tensor *const *items) {
    rg_list list = {items, n};
    return list;
}

typedef struct rg_allocator { /* a tape's memory; NULL members mean malloc and free */
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *p, size_t size);
    void *ctx;
    /* call alloc and free for each block, instead of keeping blocks for the next step. Without RG_CHECK=1 the use of a
       released tensor is then undefined */
    bool no_pool;
} rg_allocator;

typedef struct rg_memory_stats {
    int64_t tensors;     /* alive, of any kind */
    int64_t recorded;    /* how many of these are results with a history */
    size_t bytes;        /* in use by tensors and what belongs to them */
    size_t reserved;     /* taken from the allocator: in use, or kept for the next step */
    int64_t allocations; /* calls of the allocator since the tape was made: constant in a steady loop */
} rg_memory_stats;

/* -------- how functions are called. The headers have each function once, with types. The build makes macros from
   them: those of this file are in engine_calls.h. call.h (tools/call.h) has the types and macros that they use.
   - NAME is a macro that adds the file and line of the call to messages. A function NAME (NAME_n, NAME_of) without them
     exists too: for other languages and for pointers to functions. RG_PLAIN: there is only the function.
   - rg_operand: a tensor or a number, rg_sub(1, x). A number gets the dtype of the other operand, which must be a
     tensor. It must fit that dtype: 0.5 with i32 is an error.
   - rg_data, rg_room: a pointer to float, double, int32_t or uint8_t, to read or to write. Its type is the dtype. For
     void *, NAME_of takes the dtype before the data: rg_input_of(t, RG_F32, data, 64, 784).
   - rg_dims, rg_axes, rg_tensors, rg_layers: any number of sizes, axes, tensors, layers, as arguments: rg_reshape(x,
     64, -1). NAME_n takes a count and an array: rg_reshape_n(x, 2, shape).
   - rg_.._options: named arguments, or none: rg_optim_sgd(t, params, .lr = .1, .momentum = .9). C++ wants them in
     the order of the struct. An option that is left out has its default. A struct that is filled already is passed
     to the function instead of the macro: (rg_optim_sgd)(t, params, options). */

/* -------- tape */
typedef struct rg_tape_options {
    rg_allocator allocator; /* default: malloc and free */
    RG_NAMED;
} rg_tape_options;
/* seed: the tape's generator is NumPy's default_rng(seed). Returns NULL only when out of memory. */
rg_tape *rg_tape_new(uint64_t seed, rg_tape_options options);
void rg_tape_free(rg_tape *t);             /* frees the tape and everything that it owns */
/* Releases inputs and results; parameters, their gradients and buffers stay. The tape keeps the memory, for the next
   step, until rg_tape_free. */
void rg_tape_reset(rg_tape *t);
int64_t rg_mark(const rg_tape *t);         /* the current end of the record */
void rg_rewind(rg_tape *t, int64_t mark);  /* releases inputs and results made since the mark */
/* false ("no grad"): no gradient goes through new results, which are on the record all the same. Returns the old
   value */
RG_PLAIN bool rg_record(rg_tape *t, bool on);
/* true: rg_backward without .inputs keeps the gradients of results too (retain_grad). Returns the old value */
RG_PLAIN bool rg_keep_grads(rg_tape *t, bool on);
/* RG_F32 (the default) or RG_F64: the dtype of new parameters and float inputs */
int rg_set_default_dtype(rg_tape *t, rg_dtype d);
rg_dtype rg_default_dtype(const rg_tape *t);
/* Threads that share large ops, including the one that calls: 1 by default, at most 1,024. Results have the same
   bits for any number. More threads than free processors bring nothing. They belong to the process and receive no
   signals. When several threads of the program compute at the same time, one of them uses these threads and the
   others compute alone. If the process cannot have n threads, the error is RG_ENOMEM and says how many it can have;
   the tape keeps its old number. A build with -Dthreads=false has one. */
int rg_set_threads(rg_tape *t, int n);
int rg_threads(const rg_tape *t);
RG_PLAIN rg_rng *rg_tape_rng(rg_tape *t);  /* the generator that initialisers, loaders and dropout draw from */
rg_memory_stats rg_memory(const rg_tape *t); /* its tensors and memory at the moment */
rg_list rg_params(const rg_tape *t);       /* every parameter of the tape */
/* The tensors of a, then those of b: rg_optim_adam(t, rg_list_join(rg_nn_params(actor), rg_nn_params(critic))). The
   list lives as long as the tape, so join before the loop. If a tensor is from another tape: an error, and an empty
   list. */
rg_list rg_list_join(rg_list a, rg_list b);

/* -------- leaves: inputs, parameters, buffers. A name is copied. */
/* a copy of an array; floats get the tape's dtype, i32 and u8 stay */
rg_tensor *rg_input(rg_tape *t, rg_data data, rg_dims shape);
rg_tensor *rg_full(rg_tape *t, double value, rg_dims shape);  /* every element = value */
/* A copy that lives as long as the tape and is no parameter (data sets, running statistics). It has exactly the
   array's dtype. A buffer cannot be released; for a shorter life use rg_retain(rg_input(..)). rg_buffer_of with data
   NULL: zeros. */
rg_tensor *rg_buffer(rg_tape *t, const char *name, rg_data data, rg_dims shape);
/* A parameter of zeros in the tape's dtype; rg_param in nn/nn.h adds the initialiser. */
rg_tensor *rg_parameter(rg_tape *t, const char *name, rg_dims shape);
int rg_write(rg_tensor *x, rg_data data);                     /* new values for a leaf, converted to its dtype */
/* stop gradient: a view of x without history. rg_write to x changes it too. NULL gives NULL */
rg_tensor *rg_detach(rg_tensor *x);
/* on: rg_backward gives the leaf a gradient, and rg_grad and the like take it as their x; call it before the leaf is
   used. Off: freezes it. Returns x. All parameters of a net: rg_nn_requires_grad */
rg_tensor *rg_requires_grad(rg_tensor *x, bool on);
RG_PLAIN rg_tensor *rg_set_name(rg_tensor *x, const char *name); /* for messages, pictures and files; returns x */
RG_PLAIN rg_tensor *rg_retain(rg_tensor *x);                  /* returns x */
/* ends one rg_retain; while the record may still read x, x lives until the reset */
void rg_release(rg_tensor *x);

/* -------- backward, gradients, hooks, replay */
typedef struct rg_backward_options {
    /* add only to the gradients of these leaves: rg_backward(loss, .inputs = rg_nn_params(critic)) */
    rg_list inputs;
    RG_NAMED;
} rg_backward_options;
/* Adds d loss / d x to the gradient of every leaf x that requires it. loss has one element. The record stays until the
   reset: a second rg_backward through it is allowed, without PyTorch's retain_graph, and adds once more. */
int rg_backward(rg_tensor *loss, rg_backward_options options);
typedef struct rg_grad_options {
    rg_tensor *dy;                           /* the cotangent, of y's shape; NULL: 1, if y has one element */
    bool create_graph;                       /* records the pass: its results can be differentiated again */
    bool allow_unused;                       /* y may have no history: then zeros. Without this option, an error */
    RG_NAMED;
} rg_grad_options;
/* out[i] = sum_j dy[j] * (d y[j] / d x[i]) with the option dy; zeros where y does not depend on x[i]. Leaves every
   rg_grad_of as it is. Returns 0, or -1 with poison in out: rg_grad(y, rg_list_of(x), &dx, .create_graph = true). Do
   not write to what is in out: two of them, or one and dy, may be the same tensor. */
int rg_grad(rg_tensor *y, rg_list x, rg_tensor *out[], rg_grad_options options);
/* the gradient that rg_backward has added up in x; NULL: none since it was cleared. Ask again after each pass and
   each rg_play, which may put another tensor in its place */
RG_PLAIN rg_tensor *rg_grad_of(rg_tensor *x);
/* Removes the gradient of x: then rg_grad_of(x) is NULL. If the record has younger tensors, which may read the
   gradient, its memory is free only at the reset. */
void rg_clear_grad(rg_tensor *x);
/* clears the gradient of every parameter; an optimiser's step clears those of its own parameters */
void rg_zero_grad(rg_tape *t);
/* Replays the record: computes every result again from the current values of its leaves (rg_write, an optimiser's
   step), and runs its rg_backward again. That adds to the gradients of leaves, and replaces those of results
   (rg_keep_grads). The bits are those of recording all of it again, but nothing is recorded and no shape is checked:
   the first call writes a list of kernels, the others go through it. In a steady loop it does not call the allocator.

   Random operations and random inputs draw new numbers. For steps whose ops and shapes stay the same: C code between
   the ops is not run again. So record a step once, then write the next batch into its inputs and play. Ops that were
   recorded after rg_backward are computed again too. Without an rg_backward on the record only the results are
   computed. A replay saves the overhead of each op, so it speeds up steps of many small ops. Tensors that hooks make
   in rg_play live until the next rg_play or, if something was recorded in between, until the reset.

   These cannot be replayed; rg_play is then an error, which names the operator or the call:
   - a record with nothing to compute, as after rg_tape_reset: so do not reset between two rg_play;
   - a checkpoint;
   - in rg_backward: a vjp that reads values by rg_item and the like, or computes values in C. With hooks, a listener
     for gradients or rg_keep_grads it is allowed, since the pass then runs as usual;
   - in rg_grad with .create_graph: such a vjp, or a hook that does so;
   - an op that reads a gradient (rg_grad_of) that was made or written since the loss, or what a hook made;
   - a record with two rg_backward, with an rg_backward with .inputs, or with an rg_grad without .create_graph.
   After an error, also a label out of range, every gradient is as it was. If the error came while results were
   computed, a pass through them is an error until an rg_play succeeds. */
int rg_play(rg_tape *t);
/* Called in each pass, of rg_backward or rg_grad, that computes the gradient g of x, when g is complete: first for the
   results, the newest first, then for the leaves. What it returns, of g's shape and dtype, replaces g; NULL or g
   itself: g stays. */
typedef rg_tensor *(*rg_grad_fn)(void *ctx, rg_tensor *x, rg_tensor *g);
/* Hooks of one x run in the order in which they were added. The reset removes them, except those of parameters and
   buffers; rg_on_grad(x, NULL, NULL) removes all hooks of x. */
int rg_on_grad(rg_tensor *x, rg_grad_fn fn, void *ctx);

/* -------- reading tensors: shapes, dtypes, values. Pointers point into the tensor; NULL for another dtype (an error)
   or a poisoned tensor. */
int rg_ndim(const rg_tensor *x);              /* number of dimensions */
const int64_t *rg_shape(const rg_tensor *x);  /* the size of each dimension: rg_shape(x)[0] */
int64_t rg_dim(const rg_tensor *x, int axis); /* axis -1 is the last; the size is -1 if x has no such axis */
int64_t rg_numel(const rg_tensor *x);         /* number of elements */
rg_dtype rg_dtype_of(const rg_tensor *x);     /* RG_F32 .. */
const char *rg_dtype_name(rg_dtype d);        /* "f32" */
size_t rg_dtype_size(rg_dtype d);             /* bytes of an element */
const char *rg_name_of(const rg_tensor *x); /* NULL: it has no name */
rg_tape *rg_tape_of(const rg_tensor *x);      /* the tape that it is on */
bool rg_needs_grad(const rg_tensor *x);  /* requires a gradient, or depends on something that does */
RG_PLAIN const float *rg_f32(rg_tensor *x);   /* the values of an f32 tensor, row-major, to read */
RG_PLAIN const double *rg_f64(rg_tensor *x);  /* of an f64 tensor */
RG_PLAIN const int32_t *rg_i32(rg_tensor *x); /* of an i32 tensor */
RG_PLAIN const uint8_t *rg_u8(rg_tensor *x);  /* of a u8 tensor */
/* the value of a tensor of one element; NaN after an error */
RG_PLAIN double rg_item(rg_tensor *x);
int rg_copy_out(rg_tensor *x, rg_room to, int64_t capacity);  /* all elements, converted; capacity counts elements */

/* -------- errors */
/* The message of the first error, with the line number of the call; NULL if there is none. There are no exceptions. It
   has the operation, shapes and what is wrong, and is valid until rg_error_clear or rg_tape_free.

       cumsum: [3] i32: operand 1 must be a float, not i32; rg_cast converts (train.c:26) */
const char *rg_error(const rg_tape *t);
rg_code rg_error_code(const rg_tape *t);  /* RG_OK: no error */
/* Removes the error: operations work again. Tensors that failed stay poisoned: an operation on one is a new error. */
RG_PLAIN void rg_error_clear(rg_tape *t);
/* fn is called for the first error; again after rg_error_clear. At first it is rg_print_error: one line on stderr. fn
   NULL: silent. RG_ABORT=1 in the environment: the process traps instead. */
RG_PLAIN void rg_on_error(rg_tape *t, void (*fn)(void *ctx, rg_code code, const char *message), void *ctx);
RG_PLAIN void rg_print_error(void *ctx, rg_code code, const char *message); /* one line on stderr; ctx is not used */
bool rg_failed(const rg_tensor *x); /* is it poisoned, NULL, or (an error) released? */

#ifdef __cplusplus
}
#endif

#include "engine_calls.h"
#endif
