// layersweep help: the same texts as --help, the page docs/settings.md, and the tables of docs/results-file.md.
#include "app/commands.hpp"
#include "app/help.hpp"
#include "app/standard_streams.hpp"
#include "config/describe.hpp"
#include "store/schema.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  if (arguments.has("--settings-markdown")) {
    print(config::settings_markdown());
  } else if (arguments.has("--results-markdown")) {
    print(store::schema_markdown());
  } else if (arguments.find("COMMAND") == "settings") {
    print(config::settings_help());
  } else if (const auto name = arguments.find("COMMAND")) {
    print(command_help(find_command(*name)));
  } else {
    print(program_help());
  }
  return base::ExitCode::done;
}

}  // namespace

Command help_command() {
  return {.name = "help",
          .summary = "Tells what a command does and takes",
          .arguments = {{.name = "COMMAND",
                         .help = "Name of a command, or \"settings\" for those of experiment files; none: all commands"},
                        {.name = "--settings-markdown", .help = "Print docs/settings.md"},
                        {.name = "--results-markdown", .help = "Print the tables of docs/results-file.md"}},
          .run = run};
}

}  // namespace layersweep::app
