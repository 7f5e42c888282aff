#include "data/examples.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace layersweep::data {
namespace {

// First and last token of the passage's characters [begin, end), as Hugging Face's run_qa.py finds them: the last token
// that begins no later, the first that ends no earlier. None where the window does not hold all of them.
std::optional<std::pair<std::int32_t, std::int32_t>> tokens_of(const Example& example, std::int64_t begin,
                                                               std::int64_t end) {
  std::optional<std::int32_t> first, last;
  for (std::size_t token = 0; token < example.part.size(); ++token) {
    if (example.part[token] != static_cast<std::uint8_t>(terms::TokenPart::passage)) continue;
    if (example.char_start[token] <= begin) first = static_cast<std::int32_t>(token);
    if (!last && example.char_end[token] >= end) last = static_cast<std::int32_t>(token);
  }
  if (!first || !last || *first > *last) return std::nullopt;
  return std::pair(*first, *last);
}

void place_answer(Example& example, const SquadQuestion& question) {
  example.answer = {-1, -1};
  for (const SquadAnswer& answer : question.answers) example.gold.push_back(answer.text);
  if (question.is_impossible) example.gold.emplace_back();
  if (question.answers.empty()) return;
  const SquadAnswer& first = question.answers.front();
  const auto tokens = tokens_of(example, first.start, first.start + base::count_code_points(first.text));
  if (!tokens) return;
  example.answer = {tokens->first, tokens->second};
  for (std::int32_t token = tokens->first; token <= tokens->second; ++token) {
    example.part[static_cast<std::size_t>(token)] = static_cast<std::uint8_t>(terms::TokenPart::answer);
  }
}

}  // namespace

Example example_of(text::TokenizedText tokens, terms::TokenPart first, terms::TokenPart second) {
  Example example;
  for (const std::int32_t source : tokens.source) {
    const terms::TokenPart part = source < 0 ? terms::TokenPart::special : source == 0 ? first : second;
    example.part.push_back(static_cast<std::uint8_t>(part));
  }
  example.token_id = std::move(tokens.id);
  example.segment = std::move(tokens.segment);
  example.word_index = std::move(tokens.word_index);
  example.char_start = std::move(tokens.char_start);
  example.char_end = std::move(tokens.char_end);
  return example;
}

Example text_example(const text::Tokenizer& tokenizer, const TextInput& input, std::int64_t max_length) {
  Example example = example_of(input.second ? tokenizer.tokenize_pair(input.text, *input.second, max_length)
                                            : tokenizer.tokenize(input.text, max_length),
                               terms::TokenPart::text, terms::TokenPart::text);
  example.text = input.text;
  if (input.second) example.second_text = std::make_shared<const std::string>(*input.second);
  return example;
}

WindowedQuestion window_examples(const text::Tokenizer& tokenizer, const SquadQuestion& question, std::int32_t number,
                                 const WindowSettings& settings, Unanswerable unanswerable) {
  text::Windows windows = tokenizer.tokenize_windows(question.question, *question.passage, settings.max_length,
                                                     settings.overlap, settings.longest_question);
  WindowedQuestion result{{}, windows.first_tokens, windows.first_kept};
  std::vector<Example>& examples = result.windows;
  for (text::TokenizedText& window : windows.texts) {
    Example example = example_of(std::move(window), terms::TokenPart::question, terms::TokenPart::passage);
    for (const std::uint8_t part : example.part) {
      example.answerable.push_back(part == static_cast<std::uint8_t>(terms::TokenPart::passage) ? 1 : 0);
    }
    example.answerable.front() = unanswerable == Unanswerable::possible ? 1 : 0;
    example.id = examples.empty() ? question.id : fmt::format("{}#{}", question.id, examples.size() + 1);
    example.text = question.question;
    example.second_text = question.passage;
    example.question = number;
    place_answer(example, question);
    examples.push_back(std::move(example));
  }
  return result;
}

std::string cut_code_points(std::string_view text, std::int64_t begin, std::int64_t end) {
  const auto from = base::byte_of_code_point(text, begin), to = base::byte_of_code_point(text, end);
  base::ensure(from && to && *from <= *to, "offsets within their text");
  return std::string(text.substr(*from, *to - *from));
}

std::string answer_text(const Example& example, std::int64_t first, std::int64_t last) {
  const std::int64_t begin = example.char_start.at(static_cast<std::size_t>(first));
  const std::int64_t end = example.char_end.at(static_cast<std::size_t>(last));
  if (begin < 0 || end < 0) return {};
  base::ensure(example.second_text != nullptr, "an answer stands in a passage");
  return cut_code_points(*example.second_text, begin, end);
}

}  // namespace layersweep::data
