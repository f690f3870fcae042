/* figures.c - draws the figures of the teaching notebooks: networks, graphs, functions, distributions, runs. */
#include <retrograd.h>

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "examples/course/figures/figures.h"
#include "tools/common/files.h"
#include "tools/common/images.h"
#include "tools/common/run.h"

static const struct { const char *name; figure_fn draw; } figures[] = {
    {"perceptron", draw_perceptron},
    {"step", draw_step},
    {"xor", draw_xor},
    {"sigmoid", draw_sigmoid},
    {"mlp-2-2-1", draw_mlp_xor},
    {"relu", draw_relu},
    {"mlp-784-128-10", draw_mlp_mnist},
    {"softmax", draw_softmax},
    {"log", draw_log},
    {"cross-entropy", draw_cross_entropy},
    {"backprop", draw_backprop},
    {"two-layer-graph", draw_two_layer},
    {"linear-graph", draw_linear},
    {"initialisation", draw_initialisation},
    {"training", draw_training},
    {"overlay", draw_overlay},
    {"moons", draw_moons},
    {"scores", draw_scores},
};
enum { FIGURES = sizeof figures / sizeof figures[0] };

int figure_end(rg_tape *t, int status) { return run_finish(t, status) ? -1 : 0; }

int main(int argc, char **argv) {
    const char *out = NULL, *data = NULL;
    int epochs = 10;
    const option_row table[] = {
        {"out", OPT_STRING, &out, "DIR", "folder for the pictures", 0, 0},
        {"data", OPT_STRING, &data, "DIR", IMAGES_HELP, 0, 0},
        {"epochs", OPT_INT, &epochs, "N", "length of the training curves", 1, 100},
        {0}};
    const int status = options_parse("Draws the figures of the teaching notebooks as PNG files.", table, argc, argv);
    if (status != OPTIONS_RUN) return status;
    if (!out) {
        fprintf(stderr, "figures: --out: where shall the pictures go?\n");
        return OPTIONS_BAD;
    }
    if (files_make_directory(out)) return 1;
    char folder[4096];
    const figure_options o = {.data = images_find(data, folder, sizeof folder), .epochs = epochs};
    for (int i = 0; i < FIGURES; i++) {
        char name[64], path[4200];
        struct stat file;
        snprintf(name, sizeof name, "%02d-%s.png", i + 1, figures[i].name);
        run_path(path, sizeof path, out, name);
        if (figures[i].draw(path, &o) || stat(path, &file)) return 1;
        printf("%-28s %4lld kB\n", path, (long long)(file.st_size + 1023) / 1024);
        fflush(stdout);
    }
    return files_end_output();
}
