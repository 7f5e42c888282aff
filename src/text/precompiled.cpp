// A map of SentencePiece from texts to their replacements. As in the reference a grapheme cluster of less than six bytes is
// looked up as a whole, by its shortest beginning that has a replacement, and then the rest of it is dropped; what is longer
// or has none is looked up character by character.
#include <array>
#include <bitset>
#include <optional>

#include "base/utf8.hpp"
#include "text/components.hpp"
#include "text/longest_match.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0, count = 0;
  while (text.ends_with('=') && ++count <= 2) text.remove_suffix(1);
  count = 0;
  for (const char c : text) {
    const std::uint32_t digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                                : c >= '0' && c <= '9' ? c - '0' + 52
                                : c == '+'             ? 62
                                : c == '/'             ? 63
                                                       : 64;
    if (digit == 64) return std::nullopt;
    bits = bits << 6 | digit;
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return bytes;
}

struct Replacement {
  std::u32string from, to;
};

/// Reads a map: the size in bytes of a double array, its units (of four bytes, the lowest first), and the replacements, each
/// with a zero behind it. A unit is one byte of a key; that of the zero at its end is the place of its replacement.
class CharsmapReader {
 public:
  CharsmapReader(const std::filesystem::path& file, std::string_view bytes) : file_(file) {
    const std::size_t size = bytes.size() < 4 ? 0 : number_at(bytes, 0);
    if (size < 4 || size % 4 != 0 || size > bytes.size() - 4) damaged();
    for (std::size_t i = 0; i < size; i += 4) units_.push_back(number_at(bytes, 4 + i));
    texts_ = bytes.substr(4 + size);
    if (base::first_ill_formed(texts_)) damaged();
  }

  /// Those of the shortest keys, which no other key begins: no longer one is ever found.
  std::vector<Replacement> read() {
    read_below(offset(units_.front()));
    return std::move(read_);
  }

 private:
  static std::uint32_t number_at(std::string_view bytes, std::size_t place) {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[place + i]);
    return number;
  }
  static std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 1u << 9) >> 6); }

  [[noreturn]] void damaged() const { refuse(file_, "the precompiled_charsmap of its normalizer Precompiled is damaged"); }

  void read_below(std::uint32_t place) {
    if (key_.size() > 100 || ++nodes_ > units_.size()) damaged();  // no tree
    for (std::uint32_t byte = 1; byte < 256; ++byte) {
      const std::uint32_t child = place ^ byte;
      if (child >= units_.size() || (units_[child] & (1u << 31 | 0xFF)) != byte) continue;
      key_ += static_cast<char>(byte);
      const std::uint32_t below = child ^ offset(units_[child]);
      if (below >= units_.size()) damaged();
      if ((units_[child] >> 8 & 1) != 0) {
        add(units_[below] & ((1u << 31) - 1));
      } else {
        read_below(below);
      }
      key_.pop_back();
    }
  }

  void add(std::size_t text) {
    if (text > texts_.size() || base::first_ill_formed(key_)) damaged();
    const std::string_view to = texts_.substr(text, std::min(texts_.find('\0', text), texts_.size()) - text);
    if (base::first_ill_formed(to)) damaged();
    read_.push_back({base::decode_utf8(key_), base::decode_utf8(to)});
  }

  const std::filesystem::path& file_;
  std::vector<std::uint32_t> units_;
  std::string_view texts_;
  std::string key_;  // of the place that is being read
  std::size_t nodes_ = 0;
  std::vector<Replacement> read_;
};

std::vector<std::u32string> keys_of(const std::vector<Replacement>& replacements) {
  std::vector<std::u32string> keys;
  for (const Replacement& replacement : replacements) keys.push_back(replacement.from);
  return keys;
}

class Precompiled final : public Normalizer {
 public:
  Precompiled(std::string told, std::vector<Replacement> replacements)
      : told_(std::move(told)), replacements_(std::move(replacements)), keys_(keys_of(replacements_)) {
    for (const Replacement& replacement : replacements_) first_.set(replacement.from.front());
  }

  AlignedText normalize(AlignedText in) const override {
    const std::u32string_view text = in.text;
    std::vector<Edit> edits;
    edits.reserve(text.size());
    bool changed = false;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = cluster_end(text, begin);
      const Replacement* whole =
          is_short(text.substr(begin, end - begin)) ? found(text.substr(begin, end - begin)) : nullptr;
      changed |= whole != nullptr;
      if (whole != nullptr) {
        replace(end - begin, whole->to, edits);
        continue;
      }
      for (std::size_t i = begin; i < end; ++i) {
        const Replacement* one = found(text.substr(i, 1));
        changed |= one != nullptr;
        one != nullptr ? replace(1, one->to, edits) : edits.push_back({text[i], 0});
      }
    }
    return changed ? edited(in, edits) : std::move(in);
  }

  void add_to(Fingerprint& fingerprint) const override { fingerprint.add_text(told_); }

 private:
  static bool is_short(std::u32string_view cluster) {
    std::size_t bytes = 0;
    for (const char32_t c : cluster) bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    return bytes < 6;
  }

  const Replacement* found(std::u32string_view text) const {
    if (!first_[text.front()]) return nullptr;
    const std::int32_t key = keys_.longest_beginning(text);  // no key begins another one
    return key == no_pattern ? nullptr : &replacements_[static_cast<std::size_t>(key)];
  }

  // What is dropped without a replacement goes with the character before it; before the first one the reference forgets it.
  static void replace(std::size_t old_size, const std::u32string& by, std::vector<Edit>& edits) {
    for (std::size_t i = 0; i < by.size(); ++i) edits.push_back({by[i], i < old_size ? 0 : 1});
    if (by.size() < old_size && !edits.empty()) edits.back().change -= static_cast<std::int32_t>(old_size - by.size());
  }

  std::string told_;
  std::vector<Replacement> replacements_;
  PatternTree keys_;
  std::bitset<0x110000> first_;  // characters that a key begins with
};

}  // namespace

std::unique_ptr<const Normalizer> read_precompiled(const JsonPart& part) {
  const auto bytes = from_base64(part.value.at("precompiled_charsmap").get<std::string>());
  if (!bytes) refuse(part.file, "the precompiled_charsmap of its normalizer Precompiled is not base64");
  return std::make_unique<Precompiled>(part.value.dump(), CharsmapReader(part.file, *bytes).read());
}

}  // namespace layersweep::text
