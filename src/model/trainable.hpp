// A model whose weights are being trained. The weights are one flat vector, and for a BERT also the table of word
// embeddings: a step touches few of its rows, so its gradient travels as those rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "model/model.hpp"
#include "model/output_kind.hpp"

namespace layersweep::model {

/// Where a step's randomness comes from: the same values give the same dropout, on any rank.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  int shard = 0;
};

class Trainable {
 public:
  virtual ~Trainable() = default;

  /// All weights but the table, consecutive in one tensor; the model computes with what is written here.
  virtual at::Tensor dense() const = 0;
  /// V x H embeddings looked up by token id; undefined where the model has none apart.
  virtual at::Tensor table() const = 0;

  /// The sum over the examples of the batch of the loss (summed_loss of model/output.hpp), times `scale`, with dropout.
  /// Its gradient is written to `dense_gradient` (as dense()) and `row_gradient` (U x H) for the table's rows `rows`: U
  /// token ids in rising order, all of the batch's among them. Several threads may call it at once.
  virtual double gradient(const Batch& batch, const DropoutKey& dropout, double scale, const at::Tensor& rows,
                          at::Tensor dense_gradient, at::Tensor row_gradient) const = 0;

  /// The model as it is now, without dropout; it shares the weights, and is not to be used while they change.
  virtual const Model& frozen() const = 0;

  /// Writes a folder that open_model opens (and, for a BERT, transformers).
  virtual void save(const std::filesystem::path& folder) const = 0;
};

/// The encoder in `folder` (a BERT, or a recurrent classifier) with this head: its own where it has one of that kind and
/// size, else a fresh one from the seed. Throws InputError as open_model does.
std::unique_ptr<Trainable> open_trainable(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// Of a BERT.
std::unique_ptr<Trainable> make_trainable_bert(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// A recurrent classifier on the frozen word embeddings of the model in `folder`, a BERT or such a classifier; of the latter
/// GRU and head go on from where they are. Throws InputError as open_model does, also for a head other than classes.
std::unique_ptr<Trainable> make_trainable_gru(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// A fresh counting model.
std::unique_ptr<Trainable> make_trainable_counting(std::uint64_t seed);

}  // namespace layersweep::model
