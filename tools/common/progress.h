/* progress.h - how far a long run has come: a bar on a terminal, plain lines anywhere else.
 *
 *     progress p;
 *     progress_start(&p, stdout, "epoch", epochs, steps);
 *     for (int epoch = 1; epoch <= epochs; epoch++) {
 *         for (int64_t step = 1; step <= steps; step++) { ...; progress_step(&p, epoch, step, loss); }
 *         progress_line(&p, "epoch %d  loss %.4f", epoch, loss);
 *     }
 *     progress_end(&p);
 */
#ifndef RETROGRAD_SUPPORT_PROGRESS_H
#define RETROGRAD_SUPPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct progress {
    FILE *out;
    const char *what; /* what one round is called: "epoch" */
    int rounds;
    int64_t steps;        /* per round */
    double started, next; /* seconds; next: when the bar may be drawn again */
    bool terminal, unicode, shown;
    int before;           /* rounds that another run has done already; 0 unless set after progress_start */
} progress;

/* Starts the clock. There are `rounds` rounds of `steps` steps; `out` and `what` must outlive p. Draws nothing yet. */
void progress_start(progress *p, FILE *out, const char *what, int rounds, int64_t steps);

/* Step `step` of round `round` is done, both counted from 1. Redraws at most 10 times a second, and only on a terminal;
 * otherwise it is one look at the clock. */
void progress_step(progress *p, int round, int64_t step, double loss);

/* Prints one line, format as in printf and without its \n, in place of the bar. */
__attribute__((format(printf, 2, 3))) void progress_line(progress *p, const char *format, ...);

/* Takes the bar away. */
void progress_end(progress *p);

#endif
