#include "data/tokenizer_normalize.hpp"

#include <algorithm>

#include "data/tokenizer_unicode.hpp"

namespace layersweep::data {
namespace {

AlignedText cleaned(const AlignedText& in) {
  AlignedText out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (is_removed_by_cleaning(in.text[i])) continue;
    out.append(is_whitespace(in.text[i]) ? U' ' : in.text[i], in.origin[i]);
  }
  return out;
}

AlignedText with_chinese_spaced(const AlignedText& in) {
  AlignedText out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool chinese = is_chinese(in.text[i]);
    if (chinese) out.append(U' ', in.origin[i]);
    out.append(in.text[i], in.origin[i]);
    if (chinese) out.append(U' ', in.origin[i]);
  }
  return out;
}

// Canonical decomposition. The reference sorts marks together with a flag "replaces the next character of the input" or
// "inserted", and hands out origins only afterwards, so a sorted mark may carry the origin of its neighbour.
AlignedText decomposed(const AlignedText& in) {
  struct Part {
    char32_t c;
    int combining_class;
    bool inserted;
  };
  std::vector<Part> parts;
  parts.reserve(in.size());
  std::u32string decomposition;
  for (const char32_t c : in.text) {
    decomposition.clear();
    append_decomposition(c, decomposition);
    for (std::size_t i = 0; i < decomposition.size(); ++i) {
      parts.push_back({decomposition[i], combining_class(decomposition[i]), i > 0});
    }
  }
  const auto is_mark = [](const Part& part) { return part.combining_class != 0; };
  for (auto run = std::find_if(parts.begin(), parts.end(), is_mark); run != parts.end();) {
    const auto end = std::find_if_not(run, parts.end(), is_mark);
    std::stable_sort(run, end, [](const Part& a, const Part& b) { return a.combining_class < b.combining_class; });
    run = std::find_if(end, parts.end(), is_mark);
  }

  AlignedText out;
  std::size_t consumed = 0;
  for (const Part& part : parts) {
    if (!part.inserted) ++consumed;
    out.append(part.c, in.origin.at(consumed - 1));  // decompositions are sorted, so the first part is never an inserted one
  }
  return out;
}

AlignedText without_marks(const AlignedText& in) {
  AlignedText out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!is_nonspacing_mark(in.text[i])) out.append(in.text[i], in.origin[i]);
  }
  return out;
}

AlignedText lowered(const AlignedText& in) {
  AlignedText out;
  std::u32string lower;
  for (std::size_t i = 0; i < in.size(); ++i) {
    lower.clear();
    append_lower_case(in.text[i], lower);
    for (const char32_t c : lower) out.append(c, in.origin[i]);
  }
  return out;
}

}  // namespace

void AlignedText::append(char32_t c, Origin from) {
  text += c;
  origin.push_back(from);
}

AlignedText AlignedText::part(const AlignedText& whole, std::size_t begin, std::size_t end) {
  return {whole.text.substr(begin, end - begin), {whole.origin.begin() + begin, whole.origin.begin() + end}};
}

AlignedText align(const std::u32string& original, std::size_t begin, std::size_t end) {
  AlignedText out;
  for (std::size_t i = begin; i < end; ++i) {
    out.append(original[i], {static_cast<std::int32_t>(i), static_cast<std::int32_t>(i) + 1});
  }
  return out;
}

AlignedText normalize(const AlignedText& piece, const NormalizerSettings& settings) {
  AlignedText out = piece;
  if (settings.clean_text) out = cleaned(out);
  if (settings.handle_chinese_chars) out = with_chinese_spaced(out);
  if (settings.strip_accents) out = without_marks(decomposed(out));
  if (settings.lowercase) out = lowered(out);
  return out;
}

}  // namespace layersweep::data
