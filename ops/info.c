/* info.c - what this build is made of, and what this machine makes of it. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#ifdef RG_OPENBLAS
#include <cblas.h>
#endif

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
    rg_build b = {.version = rg_version(), .blas = "builtin", .vector_math = "libm", .threads = processors()};
    static const char *const isas[RG_ISAS] = {"baseline", "AVX2+FMA", "AVX-512"};
    b.isa = isas[rg_best_isa()];
#ifdef RG_OPENBLAS
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the name and the version, and the processor it chose kernels for */
    char name[16] = "", version[16] = "";
    sscanf(openblas_get_config(), "%15s %15s", name, version);
    snprintf(b.blas, sizeof b.blas, "%s %s (%.16s)", name, version, openblas_get_corename());
#endif
#ifdef RG_HAVE_LIBMVEC
    b.vector_math = "libmvec";
#endif
#ifndef RG_NO_POOL
    b.pool = true;
#endif
    return b;
}

const char *rg_version(void) { return RG_VERSION_TEXT; }
