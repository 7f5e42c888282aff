// The columns of the results file that depend on what a model puts out: classes, or spans with their answers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>

#include "data/corpus.hpp"
#include "jobs/steps/question_scores.hpp"
#include "model/model.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// Where a row of a batch belongs.
struct OutputPlace {
  const data::Corpus* corpus = nullptr;
  std::int64_t example = 0;  ///< in the corpus
  std::int64_t row = 0;      ///< example of the slab
  std::int64_t token = 0;    ///< first token in the slab
};

/// Where a slab begins in the file.
struct SlabStart {
  std::int64_t example = 0;
  std::int64_t token = 0;
};

class OutputColumns {
 public:
  virtual ~OutputColumns() = default;
  /// The outputs of a batch, a place for each row. Independent.
  virtual void take(const model::Batch& batch, const at::Tensor& logits, std::span<const OutputPlace> places) = 0;
  /// label, prediction, score and what else the kind has. Collective.
  virtual void write(store::ResultsWriter& writer) const = 0;
};

/// For a slab of so many examples and tokens. Answers are also added to `scores`, which must outlive the columns.
std::unique_ptr<OutputColumns> make_output_columns(const model::Model& encoder, std::int64_t examples, std::int64_t tokens,
                                                   SlabStart start, QuestionScores& scores);

}  // namespace layersweep::jobs
