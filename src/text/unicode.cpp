#include "text/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "base/error.hpp"
#include "text/normalization_tables.hpp"
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
bool is_mark(char32_t c) { return c >= 0x300 && contains(mark_ranges, c); }
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

void append_decomposition(char32_t c, bool compatible, std::u32string& out) {
  if (!may_normalise(c) && !(compatible && c >= 0xA0 && contains(compatible_ranges, c))) {
    out += c;
    return;
  }
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
  int unused_boundary_state = 0;
  const int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                             static_cast<utf8proc_option_t>(options), &unused_boundary_state);
  base::ensure(count > 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()),
               "utf8proc decomposes every valid character");
  for (utf8proc_ssize_t i = 0; i < count; ++i) out += static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
}

char32_t composition(char32_t first, char32_t second) {
  if (second < 0x300) return 0;  // no composition ends so
  std::array both{static_cast<utf8proc_int32_t>(first), static_cast<utf8proc_int32_t>(second)};
  const int options = UTF8PROC_COMPOSE | UTF8PROC_STABLE;
  const auto count = utf8proc_normalize_utf32(both.data(), 2, static_cast<utf8proc_option_t>(options));
  const auto composed = static_cast<char32_t>(both.front());
  return count == 1 && may_normalise(composed) ? composed : 0;
}

int combining_class(char32_t c) {
  return may_normalise(c) ? utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class : 0;
}

ClusterKind cluster_kind(char32_t c) {
  if (c >= 0x20 && c < 0x7F) return ClusterKind::other;
  if (c >= 0xAC00 && c <= 0xD7A3) return (c - 0xAC00) % 28 == 0 ? ClusterKind::hangul_lv : ClusterKind::hangul_lvt;
  const auto range = std::ranges::lower_bound(cluster_ranges, c, {}, &ClusterRange::last);
  return range != std::end(cluster_ranges) && range->first <= c ? range->kind : ClusterKind::other;
}

std::size_t cluster_end(std::u32string_view text, std::size_t begin) {
  using enum ClusterKind;
  ClusterKind last = cluster_kind(text[begin]);
  bool after_pictograph = last == pictograph, pictograph_joined = false;
  bool after_consonant = last == consonant, linked = false;
  std::size_t end = begin + 1;
  for (; end < text.size(); ++end) {
    const ClusterKind next = cluster_kind(text[end]);
    if (last == control || next == control) return end + (text[end - 1] == U'\r' && text[end] == U'\n' ? 1 : 0);
    const bool joins = next >= spacing && next <= joiner;
    const bool syllable =
        (last == hangul_l && (next == hangul_l || next == hangul_v || next == hangul_lv || next == hangul_lvt)) ||
        ((last == hangul_lv || last == hangul_v) && (next == hangul_v || next == hangul_t)) ||
        ((last == hangul_lvt || last == hangul_t) && next == hangul_t);
    const bool conjunct = linked && next == consonant;
    const bool pictographs = pictograph_joined && next == pictograph;
    if (!joins && !syllable && !conjunct && !pictographs && last != prepended) break;
    pictograph_joined = after_pictograph && next == joiner;
    after_pictograph = next == pictograph || (after_pictograph && next >= joining && next <= linker);
    after_consonant = next == consonant || (after_consonant && next >= extending && next <= joiner);
    linked = after_consonant && next != consonant && (linked || next == linker);
    last = next;
  }
  return end;
}

}  // namespace layersweep::text
