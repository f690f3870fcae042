/* axes.c - what the plots share: scales with round ticks, the frame around the data, colours. */
#include "axes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TICK_SIZE 11.5
#define LABEL_SIZE 12.5

const canvas_colour axes_palette[10] = {0x4E79A7, 0xF28E2B, 0x59A14F, 0xE15759, 0xB07AA1, 0x76B7B2, 0xEDC948, 0xFF9DA7, 0x9C755F, 0xBAB0AC};

bool axis_shows(double value) { return fabs(value) < 1e300; } /* false for NaN as well */

/* The least of 1, 2, 5, 10, 20, ... times a power of ten that cuts `span` into at most `most` pieces. */
static double round_step(double span, int most, bool whole) {
    double rough = span / most, power = pow(10, floor(log10(rough))), step = power * 10;
    if (rough <= power * 5) step = power * 5;
    if (rough <= power * 2) step = power * 2;
    if (rough <= power) step = power;
    return whole && step < 1 ? 1 : step;
}

static void linear_ticks(axis *a, double low, double high, int most, bool whole) {
    a->step = round_step(high - low, most, whole);
    double first = ceil(low / a->step - 1e-9), last = floor(high / a->step + 1e-9);
    for (a->ticks = 0; a->ticks < AXIS_TICKS_MAX && first + a->ticks <= last; a->ticks++) a->tick[a->ticks] = (first + a->ticks) * a->step;
}

/* Powers of ten, every so many; with 2 and 5 between them where there are few. */
static void log_ticks(axis *a, int most) {
    static const double parts[] = {1, 2, 5};
    double span = a->high - a->low, every = fmax(1, ceil(span / most));
    int used = span * 3 <= most ? 3 : 1;
    a->ticks = 0;
    for (double power = floor(a->low / every) * every; power <= a->high; power += every)
        for (int i = 0; i < used; i++) {
            double exponent = power + log10(parts[i]);
            if (exponent < a->low - 1e-9 || exponent > a->high + 1e-9 || a->ticks == AXIS_TICKS_MAX) continue;
            a->tick[a->ticks++] = parts[i] * pow(10, power);
        }
}

void axis_set(axis *a, double low, double high, double margin, int most, bool whole, bool logarithmic) {
    *a = (axis){.logarithmic = logarithmic};
    if (logarithmic) {
        low = log10(low);
        high = log10(high);
    }
    double scale = fmax(fabs(low), fabs(high));
    if (high - low <= 1e-9 * scale || high <= low) {
        double half = logarithmic ? .5 : whole || scale == 0 ? 1 : scale * .1;
        low -= half;
        high += half;
        margin = 0;
    }
    a->low = low - margin * (high - low);
    a->high = high + margin * (high - low);
    if (logarithmic) log_ticks(a, most);
    if (logarithmic && a->ticks < 3) linear_ticks(a, pow(10, a->low), pow(10, a->high), most, false);
    if (!logarithmic) linear_ticks(a, a->low, a->high, most, whole);
}

double axis_at(const axis *a, double value) { return ((a->logarithmic ? log10(value) : value) - a->low) / (a->high - a->low); }

double axes_x(const axes *a, double value) { return a->x + a->width * axis_at(&a->across, value); }

double axes_y(const axes *a, double value) { return a->y + a->height * (1 - axis_at(&a->up, value)); }

/* 1e-6 for 1e-06, 2e8 for 2e+08. */
static void shorten_exponent(char *text) {
    char *e = strchr(text, 'e'), *digits;
    if (!e) return;
    digits = e + 2 + strspn(e + 2, "0");
    memmove(e + 1 + (e[1] == '-'), digits, strlen(digits) + 1);
}

static void format_tick(const axis *a, int i, char text[32]) {
    double value = a->tick[i], greatest = fmax(fabs(a->tick[0]), fabs(a->tick[a->ticks - 1]));
    if (a->step == 0 || greatest >= 1e6 || a->step < 1e-5) {
        snprintf(text, 32, "%.6g", value);
        shorten_exponent(text);
        return;
    }
    double decimals = fmax(0, ceil(-log10(a->step) - 1e-9));
    snprintf(text, 32, "%.*f", (int)decimals, fabs(value) < a->step / 2 ? 0. : value);
}

double axes_left(const axis *up, const char *y_label) {
    double widest = 0;
    char text[32];
    for (int i = 0; i < up->ticks; i++) {
        format_tick(up, i, text);
        widest = fmax(widest, canvas_text_width(text, TICK_SIZE));
    }
    return widest + 14 + (y_label ? 20 : 0);
}

static void draw_across(canvas *c, const axes *a) {
    char text[32];
    double free_from = -INFINITY;
    for (int i = 0; i < a->across.ticks; i++) {
        double x = axes_x(a, a->across.tick[i]);
        format_tick(&a->across, i, text);
        double half = canvas_text_width(text, TICK_SIZE) / 2;
        canvas_fill(c, x - .25, a->y, 1, a->height, AXES_GRID);
        canvas_fill(c, x - .25, a->y + a->height, 1, 4, AXES_RULE);
        if (x - half < free_from) continue; /* wide numbers: better none than one over the other */
        canvas_text(c, x, a->y + a->height + 19, text, (canvas_style){.size = TICK_SIZE, .align = .5, .colour = AXES_FAINT});
        free_from = x + half + 8;
    }
}

static void draw_up(canvas *c, const axes *a) {
    char text[32];
    for (int i = 0; i < a->up.ticks; i++) {
        double y = axes_y(a, a->up.tick[i]);
        format_tick(&a->up, i, text);
        canvas_fill(c, a->x, y - .25, a->width, 1, AXES_GRID);
        canvas_fill(c, a->x - 4, y - .25, 4, 1, AXES_RULE);
        canvas_text(c, a->x - 9, y, text, (canvas_style){.size = TICK_SIZE, .align = 1, .lift = .5, .colour = AXES_FAINT});
    }
}

void axes_draw(canvas *c, const axes *a, const char *x_label, const char *y_label) {
    draw_across(c, a);
    draw_up(c, a);
    canvas_fill(c, a->x - 1, a->y, 1, a->height + 1, AXES_RULE);
    canvas_fill(c, a->x - 1, a->y + a->height, a->width + 1, 1, AXES_RULE);
    canvas_style label = {.size = LABEL_SIZE, .align = .5, .colour = AXES_INK};
    if (x_label) canvas_text(c, a->x + a->width / 2, a->y + a->height + 39, x_label, label);
    label.angle = 90;
    if (y_label) canvas_text(c, a->x - axes_left(&a->up, y_label) + 10, a->y + a->height / 2, y_label, label);
}
