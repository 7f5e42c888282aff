// Two digits and a sequence of digits: is the first there more often than the second? The truth about the masks is known.
#include "data/counting.hpp"

#include <fmt/format.h>

#include <sstream>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "jobs/tasks/task.hpp"
#include "jobs/tasks/token_shards.hpp"

namespace layersweep::jobs {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw base::InputError(
      "this is no text of the counting task", why,
      "Write two different digits, a colon and the sequence, \"3 7 : 3 1 7 3\": is 3 there more often than 7?");
}

data::Example example_of(const std::string& text) {
  data::Example example;
  bool colon = false;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == ":" && !colon) {
      colon = true;
    } else if (word.size() == 1 && word[0] >= '0' && word[0] <= '9') {
      (colon ? example.token_id : example.query).push_back(word[0] - '0');
    } else {
      refuse(fmt::format("\"{}\" stands where a digit should", word));
    }
  }
  if (example.query.size() != 2 || example.query[0] == example.query[1]) {
    refuse("it does not begin with two different digits and a colon");
  }
  if (example.token_id.empty()) refuse("nothing follows the colon");
  example.text = text;
  example.segment.assign(example.token_id.size(), 0);
  example.part.assign(example.token_id.size(), static_cast<std::uint8_t>(terms::TokenPart::text));
  // Offsets into the typed text are not needed.
  for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) {
    column->assign(example.token_id.size(), -1);
  }
  return example;
}

class Counting final : public Task {
 public:
  Texts texts(const config::Experiment& experiment, const std::filesystem::path&, const data::OnText&) const override {
    const auto seed = static_cast<std::uint64_t>(experiment.task.seed);
    const auto split = [&](terms::Split which) { return first_texts(data::counting_corpus(seed, which), experiment.task); };
    return {.train = split(terms::Split::train),
            .dev = split(terms::Split::dev),
            .test = split(terms::Split::test),
            .data_sha256 = base::sha256_of_text(fmt::format("counting task, seed {}", seed))};
  }

  plan::TextLengths lengths(const config::Experiment& experiment) const override {
    const auto split = [&](terms::Split which) {
      return plan::Lengths::uniform(data::counting_size(which), data::kCountingLongest)
          .cut(experiment.task.max_length)
          .first(experiment.task.limit);
    };
    return {split(terms::Split::train), split(terms::Split::dev), split(terms::Split::test)};
  }

  const model::Family* own_family() const override { return &model::family_named("counting"); }
  store::TaskColumns columns() const override { return {.token_truth = true}; }

  ReadText read(const data::TextInput& input, const Reading&) const override {
    if (input.second) refuse("it is a pair of texts");
    ReadText result{{example_of(input.text)}, {}};
    const std::int64_t digits = std::ssize(result.windows.front().token_id);
    if (digits > data::kCountingLongest) {
      result.remarks.push_back(
          {fmt::format("texts of more than {} digits, the most that the model has seen", data::kCountingLongest),
           fmt::format("has {} digits; the model has seen sequences of at most {}", digits, data::kCountingLongest)});
    }
    return result;
  }

  std::string class_name(const data::Example& example, const model::Head&, std::int64_t label) const override {
    return fmt::format("{} is {}more often there than {}", example.query[0], label == 0 ? "not " : "", example.query[1]);
  }

  data::Example random_text(base::RandomStream& random, std::int64_t length) const override {
    data::Example example = Task::random_text(random, length);
    for (std::int32_t& id : example.token_id) id %= data::kCountingSymbols;
    example.query = {1, 2};
    example.truth.assign(example.token_id.size(), 0);
    return example;
  }
};

}  // namespace

const Task& counting_task() {
  static const Counting task;
  return task;
}

}  // namespace layersweep::jobs
