/* tensor.c - tensors: sizes, storage, leaves, and rg_apply, through which every operator goes. */
#include <string.h>

#include "internal.h"

static const char *const dtype_names[] = {"f32", "f64", "i32", "u8"};

static bool dtype_ok(rg_dtype d) { return (unsigned)d < 4; }
size_t rg_dtype_size(rg_dtype d) { return dtype_ok(d) ? rg_width(d) : 0; }
const char *rg_dtype_name(rg_dtype d) { return dtype_ok(d) ? dtype_names[d] : "no dtype"; }
static bool is_float(unsigned d) { return d == RG_F32 || d == RG_F64; }

int rg_size(rg_dtype dtype, int ndim, const int64_t *shape, int64_t *numel, size_t *bytes) {
    const int64_t n = rg_count(dtype_ok(dtype) ? dtype : RG_U8, ndim, shape);
    if (n < 0) return -1;
    *numel = n;
    *bytes = (size_t)n * rg_dtype_size(dtype);
    return 0;
}

/* -------- nodes and their storage */

enum { ALIGN = 64, SPARE = 64 };
static size_t node_size(int nin) { return sizeof(rg_tensor) + (size_t)nin * sizeof(rg_tensor *); }
static size_t storage_size(size_t bytes) { return ((bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1)) + SPARE; }

/* What a fresh tensor has not got is cleared member by member: of an assignment, or a memset, gcc makes a "rep stos", a quarter of the
   time of a small op. Shape, numel and value have no meaning before they are set. */
static inline rg_tensor *node_new(const char *at, rg_tape *t, int nin) {
    rg_tensor *x = rg_block_alloc(t, node_size(nin));
    if (!x) {
        rg_fail(t, RG_ENOMEM, at, "out of memory for a tensor");
        return NULL;
    }
    x->op = NULL;
    x->tape = t;
    x->data = NULL;
    x->base = x->grad = x->cotangent = NULL;
    x->attr = RG_NO_ATTR;
    x->saved[0] = x->saved[1] = NULL;
    x->name = NULL;
    x->at = at;
    x->seq = 0;
    x->retained = 0;
    x->flags = 0;
    x->ndim = 0;
    x->refs = 1;
    x->nin = (uint8_t)nin;
    x->dtype = (uint8_t)t->dtype;
    t->live.tensors++;
    return x;
}

rg_tensor *rg_node_new(const char *at, rg_tape *t, int nin) { return node_new(at, t, nin); }

/* x->data for x->numel elements. Small results live inside the tensor; leaves never do, so that a view of one sees what is written to it. */
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

static int storage(const char *at, rg_tensor *x, bool inside) {
    x->numel = rg_count((rg_dtype)x->dtype, x->ndim, x->shape);
    if (x->numel >= 0) return make_room(at, x, inside);
    x->numel = 0;
    return rg_fail(x->tape, RG_ENOMEM, at, "tensor too large");
}

int rg_node_storage(const char *at, rg_tensor *x, bool inside) { return storage(at, x, inside); }

static inline void destroy(rg_tensor *x) {
    rg_tape *t = x->tape;
    if (x->data != x->value && x->data && !x->base) rg_block_free(t, x->data, storage_size((size_t)x->numel * rg_width(x->dtype)));
    if (x->name) rg_tape_dealloc(t, (void *)(uintptr_t)x->name, strlen(x->name) + 1);
    if (x->flags & RG_HOOKED) rg_hooks_drop(x);
    t->live.recorded -= x->op && x->flags & RG_NEEDS;
    t->live.tensors--;
    rg_block_free(t, x, node_size(x->nin));
}

void rg_node_destroy(rg_tensor *x) { destroy(x); }

RG_COLD static void free_holder(rg_tensor *x) {
    rg_tensor *base = x->base, *grad = x->grad;
    rg_node_destroy(x);
    if (base) rg_unref(base);
    if (grad) rg_unref(grad);
}

void rg_node_free(rg_tensor *x) {
    if (x->base || x->grad) free_holder(x);
    else destroy(x);
}

/* What somebody still holds lives on among the kept ones: its value, and of a leaf whether it requires a gradient; of a result no history. */
static void keep(rg_tensor *x) {
    const bool result = x->op;
    x->refs--;
    if (result && (x->flags & RG_NEEDS)) x->tape->live.recorded--;
    x->op = NULL;
    x->attr = RG_NO_ATTR;
    if (x->flags & RG_HOOKED) rg_hooks_drop(x);
    x->saved[0] = x->saved[1] = NULL;
    x->flags = (uint16_t)(RG_KEPT | (result ? 0 : x->flags & RG_NEEDS));
    rg_enlist(&x->tape->kept, x);
}

void rg_unref(rg_tensor *x) {
    if (--x->refs > 0) return;
    if (x->flags & RG_KEPT) rg_unlist(&x->tape->kept, x);
    rg_node_free(x);
}

void rg_release_since(rg_chain *chain, int64_t mark) {
    rg_tensor *x = chain->last, *prev;
    for (; x && x->seq >= mark; x = prev) {
        prev = x->prev;
        if (x->refs == 1) rg_node_free(x);
        else keep(x);
    }
    chain->last = x;
    *(x ? &x->next : &chain->first) = NULL;
}

rg_tensor *rg_name(rg_tensor *x, const char *name) {
    if (!rg_usable(x) || !name) return x ? x : rg_poisoned();
    const size_t size = strlen(name) + 1;
    char *copy = rg_tape_alloc(x->at, x->tape, size);
    if (!copy) return x;
    memcpy(copy, name, size);
    if (x->name) rg_tape_dealloc(x->tape, (void *)(uintptr_t)x->name, strlen(x->name) + 1);
    x->name = copy;
    return x;
}

/* -------- leaves */

rg_tensor *rg_leaf_new(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    if (!t || t->code) return NULL;
    if (!dtype_ok(dtype)) return (void)rg_fail(t, RG_EDTYPE, at, "tensor: there is no dtype %d", (int)dtype), NULL;
    if (ndim < 0 || ndim > RG_MAX_DIMS) return (void)rg_fail(t, RG_ESHAPE, at, "tensor: %d dimensions, at most %d", ndim, RG_MAX_DIMS), NULL;
    if (ndim && !shape) return (void)rg_fail(t, RG_EVALUE, at, "tensor: %d dimensions, but the shape is NULL", ndim), NULL;
    const int64_t numel = rg_count(dtype, ndim, shape);
    if (numel < 0) {
        for (int d = 0; d < ndim; d++)
            if (shape[d] < 0) return (void)rg_fail(t, RG_ESHAPE, at, "tensor: dimension %d is %lld", d, (long long)shape[d]), NULL;
        return (void)rg_fail(t, RG_ESHAPE, at, "tensor: the sizes of its dimensions overflow"), NULL;
    }
    rg_tensor *x = rg_node_new(at, t, 0);
    if (!x) return NULL;
    x->dtype = (uint8_t)dtype;
    x->ndim = (uint8_t)ndim;
    x->numel = numel;
    for (int d = 0; d < ndim; d++) x->shape[d] = shape[d];
    if (make_room(at, x, false)) return rg_node_destroy(x), NULL;
    x->seq = t->seq++;
    return x;
}

rg_tensor *rg_empty_at(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = t && t->cursor ? rg_play_next(t) : NULL;
    if (x) return x;
    x = rg_leaf_new(at, t, dtype, ndim, shape);
    if (!x) return rg_poison(t);
    rg_enlist(&t->record, x);
    return x;
}

rg_tensor *rg_input_at(const char *at, rg_tape *t, rg_dtype dtype, const void *data, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_empty_at(at, t, is_float(dtype) && t ? t->dtype : dtype, ndim, shape);
    if (rg_failed(x)) return x;
    if (!data && x->numel) return rg_fail(t, RG_EVALUE, at, "rg_input: data is NULL"), rg_poison(t);
    rg_convert(x->data, (rg_dtype)x->dtype, data, dtype, x->numel);
    return x;
}

rg_tensor *rg_full_at(const char *at, rg_tape *t, double value, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_empty_at(at, t, t ? t->dtype : RG_F32, ndim, shape);
    if (rg_failed(x)) return x;
    rg_set_all(x, value);
    return x;
}

/* A result without operands or history beside y. */
static inline rg_tensor *temp(rg_tensor *y, rg_dtype dtype, int ndim, const int64_t *shape, int64_t numel) {
    rg_tape *t = y->tape;
    if (t->code) return t->poison;
    if (t->cursor) return rg_play_next(t);
    rg_tensor *x = numel < 0 ? rg_fail(t, RG_ENOMEM, y->at, "tensor too large"), NULL : node_new(y->at, t, 0);
    if (!x) return t->poison;
    x->dtype = (uint8_t)dtype;
    x->ndim = (uint8_t)ndim;
    x->numel = numel;
    for (int d = 0; d < ndim; d++) x->shape[d] = shape[d];
    if (make_room(y->at, x, true)) return rg_node_destroy(x), t->poison;
    x->seq = t->seq++;
    rg_enlist(&t->record, x);
    return x;
}

rg_tensor *rg_temp(rg_tensor *y, rg_dtype dtype, int ndim, const int64_t *shape) { return temp(y, dtype, ndim, shape, rg_count(dtype, ndim, shape)); }
rg_tensor *rg_temp_like(rg_tensor *y, const rg_tensor *x) { return temp(y, (rg_dtype)x->dtype, x->ndim, x->shape, x->numel); }

rg_tensor *rg_save(rg_tensor *y, int k, rg_dtype dtype, int ndim, const int64_t *shape) {
    if (y->saved[k] && !y->tape->cursor) return y->saved[k]; /* a replay counts on rg_temp, which returns the same */
    rg_tensor *x = rg_temp(y, dtype, ndim, shape);
    if (!rg_failed(x)) y->saved[k] = x;
    return x;
}

rg_tensor *rg_constant(rg_tensor *y, double value) {
    rg_tensor *x = rg_temp(y, (rg_dtype)y->dtype, 0, NULL);
    if (rg_failed(x)) return x;
    rg_set_all(x, value);
    return x;
}

rg_tensor *rg_requires_grad_at(const char *at, rg_tensor *x, bool on) {
    if (!rg_usable(x)) return x ? x : rg_poisoned();
    if (x->tape->code) return x->tape->poison;
    if (x->op) return rg_fail(x->tape, RG_ESTATE, at, "rg_requires_grad: the result of %s is no leaf; rg_detach it", x->op->name), x->tape->poison;
    if (on && !is_float(x->dtype))
        return rg_fail(x->tape, RG_EDTYPE, at, "rg_requires_grad: %s has no gradient", rg_dtype_name((rg_dtype)x->dtype)), x->tape->poison;
    rg_plan_drop(x->tape);
    x->flags = (uint16_t)(on ? x->flags | RG_NEEDS : x->flags & ~RG_NEEDS);
    return x;
}

rg_tensor *rg_detach_at(const char *at, rg_tensor *x) {
    if (!rg_usable(x)) return x ? x : rg_poisoned();
    rg_tape *t = x->tape;
    rg_tensor *y = t->cursor ? rg_play_next(t) : NULL;
    if (y) return y;
    y = t->code ? NULL : rg_node_new(at, t, 0);
    if (!y) return t->poison;
    y->dtype = x->dtype;
    rg_shape_like(y, x);
    rg_view(y, x, 0);
    y->seq = t->seq++;
    rg_enlist(&t->record, y);
    return y;
}

/* -------- applying */

/* Letter by letter: f float, i i32, a any; all f, and all a, of one dtype. Sets y's dtype to the first float's. */
static int check_types(rg_tensor *y) {
    const char *types = y->op->types ? y->op->types : "f";
    const rg_tensor *first_f = NULL, *first_a = NULL;
    for (int i = 0; i < y->nin; i++) {
        const rg_tensor *x = y->in[i];
        const rg_tensor **first = *types == 'a' ? &first_a : &first_f;
        if (*types == 'i') {
            if (x->dtype != RG_I32) return rg_reject(y, RG_EDTYPE, "operand %d must be i32, not %s", i + 1, rg_dtype_name((rg_dtype)x->dtype));
        } else if (*types == 'f' && !is_float(x->dtype)) {
            return rg_reject(y, RG_EDTYPE, "operand %d must be a float, not %s; rg_cast converts", i + 1, rg_dtype_name((rg_dtype)x->dtype));
        } else if (!*first) {
            *first = x;
        } else if ((*first)->dtype != x->dtype) {
            return rg_reject(y, RG_EDTYPE, "dtypes %s and %s differ; rg_cast converts", rg_dtype_name((rg_dtype)(*first)->dtype), rg_dtype_name((rg_dtype)x->dtype));
        }
        if (types[1]) types++;
    }
    y->dtype = first_f ? first_f->dtype : first_a ? first_a->dtype : (uint8_t)y->tape->dtype;
    return 0;
}

/* The poison to return where operands cannot be used at all; NULL when they can. One without a tape stands for a tape that
   could not be made; any other comes with an error, also when the one it came from was cleared in the meantime. */
RG_COLD static rg_tensor *unusable(const rg_op *op, const char *at, int n, rg_tensor *const *in) {
    rg_tape *t = NULL;
    for (int i = 0; in && i < n && !t; i++)
        if (in[i]) t = in[i]->tape;
    if (!t) return rg_poisoned();
    if (!op) return rg_fail(t, RG_EVALUE, at, "rg_apply: the operator is NULL"), t->poison;
    for (int i = 0; i < n; i++) {
        if (!in[i]) return rg_fail(t, RG_ESTATE, at, "%s: operand %d is NULL", op->name, i + 1), t->poison;
        if (in[i]->flags & RG_POISON) return rg_fail(in[i]->tape, RG_ESTATE, at, "%s: operand %d is what a failed operation returned", op->name, i + 1), in[i];
        if (in[i]->tape != t) return rg_fail(t, RG_ESTATE, at, "%s: operands from two tapes", op->name), t->poison;
    }
    if (op->arity >= 0 && n != op->arity) rg_fail(t, RG_ESHAPE, at, "%s: %d operands, not %d", op->name, n, op->arity);
    if (n > UINT8_MAX) rg_fail(t, RG_ESHAPE, at, "%s: %d operands, at most %d", op->name, n, UINT8_MAX);
    return t->poison;
}

/* The tape of operands that can be used; NULL for others. `same`: they are floats of one dtype. */
static inline rg_tape *tape_of(const rg_op *op, int n, rg_tensor *const *in, unsigned *flags, bool *same) {
    if (!op || n < 1 || n > UINT8_MAX || (n != op->arity && op->arity >= 0) || !in || !in[0]) return NULL;
    rg_tape *t = in[0]->tape;
    unsigned all = in[0]->flags, differ = 0;
    for (int i = 1; i < n; i++) {
        if (!in[i] || in[i]->tape != t) return NULL;
        all |= in[i]->flags;
        differ |= in[i]->dtype ^ in[0]->dtype;
    }
    *flags = all;
    *same = !differ && is_float(in[0]->dtype);
    return all & RG_POISON || t->code ? NULL : t;
}

/* y, which came to nothing, goes; its tape has an error. */
RG_COLD static rg_tensor *refused(rg_tensor *y) {
    rg_tape *t = y->tape;
    if (!t->code) rg_reject(y, RG_ESTATE, "failed");
    rg_node_free(y);
    return t->poison;
}

static int compute(rg_tensor *y, rg_forward_fn forward) {
    rg_tape *t = y->tape;
    const int64_t before = t->seq;
    const int failed = forward(y);
    if (t->seq != before)
        for (rg_tensor *x = t->record.last; x && x->seq >= before; x = x->prev) x->flags |= RG_TEMP;
    return failed || t->code;
}

rg_tensor *rg_apply(const rg_op *op, const char *at, rg_attr attr, int n, rg_tensor *const *in) {
    unsigned flags;
    bool same;
    rg_tape *t = tape_of(op, n, in, &flags, &same);
    if (!t) return unusable(op, at, n, in);
    if (op->compose) return op->compose(at, attr, in);
    if (t->cursor) return rg_play_apply(op, at, attr, n, in);

    rg_tensor *y = node_new(at, t, n);
    if (!y) return t->poison;
    y->op = op;
    y->attr = attr;
    y->dtype = in[0]->dtype;
    for (int i = 0; i < n; i++) y->in[i] = in[i];
    if (!(same && !op->types) && check_types(y)) return refused(y);
    if ((op->shape ? op->shape(y) : rg_shape_broadcast(y)) || (op->check && op->check(y))) return refused(y);
    if (!y->data && (op->shape ? storage(at, y, true) : make_room(at, y, true))) return refused(y);
    const rg_forward_fn forward = op->forward[y->dtype == RG_F64 || in[0]->dtype == RG_F64][t->isa];
    if (forward ? compute(y, forward) : !y->base && rg_reject(y, RG_EDTYPE, "no kernel for %s", rg_dtype_name((rg_dtype)y->dtype))) return refused(y);
    if (flags & RG_NEEDS && t->recording && op->backward && is_float(y->dtype)) {
        y->flags = RG_NEEDS;
        t->live.recorded++;
    }
    y->seq = t->seq++;
    rg_enlist(&t->record, y);
    return y;
}
