/* typeset.c - a formula of formulas.c as MathML, which browsers set without help: Z2 is Z with an index, A' is transposed, 1/n is a
   fraction. */
#include <ctype.h>
#include <string.h>

#include "compare.h"

void escaped_put(const char *text, FILE *to) {
    for (; *text; text++) {
        switch (*text) {
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '&': fputs("&amp;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc(*text, to);
        }
    }
}

typedef struct span { const char *from, *end; } span;

static void put_some(span s, FILE *to);

static bool is(span s, const char *word) { return (size_t)(s.end - s.from) == strlen(word) && memcmp(s.from, word, strlen(word)) == 0; }

/* The end of the bracket that opens at `at`, behind it. */
static const char *behind(const char *at, const char *end) {
    const char open = *at, close = open == '(' ? ')' : ']';
    for (int depth = 0; at < end; at++) {
        depth += (*at == open) - (*at == close);
        if (!depth) return at + 1;
    }
    return end;
}

static span take_while(const char *at, const char *end, int (*kind)(int)) {
    span s = {at, at};
    while (s.end < end && kind((unsigned char)*s.end)) s.end++;
    return s;
}

static void put_word(span w, FILE *to) {
    if (is(w, "lambda")) fputs("<mi>\u03bb</mi>", to);
    else if (is(w, "sum")) fputs("<mo>\u2211</mo>", to);
    else if (w.end - w.from == 2 && *w.from == 'd') fprintf(to, "<mrow><mi mathvariant=\"normal\">d</mi><mi>%c</mi></mrow>", w.from[1]);
    else fprintf(to, "<mi>%.*s</mi>", (int)(w.end - w.from), w.from);
    if (is(w, "log")) fputs("<mspace width=\".15em\"></mspace>", to);
}

/* A name or a bracket with what is below and above it. */
static const char *put_scripted(span base, const char *at, const char *end, FILE *to) {
    span below = {0}, above = {0};
    bool transposed = false;
    const bool name = isalpha((unsigned char)*base.from);
    if (name) below = take_while(at, end, isdigit), at = below.end;
    if (name && at < end && *at == '_') below = take_while(at + 1, end, isalpha), at = below.end;
    span element = {0};
    if (name && at < end && *at == '[') element = (span){at + 1, behind(at, end) - 1}, at = element.end + 1;
    if (at < end && *at == '\'') transposed = true, at++;
    else if (at < end && *at == '^') {
        above.from = at + 1;
        for (at++; at < end && (isalnum((unsigned char)*at) || *at == '-'); at++) {}
        above.end = at;
    }
    const bool is_sum = is(base, "sum"), low = below.from != below.end, high = transposed || above.from != above.end;
    fputs(is_sum ? "<munder>" : element.from ? low ? "<msub><mrow><mo stretchy=\"false\">(</mo>" : "<msub>" : "", to);
    fputs(is_sum ? "" : low && high ? "<msubsup>" : low ? "<msub>" : high ? "<msup>" : "", to);
    if (name) put_word(base, to);
    else fputs("<mrow>", to), fputs("<mo stretchy=\"false\">(</mo>", to), put_some((span){base.from + 1, base.end - 1}, to),
        fputs("<mo stretchy=\"false\">)</mo></mrow>", to);
    if (low) fputs("<mrow>", to), put_some(below, to), fputs("</mrow>", to);
    if (transposed) fputs("<mo>\u22a4</mo>", to);
    else if (high) fputs("<mrow>", to), put_some(above, to), fputs("</mrow>", to);
    fputs(is_sum ? "" : low && high ? "</msubsup>" : low ? "</msub>" : high ? "</msup>" : "", to);
    if (element.from && low) fputs("<mo stretchy=\"false\">)</mo></mrow>", to);
    if (element.from) fputs("<mrow>", to), put_some(element, to), fputs("</mrow></msub>", to);
    fputs(is_sum ? "</munder>" : "", to);
    return at;
}

/* 12, 1/n, or 1 / ( .. ) */
static const char *put_number(const char *at, const char *end, FILE *to) {
    const span over = take_while(at, end, isdigit);
    span under = {0};
    at = over.end;
    if (at + 1 < end && at[0] == '/') under = take_while(at + 1, end, isalnum), at = under.end;
    else if (at + 3 < end && memcmp(at, " / (", 4) == 0) under = (span){at + 4, behind(at + 3, end) - 1}, at = under.end + 1;
    fputs(under.from ? "<mfrac>" : "", to);
    fprintf(to, "<mn>%.*s</mn>", (int)(over.end - over.from), over.from);
    if (under.from) fputs("<mrow>", to), put_some(under, to), fputs("</mrow></mfrac>", to);
    return at;
}

static const char *put_sign(const char *at, FILE *to) {
    if (at[0] == '|' && at[1] == '|') return fputs("<mo stretchy=\"false\">\u2016</mo>", to), at + 2;
    switch (*at) {
    case '*': fputs("<mo>\u2299</mo>", to); break;
    case '-': fputs("<mo>\u2212</mo>", to); break;
    case '>': fputs("<mo>&gt;</mo>", to); break;
    default: fprintf(to, "<mo>%c</mo>", *at);
    }
    return at + 1;
}

/* Called again for what is in brackets, or below or above a name: as deep as the formula is nested. */
static void put_some(span s, FILE *to) {
    for (const char *at = s.from; at < s.end;) {
        if (*at == ' ') {
            const char before = at > s.from ? at[-1] : '(';
            const bool between = (isalnum((unsigned char)before) || before == '\'') && isalpha((unsigned char)at[1]);
            if (between) fputs("<mspace width=\".12em\"></mspace>", to);
            at++;
        } else if (isalpha((unsigned char)*at)) {
            const span word = take_while(at, s.end, isalpha);
            at = put_scripted(word, word.end, s.end, to);
        } else if (*at == '(') {
            const span bracket = {at, behind(at, s.end)};
            at = put_scripted(bracket, bracket.end, s.end, to);
        } else if (isdigit((unsigned char)*at)) at = put_number(at, s.end, to);
        else if (*at == '|' && at + 2 < s.end && at[1] == '|' && at[2] == '^') {
            at += 3;
            const span power = take_while(at, s.end, isdigit);
            fputs("<msup><mo stretchy=\"false\">\u2016</mo><mrow>", to);
            put_some(power, to);
            fputs("</mrow></msup>", to);
            at = power.end;
        } else at = put_sign(at, to);
    }
}

void typeset_put(const char *formula, FILE *to) {
    fputs("<math>", to);
    put_some((span){formula, formula + strlen(formula)}, to);
    fputs("</math>", to);
}

/* "dA1", "W2" */
static bool is_quantity(span s) {
    const char *at = s.from + (*s.from == 'd');
    return at + 1 < s.end && strchr("AZWb", *at) && take_while(at + 1, s.end, isdigit).end == s.end;
}

void prose_put(const char *text, FILE *to) {
    const char *end = text + strlen(text);
    for (span s; text < end; text = s.end) {
        char part[64];
        s = take_while(text, end, isalnum);
        if (s.end == text) s.end++;
        snprintf(part, sizeof part, "%.*s", (int)(s.end - text), text);
        (is_quantity(s) || strcmp(part, "*") == 0 ? typeset_put : escaped_put)(part, to);
    }
}
