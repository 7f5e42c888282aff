#include "tensors/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/error.hpp"
#include "base/mapped_file.hpp"
#include "tensors/header.hpp"

namespace layersweep::tensors {
namespace {

struct Stored {
  TensorInfo info;
  std::span<const std::byte> bytes;
};

bool is_aligned(const std::byte* start, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(start) % alignment == 0;
}

}  // namespace

struct SafetensorsFile::Contents {
  explicit Contents(const std::filesystem::path& file) : path(file), mapping(file) {
    Header header = read_header(mapping.bytes(), file);
    metadata = std::move(header.metadata);
    for (HeaderEntry& entry : header.entries) {
      names.push_back(entry.name);
      auto bytes = mapping.bytes().subspan(entry.begin, entry.end - entry.begin);
      if (!is_aligned(bytes.data(), dtype_alignment(entry.info.dtype))) bytes = aligned_copy(bytes);
      tensors.emplace(std::move(entry.name), Stored{std::move(entry.info), bytes});
    }
  }

  // Other writers need not align; such tensors are rare, so they cost a copy rather than a second way of access.
  std::span<const std::byte> aligned_copy(std::span<const std::byte> bytes) {
    auto& copy = copies.emplace_back((bytes.size() + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
    return std::as_bytes(std::span(copy)).first(bytes.size());
  }

  const Stored& find(std::string_view name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw base::InputError(fmt::format("{} holds no tensor \"{}\"", path.string(), name),
                             fmt::format("it holds {} others", tensors.size()), "Is it the file of another kind of model?");
    }
    return found->second;
  }

  std::filesystem::path path;
  base::MappedFile mapping;
  std::deque<std::vector<std::uint64_t>> copies;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> names;
  std::map<std::string, Stored, std::less<>> tensors;
};

SafetensorsFile::SafetensorsFile(std::shared_ptr<const Contents> contents) : contents_(std::move(contents)) {}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& file) {
  return SafetensorsFile(std::make_shared<const Contents>(file));
}

const std::filesystem::path& SafetensorsFile::path() const { return contents_->path; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return contents_->metadata; }
const std::vector<std::string>& SafetensorsFile::names() const { return contents_->names; }
bool SafetensorsFile::contains(std::string_view name) const { return contents_->tensors.contains(name); }
const TensorInfo& SafetensorsFile::info(std::string_view name) const { return contents_->find(name).info; }
std::span<const std::byte> SafetensorsFile::data(std::string_view name) const { return contents_->find(name).bytes; }

std::span<const std::byte> SafetensorsFile::data_as(std::string_view name, Dtype dtype) const {
  const Stored& stored = contents_->find(name);
  if (stored.info.dtype != dtype) {
    throw base::InputError(fmt::format("tensor \"{}\" of {} has the wrong type", name, contents_->path.string()),
                           fmt::format("it is {}, expected {}", dtype_name(stored.info.dtype), dtype_name(dtype)));
  }
  return stored.bytes;
}

}  // namespace layersweep::tensors
