#include "app/help.hpp"

#include <fmt/format.h>

#include "app/commands.hpp"
#include "base/build_info.hpp"

namespace layersweep::app {

std::string program_help() {
  std::string text =
      "layersweep trains DiffMask probes for every layer of a frozen transformer at once: which input tokens does the\n"
      "prediction still need, given what the model knows at this layer?\n\n"
      "Usage: layersweep COMMAND …\n\n";
  for (const Command& command : commands()) text += fmt::format("  {:<10}  {}\n", command.name, command.summary);
  return text +
         "\n`layersweep COMMAND --help` tells what a command takes; `layersweep --version` what this program is.\n"
         "The same command works alone, under mpirun and under srun.\n"
         "Exit codes: 0 done, 1 failed, 2 wrong use, 3 some units failed, 75 stopped after a checkpoint (run it again).\n";
}

std::string command_help(const Command& command) {
  std::string text = config::usage_text(command.name, command.arguments) + "\n" + command.summary + ".\n";
  if (command.details != nullptr) text += "\n" + command.details();
  return text;
}

std::string version_text() {
  const base::BuildInfo& info = base::build_info();
  return fmt::format("layersweep {} ({}), {} build by {}\n{}\n", info.version, info.commit, info.build_type, info.compiler,
                     base::libraries_text(info));
}

}  // namespace layersweep::app
