// The weights of a transformer, and the one table of their places and shapes that loading, saving and fresh initialisation
// share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
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
  Affine query_norm, key_norm;  ///< of each head's width
  Affine attention_norm;        ///< undefined where the layer has none
  Affine up;                    ///< gated: gate, then up
  Affine down;
  Affine output_norm;  ///< of the feed-forward block
  bool local = false;  ///< attends within TransformerSpec::window only
};

struct TransformerWeights {
  at::Tensor word;           ///< vocabulary x W
  Affine position, segment;  ///< positions x W, segments x W; a row of zeros where the model has no segments
  Affine embedding_norm;
  Affine embedding_map;  ///< H x W
  Affine relative;       ///< 2 spans x H, of relative positions
  Affine relative_norm;
  std::vector<LayerWeights> layers;
  Affine final_norm;  ///< pre-norm models: before the head
  Affine dense;       ///< H x H, between read-out and classes
  Affine dense_norm;  ///< of what it gives
  Affine classifier;  ///< rows x H; a span's two rows are start and end
};

/// A part of a model's files that has names of its own.
enum class Part {
  word,
  position,
  segment,
  embedding_norm,
  embedding_map,
  relative,
  relative_norm,
  query_key_value,  ///< in place of query, key and value, where a file holds them as one
  query,
  key,
  value,
  query_norm,
  key_norm,
  attention_out,
  attention_norm,
  gate_and_up,  ///< in place of gate and up, likewise
  gate,
  up,
  down,
  output_norm,
  final_norm,
  dense,
  dense_norm,
  classes,
  span
};

/// How a matrix lies in a file, where it is not out x in.
enum class Layout {
  rows,
  transposed,  ///< in x out
  by_head,     ///< query, key and value of one head after those of another
};

/// How a family calls a part in its files: a pattern without ".weight" and ".bias", with {} for the layer's number.
struct PartName {
  Part part;
  std::string name;
  Layout layout = Layout::rows;
};
using PartNames = std::vector<PartName>;
/// The pattern of a part; null where there is none.
const PartName* find_part(const PartNames& names, Part part);

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
