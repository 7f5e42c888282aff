// The Stanford Question Answering Dataset: answers to questions, as spans of passages (Rajpurkar et al. 2016, 2018).
#include "data/squad.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "jobs/tasks/manifest.hpp"
#include "jobs/tasks/task.hpp"
#include "jobs/tasks/token_shards.hpp"

namespace layersweep::jobs {
namespace {

class Squad final : public Task {
 public:
  Texts texts(const config::Experiment& experiment, const std::filesystem::path& token_folder,
              const data::OnText& on_text) const override {
    const config::Task& task = experiment.task;
    const TokenShards shards(experiment, token_folder);
    const data::SquadFiles files = data::find_squad_files(task.data);
    const std::string train_hash = base::sha256_of_file(files.train), test_hash = base::sha256_of_file(files.test);
    const data::WindowSettings windows{.max_length = task.max_length, .overlap = task.overlap};
    const auto open = [&](terms::Split split, const std::string& hash, const auto& questions) {
      return shards.open(split, fmt::format("{} {}", hash, windows.overlap),
                         [&] { return data::prepare_squad(questions(), shards.tokenizer(), windows, on_text); });
    };
    std::optional<data::SquadTraining> training;  // read once, where a shard is missing
    const auto training_questions = [&]() -> const data::SquadTraining& {
      if (!training) training = data::split_squad(data::read_squad(files.train));
      return *training;
    };
    const data::Corpus train = open(terms::Split::train, train_hash, [&] { return training_questions().train; });
    const data::Corpus dev = open(terms::Split::dev, train_hash, [&] { return training_questions().dev; });
    const data::Corpus test = open(terms::Split::test, test_hash, [&] { return data::read_squad(files.test); });
    // All questions of a file may be without an answer, or none.
    const bool may_answer_none = !train.answerable().empty() && train.answerable().front() != 0;
    return {.train = train,
            .dev = dev,
            .test = test,
            .tokenizer = shards.tokenizer(),
            .data_sha256 = base::sha256_of_text(train_hash + test_hash),
            .head = {.output = output(), .may_answer_none = may_answer_none}};
  }

  plan::TextLengths lengths(const config::Experiment& experiment) const override {
    const config::Task& task = experiment.task;
    const Manifest manifest("squad");
    // Some articles are dev (data::split_squad); passages that need several windows are few.
    constexpr double dev_share = 0.05;
    const plan::Lengths all = manifest.split_at_hand(task.data / "squad", "train");
    const auto used = [&](const plan::Lengths& some) { return some.cut(task.max_length).first(task.limit); };
    const auto part = [&](double share) { return used(all.first(std::llround(share * all.texts()))); };
    return {part(1 - dev_share), part(dev_share), used(manifest.split_at_hand(task.data / "squad", "test"))};
  }

  terms::OutputKind output() const override { return terms::OutputKind::span; }
  std::int64_t usual_length() const override { return data::WindowSettings().max_length; }

  ReadText read(const data::TextInput& input, const Reading& reading) const override {
    if (!input.second) {
      throw base::InputError("there is a question without a passage", "the model answers questions on passages",
                             R"(Give both: --text with --second-text, or {"question": "…", "passage": "…"})");
    }
    data::SquadQuestion question;
    question.question = input.text;
    question.passage = std::make_shared<const std::string>(*input.second);
    data::WindowedQuestion windowed =
        data::window_examples(*reading.tokenizer, question, 0, reading.windows,
                              reading.may_answer_none ? data::Unanswerable::possible : data::Unanswerable::never);
    ReadText result{std::move(windowed.windows), {}};
    if (windowed.question_kept < windowed.question_tokens) {
      result.remarks.push_back({fmt::format("questions cut to their first {} tokens", windowed.question_kept),
                                fmt::format("has a question of {} tokens, of which the first {} are read",
                                            windowed.question_tokens, windowed.question_kept)});
    }
    if (result.windows.size() > 1) {
      result.remarks.push_back(
          {"", fmt::format("is read in {} windows; the one with the answer is shown", result.windows.size())});
    }
    return result;
  }
};

}  // namespace

const Task& squad_task() {
  static const Squad task;
  return task;
}

}  // namespace layersweep::jobs
