/* images.c - the images that an example trains on: where they lie, and what they are called. */
#include "images.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *images_find(const char *asked, char *to, size_t size) {
    if (asked) return asked;
    const char *base[] = {getenv("RETROGRAD_DATA"), getenv("HOME"), "/usr/share/datasets/fashion-mnist"};
    const char *below[] = {"/mnist", "/.cache/retrograd/mnist", ""};
    char first[4200] = ""; /* what RETROGRAD_DATA should have */
    for (int i = 0; i < 3; i++) {
        if (!base[i]) continue;
        char file[4200];
        snprintf(to, size, "%s%s", base[i], below[i]);
        snprintf(file, sizeof file, "%s/train-images-idx3-ubyte.gz", to);
        bool there = access(file, R_OK) == 0;
        file[strlen(file) - 3] = 0;
        there = there || access(file, R_OK) == 0;
        if (there && i && base[0]) fprintf(stderr, "there is no %s: taking %s\n", first, to);
        if (there) return to;
        if (!i) snprintf(first, sizeof first, "%s", file);
    }
    fputs("no MNIST is found (sh tools/get-data mnist): taking digits that the program draws\n", stderr);
    return "digits";
}

const char *images_read(rg_tape *t, const char *from, int64_t drawn_train, int64_t drawn_test, rg_dataset *train, rg_dataset *test) {
    int n = 0, end = 0;
    const bool counted = sscanf(from, "digits:%9d%n", &n, &end) == 1 && n > 0 && !from[end];
    if (counted || strcmp(from, "digits") == 0) {
        *train = rg_make_digits(t, counted ? n : drawn_train);
        *test = rg_make_digits(t, counted && n < drawn_test ? n : drawn_test);
        return "generated digits";
    }
    *train = rg_read_mnist(t, from, true);
    *test = rg_read_mnist(t, from, false);
    return train->class_names && strcmp(train->class_names[0], "0") != 0 ? "Fashion-MNIST" : "MNIST";
}

const char *images_open(rg_tape *t, const char *asked, int64_t drawn_train, int64_t drawn_test, rg_dataset *train, rg_dataset *test) {
    char folder[4096];
    const char *from = images_find(asked, folder, sizeof folder), *name = images_read(t, from, drawn_train, drawn_test, train, test);
    if (rg_error_code(t)) return NULL;
    const long long of_train = rg_dim(train->x, 0), of_test = rg_dim(test->x, 0), height = rg_dim(train->x, 1), width = rg_dim(train->x, 2);
    printf("%s (%s): %lld training images, %lld test images, %lldx%lld\n", name, from, of_train, of_test, height, width);
    return name;
}
