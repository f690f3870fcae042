/* test_support.c - option tables, progress and CSV files of the example programs. */
#define _DEFAULT_SOURCE 1
#define _XOPEN_SOURCE 700 /* posix_openpt */

#include "tools/common/csv.h"
#include "tools/common/files.h"
#include "tools/common/options.h"
#include "tools/common/progress.h"
#include "tests/support/captured.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <sys/ioctl.h>
#include <time.h>

/* ---- options ---- */

static struct {
    bool quiet;
    int epochs;
    int64_t steps;
    uint64_t seed;
    double lr;
    const char *data, *optimizer;
    option_ints hidden;
    option_strings file;
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
    {"file",      OPT_STRINGS, &o.file,     "NAME",     "one more to read",            0, 0},
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
    char *argv[12] = {(char *)"build/tools/train/mnist"};
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

static void options_lists_grow(void **state) {
    (void)state;
    assert_int_equal(PARSE("--file", "a", "--quiet", "--file=b"), OPTIONS_RUN);
    assert_int_equal(o.file.count, 2);
    assert_string_equal(o.file.value[0], "a");
    assert_string_equal(o.file.value[1], "b");
    ASSERT_REFUSED("--file: needs a value, NAME", "--file");
    assert_int_equal(PARSE("--file=3", "--file=4", "--file=5", "--file=6", "--file=7", "--file=8", "--file=9"), OPTIONS_RUN);
    assert_int_equal(PARSE("--file=10", "--file=11", "--file=12", "--file=13", "--file=14", "--file=15", "--file=16"), OPTIONS_RUN);
    ASSERT_REFUSED("--file: is given more than 16 times", "--file=17");
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
    ASSERT_REFUSED("--epochs: 2147483648 is out of range, 1 to 1000", "--epochs", "2147483648");
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
                                "  --file NAME           one more to read\n"
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

/* A NAN has no default to print: the help text has it. */
static void options_help_without_default(void **state) {
    (void)state;
    double floor = NAN;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    options_help(out, "gpt", "Adds.", (const option_row[]){{"floor", OPT_DOUBLE, &floor, "P", "least percent (default 99)", 0, 100}, {0}});
    fclose(out);
    assert_non_null(strstr(text, "\n  --floor P  least percent (default 99)\n"));
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
    assert_string_equal(draw_once(64, "en_US.UTF-8"), "\repoch 3/4 ━━━━━━━━───  75%"
        "  loss 0.1235  3.0 steps/s  5:33 left\033[K");
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
    clock_gettime(CLOCK_MONOTONIC, &start); /* all draws are between the two times, however long others hold the processor */
    progress_start(&p, out, "epoch", 1, 1000000000);
    do {
        progress_step(&p, 1, 1, 1);
        clock_gettime(CLOCK_MONOTONIC, &now);
        seconds = (double)(now.tv_sec - start.tv_sec) + 1e-9 * (double)(now.tv_nsec - start.tv_nsec);
    } while (seconds < 0.35);
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

static const char *read_whole_file(const char *path) {
    static char text[8192];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

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
    snprintf(expected, sizeof expected,
        "test_support: cannot make folder %s: Not a directory\ntest_support: cannot make folder %s: Not a directory\n",
        in_folder("plain"), in_folder("plain"));
    assert_string_equal(said, expected);
}

static int files_count(const char *path) {
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static int write_new(void *of, FILE *out) {
    (void)of;
    return fputs("new", out) < 0 ? -1 : 0;
}

static int write_nothing(void *of, FILE *out) {
    (void)of, (void)out;
    errno = ENOSPC;
    return -1;
}

static void files_are_replaced_whole(void **state) {
    (void)state;
    assert_int_equal(files_make_directory(in_folder("replaced")), 0);
    write_small_file(in_folder("replaced/target"));
    write_small_file(in_folder("replaced/target.part"));
    char *old = strdup(read_whole_file(in_folder("replaced/target")));
    assert_int_equal(symlink("target", in_folder("replaced/link")), 0);
    assert_int_equal(mkfifo(in_folder("replaced/pipe"), 0600), 0);
    capture(2);
    int full = files_replace(in_folder("replaced/target"), write_nothing, NULL),
        pipe = files_replace(in_folder("replaced/pipe"), write_new, NULL);
    capture_end();
    assert_true(full == -1 && pipe == -1);
    assert_non_null(strstr(said, "target: No space left on device\n"));
    assert_non_null(strstr(said, "pipe: it is a device or a pipe, not a file\n"));
    assert_string_equal(read_whole_file(in_folder("replaced/target")), old);
    assert_int_equal(files_replace(in_folder("replaced/link"), write_new, NULL), 0);
    assert_string_equal(read_whole_file(in_folder("replaced/target")), "new");
    struct stat link, pipe_now;
    assert_int_equal(lstat(in_folder("replaced/link"), &link), 0);
    assert_int_equal(lstat(in_folder("replaced/pipe"), &pipe_now), 0);
    assert_true(S_ISLNK(link.st_mode) && S_ISFIFO(pipe_now.st_mode));
    assert_string_equal(read_whole_file(in_folder("replaced/target.part")), old); /* somebody's own */
    assert_int_equal(files_count(in_folder("replaced")), 4);
    free(old);
}

static void csv_goes_on(void **state) {
    (void)state;
    const char *columns[] = {"epoch", "loss, mean"}, *others[] = {"step", "loss, mean"};
    for (int run = 1; run <= 3; run++) {
        csv *file = csv_append(in_folder("on.csv"), columns, 2);
        assert_non_null(file);
        assert_int_equal(csv_row(file, (double[]){run, 0.5}), 0);
        assert_int_equal(csv_close(file), 0);
    }
    capture(2);
    assert_null(csv_append(in_folder("on.csv"), others, 2));
    capture_end();
    assert_non_null(strstr(said, "on.csv is another history: its first line is not step,\"loss, mean\"\n"));
    assert_string_equal(read_whole_file(in_folder("on.csv")), "epoch,\"loss, mean\"\n1,0.5\n2,0.5\n3,0.5\n");
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
        expected, sizeof expected, "test_support: cannot make folder %s: Not a directory\ntest_support: cannot write %s: Is a directory\n",
        in_folder("plain"), folder);
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
    assert_string_equal(said, "test_support: cannot write /dev/full: No space left on device\n");
}

static void csv_close_of_nothing(void **state) {
    (void)state;
    assert_int_equal(csv_close(NULL), 0);
}

#define OPTION_TEST(name) cmocka_unit_test_setup(name, set_defaults)

int main(void) {
    const struct CMUnitTest tests[] = {
        OPTION_TEST(options_none_keep_defaults),
        OPTION_TEST(options_take_value_as_next_word),
        OPTION_TEST(options_take_value_after_equals),
        OPTION_TEST(options_last_of_repeated_wins),
        OPTION_TEST(options_lists_grow),
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
        OPTION_TEST(options_help_without_default),
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
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(csv_exact_bytes),
        cmocka_unit_test(csv_goes_on),
        cmocka_unit_test(csv_numbers_read_back),
        cmocka_unit_test(csv_rows_are_there_at_once),
        cmocka_unit_test(csv_refuses_what_it_cannot_write),
        cmocka_unit_test(csv_notices_a_full_disk),
        cmocka_unit_test(csv_close_of_nothing),
    };
    return cmocka_run_group_tests_name("support", tests, make_folder, remove_folder);
}
