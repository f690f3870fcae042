/* tape.c - the tape: its lists of tensors, reset and rewind, retain and release, parameters and settings. Part of hot.c. */
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "internal.h"

/* Asks the system for large pages for large blocks: then the processor spends less time on looking up pages. */
static void *heap_alloc(void *ctx, size_t size) {
    (void)ctx;
#ifdef MADV_HUGEPAGE
    enum { LARGE = 2 << 20 };
    void *p = NULL;
    if (size >= LARGE) {
        if (posix_memalign(&p, LARGE, size)) return NULL;
        (void)madvise(p, size / LARGE * LARGE, MADV_HUGEPAGE);
        return p;
    }
#endif
    return malloc(size);
}
static void heap_free(void *ctx, void *p, size_t size) { (void)ctx, (void)size, free(p); }

void rg_print_error(void *ctx, rg_code code, const char *message) {
    (void)ctx, (void)code;
    fprintf(stderr, "retrograd: %s\n", message ? message : "no error");
}

int rg_best_isa(void) {
    int isa = 0;
#ifdef RG_HAVE_AVX2
    isa = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#ifdef RG_HAVE_AVX512
    if (isa && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq")) isa = 2;
#endif
    return isa;
}

rg_tape *rg_tape_new_at(const char *at, uint64_t seed, rg_tape_options options) {
    rg_allocator a = options.allocator;
    if (!a.alloc || !a.free) a.alloc = heap_alloc, a.free = heap_free;
    rg_tape *t = a.alloc(a.ctx, sizeof *t);
    if (!t) return NULL;
    const char *check = getenv("RG_CHECK");
    *t = (rg_tape){.allocator = a, .recording = true, .seq = 1, .dtype = RG_F32, .isa = rg_best_isa(), .threads = 1, .pass.flag = RG_NEEDS,
        .on_error = rg_print_error, .check = check && check[0] == '1'};
    rg_blocks_init(t);
    rg_rng_seed(&t->rng, seed);
    t->poison = rg_node_new(at, t, 0);
    if (!t->poison) return rg_tape_free_at(NULL, t), NULL;
    t->poison->flags = RG_POISON;
    t->poison->numel = 0;
    t->stats = (rg_memory_stats){.reserved = t->stats.reserved, .allocations = t->stats.allocations};
    if (rg_op_rejected)
        rg_fail(t, RG_ESTATE, at, "rg_tape_new: operator %s has the name of another, perhaps of the library's, or no formula, samples, "
            "refusals or kernel", rg_op_rejected->name ? rg_op_rejected->name : "NULL");
    return t;
}

/* -------- lists */

int64_t rg_guard(rg_tape *t, int64_t mark) {
    if (!t) return 0;
    const int64_t was = t->guard;
    t->guard = mark;
    return was;
}

rg_tensor *rg_newest(rg_tape *t) { return t ? t->record.last : NULL; }
int64_t rg_mark(const rg_tape *t) { return t ? t->seq : 0; }

/* Releases what was made since the mark, as `who`, which messages name. */
static void release_since(const char *at, rg_tape *t, int64_t mark, const char *who, const char *by) {
    if (!t || rg_in_handler(t, who)) return;
    if (mark < 0) rg_fail(t, RG_EVALUE, at, "%s: %lld is no mark", who, (long long)mark);
    else if (mark < t->guard) rg_fail(t, RG_ESTATE, at, "%s: inside a function that was given tensors to work on, which would go", who);
    else if (t->pass.running && mark < t->pass.mark) rg_fail(t, RG_ESTATE, at, "%s: inside a backward pass, to before it", who);
    else if (!t->plan.writing) { /* while a plan is written a rewind does nothing: a replay needs what a vjp makes */
        t->released = (rg_end){by, at};
        rg_plan_rewound(t, mark);
        rg_release_since(&t->record, mark);
        for (rg_hook **h = &t->hooks; mark == 0 && *h;) /* of what is retained */
            if ((*h)->x->flags & RG_PERMANENT) h = &(*h)->next;
            else rg_hooks_drop((*h)->x);
    }
}

void rg_rewind_at(const char *at, rg_tape *t, int64_t mark) { release_since(at, t, mark, "rg_rewind", "the rewind"); }
void rg_tape_reset_at(const char *at, rg_tape *t) { release_since(at, t, 0, "rg_tape_reset", "the reset"); }

void rg_tape_free_at(const char *at, rg_tape *t) {
    if (!t || rg_in_handler(t, "rg_tape_free")) return;
    if (t->pass.running || t->guard) {
        rg_fail(t, RG_ESTATE, at, "rg_tape_free: inside a function that the tape called");
        return;
    }
    t->released = (rg_end){"rg_tape_free", at};
    rg_plan_free(t);
    const rg_chain all[] = {t->record, t->kept, t->permanent};
    for (int k = 0; k < 3; k++)
        for (rg_tensor *x = all[k].first, *next; x; x = next) {
            next = x->next;
            rg_node_destroy(x);
        }
    rg_tape_dealloc(t, t->params, (size_t)t->params_size * sizeof *t->params);
    rg_owned_free_all(t);
    if (t->check && t->allocator.alloc == heap_alloc) return; /* pointers to its tensors stay valid: they are still refused */
    if (t->poison) rg_node_destroy(t->poison);
    rg_blocks_free_all(t);
    t->allocator.free(t->allocator.ctx, t, sizeof *t);
}

/* -------- retain and release */

rg_tensor *rg_retain(rg_tensor *x) {
    if (!rg_usable(x)) return x ? rg_poison(x->tape) : NULL;
    x->refs++;
    x->retained++;
    return x;
}

void rg_release_at(const char *at, rg_tensor *x) {
    if (!rg_usable_at(x) || rg_in_handler(x->tape, "rg_release")) return;
    if (x->retained == 0) {
        char text[160];
        rg_fail(x->tape, RG_ESTATE, at, "rg_release: %s, made at %s, %s", rg_shape_text(x, text, sizeof text), rg_place(x->at),
            x->flags & RG_PERMANENT ? "lives as long as the tape; what is to go earlier is rg_retain(rg_input(..))" : "was not retained");
        return;
    }
    x->retained--;
    x->tape->released = (rg_end){"rg_release", at};
    rg_unref(x);
}

/* -------- parameters */

rg_tensor *rg_buffer_at(const char *at, rg_tape *t, const char *name, rg_dtype dtype, const void *data, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_leaf_new(at, t, dtype, ndim, shape);
    if (!x) return rg_poison(t);
    const size_t bytes = (size_t)x->numel * rg_dtype_size(dtype);
    if (bytes && data) memcpy(x->data, data, bytes);
    else memset(x->data, 0, bytes);
    if (name && !rg_set_name(x, name)->name) return rg_node_destroy(x), rg_poison(t);
    x->flags |= RG_PERMANENT;
    rg_enlist(&t->permanent, x);
    return x;
}

static int check_name(const char *at, rg_tape *t, const char *name) {
    for (int i = 0; t && name && i < t->nparams; i++) {
        const rg_tensor *p = t->params[i];
        if (p->name && !strcmp(p->name, name))
            return rg_fail(t, RG_EVALUE, at, "parameter %.40s: the tape has one of this name, made at %s", name, rg_place(p->at));
    }
    return 0;
}

rg_tensor *rg_parameter_at(const char *at, rg_tape *t, const char *name, int ndim, const int64_t *shape) {
    if (check_name(at, t, name)) return rg_poison(t);
    rg_tensor **params = t && !t->code ? rg_grown(at, t, t->params, t->nparams, &t->params_size, sizeof *params) : NULL;
    if (!params) return rg_poison(t);
    t->params = params;
    rg_tensor *x = rg_buffer_at(at, t, name, t->dtype, NULL, ndim, shape);
    if (rg_failed(x)) return x;
    x->flags |= RG_NEEDS;
    t->params[t->nparams++] = x;
    return x;
}

rg_list rg_params(const rg_tape *t) { return t ? (rg_list){t->params, t->nparams} : (rg_list){NULL, 0}; }

static rg_tensor *item(rg_list a, rg_list b, int i) {
    const rg_list l = i < a.count ? a : b;
    return l.items ? l.items[i < a.count ? i : i - a.count] : NULL;
}

rg_list rg_list_join_at(const char *at, rg_list a, rg_list b) {
    rg_tape *t = NULL;
    if (a.count < 0) a.count = 0;
    const int n = a.count + (b.count < 0 ? 0 : b.count);
    for (int i = 0; i < n && !t; i++) t = rg_tape_of(item(a, b, i));
    for (int i = 0; i < n; i++) {
        if (rg_given(at, t, item(a, b, i), "rg_list_join: tensor %d", i)) return (rg_list){0};
        if (item(a, b, i)->tape != t) return rg_fail(t, RG_ESTATE, at, "rg_list_join: tensor %d is from another tape", i), (rg_list){0};
    }
    rg_tensor **items = n ? rg_tape_own(at, t, (size_t)n * sizeof *items) : NULL;
    for (int i = 0; items && i < n; i++) items[i] = item(a, b, i);
    return (rg_list){items, items ? n : 0};
}

static void clear_grad(const char *at, rg_tensor *x, const char *by) {
    rg_tensor *g = x->grad;
    if (!g || (x->tape->in_handler && rg_in_handler(x->tape, by))) return;
    x->grad = NULL;
    x->tape->released = (rg_end){by, at};
    rg_unref(g);
}

void rg_zero_grad_at(const char *at, rg_tape *t) { for (int i = 0; t && i < t->nparams; i++) clear_grad(at, t->params[i], "rg_zero_grad"); }

void rg_clear_grad_at(const char *at, rg_tensor *x) { if (rg_usable_at(x)) clear_grad(at, x, "rg_clear_grad"); }

/* -------- settings */

static bool exchange(bool *is, bool on) {
    const bool was = *is;
    *is = on;
    return was;
}
bool rg_record(rg_tape *t, bool on) { return t && exchange(&t->recording, on); }
bool rg_keep_grads(rg_tape *t, bool on) { return t && exchange(&t->keep_grads, on); }

int rg_set_default_dtype_at(const char *at, rg_tape *t, rg_dtype d) {
    if (!t) return -1;
    if (d != RG_F32 && d != RG_F64) return rg_fail(t, RG_EDTYPE, at, "rg_set_default_dtype: %s is not a float", rg_dtype_name(d));
    t->dtype = d;
    return 0;
}

int rg_set_threads_at(const char *at, rg_tape *t, int n) {
    if (!t) return -1;
    if (n < 1 || n > RG_THREADS_MOST) return rg_fail(t, RG_EVALUE, at, "rg_set_threads: %d threads, not 1 to %d", n, RG_THREADS_MOST);
    const int have = rg_threads_start(n);
    if (have < n) return rg_fail(t, RG_ENOMEM, at, "rg_set_threads: %d threads, but this process can have only %d", n, have);
    t->threads = n;
    return 0;
}

int rg_set_isa(rg_tape *t, int isa) {
    if (!t || isa < 0 || isa > rg_best_isa()) return -1;
    const int was = t->isa;
    t->isa = isa;
    return was;
}

int rg_isa(const rg_tape *t) { return t ? t->isa : 0; }
rg_dtype rg_default_dtype(const rg_tape *t) { return t ? t->dtype : RG_F32; }
int rg_threads(const rg_tape *t) { return t ? t->threads : 1; }
rg_rng *rg_tape_rng(rg_tape *t) { return t ? &t->rng : NULL; }
void **rg_profile_of(rg_tape *t) { return t ? &t->profile : NULL; }
rg_memory_stats rg_memory(const rg_tape *t) { return t ? t->stats : (rg_memory_stats){0}; }
