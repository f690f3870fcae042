/* replay.c - a harness without a fuzzer.

       NAME PATH...                      runs every file, and every file of a folder; prints TAP
       NAME --count N [--seed S] [--length L] [--found DIR]
                                         runs N random inputs of up to L bytes, in a child; each that ends it is kept in DIR, and the
                                         reasons are counted
       NAME --minimize FILE              takes groups of four bytes out of a failing input as long as it fails, and writes the rest back */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

typedef struct input { uint8_t *at; size_t n; } input;

static input read_input(const char *path) {
    input in = {NULL, 0};
    FILE *f = fopen(path, "rb");
    struct stat s;
    if (!f || fstat(fileno(f), &s) || !(in.at = malloc((size_t)s.st_size + 1))) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    in.n = fread(in.at, 1, (size_t)s.st_size, f);
    fclose(f);
    return in;
}

static void write_input(const char *path, input in) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(in.at, 1, in.n, f) != in.n || fclose(f)) fprintf(stderr, "%s cannot be written\n", path);
}

/* -------- files and folders */

static int count;

static void run_file(const char *path) {
    input in = read_input(path);
    LLVMFuzzerTestOneInput(in.at, in.n);
    free(in.at);
    printf("ok %d - %s\n", ++count, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static void run_path(const char *path) {
    struct dirent **names;
    const int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        run_file(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') run_path(inner);
        free(names[i]);
    }
    free(names);
}

/* -------- random inputs */

static uint64_t mixed(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static input make(uint64_t seed, int64_t number, size_t length, uint8_t *to) {
    uint64_t state = seed * 0xd1342543de82ef95u + (uint64_t)number;
    mixed(&state);
    const size_t n = 1 + (size_t)(mixed(&state) % length);
    for (size_t i = 0; i < n; i += 8) {
        const uint64_t z = mixed(&state);
        memcpy(to + i, &z, 8);
    }
    return (input){to, n};
}

enum { REASONS = 64, REASON = 160 };
static struct { char text[REASON]; int64_t times, first; } reasons[REASONS];
static int nreasons;

/* The line that tells, without its numbers. */
static void reason_of(int from, int status, char to[REASON]) {
    static char text[1 << 16];
    const ssize_t n = pread(from, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    const char *summary = strstr(text, "SUMMARY: "), *at = summary ? summary : strstr(text, "WRONG: ");
    size_t k = 0;
    for (; at && *at && *at != '\n' && k < REASON - 1; at++)
        if (summary || *at < '0' || *at > '9') to[k++] = *at;
    to[k] = 0;
    if (!k && status) snprintf(to, REASON, "signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status));
}

static void count_reason(int from, int status, int64_t number) {
    char text[REASON];
    reason_of(from, status, text);
    int k = 0;
    while (k < nreasons && strcmp(reasons[k].text, text)) k++;
    if (k == REASONS) return;
    if (k == nreasons) {
        nreasons++;
        strcpy(reasons[k].text, text);
        reasons[k].first = number;
    }
    reasons[k].times++;
}

/* From *next on, in a child, which moves *next along. Returns its status. */
static int run_child(uint64_t seed, volatile int64_t *next, int64_t to, size_t length, int err) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        uint8_t *bytes = malloc(length + 16);
        if (ftruncate(err, 0) || lseek(err, 0, SEEK_SET) || dup2(err, 2) < 0 || !bytes) _exit(2);
        for (; *next < to; ++*next) {
            if (*next % 64 == 0) alarm(60); /* against those that never end */
            const input in = make(seed, *next, length, bytes);
            LLVMFuzzerTestOneInput(in.at, in.n);
        }
        free(bytes);
        _exit(0);
    }
    int status = -1;
    if (child > 0) waitpid(child, &status, 0);
    return status;
}

static int run_random(int64_t n, uint64_t seed, size_t length, const char *found) {
    volatile int64_t *next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *err = tmpfile();
    uint8_t *bytes = malloc(length + 16);
    if (next == MAP_FAILED || !err || !bytes) return 2;
    int64_t failed = 0;
    const time_t begin = time(NULL);
    for (*next = 0; *next < n; ++*next) {
        const int status = run_child(seed, next, n, length, fileno(err));
        if (!status) break;
        failed++;
        count_reason(fileno(err), status, *next);
        if (!found) continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%" PRIu64 "-%" PRId64, found, seed, *next);
        write_input(path, make(seed, *next, length, bytes));
    }
    for (int k = 0; k < nreasons; k++)
        printf("# %" PRId64 " times, first in input %" PRId64 ": %s\n", reasons[k].times, reasons[k].first, reasons[k].text);
    printf("%sok 1 - %" PRId64 " random inputs of seed %" PRIu64 ", %" PRId64 " failed, %ld s\n1..1\n", failed ? "not " : "", n, seed,
        failed, (long)(time(NULL) - begin));
    free(bytes);
    fclose(err);
    return failed != 0;
}

/* -------- a failing input made smaller */

static char reason[REASON]; /* for which it fails */

/* How it ends: a signal's name where it said nothing. */
static bool fails(input in, char why[REASON]) {
    FILE *err = tmpfile();
    fflush(stdout);
    const pid_t child = err ? fork() : -1;
    if (child == 0) {
        dup2(fileno(err), 2);
        alarm(20);
        LLVMFuzzerTestOneInput(in.at, in.n);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) exit(2);
    reason_of(fileno(err), status, why);
    fclose(err);
    return status != 0;
}

static bool fails_likewise(input in) {
    char why[REASON];
    return fails(in, why) && !strcmp(why, reason);
}

static input without(input in, size_t at, size_t n) {
    input out = {malloc(in.n + 1), in.n - n};
    if (!out.at) exit(2);
    memcpy(out.at, in.at, at);
    memcpy(out.at + at, in.at + at + n, in.n - at - n);
    return out;
}

static int minimize(const char *path) {
    input in = read_input(path);
    if (!fails(in, reason)) return fprintf(stderr, "%s does not fail\n", path), 1;
    in.n -= (in.n - 1) % 4;
    for (size_t size = in.n / 8 * 4 + 4; size >= 4; size = size / 8 * 4) {
        for (size_t at = 1; at + size <= in.n;) {
            input out = without(in, at, size);
            const bool still = fails_likewise(out);
            free(still ? in.at : out.at);
            if (still) in = out;
            else at += size;
        }
    }
    for (size_t at = 0; at < in.n; at++) { /* and plainer */
        const uint8_t was = in.at[at];
        in.at[at] = 0;
        if (was && !fails_likewise(in)) in.at[at] = was;
    }
    write_input(path, in);
    printf("# %zu bytes: %s\n", in.n, reason);
    fflush(stdout);
    setenv("FUZZ_TRACE", "1", 1);
    LLVMFuzzerTestOneInput(in.at, in.n);
    return 0;
}

int main(int argc, char **argv) {
    int64_t n = 0;
    uint64_t seed = 1;
    size_t length = 240;
    const char *found = NULL;
    for (int i = 1; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
        const char *value = argv[i + 1];
        if (!strcmp(argv[i], "--count")) n = strtoll(value, NULL, 10);
        else if (!strcmp(argv[i], "--seed")) seed = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i], "--length")) length = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i], "--found")) found = value;
        else if (!strcmp(argv[i], "--minimize")) return minimize(value);
    }
    if (n) return run_random(n, seed, length ? length : 1, found);
    for (int i = 1; i < argc; i++) run_path(argv[i]);
    printf("1..%d\n", count);
    return count == 0;
}
