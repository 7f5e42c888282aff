// What a rank holds between two collective writes: evaluated texts whose rows are not in the file yet.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "jobs/steps/extract/chunks.hpp"
#include "jobs/steps/mode_probes.hpp"
#include "model/model.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

class PendingRows {
 public:
  /// Of consecutive chunks, or of none. All that is passed must outlive the rows.
  PendingRows(std::span<const Chunk> chunks, const std::vector<ModeProbes>& modes, const model::Model& model);

  /// Evaluates one of the chunks, each shard for itself and cut to the token budget. Independent.
  void evaluate(const Chunk& chunk, int shards, std::int64_t token_budget);

  /// What the model puts out, and the masks of all modes. Collective.
  void write(store::ResultsWriter& writer) const;

  /// What the output says of its own evidence (model::OutputColumns), put at the examples' places in the whole file's.
  void put_evidence(std::vector<double>& evidence) const;

  /// S x P x tokens of the chunks.
  const at::Tensor& keep_probability(std::size_t mode) const { return masks_[mode].keep; }

 private:
  struct Masks {
    at::Tensor keep;                // S x P x tokens
    at::Tensor kl, share, flipped;  // S x P x examples
  };

  void write_outputs(store::ResultsWriter& writer) const;
  void evaluate_piece(const Chunk& chunk, const std::vector<std::int64_t>& piece);

  SlabStart start_;
  const std::vector<ModeProbes>& modes_;
  const model::Model& model_;
  std::int64_t examples_ = 0, tokens_ = 0;
  std::unique_ptr<model::OutputColumns> outputs_;
  std::vector<Masks> masks_;  // per mode
};

}  // namespace layersweep::jobs
