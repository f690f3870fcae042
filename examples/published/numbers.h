/* numbers.h - the numbers as they were published, system by system; the programs beside this file are held against them. */
#ifndef RETROGRAD_PUBLISHED_NUMBERS_H
#define RETROGRAD_PUBLISHED_NUMBERS_H

/* -------- HNR499_Model5 (003): share of the first 10,000 training images right after each epoch, and of the test set at the end */
static const double model5_train[8] = {.9092, .9270, .9388, .9466, .9544, .9592, .9628, .9674};
static const double model5_test = .9633;
#endif
