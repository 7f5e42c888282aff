#include "jobs/best_answer.hpp"

#include <ATen/ATen.h>

#include <limits>

#include "data/examples.hpp"
#include "encoder/encoder.hpp"
#include "encoder/output.hpp"

namespace layersweep::jobs {

BestAnswer best_answer(const encoder::Encoder& encoder, const std::vector<data::Example>& windows) {
  BestAnswer best;
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t w = 0; w < windows.size(); ++w) {  // one by one: the answer does not depend on padding
    const std::int64_t first = 0;
    const encoder::Batch batch = encoder::collate(data::Corpus::pack({windows[w]}), {&first, 1});
    const at::Tensor logits = encoder.clean(batch).logits.contiguous();  // 1 x 2 x T
    const auto answer = encoder::answers(encoder::OutputKind::span, logits, batch).item<std::int64_t>();
    const std::int64_t width = batch.width(), start = answer / width, end = answer % width;
    const float* values = logits.const_data_ptr<float>();
    const float sum = values[start] + values[width + end];
    if (w > 0 && !(sum > largest)) continue;
    largest = sum;
    best = {w,
            start,
            end,
            data::answer_text(windows[w], start, end),
            {values, values + width},
            {values + width, values + 2 * width}};
  }
  return best;
}

}  // namespace layersweep::jobs
