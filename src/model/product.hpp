// Matrix products on rows of floats through LibTorch, for use inside a parallel region (each call then runs on the thread
// that makes it). A stride counts floats from one row to the next.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace layersweep::model {

enum class Into { replace, add };

// The type of the frozen matrix B (contiguous; fp32 or bf16) is the arithmetic: with bf16, A is rounded to bf16 too, sums
// are taken in fp32, and the result carries bf16's relative error of 2^-9. A and C are fp32 in either case.

/// C (m x n) = A (m x k) · Bᵀ, where B is n x k, as linear layers store their weights.
void product_transposed(const float* a, std::int64_t a_stride, const at::Tensor& b, float* c, std::int64_t c_stride,
                        std::int64_t m);

/// C (m x n) = or += A (m x k) · B, where B is k x n.
void product(const float* a, std::int64_t a_stride, const at::Tensor& b, float* c, std::int64_t c_stride, std::int64_t m,
             Into into);

}  // namespace layersweep::model
