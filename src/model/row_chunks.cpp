#include "model/row_chunks.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/error.hpp"

namespace layersweep::model {
namespace {

constexpr std::int64_t most_parts = 16;  // of one Scratch

std::vector<float>& thread_memory() {
  thread_local std::vector<float> memory;
  return memory;
}

}  // namespace

void for_row_chunks(std::int64_t rows, std::int64_t tokens, const std::function<void(std::int64_t, std::int64_t)>& work) {
  if (rows == 0) return;
  const std::int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  // A multiple of the threads, so that all end at the same time.
  std::int64_t chunks = (rows * tokens + most_tokens_per_chunk - 1) / most_tokens_per_chunk;
  chunks = std::min((chunks + threads - 1) / threads * threads, rows);
  std::atomic<std::int64_t> next = 0;
  at::parallel_for(0, std::min(threads, chunks), 1, [&](std::int64_t, std::int64_t) {
    for (std::int64_t chunk = next++; chunk < chunks; chunk = next++)
      work(rows * chunk / chunks, rows * (chunk + 1) / chunks);
  });
}

Scratch::Scratch(std::int64_t floats) {
  auto& memory = thread_memory();
  const auto wanted = static_cast<std::size_t>(floats + 16 * most_parts);
  if (memory.size() < wanted) {
    memory = {};  // its values are not needed, so they are not copied
    memory.resize(wanted);
  }
  next_ = memory.data();
  end_ = next_ + memory.size();
}

float* Scratch::take(std::int64_t floats) {
  // Parts begin on cache lines.
  floats = (floats + 15) / 16 * 16;
  float* part = next_;
  next_ += floats;
  base::ensure(next_ <= end_, "scratch memory is large enough");
  return part;
}

}  // namespace layersweep::model
