/* save.h - tensors in files, both ways: safetensors for nets, runs and PyTorch, .npy and .npz for NumPy.

   Saving. The file is written in the same folder as PATH.PID-K.tmp, flushed to the disk (fsync) and renamed, and its
   folder is flushed: a program that looks, or that goes on after a crash, finds the old file or the new one, never a
   part. Functions that save return 0, or -1 after an error; then the old file is as it was. One error is different:
   "the new file is in its place, but a loss of power may undo this", when only the last step failed, the flush of the
   folder. A full disk and RLIMIT_FSIZE are errors; SIGXFSZ does not occur.
   - The new file has the mode of the old one, its owner and its group where the process may set them; the temporary is
     readable by its owner only. Without an old file the mode is 0666 & ~umask.
   - A process killed in between leaves its temporary behind; the next save to PATH removes it, and never one of a
     process that lives: that one holds a lock (flock). On a file system without locks nothing is removed.
   - A symbolic link is followed, and stays. A link to nothing, a loop of links, a directory, a device or a pipe is
     refused. Another name of the same file (a hard link) keeps the old content.

   Loading. Files are hostile: every number in a header is checked against the bytes that are really there before memory
   is taken or anything is changed. An error names the file and what is wrong with it, RG_EIO. In addition to its
   values, a header takes at most eight times its bytes of memory. All memory is the tape's. */
#ifndef RG_SAVE_H
#define RG_SAVE_H

#include "../engine/engine.h"
#include "data.h"
#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- safetensors, the format of https://github.com/huggingface/safetensors, which PyTorch and others read:

       u64 n, little-endian | n bytes of JSON, blanks behind | the values of all tensors, little-endian, row-major
       {"__metadata__": {"made by": "retrograd 0.2.0", ..},
        "0.weight": {"dtype": "F32", "shape": [784, 128], "data_offsets": [0, 401408]}, ..}

   The metadata also holds checksums (CRC-64/XZ, 16 digits): "@crc64.NAME" of each tensor's values, and "@crc64" of the
   header itself, computed over its eight bytes of length and its JSON with zeros in the place of these 16 digits. A
   file that was damaged, or that another program has changed and that still has these texts, is refused, and the error
   names the header or the tensor. Files without checksums load. Refused: a header over 16 MiB, a name that occurs
   twice, metadata that is no text, more than 6 dimensions, offsets that overlap, leave gaps or bytes over. A load that
   fails, for any reason, changes nothing; gradients are left as they are in any case. */

/* -------- a net: its parameters and buffers under their names, "0.weight", each once. One without a name cannot be
   saved.

       rg_nn_save(net, "net.safetensors");
       rg_nn_load(net, "theirs.safetensors", .layout = RG_TORCH, .prefix = "model.");

   Loading wants all of them in the file, of their shapes and dtypes, and no others. The error names what is missing and
   what was not expected. F16 and BF16 become the tensor's float, exactly. What begins with @ is not of a net: it is
   passed over, so that a net can be loaded from the file of a run. */
typedef enum rg_layout {
    RG_IN_OUT, /* as here: matrices of layers are [in, out] */
    /* As in PyTorch's state_dict: matrices of linear, recurrent and attention layers are [out, in]. Everything else is
       the same there and here. num_batches_tracked of its batch norm is passed over, and not written: it does not need
       it. */
    RG_TORCH
} rg_layout;
typedef struct rg_file_report { /* of a load without an error */
    int loaded, missing, unexpected;                            /* how many tensors */
    /* in the file; NULL behind the last. As long as the tape */
    const char *const *missing_names, *const *unexpected_names;
} rg_file_report;
typedef struct rg_file_options {
    rg_layout layout;
    /* of all names in the file: with .prefix = "conv." what begins otherwise is passed over */
    const char *prefix;
    /* Pairs of a beginning in the file and what it is here, and NULL: (const char *[]){"features", "0", "fc", "1",
       NULL}. Of whole components: "features.2.weight", not "features2.weight". "" is before every name. Of each name
       here the first pair counts that fits; the others stay as they are. */
    const char *const *rename;
    /* load: what is missing stays as it is, what is unexpected is passed over; but not all of it */
    bool partial;
    rg_file_report *report;    /* load: where to say what was missing and unexpected */
    RG_NAMED;
} rg_file_options;
int rg_nn_save(rg_nn *net, const char *path, rg_file_options options);
int rg_nn_load(rg_nn *net, const char *path, rg_file_options options);

/* -------- all that a run needs to go on, bit for bit, as if it had not been interrupted. Say what it is before the
   training:

       rg_state *run = rg_state_new(t);
       rg_state_net(run, "actor", actor);
       rg_state_net(run, "critic", critic);
       rg_state_optim(run, "adam", adam);
       rg_state_loader(run, "batches", batches);
       rg_state_count(run, "step", &step);
       if (resumed) rg_state_load(run, "run.safetensors");      in a program that has made all of these as before
       .. rg_state_save(run, "run.safetensors");

   Any number of each. What a pointer points at is saved as it is at the save, so it must still be there. The tape's
   generator is always among it: "@rng.state" .., NumPy's PCG64(), .state. Names in the file: "actor.0.weight". Those of
   all but nets and tensors get an @, and where they contain a parameter, it has its name in the file, or its own if it
   is not in the state: "@adam.actor.0.weight.m". Numbers are decimal text. Two entries of one name are an error of the
   call that adds the second, which names both. So nets with parameters of one name are added before an optimiser of
   both. A state to which something could not be added is not saved or loaded. Loading wants all of it in the file, and
   of nets and tensors no others. */
typedef struct rg_state rg_state;
typedef struct rg_average rg_average;
typedef struct rg_plateau rg_plateau;
typedef struct rg_early_stopping rg_early_stopping;

rg_state *rg_state_new(rg_tape *t);
int rg_state_net(rg_state *run, const char *name, rg_nn *net); /* name NULL or "": "0.weight" */
/* Leaves of any dtype, which stay with the tape from now on. Several: "NAME." before the name of each. One: NAME
   itself. NULL or "": their own names. rg_state_tensors(run, NULL, rg_params(t)) */
int rg_state_tensors(rg_state *run, const char *name, rg_list tensors);
int rg_state_tensor(rg_state *run, const char *name, rg_tensor *x);
/* State; steps of each parameter, "@adam.0.weight.steps"; rates of group 0, 1 .., "@adam.0.lr". Its kind must be the
   same, its other options are those that it was made with. */
int rg_state_optim(rg_state *run, const char *name, rg_optim *optim);
/* Epoch, row, order. It must have as many rows, and make the same batches. */
int rg_state_loader(rg_state *run, const char *name, rg_loader *loader);
int rg_state_average(rg_state *run, const char *name, rg_average *average);
int rg_state_plateau(rg_state *run, const char *name, rg_plateau *plateau);
int rg_state_early_stopping(rg_state *run, const char *name, rg_early_stopping *stopping); /* and its best weights */
int rg_state_count(rg_state *run, const char *name, int64_t *count); /* numbers of the program's own: "@step" */
int rg_state_number(rg_state *run, const char *name, double *number);
int rg_state_save(rg_state *run, const char *path);
int rg_state_load(rg_state *run, const char *path);

/* -------- any safetensors file as a list of tensors under their names, in the order of their values. They stay until
   rg_tape_free, like a data set, or rg_release; the list lives as long as the tape, and is empty after an error. F16
   and BF16 become f32, I64 becomes i32 where the values fit, BOOL u8; other types are refused by name. Any tensor that
   has a name can be saved; each name once. */
rg_list rg_safetensors_load(rg_tape *t, const char *path);
int rg_safetensors_save(rg_tape *t, const char *path, rg_list tensors);
RG_PLAIN rg_tensor *rg_list_find(rg_list list, const char *name); /* the first of that name; NULL when there is none */

/* -------- NumPy's arrays. Format: numpy.lib.format, version 1.0 (written) to 3.0: "\x93NUMPY", version, length of the
   header, a Python dictionary, the values, little-endian. Read are f4, f8, i4, u1, and i8 whose values fit into i32; of
   at most 6 dimensions; in C's order or in Fortran's; plain or gzip. Big-endian files and other types are refused by
   name. What is loaded stays until rg_tape_free, like a data set, or rg_release. Poisoned after an error. */
int rg_npy_save(rg_tensor *x, const char *path);
rg_tensor *rg_npy_load(rg_tape *t, const char *path);

/* Several under their names, as numpy.savez and numpy.load do it: a zip archive of .npy files, stored, read also when
   deflated. Names are the tensors' (rg_name), each once, of 1 to 507 bytes of UTF-8. The list that is loaded, in the
   file's order, lives as long as the tape; it is empty after an error. Refused: members packed or encrypted in another
   way, that overlap, or of one name; an archive with a comment or with bytes in front. Each member's size and checksum
   (CRC-32) must be right. */
int rg_npz_save(rg_tape *t, const char *path, rg_list tensors); /* rg_npz_save(t, path, rg_params(t)) */
rg_list rg_npz_load(rg_tape *t, const char *path);

#ifdef __cplusplus
}
#endif

#include "save_calls.h"
#endif
