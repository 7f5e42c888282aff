#include "jobs/explaining/text_reader.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/error.hpp"
#include "data/counting.hpp"
#include "jobs/steps/prepare.hpp"

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
  example.part.assign(example.token_id.size(), static_cast<std::uint8_t>(terms::TokenPart::text));
  // Where the digits stand in what was typed is nobody's business.
  for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) {
    column->assign(example.token_id.size(), -1);
  }
  return example;
}

data::Unanswerable unanswerable_by(const model::ModelDescription& model) {
  return model.may_answer_none ? data::Unanswerable::possible : data::Unanswerable::never;
}

}  // namespace

TextReader::TextReader(const config::Experiment& experiment, const std::filesystem::path& model) {
  if (experiment.task.name == config::TaskName::counting) {
    windows_.max_length = data::kCountingLongest;
    classes_.count = 2;
    return;
  }
  *this = TextReader(model);
  windows_ = window_settings(experiment.task);
  windows_.max_length = std::min(windows_.max_length, model_.longest_text);
  const bool sst = experiment.task.name == config::TaskName::sst && model_.classes == std::ssize(sst_classes);
  if (sst) classes_.names.assign(sst_classes.begin(), sst_classes.end());
}

TextReader::TextReader(const std::filesystem::path& model)
    : tokenizer_(data::Tokenizer::open(model)), model_(model::describe_model(model)) {
  output_ = model_.output;
  unanswerable_ = unanswerable_by(model_);
  windows_.max_length =
      output_ == model::OutputKind::span ? std::min(windows_.max_length, model_.longest_text) : model_.longest_text;
  classes_ = {model_.classes, model_.class_names};
}

ReadText TextReader::read(const data::TextInput& input) const {
  ReadText result;
  const auto remark = [&](std::string kind, std::string of_text) {
    result.remarks.push_back({std::move(kind), std::move(of_text)});
  };
  if (!tokenizer_) {
    if (input.second) refuse_counting_text("it is a pair of texts");
    result.windows.push_back(read_counting(input.text));
    const std::int64_t digits = std::ssize(result.windows.front().token_id);
    if (digits > windows_.max_length) {
      remark(fmt::format("texts of more than {} digits, the most that the model has seen", windows_.max_length),
             fmt::format("has {} digits; the model has seen sequences of at most {}", digits, windows_.max_length));
    }
    return result;
  }
  if (output_ == model::OutputKind::span) {
    if (!input.second) {
      throw base::InputError("there is a question without a passage", "the model answers questions on passages",
                             R"(Give both: --text with --second-text, or {"question": "…", "passage": "…"})");
    }
    data::SquadQuestion question;
    question.question = input.text;
    question.passage = std::make_shared<const std::string>(*input.second);
    data::WindowedQuestion windowed = data::window_examples(*tokenizer_, question, 0, windows_, unanswerable_);
    result.windows = std::move(windowed.windows);
    if (windowed.question_kept < windowed.question_tokens) {
      remark(fmt::format("questions cut to their first {} tokens", windowed.question_kept),
             fmt::format("has a question of {} tokens, of which the first {} are read", windowed.question_tokens,
                         windowed.question_kept));
    }
    if (result.windows.size() > 1) {
      remark("", fmt::format("is read in {} windows; the one with the answer is shown", result.windows.size()));
    }
  } else {
    data::Example example = data::text_example(*tokenizer_, input);
    const std::int64_t tokens = std::ssize(example.token_id);
    if (tokens > windows_.max_length) {
      remark(fmt::format("texts cut to {} tokens", windows_.max_length),
             fmt::format("has {} tokens, of which {}{} are read", tokens, input.second ? "" : "the first ",
                         windows_.max_length));
      example = data::text_example(*tokenizer_, input, windows_.max_length);
    } else if (std::ranges::all_of(example.word_index, [](std::int32_t word) { return word < 0; })) {
      remark("texts without a word, of which only the special tokens are read",
             "has no words: only the special tokens around it are read");
    }
    result.windows.push_back(std::move(example));
  }
  for (const data::Example& window : result.windows) model::check_embedded(model_, window.token_id, window.segment);
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
  // Names that Hugging Face made up say no more than the number.
  return place < classes_.names.size() && classes_.names[place] != fmt::format("LABEL_{}", label) ? classes_.names[place]
                                                                                                  : "";
}

}  // namespace layersweep::jobs
