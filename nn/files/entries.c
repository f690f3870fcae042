/* entries.c - the list of what a file holds, its names, and its numbers as text. */
#include "entries.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"

/* -------- the list */

void rg_keep(rg_state_list *l, rg_entry e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const size_t n = (size_t)vsnprintf(NULL, 0, format, args) + 1, text = e.kind == RG_KEPT_TEXT ? strlen(e.at) + 1 : 0;
    va_end(args);
    rg_entry *items = l->failed ? NULL : rg_grown(l->r->at, l->r->tape, l->items, l->count, &l->size, sizeof e);
    if (items) l->items = items;
    e.name = items ? rg_tape_alloc(l->r->at, l->r->tape, n + text) : NULL;
    l->failed = !e.name;
    if (l->failed) return;
    va_start(args, format);
    vsnprintf(e.name, n, format, args);
    va_end(args);
    if (text) e.at = memcpy(e.name + n, e.at, text);
    e.from = l->from;
    l->items[l->count++] = e;
}

void rg_state_free(rg_state_list *l) {
    for (rg_entry *e = l->items; e < RG_END(l->items, l->count); e++) {
        if (e->copy) rg_tape_dealloc(l->r->tape, e->copy, (size_t)rg_entry_bytes(e));
        rg_tape_dealloc(l->r->tape, e->name, strlen(e->name) + 1 + (e->kind == RG_KEPT_TEXT ? strlen(e->at) + 1 : 0));
    }
    if (l->items) rg_tape_dealloc(l->r->tape, l->items, (size_t)l->size * sizeof *l->items);
}

/* -------- names */

/* Names with @ come last: if the names of two nets clash, that is reported, and not the clash of their optimisers' entries. Equal names
   stay in the order in which they were added. */
static int by_name(const void *a, const void *b) {
    const rg_entry *x = *(rg_entry *const *)a, *y = *(rg_entry *const *)b;
    const int at = (*x->name == '@') - (*y->name == '@'), order = at ? at : strcmp(x->name, y->name);
    return order ? order : (x > y) - (x < y);
}

static const char *file_and_line(const char *at) {
    const char *slash = at ? strrchr(at, '/') : NULL;
    return slash ? slash + 1 : at ? at : "nowhere";
}

static int refuse_pair(const rg_state_list *l, const rg_entry *x, const rg_entry *y) {
    const rg_member *a = x->from, *b = y->from;
    if (!a) return rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: two tensors have the name %.100s", l->r->name, x->name);
    return rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: two entries have the name %.80s, of %s at %.60s and of %s at %.60s%s", l->r->name,
        x->name, a->who, file_and_line(a->at), b->who, file_and_line(b->at),
        a == b && *x->name == '@' ? "; add the nets of its parameters, under two names, before it" : "");
}

/* Refuses a name that is not UTF-8, or that the format or the checksums use. */
static int check_name(const rg_state_list *l, const rg_entry *e) {
    const bool sum = !rg_entry_has_values(e) && !strncmp(e->name, RG_SUM, sizeof RG_SUM - 1) && strchr(".", e->name[sizeof RG_SUM - 1]);
    if (!rg_is_utf8(e->name)) return rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: a name is not UTF-8", l->r->name);
    if (!sum && strcmp(e->name, RG_METADATA) != 0) return 0;
    return rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: nothing can have the name %.60s, which is the file's own", l->r->name, e->name);
}

int rg_state_check(const rg_state_list *l) {
    const size_t size = (size_t)l->count * sizeof(rg_entry *);
    rg_entry **sorted = l->failed ? NULL : rg_tape_alloc(l->r->at, l->r->tape, size);
    int status = sorted ? 0 : -1;
    for (int i = 0; !status && i < l->count; i++) sorted[i] = &l->items[i];
    if (!status && l->count) qsort(sorted, (size_t)l->count, sizeof *sorted, by_name);
    for (int i = 0; !status && i < l->count; i++)
        if (check_name(l, sorted[i]) || (i && !strcmp(sorted[i - 1]->name, sorted[i]->name) && refuse_pair(l, sorted[i - 1], sorted[i])))
            status = -1;
    if (sorted) rg_tape_dealloc(l->r->tape, sorted, size);
    return status;
}

/* -------- numbers as text, the same in every locale */

/* 128 bits by long division, in words of 32 bits, the highest first. */
static void wide_text(const uint64_t v[2], char *to) {
    uint32_t words[4] = {(uint32_t)(v[0] >> 32), (uint32_t)v[0], (uint32_t)(v[1] >> 32), (uint32_t)v[1]};
    char digits[40];
    int n = 0;
    do {
        uint64_t rest = 0;
        for (int k = 0; k < 4; k++) {
            rest = rest << 32 | words[k];
            words[k] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        digits[n++] = (char)('0' + rest);
    } while (words[0] | words[1] | words[2] | words[3]);
    while (n > 0) *to++ = digits[--n];
    *to = 0;
}

static bool parse_wide(const char *text, uint64_t v[2]) {
    uint64_t words[4] = {0};
    for (const char *c = text; *c; c++) {
        uint64_t carry = (uint64_t)(*c - '0');
        if (*c < '0' || *c > '9') return false;
        for (int k = 3; k >= 0; k--) {
            words[k] = words[k] * 10 + carry;
            carry = words[k] >> 32;
            words[k] &= UINT32_MAX;
        }
        if (carry) return false;
    }
    v[0] = words[0] << 32 | words[1];
    v[1] = words[2] << 32 | words[3];
    return *text != 0;
}

/* 17 digits give every bit back. Numbers that are not finite are written as nan, inf or -inf. */
static void number_text(double x, char to[RG_STATE_TEXT]) {
    const locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), before = uselocale(c);
    snprintf(to, RG_STATE_TEXT, "%.17g", isnan(x) ? (double)NAN : x);
    uselocale(before);
    freelocale(c);
}

bool rg_parse_number(const char *text, double *x) {
    char *end;
    const locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), before = uselocale(c);
    *x = strtod(text, &end);
    uselocale(before);
    freelocale(c);
    const bool word = !strcmp(text, "nan") || !strcmp(text, "inf") || !strcmp(text, "-inf");
    return word || (*text && !*end && !text[strspn(text, "+-.0123456789eE")]);
}

static bool parse_count(const char *text, int64_t *n) {
    const bool negative = *text == '-';
    const char *c = text + negative;
    for (*n = 0; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(*n, 10, n) || __builtin_sub_overflow(*n, *c - '0', n)) return false;
    const bool some = c > text + negative && !*c;
    return some && (negative || !__builtin_sub_overflow(0, *n, n));
}

const char *rg_entry_text(const rg_entry *e, char to[RG_STATE_TEXT]) {
    int64_t count = 0;
    switch (e->kind) {
    case RG_KEPT_COUNT:
        memcpy(&count, e->at, (size_t)e->n);
        snprintf(to, RG_STATE_TEXT, "%lld", (long long)count);
        return to;
    case RG_KEPT_NUMBER: number_text(*(double *)e->at, to); return to;
    case RG_KEPT_WIDE: wide_text(e->at, to); return to;
    default: return e->at;
    }
}

int rg_entry_parse(const rg_state_list *l, rg_entry *e, const char *text) {
    double value = e->min;
    bool good = true;
    switch (e->kind) {
    case RG_KEPT_COUNT:
        good = parse_count(text, &e->found.count);
        value = (double)e->found.count;
        break;
    case RG_KEPT_NUMBER:
        good = rg_parse_number(text, &e->found.number);
        value = e->found.number;
        break;
    case RG_KEPT_WIDE: good = parse_wide(text, e->found.wide) && (e->found.wide[1] & 1) >= e->odd; break;
    default:
        if (strcmp(text, e->at))
            return rg_file_fail(l->r, l->path, "%.60s is %.100s in the file, %.100s here", e->name, text, (char *)e->at);
    }
    if (!good) return rg_file_fail(l->r, l->path, "%.60s is '%.60s', which is no such number", e->name, text);
    if (value >= e->min && value <= e->max) return 0;
    return e->nan && isnan(value) ? 0 : rg_file_fail(l->r, l->path, "%.60s is %.60s, not %g to %g", e->name, text, e->min, e->max);
}
