/* png.c - saving a picture: stb_image_write makes the PNG; zlib, where it is there, packs it smaller and faster. */
#include "canvas.h"
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef RG_ZLIB
#include <zlib.h>

/* stb frees what this returns with free; NULL makes it give up in good order. */
static unsigned char *deflate_png(unsigned char *data, int size, int *packed_size, int quality) {
    uLongf length = compressBound((uLong)size);
    unsigned char *packed = malloc(length);
    if (packed && compress2(packed, &length, data, (uLong)size, quality) != Z_OK) {
        free(packed);
        return NULL;
    }
    *packed_size = (int)length;
    return packed;
}
#define STBIW_ZLIB_COMPRESS deflate_png
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

static void write_bytes(void *out, void *data, int size) { fwrite(data, 1, (size_t)size, out); }

static int write_png(void *of, FILE *out) {
    const canvas *c = of;
    stbi_write_force_png_filter = 0; /* flat colours pack better, and twice as fast, without the search for a filter */
    errno = ENOMEM;                  /* the one reason for which stb gives up */
    return stbi_write_png_to_func(write_bytes, out, c->width, c->height, 3, c->rgb, c->width * 3) ? 0 : -1;
}

int canvas_save(const canvas *c, const char *path) { return files_replace(path, write_png, (void *)c); }
