#include "sweep/unit_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "sweep/progress.hpp"

namespace layersweep::sweep {

UnitLog::UnitLog(const std::filesystem::path& unit_folder) : file_(file_in(unit_folder)) {
  std::error_code error;
  std::filesystem::create_directories(unit_folder, error);
  open_ = base::Descriptor(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (open_.number() < 0) {
    base::world_warning("cannot write {}: {}; the training goes on without a log", file_.string(), base::errno_text(errno));
  }
}

void UnitLog::start(const std::string& ranks, const std::string& program) {
  const auto job = base::environment_variable("SLURM_JOB_ID");
  const auto restarts = base::environment_variable("SLURM_RESTART_COUNT").value_or("0");
  const std::string who = job ? fmt::format("start {} of Slurm job {}", std::atoll(restarts.c_str()) + 1, *job)
                              : fmt::format("start, process {}", ::getpid());
  write(fmt::format("== {}  {}: {}; {}\n", base::utc_now(), who, ranks, program));
}

void UnitLog::line(std::string_view text) {
  std::string one_line(text);
  std::ranges::replace(one_line, '\n', ' ');
  write(fmt::format("{}  {}\n", base::utc_now(), base::printable(one_line)));
}

void UnitLog::progress(const Progress& now) {
  constexpr auto pause = std::chrono::seconds(10);
  const auto time = base::Clock::now();
  if (time - last_progress_ < pause && now.step != now.total_steps) return;
  last_progress_ = time;
  line(progress_text(now));
}

// In one piece, so that a reader never meets half a line of a file that is written at the same time.
void UnitLog::write(std::string text) {
  if (open_.number() < 0) return;
  const ssize_t written = ::write(open_.number(), text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) return;
  base::world_warning("cannot write {}: {}; the training goes on without a log", file_.string(),
                      written < 0 ? base::errno_text(errno) : "the disk took a part of a line");
  open_ = base::Descriptor();
}

std::string hosts_text(int first, int ranks, const std::vector<std::string>& host_of_rank) {
  std::string text;
  for (int rank = first; rank < first + ranks;) {
    const std::string& host = host_of_rank.at(static_cast<std::size_t>(rank));
    int last = rank;
    while (last + 1 < first + ranks && host_of_rank.at(static_cast<std::size_t>(last + 1)) == host) ++last;
    if (!text.empty()) text += ", ";
    text += (rank == last ? fmt::format("rank {}", rank) : fmt::format("ranks {} to {}", rank, last)) + " on " + host;
    rank = last + 1;
  }
  return text;
}

}  // namespace layersweep::sweep
