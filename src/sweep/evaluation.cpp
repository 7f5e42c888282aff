#include "sweep/evaluation.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "comm/timed_team.hpp"
#include "probe/gates.hpp"
#include "probe/noise.hpp"
#include "sweep/device_memory.hpp"

namespace layersweep::sweep {
namespace {

constexpr std::int64_t evaluation_batch = 64;

// Calls `take(piece)` for this rank's share of the first `count` examples, cut to the token budget.
template <class Take>
void for_my_pieces(const Team& team, const data::Corpus& corpus, std::int64_t count, std::int64_t copies,
                   std::int64_t token_budget, const Take& take) {
  const std::vector<std::int64_t> lengths = corpus.lengths(0, count);
  const data::ShardRange mine = team.my_shards();
  for (const data::GlobalBatch& batch : data::ordered_batches(lengths, {evaluation_batch, team.shards, 0})) {
    for (int shard = mine.begin; shard < mine.end; ++shard) {
      for (const auto& piece : micro_batches(corpus, batch.shards[static_cast<std::size_t>(shard)], copies, token_budget)) {
        within_device_memory([&] { take(piece); });
      }
    }
    team.between_pieces();
  }
}

// Every rank filled in its examples and left the others 0: the sum over ranks is then exact.
void sum_over_ranks(const comm::TimedTeam& ranks, const at::Tensor& values) {
  ranks.all_reduce_sum(std::span<float>(values.data_ptr<float>(), static_cast<std::size_t>(values.numel())));
}

// Scores of whatever masks `evaluate(piece, batch, clean, points)` finds in the first `count` examples.
template <class Evaluate>
CellTable<Score> scores_of(const Team& team, const model::Model& model, const data::Corpus& corpus, std::int64_t count,
                           const probe::ProbeLayout& layout, const at::Tensor& active, std::int64_t token_budget,
                           const Evaluate& evaluate) {
  const at::Tensor values = at::zeros({3, layout.points(), layout.seeds(), count}, at::kFloat);
  const probe::PointRange points = layout.clip(team.my_points());
  const at::Tensor mine = values.narrow(1, points.first, points.size());
  const std::int64_t copies =
      std::max<std::int64_t>(1, active.narrow(0, points.first, points.size()).sum().item<std::int64_t>());
  for_my_pieces(team, corpus, count, copies, token_budget, [&](const std::vector<std::int64_t>& piece) {
    const model::Batch batch = model::collate(corpus, piece).to(model.device());
    const probe::HardMasks masks = evaluate(piece, batch, model.clean(batch), points);
    const at::Tensor where = at::tensor(piece, at::kLong);
    mine[0].index_copy_(-1, where, masks.kl);
    mine[1].index_copy_(-1, where, masks.flipped);
    mine[2].index_copy_(-1, where, masks.keep_share);
  });
  sum_over_ranks(team.timed, values);

  const auto row = [&](std::int64_t which, std::int64_t point, std::int64_t seed) {
    return std::span<const float>(values[which][point][seed].const_data_ptr<float>(), static_cast<std::size_t>(count));
  };
  CellTable<Score> scores(static_cast<std::size_t>(layout.points()));
  for (std::int64_t p = 0; p < layout.points(); ++p) {
    for (std::int64_t s = 0; s < layout.seeds(); ++s) {
      scores[static_cast<std::size_t>(p)].push_back(summarise(row(0, p, s), row(1, p, s), row(2, p, s)));
    }
  }
  return scores;
}

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

CellTable<Score> evaluate_cells(const Team& team, const model::Model& model, const data::Corpus& corpus,
                                std::int64_t examples, const probe::ProbeLayout& layout, const at::Tensor& parameters,
                                const at::Tensor& active, std::int64_t token_budget) {
  const std::int64_t count = examples == 0 ? corpus.size() : std::min(examples, corpus.size());
  const at::Tensor here = parameters.to(model.device());
  return scores_of(
      team, model, corpus, count, layout, active, token_budget,
      [&](const std::vector<std::int64_t>&, const model::Batch& batch, const model::Clean& clean, probe::PointRange points) {
        return probe::evaluate_hard_masks(model, batch, clean, layout, here, active, points);
      });
}

CellTable<Score> evaluate_random_masks(const Team& team, const model::Model& model, const data::Corpus& corpus,
                                       const probe::ProbeLayout& layout, const at::Tensor& parameters,
                                       const at::Tensor& active, const CellTable<double>& shares,
                                       std::int64_t token_budget) {
  constexpr std::uint64_t draw = 0;
  constexpr std::int64_t no_step = 0;  // training counts from 1
  const at::Tensor share = at::empty({layout.points(), layout.seeds(), 1, 1}, at::kFloat);
  for (std::int64_t p = 0; p < layout.points(); ++p) {
    for (std::int64_t s = 0; s < layout.seeds(); ++s) share[p][s].fill_(at_cell(shares, p, s));
  }
  const at::Tensor here = parameters.to(model.device());
  return scores_of(
      team, model, corpus, corpus.size(), layout, active, token_budget,
      [&](const std::vector<std::int64_t>& piece, const model::Batch& batch, const model::Clean& clean,
          probe::PointRange points) {
        const at::Tensor uniform =
            at::sigmoid(probe::gate_noise(terms::Mode::hidden, {&draw, 1}, {0, 1}, no_step, piece, batch.width()));
        return probe::evaluate_gates(model, batch, clean, layout, here, active,
                                     uniform.lt(share.narrow(0, points.first, points.size())).to(at::kFloat), points);
      });
}

at::Tensor gate_logits_of(const Team& team, const model::Model& model, const data::Corpus& corpus,
                          const probe::ProbeLayout& layout, const at::Tensor& parameters, std::int64_t token_budget) {
  const std::span<const std::int64_t> first = corpus.token_start();
  const probe::PointRange points = layout.clip(team.my_points());
  const std::vector<at::Tensor> blocks = layout.views(parameters.to(model.device()), points);
  const at::Tensor values = at::zeros({layout.points(), layout.seeds(), first.back()}, at::kFloat);
  const at::Tensor mine = values.narrow(0, points.first, points.size());
  const at::NoGradGuard no_grad;
  for_my_pieces(team, corpus, corpus.size(), 1, token_budget, [&](const std::vector<std::int64_t>& piece) {
    const model::Batch tensors = model::collate(corpus, piece).to(model.device());
    const std::vector<at::Tensor> by_point = probe::gate_logits(layout, blocks, model.clean(tensors).states, points);
    const at::Tensor phi = at::stack(at::TensorList(by_point).slice(points.first, points.size())).cpu();
    for (std::size_t b = 0; b < piece.size(); ++b) {
      const std::int64_t length = corpus.length(piece[b]);
      mine.narrow(-1, first[static_cast<std::size_t>(piece[b])], length)
          .copy_(phi.select(2, static_cast<std::int64_t>(b)).narrow(-1, 0, length));
    }
  });
  sum_over_ranks(team.timed, values);
  return values;
}

}  // namespace layersweep::sweep
