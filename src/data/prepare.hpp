// From texts to token shards. Preparation happens once; every rank then maps the shard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/corpus.hpp"
#include "data/examples.hpp"
#include "data/squad.hpp"
#include "data/text_file.hpp"
#include "terms/terms.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::data {

/// Called after each text that has become tokens: making them may take long.
using OnText = std::function<void()>;

/// The split of SST below the data folder as tokens, at most `max_length` to a sentence, special ones counted. Ids are
/// "sst/dev/17" (the tree's line, from 0); its notes tell which sentences were cut; every token carries the sentiment of its
/// word. Throws InputError.
Corpus prepare_sst(
    const std::filesystem::path& data_folder, terms::Split split, const text::Tokenizer& tokenizer, std::int64_t max_length,
    const OnText& on_text = [] {});

/// The questions of one split as tokens, a window of a passage each. Ids are the questions'. Its notes tell which questions
/// were cut.
Corpus prepare_squad(
    const std::vector<SquadQuestion>& questions, const text::Tokenizer& tokenizer, const WindowSettings& settings,
    const OnText& on_text = [] {});

/// What the labels of users' texts mean.
struct Classes {
  std::int64_t count = 0;
  std::vector<std::string> names;  ///< one per class, or none
};

/// Labels that were read together, each with the place where it stands first: "train.tsv, line 3".
using LabelPlaces = std::map<std::string, std::string>;
/// Adds the labels of `rows`.
void add_labels(std::span<const TextRow> rows, const std::filesystem::path& file, LabelPlaces& labels);

/// The class of each label, by one rule for all of them: by name where each is the name of a class; else by number where
/// each is the number of one. Throws InputError naming the place of a label that is neither, or of one that is the name of
/// one class and the number of another, where both rules fit.
using LabelClasses = std::map<std::string, std::int32_t>;
LabelClasses classes_by_label(const LabelPlaces& labels, const Classes& classes);

/// The classes that a model is to be trained for: those of the head that it has, where that has names and each label is one;
/// else as many as the largest number says where all labels are numbers (with the names of a head of that size), else the
/// labels in alphabetical order. `labels` are those of the training texts. Throws InputError where all are the same.
Classes classes_of(const LabelPlaces& labels, const Classes& head);

/// Throws InputError naming the line of the first text without a label.
void check_labelled(std::span<const TextRow> rows, const std::filesystem::path& file);

/// The class of a row's label, which must be among `classes`; −1 where it has none.
std::int32_t label_of(const TextRow& row, const LabelClasses& classes);

/// The row's own, else "<split>/<line>".
std::string id_of(const TextRow& row, terms::Split split);

/// Users' texts of one file as tokens, with labels and ids as above. Its notes tell which texts were cut.
struct TextsOfFile {
  std::span<const TextRow> rows;
  std::filesystem::path file;
  terms::Split split = terms::Split::train;
};
Corpus prepare_texts(
    const TextsOfFile& texts, const text::Tokenizer& tokenizer, std::int64_t max_length, const LabelClasses& classes,
    const OnText& on_text = [] {});

/// The file name of a token shard, e.g. "sst-dev-0123456789abcdef.safetensors": the hash is over everything that decides its
/// content, so a shard that exists is the right one.
std::string token_shard_name(std::string_view task, terms::Split split, std::string_view text_sha256,
                             std::string_view tokenizer_fingerprint, std::int64_t max_length);

/// Maps the shard; makes and writes it first (and its folder) where it is missing. Not collective; several ranks may come
/// at once, since each writes whole and equal files. A damaged shard is refused (InputError), not replaced.
Corpus open_or_make(const std::filesystem::path& shard, const std::function<Corpus()>& make);

}  // namespace layersweep::data
