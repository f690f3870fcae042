/* data.h - data sets, read from files or made by the program, and the loader that hands out their batches.

   A data set lives until rg_tape_free, like a parameter; rg_release(d.x), rg_release(d.y) give it back earlier. Images
   stay bytes until a batch is gathered. After an error, which names the file, what was expected and what was found, x
   and y are poisoned. Files are hostile: no memory is taken before the bytes that shall fill it were counted, and
   nothing else than regular files is opened. Whatever is random comes from the tape's generator. */
#ifndef RG_DATA_H
#define RG_DATA_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_dataset {
    rg_tensor *x;                   /* images u8 [n, h, w] or [n, c, h, w]; points and tables [n, columns], floats */
    rg_tensor *y;                   /* i32 [n], 0 <= y < classes; of a CSV file also numbers [n, 1], or NULL */
    int classes;
    const char *const *class_names; /* one per class, or NULL */
    const char *const *columns;     /* names of x's columns, from the header of a CSV file, or NULL */
} rg_dataset;

/* -------- files. Each may be packed with gzip, whatever its name is. It is unpacked no further than the file should
   go: by its own header, or for CIFAR by the size of a batch. */
/* An array in MNIST's IDX format, of 1 to 6 dimensions: u8, i32, f32, f64 as they are, i8 and i16 as i32. Format:
   http://yann.lecun.com/exdb/mnist: 0, 0, type, number of dimensions, each dimension u32, values; all big-endian. */
rg_tensor *rg_read_idx(rg_tape *t, const char *path);
/* {train|t10k}-{images-idx3|labels-idx1}-ubyte, or with a dot before idx, plain or .gz, from dir or dir/mnist: x u8 [n,
   h, w], 10 classes. Fashion-MNIST comes under the same names; its class names are given when its labels are
   recognised. */
rg_dataset rg_read_mnist(rg_tape *t, const char *dir, bool train);
/* data_batch_1.bin to data_batch_5.bin, or test_batch.bin, each of 1 to 10,000 records, from dir or
   dir/cifar-10-batches-bin: x u8 [n, 3, 32, 32], red green blue. Format: https://www.cs.toronto.edu/~kriz/cifar.html,
   "binary version". */
rg_dataset rg_read_cifar10(rg_tape *t, const char *dir, bool train);
typedef struct rg_cifar100_options {
    bool coarse;      /* y are the 20 superclasses, not the 100 classes */
    RG_NAMED;
} rg_cifar100_options;
/* train.bin, of 1 to 50,000 records, or test.bin, of 1 to 10,000, from dir or dir/cifar-100-binary; x as CIFAR-10's. */
rg_dataset rg_read_cifar100(rg_tape *t, const char *dir, bool train, rg_cifar100_options options);

/* A table of numbers, a line per row: x [rows, columns] in the tape's dtype. Fields may be in "quotes", with "" for a
   quote; blanks around a field and empty lines are passed over. Numbers have a point, whatever the locale is; also nan,
   inf, -inf. Every row has as many fields. An error names the file, the line and the column, both counted from 1.
       rg_dataset iris = rg_read_csv(t, "iris.csv", .header = true, .classes = "species"); */
typedef struct rg_csv_options {
    char delimiter;      /* 0 = ',' */
    int64_t skip;        /* lines before the table */
    bool header;         /* the first line has the names of the columns */
    bool allow_missing;  /* an empty field is NaN, not an error */
    /* Which column, if any, becomes y: by its name, or by its number from 0; "-1" is the last. */
    const char *classes; /* of texts: y i32 [rows]; class_names are sorted, by value if all of them are numbers */
    const char *target;  /* of numbers: y [rows, 1] */
    RG_NAMED;
} rg_csv_options;
rg_dataset rg_read_csv(rg_tape *t, const char *path, rg_csv_options options);

/* -------- pictures in PNG: u8 [h, w] if it is grey, [3, h, w], or with transparency [4, h, w]. 16 bits are scaled to
   8; gamma and colour profiles are not applied. libpng takes its memory from malloc. RG_ESTATE in a library built
   without libpng. */
typedef struct rg_png_options {
    int channels;        /* 0 = those of the file; 3 or 4: so many, transparency left out or opaque */
    RG_NAMED;
} rg_png_options;
rg_tensor *rg_read_png(rg_tape *t, const char *path, rg_png_options options);
/* dir/CLASS/NAME.png, as torchvision's ImageFolder: the folders in dir, sorted, are the classes, each with a picture or
   more, sorted by name: x u8 [n, h, w] or [n, c, h, w]. One of another size or number of channels is an error. */
rg_dataset rg_read_png_folder(rg_tape *t, const char *dir, rg_png_options options);

/* -------- points in the plane. Classes are as equal in number as n allows, in random order but for xor; noise is the
   standard deviation of what is added to each coordinate, at least 0. n is at least the number of classes. */
rg_dataset rg_make_xor(rg_tape *t, int64_t n, double noise);   /* 00, 01, 10, 11 and again; y = a xor b */
rg_dataset rg_make_moons(rg_tape *t, int64_t n, double noise); /* two half circles, as scikit-learn's make_moons */
/* Two rings of radius 1 and factor (0 <= factor < 1), as scikit-learn's make_circles. */
rg_dataset rg_make_circles(rg_tape *t, int64_t n, double factor, double noise);
/* arms >= 1 spirals of one turn each, out from the origin to radius 1. */
rg_dataset rg_make_spirals(rg_tape *t, int64_t n, int arms, double noise);

/* -------- digits drawn by the program: x u8 [n, 28, 28], white on black as MNIST's, ten classes in random order. The
   same bytes on every machine. */
rg_dataset rg_make_digits(rg_tape *t, int64_t n);

/* -------- parts of a data set, and sums over it */
typedef struct rg_split_options {
    bool in_order;       /* first a's rows, then b's; else by one permutation(n) of the tape's generator */
    RG_NAMED;
} rg_split_options;
/* Some rows of d become a, the others b, as PyTorch's random_split does it; copies, so that d can be released. part:
   a's share if below 1, else a's number of rows. d.y may be NULL. 0, or -1 after an error; then a and b are
   poisoned. */
int rg_dataset_split(rg_tape *t, rg_dataset d, double part, rg_dataset *a, rg_dataset *b, rg_split_options options);
/* The mean and the standard deviation (divided by the count) of each channel, of bytes as v / 255: into mean and std
   [channels]. x [n, channels, ..], or of any shape with 1 channel. */
int rg_channel_stats(rg_tensor *x, int64_t channels, double *mean, double *std);
typedef struct rg_pad_sequence_options {
    double padding_value;
    rg_tensor **lengths; /* becomes i32 [b]: how long they were */
    RG_NAMED;
} rg_pad_sequence_options;
/* Tensors [length, ..], at most 255, as one [b, longest, ..], as PyTorch's pad_sequence with batch_first; gradients go
   through it. For a data set of such rows a loader has the option .lengths. A mask, nonzero: an element, 0: padding, is
   rg_lt(rg_arange(t, 0, longest, 1, .i32 = true), rg_unsqueeze(lengths, 1)). */
rg_tensor *rg_pad_sequence(rg_list sequences, rg_pad_sequence_options options);

/* -------- batches

       rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = 64, .shuffle = true);
       for (int epoch = 0; epoch < 10; epoch++)
           while (rg_loader_next(batches, &x, &y)) { ... rg_tape_reset(t); }

   A loader has columns: x, then y if there is one, then .more. Bytes of x become floats, those of the others i32;
   floats take the tape's dtype, i32 stays. A loader keeps the options that it was made with.                         */
typedef struct rg_loader rg_loader;
/* Changes a batch in place, by rg_write, before it is handed out: batch[0] is x, batch[1] y, and so on, NULL for a
   column that was not asked for. It may use operations: nothing is recorded, and what they make is released
   afterwards. rng is the tape's generator: draw from it, and a run that is resumed has the same bits. It must not
   use the loader. 0, or an error. */
typedef int (*rg_transform_fn)(void *ctx, rg_tensor *const *batch, rg_rng *rng);
typedef struct rg_loader_options {
    int64_t batch;    /* rows per batch, at least 1 */
    bool shuffle;     /* an epoch's order is one permutation(n) of the tape's generator, drawn at its first batch */
    bool drop_last;   /* leaves out a last batch that is not full */
    bool keep_shape;  /* x [b, 28, 28] instead of [b, 784] */
    bool keep_u8;     /* bytes stay bytes, in every column */
    double divisor;   /* x becomes (x / divisor - mean) / std; 0 = 255 for bytes, 1 for floats; never negative */
    double mean, std; /* std 0 = 1; never negative */
    /* Of x [n, channels, ..], in place of mean and std, those of each channel; NULL: 0 and 1. They are copied.
       .channels = 3, .channel_mean = (const double[]){.491, .482, .447} */
    int64_t channels;
    const double *channel_mean, *channel_std;
    rg_list more;     /* further columns [n, ..] */
    /* For training, of images [n, h, w] or [n, c, h, w]; before divisor, mean and std. For each row in turn these draw
       integers(0, 2 p + 1) down, integers(0, 2 p + 1) across, and random(). */
    int64_t random_crop;       /* p: p zeros around the image, then its size cut out: RandomCrop(size, padding=p) */
    /* left and right exchanged, with this probability: RandomHorizontalFlip. x alone: where y is an image as well,
       .transform can turn both */
    double random_flip;
    rg_transform_fn transform; /* called with transform_ctx after all of this */
    void *transform_ctx;
    /* Rows of different lengths: x [sum, ..] has them one after another, and their lengths are i32 [n]. x is then
       [b, longest of the batch, ..], not scaled, bytes as i32; the lengths [b] are one column more, the last. */
    rg_tensor *lengths;
    double padding_value;
    /* [n], in any proportion: an epoch is n rows drawn with these probabilities, with replacement, at its first batch:
       WeightedRandomSampler; NumPy's choice(n, n, p=w / w.sum()). */
    rg_tensor *weights;
    int64_t stride;   /* of rg_loader_windows: from the beginning of a window to that of the next; 0 = 1 */
    RG_NAMED;
} rg_loader_options;

/* x and y u8, i32 or float, with as many rows, at least one; y may be NULL. The loader belongs to the tape and holds
   on to its columns. NULL after an error. */
rg_loader *rg_loader_new(rg_tape *t, rg_tensor *x, rg_tensor *y, rg_loader_options options);
/* Windows over a stream [n, ..], of tokens say, and what follows each step: row i is x = stream[i stride .. + length]
   and y = stream[i stride + 1 .. + length], (n - 1 - length) / stride + 1 rows, rounded down. The stream is not copied
   or scaled; bytes become i32. */
rg_loader *rg_loader_windows(rg_tape *t, rg_tensor *stream, int64_t length, rg_loader_options options);
/* The next batch, as inputs of the tape: rg_loader_next(l, &x, &y), a place for each column; of fewer, or NULL, the
   others are left out. x [b, features] (see keep_shape), the others [b, ..]. false, and NULL in all places, after
   the last batch of an epoch, the next call beginning another; and after an error, which draws nothing and takes no
   row. */
bool rg_loader_next(rg_loader *loader, rg_places batch);
/* The next batch into what rg_loader_next gave, for a record that is played (rg_play): rg_loader_refill(l, x, y).
   false, and nothing changed, when it has another shape, which is for rg_loader_next, or when the epoch is over: one
   rg_loader_next, which is false too, then the next epoch is refilled into the same record. */
bool rg_loader_refill(rg_loader *loader, rg_tensors batch);
int64_t rg_loader_steps(const rg_loader *loader); /* batches per epoch */
int64_t rg_loader_left(const rg_loader *loader);  /* batches that this epoch still has */
int64_t rg_loader_epoch(const rg_loader *loader); /* epochs finished */
int64_t rg_loader_row(const rg_loader *loader);   /* rows of this epoch that were handed out */

#ifdef __cplusplus
}
#endif

#include "data_calls.h"
#endif
