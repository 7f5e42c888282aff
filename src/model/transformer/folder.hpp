// A transformer in the folder layout of Hugging Face: config.json, model.safetensors and the tokenizer's files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "model/config_file.hpp"
#include "model/transformer/specification.hpp"
#include "model/transformer/weights.hpp"

namespace layersweep::model {

/// In config.json, since Hugging Face's layout does not tell: whether a model of question answering may answer nothing.
inline constexpr const char* may_answer_none_key = "layersweep_may_answer_none";

/// How the files of one family say what a transformer is: all that a family of transformers has of its own.
struct TransformerFiles {
  std::string_view model_type;                      ///< of config.json
  std::string_view classifier, span_answerer;       ///< names in `architectures`; none: the family has no such model here
  TransformerSpec (*read)(const ConfigFile& keys);  ///< all but the head; refuses, by key, what is not computed
  std::vector<std::string_view> keys;               ///< of config.json that `read` looks at, or that change nothing here
  std::string_view prefix;                          ///< of all weights but those of the head; may be missing in a file
  PartNames names;
  std::vector<std::string_view> unused = {};  ///< beginnings of names of weights that play no part: other heads
};

/// The keys of config.json that play a part in models of the family, are refused unless they have the value that is
/// computed, or are known to change nothing that a frozen model computes from ids. scripts/config_keys.py lists what
/// transformers reads.
std::vector<std::string_view> known_keys(const TransformerFiles& files);

/// Reads and checks config.json. A head that is not computed is told, not refused. Throws InputError naming file and key.
TransformerSpec read_spec(const TransformerFiles& files, const std::filesystem::path& folder);

/// Throws InputError where the head that the folder describes is not one that is computed.
void refuse_head_not_computed(const std::filesystem::path& folder, const TransformerSpec& spec);

struct TransformerModel {
  TransformerSpec spec;
  TransformerWeights weights;
};

/// A model with its head. Names with or without the prefix, the old names gamma and beta of norms, and buffers of old
/// versions are understood. Throws InputError naming the tensor that is missing, unknown or of a wrong shape or type.
TransformerModel read_transformer(const TransformerFiles& files, const std::filesystem::path& folder);

/// The same for a body that is to be fine-tuned with `head`: what lies between body and output is read where the folder has
/// it (the head only of that kind and size), else made from the seed.
TransformerModel read_transformer_body(const TransformerFiles& files, const std::filesystem::path& folder, const Head& head,
                                       std::uint64_t seed);

/// The table of word embeddings alone, vocabulary x H; head or no head.
at::Tensor read_word_embeddings(const TransformerFiles& files, const std::filesystem::path& folder);

/// Writes config.json and model.safetensors, with the tokenizer files of `source` beside them, so that the folder stands
/// alone.
void write_transformer(const TransformerFiles& files, const std::filesystem::path& folder, const TransformerModel& model,
                       const std::filesystem::path& source);

}  // namespace layersweep::model
