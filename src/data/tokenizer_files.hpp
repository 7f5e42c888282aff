// What the files of an encoder folder say about its tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/tokenizer.hpp"
#include "data/tokenizer_added.hpp"
#include "data/tokenizer_normalize.hpp"
#include "data/tokenizer_wordpiece.hpp"

namespace layersweep::data {

struct TokenizerDescription {
  NormalizerSettings normalizer;
  WordPieceSettings word_pieces;
  std::vector<AddedToken> added;                           ///< special ones first, as they are looked for in this order
  std::unordered_map<std::string, std::int32_t> added_id;  ///< of each of them, by content
  SpecialTokens special;
};

/// Throws InputError, naming the file, where a file is missing, damaged, or describes something else than BERT's tokenizer.
TokenizerDescription read_tokenizer_files(const std::filesystem::path& folder);

}  // namespace layersweep::data
