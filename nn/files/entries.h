/* entries.h - the list of what a checkpoint holds: a name for each entry, and where its values are. The same list serves saving and
   loading, and loading writes nothing before the whole file was checked. Tensors become tensors of the file, numbers decimal text in its
   metadata. */
#ifndef RG_ENTRIES_H
#define RG_ENTRIES_H

#include "file.h"
#include "nn/nn.h"

#pragma GCC visibility push(hidden)

#define RG_COUNT_MOST 0x1p62 /* the largest value of a counter */

typedef struct rg_state_list rg_state_list;
typedef struct rg_member rg_member;
typedef void rg_keep_fn(rg_state_list *l, const rg_member *m); /* adds its entries */
struct rg_member { /* an object that was added to the state of a run */
    rg_keep_fn *keep;
    const char *who, *name, *at; /* "rg_state_optim"; the name it was given, or ""; the line of that call */
    void *of;
    int count; /* of tensors: of is rg_tensor *[count] */
};

typedef enum rg_kept { RG_KEPT_TENSOR, RG_KEPT_INDICES, RG_KEPT_COUNT, RG_KEPT_NUMBER, RG_KEPT_WIDE, RG_KEPT_TEXT } rg_kept;

typedef union rg_found { /* a number that was read, until the whole file is checked */
    int64_t count;
    double number;
    uint64_t wide[2];
} rg_found;

typedef struct rg_entry {
    rg_kept kind;
    void *at;           /* rg_tensor; int64_t[n]; an integer; double; uint64_t[2], {high, low}; a text, which loading must find unchanged */
    int64_t n;          /* indices: how many, each below n; an integer: its bytes, at most 8 */
    double min, max;    /* of an integer or a number */
    bool nan, odd;      /* a number may be NaN; a wide one is odd */
    bool matrix;        /* a tensor [in, out] of a layer, which is [out, in] in PyTorch */
    bool transposed;    /* the file has [out, in], too */
    int64_t shape[2];   /* of the transposed matrix */
    void *copy;         /* the transposed values, for saving */
    char *name;
    const rg_member *from;
    struct rg_part *part; /* of a tensor or indices, the tensor of the file; NULL: it has none */
    rg_found found;
} rg_entry;

struct rg_state_list {
    const rg_reader *r;
    const char *path;
    rg_file_options with;
    const rg_member *from; /* the member whose entries are added now; NULL: not the state of a run */
    rg_entry *items;
    int count;
    int64_t size;
    bool failed;           /* something could not be added: nothing is saved or loaded */
};

/* Adds an entry. The name is a printf format; names of entries that are not of a net begin with @. */
void rg_keep(rg_state_list *l, rg_entry e, const char *name, ...) __attribute__((format(printf, 3, 4)));
int rg_state_check(const rg_state_list *l); /* 0, or -1 with an error for a name that is not unique or not possible */
void rg_state_free(rg_state_list *l);

/* save.c: adds tensors under their names, with `front` and a dot before, or as l->with says. net: the net that they are of, or NULL.
   rg_keep_check: is x, tensor number i, one of the tape, and has it a name if it needs one? */
int rg_keep_check(rg_state_list *l, const rg_tensor *x, int i, bool named);
void rg_keep_tensors(rg_state_list *l, rg_list list, const rg_nn *net, const char *front);
void rg_keep_net(rg_state_list *l, const rg_nn *net, const char *front);

/* entries.c: the text of an entry in the metadata; and back, -1 after an error */
enum { RG_STATE_TEXT = 64 };
const char *rg_entry_text(const rg_entry *e, char to[RG_STATE_TEXT]);
int rg_entry_parse(const rg_state_list *l, rg_entry *e, const char *text);
bool rg_parse_number(const char *text, double *x); /* with a decimal point in any locale; also nan, inf, -inf */

int rg_state_file(rg_state_list *l, bool load); /* safetensors.c: saves or loads the list, and frees it */

#pragma GCC visibility pop
#endif
