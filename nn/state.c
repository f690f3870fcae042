/* state.c - the list of what a checkpoint holds, and its numbers as text. */
#include "state.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* -------- the list */

__attribute__((format(printf, 3, 0))) static void add(rg_state_list *l, rg_entry e, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    rg_entry *items = l->failed ? NULL : rg_grown(l->r->at, l->r->tape, l->items, l->count, &l->size, sizeof e);
    if (items) l->items = items;
    e.name = items ? rg_tape_alloc(l->r->at, l->r->tape, (size_t)n + 1) : NULL;
    l->failed = !e.name;
    if (l->failed) return;
    vsnprintf(e.name, (size_t)n + 1, format, args);
    l->items[l->count++] = e;
}

#define ADD(l, name, ...)                       \
    do {                                        \
        va_list args;                           \
        va_start(args, name);                   \
        add(l, (rg_entry){__VA_ARGS__}, name, args); \
        va_end(args);                           \
    } while (0)

void rg_keep_tensor(rg_state_list *l, rg_tensor *x, const char *name, ...) { ADD(l, name, .kind = RG_KEPT_TENSOR, .at = x); }
void rg_keep_indices(rg_state_list *l, int64_t *values, int64_t n, const char *name, ...) { ADD(l, name, .kind = RG_KEPT_INDICES, .at = values, .n = n); }
void rg_keep_count(rg_state_list *l, int64_t *value, double min, double max, const char *name, ...) {
    ADD(l, name, .kind = RG_KEPT_COUNT, .at = value, .min = min, .max = max);
}
void rg_keep_number(rg_state_list *l, double *value, double min, double max, const char *name, ...) {
    ADD(l, name, .kind = RG_KEPT_NUMBER, .at = value, .min = min, .max = max);
}
void rg_keep_wide(rg_state_list *l, uint64_t value[2], bool odd, const char *name, ...) { ADD(l, name, .kind = RG_KEPT_WIDE, .at = value, .odd = odd); }
void rg_keep_same(rg_state_list *l, const char *text, const char *name, ...) { ADD(l, name, .kind = RG_KEPT_SAME, .at = (void *)(uintptr_t)text); }

void rg_state_free(rg_state_list *l) {
    for (int i = 0; i < l->count; i++) rg_tape_dealloc(l->r->tape, l->items[i].name, strlen(l->items[i].name) + 1);
    if (l->items) rg_tape_dealloc(l->r->tape, l->items, (size_t)l->size * sizeof *l->items);
}

/* -------- numbers as text, whatever the locale's decimal point is */

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

/* 17 digits are every bit. What is not finite has words. */
static void number_text(double x, char to[RG_STATE_TEXT]) {
    const locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), before = uselocale(c);
    snprintf(to, RG_STATE_TEXT, "%.17g", isnan(x) ? (double)NAN : x);
    uselocale(before);
    freelocale(c);
}

static bool parse_number(const char *text, double *x) {
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
    switch (e->kind) {
    case RG_KEPT_COUNT: snprintf(to, RG_STATE_TEXT, "%lld", (long long)*(int64_t *)e->at); return to;
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
        good = parse_number(text, &e->found.number);
        value = e->found.number;
        break;
    case RG_KEPT_WIDE: good = parse_wide(text, e->found.wide) && (e->found.wide[1] & 1) >= e->odd; break;
    default:
        if (strcmp(text, e->at)) return rg_file_fail(l->r, l->path, "%.60s is %.100s in the file, %.100s here", e->name, text, (char *)e->at);
    }
    if (!good) return rg_file_fail(l->r, l->path, "%.60s is '%.60s', which is no such number", e->name, text);
    return value >= e->min && value <= e->max ? 0 : rg_file_fail(l->r, l->path, "%.60s is %.60s, not %g to %g", e->name, text, e->min, e->max);
}
