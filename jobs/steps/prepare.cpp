#include "jobs/steps/prepare.hpp"

#include <algorithm>
#include <array>

#include <functional>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "data/counting.hpp"
#include "data/hash_split.hpp"
#include "data/prepare.hpp"
#include "data/squad.hpp"
#include "data/sst.hpp"
#include "data/text_file.hpp"
#include "model/gru_classifier_weights.hpp"
#include "model/open.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::array splits{terms::Split::train, terms::Split::dev, terms::Split::test};

data::Corpus first_examples(const data::Corpus& corpus, std::int64_t limit) {
  return limit > 0 && limit < corpus.size() ? corpus.first(limit) : corpus;
}

Texts counting_texts(const config::Task& task) {
  const auto seed = static_cast<std::uint64_t>(task.seed);
  const auto split = [&](terms::Split which) { return first_examples(data::counting_corpus(seed, which), task.limit); };
  return {split(splits[0]),
          split(splits[1]),
          split(splits[2]),
          std::nullopt,
          base::sha256_of_text(fmt::format("counting task, seed {}", seed)),
          {}};
}

/// Token shards of a task, made where they are missing. `text_hash` stands for all that decides a split beside the
/// tokenizer and task.max_length.
class Shards {
 public:
  Shards(const Context& context, const data::Tokenizer& tokenizer) : context_(context), tokenizer_(tokenizer) {}

  data::Corpus open(terms::Split split, const std::string& text_hash, const std::function<data::Corpus()>& make) const {
    const config::Task& task = context_.experiment.task;
    const auto name =
        data::token_shard_name(terms::name_of(task.name), split, text_hash, tokenizer_.fingerprint(), task.max_length);
    return first_examples(data::open_or_make(context_.folder.tokens() / name, make), task.limit);
  }

 private:
  const Context& context_;
  const data::Tokenizer& tokenizer_;
};

Texts sst_texts(const Context& context) {
  const config::Task& task = context.experiment.task;
  const auto tokenizer = data::Tokenizer::open(context.experiment.encoder.folder);
  const Shards shards(context, tokenizer);
  std::string hashes;
  const auto split = [&](terms::Split which) {
    const std::string hash = base::sha256_of_file(data::sst_file(task.data, which));
    hashes += hash;
    return shards.open(which, hash, [&] { return data::prepare_sst(task.data, which, tokenizer, task.max_length); });
  };
  data::Corpus train = split(splits[0]), dev = split(splits[1]), test = split(splits[2]);
  constexpr std::int64_t classes = 5;
  return {train, dev, test, tokenizer, base::sha256_of_text(hashes), {.classes = classes}};
}

Texts squad_texts(const Context& context) {
  const config::Task& task = context.experiment.task;
  const auto tokenizer = data::Tokenizer::open(context.experiment.encoder.folder);
  const Shards shards(context, tokenizer);
  const data::SquadFiles files = data::find_squad_files(task.data);
  const std::string train_hash = base::sha256_of_file(files.train), test_hash = base::sha256_of_file(files.test);
  const data::WindowSettings windows = window_settings(task);
  const auto prepared = [&](const std::vector<data::SquadQuestion>& questions) {
    return data::prepare_squad(questions, tokenizer, windows);
  };
  const auto open = [&](terms::Split split, const std::string& hash, const std::function<data::Corpus()>& make) {
    return shards.open(split, fmt::format("{} {}", hash, windows.overlap), make);
  };
  std::optional<data::SquadTraining> training;  // read once, where a shard is missing
  const auto questions = [&]() -> const data::SquadTraining& {
    if (!training) training = data::split_squad(data::read_squad(files.train));
    return *training;
  };
  const data::Corpus train = open(splits[0], train_hash, [&] { return prepared(questions().train); });
  const data::Corpus dev = open(splits[1], train_hash, [&] { return prepared(questions().dev); });
  // All questions of a file may be without an answer, or none.
  const bool may_answer_none = !train.answerable().empty() && train.answerable().front() != 0;
  return {train,
          dev,
          open(splits[2], test_hash, [&] { return prepared(data::read_squad(files.test)); }),
          tokenizer,
          base::sha256_of_text(train_hash + test_hash),
          {.output = model::OutputKind::span, .may_answer_none = may_answer_none}};
}

/// Users' texts by split, each with the file they come from.
struct TextRows {
  std::array<std::vector<data::TextRow>, splits.size()> rows;
  std::array<std::filesystem::path, splits.size()> file;
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
  for (const terms::Split split : splits) result.file_of(split) = files.train;
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
  if (!trains && model.output == model::OutputKind::span) {
    throw base::InputError(fmt::format("{} answers questions", experiment.encoder.folder.string()),
                           "task.name = text wants a classifier",
                           "Use task.name = squad, with your questions as squad/train-v1.1.json and squad/dev-v1.1.json");
  }
  // A GRU on the words of a BERT gets a head of its own.
  const bool keeps_head =
      experiment.finetune.model != config::FinetunedModel::gru || model::holds_gru(experiment.encoder.folder);
  Labelling labelling;
  if (keeps_head) labelling.classes = {model.classes, model.class_names};
  data::LabelPlaces labels;
  if (trains) {
    for (const terms::Split split : {terms::Split::train, terms::Split::dev}) {
      data::check_labelled(texts.of(split), texts.file_of(split));
    }
    data::add_labels(texts.of(terms::Split::train), texts.file_of(terms::Split::train), labels);
    labelling.classes = data::classes_of(labels, labelling.classes);
  }
  for (const terms::Split split : splits) data::add_labels(texts.of(split), texts.file_of(split), labels);
  labelling.class_of = data::classes_by_label(labels, labelling.classes);
  return labelling;
}

Texts text_texts(const Context& context) {
  const config::Experiment& experiment = context.experiment;
  const auto tokenizer = data::Tokenizer::open(experiment.encoder.folder);
  const Shards shards(context, tokenizer);
  TextRows texts = read_text_rows(experiment.task.data);
  const auto [classes, class_of] = labelling_of(experiment, texts);
  std::string hashes;
  for (const terms::Split split : splits) hashes += base::sha256_of_file(texts.file_of(split));
  std::string meaning = hashes;
  for (const auto& [label, number] : class_of) meaning += fmt::format(" {}={}", label, number);
  const auto split = [&, &class_of = class_of](terms::Split which) {
    if (texts.of(which).empty()) return data::Corpus::pack({});
    return shards.open(which, base::sha256_of_text(meaning), [&] {
      return data::prepare_texts({texts.of(which), texts.file_of(which), which}, tokenizer, experiment.task.max_length,
                                 class_of);
    });
  };
  return {split(splits[0]),
          split(splits[1]),
          split(splits[2]),
          tokenizer,
          base::sha256_of_text(hashes),
          {.classes = classes.count, .class_names = classes.names},
          texts.notes};
}

Texts texts_of_task(const Context& context) {
  switch (context.experiment.task.name) {
    case config::TaskName::counting:
      return counting_texts(context.experiment.task);
    case config::TaskName::sst:
      return sst_texts(context);
    case config::TaskName::squad:
      return squad_texts(context);
    case config::TaskName::text:
      return text_texts(context);
  }
  throw base::InternalError("a task out of range");
}

// At once, not when training comes to a batch with such a text.
void check_texts_fit(const config::Experiment& experiment, const Texts& texts) {
  const auto& folder = experiment.encoder.folder;
  const bool trains_gru = experiment.finetune.epochs > 0 && experiment.finetune.model == config::FinetunedModel::gru;
  const auto model = model::describe_model(folder, model::OwnHead::replaceable);
  for (const data::Corpus* corpus : {&texts.train, &texts.dev, &texts.test}) {
    for (const std::int64_t length : corpus->lengths()) {
      if (trains_gru || length <= model.longest_text) continue;
      throw base::InputError(fmt::format("a text has {} tokens", length),
                             fmt::format("{} reads at most {}", folder.string(), model.longest_text),
                             fmt::format("Set task.max_length = {}", model.longest_text));
    }
    model::check_embedded(model, corpus->token_id(), trains_gru ? std::span<const std::int32_t>() : corpus->segment());
  }
}

// A model that is taken as it is must decide what the task asks.
void check_head_fits(const config::Experiment& experiment, const Texts& texts) {
  if (experiment.finetune.epochs > 0) return;
  const auto model = model::describe_model(experiment.encoder.folder);
  const auto refuse = [&](std::string_view model_does, std::string_view task_wants) {
    throw base::InputError(fmt::format("{} {}", experiment.encoder.folder.string(), model_does),
                           fmt::format("task.name = {} wants {}", terms::name_of(experiment.task.name), task_wants),
                           "Name another model, or set finetune.epochs to train a head for the task");
  };
  const bool asks_spans = texts.head.output == model::OutputKind::span;
  if (asks_spans && model.output != texts.head.output) refuse("is a classifier", "a model that answers questions");
  if (!asks_spans && model.output != texts.head.output) refuse("answers questions", "a classifier");
  if (!asks_spans && model.classes != texts.head.classes) {  // masks need no labels
    base::world_warning("{} has {} classes and task.name = {} has {}: score and label in the results mean nothing for it",
                        experiment.encoder.folder.string(), model.classes, terms::name_of(experiment.task.name),
                        texts.head.classes);
  }
}

// One summary of what was read otherwise than it is written.
void tell(const Texts& texts, const std::vector<std::string>& unread_keys) {
  data::Notes notes = texts.notes;
  for (const data::Corpus* corpus : {&texts.train, &texts.dev, &texts.test}) notes.add(corpus->notes());
  for (const std::string& key : unread_keys) notes.add("keys of the model's config.json that play no part here", key);
  for (const std::string& line : notes.lines()) base::world_warning("{}", line);
}

}  // namespace

std::array<std::vector<std::int64_t>, 3> text_lengths(const config::Experiment& experiment) {
  const auto tokenizer = data::Tokenizer::open(experiment.encoder.folder);
  TextRows texts = read_text_rows(experiment.task.data);
  std::array<std::vector<std::int64_t>, splits.size()> lengths;
  for (const terms::Split split : splits) {
    for (const data::TextRow& row : texts.of(split)) {
      lengths[static_cast<std::size_t>(split)].push_back(
          std::ssize(data::text_example(tokenizer, row.input, experiment.task.max_length).token_id));
    }
  }
  return lengths;
}

data::WindowSettings window_settings(const config::Task& task) {
  return {.max_length = task.max_length, .overlap = task.overlap};
}

const data::Corpus& Texts::of(terms::Split split) const {
  return split == terms::Split::train ? train : split == terms::Split::dev ? dev : test;
}

std::string Texts::token_text(std::int32_t id) const { return tokenizer ? tokenizer->token_text(id) : std::to_string(id); }

Texts prepare(const Context& context) {
  if (context.experiment.task.name == config::TaskName::counting) return counting_texts(context.experiment.task);
  std::optional<Texts> texts;
  // Rank 0 first, so that the others find whole shards.
  const bool first = context.team.ranks.rank() == 0;
  comm::run_together(context.team.ranks, [&] {
    if (first) texts = texts_of_task(context);
  });
  comm::run_together(context.team.ranks, [&] {
    if (!first) texts = texts_of_task(context);
    check_head_fits(context.experiment, *texts);
    check_texts_fit(context.experiment, *texts);
  });
  base::world_info("texts: {} train, {} dev, {} test; {} training tokens", texts->train.size(), texts->dev.size(),
                   texts->test.size(), texts->train.token_total());
  tell(*texts, model::describe_model(context.experiment.encoder.folder, model::OwnHead::replaceable).unread_keys);
  return std::move(*texts);
}

}  // namespace layersweep::jobs
