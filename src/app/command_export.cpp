// layersweep export: results as tables for other programs.
#include "app/commands.hpp"
#include "app/hand_over.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) { hand_over(export_command(), arguments); }

std::string details() {
  return "The table tokens has a row for each mode, point and token, with its mask, its text and all that is known of it;\n"
         "examples a row for each mode, point and text; probes one for each mode, point and seed.\n";
}

}  // namespace

Command export_command() {
  using enum config::Argument::Count;
  return {.name = "export",
          .summary = "Writes results as tables, CSV or Parquet, for pandas, R and others",
          .arguments = {{.name = "FILE", .help = "results.h5 of a run, or its folder", .count = required},
                        {.name = "--out", .value = "TABLE", .help = "File to write, .csv or .parquet; must be given"},
                        {.name = "--table", .value = "tokens|examples|probes", .help = "Default: tokens"},
                        {.name = "--mode", .value = "input|hidden", .help = "Default: all", .count = repeated},
                        {.name = "--point", .value = "N", .help = "Default: all", .count = repeated},
                        {.name = "--split", .value = "train|dev|test", .help = "Default: all", .count = repeated},
                        {.name = "--all-seeds", .help = "Every probe, not only the chosen one of each point"}},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
