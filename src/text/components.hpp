// What a tokenizer is made of, as tokenizer.json names it: a normalizer, a pre-tokenizer, a model, and a post-processor,
// which is a template of special tokens. Each kind of one is a file named as its type (those of few lines share one),
// declared below and listed in components.cpp.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "text/aligned_text.hpp"
#include "text/range.hpp"

namespace layersweep::text {

/// The SHA-256 that tells tokenizers apart. A component adds to it whatever changes what it gives: kinds of the first
/// version their settings only, as token shards are named by it, any other its type before them.
class Fingerprint {
 public:
  void add_text(std::string_view text) { hash_.add(fmt::format("{}:{};", text.size(), text)); }
  template <class... Number>
  void add_numbers(Number... number) {
    (hash_.add(fmt::format("{};", static_cast<std::int64_t>(number))), ...);
  }
  std::string hex() { return hash_.hex(); }

 private:
  base::Sha256 hash_;
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual AlignedText normalize(AlignedText text) const = 0;
  virtual void add_to(Fingerprint& fingerprint) const = 0;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// The words of a text, from left to right, none of them empty. May rewrite the text; the words are those of what it
  /// leaves.
  virtual std::vector<Range> split(AlignedText& text) const = 0;
  virtual void add_to(Fingerprint& fingerprint) const = 0;
};

/// Ordered, so that it can be hashed.
using Vocabulary = std::map<std::string, std::int32_t, std::less<>>;

/// A token and the characters of a word that it stands for.
struct Piece {
  std::int32_t id = 0;
  Range range;
};

class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  /// Appends the pieces of a word that is not empty.
  virtual void append_pieces(std::u32string_view word, std::vector<Piece>& pieces) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
  /// The token for what the vocabulary cannot spell; −1 where it can spell everything.
  virtual std::int32_t unknown() const = 0;
  /// But for the vocabulary and the unknown token.
  virtual void add_to(Fingerprint& fingerprint) const = 0;
};

/// Special tokens around one text and around a pair.
struct Template {
  struct Place {
    std::int32_t source = -1;  ///< the text that stands here: 0 first, 1 second, −1 a special token
    std::int32_t id = -1;      ///< of the special token
    std::int32_t segment = 0;

    bool operator==(const Place&) const = default;
  };
  std::vector<Place> single, pair;  ///< each has its texts once

  /// The texts alone, the second with segment 1.
  static Template plain();

  /// [CLS] first [SEP], and [CLS] first [SEP] second [SEP] with segment 1 from the second text on.
  static Template around(std::int32_t cls, std::int32_t sep);

  void add_to(Fingerprint& fingerprint) const;
  bool operator==(const Template&) const = default;
};

/// White space at the ends of a token is no part of its offsets. Byte-level pieces have Ġ for a blank.
struct OffsetTrimming {
  bool blank_was_added = false;  ///< before the first token, which keeps it
};

struct PostProcessor {
  Template around;
  std::vector<OffsetTrimming> trimming;  ///< one after the other

  void add_to(Fingerprint& fingerprint) const;
};

/// A part of a JSON file, which is named in messages.
struct JsonPart {
  const std::filesystem::path& file;
  const nlohmann::json& value;
};

/// Throws the InputError of a file that holds no tokenizer of ours.
[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view why);
std::int32_t id_from(const JsonPart& part);

/// They refuse a type that is not known, by name. A normalizer that is null leaves text as it is, and a pre-tokenizer that
/// is null makes one word of it.
std::unique_ptr<const Normalizer> read_normalizer(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const JsonPart& part);
std::unique_ptr<const SubwordModel> read_subword_model(const JsonPart& part);
PostProcessor read_post_processor(const JsonPart& part);

// The kinds.
std::unique_ptr<const Normalizer> read_bert_normalizer(const JsonPart& part);
std::unique_ptr<const Normalizer> read_lowercase(const JsonPart& part);
std::unique_ptr<const Normalizer> read_nfc(const JsonPart& part);
std::unique_ptr<const Normalizer> read_nfd(const JsonPart& part);
std::unique_ptr<const Normalizer> read_nfkc(const JsonPart& part);
std::unique_ptr<const Normalizer> read_nfkd(const JsonPart& part);
std::unique_ptr<const Normalizer> read_nmt(const JsonPart& part);
std::unique_ptr<const Normalizer> read_normalizer_sequence(const JsonPart& part);
std::unique_ptr<const Normalizer> read_precompiled(const JsonPart& part);
std::unique_ptr<const Normalizer> read_prepend(const JsonPart& part);
std::unique_ptr<const Normalizer> read_replace(const JsonPart& part);
std::unique_ptr<const Normalizer> read_strip(const JsonPart& part);
std::unique_ptr<const Normalizer> read_strip_accents(const JsonPart& part);

std::unique_ptr<const PreTokenizer> read_bert_pre_tokenizer(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_byte_level(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_char_delimiter_split(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_digits(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_metaspace(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_punctuation(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_split(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_pre_tokenizer_sequence(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_whitespace(const JsonPart& part);
std::unique_ptr<const PreTokenizer> read_whitespace_split(const JsonPart& part);

std::unique_ptr<const SubwordModel> read_bpe(const JsonPart& part);
std::unique_ptr<const SubwordModel> read_unigram(const JsonPart& part);
std::unique_ptr<const SubwordModel> read_word_piece(const JsonPart& part);

PostProcessor read_bert_processing(const JsonPart& part);
PostProcessor read_byte_level_processing(const JsonPart& part);
PostProcessor read_post_processor_sequence(const JsonPart& part);
PostProcessor read_roberta_processing(const JsonPart& part);
PostProcessor read_template_processing(const JsonPart& part);

}  // namespace layersweep::text
