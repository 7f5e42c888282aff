// Cleans text, sets Chinese characters apart, strips accents and lowers the case, each if it is told to.
#include "text/components.hpp"
#include "text/normalization_forms.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

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
    if (settings_.strip_accents) text = replaced(in_form(std::move(text), Form::nfd), append_unless_mark);
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
