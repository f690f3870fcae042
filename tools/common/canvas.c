/* canvas.c - a picture in memory. The nearer a pixel's centre is to a stroke, the more the stroke covers it: anti-aliasing at any slope. */
#include "canvas.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

/* To whole pixels from anything: a cast of NaN or of a number beyond int is undefined. */
static int pixel(double value) { return value >= -1e6 && value <= 1e6 ? (int)floor(value) : value > 0 ? 1000000 : -1000000; }

static canvas_box overlap(canvas_box a, canvas_box b) {
    return (canvas_box){most(a.x0, b.x0), most(a.y0, b.y0), least(a.x1, b.x1), least(a.y1, b.y1)};
}

int canvas_new(canvas *c, double width, double height) {
    *c = (canvas){0};
    double w = ceil(width * CANVAS_SCALE), h = ceil(height * CANVAS_SCALE);
    /* stb_image_write multiplies sizes as ints, without a check. */
    if (!(w >= 1 && h >= 1 && w <= CANVAS_SIDE_MAX && h <= CANVAS_SIDE_MAX && w * h <= CANVAS_PIXELS_MAX)) {
        fprintf(stderr, "cannot draw %.0f x %.0f pixels: at most %d on a side and %d in all\n", w, h, CANVAS_SIDE_MAX, CANVAS_PIXELS_MAX);
        return -1;
    }
    size_t pixels = (size_t)w * (size_t)h;
    c->rgb = malloc(pixels * 3);
    c->mask = calloc(pixels, 1);
    if (!c->rgb || !c->mask) {
        fprintf(stderr, "cannot draw %.0f x %.0f pixels: %s\n", w, h, strerror(ENOMEM));
        canvas_free(c);
        return -1;
    }
    memset(c->rgb, 255, pixels * 3);
    c->width = (int)w;
    c->height = (int)h;
    c->dirty = (canvas_box){c->width, c->height, 0, 0};
    canvas_unclip(c);
    return 0;
}

void canvas_free(canvas *c) {
    free(c->rgb);
    free(c->mask);
    *c = (canvas){0};
}

static canvas_box to_pixels(double x, double y, double width, double height) {
    return (canvas_box){pixel(x * CANVAS_SCALE + .5), pixel(y * CANVAS_SCALE + .5), pixel((x + width) * CANVAS_SCALE + .5),
        pixel((y + height) * CANVAS_SCALE + .5)};
}

void canvas_unclip(canvas *c) { c->clip = (canvas_box){0, 0, c->width, c->height}; }

void canvas_clip(canvas *c, double x, double y, double width, double height) {
    canvas_unclip(c);
    c->clip = overlap(c->clip, to_pixels(x, y, width, height));
}

void canvas_set(canvas *c, int x, int y, canvas_colour colour) {
    if (x < c->clip.x0 || y < c->clip.y0 || x >= c->clip.x1 || y >= c->clip.y1) return;
    unsigned char *at = c->rgb + ((size_t)y * (size_t)c->width + (size_t)x) * 3;
    at[0] = (unsigned char)(colour >> 16 & 255);
    at[1] = (unsigned char)(colour >> 8 & 255);
    at[2] = (unsigned char)(colour & 255);
}

void canvas_fill(canvas *c, double x, double y, double width, double height, canvas_colour colour) {
    canvas_box box = overlap(c->clip, to_pixels(x, y, width, height));
    for (int row = box.y0; row < box.y1; row++)
        for (int column = box.x0; column < box.x1; column++) canvas_set(c, column, row, colour);
}

void canvas_stroke(canvas *c, double x0, double y0, double x1, double y1, double width) {
    double ax = x0 * CANVAS_SCALE, ay = y0 * CANVAS_SCALE, dx = x1 * CANVAS_SCALE - ax, dy = y1 * CANVAS_SCALE - ay;
    double reach = width * CANVAS_SCALE / 2 + .5, length2 = dx * dx + dy * dy;
    canvas_box box = overlap(c->clip, (canvas_box){pixel(fmin(ax, ax + dx) - reach), pixel(fmin(ay, ay + dy) - reach),
                                          pixel(fmax(ax, ax + dx) + reach) + 1, pixel(fmax(ay, ay + dy) + reach) + 1});
    if (box.x0 >= box.x1 || box.y0 >= box.y1) return;
    for (int row = box.y0; row < box.y1; row++) {
        unsigned char *at = c->mask + (size_t)row * (size_t)c->width;
        for (int column = box.x0; column < box.x1; column++) {
            double px = column + .5 - ax, py = row + .5 - ay;
            double along = length2 > 0 ? fmin(1, fmax(0, (px * dx + py * dy) / length2)) : 0;
            double ex = px - along * dx, ey = py - along * dy, far2 = ex * ex + ey * ey;
            if (far2 >= reach * reach) continue;
            double cover = fmin(1, reach - sqrt(far2));
            unsigned char value = (unsigned char)(255 * cover + .5);
            if (value > at[column]) at[column] = value;
        }
    }
    c->dirty = (canvas_box){least(c->dirty.x0, box.x0), least(c->dirty.y0, box.y0), most(c->dirty.x1, box.x1), most(c->dirty.y1, box.y1)};
}

void canvas_paint(canvas *c, canvas_colour colour) {
    int paint[3] = {(int)(colour >> 16 & 255), (int)(colour >> 8 & 255), (int)(colour & 255)};
    for (int row = c->dirty.y0; row < c->dirty.y1; row++) {
        size_t start = (size_t)row * (size_t)c->width;
        for (int column = c->dirty.x0; column < c->dirty.x1; column++) {
            size_t at = start + (size_t)column;
            int cover = c->mask[at];
            if (!cover) continue;
            for (size_t k = 0; k < 3; k++) {
                int under = c->rgb[at * 3 + k];
                c->rgb[at * 3 + k] = (unsigned char)((under * (255 - cover) + paint[k] * cover + 127) / 255);
            }
            c->mask[at] = 0;
        }
    }
    c->dirty = (canvas_box){c->width, c->height, 0, 0};
}

void canvas_dot(canvas *c, double x, double y, double radius, canvas_colour colour, canvas_colour rim) {
    canvas_stroke(c, x, y, x, y, 2 * radius + 1.6);
    canvas_paint(c, rim);
    canvas_stroke(c, x, y, x, y, 2 * radius);
    canvas_paint(c, colour);
}

canvas_colour canvas_mix(canvas_colour a, canvas_colour b, double t) {
    canvas_colour mixed = 0;
    double share = t > 0 ? fmin(t, 1) : 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        double from = (double)(a >> shift & 255), to = (double)(b >> shift & 255);
        mixed |= (canvas_colour)(from + (to - from) * share + .5) << shift;
    }
    return mixed;
}
