/* mutate.h - operators whose derivative is wrong on purpose: copies of a descriptor that break what its rule gives, at run time. */
#ifndef RG_TESTS_MUTATE_H
#define RG_TESTS_MUTATE_H

#include "engine/op.h"

typedef struct mutation mutation;
typedef struct mutant {
    rg_op op;              /* comes first: a result's op leads back to its mutant */
    const rg_op *original; /* whose rule is broken; for a composite, an identity before an operand or behind the result */
    const rg_op *whole;    /* a composite: what stands behind, or before, the identity */
    const mutation *mutation;
    int operand;           /* whose gradient is broken */
} mutant;

const mutation *mutation_at(int k); /* 0 breaks nothing; NULL behind the last */
const char *mutation_name(const mutation *m);
bool mutation_fits(const mutation *m, const rg_op *op, int floats); /* floats: how many operands it is differentiated by */

/* An operator like `op` but for the gradient of one operand. A composite's must be the newest one made while it is in use. */
void mutant_make(mutant *m, const rg_op *op, const mutation *change, int operand);

/* Are the derivatives of two operators the same, on every sample of b, for several values of the operands and cotangents? TO_THE_BIT: the
   first ones, in a plain pass and in a recorded one (0 and -0 are one number); of the second ones the order in which their terms are
   added up may differ, since a rule with another intermediate is gone through in another order. TO_ROUNDING: first ones 4 eps apart, as
   when an operand is broadcast first and the vector library computes what was a loop's scalar rest. */
typedef enum sameness { DIFFERENT, TO_ROUNDING, TO_THE_BIT } sameness;
sameness mutant_equals(const rg_op *a, const rg_op *b, uint64_t seed, int seeds);

#endif
