#include "sweep/step_reducer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <c10/core/impl/VirtualGuardImpl.h>

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

StepReducer::StepReducer(const Ranks& ranks, const probe::ProbeLayout& layout, at::Device device)
    : ranks_(ranks),
      layout_(layout),
      device_(device),
      sums_on_gpus_(ranks.sharing().gpu && ranks.sharing().reduction == comm::GradientReducer::Mode::plain),
      groups_are_apart_(ranks.groups() > 1 && layout.mode() == terms::Mode::hidden) {
  const probe::PointRange trained = groups_are_apart_ ? ranks.my_points() : probe::PointRange{};
  own_ = layout.slices(trained);
  sent_ = probe::StepSums::slices(layout, trained);
  const data::ShardRange mine = ranks.my_shards();
  if (groups_are_apart_) {
    const comm::Communicator group = ranks.communicator().split(ranks.my_group(), ranks.rank());
    reducer_.emplace(reducer_of(group, {ranks.shards(), mine.begin, mine.end}));
  } else {
    // Every group's shards are shards of one sum: no other exchange is needed.
    first_shard_ = ranks.my_group() * ranks.shards();
    reducer_.emplace(reducer_of(ranks.communicator(),
                                {ranks.shards() * ranks.groups(), first_shard_ + mine.begin, first_shard_ + mine.end}));
  }
}

comm::GradientReducer StepReducer::reducer_of(const comm::Communicator& ranks, comm::GradientReducer::Share share) const {
  std::int64_t count = 0;
  for (const probe::Slice& slice : sent_) count += slice.size;
  const auto values = static_cast<std::size_t>(count);
  if (!sums_on_gpus_) return {ranks, ranks_.sharing().reduction, share, values};
  const auto add = [device = device_](float* sum, const float* addend, std::size_t size) {
    on_device(sum, size, device).add_(on_device(const_cast<float*>(addend), size, device));
  };
  return {comm::DeviceTeam(ranks, *ranks_.sharing().gpu), stream_of(device_), add, share, values};
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
    } else if (ranks_.leads_group()) {  // one rank tells for its group
      shared.narrow(0, slice.offset - figures.offset, slice.size).copy_(piece);
    }
  }
  ranks_.communicator().all_reduce_sum(span_of(shared));
  sums.flat().narrow(0, figures.offset, figures.size).copy_(shared);
  return sums;
}

void StepReducer::complete(const std::vector<at::Tensor>& buffers) const {
  if (!groups_are_apart_) return;
  for (const at::Tensor& buffer : buffers) {
    const at::Tensor all = at::full(buffer.sizes(), nothing, at::kFloat);  // in the memory of the host
    if (ranks_.leads_group()) {
      for (const probe::Slice& slice : own_) {
        all.narrow(0, slice.offset, slice.size).copy_(buffer.narrow(0, slice.offset, slice.size));
      }
    }
    ranks_.communicator().all_reduce_sum(span_of(all));
    buffer.copy_(all);
  }
}

}  // namespace layersweep::sweep
