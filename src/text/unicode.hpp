// Characters as the reference tokenizer sees them (see scripts/make_tokenizer_tables.py).
#pragma once

#include <string>

namespace layersweep::text {

bool is_removed_by_cleaning(char32_t c);
bool is_whitespace(char32_t c);
bool is_chinese(char32_t c);
bool is_punctuation(char32_t c);
bool is_nonspacing_mark(char32_t c);
bool is_word_character(char32_t c);

/// Lower case of one character in isolation, appended: one character, but for U+0130 two.
void append_lower_case(char32_t c, std::u32string& out);

/// Full canonical decomposition of one character, appended.
void append_decomposition(char32_t c, std::u32string& out);
/// Canonical combining class; marks of different classes behind one letter are sorted by it.
int combining_class(char32_t c);

}  // namespace layersweep::text
