/* plot_images.c - many small images in a grid: data, predictions, the weights of a first layer. */
#include "axes.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>

enum { EDGE = 18, TITLE = 34, IMAGE_SIZE = 64, COUNT_MAX = 4096 };

#define CAPTION_SIZE 10.5

typedef struct shades {
    double low, high;
    bool is_signed;
} shades;

/* Sizes in canvas units. */
typedef struct layout {
    int columns, rows;
    double zoom, step_x, step_y, left, top, width, height;
} layout;

static size_t image_length(const plot_image_set *s) { return (size_t)s->channels * (size_t)s->height * (size_t)s->width; }

static double value_at(const plot_image_set *s, size_t i) { return s->f32 ? (double)s->f32[i] : (double)s->u8[i]; }

static shades find_shades(const plot_image_set *s, size_t from, size_t count) {
    shades found = {INFINITY, -INFINITY, s->range >= PLOT_SIGNED_ALL};
    for (size_t i = from; i < from + count; i++) {
        double value = value_at(s, i);
        if (!axis_shows(value)) continue;
        found.low = fmin(found.low, value);
        found.high = fmax(found.high, value);
    }
    if (found.is_signed) {
        found.high = fmax(fabs(found.low), fabs(found.high));
        found.low = -found.high;
    }
    return found;
}

/* 0..1, and .5 where all values are equal; -1 for what is not a number. */
static double share_of(const shades *r, double value) {
    if (!axis_shows(value)) return -1;
    return r->high > r->low ? (value - r->low) / (r->high - r->low) : .5;
}

/* The ends of matplotlib's RdBu_r, with white between. */
static canvas_colour diverging(double share) {
    static const canvas_colour blues[] = {0xFFFFFF, 0x92C5DE, 0x2166AC, 0x053061}, reds[] = {0xFFFFFF, 0xF4A582, 0xB2182B, 0x67001F};
    double far = fabs(share - .5) * 6;
    int i = far < 2 ? (int)far : 2;
    const canvas_colour *side = share < .5 ? blues : reds;
    return canvas_mix(side[i], side[i + 1], far - i);
}

static canvas_colour colour_at(const plot_image_set *s, const shades *r, size_t at) {
    size_t plane = (size_t)s->height * (size_t)s->width;
    canvas_colour colour = 0;
    for (int k = 0; k < 3; k++) {
        double share = share_of(r, value_at(s, at + (s->channels == 3 ? (size_t)k * plane : 0)));
        if (share < 0) return 0xFF00FF; /* nothing else in these pictures is magenta */
        if (r->is_signed) return diverging(share);
        colour = colour << 8 | (canvas_colour)(255 * share + .5);
    }
    return colour;
}

static void draw_image(canvas *c, const plot_image_set *s, const shades *r, size_t from, double x, double y, double zoom) {
    canvas_fill(c, x - .5, y - .5, s->width * zoom + 1, s->height * zoom + 1, 0xC8C8C8);
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++) {
            size_t at = from + (size_t)row * (size_t)s->width + (size_t)column;
            canvas_fill(c, x + column * zoom, y + row * zoom, zoom, zoom, colour_at(s, r, at));
        }
}

static int check(const char *path, const plot_image_set *s) {
    const char *wrong = NULL;
    if (s->count < 1 || s->count > COUNT_MAX)
        wrong = "it takes 1 to 4096 images";
    else if (s->channels != 1 && s->channels != 3)
        wrong = "images have 1 or 3 channels";
    else if (s->range >= PLOT_SIGNED_ALL && s->channels != 1)
        wrong = "signed images have 1 channel";
    else if (s->height < 1 || s->width < 1)
        wrong = "an image has no pixels";
    else if (s->height > CANVAS_SIDE_MAX || s->width > CANVAS_SIDE_MAX)
        wrong = "an image is too large";
    else if (!s->f32 == !s->u8)
        wrong = "it takes either f32 or u8 values";
    if (wrong) fprintf(stderr, "cannot draw %s: %s\n", path, wrong);
    return wrong ? -1 : 0;
}

static layout plan(const plot_image_set *s) {
    layout l = {.columns = s->columns > 0 ? s->columns : (int)ceil(sqrt(s->count * 1.6))};
    if (l.columns > s->count) l.columns = s->count;
    l.rows = (s->count + l.columns - 1) / l.columns;
    /* Whole pixels for every value: an image pixel is as large as its neighbours. */
    int larger = s->width > s->height ? s->width : s->height, pixels = IMAGE_SIZE * CANVAS_SCALE / larger;
    l.zoom = (double)(pixels > 1 ? pixels : 1) / CANVAS_SCALE;
    double widest = s->width * l.zoom;
    for (int i = 0; s->captions && i < s->count; i++) widest = fmax(widest, canvas_text_width(s->captions[i], CAPTION_SIZE));
    l.step_x = widest + 8;
    l.step_y = s->height * l.zoom + (s->captions ? 22 : 8);
    l.top = EDGE + (s->title ? TITLE : 0);
    l.width = l.columns * l.step_x - 8;
    if (s->title) l.width = fmax(l.width, canvas_text_width(s->title, 17));
    l.left = EDGE;
    l.height = l.rows * l.step_y - 8;
    return l;
}

int plot_images(const char *path, const plot_image_set *s) {
    canvas c;
    if (check(path, s)) return -1;
    layout l = plan(s);
    if (canvas_new(&c, l.left + l.width + EDGE, l.top + l.height + EDGE)) return -1;
    if (s->title) canvas_text(&c, l.left, 32, s->title, (canvas_style){.size = 17, .bold = true, .colour = AXES_INK});
    bool each = s->range == PLOT_RANGE_EACH || s->range == PLOT_SIGNED_EACH;
    size_t length = image_length(s);
    shades range = find_shades(s, 0, each ? length : length * (size_t)s->count);
    for (int i = 0; i < s->count; i++) {
        double x = l.left + i % l.columns * l.step_x + (l.step_x - 8 - s->width * l.zoom) / 2, y = l.top + i / l.columns * l.step_y;
        if (each) range = find_shades(s, length * (size_t)i, length);
        draw_image(&c, s, &range, length * (size_t)i, x, y, l.zoom);
        canvas_style caption = {.size = CAPTION_SIZE, .align = .5, .colour = AXES_FAINT};
        if (s->captions) canvas_text(&c, x + s->width * l.zoom / 2, y + s->height * l.zoom + 13, s->captions[i], caption);
    }
    int status = canvas_save(&c, path);
    canvas_free(&c);
    return status;
}
