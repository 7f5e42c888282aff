// A hand-written step in LibTorch's graph: one tensor in, one out, and a function that takes the output's gradient to the
// input's. No bookkeeping happens inside.
#pragma once

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace layersweep::encoder {

using Backward = std::function<at::Tensor(const at::Tensor& gradient)>;

class GradientNode final : public torch::autograd::Node {
 public:
  explicit GradientNode(Backward backward) : backward_(std::move(backward)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    base::ensure(backward_ != nullptr, "a graph is walked back once, unless it is kept");
    if (!gradients[0].defined()) return {at::Tensor()};
    return {backward_(gradients[0])};
  }
  void release_variables() override { backward_ = nullptr; }

 private:
  Backward backward_;  // holds what forward kept
};

/// Makes `out` the result of a step from `in`, whose gradient `backward` computes.
inline void connect(const at::Tensor& in, const at::Tensor& out, Backward backward) {
  const std::shared_ptr<GradientNode> node(new GradientNode(std::move(backward)), torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(in));
  torch::autograd::set_history(out, node);
}

/// Whether a step from `in` is to be recorded.
inline bool records_gradient(const at::Tensor& in) { return at::GradMode::is_enabled() && in.requires_grad(); }

}  // namespace layersweep::encoder
