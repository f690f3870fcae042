/* test_support.c - option tables, progress, CSV and PNG pictures of the example programs. */
#define _DEFAULT_SOURCE 1
#define _XOPEN_SOURCE 700 /* posix_openpt */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "examples/support/axes.h"
#include "examples/support/canvas.h"
#include "examples/support/csv.h"
#include "examples/support/diagram.h"
#include "examples/support/files.h"
#include "examples/support/options.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* ---- a folder for the files, and what the functions print ---- */

static char folder[] = "/tmp/test_support_XXXXXX";
static char said[8192]; /* what capture_end found */
static int kept_fd, captured_fd;

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* A path in the folder; four at a time. */
static const char *in_folder(const char *name) {
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void capture(int fd) {
    fflush(NULL);
    captured_fd = fd;
    kept_fd = dup(fd);
    int file = open(in_folder("captured"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, fd);
    close(file);
}

static const char *capture_end(void) {
    fflush(NULL);
    dup2(kept_fd, captured_fd);
    close(kept_fd);
    FILE *file = fopen(in_folder("captured"), "rb");
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return said;
}

static const char *read_whole_file(const char *path) {
    static char text[8192];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static bool is_there(const char *path) {
    struct stat found;
    return stat(path, &found) == 0;
}

static void write_small_file(const char *path) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("a file", file);
    fclose(file);
}

/* ---- options ---- */

static struct {
    bool quiet;
    int epochs;
    int64_t steps;
    uint64_t seed;
    double lr;
    const char *data, *optimizer;
    option_ints hidden;
} o;

// clang-format off
static const option_row table[] = {
    {"data",      OPT_STRING, &o.data,      "DIR",      "folder with the images",      0, 0},
    {"epochs",    OPT_INT,    &o.epochs,    "N",        "passes over the training set", 1, 1000},
    {"steps",     OPT_INT64,  &o.steps,     "N",        "end after so many steps",     0, 0},
    {"lr",        OPT_DOUBLE, &o.lr,        "RATE",     "learning rate",               0, 10},
    {"optimizer", OPT_CHOICE, &o.optimizer, "sgd|adam", "update rule",                 0, 0},
    {"hidden",    OPT_INTS,   &o.hidden,    "N,N,...",  "widths of the hidden layers", 1, 4096},
    {"seed",      OPT_UINT64, &o.seed,      "N",        "of the generator",            0, 0},
    {"quiet",     OPT_FLAG,   &o.quiet,     NULL,       "print the last line only",    0, 0},
    {0}};
// clang-format on

static int set_defaults(void **state) {
    (void)state;
    memset(&o, 0, sizeof o);
    o.epochs = 10;
    o.lr = 0.1;
    o.seed = 42;
    o.optimizer = "sgd";
    o.hidden = (option_ints){2, {256, 128}};
    return 0;
}

static int parse_all(int count, char **words) {
    char *argv[12] = {(char *)"build/examples/mnist"};
    for (int i = 0; i < count; i++) argv[i + 1] = words[i];
    return options_parse("Learns digits.", table, count + 1, argv);
}

#define PARSE(...) parse_all((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

#define ASSERT_REFUSED(message, ...)                       \
    do {                                                   \
        capture(2);                                        \
        int status_ = PARSE(__VA_ARGS__);                  \
        capture_end();                                     \
        assert_string_equal(said, "mnist: " message "\n"); \
        assert_int_equal(status_, OPTIONS_BAD);            \
    } while (0)

static void options_none_keep_defaults(void **state) {
    (void)state;
    assert_int_equal(parse_all(0, NULL), OPTIONS_RUN);
    assert_int_equal(o.epochs, 10);
    assert_string_equal(o.optimizer, "sgd");
    assert_null(o.data);
    assert_false(o.quiet);
}

static void options_take_value_as_next_word(void **state) {
    (void)state;
    assert_int_equal(PARSE("--epochs", "3", "--lr", "1e-3", "--data", "here", "--quiet", "--steps", "-5000000000"), OPTIONS_RUN);
    assert_int_equal(o.epochs, 3);
    assert_true(o.lr == 1e-3);
    assert_string_equal(o.data, "here");
    assert_true(o.quiet);
    assert_true(o.steps == -5000000000);
}

static void options_take_value_after_equals(void **state) {
    (void)state;
    assert_int_equal(PARSE("--epochs=7", "--data=a=b", "--optimizer=adam", "--hidden=64", "--seed=1"), OPTIONS_RUN);
    assert_int_equal(o.epochs, 7);
    assert_string_equal(o.data, "a=b");
    assert_string_equal(o.optimizer, "adam");
    assert_int_equal(o.hidden.count, 1);
    assert_int_equal(o.hidden.value[0], 64);
    assert_true(o.seed == 1);
}

static void options_last_of_repeated_wins(void **state) {
    (void)state;
    assert_int_equal(PARSE("--epochs", "3", "--epochs=4"), OPTIONS_RUN);
    assert_int_equal(o.epochs, 4);
}

static void options_seed_spans_64_bits(void **state) {
    (void)state;
    assert_int_equal(PARSE("--seed", "18446744073709551615"), OPTIONS_RUN);
    assert_true(o.seed == UINT64_MAX);
    ASSERT_REFUSED("--seed: 18446744073709551616 is out of range, 0 to 18446744073709551615", "--seed", "18446744073709551616");
    ASSERT_REFUSED("--seed: -1 is out of range, 0 to 18446744073709551615", "--seed", "-1");
    ASSERT_REFUSED("--seed: '0x10' is not a whole number", "--seed", "0x10");
}

static void options_int_list(void **state) {
    (void)state;
    assert_int_equal(PARSE("--hidden", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"), OPTIONS_RUN);
    assert_int_equal(o.hidden.count, 16);
    assert_int_equal(o.hidden.value[15], 16);
    ASSERT_REFUSED("--hidden: '1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1' has more than 16 numbers", "--hidden=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1");
    ASSERT_REFUSED("--hidden: '64,,32' is not a list of whole numbers such as 256,128", "--hidden", "64,,32");
    ASSERT_REFUSED("--hidden: '64,' is not a list of whole numbers such as 256,128", "--hidden", "64,");
    ASSERT_REFUSED("--hidden: 'x' is not a whole number", "--hidden", "64,x");
    ASSERT_REFUSED("--hidden: 0 is out of range, 1 to 4096", "--hidden", "64,0");
    assert_int_equal(o.hidden.count, 16);
}

static void options_unknown_gets_suggestion(void **state) {
    (void)state;
    ASSERT_REFUSED("unknown option --epoch; did you mean --epochs?", "--epoch", "3");
    ASSERT_REFUSED("unknown option --sede; did you mean --seed?", "--sede=3");
    ASSERT_REFUSED("unknown option --opt; did you mean --optimizer?", "--opt", "adam");
}

static void options_unknown_without_likeness(void **state) {
    (void)state;
    ASSERT_REFUSED("unknown option --momentum; --help lists them all", "--momentum", "0.9");
    ASSERT_REFUSED("unknown option --; --help lists them all", "--");
}

static void options_stray_word_refused(void **state) {
    (void)state;
    ASSERT_REFUSED("unexpected argument '3'; options begin with --", "--quiet", "3");
    ASSERT_REFUSED("unexpected argument '-e'; options begin with --", "-e");
}

static void options_missing_value_refused(void **state) {
    (void)state;
    ASSERT_REFUSED("--epochs: needs a value, N", "--epochs");
    ASSERT_REFUSED("--epochs: needs a value, N", "--epochs", "--quiet");
    ASSERT_REFUSED("--epochs: needs a value, N", "--epochs=");
    ASSERT_REFUSED("--optimizer: needs a value, sgd|adam", "--optimizer", "");
}

static void options_flag_takes_no_value(void **state) {
    (void)state;
    ASSERT_REFUSED("--quiet: takes no value, but got 'no'", "--quiet=no");
    assert_false(o.quiet);
}

static void options_bad_whole_numbers(void **state) {
    (void)state;
    ASSERT_REFUSED("--epochs: 'ten' is not a whole number", "--epochs", "ten");
    ASSERT_REFUSED("--epochs: '3x' is not a whole number", "--epochs", "3x");
    ASSERT_REFUSED("--epochs: ' 3' is not a whole number", "--epochs", " 3");
    ASSERT_REFUSED("--epochs: '1.5' is not a whole number", "--epochs", "1.5");
    assert_int_equal(o.epochs, 10);
}

static void options_whole_number_ranges(void **state) {
    (void)state;
    ASSERT_REFUSED("--epochs: 0 is out of range, 1 to 1000", "--epochs", "0");
    ASSERT_REFUSED("--epochs: 1001 is out of range, 1 to 1000", "--epochs", "1001");
    ASSERT_REFUSED("--epochs: 2147483648 is out of range, -2147483648 to 2147483647", "--epochs", "2147483648");
    ASSERT_REFUSED(
        "--steps: 9223372036854775808 is out of range, -9223372036854775808 to 9223372036854775807", "--steps=9223372036854775808");
    assert_int_equal(PARSE("--epochs", "1000"), OPTIONS_RUN);
    assert_int_equal(o.epochs, 1000);
}

static void options_bad_numbers(void **state) {
    (void)state;
    ASSERT_REFUSED("--lr: 'nan' is not a number", "--lr", "nan");
    ASSERT_REFUSED("--lr: 'inf' is not a number", "--lr", "inf");
    ASSERT_REFUSED("--lr: '0.1.2' is not a number", "--lr", "0.1.2");
    ASSERT_REFUSED("--lr: 1e999 is too large", "--lr", "1e999");
    ASSERT_REFUSED("--lr: -1 is out of range, 0 to 10", "--lr", "-1");
    assert_true(o.lr == 0.1);
}

static void options_bad_choice(void **state) {
    (void)state;
    ASSERT_REFUSED("--optimizer: 'sg' is none of sgd|adam", "--optimizer", "sg");
    ASSERT_REFUSED("--optimizer: 'sgd|adam' is none of sgd|adam", "--optimizer", "sgd|adam");
    assert_string_equal(o.optimizer, "sgd");
}

static const char help_text[] = "usage: mnist [options]\n"
                                "\n"
                                "Learns digits.\n"
                                "\n"
                                "  --data DIR            folder with the images\n"
                                "  --epochs N            passes over the training set (default 10)\n"
                                "  --steps N             end after so many steps (default 0)\n"
                                "  --lr RATE             learning rate (default 0.1)\n"
                                "  --optimizer sgd|adam  update rule (default sgd)\n"
                                "  --hidden N,N,...      widths of the hidden layers (default 256,128)\n"
                                "  --seed N              of the generator (default 42)\n"
                                "  --quiet               print the last line only\n"
                                "  --help                print this and end\n";

static void options_help_text(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    options_help(out, "mnist", "Learns digits.", table);
    fclose(out);
    assert_string_equal(text, help_text);
    free(text);
}

static void options_help_is_done(void **state) {
    (void)state;
    capture(1);
    int status = PARSE("--help", "--nonsense");
    capture_end();
    assert_int_equal(status, OPTIONS_DONE);
    assert_string_equal(said, help_text);
    capture(1);
    status = PARSE("--epochs", "3", "-h");
    capture_end();
    assert_int_equal(status, OPTIONS_DONE);
    assert_non_null(strstr(said, "training set (default 3)\n"));
}

/* ---- progress ---- */

static void progress_plain_lines(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    progress p;
    progress_start(&p, out, "epoch", 2, 1000);
    p.next = 0; /* as if long ago: only the missing terminal keeps it quiet */
    for (int epoch = 1; epoch <= 2; epoch++) {
        for (int64_t step = 1; step <= 1000; step++) progress_step(&p, epoch, step, 0.5);
        progress_line(&p, "epoch %d  loss %.4f", epoch, 0.5 / epoch);
    }
    progress_end(&p);
    fclose(out);
    assert_string_equal(text, "epoch 1  loss 0.5000\nepoch 2  loss 0.2500\n");
    free(text);
}

/* A terminal `columns` wide. Returns the side that sees what is drawn. */
static int open_terminal(FILE **out, unsigned short columns) {
    int seen = posix_openpt(O_RDWR | O_NOCTTY);
    if (seen < 0 || grantpt(seen) || unlockpt(seen)) skip();
    int drawn = open(ptsname(seen), O_RDWR | O_NOCTTY);
    if (drawn < 0) skip();
    struct winsize size = {.ws_col = columns, .ws_row = 24};
    ioctl(drawn, TIOCSWINSZ, &size);
    *out = fdopen(drawn, "w");
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C", 1);
    return seen;
}

/* The kernel hands the bytes over in its own time: all are there once it reports the other side closed. */
static const char *read_terminal(int seen) {
    size_t size = 0;
    for (ssize_t got; (got = read(seen, said + size, sizeof said - 1 - size)) > 0;) size += (size_t)got;
    said[size] = '\0';
    return said;
}

/* 3000 of 4000 steps in 999 seconds, drawn at once; a second more or less changes none of the digits. */
static const char *draw_once(unsigned short columns, const char *locale) {
    FILE *out;
    int seen = open_terminal(&out, columns);
    setenv("LC_ALL", locale, 1);
    progress p;
    progress_start(&p, out, "epoch", 4, 1000);
    p.started -= 999;
    p.next = 0;
    progress_step(&p, 3, 1000, 0.123456);
    fclose(out);
    read_terminal(seen);
    close(seen);
    return said;
}

static void progress_bar_on_terminal(void **state) {
    (void)state;
    assert_string_equal(draw_once(100, "C"), "\repoch 3/4 ==============================----------"
                                             "  75%  loss 0.1235  3.0 steps/s  5:33 left\033[K");
}

static void progress_bar_in_unicode(void **state) {
    (void)state;
    assert_string_equal(draw_once(64, "en_US.UTF-8"), "\repoch 3/4 ━━━━━━━━───  75%  loss 0.1235  3.0 steps/s  5:33 left\033[K");
}

static void progress_never_wraps(void **state) {
    (void)state;
    assert_string_equal(draw_once(30, "C"), "\repoch 3/4   75%  loss 0.1235 \033[K");
    assert_string_equal(draw_once(5, "C"), "\repoc\033[K");
}

static void progress_counts_hours(void **state) {
    (void)state;
    FILE *out;
    int seen = open_terminal(&out, 100);
    progress p;
    progress_start(&p, out, "seed", 100, 1);
    p.started -= 400;
    p.next = 0;
    progress_step(&p, 1, 1, (double)NAN);
    fclose(out);
    assert_non_null(strstr(read_terminal(seen), "loss nan  0.0 steps/s  11:0"));
    close(seen);
}

static void progress_redraws_seldom(void **state) {
    (void)state;
    FILE *out;
    int seen = open_terminal(&out, 100), drawn = 0;
    struct timespec start, now;
    double seconds;
    progress p;
    progress_start(&p, out, "epoch", 1, 1000000000);
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        progress_step(&p, 1, 1, 1);
        clock_gettime(CLOCK_MONOTONIC, &now);
        seconds = (double)(now.tv_sec - start.tv_sec) + 1e-9 * (double)(now.tv_nsec - start.tv_nsec);
    } while (seconds < 0.35);
    progress_step(&p, 1, 1, 1);
    fclose(out);
    for (const char *c = read_terminal(seen); *c; c++) drawn += *c == '\r';
    assert_in_range(drawn, 1, (int)(10 * seconds) + 1);
    close(seen);
}

static void progress_line_takes_the_bar_away(void **state) {
    (void)state;
    FILE *out;
    int seen = open_terminal(&out, 100);
    progress p;
    progress_start(&p, out, "epoch", 1, 10);
    progress_line(&p, "before");
    p.next = 0;
    progress_step(&p, 1, 1, 1);
    progress_line(&p, "after");
    progress_end(&p);
    fclose(out);
    read_terminal(seen);
    assert_true(strncmp(said, "before\r\n\repoch 1/1", 18) == 0);
    assert_non_null(strstr(said, " left\033[K\r\033[Kafter\r\n"));
    assert_string_equal(strstr(said, "after"), "after\r\n");
    close(seen);
}

/* ---- files and CSV ---- */

static void files_make_nested_folders(void **state) {
    (void)state;
    assert_int_equal(files_make_directory(in_folder("a/b//c/")), 0);
    assert_true(is_there(in_folder("a/b/c")));
    assert_int_equal(files_make_directory(in_folder("a/b/c")), 0);
    assert_int_equal(files_make_parent(in_folder("a/d/file")), 0);
    assert_true(is_there(in_folder("a/d")));
    assert_false(is_there(in_folder("a/d/file")));
    assert_int_equal(files_make_parent("file"), 0);
    assert_int_equal(files_make_parent("/file"), 0);
}

static void files_refuse_folder_below_file(void **state) {
    (void)state;
    char expected[600];
    write_small_file(in_folder("plain"));
    capture(2);
    int below = files_make_directory(in_folder("plain/x/y")), same = files_make_directory(in_folder("plain"));
    capture_end();
    assert_int_equal(below, -1);
    assert_int_equal(same, -1);
    snprintf(expected, sizeof expected, "cannot make folder %s: Not a directory\ncannot make folder %s: Not a directory\n",
        in_folder("plain"), in_folder("plain"));
    assert_string_equal(said, expected);
}

static void csv_exact_bytes(void **state) {
    (void)state;
    const char *columns[] = {"epoch", "loss, mean", "the \"best\"", ""};
    csv *file = csv_open(in_folder("new/history.csv"), columns, 4);
    assert_non_null(file);
    assert_int_equal(csv_row(file, (double[]){1, 0.5, -2e-7, 60000}), 0);
    assert_int_equal(csv_row(file, (double[]){2, NAN, -INFINITY, INFINITY}), 0);
    assert_int_equal(csv_close(file), 0);
    assert_string_equal(read_whole_file(in_folder("new/history.csv")), "epoch,\"loss, mean\",\"the \"\"best\"\"\",\n"
                                                                       "1,0.5,-2e-07,60000\n"
                                                                       "2,nan,-inf,inf\n");
}

static void csv_numbers_read_back(void **state) {
    (void)state;
    double values[] = {0.1, 1. / 3, (double)0.1f, 123456789012345, 5e-324, 1.7976931348623157e308};
    const char *columns[] = {"a", "b", "c", "d", "e", "f"};
    csv *file = csv_open(in_folder("exact.csv"), columns, 6);
    assert_int_equal(csv_row(file, values), 0);
    assert_int_equal(csv_close(file), 0);
    const char *at = strchr(read_whole_file(in_folder("exact.csv")), '\n') + 1;
    assert_true(strncmp(at, "0.1,0.3333333333333333,", 23) == 0);
    for (int i = 0; i < 6; i++) {
        char *end;
        assert_true(strtod(at, &end) == values[i]);
        at = end + 1;
    }
}

static void csv_rows_are_there_at_once(void **state) {
    (void)state;
    const char *columns[] = {"loss"};
    csv *file = csv_open(in_folder("live.csv"), columns, 1);
    assert_string_equal(read_whole_file(in_folder("live.csv")), "loss\n");
    csv_row(file, (double[]){2});
    assert_string_equal(read_whole_file(in_folder("live.csv")), "loss\n2\n");
    csv_close(file);
}

static void csv_refuses_what_it_cannot_write(void **state) {
    (void)state;
    const char *columns[] = {"loss"};
    char expected[300];
    write_small_file(in_folder("plain"));
    capture(2);
    csv *below = csv_open(in_folder("plain/h.csv"), columns, 1), *above = csv_open(folder, columns, 1);
    capture_end();
    assert_null(below);
    assert_null(above);
    snprintf(
        expected, sizeof expected, "cannot make folder %s: Not a directory\ncannot write %s: Is a directory\n", in_folder("plain"), folder);
    assert_string_equal(said, expected);
}

static void csv_notices_a_full_disk(void **state) {
    (void)state;
    const char *columns[] = {"loss"};
    if (!is_there("/dev/full")) skip();
    capture(2);
    csv *file = csv_open("/dev/full", columns, 1);
    capture_end();
    assert_null(file);
    assert_string_equal(said, "cannot write /dev/full: No space left on device\n");
}

static void csv_close_of_nothing(void **state) {
    (void)state;
    assert_int_equal(csv_close(NULL), 0);
}

/* ---- pictures ---- */

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
    plot_panel panels[4] = {{.title = "Loss", .x_label = "epoch", .y_label = "loss", .series = series, .count = 2}, {.series = series, .count = 1}};
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
    snprintf(expected, sizeof expected, "cannot make folder %s: Not a directory\ncannot write %s: Is a directory\n", in_folder("plain"),
        in_folder("folder.png"));
    assert_string_equal(said, expected);
    assert_false(is_there(in_folder("folder.png.part")));
}

static void pictures_replace_a_file_whole(void **state) {
    (void)state;
    float value = 1;
    plot_image_set set = {.f32 = &value, .count = 1, .channels = 1, .height = 1, .width = 1};
    write_small_file(in_folder("old.png"));
    assert_int_equal(plot_images(in_folder("old.png"), &set), 0);
    picture p = load("old.png");
    assert_int_equal(p.width, 200);
    assert_false(is_there(in_folder("old.png.part")));
    free(p.rgb);
}

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

#define OPTION_TEST(name) cmocka_unit_test_setup(name, set_defaults)

int main(void) {
    const struct CMUnitTest tests[] = {
        OPTION_TEST(options_none_keep_defaults),
        OPTION_TEST(options_take_value_as_next_word),
        OPTION_TEST(options_take_value_after_equals),
        OPTION_TEST(options_last_of_repeated_wins),
        OPTION_TEST(options_seed_spans_64_bits),
        OPTION_TEST(options_int_list),
        OPTION_TEST(options_unknown_gets_suggestion),
        OPTION_TEST(options_unknown_without_likeness),
        OPTION_TEST(options_stray_word_refused),
        OPTION_TEST(options_missing_value_refused),
        OPTION_TEST(options_flag_takes_no_value),
        OPTION_TEST(options_bad_whole_numbers),
        OPTION_TEST(options_whole_number_ranges),
        OPTION_TEST(options_bad_numbers),
        OPTION_TEST(options_bad_choice),
        OPTION_TEST(options_help_text),
        OPTION_TEST(options_help_is_done),
        cmocka_unit_test(progress_plain_lines),
        cmocka_unit_test(progress_bar_on_terminal),
        cmocka_unit_test(progress_bar_in_unicode),
        cmocka_unit_test(progress_never_wraps),
        cmocka_unit_test(progress_counts_hours),
        cmocka_unit_test(progress_redraws_seldom),
        cmocka_unit_test(progress_line_takes_the_bar_away),
        cmocka_unit_test(files_make_nested_folders),
        cmocka_unit_test(files_refuse_folder_below_file),
        cmocka_unit_test(csv_exact_bytes),
        cmocka_unit_test(csv_numbers_read_back),
        cmocka_unit_test(csv_rows_are_there_at_once),
        cmocka_unit_test(csv_refuses_what_it_cannot_write),
        cmocka_unit_test(csv_notices_a_full_disk),
        cmocka_unit_test(csv_close_of_nothing),
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
        cmocka_unit_test(canvas_refuses_sizes),
        cmocka_unit_test(canvas_draws_outside_without_harm),
        cmocka_unit_test(canvas_strokes_are_smooth_and_even),
        cmocka_unit_test(text_width_counts_characters),
        cmocka_unit_test(text_has_all_glyphs),
    };
    return cmocka_run_group_tests_name("support", tests, make_folder, remove_folder);
}
