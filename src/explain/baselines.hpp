// What costs next to nothing.
#pragma once

#include "explain/explainer.hpp"

namespace layersweep::explain {

/// What the layer above the point pays to each token: model::AttendingModel. NaN where nothing attends.
class Attention final : public Explainer {
 public:
  at::Tensor attribute(const Subject& subject) const override;
};

/// A uniform draw for each token, the same at every point: the floor under every comparison.
class Random final : public Explainer {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  at::Tensor attribute(const Subject& subject) const override;

 private:
  std::uint64_t seed_;
};

}  // namespace layersweep::explain
