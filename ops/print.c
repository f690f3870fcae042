/* print.c - a tensor as NumPy prints it; the record as text, one op a line, and as a graph for Graphviz. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "engine/op.h"
#include "ops/ops.h"

/* How numbers are written: all elements of a tensor alike, as NumPy does. */
typedef struct layout { bool integer, single, scientific; int digits, width; } layout;

static double value_at(const rg_tensor *x, int64_t i) {
    double v;
    rg_convert(&v, RG_F64, (const char *)x->data + (size_t)i * rg_dtype_size(x->dtype), x->dtype, 1);
    return v;
}

enum { EDGE = 3, ALL = 1000 }; /* above ALL elements only EDGE at both ends of every axis are shown */

/* The next index after i that is shown, along an axis of n. */
static int64_t next_shown(const rg_tensor *x, int64_t i, int64_t n) {
    return x->numel > ALL && n > 2 * EDGE && i == EDGE - 1 ? n - EDGE : i + 1;
}

typedef void visit(void *ctx, double v);

static void each_shown(const rg_tensor *x, visit *fn, void *ctx, int axis, int64_t offset) {
    if (axis == x->ndim) {
        fn(ctx, value_at(x, offset));
        return;
    }
    const int64_t n = x->shape[axis];
    for (int64_t i = 0; i < n; i = next_shown(x, i, n)) each_shown(x, fn, ctx, axis + 1, offset * n + i);
}

/* The fewest digits after the point, up to `most`, from which v can be read back in its own precision. */
static int decimals(double v, bool single, bool scientific, int most) {
    char text[48];
    for (int d = 0; d < most; d++) {
        snprintf(text, sizeof text, scientific ? "%.*e" : "%.*f", d, v);
        double back;
        if (sscanf(text, "%lf", &back) == 1 && (single ? (float)back == (float)v : back == v)) return d;
    }
    return most;
}

typedef struct survey { double small, large; bool single; int digits, digits_e; } survey;

static void measure(void *ctx, double v) {
    survey *s = ctx;
    if (!isfinite(v)) return;
    const double a = fabs(v);
    if (a > s->large) s->large = a;
    if (a > 0 && a < s->small) s->small = a;
    const int d = decimals(v, s->single, false, 8), e = decimals(v, s->single, true, 8);
    if (d > s->digits) s->digits = d;
    if (e > s->digits_e) s->digits_e = e;
}

/* Without an exponent, blanks take the place of digits that a number does not need, so that the points are in one column. */
static int write_number(char *to, size_t size, const layout *l, double v) {
    if (isnan(v)) return snprintf(to, size, "nan");
    if (isinf(v)) return snprintf(to, size, v < 0 ? "-inf" : "inf");
    if (l->integer) return snprintf(to, size, "%.0f", v);
    if (l->scientific) return snprintf(to, size, "%#.*e", l->digits, v);
    const int digits = decimals(v, l->single, false, l->digits);
    int n = snprintf(to, size, "%#.*f", digits, v);
    while (to[n - 1] == '0') n--;
    return n + snprintf(to + n, size - (size_t)n, "%*s", (int)strcspn(to, ".") + 1 + l->digits - n, "");
}

static void measure_width(void *ctx, double v) {
    layout *l = ctx;
    char text[400];
    const int n = write_number(text, sizeof text, l, v);
    if (n > l->width) l->width = n;
}

static layout layout_of(const rg_tensor *x) {
    layout l = {.integer = x->dtype == RG_I32 || x->dtype == RG_U8, .single = x->dtype == RG_F32};
    survey s = {.small = INFINITY, .single = l.single};
    if (!l.integer) {
        each_shown(x, measure, &s, 0, 0);
        l.scientific = s.large >= 1e8 || s.small < 1e-4 || s.large / s.small > 1000;
        l.digits = l.scientific ? s.digits_e : s.digits;
    }
    each_shown(x, measure_width, &l, 0, 0);
    return l;
}

enum { LINE = 75 };

/* The innermost axis: words on lines of at most LINE columns, less one for each bracket still to close. */
static void print_row(const rg_tensor *x, const layout *l, int axis, int64_t offset, FILE *to) {
    const int64_t n = x->shape[axis];
    const int width = LINE - axis - 1, indent = axis + 1;
    int column = indent, blanks = 0; /* blanks that end a word, written only when the line goes on */
    char text[400];
    for (int64_t i = 0, next; i < n; i = next) {
        next = next_shown(x, i, n);
        for (int word = 0; word < (next > i + 1 ? 2 : 1); word++) {
            int length = 3;
            memcpy(text, "...", 4);
            if (word == 0) write_number(text, sizeof text, l, value_at(x, offset * n + i)), length = l->width;
            if (column + length > width && column > indent) fprintf(to, "\n%*s", indent, ""), column = indent;
            else fprintf(to, "%*s", blanks + (column > indent), "");
            int end = (int)strlen(text);
            const int lead = length - end;
            for (blanks = 0; end > 0 && text[end - 1] == ' '; end--) blanks++;
            fprintf(to, "%*s%.*s", lead, "", end, text);
            column += length + 1;
        }
    }
    fprintf(to, "%*s", blanks, "");
}

/* Recursion is as deep as the tensor has dimensions. */
static void print_axis(const rg_tensor *x, const layout *l, int axis, int64_t offset, FILE *to) {
    fputc('[', to);
    if (axis == x->ndim - 1) print_row(x, l, axis, offset, to);
    else {
        const int64_t n = x->shape[axis];
        for (int64_t i = 0, next; i < n; i = next) {
            next = next_shown(x, i, n);
            print_axis(x, l, axis + 1, offset * n + i, to);
            for (int gap = 0; next < n && gap < (next > i + 1 ? 2 : 1); gap++) {
                if (gap) fputs("...", to);
                for (int k = axis; k < x->ndim - 1; k++) fputc('\n', to);
                fprintf(to, "%*s", axis + 1, "");
            }
        }
    }
    fputc(']', to);
}

void rg_print(rg_tensor *x, FILE *to) {
    if (!to) return;
    if (rg_failed(x)) {
        fputs("(no tensor)\n", to);
        return;
    }
    if (x->numel == 0) { /* its other sides may be of any length */
        fputs("[]\n", to);
        return;
    }
    layout l = layout_of(x);
    if (x->ndim) print_axis(x, &l, 0, 0, to);
    else {
        char text[400];
        if (l.digits == 0) l.digits = 1; /* a number alone: 3.0 */
        write_number(text, sizeof text, &l, value_at(x, 0));
        if (text[strlen(text) - 1] == ' ') text[strlen(text) - 1] = '0';
        fputs(text, to);
    }
    fputc('\n', to);
}

/* -------- the record */

static const rg_tensor *first_of(rg_tape *t) {
    const rg_tensor *x = rg_newest(t);
    while (x && x->prev) x = x->prev;
    return x;
}

static void print_shape(const rg_tensor *x, FILE *to) {
    fputc('[', to);
    for (int d = 0; d < x->ndim; d++) fprintf(to, d ? ",%" PRId64 : "%" PRId64, x->shape[d]);
    fputc(']', to);
}

/* A tensor in the record: its name, or %n with n counted along the record, or a leaf's value or kind. */
static void print_ref(const rg_tensor *x, FILE *to) {
    if (x->name) fputs(x->name, to);
    else if (x->op) fprintf(to, "%%%" PRId64, x->seq);
    else if (x->numel == 1 && !rg_needs_grad(x)) fprintf(to, "%g", value_at(x, 0));
    else fprintf(to, "input%" PRId64, x->seq);
}

static const char *file_and_line(const char *at) {
    const char *slash = at ? strrchr(at, '/') : NULL;
    return slash ? slash + 1 : at ? at : "";
}

/* %7 [64,128] f32 = relu(%6)    grad  (mnist.c:41) */
void rg_tape_print(rg_tape *t, FILE *to) {
    for (const rg_tensor *x = to ? first_of(t) : NULL; x; x = x->next) {
        if (!x->op) continue;
        fprintf(to, "%%%-4" PRId64 " ", x->seq);
        char shape[80];
        int n = 0;
        shape[0] = 0;
        for (int d = 0; d < x->ndim; d++) n += snprintf(shape + n, sizeof shape - (size_t)n, d ? ",%" PRId64 : "%" PRId64, x->shape[d]);
        fprintf(to, "[%s]%*s %s %s = %s(", shape, n < 12 ? 12 - n : 0, "", rg_dtype_name(x->dtype), rg_needs_grad(x) ? "grad" : "    ",
            x->op->name);
        for (int i = 0; i < x->nin; i++) {
            if (i) fputs(", ", to);
            print_ref(x->in[i], to);
        }
        fprintf(to, ")%s%s  %s\n", x->name ? "  " : "", x->name ? x->name : "", file_and_line(x->at));
    }
}

static void print_quoted(const char *s, FILE *to) {
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') fputc('\\', to);
        fputc(*s, to);
    }
}

static void dot_node(const rg_tensor *x, FILE *to) {
    fprintf(to, "  t%" PRId64 " [label=\"", x->seq);
    if (x->name) print_quoted(x->name, to);
    else fputs(x->op ? x->op->name : "input", to);
    if (x->name && x->op) fprintf(to, "\\n%s", x->op->name);
    fputs("\\n", to);
    print_shape(x, to);
    if (x->numel == 1) fprintf(to, "\\n%.5g", value_at(x, 0));
    fprintf(to, "\"%s];\n", x->op ? "" : rg_needs_grad(x) ? ", shape=box, style=filled, fillcolor=\"#cfe3f7\""
        : ", shape=box, style=filled, fillcolor=\"#eeeeee\"");
}

/* Is operand i of y read for the first time? */
static bool is_first_use(const rg_tensor *first, const rg_tensor *y, int i) {
    for (const rg_tensor *x = first;; x = x->next)
        for (int k = 0; x->op && k < x->nin; k++)
            if (x->in[k] == y->in[i]) return x == y && k == i;
}

void rg_tape_dot(rg_tape *t, FILE *to) {
    if (!t || !to) return;
    fputs("digraph tape {\n  rankdir=LR; node [fontname=\"sans-serif\", fontsize=11];\n", to);
    const rg_tensor *first = first_of(t);
    for (const rg_tensor *y = first; y; y = y->next) {
        for (int i = 0; y->op && i < y->nin; i++)
            if (!y->in[i]->op && is_first_use(first, y, i)) dot_node(y->in[i], to);
        if (y->op) dot_node(y, to);
    }
    for (const rg_tensor *y = first; y; y = y->next)
        for (int i = 0; y->op && i < y->nin; i++) fprintf(to, "  t%" PRId64 " -> t%" PRId64 ";\n", y->in[i]->seq, y->seq);
    fputs("}\n", to);
}

/* -------- comparing */

static bool are_alike(const char *at, const char *who, rg_tensor *a, rg_tensor *b) {
    rg_tape *t = rg_tape_of(a ? a : b);
    return !rg_given(at, t, a, "%s: the first tensor", who) && !rg_given(at, t, b, "%s: the second tensor", who) && rg_same_shape(a, b);
}

bool rg_equal_at(const char *at, rg_tensor *a, rg_tensor *b) {
    bool equal = are_alike(at, "rg_equal", a, b);
    for (int64_t i = 0; equal && i < a->numel; i++) equal = rg_element(a, i) == rg_element(b, i);
    return equal;
}

bool rg_allclose_at(const char *at, rg_tensor *a, rg_tensor *b, rg_allclose_options o) {
    const double rtol = rg_option(o.rtol, 1e-5), atol = rg_option(o.atol, 1e-8);
    bool close = are_alike(at, "rg_allclose", a, b);
    for (int64_t i = 0; close && i < a->numel; i++) {
        const double x = rg_element(a, i), y = rg_element(b, i);
        close = x == y || (isfinite(y) && fabs(x - y) <= atol + rtol * fabs(y)) || (o.equal_nan && isnan(x) && isnan(y));
    }
    return close;
}
