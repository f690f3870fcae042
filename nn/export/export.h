/* export.h - for the files of this folder: a net that is being written as C. */
#ifndef RG_EXPORT_H
#define RG_EXPORT_H

#include "engine/op.h"
#include "nn/save.h"

#pragma GCC visibility push(hidden)

/* What an exported net may have, made from parts.c: declarations in their order, [f32, f64]. The name of the last is NULL. */
typedef struct rg_part { const char *name, *text; } rg_part;
extern const rg_part *const rg_parts[2];
const char *rg_part_text(const char *name); /* of the f32 part; NULL: there is none */

typedef struct rg_text { char *at; int64_t n, size; } rg_text;

enum { RG_IN_INPUT, RG_IN_CONSTANT, RG_IN_WORK, RG_IN_RESULT };
typedef struct rg_home { /* where the values of a tensor are: that of a view is its base's */
    const rg_tensor *x;
    int kind;
    int64_t number;      /* of the input or constant; the first element in its workspace */
    bool dynamic, needed;/* depends on an input; the result depends on it */
    int64_t last;        /* the last tensor that reads it: its place in homes */
} rg_home;

enum { RG_WORKS = 3 };   /* a workspace each of floats, i32 and u8 */
typedef struct rg_block { int64_t begin, end, last; } rg_block;

typedef struct rg_export {
    const char *at, *name;
    rg_tape *tape;
    rg_export_options options;
    const rg_tensor *in[RG_NN_INPUTS], *y;
    int nin;
    rg_home *homes;      /* of what the forward made, [0, made), in order; then of the constants from before it */
    int64_t made, count, homes_size, mark, now;
    rg_dtype real;       /* of all floats */
    rg_text body, constants, weights;
    int nconstants;
    bool draws;          /* the net has drawn random numbers */
    rg_block *live[RG_WORKS];
    int64_t nlive[RG_WORKS], live_size[RG_WORKS], work[RG_WORKS];
    bool failed;
} rg_export;

static inline bool rg_export_is_float(const rg_tensor *x) { return x->dtype == RG_F32 || x->dtype == RG_F64; }
void rg_export_put(rg_export *e, rg_text *to, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* a number as a C constant: its exact value, whatever the locale */
typedef struct rg_digits { char text[40]; } rg_digits;
rg_digits rg_export_number(double v, rg_dtype dtype);
rg_home *rg_export_home(rg_export *e, const rg_tensor *x);
/* the array that has x, "w->f", and in *first where x begins in it */
rg_digits rg_export_array(rg_export *e, const rg_tensor *x, int64_t *first);
/* room for n elements in the workspace of a dtype, until tensor `last` has been computed; returns the first */
int64_t rg_export_room(rg_export *e, rg_dtype dtype, int64_t n, int64_t last);
int rg_export_refuse(rg_export *e, const rg_tensor *y, const char *why); /* sets e->failed; returns -1 */

void rg_export_op(rg_export *e, const rg_tensor *y);                     /* ops.c: the statements that compute y */
void rg_export_copy(rg_export *e, const rg_tensor *x);                   /* y = x, for the result */

#pragma GCC visibility pop
#endif
