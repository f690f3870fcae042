/* state.h - the list of what a checkpoint holds, by name. Whoever has something to keep adds where it is; the one list serves saving
   and loading, and loading writes nothing before all of the file was found to be right.

   Tensors go into the file as such. Numbers go as decimal text into its metadata. */
#ifndef RG_STATE_H
#define RG_STATE_H

#include "file.h"
#include "nn.h"

#pragma GCC visibility push(hidden)

#define RG_COUNT_MOST 0x1p62 /* of what is counted up */

typedef enum rg_kept { RG_KEPT_TENSOR, RG_KEPT_INDICES, RG_KEPT_COUNT, RG_KEPT_NUMBER, RG_KEPT_WIDE, RG_KEPT_SAME } rg_kept;

typedef union rg_found { /* in the file, until all of it is known to be right */
    int64_t count;
    double number;
    uint64_t wide[2];
    const unsigned char *bytes;
} rg_found;

typedef struct rg_entry {
    char *name;
    rg_kept kind;
    void *at;           /* rg_tensor; int64_t[n], int64_t, double, uint64_t[2]; text */
    int64_t n;          /* indices: how many, and each is below it */
    bool odd;           /* a wide number is */
    double min, max;    /* of a count or a number */
    rg_found found;
} rg_entry;

typedef struct rg_state_list {
    const rg_reader *r;
    const char *path;
    rg_entry *items;
    int count;
    int64_t size;
    bool failed; /* something could not be added: nothing is saved or loaded */
} rg_state_list;

/* Names are made by printf. Those of what is not part of a net begin with @: weights are loaded without them. */
void rg_keep_tensor(rg_state_list *l, rg_tensor *x, const char *name, ...) __attribute__((format(printf, 3, 4)));
void rg_keep_indices(rg_state_list *l, int64_t *values, int64_t n, const char *name, ...) __attribute__((format(printf, 4, 5)));
void rg_keep_count(rg_state_list *l, int64_t *value, double min, double max, const char *name, ...) __attribute__((format(printf, 5, 6)));
void rg_keep_number(rg_state_list *l, double *value, double min, double max, const char *name, ...) __attribute__((format(printf, 5, 6)));
void rg_keep_wide(rg_state_list *l, uint64_t value[2], bool odd, const char *name, ...) __attribute__((format(printf, 4, 5))); /* {high, low} */
/* Text that says what kind of thing is kept: loading wants it to be the same. It must outlive the list. */
void rg_keep_same(rg_state_list *l, const char *text, const char *name, ...) __attribute__((format(printf, 3, 4)));
void rg_state_free(rg_state_list *l);

/* state.c: metadata as text, and back, -1 after an error. */
enum { RG_STATE_TEXT = 64 };
const char *rg_entry_text(const rg_entry *e, char to[RG_STATE_TEXT]);
int rg_entry_parse(const rg_state_list *l, rg_entry *e, const char *text);

/* safetensors.c */
int rg_state_write(const rg_state_list *l);
int rg_state_read(rg_state_list *l);

#pragma GCC visibility pop
#endif
