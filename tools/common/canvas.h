/* canvas.h - a picture in memory: anti-aliased strokes, filled boxes, text, saved as a PNG.
 *
 * Positions and sizes are in units of CANVAS_SCALE pixels, x to the right and y downwards from the top left corner. Shapes gather in a mask
 * until canvas_paint lays one colour over all of it, so that shapes which overlap look like one. */
#ifndef RETROGRAD_SUPPORT_CANVAS_H
#define RETROGRAD_SUPPORT_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

enum { CANVAS_SCALE = 2, CANVAS_SIDE_MAX = 16384, CANVAS_PIXELS_MAX = 1 << 25 };

typedef uint32_t canvas_colour; /* 0xRRGGBB */

typedef struct canvas_box {
    int x0, y0, x1, y1; /* pixels; x1 and y1 lie outside */
} canvas_box;

typedef struct canvas {
    int width, height;   /* pixels */
    unsigned char *rgb;  /* [height][width][3] */
    unsigned char *mask; /* [height][width], the coverage not painted yet */
    canvas_box clip, dirty;
} canvas;

/* Text: `size` is the height of a line, `align` 0 begins, .5 centres and 1 ends at x; `lift` 0 puts the baseline at y, .5 the
 * middle of the capitals; `angle` is in degrees, anticlockwise. */
typedef struct canvas_style {
    double size, align, lift, angle;
    canvas_colour colour;
    bool bold;
} canvas_style;

/* Makes a white picture. Returns 0, or -1 after one line on stderr: too large (CANVAS_SIDE_MAX, CANVAS_PIXELS_MAX) or no memory. */
int canvas_new(canvas *c, double width, double height);
void canvas_free(canvas *c);

/* Confines what follows to a box; canvas_unclip allows the whole picture again. */
void canvas_clip(canvas *c, double x, double y, double width, double height);
void canvas_unclip(canvas *c);

/* Fills a box whose edges are rounded to whole pixels: neighbouring boxes neither overlap nor leave seams. */
void canvas_fill(canvas *c, double x, double y, double width, double height, canvas_colour colour);

/* Sets one pixel, counted in pixels. */
void canvas_set(canvas *c, int x, int y, canvas_colour colour);

/* Adds a line with round ends to the mask; with both ends in one place it is a disc. */
void canvas_stroke(canvas *c, double x0, double y0, double x1, double y1, double width);

/* Lays the colour over the mask and empties it. */
void canvas_paint(canvas *c, canvas_colour colour);

/* A filled disc with a rim of another colour around it. */
void canvas_dot(canvas *c, double x, double y, double radius, canvas_colour colour, canvas_colour rim);

/* Writes one line of text in printable ASCII; anything else shows as one '?' a character. */
void canvas_text(canvas *c, double x, double y, const char *text, canvas_style style);
double canvas_text_width(const char *text, double size);

/* t = 0 gives a, 1 gives b; t is held within 0..1. */
canvas_colour canvas_mix(canvas_colour a, canvas_colour b, double t);

/* Writes the picture to `path`, making the folders above it, under another name first: no reader sees half a picture.
 * Returns 0, or -1 after one line on stderr that names the file and the reason. */
int canvas_save(const canvas *c, const char *path);

#endif
