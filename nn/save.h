/* save.h - tensors in files, both ways: checkpoints as safetensors, .npy and .npz for NumPy.

   Saving. The file is written in the same folder as PATH.PID-K.tmp, flushed to the disk (fsync) and renamed, and its folder is
   flushed: a program that looks, or that goes on after a crash, finds the old file or the new one, never a part. Functions that save
   return 0, or -1 after an error; then the old file is as it was. One error is different: "the new file is in its place, but a loss of
   power may undo this", when only the last step failed, the flush of the folder. A full disk and RLIMIT_FSIZE are errors; SIGXFSZ does
   not occur.
   - The new file has the mode of the old one, its owner and its group where the process may set them; the temporary is readable by
     its owner only. Without an old file the mode is 0666 & ~umask.
   - A process killed in between leaves its temporary behind; the next save to PATH removes it, and never one of a process that lives:
     that one holds a lock (flock). On a file system without locks nothing is removed.
   - A symbolic link is followed, and stays. A link to nothing, a loop of links, a directory, a device or a pipe is refused. Another
     name of the same file (a hard link) keeps the old content.

   Loading. Files are hostile: every number in a header is checked against the bytes that are really there before memory is taken
   or anything is changed. An error names the file and what is wrong with it, RG_EIO. In addition to its values, a header takes at most eight
   times its bytes of memory. All memory is the tape's. */
#ifndef RG_SAVE_H
#define RG_SAVE_H

#include "engine/engine.h"
#include "nn/data.h"
#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- checkpoints, in the format of https://github.com/huggingface/safetensors, which PyTorch and others read:

       u64 n, little-endian | n bytes of JSON, blanks behind | the values of all tensors, little-endian, row-major
       {"__metadata__": {"made by": "retrograd 0.2.0", ..}, "0.weight": {"dtype": "F32", "shape": [784, 128], "data_offsets": [0, 401408]}, ..}

   Names are the parameters', each once: two of one name, or one without, cannot be saved, so save once before a long run. Weights are [in, out], where PyTorch has [out, in]. What is not of the net has a name that
   begins with @: tensors "@optim.0.weight.m", "@loader.order" (I64), and in the metadata, as decimal text, "@optim.0.lr" (of group 0),
   "@optim.0.weight.steps", "@rng.state" (NumPy's: PCG64(), .state), "@loader.epoch", "@loader.row", "@step" ..

   The metadata also holds checksums (CRC-64/XZ, 16 digits): "@crc64.NAME" of each tensor's values, and "@crc64" of the header itself,
   computed over its eight bytes of length and its JSON with zeros in the place of these 16 digits. A file that was damaged, or that
   another program has changed and that still has these texts, is refused, and the error names the header or the tensor. Files
   without checksums load.
   Refused: a header over 16 MiB, a name that occurs twice, metadata that is no text, more than 6 dimensions, offsets that overlap,
   leave gaps or bytes over. A load that fails, for any reason, changes nothing; gradients are left as they are in any case. */

/* The parameters of a net. Loading wants all of them in the file, of these shapes and dtypes, and no others; tensors with an @ are passed over. */
int rg_nn_save(rg_nn *net, const char *path);
int rg_nn_load(rg_nn *net, const char *path);

/* All that a run needs to go on, bit for bit, as if it had not been interrupted:

       rg_state state = {.net = net, .optim = adam, .loader = batches};
       rg_state_save(t, "run.safetensors", state);      and in another process, these made as they were before:
       rg_state_load(t, "run.safetensors", state);

   The tape's generator is always among it. Of an optimiser: its state, step counts and learning rate; its kind must be the same, its
   other options are those it was made with. Of a loader: epoch, row and order; it must have as many rows and make the same batches. */
typedef struct rg_state {
    rg_nn *net;         /* its parameters, and */
    rg_list tensors;    /* these, of any dtype; neither: every parameter of the tape */
    rg_optim *optim;
    rg_loader *loader;
    int64_t *step;      /* a count of the program's own; at least 0 */
} rg_state;             /* NULL: there is none */
int rg_state_save(rg_tape *t, const char *path, rg_state state);
int rg_state_load(rg_tape *t, const char *path, rg_state state);

/* -------- NumPy's arrays. Format: numpy.lib.format, version 1.0 (written) to 3.0: "\x93NUMPY", version, length of the header, a Python
   dictionary, the values, little-endian. Read are f4, f8, i4, u1, and i8 whose values fit into i32; of at most 6 dimensions; in C's
   order or in Fortran's; plain or gzip. Big-endian files and other types are refused by name. What is loaded stays until
   rg_tape_free, like a data set, or rg_release. Poisoned after an error. */
int rg_npy_save(rg_tensor *x, const char *path);
rg_tensor *rg_npy_load(rg_tape *t, const char *path);

/* Several under their names, as numpy.savez and numpy.load do it: a zip archive of .npy files, stored, read also when deflated. Names
   are the tensors' (rg_name), each once, of 1 to 507 bytes of UTF-8. The list that is loaded, in the file's order, lives as long as the
   tape; it is empty after an error. Refused: members packed or encrypted in another way, that overlap, or of one name; an archive with
   a comment or with bytes in front. Each member's size and checksum (CRC-32) must be right. */
int rg_npz_save(rg_tape *t, const char *path, rg_list tensors); /* rg_npz_save(t, path, rg_params(t)) */
rg_list rg_npz_load(rg_tape *t, const char *path);
RG_PLAIN rg_tensor *rg_list_find(rg_list list, const char *name); /* the first of that name; NULL when there is none */

#ifdef __cplusplus
}
#endif

#include "nn/save_calls.h"
#endif
