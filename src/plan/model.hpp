// A frozen model as costs see it: a ladder of points and the arithmetic between them. A multiply-add counts as two
// floating-point operations; only matrix products are counted, the rest is in the measured rate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/experiment.hpp"
#include "terms/terms.hpp"

namespace layersweep::plan {

/// Arithmetic of one pass over texts.
struct Flops {
  double per_token = 0;
  double per_pair = 0;  ///< per pair of tokens of one text: attention
  double per_text = 0;  ///< what is computed once, for the token a classifier reads

  Flops& operator+=(const Flops& other);
  friend Flops operator*(double factor, const Flops& flops) {
    return {factor * flops.per_token, factor * flops.per_pair, factor * flops.per_text};
  }
  double of(double texts, double tokens, double pairs) const {
    return per_text * texts + per_token * tokens + per_pair * pairs;
  }
};

/// What a masked copy costs from one point to the next; the last rung is the read-out.
struct Rung {
  std::int64_t width = 0;  ///< features per token at the point
  Flops forward;
  Flops backward;             ///< gradients of the states only: the model is frozen
  double kept_per_token = 0;  ///< floats kept for the backward pass
  double kept_per_pair = 0;
};

struct Model {
  std::string name;  ///< its kind and sizes; models of one name cost the same
  std::vector<Rung> rungs;
  Flops clean;               ///< the unmasked pass, all layers in full
  std::int64_t weights = 0;  ///< floats, of the table of word embeddings too
  std::int64_t table = 0;    ///< floats of that table, where training moves its rows one by one
  terms::OutputKind output = terms::OutputKind::classes;
  std::int64_t classes = 0;  ///< of that output

  std::int64_t points() const { return static_cast<std::int64_t>(rungs.size()); }
};

struct TransformerSizes {
  std::string_view family;
  std::int64_t layers = 0, hidden = 0, inner = 0, heads = 0, key_heads = 0;
  std::int64_t query_width = 0;  ///< of all heads; 0: hidden
  std::int64_t word_width = 0;   ///< of a word embedding; 0: hidden
  std::int64_t layer_sets = 0;   ///< where layers share weights, how many there are; 0: as many as layers
  std::int64_t vocabulary = 0, positions = 0;
  bool gated = false;      ///< three maps in the feed-forward block, in place of two
  bool embeds = true;      ///< whether word embeddings and the input of the first layer are two points
  bool fast_layer = true;  ///< the hand-written layer, which keeps less for its backward pass
  bool narrow = true;      ///< the last layer computes one token, which a classifier reads
  terms::OutputKind output = terms::OutputKind::classes;
  std::int64_t classes = 0;
  bool head_map = true;  ///< one more map between read-out and classes
};
Model transformer_model(const TransformerSizes& sizes);

/// The counting task's: embeddings of `width`, `features` per position, a recurrence over them.
Model counting_model(std::int64_t symbols, std::int64_t width, std::int64_t features);

/// A recurrent classifier: embeddings of `width`, a state of `state` features.
Model recurrent_model(std::string_view family, std::int64_t vocabulary, std::int64_t width, std::int64_t state,
                      std::int64_t classes);

/// A masked copy that joins at `point`, up to the output. In hidden mode it costs the rungs above the point, in input mode
/// all of them, whatever the point.
Flops copy_forward(const Model& model, terms::Mode mode, std::int64_t point);
Flops copy_backward(const Model& model, terms::Mode mode, std::int64_t point);

/// The gate networks of one point and one probe seed.
Flops gate_forward(const Model& model, terms::Mode mode, std::int64_t point);

/// Floats of the probes of one mode: all points, `seeds` seeds.
std::int64_t probe_parameters(const Model& model, terms::Mode mode, std::int64_t seeds);

}  // namespace layersweep::plan
