/* page.c - the comparison as one page of HTML that needs nothing else: graph, table, derivation; of a small network the numbers. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/files.h"
#include "style.h"

/* 3.5e-18 as 3.5 x 10^-18, 1e-12 as 10^-12, and others as they are. */
static void put_number(double v, int digits, FILE *to) {
    char text[40];
    snprintf(text, sizeof text, "%.*g", digits, v);
    const char *e = strchr(text, 'e');
    const int length = e ? (int)(e - text) : (int)strlen(text);
    const bool power = e && strncmp(text, "1e", 2) == 0;
    for (int i = 0; i < length && !power; i++) text[i] == '-' ? fputs("\u2212", to) : fputc(text[i], to);
    if (e) fprintf(to, "%s10<sup>%s%d</sup>", power ? "" : "\u202f\u00d7\u202f", atoi(e + 1) < 0 ? "\u2212" : "", abs(atoi(e + 1)));
}

/* A number that stays in one piece where cells become lines. */
static void put_value(double v, int digits, FILE *to) {
    fputs("<span>", to);
    put_number(v, digits, to);
    fputs("</span>", to);
}

static void put_fixed(double v, FILE *to) {
    char text[40];
    snprintf(text, sizeof text, "%+.6f", v == 0 ? 0 : v);
    fputs(*text == '-' ? "\u2212" : "+", to);
    fputs(text + 1, to);
}

static void put_shape(const array *a, FILE *to) {
    fprintf(to, "%lld\u202f\u00d7\u202f%lld", (long long)a->rows, (long long)a->cols);
}

/* -------- head */

static void put_head(const comparison *c, FILE *to) {
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
          "initial-scale=1\">\n<title>", to);
    fprintf(to, "%s by tape and by hand</title>\n<style>\n", c->net->name);
    for (int i = 0; style[i]; i++) fputs(style[i], to);
    fputs("</style>\n</head>\n<body>\n<main>\n<header>\n", to);
    fputs("<p class=\"kicker\">One step, three ways: by tape, by hand, by finite differences</p>\n<h1>", to);
    escaped_put(c->net->title, to);
    fprintf(to, "</h1>\n<ul class=\"facts\"><li>network <b>%s</b></li><li>step <b>%lld</b></li><li><b>%lld</b> samples of %s</li><li>%s, "
                "seed %llu</li>", c->net->name,
        (long long)c->o.step, (long long)c->n, c->source, c->o.dtype, (unsigned long long)c->o.seed);
    if (c->o.l2 > 0) fprintf(to, "<li>\u03bb = <b>%g</b></li>", c->o.l2);
    fputs("<li>loss <b>", to);
    put_number(rg_item(seen(&c->f, "loss")), 9, to);
    fputs("</b></li></ul>\n", to);
}

static void put_verdict(const comparison *c, FILE *to) {
    if (!c->first) {
        fprintf(to, "<p class=\"verdict %s\"><b>Tape and hand agree.</b> All %d quantities lie within ", c->first_slope ||
            *c->invisible ? "wrong" : "good", c->count);
        put_number(c->twin->found.tolerance, 2, to);
        fprintf(to, " of %s.", c->twin->net->terms ? "the norm of what their sums are made of" : "their norms");
        if (c->first_slope)
            fputs(" <b>But finite differences contradict both</b>, first in ", to), typeset_put(c->first_slope->hand->name, to),
                fputs(".", to);
        if (*c->invisible) fprintf(to, " <b>The planted fault is invisible here</b>: %s.", c->invisible);
        fputs("</p>\n", to);
    } else {
        fprintf(to, "<p class=\"verdict wrong\"><b>Tape and hand differ, first in <a href=\"#q-%s\">", c->first->hand->name);
        typeset_put(c->first->hand->name, to);
        fputs("</a>.</b> Likely cause: ", to);
        prose_put(c->cause, to);
        fprintf(to, ".%s</p>\n", !c->first->slopes ? "" : c->first->slope_beyond
            ? " Finite differences side with the hand, or with neither." : " Finite differences side with the tape.");
    }
    fputs("</header>\n", to);
}

static void put_graph(const comparison *c, FILE *to) {
    fputs("<section>\n<h2>The graph</h2>\n<p><span class=\"key fore\"></span>Values go forward, from left to right; "
          "<span class=\"key back\"></span>gradients come back from the loss, "
          "each below the value it belongs to. ", to);
    fputs(c->net->sigmoid ? "The numbers are the tape\u2019s."
        : "The name in the middle is the operator on the tape; "
          "of a gradient, the one whose backward rule passes it on. The loss takes the last <i>Z</i>, "
          "softmax and logarithm at once; the last <i>A</i> is not on that way, it is for the derivation.", to);
    if (c->o.l2 > 0) fputs(" The regulariser\u2019s own way, from each <i>W</i> into the loss and back, is left out.", to);
    fputs("</p>\n<div class=\"scroll\" tabindex=\"0\">\n", to);
    graph_put(c, to);
    fputs("</div>\n</section>\n", to);
}

/* -------- table */

static void put_tape_cell(const row *r, FILE *to) {
    fputs("<td data-label=\"on the tape\" class=\"tape\">", to);
    fputs("<span>", to);
    if (!r->uses) fprintf(to, "<b>%s</b><small>%s</small>", r->op, r->at);
    for (int k = 0; k < r->uses; k++) {
        fprintf(to, "<b>%s%s</b><small>%s", k ? "+ " : "", r->by[k].op, r->by[k].at);
        if (r->uses > 1) fputs("<br>norm ", to), put_number(r->by[k].norm, 4, to);
        fputs("</small>", to);
    }
    fputs("</span></td>", to);
}

static void put_slope_cell(const row *r, FILE *to) {
    fprintf(to, "<td data-label=\"by differences\" class=\"number%s\">", r->slope_beyond ? " wrong" : "");
    if (!r->gradient) fputs("\u2013", to);
    else {
        if (isnan(r->slope_norm)) fputs("at a kink", to);
        else put_value(r->slope_norm, 7, to);
        fputs("<small>", to);
        put_number(r->slope_error, 1, to);
        fprintf(to, ", %lld %s</small>", (long long)r->slopes, !r->each ? "directions" : r->slopes == 1 ? "element" : "elements");
    }
    fputs("</td>", to);
}

static void put_row(const comparison *c, const row *r, FILE *to) {
    const int64_t n = r->tape->rows * r->tape->cols;
    fprintf(to, "<tr id=\"q-%s\"%s><th scope=\"row\">", r->hand->name, r->beyond ? " class=\"beyond\"" : "");
    typeset_put(r->hand->name, to);
    fputs("<small>", to);
    put_shape(r->tape, to);
    fputs("</small></th><td data-label=\"by hand\" class=\"formula\">", to);
    typeset_put(r->formula, to);
    fputs("</td>", to);
    put_tape_cell(r, to);
    fputs("<td data-label=\"norm by tape\" class=\"number\">", to);
    put_value(norm(r->tape->v, n), 7, to);
    fputs("</td><td data-label=\"norm by hand\" class=\"number\">", to);
    put_value(norm(r->hand->v, n), 7, to);
    fputs("</td>", to);
    put_slope_cell(r, to);
    fputs("<td data-label=\"largest difference\" class=\"number\">", to);
    put_value(r->apart->absolute, 2, to);
    if (r->apart->ulps > 999999) fputs("<small>over a million ulps</small>", to);
    else if (r->apart->equal < r->apart->elements) fprintf(to, "<small>%lld ulp%s</small>", (long long)r->apart->ulps,
        r->apart->ulps == 1 ? "" : "s");
    fprintf(to, "</td><td data-label=\"verdict\" class=\"%s\">", r->beyond ? "wrong" : "good");
    if (r->beyond) fputs(r == c->first ? "differs, first" : "differs", to);
    else if (r->apart->equal == r->apart->elements) fputs("same bits", to);
    else fputs("<span>within ", to), put_number(c->twin->found.tolerance, 1, to), fputs("</span>", to);
    fputs("</td></tr>\n", to);
}

static void put_table(const comparison *c, FILE *to) {
    int64_t left_out = 0;
    for (int i = 0; i < c->count; i++) left_out += c->rows[i].left_out;
    fputs("<section>\n<h2>Every quantity</h2>\n<p>", to);
    typeset_put("dX", to);
    fputs(" means the derivative of the loss by <i>X</i>. A norm is the root of the sum of squares of all elements.</p>\n", to);
    fputs("<table class=\"quantities\">\n<thead><tr><th></th><th>by hand</th><th>on the tape</th><th class=\"number\">norm by "
          "tape</th><th class=\"number\">norm by hand</th>"
          "<th class=\"number\">by differences</th><th class=\"number\">largest difference</th><th>verdict</th></tr></thead>\n<tbody>\n",
          to);
    for (int i = 0; i < c->count; i++) {
        if (!i || c->rows[i].gradient != c->rows[i - 1].gradient)
            fprintf(to, "<tr class=\"part\"><td colspan=\"8\">%s</td></tr>\n",
                c->rows[i].gradient ? "backward, in the order of its visits" : "forward");
        put_row(c, &c->rows[i], to);
    }
    fputs("</tbody>\n</table>\n<p class=\"fine\">By differences: the loss, in double precision, at five points, the quantity itself being "
          "moved. Up to 64 elements are moved one by one. "
          "Larger ones are moved along the tape\u2019s own gradient, where the slope is its norm if it is the gradient, and along three "
          "random directions. "
          "The small number is the distance from the tape\u2019s gradient, relative to it.", to);
    if (left_out) fprintf(to, " %lld could not be taken: a kink of a ReLU was too near.", (long long)left_out);
    if (c->twin->settled)
        fprintf(to, " %lld inputs of a ReLU were rounded to different sides of 0; there the slope is the tape\u2019s.",
            (long long)c->twin->settled);
    if (c->columns_differ >= 0) {
        fputs(" This network was published with samples as columns: computed so, every quantity is "
              "the transpose of the one by hand, within ", to);
        put_number(c->columns_differ, 2, to);
        fputs(" of its norm.", to);
    }
    fputs("</p>\n</section>\n", to);
}

/* -------- derivation */

static void put_derivation(const comparison *c, FILE *to) {
    fputs("<section>\n<h2>The derivation</h2>\n<p>Samples are rows. ", to);
    typeset_put("A'", to);
    fputs(" is <i>A</i> transposed, ", to);
    typeset_put("*", to);
    fprintf(to, " multiplies element by element, <i>n</i> = %lld.</p>\n<ol class=\"derivation\">\n", (long long)c->n);
    for (int i = 0; i < c->count; i++) {
        const row *r = &c->rows[i];
        fputs("<li><div class=\"equation\">", to);
        if (r->gradient) {
            fputs("<math><mfrac><mrow><mo>\u2202</mo><mi>L</mi></mrow><mrow><mo>\u2202</mo>", to);
            fprintf(to, "<msub><mi>%c</mi><mn>%s</mn></msub></mrow></mfrac><mo>=</mo></math>", r->hand->name[1], r->hand->name + 2);
        }
        if (strcmp(r->hand->name, "loss") == 0) fputs("<math><mi>L</mi></math>", to);
        else typeset_put(r->hand->name, to);
        fputs("<math><mo>=</mo></math>", to);
        typeset_put(r->formula, to);
        fputs("</div><p>", to);
        escaped_put(reason_of(c->net, r->hand->name), to);
        if (r->gradient && r->hand->name[1] == 'W' && c->o.l2 > 0)
            fputs(" The regulariser uses it once more, and what it gives is added.", to);
        fputs("</p></li>\n", to);
    }
    fputs("</ol>\n</section>\n", to);
}

/* -------- the numbers of a small network */

static void put_matrix(const array *a, FILE *to) {
    fputs("<div class=\"matrix\">", to);
    typeset_put(a->name, to);
    fputs("<math><mo>=</mo></math><table>", to);
    for (int64_t i = 0; i < a->rows; i++) {
        fputs("<tr>", to);
        for (int64_t j = 0; j < a->cols; j++) {
            const double v = a->v[i * a->cols + j];
            fprintf(to, "<td>%s%.4f</td>", v < 0 ? "\u2212" : "", fabs(v));
        }
        fputs("</tr>", to);
    }
    fputs("</table></div>\n", to);
}

static void put_term(const term *t, FILE *to) {
    fputs("<td class=\"number\">", to);
    put_fixed(t->alone ? t->upstream : t->upstream * t->local, to);
    if (!t->alone) fputs("<small>", to), put_fixed(t->upstream, to), fputs(" \u00b7 ", to), put_fixed(t->local, to), fputs("</small>", to);
    fputs("</td>", to);
}

static void put_caption(const row *r, FILE *to) {
    fputs("<table class=\"terms\">\n<caption>", to);
    typeset_put(r->hand->name, to);
    fputs("<math><mo>=</mo></math>", to);
    typeset_put(r->formula, to);
    fputs("</caption>\n<thead><tr><th></th>", to);
}

/* A product for each element: samples down, units to the right. */
static void put_products(const comparison *c, const row *r, FILE *to) {
    const array *q = r->tape, *x = arrays_find(&c->tape, "X");
    term terms[8];
    put_caption(r, to);
    for (int64_t j = 0; j < q->cols; j++)
        fprintf(to, "<th class=\"number\">%s %lld</th>", r->hand->name[2] - '0' < c->net->layers ? "hidden unit" : "output",
            (long long)j + 1);
    fputs("</tr></thead>\n<tbody>\n", to);
    for (int64_t i = 0; i < q->rows; i++) {
        fprintf(to, "<tr><th scope=\"row\" class=\"use\">%g xor %g</th>", x->v[2 * i], x->v[2 * i + 1]);
        for (int64_t j = 0; j < q->cols; j++)
            if (terms_of(c, q, i, j, terms)) put_term(&terms[0], to);
        fputs("</tr>\n", to);
    }
    fputs("</tbody>\n</table>\n", to);
}

/* A sum for each element: its terms to the right, under what used it. */
static void put_sums(const comparison *c, const row *r, FILE *to) {
    const array *q = r->tape;
    term terms[8];
    put_caption(r, to);
    for (int k = 0, n = terms_of(c, q, 0, 0, terms); k < n; k++) fprintf(to, "<th class=\"number\">%s</th>", terms[k].name);
    fputs("<th class=\"number\">in all</th></tr></thead>\n<tbody>\n", to);
    for (int64_t i = 0; i < q->rows * q->cols; i++) {
        char name[64];
        const int n = terms_of(c, q, i / q->cols, i % q->cols, terms);
        snprintf(name, sizeof name, "%s[%lld,%lld]", q->name, (long long)(i / q->cols) + 1, (long long)(i % q->cols) + 1);
        fputs("<tr><th scope=\"row\">", to);
        typeset_put(name, to);
        fputs("</th>", to);
        for (int k = 0; k < n; k++) put_term(&terms[k], to);
        fputs("<td class=\"number sum\">", to);
        put_fixed(q->v[i], to);
        fputs("</td></tr>\n", to);
    }
    fputs("</tbody>\n</table>\n", to);
}

static void put_numbers(const comparison *c, FILE *to) {
    static const char *const first[] = {"X", "Y", "W1", "b1", "W2", "b2", "Z1", "A1", "Z2", "A2", "dA2"};
    fputs("<section>\n<h2>The numbers</h2>\n<p>What goes in, and what comes of it up to the loss and the first gradient.</p>\n<div "
          "class=\"matrices\">\n", to);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) put_matrix(arrays_find(&c->tape, first[i]), to);
    fputs("</div>\n<p>From there on, each gradient is upstream times local slope; "
          "and where something was used more than once, by each of the samples say, a sum in which every use is named. Small: upstream "
          "\u00b7 local.</p>\n"
          "<div class=\"scroll sums\" tabindex=\"0\">\n", to);
    for (int i = 0; i < c->count; i++) {
        term terms[8];
            const int n = terms_of(c, c->rows[i].tape, 0, 0, terms);
        const bool summed = c->rows[i].hand->name[1] == 'W' || c->rows[i].hand->name[1] == 'b';
        if (n) (summed ? put_sums : put_products)(c, &c->rows[i], to);
    }
    fputs("</div>\n</section>\n", to);
}

/* -------- the file */

static int put_page(void *of, FILE *to) {
    const comparison *c = of;
    put_head(c, to);
    put_verdict(c, to);
    put_graph(c, to);
    put_table(c, to);
    put_derivation(c, to);
    if (c->net->sigmoid && c->n <= 8) put_numbers(c, to);
    fprintf(to, "<footer>Made by <code>build/tools/compare %s --step %lld --batch %lld --dtype %s --seed %llu", c->net->name,
        (long long)c->o.step, (long long)c->o.batch, c->o.dtype,
        (unsigned long long)c->o.seed);
    if (!c->net->sigmoid) fprintf(to, " --l2 %g", c->o.l2);
    if (c->o.fault) fprintf(to, " --break %s", c->o.fault);
    return fputs("</code></footer>\n</main>\n</body>\n</html>\n", to) < 0 ? -1 : 0;
}

int page_save(const comparison *c, const char *path) { return files_replace(path, put_page, (void *)c); }
