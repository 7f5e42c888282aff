// A small counting model, texts for it, and teams of all ranks or of one.
#pragma once

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "data/counting.hpp"
#include "model/support.hpp"
#include "support/files.hpp"
#include "sweep/ranks.hpp"
#include "sweep/train_probes.hpp"

namespace layersweep::test {

/// Random weights, made to decide firmly.
inline std::unique_ptr<model::Model> small_counting_model() {
  const model::CountingConfig config{10, 16, 2};
  model::CountingModel model{config, model::random_counting_weights(config, 7)};
  model.weights.mix_out.mul_(4.0);
  model.weights.head.mul_(8.0);
  return model::make_counting(model);
}

/// The given copy of a training pass that carries `copies` of them comes out as NaN: what happens when one probe's masked
/// states overflow the model.
class OneCopyBreaks final : public PassesOn {
 public:
  OneCopyBreaks(const model::Model& model, std::int64_t copies, std::int64_t copy)
      : PassesOn(model), copies_(copies), copy_(copy) {}

  at::Tensor read_out(const model::Rows& rows, const model::Batch& batch) const override {
    const at::Tensor logits = PassesOn::read_out(rows, batch);
    if (!rows.states.requires_grad() || logits.size(0) != copies_ * batch.size()) return logits;
    const at::Tensor factor = at::ones({copies_, batch.size(), 1});
    factor[copy_].fill_(std::nanf(""));
    return logits * factor.view({-1, 1});
  }

 private:
  std::int64_t copies_;
  std::int64_t copy_;
};

/// The gradient of the given copy is infinite while its logits stay as they are.
class OneGradientBreaks final : public PassesOn {
 public:
  OneGradientBreaks(const model::Model& model, std::int64_t copies, std::int64_t copy)
      : PassesOn(model), copies_(copies), copy_(copy) {}

  at::Tensor read_out(const model::Rows& rows, const model::Batch& batch) const override {
    const at::Tensor logits = PassesOn::read_out(rows, batch);
    const std::int64_t size = batch.size();
    if (!rows.states.requires_grad() || logits.size(0) != copies_ * size) return logits;
    const at::Tensor states = rows.states.narrow(0, copy_ * size, size);
    const at::Tensor zero = (states - states.detach()).flatten(1).sum(1, /*keepdim=*/true).sqrt();  // of infinite slope
    const at::Tensor before = at::zeros({copy_ * size, 1}), after = at::zeros({(copies_ - copy_ - 1) * size, 1});
    const at::Tensor one_class = at::zeros_like(logits);
    one_class.select(1, 0).fill_(1);
    return logits + at::cat({before, zero, after}) * one_class;
  }

 private:
  std::int64_t copies_;
  std::int64_t copy_;
};

using Reduction = comm::GradientReducer::Mode;

/// All ranks of the job, or this rank on its own.
inline sweep::Ranks all_ranks(sweep::WorkSharing sharing) {
  return sweep::Ranks(comm::world().with_limit(60), std::move(sharing));
}
inline sweep::Ranks all_ranks(Reduction reduction) { return all_ranks({.reduction = reduction}); }
inline sweep::Ranks this_rank(Reduction reduction) { return sweep::Ranks(comm::Communicator(), {.reduction = reduction}); }

/// A temporary folder of rank 0 that all ranks use.
class SharedFolder {
 public:
  SharedFolder() {
    if (comm::world().rank() == 0) own_.emplace();
    path_ = comm::world().broadcast_text(own_ ? own_->path().string() : std::string(), 0);
  }
  ~SharedFolder() { comm::world().barrier(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<TemporaryFolder> own_;
  std::filesystem::path path_;
};

/// Figures that may be NaN.
inline bool same_scores(const std::vector<std::vector<sweep::Score>>& a, const std::vector<std::vector<sweep::Score>>& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  if (a.size() != b.size()) return false;
  for (std::size_t p = 0; p < a.size(); ++p) {
    if (a[p].size() != b[p].size()) return false;
    for (std::size_t s = 0; s < a[p].size(); ++s) {
      const sweep::Score &x = a[p][s], &y = b[p][s];
      if (!same(x.kl, y.kl) || !same(x.kl_p95, y.kl_p95) || !same(x.kl_max, y.kl_max) || !same(x.flips, y.flips) ||
          !same(x.keep_share, y.keep_share))
        return false;
    }
  }
  return true;
}

/// The same bits in everything.
inline void expect_same(const sweep::TrainedUnit& a, const sweep::TrainedUnit& b) {
  EXPECT_TRUE(a.parameters.equal(b.parameters));
  EXPECT_TRUE(a.alpha.equal(b.alpha));
  EXPECT_TRUE(a.steps.equal(b.steps));
  EXPECT_EQ(a.status, b.status);
  ASSERT_EQ(a.curve.size(), b.curve.size());
  for (std::size_t v = 0; v < a.curve.size(); ++v) {
    EXPECT_EQ(a.curve[v].step, b.curve[v].step);
    EXPECT_TRUE(a.curve[v].alpha.equal(b.curve[v].alpha));
    EXPECT_TRUE(same_scores(a.curve[v].scores, b.curve[v].scores)) << "validation " << v;
  }
}

}  // namespace layersweep::test
