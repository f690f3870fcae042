/* test_errors.c - the first error: its message with shapes and the caller's line, poison, handlers, and NULL in every place. */
#include "ops/gradcheck.h"
#include "tests/support/numbers.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn/nn.h"

static const float six[] = {1, 2, 3, 4, 5, 6};
static const int32_t counts[] = {0, 1, 2, 3, 4, 5};

static rg_tensor *of_shape(rg_tape *t, const char *name, int ndim, const int64_t *shape) {
    return rg_set_name(rg_full_n(t, 1, ndim, shape), name);
}
#define X(...) of_shape(t, NULL, RG_DIMS(__VA_ARGS__))
#define NAMED(name, ...) of_shape(t, name, RG_DIMS(__VA_ARGS__))
static rg_tensor *whole(rg_tape *t, int64_t n) { return rg_input(t, counts, n); }

/* -------- exact messages */

/* One case a row: what is called, the code, and the whole message but the file and line, which is the row's own. */
#define MESSAGES(M)                                                                                                                      \
    M(matmul, RG_ESHAPE, rg_matmul(NAMED("x", 64, 784), NAMED("w1", 785, 128)), \
        "matmul: x[64,784] . w1[785,128]: inner dimensions 784 and 785 differ") \
    M(matmul_transposed, RG_ESHAPE, rg_matmul(X(2, 3), X(3, 4), .transpose_a = true), \
        "matmul: [2,3] . [3,4]: inner dimensions 2 and 3 differ (the first transposed)") \
    M(linear, RG_ESHAPE, rg_linear(X(2, 3), NAMED("w", 4, 5), X(5)), "linear: [2,3], w[4,5], [5]: inner dimensions 3 and 4 differ")      \
    M(add, RG_ESHAPE, rg_add(X(2, 3), NAMED("b", 4)), "add: [2,3] + b[4]: dimensions 3 and 4 do not broadcast")                          \
    M(composite, RG_ESHAPE, rg_mse(NAMED("p", 2, 3), NAMED("y", 2, 4)), \
        "mse: the target y[2,4] does not broadcast to the prediction, p[2,3]") \
    M(inner, RG_ESHAPE, rg_sum(rg_exp(rg_add(rg_neg(X(3)), X(2)))), "add: [3] + [2]: dimensions 3 and 2 do not broadcast")               \
    M(float_wanted, RG_EDTYPE, rg_exp(rg_set_name(whole(t, 2), "i")), \
        "exp: i[2] i32: operand 1 must be a float, not i32; rg_cast converts") \
    M(mixed, RG_EDTYPE, rg_mul(X(2), rg_cast(X(2), RG_F64)), "mul: [2] * [2] f64: dtypes f32 and f64 differ; rg_cast converts")          \
    M(index_wanted, RG_EDTYPE, rg_pick(X(2, 3), X(2)), "pick: [2,3], [2]: the index must be i32, not f32")                               \
    M(axis, RG_ESHAPE, rg_sum(X(2, 3), 2), "sum: [2,3]: axis 2 is outside the 2 dimensions")                                             \
    M(axis_from_the_end, RG_ESHAPE, rg_softmax(X(2, 3), -3), "softmax: [2,3]: axis -3 is outside the 2 dimensions")                      \
    M(axis_twice, RG_ESHAPE, rg_mean(X(2, 3), 1, -1), "mean: [2,3]: axis -1 is given twice")                                             \
    M(nothing_to_compare, RG_EVALUE, rg_max(X(0, 3)), "max: [0,3]: no maximum over axis 0 of size 0")                                    \
    M(reshape, RG_ESHAPE, rg_reshape(X(2, 3), 4, 2), "reshape: [2,3]: 6 elements do not fit [4,2]")                                      \
    M(negative, RG_ESHAPE, rg_reshape(X(2, 3), -2, 3), "reshape: [2,3]: dimension 0 of the new shape is -2")                             \
    M(expand, RG_ESHAPE, rg_expand(X(2, 3), 2, 4), "expand: [2,3]: does not expand to [2,4]")                                            \
    M(sum_to, RG_ESHAPE, rg_sum_to(X(2, 3), 2), "sum_to: [2,3]: [2] does not expand to it")                                              \
    M(too_large, RG_ESHAPE, rg_expand(X(1), INT64_MAX), "expand: [1]: the sizes of the new shape overflow")                              \
    M(too_large_a_product, RG_ESHAPE, rg_expand(X(1), 1ll << 40, 1ll << 40), "expand: [1]: the sizes of the new shape overflow")         \
    M(squeeze, RG_ESHAPE, rg_squeeze(X(2, 3), 1), "squeeze: [2,3]: axis 1 has size 3, not 1")                                            \
    M(permute, RG_ESHAPE, rg_permute(X(2, 3), 0, 0), "permute: [2,3]: axis 0 is given twice")                                            \
    M(concat, RG_ESHAPE, rg_concat(1, X(2, 3), X(4, 3)), "concat: [2,3], [4,3]: dimensions 2 and 4 of axis 0 differ")                    \
    M(concat_of_many, RG_ESHAPE, rg_concat(0, X(1), X(1), X(1), X(1), X(1), X(1), X(1), X(1, 1)),                                        \
        "concat: [1], [1], [1], [1], [1], [1], ... 8 operands: operand 8 has 2 dimensions, the first has 1")                             \
    M(label_outside, RG_EVALUE, rg_pick(X(3, 2), whole(t, 3)), "pick: [3,2], [3] i32: index[2] = 2 is outside 0..1")                     \
    M(dimension, RG_ESHAPE, rg_full(t, 1, 2, -3), "tensor: dimension 1 of the new shape is -3")                                          \
    M(dimensions_overflow, RG_ESHAPE, rg_full(t, 1, 1ll << 31, 1ll << 31, 2), "tensor: the sizes of the new shape overflow")             \
    M(dimensions_overflow_beside_zero, RG_ESHAPE, rg_full(t, 1, 1ll << 40, 0, 1ll << 40), "tensor: the sizes of the new shape overflow") \
    M(dimensions_missing, RG_EVALUE, rg_full_n(t, 1, 2, NULL), "tensor: 2 dimensions, but the shape is NULL")                            \
    M(new_dimensions_missing, RG_EVALUE, rg_expand_n(X(2), 2, NULL), "expand: [2]: 2 dimensions, but the shape is NULL")                 \
    M(null_operand, RG_ESTATE, rg_add(X(2), rg_grad_of(X(2))), "add: operand 2 is NULL")                                                 \
    M(null_first_operand, RG_ESTATE, rg_mul(NULL, X(2)), "mul: operand 1 is NULL")                                                       \
    M(null_operands_before, RG_ESTATE, rg_add(X(2), rg_neg(NULL)), "add: operand 2 is what an operation on NULL returned")                 \
    M(null_operands_first, RG_ESTATE, rg_mul(rg_add(NULL, NULL), X(2)), "mul: operand 1 is what an operation on NULL returned")           \
    M(null_operator, RG_EVALUE, rg_apply(NULL, RG_HERE, RG_NO_ATTR, RG_IN(X(2))), "rg_apply: the operator is NULL")                      \
    M(null_in_composite, RG_ESTATE, rg_mse(NULL, X(2)), "mse: operand 1 is NULL")                                                        \
    M(other_seven_dimensions, RG_ESHAPE, rg_expand(X(1), 1, 1, 1, 1, 1, 1, 1), "expand: [1]: 7 dimensions, at most 6")

#define M(name, code, call, message)                                                      \
    static void says_##name(void **state) {                                               \
        rg_tape *t = *state;                                                              \
        REFUSED(code, call, message);                                                     \
    }
MESSAGES(M)
#undef M

/* -------- sticky, and poisonous */

static void the_first_error_stays(void **state) {
    rg_tape *t = *state;
    rg_add(NAMED("a", 2), X(3));
    char first[512];
    snprintf(first, sizeof first, "%s", rg_error(t));
    assert_non_null(strstr(first, "add: a[2] + [3]"));
    rg_matmul(X(1), X(1));
    rg_set_default_dtype(t, RG_U8);
    rg_release(X(1));
    assert_string_equal(rg_error(t), first);
    rg_tape_reset(t);
    assert_string_equal(rg_error(t), first);
    rg_rewind(t, 0);
    assert_int_equal(rg_error_code(t), RG_ESHAPE);
    rg_error_clear(t);
    assert_null(rg_error(t));
    assert_int_equal(rg_error_code(t), RG_OK);
}

static void nothing_runs_while_it_stands(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(X(2, 3), true), *w = rg_parameter(t, "w", 2), *i = whole(t, 2), *d = rg_detach(x);
    rg_tensor *bad = rg_add(x, X(7));
    const rg_memory_stats before = rg_memory(t);
    const int params = rg_params(t).count;
    rg_tensor *all[] = {rg_exp(x), rg_add(x, x), rg_matmul(x, x, .transpose_a = true), rg_sum(x), rg_reshape(x, 6), rg_slice(x, 0, 0, 1),
        rg_where(x, x, x), rg_pick(x, i), rg_one_hot(i, 3), rg_cast(x, RG_F64), rg_concat(0, x, x), rg_cross_entropy(x, i), rg_mse(x, x),
        rg_softmax(x, 1), rg_detach(x), rg_requires_grad(d, true), rg_full(t, 1, 2), rg_input(t, six, 2), rg_buffer(t, "b", six, 2),
        rg_parameter(t, "late", 2), rg_param(t, "later", RG_ZEROS, 2), rg_add(bad, x), rg_add(x, bad), rg_expand(x, 2, 3),
        rg_full_like(x, 1)};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!rg_failed(all[k])) fail_msg("result %zu is no poison", k);
    assert_int_equal(rg_write(w, six), -1);
    assert_int_equal(rg_memory(t).tensors, before.tensors);
    assert_int_equal(rg_memory(t).bytes, before.bytes);
    assert_int_equal(rg_params(t).count, params);
    assert_true(element(w, 0) == 0);
    rg_error_clear(t);
    assert_false(rg_failed(rg_exp(x)));
}

static void poison_reads_as_nothing(void **state) {
    rg_tape *t = *state;
    rg_tensor *y = rg_add(X(2), X(3));
    float to[6] = {7};
    assert_true(rg_failed(y));
    assert_true(isnan(rg_item(y)));
    assert_null(rg_f32(y));
    assert_null(rg_f64(y));
    assert_null(rg_i32(y));
    assert_null(rg_u8(y));
    assert_int_equal(rg_copy_out(y, to, 6), -1);
    assert_true(to[0] == 7);
    assert_int_equal(rg_ndim(y), 0);
    assert_int_equal(rg_numel(y), 0);
    assert_int_equal(rg_dim(y, 0), -1);
    assert_non_null(rg_shape(y));
    assert_false(rg_needs_grad(y));
    assert_null(rg_grad_of(y));
    assert_null(rg_name_of(rg_set_name(y, "n")));
    assert_ptr_equal(rg_retain(y), y);
    rg_release(y);
    rg_release(y);
    rg_clear_grad(y);
    assert_ptr_equal(rg_tape_of(y), t);
    rg_error_clear(t);
}

static void an_error_leaves_gradients_and_parameters(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_param(t, "w", RG_NORMAL(0, 1), 5);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = .5);
    rg_tensor *good = rg_sum(rg_square(w));
    rg_backward(good);
    float before[2][5], after[2][5];
    rg_copy_out(w, before[0], 5);
    rg_copy_out(rg_grad_of(w), before[1], 5);
    rg_tensor *loss = rg_mean(rg_mul(rg_add(w, X(4)), w));
    assert_int_equal(rg_backward(loss), -1);
    assert_int_equal(rg_backward(good), -1);
    assert_int_equal(rg_optim_step(sgd), -1);
    assert_int_equal(rg_init_fill(w, RG_ONES), -1);
    rg_copy_out(w, after[0], 5);
    rg_copy_out(rg_grad_of(w), after[1], 5);
    assert_memory_equal(before, after, sizeof before);
    rg_error_clear(t);
    assert_int_equal(rg_optim_step(sgd), 0);
}

static void clear_and_go_on(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 2), *bad = rg_add(w, X(3)), *out[1];
    rg_error_clear(t);
    assert_int_equal(rg_backward(rg_sum(rg_mul(w, X(2)))), 0);
    /* What failed before stays poison, and using it is an error again: no failure goes unnoticed. */
    REFUSED(RG_ESTATE, rg_mul(w, bad), "mul: operand 2 is what a failed operation returned");
    REFUSED(RG_ESTATE, (rg_backward(bad) ? bad : NULL), "rg_backward: the loss is what a failed operation returned");
    REFUSED(RG_ESTATE, (rg_grad(bad, rg_list_of(w), out), out[0]), "rg_grad: y is what a failed operation returned");
    REFUSED(RG_ESTATE, (rg_grad(w, rg_list_of(w), out, .dy = bad), out[0]), "rg_grad: dy is what a failed operation returned");
}

static void one_tapes_error_is_not_the_others(void **state) {
    rg_tape *t = *state, *u = rg_tape_new(1);
    rg_on_error(u, NULL, NULL);
    rg_tensor *bad = rg_add(rg_full(u, 1, 2), rg_full(u, 1, 3));
    assert_null(rg_error(t));
    assert_false(rg_failed(rg_add(X(2), X(2))));
    assert_true(rg_failed(rg_add(X(2), bad)));
    rg_tape_free(u);
}

static void the_backward_message_names_the_forward_line(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_parameter(t, "w", 2), *y = rg_sum(rg_exp_at("model.c:12", w));
    rg_touch(w);
    assert_int_equal(rg_backward(y), -1);
    assert_string_equal(rg_error(t), "backward through exp: w was written after it was used here (model.c:12)");
    rg_error_clear(t);
}

static void a_layer_names_the_users_line(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 3, 4, RG_ZEROS), rg_nn_relu(t), rg_nn_linear(t, 5, 1, RG_ZEROS));
    REFUSED(RG_ESHAPE, rg_nn_forward(net, X(2, 3)), "linear: [2,4], 2.weight[5,1], 2.bias[1]: inner dimensions 4 and 5 differ");
}

static void bindings_have_no_line(void **state) {
    rg_tape *t = *state;
    assert_true(rg_failed(rg_add_at(NULL, X(2), X(3))));
    assert_string_equal(rg_error(t), "add: [2] + [3]: dimensions 2 and 3 do not broadcast");
    rg_error_clear(t);
    assert_true(rg_failed(rg_add_at("/a/b/../c.d/deep file.c:3", X(2), X(3))));
    assert_string_equal(rg_error(t), "add: [2] + [3]: dimensions 2 and 3 do not broadcast (deep file.c:3)");
    rg_error_clear(t);
}

/* -------- long texts */

static void long_names_are_cut(void **state) {
    rg_tape *t = *state;
    char name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    char should[200];
    snprintf(should, sizeof should, "add: %.40s[2] + %.40s[3]: dimensions 2 and 3 do not broadcast", name, name);
    REFUSED(RG_ESHAPE, rg_add(NAMED(name, 2), NAMED(name, 3)), should);
    assert_int_equal(strlen(rg_name_of(NAMED(name, 2))), sizeof name - 1);
}

static void long_paths_are_cut(void **state) {
    rg_tape *t = *state;
    char path[3000];
    memset(path, '/', sizeof path);
    strcpy(path + 2000, "x.c:1");
    assert_true(rg_failed(rg_add_at(path, X(2), X(3))));
    assert_non_null(strstr(rg_error(t), "(x.c:1)"));
    rg_error_clear(t);
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = 0;
    assert_true(rg_failed(rg_add_at(path, X(2), X(3))));
    assert_int_equal(strlen(rg_error(t)), 511);
    rg_error_clear(t);
    assert_int_equal(rg_fail(t, RG_EIO, path, "%s", path), -1);
    assert_int_equal(strlen(rg_error(t)), 511);
    rg_error_clear(t);
}

static void the_longest_message(void **state) {
    rg_tape *t = *state;
    rg_tensor *x[8];
    for (int i = 0; i < 8; i++) {
        char name[64];
        snprintf(name, sizeof name, "a name of more than forty characters, for sure %d", i);
        x[i] = rg_set_name(rg_full(t, 0, 100000000, 100000000, 0, 3, 3, i), name); /* nothing is in it */
    }
    assert_true(rg_failed(rg_concat_at("a.c:1", 0, 8, x)));
    assert_true(strlen(rg_error(t)) < 512);
    char text[64], tiny[4];
    assert_int_equal(strlen(rg_shape_text(x[0], text, sizeof text)), 63);
    assert_string_equal(rg_shape_text(x[0], tiny, sizeof tiny), "a n");
    assert_string_equal(rg_shape_text(NULL, text, sizeof text), "NULL");
    rg_shape_text(x[0], tiny, 0);
    rg_error_clear(t);
    /* a message in a message */
    assert_int_equal(rg_fail(t, RG_EVALUE, NULL, "again: %s", (rg_fail(t, RG_EVALUE, NULL, "first"), rg_error(t))), -1);
    assert_string_equal(rg_error(t), "first");
    rg_error_clear(t);
}

/* -------- the one function that multiplies sizes */

static void sizes(void **state) {
    (void)state;
    static const struct { rg_dtype dtype; int ndim; int64_t shape[6]; int64_t numel, bytes; } all[] = { /* numel -1: refused */
        {RG_F32, 0, {0}, 1, 4}, {RG_F64, 2, {3, 5}, 15, 120}, {RG_U8, 6, {1, 2, 3, 4, 5, 6}, 720, 720}, {RG_I32, 1, {0}, 0, 0},
            {RG_F32, 2, {0, 7}, 0, 0},
        {RG_F32, 1, {-1}, -1, 0}, {RG_F32, 2, {0, -1}, -1, 0}, {RG_F64, 1, {INT64_MAX}, -1, 0}, {RG_F32, 2, {1ll << 32, 1ll << 31}, -1, 0},
        {RG_F32, 3, {1ll << 32, 1ll << 31, 0}, -1, 0}, {RG_F32, 3, {0, 1ll << 32, 1ll << 31}, -1, 0}, {RG_U8, 2, {INT64_MAX, 2}, -1, 0},
        {RG_U8, 1, {1ll << 60}, 1ll << 60, 1ll << 60}, {RG_U8, 1, {1ll << 62}, -1, 0},
        {RG_F64, 6, {65536, 65536, 65536, 65536, 65536, 65536}, -1, 0}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        int64_t numel = -7;
        size_t bytes = 0;
        const int failed = rg_size(all[k].dtype, all[k].ndim, all[k].shape, &numel, &bytes);
        if (failed != (all[k].numel < 0 ? -1 : 0) || (!failed && (numel != all[k].numel || bytes != (size_t)all[k].bytes)))
            fail_msg("row %zu: %d, %lld elements, %zu bytes", k, failed, (long long)numel, bytes);
    }
}

/* -------- handlers */

typedef struct heard { int calls; rg_code code; char message[512]; } heard;
static void listen(void *ctx, rg_code code, const char *message) {
    heard *h = ctx;
    h->calls++;
    h->code = code;
    snprintf(h->message, sizeof h->message, "%s", message);
}

static void a_handler_hears_once(void **state) {
    rg_tape *t = *state;
    heard h = {0};
    rg_on_error(t, listen, &h);
    rg_add(X(2), X(3));
    rg_add(X(2), X(4));
    rg_backward(X(1));
    assert_int_equal(h.calls, 1);
    assert_int_equal(h.code, RG_ESHAPE);
    assert_string_equal(h.message, rg_error(t));
    rg_error_clear(t);
    assert_int_equal(h.calls, 1);
    rg_exp(whole(t, 2));
    assert_int_equal(h.calls, 2);
    assert_int_equal(h.code, RG_EDTYPE);
    rg_error_clear(t);
    rg_on_error(t, NULL, NULL);
    rg_add(X(2), X(3));
    assert_int_equal(h.calls, 2);
    rg_error_clear(t);
}

/* What a child writes to stderr, and how it ends. */
static int child(void (*act)(void), char *said, size_t size) {
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGILL, SIG_DFL); /* cmocka catches them */
        signal(SIGTRAP, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], 2);
        act();
        fflush(NULL);
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], said + length, size - 1 - length)) > 0;) length += (size_t)n;
    said[length] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void fail_three_times(void) {
    rg_tape *t = rg_tape_new(1);
    rg_tensor *y = rg_add_at("here.c:5", rg_full(t, 1, 2), rg_full(t, 1, 3));
    rg_backward(rg_sum(y));
    rg_matmul(y, y);
    rg_tape_free(t);
}
/* On purpose, in silence; then by default again. */
static void fail_silently(void) {
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_add_at("here.c:4", rg_full(t, 1, 2), rg_full(t, 1, 3));
    rg_error_clear(t);
    rg_on_error(t, rg_print_error, NULL);
    rg_add_at("here.c:5", rg_full(t, 1, 2), rg_full(t, 1, 3));
    rg_tape_free(t);
}
static void fail_trapped(void) { setenv("RG_ABORT", "1", 1), fail_three_times(); }
static void fail_untrapped(void) { setenv("RG_ABORT", "0", 1), fail_three_times(); }
static void fail_nowhere(void) { setenv("RG_ABORT", "1", 1), rg_tape_free(rg_tape_new(1)); }

static void by_default_one_line_on_stderr(void **state) {
    (void)state;
    char said[1000];
    assert_int_equal(child(fail_three_times, said, sizeof said), 0);
    assert_string_equal(said, "retrograd: add: [2] + [3]: dimensions 2 and 3 do not broadcast (here.c:5)\n");
    assert_int_equal(child(fail_silently, said, sizeof said), 0);
    assert_string_equal(said, "retrograd: add: [2] + [3]: dimensions 2 and 3 do not broadcast (here.c:5)\n");
    assert_int_equal(child(fail_untrapped, said, sizeof said), 0);
    assert_string_equal(said, "retrograd: add: [2] + [3]: dimensions 2 and 3 do not broadcast (here.c:5)\n");
}

static void rg_abort_traps(void **state) {
    (void)state;
    char said[1000];
    const int status = child(fail_trapped, said, sizeof said);
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP || WTERMSIG(status) == SIGABRT));
    assert_true(strncmp(said, "retrograd: add: [2] + [3]: dimensions 2 and 3 do not broadcast (here.c:5)\n", 72) == 0);
    assert_int_equal(child(fail_nowhere, said, sizeof said), 0);
    assert_string_equal(said, "");
}

/* -------- NULL in every place: no tape and no tensor, or what came from a tape that could not be made. One case a function. */

static rg_tensor *first_of(void *ctx, rg_tensor *const *in) { return (void)ctx, in[0]; }

#define OPS(N)                                                                                                                             \
    N(rg_neg, rg_neg(x)) N(rg_exp, rg_exp(x)) N(rg_log, rg_log(x)) N(rg_sqrt, rg_sqrt(x)) N(rg_square, rg_square(x)) N(rg_abs, rg_abs(x))  \
    N(rg_relu, rg_relu(x)) N(rg_sigmoid, rg_sigmoid(x)) N(rg_tanh, rg_tanh(x)) N(rg_softplus, rg_softplus(x)) N(rg_erf, rg_erf(x))         \
    N(rg_add_scalar, rg_add_scalar(x, 1)) N(rg_mul_scalar, rg_mul_scalar(x, 1)) N(rg_pow_scalar, rg_pow_scalar(x, 1)) \
    N(rg_sign, rg_sign(x)) \
    N(rg_add, rg_add(x, x)) N(rg_sub, rg_sub(x, x)) N(rg_mul, rg_mul(x, x)) N(rg_div, rg_div(x, x)) N(rg_maximum, rg_maximum(x, x))        \
    N(rg_minimum, rg_minimum(x, x)) N(rg_gt, rg_gt(x, x)) N(rg_eq, rg_eq(x, x)) N(rg_expand, rg_expand(x, 2, 3)) \
    N(rg_sum_to, rg_sum_to(x, 2)) \
    N(rg_expm1, rg_expm1(x)) N(rg_log1p, rg_log1p(x)) N(rg_rsqrt, rg_rsqrt(x)) N(rg_reciprocal, rg_reciprocal(x)) N(rg_sin, rg_sin(x))     \
    N(rg_cos, rg_cos(x)) N(rg_tan, rg_tan(x)) N(rg_asin, rg_asin(x)) N(rg_acos, rg_acos(x)) N(rg_atan, rg_atan(x)) N(rg_sinh, rg_sinh(x))  \
    N(rg_cosh, rg_cosh(x)) N(rg_erfc, rg_erfc(x)) N(rg_silu, rg_silu(x)) N(rg_mish, rg_mish(x)) N(rg_gelu, rg_gelu(x))                     \
    N(rg_gelu_tanh, rg_gelu_tanh(x)) N(rg_log_sigmoid, rg_log_sigmoid(x)) N(rg_softsign, rg_softsign(x)) N(rg_hardtanh, rg_hardtanh(x))    \
    N(rg_hardsigmoid, rg_hardsigmoid(x)) N(rg_selu, rg_selu(x)) N(rg_elu, rg_elu(x, 1)) N(rg_leaky_relu, rg_leaky_relu(x, .01))            \
    N(rg_clamp, rg_clamp(x, 0, 1)) N(rg_floor, rg_floor(x)) N(rg_logical_not, rg_logical_not(x)) N(rg_pow, rg_pow(x, x))                   \
    N(rg_logaddexp, rg_logaddexp(x, x)) N(rg_lt, rg_lt(x, x)) N(rg_ge, rg_ge(x, x)) N(rg_le, rg_le(x, x)) N(rg_ne, rg_ne(x, x))            \
    N(rg_logical_and, rg_logical_and(x, x)) N(rg_logical_or, rg_logical_or(x, x)) N(rg_logical_xor, rg_logical_xor(x, x))                  \
    N(rg_min_keep, rg_min_keep(x, 0)) N(rg_prod_keep, rg_prod_keep(x, 0)) N(rg_var_corrected_keep, rg_var_corrected_keep(x, 0, 0))         \
    N(rg_std_corrected_keep, rg_std_corrected_keep(x, 0, 0)) N(rg_norm_keep, rg_norm_keep(x, 0)) N(rg_norm_p, rg_norm_p(x, 3)) \
    N(rg_cumsum, rg_cumsum(x, 0)) N(rg_logcumsumexp, rg_logcumsumexp(x, 0)) N(rg_softshrink, rg_softshrink(x, 1)) \
    N(rg_argmin, rg_argmin(x, 0)) N(rg_argsort, rg_argsort(x, 0, .descending = true)) N(rg_sort, rg_sort(x, 0, .descending = true)) \
    N(rg_topk, rg_topk(x, 0, 1)) \
    N(rg_full_like, rg_full_like(x, 1)) N(rg_matmul, rg_matmul(x, x, .transpose_a = true)) N(rg_linear, rg_linear(x, x, x)) \
    N(rg_sum_keep, rg_sum_keep(x, 0)) \
    N(rg_mean_keep, rg_mean_keep(x, 0, -1)) N(rg_max_keep, rg_max_keep(x, 0)) N(rg_argmax, rg_argmax(x, 0))                                \
    N(rg_logsumexp, rg_logsumexp(x, 0)) N(rg_softmax, rg_softmax(x, 0)) N(rg_log_softmax, rg_log_softmax(x, 0)) \
    N(rg_reshape, rg_reshape(x, 2)) \
    N(rg_unsqueeze, rg_unsqueeze(x, 0)) N(rg_squeeze, rg_squeeze(x, 0)) N(rg_permute, rg_permute(x, 0, -1)) \
    N(rg_slice, rg_slice(x, 0, 0, 1)) \
    N(rg_select, rg_select(x, 0, 0)) \
    N(rg_pad, rg_pad(x, 0, 1, 1)) N(rg_concat, rg_concat(0, x, x, x)) N(rg_where, rg_where(x, x, x)) N(rg_pick, rg_pick(x, x))             \
    N(rg_pad_value, rg_pad(x, 0, 1, 1, .value = 2)) N(rg_constant_pad, rg_constant_pad(x, 2, 1, 1, 1, 1)) N(rg_stack, rg_stack(0, x, x))   \
    N(rg_tril, rg_tril(x, 0)) N(rg_triu, rg_triu(x, 0)) N(rg_repeat, rg_repeat(x, 2)) \
    N(rg_repeat_interleave, rg_repeat_interleave(x, 0, 2)) \
    N(rg_transpose, rg_transpose(x, 0, 1)) N(rg_flatten, rg_flatten(x, 0)) N(rg_zeros_like, rg_zeros_like(x)) \
    N(rg_ones_like, rg_ones_like(x)) \
    N(rg_arange, rg_arange(t, 0, 3, 1)) N(rg_linspace, rg_linspace(t, 0, 1, 3)) N(rg_eye, rg_eye(t, 3)) \
    N(rg_uniform, rg_uniform(t, 0, 1, 2)) \
    N(rg_normal, rg_normal(t, 0, 1, 2)) N(rg_ceil, rg_ceil(x)) N(rg_round, rg_round(x)) N(rg_isnan, rg_isnan(x)) \
    N(rg_isfinite, rg_isfinite(x)) \
    N(rg_var, rg_var(x, 0)) N(rg_std, rg_std(x, 0)) N(rg_norm, rg_norm(x, 0)) N(rg_min, rg_min(x, 0))                                      \
    N(rg_prod, rg_prod(x, 0)) N(rg_logsumexp_keep, rg_logsumexp_keep(x, 0)) N(rg_logsumexp_of_all, rg_logsumexp(x)) \
    N(rg_argmax_of_all, rg_argmax(x)) \
    N(rg_var_keep, rg_var_keep(x, 0)) N(rg_std_keep, rg_std_keep(x)) N(rg_var_corrected, rg_var_corrected(x, 0, 0)) \
    N(rg_std_corrected, rg_std_corrected(x, 0)) \
    N(rg_norm_p_keep, rg_norm_p_keep(x, 1, 0)) N(rg_zeros, rg_zeros(t, 2)) N(rg_ones, rg_ones(t, 2)) \
    N(rg_slice_with_a_step, rg_slice(x, 0, 0, 1, .step = 2)) \
    N(rg_add_number, rg_add(x, 1)) N(rg_sub_number, rg_sub(1, x)) N(rg_where_number, rg_where(x, 1, x)) N(rg_number, rg_number(1, x)) \
    N(rg_number_at, rg_number_at(NULL, 1, x)) N(rg_any, rg_any(x)) N(rg_any_keep, rg_any_keep(x, 0)) \
    N(rg_all, rg_all(x)) N(rg_all_keep, rg_all_keep(x, 0)) N(rg_clone, rg_clone(x))                                                        \
    N(rg_log2, rg_log2(x))                                                                                                                 \
    N(rg_take_along_axis, rg_take_along_axis(x, x, 0)) N(rg_einsum, rg_einsum("i,i", x, x)) \
    N(rg_einsum_null, rg_einsum_at(NULL, NULL, 2, NULL)) \
    N(rg_dot, rg_dot(x, x)) N(rg_outer, rg_outer(x, x))                                                                                    \
    N(rg_masked_fill, rg_masked_fill(x, x, 1)) N(rg_index_select, rg_index_select(x, x, 0)) N(rg_index_add, rg_index_add(x, x, x, 0))      \
    N(rg_embedding, rg_embedding(x, x)) N(rg_gather, rg_gather(x, x, 0)) N(rg_scatter_add, rg_scatter_add(x, x, x, 0))                     \
    N(rg_scatter, rg_scatter(x, x, 3)) N(rg_one_hot, rg_one_hot(x, 3)) N(rg_cast, rg_cast(x, RG_F64)) \
    N(rg_cross_entropy, rg_cross_entropy(x, x)) \
    N(rg_conv2d, rg_conv2d(x, x, x)) N(rg_conv1d, rg_conv1d(x, x, x))                                                                      \
    N(rg_unfold, rg_unfold(x, .kernel = {2})) N(rg_fold, rg_fold(x, 2, 2, .kernel = {2})) \
    N(rg_max_pool2d, rg_max_pool2d(x, .kernel = {2})) \
    N(rg_avg_pool2d, rg_avg_pool2d(x, .kernel = {2}))                                                                                      \
    N(rg_layer_norm, rg_layer_norm(x, x, x, 1, .eps = .1)) N(rg_rms_norm, rg_rms_norm(x, x, 1, .eps = .1)) \
    N(rg_dropout, rg_dropout(x, .5)) \
    N(rg_batch_norm, rg_batch_norm(x, x, x, x, x, .training = true, .momentum = .1, .eps = .1)) \
    N(rg_batch_norm_given, rg_batch_norm(x, x, x, x, x, .momentum = .1, .eps = .1)) \
    N(rg_attention_weights, rg_attention_weights(x, x, .mask = x, .causal = true)) \
    N(rg_scaled_dot_product_attention, rg_scaled_dot_product_attention(x, x, x, .mask = x, .causal = true)) \
    N(rg_lstm_gates, rg_lstm_gates(x, x, x)) N(rg_gru_gates, rg_gru_gates(x, x, x)) \
    N(rg_mse, rg_mse(x, x)) N(rg_sum, rg_sum(x)) N(rg_mean, rg_mean(x)) N(rg_max, rg_max(x)) \
    N(rg_concat_of_nothing, rg_concat_at(NULL, 0, 0, NULL)) \
    N(rg_concat_of_no_array, rg_concat_at(NULL, 0, 2, NULL)) N(rg_input, rg_input(t, six, 2)) N(rg_full, rg_full(t, 1, 2))                 \
    N(rg_full_of_rank_0, rg_full(t, 1)) N(rg_buffer, rg_buffer(t, "b", six, 2)) N(rg_parameter, rg_parameter_at(NULL, t, "p", RG_DIMS(2))) \
    N(rg_detach, rg_detach(x)) N(rg_requires_grad, rg_requires_grad(x, true)) N(rg_set_name, rg_set_name(x, "n")) \
    N(rg_name_null, rg_set_name(x, NULL)) \
    N(rg_jacobian, rg_jacobian(x, x)) N(rg_hessian, rg_hessian(x, x)) N(rg_jvp, rg_jvp(x, rg_list_of(x), rg_list_of(x)))                   \
    N(rg_checkpoint, rg_checkpoint(first_of, NULL, rg_list_of(x))) \
    N(rg_checkpoint_of_nothing, rg_checkpoint(first_of, NULL, rg_list_of_n(0, NULL))) \
    N(rg_bce_each, rg_bce_each(x, x)) N(rg_mse_sum, rg_mse(x, x, .reduction = RG_SUM)) N(rg_l1, rg_l1(x, x)) N(rg_huber, rg_huber(x, x))   \
    N(rg_smooth_l1, rg_smooth_l1(x, x)) N(rg_bce, rg_bce(x, x)) N(rg_bce_with_logits, rg_bce_with_logits(x, x))                            \
    N(rg_focal, rg_focal(x, x)) N(rg_hinge, rg_hinge(x, x)) N(rg_squared_hinge, rg_squared_hinge(x, x))                                    \
    N(rg_cross_entropy_sum, rg_cross_entropy(x, x, .reduction = RG_SUM)) N(rg_nll, rg_nll(x, x)) N(rg_multi_margin, rg_multi_margin(x, x)) \
    N(rg_kl_div, rg_kl_div(x, x)) N(rg_cosine_similarity, rg_cosine_similarity(x, x, 0)) \
    N(rg_cosine_embedding, rg_cosine_embedding(x, x, x)) \
    N(rg_gaussian_nll, rg_gaussian_nll(x, x, x))                                                                                           \
    N(rg_retain, rg_retain(x)) N(rg_apply, rg_apply(NULL, NULL, RG_NO_ATTR, 1, &x)) \
    N(rg_empty, rg_empty_at(NULL, t, RG_F32, RG_DIMS(2))) N(rg_poison, rg_poison(t))

#define OTHERS(N)                                                                                                                          \
    N(rg_tape_free, (rg_tape_free(t), true)) N(rg_tape_reset, (rg_tape_reset(t), true)) N(rg_mark, rg_mark(t) == 0)                        \
    N(rg_rewind, (rg_rewind(t, 0), true)) N(rg_record, !rg_record(t, true)) N(rg_keep_grads, !rg_keep_grads(t, true))                      \
    N(rg_set_default_dtype, rg_set_default_dtype(t, RG_F64) == -1) N(rg_default_dtype, rg_default_dtype(t) == RG_F32) \
    N(rg_set_threads, rg_set_threads(t, 1) == -1) \
    N(rg_threads, rg_threads(t) == 1) N(rg_tape_rng, !rg_tape_rng(t)) N(rg_memory, rg_memory(t).tensors == 0) \
    N(rg_params, rg_params(t).count == 0) \
    N(rg_list_join, rg_list_join(rg_list_of_n(1, NULL), rg_params(t)).count == 0)                                                          \
    N(rg_write, rg_write(x, six) == -1) N(rg_release, (rg_release(x), true)) N(rg_backward, rg_backward(x) == -1)                          \
    N(rg_grad, rg_grad(x, rg_list_of(x), &out, .dy = x) == -1 && rg_failed(out)) N(rg_grad_of, !rg_grad_of(x)) \
    N(rg_clear_grad, (rg_clear_grad(x), true)) \
    N(rg_play, rg_play(t) == -1) N(rg_write_slice, rg_write_slice(x, x, 0, 0) == -1)                                                       \
    N(rg_hvp, rg_hvp(x, rg_list_of(x), rg_list_of(x), &out) == -1 && rg_failed(out)) N(rg_check_finite, rg_check_finite(t) == -1)          \
    N(rg_on_grad, rg_on_grad(x, NULL, NULL) == -1) N(rg_listen, (rg_listen(t, RG_RUNS, NULL, true), true)) \
    N(rg_profile_of, !rg_profile_of(t)) N(rg_profile, rg_profile(t, true) == -1) N(rg_profile_print, rg_profile_print(t, stderr) == -1) \
    N(rg_newest, !rg_newest(t)) \
    N(rg_backward_through, rg_backward_through(x, x) == -1)                                                                                \
    N(rg_zero_grad, (rg_zero_grad(t), true)) N(rg_ndim, rg_ndim(x) == 0) N(rg_shape, rg_shape(x)[5] == 0) N(rg_dim, rg_dim(x, 0) == -1)    \
    N(rg_numel, rg_numel(x) == 0) N(rg_dtype_of, rg_dtype_of(x) == RG_F32) N(rg_dtype_name, rg_dtype_name((rg_dtype)9) != NULL)            \
    N(rg_dtype_size, rg_dtype_size((rg_dtype)9) == 0) N(rg_name_of, !rg_name_of(x)) N(rg_tape_of, !rg_tape_of(x)) \
    N(rg_needs_grad, !rg_needs_grad(x)) \
    N(rg_f32, !rg_f32(x)) N(rg_f64, !rg_f64(x)) N(rg_i32, !rg_i32(x)) N(rg_u8, !rg_u8(x)) N(rg_item, isnan(rg_item(x)))                    \
    N(rg_split, rg_split(x, &out, 0, 1) == -1 && rg_failed(out)) N(rg_chunk, rg_chunk(x, &out, 0, 1) == -1 && rg_failed(out))              \
    N(rg_copy_out, rg_copy_out(x, &to, 1) == -1) N(rg_error, rg_error(t) != NULL) N(rg_error_code, rg_error_code(t) == RG_ENOMEM)          \
    N(rg_print_error, (rg_print_error(NULL, RG_OK, NULL), true)) N(rg_equal, !rg_equal(x, x)) N(rg_allclose, !rg_allclose(x, x)) \
    N(rg_error_clear, (rg_error_clear(t), true)) N(rg_on_error, (rg_on_error(t, listen, NULL), true)) N(rg_failed, rg_failed(x))           \
    N(rg_print, (rg_print(x, stderr), rg_print(x, NULL), true)) N(rg_tape_print, (rg_tape_print(t, stderr), rg_tape_print(t, NULL), true)) \
    N(rg_tape_dot, (rg_tape_dot(t, stderr), rg_tape_dot(t, NULL), true)) N(rg_touch, (rg_touch(x), true)) \
    N(rg_set_isa, rg_set_isa(t, 0) == -1) \
    N(rg_isa, rg_isa(t) == 0) N(rg_branch_hash, rg_branch_hash(t, 0) == 0) N(rg_tape_own, !rg_tape_own(NULL, t, 8))                        \
    N(rg_tape_alloc, !rg_tape_alloc(NULL, t, 8)) N(rg_tape_dealloc, (rg_tape_dealloc(t, NULL, 8), true))                                   \
    N(rg_fail, rg_fail(t, RG_EIO, NULL, "none") == -1) N(rg_reject, rg_reject(x, RG_EIO, "none") == -1) N(rg_op_find, !rg_op_find(NULL))   \
    N(rg_op_register, rg_op_register(NULL) == -1) N(rg_info, rg_info().version != NULL)                                                    \
    N(rg_gradcheck, rg_gradcheck(first_of, NULL, rg_list_of(x)).failed == RG_CHECK_BROKEN)                                                 \
    N(rg_gradcheck_without_fn, rg_gradcheck(NULL, NULL, rg_list_of(x)).failed == RG_CHECK_BROKEN)                                          \
    N(rg_gradcheck_op, rg_gradcheck_op(NULL).failed == RG_CHECK_BROKEN)                                                                    \
    N(rg_check_print, (rg_check_print(NULL, NULL, NULL), rg_check_print(&(rg_check){0}, NULL, NULL), true))                                \
    N(rg_verdict_name, rg_verdict_name((rg_verdict)99) != NULL)

#define EACH_NULL(name, condition)                                       \
    static void null_##name(void **state) {                              \
        (void)state;                                                     \
        for (int k = 0; k < 2; k++) {                                    \
            rg_tape *t = NULL;                                           \
            rg_tensor *x = k ? rg_poison(NULL) : NULL, *out = NULL;      \
            float to = 0;                                                \
            (void)t, (void)x, (void)out, (void)to;                       \
            assert_true(condition);                                      \
        }                                                                \
    }
#define FAILS(name, call) EACH_NULL(name, rg_failed(call))
OPS(FAILS)
OTHERS(EACH_NULL)

static void poison_without_a_tape_is_never_written(void **state) {
    (void)state;
    rg_tensor *x = rg_poison(NULL);
    unsigned char before[sizeof *x];
    memcpy(before, x, sizeof before);
    rg_backward(rg_sum(rg_requires_grad(rg_set_name(rg_retain(x), "n"), true)));
    rg_release(x);
    rg_touch(x);
    assert_memory_equal(before, x, sizeof before);
}

int main(void) {
    static const struct CMUnitTest own[] = {CASE(the_first_error_stays), CASE(nothing_runs_while_it_stands), CASE(poison_reads_as_nothing),
        CASE(an_error_leaves_gradients_and_parameters), CASE(clear_and_go_on), CASE(one_tapes_error_is_not_the_others),
        CASE(the_backward_message_names_the_forward_line), CASE(a_layer_names_the_users_line), CASE(bindings_have_no_line),
        CASE(long_names_are_cut),
        CASE(long_paths_are_cut), CASE(the_longest_message), CASE(sizes), CASE(a_handler_hears_once), CASE(by_default_one_line_on_stderr),
        CASE(rg_abort_traps), CASE(poison_without_a_tape_is_never_written),
#define M(name, code, call, message) CASE(says_##name),
        MESSAGES(M)};
    static const struct CMUnitTest nulls[] = {
#define LISTED(name, call) cmocka_unit_test(null_##name),
        OPS(LISTED) OTHERS(LISTED)};
    return cmocka_run_group_tests_name("errors", own, NULL, NULL) + cmocka_run_group_tests_name("NULL everywhere", nulls, NULL, NULL);
}
