/* train.h - how the published programs train a multilayer perceptron: one recipe, one loop, any number of seeds. */
#ifndef RETROGRAD_PUBLISHED_TRAIN_H
#define RETROGRAD_PUBLISHED_TRAIN_H

#include "report.h"
#include <retrograd.h>

enum { LAYERS_MOST = 3, EPOCHS_MOST = 20, SEEDS_MOST = 10 };

typedef struct recipe {
    int layers;
    int64_t sizes[LAYERS_MOST + 1];                   /* 784, 128, 10: relu between */
    rg_init weight[LAYERS_MOST], bias[LAYERS_MOST];   /* a bias left out is zero */
    bool adam;                                        /* else plain SGD */
    double lr, l2;                                    /* l2: lambda, of loss + lambda sum w^2 over the weights */
    int epochs;
    int64_t batch;
    bool drop_last;
    double divisor;                                   /* of a pixel; 0 = 255 */
    double guard;                                     /* prints -mean log(p + guard) in place of -mean log p, if not 0 */
} recipe;

typedef struct rows { /* from .. to - 1 of a data set; of none if set is NULL */
    const rg_dataset *set;
    int64_t from, to;
} rows;

/* What an epoch leaves: the mean of its steps' losses; and after it the accuracy on `head`, accuracy and loss on `test`. */
enum { LOSS, HEAD, TEST, TEST_LOSS, COLUMNS };
typedef struct curve {
    double value[COLUMNS][EPOCHS_MOST];
    double seconds[EPOCHS_MOST]; /* since the training began, evaluations left out */
} curve;

rows rows_of(const rg_dataset *set); /* all of them */

/* Trains once on `learn` from default_rng(seed): weights in order, then one permutation per epoch. -1 after an error. */
int train(rg_tape *t, const recipe *how, uint64_t seed, rows learn, rows head, rows test, curve *to);

/* The same from seeds 0 .. n-1. */
int train_seeds(rg_tape *t, const recipe *how, int n, rows learn, rows head, rows test, curve *to);

/* One row per epoch: that column of the curves, as many as report_band was told, held against its published values. */
void report_column(report *r, const char *what, const curve *runs, int column, const double *published, int epochs);
double mean_of(const curve *runs, int n, int column, int epoch);

#endif
