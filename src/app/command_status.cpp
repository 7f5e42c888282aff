// layersweep status: how far a run is.
#include "app/commands.hpp"
#include "app/run_status.hpp"
#include "app/standard_streams.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  const std::string& folder = arguments.value("RUN");
  if (arguments.has("--progress")) {
    print(sweep::progress_word(folder) + "\n");
  } else if (arguments.has("--json")) {
    print(status_json(sweep::read_run_status(folder)));
  } else {
    print(status_text(sweep::read_run_status(folder)));
  }
  return base::ExitCode::done;
}

}  // namespace

Command status_command() {
  return {
      .name = "status",
      .summary = "Tells how far a run is, from its folder alone",
      .arguments = {{.name = "RUN", .help = "Folder of the run", .count = config::Argument::Count::required},
                    {.name = "--json", .help = "One JSON object instead"},
                    {.name = "--progress", .help = "Only a word that changes with every new checkpoint or finished unit"}},
      .run = run};
}

}  // namespace layersweep::app
