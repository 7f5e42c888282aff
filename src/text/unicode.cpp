#include "text/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "base/error.hpp"
#include "text/unicode_tables.hpp"

namespace layersweep::text {
namespace {

bool contains(std::span<const CodePointRange> ranges, char32_t c) {
  const auto range = std::ranges::lower_bound(ranges, c, {}, &CodePointRange::last);
  return range != ranges.end() && range->first <= c;
}

// Whether utf8proc may be asked: it may know characters that the reference, with older tables, leaves alone.
bool may_normalise(char32_t c) { return c >= 0xC0 && contains(normalised_ranges, c); }

}  // namespace

bool is_removed_by_cleaning(char32_t c) { return contains(removed_ranges, c); }
bool is_whitespace(char32_t c) { return contains(whitespace_ranges, c); }
bool is_chinese(char32_t c) { return c >= 0x3400 && contains(chinese_ranges, c); }
bool is_punctuation(char32_t c) { return contains(punctuation_ranges, c); }
bool is_nonspacing_mark(char32_t c) { return c >= 0x300 && contains(nonspacing_mark_ranges, c); }
bool is_word_character(char32_t c) { return contains(word_ranges, c); }
bool is_numeric(char32_t c) { return contains(numeric_ranges, c); }

std::optional<std::vector<CodePointRange>> property(std::string_view name) {
  constexpr std::pair<std::string_view, std::span<const CodePointRange>> scripts[] = {
      {"Han", han_ranges},     {"Hiragana", hiragana_ranges}, {"Katakana", katakana_ranges}, {"Hangul", hangul_ranges},
      {"Latin", latin_ranges}, {"Greek", greek_ranges},       {"Cyrillic", cyrillic_ranges}};
  for (const auto& [script, ranges] : scripts) {
    if (script == name) return std::vector(ranges.begin(), ranges.end());
  }
  const auto holds = [&](std::uint32_t category) { return general_categories[category].starts_with(name); };
  std::vector<CodePointRange> found;
  for (std::size_t run = 0; run < std::size(category_runs); ++run) {
    const auto& [first, even, odd] = category_runs[run];
    const char32_t end = run + 1 < std::size(category_runs) ? category_runs[run + 1].first : 0x110000;
    if (!holds(even) && !holds(odd)) continue;
    if (holds(even) && holds(odd)) {
      found.push_back({first, end - 1});
    } else {
      for (char32_t c = holds(even) ? first : first + 1; c < end; c += 2) found.push_back({c, c});
    }
  }
  const bool is_known = !name.empty() && !found.empty();
  return is_known ? std::optional(found) : std::nullopt;
}

std::vector<CodePointRange> whitespace() { return {std::begin(whitespace_ranges), std::end(whitespace_ranges)}; }

void append_lower_case(char32_t c, std::u32string& out) {
  if (c == 0x130) {
    out += U"i\u0307";
    return;
  }
  const auto run = std::ranges::lower_bound(lower_case_runs, c, {}, &LowerCaseRun::last);
  const bool changes =
      run != std::end(lower_case_runs) && run->first <= c && (c - run->first) % static_cast<char32_t>(run->step) == 0;
  out += changes ? static_cast<char32_t>(static_cast<std::int32_t>(c) + run->difference) : c;
}

void append_decomposition(char32_t c, std::u32string& out) {
  if (!may_normalise(c)) {
    out += c;
    return;
  }
  std::array<utf8proc_int32_t, 16> parts{};  // no canonical decomposition is longer than 4
  int unused_boundary_state = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                             UTF8PROC_DECOMPOSE, &unused_boundary_state);
  base::ensure(count > 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()),
               "utf8proc decomposes every valid character");
  for (utf8proc_ssize_t i = 0; i < count; ++i) out += static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
}

int combining_class(char32_t c) {
  return may_normalise(c) ? utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class : 0;
}

}  // namespace layersweep::text
