/* nets.c - the published networks on the tape, one quantity to a line; and the data they learn from. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/images.h"

/* -------- the networks. `see` notes a quantity under the name that the derivation gives it. */

static rg_tensor *xor_loss(forward *f) {
    rg_tensor *W1 = see(f, "W1", f->w[1]), *b1 = see(f, "b1", f->b[1]), *W2 = see(f, "W2", f->w[2]), *b2 = see(f, "b2", f->b[2]);
    rg_tensor *Z1 = see(f, "Z1", rg_add(rg_matmul(f->x, W1), b1));
    rg_tensor *A1 = see(f, "A1", rg_sigmoid(Z1));
    rg_tensor *Z2 = see(f, "Z2", rg_add(rg_matmul(A1, W2), b2));
    rg_tensor *A2 = see(f, "A2", rg_sigmoid(Z2));
    return see(f, "loss", rg_mul_scalar(rg_sum(rg_square(rg_sub(A2, f->y))), 0.5));
}

static rg_tensor *two_layers(forward *f) {
    rg_tensor *W1 = see(f, "W1", f->w[1]), *b1 = see(f, "b1", f->b[1]), *W2 = see(f, "W2", f->w[2]), *b2 = see(f, "b2", f->b[2]);
    rg_tensor *Z1 = see(f, "Z1", rg_linear(f->x, W1, b1));
    rg_tensor *A1 = see(f, "A1", rg_relu(Z1));
    rg_tensor *Z2 = see(f, "Z2", rg_linear(A1, W2, b2));
    see(f, "A2", rg_softmax(Z2, -1)); /* not on the way to the loss, which has it within */
    rg_tensor *loss = rg_cross_entropy(Z2, f->y);
    if (f->l2 > 0) {
        loss = rg_add(loss, rg_mul_scalar(rg_sum(rg_square(W1)), f->l2));
        loss = rg_add(loss, rg_mul_scalar(rg_sum(rg_square(W2)), f->l2));
    }
    return see(f, "loss", loss);
}

static rg_tensor *three_layers(forward *f) {
    rg_tensor *W1 = see(f, "W1", f->w[1]), *b1 = see(f, "b1", f->b[1]), *W2 = see(f, "W2", f->w[2]), *b2 = see(f, "b2", f->b[2]);
    rg_tensor *W3 = see(f, "W3", f->w[3]), *b3 = see(f, "b3", f->b[3]);
    rg_tensor *Z1 = see(f, "Z1", rg_linear(f->x, W1, b1));
    rg_tensor *A1 = see(f, "A1", rg_relu(Z1));
    rg_tensor *Z2 = see(f, "Z2", rg_linear(A1, W2, b2));
    rg_tensor *A2 = see(f, "A2", rg_relu(Z2));
    rg_tensor *Z3 = see(f, "Z3", rg_linear(A2, W3, b3));
    see(f, "A3", rg_softmax(Z3, -1));
    rg_tensor *loss = rg_cross_entropy(Z3, f->y);
    if (f->l2 > 0) {
        loss = rg_add(loss, rg_mul_scalar(rg_sum(rg_square(W1)), f->l2));
        loss = rg_add(loss, rg_mul_scalar(rg_sum(rg_square(W2)), f->l2));
        loss = rg_add(loss, rg_mul_scalar(rg_sum(rg_square(W3)), f->l2));
    }
    return see(f, "loss", loss);
}

const net nets[] = {
    {"xor", "2-2-1 with sigmoids, on the exclusive or", 2, {2, 2, 1}, {.kind = RG_INIT_UNIFORM, .b = 1}, {.kind = RG_INIT_UNIFORM, .b = 1},
        0.1, 0, 4, POINTS,
        true, false, false, xor_loss},
    {"003", "784-128-10, N(0, 0.02), SGD 0.1", 2, {784, 128, 10}, {.kind = RG_INIT_NORMAL, .b = 0.02}, {.kind = RG_INIT_CONSTANT}, 0.1, 0,
    128, DIGITS,
        false, false, false, two_layers},
    {"004", "784-128-10, He's initialisation, SGD 0.1", 2, {784, 128, 10}, {.kind = RG_INIT_FAN_IN_NORMAL, .a = 2},
    {.kind = RG_INIT_CONSTANT}, 0.1, 0,
        64, DIGITS, false, false, false, two_layers},
    {"000", "3072-256-128-10, He's initialisation, SGD 0.01", 3, {3072, 256, 128, 10}, {.kind = RG_INIT_FAN_IN_NORMAL, .a = 2},
        {.kind = RG_INIT_CONSTANT}, 0.01, 0, 128, COLOURS, false, true, false, three_layers},
    {"002", "3072-50-10 with a regulariser, standardised features, SGD 0.01", 2, {3072, 50, 10}, {.kind = RG_INIT_FAN_IN_NORMAL, .a = 2},
        {.kind = RG_INIT_CONSTANT}, 0.01, 1e-3, 100, COLOURS, false, true, true, two_layers},
    {0}};

const net *net_find(const char *name) {
    for (const net *n = nets; n->name; n++)
        if (strcmp(n->name, name) == 0) return n;
    return NULL;
}

rg_tensor *see(forward *f, const char *name, rg_tensor *x) {
    if (f->moved && strcmp(f->moved, name) == 0) x = rg_add(x, f->by);
    if (f->count < ARRAYS_MOST) f->seen[f->count].name = name, f->seen[f->count++].x = x;
    return x;
}

rg_tensor *seen(const forward *f, const char *name) {
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->seen[i].name, name) == 0) return f->seen[i].x;
    return NULL;
}

/* -------- data */

enum { DRAWN = 2000, NOISE = 2000, PIXELS = 3 * 32 * 32, CLASSES = 10, PART = 10000 };
static const double points[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, targets[4] = {0, 1, 1, 0};

/* Colour pictures of nothing: the derivation holds for any numbers. */
static rg_dataset make_noise(rg_tape *t) {
    rg_dataset d = {.classes = CLASSES};
    uint8_t *x = malloc((size_t)NOISE * PIXELS);
    int32_t y[NOISE];
    for (int64_t i = 0; x && i < (int64_t)NOISE * PIXELS; i++) x[i] = (uint8_t)rg_rng_integers(rg_tape_rng(t), 0, 256);
    for (int i = 0; i < NOISE; i++) y[i] = (int32_t)rg_rng_integers(rg_tape_rng(t), 0, CLASSES);
    if (!x) fputs("out of memory\n", stderr);
    d.x = x ? rg_buffer(t, "noise", x, NOISE, 3, 32, 32) : NULL;
    d.y = rg_buffer(t, "labels", y, NOISE);
    free(x);
    return d;
}

static const char *find_colours(const char *asked, char *to, size_t size) {
    if (asked) return asked;
    const char *base[] = {getenv("RETROGRAD_DATA"), getenv("HOME")}, *below[] = {"", "/.cache/retrograd"};
    for (int i = 0; i < 2; i++) {
        char file[4300];
        snprintf(to, size, "%s%s/cifar-10-batches-bin", base[i] ? base[i] : "", below[i]);
        snprintf(file, sizeof file, "%s/data_batch_1.bin", to);
        if (!base[i]) continue;
        if (access(file, R_OK) == 0) return to;
        if (!i) fprintf(stderr, "there is no %s\n", file);
    }
    fputs("no CIFAR-10 is found (sh tools/get-data cifar10): taking random pixels, for which the derivation holds as well\n", stderr);
    return "noise";
}

int source_open(source *from, rg_tape *t, const net *n, const settings *o, rg_dataset *to) {
    char folder[4200];
    *from = (source){.name = "the four cases"};
    if (n->data == DIGITS) {
        rg_dataset test;
        from->name = images_read(t, images_find(o->data, folder, sizeof folder), DRAWN, 1, to, &test);
    } else if (n->data == COLOURS) {
        const char *where = find_colours(o->data, folder, sizeof folder);
        const bool noise = strcmp(where, "noise") == 0;
        from->name = noise ? "random pixels" : "CIFAR-10";
        *to = noise ? make_noise(t) : rg_read_cifar10(t, where, true);
    }
    return rg_error_code(t) || (n->data != POINTS && !to->x) ? -1 : 0;
}

/* Mean and deviation of each feature over x u8 [rows, PIXELS]. */
static int measure(source *from, rg_tensor *x) {
    const int64_t rows = rg_dim(x, 0);
    const uint8_t *v = rg_u8(x);
    from->mean = calloc(PIXELS, sizeof *from->mean);
    from->deviation = calloc(PIXELS, sizeof *from->deviation);
    if (!from->mean || !from->deviation || !v) return fputs("out of memory\n", stderr), -1;
    for (int64_t i = 0; i < rows * PIXELS; i++) from->mean[i % PIXELS] += v[i] / (double)rows;
    for (int64_t i = 0; i < rows * PIXELS; i++) {
        const double off = v[i] - from->mean[i % PIXELS];
        from->deviation[i % PIXELS] += off * off / (double)rows;
    }
    for (int j = 0; j < PIXELS; j++) from->deviation[j] = sqrt(from->deviation[j]);
    return 0;
}

int source_start(source *from, rg_tape *t, const net *n, const settings *o, const rg_dataset *d) {
    if (n->data == POINTS) return 0;
    const int64_t all = rg_dim(d->y, 0), rows = n->standardised && all > PART ? PART : all; /* the rest validates */
    rg_tensor *x = rg_slice(d->x, 0, 0, rows), *y = rg_slice(d->y, 0, 0, rows);
    if (n->standardised && measure(from, x)) return -1;
    from->loader = rg_loader_new(t, x, y, .batch = o->batch, .shuffle = true, .divisor = n->standardised ? 1 : 0);
    return from->loader ? 0 : -1;
}

int source_next(source *from, const net *n, const settings *o, forward *f) {
    if (n->data == POINTS) {
        f->x = rg_input(f->t, points, o->batch, 2);
        f->y = rg_input(f->t, targets, o->batch, 1);
        return 0;
    }
    if (!rg_loader_next(from->loader, &f->x, &f->y) && !rg_loader_next(from->loader, &f->x, &f->y)) return -1; /* a new epoch */
    if (n->standardised)
        f->x = rg_div(rg_sub(f->x, rg_input(f->t, from->mean, PIXELS)), rg_input(f->t, from->deviation, PIXELS));
    return rg_error_code(f->t) ? -1 : 0;
}

void source_close(source *from) {
    free(from->mean);
    free(from->deviation);
}
