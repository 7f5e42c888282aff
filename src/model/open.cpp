#include "model/open.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.hpp"
#include "base/random.hpp"
#include "data/tokenizer.hpp"
#include "model/bert_folder.hpp"
#include "model/counting.hpp"
#include "model/gru_classifier.hpp"
#include "model/json_file.hpp"
#include "model/tokenizer_files.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {
namespace {

// The kernels of recurrences are this program's own, and read the memory of the host.
void refuse_device(const std::filesystem::path& folder, const char* model, at::Device device) {
  if (device.is_cpu()) return;
  throw base::InputError(fmt::format("{} holds {}, which is computed on CPUs only", folder.string(), model), {},
                         "Use run.device = cpu");
}

// `change` is given the weights of the head, as they were read.
std::unique_ptr<Model> open_changed(const std::filesystem::path& folder, Arithmetic arithmetic, at::Device device,
                                    const std::function<void(at::Tensor&)>& change) {
  const auto config_json = folder / "config.json";
  if (model_type(read_json_object(config_json), config_json) == "layersweep-counting") {
    refuse_device(folder, "a counting model", device);
    CountingModel model = read_counting(folder);
    change(model.weights.head);
    return make_counting(std::move(model));
  }
  if (holds_gru(folder)) {
    refuse_device(folder, "a GRU", device);
    if (arithmetic == Arithmetic::fast_bf16) {
      throw base::InputError(fmt::format("{} holds a GRU, which is computed in fp32", folder.string()), {},
                             "Use run.precision = fp32");
    }
    GruClassifierModel model = read_gru_classifier(folder);
    change(model.weights.head);
    return make_gru_classifier(std::move(model), mask_token(folder));
  }
  BertModel model = read_bert_model(folder);
  change(model.weights.classifier);
  return make_bert(model.config, std::move(model.weights), mask_token(folder), arithmetic, device);
}

}  // namespace

std::unique_ptr<Model> open_model(const std::filesystem::path& folder, Arithmetic arithmetic, at::Device device) {
  return open_changed(folder, arithmetic, device, [](at::Tensor&) {});
}

std::unique_ptr<Model> open_with_shuffled_head(const std::filesystem::path& folder, std::uint64_t seed,
                                               Arithmetic arithmetic) {
  return open_changed(folder, arithmetic, at::kCPU, [seed](at::Tensor& head) {
    base::RandomStream random(base::philox_key(seed, base::Purpose::shuffled_head));
    base::shuffle(std::span(head.data_ptr<float>(), static_cast<std::size_t>(head.numel())), random);
  });
}

std::unique_ptr<Trainable> open_trainable(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  return holds_gru(folder) ? make_trainable_gru(folder, head, seed) : make_trainable_bert(folder, head, seed);
}

ModelDescription describe_model(const std::filesystem::path& folder, OwnHead head) {
  constexpr std::int64_t unlimited = data::Tokenizer::unlimited;
  if (holds_gru(folder)) {
    const GruClassifierConfig config = read_gru_classifier_config(folder);
    return {.folder = folder,
            .classes = config.classes,
            .class_names = config.class_names,
            .longest_text = unlimited,
            .vocabulary = config.vocabulary,
            .segments = unlimited};
  }
  const BertConfig config = read_bert_config(folder / "config.json");
  if (head == OwnHead::used) refuse_head_not_computed(folder, config);
  return {.folder = folder,
          .output = config.output,
          .classes = config.classes,
          .class_names = config.class_names,
          .longest_text = config.positions,
          .vocabulary = config.vocabulary,
          .segments = config.segments,
          .may_answer_none = config.may_answer_none,
          .unread_keys = config.unread_keys};
}

void check_embedded(const ModelDescription& model, std::span<const std::int32_t> token_ids,
                    std::span<const std::int32_t> segments) {
  if (!token_ids.empty() && std::ranges::max(token_ids) >= model.vocabulary) {
    throw base::InputError(fmt::format("a text holds token {}", std::ranges::max(token_ids)),
                           fmt::format("the model in {} has {} word embeddings (vocab_size), and its tokenizer more tokens",
                                       model.folder.string(), model.vocabulary),
                           "Put the tokenizer's files of this very model there, or resize its embeddings");
  }
  if (!segments.empty() && std::ranges::max(segments) >= model.segments) {
    throw base::InputError(
        "there is a pair of texts, of which the second is segment 1",
        fmt::format("the model in {} has embeddings of {} segment (type_vocab_size)", model.folder.string(), model.segments),
        "Give single texts: this model cannot tell the two of a pair apart");
  }
}

}  // namespace layersweep::model
