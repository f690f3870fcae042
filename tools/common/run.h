/* run.h - what the example programs share: their options, a tape and an optimiser made from these, and the training of a classifier. */
#ifndef RETROGRAD_SUPPORT_RUN_H
#define RETROGRAD_SUPPORT_RUN_H

#include "csv.h"
#include "options.h"
#include <retrograd.h>

typedef struct run_options {
    const char *data;      /* folder or word; NULL = look for one */
    int epochs, batch;
    double lr, l2;         /* l2: of the term l2 sum W^2 in the loss, over the matrices */
    const char *optimizer;
    const char *schedule;  /* of the rate over all epochs, "constant", "cosine" or "one-cycle"; NULL: a program without a choice */
    option_ints hidden;
    uint64_t seed;
    int threads;
    const char *dtype;
    int64_t steps;         /* stop after so many; 0 = all epochs */
    const char *path;      /* "tape", "manual" or "both" (twin.h); NULL: a program without a twin by hand */
    double floor;          /* percent; below it the program exits with 1. Negative: a program without accuracy */
    const char *out, *csv; /* NULL = none */
    const char *save, *resume; /* state of a run, to go on from; NULL = none */
} run_options;

/* The rows of the option table that every example has; `own` rows, ending with {0}, come first and replace those of the same name. No
   row where there is no default: path, optimizer, epochs, hidden. Makes the folder of --out. Returns as options_parse. */
int run_parse(const char *summary, run_options *o, const option_row *own, int argc, char *const *argv);

bool run_by(const run_options *o, const char *path);                      /* is it --path path? */
rg_tape *run_tape(const run_options *o);                                   /* NULL only when out of memory */
rg_optim *run_optimizer(rg_tape *t, rg_list params, const run_options *o);
double run_rate(const run_options *o, int64_t step, int64_t steps);           /* --lr by --schedule, of step 0, 1 .. of `steps` */
int run_resume(const run_options *o, rg_state *run, rg_loader *batches);   /* --resume: all as it was saved; batches: its loader, or NULL */
int run_save(const run_options *o, rg_state *run);                         /* --save; both return 0, or -1 after an error on the tape */
uint64_t run_hash(rg_list params);                                         /* FNV-1a over the bits of all values */
int64_t run_numbers(rg_list params);                                       /* how many there are in all */
/* --csv, gone on with after --resume; NULL: not asked, or an error */
csv *run_history(const run_options *o, const char *const *columns, int count);
int run_finish(rg_tape *t, int status);                                    /* frees the tape; status, or 1 where the tape holds an error */
double run_seconds(void);                                                  /* of a clock that only goes forward */
const char *run_path(char *to, size_t size, const char *folder, const char *name); /* "folder/name", returns to */

/* -------- training a classifier */

typedef struct classifier {
    const char *name;                                     /* "MNIST", for titles */
    rg_tensor *(*logits)(void *model, rg_tensor *x);       /* [b, features] -> [b, classes] */
    void *model;
    rg_nn *net;                                           /* where the model is layers: in evaluation while it is tested; or NULL */
    rg_dataset train, test;
    rg_tensor *first;                                     /* first-layer weights [in, units]; what they learn is drawn; or NULL */
    int channels, height, width;                          /* of an image */
} classifier;

/* Trains by mini-batches; reports loss, test accuracy, seconds and steps/s for each epoch; writes --csv and the pictures of --out
   (curves.png, weights.png, confusion.png). Returns the exit status: 1 after an error or below the floor. */
int classifier_train(rg_tape *t, const classifier *c, const run_options *o);

#endif
