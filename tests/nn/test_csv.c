/* test_csv.c - tables as text: forms, classes, targets; what is wrong, with its line and column; without memory; in another locale. */
#include "tests/support/scratch.h"

#include <locale.h>
#include <math.h>

static const char *write_text(const char *text) {
    scratch_write(path, folder, "table.csv", text, strlen(text));
    return path;
}
#define READ(text, ...) rg_read_csv(t, write_text(text), ##__VA_ARGS__)

static void assert_table(rg_tensor *x, int64_t rows, int64_t columns, const double *values) {
    static double got[1000];
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    assert_int_equal(rg_ndim(x), 2);
    assert_memory_equal(rg_shape(x), ((int64_t[]){rows, columns}), 2 * sizeof(int64_t));
    assert_int_equal(rg_copy_out(x, got, 1000), 0);
    for (int64_t i = 0; i < rows * columns; i++)
        if (got[i] != (double)(float)values[i] && !(isnan(values[i]) && isnan(got[i])))
            fail_msg("value %d is %g, not %g", (int)i, got[i], values[i]);
}

typedef struct form { const char *name, *text; rg_csv_options o; } form;
static const form forms[] = {{"plain", "1,2,3\n4,5,6\n", {0}}, {"no end of line", "1,2,3\n4,5,6", {0}},
    {"Windows", "1,2,3\r\n4,5,6\r\n", {0}},
    {"blanks and empty lines", "\n  1 ,\t2, 3 \n\n \t\n4,5 ,6\n\n", {0}}, {"a mark of UTF-8", "\xef\xbb\xbf" "1,2,3\n4,5,6\n", {0}},
    {"a header", "a,b,c\n1,2,3\n4,5,6\n", {.header = true}}, {"lines before", "made by\n\"hand, 1\n1,2,3\n4,5,6\n", {.skip = 2}},
    {"semicolons", "1;2;3\n4;5;6\n", {.delimiter = ';'}}, {"tabs", "1\t2\t3\n4\t5\t6\n", {.delimiter = '\t'}},
    {"single blanks", "1 2 3\n4 5 6\n", {.delimiter = ' '}},
    {"quotes", "\"1\",2, \"3\" \n4,\"5\",\"6\"", {0}},
    {"all at once", "x\n\r\n \"a\nb\" ; \"c\"\"d\";e\r\n1;2;\"3\"\r\n4;5;6", {.header = true, .skip = 1, .delimiter = ';'}}};

static void read_form(void **state) {
    const form *f = *state;
    const rg_dataset d = (rg_read_csv)(t, write_text(f->text), f->o);
    assert_table(d.x, 2, 3, (double[]){1, 2, 3, 4, 5, 6});
    assert_null(d.y);
    assert_int_equal(d.classes, 0);
    assert_true(!d.columns == !f->o.header);
    assert_string_equal(rg_name_of(d.x), "table");
    if (f == &forms[11]) assert_string_equal(d.columns[0], "a\nb");
    if (f == &forms[11]) assert_string_equal(d.columns[1], "c\"d");
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 1);
}

static void numbers(void **state) {
    (void)state;
    const rg_dataset d = READ("1e3,-.5,+2.,0x,nan\n1E-3,-0,inf,-inf,12345678901234567890\n", .allow_missing = true);
    assert_true(rg_failed(d.x));
    assert_error(RG_EIO, "table.csv: line 1, column 4: '0x' is no number");
    rg_error_clear(t);
    const double inf = (double)INFINITY;
    assert_table(READ("1e3,-.5,+2.,nan\n1E-3,-0,inf,-inf\n").x, 2, 4, (double[]){1e3, -.5, 2, (double)NAN, 1e-3, 0, inf, -inf});
    assert_table(READ("1,,3\n,5,\"\"\n", .allow_missing = true).x, 2, 3, (double[]){1, (double)NAN, 3, (double)NAN, 5, (double)NAN});
    rg_set_default_dtype(t, RG_F64);
    assert_true(rg_f64(READ("0.1,2\n").x)[0] == .1);
}

/* 17 digits are every bit. */
static void every_bit(void **state) {
    (void)state;
    enum { ROWS = 40, COLUMNS = 7 };
    double values[ROWS * COLUMNS];
    static char text[ROWS * COLUMNS * 32];
    size_t n = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        values[i] = ldexp(rg_rng_standard_normal(rg_tape_rng(t)), i % 200 - 100);
        n += (size_t)snprintf(text + n, sizeof text - n, "%.17g%c", values[i], i % COLUMNS == COLUMNS - 1 ? '\n' : ',');
    }
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *x = READ(text).x;
    assert_memory_equal(rg_f64(x), values, sizeof values);
    pack(&packed, (const unsigned char *)text, n);
    write_bytes("packed", &packed);
    x = rg_read_csv(t, path).x;
    assert_memory_equal(rg_f64(x), values, sizeof values);
}

static void classes(void **state) {
    (void)state;
    rg_dataset d = READ("a,kind,b\n1,rose,2\n3,\"lily, white\",4\n5,rose,6\n7,aster,8\n", .header = true, .classes = "kind");
    assert_table(d.x, 4, 2, (double[]){1, 2, 3, 4, 5, 6, 7, 8});
    assert_int_equal(d.classes, 3);
    assert_memory_equal(rg_i32(d.y), ((int32_t[]){2, 1, 2, 0}), 4 * sizeof(int32_t));
    assert_string_equal(d.class_names[0], "aster");
    assert_string_equal(d.class_names[1], "lily, white");
    assert_string_equal(d.class_names[2], "rose");
    assert_string_equal(d.columns[0], "a");
    assert_string_equal(d.columns[1], "b");
    d = READ("10,1\n9,2\n-1,3\n10.0,4\n", .classes = "0"); /* numbers by value */
    assert_table(d.x, 4, 1, (double[]){1, 2, 3, 4});
    assert_memory_equal(rg_i32(d.y), ((int32_t[]){2, 1, 0, 3}), 4 * sizeof(int32_t));
    assert_string_equal(d.class_names[2], "10");
    d = READ("1,x\n2,9\n3,10\n", .classes = "-1"); /* and by bytes if one is none */
    assert_memory_equal(rg_i32(d.y), ((int32_t[]){2, 1, 0}), 3 * sizeof(int32_t));
    d = READ("1,5\" disk\n2,\"5\"\" disk\"\n", .classes = "1"); /* a quote within a field is a quote */
    assert_int_equal(d.classes, 1);
    assert_string_equal(d.class_names[0], "5\" disk");
    d = READ("b\na\n", .classes = "0");
    assert_int_equal(rg_dim(d.x, 1), 0);
    assert_memory_equal(rg_i32(d.y), ((int32_t[]){1, 0}), 2 * sizeof(int32_t));
    rg_loader *l = rg_loader_new(t, READ("1,2,x\n3,4,y\n", .classes = "2").x, d.y, .batch = 2);
    rg_tensor *x, *y;
    assert_true(rg_loader_next(l, &x, &y));
}

static void targets(void **state) {
    (void)state;
    rg_dataset d = READ("rooms,price\n3,100.5\n4,200\n", .header = true, .target = "price");
    assert_table(d.x, 2, 1, (double[]){3, 4});
    assert_table(d.y, 2, 1, (double[]){100.5, 200});
    assert_int_equal(d.classes, 0);
    assert_null(d.class_names);
    d = READ("1,0\n3,100\n", .header = true, .target = "0"); /* a name comes before a number */
    assert_table(d.x, 1, 1, (double[]){3});
}

typedef struct refusal { const char *text; rg_csv_options o; rg_code code; const char *says; } refusal;
static const refusal refusals[] = {
    {"1,2\n3,x\n", {0}, RG_EIO, "table.csv: line 2, column 2: 'x' is no number"},
    {"a,b\n1,2\n", {0}, RG_EIO, "line 1, column 1: 'a' is no number; if the line has the names of the columns, give .header = true"},
    {"1,2\n\n\n3\n", {0}, RG_EIO, "line 4 has 1 columns, not 2"},
    {"1,2\n3,4,\n", {0}, RG_EIO, "line 2 has 3 columns, not 2"},
    {"1,2\n3,\n", {0}, RG_EIO, "line 2, column 2: the field is empty"},
    {"\"1\n2\",3\n4,\"5\"6\n", {0}, RG_EIO, "line 3, column 2: something follows the quotes"},
    {"1,\"2\n3\n", {0}, RG_EIO, "line 1, column 2: the quote has no end"},
    {"1,\"2\"\"", {0}, RG_EIO, "line 1, column 2: the quote has no end"},
    {"a,b\n", {.header = true}, RG_EIO, "table.csv: has no rows"},
    {"1,2\n", {.skip = 5}, RG_EIO, "has no rows"},
    {" \n\n", {0}, RG_EIO, "has no rows"},
    {"", {0}, RG_EIO, "is empty"},
    {"1,2\n", {.classes = "3"}, RG_EIO, "has no column 3 among its 2"},
    {"1,2\n", {.classes = "-3"}, RG_EIO, "has no column -3"},
    {"a,b\n1,2\n", {.header = true, .target = "c"}, RG_EIO, "has no column c"},
    {"1,2\n", {.target = ""}, RG_EIO, "has no column "},
    {"1,\n", {.classes = "1"}, RG_EIO, "line 1, column 2: the field is empty"},
    {"1,2\n", {.classes = "1", .target = "0"}, RG_EVALUE, "rg_read_csv: classes 1 and target 0: y is one column"},
    {"1,2\n", {.delimiter = '.'}, RG_EVALUE, "'.' cannot be a delimiter"},
    {"1,2\n", {.skip = -1}, RG_EVALUE, ".skip is -1, must be at least 0"},
};

static void refused(void **state) {
    const refusal *r = *state;
    const rg_dataset d = (rg_read_csv)(t, write_text(r->text), r->o);
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_error(r->code, r->says);
    rg_error_clear(t);
    assert_table(READ("1,2\n").x, 1, 2, (double[]){1, 2});
}

static void odd_files(void **state) {
    (void)state;
    assert_true(rg_failed(rg_read_csv(t, NULL).x));
    assert_error(RG_EVALUE, "rg_read_csv: the path is NULL");
    rg_error_clear(t);
    assert_true(rg_failed(rg_read_csv(t, folder).x));
    assert_error(RG_EIO, "is a directory");
    rg_error_clear(t);
    scratch_write(path, folder, "table.csv", "1,2\0\n3,4", 8);
    assert_true(rg_failed(rg_read_csv(t, path).x));
    assert_error(RG_EIO, "is no text: it has a byte of 0");
    assert_true(rg_failed(rg_read_csv(t, path).x)); /* while an error stands */
    assert_true(rg_failed(rg_read_csv(NULL, path).x));
}

/* A locale with a decimal comma changes nothing. */
static void commas(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    const char *found = NULL;
    for (int i = 0; i < 4 && !found; i++) found = setlocale(LC_ALL, names[i]);
    if (!found) skip();
    rg_tensor *x = READ("1.5,2\n").x;
    setlocale(LC_ALL, "C");
    assert_table(x, 1, 2, (double[]){1.5, 2});
}

static void out_of_memory(void **state) {
    (void)state;
    write_text("a,b,c\n1,rose,2\n3,lily,4\n");
    for (int64_t k = 0;; k++) {
        meter m = {.fail_at = -1};
        rg_tape *tape = metered_tape(&m, true, 1);
        m.fail_at = m.calls + k;
        const bool failed = rg_failed(rg_read_csv(tape, path, .header = true, .classes = "b").x);
        if (failed) {
            assert_int_equal(rg_error_code(tape), RG_ENOMEM);
            assert_int_equal(rg_memory(tape).tensors, 0);
        }
        rg_tape_free(tape);
        assert_int_equal(m.out, 0);
        if (!failed) break;
        assert_true(k < 100);
    }
}

int main(void) {
    cases c = {0};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) CASE(&c, read_form, &forms[i], "form: %s", forms[i].name);
    CASE(&c, numbers, NULL, "numbers");
    CASE(&c, every_bit, NULL, "every bit, also packed");
    CASE(&c, classes, NULL, "classes");
    CASE(&c, targets, NULL, "targets");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) CASE(&c, refused, &refusals[i], "refused: %s", refusals[i].says);
    CASE(&c, odd_files, NULL, "odd files");
    CASE(&c, commas, NULL, "a locale with commas");
    CASE(&c, out_of_memory, NULL, "out of memory");
    return cases_run(&c, "csv");
}
