#include "app/commands.hpp"

#include <fmt/format.h>

#include "config/nearest.hpp"

namespace layersweep::app {

const std::vector<Command>& commands() {
  // A new command: its file, its line in commands.hpp, its line here.
  static const std::vector<Command> table{
      run_command(),      retry_command(),   plan_command(),    submit_command(),   status_command(), explain_command(),
      tokenize_command(), predict_command(), inspect_command(), validate_command(), merge_command(),  report_command(),
      figures_command(),  export_command(),  doctor_command(),  help_command(),
  };
  return table;
}

const Command& find_command(std::string_view name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  const std::string guess = config::did_you_mean(name, names);
  throw base::UsageError(fmt::format("there is no command \"{}\"", name), {},
                         (guess.empty() ? "" : guess + " ") + "`layersweep --help` lists all");
}

}  // namespace layersweep::app
