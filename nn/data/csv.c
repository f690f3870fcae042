/* csv.c - tables of numbers as text, a line per row (RFC 4180). The whole text is read into memory and scanned twice: to count rows and
   columns, then for the values. */
#include "dataset.h"
#include "nn/files/file.h"
#include "nn/files/entries.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
    const rg_reader *r;
    const char *path;
    const rg_csv_options *o;
    char delimiter;
    char *text, *end;         /* one more byte follows, a 0 */
    uint64_t size;            /* of the text */
    char *next;               /* the next field to read */
    int64_t next_line, line;  /* the line of the next field, and of the last */
    bool more;                /* another field follows in the line */
    int64_t rows, columns, y; /* y: the column that becomes y, or -1 */
    char **names, **labels;   /* [columns], of a table with a header; [rows], of one with classes */
} table;

#define FAIL(c, format, ...) rg_file_fail((c)->r, (c)->path, "line %lld, column %lld: " format, (long long)(c)->line, __VA_ARGS__)

/* -------- fields */

static char *past_blanks(const table *c, char *p) {
    while (p < c->end && (*p == ' ' || *p == '\t' || *p == '\r') && *p != c->delimiter) p++;
    return p;
}

/* Goes on to the next line that is not empty; false at the end. */
static bool next_line(table *c) {
    for (char *p; (p = past_blanks(c, c->next)) < c->end && *p == '\n'; c->next_line++) c->next = p + 1;
    return past_blanks(c, c->next) < c->end;
}

/* Reads field k of a line: its *n bytes, in which quotes are still doubled. NULL after an error. */
static char *next_field(table *c, int64_t k, size_t *n) {
    char *p = past_blanks(c, c->next), *begin = p;
    c->line = c->next_line;
    if (p < c->end && *p == '"') {
        for (begin = ++p; p < c->end && (*p != '"' || p[1] == '"'); p++) {
            if (*p == '\n') c->next_line++;
            if (*p == '"') p++;
        }
        if (p >= c->end) return (void)FAIL(c, "the quote has no end", (long long)k + 1), NULL;
        *n = (size_t)(p - begin);
        p = past_blanks(c, p + 1);
        if (p < c->end && *p != c->delimiter && *p != '\n') return (void)FAIL(c, "something follows the quotes", (long long)k + 1), NULL;
    } else {
        while (p < c->end && *p != c->delimiter && *p != '\n') p++;
        for (*n = (size_t)(p - begin); *n > 0 && strchr(" \t\r", begin[*n - 1]);) --*n;
    }
    c->more = p < c->end && *p == c->delimiter;
    c->next_line += p < c->end && *p == '\n';
    c->next = p < c->end ? p + 1 : p;
    return begin;
}

/* The same as a text, which overwrites the field. */
static char *next_text(table *c, int64_t k) {
    size_t n, length = 0;
    char *field = next_field(c, k, &n);
    if (!field) return NULL;
    const bool quoted = field > c->text && field[-1] == '"';
    for (size_t i = 0; i < n; i++, length++) {
        field[length] = field[i];
        i += quoted && field[i] == '"';
    }
    field[length] = 0;
    if (*field || c->o->allow_missing) return field;
    return (void)FAIL(c, "the field is empty (.allow_missing)", (long long)k + 1), NULL;
}

/* -------- the text, its rows and columns */

static int read_text(table *c) {
    rg_file *f = rg_file_open(c->r, c->path);
    int status = f ? rg_file_left(f, UINT64_MAX, &c->size) : -1;
    if (status == 0 && c->size >= SIZE_MAX / 2) status = rg_file_fail(c->r, c->path, "is too large for this machine");
    if (status == 0) c->text = rg_file_alloc(c->r, c->path, c->size + 1);
    if (!c->text || rg_file_get(f, c->text, c->size)) status = -1;
    else if (memchr(c->text, 0, (size_t)c->size)) status = rg_file_fail(c->r, c->path, "is no text: it has a byte of 0");
    rg_file_close(f);
    if (status) return -1;
    c->end = c->text + c->size;
    *c->end = 0;
    return 0;
}

static void begin(table *c) {
    c->next = c->text + (c->size >= 3 && !memcmp(c->text, "\xef\xbb\xbf", 3) ? 3 : 0);
    c->next_line = 1;
    for (; c->next_line <= c->o->skip && c->next < c->end; c->next_line++) {
        char *line_end = memchr(c->next, '\n', (size_t)(c->end - c->next));
        c->next = line_end ? line_end + 1 : c->end;
    }
}

/* Counts rows and columns. All lines must have as many fields as the first. */
static int count(table *c) {
    begin(c);
    for (int64_t k; next_line(c); c->rows++) {
        c->more = true;
        for (k = 0; c->more; k++)
            if (!next_field(c, k, &(size_t){0})) return -1;
        if (c->rows == 0) c->columns = k;
        if (k != c->columns)
            return rg_file_fail(c->r, c->path, "line %lld has %lld columns, not %lld", (long long)c->line, (long long)k,
                (long long)c->columns);
    }
    c->rows -= c->o->header;
    return c->rows > 0 ? 0 : rg_file_fail(c->r, c->path, "has no rows");
}

/* -------- the values */

static int read_header(table *c) {
    begin(c);
    if (!c->o->header || !next_line(c)) return 0;
    c->names = rg_tape_alloc(c->r->at, c->r->tape, (size_t)c->columns * sizeof *c->names);
    for (int64_t k = 0; c->names && k < c->columns; k++)
        if (!(c->names[k] = next_text(c, k))) return -1;
    return c->names ? 0 : -1;
}

static int find_y(table *c) {
    const char *wanted = c->o->classes ? c->o->classes : c->o->target;
    c->y = -1;
    if (!wanted) return 0;
    for (int64_t k = 0; c->names && k < c->columns && c->y < 0; k++)
        if (!strcmp(c->names[k], wanted)) c->y = k;
    char *end;
    const long long k = strtoll(wanted, &end, 10);
    if (c->y < 0 && *wanted && !*end && k >= -c->columns && k < c->columns) c->y = k < 0 ? k + c->columns : k;
    return c->y >= 0 ? 0 : rg_file_fail(c->r, c->path, "has no column %.60s among its %lld", wanted, (long long)c->columns);
}

static int read_number(table *c, int64_t k, rg_tensor *to, int64_t i) {
    double v = (double)NAN;
    const char *field = next_text(c, k);
    if (!field) return -1;
    if (*field && !rg_parse_number(field, &v))
        return FAIL(c, "'%.60s' is no number%s", (long long)k + 1, field,
            c->line == 1 && !c->o->header ? "; if the line has the names of the columns, give .header = true" : "");
    rg_convert((char *)to->data + (size_t)i * rg_dtype_size(to->dtype), to->dtype, &v, RG_F64, 1);
    return 0;
}

static int read_values(table *c, rg_dataset *d) {
    for (int64_t i = 0, at = 0; i < c->rows && next_line(c); i++)
        for (int64_t k = 0; k < c->columns; k++) {
            const bool label = k == c->y && c->labels;
            if (label ? !(c->labels[i] = next_text(c, k)) : read_number(c, k, k == c->y ? d->y : d->x, k == c->y ? i : at++)) return -1;
        }
    return 0;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static int by_value(const void *a, const void *b) {
    double x = 0, y = 0;
    (void)(rg_parse_number(*(char *const *)a, &x) && rg_parse_number(*(char *const *)b, &y));
    return x < y ? -1 : x > y ? 1 : by_text(a, b);
}

/* Labels become numbers in the order of the sorted classes. */
static int number_labels(table *c, rg_dataset *d) {
    const size_t size = (size_t)c->rows * sizeof *c->labels;
    char **sorted = rg_tape_alloc(c->r->at, c->r->tape, size);
    bool values = true;
    double v;
    if (!sorted) return -1;
    for (int64_t i = 0; i < c->rows && values; i++) values = rg_parse_number(c->labels[i], &v) && isfinite(v);
    int (*order)(const void *, const void *) = values ? by_value : by_text;
    memcpy(sorted, c->labels, size);
    qsort(sorted, (size_t)c->rows, sizeof *sorted, order);
    int64_t n = 0;
    for (int64_t i = 0; i < c->rows; i++)
        if (n == 0 || strcmp(sorted[i], sorted[n - 1])) sorted[n++] = sorted[i];
    for (int64_t i = 0; i < c->rows; i++) {
        char *const *class = bsearch(&c->labels[i], sorted, (size_t)n, sizeof *sorted, order);
        ((int32_t *)d->y->data)[i] = (int32_t)(class - sorted);
    }
    d->classes = (int)n;
    d->class_names = rg_names_own(c->r->at, c->r->tape, n, sorted);
    rg_tape_dealloc(c->r->tape, sorted, size);
    return d->class_names ? 0 : -1;
}

static int read_table(table *c, rg_dataset *d) {
    const char *at = c->r->at;
    rg_tape *t = c->r->tape;
    if (read_header(c) || find_y(c)) return -1;
    const bool classes = c->o->classes != NULL;
    d->x = rg_dataset_tensor(at, t, rg_default_dtype(t), 2, (int64_t[]){c->rows, c->columns - (c->y >= 0)}, "table");
    if (classes) d->y = rg_dataset_tensor(at, t, RG_I32, 1, &c->rows, "labels");
    else if (c->y >= 0) d->y = rg_dataset_tensor(at, t, rg_default_dtype(t), 2, (int64_t[]){c->rows, 1}, "targets");
    if (classes) c->labels = rg_tape_alloc(at, t, (size_t)c->rows * sizeof *c->labels);
    if (rg_failed(d->x) || (d->y && rg_failed(d->y)) || (classes && !c->labels)) return -1;
    if (read_values(c, d) || (classes && number_labels(c, d))) return -1;
    if (!c->names) return 0;
    for (int64_t k = c->y >= 0 ? c->y : c->columns; k + 1 < c->columns; k++) c->names[k] = c->names[k + 1];
    d->columns = rg_names_own(at, t, d->x->shape[1], c->names);
    return d->columns ? 0 : -1;
}

static int check_call(const rg_reader *r, const char *path, const rg_csv_options *o) {
    if (!path) return rg_fail(r->tape, RG_EVALUE, r->at, "rg_read_csv: the path is NULL");
    if (o->classes && o->target)
        return rg_fail(r->tape, RG_EVALUE, r->at, "rg_read_csv: classes %.60s and target %.60s: y is one column", o->classes, o->target);
    if (o->skip < 0) return rg_fail(r->tape, RG_EVALUE, r->at, "rg_read_csv: .skip is %lld, must be at least 0", (long long)o->skip);
    if (o->delimiter && strchr("\"\r\n+-.0123456789eE", o->delimiter))
        return rg_fail(r->tape, RG_EVALUE, r->at, "rg_read_csv: '%c' cannot be a delimiter", o->delimiter);
    return 0;
}

rg_dataset rg_read_csv_at(const char *at, rg_tape *t, const char *path, rg_csv_options options) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_read_csv"};
    const int64_t mark = rg_mark(t);
    table c = {.r = &r, .path = path, .o = &options, .delimiter = options.delimiter ? options.delimiter : ','};
    rg_dataset d = {0};
    if (rg_error_code(t) || check_call(&r, path, &options) || read_text(&c) || count(&c) || read_table(&c, &d)) d.x = NULL;
    if (c.labels) rg_tape_dealloc(t, c.labels, (size_t)c.rows * sizeof *c.labels);
    if (c.names) rg_tape_dealloc(t, c.names, (size_t)c.columns * sizeof *c.names);
    if (c.text) rg_tape_dealloc(t, c.text, (size_t)c.size + 1);
    return rg_dataset_keep(t, mark, d);
}
