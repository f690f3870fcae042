/* diagram.c - boxes, circles and arrows: drawings of networks and computation graphs. */
#include "diagram.h"
#include "axes.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 14
#define SMALL_SIZE 11.5
#define LINE 15.5

enum { BACKWARD_COLOUR = 0xC0392B, FORWARD_COLOUR = 0x5C5C5C, LINK_COLOUR = 0xC9D3DF, EDGE = 18 };

/* Fill and rim of each role. */
static const canvas_colour role_colour[][2] = {
    [DIAGRAM_INPUT] = {0xE3ECF6, 0x4E79A7},
    [DIAGRAM_PARAMETER] = {0xE4F1E2, 0x59A14F},
    [DIAGRAM_VALUE] = {0xFFFFFF, 0x7A7A7A},
    [DIAGRAM_LOSS] = {0xFDEBD6, 0xF28E2B},
    [DIAGRAM_GRADIENT] = {0xFBE6E4, BACKWARD_COLOUR},
};

/* -------- gathering */

static int add_node(diagram *d, diagram_node node, const char *format, va_list args) {
    if (d->nodes < DIAGRAM_NODES_MAX) {
        vsnprintf(node.text, sizeof node.text, format, args);
        d->node[d->nodes] = node;
    }
    return d->nodes++;
}

int diagram_box(diagram *d, double x, double y, double width, double height, diagram_role role, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int n = add_node(d, (diagram_node){.x = x, .y = y, .width = width, .height = height, .role = role, .align = .5}, format, args);
    va_end(args);
    return n;
}

int diagram_circle(diagram *d, double x, double y, double radius, diagram_role role, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int n = add_node(d, (diagram_node){.x = x, .y = y, .width = 2 * radius, .height = 2 * radius, .round = true, .role = role,
        .align = .5}, format, args);
    va_end(args);
    return n;
}

int diagram_note(diagram *d, double x, double y, double align, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int n = add_node(d, (diagram_node){.x = x, .y = y, .role = DIAGRAM_PLAIN, .align = align}, format, args);
    va_end(args);
    return n;
}

void diagram_dots(diagram *d, double x, double y) {
    for (int i = -1; i <= 1; i++) {
        const int n = diagram_circle(d, x, y + 9 * i, 2, DIAGRAM_VALUE, "%s", "");
        if (n < DIAGRAM_NODES_MAX) d->node[n].role = DIAGRAM_INPUT;
    }
}

void diagram_edge(diagram *d, int from, int to, diagram_kind kind, double shift, const char *text) {
    if (d->edges < DIAGRAM_EDGES_MAX) {
        diagram_arrow *e = &d->edge[d->edges];
        *e = (diagram_arrow){.from = from, .to = to, .kind = kind, .shift = shift};
        snprintf(e->text, sizeof e->text, "%s", text ? text : "");
    }
    d->edges++;
}

/* -------- drawing */

static bool inside(const diagram_node *n, double x, double y) {
    const double dx = x - n->x, dy = y - n->y;
    return n->round ? dx * dx + dy * dy < n->width * n->width / 4 : fabs(dx) < n->width / 2 && fabs(dy) < n->height / 2;
}

/* The share of the way from (x0, y0), which is in the node, to (x1, y1) at which the node is left. */
static double leaves(const diagram_node *n, double x0, double y0, double x1, double y1) {
    double in = 0, out = 1;
    if (!inside(n, x0, y0)) return 0;
    for (int i = 0; i < 30; i++) {
        const double half = (in + out) / 2;
        if (inside(n, x0 + half * (x1 - x0), y0 + half * (y1 - y0))) in = half;
        else out = half;
    }
    return out;
}

/* The head is a triangle, filled by strokes from its base to its point. */
static void draw_head(canvas *c, double x, double y, double ux, double uy) {
    for (double side = -4.2; side <= 4.2; side += .6)
        canvas_stroke(c, x - 9.5 * ux - side * uy, y - 9.5 * uy + side * ux, x - ux, y - uy, 1);
}

static void draw_edge(canvas *c, const diagram *d, const diagram_arrow *e) {
    const diagram_node *a = &d->node[e->from], *b = &d->node[e->to];
    const double length = hypot(b->x - a->x, b->y - a->y), ux = (b->x - a->x) / length, uy = (b->y - a->y) / length;
    double x0 = a->x - uy * e->shift, y0 = a->y + ux * e->shift, x1 = b->x - uy * e->shift, y1 = b->y + ux * e->shift;
    const double first = leaves(a, x0, y0, x1, y1), last = leaves(b, x1, y1, x0, y0), dx = x1 - x0, dy = y1 - y0;
    x0 += first * dx, y0 += first * dy, x1 -= last * dx, y1 -= last * dy;
    const canvas_colour colour = e->kind == DIAGRAM_LINK ? LINK_COLOUR : e->kind == DIAGRAM_FORWARD ? FORWARD_COLOUR : BACKWARD_COLOUR;
    if (e->kind == DIAGRAM_LINK) canvas_stroke(c, x0, y0, x1, y1, 1);
    else {
        canvas_stroke(c, x0 + 2 * ux, y0 + 2 * uy, x1 - 8 * ux, y1 - 8 * uy, 1.7);
        draw_head(c, x1 - 1.5 * ux, y1 - 1.5 * uy, ux, uy);
    }
    canvas_paint(c, colour);
}

/* Next to the middle of the arrow, just far enough to miss it: on the side that it was shifted to, or else above, or to the right. */
static void draw_edge_text(canvas *c, const diagram *d, const diagram_arrow *e) {
    const diagram_node *a = &d->node[e->from], *b = &d->node[e->to];
    const double length = hypot(b->x - a->x, b->y - a->y), ux = (b->x - a->x) / length, uy = (b->y - a->y) / length;
    const double first = leaves(a, a->x, a->y, b->x, b->y), last = leaves(b, b->x, b->y, a->x, a->y), middle = (first + 1 - last) / 2;
    const double half = canvas_text_width(e->text, SMALL_SIZE) / 2;
    /* along the normal (-uy, ux) */
    const double side = e->shift != 0 ? (e->shift > 0 ? 1 : -1) : ux > .01 || (ux > -.01 && uy < 0) ? -1 : 1;
    const double off = e->shift + side * (half * fabs(uy) + 5 * fabs(ux) + 6);
    canvas_text(c, a->x + middle * (b->x - a->x) - uy * off, a->y + middle * (b->y - a->y) + ux * off, e->text,
        (canvas_style){.size = SMALL_SIZE, .align = .5, .lift = .5, .colour = e->kind == DIAGRAM_BACKWARD ? BACKWARD_COLOUR : AXES_INK});
}

/* A box with round corners, as strokes laid side by side. */
static void stroke_box(canvas *c, const diagram_node *n, double grow) {
    const double r = 7 + grow, w = n->width / 2 + grow - r, h = n->height / 2 + grow - r;
    for (double y = -h; y < h; y += r) canvas_stroke(c, n->x - w, n->y + y, n->x + w, n->y + y, 2 * r);
    canvas_stroke(c, n->x - w, n->y + h, n->x + w, n->y + h, 2 * r);
    for (int side = -1; side <= 1; side += 2) canvas_stroke(c, n->x + side * w, n->y - h, n->x + side * w, n->y + h, 2 * r);
}

static void draw_node_text(canvas *c, const diagram_node *n) {
    char text[DIAGRAM_TEXT_MAX];
    int lines = 0;
    memcpy(text, n->text, sizeof text);
    for (const char *s = text; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) lines++;
    double y = n->y - (lines - 1) * LINE / 2;
    for (char *line = text, *next; line; line = next, y += LINE) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        const bool small = line != text || n->role == DIAGRAM_PLAIN;
        canvas_text(c, n->x, y, line, (canvas_style){.size = small ? SMALL_SIZE + (n->role == DIAGRAM_PLAIN) : TEXT_SIZE, .align = n->align,
            .lift = .5, .colour = small && n->role != DIAGRAM_PLAIN ? AXES_FAINT : AXES_INK});
    }
}

static void draw_node(canvas *c, const diagram_node *n) {
    if (n->role != DIAGRAM_PLAIN) {
        const canvas_colour *colour = role_colour[n->role];
        for (int pass = 0; pass < 2; pass++) {
            const double grow = pass ? -.8 : .8;
            if (n->round) canvas_stroke(c, n->x, n->y, n->x, n->y, n->width + 2 * grow);
            else stroke_box(c, n, grow);
            canvas_paint(c, colour[pass ? 0 : 1]);
        }
    }
    draw_node_text(c, n);
}

static void draw_legend(canvas *c, const diagram *d) {
    static const struct { const char *text; canvas_colour colour; } row[] = {{"forward: values", FORWARD_COLOUR},
        {"backward: gradients", BACKWARD_COLOUR}};
    double x = EDGE;
    const double y = d->height - EDGE;
    for (int i = 0; i < 2; i++) {
        canvas_stroke(c, x, y, x + 20, y, 1.7);
        draw_head(c, x + 28, y, 1, 0);
        canvas_paint(c, row[i].colour);
        canvas_text(c, x + 36, y, row[i].text, (canvas_style){.size = 12, .lift = .5, .colour = AXES_INK});
        x += 36 + canvas_text_width(row[i].text, 12) + 24;
    }
}

int diagram_save(const diagram *d, const char *path) {
    canvas c;
    if (d->nodes > DIAGRAM_NODES_MAX || d->edges > DIAGRAM_EDGES_MAX) {
        fprintf(stderr, "cannot draw %s: %d nodes and %d edges, but it takes %d and %d\n", path, d->nodes, d->edges, DIAGRAM_NODES_MAX,
            DIAGRAM_EDGES_MAX);
        return -1;
    }
    if (canvas_new(&c, d->width, d->height)) return -1;
    if (d->title) canvas_text(&c, EDGE, 32, d->title, (canvas_style){.size = 17, .bold = true, .colour = AXES_INK});
    bool back = false;
    for (int i = 0; i < d->edges; i++) draw_edge(&c, d, &d->edge[i]);
    for (int i = 0; i < d->nodes; i++) draw_node(&c, &d->node[i]);
    for (int i = 0; i < d->edges; i++) {
        draw_edge_text(&c, d, &d->edge[i]);
        back = back || d->edge[i].kind == DIAGRAM_BACKWARD;
    }
    if (back) draw_legend(&c, d);
    const int status = canvas_save(&c, path);
    canvas_free(&c);
    return status;
}
