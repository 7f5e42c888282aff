// Users' own texts and their classes.
#include "data/text_file.hpp"

#include <fmt/format.h>

#include <array>
#include <map>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "data/hash_split.hpp"
#include "jobs/tasks/task.hpp"
#include "jobs/tasks/token_shards.hpp"
#include "model/open.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::array all_splits{terms::Split::train, terms::Split::dev, terms::Split::test};

/// Users' texts by split, each with the file they come from.
struct TextRows {
  std::array<std::vector<data::TextRow>, 3> rows;
  std::array<std::filesystem::path, 3> file;
  data::Notes notes;

  std::vector<data::TextRow>& of(terms::Split split) { return rows[static_cast<std::size_t>(split)]; }
  std::filesystem::path& file_of(terms::Split split) { return file[static_cast<std::size_t>(split)]; }
};

// What has no file of its own is taken from the training texts: dev always, test only where all texts are in one file.
TextRows read_text_rows(const std::filesystem::path& data) {
  constexpr double set_apart = 0.1;
  TextRows result;
  const data::TextFiles files = data::find_text_files(data, result.notes);
  const bool one_file = !std::filesystem::is_directory(data);
  for (const terms::Split split : all_splits) result.file_of(split) = files.train;
  std::vector<data::TextRow> rows = data::read_text_file(files.train, result.notes);
  if (!files.dev.empty()) {
    result.file_of(terms::Split::dev) = files.dev;
    result.of(terms::Split::dev) = data::read_text_file(files.dev, result.notes);
  }
  if (!files.test.empty()) {
    result.file_of(terms::Split::test) = files.test;
    result.of(terms::Split::test) = data::read_text_file(files.test, result.notes);
  }
  std::vector<std::string> keys;
  for (const data::TextRow& row : rows) keys.push_back(row.input.text + "\n" + row.input.second.value_or(""));
  const auto split_of = data::split_by_hash(keys, files.dev.empty() ? set_apart : 0, one_file ? set_apart : 0);
  for (std::size_t r = 0; r < rows.size(); ++r) result.of(split_of[r]).push_back(std::move(rows[r]));
  if (result.of(terms::Split::train).empty() || result.of(terms::Split::dev).empty()) {
    throw base::InputError(fmt::format("{} holds too few different texts", files.train.string()),
                           "some must be set apart for dev", "Give more texts, or a folder with train.* and dev.*");
  }
  return result;
}

/// What the labels of the texts mean to the model that reads them.
struct Labelling {
  data::Classes classes;
  data::LabelClasses class_of;
};

Labelling labelling_of(const config::Experiment& experiment, TextRows& texts) {
  const bool trains = experiment.finetune.epochs > 0;
  const auto model =
      model::describe_model(experiment.encoder.folder, trains ? model::OwnHead::replaceable : model::OwnHead::used);
  if (!trains && model.head.output != terms::OutputKind::classes) {
    throw base::InputError(
        fmt::format("{} {}", experiment.encoder.folder.string(), model::output_of(model.head.output).model_does()),
        "task.name = text wants a classifier",
        "Use task.name = squad, with your questions as squad/train-v1.1.json and squad/dev-v1.1.json");
  }
  Labelling labelling;
  // A model of another family, trained on the words of this one, gets a head of its own.
  if (&family_of(experiment) == &model::family_in(experiment.encoder.folder)) {
    labelling.classes = {model.head.classes, model.head.class_names};
  }
  data::LabelPlaces labels;
  if (trains) {
    for (const terms::Split split : {terms::Split::train, terms::Split::dev}) {
      data::check_labelled(texts.of(split), texts.file_of(split));
    }
    data::add_labels(texts.of(terms::Split::train), texts.file_of(terms::Split::train), labels);
    labelling.classes = data::classes_of(labels, labelling.classes);
  }
  for (const terms::Split split : all_splits) data::add_labels(texts.of(split), texts.file_of(split), labels);
  labelling.class_of = data::classes_by_label(labels, labelling.classes);
  return labelling;
}

class OwnTexts final : public Task {
 public:
  Texts texts(const config::Experiment& experiment, const std::filesystem::path& token_folder,
              const data::OnText& on_text) const override {
    const TokenShards shards(experiment, token_folder);
    TextRows rows = read_text_rows(experiment.task.data);
    const auto [classes, class_of] = labelling_of(experiment, rows);
    std::string hashes;
    for (const terms::Split split : all_splits) hashes += base::sha256_of_file(rows.file_of(split));
    std::string meaning = hashes;
    for (const auto& [label, number] : class_of) meaning += fmt::format(" {}={}", label, number);
    const auto split = [&, &class_of = class_of](terms::Split which) {
      if (rows.of(which).empty()) return data::Corpus::pack({});
      return shards.open(which, base::sha256_of_text(meaning), [&] {
        return data::prepare_texts({rows.of(which), rows.file_of(which), which}, shards.tokenizer(),
                                   experiment.task.max_length, class_of, on_text);
      });
    };
    return {.train = split(terms::Split::train),
            .dev = split(terms::Split::dev),
            .test = split(terms::Split::test),
            .tokenizer = shards.tokenizer(),
            .data_sha256 = base::sha256_of_text(hashes),
            .head = {.classes = classes.count, .class_names = classes.names},
            .notes = rows.notes};
  }

  // They are read and tokenised.
  plan::TextLengths lengths(const config::Experiment& experiment) const override {
    const auto tokenizer = text::Tokenizer::open(experiment.encoder.folder);
    TextRows rows = read_text_rows(experiment.task.data);
    const auto split = [&](terms::Split which) {
      std::map<std::int64_t, double> count;
      for (const data::TextRow& row : rows.of(which)) {
        ++count[std::ssize(data::text_example(tokenizer, row.input, experiment.task.max_length).token_id)];
      }
      std::vector<plan::Lengths::Class> classes;
      for (const auto& [length, texts] : count) classes.push_back({static_cast<double>(length), texts});
      return plan::Lengths(std::move(classes)).cut(experiment.task.max_length).first(experiment.task.limit);
    };
    return {split(terms::Split::train), split(terms::Split::dev), split(terms::Split::test)};
  }
};

}  // namespace

const Task& text_task() {
  static const OwnTexts task;
  return task;
}

}  // namespace layersweep::jobs
