#include "sweep/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace layersweep::sweep {
namespace {

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

// A line on standard error: on a terminal a passing one is overwritten by the next; elsewhere few of them are printed.
class StatusLine {
 public:
  enum class Kind { passing, lasting };

  void show(const std::string& line, Kind kind) {
    const auto now = base::Clock::now();
    if (kind == Kind::passing && now - last_ < std::chrono::seconds(terminal_ ? 1 : 10)) return;
    last_ = now;
    const bool ends = !terminal_ || kind == Kind::lasting;
    std::fprintf(stderr, "%s%s%s", terminal_ ? "\r\033[K" : "", line.c_str(), ends ? "\n" : "");
    std::fflush(stderr);
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  base::Clock::time_point last_;
};

}  // namespace

nlohmann::json json_of(const Progress& progress) {
  return {{"step", progress.step},
          {"steps", progress.total_steps},
          {"pairs_per_second", progress.pairs_per_second},
          {"elapsed_s", progress.elapsed_s},
          {"remaining_s", progress.remaining_s},
          {"kl", progress.kl},
          {"keep_share", progress.keep_share},
          {"alpha", progress.alpha}};
}

Progress progress_of(const nlohmann::json& json) {
  const auto figures = [&](const char* name) {
    std::vector<double> values;
    for (const auto& value : json.at(name)) values.push_back(value.is_null() ? std::nan("") : value.get<double>());
    return values;
  };
  return {json.at("step"),        json.at("steps"), json.at("pairs_per_second"), json.at("elapsed_s"),
          json.at("remaining_s"), figures("kl"),    figures("keep_share"),       figures("alpha")};
}

std::string duration_text(double seconds) {
  const auto s = static_cast<long long>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

std::string progress_text(const Progress& now) {
  return fmt::format("step {}/{}, {:.0f} pairs/s, {} left; KL {:.3f}, kept {:.2f}", now.step, now.total_steps,
                     now.pairs_per_second, duration_text(now.remaining_s), mean(now.kl), mean(now.keep_share));
}

std::function<void(const model::FinetuneProgress&)> finetune_printer() {
  if (!base::speaks_for_world()) return [](const model::FinetuneProgress&) {};
  StatusLine status;
  const auto start = base::Clock::now();
  return [status, start](const model::FinetuneProgress& now) mutable {
    const bool ends = now.dev_accuracy >= 0;
    const double elapsed = base::seconds_since(start);
    const double left =
        now.step > 0 ? elapsed / static_cast<double>(now.step) * static_cast<double>(now.steps - now.step) : 0;
    status.show(
        fmt::format("model: pass {}, step {}/{}, at most {} left; loss {:.3f}{}", now.epoch, now.step, now.steps,
                    duration_text(left), now.loss, ends ? fmt::format(", dev accuracy {:.4f}", now.dev_accuracy) : ""),
        ends ? StatusLine::Kind::lasting : StatusLine::Kind::passing);
  };
}

std::function<void(std::size_t, std::size_t)> search_printer(const std::string& what) {
  if (!base::speaks_for_world()) return [](std::size_t, std::size_t) {};
  StatusLine status;
  return [what, status](std::size_t found, std::size_t total) mutable {
    status.show(fmt::format("{}: {} of {} found", what, found, total),
                found == total ? StatusLine::Kind::lasting : StatusLine::Kind::passing);
  };
}

OnProgress progress_printer(const std::string& unit, bool json) {
  if (!base::speaks_for_world()) return [](const Progress&) {};
  StatusLine status;
  return [unit, json, status](const Progress& now) mutable {
    if (json) {  // one object a line on standard output, for programs
      nlohmann::json line = json_of(now);
      line["unit"] = unit;
      std::printf("%s\n", line.dump().c_str());
      std::fflush(stdout);
    }
    status.show(unit + ": " + progress_text(now),
                now.step == now.total_steps ? StatusLine::Kind::lasting : StatusLine::Kind::passing);
  };
}

}  // namespace layersweep::sweep
