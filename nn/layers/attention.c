/* attention.c - embeddings, multi-head attention, the transformer block. The formulas are in nn/sequence.h. */
#include "engine/op.h"
#include "nn/nn.h"

#undef RG_AT
#define RG_AT at

/* -------- embeddings */

static rg_tensor *embed(const char *at, rg_nn *net, rg_tensor *const *in) { return rg_embedding(net->params[0], in[0]); }

rg_nn *rg_nn_embedding_at(const char *at, rg_tape *t, int64_t n, int64_t dim, rg_init init) {
    rg_nn *net = rg_nn_new(t, "embedding", embed, sizeof(rg_nn));
    rg_nn_param(net, "weight", init, n, dim);
    return net && net->failed ? NULL : net;
}

static rg_tensor *add_position(const char *at, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *x = in[0], *table = net->params[0];
    char is[80], most[80];
    if (x->ndim < 2 || x->shape[x->ndim - 2] > table->shape[0] || x->shape[x->ndim - 1] != table->shape[1])
        return rg_refuse(net->tape, RG_ESHAPE, at, "positional_embedding: the input is %s, not [.., time, dim] of at most %s",
            rg_shape_text(x, is, sizeof is),
            rg_shape_text(table, most, sizeof most));
    return rg_add(x, rg_slice(table, 0, 0, x->shape[x->ndim - 2]));
}

rg_nn *rg_nn_positional_embedding_at(const char *at, rg_tape *t, int64_t n, int64_t dim, rg_init init) {
    rg_nn *net = rg_nn_new(t, "positional_embedding", add_position, sizeof(rg_nn));
    rg_nn_param(net, "weight", init, n, dim);
    return net && net->failed ? NULL : net;
}

/* -------- multi-head attention */

typedef struct attention { rg_nn nn; int64_t dim, heads; rg_attention_options o; } attention;

/* [batch, n, k dim] -> out[0] .. out[k-1], [batch, heads, n, dim / heads] */
static void split_heads(const char *at, const attention *a, rg_tensor *x, int k, rg_tensor **out) {
    const int64_t batch = rg_dim(x, 0), n = rg_dim(x, 1), each = a->dim / a->heads;
    x = rg_permute(rg_reshape(x, batch, n, k, a->heads, each), 2, 0, 3, 1, 4);
    for (int i = 0; i < k; i++) out[i] = rg_select(x, 0, i);
}

/* The projection of x to query, key or value: which is 0, 1 or 2. */
static rg_tensor *project(const char *at, const attention *a, int which, rg_tensor *x) {
    const int64_t from = which * a->dim, to = from + a->dim;
    rg_tensor *y;
    split_heads(at, a, rg_linear(x, rg_slice(a->nn.params[0], 1, from, to), rg_slice(a->nn.params[1], 0, from, to)), 1, &y);
    return y;
}

static int check_sequence(const char *at, const attention *a, const char *name, rg_tensor *x) {
    char text[80];
    if (x->ndim == 3 && x->shape[2] == a->dim) return 0;
    return rg_fail(a->nn.tape, RG_ESHAPE, at, "multi_head_attention: the %s is %s, not [batch, n, %lld]", name,
        rg_shape_text(x, text, sizeof text), (long long)a->dim);
}

static int check_sequences(const char *at, const attention *a, rg_tensor *q, rg_tensor *k, rg_tensor *v) {
    char query[80], key[80], value[80];
    if (check_sequence(at, a, q == k && k == v ? "input" : "query", q) || check_sequence(at, a, "key", k) ||
        check_sequence(at, a, "value", v)) return -1;
    if (q->shape[0] == k->shape[0] && k->shape[0] == v->shape[0] && k->shape[1] == v->shape[1]) return 0;
    return rg_fail(a->nn.tape, RG_ESHAPE, at,
        "multi_head_attention: query %s, key %s and value %s do not fit: [batch, n, %lld] and twice [batch, m, %lld]",
        rg_shape_text(q, query, sizeof query), rg_shape_text(k, key, sizeof key), rg_shape_text(v, value, sizeof value), (long long)a->dim,
        (long long)a->dim);
}

/* The mask broadcasts to [batch, heads, n, m]. */
static int check_mask(const char *at, const attention *a, rg_tensor *query, rg_tensor *key, rg_tensor *mask) {
    const int64_t to[4] = {query->shape[0], a->heads, query->shape[1], key->shape[1]};
    char text[80];
    bool fits = mask->ndim <= 4;
    for (int d = 0; fits && d < mask->ndim; d++) fits = mask->shape[d] == 1 || mask->shape[d] == to[4 - mask->ndim + d];
    if (fits) return 0;
    return rg_fail(a->nn.tape, RG_ESHAPE, at,
        "multi_head_attention: the mask %s does not broadcast to [batch, heads, n, m], here [%lld,%lld,%lld,%lld]; a mask of keys, "
        "[batch, m], is given as rg_reshape(mask, batch, 1, 1, m)", rg_shape_text(mask, text, sizeof text), (long long)to[0],
        (long long)to[1], (long long)to[2], (long long)to[3]);
}

static rg_tensor *attend(const char *at, attention *a, rg_tensor *query, rg_tensor *key, rg_tensor *value, rg_tensor *mask) {
    rg_tensor *y[3]; /* query, key, value */
    const bool self = query == key && key == value;
    if (check_sequences(at, a, query, key, value) || (mask && check_mask(at, a, query, key, mask))) return rg_poison(a->nn.tape);
    if (self) split_heads(at, a, rg_linear(query, a->nn.params[0], a->nn.params[1]), 3, y);
    else for (int i = 0; i < 3; i++) y[i] = project(at, a, i, i == 0 ? query : i == 1 ? key : value);
    rg_tensor *found = NULL; /* [batch, heads, n, dim / heads] */
    if (a->nn.training && a->o.dropout > 0)
        found = rg_matmul(rg_dropout(rg_attention_weights(y[0], y[1], .mask = mask, .causal = a->o.causal), a->o.dropout), y[2]);
    else found = rg_scaled_dot_product_attention(y[0], y[1], y[2], .mask = mask, .causal = a->o.causal);
    found = rg_permute(found, 0, 2, 1, 3);
    if (rg_failed(found)) return found;
    return rg_nn_forward(a->nn.children[0], rg_reshape(found, query->shape[0], query->shape[1], a->dim));
}

/* query, key, value, mask */
static rg_tensor *attend_inputs(const char *at, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *key = in[1] ? in[1] : in[0], *value = in[2] ? in[2] : key;
    return attend(at, (attention *)net, in[0], key, value, in[3]);
}

rg_tensor *rg_nn_attend_at(const char *at, rg_nn *net, rg_tensor *query, rg_tensor *key, rg_tensor *value, rg_tensor *mask) {
    rg_tape *t = net ? net->tape : rg_tape_of(query);
    if (!net || net->forward != attend_inputs)
        return rg_refuse(t, RG_EVALUE, at, "rg_nn_attend: %s", net ? "not a multi_head_attention" : "the net is NULL");
    return rg_nn_forward(net, query, key, value, mask);
}

static int check_options(const char *at, rg_tape *t, const char *who, int64_t dim, int64_t heads, rg_attention_options o) {
    if (dim < 1 || heads < 1)
        return rg_fail(t, RG_EVALUE, at, "%s: dim is %lld and heads is %lld, must be at least 1", who, (long long)dim, (long long)heads);
    if (dim > INT64_MAX / 3) return rg_fail(t, RG_EVALUE, at, "%s: dim %lld is too large", who, (long long)dim);
    if (dim % heads) return rg_fail(t, RG_EVALUE, at, "%s: %lld heads do not divide %lld features", who, (long long)heads, (long long)dim);
    return o.dropout >= 0 && o.dropout <= 1 ? 0 : rg_fail(t, RG_EVALUE, at, "%s: dropout = %g is no probability", who, o.dropout);
}

rg_nn *rg_nn_multi_head_attention_at(const char *at, rg_tape *t, int64_t dim, int64_t heads, rg_init init, rg_attention_options o) {
    if (check_options(at, t, "rg_nn_multi_head_attention", dim, heads, o)) return NULL;
    attention *a = (attention *)rg_nn_new(t, "multi_head_attention", attend_inputs, sizeof *a, .inputs = 4, .optional = 3);
    if (!a) return NULL;
    a->dim = dim, a->heads = heads, a->o = o;
    rg_nn_param(&a->nn, "in_proj_weight", init, dim, 3 * dim);
    rg_nn_param(&a->nn, "in_proj_bias", RG_ZEROS, 3 * dim);
    rg_nn_add(&a->nn, "out_proj", rg_nn_linear(t, dim, dim, init));
    return a->nn.failed ? NULL : &a->nn;
}

/* -------- the block */

typedef struct block { rg_nn nn; double dropout; } block;
enum { SELF_ATTN, LINEAR1, LINEAR2, NORM1, NORM2, PARTS };

static rg_tensor *drop(const char *at, const block *b, rg_tensor *x) {
    return b->nn.training && b->dropout > 0 ? rg_dropout(x, b->dropout) : x;
}

/* x, mask */
static rg_tensor *transform(const char *at, rg_nn *net, rg_tensor *const *in) {
    const block *b = (const block *)net;
    rg_nn *const *part = net->children;
    rg_tensor *x = rg_add(in[0], drop(at, b, rg_nn_forward(part[SELF_ATTN], rg_nn_forward(part[NORM1], in[0]), NULL, NULL, in[1])));
    rg_tensor *hidden = drop(at, b, rg_gelu(rg_nn_forward(part[LINEAR1], rg_nn_forward(part[NORM2], x))));
    return rg_add(x, drop(at, b, rg_nn_forward(part[LINEAR2], hidden)));
}

rg_nn *rg_nn_transformer_block_at(const char *at, rg_tape *t, int64_t dim, int64_t heads, int64_t hidden, rg_init init,
    rg_attention_options o) {
    static const char *const names[PARTS] = {"self_attn", "linear1", "linear2", "norm1", "norm2"};
    if (check_options(at, t, "rg_nn_transformer_block", dim, heads, o)) return NULL;
    block *b = (block *)rg_nn_new(t, "transformer_block", transform, sizeof *b, .inputs = 2, .optional = 1);
    if (!b) return NULL;
    b->dropout = o.dropout;
    rg_nn *parts[PARTS] = {rg_nn_multi_head_attention_at(at, t, dim, heads, init, o), rg_nn_linear(t, dim, hidden, init),
        rg_nn_linear(t, hidden, dim, init),
        rg_nn_layer_norm(t, dim), rg_nn_layer_norm(t, dim)};
    for (int i = 0; i < PARTS; i++) rg_nn_add(&b->nn, names[i], parts[i]);
    return b->nn.failed ? NULL : &b->nn;
}

/* -------- the encoder */

enum { LAYERS, NORM };

/* x, mask */
static rg_tensor *encode(const char *at, rg_nn *net, rg_tensor *const *in) {
    const rg_nn *layers = net->children[LAYERS];
    rg_tensor *x = in[0];
    for (int i = 0; i < layers->nchildren; i++) x = rg_nn_forward(layers->children[i], x, in[1]);
    return rg_nn_forward(net->children[NORM], x);
}

rg_nn *rg_nn_transformer_encoder_at(const char *at, rg_tape *t, int layers, int64_t dim, int64_t heads, int64_t hidden, rg_init init,
    rg_attention_options o) {
    if (layers < 0) return rg_fail(t, RG_EVALUE, at, "rg_nn_transformer_encoder: %d layers", layers), NULL;
    rg_nn *net = rg_nn_new(t, "transformer_encoder", encode, sizeof *net, .inputs = 2, .optional = 1);
    rg_nn *blocks = rg_nn_sequential_at(at, t, 0, NULL);
    for (int i = 0; i < layers; i++) rg_nn_add(blocks, NULL, rg_nn_transformer_block_at(at, t, dim, heads, hidden, init, o));
    rg_nn_add(net, "layers", blocks);
    rg_nn_add(net, "norm", rg_nn_layer_norm(t, dim));
    return net && net->failed ? NULL : net;
}
