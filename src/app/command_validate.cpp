// layersweep validate: does a results file keep its promises?
#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/results_argument.hpp"
#include "app/standard_streams.hpp"
#include "base/printable.hpp"
#include "store/validate.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  const std::string file = results_argument(arguments.value("FILE")).string();
  const auto findings = store::validate(file);
  if (findings.empty()) {
    print(base::printable(file) + ": valid\n");
    return base::ExitCode::done;
  }
  std::string text;
  for (const store::Finding& finding : findings)
    text += base::printable(fmt::format("{}: {}", finding.where, finding.problem)) + "\n";
  print(text);
  throw base::InputError(fmt::format("{} is not a valid results file", file),
                         findings.size() == 1 ? "1 rule is broken" : fmt::format("{} rules are broken", findings.size()));
}

}  // namespace

Command validate_command() {
  return {.name = "validate",
          .summary = "Checks a results file against every rule of its format",
          .arguments = {{.name = "FILE",
                         .help = "results.h5 of a run, or its folder",
                         .count = config::Argument::Count::required}},
          .run = run};
}

}  // namespace layersweep::app
