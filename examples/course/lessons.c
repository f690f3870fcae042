/* lessons.c - programs made of short lessons whose claims are checked. */
#include "lessons.h"
#include "tools/common/files.h"
#include "tools/common/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int false_claims; /* of this run: lessons are a program's whole work, one after another */

void lesson_say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("    ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

void lesson_claim(bool holds, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs(holds ? "  = " : "  NOT TRUE: ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    false_claims += !holds;
}

static const lesson *find(const lesson *table, const char *name) {
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0) return table;
    return NULL;
}

static int help(const char *program, const char *summary, const lesson *table) {
    printf("usage: %s [NAME ...]\n\n%s Without a name: all of them.\n\n", program, summary);
    for (; table->name; table++) printf("  %-20s %s\n", table->name, table->title);
    return files_end_output();
}

static void show(const lesson *l) {
    printf("%s: %s\n", l->name, l->title);
    l->show();
    putchar('\n');
    fflush(stdout);
}

int lessons_run(const char *summary, const lesson *table, int argc, char *const *argv) {
    const char *program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return help(program, summary, table);
        if (find(table, argv[i])) continue;
        fprintf(stderr, "%s: '%s' is none of", program, argv[i]);
        for (const lesson *l = table; l->name; l++) fprintf(stderr, " %s", l->name);
        fputc('\n', stderr);
        return OPTIONS_BAD;
    }
    for (int i = 1; i < argc; i++) show(find(table, argv[i]));
    for (const lesson *l = table; argc == 1 && l->name; l++) show(l);
    if (false_claims) fprintf(stderr, "%s: %d claim%s not true\n", program, false_claims, false_claims == 1 ? " is" : "s are");
    return files_end_output() || false_claims;
}
