/* op_table.c - writes the registry down as Markdown: a row an operator, what it takes, what it does, what can be differentiated. */
#include "op_table.h"

#include <stdbool.h>
#include <string.h>

#include "engine/op.h"
#include "ops/sample.h"

/* A bar would end the cell. */
static void cell(FILE *to, const char *text) {
    for (; *text; text++) fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

static const char *type_of(const rg_op *op, int i) {
    const char *types = op->others ? op->others->types : op->types ? op->types : "f";
    const size_t n = strlen(types);
    switch (types[(size_t)i < n ? (size_t)i : n - 1]) {
    case 'i': return "i32";
    case 'a': return "any";
    case 'm': return "mask";
    default: return "float";
    }
}

static void operands(FILE *to, const rg_op *op) {
    const int shown = op->arity >= 0 ? op->arity : op->types ? (int)strlen(op->types) : 1;
    for (int i = 0; i < shown; i++) fprintf(to, "%s%s", i ? ", " : "", type_of(op, i));
    if (op->arity < 0) fprintf(to, " ...");
}

/* Which attributes the samples set: the words before "=", each once. */
static void attributes(FILE *to, const rg_op *op) {
    char seen[256] = " ";
    for (const char *at = op->samples; *at; at += strcspn(at, " ;"), at += strspn(at, " ;")) {
        char word[32];
        const size_t n = strcspn(at, "=; ");
        if (at[n] != '=' || memchr(at, ':', n) || n + 3 > sizeof word) continue; /* 3:i32=0 is an operand */
        snprintf(word, sizeof word, " %.*s ", (int)n, at);
        if (strstr(seen, word) || strlen(seen) + n + 2 > sizeof seen) continue;
        strcat(seen, word + 1);
    }
    for (char *at = seen + 1; *at; at++) {
        if (at > seen + 1) fputs(", ", to);
        for (; *at != ' '; at++) fputc(*at, to);
    }
}

/* Do the results of one sample, or of what a composite is made of, take branches? */
static bool kinked(const rg_op *op) {
    if (!op->compose) return op->branch[0];
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_rng rng;
    rg_rng_seed(&rng, 1);
    rg_sample s;
    rg_tensor *in[RG_SAMPLE_OPERANDS];
    const char *text = op->samples;
    bool found = false;
    if (rg_sample_next(&text, &s) == 1 && rg_sample_operands(NULL, &s, op, t, &rng, in) > 0)
        for (const rg_tensor *x = rg_sample_apply(NULL, &s, op, in); x && !rg_failed(x); x = x->prev) found |= x->op && x->op->branch[0];
    rg_tape_free(t);
    return found;
}

void op_table(FILE *to) {
    fprintf(to, "# The operators\n\n"
        "Made from the registry by `build/tools/gradcheck --markdown > ops/README.md`; a test compares. How each is called is in\n"
        "`ops/ops.h`, `ops/elementwise.h`, `ops/losses.h` and `engine/core_ops.h`. Operands and attributes are those of the operator:\n"
        "the call can have another order and other names. `batch_norm_given`, `cross_entropy_with`, `exp_scan` and `fill` are parts of\n"
        "others.\n\n"
        "\"Any order\": the derivative is a composition of operators, and is checked to order 2. Kinks: the formula has branches, and the\n"
        "gradient check leaves out, and counts, elements that are near one. All operands marked \"any\" have the same dtype; a mask may\n"
        "have another.\n\n"
        "In the reference (`meson compile -C build reference`) each row links to its function, and back: `exp` is\n"
        "`build/reference/operators.html#exp`, which leads to `rg_exp`. The search of `build/reference/index.html` finds both.\n\n"
        "| operator | formula | operands | attributes | derivative | kinks |\n|---|---|---|---|---|---|\n");
    int ops = 0, smooth = 0;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next, ops++) {
        const rg_op *op = e->op;
        const bool has = op->backward || op->compose;
        smooth += has;
        fprintf(to, "| `%s` | ", op->name);
        cell(to, op->formula);
        fprintf(to, " | ");
        operands(to, op);
        fprintf(to, " | ");
        attributes(to, op);
        fprintf(to, " | %s%s | %s |\n", has ? "any order" : "none", op->compose ? ", by its parts" : "", kinked(op) ? "yes" : "");
    }
    fprintf(to, "\n%d operators, %d of them with a derivative.\n", ops, smooth);
}
