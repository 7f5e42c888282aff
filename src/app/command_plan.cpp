// layersweep plan: what an experiment would take, before anything is run.
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "app/commands.hpp"
#include "app/planned_run.hpp"
#include "app/standard_streams.hpp"
#include "base/printable.hpp"
#include "config/sweep.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"
#include "jobs/calibration_file.hpp"
#include "jobs/planned_model.hpp"
#include "jobs/results_bytes.hpp"
#include "jobs/tasks/task.hpp"

namespace layersweep::app {

namespace {

int number(const config::Arguments& arguments, const std::string& name, int otherwise) {
  const auto text = arguments.find(name);
  if (!text) return otherwise;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 1 || value > 1'000'000) {
    throw base::UsageError(fmt::format("{} {}", name, *text), "it must be a whole number of at least 1", {});
  }
  return value;
}

// As a run would take them on nodes like this machine.
int threads_of(const config::Experiment& experiment, int ranks_per_node) {
  if (experiment.run.threads > 0) return experiment.run.threads;
  const std::vector<std::vector<int>> masks(static_cast<std::size_t>(ranks_per_node), device::allowed_processors());
  return device::threads_for_rank(masks, 0, device::processor_quota());
}

base::ExitCode run(const config::Arguments& arguments) {
  const std::string file = arguments.value("EXPERIMENT");
  std::vector<std::string> overrides = arguments.all("--set");
  std::string experiment_arguments = file;
  for (const std::string& text : overrides) experiment_arguments += " --set " + text;
  ::setenv("LAYERSWEEP_DATA", ".", 0);  // no data sets are read, so their folder need not be known here

  plan::Allocation allocation;
  allocation.ranks = number(arguments, "--ranks", 1);
  allocation.ranks_per_node = number(arguments, "--ranks-per-node", allocation.ranks);
  const auto combinations = config::load_sweep(file, overrides, arguments.all("--sweep"));
  const std::filesystem::path speeds = arguments.find("--calibration").value_or(jobs::default_calibration_file().string());
  const std::vector<jobs::MeasuredSpeed> known = jobs::read_calibrations(speeds);
  double total_s = 0;
  for (const config::Combination& combination : combinations) {
    const config::Experiment& experiment = combination.experiment;
    const plan::Model model = jobs::planned_model(experiment);
    allocation.threads = threads_of(experiment, allocation.ranks_per_node);
    const plan::Calibration calibration =
        jobs::choose_calibration(known, device::processor().name, model.name, allocation.threads, allocation.ranks_per_node);
    const plan::PlanInput input{experiment, model, jobs::task_of(experiment.task.name).lengths(experiment), calibration,
                                allocation};
    const plan::PlannedRun planned = plan::plan_run(input);
    if (!combination.label.empty()) print(fmt::format("== {}\n", base::printable(combination.label)));
    if (arguments.has("--scaling")) {
      print(fmt::format("calibration: {}\n\n{}", base::printable(calibration.source),
                        scaling_text(planned.work, calibration, experiment.run.shards)));
    } else {
      print(planned_run_text(planned, input, jobs::results_bytes(input, planned), experiment_arguments));
    }
    total_s += planned.time.total_s();
    if (calibration.model != model.name || calibration.processor != device::processor().name) {
      print(fmt::format("note: for expected times that hold, measure first: layersweep doctor --measure {}\n",
                        base::printable(experiment_arguments)));
    }
  }
  if (combinations.size() > 1) print(fmt::format("== all {} runs: {:.0f} s\n", combinations.size(), total_s));
  return base::ExitCode::done;
}

std::string details() {
  return R"(Nothing is run, and neither the data nor MPI are needed: numbers and lengths of texts are those of the manifests
in datasets/, the model's sizes those of config.json in encoder.folder. Times rest on what `layersweep doctor
--measure EXPERIMENT` measured on such a machine; the report says what they rest on.
)";
}

}  // namespace

Command plan_command() {
  using enum config::Argument::Count;
  return {.name = "plan",
          .summary = "Tells what a run would take: units, teams, time, memory and disk",
          .arguments =
              {{.name = "EXPERIMENT", .help = "Experiment file (.ini)", .count = required},
               {.name = "--ranks", .value = "N", .help = "Ranks of the run; 1 where not given"},
               {.name = "--ranks-per-node", .value = "M", .help = "Ranks on each node; all on one where not given"},
               {.name = "--set", .value = "section.key=value", .help = "Overrides a setting of the file", .count = repeated},
               {.name = "--sweep", .value = "section.key=a,b", .help = "A run for each of these values", .count = repeated},
               {.name = "--calibration", .value = "FILE", .help = "Measured speeds; else those in the user's cache folder"},
               {.name = "--scaling", .help = "Instead: a table of the use of 1 to 1,024 ranks"}},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
