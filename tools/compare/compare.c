/* compare.c - one step of a published network by tape, by hand and by finite differences, quantity by quantity, in the order of the
   backward pass. If they differ, it names the first quantity that does and the likely cause, and exits with 1.              */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "tools/common/files.h"
#include "tools/common/options.h"

const fault faults[] = {
    {"sign", "the last dZ (or dA) with the wrong sign"},
    {"mean", "the 1/n of the mean left out"},
    {"class", "one-hot rows of the class after the right one"},
    {"l2", "the gradient of the regulariser left out"},
    {"bias-sum", "db without the sum over the samples"},
    {"assign", "db assigned where it should be accumulated"},
    {"transposed", "a matrix not transposed"},
    {"mask", "the mask of the ReLU left out"},
    {"wrong-mask", "the mask of another layer"},
    {"stale", "dW from the activations of the step before"},
    {0}};

static settings o = {.step = 2, .dtype = "f64", .batch = 0, .l2 = NAN};
static const option_row table[] = {
    {"step",  OPT_INT64,  &o.step,  "N",       "number of the step, from 1; the steps before it train by tape. From step 2 on no bias is 0",
        1, 1e9},
    {"batch", OPT_INT64,  &o.batch, "B",       "samples of a step; 0: as published", 0, 1e6},
    {"dtype", OPT_CHOICE, &o.dtype, "f32|f64", "type of tape and hand; finite differences are always f64", 0, 0},
    {"seed",  OPT_UINT64, &o.seed,  "N",       "seed of weights and order", 0, 0},
    {"l2",    OPT_DOUBLE, &o.l2,    "LAMBDA",  "adds LAMBDA sum W^2 to the loss (default as published: 0.001 in 002, else 0)", 0, 1e6},
    {"data",  OPT_STRING, &o.data,  "DIR",
    "folder of the images, or the word digits (003, 004) or noise (000, 002); default: the first folder that exists", 0, 0},
    {"html",  OPT_STRING, &o.html,  "FILE",    "write a page with graph, table and derivation to this file", 0, 0},
    {"break", OPT_STRING, &o.fault, "NAME",    "plant a fault in the network by hand", 0, 0},
    {0}};

static int help(void) {
    options_help(stdout, "compare NET", "Computes one step of a published network by tape, by hand and by finite differences.", table);
    puts("\nNET is one of");
    for (const net *n = nets; n->name; n++) printf("  %-12s %s\n", n->name, n->title);
    puts("\nNAME is one of");
    for (const fault *f = faults; f->name; f++) printf("  %-12s %s\n", f->name, f->what);
    puts("\nThe exit status is 0 if the three agree; 1 if they differ, or after an error; "
         "2 if a planted fault has no effect, or the usage was wrong.");
    return files_end_output();
}

static int bad_net(const char *name) {
    if (name) fprintf(stderr, "compare: '%s' is none of", name);
    else fputs("compare: which network? One of", stderr);
    for (const net *n = nets; n->name; n++) fprintf(stderr, " %s", n->name);
    fputc('\n', stderr);
    return OPTIONS_BAD;
}

static int bad_fault(const char *name) {
    fprintf(stderr, "compare: --break: '%s' is none of", name);
    for (const fault *f = faults; f->name; f++) fprintf(stderr, " %s", f->name);
    fputc('\n', stderr);
    return -1;
}

/* Why a known fault cannot be planted in a net; NULL when it can. */
static const char *no_such_place(const char *name, const net *n, const settings *s) {
    if (strcmp(name, "mean") == 0 && n->sigmoid) return "its loss is half a sum, so there is no 1/n to leave out";
    if (strcmp(name, "class") == 0 && n->sigmoid) return "it has one output, and no classes";
    if (strcmp(name, "mask") == 0 && n->sigmoid) return "its activations are sigmoids, which have no mask";
    if (strcmp(name, "wrong-mask") == 0 && n->sigmoid) return "its activations are sigmoids, which have no masks";
    if (strcmp(name, "wrong-mask") == 0 && n->layers < 3) return "it has one hidden layer, and so one mask; 000 has two";
    if (strcmp(name, "l2") == 0 && n->sigmoid) return "it has no regulariser; 002 has, and 003, 004, 000 with --l2 0.001";
    if (strcmp(name, "l2") == 0 && s->l2 == 0) return "it has no regulariser now: add --l2 0.001";
    if (strcmp(name, "stale") == 0 && s->step < 2) return "at step 1 there are no activations of a step before";
    if ((strcmp(name, "mean") == 0 || strcmp(name, "bias-sum") == 0 || strcmp(name, "assign") == 0) && s->batch < 2)
        return "with a single sample nothing is summed";
    return NULL;
}

int plant(const char *name, const net *n, const settings *s, twin_net *to) {
    const bool f64 = strcmp(s->dtype, "f64") == 0;
    char copy[32] = "";
    bool known = !name;
    for (const fault *f = faults; f->name && name; f++) known = known || strcmp(f->name, name) == 0;
    if (!known) return bad_fault(name);
    const char *why = name ? no_such_place(name, n, s) : NULL;
    if (why) return fprintf(stderr, "compare: --break %s: %s has no such place: %s\n", name, n->name, why), -1;
    if (name) snprintf(copy, sizeof copy, "%s", name);
    for (char *dash = strchr(copy, '-'); dash; dash = strchr(dash, '-')) *dash = '_';
    return (f64 ? plant_f64 : plant_f32)(name ? copy : NULL, n->sigmoid, to);
}

static int run(const net *n) {
    static comparison c; /* large */
    twin_net unused;
    if (!o.batch) o.batch = n->batch;
    if (isnan(o.l2)) o.l2 = n->l2;
    if (n->sigmoid && o.batch > 4)
        return fprintf(stderr, "compare: --batch %lld: %s has four samples\n", (long long)o.batch, n->name), OPTIONS_BAD;
    if (n->sigmoid && o.l2 > 0) return fprintf(stderr, "compare: --l2 %g: %s has no regulariser by hand\n", o.l2, n->name), OPTIONS_BAD;
    const char *word = o.data && strcmp(o.data, "noise") == 0 ? "noise" : o.data && strcmp(o.data, "digits") == 0 ? "digits" : "";
    if (o.data && n->data == POINTS) return options_bad("--data %s: %s has no images", o.data, n->name);
    if (strcmp(word, n->data == DIGITS ? "noise" : "digits") == 0)
        return options_bad("--data %s: %s takes %s, or a folder", word, n->name, n->data == DIGITS ? "digits" : "noise");
    if (plant(o.fault, n, &o, &unused)) return OPTIONS_BAD;
    c.net = n;
    c.o = o;
    int status = compare_step(&c) || compare_slopes(&c);
    if (!status) {
        compare_diagnose(&c);
        report_print(&c, stdout);
        status = c.first || c.first_slope ? 1 : *c.invisible ? OPTIONS_BAD : 0;
        if (o.html && page_save(&c, o.html)) status = 1;
        else if (o.html) printf("page: %s\n", o.html);
    }
    compare_free(&c);
    if (files_end_output()) status = 1;
    return status;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return help();
    const char *name = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    const net *n = name ? net_find(name) : NULL;
    if (!n) return bad_net(name);
    const int status = options_parse_after("NET", 1, "", table, argc, argv);
    return status != OPTIONS_RUN ? status : run(n);
}
