#include "app/hand_over.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/environment.hpp"
#include "base/log.hpp"

namespace layersweep::app {

namespace {

namespace fs = std::filesystem;

// The first argument is what to say where the package is missing. Looking for it first keeps other errors as they are.
constexpr const char* launcher =
    "import importlib.util, sys\n"
    "missing = sys.argv.pop(1)\n"
    "if importlib.util.find_spec('layersweep_analysis') is None: sys.exit(missing)\n"
    "from layersweep_analysis.__main__ import main\n"
    "sys.exit(main())\n";

int number_of(std::initializer_list<const char*> variables, int otherwise) {
  for (const char* name : variables) {
    if (const auto text = base::environment_variable(name)) return static_cast<int>(std::strtol(text->c_str(), nullptr, 10));
  }
  return otherwise;
}

// MPI is not started for a process that is about to be replaced, so the launchers' variables have to tell.
void refuse_several_ranks(const std::string& command) {
  const bool slurm_step = base::environment_variable("SLURM_STEP_ID").has_value();
  int ranks = number_of({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"}, 0);
  if (ranks == 0) ranks = slurm_step ? number_of({"SLURM_STEP_NUM_TASKS"}, 1) : 1;
  if (ranks <= 1) return;
  base::set_log_rank(number_of({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "MPI_LOCALRANKID", "SLURM_PROCID"}, 0), ranks);
  throw base::UsageError(fmt::format("{} under {} ranks", command, ranks), "each would write the same files",
                         "It is one process: start it without mpirun or srun");
}

std::string install_line(const std::string& python) {
  const fs::path sources = fs::path(LAYERSWEEP_SOURCE_FOLDER) / "analysis";
  std::error_code unreadable;
  const bool there = fs::exists(sources / "pyproject.toml", unreadable);
  return fmt::format("{} -m pip install {}", python, there ? sources.string() : "./analysis (in the sources of layersweep)");
}

std::vector<std::string> words_of(const Command& command, const config::Arguments& arguments) {
  std::vector<std::string> options, places;
  for (const config::Argument& argument : command.arguments) {
    if (!argument.is_option()) {
      for (const std::string& value : arguments.all(argument.name)) places.push_back(value);
    } else if (argument.value.empty()) {
      if (arguments.has(argument.name)) options.push_back(argument.name);
    } else {
      // In one word: a value may start with a dash.
      for (const std::string& value : arguments.all(argument.name)) options.push_back(argument.name + "=" + value);
    }
  }
  options.emplace_back("--");
  options.insert(options.end(), places.begin(), places.end());
  return options;
}

}  // namespace

std::string interpreter(const std::function<std::optional<std::string>(const char*)>& variable, const fs::path& program) {
  if (const auto own = variable("LAYERSWEEP_PYTHON")) return *own;
  std::vector<fs::path> roots{LAYERSWEEP_SOURCE_FOLDER};
  for (fs::path folder = program.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    roots.push_back(folder);
  }
  for (const fs::path& root : roots) {
    const fs::path candidate = root / ".deps/venv/bin/python";
    if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return "python3";
}

void hand_over(const Command& command, const config::Arguments& arguments) {
  refuse_several_ranks(command.name);
  std::error_code unknown;
  const std::string python = interpreter(base::environment_variable, fs::read_symlink("/proc/self/exe", unknown));
  const std::string missing =
      fmt::format("error: the Python package that makes reports, figures and tables is not installed for {}. Install it: {}",
                  python, install_line(python));
  // -P: a file in the current folder is no module of Python.
  std::vector<std::string> words{python, "-P", "-c", launcher, missing, command.name};
  std::ranges::move(words_of(command, arguments), std::back_inserter(words));
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::fflush(nullptr);
  ::execvp(pointers.front(), pointers.data());
  throw base::InputError(fmt::format("cannot start {}", python), base::errno_text(errno),
                         "Set LAYERSWEEP_PYTHON to a Python interpreter, or run scripts/setup.sh");
}

}  // namespace layersweep::app
