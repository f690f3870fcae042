/* test_out_of_memory.c - every allocation failing in turn, from the first call on. */
#include <math.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/nn.h"
#include "tests/support/ledger.h"

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

static rg_tensor *logits(const trial *r, rg_tensor *x) {
    return rg_linear(rg_relu(rg_add(rg_matmul(x, r->w[0]), r->w[1])), r->w[2], r->w[3]);
}

static int two_backwards(const trial *r, rg_tensor *x, rg_tensor *labels, bool second) {
    rg_tensor *g[PARAMS];
    if (!second) return rg_backward(rg_cross_entropy(logits(r, x), labels));
    /* a gradient penalty, on top */
    if (rg_grad(rg_mean(rg_square(logits(r, x))), rg_list_of_n(PARAMS, r->w), g, .create_graph = true)) return -1;
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
        TRY(r, w = rg_param_n(r->t, ((const char *const[]){"w1", "b1", "w2", "b2"}[i]), RG_NORMAL(0, .3), shapes[i][1] ? 2 : 1, shapes[i]));
        r->w[i] = w;
    }
    rg_loader *loader = NULL;
    rg_optim *optim = NULL;
    TRY(r, loader = rg_loader_new(r->t, data.x, data.y, .batch = BATCH, .shuffle = true));
    TRY(r, optim = rg_optim_sgd(r->t, rg_params(r->t), .lr = .1, .momentum = .9));
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
    if (r->l.m.out || r->l.wrong)
        fail_msg("call %lld: %lld bytes leaked, %d sizes wrong", (long long)fail_at, (long long)r->l.m.out, r->l.wrong);
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
    WANTS_MEMORY(rg_failed(rg_full(t, 1)));
    WANTS_MEMORY(rg_failed(rg_buffer_of(t, "b", RG_U8, NULL, 9)));
    WANTS_MEMORY(rg_failed(rg_parameter(t, "p", 9)));
    WANTS_MEMORY(!rg_tape_own(RG_HERE, t, 9));
    WANTS_MEMORY(rg_set_name(w, "longer") == w && !strcmp(rg_name_of(w), "w"));
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
        if (rg_grad(view, rg_list_of_n(3, asked), out) == 0) break;
        assert_true(failures < 20 && rg_failed(out[0]) && rg_failed(out[1]) && rg_failed(out[2]));
        rg_error_clear(t);
    }
    assert_false(rg_failed(out[0]) || rg_failed(out[1]) || rg_failed(out[2]));
}

/* Composites, and rules of several steps, with every allocation failing in turn: the error comes out at the end. */
static void composites_without_memory(void **state) {
    book *b = *state;
    rg_tape *t = b->t;
    static const int32_t ids[] = {1, 0, 2, 1};
    rg_tensor *in[] = {rg_param(t, "a", RG_ONES, 3, 3, 5), rg_param(t, "b", RG_ONES, 7, 5), rg_param(t, "v", RG_ONES, 5)}, *parts[2],
        *out[3];
    for (int k = 0;; k++) {
        const int64_t mark = rg_mark(t);
        rg_tensor *index = rg_buffer(t, "ids", ids, 4, 1, 1);
        b->l.m.calls = 0, b->l.m.fail_at = k;
        rg_tensor *y = rg_einsum("iij,kj,j->ki", in[0], in[1], in[2]); /* diagonal, products, a permutation */
        rg_tensor *z = rg_take_along_axis(rg_embedding(in[0], index), rg_cast(rg_full(t, 0, 4, 1, 1, 1, 5), RG_I32), 3);
        const int split = rg_chunk(rg_repeat_interleave(rg_constant_pad(y, 1, 1, 0, 1, 0), 0, 2), parts, 0, 2);
        rg_tensor *sum = rg_add(rg_sum(rg_mul(rg_matmul(parts[0], rg_slice(in[2], 0, 0, 4)),
            rg_matmul(rg_slice(in[2], 0, 0, 4), rg_permute(parts[1], 1, 0)))),
            rg_sum(rg_masked_fill(rg_stack(0, z, z), rg_gt(z, z), 2)));
        const int failed = rg_grad(sum, rg_list_of_n(3, in), out, .create_graph = true);
        b->l.m.fail_at = -1;
        rg_rewind(t, mark);
        if (!failed) {
            assert_true(k > 100 && split == 0);
            break;
        }
        assert_true(k < 2000);
        assert_int_equal(rg_error_code(t), RG_ENOMEM);
        rg_error_clear(t);
    }
}

/* -------- hooks, checkpoints, derivatives of functions */

static rg_tensor *layer(void *ctx, rg_tensor *const *in) { return rg_tanh(rg_mul(in[0], ctx)); }
static rg_tensor *halved(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_mul_scalar(g, .5); }

/* To the first failure: all of it, or nothing after that. */
static double derivatives(rg_tensor *x, rg_tensor *w) {
    rg_tensor *y = rg_checkpoint(layer, w, rg_list_of(x)), *loss, *out[2], *in[2] = {x, w};
    rg_on_grad(y, halved, NULL);
    rg_on_grad(w, halved, NULL);
    loss = rg_sum(rg_square(rg_checkpoint(layer, w, rg_list_of(y))));
    for (int graph = 0; graph < 2; graph++) {
        rg_jacobian(y, x, .create_graph = graph);
        rg_hessian(loss, x, .create_graph = graph);
        rg_jvp(y, rg_list_of_n(2, in), rg_list_of_n(2, in), .create_graph = graph);
        rg_hvp(loss, rg_list_of_n(2, in), rg_list_of_n(2, in), out, .create_graph = graph);
    }
    rg_check_finite(rg_tape_of(x));
    rg_backward(rg_sum(rg_mul(out[0], out[1])));
    return rg_error_code(rg_tape_of(x)) ? NAN : (double)rg_f32(rg_grad_of(w))[1];
}

static void derivatives_without_memory(void **state) {
    book *b = *state;
    rg_tape *t = b->t;
    rg_tensor *w = rg_param(t, "w", RG_ONES, 9);
    const rg_memory_stats before = rg_memory(t);
    double end = NAN;
    int failures = 0;
    for (; failures < 3000 && isnan(end); failures++) {
        b->l.m.calls = 0, b->l.m.fail_at = failures;
        rg_tensor *x = rg_requires_grad(rg_full(t, .5, 9), true);
        end = derivatives(x, w);
        if (isnan(end)) {
            assert_int_equal(rg_error_code(t), RG_ENOMEM);
            assert_null(rg_grad_of(w));
            rg_error_clear(t);
        }
        b->l.m.fail_at = -1;
        rg_on_grad(w, NULL, NULL);
        rg_zero_grad(t);
        rg_tape_reset(t);
        assert_int_equal(rg_memory(t).tensors, before.tensors);
        assert_int_equal(rg_memory(t).bytes, before.bytes);
    }
    assert_true(failures > 100 && !isnan(end));
    print_message("# %d points of failure\n", failures);
}

#define POOLED(name) {#name, name, open_pooled, close_book, NULL}

int main(void) {
    static const struct CMUnitTest cases[] = {DIRECT(what_is_made_without_memory), DIRECT(composites_without_memory),
        DIRECT(derivatives_without_memory), cmocka_unit_test(one_allocation_fails),
        cmocka_unit_test(all_from_one_on_fail), cmocka_unit_test(one_of_the_pools_fails),
        cmocka_unit_test(all_of_the_pools_from_one_on_fail)};
    return cmocka_run_group_tests_name("out of memory", cases, write_files, remove_files);
}
