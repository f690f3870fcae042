/* graph.c - the step as a graph in SVG: values forward in the upper lane, gradients backward in the lower one, each above its own. */
#include "compare.h"

#include <math.h>
#include <string.h>

enum { COLUMN = 146, MARGIN = 78, WIDE = 116, SMALL = 88, LINE = 14 };

typedef struct sheet {
    const comparison *c;
    FILE *to;
    bool numbers;                                        /* boxes show the numbers themselves */
    double parameters, values, gradients, below, height; /* middle lines of the lanes */
} sheet;

typedef struct box { double x, y, width, height; } box;

static const row *row_of(const comparison *c, const char *name) {
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->rows[i].hand->name, name) == 0) return &c->rows[i];
    return NULL;
}

static void put_name(FILE *to, const char *name, double x, double y) {
    const size_t letters = strcspn(name, "0123456789");
    fprintf(to, "<text class=\"name\" x=\"%g\" y=\"%g\"><tspan>%.*s</tspan>", x, y, (int)letters, name);
    if (name[letters]) fprintf(to, "<tspan class=\"index\" dy=\"4\">%s</tspan>", name + letters);
    fputs("</text>", to);
}

static void put_line(FILE *to, const char *class, double x, double y, const char *text) {
    fprintf(to, "<text class=\"%s\" x=\"%g\" y=\"%g\">", class, x, y);
    for (; *text; text++) *text == '-' ? fputs("\u2212", to) : fputc(*text, to);
    fputs("</text>", to);
}

static double box_height(const sheet *s, const array *a, bool parameter) {
    if (s->numbers && a) return 42 + LINE * (double)a->rows;
    return parameter ? 52 : 66;
}

/* What the tape has: the numbers, or where there are many, how large they are. */
static void put_content(const sheet *s, const array *a, const char *op, double x, double y) {
    char text[64];
    snprintf(text, sizeof text, "%lld \u00d7 %lld", (long long)a->rows, (long long)a->cols);
    put_line(s->to, "shape", x, y, text);
    if (s->numbers) {
        for (int64_t i = 0; i < a->rows; i++) {
            size_t used = 0;
            for (int64_t j = 0; j < a->cols && used < sizeof text; j++)
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*f", j ? "  " : "", a->rows * a->cols == 1 ? 4 : 3,
                    a->v[i * a->cols + j]);
            put_line(s->to, "number", x, y + LINE * (double)(i + 1) + 1, text);
        }
        return;
    }
    snprintf(text, sizeof text, "%s%.*g", a->rows * a->cols > 1 ? "norm " : "", op ? 4 : 3, norm(a->v, a->rows * a->cols));
    if (op) put_line(s->to, "op", x, y + LINE, op);
    put_line(s->to, "number", x, y + LINE * (op ? 2 : 1), text);
}

static box put_box(const sheet *s, const char *class, const char *name, double x, double y, bool parameter) {
    const array *a = arrays_find(&s->c->tape, name);
    const row *r = row_of(s->c, name);
    const box b = {x, y, parameter ? SMALL : WIDE, box_height(s, a, parameter)};
    const double top = y - b.height / 2;
    char op[64] = "";
    if (r) snprintf(op, sizeof op, "%.*s", (int)strcspn(r->op, ","), r->op); /* the first: of the loss the one that takes Z */
    if (r && r->gradient && r->uses) snprintf(op, sizeof op, "%s", r->by[r->uses - 1].op);
    if (r) fprintf(s->to, "<a href=\"#q-%s\">", name);
    fprintf(s->to, "<g class=\"%s%s%s\"><title>", class, r && r->beyond ? " bad" : "", r && r == s->c->first ? " first" : "");
    if (r) fprintf(s->to, "%s = ", name), escaped_put(r->formula, s->to);
    else fputs(name, s->to);
    fprintf(s->to, "</title><rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" rx=\"8\"></rect>", x - b.width / 2, top, b.width, b.height);
    put_name(s->to, name, x, top + 17);
    if (a) put_content(s, a, parameter || !r ? NULL : op, x, top + 32);
    fputs(r ? "</g></a>\n" : "</g>\n", s->to);
    return b;
}

static void put_arrow(FILE *to, const char *class, double x0, double y0, double x1, double y1) {
    const double length = hypot(x1 - x0, y1 - y0), ux = (x1 - x0) / length, uy = (y1 - y0) / length;
    fprintf(to, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"></path><path class=\"%s head\" d=\"M%.1f %.1fl%.1f %.1fl%.1f "
                "%.1fz\"></path>\n", class, x0, y0, x1 - 7 * ux,
        y1 - 7 * uy, class, x1, y1, -8 * ux - 4 * uy, -8 * uy + 4 * ux, 8 * uy, -8 * ux);
}

static double column(int i) { return MARGIN + COLUMN * i; }

/* W and b above Z, dW and db below dZ. */
static void put_parameters(const sheet *s, int l, bool gradient) {
    const double x = column(2 * l - 1), y = gradient ? s->below : s->parameters;
    char name[16], class[32];
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "%s%c%d", gradient ? "d" : "", k ? 'b' : 'W', l);
        snprintf(class, sizeof class, "%s", gradient ? "box gradient" : "box parameter");
        const double at = x + (k ? 47 : -47);
        const box b = put_box(s, class, name, at, y, true);
        snprintf(name, sizeof name, "%sZ%d", gradient ? "d" : "", l);
        const array *z = arrays_find(&s->c->tape, name);
        const double half = box_height(s, z, false) / 2, end = x + (k ? 26 : -26);
        if (gradient) put_arrow(s->to, "back", end, s->gradients + half, at, y - b.height / 2);
        else put_arrow(s->to, "fore", at, y + b.height / 2, end, s->values - half);
    }
}

static void put_forward_lane(const sheet *s) {
    const int k = s->c->net->layers;
    const bool aside = !s->c->net->sigmoid; /* the softmax is within the loss, which takes Z */
    char name[16];
    put_box(s, "box input", "X", column(0), s->values, false);
    for (int l = 1; l <= k; l++) {
        for (int part = 0; part < 2; part++) {
            const int i = 2 * l - 1 + part;
            snprintf(name, sizeof name, "%c%d", part ? 'A' : 'Z', l);
            put_box(s, "box value", name, column(i), s->values, false);
            put_arrow(s->to, aside && i == 2 * k ? "aside" : "fore", column(i - 1) + WIDE / 2, s->values, column(i) - WIDE / 2, s->values);
        }
        put_parameters(s, l, false);
    }
    put_box(s, "box loss", "loss", column(2 * k + 1), s->values, false);
    if (!aside) {
        put_arrow(s->to, "fore", column(2 * k) + WIDE / 2, s->values, column(2 * k + 1) - WIDE / 2, s->values);
        return;
    }
    const double top = s->values - box_height(s, NULL, false) / 2, from = column(2 * k - 1) + 44, end = column(2 * k + 1), over = top - 20;
    fprintf(s->to, "<path class=\"fore\" d=\"M%g %gV%gQ%g %g %g %gH%gQ%g %g %g %g\"></path>", from, top, over + 10, from, over, from + 10,
        over, end - 10, end, over, end, over + 10);
    put_arrow(s->to, "fore", end, over + 9, end, top);
}

static void put_backward_lane(const sheet *s) {
    const int k = s->c->net->layers;
    const int start = s->c->net->sigmoid ? 2 * k : 2 * k - 1; /* softmax and logarithm go back in one */
    const double from = column(2 * k + 1), loss = box_height(s, arrays_find(&s->c->tape, "loss"), false) / 2;
    char name[16];
    fprintf(s->to, "<path class=\"back\" d=\"M%g %gV%gQ%g %g %g %gH%g\"></path>", from, s->values + loss, s->gradients - 12, from,
        s->gradients, from - 12, s->gradients,
        column(start) + WIDE / 2 + 6);
    put_arrow(s->to, "back", column(start) + WIDE / 2 + 9, s->gradients, column(start) + WIDE / 2, s->gradients);
    if (!s->c->net->sigmoid) put_line(s->to, "note", column(start + 1), s->gradients - 9, "softmax and log at once");
    for (int i = start; i >= 1; i--) {
        snprintf(name, sizeof name, "d%c%d", i % 2 ? 'Z' : 'A', (i + 1) / 2);
        const double half = box_height(s, arrays_find(&s->c->tape, name), false) / 2;
        fprintf(s->to, "<path class=\"pair\" d=\"M%g %gV%g\"></path>", column(i), s->values + half, s->gradients - half);
        put_box(s, "box gradient", name, column(i), s->gradients, false);
        if (i > 1) put_arrow(s->to, "back", column(i) - WIDE / 2, s->gradients, column(i - 1) + WIDE / 2, s->gradients);
        if (i % 2) put_parameters(s, (i + 1) / 2, true);
    }
}

void graph_put(const comparison *c, FILE *to) {
    sheet s = {.c = c, .to = to, .numbers = c->net->sigmoid, .parameters = 42, .values = 152, .gradients = 272, .below = 382,
        .height = 420};
    if (s.numbers)
        s = (sheet){.c = c, .to = to, .numbers = true, .parameters = 52, .values = 190, .gradients = 342, .below = 480, .height = 530};
    const double width = column(2 * c->net->layers + 1) + MARGIN;
    fprintf(to, "<svg viewBox=\"0 0 %g %g\" style=\"min-width:%gpx\" role=\"img\" aria-label=\"computation graph\">\n", width, s.height,
        width * .78);
    put_forward_lane(&s);
    put_backward_lane(&s);
    fputs("</svg>\n", to);
}
