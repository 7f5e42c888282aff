#include "jobs/steps/extract/mask_sums.hpp"

#include <ATen/ATen.h>

#include "base/error.hpp"
#include "jobs/floats.hpp"
#include "probe/evaluate.hpp"

namespace layersweep::jobs {

MaskSums::MaskSums(const probe::ProbeLayout& layout)
    : agreements_(static_cast<std::size_t>(layout.points()), stats::Agreement(static_cast<std::size_t>(layout.seeds()))),
      truth_counts_(at::zeros({3, layout.seeds(), layout.points()}, at::kDouble)) {}

void MaskSums::add(std::span<const Chunk> chunks, const at::Tensor& keep) {
  const std::int64_t start = start_of(chunks).token;
  base::ensure(chunks.empty() || keep.size(2) == chunks.back().first_token + chunks.back().tokens - start,
               "masks of other texts");
  for (const Chunk& chunk : chunks) {
    for (std::int64_t e = chunk.first; e < chunk.first + chunk.count; ++e) {
      const at::Tensor text = keep.narrow(2, chunk.token_of(e) - start, chunk.corpus->length(e));
      for (std::size_t p = 0; p < agreements_.size(); ++p) {
        agreements_[p].add_text(span_of(text.select(1, static_cast<std::int64_t>(p)).contiguous()));
      }
    }
    const auto truth = chunk.tokens_of(chunk.corpus->truth());
    if (chunk.split != terms::Split::test || truth.empty()) continue;
    const at::Tensor kept = probe::hard_gates(keep.narrow(2, chunk.first_token - start, chunk.tokens)).to(at::kDouble);
    const at::Tensor right = at::tensor(at::ArrayRef<std::uint8_t>(truth.data(), truth.size())).to(at::kDouble);
    truth_counts_[0] += (kept * right).sum(-1);
    truth_counts_[1] += kept.sum(-1);
    truth_counts_[2] += right.sum();
  }
}

void MaskSums::sum(const comm::Communicator& ranks) {
  for (stats::Agreement& agreement : agreements_) ranks.all_reduce_sum(agreement.counters());
  ranks.all_reduce_sum(std::span<double>(truth_counts_.data_ptr<double>(), static_cast<std::size_t>(truth_counts_.numel())));
}

at::Tensor MaskSums::truth_f1() const {
  return (2 * truth_counts_[0] / (truth_counts_[1] + truth_counts_[2])).to(at::kFloat);
}

}  // namespace layersweep::jobs
