#include "tensors/header.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/json_keys.hpp"

namespace layersweep::tensors {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> bytes, const std::filesystem::path& file) : bytes_(bytes), file_(file) {}

  Header read() {
    const json parsed = parse(text());
    Header header;
    for (const auto& [name, value] : parsed.items()) {
      if (name == "__metadata__") {
        header.metadata = metadata(value);
      } else {
        header.entries.push_back(entry(name, value));
      }
    }
    std::ranges::stable_sort(header.entries, [](const HeaderEntry& left, const HeaderEntry& right) {
      return std::pair(left.begin, left.end) < std::pair(right.begin, right.end);
    });
    check_cover(header.entries);
    return header;
  }

 private:
  [[noreturn]] void refuse(std::string_view why) const {
    throw base::InputError(fmt::format("{} is not a sound safetensors file", file_.string()), why,
                           "It may be damaged or cut short: fetch or write it again");
  }

  [[noreturn]] void refuse_tensor(std::string_view name, std::string_view why) const {
    refuse(fmt::format("tensor \"{}\": {}", name, why));
  }

  std::string_view text() {
    if (bytes_.size() < kLengthBytes)
      refuse(fmt::format("it has {} bytes, fewer than the header's length takes", bytes_.size()));
    std::uint64_t length = 0;
    for (std::uint64_t place = 0; place < kLengthBytes; ++place) {
      length |= std::to_integer<std::uint64_t>(bytes_[place]) << (8 * place);
    }
    if (length > kHeaderBytesLimit) {
      refuse(fmt::format("its header claims {} bytes, more than the limit of {}", length, kHeaderBytesLimit));
    }
    if (length > bytes_.size() - kLengthBytes) {
      refuse(fmt::format("its header claims {} bytes, but only {} follow", length, bytes_.size() - kLengthBytes));
    }
    data_begin_ = kLengthBytes + length;
    const std::string_view header(reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes, length);
    if (!header.starts_with('{')) refuse("its header does not start with '{'");
    // The JSON parser takes a zero byte for the end and would not look at what follows.
    if (header.find('\0') != header.npos) refuse("its header is not JSON (it holds a zero byte)");
    return header;
  }

  json parse(std::string_view header) const {
    // Two passes, since json::parse with a callback takes time quadratic in the members of an object.
    if (const auto key = base::repeated_key(header)) refuse(fmt::format("its header names \"{}\" twice", *key));
    try {
      return json::parse(header);
    } catch (const json::exception& error) {
      refuse(fmt::format("its header is not JSON ({})", error.what()));
    }
  }

  std::map<std::string, std::string> metadata(const json& value) const {
    if (!value.is_object()) refuse("__metadata__ is not an object");
    std::map<std::string, std::string> texts;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) refuse(fmt::format("the value of \"{}\" in __metadata__ is not a string", key));
      texts[key] = text.get<std::string>();
    }
    return texts;
  }

  HeaderEntry entry(const std::string& name, const json& value) const {
    if (!value.is_object()) refuse_tensor(name, "its description is not an object");
    HeaderEntry made;
    made.name = name;
    made.info.dtype = dtype(name, value);
    made.info.shape = shape(name, value);
    const json& offsets = member(name, value, "data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
      refuse_tensor(name, "data_offsets is not a pair of whole numbers from 0 up");
    }
    const std::uint64_t begin = offsets[0].get<std::uint64_t>();
    const std::uint64_t end = offsets[1].get<std::uint64_t>();
    const std::uint64_t available = bytes_.size() - data_begin_;
    if (begin > end) refuse_tensor(name, fmt::format("its data ends ({}) before it begins ({})", end, begin));
    if (end > available) {
      refuse_tensor(name, fmt::format("its data ends at byte {} of a buffer of {}", end, available));
    }
    check_size(name, made.info, end - begin);
    made.begin = data_begin_ + begin;
    made.end = data_begin_ + end;
    return made;
  }

  const json& member(const std::string& name, const json& value, const char* key) const {
    const auto found = value.find(key);
    if (found == value.end()) refuse_tensor(name, fmt::format("it has no {}", key));
    return *found;
  }

  Dtype dtype(const std::string& name, const json& value) const {
    const json& text = member(name, value, "dtype");
    if (!text.is_string()) refuse_tensor(name, "its dtype is not a string");
    const auto dtype = dtype_from_name(text.get_ref<const std::string&>());
    if (!dtype) refuse_tensor(name, fmt::format("its dtype \"{}\" is unknown", text.get_ref<const std::string&>()));
    return *dtype;
  }

  std::vector<std::int64_t> shape(const std::string& name, const json& value) const {
    const json& list = member(name, value, "shape");
    if (!list.is_array()) refuse_tensor(name, "its shape is not a list");
    std::vector<std::int64_t> sizes;
    for (const json& size : list) {
      if (!size.is_number_unsigned() || size.get<std::uint64_t>() > INT64_MAX) {
        refuse_tensor(name, "its shape holds something other than whole numbers from 0 to 2^63 - 1");
      }
      sizes.push_back(size.get<std::int64_t>());
    }
    return sizes;
  }

  void check_size(const std::string& name, const TensorInfo& info, std::uint64_t bytes) const {
    const auto bits = bits_of(info);
    if (!bits) refuse_tensor(name, "its shape asks for more bytes than can be counted");
    if (*bits % 8 != 0) refuse_tensor(name, fmt::format("its {} bits are no whole number of bytes", *bits));
    if (*bits / 8 != bytes) {
      refuse_tensor(name, fmt::format("shape and dtype take {} bytes, its data has {}", *bits / 8, bytes));
    }
  }

  void check_cover(const std::vector<HeaderEntry>& entries) const {
    std::uint64_t covered = data_begin_;
    for (const HeaderEntry& entry : entries) {
      if (entry.begin > covered)
        refuse_tensor(entry.name, fmt::format("{} unused bytes before its data", entry.begin - covered));
      if (entry.begin < covered) refuse_tensor(entry.name, "its data overlaps that of another tensor");
      covered = entry.end;
    }
    if (covered != bytes_.size())
      refuse(fmt::format("{} bytes after the last tensor belong to none", bytes_.size() - covered));
  }

  std::span<const std::byte> bytes_;
  const std::filesystem::path& file_;
  std::uint64_t data_begin_ = 0;
};

}  // namespace

Header read_header(std::span<const std::byte> bytes, const std::filesystem::path& file) {
  return HeaderReader(bytes, file).read();
}

std::optional<std::uint64_t> bits_of(const TensorInfo& info) {
  std::uint64_t bits = dtype_bits(info.dtype);
  for (const std::int64_t size : info.shape) {
    if (size < 0 || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(size), &bits)) return std::nullopt;
  }
  return bits;
}

}  // namespace layersweep::tensors
