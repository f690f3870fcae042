/* figures.h - the figures of the teaching notebooks, each a function that draws one file; returns 0, or -1 after one line on stderr. */
#ifndef RETROGRAD_FIGURES_H
#define RETROGRAD_FIGURES_H

#include <retrograd.h>

typedef struct figure_options {
    const char *data; /* folder of images, or the word digits */
    int epochs;       /* of the training curves */
} figure_options;

typedef int (*figure_fn)(const char *path, const figure_options *o);

/* networks.c: units and arrows */
int draw_perceptron(const char *path, const figure_options *o);
int draw_mlp_xor(const char *path, const figure_options *o);
int draw_mlp_mnist(const char *path, const figure_options *o);

/* graphs.c: computation graphs, forward and backward */
int draw_backprop(const char *path, const figure_options *o);
int draw_two_layer(const char *path, const figure_options *o);
int draw_linear(const char *path, const figure_options *o);

/* functions.c: what ops compute, and their derivatives as the tape finds them */
int draw_step(const char *path, const figure_options *o);
int draw_sigmoid(const char *path, const figure_options *o);
int draw_relu(const char *path, const figure_options *o);
int draw_log(const char *path, const figure_options *o);
int draw_xor(const char *path, const figure_options *o);
int draw_softmax(const char *path, const figure_options *o);
int draw_cross_entropy(const char *path, const figure_options *o);

/* densities.c: distributions */
int draw_initialisation(const char *path, const figure_options *o);
int draw_scores(const char *path, const figure_options *o);

/* runs.c: networks that are trained for the picture */
int draw_training(const char *path, const figure_options *o);
int draw_overlay(const char *path, const figure_options *o);
int draw_moons(const char *path, const figure_options *o);

/* Frees the tape; status, or -1 where the tape holds an error. */
int figure_end(rg_tape *t, int status);

#endif
