/* file.c - files as bytes: plain, gzip of any number of members, or a part of a file, plain or deflated. zlib takes its memory from
   the tape; a build without it refuses what is packed. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef RG_ZLIB
#define ZLIB_CONST
#include <zlib.h>
#endif

enum { BUFFER = 1 << 14, SKIPPED = 1 << 12, PART = 1 << 30 }; /* PART: at once; zlib counts in 32 bits */
typedef enum packing { PLAIN, GZIP, DEFLATED } packing;

struct rg_file {
    const rg_reader *r;
    const char *path;
    int fd;
    bool whole;           /* not a part: closes the descriptor */
    packing packing;
    bool ended;           /* all of the packed data was unpacked, with the right checksum */
    uint64_t begin, end;  /* in the file */
    uint64_t next;        /* offset in the file of the next read */
    uint64_t position;    /* bytes handed out, unpacked */
    uint32_t crc;         /* of these, for a part */
    const unsigned char *at; /* the rest of in[]: `unused` bytes */
    unsigned unused;
#ifdef RG_ZLIB
    z_stream z;
#endif
    unsigned char in[BUFFER];
};

int rg_file_fail(const rg_reader *r, const char *path, const char *format, ...) {
    enum { SHOWN = 160 }; /* the end of a longer path */
    char what[384];
    const size_t length = strlen(path), skip = length > SHOWN ? length - SHOWN : 0;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return rg_fail(r->tape, RG_EIO, r->at, "%s: %s%s: %s%s%s", r->name, skip ? "..." : "", path + skip, what, r->hint ? "; " : "",
        r->hint ? r->hint : "");
}

void *rg_file_alloc(const rg_reader *r, const char *path, uint64_t n) {
    if (n > SIZE_MAX / 2) return rg_file_fail(r, path, "%llu bytes are too many for this machine", (unsigned long long)n), NULL;
    return rg_tape_alloc(r->at, r->tape, (size_t)n);
}

int rg_file_find(const rg_reader *r, const char *dir, const char *subdir, int n, const char *const *names, rg_path *path) {
    if (!dir) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the directory is NULL", r->name);
    rg_reader no_hint = *r; /* the hint, to fetch the files, would not help */
    no_hint.hint = NULL;
    for (int i = 0; i < 2 * n; i++) {
        rg_path here;
        const int length = snprintf(here.text, sizeof here.text, "%s%s%s/%s", dir, i < n ? "" : "/", i < n ? "" : subdir, names[i % n]);
        if (length < 0 || (size_t)length >= sizeof here.text) return rg_file_fail(r, dir, "the path is too long");
        if (access(here.text, F_OK) == 0) return *path = here, 0;
        if (errno == EACCES || errno == ELOOP) return rg_file_fail(&no_hint, here.text, "cannot be reached: %s", strerror(errno));
    }
    return rg_file_fail(r, dir, "there is no %s, nor in its folder %s", names[0], subdir);
}

/* -------- reading */

/* Reads up to n bytes and returns how many; 0 at the end of the file, -1 after an error. */
static ssize_t read_some(const rg_reader *r, const char *path, int fd, uint64_t offset, void *to, uint64_t n) {
    ssize_t got;
    do got = pread(fd, to, n < PART ? (size_t)n : PART, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0) rg_file_fail(r, path, "cannot be read: %s", strerror(errno));
    return got;
}

int rg_file_read(const rg_reader *r, const char *path, int fd, uint64_t offset, void *to, uint64_t n) {
    for (ssize_t got; n > 0; offset += (uint64_t)got, to = (char *)to + got, n -= (uint64_t)got) {
        got = read_some(r, path, fd, offset, to, n);
        if (got < 0) return -1;
        if (got == 0) return rg_file_fail(r, path, "ends after %llu bytes", (unsigned long long)offset);
    }
    return 0;
}

/* Reads up to n bytes of the file or part; *got is 0 at its end. */
static int fetch(rg_file *f, unsigned char *to, uint64_t n, size_t *got) {
    const uint64_t left = f->end - f->next;
    const ssize_t k = left ? read_some(f->r, f->path, f->fd, f->next, to, n < left ? n : left) : 0;
    if (k < 0) return -1;
    f->next += (uint64_t)k;
    *got = (size_t)k;
    return 0;
}

/* Fills the buffer if all of it was used; `unused` stays 0 at the end of the file. */
static int refill(rg_file *f) {
    size_t got;
    if (f->unused > 0) return 0;
    if (fetch(f, f->in, BUFFER, &got)) return -1;
    f->at = f->in;
    f->unused = (unsigned)got;
    return 0;
}

/* -------- packed data */

#ifdef RG_ZLIB
/* zlib frees blocks without their size, which is kept in front of each. It asks for small blocks only. */
static void *z_take(void *r, unsigned count, unsigned size) {
    const size_t bytes = (size_t)count * size + 64;
    size_t *block = rg_tape_alloc(((const rg_reader *)r)->at, ((const rg_reader *)r)->tape, bytes);
    if (!block) return NULL;
    *block = bytes;
    return (char *)block + 64;
}

static void z_give(void *r, void *p) {
    size_t *block = (size_t *)(void *)((char *)p - 64);
    rg_tape_dealloc(((const rg_reader *)r)->tape, block, *block);
}

/* Starts zlib with the largest window: for gzip with its headers, or for deflate, which has none. */
static int unpack(rg_file *f, packing how) {
    f->z.zalloc = z_take;
    f->z.zfree = z_give;
    f->z.opaque = (void *)(uintptr_t)f->r;
    const int code = inflateInit2(&f->z, how == GZIP ? 15 + 16 : -15);
    if (code != Z_OK) return rg_fail(f->r->tape, RG_ENOMEM, f->r->at, "%s: zlib: %s", f->r->name, zError(code));
    f->packing = how;
    return 0;
}

static int unpack_anew(rg_file *f) {
    return inflateReset(&f->z) == Z_OK ? 0 : rg_file_fail(f->r, f->path, "zlib cannot begin anew");
}

static void unpack_end(rg_file *f) {
    if (f->packing != PLAIN) inflateEnd(&f->z);
}

/* After the end of packed data: another member of gzip, or the end of the file. */
static int after_end(rg_file *f) {
    if (refill(f)) return -1;
    f->ended = f->unused == 0;
    if (f->ended) return 0;
    if (f->packing == DEFLATED || *f->at != 0x1f)
        return rg_file_fail(f->r, f->path, "something that is not %s follows the packed data", f->packing == GZIP ? "gzip" : "packed");
    return unpack_anew(f);
}

static int take_packed(rg_file *f, unsigned char *to, size_t n, size_t *got) {
    f->z.next_out = to;
    f->z.avail_out = (uInt)n;
    while (f->z.avail_out > 0 && !f->ended) {
        if (refill(f)) return -1;
        if (f->unused == 0) return rg_file_fail(f->r, f->path, "the packed data is cut short");
        f->z.next_in = f->at;
        f->z.avail_in = f->unused;
        const int code = inflate(&f->z, Z_NO_FLUSH);
        f->at = f->z.next_in;
        f->unused = f->z.avail_in;
        if (code == Z_MEM_ERROR) return rg_fail(f->r->tape, RG_ENOMEM, f->r->at, "%s: out of memory for zlib", f->r->name);
        if (code == Z_STREAM_END ? after_end(f) : code != Z_OK &&
            rg_file_fail(f->r, f->path, "the packed data is damaged: %s", f->z.msg ? f->z.msg : zError(code))) return -1;
    }
    *got = n - f->z.avail_out;
    return 0;
}

#else
static int unpack(rg_file *f, packing how) {
    return rg_fail(f->r->tape, RG_ESTATE, f->r->at, "%s: %s is packed by %s, and this library was built without zlib", f->r->name, f->path,
        how == GZIP ? "gzip" : "deflate");
}
static int unpack_anew(rg_file *f) { return (void)f, 0; }
static void unpack_end(rg_file *f) { (void)f; }
static int take_packed(rg_file *f, unsigned char *to, size_t n, size_t *got) { return (void)f, (void)to, (void)n, (void)got, -1; }
#endif

/* -------- the bytes, unpacked */

static int take_plain(rg_file *f, unsigned char *to, size_t n, size_t *got) {
    size_t part = 1;
    for (*got = 0; *got < n && part > 0; *got += part) {
        if (f->unused == 0 && n - *got >= BUFFER) { /* a large read does not use the buffer */
            if (fetch(f, to + *got, n - *got, &part)) return -1;
            continue;
        }
        if (refill(f)) return -1;
        part = n - *got < f->unused ? n - *got : f->unused;
        if (part) memcpy(to + *got, f->at, part);
        f->at += part;
        f->unused -= (unsigned)part;
    }
    return 0;
}

/* Reads n unpacked bytes, fewer only at the end. */
static int take(rg_file *f, unsigned char *to, size_t n, size_t *got) {
    if (f->packing == PLAIN ? take_plain(f, to, n, got) : take_packed(f, to, n, got)) return -1;
    f->position += *got;
    if (!f->whole) f->crc = rg_crc32(f->crc, to, *got);
    return 0;
}

int rg_file_get(rg_file *f, void *to, uint64_t n) {
    for (size_t got; n > 0; to = (unsigned char *)to + got, n -= got) {
        if (take(f, to, n < PART ? (size_t)n : PART, &got)) return -1;
        if (got == 0)
            return rg_file_fail(f->r, f->path, "ends after %llu byte%s, where %llu more are needed", (unsigned long long)f->position,
                f->position == 1 ? "" : "s",
                (unsigned long long)n);
    }
    return 0;
}

uint64_t rg_file_position(const rg_file *f) { return f->position; }
uint32_t rg_file_crc32(const rg_file *f) { return f->crc; }

static int rewind_to(rg_file *f, uint64_t position) {
    unsigned char skipped[SKIPPED];
    if (unpack_anew(f)) return -1;
    f->unused = 0;
    f->ended = false;
    f->next = f->begin;
    f->crc = 0;
    for (f->position = 0; f->position < position;)
        if (rg_file_get(f, skipped, position - f->position < SKIPPED ? position - f->position : SKIPPED)) return -1;
    return 0;
}

int rg_file_left(rg_file *f, uint64_t most, uint64_t *left) {
    unsigned char skipped[SKIPPED];
    const uint64_t start = f->position;
    *left = f->end - f->begin - start;
    if (f->packing == PLAIN) return 0;
    for (size_t got = 1; got > 0 && f->position - start <= most;)
        if (take(f, skipped, SKIPPED, &got)) return -1;
    *left = f->position - start;
    return rewind_to(f, start);
}

/* -------- opening */

int rg_file_descriptor(const rg_reader *r, const char *path, uint64_t *size) {
    struct stat s;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for the other end of a pipe */
    if (fd < 0) return rg_file_fail(r, path, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &s)) rg_file_fail(r, path, "cannot be read: %s", strerror(errno));
    else if (!S_ISREG(s.st_mode)) rg_file_fail(r, path, "is %s, not a file", S_ISDIR(s.st_mode) ? "a directory" : "a device or a pipe");
    else if (s.st_size == 0) rg_file_fail(r, path, "is empty");
    else return *size = (uint64_t)s.st_size, fd;
    close(fd);
    return -1;
}

static rg_file *file_new(const rg_reader *r, const char *path) {
    rg_file *f = rg_tape_alloc(r->at, r->tape, sizeof *f);
    if (!f) return NULL;
    memset(f, 0, offsetof(rg_file, in));
    f->r = r;
    f->path = path;
    f->fd = -1;
    return f;
}

rg_file *rg_file_open(const rg_reader *r, const char *path) {
    rg_file *f = file_new(r, path);
    if (!f) return NULL;
    f->whole = true;
    f->fd = rg_file_descriptor(r, path, &f->end);
    if (f->fd >= 0 && refill(f) == 0) {
        const bool gzip = f->unused >= 2 && f->in[0] == 0x1f && f->in[1] == 0x8b;
        if (!gzip || unpack(f, GZIP) == 0) return f;
    }
    rg_file_close(f);
    return NULL;
}

rg_file *rg_file_open_part(const rg_reader *r, const char *path, int fd, uint64_t offset, uint64_t size, bool deflated) {
    rg_file *f = file_new(r, path);
    if (!f) return NULL;
    f->fd = fd;
    f->begin = f->next = offset;
    f->end = offset + size;
    if (!deflated || unpack(f, DEFLATED) == 0) return f;
    rg_file_close(f);
    return NULL;
}

void rg_file_close(rg_file *f) {
    if (!f) return;
    unpack_end(f);
    if (f->whole && f->fd >= 0) close(f->fd);
    rg_tape_dealloc(f->r->tape, f, sizeof *f);
}
