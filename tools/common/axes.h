/* axes.h - what the plots share: scales with round ticks, the frame around the data, colours. */
#ifndef RETROGRAD_SUPPORT_AXES_H
#define RETROGRAD_SUPPORT_AXES_H

#include "canvas.h"

#include <stdbool.h>

enum { AXIS_TICKS_MAX = 24 };

/* The palette of Tableau 10: distinct side by side, and its first two also for the colour-blind. */
extern const canvas_colour axes_palette[10];

enum { AXES_INK = 0x262626, AXES_FAINT = 0x5C5C5C, AXES_RULE = 0xA8A8A8, AXES_GRID = 0xE9E9E9 };

typedef struct axis {
    double low, high; /* of log10 of the values if logarithmic */
    double step;      /* between linear ticks; 0 if they are not */
    bool logarithmic;
    double tick[AXIS_TICKS_MAX];
    int ticks;
} axis;

/* A pair of scales and the box, in canvas units, that the data fills. */
typedef struct axes {
    axis across, up;
    double x, y, width, height;
} axes;

/* A number that a picture can show: finite, and within what doubles can subtract and divide. */
bool axis_shows(double value);

/* Sets the scale to low..high, widened by the share `margin` at both ends, and cuts it by ticks at multiples of 1, 2 or 5 times a power of
 * ten into at most `most` pieces. `whole`: only whole numbers get a tick. A logarithmic scale needs low > 0. */
void axis_set(axis *a, double low, double high, double margin, int most, bool whole, bool logarithmic);

/* Where a value is: 0 at low, 1 at high. */
double axis_at(const axis *a, double value);
double axes_x(const axes *a, double value);
double axes_y(const axes *a, double value);

/* Room that the vertical scale and its label need left of the box. */
double axes_left(const axis *up, const char *y_label);

/* Draws the grid, the rules, the ticks and the labels, which may be NULL. AXES_BELOW is the room they need under the box. */
enum { AXES_BELOW = 46 };
void axes_draw(canvas *c, const axes *a, const char *x_label, const char *y_label);

#endif
