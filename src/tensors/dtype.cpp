#include "tensors/dtype.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace layersweep::tensors {
namespace {

struct Row {
  std::string_view name;
  std::size_t bits;
};

// By the value of Dtype.
constexpr std::array<Row, 22> kRows{{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

const Row& row(Dtype dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  base::ensure(index < kRows.size(), "a tensor type out of range");
  return kRows[index];
}

}  // namespace

std::string_view dtype_name(Dtype dtype) { return row(dtype).name; }

std::optional<Dtype> dtype_from_name(std::string_view name) {
  const auto found = std::ranges::find(kRows, name, &Row::name);
  if (found == kRows.end()) return std::nullopt;
  return static_cast<Dtype>(found - kRows.begin());
}

std::size_t dtype_bits(Dtype dtype) { return row(dtype).bits; }

std::size_t dtype_alignment(Dtype dtype) {
  if (dtype == Dtype::c64) return alignof(float);  // two floats
  return std::max<std::size_t>(1, row(dtype).bits / 8);
}

}  // namespace layersweep::tensors
