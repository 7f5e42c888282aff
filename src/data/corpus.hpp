// Tokenised texts of one split as flat columns (contiguous ragged: example e owns tokens token_start[e] ..
// token_start[e+1]). A corpus is built once, written as a token shard (a safetensors file named by the hash of texts and
// tokenizer) and then memory-mapped by every rank; it is read-only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/notes.hpp"
#include "terms/terms.hpp"

namespace layersweep::data {

/// One tokenised text before it is packed into columns. Per-token vectors have equal length.
struct Example {
  std::string id;    ///< unique within the task, e.g. "sst/dev/17"
  std::string text;  ///< UTF-8; of a pair the first, in question answering the question
  /// Of a pair the second, in question answering the passage (one for all its windows); else null.
  std::shared_ptr<const std::string> second_text;
  std::int32_t label = -1;  ///< class, −1 where there is none
  std::vector<std::int32_t> token_id;
  std::vector<std::int32_t> segment;     ///< 0, or 1 for the second text of a pair
  std::vector<std::uint8_t> part;        ///< terms::TokenPart
  std::vector<std::int32_t> word_index;  ///< −1 for special tokens
  std::vector<std::int32_t>
      char_start;  ///< offset into its own text of a pair in Unicode code points, −1 for special tokens
  std::vector<std::int32_t> char_end;   ///< one past the last code point
  std::vector<std::int32_t> sentiment;  ///< SST: label 0..4 of the token's word, −1 for special tokens; else empty
  std::vector<std::uint8_t> truth;      ///< counting: 1 where the token holds a query symbol; else empty
  std::vector<std::int32_t> query;      ///< counting: the two query symbols; else empty

  // Question answering; empty or 0 elsewhere.
  std::vector<std::uint8_t> answerable;  ///< per token: 1 where an answer may begin or end
  std::vector<std::int32_t> answer;  ///< first and last token of the given answer; −1, −1 where the window holds none
  std::vector<std::string> gold;     ///< all given answers; an empty one: the passage has none
  std::int32_t question = 0;         ///< its number; windows of one question follow one another
};

class Corpus {
 public:
  /// Packs the examples in memory; what was cut or passed over on the way to them is told by `notes`.
  static Corpus pack(const std::vector<Example>& examples, Notes notes = {});
  /// Maps a token shard; throws InputError when the file is missing, damaged or not a token shard, or holds a place, part
  /// or number outside what it belongs to. Token ids and segments are left to the model that reads them.
  static Corpus open(const std::filesystem::path& file);
  /// Writes a token shard: to a temporary name beside it, synced, then renamed.
  void save(const std::filesystem::path& file) const;

  /// The first `count` examples (at most all), as a view of the same columns.
  Corpus first(std::int64_t count) const;

  const Notes& notes() const;        ///< of all examples, also where these are only the first
  std::int64_t size() const;         ///< number of examples E
  std::int64_t token_total() const;  ///< number of tokens N
  std::int64_t length(std::int64_t example) const { return token_start()[example + 1] - token_start()[example]; }
  /// Of all examples, or of `count` from `first` on.
  std::vector<std::int64_t> lengths() const { return lengths(0, size()); }
  std::vector<std::int64_t> lengths(std::int64_t first, std::int64_t count) const;

  std::span<const std::int64_t> token_start() const;  ///< E + 1
  std::span<const std::int32_t> token_id() const;     ///< N, as all per-token columns
  std::span<const std::int32_t> segment() const;
  std::span<const std::uint8_t> part() const;
  std::span<const std::int32_t> word_index() const;
  std::span<const std::int32_t> char_start() const;
  std::span<const std::int32_t> char_end() const;
  std::span<const std::int32_t> sentiment() const;   ///< N, or empty
  std::span<const std::uint8_t> truth() const;       ///< N, or empty
  std::span<const std::int32_t> label() const;       ///< E
  std::span<const std::int32_t> query() const;       ///< 2·E row by row, or empty
  std::span<const std::uint8_t> answerable() const;  ///< N, or empty
  std::span<const std::int32_t> answer() const;      ///< 2·E row by row, or empty
  std::span<const std::int32_t> question() const;    ///< E
  std::string_view text(std::int64_t example) const;
  std::string_view second_text(std::int64_t example) const;
  std::vector<std::string> gold(std::int64_t example) const;
  std::string_view id(std::int64_t example) const;

 private:
  struct Columns;
  explicit Corpus(std::shared_ptr<const Columns> columns);
  std::shared_ptr<const Columns> columns_;  // shared: copies of a corpus are cheap views of the same columns
};

}  // namespace layersweep::data
