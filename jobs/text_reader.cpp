#include "jobs/text_reader.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/error.hpp"
#include "data/counting.hpp"
#include "encoder/open.hpp"
#include "jobs/prepare.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::array sst_classes{"very negative", "negative", "neutral", "positive", "very positive"};

[[noreturn]] void refuse_counting_text(const std::string& why) {
  throw base::InputError(
      "this is no text of the counting task", why,
      "Write two different digits, a colon and the sequence, \"3 7 : 3 1 7 3\": is 3 there more often than 7?");
}

data::Example read_counting(const std::string& text) {
  data::Example example;
  bool colon = false;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == ":" && !colon) {
      colon = true;
    } else if (word.size() == 1 && word[0] >= '0' && word[0] <= '9') {
      (colon ? example.token_id : example.query).push_back(word[0] - '0');
    } else {
      refuse_counting_text(fmt::format("\"{}\" stands where a digit should", word));
    }
  }
  if (example.query.size() != 2 || example.query[0] == example.query[1]) {
    refuse_counting_text("it does not begin with two different digits and a colon");
  }
  if (example.token_id.empty()) refuse_counting_text("nothing follows the colon");
  example.text = text;
  example.segment.assign(example.token_id.size(), 0);
  example.part.assign(example.token_id.size(), static_cast<std::uint8_t>(data::TokenPart::text));
  // Where the digits stand in what was typed is nobody's business.
  for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) {
    column->assign(example.token_id.size(), -1);
  }
  return example;
}

// None where they are those that Hugging Face makes up.
std::vector<std::string> names_of(const encoder::ModelDescription& model) {
  const bool made_up = std::ranges::any_of(model.class_names, [](const auto& name) { return name.starts_with("LABEL_"); });
  return made_up ? std::vector<std::string>() : model.class_names;
}

data::Unanswerable unanswerable_by(const encoder::ModelDescription& model) {
  return model.may_answer_none ? data::Unanswerable::possible : data::Unanswerable::never;
}

}  // namespace

TextReader::TextReader(const config::Experiment& experiment, const std::filesystem::path& model) {
  if (experiment.task.name == config::TaskName::counting) {
    windows_.max_length = data::kCountingLongest;
    classes_.count = 2;
    return;
  }
  tokenizer_ = data::Tokenizer::open(experiment.encoder.folder);
  const encoder::ModelDescription described = encoder::describe_model(model);
  windows_ = window_settings(experiment.task);
  windows_.max_length = std::min(windows_.max_length, described.longest_text);
  output_ = described.output;
  unanswerable_ = unanswerable_by(described);
  classes_ = {described.classes, names_of(described)};
  const bool sst = experiment.task.name == config::TaskName::sst && described.classes == std::ssize(sst_classes);
  if (sst) classes_.names.assign(sst_classes.begin(), sst_classes.end());
}

TextReader::TextReader(const std::filesystem::path& model) : tokenizer_(data::Tokenizer::open(model)) {
  const encoder::ModelDescription described = encoder::describe_model(model);
  const std::int64_t longest = described.longest_text;
  output_ = described.output;
  unanswerable_ = unanswerable_by(described);
  windows_.max_length = output_ == encoder::OutputKind::span ? std::min(windows_.max_length, longest) : longest;
  classes_ = {described.classes, names_of(described)};
}

ReadText TextReader::read(const data::TextInput& input) const {
  ReadText result;
  if (!tokenizer_) {
    if (input.second) refuse_counting_text("it is a pair of texts");
    result.windows.push_back(read_counting(input.text));
    const std::int64_t digits = std::ssize(result.windows.front().token_id);
    if (digits > windows_.max_length) {
      result.remark = fmt::format("has {} digits; the model has seen sequences of at most {}", digits, windows_.max_length);
    }
    return result;
  }
  if (output_ == encoder::OutputKind::span) {
    if (!input.second) {
      throw base::InputError("there is a question without a passage", "the model answers questions on passages",
                             R"(Give both: --text with --second-text, or {"question": "…", "passage": "…"})");
    }
    data::SquadQuestion question;
    question.question = input.text;
    question.passage = *input.second;
    result.windows = data::window_examples(*tokenizer_, question, 0, windows_, unanswerable_);
    if (result.windows.size() > 1) {
      result.remark = fmt::format("is read in {} windows; the one with the answer is shown", result.windows.size());
    }
    return result;
  }
  data::Example example = data::text_example(*tokenizer_, input);
  const std::int64_t tokens = std::ssize(example.token_id);
  if (tokens > windows_.max_length) {
    result.remark = fmt::format("has {} tokens, of which this run reads {}{}", tokens, input.second ? "" : "the first ",
                                windows_.max_length);
    example = data::text_example(*tokenizer_, input, windows_.max_length);
  } else if (std::ranges::all_of(example.word_index, [](std::int32_t word) { return word < 0; })) {
    result.remark = "has no words: only the special tokens around it are explained";
  }
  result.windows.push_back(std::move(example));
  return result;
}

std::string TextReader::token_text(std::int32_t id) const {
  return tokenizer_ ? tokenizer_->token_text(id) : std::to_string(id);
}

std::string TextReader::class_name(const data::Example& example, std::int64_t label) const {
  if (!tokenizer_) {
    return fmt::format("{} is {}more often there than {}", example.query[0], label == 0 ? "not " : "", example.query[1]);
  }
  const auto place = static_cast<std::size_t>(label);
  return place < classes_.names.size() ? classes_.names[place] : "";
}

}  // namespace layersweep::jobs
