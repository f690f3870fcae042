/* digits.c - handwritten-looking digits: a few ways to write each, as smooth lines through points that are shaken, slanted,
   stretched and moved at random, drawn with a round pen. Only + - * / and sqrt are used, so that every machine draws the same bytes. */
#include "dataset.h"

#include <math.h>
#include <string.h>

enum { SIDE = 28, POINTS = 17, STEPS = 5, UP = 255 };

/* Points of a line in percent of the digit's width and height, y downwards. A point twice is a corner; UP lifts the pen. */
typedef struct glyph {
    unsigned char digit, n, at[POINTS][2];
} glyph;

// clang-format off
static const glyph glyphs[] = { /* sorted by digit */
    {0,  9, {{58,2},{22,14},{6,50},{20,88},{52,99},{84,84},{95,48},{80,12},{46,3}}},
    {0,  9, {{40,4},{12,30},{8,68},{34,98},{72,94},{93,62},{88,24},{64,3},{30,10}}},
    {1,  2, {{50,0},{50,100}}},
    {1,  4, {{26,24},{54,0},{54,0},{52,100}}},
    {1,  7, {{28,22},{52,0},{52,0},{52,99},{UP,UP},{22,99},{82,99}}},
    {2,  9, {{10,24},{30,4},{66,2},{87,24},{68,56},{10,98},{10,98},{50,97},{94,97}}},
    {2, 11, {{14,20},{42,1},{78,10},{84,36},{52,72},{22,95},{6,86},{18,72},{44,84},{72,98},{95,88}}},
    {3,  9, {{12,12},{46,0},{84,14},{76,40},{42,48},{42,48},{90,62},{80,94},{10,90}}},
    {3, 10, {{14,8},{56,0},{86,18},{66,42},{36,47},{36,47},{76,54},{92,78},{60,100},{8,86}}},
    {3,  9, {{10,3},{84,3},{84,3},{42,42},{42,42},{80,50},{90,76},{60,99},{8,88}}},
    {4,  8, {{22,2},{8,54},{8,54},{92,54},{UP,UP},{76,6},{72,50},{70,100}}},
    {4,  7, {{68,0},{6,66},{6,66},{96,66},{UP,UP},{68,0},{68,100}}},
    {4,  8, {{20,4},{16,44},{50,52},{80,40},{UP,UP},{84,2},{78,52},{74,100}}},
    {5, 11, {{22,4},{18,44},{18,44},{58,38},{90,62},{74,94},{38,100},{8,86},{UP,UP},{22,4},{86,2}}},
    {5,  9, {{88,3},{28,3},{28,3},{20,44},{20,44},{64,40},{88,70},{60,98},{8,90}}},
    {6,  9, {{76,2},{36,26},{10,66},{26,96},{62,99},{86,78},{64,56},{30,62},{12,80}}},
    {6,  9, {{52,0},{18,36},{8,74},{36,99},{74,94},{88,70},{68,52},{34,60},{18,82}}},
    {7,  7, {{8,6},{46,4},{92,4},{92,4},{60,46},{46,74},{38,100}}},
    {7,  8, {{8,4},{90,4},{90,4},{54,50},{36,100},{UP,UP},{26,50},{78,48}}},
    {7,  7, {{10,22},{12,4},{12,4},{90,6},{90,6},{62,48},{54,100}}},
    {8, 10, {{82,16},{46,0},{16,20},{46,44},{84,70},{56,99},{14,82},{40,54},{80,30},{74,8}}},
    {8, 13, {{50,2},{18,14},{24,40},{54,46},{80,26},{54,2},{UP,UP},{50,47},{14,68},{32,98},{74,94},{86,66},{48,47}}},
    {9, 10, {{84,20},{50,2},{14,24},{26,50},{62,46},{86,18},{86,18},{82,56},{74,80},{66,100}}},
    {9, 11, {{86,22},{54,0},{16,20},{20,46},{56,50},{86,24},{86,24},{90,64},{68,96},{40,100},{14,90}}},
};
// clang-format on
enum { GLYPHS = sizeof glyphs / sizeof *glyphs };

typedef struct point { float x, y; } point;

/* The hand that writes one digit: pixel = centre + a u + b v, with u, v from the middle of the digit. */
typedef struct hand {
    float centre[2], a[2], b[2], shake, pen, ink;
} hand;

static float between(rg_rng *r, double low, double high) { return (float)rg_rng_uniform(r, low, high); }

static hand pick_up(rg_rng *r) {
    const float width = between(r, 9, 17), height = between(r, 15, 21), slant = between(r, -.2, .5), turn = between(r, -.18, .18);
    hand h = {.a = {width, turn * width}, .b = {-slant * height, height}};
    h.centre[0] = between(r, 12, 16);
    h.centre[1] = between(r, 12, 16);
    h.shake = between(r, 2, 9);
    h.pen = between(r, .5, 1.8);
    h.ink = between(r, 150, 255);
    return h;
}

/* The brightest that the pen leaves at a pixel on its way from p to q: full within its radius, fading over one pixel. */
static void draw(float *image, const hand *h, point p, point q) {
    const float reach = h->pen + .5f, dx = q.x - p.x, dy = q.y - p.y, length2 = dx * dx + dy * dy, scale = length2 > 0 ? 1 / length2 : 0;
    const int left = (int)fmaxf(0, fminf(p.x, q.x) - reach), right = (int)fminf(SIDE, fmaxf(p.x, q.x) + reach + 1);
    const int top = (int)fmaxf(0, fminf(p.y, q.y) - reach), bottom = (int)fminf(SIDE, fmaxf(p.y, q.y) + reach + 1);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const float cx = (float)x + .5f - p.x, cy = (float)y + .5f - p.y;
            float along = (cx * dx + cy * dy) * scale;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            const float ex = cx - along * dx, ey = cy - along * dy, distance2 = ex * ex + ey * ey;
            if (distance2 >= reach * reach) continue;
            const float light = reach - sqrtf(distance2), value = h->ink * (light < 1 ? light : 1);
            if (value > image[y * SIDE + x]) image[y * SIDE + x] = value;
        }
}

/* A Catmull-Rom line from p1 to p2, coming from p0 and going on to p3. */
static void curve(float *image, const hand *h, const point p[4]) {
    point from = p[1];
    for (int k = 1; k <= STEPS; k++) {
        const float s = (float)k / STEPS, s2 = s * s, s3 = s2 * s;
        const float w0 = (2 * s2 - s3 - s) / 2, w1 = (3 * s3 - 5 * s2 + 2) / 2, w2 = (4 * s2 - 3 * s3 + s) / 2, w3 = (s3 - s2) / 2;
        const point to = {w0 * p[0].x + w1 * p[1].x + w2 * p[2].x + w3 * p[3].x, w0 * p[0].y + w1 * p[1].y + w2 * p[2].y + w3 * p[3].y};
        draw(image, h, from, to);
        from = to;
    }
}

static bool is_up(const glyph *g, int i) { return i < 0 || i >= g->n || g->at[i][0] == UP; }

static void write_glyph(rg_rng *r, const glyph *g, const hand *h, float *image) {
    point p[POINTS];
    for (int i = 0; i < g->n; i++) {
        if (i > 0 && !memcmp(g->at[i], g->at[i - 1], 2)) { /* both points of a corner stay equal */
            p[i] = p[i - 1];
            continue;
        }
        const float u = ((float)g->at[i][0] - 50 + between(r, -h->shake, h->shake)) / 100;
        const float v = ((float)g->at[i][1] - 50 + between(r, -h->shake, h->shake)) / 100;
        p[i] = (point){h->centre[0] + h->a[0] * u + h->b[0] * v, h->centre[1] + h->a[1] * u + h->b[1] * v};
    }
    for (int i = 0; i + 1 < g->n; i++)
        if (!is_up(g, i) && !is_up(g, i + 1))
            curve(image, h, (point[]){p[is_up(g, i - 1) ? i : i - 1], p[i], p[i + 1], p[is_up(g, i + 2) ? i + 1 : i + 2]});
}

/* Eight random bytes at a time, each moving a pixel by up to `grain` either way. */
static void develop(rg_rng *r, const float *image, int grain, uint8_t *to) {
    uint64_t bits = 0;
    for (int i = 0; i < SIDE * SIDE; i++, bits >>= 8) {
        if (i % 8 == 0) bits = rg_rng_next64(r);
        const int value = (int)image[i] + ((int)(bits & 255) - 128) * grain / 128;
        to[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static void draw_digit(rg_rng *r, int digit, uint8_t *to) {
    float image[SIDE * SIDE] = {0};
    int first = 0, end;
    while (glyphs[first].digit < digit) first++;
    for (end = first; end < GLYPHS && glyphs[end].digit == digit;) end++;
    const hand h = pick_up(r);
    write_glyph(r, &glyphs[rg_rng_integers(r, first, end)], &h, image);
    develop(r, image, (int)rg_rng_integers(r, 0, 40), to);
}

rg_dataset rg_make_digits_at(const char *at, rg_tape *t, int64_t n) {
    const int64_t mark = rg_mark(t);
    rg_dataset d = {.classes = 10, .class_names = rg_digit_names};
    if (n < 1) return rg_fail(t, RG_EVALUE, at, "rg_make_digits: %lld images", (long long)n), rg_dataset_keep(t, mark, d);
    d.x = rg_dataset_tensor(at, t, RG_U8, 3, (int64_t[]){n, SIDE, SIDE}, "images");
    d.y = rg_dataset_tensor(at, t, RG_I32, 1, &n, "labels");
    if (!rg_failed(d.x) && !rg_failed(d.y)) {
        int32_t *label = d.y->data;
        for (int64_t i = 0; i < n; i++) label[i] = (int32_t)(i % 10);
        rg_rng_shuffle(rg_tape_rng(t), label, n, sizeof *label);
        for (int64_t i = 0; i < n; i++) draw_digit(rg_tape_rng(t), label[i], (uint8_t *)d.x->data + i * SIDE * SIDE);
    }
    return rg_dataset_keep(t, mark, d);
}
