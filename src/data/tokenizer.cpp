#include "data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "data/tokenizer_added.hpp"
#include "data/tokenizer_files.hpp"
#include "data/tokenizer_normalize.hpp"
#include "data/tokenizer_unicode.hpp"
#include "data/tokenizer_wordpiece.hpp"

namespace layersweep::data {
namespace {

struct Token {
  std::int32_t id = 0;
  std::int32_t word = 0;
  Origin origin;
};

Origin origin_of(const AlignedText& text, std::size_t begin, std::size_t end) {
  return {text.origin[begin].start, text.origin[end - 1].end};
}

AddedTokenFinder make_finder(const TokenizerDescription& description, bool normalized) {
  std::vector<AddedTokenFinder::Pattern> patterns;
  for (const AddedToken& token : description.added) {
    if (token.normalized != normalized) continue;
    std::u32string text = decode_utf8(token.content);
    if (normalized) text = normalize(align(text, 0, text.size()), description.normalizer).text;
    if (text.empty()) {
      throw base::InputError(fmt::format("the added token \"{}\" can never be found", token.content),
                             "nothing of it is left after normalisation", "Mark it as not normalized, or remove it");
    }
    patterns.push_back({std::move(text), token});
  }
  return AddedTokenFinder(std::move(patterns));
}

std::string fingerprint_of(const TokenizerDescription& description) {
  base::Sha256 hash;
  const auto add_text = [&](std::string_view text) { hash.add(fmt::format("{}:{};", text.size(), text)); };
  const auto add_numbers = [&](const auto&... number) {
    (hash.add(fmt::format("{};", static_cast<std::int64_t>(number))), ...);
  };
  add_text("layersweep tokenizer 1");  // to be changed whenever the same files begin to give other tokens
  const NormalizerSettings& n = description.normalizer;
  add_numbers(n.clean_text, n.handle_chinese_chars, n.strip_accents, n.lowercase);
  const SpecialTokens& s = description.special;
  add_numbers(s.cls, s.sep, s.mask, s.pad, s.unknown);
  add_numbers(description.word_pieces.max_characters_per_word);
  add_text(description.word_pieces.continuing_prefix);
  add_numbers(description.added.size());
  for (const AddedToken& token : description.added) {
    add_text(token.content);
    add_numbers(token.id, token.single_word, token.strip_left, token.strip_right, token.normalized, token.special);
  }
  for (const auto& [token, id] : description.word_pieces.vocabulary) {
    add_text(token);
    add_numbers(id);
  }
  return hash.hex();
}

void append_special(std::int32_t id, std::int32_t segment, TokenizedText& out) {
  out.id.push_back(id);
  out.segment.push_back(segment);
  for (auto* const column : {&out.source, &out.word_index, &out.char_start, &out.char_end}) column->push_back(-1);
}

void append_text(std::span<const Token> tokens, std::int32_t source, TokenizedText& out) {
  for (const Token& token : tokens) {
    out.id.push_back(token.id);
    out.segment.push_back(source);
    out.source.push_back(source);
    out.word_index.push_back(token.word);
    out.char_start.push_back(token.origin.start);
    out.char_end.push_back(token.origin.end);
  }
}

TokenizedText pair_of(const SpecialTokens& special, std::span<const Token> first, std::span<const Token> second) {
  TokenizedText out;
  append_special(special.cls, 0, out);
  append_text(first, 0, out);
  append_special(special.sep, 0, out);
  append_text(second, 1, out);
  append_special(special.sep, 1, out);
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
  explicit State(const TokenizerDescription& description)
      : normalizer(description.normalizer),
        word_pieces(description.word_pieces),
        added(make_finder(description, false)),
        added_normalized(make_finder(description, true)),
        special(description.special),
        fingerprint(fingerprint_of(description)) {
    for (const auto& [token, id] : description.word_pieces.vocabulary) name(token, id);
    for (const AddedToken& token : description.added) name(token.content, token.id);
  }

  void name(const std::string& token, std::int32_t id) {
    const auto [known, is_new] = text_of_id.emplace(id, token);
    if (!is_new && known->second != token) {
      throw base::InputError(fmt::format("the vocabulary gives id {} to \"{}\" and to \"{}\"", id, known->second, token),
                             "a token must be recognisable by its id", "Mend or replace the tokenizer's files");
    }
    id_of_text.emplace(token, id);
    vocabulary_size = std::max(vocabulary_size, id + 1);
  }

  std::vector<Token> tokens_of(std::string_view utf8) const;
  void append_piece(const AlignedText& piece, std::vector<Token>& tokens, std::int32_t& words) const;

  NormalizerSettings normalizer;
  WordPieceModel word_pieces;
  AddedTokenFinder added;
  AddedTokenFinder added_normalized;
  SpecialTokens special;
  std::string fingerprint;
  std::unordered_map<std::int32_t, std::string> text_of_id;
  std::unordered_map<std::string, std::int32_t> id_of_text;
  std::int32_t vocabulary_size = 0;
};

std::vector<Token> Tokenizer::State::tokens_of(std::string_view utf8) const {
  const std::u32string text = decode_utf8(utf8);
  base::ensure(text.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), "a text is below 2 GiB");
  std::vector<Token> tokens;
  std::int32_t words = 0;
  for (const Stretch& stretch : added.split(text)) {
    if (stretch.id >= 0) {
      tokens.push_back(
          {stretch.id, words++, {static_cast<std::int32_t>(stretch.begin), static_cast<std::int32_t>(stretch.end)}});
      continue;
    }
    const AlignedText normal = normalize(align(text, stretch.begin, stretch.end), normalizer);
    for (const Stretch& inner : added_normalized.split(normal.text)) {
      if (inner.id >= 0) {
        tokens.push_back({inner.id, words++, origin_of(normal, inner.begin, inner.end)});
      } else {
        append_piece(AlignedText::part(normal, inner.begin, inner.end), tokens, words);
      }
    }
  }
  return tokens;
}

/// Cuts a piece of normalised text into words, at white space and around every punctuation mark, and spells them.
void Tokenizer::State::append_piece(const AlignedText& piece, std::vector<Token>& tokens, std::int32_t& words) const {
  std::vector<WordPiece> pieces;
  const std::u32string_view text = piece.text;
  for (std::size_t begin = 0; begin < text.size();) {
    if (is_whitespace(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin + 1;
    if (!is_punctuation(text[begin])) {
      while (end < text.size() && !is_whitespace(text[end]) && !is_punctuation(text[end])) ++end;
    }
    pieces.clear();
    word_pieces.append_pieces(text.substr(begin, end - begin), pieces);
    for (const WordPiece& found : pieces) {
      tokens.push_back({found.id, words, origin_of(piece, begin + found.begin, begin + found.end)});
    }
    ++words;
    begin = end;
  }
}

Tokenizer::Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Tokenizer Tokenizer::open(const std::filesystem::path& folder) {
  return Tokenizer(std::make_shared<const State>(read_tokenizer_files(folder)));
}

TokenizedText Tokenizer::tokenize(std::string_view text, std::int64_t max_length) const {
  base::ensure(max_length >= 2, "a tokenised text has room for [CLS] and [SEP]");
  const std::vector<Token> tokens = state_->tokens_of(text);
  const std::size_t kept = std::min(tokens.size(), static_cast<std::size_t>(max_length - 2));
  TokenizedText out;
  append_special(state_->special.cls, 0, out);
  append_text(std::span(tokens).first(kept), 0, out);
  append_special(state_->special.sep, 0, out);
  return out;
}

TokenizedText Tokenizer::tokenize_pair(std::string_view first, std::string_view second, std::int64_t max_length) const {
  base::ensure(max_length >= 3, "a tokenised pair has room for [CLS] and two [SEP]");
  const std::vector<Token> first_tokens = state_->tokens_of(first);
  const std::vector<Token> second_tokens = state_->tokens_of(second);
  const auto [first_kept, second_kept] =
      longest_first(first_tokens.size(), second_tokens.size(), static_cast<std::size_t>(max_length - 3));
  return pair_of(state_->special, std::span(first_tokens).first(first_kept), std::span(second_tokens).first(second_kept));
}

Windows Tokenizer::tokenize_windows(std::string_view first, std::string_view second, std::int64_t max_length,
                                    std::int64_t overlap, std::int64_t longest_first) const {
  base::ensure(max_length >= 5 && overlap >= 0, "a window has room for a token of each text");
  const std::vector<Token> first_tokens = state_->tokens_of(first);
  const std::vector<Token> second_tokens = state_->tokens_of(second);
  const bool all_fits = std::ssize(first_tokens) + std::ssize(second_tokens) <= max_length - 3;
  const std::int64_t most = all_fits ? std::ssize(first_tokens) : std::min(longest_first, (max_length - 3) / 2);
  const auto kept = std::min(first_tokens.size(), static_cast<std::size_t>(most));
  const std::size_t room = static_cast<std::size_t>(max_length - 3) - kept;
  const std::size_t step = room - std::min(static_cast<std::size_t>(overlap), room / 2);
  Windows windows{{}, std::ssize(first_tokens), static_cast<std::int64_t>(kept)};
  for (std::size_t begin = 0;; begin += step) {
    const std::size_t length = std::min(room, second_tokens.size() - begin);
    windows.texts.push_back(
        pair_of(state_->special, std::span(first_tokens).first(kept), std::span(second_tokens).subspan(begin, length)));
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

std::optional<std::int32_t> Tokenizer::token_id(std::string_view token) const {
  const auto known = state_->id_of_text.find(std::string(token));
  return known == state_->id_of_text.end() ? std::nullopt : std::optional(known->second);
}

std::int32_t Tokenizer::vocabulary_size() const { return state_->vocabulary_size; }
const SpecialTokens& Tokenizer::special() const { return state_->special; }
const std::string& Tokenizer::fingerprint() const { return state_->fingerprint; }

}  // namespace layersweep::data
