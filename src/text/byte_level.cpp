// Words become the bytes of their UTF-8, each written as a character that can be seen. As a post-processor it takes white
// space out of the offsets.
#include <array>

#include "base/utf8.hpp"
#include "text/components.hpp"
#include "text/regex.hpp"

namespace layersweep::text {
namespace {

/// The characters for bytes: those of Latin-1 that can be seen stand for themselves, the other bytes have U+0100 and up.
std::array<char32_t, 256> characters_of_bytes() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool seen = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = seen ? byte : next++;
  }
  return characters;
}

class ByteLevel final : public PreTokenizer {
 public:
  struct Settings {
    bool add_prefix_space = false;
    bool use_regex = false;
  };
  explicit ByteLevel(const Settings& settings) : settings_(settings) {
    if (settings.use_regex) {
      words_ = std::make_unique<Regex>(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
    }
  }

  std::vector<Range> split(AlignedText& text) const override {
    if (text.size() == 0) return {};
    if (settings_.add_prefix_space && text.text.front() != U' ') {
      text.text.insert(text.text.begin(), U' ');
      text.origin.insert(text.origin.begin(), text.origin.front());
    }
    // The expression leaves nothing between its matches.
    std::vector<Range> words = words_ ? words_->matches(text.text) : std::vector{Range{0, text.size()}};
    static const std::array<char32_t, 256> characters = characters_of_bytes();
    AlignedText bytes;
    bytes.text.reserve(text.size() + text.size() / 8);
    bytes.origin.reserve(text.size() + text.size() / 8);
    std::string utf8;
    for (auto& [begin, end] : words) {
      const std::size_t first = bytes.size();
      for (std::size_t i = begin; i < end; ++i) {
        if (text.text[i] < 0x80) {
          bytes.append(characters[text.text[i]], text.origin[i]);
          continue;
        }
        utf8.clear();
        base::append_utf8(text.text[i], utf8);
        for (const char byte : utf8) bytes.append(characters[static_cast<unsigned char>(byte)], text.origin[i]);
      }
      begin = first;
      end = bytes.size();
    }
    text = std::move(bytes);
    return words;
  }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("ByteLevel");
    fingerprint.add_numbers(settings_.add_prefix_space, settings_.use_regex);
  }

 private:
  Settings settings_;
  std::unique_ptr<const Regex> words_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> read_byte_level(const JsonPart& part) {
  return std::make_unique<ByteLevel>(ByteLevel::Settings{.add_prefix_space = part.value.at("add_prefix_space").get<bool>(),
                                                         .use_regex = part.value.value("use_regex", true)});
}

PostProcessor read_byte_level_processing(const JsonPart& part) {
  PostProcessor read{Template::plain(), {}};
  const bool trims = part.value.at("trim_offsets").get<bool>();
  if (trims) read.trimming.push_back({.blank_was_added = part.value.at("add_prefix_space").get<bool>()});
  return read;
}

}  // namespace layersweep::text
