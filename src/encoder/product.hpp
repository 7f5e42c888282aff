// Matrix products on rows of floats through LibTorch, for use inside a parallel region (each call then runs on the thread
// that makes it). A stride counts floats from one row to the next.
#pragma once

#include <cstdint>

namespace layersweep::encoder {

enum class Into { replace, add };

/// C (m x n) = A (m x k) · Bᵀ, where B is n x k, as linear layers store their weights.
void product_transposed(const float* a, std::int64_t a_stride, const float* b, float* c, std::int64_t c_stride,
                        std::int64_t m, std::int64_t n, std::int64_t k);

/// C (m x n) = or += A (m x k) · B, where B is k x n.
void product(const float* a, std::int64_t a_stride, const float* b, float* c, std::int64_t c_stride, std::int64_t m,
             std::int64_t n, std::int64_t k, Into into);

}  // namespace layersweep::encoder
