/* data.h - data sets and loaders: data sets read from files or made by the program, and the data loader that hands out
   their batches.

   A data set lives until rg_tape_free, like a parameter; rg_release(d.x), rg_release(d.y) free it earlier. Images
   stay bytes until a batch is gathered. After an error, which names the file, what was expected and what was found,
   x and y are poisoned. Files are not trusted: memory is taken only after the bytes that will fill it were counted,
   and only regular files are opened. Random numbers come from the tape's generator.

   A data set of your own: rg_dataset d = {.x = rg_buffer(t, NULL, bytes, n, 3, 16, 16), ..}, which lives as long as
   the tape, or .x = rg_retain(rg_input(..)), which rg_release frees. */
#ifndef RG_DATA_H
#define RG_DATA_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_dataset {
    rg_tensor *x;                   /* images u8 [n, h, w] or [n, c, h, w]; points and tables [n, columns], floats */
    rg_tensor *y;                   /* i32 [n], 0 <= y < classes; from a CSV file also numbers [n, 1], or NULL */
    int classes;
    const char *const *class_names; /* one per class, or NULL */
    const char *const *columns;     /* names of x's columns, from the header of a CSV file, or NULL */
} rg_dataset;

/* -------- data set files: MNIST, CIFAR, CSV. Each may be packed with gzip, whatever its name is. It is unpacked only
   as far as the file should go: by its own header, or for CIFAR by the size of a batch. */
/* An array in MNIST's IDX format, of 1 to 6 dimensions: u8, i32, f32, f64 as they are, i8 and i16 as i32. Format:
   http://yann.lecun.com/exdb/mnist: 0, 0, type, number of dimensions, each dimension u32, values; all big-endian. */
rg_tensor *rg_read_idx(rg_tape *t, const char *path);
/* The files {train|t10k}-{images-idx3|labels-idx1}-ubyte, or with a dot before idx, plain or .gz, from dir or
   dir/mnist: x u8 [n, h, w], 10 classes. Fashion-MNIST has the same file names; its class names are given when its
   labels are recognised. */
rg_dataset rg_read_mnist(rg_tape *t, const char *dir, bool train);
/* data_batch_1.bin to data_batch_5.bin, or test_batch.bin, each of 1 to 10,000 records, from dir or
   dir/cifar-10-batches-bin: x u8 [n, 3, 32, 32], red green blue. Format: https://www.cs.toronto.edu/~kriz/cifar.html,
   "binary version". */
rg_dataset rg_read_cifar10(rg_tape *t, const char *dir, bool train);
typedef struct rg_cifar100_options {
    bool coarse;      /* y is the 20 superclasses instead of the 100 classes */
    RG_NAMED;
} rg_cifar100_options;
/* train.bin, of 1 to 50,000 records, or test.bin, of 1 to 10,000, from dir or dir/cifar-100-binary; x as for
   CIFAR-10. */
rg_dataset rg_read_cifar100(rg_tape *t, const char *dir, bool train, rg_cifar100_options options);

typedef struct rg_csv_options {
    char delimiter;      /* default ',' */
    int64_t skip;        /* number of lines before the table */
    bool header;         /* the first line has the names of the columns */
    bool allow_missing;  /* an empty field is NaN, not an error */
    /* The column that becomes y: its name, or its number from 0; "-1" is the last. At most one of the two. */
    const char *classes; /* texts: y i32 [rows]; class_names are sorted, by value if all of them are numbers */
    const char *target;  /* numbers: y [rows, 1] */
    RG_NAMED;
} rg_csv_options;
/* A CSV file, a table of numbers with a line per row: x [rows, columns] in the tape's dtype.

       rg_dataset iris = rg_read_csv(t, "iris.csv", .header = true, .classes = "species");

   - All rows have the same number of fields. Fields may be in "quotes", with "" for a quote. Blanks around a field and
     empty lines are skipped.
   - Numbers have a point, whatever the locale is; also nan, inf, -inf.
   - An error names the file, the line and the column, both counted from 1. */
rg_dataset rg_read_csv(rg_tape *t, const char *path, rg_csv_options options);

/* -------- PNG pictures. u8 [h, w] if grey, else [3, h, w], or [4, h, w] with transparency. 16 bits are scaled to
   8; gamma and colour profiles are not applied. libpng takes its memory from malloc. In a library built without
   libpng: RG_ESTATE. */
typedef struct rg_png_options {
    int channels;        /* default: as in the file; 3: no transparency; 4: with it, opaque if the file has none */
    RG_NAMED;
} rg_png_options;
/* one picture: u8 [h, w] if grey, else [channels, h, w] */
rg_tensor *rg_read_png(rg_tape *t, const char *path, rg_png_options options);
/* dir/CLASS/NAME.png, as torchvision's ImageFolder: the folders in dir, sorted, are the classes; each has at least
   one picture, sorted by name: x u8 [n, h, w] or [n, c, h, w]. A picture of another size or number of channels is an
   error. */
rg_dataset rg_read_png_folder(rg_tape *t, const char *dir, rg_png_options options);

/* -------- made data: points in the plane, digits. Classes of points have the same number of points, or differ by one;
   the order is random, except for xor. noise is the standard deviation of what is added to each coordinate, at least 0.
   n is at least the number of classes. */
rg_dataset rg_make_xor(rg_tape *t, int64_t n, double noise);   /* 00, 01, 10, 11, and again; y = a xor b */
rg_dataset rg_make_moons(rg_tape *t, int64_t n, double noise); /* two half circles, as scikit-learn's make_moons */
/* Two rings of radius 1 and factor (0 <= factor < 1), as scikit-learn's make_circles. */
rg_dataset rg_make_circles(rg_tape *t, int64_t n, double factor, double noise);
/* arms >= 1 spirals of one turn each, from the origin out to radius 1. */
rg_dataset rg_make_spirals(rg_tape *t, int64_t n, int arms, double noise);

/* Digits drawn by the program: x u8 [n, 28, 28], white on black as in MNIST, ten classes in random order.
   The same bytes on every machine. */
rg_dataset rg_make_digits(rg_tape *t, int64_t n);

/* -------- parts of a data set, statistics, padding */
typedef struct rg_split_options {
    bool in_order;       /* a gets the first rows; default: one permutation(n) of the tape's generator */
    RG_NAMED;
} rg_split_options;
/* Copies some rows of d to a, the others to b, as PyTorch's random_split; d can be released. part < 1: a's share;
   else a's number of rows. d.y may be NULL. 0, or -1 after an error; then a and b are poisoned. Every row of d.x is one
   sample: sequences with .lengths cannot be split so. */
int rg_dataset_split(rg_tape *t, rg_dataset d, double part, rg_dataset *a, rg_dataset *b, rg_split_options options);
/* Writes the mean and the standard deviation (divided by the count) of each channel to mean and std [channels]. For
   bytes v it uses v / 255. x is [n, channels, ..], or of any shape with 1 channel. */
int rg_channel_stats(rg_tensor *x, int64_t channels, double *mean, double *std);
typedef struct rg_pad_sequence_options {
    double padding_value; /* default 0 */
    rg_tensor **lengths;  /* a result: gets the lengths, i32 [b] */
    RG_NAMED;
} rg_pad_sequence_options;
/* Joins ragged rows, any number of tensors [length, ..], to one [b, longest, ..], as PyTorch's pad_sequence with
   batch_first; gradients go through it. An array of n tensors is rg_list_of_n(n, array). For a data set of such rows a
   loader has the option .lengths.

       rg_tensor *place = rg_arange(t, 0, longest, 1, .i32 = true);          0 .. longest - 1
       rg_tensor *mask = rg_lt(place, rg_unsqueeze(lengths, 1));             [b, longest]: 1, and 0 for padding

   There is no pack_padded_sequence. A recurrent layer runs over the padding too; its state h [b, longest, hidden] at
   the last element of each row is taken by an index:

       rg_tensor *last = rg_expand(rg_reshape(rg_sub(lengths, 1), -1, 1, 1), b, 1, hidden);
       rg_tensor *state = rg_squeeze(rg_gather(h, last, 1), 1);              [b, hidden] */
rg_tensor *rg_pad_sequence(rg_list sequences, rg_pad_sequence_options options);

/* -------- the data loader: batches of a data set

       rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = 64, .shuffle = true);
       for (int epoch = 0; epoch < 10; epoch++)
           while (rg_loader_next(batches, &x, &y)) { ... rg_tape_reset(t); }

   A loader has columns: x, then y if there is one, then .more. Bytes of x become floats, bytes of the others i32;
   floats get the tape's dtype, i32 stays. A loader keeps the options that it was made with. */
typedef struct rg_loader rg_loader;
/* Changes a batch in place, by rg_write, before it is handed out: batch[0] is x, batch[1] y, and so on; NULL for a
   column that was not asked for. It may use operations: nothing is recorded, and what they make is released
   afterwards. rng is the tape's generator: with draws from it a resumed run has the same bits. It must not use the
   loader. It returns 0, or another number for an error. */
typedef int (*rg_transform_fn)(void *ctx, rg_tensor *const *batch, rg_rng *rng);
typedef struct rg_loader_options {
    int64_t batch;    /* rows per batch, at least 1; must be given */
    /* an epoch's order is one permutation(n) of the tape's generator, drawn at its first batch */
    bool shuffle;
    bool drop_last;   /* leaves out a last batch that is not full */
    bool keep_shape;  /* by default rows of x are flattened, [b, 784]; this keeps [b, 28, 28] */
    bool keep_u8;     /* bytes stay bytes, in every column */
    double divisor;   /* x becomes (x / divisor - mean) / std; default 255 for bytes, 1 for floats; never negative */
    double mean, std; /* default 0, 1; std is never negative */
    /* For x [n, channels, ..], instead of mean and std: those of each channel; NULL: 0 and 1. They are copied.
       .channels = 3, .channel_mean = (const double[]){.491, .482, .447} */
    int64_t channels;
    const double *channel_mean, *channel_std;
    rg_list more;     /* further columns [n, ..] */
    /* Augmentation, for training with images [n, h, w] or [n, c, h, w]; before divisor, mean and std. Row after row
       they draw integers(0, 2 p + 1) for down, integers(0, 2 p + 1) for across, and random(). */
    /* p: adds p zeros around the image, then cuts out its size: RandomCrop(size, padding=p) */
    int64_t random_crop;
    /* exchanges left and right with this probability: RandomHorizontalFlip. Only x: if y is an image too, .transform
       can flip both */
    double random_flip;
    rg_transform_fn transform; /* called with transform_ctx after all of this */
    void *transform_ctx;
    /* rg_loader_new: an input, for ragged rows (PyTorch: collate_fn): i32 [n], the length of each row. x [sum of the
       lengths, ..] has the rows one after another. A batch of x is [b, its longest row, ..]: padded, not flattened, not
       scaled; bytes become i32. y and .more are [n, ..], a value per row, or [the sum, ..], a value per step: then they
       are padded too. If n equals the sum, they are per row. The last column of a batch is the lengths [b]. */
    rg_tensor *lengths;
    /* rg_loader_new: the same in all columns; default 0. rg_pad_sequence tells how to make a mask from the lengths */
    double padding_value;
    /* Weights [n] of the rows, of any sum: an epoch is n rows drawn with these probabilities, with replacement, at
       its first batch: WeightedRandomSampler; NumPy's choice(n, n, p=w / w.sum()). */
    rg_tensor *weights;
    int64_t stride;   /* rg_loader_windows: steps from the start of a window to the start of the next; default 1 */
    RG_NAMED;
} rg_loader_options;

/* A data loader of x and labels or targets y, u8, i32 or float, with the same number of rows, at least one; y may be
   NULL. The loader belongs to the tape and keeps its columns alive. NULL after an error. */
rg_loader *rg_loader_new(rg_tape *t, rg_tensor *x, rg_tensor *y, rg_loader_options options);
/* Windows over a stream [n, ..], of tokens say, and what follows each step: in Python's slices row i is x = stream[s
   : s + length], y = stream[s + 1 : s + 1 + length], s = i stride; there are (n - 1 - length) / stride + 1 rows,
   rounded down. The stream is not copied, scaled or flattened; bytes become i32. */
rg_loader *rg_loader_windows(rg_tape *t, rg_tensor *stream, int64_t length, rg_loader_options options);
/* The next batch, as inputs of the tape: rg_loader_next(l, &x, &y). One pointer for each column; the last columns
   may be left out, and NULL skips a column. x is [b, features] (see keep_shape), the others [b, ..]. After the last
   batch of an epoch it returns false and sets all pointers to NULL; the next call begins the next epoch. After an
   error it returns the same, but generator and place in the epoch stay. A loop left by break goes on in the middle of
   its epoch: rg_loader_restart prevents that. */
bool rg_loader_next(rg_loader *loader, rg_places batch);
/* Writes the next batch into the tensors from rg_loader_next, for a record that is played (rg_play):
   rg_loader_refill(l, x, y). NULL skips a column. Returns false and changes nothing if the next batch has another
   shape: get it by rg_loader_next. Also at the end of an epoch: then call rg_loader_next once, without places; it
   returns false too, and the next epoch can be refilled:

       rg_loader_next(batches, &x, &y); ..                     of full batches: .drop_last = true. Record a step
       for (int epoch = 0; epoch < 10; epoch++, rg_loader_next(batches, NULL))
           while (rg_loader_refill(batches, x, y)) { rg_play(t); rg_optim_step(optim); } */
bool rg_loader_refill(rg_loader *loader, rg_tensors batch);
/* Ends this epoch, wherever it is: the next batch begins a new one, as each for loop over PyTorch's DataLoader does. At
   the beginning of an epoch it does nothing. */
RG_PLAIN void rg_loader_restart(rg_loader *loader);
int64_t rg_loader_steps(const rg_loader *loader); /* batches per epoch */
int64_t rg_loader_left(const rg_loader *loader);  /* batches that this epoch still has */
int64_t rg_loader_epoch(const rg_loader *loader); /* epochs finished */
int64_t rg_loader_row(const rg_loader *loader);   /* rows of this epoch that were handed out */

#ifdef __cplusplus
}
#endif

#include "data_calls.h"
#endif
