/* options.c - command-line options from one table: parsing, checks and --help. */
#define _GNU_SOURCE 1 /* program_invocation_short_name */
#include "options.h"

#include "files.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const char *program;
    const option_row *table, *row; /* row: the option being read */
} reader;

__attribute__((format(printf, 2, 3))) static int reject(const reader *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", r->program);
    if (r->row) fprintf(stderr, "--%s: ", r->row->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return OPTIONS_BAD;
}

int options_bad(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return OPTIONS_BAD;
}

/* strtod and its kin skip blanks and take signs, "nan" and hexadecimals; an option takes none of these by accident. */
static bool looks_like_number(const char *text) { return *text && strspn(text, "0123456789+-.eE") == strlen(text); }

static int check_range(const reader *r, const char *text, double value) {
    double min = r->row->min, max = r->row->max;
    if (min == max || (value >= min && value <= max)) return OPTIONS_RUN;
    return reject(r, "%s is out of range, %.15g to %.15g", text, min, max);
}

static int read_whole(const reader *r, const char *text, int64_t min, int64_t max, int64_t *value) {
    char *end;
    errno = 0;
    long long read = strtoll(text, &end, 10);
    if (!looks_like_number(text) || *end) return reject(r, "'%s' is not a whole number", text);
    if (errno == ERANGE || read < min || read > max) { /* the option's range says more than the type's */
        const int status = check_range(r, text, strtod(text, NULL));
        if (status != OPTIONS_RUN) return status;
        return reject(r, "%s is out of range, %" PRId64 " to %" PRId64, text, min, max);
    }
    *value = read;
    return check_range(r, text, (double)read);
}

static int read_int(const reader *r, const char *text, int *value) {
    int64_t wide = 0;
    int status = read_whole(r, text, INT_MIN, INT_MAX, &wide);
    if (status == OPTIONS_RUN) *value = (int)wide;
    return status;
}

static int read_int64(const reader *r, const char *text, int64_t *value) {
    int64_t wide = 0;
    int status = read_whole(r, text, INT64_MIN, INT64_MAX, &wide);
    if (status == OPTIONS_RUN) *value = wide;
    return status;
}

static int read_uint64(const reader *r, const char *text, uint64_t *value) {
    char *end;
    errno = 0;
    unsigned long long read = strtoull(text, &end, 10);
    if (!looks_like_number(text) || *end) return reject(r, "'%s' is not a whole number", text);
    if (*text == '-' || errno == ERANGE) return reject(r, "%s is out of range, 0 to %" PRIu64, text, UINT64_MAX);
    int status = check_range(r, text, (double)read);
    if (status == OPTIONS_RUN) *value = read;
    return status;
}

static int read_double(const reader *r, const char *text, double *value) {
    char *end;
    double read = strtod(text, &end);
    if (!looks_like_number(text) || *end) return reject(r, "'%s' is not a number", text);
    if (!isfinite(read)) return reject(r, "%s is too large", text);
    int status = check_range(r, text, read);
    if (status == OPTIONS_RUN) *value = read;
    return status;
}

static int read_choice(const reader *r, const char *text, const char **value) {
    size_t length = strlen(text);
    for (const char *word = r->row->argument; *word;) {
        size_t size = strcspn(word, "|");
        if (size == length && memcmp(word, text, size) == 0) {
            *value = text;
            return OPTIONS_RUN;
        }
        word += size + (word[size] == '|');
    }
    return reject(r, "'%s' is none of %s", text, r->row->argument);
}

static int read_ints(const reader *r, const char *text, option_ints *value) {
    option_ints list = {0};
    char item[32];
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ",");
        if (size == 0 || size >= sizeof item) return reject(r, "'%s' is not a list of whole numbers such as 256,128", text);
        if (list.count == OPTION_INTS_MAX) return reject(r, "'%s' has more than %d numbers", text, OPTION_INTS_MAX);
        memcpy(item, at, size);
        item[size] = '\0';
        int status = read_int(r, item, &list.value[list.count++]);
        if (status != OPTIONS_RUN) return status;
        at += size;
        if (!*at) break;
    }
    *value = list;
    return OPTIONS_RUN;
}

static int add_string(const reader *r, const char *text, option_strings *list) {
    if (list->count == OPTION_STRINGS_MAX) return reject(r, "is given more than %d times", OPTION_STRINGS_MAX);
    list->value[list->count++] = text;
    return OPTIONS_RUN;
}

static int read_value(const reader *r, const char *text) {
    void *value = r->row->value;
    if (!*text) return reject(r, "needs a value, %s", r->row->argument);
    switch (r->row->type) {
    case OPT_INT: return read_int(r, text, value);
    case OPT_INT64: return read_int64(r, text, value);
    case OPT_UINT64: return read_uint64(r, text, value);
    case OPT_DOUBLE: return read_double(r, text, value);
    case OPT_CHOICE: return read_choice(r, text, value);
    case OPT_INTS: return read_ints(r, text, value);
    case OPT_STRING: *(const char **)value = text; return OPTIONS_RUN;
    case OPT_STRINGS: return add_string(r, text, value);
    case OPT_FLAG: break;
    }
    *(bool *)value = true;
    return OPTIONS_RUN;
}

/* Levenshtein's distance, on one row of its table. */
static size_t distance(const char *a, size_t a_length, const char *b) {
    size_t row[64], b_length = strlen(b);
    if (b_length >= sizeof row / sizeof *row) return b_length;
    for (size_t j = 0; j <= b_length; j++) row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

static int reject_unknown(const reader *r, const char *name, size_t length) {
    const option_row *nearest = NULL;
    size_t least = length < 4 ? 2 : 3; /* farther than this is another word, not a slip */
    for (const option_row *row = r->table; row->name; row++) {
        bool beginning = length >= 2 && strncmp(row->name, name, length) == 0;
        size_t found = beginning ? 0 : distance(name, length, row->name);
        if (found < least) {
            least = found;
            nearest = row;
        }
    }
    if (nearest) return reject(r, "unknown option --%.*s; did you mean --%s?", (int)length, name, nearest->name);
    return reject(r, "unknown option --%.*s; --help lists them all", (int)length, name);
}

static const option_row *find_row(const option_row *table, const char *name, size_t length) {
    for (const option_row *row = table; row->name; row++)
        if (strlen(row->name) == length && memcmp(row->name, name, length) == 0) return row;
    return NULL;
}

int options_parse(const char *summary, const option_row *table, int argc, char *const *argv) {
    return options_parse_after("", 0, summary, table, argc, argv);
}

int options_parse_after(const char *words, int count, const char *summary, const option_row *table, int argc, char *const *argv) {
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    reader r = {.program = slash ? slash + 1 : argc > 0 ? argv[0] : "program", .table = table};
    for (int i = 1 + count; i < argc; i++) {
        r.row = NULL;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            char usage[128];
            snprintf(usage, sizeof usage, "%s%s%s", r.program, *words ? " " : "", words);
            options_help(stdout, usage, summary, table);
            return files_end_output(); /* OPTIONS_DONE, or 1 */
        }
        if (strncmp(argv[i], "--", 2) != 0) return reject(&r, "unexpected argument '%s'; options begin with --", argv[i]);
        const char *name = argv[i] + 2, *value = strchr(name, '=');
        size_t length = value ? (size_t)(value - name) : strlen(name);
        const option_row *row = find_row(table, name, length);
        if (!row) return reject_unknown(&r, name, length);
        r.row = row;
        if (row->type == OPT_FLAG && value) return reject(&r, "takes no value, but got '%s'", value + 1);
        if (row->type == OPT_FLAG)
            value = "on";
        else if (value)
            value++;
        else if (i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0)
            return reject(&r, "needs a value, %s", row->argument);
        else
            value = argv[++i];
        int status = read_value(&r, value);
        if (status != OPTIONS_RUN) return status;
    }
    return OPTIONS_RUN;
}

static void print_default(FILE *out, const option_row *row) {
    const option_ints *list = row->value;
    const char *text;
    switch (row->type) {
    case OPT_INT: fprintf(out, " (default %d)", *(int *)row->value); break;
    case OPT_INT64: fprintf(out, " (default %" PRId64 ")", *(int64_t *)row->value); break;
    case OPT_UINT64: fprintf(out, " (default %" PRIu64 ")", *(uint64_t *)row->value); break;
    case OPT_DOUBLE:
        if (!isnan(*(double *)row->value)) fprintf(out, " (default %g)", *(double *)row->value);
        break;
    case OPT_STRING:
    case OPT_CHOICE:
        text = *(const char **)row->value;
        if (text && *text) fprintf(out, " (default %s)", text);
        break;
    case OPT_INTS:
        for (int i = 0; i < list->count; i++) fprintf(out, "%s%d", i ? "," : " (default ", list->value[i]);
        if (list->count) fputc(')', out);
        break;
    case OPT_STRINGS: /* none */
    case OPT_FLAG: break;
    }
}

void options_help(FILE *out, const char *program, const char *summary, const option_row *table) {
    size_t widest = strlen("help");
    for (const option_row *row = table; row->name; row++) {
        size_t width = strlen(row->name) + (row->argument ? 1 + strlen(row->argument) : 0);
        if (width > widest) widest = width;
    }
    fprintf(out, "usage: %s [options]\n\n%s\n\n", program, summary);
    for (const option_row *row = table; row->name; row++) {
        int used = fprintf(out, "  --%s%s%s", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
        fprintf(out, "%*s%s", (int)widest + 6 - used, "", row->help);
        print_default(out, row);
        fputc('\n', out);
    }
    fprintf(out, "  --%-*s  %s\n", (int)widest, "help", "print this and end");
}
