#include "sweep/evaluator.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "base/error.hpp"
#include "probe/gates.hpp"
#include "probe/noise.hpp"
#include "sweep/device_memory.hpp"

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

// Calls `take` for this rank's share of the first texts, cut to the token budget.
void Evaluator::for_my_pieces(std::int64_t examples, std::int64_t copies, const TakePiece& take) const {
  const std::vector<std::int64_t> lengths = corpus_.lengths(0, examples);
  const data::ShardRange mine = ranks_.my_shards();
  for (const data::GlobalBatch& batch : data::ordered_batches(lengths, {evaluation_batch, ranks_.shards(), 0})) {
    for (int shard = mine.begin; shard < mine.end; ++shard) {
      for (const Piece& piece :
           micro_batches(corpus_, batch.shards[static_cast<std::size_t>(shard)], copies, token_budget_)) {
        within_device_memory([&] {
          const model::Batch tensors = model::collate(corpus_, piece).to(model_.device());
          take(piece, {model_, tensors, model_.clean(tensors)});
        });
      }
    }
    ranks_.between_pieces();
  }
}

// Every rank filled in its examples and left the others 0: the sum over ranks is then exact.
void Evaluator::sum_over_ranks(const at::Tensor& values) const {
  ranks_.communicator().all_reduce_sum(std::span<float>(values.data_ptr<float>(), static_cast<std::size_t>(values.numel())));
}

// Of whatever masks `evaluate` finds in the first texts.
CellTable<Score> Evaluator::scores_of(std::int64_t examples, const at::Tensor& active, const EvaluatePiece& evaluate) const {
  base::ensure(active.sizes() == at::IntArrayRef({layout_.points(), layout_.seeds()}), "`active` tells of every cell");
  const at::Tensor values = at::zeros({3, layout_.points(), layout_.seeds(), examples}, at::kFloat);
  const probe::PointRange points = layout_.clip(ranks_.my_points());
  const at::Tensor mine = values.narrow(1, points.first, points.size());
  const std::int64_t copies =
      std::max<std::int64_t>(1, active.narrow(0, points.first, points.size()).sum().item<std::int64_t>());
  for_my_pieces(examples, copies, [&](const Piece& piece, const probe::CleanPass& pass) {
    const probe::HardMasks masks = evaluate(piece, pass, points);
    const at::Tensor where = at::tensor(piece, at::kLong);
    mine[0].index_copy_(-1, where, masks.kl);
    mine[1].index_copy_(-1, where, masks.flipped);
    mine[2].index_copy_(-1, where, masks.keep_share);
  });
  sum_over_ranks(values);

  const auto row = [&](std::int64_t which, std::int64_t point, std::int64_t seed) {
    return std::span<const float>(values[which][point][seed].const_data_ptr<float>(), static_cast<std::size_t>(examples));
  };
  CellTable<Score> scores(static_cast<std::size_t>(layout_.points()));
  for (std::int64_t p = 0; p < layout_.points(); ++p) {
    for (std::int64_t s = 0; s < layout_.seeds(); ++s) {
      scores[static_cast<std::size_t>(p)].push_back(summarise(row(0, p, s), row(1, p, s), row(2, p, s)));
    }
  }
  return scores;
}

CellTable<Score> Evaluator::cells(const at::Tensor& parameters, const at::Tensor& active, std::int64_t examples) const {
  const std::int64_t count = examples == 0 ? corpus_.size() : std::min(examples, corpus_.size());
  const probe::Probes probes{layout_, parameters.to(model_.device())};
  return scores_of(count, active, [&](const Piece&, const probe::CleanPass& pass, probe::PointRange points) {
    return probe::evaluate_hard_masks(pass, probes, active, points);
  });
}

CellTable<Score> Evaluator::random_masks(const at::Tensor& parameters, const at::Tensor& active,
                                         const CellTable<double>& shares) const {
  constexpr std::uint64_t draw = 0;
  constexpr std::int64_t no_step = 0;  // training counts from 1
  const at::Tensor share = at::empty({layout_.points(), layout_.seeds(), 1, 1}, at::kFloat);
  for (std::int64_t p = 0; p < layout_.points(); ++p) {
    for (std::int64_t s = 0; s < layout_.seeds(); ++s) share[p][s].fill_(at_cell(shares, p, s));
  }
  const probe::Probes probes{layout_, parameters.to(model_.device())};
  return scores_of(corpus_.size(), active, [&](const Piece& piece, const probe::CleanPass& pass, probe::PointRange points) {
    const at::Tensor uniform =
        at::sigmoid(probe::gate_noise({terms::Mode::hidden, {&draw, 1}, {0, 1}}, no_step, piece, pass.batch.width()));
    const at::Tensor gates = uniform.lt(share.narrow(0, points.first, points.size())).to(at::kFloat);
    return probe::evaluate_gates(pass, probes, active, gates, points);
  });
}

at::Tensor Evaluator::gate_logits(const at::Tensor& parameters) const {
  const std::span<const std::int64_t> first = corpus_.token_start();
  const probe::PointRange points = layout_.clip(ranks_.my_points());
  const std::vector<at::Tensor> blocks = layout_.views(parameters.to(model_.device()), points);
  const at::Tensor values = at::zeros({layout_.points(), layout_.seeds(), first.back()}, at::kFloat);
  const at::Tensor mine = values.narrow(0, points.first, points.size());
  const at::NoGradGuard no_grad;
  for_my_pieces(corpus_.size(), 1, [&](const Piece& piece, const probe::CleanPass& pass) {
    const std::vector<at::Tensor> by_point = probe::gate_logits(layout_, blocks, pass.clean.states, points);
    const at::Tensor phi = at::stack(at::TensorList(by_point).slice(points.first, points.size())).cpu();
    for (std::size_t b = 0; b < piece.size(); ++b) {
      const std::int64_t length = corpus_.length(piece[b]);
      mine.narrow(-1, first[static_cast<std::size_t>(piece[b])], length)
          .copy_(phi.select(2, static_cast<std::int64_t>(b)).narrow(-1, 0, length));
    }
  });
  sum_over_ranks(values);
  return values;
}

}  // namespace layersweep::sweep
