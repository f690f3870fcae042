/* png.c - PNG pictures, one or a folder of them, decoded by libpng's simplified interface. Without libpng each function is an error. */
#include "dataset.h"
#include "nn/files/file.h"

#ifdef RG_PNG
#include <dirent.h>
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct picture { /* an open picture: its bytes are in memory, its header was read */
    const rg_reader *r;
    const char *path;
    unsigned char *bytes;
    uint64_t size;
    png_image image;
    int64_t channels, h, w;
} picture;

enum { SIGNATURE = 8, CHUNK = 12, HEADER = SIGNATURE + CHUNK + 13, RATIO = 1032 }; /* CHUNK: without its data; RATIO: deflate's largest */

static uint32_t big_endian(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static int read_bytes(picture *p) {
    const int fd = rg_file_descriptor(p->r, p->path, &p->size);
    if (fd < 0) return -1;
    p->bytes = rg_file_alloc(p->r, p->path, p->size);
    const int status = p->bytes ? rg_file_read(p->r, p->path, fd, 0, p->bytes, p->size) : -1;
    close(fd);
    return status;
}

static bool is_essential(const unsigned char *type) {
    static const char *const types[] = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (!memcmp(type, types[k], 4)) return true;
    return false;
}

/* Moves the chunks that make the picture together, and returns their bytes. Without the other chunks no value depends on a gamma or a
   profile, and nothing else is unpacked. */
static size_t essential(const picture *p) {
    size_t n = SIGNATURE;
    for (uint64_t at = SIGNATURE, length; p->size - at >= CHUNK; at += length) {
        length = CHUNK + (uint64_t)big_endian(p->bytes + at);
        if (length > p->size - at) length = p->size - at; /* cut short: libpng reports it */
        if (!is_essential(p->bytes + at + 4)) continue;
        memmove(p->bytes + n, p->bytes + at, (size_t)length);
        n += (size_t)length;
    }
    return n;
}

static int refuse(const picture *p) {
    const char *why = p->image.message;
    if (strstr(why, "memory")) return rg_fail(p->r->tape, RG_ENOMEM, p->r->at, "%s: out of memory for libpng", p->r->name);
    return rg_file_fail(p->r, p->path, "is no PNG picture, or a damaged one: %s", why);
}

/* Can the file unpack to as many bytes as the header says? */
static int check_size(const picture *p) {
    static const unsigned char samples[] = {1, 0, 3, 1, 2, 0, 4}; /* of a pixel, by colour type */
    const uint64_t bits = (uint64_t)p->image.width * p->bytes[24] * samples[p->bytes[25] % 7];
    if ((bits + 7) / 8 * p->image.height <= RATIO * p->size) return 0;
    return rg_file_fail(p->r, p->path, "the header says %u x %u, more than %llu bytes can hold", p->image.height, p->image.width,
        (unsigned long long)p->size);
}

/* wanted: the number of channels; 0: those of the picture. */
static int open_picture(picture *p, int wanted) {
    if (read_bytes(p)) return -1;
    if (p->size < HEADER || memcmp(p->bytes, "\x89PNG\r\n\x1a\n", SIGNATURE)) return rg_file_fail(p->r, p->path, "is no PNG picture");
    p->image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&p->image, p->bytes, essential(p))) return refuse(p);
    const int own = p->image.format & PNG_FORMAT_FLAG_ALPHA ? 4 : p->image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
    p->channels = wanted ? wanted : own, p->h = p->image.height, p->w = p->image.width;
    return check_size(p);
}

static void close_picture(picture *p) {
    png_image_free(&p->image);
    if (p->bytes) rg_tape_dealloc(p->r->tape, p->bytes, (size_t)p->size);
}

/* u8 [channels, h, w] */
static int decode(picture *p, unsigned char *to) {
    size_t size;
    int64_t numel;
    if (rg_size(RG_U8, 3, (int64_t[]){p->h, p->w, 4}, &numel, &size)) return rg_file_fail(p->r, p->path, "is too large");
    unsigned char *pixels = rg_tape_alloc(p->r->at, p->r->tape, size);
    if (!pixels) return -1;
    p->image.format = PNG_FORMAT_RGBA;
    p->image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    const int status = png_image_finish_read(&p->image, NULL, pixels, 0, NULL) ? 0 : refuse(p);
    for (int64_t c = 0, i = 0; c < p->channels && status == 0; c++)
        for (int64_t k = 0; k < p->h * p->w; k++) to[i++] = pixels[4 * k + c];
    rg_tape_dealloc(p->r->tape, pixels, size);
    return status;
}

static int check_call(const rg_reader *r, const char *path, int channels) {
    if (!path) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the path is NULL", r->name);
    if (channels == 0 || channels == 3 || channels == 4) return 0;
    return rg_fail(r->tape, RG_EVALUE, r->at, "%s: channels %d, not 3 or 4", r->name, channels);
}

/* A tensor for n pictures like p: u8 [n, h, w] or [n, channels, h, w]; n 0: for one picture, without the first axis. */
static rg_tensor *room_for(const picture *p, int64_t n, const char *name) {
    const int64_t shape[] = {n, p->channels, p->h, p->w}, grey[] = {n, p->h, p->w};
    return rg_dataset_tensor(p->r->at, p->r->tape, RG_U8, (p->channels > 1 ? 4 : 3) - !n, (p->channels > 1 ? shape : grey) + !n, name);
}

rg_tensor *rg_read_png_at(const char *at, rg_tape *t, const char *path, rg_png_options options) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_read_png"};
    const int64_t mark = rg_mark(t);
    picture p = {.r = &r, .path = path};
    rg_tensor *x = NULL;
    if (rg_error_code(t) || check_call(&r, path, options.channels)) return rg_poison(t);
    const char *slash = strrchr(path, '/');
    if (open_picture(&p, options.channels) == 0) x = room_for(&p, 0, slash ? slash + 1 : path);
    if (!rg_failed(x) && decode(&p, x->data)) x = NULL;
    close_picture(&p);
    return rg_tensor_keep(t, mark, x);
}

/* -------- folders */

typedef struct entry { char *path; int32_t label; } entry; /* label: of a picture, its class */
typedef struct entries { entry *items; int64_t count, size; } entries;

static int add_entry(const rg_reader *r, entries *l, const char *path, int32_t label) {
    entry *items = rg_grown(r->at, r->tape, l->items, l->count, &l->size, sizeof *items);
    if (!items) return -1;
    l->items = items;
    char *copy = rg_tape_alloc(r->at, r->tape, strlen(path) + 1);
    if (!copy) return -1;
    l->items[l->count++] = (entry){strcpy(copy, path), label};
    return 0;
}

static void free_entries(const rg_reader *r, entries *l) {
    for (int64_t i = 0; i < l->count; i++) rg_tape_dealloc(r->tape, l->items[i].path, strlen(l->items[i].path) + 1);
    if (l->items) rg_tape_dealloc(r->tape, l->items, (size_t)l->size * sizeof *l->items);
}

static int by_path(const void *a, const void *b) { return strcmp(((const entry *)a)->path, ((const entry *)b)->path); }

static bool is_wanted(const char *path, bool folders) {
    struct stat s;
    const size_t n = strlen(path);
    if (folders) return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
    return n > 4 && (!strcmp(path + n - 4, ".png") || !strcmp(path + n - 4, ".PNG"));
}

/* Adds the folders, or the pictures, that are in dir, sorted. */
static int list_folder(const rg_reader *r, const char *dir, bool folders, int32_t label, entries *l) {
    DIR *d = opendir(dir);
    const int64_t first = l->count;
    int status = d ? 0 : rg_file_fail(r, dir, "cannot be opened: %s", strerror(errno));
    for (struct dirent *e; status == 0 && (e = readdir(d));) {
        rg_path path;
        const int n = snprintf(path.text, sizeof path.text, "%s/%s", dir, e->d_name);
        if (*e->d_name == '.') continue;
        if (n < 0 || (size_t)n >= sizeof path.text) status = rg_file_fail(r, dir, "the path is too long");
        else if (is_wanted(path.text, folders)) status = add_entry(r, l, path.text, label);
    }
    if (d) closedir(d);
    if (status == 0 && l->count == first)
        status = rg_file_fail(r, dir, "has no %s", folders ? "folders, one for each class" : "pictures, NAME.png");
    if (status == 0) qsort(l->items + first, (size_t)(l->count - first), sizeof *l->items, by_path);
    return status;
}

/* Opens p, which must have the size and the channels of the first picture. */
static int open_like(picture *p, int wanted, const picture *first) {
    if (open_picture(p, wanted)) return -1;
    if (p->channels == first->channels && p->h == first->h && p->w == first->w) return 0;
    return rg_file_fail(p->r, p->path, "is %lld x %lld with %lld channels, the first picture %lld x %lld with %lld", (long long)p->h,
        (long long)p->w, (long long)p->channels, (long long)first->h, (long long)first->w, (long long)first->channels);
}

/* All headers are read and compared before the memory for the values is allocated. */
static int read_pictures(const rg_reader *r, const entries *files, int wanted, rg_dataset *d) {
    picture first = {.r = r, .path = files->items[0].path};
    int status = open_picture(&first, wanted);
    close_picture(&first);
    for (int64_t i = 1; i < files->count && status == 0; i++) {
        picture p = {.r = r, .path = files->items[i].path};
        status = open_like(&p, wanted, &first);
        close_picture(&p);
    }
    if (status) return -1;
    d->x = room_for(&first, files->count, "images");
    d->y = rg_dataset_tensor(r->at, r->tape, RG_I32, 1, &files->count, "labels");
    if (rg_failed(d->x) || rg_failed(d->y)) return -1;
    for (int64_t i = 0; i < files->count && status == 0; i++) {
        picture p = {.r = r, .path = files->items[i].path};
        status = open_like(&p, wanted, &first) || decode(&p, (unsigned char *)d->x->data + i * p.channels * p.h * p.w) ? -1 : 0;
        ((int32_t *)d->y->data)[i] = files->items[i].label;
        close_picture(&p);
    }
    return status;
}

/* The names of the classes are the last parts of the folders' paths. */
static int name_classes(const rg_reader *r, const entries *folders, rg_dataset *d) {
    const size_t size = (size_t)folders->count * sizeof(char *);
    char **names = rg_tape_alloc(r->at, r->tape, size);
    if (!names) return -1;
    for (int64_t k = 0; k < folders->count; k++) names[k] = strrchr(folders->items[k].path, '/') + 1;
    d->classes = (int)folders->count;
    d->class_names = rg_names_own(r->at, r->tape, folders->count, names);
    rg_tape_dealloc(r->tape, names, size);
    return d->class_names ? 0 : -1;
}

rg_dataset rg_read_png_folder_at(const char *at, rg_tape *t, const char *dir, rg_png_options options) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_read_png_folder"};
    const int64_t mark = rg_mark(t);
    entries folders = {0}, files = {0};
    rg_dataset d = {0};
    int status = rg_error_code(t) || check_call(&r, dir, options.channels) || list_folder(&r, dir, true, 0, &folders) ? -1 : 0;
    for (int64_t k = 0; k < folders.count && status == 0; k++) status = list_folder(&r, folders.items[k].path, false, (int32_t)k, &files);
    if (status || read_pictures(&r, &files, options.channels, &d) || name_classes(&r, &folders, &d)) d.x = NULL;
    free_entries(&r, &files);
    free_entries(&r, &folders);
    return rg_dataset_keep(t, mark, d);
}

#else

rg_tensor *rg_read_png_at(const char *at, rg_tape *t, const char *path, rg_png_options options) {
    (void)path, (void)options;
    return rg_refuse(t, RG_ESTATE, at, "rg_read_png: this library was built without libpng");
}

rg_dataset rg_read_png_folder_at(const char *at, rg_tape *t, const char *dir, rg_png_options options) {
    (void)dir, (void)options;
    rg_fail(t, RG_ESTATE, at, "rg_read_png_folder: this library was built without libpng");
    return rg_dataset_keep(t, rg_mark(t), (rg_dataset){0});
}
#endif
