/* csv.h - the history of a run as a CSV file (RFC 4180 quoting, \n line ends). */
#ifndef RETROGRAD_SUPPORT_CSV_H
#define RETROGRAD_SUPPORT_CSV_H

typedef struct csv csv;

/* Replaces or creates `path`, with the folders above it, and writes the header row: `count` column names (at least 1).
 * Returns NULL after one line on stderr that names the file and the reason. */
csv *csv_open(const char *path, const char *const *columns, int count);

/* The same, but rows are added to a file that has some already: the history of a run that goes on. One with another header is refused. */
csv *csv_append(const char *path, const char *const *columns, int count);

/* Writes one row, as many values as there are columns, and flushes it: what stops the program later leaves complete rows.
 * Every number reads back as the same double; not-a-number is written nan. Returns 0, or -1 after one line on stderr. */
int csv_row(csv *file, const double *values);

/* Closes the file and frees it; NULL is nothing to close. Returns 0, or -1 if the file could not be written to its end. */
int csv_close(csv *file);

#endif
