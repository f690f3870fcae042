/* test_canvas.c - the canvas below the pictures: sizes, strokes, text. */
#include "tools/common/canvas.h"
#include "tests/support/captured.h"

#include <math.h>

static void canvas_refuses_sizes(void **state) {
    (void)state;
    canvas c;
    capture(2);
    assert_int_equal(canvas_new(&c, 8193, 1), -1);
    assert_int_equal(canvas_new(&c, 5000, 5000), -1);
    assert_int_equal(canvas_new(&c, 0, 5), -1);
    assert_int_equal(canvas_new(&c, (double)NAN, 5), -1);
    assert_int_equal(canvas_new(&c, 1e300, 1e300), -1);
    capture_end();
    assert_true(strncmp(said, "cannot draw 16386 x 2 pixels: at most 16384 on a side", 53) == 0);
    assert_int_equal(canvas_new(&c, 8192, 1), 0);
    canvas_free(&c);
}

static void canvas_draws_outside_without_harm(void **state) {
    (void)state;
    canvas c;
    assert_int_equal(canvas_new(&c, 10, 10), 0);
    canvas_stroke(&c, -50, 5, 1e30, 5, 2);
    canvas_stroke(&c, (double)NAN, 0, 5, (double)INFINITY, 2);
    canvas_fill(&c, -5, -5, 7, 7, 0x00FF00);
    canvas_text(&c, -3, 200, "outside \xC3\xA9", (canvas_style){.size = 40});
    assert_int_equal(c.rgb[0] << 16 | c.rgb[1] << 8 | c.rgb[2], 0x00FF00);
    canvas_free(&c);
}

static void canvas_strokes_are_smooth_and_even(void **state) {
    (void)state;
    canvas c;
    assert_int_equal(canvas_new(&c, 20, 20), 0);
    canvas_stroke(&c, 2, 10.25, 12, 10.25, 4);
    canvas_stroke(&c, 8, 10.25, 18, 10.25, 4); /* overlaps the first: painted once, it must look like one */
    canvas_paint(&c, 0x000000);
    for (int x = 6; x < 34; x++) {
        assert_int_equal(c.rgb[(15 * 40 + x) * 3], 255);
        assert_int_equal(c.rgb[(16 * 40 + x) * 3], 127); /* half of this row is covered */
        assert_int_equal(c.rgb[(17 * 40 + x) * 3], 0);
    }
    assert_in_range(c.rgb[18 * 40 * 3], 1, 254); /* the round end has grays */
    canvas_free(&c);
}

static void text_width_counts_characters(void **state) {
    (void)state;
    assert_true(canvas_text_width("", 12) == 0);
    assert_true(canvas_text_width("iii", 12) < canvas_text_width("MMM", 12));
    assert_true(canvas_text_width("11", 12) == canvas_text_width("88", 12)); /* digits are as wide as each other */
    assert_true(canvas_text_width("\xC3\xA9\xE2\x82\xAC\x07", 12) == canvas_text_width("???", 12));
}

/* Every printable character leaves ink, except the blank. */
static void text_has_all_glyphs(void **state) {
    (void)state;
    for (int glyph = ' '; glyph <= '~'; glyph++) {
        canvas c;
        char text[2] = {(char)glyph, '\0'};
        int ink = 0;
        assert_int_equal(canvas_new(&c, 40, 40), 0);
        canvas_text(&c, 5, 28, text, (canvas_style){.size = 24});
        for (int i = 0; i < 80 * 80; i++) ink += c.rgb[i * 3] < 128;
        if (glyph == ' ')
            assert_int_equal(ink, 0);
        else
            assert_in_range(ink, 8, 800);
        canvas_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canvas_refuses_sizes),
        cmocka_unit_test(canvas_draws_outside_without_harm),
        cmocka_unit_test(canvas_strokes_are_smooth_and_even),
        cmocka_unit_test(text_width_counts_characters),
        cmocka_unit_test(text_has_all_glyphs),
    };
    return cmocka_run_group_tests_name("canvas", tests, make_folder, remove_folder);
}
