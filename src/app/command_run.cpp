// layersweep run: an experiment from texts to results.h5.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/commands.hpp"
#include "comm/agreement.hpp"
#include "config/describe.hpp"
#include "config/load.hpp"
#include "jobs/run.hpp"

namespace layersweep::app {

namespace {

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) items.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

base::ExitCode run(const config::Arguments& arguments) {
  const std::string file = arguments.value("EXPERIMENT");
  const std::vector<std::string> overrides = arguments.all("--set");
  std::string command = "layersweep run " + file;
  for (const std::string& override_text : overrides) command += " --set " + override_text;
  jobs::RunOptions options{{}, {}};
  if (const auto steps = arguments.find("--steps")) {
    options.steps = split_list(*steps);
    command += " --steps " + *steps;
  }
  options.command = command;
  // Ranks on other hosts may see another file, or none.
  const auto experiment = comm::run_together(comm::world(), [&] { return config::load(file, overrides); });
  return jobs::run(experiment, options);
}

std::string details() {
  return fmt::format(
      "Steps: {}. What was done before in the run folder is found and not done again, so a run that was\n"
      "stopped goes on with the same command. Under mpirun or srun the ranks share the work.\n"
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
               {.name = "--steps", .value = "a,b", .help = "Only these steps; earlier ones are made up for as needed"}},
          .details = details,
          .mpi = Mpi::needed,
          .run = run};
}

}  // namespace layersweep::app
