/* lenet.c - a convolutional network on Fashion-MNIST, on handwritten digits, or on digits that the program draws.

   LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998: two convolutions, each with a pool,
   then three linear layers; with relu, largest instead of mean values, and batch norm, which came later.                               */
#include <retrograd.h>

#include <stdio.h>

#include "tools/common/images.h"
#include "tools/common/plot.h"
#include "tools/common/run.h"

enum { DRAWN_TRAIN = 60000, DRAWN_TEST = 10000, KERNEL = 5, MOST = OPTION_INTS_MAX, IMAGES_SHOWN = 4, FILTERS_SHOWN = 16 };

typedef struct lenet {
    rg_nn *net;
    rg_tensor *filters; /* [out, 1, 5, 5] */
    int64_t height, width;
} lenet;

/* x [b, h w] -> [b, classes] */
static rg_tensor *logits(void *model, rg_tensor *x) {
    const lenet *l = model;
    return rg_nn_forward(l->net, rg_reshape(x, -1, 1, l->height, l->width));
}

/* The pool comes before batch norm and relu: of relu it makes no difference, and there is a quarter left to do. */
static rg_nn *convolution(rg_tape *t, int64_t in, int64_t out, int padding) {
    rg_nn *filters = rg_nn_conv2d(t, in, out, RG_HE_NORMAL, .kernel = {KERNEL}, .padding = {padding}, .bias = RG_NO_BIAS);
    return rg_nn_sequential(t, filters, rg_nn_max_pool2d(t, .kernel = {2}), rg_nn_batch_norm2d(t, out), rg_nn_relu(t));
}

/* [b, 1, h, w] -> [b, c1, h/2, w/2] -> [b, c2, (h/2-4)/2, (w/2-4)/2] -> hidden -> .. -> [b, classes] */
static lenet make(rg_tape *t, int64_t height, int64_t width, const option_ints *channels, const option_ints *hidden, int64_t classes) {
    const int64_t c1 = channels->value[0], c2 = channels->value[1];
    rg_nn *first = convolution(t, 1, c1, KERNEL / 2), *second = convolution(t, c1, c2, 0);
    int64_t sizes[MOST + 2] = {c2 * ((height / 2 - KERNEL + 1) / 2) * ((width / 2 - KERNEL + 1) / 2)};
    for (int i = 0; i < hidden->count; i++) sizes[i + 1] = hidden->value[i];
    sizes[hidden->count + 1] = classes;
    rg_nn *net = rg_nn_sequential(t, first, second, rg_nn_flatten(t), rg_nn_mlp_n(t, "relu", RG_HE_NORMAL, hidden->count + 2, sizes));
    return (lenet){.net = net, .filters = rg_nn_params(first).count ? rg_nn_params(first).items[0] : NULL, .height = height,
        .width = width};
}

/* The first filters, and what each of them finds in some images of the test set. */
static int draw(rg_tape *t, const lenet *l, const classifier *c, const run_options *o) {
    char path[2][4096], title[2][96];
    const int n = rg_dim(l->filters, 0) < FILTERS_SHOWN ? (int)rg_dim(l->filters, 0) : FILTERS_SHOWN;
    rg_record(t, false);
    rg_tensor *x = rg_mul(rg_cast(rg_slice(c->test.x, 0, 0, IMAGES_SHOWN), rg_default_dtype(t)), 1. / 255); /* [m, h, w] */
    rg_tensor *filters = rg_slice(l->filters, 0, 0, n);                                                           /* [n, 1, 5, 5] */
    rg_tensor *found = rg_conv2d(rg_unsqueeze(x, 1), filters, NULL, .padding = {KERNEL / 2});        /* [m, n, h, w] */
    if (rg_failed(found)) return -1;
    snprintf(title[0], sizeof title[0], "%s: the first filters", c->name);
    snprintf(title[1], sizeof title[1], "%s: what each filter finds", c->name);
    const plot_image_set one = {.title = title[0], .f32 = rg_f32(rg_cast(filters, RG_F32)), .count = n, .channels = 1, .height = KERNEL,
        .width = KERNEL,
        .columns = n, .range = PLOT_SIGNED_EACH};
    const plot_image_set two = {.title = title[1], .f32 = rg_f32(rg_cast(found, RG_F32)), .count = IMAGES_SHOWN * n, .channels = 1,
        .height = (int)l->height, .width = (int)l->width, .columns = n, .range = PLOT_SIGNED_EACH};
    if (plot_images(run_path(path[0], sizeof path[0], o->out, "filters.png"), &one)) return -1;
    if (plot_images(run_path(path[1], sizeof path[1], o->out, "maps.png"), &two)) return -1;
    return printf("pictures: %s %s\n", path[0], path[1]) < 0;
}

int main(int argc, char **argv) {
    run_options o = {.epochs = 5, .batch = 128, .lr = 0.01, .optimizer = "adam", .schedule = "one-cycle", .hidden = {2, {120, 84}},
        .threads = 1,
        .dtype = "f32", .floor = 90};
    option_ints channels = {2, {8, 16}};
    const option_row own[] = {{"data", OPT_STRING, &o.data, "DIR", IMAGES_HELP, 0, 0},
        {"channels", OPT_INTS, &channels, "N,N", "filters of the two convolutions", 1, 4096}, {0}};
    int status = run_parse("Trains a convolutional network on images of clothes or digits.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;
    if (channels.count != 2)
        return fprintf(stderr, "lenet: --channels: %d numbers where there are two convolutions\n", channels.count), OPTIONS_BAD;

    rg_tape *t = run_tape(&o);
    classifier c = {.logits = logits};
    if (!(c.name = images_open(t, o.data, DRAWN_TRAIN, DRAWN_TEST, &c.train, &c.test))) return run_finish(t, 1);

    const int64_t height = rg_dim(c.train.x, 1), width = rg_dim(c.train.x, 2);
    lenet l = make(t, height, width, &channels, &o.hidden, c.train.classes);
    c.model = &l;
    c.net = l.net;
    status = rg_error_code(t) ? 1 : classifier_train(t, &c, &o);
    return run_finish(t, !rg_error_code(t) && o.out && draw(t, &l, &c, &o) ? 1 : status);
}
