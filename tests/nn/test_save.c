/* test_save.c - checkpoints: what they hold, that a run goes on bit for bit, hostile files, every failure of memory, and a
   process killed while it saves. */
#define _GNU_SOURCE 1 /* memmem */
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/op.h"
#include "nn/files/file.h"
#include "nn/nn.h"
#include "tests/support/scratch.h"

/* -------- a small run */

enum { ROWS = 23, BATCH = 4 };
typedef struct run { rg_tape *t; rg_nn *net; rg_optim *optim; rg_loader *loader; int64_t step; rg_state *state; } run;
typedef struct rule { const char *name; rg_optim *(*make)(rg_tape *t, rg_list params); rg_dtype dtype; } rule;

static rg_optim *sgd(rg_tape *to, rg_list p) { return rg_optim_sgd(to, p, .lr = .1); }
static rg_optim *momentum(rg_tape *to, rg_list p) { return rg_optim_sgd(to, p, .lr = .1, .momentum = .9, .dampening = .5); }
static rg_optim *adam(rg_tape *to, rg_list p) { return rg_optim_adam(to, p, .lr = .05); }
static rg_optim *adamw(rg_tape *to, rg_list p) { return rg_optim_adamw(to, p, .lr = .05); }
static rg_optim *centered(rg_tape *to, rg_list p) { return rg_optim_rmsprop(to, p, .lr = .01, .momentum = .5, .centered = true); }
static rg_optim *adagrad(rg_tape *to, rg_list p) { return rg_optim_adagrad(to, p, .lr = .1, .lr_decay = .1, .initial_accumulator = .2); }
static rg_optim *lion(rg_tape *to, rg_list p) { return rg_optim_lion(to, p, .lr = .01); }
static rg_optim *lbfgs(rg_tape *to, rg_list p) { return rg_optim_lbfgs(to, p, .history = 3, .max_iter = 2); }
static rg_optim *groups(rg_tape *to, rg_list p) {
    rg_optim *o = rg_optim_adamw(to, ((rg_list){p.items, 2}), .lr = .05);
    rg_optim_add_group(o, ((rg_list){p.items + 2, p.count - 2}), .lr = .01);
    return o;
}
static const rule rules[] = {{"sgd", sgd, RG_F32}, {"momentum", momentum, RG_F32}, {"momentum in f64", momentum, RG_F64},
    {"adam", adam, RG_F32},
    {"adam in f64", adam, RG_F64}, {"adamw", adamw, RG_F32}, {"rmsprop", centered, RG_F32}, {"adagrad", adagrad, RG_F64},
    {"lion", lion, RG_F32},
    {"lbfgs", lbfgs, RG_F64}, {"groups", groups, RG_F32}};

static float points[ROWS][3];
static int classes[ROWS];

static run run_new(const rule *how, uint64_t seed) {
    rg_tape *to = metered_tape(&memory, false, seed);
    rg_set_default_dtype(to, how->dtype);
    run r = {.t = to};
    r.net = rg_nn_sequential(to, rg_nn_linear(to, 3, 5, RG_HE_NORMAL), rg_nn_tanh(to), rg_nn_linear(to, 5, 2, RG_HE_NORMAL));
    r.optim = how->make(to, rg_nn_params(r.net));
    for (int i = 0; i < ROWS * 3; i++) (&points[0][0])[i] = (float)(i * 37 % 17) / 8 - 1, classes[i / 3] = i % 2;
    rg_tensor *x = rg_buffer(to, "x", points, ROWS, 3), *y = rg_buffer(to, "y", classes, ROWS);
    r.loader = rg_loader_new(to, x, y, .batch = BATCH, .shuffle = true);
    return r;
}

/* Made when it is wanted: *r stays where it is from then on. Without the optimiser, or the loader, it is none of a run. */
static rg_state *state_without(run *r, bool optim, bool loader) {
    rg_state *s = rg_state_new(r->t);
    rg_state_net(s, NULL, r->net);
    if (!optim) rg_state_optim(s, "optim", r->optim);
    if (!loader) rg_state_loader(s, "loader", r->loader);
    assert_int_equal(rg_state_count(s, "step", &r->step), 0);
    return s;
}
static rg_state *state_of(run *r) { return r->state = r->state ? r->state : state_without(r, false, false); }

typedef struct batch { run *r; rg_tensor *x, *y; double noise; } batch;

static double loss_of(void *ctx) {
    const batch *b = ctx;
    rg_tensor *loss = rg_cross_entropy(rg_mul_scalar(rg_nn_forward(b->r->net, b->x), 1 + b->noise), b->y);
    rg_backward(loss);
    return rg_item(loss);
}

/* Noise from the tape's generator, in halves of a draw, stands for dropout. The rate is changed on the way, as a schedule does. */
static void run_steps(run *r, int n) {
    for (rg_tensor *x, *y; n > 0; ) {
        if (!rg_loader_next(r->loader, &x, &y)) continue;
        const double noise = (double)rg_rng_next32(rg_tape_rng(r->t)) * 0x1p-33;
        if (++r->step % 3 == 0) rg_optim_scale_lr(r->optim, .9);
        rg_optim_step_closure(r->optim, loss_of, &(batch){r, x, y, noise});
        rg_tape_reset(r->t);
        n--;
    }
    assert_null(rg_error(r->t));
}

/* -------- going on */

static void assert_same_net(const run *a, const run *b) {
    const rg_list p = rg_nn_params(a->net), q = rg_nn_params(b->net);
    assert_int_equal(p.count, q.count);
    for (int i = 0; i < p.count; i++)
        assert_memory_equal(p.items[i]->data, q.items[i]->data, (size_t)rg_numel(p.items[i]) * rg_dtype_size(rg_dtype_of(p.items[i])));
}

/* Interrupted after each number of steps, also within an epoch and at its end; goes on in a run of another seed. */
static void goes_on_bit_for_bit(void **state) {
    const rule *how = *state;
    enum { STEPS = 17 };
    run straight = run_new(how, 1);
    run_steps(&straight, STEPS);
    snprintf(path, sizeof path, "%s/run", folder);
    for (int k = 0; k <= STEPS; k += k == 5 || k == 6 ? 1 : 5) {
        run first = run_new(how, 1), second = run_new(how, 99);
        run_steps(&first, k);
        assert_int_equal(rg_state_save(state_of(&first), path), 0);
        run_steps(&second, 2); /* what is there is replaced */
        assert_int_equal(rg_state_load(state_of(&second), path), 0);
        assert_int_equal(second.step, k);
        run_steps(&second, STEPS - k);
        assert_same_net(&straight, &second);
        assert_memory_equal(rg_tape_rng(straight.t), rg_tape_rng(second.t), sizeof(rg_rng));
        assert_true(rg_optim_lr(straight.optim) == rg_optim_lr(second.optim));
        rg_tape_free(first.t);
        rg_tape_free(second.t);
    }
    rg_tape_free(straight.t);
}

/* A run that left anything out goes elsewhere: the test above can fail. */
static void nothing_is_left_out(void **state) {
    (void)state;
    for (int without = 0; without < 3; without++) {
        run first = run_new(&rules[3], 1), second = run_new(&rules[3], 99);
        run_steps(&first, 7);
        rg_state *to = state_without(&second, without == 0, without == 1);
        snprintf(path, sizeof path, "%s/run", folder);
        assert_int_equal(rg_state_save(state_of(&first), path), 0);
        assert_int_equal(rg_state_load(to, path), 0);
        if (without == 2) rg_rng_next32(rg_tape_rng(second.t));
        run_steps(&first, 4);
        run_steps(&second, 4);
        assert_memory_not_equal(rg_nn_params(first.net).items[0]->data, rg_nn_params(second.net).items[0]->data, 15 * sizeof(float));
        rg_tape_free(first.t);
        rg_tape_free(second.t);
    }
}

static void weights_alone(void **state) {
    (void)state;
    run a = run_new(&rules[3], 1), b = run_new(&rules[3], 2);
    run_steps(&a, 3);
    snprintf(path, sizeof path, "%s/net", folder);
    assert_int_equal(rg_nn_save(a.net, path), 0);
    assert_int_equal(rg_nn_load(b.net, path), 0);
    assert_same_net(&a, &b);
    run_steps(&a, 1);
    assert_int_equal(rg_state_save(state_of(&a), path), 0); /* over the other; what begins with @ is passed over */
    assert_int_equal(rg_nn_load(b.net, path), 0);
    assert_same_net(&a, &b);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

/* The step count of a backward pass: a weight that was loaded over is a weight that was written. */
static void loading_is_writing(void **state) {
    (void)state;
    run a = run_new(&rules[0], 1);
    snprintf(path, sizeof path, "%s/net", folder);
    rg_nn_save(a.net, path);
    rg_tensor *loss = rg_sum(rg_square(rg_nn_forward(a.net, rg_full(a.t, 1, 2, 3))));
    assert_int_equal(rg_nn_load(a.net, path), 0);
    assert_int_equal(rg_backward(loss), -1);
    assert_int_equal(rg_error_code(a.t), RG_ESTATE);
    rg_tape_free(a.t);
}

static void decimal_comma(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    size_t k = 0;
    while (k < 4 && !setlocale(LC_NUMERIC, names[k])) k++;
    run a = run_new(&rules[3], 1), b = run_new(&rules[3], 2);
    snprintf(path, sizeof path, "%s/net", folder);
    rg_optim_set_lr(a.optim, 1. / 3);
    assert_int_equal(rg_state_save(state_of(&a), path), 0);
    setlocale(LC_NUMERIC, "C");
    assert_int_equal(rg_state_load(state_of(&b), path), 0);
    assert_true(rg_optim_lr(b.optim) == 1. / 3);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
    if (k == 4) skip();
}

/* NumPy: r = default_rng(3); r.integers(0, 9, dtype=np.int32); r.bit_generator.state */
static void the_generator_as_numpy_has_it(void **state) {
    (void)state;
    rg_tape *to = metered_tape(&memory, false, 3);
    char text[4096] = "";
    rg_param(to, "w", RG_ZEROS, 2);
    rg_rng_next32(rg_tape_rng(to));
    snprintf(path, sizeof path, "%s/run", folder);
    assert_int_equal(rg_state_save(rg_state_new(to), path), 0);
    FILE *f = fopen(path, "rb");
    assert_true(fread(text, 1, sizeof text - 1, f) > 100);
    fclose(f);
    for (const char **s = (const char *[]){"\"@rng.state\":\"190925293513678790023551717590265477330\"",
        "\"@rng.inc\":\"222003063171874261427395693950637096479\"",
             "\"@rng.has_uint32\":\"1\"", "\"@rng.uinteger\":\"367860371\"", NULL}; *s; s++)
        if (!memmem(text, sizeof text, *s, strlen(*s))) fail_msg("no %s in %s", *s, text + 8);
    rg_tape_free(to);
}

/* -------- what cannot be saved, and where */

static void odd_saves(void **state) {
    (void)state;
    run a = run_new(&rules[0], 1), b = run_new(&rules[0], 1);
    char target[1024];
#define REFUSED(on, call, says)                                                                                        \
    do {                                                                                                               \
        assert_int_equal(call, -1);                                                                                    \
        if (!rg_error(on) || !strstr(rg_error(on), says)) fail_msg("expected '%s', got '%s'", says, rg_error(on));      \
        rg_error_clear(on);                                                                                            \
    } while (0)
    REFUSED(a.t, rg_nn_save(a.net, NULL), "rg_nn_save: the path is NULL");
    REFUSED(a.t, rg_nn_load(a.net, NULL), "rg_nn_load: the path is NULL");
    REFUSED(a.t, rg_nn_save(a.net, folder), "is a directory, not a file");
    REFUSED(a.t, rg_nn_save(a.net, "/dev/null"), "/dev/null: is a device or a pipe");
    assert_int_equal(access("/dev/null", W_OK), 0);
    snprintf(path, sizeof path, "%s/nowhere/net", folder);
    REFUSED(a.t, rg_nn_save(a.net, path), "cannot be written: No such file");
    REFUSED(a.t, rg_nn_load(a.net, path), "cannot be opened: No such file");
    snprintf(path, sizeof path, "%s/net", folder);
    rg_tensor *w = rg_nn_params(a.net).items[0];
    static const char *const names[][2] = {{"", "has no name"}, {"@w", "begins with @"}, {"\xff", "a name is not UTF-8"},
        {"__metadata__", "nothing can have the name __metadata__"}};
    for (int i = 0; i < 4; i++) REFUSED(a.t, (rg_set_name(w, names[i][0]), rg_nn_save(a.net, path)), names[i][1]);
    rg_set_name(w, "odd \"name\" \xc3\xa4\n");
    assert_int_equal(rg_nn_save(a.net, path), 0);
    assert_int_equal(rg_nn_load(a.net, path), 0);
    assert_int_equal(rg_nn_save(NULL, path), -1);
    assert_int_equal(rg_nn_load(NULL, path), -1);
    assert_int_equal(rg_state_save(NULL, path), -1);
    assert_int_equal(rg_state_load(NULL, path), -1);
    snprintf(target, sizeof target, "%s/link", folder); /* a link stays one */
    assert_int_equal(symlink("net", target), 0);
    unlink(path);
    scratch_write(path, folder, "net", "old", 3);
    assert_int_equal(rg_nn_save(a.net, target), 0);
    struct stat s;
    assert_true(lstat(target, &s) == 0 && S_ISLNK(s.st_mode) && stat(path, &s) == 0 && s.st_size > 100);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

/* A header over 16 MiB is not written: the limit of every reader of the format. */
static void too_long_a_header(void **state) {
    (void)state;
    const size_t n = 17 << 20;
    char *name = malloc(n + 1);
    assert_non_null(name);
    memset(name, 'x', n);
    name[n] = 0;
    rg_tensor *w = rg_set_name(rg_full(t, 1, 2), name);
    free(name);
    snprintf(path, sizeof path, "%s/net", folder);
    rg_state *s = rg_state_new(t);
    rg_state_tensors(s, NULL, rg_list_of(w));
    REFUSED(t, rg_state_save(s, path), "too much to save: a header of 3565");
    assert_int_not_equal(access(path, F_OK), 0);
    rg_tape_reset(t);
}

/* Every bit of a number comes back. */
static void numbers_at_the_ends_of_their_range(void **state) {
    (void)state;
    static const double numbers[] = {(double)INFINITY, 1e308, 5e-324, 1. / 3, 0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        run a = run_new(&rules[3], 1), b = run_new(&rules[3], 2);
        snprintf(path, sizeof path, "%s/net", folder);
        rg_optim_set_lr(a.optim, numbers[i]);
        if (rg_error(a.t)) rg_error_clear(a.t);
        const double lr = rg_optim_lr(a.optim);
        assert_int_equal(rg_state_save(state_of(&a), path), 0);
        assert_int_equal(rg_state_load(state_of(&b), path), 0);
        assert_true(rg_optim_lr(b.optim) == lr);
        rg_tape_free(a.t);
        rg_tape_free(b.t);
    }
}

/* -------- hostile files: a header and so many bytes of values, and what the message must say */

typedef struct hostile { const char *name, *header; size_t values; const char *says; } hostile;
#define GOOD_W "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define W(dtype, shape, offsets) "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
static const hostile hostiles[] = {
    {"empty header", "", 24, "does not begin with {"},
    {"no JSON", "{w}", 24, "the header is damaged at byte 9: expected a string"},
    {"blanks before", " {" GOOD_W "}", 24, "does not begin with {"},
    {"something behind", "{" GOOD_W "} x", 24, "expected the end"},
    {"a list", "[]", 24, "does not begin with {"},
    {"a name twice", "{" GOOD_W "," GOOD_W "}", 24, "two tensors of the name w"},
    {"a NUL in a name", "{\"w\\u0000\":1}", 24, "expected an escape sequence"},
    {"no UTF-8", "{\"\xff\":1}", 24, "expected UTF-8"},
    {"a control character", "{\"w\n\":1}", 24, "expected a string without control characters"},
    {"a string without an end", "{\"w", 24, "expected the end of a string"},
    {"an escape without an end", "{\"w\\", 24, "expected an escape sequence"},
    {"an escape that is none", "{\"\\x\":1}", 24, "expected an escape sequence"},
    {"an escape with a wrong digit", "{\"\\u00g0\":1}", 24, "expected an escape sequence"},
    {"an escape that is cut", "{\"\\u00", 24, "expected an escape sequence"},
    {"the first half of a pair alone", "{\"\\ud83dx\":1}", 24, "expected the second half of a surrogate pair"},
    {"the first half of a pair twice", "{\"\\ud83d\\ud83d\":1}", 24, "expected the second half of a surrogate pair"},
    {"the first half of a pair, and a letter", "{\"\\ud83d\\u0041\":1}", 24, "expected the second half of a surrogate pair"},
    {"the second half of a pair alone", "{\"\\ude00\":1}", 24, "expected UTF-8"},
    {"an overlong form", "{\"\xc0\xaf\":1}", 24, "expected UTF-8"},
    {"an overlong form of three", "{\"\xe0\x80\xaf\":1}", 24, "expected UTF-8"},
    {"an overlong form of four", "{\"\xf0\x80\x80\xaf\":1}", 24, "expected UTF-8"},
    {"half a pair in UTF-8", "{\"\xed\xa0\xbd\":1}", 24, "expected UTF-8"},
    {"above U+10FFFF", "{\"\xf4\x90\x80\x80\":1}", 24, "expected UTF-8"},
    {"a first byte that is none", "{\"\xf5\x80\x80\x80\":1}", 24, "expected UTF-8"},
    {"a byte of UTF-8 missing", "{\"\xe2\x82\":1}", 24, "expected UTF-8"},
    {"a name without a value", "{\"w\"}", 24, "expected :"},
    {"no object of a tensor", "{\"w\":{}}", 24, "in w: expected a string"},
    {"a tensor not closed", "{\"w\":{\"dtype\":\"F32\"", 24, "in w: expected , or }"},
    {"a tensor without offsets", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3]}}", 24,
    "in w: expected dtype, shape and data_offsets, each once"},
    {"a shape that is no list", W("\"F32\"", "6", "[0,24]"), 24, "in w: expected ["},
    {"a number that begins with 0", W("\"F32\"", "[02,3]", "[0,24]"), 24, "in w: expected a whole number"},
    {"a list without an end", "{\"w\":{\"shape\":[2", 24, "in w: expected , or ]"},
    {"a header without an end", "{" GOOD_W, 24, "expected , or }"},
    {"nested", W("\"F32\"", "[[[[2,3]]]]", "[0,24]"), 24, "in w: expected a whole number"},
    {"no tensors", "{}", 0, "missing: w; unexpected: nothing"},
    {"no tensors, but values", "{}", 24, "24 bytes of values belong to no tensor"},
    {"another name", "{\"v\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24, "missing: w; unexpected: v"},
    {"one more", "{" GOOD_W ",\"v\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[24,26]}}", 26, "missing: nothing; unexpected: v"},
    {"no object", "{\"w\":7}", 24, "in w: expected dtype, shape and data_offsets, each once"},
    {"a key more", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24],\"x\":1}}", 24,
    "in w: expected dtype, shape and data_offsets, each once"},
    {"no dtype", W("null", "[2,3]", "[0,24]"), 24, "in w: expected a string"},
    {"unknown dtype", W("\"F7\"", "[2,3]", "[0,24]"), 24, "w has the unknown dtype F7"},
    {"other dtype", W("\"I32\"", "[2,3]", "[0,24]"), 24, "w is I32 [2,3] in the file, F32 [2,3] here"},
    {"f64 for f32", W("\"F64\"", "[2,3]", "[0,48]"), 48, "w is F64 [2,3] in the file, F32 [2,3] here"},
    {"whole numbers of 16 bits", W("\"I16\"", "[2,3]", "[0,12]"), 12, "w is I16 [2,3] in the file, F32 [2,3] here"},
    {"half floats of another shape", W("\"BF16\"", "[3,2]", "[0,12]"), 12, "w is BF16 [3,2] in the file, F32 [2,3] here"},
    {"transposed", W("\"F32\"", "[3,2]", "[0,24]"), 24, "w is F32 [3,2] in the file, F32 [2,3] here"},
    {"flat", W("\"F32\"", "[6]", "[0,24]"), 24, "w is F32 [6] in the file"},
    {"seven dimensions", W("\"F32\"", "[1,1,1,1,1,2,3]", "[0,24]"), 24, "w has 7 dimensions, at most 6"},
    {"a negative dimension", W("\"F32\"", "[-2,-3]", "[0,24]"), 24, "in w: expected a whole number"},
    {"a fraction", W("\"F32\"", "[2.0,3]", "[0,24]"), 24, "in w: expected , or ]"},
    {"an integer too big for JSON", W("\"F32\"", "[99999999999999999999,3]", "[0,24]"), 24, "in w: expected a whole number below 2^63"},
    {"a huge shape", W("\"F32\"", "[9000000000000000000,3]", "[0,24]"), 24, "shape that is too large"},
    {"a shape that wraps to 24 bytes", W("\"F32\"", "[2,9223372036854775807,3]", "[0,24]"), 24, "shape that is too large"},
    {"four terabytes promised", W("\"F32\"", "[1000000,1000000]", "[0,4000000000000]"), 24, "offsets outside of the 24 bytes"},
    {"a shape larger than its values", W("\"F32\"", "[1000000,1000000]", "[0,24]"), 24,
    "24 bytes of values, where its shape wants 4000000000000"},
    {"offsets the wrong way round", W("\"F32\"", "[2,3]", "[24,0]"), 24, "offsets outside"},
    {"negative offsets", W("\"F32\"", "[2,3]", "[-24,0]"), 24, "in w: expected a whole number"},
    {"three offsets", W("\"F32\"", "[2,3]", "[0,24,24]"), 24, "in w: expected dtype, shape and data_offsets, each once"},
    {"values cut short", "{" GOOD_W "}", 23, "offsets outside of the 23 bytes"},
    {"a byte too many", "{" GOOD_W "}", 25, "1 bytes of values belong to no tensor"},
    {"a gap", "{" GOOD_W ",\"@v\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[25,27]}}", 27,
    "leave a gap: values end at byte 24, those of @v begin at 25"},
    {"an overlap", "{" GOOD_W ",\"@v\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[23,25]}}", 25,
    "overlap: values end at byte 24, those of @v begin at 23"},
    {"twice the same values", "{" GOOD_W ",\"@v\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}", 24, "overlap"},
    {"metadata that is a number", "{\"__metadata__\":{\"a\":1}," GOOD_W "}", 24, "in __metadata__: expected a string"},
    {"metadata that is an object", "{\"__metadata__\":{\"a\":{}}," GOOD_W "}", 24, "in __metadata__: expected a string"},
    {"metadata that is null", "{\"__metadata__\":{\"a\":null}," GOOD_W "}", 24, "in __metadata__: expected a string"},
    {"metadata without a value", "{\"__metadata__\":{\"a\"}," GOOD_W "}", 24, "in __metadata__: expected :"},
    {"metadata not closed", "{\"__metadata__\":{\"a\":\"b\"", 24, "in __metadata__: expected , or }"},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}," GOOD_W "}", 24, "in __metadata__: expected only one __metadata__"},
    {"a text twice", "{\"__metadata__\":{\"a\":\"b\",\"a\":\"b\"}," GOOD_W "}", 24, "two texts of the name a"},
    {"a checksum that is claimed", "{\"__metadata__\":{\"made by\":\"x, crc64\"}," GOOD_W "}", 24,
    "the header is damaged: its checksum is missing"},
    {"a checksum that is wrong", "{\"__metadata__\":{\"@crc64\":\"0123456789abcdef\"}," GOOD_W "}", 24,
    "the header is damaged: its checksum is"},
    {"a checksum that is cut", "{\"__metadata__\":{\"@crc64\":\"01234", 0,
    "the header is damaged at byte 40, in __metadata__: expected the end of a string"},
    {"metadata is no object", "{\"__metadata__\":[]," GOOD_W "}", 24, "in __metadata__: expected an object of texts"},
};

/* Loads path as a net of one weight [2,3]: -1 for an error, and then all is as it was. */
static int load_one(rg_tensor *w, rg_nn *net) {
    float before[6];
    memcpy(before, w->data, sizeof before);
    const rg_rng rng = *rg_tape_rng(t);
    const int64_t tensors = rg_memory(t).tensors;
    const int status = rg_nn_load(net, path);
    assert_int_equal(rg_memory(t).tensors, tensors);
    assert_int_equal(status, rg_error_code(t) ? -1 : 0);
    if (status) assert_memory_equal(before, w->data, sizeof before);
    assert_memory_equal(&rng, rg_tape_rng(t), sizeof rng);
    return status;
}

static rg_tensor *as_it_is(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)at, (void)net, in[0]; }
static rg_nn *net_of_one(rg_tensor **w) {
    rg_nn *net = rg_nn_new(t, "one", as_it_is, sizeof(rg_nn));
    *w = rg_nn_param(net, "w", RG_NORMAL(0, 1), 2, 3);
    return net;
}

static void build(const char *header, size_t values) {
    const uint64_t n = strlen(header);
    plain.n = 0;
    put(&plain, &n, 8);
    put(&plain, header, n);
    put_count(&plain, values, 256);
    write_bytes("net", &plain);
}

static void hostile_file(void **state) {
    const hostile *h = *state;
    rg_tensor *w;
    rg_nn *net = net_of_one(&w);
    build(h->header, h->values);
    const size_t reserved = rg_memory(t).reserved;
    assert_int_equal(load_one(w, net), -1);
    if (rg_error_code(t) != RG_EIO || !strstr(rg_error(t), h->says)) fail_msg("expected '%s', got '%s'", h->says, rg_error(t));
    assert_non_null(strstr(rg_error(t), "rg_nn_load: "));
    assert_non_null(strstr(rg_error(t), "/net: "));
    assert_non_null(strstr(rg_error(t), "(test_save.c:"));
    assert_true(rg_memory(t).reserved - reserved < 1 << 20); /* whatever was promised */
    rg_error_clear(t);
    build("{" GOOD_W "}", 24);
    assert_int_equal(load_one(w, net), 0);
    assert_memory_equal(w->data, plain.at + plain.n - 24, 24);
}

/* What no header above can say: lengths, a deep header, gzip. */
static void hostile_lengths(void **state) {
    (void)state;
    rg_tensor *w;
    rg_nn *net = net_of_one(&w);
    static const struct { uint64_t length; size_t n; const char *says; } tries[] = {{0, 7,
        "cut short: 7 bytes, the header's length alone takes 8"}, {0, 8, "does not begin with {"},
        {9, 8, "cut short: a header of 9 bytes; 8 follow, at most"},
        {UINT64_MAX, 100, "no safetensors file, or a damaged one: a header of 18446744073709551615 bytes; 100 follow, at most"},
        {UINT64_MAX - 7, 100, "100 follow, at most"}, {(16 << 20) + 1, 1 << 17, "at most 16777216 are allowed"}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        plain.n = 0;
        put(&plain, &tries[i].length, 8);
        put_count(&plain, tries[i].n > 8 ? tries[i].n : tries[i].length ? 8 : 0, 256);
        if (tries[i].n < 8) plain.n = tries[i].n;
        write_bytes("net", &plain);
        assert_int_equal(load_one(w, net), -1);
        if (!strstr(rg_error(t), tries[i].says)) fail_msg("expected '%s', got '%s'", tries[i].says, rg_error(t));
        rg_error_clear(t);
    }
    static char deep[100000];
    memset(deep, '[', sizeof deep - 1);
    memcpy(deep, "{\"w\":", 5);
    build(deep, 0);
    assert_int_equal(load_one(w, net), -1);
    assert_non_null(strstr(rg_error(t), "in w: expected dtype"));
    rg_error_clear(t);
    uint64_t length = 0x8b1f; /* begins as gzip does */
    plain.n = 0;
    put(&plain, &length, 8);
    put(&plain, "{" GOOD_W "}", strlen("{" GOOD_W "}"));
    while (plain.n < 8 + length) put(&plain, " ", 1);
    put_count(&plain, 24, 256);
    write_bytes("net", &plain);
    assert_int_equal(load_one(w, net), 0);
}

/* Numbers in the metadata that no run can have. */
static void hostile_numbers(void **state) {
    (void)state;
    static const char *const tries[][3] = {{"\"@rng.inc\":\"", "2", "no such number"}, {"\"@rng.inc\":\"", "x", "no such number"},
        {"\"@rng.inc\":\"", "/", "no such number"}, {"\"@optim.0.lr\":\"", "", "no such number"},
        {"\"@optim.0.lr\":\"", "1.5x", "no such number"}, {"\"@optim.0.lr\":\"", "0x1p3", "no such number"},
        {"\"@optim.0.lr\":\"", "-inf", "@optim.0.lr is -inf"},
        {"\"@optim.0.lr\":\"", "inf", "@optim.0.lr is inf"}, {"\"@optim.0.lr\":\"", " 1", "no such number"},
        {"\"@step\":\"", "-9223372036854775809", "no such number"},
        {"\"@step\":\"", "-", "no such number"},
        {"\"@rng.state\":\"", "999999999999999999999999999999999999999", "no such number"}, {"\"@rng.has_uint32\":\"", "2", "not 0 to 1"},
        {"\"@rng.bit_generator\":\"", "MT19937", "@rng.bit_generator is MT19937 in the file, PCG64 here"},
        {"\"@rng.uinteger\":\"", "-1", "not 0 to 4.29497e+09"},
        {"\"@optim.0.lr\":\"", "nan", "@optim.0.lr is nan"}, {"\"@optim.0.lr\":\"", "-1.0", "@optim.0.lr is -1.0"},
        {"\"@optim.0.lr\":\"", "fast", "no such number"},
        {"\"@optim\":\"", "rg_optim_sgd", "@optim is rg_optim_sgd in the file, rg_optim_adam here"},
        {"\"@optim.2.bias.steps\":\"", "-1", "not 0 to"}, {"\"@optim.2.bias.steps\":\"", "9223372036854775808", "no such number"},
        {"\"@loader.row\":\"", "24", "@loader.row is 24, not 0 to 23"}, {"\"@loader.epoch\":\"", "", "no such number"},
        {"\"@loader\":\"", "23 rows in batches of 5, shuffled",
        "in batches of 5, shuffled in the file, 23 rows in batches of 4, shuffled here"},
        {"\"@step\":\"", "1e3", "no such number"}, {"\"@step\":", "7", "in __metadata__: expected a string"}};
    run a = run_new(&rules[3], 1), b = run_new(&rules[3], 2), untouched = run_new(&rules[3], 2);
    run_steps(&a, 3);
    snprintf(path, sizeof path, "%s/run", folder);
    assert_int_equal(rg_state_save(state_of(&a), path), 0);
    FILE *f = fopen(path, "rb");
    static unsigned char saved[1 << 16];
    plain.n = fread(plain.at, 1, sizeof saved, f);
    fclose(f);
    without_checksums(&plain);
    const size_t n = plain.n;
    memcpy(saved, plain.at, n);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        const char *key = tries[i][0], *from = memmem(saved, n, key, strlen(key));
        assert_non_null(from);
        uint64_t length;
        memcpy(&length, saved, 8);
        const size_t before = (size_t)(from - (char *)saved) + strlen(key);
        const size_t quoted = key[strlen(key) - 1] != ':';
        const char *after = memchr(saved + before + !quoted, '"', n - before) ;
        after += !quoted;
        plain.n = 0;
        put(&plain, saved, before);
        put(&plain, tries[i][1], strlen(tries[i][1]));
        put(&plain, after, n - (size_t)(after - (char *)saved));
        length = length + plain.n - n;
        memcpy(plain.at, &length, 8);
        write_bytes("run", &plain);
        assert_int_equal(rg_state_load(state_of(&b), path), -1);
        if (rg_error_code(b.t) != RG_EIO || !strstr(rg_error(b.t), tries[i][2]))
            fail_msg("expected '%s', got '%s'", tries[i][2], rg_error(b.t));
        rg_error_clear(b.t);
    }
    plain.n = 0;
    put(&plain, saved, n);
    uint64_t length;
    memcpy(&length, saved, 8);
    memcpy(plain.at + 8 + length + 8, &(int64_t){ROWS}, 8); /* the largest elements come first: that is the loader's order */
    write_bytes("run", &plain);
    assert_int_equal(rg_state_load(state_of(&b), path), -1);
    assert_non_null(strstr(rg_error(b.t), "@loader.order: value 1 is 23, not below 23"));
    rg_error_clear(b.t);
    run_steps(&b, 5); /* all those errors changed nothing */
    run_steps(&untouched, 5);
    assert_same_net(&b, &untouched);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
    rg_tape_free(untouched.t);
}

/* The history of L-BFGS says itself how many pairs it has, which is the first, and how many steps were taken: out of bounds they are
   refused. */
static void hostile_history(void **state) {
    (void)state;
    static const double tries[] = {1e9, -1, 1.5, 4, (double)NAN};
    for (int i = 0; i < 12; i++) {
        run a = run_new(&rules[9], 1);
        assert_string_equal(rules[9].name, "lbfgs");
        run_steps(&a, 3);
        snprintf(path, sizeof path, "%s/run", folder);
        assert_int_equal(rg_state_save(state_of(&a), path), 0);
        FILE *f = fopen(path, "rb");
        plain.n = fread(plain.at, 1, sizeof plain.at, f);
        fclose(f);
        without_checksums(&plain);
        uint64_t length;
        unsigned long offset;
        memcpy(&length, plain.at, 8);
        const char *numbers = memmem(plain.at, plain.n, "\"@optim.lbfgs.5\"", 16);
        assert_non_null(numbers);
        assert_int_equal(sscanf(strstr(numbers, "offsets\":["), "offsets\":[%lu", &offset), 1);
        memcpy(plain.at + 8 + length + offset + (i < 5 ? 8 : i < 10 ? 16 : 0), &tries[i == 10 ? 1 : i == 11 ? 4 : i % 5], 8);
        write_bytes("run", &plain);
        assert_int_equal(rg_state_load(state_of(&a), path), 0);
        assert_true(
            isnan(rg_optim_step_closure(a.optim, loss_of, &(batch){&a, rg_full(a.t, 1, 2, 3), rg_input(a.t, ((int[]){0, 1}), 2), 0})));
        assert_non_null(strstr(rg_error(a.t), "the history that was loaded is not valid"));
        rg_tape_free(a.t);
    }
}

/* Every prefix of a file, and every byte of it changed. */
static void every_damage(void **state) {
    (void)state;
    rg_tensor *w;
    rg_nn *net = net_of_one(&w);
    build("{" GOOD_W "}", 24);
    const bytes whole = plain;
    for (size_t n = 0; n < whole.n; n++) {
        plain.n = n;
        write_bytes("net", &plain);
        assert_int_equal(load_one(w, net), -1);
        assert_int_equal(rg_error_code(t), RG_EIO);
        rg_error_clear(t);
    }
    plain = whole;
    for (size_t i = 0; i < whole.n; i++)
        for (unsigned flip = 1; flip < 256; flip = flip < 128 ? flip * 2 : flip + 127) {
            plain.at[i] = (unsigned char)(whole.at[i] ^ flip);
            write_bytes("net", &plain);
            load_one(w, net);
            rg_error_clear(t);
            plain.at[i] = whole.at[i];
        }
}

/* -------- damage to what we wrote ourselves: every bit, every length */

static void slurp(void) {
    FILE *f = fopen(path, "rb");
    plain.n = fread(plain.at, 1, sizeof plain.at, f);
    fclose(f);
}

/* The error names the header, or the tensor whose values are there. */
static void assert_noticed(rg_tape *on, int status, size_t at, const char *what) {
    if (status != -1) fail_msg("%s %zu was not noticed", what, at);
    const char *said = strstr(rg_error(on), "/run: ");
    bool named = false;
    for (const char *const *name = (const char *const[]){"header", "0.weight", "0.bias", "2.weight", "2.bias", "@loader.order", "is empty",
        NULL}; *name; name++)
        named |= said && strstr(said, *name);
    if (rg_error_code(on) != RG_EIO || !named) fail_msg("%s %zu: %s", what, at, rg_error(on));
    rg_error_clear(on);
}

static void every_bit(void **state) {
    const bool whole_run = *(const bool *)*state;
    run a = run_new(&rules[3], 1), b = run_new(&rules[3], 2), untouched = run_new(&rules[3], 2);
    run_steps(&a, 3);
    snprintf(path, sizeof path, "%s/run", folder);
    assert_int_equal(whole_run ? rg_state_save(state_of(&a), path) : rg_nn_save(a.net, path), 0);
    slurp();
    const bytes whole = plain;
#define LOAD() (write_bytes("run", &plain), whole_run ? rg_state_load(state_of(&b), path) : rg_nn_load(b.net, path))
    for (size_t i = 0; i < whole.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            plain.at[i] ^= (unsigned char)(1 << bit);
            assert_noticed(b.t, LOAD(), 8 * i + (size_t)bit, "the flip of bit");
            plain.at[i] = whole.at[i];
        }
    for (plain.n = 0; plain.n < whole.n; plain.n++) assert_noticed(b.t, LOAD(), plain.n, "the length");
    put(&plain, "", 1);
    assert_int_equal(LOAD(), -1);
    assert_non_null(strstr(rg_error(b.t), "1 bytes of values belong to no tensor"));
    rg_error_clear(b.t);
    assert_same_net(&b, &untouched);
    plain = whole;
    assert_int_equal(LOAD(), 0);
    assert_same_net(&a, &b);
    without_checksums(&plain);
    assert_int_equal(LOAD(), 0);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
    rg_tape_free(untouched.t);
}

/* A state without any tensor: its header alone is there to be damaged. */
static void every_bit_of_a_header(void **state) {
    (void)state;
    int64_t step = 7;
    snprintf(path, sizeof path, "%s/run", folder);
    rg_state *s = rg_state_new(t);
    rg_state_count(s, "step", &step);
    assert_int_equal(rg_state_save(s, path), 0);
    slurp();
    for (size_t i = 0; i < plain.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            plain.at[i] ^= (unsigned char)(1 << bit);
            write_bytes("run", &plain);
            assert_noticed(t, rg_state_load(s, path), 8 * i + (size_t)bit, "the flip of bit");
            plain.at[i] ^= (unsigned char)(1 << bit);
        }
    assert_int_equal(step, 7);
}

/* Whatever was changed, the header's own checksum is right again. */
static void seal(bytes *b) {
    const size_t at = 8 + strlen("{\"__metadata__\":{\"@crc64\":\"");
    uint64_t length;
    char digits[17];
    memcpy(&length, b->at, 8);
    memset(b->at + at, '0', 16);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)rg_crc64(0, b->at, 8 + length));
    memcpy(b->at + at, digits, 16);
}

/* The header is right, but what it says of a tensor's checksum is not. */
static void checksums_of_tensors(void **state) {
    (void)state;
    static const char *const tries[] = {"@crc64.v", "@crc63.w", "@crc65.w"};
    rg_tensor *w;
    rg_nn *net = net_of_one(&w);
    snprintf(path, sizeof path, "%s/net", folder);
    assert_int_equal(rg_nn_save(net, path), 0);
    slurp();
    const bytes whole = plain;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        plain = whole;
        memcpy(memmem(plain.at, plain.n, "@crc64.w", 8), tries[i], 8);
        seal(&plain);
        write_bytes("net", &plain);
        assert_int_equal(load_one(w, net), -1);
        assert_non_null(strstr(rg_error(t), "/net: w has no checksum in the header"));
        rg_error_clear(t);
    }
    plain = whole;
    memcpy((char *)memmem(plain.at, plain.n, "@crc64.w", 8) + strlen("@crc64.w\":\""), "0123456789abcdef", 16);
    seal(&plain);
    write_bytes("net", &plain);
    assert_int_equal(load_one(w, net), -1);
    assert_non_null(strstr(rg_error(t), "/net: w is damaged: its checksum is"));
    assert_non_null(strstr(rg_error(t), ", not 0123456789abcdef"));
    rg_error_clear(t);
    plain = whole;
    seal(&plain);
    write_bytes("net", &plain);
    assert_int_equal(load_one(w, net), 0);
    assert_memory_equal(plain.at, whole.at, whole.n);
    assert_true(rg_crc64(0, "123456789", 9) == 0x995dc9bbdf1939faull);
    assert_true(rg_crc64(rg_crc64(0, "1234", 4), "56789", 5) == 0x995dc9bbdf1939faull);
}

/* JSON as others write it: escapes, blanks, another order of the keys. */
static void as_others_write_it(void **state) {
    (void)state;
    rg_tensor *w;
    rg_nn *net = net_of_one(&w);
    rg_set_name(w, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \"\\/\b\f\n\r\tA\x7f");
    build("{\n \"\\u00e4\\u20AC\\ud83d\\uDE00 \\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\x7f\" : { \"data_offsets\" : [ 0 , 24 "
          "],\r\n\t\"shape\":[2,3], \"dtype\":\"F32\" } , \"__metadata__\":{} } ", 24);
    if (load_one(w, net)) fail_msg("%s", rg_error(t));
    assert_memory_equal(w->data, plain.at + plain.n - 24, 24);
    snprintf(path, sizeof path, "%s/again", folder);
    assert_int_equal(rg_nn_save(net, path), 0);
    assert_int_equal(load_one(w, net), 0);
}

/* -------- no memory */

static void each_allocation_fails(void **state) {
    (void)state;
    run a = run_new(&rules[3], 1), b = run_new(&rules[3], 2);
    run_steps(&a, 3);
    (void)state_of(&a), (void)state_of(&b);
    snprintf(path, sizeof path, "%s/run", folder);
    for (int load = 0; load < 2; load++)
        for (int64_t k = 0;; k++) {
            run *r = load ? &b : &a;
            const float before = *rg_f32(rg_nn_params(r->net).items[0]);
            const size_t in_use = rg_memory(r->t).bytes;
            memory.calls = 0, memory.fail_at = k;
            const int status = load ? rg_state_load(r->state, path) : rg_state_save(r->state, path);
            memory.fail_at = -1;
            assert_int_equal(rg_memory(r->t).bytes, in_use);
            if (!status) break;
            if (rg_error_code(r->t) != RG_ENOMEM) fail_msg("%s", rg_error(r->t));
            assert_true(*rg_f32(rg_nn_params(r->net).items[0]) == before);
            assert_true(load || access(path, F_OK) != 0);
            rg_error_clear(r->t);
        }
    assert_same_net(&a, &b);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

/* -------- killed while it saves */

enum { KILLS = 100, BIG = 1 << 18 };

static void save_for_ever(rg_nn *net, rg_tensor *w) {
    for (float k = 1;; k++) {
        float *values = w->data;
        for (int i = 0; i < BIG; i++) values[i] = k;
        if (rg_nn_save(net, path)) _exit(1);
    }
}

static int entries(void) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) n += *e->d_name != '.';
    closedir(d);
    return n;
}

/* The file is all of one save: 100 times. What an earlier process left is gone as soon as another one saves. */
static void killed_at_any_moment(void **state) {
    (void)state;
    rg_rng r;
    rg_rng_seed(&r, (uint64_t)time(NULL));
    rg_nn *net = rg_nn_new(t, "big", as_it_is, sizeof(rg_nn));
    rg_tensor *w = rg_nn_param(net, "w", RG_ZEROS, BIG);
    snprintf(path, sizeof path, "%s/net", folder);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(rg_nn_save(net, path), 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const int64_t save = (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec, most = save < 40000000
        ? 10000000 + 4 * save : 200000000;
    int changed = 0, unfinished = 0;
    for (int k = 0; k < KILLS; k++) {
        const float before = *rg_f32(w);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) save_for_ever(net, w);
        const struct timespec pause = {0, rg_rng_integers(&r, 0, most)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        if (rg_nn_load(net, path)) fail_msg("kill %d: %s", k, rg_error(t));
        const float *values = rg_f32(w);
        for (int i = 0; i < BIG; i++)
            if (values[i] != values[0])
                fail_msg("kill %d: value %d is of save %g, the first of %g", k, i, (double)values[i], (double)values[0]);
        changed += *values != before;
        unfinished += entries() > 1;
    }
    print_message("# %d kills: %d left another file than before, %d an unfinished one next to it\n", KILLS, changed, unfinished);
    assert_true(unfinished > 0 && changed > 0);
    assert_int_equal(rg_nn_save(net, path), 0);
    assert_int_equal(entries(), 1); /* this save removed the last unfinished one */
}

static rg_nn *hooked;
static rg_tensor *loads(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, rg_nn_load(hooked, ctx), NULL; }

/* Neither what an operation computes, nor parameters that a running pass reads. */
static void what_is_not_loaded_into(void **state) {
    (void)state;
    rg_tape *to = rg_tape_new(1);
    rg_on_error(to, NULL, NULL);
    hooked = rg_nn_linear(to, 2, 2, RG_ONES);
    rg_tensor *w = rg_nn_params(hooked).items[0], *y = rg_set_name(rg_exp(w), "y");
    char file[600];
    snprintf(file, sizeof file, "%s/results", folder);
    assert_int_equal(rg_state_tensor(rg_state_new(to), NULL, y), -1);
    assert_non_null(strstr(rg_error(to), "rg_state_tensor: the result of exp is no leaf"));
    rg_error_clear(to);
    assert_int_equal(rg_nn_save(hooked, file), 0);
    rg_write(w, (float[]){2, 2, 2, 2});
    rg_tensor *loss = rg_sum(rg_square(w));
    rg_on_grad(loss, loads, file);
    assert_int_equal(rg_backward(loss), -1);
    assert_non_null(strstr(rg_error(to), "rg_nn_load: inside a backward pass"));
    assert_true(rg_f32(w)[0] == 2);
    rg_tape_free(to);
    unlink(file);
}

int main(void) {
    cases c = {0};
    CASE(&c, what_is_not_loaded_into, NULL, "what is not loaded into");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        CASE(&c, goes_on_bit_for_bit, &rules[i], "goes on bit for bit: %s", rules[i].name);
    CASE(&c, nothing_is_left_out, NULL, "nothing is left out");
    CASE(&c, weights_alone, NULL, "weights alone");
    CASE(&c, loading_is_writing, NULL, "loading is writing");
    CASE(&c, decimal_comma, NULL, "a locale with a decimal comma");
    CASE(&c, the_generator_as_numpy_has_it, NULL, "the generator as NumPy has it");
    CASE(&c, too_long_a_header, NULL, "too long a header");
    CASE(&c, numbers_at_the_ends_of_their_range, NULL, "numbers at the ends of their range");
    CASE(&c, odd_saves, NULL, "odd saves");
    for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++) CASE(&c, hostile_file, &hostiles[i], "hostile: %s", hostiles[i].name);
    CASE(&c, hostile_lengths, NULL, "hostile lengths");
    CASE(&c, hostile_numbers, NULL, "hostile numbers");
    CASE(&c, hostile_history, NULL, "hostile history");
    CASE(&c, every_damage, NULL, "every damage");
    static const bool which[] = {false, true};
    for (int i = 0; i < 2; i++) CASE(&c, every_bit, &which[i], "every bit and every length of a %s", i ? "run" : "net");
    CASE(&c, every_bit_of_a_header, NULL, "every bit of a header alone");
    CASE(&c, checksums_of_tensors, NULL, "checksums of tensors");
    CASE(&c, as_others_write_it, NULL, "as others write it");
    CASE(&c, each_allocation_fails, NULL, "each allocation fails");
    CASE(&c, killed_at_any_moment, NULL, "killed at any moment");
    return cases_run(&c, "checkpoint");
}
