// The WordPiece vocabulary and its greedy longest-match-first spelling of a word.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/longest_match.hpp"

namespace layersweep::data {

/// A piece of a word: characters begin..end of it.
struct WordPiece {
  std::int32_t id = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct WordPieceSettings {
  std::map<std::string, std::int32_t> vocabulary;  ///< ordered, so that it can be hashed
  std::int32_t unknown = 0;
  std::string continuing_prefix = "##";
  std::int64_t max_characters_per_word = 100;  ///< longer words are unknown
};

class WordPieceModel {
 public:
  explicit WordPieceModel(const WordPieceSettings& settings);

  /// Appends the pieces of a non-empty word; a word that cannot be spelled is one unknown token.
  void append_pieces(std::u32string_view word, std::vector<WordPiece>& pieces) const;

 private:
  struct Token {
    std::int32_t id = 0;
    std::size_t size = 0;  // in characters
  };

  PatternTree first_pieces_;
  PatternFinder later_pieces_;  // without their prefix
  std::vector<Token> tokens_;   // by the numbers of both
  std::size_t prefix_size_;
  std::int32_t unknown_;
  std::size_t max_characters_per_word_;
};

}  // namespace layersweep::data
