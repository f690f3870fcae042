/* test_export.c - rg_nn_export: what it writes is compiled, in strict C99, without and with optimisation, with instructions of this
   machine, by gcc and by clang where they are there, and gives the bits of the net: for nets that were trained, and for the samples of
   every operator. */
#include "retrograd.h"

#include <dlfcn.h>
#include <math.h>

#include "ops/sample.h"
#include "tests/support/cases.h"
#include "tests/support/tape.h"

#include "tests/support/scratch.h" /* last: its t would be hidden by theirs */

static char source[600], shared[600];
static bool full; /* with all compilers, and samples with optimisation: minutes */

static int begin(void **state) {
    if (setup(state)) return -1;
    rg_on_error(t, NULL, NULL);
    snprintf(source, sizeof source, "%s/net.c", folder);
    return 0;
}

static void fine(int failed) {
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    assert_int_equal(failed, 0);
}

/* -------- compiling */

typedef void function(const void *x, const void *x2, const void *x3, const void *x4); /* as many as it has */

#define STRICT "-std=c99 -Wall -Wextra -Werror -pedantic -Wmissing-prototypes "
static const char *const compilers[] = {"gcc " STRICT "-O2", "gcc " STRICT "-O0", "gcc -O3 -march=native", "clang " STRICT "-O2",
    "clang -O3 -march=native"};
enum { COMPILERS = sizeof compilers / sizeof *compilers };

static bool is_there(const char *compiler) {
    char command[100];
    snprintf(command, sizeof command, "command -v %.*s >/dev/null", (int)strcspn(compiler, " "), compiler);
    return system(command) == 0;
}

static void *compiled(const char *compiler) {
    static int count;
    char command[2000];
    snprintf(shared, sizeof shared, "%s/net-%d.so", folder, count++); /* a new name: the loader knows the old one */
    snprintf(command, sizeof command, "%s -shared -fPIC -o %s %s -lm", compiler, shared, source);
    if (system(command)) fail_msg("%s", command);
    void *library = dlopen(shared, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    return library;
}

static void (*find(void *library, const char *name))(void) {
    union { void *object; void (*function)(void); } found = {dlsym(library, name)}; /* ISO C has no cast between them */
    if (!found.object) fail_msg("%s is not there", name);
    return found.function;
}

static void same_bits(const rg_tensor *y, const void *got) {
    const size_t width = rg_dtype_size(y->dtype);
    for (int64_t i = 0; i < y->numel; i++) {
        const double expected = rg_element(y, i), is = rg_value(got, y->dtype, i);
        if (memcmp((const char *)y->data + (size_t)i * width, (const char *)got + (size_t)i * width, width) != 0 &&
            !(expected != expected && is != is)) /* which NaN it is depends on the processor */
            fail_msg("element %lld is %a, not %a", (long long)i, is, expected);
    }
}

/* -------- trained nets */

static rg_tensor *softmaxed(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)net, rg_softmax_at(at, in[0], -1); }
static rg_nn *softmax_layer(void) { return rg_nn_new(t, "softmax", softmaxed, sizeof(rg_nn)); }

static rg_nn *mlp(void) {
    return rg_nn_sequential(t, rg_nn_mlp(t, "tanh", RG_XAVIER_UNIFORM, 7, 33, 16), rg_nn_activation(t, "gelu"),
        rg_nn_layer_norm(t, 16), rg_nn_dropout(t, .5), rg_nn_linear(t, 16, 5, RG_HE_NORMAL), softmax_layer());
}

static rg_nn *convnet(void) {
    return rg_nn_sequential(t, rg_nn_conv2d(t, 2, 4, RG_HE_UNIFORM, .kernel = {3}, .padding = {1}), rg_nn_batch_norm2d(t, 4),
        rg_nn_relu(t), rg_nn_max_pool2d(t, .kernel = {2}),
        rg_nn_conv2d(t, 4, 6, RG_HE_UNIFORM, .kernel = {3, 2}, .stride = {1, 2}, .groups = 2),
        rg_nn_batch_norm2d(t, 6), rg_nn_activation(t, "silu"), rg_nn_avg_pool2d(t, .kernel = {2, 1}), rg_nn_flatten(t),
        rg_nn_linear(t, 12, 10, RG_HE_NORMAL));
}

static rg_nn *recurrent(void) {
    return rg_nn_sequential(t, rg_nn_lstm(t, 3, 8), rg_nn_gru(t, 8, 5), rg_nn_rnn(t, 5, 4, .layers = 2),
        rg_nn_linear(t, 4, 2, RG_HE_NORMAL));
}

static rg_nn *transformer(void) {
    return rg_nn_sequential(t, rg_nn_embedding(t, 11, 8, RG_NORMAL(0, 1)), rg_nn_positional_embedding(t, 80, 8, RG_NORMAL(0, .1)),
        rg_nn_transformer_block(t, 8, 2, 16, RG_XAVIER_UNIFORM, .dropout = .1),
        rg_nn_transformer_block(t, 8, 4, 16, RG_XAVIER_UNIFORM, .causal = true), rg_nn_rms_norm(t, 8),
        rg_nn_linear(t, 8, 11, RG_XAVIER_UNIFORM, .bias = RG_NO_BIAS));
}

typedef struct kind { const char *name; rg_nn *(*make)(void); int64_t shape[4]; int ndim, below; } kind;
static const kind kinds[] = {{"mlp", mlp, {3, 7}, 2, 0}, {"convnet", convnet, {2, 2, 8, 8}, 4, 0},
    {"recurrent", recurrent, {2, 3, 3}, 3, 0}, {"transformer", transformer, {2, 70}, 2, 11}};

static rg_tensor *input_of(const kind *k) {
    return k->below ? rg_cast(rg_uniform_n(t, 0, k->below, k->ndim, k->shape), RG_I32) : rg_normal_n(t, 0, 1, k->ndim, k->shape);
}

static rg_nn *trained(const kind *k) {
    rg_nn *net = k->make();
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .01);
    for (int step = 0; step < 3; step++) {
        rg_tensor *y = rg_nn_forward(net, input_of(k));
        rg_backward(rg_mean(rg_square(rg_sub(y, rg_normal_n(t, 0, 1, rg_ndim(y), rg_shape(y))))));
        rg_optim_step(adam);
        rg_tape_reset(t);
    }
    fine(0);
    return net;
}

static void agree(rg_nn *net, const kind *k, function *fn, void *workspace) {
    rg_nn_eval(net);
    for (int i = 0; i < 3; i++) {
        rg_tensor *x = input_of(k), *y = rg_nn_forward(net, x);
        void *got = malloc((size_t)y->numel * rg_dtype_size(y->dtype));
        fn(x->data, got, workspace, NULL);
        same_bits(y, got);
        free(got);
    }
    rg_nn_eval_end(net);
    fine(0);
}

static void a_trained_net(void **state) {
    const kind *k = *state;
    for (int f64 = 0; f64 < 2; f64++) {
        rg_set_default_dtype(t, f64 ? RG_F64 : RG_F32);
        rg_nn *net = trained(k);
        const int64_t mark = rg_mark(t);
        rg_tensor *x = input_of(k);
        const rg_memory_stats before = rg_memory(t);
        fine(rg_nn_export(net, x, source, .name = "predict"));
        assert_int_equal(rg_memory(t).tensors, before.tensors);
        assert_true(net->training);
        for (int i = 0; i < COMPILERS; i++) {
            if (!is_there(compilers[i]) || (!full && (f64 ? i != 2 : i % 4))) continue;
            void *library = compiled(compilers[i]);
            agree(net, k, (function *)find(library, "predict"), NULL);
            dlclose(library);
        }
        rg_rewind(t, mark);
    }
}

/* -------- options */

/* Weights in a file, a workspace of the caller; the file says how large it is. */
static void options_of_the_file(void **state) {
    (void)state;
    const kind *k = &kinds[3];
    rg_nn *net = trained(k);
    char weights[600], line[300];
    long need = 0;
    snprintf(weights, sizeof weights, "%s/net.bin", folder);
    fine(rg_nn_export(net, input_of(k), source, .weights = weights, .workspace = true));
    FILE *f = fopen(source, "r");
    while (fgets(line, sizeof line, f))
        if (strstr(line, "workspace: ")) sscanf(strstr(line, "workspace: "), "workspace: %ld bytes", &need);
    fclose(f);
    assert_true(need > 0);
    void *library = compiled(compilers[0]), *workspace = malloc((size_t)need);
    int (*load)(const char *) = (int (*)(const char *))find(library, "net_load");
    assert_int_equal(load("nowhere"), -1);
    assert_int_equal(load(source), -1);
    assert_int_equal(load(weights), 0);
    agree(net, k, (function *)find(library, "net"), workspace);
    free(workspace);
    dlclose(library);
}

static rg_tensor *weighted(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)net;
    return rg_argmax_at(at, rg_add_at(at, rg_mul_at(at, in[0], in[1]), rg_cast_at(at, in[2], rg_dtype_of(in[0]))), 1, (const int[]){1});
}

/* Several inputs, a view among them, of several dtypes; a result of integers. */
static void several_inputs(void **state) {
    (void)state;
    rg_nn *net = rg_nn_new(t, "weighted", weighted, sizeof(rg_nn), .inputs = 3);
    rg_tensor *all = rg_normal(t, 0, 1, 4, 5), *x = rg_slice(all, 0, 1, 3), *w = rg_normal(t, 0, 1, 5);
    rg_tensor *u = rg_input(t, ((const uint8_t[]){0, 1, 2, 1, 0}), 5), *y = rg_nn_forward(net, x, w, u);
    int32_t got[2];
    fine(rg_nn_export(net, x, source, .more = rg_list_of(w, u)));
    void *library = compiled(compilers[0]);
    ((void (*)(const float *, const float *, const uint8_t *, int32_t *))find(library, "net"))(x->data, w->data, u->data, got);
    same_bits(y, got);
    dlclose(library);
}

static rg_tensor *unchanged(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)at, (void)net, in[0]; }
static rg_tensor *always(const char *at, rg_nn *net, rg_tensor *const *in) {
    return (void)in, rg_full_at(at, net->tape, -INFINITY, 1, &(int64_t){3});
}

/* Results that no operator of the input makes: the input, a constant. */
static void plain_results(void **state) {
    (void)state;
    rg_nn *nets[] = {rg_nn_new(t, "unchanged", unchanged, sizeof(rg_nn)), rg_nn_new(t, "always", always, sizeof(rg_nn))};
    rg_tensor *x = rg_normal(t, 0, 1, 3);
    for (int i = 0; i < 2; i++) {
        float got[3];
        fine(rg_nn_export(nets[i], x, source));
        void *library = compiled(compilers[0]);
        ((function *)find(library, "net"))(x->data, got, NULL, NULL);
        same_bits(rg_nn_forward(nets[i], x), got);
        dlclose(library);
    }
}

/* -------- the samples of every operator, in one net of three inputs: all floats, all i32, all u8 */

enum { INPUTS = 3, JOINED = 200 };
typedef struct sampled {
    rg_nn nn;
    const rg_op *only; /* NULL: all but those of `refused` */
    bool filling;      /* the values of the operands go to the inputs */
    int64_t at[INPUTS];
} sampled;

/* Operators without C code: with one of them no file is written. */
static const char *const refused[] = {"all", "any", "argsort", "batch_norm", "cross_entropy", "dropout", "exp_scan",
    "fold", "gaussian_nll", "index_add", "logcumsumexp", "scatter_add", "sort", "topk", "tril", "triu", "unfold"};
static bool is_refused(const rg_op *op) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (!strcmp(refused[i], op->name)) return true;
    return false;
}

static bool is_reduction(const rg_op *op) {
    static const char *const names[] = {"argmax", "argmin", "max", "mean", "min", "sum"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], op->name)) return true;
    return false;
}

static int input_for(const rg_tensor *x) { return x->dtype == RG_I32 ? 1 : x->dtype == RG_U8 ? 2 : 0; }

/* The operands of a sample, as parts of the inputs; NULL for one with a float dtype that is not the tape's. */
static rg_tensor *result_of(const char *at, sampled *net, const rg_op *op, const rg_sample *s, rg_tensor *const *in) {
    rg_tensor *x[RG_SAMPLE_OPERANDS];
    rg_rng rng;
    rg_rng_seed(&rng, 11);
    const int n = rg_sample_operands(at, s, op, t, &rng, x);
    for (int i = 0; i < n; i++)
        if (x[i]->dtype < RG_I32 && x[i]->dtype != rg_default_dtype(t)) return NULL;
    for (int i = 0; i < n; i++) {
        const int k = input_for(x[i]);
        const int64_t from = net->at[k], numel = x[i]->numel;
        if (s->operand[i].same && i) {
            x[i] = x[0];
            continue;
        }
        net->at[k] += numel;
        const size_t width = rg_dtype_size(x[i]->dtype);
        if (net->filling) memcpy((char *)in[k]->data + (size_t)from * width, x[i]->data, (size_t)numel * width);
        x[i] = rg_reshape_n(rg_slice(in[k], 0, from, from + numel), x[i]->ndim, x[i]->shape);
    }
    rg_tensor *y = rg_sample_apply(at, s, op, x);
    if (!rg_failed(y) && y->op != rg_op_find(y->op->name) && is_reduction(op)) return NULL; /* of integers */
    if (rg_dtype_of(y) >= RG_I32) y = rg_cast(y, rg_default_dtype(t));
    return rg_dtype_of(y) == rg_default_dtype(t) ? rg_reshape(y, -1) : NULL;
}

static rg_tensor *all_samples(const char *at, rg_nn *nn, rg_tensor *const *in) {
    sampled *net = (sampled *)nn;
    rg_tensor *y[JOINED], *joined = NULL;
    int n = 0;
    memset(net->at, 0, sizeof net->at);
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        rg_sample s;
        if (net->only ? net->only != e->op : is_refused(e->op)) continue;
        for (const char *text = e->op->samples; rg_sample_next(&text, &s) == 1;)
            if ((y[n] = result_of(at, net, e->op, &s, in)) && y[n]->numel && ++n == JOINED - 1) {
                if (joined) y[n++] = joined;
                joined = rg_concat_n(0, n, y), n = 0;
            }
    }
    if (joined) y[n++] = joined;
    return n ? rg_concat_n(0, n, y) : in[0];
}

static void samples_of(rg_dtype dtype, const char *compiler) {
    if (!is_there(compiler)) skip();
    rg_set_default_dtype(t, dtype);
    sampled *net = (sampled *)rg_nn_new(t, "sampled", all_samples, sizeof *net, .inputs = INPUTS);
    const int64_t room[] = {1 << 19};
    rg_tensor *x = rg_zeros_n(t, 1, room), *i = rg_cast(x, RG_I32), *u = rg_cast(x, RG_U8);
    net->filling = true;
    rg_nn_forward(&net->nn, x, i, u);
    fine(0);
    net->filling = false;
    rg_tensor *y = rg_nn_forward(&net->nn, x, i, u);
    fine(rg_nn_export(&net->nn, x, source, .more = rg_list_of(i, u)));
    assert_true(y->numel > 10000);
    void *library = compiled(compiler), *got = malloc((size_t)y->numel * rg_dtype_size(dtype));
    ((function *)find(library, "net"))(x->data, i->data, u->data, got);
    same_bits(y, got);
    free(got);
    dlclose(library);
}

static void samples_f32(void **state) { (void)state, samples_of(RG_F32, compilers[full ? 2 : 1]); }
static void samples_f64(void **state) { (void)state, samples_of(RG_F64, compilers[full ? 2 : 1]); }

/* Large ones: sums by pieces, rows and columns, softmax over columns, products with a batch. */
static rg_tensor *of_large(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)at, (void)net;
    rg_tensor *x = in[0], *m = rg_reshape(x, 100, 300), *slabs = rg_reshape(x, 30, 10, 10, 10);
    return rg_concat(0, rg_unsqueeze(rg_sum(x), 0), rg_mean(m, 0), rg_mean(m, 1), rg_reshape(rg_mean(slabs, 0, 2), -1),
        rg_reshape(rg_sum(slabs, 1, 3), -1), rg_reshape(rg_max(slabs, 0, 2), -1), rg_reshape(rg_softmax(m, 0), -1),
        rg_reshape(rg_log_softmax(m, 1), -1), rg_logsumexp(m, 0),
        rg_reshape(rg_matmul(rg_slice(slabs, 1, 0, 1), rg_slice(slabs, 0, 0, 1)), -1));
}
static void large_sums(void **state) {
    (void)state;
    rg_nn *net = rg_nn_new(t, "large", of_large, sizeof(rg_nn));
    rg_tensor *x = rg_normal(t, 0, 1, 30000), *y = rg_nn_forward(net, x);
    float *got = malloc((size_t)rg_numel(y) * sizeof *got);
    fine(rg_nn_export(net, x, source));
    void *library = compiled(compilers[2]);
    ((function *)find(library, "net"))(x->data, got, NULL, NULL);
    same_bits(y, got);
    free(got);
    dlclose(library);
}

/* -------- errors */

static void no_c_code(void **state) {
    (void)state;
    const int64_t room[] = {1 << 16};
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        sampled *net = (sampled *)rg_nn_new(t, "sampled", all_samples, sizeof *net, .inputs = INPUTS);
        net->only = rg_op_find(refused[k]);
        assert_non_null(net->only);
        rg_tensor *x = rg_zeros_n(t, 1, room), *i = rg_cast(x, RG_I32), *u = rg_cast(x, RG_U8);
        net->filling = true;
        rg_nn_forward(&net->nn, x, i, u);
        net->filling = false;
        if (rg_nn_export(&net->nn, x, source, .more = rg_list_of(i, u)) == 0) fail_msg("%s is not refused", refused[k]);
        if (strncmp(rg_error(t), "rg_nn_export: ", 14) || !strstr(rg_error(t), "cannot be written as C")) fail_msg("%s", rg_error(t));
        assert_int_equal(access(source, F_OK), -1);
        rg_error_clear(t);
        rg_tape_reset(t);
    }
}

static rg_tensor *noisy(const char *at, rg_nn *net, rg_tensor *const *in) {
    return rg_add_at(at, in[0], rg_normal_at(at, net->tape, 0, 1, 1, &(int64_t){2}));
}
static rg_tensor *dropping(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)net, rg_dropout_at(at, in[0], .5); }
static rg_tensor *in_doubles(const char *at, rg_nn *net, rg_tensor *const *in) {
    return (void)net, rg_cast_at(at, rg_exp_at(at, rg_cast_at(at, in[0], RG_F64)), RG_F32);
}

static void errors(void **state) {
    (void)state;
    char nowhere[600], message[900];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere/net.c", folder);
    rg_nn *net = rg_nn_linear(t, 2, 3, RG_ONES);
    rg_tensor *x = rg_ones(t, 4, 2);
    rg_nn *noise = rg_nn_new(t, "noisy", noisy, sizeof(rg_nn)), *drops = rg_nn_new(t, "dropping", dropping, sizeof(rg_nn)),
        *doubles = rg_nn_new(t, "in_doubles", in_doubles, sizeof(rg_nn));
#define REFUSED(call, text)                                                                             \
    do {                                                                                                \
        assert_int_equal(call, -1);                                                                     \
        snprintf(message, sizeof message, "%s (test_export.c:%d)", text, __LINE__);                     \
        expect_error(t, message);                                                                       \
        assert_int_equal(access(source, F_OK), -1);                                                     \
    } while (0)
    assert_int_equal(rg_nn_export(NULL, NULL, source), -1);
    REFUSED(rg_nn_export(NULL, x, source), "rg_nn_export: the net is NULL");
    REFUSED(rg_nn_export(net, NULL, source), "rg_nn_export: input 1 is NULL");
    REFUSED(rg_nn_export(net, x, NULL), "rg_nn_export: the path is NULL");
    REFUSED(rg_nn_export(net, x, source, .name = "2d"), "rg_nn_export: 2d: the function cannot have this name");
    REFUSED(rg_nn_export(net, x, source, .name = "multiply"), "rg_nn_export: multiply: the function cannot have this name");
    REFUSED(rg_nn_export(noise, x, source), "rg_nn_export: the noisy draws random numbers");
    REFUSED(rg_nn_export(drops, x, source), "rg_nn_export: dropout [4,2]: it cannot be written as C");
    REFUSED(rg_nn_export(doubles, x, source), "rg_nn_export: cast [4,2] f64: the net has both f32 and f64");
    REFUSED(rg_nn_export(net, x, source, .more = {NULL, 9}), "rg_nn_export: .more is 9 tensors, at most 7");
    assert_int_equal(rg_nn_export(net, x, source, .more = rg_list_of(x)), -1);
    assert_non_null(strstr(rg_error(t), "rg_nn_forward: the linear takes 1 input, it got 2"));
    rg_error_clear(t);
    assert_int_equal(rg_nn_export(net, x, nowhere), -1);
    assert_non_null(strstr(rg_error(t), "cannot be written: No such file or directory"));
    rg_error_clear(t);
    fine(rg_nn_export(net, x, source)); /* nothing is left of all that */
}

int main(int argc, char **argv) {
    cases c = {0};
    full = argc > 1 && !strcmp(argv[1], "full");
    if (!is_there("cc") || !is_there("gcc")) return puts("1..0 # SKIP there is no gcc"), 0;
    struct CMUnitTest more[] = {cmocka_unit_test_setup_teardown(options_of_the_file, begin, teardown),
        cmocka_unit_test_setup_teardown(several_inputs, begin, teardown), cmocka_unit_test_setup_teardown(plain_results, begin, teardown),
        cmocka_unit_test_setup_teardown(large_sums, begin, teardown), cmocka_unit_test_setup_teardown(samples_f32, begin, teardown),
        cmocka_unit_test_setup_teardown(samples_f64, begin, teardown), cmocka_unit_test_setup_teardown(no_c_code, begin, teardown),
        cmocka_unit_test_setup_teardown(errors, begin, teardown)};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        cases_add(&c, a_trained_net, &kinds[k], "%s", kinds[k].name);
        c.items[k].setup_func = begin, c.items[k].teardown_func = teardown;
    }
    const int failed = cases_run(&c, "trained nets");
    return failed + cmocka_run_group_tests(more, NULL, NULL);
}
