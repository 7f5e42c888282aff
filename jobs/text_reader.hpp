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
#include "encoder/output_kind.hpp"

namespace layersweep::jobs {

struct ReadText {
  std::vector<data::Example> windows;  ///< one, but for a question on a passage that needs several
  std::string remark;                  ///< what was done to the text, completing "text 3 …"; mostly empty
};

class TextReader {
 public:
  /// `model` is the folder of the model that will read the texts; the tokenizer is that of the experiment's encoder.
  /// Throws InputError when their files are missing or damaged.
  TextReader(const config::Experiment& experiment, const std::filesystem::path& model);

  /// For a model in a folder, without a run.
  explicit TextReader(const std::filesystem::path& model);

  /// A text or a pair; a question with its passage where the model answers questions. Cuts what the run would cut, with a
  /// remark. Throws InputError when a counting text is not "n m : d d d …", or a question has no passage.
  ReadText read(const data::TextInput& input) const;

  std::string token_text(std::int32_t id) const;

  /// What labels mean to the model: names where it has some of its own.
  const data::Classes& classes() const { return classes_; }

  /// "very positive"; for the counting task what was asked and answered; empty where the class has no name.
  std::string class_name(const data::Example& example, std::int64_t label) const;

  /// None for the counting task.
  const std::optional<data::Tokenizer>& tokenizer() const { return tokenizer_; }

 private:
  std::optional<data::Tokenizer> tokenizer_;
  data::WindowSettings windows_;  // of any text its longest
  encoder::OutputKind output_ = encoder::OutputKind::classes;
  data::Unanswerable unanswerable_ = data::Unanswerable::never;  // of questions
  data::Classes classes_;
};

}  // namespace layersweep::jobs
