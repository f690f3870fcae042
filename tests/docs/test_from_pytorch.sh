#!/bin/sh
# test_from_pytorch.sh SOURCE BUILD: is docs/from-pytorch.md what its script makes, do the calls on it compile, and does its program
# print what it says? Prints TAP.
set -u
. "${0%/*}/../support/tap.sh"
source=$1 build=$2
page=$source/docs/from-pytorch.md
compile() { ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$source" -I"$build" "$@"; }

made() { python3 "$source/tools/from_pytorch.py" >"$tmp/page" && diff "$page" "$tmp/page"; }
ok "docs/from-pytorch.md is of today: python3 tools/from_pytorch.py >docs/from-pytorch.md" made

# What the page calls x, net, axis ..
cat >"$tmp/calls.c" <<'END'
#include "retrograd.h"
#include <math.h>
typedef struct given {
    rg_tape *t;
    const char *path, *dir;
    void *ctx, *fn;
    rg_nn_fn film;
    double (*f)(int64_t k);
    float *numbers;
    const int64_t *milestones;
} given;
void calls(given have);
void calls(given have) {
    rg_tape *t = have.t;
    const char *path = have.path, *dir = have.dir;
    void *ctx = have.ctx, *fn = have.fn;
    rg_nn_fn film = have.film;
    double (*f)(int64_t k) = have.f;
    float *numbers = have.numbers;
    const int64_t *milestones = have.milestones;
    rg_tensor *x = 0, *y = 0, *a = 0, *b = 0, *w = 0, *z = 0, *h = 0, *v = 0, *p = 0, *q = 0, *key = 0, *g, *hv, *dx, *dy = 0, *d = 0;
    rg_tensor *d_ap = 0, *d_an = 0, *src = 0, *mask = 0, *index = 0, *bounds = 0, *set = 0, *labels = 0, *logits = 0, *log_p = 0, *lengths;
    rg_tensor *mean = 0, *var = 0, *table = 0, *query = 0, *memory = 0, *loss = 0, *array[2] = {0}, *part[2] = {0}, **out = array;
    rg_nn *net = 0, *child = 0, *critic = 0, *attention = 0, *layers[2] = {0};
    rg_optim *optim = 0, *adam = 0;
    rg_loader *l = 0;
    rg_state *run = 0;
    rg_list params = {0}, list = {0};
    rg_plateau plateau = {0};
    rg_rng saved = {0}, rng;
    rg_dataset all = {0}, train, test;
    rg_rnn_state state = {0};
    rg_init init = RG_ZEROS;
    bool on = true, was = true;
    int axis = 0, i = 0, j = 1;
    int64_t k = 1, n = 1, c = 1, groups = 1, H = 1, W = 1, start = 0, stop = 1, step = 1, length = 1, size = 1, period = 1, total = 1;
    int64_t dim = 1, heads = 1, hidden = 1, left = 1, right = 1, top = 1, bottom = 1, order[1], seed = 1;
    double value = 0, alpha = 1, lambda = 1, low = 0, high = 1, tol = 0, threshold = 0, margin = 1, base = 2, lr = 1, gamma = 1;
    double first = 0, last = 1, min = 0, max = 1, metric = 0;
END
# Calls in cells are statements. "axes.." stands for some axes, ".." at the end for options, which are left out.
sed -n 's/^| `[^|]* | \(.*|\)$/\1/p' "$page" | grep -o '`[^`]*`' | tr -d '`' |
    grep 'rg_[a-z0-9_]*(\|^rg_[a-z]* [a-z]* =' | grep -v '(\.\.)' | sort -u |
    sed -e 's/, \.\.)/)/; s/shape\.\./2, 3/; s/axes\.\./0, 1/; s/axis\.\./0/; s/, axes)/, 0, 1)/g' \
        -e 's/(q, k, v/(q, key, v/; s/.*/    { &; }/' >>"$tmp/calls.c"
echo '}' >>"$tmp/calls.c"
ok "there are calls on it" test "$(wc -l <"$tmp/calls.c")" -gt 300
ok "all of them compile" compile -Wno-unused -Wno-missing-field-initializers -fsyntax-only "$tmp/calls.c"

block() { # block KIND: the first one
    awk -v kind="$1" '/^```/ { if (on && mine) exit; on = !on; mine = on && substr($0, 4) == kind; next } mine' "$page"
}
block c >"$tmp/loop.c"
block "" >"$tmp/expected"
runs() {
    compile "$tmp/loop.c" -o "$tmp/loop" -L"$build" -lretrograd -Wl,-rpath,"$build" -lm && "$tmp/loop" >"$tmp/printed" &&
        test -s "$tmp/expected" && diff "$tmp/expected" "$tmp/printed"
}
ok "its training loop prints what it says" runs
done_testing
