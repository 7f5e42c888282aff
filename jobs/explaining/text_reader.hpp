// One text as the model of a run, or one in a folder, takes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "data/prepare.hpp"
#include "jobs/tasks/task.hpp"

namespace layersweep::jobs {

class TextReader {
 public:
  /// `model` is the folder of the model that will read the texts, with its tokenizer.
  /// Throws InputError when their files are missing or damaged.
  TextReader(const config::Experiment& experiment, const std::filesystem::path& model);

  /// For a model in a folder, without a run.
  explicit TextReader(const std::filesystem::path& model);

  /// What the task reads (Task::read). Throws InputError also where the model has no embedding for a token or a segment.
  ReadText read(const data::TextInput& input) const;

  std::string token_text(std::int32_t id) const;

  /// What labels mean to the model: names where it has some.
  data::Classes classes() const;

  /// As Task::class_name.
  std::string class_name(const data::Example& example, std::int64_t label) const {
    return task_->class_name(example, model_.head, label);
  }

  /// Keys of the model's config.json that play no part.
  const std::vector<std::string>& unread_keys() const { return model_.unread_keys; }

  /// None for a task whose tokens are digits.
  const std::optional<text::Tokenizer>& tokenizer() const { return tokenizer_; }

 private:
  TextReader(const Task& task, const std::filesystem::path& model, data::WindowSettings windows);

  const Task* task_;
  std::optional<text::Tokenizer> tokenizer_;
  model::ModelDescription model_;
  data::WindowSettings windows_;
};

}  // namespace layersweep::jobs
