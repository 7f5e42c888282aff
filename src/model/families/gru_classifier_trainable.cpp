// Training of the recurrent classifier: the word embeddings stay as they are, and there is no dropout, as published.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>
#include <vector>

#include "model/families/gru_classifier.hpp"
#include "model/flat_gradient.hpp"
#include "model/output.hpp"
#include "model/tokenizer_files.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {
namespace {

class TrainableGruClassifier final : public Trainable {
 public:
  TrainableGruClassifier(std::filesystem::path source, GruClassifierModel model)
      : source_(std::move(source)),
        model_(model),
        leaves_(model.weights),
        frozen_(make_gru_classifier(std::move(model), mask_token(source_))) {
    inputs_ = make_leaves(dense_tensors(leaves_));
  }

  at::Tensor dense() const override { return flat_view(model_.weights.gru.input); }
  at::Tensor table() const override { return {}; }
  const Model& frozen() const override { return *frozen_; }

  double gradient(const Batch& batch, const DropoutKey&, double scale, const at::Tensor&,
                  const GradientParts& into) const override {
    const at::AutoGradMode with_gradient(true);
    const at::Tensor state = gru_last_state(leaves_.gru, embedded_words(leaves_.word, batch), batch.lengths);
    const at::Tensor logits = at::linear(state, leaves_.head, leaves_.head_bias);
    const at::Tensor loss = classes_output().summed_loss(logits, batch) * scale;
    write_flat(torch::autograd::grad({loss}, inputs_), into.dense);
    return loss.item<double>();
  }

  void save(const std::filesystem::path& folder) const override { write_gru_classifier(folder, model_, source_); }

 private:
  std::filesystem::path source_;
  GruClassifierModel model_;
  GruClassifierWeights leaves_;     // the same storage, under differentiation
  std::vector<at::Tensor> inputs_;  // all leaves, in order
  std::unique_ptr<Model> frozen_;
};

}  // namespace

std::unique_ptr<Trainable> make_trainable_gru(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  return std::make_unique<TrainableGruClassifier>(folder, read_gru_classifier_body(folder, head, seed));
}

}  // namespace layersweep::model
