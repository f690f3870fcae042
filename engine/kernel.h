/* kernel.h - for kernel sources only. A kernel source is plain C over one type `real`; the build compiles it once per dtype
   (RG_KERNEL_F64) and once per instruction set, and RG_K(name) is the name of this copy: rg_k_name_f32_avx2, say.          */
#ifndef RG_KERNEL_H
#define RG_KERNEL_H

#include <math.h>
#include <string.h>

#include "op.h"
#include "walk.h"

#ifdef RG_KERNEL_F64
typedef double real;
#define R(name) name
#define RG_SUFFIX_DTYPE f64
#else
typedef float real;
#define R(name) name##f /* R(sqrt) is sqrtf; R(exp) is libm's, RG_M(exp) of engine/math has the same bits everywhere */
#define RG_SUFFIX_DTYPE f32
#endif
#if defined RG_KERNEL_AVX512
#define RG_SUFFIX_ISA avx512
enum { RG_KERNEL_ISA = 2 };
#elif defined RG_KERNEL_AVX2
#define RG_SUFFIX_ISA avx2
enum { RG_KERNEL_ISA = 1 };
#else
#define RG_SUFFIX_ISA base
enum { RG_KERNEL_ISA = 0 };
#endif

#define C(v) ((real)(v))
#define RG_K4(n, d, i) rg_k_##n##_##d##_##i
#define RG_K3(n, d, i) RG_K4(n, d, i)
#define RG_K(n) RG_K3(n, RG_SUFFIX_DTYPE, RG_SUFFIX_ISA)

static inline int64_t rg_min64(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
