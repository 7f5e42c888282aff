// layersweep report: one HTML page of a run, or of several side by side.
#include "app/commands.hpp"
#include "app/hand_over.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) { hand_over(report_command(), arguments); }

std::string details() {
  return "A folder stands for its results.h5, or for those of all runs below it, as a sweep leaves them. Several runs are\n"
         "compared. The page needs no network and no other file; docs/analysis.md tells what is in it.\n";
}

}  // namespace

Command report_command() {
  using enum config::Argument::Count;
  return {.name = "report",
          .summary = "Makes one HTML page of a run, or of several side by side",
          .arguments = {{.name = "FILE", .help = "results.h5 of a run, or a folder", .count = required},
                        {.name = "FURTHER", .help = "Further results to compare", .count = repeated},
                        {.name = "--out", .value = "PAGE", .help = "Default: report.html beside the first results"},
                        {.name = "--example",
                         .value = "ID",
                         .help = "A text that has to be in the page (example_id)",
                         .count = repeated},
                        {.name = "--no-speech", .help = "Leave out parts of speech, the slowest part"}},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
