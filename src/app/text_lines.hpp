// The texts that a command is given, by --text or on standard input, and JSON lines for standard output.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/standard_streams.hpp"
#include "config/command_line.hpp"
#include "data/examples.hpp"
#include "model/output.hpp"

namespace layersweep::app {

/// --text and --second-text, for commands that make TextLines of their arguments.
config::Argument text_argument(std::string help);
config::Argument second_text_argument();

/// The texts of --text, each with its --second-text, where there are any; else the lines of standard input.
class TextLines {
 public:
  /// Throws UsageError when texts and second texts are not as many.
  explicit TextLines(const config::Arguments& arguments);

  /// The next text or pair; of a line a JSON object with a text or a pair, else the line itself (data::read_text_line),
  /// without a carriage return at its end. Warns of bytes that are not UTF-8. Throws InputError naming a line that is
  /// neither.
  std::optional<data::TextInput> next();
  /// Whether another is there already.
  bool ready() { return given_.empty() ? reader_.ready() : number() < std::ssize(given_); }
  /// Of the one handed out last, from 1.
  std::int64_t number() const { return number_; }
  /// "text 3", "line 3"
  std::string place() const;
  /// Whether there may be more than one.
  bool are_many() const { return given_.size() != 1; }

 private:
  data::TextInput read(const std::string& line) const;

  std::vector<data::TextInput> given_;
  LineReader reader_;
  std::int64_t number_ = 0;
};

/// The shortest decimals that give the same floats, where JSON's doubles would print seventeen digits.
std::vector<double> decimals(const std::vector<float>& values);

/// Adds {"logits": …, <class_key>: class}, or {"start_logits": …, "end_logits": …, "answer": …, "start": …, "end": …} of the
/// window with the answer, which lies from token start to token end.
void add_answer(nlohmann::ordered_json& line, const model::Answer& answer, const char* class_key);

/// One line with its end. Bytes of tokens that are not UTF-8 become U+FFFD.
std::string json_line(const nlohmann::ordered_json& value);

}  // namespace layersweep::app
