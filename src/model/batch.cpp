#include "model/batch.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace layersweep::model {

Batch collate(const data::Corpus& corpus, std::span<const std::int64_t> examples) {
  base::ensure(!examples.empty(), "a batch has at least one example");
  const auto rows = static_cast<std::int64_t>(examples.size());
  std::int64_t width = 1;
  for (const std::int64_t example : examples) {
    base::ensure(example >= 0 && example < corpus.size(), fmt::format("example {} is not in the corpus", example));
    width = std::max(width, corpus.length(example));
  }

  Batch batch;
  batch.token_ids = at::zeros({rows, width}, at::kLong);
  batch.segments = at::zeros({rows, width}, at::kLong);
  batch.mask = at::zeros({rows, width}, at::kBool);
  batch.lengths = at::empty({rows}, at::kLong);
  batch.labels = at::empty({rows}, at::kLong);
  const auto query = corpus.query();
  if (!query.empty()) batch.query = at::empty({rows, 2}, at::kLong);
  const auto answer = corpus.answer();
  if (!answer.empty()) {
    batch.answer = at::empty({rows, 2}, at::kLong);
    batch.answerable = at::zeros({rows, width}, at::kBool);
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t example = examples[row];
    const std::int64_t start = corpus.token_start()[example];
    const std::int64_t length = corpus.length(example);
    std::copy_n(corpus.token_id().begin() + start, length, batch.token_ids.data_ptr<std::int64_t>() + row * width);
    std::copy_n(corpus.segment().begin() + start, length, batch.segments.data_ptr<std::int64_t>() + row * width);
    std::fill_n(batch.mask.data_ptr<bool>() + row * width, length, true);
    batch.lengths.data_ptr<std::int64_t>()[row] = length;
    batch.labels.data_ptr<std::int64_t>()[row] = corpus.label()[example];
    if (!query.empty()) std::copy_n(query.begin() + 2 * example, 2, batch.query.data_ptr<std::int64_t>() + 2 * row);
    if (answer.empty()) continue;
    std::copy_n(answer.begin() + 2 * example, 2, batch.answer.data_ptr<std::int64_t>() + 2 * row);
    std::copy_n(corpus.answerable().begin() + start, length, batch.answerable.data_ptr<bool>() + row * width);
  }
  return batch;
}

Batch Batch::to(at::Device device) const {
  Batch moved = *this;
  for (at::Tensor* tensor : {&moved.token_ids, &moved.segments, &moved.lengths, &moved.mask, &moved.query, &moved.positions,
                             &moved.labels, &moved.answerable, &moved.answer}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return moved;
}

}  // namespace layersweep::model
