// The first and the last token of an answer in a passage, which may lie in several windows; or none.
#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "data/examples.hpp"
#include "data/squad_score.hpp"
#include "model/model.hpp"
#include "model/output.hpp"

namespace layersweep::model {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

// Tokens of the longest span that is looked at (max_answer_length of the script run_squad.py of Devlin et al. 2019).
constexpr std::int64_t longest_answer = 30;

// The evidence of a window about its question, by place.
enum Evidence { best_sum, best_exact, best_f1, none_sum, none_exact, none_f1, evidence_size };

// … x B x 2 x T to … x B, start · T + end: of the spans within batch.answerable the one with the largest sum of its two
// logits; position 0, where it is answerable, stands alone for "no answer", and is also what is left where nothing is.
at::Tensor best_spans(const at::Tensor& logits, const Batch& batch) {
  const std::int64_t width = logits.size(-1);
  const at::Tensor closed = (batch.answerable.defined() ? batch.answerable : batch.mask).logical_not();
  const at::Tensor start = logits.select(-2, 0).masked_fill(closed, never);
  const at::Tensor end = logits.select(-2, 1).masked_fill(closed, never);
  // … x B x T x longest_answer: the end that many tokens behind the start.
  const at::Tensor ends = at::constant_pad_nd(end, {0, longest_answer - 1}, never).unfold(-1, longest_answer, 1);
  const at::Tensor scores = start.unsqueeze(-1) + ends;
  scores.select(-2, 0).narrow(-1, 1, longest_answer - 1).fill_(never);
  const at::Tensor best = at::argmax(scores.flatten(-2), -1);
  const at::Tensor first = best.div(longest_answer, "floor");
  return first * width + first + best.remainder(longest_answer);
}

// The same batch without "no answer".
Batch with_answers(const Batch& batch) {
  Batch without_none = batch;
  without_none.answerable = batch.answerable.clone();
  without_none.answerable.select(1, 0).fill_(false);
  return without_none;
}

class SpanColumns final : public OutputColumns {
 public:
  SpanColumns(std::int64_t examples, std::int64_t tokens)
      : logits_(at::full({2, tokens}, std::nan(""), at::kFloat)),
        score_(static_cast<std::size_t>(examples), std::nanf("")),
        exact_match_(score_.size(), 255),
        evidence_(score_.size() * evidence_size) {
    for (auto* column : {&none_, &question_, &gold_start_, &gold_end_, &predicted_start_, &predicted_end_}) {
      column->assign(score_.size(), -1);
    }
  }

  void take(const Batch& batch, const at::Tensor& logits, std::span<const OutputPlace> places) override {
    const at::Tensor decided = best_spans(logits, batch);
    const at::Tensor found = best_spans(logits, with_answers(batch));
    for (std::size_t b = 0; b < places.size(); ++b) {
      const auto row = static_cast<std::int64_t>(b);
      take_one(logits[row], decided[row].item<std::int64_t>(), found[row].item<std::int64_t>(), places[b]);
    }
  }

  std::vector<OutputColumn> columns() const override {
    const float* cells = logits_.const_data_ptr<float>();
    const std::int64_t tokens = logits_.size(1);
    return {{"label", none_},
            {"prediction", none_},
            {"score", score_},
            {"question", question_},
            {"exact_match", exact_match_},
            {"gold_start", gold_start_},
            {"gold_end", gold_end_},
            {"predicted_start", predicted_start_},
            {"predicted_end", predicted_end_},
            {"start_logits", std::vector<float>(cells, cells + tokens)},
            {"end_logits", std::vector<float>(cells + tokens, cells + 2 * tokens)}};
  }

  std::vector<double> evidence() const override { return evidence_; }

 private:
  // `logits` are 2 x T; `decided` is the answer, `found` the best one other than "no answer".
  void take_one(const at::Tensor& logits, std::int64_t decided, std::int64_t found, const OutputPlace& place) {
    const data::Corpus& corpus = *place.corpus;
    const auto example = static_cast<std::size_t>(place.example), row = static_cast<std::size_t>(place.row);
    const std::int64_t length = corpus.length(place.example), width = logits.size(1);
    logits_.narrow(1, place.token, length).copy_(logits.narrow(1, 0, length));
    question_[row] = corpus.question()[example];
    gold_start_[row] = corpus.answer()[2 * example];
    gold_end_[row] = corpus.answer()[2 * example + 1];
    predicted_start_[row] = static_cast<std::int32_t>(decided / width);
    predicted_end_[row] = static_cast<std::int32_t>(decided % width);

    const std::vector<std::string> gold = corpus.gold(place.example);
    const auto text = [&](std::int64_t answer) {
      const auto start = corpus.token_start()[example];
      const std::int64_t begin = corpus.char_start()[static_cast<std::size_t>(start + answer / width)];
      const std::int64_t end = corpus.char_end()[static_cast<std::size_t>(start + answer % width)];
      return begin < 0 ? std::string() : data::cut_code_points(corpus.second_text(place.example), begin, end);
    };
    const auto sum = [&](std::int64_t answer) {
      return (logits[0][answer / width] + logits[1][answer % width]).item<double>();
    };
    if (gold.empty()) return;  // a question of a user's: nobody knows
    const bool may_have_none = corpus.answerable()[static_cast<std::size_t>(corpus.token_start()[example])] != 0;
    const data::SquadScript script = may_have_none ? data::SquadScript::v2_0 : data::SquadScript::v1_1;
    const data::AnswerScore score = data::score_answer(text(decided), gold, script);
    score_[row] = static_cast<float>(score.f1);
    exact_match_[row] = score.exact_match ? 1 : 0;
    double* const evidence = evidence_.data() + row * evidence_size;
    const auto note = [&](Evidence first, double logits_sum, const data::AnswerScore& of) {
      evidence[first] = logits_sum;
      evidence[first + 1] = of.exact_match ? 1.0 : 0.0;
      evidence[first + 2] = of.f1;
    };
    note(best_sum, sum(found), data::score_answer(text(found), gold, script));
    note(none_sum, may_have_none ? sum(0) : beyond_text, data::score_answer("", gold, script));
  }

  at::Tensor logits_;  // 2 x tokens
  std::vector<float> score_;
  std::vector<std::uint8_t> exact_match_;
  std::vector<std::int32_t> none_, question_, gold_start_, gold_end_, predicted_start_, predicted_end_;
  std::vector<double> evidence_;  // examples x evidence_size
};

// Where the windows leave "no answer" open it is given when its smallest sum of logits over the windows is above that of the
// best span, as the reference model of SQuAD 2.0 decides; the window is then that of this sum.
Answer best_answer(const Model& model, const std::vector<data::Example>& windows) {
  Answer best, none;
  float largest = -std::numeric_limits<float>::infinity();
  float smallest_none = std::numeric_limits<float>::infinity();
  bool may_be_none = true;
  for (std::size_t w = 0; w < windows.size(); ++w) {  // one by one: the answer does not depend on padding
    const std::int64_t first = 0;
    const Batch batch = collate(data::Corpus::pack({windows[w]}), {&first, 1});
    const at::Tensor logits = model.clean(batch).logits.contiguous();  // 1 x 2 x T
    may_be_none = may_be_none && batch.answerable.select(1, 0).item<bool>();
    const auto found = best_spans(logits, with_answers(batch)).item<std::int64_t>();
    const std::int64_t width = batch.width(), start = found / width, end = found % width;
    const float* values = logits.const_data_ptr<float>();
    const auto at = [&](std::int64_t from, std::int64_t to, std::string text) {
      return Answer{
          .window = w,
          .logits = {{"start_logits", {values, values + width}}, {"end_logits", {values + width, values + 2 * width}}},
          .span = Answer::Span{from, to, std::move(text)}};
    };
    if (const float sum = values[start] + values[width + end]; w == 0 || sum > largest) {
      largest = sum;
      best = at(start, end, data::answer_text(windows[w], start, end));
    }
    if (const float sum = values[0] + values[width]; sum < smallest_none) {
      smallest_none = sum;
      none = at(0, 0, "");
    }
  }
  return may_be_none && smallest_none > largest ? none : best;
}

class Spans final : public Output {
 public:
  std::string_view model_does() const override { return "answers questions"; }

  at::Tensor decided(const at::Tensor& logits, const Batch& batch) const override { return best_spans(logits, batch); }

  // A window of a passage without the given answer counts as "no answer".
  at::Tensor given(const Batch& batch) const override {
    const at::Tensor tokens = given_tokens(batch);
    return tokens.select(1, 0) * batch.width() + tokens.select(1, 1);
  }

  // The mean of start and end, as in run_squad.py.
  at::Tensor summed_loss(const at::Tensor& logits, const Batch& batch) const override {
    const at::Tensor tokens = given_tokens(batch);
    const auto side = [&](std::int64_t which) {
      return at::cross_entropy_loss(logits.select(1, which), tokens.select(1, which), {}, at::Reduction::Sum);
    };
    return (side(0) + side(1)) / 2;
  }

  std::unique_ptr<OutputColumns> columns(const Head&, std::int64_t examples, std::int64_t tokens) const override {
    return std::make_unique<SpanColumns>(examples, tokens);
  }

  // Means over questions. As in Hugging Face's run_qa.py a question's answer is that of the window with the largest sum of
  // logits, the first of equals; "no answer", where it is possible, if its sum is larger in every window.
  std::string scores_text(std::span<const double> evidence, std::span<const std::int32_t> question) const override {
    double exact_match = 0, f1 = 0;
    std::int64_t questions = 0;
    for (std::size_t begin = 0; begin < question.size(); ++questions) {
      const double* best = evidence.data() + begin * evidence_size;
      double none = best[none_sum];
      std::size_t window = begin + 1;
      for (; window < question.size() && question[window] == question[begin]; ++window) {
        const double* const values = evidence.data() + window * evidence_size;
        if (values[best_sum] > best[best_sum]) best = values;
        none = std::min(none, values[none_sum]);
      }
      const bool says_none = none > best[best_sum];
      exact_match += best[says_none ? none_exact : best_exact];
      f1 += best[says_none ? none_f1 : best_f1];
      begin = window;
    }
    const auto count = static_cast<double>(std::max<std::int64_t>(1, questions));
    return fmt::format("exact match {:.2f} %, F1 {:.2f} % over {} questions", 100 * exact_match / count, 100 * f1 / count,
                       questions);
  }

  std::vector<Answer> answers(const Model& model, std::span<const std::vector<data::Example>> texts) const override {
    std::vector<Answer> answers;
    for (const auto& windows : texts) answers.push_back(best_answer(model, windows));
    return answers;
  }

 private:
  // The given answer's, 0 where the window has none.
  static at::Tensor given_tokens(const Batch& batch) {
    base::ensure(batch.answer.defined(), "texts whose answers are spans");
    return batch.answer.clamp_min(0);
  }
};

}  // namespace

const Output& span_output() {
  static const Spans spans;
  return spans;
}

}  // namespace layersweep::model
