// layersweep run: an experiment from texts to results.h5.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "app/commands.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "config/describe.hpp"
#include "config/sweep.hpp"
#include "config/values.hpp"
#include "jobs/run.hpp"
#include "submit/quote.hpp"

namespace layersweep::app {

namespace {

// From good to bad.
base::ExitCode worse(base::ExitCode a, base::ExitCode b) {
  constexpr std::array order{base::ExitCode::done, base::ExitCode::some_units_failed, base::ExitCode::failed,
                             base::ExitCode::wrong_use, base::ExitCode::stopped_after_checkpoint};
  const auto place = [&](base::ExitCode code) { return std::ranges::find(order, code) - order.begin(); };
  return place(a) >= place(b) ? a : b;
}

// The combinations of a sweep, one after the other; what fails does not keep the others from being run.
base::ExitCode run_all(const std::vector<config::Combination>& combinations, const jobs::RunOptions& options) {
  base::ExitCode worst = base::ExitCode::done;
  std::size_t number = 0;
  for (const config::Combination& combination : combinations) {
    base::world_info("combination {} of {}: {}", ++number, combinations.size(), combination.label);
    try {
      worst = worse(worst, jobs::run(combination.experiment, options));
    } catch (const base::InputError& error) {
      // Of one rank alone: the others wait for it.
      if (comm::world().size() > 1 && !comm::agreed_by_world(error)) throw;
      base::world_warning("{}: {}", combination.label, error.what());
      worst = worse(worst, base::ExitCode::failed);
    }
    if (worst == base::ExitCode::stopped_after_checkpoint) return worst;
  }
  return worst;
}

base::ExitCode run(const config::Arguments& arguments) {
  const std::string file = arguments.value("EXPERIMENT");
  const std::vector<std::string> overrides = arguments.all("--set");
  const std::vector<std::string> sweeps = arguments.all("--sweep");
  std::string command = "layersweep run " + submit::shell_quoted(file);
  for (const std::string& override_text : overrides) command += " --set " + submit::shell_quoted(override_text);
  for (const std::string& sweep : sweeps) command += " --sweep " + submit::shell_quoted(sweep);
  jobs::RunOptions options{{}, {}};
  if (const auto steps = arguments.find("--steps")) {
    for (const std::string_view step : config::split_list(*steps)) options.steps.emplace_back(step);
    command += " --steps " + submit::shell_quoted(*steps);
  }
  options.command = command;
  // Ranks on other hosts may see another file, or none. All combinations are checked before any is run.
  const auto combinations = comm::run_together(comm::world(), [&] { return config::load_sweep(file, overrides, sweeps); });
  if (combinations.size() == 1 && combinations.front().label.empty()) {
    return jobs::run(combinations.front().experiment, options);
  }
  return run_all(combinations, options);
}

std::string details() {
  return fmt::format(
      "Steps: {}. What was done before in the run folder is found and not done again, so a run that was\n"
      "stopped goes on with the same command. Under mpirun or srun the ranks share the work.\n"
      "--sweep makes one run for each value, in <run.folder>/<key>=<value>/ with a results.h5 of its own; several --sweep\n"
      "make one for each combination. The file may have them too, as [sweep] and probe.epsilon = 0.05,0.1. Seeds and modes\n"
      "need none: a run has them all.\n"
      "\nSettings, as [section] and key in the file or as --set section.key=value:\n\n{}",
      fmt::join(jobs::step_names(), ", "), config::settings_help());
}

}  // namespace

Command run_command() {
  using enum config::Argument::Count;
  return {.name = "run",
          .summary = "Runs an experiment: trains probes of every layer and writes results.h5",
          .arguments =
              {{.name = "EXPERIMENT", .help = "Experiment file (.ini)", .count = required},
               {.name = "--set", .value = "section.key=value", .help = "Overrides a setting of the file", .count = repeated},
               {.name = "--sweep", .value = "section.key=a,b", .help = "A run for each of these values", .count = repeated},
               {.name = "--steps", .value = "a,b", .help = "Only these steps; earlier ones run first if they have not"}},
          .details = details,
          .mpi = Mpi::needed,
          .run = run};
}

}  // namespace layersweep::app
