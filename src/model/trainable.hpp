// A model whose weights are being trained. The weights are one flat vector, and for most models also the table of word
// embeddings: a step touches few of its rows, so its gradient travels as those rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

#include "model/model.hpp"

namespace layersweep::model {

/// Where a step's randomness comes from: the same values give the same dropout, on any rank.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  int shard = 0;
};

/// Where a gradient is written.
struct GradientParts {
  at::Tensor dense;  ///< as Trainable::dense()
  at::Tensor rows;   ///< U x H, of the table's rows asked for; undefined where there is no table
};

class Trainable {
 public:
  virtual ~Trainable() = default;

  /// All weights but the table, consecutive in one tensor; the model computes with what is written here.
  virtual at::Tensor dense() const = 0;
  /// V x H embeddings looked up by token id; undefined where the model has none apart.
  virtual at::Tensor table() const = 0;

  /// The sum over the examples of the batch of the loss (Output::summed_loss), times `scale`, with dropout. Its gradient is
  /// written to `into`, of the table for its rows `rows`: U token ids in rising order, all of the batch's among them.
  /// Several threads may call it at once.
  virtual double gradient(const Batch& batch, const DropoutKey& dropout, double scale, const at::Tensor& rows,
                          const GradientParts& into) const = 0;

  /// The model as it is now, without dropout; it shares the weights, and is not to be used while they change.
  virtual const Model& frozen() const = 0;

  /// Writes a folder that open_model opens (and, where it is a family of theirs, transformers).
  virtual void save(const std::filesystem::path& folder) const = 0;
};

}  // namespace layersweep::model
