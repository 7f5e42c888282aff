#include "data/prepare.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "data/sst.hpp"

namespace layersweep::data {
namespace {

// Counted up whenever the reading of texts or their packing changes what a shard holds.
constexpr int kPreparationVersion = 3;
constexpr std::size_t kHashDigits = 16;

// The sentiment of the word a token was cut from; tokens and words are both in order of their text.
std::vector<std::int32_t> token_sentiment(const text::TokenizedText& tokens, const std::vector<SstWord>& words) {
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

Example make_example(const SstSentence& sentence, text::TokenizedText tokens) {
  std::vector<std::int32_t> sentiment = token_sentiment(tokens, sentence.words);
  Example example = example_of(std::move(tokens), terms::TokenPart::text, terms::TokenPart::text);
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

std::string texts_cut(std::int64_t max_length) {
  return fmt::format("texts cut to {} tokens (task.max_length)", max_length);
}

}  // namespace

Corpus prepare_sst(const std::filesystem::path& data_folder, terms::Split split, const text::Tokenizer& tokenizer,
                   std::int64_t max_length, const OnText& on_text) {
  std::vector<Example> examples;
  Notes notes;
  const std::filesystem::path file = sst_file(data_folder, split);
  for (const SstSentence& sentence : read_sst(file)) {
    const std::string id = fmt::format("sst/{}/{}", terms::name_of(split), examples.size());
    text::TokenizedText tokens = tokenizer.tokenize(sentence.text);
    if (tokens.size() > max_length) {
      notes.add(texts_cut(max_length), fmt::format("{}:{}", file.filename().string(), examples.size() + 1));
      tokens = tokenizer.tokenize(sentence.text, max_length);
    }
    examples.push_back(make_example(sentence, std::move(tokens)));
    examples.back().id = id;
    on_text();
  }
  return Corpus::pack(examples, std::move(notes));
}

Corpus prepare_squad(const std::vector<SquadQuestion>& questions, const text::Tokenizer& tokenizer,
                     const WindowSettings& settings, const OnText& on_text) {
  const bool possible = std::ranges::any_of(questions, &SquadQuestion::is_impossible);
  std::vector<Example> examples;
  Notes notes;
  std::int32_t number = 0;
  for (const SquadQuestion& question : questions) {
    WindowedQuestion windowed =
        window_examples(tokenizer, question, number, settings, possible ? Unanswerable::possible : Unanswerable::never);
    if (windowed.question_kept < windowed.question_tokens) {
      notes.add(fmt::format("questions cut to their first {} tokens", windowed.question_kept), "question " + question.id);
    }
    for (Example& example : windowed.windows) examples.push_back(std::move(example));
    ++number;
    on_text();
  }
  return Corpus::pack(examples, std::move(notes));
}

void add_labels(std::span<const TextRow> rows, const std::filesystem::path& file, LabelPlaces& labels) {
  for (const TextRow& row : rows) {
    if (!row.label.empty()) labels.try_emplace(row.label, fmt::format("{}, line {}", file.string(), row.line));
  }
}

LabelClasses classes_by_label(const LabelPlaces& labels, const Classes& classes) {
  std::unordered_map<std::string_view, std::int32_t> class_named;
  for (const std::string& name : classes.names) class_named.emplace(name, static_cast<std::int32_t>(class_named.size()));
  const auto known = [&] {
    return classes.names.empty() ? fmt::format("the model has the classes 0 to {}", classes.count - 1)
                                 : fmt::format("the model has {}", fmt::join(classes.names, ", "));
  };
  LabelClasses by_name, by_number;
  for (const auto& [label, place] : labels) {
    const auto named = class_named.find(label);
    const auto number = number_in(label);
    if (named != class_named.end()) by_name[label] = named->second;
    if (number && *number < classes.count) by_number[label] = *number;
    if (!by_name.contains(label) && !by_number.contains(label)) {
      throw base::InputError(fmt::format("{}: there is no class \"{}\"", place, label), known());
    }
  }
  const bool all_names = by_name.size() == labels.size(), all_numbers = by_number.size() == labels.size();
  for (const auto& [label, place] : labels) {
    if (all_names && all_numbers && by_name.at(label) != by_number.at(label)) {
      throw base::InputError(
          fmt::format("{}: \"{}\" is the name of one class and the number of another", place, label), known(),
          "Give the classes names that are no numbers, in id2label of the model's config.json and in the texts");
    }
    if (!all_names && !all_numbers && !by_name.contains(label)) {
      throw base::InputError(fmt::format("{}: \"{}\" is the number of a class, and other labels are names", place, label),
                             known(), "Give all classes by name, or all by number");
    }
  }
  return all_names ? by_name : by_number;
}

Classes classes_of(const LabelPlaces& labels, const Classes& head) {
  if (labels.size() == 1) {
    throw base::InputError(fmt::format("all training texts have the label \"{}\" (the first: {})", labels.begin()->first,
                                       labels.begin()->second),
                           "a model can learn to tell classes apart only from texts of two or more",
                           "Add texts with other labels, or set finetune.epochs = 0 to use the encoder as it is");
  }
  std::vector<std::string> names;
  std::int32_t largest = 0;
  const std::set<std::string_view> known(head.names.begin(), head.names.end());
  bool all_numbers = true, all_known = true;
  for (const auto& [label, place] : labels) {
    names.push_back(label);
    const auto number = number_in(label);
    all_numbers = all_numbers && number;
    largest = std::max(largest, number.value_or(0));
    all_known = all_known && known.contains(label);
  }
  if (all_known) return head;
  if (!all_numbers) return {std::ssize(names), std::move(names)};
  return largest + 1 == head.count ? head : Classes{largest + 1, {}};
}

void check_labelled(std::span<const TextRow> rows, const std::filesystem::path& file) {
  const auto bare = std::ranges::find_if(rows, [](const TextRow& row) { return row.label.empty(); });
  if (bare == rows.end()) return;
  throw base::InputError(fmt::format("{}, line {}: the text has no label", file.string(), bare->line),
                         "the model is fine-tuned on labels",
                         "Add labels, or set finetune.epochs = 0 to use the encoder as it is");
}

std::int32_t label_of(const TextRow& row, const LabelClasses& classes) {
  return row.label.empty() ? -1 : classes.at(row.label);
}

std::string id_of(const TextRow& row, terms::Split split) {
  return row.id.empty() ? fmt::format("{}/{}", terms::name_of(split), row.line) : row.id;
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

Corpus prepare_texts(const TextsOfFile& texts, const text::Tokenizer& tokenizer, std::int64_t max_length,
                     const LabelClasses& classes, const OnText& on_text) {
  std::vector<Example> examples;
  Notes notes;
  for (const TextRow& row : texts.rows) {
    const auto note = [&](std::string_view what) {
      notes.add(what, fmt::format("{}:{}", texts.file.filename().string(), row.line));
    };
    Example example = text_example(tokenizer, row.input);
    if (std::ssize(example.token_id) > max_length) {
      example = text_example(tokenizer, row.input, max_length);
      note(texts_cut(max_length));
    } else if (std::ranges::all_of(example.word_index, [](std::int32_t word) { return word < 0; })) {
      note("texts without a word, of which only the special tokens are read");
    }
    example.id = id_of(row, texts.split);
    example.label = label_of(row, classes);
    examples.push_back(std::move(example));
    on_text();
  }
  return Corpus::pack(examples, std::move(notes));
}

std::string token_shard_name(std::string_view task, terms::Split split, std::string_view text_sha256,
                             std::string_view tokenizer_fingerprint, std::int64_t max_length) {
  const std::string content =
      fmt::format("version {}\ntask {}\nsplit {}\ntext {}\ntokenizer {}\nmax_length {}\n", kPreparationVersion, task,
                  terms::name_of(split), text_sha256, tokenizer_fingerprint, max_length);
  return fmt::format("{}-{}-{}.safetensors", task, terms::name_of(split),
                     base::sha256_of_text(content).substr(0, kHashDigits));
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
