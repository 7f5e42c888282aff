// layersweep figures: the main plots as vector files.
#include "app/commands.hpp"
#include "app/hand_over.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) { hand_over(figures_command(), arguments); }

}  // namespace

Command figures_command() {
  using enum config::Argument::Count;
  return {.name = "figures",
          .summary = "Draws the main plots of one or several runs as vector files for papers",
          .arguments = {{.name = "FILE", .help = "results.h5 of a run, or a folder", .count = required},
                        {.name = "FURTHER", .help = "Further results, in the same plots", .count = repeated},
                        {.name = "--out", .value = "DIR", .help = "Folder for the plots; default: figures"},
                        {.name = "--format", .value = "pdf|svg|png", .help = "Default: pdf"},
                        {.name = "--example",
                         .value = "ID",
                         .help = "A text to draw as tokens by layers (example_id)",
                         .count = repeated}},
          .run = run};
}

}  // namespace layersweep::app
