#include "text/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/tokenizer_files.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

struct Token {
  std::int32_t id = 0;
  std::int32_t word = 0;
  Origin origin;
};

/// White space at the ends of a token.
struct Blanks {
  std::int32_t leading = 0;
  std::int32_t trailing = 0;
};

Blanks blanks_of(std::u32string_view token) {
  const auto is_blank = [](char32_t c) { return c == U'\u0120' || is_whitespace(c); };  // Ġ: a blank among bytes
  const auto first = std::ranges::find_if_not(token, is_blank);
  const auto last = std::ranges::find_if_not(token.rbegin(), token.rend(), is_blank);
  return {static_cast<std::int32_t>(first - token.begin()), static_cast<std::int32_t>(last - token.rbegin())};
}

// As the reference does it, for tokens that are nothing but white space too.
Origin trimmed(Origin origin, const Blanks& blanks, bool keeps_first) {
  const std::int32_t leading = keeps_first && blanks.leading == 1 ? 0 : blanks.leading;
  origin.start = std::min(origin.start + leading, origin.end);
  if (origin.end >= blanks.trailing) origin.end = std::max(origin.end - blanks.trailing, origin.start);
  return origin;
}

AddedTokenFinder make_finder(const Pipeline& pipeline, bool normalized) {
  std::vector<AddedTokenFinder::Pattern> patterns;
  for (const AddedToken& token : pipeline.added) {
    if (token.normalized != normalized) continue;
    std::u32string text = base::decode_utf8(token.content);
    if (normalized) text = pipeline.normalizer->normalize(align(text, 0, text.size())).text;
    if (text.empty()) {
      throw base::InputError(fmt::format("the added token \"{}\" can never be found", token.content),
                             "nothing of it is left after normalisation", "Mark it as not normalized, or remove it");
    }
    patterns.push_back({std::move(text), token});
  }
  return AddedTokenFinder(std::move(patterns));
}

std::u32string_view part_of(const std::u32string& text, const Stretch& stretch) {
  return std::u32string_view(text).substr(stretch.begin, stretch.end - stretch.begin);
}

std::string fingerprint_of(const Pipeline& pipeline) {
  Fingerprint fingerprint;
  fingerprint.add_text("layersweep tokenizer 1");  // to be changed whenever the same files begin to give other tokens
  pipeline.normalizer->add_to(fingerprint);
  pipeline.pre_tokenizer->add_to(fingerprint);
  pipeline.post_processor.add_to(fingerprint);
  fingerprint.add_numbers(pipeline.special.mask, pipeline.special.pad, pipeline.special.unknown);
  pipeline.model->add_to(fingerprint);
  fingerprint.add_numbers(pipeline.added.size());
  for (const AddedToken& token : pipeline.added) {
    fingerprint.add_text(token.content);
    fingerprint.add_numbers(token.id, token.single_word, token.strip_left, token.strip_right, token.normalized,
                            token.special);
  }
  for (const auto& [token, id] : pipeline.model->vocabulary()) {
    fingerprint.add_text(token);
    fingerprint.add_numbers(id);
  }
  return fingerprint.hex();
}

/// What the special tokens of a form leave of `max_length` tokens.
std::int64_t room_in(const std::vector<Template::Place>& form, std::int64_t max_length) {
  const std::int64_t room = max_length - std::ranges::count(form, -1, &Template::Place::source);
  base::ensure(room >= 0, "a tokenised text has room for its special tokens");
  return room;
}

TokenizedText filled(const std::vector<Template::Place>& form, std::array<std::span<const Token>, 2> texts) {
  TokenizedText out;
  for (const auto& [source, id, segment] : form) {
    if (source < 0) {
      out.id.push_back(id);
      for (auto* const column : {&out.source, &out.word_index, &out.char_start, &out.char_end}) column->push_back(-1);
    } else {
      for (const Token& token : texts[static_cast<std::size_t>(source)]) {
        out.id.push_back(token.id);
        out.source.push_back(source);
        out.word_index.push_back(token.word);
        out.char_start.push_back(token.origin.start);
        out.char_end.push_back(token.origin.end);
      }
    }
    out.segment.resize(out.id.size(), segment);
  }
  return out;
}

/// How many tokens remain of two texts when together they may have `room`: only the longer one is cut, until both have half.
std::pair<std::size_t, std::size_t> longest_first(std::size_t first, std::size_t second, std::size_t room) {
  if (first + second <= room) return {first, second};
  const std::size_t shorter = std::min({first, second, room / 2});
  const std::size_t longer = room - shorter;
  return first > second ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

}  // namespace

struct Tokenizer::State {
  explicit State(Pipeline files)
      : pipeline(std::move(files)),
        added(make_finder(pipeline, false)),
        added_normalized(make_finder(pipeline, true)),
        fingerprint(fingerprint_of(pipeline)) {
    for (const auto& [token, id] : pipeline.model->vocabulary()) name(token, id);
    for (const AddedToken& token : pipeline.added) name(token.content, token.id);
    if (pipeline.post_processor.trimming.empty()) return;
    blanks_of_id.resize(static_cast<std::size_t>(vocabulary_size));
    for (const auto& [id, token] : text_of_id)
      blanks_of_id[static_cast<std::size_t>(id)] = blanks_of(base::decode_utf8(token));
  }

  void name(const std::string& token, std::int32_t id) {
    const auto [known, is_new] = text_of_id.emplace(id, token);
    if (!is_new && known->second != token) {
      throw base::InputError(fmt::format("the vocabulary gives id {} to \"{}\" and to \"{}\"", id, known->second, token),
                             "a token must be recognisable by its id", "Mend or replace the tokenizer's files");
    }
    vocabulary_size = std::max(vocabulary_size, id + 1);
  }

  std::vector<Token> tokens_of(std::string_view utf8) const;
  void append_added(Token token, std::u32string_view as_found, std::vector<Token>& tokens) const;
  Origin trimmed_origin(Origin origin, const Blanks& blanks, bool is_first) const;
  void append_words(AlignedText text, std::vector<Token>& tokens, std::int32_t& words) const;

  Pipeline pipeline;
  AddedTokenFinder added;
  AddedTokenFinder added_normalized;
  std::string fingerprint;
  std::unordered_map<std::int32_t, std::string> text_of_id;
  std::int32_t vocabulary_size = 0;
  std::vector<Blanks> blanks_of_id;  // where offsets are trimmed
};

std::vector<Token> Tokenizer::State::tokens_of(std::string_view utf8) const {
  const std::u32string text = base::decode_utf8(utf8);
  base::ensure(text.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), "a text is below 2 GiB");
  std::vector<Token> tokens;
  std::int32_t words = 0;
  for (const Stretch& stretch : added.split(text)) {
    if (stretch.id >= 0) {
      const Origin origin{static_cast<std::int32_t>(stretch.begin), static_cast<std::int32_t>(stretch.end)};
      append_added({stretch.id, words++, origin}, part_of(text, stretch), tokens);
      continue;
    }
    const AlignedText normal = pipeline.normalizer->normalize(align(text, stretch.begin, stretch.end));
    for (const Stretch& inner : added_normalized.split(normal.text)) {
      if (inner.id >= 0) {
        append_added({inner.id, words++, normal.origin_of(inner.begin, inner.end)}, part_of(normal.text, inner), tokens);
      } else {
        append_words(normal.part(inner.begin, inner.end), tokens, words);
      }
    }
  }
  return tokens;
}

void Tokenizer::State::append_added(Token token, std::u32string_view as_found, std::vector<Token>& tokens) const {
  if (!blanks_of_id.empty()) token.origin = trimmed_origin(token.origin, blanks_of(as_found), tokens.empty());
  tokens.push_back(token);
}

Origin Tokenizer::State::trimmed_origin(Origin origin, const Blanks& blanks, bool is_first) const {
  for (const auto& [blank_was_added] : pipeline.post_processor.trimming) {
    origin = trimmed(origin, blanks, blank_was_added && (is_first || origin.start == 0));
  }
  return origin;
}

void Tokenizer::State::append_words(AlignedText text, std::vector<Token>& tokens, std::int32_t& words) const {
  std::vector<Piece> pieces;
  for (const auto& [begin, end] : pipeline.pre_tokenizer->split(text)) {
    pieces.clear();
    pipeline.model->append_pieces(std::u32string_view(text.text).substr(begin, end - begin), pieces);
    for (const auto& [id, range] : pieces) {
      Origin origin = text.origin_of(begin + range.begin, begin + range.end);
      if (!blanks_of_id.empty()) origin = trimmed_origin(origin, blanks_of_id[static_cast<std::size_t>(id)], tokens.empty());
      tokens.push_back({id, words, origin});
    }
    ++words;
  }
}

Tokenizer::Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Tokenizer Tokenizer::open(const std::filesystem::path& folder) {
  return Tokenizer(std::make_shared<const State>(read_tokenizer_files(folder)));
}

TokenizedText Tokenizer::tokenize(std::string_view text, std::int64_t max_length) const {
  const std::vector<Template::Place>& form = state_->pipeline.post_processor.around.single;
  const auto room = static_cast<std::size_t>(room_in(form, max_length));
  const std::vector<Token> tokens = state_->tokens_of(text);
  return filled(form, {std::span(tokens).first(std::min(tokens.size(), room))});
}

TokenizedText Tokenizer::tokenize_pair(std::string_view first, std::string_view second, std::int64_t max_length) const {
  const std::vector<Template::Place>& form = state_->pipeline.post_processor.around.pair;
  const auto room = static_cast<std::size_t>(room_in(form, max_length));
  const std::vector<Token> first_tokens = state_->tokens_of(first);
  const std::vector<Token> second_tokens = state_->tokens_of(second);
  const auto [first_kept, second_kept] = longest_first(first_tokens.size(), second_tokens.size(), room);
  return filled(form, {std::span(first_tokens).first(first_kept), std::span(second_tokens).first(second_kept)});
}

Windows Tokenizer::tokenize_windows(std::string_view first, std::string_view second, std::int64_t max_length,
                                    std::int64_t overlap, std::int64_t longest_first) const {
  const std::vector<Template::Place>& form = state_->pipeline.post_processor.around.pair;
  const std::int64_t both = room_in(form, max_length);
  base::ensure(both >= 2 && overlap >= 0, "a window has room for a token of each text");
  const std::vector<Token> first_tokens = state_->tokens_of(first);
  const std::vector<Token> second_tokens = state_->tokens_of(second);
  const bool all_fits = std::ssize(first_tokens) + std::ssize(second_tokens) <= both;
  const std::int64_t most = all_fits ? std::ssize(first_tokens) : std::min(longest_first, both / 2);
  const auto kept = std::min(first_tokens.size(), static_cast<std::size_t>(most));
  const std::size_t room = static_cast<std::size_t>(both) - kept;
  const std::size_t step = room - std::min(static_cast<std::size_t>(overlap), room / 2);
  Windows windows{{}, std::ssize(first_tokens), static_cast<std::int64_t>(kept)};
  for (std::size_t begin = 0;; begin += step) {
    const std::size_t length = std::min(room, second_tokens.size() - begin);
    windows.texts.push_back(
        filled(form, {std::span(first_tokens).first(kept), std::span(second_tokens).subspan(begin, length)}));
    if (begin + length == second_tokens.size()) break;
  }
  return windows;
}

const std::string& Tokenizer::token_text(std::int32_t id) const {
  const auto known = state_->text_of_id.find(id);
  if (known == state_->text_of_id.end()) {
    throw base::InputError(fmt::format("no token has id {}", id), "the vocabulary does not have it",
                           "Check that tokenizer and data belong together");
  }
  return known->second;
}

std::optional<std::int32_t> Tokenizer::token_id(std::string_view token) const { return state_->pipeline.token_id(token); }
std::int32_t Tokenizer::vocabulary_size() const { return state_->vocabulary_size; }
const SpecialTokens& Tokenizer::special() const { return state_->pipeline.special; }
const std::string& Tokenizer::fingerprint() const { return state_->fingerprint; }

}  // namespace layersweep::text
