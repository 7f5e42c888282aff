#include "model/families/counting_weights.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <cmath>
#include <set>
#include <string>

#include "base/error.hpp"
#include "model/flat_gradient.hpp"
#include "model/json_file.hpp"
#include "model/weight_file.hpp"

namespace layersweep::model {
namespace {

std::vector<std::vector<std::int64_t>> shapes_of(const CountingConfig& c) {
  const std::int64_t w = c.width;
  return {{c.symbols, w},      {c.symbols, w}, {w, 3 * w}, {w},     {c.features, w}, {c.features},
          {3 * w, c.features}, {3 * w},        {3 * w, w}, {3 * w}, {1, w},          {1}};
}

}  // namespace

GruWeights gru_weights(const CountingWeights& w) { return {w.gru_input, w.gru_input_bias, w.gru_state, w.gru_state_bias}; }

std::vector<at::Tensor*> tensors_of(CountingWeights& w) {
  return {&w.query,     &w.input,          &w.mix_in,    &w.mix_in_bias,    &w.mix_out, &w.mix_out_bias,
          &w.gru_input, &w.gru_input_bias, &w.gru_state, &w.gru_state_bias, &w.head,    &w.head_bias};
}

std::vector<NamedWeight> named_weights(const CountingWeights& w) {
  return {{"of_query.weight", w.query},      {"of_input.weight", w.input},
          {"mix.0.weight", w.mix_in},        {"mix.0.bias", w.mix_in_bias},
          {"mix.2.weight", w.mix_out},       {"mix.2.bias", w.mix_out_bias},
          {"gru.weight_ih_l0", w.gru_input}, {"gru.bias_ih_l0", w.gru_input_bias},
          {"gru.weight_hh_l0", w.gru_state}, {"gru.bias_hh_l0", w.gru_state_bias},
          {"head.weight", w.head},           {"head.bias", w.head_bias}};
}

CountingWeights allocate_counting_weights(const CountingConfig& config) {
  CountingWeights weights;
  allocate_flat(tensors_of(weights), shapes_of(config));
  return weights;
}

CountingWeights random_counting_weights(const CountingConfig& config, std::uint64_t seed) {
  CountingWeights weights = allocate_counting_weights(config);
  const at::NoGradGuard no_grad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto uniform = [&](at::Tensor& tensor, std::int64_t fan_in) {
    const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
    tensor.uniform_(-bound, bound, generator);
  };
  weights.query.normal_(0, 1, generator);
  weights.input.normal_(0, 1, generator);
  for (at::Tensor* tensor : {&weights.mix_in, &weights.mix_in_bias}) uniform(*tensor, 3 * config.width);
  for (at::Tensor* tensor : {&weights.mix_out, &weights.mix_out_bias, &weights.gru_input, &weights.gru_input_bias,
                             &weights.gru_state, &weights.gru_state_bias, &weights.head, &weights.head_bias}) {
    uniform(*tensor, config.width);
  }
  return weights;
}

CountingModel read_counting(const std::filesystem::path& folder) {
  const auto config_json = folder / "config.json";
  const auto json = read_json_object(config_json);
  CountingModel model;
  for (const auto& [key, value] :
       {std::pair{"symbols", &model.config.symbols}, {"width", &model.config.width}, {"features", &model.config.features}}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer() || *found < 1 || *found > (1 << 16)) {
      throw base::InputError(fmt::format("{}: cannot use this model", config_json.string()),
                             fmt::format("{} is missing or not a whole number in 1 .. 65536", key));
    }
    *value = found->get<std::int64_t>();
  }
  model.weights = allocate_counting_weights(model.config);
  const auto file = WeightFiles::open(folder);
  std::set<std::string> names;
  for (const NamedWeight& weight : named_weights(model.weights)) {
    read_weight(file, weight.name, weight);
    names.insert(weight.name);
  }
  for (const std::string& name : file.names()) {
    if (!names.contains(name)) {
      throw base::InputError(fmt::format("cannot use {}", file.path().string()),
                             fmt::format("the tensor {} does not belong to a counting model", name));
    }
  }
  return model;
}

void write_counting(const std::filesystem::path& folder, const CountingModel& model) {
  std::filesystem::create_directories(folder);
  write_json(folder / "config.json", {{"model_type", "layersweep-counting"},
                                      {"symbols", model.config.symbols},
                                      {"width", model.config.width},
                                      {"features", model.config.features}});
  write_weights(folder / "model.safetensors", named_weights(model.weights));
}

}  // namespace layersweep::model
