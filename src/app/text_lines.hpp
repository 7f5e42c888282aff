// Texts from standard input and JSON lines for standard output, as `tokenize` and `predict` have them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/standard_streams.hpp"
#include "data/examples.hpp"
#include "jobs/best_answer.hpp"

namespace layersweep::app {

class TextLines {
 public:
  /// What the next line asks: a JSON object with a text or a pair, else the line itself (data::read_text_line). Throws
  /// InputError naming the line when it is neither.
  std::optional<data::TextInput> next_input();

  /// As LineReader::next; warns, once per line, of bytes that are not UTF-8. A carriage return at the end is dropped.
  std::optional<std::string> next();
  bool ready() { return reader_.ready(); }
  /// Of the line handed out last, from 1.
  std::int64_t number() const { return number_; }

 private:
  LineReader reader_;
  std::int64_t number_ = 0;
};

/// The shortest decimals that give the same floats, where JSON's doubles would print seventeen digits.
std::vector<double> decimals(const std::vector<float>& values);

/// {"start_logits": …, "end_logits": …, "answer": …, "start": …, "end": …}: of the window with the answer, which lies from
/// token start to token end.
nlohmann::ordered_json answer_json(const jobs::BestAnswer& answer);

/// One line with its end. Bytes of tokens that are not UTF-8 become U+FFFD.
std::string json_line(const nlohmann::ordered_json& value);

}  // namespace layersweep::app
