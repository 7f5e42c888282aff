#include "app/text_lines.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "data/text_file.hpp"
#include "data/utf8.hpp"

namespace layersweep::app {

std::optional<std::string> TextLines::next() {
  auto line = reader_.next();
  if (!line) return line;
  ++number_;
  if (line->ends_with('\r')) line->pop_back();
  if (data::first_ill_formed(*line)) {
    base::world_warning("line {} is not UTF-8; its stray bytes are read as U+FFFD", number_);
  }
  return line;
}

std::optional<data::TextInput> TextLines::next_input() {
  const auto line = next();
  if (!line) return std::nullopt;
  try {
    return data::read_text_line(*line);
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("line {}: {}", number_, error.what()));
  }
}

nlohmann::ordered_json answer_json(const jobs::BestAnswer& answer) {
  return {{"start_logits", decimals(answer.start_logits)},
          {"end_logits", decimals(answer.end_logits)},
          {"answer", answer.text},
          {"start", answer.start},
          {"end", answer.end}};
}

std::vector<double> decimals(const std::vector<float>& values) {
  std::vector<double> result;
  for (const float value : values) result.push_back(std::stod(fmt::format("{}", value)));
  return result;
}

std::string json_line(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace layersweep::app
