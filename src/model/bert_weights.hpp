// The weights of a BERT classifier, and the one table of their names and shapes that loading, saving and fresh
// initialisation share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/bert_config.hpp"

namespace layersweep::model {

/// One layer; linear maps are stored out x in, as Hugging Face has them.
struct BertLayerWeights {
  at::Tensor qkv, qkv_bias;  ///< 3H x H, 3H: query, key and value stacked, so that one product makes all three
  at::Tensor attention_out, attention_out_bias;  ///< H x H, H
  at::Tensor attention_norm, attention_norm_bias;
  at::Tensor up, up_bias;      ///< inner x H, inner
  at::Tensor down, down_bias;  ///< H x inner, H
  at::Tensor output_norm, output_norm_bias;
};

struct BertWeights {
  OutputKind output = OutputKind::classes;
  at::Tensor word;               ///< vocabulary x H
  at::Tensor position, segment;  ///< positions x H, segments x H
  at::Tensor embedding_norm, embedding_norm_bias;
  std::vector<BertLayerWeights> layers;
  at::Tensor pooler, pooler_bias;          ///< undefined where the output is a span
  at::Tensor classifier, classifier_bias;  ///< classes x H, classes; a span's two rows are start and end
};

/// A weight under its name in Hugging Face's BertForSequenceClassification or BertForQuestionAnswering; `value` is a view
/// into BertWeights.
struct NamedWeight {
  std::string name;
  at::Tensor value;
};

/// The tensors of `weights` other than the word embeddings, in a fixed order (query, key and value as one).
std::vector<at::Tensor*> dense_tensors(BertWeights& weights);

/// Uninitialised weights. The dense ones are consecutive views of one flat tensor (their common storage), in the order
/// of dense_tensors.
BertWeights allocate_bert_weights(const BertConfig& config);

/// All weights under their names, query, key and value apart.
std::vector<NamedWeight> named_weights(const BertWeights& weights);

/// Fresh values as Hugging Face makes them: normal with the config's range, biases 0, norms 1; a function of (name, seed).
void initialise(const NamedWeight& weight, double range, std::uint64_t seed);

/// A whole fresh model, for tests.
BertWeights random_bert_weights(const BertConfig& config, std::uint64_t seed);

}  // namespace layersweep::model
