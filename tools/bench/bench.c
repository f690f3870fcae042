/* bench - times retrograd on ten workloads, and the same work by hand, PyTorch and NumPy: each in a process of its own, in turn. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "engine/op.h"
#include "tools/common/files.h"
#include "tools/common/options.h"
#include "table.h"

static struct { int threads, rounds; double seconds; const char *json, *against, *only, *isa; bool alone; } o = {1, 5, .3, NULL, NULL,
    NULL, NULL, false};
static double gflops; /* what one thread of this machine can do, in f32 */
static bool failed;

/* -------- the contestants */

/* flop: of a step's products alone; of the first layer no gradient of the input. */
static const struct { const char *name, *what; const net_shape *net; double flop; } workloads[] = {
    {"W1", "784-128-10 on MNIST's shape, ReLU, cross-entropy, SGD, batch 64, f32: one step", &shape_w1, 26.2e6},
    {"W2", "3072-256-128-10 on CIFAR-10's shape, SGD, batch 128, f32: one step", &shape_w2, 429e6},
    {"W3", "xor, 2-2-1, sigmoid, mean squared error, batch 4: one step", NULL, 0},
    {"W4", "a chain of 1,000 multiplications and additions of one element, forward and backward: one op", NULL, 0},
    {"W5", "16 Mi f32, elementwise and reductions; \"row\": the second operand is one row of 1,024", NULL, 0},
    {"W6", "LeNet: two 5x5 convolutions, batch norm, 28 x 28, batch 128, Adam: one step", NULL, 371e6},
    {"W7", "four 3x3 convolutions of 32 to 64 channels, batch norm, 32 x 32, batch 64, SGD: one step", NULL, 9.30e9},
    {"W8", "transformer, 2 blocks, 48 features, 4 heads, 64 x 64 tokens, AdamW: one step", NULL, 1.67e9},
    {"W9", "transformer, 4 blocks, 256 features, 8 heads, 16 x 128 tokens, AdamW: one step", NULL, 42.2e9},
    {"W10", "LSTM of 128 units, 32 x 64 tokens, Adam: one step", NULL, 1.31e9},
    {"ops", NULL, NULL, 0},
    {"growth", NULL, NULL, 0},
    {"gemm", NULL, NULL, 0},
    {"math", NULL, NULL, 0},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads, TIMED = 10 };

static int find(const char *name) {
    int k = 0;
    while (k < WORKLOADS && strcmp(workloads[k].name, name)) k++;
    if (k == WORKLOADS) fprintf(stderr, "bench: there is no workload '%s' (W1 .. W10 ops growth gemm math)\n", name);
    return k;
}

/* W1 to W5 are measured by the floor, networks by our own first way. */
static bool has_floor(const char *workload) { return find(workload) < 5; }

bool wanted(const char *op) { /* by the environment, which the processes have in common */
    const char *only = getenv("BENCH_ONLY");
    const size_t n = strlen(op);
    while (only && *only && (strncmp(only, op, n) || (only[n] && only[n] != ','))) only = (only = strchr(only, ',')) ? only + 1 : "";
    return !only || *only;
}

/* bench run WORKLOAD BY SECONDS THREADS [STEPS [baseline]]: what the processes are started with, and the tests */
static int child(int argc, char **argv) {
    if (argc < 6) return fprintf(stderr, "usage: bench run WORKLOAD BY SECONDS THREADS [STEPS [baseline]]\n"), 2;
    const job j = {.workload = argv[2], .by = argv[3], .seconds = atof(argv[4]), .threads = atoi(argv[5]),
        .steps = argc > 6 ? atoi(argv[6]) : 0,
        .baseline = argc > 7 && !strcmp(argv[7], "baseline")};
    if (find(j.workload) >= TIMED) return 2;
    const int status = !has_floor(j.workload) ? models_run(&j) : strncmp(j.by, "floor", 5) ? engine_run(&j) : floor_run(&j);
    if (!status) printf("peak %.0f\n", peak_bytes());
    return status;
}

__attribute__((format(printf, 5, 6))) static int add(table *t, const char *by, const char *command, int threads, const char *name, ...) {
    if (t->ncontestants == CONTESTANTS_MAX) return 0;
    contestant *c = &t->contestants[t->ncontestants];
    *c = (contestant){.by = by, .command = command, .threads = threads, .copies = 1};
    __builtin_va_list args;
    __builtin_va_start(args, name);
    vsnprintf(c->name, sizeof c->name, name, args);
    __builtin_va_end(args);
    return t->ncontestants++;
}

static void add_contestants(table *t, const net_shape *net, char *against) {
    static const char *const ours[] = {"fused", "composed", "played", "composed-played"};
    const bool floor = has_floor(t->workload), several = (net || !floor) && o.threads > 1;
    const char *first = floor ? "floor" : ours[0];
    add(t, first, NULL, 1, "%s", several && !floor ? "fused on 1 thread" : first);
    if (net) add(t, "floor-f32", NULL, 1, "floor, f32 images");
    if (several) {
        t->copies = add(t, first, NULL, 1, "%d %s at once", o.threads, floor ? "floors" : "of these");
        t->contestants[t->copies].copies = o.threads;
        t->single = floor ? add(t, ours[0], NULL, 1, "fused on 1 thread") : 0;
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (!floor && !several && i == 0) continue; /* it is the first */
        if (several) add(t, ours[i], NULL, o.threads, "%s on %d threads", ours[i], o.threads);
        else add(t, ours[i], NULL, o.threads, "%s", ours[i]);
    }
    static const char *const peers[][2] = {{"pytorch", "torch"}, {"numpy", "numpy"}};
    for (size_t i = 0; i < sizeof peers / sizeof *peers && !o.alone; i++) {
        char probe[128];
        snprintf(probe, sizeof probe, "/usr/bin/python3 -c 'import %s' >/dev/null 2>&1", peers[i][1]);
        if (access(BENCH_SOURCES "/peers.py", R_OK) == 0 && system(probe) == 0)
            add(t, peers[i][0], "/usr/bin/python3 " BENCH_SOURCES "/peers.py", o.threads, "%s", peers[i][0]);
    }
    for (char *name = against ? strtok(against, ",") : NULL; name; name = strtok(NULL, ","))
        add(t, name, name, o.threads, "%.*s", NAME_SIZE - 1, name);
}

/* -------- running */

static FILE *start(const table *t, const contestant *c) {
    char self[512], command[1400];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    if (c->command) /* the threads of OpenBLAS, in PyTorch and NumPy, can be told by the environment alone */
        snprintf(command, sizeof command, "exec env OPENBLAS_NUM_THREADS=%d OMP_NUM_THREADS=%d %s %s %s %g %d", c->threads, c->threads,
            c->command, t->workload,
            c->by, o.seconds, c->threads);
    else snprintf(command, sizeof command, "exec '%s' run %s %s %g %d", self, t->workload, c->by, o.seconds, c->threads);
    fflush(NULL);
    return popen(command, "r");
}

/* With --only a contestant of W5 may have no line to print; of the others it has. */
static bool chooses_rows(const table *t) { return o.only && !strcmp(t->workload, "W5"); }

/* The lines that one process prints, into the table; copies of one contestant add up their steps. */
static void collect(table *t, int who, int round, FILE *f) {
    char text[256];
    contestant *c = &t->contestants[who];
    bool some = false;
    while (fgets(text, sizeof text, f)) {
        char *space = strrchr(text, ' '), *end = NULL;
        if (!space) continue;
        *space = 0;
        const double value = strtod(space + 1, &end);
        line *l;
        if (end == space + 1 || value <= 0) continue;
        if (!strcmp(text, "peak")) c->peak = value;
        else if ((l = table_line(t, text))) {
            double *s = &l->by[who].seconds[round];
            *s = *s > 0 ? 1 / (1 / *s + 1 / value) : value;
            some = true;
        }
    }
    const int status = pclose(f), code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == NOT_RUN || (code == 0 && (some || chooses_rows(t)))) return;
    failed = true;
    if (code == 0) fprintf(stderr, "bench: %s printed no line \"KEY SECONDS\" for %s\n", c->name, t->workload);
    else if (code > 0) fprintf(stderr, "bench: %s on %s ended with status %d\n", c->name, t->workload, code);
    else fprintf(stderr, "bench: %s on %s was ended by signal %d\n", c->name, t->workload, WTERMSIG(status));
}

static void run_one(table *t, int who, int round) {
    enum { COPIES_MAX = 64 };
    FILE *f[COPIES_MAX];
    const int n = t->contestants[who].copies < COPIES_MAX ? t->contestants[who].copies : COPIES_MAX;
    for (int i = 0; i < n; i++) f[i] = start(t, &t->contestants[who]);
    for (int i = 0; i < n; i++)
        if (f[i]) collect(t, who, round, f[i]);
        else failed = true, fprintf(stderr, "bench: %s on %s: %s\n", t->contestants[who].name, t->workload, strerror(errno));
}

static void run_table(table *t) {
    for (t->rounds = 0; t->rounds < o.rounds; t->rounds++)
        for (int c = 0; c < t->ncontestants; c++) {
            if (isatty(2)) fprintf(stderr, "\r\033[K%s, round %d of %d: %s", t->workload, t->rounds + 1, o.rounds, t->contestants[c].name);
            run_one(t, c, t->rounds);
        }
    if (isatty(2)) fprintf(stderr, "\r\033[K");
}

static void time_workload(int k, FILE *json, bool first) {
    static table t;
    char against[512];
    snprintf(against, sizeof against, "%s", o.against ? o.against : "");
    memset(&t, 0, sizeof t);
    t.workload = workloads[k].name;
    add_contestants(&t, workloads[k].net, against);
    run_table(&t);
    if (!t.nlines && chooses_rows(&t)) {
        failed = true;
        fprintf(stderr, "bench: %s has no row of %s\n", t.workload, o.only);
        return;
    }
    printf("\n%s: %s\n", workloads[k].name, workloads[k].what);
    if (!strcmp(t.workload, "W5")) print_wide(&t);
    else print_long(&t);
    print_rounds(&t);
    const double flop = workloads[k].flop;
    if (flop > 0 && t.nlines) {
        int fused = 0;
        while (strcmp(t.contestants[fused].by, "fused")) fused++; /* on one thread */
        const double rate = flop / quantile(t.lines[0].by[fused].seconds, t.rounds, .5) / 1e9;
        printf("its products alone are %.1f MFLOP: fused on one thread runs at %.1f GFLOP/s, %.0f%% of the machine's\n", flop / 1e6, rate,
            100 * rate / gflops);
    }
    fflush(stdout);
    if (json && !first) fprintf(json, ",\n");
    if (json) write_json(json, &t);
}

/* OpenBLAS takes a processor that it does not know for a very old one: then this program starts again, and all that it starts, with the
   kernels for this instruction set. */
static void choose_core(char **argv, int isa) {
    const char *core = better_core(isa);
    if (!core || getenv("OPENBLAS_CORETYPE") || setenv("OPENBLAS_CORETYPE", core, 1)) return;
    printf("OpenBLAS runs with OPENBLAS_CORETYPE=%s\n", core);
    fflush(stdout);
    execv("/proc/self/exe", argv);
}

/* -1: none of that name, or not on this machine */
static int isa_named(const char *name) {
    static const char *const names[RG_ISAS] = {"baseline", "avx2", "avx512"};
    for (int k = 0; k <= rg_best_isa(); k++)
        if (!strcmp(name, names[k])) return k;
    return -1;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "run")) return child(argc, argv);
    static const option_row rows[] = {
        {"threads", OPT_INT, &o.threads, "N",
            "threads of retrograd and PyTorch; with more than 1, networks are also timed on 1 thread, and as N processes", 1, 64},
        {"rounds", OPT_INT, &o.rounds, "N", "how many times each contestant is run, one after another", 1, ROUNDS_MAX},
        {"seconds", OPT_DOUBLE, &o.seconds, "S", "how long each contestant is measured in a round", 1e-3, 1e4},
        {"alone", OPT_FLAG, &o.alone, NULL, "without PyTorch and NumPy, which are timed if /usr/bin/python3 has them", 0, 0},
        {"json", OPT_STRING, &o.json, "FILE", "write the seconds of every round of W1 to W10 to this file", 0, 0},
        {"only", OPT_STRING, &o.only, "OP,...",
            "W5 and ops: time only these operators; W5 has those of elementwise.def and reductions", 0, 0},
        {"isa", OPT_CHOICE, &o.isa, "baseline|avx2|avx512", "gemm: the instruction set, instead of the best one", 0, 0},
        {"against", OPT_STRING, &o.against, "PROGRAM,...",
        "also time these: PROGRAM W1 NAME SECONDS THREADS prints \"step SECONDS\"; it exits with 3 for other workloads", 0, 0},
        {0}};
    int chosen[16], n = 0, first = 1, timed = 0;
    for (; first < argc && argv[first][0] != '-' && n < 16; first++)
        if ((chosen[n++] = find(argv[first])) == WORKLOADS) return 2;
    const int status = options_parse_after("[W1 .. W10 ops growth gemm math]", first - 1,
        "Times W1 to W10, or those named. \"floor\" is the same work in plain C.\n"
        "ops: each operator of the registry at three sizes; growth: steps over batch, width and depth; gemm: matrix products;\n"
        "math: exp, tanh, erf and so on, by the library, libmvec and libm.",
        rows, argc, argv);
    if (status != OPTIONS_RUN) return status;
    char only[512];
    snprintf(only, sizeof only, "%s", o.only ? o.only : "");
    for (char *name = strtok(only, ","); name; name = strtok(NULL, ","))
        if (!rg_op_find(name)) return fprintf(stderr, "bench: there is no operator '%s'\n", name), 2;
    if (o.only ? setenv("BENCH_ONLY", o.only, 1) : unsetenv("BENCH_ONLY")) return fprintf(stderr, "bench: %s\n", strerror(errno)), 1;
    if (!n)
        while (n < TIMED) chosen[n] = n, n++;
    const int isa = o.isa ? isa_named(o.isa) : rg_best_isa();
    if (isa < 0) return fprintf(stderr, "bench: this machine, or this build, has no %s\n", o.isa), 2;
    choose_core(argv, isa);
    FILE *json = o.json ? fopen(o.json, "w") : NULL;
    if (o.json && !json) return fprintf(stderr, "bench: %s: %s\n", o.json, strerror(errno)), 1;
    if (json) fprintf(json, "[\n");
    gflops = machine_peak("f32", isa);
    printf("one thread of this machine: %.1f GFLOP/s in registers, %.1f GB/s in copies\n", gflops, machine_copies());
    for (int i = 0; i < n; i++) {
        const char *name = workloads[chosen[i]].name;
        if (chosen[i] < TIMED) time_workload(chosen[i], json, timed++ == 0);
        else if (!strcmp(name, "gemm"))
            failed |= (bench_gemm_f32(o.seconds, gflops, isa) | bench_gemm_f64(o.seconds, machine_peak("f64", isa), isa)) != 0;
        else if (!strcmp(name, "math")) failed |= bench_math(o.seconds) != 0;
        else failed |= (strcmp(name, "ops") ? bench_growth(o.seconds, o.threads) : bench_ops(o.seconds / 10, o.threads)) != 0;
    }
    if (json) fprintf(json, "\n]\n");
    if (json && (ferror(json) | fclose(json))) return fprintf(stderr, "bench: %s: %s\n", o.json, strerror(errno)), 1;
    return files_end_output() || failed;
}
