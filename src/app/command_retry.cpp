// layersweep retry: what failed in a run is trained again.
#include <fmt/format.h>

#include "app/commands.hpp"
#include "comm/agreement.hpp"
#include "config/load.hpp"
#include "jobs/run.hpp"
#include "sweep/run_folder.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  const std::filesystem::path folder = arguments.value("RUN");
  std::vector<std::string> overrides = arguments.all("--set");
  std::string command = "layersweep retry " + folder.string();
  for (const std::string& text : overrides) command += " --set " + text;
  overrides.push_back("run.folder=" + folder.string());
  const auto experiment = comm::run_together(comm::world(), [&] {
    const auto description = sweep::RunFolder::description_of(folder);
    if (!std::filesystem::exists(description)) {
      throw base::InputError(fmt::format("{} is no run folder", folder.string()), "it has no experiment.ini", {});
    }
    return config::load(description, overrides);
  });
  return jobs::run(experiment, {.steps = {}, .command = command, .retry = true});
}

std::string details() {
  return R"(Units that failed, and those in which a probe was not finite any more, are trained again as a whole. Units that were
never trained are trained too, and results.h5 is written anew. Settings that belong to the results cannot change, others
can: --set run.threads=2. Where memory ran out, use fewer ranks on each node.
)";
}

}  // namespace

Command retry_command() {
  using enum config::Argument::Count;
  return {.name = "retry",
          .summary = "Trains again what failed in a run, and writes its results.h5 anew",
          .arguments = {{.name = "RUN", .help = "Folder of the run", .count = required},
                        {.name = "--set",
                         .value = "section.key=value",
                         .help = "Overrides a setting that is no part of the results",
                         .count = repeated}},
          .details = details,
          .mpi = Mpi::needed,
          .run = run};
}

}  // namespace layersweep::app
