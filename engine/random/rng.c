/* rng.c - NumPy's default_rng: SeedSequence -> PCG64 -> uniform, ziggurat normal, Lemire's bounded integers, Fisher-Yates.

   The code is ours; the algorithms, their constants and the order in which bits are used up are those of
     NumPy, numpy.random      Copyright (c) 2005-2022 NumPy Developers, BSD-3-Clause (text in ziggurat.h, whose tables are NumPy's)
     PCG, pcg-random.org      Copyright (c) 2014 Melissa O'Neill, MIT; her randutils::seed_seq (MIT) is where SeedSequence comes from
   D. Lemire, "Fast random integer generation in an interval", 2019. G. Marsaglia and W. W. Tsang, "The ziggurat method", 2000. */
#include "engine/random/rng.h"
#include "engine/random/ziggurat.h"

#include <string.h>

/* No contraction: a fused multiply-add rounds once, and does not give NumPy's bits. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "engine/math/functions.h" /* included here, with contraction off as well */

/* ---- 128-bit arithmetic ---- */

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 uint128;
#endif

/* a b: the high half into *high, the low half returned. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *high) {
#ifdef __SIZEOF_INT128__
    uint128 product = (uint128)a * b;
    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
#else
    uint64_t a1 = a >> 32, a0 = a & UINT32_MAX, b1 = b >> 32, b0 = b & UINT32_MAX;
    uint64_t upper = a1 * b0 + (a0 * b0 >> 32), lower = a0 * b1 + (upper & UINT32_MAX); /* neither can overflow */
    *high = a1 * b1 + (upper >> 32) + (lower >> 32);
    return a * b;
#endif
}

/* to += add, both {high, low} */
static void accumulate(uint64_t to[2], const uint64_t add[2]) {
    to[1] += add[1];
    to[0] += add[0] + (to[1] < add[1]);
}

/* ---- SeedSequence: a pool of four words, each a hash of all the entropy ---- */

enum { POOL = 4 };

/* Every call leaves another constant behind, so that equal words at different places hash differently. */
static uint32_t hash(uint32_t word, uint32_t *constant, uint32_t factor) {
    word ^= *constant;
    *constant *= factor;
    word *= *constant;
    return word ^ word >> 16;
}

static uint32_t mix(uint32_t x, uint32_t y) {
    uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
    return mixed ^ mixed >> 16;
}

static void fill_pool(uint32_t pool[POOL], const uint32_t *entropy, int n) {
    const uint32_t factor = 0x931e8875u;
    uint32_t constant = 0x43b0d7e5u;
    for (int i = 0; i < POOL; i++) pool[i] = hash(i < n ? entropy[i] : 0, &constant, factor);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (to != from) pool[to] = mix(pool[to], hash(pool[from], &constant, factor));
    for (int from = POOL; from < n; from++)
        for (int to = 0; to < POOL; to++) pool[to] = mix(pool[to], hash(entropy[from], &constant, factor));
}

void rg_rng_seed_state(const uint32_t *entropy, int n, uint32_t *out, int words) {
    uint32_t pool[POOL], constant = 0x8b51f9ddu;
    fill_pool(pool, entropy, n);
    for (int i = 0; i < words; i++) out[i] = hash(pool[i % POOL], &constant, 0x58f38dedu);
}

/* ---- PCG64: state = state * multiplier + inc (mod 2^128), output XSL-RR ---- */

static void step(rg_rng *r) {
    static const uint64_t multiplier[2] = {0x2360ed051fc65da4u, 0x4385df649fccf645u};
    uint64_t product[2];
    product[1] = multiply(r->state[1], multiplier[1], &product[0]);
    product[0] += r->state[0] * multiplier[1] + r->state[1] * multiplier[0];
    accumulate(product, r->inc);
    memcpy(r->state, product, sizeof product);
}

void rg_rng_seed_words(rg_rng *r, const uint32_t *entropy, int n) {
    uint32_t words[8];
    uint64_t seeds[4]; /* the initial state and the stream's number, high half first, each from two words, low word first */
    rg_rng_seed_state(entropy, n, words, 8);
    for (int i = 0; i < 4; i++) seeds[i] = (uint64_t)words[2 * i + 1] << 32 | words[2 * i];
    /* PCG's rule: a step from zero, which leaves inc, then add the initial state, then another step. inc must be odd. */
    *r = (rg_rng){.inc = {seeds[2] << 1 | seeds[3] >> 63, seeds[3] << 1 | 1}};
    memcpy(r->state, r->inc, sizeof r->state);
    accumulate(r->state, seeds);
    step(r);
}

void rg_rng_seed(rg_rng *r, uint64_t seed) {
    const uint32_t entropy[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    rg_rng_seed_words(r, entropy, 2); /* a high word of zero hashes like no word */
}

uint64_t rg_rng_next64(rg_rng *r) {
    step(r);
    uint64_t folded = r->state[0] ^ r->state[1];
    unsigned turn = (unsigned)(r->state[0] >> 58);
    return folded >> turn | folded << (-turn & 63);
}

uint32_t rg_rng_next32(rg_rng *r) {
    if (r->has_spare) {
        r->has_spare = 0;
        return r->spare;
    }
    uint64_t bits = rg_rng_next64(r);
    r->spare = (uint32_t)(bits >> 32);
    r->has_spare = 1;
    return (uint32_t)bits;
}

/* ---- floating point ---- */

double rg_rng_random(rg_rng *r) { return (double)(rg_rng_next64(r) >> 11) * 0x1p-53; }

/* |z| given that it is beyond the lowest strip, by Marsaglia's rejection from an exponential. */
static double tail(rg_rng *r) {
    double x, y;
    do {
        x = -ZIGGURAT_INV_R * math_log1p_f64(-rg_rng_random(r));
        y = -math_log1p_f64(-rg_rng_random(r));
    } while (y + y <= x * x);
    return ZIGGURAT_R + x;
}

/* Of 64 random bits: 8 choose a strip of equal area under the bell, 1 the sign, 52 the place in the strip. */
double rg_rng_standard_normal(rg_rng *r) {
    for (;;) {
        uint64_t bits = rg_rng_next64(r), place = bits >> 9 & 0xfffffffffffffu;
        unsigned strip = bits & 255;
        double x = (double)place * ziggurat_wi[strip];
        if (bits & 256) x = -x;
        if (place < ziggurat_ki[strip]) return x; /* wholly under the curve: 99 of 100 end here */
        if (strip == 0) {
            x = tail(r);
            return place & 256 ? -x : x; /* the tail's sign is another bit */
        }
        double bottom = ziggurat_fi[strip], height = ziggurat_fi[strip - 1] - bottom;
        if (height * rg_rng_random(r) + bottom < math_exp_f64(-0.5 * x * x)) return x;
    }
}

double rg_rng_normal(rg_rng *r, double mean, double std) { return mean + std * rg_rng_standard_normal(r); }

double rg_rng_uniform(rg_rng *r, double low, double high) { return low + (high - low) * rg_rng_random(r); }

/* ---- bounded integers: the high half of draw * range, drawn again while the low half is below 2^bits mod range ---- */

static uint32_t below32(rg_rng *r, uint32_t range) {
    uint64_t product = (uint64_t)rg_rng_next32(r) * range;
    if ((uint32_t)product < range) /* spares most draws the division */
        for (uint32_t unfair = (0 - range) % range; (uint32_t)product < unfair;) product = (uint64_t)rg_rng_next32(r) * range;
    return (uint32_t)(product >> 32);
}

static uint64_t below64(rg_rng *r, uint64_t range) {
    uint64_t high, low = multiply(rg_rng_next64(r), range, &high);
    if (low < range)
        for (uint64_t unfair = (0 - range) % range; low < unfair;) low = multiply(rg_rng_next64(r), range, &high);
    return high;
}

uint64_t rg_rng_bounded(rg_rng *r, uint64_t max) {
    if (max == 0) return 0;
    if (max < UINT32_MAX) return below32(r, (uint32_t)max + 1);
    if (max == UINT32_MAX) return rg_rng_next32(r);
    if (max < UINT64_MAX) return below64(r, max + 1);
    return rg_rng_next64(r);
}

int64_t rg_rng_integers(rg_rng *r, int64_t low, int64_t high) {
    if (high <= low) return low;
    return (int64_t)((uint64_t)low + rg_rng_bounded(r, (uint64_t)high - (uint64_t)low - 1));
}

/* ---- order ---- */

/* [0, max], not by Lemire's way but as NumPy does it when it shuffles: as many bits as max has, drawn again while they exceed it. */
static uint64_t masked(rg_rng *r, uint64_t max) {
    uint64_t mask = max, x;
    for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    do x = (max <= UINT32_MAX ? rg_rng_next32(r) : rg_rng_next64(r)) & mask;
    while (x > max);
    return x;
}

static void swap(char *a, char *b, size_t size) {
    char held[256];
    for (size_t part; size > 0; a += part, b += part, size -= part) {
        part = size < sizeof held ? size : sizeof held;
        memcpy(held, a, part);
        memcpy(a, b, part);
        memcpy(b, held, part);
    }
}

void rg_rng_shuffle(rg_rng *r, void *items, int64_t n, size_t size) {
    if (n < 2 || size == 0) return;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)masked(r, (uint64_t)i);
        if (j != i) swap((char *)items + (size_t)i * size, (char *)items + (size_t)j * size, size);
    }
}

void rg_rng_permutation(rg_rng *r, int64_t n, int64_t *out) {
    for (int64_t i = 0; i < n; i++) out[i] = i;
    rg_rng_shuffle(r, out, n, sizeof *out);
}
