/* test_layouts.c - files of others: PyTorch's layout, prefixes, other names, a part of a net, half floats; and any file as a list. */
#define _GNU_SOURCE 1 /* memmem */
#include <math.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/support/scratch.h"

/* -------- files by hand */

static struct {
    char header[1 << 14];
    unsigned char values[1 << 14];
    size_t n, values_n;
} made;

static void begin(void) { made.n = (size_t)snprintf(made.header, sizeof made.header, "{"), made.values_n = 0; }

static void tensor(const char *name, const char *dtype, const char *shape, const void *values, size_t n) {
    made.n += (size_t)snprintf(made.header + made.n, sizeof made.header - made.n,
        "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", made.n > 1 ? "," : "", name, dtype, shape, made.values_n,
        made.values_n + n);
    memcpy(made.values + made.values_n, values, n);
    made.values_n += n;
}

/* Count floats 1, 2, .. */
static void floats(const char *name, const char *shape, int count) {
    float values[256];
    for (int i = 0; i < count; i++) values[i] = (float)(i + 1);
    tensor(name, "F32", shape, values, (size_t)count * sizeof *values);
}

static void finish(void) {
    const uint64_t n = made.n + 1;
    plain.n = 0;
    put(&plain, &n, 8);
    put(&plain, made.header, made.n);
    put(&plain, "}", 1);
    put(&plain, made.values, made.values_n);
    write_bytes("file", &plain);
}

static void in_file(void) { snprintf(path, sizeof path, "%s/file", folder); }

/* A tensor's values are these. */
static void assert_values(rg_tensor *x, int n, const double *values) {
    double found[256];
    assert_false(rg_failed(x));
    assert_int_equal(rg_numel(x), n);
    rg_copy_out(x, found, 256);
    for (int i = 0; i < n; i++)
        if (found[i] != values[i]) fail_msg("%s[%d] is %g, not %g", rg_name_of(x) ? rg_name_of(x) : "a tensor", i, found[i], values[i]);
}
#define VALUES(x, ...) assert_values(x, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

#define REFUSED(call, code, says)                                                                                             \
    do {                                                                                                                      \
        const uint64_t as_it_was = hash_of(net);                                                                              \
        assert_int_equal(call, -1);                                                                                           \
        if (rg_error_code(t) != (code) || !strstr(rg_error(t), says)) fail_msg("expected '%s', got '%s'", says, rg_error(t)); \
        rg_error_clear(t);                                                                                                    \
        assert_true(hash_of(net) == as_it_was);                                                                               \
    } while (0)

static uint64_t hash_of(rg_nn *net) {
    const rg_list lists[] = {rg_nn_params(net), rg_nn_buffers(net)};
    uint64_t h = RG_HASH;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < lists[k].count; i++)
            for (int64_t j = 0; j < rg_numel(lists[k].items[i]); j++) {
                const double v = rg_element(lists[k].items[i], j);
                uint64_t bits;
                memcpy(&bits, &v, sizeof bits);
                h = rg_hash(h, bits);
            }
    return h;
}

static void randomise(rg_nn *net) {
    const rg_list lists[] = {rg_nn_params(net), rg_nn_buffers(net)};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < lists[k].count; i++) rg_init_fill(lists[k].items[i], RG_NORMAL(0, 1));
}

/* -------- PyTorch's layout */

static rg_tensor *in_a_row(const char *at, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *x = in[0];
    for (int i = 0; i < net->nchildren; i++) x = rg_nn_forward_at(at, net->children[i], 1, &x);
    return x;
}

/* Of every kind, one within another. */
static rg_nn *of_every_kind(void) {
    rg_nn *net = rg_nn_new(t, "all", in_a_row, sizeof(rg_nn));
    rg_nn_add(net, NULL, rg_nn_conv2d(t, 3, 3, RG_ONES, .kernel = {3}));
    rg_nn_add(net, NULL, rg_nn_batch_norm2d(t, 3));
    rg_nn_add(net, NULL, rg_nn_sequential(t, rg_nn_residual(rg_nn_linear(t, 3, 4, RG_ONES)),
        rg_nn_linear(t, 3, 3, RG_ONES, .bias = RG_NO_BIAS)));
    rg_nn_add(net, NULL, rg_nn_embedding(t, 5, 3, RG_ONES));
    rg_nn_add(net, NULL, rg_nn_positional_embedding(t, 5, 3, RG_ONES));
    rg_nn_add(net, NULL, rg_nn_lstm(t, 3, 2, .layers = 2));
    rg_nn_add(net, NULL, rg_nn_gru(t, 3, 2));
    rg_nn_add(net, NULL, rg_nn_rnn(t, 3, 2));
    rg_nn_add(net, NULL, rg_nn_transformer_block(t, 4, 2, 6, RG_ONES));
    rg_nn_add(net, NULL, rg_nn_conv1d(t, 3, 3, RG_ONES, .kernel = {1}));
    rg_nn *own = rg_nn_new(t, "own", in_a_row, sizeof(rg_nn));
    rg_nn_param(own, "weight", RG_ONES, 2, 3);
    rg_nn_add(net, NULL, own);
    randomise(net);
    assert_null(rg_error(t));
    return net;
}

static const char *const turned_names[] = {"2.0.0.weight", "2.1.weight", "5.weight_ih_l0", "5.weight_hh_l0", "5.weight_ih_l1",
    "5.weight_hh_l1", "6.weight_ih_l0", "6.weight_hh_l0", "7.weight_ih_l0", "7.weight_hh_l0", "8.self_attn.in_proj_weight",
    "8.self_attn.out_proj.weight", "8.linear1.weight", "8.linear2.weight", NULL};

/* Turned is what multiplies from the right in a layer that knows it, and nothing else, though it has two dimensions. */
static void which_are_turned(void **state) {
    (void)state;
    rg_nn *net = of_every_kind();
    in_file();
    assert_int_equal(rg_nn_save(net, path, .layout = RG_TORCH), 0);
    const rg_list file = rg_safetensors_load(t, path), lists[] = {rg_nn_params(net), rg_nn_buffers(net)};
    assert_int_equal(file.count, lists[0].count + lists[1].count);
    int turned = 0;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < lists[k].count; i++) {
            rg_tensor *x = lists[k].items[i], *y = rg_list_find(file, x->name);
            bool is = false;
            for (const char *const *name = turned_names; *name; name++) is |= !strcmp(*name, x->name);
            turned += is;
            if (is) x = rg_permute(x, 1, 0);
            assert_true(rg_same_shape(x, y));
            if (memcmp(x->data, y->data, (size_t)x->numel * sizeof(float)) != 0) fail_msg("%s is %sturned", y->name, is ? "not " : "");
        }
    assert_int_equal(turned, 14);
    const uint64_t before = hash_of(net);
    randomise(net);
    rg_file_report report;
    assert_int_equal(rg_nn_load(net, path, .layout = RG_TORCH, .report = &report), 0);
    assert_true(hash_of(net) == before && report.loaded == file.count && !report.missing && !report.unexpected);
    assert_true(report.missing_names && !report.missing_names[0] && report.unexpected_names && !report.unexpected_names[0]);
    REFUSED(rg_nn_load(net, path), RG_EIO,
        "2.0.0.weight is F32 [4,3] in the file, F32 [3,4] here; a file of PyTorch's wants .layout = RG_TORCH (");
    assert_int_equal(rg_nn_save(net, path), 0);
    REFUSED(rg_nn_load(net, path, .layout = RG_TORCH), RG_EIO, "2.0.0.weight is F32 [3,4] in the file, F32 [4,3] here (");
}

static void a_file_of_pytorchs(void **state) {
    (void)state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 3, RG_ONES), rg_nn_batch_norm1d(t, 3));
    begin();
    floats("0.weight", "3,2", 6), floats("0.bias", "3", 3), floats("1.weight", "3", 3), floats("1.bias", "3", 3),
        floats("1.running_mean", "3", 3), floats("1.running_var", "3", 3);
    tensor("1.num_batches_tracked", "I64", "", (int64_t[]){7}, 8);
    finish();
    REFUSED(rg_nn_load(net, path), RG_EIO, "0.weight is F32 [3,2] in the file, F32 [2,3] here; a file of PyTorch's wants");
    rg_file_report report;
    assert_int_equal(rg_nn_load(net, path, .layout = RG_TORCH, .report = &report), 0);
    assert_true(report.loaded == 6 && report.unexpected == 0);
    VALUES(rg_nn_params(net).items[0], 1, 3, 5, 2, 4, 6);
    VALUES(rg_nn_buffers(net).items[1], 1, 2, 3);
    /* saved for PyTorch it has the same bytes of values */
    assert_int_equal(rg_nn_save(net, path, .layout = RG_TORCH), 0);
    const rg_list l = rg_safetensors_load(t, path);
    assert_int_equal(l.count, 6);
    VALUES(rg_list_find(l, "0.weight"), 1, 2, 3, 4, 5, 6);
}

/* -------- names */

static void prefixes(void **state) {
    (void)state;
    rg_nn *net = rg_nn_linear(t, 2, 1, RG_ONES);
    begin();
    floats("conv.weight", "2,1", 2), floats("conv.bias", "1", 1), floats("head.weight", "4", 4), floats("convolution.bias", "1", 1);
    finish();
    assert_int_equal(rg_nn_load(net, path, .prefix = "conv."), 0);
    VALUES(rg_nn_params(net).items[0], 1, 2);
    REFUSED(rg_nn_load(net, path, .prefix = "conv"), RG_EIO,
        "missing: convweight, convbias; unexpected: conv.bias, conv.weight, convolution.bias");
    REFUSED(rg_nn_load(net, path), RG_EIO, "missing: weight, bias; unexpected: conv.bias, conv.weight, convolution.bias, head.weight");
    REFUSED(rg_nn_save(net, path, .prefix = "@"), RG_EVALUE, "rg_nn_save: the name @weight begins with @");
    assert_int_equal(rg_nn_save(net, path, .prefix = "mine."), 0);
    assert_int_equal(rg_nn_load(net, path, .prefix = "mine."), 0);
    assert_non_null(rg_list_find(rg_safetensors_load(t, path), "mine.weight"));
}

/* What "0.weight", "0.bias", "1.weight", "10.weight" are called in a file. */
static void renames(void **state) {
    (void)state;
    static const struct {
        const char *rename[7], *prefix, *names;
    } rows[] = {{{"features", "0", NULL}, NULL, "features.weight, features.bias, 1.weight, 10.weight"},
        {{"features.3", "1", "b", "10", NULL}, "net.", "net.0.weight, net.0.bias, net.features.3.weight, net.b.weight"},
        {{"model", "", NULL}, NULL, "model.0.weight, model.0.bias, model.1.weight, model.10.weight"},
        {{"", "0", "x", "1", NULL}, NULL, "weight, bias, x.weight, 10.weight"},
        {{"w", "0.weight", "rest", "", NULL}, NULL, "w, rest.0.bias, rest.1.weight, rest.10.weight"},
        {{NULL}, NULL, "0.weight, 0.bias, 1.weight, 10.weight"},
        {{"a", "weight", "b", "0.w", "c", "0.weight.x", NULL}, NULL, "0.weight, 0.bias, 1.weight, 10.weight"}};
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 1, RG_ONES), rg_nn_linear(t, 1, 2, RG_ONES, .bias = RG_NO_BIAS));
    for (int k = 0; k < 8; k++) rg_nn_add(net, NULL, rg_nn_relu(t));
    rg_nn_add(net, NULL, rg_nn_linear(t, 2, 2, RG_ONES, .bias = RG_NO_BIAS));
    in_file();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char names[256] = "";
        randomise(net);
        const uint64_t before = hash_of(net);
        assert_int_equal(rg_nn_save(net, path, .prefix = rows[i].prefix, .rename = rows[i].rename), 0);
        const rg_list l = rg_safetensors_load(t, path);
        for (int k = 0; k < l.count; k++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? ", " : "", rg_name_of(l.items[k]));
        assert_string_equal(names, rows[i].names);
        randomise(net);
        assert_int_equal(rg_nn_load(net, path, .prefix = rows[i].prefix, .rename = rows[i].rename), 0);
        assert_true(hash_of(net) == before);
    }
    REFUSED(rg_nn_load(net, path, .rename = (const char *[]){"a", "0", "b", NULL}), RG_EVALUE,
        "rg_nn_load: .rename ends within a pair, after b (");
    REFUSED(rg_nn_save(net, path, .rename = (const char *[]){"1", "0", NULL}), RG_EVALUE, "rg_nn_save: two tensors have the name 1.weight");
    REFUSED(rg_nn_load(net, path, .rename = (const char *[]){"@", "0", NULL}), RG_EVALUE, "rg_nn_load: the name @.weight begins with @");
    REFUSED(rg_nn_load(net, path, .layout = (rg_layout)2), RG_EVALUE, "rg_nn_load: there is no layout 2");
    REFUSED(rg_nn_save(net, path, .partial = true), RG_EVALUE, "rg_nn_save: .partial is for rg_nn_load");
    REFUSED(rg_nn_save(net, path, .report = &(rg_file_report){0}), RG_EVALUE, "rg_nn_save: .report is for rg_nn_load");
}

/* -------- a part */

static void a_part_of_a_net(void **state) {
    (void)state;
    rg_nn *net = rg_nn_mlp(t, "relu", RG_ONES, 2, 1, 3);
    rg_file_report report = {.loaded = -1};
    begin();
    floats("0.weight", "2,1", 2), floats("head.weight", "3", 3), floats("@x", "1", 1), floats("1.num_batches_tracked", "1", 1);
    finish();
    REFUSED(rg_nn_load(net, path, .report = &report), RG_EIO,
        "missing: 0.bias, 2.weight, 2.bias; unexpected: 1.num_batches_tracked, head.weight");
    assert_int_equal(report.loaded, -1);
    rg_init_fill(rg_nn_params(net).items[1], RG_CONSTANT(5));
    assert_int_equal(rg_nn_load(net, path, .partial = true), 0);
    assert_int_equal(rg_nn_load(net, path, .partial = true, .report = &report), 0);
    assert_true(report.loaded == 1 && report.missing == 3 && report.unexpected == 2);
    static const char *const missing[] = {"0.bias", "2.weight", "2.bias"}, *const unexpected[] = {"1.num_batches_tracked", "head.weight"};
    for (int i = 0; i < 3; i++) assert_string_equal(report.missing_names[i], missing[i]);
    for (int i = 0; i < 2; i++) assert_string_equal(report.unexpected_names[i], unexpected[i]);
    assert_true(!report.missing_names[3] && !report.unexpected_names[2]);
    VALUES(rg_nn_params(net).items[0], 1, 2);
    VALUES(rg_nn_params(net).items[1], 5);
    assert_int_equal(
        rg_nn_load(net, path, .partial = true, .rename = (const char *[]){"head.weight", "2.bias", NULL}, .report = &report), 0);
    assert_true(report.loaded == 2 && report.missing == 2 && report.unexpected == 1);
    VALUES(rg_nn_params(net).items[3], 1, 2, 3);
    /* nothing at all is a mistake; so is another shape */
    REFUSED(rg_nn_load(net, path, .partial = true, .prefix = "net."), RG_EIO,
        "holds nothing of this net; missing: net.0.weight, net.0.bias, net.2.weight, net.2.bias; unexpected: nothing");
    begin();
    floats("0.weight", "3", 3);
    finish();
    REFUSED(rg_nn_load(net, path, .partial = true), RG_EIO, "0.weight is F32 [3] in the file, F32 [2,1] here");
    /* the first few names, and how many more */
    begin();
    for (int i = 0; i < 40; i++) {
        char name[64];
        snprintf(name, sizeof name, "a_layer_with_a_longer_name.%02d.weight", i);
        floats(name, "1", 1);
    }
    finish();
    REFUSED(rg_nn_load(net, path), RG_EIO,
        "missing: 0.weight, 0.bias, 2.weight, 2.bias; unexpected: a_layer_with_a_longer_name.00.weight, "
        "a_layer_with_a_longer_name.01.weight, 38 more");
    rg_nn *empty = rg_nn_relu(t);
    assert_int_equal(rg_nn_load(empty, path, .partial = true), 0);
}

/* -------- half floats */

/* Values of IEEE 754-2019 binary16, table 3.5 of its annotations: each bit pattern is a number of its own. */
static double half(unsigned bits) {
    const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    const double size = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                        : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                       : ldexp(fraction, -24);
    return bits >> 15 ? -size : size;
}

static rg_nn *net_of_one(rg_dtype dtype, int64_t rows, int64_t columns) {
    rg_set_default_dtype(t, dtype);
    return rg_nn_linear(t, rows, columns, RG_ZEROS, .bias = RG_NO_BIAS);
}

/* All 65,536 of each kind, into f32 and f64, turned and not, and as a list. */
static void every_half(void **state) {
    (void)state;
    enum { ALL = 1 << 16, SIDE = 256 };
    static uint16_t bits[ALL];
    static double found[ALL];
    for (int i = 0; i < ALL; i++) bits[i] = (uint16_t)i;
    for (int how = 0; how < 10; how++) {
        const bool brain = how & 1, turned = how & 4, list = how >= 8;
        char header[128];
        rg_nn *net = net_of_one(how & 2 ? RG_F64 : RG_F32, SIDE, SIDE);
        const uint64_t n = (uint64_t)snprintf(header, sizeof header,
            "{\"weight\":{\"dtype\":\"%s\",\"shape\":[256,256],\"data_offsets\":[0,131072]}}", brain ? "BF16" : "F16");
        plain.n = 0;
        put(&plain, &n, 8), put(&plain, header, n), put(&plain, bits, sizeof bits);
        write_bytes("file", &plain);
        rg_tensor *x = list ? rg_safetensors_load(t, path).items[0] : rg_nn_params(net).items[0];
        if (!list && rg_nn_load(net, path, .layout = turned ? RG_TORCH : RG_IN_OUT)) fail_msg("%s", rg_error(t));
        assert_int_equal(rg_dtype_of(x), list || !(how & 2) ? RG_F32 : RG_F64);
        assert_int_equal(rg_copy_out(x, found, ALL), 0);
        for (int i = 0; i < ALL; i++) {
            const double v = found[turned ? i % SIDE * SIDE + i / SIDE : i];
            float f;
            const uint32_t word = (uint32_t)i << 16;
            memcpy(&f, &word, sizeof f);
            const double should = brain ? (double)f : half((unsigned)i);
            if (!(v == should || (isnan(v) && isnan(should))) || signbit(v) != signbit(should))
                fail_msg("way %d: half %04x is %g, not %g", how, (unsigned)i, v, should);
        }
    }
}

/* -------- lists */

/* A file with a tensor of each type that can be loaded. */
static rg_list every_type(void) {
    begin();
    tensor("b", "BOOL", "2", "\0\1", 2);
    tensor("u", "U8", "3", "\1\2\377", 3);
    tensor("none", "F64", "0,7", "", 0);
    tensor("a none", "F32", "0", "", 0);
    tensor("odd", "U8", "3", "\1\2\3", 3);
    tensor("f", "F32", "", (float[]){1.5f}, 4);
    tensor("i", "I32", "1,2", (int32_t[]){-1, INT32_MAX}, 8);
    tensor("l", "I64", "2,1", (int64_t[]){INT32_MIN, INT32_MAX}, 16);
    tensor("d", "F64", "1", (double[]){1. / 3}, 8);
    tensor("@h", "F16", "2", (uint16_t[]){0x3c00, 0xc000}, 4);
    finish();
    const rg_list l = rg_safetensors_load(t, path);
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    assert_int_equal(l.count, 10);
    return l;
}

static void lists(void **state) {
    (void)state;
    static const struct {
        const char *name;
        rg_dtype dtype;
        int ndim;
    } should[] = {{"b", RG_U8, 1}, {"u", RG_U8, 1}, {"a none", RG_F32, 1}, {"none", RG_F64, 2}, {"odd", RG_U8, 1}, {"f", RG_F32, 0},
        {"i", RG_I32, 2}, {"l", RG_I32, 2}, {"d", RG_F64, 1}, {"@h", RG_F32, 1}};
    const rg_list l = every_type();
    for (int i = 0; i < 10; i++) {
        assert_string_equal(rg_name_of(l.items[i]), should[i].name);
        assert_int_equal(rg_dtype_of(l.items[i]), should[i].dtype);
        assert_int_equal(rg_ndim(l.items[i]), should[i].ndim);
        assert_ptr_equal(rg_list_find(l, should[i].name), l.items[i]);
    }
    rg_tape_reset(t);
    VALUES(rg_list_find(l, "b"), 0, 1);
    VALUES(rg_list_find(l, "u"), 1, 2, 255);
    VALUES(rg_list_find(l, "f"), 1.5);
    VALUES(rg_list_find(l, "i"), -1, INT32_MAX);
    VALUES(rg_list_find(l, "l"), INT32_MIN, INT32_MAX);
    VALUES(rg_list_find(l, "d"), 1. / 3);
    VALUES(rg_list_find(l, "@h"), 1, -2);
}

/* The same values, and checksums, which notice damage. */
static void lists_there_and_back(void **state) {
    (void)state;
    const rg_list l = every_type();
    snprintf(path, sizeof path, "%s/again", folder);
    assert_int_equal(rg_safetensors_save(t, path, l), 0);
    const rg_list again = rg_safetensors_load(t, path);
    assert_int_equal(again.count, 10);
    for (int i = 0; i < 10; i++) {
        const rg_tensor *x = l.items[i], *y = rg_list_find(again, x->name);
        assert_true(y && x->dtype == y->dtype && rg_same_shape(x, y));
        assert_memory_equal(x->data, y->data, (size_t)x->numel * rg_dtype_size(x->dtype));
    }
    FILE *f = fopen(path, "r+b");
    fseek(f, -1, SEEK_END);
    fputc('x', f);
    fclose(f);
    assert_int_equal(rg_safetensors_load(t, path).count, 0);
    assert_int_equal(rg_error_code(t), RG_EIO);
    assert_non_null(strstr(rg_error(t), "rg_safetensors_load: "));
    assert_non_null(strstr(rg_error(t), "odd is damaged: its checksum is"));
    rg_error_clear(t);
}

static void refused_list(const char *says) {
    const int64_t tensors = rg_memory(t).tensors;
    finish();
    assert_int_equal(rg_safetensors_load(t, path).count, 0);
    if (rg_error_code(t) != RG_EIO || !strstr(rg_error(t), says))
        fail_msg("expected '%s', got '%s'", says, rg_error(t) ? rg_error(t) : "no error");
    assert_int_equal(rg_memory(t).tensors, tensors);
    rg_error_clear(t);
}

static void lists_refused(void **state) {
    (void)state;
    rg_nn *net = rg_nn_linear(t, 2, 2, RG_ONES);
    rg_tensor *x = rg_set_name(rg_zeros(t, 2), "x"), *y = rg_set_name(rg_zeros(t, 3), "x"), *nameless = rg_zeros(t, 1);
    begin(), floats("w", "2", 2), tensor("labels", "I64", "2", (int64_t[]){0, INT64_C(1) << 31}, 16);
    refused_list("file: labels: value 1 is 2147483648, too large for i32");
    begin(), tensor("labels", "I64", "1", (int64_t[]){INT64_MIN}, 8);
    refused_list("labels: value 0 is -9223372036854775808, too large for i32");
    static const char *const types[] = {"I8", "U16", "U32", "U64", "F8_E4M3"};
    for (int i = 0; i < 5; i++) {
        char says[100];
        static const size_t sizes[] = {1, 2, 4, 8, 1};
        begin(), floats("w", "2", 2), tensor("odd", types[i], "1", "\0\0\0\0\0\0\0", sizes[i]);
        snprintf(says, sizeof says, "file: odd is %s, not F32, F64, F16, BF16, I32, I64, U8 or BOOL (test_layouts.c:", types[i]);
        refused_list(says);
    }
    begin(), tensor("none", "F16", "0,1000000000000000000", "", 0);
    refused_list("none has a shape that is too large");
    begin(), floats("w", "3", 2);
    refused_list("w has 8 bytes of values, where its shape wants 12");
    in_file();
    REFUSED(rg_safetensors_save(t, path, rg_list_of(x, y)), RG_EVALUE, "rg_safetensors_save: two tensors have the name x (");
    REFUSED(rg_safetensors_save(t, path, rg_list_of(x, nameless)), RG_EVALUE, "rg_safetensors_save: tensor 1, [1], has no name");
    REFUSED(rg_safetensors_save(t, path, rg_list_of(x, NULL)), RG_ESTATE, "rg_safetensors_save: tensor 1 is poisoned, or of another tape");
    REFUSED(rg_safetensors_save(t, path, ((rg_list){NULL, 0})), RG_EVALUE, "rg_safetensors_save: no tensors to save");
    REFUSED(rg_safetensors_save(t, NULL, rg_list_of(x)), RG_EVALUE, "rg_safetensors_save: the path is NULL");
    REFUSED(rg_safetensors_save(t, folder, rg_list_of(x)), RG_EIO, "is a directory, not a file");
    assert_int_equal(rg_safetensors_save(NULL, path, rg_list_of(x)), -1);
    assert_int_equal(rg_safetensors_load(NULL, path).count, 0);
    assert_int_equal(rg_safetensors_load(t, NULL).count, 0);
    assert_non_null(strstr(rg_error(t), "rg_safetensors_load: the path is NULL"));
    rg_error_clear(t);
    begin(), finish(); /* no tensors: an empty list without an error */
    assert_int_equal(rg_safetensors_load(t, path).count, 0);
    assert_null(rg_error(t));
}

int main(void) {
    cases c = {0};
    CASE(&c, which_are_turned, NULL, "which matrices are turned");
    CASE(&c, a_file_of_pytorchs, NULL, "a file of PyTorch's");
    CASE(&c, prefixes, NULL, "prefixes");
    CASE(&c, renames, NULL, "other names");
    CASE(&c, a_part_of_a_net, NULL, "a part of a net");
    CASE(&c, every_half, NULL, "every half float");
    CASE(&c, lists, NULL, "lists");
    CASE(&c, lists_there_and_back, NULL, "lists there and back");
    CASE(&c, lists_refused, NULL, "lists that are refused");
    return cases_run(&c, "layouts");
}
