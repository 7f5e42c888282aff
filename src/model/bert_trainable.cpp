// Fine-tuning of BERT: the plain arithmetic under LibTorch's own differentiation.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/as_strided.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/searchsorted.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "model/bert.hpp"
#include "model/bert_folder.hpp"
#include "model/bert_plain.hpp"
#include "model/flat_gradient.hpp"
#include "model/output.hpp"
#include "model/tokenizer_files.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {
namespace {

at::Generator dropout_generator(const DropoutKey& key) {
  const std::string hash = base::sha256_of_text(fmt::format("dropout {} {} {}", key.seed, key.step, key.shard));
  return at::make_generator<at::CPUGeneratorImpl>(std::stoull(hash.substr(0, 15), nullptr, 16));
}

class TrainableBert final : public Trainable {
 public:
  TrainableBert(std::filesystem::path source, BertModel model)
      : source_(std::move(source)),
        config_(model.config),
        weights_(model.weights),
        leaves_(model.weights),
        frozen_(make_bert(config_, weights_, mask_token(source_))) {
    inputs_ = make_leaves(dense_tensors(leaves_));
  }

  at::Tensor dense() const override { return flat_view(weights_.position); }
  at::Tensor table() const override { return weights_.word; }
  const Model& frozen() const override { return *frozen_; }

  double gradient(const Batch& batch, const DropoutKey& key, double scale, const at::Tensor& rows, at::Tensor dense_gradient,
                  at::Tensor row_gradient) const override {
    at::Generator generator = dropout_generator(key);
    const at::AutoGradMode with_gradient(true);
    const at::Tensor embeddings = weights_.word.index_select(0, rows).detach().requires_grad_();
    const at::Tensor words = at::embedding(embeddings, at::searchsorted(rows, batch.token_ids));
    at::Tensor states = plain::embed(config_, leaves_, words, batch.segments, &generator);
    for (const BertLayerWeights& layer : leaves_.layers) {
      const bool narrow = config_.output == OutputKind::classes && &layer == &leaves_.layers.back();
      const Need need = narrow ? Need::read_out : Need::all_tokens;
      states = plain::layer(config_, layer, states, batch.lengths, need, &generator);
    }
    const at::Tensor logits = plain::read_out(config_, leaves_, states, batch.lengths, &generator);
    const at::Tensor loss = summed_loss(config_.output, logits, batch) * scale;

    std::vector<at::Tensor> inputs = {embeddings};
    inputs.insert(inputs.end(), inputs_.begin(), inputs_.end());
    std::vector<at::Tensor> gradients = torch::autograd::grad({loss}, inputs);
    row_gradient.copy_(gradients.front());
    gradients.erase(gradients.begin());
    write_flat(gradients, dense_gradient);
    return loss.item<double>();
  }

  void save(const std::filesystem::path& folder) const override { write_bert(folder, config_, weights_, source_); }

 private:
  std::filesystem::path source_;
  BertConfig config_;
  BertWeights weights_;
  BertWeights leaves_;              // the same storage, under differentiation
  std::vector<at::Tensor> inputs_;  // all leaves, in order
  std::unique_ptr<Model> frozen_;
};

}  // namespace

std::unique_ptr<Trainable> make_trainable_bert(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  return std::make_unique<TrainableBert>(folder, read_bert_body(folder, head, seed));
}

}  // namespace layersweep::model
