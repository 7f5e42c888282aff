// How the reference tokenizer classifies characters. The tables are generated; tokenizer_unicode.hpp has the questions.
#pragma once

#include <cstdint>
#include <span>

namespace layersweep::data {

/// Both ends included; a table's ranges are sorted and disjoint.
struct CodePointRange {
  char32_t first;
  char32_t last;
};

/// Every `step`-th code point from `first` to `last` has the lower case `code point + difference`. Runs are sorted by `last`
/// and disjoint.
struct LowerCaseRun {
  char32_t first;
  char32_t last;
  std::int32_t step;
  std::int32_t difference;
};

extern const std::span<const CodePointRange> removed_ranges;          ///< dropped by text cleaning
extern const std::span<const CodePointRange> whitespace_ranges;       ///< separates words
extern const std::span<const CodePointRange> chinese_ranges;          ///< each a word of its own
extern const std::span<const CodePointRange> punctuation_ranges;      ///< each a word of its own
extern const std::span<const CodePointRange> nonspacing_mark_ranges;  ///< dropped when accents are stripped
extern const std::span<const CodePointRange> word_ranges;             ///< may not touch a single-word added token
extern const std::span<const CodePointRange> normalised_ranges;       ///< may have a decomposition or a combining class
extern const std::span<const LowerCaseRun> lower_case_runs;

}  // namespace layersweep::data
