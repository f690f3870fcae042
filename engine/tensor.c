/* tensor.c - tensors: sizes, storage, release, leaves, and rg_apply, through which every operator goes. Part of hot.c. */
#include <stdarg.h>
#include <string.h>

#include "internal.h"

static const char *const dtype_names[] = {"f32", "f64", "i32", "u8"};

static bool dtype_ok(rg_dtype d) { return (unsigned)d < 4; }
size_t rg_dtype_size(rg_dtype d) { return dtype_ok(d) ? rg_width(d) : 0; }
const char *rg_dtype_name(rg_dtype d) { return dtype_ok(d) ? dtype_names[d] : "no dtype"; }
static bool is_float(unsigned d) { return d == RG_F32 || d == RG_F64; }

/* The element count, or -1. Sizes are checked as if a zero dimension were one, so that no product of the others can overflow either. At
   most PTRDIFF_MAX / 4 bytes, so that sums of a few sizes do not overflow; below PTRDIFF_MAX / 32 elements that holds for every dtype. */
static RG_INLINE int64_t count(rg_dtype dtype, int ndim, const int64_t *shape) {
    int64_t all = 1;
    bool empty = false;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0) return -1;
        if (shape[d] == 0) empty = true;
        else if (__builtin_mul_overflow(all, shape[d], &all)) return -1;
    }
    return all > (int64_t)(PTRDIFF_MAX / 32) && all > (int64_t)(PTRDIFF_MAX / 4 / rg_width(dtype)) ? -1 : empty ? 0 : all;
}

int rg_size(rg_dtype dtype, int ndim, const int64_t *shape, int64_t *numel, size_t *bytes) {
    const int64_t n = count(dtype_ok(dtype) ? dtype : RG_U8, ndim, shape);
    if (n < 0) return -1;
    *numel = n;
    *bytes = (size_t)n * rg_dtype_size(dtype);
    return 0;
}

/* -------- nodes and their storage */

enum { SPARE = 64 };
static size_t storage_size(size_t bytes) { return ((bytes + RG_ALIGN - 1) & ~(size_t)(RG_ALIGN - 1)) + SPARE; }

/* An odd multiple of 16, and never one of RG_ALIGN, as all other blocks are: a node's memory in the pool is used for nodes alone, and a
   pointer to a released tensor points to a released tensor or to another one. */
static inline size_t rg_node_size(int nin) { return ((sizeof(rg_tensor) + (size_t)nin * sizeof(rg_tensor *) + 15) & ~(size_t)15) | 16; }

/* The members of a new tensor before `numel`. They are copied, since gcc turns a memset into a slow "rep stos". */
static const rg_tensor fresh = {.refs = 1};
enum { FRESH = offsetof(rg_tensor, numel) };
_Static_assert((sizeof(void *) < 8 || offsetof(rg_tensor, value) % 16 == 0) && sizeof(rg_tensor) == offsetof(rg_tensor, in),
    "values are aligned, and nothing is padded");

static RG_INLINE rg_tensor *rg_node_new(const char *at, rg_tape *t, int nin) {
    rg_tensor *x = rg_block_alloc(t, rg_node_size(nin));
    if (!x) {
        rg_fail(t, RG_ENOMEM, at, "out of memory for a tensor");
        return NULL;
    }
    memcpy(x, &fresh, FRESH);
    x->tape = t;
    x->at = at;
    x->nin = (uint8_t)nin;
    x->dtype = t->dtype;
    t->stats.tensors++;
    return x;
}

/* x->data for x->numel elements. With `inside`, small ones live inside the tensor: those of results, not of the leaves that users make. */
static inline int make_room(const char *at, rg_tensor *x, bool inside) {
    const size_t bytes = (size_t)x->numel * rg_width(x->dtype);
    if (inside && bytes <= sizeof x->value) {
        x->data = x->value;
        return 0;
    }
    x->data = rg_block_alloc(x->tape, storage_size(bytes));
    if (x->data) return 0;
    return rg_fail(x->tape, RG_ENOMEM, at, "out of memory: %zu bytes for a tensor", bytes);
}

static inline void free_name(rg_tensor *x) {
    if (!x->name) return;
    rg_tape_dealloc(x->tape, (void *)(uintptr_t)x->name, strlen(x->name) + 1);
    x->name = NULL;
}

/* -------- release

   Holds are counted in refs: the record's, tape->permanent's or plan.made's on what is in them (tape->kept has none), a view's on its base,
   a leaf's on its gradient, a pass's on cotangents, the plan's on the loss and on its gradients, rg_backward's on the loss and rg_grad's on
   what it was given, rg_hold's, the user's. A result does not hold its operands, and need not: they are older, and the record releases the
   youngest tensor first.                                                                                                              */

static RG_INLINE void rg_node_destroy(rg_tensor *x) {
    rg_tape *t = x->tape;
    if (x->data != x->value && x->data && !x->base) rg_block_free(t, x->data, storage_size((size_t)x->numel * rg_width(x->dtype)));
    free_name(x);
    if (x->flags & RG_HOOKED) rg_hooks_drop(x);
    t->stats.recorded -= x->op && x->flags & RG_NEEDS;
    t->stats.tensors--;
    x->flags = RG_RELEASED;
    x->released = t->released;
    rg_block_free(t, x, rg_node_size(x->nin));
}

RG_COLD static void holder_free(rg_tensor *x) {
    rg_tensor *base = x->base, *grad = x->grad;
    rg_node_destroy(x);
    if (base) rg_unref(base);
    if (grad) rg_unref(grad);
}

static inline void node_free(rg_tensor *x) {
    if (x->base || x->grad) holder_free(x);
    else rg_node_destroy(x);
}

/* Still held: it moves to tape->kept. Leaves keep value and requires_grad, results the value only. */
static void keep(rg_tensor *x) {
    const bool result = x->op;
    x->refs--;
    x->tape->stats.recorded -= result && x->flags & RG_NEEDS;
    x->op = NULL;
    x->attr = RG_NO_ATTR;
    if (x->flags & RG_HOOKED) rg_hooks_drop(x);
    x->leaf = fresh.leaf;
    x->flags = (uint16_t)(RG_KEPT | (result ? 0 : x->flags & RG_NEEDS));
    rg_enlist(&x->tape->kept, x);
}

static void end_chain(rg_chain *chain, rg_tensor *last) {
    chain->last = last;
    *(last ? &last->next : &chain->first) = NULL;
}

static void rg_release_since(rg_chain *chain, int64_t mark) {
    rg_tensor *x, *prev;
    for (x = chain->last; x && (x->seq >= mark || x->flags & RG_RETURNED); x = prev) {
        prev = x->prev;
        if (x->refs == 1 && !x->base && !x->grad) {
            rg_node_destroy(x);
            continue;
        }
        end_chain(chain, prev); /* what x holds may return to the record */
        if (x->refs > 1) keep(x);
        else node_free(x);
        prev = chain->last;
    }
    end_chain(chain, x);
}

RG_COLD static void rg_to_record(rg_tensor *x) {
    rg_chain *record = &x->tape->record;
    rg_tensor *before = record->first && record->first->seq < x->seq ? record->last : NULL;
    while (before && before->seq > x->seq) before = before->prev;
    rg_unlist(&x->tape->kept, x);
    x->flags &= (uint16_t)~RG_KEPT;
    x->refs++;
    x->prev = before;
    x->next = before ? before->next : record->first;
    *(x->prev ? &x->prev->next : &record->first) = x;
    *(x->next ? &x->next->prev : &record->last) = x;
}

/* x is in tape->kept: elsewhere the list holds it. If the record has younger tensors, which may read it, it goes back to its place there:
   rg_release_since releases it when they are gone. */
static void last_hold_ends(rg_tensor *x) {
    const rg_tensor *newest = x->tape->record.last;
    if (newest && newest->seq > x->seq) {
        rg_to_record(x);
        x->flags |= RG_RETURNED;
        return;
    }
    rg_unlist(&x->tape->kept, x);
    node_free(x);
}

static inline void rg_unref(rg_tensor *x) { if (--x->refs == 0) last_hold_ends(x); }

/* The old name may be among what is printed. */
RG_COLD int rg_name_as(rg_tensor *x, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const size_t size = (size_t)vsnprintf(NULL, 0, format, again) + 1;
    char *name = rg_tape_alloc(x->at, x->tape, size);
    if (name) {
        vsnprintf(name, size, format, args);
        free_name(x);
        x->name = name;
    }
    va_end(again);
    va_end(args);
    return name ? 0 : -1;
}

rg_tensor *rg_set_name(rg_tensor *x, const char *name) {
    if (rg_usable(x) && name) (void)rg_name_as(x, "%s", name);
    return x;
}

/* -------- leaves */

static rg_tensor *rg_leaf_new(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    if (!t || t->code) return NULL;
    if (!dtype_ok(dtype)) return (void)rg_fail(t, RG_EDTYPE, at, "tensor: there is no dtype %d", (int)dtype), NULL;
    rg_tensor *x = rg_node_new(at, t, 0);
    if (!x) return NULL;
    x->dtype = dtype;
    if (rg_shape_set(x, ndim, shape) || make_room(at, x, false)) return rg_node_destroy(x), NULL;
    x->seq = t->seq++;
    return x;
}

rg_tensor *rg_empty_at(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_leaf_new(at, t, dtype, ndim, shape);
    if (!x) return rg_poison(t);
    rg_enlist(&t->record, x);
    return x;
}

rg_tensor *rg_input_at(const char *at, rg_tape *t, rg_dtype dtype, const void *data, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_empty_at(at, t, is_float(dtype) && t ? t->dtype : dtype, ndim, shape);
    if (rg_failed(x)) return x;
    if (!data && x->numel) return rg_refuse(t, RG_EVALUE, at, "rg_input: data is NULL");
    rg_convert(x->data, x->dtype, data, dtype, x->numel);
    return x;
}

static rg_tensor *set_constant(rg_tensor *x, double value) {
    if (rg_failed(x)) return x;
    rg_set_all(x, value);
    x->flags |= RG_FILLED;
    return x;
}

rg_tensor *rg_full_at(const char *at, rg_tape *t, double value, int ndim, const int64_t *shape) {
    return set_constant(rg_empty_at(at, t, t ? t->dtype : RG_F32, ndim, shape), value);
}

rg_tensor *rg_drawn_at(const char *at, rg_tape *t, int (*source)(rg_tensor *x), double p, double q, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_empty_at(at, t, t ? t->dtype : RG_F32, ndim, shape);
    if (rg_failed(x)) return x;
    const uint32_t errors = t->errors;
    x->attr = (rg_attr){.source = source, .p = p, .q = q};
    if (source(x)) return rg_failed_since(x, errors), t->poison;
    x->flags |= RG_DRAWN;
    return x;
}

/* A tensor without an operator, of y's kernel or rule: to all others it looks like a leaf. */
static inline rg_tensor *temp(rg_tensor *y, rg_dtype dtype, int ndim, const int64_t *shape, int64_t numel) {
    rg_tape *t = y->tape;
    rg_tensor *x = t->code ? NULL : rg_node_new(y->at, t, 0);
    if (!x) return t->poison;
    x->dtype = dtype;
    x->numel = numel;
    x->ndim = (uint8_t)ndim;
    for (int d = 0; d < ndim; d++) x->shape[d] = shape[d];
    if (make_room(y->at, x, true)) return rg_node_destroy(x), t->poison;
    x->seq = t->seq++;
    rg_enlist(&t->record, x);
    return x;
}

rg_tensor *rg_temp(rg_tensor *y, rg_dtype dtype, int ndim, const int64_t *shape) {
    const int64_t numel = count(dtype, ndim, shape);
    return numel < 0 ? rg_fail(y->tape, RG_ENOMEM, y->at, "tensor too large"), y->tape->poison : temp(y, dtype, ndim, shape, numel);
}

rg_tensor *rg_temp_like(rg_tensor *y, const rg_tensor *x) { return temp(y, x->dtype, x->ndim, x->shape, x->numel); }

rg_tensor *rg_save(rg_tensor *y, int k, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = y->saved[k];
    if (x && x->dtype == dtype && x->ndim == ndim && !memcmp(x->shape, shape, (size_t)ndim * sizeof *shape)) return x;
    x = rg_temp(y, dtype, ndim, shape);
    if (!rg_failed(x)) y->saved[k] = x;
    return x;
}

rg_tensor *rg_constant(rg_tensor *y, double value) { return set_constant(rg_temp(y, y->dtype, 0, NULL), value); }
rg_tensor *rg_number(double value, rg_tensor *like) { return like && !(like->flags & RG_UNUSABLE) ? rg_constant(like, value) : like; }

rg_tensor *rg_requires_grad_at(const char *at, rg_tensor *x, bool on) {
    if (!rg_usable_at(x)) return x ? rg_poison(x->tape) : NULL;
    rg_tape *t = x->tape;
    if (t->code) return t->poison;
    if (x->op) return rg_refuse(t, RG_ESTATE, at, "rg_requires_grad: the result of %s is no leaf; rg_detach it", x->op->name);
    if (on && !is_float(x->dtype)) return rg_refuse(t, RG_EDTYPE, at, "rg_requires_grad: %s has no gradient", rg_dtype_name(x->dtype));
    t->released = (rg_end){"rg_requires_grad", at};
    rg_plan_free(t);
    x->flags = (uint16_t)(on ? x->flags | RG_NEEDS : x->flags & ~RG_NEEDS);
    return x;
}

static rg_tensor *rg_node_like(const char *at, const rg_tensor *x) {
    rg_tensor *y = rg_node_new(at, x->tape, 0);
    if (!y) return NULL;
    y->dtype = x->dtype;
    rg_shape_like(y, x);
    y->seq = x->tape->seq++;
    return y;
}

rg_tensor *rg_detach_at(const char *at, rg_tensor *x) {
    if (!rg_usable_at(x)) return x ? rg_poison(x->tape) : NULL;
    rg_tensor *y = x->tape->code ? NULL : rg_node_like(at, x);
    if (!y) return x->tape->poison;
    rg_view(y, x, 0);
    rg_enlist(&x->tape->record, y);
    return y;
}

static rg_tensor *rg_kept_copy(const char *at, const rg_tensor *x) {
    rg_tensor *copy = rg_node_like(at, x);
    if (!copy) return NULL;
    if (make_room(at, copy, true)) return rg_node_destroy(copy), NULL;
    memcpy(copy->data, x->data, (size_t)x->numel * rg_width(x->dtype));
    copy->flags = RG_KEPT | RG_GRADIENT;
    rg_enlist(&x->tape->kept, copy);
    return copy;
}

/* -------- applying */

/* Letter by letter: f float, i i32, m and a any; all f, and all a, of one dtype. Sets y's dtype to the first float's. Not inlined: most ops
   are applied to floats of one dtype, and need no check. */
__attribute__((noinline)) static int check_types(rg_tensor *y) {
    if (y->op->others) y->op = y->op->others;
    const char *types = y->op->types ? y->op->types : "f";
    const rg_tensor *first_f = NULL, *first_a = NULL;
    for (int i = 0; i < y->nin; types += types[1] != 0, i++) {
        const rg_tensor *x = y->in[i];
        const rg_tensor **first = *types == 'a' ? &first_a : &first_f;
        if (*types == 'i' && x->dtype != RG_I32)
            return rg_reject(y, RG_EDTYPE, "the index must be i32, not %s", rg_dtype_name(x->dtype));
        if (*types == 'f' && !is_float(x->dtype))
            return rg_reject(y, RG_EDTYPE, "operand %d must be a float, not %s; rg_cast converts", i + 1, rg_dtype_name(x->dtype));
        if (*types == 'i' || *types == 'm') continue;
        if (!*first) *first = x;
        if ((*first)->dtype != x->dtype)
            return rg_reject(y, RG_EDTYPE, "dtypes %s and %s differ; rg_cast converts", rg_dtype_name((*first)->dtype),
                rg_dtype_name(x->dtype));
    }
    const rg_tensor *first = first_f ? first_f : first_a;
    y->dtype = y->tape->dtype;
    if (first) y->dtype = first->dtype;
    return 0;
}

/* What rg_apply needs to know of its operands. tape: NULL if they cannot be used. alike: floats of one dtype. */
typedef struct operands { rg_tape *tape; bool needs, alike; } operands;

static inline operands look_at(const rg_op *op, int n, rg_tensor *const *in) {
    if (!op || n < 1 || n > UINT8_MAX || (n != op->arity && op->arity >= 0) || !in || !in[0]) return (operands){.tape = NULL};
    rg_tape *t = in[0]->tape;
    unsigned flags = in[0]->flags, differ = 0;
    for (int i = 1; i < n; i++) {
        if (!in[i] || in[i]->tape != t) return (operands){.tape = NULL};
        flags |= in[i]->flags;
        differ |= in[i]->dtype ^ in[0]->dtype;
    }
    return (operands){.tape = flags & RG_UNUSABLE || t->code ? NULL : t, .needs = flags & RG_NEEDS, .alike = !differ &&
        is_float(in[0]->dtype)};
}

/* The poison to return where operands cannot be used at all. One without a tape means a tape that could not be made; use of any other is
   an error, also after rg_error_clear. */
RG_COLD static rg_tensor *unusable(const rg_op *op, const char *at, int n, rg_tensor *const *in) {
    rg_tape *t = NULL;
    for (int i = 0; in && i < n && !t; i++)
        if (in[i]) t = in[i]->tape;
    if (!t) return rg_poisoned();
    if (!op) return rg_refuse(t, RG_EVALUE, at, "rg_apply: the operator is NULL");
    for (int i = 0; i < n; i++) {
        const rg_tensor *x = in[i];
        rg_tape *of = x && x->tape ? x->tape : t;
        if (rg_given(at, of, x, "%s: operand %d", op->name, i + 1)) return rg_poison(of);
        if (x->tape != t) return rg_refuse(t, RG_ESTATE, at, "%s: operands from two tapes", op->name);
    }
    if (op->arity >= 0 && n != op->arity) rg_fail(t, RG_ESHAPE, at, "%s: %d operands, not %d", op->name, n, op->arity);
    if (n > UINT8_MAX) rg_fail(t, RG_ESHAPE, at, "%s: %d operands, at most %d", op->name, n, UINT8_MAX);
    return t->poison;
}

/* The type and shape of y, and whether the operands' values are allowed. */
static inline int infer(rg_tensor *y, bool alike) {
    const char *types = y->op->types;
    if (!(alike && (!types || !strcmp(types, "a"))) && check_types(y)) return -1;
    const rg_op *op = y->op;
    return (op->shape ? op->shape(y) : rg_shape_broadcast(y)) || (op->check && op->check(y)) ? -1 : 0;
}

static inline int compute(rg_tensor *y) {
    rg_tape *t = y->tape;
    if (!y->data) {
        if (y->op->shape && (y->numel = count(y->dtype, y->ndim, y->shape)) < 0)
            return y->numel = 0, rg_fail(t, RG_ENOMEM, y->at, "tensor too large");
        if (make_room(y->at, y, true)) return -1;
    }
    const rg_forward_fn forward = y->op->forward[rg_f64_kernel(y)][t->isa];
    if (!forward) return y->base ? 0 : rg_reject(y, RG_EDTYPE, "no kernel for %s", rg_dtype_name(y->dtype));
    const int64_t before = t->seq;
    const int failed = forward(y);
    if (t->seq != before)
        for (rg_tensor *x = t->record.last; x && x->seq >= before; x = x->prev) x->flags |= RG_BY_KERNEL;
    return failed;
}

/* y, which failed, goes; its tape has an error, or had one that a handler cleared. */
RG_COLD static rg_tensor *give_up(rg_tensor *y, uint32_t errors) {
    rg_tape *t = y->tape;
    rg_tell(&t->on_run, y, RG_RUN_ENDS, NULL);
    rg_failed_since(y, errors);
    node_free(y);
    return t->poison;
}

rg_tensor *rg_apply(const rg_op *op, const char *at, rg_attr attr, int n, rg_tensor *const *in) {
    const operands o = look_at(op, n, in);
    rg_tape *t = o.tape;
    if (!t) return unusable(op, at, n, in);
    if (op->compose) return op->compose(at, attr, in);
    rg_tensor *y = rg_node_new(at, t, n);
    if (!y) return t->poison;
    y->op = op;
    y->attr = attr;
    y->dtype = in[0]->dtype;
    for (int i = 0; i < n; i++) y->in[i] = in[i];
    const uint32_t errors = t->errors;
    if (t->on_run) rg_tell(&t->on_run, y, RG_RUN_FORWARD, NULL);
    if (infer(y, o.alike) || compute(y) || t->errors != errors) return give_up(y, errors);
    if (t->on_run) rg_tell(&t->on_run, y, RG_RUN_ENDS, NULL);
    if (o.needs && t->recording && y->op->backward && is_float(y->dtype)) {
        y->flags = RG_NEEDS;
        t->stats.recorded++;
    }
    y->seq = t->seq++;
    rg_enlist(&t->record, y);
    return y;
}
