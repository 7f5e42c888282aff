// The normalizers that need few words: Sequence, Lowercase, Nmt, Prepend, Strip, StripAccents.
#include <algorithm>
#include <functional>

#include "base/utf8.hpp"
#include "text/components.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<const Normalizer>> parts) : parts_(std::move(parts)) {}

  AlignedText normalize(AlignedText text) const override {
    for (const auto& part : parts_) text = part->normalize(std::move(text));
    return text;
  }
  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("Sequence");
    fingerprint.add_numbers(parts_.size());
    for (const auto& part : parts_) part->add_to(fingerprint);
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> parts_;
};

/// A normalizer that is told by its type and settings, as the fingerprint has them.
class TextNormalizer final : public Normalizer {
 public:
  using Function = std::function<AlignedText(AlignedText)>;
  TextNormalizer(std::string told, Function function) : told_(std::move(told)), function_(std::move(function)) {}

  AlignedText normalize(AlignedText text) const override { return function_(std::move(text)); }
  void add_to(Fingerprint& fingerprint) const override { fingerprint.add_text(told_); }

 private:
  std::string told_;
  Function function_;
};

std::unique_ptr<const Normalizer> normalizer(const JsonPart& part, TextNormalizer::Function function) {
  return std::make_unique<TextNormalizer>(part.value.dump(), std::move(function));
}

/// Dropped characters go with the one before, whose origin they do not widen.
template <class Keep>
AlignedText filtered(const AlignedText& in, Keep keep) {
  return replaced(in, [&](char32_t c, std::u32string& out) {
    if (keep(c)) out += c;
  });
}

bool is_kept_by_nmt(char32_t c) {
  return !((c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F);
}

bool is_blank_for_nmt(char32_t c) {
  constexpr std::u32string_view blanks = U"\t\n\f\r\u1680\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd";
  return blanks.find(c) != blanks.npos;
}

}  // namespace

std::unique_ptr<const Normalizer> read_normalizer_sequence(const JsonPart& part) {
  std::vector<std::unique_ptr<const Normalizer>> parts;
  for (const auto& normalizer : part.value.at("normalizers")) parts.push_back(read_normalizer({part.file, normalizer}));
  return std::make_unique<NormalizerSequence>(std::move(parts));
}

std::unique_ptr<const Normalizer> read_lowercase(const JsonPart& part) {
  return normalizer(part, [](const AlignedText& text) { return replaced(text, append_lower_case); });
}

std::unique_ptr<const Normalizer> read_nmt(const JsonPart& part) {
  return normalizer(part, [](const AlignedText& in) {
    AlignedText text = filtered(in, is_kept_by_nmt);
    std::ranges::replace_if(text.text, is_blank_for_nmt, U' ');
    return text;
  });
}

std::unique_ptr<const Normalizer> read_prepend(const JsonPart& part) {
  return normalizer(part, [before = base::decode_utf8(part.value.at("prepend").get<std::string>())](AlignedText text) {
    text.prepend(before);
    return text;
  });
}

std::unique_ptr<const Normalizer> read_strip(const JsonPart& part) {
  const bool left = part.value.at("strip_left").get<bool>(), right = part.value.at("strip_right").get<bool>();
  return normalizer(part, [left, right](AlignedText text) {
    std::size_t begin = 0, end = text.size();
    while (left && begin < end && is_whitespace(text.text[begin])) ++begin;
    while (right && begin < end && is_whitespace(text.text[end - 1])) --end;
    return begin == 0 && end == text.size() ? std::move(text) : text.part(begin, end);
  });
}

std::unique_ptr<const Normalizer> read_strip_accents(const JsonPart& part) {
  return normalizer(part, [](const AlignedText& text) { return filtered(text, [](char32_t c) { return !is_mark(c); }); });
}

}  // namespace layersweep::text
