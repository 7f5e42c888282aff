#include "model/transformer/family.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/searchsorted.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "model/flat_gradient.hpp"
#include "model/open_options.hpp"
#include "model/tokenizer_files.hpp"
#include "model/transformer/fast_layer.hpp"
#include "model/transformer/plain.hpp"
#include "model/transformer/transformer.hpp"

namespace layersweep::model {
namespace {

at::Generator dropout_generator(const DropoutKey& key) {
  const std::string hash = base::sha256_of_text(fmt::format("dropout {} {} {}", key.seed, key.step, key.shard));
  return at::make_generator<at::CPUGeneratorImpl>(std::stoull(hash.substr(0, 15), nullptr, 16));
}

// The plain arithmetic under LibTorch's own differentiation.
class TrainableTransformer final : public Trainable {
 public:
  TrainableTransformer(const TransformerFiles& files, std::filesystem::path source, TransformerModel model)
      : files_(files),
        source_(std::move(source)),
        model_(model),
        leaves_(model.weights),
        frozen_(make_transformer(model_.spec, model_.weights, mask_token(source_))) {
    inputs_ = make_leaves(dense_tensors(model_.spec, leaves_));
  }

  at::Tensor dense() const override { return flat_view(model_.weights.classifier.weight); }
  at::Tensor table() const override { return model_.weights.word; }
  const Model& frozen() const override { return *frozen_; }

  double gradient(const Batch& batch, const DropoutKey& key, double scale, const at::Tensor& rows,
                  const GradientParts& into) const override {
    at::Generator generator = dropout_generator(key);
    const at::AutoGradMode with_gradient(true);
    const TransformerSpec& spec = model_.spec;
    const at::Tensor embeddings = model_.weights.word.index_select(0, rows).detach().requires_grad_();
    const at::Tensor words = at::embedding(embeddings, at::searchsorted(rows, batch.token_ids));
    const Reading reading(spec.read_out(), batch, at::arange(batch.size()), spec.padding);
    at::Tensor states = plain::embed(spec, leaves_, words, places_of(spec, batch), &generator);
    const at::Tensor relative = plain::relative_rows(spec, leaves_);
    for (std::int64_t layer = 0; layer < spec.layers; ++layer) {
      const LayerWeights& weights = leaves_.layers[static_cast<std::size_t>(spec.set_of(layer))];
      const Reading* const read = layer + 1 == spec.layers ? &reading : nullptr;
      states = plain::layer(spec, weights, {states, batch.lengths, read, relative}, &generator);
    }
    const at::Tensor logits = plain::read_out(spec, leaves_, {states, batch.lengths, &reading}, &generator);
    const at::Tensor loss = output_of(spec.head.output).summed_loss(logits, batch) * scale;

    std::vector<at::Tensor> inputs = {embeddings};
    inputs.insert(inputs.end(), inputs_.begin(), inputs_.end());
    std::vector<at::Tensor> gradients = torch::autograd::grad({loss}, inputs);
    into.rows.copy_(gradients.front());
    gradients.erase(gradients.begin());
    write_flat(gradients, into.dense);
    return loss.item<double>();
  }

  void save(const std::filesystem::path& folder) const override { write_transformer(files_, folder, model_, source_); }

 private:
  const TransformerFiles& files_;
  std::filesystem::path source_;
  TransformerModel model_;
  TransformerWeights leaves_;       // the same storage, under differentiation
  std::vector<at::Tensor> inputs_;  // all leaves, in order
  std::unique_ptr<Model> frozen_;
};

TransformerSpec with_head(TransformerSpec spec, const std::optional<Head>& head) {
  if (head) spec.head = *head;
  return spec;
}

}  // namespace

ModelDescription TransformerFamily::describe(const std::filesystem::path& folder, OwnHead head) const {
  const TransformerSpec spec = read_spec(files_, folder);
  if (head == OwnHead::used) refuse_head_not_computed(folder, spec);
  return {.folder = folder,
          .head = spec.head,
          .longest_text = spec.positions,
          .vocabulary = spec.vocabulary,
          .segments = spec.segments > 0 ? spec.segments : ModelDescription::unlimited,
          .word_width = spec.width_of_word(),
          .unread_keys = spec.unread_keys};
}

plan::Model TransformerFamily::costs(const std::filesystem::path& folder, const std::optional<Head>& head) const {
  const TransformerSpec s = with_head(read_spec(files_, folder), head);
  return plan::transformer_model({.family = name(),
                                  .layers = s.layers,
                                  .hidden = s.hidden,
                                  .inner = s.inner,
                                  .heads = s.heads,
                                  .key_heads = s.key_head_count(),
                                  .query_width = s.query_width(),
                                  .word_width = s.width_of_word(),
                                  .layer_sets = s.sets(),
                                  .vocabulary = s.vocabulary,
                                  .positions = s.position == Positions::learned ? s.positions : 0,
                                  .gated = s.gated,
                                  .embeds = s.embeds(),
                                  .fast_layer = has_fast_layer(s),
                                  .narrow = s.read_out() == ReadOut::first || s.read_out() == ReadOut::last,
                                  .output = s.head.output,
                                  .classes = s.head.classes,
                                  .head_map = s.maps_read_out()});
}

std::unique_ptr<Model> TransformerFamily::open(const std::filesystem::path& folder, const OpenOptions& options) const {
  TransformerModel model = read_transformer(files_, folder);
  shuffle_head(model.weights.classifier.weight, options);
  return make_transformer(model.spec, std::move(model.weights), mask_token(folder), options.arithmetic, options.device);
}

std::unique_ptr<Model> TransformerFamily::random(const std::filesystem::path& folder, const std::optional<Head>& head,
                                                 Arithmetic arithmetic) const {
  const TransformerSpec spec = with_head(read_spec(files_, folder), head);
  return make_transformer(spec, random_weights(spec, files_.names, 1), 0, arithmetic);
}

std::unique_ptr<Trainable> TransformerFamily::trainable(const std::filesystem::path& folder, const Head& head,
                                                        std::uint64_t seed) const {
  return std::make_unique<TrainableTransformer>(files_, folder, read_transformer_body(files_, folder, head, seed));
}

}  // namespace layersweep::model
