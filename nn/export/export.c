/* export.c - rg_nn_export: a net as one C file. It runs the net once, in evaluation, and writes C for what the record then has: what does
   not depend on an input is a constant, what the result does not need is left out, views are their base. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "export.h"
#include "nn/files/write.h"

/* -------- text */

/* room for n bytes more, and a 0 */
static bool make_room(rg_export *e, rg_text *to, int64_t n) {
    if (e->failed || n < to->size - to->n) return !e->failed;
    rg_text more = {.n = to->n, .size = 2 * to->size + n + 1000};
    e->failed = !(more.at = rg_tape_alloc(e->at, e->tape, (size_t)more.size));
    if (e->failed) return false;
    if (to->at) memcpy(more.at, to->at, (size_t)to->n), rg_tape_dealloc(e->tape, to->at, (size_t)to->size);
    *to = more;
    return true;
}

void rg_export_put(rg_export *e, rg_text *to, const char *format, ...) {
    for (int64_t n = 0; make_room(e, to, n); ) {
        va_list args;
        va_start(args, format);
        n = vsnprintf(to->at + to->n, (size_t)(to->size - to->n), format, args);
        va_end(args);
        if (n >= to->size - to->n) continue;
        to->n += n;
        break;
    }
}

rg_digits rg_export_number(double v, rg_dtype dtype) {
    rg_digits d;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    const char *minus = bits >> 63 ? "-" : "", *type = dtype == RG_F32 ? "f" : "";
    const int exponent = (int)(bits >> 52 & 2047);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int digits = 13;
    for (; digits > 1 && !(fraction & 15); digits--) fraction >>= 4;
    if (dtype == RG_I32 || dtype == RG_U8) snprintf(d.text, sizeof d.text, "%.0f", v);
    else if (exponent == 2047) snprintf(d.text, sizeof d.text, v != v ? "NAN" : "%sINFINITY", minus);
    else if (v == 0) snprintf(d.text, sizeof d.text, "%s0.0%s", minus, type);
    else snprintf(d.text, sizeof d.text, "%s0x%d.%0*llxp%d%s", minus, exponent > 0, digits, (unsigned long long)fraction,
        exponent ? exponent - 1023 : -1022, type);
    return d;
}

static const char *type_of(rg_dtype dtype) {
    static const char *const names[] = {[RG_F32] = "float", [RG_F64] = "double", [RG_I32] = "int32_t", [RG_U8] = "uint8_t"};
    return names[dtype];
}

int rg_export_refuse(rg_export *e, const rg_tensor *y, const char *why) {
    char text[160];
    if (!e->failed)
        rg_fail(e->tape, RG_EVALUE, e->at, "rg_nn_export: %s %s: %s", y->op ? y->op->name : "tensor", rg_shape_text(y, text, sizeof text),
            why);
    e->failed = true;
    return -1;
}

/* -------- where values are */

static const rg_tensor *base_of(const rg_tensor *x) { return x->base ? x->base : x; }

rg_home *rg_export_home(rg_export *e, const rg_tensor *x) {
    x = base_of(x);
    if (x->seq >= e->mark) return &e->homes[x->seq - e->mark];
    for (int64_t i = e->made; i < e->count; i++)
        if (e->homes[i].x == x) return &e->homes[i];
    rg_home *homes = rg_grown(e->at, e->tape, e->homes, e->count, &e->homes_size, sizeof *homes);
    e->failed |= !homes;
    if (!homes) return &e->homes[0];
    e->homes = homes;
    homes[e->count] = (rg_home){.x = x, .kind = RG_IN_CONSTANT, .number = -1};
    return &homes[e->count++];
}

static int workspace_of(rg_dtype dtype) { return dtype == RG_I32 ? 1 : dtype == RG_U8 ? 2 : 0; }

int64_t rg_export_room(rg_export *e, rg_dtype dtype, int64_t n, int64_t last) {
    enum { LINE = 16 }; /* blocks begin at multiples of so many elements */
    const int k = workspace_of(dtype);
    rg_block *live = rg_grown(e->at, e->tape, e->live[k], e->nlive[k], &e->live_size[k], sizeof *live);
    e->failed |= !live;
    if (!live) return 0;
    int64_t count = 0, begin = 0;
    for (int64_t i = 0; i < e->nlive[k]; i++)
        if (live[i].last >= e->now) live[count++] = live[i];
    for (int64_t i = 0; i < count; i++)
        if (begin < live[i].end && live[i].begin < begin + n) begin = live[i].end, i = -1; /* the first gap that is wide enough */
    live[count] = (rg_block){begin, begin + (n + LINE - 1) / LINE * LINE, last};
    if (live[count].end > e->work[k]) e->work[k] = live[count].end;
    e->live[k] = live, e->nlive[k] = count + 1;
    return begin;
}

static bool in_file(const rg_export *e, const rg_tensor *x) { return e->options.weights && rg_export_is_float(x); }

static void put_name(rg_export *e, rg_text *to, const rg_tensor *x) {
    char text[200];
    for (const char *c = rg_shape_text(x, text, sizeof text); *c; c++)
        rg_export_put(e, to, "%c", isalnum((unsigned char)*c) || strchr("_.[], ", *c) ? *c : '_'); /* no end of a comment */
}

static bool all_zeros(const char *bytes, int64_t n) { return n == 0 || (!bytes[0] && !memcmp(bytes, bytes + 1, (size_t)n - 1)); }

/* Writes a constant; returns its number. With .weights floats go to a file, one after another, and the number is the first's. */
static int64_t put_constant(rg_export *e, const rg_tensor *x) {
    enum { PER_LINE = 8 };
    const int64_t bytes = x->numel * (int64_t)rg_dtype_size(x->dtype);
    rg_text *to = &e->constants;
    if (in_file(e, x)) {
        if (!make_room(e, &e->weights, bytes)) return 0;
        if (bytes) memcpy(e->weights.at + e->weights.n, x->data, (size_t)bytes);
        e->weights.n += bytes;
        return (e->weights.n - bytes) / (int64_t)rg_dtype_size(x->dtype);
    }
    const int64_t n = all_zeros(x->data, bytes) ? 0 : x->numel;
    rg_export_put(e, to, "/* ");
    put_name(e, to, x);
    const long long room = x->numel ? x->numel : 1;
    rg_export_put(e, to, " */\nstatic const %s c%d[%lld] = {", type_of(x->dtype), e->nconstants, room);
    for (int64_t i = 0; i < n && !e->failed; i++)
        rg_export_put(e, to, "%s%s", i % PER_LINE ? ", " : i ? ",\n    " : "\n    ", rg_export_number(rg_element(x, i), x->dtype).text);
    rg_export_put(e, to, n ? "};\n" : "0};\n");
    return e->nconstants++;
}

rg_digits rg_export_array(rg_export *e, const rg_tensor *x, int64_t *first) {
    rg_digits d = {""};
    rg_home *h = rg_export_home(e, x);
    const rg_tensor *base = base_of(x);
    *first = x == base || !x->numel ? 0 : ((const char *)x->data - (const char *)base->data) / (int64_t)rg_dtype_size(x->dtype);
    if (rg_export_is_float(x) && x->dtype != e->real) rg_export_refuse(e, x, "the net has both f32 and f64");
    if (h->kind == RG_IN_CONSTANT && h->number < 0) h->number = put_constant(e, base);
    if (h->kind == RG_IN_WORK || (h->kind == RG_IN_CONSTANT && in_file(e, x))) *first += h->number;
    if (h->kind == RG_IN_WORK) snprintf(d.text, sizeof d.text, "w->%c", "fiu"[workspace_of(x->dtype)]);
    else if (h->kind == RG_IN_RESULT) snprintf(d.text, sizeof d.text, "y");
    else if (h->kind == RG_IN_INPUT) snprintf(d.text, sizeof d.text, h->number ? "x%lld" : "x", (long long)h->number + 1);
    else if (in_file(e, x)) snprintf(d.text, sizeof d.text, "weights");
    else snprintf(d.text, sizeof d.text, "c%lld", (long long)h->number);
    return d;
}

/* -------- the record */

/* A copy of an input: it is no view and no parameter. */
static rg_tensor *copy_of(const char *at, rg_tape *t, const rg_tensor *x) {
    rg_tensor *copy = rg_empty_at(at, t, x->dtype, x->ndim, x->shape);
    if (!rg_failed(copy) && x->numel) memcpy(copy->data, x->data, (size_t)x->numel * rg_dtype_size(x->dtype));
    return copy;
}

static int check_inputs(rg_export *e, rg_tensor *x) {
    const rg_list more = e->options.more;
    if (more.count < 0 || more.count >= RG_NN_INPUTS || (more.count && !more.items))
        return rg_fail(e->tape, RG_EVALUE, e->at, "rg_nn_export: .more is %d tensors, at most %d", more.count, RG_NN_INPUTS - 1);
    for (; e->nin <= more.count; e->nin++) {
        rg_tensor *in = e->nin ? more.items[e->nin - 1] : x;
        if (rg_given(e->at, e->tape, in, "rg_nn_export: input %d", e->nin + 1)) return -1;
        e->in[e->nin] = in;
    }
    return 0;
}

/* The net's result for copies of the inputs, on the record from e->mark on. */
static int run(rg_export *e, rg_nn *net) {
    rg_tensor *in[RG_NN_INPUTS];
    const rg_rng before = *rg_tape_rng(e->tape);
    e->mark = rg_mark(e->tape);
    for (int i = 0; i < e->nin; i++) e->in[i] = in[i] = copy_of(e->at, e->tape, e->in[i]);
    rg_nn_eval(net);
    rg_tensor *y = rg_nn_forward_at(e->at, net, e->nin, in);
    rg_nn_eval_end(net);
    e->y = y;
    if (rg_failed(y)) return -1;
    const rg_rng *after = rg_tape_rng(e->tape);
    e->draws = memcmp(before.state, after->state, sizeof before.state) || before.has_spare != after->has_spare;
    e->made = e->count = e->homes_size = rg_mark(e->tape) - e->mark;
    if (!(e->homes = rg_tape_alloc(e->at, e->tape, (size_t)e->homes_size * sizeof *e->homes))) return -1;
    for (int64_t i = 0; i < e->made; i++) e->homes[i] = (rg_home){.kind = RG_IN_CONSTANT, .number = -1};
    return 0;
}

/* What depends on an input, forwards; what the result needs and who reads it last, backwards. */
static void mark_needed(rg_export *e) {
    rg_tensor *newest = rg_newest(e->tape), *x = newest;
    for (; x && x->seq >= e->mark && x->prev && x->prev->seq >= e->mark;) x = x->prev;
    for (int i = 0; i < e->nin; i++) {
        rg_home *h = rg_export_home(e, e->in[i]);
        h->kind = RG_IN_INPUT, h->number = i, h->dynamic = true;
    }
    for (; x; x = x->next) {
        bool dynamic = rg_export_home(e, x)->dynamic; /* of the base, or an input */
        for (int i = 0; x->op && i < x->nin; i++) dynamic |= rg_export_home(e, x->in[i])->dynamic;
        e->homes[x->seq - e->mark].x = x;
        e->homes[x->seq - e->mark].dynamic = dynamic;
    }
    rg_export_home(e, e->y)->needed = true;
    for (x = newest; x && x->seq >= e->mark; x = x->prev) {
        const rg_home h = e->homes[x->seq - e->mark];
        if (!h.dynamic || !h.needed || x->base) continue;
        if (rg_export_is_float(x)) e->real = x->dtype;
        for (int i = 0; x->op && i < x->nin; i++) {
            rg_home *of = rg_export_home(e, x->in[i]);
            if (!of->needed || of->last < x->seq - e->mark) of->last = x->seq - e->mark;
            of->needed = true;
        }
    }
}

static void write_body(rg_export *e) {
    rg_home *result = rg_export_home(e, e->y);
    const bool direct = result->dynamic && result->kind != RG_IN_INPUT && base_of(e->y)->numel == e->y->numel;
    if (direct) result->kind = RG_IN_RESULT;
    else result->last = e->made;
    for (e->now = 0; e->now < e->made && !e->failed; e->now++) {
        rg_home *h = &e->homes[e->now];
        const rg_tensor *x = h->x;
        if (!x || !h->dynamic || !h->needed || x->base || h->kind == RG_IN_INPUT) continue;
        if (h->kind == RG_IN_CONSTANT) h->kind = RG_IN_WORK, h->number = rg_export_room(e, x->dtype, x->numel, h->last);
        if (x->op) rg_export_op(e, x);
    }
    if (!direct) rg_export_copy(e, e->y);
}

/* -------- the files */

const char *rg_part_text(const char *name) {
    for (const rg_part *p = rg_parts[0]; p->name; p++)
        if (!strcmp(p->name, name)) return p->text;
    return NULL;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Does the text use a part? A word after a dot or an arrow is a member; a function's name stands before or after a parenthesis. */
static bool uses(const char *text, const rg_part *part) {
    const size_t n = strlen(part->name);
    const char *own = strstr(part->text, part->name);
    const bool function = !strncmp(part->text, "static ", 7) && own[n] == '(';
    for (const char *c = text; (c = strstr(c, part->name)); c += n) {
        const char before = c == text ? ' ' : c[-1], after = c[n];
        const bool whole = !is_word(before) && before != '.' && before != '>' && !is_word(after);
        if (whole && (!function || before == '(' || after == '(')) return true;
    }
    return false;
}

/* The parts that the body needs, in their order: each comes before those that use it. */
static void put_parts(rg_export *e, rg_text *to) {
    const rg_part *parts = rg_parts[e->real == RG_F64];
    int64_t n = 0;
    while (parts[n].name) n++;
    bool *used = rg_tape_alloc(e->at, e->tape, (size_t)n);
    e->failed |= !used;
    if (!used) return;
    for (int64_t i = n; i-- > 0;) {
        used[i] = e->body.at && uses(e->body.at, &parts[i]);
        for (int64_t j = i + 1; j < n && !used[i]; j++) used[i] = used[j] && uses(parts[j].text, &parts[i]);
    }
    for (int64_t i = 0; i < n; i++)
        if (used[i]) rg_export_put(e, to, "%s\n", parts[i].text);
    rg_tape_dealloc(e->tape, used, (size_t)n);
}

/* void net(const float *x, float *y) */
static void put_prototype(rg_export *e, rg_text *to) {
    rg_export_put(e, to, "void %s(", e->name);
    for (int i = 0; i < e->nin; i++)
        rg_export_put(e, to, i ? "const %s *x%d, " : "const %s *x, ", type_of(e->in[i]->dtype), i + 1);
    rg_export_put(e, to, "%s *y%s)", type_of(e->y->dtype), e->options.workspace ? ", void *workspace" : "");
}

static void put_shape(rg_export *e, rg_text *to, const char *name, const rg_tensor *x) {
    rg_export_put(e, to, "%s [", name);
    for (int d = 0; d < x->ndim; d++) rg_export_put(e, to, d ? ",%lld" : "%lld", (long long)x->shape[d]);
    rg_export_put(e, to, "], ");
}

static int64_t work_bytes(const rg_export *e) {
    return e->work[0] * (int64_t)rg_dtype_size(e->real) + e->work[1] * (int64_t)sizeof(int32_t) + e->work[2];
}

static void put_head(rg_export *e, rg_text *to) {
    char name[16] = "x";
    rg_export_put(e, to, "/* A net as C99, written by rg_nn_export of retrograd " RG_VERSION_TEXT ". Link with -lm.\n\n       ");
    put_prototype(e, to);
    rg_export_put(e, to, ";\n\n   ");
    for (int i = 0; i < e->nin; put_shape(e, to, name, e->in[i++]))
        if (i) snprintf(name, sizeof name, "x%d", i + 1);
    put_shape(e, to, "y", e->y);
    if (e->options.workspace) rg_export_put(e, to, "workspace: %lld bytes, aligned as malloc's", (long long)work_bytes(e));
    else rg_export_put(e, to, "a static workspace of %lld bytes: one call at a time", (long long)work_bytes(e));
    rg_export_put(e, to, ".\n   The result has the same bits as the library's. Indices are not checked. */\n"
        "#include <math.h>\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n%s#include <string.h>\n\n"
        "#ifdef __FAST_MATH__\n#error \"compile this file without -ffast-math\"\n#endif\n"
        "#if defined __GNUC__ && !defined __clang__ /* no product and sum become one operation, but where fma is written */\n"
        "#pragma GCC optimize(\"fp-contract=off\")\n#else\n#pragma STDC FP_CONTRACT OFF\n#endif\n\n",
        e->options.weights ? "#include <stdio.h>\n" : "");
}

static void put_weights(rg_export *e, rg_text *to) {
    const long long n = e->weights.n / (int64_t)rg_dtype_size(e->real);
    rg_export_put(e, to, "\n/* Reads the weights from their file: call it first. 0; or -1: the file is not there or has another size. */\n"
        "int %s_load(const char *path);\nstatic %s weights[%lld];\nint %s_load(const char *path) {\n    FILE *f = fopen(path, \"rb\");\n"
        "    const size_t n = f ? fread(weights, sizeof *weights, %lld, f) : 0;\n    const int end = f ? fgetc(f) : 0;\n"
        "    if (f) fclose(f);\n    return n == %lld && end == EOF ? 0 : -1;\n}\n",
        e->name, type_of(e->real), n ? n : 1, e->name, n, n);
}

static void put_net(rg_export *e, rg_text *to) {
    const bool works = work_bytes(e) > 0;
    rg_export_put(e, to, "\n");
    if (works) rg_export_put(e, to, "struct work {\n");
    for (int k = 0; k < RG_WORKS; k++)
        if (e->work[k]) rg_export_put(e, to, "    %s %c[%lld];\n", type_of(k == 1 ? RG_I32 : k == 2 ? RG_U8 : e->real), "fiu"[k],
            (long long)e->work[k]);
    if (works) rg_export_put(e, to, "};\n\n");
    put_prototype(e, to);
    rg_export_put(e, to, ";\n");
    put_prototype(e, to);
    rg_export_put(e, to, " {\n");
    if (works) rg_export_put(e, to, e->options.workspace ? "    struct work *const w = workspace;\n"
        : "    static struct work workspace, *const w = &workspace;\n");
    else if (e->options.workspace) rg_export_put(e, to, "    (void)workspace;\n");
    for (int i = 0; i < e->nin; i++) rg_export_put(e, to, i ? "    (void)x%d;\n" : "    (void)x;\n", i + 1);
    rg_export_put(e, to, "%s}\n", e->body.at ? e->body.at : "");
}

static int write_file(const rg_export *e, const char *path, const rg_text *text) {
    const rg_reader r = {.at = e->at, .tape = e->tape, .name = "rg_nn_export"};
    rg_writer *w = rg_writer_open(&r, path);
    if (!w) return -1;
    rg_writer_put(w, text->at, (uint64_t)text->n);
    return rg_writer_close(w);
}

static int write_files(rg_export *e, const char *path) {
    rg_text file = {.n = 0};
    put_head(e, &file);
    put_parts(e, &file);
    rg_export_put(e, &file, "%s", e->constants.at ? e->constants.at : "");
    if (e->options.weights) put_weights(e, &file);
    put_net(e, &file);
    const int failed = e->failed || (e->options.weights && write_file(e, e->options.weights, &e->weights)) || write_file(e, path, &file);
    if (file.at) rg_tape_dealloc(e->tape, file.at, (size_t)file.size);
    return failed ? -1 : 0;
}

static int check_name(const rg_export *e) {
    size_t n = 0;
    while (is_word(e->name[n])) n++;
    bool taken = !strcmp(e->name, "work") || !strcmp(e->name, "weights");
    for (int i = 0; i < 2; i++)
        for (const rg_part *p = rg_parts[i]; p->name; p++) taken |= !strcmp(p->name, e->name);
    if (n && !e->name[n] && !isdigit((unsigned char)e->name[0]) && !taken) return 0;
    return rg_fail(e->tape, RG_EVALUE, e->at, "rg_nn_export: %.80s: the function cannot have this name", e->name);
}

static int export(rg_export *e, rg_nn *net, rg_tensor *x, const char *path) {
    if (!path) return rg_fail(e->tape, RG_EVALUE, e->at, "rg_nn_export: the path is NULL");
    if (check_name(e) || check_inputs(e, x) || run(e, net)) return -1;
    mark_needed(e);
    write_body(e);
    if (e->failed) return -1;
    if (e->draws) return rg_fail(e->tape, RG_EVALUE, e->at, "rg_nn_export: the %s draws random numbers", net->kind);
    return write_files(e, path);
}

int rg_nn_export_at(const char *at, rg_nn *net, rg_tensor *x, const char *path, rg_export_options options) {
    rg_export e = {.at = at, .tape = net ? net->tape : rg_tape_of(x), .options = options, .name = options.name ? options.name : "net"};
    if (!net) return e.tape ? rg_fail(e.tape, RG_EVALUE, at, "rg_nn_export: the net is NULL") : -1;
    if (rg_error_code(e.tape)) return -1;
    const int64_t mark = rg_mark(e.tape);
    const int failed = export(&e, net, x, path);
    rg_text *const texts[] = {&e.body, &e.constants, &e.weights};
    for (int i = 0; i < 3; i++)
        if (texts[i]->at) rg_tape_dealloc(e.tape, texts[i]->at, (size_t)texts[i]->size);
    for (int k = 0; k < RG_WORKS; k++)
        if (e.live[k]) rg_tape_dealloc(e.tape, e.live[k], (size_t)e.live_size[k] * sizeof *e.live[k]);
    if (e.homes) rg_tape_dealloc(e.tape, e.homes, (size_t)e.homes_size * sizeof *e.homes);
    rg_rewind_at(at, e.tape, mark);
    return failed;
}
