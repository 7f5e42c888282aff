// layersweep merge: several results files of one experiment in one.
#include <fmt/ranges.h>

#include "app/commands.hpp"
#include "app/standard_streams.hpp"
#include "jobs/merge/merge.hpp"
#include "store/inspect.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  const std::vector<std::string> names = arguments.all("FILE");
  if (names.size() < 2) throw base::UsageError("one file is nothing to merge", {}, "Give at least two results files");
  const std::string& output = arguments.value("--output");
  std::string command = fmt::format("layersweep merge {} --output {}", fmt::join(names, " "), output);
  jobs::merge({names.begin(), names.end()}, output, command);
  print(store::inspect(output));
  return base::ExitCode::done;
}

std::string details() {
  return R"(The files must be of one experiment (docs/results-file.md): the same encoder, data and settings, where only seeds,
modes and splits differ. A cell that several hold must be the same in all; what only one holds is taken over; what
none holds, such as the masks of one file's seeds on the other file's split, stays missing. Explanations come from
the files whose chosen probes are those of the new file, or do not depend on them.
)";
}

}  // namespace

Command merge_command() {
  using enum config::Argument::Count;
  return {.name = "merge",
          .summary = "Puts seeds, modes and splits of several results files into one",
          .arguments = {{.name = "FILE", .help = "Results files to be merged", .count = repeated},
                        {.name = "--output", .value = "FILE", .help = "File to be written", .count = required}},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
