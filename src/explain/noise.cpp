#include "explain/noise.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/random.hpp"

namespace layersweep::explain {
namespace {

struct Draws {
  std::uint64_t seed;
  Draw draw;
  std::int64_t step, copies;
};

// Fills C x B x (T x width) cells, in blocks of four neighbours: `put(bits, out, count)`.
template <class T, class Put>
void fill(const Subject& subject, const Draws& draws, std::int64_t width, T* out, const Put& put) {
  const auto& [seed, draw, step, copies] = draws;
  const std::int64_t cells = subject.width() * width;
  for (std::int64_t copy = 0; copy < copies; ++copy) {
    const base::PhiloxKey key = base::philox_key(
        seed, base::Purpose::explainers,
        {static_cast<std::uint64_t>(draw), static_cast<std::uint64_t>(subject.point), static_cast<std::uint64_t>(copy)});
    for (const std::int64_t text : subject.number) {
      for (std::int64_t cell = 0; cell < cells; cell += 4) {
        const auto bits = base::philox({static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(text),
                                        static_cast<std::uint32_t>(text >> 32), static_cast<std::uint32_t>(cell / 4)},
                                       key);
        const std::int64_t count = std::min<std::int64_t>(4, cells - cell);
        put(bits, out, count);
        out += count;
      }
    }
  }
}

}  // namespace

at::Tensor uniform_noise(const Subject& subject, std::uint64_t seed, Draw draw, std::int64_t step, std::int64_t copies) {
  at::Tensor noise = at::empty({copies, subject.texts(), subject.width()}, at::kDouble);
  fill(subject, {seed, draw, step, copies}, 1, noise.data_ptr<double>(),
       [](const auto& bits, double* out, std::int64_t count) {
         for (std::int64_t lane = 0; lane < count; ++lane)
           out[lane] = base::open_uniform(bits[static_cast<std::size_t>(lane)]);
       });
  return noise;
}

at::Tensor normal_noise(const Subject& subject, std::uint64_t seed, Draw draw, std::int64_t step, std::int64_t copies) {
  const std::int64_t width = subject.states().size(-1);
  at::Tensor noise = at::empty({copies, subject.texts(), subject.width(), width}, at::kFloat);
  fill(subject, {seed, draw, step, copies}, width, noise.data_ptr<float>(),
       [](const auto& bits, float* out, std::int64_t count) {
         for (std::int64_t lane = 0; lane < count; ++lane) {
           const auto first = static_cast<std::size_t>(lane / 2 * 2);
           const base::NormalPair pair = base::normal_pair(bits[first], bits[first + 1]);
           out[lane] = static_cast<float>(lane % 2 == 0 ? pair.first() : pair.second());
         }
       });
  return noise;
}

}  // namespace layersweep::explain
