// BERTs for tests: from folders and with random weights.
#pragma once

#include "model/families/families.hpp"
#include "model/transformer/family.hpp"
#include "model/transformer/transformer.hpp"

namespace layersweep::test {

/// How a family of transformers calls things in its files.
inline const model::TransformerFiles& files_of(std::string_view family) {
  return dynamic_cast<const model::TransformerFamily&>(model::family_named(family)).files();
}

inline model::TransformerModel read_bert(const std::filesystem::path& folder) {
  return model::read_transformer(files_of("bert"), folder);
}

inline model::TransformerModel read_bert_body(const std::filesystem::path& folder, const model::Head& head,
                                              std::uint64_t seed) {
  return model::read_transformer_body(files_of("bert"), folder, head, seed);
}

inline model::TransformerWeights random_weights(const model::TransformerSpec& spec, std::uint64_t seed) {
  return model::random_weights(spec, files_of("bert").names, seed);
}

}  // namespace layersweep::test
