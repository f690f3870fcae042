/* header.c - the header of a safetensors file. Source: https://github.com/huggingface/safetensors, "Format"; RFC 8259 for the JSON. */
#include "header.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16 };
static const char maker[] = "made by", claim[] = ", crc64", version[] = "retrograd " RG_VERSION_TEXT ", crc64";
static const char front[] = "{\"" RG_METADATA "\":{\"" RG_SUM "\":\""; /* the header up to the digits of its own checksum */
static const char sum_prefix[] = RG_SUM ".";

static const struct { const char *name; int size, here; } dtypes[] = {{"F32", 4, RG_F32}, {"F64", 8, RG_F64}, {"I32", 4, RG_I32},
    {"U8", 1, RG_U8}, {"I64", 8, RG_I32}, {"BOOL", 1, RG_U8}, {"F16", 2, RG_F32}, {"BF16", 2, RG_F32}, {"I8", 1, -1}, {"I16", 2, -1},
    {"U16", 2, -1}, {"U32", 4, -1}, {"U64", 8, -1}, {"F8_E4M3", 1, -1}, {"F8_E5M2", 1, -1}}; /* the first four as in rg_dtype */
enum { I64 = 4, DTYPES = sizeof dtypes / sizeof *dtypes };

bool rg_entry_has_values(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR || e->kind == RG_KEPT_INDICES; }
static int dtype_of(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR ? (int)((rg_tensor *)e->at)->dtype : I64; }
const char *rg_entry_dtype(const rg_entry *e) { return dtypes[dtype_of(e)].name; }
int rg_entry_element(const rg_entry *e) { return dtypes[dtype_of(e)].size; }
int rg_entry_ndim(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->ndim : 1; }
const int64_t *rg_entry_shape(const rg_entry *e) {
    return e->transposed ? e->shape : e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->shape : &e->n;
}
void *rg_entry_values(const rg_entry *e) { return e->copy ? e->copy : e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->data : e->at; }
uint64_t rg_entry_bytes(const rg_entry *e) {
    return (uint64_t)(e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->numel : e->n) * (uint64_t)rg_entry_element(e);
}

/* Not UTF-8: overlong forms, surrogates, and codes above U+10FFFF. */
bool rg_is_utf8(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        const int more = *c < 0x80 ? 0 : *c >= 0xc2 && *c < 0xe0 ? 1 : *c >= 0xe0 && *c < 0xf0 ? 2 : *c >= 0xf0 && *c < 0xf5 ? 3 : -1;
        uint32_t code = more > 0 ? *c & (0x3fu >> more) : *c;
        for (int k = 1; k <= more; k++) {
            if ((c[k] & 0xc0) != 0x80) return false;
            code = code << 6 | (c[k] & 0x3f);
        }
        if (more < 0 || (more == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
            (more == 3 && (code < 0x10000 || code > 0x10ffff))) return false;
        c += more + 1;
    }
    return true;
}

/* -------- writing: the same functions count the bytes, then write them */

typedef struct sink { char *to; size_t n; } sink; /* to NULL: only count */

static void put(sink *s, const char *text, size_t n) {
    if (s->to) memcpy(s->to + s->n, text, n);
    s->n += n;
}

__attribute__((format(printf, 2, 3))) static void put_short(sink *s, const char *format, ...) {
    char text[96];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(s, text, (size_t)n);
}

/* "PREFIXtext" */
static void put_string(sink *s, const char *prefix, const char *text) {
    put_short(s, "\"%s", prefix);
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ') put_short(s, "\\u%04x", (unsigned)*c);
        else if (*c == '"' || *c == '\\') put_short(s, "\\%c", *c);
        else put(s, c, 1);
    }
    put_short(s, "\"");
}

static void put_metadata(sink *s, const rg_state_list *l) {
    char text[RG_STATE_TEXT];
    put_short(s, "%s%0*d\",", front, DIGITS, 0);
    put_string(s, "", maker);
    put_short(s, ":");
    put_string(s, "", version);
    for (const rg_entry *e = l->items; e < RG_END(l->items, l->count); e++) {
        put_short(s, ",");
        put_string(s, rg_entry_has_values(e) ? sum_prefix : "", e->name);
        put_short(s, ":");
        if (!rg_entry_has_values(e)) put_string(s, "", rg_entry_text(e, text));
        else put_short(s, "\"%0*llx\"", DIGITS, s->to ? (unsigned long long)rg_crc64(0, rg_entry_values(e), rg_entry_bytes(e)) : 0);
    }
    put_short(s, "}");
}

static void put_part(sink *s, const rg_entry *e, uint64_t begin) {
    put_short(s, ",");
    put_string(s, "", e->name);
    put_short(s, ":{\"dtype\":\"%s\",\"shape\":[", rg_entry_dtype(e));
    for (int d = 0; d < rg_entry_ndim(e); d++) put_short(s, d ? ",%lld" : "%lld", (long long)rg_entry_shape(e)[d]);
    put_short(s, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin, (unsigned long long)(begin + rg_entry_bytes(e)));
}

/* Filled up with blanks to a multiple of 8 bytes. */
static void put_header(sink *s, const rg_state_list *l) {
    uint64_t begin = 0;
    put_metadata(s, l);
    for (int size = 8; size > 0; size /= 2)
        for (const rg_entry *e = l->items; e < RG_END(l->items, l->count); e++) {
            if (!rg_entry_has_values(e) || rg_entry_element(e) != size) continue;
            put_part(s, e, begin);
            begin += rg_entry_bytes(e);
        }
    put_short(s, "}");
    while (s->n % 8) put_short(s, " ");
}

/* The checksum of the length and the header, with zeros in place of its own digits. */
static void header_sum(const char *bytes, size_t size, char digits[DIGITS + 1]) {
    snprintf(digits, DIGITS + 1, "%0*llx", DIGITS, (unsigned long long)rg_crc64(0, bytes, size));
}

char *rg_header_make(const rg_state_list *l, size_t *size) {
    sink s = {.to = NULL};
    char digits[DIGITS + 1];
    put_header(&s, l);
    const uint64_t length = s.n;
    if (s.n > RG_HEADER_MOST)
        return rg_file_fail(l->r, l->path, "too much to save: a header of %zu bytes, at most %d", s.n, RG_HEADER_MOST), NULL;
    *size = RG_HEADER_LENGTH + s.n;
    char *bytes = rg_tape_alloc(l->r->at, l->r->tape, *size);
    if (!bytes) return NULL;
    memcpy(bytes, &length, RG_HEADER_LENGTH);
    s = (sink){.to = bytes + RG_HEADER_LENGTH};
    put_header(&s, l);
    header_sum(bytes, *size, digits);
    memcpy(bytes + RG_HEADER_LENGTH + sizeof front - 1, digits, DIGITS);
    return bytes;
}

/* -------- reading: strings and numbers. Strings become shorter or stay as long, so they are unescaped in place. */

typedef struct cursor {
    rg_header *h;
    char *at, *end;
    const char *of; /* the name of the tensor that is read, or NULL */
} cursor;

static int expected(const cursor *c, const char *what) {
    return rg_file_fail(c->h->r, c->h->path, "the header is damaged at byte %td%s%.60s: expected %s", c->at - c->h->bytes,
        c->of ? ", in " : "", c->of ? c->of : "", what);
}

static void blanks(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')) c->at++;
}

static bool take(cursor *c, char wanted) {
    blanks(c);
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

/* \u and four digits */
static bool take_unit(cursor *c, uint32_t *unit) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    if (c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u') return false;
    *unit = 0;
    for (int k = 2; k < 6; k++) {
        const char *d = memchr(digits, c->at[k], sizeof digits - 1);
        if (!d) return false;
        *unit = *unit << 4 | (uint32_t)((d - digits) & 15);
    }
    c->at += 6;
    return true;
}

static int unescape(cursor *c, char **to) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint32_t code, low;
    const char *letter = c->end - c->at > 1 ? memchr(letters, c->at[1], sizeof letters - 1) : NULL;
    if (letter) {
        *(*to)++ = meant[letter - letters];
        c->at += 2;
        return 0;
    }
    if (!take_unit(c, &code) || !code) return expected(c, "an escape sequence");
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take_unit(c, &low) || low < 0xdc00 || low >= 0xe000) return expected(c, "the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code < 0x80) *(*to)++ = (char)code;
    else {
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        *(*to)++ = (char)((0xff00u >> (more + 1) & 0xff) | code >> 6 * more); /* half a surrogate pair is no UTF-8, and refused later */
        for (int k = more - 1; k >= 0; k--) *(*to)++ = (char)(0x80 | (code >> 6 * k & 0x3f));
    }
    return 0;
}

static int take_string(cursor *c, const char **text) {
    if (!take(c, '"')) return expected(c, "a string");
    char *to = c->at;
    *text = to;
    while (c->at < c->end && *c->at != '"') {
        if ((unsigned char)*c->at < ' ') return expected(c, "a string without control characters");
        if (*c->at != '\\') *to++ = *c->at++;
        else if (unescape(c, &to)) return -1;
    }
    if (c->at == c->end) return expected(c, "the end of a string");
    c->at++;
    *to = 0;
    return rg_is_utf8(*text) ? 0 : expected(c, "UTF-8");
}

/* NAME: */
static int take_name(cursor *c, const char **name) {
    if (take_string(c, name)) return -1;
    return take(c, ':') ? 0 : expected(c, ":");
}

static int take_whole(cursor *c, int64_t *n) {
    blanks(c);
    const char *start = c->at;
    for (*n = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, *c->at - '0', n))
            return expected(c, "a whole number below 2^63");
    return c->at > start && (*start != '0' || c->at == start + 1) ? 0 : expected(c, "a whole number");
}

/* [N, ..]: writes the first `most` numbers to `to`, and how many there are to *n */
static int take_list(cursor *c, int most, int64_t *to, int *n) {
    int64_t value;
    *n = 0;
    if (!take(c, '[')) return expected(c, "[");
    if (take(c, ']')) return 0;
    do {
        if (take_whole(c, &value)) return -1;
        if (*n < most) to[*n] = value;
        ++*n;
    } while (take(c, ','));
    return take(c, ']') ? 0 : expected(c, ", or ]");
}

/* -------- reading: the objects */

static int take_dtype(cursor *c, rg_part *p) {
    const char *name;
    int k = 0;
    if (take_string(c, &name)) return -1;
    while (k < DTYPES && strcmp(dtypes[k].name, name)) k++;
    if (k == DTYPES) return rg_file_fail(c->h->r, c->h->path, "%.60s has the unknown dtype %.60s", p->name, name);
    p->dtype = dtypes[k].name;
    p->here = dtypes[k].here;
    p->shape[RG_MAX_DIMS] = dtypes[k].size;
    return 0;
}

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, and nothing else. */
static int take_part(cursor *c, rg_part *p) {
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    static const char form[] = "dtype, shape and data_offsets, each once";
    const char *key;
    int seen = 0, n = 0;
    int64_t offsets[2] = {0};
    if (!take(c, '{')) return expected(c, form);
    do {
        if (take_name(c, &key)) return -1;
        const int which = !strcmp(key, "dtype") ? DTYPE : !strcmp(key, "shape") ? SHAPE : !strcmp(key, "data_offsets") ? OFFSETS : 0;
        if (!which || seen & which) return expected(c, form);
        seen |= which;
        if (which == DTYPE ? take_dtype(c, p) : which == SHAPE ? take_list(c, RG_MAX_DIMS, p->shape, &p->ndim) : take_list(c, 2, offsets,
            &n)) return -1;
    } while (take(c, ','));
    if (!take(c, '}')) return expected(c, ", or }");
    if (seen != (DTYPE | SHAPE | OFFSETS) || n != 2) return expected(c, form);
    if (p->ndim > RG_MAX_DIMS)
        return rg_file_fail(c->h->r, c->h->path, "%.60s has %d dimensions, at most %d", p->name, p->ndim, RG_MAX_DIMS);
    p->shape[p->ndim] = p->shape[RG_MAX_DIMS];
    p->begin = offsets[0], p->end = offsets[1];
    return 0;
}

static int take_texts(cursor *c) {
    rg_header *h = c->h;
    rg_text item;
    if (!take(c, '{')) return expected(c, "an object of texts");
    if (take(c, '}')) return 0;
    do {
        if (take_name(c, &item.name) || take_string(c, &item.text)) return -1;
        rg_text *texts = rg_grown(h->r->at, h->r->tape, h->texts, h->ntexts, &h->texts_size, sizeof item);
        if (!texts) return -1;
        h->texts = texts;
        texts[h->ntexts++] = item;
    } while (take(c, ','));
    return take(c, '}') ? 0 : expected(c, ", or }");
}

static int take_header(cursor *c) {
    rg_header *h = c->h;
    bool has_metadata = false;
    if (c->at == c->end || *c->at++ != '{') return rg_file_fail(h->r, h->path, "the header does not begin with {: no safetensors file");
    if (!take(c, '}')) {
        do {
            rg_part part = {.name = NULL};
            c->of = NULL;
            if (take_name(c, &part.name)) return -1;
            c->of = part.name;
            if (!strcmp(part.name, RG_METADATA)) {
                if (has_metadata) return expected(c, "only one " RG_METADATA);
                has_metadata = true;
                if (take_texts(c)) return -1;
                continue;
            }
            if (take_part(c, &part)) return -1;
            rg_part *parts = rg_grown(h->r->at, h->r->tape, h->parts, h->nparts, &h->parts_size, sizeof part);
            if (!parts) return -1;
            h->parts = parts;
            parts[h->nparts++] = part;
        } while (take(c, ','));
        c->of = NULL;
        if (!take(c, '}')) return expected(c, ", or }");
    }
    blanks(c);
    return c->at == c->end ? 0 : expected(c, "the end");
}

/* -------- reading: order and checksums */

static int by_name(const void *a, const void *b) { return strcmp(((const rg_part *)a)->name, ((const rg_part *)b)->name); }
static int by_text_name(const void *a, const void *b) { return strcmp(((const rg_text *)a)->name, ((const rg_text *)b)->name); }

static int sort_names(rg_header *h) {
    if (h->nparts) qsort(h->parts, (size_t)h->nparts, sizeof *h->parts, by_name);
    if (h->ntexts) qsort(h->texts, (size_t)h->ntexts, sizeof *h->texts, by_text_name);
    for (int64_t i = 1; i < h->nparts; i++)
        if (!by_name(&h->parts[i - 1], &h->parts[i]))
            return rg_file_fail(h->r, h->path, "the header has two tensors of the name %.100s", h->parts[i].name);
    for (int64_t i = 1; i < h->ntexts; i++)
        if (!by_text_name(&h->texts[i - 1], &h->texts[i]))
            return rg_file_fail(h->r, h->path, "the header has two texts of the name %.100s", h->texts[i].name);
    return 0;
}

rg_part *rg_header_part(const rg_header *h, const char *name) {
    return h->nparts ? bsearch(&(rg_part){.name = name}, h->parts, (size_t)h->nparts, sizeof *h->parts, by_name) : NULL;
}

const char *rg_header_text(const rg_header *h, const char *name) {
    const rg_text *found = h->ntexts ? bsearch(&(rg_text){.name = name}, h->texts, (size_t)h->ntexts, sizeof *h->texts, by_text_name)
        : NULL;
    return found ? found->text : NULL;
}

/* A header that begins as ours do has a checksum. Its digits become zeros again, as when it was computed. */
static int check_header(rg_header *h) {
    char found[DIGITS + 1] = "", should[DIGITS + 1];
    char *digits = h->bytes + RG_HEADER_LENGTH + sizeof front - 1;
    if (h->size < RG_HEADER_LENGTH + sizeof front + DIGITS || memcmp(h->bytes + RG_HEADER_LENGTH, front, sizeof front - 1)) return 0;
    memcpy(found, digits, DIGITS);
    memset(digits, '0', DIGITS);
    header_sum(h->bytes, (size_t)h->size, should);
    h->checked = !strcmp(found, should);
    return h->checked ? 0 : rg_file_fail(h->r, h->path, "the header is damaged: its checksum is %s, not %.16s", should, found);
}

/* Our files also say in "made by" that they have checksums: if so, a header without its own is damaged. */
static int check_claim(const rg_header *h) {
    const char *made_by = rg_header_text(h, maker);
    const size_t n = made_by ? strlen(made_by) : 0;
    const bool claims = n >= sizeof claim - 1 && !strcmp(made_by + n - (sizeof claim - 1), claim);
    return claims <= h->checked ? 0 : rg_file_fail(h->r, h->path, "the header is damaged: its checksum is missing");
}

const char *rg_header_checksum(const rg_header *h, int64_t part) {
    /* Tensors and checksums are sorted by name: checksum k belongs to tensor k. */
    int64_t low = 0, high = h->ntexts;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (strcmp(h->texts[middle].name, sum_prefix) < 0) low = middle + 1;
        else high = middle;
    }
    const rg_text *text = part < h->ntexts - low ? &h->texts[low + part] : NULL;
    return text && !strncmp(text->name, sum_prefix, sizeof sum_prefix - 1) &&
        !strcmp(text->name + sizeof sum_prefix - 1, h->parts[part].name) ? text->text : NULL;
}

int rg_header_read(rg_header *h, int fd, uint64_t size) {
    uint64_t length;
    if (size < RG_HEADER_LENGTH)
        return rg_file_fail(h->r, h->path, "cut short: %llu bytes, the header's length alone takes %d", (unsigned long long)size,
            RG_HEADER_LENGTH);
    if (rg_file_read(h->r, h->path, fd, 0, &length, RG_HEADER_LENGTH)) return -1;
    if (length > size - RG_HEADER_LENGTH || length > RG_HEADER_MOST)
        return rg_file_fail(h->r, h->path, "%s: a header of %llu bytes; %llu follow, at most %d are allowed",
            length > RG_HEADER_MOST ? "no safetensors file, or a damaged one" : "cut short", (unsigned long long)length,
            (unsigned long long)size - RG_HEADER_LENGTH, RG_HEADER_MOST);
    h->size = RG_HEADER_LENGTH + length;
    h->bytes = rg_tape_alloc(h->r->at, h->r->tape, (size_t)h->size);
    if (!h->bytes) return -1;
    memcpy(h->bytes, &length, RG_HEADER_LENGTH);
    if (rg_file_read(h->r, h->path, fd, RG_HEADER_LENGTH, h->bytes + RG_HEADER_LENGTH, length)) return -1;
    cursor c = {.h = h, .at = h->bytes + RG_HEADER_LENGTH, .end = h->bytes + h->size};
    return check_header(h) || take_header(&c) || sort_names(h) || check_claim(h) ? -1 : 0;
}

void rg_header_free(rg_header *h) {
    if (h->bytes) rg_tape_dealloc(h->r->tape, h->bytes, (size_t)h->size);
    if (h->parts) rg_tape_dealloc(h->r->tape, h->parts, (size_t)h->parts_size * sizeof *h->parts);
    if (h->texts) rg_tape_dealloc(h->r->tape, h->texts, (size_t)h->texts_size * sizeof *h->texts);
}
