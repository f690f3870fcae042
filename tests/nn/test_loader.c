/* test_loader.c - batches: their order, shapes and values, what is left after a failure, and that a steady loop allocates nothing. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>

#include "nn/data/loader.h"
#include "ops/ops.h"
#include "tests/support/meter.h"

enum { N = 10 };
static meter memory;
static rg_tape *t;
static rg_tensor *x, *y, *bx, *by; /* a data set: x u8 [10,2,3] = 0 .. 59, y i32 [10] = 0 .. 9; a batch */

static int setup(void **state) {
    (void)state;
    uint8_t values[6 * N];
    int32_t labels[N];
    for (int i = 0; i < 6 * N; i++) values[i] = (uint8_t)i;
    for (int i = 0; i < N; i++) labels[i] = i;
    memory = (meter){.fail_at = -1};
    t = metered_tape(&memory, false, 0);
    x = rg_buffer(t, "x", values, N, 2, 3);
    y = rg_buffer(t, "y", labels, N);
    return rg_error(t) ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    rg_tape_free(t);
    return memory.out == 0 ? 0 : -1;
}

#define LOADER(...) rg_loader_new(t, x, y, __VA_ARGS__)

/* The labels of one epoch into rows; returns how many. Each batch is checked to hold the images that belong to its labels. */
static int64_t epoch(rg_loader *l, int32_t *rows) {
    int64_t n = 0, batches = 0;
    for (; rg_loader_next(l, &bx, &by); batches++) {
        assert_int_equal(rg_dim(bx, 0), rg_dim(by, 0));
        for (int64_t i = 0; i < rg_dim(by, 0); i++) {
            rows[n] = rg_i32(by)[i];
            for (int k = 0; k < 6; k++) assert_true(rg_f32(bx)[6 * i + k] == (float)(6 * rows[n] + k) / 255);
            n++;
        }
        rg_tape_reset(t);
    }
    assert_null(rg_error(t));
    assert_null(bx);
    assert_null(by);
    assert_int_equal(batches, rg_loader_steps(l));
    return n;
}

/* -------- order */

static void in_order(void **state) {
    (void)state;
    const rg_rng before = *rg_tape_rng(t);
    rg_loader *l = LOADER(.batch = 4);
    for (int e = 0; e < 3; e++) {
        int32_t rows[N];
        assert_int_equal(epoch(l, rows), N);
        for (int i = 0; i < N; i++) assert_int_equal(rows[i], i);
        assert_int_equal(rg_loader_epoch(l), e + 1);
    }
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before); /* evaluation draws nothing */
}

/* default_rng(0).permutation(10), twice, as NumPy 1.24 prints it. */
static void numpys_order(void **state) {
    (void)state;
    static const int32_t numpy[2][N] = {{4, 6, 2, 7, 3, 5, 9, 0, 8, 1}, {2, 9, 3, 6, 0, 4, 8, 7, 5, 1}};
    int32_t rows[N];
    rg_loader *l = LOADER(.batch = 3, .shuffle = true);
    for (int e = 0; e < 2; e++) {
        assert_int_equal(epoch(l, rows), N);
        assert_memory_equal(rows, numpy[e], sizeof rows);
    }
}

/* Drawn at an epoch's first batch, not before: what is drawn in between comes first, as in a notebook. */
static void drawn_when_begun(void **state) {
    (void)state;
    rg_rng r;
    int64_t order[N];
    int32_t rows[N];
    rg_rng_seed(&r, 0);
    rg_loader *l = LOADER(.batch = 5, .shuffle = true);
    for (int e = 0; e < 3; e++) {
        rg_rng_random(&r);
        rg_rng_random(rg_tape_rng(t));
        rg_rng_permutation(&r, N, order);
        epoch(l, rows);
        for (int i = 0; i < N; i++) assert_int_equal(rows[i], order[i]);
    }
    assert_memory_equal(&r, rg_tape_rng(t), sizeof r);
}

static void two_loaders(void **state) {
    (void)state;
    int32_t rows[N];
    rg_loader *train = LOADER(.batch = 3, .shuffle = true), *test = LOADER(.batch = 7);
    assert_true(rg_loader_next(train, &bx, &by));
    assert_int_equal(epoch(test, rows), N);
    assert_true(rg_loader_next(train, &bx, &by));
    assert_memory_equal(rg_i32(by), ((int32_t[]){7, 3, 5}), 3 * sizeof(int32_t));
}

/* -------- the last batch, and how many there are */

static void partial_batch(void **state) {
    (void)state;
    rg_loader *l = LOADER(.batch = 4);
    const int64_t sizes[] = {4, 4, 2};
    for (int i = 0; i < 3; i++) {
        assert_true(rg_loader_next(l, &bx, &by));
        assert_int_equal(rg_dim(bx, 0), sizes[i]);
    }
    assert_false(rg_loader_next(l, &bx, &by));
    assert_true(rg_loader_next(l, &bx, &by)); /* another epoch */
    assert_int_equal(rg_dim(bx, 0), 4);
}

static void dropped_batch(void **state) {
    (void)state;
    int32_t rows[N];
    rg_loader *l = LOADER(.batch = 4, .drop_last = true, .shuffle = true);
    assert_int_equal(rg_loader_steps(l), 2);
    assert_int_equal(epoch(l, rows), 8);
    assert_memory_equal(rows, ((int32_t[]){4, 6, 2, 7, 3, 5, 9, 0}), 8 * sizeof(int32_t));
    assert_true(rg_loader_next(l, &bx, &by));
    assert_int_equal(rg_loader_row(l), 4);
    assert_int_equal(rg_loader_left(l), 1);
    assert_memory_equal(rg_i32(by), ((int32_t[]){2, 9, 3, 6}), 4 * sizeof(int32_t));
    assert_true(rg_loader_next(l, &bx, &by));
    assert_memory_equal(rg_i32(by), ((int32_t[]){0, 4, 8, 7}), 4 * sizeof(int32_t));
    assert_int_equal(rg_loader_left(l), 0); /* the two rows that are left make no batch */
    assert_false(rg_loader_next(l, NULL));
    assert_int_equal(rg_loader_left(l), 2);
}

static void one_batch(void **state) {
    (void)state;
    int32_t rows[N];
    for (int64_t batch = N; batch < N + 2; batch++) {
        rg_loader *l = LOADER(.batch = batch);
        assert_int_equal(epoch(l, rows), N);
        assert_int_equal(rg_loader_steps(l), 1);
    }
}

typedef struct published { int64_t n, batch; bool drop_last; int64_t steps; } published;
static const published systems[] = {{60000, 64, true, 937}, {60000, 64, false, 938}, {60000, 128, false, 469}, {50000, 128, false, 391},
    {60000, 100, true, 600}, {60000, 100, false, 600}};

static void steps(void **state) {
    const published *s = *state;
    rg_tensor *images = rg_buffer_of(t, "images", RG_U8, NULL, s->n, 1), *labels = rg_buffer_of(t, "labels", RG_I32, NULL, s->n);
    rg_loader *l = rg_loader_new(t, images, labels, .batch = s->batch, .drop_last = s->drop_last, .shuffle = true);
    assert_int_equal(rg_loader_steps(l), s->steps);
    for (int e = 0; e < 2; e++) {
        int64_t n = 0;
        for (; rg_loader_next(l, &bx, &by); n++) rg_tape_reset(t);
        assert_int_equal(n, s->steps);
    }
}

/* -------- shapes and values */

static void shapes(void **state) {
    (void)state;
    rg_loader *flat = LOADER(.batch = 4), *kept = LOADER(.batch = 4, .keep_shape = true);
    rg_loader_next(flat, &bx, &by);
    assert_int_equal(rg_ndim(bx), 2);
    assert_memory_equal(rg_shape(bx), ((int64_t[]){4, 6}), 2 * sizeof(int64_t));
    assert_int_equal(rg_ndim(by), 1);
    assert_int_equal(rg_dtype_of(by), RG_I32);
    rg_loader_next(kept, &bx, &by);
    assert_int_equal(rg_ndim(bx), 3);
    assert_memory_equal(rg_shape(bx), ((int64_t[]){4, 2, 3}), 3 * sizeof(int64_t));
    assert_false(rg_needs_grad(bx));
}

static void one_dimension(void **state) {
    (void)state;
    rg_tensor *column = rg_buffer(t, NULL, ((float[]){5, 6, 7}), 3), *labels = rg_buffer(t, NULL, ((uint8_t[]){1, 0, 255}), 3);
    rg_loader *l = rg_loader_new(t, column, labels, .batch = 2);
    rg_loader_next(l, &bx, &by);
    assert_int_equal(rg_ndim(bx), 2);
    assert_int_equal(rg_dim(bx, 1), 1);
    rg_loader_next(l, &bx, &by);
    assert_true(rg_item(bx) == 7);
    assert_int_equal(rg_i32(by)[0], 255); /* u8 labels become i32 */
}

/* All 256 bytes, in both dtypes, to the last bit of NumPy's (x / 255 - mean) / std. */
static void conversion_exact(void **state) {
    uint8_t all[256];
    const rg_loader_options *given = *state;
    rg_loader_options o = *given;
    o.batch = 1;
    for (int v = 0; v < 256; v++) all[v] = (uint8_t)v;
    rg_tensor *bytes = rg_buffer(t, "bytes", all, 1, 256);
    rg_loader *l = (rg_loader_new)(t, bytes, rg_buffer_of(t, NULL, RG_I32, NULL, 1), o);
    const double divisor = o.divisor == 0 ? 255 : o.divisor, std = o.std == 0 ? 1 : o.std;
    rg_loader_next(l, &bx, &by);
    for (int v = 0; v < 256; v++) {
        const float scaled = (float)v / (float)divisor;
        assert_true(rg_f32(bx)[v] == (scaled - (float)o.mean) / (float)std);
    }
    rg_set_default_dtype(t, RG_F64);
    rg_loader_next(l, &bx, &by);
    assert_true(rg_loader_next(l, &bx, &by));
    for (int v = 0; v < 256; v++) assert_true(rg_f64(bx)[v] == (v / divisor - o.mean) / std);
}
static const rg_loader_options conversions[] = {{.divisor = 0}, {.divisor = 1}, {.divisor = 256}, {.mean = 0.1307, .std = 0.3081},
    {.divisor = 1, .mean = 33}};

/* Floats of either dtype come in the tape's dtype, undivided unless asked for; NaN and infinity pass. */
static void floats(void **state) {
    (void)state;
    const double values[] = {0.1, -2, (double)INFINITY, (double)NAN}, odd = 1 + 0x1p-40;
    float narrow[4];
    for (int k = 0; k < 4; k++) narrow[k] = (float)values[k];
    rg_tensor *sets[] = {rg_buffer(t, "wide", values, 1, 4), rg_buffer(t, "narrow", narrow, 1, 4)};
    for (int k = 0; k < 4; k++) {
        rg_set_default_dtype(t, k & 1 ? RG_F64 : RG_F32);
        rg_loader *l = rg_loader_new(t, sets[k >> 1], rg_buffer(t, NULL, &odd, 1), .batch = 1);
        rg_loader_next(l, &bx, &by);
        assert_null(rg_error(t));
        assert_int_equal(rg_dtype_of(bx), rg_default_dtype(t));
        assert_int_equal(rg_dtype_of(by), rg_default_dtype(t));
        double got[4];
        rg_copy_out(bx, got, 4);
        for (int i = 0; i < 3; i++) assert_true(got[i] == (k == 1 ? values[i] : (double)narrow[i]));
        assert_true(isnan(got[3]));
        assert_true(rg_item(by) == (k & 1 ? odd : 1));
    }
    rg_loader *l = rg_loader_new(t, sets[0], rg_buffer_of(t, NULL, RG_I32, NULL, 1), .batch = 1, .divisor = 2, .mean = 1, .std = 4);
    rg_loader_next(l, &bx, &by);
    assert_true(rg_f64(bx)[1] == -0.5);
}

/* y is never scaled, and may have more dimensions than one. */
static void targets(void **state) {
    (void)state;
    const float values[] = {10, 20, 30, 40, 50, 60};
    rg_tensor *images = rg_buffer_of(t, NULL, RG_U8, NULL, 3, 4), *vectors = rg_buffer(t, NULL, values, 3, 1, 2);
    rg_loader *l = rg_loader_new(t, images, vectors, .batch = 2, .mean = 5);
    rg_loader_next(l, &bx, &by);
    assert_memory_equal(rg_shape(by), ((int64_t[]){2, 1, 2}), 3 * sizeof(int64_t));
    assert_memory_equal(rg_f32(by), values, 4 * sizeof(float));
}

static void no_features(void **state) {
    (void)state;
    rg_tensor *images = rg_buffer_of(t, NULL, RG_U8, NULL, 3, 0), *labels = rg_buffer_of(t, NULL, RG_I32, NULL, 3);
    rg_loader *l = rg_loader_new(t, images, labels, .batch = 2, .shuffle = true);
    assert_true(rg_loader_next(l, &bx, &by));
    assert_int_equal(rg_dim(bx, 1), 0);
}

/* -------- memory */

static void inputs_of_the_tape(void **state) {
    (void)state;
    rg_loader *l = LOADER(.batch = 4);
    const int64_t before = rg_memory(t).tensors;
    rg_loader_next(l, &bx, &by);
    assert_int_equal(rg_memory(t).tensors, before + 2);
    rg_retain(bx);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, before + 1);
    assert_true(rg_f32(bx)[23] == 23.f / 255);
    rg_release(bx);
    assert_int_equal(rg_memory(t).tensors, before);
}

static void holds_its_data(void **state) {
    (void)state;
    int32_t rows[N];
    uint8_t values[6 * N];
    for (int i = 0; i < 6 * N; i++) values[i] = (uint8_t)i;
    rg_tensor *input = rg_input(t, values, N, 6), *labels = rg_input(t, rg_i32(y), N);
    rg_loader *l = rg_loader_new(t, input, labels, .batch = 4);
    rg_tape_reset(t);
    for (int i = 0; i < 3; i++) rg_full(t, 1, N, 6); /* takes what was freed */
    assert_int_equal(epoch(l, rows), N);
}

static void part_of_a_set(void **state) {
    (void)state;
    rg_loader *l = rg_loader_new(t, rg_slice(x, 0, 7, 10), rg_slice(y, 0, 7, 10), .batch = 3);
    rg_tape_reset(t);
    assert_true(rg_loader_next(l, &bx, &by));
    assert_memory_equal(rg_i32(by), ((int32_t[]){7, 8, 9}), 3 * sizeof(int32_t));
    assert_true(rg_f32(bx)[17] == 59.f / 255);
}

static void no_allocations(void **state) {
    (void)state;
    int32_t rows[N];
    if (!rg_info().pool) skip();
    rg_loader *train = LOADER(.batch = 3, .shuffle = true), *test = LOADER(.batch = 8);
    epoch(train, rows), epoch(test, rows);
    const int64_t calls = memory.calls, allocations = rg_memory(t).allocations;
    for (int e = 0; e < 5; e++) epoch(train, rows), epoch(test, rows);
    assert_int_equal(memory.calls, calls);
    assert_int_equal(rg_memory(t).allocations, allocations);
}

/* A batch that finds no memory is an error; the next call gives the same batch, and nothing was drawn in between. */
static void out_of_memory(void **state) {
    (void)state;
    int failures = 0;
    for (int64_t k = 0; k < 40; k++) {
        meter m = {.fail_at = -1, .for_good = true};
        rg_tape *tape = metered_tape(&m, true, 0);
        rg_tensor *images = rg_buffer(tape, "x", rg_u8(x), N, 6), *labels = rg_buffer(tape, "y", rg_i32(y), N);
        m.fail_at = m.calls + k;
        rg_loader *l = rg_loader_new(tape, images, labels, .batch = 4, .shuffle = true);
        if (!l) {
            m.fail_at = -1;
            rg_error_clear(tape);
            l = rg_loader_new(tape, images, labels, .batch = 4, .shuffle = true);
        }
        int got = 0;
        while (got < 3) {
            if (rg_loader_next(l, &bx, &by)) {
                assert_int_equal(rg_i32(by)[0], ((int[]){4, 3, 8})[got++]);
            } else {
                failures++;
                assert_null(bx);
                assert_int_equal(rg_error_code(tape), RG_ENOMEM);
                assert_int_equal(rg_memory(tape).tensors, 2);
                m.fail_at = -1;
                rg_error_clear(tape);
            }
            rg_tape_reset(tape);
        }
        rg_tape_free(tape);
        assert_int_equal(m.out, 0);
    }
    assert_in_range(failures, 10, 30);
}

/* Copying epoch, row, order and the generator continues a run elsewhere: they are all that a checkpoint needs. */
static void saved_and_restored(void **state) {
    (void)state;
    int32_t a[N], b[N];
    rg_loader *l = LOADER(.batch = 3, .shuffle = true), *restored = LOADER(.batch = 3, .shuffle = true);
    epoch(l, a);
    rg_loader_next(l, &bx, &by);
    const rg_rng rng = *rg_tape_rng(t);
    restored->epoch = l->epoch;
    restored->row = l->row;
    memcpy(restored->order, l->order, N * sizeof *l->order);
    for (int k = 0; k < 2; k++) {
        rg_loader *from = k ? restored : l;
        int32_t *rows = k ? b : a;
        *rg_tape_rng(t) = rng;
        for (int n = 0; rg_loader_next(from, &bx, &by); n += 3) memcpy(rows + n, rg_i32(by), (size_t)rg_numel(by) * sizeof *rows);
        assert_int_equal(rg_loader_epoch(from), 2);
        rg_loader_next(from, &bx, &by);
        rows[7] = rg_i32(by)[0];
    }
    assert_memory_equal(a, b, 8 * sizeof *a);
}

/* The same rows as rg_loader_next gives, in the same tensors; the batch that is not full is left to it. */
static void refilled(void **state) {
    (void)state;
    rg_loader *next = LOADER(.batch = 3, .shuffle = true), *refill = LOADER(.batch = 3, .shuffle = true);
    for (int epoch = 0; epoch < 2; epoch++) {
        int32_t rows[N];
        const rg_rng rng = *rg_tape_rng(t);
        for (int n = 0; rg_loader_next(next, &bx, &by); n += 3) memcpy(rows + n, rg_i32(by), (size_t)rg_numel(by) * sizeof *rows);
        *rg_tape_rng(t) = rng;
        assert_true(rg_loader_next(refill, &bx, &by));
        for (int n = 0; n < 9; n += 3) {
            if (n) assert_true(rg_loader_refill(refill, bx, by));
            assert_memory_equal(rg_i32(by), rows + n, 3 * sizeof *rows);
            for (int i = 0; i < 3; i++) assert_true(rg_f32(bx)[i * 6] == (float)rg_u8(x)[rows[n + i] * 6] / 255);
        }
        rg_tensor *first = bx, *labels = by;
        assert_false(rg_loader_refill(refill, first, labels));
        assert_memory_equal(rg_i32(labels), rows + 6, 3 * sizeof *rows);
        assert_true(rg_loader_next(refill, &bx, &by));
        assert_int_equal(rg_numel(by), 1);
        assert_int_equal(rg_i32(by)[0], rows[9]);
        assert_false(rg_loader_refill(refill, first, labels)); /* the epoch is over */
        assert_false(rg_loader_next(refill, &bx, &by));
        assert_int_equal(rg_loader_epoch(refill), epoch + 1);
        rg_tape_reset(t);
    }
    assert_true(rg_loader_next(refill, &bx, &by));
    rg_tensor *wrong[][2] = {{x, by}, {bx, x}, {rg_square(bx), by}, {rg_slice(bx, 0, 0, 3), by}, {NULL, x}, {NULL, NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(rg_loader_refill(refill, wrong[i][0], wrong[i][1]));
        assert_non_null(strstr(rg_error(t), i < 5 ? "is no batch of this loader"
                                                  : "all tensors are NULL; an rg_loader_next that returned false set them so"));
        rg_error_clear(t);
    }
    const int32_t row = rg_i32(by)[0];
    assert_true(rg_loader_refill(refill, bx, NULL)); /* NULL skips a column */
    assert_int_equal(rg_i32(by)[0], row);
    assert_true(rg_loader_refill(refill, NULL, by));
    assert_int_not_equal(rg_i32(by)[0], row);
    assert_false(rg_loader_refill(NULL, bx, by));
    assert_null(rg_error(t));
}

/* A new epoch from wherever the loader is; at a beginning nothing changes. */
static void restarted(void **state) {
    (void)state;
    rg_loader *l = LOADER(.batch = 4, .shuffle = true);
    const rg_rng before = *rg_tape_rng(t);
    rg_loader_restart(l), rg_loader_restart(NULL);
    assert_memory_equal(rg_tape_rng(t), &before, sizeof before);
    assert_int_equal(rg_loader_epoch(l), 0);
    for (int epoch = 1; epoch < 4; epoch++) {
        assert_true(rg_loader_next(l, &bx, &by));
        assert_int_equal(rg_loader_row(l), 4);
        rg_loader_restart(l);
        assert_int_equal(rg_loader_epoch(l), epoch);
        assert_int_equal(rg_loader_left(l), rg_loader_steps(l));
    }
    bool seen[N] = {false}; /* the last epoch has each row once */
    int rows = 0;
    for (; rg_loader_next(l, NULL, &by); rows += (int)rg_numel(by))
        for (int i = 0; i < rg_numel(by); i++) assert_false(seen[rg_i32(by)[i]]), seen[rg_i32(by)[i]] = true;
    assert_int_equal(rows, N);
    rg_loader_restart(l); /* it is at a beginning */
    assert_int_equal(rg_loader_epoch(l), 4);
}

/* -------- errors */

static rg_loader *no_batch(void) { return LOADER(.batch = 0); }
static rg_loader *negative_batch(void) { return LOADER(.batch = -3); }
static rg_loader *nothing_left(void) { return LOADER(.batch = 11, .drop_last = true); }
static rg_loader *nan_divisor(void) { return LOADER(.batch = 1, .divisor = (double)NAN); }
static rg_loader *negative_divisor(void) { return LOADER(.batch = 1, .divisor = -3); }
static rg_loader *endless_mean(void) { return LOADER(.batch = 1, .mean = (double)INFINITY); }
static rg_loader *negative_std(void) { return LOADER(.batch = 1, .std = -1); }
static rg_loader *given(rg_tensor *images, rg_tensor *labels) { return rg_loader_new(t, images, labels, .batch = 2); }
static rg_loader *rows_differ(void) { return given(rg_buffer_of(t, "images", RG_U8, NULL, 9, 2), y); }
static rg_loader *no_rows(void) { return given(rg_buffer_of(t, NULL, RG_U8, NULL, 0, 2), rg_buffer_of(t, NULL, RG_I32, NULL, 0)); }
static rg_loader *scaled_i32(void) { return rg_loader_new(t, y, y, .batch = 2, .divisor = 10); }
static rg_loader *rank_0(void) { return given(rg_full(t, 1), y); }
static rg_loader *y_rank_0(void) { return given(x, rg_full(t, 1)); }
static rg_loader *x_null(void) { return given(NULL, y); }

typedef struct refusal { const char *name; rg_loader *(*make)(void); rg_code code; const char *says; } refusal;
static const refusal refusals[] = {
    {"batches of 0", no_batch, RG_EVALUE, "rg_loader_new: .batch is 0 rows, must be at least 1 (test_loader.c:"},
    {"batches of -3", negative_batch, RG_EVALUE, ".batch is -3 rows"},
    {"drop_last leaves nothing", nothing_left, RG_EVALUE, "drop_last leaves no batch of 11 from 10 rows"},
    {"divisor NaN", nan_divisor, RG_EVALUE, "divisor "},
    {"divisor negative", negative_divisor, RG_EVALUE, "divisor -3"},
    {"mean infinite", endless_mean, RG_EVALUE, "mean inf"},
    {"std negative", negative_std, RG_EVALUE, "std -1"},
    {"rows differ", rows_differ, RG_ESHAPE, "rg_loader_new: y y[10] i32 does not have 9 rows"},
    {"no rows", no_rows, RG_ESHAPE, "x [0,2] u8 has no rows"},
    {"i32 divided", scaled_i32, RG_EVALUE, "x y[10] i32 does not become floats: divisor,"},
    {"x of rank 0", rank_0, RG_ESHAPE, "x [] has no rows"},
    {"y of rank 0", y_rank_0, RG_ESHAPE, "y [] has no rows"},
    {"x NULL", x_null, RG_ESTATE, "x is poisoned or NULL"},
};

static void refused(void **state) {
    const refusal *r = *state;
    assert_null(r->make());
    assert_int_equal(rg_error_code(t), r->code);
    if (!strstr(rg_error(t), r->says)) fail_msg("'%s' is not in '%s'", r->says, rg_error(t));
    rg_error_clear(t);
    assert_non_null(LOADER(.batch = 2));
}

static void two_tapes(void **state) {
    (void)state;
    rg_tape *other = rg_tape_new(1);
    assert_null(rg_loader_new(t, x, rg_buffer_of(other, NULL, RG_I32, NULL, N), .batch = 2));
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    assert_non_null(strstr(rg_error(t), "belongs to another tape"));
    rg_tape_free(other);
}

static void no_loader(void **state) {
    (void)state;
    bx = x;
    assert_false(rg_loader_next(NULL, &bx, &by));
    assert_null(bx);
    assert_int_equal(rg_loader_steps(NULL), 0);
    assert_int_equal(rg_loader_left(NULL) + rg_loader_epoch(NULL) + rg_loader_row(NULL), 0);
    assert_null(rg_loader_new(NULL, x, y, .batch = 2));
    assert_null(rg_loader_new(NULL, NULL, NULL, .batch = 2));
    assert_null(rg_error(t));
}

/* The loader's hold on its columns is not the program's: rg_release without rg_retain is an error, and takes nothing away. */
static void a_release_that_nobody_owes(void **state) {
    (void)state;
    rg_tensor *u = rg_input(t, ((const float[]){1, 2, 3}), 3, 1), *b;
    rg_loader *l = rg_loader_new(t, u, NULL, .batch = 3);
    rg_release(u);
    assert_non_null(strstr(rg_error(t), "rg_release"));
    rg_error_clear(t);
    rg_tape_reset(t);
    rg_full(t, 42, 3, 1);
    assert_true(rg_loader_next(l, &b));
    assert_true(rg_f32(b)[0] == 1 && rg_f32(b)[1] == 2 && rg_f32(b)[2] == 3);
}

/* While an error stands there are no batches, no loaders, and none is lost. */
static void error_stands(void **state) {
    (void)state;
    rg_loader *l = LOADER(.batch = 4, .shuffle = true);
    rg_loader_next(l, &bx, &by);
    rg_read_idx(t, NULL);
    assert_false(rg_loader_next(l, &bx, &by));
    assert_null(LOADER(.batch = 4));
    assert_non_null(strstr(rg_error(t), "rg_read_idx"));
    rg_error_clear(t);
    assert_true(rg_loader_next(l, &bx, &by));
    assert_memory_equal(rg_i32(by), ((int32_t[]){3, 5, 9, 0}), 4 * sizeof(int32_t));
    rg_loader_next(l, &bx, &by);
    rg_read_idx(t, NULL);
    assert_false(rg_loader_next(l, &bx, &by)); /* because of the error, not because the epoch ends */
    assert_int_equal(rg_loader_epoch(l), 0);
}

int main(void) {
    cases c = {0};
#define CASE(f, state, ...) \
    (cases_add(&c, f, state, __VA_ARGS__), c.items[c.count - 1].setup_func = setup, c.items[c.count - 1].teardown_func = teardown)
    CASE(in_order, NULL, "in order");
    CASE(numpys_order, NULL, "NumPy's order");
    CASE(drawn_when_begun, NULL, "the order is drawn when an epoch begins");
    CASE(two_loaders, NULL, "two loaders");
    CASE(partial_batch, NULL, "a partial last batch");
    CASE(dropped_batch, NULL, "a dropped last batch");
    CASE(one_batch, NULL, "one batch");
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        CASE(steps, &systems[i], "%d steps of %d from %d", (int)systems[i].steps, (int)systems[i].batch, (int)systems[i].n);
    CASE(shapes, NULL, "shapes");
    CASE(one_dimension, NULL, "one dimension");
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
        CASE(conversion_exact, &conversions[i], "conversion %d is exact", (int)i);
    CASE(floats, NULL, "floats");
    CASE(targets, NULL, "targets");
    CASE(no_features, NULL, "no features");
    CASE(inputs_of_the_tape, NULL, "batches are inputs of the tape");
    CASE(holds_its_data, NULL, "holds its data");
    CASE(part_of_a_set, NULL, "part of a set");
    CASE(no_allocations, NULL, "no allocations");
    CASE(out_of_memory, NULL, "out of memory");
    CASE(refilled, NULL, "refilled");
    CASE(restarted, NULL, "restarted");
    CASE(saved_and_restored, NULL, "saved and restored");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) CASE(refused, &refusals[i], "refused: %s", refusals[i].name);
    CASE(a_release_that_nobody_owes, NULL, "a release that nobody owes");
    CASE(two_tapes, NULL, "two tapes");
    CASE(no_loader, NULL, "no loader");
    CASE(error_stands, NULL, "an error stands");
    return cases_run(&c, "loader");
}
