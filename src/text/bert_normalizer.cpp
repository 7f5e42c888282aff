// Cleans text, sets Chinese characters apart, strips accents and lowers the case, each if it is told to.
#include <algorithm>

#include "text/components.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

/// Each character replaced by those that `append_instead` gives for it.
template <class AppendInstead>
AlignedText replaced(const AlignedText& in, AppendInstead append_instead) {
  AlignedText out;
  out.text.reserve(in.size());
  out.origin.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    append_instead(in.text[i], out.text);
    out.origin.resize(out.size(), in.origin[i]);
  }
  return out;
}

void append_cleaned(char32_t c, std::u32string& out) {
  if (!is_removed_by_cleaning(c)) out += is_whitespace(c) ? U' ' : c;
}

void append_spaced_if_chinese(char32_t c, std::u32string& out) {
  const std::size_t blanks = is_chinese(c) ? 1 : 0;
  out.append(blanks, U' ').append(1, c).append(blanks, U' ');
}

void append_unless_mark(char32_t c, std::u32string& out) {
  if (!is_nonspacing_mark(c)) out += c;
}

// Canonical decomposition. The reference sorts marks together with a flag "replaces the next character of the input" or
// "inserted", and hands out origins only afterwards, so a sorted mark may carry the origin of its neighbour.
AlignedText decomposed(const AlignedText& in) {
  struct Part {
    char32_t c;
    int combining_class;
    bool inserted;
  };
  std::vector<Part> parts;
  parts.reserve(in.size());
  std::u32string decomposition;
  for (const char32_t c : in.text) {
    decomposition.clear();
    append_decomposition(c, decomposition);
    for (std::size_t i = 0; i < decomposition.size(); ++i) {
      parts.push_back({decomposition[i], combining_class(decomposition[i]), i > 0});
    }
  }
  const auto is_mark = [](const Part& part) { return part.combining_class != 0; };
  for (auto run = std::find_if(parts.begin(), parts.end(), is_mark); run != parts.end();) {
    const auto end = std::find_if_not(run, parts.end(), is_mark);
    std::stable_sort(run, end, [](const Part& a, const Part& b) { return a.combining_class < b.combining_class; });
    run = std::find_if(end, parts.end(), is_mark);
  }

  AlignedText out;
  std::size_t consumed = 0;
  for (const Part& part : parts) {
    if (!part.inserted) ++consumed;
    out.append(part.c, in.origin.at(consumed - 1));  // decompositions are sorted, so the first part is never an inserted one
  }
  return out;
}

class BertNormalizer final : public Normalizer {
 public:
  struct Settings {
    bool clean_text = false;  // drop control and private-use characters, make every white space a blank
    bool handle_chinese_chars = false;
    bool strip_accents = false;
    bool lowercase = false;
  };
  explicit BertNormalizer(const Settings& settings) : settings_(settings) {}

  AlignedText normalize(AlignedText text) const override {
    if (settings_.clean_text) text = replaced(text, append_cleaned);
    if (settings_.handle_chinese_chars) text = replaced(text, append_spaced_if_chinese);
    if (settings_.strip_accents) text = replaced(decomposed(text), append_unless_mark);
    if (settings_.lowercase) text = replaced(text, append_lower_case);
    return text;
  }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_numbers(settings_.clean_text, settings_.handle_chinese_chars, settings_.strip_accents,
                            settings_.lowercase);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<const Normalizer> read_bert_normalizer(const JsonPart& part) {
  const auto& json = part.value;
  if (json.is_null()) return std::make_unique<BertNormalizer>(BertNormalizer::Settings{});
  const bool lowercase = json.at("lowercase").get<bool>();
  const bool as_lowercase = !json.contains("strip_accents") || json.at("strip_accents").is_null();
  return std::make_unique<BertNormalizer>(
      BertNormalizer::Settings{.clean_text = json.at("clean_text").get<bool>(),
                               .handle_chinese_chars = json.at("handle_chinese_chars").get<bool>(),
                               .strip_accents = as_lowercase ? lowercase : json.at("strip_accents").get<bool>(),
                               .lowercase = lowercase});
}

}  // namespace layersweep::text
