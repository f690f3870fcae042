/* progress.c - a progress bar that a terminal shows and a log file never sees. */
#define _DEFAULT_SOURCE 1 /* clock_gettime, fileno, ioctl, isatty */

#include "progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAUSE 0.1 /* seconds between two drawings */

enum { BAR_MOST = 40, BAR_LEAST = 8 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Asked at every drawing, since a terminal may be resized. */
static int columns(FILE *out) {
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *set = getenv("COLUMNS");
    int width = set ? atoi(set) : 0;
    return width > 0 ? width : 80;
}

/* setlocale would also change how printf writes numbers, so the environment is read directly. */
static bool speaks_unicode(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *set = getenv(names[i]);
        if (set && *set) return strstr(set, "UTF-8") || strstr(set, "utf8") || strstr(set, "utf-8");
    }
    return false;
}

static bool is_terminal(FILE *out) {
    const char *term = getenv("TERM");
    int fd = fileno(out);
    return fd >= 0 && isatty(fd) && !(term && strcmp(term, "dumb") == 0);
}

void progress_start(progress *p, FILE *out, const char *what, int rounds, int64_t steps) {
    *p = (progress){.out = out, .what = what, .rounds = rounds, .steps = steps, .terminal = is_terminal(out), .unicode = speaks_unicode()};
    p->started = now();
    p->next = p->started + PAUSE;
}

static void format_time(char *text, size_t size, double seconds) {
    long long s = seconds < 359999 ? (long long)(seconds + 0.5) : 359999;
    if (s < 3600)
        snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
    else
        snprintf(text, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

static void format_bar(const progress *p, char *text, int cells, double share) {
    *text = '\0';
    for (int i = 1; i <= cells; i++) strcat(text, p->unicode ? (i <= share * cells ? "━" : "─") : (i <= share * cells ? "=" : "-"));
}

static void draw(const progress *p, double elapsed, int round, int64_t step, double loss) {
    double done = (double)(round - 1 - p->before) * (double)p->steps + (double)step,
        all = (double)(p->rounds - p->before) * (double)p->steps;
    double share = all > 0 && done < all ? done / all : 1, rate = done / elapsed;
    char head[96], tail[96], left[32], bar[BAR_MOST * sizeof "━"];
    format_time(left, sizeof left, share > 0 ? elapsed * (1 - share) / share : 359999);
    int head_size = snprintf(head, sizeof head, "%.40s %d/%d ", p->what, round, p->rounds);
    int tail_size = snprintf(tail, sizeof tail, " %3.0f%%  loss %.4g  %.*f steps/s  %s left", 100 * share, loss, rate < 100, rate, left);
    int room = columns(p->out) - 1, cells = room - head_size - tail_size; /* the last column would wrap */
    if (cells > BAR_MOST) cells = BAR_MOST;
    format_bar(p, bar, cells < BAR_LEAST ? 0 : cells, share);
    /* One write, and the rest of the line is cleared last: nothing is erased before it is drawn over, so nothing flickers. */
    fprintf(p->out, "\r%.*s%s%.*s\033[K", room, head, bar, room > head_size ? room - head_size : 0, tail);
    fflush(p->out);
}

void progress_step(progress *p, int round, int64_t step, double loss) {
    if (!p->terminal) return;
    double time = now();
    if (time < p->next) return;
    draw(p, time - p->started, round, step, loss);
    p->next = now() + PAUSE;
    p->shown = true;
}

void progress_end(progress *p) {
    if (!p->shown) return;
    fputs("\r\033[K", p->out);
    fflush(p->out);
    p->shown = false;
}

void progress_line(progress *p, const char *format, ...) {
    va_list args;
    progress_end(p);
    va_start(args, format);
    vfprintf(p->out, format, args);
    va_end(args);
    fputc('\n', p->out);
    fflush(p->out);
}
