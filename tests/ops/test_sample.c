/* test_sample.c - the notation in which operators give their samples, and the operands made of it. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>

#include "ops/sample.h"

static rg_sample parse(const char *text) {
    rg_sample s;
    if (rg_sample_next(&text, &s) != 1) fail_msg("\"%s\": %s", text, s.error);
    return s;
}

static void notation_of_operands(void **state) {
    (void)state;
    rg_sample s = parse("2,3 - 4:i32<5 1:i32=7 0,17:f64 same 6:f<2 2:u8");
    assert_int_equal(s.n, 8);
    assert_int_equal(s.operand[0].ndim, 2);
    assert_int_equal(s.operand[0].shape[1], 3);
    assert_int_equal(s.operand[1].ndim, 0);
    assert_int_equal(s.operand[2].dtype, RG_I32);
    assert_int_equal(s.operand[2].high, 4);
    assert_int_equal(s.operand[3].low, 7);
    assert_int_equal(s.operand[3].high, 7);
    assert_int_equal(s.operand[4].dtype, RG_F64);
    assert_true(s.operand[5].same && !s.operand[0].same);
    assert_int_equal(s.operand[6].dtype, -1);
    assert_true(rg_sample_float(&s, 0) && !rg_sample_float(&s, 2) && !rg_sample_float(&s, 4) && rg_sample_float(&s, 5) &&
        !rg_sample_float(&s, 6));
}

static void notation_of_attributes(void **state) {
    (void)state;
    rg_sample s = parse("2 axis=-1 reverse=1 p=2.5 q=-1e-3");
    assert_int_equal(s.attr.axis, -1);
    assert_int_equal(s.attr.reverse, 1);
    assert_true(s.attr.p == 2.5 && s.attr.q == -1e-3);
    s = parse("2 axes=0.2.5 keepdims=1");
    assert_int_equal(s.attr.reduce.axes, 37);
    assert_int_equal(s.attr.reduce.keepdims, 1);
    s = parse("2 axis=1 start=-3 stop=9000000000");
    assert_int_equal(s.attr.axis, 1);
    assert_true(s.attr.start == -3 && s.attr.stop == 9000000000);
    s = parse("2 ta=1 tb=0");
    assert_true(s.attr.matmul.ta == 1 && s.attr.matmul.tb == 0);
    s = parse("2 shape=2x-1x3");
    assert_true(s.has_shape && s.attr.shape.ndim == 3 && s.dims[0] == 2 && s.dims[1] == -1 && s.dims[2] == 3);
    s = parse("2 shape=-");
    assert_true(s.has_shape && s.attr.shape.ndim == 0);
    s = parse("2 perm=1.0");
    assert_true(s.attr.perm[0] == 1 && s.attr.perm[1] == 0 && s.attr.perm[2] == -1 && s.attr.perm[5] == -1);
    assert_int_equal(parse("2 dtype=i32").attr.dtype, RG_I32);
    assert_int_equal(parse("2 classes=5").attr.classes, 5);
}

static void notation_of_lists(void **state) {
    (void)state;
    const char *text = "  2,3 ;4 axis=0;  - ; ";
    rg_sample s;
    assert_int_equal(rg_sample_next(&text, &s), 1);
    assert_int_equal(s.operand[0].ndim, 2);
    assert_int_equal(rg_sample_next(&text, &s), 1);
    assert_memory_equal(s.text, "4 axis=0", 8);
    assert_int_equal(s.length, 8);
    assert_int_equal(rg_sample_next(&text, &s), 1);
    assert_int_equal(s.operand[0].ndim, 0);
    assert_int_equal(rg_sample_next(&text, &s), 0);
}

static const char *const bad[] = {"2,", ",2", "2,x", "2;;3", "axis=1", "2 axis", "2 axis=", "2 axis=x", "2 axis=1x", "2 what=1", "2:i64",
    "2:", "2:i32<",
    "2:i32<0", "2:i32=", "2:i32<5x", "same", "2 same:f64", "2 shape=", "2 shape=2x", "2 shape=2,3", "2 perm=", "2 perm=0.", "2 axes=-1",
    "2 axes=32",
    "2 p=", "2 p=1x", "2 dtype=f16", "1,1,1,1,1,1,1", "2-", "--", "1 1 1 1 1 1 1 1 1", "99999999999999999999", "2 axis=99999999999"};

static void cannot_be_read(void **state) {
    const char *text = *state;
    rg_sample s;
    int more;
    while ((more = rg_sample_next(&text, &s)) > 0) {}
    assert_int_equal(more, -1);
    assert_true(strlen(s.error) > 0);
}

static void values_in_range(void **state) {
    (void)state;
    rg_tape *t = rg_tape_new(7);
    rg_set_default_dtype(t, RG_F64);
    const rg_op op = {.name = "one", .range = {.3, .5}}, two = {.name = "two"};
    const rg_sample s = parse("1000 1000:i32<5 1000:f<2 1000:i32=-7 1000:u8 same");
    rg_tensor *in[RG_SAMPLE_OPERANDS], *wide[RG_SAMPLE_OPERANDS];
    rg_rng rng;
    rg_rng_seed(&rng, 1);
    assert_int_equal(rg_sample_operands("here.c:7", &s, &op, t, &rng, in), 6);
    assert_int_equal(rg_sample_operands("here.c:7", &s, &two, t, &rng, wide), 6);
    double low = 9, high = -9;
    int seen[5] = {0}, bits[2] = {0}, bright = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(rg_f64(in[0])[i] >= .3 && rg_f64(in[0])[i] < .5);
        low = fmin(low, rg_f64(wide[0])[i]), high = fmax(high, rg_f64(wide[0])[i]);
        assert_in_range(rg_i32(in[1])[i], 0, 4);
        seen[rg_i32(in[1])[i]]++;
        const double bit = rg_f64(in[2])[i];
        assert_true(bit == 0 || bit == 1);
        bits[(int)bit]++;
        assert_int_equal(rg_i32(in[3])[i], -7);
        bright += rg_u8(in[4])[i] > 200;
    }
    assert_true(low >= -2 && low < -1.9 && high < 2 && high > 1.9);
    for (int i = 0; i < 5; i++) assert_true(seen[i] > 100);
    assert_true(bits[0] > 400 && bits[1] > 400 && bright > 100);
    assert_ptr_equal(in[5], in[0]);
    rg_tape_free(t);
}

int main(void) {
    cases c = {0};
    cases_add(&c, notation_of_operands, NULL, "operands");
    cases_add(&c, notation_of_attributes, NULL, "attributes");
    cases_add(&c, notation_of_lists, NULL, "several samples");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cases_add(&c, cannot_be_read, bad[i], "cannot be read: \"%s\"", bad[i]);
    cases_add(&c, values_in_range, NULL, "values");
    return cases_run(&c, "sample");
}
