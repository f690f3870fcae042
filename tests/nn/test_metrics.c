/* test_metrics.c - accuracy and confusion: predictions by hand, what they refuse, and that nothing stays on the tape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/support/tape.h"

static int start(void **state) { return start_seeded(state, 0); }

static void near(const char *what, double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance)) fail_msg("%s: %.17g, expected %.17g", what, got, expected);
}

static const float LOGITS[] = {1, 3, 2, /**/ 5, 0, 5, /**/ -1, -2, -1, /**/ 0, NAN, 9}; /* predictions 1 0 0 1 */

static void accuracy_by_argmax(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, LOGITS, 4, 3), *w = rg_param(t, "w", RG_ONES, 3);
    const int64_t tensors = rg_memory(t).tensors, recorded = rg_memory(t).recorded, mark = rg_mark(t);
    (void)w;
    rg_tensor *labels = rg_input(t, ((int32_t[]){1, 0, 2, 1}), 4), *bytes = rg_input(t, ((uint8_t[]){1, 2, 1, 2}), 4);
    near("i32 labels", rg_accuracy(x, labels), .75, 0);
    near("u8 labels", rg_accuracy(x, bytes), .25, 0);
    near("[2, 2, 3]", rg_accuracy(rg_reshape(x, 2, 2, 3), rg_reshape(labels, 2, 2)), .75, 0);
    near("one row", rg_accuracy(rg_input(t, ((double[]){1, 2}), 2), rg_input(t, &(int32_t){1})), 1, 0);
    assert_true(isnan(rg_accuracy(rg_full(t, 1, 0, 3), rg_input_of(t, RG_I32, NULL, 0))));
    rg_rewind(t, mark);
    assert_int_equal(rg_memory(t).tensors, tensors);
    assert_int_equal(rg_memory(t).recorded, recorded);
}

static void metrics_leave_nothing(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_mul(rg_input(t, LOGITS, 4, 3), rg_param(t, "w", RG_ONES, 3)), *labels = rg_input(t, ((int32_t[]){1, 0, 2, 1}), 4);
    const rg_memory_stats before = rg_memory(t);
    int64_t counts[9] = {0};
    rg_accuracy(x, labels);
    rg_confusion(x, labels, 3, counts);
    const rg_memory_stats after = rg_memory(t);
    assert_memory_equal(&before, &after, sizeof before);
}

static void accuracy_of_two_classes(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, ((double[]){-1, 0, 1e-9, 2}), 4), *y = rg_input(t, ((int32_t[]){0, 1, 1, 1}), 4);
    near("[n], [n]", rg_accuracy(x, y), .75, 0);
    near("[n, 1], [n]", rg_accuracy(rg_reshape(x, 4, 1), y), .75, 0);
    near("[n, 1], [n, 1]", rg_accuracy(rg_reshape(x, 4, 1), rg_reshape(y, 4, 1)), .75, 0);
    int64_t counts[4] = {0};
    assert_int_equal(rg_confusion(rg_reshape(x, 4, 1), y, 2, counts), 0);
    assert_memory_equal(counts, ((int64_t[]){1, 0, 1, 2}), sizeof counts);
}

static void confusion_adds(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, LOGITS, 4, 3), *y = rg_input(t, ((int32_t[]){1, 0, 2, 1}), 4);
    int64_t counts[9] = {[8] = 100};
    assert_int_equal(rg_confusion(x, y, 3, counts), 0);
    assert_int_equal(rg_confusion(x, y, 3, counts), 0);
    assert_memory_equal(counts, ((int64_t[]){2, 0, 0, 0, 4, 0, 2, 0, 100}), sizeof counts);
}

/* Labels of rows that do not count may be any, also a half or far away. */
static void rows_left_out_by_a_mask(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_input(t, LOGITS, 4, 3), *y = rg_input(t, ((int32_t[]){1, -100, 2, 0}), 4), *mask = rg_ne(y, -100);
    near("u8", rg_accuracy(x, y, .mask = mask), 1. / 3, 1e-15);
    near("floats", rg_accuracy(x, y, .mask = rg_input(t, ((float[]){.5f, 0, NAN, 0}), 4)), .5, 0);
    near("[2, 2, 3]", rg_accuracy(rg_reshape(x, 2, 2, 3), rg_reshape(y, 2, 2), .mask = rg_reshape(mask, 2, 2)), 1. / 3, 1e-15);
    near("[n, 1], [n]", rg_accuracy(rg_input(t, ((float[]){1, -1, 1}), 3, 1), rg_input(t, ((float[]){1, .5f, 0}), 3),
        .mask = rg_input(t, ((uint8_t[]){2, 0, 3}), 3)), .5, 0);
    assert_true(isnan(rg_accuracy(x, y, .mask = rg_input(t, ((uint8_t[4]){0}), 4))));
    int64_t counts[9] = {0};
    assert_int_equal(rg_confusion(x, y, 3, counts, .mask = mask), 0);
    int64_t all = 0;
    for (int i = 0; i < 9; i++) all += counts[i];
    assert_int_equal(all, 3);
    assert_int_equal(counts[1 * 3 + 1], 1);
    assert_null(rg_error(t));
    assert_int_equal(rg_confusion_at("a.c:1", x, y, 3, counts, (rg_metric_options){.mask = y}), -1);
    expect_error(t, "rg_confusion: the mask must be u8 or f32, not i32 (a.c:1)");
    assert_true(isnan(rg_accuracy_at("a.c:1", x, y, (rg_metric_options){.mask = x})));
    expect_error(t, "rg_accuracy: the mask is [4,3], must be of the labels' shape: [4] i32 (a.c:1)");
}

static void metric_errors(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_input(t, LOGITS, 4, 3), "logits"), *y = rg_input(t, ((int32_t[]){1, 0, 3, 1}), 4);
    int64_t counts[9] = {0}, zeros[9] = {0};
    assert_int_equal(rg_confusion_at("a.c:1", x, y, 3, counts, (rg_metric_options){0}), -1);
    expect_error(t, "rg_confusion: logits[4,3], [4] i32: label 3 of row 2 is no class of 3 (a.c:1)");
    assert_memory_equal(counts, zeros, sizeof counts);
    assert_true(isnan(rg_accuracy_at("a.c:1", x, rg_input(t, ((int32_t[]){1, 0, 1}), 3), (rg_metric_options){0})));
    expect_error(t, "rg_accuracy: logits[4,3], [3] i32: not a row of logits for each label (a.c:1)");
    assert_true(isnan(rg_accuracy_at("a.c:1", x, x, (rg_metric_options){0}))); /* one-hot labels are not class numbers */
    expect_error(t, "rg_accuracy: logits[4,3], logits[4,3]: not a row of logits for each label (a.c:1)");
    assert_true(isnan(rg_accuracy_at("a.c:1", y, y, (rg_metric_options){0})));
    expect_error(t, "rg_accuracy: [4] i32, [4] i32: logits must be floats (a.c:1)");
    rg_tensor *good = rg_input(t, ((int32_t[]){1, 0, 2, 1}), 4);
    assert_int_equal(rg_confusion_at("a.c:1", x, good, 10, counts, (rg_metric_options){0}), -1);
    expect_error(t, "rg_confusion: the logits have 3 classes, not 10 (a.c:1)");
    assert_int_equal(rg_confusion_at("a.c:1", x, good, 3, NULL, (rg_metric_options){0}), -1);
    expect_error(t, "rg_confusion: counts is NULL (a.c:1)");
    assert_true(isnan(rg_accuracy(x, rg_input(t, ((float[]){1, 0, .5f, 1}), 4))));
    rg_error_clear(t);
    assert_true(isnan(rg_accuracy_at(NULL, x, NULL, (rg_metric_options){0})));
    expect_error(t, "rg_accuracy: labels is NULL");
    assert_true(isnan(rg_accuracy(NULL, y)));
    assert_int_equal(rg_confusion(NULL, y, 3, counts), -1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
int main(void) {
    static const struct CMUnitTest tests[] = {CASE(accuracy_by_argmax), CASE(metrics_leave_nothing), CASE(accuracy_of_two_classes),
        CASE(confusion_adds),
        CASE(rows_left_out_by_a_mask), CASE(metric_errors)};
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
