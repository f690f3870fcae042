/* systems.h - the published systems: each function rebuilds one, prints its rows into the report, and returns -1 after an error. */
#ifndef RETROGRAD_PUBLISHED_SYSTEMS_H
#define RETROGRAD_PUBLISHED_SYSTEMS_H

#include "report.h"

typedef struct settings {
    const char *data; /* folder with mnist/ and cifar-10-batches-bin/ */
    int threads;      /* for large ops; the results are the same bits */
} settings;

int model5(report *r, const settings *s);                   /* 003 */

#endif
