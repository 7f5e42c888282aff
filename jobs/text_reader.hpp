// One text as the model of a run takes it: through its tokenizer, or, for the counting task, as digits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "data/tokenizer.hpp"

namespace layersweep::jobs {

struct ReadText {
  data::Example example;            ///< as much of it as encoders read
  std::vector<std::string> tokens;  ///< their texts
  std::string remark;               ///< what was done to the text, completing "text 3 …"; mostly empty
};

class TextReader {
 public:
  /// `model` is the folder of the model that will read the texts; the tokenizer is that of the experiment's encoder.
  /// Throws InputError when their files are missing or damaged.
  TextReader(const config::Experiment& experiment, const std::filesystem::path& model);

  /// Cuts what the run would cut, with a remark. Throws InputError when a counting text is not "n m : d d d …".
  ReadText read(const std::string& text) const;

  /// "very positive"; for the counting task what was asked and answered; empty where the class has no name.
  std::string class_name(const data::Example& example, std::int64_t label, std::int64_t classes) const;

 private:
  std::optional<data::Tokenizer> tokenizer_;  // none for the counting task
  std::int64_t longest_ = 0;
};

}  // namespace layersweep::jobs
