// Weights that are consecutive views of one flat tensor, and their gradients as one flat tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <vector>

namespace layersweep::model {

/// Makes the tensors consecutive views of one new flat tensor, with these shapes; uninitialised.
inline void allocate_flat(const std::vector<at::Tensor*>& tensors, const std::vector<std::vector<std::int64_t>>& shapes) {
  std::int64_t total = 0;
  for (const auto& shape : shapes) total += c10::multiply_integers(shape);
  const at::Tensor flat = at::empty({total});
  std::int64_t offset = 0;
  for (std::size_t index = 0; index < tensors.size(); ++index) {
    const std::int64_t count = c10::multiply_integers(shapes[index]);
    *tensors[index] = flat.narrow(0, offset, count).view(shapes[index]);
    offset += count;
  }
}

/// The whole flat tensor that `first`, the first of its views, lies in.
inline at::Tensor flat_view(const at::Tensor& first) {
  const auto count = static_cast<std::int64_t>(first.storage().nbytes() / sizeof(float));
  return at::as_strided(first.detach(), {count}, {1}, 0);
}

/// Replaces each tensor by a leaf of differentiation that shares its storage; returns them all.
inline std::vector<at::Tensor> make_leaves(const std::vector<at::Tensor*>& tensors) {
  std::vector<at::Tensor> leaves;
  for (at::Tensor* tensor : tensors) {
    *tensor = tensor->detach().requires_grad_();
    leaves.push_back(*tensor);
  }
  return leaves;
}

/// Writes the gradients one after the other.
inline void write_flat(const std::vector<at::Tensor>& gradients, const at::Tensor& flat) {
  std::int64_t offset = 0;
  for (const at::Tensor& gradient : gradients) {
    flat.narrow(0, offset, gradient.numel()).copy_(gradient.reshape({-1}));
    offset += gradient.numel();
  }
}

}  // namespace layersweep::model
