/* rng.h - NumPy's numpy.random.default_rng(seed), bit for bit: SeedSequence, PCG64 and the draws of Generator (as of NumPy 1.24).
   One call here draws what the scalar call draws in NumPy; a loop of n calls draws what the call with size=n draws.

   A generator is plain data: copying the struct copies the stream, and nothing has to be released. No function allocates, none
   fails, none keeps anything outside *r. `r` must not be NULL; two threads must not share one.

   Exact means every bit, with one exception: about one normal in 3,900 is in the tail (|z| > 3.654). NumPy takes log1p
   there from the C library, we from engine/math: its last bit may differ. */
#ifndef RG_ENGINE_RNG_H
#define RG_ENGINE_RNG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 128-bit numbers are kept as {high, low}. These are the fields of NumPy's bit_generator.state: a state from there continues here. */
typedef struct rg_rng {
    uint64_t state[2], inc[2];
    uint32_t spare; /* the half of a 64-bit draw that rg_rng_next32 has not handed out yet, if has_spare */
    int has_spare;
} rg_rng;

/* ---- seeding ---- */

void rg_rng_seed(rg_rng *r, uint64_t seed); /* default_rng(seed) */

/* default_rng(SeedSequence(entropy)) for n words of entropy, least significant first; n <= 0 is the same as seed 0.
   Independent streams: the words {low, high, 0, 0, k} give default_rng(SeedSequence(seed).spawn(k + 1)[k]), seed = high 2^32 + low. */
void rg_rng_seed_words(rg_rng *r, const uint32_t *entropy, int n);

/* SeedSequence(entropy).generate_state(words) into out[words]; words <= 0 writes nothing. */
void rg_rng_seed_state(const uint32_t *entropy, int n, uint32_t *out, int words);

/* ---- bits ---- */

uint64_t rg_rng_next64(rg_rng *r); /* as bit_generator.random_raw(); leaves a spare half for the next rg_rng_next32 */
uint32_t rg_rng_next32(rg_rng *r); /* the low half of a 64-bit draw, then its high half */

/* ---- numbers ---- */

double rg_rng_random(rg_rng *r);                           /* random(): [0, 1), multiples of 2^-53 */
double rg_rng_standard_normal(rg_rng *r);                  /* standard_normal(): mean 0, variance 1 */
double rg_rng_normal(rg_rng *r, double mean, double std);  /* mean + std z for any numbers; NumPy refuses std < 0 */
double rg_rng_uniform(rg_rng *r, double low, double high); /* low + (high - low) u for any numbers; NumPy refuses high < low */

/* integers(low, high): [low, high), without bias. high <= low, which NumPy refuses, returns low and draws nothing. A range of at
   most 2^32 takes 32-bit draws, as NumPy's default int64 does (its int32 draws the same numbers, its int8 and int16 others). */
int64_t rg_rng_integers(rg_rng *r, int64_t low, int64_t high);

/* integers(0, max, dtype=uint64, endpoint=True): [0, max], so that the full range of 64 bits can be asked for; max = 0 draws nothing. */
uint64_t rg_rng_bounded(rg_rng *r, uint64_t max);

/* ---- order ---- */

/* permutation(n): 0 .. n-1 in random order into out[n]; n <= 0 writes and draws nothing, and out may then be NULL. */
void rg_rng_permutation(rg_rng *r, int64_t n, int64_t *out);

/* shuffle(items): n items of `size` bytes each, rows of a matrix for example, in place. n < 2 or size 0 draws nothing. */
void rg_rng_shuffle(rg_rng *r, void *items, int64_t n, size_t size);

#ifdef __cplusplus
}
#endif

#endif
