/* test_batches.c - what a loader can do besides handing out rows: integers and bytes that stay, further columns, channels, transforms,
   windows, rows of different lengths, weights; and parts of a data set. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>

#include "nn/data/loader.h"
#include "ops/ops.h"
#include "tests/support/meter.h"

enum { N = 6, C = 3, H = 5, W = 4, IMAGE = C * H * W };
static meter memory;
static rg_tape *t;
static rg_tensor *images, *labels, *bx, *by, *bz; /* u8 [6,3,5,4], i32 [6] = 0 .. 5; a batch */
static uint8_t pixels[N * IMAGE];

static int setup(void **state) {
    (void)state;
    int32_t numbers[N];
    for (int i = 0; i < N * IMAGE; i++) pixels[i] = (uint8_t)(37 * i + 11);
    for (int i = 0; i < N; i++) numbers[i] = i;
    memory = (meter){.fail_at = -1};
    t = metered_tape(&memory, false, 0);
    images = rg_buffer(t, "images", pixels, N, C, H, W);
    labels = rg_buffer(t, "labels", numbers, N);
    return rg_error(t) ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    rg_tape_free(t);
    return memory.out == 0 ? 0 : -1;
}

static void assert_refused(rg_code code, const char *says) {
    if (rg_error_code(t) != code || !strstr(rg_error(t), says))
        fail_msg("'%s' is not in '%s'", says, rg_error(t) ? rg_error(t) : "no error");
    rg_error_clear(t);
}
#define REFUSED(code, says, ...) (assert_null(rg_loader_new(t, __VA_ARGS__)), assert_refused(code, says))

/* -------- columns */

static void tokens_stay(void **state) {
    (void)state;
    const int32_t tokens[] = {7, -1, 70000, 8, 9, 10};
    rg_loader *l = rg_loader_new(t, rg_buffer(t, "tokens", tokens, 3, 2), NULL, .batch = 2);
    assert_true(rg_loader_next(l, &bx));
    assert_int_equal(rg_dtype_of(bx), RG_I32);
    assert_memory_equal(rg_shape(bx), ((int64_t[]){2, 2}), 2 * sizeof(int64_t));
    assert_memory_equal(rg_i32(bx), tokens, 4 * sizeof *tokens);
    assert_true(rg_loader_refill(rg_loader_new(t, rg_buffer(t, "more", tokens + 2, 2, 2), NULL, .batch = 2), bx));
    assert_memory_equal(rg_i32(bx), tokens + 2, 4 * sizeof *tokens);
    assert_false(rg_loader_next(l, &bx, &by));
    assert_refused(RG_EVALUE, "rg_loader_next: 2 tensors, but the loader was made with 1 (");
    assert_null(bx);
    assert_true(rg_loader_next(l, &bx)); /* and nothing was taken */
    assert_int_equal(rg_i32(bx)[0], 9);
}

static void bytes_stay(void **state) {
    (void)state;
    rg_tensor *mask = rg_buffer(t, "mask", pixels, N, 2);
    rg_loader *l = rg_loader_new(t, images, mask, .batch = 4, .keep_u8 = true, .keep_shape = true);
    assert_true(rg_loader_next(l, &bx, &by));
    assert_int_equal(rg_dtype_of(bx), RG_U8);
    assert_int_equal(rg_ndim(bx), 4);
    assert_memory_equal(rg_u8(bx), pixels, 4 * IMAGE);
    assert_memory_equal(rg_u8(by), pixels, 8);
    REFUSED(RG_EVALUE, "x images[6,3,5,4] u8 does not become floats", images, NULL, .batch = 1, .keep_u8 = true, .mean = 1);
}

static void more_columns(void **state) {
    (void)state;
    const double weights[] = {.5, 1.5, 2.5, 3.5, 4.5, 5.5};
    const uint8_t flags[] = {1, 0, 255, 2, 3, 4};
    rg_list more = rg_list_of(rg_buffer(t, "weights", weights, N, 1), rg_buffer(t, "flags", flags, N));
    rg_loader *l = rg_loader_new(t, images, labels, .batch = 4, .shuffle = true, .more = more);
    rg_tensor *flag;
    assert_true(rg_loader_next(l, &bx, &by, &bz, &flag));
    for (int i = 0; i < 4; i++) {
        const int32_t row = rg_i32(by)[i];
        assert_true(rg_f32(bx)[i * IMAGE] == (float)pixels[row * IMAGE] / 255);
        assert_true(rg_f32(bz)[i] == (float)row + .5f);
        assert_int_equal(rg_i32(flag)[i], flags[row]);
    }
    assert_int_equal(rg_ndim(bz), 2);
    assert_true(rg_loader_next(l, NULL, &by)); /* what is not asked for is not gathered */
    assert_int_equal(rg_numel(by), 2);
    assert_false(rg_loader_next(l, &bx));
    assert_true(rg_loader_next(l, &bx, &by, &bz, &flag));
    const rg_rng before = *rg_tape_rng(t);
    assert_false(rg_loader_refill(l, bx, by, bz, flag)); /* two rows are left, and it has four */
    assert_null(rg_error(t));
    assert_false(rg_loader_refill(l, bx, by, flag));
    assert_refused(RG_ESHAPE, "rg_loader_refill: tensor 2 is no batch of this loader");
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before);
    REFUSED(RG_ESHAPE, "more[1] images[6,3,5,4] u8 does not have 3 rows", rg_slice(labels, 0, 0, 3), NULL, .batch = 1,
        .more = rg_list_of(rg_slice(labels, 0, 0, 3), images));
    REFUSED(RG_ESTATE, "more[0] is poisoned or NULL", images, NULL, .batch = 1, .more = rg_list_of(NULL));
}

/* -------- channels */

static void channels(void **state) {
    (void)state;
    double mean[] = {.1, .2, .3}, std[] = {.5, 0, 2}; /* 0 is 1 */
    for (int dtype = 0; dtype < 2; dtype++) {
        rg_set_default_dtype(t, dtype ? RG_F64 : RG_F32);
        rg_loader *l = rg_loader_new(t, images, NULL, .batch = N, .channels = 3, .channel_mean = mean, .channel_std = std);
        mean[0] = 99; /* they were copied */
        assert_true(rg_loader_next(l, &bx));
        mean[0] = .1;
        for (int i = 0; i < N * IMAGE; i++) {
            const int c = i / (H * W) % C;
            const double s = c == 1 ? 1 : std[c];
            if (dtype) assert_true(rg_f64(bx)[i] == ((double)pixels[i] / 255 - mean[c]) / s);
            else assert_true(rg_f32(bx)[i] == ((float)pixels[i] / 255 - (float)mean[c]) / (float)s);
        }
    }
    REFUSED(RG_ESHAPE, "x images[6,3,5,4] u8 does not have 4 channels", images, NULL, .batch = 1, .channels = 4, .channel_std = std);
    REFUSED(RG_EVALUE, "channel_mean and channel_std need .channels, how many there are", images, NULL, .batch = 1, .channel_std = std);
    REFUSED(RG_EVALUE, "give mean and std for all channels or by channel, not both", images, NULL, .batch = 1, .channels = 3, .mean = 1);
    std[2] = -1;
    REFUSED(RG_EVALUE, "mean 0 and std -1: all must be finite, divisor and std at least 0", images, NULL, .batch = 1, .channels = 3,
        .channel_std = std);
}

static void statistics(void **state) {
    (void)state;
    double mean[C], std[C], m2[C], s2[C], all, all_std;
    assert_int_equal(rg_channel_stats(images, C, mean, std), 0);
    assert_int_equal(rg_channel_stats(rg_div(rg_cast(images, RG_F64), 255), C, m2, s2), 0);
    for (int c = 0; c < C; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < N * IMAGE; i++)
            if (i / (H * W) % C == c) sum += pixels[i], squares += (double)pixels[i] * pixels[i];
        const double n = N * H * W, m = sum / n;
        assert_true(fabs(mean[c] - m / 255) < 1e-15);
        assert_true(fabs(std[c] - sqrt(squares / n - m * m) / 255) < 1e-13);
        assert_true(fabs(mean[c] - m2[c]) < 1e-14 && fabs(std[c] - s2[c]) < 1e-14);
    }
    assert_int_equal(rg_channel_stats(images, 1, &all, &all_std), 0);
    assert_true(fabs(all - (mean[0] + mean[1] + mean[2]) / 3) < 1e-15);
    assert_int_equal(rg_channel_stats(rg_full(t, 3), 1, m2, s2), 0);
    assert_true(m2[0] == 3 && s2[0] == 0);
    assert_int_equal(rg_channel_stats(images, 4, mean, std), -1);
    assert_refused(RG_ESHAPE, "rg_channel_stats: images[6,3,5,4] u8 does not have 4 channels");
    assert_int_equal(rg_channel_stats(images, 3, mean, NULL), -1);
    assert_refused(RG_EVALUE, "NULL");
    assert_int_equal(rg_channel_stats(rg_full(t, 1, 0, 3), 3, mean, std), -1);
    assert_refused(RG_ESHAPE, "with values");
    assert_int_equal(rg_channel_stats(NULL, 3, mean, std), -1);
}

/* -------- transforms */

/* What the loader has to hand out: each image by itself, from the numbers that it draws. */
static void augmented(rg_rng *r, const int64_t *rows, int n, int64_t p, double flip, double mean, double std, double *to) {
    for (int i = 0; i < n; i++) {
        const int64_t top = p ? rg_rng_integers(r, 0, 2 * p + 1) : 0, left = p ? rg_rng_integers(r, 0, 2 * p + 1) : 0;
        const bool flipped = flip > 0 && rg_rng_random(r) < flip;
        for (int c = 0; c < C; c++)
            for (int64_t y = 0; y < H; y++)
                for (int64_t x = 0; x < W; x++) {
                    const int64_t sy = y + top - p, sx = (flipped ? W - 1 - x : x) + left - p;
                    const bool inside = sy >= 0 && sy < H && sx >= 0 && sx < W;
                    const float v = inside ? pixels[rows[i] * IMAGE + (c * H + sy) * W + sx] : 0;
                    to[((i * C + c) * H + y) * W + x] = (double)((v / 255 - (float)mean) / (float)std);
                }
    }
}

typedef struct augmentation { int64_t crop; double flip, mean, std; } augmentation;
static const augmentation augmentations[] = {{1, 0, 0, 1}, {0, .5, 0, 1}, {2, .5, .25, .5}, {4, 1, .1, 3}};

/* The same bits from rg_loader_next, from rg_loader_refill, and with two threads. */
static void crops_and_flips(void **state) {
    const augmentation *a = *state;
    static double expected[N * IMAGE], got[N * IMAGE];
    for (int threads = 1; threads < 3; threads++) {
        rg_rng r = *rg_tape_rng(t);
        rg_loader *l = rg_loader_new(t, images, labels, .batch = 3, .shuffle = true, .random_crop = a->crop,
            .random_flip = a->flip, .mean = a->mean, .std = a->std);
        rg_set_threads(t, threads);
        for (int epoch = 0; epoch < 3; epoch++) {
            int64_t order[N];
            rg_rng_permutation(&r, N, order);
            for (int half = 0; half < 2; half++) {
                if (half) assert_true(rg_loader_refill(l, bx, by));
                else assert_true(rg_loader_next(l, &bx, &by));
                augmented(&r, order + 3 * half, 3, a->crop, a->flip, a->mean, a->std, expected);
                rg_copy_out(bx, got, N * IMAGE);
                for (int i = 0; i < 3 * IMAGE; i++) assert_true(got[i] == expected[i]);
            }
            assert_false(rg_loader_next(l, &bx, &by));
        }
        assert_memory_equal(&r, rg_tape_rng(t), sizeof r);
    }
}

/* Bytes and doubles are moved too, and without a crop or a flip nothing is drawn. */
static void other_dtypes(void **state) {
    (void)state;
    rg_loader *bytes = rg_loader_new(t, images, NULL, .batch = 1, .random_flip = 1, .keep_u8 = true);
    assert_true(rg_loader_next(bytes, &bx));
    for (int i = 0; i < IMAGE; i++) assert_int_equal(rg_u8(bx)[i], pixels[i / W * W + W - 1 - i % W]);
    rg_set_default_dtype(t, RG_F64);
    rg_loader *doubles = rg_loader_new(t, rg_reshape(images, N, C * H, W), NULL, .batch = 1, .random_crop = 4, .mean = 1, .std = 4);
    assert_true(rg_loader_next(doubles, &bx));
    int outside = 0;
    for (int i = 0; i < IMAGE; i++) outside += rg_f64(bx)[i] == -.25;
    assert_true(outside > 0);
    const rg_rng before = *rg_tape_rng(t);
    assert_true(rg_loader_next(rg_loader_new(t, images, NULL, .batch = 1), &bx));
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before);
    REFUSED(RG_EVALUE, "random_crop is 5, must be from 0 to 4 for images of 5 x 4", images, NULL, .batch = 1, .random_crop = 5);
    REFUSED(RG_EVALUE, "random_crop is -1, must be from 0 to 4", images, NULL, .batch = 1, .random_crop = -1);
    REFUSED(RG_EVALUE, "random_flip 1.5 is no probability", images, NULL, .batch = 1, .random_flip = 1.5);
    REFUSED(RG_EVALUE, "random_flip nan", images, NULL, .batch = 1, .random_flip = (double)NAN);
    REFUSED(RG_ESHAPE, "want images [n, h, w] or [n, c, h, w], not [6,5,12]", rg_reshape(images, N, H, 12), NULL, .batch = 1,
        .channels = 5, .random_flip = .5);
    REFUSED(RG_ESHAPE, "want images [n, h, w] or [n, c, h, w], not labels[6] i32", labels, NULL, .batch = 1, .random_flip = .5);
}

typedef struct noise { int calls, fails_at; bool has_y; } noise;

/* Adds noise by operations, and counts. */
static int add_noise(void *ctx, rg_tensor *const *batch, rg_rng *rng) {
    noise *n = ctx;
    double amount = rg_rng_random(rng);
    rg_tensor *y = rg_add(batch[0], rg_mul(rg_normal(rg_tape_of(batch[0]), 0, 1, rg_dim(batch[0], 0), rg_dim(batch[0], 1)), amount));
    n->has_y = batch[1] != NULL;
    if (rg_failed(y) || rg_write(batch[0], rg_f32(y))) return -1;
    return n->calls++ == n->fails_at ? 7 : 0;
}

static void own_transform(void **state) {
    (void)state;
    rg_rng r = *rg_tape_rng(t);
    noise n = {.fails_at = 1};
    rg_loader *l = rg_loader_new(t, images, labels, .batch = 3, .transform = add_noise, .transform_ctx = &n);
    const int64_t tensors = rg_memory(t).tensors;
    for (int half = 0; half < 2; half++) {
        if (half) { /* the second call fails: nothing was drawn or taken, and the next is the same batch */
            assert_false(rg_loader_next(l, &bx, &by));
            assert_refused(RG_EVALUE, "rg_loader_next: the transform returned 7 (");
        }
        assert_true(rg_loader_next(l, &bx, &by));
        assert_int_equal(rg_memory(t).tensors, tensors + 2 * (half + 1)); /* what it made is gone */
        assert_int_equal(rg_i32(by)[0], 3 * half);
        assert_true(n.has_y);
        const double amount = rg_rng_random(&r);
        for (int i = 0; i < 3 * IMAGE; i++) {
            const float z = (float)rg_rng_standard_normal(&r);
            assert_true(rg_f32(bx)[i] == (float)pixels[half * 3 * IMAGE + i] / 255 + z * (float)amount);
        }
    }
    assert_memory_equal(&r, rg_tape_rng(t), sizeof r);
    rg_loader_next(l, NULL), rg_loader_next(l, &bx);
    assert_false(n.has_y);
}

static int resets(void *ctx, rg_tensor *const *batch, rg_rng *rng) { return (void)ctx, (void)rng, rg_tape_reset(rg_tape_of(batch[0])), 0; }

static void a_transform_that_resets(void **state) {
    (void)state;
    rg_loader *l = rg_loader_new(t, images, labels, .batch = 3, .transform = resets);
    assert_false(rg_loader_next(l, &bx, &by));
    assert_refused(RG_ESTATE, "rg_tape_reset: inside a function that was given tensors");
}

/* A step that is played between refills has the bits of one that is recorded anew. */
static void played(void **state) {
    (void)state;
    double sums[2][2 * N];
    noise n = {.fails_at = -1};
    for (int play = 0; play < 2; play++) {
        rg_rng_seed(rg_tape_rng(t), 5);
        rg_loader *l = rg_loader_new(t, images, labels, .batch = 2, .shuffle = true, .random_crop = 2,
            .random_flip = .5, .transform = add_noise, .transform_ctx = &n);
        rg_tensor *w = rg_requires_grad(rg_buffer(t, "w", ((float[]){1}), 1), true), *loss = NULL;
        for (int i = 0; i < 6; i++) {
            if (play && loss && rg_loader_refill(l, bx, by)) {
                assert_int_equal(rg_play(t), 0);
            } else {
                rg_tape_reset(t);
                if (rg_loader_row(l) == N) rg_loader_next(l, NULL);
                assert_true(rg_loader_next(l, &bx, &by));
                loss = rg_mean(rg_square(rg_mul(bx, w)));
                rg_backward(loss);
            }
            sums[play][2 * i] = rg_item(loss), sums[play][2 * i + 1] = rg_item(rg_grad_of(w));
            rg_clear_grad(w);
            if (!play) rg_tape_reset(t);
        }
        assert_null(rg_error(t));
        rg_tape_reset(t);
    }
    assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
}

/* -------- windows */

static void windows(void **state) {
    const int64_t stride = *(const int64_t *)*state;
    enum { STEPS = 23, LENGTH = 5 };
    int32_t stream[STEPS], wide[2 * STEPS];
    uint8_t bytes[STEPS];
    for (int i = 0; i < STEPS; i++) stream[i] = 1000 + i, bytes[i] = (uint8_t)(200 + i), wide[2 * i] = i, wide[2 * i + 1] = -i;
    const int64_t rows = (STEPS - 1 - LENGTH) / (stride ? stride : 1) + 1;
    rg_tensor *streams[] = {rg_buffer(t, "tokens", stream, STEPS), rg_buffer(t, "bytes", bytes, STEPS),
        rg_buffer(t, "pairs", wide, STEPS, 2)};
    for (int k = 0; k < 3; k++) {
        const size_t bytes_before = rg_memory(t).bytes;
        rg_loader *l = rg_loader_windows(t, streams[k], LENGTH, .batch = 4, .shuffle = true, .stride = stride);
        assert_true(rg_memory(t).bytes - bytes_before < 2048); /* the rows are not copied */
        rg_tape_reset(t);
        bool seen[STEPS] = {false};
        int64_t n = 0;
        while (rg_loader_next(l, &bx, &by)) {
            const int32_t *x = rg_i32(bx), *y = rg_i32(by);
            assert_int_equal(rg_ndim(bx), k == 2 ? 3 : 2);
            assert_int_equal(rg_dim(bx, 1), LENGTH);
            for (int64_t i = 0; i < rg_dim(bx, 0); i++, n++) {
                const int64_t first = k == 2 ? x[i * 2 * LENGTH] : x[i * LENGTH] - (k ? 200 : 1000);
                assert_int_equal(first % (stride ? stride : 1), 0);
                assert_false(seen[first]);
                seen[first] = true;
                for (int j = 0; j < (k == 2 ? 2 : 1) * LENGTH; j++) {
                    const int64_t at = k == 2 ? i * 2 * LENGTH + j : i * LENGTH + j;
                    assert_int_equal(x[at], k == 2 ? wide[2 * first + j] : (k ? 200 : 1000) + first + j);
                    assert_int_equal(y[at], k == 2 ? wide[2 * first + 2 + j] : (k ? 200 : 1000) + first + 1 + j);
                }
            }
            rg_tape_reset(t);
        }
        assert_null(rg_error(t));
        assert_int_equal(n, rows);
        assert_int_equal(rg_loader_steps(l), (rows + 3) / 4);
    }
}
static const int64_t strides[] = {0, 1, 3, 5, 23};

static void window_refusals(void **state) {
    (void)state;
    const char *says[] = {"the length is 0, must be from 1 to 5 for a stream of 6 steps", "the length is 6, must be from 1 to 5",
        "the stride is -1, must be from 1 to 6", "the stride is 7, must be from 1 to 6",
        ".batch is 0 rows, must be at least 1", "lengths and padding",
        "lengths and padding", "does not become floats",
        "random_crop and random_flip want images"};
    for (int k = 0; k < 9; k++) {
        const rg_loader_options o = {.batch = k == 4 ? 0 : 1, .stride = k == 2 ? -1 : k == 3 ? 7 : 0, .lengths = k == 5 ? labels : NULL,
            .padding_value = k == 6, .divisor = k == 7 ? 2 : 0,
            .random_flip = k == 8 ? .5 : 0};
        const int64_t tensors = rg_memory(t).tensors;
        assert_null((rg_loader_windows)(t, labels, k == 0 ? 0 : k == 1 ? 6 : 2, o));
        assert_refused(RG_EVALUE * (k < 8) + RG_ESHAPE * (k == 8), says[k]);
        assert_int_equal(rg_memory(t).tensors, tensors);
    }
    assert_null(rg_loader_windows(t, NULL, 1, .batch = 1));
    assert_refused(RG_ESTATE, "rg_loader_windows: the stream is poisoned or NULL");
    assert_null(rg_loader_windows(NULL, labels, 1, .batch = 1));
    REFUSED(RG_EVALUE, "stride 2 is for windows: rg_loader_windows", images, NULL, .batch = 1, .stride = 2);
    REFUSED(RG_EVALUE, "padding_value 3 without lengths", images, NULL, .batch = 1, .padding_value = 3);
}

/* -------- rows of different lengths */

static void ragged(void **state) {
    (void)state;
    const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, lengths[] = {3, 0, 1, 4, 2};
    rg_tensor *x = rg_buffer(t, "tokens", tokens, 10), *n = rg_buffer(t, "lengths", lengths, 5);
    rg_loader *l = rg_loader_new(t, x, rg_slice(labels, 0, 0, 5), .batch = 2, .lengths = n, .padding_value = -1);
    static const int32_t expected[3][8] = {{1, 2, 3, -1, -1, -1}, {4, -1, -1, -1, 5, 6, 7, 8}, {9, 10}};
    static const int64_t shapes[3][2] = {{2, 3}, {2, 4}, {1, 2}};
    for (int i = 0; i < 3; i++) {
        assert_true(rg_loader_next(l, &bx, &by, &bz));
        assert_memory_equal(rg_shape(bx), shapes[i], sizeof shapes[i]);
        assert_memory_equal(rg_i32(bx), expected[i], (size_t)rg_numel(bx) * sizeof(int32_t));
        assert_memory_equal(rg_i32(bz), lengths + 2 * i, (size_t)rg_numel(bz) * sizeof(int32_t));
        assert_int_equal(rg_i32(by)[0], 2 * i);
        if (i == 0) assert_false(rg_loader_refill(l, bx, by, bz)); /* the next one is longer */
        assert_null(rg_error(t));
    }
    l = rg_loader_new(t, x, NULL, .batch = 2, .shuffle = true, .lengths = n);
    int64_t sum = 0, longest = 0;
    while (rg_loader_next(l, &bx, &bz)) {
        const int32_t *values = rg_i32(bx), *each = rg_i32(bz);
        for (int64_t i = 0; i < rg_numel(bx); i++) sum += values[i];
        for (int64_t i = 0, most = 0; i < rg_numel(bz); i++) {
            if (each[i] > most) most = each[i];
            longest = rg_dim(bx, 1);
            if (i + 1 == rg_numel(bz)) assert_int_equal(longest, most);
        }
    }
    assert_int_equal(sum, 55);
    /* vectors, as floats */
    rg_tensor *v = rg_buffer(t, "v", ((float[]){1, 2, 3, 4, 5, 6}), 3, 2);
    l = rg_loader_new(t, v, NULL, .batch = 2, .lengths = rg_buffer(t, "n", ((int32_t[]){1, 2}), 2), .padding_value = .5);
    assert_true(rg_loader_next(l, &bx));
    assert_memory_equal(rg_shape(bx), ((int64_t[]){2, 2, 2}), 3 * sizeof(int64_t));
    assert_memory_equal(rg_f32(bx), ((float[]){1, 2, .5f, .5f, 3, 4, 5, 6}), 8 * sizeof(float));
}

/* Of a tagger: a tag for each token, a class for each sentence, numbers for each token; also shuffled, and refilled. */
static void ragged_labels(void **state) {
    (void)state;
    const int32_t lengths[] = {3, 0, 2, 3};
    rg_tensor *x = rg_buffer(t, "x", ((int32_t[]){1, 2, 3, 4, 5, 6, 7, 8}), 8), *tags = rg_add(x, 10), *n = rg_buffer(t, "n", lengths, 4);
    rg_tensor *classes = rg_slice(labels, 0, 0, 4), *each = rg_reshape(rg_arange(t, 0, 16, 1), 8, 2), *b_class, *b_each, *b_n;
    rg_loader *l = rg_loader_new(t, x, tags, .batch = 2, .lengths = n, .padding_value = -1, .more = rg_list_of(classes, each));
    assert_true(rg_loader_next(l, &bx, &by, &b_class, &b_each, &b_n));
    assert_memory_equal(rg_i32(by), ((int32_t[]){11, 12, 13, -1, -1, -1}), 6 * sizeof(int32_t));
    assert_memory_equal(rg_shape(by), rg_shape(bx), 2 * sizeof(int64_t));
    assert_memory_equal(rg_i32(b_class), ((int32_t[]){0, 1}), 2 * sizeof(int32_t));
    assert_memory_equal(rg_shape(b_each), ((int64_t[]){2, 3, 2}), 3 * sizeof(int64_t));
    assert_memory_equal(rg_f32(b_each), ((float[]){0, 1, 2, 3, 4, 5, -1, -1, -1, -1, -1, -1}), 12 * sizeof(float));
    assert_true(rg_loader_refill(l, bx, by, b_class, b_each, b_n)); /* 2 and 3 long */
    assert_memory_equal(rg_i32(bx), ((int32_t[]){4, 5, -1, 6, 7, 8}), 6 * sizeof(int32_t));
    assert_memory_equal(rg_i32(by), ((int32_t[]){14, 15, -1, 16, 17, 18}), 6 * sizeof(int32_t));
    assert_memory_equal(rg_i32(b_class), ((int32_t[]){2, 3}), 2 * sizeof(int32_t));
    l = rg_loader_new(t, x, tags, .batch = 3, .lengths = n, .shuffle = true);
    for (int tokens = 0, i = 0; i < 2; i++) {
        assert_true(rg_loader_next(l, &bx, &by));
        for (int k = 0; k < rg_numel(bx); k++) {
            assert_int_equal(rg_i32(by)[k], rg_i32(bx)[k] ? rg_i32(bx)[k] + 10 : 0);
            tokens += rg_i32(bx)[k] != 0;
        }
        if (i) assert_int_equal(tokens, 8);
    }
    /* as many lengths as rows of x: y is per length */
    l = rg_loader_new(t, classes, classes, .batch = 4, .lengths = rg_buffer(t, "ones", ((int32_t[]){1, 1, 1, 1}), 4));
    assert_true(rg_loader_next(l, &bx, &by));
    assert_int_equal(rg_ndim(bx), 2);
    assert_int_equal(rg_ndim(by), 1);
}

static void ragged_refusals(void **state) {
    (void)state;
    rg_tensor *n = rg_buffer(t, "n", ((int32_t[]){1, 2}), 2), *negative = rg_buffer(t, "n", ((int32_t[]){7, -1}), 2);
    REFUSED(RG_ESHAPE, "lengths add up to 3, x has 6 rows", labels, NULL, .batch = 1, .lengths = n);
    REFUSED(RG_EVALUE, "lengths[1] is -1", labels, NULL, .batch = 1, .lengths = negative);
    REFUSED(RG_EDTYPE, "lengths [2] are not i32 [n]", labels, NULL, .batch = 1, .lengths = rg_full(t, 3, 2));
    rg_tensor *right = rg_buffer(t, "n", ((int32_t[]){4, 2}), 2);
    rg_tensor *other = rg_slice(labels, 0, 0, 5), *floats = rg_full(t, 1, 6, 2);
    REFUSED(RG_ESHAPE, "y [5] i32 has neither 2 rows, as there are lengths, nor 6, as x has", labels, other, .batch = 1, .lengths = right);
    REFUSED(RG_ESHAPE, "more[1] [5] i32 has neither 2 rows", labels, NULL, .batch = 1, .lengths = right, .more = rg_list_of(labels, other));
    REFUSED(RG_EVALUE, "padding_value 0.5 does not fit i32 of y", floats, labels, .batch = 1, .lengths = right, .padding_value = .5);
    REFUSED(RG_ESHAPE, "rows of different lengths from 6 dimensions of y", labels, rg_full(t, 1, 6, 1, 1, 1, 1, 1), .batch = 1,
        .lengths = right);
    REFUSED(RG_EVALUE, "padding_value 0.5 does not fit i32 of x", labels, NULL, .batch = 1, .lengths = right, .padding_value = .5);
    REFUSED(RG_EVALUE, "padding_value 256 does not fit u8", images, NULL, .batch = 1, .lengths = right, .keep_u8 = true,
        .padding_value = 256);
}

static void pad_sequence(void **state) {
    (void)state;
    rg_tensor *a = rg_input(t, ((int32_t[]){1, 2, 3}), 3), *b = rg_input(t, ((int32_t[]){4}), 1), *n;
    rg_tensor *y = rg_pad_sequence(rg_list_of(a, b), .padding_value = -100, .lengths = &n);
    assert_memory_equal(rg_shape(y), ((int64_t[]){2, 3}), 2 * sizeof(int64_t));
    assert_memory_equal(rg_i32(y), ((int32_t[]){1, 2, 3, 4, -100, -100}), 6 * sizeof(int32_t));
    assert_memory_equal(rg_i32(n), ((int32_t[]){3, 1}), 2 * sizeof(int32_t));
    rg_tensor *v = rg_requires_grad(rg_full(t, 2, 1, 2), true), *w = rg_full(t, 3, 2, 2);
    rg_backward(rg_sum(rg_mul(rg_pad_sequence(rg_list_of(w, v)), 5))); /* [2,2,2] */
    assert_memory_equal(rg_f32(rg_grad_of(v)), ((float[]){5, 5}), 2 * sizeof(float));
    assert_true(rg_failed(rg_pad_sequence(rg_list_of(a, v))));
    assert_refused(RG_EDTYPE, "rg_pad_sequence: tensor 1, [1,2], and tensor 0, [3] i32, may only differ in the size of axis 0");
    assert_true(rg_failed(rg_pad_sequence(rg_list_of(v, rg_full(t, 1, 1, 3)))));
    assert_refused(RG_ESHAPE, "rg_pad_sequence: tensor 1, [1,3], and tensor 0, [1,2], may only differ in the size of axis 0");
    assert_true(rg_failed(rg_pad_sequence(rg_list_of(a, rg_full(t, 1)))));
    assert_refused(RG_ESHAPE, "rg_pad_sequence: tensor 1, [], is of rank 0 or too long");
    assert_true(rg_failed(rg_pad_sequence(rg_list_of(a, NULL))));
    assert_refused(RG_ESTATE, "rg_pad_sequence: tensor 1 is NULL");
    assert_true(rg_failed(rg_pad_sequence((rg_list){0}, .lengths = &n)));
    assert_true(rg_failed(n));
}

/* More than an operator has operands, 255, also than 255 times 255: joined in groups, and groups of groups. */
static void pad_many(void **state) {
    (void)state;
    enum { MOST = 255 * 255 + 2 };
    rg_tensor *n, **many = malloc(MOST * sizeof *many), *a = rg_requires_grad(rg_full(t, 1, 2), true), *b = rg_full(t, 2, 1);
    const int counts[] = {255, 256, 511, MOST};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        const int last = counts[k] - 1;
        for (int i = 0; i <= last; i++) many[i] = i == 100 || i == last ? a : b;
        rg_tensor *y = rg_pad_sequence(rg_list_of_n(counts[k], many), .padding_value = 7, .lengths = &n);
        assert_memory_equal(rg_shape(y), ((int64_t[]){counts[k], 2}), 2 * sizeof(int64_t));
        for (int i = 0; i <= last; i++) {
            const bool long_one = i == 100 || i == last;
            assert_true(rg_f32(y)[2 * i] == (long_one ? 1 : 2) && rg_f32(y)[2 * i + 1] == (long_one ? 1 : 7));
            assert_int_equal(rg_i32(n)[i], long_one ? 2 : 1);
        }
        rg_clear_grad(a);
        assert_int_equal(rg_backward(rg_sum(y)), 0);
        assert_memory_equal(rg_f32(rg_grad_of(a)), ((float[]){2, 2}), 2 * sizeof(float));
    }
    many[300] = rg_full(t, 1, 1, 1);
    assert_true(rg_failed(rg_pad_sequence(rg_list_of_n(400, many))));
    assert_refused(RG_ESHAPE, "rg_pad_sequence: tensor 300, [1,1], and tensor 0, [1]");
    free(many);
}

/* -------- weights */

/* default_rng(0).choice(6, 6, p=[.1, .2, 0, .3, 0, .4]), twice, as NumPy 1.24 prints it. */
static void weights(void **state) {
    (void)state;
    static const int32_t numpy[2][N] = {{5, 1, 0, 0, 5, 5}, {5, 5, 3, 5, 5, 0}};
    rg_tensor *w = rg_buffer(t, "w", ((float[]){1, 2, 0, 3, 0, 4}), N);
    rg_loader *l = rg_loader_new(t, images, labels, .batch = N, .weights = w);
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_true(rg_loader_next(l, &bx, &by));
        assert_memory_equal(rg_i32(by), numpy[epoch], sizeof numpy[epoch]);
        for (int i = 0; i < N; i++) assert_true(rg_f32(bx)[i * IMAGE] == (float)pixels[rg_i32(by)[i] * IMAGE] / 255);
        assert_false(rg_loader_next(l, &bx, &by));
    }
    REFUSED(RG_EVALUE, "give shuffle or weights, not both", images, NULL, .batch = 1, .weights = w, .shuffle = true);
    REFUSED(RG_ESHAPE, "weights w[6] does not have 3 rows", rg_slice(labels, 0, 0, 3), NULL, .batch = 1, .weights = w);
    REFUSED(RG_EVALUE, "weights[1] is -1, must be at least 0", rg_slice(labels, 0, 0, 2), NULL, .batch = 1,
        .weights = rg_input(t, ((float[]){1, -1}), 2));
    REFUSED(RG_EVALUE, "weights add up to 0, must be above 0 and finite", labels, NULL, .batch = 1, .weights = rg_full(t, 0, N));
    REFUSED(RG_ESHAPE, "weights have 2 dimensions, not 1", labels, NULL, .batch = 1, .weights = rg_full(t, 1, N, 1));
}

/* -------- parts */

static void split(void **state) {
    (void)state;
    rg_rng r = *rg_tape_rng(t);
    int64_t order[N];
    rg_dataset a, b, d = {.x = images, .y = labels, .classes = 10};
    rg_rng_permutation(&r, N, order);
    assert_int_equal(rg_dataset_split(t, d, .5, &a, &b), 0);
    assert_memory_equal(&r, rg_tape_rng(t), sizeof r);
    rg_tape_reset(t);
    assert_int_equal(rg_dim(a.x, 0), 3);
    assert_int_equal(a.classes + b.classes, 20);
    for (int i = 0; i < N; i++) {
        rg_dataset *part = i < 3 ? &a : &b;
        assert_int_equal(rg_i32(part->y)[i % 3], order[i]);
        assert_memory_equal(rg_u8(part->x) + i % 3 * IMAGE, pixels + order[i] * IMAGE, IMAGE);
    }
    d.y = NULL;
    assert_int_equal(rg_dataset_split(t, d, 4, &a, &b, .in_order = true), 0);
    assert_null(a.y);
    assert_memory_equal(rg_u8(b.x), pixels + 4 * IMAGE, 2 * IMAGE);
    assert_memory_equal(&r, rg_tape_rng(t), sizeof r);
    rg_release(images);
    assert_memory_equal(rg_u8(a.x), pixels, 4 * IMAGE);
}

/* As len(random_split(range(n), [p, 1 - p])[0]) of PyTorch. */
static void shares(void **state) {
    (void)state;
    static const struct { int64_t n; double part; int64_t a; } of[] = {
        {10, .25, 3}, {10, .1, 1}, {100, .29, 29}, {100, .07, 7}, {7, .5, 4}};
    rg_dataset a, b, d;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        d = (rg_dataset){.x = rg_full(t, 1, of[i].n, 2)};
        assert_int_equal(rg_dataset_split(t, d, of[i].part, &a, &b), 0);
        assert_int_equal(rg_dim(a.x, 0), of[i].a);
        assert_int_equal(rg_dim(b.x, 0), of[i].n - of[i].a);
    }
    d.x = rg_full(t, 1, 3, 2);
    assert_int_equal(rg_dataset_split(t, d, .9, &a, &b), -1);
    assert_refused(RG_EVALUE, "rg_dataset_split: part 0.9 of 3 rows: each part must have a whole number of rows, at least 1");
    d = (rg_dataset){.x = images, .y = rg_slice(labels, 0, 0, 3)};
    assert_int_equal(rg_dataset_split(t, d, .5, &a, &b), -1);
    assert_refused(RG_ESHAPE, "x has 6 rows, y has 3");
    assert_true(rg_failed(a.x) && rg_failed(a.y) && rg_failed(b.x) && rg_failed(b.y));
    d.y = labels;
    const double bad[] = {0, -1, 6, 2.5, (double)NAN};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rg_dataset_split(t, d, bad[i], &a, &b), -1);
        assert_refused(RG_EVALUE, "each part must have a whole number of rows");
    }
    assert_int_equal(rg_dataset_split(t, (rg_dataset){0}, .5, &a, &b), -1);
    assert_refused(RG_ESTATE, "poisoned, NULL");
    assert_int_equal(rg_dataset_split(NULL, d, .5, NULL, NULL), -1);
}

/* Each allocation fails once: nothing is drawn, nothing stays, and the next try is as if there had been none. */
static void split_without_memory(void **state) {
    (void)state;
    for (int64_t k = 0;; k++) {
        meter m = {.fail_at = -1};
        rg_tape *tape = metered_tape(&m, true, 3);
        rg_dataset a, b, d = {.x = rg_buffer(tape, "x", pixels, N, IMAGE), .y = rg_buffer_of(tape, "y", RG_I32, NULL, N)};
        const rg_rng before = *rg_tape_rng(tape);
        m.fail_at = m.calls + k;
        const int failed = rg_dataset_split(tape, d, 2, &a, &b);
        if (failed) {
            assert_int_equal(rg_error_code(tape), RG_ENOMEM);
            assert_int_equal(rg_memory(tape).tensors, 2);
            assert_memory_equal(&before, rg_tape_rng(tape), sizeof before);
        }
        rg_tape_free(tape);
        assert_int_equal(m.out, 0);
        if (!failed) break;
        assert_true(k < 100);
    }
}

/* A loader with everything in it, with and without memory. */
static void everything_without_memory(void **state) {
    (void)state;
    const double mean[] = {.1, .2, .3};
    for (int64_t k = 0, failures = 0;; k++) {
        meter m = {.fail_at = -1};
        rg_tape *tape = metered_tape(&m, true, 3);
        rg_tensor *x = rg_buffer(tape, "x", pixels, N, C, H, W), *y = rg_buffer_of(tape, "y", RG_I32, NULL, N), *w = rg_full(tape, 1, N);
        m.fail_at = m.calls + k;
        rg_loader *l = rg_loader_new(tape, x, y, .batch = 2, .weights = w, .channels = 3, .channel_mean = mean, .more = rg_list_of(y));
        rg_loader *v = l ? rg_loader_windows(tape, y, 2, .batch = 2, .shuffle = true) : NULL;
        rg_loader *u = v ? rg_loader_new(tape, y, NULL, .batch = 1, .lengths = rg_buffer(tape, "n", ((int32_t[]){6}), 1)) : NULL;
        const bool got = u && rg_loader_next(l, &bx, &by, &bz) && rg_loader_next(v, &bx, &by) && rg_loader_next(u, &bx, &by);
        assert_int_equal(got, rg_error_code(tape) == RG_OK);
        failures += !got;
        rg_tape_free(tape);
        assert_int_equal(m.out, 0);
        if (!got) continue;
        assert_in_range(failures, 15, 60);
        break;
    }
}

int main(void) {
    cases c = {0};
#define CASE(f, state, ...) \
    (cases_add(&c, f, state, __VA_ARGS__), c.items[c.count - 1].setup_func = setup, c.items[c.count - 1].teardown_func = teardown)
    CASE(tokens_stay, NULL, "tokens stay i32");
    CASE(bytes_stay, NULL, "bytes stay u8");
    CASE(more_columns, NULL, "more columns");
    CASE(channels, NULL, "mean and std by channel");
    CASE(statistics, NULL, "statistics of channels");
    for (size_t i = 0; i < sizeof augmentations / sizeof *augmentations; i++)
        CASE(crops_and_flips, &augmentations[i], "crop %d, flip %g", (int)augmentations[i].crop, augmentations[i].flip);
    CASE(other_dtypes, NULL, "crops and flips of bytes and doubles");
    CASE(own_transform, NULL, "a transform of one's own");
    CASE(a_transform_that_resets, NULL, "a transform that resets the tape");
    CASE(played, NULL, "played, the same bits");
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) CASE(windows, &strides[i], "windows, stride %d", (int)strides[i]);
    CASE(window_refusals, NULL, "windows refused");
    CASE(ragged, NULL, "rows of different lengths");
    CASE(ragged_labels, NULL, "labels of different lengths");
    CASE(ragged_refusals, NULL, "rows of different lengths refused");
    CASE(pad_sequence, NULL, "pad_sequence");
    CASE(pad_many, NULL, "pad_sequence of many");
    CASE(weights, NULL, "weights");
    CASE(split, NULL, "split");
    CASE(shares, NULL, "shares");
    CASE(split_without_memory, NULL, "a split without memory");
    CASE(everything_without_memory, NULL, "loaders without memory");
    return cases_run(&c, "batches");
}
