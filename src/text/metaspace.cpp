// Blanks made visible, one set before the text, and words that begin with it.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"
#include "text/components.hpp"

namespace layersweep::text {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  enum class Prepend { never, first, always };
  struct Settings {
    char32_t replacement = 0;
    Prepend prepend = Prepend::always;
    bool split = true;
  };
  explicit Metaspace(const Settings& settings) : settings_(settings) {}

  std::vector<Range> split(AlignedText& aligned) const override {
    const auto& [replacement, prepend, split] = settings_;
    std::u32string& text = aligned.text;
    if (text.empty()) return {};
    std::ranges::replace(text, U' ', replacement);
    const bool is_wanted = prepend == Prepend::always || (prepend == Prepend::first && aligned.origin.front().start == 0);
    if (is_wanted && text.front() != replacement) aligned.prepend(std::u32string(1, replacement));
    if (!split) return {{0, text.size()}};
    std::vector<Range> words;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = std::min(text.find(replacement, begin + 1), text.size());
      words.push_back({begin, end});
    }
    return words;
  }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("Metaspace");
    fingerprint.add_numbers(settings_.replacement, settings_.prepend, settings_.split);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> read_metaspace(const JsonPart& part) {
  const auto& [file, json] = part;
  const std::u32string replacement = base::decode_utf8(json.at("replacement").get<std::string>());
  if (replacement.size() != 1) refuse(file, "its pre-tokenizer Metaspace has a replacement that is not one character");
  Metaspace::Settings settings{.replacement = replacement.front()};
  const std::string prepend = json.value("prepend_scheme", "always");
  const bool said_never = json.contains("add_prefix_space") && json.at("add_prefix_space") == false;  // the old key
  if (said_never && prepend != "never") {
    refuse(file, fmt::format("its pre-tokenizer Metaspace has add_prefix_space = false and prepend_scheme = {}", prepend));
  }
  if (prepend == "never") {
    settings.prepend = Metaspace::Prepend::never;
  } else if (prepend == "first") {
    settings.prepend = Metaspace::Prepend::first;
  } else if (prepend != "always") {
    refuse(file, fmt::format("its pre-tokenizer Metaspace has the prepend_scheme {}", prepend));
  }
  if (json.contains("split") && !json.at("split").is_null()) settings.split = json.at("split").get<bool>();
  return std::make_unique<Metaspace>(settings);
}

}  // namespace layersweep::text
