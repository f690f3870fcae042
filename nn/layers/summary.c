/* summary.c - a net as a table of its layers, the number of its parameters, and evaluation. */
#include <inttypes.h>
#include <string.h>

#include "nn/optim/update.h"

#undef RG_AT
#define RG_AT at

int64_t rg_nn_count(const rg_nn *net) {
    int64_t n = 0;
    for (int i = 0; net && i < net->nparams; i++) n += net->params[i]->numel;
    return n;
}

/* -------- evaluation. Recursion is at most RG_NN_DEPTH deep. A layer that is in the net twice is entered twice, and left twice. */

static void enter(rg_nn *net) {
    if (net->evals++ == 0) net->was_training = net->training;
    net->training = false;
    for (int i = 0; i < net->nchildren; i++) enter(net->children[i]);
}

static void leave(rg_nn *net) {
    if (--net->evals == 0) net->training = net->was_training;
    for (int i = 0; i < net->nchildren; i++) leave(net->children[i]);
}

void rg_nn_eval(rg_nn *net) {
    if (!net) return;
    net->eval_calls++;
    enter(net);
}

void rg_nn_eval_end_at(const char *at, rg_nn *net) {
    if (!net) return;
    if (net->eval_calls == 0) {
        rg_fail(net->tape, RG_ESTATE, at, "rg_nn_eval_end: there was no rg_nn_eval of the %s", net->kind);
        return;
    }
    net->eval_calls--;
    leave(net);
}

bool rg_nn_record(const rg_nn *net) {
    if (!net) return true;
    const bool was = rg_record(net->tape, false);
    if (!net->evals) rg_record(net->tape, was);
    return was;
}

/* -------- the table */

enum { LEFT = 50, SHAPE = 18, NUMBER = 10 }; /* columns: the layer and its parameters, the shape of its output, a number */

typedef struct line { char text[256]; int width; int64_t own; } line; /* a layer with its own parameters, and their number */

static void append(line *to, const char *before, const char *text, const char *after) {
    const int room = (int)sizeof to->text - to->width;
    const int n = snprintf(to->text + to->width, (size_t)room, "%s%s%s", before, text, after);
    to->width += n < room ? n : room - 1;
}

static line line_of(const rg_nn *net, int depth, const char *place) {
    line all = {.width = 2 * depth};
    memset(all.text, ' ', (size_t)all.width);
    append(&all, place, *place ? ": " : "", net->kind);
    for (int i = 0; i < net->nparams; i++) {
        const rg_tensor *p = net->params[i];
        if (rg_nn_holder(net, p) >= 0) continue;
        const char *dot = strrchr(p->name, '.');
        char text[200];
        append(&all, all.own ? " " : "  ", dot ? dot + 1 : p->name, strrchr(rg_shape_text(p, text, sizeof text), '['));
        all.own += p->numel;
    }
    return all;
}

static int widest(const rg_nn *net, int depth, const char *place) {
    int most = line_of(net, depth, place).width;
    for (int i = 0; i < net->nchildren; i++) {
        const int width = widest(net->children[i], depth + 1, net->names[i]);
        if (width > most) most = width;
    }
    return most;
}

static void print_layer(const rg_nn *net, int depth, const char *place, int left, FILE *to) {
    char shape[128] = "";
    const line all = line_of(net, depth, place);
    if (net->ran) {
        size_t n = (size_t)snprintf(shape, sizeof shape, "[");
        for (int d = 0; d < net->out_ndim; d++)
            n += (size_t)snprintf(shape + n, sizeof shape - n, d ? ",%" PRId64 : "%" PRId64, net->out_shape[d]);
        snprintf(shape + n, sizeof shape - n, "]");
    }
    if (all.own || net->ran) fprintf(to, "%-*s %-*s", left, all.text, all.own ? SHAPE : 0, shape);
    else fputs(all.text, to);
    if (all.own) fprintf(to, " %*" PRId64, NUMBER, all.own);
    putc('\n', to);
    for (int i = 0; i < net->nchildren; i++) print_layer(net->children[i], depth + 1, net->names[i], left, to);
}

static size_t bytes_of(rg_list list) {
    size_t n = 0;
    for (int i = 0; i < list.count; i++) n += (size_t)list.items[i]->numel * rg_dtype_size(list.items[i]->dtype);
    return n;
}

int rg_nn_print_at(const char *at, rg_nn *net, rg_tensor *x, FILE *to) {
    if (!net || !to) return net ? rg_fail(net->tape, RG_EVALUE, at, "rg_nn_print: there is no file") : -1;
    if (x) {
        const int64_t mark = rg_mark(net->tape);
        rg_nn_eval(net);
        const bool failed = rg_failed(rg_nn_forward(net, x));
        rg_nn_eval_end(net);
        rg_rewind(net->tape, mark);
        if (failed) return -1;
    }
    const int width = widest(net, 0, "");
    print_layer(net, 0, "", width > LEFT ? width : LEFT, to);
    fprintf(to, "%" PRId64 " parameters in %d tensors, %zu bytes\n", rg_nn_count(net), net->nparams, bytes_of(rg_nn_params(net)));
    if (net->nbuffers) fprintf(to, "%d buffers, %zu bytes\n", net->nbuffers, bytes_of(rg_nn_buffers(net)));
    return fflush(to) || ferror(to) ? rg_fail(net->tape, RG_EIO, at, "rg_nn_print: the file cannot be written") : 0;
}
