#include "model/families/counting.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "model/families/counting_plain.hpp"
#include "model/families/families.hpp"
#include "model/families/gru.hpp"
#include "model/open_options.hpp"

namespace layersweep::model {
namespace {

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

}  // namespace

std::unique_ptr<Model> make_counting(CountingModel model, Arithmetic arithmetic) {
  return std::make_unique<Counting>(std::move(model), arithmetic);
}

const Family& counting_family() {
  static const CountingFamily family;
  return family;
}

}  // namespace layersweep::model
