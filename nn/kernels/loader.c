/* kernels/loader.c - rows gathered into a batch: to = (from / divisor - mean) / std. */
#include "engine/kernel.h"
#include "nn/data/rows.h"

/* n elements of channel c. By division, as NumPy's x / 255 does it: a factor 1/255 would round differently. */
#define DEFINE_CONVERT(name, type)                                                                        \
    static void name(const rg_rows *g, const type *restrict from, real *restrict to, int64_t n, int64_t c) { \
        const real divisor = C(g->divisor), mean = C(g->mean[c]), std = C(g->std[c]);                     \
        if (g->mean[c] == 0 && g->std[c] == 1)                                                            \
            for (int64_t i = 0; i < n; i++) to[i] = (real)from[i] / divisor;                              \
        else                                                                                              \
            for (int64_t i = 0; i < n; i++) to[i] = ((real)from[i] / divisor - mean) / std;               \
    }
DEFINE_CONVERT(from_u8, uint8_t)
DEFINE_CONVERT(from_f32, float)
DEFINE_CONVERT(from_f64, double)

static const char *row_at(const rg_rows *g, int64_t i) {
    return (const char *)g->from + (size_t)(g->order ? g->order[i] : g->first + i) * (size_t)g->size * rg_dtype_size(g->dtype);
}

static void convert(const rg_rows *g, const void *from, real *to, int64_t c) {
    const int64_t n = g->size / g->channels;
    const bool same = g->dtype == (sizeof *to == sizeof(float) ? RG_F32 : RG_F64);
    const bool as_it_is = same && g->divisor == 1 && g->mean[c] == 0 && g->std[c] == 1;
    to += c * n;
    if (as_it_is) memcpy(to, (const real *)from + c * n, (size_t)n * sizeof *to);
    else if (g->dtype == RG_U8) from_u8(g, (const uint8_t *)from + c * n, to, n, c);
    else if (g->dtype == RG_F32) from_f32(g, (const float *)from + c * n, to, n, c);
    else from_f64(g, (const double *)from + c * n, to, n, c);
}

/* Prefetches a row of the next batch into the cache of the core that will probably read it. */
static void prefetch(const rg_rows *g, int64_t i) {
    const char *row = row_at(g, i);
    const size_t bytes = (size_t)g->size * rg_dtype_size(g->dtype);
    for (size_t k = 0; k < bytes; k += 64) __builtin_prefetch(row + k, 0, 2);
}

static void convert_rows(const void *with, int64_t begin, int64_t end) {
    const rg_rows *g = with;
    for (int64_t i = begin; i < end; i++) {
        for (int64_t c = 0; c < g->channels; c++) convert(g, row_at(g, i), (real *)g->to + i * g->size, c);
        if (i < g->next) prefetch(g, g->count + i);
    }
}

void RG_K(rows)(const rg_rows *g) { rg_parallel(g->tape, g->count * g->size / RG_CHUNK, g->count, convert_rows, g); }
