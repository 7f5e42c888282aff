#include "data/prepare.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "data/sst.hpp"

namespace layersweep::data {
namespace {

// Counted up whenever the reading of texts or their packing changes what a shard holds.
constexpr int kPreparationVersion = 2;
constexpr std::size_t kHashDigits = 16;

// The sentiment of the word a token was cut from; tokens and words are both in order of their text.
std::vector<std::int32_t> token_sentiment(const TokenizedText& tokens, const std::vector<SstWord>& words) {
  std::vector<std::int32_t> sentiment;
  auto word = words.begin();
  for (std::size_t token = 0; token < tokens.id.size(); ++token) {
    if (tokens.source[token] < 0) {
      sentiment.push_back(-1);
      continue;
    }
    while (word != words.end() && word->char_end <= tokens.char_start[token]) ++word;
    base::ensure(word != words.end(), "a token behind the last word of its sentence");
    sentiment.push_back(word->sentiment);
  }
  return sentiment;
}

Example make_example(const SstSentence& sentence, TokenizedText tokens) {
  std::vector<std::int32_t> sentiment = token_sentiment(tokens, sentence.words);
  Example example = example_of(std::move(tokens), TokenPart::text, TokenPart::text);
  example.text = sentence.text;
  example.label = sentence.label;
  example.sentiment = std::move(sentiment);
  return example;
}

std::optional<std::int32_t> number_in(const std::string& label) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
  constexpr std::int32_t most = 65535;  // classes; a larger number is a mistake
  if (error != std::errc() || end != label.data() + label.size() || number < 0 || number > most) return std::nullopt;
  return number;
}

}  // namespace

Corpus prepare_sst(const std::filesystem::path& data_folder, Split split, const Tokenizer& tokenizer,
                   std::int64_t max_length) {
  std::vector<Example> examples;
  for (const SstSentence& sentence : read_sst(sst_file(data_folder, split))) {
    const std::string id = fmt::format("sst/{}/{}", split_name(split), examples.size());
    examples.push_back(make_example(sentence, tokenizer.tokenize(sentence.text, max_length)));
    examples.back().id = id;
  }
  return Corpus::pack(examples);
}

Corpus prepare_squad(const std::vector<SquadQuestion>& questions, const Tokenizer& tokenizer,
                     const WindowSettings& settings) {
  const bool possible = std::ranges::any_of(questions, &SquadQuestion::is_impossible);
  std::vector<Example> examples;
  std::int32_t number = 0;
  for (const SquadQuestion& question : questions) {
    for (Example& example :
         window_examples(tokenizer, question, number, settings, possible ? Unanswerable::possible : Unanswerable::never)) {
      examples.push_back(std::move(example));
    }
    ++number;
  }
  return Corpus::pack(examples);
}

Classes classes_of(std::span<const TextRow> rows, const std::filesystem::path& file) {
  std::set<std::string> names;
  std::int32_t largest = 0;
  bool all_numbers = true;
  for (const TextRow& row : rows) {
    if (row.label.empty()) {
      throw base::InputError(fmt::format("{}, line {}: the text has no label", file.string(), row.line),
                             "the model is fine-tuned on labels",
                             "Add labels, or set finetune.epochs = 0 to use the encoder as it is");
    }
    names.insert(row.label);
    const auto number = number_in(row.label);
    all_numbers = all_numbers && number;
    largest = std::max(largest, number.value_or(0));
  }
  if (!all_numbers) return {std::ssize(names), {names.begin(), names.end()}};
  return {std::max(largest + 1, 2), {}};
}

std::string id_of(const TextRow& row, Split split) {
  return row.id.empty() ? fmt::format("{}/{}", split_name(split), row.line) : row.id;
}

std::int32_t label_of(const TextRow& row, const std::filesystem::path& file, const Classes& classes) {
  if (row.label.empty()) return -1;
  const auto named = std::ranges::find(classes.names, row.label);
  if (named != classes.names.end()) return static_cast<std::int32_t>(named - classes.names.begin());
  const auto number = number_in(row.label);
  if (number && *number < classes.count) return *number;
  throw base::InputError(fmt::format("{}, line {}: there is no class \"{}\"", file.string(), row.line, row.label),
                         classes.names.empty() ? fmt::format("the model has the classes 0 to {}", classes.count - 1)
                                               : fmt::format("the model has {}", fmt::join(classes.names, ", ")));
}

Corpus prepare_texts(std::span<const TextRow> rows, const std::filesystem::path& file, Split split,
                     const Tokenizer& tokenizer, const Classes& classes, std::int64_t max_length) {
  std::vector<Example> examples;
  std::int64_t too_long = 0;
  for (const TextRow& row : rows) {
    Example example = text_example(tokenizer, row.input);
    if (std::ssize(example.token_id) > max_length) {
      example = text_example(tokenizer, row.input, max_length);
      ++too_long;
    }
    example.id = id_of(row, split);
    example.label = label_of(row, file, classes);
    examples.push_back(std::move(example));
  }
  if (too_long > 0) {
    base::world_warning("{}: {} of {} {} texts are cut to {} tokens (task.max_length)", file.string(), too_long, rows.size(),
                        split_name(split), max_length);
  }
  return Corpus::pack(examples);
}

std::string token_shard_name(std::string_view task, Split split, std::string_view text_sha256,
                             std::string_view tokenizer_fingerprint, std::int64_t max_length) {
  const std::string content =
      fmt::format("version {}\ntask {}\nsplit {}\ntext {}\ntokenizer {}\nmax_length {}\n", kPreparationVersion, task,
                  split_name(split), text_sha256, tokenizer_fingerprint, max_length);
  return fmt::format("{}-{}-{}.safetensors", task, split_name(split), base::sha256_of_text(content).substr(0, kHashDigits));
}

Corpus open_or_make(const std::filesystem::path& shard, const std::function<Corpus()>& make) {
  std::error_code problem;
  if (!std::filesystem::exists(shard, problem)) {
    const std::filesystem::path folder = std::filesystem::absolute(shard).parent_path();
    std::filesystem::create_directories(folder, problem);
    if (problem) throw base::InputError(fmt::format("cannot make the folder {}", folder.string()), problem.message());
    make().save(shard);
  }
  return Corpus::open(shard);
}

}  // namespace layersweep::data
