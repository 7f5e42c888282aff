#include "sweep/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace layersweep::sweep {
namespace {

nlohmann::json figures(const std::vector<double>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const double value : values) list.push_back(std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr));
  return list;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  int count = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++count;
  }
  return count > 0 ? sum / count : std::nan("");
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<long long>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

OnProgress progress_printer(const std::string& unit, bool json) {
  if (!base::speaks_for_world()) return [](const Progress&) {};
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const auto last = std::make_shared<std::chrono::steady_clock::time_point>();
  return [unit, json, terminal, last](const Progress& now) {
    if (json) {
      const nlohmann::json line = {{"unit", unit},
                                   {"step", now.step},
                                   {"steps", now.total_steps},
                                   {"pairs_per_second", now.pairs_per_second},
                                   {"elapsed_s", now.elapsed_s},
                                   {"remaining_s", now.remaining_s},
                                   {"kl", figures(now.kl)},
                                   {"keep_share", figures(now.keep_share)},
                                   {"alpha", figures(now.alpha)}};
      std::printf("%s\n", line.dump().c_str());
      std::fflush(stdout);
    }
    const auto time = std::chrono::steady_clock::now();
    const bool ends = now.step == now.total_steps;
    if (!ends && time - *last < std::chrono::seconds(terminal ? 1 : 10)) return;
    *last = time;
    const std::string line =
        fmt::format("{}: step {}/{}, {:.0f} pairs/s, {} left; KL {:.3f}, kept {:.2f}", unit, now.step, now.total_steps,
                    now.pairs_per_second, duration_text(now.remaining_s), mean(now.kl), mean(now.keep_share));
    std::fprintf(stderr, terminal ? "\r\033[K%s%s" : "%s%s", line.c_str(), !terminal || ends ? "\n" : "");
    std::fflush(stderr);
  };
}

}  // namespace layersweep::sweep
