/* tape.h - cases on a tape whose errors are expected, by their whole text; one that is left over fails its case. */
#ifndef RG_TESTS_TAPE_H
#define RG_TESTS_TAPE_H

static inline int start_seeded(void **state, uint64_t seed) {
    rg_tape *t = rg_tape_new(seed);
    rg_on_error(t, NULL, NULL);
    *state = t;
    return t ? 0 : -1;
}

static inline int stop(void **state) {
    rg_tape *t = *state;
    const bool bad = rg_error(t) != NULL;
    if (bad) print_error("left over: %s\n", rg_error(t));
    rg_tape_free(t);
    return bad ? -1 : 0;
}

static inline void expect_error(rg_tape *t, const char *message) {
    assert_non_null(rg_error(t));
    assert_string_equal(rg_error(t), message);
    rg_error_clear(t);
}
#endif
