#include "encoder/open.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "data/tokenizer.hpp"
#include "encoder/bert_folder.hpp"
#include "encoder/counting.hpp"
#include "encoder/gru_classifier.hpp"
#include "encoder/json_file.hpp"
#include "encoder/tokenizer_files.hpp"
#include "encoder/trainable.hpp"

namespace layersweep::encoder {

std::unique_ptr<Encoder> open_encoder(const std::filesystem::path& folder, Arithmetic arithmetic) {
  const auto config_json = folder / "config.json";
  if (model_type(read_json_object(config_json), config_json) == "layersweep-counting")
    return make_counting(read_counting(folder));
  if (holds_gru(folder)) {
    if (arithmetic == Arithmetic::fast_bf16) {
      throw base::InputError(fmt::format("{} holds a GRU, which is computed in fp32", folder.string()), {},
                             "Use run.precision = fp32");
    }
    return make_gru_classifier(read_gru_classifier(folder), mask_token(folder));
  }
  BertModel model = read_bert_model(folder);
  return make_bert(model.config, std::move(model.weights), mask_token(folder), arithmetic);
}

std::unique_ptr<Trainable> open_trainable(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  return holds_gru(folder) ? make_trainable_gru(folder, head, seed) : make_trainable_bert(folder, head, seed);
}

ModelDescription describe_model(const std::filesystem::path& folder) {
  if (holds_gru(folder)) {
    const GruClassifierConfig config = read_gru_classifier_config(folder);
    return {OutputKind::classes, config.classes, config.class_names, data::Tokenizer::unlimited};
  }
  const BertConfig config = read_bert_config(folder / "config.json");
  return {config.output, config.classes, config.class_names, config.positions};
}

}  // namespace layersweep::encoder
