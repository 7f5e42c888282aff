// A hand-written step in LibTorch's graph: some tensors in, one out, and a function that takes the output's gradient to
// the inputs'. No bookkeeping happens inside.
#pragma once

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace layersweep::model {

/// One gradient per input, undefined where none is needed.
using Backward = std::function<std::vector<at::Tensor>(const at::Tensor& gradient)>;

class GradientNode final : public torch::autograd::Node {
 public:
  explicit GradientNode(Backward backward) : backward_(std::move(backward)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    base::ensure(backward_ != nullptr, "a graph is walked back once, unless it is kept");
    if (!gradients[0].defined()) return torch::autograd::variable_list(num_outputs());
    return backward_(gradients[0]);
  }
  void release_variables() override { backward_ = nullptr; }

 private:
  Backward backward_;  // holds what forward kept
};

/// Makes `out` the result of a step from `inputs`, whose gradients `backward` computes.
inline void connect(const std::vector<at::Tensor>& inputs, const at::Tensor& out, Backward backward) {
  const std::shared_ptr<GradientNode> node(new GradientNode(std::move(backward)), torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::set_history(out, node);
}

/// Whether a step from `in` is to be recorded.
inline bool records_gradient(const at::Tensor& in) { return at::GradMode::is_enabled() && in.requires_grad(); }

}  // namespace layersweep::model
