/* cases.h - a list of cmocka cases made at run time, one per operator say, so that the count is honest and a failure has a name. */
#ifndef RG_TESTS_CASES_H
#define RG_TESTS_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct cases {
    struct CMUnitTest *items;
    size_t count;
} cases;

/* The name is made by printf; `state` reaches the case as *state. Running out of memory ends the test program. */
__attribute__((format(printf, 4, 5))) static inline void cases_add(cases *c, CMUnitTestFunction test, const void *state, const char *format,
    ...) {
    char *name = malloc(96);
    struct CMUnitTest *items = realloc(c->items, (c->count + 1) * sizeof *items);
    if (!name || !items) abort();
    va_list args;
    va_start(args, format);
    vsnprintf(name, 96, format, args);
    va_end(args);
    c->items = items;
    c->items[c->count++] = (struct CMUnitTest){.name = name, .test_func = test, .initial_state = (void *)(uintptr_t)state};
}

/* Runs and frees the list; what main returns. */
static inline int cases_run(cases *c, const char *group) {
    const int failed = _cmocka_run_group_tests(group, c->items, c->count, NULL, NULL);
    for (size_t i = 0; i < c->count; i++) free((void *)(uintptr_t)c->items[i].name);
    free(c->items);
    return failed;
}
#endif
