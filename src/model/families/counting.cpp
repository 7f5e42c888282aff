#include "model/families/counting.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "model/families/counting_plain.hpp"
#include "model/families/families.hpp"
#include "model/flat_gradient.hpp"
#include "model/json_file.hpp"
#include "model/open_options.hpp"
#include "model/weight_file.hpp"

namespace layersweep::model {
namespace {

std::vector<std::vector<std::int64_t>> shapes_of(const CountingConfig& c) {
  const std::int64_t w = c.width;
  return {{c.symbols, w},      {c.symbols, w}, {w, 3 * w}, {w},     {c.features, w}, {c.features},
          {3 * w, c.features}, {3 * w},        {3 * w, w}, {3 * w}, {1, w},          {1}};
}

class Counting final : public Model {
 public:
  Counting(CountingModel model, Arithmetic arithmetic) : model_(std::move(model)), arithmetic_(arithmetic) {
    const auto w = static_cast<double>(model_.config.width);
    const auto f = static_cast<double>(model_.config.features);
    points_ = {{"input embedding", model_.config.width, w * w + f * w},
               {"features", model_.config.features, 3 * w * (w + f)}};
  }

  const std::vector<Point>& points() const override { return points_; }
  const Head& head() const override { return head_; }
  at::Tensor mask_state() const override { return {}; }

  Clean clean(const Batch& batch) const override {
    const at::NoGradGuard no_grad;
    check(batch);
    Clean clean;
    clean.states.push_back(at::embedding(model_.weights.input, batch.token_ids));
    clean.states.push_back(plain::mix(model_.weights, clean.states[0], batch.query));
    clean.logits = decide(clean.states[1], batch.lengths);
    return clean;
  }

  Rows advance(int point, const Rows& rows, const Batch& batch, Need) const override {
    base::ensure(point == 0, "there is a point above");
    return {plain::mix(model_.weights, rows.states, batch.query.index_select(0, rows.example)), rows.example};
  }

  at::Tensor read_out(const Rows& rows, const Batch& batch) const override {
    return decide(rows.states, batch.lengths.index_select(0, rows.example));
  }

  // The recurrence reads every token.
  Rows narrow_to_read_out(const Rows& rows, const Batch&) const override { return rows; }

 private:
  at::Tensor decide(const at::Tensor& features, const at::Tensor& lengths) const {
    const CountingWeights& w = model_.weights;
    return plain::decide(w, arithmetic_ == Arithmetic::fast ? gru_last_state(gru_weights(w), features, lengths)
                                                            : plain::last_state(w, features, lengths));
  }

  void check(const Batch& batch) const {
    if (!batch.query.defined()) {
      throw base::InputError("a counting model was given texts without a query", "it compares the counts of two symbols",
                             "use it with task.name = counting");
    }
    const auto largest = std::max(batch.token_ids.max().item<std::int64_t>(), batch.query.max().item<std::int64_t>());
    if (largest >= model_.config.symbols) {
      throw base::InputError(fmt::format("a text holds symbol {}", largest),
                             fmt::format("the model knows {} symbols", model_.config.symbols));
    }
  }

  CountingModel model_;
  Arithmetic arithmetic_;
  std::vector<Point> points_;
  Head head_{.classes = 2};
};

class CountingFamily final : public Family {
 public:
  std::string_view name() const override { return "counting"; }
  std::string_view model_type() const override { return "layersweep-counting"; }

  ModelDescription describe(const std::filesystem::path& folder, OwnHead) const override {
    return {.folder = folder, .head = {.classes = 2}, .vocabulary = CountingConfig().symbols};
  }
  plan::Model costs(const std::filesystem::path&, const std::optional<Head>&) const override {
    const CountingConfig config;
    return plan::counting_model(config.symbols, config.width, config.features);
  }
  std::unique_ptr<Model> open(const std::filesystem::path& folder, const OpenOptions& options) const override {
    refuse_beyond_fp32_on_cpu(folder, "a counting model", options);
    CountingModel model = read_counting(folder);
    shuffle_head(model.weights.head, options);
    return make_counting(std::move(model));
  }
  std::unique_ptr<Model> random(const std::filesystem::path&, const std::optional<Head>&, Arithmetic) const override {
    const CountingConfig config;
    return make_counting({config, random_counting_weights(config, 1)});
  }
  std::unique_ptr<Trainable> trainable(const std::filesystem::path&, const Head&, std::uint64_t seed) const override {
    return make_trainable_counting(seed);
  }
  // The model is tiny: more shards would only cost more calls.
  FinetuneSettings finetune_settings() const override {
    return {.epochs = 50,
            .learning_rate = 1e-3,
            .batch = 128,
            .schedule = Schedule::constant,
            .weight_decay = 0,
            .enough = 0.998,
            .shards = 2};
  }
  at::Tensor word_embeddings(const std::filesystem::path& folder) const override {
    throw base::InputError(fmt::format("{} holds a counting model, which reads no words", folder.string()));
  }
};

class TrainableCounting final : public Trainable {
 public:
  explicit TrainableCounting(CountingModel model)
      : model_(model), leaves_(model.weights), frozen_(make_counting(std::move(model))) {
    inputs_ = make_leaves(tensors_of(leaves_));
  }

  at::Tensor dense() const override { return flat_view(model_.weights.query); }
  at::Tensor table() const override { return {}; }
  const Model& frozen() const override { return *frozen_; }

  double gradient(const Batch& batch, const DropoutKey&, double scale, const at::Tensor&,
                  const GradientParts& into) const override {
    const at::AutoGradMode with_gradient(true);
    const at::Tensor features = plain::mix(leaves_, at::embedding(leaves_.input, batch.token_ids), batch.query);
    const at::Tensor logits = plain::decide(leaves_, gru_last_state(gru_weights(leaves_), features, batch.lengths));
    const at::Tensor loss = at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Sum) * scale;
    write_flat(torch::autograd::grad({loss}, inputs_), into.dense);
    return loss.item<double>();
  }

  void save(const std::filesystem::path& folder) const override { write_counting(folder, model_); }

 private:
  CountingModel model_;
  CountingWeights leaves_;          // the same storage, under differentiation
  std::vector<at::Tensor> inputs_;  // all leaves, in order
  std::unique_ptr<Model> frozen_;
};

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

std::unique_ptr<Model> make_counting(CountingModel model, Arithmetic arithmetic) {
  return std::make_unique<Counting>(std::move(model), arithmetic);
}

const Family& counting_family() {
  static const CountingFamily family;
  return family;
}

std::unique_ptr<Trainable> make_trainable_counting(std::uint64_t seed) {
  const CountingConfig config;
  return std::make_unique<TrainableCounting>(CountingModel{config, random_counting_weights(config, seed)});
}

}  // namespace layersweep::model
