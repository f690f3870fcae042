/* file.c - files as bytes, plain or gzip of any number of members. zlib takes its memory from the tape. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER = 1 << 16 };

struct rg_file {
    const rg_reader *r;
    const char *path;
    int fd;
    bool gzip, ended;     /* ended: the last member was unpacked and its checksum was right */
    uint64_t size;        /* of the file */
    uint64_t position;    /* bytes handed out, unpacked */
    z_stream z;           /* next_in, avail_in: what was read and not used, of a plain file too */
    unsigned char in[BUFFER], out[BUFFER];
};

int rg_file_fail(const rg_reader *r, const char *path, const char *format, ...) {
    enum { SHOWN = 160 }; /* of a long path the end says more */
    char what[224];
    const size_t length = strlen(path), skip = length > SHOWN ? length - SHOWN : 0;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return rg_fail(r->tape, RG_EIO, r->at, "%s: %s%s: %s%s%s", r->name, skip ? "..." : "", path + skip, what, r->hint ? "; " : "", r->hint ? r->hint : "");
}

void *rg_file_room(const rg_reader *r, const char *path, uint64_t n) {
    if (n > SIZE_MAX / 2) return rg_file_fail(r, path, "%llu bytes are too many for this machine", (unsigned long long)n), NULL;
    return rg_tape_alloc(r->at, r->tape, (size_t)n);
}

int rg_file_find(const rg_reader *r, const char *dir, const char *subdir, int n, const char *const *names, rg_path *path) {
    if (!dir) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the directory is NULL", r->name);
    rg_reader no_hint = *r; /* fetching the files anew would not help */
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

/* zlib returns blocks without their size: it is kept in front. */
static void *z_take(void *r, unsigned count, unsigned size) {
    size_t bytes, *block;
    if (__builtin_mul_overflow((size_t)count, (size_t)size, &bytes) || bytes > SIZE_MAX - 64) return NULL;
    block = rg_tape_alloc(((const rg_reader *)r)->at, ((const rg_reader *)r)->tape, bytes + 64);
    if (!block) return NULL;
    *block = bytes + 64;
    return (char *)block + 64;
}

static void z_give(void *r, void *p) {
    size_t *block = (size_t *)(void *)((char *)p - 64);
    rg_tape_dealloc(((const rg_reader *)r)->tape, block, *block);
}

/* Reads on when everything in the buffer is used; avail_in stays 0 at the end of the file. */
static int refill(rg_file *f) {
    if (f->z.avail_in > 0) return 0;
    ssize_t n;
    do n = read(f->fd, f->in, BUFFER);
    while (n < 0 && errno == EINTR);
    if (n < 0) return rg_file_fail(f->r, f->path, "cannot be read: %s", strerror(errno));
    f->z.next_in = f->in;
    f->z.avail_in = (uInt)n;
    return 0;
}

/* After a member, another one or the end. */
static int next_member(rg_file *f) {
    if (refill(f)) return -1;
    f->ended = f->z.avail_in == 0;
    if (!f->ended && *f->z.next_in != 0x1f) return rg_file_fail(f->r, f->path, "something that is not gzip follows the packed data");
    return f->ended || inflateReset(&f->z) == Z_OK ? 0 : -1;
}

static int take_packed(rg_file *f, unsigned char *to, size_t n, size_t *got) {
    f->z.next_out = to;
    f->z.avail_out = (uInt)n;
    while (f->z.avail_out > 0 && !f->ended) {
        if (refill(f)) return -1;
        if (f->z.avail_in == 0) return rg_file_fail(f->r, f->path, "the packed data is cut short");
        const int code = inflate(&f->z, Z_NO_FLUSH);
        if (code == Z_STREAM_END) {
            if (next_member(f)) return -1;
        } else if (code != Z_OK) {
            return rg_file_fail(f->r, f->path, "the packed data is damaged: %s", f->z.msg ? f->z.msg : zError(code));
        }
    }
    *got = n - f->z.avail_out;
    return 0;
}

static int take_plain(rg_file *f, unsigned char *to, size_t n, size_t *got) {
    for (*got = 0; *got < n;) {
        if (refill(f)) return -1;
        if (f->z.avail_in == 0) break;
        const size_t part = n - *got < f->z.avail_in ? n - *got : f->z.avail_in;
        memcpy(to + *got, f->z.next_in, part);
        f->z.next_in += part;
        f->z.avail_in -= (uInt)part;
        *got += part;
    }
    return 0;
}

/* Up to n bytes; fewer only at the end. */
static int take(rg_file *f, unsigned char *to, size_t n, size_t *got) {
    if (f->gzip ? take_packed(f, to, n, got) : take_plain(f, to, n, got)) return -1;
    f->position += *got;
    return 0;
}

int rg_file_get(rg_file *f, void *to, uint64_t n) {
    enum { PART = 1 << 30 }; /* zlib counts in 32 bits */
    for (size_t got; n > 0; to = (unsigned char *)to + got, n -= got) {
        if (take(f, to, n < PART ? (size_t)n : PART, &got)) return -1;
        if (got == 0)
            return rg_file_fail(f->r, f->path, "ends after %llu byte%s, where %llu more are needed", (unsigned long long)f->position, f->position == 1 ? "" : "s",
                (unsigned long long)n);
    }
    return 0;
}

static int rewind_to(rg_file *f, uint64_t position) {
    if (lseek(f->fd, 0, SEEK_SET) != 0 || inflateReset(&f->z) != Z_OK) return rg_file_fail(f->r, f->path, "cannot be read twice");
    f->z.avail_in = 0;
    f->ended = false;
    for (f->position = 0; f->position < position;) {
        const uint64_t part = position - f->position;
        if (rg_file_get(f, f->out, part < BUFFER ? part : BUFFER)) return -1;
    }
    return 0;
}

int rg_file_left(rg_file *f, uint64_t most, uint64_t *left) {
    const uint64_t start = f->position;
    *left = f->size > start ? f->size - start : 0;
    if (!f->gzip) return 0;
    for (size_t got = 1; got > 0 && f->position - start <= most;)
        if (take(f, f->out, BUFFER, &got)) return -1;
    *left = f->position - start;
    return rewind_to(f, start);
}

static int begin(rg_file *f) {
    struct stat s;
    if (fstat(f->fd, &s)) return rg_file_fail(f->r, f->path, "cannot be read: %s", strerror(errno));
    f->size = (uint64_t)s.st_size;
    if (refill(f)) return -1;
    f->gzip = !f->r->plain && f->z.avail_in >= 2 && f->in[0] == 0x1f && f->in[1] == 0x8b;
    return 0;
}

int rg_file_descriptor(const rg_reader *r, const char *path) {
    struct stat s;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for the other end of a pipe */
    if (fd < 0) return rg_file_fail(r, path, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &s)) rg_file_fail(r, path, "cannot be read: %s", strerror(errno));
    else if (!S_ISREG(s.st_mode)) rg_file_fail(r, path, "is %s, not a file", S_ISDIR(s.st_mode) ? "a directory" : "a device or a pipe");
    else if (s.st_size == 0) rg_file_fail(r, path, "is empty");
    else return fd;
    close(fd);
    return -1;
}

rg_file *rg_file_open(const rg_reader *r, const char *path) {
    rg_file *f = rg_tape_alloc(r->at, r->tape, sizeof *f);
    if (!f) return NULL;
    memset(f, 0, offsetof(rg_file, in));
    f->r = r;
    f->path = path;
    f->z.zalloc = z_take;
    f->z.zfree = z_give;
    f->z.opaque = (void *)(uintptr_t)r;
    const int code = inflateInit2(&f->z, 15 + 16); /* the largest window; gzip only */
    if (code != Z_OK) {
        rg_fail(r->tape, RG_ENOMEM, r->at, "%s: zlib: %s", r->name, zError(code));
        rg_tape_dealloc(r->tape, f, sizeof *f);
        return NULL;
    }
    f->fd = rg_file_descriptor(r, path);
    if (f->fd >= 0 && begin(f) == 0) return f;
    rg_file_close(f);
    return NULL;
}

void rg_file_close(rg_file *f) {
    if (!f) return;
    inflateEnd(&f->z);
    if (f->fd >= 0) close(f->fd);
    rg_tape_dealloc(f->r->tape, f, sizeof *f);
}
