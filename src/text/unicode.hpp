// Characters as the reference tokenizer sees them (see scripts/make_tokenizer_tables.py).
#pragma once

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
bool is_numeric(char32_t c);

/// What \p{…} stands for in the reference's regular expressions: a general category ("Lu", "L"), or a script; nothing where
/// the name is not known.
std::optional<std::vector<CodePointRange>> property(std::string_view name);
std::vector<CodePointRange> whitespace();

/// Lower case of one character in isolation, appended: one character, but for U+0130 two.
void append_lower_case(char32_t c, std::u32string& out);

/// Full canonical decomposition of one character, appended.
void append_decomposition(char32_t c, std::u32string& out);
/// Canonical combining class; marks of different classes behind one letter are sorted by it.
int combining_class(char32_t c);

}  // namespace layersweep::text
