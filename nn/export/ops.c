/* ops.c - the C statements for each operator. What only moves or combines elements is a nest of loops; for the rest a function of parts.c
   is called. The choices of an order of summation are those of the kernel. */
#include <stdarg.h>
#include <string.h>

#include "engine/walk.h"
#include "export.h"

enum { AXES = 2 * RG_MAX_DIMS, OPERANDS = 5 };

/* An operand of a statement: its first element, and its steps along the axes of the loops. */
typedef struct operand { rg_digits array; int64_t first, step[AXES]; } operand;

static operand operand_of(rg_export *e, const rg_tensor *x) {
    operand o = {.first = 0};
    o.array = rg_export_array(e, x, &o.first);
    return o;
}

static int64_t product_of(const rg_tensor *x, int begin, int end) {
    int64_t n = 1;
    for (int d = begin; d < end; d++) n *= x->shape[d];
    return n;
}

/* All elements of x, in order. */
static operand whole(rg_export *e, const rg_tensor *x) {
    operand o = operand_of(e, x);
    for (int d = 0; d < x->ndim; d++) o.step[d] = product_of(x, d + 1, x->ndim);
    return o;
}

static operand flat(rg_export *e, const rg_tensor *x) {
    operand o = operand_of(e, x);
    o.step[0] = 1;
    return o;
}

/* x, whose first `own` axes broadcast to `ndim` axes; an element of these axes is `unit` elements. */
static operand spread(rg_export *e, const rg_tensor *x, int own, int ndim, int64_t unit) {
    operand o = operand_of(e, x);
    for (int d = own - 1; d >= 0; d--) {
        if (x->shape[d] != 1) o.step[ndim - own + d] = unit;
        unit *= x->shape[d];
    }
    return o;
}

static void put_element(rg_export *e, const operand *o, int axes, const int64_t *step) {
    const char *plus = "";
    rg_export_put(e, &e->body, "%s[", o->array.text);
    if (o->first) rg_export_put(e, &e->body, "%lld", (long long)o->first), plus = " + ";
    for (int d = 0; d < axes; d++) {
        if (!step[d]) continue;
        rg_export_put(e, &e->body, "%s%c", plus, 'i' + d);
        if (step[d] != 1) rg_export_put(e, &e->body, " * %lld", (long long)step[d]);
        plus = " + ";
    }
    rg_export_put(e, &e->body, *plus ? "]" : "0]");
}

/* Writes a statement within loops over axes. $k in it is an element of operand k. Neighbouring axes that all operands step through alike
   become one. */
static void nest(rg_export *e, int ndim, const int64_t *shape, int k, const operand *o, const char *statement) {
    int64_t n[AXES], step[OPERANDS][AXES] = {{0}};
    int axes = 0;
    for (int d = 0; d < ndim; d++) {
        bool joins = axes > 0;
        if (shape[d] == 0) return;
        if (shape[d] == 1) continue;
        for (int j = 0; j < k; j++) joins = joins && step[j][axes - 1] == shape[d] * o[j].step[d];
        if (!joins) n[axes++] = 1;
        n[axes - 1] *= shape[d];
        for (int j = 0; j < k; j++) step[j][axes - 1] = o[j].step[d];
    }
    for (int d = 0; d < axes; d++)
        rg_export_put(e, &e->body, "%*sfor (int64_t %c = 0; %c < %lld; %c++)\n", 4 * (d + 1), "", 'i' + d, 'i' + d, (long long)n[d],
            'i' + d);
    rg_export_put(e, &e->body, "%*s", 4 * (axes + 1), "");
    for (const char *c = statement; *c; c++) {
        if (*c == '$') c++, put_element(e, &o[*c - '0'], axes, step[*c - '0']);
        else rg_export_put(e, &e->body, "%c", *c);
    }
    rg_export_put(e, &e->body, "\n");
}

/* The statement alone, of the first elements of y, $0, and its operands. */
__attribute__((format(printf, 3, 4))) static void call(rg_export *e, const rg_tensor *y, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    operand o[OPERANDS] = {operand_of(e, y)};
    for (int i = 0; i < y->nin && i + 1 < OPERANDS; i++) o[i + 1] = operand_of(e, y->in[i]);
    nest(e, 0, NULL, y->nin + 1 < OPERANDS ? y->nin + 1 : OPERANDS, o, text);
}

/* The statement for each element of y, and of its operands, which broadcast. */
static void each(rg_export *e, const rg_tensor *y, const char *statement) {
    operand o[OPERANDS] = {whole(e, y)};
    for (int i = 0; i < y->nin && i + 1 < OPERANDS; i++) o[i + 1] = spread(e, y->in[i], y->in[i]->ndim, y->ndim, 1);
    nest(e, y->ndim, y->shape, y->nin + 1, o, statement);
}

void rg_export_copy(rg_export *e, const rg_tensor *x) {
    operand o[] = {whole(e, x), whole(e, x)};
    o[0].array = (rg_digits){"y"}, o[0].first = 0;
    nest(e, x->ndim, x->shape, 2, o, "$0 = $1;");
}

/* -------- elementwise */

static int elementwise(rg_export *e, const rg_tensor *y) {
    char name[64], text[200], p[60] = "", q[60] = "";
    snprintf(name, sizeof name, "%c_%s", rg_export_is_float(y->in[0]) ? 'f' : 'i', y->op->name);
    const char *part = rg_part_text(name);
    if (!part) return -1;
    if (strstr(part, "double p_")) snprintf(p, sizeof p, ", %s", rg_export_number(y->attr.p, RG_F64).text);
    if (strstr(part, "double q_")) snprintf(q, sizeof q, ", %s", rg_export_number(y->attr.q, RG_F64).text);
    const char *type = rg_export_is_float(y) ? "" : y->dtype == RG_I32 ? "(int32_t)" : "(uint8_t)";
    snprintf(text, sizeof text, "$0 = %s%s($1%s%s%s);", type, name, y->nin > 1 ? ", $2" : "", p, q);
    each(e, y, text);
    return 0;
}

static void expand(rg_export *e, const rg_tensor *y) { each(e, y, "$0 = $1;"); }
static void where(rg_export *e, const rg_tensor *y) { each(e, y, "$0 = $1 != 0 ? $2 : $3;"); }

static void cast(rg_export *e, const rg_tensor *y) {
    each(e, y, rg_export_is_float(y) ? "$0 = (real)$1;" : y->dtype == RG_I32 ? "$0 = to_i32((double)$1);" : "$0 = to_u8((double)$1);");
}

static void fill_with(rg_export *e, const rg_tensor *y, double value) {
    char text[60];
    snprintf(text, sizeof text, "$0 = %s;", rg_export_number(value, y->dtype).text);
    nest(e, y->ndim, y->shape, 1, (const operand[]){whole(e, y)}, text);
}
static void fill(rg_export *e, const rg_tensor *y) { fill_with(e, y, y->attr.p); }

/* -------- elements that move */

static void permute(rg_export *e, const rg_tensor *y) {
    const operand from = whole(e, y->in[0]);
    operand o[] = {whole(e, y), from};
    for (int d = 0; d < y->ndim; d++) o[1].step[d] = from.step[y->attr.perm[d]];
    nest(e, y->ndim, y->shape, 2, o, "$0 = $1;");
}

static void slice(rg_export *e, const rg_tensor *y) {
    operand o[] = {whole(e, y), whole(e, y->in[0])};
    o[1].first += y->attr.start * o[1].step[y->attr.axis];
    nest(e, y->ndim, y->shape, 2, o, "$0 = $1;");
}

static void pad(rg_export *e, const rg_tensor *y) {
    operand o[] = {whole(e, y), whole(e, y->in[0])};
    fill_with(e, y, y->attr.p);
    o[0].first += y->attr.start * o[0].step[y->attr.axis];
    nest(e, y->ndim, y->in[0]->shape, 2, o, "$0 = $1;");
}

static void concat(rg_export *e, const rg_tensor *y) {
    operand o[] = {whole(e, y), {.first = 0}};
    for (int k = 0; k < y->nin; o[0].first += y->in[k++]->shape[y->attr.axis] * o[0].step[y->attr.axis]) {
        o[1] = whole(e, y->in[k]);
        nest(e, y->ndim, y->in[k]->shape, 2, o, "$0 = $1;");
    }
}

static void stack(rg_export *e, const rg_tensor *y) {
    const int axis = y->attr.axis;
    operand o[] = {whole(e, y), {.first = 0}};
    const int64_t step = o[0].step[axis];
    memmove(o[0].step + axis, o[0].step + axis + 1, (size_t)(y->ndim - 1 - axis) * sizeof step);
    for (int k = 0; k < y->nin; k++, o[0].first += step) {
        o[1] = whole(e, y->in[k]);
        nest(e, y->ndim - 1, y->in[k]->shape, 2, o, "$0 = $1;");
    }
}

/* along each axis of y two: the copies, and the elements of x */
static void repeat(rg_export *e, const rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    const operand to = whole(e, y), from = whole(e, x);
    operand o[] = {to, from};
    int64_t shape[AXES];
    for (int d = 0; d < y->ndim; d++) {
        const int own = d - (y->ndim - x->ndim);
        const int64_t n = own < 0 ? 1 : x->shape[own];
        shape[2 * d] = n ? y->shape[d] / n : 0, shape[2 * d + 1] = n;
        o[0].step[2 * d] = n * to.step[d], o[0].step[2 * d + 1] = to.step[d];
        o[1].step[2 * d] = 0, o[1].step[2 * d + 1] = own < 0 ? 0 : from.step[own];
    }
    nest(e, 2 * y->ndim, shape, 2, o, "$0 = $1;");
}

/* -------- indices */

/* Elements of x, `step` apart, by an index. x's steps are those along the other axes of y, which has this shape. */
static void select(rg_export *e, const rg_tensor *y, operand x, operand index, int ndim, const int64_t *shape, int64_t step) {
    char text[60];
    operand o[] = {{.first = 0}, x, index};
    o[0].array = rg_export_array(e, y, &o[0].first);
    for (int64_t d = ndim - 1, n = 1; d >= 0; n *= shape[d--]) o[0].step[d] = n;
    snprintf(text, sizeof text, "$0 = (&$1)[$2 * %lld];", (long long)step);
    nest(e, ndim, shape, 3, o, text);
}

static void index_select(rg_export *e, const rg_tensor *y) {
    const rg_tensor *x = y->in[0], *index = y->in[1];
    const int axis = y->attr.axis;
    const int64_t inner = product_of(x, axis + 1, x->ndim);
    operand from = operand_of(e, x), at = operand_of(e, index);
    from.step[0] = rg_axis_size(x, axis) * inner, from.step[2] = 1, at.step[1] = 1;
    select(e, y, from, at, 3, (const int64_t[]){product_of(x, 0, axis), index->numel, inner}, inner);
}

static void gather(rg_export *e, const rg_tensor *y) {
    const int axis = y->attr.axis;
    operand from = whole(e, y->in[0]);
    const int64_t step = from.step[axis];
    from.step[axis] = 0;
    select(e, y, from, whole(e, y->in[1]), y->ndim, y->shape, step);
}

static void pick(rg_export *e, const rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    select(e, y, spread(e, x, x->ndim - 1, y->ndim, x->shape[x->ndim - 1]), whole(e, y->in[1]), y->ndim, y->shape, 1);
}

/* y, a row for each index, is 0 but at the index */
static void put_at_index(rg_export *e, const rg_tensor *y, const rg_tensor *index, const char *statement) {
    fill_with(e, y, 0);
    nest(e, index->ndim, index->shape, 3, (const operand[]){spread(e, y, y->ndim - 1, index->ndim, y->shape[y->ndim - 1]), whole(e, index),
        whole(e, y->in[0])}, statement);
}
static void scatter(rg_export *e, const rg_tensor *y) { put_at_index(e, y, y->in[1], "(&$0)[$1] = $2;"); }
static void one_hot(rg_export *e, const rg_tensor *y) { put_at_index(e, y, y->in[0], "(&$0)[$1] = 1;"); }

/* -------- reductions: see kernels/core.c and kernels/reduce.c */

/* Runs of x join what is in y so far. */
static void join_runs(rg_export *e, const rg_tensor *y, double start, const char *join, const char *join_run) {
    rg_walk w;
    operand o[] = {operand_of(e, y), operand_of(e, y->in[0])};
    int64_t shape[RG_MAX_DIMS], step = 1;
    char text[100];
    fill_with(e, y, start);
    rg_walk_reduced(&w, y);
    const int inner = w.run[0] ? 0 : 1, ndim = w.ndim - inner;
    for (int d = 0; d < w.ndim; step *= w.n[d++]) {
        if (d < inner) continue;
        shape[w.ndim - 1 - d] = w.n[d];
        o[0].step[w.ndim - 1 - d] = w.step[0][d], o[1].step[w.ndim - 1 - d] = step;
    }
    if (inner) snprintf(text, sizeof text, "$0 = %s($0, %s(%lld, &$1));", join, join_run, (long long)w.inner);
    else snprintf(text, sizeof text, "$0 = %s($0, $1);", join);
    if (w.rows) nest(e, ndim, shape, 2, o, text);
}
static void max(rg_export *e, const rg_tensor *y) { join_runs(e, y, -__builtin_inf(), "larger", "max_run"); }
static void min(rg_export *e, const rg_tensor *y) { join_runs(e, y, __builtin_inf(), "smaller", "min_run"); }
static void prod(rg_export *e, const rg_tensor *y) { join_runs(e, y, 1, "times", "prod_run"); }

static void sum(rg_export *e, const rg_tensor *y) {
    enum { LONG = 1 << 14 }; /* WIDE of kernels/core.c */
    const rg_tensor *x = y->in[0];
    rg_walk w;
    rg_walk_reduced(&w, y);
    const long long n = w.inner, rows = w.ndim > 1 ? w.n[1] : 1;
    if (y->numel == 1) call(e, y, "$0 = sum_all(NULL, %lld, &$1);", (long long)x->numel);
    else if (x->numel && w.ndim == 1) nest(e, 1, &x->numel, 2, (const operand[]){flat(e, y), flat(e, x)}, "$0 = $1;"); /* axes of size 1 */
    else if (x->numel && w.run[0] && w.ndim <= 3 && n <= LONG)
        call(e, y, "sum_columns(&(slabs){%lld, %lld, (%lld + COLUMNS - 1) / COLUMNS, &$1, &$0}, 0, (%lld + COLUMNS - 1) / COLUMNS * %lld);",
            rows, n, n, n, (long long)y->numel / n);
    else join_runs(e, y, 0, "plus", "sum_run");
}

static void mean(rg_export *e, const rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    char text[80];
    double n = 1; /* in the kernel it has the dtype of x */
    sum(e, y);
    for (int d = 0; d < x->ndim; d++)
        if (y->attr.reduce.axes >> d & 1) n = y->dtype == RG_F32 ? (double)(float)(n * (double)x->shape[d]) : n * (double)x->shape[d];
    snprintf(text, sizeof text, "$0 /= %s;", rg_export_number(n, y->dtype).text);
    nest(e, y->ndim, y->shape, 1, (const operand[]){whole(e, y)}, text);
}

/* -------- along an axis */

/* name(.. outer, n, inner, &x, &to), x being [outer, n, inner] */
static void along(rg_export *e, const rg_tensor *y, const char *begin) {
    const rg_tensor *x = y->in[0];
    const int axis = y->attr.axis;
    call(e, y, "%s%lld, %lld, %lld, %s&$1, &$0);", begin, (long long)product_of(x, 0, axis), (long long)rg_axis_size(x, axis),
        (long long)product_of(x, axis + 1, x->ndim), strcmp(y->op->name, "cumsum") ? "" : y->attr.reverse ? "true, " : "false, ");
}
static void softmax(rg_export *e, const rg_tensor *y) { along(e, y, "softmax_like(softmax_loop, "); }
static void log_softmax(rg_export *e, const rg_tensor *y) { along(e, y, "softmax_like(log_softmax_loop, "); }
static void logsumexp(rg_export *e, const rg_tensor *y) { along(e, y, "softmax_like(logsumexp_loop, "); }
static void argmax(rg_export *e, const rg_tensor *y) { along(e, y, "argmax("); }
static void argmin(rg_export *e, const rg_tensor *y) { along(e, y, "argmin("); }
static void cumsum(rg_export *e, const rg_tensor *y) { along(e, y, "cumsum("); }

static void norm(rg_export *e, const rg_tensor *y) {
    const int axis = y->attr.axis;
    call(e, y, "norm_rows(%lld, %lld, %s, %s, &$1, %s, %s, &$0);", (long long)product_of(y, 0, axis),
        (long long)product_of(y, axis, y->ndim), strcmp(y->op->name, "rms_norm") ? "true" : "false",
        rg_export_number(y->attr.p, RG_F64).text, y->nin > 1 ? "&$2" : "NULL", y->nin > 2 ? "&$3" : "NULL");
}

/* The kernel's gates: .a those after their functions, .tc tanh of the new c. */
static void gates(rg_export *e, const rg_tensor *y, int count, const char *function) {
    const rg_tensor *s = y->in[2];
    const long long n = s->shape[s->ndim - 1], a = rg_export_room(e, s->dtype, (count + 1) * s->numel, e->now);
    call(e, y, "%s(&(gates){.n = %lld, .x = &$1, .g = &$2, .s = &$3, .a = w->f + %lld, .to = &$0, .h = &$0 + %lld, .tc = w->f + %lld},"
        " 0, %lld);", function, n, a, count == 4 ? (long long)s->numel : 0, a + count * (long long)s->numel, (long long)s->numel / n);
}
static void lstm_gates(rg_export *e, const rg_tensor *y) { gates(e, y, 4, "lstm_rows"); }
static void gru_gates(rg_export *e, const rg_tensor *y) { gates(e, y, 3, "gru_rows"); }

/* -------- products */

static void linear(rg_export *e, const rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1];
    call(e, y, "multiply(%lld, %lld, %lld, false, false, &$1, &$2, &$3, &$0);", (long long)product_of(x, 0, x->ndim - 1),
        (long long)w->shape[0], (long long)w->shape[1]);
}

static void matmul(rg_export *e, const rg_tensor *y) {
    const rg_tensor *a = y->in[0], *b = y->in[1];
    const bool ta = y->attr.matmul.ta, tb = y->attr.matmul.tb, row = a->ndim == 1, column = b->ndim == 1;
    const int64_t n = row ? 1 : a->shape[a->ndim - (ta ? 1 : 2)], k = a->shape[a->ndim - (ta ? 2 : 1)],
        m = column ? 1 : b->shape[b->ndim - (tb ? 2 : 1)];
    const int lead = y->ndim + row + column - 2, of_a = a->ndim > 2 ? a->ndim - 2 : 0, of_b = b->ndim > 2 ? b->ndim - 2 : 0;
    char text[120];
    snprintf(text, sizeof text, "multiply(%lld, %lld, %lld, %s, %s, &$1, &$2, NULL, &$0);", (long long)n, (long long)k, (long long)m,
        ta ? "true" : "false", tb ? "true" : "false");
    nest(e, lead, y->shape, 3, (const operand[]){spread(e, y, lead, lead, n * m), spread(e, a, of_a, lead, n * k),
        spread(e, b, of_b, lead, k * m)}, text);
}

static rg_digits pair_of(const int16_t *n) {
    rg_digits d;
    snprintf(d.text, sizeof d.text, "{%d, %d}", n[0], n[1]);
    return d;
}

/* function(&window, numbers..) */
static void windows(rg_export *e, const rg_tensor *y, const char *function, const char *rest) {
    const rg_tensor *x = y->in[0];
    const rg_attr *a = &y->attr;
    call(e, y, "%s(&(window){{%lld, %lld}, %s, %s, %s, %s, {%lld, %lld}}, %s, &$0);", function, (long long)x->shape[2],
        (long long)x->shape[3], pair_of(a->window.kernel).text, pair_of(a->window.stride).text, pair_of(a->window.padding).text,
        pair_of(a->window.dilation).text, (long long)y->shape[2], (long long)y->shape[3], rest);
}

static void pool(rg_export *e, const rg_tensor *y) {
    char rest[60];
    snprintf(rest, sizeof rest, "%s, %lld, &$1", strcmp(y->op->name, "avg_pool2d") ? "false" : "true",
        (long long)(y->shape[0] * y->shape[1]));
    windows(e, y, "pool", rest);
}

static void conv2d(rg_export *e, const rg_tensor *y) {
    const int groups = y->attr.window.groups;
    char rest[120];
    snprintf(rest, sizeof rest, "%lld, %d, %lld, %lld, &$1, &$2, %s", (long long)y->shape[0], groups, (long long)y->in[1]->shape[1],
        (long long)y->shape[1] / groups, y->nin > 2 ? "&$3" : "NULL");
    windows(e, y, "convolution", rest);
}

static void attention(rg_export *e, const rg_tensor *y) {
    enum { TILE = 64 }; /* of kernels/attention.c */
    const rg_tensor *q = y->in[0], *k = y->in[1], *v = y->in[2], *mask = y->nin > 3 ? y->in[3] : NULL;
    const int lead = y->ndim - 2, rank = mask ? mask->ndim : 0;
    const int64_t n = y->shape[lead], m = k->shape[k->ndim - 2], d = q->shape[q->ndim - 1], width = v->shape[v->ndim - 1];
    const int64_t across = rank > 0 && mask->shape[rank - 1] > 1, down = rank > 1 && mask->shape[rank - 2] > 1 ? mask->shape[rank - 1] : 0;
    const int64_t room = rg_export_room(e, q->dtype, TILE * (d + TILE + width), e->now);
    char text[300];
    if (m == 0) {
        fill_with(e, y, 0);
        return;
    }
    snprintf(text, sizeof text, "attend(&(attending){%lld, %lld, %lld, %lld, %s, %lld, %lld}, &$1, &$2, &$3, %s, %s, w->f + %lld, &$0);",
        (long long)n, (long long)m, (long long)d, (long long)width, y->attr.p != 0 ? "true" : "false", (long long)down, (long long)across,
        mask && rg_export_is_float(mask) ? "&$4" : "NULL", mask && !rg_export_is_float(mask) ? "&$4" : "NULL", (long long)room);
    operand o[] = {spread(e, y, lead, lead, n * width), spread(e, q, q->ndim - 2, lead, n * d), spread(e, k, k->ndim - 2, lead, m * d),
        spread(e, v, v->ndim - 2, lead, m * width), {.first = 0}};
    if (mask) o[4] = spread(e, mask, rank > 2 ? rank - 2 : 0, lead, product_of(mask, rank > 2 ? rank - 2 : 0, rank));
    nest(e, lead, y->shape, y->nin + 1, o, text);
}

/* -------- */

static const struct { const char *name; void (*write)(rg_export *e, const rg_tensor *y); } ops[] = {
    {"expand", expand}, {"where", where}, {"cast", cast}, {"fill", fill}, {"permute", permute}, {"slice", slice}, {"pad", pad},
    {"concat", concat}, {"stack", stack}, {"repeat", repeat}, {"pick", pick}, {"gather", gather}, {"scatter", scatter},
    {"one_hot", one_hot}, {"max", max}, {"min", min}, {"prod", prod}, {"sum", sum}, {"sum_to", sum}, {"mean", mean},
    {"softmax", softmax}, {"log_softmax", log_softmax},
    {"logsumexp", logsumexp}, {"argmax", argmax}, {"argmin", argmin}, {"cumsum", cumsum}, {"layer_norm", norm}, {"rms_norm", norm},
    {"index_select", index_select}, {"lstm_gates", lstm_gates}, {"gru_gates", gru_gates},
    {"linear", linear}, {"matmul", matmul}, {"max_pool2d", pool}, {"avg_pool2d", pool},
    {"conv2d", conv2d}, {"scaled_dot_product_attention", attention}};

void rg_export_op(rg_export *e, const rg_tensor *y) {
    const bool of_integers = y->op != rg_op_find(y->op->name); /* the operator that is applied to them instead */
    if (y->numel == 0 || elementwise(e, y) == 0) return;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (!strcmp(ops[i].name, y->op->name) && (!of_integers || ops[i].write == expand || ops[i].write == where)) {
            ops[i].write(e, y);
            return;
        }
    rg_export_refuse(e, y, of_integers ? "for integers it cannot be written as C" : "it cannot be written as C");
}
