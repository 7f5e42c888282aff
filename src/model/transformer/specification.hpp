// What distinguishes one transformer from another: sizes and the kinds of its parts. One implementation computes them all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/head.hpp"
#include "model/read_out.hpp"

namespace layersweep::model {

enum class NormKind { layer, root_mean_square };
enum class NormPlace { after, before };  ///< of the sum of a block and its input ("post-norm"), or of the block ("pre-norm")
enum class Activation { gelu, silu, tanh, relu, none };  ///< gelu is the exact one, by erf
enum class Positions { learned, rotary };                ///< rotary: Su et al. 2021, halves rotated

/// The defaults are the post-norm encoder of Vaswani et al. 2017 with learned positions.
struct TransformerSpec {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;   ///< of keys and values, a divisor of heads; 0: as many as heads
  std::int64_t head_width = 0;  ///< 0: hidden / heads
  std::int64_t inner = 0;       ///< width of the feed-forward block
  std::int64_t vocabulary = 0;
  std::int64_t positions = 0;  ///< longest text, in tokens
  std::int64_t segments = 2;   ///< 0: the model does not tell segments apart

  NormKind norm = NormKind::layer;
  NormPlace norm_place = NormPlace::after;
  double norm_epsilon = 1e-12;
  Activation activation = Activation::gelu;
  bool gated = false;  ///< the feed-forward block is down(activation(gate) · up)
  Positions position = Positions::learned;
  double rotary_base = 10000;
  bool causal = false;         ///< a token attends to itself and those before it
  bool biases = true;          ///< of the linear maps of the layers
  bool embedding_norm = true;  ///< of the sum of word, position and segment

  ReadOut class_read_out = ReadOut::first;        ///< of a head of classes; that of a span reads every token
  Activation head_activation = Activation::tanh;  ///< of a linear map between read-out and classes; none: no such map
  bool head_bias = true;
  Head head;

  double hidden_dropout = 0.1;
  double attention_dropout = 0.1;
  double head_dropout = 0.1;    ///< before the last map
  double initial_range = 0.02;  ///< standard deviation of fresh weights

  /// Why the head that the file describes is not computed here, as "key says what"; empty where it is. The rest of the
  /// model can still be used with another head.
  std::string head_refusal;
  std::vector<std::string> unread_keys;  ///< of config.json, that play no part here

  std::int64_t width_of_head() const { return head_width > 0 ? head_width : hidden / heads; }
  std::int64_t key_head_count() const { return key_heads > 0 ? key_heads : heads; }
  std::int64_t query_width() const { return heads * width_of_head(); }
  std::int64_t key_width() const { return key_head_count() * width_of_head(); }
  /// Whether a step lies between the word embeddings and the input of the first layer.
  bool embeds() const { return position == Positions::learned || segments > 0 || embedding_norm; }
  bool spans() const { return head.output == terms::OutputKind::span; }
  ReadOut read_out() const { return spans() ? ReadOut::every : class_read_out; }
};

}  // namespace layersweep::model
