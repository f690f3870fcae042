/* test_pictures.c - what the example programs draw, read back from its PNG files. */
#include "tools/common/axes.h"
#include "tools/common/canvas.h"
#include "tools/common/files.h"
#include "tools/common/diagram.h"
#include "tools/common/plot.h"
#include "tests/support/captured.h"

#include <math.h>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include <stb/stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

typedef struct picture {
    int width, height;
    unsigned char *rgb;
} picture;

static picture load(const char *name) {
    picture p = {0};
    int channels = 0;
    p.rgb = stbi_load(in_folder(name), &p.width, &p.height, &channels, 3);
    assert_non_null(p.rgb);
    assert_int_equal(channels, 3);
    return p;
}

static unsigned pixel(const picture *p, int x, int y) {
    const unsigned char *at = p->rgb + (y * p->width + x) * 3;
    return (unsigned)at[0] << 16 | (unsigned)at[1] << 8 | at[2];
}

/* How many pixels have the colour, and the box around them. */
static int find(const picture *p, unsigned colour, canvas_box *box) {
    int found = 0;
    *box = (canvas_box){p->width, p->height, -1, -1};
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            if (pixel(p, x, y) != colour) continue;
            found++;
            if (x < box->x0) box->x0 = x;
            if (x > box->x1) box->x1 = x;
            if (y < box->y0) box->y0 = y;
            if (y > box->y1) box->y1 = y;
        }
    return found;
}

static int count_colour(const picture *p, unsigned colour) {
    canvas_box box;
    return find(p, colour, &box);
}

static int curve(const char *name, const double *x, const double *y, size_t count, bool log_y) {
    plot_series series = {.x = x, .y = y, .count = count};
    plot_panel panel = {.series = &series, .count = 1, .log_y = log_y};
    return plot_curves(in_folder(name), NULL, &panel, 1);
}

static void curves_follow_the_data(void **state) {
    (void)state;
    assert_int_equal(curve("rise.png", NULL, (double[]){0, 1}, 2, false), 0);
    picture p = load("rise.png");
    assert_int_equal(pixel(&p, 0, 0), 0xFFFFFF);
    assert_int_equal(pixel(&p, p.width - 1, p.height - 1), 0xFFFFFF);
    canvas_box line;
    assert_true(find(&p, axes_palette[0], &line) > 500);
    assert_in_range(line.x1 - line.x0, 790, 840);
    assert_in_range(line.y1 - line.y0, 460, 524);
    int lowest = 0;
    for (int y = 0; y < p.height; y++) lowest = pixel(&p, line.x0, y) == axes_palette[0] ? y : lowest;
    assert_in_range(line.y1 - lowest, 0, 4); /* it begins at the bottom left */
    assert_true(count_colour(&p, AXES_GRID) > 1000);
    free(p.rgb);
}

static void curves_leave_gaps(void **state) {
    (void)state;
    assert_int_equal(curve("gap.png", NULL, (double[]){1, 1, NAN, INFINITY, -INFINITY, 1, 1, 0, 1}, 9, false), 0);
    picture p = load("gap.png");
    canvas_box line;
    find(&p, axes_palette[0], &line);
    for (int share = 15; share < 62; share++) { /* x = 2 to 6 of 1 to 9 */
        int x = line.x0 + (line.x1 - line.x0) * share / 100;
        for (int y = 0; y < p.height; y++) assert_int_not_equal(pixel(&p, x, y), axes_palette[0]);
    }
    free(p.rgb);
}

static void curves_log_scale_is_straight(void **state) {
    (void)state;
    assert_int_equal(curve("log.png", NULL, (double[]){1e-4, 1e-2, 1, 0, -3, NAN}, 6, true), 0);
    picture p = load("log.png");
    canvas_box line;
    find(&p, axes_palette[0], &line);
    int x = (line.x0 + line.x1) / 2, middle = (line.y0 + line.y1) / 2;
    assert_int_equal(pixel(&p, x, middle), axes_palette[0]);
    assert_int_equal(pixel(&p, line.x0 + 3, line.y0), 0xFFFFFF);
    free(p.rgb);
}

static void curves_without_data(void **state) {
    (void)state;
    plot_panel panel = {.title = "Nothing", .x_label = "epoch", .y_label = "loss"};
    assert_int_equal(plot_curves(in_folder("empty.png"), "Empty", &panel, 1), 0);
    assert_int_equal(curve("none.png", NULL, NULL, 0, true), 0);
    assert_int_equal(curve("nan.png", (double[]){NAN, 1, 2}, (double[]){1, NAN, 1e305}, 3, false), 0);
    picture p = load("nan.png");
    assert_int_equal(count_colour(&p, axes_palette[0]), 0);
    assert_true(count_colour(&p, AXES_GRID) > 1000);
    free(p.rgb);
}

static void curves_single_point_is_a_dot(void **state) {
    (void)state;
    assert_int_equal(curve("one.png", NULL, (double[]){0.25}, 1, true), 0);
    picture p = load("one.png");
    canvas_box dot;
    assert_true(find(&p, axes_palette[0], &dot) > 50);
    assert_in_range(dot.x1 - dot.x0, 7, 12);
    assert_in_range(dot.y1 - dot.y0, 7, 12);
    free(p.rgb);
}

static void curves_colours_legends_and_panels(void **state) {
    (void)state;
    double y[] = {1, 2, 1.5};
    plot_series series[] = {{.name = "training", .y = y, .count = 3, .markers = true}, {.name = "test", .y = y, .count = 2}};
    plot_panel panels[4] = {{.title = "Loss", .x_label = "epoch", .y_label = "loss", .series = series, .count = 2},
        {.series = series, .count = 1}};
    assert_int_equal(plot_curves(in_folder("out/deep/two.png"), "Run", panels, 2), 0);
    picture two = load("out/deep/two.png");
    assert_true(count_colour(&two, axes_palette[0]) > 100 && count_colour(&two, axes_palette[1]) > 100);
    assert_int_equal(plot_curves(in_folder("four.png"), "Run", panels, 4), 0);
    picture four = load("four.png");
    assert_int_equal(four.width, two.width);
    assert_in_range(four.height, two.height * 2 - 120, two.height * 2);
    free(two.rgb);
    free(four.rgb);
    capture(2);
    int few = plot_curves(in_folder("x.png"), NULL, panels, 0), many = plot_curves(in_folder("x.png"), NULL, panels, 13);
    capture_end();
    assert_int_equal(few, -1);
    assert_int_equal(many, -1);
    assert_non_null(strstr(said, "13 panels, but it takes 1 to 12\n"));
}

static void curves_bars_stand_on_the_rule(void **state) {
    (void)state;
    for (int log_y = 0; log_y < 2; log_y++) {
        const plot_series series = {.y = (const double[]){1, 100}, .count = 2, .style = PLOT_BARS, .bar = .5};
        const plot_panel panel = {.series = &series, .count = 1, .log_y = log_y};
        assert_int_equal(plot_curves(in_folder("bars.png"), NULL, &panel, 1), 0);
        picture p = load("bars.png");
        canvas_box bars, rule;
        assert_true(find(&p, axes_palette[0], &bars) > 1000);
        find(&p, AXES_RULE, &rule);
        int left = 0, right = 0; /* their heights */
        for (int y = 0; y < p.height; y++) {
            left += pixel(&p, bars.x0 + 8, y) == axes_palette[0];
            right += pixel(&p, bars.x1 - 8, y) == axes_palette[0];
        }
        assert_in_range(bars.y1, rule.y1 - 12, rule.y1); /* ticks reach lower than the rule */
        if (!log_y) assert_in_range(right, 99 * left - 200, 101 * left + 200);
        free(p.rgb);
    }
}

static void curves_fixed_scales_and_marks(void **state) {
    (void)state;
    const plot_series series = {.x = (const double[]){0, 1}, .y = (const double[]){0, 1}, .count = 2, .style = PLOT_DOTS};
    const plot_mark mark = {.x = 1, .y = 1, .text = "", .dot = true, .line = true};
    const plot_panel panel = {.series = &series, .count = 1, .x_max = 2, .y_max = 2, .marks = &mark, .mark_count = 1};
    assert_int_equal(plot_curves(in_folder("fixed.png"), NULL, &panel, 1), 0);
    picture p = load("fixed.png");
    canvas_box dot, spot; /* (0, 0) in the corner, and the mark in the middle, on top of the other dot */
    assert_true(find(&p, axes_palette[0], &dot) > 50);
    assert_true(find(&p, AXES_INK, &spot) > 50);
    assert_in_range(spot.x0 + spot.x1 - dot.x0 - dot.x1, 840 - 4, 840 + 4); /* half the box, twice over: both sums are of two edges */
    assert_in_range(dot.y0 + dot.y1 - spot.y0 - spot.y1, 524 - 4, 524 + 4);
    int dashed = 0;
    for (int y = 0; y < p.height; y++) dashed += pixel(&p, (spot.x0 + spot.x1) / 2, y) == AXES_FAINT;
    assert_in_range(dashed, 200, 400); /* about half of 524, from the bottom to the top */
    free(p.rgb);
}

static void diagrams_join_boxes(void **state) {
    (void)state;
    static diagram d = {.title = "y = f(x)", .width = 300, .height = 100};
    const int x = diagram_circle(&d, 50, 60, 20, DIAGRAM_INPUT, "x%d", 1), y = diagram_box(&d, 250, 60, 60, 40, DIAGRAM_VALUE, "y\n[64]");
    diagram_edge(&d, x, y, DIAGRAM_FORWARD, 0, "f");
    diagram_edge(&d, y, x, DIAGRAM_BACKWARD, 8, NULL);
    assert_int_equal(diagram_save(&d, in_folder("out/diagram.png")), 0);
    picture p = load("out/diagram.png");
    canvas_box back;
    assert_true(find(&p, 0xC0392B, &back) > 300);
    assert_int_equal(pixel(&p, 75 * CANVAS_SCALE, 60 * CANVAS_SCALE), AXES_FAINT); /* just right of the circle's rim */
    free(p.rgb);
    for (int i = 0; i < DIAGRAM_EDGES_MAX; i++) diagram_edge(&d, x, y, DIAGRAM_LINK, 0, NULL);
    capture(2);
    const int status = diagram_save(&d, in_folder("out/diagram.png"));
    capture_end();
    assert_int_equal(status, -1);
    assert_non_null(strstr(said, "514 edges, but it takes"));
}

static void curves_extreme_values(void **state) {
    (void)state;
    double ends[] = {-9e299, 9e299}, same[] = {1, 1 + 1e-15}, tiny[] = {5e-324, 1e-320, 0}, large[] = {1e15, 1e15 + 1};
    assert_int_equal(curve("a.png", ends, ends, 2, false), 0);
    assert_int_equal(curve("b.png", same, same, 2, false), 0);
    assert_int_equal(curve("c.png", NULL, tiny, 3, true), 0);
    assert_int_equal(curve("d.png", NULL, tiny, 3, false), 0);
    assert_int_equal(curve("e.png", large, large, 2, true), 0);
    assert_int_equal(curve("f.png", NULL, (double[]){1e-300, 1e299}, 2, true), 0);
}

static void axis_ticks_are_round(void **state) {
    (void)state;
    axis a;
    axis_set(&a, 0, 1, 0, 6, false, false);
    assert_int_equal(a.ticks, 6);
    assert_true(fabs(a.tick[1] - 0.2) < 1e-12);
    axis_set(&a, 1, 20, 0, 8, true, false);
    assert_int_equal(a.ticks, 4);
    assert_true(a.tick[0] == 5 && a.tick[3] == 20);
    axis_set(&a, 1, 3, 0, 8, true, false); /* three epochs have no half epochs between them */
    assert_int_equal(a.ticks, 3);
    assert_true(a.tick[0] == 1 && a.tick[1] == 2 && a.tick[2] == 3);
    axis_set(&a, 1e-3, 1, 0, 6, false, true);
    assert_int_equal(a.ticks, 4);
    assert_true(fabs(axis_at(&a, 0.1) - 2. / 3) < 1e-12);
    axis_set(&a, 0.3, 0.6, 0, 6, false, true); /* no power of ten within: linear ticks */
    assert_true(a.ticks >= 3 && fabs(a.tick[0] - 0.3) < 1e-12);
}

/* The middle of the i-th pixel of a single row of one-row images, `size` pixels each, drawn without a title. */
static unsigned shade(const picture *p, int i, int size) { return pixel(p, 36 + i * size + size / 2, 36 + size / 2); }

static void images_gray_from_black_to_white(void **state) {
    (void)state;
    float values[] = {-1, 0, 1, NAN};
    plot_image_set set = {.f32 = values, .count = 1, .channels = 1, .height = 1, .width = 4};
    assert_int_equal(plot_images(in_folder("gray.png"), &set), 0);
    picture p = load("gray.png");
    assert_int_equal(shade(&p, 0, 32), 0x000000);
    assert_int_equal(shade(&p, 1, 32), 0x808080);
    assert_int_equal(shade(&p, 2, 32), 0xFFFFFF);
    assert_int_equal(shade(&p, 3, 32), 0xFF00FF);
    assert_int_equal(count_colour(&p, 0x000000), 32 * 32);
    free(p.rgb);
}

static void images_signed_from_blue_to_red(void **state) {
    (void)state;
    float values[] = {-2, 0, 2, 1};
    plot_image_set set = {.f32 = values, .count = 1, .channels = 1, .height = 1, .width = 4, .range = PLOT_SIGNED_ALL};
    assert_int_equal(plot_images(in_folder("signed.png"), &set), 0);
    picture p = load("signed.png");
    assert_int_equal(shade(&p, 0, 32), 0x053061);
    assert_int_equal(shade(&p, 1, 32), 0xFFFFFF);
    assert_int_equal(shade(&p, 2, 32), 0x67001F);
    free(p.rgb);
}

static void images_ranges_all_or_each(void **state) {
    (void)state;
    unsigned char values[] = {0, 100, 50, 200};
    plot_image_set set = {.u8 = values, .count = 2, .channels = 1, .height = 1, .width = 2, .columns = 2};
    assert_int_equal(plot_images(in_folder("all.png"), &set), 0);
    set.range = PLOT_RANGE_EACH;
    assert_int_equal(plot_images(in_folder("each.png"), &set), 0);
    picture all = load("all.png"), each = load("each.png");
    assert_int_equal(shade(&all, 1, 64), 0x808080);
    assert_int_equal(shade(&each, 1, 64), 0xFFFFFF);
    int second = 36 + 128 + 16; /* 8 units further */
    assert_int_equal(pixel(&all, second + 32, 68), 0x404040);
    assert_int_equal(pixel(&each, second + 32, 68), 0x000000);
    assert_int_equal(pixel(&all, second + 96, 68), 0xFFFFFF);
    assert_int_equal(pixel(&each, second + 96, 68), 0xFFFFFF);
    free(all.rgb);
    free(each.rgb);
}

static void images_rgb_planes(void **state) {
    (void)state;
    unsigned char values[] = {255, 0, 0, 0, 255, 255}; /* r r, g g, b b */
    plot_image_set set = {.u8 = values, .count = 1, .channels = 3, .height = 1, .width = 2};
    assert_int_equal(plot_images(in_folder("rgb.png"), &set), 0);
    picture p = load("rgb.png");
    assert_int_equal(shade(&p, 0, 64), 0xFF00FF);
    assert_int_equal(shade(&p, 1, 64), 0x0000FF);
    free(p.rgb);
}

static void images_captions_and_title_make_room(void **state) {
    (void)state;
    float value = 1;
    const char *caption = "Ankle boot";
    plot_image_set set = {.f32 = &value, .count = 1, .channels = 1, .height = 1, .width = 1};
    assert_int_equal(plot_images(in_folder("bare.png"), &set), 0);
    set.title = "A title that is wider than the picture below it";
    set.captions = &caption;
    assert_int_equal(plot_images(in_folder("full.png"), &set), 0);
    picture bare = load("bare.png"), full = load("full.png");
    assert_int_equal(bare.width, 2 * (18 + 64 + 18));
    assert_true(full.height > bare.height + 2 * 34 && full.width > 700);
    assert_int_equal(pixel(&full, full.width - 20, 40), 0xFFFFFF);
    free(bare.rgb);
    free(full.rgb);
}

static void assert_images_refused(const plot_image_set *set, const char *reason) {
    capture(2);
    int status = plot_images(in_folder("refused.png"), set);
    capture_end();
    assert_int_equal(status, -1);
    assert_non_null(strstr(said, reason));
    assert_false(is_there(in_folder("refused.png")));
}

static void images_refuse_nonsense(void **state) {
    (void)state;
    float value = 1;
    unsigned char byte = 1;
    plot_image_set good = {.f32 = &value, .count = 1, .channels = 1, .height = 1, .width = 1}, bad = good;
    bad.count = 0;
    assert_images_refused(&bad, "refused.png: it takes 1 to 4096 images\n");
    bad = good;
    bad.channels = 2;
    assert_images_refused(&bad, "images have 1 or 3 channels\n");
    bad = good;
    bad.width = 0;
    assert_images_refused(&bad, "an image has no pixels\n");
    bad = good;
    bad.u8 = &byte;
    assert_images_refused(&bad, "it takes either f32 or u8 values\n");
    bad = good;
    bad.channels = 3;
    bad.range = PLOT_SIGNED_EACH;
    assert_images_refused(&bad, "signed images have 1 channel\n");
}

static void images_refuse_huge_sizes(void **state) {
    (void)state;
    float value = 1; /* far fewer values than the sizes promise: refused before any is read */
    plot_image_set huge = {.f32 = &value, .count = 1, .channels = 1, .height = INT32_MAX, .width = INT32_MAX};
    assert_images_refused(&huge, "an image is too large\n");
    huge.height = huge.width = 16384;
    assert_images_refused(&huge, "at most 16384 on a side and 33554432 in all\n");
    huge = (plot_image_set){.f32 = &value, .count = 4096, .channels = 1, .height = 64, .width = 64, .columns = 4096};
    assert_images_refused(&huge, "at most 16384 on a side");
    huge.columns = 64;
    assert_images_refused(&huge, "at most 16384 on a side");
}

static void confusion_shades_by_share_of_the_row(void **state) {
    (void)state;
    int64_t counts[] = {4000000, 0, 5, 5};
    assert_int_equal(plot_confusion(in_folder("confusion.png"), "Two classes", counts, NULL, 2), 0);
    picture p = load("confusion.png");
    canvas_box dark;
    assert_true(find(&p, 0x1F4E85, &dark) > 3000);
    assert_in_range(dark.x1 - dark.x0, 85, 92);
    assert_int_equal(pixel(&p, dark.x0 + 100, dark.y0 + 5), 0xFFFFFF);
    assert_int_equal(pixel(&p, dark.x0 + 5, dark.y0 + 100), pixel(&p, dark.x0 + 100, dark.y0 + 100));
    assert_int_not_equal(pixel(&p, dark.x0 + 5, dark.y0 + 100), 0xFFFFFF);
    free(p.rgb);
}

static void confusion_slants_long_names(void **state) {
    (void)state;
    const char *names[] = {"T-shirt/top", "Ankle boot"};
    int64_t counts[4] = {1, 0, 0, 1};
    assert_int_equal(plot_confusion(in_folder("short.png"), NULL, counts, NULL, 2), 0);
    assert_int_equal(plot_confusion(in_folder("long.png"), NULL, counts, names, 2), 0);
    picture brief = load("short.png"), wordy = load("long.png");
    assert_true(wordy.height > brief.height + 60 && wordy.width > brief.width + 60);
    free(brief.rgb);
    free(wordy.rgb);
}

static void confusion_extremes(void **state) {
    (void)state;
    static int64_t counts[128 * 128];
    assert_int_equal(plot_confusion(in_folder("zero.png"), "", counts, NULL, 1), 0);
    assert_int_equal(plot_confusion(in_folder("wide.png"), "Many", counts, NULL, 128), 0);
    counts[0] = INT64_MAX;
    counts[1] = INT64_MIN;
    assert_int_equal(plot_confusion(in_folder("limits.png"), "Limits", counts, NULL, 2), 0);
    capture(2);
    int none = plot_confusion(in_folder("n.png"), "x", counts, NULL, 0), many = plot_confusion(in_folder("n.png"), "x", counts, NULL, 129);
    capture_end();
    assert_int_equal(none, -1);
    assert_int_equal(many, -1);
    assert_non_null(strstr(said, "n.png: 129 classes, but it takes 1 to 128\n"));
}

/* A plane whose probability is `lower` along the bottom and `upper` along the top. */
static plot_plane make_plane(double grid[4], double lower, double upper) {
    grid[0] = grid[1] = lower;
    grid[2] = grid[3] = upper;
    return (plot_plane){.probability = grid, .width = 2, .height = 2, .x_min = -1, .x_max = 1, .y_min = -1, .y_max = 1};
}

static void boundary_has_row_0_at_the_bottom(void **state) {
    (void)state;
    double grid[4];
    plot_plane plane = make_plane(grid, 0, 1);
    assert_int_equal(plot_boundary(in_folder("plane.png"), &plane), 0);
    picture p = load("plane.png");
    int x = p.width - 100;
    unsigned top = pixel(&p, x, 60), bottom = pixel(&p, x, 1000);
    assert_true((top >> 16) > (top & 255) + 30);       /* orange */
    assert_true((bottom >> 16) + 30 < (bottom & 255)); /* blue */
    int dark = -1;
    for (int y = 40; y < 1070; y++) dark = pixel(&p, x, y) == AXES_INK ? y : dark;
    assert_in_range(dark, 36 + 520 - 3, 36 + 520 + 3); /* the contour runs through the middle */
    free(p.rgb);
}

static void boundary_draws_points_in_their_place(void **state) {
    (void)state;
    double grid[4], xs[] = {0, 0, NAN, 50}, ys[] = {.5, -.5, 0, 0};
    int classes[] = {0, 1, 0, -3};
    plot_plane plane = make_plane(grid, NAN, NAN);
    plane.x = xs;
    plane.y = ys;
    plane.class = classes;
    plane.count = 4;
    assert_int_equal(plot_boundary(in_folder("points.png"), &plane), 0);
    picture p = load("points.png");
    canvas_box zero, one;
    assert_true(find(&p, canvas_mix(axes_palette[0], 0, .12), &zero) > 60);
    assert_true(find(&p, canvas_mix(axes_palette[1], 0, .12), &one) > 60);
    assert_in_range((zero.y0 + zero.y1) / 2, 36 + 260 - 2, 36 + 260 + 2);
    assert_in_range((one.y0 + one.y1) / 2, 36 + 780 - 2, 36 + 780 + 2);
    assert_int_equal(zero.x0, one.x0);
    assert_int_equal(pixel(&p, p.width - 60, 60), AXES_GRID); /* what is not a number has no colour */
    free(p.rgb);
}

static void boundary_refuses_bad_extents(void **state) {
    (void)state;
    double grid[4];
    plot_plane plane = make_plane(grid, 0, 1), bad = plane;
    capture(2);
    bad.x_max = -1;
    int x = plot_boundary(in_folder("b.png"), &bad);
    bad = plane;
    bad.y_min = NAN;
    int y = plot_boundary(in_folder("b.png"), &bad);
    bad = plane;
    bad.width = 1;
    int size = plot_boundary(in_folder("b.png"), &bad);
    capture_end();
    assert_true(x == -1 && y == -1 && size == -1);
    assert_non_null(strstr(said, "b.png: x_min must lie below x_max\n"));
    assert_non_null(strstr(said, "b.png: y_min must lie below y_max\n"));
    assert_non_null(strstr(said, "b.png: the grid is less than 2 by 2\n"));
}

static void pictures_refuse_unwritable_places(void **state) {
    (void)state;
    char expected[600];
    float value = 1;
    plot_image_set set = {.f32 = &value, .count = 1, .channels = 1, .height = 1, .width = 1};
    write_small_file(in_folder("plain"));
    assert_int_equal(files_make_directory(in_folder("folder.png")), 0);
    capture(2);
    int below = plot_images(in_folder("plain/w.png"), &set), onto = plot_images(in_folder("folder.png"), &set);
    capture_end();
    assert_int_equal(below, -1);
    assert_int_equal(onto, -1);
    snprintf(expected, sizeof expected,
        "test_pictures: cannot make folder %s: Not a directory\ntest_pictures: cannot write %s: Is a directory\n", in_folder("plain"),
        in_folder("folder.png"));
    assert_string_equal(said, expected);
}

static void pictures_replace_a_file_whole(void **state) {
    (void)state;
    float value = 1;
    plot_image_set set = {.f32 = &value, .count = 1, .channels = 1, .height = 1, .width = 1};
    write_small_file(in_folder("old.png"));
    assert_int_equal(plot_images(in_folder("old.png"), &set), 0);
    picture p = load("old.png");
    assert_int_equal(p.width, 200);
    free(p.rgb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_follow_the_data),
        cmocka_unit_test(curves_leave_gaps),
        cmocka_unit_test(curves_log_scale_is_straight),
        cmocka_unit_test(curves_without_data),
        cmocka_unit_test(curves_single_point_is_a_dot),
        cmocka_unit_test(curves_colours_legends_and_panels),
        cmocka_unit_test(curves_bars_stand_on_the_rule),
        cmocka_unit_test(curves_fixed_scales_and_marks),
        cmocka_unit_test(diagrams_join_boxes),
        cmocka_unit_test(curves_extreme_values),
        cmocka_unit_test(axis_ticks_are_round),
        cmocka_unit_test(images_gray_from_black_to_white),
        cmocka_unit_test(images_signed_from_blue_to_red),
        cmocka_unit_test(images_ranges_all_or_each),
        cmocka_unit_test(images_rgb_planes),
        cmocka_unit_test(images_captions_and_title_make_room),
        cmocka_unit_test(images_refuse_nonsense),
        cmocka_unit_test(images_refuse_huge_sizes),
        cmocka_unit_test(confusion_shades_by_share_of_the_row),
        cmocka_unit_test(confusion_slants_long_names),
        cmocka_unit_test(confusion_extremes),
        cmocka_unit_test(boundary_has_row_0_at_the_bottom),
        cmocka_unit_test(boundary_draws_points_in_their_place),
        cmocka_unit_test(boundary_refuses_bad_extents),
        cmocka_unit_test(pictures_refuse_unwritable_places),
        cmocka_unit_test(pictures_replace_a_file_whole),
    };
    return cmocka_run_group_tests_name("pictures", tests, make_folder, remove_folder);
}
