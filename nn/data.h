/* data.h - data sets, read from files or made by the program, and the loader that hands out their batches.

   A data set lives until rg_tape_free, like a parameter; rg_release(d.x), rg_release(d.y) give it back earlier. Images stay
   bytes until a batch is gathered. After an error, which names the file, what was expected and what was found, x and y are
   poisoned. Files are hostile: no memory is taken before the bytes that shall fill it were counted, and nothing else than
   regular files is opened. Whatever is random comes from the tape's generator.                                              */
#ifndef RG_DATA_H
#define RG_DATA_H

#include "engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_dataset {
    rg_tensor *x;                   /* images u8 [n, h, w] or [n, 3, h, w]; points [n, 2] in the tape's dtype */
    rg_tensor *y;                   /* i32 [n], 0 <= y < classes */
    int classes;
    const char *const *class_names; /* one per class, or NULL */
} rg_dataset;

/* -------- files. Each may be packed with gzip, whatever its name is. It is unpacked no further than the file should go: by its own
   header, or for CIFAR by the size of a batch. */
/* An array in MNIST's IDX format, of 1 to 6 dimensions: u8, i32, f32, f64 as they are, i8 and i16 as i32.
   Format: http://yann.lecun.com/exdb/mnist: 0, 0, type, number of dimensions, each dimension u32, values; all big-endian. */
rg_tensor *rg_read_idx(rg_tape *t, const char *path);
/* {train|t10k}-{images-idx3|labels-idx1}-ubyte, or with a dot before idx, plain or .gz, from dir or dir/mnist: x u8 [n, h, w],
   10 classes. Fashion-MNIST comes under the same names; its class names are given when its labels are recognised. */
rg_dataset rg_read_mnist(rg_tape *t, const char *dir, bool train);
/* data_batch_1.bin to data_batch_5.bin, or test_batch.bin, each of 1 to 10,000 records, from dir or dir/cifar-10-batches-bin: x u8
   [n, 3, 32, 32], red green blue. Format: https://www.cs.toronto.edu/~kriz/cifar.html, "binary version". */
rg_dataset rg_read_cifar10(rg_tape *t, const char *dir, bool train);

/* -------- points in the plane. Classes are as equal in number as n allows, in random order but for xor; noise is the standard
   deviation of what is added to each coordinate, at least 0. n is at least the number of classes. */
rg_dataset rg_make_xor(rg_tape *t, int64_t n, double noise);   /* 00, 01, 10, 11 and again; y = a xor b */
rg_dataset rg_make_moons(rg_tape *t, int64_t n, double noise); /* two half circles, as scikit-learn's make_moons */
/* Two rings of radius 1 and factor (0 <= factor < 1), as scikit-learn's make_circles. */
rg_dataset rg_make_circles(rg_tape *t, int64_t n, double factor, double noise);
/* arms >= 1 spirals of one turn each, out from the origin to radius 1. */
rg_dataset rg_make_spirals(rg_tape *t, int64_t n, int arms, double noise);

/* -------- digits drawn by the program: x u8 [n, 28, 28], white on black as MNIST's, ten classes in random order. The same bytes
   on every machine. */
rg_dataset rg_make_digits(rg_tape *t, int64_t n);

/* -------- batches

       rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = 64, .shuffle = true);
       for (int epoch = 0; epoch < 10; epoch++)
           while (rg_loader_next(batches, &x, &y)) { ... rg_tape_reset(t); }                                                  */
typedef struct rg_loader_options {
    int64_t batch;    /* rows per batch, at least 1 */
    bool shuffle;     /* an epoch's order is one permutation(n) of the tape's generator, drawn at its first batch, as NumPy draws it */
    bool drop_last;   /* leaves out a last batch that is not full */
    bool keep_shape;  /* x [b, 28, 28] instead of [b, 784] */
    double divisor;   /* x becomes (x / divisor - mean) / std; 0 = 255 for bytes, 1 for floats; neither it nor std is negative */
    double mean, std; /* std 0 = 1 */
    RG_NAMED;
} rg_loader_options;

typedef struct rg_loader { /* to look at; epoch, row and order are all that has to be saved to go on later */
    rg_tape *tape;
    rg_tensor *x, *y; /* [n, ..] both */
    rg_loader_options options;
    int64_t epoch;    /* epochs finished */
    int64_t row;      /* rows of this epoch handed out, or passed over by drop_last */
    int64_t *order;   /* [n] row numbers of this epoch, drawn if row > 0; NULL: 0, 1, 2 .. */
} rg_loader;

/* x u8 or float, y u8, i32 or float, with as many rows, at least one. The loader belongs to the tape and holds on to x and y.
   NULL after an error. */
rg_loader *rg_loader_new(rg_tape *t, rg_tensor *x, rg_tensor *y, rg_loader_options options);
/* The next batch, as inputs of the tape: x [b, features] (see keep_shape) in its dtype, y [b, ..] as i32, or in its dtype if it
   is a float. false, and x and y NULL, after the last batch of an epoch, the next call beginning another; and after an error. */
bool rg_loader_next(rg_loader *loader, rg_tensor **x, rg_tensor **y);
/* The next batch into x and y, which rg_loader_next gave, for a record that is played (rg_play). false, and nothing changed, when it has
   another number of rows or the epoch is over: rg_loader_next goes on. */
bool rg_loader_refill(rg_loader *loader, rg_tensor *x, rg_tensor *y);
int64_t rg_loader_steps(const rg_loader *loader); /* batches per epoch */

#ifdef __cplusplus
}
#endif

#include "nn/data_calls.h"
#endif
