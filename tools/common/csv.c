/* csv.c - the history of a run as a CSV file. */
#define _DEFAULT_SOURCE 1 /* getline, open_memstream */

#include "csv.h"

#include "files.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct csv {
    FILE *out;
    int columns;
    char path[];
};

static void put_text(FILE *out, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Nine digits hold any float and keep the file readable; only a double that needs more gets more. */
static void put_number(FILE *out, double value) {
    char text[32];
    if (isnan(value)) {
        fputs("nan", out);
        return;
    }
    for (int digits = 9; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

/* One flush per row, so that at most the row being written can be lost. */
static int end_row(csv *file) {
    fputc('\n', file->out);
    return fflush(file->out) != 0 || ferror(file->out) ? files_fail("write", file->path) : 0;
}

static void put_header(FILE *out, const char *const *columns, int count) {
    for (int i = 0; i < count; i++) {
        if (i) fputc(',', out);
        put_text(out, columns[i]);
    }
}

static csv *start(const char *path, const char *mode, int columns) {
    if (files_make_parent(path)) return NULL;
    const size_t length = strlen(path) + 1;
    csv *file = malloc(sizeof *file + length);
    FILE *out = file ? fopen(path, mode) : NULL;
    if (!out) {
        files_fail("write", path);
        free(file);
        return NULL;
    }
    file->out = out;
    file->columns = columns;
    memcpy(file->path, path, length);
    return file;
}

static csv *discard(csv *file) {
    fclose(file->out);
    free(file);
    return NULL;
}

csv *csv_open(const char *path, const char *const *columns, int count) {
    csv *file = start(path, "w", count);
    if (!file) return NULL;
    put_header(file->out, columns, count);
    return end_row(file) ? discard(file) : file;
}

csv *csv_append(const char *path, const char *const *columns, int count) {
    struct stat found;
    char *wanted = NULL, *has = NULL;
    size_t size, room = 0;
    if (stat(path, &found) || !S_ISREG(found.st_mode) || !found.st_size) return csv_open(path, columns, count);
    csv *file = start(path, "a+", count);
    FILE *header = file ? open_memstream(&wanted, &size) : NULL;
    if (header) put_header(header, columns, count), fputc('\n', header);
    const bool same = header && !fclose(header) && getline(&has, &room, file->out) > 0 && strcmp(has, wanted) == 0;
    if (file && !same) fprintf(stderr, "%s is another history: its first line is not %s", path, wanted ? wanted : "that of this one\n");
    free(wanted);
    free(has);
    return file && (!same || fseek(file->out, 0, SEEK_END)) ? discard(file) : file;
}

int csv_row(csv *file, const double *values) {
    for (int i = 0; i < file->columns; i++) {
        if (i) fputc(',', file->out);
        put_number(file->out, values[i]);
    }
    return end_row(file);
}

int csv_close(csv *file) {
    if (!file) return 0;
    int broken = ferror(file->out);
    int status = fclose(file->out) || broken ? files_fail("write", file->path) : 0;
    free(file);
    return status;
}
