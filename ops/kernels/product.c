/* kernels/product.c - one matrix product in plain C: every element of c is one chain of multiply-adds over k, in order.

   The bits of an element therefore depend on its row, its column and k alone, however c is cut and whatever the instruction set: they are
   those of the plain loop s = fma(a, b, s).

   c is computed in register tiles of up to 6 x 2 vectors, 12 x 2 with AVX-512: 12 of sums, 2 of b and 1 of a, out of 16. b is packed into
   panels of 2 vectors, as many as the second-level cache holds; they pass by while the tile's rows of a, packed too, stay in the
   first-level cache. This is the method of Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008) with a and b
   changed over: tiles follow one another along the rows of c. */
#include "gemm.h"
#include "tile.h"

enum { TINY = 128 }; /* up to so many multiply-adds the plainest loops are faster */
enum {
    SHALLOW = 256, PANEL = SHALLOW * COLS,     /* so much of k at a time without a scratch; 16 KiB of b, with AVX-512 32, on the stack */
    RESIDENT = (24 << 10) / (int)sizeof(real), /* up to so many elements, b stays in the first-level cache as it is */
    FAR = 512,                                 /* rows of a up to so long can be read where they are */
};

/* A matrix in memory, its rows (t: columns) ld elements apart. */
typedef struct matrix { const real *at; int64_t ld; bool t; } matrix;

static inline matrix from(matrix x, int64_t i, int64_t j) {
    x.at += x.t ? j * x.ld + i : i * x.ld + j;
    return x;
}

/* -------- register tiles */

typedef void tile_fn(int64_t k, const real *a, int64_t lda, const real *b, int64_t ldb, real *c, int64_t ldc, bool add);

#define TILE(rows, vectors, ta) \
    static void tile_##rows##_##vectors##_##ta(int64_t k, const real *a, int64_t lda, const real *b, int64_t ldb, \
    real *c, int64_t ldc, bool add) { register_tile(rows, vectors, ta, false, k, a, lda, b, ldb, NULL, NULL, c, ldc, add, NULL); }
TILES(1, 0) TILES(1, 1) TILES(2, 0) TILES(2, 1) TILES_FEW(4, 0) TILES_FEW(4, 1)
static tile_fn *const tiles[2][WIDE + 1][ROWS] = {
    {{0}, {NAMES(1, 0)}, {NAMES(2, 0)}, {0}, {NAMES_FEW(4, 0)}}, {{0}, {NAMES(1, 1)}, {NAMES(2, 1)}, {0}, {NAMES_FEW(4, 1)}}};

/* Where only m of its columns are there. */
static void edge_tile(tile_fn *tile, int rows, int vectors, int m, int64_t k, const real *a, int64_t lda, const real *b, int64_t ldb,
    real *c, int64_t ldc,
    bool add) {
    real s[ROWS * COLS] __attribute__((aligned(64))) = {0};
    const int width = vectors * LANES;
    if (add)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < m; j++) s[i * width + j] = c[i * ldc + j];
    tile(k, a, lda, b, ldb, s, width, add);
    for (int i = 0; i < rows; i++, c += ldc) {
        int j = 0;
        if (m > LANES) *(anywhere *)c = *(const vector *)(s + i * width), j = LANES;
        for (; j < m; j++) c[j] = s[i * width + j];
    }
}

/* -------- panels */

#ifdef __clang__
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#elif defined RG_KERNEL_F64
#define PICK(a, b, ...) __builtin_shuffle(a, b, (int64_t __attribute__((vector_size(32)))){__VA_ARGS__})
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (int32_t __attribute__((vector_size(16)))){__VA_ARGS__})
#endif

/* to[4, 4] = x[4, 4], transposed: element by element it would take twice the time. */
INLINE void transpose(const real *x, int64_t ldx, real *to, int64_t ld) {
    const four a = *(const four *)x, b = *(const four *)(x + ldx), c = *(const four *)(x + 2 * ldx), d = *(const four *)(x + 3 * ldx);
    const four ab = PICK(a, b, 0, 4, 1, 5), cd = PICK(c, d, 0, 4, 1, 5), ab2 = PICK(a, b, 2, 6, 3, 7), cd2 = PICK(c, d, 2, 6, 3, 7);
    *(four *)to = PICK(ab, cd, 0, 1, 4, 5);
    *(four *)(to + ld) = PICK(ab, cd, 2, 3, 6, 7);
    *(four *)(to + 2 * ld) = PICK(ab2, cd2, 0, 1, 4, 5);
    *(four *)(to + 3 * ld) = PICK(ab2, cd2, 2, 3, 6, 7);
}

/* to[k, width] = b[k, m], and 0 where m ends */
INLINE void pack(int width, int64_t k, int64_t m, matrix b, real *restrict to) {
    const real *restrict x = b.at;
    if (m < width) {
        const int64_t step = b.t ? 1 : b.ld, across = b.t ? b.ld : 1;
        for (int64_t l = 0; l < k; l++, to += width, x += step) {
            int j = 0;
            if (m > LANES && !b.t) *(vector *)to = (vector)*(const anywhere *)x, j = LANES;
            for (; j < m; j++) to[j] = x[j * across];
            for (; j < width; j++) to[j] = 0;
        }
    } else if (!b.t) {
        for (int64_t l = 0; l < k; l++)
            for (int j = 0; j < width; j++) to[l * width + j] = x[l * b.ld + j];
    } else {
        const int64_t deep = k / 4 * 4;
        const int wide = width / 4 * 4;
        for (int j = 0; j < wide; j += 4)
            for (int64_t l = 0; l < deep; l += 4) transpose(x + j * b.ld + l, b.ld, to + l * width + j, width);
        for (int j = 0; j < width; j++)
            for (int64_t l = j < wide ? deep : 0; l < k; l++) to[l * width + j] = x[j * b.ld + l];
    }
}

static matrix packed(int vectors, int64_t k, int64_t m, matrix b, real *to) {
    if (vectors == 1) pack(LANES, k, m, b, to);
    else pack(COLS, k, m, b, to);
    return (matrix){to, vectors * LANES, false};
}

/* The rows of n, cut into pieces of nearly the same size, of at most ROWS, of which this is the first of piece q. */
static inline int64_t first_row(int64_t n, int64_t q) {
    const int64_t pieces = (n + ROWS - 1) / ROWS;
    return n / pieces * q + rg_min64(q, n % pieces);
}

void RG_K(transposed)(int64_t n, int64_t m, const real *x, real *to) { pack((int)n, m, n, (matrix){x, m, true}, to); }

/* Pieces begin .. end - 1 of a[n, k], each as [k, rows]: STRIP of k of all of them at a time, which lie together if a is transposed. */
static void pack_pieces(int64_t n, int64_t k, matrix a, int64_t begin, int64_t end, real *to) {
    enum { STRIP = 32 };
    const int64_t first = first_row(n, begin);
    for (int64_t l = 0; l < k; l += STRIP)
        for (int64_t q = begin; q < end; q++) {
            const int64_t i = first_row(n, q), rows = first_row(n, q + 1) - i, deep = rg_min64(STRIP, k - l);
            matrix x = from(a, i, l);
            x.t = !x.t;
            if (rows == ROWS) pack(ROWS, deep, rows, x, to + (i - first) * k + l * rows);
            else pack((int)rows, deep, rows, x, to + (i - first) * k + l * rows);
        }
}

/* Where b is packed, or NULL: it is read where it is, but for the last columns, which go to `edge`; and a, or NULL: it is read where it
   is. `there`: a is packed already, all of its rows. */
typedef struct places { real *a, *b, *edge; bool keep, there; } places;

/* c[n, m] = or += a[n, k] b[k, m], for a part of k */
static void block(int64_t n, int64_t k, int64_t m, matrix a, matrix b, real *c, int64_t ldc, bool add, places to) {
    enum { TOGETHER = RG_PRODUCT_ROWS / ROWS };
    const int64_t pieces = (n + ROWS - 1) / ROWS;
    for (int64_t i = 0, q = 0, rows; q < pieces; q++, i += rows, c += rows * ldc) {
        rows = first_row(n, q + 1) - i;
        const int64_t first = q / TOGETHER * TOGETHER, ready = to.keep ? 0 : first_row(n, first);
        if (to.a && !to.there && q == first)
            pack_pieces(n, k, a, q, rg_min64(q + TOGETHER, pieces), to.a + (i - ready) * k);
        const matrix left = to.a ? (matrix){to.a + (i - ready) * k, rows, true} : from(a, i, 0);
        int vectors;
        for (int64_t j = 0; j < m; j += vectors * LANES) {
            const int64_t after = m - j;
            vectors = !to.b && n <= FEW && after >= WIDE * LANES ? WIDE : after > LANES ? 2 : 1;
            const int cols = (int)rg_min64(after, vectors * LANES);
            const bool whole = cols == vectors * LANES;
            real *panel = to.b ? to.b + j * k : to.edge;
            matrix right = {panel, vectors * LANES, false};
            if (!to.b && whole) right = from(b, 0, j);
            else if (i == 0) right = packed(vectors, k, cols, from(b, 0, j), panel);
            for (int64_t r = 0; add && after >= 2 * COLS && r < rows; r++) /* what the next tile begins with */
                for (int v = 2; v < 4; v++) __builtin_prefetch(c + r * ldc + j + v * LANES);
            tile_fn *tile = tiles[left.t][vectors][rows - 1];
            if (whole) tile(k, left.at, left.ld, right.at, right.ld, c + j, ldc, add);
            else edge_tile(tile, (int)rows, vectors, cols, k, left.at, left.ld, right.at, right.ld, c + j, ldc, add);
        }
    }
}

/* A sum at a time: nothing to prepare. */
static void product_tiny(int64_t n, int64_t k, int64_t m, matrix a, matrix b, real *c, int64_t ldc) {
    const int64_t along = a.t ? a.ld : 1, below = a.t ? 1 : a.ld, down = b.t ? 1 : b.ld, across = b.t ? b.ld : 1;
    for (int64_t i = 0; i < n; i++, c += ldc, a.at += below) {
        const real *column = b.at;
        for (int64_t j = 0; j < m; j++, column += across) {
            const real *x = a.at, *w = column;
            real s = 0;
            for (int64_t l = 0; l < k; l++, x += along, w += down) s = MULTIPLY_ADD(*x, *w, s);
            c[j] = s;
        }
    }
}

/* 8 sums side by side, as far as that goes */
static void product_small(int64_t n, int64_t k, int64_t m, matrix a, matrix b, real *c, int64_t ldc) {
    enum { TOGETHER = 8 };
    const int64_t along = a.t ? a.ld : 1;
    int64_t j = 0;
    for (; !b.t && j + TOGETHER <= m; j += TOGETHER)
        for (int64_t i = 0; i < n; i++) {
            const real *row = from(a, i, 0).at;
            real s[TOGETHER] = {0};
            for (int64_t l = 0; l < k; l++)
#pragma omp simd
                for (int q = 0; q < TOGETHER; q++) s[q] = MULTIPLY_ADD(row[l * along], b.at[l * b.ld + j + q], s[q]);
            memcpy(c + i * ldc + j, s, sizeof s);
        }
    product_tiny(n, k, m - j, a, from(b, 0, j), c + j, ldc);
}

/* For k > 0: some rows at a time, of them a part of k, of it some columns. */
static void product_blocked(int64_t n, int64_t k, int64_t m, matrix a, matrix b, real *c, int64_t ldc, real *scratch) {
    real panel[PANEL] __attribute__((aligned(64)));
    const bool direct = !b.t && (n <= ROWS || (double)k * (double)b.ld <= RESIDENT), packs = scratch && !direct && n > ROWS;
    const int64_t most = packs ? even(n, RG_PRODUCT_HEIGHT) : n, depth = even(k, packs ? RG_PRODUCT_DEPTH : SHALLOW),
        width = direct ? m : packs ? (even(m, RG_PRODUCT_WIDTH) + COLS - 1) / COLS * COLS : PANEL / depth / COLS * COLS;
    places to = {.a = packs && (a.t || a.ld > FAR) ? scratch + width * depth : NULL, .b = direct ? NULL : packs ? scratch : panel,
        .edge = panel, .keep = m > width};
    for (int64_t i = 0; i < n; i += most)
        for (int64_t l = 0; l < k; l += depth)
            for (int64_t j = 0; j < m; j += width) {
                to.there = packs && j > 0;
                block(rg_min64(most, n - i), rg_min64(depth, k - l), rg_min64(width, m - j), from(a, i, l), from(b, l, j),
                    c + i * ldc + j, ldc, l > 0, to);
            }
}

/* For few columns and a transposed a: computes op(b)^T op(a)^T, which reads a in order and fills the vectors, and transposes it back. */
static void product_narrow(int64_t n, int64_t k, int64_t m, matrix a, matrix b, real *c, int64_t ldc) {
    enum { WIDTH = 4 * COLS };
    real across[COLS * WIDTH] __attribute__((aligned(64)));
    for (int64_t i = 0; i < n; i += WIDTH, c += WIDTH * ldc) {
        const int64_t rows = rg_min64(WIDTH, n - i);
        const matrix columns = from(a, i, 0);
        product_blocked(m, k, rows, (matrix){b.at, b.ld, !b.t}, (matrix){columns.at, columns.ld, false}, across, WIDTH, NULL);
        for (int64_t r = 0; r < rows; r += 4) {
            int64_t j = 0;
            for (; j + 4 <= m && r + 4 <= rows; j += 4) transpose(across + j * WIDTH + r, WIDTH, c + r * ldc + j, ldc);
            for (; j < m; j++)
                for (int64_t q = r; q < rg_min64(r + 4, rows); q++) c[q * ldc + j] = across[j * WIDTH + q];
        }
    }
}

#ifdef RG_KERNEL_AVX512
#define NARROWER RG_K3(product, RG_SUFFIX_DTYPE, avx2)
void NARROWER(const rg_gemm *p, rg_tile t, const real *a, const real *b, real *c, real *scratch);
#endif

void RG_K(product)(const rg_gemm *p, rg_tile t, const real *a, const real *b, real *c, real *scratch) {
    const matrix left = from((matrix){a, p->ta ? p->n : p->k, p->ta}, t.i, 0),
        right = from((matrix){b, p->tb ? p->k : p->m, p->tb}, 0, t.j);
    real *to = c + t.i * p->m + t.j;
    if ((double)t.n * (double)p->k * (double)t.m <= TINY) product_small(t.n, p->k, t.m, left, right, to, p->m);
    else if (p->ta && t.m < COLS && t.n >= 2 * COLS) product_narrow(t.n, p->k, t.m, left, right, to, p->m);
#ifdef RG_KERNEL_AVX512
    else if (t.m <= LANES / 2) NARROWER(p, t, a, b, c, scratch); /* half a vector would be empty, of AVX2's none */
#endif
    else product_blocked(t.n, p->k, t.m, left, right, to, p->m, scratch);
}
