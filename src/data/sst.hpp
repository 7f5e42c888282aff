// The Stanford Sentiment Treebank (Socher et al. 2013) as it is published: one tree in PTB brackets on each line,
// "(3 (2 It) (4 works))", with a sentiment label 0 (very negative) .. 4 (very positive) at every node.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/corpus.hpp"
#include "terms/terms.hpp"

namespace layersweep::data {

struct SstWord {
  std::int32_t char_start = 0;  ///< in the sentence's text, in code points
  std::int32_t char_end = 0;    ///< one past the last code point
  std::int32_t sentiment = 0;   ///< 0..4, the leaf's own label
};

struct SstSentence {
  std::string text;            ///< words joined by single spaces, brackets, slashes and stars unescaped (-LRB- -RRB- \/ \*)
  std::int32_t label = 0;      ///< 0..4, the root's
  std::vector<SstWord> words;  ///< in order; leaves of more than one word ("2 1/2") are one entry
};

/// One line; throws InputError naming `source`, `line_number` (from 1), the column (from 1, in characters) and what was
/// expected there.
SstSentence parse_sst_tree(std::string_view line, std::string_view source, std::int64_t line_number);

/// All trees of a file, in order; line ends as in lines_of. Throws InputError.
std::vector<SstSentence> read_sst(const std::filesystem::path& file);

/// The official file of a split below the data folder: sst/train.txt, sst/dev.txt, sst/test.txt.
std::filesystem::path sst_file(const std::filesystem::path& data_folder, terms::Split split);

}  // namespace layersweep::data
