#include "sweep/replacements.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"

namespace layersweep::sweep {
namespace {

constexpr std::int64_t mean_examples = 1024;
constexpr std::int64_t mean_batch = 64;

at::Tensor xavier_normal(std::int64_t width, int point) {
  base::RandomStream stream(base::philox_key(0, base::Purpose::initial_weights, {0xb, static_cast<std::uint64_t>(point)}));
  at::Tensor values = at::empty({width}, at::kFloat);
  float* out = values.data_ptr<float>();
  for (std::int64_t i = 0; i < width; ++i) {
    const std::uint32_t bits = stream.next();
    out[i] = static_cast<float>(base::normal_pair(bits, stream.next()).first() / std::sqrt(static_cast<double>(width)));
  }
  return values;
}

// Per point the mean over tokens of the clean states.
std::vector<at::Tensor> mean_states(const Ranks& ranks, const model::Model& model, const data::Corpus& corpus) {
  const auto& points = model.points();
  std::int64_t total_width = 0;
  for (const model::Point& point : points) total_width += point.width;

  const std::vector<std::int64_t> lengths = corpus.lengths(0, std::min(mean_examples, corpus.size()));
  const std::vector<data::GlobalBatch> batches = data::ordered_batches(lengths, {mean_batch, ranks.shards(), 0});

  comm::GradientReducer reducer = ranks.reducer(total_width + 1);
  const data::ShardRange mine = ranks.my_shards();
  for (int shard = mine.begin; shard < mine.end; ++shard) {
    at::Tensor sums =
        at::zeros({total_width + 1}, at::TensorOptions(model.device()).dtype(at::kFloat));  // the last one counts tokens
    for (const data::GlobalBatch& batch : batches) {
      const data::Shard& examples = batch.shards[static_cast<std::size_t>(shard)];
      if (examples.empty()) continue;
      const model::Batch tensors = model::collate(corpus, examples).to(model.device());
      const model::Clean clean = model.clean(tensors);
      const at::Tensor mask = tensors.mask.to(at::kFloat).unsqueeze(-1);
      std::int64_t offset = 0;
      for (std::size_t p = 0; p < points.size(); ++p) {
        sums.narrow(0, offset, points[p].width).add_((clean.states[p] * mask).sum(at::IntArrayRef{0, 1}));
        offset += points[p].width;
      }
      sums.narrow(0, offset, 1).add_(mask.sum());
    }
    const at::Tensor here = sums.cpu();
    reducer.add(shard, {here.const_data_ptr<float>(), static_cast<std::size_t>(here.numel())});
  }
  const std::span<const float> sums = reducer.sum();
  const float tokens = sums.back();
  std::vector<at::Tensor> means;
  std::size_t offset = 0;
  for (const model::Point& point : points) {
    at::Tensor mean = at::empty({point.width}, at::kFloat);
    for (std::int64_t i = 0; i < point.width; ++i) mean.data_ptr<float>()[i] = sums[offset++] / tokens;
    means.push_back(std::move(mean));
  }
  return means;
}

}  // namespace

std::vector<at::Tensor> starting_replacements(const Ranks& ranks, const model::Model& model, const data::Corpus& corpus,
                                              config::Replacement kind) {
  std::vector<at::Tensor> start;
  if (kind == config::Replacement::xavier) {
    for (std::size_t p = 0; p < model.points().size(); ++p) {
      start.push_back(xavier_normal(model.points()[p].width, static_cast<int>(p)));
    }
  } else {
    start = mean_states(ranks, model, corpus);
  }
  if (kind != config::Replacement::mean && model.mask_state().defined())
    start.front() = model.mask_state().to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  return start;
}

}  // namespace layersweep::sweep
