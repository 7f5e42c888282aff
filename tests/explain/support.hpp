// Subjects of small frozen models, and a model whose right explanation is known.
#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include "explain/explainer.hpp"
#include "probe/support.hpp"

namespace layersweep::test {

/// What a Subject refers to.
struct Scene {
  Frozen frozen;
  model::Clean clean;
  std::vector<std::int64_t> number;

  explicit Scene(Frozen made) : frozen(std::move(made)), clean(frozen.model->clean(frozen.batch)) {
    number.resize(static_cast<std::size_t>(frozen.batch.size()));
    std::iota(number.begin(), number.end(), 0);
  }

  explain::Subject subject(int point) const {
    const at::Tensor& states = clean.states[static_cast<std::size_t>(point)];
    const at::Tensor flat = states.flatten(0, 1);
    return {.model = *frozen.model,
            .batch = frozen.batch,
            .clean = clean,
            .number = number,
            .point = point,
            .replacement = flat.mean(0),
            .mean = flat.mean(0),
            .deviation = flat.std(0, /*unbiased=*/false),
            .epsilon = 0.05,
            .token_budget = 64};
  }

  /// One text of it, without padding.
  Scene only(std::int64_t text) const {
    const std::int64_t length = frozen.batch.lengths[text].item<std::int64_t>();
    const auto cut = [&](const at::Tensor& all) { return all.narrow(0, text, 1).narrow(1, 0, length).contiguous(); };
    Frozen one{frozen.name, frozen.model, {}};
    one.batch.token_ids = cut(frozen.batch.token_ids);
    one.batch.segments = cut(frozen.batch.segments);
    one.batch.mask = cut(frozen.batch.mask);
    one.batch.lengths = frozen.batch.lengths.narrow(0, text, 1);
    if (frozen.batch.query.defined()) one.batch.query = frozen.batch.query.narrow(0, text, 1);
    Scene scene(std::move(one));
    scene.number = {number[static_cast<std::size_t>(text)]};
    return scene;
  }

  std::int64_t length(std::int64_t text) const { return frozen.batch.lengths[text].item<std::int64_t>(); }
};

/// Two points of width 3. The output depends on one token alone, the needle: the one of id 1. Two classes with logits
/// (0, 8·Σ state of the needle); the second point holds twice the states of the first.
class NeedleModel final : public model::Model {
 public:
  const std::vector<model::Point>& points() const override { return points_; }
  const model::Head& head() const override { return head_; }
  model::Clean clean(const model::Batch& batch) const override {
    const at::Tensor id = batch.token_ids.to(at::kFloat);
    const at::Tensor first = at::stack({at::sin(id), at::cos(id), at::sin(3 * id)}, -1);
    const at::Tensor second = 2 * first;
    return {{first, second}, read_out({second, at::arange(batch.size())}, batch)};
  }
  model::Rows advance(int, const model::Rows& rows, const model::Batch&, model::Need) const override {
    return {2 * rows.states, rows.example};
  }
  at::Tensor read_out(const model::Rows& rows, const model::Batch& batch) const override {
    const at::Tensor needle = batch.token_ids.eq(1).to(at::kFloat).index_select(0, rows.example).unsqueeze(-1);
    const at::Tensor x = 4 * (rows.states * needle).sum(at::IntArrayRef{1, 2});
    return at::stack({at::zeros_like(x), x}, -1);
  }
  model::Rows narrow_to_read_out(const model::Rows& rows, const model::Batch&) const override { return rows; }
  at::Tensor mask_state() const override { return {}; }

 private:
  std::vector<model::Point> points_{{"first", 3, 1}, {"second", 3, 1}};
  model::Head head_{.classes = 2};
};

/// Texts of 2 to 9 tokens with the needle at place `needle_of(text)`.
inline std::int64_t needle_of(std::int64_t text) { return text * 2 % (text + 2); }
inline Frozen needle_model() {
  Frozen frozen{"needle", std::make_unique<NeedleModel>(), random_batch({2, 3, 4, 5, 6, 7, 8, 9}, 20)};
  frozen.batch.token_ids = at::where(frozen.batch.token_ids.eq(1), 2, frozen.batch.token_ids);
  for (std::int64_t text = 0; text < frozen.batch.size(); ++text) frozen.batch.token_ids[text][needle_of(text)] = 1;
  return frozen;
}

}  // namespace layersweep::test
