#include "jobs/steps/output_columns.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <vector>

#include "data/examples.hpp"
#include "data/squad_score.hpp"
#include "model/output.hpp"

namespace layersweep::jobs {
namespace {

std::span<const float> span_of(const at::Tensor& contiguous) {
  return {contiguous.const_data_ptr<float>(), static_cast<std::size_t>(contiguous.numel())};
}

at::Tensor missing(at::IntArrayRef shape) { return at::full(shape, std::nan(""), at::kFloat); }

template <class T>
std::vector<T> cells(std::int64_t count, T value) {
  return std::vector<T>(static_cast<std::size_t>(count), value);
}

class ClassColumns final : public OutputColumns {
 public:
  ClassColumns(std::int64_t examples, std::int64_t classes, SlabStart start)
      : start_(start), logits_(missing({examples, classes})), label_(cells<std::int32_t>(examples, -1)) {}

  void take(const model::Batch&, const at::Tensor& logits, std::span<const OutputPlace> places) override {
    for (std::size_t b = 0; b < places.size(); ++b) {
      const OutputPlace& place = places[b];
      logits_[place.row].copy_(logits[static_cast<std::int64_t>(b)]);
      label_[static_cast<std::size_t>(place.row)] = place.corpus->label()[static_cast<std::size_t>(place.example)];
    }
  }

  void write(store::ResultsWriter& writer) const override {
    const at::Tensor predicted = logits_.argmax(-1);
    std::vector<std::int32_t> prediction;
    std::vector<float> score;
    for (std::size_t row = 0; row < label_.size(); ++row) {
      prediction.push_back(static_cast<std::int32_t>(predicted[static_cast<std::int64_t>(row)].item<std::int64_t>()));
      score.push_back(label_[row] < 0 ? std::nanf("") : label_[row] == prediction.back() ? 1.0F : 0.0F);
    }
    const store::Slab by_example{{start_.example}, {logits_.size(0)}};
    writer.write<std::int32_t>("label", by_example, label_);
    writer.write<std::int32_t>("prediction", by_example, prediction);
    writer.write<float>("score", by_example, score);
    writer.write<float>("logits", {{start_.example, 0}, {logits_.size(0), logits_.size(1)}}, span_of(logits_));
  }

 private:
  SlabStart start_;
  at::Tensor logits_;  // examples x classes
  std::vector<std::int32_t> label_;
};

class SpanColumns final : public OutputColumns {
 public:
  SpanColumns(std::int64_t examples, std::int64_t tokens, SlabStart start, QuestionScores& scores)
      : start_(start), scores_(scores), logits_(missing({2, tokens})), score_(cells(examples, std::nanf(""))) {
    exact_match_ = cells<std::uint8_t>(examples, 255);
    for (auto* column : {&question_, &gold_start_, &gold_end_, &predicted_start_, &predicted_end_}) {
      *column = cells<std::int32_t>(examples, -1);
    }
  }

  void take(const model::Batch& batch, const at::Tensor& logits, std::span<const OutputPlace> places) override {
    const at::Tensor decided = model::answers(model::OutputKind::span, logits, batch);
    model::Batch with_answer = batch;
    with_answer.answerable = batch.answerable.clone();
    with_answer.answerable.select(1, 0).fill_(false);
    const at::Tensor found = model::answers(model::OutputKind::span, logits, with_answer);
    for (std::size_t b = 0; b < places.size(); ++b) {
      const auto row = static_cast<std::int64_t>(b);
      take_one(batch, logits[row], decided[row].item<std::int64_t>(), found[row].item<std::int64_t>(), places[b]);
    }
  }

  void write(store::ResultsWriter& writer) const override {
    const store::Slab by_example{{start_.example}, {static_cast<std::int64_t>(score_.size())}};
    const store::Slab by_token{{start_.token}, {logits_.size(1)}};
    writer.write<std::int32_t>("label", by_example, cells<std::int32_t>(by_example.cells(), -1));
    writer.write<std::int32_t>("prediction", by_example, cells<std::int32_t>(by_example.cells(), -1));
    writer.write<float>("score", by_example, score_);
    writer.write<std::int32_t>("question", by_example, question_);
    writer.write<std::uint8_t>("exact_match", by_example, exact_match_);
    writer.write<std::int32_t>("gold_start", by_example, gold_start_);
    writer.write<std::int32_t>("gold_end", by_example, gold_end_);
    writer.write<std::int32_t>("predicted_start", by_example, predicted_start_);
    writer.write<std::int32_t>("predicted_end", by_example, predicted_end_);
    writer.write<float>("start_logits", by_token, span_of(logits_[0]));
    writer.write<float>("end_logits", by_token, span_of(logits_[1]));
  }

 private:
  // `logits` are 2 x T; `decided` is the answer, `found` the best one other than "no answer".
  void take_one(const model::Batch& batch, const at::Tensor& logits, std::int64_t decided, std::int64_t found,
                const OutputPlace& place) {
    const data::Corpus& corpus = *place.corpus;
    const auto example = static_cast<std::size_t>(place.example), row = static_cast<std::size_t>(place.row);
    const std::int64_t length = corpus.length(place.example), width = batch.width();
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
    scores_.add(start_.example + place.row,
                {sum(found), data::score_answer(text(found), gold, script), may_have_none ? sum(0) : model::beyond_text,
                 data::score_answer("", gold, script)});
  }

  SlabStart start_;
  QuestionScores& scores_;
  at::Tensor logits_;  // 2 x tokens
  std::vector<float> score_;
  std::vector<std::uint8_t> exact_match_;
  std::vector<std::int32_t> question_, gold_start_, gold_end_, predicted_start_, predicted_end_;
};

}  // namespace

std::unique_ptr<OutputColumns> make_output_columns(const model::Model& encoder, std::int64_t examples, std::int64_t tokens,
                                                   SlabStart start, QuestionScores& scores) {
  if (encoder.output() == model::OutputKind::span) {
    return std::make_unique<SpanColumns>(examples, tokens, start, scores);
  }
  return std::make_unique<ClassColumns>(examples, encoder.classes(), start);
}

}  // namespace layersweep::jobs
