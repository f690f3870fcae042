/* plot_confusion.c - which class was taken for which. */
#include "axes.h"
#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { EDGE = 18, TITLE = 38, LABEL = 22, CLASSES_MAX = 128, NAME_MAX = 24 };

#define NAME_SIZE 11.5

typedef struct matrix {
    const int64_t *counts;
    const char *const *names;
    int n;
    double x, y, cell, number_size;
    bool slanted; /* the names under the columns, where they are wider than a column */
    char title[256];
} matrix;

/* A name for class i: as given, or its number. */
static const char *class_name(const matrix *m, int i, char text[NAME_MAX]) {
    if (m->names) return m->names[i];
    snprintf(text, NAME_MAX, "%d", i);
    return text;
}

static double widest_name(const matrix *m) {
    char text[NAME_MAX];
    double widest = 0;
    for (int i = 0; i < m->n; i++) widest = fmax(widest, canvas_text_width(class_name(m, i, text), NAME_SIZE));
    return widest;
}

static int64_t count_at(const matrix *m, int row, int column) { return m->counts[(size_t)row * (size_t)m->n + (size_t)column]; }

static void make_title(matrix *m, const char *title) {
    double right = 0, all = 0;
    for (int row = 0; row < m->n; row++)
        for (int column = 0; column < m->n; column++) {
            double count = (double)count_at(m, row, column);
            all += count;
            if (row == column) right += count;
        }
    const char *joint = title && *title ? ": " : "";
    if (all > 0)
        snprintf(m->title, sizeof m->title, "%.200s%saccuracy %.2f%%", title ? title : "", joint, 100 * right / all);
    else
        snprintf(m->title, sizeof m->title, "%.200s%sno samples", title ? title : "", joint);
}

/* One size for all numbers, such that the widest fits its cell. */
static double fit_numbers(const matrix *m) {
    double size = 12;
    char text[32];
    for (int i = 0; i < m->n * m->n; i++) {
        snprintf(text, sizeof text, "%" PRId64, m->counts[i]);
        size = fmin(size, .84 * m->cell / canvas_text_width(text, 1));
    }
    return size;
}

static void draw_row(canvas *c, const matrix *m, int row) {
    double sum = 0;
    char text[32];
    for (int column = 0; column < m->n; column++) sum += (double)count_at(m, row, column);
    for (int column = 0; column < m->n; column++) {
        int64_t count = count_at(m, row, column);
        double share = sum > 0 ? (double)count / sum : 0, x = m->x + column * m->cell, y = m->y + row * m->cell;
        /* The root keeps rare mistakes visible next to a full diagonal. */
        double shade = share > 0 ? sqrt(share) : 0;
        canvas_colour colour = shade < .5 ? canvas_mix(0xFFFFFF, 0x9DBFDC, shade * 2) : canvas_mix(0x9DBFDC, 0x1F4E85, shade * 2 - 1);
        canvas_fill(c, x, y, m->cell - 1, m->cell - 1, colour);
        if (m->number_size < 6) continue;
        snprintf(text, sizeof text, "%" PRId64, count);
        canvas_style style = {.size = m->number_size, .align = .5, .lift = .5, .bold = row == column};
        style.colour = shade > .65 ? 0xFFFFFF : count == 0 ? 0xB4B4B4 : AXES_INK;
        canvas_text(c, x + (m->cell - 1) / 2, y + (m->cell - 1) / 2, text, style);
    }
}

static void draw_names(canvas *c, const matrix *m) {
    char text[NAME_MAX];
    double end = m->y + m->n * m->cell;
    for (int i = 0; i < m->n; i++) {
        double middle = (i + .5) * m->cell;
        const char *name = class_name(m, i, text);
        canvas_text(c, m->x - 8, m->y + middle, name, (canvas_style){.size = NAME_SIZE, .align = 1, .lift = .5, .colour = AXES_INK});
        canvas_style under = {.size = NAME_SIZE, .align = .5, .colour = AXES_INK};
        if (m->slanted) under = (canvas_style){.size = NAME_SIZE, .align = 1, .lift = .5, .angle = 45, .colour = AXES_INK};
        canvas_text(c, m->x + middle, end + (m->slanted ? 8 : 16), name, under);
    }
}

int plot_confusion(const char *path, const char *title, const int64_t *counts, const char *const *names, int n) {
    canvas c;
    if (n < 1 || n > CLASSES_MAX) {
        fprintf(stderr, "cannot draw %s: %d classes, but it takes 1 to %d\n", path, n, CLASSES_MAX);
        return -1;
    }
    matrix m = {.counts = counts, .names = names, .n = n, .cell = fmin(46, fmax(14, 900. / n))};
    double widest = widest_name(&m);
    m.slanted = widest > m.cell - 6;
    m.number_size = fit_numbers(&m);
    m.x = EDGE + LABEL + widest + 8;
    m.y = EDGE + TITLE;
    make_title(&m, title);
    double side = n * m.cell, below = m.slanted ? widest * sqrt(.5) + 20 : 22;
    double width = fmax(side, canvas_text_width(m.title, 17)) + EDGE;
    if (canvas_new(&c, m.x + width, m.y + side + below + LABEL + EDGE - 4)) return -1;
    canvas_text(&c, m.x, 32, m.title, (canvas_style){.size = 17, .bold = true, .colour = AXES_INK});
    canvas_fill(&c, m.x - 1, m.y - 1, side + 1, side + 1, 0xDCDCDC);
    for (int row = 0; row < n; row++) draw_row(&c, &m, row);
    draw_names(&c, &m);
    canvas_style label = {.size = 12.5, .align = .5, .colour = AXES_INK, .bold = true};
    canvas_text(&c, m.x + side / 2, m.y + side + below + 14, "predicted", label);
    label.angle = 90;
    canvas_text(&c, EDGE + 10, m.y + side / 2, "true", label);
    int status = canvas_save(&c, path);
    canvas_free(&c);
    return status;
}
