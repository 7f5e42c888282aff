// Characters as the reference tokenizer sees them (see scripts/make_tokenizer_tables.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::text {

/// Both ends included; those of a list are sorted and disjoint.
struct CodePointRange {
  char32_t first;
  char32_t last;
};

bool is_removed_by_cleaning(char32_t c);
bool is_whitespace(char32_t c);
bool is_chinese(char32_t c);
bool is_punctuation(char32_t c);
bool is_nonspacing_mark(char32_t c);
bool is_word_character(char32_t c);
bool is_mark(char32_t c);

/// What a character does to the bounds of grapheme clusters. Regional indicators are as other characters: see
/// cluster_end().
enum class ClusterKind : std::uint8_t {
  other,
  control,    ///< alone, but for CR LF
  prepended,  ///< takes the next one along
  spacing,    ///< joins what stands before it
  joining,    ///< likewise, and pictographs go on behind it
  extending,  ///< likewise, and so do conjuncts
  linker,     ///< likewise, and joins two consonants
  joiner,     ///< likewise, and joins two pictographs
  consonant,  ///< of a script with conjuncts
  pictograph,
  hangul_l,
  hangul_v,
  hangul_t,
  hangul_lv,
  hangul_lvt,
};
ClusterKind cluster_kind(char32_t c);

/// The end of the grapheme cluster that begins at a place of a text, where a cluster begins. Exact for clusters of less than
/// six bytes of UTF-8, which is what is asked for; a flag, of two regional indicators, has eight.
std::size_t cluster_end(std::u32string_view text, std::size_t begin);
bool is_numeric(char32_t c);

/// What \p{…} stands for in the reference's regular expressions: a general category ("Lu", "L"), or a script; nothing where
/// the name is not known.
std::optional<std::vector<CodePointRange>> property(std::string_view name);
std::vector<CodePointRange> whitespace();

/// Lower case of one character in isolation, appended: one character, but for U+0130 two.
void append_lower_case(char32_t c, std::u32string& out);

/// Full decomposition of one character, canonical or compatible, appended.
void append_decomposition(char32_t c, bool compatible, std::u32string& out);
/// The character that two make together, canonically; 0 where there is none.
char32_t composition(char32_t first, char32_t second);
/// Canonical combining class; marks of different classes behind one letter are sorted by it.
int combining_class(char32_t c);

}  // namespace layersweep::text
