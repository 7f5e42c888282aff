#include "plan/calibration.hpp"

#include <fmt/format.h>

#include <cmath>

namespace layersweep::plan {

MessageSpeed assumed_messages() { return {.latency_s = 2e-6, .overhead_s = 5e-7, .bytes_per_s = 1e10}; }

Calibration assumed_calibration(int threads) {
  const double rate = 25e9 * threads;
  const ModeSpeed speed{{rate, 2e-3}, {rate, 1e-3}};
  return {.source = "assumed: nothing was measured on this machine",
          .processor = "",
          .model = "",
          .threads = threads,
          .input = speed,
          .hidden = speed,
          .s_per_parameter = 10e-9 / threads,
          .s_per_step = 1e-3,
          .start_s = 1,
          .messages = assumed_messages()};
}

Calibration with_threads(const Calibration& measured, int threads) {
  Calibration result = measured;
  if (threads == measured.threads) return result;
  const double factor = static_cast<double>(threads) / measured.threads;
  for (ModeSpeed* mode : {&result.input, &result.hidden}) {
    mode->train.flops_per_s *= factor;
    mode->evaluate.flops_per_s *= factor;
  }
  result.s_per_parameter /= factor;
  result.threads = threads;
  result.source += fmt::format("; measured with {} threads, taken to scale evenly to {}", measured.threads, threads);
  return result;
}

double sum_seconds(const MessageSpeed& speed, int ranks, double floats) {
  if (ranks <= 1) return 0;
  // Every rank reports to the first one and waits for its answer; the first rank handles these messages one by one.
  const double gate = 2 * speed.latency_s + 2 * (ranks - 1) * speed.overhead_s;
  const double rounds = 2 * std::ceil(std::log2(ranks));
  const double moved = 2.0 * (ranks - 1) / ranks * floats * sizeof(float);
  return gate + rounds * speed.latency_s + moved / speed.bytes_per_s;
}

}  // namespace layersweep::plan
