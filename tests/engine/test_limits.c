/* test_limits.c - every limit of docs/limits.md holds: at its value all is well, one further it is what the table says. The numbers are the
   table's, so that it cannot go stale; a row without a case here fails, and so does a case without a row.

     test_limits docs/limits.md */
#include "tests/support/scratch.h"

#include <ctype.h>
#include <stdbool.h>

#include "nn/save.h"
#include "nn/sequence.h"
#include "ops/functional.h"
#include "ops/ops.h"

enum { CUT = 100, SHORTENED }; /* ends that are no error */

/* -------- cases: provoke(v) goes to v. The error on the tape afterwards is the answer, unless it returns an end that is no error. */

static int dimensions(int64_t v) {
    const int64_t shape[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    rg_full_n(t, 0, (int)v, shape);
    return 0;
}

static int tensor_bytes(int64_t v) {
    rg_buffer_of(t, "b", RG_U8, NULL, 0, v);
    return 0;
}

static int operands(int64_t v) {
    rg_tensor *x[512];
    for (int64_t k = 0; k < v; k++) x[k] = rg_full(t, 1);
    rg_stack_n(0, (int)v, x);
    return 0;
}

static int einsum_operands(int64_t v) {
    rg_tensor *x[64];
    char text[256] = "a";
    for (int64_t k = 1; k < v; k++) strcat(text, ",a");
    for (int64_t k = 0; k < v; k++) x[k] = rg_full(t, 1, 2);
    rg_einsum_n(strcat(text, "->a"), (int)v, x);
    return 0;
}

/* A seventh index cannot fit any tensor: that it is the string which is refused is seen by the code. */
static int einsum_indices(int64_t v) {
    const int64_t shape[6] = {1, 1, 1, 1, 1, 1};
    char text[] = "abcdefghijklmnop";
    text[v] = 0;
    rg_einsum_n(strcat(text, "->"), 1, (rg_tensor *[]){rg_full_n(t, 1, v < 6 ? (int)v : 6, shape)});
    return 0;
}

static int einsum_diagonal(int64_t v) {
    rg_einsum("iij->ij", rg_full(t, 0, v, v, 0));
    return 0;
}

static int window(int64_t v) {
    const int kernel[2] = {(int)v, 1};
    rg_unfold(rg_full(t, 0, 0, 1, v, 1), .kernel = {kernel[0], kernel[1]});
    if (rg_error_code(t)) return 0;
    rg_unfold(rg_full(t, 0, 0, 1, 3, 3), .kernel = {1, 1}, .stride = {(int)v, 1});
    rg_unfold(rg_full(t, 0, 0, 1, 3, 3), .kernel = {1, 1}, .padding = {(int)v, RG_NO_PADDING});
    rg_unfold(rg_full(t, 0, 0, 1, 3, 3), .kernel = {1, 1}, .dilation = {(int)v, 1});
    return 0;
}

static int image_side(int64_t v) {
    rg_unfold(rg_full(t, 0, 0, 1, v, 1), .kernel = {1, 1});
    return 0;
}

static int gathered_axis(int64_t v) {
    rg_tensor *none = rg_input(t, ((int32_t[]){0}), 0);
    rg_index_select(rg_full(t, 0, 0, v), none, 1);
    return 0;
}

static int sorted_axis(int64_t v) {
    rg_tensor *x = rg_full(t, 0, 0, v), *index;
    rg_argmax(x, 1);
    const rg_code code = rg_error_code(t);
    rg_error_clear(t);
    rg_sort(x, 1, .index = &index);
    assert_int_equal(code, rg_error_code(t));
    return 0;
}

static int jacobian(int64_t v) {
    const int64_t shape[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    rg_tensor *x = rg_requires_grad(rg_full(t, 2, 1, 1, 1), true);
    rg_jacobian(rg_reshape_n(rg_square(x), (int)v - 3, shape), x);
    return 0;
}

typedef struct many { rg_tensor *x[512]; int64_t n; } many;

static rg_tensor *sum_of(void *ctx, rg_tensor *const *in) {
    const many *m = ctx;
    rg_tensor *y = in[0];
    for (int64_t k = 1; k < m->n; k++) y = rg_add(y, m->x[k]);
    return y;
}

static int checkpoint(int64_t v) {
    many m = {.n = v};
    for (int64_t k = 0; k < v; k++) m.x[k] = rg_requires_grad(rg_full(t, 1), true);
    rg_checkpoint(sum_of, &m, rg_list_of_n(1, m.x));
    return 0;
}

static int threads(int64_t v) {
    rg_set_threads(t, (int)v);
    if (rg_error_code(t) == RG_ENOMEM) rg_error_clear(t); /* a system that gives a process fewer */
    return 0;
}

/* The message ends with the caller's line, which can be as long as is wanted here. */
static int message(int64_t v) {
    const int64_t shape[7] = {1, 1, 1, 1, 1, 1, 1};
    char at[2048] = "a";
    rg_full_at(at, t, 0, 7, shape);
    const size_t rest = strlen(rg_error(t)) - 1;
    rg_error_clear(t);
    memset(at, 'a', (size_t)v - rest);
    rg_full_at(at, t, 0, 7, shape);
    const size_t length = strlen(rg_error(t));
    assert_int_equal(rg_error_code(t), RG_ESHAPE);
    rg_error_clear(t);
    return length == (size_t)v ? 0 : CUT;
}

static int name_in_message(int64_t v) {
    char name[256];
    memset(name, 'n', (size_t)v);
    name[v] = 0;
    rg_add(rg_set_name(rg_full(t, 1, 2), name), rg_full(t, 1, 3));
    const bool whole = strstr(rg_error(t), name);
    rg_error_clear(t);
    return whole ? 0 : CUT;
}

static int printed(int64_t v) {
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    rg_print(rg_full(t, 1, v), to);
    fclose(to);
    const bool dots = strstr(text, "...");
    free(text);
    return dots ? SHORTENED : 0;
}

static int layer_depth(int64_t v) {
    rg_nn *net = rg_nn_relu(t);
    for (int64_t k = 1; k < v; k++) net = rg_nn_sequential(t, net);
    return 0;
}

static int recurrent_layers(int64_t v) {
    rg_nn_rnn(t, 1, 1, .layers = (int)v);
    return 0;
}

static int recurrent_steps(int64_t v) {
    rg_nn *net = rg_nn_rnn(t, 1, 1, .layers = 1);
    rg_record(t, false);
    rg_nn_forward(net, rg_full(t, 1, 1, v, 1));
    return 0;
}

static rg_tensor *same(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)at, (void)net;
    return in[0];
}

static int inputs(int64_t v) {
    rg_nn_new(t, "one", same, sizeof(rg_nn), .inputs = (int)v);
    return 0;
}

/* -------- files. Where what is at the limit is no sound file for another reason, only a message that names the limit counts. */

static int only_if_said(const char *what) {
    const char *said = rg_error(t);
    if (said && !strstr(said, what)) rg_error_clear(t);
    return 0;
}

/* A header of v bytes that is no JSON. */
static int json_bytes(int64_t v) {
    unsigned char *file = calloc(1, (size_t)v + 8);
    assert_non_null(file);
    for (int k = 0; k < 8; k++) file[k] = (unsigned char)((uint64_t)v >> 8 * k);
    memset(file + 8, ' ', (size_t)v);
    scratch_write(path, folder, "long.safetensors", file, (size_t)v + 8);
    free(file);
    rg_nn_load(rg_nn_linear(t, 1, 1, RG_ONES), path);
    assert_int_equal(rg_error_code(t), RG_EIO);
    return only_if_said("at most");
}

/* An .npy file of version 2 with a header of v bytes, of bytes of that shape; all its sides are 1. */
static void write_npy(int64_t header, const char *shape) {
    static char file[1 << 17];
    memset(file, ' ', sizeof file);
    memcpy(file, "\x93NUMPY\x02\0", 8);
    for (int k = 0; k < 4; k++) file[8 + k] = (char)(header >> 8 * k);
    const int n = snprintf(file + 12, 256, "{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }", shape);
    file[12 + n] = ' ';
    file[12 + header - 1] = '\n';
    scratch_write(path, folder, "x.npy", file, (size_t)(12 + header + 1));
}

static int npy_header(int64_t v) {
    write_npy(v, "1,");
    rg_npy_load(t, path);
    return 0;
}

static int npy_dimensions(int64_t v) {
    char shape[64] = "";
    for (int64_t k = 0; k < v; k++) strcat(shape, "1,");
    write_npy(256, shape);
    rg_npy_load(t, path);
    return 0;
}

static int idx_dimensions(int64_t v) {
    unsigned char file[64] = {0, 0, 8, (unsigned char)v};
    for (int64_t k = 0; k < v; k++) file[4 + 4 * k + 3] = 1;
    scratch_write(path, folder, "x-idx", file, (size_t)(4 + 4 * v + 1));
    rg_read_idx(t, path);
    return 0;
}

static int cifar_records(int64_t v) {
    unsigned char *file = calloc((size_t)v, 3073);
    assert_non_null(file);
    scratch_write(path, folder, "test_batch.bin", file, (size_t)v * 3073);
    free(file);
    rg_read_cifar10(t, folder, false);
    return 0;
}

static int cifar100_records(int64_t v) {
    unsigned char *file = calloc((size_t)v, 3074);
    assert_non_null(file);
    scratch_write(path, folder, "test.bin", file, (size_t)v * 3074);
    free(file);
    rg_read_cifar100(t, folder, false);
    return 0;
}

static int member_name(int64_t v) {
    char name[1024];
    memset(name, 'm', (size_t)v - 4);
    name[v - 4] = 0;
    snprintf(path, sizeof path, "%s/x.npz", folder);
    rg_tensor *x = rg_set_name(rg_full(t, 1, 2), name);
    if (!rg_npz_save(t, path, (rg_list){&x, 1})) rg_npz_load(t, path);
    return 0;
}

static const struct { const char *name; int (*go)(int64_t v); } all[] = {
    {"dimensions of a tensor", dimensions},
    {"bytes of a tensor, the sides of size 0 counted as 1", tensor_bytes},
    {"operands of an op", operands},
    {"operands of an einsum", einsum_operands},
    {"indices of an operand of an einsum", einsum_indices},
    {"side of a diagonal in an einsum", einsum_diagonal},
    {"kernel, stride, padding, dilation of a window", window},
    {"side of an image under a window", image_side},
    {"length of an axis that gather, index_select and pick index", gathered_axis},
    {"length of an axis that argmax and sort index", sorted_axis},
    {"dimensions of a Jacobian: of the result and of the input together", jacobian},
    {"tensors that the function of a checkpoint reads", checkpoint},
    {"threads of a tape", threads},
    {"characters of a message", message},
    {"characters of a tensor's name in a message", name_in_message},
    {"elements that rg_print shows in full", printed},
    {"layers within layers", layer_depth},
    {"layers of a recurrent net", recurrent_layers},
    {"steps of a recurrent net", recurrent_steps},
    {"inputs of a layer", inputs},
    {"bytes of a checkpoint's JSON", json_bytes},
    {"bytes of the header of an .npy file", npy_header},
    {"dimensions in an .npy file", npy_dimensions},
    {"dimensions in an IDX file", idx_dimensions},
    {"records in a file of CIFAR-10", cifar_records},
    {"records in the test file of CIFAR-100", cifar100_records},
    {"bytes of the name of an .npz member that is saved, \".npy\" included", member_name},
};
enum { CASES = sizeof all / sizeof *all };

/* -------- the table */

typedef struct row { char name[128], where[128], end[32]; int64_t value; int the_case; } row;
static const char *table_path;

static int end_of(const char *text) {
    static const struct { const char *text; int end; } ends[] = {{"`RG_ENOMEM`", RG_ENOMEM}, {"`RG_ESHAPE`", RG_ESHAPE},
        {"`RG_EDTYPE`", RG_EDTYPE},
        {"`RG_EVALUE`", RG_EVALUE}, {"`RG_ESTATE`", RG_ESTATE}, {"`RG_EIO`", RG_EIO}, {"cut", CUT}, {"shortened", SHORTENED}};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
        if (!strcmp(ends[k].text, text)) return ends[k].end;
    fail_msg("the table ends in '%s'", text);
    return -1;
}

/* "| name | 1,024 | where | end |"; false for any other line. */
static bool read_row(char *line, row *r) {
    char *cell[4], *from = line;
    if (strncmp(line, "| ", 2) || strncmp(line, "| limit |", 9) == 0) return false;
    for (int k = 0; k < 4; k++) {
        cell[k] = from += 2;
        if (!(from = strstr(from, " |"))) return false;
        *from++ = 0;
    }
    snprintf(r->name, sizeof r->name, "%.127s", cell[0]);
    snprintf(r->where, sizeof r->where, "%.127s", cell[2]);
    snprintf(r->end, sizeof r->end, "%.31s", cell[3]);
    r->value = 0;
    for (const char *c = cell[1]; *c; c++)
        if (isdigit((unsigned char)*c)) r->value = 10 * r->value + (*c - '0');
    return true;
}

static int reach(const row *r, int64_t v) {
    setup(NULL);
    const int end = all[r->the_case].go(v), code = (int)rg_error_code(t);
    if (code) print_message("#   %lld: %s\n", (long long)v, rg_error(t));
    teardown(NULL);
    return end ? end : code;
}

/* Are the files there that the third column names? */
static void files_are_there(const row *r) {
    char words[128], file[4096];
    memcpy(words, r->where, sizeof words);
    for (char *word = strtok(words, " ,`"); word; word = strtok(NULL, " ,`")) {
        if (!strchr(word, '/')) continue;
        snprintf(file, sizeof file, "%.*s../%s", (int)(strlen(table_path) - strlen("limits.md")), table_path, word);
        if (access(file, R_OK)) fail_msg("%s: there is no %s", r->name, word);
    }
}

static void holds(void **state) {
    const row *r = *state;
    files_are_there(r);
    assert_int_equal(reach(r, r->value), RG_OK);
    assert_int_equal(reach(r, r->value + 1), end_of(r->end));
}

static void has_no_row(void **state) { fail_msg("docs/limits.md has no row of this limit: %s", (const char *)*state); }
static void has_no_case(void **state) { fail_msg("no case goes to this limit of docs/limits.md: %s", ((row *)*state)->name); }

int main(int argc, char **argv) {
    static row rows[2 * CASES];
    char line[1024];
    int n = 0;
    bool seen[CASES] = {false};
    cases list = {0};
    FILE *table = argc == 2 ? fopen(argv[1], "r") : NULL;
    table_path = argv[1];
    if (!table) return fprintf(stderr, "usage: test_limits docs/limits.md\n"), 2;
    while (n < 2 * CASES && fgets(line, sizeof line, table)) {
        row *r = &rows[n];
        if (!read_row(line, r)) continue;
        r->the_case = -1;
        for (int k = 0; k < CASES; k++)
            if (!strcmp(all[k].name, r->name)) r->the_case = k, seen[k] = true;
        cases_add(&list, r->the_case < 0 ? has_no_case : holds, r, "%.70s: %lld", r->name, (long long)r->value);
        n++;
    }
    fclose(table);
    for (int k = 0; k < CASES; k++)
        if (!seen[k]) cases_add(&list, has_no_row, all[k].name, "%.80s", all[k].name);
    return cases_run(&list, "limits");
}
