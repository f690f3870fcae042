/* test_golden.c - files that earlier versions wrote: they load for ever, with the values they were written with.

       test_golden FOLDER             runs the tests on FOLDER/net-N.safetensors, run-N.safetensors and arrays-N.npz
       test_golden FOLDER --write N   writes them, with the library as it is

   N is the format: 1 is retrograd 0.1.0, 2 has checksums. A new format gets new files; old ones are never written again. */
#include "tests/support/scratch.h"

#include "nn/nn.h"

enum { FORMATS = 2, ROWS = 11, MOST = 1 << 16 };
static const char *golden;

typedef struct run { rg_tape *t; rg_nn *net; rg_optim *optim; rg_loader *loader; rg_tensor *extra[3]; int64_t step; } run;

/* Numbers that every dtype holds exactly. */
static void fill(rg_tensor *x, int by) {
    double values[64];
    assert_true(rg_numel(x) <= 64);
    for (int i = 0; i < 64; i++) values[i] = (i * 37 + by * 5) % 17 / 8. + (rg_dtype_of(x) == RG_F32 || rg_dtype_of(x) == RG_F64 ? -1 : 1);
    rg_write(x, values);
}

static run run_new(uint64_t seed) {
    run r = {.t = metered_tape(&memory, false, seed)};
    r.net = rg_nn_sequential(r.t, rg_nn_linear(r.t, 3, 4, RG_HE_NORMAL), rg_nn_tanh(r.t), rg_nn_linear(r.t, 4, 2, RG_HE_NORMAL));
    r.optim = rg_optim_adam(r.t, rg_nn_params(r.net), .lr = .3);
    r.extra[0] = rg_buffer_of(r.t, "an f64", RG_F64, NULL, 2, 3);
    r.extra[1] = rg_buffer_of(r.t, "an i32", RG_I32, NULL, 5);
    r.extra[2] = rg_buffer_of(r.t, "a u8 \"\xc3\xa4\"", RG_U8, NULL, 3);
    rg_tensor *x = rg_buffer_of(r.t, "x", RG_F32, NULL, ROWS, 3), *y = rg_buffer_of(r.t, "y", RG_I32, NULL, ROWS);
    r.loader = rg_loader_new(r.t, x, y, .batch = 4, .shuffle = true);
    return r;
}

static rg_state *state_of(run *r) {
    rg_state *s = rg_state_new(r->t);
    rg_state_net(s, NULL, r->net);
    rg_state_tensors(s, NULL, (rg_list){r->extra, 3});
    rg_state_optim(s, "optim", r->optim);
    rg_state_loader(s, "loader", r->loader);
    rg_state_count(s, "step", &r->step);
    return s;
}

static void fill_all(const run *r) {
    const rg_list p = rg_nn_params(r->net);
    for (int i = 0; i < p.count; i++) fill(p.items[i], i);
    for (int i = 0; i < 3; i++) fill(r->extra[i], i);
}

static void assert_filled(rg_tensor *x, int by) {
    double found[64], should[64];
    const size_t n = (size_t)rg_numel(x);
    assert_int_equal(rg_copy_out(x, found, (int64_t)n), 0);
    fill(x, by);
    assert_int_equal(rg_copy_out(x, should, (int64_t)n), 0);
    assert_memory_equal(found, should, n * sizeof *found);
}

static void in_golden(const char *name, int format, const char *end) {
    snprintf(path, sizeof path, "%s/%s-%d.%s", golden, name, format, end);
}

static size_t slurp(unsigned char *to) {
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s cannot be opened", path);
    const size_t n = fread(to, 1, MOST, f);
    fclose(f);
    return n;
}

/* -------- writing */

static void write_all(int format) {
    run r = run_new(7);
    for (rg_tensor *x, *y; r.step < 4; rg_tape_reset(r.t)) {
        if (!rg_loader_next(r.loader, &x, &y)) continue;
        rg_backward(rg_cross_entropy(rg_nn_forward(r.net, x), y));
        rg_optim_step(r.optim);
        r.step++;
    }
    rg_rng_next32(rg_tape_rng(r.t));
    fill_all(&r);
    in_golden("net", format, "safetensors"), rg_nn_save(r.net, path);
    in_golden("run", format, "safetensors"), rg_state_save(state_of(&r), path);
    in_golden("arrays", format, "npz"), rg_npz_save(r.t, path, ((rg_list){r.extra, 3}));
    if (rg_error(r.t)) fprintf(stderr, "%s\n", rg_error(r.t)), exit(1);
    rg_tape_free(r.t);
}

/* -------- reading */

static void net_loads(void **state) {
    run r = run_new(1);
    in_golden("net", *(const int *)*state, "safetensors");
    assert_int_equal(rg_nn_load(r.net, path), 0);
    const rg_list p = rg_nn_params(r.net);
    assert_int_equal(p.count, 4);
    for (int i = 0; i < 4; i++) assert_filled(p.items[i], i);
    rg_tape_free(r.t);
}

/* "@step":"4" of a header: where the text begins, its length in n. */
static const char *text_of(const unsigned char *file, size_t size, const char *key, size_t *n) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    for (const unsigned char *c = file; c + strlen(quoted) < file + size; c++)
        if (!memcmp(c, quoted, strlen(quoted))) {
            const char *text = (const char *)c + strlen(quoted);
            *n = strcspn(text, "\"");
            return text;
        }
    fail_msg("there is no %s", key);
    return NULL;
}

/* All of the state: what is loaded and saved again has the same values, tensors and numbers. */
static void run_loads(void **state) {
    static unsigned char old[MOST], new[MOST];
    run r = run_new(1);
    in_golden("run", *(const int *)*state, "safetensors");
    const size_t n = slurp(old);
    assert_int_equal(rg_state_load(state_of(&r), path), 0);
    assert_int_equal(r.step, 4);
    assert_int_equal(rg_loader_epoch(r.loader), 1);
    assert_int_equal(rg_loader_row(r.loader), 4);
    assert_true(rg_optim_lr(r.optim) == .3);
    snprintf(path, sizeof path, "%s/again", folder);
    assert_int_equal(rg_state_save(state_of(&r), path), 0);
    const size_t m = slurp(new);
    uint64_t head, new_head;
    memcpy(&head, old, 8), memcpy(&new_head, new, 8);
    assert_int_equal(n - head, m - new_head);
    assert_memory_equal(old + 8 + head, new + 8 + new_head, n - 8 - head);
    for (const char **key = (const char *[]){"@rng.state", "@rng.inc", "@rng.has_uint32", "@rng.uinteger", "@rng.bit_generator", "@optim",
        "@optim.0.lr",
             "@optim.0.weight.steps", "@loader", "@loader.epoch", "@loader.row", "@step", NULL}; *key; key++) {
        size_t length, new_length;
        const char *text = text_of(old, n, *key, &length), *new_text = text_of(new, m, *key, &new_length);
        assert_int_equal(length, new_length);
        assert_memory_equal(text, new_text, length);
    }
    const rg_list p = rg_nn_params(r.net);
    for (int i = 0; i < 4; i++) assert_filled(p.items[i], i);
    for (int i = 0; i < 3; i++) assert_filled(r.extra[i], i);
    rg_tape_free(r.t);
}

static void arrays_load(void **state) {
    run r = run_new(1);
    in_golden("arrays", *(const int *)*state, "npz");
    const rg_list l = rg_npz_load(r.t, path);
    assert_int_equal(l.count, 3);
    for (int i = 0; i < 3; i++) {
        rg_tensor *x = l.items[i];
        assert_string_equal(rg_name_of(x), rg_name_of(r.extra[i]));
        assert_int_equal(rg_dtype_of(x), rg_dtype_of(r.extra[i]));
        assert_int_equal(rg_numel(x), rg_numel(r.extra[i]));
        double found[8], should[8];
        fill(r.extra[i], i);
        assert_int_equal(rg_copy_out(x, found, rg_numel(x)), 0);
        assert_int_equal(rg_copy_out(r.extra[i], should, rg_numel(x)), 0);
        assert_memory_equal(found, should, (size_t)rg_numel(x) * sizeof *found);
    }
    rg_tape_free(r.t);
}

int main(int argc, char **argv) {
    static const int formats[FORMATS] = {1, 2};
    cases c = {0};
    if (argc < 2) return fprintf(stderr, "test_golden FOLDER [--write N]\n"), 2;
    golden = argv[1];
    if (argc == 4 && !strcmp(argv[2], "--write")) {
        memory = (meter){.fail_at = -1};
        return write_all(atoi(argv[3])), 0;
    }
    for (int i = 0; i < FORMATS; i++) {
        CASE(&c, net_loads, &formats[i], "a net of format %d", formats[i]);
        CASE(&c, run_loads, &formats[i], "a run of format %d", formats[i]);
        CASE(&c, arrays_load, &formats[i], "arrays of format %d", formats[i]);
    }
    return cases_run(&c, "golden");
}
