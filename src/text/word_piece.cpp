// A vocabulary and its greedy longest-match-first spelling of a word.
#include <fmt/format.h>

#include "base/utf8.hpp"
#include "text/components.hpp"
#include "text/longest_match.hpp"

namespace layersweep::text {
namespace {

// What follows the prefix in each token of the vocabulary; nothing in those without it.
std::vector<std::u32string> texts_behind(std::string_view prefix, const Vocabulary& vocabulary) {
  std::vector<std::u32string> texts;
  for (const auto& [token, id] : vocabulary) {
    texts.push_back(token.starts_with(prefix) ? base::decode_utf8(std::string_view(token).substr(prefix.size()))
                                              : std::u32string());
  }
  return texts;
}

class WordPiece final : public SubwordModel {
 public:
  struct Settings {
    Vocabulary vocabulary;
    std::int32_t unknown = 0;
    std::string continuing_prefix;
    std::int32_t max_characters_per_word = 0;  // longer words are unknown
  };

  explicit WordPiece(Settings settings)
      : settings_(std::move(settings)),
        // A first piece may look like a later one: the reference does not look at its prefix.
        first_pieces_(texts_behind("", settings_.vocabulary)),
        later_pieces_(texts_behind(settings_.continuing_prefix, settings_.vocabulary)),
        prefix_size_(base::decode_utf8(settings_.continuing_prefix).size()) {
    for (const auto& [token, id] : settings_.vocabulary) tokens_.push_back({id, base::decode_utf8(token).size()});
  }

  void append_pieces(std::u32string_view word, std::vector<Piece>& pieces) const override {
    const std::size_t before = pieces.size();
    const auto give_up = [&] {
      pieces.resize(before);
      pieces.push_back({settings_.unknown, {0, word.size()}});
    };
    if (word.size() > static_cast<std::size_t>(settings_.max_characters_per_word)) return give_up();

    std::vector<std::int32_t> later;  // the piece at each character, once it is asked for
    for (std::size_t begin = 0; begin < word.size();) {
      if (begin > 0 && later.empty()) later = later_pieces_.longest_at(word);
      const std::int32_t found = begin == 0 ? first_pieces_.longest_beginning(word) : later[begin];
      if (found == no_pattern) return give_up();
      const auto& [id, size] = tokens_[static_cast<std::size_t>(found)];
      const std::size_t end = begin + size - (begin == 0 ? 0 : prefix_size_);
      pieces.push_back({id, {begin, end}});
      begin = end;
    }
  }

  const Vocabulary& vocabulary() const override { return settings_.vocabulary; }
  std::int32_t unknown() const override { return settings_.unknown; }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_numbers(settings_.max_characters_per_word);
    fingerprint.add_text(settings_.continuing_prefix);
  }

 private:
  struct Token {
    std::int32_t id = 0;
    std::size_t size = 0;  // in characters
  };

  Settings settings_;
  PatternTree first_pieces_;
  PatternFinder later_pieces_;  // without their prefix
  std::vector<Token> tokens_;   // by the numbers of both
  std::size_t prefix_size_;
};

}  // namespace

std::unique_ptr<const SubwordModel> read_word_piece(const JsonPart& part) {
  const auto& [file, json] = part;
  WordPiece::Settings settings;
  for (const auto& [token, id] : json.at("vocab").items()) settings.vocabulary.emplace(token, id_from({file, id}));
  const auto unknown_token = json.at("unk_token").get<std::string>();
  const auto unknown = settings.vocabulary.find(unknown_token);
  if (unknown == settings.vocabulary.end()) {
    refuse(file, fmt::format("its vocabulary lacks the special token {}", unknown_token));
  }
  settings.unknown = unknown->second;
  settings.continuing_prefix = json.at("continuing_subword_prefix").get<std::string>();
  settings.max_characters_per_word = id_from({file, json.at("max_input_chars_per_word")});
  return std::make_unique<WordPiece>(std::move(settings));
}

}  // namespace layersweep::text
