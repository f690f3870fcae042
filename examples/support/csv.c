/* csv.c - the history of a run as a CSV file. */
#include "csv.h"

#include "files.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv {
    FILE *out;
    int columns;
    char path[];
};

static int fail(const char *path) {
    fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
    return -1;
}

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
    return fflush(file->out) != 0 || ferror(file->out) ? fail(file->path) : 0;
}

csv *csv_open(const char *path, const char *const *columns, int count) {
    if (files_make_parent(path)) return NULL;
    size_t length = strlen(path) + 1;
    csv *file = malloc(sizeof *file + length);
    FILE *out = file ? fopen(path, "w") : NULL;
    if (!out) {
        fail(path);
        free(file);
        return NULL;
    }
    file->out = out;
    file->columns = count;
    memcpy(file->path, path, length);
    for (int i = 0; i < count; i++) {
        if (i) fputc(',', out);
        put_text(out, columns[i]);
    }
    if (end_row(file)) {
        fclose(out);
        free(file);
        return NULL;
    }
    return file;
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
    int status = fclose(file->out) || broken ? fail(file->path) : 0;
    free(file);
    return status;
}
