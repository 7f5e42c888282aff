// What is made of a model's output: one interface, a file per kind. Logits are B x classes, or B x 2 x T for a span (start
// and end), where positions beyond a text's end hold `beyond_text`: a softmax over the last dimension gives the
// distributions in all cases.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "data/corpus.hpp"
#include "model/batch.hpp"
#include "model/head.hpp"

namespace layersweep::model {

class Model;

/// A logit that leaves no probability and, unlike −∞, no NaN in a divergence.
inline constexpr double beyond_text = -1e30;

/// What a model says to one text.
struct Answer {
  struct Span {
    std::int64_t first = 0, last = 0;  ///< tokens of the window
    std::string text;                  ///< of the passage; empty where there is no answer, token 0 to 0
  };
  std::size_t window = 0;  ///< of the text's windows, the one that the answer comes from
  std::vector<std::pair<std::string_view, std::vector<float>>> logits;  ///< by name: "logits"; "start_logits", "end_logits"
  std::int64_t value = 0;                                               ///< the class, where there is no span
  std::optional<Span> span = {};
};

/// A column of the results file that depends on the kind of output, with the cells of some consecutive texts.
struct OutputColumn {
  std::string_view name;
  std::variant<std::vector<float>, std::vector<std::int32_t>, std::vector<std::uint8_t>> cells;
};

/// Where a row of a batch belongs among such texts.
struct OutputPlace {
  const data::Corpus* corpus = nullptr;
  std::int64_t example = 0;  ///< in the corpus
  std::int64_t row = 0;      ///< among the texts
  std::int64_t token = 0;    ///< first token of it among theirs
};

/// The outputs of consecutive texts as columns, and how right they are.
class OutputColumns {
 public:
  virtual ~OutputColumns() = default;
  /// The outputs of a batch in the host's memory, a place for each row.
  virtual void take(const Batch& batch, const at::Tensor& logits, std::span<const OutputPlace> places) = 0;
  /// label, prediction, score and what else the kind has.
  virtual std::vector<OutputColumn> columns() const = 0;
  /// Numbers that scores_text joins, as many of each text; none where a text's score is all there is to tell.
  virtual std::vector<double> evidence() const { return {}; }
};

class Output {
 public:
  virtual ~Output() = default;

  /// What a model of the kind is, for messages: "is a classifier".
  virtual std::string_view model_does() const = 0;

  /// What the logits (… x B x …) decide, … x B int64, comparable within a batch: the class, or start · T + end.
  virtual at::Tensor decided(const at::Tensor& logits, const Batch& batch) const = 0;
  /// What the data give, in the same form, B; −1 where they give nothing.
  virtual at::Tensor given(const Batch& batch) const = 0;
  /// The sum over the batch of the cross-entropy with what the data give. Differentiable with respect to `logits`.
  virtual at::Tensor summed_loss(const at::Tensor& logits, const Batch& batch) const = 0;

  /// KL(clean ‖ masked) in nats, C x B, of logits `clean` (B x …) and `masked` (C x B x …): of the class distribution, or
  /// the sum of those of start and end. Differentiable with respect to `masked`.
  virtual at::Tensor divergence(const at::Tensor& clean, const at::Tensor& masked) const;
  /// Whether what is decided changed: C x B, 0 or 1 as float32; logits as above.
  at::Tensor flipped(const at::Tensor& clean, const at::Tensor& masked, const Batch& batch) const;
  /// log probability that rows of logits (R x …) give to what `clean` (R x …) predicts, R: its class, or start plus end.
  /// Differentiable with respect to `rows`.
  virtual at::Tensor log_probability(const at::Tensor& clean, const at::Tensor& rows) const;

  /// For texts of so many examples and tokens.
  virtual std::unique_ptr<OutputColumns> columns(const Head& head, std::int64_t examples, std::int64_t tokens) const = 0;
  /// "exact match 81.20 %, …" from the evidence of all texts of a split, of which `question` says whose windows they are;
  /// empty where there is none.
  virtual std::string scores_text(std::span<const double> evidence, std::span<const std::int32_t> question) const;

  /// Answers to texts, each of one window or more, in order. Independent.
  virtual std::vector<Answer> answers(const Model& model, std::span<const std::vector<data::Example>> texts) const = 0;
};

const Output& output_of(terms::OutputKind kind);

// The kinds; a further one is a value of terms::OutputKind, a file, and a line in output.cpp.
const Output& classes_output();
const Output& span_output();

}  // namespace layersweep::model
