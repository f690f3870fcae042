/* save.c - rg_nn_save and rg_nn_load: the names of a net's tensors in the file, and which matrices PyTorch has transposed. */
#include "nn/save.h"

#include <string.h>

#include "entries.h"
#include "nn/optim/update.h"

/* -------- names */

int rg_keep_check(rg_state_list *l, const rg_tensor *x, int i, bool named) {
    const rg_reader *r = l->r;
    char text[64];
    if (rg_failed(x) || x->tape != r->tape)
        l->failed = rg_fail(r->tape, RG_ESTATE, r->at, "%s: tensor %d is poisoned, or of another tape", r->name, i);
    else if (named && (!x->name || !*x->name))
        l->failed = rg_fail(r->tape, RG_EVALUE, r->at, "%s: tensor %d, %s, has no name", r->name, i, rg_shape_text(x, text, sizeof text));
    return l->failed ? -1 : 0;
}

/* The rest of a name that begins with the components of prefix, "a.b" and "a.b.c" with "a.b"; NULL if it does not. */
static const char *after_prefix(const char *name, const char *prefix) {
    const size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || (n && name[n] && name[n] != '.')) return NULL;
    return name + n + (n && name[n]);
}

/* Is x a matrix [in, out] of one of these kinds of layers? In PyTorch it is [out, in]; all other tensors have the same shape there. */
static bool is_matrix(const rg_nn *net, const rg_tensor *x) {
    static const char *const kinds[] = {"linear", "rnn", "lstm", "gru", "multi_head_attention"};
    if (!net || x->ndim != 2) return false;
    const int holder = rg_nn_holder(net, x);
    if (holder >= 0) return is_matrix(net->children[holder], x);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (!strcmp(net->kind, kinds[k])) return true;
    return false;
}

static void keep_tensor(rg_state_list *l, const rg_nn *net, rg_tensor *x, const char *front) {
    const char *name = x->name;
    for (const char *const *pair = l->with.rename; pair && pair[0]; pair += 2) {
        const char *rest = after_prefix(x->name, pair[1]);
        if (!rest) continue;
        front = pair[0], name = rest;
        break;
    }
    rg_entry e = {.kind = RG_KEPT_TENSOR, .at = x, .matrix = is_matrix(net, x)};
    e.transposed = e.matrix && l->with.layout == RG_TORCH;
    if (e.transposed) e.shape[0] = x->shape[1], e.shape[1] = x->shape[0];
    rg_keep(l, e, "%s%s%s%s", l->with.prefix ? l->with.prefix : "", front, *front && *name ? "." : "", name);
    if (!l->failed && *l->items[l->count - 1].name == '@')
        l->failed = rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: the name %.60s begins with @", l->r->name, l->items[l->count - 1].name);
}

void rg_keep_tensors(rg_state_list *l, rg_list list, const rg_nn *net, const char *front) {
    for (int i = 0; !l->failed && i < list.count && !rg_keep_check(l, list.items[i], i, true); i++)
        keep_tensor(l, net, list.items[i], front);
}

void rg_keep_net(rg_state_list *l, const rg_nn *net, const char *front) {
    if (net->failed) l->failed = rg_fail(l->r->tape, RG_ESTATE, l->r->at, "%s: the %s could not be made", l->r->name, net->kind);
    rg_keep_tensors(l, rg_nn_params(net), net, front);
    rg_keep_tensors(l, rg_nn_buffers(net), net, front);
}

/* -------- a net alone */

static int check_options(const rg_reader *r, const rg_file_options *with, bool load) {
    if (with->layout != RG_IN_OUT && with->layout != RG_TORCH)
        return rg_fail(r->tape, RG_EVALUE, r->at, "%s: there is no layout %d", r->name, (int)with->layout);
    if (!load && (with->partial || with->report))
        return rg_fail(r->tape, RG_EVALUE, r->at, "%s: .%s is for rg_nn_load", r->name, with->partial ? "partial" : "report");
    for (const char *const *pair = with->rename; pair && pair[0]; pair += 2)
        if (!pair[1]) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: .rename ends within a pair, after %.60s", r->name, pair[0]);
    return 0;
}

static int net_file(const char *at, rg_nn *net, const char *path, rg_file_options with, bool load) {
    const rg_reader r = {.at = at, .tape = net ? net->tape : NULL, .name = load ? "rg_nn_load" : "rg_nn_save"};
    rg_state_list l = {.r = &r, .path = path, .with = with};
    if (!net || rg_error_code(net->tape) || check_options(&r, &with, load)) return -1;
    rg_keep_net(&l, net, "");
    return rg_state_file(&l, load);
}

int rg_nn_save_at(const char *at, rg_nn *net, const char *path, rg_file_options with) { return net_file(at, net, path, with, false); }
int rg_nn_load_at(const char *at, rg_nn *net, const char *path, rg_file_options with) { return net_file(at, net, path, with, true); }
