#include "data/tokenizer_wordpiece.hpp"

#include <algorithm>

#include "data/tokenizer_unicode.hpp"

namespace layersweep::data {

WordPieceModel::WordPieceModel(const WordPieceSettings& settings)
    : unknown_(settings.unknown), max_characters_per_word_(static_cast<std::size_t>(settings.max_characters_per_word)) {
  for (const auto& [token, id] : settings.vocabulary) {
    longest_piece_ = std::max(longest_piece_, token.size());
    first_pieces_.emplace(token, id);  // a first piece may look like a later one: the reference does not look at its prefix
    if (token.starts_with(settings.continuing_prefix))
      later_pieces_.emplace(token.substr(settings.continuing_prefix.size()), id);
  }
}

void WordPieceModel::append_pieces(std::u32string_view word, std::vector<WordPiece>& pieces) const {
  const std::size_t before = pieces.size();
  const auto give_up = [&] {
    pieces.resize(before);
    pieces.push_back({unknown_, 0, word.size()});
  };
  if (word.size() > max_characters_per_word_) return give_up();

  std::string utf8;
  std::vector<std::size_t> byte{0};  // where each character begins, and the end
  for (const char32_t c : word) {
    append_utf8(c, utf8);
    byte.push_back(utf8.size());
  }
  for (std::size_t begin = 0; begin < word.size();) {
    const Pieces& known = begin == 0 ? first_pieces_ : later_pieces_;
    std::size_t end = word.size();
    while (end > begin && byte[end] - byte[begin] > longest_piece_) --end;
    auto found = known.end();
    for (; end > begin; --end) {
      found = known.find(std::string_view(utf8).substr(byte[begin], byte[end] - byte[begin]));
      if (found != known.end()) break;
    }
    if (found == known.end()) return give_up();
    pieces.push_back({found->second, begin, end});
    begin = end;
  }
}

}  // namespace layersweep::data
