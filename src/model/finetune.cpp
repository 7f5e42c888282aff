#include "model/finetune.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "model/adamw.hpp"
#include "model/output.hpp"

namespace layersweep::model {
namespace {

// The token ids of a global batch, padding's included, each once and rising.
std::vector<std::int64_t> ids_of(const data::Corpus& corpus, const data::GlobalBatch& batch) {
  std::vector<std::int64_t> ids = {0};
  for (const data::Shard& shard : batch.shards) {
    for (const std::int64_t example : shard) {
      const auto begin = corpus.token_id().begin() + corpus.token_start()[example];
      ids.insert(ids.end(), begin, begin + corpus.length(example));
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

double schedule_factor(const FinetuneSettings& settings, std::int64_t step, std::int64_t steps) {
  if (settings.schedule == Schedule::constant) return 1;
  if (step < settings.warm_up_steps) return double(step + 1) / double(settings.warm_up_steps);
  return double(steps - step) / double(std::max<std::int64_t>(1, steps - settings.warm_up_steps));
}

// What all shards of a step share.
struct Step {
  DropoutKey key;  // of this rank's first shard
  double scale = 1;
  at::Tensor rows;  // of the table that the step's batch looks up
};

// The weights, their optimiser and the flat gradient of a step: that of the dense weights, then that of the table's rows
// that the step's batch looks up, then unused places, since batches differ in how many they look up.
class Optimiser {
 public:
  Optimiser(Trainable& model, double weight_decay, std::int64_t most_rows)
      : model_(model), dense_(model.dense()), table_(model.table()), adam_(parameters(), weight_decay) {
    if (has_table()) table_gradient_ = at::zeros_like(table_);
    gradient_size_ = dense_.numel() + (has_table() ? most_rows * table_.size(1) : 0);
  }

  std::size_t gradient_size() const { return static_cast<std::size_t>(gradient_size_); }
  bool has_table() const { return table_.defined(); }

  // Computes the shards [begin, end), a thread to each, and adds them in order; returns the sum of their losses. A shard is
  // small, so threads do better on one each than together on one.
  double add_shards(const std::vector<Batch>& shards, const Step& step, GradientSum& sum) {
    const auto count = static_cast<std::int64_t>(shards.size());
    const std::int64_t wave = std::max(1, at::get_num_threads());
    while (static_cast<std::int64_t>(flat_.size()) < std::min(wave, count)) flat_.push_back(at::empty({gradient_size_}));
    double loss = 0;
    for (std::int64_t first = 0; first < count; first += wave) {
      const std::int64_t last = std::min(count, first + wave);
      std::vector<double> losses(last - first, 0.0);
      at::parallel_for(first, last, 1, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t shard = from; shard < to; ++shard) {
          if (!shards[shard].token_ids.defined()) continue;
          DropoutKey key = step.key;
          key.shard += static_cast<int>(shard);
          losses[shard - first] = shard_gradient(shards[shard], key, step, flat_[shard - first]);
        }
      });
      for (std::int64_t shard = first; shard < last; ++shard) {
        if (!shards[shard].token_ids.defined()) continue;
        sum.add(step.key.shard + static_cast<int>(shard), {flat_[shard - first].const_data_ptr<float>(), gradient_size()});
        loss += losses[shard - first];
      }
    }
    return loss;
  }

  // One step along the sum of the shards' gradients, clipped; returns the norm before clipping.
  double step(std::span<const float> sum, const at::Tensor& rows, double learning_rate, double largest_norm) {
    const at::Tensor total =
        at::from_blob(const_cast<float*>(sum.data()), {static_cast<std::int64_t>(sum.size())}, at::kFloat);
    const double norm = at::linalg_vector_norm(total).item<double>();
    const double factor = std::min(1.0, largest_norm / (norm + 1e-6));  // as torch.nn.utils.clip_grad_norm_
    std::vector<at::Tensor> gradients = {total.narrow(0, 0, dense_.numel()) * factor};
    if (has_table()) {
      table_gradient_.index_copy_(0, rows, row_part(total, rows) * factor);
      gradients.push_back(table_gradient_);
    }
    adam_.step(gradients, learning_rate);
    if (has_table()) table_gradient_.index_fill_(0, rows, 0);
    return norm;
  }

  std::vector<at::Tensor> state() const { return adam_.state(); }

  std::vector<at::Tensor> parameters() const {
    return has_table() ? std::vector<at::Tensor>{dense_, table_} : std::vector<at::Tensor>{dense_};
  }

 private:
  double shard_gradient(const Batch& batch, const DropoutKey& key, const Step& step, const at::Tensor& flat) {
    const double loss =
        model_.gradient(batch, key, step.scale, step.rows, {flat.narrow(0, 0, dense_.numel()), row_part(flat, step.rows)});
    const std::int64_t used = dense_.numel() + (has_table() ? step.rows.numel() * table_.size(1) : 0);
    flat.narrow(0, used, flat.numel() - used).zero_();
    return loss;
  }

  at::Tensor row_part(const at::Tensor& flat, const at::Tensor& rows) const {
    if (!has_table()) return {};
    return flat.narrow(0, dense_.numel(), rows.numel() * table_.size(1)).view({rows.numel(), table_.size(1)});
  }

  Trainable& model_;
  at::Tensor dense_, table_;
  AdamW adam_;
  at::Tensor table_gradient_;  // V x H, zero but for the rows of a step
  std::int64_t gradient_size_ = 0;
  std::vector<at::Tensor> flat_;  // a shard's gradient each
};

void add_tensors(FinetuneState& state, const std::string& name, const std::vector<at::Tensor>& tensors) {
  for (std::size_t index = 0; index < tensors.size(); ++index) {
    state.tensors.emplace_back(fmt::format("{}.{}", name, index), tensors[index]);
  }
}

}  // namespace

double accuracy(const Model& model, const data::Corpus& corpus, data::ShardRange own, int shards, GradientSum& sum) {
  // At most 64 texts to a shard, so that memory does not grow with the corpus.
  const data::BatchSettings settings{.batch = 64 * std::int64_t{shards}, .shards = shards, .seed = 0};
  std::vector<std::int64_t> right(static_cast<std::size_t>(shards));
  for (const data::GlobalBatch& batch : data::ordered_batches(corpus.lengths(), settings)) {
    for (int shard = own.begin; shard < own.end; ++shard) {
      const data::Shard& members = batch.shards[static_cast<std::size_t>(shard)];
      if (members.empty()) continue;
      const Batch texts = collate(corpus, members);
      const at::Tensor decided = model.output().decided(model.clean(texts).logits, texts);
      right[static_cast<std::size_t>(shard)] += decided.eq(model.output().given(texts)).sum().item<std::int64_t>();
    }
  }
  for (int shard = own.begin; shard < own.end; ++shard) {
    const auto count = static_cast<float>(right[static_cast<std::size_t>(shard)]);  // exact below 2^24
    sum.add(shard, {&count, 1});
  }
  return corpus.size() == 0 ? 0 : double(sum.sum().front()) / double(corpus.size());
}

FinetuneResult finetune(Trainable& model, const FinetuneTexts& texts, const FinetuneSettings& settings, data::ShardRange own,
                        const FinetuneHooks& hooks) {
  const auto& [train, dev] = texts;
  const auto& [make_sum, progress, keeper] = hooks;
  const at::NoGradGuard no_grad;
  const std::vector<std::int64_t> lengths = train.lengths();
  const data::BatchSettings batching{.batch = settings.batch, .shards = settings.shards, .seed = settings.seed};
  const bool has_table = model.table().defined();
  FinetuneProgress now;
  std::size_t most_rows = 0;
  for (std::int64_t epoch = 0; epoch < settings.epochs; ++epoch) {
    const auto batches = data::epoch_batches(lengths, batching, epoch);
    now.steps += static_cast<std::int64_t>(batches.size());
    if (!has_table) continue;
    for (const data::GlobalBatch& batch : batches) most_rows = std::max(most_rows, ids_of(train, batch).size());
  }
  Optimiser optimiser(model, settings.weight_decay, static_cast<std::int64_t>(most_rows));
  const std::unique_ptr<GradientSum> sum = make_sum(optimiser.gradient_size());
  const std::unique_ptr<GradientSum> right_answers = make_sum(1);

  std::vector<at::Tensor> best_weights;
  for (const at::Tensor& parameter : optimiser.parameters()) best_weights.push_back(parameter.clone());
  FinetuneState state;
  add_tensors(state, "weights", optimiser.parameters());
  add_tensors(state, "optimiser", optimiser.state());
  add_tensors(state, "best", best_weights);
  if (keeper != nullptr) keeper->resume(state);

  for (; state.epoch < settings.epochs && state.epochs_good_enough < 2; ++state.epoch, state.next_batch = 0) {
    now.epoch = state.epoch + 1;
    now.step = state.step;
    now.dev_accuracy = -1;
    const auto batches = data::epoch_batches(lengths, batching, state.epoch);
    while (state.next_batch < std::ssize(batches)) {
      const data::GlobalBatch& batch = batches[static_cast<std::size_t>(state.next_batch)];
      const at::Tensor rows = at::tensor(has_table ? ids_of(train, batch) : std::vector<std::int64_t>(), at::kLong);
      std::vector<Batch> shards(own.end - own.begin);
      std::int64_t examples = 0;
      for (int shard = own.begin; shard < own.end; ++shard) {
        const data::Shard& members = batch.shards[shard];
        if (!members.empty()) shards[shard - own.begin] = collate(train, members);
        examples += static_cast<std::int64_t>(members.size());
      }
      const auto size = static_cast<double>(batch.size());
      const double loss =
          optimiser.add_shards(shards, {{settings.seed, state.step, own.begin}, 1 / size, rows}, *sum) * size;
      const double rate = settings.learning_rate * schedule_factor(settings, state.step, now.steps);
      const double norm = optimiser.step(sum->sum(), rows, rate, settings.largest_norm);
      if (!std::isfinite(norm)) {
        throw base::InputError(fmt::format("fine-tuning diverged at step {}", state.step + 1), "the gradient is not finite",
                               "set a smaller finetune.learning_rate");
      }
      now.step = ++state.step;
      ++state.next_batch;
      now.loss = examples == 0 ? 0 : loss / double(examples);
      progress(now);
      if (keeper != nullptr) keeper->after_step(state);
    }
    now.dev_accuracy = accuracy(model.frozen(), dev, own, settings.shards, *right_answers);
    progress(now);
    state.epochs_good_enough = now.dev_accuracy >= settings.enough ? state.epochs_good_enough + 1 : 0;
    if (state.best.epoch == 0 || now.dev_accuracy > state.best.dev_accuracy) {
      state.best = {now.dev_accuracy, now.epoch};
      for (std::size_t index = 0; index < best_weights.size(); ++index) {
        best_weights[index].copy_(optimiser.parameters()[index]);
      }
    }
  }
  for (std::size_t index = 0; index < best_weights.size(); ++index) optimiser.parameters()[index].copy_(best_weights[index]);
  return state.best;
}

}  // namespace layersweep::model
