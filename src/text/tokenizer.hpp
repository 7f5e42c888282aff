// Tokenisation as models were trained with: the same token ids, word indices and offsets, for every input, as Hugging Face
// `tokenizers` (0.23.3) gives for the same files.
//
// A text is UTF-8. Bytes that are not are read as U+FFFD, one for each maximal ill-formed part, as Python's
// bytes.decode(errors="replace") does; offsets count these as characters. Special tokens written out in a text ("[MASK]")
// are recognised as such, since the reference does so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::text {

/// The tokens of one text or of a pair, with the special tokens around them. All vectors have one entry per token.
struct TokenizedText {
  std::vector<std::int32_t> id;
  std::vector<std::int32_t> segment;  ///< token type for the model: 0, or 1 for the second text and the [SEP] behind it
  std::vector<std::int32_t> source;   ///< the text a token was cut from: 0 first, 1 second, −1 for special tokens around
  std::vector<std::int32_t> word_index;  ///< of the word (run of letters, or one punctuation mark) in its text, −1 likewise
  std::vector<std::int32_t> char_start;  ///< offset into its own text in Unicode code points, −1 likewise
  std::vector<std::int32_t> char_end;    ///< one past the last code point, −1 likewise

  std::int64_t size() const { return static_cast<std::int64_t>(id.size()); }
};

/// A pair of texts with the second cut into windows.
struct Windows {
  std::vector<TokenizedText> texts;
  std::int64_t first_tokens = 0;  ///< of the first text
  std::int64_t first_kept = 0;    ///< of these, in every window
};

/// Ids, −1 for a token that the tokenizer does not have.
struct SpecialTokens {
  std::int32_t mask = -1;
  std::int32_t pad = -1;
  std::int32_t unknown = -1;  ///< stands for what the vocabulary cannot spell
};

/// Immutable and safe to use from several threads; copies are cheap views of the same vocabulary.
class Tokenizer {
 public:
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int32_t>::max();

  /// Reads a model's folder: tokenizer.json where there is one, else vocab.json and merges.txt, else vocab.txt;
  /// tokenizer_config.json for what they leave open. Stored padding and truncation settings are not applied. Throws
  /// InputError when the files are missing or damaged, or name a component that is not known.
  static Tokenizer open(const std::filesystem::path& folder);

  /// The text with special tokens around it. Tokens beyond `max_length` (special tokens counted, for which there must be
  /// room) are cut off the end of the text.
  TokenizedText tokenize(std::string_view text, std::int64_t max_length = unlimited) const;

  /// Likewise two texts. Beyond `max_length` the longer text is cut, both when they get equally long (the reference's
  /// "longest first").
  TokenizedText tokenize_pair(std::string_view first, std::string_view second, std::int64_t max_length = unlimited) const;

  /// The first text with each window of the second, as many as it takes, each pair of at most `max_length` tokens (the
  /// reference's truncation "only_second" with overflowing tokens and a stride). A window begins `overlap`
  /// tokens before the end of the one before, but at least half of it is new. Unless both texts fit whole, the first is cut
  /// to `longest_first` tokens, and to half of what there is room for. An empty second text has one window.
  Windows tokenize_windows(std::string_view first, std::string_view second, std::int64_t max_length, std::int64_t overlap,
                           std::int64_t longest_first) const;

  /// "##ing", "[SEP]"; throws InputError for an id that the vocabulary does not have.
  const std::string& token_text(std::int32_t id) const;
  std::optional<std::int32_t> token_id(std::string_view token) const;

  /// One past the largest id: the rows that a word embedding needs at least.
  std::int32_t vocabulary_size() const;
  const SpecialTokens& special() const;

  /// SHA-256 over the vocabulary and every setting that can change a token; part of the names of token shards.
  const std::string& fingerprint() const;

 private:
  struct State;
  explicit Tokenizer(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace layersweep::text
