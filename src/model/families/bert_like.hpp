// What BERT and the encoders made after it have in common: config.json, and the names of weights.
#pragma once

#include <string_view>
#include <vector>

#include "model/transformer/folder.hpp"

namespace layersweep::model {

/// The sizes, and all else that these encoders say alike.
TransformerSpec read_bert_like(const ConfigFile& config);
/// The keys that it reads, and those of the family's own.
std::vector<std::string_view> bert_like_keys(std::vector<std::string_view> own = {});
/// Of embeddings and layers under `prefix` ("bert."), and those of the family's own.
PartNames bert_like_names(std::string_view prefix, PartNames own);

}  // namespace layersweep::model
