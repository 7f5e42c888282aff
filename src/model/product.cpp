#include "model/product.hpp"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include <array>
#include <vector>

namespace layersweep::model {
namespace {

// LibTorch has no public product of bare pointers; a view costs a fraction of a microsecond.
at::Tensor matrix(const float* data, std::int64_t rows, std::int64_t columns, std::int64_t row_stride) {
  return at::from_blob(const_cast<float*>(data), {rows, columns}, {row_stride, 1}, at::TensorOptions().dtype(at::kFloat));
}

// A rows x columns matrix of bf16 in the thread's memory number `index`, kept between calls.
at::Tensor short_matrix(std::size_t index, std::int64_t rows, std::int64_t columns) {
  thread_local std::array<std::vector<c10::BFloat16>, 2> memory;
  auto& own = memory[index];
  if (own.size() < static_cast<std::size_t>(rows * columns)) own.resize(static_cast<std::size_t>(rows * columns));
  return at::from_blob(own.data(), {rows, columns}, at::TensorOptions().dtype(at::kBFloat16));
}

void multiply(const at::Tensor& a, const at::Tensor& b, at::Tensor c, Into into) {
  if (b.scalar_type() == at::kBFloat16) {
    at::Tensor left = short_matrix(0, a.size(0), a.size(1));
    at::Tensor result = short_matrix(1, c.size(0), c.size(1));
    left.copy_(a);
    at::mm_out(result, left, b);
    into == Into::add ? c.add_(result) : c.copy_(result);
  } else if (into == Into::add) {
    at::addmm_out(c, c, a, b);
  } else {
    at::mm_out(c, a, b);
  }
}

}  // namespace

void product_transposed(const float* a, std::int64_t a_stride, const at::Tensor& b, float* c, std::int64_t c_stride,
                        std::int64_t m) {
  const at::AutoDispatchBelowADInplaceOrView no_bookkeeping;
  multiply(matrix(a, m, b.size(1), a_stride), b.t(), matrix(c, m, b.size(0), c_stride), Into::replace);
}

void product(const float* a, std::int64_t a_stride, const at::Tensor& b, float* c, std::int64_t c_stride, std::int64_t m,
             Into into) {
  const at::AutoDispatchBelowADInplaceOrView no_bookkeeping;
  multiply(matrix(a, m, b.size(0), a_stride), b, matrix(c, m, b.size(1), c_stride), into);
}

}  // namespace layersweep::model
