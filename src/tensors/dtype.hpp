// Element types of the safetensors format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace layersweep::tensors {

/// In the order of the reference implementation: a file stores its tensors from the last of these types to the first.
enum class Dtype : std::uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
};

std::string_view dtype_name(Dtype dtype);  ///< as in the header of a file, e.g. "F32"
std::optional<Dtype> dtype_from_name(std::string_view name);
std::size_t dtype_bits(Dtype dtype);       ///< of one element
std::size_t dtype_alignment(Dtype dtype);  ///< in bytes, what a pointer to elements must have

/// The type under which elements of T are stored.
template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return Dtype::f32;
  else if constexpr (std::is_same_v<T, double>)
    return Dtype::f64;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return Dtype::i8;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return Dtype::i16;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return Dtype::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return Dtype::i64;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return Dtype::u8;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return Dtype::u16;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return Dtype::u32;
  else {
    static_assert(std::is_same_v<T, std::uint64_t>, "no safetensors type for this element type");
    return Dtype::u64;
  }
}

}  // namespace layersweep::tensors
