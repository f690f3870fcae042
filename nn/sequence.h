/* sequence.h - layers for sequences: embeddings, recurrent nets, attention, transformer blocks. Included by nn/nn.h.
   Formulas, defaults and parameter names are PyTorch's. Its weights are [out, in] and ours [in, out], so that its numbers come in by
   transposing every matrix: torch weight_ih_l0 [4 hidden, in] -> [in, 4 hidden]. Batches come first: [batch, time, features].     */
#ifndef RG_SEQUENCE_H
#define RG_SEQUENCE_H

#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- embeddings */
#define rg_nn_embedding(t, n, dim, init) rg_nn_embedding_at(RG_AT, t, n, dim, init)                       /* i32 [..] -> rows [.., dim] of "weight" [n, dim] */
#define rg_nn_positional_embedding(t, n, dim, init) rg_nn_positional_embedding_at(RG_AT, t, n, dim, init) /* [.., time, dim] + the first rows of "weight" [n, dim] */
rg_nn *rg_nn_embedding_at(const char *at, rg_tape *t, int64_t n, int64_t dim, rg_init init);
rg_nn *rg_nn_positional_embedding_at(const char *at, rg_tape *t, int64_t n, int64_t dim, rg_init init); /* time <= n */

/* -------- cells: one step. x [batch, in], h and c [batch, hidden]; w_ih [in, k hidden], w_hh [hidden, k hidden], both biases [k hidden].
   rnn, k = 1: h' = tanh(x w_ih + b_ih + h w_hh + b_hh), or relu of that.
   lstm, k = 4, i f g o: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'). Hochreiter & Schmidhuber 1997, Gers et al. 2000
   gru, k = 3, r z n: h' = (1 - sigmoid(z)) tanh(n) + sigmoid(z) h, n = x w_in + b_in + sigmoid(r) (h w_hn + b_hn). Cho et al. 2014 */
#define rg_rnn_cell(x, h, w_ih, w_hh, b_ih, b_hh, relu) rg_rnn_cell_at(RG_AT, x, h, w_ih, w_hh, b_ih, b_hh, relu)
#define rg_lstm_cell(x, h, c, w_ih, w_hh, b_ih, b_hh) rg_lstm_cell_at(RG_AT, x, h, c, w_ih, w_hh, b_ih, b_hh) /* returns h', *c becomes c' */
#define rg_gru_cell(x, h, w_ih, w_hh, b_ih, b_hh) rg_gru_cell_at(RG_AT, x, h, w_ih, w_hh, b_ih, b_hh)
rg_tensor *rg_rnn_cell_at(const char *at, rg_tensor *x, rg_tensor *h, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh, bool relu);
rg_tensor *rg_lstm_cell_at(const char *at, rg_tensor *x, rg_tensor *h, rg_tensor **c, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh);
rg_tensor *rg_gru_cell_at(const char *at, rg_tensor *x, rg_tensor *h, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh);

/* -------- layers of cells, one over another. rg_nn_forward: [batch, time, in] -> h of the last layer, [batch, time, hidden], from a
   state of zeros. Parameters of layer k: "weight_ih_lk", "weight_hh_lk", "bias_ih_lk", "bias_hh_lk", uniform in +-1 / sqrt(hidden). */
typedef struct rg_rnn_options {
    int layers;       /* 1 */
    double dropout;   /* 0; of the outputs of each layer but the last, while training */
    bool relu;        /* rnn: in place of tanh */
} rg_rnn_options;
typedef struct rg_rnn_state { rg_tensor *h, *c; } rg_rnn_state; /* [layers, batch, hidden]; c is lstm's alone. NULL: zeros */
#define rg_nn_rnn(t, in, hidden, ...) rg_nn_rnn_at(RG_AT, t, in, hidden, __VA_ARGS__) /* rg_nn_rnn(t, 8, 32, (rg_rnn_options){.layers = 2}) */
#define rg_nn_lstm(t, in, hidden, ...) rg_nn_lstm_at(RG_AT, t, in, hidden, __VA_ARGS__)
#define rg_nn_gru(t, in, hidden, ...) rg_nn_gru_at(RG_AT, t, in, hidden, __VA_ARGS__)
/* The same from *state, which becomes the state after the last step; it lives until the next reset unless retained, and keeps its
   history unless detached. rg_nn_step: one step, [batch, in] -> [batch, hidden]. */
#define rg_nn_unroll(net, x, state) rg_nn_unroll_at(RG_AT, net, x, state)
#define rg_nn_step(net, x, state) rg_nn_step_at(RG_AT, net, x, state)
rg_nn *rg_nn_rnn_at(const char *at, rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options options);
rg_nn *rg_nn_lstm_at(const char *at, rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options options);
rg_nn *rg_nn_gru_at(const char *at, rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options options);
rg_tensor *rg_nn_unroll_at(const char *at, rg_nn *net, rg_tensor *x, rg_rnn_state *state);
rg_tensor *rg_nn_step_at(const char *at, rg_nn *net, rg_tensor *x, rg_rnn_state *state);

/* -------- attention: [batch, n, dim] -> the same. Each of `heads` heads attends with dim / heads of the features of x in_proj_weight;
   what they find, side by side, goes through out_proj. Vaswani et al. 2017. Parameters: "in_proj_weight" [dim, 3 dim] (query, key,
   value), "in_proj_bias", "out_proj.weight" [dim, dim], "out_proj.bias"; matrices from init, biases of zeros. */
typedef struct rg_attention_options {
    double dropout;   /* 0; of the attention weights, while training; in a block also of what is added, and within its MLP */
    bool causal;      /* no position sees those after it */
} rg_attention_options;
#define rg_nn_multi_head_attention(t, dim, heads, init, ...) rg_nn_multi_head_attention_at(RG_AT, t, dim, heads, init, __VA_ARGS__)
/* To other sequences: query [batch, n, dim], key and value [batch, m, dim] -> [batch, n, dim]. mask: added to the scores, broadcasts to
   [batch, heads, n, m], -inf hides; or NULL. rg_nn_forward(net, x) is rg_nn_attend(net, x, x, x, NULL). */
#define rg_nn_attend(net, query, key, value, mask) rg_nn_attend_at(RG_AT, net, query, key, value, mask)
rg_nn *rg_nn_multi_head_attention_at(const char *at, rg_tape *t, int64_t dim, int64_t heads, rg_init init, rg_attention_options options);
rg_tensor *rg_nn_attend_at(const char *at, rg_nn *net, rg_tensor *query, rg_tensor *key, rg_tensor *value, rg_tensor *mask);

/* x + attention(norm1(x)), and to that: x + linear2(gelu(linear1(norm2(x)))), with `hidden` units: [batch, n, dim] -> the same. "Pre-norm",
   Xiong et al. 2020; torch.nn.TransformerEncoderLayer(norm_first=True, activation="gelu"), whose names it has: "self_attn.in_proj_weight" .. */
#define rg_nn_transformer_block(t, dim, heads, hidden, init, ...) rg_nn_transformer_block_at(RG_AT, t, dim, heads, hidden, init, __VA_ARGS__)
rg_nn *rg_nn_transformer_block_at(const char *at, rg_tape *t, int64_t dim, int64_t heads, int64_t hidden, rg_init init, rg_attention_options options);

#ifdef __cplusplus
}
#endif
#endif
