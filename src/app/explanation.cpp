#include "app/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/display_width.hpp"
#include "app/text_lines.hpp"
#include "base/printable.hpp"

namespace layersweep::app {

using base::printable;

namespace {

// Of the prediction; the largest logit's exponential is 1.
double probability(const jobs::Explanation& explanation) {
  const std::vector<float>& logits = explanation.answer.logits.front().second;
  const auto largest = static_cast<double>(logits[static_cast<std::size_t>(explanation.answer.value)]);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return 1 / sum;
}

std::string point_lines(const jobs::Explanation& explanation) {
  int name_width = 0;
  std::size_t seed_width = 0;
  for (const jobs::PointMask& mask : explanation.points) {
    name_width = std::max(name_width, display_width(printable(mask.point)));
    seed_width = std::max(seed_width, std::to_string(mask.seed).size());
  }
  const std::size_t tokens = explanation.tokens.size();
  const std::size_t count_width = std::to_string(tokens).size();
  std::string text;
  for (const jobs::PointMask& mask : explanation.points) {
    const float divergence = std::max(mask.kl, 0.0F);  // rounding alone takes it below
    text += fmt::format("{}  KL {:7.4f}  kept {:>{}} of {}  prediction {}  seed {:>{}}{}\n",
                        fit_to_width(printable(mask.point), name_width, Align::left), divergence, mask.kept, count_width,
                        tokens, mask.flipped ? "flips" : "stays", mask.seed, seed_width, verdict_text(mask.verdict));
  }
  return text;
}

nlohmann::ordered_json accepted(jobs::Verdict verdict) {
  if (verdict == jobs::Verdict::open) return nullptr;
  return verdict == jobs::Verdict::accepted;
}

}  // namespace

std::string verdict_text(jobs::Verdict verdict) {
  switch (verdict) {
    case jobs::Verdict::accepted:
      return "";
    case jobs::Verdict::not_accepted:
      return ", not accepted";
    case jobs::Verdict::open:
      return ", not judged yet";
  }
  return "";
}

std::string prediction_text(const jobs::Explanation& explanation) {
  if (const auto& span = explanation.answer.span) {
    if (span->last == 0) return "none";
    return fmt::format("{} (tokens {} to {})", printable(span->text), span->first, span->last);
  }
  return fmt::format("{}{}, probability {:.3f}", explanation.answer.value,
                     explanation.class_name.empty() ? "" : " (" + printable(explanation.class_name) + ")",
                     probability(explanation));
}

std::string explanation_text(const jobs::Explanation& explanation, terms::Mode mode, Colour colour, int columns) {
  std::string text =
      fmt::format("{}: {}\n", explanation.answer.span ? "answer" : "prediction", prediction_text(explanation));
  text += fmt::format("keep probabilities, {} mode:\n\n", terms::name_of(mode));
  MaskTable table{.tokens = explanation.tokens, .points = {}, .keep = {}};
  for (const jobs::PointMask& mask : explanation.points) {
    table.points.push_back(mask.point);
    table.keep.push_back(mask.keep_probability);
  }
  return text + render_mask_table(table, colour, columns) + "\n" + point_lines(explanation);
}

std::string explanation_json(const jobs::Explanation& explanation, terms::Mode mode, const data::TextInput& input) {
  auto points = nlohmann::ordered_json::array();
  for (const jobs::PointMask& mask : explanation.points) {
    points.push_back({{"name", mask.point},
                      {"seed", mask.seed},
                      {"accepted", accepted(mask.verdict)},
                      {"keep_probability", decimals(mask.keep_probability)},
                      {"kl", decimals({mask.kl}).front()},
                      {"keep_share", decimals({mask.keep_share}).front()},
                      {"flipped", mask.flipped}});
  }
  nlohmann::ordered_json line = {{"text", input.text}};
  if (input.second) line["second_text"] = *input.second;
  line["tokens"] = explanation.tokens;
  if (!explanation.answer.span) line["prediction"] = explanation.answer.value;  // before its logits
  add_answer(line, explanation.answer, "prediction");
  line["mode"] = terms::name_of(mode);
  line["points"] = points;
  return json_line(line);
}

}  // namespace layersweep::app
