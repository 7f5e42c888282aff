// Training of the counting model; it has no dropout.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>
#include <vector>

#include "model/families/counting.hpp"
#include "model/families/counting_plain.hpp"
#include "model/flat_gradient.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {
namespace {

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

std::unique_ptr<Trainable> make_trainable_counting(std::uint64_t seed) {
  const CountingConfig config;
  return std::make_unique<TrainableCounting>(CountingModel{config, random_counting_weights(config, seed)});
}

}  // namespace layersweep::model
