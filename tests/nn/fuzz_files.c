/* fuzz_files.c - readers of files on valid files changed at random: an error, or sound tensors; never a crash, a leak or, in a net that
   could not be loaded, a change. Meant for a sanitizer build. Prints TAP.     fuzz_files TIMES [SEED], TIMES of all
   kinds of files together */
#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

#include "nn/nn.h"
#include "tests/support/scratch.h"

enum { IN = 7, OUT = 4 };
static rg_rng rng;
static rg_nn *net;
static rg_state *state;
static int64_t step;
static rg_plateau plateau;

static int64_t below(int64_t n) { return rg_rng_integers(&rng, 0, n); }

/* -------- the files that are changed */

static void make_net(void) {
    net = rg_nn_sequential(t, rg_nn_linear(t, IN, OUT, RG_HE_NORMAL), rg_nn_linear(t, OUT, 2, RG_HE_NORMAL));
    rg_tensor *x = rg_buffer_of(t, "x", RG_F32, NULL, 5, IN), *y = rg_buffer_of(t, "y", RG_I32, NULL, 5);
    rg_loader *loader = rg_loader_new(t, x, y, .batch = 2, .shuffle = true);
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .1);
    state = rg_state_new(t);
    rg_state_net(state, NULL, net);
    rg_state_optim(state, "optim", adam);
    rg_state_loader(state, "loader", loader);
    rg_state_ema(state, "average", rg_ema_new(t, rg_nn_params(net), .5));
    rg_state_early_stopping(state, "stop", rg_early_stopping_new(t, rg_nn_params(net)));
    rg_state_plateau(state, "plateau", &plateau);
    rg_state_count(state, "step", &step);
}

static void save_net(void) { rg_nn_save(net, path); }
static void save_state(void) { rg_state_save(state, path); }
static void save_torch(void) { rg_nn_save(net, path, .layout = RG_TORCH); }
static void save_npy(void) { rg_npy_save(rg_full(t, 3, 5, 4), path); }
static void save_fortran(void) { /* i8, in Fortran's order */
    static const char front[] = "\x93NUMPY\1\0v\0{'descr': '<i8', 'fortran_order': True, 'shape': (2, 3, 4), }";
    char header[128];
    memset(header, ' ', sizeof header);
    memcpy(header, front, sizeof front - 1);
    header[127] = '\n';
    plain.n = 0;
    put(&plain, header, sizeof header);
    for (int64_t i = 0; i < 24; i++) put(&plain, &i, sizeof i);
    write_bytes("file", &plain);
}
static void save_packed(void) {
    save_fortran();
    packed.n = 0;
    pack(&packed, plain.at, plain.n);
    write_bytes("file", &packed);
}
static void save_npz(void) {
    rg_tensor *items[] = {rg_set_name(rg_full(t, 3, 5, 4), "x"), rg_set_name(rg_full(t, 1), "y"), rg_set_name(rg_full(t, 0, 0, 2), "z")};
    rg_npz_save(t, path, (rg_list){items, 3});
}

static void load_net(void) { rg_nn_load(net, path); }
static void load_state(void) { rg_state_load(state, path); }
static void load_torch(void) {
    rg_file_report report;
    rg_nn_load(net, path, .layout = RG_TORCH, .partial = true, .report = &report);
}
static void load_list(void) {
    const rg_list l = rg_safetensors_load(t, path);
    for (int i = 0; i < l.count; i++) rg_release(l.items[i]);
}
static void load_npy(void) { rg_release(rg_npy_load(t, path)); }
static void load_npz(void) {
    const rg_list l = rg_npz_load(t, path);
    for (int i = 0; i < l.count; i++) rg_release(l.items[i]);
}
static void load_idx(void) { rg_release(rg_read_idx(t, path)); }
static void save_idx(void) {
    plain.n = packed.n = 0;
    small_idx();
    write_bytes("file", &plain);
}

/* counted: begins with its header's length */
typedef struct kind { const char *name; void (*save)(void), (*load)(void); bool counted; } kind;
static const kind kinds[] = {{"safetensors", save_net, load_net, true}, {"safetensors, a whole run", save_state, load_state, true},
    {"safetensors, for PyTorch", save_torch, load_torch, true}, {"safetensors, a list", save_state, load_list, true},
    {"npy", save_npy, load_npy, false}, {"npy, i8 in Fortran's order", save_fortran, load_npy, false},
    {"npy, packed", save_packed, load_npy, false},
    {"npz", save_npz, load_npz, false}, {"idx", save_idx, load_idx, false}};

/* -------- changes */

static void splice(bytes *b, size_t at, size_t out, const void *in, size_t n) {
    if (at > b->n || out > b->n - at || b->n - out + n > sizeof b->at) return;
    memmove(b->at + at + n, b->at + at + out, b->n - at - out);
    memcpy(b->at + at, in, n);
    b->n += n - out;
}

static void change(bytes *b) {
    static const char *const words[] = {"0", "-1", "4294967296", "9223372036854775807", "18446744073709551616", "1e9", "[", "]", "{", "}",
        ",", "\"", "\\u0000", "null",
        "F64", "I64", "'<i8'", "True", "(", ")", "PK\1\2", "PK\3\4", "\xff\xff\xff\xff"};
    const size_t at = (size_t)below((int64_t)b->n + 1), n = (size_t)below(below(4) ? 4 : 64);
    unsigned char copy[64];
    const char *word = words[below(sizeof words / sizeof *words)];
    switch (below(7)) {
    case 0: if (at < b->n) b->at[at] ^= (unsigned char)(1 << below(8)); break;
    case 1: if (at < b->n) b->at[at] = (unsigned char)below(256); break;
    case 2: splice(b, at, n, "", 0); break;
    case 3: splice(b, at, (size_t)below(3), word, strlen(word)); break;
    case 4: /* what stands elsewhere, again */
        if (at + n <= b->n) memcpy(copy, b->at + at, n), splice(b, (size_t)below((int64_t)b->n + 1), below(2) ? n : 0, copy, n);
        break;
    case 5: /* another digit */
        for (size_t i = at; i < b->n; i++)
            if (b->at[i] >= '0' && b->at[i] <= '9') { b->at[i] = (unsigned char)('0' + below(10)); break; }
        break;
    default: if (below(4) == 0) b->n = at;
    }
}

/* A length that fits what the header has become, so that more than the first check is reached. */
static void fit_length(bytes *b, size_t before) {
    uint64_t length;
    if (b->n < 8 || below(4) == 0) return;
    memcpy(&length, b->at, 8);
    length += b->n - before;
    memcpy(b->at, &length, 8);
}

static uint64_t hash_of(rg_list l) {
    uint64_t h = 14695981039346656037u;
    for (int i = 0; i < l.count; i++)
        for (int64_t k = 0; k < rg_numel(l.items[i]); k++) {
            uint32_t bits;
            memcpy(&bits, rg_f32(l.items[i]) + k, 4);
            h = (h ^ bits) * 1099511628211u;
        }
    return h;
}

/* One changed file; true when it could be read. NULL in *wrong when all is well. */
static bool one(const kind *k, const bytes *whole, const char **wrong) {
    static bytes b;
    const rg_rng before_rng = *rg_tape_rng(t);
    const uint64_t before = hash_of(rg_nn_params(net));
    const int64_t tensors = rg_memory(t).tensors;
    memcpy(b.at, whole->at, b.n = whole->n);
    for (int64_t n = 1 + below(3); n > 0; n--) change(&b);
    if (k->counted) fit_length(&b, whole->n);
    unlink(path); /* a file system may write out at once what is written over */
    write_bytes("file", &b);
    k->load();
    rg_tape_reset(t);
    const bool failed = rg_error_code(t) != RG_OK;
    *wrong = rg_memory(t).tensors != tensors                                         ? "a tensor stays behind"
             : failed && hash_of(rg_nn_params(net)) != before                        ? "a weight was changed"
             : failed && memcmp(&before_rng, rg_tape_rng(t), sizeof before_rng)      ? "the generator was changed"
             : failed && rg_error_code(t) != RG_EIO && rg_error_code(t) != RG_ENOMEM ? rg_error(t)
                                                                                     : NULL;
    rg_error_clear(t);
    return !failed;
}

static int fuzz(const kind *k, int number, int64_t times) {
    static bytes whole;
    const char *wrong = NULL;
    int64_t read = 0, n = 0;
    if (setup(NULL)) return 1;
    make_net();
    snprintf(path, sizeof path, "%s/file", folder);
    k->save();
    rg_tape_reset(t);
    FILE *f = fopen(path, "rb");
    whole.n = f ? fread(whole.at, 1, sizeof whole.at, f) : 0;
    if (k->counted) without_checksums(&whole);
    if (!f || fclose(f) || rg_error_code(t)) wrong = "the file could not be made";
    k->load();
    rg_tape_reset(t);
    if (!wrong && rg_error_code(t)) wrong = rg_error(t);
    for (; n < times && !wrong; n++) read += one(k, &whole, &wrong);
    if (wrong) printf("# change %" PRId64 ": %s\n", n, wrong);
    const int failed = wrong != NULL || teardown(NULL) != 0;
    printf("%sok %d - %s: %" PRId64 " changed files, %" PRId64 " could be read\n", failed ? "not " : "", number, k->name, n, read);
    fflush(stdout);
    return failed;
}

int main(int argc, char **argv) {
    enum { KINDS = sizeof kinds / sizeof *kinds };
    const int64_t times = ((argc > 1 ? atoll(argv[1]) : 1000) + KINDS - 1) / KINDS;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    int failed = 0;
    printf("# seed %" PRIu64 "\n1..%d\n", seed, KINDS);
    rg_rng_seed(&rng, seed);
    for (int k = 0; k < KINDS; k++) failed |= fuzz(&kinds[k], k + 1, times);
    return failed;
}
