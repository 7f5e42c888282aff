#include "jobs/steps/prepare.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "jobs/tasks/task.hpp"
#include "model/open.hpp"

namespace layersweep::jobs {
namespace {

// At once, not when training comes to a batch with such a text.
void check_texts_fit(const config::Experiment& experiment, const Texts& texts) {
  const auto& folder = experiment.encoder.folder;
  const auto model = family_of(experiment).describe(folder, model::OwnHead::replaceable);
  for (const data::Corpus* corpus : {&texts.train, &texts.dev, &texts.test}) {
    for (const std::int64_t length : corpus->lengths()) {
      if (length <= model.longest_text) continue;
      throw base::InputError(fmt::format("a text has {} tokens", length),
                             fmt::format("{} reads at most {}", folder.string(), model.longest_text),
                             fmt::format("Set task.max_length = {}", model.longest_text));
    }
    model::check_embedded(model, corpus->token_id(), corpus->segment());
  }
}

// A model that is taken as it is must decide what the task asks.
void check_head_fits(const config::Experiment& experiment, const Texts& texts) {
  if (experiment.finetune.epochs > 0) return;
  const auto model = model::describe_model(experiment.encoder.folder);
  if (model.head.output != texts.head.output) {
    throw base::InputError(
        fmt::format("{} {}", experiment.encoder.folder.string(), model::output_of(model.head.output).model_does()),
        fmt::format("task.name = {} wants a model that {}", terms::name_of(experiment.task.name),
                    model::output_of(texts.head.output).model_does()),
        "Name another model, or set finetune.epochs to train a head for the task");
  }
  if (model.head.rows() != texts.head.rows()) {  // masks need no labels
    base::world_warning("{} has {} classes and task.name = {} has {}: score and label in the results mean nothing for it",
                        experiment.encoder.folder.string(), model.head.classes, terms::name_of(experiment.task.name),
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

Texts prepare(const Context& context) {
  const Task& task = task_of(context.experiment.task.name);
  if (task.own_family() != nullptr) return task.texts(context.experiment, {}, [] {});
  std::optional<Texts> texts;
  // Rank 0 first, so that the others find whole shards.
  const comm::Communicator& ranks = context.ranks.communicator();
  const auto read = [&] {
    texts = task.texts(context.experiment, context.folder.tokens(), [&] { ranks.give_sign_of_life(); });
  };
  comm::run_together(ranks, [&] {
    if (ranks.rank() == 0) read();
  });
  comm::run_together(ranks, [&] {
    if (ranks.rank() != 0) read();
    check_head_fits(context.experiment, *texts);
    check_texts_fit(context.experiment, *texts);
  });
  base::world_info("texts: {} train, {} dev, {} test; {} training tokens", texts->train.size(), texts->dev.size(),
                   texts->test.size(), texts->train.token_total());
  tell(*texts, model::describe_model(context.experiment.encoder.folder, model::OwnHead::replaceable).unread_keys);
  return std::move(*texts);
}

}  // namespace layersweep::jobs
