/* model5.c - HNR499_Model5 (003), to the digit: NumPy's default_rng(0) draws both matrices, then one permutation per epoch. */
#include <stdio.h>

#include "numbers.h"
#include "systems.h"
#include "train.h"

enum { EPOCHS = 8, HEAD_ROWS = 10000 };

/* NumPy itself, on other processors, gives two of the rows .0001 away: sums of f32 in another order. */
static const double train_allowed = 0.0005, test_allowed = 0.0005;

int model5(report *r, const settings *s) {
    const recipe how = {.layers = 2, .sizes = {784, 128, 10}, .weight = {RG_NORMAL(0, 0.02), RG_NORMAL(0, 0.02)}, .lr = 0.1,
        .epochs = EPOCHS, .batch = 128};
    rg_tape *t = rg_tape_new(0);
    rg_set_threads(t, s->threads);
    const rg_dataset learn = rg_read_mnist(t, s->data, true), test = rg_read_mnist(t, s->data, false);
    curve c = {0};
    const int failed = train(t, &how, 0, rows_of(&learn), (rows){&learn, 0, HEAD_ROWS}, rows_of(&test), &c);
    for (int e = 0; e < EPOCHS && !failed; e++) {
        char name[40];
        snprintf(name, sizeof name, "epoch %d, train accuracy", e + 1);
        report_row(r, name, c.value[HEAD][e], model5_train[e], train_allowed, 4);
    }
    if (!failed) report_row(r, "test accuracy", c.value[TEST][EPOCHS - 1], model5_test, test_allowed, 4);
    rg_tape_free(t);
    return failed;
}
