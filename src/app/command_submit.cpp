// layersweep submit: an experiment as a Slurm job.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "app/commands.hpp"
#include "app/standard_streams.hpp"
#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/printable.hpp"
#include "config/nearest.hpp"
#include "submit/batch_script.hpp"

namespace layersweep::app {

namespace {

namespace fs = std::filesystem;

/// Where the settings of clusters are looked for by name.
std::vector<fs::path> cluster_folders() {
  std::vector<fs::path> folders{"slurm"};
  if (const auto home = base::environment_variable("HOME")) folders.push_back(fs::path(*home) / ".config/layersweep");
  return folders;
}

fs::path cluster_file(const std::string& name) {
  if (name.ends_with(".ini") || name.find('/') != std::string::npos) return name;
  std::vector<std::string> known;
  for (const fs::path& folder : cluster_folders()) {
    std::error_code unreadable;
    for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
      if (entry.path().extension() != ".ini") continue;
      if (entry.path().stem() == name) return entry.path();
      known.push_back(entry.path().stem().string());
    }
  }
  const std::string guess = config::did_you_mean(name, known);
  throw base::UsageError(fmt::format("there are no settings of a cluster \"{}\"", name), {},
                         (guess.empty() ? "" : guess + " ") +
                             "A name stands for slurm/NAME.ini or ~/.config/layersweep/NAME.ini; a file can be given too");
}

submit::Settings settings_of(const config::Arguments& arguments) {
  const auto cluster = arguments.find("--cluster");
  if (!cluster) return submit::read_settings({}, "", arguments);
  const fs::path file = cluster_file(*cluster);
  return submit::read_settings(base::read_text_file(file), file.string(), arguments);
}

submit::Job job_of(const config::Arguments& arguments) {
  auto split = submit::SplitSeeds::no;
  if (const auto array = arguments.find("--array")) {
    if (*array != "seeds") {
      throw base::UsageError(fmt::format("--array {}", *array), "it must be seeds",
                             "For an array over experiments, name them one after another");
    }
    split = submit::SplitSeeds::yes;
  }
  std::vector<std::string> files = arguments.all("FURTHER");
  files.insert(files.begin(), arguments.value("EXPERIMENT"));
  submit::Job job{.program = fs::read_symlink("/proc/self/exe"),
                  .folder = fs::current_path(),
                  .tasks = {},
                  .settings = settings_of(arguments),
                  .environment = {}};
  job.tasks = submit::tasks_of(files, arguments.all("--set"), arguments.all("--sweep"), split, job.folder);
  for (const char* name : {"PATH", "LD_LIBRARY_PATH", "LAYERSWEEP_DATA"}) {
    if (auto value = base::environment_variable(name)) job.environment.emplace_back(name, *value);
  }
  return job;
}

// sbatch obeys Slurm's variables before the lines of the script. Those stay that tell where Slurm is and who asks.
std::vector<char*> environment_for_sbatch() {
  std::vector<char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool shapes_jobs = text.starts_with("SBATCH_") || text.starts_with("SLURM_");
    if (!shapes_jobs || text.starts_with("SLURM_CONF=") || text.starts_with("SLURM_JWT=")) kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

// Exit code of sbatch, which prints the job's number and its own errors.
int run_sbatch(const fs::path& script) {
  std::string name = "sbatch", file = script.string();
  char* const words[] = {name.data(), file.data(), nullptr};
  pid_t process = 0;
  const int error = ::posix_spawnp(&process, "sbatch", nullptr, nullptr, words, environment_for_sbatch().data());
  if (error == ENOENT) {
    throw base::InputError("there is no sbatch in PATH", "this host submits no Slurm jobs",
                           fmt::format("On a host that does, run sbatch {}; or see the script with --dry-run", file));
  }
  if (error != 0) throw base::InputError("cannot start sbatch", base::errno_text(error));
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) throw base::InputError("cannot wait for sbatch", base::errno_text(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

base::ExitCode run(const config::Arguments& arguments) {
  const submit::Job job = job_of(arguments);
  const std::string script = submit::batch_script(job);
  if (arguments.has("--dry-run")) {
    print(script);
    return base::ExitCode::done;
  }
  const fs::path folder = submit::log_folder(job.tasks);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw base::InputError(fmt::format("cannot make the folder {}", folder.string()), error.message());
  base::write_file_atomically(folder / "job.sh", script);
  if (run_sbatch(folder / "job.sh") != 0) {
    throw base::InputError("sbatch refused the job", "its message is above",
                           fmt::format("The script is {}", (folder / "job.sh").string()));
  }
  print(fmt::format("log: {}/slurm-*.log\n", base::printable(folder.string())));
  for (const submit::ArrayTask& task : job.tasks)
    print(fmt::format("layersweep status {}\n", base::printable(task.run_folder.string())));
  return base::ExitCode::done;
}

std::string details() {
  return R"(Settings can also stand in a file for each cluster, as threads_per_rank = 8 for --threads-per-rank 8; the
command line wins. At the time limit the run stops after a checkpoint and puts itself back into the queue:
docs/slurm.md tells more.
)";
}

}  // namespace

Command submit_command() {
  using enum config::Argument::Count;
  std::vector<config::Argument> arguments{
      {.name = "EXPERIMENT", .help = "Experiment file (.ini)", .count = required},
      {.name = "FURTHER", .help = "Further experiments: an array job with a task each", .count = repeated},
      {.name = "--set", .value = "section.key=value", .help = "Overrides a setting of the experiments", .count = repeated},
      {.name = "--sweep",
       .value = "section.key=a,b",
       .help = "One run for each value: an array job with a task for each combination",
       .count = repeated},
      {.name = "--array", .value = "seeds", .help = "An array job with a task, and a run folder, for each probe seed"},
      {.name = "--cluster", .value = "FILE|NAME", .help = "Settings of the cluster: a file, or NAME for slurm/NAME.ini"},
      {.name = "--dry-run", .help = "Print the batch script and submit nothing"}};
  for (config::Argument& argument : submit::settings_arguments()) arguments.push_back(std::move(argument));
  return {.name = "submit",
          .summary = "Submits an experiment to Slurm, as a job that goes on where it was stopped",
          .arguments = std::move(arguments),
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
