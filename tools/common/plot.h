/* plot.h - pictures of a run as PNG files: curves, image grids, confusion matrices, decision boundaries.
 *
 * Every function makes the folders above `path`, replaces the file in one step and returns 0, or -1 after one line on stderr that says
 * what is wrong. Names and titles are printable ASCII. Pictures are drawn at two pixels a unit, for sharp print on any screen. */
#ifndef RETROGRAD_SUPPORT_PLOT_H
#define RETROGRAD_SUPPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a series is drawn: a line; dots alone; bars around x[i] from 0, or from the rule if y is logarithmic, to y[i]. */
typedef enum plot_style { PLOT_LINE, PLOT_DOTS, PLOT_BARS } plot_style;

/* One line through (x[i], y[i]). x NULL counts 1, 2, 3, ... What is not finite (or beyond 1e300), or not positive where y is logarithmic,
 * is a gap in the line. More than 840 points are drawn thin and pale, as a band behind the series after it. */
typedef struct plot_series {
    const char *name; /* in the legend; NULL: not there */
    const double *x, *y;
    size_t count;
    bool markers; /* a dot at every point */
    plot_style style;
    double bar;   /* width of a bar, in units of x */
} plot_series;

/* A word at a point of the panel, moved by (across, down) canvas units: to the right of it if across > 0, to the left if < 0. */
typedef struct plot_mark {
    double x, y;
    const char *text;
    double across, down;
    bool dot, line; /* with a dot there; with a dashed line through it from the bottom to the top */
} plot_mark;

/* One pair of axes. title, x_label and y_label may be NULL. */
typedef struct plot_panel {
    const char *title, *x_label, *y_label;
    const plot_series *series;
    int count;
    bool log_y;
    double x_min, x_max, y_min, y_max; /* the scales, where min < max, to hold all of the series; else they follow from it */
    const plot_mark *marks;
    int mark_count;
} plot_panel;

/* Draws 1 to 12 panels, up to three in a row. title may be NULL. */
int plot_curves(const char *path, const char *title, const plot_panel *panels, int count);

/* How numbers become shades: black is the least and white the greatest of all images or of each alone; or blue is below zero,
 * white zero and red above, evenly. */
typedef enum plot_range { PLOT_RANGE_ALL, PLOT_RANGE_EACH, PLOT_SIGNED_ALL, PLOT_SIGNED_EACH } plot_range;

/* `count` images [channels][height][width], one after the other, in f32 or in u8 (the other is NULL). */
typedef struct plot_image_set {
    const char *title; /* or NULL */
    const float *f32;
    const unsigned char *u8;
    int count, channels, height, width; /* channels: 1 gray, 3 RGB; signed ranges need 1 */
    int columns;                        /* images in a row; 0: about as many as rows */
    plot_range range;
    const char *const *captions; /* one under each image, or NULL */
} plot_image_set;

int plot_images(const char *path, const plot_image_set *images);

/* Draws counts [n][n], row = true class, column = predicted class, 1 <= n <= 128; shaded by the share of the row. Accuracy joins the title.
 * names NULL numbers the classes from 0. */
int plot_confusion(const char *path, const char *title, const int64_t *counts, const char *const *names, int n);

/* A classifier of the plane: probability [height][width] of class 1, at points evenly spread over x_min..x_max and y_min..y_max, corners
 * included, row 0 at y_min; and `count` points (x, y) of class[i], drawn on top. Sizes at least 2. */
typedef struct plot_plane {
    const char *title, *x_label, *y_label; /* or NULL */
    const double *probability;
    int width, height;
    double x_min, x_max, y_min, y_max;
    const double *x, *y;
    const int *class;
    size_t count;
} plot_plane;

int plot_boundary(const char *path, const plot_plane *plane);

#endif
