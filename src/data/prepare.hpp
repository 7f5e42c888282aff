// From texts to token shards. Preparation happens once; every rank then maps the shard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "data/corpus.hpp"
#include "data/tokenizer.hpp"

namespace layersweep::data {

/// The split of SST below the data folder as tokens, at most `max_length` to a sentence, special ones counted. Ids are
/// "sst/dev/17" (the tree's line, from 0); every token carries the sentiment of its word. Throws InputError.
Corpus prepare_sst(const std::filesystem::path& data_folder, Split split, const Tokenizer& tokenizer,
                   std::int64_t max_length);

/// The file name of a token shard, e.g. "sst-dev-0123456789abcdef.safetensors": the hash is over everything that decides its
/// content, so a shard that exists is the right one.
std::string token_shard_name(std::string_view task, Split split, std::string_view text_sha256,
                             std::string_view tokenizer_fingerprint, std::int64_t max_length);

/// Maps the shard; makes and writes it first (and its folder) where it is missing. Not collective; several ranks may come
/// at once, since each writes whole and equal files. A damaged shard is refused (InputError), not replaced.
Corpus open_or_make(const std::filesystem::path& shard, const std::function<Corpus()>& make);

}  // namespace layersweep::data
