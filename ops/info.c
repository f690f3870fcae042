/* info.c - what this build is made of, and what this machine makes of it. */
#include <stdio.h>

#ifdef RG_OPENBLAS
#include <cblas.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "engine/op.h"
#include "ops/ops.h"

rg_build rg_info(void) {
    rg_build b = {.version = rg_version(), .blas = "builtin", .vector_math = "libm", .threads = 1};
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
#ifdef _OPENMP
    b.threads = omp_get_num_procs();
#endif
#ifndef RG_NO_POOL
    b.pool = true;
#endif
    return b;
}

const char *rg_version(void) { return RG_VERSION_TEXT; }
