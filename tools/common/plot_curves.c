/* plot_curves.c - named series on one or more pairs of axes. */
#include "axes.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>

enum { PANELS_MAX = 12, WIDTH = 420, HEIGHT = 262, EDGE = 18, RIGHT = 18, LEGEND_ROW = 20, SAMPLE = 22 };
#define DOT 4.2 /* radius of a dot that is alone */

/* What all panels share, so that their boxes stand in line. */
typedef struct layout {
    double left, above, row; /* room left of and above a box; from the top of a panel to the next one below */
    double top;              /* room for the title of the picture */
    int columns;
} layout;

static double series_x(const plot_series *s, size_t i) { return s->x ? s->x[i] : (double)i + 1; }

static bool shows(const plot_panel *p, const plot_series *s, size_t i) {
    return axis_shows(series_x(s, i)) && axis_shows(s->y[i]) && !(p->log_y && s->y[i] <= 0);
}

/* Sets both scales from the data; returns false, with scales of 0..1, if there is none. */
static bool fit_axes(const plot_panel *p, axes *a) {
    double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
    bool whole = true, bars = false;
    for (int k = 0; k < p->count; k++)
        for (size_t i = 0; i < p->series[k].count; i++) {
            const plot_series *s = &p->series[k];
            if (!shows(p, s, i)) continue;
            double x = series_x(s, i);
            const double half = s->style == PLOT_BARS ? s->bar / 2 : 0;
            const bool from_zero = s->style == PLOT_BARS && !p->log_y;
            bars = bars || s->style == PLOT_BARS;
            x_low = fmin(x_low, x - half);
            x_high = fmax(x_high, x + half);
            y_low = fmin(y_low, from_zero ? fmin(0, s->y[i]) : s->y[i]);
            y_high = fmax(y_high, from_zero ? fmax(0, s->y[i]) : s->y[i]);
            whole = whole && x == floor(x);
        }
    const bool found = x_low <= x_high, fixed_x = p->x_min < p->x_max, fixed_y = p->y_min < p->y_max;
    const bool stand = bars && !fixed_y && y_low == 0; /* bars stand on the rule */
    a->width = WIDTH;
    a->height = HEIGHT;
    if (fixed_x) x_low = p->x_min, x_high = p->x_max;
    if (fixed_y) y_low = p->y_min, y_high = p->y_max;
    if (stand) y_high *= 1.1;
    axis_set(&a->across, found || fixed_x ? x_low : 0, found || fixed_x ? x_high : 1, fixed_x ? 0 : .02, 8, found && whole, false);
    axis_set(&a->up, found || fixed_y ? y_low : 0, found || fixed_y ? y_high : 1, fixed_y || stand ? 0 : .05, 6, false, found && p->log_y);
    return found;
}

/* Where points lie closer than units the line becomes a band: thin and pale, it leaves the other lines visible. */
static bool is_dense(const plot_series *s) { return s->style == PLOT_LINE && s->count > 2 * WIDTH; }

static canvas_colour series_colour(const plot_panel *p, int k) {
    return canvas_mix(axes_palette[k % 10], 0xFFFFFF, is_dense(&p->series[k]) ? .5 : 0);
}

/* Draws the legend above the box, in as many rows as it takes, and returns how many; without a canvas it only counts. */
static int legend(canvas *c, const plot_panel *p, double x, double y) {
    const double size = 12;
    double at = 0;
    int rows = 0;
    for (int k = 0; k < p->count; k++) {
        const char *name = p->series[k].name;
        if (!name) continue;
        double width = SAMPLE + 7 + canvas_text_width(name, size);
        if (rows == 0 || at + width > WIDTH) {
            rows++;
            at = 0;
        }
        if (c) {
            double middle = y + (rows - 1) * LEGEND_ROW;
            canvas_colour colour = series_colour(p, k);
            if (p->series[k].style == PLOT_BARS) canvas_fill(c, x + at + 5, middle - 5, SAMPLE - 10, 10, colour);
            if (p->series[k].style == PLOT_LINE) canvas_stroke(c, x + at + 1, middle, x + at + SAMPLE - 1, middle, 2.2);
            canvas_paint(c, colour);
            if (p->series[k].style == PLOT_DOTS) canvas_dot(c, x + at + SAMPLE / 2., middle, DOT, colour, 0xFFFFFF);
            else if (p->series[k].markers) canvas_dot(c, x + at + SAMPLE / 2., middle, 2.8, colour, 0xFFFFFF);
            canvas_text(c, x + at + SAMPLE + 7, middle, name, (canvas_style){.size = size, .lift = .5, .colour = AXES_INK});
        }
        at += width + 20;
    }
    return rows;
}

static void draw_bars(canvas *c, const plot_panel *p, int k, const axes *a) {
    const plot_series *s = &p->series[k];
    for (size_t i = 0; i < s->count; i++) {
        if (!shows(p, s, i)) continue;
        const double left = axes_x(a, series_x(s, i) - s->bar / 2), right = axes_x(a, series_x(s, i) + s->bar / 2);
        const double top = fmax(a->y, axes_y(a, fmax(0, s->y[i]))), bottom = fmin(a->y + a->height, axes_y(a, fmin(0, s->y[i])));
        canvas_fill(c, left + .5, top, right - left - 1, bottom - top, series_colour(p, k));
    }
}

static void draw_mark(canvas *c, const plot_mark *m, const axes *a) {
    const double x = axes_x(a, m->x), y = axes_y(a, m->y);
    for (double at = a->y; m->line && at < a->y + a->height; at += 8) canvas_stroke(c, x, at, x, fmin(at + 4, a->y + a->height), 1.2);
    canvas_paint(c, AXES_FAINT);
    if (m->dot) canvas_dot(c, x, y, 4.2, AXES_INK, 0xFFFFFF);
    canvas_text(c, x + m->across, y + m->down, m->text,
        (canvas_style){.size = 12, .align = m->across > 0 ? 0 : m->across < 0 ? 1 : .5, .lift = .5, .colour = AXES_INK});
}

static void draw_series(canvas *c, const plot_panel *p, int k, const axes *a) {
    const plot_series *s = &p->series[k];
    canvas_colour colour = series_colour(p, k);
    if (s->style == PLOT_BARS) {
        draw_bars(c, p, k, a);
        return;
    }
    double thick = is_dense(s) ? 1 : 2;
    for (size_t i = 1; i < s->count && s->style == PLOT_LINE; i++)
        if (shows(p, s, i - 1) && shows(p, s, i))
            canvas_stroke(c, axes_x(a, series_x(s, i - 1)), axes_y(a, s->y[i - 1]), axes_x(a, series_x(s, i)), axes_y(a, s->y[i]), thick);
    canvas_paint(c, colour);
    for (size_t i = 0; i < s->count; i++) {
        if (!shows(p, s, i)) continue;
        bool dots = s->style == PLOT_DOTS, alone = (i == 0 || !shows(p, s, i - 1)) && (i + 1 == s->count || !shows(p, s, i + 1));
        if (dots || s->markers || alone) canvas_dot(c, axes_x(a, series_x(s, i)), axes_y(a, s->y[i]), dots ? DOT : 2.8, colour, 0xFFFFFF);
    }
}

static void draw_panel(canvas *c, const plot_panel *p, axes *a, bool found, double top) {
    double y = top;
    if (p->title) {
        canvas_text(c, a->x - 1, y + 11, p->title, (canvas_style){.size = 13.5, .bold = true, .colour = AXES_INK});
        y += 23;
    }
    legend(c, p, a->x - 1, y + 6);
    axes_draw(c, a, p->x_label, p->y_label);
    canvas_style note = {.size = 13, .align = .5, .lift = .5, .colour = AXES_FAINT};
    if (!found) canvas_text(c, a->x + a->width / 2, a->y + a->height / 2, "no data", note);
    for (int k = 0; k < p->count; k++) draw_series(c, p, k, a);
    for (int k = 0; k < p->mark_count; k++) draw_mark(c, &p->marks[k], a);
}

static layout plan(const char *title, const plot_panel *panels, int count, axes *fitted, bool *found) {
    layout l = {.top = title ? 52 : EDGE, .columns = count == 4 ? 2 : count < 3 ? count : 3};
    for (int i = 0; i < count; i++) {
        found[i] = fit_axes(&panels[i], &fitted[i]);
        l.left = fmax(l.left, axes_left(&fitted[i].up, panels[i].y_label));
        l.above = fmax(l.above, (panels[i].title ? 23 : 0) + LEGEND_ROW * legend(NULL, &panels[i], 0, 0));
    }
    l.row = l.above + HEIGHT + AXES_BELOW + EDGE;
    return l;
}

int plot_curves(const char *path, const char *title, const plot_panel *panels, int count) {
    axes fitted[PANELS_MAX];
    bool found[PANELS_MAX];
    canvas c;
    if (count < 1 || count > PANELS_MAX) {
        fprintf(stderr, "cannot draw %s: %d panels, but it takes 1 to %d\n", path, count, PANELS_MAX);
        return -1;
    }
    layout l = plan(title, panels, count, fitted, found);
    int rows = (count + l.columns - 1) / l.columns;
    double column = l.left + WIDTH + RIGHT;
    if (canvas_new(&c, EDGE + l.columns * column + EDGE / 2, l.top + rows * l.row)) return -1;
    if (title) canvas_text(&c, EDGE + l.left, 30, title, (canvas_style){.size = 17, .bold = true, .colour = AXES_INK});
    for (int i = 0; i < count; i++) {
        double top = l.top + i / l.columns * l.row;
        fitted[i].x = EDGE + i % l.columns * column + l.left;
        fitted[i].y = top + l.above;
        draw_panel(&c, &panels[i], &fitted[i], found[i], top);
    }
    int status = canvas_save(&c, path);
    canvas_free(&c);
    return status;
}
