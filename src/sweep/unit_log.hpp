// The log of one unit, units/<unit>/log in the run folder: who trained it when, and all that was said meanwhile, of every
// start of the job, whatever ranks took part. Rank 0 writes it; the others tell it what to write.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "sweep/train_probes.hpp"

namespace layersweep::sweep {

class UnitLog {
 public:
  static std::filesystem::path file_in(const std::filesystem::path& unit_folder) { return unit_folder / "log"; }

  /// Appends to the log of a unit's folder, which is made where it is missing. A log that cannot be written is no reason to
  /// stop a training: the first failure is a warning, and nothing is written after it. Independent.
  explicit UnitLog(const std::filesystem::path& unit_folder);

  /// The head of a start: "start 2 of Slurm job 123" (or "start, process 77"), the ranks as hosts_text() has them, and the
  /// program's version.
  void start(const std::string& ranks, const std::string& program);

  /// A line with the time in front.
  void line(std::string_view text);

  /// The same of progress: a line in ten seconds, and the last one.
  void progress(const Progress& now);

 private:
  void write(std::string text);

  std::filesystem::path file_;
  base::Descriptor open_;
  base::Clock::time_point last_progress_;
};

/// "ranks 0 to 3 on n1, ranks 4 to 7 on n2", of ranks `first` … `first` + `ranks` − 1.
std::string hosts_text(int first, int ranks, const std::vector<std::string>& host_of_rank);

}  // namespace layersweep::sweep
