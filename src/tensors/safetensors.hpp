// The safetensors format, in and out: a JSON header that names typed arrays in one buffer.
// https://huggingface.co/docs/safetensors; what the reference implementation refuses is refused here.
// Nothing is ever half read: a file that opens has passed every check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensors/dtype.hpp"

namespace layersweep::tensors {

struct TensorInfo {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;  ///< empty for a scalar
};

/// A memory-mapped, read-only file. Copies are cheap views of the same mapping; spans live as long as any copy.
class SafetensorsFile {
 public:
  /// Throws InputError, naming the file and what is wrong in it.
  static SafetensorsFile open(const std::filesystem::path& file);

  const std::filesystem::path& path() const;
  const std::map<std::string, std::string>& metadata() const;  ///< `__metadata__`
  const std::vector<std::string>& names() const;               ///< in order of their place in the file
  bool contains(std::string_view name) const;

  /// These throw InputError when the file holds no such tensor.
  const TensorInfo& info(std::string_view name) const;
  /// The bytes (little-endian), aligned for the tensor's own type.
  std::span<const std::byte> data(std::string_view name) const;
  /// The elements; throws InputError when the file stores another type.
  template <class T>
  std::span<const T> values(std::string_view name) const {
    const auto bytes = data_as(name, dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  struct Contents;
  explicit SafetensorsFile(std::shared_ptr<const Contents> contents);
  std::span<const std::byte> data_as(std::string_view name, Dtype dtype) const;
  std::shared_ptr<const Contents> contents_;
};

/// A tensor to be written; `bytes` is row-major, little-endian and borrowed.
struct TensorToWrite {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A tensor of elements of a type of ours.
template <class T>
TensorToWrite tensor_to_write(std::string name, std::vector<std::int64_t> shape, std::span<const T> values) {
  return {std::move(name), dtype_of<T>(), std::move(shape), std::as_bytes(values)};
}

/// Writes a file byte for byte as the reference does (widest types first, then by name; metadata sorted by key), to a
/// temporary name and then renamed. Throws InputError when it cannot be written.
void write_safetensors(const std::filesystem::path& file, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace layersweep::tensors
