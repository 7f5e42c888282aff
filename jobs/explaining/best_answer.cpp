#include "jobs/explaining/best_answer.hpp"

#include <ATen/ATen.h>

#include <limits>

#include "data/examples.hpp"
#include "model/model.hpp"
#include "model/output.hpp"

namespace layersweep::jobs {

BestAnswer best_answer(const model::Model& encoder, const std::vector<data::Example>& windows) {
  BestAnswer best, none;
  float largest = -std::numeric_limits<float>::infinity();
  float smallest_none = std::numeric_limits<float>::infinity();
  bool may_be_none = true;
  for (std::size_t w = 0; w < windows.size(); ++w) {  // one by one: the answer does not depend on padding
    const std::int64_t first = 0;
    model::Batch batch = model::collate(data::Corpus::pack({windows[w]}), {&first, 1});
    const at::Tensor logits = encoder.clean(batch).logits.contiguous();  // 1 x 2 x T
    may_be_none = may_be_none && batch.answerable.select(1, 0).item<bool>();
    batch.answerable.select(1, 0).fill_(false);  // the best span, whatever is to be said of none
    const auto answer = model::answers(model::OutputKind::span, logits, batch).item<std::int64_t>();
    const std::int64_t width = batch.width(), start = answer / width, end = answer % width;
    const float* values = logits.const_data_ptr<float>();
    const auto at = [&](std::int64_t from, std::int64_t to, std::string text) {
      return BestAnswer{w, from, to, std::move(text), {values, values + width}, {values + width, values + 2 * width}};
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

}  // namespace layersweep::jobs
