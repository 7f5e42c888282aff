// Rows of a batch cut into chunks whose intermediate results fit the processor's cache; each thread takes the next chunk
// that is left. Chunks share nothing, so one parallel region does a whole layer without a barrier inside.
#pragma once

#include <cstdint>
#include <functional>

namespace layersweep::model {

/// Enough for matrix products to run at full speed, few enough for a chunk's widest intermediate result (1,536 floats a
/// token for a small encoder) to stay in a second-level cache.
constexpr std::int64_t most_tokens_per_chunk = 256;

/// Calls work(first, last) for ranges that cover 0 .. rows. The ranges depend on rows, tokens per row and the number of
/// LibTorch's threads, never on timing, so results are reproducible.
void for_row_chunks(std::int64_t rows, std::int64_t tokens, const std::function<void(std::int64_t, std::int64_t)>& work);

/// Memory of the calling thread, kept between calls: parts are cut off it one after the other.
class Scratch {
 public:
  explicit Scratch(std::int64_t floats);
  float* take(std::int64_t floats);

 private:
  float* next_;
  float* end_;
};

}  // namespace layersweep::model
