/* kernels/conv.c - convolution as a product w C whose columns C are never made. Row (channel, i, j) of C is a run of neighbours in a copy
   of the padded image, and a table says where it begins. If lines of windows are whole vectors, that copy has the lines once. Otherwise it
   has them once for each tap j across, with only the pixels that this tap meets, so that one vector may reach over two lines (Cho and
   Brand, MEC: Memory-efficient Convolution for Deep Neural Networks, 2017). Strips of an image and some channels are copied at a time, so
   that they stay in the cache.

   y is computed in the register tiles of a product: an element is one chain of multiply-adds over (channel, i, j), in order. dx is the
   convolution of dy with the flipped weights; with a stride, one per pixel position modulo it. dw is a sum over positions in SUMS
   strands, so that vectors run along the positions of dy. The order of every sum follows from the shapes alone. */
#include "ops/kernels/loops.h"
#include "gemm.h"
#include "tile.h"

enum {
    COPY = 1 << 16, /* elements of a copy, unless the least one has more */
    UNIT = 32,      /* a line is cut into multiples of so many positions */
};

static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Window p, tap i: at p step + i apart - padding, of `size` pixels. */
typedef struct axis { int64_t size, n, taps, step, apart, padding; } axis;

/* Images x [images, groups, in, size], windows [n], n and size being those of both axes. A strip is what is copied at a time: `channels`,
   and all pixels of down x across windows. Its channels are planes of lines; as they are, or once for each tap across, with only the
   pixels that this tap meets. */
typedef struct conv {
    axis a[2];
    int64_t images, groups, in, out; /* channels of a group */
    const real *x;
    int64_t taps;                    /* of both axes */
    int64_t channels, down, across, strips[2];
    bool shared, direct;             /* each line once for all taps down; for all taps across */
    int64_t lines, pitch;            /* of a plane, and its pixels to a line */
    int64_t plane, size;             /* elements of what is copied of a channel; of a copy, with what is written behind it */
    int64_t *place;                  /* [channels, taps]: where the rows of C begin */
    int64_t unit, *next;             /* from there, where each `unit` positions begin; behind place */
} conv;

static int64_t size_of(const conv *k) { return k->a[0].size * k->a[1].size; }
static int64_t windows_of(const conv *k) { return k->a[0].n * k->a[1].n; }

/* As many windows as a copy of `room` elements for each channel has place for */
static void choose_strips(conv *k, int64_t room) {
    const axis *v = &k->a[0], *h = &k->a[1];
    const int64_t reach = most(0, h->taps - 1) * h->apart, further = most(0, v->taps - 1) * v->apart;
    k->direct = h->step == 1 && h->n % k->unit == 0 && reach <= most(0, h->taps - 1) * h->n;
    const int64_t line = k->direct ? h->n + reach : h->taps * h->n, lines = room / most(1, line);
    k->down = rg_min64(v->n, most(lines / most(1, v->taps), v->step == 1 ? lines - further : 0));
    k->across = k->down ? h->n : rg_min64(h->n, most(1, room / most(1, k->taps) / UNIT) * UNIT);
    k->down = even(v->n, most(1, k->down));
    k->shared = v->step == 1 && k->down + further <= v->taps * k->down;
    k->lines = k->shared ? k->down + further : v->taps * k->down;
    k->pitch = (k->across - 1) * h->step + reach + 1;
    k->plane = k->lines * (k->direct ? k->pitch : h->taps * k->across);
    k->strips[0] = (v->n + k->down - 1) / k->down;
    k->strips[1] = (h->n + k->across - 1) / k->across;
}

static size_t tables_of(const conv *k) {
    return (size_t)(k->channels * k->taps + k->down * k->across / k->unit + WIDE) * sizeof *k->place;
}

/* Strips and their tables, for sums over about `depth` rows of C at a time, `unit` positions at a time. There are windows. */
static int conv_begin(conv *k, rg_tensor *y, int64_t depth, int64_t unit) {
    k->taps = k->a[0].taps * k->a[1].taps;
    k->channels = even(k->in, most(1, depth / most(1, k->taps)));
    k->unit = unit;
    choose_strips(k, COPY / most(1, k->channels));
    k->size = (k->channels * k->plane + k->lines * k->pitch + 2 * WIDE * LANES + 15) / 16 * 16;
    if (!(k->place = rg_tape_alloc(y->at, y->tape, tables_of(k)))) return -1;
    k->next = k->place + k->channels * k->taps;
    const int64_t apart = k->a[1].apart, lines = k->shared ? k->a[0].apart : k->down;
    for (int64_t c = 0, l = 0; c < k->channels; c++)
        for (int64_t i = 0; i < k->a[0].taps; i++)
            for (int64_t j = 0; j < k->a[1].taps; j++, l++)
                k->place[l] = c * k->plane + (k->direct ? i * lines * k->pitch + j * apart : (j * k->lines + i * lines) * k->across);
    for (int64_t i = 0; i < k->down * k->across / k->unit + WIDE; i++)
        k->next[i] = k->direct ? i * unit / k->across * k->pitch + i * unit % k->across : i * unit;
    return 0;
}

static void conv_end(conv *k, rg_tensor *y) { rg_tape_dealloc(y->tape, k->place, tables_of(k)); }

typedef struct strip { int64_t p, q, n; } strip; /* its first window, and how many */
static strip strip_of(const conv *k, int64_t i) {
    const int64_t p = i / k->strips[1] * k->down, q = i % k->strips[1] * k->across;
    return (strip){p, q, rg_min64(k->down, k->a[0].n - p) * rg_min64(k->across, k->a[1].n - q)};
}

/* How many of 0, step, 2 step .., at most `limit`, are below n? */
static inline int64_t within(int64_t n, int64_t step, int64_t limit) {
    return n <= 0 ? 0 : rg_min64(step == 1 ? n : (n + step - 1) / step, limit);
}

/* to[lines, pitch]: the pixels of a strip of the plane x */
static void copy_plane(const conv *k, const real *x, strip s, real *restrict to) {
    const axis *v = &k->a[0], *h = &k->a[1];
    const int64_t bands = k->shared ? 1 : v->taps, lines = k->lines / most(1, bands), first = s.q * h->step - h->padding,
        lo = within(-first, 1, k->pitch), n = within(h->size - first, 1, k->pitch) - lo;
    for (int64_t i = 0; i < k->lines * k->pitch; i += LANES) *(anywhere *)(to + i) = (vector){0};
    for (int64_t i = 0; i < bands && n > 0; i++, to += lines * k->pitch) {
        const int64_t row = s.p * v->step + i * v->apart - v->padding;
        for (int64_t l = within(-row, v->step, lines); l < within(v->size - row, v->step, lines); l++)
            memcpy(to + l * k->pitch + lo, x + (row + l * v->step) * h->size + first + lo, (size_t)n * sizeof *to);
    }
}

/* to[channels, plane], for a strip of x. Up to WIDE * LANES - 1 elements behind it are written. */
static void copy(const conv *k, const real *x, int64_t channels, strip s, real *to) {
    const axis *h = &k->a[1];
    real *plane = to + k->channels * k->plane + WIDE * LANES;
    for (int64_t c = 0; c < channels; c++, x += size_of(k)) {
        copy_plane(k, x, s, k->direct ? to : plane);
        if (k->direct) to += k->plane;
        for (int64_t j = 0; j < h->taps && !k->direct; j++)
            for (int64_t l = 0; l < k->lines; l++, to += k->across) {
                const real *from = plane + l * k->pitch + j * h->apart;
                if (h->step == 1)
                    for (int64_t q = 0; q < k->across; q += LANES) *(anywhere *)(to + q) = *(const anywhere *)(from + q);
                else
                    for (int64_t q = 0; q < k->across; q++) to[q] = from[q * h->step];
            }
    }
}

static int64_t parts_of(const conv *k, const rg_tensor *y) {
    return rg_parts(y, (double)(k->images * k->groups * k->in * k->out) * (double)(k->taps * windows_of(k)));
}

/* -------- forward, and the gradient of the input */

typedef void tile_fn(int64_t k, const real *w, const real *x, const int64_t *place, const int64_t *next, real *y, int64_t ldy, bool add,
    const real *bias);
#define TILE(rows, vectors, kind)                                                                                                  \
    static void tile_##rows##_##vectors##_##kind(int64_t k, const real *w, const real *x, const int64_t *place, const int64_t *next, \
        real *y, int64_t ldy, bool add, const real *bias) {                                                                        \
        register_tile(rows, vectors, true, true, k, w, rows, x, 0, place, next, y, ldy, add, bias); }
/* HIGH rows of 3 vectors load less for as many sums than ROWS of 2. */
#ifdef RG_KERNEL_AVX512
enum { HIGH = 8 };
#define TILES_HIGH(v) TILES6(v, conv) TILE(7, v, conv) TILE(8, v, conv)
#define NAMES_HIGH(v) NAMES6(v, conv), tile_7_##v##_conv, tile_8_##v##_conv
#else
enum { HIGH = 4 };
#define TILES_HIGH(v) TILES3(v, conv) TILE(4, v, conv)
#define NAMES_HIGH(v) NAMES3(v, conv), tile_4_##v##_conv
#endif
TILES_HIGH(1) TILES_HIGH(2) TILES_HIGH(3) TILES_FEW(4, conv)
static tile_fn *const tiles[WIDE + 1][HIGH] = {{0}, {NAMES_HIGH(1)}, {NAMES_HIGH(2)}, {NAMES_HIGH(3)}, {NAMES_FEW(4, conv)}};

/* Weights as they lie: `out` and `in` apart are those of two channels, down and across apart those of two taps. */
typedef struct weights { const real *at; int64_t group, out, in, first, down, across; } weights;

typedef struct forward {
    conv k;
    weights w;
    int64_t blocks, pieces; /* register tiles that hold all channels out; units that they are shared out to */
    real *packed;           /* [groups][blocks][in, taps, channels of the block] */
    const real *bias;
    real *y;                /* window (p, q) of a channel is at start + p down + q across of its plane */
    int64_t plane, start, down, across;
} forward;

static int64_t block_at(const forward *f, int64_t b) { return f->k.out / f->blocks * b + rg_min64(b, f->k.out % f->blocks); }

static void pack(const void *with, int64_t begin, int64_t end) {
    const forward *f = with;
    const conv *k = &f->k;
    for (int64_t u = begin; u < end; u++) {
        const int64_t g = u / f->blocks, o = block_at(f, u % f->blocks), n = block_at(f, u % f->blocks + 1) - o;
        const real *from = f->w.at + g * f->w.group + o * f->w.out + f->w.first;
        real *to = f->packed + (g * k->out + o) * k->in * k->taps;
        for (int64_t c = 0; c < k->in; c++)
            for (int64_t i = 0; i < k->a[0].taps; i++)
                for (int64_t j = 0; j < k->a[1].taps; j++, to += n)
                    for (int64_t b = 0; b < n; b++) to[b] = from[c * f->w.in + i * f->w.down + j * f->w.across + b * f->w.out];
    }
}

/* to[n] of some channels, ld apart: their sums over `channels` of C, from channel c on; x is their copy. */
static void columns(const forward *f, int64_t g, int64_t c, int64_t channels, int64_t b, int64_t end, const real *x, real *to, int64_t ld,
    int64_t n) {
    const conv *k = &f->k;
    const int64_t first = block_at(f, b), rows = block_at(f, end) - first;
    real edge[HIGH * WIDE * LANES] __attribute__((aligned(64)));
    int vectors;
    for (int64_t j = 0; j < n; j += vectors * LANES) {
        vectors = (int)even((n - j + LANES - 1) / LANES, rows <= (end - b) * FEW ? WIDE : 3);
        const int64_t width = vectors * LANES, valid = rg_min64(width, n - j);
        for (int64_t q = b, o; q < end; q++) {
            o = block_at(f, q);
            const int64_t here = block_at(f, q + 1) - o;
            const real *w = f->packed + (g * k->out + o) * k->in * k->taps + c * k->taps * here;
            const real *bias = f->bias && c + channels == k->in ? f->bias + g * k->out + o : NULL;
            real *at = to + (o - first) * ld + j;
            tile_fn *tile = tiles[vectors][here - 1];
            if (valid == width) {
                tile(channels * k->taps, w, x, k->place, k->next + j / LANES, at, ld, c > 0, bias);
                continue;
            }
            for (int64_t i = 0; c > 0 && i < here; i++) memcpy(edge + i * width, at + i * ld, (size_t)valid * sizeof *edge);
            tile(channels * k->taps, w, x, k->place, k->next + j / LANES, edge, width, c > 0, bias);
            for (int64_t i = 0; i < here; i++) memcpy(at + i * ld, edge + i * width, (size_t)valid * sizeof *edge);
        }
    }
}

/* Are the windows of a strip neighbours in y? */
static bool in_place(const forward *f) { return f->down == f->k.a[1].n && f->across == 1; }

/* A strip of an image and group, for a piece of the channels out. */
static void run_strip(const void *with, int64_t unit, real *scratch) {
    const forward *f = with;
    const conv *k = &f->k;
    const int64_t strips = k->strips[0] * k->strips[1], piece = unit % f->pieces, matrix = unit / f->pieces / strips,
        b = f->blocks * piece / f->pieces, end = f->blocks * (piece + 1) / f->pieces, first = block_at(f, b),
        rows = block_at(f, end) - first;
    const strip s = strip_of(k, unit / f->pieces % strips);
    const bool whole = in_place(f);
    real *y = f->y + (matrix * k->out + first) * f->plane + f->start + s.p * f->down + s.q * f->across, *to = whole ? y : scratch + k->size;
    const int64_t ld = whole ? f->plane : s.n;
    for (int64_t c = 0; c == 0 || c < k->in; c += k->channels) {
        const int64_t channels = rg_min64(k->channels, k->in - c);
        copy(k, k->x + (matrix * k->in + c) * size_of(k), channels, s, scratch);
        columns(f, matrix % k->groups, c, channels, b, end, scratch, to, ld, s.n);
        if (!channels) break;
    }
    const int64_t across = rg_min64(s.n, k->a[1].n);
    for (int64_t o = 0; !whole && o < rows; o++, y += f->plane)
        for (int64_t i = 0; i < s.n; i++) y[i / across * f->down + i % across * f->across] = *to++;
}

static int run_forward(forward *f, rg_tensor *y) {
    enum { DEPTH = 384 }; /* rows of C at a time: two vectors of each, and the weights, stay in the first-level cache, or nearly so */
    conv *k = &f->k;
    if (!k->out || !windows_of(k)) return 0;
    if (conv_begin(k, y, DEPTH, LANES)) return -1;
    f->blocks = (k->out + HIGH - 1) / HIGH;
    const int64_t parts = parts_of(k, y), units = k->images * k->groups * k->strips[0] * k->strips[1],
        numel = k->groups * k->out * k->in * k->taps;
    f->pieces = most(1, rg_min64(f->blocks, parts / most(1, units)));
    const size_t bytes = (size_t)numel * sizeof(real) + 1;
    int failed = (f->packed = rg_tape_alloc(y->at, y->tape, bytes)) ? 0 : -1;
    if (!failed) {
        rg_parallel(y->tape, numel / RG_CHUNK, k->groups * f->blocks, pack, f);
        failed = RG_K(share)(y, parts, units * f->pieces, k->size + (in_place(f) ? 0 : k->out * k->down * k->across), run_strip, f);
        rg_tape_dealloc(y->tape, f->packed, bytes);
    }
    conv_end(k, y);
    return failed;
}

static conv conv_of(const rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1];
    const rg_attr *a = &y->attr;
    conv k = {.images = x->shape[0], .groups = a->window.groups, .in = w->shape[1], .out = w->shape[0] / a->window.groups, .x = x->data};
    for (int d = 0; d < 2; d++)
        k.a[d] = (axis){x->shape[2 + d], y->shape[2 + d], a->window.kernel[d], a->window.stride[d], a->window.dilation[d],
            a->window.padding[d]};
    return k;
}

int RG_K(conv2d)(rg_tensor *y) {
    if (!y->numel) return 0;
    forward f = {.k = conv_of(y), .bias = y->nin > 2 ? y->in[2]->data : NULL, .y = y->data, .plane = y->shape[2] * y->shape[3],
        .down = y->shape[3], .across = 1};
    const int64_t taps = f.k.a[0].taps * f.k.a[1].taps;
    f.w = (weights){y->in[1]->data, f.k.out * f.k.in * taps, f.k.in * taps, taps, 0, f.k.a[1].taps, 1};
    return run_forward(&f, y);
}

/* Pixels r, r + step, ..: they are windows over dy, of the taps that meet them, the last one first. Returns the last of these taps, and
   in *every how far apart they are. */
static int64_t turned(const axis *a, int64_t r, axis *to, int64_t *every) {
    int64_t common = a->step, last = -1, taps = 0;
    for (int64_t b = a->apart, c; b; c = common % b, common = b, b = c) {}
    for (int64_t i = 0; i < a->taps; i++)
        if ((r + a->padding - i * a->apart) % a->step == 0) last = i, taps++;
    *every = a->step / common;
    *to = (axis){a->n, (a->size - r + a->step - 1) / a->step, taps, 1, a->apart / common, -(r + a->padding - last * a->apart) / a->step};
    return last;
}

static int input_gradient(rg_tensor *y, const real *dy, real *dx) {
    const conv k = conv_of(y);
    const axis *v = &k.a[0], *h = &k.a[1];
    int failed = 0;
    for (int64_t i = 0; i < rg_min64(v->step, v->size) && !failed; i++)
        for (int64_t j = 0; j < rg_min64(h->step, h->size) && !failed; j++) {
            forward f = {.k = k, .y = dx, .plane = size_of(&k), .start = i * h->size + j, .down = v->step * h->size, .across = h->step};
            int64_t down, across;
            const int64_t at = turned(v, i, &f.k.a[0], &down) * h->taps + turned(h, j, &f.k.a[1], &across), taps = v->taps * h->taps;
            f.k.x = dy, f.k.in = k.out, f.k.out = k.in;
            f.w = (weights){y->in[1]->data, k.out * k.in * taps, taps, k.in * taps, at, -down * h->taps, -across};
            failed = run_forward(&f, y);
        }
    return failed;
}

/* -------- the gradient of the weights */

/* A sum has SUMS strands, in PER vectors; a register tile those of OUTS channels of dy times READS rows of C. */
enum { SUMS = 64 / (int)sizeof(real), PER = 64 / VECTOR };
#ifdef RG_KERNEL_AVX512
enum { OUTS = 4, READS = 6 };
#else
enum { OUTS = 2, READS = 3 };
#endif
#ifdef RG_KERNEL_F64
typedef int64_t lane;
#else
typedef int32_t lane;
#endif
typedef lane lanes __attribute__((vector_size(VECTOR)));

/* A strip of n positions: its copy; dy of the channels of a tile, [n / SUMS, outs, SUMS], with zeros behind the last position. */
typedef struct run { const real *x, *dy; int64_t n; } run;

/* SUMS positions, from those that x is at; `left` of them are there. */
INLINE void strands_step(int outs, int reads, vector s[OUTS][READS][PER], const real *const *x, int64_t at, const real *dy, int64_t left) {
    UNROLL
    for (int v = 0; v < PER; v++) {
        vector of_dy[OUTS];
        lanes valid = {0};
        UNROLL
        for (int q = 0; q < LANES; q++) valid[q] = v * LANES + q < left ? -1 : 0;
        UNROLL
        for (int o = 0; o < outs; o++) of_dy[o] = *(const vector *)(dy + o * SUMS + v * LANES);
        UNROLL
        for (int r = 0; r < reads; r++) {
            vector of_x = (vector)*(const anywhere *)(x[r] + at + v * LANES);
            if (left < SUMS) of_x = (vector)((lanes)of_x & valid); /* not 0 times what may be infinite */
            UNROLL
            for (int o = 0; o < outs; o++) s[o][r][v] = multiply_adds(of_dy[o], of_x, s[o][r][v]);
        }
    }
}

/* sums[outs, reads, SUMS] = or += products of dy and of rows of C */
INLINE void strands(int outs, int reads, const run *p, int64_t runs, const int64_t *place, const int64_t *next,
    vector *restrict sums, bool add) {
    vector s[OUTS][READS][PER];
    UNROLL
    for (int i = 0; i < outs * reads * PER; i++) s[i / PER / reads][i / PER % reads][i % PER] = add ? sums[i] : (vector){0};
    for (const run *end = p + runs; p < end; p++) {
        const real *x[READS], *dy = p->dy;
        UNROLL
        for (int r = 0; r < reads; r++) x[r] = p->x + place[r];
        const int64_t *at = next;
        for (const int64_t *last = next + p->n / SUMS; at < last; at++, dy += outs * SUMS) strands_step(outs, reads, s, x, *at, dy, SUMS);
        if (p->n % SUMS) strands_step(outs, reads, s, x, *at, dy, p->n % SUMS);
    }
    UNROLL
    for (int i = 0; i < outs * reads * PER; i++) sums[i] = s[i / PER / reads][i / PER % reads][i % PER];
}

typedef void strands_fn(const run *p, int64_t runs, const int64_t *place, const int64_t *next, vector *sums, bool add);
#define STRANDS_OF(outs, reads)                                                                                                           \
    static void strands_##outs##_##reads(const run *p, int64_t runs, const int64_t *place, const int64_t *next, vector *sums, bool add) { \
        strands(outs, reads, p, runs, place, next, sums, add); }
#define STRANDS3(outs) STRANDS_OF(outs, 1) STRANDS_OF(outs, 2) STRANDS_OF(outs, 3)
#define STRANDS6(outs) STRANDS3(outs) STRANDS_OF(outs, 4) STRANDS_OF(outs, 5) STRANDS_OF(outs, 6)
#define LIST3(outs) strands_##outs##_1, strands_##outs##_2, strands_##outs##_3
#define LIST6(outs) LIST3(outs), strands_##outs##_4, strands_##outs##_5, strands_##outs##_6
#ifdef RG_KERNEL_AVX512
STRANDS6(1) STRANDS6(2) STRANDS6(3) STRANDS6(4)
static strands_fn *const strands_of[OUTS][READS] = {{LIST6(1)}, {LIST6(2)}, {LIST6(3)}, {LIST6(4)}};
#else
STRANDS3(1) STRANDS3(2)
static strands_fn *const strands_of[OUTS][READS] = {{LIST3(1)}, {LIST3(2)}};
#endif

/* At most so many strips, of so many positions in all, and channels of dy at a time: dy of a tile stays in the first-level cache while the
   rows of C pass by. */
enum { TOGETHER = 16, NEAR = 1024, OUT = 64 };

typedef struct gradient {
    conv k;
    const real *dy;
    int64_t shares, blocks, pieces; /* of all strips, each with its own sum; of the channels in, of the channels out */
    int64_t out, together;          /* channels of a piece; strips at a time */
    real *dw, *sums;                /* [shares, dw] */
} gradient;

/* Elements of dy of a tile, for a strip */
static int64_t panel_of(const conv *k) { return (k->down * k->across / SUMS + 1) * OUTS * SUMS; }

/* What a unit of work computes: sums for channels from o, c on, all taps. */
typedef struct corner { int64_t share, g, o, c, out, channels; } corner;

/* to[n / SUMS, outs, SUMS] = dy, whose channels are ld apart */
static void pack_dy(const real *dy, int64_t ld, int64_t outs, int64_t n, real *restrict to) {
    for (; n > 0; n -= SUMS, dy += SUMS)
        for (int64_t o = 0; o < outs; o++, to += SUMS) {
            if (n >= SUMS) memcpy(to, dy + o * ld, SUMS * sizeof *to);
            else
                for (int q = 0; q < SUMS; q++) to[q] = q < n ? dy[o * ld + q] : 0;
        }
}

/* sums[tiles][outs, reads, SUMS] = or += those of n strips from the first on; their copies, and dy of a tile, are made behind them */
static void add_strips(const gradient *f, corner u, int64_t first, int64_t n, real *sums, bool add) {
    const conv *k = &f->k;
    const int64_t strips = k->strips[0] * k->strips[1], rows = u.channels * k->taps, ld = windows_of(k), tile = panel_of(k);
    real *copies = sums + u.out * rows * SUMS, *panels = copies + f->together * k->size;
    const real *dy[TOGETHER];
    run runs[TOGETHER];
    for (int64_t i = 0; i < n; i++) {
        const strip s = strip_of(k, (first + i) % strips);
        const int64_t matrix = (first + i) / strips * k->groups + u.g;
        dy[i] = f->dy + (matrix * k->out + u.o) * ld + s.p * k->a[1].n + s.q;
        runs[i] = (run){copies + i * k->size, panels + i * tile, s.n};
        copy(k, k->x + (matrix * k->in + u.c) * size_of(k), u.channels, s, copies + i * k->size);
    }
    for (int64_t o = 0, outs; o < u.out; o += outs) {
        outs = even(u.out - o, OUTS);
        for (int64_t i = 0; i < n; i++) pack_dy(dy[i] + o * ld, ld, outs, runs[i].n, panels + i * tile);
        for (int64_t r = 0, reads; r < rows; r += reads, sums += outs * reads * SUMS) {
            reads = even(rows - r, READS);
            strands_of[outs - 1][reads - 1](runs, n, k->place + r, k->next, (vector *)sums, add);
        }
    }
}

static real sum_of(const real *from) {
    four s[SUMS / 4];
    UNROLL
    for (int j = 0; j < SUMS / 4; j++) s[j] = *(const four *)(from + 4 * j);
    UNROLL
    for (int half = SUMS / 8; half; half /= 2)
        UNROLL
        for (int j = 0; j < half; j++) s[j] += s[j + half];
    return (s[0][0] + s[0][2]) + (s[0][1] + s[0][3]);
}

static void run_share(const void *with, int64_t unit, real *sums) {
    const gradient *f = with;
    const conv *k = &f->k;
    const int64_t rest = unit / f->pieces / f->blocks;
    corner u = {.o = unit % f->pieces * f->out, .c = unit / f->pieces % f->blocks * k->channels, .g = rest % k->groups,
        .share = rest / k->groups};
    u.out = rg_min64(f->out, k->out - u.o), u.channels = rg_min64(k->channels, k->in - u.c);
    const int64_t rows = u.channels * k->taps, strips = k->images * k->strips[0] * k->strips[1], begin = strips * u.share / f->shares,
        end = strips * (u.share + 1) / f->shares;
    if (begin == end) memset(sums, 0, (size_t)(u.out * rows * SUMS) * sizeof *sums);
    for (int64_t i = begin; i < end; i += f->together) add_strips(f, u, i, rg_min64(f->together, end - i), sums, i > begin);
    real *to = f->sums + ((u.share * k->groups + u.g) * k->out + u.o) * k->in * k->taps + u.c * k->taps;
    for (int64_t o = 0, outs; o < u.out; o += outs) {
        outs = even(u.out - o, OUTS);
        for (int64_t r = 0, reads; r < rows; r += reads) {
            reads = even(rows - r, READS);
            for (int64_t i = 0; i < outs * reads; i++, sums += SUMS) to[(o + i / reads) * k->in * k->taps + r + i % reads] = sum_of(sums);
        }
    }
}

static void add_shares(const void *with, int64_t begin, int64_t end) {
    const gradient *f = with;
    const int64_t n = f->k.groups * f->k.out * f->k.in * f->k.taps;
    for (int64_t i = begin; i < end; i++) f->dw[i] = f->sums[i];
    for (int64_t s = 1; s < f->shares; s++)
        for (int64_t i = begin; i < end; i++) f->dw[i] += f->sums[s * n + i];
}

static int weight_gradient(rg_tensor *y, const real *dy, rg_tensor *dw) {
    enum { DEPTH = 144 };                                /* rows of C at a time */
    enum { SHARES = 4, SHARE = 1 << 13, ALL = 1 << 20 }; /* at most so many shares, of so many positions, with so many elements in all */
    gradient f = {.k = conv_of(y), .dy = dy, .dw = dw->data};
    conv *k = &f.k;
    if (!dw->numel) return 0;
    if (conv_begin(k, y, DEPTH, SUMS)) return -1;
    const int64_t strips = k->images * k->strips[0] * k->strips[1], tile = panel_of(k);
    f.shares = rg_min64(rg_min64(SHARES, k->images * windows_of(k) / SHARE), rg_min64(strips, ALL / dw->numel));
    f.shares = most(1, f.shares);
    f.blocks = (k->in + k->channels - 1) / k->channels;
    f.out = even(k->out, OUT);
    f.pieces = (k->out + f.out - 1) / f.out;
    f.together = most(1, rg_min64(rg_min64(TOGETHER, COPY / k->size), NEAR / (k->down * k->across)));
    const size_t bytes = (size_t)(f.shares * dw->numel) * sizeof(real);
    int failed = (f.sums = rg_tape_alloc(y->at, y->tape, bytes)) ? 0 : -1;
    if (!failed) failed = RG_K(share)(y, parts_of(k, y), f.shares * k->groups * f.blocks * f.pieces,
        f.out * k->channels * k->taps * SUMS + f.together * (k->size + tile), run_share, &f);
    if (!failed) rg_parallel(y->tape, f.shares * dw->numel / RG_CHUNK, dw->numel, add_shares, &f);
    if (f.sums) rg_tape_dealloc(y->tape, f.sums, bytes);
    conv_end(k, y);
    return failed;
}

static void bias_gradient(const conv *k, const real *dy, real *db) {
    const int64_t out = k->groups * k->out, n = windows_of(k);
    for (int64_t o = 0; o < out; o++) {
        real sum = 0;
        for (int64_t s = 0; s < k->images; s++) sum += sum_run(n, dy + (s * out + o) * n);
        db[o] = sum;
    }
}

int RG_K(conv2d_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    for (int i = 0; i < y->nin; i++)
        if (rg_needs(y, i) && !rg_make_dx(y, dx, i)) return -1;
    const conv k = conv_of(y);
    if (dx[0] && input_gradient(y, dy->data, dx[0]->data)) return -1;
    if (dx[1] && weight_gradient(y, dy->data, dx[1])) return -1;
    if (y->nin > 2 && dx[2]) bias_gradient(&k, dy->data, dx[2]->data);
    return 0;
}
