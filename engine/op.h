/* op.h - custom operators: your own operator, as a torch.autograd.Function.

   An operator is a constant descriptor; its results point at it. It says how the shape of the result follows from the
   shapes of the operands, how the values are computed, and what the derivative is. The derivative is written once, as a
   composition of other ops, so that gradients can be differentiated. The descriptor also has the samples that every
   test of the registry uses. A whole operator, in a program of yours:

       #include <math.h>
       #include <retrograd.h>
       #include <retrograd/engine/op.h>

       static int forward(rg_tensor *y) {
           for (int64_t i = 0; i < y->numel; i++) {
               if (y->dtype == RG_F64) ((double *)y->data)[i] = cbrt(((double *)y->in[0]->data)[i]);
               else ((float *)y->data)[i] = cbrtf(((float *)y->in[0]->data)[i]);
           }
           return 0;
       }
       static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
           dx[0] = rg_div(dy, rg_mul(3, rg_square(y)));
       }

       RG_OP(cbrt) = {.name = "cbrt", .formula = "x^(1/3)", .arity = 1,
           .forward = RG_ANY(forward), .backward = backward, .range = {.3, 3},
           .samples = "3,40; 17; -; 1,1; 0,3", .refuses = "2,3:i32"};

       rg_tensor *my_cbrt(rg_tensor *x) { return rg_apply(&rg_op_cbrt, RG_AT, RG_NO_ATTR, 1, &x); }

   RG_AT is the line of the caller, for messages; here it is the line of this function. For the line of its own caller
   make my_cbrt a macro: #define my_cbrt(x) my_cbrt_at(RG_AT, x).
   - Compulsory: name, formula, arity, forward, samples, refuses; and backward, or there is no derivative. Without
     .types all operands are floats of one dtype; without .shape they broadcast.
   - Two operands: .arity = 2, y->in[0] and y->in[1], dx[0] and dx[1], of which only those are needed for which
     rg_needs(y, i) is true; RG_IN(a, b) in place of 1, &x.
   - A number: rg_apply(.., ((rg_attr){.p = p}), ..), which is y->attr.p in forward and backward; .samples = "3,40 p=2".
   - What forward keeps for backward: rg_save(y, 0, y->dtype, y->ndim, y->shape)->data in forward, y->saved[0] later.

   rg_gradcheck_op(&rg_op_cbrt, ...) checks it; the command gradcheck --load checks the operators of a shared object.
   RG_REAL in ops/rule.h makes the functions for both dtypes from one body; ops/row.h makes an elementwise operator
   from one row. The library's own operators have a kernel per dtype and instruction set. */
#ifndef RG_OP_H
#define RG_OP_H

#include "engine.h"

#if defined __SANITIZE_ADDRESS__ && !defined RG_NO_POOL
#define RG_NO_POOL /* AddressSanitizer must see each block; with clang, meson.build defines RG_NO_POOL */
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_op rg_op;

enum { RG_AXIS_OUTSIDE = 1, RG_AXIS_TWICE, RG_AXIS_NONE }; /* .reduce.fault in rg_attr: what is wrong with the axes */

/* Attributes of one application, copied into the result. Each operator uses one member of the union, and p and q. */
typedef struct rg_attr {
    union {
        int i[6]; /* for operators of your own */
        /* one axis: softmax, concat, gather ...; reverse: cumsum from the end, argsort descending; start, stop:
           slice, pad */
        struct { int axis, reverse; int64_t start, stop; };
        struct {
            unsigned axes;       /* bit k set = axis k */
            int keepdims;
            int fault, bad_axis; /* an axis that the caller gave and the shape rule refuses */
        } reduce;
        /* reshape, expand ...: the shape rule copies dims and clears the pointer */
        struct { int ndim; const int64_t *dims; } shape;
        struct { int ta, tb; } matmul;                   /* transpose a, b */
        struct {
            int16_t kernel[2], stride[2], padding[2], dilation[2];
            union { int32_t groups, size[2]; }; /* groups: conv2d; size of the image: fold */
        } window;                               /* conv2d, pools, unfold, fold */
        int perm[6];                            /* permute */
        rg_dtype dtype;                         /* cast */
        int classes;                            /* one_hot, scatter */
        int diagonal;                           /* tril, triu */
        int reduction;                          /* losses */
        const void *given;                      /* checkpoint: what the shape rule copies; it clears the pointer */
        int (*source)(rg_tensor *x);            /* of a random input: the function that draws it */
    };
    double p, q;
} rg_attr;
#define RG_NO_ATTR ((rg_attr){.p = 0})

typedef struct rg_end { const char *by, *at; } rg_end; /* the call that released a tensor, and its line */

struct rg_tensor {
    const rg_op *op; /* the operator that made it; NULL for a leaf */
    rg_tape *tape;
    void *data;
    rg_tensor *base;         /* a view shares the data of its base */
    rg_tensor *grad;         /* the gradient that rg_backward adds up, in memory of its own */
    rg_tensor *cotangent;    /* the gradient so far, while a backward pass runs */
    rg_tensor *prev, *next;  /* in its list; the tape's record is in order of seq */
    int64_t seq;             /* a count: younger tensors have a larger one */
    /* Number of holds: of its list (the record, parameters and buffers, a plan), of views, of a leaf on its gradient,
       of cotangents, of a plan, of a running rg_backward or rg_grad, of rg_hold, of the user. */
    int32_t refs;
    int32_t retained;        /* how many of these are the user's */
    uint16_t flags;
    rg_dtype dtype : 8;
    uint8_t ndim, nin;
    union {
        /* of a result: what forward keeps for backward (argmax, mask, statistics); made by rg_save */
        rg_tensor *saved[2];
        /* of a leaf: seq at its last write; the next leaf that has a cotangent, during a pass */
        struct { int64_t written; rg_tensor *next_leaf; } leaf;
        rg_end released; /* of a released tensor */
    };
    const char *name, *at;
    int64_t numel;           /* a new tensor is not initialised from here on */
    double value[2];         /* small results are stored here: 16 bytes of any dtype, aligned to 16 */
    int64_t shape[RG_MAX_DIMS];
    rg_attr attr;
    rg_tensor *in[];         /* operands */
};

enum { /* of rg_tensor.flags */
    RG_POISON = 1 << 1,   /* the result of a failed operation */
    RG_RELEASED = 1 << 2, /* its memory is free; `released` has the call that released it, and its line */
    RG_UNUSABLE = RG_POISON | RG_RELEASED
};

enum { RG_ISAS = 3 }; /* instruction sets: the baseline, AVX2 with FMA, AVX-512 */
typedef int rg_kernel(rg_tensor *y); /* fills y->data from y->in; returns 0, or rg_reject(...) */
typedef int rg_fused_kernel(rg_tensor *y, rg_tensor *dy, rg_tensor **dx); /* fills the dx that are needed, by rg_dx */
typedef rg_kernel *rg_forward_fn;
typedef rg_fused_kernel *rg_fused_fn;
typedef uint64_t (*rg_branch_fn)(const rg_tensor *y);

struct rg_op {
    const char *name, *formula; /* "softmax", "exp x_i / sum exp x": operands are named a b, or x when there is one */
    int arity;                  /* number of operands; -1: one or more */
    /* one letter per operand, the last one repeats: f float, i i32, a any, m any (a mask). NULL: "f". All f have one
       dtype, and all a have one dtype */
    const char *types;
    /* the operator to apply instead when operands are not floats of one dtype (only with types NULL); NULL: refused */
    const rg_op *others;
    /* sets y->shape, and y->dtype if it is not that of the first float operand; NULL: broadcasting */
    int (*shape)(rg_tensor *y);
    /* refuses values of operands (a label out of range), before every forward, also in a replay */
    int (*check)(rg_tensor *y);
    rg_forward_fn forward[2][RG_ISAS];                                /* [f32, f64][instruction set]; none: a view */
    /* The vjp: composes ops. NULL: no derivative. A dx[i] that stays NULL means zero. A replay repeats the ops that
       this rule applied and does not call it again: the rule must not depend on values. Reads by rg_item and the like
       are found and refused, reads of ->data or by rg_element are not. Put C loops over ->data into `fused`. */
    void (*backward)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx);
    /* optional: the vjp as a kernel; used unless the pass is recorded */
    rg_fused_fn fused[2][RG_ISAS];
    /* [f32, f64]: a hash of the branches taken (rg_hash), for ops with kinks */
    rg_branch_fn branch[2];
    /* for a composite: called in place of all rules and kernels above. It is not told n: the arity is not -1 */
    rg_tensor *(*compose)(const char *at, rg_attr attr, rg_tensor *const *in);
    /* range of the values in samples; {0, 0}: -2 .. 2 */
    double range[2];
    const char *samples, *refuses;                                    /* see ops/sample.h for the notation */
};

/* Registration, by constructors: before main, or when a shared object is loaded. It is not thread-safe: load shared
   objects with operators before other threads use tapes. Only the entry is written. */
typedef struct rg_op_entry { const rg_op *op; struct rg_op_entry *next; } rg_op_entry;
/* -1 for an op without name, formula, samples or refusals, without any of kernel, shape and compose, or if its name is
   taken */
int rg_op_register(rg_op_entry *e);
void rg_op_link(rg_op_entry *e); /* used by RG_OP; if it fails, rg_tape_new reports an error with the name */
const rg_op_entry *rg_op_first(void);        /* all ops: for (e = rg_op_first(); e; e = e->next), sorted by name */
const rg_op *rg_op_find(const char *name);   /* NULL: there is none, or a static program does not use it */

/* Defines rg_op_NAME and registers it: RG_OP(cbrt) = {.name = "cbrt", ..}; */
#define RG_OP(n)                                                                                      \
    extern const rg_op rg_op_##n;                                                                     \
    static rg_op_entry entry_##n = {&rg_op_##n, NULL};                                                \
    __attribute__((constructor)) static void register_##n(void) { rg_op_link(&entry_##n); }           \
    const rg_op rg_op_##n

/* The kernels rg_k_NAME_f32_base .. rg_k_NAME_f64_avx512, made from one source. RG_WIDE_KERNEL: with a copy for
   AVX-512. RG_KERNEL: AVX-512 machines take the copy for AVX2. In a build without an instruction set its column has
   the kernel of the next lower one. */
#define RG_KERNELS_OF(type, n)                                            \
    type rg_k_##n##_f32_base, rg_k_##n##_f32_avx2, rg_k_##n##_f32_avx512, \
        rg_k_##n##_f64_base, rg_k_##n##_f64_avx2, rg_k_##n##_f64_avx512
#define RG_KERNELS(n) RG_KERNELS_OF(rg_kernel, n)
#define RG_FUSED_KERNELS(n) RG_KERNELS_OF(rg_fused_kernel, n)
#define RG_BRANCHES(n) uint64_t rg_k_##n##_f32_base(const rg_tensor *), rg_k_##n##_f64_base(const rg_tensor *)
#define RG_BRANCH(n) {rg_k_##n##_f32_base, rg_k_##n##_f64_base}
#define RG_COLUMNS(n, one, two)                                         \
    {{rg_k_##n##_f32_base, rg_k_##n##_f32_##one, rg_k_##n##_f32_##two}, \
        {rg_k_##n##_f64_base, rg_k_##n##_f64_##one, rg_k_##n##_f64_##two}}
#ifdef RG_HAVE_AVX2
#define RG_KERNEL(n) RG_COLUMNS(n, avx2, avx2)
#else
#define RG_KERNEL(n) RG_COLUMNS(n, base, base)
#endif
#ifdef RG_HAVE_AVX512
#define RG_WIDE_KERNEL(n) RG_COLUMNS(n, avx2, avx512)
#else
#define RG_WIDE_KERNEL(n) RG_KERNEL(n)
#endif
#define RG_ANY(fn) {{fn, fn, fn}, {fn, fn, fn}} /* one function for every dtype */

/* -------- applying an operator, errors */
/* The result of op, with n operands; `at` is the line that messages name, attr is copied. */
rg_tensor *rg_apply(const rg_op *op, const char *at, rg_attr attr, int n, rg_tensor *const *in);
/* n and in of rg_apply: rg_apply(&rg_op_sub, at, RG_NO_ATTR, RG_IN(a, b)) */
#define RG_IN(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *)), (rg_tensor *[]){__VA_ARGS__}
bool rg_needs(const rg_tensor *y, int i); /* in a backward rule: is the gradient of operand i needed? */
/* For a backward rule that computes its result again with recording on. y: the new result, dy: its gradient. The
   pass goes back through the new record, to every tensor that it reads. Returns 0, or -1 after an error. */
int rg_backward_through(rg_tensor *y, rg_tensor *dy);
/* For the rule of y, a view of a part of its operand x: adds dy to that part of the gradient that x has so far, so that
   the rest need not be filled with zeros. false: it did not, the rule has to give a gradient of x's shape. */
bool rg_add_to_part(rg_tensor *y, rg_tensor *dy);
enum { RG_RUN_FORWARD, RG_RUN_BACKWARD, RG_RUN_ENDS };
typedef enum rg_events { RG_GRADIENTS, RG_RUNS } rg_events;
typedef struct rg_listener {
    void (*fn)(void *ctx, rg_tensor *y, int i, rg_tensor *g);
    void *ctx;
    struct rg_listener *next;
} rg_listener;
/* Any number of listeners are called in the order in which they were added. The struct is yours; it is in one list at a
   time and must stay valid until it is removed (on = false) or the tape is freed. A listener may remove itself; it must
   not call operators or release tensors.
   RG_GRADIENTS: called in every pass, with the gradient g that the rule or fused kernel of y gave operand i; y's own
   gradient is y->cotangent. With such a listener rg_play runs passes as rg_backward does.
   RG_RUNS: called before y is computed (i = RG_RUN_FORWARD; y has a shape only in a replay), before the gradients of
   its operands are computed (RG_RUN_BACKWARD), and after each (RG_RUN_ENDS; y->data is NULL if y was refused); g is
   NULL. Runs of the ops inside y's backward rule come between the two calls for y. A replay makes only the calls for
   y; for a view it makes them only if the view has a check. */
void rg_listen(rg_tape *t, rg_events events, rg_listener *l, bool on);
void **rg_profile_of(rg_tape *t); /* where the tape keeps the data of rg_profile */
/* While a function of the user works on tensors that it was given: rg_tape_reset and rg_rewind refuse to release
   what was made before the mark, and rg_tape_free refuses. 0 ends this. Returns the old mark. */
int64_t rg_guard(rg_tape *t, int64_t mark);
/* the newest tensor of the record; ->prev leads to the older ones. NULL: the record is empty */
rg_tensor *rg_newest(rg_tape *t);

/* Refuses an application: the message is "NAME: operands: ..." with shapes and the caller's line. Returns -1. */
int rg_reject(rg_tensor *y, rg_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Write RG_SPEAK_AS("embedding", index, table); at the start of a composite. Until it returns, errors of the ops
   that it calls begin with its own name and operands: "embedding: index[3] i32, table[5,4]: ...". If composites call
   composites, the outermost gives the name. */
typedef struct rg_speaker { rg_tape *tape; const char *name; int n; rg_tensor *const *in; } rg_speaker;
#define RG_SPEAK_AS(what, ...) RG_SPEAK_AS_LIST(what, RG_IN(__VA_ARGS__))
#define RG_SPEAK_AS_LIST(...) /* what, n, in */                                         \
    rg_speaker speaker_ __attribute__((cleanup(rg_spoken))) = {NULL, __VA_ARGS__}; \
    rg_speak(&speaker_)
void rg_speak(rg_speaker *s);
void rg_spoken(rg_speaker *s);
/* An error of a function that is no op: the formatted message and " (at)" go to the tape. Returns -1. */
int rg_fail(rg_tape *t, rg_code code, const char *at, const char *format, ...) __attribute__((format(printf, 4, 5)));
rg_tensor *rg_poison(rg_tape *t); /* the tensor that a failed op returns */
/* 0: x can be read. -1, with an error: "SUBJECT is NULL", "SUBJECT was released by the reset at train.c:40",
   "SUBJECT is what a failed operation returned". The subject is a format. The error goes to t, or if t is NULL to
   x's tape. */
#define rg_given(at, t, x, ...) ((x) && !((x)->flags & RG_UNUSABLE) ? 0 : rg_not_given(at, t, x, __VA_ARGS__))
int rg_not_given(const char *at, rg_tape *t, const rg_tensor *x, const char *subject, ...)
    __attribute__((format(printf, 4, 5)));
/* the number of errors so far. If a call raises it, something in the call failed, even if a handler cleared the
   error */
int64_t rg_errors(const rg_tape *t);
#define RG_NO_HISTORY                                                                                    \
    "depends on nothing that requires a gradient, or was made with recording off or by rg_grad without " \
    ".create_graph" /* the text of an error: why a tensor has no derivative */
#define rg_refuse(t, ...) (rg_fail(t, __VA_ARGS__), rg_poison(t)) /* rg_fail, then rg_poison */
/* "w[2,3]", "[2,3]" without a name, "[2,3] i32" where it is not a float of the tape's dtype; returns `to` */
const char *rg_shape_text(const rg_tensor *x, char *to, size_t size);
const char *rg_place(const char *at); /* a file and line, without the folders */

/* -------- shape rules: set y's shape; return 0, or -1 after rg_reject */
/* have a and b the same shape? */
static inline bool rg_same_shape(const rg_tensor *a, const rg_tensor *b) {
    if (a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}
/* Does x broadcast to the shape of y? */
static inline bool rg_expands_to(const rg_tensor *x, const rg_tensor *y) {
    if (x->ndim > y->ndim) return false;
    for (int d = 0; d < x->ndim; d++)
        if (x->shape[d] != 1 && x->shape[d] != y->shape[y->ndim - x->ndim + d]) return false;
    return true;
}

int rg_shape_set(rg_tensor *y, int ndim, const int64_t *shape);    /* y has this shape */
int rg_shape_like(rg_tensor *y, const rg_tensor *x);               /* y has the shape of x */
int rg_shape_broadcast(rg_tensor *y);                              /* of all operands, by NumPy's rule */
/* rank 0 has axis 0, of size 1 */
static inline int64_t rg_axis_size(const rg_tensor *x, int axis) { return x->ndim ? x->shape[axis] : 1; }
/* y, whose shape is set, shares x's data from element `offset` on */
int rg_view(rg_tensor *y, rg_tensor *x, int64_t offset);

/* -------- in kernels and backward rules */
/* scratch of y's kernel or rule: uninitialised, a leaf on the record */
rg_tensor *rg_temp(rg_tensor *y, rg_dtype dtype, int ndim, const int64_t *shape);
rg_tensor *rg_temp_like(rg_tensor *y, const rg_tensor *x);
/* Tensors that a kernel keeps. rg_save: y->saved[k]; rg_make_dx: the gradient dx[i] of operand i. The first call for
   this y makes the tensor, not initialised; after later calls it is the same one, to be written again. After a
   failure: the poison, and false. */
rg_tensor *rg_save(rg_tensor *y, int k, rg_dtype dtype, int ndim, const int64_t *shape);
static inline bool rg_make_dx(rg_tensor *y, rg_tensor **dx, int i) {
    return dx[i] || !rg_failed(dx[i] = rg_temp_like(y, y->in[i]));
}
/* n elements; to integers: rounded toward zero and limited to their range */
void rg_convert(void *to, rg_dtype to_dtype, const void *from, rg_dtype from_dtype, int64_t n);
#define rg_empty(t, dtype, ...) rg_empty_at(RG_AT, t, dtype, __VA_ARGS__) /* rg_empty(t, dtype, ndim, shape) */
/* an input that the caller fills */
rg_tensor *rg_empty_at(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape);
/* An input with values that source(x) draws, from x->attr.p and q and the tape's generator: now, and again in every
   replay. */
rg_tensor *rg_drawn_at(
    const char *at, rg_tape *t, int (*source)(rg_tensor *x), double p, double q, int ndim, const int64_t *shape);
/* The value of a number in an options struct: 0 means left out and gives the default; RG_ZERO, -0.0, means 0. */
static inline double rg_option(double given, double otherwise) {
    return given != 0 || __builtin_signbit(given) ? given : otherwise;
}
/* the other way round: the option that means this number, also 0 */
static inline double rg_option_of(double number) { return number != 0 ? number : -0.0; }
rg_tensor *rg_constant(rg_tensor *y, double value); /* a number in a backward rule: rank 0, in y's dtype */

/* does the dtype hold v? Floats: always. Integers: a whole number in their range */
bool rg_holds(rg_dtype dtype, double v);
/* Element i of values of a dtype, and of a tensor, as a double. */
static inline double rg_value(const void *data, rg_dtype dtype, int64_t i) {
    switch (dtype) {
    case RG_F32: return (double)((const float *)data)[i];
    case RG_F64: return ((const double *)data)[i];
    case RG_I32: return ((const int32_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}
static inline double rg_element(const rg_tensor *x, int64_t i) { return rg_value(x->data, x->dtype, i); }

/* -------- memory of a tape that is not in tensors. NULL while the tape has an error. Out of memory: NULL, and
   RG_ENOMEM on the tape */
void *rg_tape_own(const char *at, rg_tape *t, size_t size);    /* zeroed; lives as long as the tape */
/* 64-byte aligned, not zeroed; give it back by rg_tape_dealloc, with the same size */
void *rg_tape_alloc(const char *at, rg_tape *t, size_t size);
void rg_tape_dealloc(rg_tape *t, void *p, size_t size);
/* one past the last element; an array without elements may be NULL */
#define RG_END(array, n) ((array) ? (array) + (n) : NULL)
/* An array with room for more than n elements; *size: how many it has room for. NULL after an error: the array
   stays. rg_grown: by rg_tape_alloc, the old array is freed. rg_grown_own: by rg_tape_own, old arrays stay until
   rg_tape_free, so old pointers can still be read; together they take at most as much memory as the new one. */
void *rg_grown(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element);
void *rg_grown_own(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element);
/* Element count and bytes; -1 on a negative size or overflow. Multiply sizes by this function only. */
int rg_size(rg_dtype dtype, int ndim, const int64_t *shape, int64_t *numel, size_t *bytes);

/* 0 baseline, 1 AVX2+FMA, 2 AVX-512. Returns the old one; -1 if this machine does not have it. For tests */
int rg_set_isa(rg_tape *t, int isa);
int rg_isa(const rg_tape *t);            /* the one in use, for kernels that belong to no op */
int rg_best_isa(void);                   /* the best of this machine, with which tapes start */

/* -------- threads. rg_parallel runs the blocks 0 .. n - 1 of a loop. `work` is about the number of elements /
   RG_CHUNK. Up to 1: one call, here. Above: several calls, in any order, on at most min(work, n) of the tape's threads.
   Where rounding depends on how the work is cut into blocks, cut it by the shapes alone, never by the number of
   threads: then results have the same bits for any number of threads. `with` is the loop's data, mostly a struct of the
   kernel. The loop must not set errors or allocate. */
enum { RG_CHUNK = 16384, RG_THREADS_MOST = 1024 };
typedef void rg_loop_fn(const void *with, int64_t begin, int64_t end); /* the blocks begin .. end - 1 of a loop */
/* called by rg_parallel when there is work for several threads */
void rg_share(const rg_tape *t, int64_t work, int64_t n, rg_loop_fn *loop, const void *with);

/* runs loop(with, begin, end) until all of 0 .. n - 1 is done */
static inline void rg_parallel(const rg_tape *t, int64_t work, int64_t n, rg_loop_fn *loop, const void *with) {
    if (work > 1) rg_share(t, work, n, loop, with);
    else if (n > 0) loop(with, 0, n);
}

/* FNV-1a over numbers that identify the branches of a result: h = RG_HASH; h = rg_hash(h, number); ... */
#define RG_HASH UINT64_C(14695981039346656037)
static inline uint64_t rg_hash(uint64_t h, uint64_t number) { return (h ^ number) * 1099511628211u; }
/* Call before a leaf is written. 0: x may be written. -1, with an error that begins with `who`: x is no leaf, or a
   running pass may still read it */
int rg_may_write(const char *at, rg_tensor *x, const char *who);
/* keeps x as long as the tape, even if the program releases it */
static inline rg_tensor *rg_hold(rg_tensor *x) { return x->refs++, x; }
/* 0: no backward pass is running. -1, with an error that begins with `who`: one is running */
int rg_outside_pass(const char *at, rg_tape *t, const char *who);
/* rg_set_name with a format; -1: out of memory, or the tape has an error */
int rg_name_as(rg_tensor *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Call it after the values of a leaf were changed in place: backward through older nodes that read it is then an
   error. */
void rg_touch(rg_tensor *leaf);

#ifdef __cplusplus
}
#endif

#endif
