// layersweep inspect: a results file in a screenful.
#include "app/commands.hpp"
#include "app/results_argument.hpp"
#include "app/standard_streams.hpp"
#include "store/inspect.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  print(store::inspect(results_argument(arguments.value("FILE"))));
  return base::ExitCode::done;
}

}  // namespace

Command inspect_command() {
  return {.name = "inspect",
          .summary = "Shows what a results file holds",
          .arguments = {{.name = "FILE",
                         .help = "results.h5 of a run, or its folder",
                         .count = config::Argument::Count::required}},
          .run = run};
}

}  // namespace layersweep::app
