// One step's objective on one micro-batch, and its gradient:
//   for each probe seed the mean over points of  α·(KL − ε) + sparsity, stopped cells counting as 0; seeds add up,
// where KL and sparsity are means over the examples of the *global* batch, so micro-batches, shards and ranks just add up.
// De Cao et al., EMNLP 2020, equations 3 to 6; α ascends on the same KL, so one backward pass serves both players.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.hpp"
#include "probe/parameters.hpp"
#include "terms/terms.hpp"

namespace layersweep::probe {

/// P x S each, as StepSums has them.
struct StepFigures {
  at::Tensor kl, keep_share, flips;
};

/// What a step sums over examples, shards and ranks; one flat buffer is what is all-reduced.
class StepSums {
 public:
  explicit StepSums(const ProbeLayout& layout, at::Device device = at::kCPU);
  /// Adopts a buffer of the same layout.
  StepSums(const ProbeLayout& layout, at::Tensor flat);

  const at::Tensor& flat() const { return flat_; }
  at::Tensor gradient() const;    ///< flat probe parameters
  at::Tensor kl() const;          ///< P x S, sum over examples of the KL under sampled gates
  at::Tensor keep_share() const;  ///< P x S, sum over examples of the mean keep probability
  at::Tensor flips() const;       ///< P x S, examples whose prediction changed

  /// The figures in the host's memory.
  StepFigures figures() const;

  /// Where in flat() stands what concerns these points alone: gradients of their probes and their figures.
  static std::vector<Slice> slices(const ProbeLayout& layout, PointRange points);
  /// Where the figures of all points stand.
  static Slice figures_slice(const ProbeLayout& layout);

 private:
  at::Tensor row(std::int64_t index) const;
  std::int64_t parameters_;
  std::int64_t points_;
  std::int64_t seeds_;
  at::Tensor flat_;
};

struct StepInputs {
  terms::Sparsity sparsity = terms::Sparsity::log;
  at::Tensor alpha;             ///< P x S, the multipliers; in the host's memory, like all of these
  at::Tensor active;            ///< P x S bool; in hidden mode rows of inactive cells leave the pass
  PointRange points;            ///< the copies of others are left to other ranks
  at::Tensor noise;             ///< logistic noise of probes_of(mode, points): probes x S x B x T
  std::int64_t batch_size = 0;  ///< examples of the global batch
};

/// Adds the micro-batch's contribution to `sums`; the KL of a cell whose gradient is not finite becomes NaN. Parameters,
/// sums and `batch` lie where the model computes. Independent (no communication).
void accumulate_step(const model::Model& model, const model::Batch& batch, const Probes& trained, const StepInputs& inputs,
                     StepSums& sums);

}  // namespace layersweep::probe
