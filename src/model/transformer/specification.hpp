// What distinguishes one transformer from another: sizes and the kinds of its parts. One implementation computes them all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/head.hpp"
#include "model/read_out.hpp"

namespace layersweep::model {

enum class NormKind { layer, root_mean_square };
enum class NormPlace { after, before };  ///< of the sum of a block and its input ("post-norm"), or of the block ("pre-norm")
enum class Activation { gelu, gelu_tanh, silu, tanh, relu, none };  ///< gelu is the exact one, by erf
enum class Positions { learned, rotary, relative };                 ///< rotary: Su et al. 2021, halves rotated

/// A vector for each distance between query and key, which the layers map to keys (scored by the query) and to queries
/// (scored by the key): He et al. 2021. Distances from `span` / 2 on share vectors, the more the farther, up to `longest`.
struct RelativePositions {
  std::int64_t span = 0;     ///< half the number of vectors
  std::int64_t longest = 0;  ///< 0: distances share no vectors below `span`
  bool keys = true, queries = true;
  bool norm = true;  ///< of the vectors
};

/// Angles by which pairs of features of queries and keys are rotated, per position: base^(−2i / width), divided by `factor`.
struct Rotary {
  double base = 10000;
  double part = 1;  ///< of a head's features, from the first on; the rest are not rotated
  double factor = 1;
  /// Where `original` is above 0 (Dubey et al. 2024) angles of wavelengths below original / high are not divided, those
  /// above original / low are, and those between in proportion.
  double low = 1, high = 1;
  std::int64_t original = 0;
};

/// The defaults are the post-norm encoder of Vaswani et al. 2017 with learned positions.
struct TransformerSpec {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;   ///< of keys and values, a divisor of heads; 0: as many as heads
  std::int64_t head_width = 0;  ///< 0: hidden / heads
  std::int64_t inner = 0;       ///< width of the feed-forward block
  std::int64_t vocabulary = 0;
  std::int64_t word_width = 0;      ///< features of a word embedding; 0: hidden
  std::int64_t positions = 0;       ///< longest text, in tokens
  std::int64_t first_position = 0;  ///< row of the first token in the table of positions, where padding has rows of its own
  std::int64_t padding = -1;        ///< token that makes no text: it has no position and is not read as the last; −1: none
  std::int64_t segments = 2;        ///< 0: the model does not tell segments apart

  NormKind norm = NormKind::layer;
  NormPlace norm_place = NormPlace::after;
  double norm_epsilon = 1e-12;
  Activation activation = Activation::gelu;
  bool gated = false;  ///< the feed-forward block is down(activation(gate) · up)
  Positions position = Positions::learned;
  RelativePositions relative;
  Rotary rotary, local_rotary;   ///< of the layers, and of those that are local
  std::vector<bool> local = {};  ///< of each layer, whether it attends within `window` only; none: no layer does
  std::int64_t window = 0;       ///< the farthest token that is attended to, in tokens from the one that attends
  std::int64_t layer_sets = 0;   ///< consecutive layers share their weights, so that there are so many; 0: none share
  bool causal = false;           ///< a token attends to itself and those before it
  bool parallel = false;         ///< pre-norm: both blocks of a layer take its input
  bool query_key_value_bias = true, attention_out_bias = true, feed_forward_bias = true;
  bool norm_bias = true;       ///< of layer norms
  bool head_norms = false;     ///< of each head's queries and keys
  bool first_norm = true;      ///< pre-norm: before the first layer's attention
  bool embedding_norm = true;  ///< of the sum of word, position and segment
  bool embedding_map = false;  ///< from there to the hidden width

  ReadOut class_read_out = ReadOut::first;        ///< of a head of classes; that of a span reads every token
  Activation head_activation = Activation::tanh;  ///< of a linear map between read-out and classes; none: no such map
  bool head_map_bias = true;
  bool head_map_norm = false;  ///< of what that map gives
  bool span_map = false;       ///< the map also lies before a span's start and end
  bool head_bias = true;
  Head head;

  double hidden_dropout = 0.1;
  std::optional<double> embedding_dropout = {};  ///< none: that of the layers
  double attention_dropout = 0.1;
  double head_dropout = 0.1;    ///< before the last map
  double initial_range = 0.02;  ///< standard deviation of fresh weights

  /// Why the head that the file describes is not computed here, as "key says what"; empty where it is. The rest of the
  /// model can still be used with another head.
  std::string head_refusal;
  std::vector<std::string> unread_keys;  ///< of config.json, that play no part here

  std::int64_t width_of_word() const { return word_width > 0 ? word_width : hidden; }
  std::int64_t sets() const { return layer_sets > 0 ? layer_sets : layers; }
  /// Which set of weights a layer, from 0 on, has.
  std::int64_t set_of(std::int64_t layer) const { return layer / (layers / sets()); }
  std::int64_t width_of_head() const { return head_width > 0 ? head_width : hidden / heads; }
  std::int64_t key_head_count() const { return key_heads > 0 ? key_heads : heads; }
  std::int64_t query_width() const { return heads * width_of_head(); }
  std::int64_t key_width() const { return key_head_count() * width_of_head(); }
  /// Whether a step lies between the word embeddings and the input of the first layer.
  bool embeds() const { return position == Positions::learned || segments > 0 || embedding_norm || embedding_map; }
  bool spans() const { return head.output == terms::OutputKind::span; }
  bool maps_read_out() const { return head_activation != Activation::none && (span_map || !spans()); }
  ReadOut read_out() const { return spans() ? ReadOut::every : class_read_out; }
};

}  // namespace layersweep::model
