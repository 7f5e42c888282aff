#include "probe/noise.hpp"

#include <ATen/ops/empty.h>

#include <cmath>

#include "base/random.hpp"

namespace layersweep::probe {

at::Tensor gate_noise(const GateStreams& gates, std::int64_t step, std::span<const std::int64_t> examples,
                      std::int64_t width) {
  const auto& [mode, seeds, probes] = gates;
  at::Tensor noise = at::empty({probes.size(), std::ssize(seeds), std::ssize(examples), width}, at::kFloat);
  float* out = noise.data_ptr<float>();
  const auto step_bits = static_cast<std::uint64_t>(step);
  for (int point = probes.first; point < probes.end; ++point) {
    for (const std::uint64_t seed : seeds) {
      const base::PhiloxKey key =
          base::philox_key(seed, base::Purpose::gate_noise,
                           {static_cast<std::uint64_t>(mode), static_cast<std::uint64_t>(point), step_bits >> 32});
      for (const std::int64_t example : examples) {
        // One Philox block serves four neighbouring positions.
        for (std::int64_t position = 0; position < width; position += 4) {
          const auto bits =
              base::philox({static_cast<std::uint32_t>(step_bits), static_cast<std::uint32_t>(example),
                            static_cast<std::uint32_t>(example >> 32), static_cast<std::uint32_t>(position / 4)},
                           key);
          for (std::int64_t lane = 0; lane < 4 && position + lane < width; ++lane) {
            const double u = base::open_uniform(bits[static_cast<std::size_t>(lane)]);
            *out++ = static_cast<float>(std::log(u) - std::log1p(-u));
          }
        }
      }
    }
  }
  return noise;
}

}  // namespace layersweep::probe
