/* bench - times retrograd on five workloads beside the same work by hand, PyTorch and NumPy: each in a process of its own, in turn.

   What counts is the ratio to the floor within a round, and its median over the rounds: the machine's own speed drifts more than
   most differences are large.                                                                                               */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "options.h"

enum { ROUNDS_MAX = 99, KEYS_MAX = 512, CONTESTANTS_MAX = 12, KEY_SIZE = 64 };

typedef struct cell { double seconds[ROUNDS_MAX]; } cell; /* 0: not run */
typedef struct line { char key[KEY_SIZE]; cell by[CONTESTANTS_MAX]; } line;
typedef struct contestant { const char *name, *command; double peak; } contestant; /* command NULL: this program */
typedef struct table { const char *workload; int nlines, ncontestants, rounds; contestant contestants[CONTESTANTS_MAX]; line lines[KEYS_MAX]; } table;

static struct { int threads, rounds; double seconds; const char *json, *against; } o = {1, 5, .3, NULL, NULL};

/* -------- the contestants */

static const struct { const char *name, *what; } workloads[] = {
    {"W1", "784-128-10 on MNIST's shape, ReLU, cross-entropy, SGD, batch 64, f32: one step"},
    {"W2", "3072-256-128-10 on CIFAR-10's shape, SGD, batch 128, f32: one step"},
    {"W3", "xor, 2-2-1, sigmoid, mean squared error, batch 4: one step"},
    {"W4", "a chain of 1,000 multiplications and additions of one element, forward and backward: one op"},
    {"W5", "16 Mi f32, elementwise and reductions; \"row\": the second operand is one row of 1,024"},
};

static int child(int argc, char **argv) {
    job j = {.workload = argv[2], .by = argv[3], .seconds = atof(argv[4]), .threads = atoi(argv[5]), .steps = argc > 6 ? atoi(argv[6]) : 0};
    const int failed = strcmp(j.by, "floor") ? engine_run(&j) : floor_run(&j);
    printf("peak %.0f\n", peak_bytes());
    return failed;
}

static void add_contestants(table *t, char *against) {
    static const char *const own[] = {"floor", "fused", "composed", "played"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) t->contestants[t->ncontestants++] = (contestant){own[i], NULL, 0};
    static const char *const peers[] = {"pytorch", "numpy"};
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        char probe[128];
        snprintf(probe, sizeof probe, "/usr/bin/python3 -c 'import %s' >/dev/null 2>&1", i ? "numpy" : "torch");
        if (access(BENCH_SOURCES "/peers.py", R_OK) == 0 && system(probe) == 0) t->contestants[t->ncontestants++] = (contestant){peers[i], "/usr/bin/python3 " BENCH_SOURCES "/peers.py", 0};
    }
    for (char *name = against ? strtok(against, ",") : NULL; name && t->ncontestants < CONTESTANTS_MAX; name = strtok(NULL, ","))
        t->contestants[t->ncontestants++] = (contestant){name, name, 0};
}

static line *line_of(table *t, const char *key) {
    for (int i = 0; i < t->nlines; i++)
        if (!strcmp(t->lines[i].key, key)) return &t->lines[i];
    if (t->nlines == KEYS_MAX) return NULL;
    line *l = &t->lines[t->nlines++];
    *l = (line){.key = ""};
    snprintf(l->key, sizeof l->key, "%.*s", KEY_SIZE - 1, key);
    return l;
}

/* One process of one contestant: its lines into the table. */
static void run_one(table *t, int who, int round) {
    char self[512], command[1400], text[256];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    contestant *c = &t->contestants[who];
    if (c->command) snprintf(command, sizeof command, "exec %s %s %s %g %d 2>/dev/null", c->command, t->workload, c->name, o.seconds, o.threads);
    else snprintf(command, sizeof command, "exec '%s' run %s %s %g %d", self, t->workload, c->name, o.seconds, o.threads);
    FILE *f = popen(command, "r");
    while (f && fgets(text, sizeof text, f)) {
        char *space = strrchr(text, ' ');
        if (!space) continue;
        *space = 0;
        const double value = atof(space + 1);
        if (!strcmp(text, "peak")) c->peak = value;
        else if (value > 0 && line_of(t, text)) line_of(t, text)->by[who].seconds[round] = value;
    }
    if (f) pclose(f);
}

/* -------- the table */

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile of those values that are there; NaN of none. */
static double quantile(const double *values, int n, double q) {
    double v[ROUNDS_MAX];
    int count = 0;
    for (int i = 0; i < n; i++)
        if (values[i] > 0) v[count++] = values[i];
    if (!count) return NAN;
    qsort(v, (size_t)count, sizeof *v, compare);
    return v[(int)(q * (count - 1) + .5)];
}

/* How many times as fast as the floor, paired round by round: the median. */
static double ratio(const table *t, const line *l, int who) {
    double r[ROUNDS_MAX];
    for (int i = 0; i < t->rounds; i++) r[i] = l->by[who].seconds[i] > 0 ? l->by[0].seconds[i] / l->by[who].seconds[i] : 0;
    return quantile(r, t->rounds, .5);
}

static const char *duration(char text[24], double s) {
    const char *unit = s < 1e-6 ? "ns" : s < 1e-3 ? "us" : "ms";
    snprintf(text, 24, "%.3g %s", s * (s < 1e-6 ? 1e9 : s < 1e-3 ? 1e6 : 1e3), unit);
    return text;
}

static void print_long(const table *t) {
    const line *l = t->nlines ? &t->lines[0] : NULL;
    printf("%-12s %12s %8s %14s %12s\n", "", "median", "spread", "of the floor", "peak memory");
    for (int c = 0; l && c < t->ncontestants; c++) {
        const double median = quantile(l->by[c].seconds, t->rounds, .5);
        char text[24];
        if (isnan(median)) continue;
        printf("%-12s %12s %7.1f%% %14.2f %9.0f MB\n", t->contestants[c].name, duration(text, median),
            100 * (quantile(l->by[c].seconds, t->rounds, .75) - quantile(l->by[c].seconds, t->rounds, .25)) / median, ratio(t, l, c), t->contestants[c].peak / 1e6);
    }
}

static void print_wide(const table *t) {
    printf("%-28s %10s %10s %8s %10s %8s\n", "", "loops", "retrograd", "ratio", "pytorch", "ratio");
    int pytorch = -1;
    for (int c = 0; c < t->ncontestants; c++)
        if (!strcmp(t->contestants[c].name, "pytorch")) pytorch = c;
    for (int i = 0; i < t->nlines; i++) {
        const line *l = &t->lines[i];
        char a[24], b[24], c[24] = "";
        const double floor = quantile(l->by[0].seconds, t->rounds, .5), ours = quantile(l->by[1].seconds, t->rounds, .5);
        const double theirs = pytorch < 0 ? NAN : quantile(l->by[pytorch].seconds, t->rounds, .5);
        printf("%-28s %10s %10s %8.2f", l->key, isnan(floor) ? "" : duration(a, floor), isnan(ours) ? "" : duration(b, ours), ratio(t, l, 1));
        if (!isnan(theirs)) printf(" %10s %8.2f", duration(c, theirs), ratio(t, l, pytorch));
        printf("\n");
    }
}

static void write_json(FILE *f, const table *t, bool last) {
    fprintf(f, "  {\"workload\": \"%s\", \"lines\": [\n", t->workload);
    for (int i = 0; i < t->nlines; i++) {
        fprintf(f, "    {\"key\": \"%s\", \"seconds\": {", t->lines[i].key);
        for (int c = 0, some = 0; c < t->ncontestants; c++) {
            if (isnan(quantile(t->lines[i].by[c].seconds, t->rounds, .5))) continue;
            fprintf(f, "%s\"%s\": [", some++ ? ", " : "", t->contestants[c].name);
            for (int r = 0; r < t->rounds; r++) fprintf(f, "%s%.6g", r ? ", " : "", t->lines[i].by[c].seconds[r]);
            fprintf(f, "]");
        }
        fprintf(f, "}}%s\n", i < t->nlines - 1 ? "," : "");
    }
    fprintf(f, "  ]}%s\n", last ? "" : ",");
}

static void run_table(table *t) {
    for (t->rounds = 0; t->rounds < o.rounds; t->rounds++)
        for (int c = 0; c < t->ncontestants; c++) {
            if (isatty(2)) fprintf(stderr, "\r\033[K%s, round %d of %d: %s", t->workload, t->rounds + 1, o.rounds, t->contestants[c].name);
            run_one(t, c, t->rounds);
        }
    if (isatty(2)) fprintf(stderr, "\r\033[K");
}

int main(int argc, char **argv) {
    if (argc > 5 && !strcmp(argv[1], "run")) return child(argc, argv);
    static const option_row rows[] = {
        {"threads", OPT_INT, &o.threads, "N", "threads of retrograd and PyTorch; the floor has one", 1, 1024},
        {"rounds", OPT_INT, &o.rounds, "N", "how often each is run", 1, ROUNDS_MAX},
        {"seconds", OPT_DOUBLE, &o.seconds, "S", "how long each is measured in a round", 1e-3, 1e4},
        {"json", OPT_STRING, &o.json, "FILE", "write every time there", 0, 0},
        {"against", OPT_STRING, &o.against, "PROGRAM,...", "more contestants: PROGRAM W1 NAME SECONDS THREADS prints lines \"step SECONDS\"", 0, 0},
        {0}};
    const char *chosen[16];
    int n = 0, first = 1;
    for (; first < argc && argv[first][0] != '-' && n < 16; first++) chosen[n++] = argv[first];
    const int status = options_parse_after("[W1 W2 W3 W4 W5 ops growth]", first - 1, "Times workloads beside the same work by hand.", rows, argc, argv);
    if (status != OPTIONS_RUN) return status;
    if (!n)
        for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) chosen[n++] = workloads[i].name;
    FILE *json = o.json ? fopen(o.json, "w") : NULL;
    if (o.json && !json) return perror(o.json), 1;
    if (json) fprintf(json, "[\n");
    double gflops, gbytes;
    machine_peak(&gflops, &gbytes);
    printf("one thread of this machine: %.1f GFLOP/s in products, %.1f GB/s in copies\n", gflops, gbytes);
    for (int i = 0; i < n; i++) {
        size_t k = 0;
        while (k < sizeof workloads / sizeof *workloads && strcmp(workloads[k].name, chosen[i])) k++;
        if (!strcmp(chosen[i], "ops")) { bench_ops(o.seconds / 10, o.threads); continue; }
        if (!strcmp(chosen[i], "growth")) { bench_growth(o.seconds, o.threads); continue; }
        if (k == sizeof workloads / sizeof *workloads) return fprintf(stderr, "bench: there is no workload '%s' (W1 W2 W3 W4 W5 ops growth)\n", chosen[i]), 2;
        static table t;
        char against[512] = "";
        if (o.against) snprintf(against, sizeof against, "%s", o.against);
        t = (table){.workload = chosen[i]};
        add_contestants(&t, o.against ? against : NULL);
        run_table(&t);
        printf("\n%s: %s\n", workloads[k].name, workloads[k].what);
        if (!strcmp(t.workload, "W5")) print_wide(&t);
        else print_long(&t);
        if (k < 2 && t.nlines) {
            const net_shape *s = k ? &shape_w2 : &shape_w1;
            double flop = 0;
            for (int l = 0; l < s->layers; l++) flop += (l ? 6. : 4.) * s->batch * s->sizes[l] * s->sizes[l + 1];
            const double rate = flop / quantile(t.lines[0].by[1].seconds, t.rounds, .5) / 1e9;
            printf("its products alone are %.1f MFLOP: fused runs at %.1f GFLOP/s, %.0f%% of the machine's\n", flop / 1e6, rate, 100 * rate / gflops);
        }
        fflush(stdout);
        if (json) write_json(json, &t, i == n - 1);
    }
    if (json) fprintf(json, "]\n");
    return json && fclose(json) ? (perror(o.json), 1) : 0;
}
