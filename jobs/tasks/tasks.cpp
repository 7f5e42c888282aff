#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "jobs/tasks/task.hpp"

namespace layersweep::jobs {

const Task& task_of(config::TaskName name) {
  switch (name) {
    case config::TaskName::counting:
      return counting_task();
    case config::TaskName::sst:
      return sst_task();
    case config::TaskName::squad:
      return squad_task();
    case config::TaskName::text:
      return text_task();
  }
  throw base::InternalError("a task out of range");
}

const Task& task_of(terms::OutputKind output) { return output == text_task().output() ? text_task() : squad_task(); }

const model::Family& family_of(const config::Experiment& experiment) {
  if (const model::Family* own = task_of(experiment.task.name).own_family()) return *own;
  if (experiment.finetune.model == config::FinetunedModel::encoder) return model::family_in(experiment.encoder.folder);
  return model::family_named(terms::name_of(experiment.finetune.model));
}

ReadText Task::read(const data::TextInput& input, const Reading& reading) const {
  ReadText result{{data::text_example(*reading.tokenizer, input)}, {}};
  data::Example& example = result.windows.front();
  const std::int64_t tokens = std::ssize(example.token_id), most = reading.windows.max_length;
  if (tokens > most) {
    result.remarks.push_back(
        {fmt::format("texts cut to {} tokens", most),
         fmt::format("has {} tokens, of which {}{} are read", tokens, input.second ? "" : "the first ", most)});
    example = data::text_example(*reading.tokenizer, input, most);
  } else if (std::ranges::all_of(example.word_index, [](std::int32_t word) { return word < 0; })) {
    result.remarks.push_back({"texts without a word, of which only the special tokens are read",
                              "has no words: only the special tokens around it are read"});
  }
  return result;
}

std::string Task::class_name(const data::Example&, const model::Head& head, std::int64_t label) const {
  const std::vector<std::string> names = class_names(head);
  const auto place = static_cast<std::size_t>(label);
  // Names that Hugging Face made up say no more than the number.
  return place < names.size() && names[place] != fmt::format("LABEL_{}", label) ? names[place] : "";
}

data::Example Task::random_text(base::RandomStream& random, std::int64_t length) const {
  constexpr std::uint64_t tokens = 1000;  // any vocabulary has as many
  const auto size = static_cast<std::size_t>(length);
  data::Example example;
  for (std::size_t t = 0; t < size; ++t) example.token_id.push_back(static_cast<std::int32_t>(random.below(tokens)));
  example.segment.assign(size, 0);
  example.part.assign(size, static_cast<std::uint8_t>(terms::TokenPart::text));
  for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) column->assign(size, -1);
  return example;
}

}  // namespace layersweep::jobs
