// The weights of a transformer, and the one table of their places and shapes that loading, saving and fresh initialisation
// share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/named_weight.hpp"
#include "model/transformer/specification.hpp"

namespace layersweep::model {

/// A linear map (out x in, as Hugging Face stores them) or a norm; the bias is undefined where there is none.
struct Affine {
  at::Tensor weight, bias;
};

struct LayerWeights {
  Affine qkv;  ///< query, key and value stacked, so that one product makes all three
  Affine attention_out;
  Affine attention_norm;
  Affine up;  ///< gated: gate, then up
  Affine down;
  Affine output_norm;  ///< of the feed-forward block
};

struct TransformerWeights {
  at::Tensor word;           ///< vocabulary x H
  Affine position, segment;  ///< positions x H, segments x H; a row of zeros where the model has no segments
  Affine embedding_norm;
  std::vector<LayerWeights> layers;
  Affine final_norm;  ///< pre-norm models: before the head
  Affine dense;       ///< H x H, between read-out and classes
  Affine classifier;  ///< rows x H; a span's two rows are start and end
};

/// A part of a model's files that has names of its own.
enum class Part {
  word,
  position,
  segment,
  embedding_norm,
  query,
  key,
  value,
  attention_out,
  attention_norm,
  gate,
  up,
  down,
  output_norm,
  final_norm,
  dense,
  classes,
  span
};

/// How a family calls them in its files: patterns without ".weight" and ".bias", with {} for the layer's number.
using PartNames = std::vector<std::pair<Part, std::string_view>>;

/// The tensors of `weights` other than the word embeddings, in a fixed order (query, key and value as one).
std::vector<at::Tensor*> dense_tensors(const TransformerSpec& spec, TransformerWeights& weights);

/// Uninitialised weights. The dense ones are consecutive views of one flat tensor (their common storage), in the order
/// of dense_tensors.
TransformerWeights allocate_weights(const TransformerSpec& spec);

/// All weights under their names, stacked ones apart.
std::vector<NamedWeight> named_weights(const TransformerSpec& spec, const TransformerWeights& weights,
                                       const PartNames& names);

/// Fresh values as Hugging Face makes them: normal with the range, biases 0, norms 1; a function of (name, seed).
void initialise(const NamedWeight& weight, double range, std::uint64_t seed);

/// A whole fresh model, for tests and timings.
TransformerWeights random_weights(const TransformerSpec& spec, const PartNames& names, std::uint64_t seed);

}  // namespace layersweep::model
