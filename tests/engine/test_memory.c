/* test_memory.c - the tape's memory: balance, pool, alignment, sizes. */
#include "nn/nn.h"
#include "tests/support/ledger.h"

static bool aligned(const void *p, size_t to) { return (uintptr_t)p % to == 0; }

/* -------- balance */

static rg_tensor *a_step(rg_tape *t, rg_tensor *w, int64_t rows) {
    static const float data[64 * 6] = {1, 2, 3};
    rg_tensor *x = rg_input(t, data, rows, 6);
    return rg_mean(rg_square(rg_tanh(rg_matmul(x, w))));
}

static void everything_comes_back(void **state) {
    rg_tape *t = ((book *)*state)->t;
    rg_tensor *w = rg_param(t, "weights", RG_HE_NORMAL, 6, 40);
    rg_optim *adam = rg_optim_adam(t, rg_params(t), .lr = .1);
    rg_buffer_of(t, "data", RG_U8, NULL, 100000);
    rg_retain(rg_reshape(rg_set_name(rg_exp(w), "kept"), 40, 6));
    for (int i = 0; i < 3; i++) {
        rg_keep_grads(t, i == 1);
        rg_backward(a_step(t, w, 64));
        rg_optim_step(adam);
        if (i == 1) rg_tape_reset(t);
    }
    rg_tape_own(RG_HERE, t, 1000);
    rg_tensor *g[1];
    rg_grad(a_step(t, w, 3), rg_list_of(w), g, .create_graph = true);
    assert_null(rg_error(t)); /* the tape is freed as it is */
}

static void an_empty_tape_comes_back(void **state) { assert_non_null(((book *)*state)->t); }

static void a_reset_gives_back(void **state) {
    book *b = *state;
    rg_tensor *w = rg_param(b->t, "w", RG_HE_NORMAL, 6, 40);
    const rg_memory_stats before = rg_memory(b->t);
    const int64_t out = b->l.m.out;
    rg_tensor *loss = a_step(b->t, w, 64);
    rg_backward(loss);
    rg_zero_grad(b->t);
    assert_true(rg_memory(b->t).bytes > before.bytes);
    rg_tape_reset(b->t);
    assert_int_equal(rg_memory(b->t).bytes, before.bytes);
    if (!rg_info().pool) assert_int_equal(b->l.m.out, out);
}

static void without_a_pool_every_block_goes_through(void **state) {
    book *b = *state;
    const int64_t out = b->l.m.out, calls = b->l.m.calls;
    const size_t reserved = rg_memory(b->t).reserved;
    rg_full(b->t, 1, 1000);
    assert_int_equal(b->l.m.calls, calls + 2);
    assert_true(b->l.m.out > out + 4000);
    rg_tape_reset(b->t);
    assert_int_equal(b->l.m.out, out);
    assert_int_equal(rg_memory(b->t).reserved, reserved);
}

/* -------- the pool */

static void steady_steps_allocate_nothing(void **state) {
    rg_tape *t = ((book *)*state)->t;
    if (!rg_info().pool) skip();
    rg_tensor *w = rg_param(t, "w", RG_HE_NORMAL, 6, 400);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .1, .momentum = .9);
    int64_t calls = 0;
    size_t reserved = 0;
    for (int i = 0; i < 20; i++) {
        rg_backward(a_step(t, w, i % 3 == 2 ? 17 : 64)); /* a smaller batch now and then */
        rg_optim_step(sgd);
        rg_tape_reset(t);
        if (i == 2) calls = rg_memory(t).allocations, reserved = rg_memory(t).reserved;
    }
    assert_int_equal(rg_memory(t).allocations, calls);
    assert_int_equal(rg_memory(t).reserved, reserved);
    assert_int_equal(((book *)*state)->l.m.calls, calls + 1); /* and one for the tape itself */
}

static void second_orders_are_steady_too(void **state) {
    rg_tape *t = ((book *)*state)->t;
    if (!rg_info().pool) skip();
    rg_tensor *w = rg_param(t, "w", RG_HE_NORMAL, 6, 40), *g[1];
    int64_t calls = 0;
    for (int i = 0; i < 10; i++) {
        rg_grad(a_step(t, w, 64), rg_list_of(w), g, .create_graph = true);
        rg_backward(rg_sum(rg_square(g[0])));
        rg_zero_grad(t);
        rg_tape_reset(t);
        if (i == 1) calls = rg_memory(t).allocations;
    }
    assert_int_equal(rg_memory(t).allocations, calls);
}

static void what_was_freed_is_used_again(void **state) {
    rg_tape *t = ((book *)*state)->t;
    if (!rg_info().pool) skip();
    for (size_t size = 1; size < 40000000; size += size / 3 + 1) {
        void *p = rg_tape_alloc(RG_HERE, t, size);
        rg_tape_dealloc(t, p, size);
        const int64_t calls = rg_memory(t).allocations;
        assert_ptr_equal(rg_tape_alloc(RG_HERE, t, size), p);
        assert_int_equal(rg_memory(t).allocations, calls);
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
        const size_t before = rg_memory(t).reserved;
        p[i] = rg_tape_alloc(RG_HERE, t, size[i]);
        const size_t took = rg_memory(t).reserved - before;
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
        x[i] = rg_empty(t, RG_U8, RG_DIMS(n));
        assert_true(aligned(x[i]->data, 64));
        memset(x[i]->data, i, (size_t)(n + 63) / 64 * 64 + 64); /* 64 bytes beyond the padding may be written */
    }
    for (int i = 0; i < MANY; i++)
        for (int64_t k = 0; k < rg_numel(x[i]); k++) assert_int_equal(rg_u8(x[i])[k], i % 256);
}

static void results_too(void **state) {
    rg_tape *t = ((book *)*state)->t;
    for (int64_t n = 0; n < 300; n++) {
        rg_tensor *y = rg_neg(rg_full_n(t, 1, 1, &n));
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
    assert_int_equal(rg_memory(t).bytes, 0);
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
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 64, SIZE_MAX / 2 + 1, SIZE_MAX / 2, (size_t)1 << 62, (size_t)1 << 51,
        ((size_t)1 << 40) + 1};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        assert_null(rg_tape_alloc(RG_HERE, b->t, sizes[k]));
        assert_int_equal(rg_error_code(b->t), RG_ENOMEM);
        rg_error_clear(b->t);
        assert_null(rg_tape_own(RG_HERE, b->t, sizes[k]));
        assert_int_equal(rg_error_code(b->t), RG_ENOMEM);
        rg_error_clear(b->t);
    }
    assert_int_equal(rg_memory(b->t).bytes, 0);
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
    assert_int_equal(rg_memory(b->t).tensors, 1);
    assert_false(rg_failed(rg_full(b->t, 1, 100)));
}

static void names_and_lists_come_back(void **state) {
    rg_tape *t = ((book *)*state)->t;
    rg_tensor *x = rg_full(t, 1, 2);
    const size_t before = rg_memory(t).bytes;
    rg_set_name(x, "short");
    const size_t named = rg_memory(t).bytes;
    rg_set_name(x, "another one that is a good deal longer than the first name was, and longer than a line");
    rg_set_name(x, "short");
    assert_int_equal(rg_memory(t).bytes, named);
    assert_true(named > before);
    for (int i = 0; i < 100; i++) rg_parameter(t, NULL, 1);
}

static void half_an_allocator_is_none(void **state) {
    book *b = *state;
    const int64_t calls = b->l.m.calls;
    const rg_allocator half = {.alloc = ledger_alloc, .ctx = &b->l};
    rg_tape *u = rg_tape_new(1, .allocator = half), *v = rg_tape_new(1);
    assert_false(rg_failed(rg_full(u, 1, 2)));
    assert_false(rg_failed(rg_full(v, 1, 2)));
    rg_tape_free(u);
    rg_tape_free(v);
    assert_int_equal(b->l.m.calls, calls);
}

int main(void) {
    static const struct CMUnitTest cases[] = {POOLED(everything_comes_back), DIRECT(everything_comes_back),
        POOLED(an_empty_tape_comes_back),
        DIRECT(an_empty_tape_comes_back), POOLED(a_reset_gives_back), DIRECT(a_reset_gives_back),
        DIRECT(without_a_pool_every_block_goes_through),
        POOLED(steady_steps_allocate_nothing), POOLED(second_orders_are_steady_too), POOLED(what_was_freed_is_used_again),
        POOLED(large_blocks_waste_little),
        POOLED(two_tapes_have_two_pools), POOLED(tensors_start_at_a_line_and_have_room), DIRECT(tensors_start_at_a_line_and_have_room),
        POOLED(results_too),
        DIRECT(results_too), POOLED(blocks_of_any_size), DIRECT(blocks_of_any_size), POOLED(owned_blocks_are_zeroed_and_stay),
        DIRECT(owned_blocks_are_zeroed_and_stay), POOLED(absurd_sizes_are_refused), DIRECT(absurd_sizes_are_refused),
        POOLED(a_tensor_without_memory_names_its_size), DIRECT(a_tensor_without_memory_names_its_size), POOLED(names_and_lists_come_back),
        DIRECT(names_and_lists_come_back), POOLED(half_an_allocator_is_none)};
    return cmocka_run_group_tests_name("memory", cases, NULL, NULL);
}
