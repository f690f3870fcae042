/* state.h - the list of what a file holds, by name. Whoever has something to keep adds where it is; the one list serves saving and
   loading, and loading writes nothing before all of the file was found to be right.

   Tensors go into the file as such. Numbers go as decimal text into its metadata. */
#ifndef RG_STATE_H
#define RG_STATE_H

#include "file.h"
#include "nn/nn.h"

#pragma GCC visibility push(hidden)

#define RG_COUNT_MOST 0x1p62 /* of what is counted up */

typedef struct rg_state_list rg_state_list;
typedef struct rg_member rg_member;
typedef void rg_keep_fn(rg_state_list *l, const rg_member *m); /* adds its entries */
struct rg_member { /* what was added to the state of a run */
    rg_keep_fn *keep;
    const char *who, *name, *at; /* "rg_state_optim"; the name it was given, or ""; the line of that call */
    void *of;
    int count; /* of tensors: of is rg_tensor *[count] */
};

typedef enum rg_kept { RG_KEPT_TENSOR, RG_KEPT_INDICES, RG_KEPT_COUNT, RG_KEPT_NUMBER, RG_KEPT_WIDE, RG_KEPT_SAME } rg_kept;

typedef union rg_found { /* in the file, until all of it is known to be right */
    int64_t count;
    double number;
    uint64_t wide[2];
} rg_found;

typedef struct rg_entry {
    rg_kept kind;
    void *at;           /* rg_tensor; int64_t[n]; an integer; double; uint64_t[2], {high, low}; text, of which loading wants the same */
    int64_t n;          /* indices: how many, and each is below it; an integer: its bytes, at most 8 */
    double min, max;    /* of an integer or a number */
    bool nan, odd;      /* a number may be NaN; a wide one is odd */
    bool matrix;        /* a tensor [in, out] of a layer: PyTorch has [out, in] */
    bool turned;        /* so has the file: */
    int64_t shape[2];   /* there */
    void *copy;         /* of what is turned, for saving */
    char *name;
    const rg_member *from;
    struct rg_part *part; /* tensors, indices: where they are in the file; NULL: nowhere */
    rg_found found;
} rg_entry;

struct rg_state_list {
    const rg_reader *r;
    const char *path;
    rg_file_options with;
    const rg_member *from; /* whose entries are added now; NULL: of no run */
    rg_entry *items;
    int count;
    int64_t size;
    bool failed;           /* something could not be added: nothing is saved or loaded */
};

/* The name is made by printf. Those of what is not of a net begin with @. */
void rg_keep(rg_state_list *l, rg_entry e, const char *name, ...) __attribute__((format(printf, 3, 4)));
int rg_state_check(const rg_state_list *l); /* can these names be in one file, each once? 0, or -1 with an error */
void rg_state_free(rg_state_list *l);

/* save.c: tensors under their names, `front` and a dot before these, or what l->with says. net: that they are of, or NULL */
/* is x, number i, one of the tape, with a name if it needs one? */
int rg_keep_check(rg_state_list *l, const rg_tensor *x, int i, bool named);
void rg_keep_tensors(rg_state_list *l, rg_list list, const rg_nn *net, const char *front);
void rg_keep_net(rg_state_list *l, const rg_nn *net, const char *front);

/* state.c: metadata as text, and back, -1 after an error. */
enum { RG_STATE_TEXT = 64 };
const char *rg_entry_text(const rg_entry *e, char to[RG_STATE_TEXT]);
int rg_entry_parse(const rg_state_list *l, rg_entry *e, const char *text);
bool rg_parse_number(const char *text, double *x); /* with a point, whatever the locale is; also nan, inf, -inf */

int rg_state_file(rg_state_list *l, bool load); /* safetensors.c: to or from the file; frees the list */

#pragma GCC visibility pop
#endif
