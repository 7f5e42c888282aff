#include "model/transformer/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace layersweep::model {
namespace {

// A number above 0 among the parameters of a key.
double parameter(const ConfigFile& config, const char* key, const nlohmann::json& parameters, const char* name) {
  const auto found = parameters.find(name);
  if (found == parameters.end() || !found->is_number() || !(found->get<double>() > 0 && found->get<double>() < 1e15)) {
    config.refuse(key, fmt::format("has no {} above 0", name));
  }
  return found->get<double>();
}

}  // namespace

void read_sizes(const ConfigFile& config, TransformerSpec& spec) {
  spec.layers = config.size("num_hidden_layers");
  spec.hidden = config.size("hidden_size");
  spec.heads = config.size("num_attention_heads");
  spec.inner = config.size("intermediate_size");
  spec.vocabulary = config.size("vocab_size");
  spec.positions = config.size("max_position_embeddings");
}

Activation activation_of(const ConfigFile& config, const char* key, const char* otherwise) {
  static constexpr std::pair<std::string_view, Activation> computed[] = {{"gelu", Activation::gelu},
                                                                         {"gelu_new", Activation::gelu_tanh},
                                                                         {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                                         {"gelu_fast", Activation::gelu_tanh},
                                                                         {"silu", Activation::silu},
                                                                         {"swish", Activation::silu},
                                                                         {"relu", Activation::relu},
                                                                         {"tanh", Activation::tanh}};
  const std::string name = config.text_or(key, otherwise);
  const auto found = std::ranges::find(computed, name, &std::pair<std::string_view, Activation>::first);
  if (found == std::end(computed)) config.refuse(key, fmt::format("is \"{}\", which is not computed here", name));
  return found->second;
}

std::int64_t padding_of(const ConfigFile& config, std::int64_t otherwise) {
  const auto found = config.json().find("pad_token_id");
  if (found == config.json().end() || found->is_null()) return otherwise;
  if (!found->is_number_integer() || found->get<std::int64_t>() < -1) config.refuse("pad_token_id", "is no token");
  return found->get<std::int64_t>();
}

Rotary rotary_of(const ConfigFile& config, const char* key, const nlohmann::json& parameters, Rotary rotary) {
  if (!parameters.is_object()) config.refuse(key, "is no object");
  std::string type = "default";
  for (const auto& [name, value] : parameters.items()) {
    static constexpr std::string_view known[] = {"rope_type",        "type",
                                                 "rope_theta",       "partial_rotary_factor",
                                                 "factor",           "low_freq_factor",
                                                 "high_freq_factor", "original_max_position_embeddings"};
    if (value.is_null()) continue;
    if (std::ranges::find(known, name) == std::end(known)) {
      config.refuse(key, fmt::format("has {}, which is not computed here", name));
    }
    if (name != "rope_type" && name != "type") continue;
    if (!value.is_string()) config.refuse(key, fmt::format("has a {} that is not a text", name));
    type = value.get<std::string>();
  }
  const auto has = [&](const char* name) { return parameters.contains(name) && !parameters[name].is_null(); };
  if (has("rope_theta")) rotary.base = parameter(config, key, parameters, "rope_theta");
  if (has("partial_rotary_factor")) rotary.part = parameter(config, key, parameters, "partial_rotary_factor");
  if (type == "default") return rotary;
  if (type != "linear" && type != "llama3") {
    config.refuse(key, fmt::format("asks for rotary positions of the type \"{}\", which is not computed here", type));
  }
  rotary.factor = parameter(config, key, parameters, "factor");
  if (type == "linear") return rotary;
  rotary.low = parameter(config, key, parameters, "low_freq_factor");
  rotary.high = parameter(config, key, parameters, "high_freq_factor");
  rotary.original = static_cast<std::int64_t>(parameter(config, key, parameters, "original_max_position_embeddings"));
  if (!(rotary.low < rotary.high)) config.refuse(key, "has a low_freq_factor that is not below high_freq_factor");
  return rotary;
}

Rotary rotary_of(const ConfigFile& config, Rotary rotary) {
  rotary.base = config.number_or("rope_theta", rotary.base, 1, 1e15);
  bool said = false;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto found = config.json().find(key);
    if (found == config.json().end() || found->is_null()) continue;
    if (std::exchange(said, true)) config.refuse(key, "is set beside rope_scaling");
    rotary = rotary_of(config, key, *found, rotary);
  }
  return rotary;
}

void check_rotary(const ConfigFile& config, const char* key, const TransformerSpec& spec) {
  for (const Rotary& rotary : {spec.rotary, spec.local_rotary}) {
    const auto width = static_cast<std::int64_t>(static_cast<double>(spec.width_of_head()) * rotary.part);
    if (width >= 2 && width % 2 == 0 && rotary.part <= 1) continue;
    config.refuse(key, fmt::format("leaves {} of {} features of a head to be rotated, which are no pairs", width,
                                   spec.width_of_head()));
  }
}

std::vector<bool> local_layers_of(const ConfigFile& config, std::int64_t layers, std::vector<bool> local) {
  const auto types = config.json().find("layer_types");
  if (types != config.json().end() && !types->is_null()) {
    if (!types->is_array() || static_cast<std::int64_t>(types->size()) != layers) {
      config.refuse("layer_types", "is no list of as many types as there are layers");
    }
    local.clear();
    for (const auto& type : *types) {
      if (type != "full_attention" && type != "sliding_attention") {
        config.refuse("layer_types", fmt::format("has the type {}, which is not computed here", type.dump()));
      }
      local.push_back(type == "sliding_attention");
    }
  }
  if (std::ranges::find(local, true) == local.end()) local.clear();
  return local;
}

}  // namespace layersweep::model
