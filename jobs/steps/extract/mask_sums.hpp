// What the masks of one mode add up to over all texts of a file.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "jobs/steps/extract/chunks.hpp"
#include "probe/parameters.hpp"
#include "stats/agreement.hpp"

namespace layersweep::jobs {

class MaskSums {
 public:
  explicit MaskSums(const probe::ProbeLayout& layout);

  /// The keep probabilities of consecutive chunks, S x P x tokens. Independent.
  void add(std::span<const Chunk> chunks, const at::Tensor& keep);

  /// Joins what the ranks added. Collective.
  void sum(const comm::Communicator& ranks);

  /// How far the seeds agree, one per point.
  const std::vector<stats::Agreement>& agreements() const { return agreements_; }

  /// S x P float32: 2·|kept ∩ true| / (|kept| + |true|) over the tokens of the test split, of a task with a known truth.
  at::Tensor truth_f1() const;

 private:
  std::vector<stats::Agreement> agreements_;
  at::Tensor truth_counts_;  // 3 x S x P: kept and true, kept, true
};

}  // namespace layersweep::jobs
