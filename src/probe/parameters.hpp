// Where the parameters of many probes lie in one flat buffer: all points and seeds of one mode. The optimiser, the
// all-reduce and checkpoints see one vector; the gates see stacked weights, so probes of equal width are batched.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "terms/terms.hpp"

namespace layersweep::probe {

/// Consecutive points first … end − 1; by default all there are.
struct PointRange {
  int first = 0;
  int end = std::numeric_limits<int>::max();
  std::int64_t size() const { return end - first; }
};

/// The probes whose gates mask the copies of these points: in input mode those below too.
constexpr PointRange probes_of(terms::Mode mode, PointRange points) {
  return mode == terms::Mode::input ? PointRange{0, points.end} : points;
}

/// A stretch of a flat buffer.
struct Slice {
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

enum class BlockKind : std::uint8_t { gate, replacement };

/// One stacked parameter: `points.size()` x seeds x shape… at `offset` of the flat buffer.
struct Block {
  std::string name;  ///< first.v, first.g, first.bias, second.v, second.g, second.bias, gate.bias, replacement
  BlockKind kind = BlockKind::gate;
  std::vector<int> points;          ///< in input mode the one replacement vector is listed under point 0
  std::vector<std::int64_t> shape;  ///< without the two leading dimensions
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

/// Probes of equal input width, computed as one batched product; indices of its blocks in ProbeLayout::blocks().
struct GateGroup {
  std::vector<int> points;
  std::int64_t in_width = 0;     ///< width(point) in hidden mode, width(0) + width(point) in input mode
  std::int64_t inner_width = 0;  ///< max(32, width(point)/4)
  std::size_t first_block = 0;   ///< seven blocks in the order of Block::name
};

class ProbeLayout {
 public:
  /// `widths` are the widths of the model's points.
  ProbeLayout(terms::Mode mode, std::vector<std::int64_t> widths, std::int64_t seeds);

  terms::Mode mode() const { return mode_; }
  std::int64_t points() const { return static_cast<std::int64_t>(widths_.size()); }
  std::int64_t seeds() const { return seeds_; }
  std::int64_t size() const { return size_; }
  const std::vector<std::int64_t>& widths() const { return widths_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  const std::vector<GateGroup>& groups() const { return groups_; }

  /// The range without points that the model does not have.
  PointRange clip(PointRange points) const;

  /// Views of a flat buffer (`size()` floats), one per block, each points x seeds x shape…, of the probes of these points
  /// only: rows of others are left out, and a block may end up without any.
  std::vector<at::Tensor> views(const at::Tensor& flat, PointRange probes = {}) const;
  /// Where these probes lie in a flat buffer.
  std::vector<Slice> slices(PointRange probes) const;

  /// A probe's parameters by name, as views of `flat`: the blocks that hold (point, seed).
  std::vector<std::pair<std::string, at::Tensor>> cell(const at::Tensor& flat, int point, std::int64_t seed) const;

  /// Copies one probe (hidden mode: with its replacement vector) from a flat buffer to another.
  void copy_cell(const at::Tensor& to, const at::Tensor& from, int point, std::int64_t seed) const;
  /// Copies all that belongs to one probe seed.
  void copy_seed(const at::Tensor& to, const at::Tensor& from, std::int64_t seed) const;

  /// Index in blocks() of the replacement vectors of `point` and the row within the views of `probes`.
  struct Place {
    std::size_t block = 0;
    std::int64_t row = 0;
  };
  Place replacement_of(int point, PointRange probes = {}) const;

 private:
  std::size_t add_block(std::string name, BlockKind kind, std::vector<int> points, std::vector<std::int64_t> shape);

  terms::Mode mode_;
  std::vector<std::int64_t> widths_;
  std::int64_t seeds_;
  std::int64_t size_ = 0;
  std::vector<Block> blocks_;
  std::vector<GateGroup> groups_;
};

/// The probes of a layout: its flat parameters, on any device. Refers to the layout.
struct Probes {
  const ProbeLayout& layout;
  at::Tensor parameters;
};

/// Per point of the model: what a ProbeLayout is made of.
std::vector<std::int64_t> widths_of(const model::Model& model);

/// Initial parameters (flat): linear maps as PyTorch's nn.Linear starts them, weight norm g = ‖v‖, gate bias 5, the
/// replacement vectors of each point given (width(point) each; input mode uses the first). The draws are keyed by probe
/// seed and point, so a seed starts equally however seeds are grouped.
at::Tensor initial_parameters(const ProbeLayout& layout, std::span<const std::uint64_t> seeds,
                              const std::vector<at::Tensor>& replacements);

}  // namespace layersweep::probe
