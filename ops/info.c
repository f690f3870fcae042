/* info.c - rg_info and rg_version: what this build and machine have. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/op.h"
#include "ops/ops.h"

/* That this process may run on. */
static int processors(void) {
#ifdef RG_NO_THREADS
    return 1;
#else
#ifdef CPU_COUNT
    cpu_set_t set; /* of 1024; fails where there are more */
    if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
#endif
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n < RG_THREADS_MOST ? (int)n : RG_THREADS_MOST;
#endif
}

rg_build rg_info(void) {
    rg_build b = {.version = rg_version(), .threads = processors()};
    static const char *const isas[RG_ISAS] = {"baseline", "AVX2+FMA", "AVX-512"};
    b.isa = isas[rg_best_isa()];
#ifndef RG_NO_POOL
    b.pool = true;
#endif
    return b;
}

const char *rg_version(void) { return RG_VERSION_TEXT; }
