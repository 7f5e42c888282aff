// One text as the model of a run takes it: through its tokenizer, or, for the counting task, as digits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "data/examples.hpp"
#include "data/prepare.hpp"
#include "data/tokenizer.hpp"
#include "model/open.hpp"
#include "model/output_kind.hpp"

namespace layersweep::jobs {

/// What was done to a text, or is to be known of it.
struct Remark {
  std::string kind;  ///< the same for all texts of which it holds: "texts cut to 64 tokens"; empty: of no account in a file
  std::string of_text;  ///< completing "text 3 …"
};

struct ReadText {
  std::vector<data::Example> windows;  ///< one, but for a question on a passage that needs several
  std::vector<Remark> remarks;         ///< mostly none
};

class TextReader {
 public:
  /// `model` is the folder of the model that will read the texts, with its tokenizer.
  /// Throws InputError when their files are missing or damaged.
  TextReader(const config::Experiment& experiment, const std::filesystem::path& model);

  /// For a model in a folder, without a run.
  explicit TextReader(const std::filesystem::path& model);

  /// A text or a pair; a question with its passage where the model answers questions. Cuts what the run would cut, with a
  /// remark. Throws InputError when a counting text is not "n m : d d d …", a question has no passage, or the model has no
  /// embedding for a token or a segment.
  ReadText read(const data::TextInput& input) const;

  std::string token_text(std::int32_t id) const;

  /// What labels mean to the model: names where it has some.
  const data::Classes& classes() const { return classes_; }

  /// "very positive"; for the counting task what was asked and answered; empty where the class has no name.
  std::string class_name(const data::Example& example, std::int64_t label) const;

  /// Keys of the model's config.json that play no part.
  const std::vector<std::string>& unread_keys() const { return model_.unread_keys; }

  model::OutputKind output() const { return output_; }

  /// None for the counting task.
  const std::optional<data::Tokenizer>& tokenizer() const { return tokenizer_; }

 private:
  std::optional<data::Tokenizer> tokenizer_;
  data::WindowSettings windows_;  // of any text its longest
  model::OutputKind output_ = model::OutputKind::classes;
  data::Unanswerable unanswerable_ = data::Unanswerable::never;  // of questions
  data::Classes classes_;
  model::ModelDescription model_;  // none for the counting task
};

}  // namespace layersweep::jobs
