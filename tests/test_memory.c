/* test_memory.c - the tape's memory: pool, alignment, sizes given back; and every allocation failing in turn, from the first call on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/meter.h"

/* -------- an allocator that checks what it gets back: each block with the size it was asked for, and only once */

enum { FRONT = 64 };
typedef struct ledger {
    meter m;
    size_t limit; /* larger requests fail; 0 = none */
    int wrong;    /* blocks that came back with another size */
} ledger;

static void *ledger_alloc(void *ctx, size_t size) {
    ledger *l = ctx;
    if (l->limit && size > l->limit) return NULL;
    unsigned char *p = meter_alloc(&l->m, size + FRONT);
    if (!p) return NULL;
    memcpy(p, &size, sizeof size);
    memset(p + FRONT, 0xa5, size); /* nothing may count on zeros */
    return p + FRONT;
}

static void ledger_free(void *ctx, void *p, size_t size) {
    ledger *l = ctx;
    size_t asked;
    unsigned char *from = (unsigned char *)p - FRONT;
    memcpy(&asked, from, sizeof asked);
    l->wrong += asked != size;
    meter_free(&l->m, from, asked + FRONT);
}

static rg_tape *tape_on(ledger *l, bool no_pool) {
    const rg_allocator a = {.alloc = ledger_alloc, .free = ledger_free, .ctx = l, .no_pool = no_pool};
    rg_tape *t = rg_tape_new_with(&a, 7);
    rg_on_error(t, NULL, NULL);
    return t;
}

/* A case gets a ledger with a tape on it; afterwards the ledger is balanced. Pooled, and not. */
typedef struct book { ledger l; rg_tape *t; } book;

static int open_book(void **state, bool no_pool) {
    book *b = calloc(1, sizeof *b);
    if (!b) return -1;
    b->l.m.fail_at = -1;
    b->t = tape_on(&b->l, no_pool);
    *state = b;
    return b->t ? 0 : -1;
}
static int open_pooled(void **state) { return open_book(state, false); }
static int open_direct(void **state) { return open_book(state, true); }

static int close_book(void **state) {
    book *b = *state;
    if (rg_error_code(b->t)) print_error("left over: %s\n", rg_error(b->t));
    int bad = rg_error_code(b->t) != RG_OK;
    rg_tape_free(b->t);
    if (b->l.m.out) print_error("%lld bytes did not come back\n", (long long)b->l.m.out);
    if (b->l.wrong) print_error("%d blocks came back with another size\n", b->l.wrong);
    bad |= b->l.m.out != 0 || b->l.wrong;
    free(b);
    return bad ? -1 : 0;
}

static bool aligned(const void *p, size_t to) { return (uintptr_t)p % to == 0; }

/* -------- balance */

static rg_tensor *a_step(rg_tape *t, rg_tensor *w, int64_t rows) {
    static const float data[64 * 6] = {1, 2, 3};
    rg_tensor *x = rg_input(t, RG_F32, data, rows, 6);
    return rg_mean(rg_square(rg_tanh(rg_matmul(x, w))));
}

static void everything_comes_back(void **state) {
    rg_tape *t = ((book *)*state)->t;
    rg_tensor *w = rg_param(t, "weights", RG_HE_NORMAL, 6, 40);
    rg_optim *adam = rg_optim_adam(t, rg_params(t), (rg_adam_options){.lr = .1});
    rg_buffer(t, "data", RG_U8, NULL, 100000);
    rg_retain(rg_reshape(rg_name(rg_exp(w), "kept"), 40, 6));
    for (int i = 0; i < 3; i++) {
        rg_keep_grads(t, i == 1);
        rg_backward(a_step(t, w, 64));
        rg_optim_step(adam);
        if (i == 1) rg_tape_reset(t);
    }
    rg_tape_own(RG_HERE, t, 1000);
    rg_tensor *g[1];
    rg_grad(a_step(t, w, 3), NULL, &w, 1, RG_CREATE_GRAPH, g);
    assert_null(rg_error(t)); /* the tape is freed as it is */
}

static void an_empty_tape_comes_back(void **state) { assert_non_null(((book *)*state)->t); }

static void a_reset_gives_back(void **state) {
    book *b = *state;
    rg_tensor *w = rg_param(b->t, "w", RG_HE_NORMAL, 6, 40);
    const rg_counts before = rg_live(b->t);
    const int64_t out = b->l.m.out;
    rg_tensor *loss = a_step(b->t, w, 64);
    rg_backward(loss);
    rg_zero_grad(b->t);
    assert_true(rg_live(b->t).bytes > before.bytes);
    rg_tape_reset(b->t);
    assert_int_equal(rg_live(b->t).bytes, before.bytes);
    if (!rg_info().pool) assert_int_equal(b->l.m.out, out);
}

static void without_a_pool_every_block_goes_through(void **state) {
    book *b = *state;
    const int64_t out = b->l.m.out, calls = b->l.m.calls;
    const size_t reserved = rg_live(b->t).reserved;
    rg_full(b->t, 1, 1000);
    assert_int_equal(b->l.m.calls, calls + 2);
    assert_true(b->l.m.out > out + 4000);
    rg_tape_reset(b->t);
    assert_int_equal(b->l.m.out, out);
    assert_int_equal(rg_live(b->t).reserved, reserved);
}

/* -------- the pool */

static void steady_steps_allocate_nothing(void **state) {
    rg_tape *t = ((book *)*state)->t;
    if (!rg_info().pool) skip();
    rg_tensor *w = rg_param(t, "w", RG_HE_NORMAL, 6, 400);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), (rg_sgd_options){.lr = .1, .momentum = .9});
    int64_t calls = 0;
    size_t reserved = 0;
    for (int i = 0; i < 20; i++) {
        rg_backward(a_step(t, w, i % 3 == 2 ? 17 : 64)); /* a smaller batch now and then */
        rg_optim_step(sgd);
        rg_tape_reset(t);
        if (i == 2) calls = rg_live(t).allocations, reserved = rg_live(t).reserved;
    }
    assert_int_equal(rg_live(t).allocations, calls);
    assert_int_equal(rg_live(t).reserved, reserved);
    assert_int_equal(((book *)*state)->l.m.calls, calls + 1); /* and one for the tape itself */
}

static void second_orders_are_steady_too(void **state) {
    rg_tape *t = ((book *)*state)->t;
    if (!rg_info().pool) skip();
    rg_tensor *w = rg_param(t, "w", RG_HE_NORMAL, 6, 40), *g[1];
    int64_t calls = 0;
    for (int i = 0; i < 10; i++) {
        rg_grad(a_step(t, w, 64), NULL, &w, 1, RG_CREATE_GRAPH, g);
        rg_backward(rg_sum(rg_square(g[0])));
        rg_zero_grad(t);
        rg_tape_reset(t);
        if (i == 1) calls = rg_live(t).allocations;
    }
    assert_int_equal(rg_live(t).allocations, calls);
}

static void what_was_freed_is_used_again(void **state) {
    rg_tape *t = ((book *)*state)->t;
    if (!rg_info().pool) skip();
    for (size_t size = 1; size < 40000000; size += size / 3 + 1) {
        void *p = rg_tape_alloc(RG_HERE, t, size);
        rg_tape_dealloc(t, p, size);
        const int64_t calls = rg_live(t).allocations;
        assert_ptr_equal(rg_tape_alloc(RG_HERE, t, size), p);
        assert_int_equal(rg_live(t).allocations, calls);
        rg_tape_dealloc(t, p, size);
    }
}

static void large_blocks_waste_little(void **state) {
    rg_tape *t = ((book *)*state)->t;
    enum { MANY = 30 };
    void *p[MANY];
    size_t size[MANY];
    for (int i = 0; i < MANY; i++) {
        size[i] = i ? size[i - 1] + size[i - 1] / 6 + 1 : 40000;
        const size_t before = rg_live(t).reserved;
        p[i] = rg_tape_alloc(RG_HERE, t, size[i]);
        const size_t took = rg_live(t).reserved - before;
        if (took < size[i] || took > size[i] + size[i] / 4 + 256) fail_msg("%zu bytes were taken for %zu", took, size[i]);
    }
    for (int i = 0; i < MANY; i++) rg_tape_dealloc(t, p[i], size[i]);
}

static void two_tapes_have_two_pools(void **state) {
    book *b = *state;
    rg_tape *u = tape_on(&b->l, false);
    void *p = rg_tape_alloc(RG_HERE, u, 5000), *q = rg_tape_alloc(RG_HERE, b->t, 5000);
    memset(q, 1, 5000);
    rg_tape_dealloc(u, p, 5000);
    rg_tape_free(u);
    memset(q, 2, 5000);
    rg_tape_dealloc(b->t, q, 5000);
}

/* -------- alignment and room */

static void tensors_start_at_a_line_and_have_room(void **state) {
    rg_tape *t = ((book *)*state)->t;
    enum { MANY = 300 };
    rg_tensor *x[MANY];
    for (int i = 0; i < MANY; i++) {
        const int64_t n = i < 200 ? i : i * i;
        x[i] = rg_empty_at(RG_HERE, t, RG_U8, RG_DIMS(n));
        assert_true(aligned(x[i]->data, 64));
        memset(x[i]->data, i, (size_t)(n + 63) / 64 * 64 + 64); /* 64 bytes beyond the padding may be written */
    }
    for (int i = 0; i < MANY; i++)
        for (int64_t k = 0; k < rg_numel(x[i]); k++) assert_int_equal(rg_u8(x[i])[k], i % 256);
}

static void results_too(void **state) {
    rg_tape *t = ((book *)*state)->t;
    for (int64_t n = 0; n < 300; n++) {
        rg_tensor *y = rg_neg(rg_full_at(RG_HERE, t, 1, 1, &n));
        assert_true(aligned(y->data, n * 4 <= 16 ? 16 : 64));
        assert_true((y->data == y->value) == (n * 4 <= 16));
        if (y->data != y->value) memset(y->data, 0, (size_t)(n * 4 + 63) / 64 * 64 + 64);
    }
}

static void blocks_of_any_size(void **state) {
    rg_tape *t = ((book *)*state)->t;
    enum { MANY = 3000 };
    unsigned char *p[MANY];
    size_t size[MANY];
    rg_rng *r = rg_tape_rng(t);
    for (int i = 0; i < MANY; i++) {
        size[i] = i < 1500 ? (size_t)i : (size_t)1 << rg_rng_integers(r, 10, 16);
        if (i >= 1500) size[i] += (size_t)rg_rng_integers(r, -2, 3);
        p[i] = rg_tape_alloc(RG_HERE, t, size[i]);
        assert_non_null(p[i]);
        if (!aligned(p[i], 64)) fail_msg("a block of %zu bytes at %p", size[i], (void *)p[i]);
        memset(p[i], i % 251, size[i]);
        if (i % 3) continue;
        const int64_t k = rg_rng_integers(r, 0, i + 1); /* and some go again */
        for (size_t b = 0; b < size[k]; b++) assert_int_equal(p[k][b], k % 251);
        rg_tape_dealloc(t, p[k], size[k]);
        p[k] = rg_tape_alloc(RG_HERE, t, size[k]);
        memset(p[k], (int)(k % 251), size[k]);
    }
    for (int i = 0; i < MANY; i++) {
        for (size_t b = 0; b < size[i]; b++)
            if (p[i][b] != i % 251) fail_msg("byte %zu of block %d (%zu bytes) was written over", b, i, size[i]);
        rg_tape_dealloc(t, p[i], size[i]);
    }
    assert_int_equal(rg_live(t).bytes, 0);
}

static void owned_blocks_are_zeroed_and_stay(void **state) {
    rg_tape *t = ((book *)*state)->t;
    for (int i = 0; i < 100; i++) memset(rg_full(t, 7, i * 10)->data, 0xff, (size_t)i * 40);
    rg_tape_reset(t); /* the pool is full of dirt */
    unsigned char *all[100];
    for (size_t i = 0; i < 100; i++) {
        all[i] = rg_tape_own(RG_HERE, t, i * 37);
        assert_non_null(all[i]);
        assert_true(aligned(all[i], 64));
        for (size_t b = 0; b < i * 37; b++) assert_int_equal(all[i][b], 0);
        memset(all[i], (int)i, i * 37);
    }
    rg_tape_reset(t);
    for (int i = 0; i < 100; i++) rg_full(t, 7, i * 10);
    for (size_t i = 0; i < 100; i++)
        for (size_t b = 0; b < i * 37; b++) assert_int_equal(all[i][b], i);
}

static void absurd_sizes_are_refused(void **state) {
    book *b = *state;
    b->l.limit = (size_t)1 << 40;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 64, SIZE_MAX / 2 + 1, SIZE_MAX / 2, (size_t)1 << 62, (size_t)1 << 51, ((size_t)1 << 40) + 1};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        assert_null(rg_tape_alloc(RG_HERE, b->t, sizes[k]));
        assert_int_equal(rg_error_code(b->t), RG_ENOMEM);
        rg_error_clear(b->t);
        assert_null(rg_tape_own(RG_HERE, b->t, sizes[k]));
        assert_int_equal(rg_error_code(b->t), RG_ENOMEM);
        rg_error_clear(b->t);
    }
    assert_int_equal(rg_live(b->t).bytes, 0);
}

static void a_tensor_without_memory_names_its_size(void **state) {
    book *b = *state;
    b->l.limit = 1 << 20;
    assert_true(rg_failed(rg_full_at("a.c:3", b->t, 1, RG_DIMS(1 << 20))));
    assert_string_equal(rg_error(b->t), "out of memory: 4194304 bytes for a tensor (a.c:3)");
    assert_int_equal(rg_error_code(b->t), RG_ENOMEM);
    rg_error_clear(b->t);
    assert_true(rg_failed(rg_expand_at("a.c:4", rg_full(b->t, 1, 1), RG_DIMS(1ll << 50))));
    assert_string_equal(rg_error(b->t), "out of memory: 4503599627370496 bytes for a tensor (a.c:4)");
    rg_error_clear(b->t);
    assert_int_equal(rg_live(b->t).tensors, 1);
    assert_false(rg_failed(rg_full(b->t, 1, 100)));
}

static void names_and_lists_come_back(void **state) {
    rg_tape *t = ((book *)*state)->t;
    rg_tensor *x = rg_full(t, 1, 2);
    const size_t before = rg_live(t).bytes;
    rg_name(x, "short");
    const size_t named = rg_live(t).bytes;
    rg_name(x, "another one that is a good deal longer than the first name was, and longer than a line");
    rg_name(x, "short");
    assert_int_equal(rg_live(t).bytes, named);
    assert_true(named > before);
    for (int i = 0; i < 100; i++) rg_parameter_at(RG_HERE, t, "p", RG_DIMS(1));
}

static void half_an_allocator_is_none(void **state) {
    book *b = *state;
    const int64_t calls = b->l.m.calls;
    const rg_allocator half = {.alloc = ledger_alloc, .ctx = &b->l};
    rg_tape *u = rg_tape_new_with(&half, 1), *v = rg_tape_new_with(NULL, 1);
    assert_false(rg_failed(rg_full(u, 1, 2)));
    assert_false(rg_failed(rg_full(v, 1, 2)));
    rg_tape_free(u);
    rg_tape_free(v);
    assert_int_equal(b->l.m.calls, calls);
}

/* -------- every allocation failing in turn */

enum { IMAGES = 12, PIXELS = 16, BATCH = 5, STEPS = 3, PARAMS = 4, NUMBERS = PIXELS * 7 + 7 + 7 * 10 + 10 };
static char folder[] = "/tmp/retrograd-memory-XXXXXX";

static void file(const char *name, const unsigned char *head, size_t head_size, unsigned modulo, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile f = gzopen(path, strstr(name, ".gz") ? "wb" : "wbT"); /* T: as it is */
    assert_non_null(f);
    gzwrite(f, head, (unsigned)head_size);
    for (size_t i = 0; i < n; i++) gzputc(f, (int)(i * 7 % modulo));
    assert_int_equal(gzclose(f), Z_OK);
}

static int write_files(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    file("train-images-idx3-ubyte", (const unsigned char[]){0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, 4, 0, 0, 0, 4}, 16, 256, IMAGES * PIXELS);
    file("train-labels-idx1-ubyte.gz", (const unsigned char[]){0, 0, 8, 1, 0, 0, 0, IMAGES}, 8, 10, IMAGES);
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte.gz", folder);
    unlink(path);
    return rmdir(folder);
}

typedef struct trial { ledger l; rg_tape *t; rg_tensor *w[PARAMS]; int failures; } trial;

/* The trial's memory works again, after one failure and the checks that belong to it. */
static void recover(trial *r) {
    if (rg_error_code(r->t) != RG_ENOMEM) fail_msg("call %lld failed, and the error is %s", (long long)r->l.m.fail_at, rg_error(r->t));
    r->l.m.fail_at = -1;
    r->failures++;
    rg_error_clear(r->t);
}

typedef struct snapshot { int n; float value[NUMBERS], grad[NUMBERS]; bool has_grad[PARAMS]; } snapshot;

static snapshot look(const trial *r) {
    snapshot s;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < PARAMS && r->w[i]; i++) {
        const int64_t n = rg_numel(r->w[i]);
        memcpy(s.value + s.n, rg_f32(r->w[i]), (size_t)n * sizeof(float));
        s.has_grad[i] = rg_grad_of(r->w[i]) != NULL;
        if (s.has_grad[i]) memcpy(s.grad + s.n, rg_f32(rg_grad_of(r->w[i])), (size_t)n * sizeof(float));
        s.n += (int)n;
    }
    return s;
}

/* Repeats what(r) until it succeeds, which is at the second time; a failure leaves parameters and gradients bit for bit. */
#define TRY(r, what)                                               \
    do {                                                           \
        const snapshot before = look(r);                           \
        (void)(what);                                              \
        if (!rg_error_code((r)->t)) break;                         \
        const snapshot after = look(r);                            \
        assert_memory_equal(&before, &after, sizeof before);       \
        recover(r);                                                \
    } while (1)

static rg_tensor *logits(const trial *r, rg_tensor *x) { return rg_linear(rg_relu(rg_add(rg_matmul(x, r->w[0]), r->w[1])), r->w[2], r->w[3]); }

static int two_backwards(const trial *r, rg_tensor *x, rg_tensor *labels, bool second) {
    rg_tensor *g[PARAMS];
    if (!second) return rg_backward(rg_cross_entropy(logits(r, x), labels));
    if (rg_grad(rg_mean(rg_square(logits(r, x))), NULL, r->w, PARAMS, RG_CREATE_GRAPH, g)) return -1; /* a gradient penalty, on top */
    return rg_backward(rg_mul_scalar(rg_add(rg_sum(rg_square(g[0])), rg_sum(rg_square(g[2]))), .01));
}

/* From a new tape through loading a small file and three training steps. Call fail_at of the allocator fails. */
static snapshot train(bool no_pool, int64_t fail_at, bool for_good, int64_t *calls, int *failures) {
    static const int64_t shapes[PARAMS][2] = {{PIXELS, 7}, {7}, {7, 10}, {10}};
    trial trying = {.l.m = {.fail_at = fail_at, .for_good = for_good}}, *r = &trying;
    while (!(r->t = tape_on(&r->l, no_pool))) {
        assert_int_equal(r->l.m.out, 0);
        r->l.m.fail_at = -1;
        r->failures++;
    }
    rg_dataset data;
    TRY(r, (data = rg_read_mnist(r->t, folder, true)).x);
    for (int i = 0; i < PARAMS; i++) {
        rg_tensor *w = NULL;
        TRY(r, w = rg_param_at(RG_HERE, r->t, "w", RG_NORMAL(0, .3), shapes[i][1] ? 2 : 1, shapes[i]));
        r->w[i] = w;
    }
    rg_loader *loader = NULL;
    rg_optim *optim = NULL;
    TRY(r, loader = rg_loader_new(r->t, data.x, data.y, (rg_loader_options){.batch = BATCH, .shuffle = true}));
    TRY(r, optim = rg_optim_sgd(r->t, rg_params(r->t), (rg_sgd_options){.lr = .1, .momentum = .9}));
    for (int step = 0; step < STEPS; step++) {
        rg_tensor *x, *labels;
        TRY(r, rg_loader_next(loader, &x, &labels));
        for (int second = 0; second < 2; second++) TRY(r, two_backwards(r, x, labels, second));
        TRY(r, rg_optim_step(optim));
        rg_tape_reset(r->t);
    }
    const snapshot end = look(r);
    if (calls) *calls = r->l.m.calls;
    *failures = r->failures;
    rg_tape_free(r->t);
    if (r->l.m.out || r->l.wrong) fail_msg("call %lld: %lld bytes leaked, %d sizes wrong", (long long)fail_at, (long long)r->l.m.out, r->l.wrong);
    return end;
}

static void each_allocation_fails(bool no_pool, bool for_good) {
    int64_t calls = 0;
    int failures = 0;
    const snapshot undisturbed = train(no_pool, -1, false, &calls, &failures);
    assert_int_equal(failures, 0);
    assert_int_equal(undisturbed.n, NUMBERS);
    assert_true(calls >= (no_pool ? 100 : 2));
    for (int64_t k = 0; k < calls; k++) {
        const snapshot end = train(no_pool, k, for_good, NULL, &failures);
        if (failures != 1) fail_msg("call %lld: %d failures", (long long)k, failures);
        if (memcmp(&end, &undisturbed, sizeof end)) fail_msg("call %lld: other weights than undisturbed", (long long)k);
    }
    print_message("# %lld points of failure, each survived\n", (long long)calls);
}
static void one_allocation_fails(void **state) { (void)state, each_allocation_fails(true, false); }
static void all_from_one_on_fail(void **state) { (void)state, each_allocation_fails(true, true); }
static void one_of_the_pools_fails(void **state) { (void)state, each_allocation_fails(false, false); }
static void all_of_the_pools_from_one_on_fail(void **state) { (void)state, each_allocation_fails(false, true); }

/* Where one call fails, the error is there at once, whichever function it was. */
static void what_is_made_without_memory(void **state) {
    book *b = *state;
    rg_tape *t = b->t;
    rg_tensor *x = rg_requires_grad(rg_full(t, 1, 40), true), *w = rg_param(t, "w", RG_ONES, 40), *view;
    b->l.m.fail_at = 0, b->l.m.for_good = true;
#define WANTS_MEMORY(call)                                  \
    do {                                                    \
        assert_true(call);                                  \
        assert_int_equal(rg_error_code(t), RG_ENOMEM);      \
        rg_error_clear(t);                                  \
    } while (0)
    WANTS_MEMORY(rg_failed(rg_detach(x)));
    WANTS_MEMORY(rg_failed(rg_reshape(x, 4, 10)));
    WANTS_MEMORY(rg_failed(rg_exp(x)));
    WANTS_MEMORY(rg_failed(rg_scalar(t, 1)));
    WANTS_MEMORY(rg_failed(rg_buffer(t, "b", RG_U8, NULL, 9)));
    WANTS_MEMORY(rg_failed(rg_parameter_at(RG_HERE, t, "p", RG_DIMS(9))));
    WANTS_MEMORY(!rg_tape_own(RG_HERE, t, 9));
    WANTS_MEMORY(rg_name(w, "longer") == w && !strcmp(rg_name_of(w), "w"));
    WANTS_MEMORY(!rg_nn_linear(t, 2, 3, RG_ZEROS));
    WANTS_MEMORY(rg_failed(rg_read_idx(t, "/dev/null")));
    b->l.m.fail_at = -1;
    view = rg_sum(rg_mul(x, w));
    b->l.m.fail_at = 0;
    WANTS_MEMORY(rg_backward(view) == -1);
    assert_null(rg_grad_of(w));
    b->l.m.fail_at = -1;
    assert_int_equal(rg_params(t).count, 1);
    rg_tensor *asked[] = {w, x, rg_param(t, "unconnected", RG_ONES, 9)}, *out[3];
    for (int failures = 0;; failures++) { /* no gradient at all where not all can be had */
        b->l.m.calls = 0, b->l.m.fail_at = failures;
        if (rg_grad(view, NULL, asked, 3, 0, out) == 0) break;
        assert_true(failures < 20 && rg_failed(out[0]) && rg_failed(out[1]) && rg_failed(out[2]));
        rg_error_clear(t);
    }
    assert_false(rg_failed(out[0]) || rg_failed(out[1]) || rg_failed(out[2]));
}

#define POOLED(name) {#name, name, open_pooled, close_book, NULL}
#define DIRECT(name) {#name " (no pool)", name, open_direct, close_book, NULL}

int main(void) {
    static const struct CMUnitTest cases[] = {POOLED(everything_comes_back), DIRECT(everything_comes_back), POOLED(an_empty_tape_comes_back),
        DIRECT(an_empty_tape_comes_back), POOLED(a_reset_gives_back), DIRECT(a_reset_gives_back), DIRECT(without_a_pool_every_block_goes_through),
        POOLED(steady_steps_allocate_nothing), POOLED(second_orders_are_steady_too), POOLED(what_was_freed_is_used_again), POOLED(large_blocks_waste_little),
        POOLED(two_tapes_have_two_pools), POOLED(tensors_start_at_a_line_and_have_room), DIRECT(tensors_start_at_a_line_and_have_room), POOLED(results_too),
        DIRECT(results_too), POOLED(blocks_of_any_size), DIRECT(blocks_of_any_size), POOLED(owned_blocks_are_zeroed_and_stay),
        DIRECT(owned_blocks_are_zeroed_and_stay), POOLED(absurd_sizes_are_refused), DIRECT(absurd_sizes_are_refused),
        POOLED(a_tensor_without_memory_names_its_size), DIRECT(a_tensor_without_memory_names_its_size), POOLED(names_and_lists_come_back),
        DIRECT(names_and_lists_come_back), POOLED(half_an_allocator_is_none), DIRECT(what_is_made_without_memory), cmocka_unit_test(one_allocation_fails),
        cmocka_unit_test(all_from_one_on_fail), cmocka_unit_test(one_of_the_pools_fails), cmocka_unit_test(all_of_the_pools_from_one_on_fail)};
    return cmocka_run_group_tests_name("memory", cases, write_files, remove_files);
}
