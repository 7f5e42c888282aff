#include "model/counting.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "model/counting_plain.hpp"
#include "model/gru.hpp"

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
  std::int64_t classes() const override { return 2; }
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
};

}  // namespace

std::unique_ptr<Model> make_counting(CountingModel model, Arithmetic arithmetic) {
  return std::make_unique<Counting>(std::move(model), arithmetic);
}

}  // namespace layersweep::model
