/* options.h - command-line options from one table: parsing, checks and --help.
 *
 *     static struct { int epochs; double lr; const char *optimizer; option_ints hidden; bool quiet; } o =
 *         {.epochs = 10, .lr = 0.1, .optimizer = "sgd", .hidden = {1, {128}}};
 *     static const option_row table[] = {
 *         {"epochs",    OPT_INT,    &o.epochs,    "N",        "passes over the training set", 1, 10000},
 *         {"lr",        OPT_DOUBLE, &o.lr,        "RATE",     "learning rate", 0, 100},
 *         {"optimizer", OPT_CHOICE, &o.optimizer, "sgd|adam", "update rule", 0, 0},
 *         {"hidden",    OPT_INTS,   &o.hidden,    "N,N,...",  "widths of the hidden layers", 1, 65536},
 *         {"quiet",     OPT_FLAG,   &o.quiet,     NULL,       "print the last line only", 0, 0},
 *         {0}};
 *     int status = options_parse("Learns digits.", table, argc, argv);
 *     if (status != OPTIONS_RUN) return status;
 */
#ifndef RETROGRAD_SUPPORT_OPTIONS_H
#define RETROGRAD_SUPPORT_OPTIONS_H

#include <stdio.h>

enum { OPTION_INTS_MAX = 16, OPTION_STRINGS_MAX = 16 };

typedef struct option_ints {
    int count, value[OPTION_INTS_MAX];
} option_ints;

typedef struct option_strings {
    int count;
    const char *value[OPTION_STRINGS_MAX];
} option_strings;

/* What `value` points at is next to each type. */
typedef enum option_type {
    OPT_FLAG,    /* bool: set to true */
    OPT_INT,     /* int */
    OPT_INT64,   /* int64_t */
    OPT_UINT64,  /* uint64_t */
    OPT_DOUBLE,  /* double, finite */
    OPT_STRING,  /* const char *, into argv or NULL */
    OPT_STRINGS, /* option_strings, into argv: one more each time that the option is given */
    OPT_CHOICE,  /* const char *, one of the words of `argument`, "sgd|adam" */
    OPT_INTS     /* option_ints: 1 to OPTION_INTS_MAX ints between commas */
} option_type;

/* A table ends with {0}. The default is what the variable holds; of a double NAN: none is printed, and `help` says it. Numbers must be in
   min..max unless min == max. */
typedef struct option_row {
    const char *name; /* without the dashes */
    option_type type;
    void *value;
    const char *argument; /* is shown for the value in the help; NULL for a flag */
    const char *help;
    double min, max;
} option_row;

/* The exit status that follows from the command line, or OPTIONS_RUN: go on. */
enum { OPTIONS_RUN = -1, OPTIONS_DONE = 0, OPTIONS_BAD = 2 };

/* Takes --name value, --name=value, --flag and --help (-h), the last of repeated options except of OPT_STRINGS. Returns OPTIONS_RUN;
 * OPTIONS_DONE after printing the help to stdout (1 where that is full); OPTIONS_BAD after one line on stderr that names the option and
 * the value. */
int options_parse(const char *summary, const option_row *table, int argc, char *const *argv);

/* The same for a program that takes words before its options, "[ID ...]" in the help. It has read them itself: argv[0] is its name still,
 * and argv[count] the last of the words. */
int options_parse_after(const char *words, int count, const char *summary, const option_row *table, int argc, char *const *argv);

/* One line on stderr, format as in printf, that begins with the program's name and ends with a new line. Returns OPTIONS_BAD. */
__attribute__((format(printf, 1, 2))) int options_bad(const char *format, ...);

/* Prints the help: usage, `summary`, then one aligned line per option with its default. */
void options_help(FILE *out, const char *program, const char *summary, const option_row *table);

#endif
