/* state.c - rg_state: the state of a whole run, what a program adds to it, in one file. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "nn/data/loader.h"
#include "nn/save.h"
#include "entries.h"
#include "nn/optim/update.h"

struct rg_state {
    rg_tape *tape;
    rg_member *members; /* the tape's generator, then in the order in which they were added */
    int count;
    int64_t size;
    bool failed;        /* an object could not be added: nothing is saved or loaded */
};

/* -------- the entries of each kind of member */

#define TENSOR(x) ((rg_entry){.kind = RG_KEPT_TENSOR, .at = (x)})
#define COUNT(p, least, most) ((rg_entry){.kind = RG_KEPT_COUNT, .at = (p), .n = sizeof *(p), .min = (least), .max = (most)})
#define NUMBER(p, least, most) ((rg_entry){.kind = RG_KEPT_NUMBER, .at = (p), .min = (least), .max = (most)})
#define ANY_NUMBER(p) ((rg_entry){.kind = RG_KEPT_NUMBER, .at = (p), .min = -INFINITY, .max = INFINITY, .nan = true})
#define WIDE(p, is_odd) ((rg_entry){.kind = RG_KEPT_WIDE, .at = (p), .odd = (is_odd)})
#define SAME(text) ((rg_entry){.kind = RG_KEPT_TEXT, .at = (void *)(uintptr_t)(text)})

static void keep_generator(rg_state_list *l, const rg_member *m) {
    rg_rng *rng = m->of;
    rg_keep(l, SAME("PCG64"), "@rng.bit_generator");
    rg_keep(l, WIDE(rng->state, false), "@rng.state");
    rg_keep(l, WIDE(rng->inc, true), "@rng.inc");
    rg_keep(l, COUNT(&rng->has_spare, 0, 1), "@rng.has_uint32");
    rg_keep(l, COUNT(&rng->spare, 0, UINT32_MAX), "@rng.uinteger");
}

static void keep_net(rg_state_list *l, const rg_member *m) { rg_keep_net(l, m->of, m->name); }
static void keep_tensors(rg_state_list *l, const rg_member *m) { rg_keep_tensors(l, (rg_list){m->of, m->count}, NULL, m->name); }
static void keep_tensor(rg_state_list *l, const rg_member *m) {
    rg_tensor **x = m->of;
    if (!*m->name) keep_tensors(l, m);
    else if (!rg_keep_check(l, *x, 0, false)) rg_keep(l, TENSOR(*x), "%s", m->name);
}

/* The name of p in the file; if p is not in it, its own name. */
static const char *name_of(rg_state_list *l, const rg_tensor *p) {
    for (const rg_entry *e = l->items; e < RG_END(l->items, l->count); e++)
        if (e->at == p && e->kind == RG_KEPT_TENSOR) return e->name;
    if (p->name) return p->name;
    l->failed = rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: a parameter has no name, and is not in the state", l->r->name);
    return "";
}

/* Everything that a step reads and changes. The rate of group k is "@optim.k.lr". */
static void keep_optim(rg_state_list *l, const rg_member *m) {
    const rg_optim *o = m->of;
    int k = 0;
    rg_keep(l, SAME(o->kind), "@%s", m->name);
    for (rg_group *g = o->groups; g; g = g->next, k++) {
        rg_keep(l, NUMBER(&g->lr, 0, DBL_MAX), "@%s.%d.lr", m->name, k);
        rg_keep(l, NUMBER(&g->initial_lr, 0, DBL_MAX), "@%s.%d.initial_lr", m->name, k);
        for (rg_slot *s = g->slots; s < RG_END(g->slots, g->count); s++) {
            const char *name = name_of(l, s->p);
            rg_keep(l, COUNT(&s->steps, 0, RG_COUNT_MOST), "@%s.%s.steps", m->name, name);
            for (int i = 0; i < RG_STATES; i++)
                if (s->state[i]) rg_keep(l, TENSOR(s->state[i]), "@%s.%s.%s", m->name, name, o->names[i]);
        }
    }
    for (k = 0; o->lbfgs && rg_lbfgs_state(o->lbfgs, k); k++) rg_keep(l, TENSOR(rg_lbfgs_state(o->lbfgs, k)), "@%s.lbfgs.%d", m->name, k);
}

static void keep_loader(rg_state_list *l, const rg_member *m) {
    rg_loader *b = m->of;
    const int64_t n = b->x->shape[0];
    char batches[96];
    snprintf(batches, sizeof batches, "%lld rows in %s of %lld%s", (long long)n, b->options.drop_last ? "full batches" : "batches",
        (long long)b->options.batch, b->order ? ", shuffled" : "");
    rg_keep(l, SAME(batches), "@%s", m->name);
    rg_keep(l, COUNT(&b->epoch, 0, RG_COUNT_MOST), "@%s.epoch", m->name);
    rg_keep(l, COUNT(&b->row, 0, (double)n), "@%s.row", m->name);
    if (b->order) rg_keep(l, (rg_entry){.kind = RG_KEPT_INDICES, .at = b->order, .n = n}, "@%s.order", m->name);
}

static void keep_copies(rg_state_list *l, const rg_member *m, int count, const struct rg_kept_weights *kept, const char *what) {
    for (const struct rg_kept_weights *k = kept; k < RG_END(kept, count); k++)
        if (k->copy) rg_keep(l, TENSOR(k->copy), "@%s.%s.%s", m->name, name_of(l, k->p), what);
}

static void keep_ema(rg_state_list *l, const rg_member *m) {
    rg_ema *a = m->of;
    rg_keep(l, SAME("rg_average"), "@%s", m->name);
    rg_keep(l, COUNT(&a->swapped, 0, 1), "@%s.swapped", m->name);
    keep_copies(l, m, a->count, a->kept, "average");
}

static void keep_early_stopping(rg_state_list *l, const rg_member *m) {
    rg_early_stopping *s = m->of;
    rg_keep(l, SAME("rg_early_stopping"), "@%s", m->name);
    rg_keep(l, ANY_NUMBER(&s->best), "@%s.best", m->name);
    rg_keep(l, COUNT(&s->calls, 0, RG_COUNT_MOST), "@%s.calls", m->name);
    rg_keep(l, COUNT(&s->best_call, 0, RG_COUNT_MOST), "@%s.best_call", m->name);
    keep_copies(l, m, s->count, s->kept, "best");
}

static void keep_plateau(rg_state_list *l, const rg_member *m) {
    rg_plateau *p = m->of;
    rg_keep(l, SAME("rg_plateau"), "@%s", m->name);
    rg_keep(l, COUNT(&p->begun, 0, 1), "@%s.begun", m->name);
    rg_keep(l, ANY_NUMBER(&p->best), "@%s.best", m->name);
    rg_keep(l, COUNT(&p->bad, 0, INT_MAX), "@%s.bad", m->name);
    rg_keep(l, COUNT(&p->cooling, 0, INT_MAX), "@%s.cooling", m->name);
}

static void keep_count(rg_state_list *l, const rg_member *m) { rg_keep(l, COUNT((int64_t *)m->of, -INFINITY, INFINITY), "@%s", m->name); }
static void keep_number(rg_state_list *l, const rg_member *m) { rg_keep(l, ANY_NUMBER(m->of), "@%s", m->name); }

/* -------- members */

static bool is_of_a_net(const rg_member *m) { return m->keep == keep_net || m->keep == keep_tensors || m->keep == keep_tensor; }

/* Nets and tensors first: their names are part of the others'. */
static void keep_all(rg_state_list *l, const rg_state *s) {
    for (int others = 0; others < 2; others++)
        for (const rg_member *m = s->members; m < RG_END(s->members, s->count) && !l->failed; m++) {
            l->from = m;
            if (is_of_a_net(m) != others) m->keep(l, m);
        }
}

static int check_member(const rg_reader *r, const rg_member *m, const rg_tape *from) {
    if (!m->of) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the object to add is NULL", r->name);
    if (from != r->tape) return rg_fail(r->tape, RG_ESTATE, r->at, "%s: the object to add is from another tape", r->name);
    if (*m->name == '@') return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the name %.60s begins with @", r->name, m->name);
    return *m->name || is_of_a_net(m) ? 0 : rg_fail(r->tape, RG_EVALUE, r->at, "%s: the object to add needs a name", r->name);
}

/* Adds m, if all of its names are new. */
static int add_member(const rg_reader *r, rg_state *s, rg_member m) {
    rg_state_list l = {.r = r};
    char *name = rg_tape_own(r->at, r->tape, strlen(m.name) + 1);
    rg_member *members = name ? rg_grown_own(r->at, r->tape, s->members, s->count, &s->size, sizeof m) : NULL;
    if (!members) return -1;
    m.name = memcpy(name, m.name, strlen(m.name));
    s->members = members;
    s->members[s->count++] = m;
    keep_all(&l, s);
    const int status = rg_state_check(&l);
    if (status) s->count--;
    rg_state_free(&l);
    return status;
}

/* from: the tape of the object. */
static int add(const char *at, rg_state *s, rg_keep_fn *keep, const char *who, const char *name, const rg_tape *from, void *of, int count) {
    if (!s) return -1;
    const rg_reader r = {.at = at, .tape = s->tape, .name = who};
    const rg_member m = {.keep = keep, .who = who, .name = name ? name : "", .at = at, .of = of, .count = count};
    const int status = rg_error_code(s->tape) || check_member(&r, &m, from) || add_member(&r, s, m) ? -1 : 0;
    s->failed |= status != 0;
    return status;
}

/* Adds tensors, and holds them, so that they stay even if the program releases them. */
static int add_tensors(const char *at, rg_state *s, rg_keep_fn *keep, const char *who, const char *name, rg_list list) {
    const size_t n = list.count > 0 ? (size_t)list.count : 0;
    const bool nowhere = !s || (n && !list.items);
    rg_tensor **items = nowhere ? NULL : rg_tape_own(at, s->tape, n * sizeof *items);
    bool failed = !nowhere && !items;
    for (size_t i = 0; items && !failed && i < n; i++) {
        items[i] = list.items[i];
        failed = !rg_failed(items[i]) && items[i]->tape == s->tape && rg_may_write(at, items[i], who);
    }
    if (failed) return s->failed = true, -1;
    if (add(at, s, keep, who, name, s ? s->tape : NULL, items, (int)n)) return -1;
    for (size_t i = 0; i < n; i++) rg_hold(items[i]);
    return 0;
}

rg_state *rg_state_new_at(const char *at, rg_tape *t) {
    rg_state *s = rg_error_code(t) ? NULL : rg_tape_own(at, t, sizeof *s);
    if (!s) return NULL;
    s->tape = t;
    return add(at, s, keep_generator, "rg_state_new", "rng", t, rg_tape_rng(t), 0) ? NULL : s;
}

int rg_state_tensors_at(const char *at, rg_state *s, const char *name, rg_list list) {
    return add_tensors(at, s, keep_tensors, "rg_state_tensors", name, list);
}
int rg_state_tensor_at(const char *at, rg_state *s, const char *name, rg_tensor *x) {
    return add_tensors(at, s, keep_tensor, "rg_state_tensor", name, (rg_list){&x, 1});
}

#define ADD(what, from, of) add(at, s, keep_##what, "rg_state_" #what, name, from, of, 0)
static const rg_tape *tape_of(const rg_state *s) { return s ? s->tape : NULL; } /* for objects without a tape */

int rg_state_net_at(const char *at, rg_state *s, const char *name, rg_nn *net) { return ADD(net, net ? net->tape : NULL, net); }
int rg_state_optim_at(const char *at, rg_state *s, const char *name, rg_optim *o) { return ADD(optim, o ? o->tape : NULL, o); }
int rg_state_loader_at(const char *at, rg_state *s, const char *name, rg_loader *b) { return ADD(loader, b ? b->tape : NULL, b); }
int rg_state_ema_at(const char *at, rg_state *s, const char *name, rg_ema *a) { return ADD(ema, a ? a->tape : NULL, a); }
int rg_state_early_stopping_at(const char *at, rg_state *s, const char *name, rg_early_stopping *e) {
    return ADD(early_stopping, e ? e->tape : NULL, e);
}
int rg_state_plateau_at(const char *at, rg_state *s, const char *name, rg_plateau *p) { return ADD(plateau, tape_of(s), p); }
int rg_state_count_at(const char *at, rg_state *s, const char *name, int64_t *n) { return ADD(count, tape_of(s), n); }
int rg_state_number_at(const char *at, rg_state *s, const char *name, double *x) { return ADD(number, tape_of(s), x); }

/* -------- the file */

static int run_file(const char *at, rg_state *s, const char *path, bool load) {
    const rg_reader r = {.at = at, .tape = s ? s->tape : NULL, .name = load ? "rg_state_load" : "rg_state_save"};
    rg_state_list l = {.r = &r, .path = path};
    if (!s || rg_error_code(s->tape)) return -1;
    if (s->failed) return rg_fail(s->tape, RG_ESTATE, at, "%s: an earlier call could not add to this state", r.name);
    keep_all(&l, s);
    return rg_state_file(&l, load);
}

int rg_state_save_at(const char *at, rg_state *s, const char *path) { return run_file(at, s, path, false); }
int rg_state_load_at(const char *at, rg_state *s, const char *path) { return run_file(at, s, path, true); }
