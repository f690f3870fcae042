/* model.h - a second, simple edition of the engine, against which lifetimes.c holds the first. It frees nothing: every tensor that a
   program made stays in one array, so that no lifetime can go wrong here. Values are small integers, exact in f32 in any order of
   summation; a value that grew too large, or that the documentation leaves open, is unsure and is not compared. */
#ifndef RG_FUZZ_MODEL_H
#define RG_FUZZ_MODEL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MOST = 20, NODES = 2000, NONE = 0 };

typedef enum form { SCALAR, FLAT, BLOCK, ROW } form; /* [], [rows * columns], [rows, columns], [columns] */
typedef enum op { LEAF, ADD, SUB, MUL, NEG, SCALE, SHIFT, SQUARE, SUM, EXPAND, RESHAPE, SLICE, PAD, SAME } op;
/* where the library has the tensor for the user; NOWHERE: released */
typedef enum place { NOWHERE, RECORD, KEPT, PERMANENT, GRADIENT } place;

/* Memory of a tensor and of its views. */
typedef struct cell {
    double v[MOST];
    int n;
    bool unsure, played; /* played: rg_play put a gradient there, and may use the memory again */
    bool gradient;       /* has been one, or a hook was called with it: what reads it cannot be replayed */
    int64_t written;     /* when, for leaves */
    int shares;          /* another cell that may be the same memory, or NONE */
} cell;

typedef struct node {
    op op;
    int in[2], arg;
    int cell, off;
    form form;
    bool needs, own;           /* own: a leaf with memory of its own, which may be written */
    bool from_hook, by_play;   /* made in a hook, by a pass without a graph; and by one of rg_play */
    bool loose;                /* may be another tensor of the user's: whether it needs a gradient is not known */
    bool inside;               /* made in a checkpoint's function */
    bool result;               /* has an operator in the library */
    bool reset;                /* a reset released it for certain */
    place place;
    int retained, grad;
    int64_t born, computed;
} node;

typedef struct model {
    node node[NODES];
    cell cell[NODES];
    int nnodes, ncells;
    int rows, columns;
    int64_t clock;
    bool full;              /* no room for more: the program ends */
    bool graph, recording, keep_grads;
    bool temporary;         /* a pass without a graph runs: what it makes is the library's own */
    int loss;               /* the oldest of the record */
    int64_t second_loss;    /* when the next was made, or 0 */
    int64_t stale_before;   /* an rg_play failed then: a pass through older results may be refused */
    bool unplayable, odd;   /* odd: the record has what rg_play may refuse */
} model;

static model m;

static int size_of(form f) { return f == SCALAR ? 1 : f == ROW ? m.columns : m.rows * m.columns; }
static double *values_of(int x) { return m.cell[m.node[x].cell].v + m.node[x].off; }
static bool sure(int x) { return !m.cell[m.node[x].cell].unsure; }
static bool alive(int x) { return x != NONE && (m.node[x].place != NOWHERE || m.node[x].retained > 0); }
static bool is_view(op o) { return o == RESHAPE || o == SLICE; }

static void model_clear(int rows, int columns) {
    m.nnodes = m.ncells = 1; /* 0 is NONE */
    m.node[0] = (node){.op = LEAF};
    m.cell[0] = (cell){.n = 0};
    m.rows = rows, m.columns = columns;
    m.clock = 1;
    m.full = m.graph = m.keep_grads = m.temporary = m.unplayable = m.odd = false;
    m.recording = true;
    m.loss = NONE;
    m.second_loss = m.stale_before = 0;
}

/* The last ones are a reserve, written again and again once the program is full and about to end. */
static int new_cell(int n) {
    if (m.ncells >= NODES - 1) m.full = true;
    else m.ncells++;
    const int c = m.ncells - 1;
    m.cell[c] = (cell){.n = n};
    return c;
}

static int new_node(op o, form f) {
    if (m.nnodes >= NODES - 1) m.full = true;
    else m.nnodes++;
    const int x = m.nnodes - 1;
    m.node[x] = (node){.op = o, .form = f, .place = m.temporary ? NOWHERE : RECORD, .born = m.clock, .computed = m.clock,
        .result = o != LEAF};
    m.clock++;
    return x;
}

static void touched(int c) { /* new values in memory that others may share */
    m.cell[c].written = m.clock++;
    for (int k = 1; k < m.ncells; k++)
        if (m.cell[k].shares == c) m.cell[k].unsure = true;
    if (m.cell[c].shares) m.cell[m.cell[c].shares].unsure = true;
}

static double value_at(const node *y, int i) {
    const double *a = values_of(y->in[0]), *b = y->in[1] ? values_of(y->in[1]) : NULL;
    switch (y->op) {
    case ADD: return a[i] + b[i];
    case SUB: return a[i] - b[i];
    case MUL: return a[i] * b[i];
    case NEG: return -a[i];
    case SCALE: return a[i] * y->arg;
    case SHIFT: return a[i] + y->arg;
    case SQUARE: return a[i] * a[i];
    case EXPAND: return a[0];
    case PAD: return i >= y->arg && i < y->arg + m.columns ? a[i - y->arg] : 0;
    default: return a[i];
    }
}

static void compute(int x) {
    node *y = &m.node[x];
    cell *c = &m.cell[y->cell];
    if (y->op == LEAF || y->cell == m.node[y->in[0]].cell || c->shares) return; /* a view, or the same memory perhaps */
    const double limit = 1 << 18;
    bool unsure = !sure(y->in[0]) || (y->in[1] && !sure(y->in[1]));
    double most = 0, sum = 0;
    for (int i = 0; y->op == SUM && i < size_of(m.node[y->in[0]].form); i++) sum += values_of(y->in[0])[i];
    for (int i = 0; i < c->n; i++) {
        c->v[i] = y->op == SUM ? sum : value_at(y, i);
        most = fmax(most, fabs(c->v[i]));
    }
    c->unsure = unsure || !(most <= limit);
    y->computed = m.clock++;
}

/* A result. */
static bool reads_gradient(int x) { return m.cell[m.node[x].cell].gradient; }

static int apply(op o, form f, int a, int b, int arg) {
    const int x = new_node(o, f);
    node *y = &m.node[x];
    y->in[0] = a, y->in[1] = b, y->arg = arg;
    if (is_view(o)) y->cell = m.node[a].cell, y->off = m.node[a].off + (o == SLICE ? arg : 0);
    else y->cell = new_cell(size_of(f));
    y->needs = m.recording && (m.node[a].needs || m.node[b].needs);
    m.odd |= !m.temporary && (reads_gradient(a) || reads_gradient(b));
    compute(x);
    return x;
}

static int leaf(form f, double value) {
    const int x = new_node(LEAF, f);
    m.node[x].cell = new_cell(size_of(f));
    for (int i = 0; i < size_of(f); i++) values_of(x)[i] = value;
    return x;
}

static int binary(op o, int a, int b) { /* a scalar is broadcast */
    const form f = m.node[a].form, g = m.node[b].form;
    if (f == SCALAR && g != SCALAR) a = apply(EXPAND, g, a, NONE, 0);
    if (g == SCALAR && f != SCALAR) b = apply(EXPAND, f, b, NONE, 0);
    return apply(o, m.node[a].form, a, b, 0);
}

static int unary(op o, int a, int arg) { return apply(o, m.node[a].form, a, NONE, arg); }

/* When the values of an operand were last written; of a broadcast one, of what was broadcast. */
static int64_t written(int x) {
    while (m.node[x].op == EXPAND || m.node[x].op == SAME) x = m.node[x].in[0];
    const cell *c = &m.cell[m.node[x].cell];
    const int64_t other = c->shares ? m.cell[c->shares].written : 0;
    return x == NONE ? 0 : c->written > other ? c->written : other;
}

static bool stale(int x) { /* an operand was written after x was computed */
    return written(m.node[x].in[0]) > m.node[x].computed || written(m.node[x].in[1]) > m.node[x].computed;
}

/* -------- a pass in reverse. `hook` is called with the whole gradient of each tensor and returns what takes its place. */
typedef struct reverse {
    int cot[NODES];
    bool reach[NODES]; /* gradients go where this is set */
    int (*hook)(int x, int g);
} reverse;

static reverse pass;

/* What y depends on and, with nothing wanted, needs a gradient; otherwise, what leads from a wanted tensor to y. Is an operand stale
   there? */
static bool mark_reach(int y, const int *wanted, int n) {
    static bool below[NODES];
    memset(below, 0, (size_t)(y + 1));
    below[y] = true;
    for (int x = y; x > 0; x--)
        for (int k = 0; below[x] && k < 2; k++) below[m.node[x].in[k]] = true;
    memset(pass.reach, 0, sizeof *pass.reach * (size_t)(y + 1));
    if (!wanted) n = 0;
    for (int k = 0; k < n; k++)
        if (wanted[k] <= y) pass.reach[wanted[k]] = true;
    bool doubt = false;
    for (int x = 1; x <= y; x++) {
        const node *r = &m.node[x];
        if (!wanted) pass.reach[x] = below[x] && r->needs;
        else if (r->op != LEAF && r->needs) pass.reach[x] |= pass.reach[r->in[0]] || pass.reach[r->in[1]];
        if (below[x] && (r->needs || r->inside) && (stale(x) || r->born < m.stale_before)) doubt = true;
    }
    return doubt;
}

static void flow(int x, int g) {
    if (!x || !pass.reach[x]) return;
    pass.cot[x] = pass.cot[x] ? apply(ADD, m.node[x].form, pass.cot[x], g, 0) : g;
}

static void back(int x) {
    const node y = m.node[x]; /* the array grows meanwhile, but does not move */
    const int a = y.in[0], b = y.in[1], dy = pass.cot[x];
    const form f = m.node[a].form;
    const bool da = pass.reach[a], db = pass.reach[b];
    switch (y.op) {
    case LEAF: break;
    case ADD: flow(a, dy), flow(b, dy); break;
    case SUB: flow(a, dy); if (db) flow(b, unary(NEG, dy, 0)); break;
    case MUL:
        if (da) flow(a, binary(MUL, dy, b));
        if (db) flow(b, binary(MUL, dy, a));
        break;
    case NEG: if (da) flow(a, unary(NEG, dy, 0)); break;
    case SCALE: if (da) flow(a, unary(SCALE, dy, y.arg)); break;
    case SQUARE: if (da) flow(a, binary(MUL, unary(SCALE, dy, 2), a)); break;
    case SUM: if (da) flow(a, apply(EXPAND, f, dy, NONE, 0)); break;
    case EXPAND: if (da) flow(a, apply(SUM, SCALAR, dy, NONE, 0)); break;
    case RESHAPE: if (da) flow(a, apply(RESHAPE, f, dy, NONE, 0)); break;
    case SLICE: if (da) flow(a, apply(PAD, f, dy, NONE, y.arg)); break;
    case PAD: if (da) flow(a, apply(SLICE, f, dy, NONE, y.arg)); break;
    case SHIFT: case SAME: flow(a, dy); break;
    }
}

/* From y down to the leaves; pass.cot has the gradients then. dy NONE: 1. */
static void run_reverse(int y, int dy) {
    const bool recording = m.recording;
    m.recording = m.graph;
    memset(pass.cot, 0, sizeof *pass.cot * (size_t)(y + 1));
    if (pass.reach[y]) pass.cot[y] = dy ? dy : leaf(m.node[y].form, 1);
    for (int results = 1; results >= 0; results--) /* results first, then leaves */
        for (int x = y; x > 0 && !m.full; x--) {
            if (!pass.cot[x] || (m.node[x].op != LEAF) != results) continue;
            if (pass.hook) pass.cot[x] = pass.hook(x, pass.cot[x]);
            back(x);
        }
    m.recording = recording;
}
#endif
