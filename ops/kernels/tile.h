/* kernels/tile.h - for kernel sources: vectors, fused multiply-adds of them, and the tile of a product whose sums stay in registers. */
#ifndef RG_TILE_H
#define RG_TILE_H

#include "engine/kernel.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE __attribute__((always_inline)) static inline
/* Registers: 16, with AVX-512 32. */
#if defined RG_KERNEL_AVX512
#define VECTOR 64
enum { ROWS = 12 };
#else
#ifdef RG_KERNEL_AVX2
#define VECTOR 32
#else
#define VECTOR 16
#endif
enum { ROWS = 6 };
#endif

enum { LANES = VECTOR / (int)sizeof(real), COLS = 2 * LANES };
enum { FEW = ROWS / 2, WIDE = 4 }; /* up to FEW rows keep the multipliers busy only if they are WIDE vectors long */

typedef real vector __attribute__((vector_size(VECTOR)));
typedef real anywhere __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));
typedef real four __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real)), may_alias));

/* n in parts of nearly the same size, of at most `most` */
static inline int64_t even(int64_t n, int64_t most) {
    const int64_t parts = n > most ? (n + most - 1) / most : 1;
    return (n + parts - 1) / parts;
}

/* a b + c, rounded once, of numbers and of vectors. Without the instruction, for floats: in doubles, where a b is exact. The sum is rounded
   twice then, which is wrong only half-way between two floats, or where floats lose digits: then it is rounded to odd first (Boldo and
   Melquiond, Emulation of a FMA and correctly rounded sums, 2008). For doubles it is libm's. */
#if defined __FMA__ || defined __FP_FAST_FMA || defined RG_KERNEL_F64
#define MULTIPLY_ADD(a, b, c) R(fma)(a, b, c)
/* where there is an instruction, both compilers make one of these loops */
INLINE vector multiply_add(real a, vector b, vector s) {
    UNROLL
    for (int q = 0; q < LANES; q++) s[q] = MULTIPLY_ADD(a, b[q], s[q]);
    return s;
}
INLINE vector multiply_adds(vector a, vector b, vector s) {
    UNROLL
    for (int q = 0; q < LANES; q++) s[q] = MULTIPLY_ADD(a[q], b[q], s[q]);
    return s;
}
#else
#define MULTIPLY_ADD(a, b, c) two_multiply_adds((doubles){a}, (doubles){b}, (doubles){c})[0]
typedef double doubles __attribute__((vector_size(16)));
typedef float two __attribute__((vector_size(8)));
typedef int64_t words __attribute__((vector_size(16)));
typedef int32_t halves __attribute__((vector_size(16)));

static __attribute__((noinline)) doubles sum_to_odd(doubles p, doubles c) {
    const doubles s = p + c, of_c = s - p, rest = (p - (s - of_c)) + (c - of_c);
    const words inexact = (rest > 0) | (rest < 0); /* the rest of an infinite s is NaN */
    const words bits = (words)s, even = inexact & (0 - (~bits & 1)), step = 2 * ((rest > 0) ^ (s > 0)) + 1; /* away from 0, or towards it */
    return (doubles)(bits + (step & even));
}

static inline two two_multiply_adds(doubles a, doubles b, doubles c) {
    const doubles p = a * b;
    doubles s = p + c;
    const words size = (words)s & INT64_MAX, half_way = (words)(((halves)s & (halves){0x1fffffff, 0, 0x1fffffff, 0}) ==
        (halves){0x10000000, 1, 0x10000000, 1}), few_digits = (s != 0) & ((doubles)size < 0x1p-126), mend = half_way | few_digits;
    if (__builtin_expect((mend[0] | mend[1]) != 0, 0)) s = sum_to_odd(p, c);
    return __builtin_convertvector(s, two);
}

INLINE vector multiply_adds(vector a, vector b, vector s) {
    two part[2];
    UNROLL
    for (int q = 0; q < 4; q += 2)
        part[q / 2] = two_multiply_adds((doubles){(double)a[q], (double)a[q + 1]}, (doubles){(double)b[q], (double)b[q + 1]},
            (doubles){(double)s[q], (double)s[q + 1]});
    return (vector){part[0][0], part[0][1], part[1][0], part[1][1]};
}
INLINE vector multiply_add(real a, vector b, vector s) { return multiply_adds((vector){a, a, a, a}, b, s); }
#endif

/* c[rows, vectors] = or += a[rows, k] b[k, vectors], then + bias[rows] unless that is NULL. b's row l begins at l ldb, its vector j at
   j LANES from there; with `tables`, at place[l] and next[j]. */
INLINE void register_tile(int rows, int vectors, bool ta, bool tables, int64_t k, const real *restrict a, int64_t lda,
    const real *restrict b, int64_t ldb, const int64_t *restrict place, const int64_t *restrict next, real *restrict c, int64_t ldc,
    bool add, const real *restrict bias) {
    enum { AHEAD = 8, LINE = 64 / VECTOR };
    vector s[ROWS][WIDE], of_b[WIDE];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++) s[i][j] = add ? (vector)*(const anywhere *)(c + i * ldc + j * LANES) : (vector){0};
    const int64_t below = ta ? 1 : lda, along = ta ? lda : 1;
    const real *row[ROWS / 3], *column[WIDE];
    UNROLL
    for (int i = 0; i < rows; i += 3) {
        row[i / 3] = a + i * below;
        __asm__("" : "+r"(row[i / 3])); /* or compilers load neighbours together and pick them out, which takes longer */
    }
    UNROLL
    for (int j = 0; j < vectors; j++) column[j] = b + (tables ? next[j] : j * LANES);
    for (int64_t l = 0; l < k; l++) {
        const int64_t at = tables ? place[l] : l * ldb;
        UNROLL
        for (int j = 0; j < vectors; j++) of_b[j] = (vector)*(const anywhere *)(column[j] + at);
        UNROLL
        for (int j = 0; j < vectors && !tables; j += LINE) __builtin_prefetch(column[j] + at + AHEAD * ldb);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const real of_a = row[i / 3][i % 3 * below];
            UNROLL
            for (int j = 0; j < vectors; j++) s[i][j] = multiply_add(of_a, of_b[j], s[i][j]);
        }
        UNROLL
        for (int i = 0; i < rows; i += 3) row[i / 3] += along;
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++) *(anywhere *)(c + i * ldc + j * LANES) = bias ? s[i][j] + bias[i] : s[i][j];
}

/* Tiles of 1 .. ROWS rows, for TILE(rows, vectors, kind), which defines the function tile_ROWS_VECTORS_KIND; and a list of their names.
   Those of WIDE vectors have at most FEW rows. */
#define TILES3(v, ta) TILE(1, v, ta) TILE(2, v, ta) TILE(3, v, ta)
#define TILES6(v, ta) TILES3(v, ta) TILE(4, v, ta) TILE(5, v, ta) TILE(6, v, ta)
#define NAMES3(v, ta) tile_1_##v##_##ta, tile_2_##v##_##ta, tile_3_##v##_##ta
#define NAMES6(v, ta) NAMES3(v, ta), tile_4_##v##_##ta, tile_5_##v##_##ta, tile_6_##v##_##ta
#ifdef RG_KERNEL_AVX512
#define TILES(v, ta) TILES6(v, ta) TILE(7, v, ta) TILE(8, v, ta) TILE(9, v, ta) TILE(10, v, ta) TILE(11, v, ta) TILE(12, v, ta)
#define NAMES(v, ta) \
    NAMES6(v, ta), tile_7_##v##_##ta, tile_8_##v##_##ta, tile_9_##v##_##ta, tile_10_##v##_##ta, tile_11_##v##_##ta, tile_12_##v##_##ta
#define TILES_FEW TILES6
#define NAMES_FEW NAMES6
#else
#define TILES TILES6
#define NAMES NAMES6
#define TILES_FEW TILES3
#define NAMES_FEW NAMES3
#endif

#endif
