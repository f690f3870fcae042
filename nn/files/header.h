/* header.h - the header of a safetensors file, for reading and writing: JSON of one form, which is read without recursion.

       {"__metadata__": {NAME: TEXT, ..}, NAME: {"dtype": "F32", "shape": [784, 128], "data_offsets": [0, 401408]}, ..}

   Checksums are texts of 16 digits in the metadata: "@crc64.NAME" for the values of tensor NAME, and "@crc64", the first text, for the
   header: it covers the eight bytes of length and the header, with zeros in place of its own digits. In a file with checksums "made by"
   ends with ", crc64", so that one damaged byte cannot turn it into a file without them. */
#ifndef RG_HEADER_H
#define RG_HEADER_H

#include "entries.h"

#pragma GCC visibility push(hidden)

enum { RG_HEADER_LENGTH = 8, RG_HEADER_MOST = 16 << 20 };
#define RG_METADATA "__metadata__"
#define RG_SUM "@crc64"

typedef struct rg_part { /* a tensor in a file */
    const char *name, *dtype;
    int here;                       /* the rg_dtype that holds its values on a tape; -1: none does */
    int ndim;
    int64_t shape[RG_MAX_DIMS + 1]; /* one more: the size of an element, for counting bytes */
    int64_t begin, end;             /* within the values */
    bool taken;                     /* an entry wants it */
} rg_part;

typedef struct rg_text { const char *name, *text; } rg_text;

typedef struct rg_header {
    const rg_reader *r;
    const char *path;
    char *bytes;          /* of the header, its length in front; strings are unescaped in place */
    uint64_t size;        /* length included */
    rg_part *parts;       /* sorted by name */
    rg_text *texts;       /* sorted by name */
    int64_t nparts, ntexts, parts_size, texts_size;
    bool checked;         /* the header has checksums, and its own is right */
} rg_header;

/* Reads the header of an open file of `size` bytes. -1 after an error, also for a name that occurs twice. */
int rg_header_read(rg_header *h, int fd, uint64_t size);
void rg_header_free(rg_header *h);
rg_part *rg_header_part(const rg_header *h, const char *name); /* NULL: there is none */
const char *rg_header_text(const rg_header *h, const char *name);
const char *rg_header_checksum(const rg_header *h, int64_t part);    /* of that part's values; NULL: there is none */

/* Everything before the values, in memory of the tape, and its size; NULL after an error. Values of large elements come first, so that
   every value is aligned. */
char *rg_header_make(const rg_state_list *l, size_t *size);

bool rg_is_utf8(const char *text);

/* For an entry with values: tensors and indices. */
bool rg_entry_has_values(const rg_entry *e);
const char *rg_entry_dtype(const rg_entry *e);
int rg_entry_element(const rg_entry *e); /* its size: 8, 4 or 1 */
int rg_entry_ndim(const rg_entry *e);
const int64_t *rg_entry_shape(const rg_entry *e);
void *rg_entry_values(const rg_entry *e);
uint64_t rg_entry_bytes(const rg_entry *e);

#pragma GCC visibility pop
#endif
