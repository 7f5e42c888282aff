// Models from folders; only here is it decided which model a folder holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/bert.hpp"
#include "model/model.hpp"
#include "model/output_kind.hpp"

namespace layersweep::model {

/// Opens the model in `folder` (config.json, model.safetensors): a BertForSequenceClassification or BertForQuestionAnswering
/// in the layout of Hugging Face (F32, F16 or BF16 weights; computed as `arithmetic` says), or a recurrent classifier or a
/// counting model saved by this program. Throws InputError, naming the key or the tensor, when the folder does not hold such
/// a model, or holds one without a head, or one that is not computed in bf16, or on that device, where that is asked for.
std::unique_ptr<Model> open_model(const std::filesystem::path& folder, Arithmetic arithmetic = Arithmetic::fast,
                                  at::Device device = at::kCPU);

/// The same with the weights of its head, the last linear map, in a random order that follows from `seed`; biases stay. The
/// states at all points are those of the model, what it decides from them is not: explanations of it are a control of those
/// of the model (the first step of the cascade of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018).
std::unique_ptr<Model> open_with_shuffled_head(const std::filesystem::path& folder, std::uint64_t seed,
                                               Arithmetic arithmetic = Arithmetic::fast);

/// What config.json tells of a model that reads texts, without its weights.
struct ModelDescription {
  std::filesystem::path folder;
  OutputKind output = OutputKind::classes;
  std::int64_t classes = 0;              ///< rows of the head; a span has two, start and end
  std::vector<std::string> class_names;  ///< one per class, or none
  std::int64_t longest_text = 0;         ///< tokens; data::Tokenizer::unlimited where the model has no limit
  std::int64_t vocabulary = 0;           ///< ids of tokens are below this
  std::int64_t segments = 0;             ///< likewise
  bool may_answer_none = false;          ///< of spans: whether "no answer" is one of the answers
  std::vector<std::string> unread_keys;  ///< of config.json, that play no part
};

/// Whether the head that the folder describes is to be computed, or another one will take its place.
enum class OwnHead { used, replaceable };

/// Throws InputError naming the key; where its head is used, also where that is none that is computed.
ModelDescription describe_model(const std::filesystem::path& folder, OwnHead head = OwnHead::used);

/// Throws InputError where a text holds a token or a segment that the model has no embedding of.
void check_embedded(const ModelDescription& model, std::span<const std::int32_t> token_ids,
                    std::span<const std::int32_t> segments);

}  // namespace layersweep::model
