/* save.h - saving and loading: nets and checkpoints of runs as safetensors, also PyTorch's; arrays as .npy and .npz.

       rg_nn_save(net, "net.safetensors");
       rg_nn_load(net, "net.safetensors");                                   0, or -1 after an error */
#ifndef RG_SAVE_H
#define RG_SAVE_H

#include "../engine/engine.h"
#include "data.h"
#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- saving and loading a net. Its parameters and buffers are in the file under their names, "0.weight", each
   once. A tensor without a name cannot be saved.

       rg_nn_save(net, "net.safetensors");
       rg_nn_load(net, "theirs.safetensors", .layout = RG_TORCH, .prefix = "model.");

   To load a net all of them must be in the file, with their shapes and dtypes, and no others. The error names what is
   missing and what was not expected. F16 and BF16 become the tensor's float type, exactly. Names that begin with @ do
   not belong to a net: they are skipped, so that a net can be loaded from the file of a run. */
typedef enum rg_layout {
    RG_IN_OUT, /* as in this library: matrices of layers are [in, out] */
    /* As in PyTorch's state_dict: matrices of linear, recurrent and attention layers are [out, in]. Everything else
       is the same there and here. num_batches_tracked of its batch norm is skipped when loading, and not written:
       PyTorch does not need it. */
    RG_TORCH
} rg_layout;
typedef struct rg_file_report { /* about a load without an error */
    int loaded, missing, unexpected;                            /* how many tensors */
    /* names in the file; NULL after the last. They live as long as the tape */
    const char *const *missing_names, *const *unexpected_names;
} rg_file_report;
typedef struct rg_file_options {
    rg_layout layout;          /* default RG_IN_OUT; RG_TORCH: as in PyTorch's files */
    /* In front of all names in the file, with its dot: with .prefix = "model." the parameter "0.weight" is
       "model.0.weight" in the file. To load: it is removed before names are compared, and other names are skipped. It
       comes before what .rename gives. The names compared are the tensors' own, which have the names of all layers
       around them: load a part of a net by .prefix before it is named or becomes part of the net. */
    const char *prefix;
    /* Pairs of prefixes, in the file and here, then NULL: (const char *[]){"features", "0", "fc", "1", NULL}. A
       prefix is whole components: "1" fits "1.weight", not "10.weight". "" fits every name. For each name here the
       first pair that fits is used; a name that none fits stays as it is. */
    const char *const *rename;
    /* rg_nn_load: PyTorch's strict=False. What is missing stays as it is, what is unexpected is skipped; but something
       must load */
    bool partial;
    rg_file_report *report;    /* rg_nn_load: gets what was missing and unexpected */
    RG_NAMED;
} rg_file_options;
/* Saves the parameters and buffers of a net to a safetensors file (state_dict). 0, or -1 after an error */
int rg_nn_save(rg_nn *net, const char *path, rg_file_options options);
/* Loads a safetensors file, one of rg_nn_save or of PyTorch's, into a net that the program has made as before. 0, or -1
   after an error; then the net is as it was */
int rg_nn_load(rg_nn *net, const char *path, rg_file_options options);

/* -------- exporting a net as C. The file is plain C99, with the weights in it. It needs neither this library nor
   malloc, and of libm only fma, sqrt and the like:

       rg_nn_export(net, x, "digits.c", .name = "digits");                   void digits(const float *x, float *y);

   x is an example: the function takes inputs of its shape and dtype. The net is run once on it, in evaluation, and the
   file repeats what the net records then: C code between the operators is not in it, and what does not depend on x is a
   constant. Results have the same bits as the net's, whatever the compiler and its options, except -ffast-math.
   Indices (i32) are not checked. An operator without C code is refused by name, and no file is written: sorting,
   scatter_add, index_add, tril, unfold, any, reductions of integers, logcumsumexp, cross_entropy, dropout and other
   random numbers, operators of your own. One net cannot have both f32 and f64. */
typedef struct rg_export_options {
    const char *name;          /* of the function; default "net" */
    rg_list more;              /* examples of the inputs after x: void net(const float *x, const float *x2, float *y) */
    /* The function has one parameter more, `void *workspace`: memory aligned as malloc's, of the size that the file
       says. Then several threads may call it. By default the workspace is static. */
    bool workspace;
    /* A second file, with the floats of the weights as they are in memory. The C file then has an array for them, and
       int net_load(const char *path), which reads it: 0, or -1. For large nets, which compilers take long to read */
    const char *weights;
    RG_NAMED;
} rg_export_options;
/* 0, or -1 after an error; then the old file is as it was. PyTorch's torch.onnx.export, for a C compiler */
int rg_nn_export(rg_nn *net, rg_tensor *x, const char *path, rg_export_options options);

/* -------- checkpoints: saving and resuming a run. A state lists all that the run needs to go on, bit for bit, as if it
   had not been interrupted. Make it before the training:

       rg_state *run = rg_state_new(t);
       rg_state_net(run, "actor", actor);
       rg_state_net(run, "critic", critic);
       rg_state_optim(run, "adam", adam);
       rg_state_loader(run, "batches", batches);
       rg_state_count(run, "step", &step);
       if (access("run.safetensors", F_OK) == 0)                 <unistd.h>: there is none at the first start
           rg_state_load(run, "run.safetensors");                the program has made all of these as before
       while (step < steps) {
           ..
           if (step % 1000 == 0) rg_state_save(run, "run.safetensors");
       }

   - Any number of each. A save reads the values that the pointers point to then, so they must still be valid.
   - A net has its buffers with it, an optimiser its learning rates. The tape's generator is always included:
     "@rng.state" .., NumPy's PCG64(), .state.
   - To load, all of it must be in the file, and no other nets and tensors. A file that is not there is an error too.
   - Names of nets and tensors in the file: "actor.0.weight". Names of other entries begin with @. If such a name
     contains a parameter's name, that is the one in the file: "@adam.actor.0.weight.m". A parameter that is not in a
     net or tensor of the state has its rg_name_of. Numbers are decimal text.
   - Two entries with the same name are an error of the call that adds the second; it names both. So if two nets have
     equal parameter names, add both nets before an optimiser of both. If something could not be added, the state
     cannot be saved or loaded. */
typedef struct rg_state rg_state;
typedef struct rg_ema rg_ema;
typedef struct rg_plateau rg_plateau;
typedef struct rg_early_stopping rg_early_stopping;

/* an empty state, of the tape's generator; the functions below add to it */
rg_state *rg_state_new(rg_tape *t);
/* parameters and buffers of a net: "NAME.0.weight"; name NULL or "": "0.weight" */
int rg_state_net(rg_state *run, const char *name, rg_nn *net);
/* Leaves of any dtype, which from now on stay as long as the tape. rg_state_tensors: "NAME." before the name of
   each; rg_state_tensor: NAME itself. NULL or "": their own names. rg_state_tensors(run, NULL, rg_params(t)) */
int rg_state_tensors(rg_state *run, const char *name, rg_list tensors);
int rg_state_tensor(rg_state *run, const char *name, rg_tensor *x);
/* Saves its state; the steps of each parameter, "@adam.0.weight.steps"; the rates of group 0, 1 .., "@adam.0.lr". On
   loading it must be of the same kind; its other options are those that it was made with. */
int rg_state_optim(rg_state *run, const char *name, rg_optim *optim);
/* Saves epoch, row and order. On loading it must have the same number of rows and make the same batches. */
int rg_state_loader(rg_state *run, const char *name, rg_loader *loader);

int rg_state_ema(rg_state *run, const char *name, rg_ema *average); /* its averages */
/* its best metric and counts; the options are those of the struct */
int rg_state_plateau(rg_state *run, const char *name, rg_plateau *plateau);
int rg_state_early_stopping(rg_state *run, const char *name, rg_early_stopping *stopping); /* also its best weights */
int rg_state_count(rg_state *run, const char *name, int64_t *count); /* a number of the program: "@step" */
int rg_state_number(rg_state *run, const char *name, double *number); /* the same for a double: a best loss, say */
/* Saves a checkpoint. 0, or -1 after an error; then the old file is as it was */
int rg_state_save(rg_state *run, const char *path);
/* Resumes: puts all values back into the nets, optimisers and numbers. 0, or -1 after an error; then nothing has
   changed */
int rg_state_load(rg_state *run, const char *path);

/* -------- tensors in safetensors files. Any such file is a list of tensors under their names, in the order of their
   values. The tensors live until rg_tape_free, like a data set, or rg_release; the list lives as long as the tape, and
   is empty after an error. F16 and BF16 become f32, I64 becomes i32 if the values fit, BOOL u8; other types are refused
   by name. To save, every tensor must have a name, each name once. */
rg_list rg_safetensors_load(rg_tape *t, const char *path); /* all tensors of a file; find one by rg_list_find */
int rg_safetensors_save(rg_tape *t, const char *path, rg_list tensors); /* 0, or -1 after an error */
RG_PLAIN rg_tensor *rg_list_find(rg_list list, const char *name); /* the first with this name; NULL: there is none */

/* -------- NumPy's files: .npy and .npz. Format: numpy.lib.format, version 1.0 (written) to 3.0: "\x93NUMPY", version,
   length of the header, a Python dictionary, the values, little-endian. It reads f4, f8, i4, u1, and i8 if the values
   fit into i32; at most 6 dimensions; C or Fortran order; plain or gzip. Big-endian files and other types are refused
   by name. The loaded tensor lives until rg_tape_free, like a data set, or rg_release. Poisoned after an error. */
int rg_npy_save(rg_tensor *x, const char *path);      /* numpy.save: one array, .npy. 0, or -1 after an error */
rg_tensor *rg_npy_load(rg_tape *t, const char *path); /* numpy.load of a .npy file */

/* Several arrays in one file, as numpy.savez and numpy.load: a zip archive of .npy files, not compressed; compressed
   ones (deflate) are read too. Each array is saved under its tensor's name (rg_set_name): 1 to 507 bytes of UTF-8,
   each name once. The loaded list is in the file's order and lives as long as the tape; it is empty after an error.
   Refused: members packed in another way or encrypted, members that overlap, two members with one name, an archive
   with a comment or with bytes before it. The size and the checksum (CRC-32) of each member must be right. */
int rg_npz_save(rg_tape *t, const char *path, rg_list tensors); /* rg_npz_save(t, path, rg_params(t)) */
rg_list rg_npz_load(rg_tape *t, const char *path); /* all arrays of a .npz file; find one by rg_list_find */

/* -------- the safetensors format. It is that of https://github.com/huggingface/safetensors, which PyTorch and others
   read:

       u64 n, little-endian | n bytes of JSON, blanks after it | the values of all tensors, little-endian, row-major
       {"__metadata__": {"made by": "retrograd 0.2.0", ..},
        "0.weight": {"dtype": "F32", "shape": [784, 128], "data_offsets": [0, 401408]}, ..}

   The metadata also holds checksums (CRC-64/XZ, 16 digits): "@crc64.NAME" of each tensor's values, and "@crc64" of the
   header itself, computed over its eight bytes of length and its JSON with zeros in place of these 16 digits. A file
   whose checksums do not fit, because it is damaged or another program changed it, is refused; the error names the
   header or the tensor. Files without checksums load. Refused: a header over 16 MiB, a name that occurs twice, metadata
   that is not text, more than 6 dimensions, offsets that overlap, leave gaps, or leave bytes at the end. A load that
   fails changes nothing. No load changes gradients. */

/* -------- how files are written and read. The file is written in the same folder as PATH.PID-K.tmp, flushed to the
   disk (fsync) and renamed; then the folder is flushed. So other programs, also after a crash, find the old file or the
   new one, never a part. Functions that save return 0, or -1 after an error; then the old file is as it was. One error
   is different: "the new file is in its place, but a loss of power may undo this" means that only the last step failed,
   the flush of the folder. A full disk and RLIMIT_FSIZE are errors; SIGXFSZ does not occur.
   - The new file has the mode of the old one, and its owner and group if the process may set them; only its owner can
     read the temporary file. Without an old file the mode is 0666 & ~umask.
   - A process that is killed while it saves leaves its temporary file. The next save to PATH removes it, but not that
     of a living process, which holds a lock (flock). On a file system without locks nothing is removed.
   - A symbolic link is followed and stays. A link to nothing, a loop of links, a directory, a device or a pipe is
     refused. Another name of the same file (a hard link) keeps the old content.

   When files are read they are not trusted: every number in a header is checked against the bytes that are really
   there before memory is taken or anything is changed. An error is RG_EIO and names the file and what is wrong with it.
   In addition to its values, a header takes at most eight times its bytes of memory. All memory is the tape's. */

#ifdef __cplusplus
}
#endif

#include "save_calls.h"
#endif
