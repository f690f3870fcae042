/* test_heap.c - malloc itself fails, for everyone in the process: the tape, zlib, the C library's own streams. A run with steps, a replay,
   a checkpoint, saving and loading, once for each call of malloc: it fails, alone or with all that follow. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

#include "nn/nn.h"
#include "nn/optim.h"
#include "nn/save.h"
#include "ops/functional.h"

/* -------- the heap */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);
void *memalign(size_t alignment, size_t size);

static volatile struct { bool on, for_good; long calls, fail_at, failed, blocks; } heap = {.fail_at = -1};

static bool fails(void) {
    if (!heap.on) return false;
    const long call = heap.calls++;
    const bool bad = heap.fail_at >= 0 && (call == heap.fail_at || (heap.for_good && call > heap.fail_at));
    if (!bad) return false;
    heap.failed++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p) {
    heap.blocks += p != NULL;
    return p;
}

void *malloc(size_t size) { return fails() ? NULL : counted(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : counted(__libc_calloc(n, size)); }
void *memalign(size_t alignment, size_t size) { return fails() ? NULL : counted(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **to, size_t alignment, size_t size) {
    void *p = memalign(alignment, size);
    if (p) *to = p;
    return p ? 0 : ENOMEM;
}
void *realloc(void *p, size_t size) {
    if (fails()) return NULL;
    if (!p) heap.blocks++;
    return __libc_realloc(p, size);
}
void free(void *p) {
    heap.blocks -= p != NULL;
    __libc_free(p);
}

/* -------- files */

static char folder[64], run_file[96], npz_file[96], npy_file[96], idx_file[96];

static uint64_t hash(uint64_t h, const void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return h;
}

/* Of a file's bytes; 0 when there is none. Takes no memory from the heap. */
static uint64_t hash_of(const char *path) {
    static char bytes[1 << 16];
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0) close(fd);
    return n < 0 ? 0 : hash(1, bytes, (size_t)n);
}

static int files_in_folder(void) {
    const bool on = heap.on;
    heap.on = false;
    DIR *d = opendir(folder);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    heap.on = on;
    return n;
}

/* -------- the run, in stages that are tried again after a failure */

typedef struct bench {
    rg_tape *t;
    rg_nn *net;
    rg_optim *optim;
    rg_loader *loader;
    rg_tensor *x, *y, *loss, *read;
    rg_list list;
    rg_state *state;
    int64_t step;
    bool no_pool;
} bench;

static uint64_t hash_of_run(const bench *b) {
    const rg_list l = rg_nn_params(b->net);
    uint64_t h = 1;
    for (int i = 0; i < l.count; i++) h = hash(h, rg_f32(l.items[i]), (size_t)rg_numel(l.items[i]) * sizeof(float));
    for (int i = 0; i < l.count; i++)
        if (rg_grad_of(l.items[i])) h = hash(h, rg_f32(rg_grad_of(l.items[i])), (size_t)rg_numel(l.items[i]) * sizeof(float));
    h = hash(h, rg_tape_rng(b->t), sizeof(rg_rng));
    return hash(h, &b->step, sizeof b->step);
}

static int make_net(bench *b) {
    rg_rng_seed(rg_tape_rng(b->t), 7); /* the first try may have drawn */
    rg_nn *first = rg_nn_linear(b->t, 3, 4, RG_HE_NORMAL);
    b->net = first ? rg_nn_sequential(b->t, first, rg_nn_relu(b->t), rg_nn_linear(b->t, 4, 2, RG_HE_NORMAL)) : NULL;
    return b->net ? 0 : -1;
}
static int make_optim(bench *b) { return (b->optim = rg_optim_adam(b->t, rg_nn_params(b->net), .lr = .1)) ? 0 : -1; }
static int make_loader(bench *b) {
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1, 2, 2, 2};
    rg_tensor *data = rg_buffer(b->t, "x", x, 5, 3), *labels = rg_buffer_of(b->t, "y", RG_I32, NULL, 5);
    return (b->loader = rg_loader_new(b->t, data, labels, .batch = 2, .shuffle = true)) ? 0 : -1;
}
static int batch(bench *b) { return rg_loader_next(b->loader, &b->x, &b->y) ? 0 : -1; }
static int pass(bench *b) { return rg_backward(b->loss = rg_cross_entropy(rg_nn_forward(b->net, b->x), b->y)); }
static int optimise(bench *b) { return rg_optim_step(b->optim); }
static int replay(bench *b) { return rg_play(b->t); }
static int reset(bench *b) { return rg_tape_reset(b->t), 0; }

static rg_tensor *squared(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_square(rg_tanh(in[0])); }
static int recompute(bench *b) {
    rg_tensor *w = rg_nn_params(b->net).items[0];
    return rg_backward(rg_sum(rg_checkpoint(squared, NULL, rg_list_of(w))));
}
static int make_state(bench *b) {
    b->state = rg_state_new(b->t);
    if (rg_state_net(b->state, NULL, b->net) || rg_state_optim(b->state, "optim", b->optim)) return -1;
    return rg_state_loader(b->state, "loader", b->loader) || rg_state_count(b->state, "step", &b->step) ? -1 : 0;
}
static int save(bench *b) { return rg_state_save(b->state, run_file); }
static int load(bench *b) { return rg_state_load(b->state, run_file); }
static int save_net(bench *b) { return rg_nn_save(b->net, run_file, .layout = RG_TORCH); }
static int load_net(bench *b) {
    rg_file_report report;
    return rg_nn_load(b->net, run_file, .layout = RG_TORCH, .partial = true, .report = &report);
}
static int save_list(bench *b) { return rg_safetensors_save(b->t, run_file, rg_nn_params(b->net)); }
static int load_list(bench *b) { return (b->list = rg_safetensors_load(b->t, run_file)).count == 4 ? 0 : -1; }
static int save_npz(bench *b) { return rg_npz_save(b->t, npz_file, rg_nn_params(b->net)); }
static int load_npz(bench *b) { return (b->list = rg_npz_load(b->t, npz_file)).count == 4 ? 0 : -1; }
static int save_npy(bench *b) { return rg_npy_save(rg_nn_params(b->net).items[0], npy_file); }
static int load_npy(bench *b) { return rg_failed(b->read = rg_npy_load(b->t, npy_file)) ? -1 : 0; }
static int read_idx(bench *b) { return rg_failed(b->read = rg_read_idx(b->t, idx_file)) ? -1 : 0; }

/* keeps: a failure changes nothing in the run */
static const struct stage { const char *name; int (*go)(bench *b); const char *file; bool keeps; } stages[] = {
    {"a net", make_net, NULL, false}, {"an optimiser", make_optim, NULL, true}, {"a loader", make_loader, NULL, true},
        {"a batch", batch, NULL, true},
    {"a pass", pass, NULL, true}, {"a step", optimise, NULL, true}, {"a replay", replay, NULL, true},
    {"the next replay", replay, NULL, true},
    {"a step", optimise, NULL, true}, {"a reset", reset, NULL, true}, {"a checkpoint", recompute, NULL, true},
    {"a step", optimise, NULL, true},
    {"a state", make_state, NULL, true}, {"saving the run", save, run_file, true}, {"loading the run", load, NULL, true},
    {"saving the net", save_net, run_file, true}, {"loading the net", load_net, NULL, true}, {"saving a list", save_list, run_file, true},
    {"loading a list", load_list, NULL, true}, {"saving .npz", save_npz, npz_file, true}, {"loading .npz", load_npz, NULL, true},
    {"saving .npy", save_npy, npy_file, true}, {"loading .npy", load_npy, NULL, true}, {"reading idx.gz", read_idx, NULL, true}};

/* How calls of malloc fail: one; all from one on; one, and the program's handler clears the error. */
enum how { ONCE, FOR_GOOD, CLEARED, WAYS };
typedef struct handled { rg_tape *t; rg_code code; } handled;
static void clear(void *ctx, rg_code code, const char *message) {
    (void)message;
    handled *h = ctx;
    if (!h->code) h->code = code;
    rg_error_clear(h->t);
}

/* One stage; after a failure once more, which must do. Returns how often it failed. */
static int go(bench *b, const struct stage *s, handled *h) {
    const bool made = b->net && b->step >= 0;
    const uint64_t before = made && s->keeps ? hash_of_run(b) : 0, file = s->file ? hash_of(s->file) : 0;
    const int failed = s->go(b);
    if (!failed) {
        if (rg_error_code(b->t) || h->code) fail_msg("call %ld, %s: returned 0, but there was an error", heap.fail_at, s->name);
        return 0;
    }
    const rg_code code = h->code ? h->code : rg_error_code(b->t);
    if (code != RG_ENOMEM)
        fail_msg("call %ld, %s: the error is %d, %s", heap.fail_at, s->name, (int)code, rg_error(b->t) ? rg_error(b->t) : "none");
    h->code = RG_OK;
    rg_error_clear(b->t);
    heap.fail_at = -1;
    if (made && s->keeps && hash_of_run(b) != before) fail_msg("%s: a failure changed the run", s->name);
    if (s->file && hash_of(s->file) != file) fail_msg("%s: a failure changed the file", s->name);
    if (files_in_folder() != 4) fail_msg("%s: %d files in the folder after a failure", s->name, files_in_folder());
    if (s->go(b)) fail_msg("%s failed again: %s", s->name, rg_error(b->t));
    return 1;
}

/* The whole run; returns the hash of its end. */
static uint64_t whole_run(bool no_pool, long fail_at, enum how how, long *calls, int *failures) {
    bench b = {.no_pool = no_pool};
    const long blocks = heap.blocks;
    *failures = 0;
    heap.calls = heap.failed = 0, heap.fail_at = fail_at, heap.for_good = how == FOR_GOOD, heap.on = true;
    while (!(b.t = rg_tape_new(7, .allocator = (rg_allocator){.no_pool = no_pool}))) {
        assert_int_equal(++*failures, 1);
        heap.fail_at = -1;
    }
    handled h = {.t = b.t};
    rg_on_error(b.t, how == CLEARED ? clear : NULL, &h);
    for (size_t k = 0; k < sizeof stages / sizeof *stages; k++) *failures += go(&b, &stages[k], &h);
    *calls = heap.calls;
    heap.on = false;
    const uint64_t end = hash_of_run(&b);
    rg_tape_free(b.t);
    static bool warm; /* in the first run other libraries take what they keep */
    if (warm && heap.blocks != blocks) fail_msg("call %ld: %ld blocks are left", fail_at, heap.blocks - blocks);
    warm = true;
    return end;
}

static void each_call_fails(bool no_pool) {
    long calls, ignored;
    int failures;
    (void)whole_run(no_pool, -1, ONCE, &calls, &failures); /* what the C library takes once */
    const uint64_t undisturbed = whole_run(no_pool, -1, ONCE, &calls, &failures);
    assert_int_equal(failures, 0);
    assert_true(calls >= (no_pool ? 200 : 5));
    int unnoticed = 0;
    for (long k = 0; k < calls; k++)
        for (enum how how = ONCE; how < WAYS; how++) {
            const uint64_t end = whole_run(no_pool, k, how, &ignored, &failures);
            if (failures > 1) fail_msg("call %ld: %d failures", k, failures);
            if (end != undisturbed) fail_msg("call %ld, way %d: other bits than undisturbed", k, (int)how);
            unnoticed += failures == 0;
        }
    print_message("# %ld calls of malloc, each failed once, for good, and once with a handler that clears the error; "
                  "%d times it did not matter\n", calls, unnoticed);
}
static void pooled(void **state) { (void)state, each_call_fails(false); }
static void direct(void **state) { (void)state, each_call_fails(true); }

/* A failing heap is noticed: the test can fail. */
static void the_heap_fails(void **state) {
    (void)state;
    heap.calls = 0, heap.fail_at = 1, heap.for_good = true, heap.on = true;
    void *volatile a = malloc(9), *volatile b = malloc(9), *volatile c = calloc(3, 3), *volatile d = realloc(a, 99);
    heap.on = false;
    assert_non_null(a);
    assert_true(!b && !c && !d);
    free(a);
}

static int make_files(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/retrograd-heap-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(folder)) return -1;
    snprintf(run_file, sizeof run_file, "%s/run", folder);
    snprintf(npz_file, sizeof npz_file, "%s/npz", folder);
    snprintf(npy_file, sizeof npy_file, "%s/npy", folder);
    snprintf(idx_file, sizeof idx_file, "%s/idx", folder);
    gzFile f = gzopen(idx_file, "wb");
    gzwrite(f, ((unsigned char[]){0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9}), 11);
    if (gzclose(f)) return -1;
    const char *const others[] = {run_file, npz_file, npy_file}; /* old files, which a failure leaves */
    for (int k = 0; k < 3; k++) {
        FILE *old = fopen(others[k], "wb");
        if (!old || fputs("old", old) < 0 || fclose(old)) return -1;
    }
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    unlink(run_file), unlink(npz_file), unlink(npy_file), unlink(idx_file);
    return rmdir(folder);
}

int main(void) {
    static const struct CMUnitTest cases[] = {cmocka_unit_test(the_heap_fails), cmocka_unit_test(pooled), cmocka_unit_test(direct)};
    return cmocka_run_group_tests_name("malloc fails", cases, make_files, remove_files);
}
