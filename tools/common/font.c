/* font.c - text for the pictures: a small alphabet of strokes, so that it needs no font file and can be drawn at any size and angle.
 *
 * A glyph is an advance and strokes, each a run of points of two base-36 digits: x, then y + 8, in thirtieths of the size. Descenders end
 * at 2, the baseline is 8, the top of x 'o' and of capitals 'u'. A point after ~ bends the stroke towards itself and is not on it; between
 * two of these the stroke passes half-way, as in TrueType. So "2g~2o~io~i8~282g", four bends around its middle, is nearly a circle. */
#include "canvas.h"

#include <math.h>
#include <string.h>

enum { EM = 30, CAPITAL = 22, BASELINE = 8, APART = 1, PIECES = 6 };

// clang-format off
static const struct {
    double advance;
    const char *strokes;
} glyphs['~' - ' ' + 1] = {
    {8, ""}, {6, "3u3f 38"}, {11, "3u3o 8u8o"}, {19, "8u58 eub8 3nhn 2fgf"}, {17, "eo~dr8r~3r3n~3k8j~eiee~ea8a~3a2e 8v86"},
    {25, "2p~2u~9u~9k~2k2p ju68 gd~gi~ni~n8~g8gd"}, {20, "hi~f888~282e~2h7k~cncq~cu9u~5u5q~5o7li8"}, {6, "3u3o"}, {9, "7w~3q3i~3a74"},
    {9, "2w~6q6i~6a24"}, {12, "6u6m 2sao as2o"}, {19, "9p9b 2igi"}, {7, "48~4524"}, {12, "2hah"}, {7, "38"}, {11, "15av"},
    {17, "3j~3u~eu~e8~383j"}, {17, "4q9u98 48e8"}, {17, "3p~4u8u~eueo~ekag38e8"}, {17, "3q~4u8u~eu~ek8k6k 8k~fk~f888~382c"},
    {17, "b8bu2efe"}, {17, "du5u4k~6m9m~fm~f888~482c"}, {17, "dr~cu9u~3u3i3f 3f~3m~em~e8~383f"}, {17, "3ueu78"},
    {17, "4p~4u~du~dk~4k4p 3e~3k~ek~e8~383e"}, {17, "4b~5888~e8eken en~eg~3g~3u~euen"}, {7, "3m 38"}, {7, "4m 48~4524"}, {19, "fp3ifb"},
    {19, "2lgl 2fgf"}, {19, "3pfi3b"}, {14, "2q~3u7u~cucp~cm9k~7i7f 78"}, {25, "8i~8n~fn~fd~8d8i fnfg~fdid~mdmj~mtct~2t~24c4~g4j6"},
    {18, "189uh8 4fef"}, {19, "3kak~gk~guau3u38b8~h8~hkak"}, {19, "hp~fubu~2u~28b8~f8hd"}, {20, "383u8u~iu~i88838"},
    {17, "fu3u38f8 3kdk"}, {16, "eu3u38 3kck"}, {20, "hp~fubu~2u~28b8~f8hbhibi"}, {20, "3u38 huh8 3khk"}, {6, "3u38"},
    {12, "9u9e~9858~281b"}, {17, "3u38 fu3h 7lg8"}, {15, "3u38e8"}, {23, "383ubfcfkuk8"}, {20, "383uh8hu"}, {22, "2j~2u~ku~k8~282j"},
    {18, "383uau~gu~giai3i"}, {22, "2j~2u~ku~k8~282j ddj6"}, {18, "383uau~gu~giai3i aih8"}, {18, "fq~eu9u~3u3p~3l9j~gigd~g898~382c"},
    {18, "1uhu 9u98"}, {20, "3u3g~38a8~h8hghu"}, {18, "1u98hu"}, {26, "1u78duj8pu"}, {18, "2ug8 gu28"}, {18, "1u9jhu 9j98"},
    {18, "2ugu28g8"}, {9, "7w3w3474"}, {11, "1va5"}, {9, "2w6w6424"}, {16, "3m8udm"}, {15, "04f4"}, {9, "3v6r"},
    {17, "3l~4o8o~eoeie8 eh8h~2h~2878~d8ee"}, {17, "3v38 3g~3o~fo~f8~383g"}, {15, "dl~co8o~2o~2888~c8db"},
    {17, "eve8 2g~2o~eo~e8~282g"}, {17, "2gfg~fo9o~2o2g~2898~d8eb"}, {10, "av~5v5q58 1o9o"}, {17, "2g~2o~eo~e8~282g eoe8~e282~4234"},
    {17, "3v38 3h~3o9o~eoeie8"}, {6, "3o38 3u"}, {8, "5o56~5212 5u"}, {15, "3v38 do3e 7ie8"}, {6, "3v38"},
    {25, "3o38 3h~3o8o~cocjc8 ch~coho~momim8"}, {17, "3o38 3h~3o9o~eoeie8"}, {17, "2g~2o~fo~f8~282g"}, {17, "3o32 3g~3o~fo~f8~383g"},
    {17, "eoe2 2g~2o~eo~e8~282g"}, {11, "3o38 3g~3oao"}, {15, "cl~bo7o~2o2k~2h7g~dfdc~d878~382b"}, {11, "5t5c~58a8 1oao"},
    {17, "3o3e~3888~e8ef eoe8"}, {14, "1o78do"}, {22, "1o68bog8lo"}, {15, "2od8 do28"}, {14, "1o78 do65~5212"}, {15, "2odo28d8"},
    {10, "8w~5w5s5m~5i2i~5i5e58~5484"}, {6, "3w33"}, {10, "2w~5w5s5m~5i8i~5i5e58~5424"}, {20, "2g~3k6k~8kai~cgeg~hgik"},
};
// clang-format on

/* Where a glyph is, and the pen that draws it. */
typedef struct pen {
    canvas *c;
    double x, y, right_x, right_y, width; /* origin; one thirtieth to the right; stroke */
} pen;

typedef struct point {
    double x, y;
} point;

static double digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static point middle(point a, point b) { return (point){(a.x + b.x) / 2, (a.y + b.y) / 2}; }

static point place(const pen *p, point a) {
    return (point){p->x + a.x * p->right_x + a.y * p->right_y, p->y + a.x * p->right_y - a.y * p->right_x};
}

static void draw_line(const pen *p, point a, point b, double width) {
    a = place(p, a);
    b = place(p, b);
    canvas_stroke(p->c, a.x, a.y, b.x, b.y, width * p->width);
}

static void draw_bend(const pen *p, point from, point by, point to) {
    point last = from;
    for (int i = 1; i <= PIECES; i++) {
        double t = (double)i / PIECES, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        point next = {a * from.x + b * by.x + c * to.x, a * from.y + b * by.y + c * to.y};
        draw_line(p, last, next, 1);
        last = next;
    }
}

/* Draws one stroke and returns where the next begins. */
static const char *draw_stroke(const pen *p, const char *s) {
    point at = {digit(s[0]), digit(s[1]) - BASELINE}, by = at;
    bool bent = false;
    if (!s[2] || s[2] == ' ') draw_line(p, at, at, 1.4); /* a dot as wide as a stroke would look thinner than one */
    for (s += 2; *s && *s != ' '; s += 2) {
        bool bends = *s == '~';
        s += bends;
        point next = {digit(s[0]), digit(s[1]) - BASELINE}, to = bends ? middle(by, next) : next;
        if (bent)
            draw_bend(p, at, by, to);
        else if (!bends)
            draw_line(p, at, to, 1);
        if (bent || !bends) at = to;
        bent = bends;
        by = next;
    }
    return *s ? s + 1 : s;
}

static int glyph_at(const char **text) {
    unsigned char c = (unsigned char)*(*text)++;
    while (c >= 0x80 && ((unsigned char)**text & 0xC0) == 0x80) (*text)++; /* the rest of a UTF-8 character */
    return c >= ' ' && c <= '~' ? c - ' ' : '?' - ' ';
}

double canvas_text_width(const char *text, double size) {
    double width = 0;
    while (*text) width += glyphs[glyph_at(&text)].advance + APART;
    return width * size / EM;
}

void canvas_text(canvas *c, double x, double y, const char *text, canvas_style style) {
    double turn = style.angle * 3.14159265358979323846 / 180, unit = style.size / EM;
    pen p = {c, x, y, cos(turn) * unit, -sin(turn) * unit, style.size * (style.bold ? .105 : .075)};
    double back = style.align * canvas_text_width(text, EM), down = style.lift * CAPITAL;
    point start = place(&p, (point){-back, -down});
    p.x = start.x;
    p.y = start.y;
    while (*text) {
        int glyph = glyph_at(&text);
        for (const char *s = glyphs[glyph].strokes; *s;) s = draw_stroke(&p, s);
        point next = place(&p, (point){glyphs[glyph].advance + APART, 0});
        p.x = next.x;
        p.y = next.y;
    }
    canvas_paint(c, style.colour);
}
