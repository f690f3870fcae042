/* plot_boundary.c - how a classifier of two classes divides the plane. */
#include "axes.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>

enum { EDGE = 18, TITLE = 34, WIDTH = 520, HEIGHT_LEAST = 200, HEIGHT_MOST = 520,
    SHADES = 64 /* no eye tells more apart, and the file is a quarter smaller */ };

static double at_grid(const plot_plane *p, int column, int row) { return p->probability[(size_t)row * (size_t)p->width + (size_t)column]; }

/* Between the four grid points around (x, y), both counted in grid steps. */
static double interpolate(const plot_plane *p, double x, double y) {
    int column = (int)fmin(x, p->width - 2), row = (int)fmin(y, p->height - 2);
    double u = x - column, v = y - row;
    double below = (1 - u) * at_grid(p, column, row) + u * at_grid(p, column + 1, row);
    double above = (1 - u) * at_grid(p, column, row + 1) + u * at_grid(p, column + 1, row + 1);
    return (1 - v) * below + v * above;
}

static void draw_field(canvas *c, const plot_plane *p, const axes *a) {
    int x0 = (int)lround(a->x * CANVAS_SCALE), y0 = (int)lround(a->y * CANVAS_SCALE);
    int width = (int)lround(a->width * CANVAS_SCALE), height = (int)lround(a->height * CANVAS_SCALE);
    canvas_colour zero = canvas_mix(0xFFFFFF, axes_palette[0], .52), one = canvas_mix(0xFFFFFF, axes_palette[1], .52);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            double x = (column + .5) / width * (p->width - 1), y = (1 - (row + .5) / height) * (p->height - 1);
            double value = round(interpolate(p, x, y) * SHADES) / SHADES;
            canvas_colour colour = value < .5 ? canvas_mix(zero, 0xFAFAFA, 2 * value) : canvas_mix(0xFAFAFA, one, 2 * value - 1);
            canvas_set(c, x0 + column, y0 + row, axis_shows(value) ? colour : AXES_GRID);
        }
}

/* Where the 0.5 contour crosses from grid point a to b, as a share of the way; negative if it does not. */
static double crossing(double a, double b) { return (a < .5) == (b < .5) ? -1 : (.5 - a) / (b - a); }

/* Marching squares: the contour enters a cell through one side and leaves through another; through all four at a saddle. */
static void draw_cell(canvas *c, const plot_plane *p, const axes *a, int column, int row) {
    static const int corner[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    double value[4], x[4], y[4], step_x = a->width / (p->width - 1), step_y = a->height / (p->height - 1);
    int found = 0;
    for (int i = 0; i < 4; i++) value[i] = at_grid(p, column + corner[i][0], row + corner[i][1]);
    for (int i = 0; i < 4; i++) {
        int j = (i + 1) % 4;
        double share = crossing(value[i], value[j]);
        if (!axis_shows(value[i]) || !axis_shows(value[j]) || share < 0) continue;
        x[found] = a->x + step_x * (column + corner[i][0] + share * (corner[j][0] - corner[i][0]));
        y[found++] = a->y + a->height - step_y * (row + corner[i][1] + share * (corner[j][1] - corner[i][1]));
    }
    for (int i = 0; i + 1 < found; i += 2) canvas_stroke(c, x[i], y[i], x[i + 1], y[i + 1], 1.8);
}

static void draw_points(canvas *c, const plot_plane *p, const axes *a) {
    double radius = p->count > 1500 ? 1.8 : p->count > 400 ? 2.6 : 3.4;
    for (size_t i = 0; i < p->count; i++) {
        if (!axis_shows(p->x[i]) || !axis_shows(p->y[i])) continue;
        canvas_colour colour = axes_palette[(p->class[i] % 10 + 10) % 10];
        canvas_dot(c, axes_x(a, p->x[i]), axes_y(a, p->y[i]), radius, canvas_mix(colour, 0, .12), 0xFFFFFF);
    }
}

/* Which colour is which class, in the left corner under the box. */
static void draw_legend(canvas *c, const axes *a) {
    static const char *const names[] = {"class 0", "class 1"};
    double x = a->x;
    const double y = a->y + a->height + 35;
    for (int k = 0; k < 2; k++) {
        canvas_dot(c, x + 4, y, 4, canvas_mix(axes_palette[k], 0, .12), 0xFFFFFF);
        canvas_text(c, x + 14, y, names[k], (canvas_style){.size = 12, .lift = .5, .colour = AXES_INK});
        x += 14 + canvas_text_width(names[k], 12) + 16;
    }
}

static int check(const char *path, const plot_plane *p) {
    const char *wrong = NULL;
    if (p->width < 2 || p->height < 2)
        wrong = "the grid is less than 2 by 2";
    else if (!axis_shows(p->x_min) || !axis_shows(p->x_max) || !(p->x_min < p->x_max))
        wrong = "x_min must lie below x_max";
    else if (!axis_shows(p->y_min) || !axis_shows(p->y_max) || !(p->y_min < p->y_max))
        wrong = "y_min must lie below y_max";
    if (wrong) fprintf(stderr, "cannot draw %s: %s\n", path, wrong);
    return wrong ? -1 : 0;
}

int plot_boundary(const char *path, const plot_plane *p) {
    canvas c;
    if (check(path, p)) return -1;
    /* Both directions to one scale where the shape of the plane allows it. */
    double height = WIDTH * (p->y_max - p->y_min) / (p->x_max - p->x_min);
    axes a = {.y = EDGE + (p->title ? TITLE : 0), .width = WIDTH, .height = fmin(HEIGHT_MOST, fmax(HEIGHT_LEAST, height))};
    axis_set(&a.across, p->x_min, p->x_max, 0, 9, false, false);
    axis_set(&a.up, p->y_min, p->y_max, 0, 7, false, false);
    a.x = EDGE + axes_left(&a.up, p->y_label);
    if (canvas_new(&c, a.x + WIDTH + EDGE, a.y + a.height + AXES_BELOW + (p->x_label ? EDGE / 2. : 0))) return -1;
    if (p->title) canvas_text(&c, a.x, 32, p->title, (canvas_style){.size = 17, .bold = true, .colour = AXES_INK});
    axes_draw(&c, &a, p->x_label, p->y_label);
    if (p->count && p->x_label) draw_legend(&c, &a);
    canvas_clip(&c, a.x, a.y, a.width, a.height);
    draw_field(&c, p, &a);
    for (int row = 0; row + 1 < p->height; row++)
        for (int column = 0; column + 1 < p->width; column++) draw_cell(&c, p, &a, column, row);
    canvas_paint(&c, AXES_INK);
    draw_points(&c, p, &a);
    int status = canvas_save(&c, path);
    canvas_free(&c);
    return status;
}
