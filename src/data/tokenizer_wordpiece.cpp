#include "data/tokenizer_wordpiece.hpp"

#include "data/tokenizer_unicode.hpp"

namespace layersweep::data {
namespace {

// What follows the prefix in each token of the vocabulary; nothing in those without it.
std::vector<std::u32string> texts_behind(std::string_view prefix, const WordPieceSettings& settings) {
  std::vector<std::u32string> texts;
  for (const auto& [token, id] : settings.vocabulary) {
    texts.push_back(token.starts_with(prefix) ? decode_utf8(std::string_view(token).substr(prefix.size()))
                                              : std::u32string());
  }
  return texts;
}

}  // namespace

WordPieceModel::WordPieceModel(const WordPieceSettings& settings)
    // A first piece may look like a later one: the reference does not look at its prefix.
    : first_pieces_(texts_behind("", settings)),
      later_pieces_(texts_behind(settings.continuing_prefix, settings)),
      prefix_size_(decode_utf8(settings.continuing_prefix).size()),
      unknown_(settings.unknown),
      max_characters_per_word_(static_cast<std::size_t>(settings.max_characters_per_word)) {
  for (const auto& [token, id] : settings.vocabulary) tokens_.push_back({id, decode_utf8(token).size()});
}

void WordPieceModel::append_pieces(std::u32string_view word, std::vector<WordPiece>& pieces) const {
  const std::size_t before = pieces.size();
  const auto give_up = [&] {
    pieces.resize(before);
    pieces.push_back({unknown_, 0, word.size()});
  };
  if (word.size() > max_characters_per_word_) return give_up();

  std::vector<std::int32_t> later;  // the piece at each character, once it is asked for
  for (std::size_t begin = 0; begin < word.size();) {
    if (begin > 0 && later.empty()) later = later_pieces_.longest_at(word);
    const std::int32_t found = begin == 0 ? first_pieces_.longest_beginning(word) : later[begin];
    if (found == no_pattern) return give_up();
    const auto& [id, size] = tokens_[static_cast<std::size_t>(found)];
    const std::size_t end = begin + size - (begin == 0 ? 0 : prefix_size_);
    pieces.push_back({id, begin, end});
    begin = end;
  }
}

}  // namespace layersweep::data
