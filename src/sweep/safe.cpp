#include "sweep/safe.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "comm/agreement.hpp"

namespace layersweep::sweep {

Safe::Safe(const Team& team, std::filesystem::path folder, std::string owner, std::string identity, double interval_s,
           std::function<void()> prepare)
    : team_(team),
      owner_(owner),
      checkpoints_(std::move(folder), std::move(owner), std::move(identity)),
      pace_(team, interval_s),
      prepare_(std::move(prepare)) {
  stop_here_if_asked(team.ranks);
}

void Safe::resume(const Read& read) {
  const bool first = team_.ranks.rank() == 0;
  const auto newest = comm::run_together(team_.ranks, [&] { return first ? checkpoints_.newest() : std::nullopt; });
  const std::filesystem::path checkpoint = team_.ranks.broadcast_text(newest ? newest->string() : std::string(), 0);
  if (checkpoint.empty()) return;
  comm::run_together(team_.ranks, [&] {
    if (const std::string problem = first ? std::string() : checkpoints_.problem_of(checkpoint); !problem.empty()) {
      throw base::InputError(fmt::format("this rank does not read {} as the first rank does", checkpoint.string()), problem,
                             "Put run.folder on a file system that all hosts share");
    }
    newest_step_ = read(checkpoint);
  });
  team_.say(fmt::format("{}: goes on after step {}", owner_, newest_step_));
}

void Safe::keep(std::int64_t step, const Write& write) {
  if (step == newest_step_) return;  // gone on from it
  prepare_();
  pace_.keep([&] {
    checkpoints_.write(step, [&](const std::filesystem::path& folder) {
      write(folder);
      bytes_ = 0;
      for (const auto& file : std::filesystem::directory_iterator(folder)) bytes_ += file.file_size();
    });
  });
  newest_step_ = step;
}

void Safe::after_step(std::int64_t step, const Write& write) {
  const Pace::Next next = pace_.next();
  if (next == Pace::Next::go_on) return;
  keep(step, write);
  if (next == Pace::Next::keep_and_stop) stop(step);
}

void Safe::within_step(std::int64_t step, const Write& write) {
  if (!pace_.is_asked_to_stop()) return;
  keep(step, write);
  stop(step);
}

std::optional<std::string> Safe::cost_text() const {
  if (pace_.kept_times() == 0) return std::nullopt;
  const double all_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  return fmt::format("{} checkpoint{} of {:.1f} MB took {:.1f} s in all, {:.2f} % of the time", pace_.kept_times(),
                     pace_.kept_times() == 1 ? "" : "s", static_cast<double>(bytes_) / 1e6, pace_.kept_s(),
                     100 * pace_.kept_s() / all_s);
}

void Safe::stop(std::int64_t step) const {
  team_.say(fmt::format("{}: checkpoint after step {}", owner_, step));
  throw Stopped(pace_.reason());
}

}  // namespace layersweep::sweep
