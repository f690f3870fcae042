/* sample.h - samples of operators: the notation of rg_op.samples and rg_op.refuses, and how operands are made of it.

   Samples are separated by ";". A sample is its operands, then its attributes, separated by blanks. Operands:

   2,3        dimensions; "-" is rank 0
   2,3:f64    f32 f64 i32 u8 instead of the tape's float type
   2,3:i32<5  i32, values 0 .. 4
   3:i32=7    i32, every value 7
   4:f<2      the tape's float type, values 0 and 1
   same       operand 0 itself, the same tensor

   Attributes: axis=1 keepdims=1 ta=1 tb=1 classes=5 start=-2 stop=3 p=2.5 q=1 dtype=f64 reverse=1 diagonal=-1
   reduction=1 axes=0.2 (a set) perm=2.0.1 shape=2x3 (shape=- is rank 0) kernel=3x2 stride=2x1 padding=1x0
   dilation=1x2 groups=2 size=5x6

   Floats are drawn from the op's range, plain i32 from 0 and 1, plain u8 from 0 .. 255. Floats with a "<" or "=" are
   switches (the condition of where): they never require a gradient. */
#ifndef RG_SAMPLE_H
#define RG_SAMPLE_H

#include "../engine/op.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RG_SAMPLE_OPERANDS = 8 };

typedef struct rg_sample_operand {
    int ndim;
    int64_t shape[RG_MAX_DIMS];
    int dtype;         /* -1: the tape's float type */
    bool same;
    bool whole;        /* integers low .. high instead of the op's range */
    int32_t low, high;
} rg_sample_operand;

typedef struct rg_sample {
    const char *text; /* not terminated: printf("%.*s", s.length, s.text) */
    int length, n;
    rg_sample_operand operand[RG_SAMPLE_OPERANDS];
    rg_attr attr;     /* without attr.shape.dims: see rg_sample_apply */
    bool has_shape;
    int64_t dims[RG_MAX_DIMS];
    char error[96];   /* what is wrong with the text */
} rg_sample;

/* Reads the next sample of *text and moves *text past it. 1: there was one; 0: there are no more; -1: it cannot be
   read, see s->error. */
int rg_sample_next(const char **text, rg_sample *s);
/* Makes its operands on a tape, with values from rng. Returns their number, or -1 with the error on the tape. */
int rg_sample_operands(
    const char *at, const rg_sample *s, const rg_op *op, rg_tape *t, rg_rng *rng, rg_tensor *in[RG_SAMPLE_OPERANDS]);
/* Applies the op to these operands, with the attributes of the sample. */
rg_tensor *rg_sample_apply(const char *at, const rg_sample *s, const rg_op *op, rg_tensor *const *in);
/* Can this operand be differentiated: is it a float of the tape's type, and no switch? */
bool rg_sample_float(const rg_sample *s, int i);

#ifdef __cplusplus
}
#endif
#endif
