// From texts to token shards. Preparation happens once; every rank then maps the shard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/corpus.hpp"
#include "data/examples.hpp"
#include "data/squad.hpp"
#include "data/text_file.hpp"
#include "data/tokenizer.hpp"

namespace layersweep::data {

/// The split of SST below the data folder as tokens, at most `max_length` to a sentence, special ones counted. Ids are
/// "sst/dev/17" (the tree's line, from 0); every token carries the sentiment of its word. Throws InputError.
Corpus prepare_sst(const std::filesystem::path& data_folder, Split split, const Tokenizer& tokenizer,
                   std::int64_t max_length);

/// The questions of one split as tokens, a window of a passage each. Ids are the questions'.
Corpus prepare_squad(const std::vector<SquadQuestion>& questions, const Tokenizer& tokenizer,
                     const WindowSettings& settings);

/// What the labels of users' texts mean.
struct Classes {
  std::int64_t count = 0;
  std::vector<std::string> names;  ///< one per class, or none
};

/// The classes that training texts make: as many as the largest number says where all labels are numbers, else the distinct
/// labels in alphabetical order. Throws InputError naming `file` and the line of a text without a label.
Classes classes_of(std::span<const TextRow> rows, const std::filesystem::path& file);

/// The class of a row's label, by name or number; −1 where it has none. Throws InputError naming `file` and the line of a
/// label that is neither.
std::int32_t label_of(const TextRow& row, const std::filesystem::path& file, const Classes& classes);

/// The row's own, else "<split>/<line>".
std::string id_of(const TextRow& row, Split split);

/// Users' texts as tokens, with labels and ids as above.
Corpus prepare_texts(std::span<const TextRow> rows, const std::filesystem::path& file, Split split,
                     const Tokenizer& tokenizer, const Classes& classes, std::int64_t max_length);

/// The file name of a token shard, e.g. "sst-dev-0123456789abcdef.safetensors": the hash is over everything that decides its
/// content, so a shard that exists is the right one.
std::string token_shard_name(std::string_view task, Split split, std::string_view text_sha256,
                             std::string_view tokenizer_fingerprint, std::int64_t max_length);

/// Maps the shard; makes and writes it first (and its folder) where it is missing. Not collective; several ranks may come
/// at once, since each writes whole and equal files. A damaged shard is refused (InputError), not replaced.
Corpus open_or_make(const std::filesystem::path& shard, const std::function<Corpus()>& make);

}  // namespace layersweep::data
