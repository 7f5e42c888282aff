#include "encoder/bert_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "encoder/json_file.hpp"

namespace layersweep::encoder {
namespace {

// One config.json with errors that name file and key.
class Keys {
 public:
  explicit Keys(const std::filesystem::path& file) : file_(file), json_(read_json_object(file)) {}

  std::int64_t size(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) refuse(key, "is missing");
    return checked_size(key, *found);
  }
  std::int64_t size_or(const char* key, std::int64_t otherwise) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? otherwise : checked_size(key, *found);
  }
  double number_or(const char* key, double otherwise, double low, double below) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return otherwise;
    if (!found->is_number()) refuse(key, "is not a number");
    const double value = found->get<double>();
    if (!(value >= low && value < below)) refuse(key, fmt::format("is {}, outside [{}, {})", value, low, below));
    return value;
  }
  void expect(const char* key, const char* only) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return;  // Hugging Face's default is the one we know
    if (!found->is_string() || *found != only) {
      refuse(key, fmt::format("is {}, and only \"{}\" is computed here", found->dump(), only));
    }
  }
  const nlohmann::json& json() const { return json_; }
  [[noreturn]] void refuse(std::string_view key, std::string_view why) const {
    throw base::InputError(fmt::format("{}: cannot use this model", file_.string()), fmt::format("{} {}", key, why),
                           "use an encoder of BERT's architecture (model_type bert)");
  }

 private:
  std::int64_t checked_size(const char* key, const nlohmann::json& value) const {
    if (!value.is_number_integer()) refuse(key, "is not a whole number");
    const auto size = value.get<std::int64_t>();
    // 2^24 is far above any real size and keeps every product of two sizes inside 64 bits.
    if (size < 1 || size > (std::int64_t{1} << 24)) refuse(key, fmt::format("is {}, outside 1 .. 2^24", size));
    return size;
  }

  std::filesystem::path file_;
  nlohmann::json json_;
};

std::int64_t class_count(const Keys& keys) {
  const auto& json = keys.json();
  const auto labels = json.find("id2label");
  if (labels != json.end() && labels->is_object()) {
    if (json.contains("num_labels") && keys.size("num_labels") != static_cast<std::int64_t>(labels->size())) {
      keys.refuse("num_labels", "does not agree with id2label");
    }
    return static_cast<std::int64_t>(labels->size());
  }
  return keys.size_or("num_labels", 2);
}

// id2label by number; none where the numbers are not 0, 1, ….
std::vector<std::string> class_names(const Keys& keys) {
  std::vector<std::string> names;
  const auto labels = keys.json().find("id2label");
  if (labels == keys.json().end() || !labels->is_object()) return names;
  for (std::size_t label = 0; label < labels->size(); ++label) {
    const auto name = labels->find(std::to_string(label));
    if (name == labels->end() || !name->is_string()) return {};
    names.push_back(name->get<std::string>());
  }
  return names;
}

bool names_question_answering(const nlohmann::json& json) {
  const auto names = json.find("architectures");
  return names != json.end() && names->is_array() && std::ranges::find(*names, "BertForQuestionAnswering") != names->end();
}

}  // namespace

BertConfig read_bert_config(const std::filesystem::path& config_json) {
  const Keys keys(config_json);
  if (const std::string kind = model_type(keys.json(), config_json); kind != "bert") {
    keys.refuse("model_type", fmt::format("is \"{}\", not \"bert\"", kind));
  }
  keys.expect("hidden_act", "gelu");
  keys.expect("position_embedding_type", "absolute");
  if (keys.json().value("is_decoder", false)) keys.refuse("is_decoder", "is set, and only encoders are computed here");

  BertConfig config;
  config.layers = keys.size("num_hidden_layers");
  config.hidden = keys.size("hidden_size");
  config.heads = keys.size("num_attention_heads");
  config.inner = keys.size("intermediate_size");
  config.vocabulary = keys.size("vocab_size");
  config.positions = keys.size("max_position_embeddings");
  config.segments = keys.size_or("type_vocab_size", 2);
  config.output = names_question_answering(keys.json()) ? OutputKind::span : OutputKind::classes;
  config.classes = config.output == OutputKind::span ? 2 : class_count(keys);
  if (config.output == OutputKind::classes) config.class_names = class_names(keys);
  config.norm_epsilon = keys.number_or("layer_norm_eps", 1e-12, 0, 1);
  config.hidden_dropout = keys.number_or("hidden_dropout_prob", 0.1, 0, 1);
  config.attention_dropout = keys.number_or("attention_probs_dropout_prob", 0.1, 0, 1);
  config.classifier_dropout = keys.number_or("classifier_dropout", config.hidden_dropout, 0, 1);
  config.initial_range = keys.number_or("initializer_range", 0.02, 0, 10);
  if (config.hidden % config.heads != 0) {
    keys.refuse("hidden_size",
                fmt::format("({}) is not a multiple of num_attention_heads ({})", config.hidden, config.heads));
  }
  return config;
}

}  // namespace layersweep::encoder
