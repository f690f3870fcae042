/* sequence.h - layers for sequences: embeddings, recurrent nets, attention, transformer blocks. Included by nn/nn.h.
   Formulas, defaults and parameter names are PyTorch's. PyTorch's matrices are [out, in], those here [in, out]:
   weight_ih_l0 [4 hidden, in] -> [in, 4 hidden]. rg_nn_load(.., .layout = RG_TORCH) transposes them. Batches come
   first: [batch, time, features]. */
#ifndef RG_SEQUENCE_H
#define RG_SEQUENCE_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------- embeddings of tokens and positions */
/* i32 [..] -> rows [.., dim] of "weight" [n, dim]. There is no padding_idx. rg_where(rg_unsqueeze(rg_ne(x, padding),
   -1), rows, 0) makes the rows of padding zeros, which give "weight" no gradient. */
rg_nn *rg_nn_embedding(rg_tape *t, int64_t n, int64_t dim, rg_init init);
/* adds the first `time` rows of "weight" [n, dim] to [.., time, dim]; time <= n */
rg_nn *rg_nn_positional_embedding(rg_tape *t, int64_t n, int64_t dim, rg_init init);

/* -------- recurrent cells (RNN, LSTM, GRU): one step. x [batch, in], h and c [batch, hidden]; w_ih [in, k hidden],
   w_hh [hidden, k hidden], both biases [k hidden].
   rnn   k = 1: h' = tanh(x w_ih + b_ih + h w_hh + b_hh), or relu(..)
   lstm  k = 4, i f g o: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c').
         Hochreiter & Schmidhuber 1997, Gers et al. 2000
   gru   k = 3, r z n: h' = (1 - sigmoid(z)) tanh(n) + sigmoid(z) h, n = x w_in + b_in + sigmoid(r) (h w_hn + b_hn).
         Cho et al. 2014 */
/* a step of a simple recurrent cell (Elman): h' */
rg_tensor *rg_rnn_cell(
    rg_tensor *x, rg_tensor *h, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh, bool relu);
/* a step of a gated recurrent unit: h' */
rg_tensor *rg_gru_cell(rg_tensor *x, rg_tensor *h, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh);
/* a long short-term memory cell: returns h'; *c becomes c' */
rg_tensor *rg_lstm_cell(
    rg_tensor *x, rg_tensor *h, rg_tensor **c, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh);

/* -------- recurrent layers (RNN, LSTM, GRU). rg_nn_forward(net, x): [batch, time, in] -> h of the last layer, [batch,
   time, hidden]. The state starts from zeros; rg_nn_forward(net, x, h), or (net, x, h, c) for an lstm, starts from h
   and c. Parameters of layer k: "weight_ih_lk", "weight_hh_lk", "bias_ih_lk", "bias_hh_lk", uniform in +-1 /
   sqrt(hidden). */
typedef struct rg_rnn_options {
    int layers;       /* default 1 */
    double dropout;   /* in training, for the outputs of each layer except the last; default 0 */
    bool relu;        /* rg_nn_rnn: relu in place of tanh */
    RG_NAMED;
} rg_rnn_options;
/* [layers, batch, hidden]; c is for lstm only. NULL: zeros */
typedef struct rg_rnn_state { rg_tensor *h, *c; } rg_rnn_state;
rg_nn *rg_nn_rnn(rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options options); /* rg_nn_rnn(t, 8, 32, .layers = 2) */
rg_nn *rg_nn_lstm(rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options options); /* of long short-term memory cells */
rg_nn *rg_nn_gru(rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options options);  /* of gated recurrent units */
/* rg_nn_unroll: rg_nn_forward from *state, which becomes the state after the last step. It lives until the next
   reset unless retained, and keeps its history unless detached: state.h = rg_detach(state.h), state.c =
   rg_detach(state.c), for every kind. rg_nn_time_step: one time step, [batch, in] -> [batch, hidden]. */
rg_tensor *rg_nn_unroll(rg_nn *net, rg_tensor *x, rg_rnn_state *state);
rg_tensor *rg_nn_time_step(rg_nn *net, rg_tensor *x, rg_rnn_state *state);

/* -------- attention and transformers: [batch, n, dim] -> [batch, n, dim]. Each of `heads` heads works on dim / heads
   of the features of x in_proj_weight; their results, concatenated, go through out_proj. Vaswani et al. 2017.
   Parameters: "in_proj_weight" [dim, 3 dim] (query, key, value), "in_proj_bias", "out_proj.weight" [dim, dim],
   "out_proj.bias"; matrices from init, biases of zeros. */
typedef struct rg_attention_options {
    /* in training, for the attention weights; in a block also for what is added to x and inside its MLP. Default 0 */
    double dropout;
    bool causal;      /* is_causal: no position sees a later one */
    RG_NAMED;
} rg_attention_options;
/* A layer of self- and cross-attention: rg_nn_forward(net, x), or with more inputs, as rg_nn_attend has them */
rg_nn *rg_nn_multi_head_attention(rg_tape *t, int64_t dim, int64_t heads, rg_init init, rg_attention_options options);
/* rg_nn_forward(net, query, key, value, mask): query [batch, n, dim], key and value [batch, m, dim] -> [batch, n,
   dim]. The mask (attn_mask) broadcasts to [batch, heads, n, m]. u8: nonzero is seen, 0 is hidden. A bool mask of
   torch.nn.MultiheadAttention says the opposite: give rg_logical_not(mask). Floats are added to the scores: -inf hides.
   For padding, PyTorch's key_padding_mask: seen [batch, m], nonzero where a key is real, becomes [batch, 1, 1, m] by
   rg_reshape(seen, batch, 1, 1, m).
   A value that is left out is the key, a key that is left out is the query: (net, x) is self-attention, (net, x,
   memory) is cross-attention. rg_nn_attend takes all four; the last three may be NULL. */
rg_tensor *rg_nn_attend(rg_nn *net, rg_tensor *query, rg_tensor *key, rg_tensor *value, rg_tensor *mask);

/* A transformer block: y = x + attention(norm1(x)), then y + linear2(gelu(linear1(norm2(y)))), with `hidden` units:
   [batch, n, dim] -> [batch, n, dim]. "Pre-norm", Xiong et al. 2020; torch.nn.TransformerEncoderLayer(norm_first=True,
   activation="gelu"), with its names: "self_attn.in_proj_weight" .. rg_nn_forward(block, x, mask) takes a mask as
   above. */
rg_nn *rg_nn_transformer_block(
    rg_tape *t, int64_t dim, int64_t heads, int64_t hidden, rg_init init, rg_attention_options options);
/* A stack of such blocks and a layer norm: [batch, n, dim] -> [batch, n, dim]. rg_nn_forward(encoder, x, mask) gives
   the mask to each block. torch.nn.TransformerEncoder(block, layers, norm=LayerNorm(dim)), with its names:
   "layers.0.self_attn.in_proj_weight" .. "norm.bias". */
rg_nn *rg_nn_transformer_encoder(
    rg_tape *t, int layers, int64_t dim, int64_t heads, int64_t hidden, rg_init init, rg_attention_options options);

#ifdef __cplusplus
}
#endif

#include "sequence_calls.h"
#endif
