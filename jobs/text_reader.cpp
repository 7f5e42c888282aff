#include "jobs/text_reader.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/error.hpp"
#include "data/counting.hpp"
#include "encoder/bert_config.hpp"

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
  return example;
}

}  // namespace

TextReader::TextReader(const config::Experiment& experiment, const std::filesystem::path& model) {
  if (experiment.task.name == config::TaskName::counting) {
    longest_ = data::kCountingLongest;
    return;
  }
  tokenizer_ = data::Tokenizer::open(experiment.encoder.folder);
  longest_ = std::min(experiment.task.max_length, encoder::read_bert_config(model / "config.json").positions);
}

ReadText TextReader::read(const std::string& text) const {
  ReadText result;
  data::Example& example = result.example;
  if (tokenizer_) {
    data::TokenizedText tokens = tokenizer_->tokenize(text);
    if (tokens.size() > longest_) {
      result.remark = fmt::format("has {} tokens, of which this run reads the first {}", tokens.size(), longest_);
      tokens = tokenizer_->tokenize(text, longest_);
    } else if (std::ranges::all_of(tokens.source, [](std::int32_t source) { return source < 0; })) {
      result.remark = "has no words: only the special tokens around it are explained";
    }
    for (const std::int32_t id : tokens.id) result.tokens.push_back(tokenizer_->token_text(id));
    example.token_id = std::move(tokens.id);
    example.segment = std::move(tokens.segment);
  } else {
    example = read_counting(text);
    for (const std::int32_t digit : example.token_id) result.tokens.push_back(std::to_string(digit));
    if (std::ssize(result.tokens) > longest_) {
      result.remark =
          fmt::format("has {} digits; the model has seen sequences of at most {}", result.tokens.size(), longest_);
    }
    example.segment.assign(result.tokens.size(), 0);
  }
  // No encoder reads the rest.
  example.part.assign(result.tokens.size(), static_cast<std::uint8_t>(data::TokenPart::text));
  for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) {
    column->assign(result.tokens.size(), -1);
  }
  return result;
}

std::string TextReader::class_name(const data::Example& example, std::int64_t label, std::int64_t classes) const {
  if (!tokenizer_) {
    return fmt::format("{} is {}more often there than {}", example.query[0], label == 0 ? "not " : "", example.query[1]);
  }
  const bool sst = classes == static_cast<std::int64_t>(sst_classes.size());
  return sst ? sst_classes[static_cast<std::size_t>(label)] : "";
}

}  // namespace layersweep::jobs
