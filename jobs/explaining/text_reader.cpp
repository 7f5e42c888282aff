#include "jobs/explaining/text_reader.hpp"

#include <algorithm>

#include "model/open.hpp"

namespace layersweep::jobs {

TextReader::TextReader(const Task& task, const std::filesystem::path& model, data::WindowSettings windows)
    : task_(&task),
      model_(task.own_family() != nullptr ? task.own_family()->describe(model, model::OwnHead::used)
                                          : model::describe_model(model)),
      windows_(windows) {
  windows_.max_length = std::min(windows_.max_length, model_.longest_text);
  if (task.own_family() == nullptr) tokenizer_ = text::Tokenizer::open(model);
}

TextReader::TextReader(const config::Experiment& experiment, const std::filesystem::path& model)
    : TextReader(task_of(experiment.task.name), model,
                 {.max_length = experiment.task.max_length, .overlap = experiment.task.overlap}) {}

TextReader::TextReader(const std::filesystem::path& model)
    : TextReader(task_of(model::describe_model(model).head.output), model, {}) {
  windows_.max_length = std::min(task_->usual_length(), model_.longest_text);
}

ReadText TextReader::read(const data::TextInput& input) const {
  ReadText result = task_->read(input, {tokenizer_ ? &*tokenizer_ : nullptr, windows_, model_.head.may_answer_none});
  for (const data::Example& window : result.windows) model::check_embedded(model_, window.token_id, window.segment);
  return result;
}

std::string TextReader::token_text(std::int32_t id) const {
  return tokenizer_ ? tokenizer_->token_text(id) : std::to_string(id);
}

data::Classes TextReader::classes() const { return {model_.head.classes, task_->class_names(model_.head)}; }

}  // namespace layersweep::jobs
