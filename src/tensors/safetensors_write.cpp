#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/files.hpp"
#include "tensors/header.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::tensors {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and elements are written as they lie");

constexpr std::size_t kHeaderAlignment = 8;

// Widest types first, then by name: offsets stay aligned without padding between tensors.
void sort_as_reference(std::vector<TensorToWrite>& tensors) {
  std::ranges::sort(tensors, [](const TensorToWrite& left, const TensorToWrite& right) {
    if (left.dtype != right.dtype) return left.dtype > right.dtype;
    return left.name < right.name;
  });
}

void check(const std::vector<TensorToWrite>& tensors) {
  std::vector<std::string_view> names;
  for (const TensorToWrite& tensor : tensors) {
    names.push_back(tensor.name);
    const auto bits = bits_of({tensor.dtype, tensor.shape});
    base::ensure(bits && *bits % 8 == 0 && *bits / 8 == tensor.bytes.size(),
                 fmt::format("the bytes of tensor \"{}\" do not fit its shape and type", tensor.name));
  }
  std::ranges::sort(names);
  base::ensure(std::ranges::adjacent_find(names) == names.end(), "two tensors of one name");
  base::ensure(!std::ranges::binary_search(names, "__metadata__"), "a tensor named __metadata__");
}

std::string header_text(const std::vector<TensorToWrite>& tensors, const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    const std::uint64_t end = offset + tensor.bytes.size();
    nlohmann::ordered_json& entry = header[tensor.name];
    entry["dtype"] = dtype_name(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, end};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& file, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  check(tensors);
  sort_as_reference(tensors);
  const std::string header = header_text(tensors, metadata);
  base::ensure(header.size() <= kHeaderBytesLimit, "a header longer than readers take");
  const std::uint64_t length = header.size();

  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(&length, 1)), std::as_bytes(std::span(header))};
  for (const TensorToWrite& tensor : tensors) parts.push_back(tensor.bytes);
  base::write_file_atomically(file, parts);
}

}  // namespace layersweep::tensors
