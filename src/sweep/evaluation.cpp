#include "sweep/evaluation.hpp"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace layersweep::sweep {
namespace {

constexpr std::int64_t evaluation_batch = 64;

}  // namespace

std::vector<std::vector<std::int64_t>> micro_batches(const data::Corpus& corpus, std::span<const std::int64_t> examples,
                                                     std::int64_t copies, std::int64_t token_budget) {
  std::vector<std::vector<std::int64_t>> pieces;
  std::int64_t longest = 0;
  for (const std::int64_t example : examples) {
    longest = std::max(longest, corpus.length(example));
    const auto grown = pieces.empty() ? 1 : static_cast<std::int64_t>(pieces.back().size()) + 1;
    if (pieces.empty() || copies * grown * longest > token_budget) {
      pieces.emplace_back();
      longest = corpus.length(example);
    }
    pieces.back().push_back(example);
  }
  return pieces;
}

std::vector<std::vector<Score>> evaluate_cells(const Team& team, const encoder::Encoder& encoder, const data::Corpus& corpus,
                                               std::int64_t examples, const probe::ProbeLayout& layout,
                                               const at::Tensor& parameters, const at::Tensor& active,
                                               std::int64_t token_budget) {
  const std::int64_t count = examples == 0 ? corpus.size() : std::min(examples, corpus.size());
  std::vector<std::int64_t> lengths;
  for (std::int64_t e = 0; e < count; ++e) lengths.push_back(corpus.length(e));

  // Every rank fills in its examples and leaves the others 0: the sum over ranks is then exact.
  const at::Tensor values = at::zeros({3, layout.points(), layout.seeds(), count}, at::kFloat);
  const std::int64_t copies = std::max<std::int64_t>(1, active.sum().item<std::int64_t>());
  const data::ShardRange mine = team.my_shards();
  for (const data::GlobalBatch& batch : data::ordered_batches(lengths, {evaluation_batch, team.shards, 0})) {
    for (int shard = mine.begin; shard < mine.end; ++shard) {
      for (const auto& piece : micro_batches(corpus, batch.shards[static_cast<std::size_t>(shard)], copies, token_budget)) {
        const encoder::Batch tensors = encoder::collate(corpus, piece);
        const probe::HardMasks masks =
            probe::evaluate_hard_masks(encoder, tensors, encoder.clean(tensors), layout, parameters, active);
        const at::Tensor where = at::tensor(piece, at::kLong);
        values[0].index_copy_(-1, where, masks.kl);
        values[1].index_copy_(-1, where, masks.flipped);
        values[2].index_copy_(-1, where, masks.keep_share);
      }
    }
  }
  team.ranks.all_reduce_sum(std::span<float>(values.data_ptr<float>(), static_cast<std::size_t>(values.numel())));

  const auto row = [&](std::int64_t which, std::int64_t point, std::int64_t seed) {
    return std::span<const float>(values[which][point][seed].const_data_ptr<float>(), static_cast<std::size_t>(count));
  };
  std::vector<std::vector<Score>> scores(static_cast<std::size_t>(layout.points()));
  for (std::int64_t p = 0; p < layout.points(); ++p) {
    for (std::int64_t s = 0; s < layout.seeds(); ++s) {
      scores[static_cast<std::size_t>(p)].push_back(summarise(row(0, p, s), row(1, p, s), row(2, p, s)));
    }
  }
  return scores;
}

}  // namespace layersweep::sweep
