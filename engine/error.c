/* error.c - the first error stays on the tape, with operands, numbers and the caller's line; everything after it is poisoned. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A message under construction: what does not fit is cut, never written past the end. */
typedef struct text { char *to; size_t size, length; } text;

__attribute__((format(printf, 2, 0))) static void put_args(text *m, const char *format, va_list args) {
    if (m->length + 1 >= m->size) return;
    const int n = vsnprintf(m->to + m->length, m->size - m->length, format, args);
    if (n > 0) m->length = m->length + (size_t)n < m->size ? m->length + (size_t)n : m->size - 1;
}

/* Of a function with the arguments "format, ...". */
#define PUT_REST(m, format)           \
    do {                              \
        va_list args;                 \
        va_start(args, format);       \
        put_args(m, format, args);    \
        va_end(args);                 \
    } while (0)

__attribute__((format(printf, 2, 3))) static void put(text *m, const char *format, ...) { PUT_REST(m, format); }

/* "x[64,784]", "[64,784]" without a name, " i32" behind where it is not a float of the tape's dtype */
static void put_operand(text *m, const rg_tensor *x) {
    if (!x || !x->tape) {
        put(m, "NULL");
        return;
    }
    if (x->name) put(m, "%.40s", x->name);
    put(m, "[");
    for (int d = 0; d < x->ndim; d++) put(m, d ? ",%lld" : "%lld", (long long)x->shape[d]);
    put(m, "]");
    if (x->dtype != x->tape->dtype) put(m, " %s", rg_dtype_name(x->dtype));
}

const char *rg_place(const char *at) {
    const char *slash = at ? strrchr(at, '/') : NULL;
    return slash ? slash + 1 : at ? at : "an unknown line";
}

/* A file and line; nothing where they are not known. */
static void put_place(text *m, const char *before, const char *at, const char *after) {
    if (at) put(m, "%s%s%s", before, rg_place(at), after);
}

/* A formula "a . b" gives the sign between the operands of a message: x[64,784] . w[785,128] */
static const char *sign_between(const rg_op *op, char to[4]) {
    const char *f = op->formula;
    if (strlen(f) != 5 || f[0] != 'a' || f[1] != ' ' || f[3] != ' ' || f[4] != 'b') return ", ";
    memcpy(to, f + 1, 3);
    to[3] = 0;
    return to;
}

/* -------- composites */

void rg_speak(rg_speaker *s) {
    rg_tape *t = NULL;
    for (int i = 0; i < s->n && !t; i++) t = s->in[i] ? s->in[i]->tape : NULL;
    if (!t || t->speaker) return;
    s->tape = t;
    t->speaker = s;
}

void rg_spoken(rg_speaker *s) { if (s->tape && s->tape->speaker == s) s->tape->speaker = NULL; }

/* NAME: a[2,3], b[3]: */
static void put_application(text *m, const char *name, int n, rg_tensor *const *in, const char *between) {
    put(m, "%s: ", name);
    for (int i = 0, shown = 0; i < n; i++) {
        if (!in[i]) continue; /* of a composite: an operand that may be left out */
        if (shown == 6) {
            put(m, ", ... %d operands", n);
            break;
        }
        if (shown++) put(m, "%s", between);
        put_operand(m, in[i]);
    }
    put(m, ": ");
}

/* Before what the composite did not say itself. */
static void put_speaker(text *m, const rg_speaker *s, const char *message) {
    const size_t length = s ? strlen(s->name) : 0;
    if (s && (strncmp(message, s->name, length) != 0 || message[length] != ':')) put_application(m, s->name, s->n, s->in, ", ");
}

static bool among(const rg_tensor *x, int n, rg_tensor *const *in) {
    int i = 0;
    while (i < n && in[i] != x) i++;
    return i < n;
}

/* Can the message name the composite in place of y? Then y reads all that the composite was given, and otherwise only tensors of rank 0.
   For a message that says "operand 2" they must also be in the same order. */
static bool is_speakers(const rg_tensor *y, const rg_speaker *s, const char *format) {
    bool all = s, in_order = s && s->n == y->nin;
    for (int i = 0; all && i < s->n; i++) all = among(s->in[i], y->nin, y->in);
    for (int i = 0; all && i < y->nin; i++) {
        all = y->in[i]->ndim == 0 || among(y->in[i], s->n, s->in);
        in_order = in_order && s->in[i] == y->in[i];
    }
    return all && (in_order || strncmp(format, "operand", 7) != 0);
}

/* Keeps the first error and tells the handler of it, once. What the handler asks for happens after it has returned. */
static void keep_first(rg_tape *t, rg_code code, const char *message) {
    t->errors++;
    if (t->code) return;
    t->code = code;
    text m = {t->message, sizeof t->message, 0};
    put_speaker(&m, t->speaker, message);
    put(&m, "%s", message);
    const char *trap = getenv("RG_ABORT");
    if (trap && trap[0] == '1') {
        fprintf(stderr, "retrograd: %s\n", t->message);
        __builtin_trap();
    }
    if (!t->on_error) return;
    t->in_handler = true;
    t->on_error(t->on_error_ctx, code, t->message);
    t->in_handler = false;
    if (t->misused) {
        t->code = RG_ESTATE;
        snprintf(t->message, sizeof t->message, "%s: called in an error handler, where nothing can be released", t->misused);
        fprintf(stderr, "retrograd: %s\n", t->message);
    } else if (t->clear_after) t->code = RG_OK;
    t->misused = NULL;
    t->clear_after = false;
}

bool rg_in_handler(rg_tape *t, const char *who) {
    if (t->in_handler) t->misused = who;
    return t->in_handler;
}

int rg_reject(rg_tensor *y, rg_code code, const char *format, ...) {
    if (!y || !y->tape) return -1;
    char buffer[sizeof y->tape->message], between[4];
    text m = {buffer, sizeof buffer, 0};
    const rg_speaker *s = y->tape->speaker;
    if (is_speakers(y, s, format)) put_application(&m, s->name, s->n, s->in, ", ");
    else if (y->op) put_application(&m, y->op->name, y->nin, y->in, sign_between(y->op, between));
    else put(&m, "tensor: ");
    PUT_REST(&m, format);
    put_place(&m, " (", y->at, ")");
    keep_first(y->tape, code, buffer);
    return -1;
}

int rg_fail(rg_tape *t, rg_code code, const char *at, const char *format, ...) {
    if (!t) return -1;
    char buffer[sizeof t->message];
    text m = {buffer, sizeof buffer, 0};
    PUT_REST(&m, format);
    put_place(&m, " (", at, ")");
    keep_first(t, code, buffer);
    return -1;
}

int rg_fail_of(const rg_tensor *x, rg_code code, const char *who, const char *format, ...) {
    char buffer[sizeof x->tape->message];
    text m = {buffer, sizeof buffer, 0};
    put(&m, "%s: ", who);
    put_operand(&m, x);
    put(&m, ": ");
    PUT_REST(&m, format);
    put_place(&m, " (made at ", x->at, ")");
    keep_first(x->tape, code, buffer);
    return -1;
}

/* The memory of a released x is free, and unused since: what rg_node_destroy left there can still be read. */
int rg_not_given(const char *at, rg_tape *t, const rg_tensor *x, const char *subject, ...) {
    char buffer[sizeof t->message];
    text m = {buffer, sizeof buffer, 0};
    PUT_REST(&m, subject);
    if (!x) put(&m, " is NULL");
    else if (x->flags & RG_POISON) put(&m, x->tape ? " is what a failed operation returned" : " is what an operation on NULL returned");
    else {
        put(&m, " was released by %s", x->released.by);
        put_place(&m, " at ", x->released.at, "");
    }
    return rg_fail(t ? t : rg_tape_of(x), RG_ESTATE, at, "%s", buffer);
}

bool rg_report_released(const char *function, const char *at, const rg_tensor *x) {
    const size_t n = strlen(function), suffix = n > 3 && !strcmp(function + n - 3, "_at") ? 3 : 0;
    if (x->flags & RG_RELEASED) rg_given(at, NULL, x, "%.*s: the tensor", (int)(n - suffix), function);
    return false;
}

const char *rg_shape_text(const rg_tensor *x, char *to, size_t size) {
    text m = {to, size, 0};
    if (size) to[0] = 0;
    put_operand(&m, x);
    return to;
}

const char *rg_error(const rg_tape *t) {
    if (!t) return "out of memory: there is no tape";
    return t->code ? t->message : NULL;
}

int64_t rg_errors(const rg_tape *t) { return t ? t->errors : 0; }
rg_code rg_error_code(const rg_tape *t) { return t ? t->code : RG_ENOMEM; }

void rg_error_clear(rg_tape *t) {
    if (!t) return;
    if (t->in_handler) t->clear_after = true;
    else t->code = RG_OK;
}

void rg_on_error(rg_tape *t, void (*fn)(void *ctx, rg_code code, const char *message), void *ctx) {
    if (!t) return;
    t->on_error = fn;
    t->on_error_ctx = ctx;
}

rg_tensor *rg_poison(rg_tape *t) { return t ? t->poison : rg_poisoned(); }

bool rg_failed(const rg_tensor *x) { return !rg_usable(x); }
