/* text.c - characters as numbers, of a file or of sums. */
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number(text *x, const unsigned char *bytes) {
    bool seen[256] = {false};
    for (int64_t i = 0; i < x->count; i++) seen[bytes[i]] = true;
    for (int c = 0; c < 256; c++) {
        x->code_of[c] = seen[c] ? x->classes : -1;
        if (seen[c]) x->letter[x->classes++] = (unsigned char)c;
    }
    for (int64_t i = 0; i < x->count; i++) x->code[i] = x->code_of[bytes[i]];
}

static unsigned char *write_sums(rg_rng *rng, int64_t *count) {
    int64_t order[SUM_COUNT];
    unsigned char *bytes = malloc(SUM_COUNT * SUM_LINE + 1);
    rg_rng_permutation(rng, SUM_COUNT, order);
    for (int i = 0; bytes && i < SUM_COUNT; i++) {
        const int a = (int)(order[i] / 100), b = (int)(order[i] % 100), y = a + b;
        char line[64];
        const int n = snprintf(line, sizeof line, "%d+%d=%d", a, b, y);
        for (int k = 0; k < SUM_LINE; k++) bytes[i * SUM_LINE + k] = (unsigned char)(k < n ? line[k] : '\n');
    }
    *count = SUM_COUNT * SUM_LINE;
    return bytes;
}

/* The whole file, however long it turns out to be. */
static unsigned char *read_all(const char *path, int64_t *count) {
    FILE *from = fopen(path, "rb");
    if (!from) return NULL;
    unsigned char *bytes = NULL;
    size_t n = 0, size = 0;
    do {
        unsigned char *longer = n < size ? bytes : realloc(bytes, size = size ? 2 * size : 1 << 16);
        if (!longer) break;
        bytes = longer;
        n += fread(bytes + n, 1, size - n, from);
    } while (n == size);
    const bool whole = bytes && n < size && !ferror(from);
    fclose(from);
    *count = (int64_t)n;
    if (whole) return bytes;
    free(bytes);
    return NULL;
}

static int fail(const char *path, int reason) {
    fprintf(stderr, "%s: cannot be read: %s\n", path ? path : "sums", strerror(reason ? reason : ENOMEM));
    return -1;
}

int text_make(text *x, const char *path, int context, int most, rg_rng *rng) {
    *x = (text){.sums = !path, .context = path ? context : SUM_LINE - 1, .most = most};
    errno = 0;
    unsigned char *bytes = path ? read_all(path, &x->count) : write_sums(rng, &x->count);
    if (!bytes) return fail(path, errno);
    x->code = malloc((size_t)x->count * sizeof *x->code + 1);
    x->from = malloc((size_t)most * (size_t)x->context * sizeof *x->from + 1);
    x->to = malloc((size_t)most * (size_t)x->context * sizeof *x->to + 1);
    if (x->code && x->from && x->to) number(x, bytes);
    free(bytes);
    if (!x->classes && x->count) return text_free(x), fail(path, ENOMEM);
    x->train = path ? x->count - x->count / 10 : (SUM_COUNT - SUM_HELD_OUT) * SUM_LINE;
    x->windows = (x->count - x->train) / (x->context + 1);
    if (x->windows > SUM_HELD_OUT) x->windows = SUM_HELD_OUT;
    if (x->windows > 0) return 0;
    fprintf(stderr, "%s: %lld characters; a context of %d wants %d at least\n", path, (long long)x->count, x->context,
        10 * (x->context + 1));
    return text_free(x), -1;
}

void text_free(text *x) {
    free(x->code);
    free(x->from);
    free(x->to);
    x->code = x->from = x->to = NULL;
}

/* What follows each character of a window; of a sum from its "=" to its first line end. */
static void asked(const text *x, const int32_t *window, int32_t *to) {
    bool answer = !x->sums;
    for (int i = 0; i < x->context; i++) {
        if (x->sums && x->letter[window[i]] == '=') answer = true;
        to[i] = answer ? window[i + 1] : TEXT_IGNORED;
        if (x->sums && x->letter[window[i + 1]] == '\n') answer = false;
    }
}

void text_batch(rg_tape *t, text *x, rg_rng *rng, int64_t first, int rows, rg_tensor **in, rg_tensor **out) {
    const int64_t unit = x->sums ? SUM_LINE : 1, width = x->context + 1;
    for (int k = 0; k < rows && k < x->most; k++) {
        const int64_t start = rng ? unit * rg_rng_integers(rng, 0, (x->train - width) / unit + 1) : x->train + width * (first + k);
        memcpy(x->from + (int64_t)k * x->context, x->code + start, (size_t)x->context * sizeof *x->from);
        asked(x, x->code + start, x->to + (int64_t)k * x->context);
    }
    *in = rg_input(t, x->from, rows, x->context);
    *out = rg_input(t, x->to, rows, x->context);
}

void text_right(const text *x, rg_tensor *logits, rg_tensor *out, int64_t count[2]) {
    const int32_t *best = rg_i32(rg_argmax(logits, -1)), *is = rg_i32(out);
    const int64_t rows = best ? rg_dim(out, 0) : 0;
    for (int64_t k = 0; k < rows; k++, best += x->context, is += x->context) {
        int right = 0, all = 0;
        for (int i = 0; i < x->context; i++) all += is[i] != TEXT_IGNORED, right += is[i] == best[i];
        count[0] += x->sums ? right == all : right;
        count[1] += x->sums ? 1 : all;
    }
}

/* A code drawn from softmax(logits / temperature) at the last character of logits [1, n, classes]; -1 after an error. */
static int drawn(rg_tensor *logits, double temperature) {
    const int64_t n = rg_dim(logits, 1), classes = rg_dim(logits, 2);
    rg_tensor *p = rg_softmax(rg_mul(rg_cast(rg_slice(logits, 1, n - 1, n), RG_F64), 1 / temperature), -1);
    if (rg_failed(p)) return -1;
    double left = rg_rng_random(rg_tape_rng(rg_tape_of(p)));
    int code = 0;
    while (code + 1 < classes && (left -= rg_f64(p)[code]) >= 0) code++;
    return code;
}

/* The codes of the prompt; how many, or -1 after one line on stderr. */
static int prompt_codes(const text *x, const char *prompt, int64_t k, int32_t *to) {
    int n = 0;
    if (!prompt)
        for (const int32_t *at = x->code + x->train + SUM_LINE * k; n < SUM_LINE && (n == 0 || x->letter[to[n - 1]] != '='); n++)
            to[n] = at[n];
    for (; prompt && *prompt && n < TEXT_LENGTH; prompt++) {
        if ((to[n++] = x->code_of[(unsigned char)*prompt]) >= 0) continue;
        fprintf(stderr, "--prompt: there is no '%c' in the text\n", *prompt);
        return -1;
    }
    if (n == 0) fprintf(stderr, "--prompt: one character at least\n");
    return n ? n : -1;
}

int text_print(rg_tape *t, const text *x, rg_nn *net, const char *prompt, int64_t k, int length, double temperature) {
    int32_t code[2 * TEXT_LENGTH];
    const int n = prompt_codes(x, prompt, k, code), end = n + (length < TEXT_LENGTH ? length : TEXT_LENGTH);
    if (n < 0) return -1;
    rg_nn_eval(net);
    int i = 0;
    for (; i < n; i++) putchar(x->letter[code[i]]);
    for (; i < end && !(x->sums && i > n && x->letter[code[i - 1]] == '\n'); i++) {
        const int seen = i < x->context ? i : x->context;
        const int next = drawn(rg_nn_forward(net, rg_input(t, code + i - seen, 1, seen)), temperature);
        rg_tape_reset(t);
        if (next < 0) break;
        putchar(x->letter[code[i] = next]);
    }
    rg_nn_eval_end(net);
    if (x->letter[code[i - 1]] != '\n') putchar('\n');
    return rg_error_code(t) ? -1 : 0;
}
