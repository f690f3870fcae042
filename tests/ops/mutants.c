/* mutants.c - is the gradient check able to fail? Breaks every derivative of the registry in many ways: at run time (mutate.c), and
   every row of elementwise.def in its text (mutants.awk; rules and kernels made of it by the same macros). The check must reject each,
   and accept what is right. Status 1 when a broken one passes and does not give the right derivative to the bit; or when a right one
   fails. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/options.h"
#include "ops/gradcheck.h"
#include "ops/sample.h"
#include "tests/ops/mutate.h"

static struct { const char *op; int every; uint64_t seed; double bar; bool verbose; } o = {.every = 1, .seed = 1, .bar = 1e-8};
static const option_row table[] = {
    {"op",      OPT_STRING, &o.op,      "NAME", "break this operator only", 0, 0},
    {"every",   OPT_INT,    &o.every,   "N",    "break it in every Nth way only, and try every Nth right one", 1, 1000},
    {"seed",    OPT_UINT64, &o.seed,    "N",    "of the operands' values and the cotangents", 0, 0},
    {"bar",     OPT_DOUBLE, &o.bar,     "E",    "largest relative error that the check lets pass", 1e-300, 1e300},
    {"verbose", OPT_FLAG,   &o.verbose, NULL,   "list every mutant and what became of it", 0, 0},
    {0}};

static struct { int tried, killed, second, equal, rounded, survived, right, alarms, ops, rows; } all;

/* -------- one mutant */

enum { EQUAL_SEEDS = 32, SEEDS = 200 }; /* what differs beside a kink only, at few elements in a thousand, needs other values to show */

static bool rejects(const rg_op *op, int order, uint64_t seed, rg_check *c) {
    *c = rg_gradcheck_op(op, .order = order, .seed = seed, .tolerance = o.bar);
    return c->failed != RG_CHECK_PASSED;
}

static void say(const char *fate, const char *op, const char *what, const rg_check *c) {
    printf("  %-9s %s: %s", fate, op, what);
    if (c && c->order) printf(" (order %d, error %.2g)", c->order, c->error);
    if (c && c->failed > RG_CHECK_WRONG) printf(" [%s: %s]", rg_verdict_name(c->failed), c->text);
    putchar('\n');
}

/* An operator that must be rejected as wrong, for no other reason; or is `right`, to the bit. Mutants of composites hold for one call. */
static void judge(const rg_op *broken, const rg_op *right, const char *name, const char *what) {
    rg_check c;
    if (all.tried++ % o.every) return;
    bool killed = false;
    sameness equal = DIFFERENT;
    int order = 0;
    for (uint64_t seed = o.seed; seed < o.seed + SEEDS && !killed && !equal; seed++) {
        for (order = 1; order <= 2 && !killed; order++) killed = rejects(broken, order, seed, &c) && c.failed == RG_CHECK_WRONG;
        if (!killed && seed == o.seed) equal = mutant_equals(broken, right, o.seed, EQUAL_SEEDS);
    }
    if (killed) {
        all.killed++;
        all.second += order > 2;
        if (o.verbose) say("killed", name, what, &c);
    } else if (equal) {
        all.equal++;
        all.rounded += equal == TO_ROUNDING;
        say(equal == TO_ROUNDING ? "equal, to rounding" : "equal", name, what, NULL);
    } else {
        all.survived++;
        say("SURVIVED", name, what, &c);
    }
}

static void must_pass(const rg_op *op, const char *what) {
    rg_check c;
    if (all.right++ % o.every) return;
    if (!rejects(op, 3, o.seed, &c)) return;
    all.alarms++;
    say("ALARM", op->name, what, &c);
}

/* -------- at run time */

/* Which operands are differentiated in some sample: a bit each. Of operands in any number the first four. */
static unsigned float_operands(const rg_op *op) {
    unsigned found = 0;
    rg_sample s;
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;)
        for (int i = 0; i < s.n; i++)
            if (rg_sample_float(&s, i) && !s.operand[i].same && i < 4) found |= 1u << i;
    return found;
}

static void break_rule(const rg_op *op) {
    const unsigned operands = float_operands(op);
    int floats = 0;
    for (unsigned left = operands; left; left &= left - 1) floats++;
    static mutant m, right;
    must_pass(op, "as it is");
    mutant_make(&m, op, mutation_at(0), 0);
    must_pass(&m.op, "nothing broken");
    for (int i = 0; operands >> i; i++)
        for (int k = 1; mutation_at(k) && operands >> i & 1; k++) {
            if (!mutation_fits(mutation_at(k), op, floats)) continue;
            char what[80];
            snprintf(what, sizeof what, "%s, operand %d", mutation_name(mutation_at(k)), i);
            right = (mutant){.op = *op};
            memset(right.op.fused, 0, sizeof right.op.fused);
            mutant_make(&m, op, mutation_at(k), i);
            judge(&m.op, &right.op, op->name, what);
        }
}

/* -------- in the text */

/* "tanh_mutant7": the rule and the kernel made of a changed row, each beside what is right of the other. */
static void break_row(const rg_op *op, const rg_op *changed, const rg_op *unchanged) {
    rg_op rule = *op, right = *op, kernel = *unchanged, text = *unchanged;
    memset(rule.fused, 0, sizeof rule.fused);
    memset(right.fused, 0, sizeof right.fused);
    rule.backward = changed->backward;
    kernel.backward = text.backward = op->backward;
    memcpy(kernel.fused, changed->fused, sizeof kernel.fused);
    if (changed == unchanged) {
        must_pass(&rule, "the row as it is, its rule");
        must_pass(&kernel, "the row as it is, its kernel");
        return;
    }
    char what[600];
    snprintf(what, sizeof what, "rule of %s", changed->formula);
    judge(&rule, &right, op->name, what);
    snprintf(what, sizeof what, "kernel of %s", changed->formula);
    judge(&kernel, &text, op->name, what);
}

static bool is_changed(const rg_op *op) { return strstr(op->name, "_mutant"); }

static void break_rows(const rg_op *op) {
    char name[64];
    snprintf(name, sizeof name, "%s_mutant0", op->name);
    const rg_op *unchanged = rg_op_find(name);
    all.rows += unchanged != NULL;
    for (int k = 0; unchanged; k++) {
        snprintf(name, sizeof name, "%s_mutant%d", op->name, k);
        const rg_op *changed = rg_op_find(name);
        if (!changed) return;
        break_row(op, changed, unchanged);
    }
}

/* -------- all of them */

static void break_op(const rg_op *op) {
    const int tried = all.killed + all.equal + all.survived, killed = all.killed;
    break_rule(op);
    break_rows(op);
    all.ops++;
    printf("%-16s %4d of %4d killed\n", op->name, all.killed - killed, all.killed + all.equal + all.survived - tried);
}

int main(int argc, char **argv) {
    const int status = options_parse("Breaks every derivative in many ways: the gradient check must reject them all, and accept the right "
                                     "ones.", table, argc, argv);
    if (status != OPTIONS_RUN) return status;
    if (o.op && !rg_op_find(o.op)) return fprintf(stderr, "mutants: there is no operator \"%s\"\n", o.op), OPTIONS_BAD;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        const rg_op *op = e->op;
        if (is_changed(op) || (o.op && op != rg_op_find(o.op)) || (!op->backward && !op->compose)) continue;
        break_op(op);
    }
    printf("%d ops, %d of them rows whose text was changed; %d right ones; %d of the killed by second derivatives only;\n"
        "%d equal to the right one on every sample and cotangent, to the bit all but %d\n", all.ops, all.rows,
        (all.right + o.every - 1) / o.every, all.second, all.equal, all.rounded);
    printf("killed %d/%d, false alarms %d\n", all.killed, all.killed + all.survived, all.alarms);
    return fflush(stdout) || ferror(stdout) || all.survived || all.alarms || !all.killed || (!o.op && !all.rows);
}
