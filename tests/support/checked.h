/* checked.h - tapes under RG_CHECK=1. Their memory stays after rg_tape_free, so that what was released can be refused: they are
   remembered here, or leak checkers would complain. */
#ifndef RG_TESTS_CHECKED_H
#define RG_TESTS_CHECKED_H

#include <stdlib.h>

#include "engine/engine.h"

static inline rg_tape *tape_checked(bool check) {
    static rg_tape *volatile all[64];
    static int n;
    if (check) setenv("RG_CHECK", "1", 1);
    rg_tape *t = rg_tape_new(3);
    unsetenv("RG_CHECK");
    assert_non_null(t);
    rg_on_error(t, NULL, NULL);
    assert_true(n < 64);
    return all[n++] = t;
}
#endif
