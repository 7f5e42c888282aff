#include "encoder/product.hpp"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

namespace layersweep::encoder {
namespace {

// LibTorch has no public product of bare pointers; a view costs a fraction of a microsecond.
at::Tensor matrix(const float* data, std::int64_t rows, std::int64_t columns, std::int64_t row_stride,
                  std::int64_t column_stride) {
  return at::from_blob(const_cast<float*>(data), {rows, columns}, {row_stride, column_stride},
                       at::TensorOptions().dtype(at::kFloat));
}

}  // namespace

void product_transposed(const float* a, std::int64_t a_stride, const float* b, float* c, std::int64_t c_stride,
                        std::int64_t m, std::int64_t n, std::int64_t k) {
  const at::AutoDispatchBelowADInplaceOrView no_bookkeeping;
  at::Tensor out = matrix(c, m, n, c_stride, 1);
  at::mm_out(out, matrix(a, m, k, a_stride, 1), matrix(b, k, n, 1, k));
}

void product(const float* a, std::int64_t a_stride, const float* b, float* c, std::int64_t c_stride, std::int64_t m,
             std::int64_t n, std::int64_t k, Into into) {
  const at::AutoDispatchBelowADInplaceOrView no_bookkeeping;
  at::Tensor out = matrix(c, m, n, c_stride, 1);
  if (into == Into::add) {
    at::addmm_out(out, out, matrix(a, m, k, a_stride, 1), matrix(b, k, n, n, 1));
  } else {
    at::mm_out(out, matrix(a, m, k, a_stride, 1), matrix(b, k, n, n, 1));
  }
}

}  // namespace layersweep::encoder
