/* networks.c - drawings of networks: a perceptron, 2-2-1, and 784-128-10 with most of its units left out. */
#include "figures.h"

#include "tools/common/diagram.h"

#include <stdio.h>

enum { RADIUS = 21, LAYERS_MAX = 4 };

int draw_perceptron(const char *path, const figure_options *o) {
    (void)o;
    diagram d = {.title = "Perceptron", .width = 720, .height = 330};
    const int x1 = diagram_circle(&d, 90, 105, RADIUS + 3, DIAGRAM_INPUT, "x1");
    const int x2 = diagram_circle(&d, 90, 180, RADIUS + 3, DIAGRAM_INPUT, "x2");
    const int one = diagram_circle(&d, 90, 255, RADIUS + 3, DIAGRAM_INPUT, "1");
    const int sum = diagram_circle(&d, 300, 180, 34, DIAGRAM_VALUE, "sum");
    const int step = diagram_box(&d, 465, 180, 88, 60, DIAGRAM_VALUE, "step");
    const int y = diagram_circle(&d, 630, 180, RADIUS + 3, DIAGRAM_LOSS, "y");
    diagram_edge(&d, x1, sum, DIAGRAM_FORWARD, 0, "w1");
    diagram_edge(&d, x2, sum, DIAGRAM_FORWARD, 0, "w2");
    diagram_edge(&d, one, sum, DIAGRAM_FORWARD, 0, "b");
    diagram_edge(&d, sum, step, DIAGRAM_FORWARD, 0, "z");
    diagram_edge(&d, step, y, DIAGRAM_FORWARD, 0, NULL);
    diagram_note(&d, 300, 248, .5, "z = w1 x1 + w2 x2 + b");
    diagram_note(&d, 500, 248, .5, "y = 1 if z >= 0, else 0");
    diagram_note(&d, 90, 305, .5, "inputs and bias");
    diagram_note(&d, 630, 305, .5, "output");
    return diagram_save(&d, path);
}

typedef struct layer {
    int units, shown; /* shown < units: dots mean the rest */
    const char *name, *symbol;
} layer;

/* A column of units, from top to bottom; the first shown - 1, dots, the last. Their nodes go to `node`. */
static void draw_layer(diagram *d, const layer *l, diagram_role role, double x, double middle, double gap, int *node) {
    const bool whole = l->shown == l->units;
    const double places = l->shown + !whole, top = middle - (places - 1) * gap / 2;
    for (int i = 0; i < l->shown; i++) {
        const bool last = i == l->shown - 1;
        char number[12];
        snprintf(number, sizeof number, "%d", last ? l->units : i + 1);
        const double y = top + gap * (last && !whole ? i + 1 : i);
        node[i] = diagram_circle(d, x, y, RADIUS, role, "%s%s", l->symbol, l->units > 1 ? number : "");
    }
    if (!whole) diagram_dots(d, x, top + gap * (l->shown - 1));
}

static int draw_mlp(const char *path, const char *title, const layer *layers, int count, diagram_kind kind, double gap, double height) {
    static const double left = 110, column = 280;
    diagram d = {.title = title, .width = 2 * left + column * (count - 1), .height = height};
    int node[LAYERS_MAX][32];
    const double middle = (height - 40) / 2 + 12;
    for (int k = 0; k < count; k++) {
        const double x = left + column * k;
        draw_layer(&d, &layers[k], k == 0 ? DIAGRAM_INPUT : k == count - 1 ? DIAGRAM_LOSS : DIAGRAM_VALUE, x, middle, gap, node[k]);
        diagram_note(&d, x, height - 46, .5, "%s", layers[k].name);
        if (k == 0) continue;
        for (int i = 0; i < layers[k - 1].shown; i++)
            for (int j = 0; j < layers[k].shown; j++) diagram_edge(&d, node[k - 1][i], node[k][j], kind, 0, NULL);
        const int in = layers[k - 1].units, out = layers[k].units;
        diagram_note(&d, x - column / 2, height - 22, .5, "W%d [%d, %d], b%d [%d]: %d numbers", k, in, out, k, out, (in + 1) * out);
    }
    return diagram_save(&d, path);
}

int draw_mlp_xor(const char *path, const figure_options *o) {
    (void)o;
    static const layer layers[] = {{2, 2, "inputs", "x"}, {2, 2, "hidden units, sigmoid", "h"}, {1, 1, "output, sigmoid", "y"}};
    return draw_mlp(path, "Multilayer perceptron for XOR: 2-2-1", layers, 3, DIAGRAM_FORWARD, 110, 310);
}

int draw_mlp_mnist(const char *path, const figure_options *o) {
    (void)o;
    static const layer layers[] = {{784, 5, "784 pixels", "x"}, {128, 5, "128 hidden units, ReLU", "h"},
        {10, 4, "10 classes, softmax", "y"}};
    return draw_mlp(path, "Multilayer perceptron for images of 28 x 28: 784-128-10", layers, 3, DIAGRAM_LINK, 60, 470);
}
