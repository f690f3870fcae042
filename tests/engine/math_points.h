/* math_points.h - arguments to try functions on: made by integer arithmetic, so that they are the same on every machine. */
#ifndef RG_TESTS_MATH_POINTS_H
#define RG_TESTS_MATH_POINTS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tools/bench/math_loops.h"

static inline uint64_t next_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A double: of any bits; of a size from 2^-40 to 2^12, where functions have a shape; or a neighbour of a number like 0, 1, pi / 2. */
static inline double random_double(uint64_t *state) {
    const uint64_t u = next_random(state), kind = next_random(state);
    static const double edges[] = {0, 0x1p-1022, 0x1p-126, .25, .5, .55, .65625, 1, 1.5707963267948966, 2, 88.72, 709.78, 32768, 0x1p53,
        0x1.fffffep127, 0x1.fffffffffffffp1023};
    uint64_t bits = u;
    double v;
    if (kind % 8 < 5) bits = (u & UINT64_C(0x800fffffffffffff)) | (uint64_t)(1023 - 40 + (kind >> 8) % 52) << 52;
    else if (kind % 8 == 5) {
        memcpy(&bits, &edges[(kind >> 8) % (sizeof edges / sizeof *edges)], sizeof bits);
        bits = (bits + (u >> 8) % 64 - (u >> 16) % 64) ^ (u & UINT64_C(1) << 63);
    }
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline float random_float(uint64_t *state) {
    if (next_random(state) % 4) return (float)random_double(state);
    const uint32_t bits = (uint32_t)next_random(state);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* -------- the bits of a function's results at many points; all NaN are one */

enum { HASH_POINTS = 8192 };

static inline uint64_t hash_of(const math_loop *f, bool f64) {
    static union { float f[HASH_POINTS]; double d[HASH_POINTS]; } x, b, y;
    uint64_t state = 1, h = 1;
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < HASH_POINTS; i++) {
            if (f64) x.d[i] = random_double(&state), b.d[i] = random_double(&state);
            else x.f[i] = random_float(&state), b.f[i] = random_float(&state);
        }
        f->loop(HASH_POINTS, &x, &b, &y);
        for (int i = 0; i < HASH_POINTS; i++) {
            uint64_t bits = 0;
            if (f64) memcpy(&bits, &y.d[i], sizeof y.d[i]);
            else memcpy(&bits, &y.f[i], sizeof y.f[i]);
            if (f64 ? y.d[i] != y.d[i] : y.f[i] != y.f[i]) bits = UINT64_MAX;
            h = (h ^ bits) * UINT64_C(0x100000001b3);
            h ^= h >> 29;
        }
    }
    return h;
}

typedef struct golden_function { const char *name; uint64_t f32, f64; } golden_function;
#endif
