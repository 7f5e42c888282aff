#include "sweep/training_checkpoints.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "comm/agreement.hpp"

namespace layersweep::sweep {

TrainingCheckpoints::TrainingCheckpoints(const Ranks& ranks, const std::string& owner, const CheckpointSettings& settings,
                                         std::function<void()> prepare)
    : ranks_(ranks),
      owner_(owner),
      checkpoints_(settings.folder, owner, settings.identity),
      clock_(ranks, settings.interval_s),
      prepare_(std::move(prepare)) {
  stop_here_if_asked(ranks.communicator());
}

void TrainingCheckpoints::resume(const Read& read) {
  const bool first = ranks_.rank() == 0;
  const auto newest =
      comm::run_together(ranks_.communicator(), [&] { return first ? checkpoints_.newest() : std::nullopt; });
  const std::filesystem::path checkpoint =
      ranks_.communicator().broadcast_text(newest ? newest->string() : std::string(), 0);
  if (checkpoint.empty()) return;
  comm::run_together(ranks_.communicator(), [&] {
    if (const std::string problem = first ? std::string() : checkpoints_.problem_of(checkpoint); !problem.empty()) {
      throw base::InputError(fmt::format("this rank does not read {} as the first rank does", checkpoint.string()), problem,
                             "Put run.folder on a file system that all hosts share");
    }
    newest_step_ = read(checkpoint);
  });
  ranks_.log_line(fmt::format("{}: goes on after step {}", owner_, newest_step_));
}

void TrainingCheckpoints::keep(std::int64_t step, const Write& write) {
  if (step == newest_step_) return;  // gone on from it
  prepare_();
  clock_.keep([&] {
    checkpoints_.write(step, [&](const std::filesystem::path& folder) {
      write(folder);
      bytes_ = 0;
      for (const auto& file : std::filesystem::directory_iterator(folder)) bytes_ += file.file_size();
    });
  });
  newest_step_ = step;
}

void TrainingCheckpoints::after_step(std::int64_t step, const Write& write) {
  const StopAndCheckpointClock::Next next = clock_.next();
  if (next == StopAndCheckpointClock::Next::go_on) return;
  keep(step, write);
  if (next == StopAndCheckpointClock::Next::keep_and_stop) stop(step);
}

void TrainingCheckpoints::within_step(std::int64_t step, const Write& write) {
  if (!clock_.is_asked_to_stop()) return;
  keep(step, write);
  stop(step);
}

std::optional<std::string> TrainingCheckpoints::cost_text() const {
  if (clock_.kept_times() == 0) return std::nullopt;
  return fmt::format("{} checkpoint{} of {:.1f} MB took {:.1f} s in all, {:.2f} % of the time", clock_.kept_times(),
                     clock_.kept_times() == 1 ? "" : "s", static_cast<double>(bytes_) / 1e6, clock_.kept_s(),
                     100 * clock_.kept_s() / base::seconds_since(start_));
}

void TrainingCheckpoints::stop(std::int64_t step) const {
  ranks_.log_line(fmt::format("{}: checkpoint after step {}", owner_, step));
  throw Stopped(clock_.reason());
}

}  // namespace layersweep::sweep
