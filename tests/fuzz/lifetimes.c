/* lifetimes.c - programs over the public API that use tensors up to the last moment at which the documentation lets them: retained,
   released, viewed, rewound, kept by hooks, cleared, played. Each value, gradient and error is compared with that of model.h.

   An input is a program: a byte of options, then commands of four bytes, what and three operands. An operand picks a tensor that is
   alive, mostly one of the latest. Some commands use one that was released: the library must refuse it by name under RG_CHECK=1, and in
   the pool at least survive it. In some the allocator fails. FUZZ_TRACE=1 in the environment prints the program as C. */
#include <setjmp.h>

#include "fuzz.h"
#include "model.h"
#include "nn/optim.h"

enum { HANDLES = 64, MARKS = 4, HOOKS = 8, LOGS = 32, PARAMS = 3 };
typedef enum hook_kind { KEEPS, DOUBLES, SUMS, VIEWS, REPLACES, GIVES, REWINDS, HOOK_KINDS } hook_kind;

typedef struct hook { int x, given; hook_kind kind; bool on; int64_t since; } hook;
typedef struct log_entry { int hook, given; rg_tensor *made; bool matched; } log_entry; /* what a hook did */

static rg_tape *t;
typedef struct held { rg_tensor *p; int x; } held;
static held handle[HANDLES];
static int nhandles, params[PARAMS];
static struct { int64_t mark, clock; } marks[MARKS];
static hook hooks[HOOKS];
static log_entry logs[LOGS];
static int nlogs;
static bool by_play;
static rg_optim *sgd;
static FILE *trace, *nowhere;
static int command;
static bool checking;            /* RG_CHECK=1 */
static fuzz_memory memory;
static bool pooled;
static bool failing;             /* the allocator fails in this command, perhaps */
static jmp_buf without_memory;

#define TRACE(...) (trace ? (void)fprintf(trace, __VA_ARGS__) : (void)0)
#define REQUIRE(condition, ...) ((condition) ? (void)0 : fuzz_fail(__VA_ARGS__))

/* -------- handles: what the program may use */

static rg_tensor *pointer(int x) {
    for (int k = nhandles - 1; k >= 0; k--)
        if (handle[k].x == x) return handle[k].p;
    return NULL;
}

static void hold(rg_tensor *p, int x) {
    if (pointer(x)) return;
    if (nhandles == HANDLES) { /* the oldest that is gone makes room */
        int k = 0;
        while (k < HANDLES && alive(handle[k].x)) k++;
        if (k == HANDLES) {
            m.full = true;
            return;
        }
        memmove(&handle[k], &handle[k + 1], sizeof *handle * (size_t)(HANDLES - 1 - k));
        nhandles--;
    }
    handle[nhandles].p = p;
    handle[nhandles++].x = x;
}

typedef bool (*wish)(int x);
static bool any(int x) { return x > 0; }
static bool is_definite(int x) { return !m.node[x].loose; }
static bool is_scalar(int x) { return m.node[x].form == SCALAR; }
static bool is_loss(int x) { return is_scalar(x) && m.node[x].needs && !m.node[x].loose; }
static bool needs(int x) { return m.node[x].needs && !m.node[x].loose; }
static bool is_retained(int x) { return m.node[x].retained > 0; }
static bool is_writable(int x) { return m.node[x].own && m.node[x].op == LEAF; }
static bool has_grad(int x) { return m.node[x].grad != NONE && !m.node[x].loose; }
static form wanted_form;
static bool has_form(int x) { return m.node[x].form == wanted_form; }

/* Three of four times one of the last four that are alive and wished for. */
static int pick(uint8_t byte, wish wished) {
    int found[HANDLES], n = 0;
    for (int k = nhandles - 1; k >= 0; k--)
        if (alive(handle[k].x) && wished(handle[k].x)) found[n++] = handle[k].x;
    if (!n) return NONE;
    return found[byte < 192 && n > 4 ? byte % 4 : byte % n];
}

/* Is the error on the tape the one that the failing allocator had to bring? */
static bool out_of_memory(void) { return failing && rg_error_code(t) == RG_ENOMEM; }

static rg_tensor *checked(rg_tensor *p, int x) { /* an op's result */
    if (rg_failed(p) && out_of_memory()) longjmp(without_memory, 1);
    if (rg_failed(p)) fuzz_fail("command %d: an op failed: %s", command, rg_error(t) ? rg_error(t) : "without an error");
    hold(p, x);
    return p;
}

/* -------- comparison */

static double element(rg_tensor *p, int i) { return rg_dtype_of(p) == RG_F64 ? rg_f64(p)[i] : (double)rg_f32(p)[i]; }

static void compare(const char *what, rg_tensor *p, int x) {
    const int n = size_of(m.node[x].form);
    REQUIRE(!rg_failed(p) && rg_numel(p) == n, "command %d: %s %d has %lld elements, not %d", command, what, x, (long long)rg_numel(p), n);
    for (int i = 0; i < n; i++) {
        const double is = element(p, i);
        if (sure(x) && is != values_of(x)[i])
            fuzz_fail("command %d: %s %d: element %d is %g, not %g", command, what, x, i, is, values_of(x)[i]);
    }
}

static void compare_all(void) {
    for (int k = 0; k < nhandles; k++) {
        const int x = handle[k].x, g = m.node[x].grad;
        if (!alive(x)) continue;
        compare("tensor", handle[k].p, x);
        REQUIRE(m.node[x].loose || rg_needs_grad(handle[k].p) == m.node[x].needs, "command %d: tensor %d should %srequire a gradient",
            command, x, m.node[x].needs ? "" : "not ");
        REQUIRE(m.node[x].loose || !rg_grad_of(handle[k].p) == !g, "command %d: tensor %d has %s gradient", command, x,
            g ? "lost its" : "a");
        if (g && !m.node[x].loose) compare("gradient of tensor", rg_grad_of(handle[k].p), g);
    }
    REQUIRE(!rg_error(t), "command %d: an error is on the tape: %s", command, rg_error(t));
}

/* -------- who is released when */

static void drop_grad(int x) {
    const int g = m.node[x].grad;
    m.node[x].grad = NONE;
    if (g) m.node[g].place = m.node[g].retained ? KEPT : NOWHERE;
}

static void drop_hooks(int x) {
    for (int k = 0; k < HOOKS; k++)
        if (hooks[k].x == x) hooks[k].on = false;
}

/* x leaves the record: a value that is retained stays, without its history. */
static void leave_record(int x) {
    node *r = &m.node[x];
    drop_hooks(x);
    if (r->retained) {
        r->place = KEPT;
        r->needs = r->needs && !r->result;
        r->op = LEAF;
        r->in[0] = r->in[1] = NONE;
        r->result = r->from_hook = r->by_play = false;
        return;
    }
    r->place = NOWHERE;
    drop_grad(x);
}

static void leave_since(int64_t clock) {
    bool retained = false;
    for (int x = 1; x < m.nnodes; x++) retained |= m.node[x].retained > 0;
    for (int x = 1; x < m.nnodes; x++)
        if (m.node[x].place == RECORD && m.node[x].born >= clock) {
            leave_record(x);
            m.node[x].reset = clock == 0 && !retained; /* not even a view of it is left */
        }
    if (m.loss && m.node[m.loss].born >= clock) m.loss = NONE;
    if (m.second_loss >= clock) m.second_loss = 0;
    if (clock) return;
    m.odd = m.unplayable = false;
    m.loss = NONE;
    m.second_loss = 0;
    for (int k = 0; k < HOOKS; k++) hooks[k].on &= hooks[k].x == params[0] || hooks[k].x == params[1] || hooks[k].x == params[2];
}

/* x's gradient becomes, or grows by, g. One that is retained is replaced; another may be written in place. */
static void deposit(int x, int g, bool replaces) {
    const int was = m.node[x].grad, now = new_node(LEAF, m.node[x].form);
    node *r = &m.node[now];
    r->place = GRADIENT;
    r->cell = new_cell(size_of(r->form));
    cell *c = &m.cell[r->cell];
    c->played = by_play;
    c->gradient = true;
    c->unsure = !sure(g) || (was && !replaces && !sure(was));
    for (int i = 0; i < c->n; i++) {
        c->v[i] = values_of(g)[i] + (was && !replaces ? values_of(was)[i] : 0);
        if (!(fabs(c->v[i]) <= 1 << 18)) c->unsure = true;
    }
    m.node[x].grad = now;
    if (!was) return;
    m.node[was].place = m.node[was].retained ? KEPT : NOWHERE;
    if (m.node[was].retained) return;
    const int old = m.node[was].cell, root = m.cell[old].shares ? m.cell[old].shares : old;
    m.cell[root].unsure = true;
    touched(root);
    c->shares = root;
}

/* -------- hooks */

static rg_tensor *called(void *ctx, rg_tensor *x, rg_tensor *g) {
    const hook *h = ctx;
    if (nlogs == LOGS) fuzz_fail("command %d: hooks run without end", command);
    log_entry *l = &logs[nlogs++];
    *l = (log_entry){.hook = (int)(h - hooks)};
    (void)x;
    switch (h->kind) {
    case KEEPS: l->made = rg_retain(g); break;
    case DOUBLES: l->made = rg_mul_scalar(g, 2); break;
    case SUMS: l->made = rg_sum(g); break;
    case VIEWS: l->made = rg_detach(g); break;
    case REPLACES: return l->made = rg_mul_scalar(g, 2);
    case GIVES:
        l->given = alive(h->given) && pointer(h->given) ? h->given : NONE;
        return l->given ? pointer(h->given) : NULL;
    case REWINDS: {
        const int64_t mark = rg_mark(t);
        rg_square(rg_neg(g));
        rg_rewind(t, mark);
        break;
    }
    case HOOK_KINDS: break;
    }
    return NULL;
}

static int nodes_before, cells_before; /* what the running pass makes comes after these */
static bool made_by_pass(int g) { return g >= nodes_before && (m.graph || m.node[g].cell >= cells_before); }

/* g's values for the user. The library may hand out g itself, so that whatever is written to one may be seen in the other. NONE where g is
   the user's and needs a gradient: then it is open what the result is a function of. */
static int alias_of(int g, form f) {
    if (m.node[g].needs && !made_by_pass(g)) return NONE;
    const int x = apply(SAME, f, g, NONE, 0);
    cell *c = &m.cell[m.node[x].cell];
    memcpy(c->v, values_of(g), sizeof *c->v * (size_t)c->n);
    c->unsure = !sure(g);
    c->shares = m.cell[m.node[g].cell].shares ? m.cell[m.node[g].cell].shares : m.node[g].cell;
    m.node[x].needs = m.node[g].needs;
    m.node[x].loose = true;
    if (!m.graph) m.node[x].op = LEAF, m.node[x].in[0] = NONE;
    m.odd = true;
    return x;
}

/* A hook retained g. */
static int kept_by_hook(int g) {
    const bool temporary = m.temporary;
    int x = g;
    m.temporary = false;
    if (!made_by_pass(g)) x = alias_of(g, m.node[g].form);
    else if (!m.graph) {
        x = new_node(LEAF, m.node[g].form);
        m.node[x].cell = m.node[g].cell, m.node[x].off = m.node[g].off;
    }
    m.temporary = temporary;
    m.odd = true;
    if (!x) return NONE;
    if (!m.graph) m.node[x].place = NOWHERE;
    m.node[x].retained++;
    return x;
}

/* The model's side of a hook's tensors: made on the record, also where the pass has no graph. */
static int made_in_hook(op o, form f, int g) {
    const bool temporary = m.temporary;
    m.temporary = false;
    int x = o == LEAF ? new_node(LEAF, f) : apply(o, f, g, NONE, 2);
    if (o == LEAF) m.node[x].cell = m.node[g].cell, m.node[x].off = m.node[g].off;
    m.cell[m.node[x].cell].unsure |= o == LEAF && !made_by_pass(g);
    m.temporary = temporary;
    if (temporary && o != LEAF) { /* its operand is the library's own: no history */
        m.node[x].op = LEAF;
        m.node[x].in[0] = NONE;
        m.node[x].from_hook = true;
    }
    m.node[x].by_play = by_play;
    m.odd = true;
    return x;
}

/* Hooks of one tensor run in the order in which they were given. */
static int next_hook(int x, int64_t since) {
    int next = -1;
    for (int k = 0; k < HOOKS; k++)
        if (hooks[k].on && hooks[k].x == x && hooks[k].since > since && (next < 0 || hooks[k].since < hooks[next].since)) next = k;
    return next;
}

static int hook_of_model(int x, int g) {
    int64_t since = 0;
    for (int k; (k = next_hook(x, since)) >= 0;) {
        const hook *h = &hooks[k];
        since = h->since;
        log_entry *l = NULL;
        for (int i = 0; i < nlogs && !l; i++)
            if (logs[i].hook == k && !logs[i].matched) l = &logs[i];
        if (!l) fuzz_fail("command %d: a hook of tensor %d was not called", command, x);
        l->matched = true;
        m.cell[m.node[g].cell].gradient = true;
        int made = NONE;
        if (h->kind == KEEPS) {
            made = kept_by_hook(g);
            if (!made) rg_release(l->made);
        } else if (h->kind == DOUBLES || h->kind == REPLACES) made = made_in_hook(SCALE, m.node[g].form, g);
        else if (h->kind == SUMS) made = made_in_hook(SUM, SCALAR, g);
        else if (h->kind == VIEWS) made = made_in_hook(LEAF, m.node[g].form, g);
        if (made) checked(l->made, made);
        if (h->kind == REPLACES) g = made;
        if (h->kind == GIVES && l->given) g = l->given;
    }
    return g;
}

/* A pass failed, or ended: tensors that its hooks retained belong to somebody now, or are released. */
static void end_logs(bool failed) {
    for (int i = 0; i < nlogs; i++) {
        if (failed && hooks[logs[i].hook].kind == KEEPS) rg_release(logs[i].made);
        if (!failed && !logs[i].matched) fuzz_fail("command %d: a hook was called that has nothing to do there", command);
    }
    nlogs = 0;
}

/* -------- passes */

/* Of a pass whose operands were written in between, no value is known. */
static void doubt(int from) {
    for (int x = from; x < m.nnodes; x++) m.cell[m.node[x].cell].unsure = true;
}

static void backward_of_model(int y, bool doubtful, bool replaces) {
    const int from = nodes_before = m.nnodes;
    cells_before = m.ncells;
    m.graph = false;
    m.temporary = true;
    run_reverse(y, NONE);
    m.temporary = false;
    if (m.full) return;
    if (doubtful) doubt(from);
    for (int x = 1; x <= y; x++)
        if (pass.cot[x] && (m.node[x].op == LEAF || m.keep_grads)) deposit(x, pass.cot[x], replaces && m.node[x].op != LEAF);
}

static void backward(int y) {
    m.odd |= reads_gradient(y);
    const bool doubtful = mark_reach(y, NULL, 0);
    TRACE("rg_backward(x%d);\n", y);
    const int failed = rg_backward(pointer(y));
    if (failed) {
        REQUIRE(doubtful || out_of_memory(), "command %d: rg_backward failed: %s", command, rg_error(t));
        rg_error_clear(t);
        end_logs(true);
        return;
    }
    backward_of_model(y, doubtful, false);
    if (!m.full) end_logs(false);
    const bool first = !m.loss || m.node[y].born < m.node[m.loss].born;
    const int younger = first ? m.loss : y;
    if (first) m.loss = y;
    if (younger && (!m.second_loss || m.node[younger].born < m.second_loss)) m.second_loss = m.node[younger].born;
}

/* out[k] for the gradient g, after those before it. */
static int handed_out(int g, form f, const int *before, int n) {
    bool fresh = made_by_pass(g) && m.node[g].cell >= cells_before; /* and no view of what was there before, which may be copied */
    for (int k = 0; k < n; k++) fresh &= before[k] != g;
    if (!fresh) return alias_of(g, f);
    m.node[g].place = RECORD;
    if (!m.graph) m.node[g].op = LEAF, m.node[g].in[0] = m.node[g].in[1] = NONE;
    return g;
}

static void gradient(int y, int dy, const int *wanted, int n, bool graph) {
    rg_tensor *x[2], *out[2];
    int g[2] = {NONE, NONE};
    for (int k = 0; k < n; k++) x[k] = pointer(wanted[k]);
    const bool doubtful = mark_reach(y, wanted, n);
    TRACE("rg_grad(x%d, {x%d, x%d: %d}, out, .dy = x%d, .create_graph = %d, .allow_unused = true);\n",
        y, wanted[0], n > 1 ? wanted[1] : 0, n, dy, graph);
    if (!graph) m.unplayable = true;
    m.odd |= reads_gradient(y) || reads_gradient(dy);
    if (rg_grad(pointer(y), rg_list_of_n(n, x), out, .dy = dy ? pointer(dy) : NULL, .create_graph = graph, .allow_unused = true)) {
        REQUIRE(doubtful || out_of_memory(), "command %d: rg_grad failed: %s", command, rg_error(t));
        rg_error_clear(t);
        end_logs(true);
        return;
    }
    const int from = nodes_before = m.nnodes;
    cells_before = m.ncells;
    m.graph = graph;
    m.temporary = !graph;
    if (pass.reach[y]) run_reverse(y, dy);
    m.temporary = false;
    if (m.full) return;
    if (doubtful) doubt(from);
    for (int k = 0; k < n; k++) {
        const int cot = pass.reach[y] && wanted[k] <= y ? pass.cot[wanted[k]] : NONE;
        if (k && wanted[1] == wanted[0] && g[0]) g[k] = handed_out(g[0], m.node[wanted[k]].form, g, k);
        else if (cot) g[k] = handed_out(cot, m.node[wanted[k]].form, g, k);
        else g[k] = leaf(m.node[wanted[k]].form, 0), m.odd |= reads_gradient(wanted[k]);
        TRACE("/* out[%d] is x%d */\n", k, g[k]);
        if (g[k]) checked(out[k], g[k]);
    }
    end_logs(false);
    m.graph = false;
}

static void play(void) {
    TRACE("rg_play(t);\n");
    bool doubtful = false, empty = true;
    for (int x = 1; x < m.nnodes; x++) {
        if (m.node[x].by_play && m.node[x].place == RECORD) {
            leave_record(x);
            m.cell[m.node[x].cell].unsure = true; /* where it is retained, and later results are on the record, it may be computed again */
        }
        doubtful |= m.node[x].place == RECORD && stale(x);
        empty &= m.node[x].place != RECORD || m.node[x].op == LEAF;
    }
    const bool refusable = m.unplayable || m.odd || m.second_loss || empty;
    const int failed = rg_play(t);
    for (int c = 1; c < m.ncells; c++) m.cell[c].unsure |= m.cell[c].played;
    for (int x = 1; x < m.nnodes; x++) {
        node *r = &m.node[x];
        cell *c = &m.cell[r->cell];
        if (r->from_hook) {
            c->unsure = true;
            continue;
        }
        if (r->place != RECORD || r->op == LEAF) continue;
        const cell was = *c;
        const int64_t computed = r->computed;
        compute(x);
        if (failed) r->computed = computed;
        if (c->shares) c->unsure |= memcmp(values_of(x), values_of(r->in[0]), sizeof *c->v * (size_t)c->n) || !sure(r->in[0]);
        const bool changed = c->unsure || memcmp(was.v, c->v, sizeof *c->v * (size_t)c->n);
        c->unsure |= failed && (changed || was.unsure);
        for (int k = 1; k < m.ncells && changed; k++) m.cell[k].unsure |= m.cell[k].shares == r->cell;
    }
    if (failed) {
        REQUIRE(refusable || doubtful || out_of_memory(), "command %d: rg_play failed: %s", command, rg_error(t));
        rg_error_clear(t);
        end_logs(true);
        m.odd |= !empty;
        if (!empty) m.stale_before = m.clock;
        return;
    }
    m.stale_before = 0;
    by_play = true;
    if (m.loss) {
        mark_reach(m.loss, NULL, 0);
        backward_of_model(m.loss, false, true);
    }
    if (!m.full) end_logs(false);
    by_play = false;
}

/* -------- commands */

static void make_leaf(uint8_t a, uint8_t b, uint8_t c) {
    const form f = (form)(a % 4);
    const int64_t shape[] = {f == BLOCK ? m.rows : size_of(f), m.columns};
    const double value = (int)(b % 7) - 3;
    const int x = leaf(f, value);
    rg_tensor *p = checked(rg_full_n(t, value, f == SCALAR ? 0 : f == BLOCK ? 2 : 1, shape), x);
    m.node[x].own = true;
    TRACE("x%d = rg_full(t, %g, form %d);%s\n", x, value, (int)f, c % 2 ? " it requires a gradient" : "");
    if (c % 2 == 0) return;
    rg_requires_grad(p, true);
    m.node[x].needs = true;
}

static int view(int a, uint8_t how, uint8_t c) {
    rg_tensor *p = pointer(a), *q;
    const form f = m.node[a].form;
    int x;
    if (how % 3 == 0 || f == SCALAR || (f == ROW && how % 3 == 1)) {
        x = new_node(LEAF, f);
        m.node[x].cell = m.node[a].cell, m.node[x].off = m.node[a].off;
        q = rg_detach(p);
        TRACE("x%d = rg_detach(x%d);\n", x, a);
        checked(q, x);
        if (c % 8 == 0) rg_requires_grad(q, true), m.node[x].needs = true;
        return x;
    }
    if (how % 3 == 2 && f == FLAT) {
        const int start = c % 2 ? m.columns * (m.rows - 1) : 0;
        x = apply(SLICE, ROW, a, NONE, start);
        q = rg_slice(p, 0, start, start + m.columns);
        TRACE("x%d = rg_slice(x%d, 0, %d, %d);\n", x, a, start, start + m.columns);
    } else {
        x = apply(RESHAPE, f == FLAT ? BLOCK : f == BLOCK ? FLAT : f, a, NONE, 0);
        q = f == FLAT ? rg_reshape(p, m.rows, m.columns) : f == BLOCK ? rg_reshape(p, m.rows * m.columns) : rg_reshape(p, m.columns);
        TRACE("x%d = rg_reshape(x%d) to form %d;\n", x, a, (int)m.node[x].form);
    }
    checked(q, x);
    return x;
}

/* In another form, where that is a view. */
static int formed(int a, form f) {
    if (m.node[a].form == f || m.node[a].form == SCALAR || f == SCALAR || m.node[a].form == ROW) return a;
    if (f == ROW && m.node[a].form == BLOCK) a = view(a, 1, 0);
    return view(a, f == ROW ? 2 : 1, 0);
}

static double most(int x) {
    double all = sure(x) ? 0 : 1e30;
    for (int i = 0; i < size_of(m.node[x].form); i++) all = fmax(all, fabs(values_of(x)[i]));
    return all;
}

static int combine(op o, int a, int b) {
    a = formed(a, m.node[b].form);
    b = formed(b, m.node[a].form);
    if (o == MUL && most(a) * most(b) > 1 << 12) o = ADD;
    if (o != MUL && most(a) + most(b) > 1 << 14 && sure(a) && sure(b)) return NONE;
    rg_tensor *p = pointer(a), *q = pointer(b);
    const int x = binary(o, a, b);
    TRACE("x%d = rg_%s(x%d, x%d);\n", x, o == MUL ? "mul" : o == ADD ? "add" : "sub", a, b);
    checked(o == MUL ? rg_mul(p, q) : o == ADD ? rg_add(p, q) : rg_sub(p, q), x);
    return x;
}

static int change(op o, int a, int arg) {
    if (o == SQUARE && most(a) > 64) o = NEG;
    if (o == SCALE && most(a) > 1 << 12) o = SHIFT;
    rg_tensor *p = pointer(a);
    const int x = o == SUM ? apply(SUM, SCALAR, a, NONE, 0) : unary(o, a, arg);
    TRACE("x%d = op %d of x%d, %d;\n", x, (int)o, a, arg);
    checked(o == NEG ? rg_neg(p) : o == SCALE ? rg_mul_scalar(p, arg) : o == SHIFT ? rg_add_scalar(p, arg) : o == SUM ? rg_sum(p)
        : rg_square(p), x);
    return x;
}

static void release(int x) {
    TRACE("rg_release(x%d);\n", x);
    rg_tensor *p = pointer(x);
    if (--m.node[x].retained == 0 && m.node[x].place == KEPT) {
        m.node[x].place = NOWHERE;
        if (has_grad(x)) m.node[m.node[x].grad].place = m.node[m.node[x].grad].retained ? KEPT : NOWHERE;
        /* Where the record reads it, its hooks may run, and its gradient grows, until the reset. */
    }
    rg_release(p);
}

static void write_leaf(int x, uint8_t a, uint8_t b) {
    double to[MOST];
    cell *c = &m.cell[m.node[x].cell];
    for (int i = 0; i < c->n; i++) c->v[i] = to[i] = (a + b * i) % 5 - 2;
    c->unsure = false;
    touched(m.node[x].cell);
    TRACE("rg_write(x%d, ..);\n", x);
    REQUIRE(!rg_write(pointer(x), to), "command %d: rg_write failed: %s", command, rg_error(t));
}

static void clear_grads(void) {
    TRACE("rg_zero_grad(t);\n");
    rg_zero_grad(t);
    for (int k = 0; k < PARAMS; k++) drop_grad(params[k]);
}

/* p -= g, while the numbers stay small. */
static void step(void) {
    bool small = true;
    for (int k = 0; k < PARAMS; k++) small &= !has_grad(params[k]) || most(params[k]) + most(m.node[params[k]].grad) < 1 << 10;
    if (!small) {
        clear_grads();
        return;
    }
    bool some = false;
    for (int k = 0; k < PARAMS; k++) some |= has_grad(params[k]);
    TRACE("rg_optim_step(sgd);\n");
    REQUIRE(!rg_optim_step(sgd) == some, "command %d: rg_optim_step, %s gradients: %s", command, some ? "with" : "without",
        rg_error(t) ? rg_error(t) : "no error");
    rg_error_clear(t); /* a step without gradients is an error */
    for (int k = 0; k < PARAMS; k++) {
        const int x = params[k], g = m.node[x].grad;
        for (int i = 0; g && i < size_of(m.node[x].form); i++) values_of(x)[i] -= values_of(g)[i];
        if (g) touched(m.node[x].cell);
        drop_grad(x);
    }
}

static void add_hook(int x, uint8_t kind, uint8_t given) {
    int k = 0;
    while (k < HOOKS && hooks[k].on) k++;
    if (k == HOOKS || kind > 200) { /* x's go, all of them */
        TRACE("rg_on_grad(x%d, NULL, NULL);\n", x);
        rg_on_grad(pointer(x), NULL, NULL);
        drop_hooks(x);
        return;
    }
    wanted_form = m.node[x].form;
    hooks[k] = (hook){.x = x, .kind = (hook_kind)(kind % HOOK_KINDS), .on = true, .since = ++m.clock};
    if (hooks[k].kind == GIVES) hooks[k].given = pick(given, has_form);
    TRACE("rg_on_grad(x%d, kind %d, x%d);\n", x, (int)hooks[k].kind, hooks[k].given);
    if (rg_on_grad(pointer(x), called, &hooks[k]) && out_of_memory()) longjmp(without_memory, 1);
    REQUIRE(hooks[k].on && !rg_error(t), "command %d: rg_on_grad failed: %s", command, rg_error(t));
}

static rg_tensor *f_square(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_add(rg_square(in[0]), in[1]); }
static rg_tensor *f_param(void *ctx, rg_tensor *const *in) { return (void)in, rg_mul(rg_mul(in[0], in[1]), ctx); }
static rg_tensor *f_first(void *ctx, rg_tensor *const *in) { return (void)ctx, in[0]; }
static rg_tensor *f_view(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_unsqueeze(rg_squeeze(rg_unsqueeze(in[0], 0), 0), 0); }

static void checkpoint(int a, int b, uint8_t which) {
    static const rg_fn fns[] = {f_square, f_param, f_first, f_view};
    if (most(a) > 16 || most(b) > 16) return;
    a = formed(a, FLAT);
    b = formed(b, m.node[a].form);
    if (m.node[a].form != m.node[b].form || m.node[a].form != FLAT) return;
    const int w = params[which / 4 % 2];
    rg_tensor *in[] = {pointer(a), pointer(b)}, *p = rg_checkpoint(fns[which % 4], pointer(w), rg_list_of_n(2, in));
    const int from = m.nnodes;
    int x;
    if (which % 4 == 0) x = binary(ADD, unary(SQUARE, a, 0), b);
    else if (which % 4 == 1) x = binary(MUL, binary(MUL, a, b), w);
    else {
        x = apply(SAME, FLAT, a, NONE, 0);
        m.node[x].cell = m.node[a].cell, m.node[x].off = m.node[a].off;
    }
    for (int k = from; k < m.nnodes; k++) m.node[k].inside = true;
    m.odd = true;
    TRACE("x%d = rg_checkpoint(%d, x%d, x%d);\n", x, which % 4, a, b);
    if (which % 4 == 3 && !rg_failed(p)) {
        const int y = apply(RESHAPE, FLAT, x, NONE, 0);
        m.node[x].place = NOWHERE;
        p = rg_squeeze(p, 0);
        x = y;
    }
    checked(p, x);
}

static void look(uint8_t how, int x) {
    if (how % 4 == 0) rg_tape_print(t, nowhere);
    else if (how % 4 == 1) rg_tape_dot(t, nowhere);
    else if (how % 4 == 2 && x) rg_print(pointer(x), nowhere);
    else if (x) rg_set_name(pointer(x), "a name");
}

typedef enum action { A_LEAF, A_COMBINE, A_CHANGE, A_SUM, A_VIEW, A_RETAIN, A_RELEASE, A_MARK, A_REWIND, A_RESET, A_BACKWARD, A_GRAD_OF,
    A_GRAD,
    A_CLEAR, A_STEP, A_HOOK, A_CHECKPOINT, A_PLAY, A_WRITE, A_SWITCH, A_LOOK, A_LOSS, A_GONE, A_FAIL } action;

static const unsigned char actions[] = {A_LEAF, A_LEAF, A_LEAF, A_COMBINE, A_COMBINE, A_COMBINE, A_CHANGE, A_SUM, A_VIEW, A_VIEW, A_VIEW,
    A_RETAIN, A_RETAIN,
    A_RELEASE, A_RELEASE, A_MARK, A_MARK, A_REWIND, A_REWIND, A_RESET, A_BACKWARD, A_BACKWARD, A_BACKWARD, A_GRAD_OF, A_GRAD_OF, A_GRAD,
    A_GRAD, A_CLEAR,
    A_STEP, A_HOOK, A_CHECKPOINT, A_PLAY, A_PLAY, A_WRITE, A_SWITCH, A_LOOK, A_LOSS, A_LOSS, A_LOSS, A_GONE, A_FAIL};

static void do_rewind(uint8_t slot, bool all) {
    if (all) {
        TRACE("rg_tape_reset(t);\n");
        rg_tape_reset(t);
        leave_since(0);
        return;
    }
    const int k = slot % MARKS;
    TRACE("rg_rewind(t, mark %d);\n", k);
    rg_rewind(t, marks[k].mark);
    leave_since(marks[k].clock);
}

static void do_grad(uint8_t a, uint8_t b, uint8_t c) {
    const int y = pick(a, any), wanted[2] = {pick(b, needs), pick((uint8_t)(b / 4 + 1), needs)};
    if (!y || !wanted[0]) return;
    wanted_form = m.node[y].form;
    int dy = c & 2 || wanted_form != SCALAR ? pick(c / 4, has_form) : NONE;
    gradient(y, dy, wanted, c & 4 ? 2 : 1, c & 1);
}

static void do_switch(uint8_t a) {
    if (a % 2) m.recording = !rg_record(t, !m.recording);
    else m.keep_grads = !rg_keep_grads(t, !m.keep_grads);
    TRACE("rg_record(t, %d), rg_keep_grads(t, %d);\n", m.recording, m.keep_grads);
}

static void do_grad_of(int x) {
    if (!x) return;
    TRACE("x%d = rg_grad_of(x%d);\n", m.node[x].grad, x);
    checked(rg_grad_of(pointer(x)), m.node[x].grad);
}

static void retain(int x) {
    if (!x) return;
    TRACE("rg_retain(x%d);\n", x);
    rg_retain(pointer(x));
    m.node[x].retained++;
}

static void do_clear(uint8_t a, int x) {
    if (a % 2 || !x) {
        clear_grads();
        return;
    }
    TRACE("rg_clear_grad(x%d);\n", x);
    rg_clear_grad(pointer(x));
    drop_grad(x);
}

static void do_mark(uint8_t slot) {
    marks[slot % MARKS].mark = rg_mark(t);
    marks[slot % MARKS].clock = m.clock++;
    TRACE("mark %d = rg_mark(t);\n", slot % MARKS);
}

/* A handle whose tensor was released. NULL when there is none, or when it is another tensor's by now. */
static rg_tensor *pick_gone(uint8_t byte, int *x) {
    int found[HANDLES], n = 0;
    for (int k = nhandles - 1; k >= 0; k--) {
        bool gone = !alive(handle[k].x);
        for (int j = 0; j < nhandles && gone; j++) gone = handle[j].p != handle[k].p || !alive(handle[j].x);
        if (gone) found[n++] = k;
    }
    if (!n) return NULL;
    const int k = found[byte % n];
    *x = handle[k].x;
    return handle[k].p;
}

static void use_gone(uint8_t a, uint8_t how) {
    int x = NONE;
    rg_tensor *p = checking || pooled ? pick_gone(a, &x) : NULL, *alive_one = pointer(params[how / 8 % PARAMS]), *out = NULL;
    if (!p) return;
    TRACE("use %d of x%d, which was released;\n", how % 8, x);
    const int64_t mark = rg_mark(t);
    bool failed = true;
    switch (how % 8) {
    case 0: failed = rg_failed(rg_neg(p)); break;
    case 1: failed = rg_failed(rg_mul_scalar(p, 2)); break;
    case 2: failed = rg_failed(rg_detach(p)); break;
    case 3: failed = !rg_grad_of(p); break;
    case 4: rg_print(p, nowhere); break;
    case 5: (void)(rg_numel(p) == 1 ? rg_item(p) : 0); break;
    case 6: failed = rg_grad(alive_one, rg_list_of(p), &out, .dy = alive_one, .allow_unused = true) != 0; m.unplayable = true; break;
    case 7: failed = checking ? rg_failed(rg_add(alive_one, p)) : true; break;
    }
    if (!failed && !checking) rg_rewind(t, mark); /* another tensor has its memory, which may end before this result */
    m.odd = true;
    const bool named = rg_error(t) && (strstr(rg_error(t), "released by") || how % 8 == 6);
    if (checking && m.node[x].reset && !out_of_memory())
        REQUIRE(failed && named, "command %d: tensor %d was released, and the error is: %s", command, x,
            rg_error(t) ? rg_error(t) : "none");
    rg_error_clear(t);
}

static void act(const uint8_t c[4]) {
    const uint8_t a = c[1], b = c[2], d = c[3];
    int x;
    switch ((action)actions[c[0] % sizeof actions]) {
    case A_LEAF: make_leaf(a, b, d); break;
    case A_COMBINE: combine(d % 2 ? MUL : d % 4 ? SUB : ADD, pick(a, any), pick(b, any)); break;
    case A_CHANGE: change((op)(NEG + b % 4), pick(a, any), d % 5 - 2); break;
    case A_SUM: change(SUM, pick(a, any), 0); break;
    case A_VIEW: view(pick(a, any), b, d); break;
    case A_RETAIN: retain(pick(a, is_definite)); break;
    case A_RELEASE: if ((x = pick(a, is_retained))) release(x); break;
    case A_MARK: do_mark(a); break;
    case A_REWIND: do_rewind(a, false); break;
    case A_RESET: do_rewind(a, true); break;
    case A_BACKWARD: if ((x = pick(a, is_loss))) backward(x); break;
    case A_GRAD_OF: do_grad_of(pick(a, has_grad)); break;
    case A_GRAD: do_grad(a, b, d); break;
    case A_CLEAR: do_clear(b, pick(a, has_grad)); break;
    case A_STEP: step(); break;
    case A_HOOK: if ((x = pick(a, needs))) add_hook(x, b, d); break;
    case A_CHECKPOINT: checkpoint(pick(a, any), pick(b, any), d); break;
    case A_PLAY: play(); break;
    case A_WRITE: if ((x = pick(a, is_writable))) write_leaf(x, b, d); break;
    case A_SWITCH: do_switch(a); break;
    case A_LOOK: look(b, pick(a, any)); break;
    case A_LOSS: /* what most programs do: the sum of a product with a parameter */
        if ((x = combine(MUL, pick(a, any), params[b % PARAMS]))) change(SUM, x, 0);
        break;
    case A_GONE: use_gone(a, b); break;
    case A_FAIL: memory.fail_in = 1 + a % 16; break; /* in the next command */
    }
}

/* -------- a program */

static void begin(uint8_t options) {
    const bool large = options & 2;
    model_clear(large ? 4 : 2, large ? 5 : 2);
    memset(hooks, 0, sizeof hooks);
    memset(marks, 0, sizeof marks);
    memory = (fuzz_memory){0};
    pooled = !(options & 1) && rg_info().pool;
    checking = options & 16 && !pooled; /* in the pool it keeps all memory until the process ends */
    setenv("RG_CHECK", checking ? "1" : "0", 1);
    nhandles = nlogs = 0;
    pass.hook = hook_of_model;
    t = rg_tape_new(1, .allocator = (rg_allocator){.alloc = fuzz_alloc, .free = fuzz_free, .ctx = &memory, .no_pool = !pooled});
    if (!t) fuzz_fail("there is no memory for a tape");
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, options & 4 ? RG_F64 : RG_F32);
    for (int k = 0; k < PARAMS; k++) {
        const form f = k == 2 ? SCALAR : FLAT;
        params[k] = leaf(f, k + 1);
        m.node[params[k]].place = PERMANENT;
        m.node[params[k]].needs = m.node[params[k]].own = true;
        hold(rg_param_n(t, k == 0 ? "w" : k == 1 ? "v" : "u", RG_CONSTANT(k + 1), f == FLAT, &(int64_t){size_of(f)}), params[k]);
    }
    sgd = rg_optim_sgd(t, rg_params(t), .lr = 1);
    TRACE("options %d: %s, %d by %d; x1, x2, x3 are parameters of 1, 2, 3\n", options, pooled ? "pool" : "no pool", m.rows, m.columns);
}

/* All is given back: parameters alone are left, and of the allocator's memory nothing. */
static void end(bool tidy) {
    memory.fail_in = 0;
    for (int x = 1; tidy && x < m.nnodes; x++)
        while (m.node[x].retained) pointer(x) ? release(x) : (void)(m.node[x].retained--, tidy = false);
    if (tidy && !m.full) {
        TRACE("rg_tape_reset(t); all gradients and hooks go\n");
        rg_tape_reset(t);
        for (int k = 0; k < PARAMS; k++) rg_clear_grad(pointer(params[k]));
        if (rg_memory(t).tensors != PARAMS) fuzz_fail("at the end: %lld tensors are left", (long long)rg_memory(t).tensors - PARAMS);
    }
    rg_tape_free(t);
    if (memory.out) fuzz_fail("at the end: %lld bytes are left", (long long)memory.out);
}

/* A command in which the allocator fails: the program goes on as if it had not been there. */
static void act_without_memory(const uint8_t c[4]) {
    static model before;
    static held handle_before[HANDLES];
    static int handles_before;
    static hook hooks_before[HOOKS];
    before = m;
    handles_before = nhandles;
    memcpy(handle_before, handle, sizeof handle);
    memcpy(hooks_before, hooks, sizeof hooks);
    failing = true;
    if (setjmp(without_memory) == 0) {
        act(c);
    } else {
        TRACE("/* out of memory */\n");
        m = before;
        nhandles = handles_before;
        memcpy(handle, handle_before, sizeof handle);
        memcpy(hooks, hooks_before, sizeof hooks);
        m.odd = true;
    }
    if (out_of_memory()) rg_error_clear(t);
    failing = false;
    memory.fail_in = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    if (!trace && getenv("FUZZ_TRACE")) trace = stderr;
    begin(data[0]);
    for (size_t at = 1; at + 4 <= size && !m.full; at += 4) {
        command = (int)(at / 4);
        TRACE("/* %d */ ", command);
        if (memory.fail_in) act_without_memory(data + at);
        else act(data + at);
        if (!m.full) compare_all();
    }
    end(data[0] & 8);
    return 0;
}
