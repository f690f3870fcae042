/* report.c - the comparison as text: one row per quantity; of a small network the numbers themselves. */
#include "compare.h"

#include <math.h>
#include <string.h>

typedef struct widths { int formula, line; } widths;

static int line_of(const row *r, char to[TEXT]) { return snprintf(to, TEXT, "%s  %s", r->op, base_name(r->at)); }

static widths measure(const comparison *c) {
    widths w = {0};
    for (int i = 0; i < c->count; i++) {
        char line[TEXT];
        const int formula = (int)strlen(c->rows[i].formula), length = line_of(&c->rows[i], line);
        if (formula > w.formula) w.formula = formula;
        if (length > w.line) w.line = length;
    }
    return w;
}

static void print_row(const comparison *c, const row *r, widths w, FILE *to) {
    char shape[32], line[TEXT], slopes[32], ulps[32];
    snprintf(shape, sizeof shape, "[%lld,%lld]", (long long)r->tape->rows, (long long)r->tape->cols);
    line_of(r, line);
    snprintf(slopes, sizeof slopes, "%.9e", r->slope_norm);
    snprintf(ulps, sizeof ulps, "%lld", (long long)r->apart->ulps);
    const int64_t n = r->tape->rows * r->tape->cols;
    fprintf(to, "%-5s %-11s %-*s  %-*s  %.9e  %.9e  %-15s  %8.1e  %7s  ", r->hand->name, shape, w.formula, r->formula, w.line, line,
        norm(r->tape->v, n), norm(r->hand->v, n),
        !r->gradient ? "-" : isnan(r->slope_norm) ? "at a kink" : slopes, r->apart->absolute, r->apart->ulps > 999999 ? ">999999" : ulps);
    if (r->apart->equal == r->apart->elements) fputs("the same bits", to);
    else fprintf(to, "%s %g", r->beyond ? "BEYOND" : "within", c->twin->found.tolerance);
    if (r->slopes) fprintf(to, "%s %.0e (%lld %s)", r->slope_beyond ? "; DIFFERENCES SAY OTHERWISE:" : "; differences", r->slope_error,
        (long long)r->slopes,
        r->each ? r->slopes == 1 ? "element" : "elements" : "directions");
    fputc('\n', to);
}

static void print_uses(const comparison *c, FILE *to) {
    for (int i = 0; i < c->count; i++) {
        const row *r = &c->rows[i];
        if (r->uses < 2) continue;
        fprintf(to, "%s is a sum over %d uses of %s:", r->hand->name, r->uses, r->hand->name + 1);
        for (int k = 0; k < r->uses; k++)
            fprintf(to, "%s %s (%s) of norm %.6g", k ? " +" : "", r->by[k].op, base_name(r->by[k].at), r->by[k].norm);
        fputc('\n', to);
    }
}

/* -------- the numbers of a small network */

static void print_values(const array *a, FILE *to) {
    for (int64_t i = 0; i < a->rows; i++) {
        fputs(i ? "         " : "  ", to);
        if (!i) fprintf(to, "%-7s", a->name);
        for (int64_t j = 0; j < a->cols; j++) fprintf(to, " %+.9f", a->v[i * a->cols + j]);
        fputc('\n', to);
    }
}

static void print_element(const comparison *c, const array *q, int64_t i, int64_t j, FILE *to) {
    term terms[8];
    const int n = terms_of(c, q, i, j, terms);
    if (!n) return;
    fprintf(to, "    %s[%lld,%lld] = ", q->name, (long long)i, (long long)j);
    for (int k = 0; k < n; k++) {
        const term *t = &terms[k];
        if (k) fprintf(to, "%*s", 15, "+ ");
        if (t->alone) fprintf(to, "%+.9f", t->upstream);
        else fprintf(to, "%+.9f * %+.9f = %+.9f", t->upstream, t->local, t->upstream * t->local);
        if (n > 1) fprintf(to, "   %s", t->name);
        fputc('\n', to);
    }
    if (n > 1) fprintf(to, "%*s%+.9f   in all\n", 15, "= ", q->v[i * q->cols + j]);
}

static void print_numbers(const comparison *c, FILE *to) {
    static const char *const inputs[] = {"X", "Y", "W1", "b1", "W2", "b2"};
    fputs("\nwhat goes in\n", to);
    for (int i = 0; i < 6; i++) print_values(arrays_find(&c->tape, inputs[i]), to);
    fputs("\nforward\n", to);
    for (int i = 0; i < c->count; i++) {
        const row *r = &c->rows[i];
        if (r->gradient && !c->rows[i - 1].gradient)
            fputs("\nbackward: upstream times local slope, and sums where something was used more than once\n", to);
        fprintf(to, "  %s = %s\n", r->hand->name, r->formula);
        if (!r->gradient || strcmp(r->hand->name, "dA2") == 0) print_values(r->tape, to);
        for (int64_t j = 0; j < r->tape->rows * r->tape->cols && r->gradient; j++)
            print_element(c, r->tape, j / r->tape->cols, j % r->tape->cols, to);
    }
}

/* -------- all of it */

static void print_explanation(const comparison *c, FILE *to) {
    int64_t left_out = 0;
    bool directions = false;
    double noise = 0;
    for (int i = 0; i < c->count; i++)
        noise = fmax(noise, c->rows[i].slope_noise), left_out += c->rows[i].left_out, directions = directions ||
            (c->rows[i].gradient && !c->rows[i].each);
    fputs("\ntape: the operators on that line; "
          "of a gradient those whose backward rule passes it on. max diff: largest |tape - hand| of an element, ulps there.\n", to);
    fputs("differences: the loss differenced in f64 at five points, the quantity itself being moved; "
          "their distance from the tape's gradient, relative to it:\n"
          "  up to 64 elements one by one", to);
    if (directions)
        fputs("; larger ones along the tape's own gradient, where the slope must equal its norm, and along three random "
              "directions", to);
    fputs(".\n", to);
    if (left_out) fprintf(to, "  %lld could not be taken: a kink of a ReLU was too near.\n", (long long)left_out);
    if (noise > 1e-5)
        fprintf(to, "  of a loss of %.3g rounding leaves up to %.0e of distance, which is not held against them.\n",
            rg_item(seen(&c->f, "loss")), noise);
    if (c->twin->settled)
        fprintf(to, "%lld inputs of a ReLU were rounded to different sides of 0: there the slope is the tape's\n",
            (long long)c->twin->settled);
    if (c->columns_differ >= 0)
        fprintf(to, "published with samples as columns: so computed, every quantity is the transpose of the one by hand, within %.1e of "
                    "its norm\n", c->columns_differ);
}

/* What the exit status says, in words. */
static void print_verdict(const comparison *c, FILE *to) {
    const row *r = c->first;
    if (r) {
        fprintf(to, "tape and hand DIFFER, first in %s = %s\nlikely cause: %s\n", r->hand->name, r->formula, c->cause);
        if (r->slopes) fprintf(to, "finite differences side with the %s\n", r->slope_beyond ? "hand, or with neither" : "tape");
    } else fprintf(to, "tape and hand agree: all %d quantities within %g of %s\n", c->count, c->twin->found.tolerance,
        c->twin->net->terms ? "the norm of what their sums are made of" : "their norms");
    if (!r && c->first_slope)
        fprintf(to, "but finite differences CONTRADICT both, first in %s: %.0e of its norm apart\n", c->first_slope->hand->name,
            c->first_slope->slope_error);
    if (*c->invisible) fprintf(to, "the planted fault is INVISIBLE here: %s\n", c->invisible);
}

void report_print(const comparison *c, FILE *to) {
    const widths w = measure(c);
    fprintf(to, "%s: %s\nstep %lld, %lld samples of %s, %s, seed %llu, loss %.9g%s", c->net->name, c->net->title, (long long)c->o.step,
        (long long)c->n,
        c->source, c->o.dtype, (unsigned long long)c->o.seed, rg_item(seen(&c->f, "loss")), c->o.l2 > 0 ? "" : "\n");
    if (c->o.l2 > 0) fprintf(to, ", lambda %g\n", c->o.l2);
    fprintf(to, "dX is d loss / d X; A' is A transposed; * is elementwise; n = %lld\n\n", (long long)c->n);
    fprintf(to, "%-5s %-11s %-*s  %-*s  %-15s  %-15s  %-15s  %8s  %7s  %s\n", "", "shape", w.formula, "by hand", w.line, "tape",
        "norm by tape", "norm by hand", "by differences",
        "max diff", "ulps", "verdict");
    for (int i = 0; i < c->count; i++) {
        if (i && c->rows[i].gradient && !c->rows[i - 1].gradient) fputs("backward, in the order of its visits\n", to);
        print_row(c, &c->rows[i], w, to);
    }
    print_uses(c, to);
    print_explanation(c, to);
    if (c->net->sigmoid) print_numbers(c, to);
    fputc('\n', to);
    print_verdict(c, to);
}
