#include "sweep/step_reducer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <numeric>

#include "comm/device_team.hpp"

namespace layersweep::sweep {
namespace {

// x + (−0) is x for every x, also for ±0: what ranks add that have nothing to say.
constexpr float nothing = -0.0F;

std::span<float> span_of(const at::Tensor& values) {
  return {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())};
}

at::Tensor on_device(float* values, std::size_t count, at::Device device) {
  return at::from_blob(values, {static_cast<std::int64_t>(count)}, at::TensorOptions(device).dtype(at::kFloat));
}

// The one on which LibTorch computes, for the GPU's own order to be that of the sums.
comm::DeviceStream stream_of(at::Device device) {
  if (!device.is_cuda()) return nullptr;
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

}  // namespace

StepReducer::StepReducer(const Team& team, const probe::ProbeLayout& layout, at::Device device)
    : team_(team),
      layout_(layout),
      device_(device),
      sums_on_gpus_(team.gpu && team.reduction == comm::GradientReducer::Mode::plain),
      groups_are_apart_(team.groups() > 1 && layout.mode() == terms::Mode::hidden) {
  const probe::PointRange trained = groups_are_apart_ ? team.my_points() : probe::PointRange{};
  own_ = layout.slices(trained);
  sent_ = probe::StepSums::slices(layout, trained);
  const std::int64_t count = std::accumulate(sent_.begin(), sent_.end(), std::int64_t{0},
                                             [](std::int64_t sum, const probe::Slice& one) { return sum + one.size; });
  const data::ShardRange mine = team.my_shards();
  if (groups_are_apart_) {
    const comm::Communicator group = team.ranks.split(team.my_group(), team.ranks.rank());
    all_.emplace(team.timed);
    reducer_.emplace(reducer_of({group, team.timed.limit_s(), [all = team.timed] { all.attend(); }}, team.shards, mine.begin,
                                mine.end, count));
  } else {
    // Every group's shards are shards of one sum: no other exchange is needed.
    first_shard_ = team.my_group() * team.shards;
    reducer_.emplace(
        reducer_of(team.timed, team.shards * team.groups(), first_shard_ + mine.begin, first_shard_ + mine.end, count));
  }
}

comm::GradientReducer StepReducer::reducer_of(const comm::TimedTeam& ranks, int shards, int begin, int end,
                                              std::int64_t count) const {
  const auto values = static_cast<std::size_t>(count);
  if (!sums_on_gpus_) return {ranks, team_.reduction, shards, begin, end, values};
  const auto add = [device = device_](float* sum, const float* addend, std::size_t size) {
    on_device(sum, size, device).add_(on_device(const_cast<float*>(addend), size, device));
  };
  return {comm::DeviceTeam(ranks, *team_.gpu), stream_of(device_), add, shards, begin, end, values};
}

// What is summed of a flat buffer, in a row.
at::Tensor StepReducer::packed(const at::Tensor& flat) const {
  if (!groups_are_apart_) return flat;
  std::vector<at::Tensor> pieces;
  for (const probe::Slice& slice : sent_) pieces.push_back(flat.narrow(0, slice.offset, slice.size));
  return at::cat(pieces);
}

void StepReducer::add(int shard, const probe::StepSums& part) {
  const at::Tensor row = packed(part.flat());
  reducer_->add(first_shard_ + shard, span_of(sums_on_gpus_ ? row : row.cpu()));
}

probe::StepSums StepReducer::sum() {
  const std::span<const float> reduced = reducer_->sum();
  const at::Tensor row = on_device(const_cast<float*>(reduced.data()), reduced.size(), sums_on_gpus_ ? device_ : at::kCPU);
  probe::StepSums sums(layout_, device_);
  if (!groups_are_apart_) {
    sums.flat().copy_(row);
    return sums;
  }
  const probe::Slice figures = probe::StepSums::figures_slice(layout_);
  const at::Tensor shared = at::full({figures.size}, nothing, at::kFloat);
  std::int64_t next = 0;
  for (const probe::Slice& slice : sent_) {
    const at::Tensor piece = row.narrow(0, next, slice.size);
    next += slice.size;
    if (slice.offset < figures.offset) {
      sums.flat().narrow(0, slice.offset, slice.size).copy_(piece);
    } else if (team_.leads_group()) {  // one rank tells for its group
      shared.narrow(0, slice.offset - figures.offset, slice.size).copy_(piece);
    }
  }
  all_->all_reduce_sum(span_of(shared));
  sums.flat().narrow(0, figures.offset, figures.size).copy_(shared);
  return sums;
}

void StepReducer::complete(const std::vector<at::Tensor>& buffers) const {
  if (!groups_are_apart_) return;
  for (const at::Tensor& buffer : buffers) {
    const at::Tensor all = at::full(buffer.sizes(), nothing, at::kFloat);  // in the memory of the host
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
