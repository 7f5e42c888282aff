#include "probe/parameters.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/random.hpp"

namespace layersweep::probe {
namespace {

constexpr double initial_gate_bias = 5.0;  // De Cao et al.: training starts with "keep all"

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t extent : shape) n *= extent;
  return n;
}

// The rows of a block that belong to these points; a block lists its points in rising order.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

RowRange rows_of(const Block& block, PointRange probes) {
  const auto first = std::lower_bound(block.points.begin(), block.points.end(), probes.first);
  const auto end = std::lower_bound(first, block.points.end(), probes.end);
  return {first - block.points.begin(), end - first};
}

// U(−bound, bound).
void fill_uniform(at::Tensor target, double bound, base::PhiloxKey key) {
  base::RandomStream stream(key);
  at::Tensor values = at::empty(target.sizes(), at::kFloat);
  float* out = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    out[i] = static_cast<float>((2.0 * base::open_uniform(stream.next()) - 1.0) * bound);
  }
  target.copy_(values);
}

}  // namespace

ProbeLayout::ProbeLayout(terms::Mode mode, std::vector<std::int64_t> widths, std::int64_t seeds)
    : mode_(mode), widths_(std::move(widths)), seeds_(seeds) {
  base::ensure(!widths_.empty() && seeds_ > 0, "a probe layout needs points and seeds");
  std::map<std::int64_t, std::vector<int>> by_width;
  for (int p = 0; p < static_cast<int>(widths_.size()); ++p) by_width[widths_[static_cast<std::size_t>(p)]].push_back(p);

  for (const auto& [width, members] : by_width) {
    GateGroup group;
    group.points = members;
    group.in_width = mode_ == terms::Mode::input ? widths_[0] + width : width;
    group.inner_width = std::max<std::int64_t>(32, width / 4);
    group.first_block = add_block("first.v", BlockKind::gate, members, {group.inner_width, group.in_width});
    add_block("first.g", BlockKind::gate, members, {group.inner_width});
    add_block("first.bias", BlockKind::gate, members, {group.inner_width});
    add_block("second.v", BlockKind::gate, members, {group.inner_width});
    add_block("second.g", BlockKind::gate, members, {1});
    add_block("second.bias", BlockKind::gate, members, {1});
    add_block("gate.bias", BlockKind::gate, members, {1});
    groups_.push_back(std::move(group));
  }
  if (mode_ == terms::Mode::input) {
    add_block("replacement", BlockKind::replacement, {0}, {widths_[0]});
  } else {
    for (const auto& [width, members] : by_width) add_block("replacement", BlockKind::replacement, members, {width});
  }
}

std::size_t ProbeLayout::add_block(std::string name, BlockKind kind, std::vector<int> points,
                                   std::vector<std::int64_t> shape) {
  Block block{std::move(name), kind, std::move(points), std::move(shape), size_, 0};
  block.size = static_cast<std::int64_t>(block.points.size()) * seeds_ * product(block.shape);
  size_ += block.size;
  blocks_.push_back(std::move(block));
  return blocks_.size() - 1;
}

PointRange ProbeLayout::clip(PointRange points) const {
  return {points.first, std::min(points.end, static_cast<int>(this->points()))};
}

std::vector<Slice> ProbeLayout::slices(PointRange probes) const {
  std::vector<Slice> result;
  for (const Block& block : blocks_) {
    const RowRange rows = rows_of(block, probes);
    const std::int64_t row_size = block.size / static_cast<std::int64_t>(block.points.size());
    if (rows.count > 0) result.push_back({block.offset + rows.first * row_size, rows.count * row_size});
  }
  return result;
}

std::vector<at::Tensor> ProbeLayout::views(const at::Tensor& flat, PointRange probes) const {
  base::ensure(flat.dim() == 1 && flat.size(0) == size_, "a flat probe buffer has the layout's size");
  std::vector<at::Tensor> result;
  for (const Block& block : blocks_) {
    const RowRange rows = rows_of(block, probes);
    const std::int64_t row_size = block.size / static_cast<std::int64_t>(block.points.size());
    std::vector<std::int64_t> shape{rows.count, seeds_};
    shape.insert(shape.end(), block.shape.begin(), block.shape.end());
    result.push_back(flat.narrow(0, block.offset + rows.first * row_size, rows.count * row_size).view(shape));
  }
  return result;
}

std::vector<std::pair<std::string, at::Tensor>> ProbeLayout::cell(const at::Tensor& flat, int point,
                                                                  std::int64_t seed) const {
  const std::vector<at::Tensor> all = views(flat);
  std::vector<std::pair<std::string, at::Tensor>> result;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const auto& members = blocks_[b].points;
    const auto found = std::find(members.begin(), members.end(), point);
    if (found != members.end())
      result.emplace_back(blocks_[b].name, all[b].select(0, found - members.begin()).select(0, seed));
  }
  return result;
}

void ProbeLayout::copy_cell(const at::Tensor& to, const at::Tensor& from, int point, std::int64_t seed) const {
  const auto targets = cell(to, point, seed);
  const auto sources = cell(from, point, seed);
  for (std::size_t i = 0; i < targets.size(); ++i) at::Tensor(targets[i].second).copy_(sources[i].second);
}

void ProbeLayout::copy_seed(const at::Tensor& to, const at::Tensor& from, std::int64_t seed) const {
  const auto targets = views(to);
  const auto sources = views(from);
  for (std::size_t b = 0; b < targets.size(); ++b) targets[b].select(1, seed).copy_(sources[b].select(1, seed));
}

ProbeLayout::Place ProbeLayout::replacement_of(int point, PointRange probes) const {
  const int holder = mode_ == terms::Mode::input ? 0 : point;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    if (blocks_[b].kind != BlockKind::replacement) continue;
    const auto found = std::find(blocks_[b].points.begin(), blocks_[b].points.end(), holder);
    if (found != blocks_[b].points.end()) return {b, found - blocks_[b].points.begin() - rows_of(blocks_[b], probes).first};
  }
  throw base::InternalError("a point has no replacement vector");
}

std::vector<std::int64_t> widths_of(const model::Model& model) {
  std::vector<std::int64_t> widths;
  for (const model::Point& point : model.points()) widths.push_back(point.width);
  return widths;
}

at::Tensor initial_parameters(const ProbeLayout& layout, std::span<const std::uint64_t> seeds,
                              const std::vector<at::Tensor>& replacements) {
  base::ensure(static_cast<std::int64_t>(seeds.size()) == layout.seeds(), "one probe seed per row of the layout");
  at::Tensor flat = at::zeros({layout.size()}, at::kFloat);
  const std::vector<at::Tensor> blocks = layout.views(flat);
  for (const GateGroup& group : layout.groups()) {
    const at::Tensor* const b = &blocks[group.first_block];
    const double first_bound = 1.0 / std::sqrt(static_cast<double>(group.in_width));
    const double second_bound = 1.0 / std::sqrt(static_cast<double>(group.inner_width));
    for (std::size_t row = 0; row < group.points.size(); ++row) {
      const int point = group.points[row];
      for (std::size_t s = 0; s < seeds.size(); ++s) {
        // One stream per (seed, point, block), so that nothing depends on the grouping.
        const auto fill = [&](std::size_t block, double bound) {
          fill_uniform(
              b[block].select(0, static_cast<std::int64_t>(row)).select(0, static_cast<std::int64_t>(s)), bound,
              base::philox_key(seeds[s], base::Purpose::initial_weights,
                               {static_cast<std::uint64_t>(layout.mode()), static_cast<std::uint64_t>(point), block}));
        };
        for (const std::size_t block : {0, 2}) fill(block, first_bound);
        for (const std::size_t block : {3, 5}) fill(block, second_bound);
      }
    }
    at::Tensor(b[1]).copy_(at::linalg_vector_norm(b[0], 2, at::IntArrayRef{-1}));
    at::Tensor(b[4]).copy_(at::linalg_vector_norm(b[3], 2, at::IntArrayRef{-1}, /*keepdim=*/true));
    at::Tensor(b[6]).fill_(initial_gate_bias);
  }
  const int holders = layout.mode() == terms::Mode::input ? 1 : static_cast<int>(layout.points());
  for (int p = 0; p < holders; ++p) {
    const auto place = layout.replacement_of(p);
    blocks[place.block].select(0, place.row).copy_(replacements[static_cast<std::size_t>(p)].unsqueeze(0));
  }
  return flat;
}

}  // namespace layersweep::probe
