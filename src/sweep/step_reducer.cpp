#include "sweep/step_reducer.hpp"

#include <ATen/ops/full.h>

#include <algorithm>
#include <numeric>

namespace layersweep::sweep {
namespace {

// x + (−0) is x for every x, also for ±0: what ranks add that have nothing to say.
constexpr float nothing = -0.0F;

std::span<float> span_of(const at::Tensor& values) {
  return {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())};
}

}  // namespace

StepReducer::StepReducer(const Team& team, const probe::ProbeLayout& layout)
    : team_(team), layout_(layout), groups_are_apart_(team.groups() > 1 && layout.mode() == probe::Mode::hidden) {
  const probe::PointRange trained = groups_are_apart_ ? team.my_points() : probe::PointRange{};
  own_ = layout.slices(trained);
  sent_ = probe::StepSums::slices(layout, trained);
  const std::int64_t count = std::accumulate(sent_.begin(), sent_.end(), std::int64_t{0},
                                             [](std::int64_t sum, const probe::Slice& one) { return sum + one.size; });
  const data::ShardRange mine = team.my_shards();
  if (groups_are_apart_) {
    const comm::Communicator group = team.ranks.split(team.my_group(), team.ranks.rank());
    all_.emplace(team.timed());
    reducer_.emplace(comm::TimedTeam(group, team.limit_s, team.attend), team.reduction, team.shards, mine.begin, mine.end,
                     static_cast<std::size_t>(count));
  } else {
    // Every group's shards are shards of one sum: no other exchange is needed.
    first_shard_ = team.my_group() * team.shards;
    reducer_.emplace(team.timed(), team.reduction, team.shards * team.groups(), first_shard_ + mine.begin,
                     first_shard_ + mine.end, static_cast<std::size_t>(count));
  }
}

void StepReducer::add(int shard, const probe::StepSums& part) {
  const std::span<const float> flat = span_of(part.flat());
  if (!groups_are_apart_) {
    reducer_->add(first_shard_ + shard, flat);
    return;
  }
  packed_.clear();
  for (const probe::Slice& slice : sent_) {
    const auto piece = flat.subspan(static_cast<std::size_t>(slice.offset), static_cast<std::size_t>(slice.size));
    packed_.insert(packed_.end(), piece.begin(), piece.end());
  }
  reducer_->add(shard, packed_);
}

probe::StepSums StepReducer::sum() {
  const std::span<const float> reduced = reducer_->sum();
  probe::StepSums sums(layout_);
  if (!groups_are_apart_) {
    std::ranges::copy(reduced, sums.flat().data_ptr<float>());
    return sums;
  }
  const probe::Slice figures = probe::StepSums::figures(layout_);
  const at::Tensor shared = sums.flat().narrow(0, figures.offset, figures.size).fill_(nothing);
  std::size_t next = 0;
  for (const probe::Slice& slice : sent_) {
    const auto piece = reduced.subspan(next, static_cast<std::size_t>(slice.size));
    next += piece.size();
    if (slice.offset >= figures.offset && !team_.leads_group()) continue;  // one rank tells for its group
    std::ranges::copy(piece, sums.flat().data_ptr<float>() + slice.offset);
  }
  all_->all_reduce_sum(span_of(shared));
  return sums;
}

void StepReducer::complete(const std::vector<at::Tensor>& buffers) const {
  if (!groups_are_apart_) return;
  for (const at::Tensor& buffer : buffers) {
    const at::Tensor all = at::full(buffer.sizes(), nothing, at::kFloat);
    if (team_.leads_group()) {
      for (const probe::Slice& slice : own_) {
        all.narrow(0, slice.offset, slice.size).copy_(buffer.narrow(0, slice.offset, slice.size));
      }
    }
    all_->all_reduce_sum(span_of(all));
    buffer.copy_(all);
  }
}

}  // namespace layersweep::sweep
