#include "app/text_lines.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"
#include "data/lines.hpp"
#include "data/text_file.hpp"

namespace layersweep::app {

config::Argument text_argument(std::string help) {
  return {.name = "--text", .value = "TEXT", .help = std::move(help), .count = config::Argument::Count::repeated};
}

config::Argument second_text_argument() {
  return {.name = "--second-text",
          .value = "TEXT",
          .help = "Its second text (a passage, where it is a question); one for each --text",
          .count = config::Argument::Count::repeated};
}

TextLines::TextLines(const config::Arguments& arguments) {
  const std::vector<std::string> texts = arguments.all("--text"), second = arguments.all("--second-text");
  if (!second.empty() && second.size() != texts.size()) {
    throw base::UsageError(fmt::format("{} --second-text for {} --text", second.size(), texts.size()),
                           "each pair needs both");
  }
  for (const std::string& text : texts) given_.push_back({text, std::nullopt});
  for (std::size_t t = 0; t < second.size(); ++t) given_[t].second = second[t];
}

std::optional<data::TextInput> TextLines::next() {
  std::optional<std::string> line;
  if (!given_.empty()) {
    if (!ready()) return std::nullopt;
    const data::TextInput& text = given_[static_cast<std::size_t>(number_)];
    line = text.text + text.second.value_or("");
  } else if (line = reader_.next(); !line) {
    return std::nullopt;
  }
  ++number_;
  if (given_.empty() && number_ == 1) line = std::string(data::without_byte_order_mark(*line));
  if (base::first_ill_formed(*line)) base::world_warning("{} is not UTF-8; its stray bytes are read as U+FFFD", place());
  return given_.empty() ? read(*line) : given_[static_cast<std::size_t>(number_ - 1)];
}

data::TextInput TextLines::read(const std::string& line) const {
  try {
    return data::read_text_line(std::string_view(line).substr(0, line.size() - (line.ends_with('\r') ? 1 : 0)));
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("{}: {}", place(), error.what()));
  }
}

std::string TextLines::place() const { return fmt::format("{} {}", given_.empty() ? "line" : "text", number_); }

void add_answer(nlohmann::ordered_json& line, const model::Answer& answer, const char* class_key) {
  for (const auto& [name, values] : answer.logits) line[std::string(name)] = decimals(values);
  if (!answer.span) {
    line[class_key] = answer.value;
    return;
  }
  line["answer"] = answer.span->text;
  line["start"] = answer.span->first;
  line["end"] = answer.span->last;
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
