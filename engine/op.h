/* op.h - for those who write operators: the descriptor, rg_apply, shape rules, rg_reject.

   An operator is a constant descriptor that its results point at. It says how the result's shape follows from the
   operands', how the values are computed, and what the derivative is, written once as a composition of other ops, so
   that gradients can be differentiated. It brings the samples that every test of the registry runs on it. A whole one,
   in a program of yours:

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

   rg_gradcheck_op(&rg_op_cbrt, ...) checks it; from a shared object, the command gradcheck --load. ops/rule.h makes
   both dtypes' functions of one body (RG_REAL), ops/row.h elementwise operators of one row. The library's have a kernel
   per dtype and instruction set. */
#ifndef RG_OP_H
#define RG_OP_H

#include "engine.h"

#if defined __SANITIZE_ADDRESS__ && !defined RG_NO_POOL
#define RG_NO_POOL /* AddressSanitizer sees each block where the pool is off; clang does not say, but the build does */
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_op rg_op;

enum { RG_AXIS_OUTSIDE = 1, RG_AXIS_TWICE, RG_AXIS_NONE }; /* rg_attr.reduce.fault */

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
        int (*source)(rg_tensor *x);            /* of an input that is drawn: what draws it */
    };
    double p, q;
} rg_attr;
#define RG_NO_ATTR ((rg_attr){.p = 0})

typedef struct rg_end { const char *by, *at; } rg_end; /* the call that releases, and its line */

struct rg_tensor {
    const rg_op *op; /* what made it; NULL for a leaf */
    rg_tape *tape;
    void *data;
    rg_tensor *base;         /* a view shares the data of its base */
    rg_tensor *grad;         /* what rg_backward leaves; its own buffer */
    rg_tensor *cotangent;    /* the gradient so far, while a backward pass runs */
    rg_tensor *prev, *next;  /* in the tape's list, in order of execution */
    int64_t seq;             /* when it was made */
    int32_t refs;            /* holds on it: the list's, views', a leaf's on its gradient, the user's */
    int32_t retained;        /* the user's among them */
    uint16_t flags;
    rg_dtype dtype : 8;
    uint8_t ndim, nin;
    union {
        /* of a result: what forward found and backward wants (argmax, mask, statistics); made by rg_save */
        rg_tensor *saved[2];
        /* of a leaf: seq when it was last written; the next one, during a pass */
        struct { int64_t written; rg_tensor *next_leaf; } leaf;
        rg_end released; /* of a released tensor */
    };
    const char *name, *at;
    int64_t numel;           /* from here on nothing is set in a new tensor */
    double value[2];         /* small results are here: 16 bytes of any dtype, aligned to as many */
    int64_t shape[RG_MAX_DIMS];
    rg_attr attr;
    rg_tensor *in[];         /* operands */
};

enum { /* of rg_tensor.flags */
    RG_POISON = 1 << 1,   /* what a failed operation returned */
    RG_RELEASED = 1 << 2, /* its memory is free; `released` says by what, and where */
    RG_UNUSABLE = RG_POISON | RG_RELEASED
};

enum { RG_ISAS = 3 }; /* instruction sets: the baseline, AVX2 with FMA, AVX-512 */
typedef int rg_kernel(rg_tensor *y); /* fills y->data from y->in; returns 0, or rg_reject(...) */
typedef int rg_fused_kernel(rg_tensor *y, rg_tensor *dy, rg_tensor **dx);
typedef rg_kernel *rg_forward_fn;
typedef rg_fused_kernel *rg_fused_fn;
typedef uint64_t (*rg_branch_fn)(const rg_tensor *y);

struct rg_op {
    const char *name, *formula; /* "softmax", "exp x_i / sum exp x": operands are named a b, or x when there is one */
    int arity;                  /* number of operands; -1: one or more */
    /* a letter per operand, the last repeats: f float, i i32, a any, m any (a mask). NULL = "f". All f are of one
       dtype, and all a */
    const char *types;
    /* with types NULL: applied in its place where operands are not floats of one dtype; NULL: they are refused */
    const rg_op *others;
    /* sets y->shape (and y->dtype, where it is not that of the first float operand); NULL = broadcasting */
    int (*shape)(rg_tensor *y);
    /* refuses operands' values (a label out of range), before every forward, also of a record that is played */
    int (*check)(rg_tensor *y);
    rg_forward_fn forward[2][RG_ISAS];                                /* [f32, f64][instruction set]; none: a view */
    /* The vjp: composes ops. NULL: no derivative. A dx[i] left NULL means zero. A replay repeats the ops it applied, so
       what it does must not depend on values: a loop in C over ->data belongs into `fused`. */
    void (*backward)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx);
    /* optional: the vjp by a kernel, used unless the pass is recorded */
    rg_fused_fn fused[2][RG_ISAS];
    /* [f32, f64]: hash of the branches taken, for ops with kinks */
    rg_branch_fn branch[2];
    /* a composite: this takes the place of all of the above */
    rg_tensor *(*compose)(const char *at, rg_attr attr, rg_tensor *const *in);
    /* called when a tape is made, for libraries that allocate at their first call */
    void (*warm_up)(void);
    /* sample values come from here; {0, 0} = -2 .. 2 */
    double range[2];
    const char *samples, *refuses;                                    /* see ops/sample.h for the notation */
};

/* Registration. The entry is the only thing written, by a constructor, before main. */
typedef struct rg_op_entry { const rg_op *op; struct rg_op_entry *next; } rg_op_entry;
/* -1 for an op without name, formula, samples or refusals, or of a name that is taken */
int rg_op_register(rg_op_entry *e);
const rg_op_entry *rg_op_first(void);        /* all ops: for (e = rg_op_first(); e; e = e->next), sorted by name */
const rg_op *rg_op_find(const char *name);

#define RG_OP(n)                                                                                      \
    extern const rg_op rg_op_##n;                                                                     \
    static rg_op_entry entry_##n = {&rg_op_##n, NULL};                                                \
    __attribute__((constructor)) static void register_##n(void) { (void)rg_op_register(&entry_##n); } \
    const rg_op rg_op_##n

/* Kernel rg_k_NAME_f32_base and its sisters, made from one source. Those named by RG_WIDE_KERNEL have a copy of their
   own for AVX-512, the others take AVX2's there; on machines without, all columns are the baseline. */
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

/* -------- applying */
rg_tensor *rg_apply(const rg_op *op, const char *at, rg_attr attr, int n, rg_tensor *const *in);
#define RG_IN(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *)), (rg_tensor *[]){__VA_ARGS__}
bool rg_needs(const rg_tensor *y, int i); /* in a backward rule: is the gradient of operand i wanted? */
/* In a backward rule that computed its result once more, recorded, as y: the pass goes on through what was recorded,
   from y's gradient dy to everything that it read. */
int rg_backward_through(rg_tensor *y, rg_tensor *dy);
/* Listeners, any number, are called in the order in which they came. The struct is yours; it is in one list at a time,
   and stays until it is taken off (on = false) or the tape goes. A listener may take itself off; it calls no operators,
   and releases no tensors.
   RG_GRADIENTS: in every pass, with the gradient g that y's rule, or fused kernel, gave operand i; y's own is
     y->cotangent. While there is one, rg_play runs passes as rg_backward does.
   RG_RUNS: when y (i = RG_RUN_FORWARD; it has no shape yet), or the gradients of its operands (RG_RUN_BACKWARD), are
     about to be computed, and when that is done (RG_RUN_ENDS; y->data is NULL if y was refused); g is NULL. A rule's
     runs are within that of its y. Also in a replay, of what has a kernel to run there. */
enum { RG_RUN_FORWARD, RG_RUN_BACKWARD, RG_RUN_ENDS };
typedef enum rg_events { RG_GRADIENTS, RG_RUNS } rg_events;
typedef struct rg_listener {
    void (*fn)(void *ctx, rg_tensor *y, int i, rg_tensor *g);
    void *ctx;
    struct rg_listener *next;
} rg_listener;
void rg_listen(rg_tape *t, rg_events events, rg_listener *l, bool on);
void **rg_profile_of(rg_tape *t); /* where the tape keeps what rg_profile made */
/* While a function of the user's works on tensors it was given: rg_tape_reset and rg_rewind refuse to release what was
   made before the mark. 0: no more. Returns what it was. */
int64_t rg_guard(rg_tape *t, int64_t mark);
rg_tensor *rg_newest(rg_tape *t); /* of the record, which goes back from there through ->prev; NULL: it is empty */

/* Refuses an application: keeps the message "NAME: operands: ..." with shapes and the caller's line. Returns -1. */
int rg_reject(rg_tensor *y, rg_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A composite speaks in its own name: until the function that says RG_SPEAK_AS("embedding", index, table); returns,
   what the ops that it calls refuse is told as "embedding: index[3] i32, table[5,4]: ...". Of composites within
   composites the outermost speaks. */
typedef struct rg_speaker { rg_tape *tape; const char *name; int n; rg_tensor *const *in; } rg_speaker;
#define RG_SPEAK_AS(what, ...) RG_SPEAK_AS_LIST(what, RG_IN(__VA_ARGS__))
#define RG_SPEAK_AS_LIST(...) /* what, n, in */                                         \
    rg_speaker speaker_ __attribute__((cleanup(rg_spoken))) = {NULL, __VA_ARGS__}; \
    rg_speak(&speaker_)
void rg_speak(rg_speaker *s);
void rg_spoken(rg_speaker *s);
/* The same for functions that are no op: "WHERE: ..." (at), on a tape. Returns -1. */
int rg_fail(rg_tape *t, rg_code code, const char *at, const char *format, ...) __attribute__((format(printf, 4, 5)));
rg_tensor *rg_poison(rg_tape *t); /* what a failed op returns */
/* Can x be read? 0, or -1 with an error: "SUBJECT is NULL", "SUBJECT was released by the reset at train.c:40", "SUBJECT
   is what a failed operation returned". The subject is a format; the error goes to t, or where that is NULL to x's
   tape. */
#define rg_given(at, t, x, ...) ((x) && !((x)->flags & RG_UNUSABLE) ? 0 : rg_not_given(at, t, x, __VA_ARGS__))
int rg_not_given(const char *at, rg_tape *t, const rg_tensor *x, const char *subject, ...)
    __attribute__((format(printf, 4, 5)));
/* how many there were: more after a call, and something in it failed, even if a handler cleared the error */
int64_t rg_errors(const rg_tape *t);
#define rg_refuse(t, ...) (rg_fail(t, __VA_ARGS__), rg_poison(t)) /* both, for functions that return a tensor */
const char *rg_shape_text(const rg_tensor *x, char *to, size_t size); /* "[2,3]", returns to */
const char *rg_place(const char *at); /* a file and line, without the folders */

/* -------- shape rules: set y's shape, return 0 or -1 after a rejection */
static inline bool rg_same_shape(const rg_tensor *a, const rg_tensor *b) {
    if (a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}
/* Does broadcasting make y's shape of x's? */
static inline bool rg_expands_to(const rg_tensor *x, const rg_tensor *y) {
    if (x->ndim > y->ndim) return false;
    for (int d = 0; d < x->ndim; d++)
        if (x->shape[d] != 1 && x->shape[d] != y->shape[y->ndim - x->ndim + d]) return false;
    return true;
}
int rg_shape_set(rg_tensor *y, int ndim, const int64_t *shape);
int rg_shape_like(rg_tensor *y, const rg_tensor *x);
int rg_shape_broadcast(rg_tensor *y);                              /* of all operands, NumPy's rule */
/* rank 0 has axis 0, of size 1 */
static inline int64_t rg_axis_size(const rg_tensor *x, int axis) { return x->ndim ? x->shape[axis] : 1; }
/* y (its shape set) shares x's data from element `offset` on */
int rg_view(rg_tensor *y, rg_tensor *x, int64_t offset);

/* -------- in kernels and backward rules */
/* uninitialised, unrecorded scratch of y's kernel or rule */
rg_tensor *rg_temp(rg_tensor *y, rg_dtype dtype, int ndim, const int64_t *shape);
rg_tensor *rg_temp_like(rg_tensor *y, const rg_tensor *x);
/* What a kernel keeps: y->saved[k], and the gradient dx[i] of operand i. Made, uninitialised, by the first call of the
   kernel for this y; later calls get the same tensor and write it again. After a failure they return the poison. */
rg_tensor *rg_save(rg_tensor *y, int k, rg_dtype dtype, int ndim, const int64_t *shape);
static inline rg_tensor *rg_dx(rg_tensor *y, rg_tensor **dx, int i) {
    return dx[i] ? dx[i] : (dx[i] = rg_temp_like(y, y->in[i]));
}
/* n elements; to integers toward zero, held to their range */
void rg_convert(void *to, rg_dtype to_dtype, const void *from, rg_dtype from_dtype, int64_t n);
#define rg_empty(t, dtype, ...) rg_empty_at(RG_AT, t, dtype, __VA_ARGS__) /* rg_empty(t, dtype, ndim, shape) */
/* an input to be filled by the caller */
rg_tensor *rg_empty_at(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape);
/* An input whose values source(x) draws, from x->attr.p and q and the tape's generator: now, and again in every
   replay. */
rg_tensor *rg_drawn_at(
    const char *at, rg_tape *t, int (*source)(rg_tensor *x), double p, double q, int ndim, const int64_t *shape);
/* A number of an options struct: left out, it is 0, and takes its default; RG_ZERO, -0.0, means 0. */
static inline double rg_option(double given, double otherwise) {
    return given != 0 || __builtin_signbit(given) ? given : otherwise;
}
/* the option that means this number, also 0 */
static inline double rg_option_of(double number) { return number != 0 ? number : -0.0; }
rg_tensor *rg_constant(rg_tensor *y, double value); /* a number in a backward rule: rank 0, in y's dtype */

bool rg_holds(rg_dtype dtype, double v); /* of floats: always; of integers: a whole number in their range */
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

/* -------- memory of a tape, for what is no tensor: NULL, and RG_ENOMEM on the tape, when there is none */
void *rg_tape_own(const char *at, rg_tape *t, size_t size);    /* zeroed; lives as long as the tape */
/* 64-byte aligned, not zeroed; returned with its size */
void *rg_tape_alloc(const char *at, rg_tape *t, size_t size);
void rg_tape_dealloc(rg_tape *t, void *p, size_t size);
/* Arrays that grow: room for one more than n elements, of *size that there are. NULL after an error, and the array is
   as it was. Of rg_tape_alloc's; of rg_tape_own's, where outgrown ones stay with the tape, at most as much again, and
   so may be read on. */
#define RG_END(array, n) ((array) ? (array) + (n) : NULL) /* behind the last; an array without elements may be NULL */
void *rg_grown(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element);
void *rg_grown_own(const char *at, rg_tape *t, void *array, int64_t n, int64_t *size, size_t element);
/* The one function that multiplies sizes: element count and bytes; -1 on a negative size or overflow. */
int rg_size(rg_dtype dtype, int ndim, const int64_t *shape, int64_t *numel, size_t *bytes);

/* 0 baseline, 1 AVX2+FMA, 2 AVX-512; returns what it was, -1 if this machine has not got it. For tests */
int rg_set_isa(rg_tape *t, int isa);
int rg_isa(const rg_tape *t);            /* which one: for kernels that belong to no op */
int rg_best_isa(void);                   /* of this machine: the one that tapes start with */

/* -------- threads
   rg_parallel runs the blocks 0 .. n of a loop: in one call, or, where `work` is above 1, about the number of chunks of
   RG_CHUNK elements, in several, in at most as many of the tape's threads and in any order. What a block is, the shapes
   alone decide, wherever it matters to rounding: results then have the same bits for any number of threads. `with` is
   what the loop works with, mostly a struct of the kernel's own. The loop sets no error and allocates nothing. */
enum { RG_CHUNK = 16384, RG_THREADS_MOST = 1024 };
typedef void rg_loop_fn(const void *with, int64_t begin, int64_t end);
/* what rg_parallel calls where there is work for several threads */
void rg_share(const rg_tape *t, int64_t work, int64_t n, rg_loop_fn *loop, const void *with);
static inline void rg_parallel(const rg_tape *t, int64_t work, int64_t n, rg_loop_fn *loop, const void *with) {
    if (work > 1) rg_share(t, work, n, loop, with);
    else if (n > 0) loop(with, 0, n);
}

/* FNV-1a, over the numbers that tell the branches of a result apart: h = RG_HASH; h = rg_hash(h, number); ... */
#define RG_HASH UINT64_C(14695981039346656037)
static inline uint64_t rg_hash(uint64_t h, uint64_t number) { return (h ^ number) * 1099511628211u; }
/* For what writes leaves: 0, or -1 with an error that begins with `who`. */
/* is it a leaf, and not one that a running pass may still read? */
int rg_may_write(const char *at, rg_tensor *x, const char *who);
/* x stays as long as the tape, whatever the program releases */
static inline rg_tensor *rg_hold(rg_tensor *x) { return x->refs++, x; }
int rg_outside_pass(const char *at, rg_tape *t, const char *who);   /* does no backward pass run? */
/* rg_set_name; -1 without memory */
int rg_name_as(rg_tensor *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* its values were changed in place: backward through older nodes that read it is an error */
void rg_touch(rg_tensor *leaf);

#ifdef __cplusplus
}
#endif

#endif
